//! A database on disk: saved, opened, refreshed and closed, as a service sees it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use peristyle::{
    Database, Error, Identity, KeyContext, KeyProvider, KeyRefusal, LeaseState, Leasing, Refresh,
    RefreshMode, SecretKey, Session, Value, WrappedKey, value_at,
};

use crate::corpus;
use crate::outcome::{ask, exact};
use crate::scratch::Scratch;

/// A keeper that gives out keys by number, for as long as it is willing.
#[derive(Default)]
pub(crate) struct Vault {
    keys: Mutex<HashMap<Vec<u8>, (SecretKey, KeyContext)>>,
    refusal: Mutex<Option<KeyRefusal>>,
}

impl KeyProvider for Vault {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        if let Some(refusal) = &*self.refusal.lock().unwrap() {
            return Err(refusal.clone());
        }
        let mut keys = self.keys.lock().unwrap();
        let bytes = format!("number {}", keys.len()).into_bytes();
        keys.insert(bytes.clone(), (key.clone(), context.clone()));
        Ok(WrappedKey {
            key_id: "vault".to_owned(),
            bytes,
        })
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        if let Some(refusal) = &*self.refusal.lock().unwrap() {
            return Err(refusal.clone());
        }
        match self.keys.lock().unwrap().get(&wrapped.bytes) {
            Some((key, known)) if known == context => Ok(key.clone()),
            _ => Err(KeyRefusal::Denied("no such key".to_owned())),
        }
    }
}

impl Vault {
    pub fn refuse(&self, refusal: KeyRefusal) {
        *self.refusal.lock().unwrap() = Some(refusal);
    }

    /// Of a keeper that has wrapped one key so far.
    pub fn only_key(&self) -> SecretKey {
        let keys = self.keys.lock().unwrap();
        assert_eq!(keys.len(), 1);
        keys.values().next().unwrap().0.clone()
    }
}

fn retail() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail")
}

fn single(session: &Session, dax: &str) -> Value {
    let answer = session.query(dax).unwrap_or_else(|e| panic!("{dax}: {e}"));
    value_at(&answer.tables[0], 0, 0)
}

/// What was saved answers every query of the corpus as what was imported, for every role, to the bit.
#[test]
fn an_opened_dataset_answers_as_the_imported_one() {
    let scratch = Scratch::new("at-rest-corpus");
    let vault = Arc::new(Vault::default());
    let imported = Database::import(retail().join("model"), retail().join("data")).unwrap();
    let folder = scratch.path().join("retail");
    imported.save(&folder, vault.as_ref()).unwrap();
    peristyle::verify(&folder, vault.as_ref(), 1).unwrap();
    let opened = Database::open(&folder, vault.clone()).unwrap();
    assert_eq!(opened.inspect().bytes(), 0, "columns are read on first use");
    // Another that has hardly any memory for columns: one table stays, and each other column is read again and again.
    let tight = Database::builder(&folder)
        .column_bytes(1)
        .pin("orders")
        .open(vault.clone())
        .unwrap();
    let roles = [
        "Everyone",
        "Germany",
        "Bikes",
        "No Cost",
        "Region Managers",
        "Nobody",
    ];
    let mut compared = 0;
    for role in roles {
        let identity = || Identity::user("ana@contoso.example").role(role);
        let (a, b) = (imported.session(identity()), opened.session(identity()));
        let (Ok(a), Ok(b)) = (a, b) else {
            panic!("{role} is not admitted to both");
        };
        for query in corpus::retail() {
            let (of_a, of_b) = (
                exact(&ask(&a, &query.text, &corpus::options())),
                exact(&ask(&b, &query.text, &corpus::options())),
            );
            assert_eq!(of_a, of_b, "{} as {role}", query.name);
            compared += 1;
            if role == "Germany" {
                let session = tight.session(identity()).unwrap();
                let of_tight = exact(&ask(&session, &query.text, &corpus::options()));
                assert_eq!(of_a, of_tight, "{} without memory", query.name);
            }
        }
    }
    let figures = tight.status().unwrap().columns;
    assert!(
        figures.evictions > 100 && figures.limit == Some(1),
        "{figures:?}"
    );
    assert_eq!(tight.inspect().column_memory, Some(figures));
    opened.preload().unwrap();
    let figures = opened.status().unwrap().columns;
    assert_eq!((figures.evictions, figures.limit), (0, None));
    assert!(
        opened
            .inspect()
            .columns
            .iter()
            .all(|c| c.encoding != "on disk")
    );
    assert!(imported.inspect().column_memory.is_none());
    assert!(compared > 300, "{compared}");
    holds_no_name(&folder);
}

/// No file of the folder holds a name or a text of the fixture.
fn holds_no_name(folder: &Path) {
    let model = fs::read_dir(retail().join("model/tables")).unwrap();
    let names = model.map(|entry| entry.unwrap().path());
    let mut texts: Vec<String> = names
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert!(texts.len() > 10, "{texts:?}");
    texts.extend(
        [
            "Germany",
            "Bikes",
            "SUMX",
            "CALCULATE",
            "contoso",
            "en-US",
            "Category",
        ]
        .map(str::to_owned),
    );
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for text in &texts {
            let found = bytes.windows(text.len()).any(|w| w == text.as_bytes());
            assert!(!found, "{} holds {text}", path.display());
        }
    }
}

/// A model of one table `Sales` in two partitions, with a calculated column and a calculated table.
struct Shop {
    scratch: Scratch,
}

impl Shop {
    fn new(name: &str) -> Shop {
        let shop = Shop {
            scratch: Scratch::new(name),
        };
        fs::create_dir_all(shop.data()).unwrap();
        let partition = |name: &str, file: &str| {
            serde_json::json!({ "name": name, "mode": "import", "source": { "type": "m", "expression":
                format!("let Source = Parquet.Document(File.Contents(\"{file}\")) in Source") } })
        };
        let column = |name: &str, kind: &str| serde_json::json!({ "name": name, "dataType": kind, "sourceColumn": name });
        let model = serde_json::json!({ "name": "Shop", "compatibilityLevel": 1600, "model": { "culture": "en-US",
            "tables": [
                { "name": "Sales", "columns": [column("City", "string"), column("Amount", "int64"),
                    { "type": "calculated", "name": "Double", "dataType": "int64", "expression": "[Amount] * 2" }],
                  "partitions": [partition("old", "old.parquet"), partition("new", "new.parquet")],
                  "measures": [{ "name": "Total", "expression": "SUM(Sales[Amount])" }] },
                { "name": "Cities", "columns": [{ "type": "calculatedTableColumn", "name": "City", "dataType": "string", "sourceColumn": "Sales[City]" }],
                  "partitions": [{ "name": "Cities", "source": { "type": "calculated", "expression": "DISTINCT(Sales[City])" } }] },
                { "name": "Other", "columns": [column("N", "int64")], "partitions": [partition("Other", "Other.parquet")] }
            ] } });
        fs::write(shop.scratch.path().join("model.bim"), model.to_string()).unwrap();
        shop.sales("old.parquet/1.parquet", &[("Köln", 1), ("bern", 2)]);
        shop.sales("new.parquet", &[("Bern", 10), ("Wien", 20)]);
        let n: ArrayRef = Arc::new(Int64Array::from_iter_values(0..50));
        shop.write("Other.parquet", &[("N", n)]);
        shop
    }

    fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    fn folder(&self) -> PathBuf {
        self.scratch.path().join("dataset")
    }

    fn write(&self, file: &str, columns: &[(&str, ArrayRef)]) {
        let path = self.data().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
        let file = fs::File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    fn sales(&self, file: &str, rows: &[(&str, i64)]) {
        let cities: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.0)));
        let amounts: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.1)));
        self.write(file, &[("City", cities), ("Amount", amounts)]);
    }

    fn model(&self) -> PathBuf {
        self.scratch.path().join("model.bim")
    }

    fn save(&self, key: &dyn KeyProvider) {
        let imported = Database::import(self.model(), self.data()).unwrap();
        imported.save(self.folder(), key).unwrap();
    }
}

/// Total, total of the calculated column, rows of the calculated table.
fn look(session: &Session) -> (i64, i64, i64) {
    let value = |dax: &str| {
        single(session, &format!("EVALUATE ROW(\"v\", {dax})"))
            .to_integer()
            .unwrap()
    };
    (
        value("[Total]"),
        value("SUM(Sales[Double])"),
        value("COUNTROWS(Cities)"),
    )
}

#[test]
fn a_refresh_takes_in_what_changed() {
    let shop = Shop::new("at-rest-refresh");
    let vault = Arc::new(Vault::default());
    shop.save(vault.as_ref());
    let database = Database::open(shop.folder(), vault.clone()).unwrap();
    let session = || database.session(Identity::anonymous()).unwrap();
    let first = session();
    assert_eq!(look(&first), (33, 66, 3));
    assert!(database.refresh(&Refresh::default()).unwrap().is_none());

    // One partition changes: the other's file may even be gone.
    shop.sales("new.parquet", &[("Bern", 10), ("Graz", 100), ("Linz", 5)]);
    let saved_away = shop.scratch.path().join("away");
    fs::rename(shop.data().join("old.parquet"), &saved_away).unwrap();
    let only_new = Refresh {
        table: Some("sales".to_owned()),
        partition: Some("new".to_owned()),
        ..Refresh::default()
    };
    assert!(
        database.refresh(&Refresh::default()).is_err(),
        "all files are looked for"
    );
    let saved = database.refresh(&only_new).unwrap().unwrap();
    fs::rename(&saved_away, shop.data().join("old.parquet")).unwrap();
    assert_eq!(saved.generation, 2);
    assert!(saved.files_written < saved.files, "{saved:?}");
    assert_eq!(
        look(&first),
        (118, 236, 4),
        "the next query sees the new rows"
    );
    let second = session();
    assert_eq!(look(&second), (118, 236, 4));
    let cities = single(
        &second,
        "EVALUATE ROW(\"v\", CONCATENATEX(Sales, Sales[City], \",\"))",
    );
    assert_eq!(format!("{cities:?}"), "Text(\"Köln,bern,bern,Graz,Linz\")");

    // Rows of new files are added to those that are there.
    shop.sales("old.parquet/2.parquet", &[("Zug", 1000)]);
    let add = Refresh {
        mode: RefreshMode::Add,
        ..Refresh::default()
    };
    assert_eq!(database.refresh(&add).unwrap().unwrap().generation, 3);
    assert_eq!(look(&session()), (1118, 2236, 5));
    assert!(database.refresh(&add).unwrap().is_none());
    shop.sales("old.parquet/2.parquet", &[("Zug", 2000)]);
    let refused = database.refresh(&add).unwrap_err();
    assert_eq!(refused.code(), "refresh", "{refused}");
    assert_eq!(look(&session()), (1118, 2236, 5));

    // A process that starts now sees the same, and an older generation is refused.
    let reopened = Database::open(shop.folder(), vault.clone()).unwrap();
    assert_eq!(
        look(&reopened.session(Identity::anonymous()).unwrap()),
        (1118, 2236, 5)
    );
    let refused = Database::builder(shop.folder())
        .least_generation(4)
        .open(vault.clone());
    assert_eq!(refused.err().map(|e| e.code()), Some("damaged"));

    // What nobody reads any more is cleared away.
    drop((first, second, database, reopened));
    let removed = peristyle::vacuum(&shop.folder(), vault.as_ref()).unwrap();
    assert!(removed.in_use == 0 && removed.files > 0, "{removed:?}");
    peristyle::verify(&shop.folder(), vault.as_ref(), 3).unwrap();
}

/// Rows are added again and again, to a database that is asked in between and to one that is not: both answer as an import of all files.
#[test]
fn added_rows_answer_as_imported_ones() {
    let shop = Shop::new("at-rest-added");
    let rows: Vec<(String, i64)> = (0..300)
        .map(|n| (format!("town {}", n * 7 % 90 + 10), n * n % 1000 - 200))
        .collect();
    let rows: Vec<(&str, i64)> = rows.iter().map(|(city, n)| (city.as_str(), *n)).collect();
    shop.sales("old.parquet/1.parquet", &rows);
    fs::remove_file(shop.data().join("new.parquet")).unwrap();
    shop.sales("new.parquet/1.parquet", &rows[..100]);
    let vault = Arc::new(Vault::default());
    shop.save(vault.as_ref());
    let asked = Database::open(shop.folder(), vault.clone()).unwrap();
    let queries = [
        "EVALUATE SUMMARIZECOLUMNS(Sales[City], \"t\", [Total], \"d\", SUM(Sales[Double])) ORDER BY Sales[City]",
        "EVALUATE ROW(\"least\", MIN(Sales[City]), \"most\", MAX(Sales[City]), \"n\", DISTINCTCOUNT(Sales[City]))",
        "EVALUATE ROW(\"between\", CALCULATE([Total], Sales[City] >= \"town 3\", Sales[City] < \"town 5\"))",
        "EVALUATE ROW(\"amounts\", CALCULATE(COUNTROWS(Sales), Sales[Amount] > 90, Sales[Amount] <= 900))",
        "EVALUATE SUMMARIZECOLUMNS(Sales[Amount], \"n\", COUNTROWS(Sales)) ORDER BY Sales[Amount]",
        "EVALUATE TOPN(5, Cities, Cities[City], ASC) ORDER BY Cities[City]",
        "EVALUATE ROW(\"all\", CONCATENATEX(Sales, Sales[City] & Sales[Amount], \",\"))",
    ];
    let answers = |database: &Database| -> Vec<String> {
        let session = database.session(Identity::anonymous()).unwrap();
        let answer = |dax: &&str| exact(&ask(&session, dax, &corpus::options()));
        queries.iter().map(answer).collect()
    };
    let steps: [&[(&str, i64)]; 6] = [
        &[("town 10", 5), ("town 99", 7)],
        &[("town 33x", 5), ("TOWN 10", -900)],
        &[("aachen", 1), ("zwolle", 1 << 40)],
        &[("Aachen", 2), ("town 33X", 3), ("town 45y", -901)],
        &[("", 0), ("town 10 ", 12)],
        &[("b", 1), ("c", 2), ("d", 3), ("e", 4), ("f", 5), ("g", 6)],
    ];
    for (step, rows) in steps.iter().enumerate() {
        let place = if step == 3 { "old" } else { "new" };
        shop.sales(&format!("{place}.parquet/{}.parquet", step + 2), rows);
        let add = Refresh {
            mode: RefreshMode::Add,
            ..Refresh::default()
        };
        if step % 2 == 0 {
            asked.refresh(&add).unwrap().unwrap();
        } else {
            // By another process, as it were, which has nothing in memory.
            let other = Database::open(shop.folder(), vault.clone()).unwrap();
            other.refresh(&add).unwrap().unwrap();
        }
        let imported = answers(&Database::import(shop.model(), shop.data()).unwrap());
        let opened = Database::open(shop.folder(), vault.clone()).unwrap();
        assert_eq!(answers(&opened), imported, "step {step}, read anew");
        if step % 2 == 0 {
            assert_eq!(answers(&asked), imported, "step {step}");
        }
    }
    peristyle::verify(&shop.folder(), vault.as_ref(), 7).unwrap();
}

#[test]
fn a_refresh_that_fails_changes_nothing() {
    let shop = Shop::new("at-rest-fails");
    let vault = Arc::new(Vault::default());
    shop.save(vault.as_ref());
    let database = Database::open(shop.folder(), vault.clone()).unwrap();
    fs::write(shop.data().join("new.parquet"), "no Parquet").unwrap();
    let check = |what: Refresh, expected: &str| {
        let error = database.refresh(&what).unwrap_err();
        assert_eq!(error.code(), "refresh", "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    check(Refresh::default(), "new.parquet");
    let table = |name: &str, partition: Option<&str>| Refresh {
        table: Some(name.to_owned()),
        partition: partition.map(str::to_owned),
        ..Refresh::default()
    };
    check(table("Nothing", None), "no table 'Nothing'");
    check(table("Cities", None), "not read from files");
    check(table("Sales", Some("neither")), "no partition 'neither'");
    let session = database.session(Identity::anonymous()).unwrap();
    assert_eq!(look(&session), (33, 66, 3));
    assert_eq!(database.status().unwrap().generation, 1);
    peristyle::verify(&shop.folder(), vault.as_ref(), 1).unwrap();
}

#[test]
fn rekeying_needs_the_old_key_no_more() {
    let shop = Shop::new("at-rest-rekey");
    let (old, new) = (Arc::new(Vault::default()), Arc::new(Vault::default()));
    shop.save(old.as_ref());
    let database = Database::open(shop.folder(), old.clone()).unwrap();
    let saved = database.rekey(new.clone()).unwrap();
    assert_eq!((saved.generation, saved.files_written), (2, saved.files));
    drop(database);
    peristyle::vacuum(&shop.folder(), new.as_ref()).unwrap();
    peristyle::verify(&shop.folder(), new.as_ref(), 2).unwrap();
    let refused = Database::open(shop.folder(), old).err().map(|e| e.code());
    assert_eq!(refused, Some("key_denied"));
}

/// A key that is taken back: sessions, running queries and new admissions end within the lease.
#[test]
fn a_denied_key_ends_sessions_within_the_lease() {
    let shop = Shop::new("at-rest-denied");
    let vault = Arc::new(Vault::default());
    shop.save(vault.as_ref());
    let lease = Duration::from_millis(300);
    let database = Database::builder(shop.folder())
        .leasing(Leasing {
            lease,
            grace: Duration::from_secs(60),
        })
        .open(vault.clone())
        .unwrap();
    let session = database.session(Identity::anonymous()).unwrap();
    assert_eq!(look(&session), (33, 66, 3));
    // Longer than any lease, unless it is stopped.
    let long = "EVALUATE ROW(\"v\", SUMX(CROSSJOIN(\
        GENERATESERIES(1, 4000), SELECTCOLUMNS(GENERATESERIES(1, 4000), \"b\", [Value])), [Value] * [b]))";
    let running = {
        let session = session.clone();
        std::thread::spawn(move || (session.query(long).err(), Instant::now()))
    };
    std::thread::sleep(Duration::from_millis(50));
    vault.refuse(KeyRefusal::Denied("taken back".to_owned()));
    let taken = Instant::now();
    let mut answered = taken;
    while session.query("EVALUATE {1}").is_ok() {
        answered = Instant::now();
        assert!(taken.elapsed() < Duration::from_secs(20), "never closed");
    }
    // The machine may be slow; the lease itself is short.
    assert!(answered - taken < lease + Duration::from_secs(5));
    let error = session.query("EVALUATE {1}").unwrap_err();
    assert!(matches!(error, Error::Closed), "{error}");
    let refused = database.session(Identity::anonymous()).err();
    assert_eq!(refused.map(|e| e.code()), Some("closed"));
    let (error, _) = running.join().unwrap();
    let error = error.expect("the running query was answered").to_string();
    assert!(error.contains("session is over"), "{error}");
    assert!(matches!(
        database.status().unwrap().lease,
        LeaseState::Closed { .. }
    ));
}

/// A key holder that neither answers nor refuses: the queries under way end with the lease, though nobody asks anything new.
#[test]
fn a_silent_keeper_ends_running_queries() {
    /// Answers once, and then holds its breath until it is dropped.
    struct Silent(Vault, AtomicBool, Mutex<Receiver<()>>);
    impl KeyProvider for Silent {
        fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
            self.0.wrap(key, context)
        }
        fn unwrap(&self, key: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
            if self.1.load(Ordering::SeqCst) {
                let _ = self.2.lock().unwrap().recv();
            }
            self.0.unwrap(key, context)
        }
    }
    let shop = Shop::new("at-rest-silent");
    let (answer, question) = channel();
    let silent = Silent(
        Vault::default(),
        AtomicBool::new(false),
        Mutex::new(question),
    );
    let silent = Arc::new(silent);
    shop.save(silent.as_ref());
    let leasing = Leasing {
        lease: Duration::from_millis(100),
        grace: Duration::from_millis(300),
    };
    let builder = Database::builder(shop.folder()).leasing(leasing);
    let database = builder.open(silent.clone()).unwrap();
    let session = database.session(Identity::anonymous()).unwrap();
    silent.1.store(true, Ordering::SeqCst);
    let endless = "EVALUATE ROW(\"v\", SUMX(GENERATESERIES(1, 100000), VAR a = [Value] RETURN SUMX(GENERATESERIES(1, 100000), [Value] * a)))";
    let error = session.query(endless).unwrap_err();
    let ended = error.to_string();
    assert!(ended.contains("its session is over"), "{ended}");
    drop(answer);
}

/// The lease of a key belongs to the database that was opened with it: another cannot take the data and leave the lease.
#[test]
fn a_dataset_from_disk_is_not_swapped_by_hand() {
    let shop = Shop::new("at-rest-replace");
    let vault = Arc::new(Vault::default());
    shop.save(vault.as_ref());
    let imported = || Database::import(shop.model(), shop.data()).unwrap();
    let opened = || Database::open(shop.folder(), vault.clone()).unwrap();
    let check = |first: Database, second: Database, is_right: bool| {
        let outcome = first.replace(second);
        assert_eq!(outcome.is_ok(), is_right, "{outcome:?}");
    };
    check(imported(), imported(), true);
    check(imported(), opened(), false);
    check(opened(), imported(), false);
    check(opened(), opened(), false);
}

/// Putting an old pointer back is noticed by whoever remembers the generation, before anything is built upon it.
#[test]
fn an_old_pointer_is_refused_by_those_who_remember() {
    let shop = Shop::new("at-rest-rollback");
    let vault = Arc::new(Vault::default());
    shop.save(vault.as_ref());
    let pointer = shop.folder().join("peristyle.dataset");
    let first = fs::read(&pointer).unwrap();
    let database = Database::open(shop.folder(), vault.clone()).unwrap();
    let whole = Refresh::default();
    shop.sales("new.parquet", &[("a", 1)]);
    assert_eq!(database.refresh(&whole).unwrap().unwrap().generation, 2);
    fs::write(&pointer, first).unwrap();
    shop.sales("new.parquet", &[("b", 2)]);
    let refused = database.refresh(&whole).err().map(|e| e.code());
    assert_eq!(refused, Some("damaged"), "it has seen generation 2 itself");
    let open = |least| {
        let builder = Database::builder(shop.folder()).least_generation(least);
        builder.open(vault.clone()).err().map(|e| e.code())
    };
    assert_eq!((open(2), open(1)), (Some("damaged"), None));
    let check = |least| peristyle::at_least(&shop.folder(), least).err();
    assert!(check(1).is_none() && check(2).is_some());
}

#[test]
fn an_unreachable_keeper_is_a_status_before_it_is_an_end() {
    let shop = Shop::new("at-rest-away");
    let vault = Arc::new(Vault::default());
    shop.save(vault.as_ref());
    let database = Database::builder(shop.folder())
        .leasing(Leasing {
            lease: Duration::from_millis(100),
            grace: Duration::from_secs(3600),
        })
        .open(vault.clone())
        .unwrap();
    let session = database.session(Identity::anonymous()).unwrap();
    vault.refuse(KeyRefusal::Unavailable("no route".to_owned()));
    let begun = Instant::now();
    loop {
        match database.status().unwrap().lease {
            LeaseState::Unreachable { why, .. } => break assert_eq!(why, "no route"),
            LeaseState::Closed { why } => panic!("{why}"),
            LeaseState::Held { .. } => std::thread::sleep(Duration::from_millis(10)),
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "not noticed");
    }
    assert_eq!(look(&session), (33, 66, 3));
    database.close();
    assert_eq!(
        session.query("EVALUATE {1}").err().map(|e| e.code()),
        Some("closed")
    );
}

/// Keeps what it is told of leases.
#[derive(Default)]
struct Leases {
    records: Mutex<Vec<(u64, &'static str, Option<String>)>>,
    full: std::sync::atomic::AtomicBool,
}

impl peristyle::AuditSink for Leases {
    fn admission(&self, _: &peristyle::AdmissionRecord) -> Result<(), peristyle::AuditError> {
        Ok(())
    }

    fn query(&self, _: &peristyle::QueryRecord) -> Result<(), peristyle::AuditError> {
        Ok(())
    }

    fn lease(&self, record: &peristyle::LeaseRecord) -> Result<(), peristyle::AuditError> {
        if self.full.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(peristyle::AuditError("full".to_owned()));
        }
        assert_eq!(
            (record.dataset.len(), record.key_id.as_str()),
            (32, "vault")
        );
        let mut records = self.records.lock().unwrap();
        records.push((record.generation, record.state, record.detail.clone()));
        Ok(())
    }
}

/// Every change of a lease has a record: begun, out of reach, held again, of the next generation, and closed.
#[test]
fn the_audit_is_told_of_leases() {
    let shop = Shop::new("at-rest-leases");
    let vault = Arc::new(Vault::default());
    shop.save(vault.as_ref());
    let told = Arc::new(Leases::default());
    let open = || {
        Database::builder(shop.folder())
            .audit(told.clone())
            .leasing(Leasing {
                lease: Duration::from_millis(100),
                grace: Duration::from_secs(3600),
            })
            .open(vault.clone())
    };
    told.full.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(open().err().map(|e| e.code()), Some("not_recorded"));
    told.full.store(false, std::sync::atomic::Ordering::Relaxed);
    let database = open().unwrap();
    let wait_for = |count: usize| {
        let begun = Instant::now();
        while told.records.lock().unwrap().len() < count {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "no record {count}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    vault.refuse(KeyRefusal::Unavailable("no route".to_owned()));
    wait_for(2);
    *vault.refusal.lock().unwrap() = None;
    wait_for(3);
    database.rekey(vault.clone()).unwrap();
    wait_for(4);
    vault.refuse(KeyRefusal::Denied("taken back".to_owned()));
    wait_for(5);
    database.close();
    let records = told.records.lock().unwrap();
    let states: Vec<(u64, &str)> = records.iter().map(|(g, state, _)| (*g, *state)).collect();
    assert_eq!(
        states,
        [
            (1, "held"),
            (1, "unreachable"),
            (1, "held"),
            (2, "held"),
            (2, "closed")
        ]
    );
    assert_eq!(records[1].2.as_deref(), Some("no route"));
    let why = records[4].2.as_deref().unwrap();
    assert!(why.contains("taken back"), "{why}");
}

/// Damage of a data file is an error of the queries that need it, and names the file.
#[test]
fn a_damaged_file_fails_the_queries_that_need_it() {
    let shop = Shop::new("at-rest-damage");
    let vault = Arc::new(Vault::default());
    shop.save(vault.as_ref());
    for entry in fs::read_dir(shop.folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "parquet") {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    let database = Database::open(shop.folder(), vault).unwrap();
    let session = database.session(Identity::anonymous()).unwrap();
    for dax in [
        "EVALUATE Sales",
        "EVALUATE ROW(\"v\", [Total])",
        "EVALUATE Other",
    ] {
        let error = session.query(dax).unwrap_err();
        assert_eq!(error.code(), "unreadable", "{error}");
        let text = error.to_string();
        assert!(
            text.contains(".parquet") && !text.contains("Sales"),
            "{text}"
        );
    }
}

//! Tables written to Parquet as an identity: what the gate shows, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, RecordBatch, RecordBatchReader};
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::encryption::decrypt::FileDecryptionProperties;
use peristyle::{
    AdmissionRecord, AuditError, AuditSink, Builder, Database, Error, Identity, KeyProvider,
    Limits, QueryOptions, QueryRecord, SecretKey,
};

use crate::at_rest::Vault;
use crate::scratch::Scratch;

fn retail() -> Builder<'static> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail");
    Database::builder(folder.join("model")).data(folder.join("data"))
}

fn read(path: &Path, key: Option<&SecretKey>) -> RecordBatch {
    let options = ArrowReaderOptions::new();
    let options = match key {
        None => options,
        Some(key) => {
            let properties = FileDecryptionProperties::builder(key.bytes().to_vec());
            options.with_file_decryption_properties(properties.build().unwrap())
        }
    };
    let file = fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
        .unwrap()
        .build()
        .unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().unwrap();
    concat_batches(&schema, &batches).unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Every table of the model for every role: the cells of EVALUATE, or its error and no file.
#[test]
fn a_file_holds_what_a_query_shows() {
    let scratch = Scratch::new("export");
    let database = retail().import().unwrap();
    let all = database.session(Identity::user("ana@contoso.example").role("Everyone"));
    let mut tables: Vec<String> = all
        .unwrap()
        .catalog()
        .tables
        .into_iter()
        .map(|t| t.name)
        .collect();
    tables.extend(["No Such Table".to_owned(), "It's not".to_owned()]);
    let (mut written, mut refused) = (0, 0);
    for role in [
        "Everyone",
        "Germany",
        "Bikes",
        "No Cost",
        "No Balances",
        "Region Managers",
        "Nobody",
    ] {
        let identity = Identity::user("ana@contoso.example").role(role);
        let session = database.session(identity).unwrap();
        for (n, table) in tables.iter().enumerate() {
            let path = scratch.path().join(format!("{role}-{n}.parquet"));
            let exported = session.export(table, &path, None, &QueryOptions::default());
            let asked = session.query(&format!("EVALUATE '{}'", table.replace('\'', "''")));
            match (exported, asked) {
                (Ok(exported), Ok(answer)) => {
                    let (found, shown) = (read(&path, None), &answer.tables[0]);
                    assert_eq!(exported.rows, found.num_rows() as u64);
                    assert_eq!(
                        found.num_rows(),
                        shown.batch.num_rows(),
                        "{table} as {role}"
                    );
                    for (place, column) in shown.columns.iter().enumerate() {
                        let field = found.schema().field(place).name().clone();
                        assert!(
                            column.name.ends_with(&format!("[{field}]")),
                            "{} and {field}",
                            column.name
                        );
                        let (a, b) = (found.column(place), shown.batch.column(place));
                        let same = a.as_ref() == b.as_ref()
                            || (a.null_count() == a.len() && b.null_count() == b.len());
                        assert!(same, "{} as {role}", column.name);
                    }
                    assert_eq!(found.num_columns(), shown.columns.len());
                    written += 1;
                }
                (Err(Error::Query(exported)), Err(Error::Query(asked))) => {
                    assert_eq!(exported, asked);
                    assert!(!path.exists());
                    refused += 1;
                }
                (exported, asked) => panic!("{table} as {role}: {exported:?} and {asked:?}"),
            }
        }
    }
    assert!(
        written > 60 && refused > 14,
        "{written} written, {refused} refused"
    );
    assert!(
        files(scratch.path())
            .iter()
            .all(|name| name.ends_with(".parquet"))
    );
}

#[test]
fn an_encrypted_file_opens_with_its_key_alone() {
    let scratch = Scratch::new("export-key");
    let vault = Vault::default();
    let database = retail().import().unwrap();
    let session = database
        .session(Identity::anonymous().role("Germany"))
        .unwrap();
    let plain = scratch.path().join("plain.parquet");
    let sealed = scratch.path().join("sealed.parquet");
    let options = QueryOptions::default();
    session.export("Customers", &plain, None, &options).unwrap();
    session
        .export("Customers", &sealed, Some(&vault), &options)
        .unwrap();
    let bytes = fs::read(&sealed).unwrap();
    assert!(bytes.starts_with(b"PARE") && bytes.ends_with(b"PARE"));
    for text in ["Customer", "Germany", "City"] {
        let found = |bytes: &[u8]| bytes.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(!found(&bytes), "{text}");
    }
    // What it takes to unwrap the key stands in the file, as JSON.
    let text = String::from_utf8_lossy(&bytes);
    let start = text.find("{\"keyMaterialType\":\"PKMT1\"").unwrap();
    let end = start + text[start..].find('}').unwrap() + 1;
    let material: serde_json::Value = serde_json::from_str(&text[start..end]).unwrap();
    assert_eq!(material["masterKeyID"], "vault");
    assert!(
        material["kmsInstanceID"]
            .as_str()
            .unwrap()
            .starts_with("peristyle/1/")
    );
    let key = vault.only_key();
    assert_eq!(read(&sealed, Some(&key)), read(&plain, None));
    vault.refuse(peristyle::KeyRefusal::Denied("no".to_owned()));
    let again = scratch.path().join("again.parquet");
    let refused = session.export(
        "Customers",
        &again,
        Some(&vault as &dyn KeyProvider),
        &options,
    );
    assert_eq!(refused.unwrap_err().code(), "key_denied");
    assert!(!again.exists());
}

/// Keeps the records of queries, or refuses to.
#[derive(Default)]
struct Sink {
    records: Mutex<Vec<QueryRecord>>,
    full: std::sync::atomic::AtomicBool,
}

impl AuditSink for Sink {
    fn admission(&self, _: &AdmissionRecord) -> Result<(), AuditError> {
        Ok(())
    }

    fn query(&self, record: &QueryRecord) -> Result<(), AuditError> {
        if self.full.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(AuditError("full".to_owned()));
        }
        self.records.lock().unwrap().push(record.clone());
        Ok(())
    }
}

#[test]
fn limits_and_the_audit_hold_and_no_part_of_a_file_is_left() {
    let scratch = Scratch::new("export-limits");
    let sink = Arc::new(Sink::default());
    let database = retail().audit(sink.clone()).import().unwrap();
    let session = database
        .session(Identity::anonymous().role("Germany"))
        .unwrap();
    let path = scratch.path().join("orders.parquet");
    let check = |options: QueryOptions, expected: &str| {
        let error = session.export("Orders", &path, None, &options).unwrap_err();
        assert_eq!(error.code(), expected, "{error}");
        assert_eq!(files(scratch.path()), Vec::<String>::new());
        let records = sink.records.lock().unwrap();
        let last = records.last().unwrap();
        assert_eq!(
            (last.kind, last.outcome.as_str(), last.rows),
            ("export", expected, None)
        );
    };
    let limits = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        QueryOptions::default().limits(limits)
    };
    check(limits(|l| l.result_rows = 3), "limit");
    check(limits(|l| l.memory = 1000), "limit");
    check(
        QueryOptions::default().time_limit(std::time::Duration::ZERO),
        "timed_out",
    );
    let options = QueryOptions::default();
    let missing = scratch.path().join("no folder/orders.parquet");
    assert_eq!(
        session
            .export("Orders", &missing, None, &options)
            .unwrap_err()
            .code(),
        "at_rest"
    );

    sink.full.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = session.export("Orders", &path, None, &options).unwrap_err();
    assert!(matches!(error, Error::NotRecorded), "{error}");
    assert_eq!(files(scratch.path()), Vec::<String>::new());

    sink.full.store(false, std::sync::atomic::Ordering::Relaxed);
    let exported = session.export("orders", &path, None, &options).unwrap();
    let records = sink.records.lock().unwrap();
    let last = records.last().unwrap();
    assert_eq!(
        (last.outcome.as_str(), last.rows),
        ("ok", Some(exported.rows))
    );
    assert_eq!(last.visible_rows, [("Orders".to_owned(), exported.rows)]);
    drop(records);
    let before = fs::read(&path).unwrap();
    let error = session.export("Orders", &path, None, &options).unwrap_err();
    assert!(error.to_string().contains("is there already"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    database.close();
    let other = scratch.path().join("other.parquet");
    let closed = session
        .export("Orders", &other, None, &options)
        .unwrap_err();
    assert!(matches!(closed, Error::Closed), "{closed}");
}

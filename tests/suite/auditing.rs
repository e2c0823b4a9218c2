//! The audit: a record of every admission and query, and in none of them a literal of the query or a cell.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::AsArray;
use model::DataType;
use peristyle::{
    AdmissionRecord, Audit, AuditError, AuditSink, AuditSync, Builder, Database, Denied, Error,
    Identity, JsonLines, QueryOptions, QueryRecord, Stage,
};
use serde_json::Value;

use crate::scratch::Scratch;

fn retail() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail")
}

fn builder() -> Builder<'static> {
    Database::builder(retail().join("model")).data(retail().join("data"))
}

const LITERALS: [&str; 3] = ["zq7column", "vx9literal", "424242"];

#[test]
fn no_literal_and_no_cell_stands_in_the_audit_whatever_the_role() {
    let scratch = Scratch::new("audit");
    let path = scratch.path().join("audit.jsonl");
    let sink = JsonLines::open(&path, 1 << 30, 1, AuditSync::Never).unwrap();
    let audit = Audit::new(Arc::new(sink), [3; 32]);
    let database = builder().audit_with(audit).import().unwrap();
    let model = model::load(&retail().join("model")).unwrap();
    let mut known = String::new();
    for table in &model.tables {
        known.push_str(&table.name);
        table.columns.iter().for_each(|c| known.push_str(&c.name));
        table.measures.iter().for_each(|m| known.push_str(&m.name));
    }
    known.push_str("ana@contoso.example");
    model
        .roles
        .iter()
        .for_each(|role| known.push_str(&role.name));
    let mut cells: Vec<String> = Vec::new();
    let (mut admitted, mut asked) = (0, 0);
    for role in &model.roles {
        let identity = Identity::user("ana@contoso.example")
            .custom_data("some data")
            .object_id("1-2-3")
            .role(&role.name);
        let Ok(session) = database.session(identity) else {
            continue;
        };
        admitted += 1;
        for query in [
            "EVALUATE ROW(\"zq7column\", \"vx9literal\" & 424242)",
            "EVALUATE { VALUE(\"vx9literal\") }",
            "EVALUATE { zq7column + \"vx9literal }",
            "EVALUATE FILTER(Orders, 'No Such Table'[zq7column] = 424242)",
        ] {
            let _ = session.query(query);
            let _ = session.explain(Stage::Bound, query);
            asked += 2;
        }
        for table in session.catalog().tables {
            let texts = table
                .columns
                .iter()
                .filter(|c| c.data_type == DataType::Text);
            for column in texts.take(2) {
                let query = format!(
                    "EVALUATE TOPN(50, VALUES('{}'[{}]))",
                    table.name, column.name
                );
                let answer = session.query(&query).unwrap();
                asked += 1;
                let texts = answer.tables[0].batch.column(0).as_string::<i32>();
                cells.extend(texts.iter().flatten().map(str::to_owned));
            }
        }
    }
    assert!(
        admitted > 3 && cells.len() > 100,
        "{admitted} {}",
        cells.len()
    );
    let log = std::fs::read_to_string(&path).unwrap();
    for literal in LITERALS {
        assert!(!log.contains(literal), "{literal}");
    }
    for cell in cells
        .iter()
        .filter(|c| c.len() > 4 && !known.contains(c.as_str()))
    {
        assert!(!log.contains(cell.as_str()), "{cell}");
    }
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!(of("query") + of("explain"), asked);
    assert_eq!(of("admission"), model.roles.len());
    let last = lines.iter().rfind(|line| line["event"] == "query").unwrap();
    for field in [
        "user",
        "roles",
        "rules",
        "view",
        "objects",
        "visible_rows",
        "rows",
    ] {
        assert!(!last[field].is_null(), "{field} in {last}");
    }
    assert_eq!(last["outcome"], "ok");
    assert_eq!(last["query_hash"].as_str().unwrap().len(), 64);
    assert!(last["query"].is_null());
}

/// Keeps records, and fails when it is told to.
#[derive(Default)]
struct Sink {
    fails: AtomicBool,
    queries: Mutex<Vec<QueryRecord>>,
}

impl Sink {
    fn outcome(&self) -> Result<(), AuditError> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(AuditError("the disk is full of secrets".to_owned())),
            false => Ok(()),
        }
    }
}

impl AuditSink for Sink {
    fn admission(&self, _: &AdmissionRecord) -> Result<(), AuditError> {
        self.outcome()
    }

    fn query(&self, record: &QueryRecord) -> Result<(), AuditError> {
        self.queries.lock().unwrap().push(record.clone());
        self.outcome()
    }
}

#[test]
fn a_record_says_who_saw_what() {
    let sink = Arc::new(Sink::default());
    let database = builder().audit(sink.clone()).import().unwrap();
    let session = database
        .session(Identity::user("ana@contoso.example").role("Germany"))
        .unwrap();
    let answer = session
        .query("EVALUATE SUMMARIZECOLUMNS(Dates[Year], \"Sales\", [Sales])")
        .unwrap();
    let whole = database
        .session(Identity::user("bo@contoso.example").role("Everyone"))
        .unwrap();
    whole
        .query("EVALUATE ROW(\"n\", COUNTROWS(Orders))")
        .unwrap();
    let records = sink.queries.lock().unwrap();
    let (of_germany, of_everyone) = (&records[0], &records[1]);
    assert_eq!(of_germany.user_name.as_deref(), Some("ana@contoso.example"));
    assert_eq!(of_germany.roles, ["Germany"]);
    assert!(
        of_germany
            .rules
            .iter()
            .all(|rule| rule.starts_with("Germany/rows/"))
    );
    assert!(!of_germany.rules.is_empty());
    let has = |record: &QueryRecord, object: &str| record.objects.iter().any(|o| o == object);
    assert!(has(of_germany, "'Dates'[Year]"), "{:?}", of_germany.objects);
    assert!(of_germany.objects.iter().any(|o| o.ends_with("[Sales]")));
    // What stands behind the measure is touched too.
    assert!(has(of_germany, "'Orders'"), "{:?}", of_germany.objects);
    assert_eq!(
        of_germany.rows,
        Some(answer.tables[0].batch.num_rows() as u64)
    );
    let rows = |record: &QueryRecord| {
        let found = record
            .visible_rows
            .iter()
            .find(|(table, _)| table == "Orders");
        found.expect("the fact").1
    };
    assert!(0 < rows(of_germany) && rows(of_germany) < rows(of_everyone));
    assert_ne!(of_germany.query_hash, of_everyone.query_hash);
}

#[test]
fn what_cannot_be_recorded_is_refused_where_records_are_required() {
    let sink = Arc::new(Sink::default());
    let database = builder().audit(sink.clone()).import().unwrap();
    let ana = || Identity::user("ana@contoso.example").role("Germany");
    let session = database.session(ana()).unwrap();
    sink.fails.store(true, Ordering::SeqCst);
    let error = session.query("EVALUATE {1}").unwrap_err();
    assert!(matches!(error, Error::NotRecorded));
    assert_eq!(error.code(), "not_recorded");
    assert!(!error.to_string().contains("secrets"));
    assert!(matches!(
        session.check("EVALUATE {1}"),
        Err(Error::NotRecorded)
    ));
    let refused = database.session(ana());
    assert!(matches!(
        refused.err(),
        Some(Error::Denied(Denied::NotRecorded))
    ));
    sink.fails.store(false, Ordering::SeqCst);
    assert!(session.query("EVALUATE {1}").is_ok());

    let optional = Audit::new(sink.clone(), [1; 32])
        .required(false)
        .with_texts(true);
    let database = builder().audit_with(optional).import().unwrap();
    sink.fails.store(true, Ordering::SeqCst);
    let session = database.session(ana()).unwrap();
    session.query("EVALUATE {2}").unwrap();
    let records = sink.queries.lock().unwrap();
    assert_eq!(
        records.last().unwrap().query.as_deref(),
        Some("EVALUATE {2}")
    );
}

#[test]
fn a_query_that_comes_too_late_is_recorded_as_refused() {
    let sink = Arc::new(Sink::default());
    let length = std::time::Duration::from_millis(200);
    let database = builder()
        .audit(sink.clone())
        .session_length(length)
        .import()
        .unwrap();
    let ana = Identity::user("ana@contoso.example").role("Germany");
    let session = database.session(ana).unwrap();
    std::thread::sleep(length);
    assert!(matches!(
        session.query("EVALUATE {1}"),
        Err(Error::SessionEnded)
    ));
    let records = sink.queries.lock().unwrap();
    let last = records.last().expect("a record");
    assert_eq!(last.outcome, "session_ended");
    assert_eq!((last.rows, last.objects.len()), (None, 0));
}

#[test]
fn a_query_that_never_began_is_recorded_as_what_became_of_it() {
    let sink = Arc::new(Sink::default());
    let database = builder().audit(sink.clone()).import().unwrap();
    let ana = Identity::user("ana@contoso.example").role("Germany");
    let session = database.session(ana).unwrap();
    let options = QueryOptions::default().time_limit(std::time::Duration::ZERO);
    let error = session.query_with("EVALUATE {1}", &options).unwrap_err();
    let records = sink.queries.lock().unwrap();
    let last = records.last().expect("a record");
    assert_eq!(last.outcome, error.code());
    assert_eq!((last.rows, last.objects.len()), (None, 0));
}

#[test]
fn a_record_lists_no_object_that_is_hidden() {
    let sink = Arc::new(Sink::default());
    let database = builder().audit(sink.clone()).import().unwrap();
    let listed = |role: &str, dax: &str| {
        let ana = Identity::user("ana@contoso.example").role(role);
        let _ = database.session(ana).unwrap().query(dax);
        let records = sink.queries.lock().unwrap();
        records.last().expect("a record").objects.join(" ")
    };
    for (dax, hidden) in [
        ("EVALUATE ROW(\"x\", SUM(Orders[Cost]))", "'Orders'[Cost]"),
        ("EVALUATE ROW(\"x\", [Gross Profit])", "[Gross Profit]"),
    ] {
        let objects = listed("Everyone", dax);
        assert!(objects.contains(hidden), "{dax}: {objects}");
        let objects = listed("No Cost", dax);
        assert!(!objects.contains(hidden), "{dax}: {objects}");
    }
}

//! SQL, as the command and the library answer it: with the feature `sql`.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use peristyle::{
    AdmissionRecord, AuditError, AuditSink, Collation, Database, Error, Identity, Limits,
    QueryErrorKind, QueryOptions, QueryRecord, ServiceLimits, SqlOptions,
};

use super::*;

#[test]
fn sql_counts_what_the_role_sees_as_dax_does() {
    let model = retail().join("model");
    let model = model.to_str().unwrap();
    let ask = |command: &str, text: &str| {
        let ran = run(&[command, model, "--role", "Germany", "--format", "csv", text]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let rows: Vec<String> = ran.out.lines().skip(1).map(str::to_owned).collect();
        rows
    };
    let dax = ask("query", "EVALUATE ROW(\"n\", COUNTROWS(Orders))");
    assert_eq!(ask("sql", "SELECT count(*) AS n FROM orders"), dax);
    let refused = run(&["sql", model, "--role", "Germany", "DROP TABLE Orders"]);
    assert_ne!(refused.code, 0);
    assert!(refused.err.contains("DROP is refused"), "{}", refused.err);
}

#[test]
fn sql_takes_parameters_and_prints_json() {
    let model = retail().join("model");
    let model = model.to_str().unwrap();
    let ran = run(&[
        "sql",
        model,
        "--role",
        "Everyone",
        "--format",
        "json",
        "--param",
        "least=3",
        "--stats",
        "SELECT $least + 1 AS n, MEASURE(\"Sales\") AS s FROM Orders",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("\"n\""), "{}", ran.out);
    assert!(!ran.err.is_empty());
}

#[derive(Default)]
struct Sink(Mutex<Vec<QueryRecord>>);

impl AuditSink for Sink {
    fn admission(&self, _: &AdmissionRecord) -> Result<(), AuditError> {
        Ok(())
    }

    fn query(&self, record: &QueryRecord) -> Result<(), AuditError> {
        self.0.lock().unwrap().push(record.clone());
        Ok(())
    }
}

fn database(sink: Arc<Sink>, limits: ServiceLimits, length: Duration) -> Database {
    Database::builder(retail().join("model"))
        .data(retail().join("data"))
        .audit(sink)
        .limits(limits)
        .session_length(length)
        .import()
        .unwrap()
}

fn ana() -> Identity {
    Identity::user("ana@contoso.example").role("Germany")
}

#[test]
fn sql_is_recorded_as_dax_is() {
    let sink = Arc::new(Sink::default());
    let database = database(
        Arc::clone(&sink),
        ServiceLimits::default(),
        Duration::from_secs(600),
    );
    let session = database.session(ana()).unwrap();
    let answer = session
        .sql("SELECT Color, sum(Quantity), MEASURE(\"Sales\") FROM Orders JOIN Products ON Orders.\"Product Key\" = Products.\"Product Key\" GROUP BY Color")
        .unwrap();
    session.sql("SELECT nothing FROM Orders").unwrap_err();
    let records = sink.0.lock().unwrap();
    let [answered, failed] = records.as_slice() else {
        panic!("{} records", records.len());
    };
    assert_eq!((answered.kind, answered.outcome.as_str()), ("sql", "ok"));
    assert_eq!(answered.rows, Some(answer.rows() as u64));
    assert_eq!(answered.roles, ["Germany"]);
    let has = |object: &str| answered.objects.iter().any(|known| known == object);
    for object in ["'Products'[Color]", "'Orders'[Quantity]", "'Orders'"] {
        assert!(has(object), "{object} in {:?}", answered.objects);
    }
    assert!(
        answered
            .objects
            .iter()
            .any(|known| known.ends_with("[Sales]"))
    );
    assert!(
        answered
            .visible_rows
            .iter()
            .any(|(table, _)| table == "Orders")
    );
    assert_ne!(failed.outcome, "ok");
    assert_eq!(failed.rows, None);
}

#[test]
fn sql_ends_with_its_session_and_its_limits() {
    let sink = Arc::new(Sink::default());
    let whole = database(
        Arc::clone(&sink),
        ServiceLimits::default(),
        Duration::from_secs(600),
    );
    let session = whole.session(ana()).unwrap();
    let few = QueryOptions::default().limits(Limits {
        result_rows: 3,
        ..Limits::default()
    });
    let kind = |result: Result<_, Error>| match result {
        Err(Error::Query(error)) => error.kind,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was answered"),
    };
    let refused = session.sql_with("SELECT * FROM Orders", &few.into());
    assert_eq!(kind(refused.map(drop)), QueryErrorKind::Limit);
    let hurried = SqlOptions {
        collation: Collation::Exact,
        ..QueryOptions::default()
            .time_limit(Duration::from_millis(300))
            .into()
    };
    let started = Instant::now();
    let endless = "SELECT count(*) FROM Orders a, Orders b, Orders c, Orders d WHERE a.Quantity + b.Quantity + c.Quantity + d.Quantity < 0";
    let stopped = session.sql_with(endless, &hurried);
    assert_eq!(kind(stopped.map(drop)), QueryErrorKind::TimedOut);
    assert!(started.elapsed() < Duration::from_secs(60));
    let handle = session.cancel_handle();
    let cancelled = std::thread::scope(|scope| {
        let asking = scope.spawn(|| session.sql(endless).map(drop));
        let started = Instant::now();
        while !asking.is_finished() && started.elapsed() < Duration::from_secs(60) {
            handle.cancel();
            std::thread::sleep(Duration::from_millis(20));
        }
        asking.join().unwrap()
    });
    assert_eq!(kind(cancelled), QueryErrorKind::Cancelled);
    whole.close();
    assert!(matches!(session.sql("SELECT 1"), Err(Error::Closed)));
    let narrow = database(
        Arc::clone(&sink),
        ServiceLimits {
            memory_per_identity: 300_000,
            ..ServiceLimits::default()
        },
        Duration::from_secs(600),
    );
    let session = narrow.session(ana()).unwrap();
    let large = session.sql("SELECT * FROM Orders ORDER BY Quantity");
    assert_eq!(kind(large.map(drop)), QueryErrorKind::Limit);
    let ended = database(sink, ServiceLimits::default(), Duration::ZERO);
    let session = ended.session(ana()).unwrap();
    assert!(matches!(session.sql("SELECT 1"), Err(Error::SessionEnded)));
}

/// The rows of a statement for everybody, without the header, or the first line of the error.
fn rows(statement: &str) -> String {
    let model = retail().join("model");
    let model = model.to_str().unwrap();
    let ran = run(&[
        "sql", model, "--role", "Everyone", "--format", "csv", statement,
    ]);
    match ran.code {
        0 => ran.out.lines().skip(1).collect::<Vec<_>>().join(" "),
        _ => ran.err.lines().next().unwrap_or_default().to_owned(),
    }
}

#[track_caller]
fn check(statement: &str, expected: &str) {
    assert_eq!(rows(statement), expected, "{statement}");
}

/// The figures are another engine's over the same files.
#[test]
fn lengths_of_time_compare_with_intervals() {
    let orders = |condition: &str| format!("SELECT count(*) FROM Orders WHERE {condition}");
    let shipped = "\"Ship Date\" - \"Order Date\"";
    let due = "\"Due Date\" - \"Order Date\"";
    check(&orders(&format!("{due} = INTERVAL '14 days'")), "2505");
    check(&orders(&format!("{due} > INTERVAL '10 days'")), "10061");
    check(&orders(&format!("{due} > INTERVAL '240 hours'")), "10061");
    check(&orders(&format!("INTERVAL '10 days' > {due}")), "7508");
    check(&orders(&format!("{shipped} >= INTERVAL '1 day'")), "19306");
    check(
        &orders(&format!(
            "{shipped} BETWEEN INTERVAL '1 day' AND INTERVAL '5 days'"
        )),
        "10448",
    );
    check(
        &orders(&format!(
            "{due} IN (INTERVAL '14 days', INTERVAL '336 hours')"
        )),
        "2505",
    );
    check(
        &format!("SELECT max({due}) = INTERVAL '14 days' AS x FROM Orders"),
        "TRUE",
    );
    check(
        &format!(
            "SELECT sum(CASE WHEN coalesce({due}, INTERVAL '1 day') > INTERVAL '10 days' THEN 1 ELSE 0 END) AS x FROM Orders"
        ),
        "10061",
    );
    assert!(
        rows(&orders(&format!("{due} > INTERVAL '1 month'"))).contains("months have no length")
    );
}

#[test]
fn times_reach_as_far_as_those_of_the_model() {
    let all = rows("SELECT count(*) FROM Orders");
    for condition in [
        "\"Order Date\" < '9999-12-31'",
        "\"Order Date\" < TIMESTAMP '9999-12-31 00:00:00'",
        "\"Order Date\" > TIMESTAMP '1500-01-01 00:00:00'",
        "\"Order Date\" < DATE '9999-12-31'",
        "coalesce(\"Ship Date\", DATE '9999-12-31') >= \"Order Date\"",
        "\"Order Date\" BETWEEN DATE '0100-01-01' AND '9999-12-31'",
        "CASE WHEN \"Ship Date\" IS NULL THEN DATE '9999-12-31' ELSE \"Ship Date\" END >= \"Order Date\"",
        "\"Order Date\" < current_date",
        "\"Order Date\" < now()",
    ] {
        check(
            &format!("SELECT count(*) FROM Orders WHERE {condition}"),
            &all,
        );
    }
    check(
        "SELECT x FROM (VALUES (TIMESTAMP '9999-01-01 00:00:00'), (TIMESTAMP '2020-02-02 00:00:00')) t(x) WHERE x > DATE '2021-01-01'",
        "9999-01-01T00:00:00",
    );
    check(
        "SELECT count(*) FROM Orders WHERE \"Order Date\" IN ('2021-01-11', DATE '2021-01-12', TIMESTAMP '2021-01-13 00:00:00')",
        &rows(
            "SELECT count(*) FROM Orders WHERE \"Order Date\" >= '2021-01-11' AND \"Order Date\" <= '2021-01-13'",
        ),
    );
}

#[test]
fn values_fit_their_types_or_are_refused() {
    check(
        "SELECT arrow_typeof(max(length(City))) AS t, max(length(City)) AS n FROM Customers",
        "Int32,7",
    );
    let ran = run(&[
        "sql",
        retail().join("model").to_str().unwrap(),
        "--role",
        "Everyone",
        "--format",
        "json",
        "SELECT e.Employee, m.Employee FROM Employees e JOIN Employees m ON e.\"Manager Key\" = m.\"Employee Key\" LIMIT 1",
    ]);
    assert!(
        ran.out.contains(r#"{"Employee":"#) && ran.out.contains(r#","Employee_2":"#),
        "{}",
        ran.out
    );
    for beyond in ["9223372036854775808", "X'AB'"] {
        assert!(
            rows(&format!("SELECT {beyond} AS x")).contains("beyond what the output can show"),
            "{beyond}"
        );
    }
    assert!(rows("SELECT (SELECT Store FROM Stores) AS x").contains("gave several rows"));
    assert!(rows("SELECT sum(Color) FROM Products").contains("error: Function 'sum'"));
}

/// Chains of thousands of conditions are answered, and deep expressions refused, before anything takes long.
#[test]
fn long_chains_are_planned_and_deep_ones_refused() {
    let chain = |piece: &dyn Fn(usize) -> String, joint: &str, length: usize| {
        (0..length).map(piece).collect::<Vec<_>>().join(joint)
    };
    let cities = chain(&|n| format!("City = 'x{n}'"), " OR ", 1200);
    check(
        &format!("SELECT count(*) FROM Customers WHERE {cities}"),
        "0",
    );
    let texts = chain(&|_| "Email".to_owned(), " || ", 600);
    assert!(rows(&format!("SELECT {texts} AS x FROM Customers LIMIT 1")).contains("levels deep"));
}

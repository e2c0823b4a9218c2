//! The library as a service that embeds it sees it.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use peristyle::{
    Database, Denied, Error, Identity, QueryErrorKind, QueryOptions, Session, Stage, Value,
    value_at,
};

fn retail() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join("retail")
}

/// Imported once for all tests of the module.
fn database() -> &'static Database {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    DATABASE.get_or_init(|| {
        Database::builder(retail().join("model"))
            .import()
            .expect("the retail fixture")
    })
}

fn session(role: &str) -> Session {
    database()
        .session(Identity::user("ana@contoso.example").role(role))
        .expect("a role of the fixture")
}

/// The only value of a query of one row and one column.
fn single(session: &Session, dax: &str) -> Value {
    let answer = session
        .query(dax)
        .unwrap_or_else(|error| panic!("{dax}: {error}"));
    let table = &answer.tables[0];
    assert_eq!(
        (table.batch.num_rows(), table.columns.len()),
        (1, 1),
        "{dax}"
    );
    value_at(table, 0, 0)
}

const LINES: &str = "EVALUATE ROW(\"Lines\", [Order Lines])";

#[test]
fn an_answer_is_arrow_with_dax_names() {
    let answer = session("Everyone")
        .query("EVALUATE SUMMARIZECOLUMNS(Dates[Year], \"Sales\", [Sales]) ORDER BY Dates[Year] EVALUATE {1}")
        .unwrap();
    assert_eq!(answer.tables.len(), 2);
    let names: Vec<&str> = answer.tables[0]
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(names, ["Dates[Year]", "[Sales]"]);
    assert_eq!(
        answer.tables[0].columns[1].format_string.as_deref(),
        Some("#,0.00")
    );
    assert_eq!(answer.tables[1].columns[0].name, "[Value]");
    assert_eq!(value_at(&answer.tables[1], 0, 0), Value::Integer(1));
}

#[test]
fn roles_decide_what_a_session_sees() {
    let everyone = single(&session("Everyone"), LINES).to_integer().unwrap();
    let germany = single(&session("Germany"), LINES).to_integer().unwrap();
    assert!(0 < germany && germany < everyone, "{germany} of {everyone}");
    assert!(single(&session("Nobody"), LINES).is_blank());
}

#[test]
fn refusals_say_what_to_do() {
    let check =
        |identity: Identity, expected: fn(&Denied) -> bool| match database().session(identity) {
            Err(Error::Denied(denied)) => assert!(expected(&denied), "{denied}"),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("admitted"),
        };
    check(Identity::anonymous(), |denied| {
        matches!(denied, Denied::NoRole)
    });
    check(Identity::anonymous().role("everyone"), |denied| {
        matches!(denied, Denied::UnknownRole(_))
    });
    check(Identity::anonymous().role("Region Managers"), |denied| {
        matches!(denied, Denied::NeedsUserName { .. })
    });
    check(
        Identity::anonymous().role("Germany").role("No Cost"),
        |denied| matches!(denied, Denied::Incompatible { .. }),
    );
}

#[test]
fn the_catalog_holds_what_exists_for_the_session() {
    let has = |role: &str, column: &str| {
        let catalog = session(role).catalog();
        catalog
            .table("ORDERS")
            .unwrap()
            .columns
            .iter()
            .any(|found| found.name == column)
    };
    assert!(has("Everyone", "Cost") && has("Everyone", "Margin"));
    assert!(!has("No Cost", "Cost") && !has("No Cost", "Margin"));
    assert!(session("No Balances").catalog().table("Balances").is_none());
}

#[test]
fn parameters_and_limits_reach_the_query() {
    let session = session("Everyone");
    let options = QueryOptions::default().parameter("n", Value::Integer(41));
    let answer = session.query_with("EVALUATE { @n + 1 }", &options).unwrap();
    assert_eq!(value_at(&answer.tables[0], 0, 0), Value::Integer(42));
    let mut options = QueryOptions::default();
    options.limits.result_rows = 2;
    let error = session
        .query_with("EVALUATE {1, 2, 3}", &options)
        .unwrap_err();
    assert_eq!(error.code(), "limit", "{error}");
}

#[test]
fn a_query_without_time_is_timed_out() {
    let options = QueryOptions::default().time_limit(Duration::ZERO);
    match session("Everyone").query_with(LINES, &options) {
        Err(Error::Query(error)) => assert_eq!(error.kind, QueryErrorKind::TimedOut),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_ends() {
    let database = Database::builder(retail().join("model"))
        .data(retail().join("data"))
        .threads(1)
        .session_length(Duration::ZERO)
        .import()
        .unwrap();
    let session = database
        .session(Identity::anonymous().role("Everyone"))
        .unwrap();
    assert!(matches!(session.query(LINES), Err(Error::SessionEnded)));
    assert!(matches!(
        session.explain(Stage::Plan, LINES),
        Err(Error::SessionEnded)
    ));
}

#[test]
fn sessions_are_asked_from_many_threads() {
    let session = session("Germany");
    let expected = single(&session, LINES);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(single(&session, LINES), expected));
        }
    });
}

#[test]
fn every_stage_explains_itself() {
    let session = session("Everyone");
    for stage in [
        Stage::Tokens,
        Stage::Tree,
        Stage::Bound,
        Stage::Plan,
        Stage::Scans,
    ] {
        let text = session
            .explain(stage, LINES)
            .unwrap_or_else(|error| panic!("{stage:?}: {error}"));
        assert!(!text.trim().is_empty(), "{stage:?}");
    }
    assert!(session.check(LINES).is_ok());
    assert_eq!(
        session.check("EVALUATE Missing").unwrap_err().code(),
        "unknown_name"
    );
}

#[test]
fn the_fixture_model_has_no_errors() {
    let problems = peristyle::check_model(retail().join("model")).unwrap();
    let errors: Vec<String> = problems
        .iter()
        .filter(|problem| problem.severity == peristyle::Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// A credential that a test can take back.
#[derive(Default)]
struct Revocable(std::sync::atomic::AtomicBool);

impl peristyle::StillValid for Revocable {
    fn still_valid(&self) -> bool {
        !self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[test]
fn a_session_ends_with_its_credential() {
    use std::sync::Arc;
    use std::time::SystemTime;

    let ana = || Identity::user("ana@contoso.example").role("Germany");
    let hour = Duration::from_secs(3_600);
    let credential = Arc::new(Revocable::default());
    let session = database()
        .session_until(ana(), SystemTime::now() + hour, credential.clone())
        .unwrap();
    assert!(session.query(LINES).is_ok());
    credential
        .0
        .store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(session.query(LINES), Err(Error::SessionEnded)));
    assert!(matches!(
        session.explain(Stage::Plan, LINES),
        Err(Error::SessionEnded)
    ));
    let check = |until: SystemTime, credential: Arc<Revocable>| {
        let refused = database().session_until(ana(), until, credential);
        assert!(matches!(refused, Err(Error::SessionEnded)));
    };
    check(SystemTime::now() + hour, credential);
    check(SystemTime::now() - hour, Arc::default());
    // The credential lasts for less than the database's own limit, or for more: the nearer end counts.
    for (length, at_most) in [(60, 60), (1_000_000, 3_600)] {
        let until = SystemTime::now() + Duration::from_secs(length);
        let session = database()
            .session_until(ana(), until, Arc::<Revocable>::default())
            .unwrap();
        let left = session.ends() - std::time::Instant::now();
        assert!(left <= Duration::from_secs(at_most), "{left:?}");
        assert!(left > Duration::from_secs(at_most - 30), "{left:?}");
    }
}

/// A credential that counts for so many questions.
struct Lasting(std::sync::atomic::AtomicUsize);

impl peristyle::StillValid for Lasting {
    fn still_valid(&self) -> bool {
        use std::sync::atomic::Ordering::SeqCst;
        self.0
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
            .is_ok()
    }
}

/// As long as it takes the engine to look at many millions of rows.
const HEAVY: &str = "EVALUATE ROW(\"x\", SUMX(CROSSJOIN(GENERATESERIES(1, 4000), SELECTCOLUMNS(GENERATESERIES(1, 4000), \"b\", [Value])), [Value] * [b]))";

#[test]
fn a_running_query_ends_with_its_credential_and_with_its_session() {
    use std::sync::Arc;
    use std::time::{Instant, SystemTime};

    let session = |length: Duration, questions: usize| {
        let until = SystemTime::now() + length;
        let credential = Arc::new(Lasting(questions.into()));
        let ana = Identity::user("ana@contoso.example").role("Germany");
        database().session_until(ana, until, credential).unwrap()
    };
    let hour = Duration::from_secs(3_600);
    let ended = |answer: Result<peristyle::Answer, Error>| {
        let message = answer.map(drop).unwrap_err().to_string();
        assert!(message.contains("session is over"), "{message}");
    };
    // Asked at admission, at the start, before the work, and at the end of a light query: then the answer is not given.
    ended(session(hour, 3).query(LINES));
    assert!(session(hour, 100).query(LINES).is_ok());
    // A heavy one is asked about while it runs: nobody waits for its end to find out.
    ended(session(hour, 4).query(HEAVY));
    let (short, started) = (session(Duration::from_millis(300), 1_000), Instant::now());
    ended(short.query(HEAVY));
    assert!(started.elapsed() < Duration::from_secs(60));
    assert!(matches!(short.query(LINES), Err(Error::SessionEnded)));
}

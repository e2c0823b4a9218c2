//! What a service may take: fairness between identities, and limits that name themselves.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use peristyle::{Database, Error, Identity, QueryErrorKind, QueryOptions, ServiceLimits, Session};

fn database(limits: ServiceLimits) -> Database {
    let retail = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail");
    let builder = Database::builder(retail.join("model")).data(retail.join("data"));
    builder.limits(limits).import().expect("the retail fixture")
}

fn session(database: &Database, user: &str) -> Session {
    let identity = Identity::user(user).role("Everyone");
    database.session(identity).expect("a role of the fixture")
}

/// A query that holds a core for seconds, and looks at its control often.
const HEAVY: &str = "EVALUATE ROW(\"x\", SUMX(CROSSJOIN(GENERATESERIES(1, 2500), SELECTCOLUMNS(GENERATESERIES(1, 2500), \"b\", [Value])), [Value] * [b]))";
const LIGHT: &str = "EVALUATE SUMMARIZECOLUMNS(Dates[Year], \"Sales\", [Sales])";

#[test]
fn a_flood_of_one_identity_does_not_hold_up_another() {
    let database = database(ServiceLimits {
        cores: 1,
        ..ServiceLimits::default()
    });
    let (flood, other) = (
        session(&database, "flood@contoso.example"),
        session(&database, "other@contoso.example"),
    );
    let under_way = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                under_way.fetch_add(1, Ordering::SeqCst);
                let result = flood.query(HEAVY);
                under_way.fetch_sub(1, Ordering::SeqCst);
                match result {
                    Err(Error::Query(error)) => assert_eq!(error.kind, QueryErrorKind::Cancelled),
                    other => drop(other.expect("a heavy query")),
                }
            });
        }
        let started = Instant::now();
        while under_way.load(Ordering::SeqCst) < 4 {
            assert!(started.elapsed() < Duration::from_secs(60));
            std::thread::yield_now();
        }
        // One core: served one after another, these would wait until all four of the flood are over.
        for _ in 0..10 {
            other.query(LIGHT).expect("a light query");
        }
        assert!(
            under_way.load(Ordering::SeqCst) > 0,
            "the flood was over first"
        );
        flood.cancel_handle().cancel();
    });
}

/// As many identities as there are places hold them all with long queries: somebody else begins nevertheless.
#[test]
fn identities_that_fill_all_places_do_not_keep_others_out() {
    let database = database(ServiceLimits {
        cores: 1,
        running: 2,
        newcomers: 1,
        running_per_identity: 1,
        ..ServiceLimits::default()
    });
    let holders = ["first@contoso.example", "second@contoso.example"];
    let holders = holders.map(|user| session(&database, user));
    let other = session(&database, "other@contoso.example");
    let (sender, results) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for holder in &holders {
            let sender = sender.clone();
            scope.spawn(move || sender.send(holder.query(HEAVY).map(drop)));
        }
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(300) {
            std::thread::yield_now();
        }
        other
            .query(LIGHT)
            .expect("an identity of which nothing runs");
        assert!(
            results.try_recv().is_err(),
            "a place was free before the light query was answered"
        );
        holders
            .iter()
            .for_each(|holder| holder.cancel_handle().cancel());
        for _ in &holders {
            let ended = results.recv().expect("a result");
            assert_eq!(ended.expect_err("cancelled").code(), "cancelled");
        }
    });
}

#[test]
fn waiting_queries_are_bounded_by_identity() {
    let database = database(ServiceLimits {
        cores: 1,
        running: 2,
        running_per_identity: 1,
        waiting_per_identity: 1,
        ..ServiceLimits::default()
    });
    let (flood, other) = (
        session(&database, "flood@contoso.example"),
        session(&database, "other@contoso.example"),
    );
    let (sender, results) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (sender, flood) = (sender.clone(), &flood);
            scope.spawn(move || sender.send(flood.query(HEAVY).map(drop)));
        }
        drop(sender);
        // One runs and one waits: what answers first is a refusal, and says whose limit it is.
        let refused = results.recv().expect("a result").expect_err("a refusal");
        assert!(
            matches!(refused, Error::Busy { own: true, .. }),
            "{refused}"
        );
        assert_eq!(refused.code(), "busy");
        assert!(refused.to_string().contains("of this identity"));
        other.query(LIGHT).expect("another identity is not refused");
        flood.cancel_handle().cancel();
        for result in results {
            let code = result.expect_err("refused or cancelled").code();
            assert!(matches!(code, "busy" | "cancelled"), "{code}");
        }
    });
}

#[test]
fn a_query_beyond_a_limit_names_it() {
    let database = database(ServiceLimits {
        memory_per_identity: 1 << 20,
        ..ServiceLimits::default()
    });
    let session = session(&database, "ana@contoso.example");
    let check = |dax: &str, change: fn(&mut QueryOptions), says: &str| {
        let mut options = QueryOptions::default();
        change(&mut options);
        let error = session.query_with(dax, &options).expect_err(dax);
        assert_eq!(error.code(), "limit", "{dax}: {error}");
        assert!(error.to_string().contains(says), "{dax}: {error}");
    };
    check(
        HEAVY,
        |options| options.limits.memory = 1 << 16,
        "more memory than one query may hold",
    );
    check(HEAVY, |_| {}, "of one identity may hold together");
    check(
        HEAVY,
        |options| options.limits.table_rows = 1000,
        "more than 1000 rows",
    );
    check(
        "EVALUATE SUMMARIZECOLUMNS(Dates[Date], \"Sales\", [Sales])",
        |options| options.limits.groups = 3,
        "more than 3 groups",
    );
    check(
        LIGHT,
        |options| options.limits.result_rows = 1,
        "more than 1 rows",
    );
    // What was refused is given back.
    session.query(LIGHT).expect("a small query");
}

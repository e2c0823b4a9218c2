//! Answers that are kept: users who see the same share them, users who see different rows or whose query reads who they are never do.
//! And what a session keeps when roles and data are replaced.

use std::time::{Duration, Instant};

use peristyle::{Answer, Database, Error, Identity, QueryOptions, Session, Stage, Value, value_at};
use proptest::prelude::*;

use crate::scratch::Scratch;

/// A table of the numbers 1 to 16, a role that shows those that the caller's custom data lists, and measures, functions, items and
/// format strings that read the caller's name.
const MODEL: &str = r#"{"name": "m", "compatibilityLevel": 1702, "model": {"culture": "en-US", "tables": [
    {"name": "T", "columns": [{"name": "Id", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Id]"}],
     "measures": [
        {"name": "Total", "expression": "SUM(T[Id])"},
        {"name": "Mine", "expression": "USERNAME() & [Total]"},
        {"name": "Via", "expression": "LEN([Mine])"},
        {"name": "Shown", "expression": "SUM(T[Id])", "formatStringDefinition": {"expression": "USERPRINCIPALNAME()"}}],
     "partitions": [{"name": "T", "source": {"type": "calculated", "expression": "SELECTCOLUMNS(GENERATESERIES(1, 16), \"Id\", [Value])"}}]},
    {"name": "G", "columns": [{"name": "Name", "dataType": "string", "sourceColumn": "Name"}],
     "calculationGroup": {"precedence": 1, "calculationItems": [
        {"name": "Named", "expression": "SELECTEDMEASURE() & USERNAME()"}]},
     "partitions": [{"name": "G", "source": {"type": "calculationGroup"}}]}],
    "expressions": [],
    "functions": [{"name": "who", "expression": "() => USEROBJECTID() & USERNAME()"}],
    "roles": [{"name": "Listed", "modelPermission": "read", "tablePermissions": [
        {"name": "T", "filterExpression": "CONTAINSSTRING(CUSTOMDATA(), \",\" & [Id] & \",\")"}]}]
}}"#;

fn database(model: &str, cache: u64) -> Database {
    let scratch = Scratch::new("sharing");
    let file = scratch.path().join("model.bim");
    std::fs::write(&file, model).expect("a file");
    let builder = Database::builder(&file).data(scratch.path()).threads(2);
    builder
        .cache_bytes(cache)
        .import()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Whom a list of rows belongs to: the same rows in another order are other custom data.
fn session(database: &Database, user: &str, rows: &[u32]) -> Session {
    let list: String = rows.iter().map(|row| format!("{row},")).collect();
    let identity = Identity::user(user).custom_data(format!(",{list}"));
    database.session(identity.role("Listed")).expect("a role")
}

/// Queries, and whether they read who asks.
const QUERIES: &[(&str, bool)] = &[
    ("EVALUATE ROW(\"x\", [Total])", false),
    ("EVALUATE T ORDER BY T[Id]", false),
    ("EVALUATE FILTER(T, [Id] > 3)", false),
    ("EVALUATE SUMMARIZECOLUMNS(T[Id], \"t\", [Total])", false),
    (
        "DEFINE VAR a = 2 EVALUATE ROW(\"x\", [Total] * a, \"y\", COUNTROWS(ALL(T)))",
        false,
    ),
    ("EVALUATE ROW(\"x\", [Mine])", true),
    ("EVALUATE ROW(\"x\", [Via])", true),
    ("EVALUATE ROW(\"x\", USERPRINCIPALNAME())", true),
    ("EVALUATE ROW(\"x\", who())", true),
    (
        "DEFINE MEASURE T[q] = USERNAME() EVALUATE ROW(\"x\", [q])",
        true,
    ),
    (
        "DEFINE FUNCTION f = () => USERNAME() EVALUATE ROW(\"x\", f())",
        true,
    ),
    (
        "DEFINE COLUMN T[u] = USERNAME() EVALUATE SELECTCOLUMNS(T, \"u\", T[u])",
        true,
    ),
    (
        "EVALUATE CALCULATETABLE(ROW(\"x\", [Total]), G[Name] = \"Named\")",
        true,
    ),
    ("EVALUATE ROW(\"x\", [Shown])", true),
];

fn cells(answer: &Answer) -> Vec<Vec<Value>> {
    let table = &answer.tables[0];
    (0..table.batch.num_rows())
        .map(|row| {
            (0..table.columns.len())
                .map(|c| value_at(table, c, row))
                .collect()
        })
        .collect()
}

/// Asks as two users, one after the other. Whether the second was given the first one's answer.
fn shared(database: &Database, first: &Session, second: &Session, query: &str) -> bool {
    first
        .query(query)
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    let before = database.cache_figures().found;
    let answer = second.query(query).unwrap();
    assert_eq!(
        answer.statistics.cache_hits, 0,
        "{query}: a session is told of another's work"
    );
    database.cache_figures().found > before
}

#[test]
fn equal_users_share_and_others_never_do() {
    let (kept, fresh) = (database(MODEL, 64 << 20), database(MODEL, 0));
    let rows = proptest::collection::btree_set(1..=16u32, 0..8);
    let case = (
        rows.clone(),
        rows,
        0..4usize,
        0..QUERIES.len(),
        any::<bool>(),
    );
    let number = std::cell::Cell::new(0);
    let mut runner = proptest::test_runner::TestRunner::new(proptest::test_runner::Config {
        cases: 400,
        failure_persistence: None,
        ..Default::default()
    });
    let outcome = runner.run(&case, |(a, b, kind, query, same_name)| {
        let mut a: Vec<u32> = a.into_iter().collect();
        let mut b: Vec<u32> = match kind {
            // The same rows, told in another order; one row more or less; other rows.
            0 => a.iter().rev().copied().collect(),
            1 if a.len() > 1 => a[1..].to_vec(),
            2 => a
                .iter()
                .copied()
                .chain([17 - a.iter().max().copied().unwrap_or(1)])
                .collect(),
            _ => b.into_iter().collect(),
        };
        // A query text of its own for each case, so that nothing of an earlier case is found.
        number.set(number.get() + 1);
        let (text, reads) = QUERIES[query];
        let text = format!("{text} EVALUATE {{ {} }}", number.get());
        let (first, second) = (
            session(&kept, "ana", &a),
            session(&kept, if same_name { "ana" } else { "bo" }, &b),
        );
        let found = shared(&kept, &first, &second, &text);
        let expected = session(&fresh, if same_name { "ana" } else { "bo" }, &b);
        let expected = expected.query(&text).unwrap();
        assert_eq!(
            cells(&second.query(&text).unwrap()),
            cells(&expected),
            "{text}"
        );
        a.sort_unstable();
        b.sort_unstable();
        b.dedup();
        assert_eq!(
            found,
            a == b && (same_name || !reads),
            "{text}: {a:?} {b:?} {same_name}"
        );
        Ok(())
    });
    outcome.unwrap();
}

/// The numbers, and 70,000 rows that belong to one each: enough for wider scans to be thought of.
fn facts() -> String {
    let fact = r#"{"name": "F", "columns": [
        {"name": "Id", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Id]"},
        {"name": "K", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[K]"},
        {"name": "V", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[V]"}],
     "partitions": [{"name": "F", "source": {"type": "calculated",
        "expression": "SELECTCOLUMNS(GENERATESERIES(0, 69999), \"Id\", MOD([Value], 16) + 1, \"K\", MOD([Value], 7), \"V\", [Value])"}}]},
    {"name": "G","#;
    let related = r#""relationships": [{"name": "r", "fromTable": "F", "fromColumn": "Id", "toTable": "T", "toColumn": "Id"}],
    "expressions": [],"#;
    let model = MODEL.replacen("{\"name\": \"G\",", fact, 1);
    let model = model.replace("\"expressions\": [],", related);
    assert!(model.contains("69999") && model.contains("fromTable"));
    model
}

/// A slicer moves: what the first user's wider scan answers then, the second one is given exactly if both see the same.
#[test]
fn equal_users_share_wider_scans_and_others_never_do() {
    let (kept, fresh) = (database(&facts(), 64 << 20), database(&facts(), 0));
    let rows = proptest::collection::btree_set(1..=16u32, 1..8);
    let case = (rows.clone(), rows, 0..4usize);
    let number = std::cell::Cell::new(0);
    let mut runner = proptest::test_runner::TestRunner::new(proptest::test_runner::Config {
        cases: 60,
        failure_persistence: None,
        ..Default::default()
    });
    let outcome = runner.run(&case, |(a, b, kind)| {
        let mut a: Vec<u32> = a.into_iter().collect();
        let mut b: Vec<u32> = match kind {
            // The same rows, told in another order; one row more or less; other rows.
            0 => a.iter().rev().copied().collect(),
            1 if a.len() > 1 => a[1..].to_vec(),
            2 => {
                let more = (1..=16).find(|row| !a.contains(row));
                a.iter().copied().chain(more).collect()
            }
            _ => b.into_iter().collect(),
        };
        // A sum of its own for each case, so that nothing of an earlier case is found.
        number.set(number.get() + 1);
        let text = |k: u32| {
            let measure = format!("SUMX(F, F[V] + {})", number.get());
            format!(
                "DEFINE MEASURE F[m] = {measure} EVALUATE SUMMARIZECOLUMNS(T[Id], TREATAS({{{k}}}, F[K]), \"m\", [m])"
            )
        };
        let narrowed = |session: &Session, k: u32| {
            let before = kept.cache_figures().scans.narrowed;
            let answer = session.query(&text(k)).unwrap();
            assert_eq!(answer.statistics.cache_hits, 0);
            kept.cache_figures().scans.narrowed > before
        };
        let (first, second) = (session(&kept, "ana", &a), session(&kept, "bo", &b));
        let before = [0, 1, 2].map(|k| narrowed(&first, k));
        assert!(before[2], "{a:?}: {before:?}");
        let found = narrowed(&second, 3);
        let expected = session(&fresh, "bo", &b).query(&text(3)).unwrap();
        assert_eq!(cells(&second.query(&text(3)).unwrap()), cells(&expected));
        a.sort_unstable();
        b.sort_unstable();
        assert_eq!(found, a == b, "{a:?} {b:?}");
        Ok(())
    });
    outcome.unwrap();
    assert_eq!(fresh.cache_figures().scans, Default::default());
}

/// What statistics and explanations say of a question does not tell what others have asked.
#[test]
fn wider_scans_of_others_do_not_show() {
    let database = database(&facts(), 64 << 20);
    let told = |session: &Session, k: u32| {
        let text =
            format!("EVALUATE SUMMARIZECOLUMNS(T[Id], TREATAS({{{k}}}, F[K]), \"m\", SUM(F[V]))");
        let mut statistics = session.query(&text).unwrap().statistics;
        let explained = session.explain(Stage::Scans, &text).unwrap();
        for (_, time) in &mut statistics.stages {
            *time = Duration::ZERO;
        }
        (statistics, explained)
    };
    let ana = session(&database, "ana", &[1, 2]);
    let alone = [0, 1, 2, 3].map(|k| told(&ana, k));
    let narrowed = database.cache_figures().scans.narrowed;
    assert!(narrowed > 0);
    let bo = session(&database, "bo", &[2, 1]);
    assert_eq!(told(&bo, 4).0, alone[0].0);
    assert!(database.cache_figures().scans.narrowed > narrowed);
    assert_eq!(told(&bo, 0).1, alone[0].1);
    let cy = session(&database, "cy", &[3, 1]);
    assert_eq!([0, 1, 2, 3].map(|k| told(&cy, k).0), alone.map(|one| one.0));
}

#[test]
fn a_session_is_told_of_its_own_hits_alone() {
    let database = database(MODEL, 64 << 20);
    let (ana, bo) = (
        session(&database, "ana", &[1, 2]),
        session(&database, "bo", &[2, 1]),
    );
    let hits = |session: &Session, query: &str| session.query(query).unwrap().statistics.cache_hits;
    let query = QUERIES[0].0;
    assert_eq!([hits(&ana, query), hits(&ana, query)], [0, 1]);
    assert_eq!([hits(&bo, query), hits(&bo, query)], [0, 1]);
    // Laid out otherwise it is the same query; another one it is not.
    assert_eq!(hits(&ana, "EVALUATE ROW ( \"x\" , [Total] )"), 1);
    assert_eq!(hits(&ana, "EVALUATE ROW(\"X\", [Total])"), 0);
    let with = |n: i64| QueryOptions::default().parameter("n", Value::Integer(n));
    let asked = |n: i64| {
        let answer = ana.query_with("EVALUATE { @n + 1 }", &with(n)).unwrap();
        (
            value_at(&answer.tables[0], 0, 0),
            answer.statistics.cache_hits,
        )
    };
    assert_eq!(asked(1), (Value::Integer(2), 0));
    assert_eq!(asked(2), (Value::Integer(3), 0));
    assert_eq!(asked(1), (Value::Integer(2), 1));
    // The same values in the same order, of other parameters.
    let less = |first: &str, second: &str| {
        let options = with(5).parameter(first, Value::Integer(5));
        let options = options.parameter(second, Value::Integer(3));
        let answer = ana.query_with("EVALUATE { @a - @b }", &options).unwrap();
        value_at(&answer.tables[0], 0, 0)
    };
    assert_eq!(less("a", "b"), Value::Integer(2));
    assert_eq!(less("b", "a"), Value::Integer(-2));
    // What reads the clock, random numbers or the model is never kept.
    let before = database.cache_figures().asked;
    for query in [
        "EVALUATE { NOW() }",
        "EVALUATE { RAND() }",
        "EVALUATE { RANDBETWEEN(1, 2) }",
        "EVALUATE INFO.VIEW.TABLES()",
    ] {
        assert_eq!([hits(&ana, query), hits(&ana, query)], [0, 0], "{query}");
    }
    assert_eq!(database.cache_figures().asked, before);
    // A smaller limit holds for kept answers too.
    let mut options = QueryOptions::default();
    assert!(ana.query_with("EVALUATE T", &options).is_ok());
    options.limits.result_rows = 1;
    assert_eq!(
        ana.query_with("EVALUATE T", &options).unwrap_err().code(),
        "limit"
    );
    // So it does for kept scans.
    let grouped = "EVALUATE SUMMARIZECOLUMNS(T[Id], \"t\", [Total])";
    assert!(ana.query(grouped).is_ok());
    let mut options = QueryOptions::default();
    options.limits.groups = 1;
    assert_eq!(
        ana.query_with(grouped, &options).unwrap_err().code(),
        "limit"
    );
}

/// What is not in the text of a query, and decides its answer.
#[test]
fn answers_are_kept_apart_by_what_they_depend_on() {
    // A selection expression changes every measure, and nothing in the query says so.
    let named = MODEL.replace(
        "\"precedence\": 1,",
        "\"precedence\": 1, \"noSelectionExpression\": {\"expression\": \"SELECTEDMEASURE() & USERNAME()\"},",
    );
    assert_ne!(named, MODEL);
    let database = database(&named, 64 << 20);
    let (ana, bo) = (
        session(&database, "ana", &[1, 2]),
        session(&database, "bo", &[1, 2]),
    );
    let query = "EVALUATE ROW(\"x\", [Total])";
    assert!(!shared(&database, &ana, &bo, query));
    assert_ne!(
        cells(&ana.query(query).unwrap()),
        cells(&bo.query(query).unwrap())
    );
    // The culture decides how numbers are written.
    let of_culture = |culture: &str| {
        let identity = Identity::user("ana").custom_data(",1,").culture(culture);
        database.session(identity.role("Listed")).unwrap()
    };
    let (english, german) = (of_culture("en-US"), of_culture("de-DE"));
    let query = "EVALUATE ROW(\"x\", FORMAT(1234.5, \"#,0.0\"))";
    assert!(!shared(&database, &english, &german, query));
    assert!(shared(&database, &german, &of_culture("de-DE"), query));
}

/// The answer of a filter that draws lots is nobody's but the session's that it was drawn for.
#[test]
fn filters_that_draw_lots_draw_for_every_session() {
    let lots = MODEL.replace("GENERATESERIES(1, 16)", "GENERATESERIES(1, 300)");
    let lots = lots.replace(
        "CONTAINSSTRING(CUSTOMDATA(), \\\",\\\" & [Id] & \\\",\\\")",
        "RAND() < 0.5",
    );
    assert!(lots.contains("RAND()"));
    let database = database(&lots, 64 << 20);
    let rows = || cells(&session(&database, "ana", &[1]).query("EVALUATE T").unwrap());
    let (first, second) = (rows(), rows());
    assert!(first.len() > 50 && first.len() < 250);
    assert_ne!(first, second);
}

#[test]
fn kept_answers_are_bounded_and_can_be_turned_off() {
    let small = database(MODEL, 64 << 10);
    let ana = session(&small, "ana", &[1, 2]);
    for n in 0..500 {
        ana.query(&format!("EVALUATE {{ {n} }}")).unwrap();
    }
    let figures = small.cache_figures();
    assert!(
        figures.answers > 0 && figures.bytes <= 32 << 10,
        "{figures:?}"
    );
    let off = database(MODEL, 0);
    let ana = session(&off, "ana", &[1, 2]);
    for _ in 0..2 {
        assert_eq!(ana.query("EVALUATE T").unwrap().statistics.cache_hits, 0);
    }
    assert_eq!(off.cache_figures().answers, 0);
}

/// The year of such a date is that of the clock.
#[test]
fn a_date_without_a_year_is_not_kept() {
    let database = database(MODEL, 64 << 20);
    let ana = session(&database, "ana", &[1, 2]);
    for query in [
        "EVALUATE { DATEVALUE(\"5 Mar\") }",
        "DEFINE MEASURE T[d] = YEAR(DATEVALUE(\"5 Mar\")) EVALUATE { [d] }",
    ] {
        for _ in 0..2 {
            assert_eq!(
                ana.query(query).unwrap().statistics.cache_hits,
                0,
                "{query}"
            );
        }
    }
    assert_eq!(database.cache_figures().asked, 0);
}

fn rows(session: &Session) -> Result<usize, Error> {
    Ok(session.query("EVALUATE T")?.tables[0].batch.num_rows())
}

#[test]
fn changed_roles_apply_to_the_next_query_of_every_session() {
    let database = database(MODEL, 64 << 20);
    let ana = session(&database, "ana", &[1, 2, 3]);
    assert_eq!(rows(&ana).unwrap(), 3);
    let scratch = Scratch::new("roles");
    let replace = |model: &str| {
        let file = scratch.path().join("model.bim");
        std::fs::write(&file, model).unwrap();
        database.replace_roles(&file)
    };
    replace(&MODEL.replace(
        "CONTAINSSTRING(CUSTOMDATA(), \\\",\\\" & [Id] & \\\",\\\")",
        "[Id] > 12",
    ))
    .unwrap();
    assert_eq!(rows(&ana).unwrap(), 4);
    // A role that is gone, or cannot be used, refuses its holders.
    replace(&MODEL.replace("Listed", "Renamed")).unwrap();
    assert!(matches!(rows(&ana), Err(Error::Denied(_))));
    assert!(ana.catalog().tables.is_empty());
    // A mistake changes nothing.
    let wrong = MODEL.replace(
        "\"name\": \"T\", \"filterExpression\"",
        "\"name\": \"X\", \"filterExpression\"",
    );
    assert!(replace(&wrong).is_err());
    assert!(matches!(rows(&ana), Err(Error::Denied(_))));
    replace(MODEL).unwrap();
    assert_eq!(rows(&ana).unwrap(), 3);
    assert!(!ana.catalog().tables.is_empty());
}

#[test]
fn a_new_generation_appears_at_once_and_old_readers_end_when_there_is_no_room() {
    let scratch = Scratch::new("generations");
    let file = scratch.path().join("model.bim");
    std::fs::write(&file, MODEL).unwrap();
    let database = Database::builder(&file)
        .data(scratch.path())
        .threads(2)
        .old_generation_bytes(0)
        .import()
        .unwrap();
    let ana = session(&database, "ana", &[1, 2, 3]);
    assert_eq!(rows(&ana).unwrap(), 3);
    // Longer than the wait below, unless it is stopped.
    let heavy = "EVALUATE ROW(\"x\", SUMX(CROSSJOIN(GENERATESERIES(1, 4000), SELECTCOLUMNS(GENERATESERIES(1, 4000), \"b\", [Value])), [Value] * [b]) + COUNTROWS(T))";
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| ana.query(heavy));
        let started = Instant::now();
        // The reader is under way when a light query of another session has waited its turn behind it.
        while started.elapsed() < Duration::from_millis(300) {
            std::thread::yield_now();
        }
        let newer = self::database(
            &MODEL.replace("GENERATESERIES(1, 16)", "GENERATESERIES(2, 16)"),
            0,
        );
        database.replace(newer).unwrap();
        let error = reader.join().unwrap().unwrap_err();
        assert!(error.to_string().contains("newer data"), "{error}");
    });
    assert_eq!(rows(&ana).unwrap(), 2);
    database.close();
    assert!(matches!(rows(&ana), Err(Error::Closed)));
    assert!(matches!(
        database.session(Identity::user("ana").role("Listed")),
        Err(Error::Closed)
    ));
    assert!(database.inspect().tables.is_empty());
    // What was closed is not opened by other data.
    assert!(matches!(
        database.replace(self::database(MODEL, 0)),
        Err(Error::Closed)
    ));
    assert!(matches!(rows(&ana), Err(Error::Closed)));
}

#[test]
fn scans_of_earlier_data_are_not_given_again() {
    let open = MODEL.replace(
        "\"roles\": [",
        "\"roles\": [{\"name\": \"All\", \"modelPermission\": \"read\"}, ",
    );
    let database = database(&open, 64 << 20);
    let ana = database.session(Identity::user("ana").role("All")).unwrap();
    let total = || cells(&ana.query("EVALUATE ROW(\"x\", [Total])").unwrap());
    assert_eq!(total(), [[Value::Integer(136)]]);
    let newer = open.replace("GENERATESERIES(1, 16)", "GENERATESERIES(2, 17)");
    database.replace(self::database(&newer, 0)).unwrap();
    assert_eq!(total(), [[Value::Integer(152)]]);
}

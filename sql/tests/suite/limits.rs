//! What a statement may take: memory and text are counted as those of DAX, and it can be stopped wherever it computes.

use std::sync::Arc;

use engine::{ErrorKind, Limits};
use security::{Bounds, Control, Identity, Meter, Share};
use sql::{Options, Plans, Room};

use crate::world::{World, count_rows as ask, deep, integers, texts};

const ROWS: i64 = 20_000;

fn world() -> World {
    let names: Vec<String> = (0..ROWS).map(|n| format!("name {n}")).collect();
    World::default().table(
        "T",
        vec![
            ("Id", integers(0..ROWS)),
            ("Same", integers((0..ROWS).map(|_| 1))),
            ("Name", texts(names.iter().map(String::as_str))),
        ],
    )
}

fn bounded(memory: usize, looks: Option<u64>) -> (Control, Arc<Meter>) {
    let meter = Meter::new(Share::Query, memory);
    let control = Control::bounded(Bounds {
        memory: Some(Arc::clone(&meter)),
        looks,
        ..Bounds::default()
    });
    (control, meter)
}

#[test]
fn what_operators_hold_is_counted_and_given_back() {
    deep(|| {
        let view = world().view(&[]);
        for text in [
            "SELECT * FROM T ORDER BY Name DESC",
            "SELECT Name, count(*), max(Id + 1) FROM T GROUP BY Name, Id + 1",
            "SELECT a.Id FROM T a JOIN T b ON a.Id = b.Id + 1",
            "SELECT Id, sum(Id) OVER (ORDER BY Id DESC) FROM T",
            "SELECT Id, ntile(4) OVER (ORDER BY Name) FROM T",
            "SELECT Name FROM T",
            "SELECT Name, count(*) FROM T GROUP BY Name",
            "SELECT string_agg(Name, ',') FROM T",
        ] {
            let (control, meter) = bounded(1 << 30, None);
            let rows = ask(&view, text, &Options::default(), &control);
            assert!(rows.unwrap() > 0, "{text}");
            assert!(meter.peak() > 50_000, "{text}: {}", meter.peak());
            assert_eq!(meter.held(), 0, "{text}");
            let (control, meter) = bounded(40_000, None);
            let refused = ask(&view, text, &Options::default(), &control).unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Limit, "{text}: {refused}");
            assert_eq!(meter.held(), 0, "{text}");
        }
    });
}

#[test]
fn text_does_not_grow_beyond_its_limit() {
    deep(|| {
        let view = world().view(&[]);
        let options = Options {
            limits: Limits {
                text_bytes: 10_000_000,
                ..Limits::default()
            },
            ..Options::default()
        };
        let double = |step: &str| {
            format!(
                "WITH RECURSIVE r AS (SELECT 'ab' AS x, 1 AS n UNION ALL SELECT {step}, n + 1 FROM r WHERE n < 60) SELECT max(n) FROM r"
            )
        };
        for text in [
            double("x || x"),
            double("concat(x, x)"),
            double("concat_ws('-', x, x)"),
            double("replace(x, 'a', 'aa')"),
            double("overlay(x PLACING x FROM 1 FOR 0)"),
            "SELECT concat(Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name, Name) FROM T".to_owned(),
        ] {
            let refused = ask(&view, &text, &options, &Control::new(None)).unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Limit, "{text}: {refused}");
        }
        let few = ask(
            &view,
            "SELECT Name || '!' FROM T",
            &options,
            &Control::new(None),
        );
        assert_eq!(few.unwrap(), ROWS as usize);
    });
}

#[test]
fn a_long_constant_is_counted_once_for_each_row_of_a_batch() {
    deep(|| {
        let view = world().view(&[]);
        let text = format!("SELECT count('{}' || Name) FROM T", "x".repeat(100_000));
        let (control, _) = bounded(100_000_000, None);
        let refused = ask(&view, &text, &Options::default(), &control).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Limit);
    });
}

#[test]
fn a_statement_stops_wherever_it_computes() {
    deep(|| {
        let view = world().view(&[]);
        for (text, least) in [
            ("SELECT count(*) FROM T a, T b, T c", 50),
            // Nothing comes out of these joins, and nothing above them is asked for anything.
            ("SELECT count(*) FROM T a JOIN T b ON a.Id + b.Id < 0", 50),
            (
                "SELECT count(*) FROM T a JOIN T b ON a.Same = b.Same AND a.Id + b.Id < 0",
                50,
            ),
            (
                "SELECT count(*) FROM T a WHERE EXISTS (SELECT 1 FROM T b WHERE a.Same = b.Same AND a.Id + b.Id < 0)",
                50,
            ),
            (
                "SELECT count(*) FROM T a WHERE a.Same + 1 NOT IN (SELECT Same FROM T)",
                5,
            ),
            (
                "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT count(*) FROM r",
                50,
            ),
            ("SELECT Id, sum(Id) OVER (ORDER BY Id) FROM T", 5),
            ("SELECT Name FROM T ORDER BY Name", 5),
        ] {
            // Planning looks too; what it is asked for here is the looks of a plan that runs.
            let planning = Control::new(None);
            let explain = format!("EXPLAIN {text}");
            ask(&view, &explain, &Options::default(), &planning).unwrap();
            for looks in [0, least / 2, least] {
                let looks = planning.checks() + looks;
                let (control, _) = bounded(usize::MAX, Some(looks));
                let stopped = ask(&view, text, &Options::default(), &control).unwrap_err();
                assert_eq!(
                    stopped.kind,
                    ErrorKind::Cancelled,
                    "{text} after {looks} looks"
                );
                // It has ended at the first look that told it so, or soon after.
                assert!(
                    control.checks() <= looks + 10,
                    "{text}: {}",
                    control.checks()
                );
            }
        }
    });
}

#[test]
fn statements_without_end_are_refused_before_they_are_planned() {
    deep(|| {
        let view = world().view(&[]);
        let mut twice = "WITH c0 AS (SELECT 1 AS x FROM T)".to_owned();
        for n in 1..60 {
            twice += &format!(", c{n} AS (SELECT 1 AS x FROM c{0} a, c{0} b)", n - 1);
        }
        twice += " SELECT count(*) FROM c59";
        let sum = format!("SELECT {} FROM T", vec!["Id"; 10_000].join(" + "));
        let long = format!("SELECT '{}'", "x".repeat(2 << 20));
        let nested = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
        for (text, kind) in [
            (twice, ErrorKind::Limit),
            (sum, ErrorKind::Limit),
            (long, ErrorKind::Limit),
            (nested, ErrorKind::Syntax),
            (
                "SELECT median(Id) OVER (ORDER BY Id) FROM T".to_owned(),
                ErrorKind::Refused,
            ),
            (
                "SELECT string_agg(Name, '') OVER (ORDER BY Id) FROM T".to_owned(),
                ErrorKind::Refused,
            ),
        ] {
            let refused = ask(&view, &text, &Options::default(), &Control::new(None)).unwrap_err();
            assert_eq!(
                refused.kind,
                kind,
                "{}: {refused}",
                text.chars().take(60).collect::<String>()
            );
        }
    });
}

/// What goes through all rows before it for each row is not offered over windows, and no frame reaches further than rows can be numbered.
#[test]
fn windows_stay_within_bounds() {
    deep(|| {
        let view = world().view(&[]);
        let whole = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW";
        let far = u64::MAX;
        for (function, over, answered) in [
            ("count(DISTINCT Id)", whole, true),
            ("min(DISTINCT Id)", whole, true),
            ("max(DISTINCT Id)", whole, true),
            ("sum(DISTINCT Id)", whole, false),
            ("avg(DISTINCT Id)", whole, false),
            ("bit_xor(DISTINCT Id)", whole, false),
            ("var(DISTINCT Id)", whole, false),
            (
                "last_value(Id)",
                "GROUPS BETWEEN 1 PRECEDING AND 1000 FOLLOWING",
                true,
            ),
            (
                "last_value(Id)",
                "ROWS BETWEEN 1 PRECEDING AND 1000 FOLLOWING",
                true,
            ),
            (
                "last_value(Id)",
                &format!("GROUPS BETWEEN 1 PRECEDING AND {far} FOLLOWING"),
                false,
            ),
            (
                "last_value(Id)",
                &format!("ROWS BETWEEN 1 PRECEDING AND {far} FOLLOWING"),
                false,
            ),
            (
                "first_value(Id)",
                &format!("ROWS BETWEEN {far} PRECEDING AND CURRENT ROW"),
                false,
            ),
            ("sum(Id)", &format!("GROUPS {far} PRECEDING"), false),
            (
                "sum(Id)",
                &format!("RANGE BETWEEN CURRENT ROW AND {} FOLLOWING", i64::MAX),
                false,
            ),
            (
                "sum(Id)",
                "RANGE BETWEEN CURRENT ROW AND 10 FOLLOWING",
                true,
            ),
        ] {
            let text = format!(
                "SELECT count(w) FROM (SELECT {function} OVER (ORDER BY Id {over}) w FROM T WHERE Id < 50) x"
            );
            let answer = ask(&view, &text, &Options::default(), &Control::new(None));
            match answer {
                Ok(_) => assert!(answered, "{text}"),
                Err(error) => {
                    assert!(!answered, "{text}: {error}");
                    assert_eq!(error.kind, ErrorKind::Refused, "{text}: {error}");
                }
            }
        }
    });
}

/// The figures of an answer are those of who asks: whether a scan was run for it or kept from somebody else's query does not show.
#[test]
fn statistics_do_not_tell_who_asked_before() {
    deep(|| {
        let world = world().measure("T", "Total", "SUM(T[Id])");
        let gate = world.gate().keeping_scans(64 << 20);
        let room = Room::new(0);
        for text in [
            "SELECT Same, sum(Id) FROM T GROUP BY Same",
            "SELECT Same, MEASURE(Total) FROM T GROUP BY Same",
            "SELECT count(*) FROM T WHERE Name LIKE 'name 1%'",
            "SELECT Id FROM T WHERE Id < 3",
        ] {
            let mut scans = Vec::new();
            for user in ["ana@contoso.com", "bob@contoso.com"] {
                let view = gate.admit(Identity::user(user)).unwrap();
                let control = Control::new(None);
                let plans = Plans::new(&room);
                let answer = sql::query(&view, &plans, text, &Options::default(), &control);
                scans.push(answer.unwrap().statistics.scans);
            }
            assert!(scans[0] > 0, "{text}");
            assert_eq!(scans[0], scans[1], "{text}");
        }
    });
}

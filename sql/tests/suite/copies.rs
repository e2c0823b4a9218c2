//! Texts that operators copy: what joins, windows and aggregates would write out for each row is refused before they begin.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use engine::{ErrorKind, Limits};
use security::{Bounds, Control, Meter, Share, View};
use sql::{Collation, Options, Plans, Room};

use crate::world::{World, days, deep, integers};

const ROWS: i64 = 5_000;

fn world() -> World {
    let texts: StringArray = (0..ROWS).map(|n| Some(format!("text {n}"))).collect();
    World::default().table(
        "B",
        vec![
            ("k", integers(0..ROWS)),
            ("c", Arc::new(texts) as ArrayRef),
            ("d", days((0..ROWS).map(|n| n % 1_000))),
        ],
    )
}

/// The most that a statement holds, counted, and what comes of it under 300 MB.
fn ask(view: &Arc<View>, text: &str, collation: Collation) -> Result<usize, engine::Error> {
    let meter = Meter::new(Share::Query, 300_000_000);
    let control = Control::bounded(Bounds {
        memory: Some(Arc::clone(&meter)),
        ..Bounds::default()
    });
    let options = Options {
        limits: Limits {
            text_bytes: 1 << 30,
            ..Limits::default()
        },
        collation,
        ..Options::default()
    };
    let plans = Plans::new(&Room::new(0));
    let answer = sql::query(view, &plans, text, &options, &control);
    assert_eq!(meter.held(), 0);
    answer.map(|answer| answer.rows())
}

/// Each form is answered with a short text in the place of `#`, and refused with a long one.
fn check(form: &str) {
    let view = world().view(&[]);
    for collation in [Collation::Model, Collation::Exact] {
        for (length, refused) in [(20, false), (1_000, true)] {
            // Sixty times as long as they are written.
            let text = format!(
                "replace('{}', 'x', '{}')",
                "x".repeat(length),
                "y".repeat(90)
            );
            let answer = ask(&view, &form.replace('#', &text), collation);
            match answer {
                Ok(_) if !refused => {}
                Err(error) if refused => {
                    assert_eq!(error.kind, ErrorKind::Limit, "{form}: {error}")
                }
                other => panic!("{form} {length}: {other:?}"),
            }
        }
    }
}

#[test]
fn windows_count_the_text_that_they_give() {
    deep(|| {
        for function in [
            "first_value(CASE WHEN k = 0 THEN # || c ELSE c END)",
            "last_value(CASE WHEN k = 0 THEN # || c ELSE c END)",
            "nth_value(# || c, 1)",
            "max(# || c)",
            "min(# || c)",
            "lag(# || c)",
            "lead(# || c)",
        ] {
            check(&format!(
                "SELECT max(octet_length(f)) FROM (SELECT {function} OVER (ORDER BY k) f FROM B) t"
            ));
            check(&format!(
                "SELECT max(octet_length(f)), max(n) FROM (SELECT {function} OVER (ORDER BY k) f, ntile(2) OVER (ORDER BY k) n FROM B) t"
            ));
        }
        // The default of LAG is a constant.
        let view = world().view(&[]);
        for value in ["c", "NULL"] {
            for (length, refused) in [(100, false), (20_000, true)] {
                let windows: Vec<String> = (0..5)
                    .map(|n| {
                        format!(
                            "lag({value}, 100000000, '{}{n}') OVER (ORDER BY k) f{n}",
                            "y".repeat(length)
                        )
                    })
                    .collect();
                let text = format!(
                    "SELECT max(n), count(f0), count(f1), count(f2), count(f3), count(f4) FROM (SELECT {}, ntile(2) OVER (ORDER BY k) n FROM B) t",
                    windows.join(", ")
                );
                let answer = ask(&view, &text, Collation::Model);
                assert_eq!(answer.is_err(), refused, "{value} {length}: {answer:?}");
                if let Err(error) = answer {
                    assert_eq!(error.kind, ErrorKind::Limit, "{error}");
                }
            }
        }
    });
}

#[test]
fn joins_count_the_text_that_they_copy() {
    deep(|| {
        let one = "(SELECT # || c t, k - k z FROM B WHERE k = 0) b";
        for joined in [
            format!("B a, {one} WHERE a.k + octet_length(b.t) > 0"),
            format!("B a LEFT JOIN {one} ON a.k - a.k = b.z"),
            format!("B a JOIN {one} ON a.k - a.k = b.z"),
            format!("{one} RIGHT JOIN B a ON a.k - a.k = b.z"),
            format!("{one} FULL JOIN B a ON a.k > b.z"),
            "B a, (VALUES (#)) b(t)".to_owned(),
            "B a, (SELECT string_agg(# || c, ',') t FROM B WHERE k < 2) b".to_owned(),
        ] {
            check(&format!(
                "SELECT max(octet_length(b.t || a.c)) FROM {joined}"
            ));
        }
        // Many columns of one text are copied each.
        let many: Vec<String> = (0..60).map(|n| format!("t t{n}")).collect();
        let all: Vec<String> = (0..60)
            .map(|n| format!("max(octet_length(t{n}))"))
            .collect();
        let (many, all) = (many.join(", "), all.join(", "));
        let view = world().view(&[]);
        let text = format!(
            "SELECT {all} FROM B a, (SELECT {many} FROM (SELECT concat('{}', c) t FROM B WHERE k = 0) x) b WHERE a.k >= 0",
            "x".repeat(2_000)
        );
        let refused = ask(&view, &text, Collation::Model).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Limit, "{refused}");
        // A query that stands for one value gives it to every row.
        check(
            "SELECT max(octet_length(CASE WHEN k > 1 THEN (SELECT string_agg(# || c, ',') FROM B WHERE k < 2) ELSE c END)) FROM B",
        );
    });
}

#[test]
fn aggregates_count_the_text_that_they_keep() {
    deep(|| {
        let long = "CASE WHEN k >= 0 THEN # ELSE c END";
        check(&format!(
            "SELECT k, max(t), min(t) FROM (SELECT k, {long} t FROM B) x GROUP BY k"
        ));
        let many: Vec<String> = (0..50)
            .map(|n| format!("max(t) FILTER (WHERE k <> {n})"))
            .collect();
        let view = world().view(&[]);
        let text = format!(
            "SELECT k, {} FROM (SELECT k, CASE WHEN k >= 0 THEN '{}' ELSE c END t FROM B) x GROUP BY k",
            many.join(", "),
            "x".repeat(1_000)
        );
        let refused = ask(&view, &text, Collation::Model).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Limit, "{refused}");
    });
}

#[test]
fn what_formats_make_is_counted() {
    deep(|| {
        let view = world().view(&[]);
        let text = |times: usize| {
            format!(
                "SELECT max(octet_length(to_char(d, '{}'))) FROM B",
                "%c".repeat(times)
            )
        };
        ask(&view, &text(20), Collation::Model).unwrap();
        let refused = ask(&view, &text(2_000), Collation::Model).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Limit, "{refused}");
    });
}

#[test]
fn one_text_is_as_long_as_dax_makes_it() {
    deep(|| {
        let meter = Meter::new(Share::Query, 64 << 30);
        let view = world().view(&[]);
        for (times, refused) in [(1_000, false), (1_100, true)] {
            let text = format!(
                "SELECT octet_length(concat(replace('{}', 'x', '{}'), c)) FROM B WHERE k = 0",
                "x".repeat(times),
                "y".repeat(1_000)
            );
            let control = Control::bounded(Bounds {
                memory: Some(Arc::clone(&meter)),
                ..Bounds::default()
            });
            let plans = Plans::new(&Room::new(0));
            let answer = sql::query(&view, &plans, &text, &Options::default(), &control);
            match answer {
                Ok(_) if !refused => {}
                Err(error) if refused => {
                    assert_eq!(error.kind, ErrorKind::Limit);
                    assert!(error.message.contains("1,048,576"), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

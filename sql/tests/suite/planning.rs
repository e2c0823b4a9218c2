//! Short statements that planners take long over: each is refused before it is planned, and its small kin is answered.

use std::time::{Duration, Instant};

use engine::ErrorKind;
use security::{Bounds, Control};
use sql::{Collation, Options};

use crate::world::{World, count_rows as ask, deep, integers, texts};

fn world() -> World {
    World::default().table(
        "T",
        vec![("x", integers([1, 2, 3])), ("s", texts(["a", "b", "c"]))],
    )
}

/// An expression put into itself so many times: `#` is what stands within, `@` the level.
fn nest(form: &str, first: &str, levels: usize) -> String {
    (0..levels).fold(first.to_owned(), |text, level| {
        form.replace('@', &level.to_string()).replace('#', &text)
    })
}

/// A list of so many, `@` the number of each.
fn list(form: &str, separator: &str, length: usize) -> String {
    let parts: Vec<String> = (0..length)
        .map(|number| form.replace('@', &number.to_string()))
        .collect();
    parts.join(separator)
}

/// `WITH c0 AS (SELECT x FROM T), c1 AS (form over c0), ...`, and a query over the last.
fn chain(form: &str, length: usize) -> String {
    let mut text = "WITH c0 AS (SELECT x FROM T)".to_owned();
    for number in 1..=length {
        let body = form.replace('@', &(number - 1).to_string());
        text += &format!(", c{number} AS ({body})");
    }
    text + &format!(" SELECT count(*) FROM c{length}")
}

/// Both are told within seconds, in a build without optimization too: the small one is answered, the large one refused for what it says.
fn check(form: &dyn Fn(usize) -> String, small: usize, large: usize, expected: &str) {
    let view = world().view(&[]);
    for (size, refused) in [(small, false), (large, true)] {
        let text = form(size);
        let shown: String = text.chars().take(120).collect();
        let started = Instant::now();
        let answer = ask(&view, &text, &Options::default(), &Control::new(None));
        let took = started.elapsed();
        match answer {
            Err(error) if refused => {
                assert_eq!(error.kind, ErrorKind::Limit, "{shown}: {error}");
                assert!(error.message.contains(expected), "{shown}: {error}");
                assert!(took < Duration::from_secs(2), "{shown}: {took:?}");
            }
            Ok(_) if !refused => assert!(took < Duration::from_secs(20), "{shown}: {took:?}"),
            other => panic!("{shown}: {other:?}"),
        }
        if std::env::var("SHOW_TIMES").is_ok() {
            println!("{took:?} {size} {shown}");
        }
    }
}

#[test]
fn what_the_planner_writes_out_twice_counts_twice() {
    deep(|| {
        for (form, first, small) in [
            ("coalesce(#, @)", "x", 10),
            ("nvl(#, @)", "x", 10),
            ("ifnull(#, @)", "x", 10),
            ("coalesce(x, #, @)", "x + 1", 10),
            ("(# BETWEEN (1 = 0) AND (2 = 2))", "(x = 1)", 10),
            ("(# NOT BETWEEN (1 = 0) AND (2 = 2))", "(x = 1)", 10),
            (
                "CASE WHEN # THEN s = 'a' WHEN x = @ THEN s = 'b' END",
                "(x = 1)",
                6,
            ),
            (
                "CASE WHEN # THEN TRUE WHEN x = @ THEN FALSE WHEN x > @ THEN FALSE END",
                "(x = 1)",
                4,
            ),
        ] {
            let text = |levels| format!("SELECT {} FROM T", nest(form, first, levels));
            check(&text, small, 30, "terms");
        }
        // The last of them is written once.
        let last = nest("coalesce(x, #)", "x", 60);
        let view = world().view(&[]);
        let text = format!("SELECT {last} FROM T");
        let answer = ask(&view, &text, &Options::default(), &Control::new(None));
        assert_eq!(answer.unwrap(), 3);
    });
}

#[test]
fn nullif_of_text_is_planned_once() {
    deep(|| {
        let view = world().view(&[]);
        for collation in [Collation::Model, Collation::Exact] {
            let options = Options {
                collation,
                ..Options::default()
            };
            let text = format!("SELECT {} FROM T", nest("nullif(#, '@')", "s", 60));
            let started = Instant::now();
            let answer = ask(&view, &text, &options, &Control::new(None));
            assert_eq!(answer.unwrap(), 3);
            assert!(started.elapsed() < Duration::from_secs(10));
        }
    });
}

#[test]
fn queries_in_expressions_have_few_levels() {
    deep(|| {
        let where_ = |form: &'static str, first: &'static str| {
            move |levels| format!("SELECT count(*) FROM T WHERE {}", nest(form, first, levels))
        };
        let deep = "deep";
        check(
            &where_("EXISTS (SELECT 1 FROM T WHERE #)", "x = 1"),
            5,
            14,
            deep,
        );
        check(
            &where_("x IN (SELECT x FROM T WHERE #)", "x = 1"),
            5,
            14,
            deep,
        );
        check(
            &where_("x NOT IN (SELECT x FROM T WHERE #)", "x = 1"),
            5,
            14,
            deep,
        );
        check(
            &where_("x >= ANY (SELECT x FROM T WHERE #)", "x = 1"),
            2,
            14,
            "joins",
        );
        check(
            &where_("x >= ALL (SELECT x FROM T WHERE #)", "x = 1"),
            2,
            14,
            "joins",
        );
        let scalar = |levels| format!("SELECT {}", nest("(SELECT max(x) + # FROM T)", "1", levels));
        check(&scalar, 5, 14, deep);
        // Written out twice, a query is planned twice.
        let twice = |levels| {
            let form = "coalesce((SELECT max(x) FROM T WHERE x > #), 1)";
            format!("SELECT {}", nest(form, "1", levels))
        };
        check(&twice, 3, 8, "joins");
        let lateral = |levels| {
            let inner = nest(
                "(SELECT T.x FROM T, LATERAL # l WHERE T.x > 0)",
                "(SELECT x FROM T)",
                levels,
            );
            format!("SELECT * FROM {inner} t")
        };
        check(&lateral, 2, 14, deep);
        let within = "SELECT x FROM T WHERE EXISTS (SELECT 1 FROM c@)";
        check(&|length| chain(within, length), 5, 24, deep);
        let derived = |levels| {
            let inner = "(SELECT x FROM T WHERE EXISTS (SELECT 1 FROM # d))";
            format!("SELECT count(*) FROM {} d", nest(inner, "T", levels))
        };
        check(&derived, 5, 14, deep);
    });
}

#[test]
fn long_and_deep_statements_are_refused() {
    deep(|| {
        let cross = |tables| {
            format!(
                "SELECT count(*) FROM (SELECT 1 y) a{}",
                list(", (SELECT 1 y) a@", "", tables)
            )
        };
        check(&cross, 40, 400, "joins");
        let join = |tables| {
            let joins = list("JOIN T b@ ON t.x = b@.x", " ", tables);
            format!("SELECT count(*) FROM T t {joins}")
        };
        check(&join, 20, 200, "joins");
        // What stands under a name, in an expression or behind a set operation is joined too.
        let named = |tables| {
            let from = list("c c@", ", ", tables);
            format!("WITH c AS (SELECT a.x FROM T a, T b, T d) SELECT count(*) FROM {from}")
        };
        check(&named, 3, 50, "joins");
        let within = |queries| {
            let every = list("x IN (SELECT x + @ FROM T)", " AND ", queries);
            format!("SELECT count(*) FROM T WHERE {every}")
        };
        check(&within, 20, 200, "joins");
        let intersect = |queries| {
            format!(
                "SELECT x FROM T{}",
                " INTERSECT SELECT x FROM T".repeat(queries)
            )
        };
        check(&intersect, 20, 200, "joins");
        let union = |queries| format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(queries));
        check(&union, 200, 1_000, "branches");
        for form in [
            "SELECT x FROM c@",
            "SELECT max(x) x FROM c@",
            "SELECT x FROM c@ LIMIT 9",
            "SELECT sum(x) OVER (ORDER BY x) x FROM c@",
        ] {
            check(&|length| chain(form, length), 50, 400, "deep");
        }
        let from_t = |what: String| format!("SELECT {what} FROM T");
        check(
            &|n| from_t(list("sum(x + @)", ", ", n)),
            200,
            900,
            "aggregates",
        );
        check(
            &|n| from_t(list("sum(x) OVER (ORDER BY x + @)", ", ", n)),
            40,
            500,
            "window functions",
        );
        check(
            &|n| format!("SELECT x FROM T ORDER BY {}", list("x + @", ", ", n)),
            200,
            2_000,
            "keys",
        );
        check(
            &|n| format!("SELECT count(*) FROM T GROUP BY {}", list("x + @", ", ", n)),
            200,
            2_000,
            "keys",
        );
        check(
            &|n| format!("SELECT DISTINCT ON ({}) x FROM T", list("x + @", ", ", n)),
            200,
            2_000,
            "keys",
        );
        check(
            &|n| {
                format!(
                    "SELECT sum(x) OVER (PARTITION BY {}) FROM T",
                    list("x + @", ", ", n)
                )
            },
            10,
            500,
            "keys",
        );
        check(
            &|n| {
                from_t(list(
                    "sum(x) OVER (PARTITION BY x + @, x + 1, x + 2, x + 3)",
                    ", ",
                    n,
                ))
            },
            20,
            90,
            "keys",
        );
        check(
            &|n| {
                format!(
                    "SELECT {} FROM T WINDOW w AS (PARTITION BY x, x + 1, x + 2, x + 3)",
                    list("sum(x + @) OVER w", ", ", n)
                )
            },
            20,
            90,
            "keys",
        );
        check(&|n| from_t(list("x + @", ", ", n)), 500, 2_000, "lists");
        check(
            &|n| format!("WITH {} SELECT 1", list("c@ AS (SELECT x FROM T)", ", ", n)),
            100,
            2_000,
            "WITH",
        );
    });
}

/// A plan that takes long can be stopped while it is made: every rule looks.
#[test]
fn planning_stops() {
    deep(|| {
        let view = world().view(&[]);
        let joins = list("JOIN T b@ ON t.x = b@.x", " ", 20);
        let text = format!("EXPLAIN SELECT count(*) FROM T t {joins}");
        let whole = Control::new(None);
        ask(&view, &text, &Options::default(), &whole).unwrap();
        assert!(whole.checks() > 500, "{}", whole.checks());
        for looks in [0, 10, 100, whole.checks() - 1] {
            let control = Control::bounded(Bounds {
                looks: Some(looks),
                ..Bounds::default()
            });
            let stopped = ask(&view, &text, &Options::default(), &control).unwrap_err();
            assert_eq!(stopped.kind, ErrorKind::Cancelled, "after {looks} looks");
            assert!(control.checks() <= looks + 5, "{}", control.checks());
        }
    });
}

/// Words that stand between two expressions count as the signs do: a chain of them is as deep as it is long.
#[test]
fn chains_of_words_are_refused_before_they_are_parsed() {
    deep(|| {
        let view = world().view(&[]);
        for (first, link) in [
            ("1", " IN(1)"),
            ("'a'", " LIKE''"),
            ("'a'", " ILIKE''"),
            ("'a'", " SIMILAR TO ''"),
            ("'a'", " RLIKE ''"),
            ("'a'", " REGEXP ''"),
            ("'a'", " MATCH ''"),
            ("1", " XOR 1"),
            ("1", " DIV 1"),
            ("1", " BETWEEN 1 AND 1"),
            ("1", " OVERLAPS 1"),
            ("1", " MEMBER OF(1)"),
            ("1", " NOTNULL"),
            ("1", " ISNULL"),
            ("1", " MINUS SELECT 1"),
            ("'a'", " COLLATE a"),
            ("now()", " AT TIME ZONE 'UTC'"),
        ] {
            let text = format!("SELECT {first}{}", link.repeat((1 << 20) / link.len() - 10));
            let started = Instant::now();
            let refused = ask(&view, &text, &Options::default(), &Control::new(None)).unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Limit, "{link}: {refused}");
            assert!(refused.message.contains("operators"), "{link}: {refused}");
            assert!(started.elapsed() < Duration::from_secs(5), "{link}");
        }
    });
}

/// What the audit is told of a statement of very many names takes no longer than they are.
#[test]
fn many_names_are_looked_up_once() {
    deep(|| {
        let columns: Vec<(String, arrow::array::ArrayRef)> = (0..400)
            .map(|n| (format!("Column {n}"), integers([1])))
            .collect();
        let columns = columns
            .iter()
            .map(|(name, values)| (name.as_str(), values.clone()));
        let view = World::default().table("T", columns.collect()).view(&[]);
        let words = list("w@", ", ", 100_000);
        let text = format!("SELECT \"COLUMN 7\" FROM T WHERE 1 IN ({words})");
        let started = Instant::now();
        let said = sql::mentioned(&view, &text);
        assert!(
            said.contains("'T'[Column 7]") && !said.contains("'T'[Column 8]"),
            "{said}"
        );
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{:?}",
            started.elapsed()
        );
    });
}

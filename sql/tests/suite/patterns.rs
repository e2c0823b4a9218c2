//! Patterns: a regular expression is known before a row is read, and every pattern is short.

use engine::ErrorKind;

use crate::world::{World, ask, ask_exact, deep, integers, texts};

fn world() -> World {
    let names: Vec<String> = (0..2_000).map(|n| format!("name {n}")).collect();
    World::default().table(
        "T",
        vec![
            ("k", integers(0..2_000)),
            ("c", texts(names.iter().map(String::as_str))),
        ],
    )
}

#[test]
fn a_regular_expression_takes_a_pattern_of_the_statement() {
    deep(|| {
        let view = world().view(&[]);
        for condition in [
            "c ~ #",
            "c ~* #",
            "c !~ #",
            "c !~* #",
            "c SIMILAR TO #",
            "c NOT SIMILAR TO #",
            "regexp_like(c, #)",
            "regexp_like(c, 'a', #)",
            "regexp_count(c, #) > 0",
            "regexp_count(c, 'a', 1, #) > 0",
        ] {
            // Written, put together of what is written, and brought by a subquery of one row that is.
            let known = if condition.contains("'a'") {
                "'i'"
            } else {
                "'N.*1'"
            };
            for pattern in [
                known,
                &format!("concat({known}, '')"),
                &format!("({known} || '')"),
            ] {
                let text = format!(
                    "SELECT count(*) FROM T WHERE {}",
                    condition.replace('#', pattern)
                );
                assert!(ask(&view, &text).is_ok(), "{text}: {:?}", ask(&view, &text));
            }
            for pattern in [
                "c",
                "CAST(k AS TEXT)",
                "c || '(\\w{20}){10}'",
                "CASE WHEN k > 1 THEN 'a' ELSE 'b' END",
                // Too long, and put together to be too long.
                &format!("'{}'", "\\w".repeat(5_000)),
                &format!("replace('{}', 'x', '\\w\\w\\w\\w')", "x".repeat(2_000)),
            ] {
                for select in [
                    "SELECT count(*) FROM T WHERE #",
                    "SELECT # FROM T",
                    "SELECT k FROM T GROUP BY k HAVING max(c) = '' OR count(*) FILTER (WHERE #) > 1",
                ] {
                    let text = select.replace('#', &condition.replace('#', pattern));
                    for answer in [ask(&view, &text), ask_exact(&view, &text)] {
                        let error = answer.map(|_| ()).unwrap_err();
                        let kinds = [ErrorKind::Refused, ErrorKind::Limit];
                        assert!(kinds.contains(&error.kind), "{text}: {error}");
                    }
                }
            }
        }
        // What a join or a subquery brings is not of the statement.
        for text in [
            "SELECT count(*) FROM T a JOIN T b ON a.c ~ b.c",
            "SELECT count(*) FROM T WHERE c ~ (SELECT max(c) FROM T)",
            "SELECT count(*) FROM T a WHERE EXISTS (SELECT 1 FROM T b WHERE regexp_like(a.c, b.c))",
        ] {
            let error = ask(&view, text).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Refused, "{text}: {error}");
        }
        let many: Vec<String> = (0..70).map(|n| format!("c ~ 'N.*{n}'")).collect();
        let text = format!("SELECT count(*) FROM T WHERE {}", many.join(" OR "));
        assert_eq!(ask(&view, &text).unwrap_err().kind, ErrorKind::Limit);
    });
}

/// A pattern of some bytes that stands for megabytes does not compile.
#[test]
fn a_regular_expression_is_small_once_it_is_compiled() {
    deep(|| {
        let view = world().view(&[]);
        for pattern in ["(\\w{50}){50}", "((\\w{20}){20}){20}", "\\w{5000}"] {
            for condition in [
                "c ~ '#'",
                "regexp_like(c, '#')",
                "c SIMILAR TO '#'",
                "regexp_count(c, '#') > 1",
            ] {
                let text = format!(
                    "SELECT count(*) FROM T WHERE {}",
                    condition.replace('#', pattern)
                );
                assert!(ask(&view, &text).is_err(), "{text}");
            }
        }
    });
}

#[test]
fn patterns_of_like_are_short() {
    deep(|| {
        let view = world().view(&[]);
        let count = "SELECT count(*) FROM T a JOIN T b ON a.k = b.k WHERE a.c LIKE #";
        for (pattern, fails) in [
            ("'name 1%'", false),
            ("b.c", false),
            ("'%' || b.c || '%'", false),
            (&format!("'{}'", "_".repeat(40_000)), true),
            (&format!("'{}' || b.c", "_".repeat(300)), true),
            (&format!("concat(b.c, '{}')", "_%".repeat(300)), true),
        ] {
            for word in ["LIKE", "NOT LIKE", "ILIKE"] {
                let text = count.replace("LIKE", word).replace('#', pattern);
                let shown: String = text.chars().take(120).collect();
                for answer in [ask(&view, &text), ask_exact(&view, &text)] {
                    assert_eq!(answer.is_err(), fails, "{shown}: {answer:?}");
                    if let Err(error) = answer {
                        assert_eq!(error.kind, ErrorKind::Limit, "{shown}: {error}");
                    }
                }
            }
        }
    });
}

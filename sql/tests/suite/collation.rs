//! How text compares, as the model does and letter by letter.

use std::sync::Arc;

use security::View;

use crate::plain;
use crate::world::{World, ask, ask_exact, deep, integers, texts};

/// Spellings of two columns differ in case and in trailing spaces.
fn world() -> World {
    World::default()
        .table(
            "Items",
            vec![
                ("Id", integers([1, 2, 3, 4, 5])),
                (
                    "Word",
                    texts([
                        Some("Bike"),
                        Some("BIKE "),
                        Some("lock"),
                        None,
                        Some("Éclair"),
                    ]),
                ),
                (
                    "Kind",
                    texts([Some("a"), Some("A"), Some("b"), Some("b"), None]),
                ),
            ],
        )
        .table(
            "Kinds",
            vec![
                ("Kind", texts(["A", "B", "c"])),
                ("Label", texts(["First", "second", "third"])),
            ],
        )
        .relate("Items.Kind > Kinds.Kind")
}

/// Rows in words, `,` between columns and ` | ` between rows; or the error.
fn shown(answer: Result<sql::Answer, engine::Error>) -> String {
    match answer {
        Ok(answer) => {
            let rows: Vec<String> = plain::rows(&answer.batches)
                .iter()
                .map(|row| row.join(","))
                .collect();
            rows.join(" | ")
        }
        Err(error) => format!("error: {}", error.message),
    }
}

fn check(view: &Arc<View>, text: &str, model: &str, exact: &str) {
    assert_eq!(shown(ask(view, text)), model, "as the model: {text}");
    assert_eq!(shown(ask_exact(view, text)), exact, "exact: {text}");
}

#[test]
fn text_compares_as_in_the_model_unless_asked_otherwise() {
    deep(|| {
        let view = world().view(&[]);
        // The column shows one spelling for all that are equal, so rows 1 and 2 are alike even letter by letter.
        check(
            &view,
            "SELECT Id FROM Items WHERE Word = 'bike' ORDER BY Id",
            "1 | 2",
            "",
        );
        check(
            &view,
            "SELECT Id FROM Items WHERE Word = 'Bike' ORDER BY Id",
            "1 | 2",
            "1 | 2",
        );
        check(
            &view,
            "SELECT Id FROM Items WHERE Word <> 'BIKE' ORDER BY Id",
            "3 | 5",
            "1 | 2 | 3 | 5",
        );
        check(
            &view,
            "SELECT Id FROM Items WHERE Word LIKE 'bi%' ORDER BY Id",
            "1 | 2",
            "",
        );
        check(
            &view,
            "SELECT Id FROM Items WHERE Word NOT LIKE 'BI_E' ORDER BY Id",
            "3 | 5",
            "1 | 2 | 3 | 5",
        );
        check(
            &view,
            "SELECT Id FROM Items WHERE Word IN ('LOCK', 'éclair') ORDER BY Id",
            "3 | 5",
            "",
        );
        check(
            &view,
            "SELECT Id FROM Items WHERE Word BETWEEN 'A' AND 'c' ORDER BY Id",
            "1 | 2",
            "1 | 2",
        );
        check(
            &view,
            "SELECT Id FROM Items WHERE Word > 'LZ' ORDER BY Id",
            "",
            "3 | 5",
        );
        // As in a dictionary: É stands beside E, and not behind all letters of English.
        check(
            &view,
            "SELECT Id FROM Items WHERE Word BETWEEN 'e' AND 'f' ORDER BY Id",
            "5",
            "",
        );
        check(
            &view,
            "SELECT Id FROM Items WHERE 'F' > lower(Word) ORDER BY Id",
            "1 | 2 | 5",
            "",
        );
        check(
            &view,
            "SELECT Id FROM Items WHERE NOT (Word || '' BETWEEN 'E' AND NULL) ORDER BY Id",
            "1 | 2",
            "1 | 2",
        );
        check(
            &view,
            "SELECT Word FROM Items ORDER BY Word DESC NULLS LAST, Id",
            "lock | Éclair | Bike | Bike | NULL",
            "Éclair | lock | Bike | Bike | NULL",
        );
        check(
            &view,
            "SELECT x FROM (VALUES ('f'), ('é'), ('e'), ('1'), ('_')) t(x) ORDER BY x",
            "_ | 1 | e | é | f",
            "1 | _ | e | f | é",
        );
        check(
            &view,
            "SELECT Id FROM Items WHERE upper(Word) = 'bike' ORDER BY Id",
            "1 | 2",
            "",
        );
        check(
            &view,
            "SELECT i.Id, k.Label FROM Items i JOIN Kinds k ON i.Kind = k.Kind ORDER BY i.Id",
            "1,First | 2,First | 3,second | 4,second",
            "",
        );
        check(
            &view,
            "SELECT k.Label, count(*) FROM Items i JOIN Kinds k ON i.Kind = k.Kind GROUP BY k.Label ORDER BY 1",
            "First,2 | second,2",
            "",
        );
        check(
            &view,
            "SELECT DISTINCT x FROM (VALUES ('a'), ('A '), ('b')) t(x) ORDER BY 1",
            "A  | b",
            "A  | a | b",
        );
        check(
            &view,
            "SELECT count(DISTINCT x) FROM (VALUES ('a'), ('A '), ('b')) t(x)",
            "2",
            "3",
        );
        check(
            &view,
            "SELECT min(x), max(x) FROM (VALUES ('b'), ('A'), ('C')) t(x)",
            "A,C",
            "A,b",
        );
        check(
            &view,
            "SELECT min(Word), max(Word) FROM Items",
            "Bike,lock",
            "Bike,Éclair",
        );
        check(
            &view,
            "SELECT lower(x) || 'x' FROM (VALUES ('a'), ('B')) t(x) ORDER BY 1",
            "ax | bx",
            "ax | bx",
        );
        check(
            &view,
            "SELECT upper(x), count(*) FROM (VALUES ('a'), ('A'), ('b')) t(x) GROUP BY upper(x) ORDER BY 1",
            "A,2 | B,1",
            "A,2 | B,1",
        );
        check(
            &view,
            "SELECT x, count(*) FROM (VALUES ('a'), ('A'), ('b')) t(x) GROUP BY x ORDER BY 1",
            "A,2 | b,1",
            "A,1 | a,1 | b,1",
        );
        check(
            &view,
            "SELECT x FROM (VALUES ('b'), ('A'), ('C'), ('a')) t(x) UNION SELECT 'B' ORDER BY 1",
            "A | B | C",
            "A | B | C | a | b",
        );
        check(
            &view,
            "SELECT CASE Kind WHEN 'A' THEN 1 ELSE 0 END FROM Items ORDER BY Id",
            "1 | 1 | 0 | 0 | 0",
            "0 | 0 | 0 | 0 | 0",
        );
        check(
            &view,
            "SELECT nullif(Kind, 'A') FROM Items ORDER BY Id",
            "NULL | NULL | b | b | NULL",
            "a | a | b | b | NULL",
        );
        check(
            &view,
            "SELECT Id FROM Items WHERE Kind IN (SELECT Kind FROM Kinds) ORDER BY Id",
            "1 | 2 | 3 | 4",
            "",
        );
        check(
            &view,
            "SELECT Kind FROM Items INTERSECT SELECT Kind FROM Kinds ORDER BY 1",
            "a | b",
            "",
        );
        check(
            &view,
            "SELECT Id, rank() OVER (ORDER BY Kind) FROM Items ORDER BY Id",
            "1,1 | 2,1 | 3,3 | 4,3 | 5,5",
            "1,1 | 2,1 | 3,3 | 4,3 | 5,5",
        );
        check(
            &view,
            "SELECT x, sum(n) OVER (PARTITION BY x) FROM (VALUES ('a', 1), ('A', 2), ('b', 4)) t(x, n) ORDER BY n",
            "a,3 | A,3 | b,4",
            "a,1 | A,2 | b,4",
        );
        check(
            &view,
            "SELECT Word FROM Items ORDER BY Word NULLS LAST",
            "Bike | Bike | Éclair | lock | NULL",
            "Bike | Bike | lock | Éclair | NULL",
        );
    });
}

#[test]
fn what_cannot_be_compared_as_the_model_does_is_refused() {
    deep(|| {
        let view = world().view(&[]);
        for text in [
            "SELECT greatest(Word, Kind) FROM Items",
            "SELECT Id FROM Items WHERE Word LIKE 'aXb' ESCAPE 'X'",
            "WITH RECURSIVE r AS (SELECT 'a' AS x UNION SELECT x FROM r) SELECT * FROM r",
        ] {
            let error = ask(&view, text).unwrap_err();
            assert_eq!(error.kind, engine::ErrorKind::Argument, "{text}: {error}");
        }
    });
}

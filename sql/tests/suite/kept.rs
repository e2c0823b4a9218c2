//! Plans that are kept: which, for how long, and that each run of one is bounded and stopped by its own control.
//!
//! That a kept plan answers as a new one does is seen by every other test: each asks its statements twice.

use std::sync::Arc;

use engine::{ErrorKind, Value};
use security::{Control, View};
use sql::{Answer, Collation, Options, Plans, Room};

use crate::world::{World, integers, texts};

fn view() -> Arc<View> {
    let world = World::default().table(
        "T",
        vec![
            ("Id", integers(0..100)),
            (
                "Name",
                texts((0..100).map(|n| if n % 2 == 0 { "a" } else { "A" })),
            ),
        ],
    );
    world.view(&[])
}

fn ask(view: &Arc<View>, plans: &Plans, text: &str, options: &Options) -> Answer {
    sql::query(view, plans, text, options, &Control::new(None)).unwrap()
}

fn was_found(answer: &Answer) -> bool {
    answer.statistics.stages.first().map(|(stage, _)| *stage) == Some("find")
}

#[test]
fn a_statement_is_planned_once_for_a_view() {
    let (view, room) = (view(), Room::new(1 << 20));
    let plans = Plans::new(&room);
    for (text, kept) in [
        ("SELECT count(*) FROM T WHERE Id < 10", true),
        (
            "SELECT Name, sum(Id) AS s FROM T GROUP BY Name ORDER BY s LIMIT 3",
            true,
        ),
        (
            "SELECT a.Id FROM T a JOIN T b ON a.Id = b.Id + 1 WHERE upper(b.Name) = 'A'",
            true,
        ),
        ("SELECT Id FROM T WHERE Id = (SELECT max(Id) FROM T)", true),
        ("SELECT rank() OVER (ORDER BY Id) FROM T", true),
        // These say something else each time they are asked.
        ("SELECT now() FROM T", false),
        (
            "SELECT count(*) FROM T WHERE current_date > DATE '2020-01-01'",
            false,
        ),
        // Their text is counted for one run.
        ("SELECT concat(Name, 'x') FROM T", false),
        ("SELECT Name || 'x' FROM T", false),
        (
            "SELECT replace(Name, 'a', 'bb') FROM T WHERE Id IN (SELECT Id FROM T)",
            false,
        ),
        // These are not of the model.
        ("SELECT count(*) FROM information_schema.tables", false),
        (
            "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n",
            false,
        ),
        ("EXPLAIN SELECT Id FROM T", false),
        ("SHOW TABLES", false),
    ] {
        let options = Options::default();
        assert!(!was_found(&ask(&view, &plans, text, &options)), "{text}");
        assert_eq!(
            was_found(&ask(&view, &plans, text, &options)),
            kept,
            "{text}"
        );
    }
}

/// One spelling stands for all that differ in case, whatever has the name.
#[test]
fn names_that_differ_in_case_are_those_of_the_plan() {
    let cities = || texts(["Rome", "Oslo", "Bern"]);
    let view = World::default()
        .table("A", vec![("City", cities())])
        .table("B", vec![("CITY", cities()), ("V", integers(0..3))])
        .view(&[]);
    let plans = Plans::new(&Room::new(1 << 20));
    for text in [
        "SELECT CITY, V FROM B WHERE CITY > 'c' ORDER BY V",
        "SELECT city, max(V + 1) AS m FROM B WHERE upper(City) <> 'X' GROUP BY cITY ORDER BY m",
        "SELECT * FROM B JOIN A ON A.CITY = B.city ORDER BY V",
    ] {
        let options = Options::default();
        let first = ask(&view, &plans, text, &options);
        let again = ask(&view, &plans, text, &options);
        assert!(!was_found(&first) && was_found(&again), "{text}");
        assert_eq!(first.schema, again.schema, "{text}");
        assert_eq!(first.batches, again.batches, "{text}");
    }
}

#[test]
fn what_a_plan_depends_on_is_part_of_its_key() {
    let (view, room) = (view(), Room::new(1 << 20));
    let plans = Plans::new(&room);
    let text = "SELECT count(*) AS n FROM T WHERE Name = 'A' AND Id < $most";
    let count = |most: i64, collation| {
        let options = Options {
            parameters: vec![("most".to_owned(), Value::Integer(most))],
            collation,
            ..Options::default()
        };
        let answer = ask(&view, &plans, text, &options);
        let column = answer.batches[0].column(0);
        let count = arrow::util::display::array_value_to_string(column, 0).unwrap();
        (was_found(&answer), count)
    };
    for found in [false, true] {
        assert_eq!(count(10, Collation::Model), (found, "10".to_owned()));
        assert_eq!(count(10, Collation::Exact), (found, "0".to_owned()));
        assert_eq!(count(20, Collation::Model), (found, "20".to_owned()));
    }
}

#[test]
fn room_is_bounded_and_given_back() {
    let (view, room) = (view(), Room::new(1 << 20));
    let options = Options::default();
    let (one, other) = (Plans::new(&room), Plans::new(&room));
    for number in 0..300 {
        let text = format!("SELECT Id FROM T WHERE Id = {number}");
        ask(&view, &one, &text, &options);
    }
    // A sixteenth is all that one view may fill, and the latest stay.
    assert!(room.held() > 0 && room.held() <= 1 << 16, "{}", room.held());
    assert!(was_found(&ask(
        &view,
        &one,
        "SELECT Id FROM T WHERE Id = 299",
        &options
    )));
    assert!(!was_found(&ask(
        &view,
        &one,
        "SELECT Id FROM T WHERE Id = 0",
        &options
    )));
    let long = format!("SELECT Id FROM T WHERE Name = '{}'", "x".repeat(1 << 15));
    ask(&view, &other, &long, &options);
    assert!(other.is_empty());
    ask(&view, &other, "SELECT Id FROM T", &options);
    assert_eq!(other.len(), 1);
    drop(one);
    drop(other);
    assert_eq!(room.held(), 0);
    let none = Plans::new(&Room::new(0));
    ask(&view, &none, "SELECT Id FROM T", &options);
    assert!(none.is_empty());
}

#[test]
fn each_run_has_its_own_control() {
    let (view, room) = (view(), Room::new(1 << 20));
    let plans = Plans::new(&room);
    let options = Options::default();
    for text in [
        "SELECT Name, sum(Id) FROM T GROUP BY Name",
        "SELECT a.Id FROM T a JOIN T b ON a.Id < b.Id",
    ] {
        assert!(!was_found(&ask(&view, &plans, text, &options)), "{text}");
        let cancelled = Control::new(None);
        cancelled.cancel();
        let error = sql::query(&view, &plans, text, &options, &cancelled);
        assert_eq!(error.unwrap_err().kind, ErrorKind::Cancelled, "{text}");
        assert!(was_found(&ask(&view, &plans, text, &options)), "{text}");
    }
}

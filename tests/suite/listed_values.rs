//! The values of a column are listed without a look at the rows where nothing else decides: under every role these are the values
//! of visible rows, all of them and no others.

use std::collections::BTreeSet;

use peristyle::{Session, Value};

use crate::corpus;
use crate::deletion::{RETAIL_PAIRS, RETAIL_ROWS, RETAIL_USERS, retail_world};
use crate::outcome::{Outcome, ask};
use crate::world::Case;

/// The rows of the only table of an answer.
fn rows(session: &Session, dax: &str) -> Vec<Vec<Value>> {
    match ask(session, dax, &corpus::options()) {
        Outcome::Tables(mut tables) if tables.len() == 1 => tables.remove(0).rows,
        other => panic!("{dax}\n{other:?}"),
    }
}

fn texts(rows: Vec<Vec<Value>>) -> BTreeSet<String> {
    let text = |row: Vec<Value>| format!("{:?}", row.first());
    rows.into_iter().map(text).collect()
}

fn columns(session: &Session) -> Vec<String> {
    let catalog = session.catalog();
    let tables = catalog.tables.iter();
    tables
        .flat_map(|table| {
            let columns = table.columns.iter();
            columns.map(move |column| format!("'{}'[{}]", table.name, column.name))
        })
        .collect()
}

/// Each role by itself, and some of the users and unions.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    let more = RETAIL_USERS.iter().step_by(4);
    RETAIL_ROWS
        .iter()
        .chain(more)
        .chain(RETAIL_PAIRS.iter().step_by(3))
}

#[test]
fn values_are_listed_as_rows_show_them() {
    let world = retail_world();
    let mut compared = 0;
    for case in cases() {
        let (session, copy) = (world.secured(case), world.copy(case));
        for column in columns(&session) {
            let place = format!("{} / {column}", case.name());
            let listed = texts(rows(&session, &format!("EVALUATE DISTINCT({column})")));
            // Counted row by row.
            let count = format!("EVALUATE {{ DISTINCTCOUNT({column}) + 0 }}");
            assert_eq!(
                rows(&session, &count)[0][0],
                Value::Integer(listed.len() as i64),
                "{place}"
            );
            let deleted = texts(rows(&copy, &format!("EVALUATE DISTINCT({column})")));
            assert_eq!(deleted, listed, "{place}");
            compared += listed.len();
        }
    }
    assert!(compared > 10_000, "{compared}");
}

#[test]
fn values_beyond_a_relationship_are_listed_as_rows_show_them() {
    let world = retail_world();
    for case in cases() {
        let session = world.secured(case);
        for column in [
            "Stores[Country]",
            "Stores[Store]",
            "Categories[Category]",
            "Products[Color]",
            "Customers[Segment]",
            "Dates[Month Key]",
        ] {
            let place = format!("{} / {column}", case.name());
            let listed = texts(rows(
                &session,
                &format!("EVALUATE SUMMARIZE(Orders, {column})"),
            ));
            let counted = format!(
                "EVALUATE SELECTCOLUMNS(FILTER(SUMMARIZE(Orders, {column}, \"n\", COUNTROWS(Orders)), [n] > 0), \"v\", {column})"
            );
            assert_eq!(texts(rows(&session, &counted)), listed, "{place}");
        }
    }
}

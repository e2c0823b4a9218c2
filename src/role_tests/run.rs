//! Running a role test, and telling how it failed.

use engine::{Answer, Value};
use security::Identity;

use super::cell;
use super::{Expected, RoleTest, RoleTestFailure};
use crate::database::Database;
use crate::error::Error;
use crate::value::value_at;

/// Rows shown of each kind; a person reads no more.
const MOST_SHOWN: usize = 20;

impl RoleTest {
    /// Admits the test's identity, asks, and compares.
    pub fn run(&self, database: &Database) -> Result<(), RoleTestFailure> {
        let answer = database
            .session(self.identity.clone())
            .and_then(|session| session.query(&self.query));
        let failure = match (&self.expected, answer) {
            (Expected::Refused { code, message }, Err(error)) => {
                refused_otherwise(code, message.as_deref(), &error)
            }
            (Expected::Refused { code, .. }, Ok(answer)) => {
                let rows: usize = answer
                    .tables
                    .iter()
                    .map(|table| table.batch.num_rows())
                    .sum();
                Some(format!(
                    "  expected: refused, {code}\n  but it was answered, with {rows} rows\n"
                ))
            }
            (Expected::Rows { .. }, Err(error)) => Some(format!(
                "  expected: rows\n  but it was refused, {}: {error}\n",
                error.code()
            )),
            (
                Expected::Rows {
                    columns,
                    rows,
                    in_order,
                },
                Ok(answer),
            ) => different_rows(columns.as_deref(), rows, *in_order, &answer),
        };
        match failure {
            None => Ok(()),
            Some(text) => Err(RoleTestFailure {
                text: format!("  as {}\n{text}", whom(&self.identity)),
            }),
        }
    }
}

fn whom(identity: &Identity) -> String {
    let mut parts = vec![
        identity
            .user_name()
            .map_or_else(|| "nobody in particular".to_owned(), str::to_owned),
    ];
    parts.extend(
        identity
            .user_object_id()
            .map(|id| format!("object id {id}")),
    );
    parts.extend(
        identity
            .user_custom_data()
            .map(|data| format!("custom data {data}")),
    );
    parts.extend(
        identity
            .role_names()
            .iter()
            .map(|role| format!("role {role}")),
    );
    if identity.role_names().is_empty() {
        parts.push("no role".to_owned());
    }
    parts.join(", ")
}

fn refused_otherwise(code: &str, message: Option<&str>, error: &Error) -> Option<String> {
    let text = error.to_string();
    let as_expected = error.code() == code && message.is_none_or(|wanted| text.contains(wanted));
    (!as_expected).then(|| {
        let wanted = message.map_or_else(String::new, |wanted| format!(", saying: {wanted}"));
        format!(
            "  expected: refused, {code}{wanted}\n  but it was refused, {}: {text}\n",
            error.code()
        )
    })
}

fn different_rows(
    columns: Option<&[String]>,
    expected: &[Vec<Value>],
    in_order: bool,
    answer: &Answer,
) -> Option<String> {
    let [table] = answer.tables.as_slice() else {
        return Some(format!(
            "  the query has {} EVALUATEs, and a role test compares one\n",
            answer.tables.len()
        ));
    };
    let names: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    if let Some(columns) = columns
        && columns != names
    {
        return Some(format!(
            "  expected columns: {}\n  but it has:       {}\n",
            columns.join(" | "),
            names.join(" | ")
        ));
    }
    let found: Vec<Vec<Value>> = (0..table.batch.num_rows())
        .map(|row| {
            (0..names.len())
                .map(|column| value_at(table, column, row))
                .collect()
        })
        .collect();
    if in_order {
        return first_difference(expected, &found, &names);
    }
    let (missing, surplus) = difference(expected, &found);
    if missing.is_empty() && surplus.is_empty() {
        return None;
    }
    let mut text = format!("    {}\n", names.join(" | "));
    show(&mut text, '-', "expected, and not there", &missing);
    show(&mut text, '+', "there, and not expected", &surplus);
    text.push_str(&format!(
        "  {} rows expected, {} found\n",
        expected.len(),
        found.len()
    ));
    Some(text)
}

fn same(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| cell::matches(a, b))
}

/// Rows of the one that the other lacks, counted as often as they are there.
fn difference<'a>(
    expected: &'a [Vec<Value>],
    found: &'a [Vec<Value>],
) -> (Vec<&'a [Value]>, Vec<&'a [Value]>) {
    let mut surplus: Vec<&[Value]> = found.iter().map(Vec::as_slice).collect();
    let mut missing = Vec::new();
    for row in expected {
        match surplus.iter().position(|other| same(row, other)) {
            Some(at) => drop(surplus.swap_remove(at)),
            None => missing.push(row.as_slice()),
        }
    }
    (missing, surplus)
}

fn first_difference(
    expected: &[Vec<Value>],
    found: &[Vec<Value>],
    names: &[&str],
) -> Option<String> {
    let longest = expected.len().max(found.len());
    let at = (0..longest).find(|at| match (expected.get(*at), found.get(*at)) {
        (Some(a), Some(b)) => !same(a, b),
        _ => true,
    })?;
    let row = |rows: &[Vec<Value>]| {
        rows.get(at)
            .map_or_else(|| "(no more rows)".to_owned(), |row| line(row))
    };
    Some(format!(
        "    {}\n  - {}\n  + {}\n  row {} is the first that differs; {} rows expected (-), {} found (+)\n",
        names.join(" | "),
        row(expected),
        row(found),
        at + 1,
        expected.len(),
        found.len()
    ))
}

fn line(row: &[Value]) -> String {
    row.iter().map(cell::text).collect::<Vec<_>>().join(" | ")
}

fn show(text: &mut String, sign: char, what: &str, rows: &[&[Value]]) {
    for row in rows.iter().take(MOST_SHOWN) {
        text.push_str(&format!("  {sign} {}\n", line(row)));
    }
    if rows.len() > MOST_SHOWN {
        text.push_str(&format!(
            "  {sign} ... and {} more that are {what}\n",
            rows.len() - MOST_SHOWN
        ));
    } else if !rows.is_empty() {
        text.push_str(&format!("    ({sign} is {what})\n"));
    }
}

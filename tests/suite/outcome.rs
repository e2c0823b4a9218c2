//! What came of a query, in a form that can be compared: to the bit, or to twelve digits.

use std::fmt::Write;

use peristyle::{Answer, Error, QueryOptions, Session, Stage, Value, value_at};

/// Decimal numbers are equal when they differ by less than this share of the larger one.
const RELATIVE: f64 = 1e-12;

#[derive(Clone, Debug)]
pub enum Outcome {
    Tables(Vec<OutcomeTable>),
    Error {
        code: String,
        message: String,
        place: Option<String>,
    },
}

#[derive(Clone, Debug)]
pub struct OutcomeTable {
    /// Name, type and format string.
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
}

pub fn ask(session: &Session, dax: &str, options: &QueryOptions) -> Outcome {
    match session.query_with(dax, options) {
        Ok(answer) => Outcome::Tables(tables_of(&answer)),
        Err(error) => failure(&error),
    }
}

pub fn failure(error: &Error) -> Outcome {
    Outcome::Error {
        code: error.code().to_owned(),
        message: error.to_string(),
        place: match error {
            Error::Query(error) => error.span.map(|span| format!("{span:?}")),
            _ => None,
        },
    }
}

pub fn tables_of(answer: &Answer) -> Vec<OutcomeTable> {
    let table = |table: &peristyle::AnswerTable| OutcomeTable {
        columns: table
            .columns
            .iter()
            .map(|column| {
                format!(
                    "{} {:?} {:?}",
                    column.name, column.data_type, column.format_string
                )
            })
            .collect(),
        rows: (0..table.batch.num_rows())
            .map(|row| {
                (0..table.columns.len())
                    .map(|column| value_at(table, column, row))
                    .collect()
            })
            .collect(),
    };
    answer.tables.iter().map(table).collect()
}

/// Everything about it as text: two outcomes with the same text are the same to the bit.
pub fn exact(outcome: &Outcome) -> String {
    let mut out = String::new();
    match outcome {
        Outcome::Error {
            code,
            message,
            place,
        } => {
            let _ = writeln!(out, "error {code} at {place:?}: {message}");
        }
        Outcome::Tables(tables) => {
            for table in tables {
                let _ = writeln!(out, "{}", table.columns.join(" | "));
                for row in &table.rows {
                    let row: Vec<String> = row.iter().map(exact_value).collect();
                    let _ = writeln!(out, "{}", row.join(" | "));
                }
            }
        }
    }
    out
}

fn exact_value(value: &Value) -> String {
    match value {
        Value::Double(double) => format!("Double({double:?} {:x})", double.to_bits()),
        other => format!("{other:?}"),
    }
}

/// All that a session can learn about a query besides its outcome: every stage as text, and the statistics but the times.
pub fn all_that_shows(session: &Session, dax: &str, options: &QueryOptions) -> String {
    let mut out = match session.query_with(dax, options) {
        Ok(answer) => {
            let figures = &answer.statistics;
            let stages: Vec<&str> = figures.stages.iter().map(|(name, _)| *name).collect();
            format!(
                "{}scans {} hits {} one by one {} stages {stages:?}\n",
                exact(&Outcome::Tables(tables_of(&answer))),
                figures.scans,
                figures.cache_hits,
                figures.one_by_one,
            )
        }
        Err(error) => exact(&failure(&error)),
    };
    for stage in [
        Stage::Tokens,
        Stage::Tree,
        Stage::Bound,
        Stage::Plan,
        Stage::Scans,
    ] {
        let _ = match session.explain_with(stage, dax, options) {
            Ok(text) => writeln!(out, "{stage:?}:\n{text}"),
            Err(error) => writeln!(out, "{stage:?}: {}", exact(&failure(&error))),
        };
    }
    out
}

/// Where two outcomes differ, if they do. Without an order, rows are compared as a bag.
pub fn difference(left: &Outcome, right: &Outcome, ordered: bool) -> Option<String> {
    let (Outcome::Tables(a), Outcome::Tables(b)) = (left, right) else {
        let (left, right) = (exact(left), exact(right));
        return (left != right).then(|| format!("{}  against\n{}", cut(&left), cut(&right)));
    };
    if a.len() != b.len() {
        return Some(format!("{} tables against {}", a.len(), b.len()));
    }
    a.iter()
        .zip(b)
        .enumerate()
        .find_map(|(at, (a, b))| table_difference(at, a, b, ordered))
}

fn cut(text: &str) -> String {
    text.lines().take(6).collect::<Vec<_>>().join("\n")
}

fn table_difference(
    at: usize,
    a: &OutcomeTable,
    b: &OutcomeTable,
    ordered: bool,
) -> Option<String> {
    if a.columns != b.columns {
        return Some(format!("columns {:?} against {:?}", a.columns, b.columns));
    }
    let arrange = |table: &OutcomeTable| {
        let mut rows = table.rows.clone();
        if !ordered {
            rows.sort_by_key(|row| row.iter().map(rough).collect::<Vec<String>>());
        }
        rows
    };
    let (left, right) = (arrange(a), arrange(b));
    let pair = left
        .iter()
        .zip(&right)
        .position(|(a, b)| !a.iter().zip(b).all(|(a, b)| same_value(a, b)));
    if let Some(row) = pair {
        return Some(format!(
            "table {at}, row {row} of {} and {}: {:?} against {:?}",
            left.len(),
            right.len(),
            left[row],
            right[row]
        ));
    }
    if left.len() != right.len() {
        let (longer, at) = if left.len() > right.len() {
            (&left, right.len())
        } else {
            (&right, left.len())
        };
        return Some(format!(
            "{} rows against {}; first without a partner {:?}",
            left.len(),
            right.len(),
            longer[at]
        ));
    }
    None
}

/// A text to sort rows by, in which nearly equal decimal numbers are one.
fn rough(value: &Value) -> String {
    match value {
        Value::Double(double) => format!("{double:.8e}"),
        other => format!("{other:?}"),
    }
}

pub fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => close(*a, *b, RELATIVE),
        _ => a == b,
    }
}

pub fn close(a: f64, b: f64, relative: f64) -> bool {
    a.to_bits() == b.to_bits()
        || (a.is_nan() && b.is_nan())
        || a == b
        || (a - b).abs() <= relative * a.abs().max(b.abs())
}

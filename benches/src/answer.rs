//! Answers of any engine as plain rows, and whether two of them say the same.

use std::cmp::Ordering;
use std::fmt;

use peristyle::{AnswerTable, Value, value_at};
use serde_json::Value as Json;

/// One cell. Whole and fixed decimal numbers compare exactly, decimal numbers to twelve digits.
#[derive(Clone, Debug)]
pub enum Cell {
    Null,
    Integer(i64),
    Double(f64),
    Text(String),
}

pub type Row = Vec<Cell>;

impl Cell {
    fn rank(&self) -> u8 {
        match self {
            Cell::Null => 0,
            Cell::Integer(_) | Cell::Double(_) => 1,
            Cell::Text(_) => 2,
        }
    }

    fn number(&self) -> f64 {
        match self {
            Cell::Integer(value) => *value as f64,
            Cell::Double(value) => *value,
            _ => 0.0,
        }
    }

    fn order(&self, other: &Cell) -> Ordering {
        match (self, other) {
            (Cell::Integer(a), Cell::Integer(b)) => a.cmp(b),
            (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
            (a, b) if a.rank() == 1 && b.rank() == 1 => a.number().total_cmp(&b.number()),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn same(&self, other: &Cell) -> bool {
        match (self, other) {
            (Cell::Integer(a), Cell::Integer(b)) => a == b,
            (a, b) if a.rank() == 1 && b.rank() == 1 => {
                let (a, b) = (a.number(), b.number());
                (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
            }
            (a, b) => a.order(b) == Ordering::Equal,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Null => f.write_str("NULL"),
            Cell::Integer(value) => value.fmt(f),
            Cell::Double(value) => value.fmt(f),
            Cell::Text(value) => f.write_str(value),
        }
    }
}

/// The rows of an answer of Peristyle.
pub fn rows_of(table: &AnswerTable) -> Vec<Row> {
    let columns = table.columns.len();
    (0..table.batch.num_rows())
        .map(|row| {
            (0..columns)
                .map(|column| cell(value_at(table, column, row)))
                .collect()
        })
        .collect()
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Blank => Cell::Null,
        Value::Integer(value) => Cell::Integer(value),
        Value::Double(value) => Cell::Double(value),
        Value::Fixed(value) => Cell::Double(value as f64 / 10_000.0),
        Value::Boolean(value) => Cell::Integer(i64::from(value)),
        Value::DateTime(value) => Cell::Integer(value),
        Value::Text(text) => Cell::Text(text.to_string()),
    }
}

/// The rows of an answer that another process gives as arrays of arrays.
pub fn rows_from_json(rows: &Json) -> Result<Vec<Row>, String> {
    let rows = rows.as_array().ok_or("the rows are not an array")?;
    rows.iter()
        .map(|row| {
            let cells = row.as_array().ok_or("a row is not an array")?;
            cells.iter().map(cell_from_json).collect()
        })
        .collect()
}

fn cell_from_json(value: &Json) -> Result<Cell, String> {
    match value {
        Json::Null => Ok(Cell::Null),
        Json::String(text) => Ok(Cell::Text(text.clone())),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(Cell::Integer(whole)),
            (None, Some(value)) => Ok(Cell::Double(value)),
            _ => Err("a number beyond 64 bits".to_owned()),
        },
        _ => Err("a cell that is neither number nor text".to_owned()),
    }
}

/// Where two answers differ, for a person; None where they are equal.
///
/// The cells of the columns that the query orders by must agree row by row; rows that are equal in those may come in any order.
/// A row of nothing is SQL's way to say that no row was there: DAX leaves it out.
pub fn difference(left: &[Row], right: &[Row], order: &[usize]) -> Option<String> {
    let (left, right) = (without_empty(left), without_empty(right));
    if left.len() != right.len() {
        return Some(format!("{} rows against {}", left.len(), right.len()));
    }
    let unlike = |a: &Row, b: &Row| a.len() != b.len() || a.iter().zip(b).any(|(a, b)| !a.same(b));
    let keys = |rows: &[Row]| -> Vec<Row> {
        let of = |row: &Row| order.iter().filter_map(|c| row.get(*c).cloned()).collect();
        rows.iter().map(of).collect()
    };
    let ordered = keys(&left)
        .iter()
        .zip(&keys(&right))
        .position(|(a, b)| unlike(a, b));
    if let Some(row) = ordered {
        return Some(format!("row {row} comes in another order"));
    }
    let (left, right) = (sorted(left), sorted(right));
    let pair = left.iter().zip(&right).find(|(a, b)| unlike(a, b))?;
    Some(format!("{} against {}", shown(pair.0), shown(pair.1)))
}

fn without_empty(rows: &[Row]) -> Vec<Row> {
    let kept = rows
        .iter()
        .filter(|row| !row.iter().all(|c| matches!(c, Cell::Null)));
    kept.cloned().collect()
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| {
        let each = a.iter().zip(b).map(|(a, b)| a.order(b));
        each.fold(Ordering::Equal, Ordering::then)
    });
    rows
}

fn shown(row: &Row) -> String {
    let cells: Vec<String> = row.iter().map(Cell::to_string).collect();
    format!("({})", cells.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(json: &str) -> Vec<Row> {
        rows_from_json(&serde_json::from_str(json).unwrap()).unwrap()
    }

    #[track_caller]
    fn check(left: &str, right: &str, order: &[usize], same: bool) {
        let found = difference(&rows(left), &rows(right), order);
        assert_eq!(found.is_none(), same, "{found:?}");
    }

    #[test]
    fn equal_answers_and_others() {
        check("[[1,\"a\"]]", "[[1,\"a\"]]", &[0], true);
        check("[[1,\"a\"]]", "[[1,\"b\"]]", &[0], false);
        check("[[1,\"a\"]]", "[[1,\"a\"],[1,\"a\"]]", &[0], false);
        // Ties may come in any order, others not.
        check("[[1,\"a\"],[1,\"b\"]]", "[[1,\"b\"],[1,\"a\"]]", &[0], true);
        check(
            "[[1,\"a\"],[2,\"b\"]]",
            "[[2,\"b\"],[1,\"a\"]]",
            &[0],
            false,
        );
        check("[[null]]", "[]", &[], true);
        check("[[0.1]]", "[[0.10000000000000002]]", &[], true);
        check("[[0.1]]", "[[0.1001]]", &[], false);
        check("[[9007199254740993]]", "[[9007199254740992]]", &[], false);
    }
}

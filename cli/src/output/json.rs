//! `{"results":[{"tables":[{"rows":[{"Table[Column]":1}]}]}]}`, one table per EVALUATE: the shape of Power BI's
//! executeQueries with includeNulls.

use std::collections::HashSet;
use std::io::{self, Write};

use peristyle::{Answer, AnswerTable, Value, value_at};

use super::plain;

pub fn write(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"{\"results\":[{\"tables\":[")?;
    for (number, table) in answer.tables.iter().enumerate() {
        if number > 0 {
            out.write_all(b",")?;
        }
        write_table(table, out)?;
    }
    out.write_all(b"]}]}\n")
}

fn write_table(table: &AnswerTable, out: &mut dyn Write) -> io::Result<()> {
    let keys = keys(table.columns.iter().map(|column| column.name.as_str()));
    out.write_all(b"{\"rows\":[")?;
    for row in 0..table.batch.num_rows() {
        out.write_all(if row > 0 { b",{" } else { b"{" })?;
        for (column, key) in keys.iter().enumerate() {
            let comma = if column > 0 { "," } else { "" };
            write!(out, "{comma}{key}:{}", value(&value_at(table, column, row)))?;
        }
        out.write_all(b"}")?;
    }
    out.write_all(b"]}")
}

/// The names as keys of an object. SQL may give several columns one name, and whoever reads the object would lose all but one of them.
fn keys<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let mut taken: HashSet<String> = names.clone().map(str::to_owned).collect();
    let mut seen: HashSet<&str> = HashSet::new();
    let unique = |name: &'a str| {
        if seen.insert(name) {
            return quoted(name);
        }
        let mut number = 2u32;
        while !taken.insert(format!("{name}_{number}")) {
            number += 1;
        }
        quoted(&format!("{name}_{number}"))
    };
    names.map(unique).collect()
}

fn value(value: &Value) -> String {
    match value {
        Value::Blank => "null".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Fixed(ten_thousandths) => plain::fixed(*ten_thousandths),
        Value::Double(number) if number.is_finite() => plain::double(*number),
        Value::Double(number) => quoted(&plain::double(*number)),
        Value::Boolean(true) => "true".to_owned(),
        Value::Boolean(false) => "false".to_owned(),
        Value::DateTime(micros) => quoted(&plain::date_time(*micros)),
        Value::Text(text) => quoted(text),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_one_name_have_keys_of_their_own() {
        let check = |names: &[&str], expected: &str| {
            assert_eq!(keys(names.iter().copied()).join(" "), expected);
        };
        check(&["a", "b"], r#""a" "b""#);
        check(&["a", "a", "a"], r#""a" "a_2" "a_3""#);
        check(&["a", "a", "a_2"], r#""a" "a_3" "a_2""#);
    }
}

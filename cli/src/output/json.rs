//! `{"results":[{"tables":[{"rows":[{"Table[Column]":1}]}]}]}`, one table per EVALUATE: the shape of Power BI's
//! executeQueries with includeNulls.

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
    let keys: Vec<String> = table
        .columns
        .iter()
        .map(|column| quoted(&column.name))
        .collect();
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

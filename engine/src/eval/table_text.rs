//! TOCSV and TOJSON: the first rows of a table as text.

use std::rc::Rc;

use super::{Evaluator, Outcome};
use crate::batch::Batch;
use crate::bound::{Field, TableText, TextForm};
use crate::error::Failure;
use crate::text::Text;
use crate::value::{DataType, Value};
use crate::vector::Vector;

/// As many rows are shown unless the call says otherwise.
const ROWS: i64 = 10;

/// How rows become text in one context.
enum Form {
    Json,
    Csv { delimiter: String, headers: bool },
}

impl<'a> Evaluator<'a> {
    pub fn table_text(&self, text: &TableText, batch: &Rc<Batch>) -> Outcome<Vector> {
        let rows = self.table(&text.table, batch)?;
        let schema = &text.table.schema;
        let columns: Vec<Vector> = (0..schema.fields.len())
            .map(|index| self.column_vector(&rows, schema, index))
            .collect::<Outcome<_>>()?;
        let names: Vec<String> = schema.fields.iter().map(quoted_name).collect();
        let most = text
            .most_rows
            .as_ref()
            .map(|m| self.scalar(m, batch))
            .transpose()?;
        let (delimiter, headers) = match &text.form {
            TextForm::Json => (None, None),
            TextForm::Csv { delimiter, headers } => (
                delimiter
                    .as_ref()
                    .map(|d| self.scalar(d, batch))
                    .transpose()?,
                headers
                    .as_ref()
                    .map(|h| self.scalar(h, batch))
                    .transpose()?,
            ),
        };
        let watch = self.watch();
        let results = (0..batch.len).map(|i| {
            let given = |vector: &Option<Vector>| match vector {
                Some(vector) => vector.at(i),
                None => Ok(Value::Blank),
            };
            let most = match given(&most)? {
                Value::Blank => ROWS,
                value => value.to_integer().ok_or_else(|| {
                    Failure::new("the number of rows that are to be text is not a number")
                })?,
            };
            let form = match &text.form {
                TextForm::Json => Form::Json,
                TextForm::Csv { .. } => Form::Csv {
                    delimiter: match given(&delimiter)? {
                        Value::Blank => ",".to_string(),
                        value => value.to_text().to_string(),
                    },
                    headers: match given(&headers)? {
                        Value::Blank => true,
                        value => value.to_boolean().ok_or_else(|| {
                            Failure::new("whether TOCSV shows headers is TRUE or FALSE")
                        })?,
                    },
                },
            };
            let segment = rows.segment(i);
            let count = segment.len();
            let shown = segment.take(usize::try_from(most).unwrap_or(0));
            let cells = shown.map(|row| {
                watch.step(8 * names.len())?;
                columns.iter().map(|column| column.at(row)).collect()
            });
            written(&form, &names, count, cells)
        });
        Ok(self
            .make(results.map(Ok), DataType::Text)?
            .with_errors(rows.errors.clone()))
    }
}

/// `'Table'[Column]`, or `[Column]`.
fn quoted_name(field: &Field) -> String {
    match &field.table {
        Some(table) => format!("'{}'[{}]", table.replace('\'', "''"), field.name),
        None => format!("[{}]", field.name),
    }
}

fn written(
    form: &Form,
    names: &[String],
    count: usize,
    rows: impl Iterator<Item = Result<Vec<Value>, Failure>>,
) -> Result<Value, Failure> {
    let mut text = Text::default();
    match form {
        Form::Csv { delimiter, headers } => {
            let cell = |value: &str| csv_text(value, delimiter);
            if *headers {
                line(&mut text, delimiter, names.iter().map(|name| cell(name)))?;
            }
            for (k, row) in rows.enumerate() {
                if *headers || k > 0 {
                    text.push("\n")?;
                }
                let cells = row?;
                line(
                    &mut text,
                    delimiter,
                    cells.iter().map(|value| cell(&value.to_text())),
                )?;
            }
        }
        Form::Json => {
            text.push("{\n\"header\": [")?;
            line(&mut text, ", ", names.iter().map(|name| json_text(name)))?;
            text.push(&format!("],\n\"rowCount\": {count},\n\"data\": [\n"))?;
            for (k, row) in rows.enumerate() {
                text.push(if k > 0 { ",\n[" } else { "[" })?;
                line(&mut text, ", ", row?.iter().map(json_value))?;
                text.push("]")?;
            }
            text.push("\n]\n}")?;
        }
    }
    Ok(text.finish())
}

fn line(
    text: &mut Text,
    delimiter: &str,
    cells: impl Iterator<Item = String>,
) -> Result<(), Failure> {
    for (k, cell) in cells.enumerate() {
        if k > 0 {
            text.push(delimiter)?;
        }
        text.push(&cell)?;
    }
    Ok(())
}

/// In quotes where the text would otherwise end the cell.
fn csv_text(text: &str, delimiter: &str) -> String {
    let ends =
        (!delimiter.is_empty() && text.contains(delimiter)) || text.contains(['"', '\n', '\r']);
    if ends {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_string()
    }
}

fn json_value(value: &Value) -> String {
    match value {
        Value::Blank => "null".to_string(),
        Value::Boolean(b) => b.to_string(),
        Value::Double(d) if !d.is_finite() => json_text(&value.to_text()),
        Value::Integer(_) | Value::Fixed(_) | Value::Double(_) => value.to_text().to_string(),
        Value::DateTime(_) | Value::Text(_) => json_text(&value.to_text()),
    }
}

fn json_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> impl Iterator<Item = Result<Vec<Value>, Failure>> {
        [
            vec![Value::Integer(1), Value::text("a, \"b\"")],
            vec![Value::Blank, Value::Boolean(true)],
        ]
        .into_iter()
        .map(Ok)
    }

    #[test]
    fn a_table_as_csv() {
        let check = |delimiter: &str, headers: bool, expected: &str| {
            let form = Form::Csv {
                delimiter: delimiter.to_string(),
                headers,
            };
            let names = ["'T'[n]".to_string(), "[t]".to_string()];
            let made = written(&form, &names, 2, rows()).map(|made| made.to_text());
            assert_eq!(made.as_deref(), Ok(expected));
        };
        check(",", true, "'T'[n],[t]\n1,\"a, \"\"b\"\"\"\n,TRUE");
        check(";", false, "1;\"a, \"\"b\"\"\"\n;TRUE");
    }

    #[test]
    fn a_table_as_json() {
        let names = ["[n]".to_string(), "[t]".to_string()];
        let made = written(&Form::Json, &names, 7, rows()).map(|made| made.to_text());
        assert_eq!(
            made.as_deref(),
            Ok(
                "{\n\"header\": [\"[n]\", \"[t]\"],\n\"rowCount\": 7,\n\"data\": [\n[1, \"a, \\\"b\\\"\"],\n[null, true]\n]\n}"
            )
        );
    }
}

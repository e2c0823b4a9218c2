//! A table for people: values as their format strings show them, numbers to the right, and how many rows there are.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, Table, presets};
use peristyle::{Answer, AnswerColumn, AnswerTable, DataType, Value, format_value, value_at};

use super::plain;

pub fn write(answer: &Answer, culture: &str, out: &mut dyn Write) -> io::Result<()> {
    for (number, table) in answer.tables.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        write_table(table, culture, out)?;
    }
    Ok(())
}

fn write_table(table: &AnswerTable, culture: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut drawn = Table::new();
    drawn.load_style(presets::UTF8_FULL_CONDENSED);
    drawn.set_header(
        table
            .columns
            .iter()
            .map(|column| cell(visible(&column.name), right_aligned(column))),
    );
    let rows = table.batch.num_rows();
    for row in 0..rows {
        drawn.add_row(table.columns.iter().enumerate().map(|(number, column)| {
            let text = text_of(&value_at(table, number, row), column, culture);
            cell(visible(&text), right_aligned(column))
        }));
    }
    writeln!(out, "{drawn}")?;
    writeln!(out, "{rows} row{}", if rows == 1 { "" } else { "s" })
}

pub(crate) fn cell(text: String, right: bool) -> Cell {
    Cell::new(text).set_alignment(if right {
        CellAlignment::Right
    } else {
        CellAlignment::Left
    })
}

fn right_aligned(column: &AnswerColumn) -> bool {
    matches!(
        column.data_type,
        DataType::Integer | DataType::Double | DataType::Fixed
    )
}

fn text_of(value: &Value, column: &AnswerColumn, culture: &str) -> String {
    if value.is_blank() {
        return String::new();
    }
    let formatted = column
        .format_string
        .as_ref()
        .and_then(|format| format_value(value, format, culture));
    formatted.unwrap_or_else(|| match value {
        // A date without a format string: without the time where there is none.
        Value::DateTime(micros) => {
            let text = plain::date_time(*micros).replace('T', " ");
            text.strip_suffix(" 00:00:00")
                .map(str::to_owned)
                .unwrap_or(text)
        }
        other => other.to_text().to_string(),
    })
}

/// Text of the data must not steer the terminal: control characters are shown, not sent.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

//! Comma-separated values: a header of DAX names, plain values. BLANK is nothing at all, the empty text is `""`.

use std::borrow::Cow;
use std::io::{self, Write};

use peristyle::{AnswerTable, value_at};

use super::plain;

pub fn write(table: &AnswerTable, out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<_> = table
        .columns
        .iter()
        .map(|column| field(&column.name))
        .collect();
    writeln!(out, "{}", names.join(","))?;
    for row in 0..table.batch.num_rows() {
        for column in 0..table.columns.len() {
            let comma = if column > 0 { "," } else { "" };
            let text = plain::text_of(&value_at(table, column, row));
            write!(
                out,
                "{comma}{}",
                text.as_deref().map_or(Cow::Borrowed(""), field)
            )?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A field as RFC 4180 writes it.
fn field(text: &str) -> Cow<'_, str> {
    if !text.is_empty() && !text.contains(['"', ',', '\n', '\r']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
}

//! Answers as text or bytes.

mod arrow_stream;
mod csv;
mod json;
mod plain;
pub mod table;

use std::io::{self, Write};

use peristyle::Answer;

use crate::args::Format;

/// Why an answer could not be written.
#[derive(Debug)]
pub enum OutputError {
    Write(io::Error),
    /// The format holds one table, and the query gave another number of them.
    OneTableOnly {
        tables: usize,
    },
    /// Arrow refused the batch.
    Arrow(String),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        OutputError::Write(error)
    }
}

/// Writes all tables of an answer. `culture` is that of people; only `table` looks at it.
pub fn write(
    answer: &Answer,
    format: Format,
    culture: &str,
    out: &mut dyn Write,
) -> Result<(), OutputError> {
    match format {
        Format::Table => Ok(table::write(answer, culture, out)?),
        Format::Json => Ok(json::write(answer, out)?),
        Format::Csv => Ok(csv::write(only_table(answer)?, out)?),
        Format::Arrow => arrow_stream::write(only_table(answer)?, out),
    }
}

fn only_table(answer: &Answer) -> Result<&peristyle::AnswerTable, OutputError> {
    match answer.tables.as_slice() {
        [table] => Ok(table),
        tables => Err(OutputError::OneTableOnly {
            tables: tables.len(),
        }),
    }
}

#[cfg(test)]
mod tests;

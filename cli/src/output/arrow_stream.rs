//! An Arrow IPC stream of one table.

use std::io::Write;

use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use peristyle::AnswerTable;

use super::OutputError;

pub fn write(table: &AnswerTable, out: &mut dyn Write) -> Result<(), OutputError> {
    let mut writer = StreamWriter::try_new(out, &table.batch.schema()).map_err(refused)?;
    writer.write(&table.batch).map_err(refused)?;
    writer.finish().map_err(refused)
}

fn refused(error: ArrowError) -> OutputError {
    match error {
        ArrowError::IoError(_, error) => OutputError::Write(error),
        other => OutputError::Arrow(other.to_string()),
    }
}

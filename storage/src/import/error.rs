//! Why an import failed.

use std::fmt;
use std::path::PathBuf;

use model::DataType;

use crate::{Stopped, StorageError};

/// Every way an import can fail. Messages name tables, columns, files and row groups, never values.
#[derive(Debug)]
pub enum ImportError {
    /// A file name that leads out of the data folder, or that no file can have.
    FileName {
        table: String,
        file: String,
        why: &'static str,
    },
    /// Neither a file nor a folder with Parquet files is there.
    MissingFile { table: String, path: PathBuf },
    /// The operating system refused.
    Unreadable {
        table: String,
        path: PathBuf,
        source: std::io::Error,
    },
    /// Not Parquet, cut short, or damaged.
    Damaged {
        path: PathBuf,
        row_group: Option<usize>,
        /// The column of the model, as `'Table'[Column]`.
        column: Option<String>,
        detail: String,
    },
    /// The file has no column of the name that the model reads.
    MissingColumn {
        table: String,
        column: String,
        source_column: String,
        path: PathBuf,
        found: Vec<String>,
    },
    /// Several columns of the file answer to the name.
    AmbiguousColumn {
        table: String,
        column: String,
        source_column: String,
        path: PathBuf,
    },
    /// The model gives the column a type that has no values in this version.
    ModelType {
        table: String,
        column: String,
        data_type: DataType,
    },
    /// The file's type does not turn into the model's.
    Type {
        table: String,
        column: String,
        path: PathBuf,
        found: String,
        wanted: DataType,
    },
    /// A value does not fit the model's type.
    Value {
        table: String,
        column: String,
        path: PathBuf,
        row_group: usize,
        wanted: DataType,
        why: &'static str,
    },
    /// More rows than row numbers.
    TooManyRows { table: String, rows: u64 },
    /// The dataset refused what was read.
    Storage { place: String, source: StorageError },
    /// Cancelled, or out of time.
    Stopped(Stopped),
    /// The operating system gave no thread to work on.
    NoThread(std::io::Error),
}

/// The name of a type as a person who writes models knows it.
pub(super) fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Text => "text",
        DataType::Integer => "whole number",
        DataType::Double => "decimal number",
        DataType::Fixed => "fixed decimal number",
        DataType::DateTime => "date and time",
        DataType::Boolean => "true/false",
        DataType::Binary => "binary",
        DataType::Unknown => "not inferred",
        DataType::Variant => "variant",
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImportError::FileName { table, file, why } => {
                write!(
                    f,
                    "table '{table}': the file name \"{file}\" is refused: {why}"
                )
            }
            ImportError::MissingFile { table, path } => {
                write!(
                    f,
                    "table '{table}': there is no Parquet file at {}",
                    path.display()
                )
            }
            ImportError::Unreadable {
                table,
                path,
                source,
            } => {
                write!(
                    f,
                    "table '{table}': {} cannot be read: {source}",
                    path.display()
                )
            }
            ImportError::Damaged {
                path,
                row_group: None,
                detail,
                ..
            } => {
                write!(
                    f,
                    "{} is not a sound Parquet file: {detail}",
                    path.display()
                )
            }
            ImportError::Damaged {
                path,
                row_group: Some(group),
                column,
                detail,
            } => {
                write!(f, "{} is damaged in row group {group}", path.display())?;
                if let Some(column) = column {
                    write!(f, ", column {column}")?;
                }
                write!(f, ": {detail}")
            }
            ImportError::MissingColumn {
                table,
                column,
                source_column,
                path,
                found,
            } => write!(
                f,
                "column '{table}'[{column}] reads \"{source_column}\", which {} does not have; it has {}",
                path.display(),
                found.join(", ")
            ),
            ImportError::AmbiguousColumn {
                table,
                column,
                source_column,
                path,
            } => write!(
                f,
                "column '{table}'[{column}] reads \"{source_column}\", and several columns of {} answer to that name",
                path.display()
            ),
            ImportError::ModelType {
                table,
                column,
                data_type,
            } => write!(
                f,
                "column '{table}'[{column}] is of type {} in the model, which cannot be imported; give it another type \
                 or leave it out of the model",
                type_name(*data_type)
            ),
            ImportError::Type {
                table,
                column,
                path,
                found,
                wanted,
            } => write!(
                f,
                "column '{table}'[{column}] is a {} in the model, and its type in {} is {found}, which does not turn \
                 into that; change either",
                type_name(*wanted),
                path.display()
            ),
            ImportError::Value {
                table,
                column,
                path,
                row_group,
                wanted,
                why,
            } => write!(
                f,
                "column '{table}'[{column}], row group {row_group} of {}: a value does not fit a {}: {why}",
                path.display(),
                type_name(*wanted)
            ),
            ImportError::TooManyRows { table, rows } => {
                write!(
                    f,
                    "table '{table}' has {rows} rows; a table holds at most {}",
                    crate::MAX_ROWS
                )
            }
            ImportError::Storage { place, source } => write!(f, "{place}: {source}"),
            ImportError::Stopped(Stopped::Cancelled) => f.write_str("the import was cancelled"),
            ImportError::Stopped(Stopped::TimedOut) => f.write_str("the import ran out of time"),
            ImportError::Stopped(Stopped::OutOfMemory(_)) => {
                f.write_str("the import needs more memory than it may hold")
            }
            ImportError::Stopped(Stopped::Superseded | Stopped::Revoked) => {
                f.write_str("the import was ended from outside")
            }
            ImportError::NoThread(source) => {
                write!(f, "the operating system gives no thread: {source}")
            }
        }
    }
}

impl From<Stopped> for ImportError {
    fn from(stopped: Stopped) -> Self {
        ImportError::Stopped(stopped)
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ImportError::Unreadable { source, .. } | ImportError::NoThread(source) => Some(source),
            _ => None,
        }
    }
}

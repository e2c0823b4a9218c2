//! What can go wrong while a dataset is built or scanned. Messages name tables and columns and never carry a value.

use std::fmt;

use model::DataType;

use crate::memory::Share;

/// A dataset could not take data, or was asked for something that it does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// The ordinal names no table of the model.
    UnknownTable { table: u32 },
    /// The ordinal names no column of the table.
    UnknownColumn { table: String, column: u32 },
    /// The ordinal names no relationship of the model.
    UnknownRelationship { relationship: u32 },
    /// The table has no rows yet.
    NotLoaded { table: String },
    /// The table, or the column, was loaded before.
    AlreadyLoaded { what: String },
    /// The column has no values yet.
    ColumnNotLoaded { table: String, column: String },
    /// Row numbers are 32 bits wide.
    TooManyRows { table: String, rows: usize },
    /// A column has another number of values than its table has rows.
    Length {
        table: String,
        column: String,
        expected: usize,
        found: usize,
    },
    /// The array is not of the canonical type of the column.
    Type {
        table: String,
        column: String,
        expected: String,
        found: String,
    },
    /// The type has no canonical form in storage.
    UnsupportedType {
        table: String,
        column: String,
        data_type: DataType,
    },
    /// A column on the one side of a relationship repeats a value.
    Duplicate {
        relationship: String,
        table: String,
        column: String,
    },
    /// A column on the one side of a relationship holds BLANK.
    BlankKey {
        relationship: String,
        table: String,
        column: String,
    },
    /// The relationship cannot be built as the model describes it.
    Relationship {
        relationship: String,
        reason: String,
    },
    /// The path takes a relationship that has no map from row to row.
    NotRelated { relationship: String },
    /// More text than one Arrow array can hold was asked for at once.
    TooLarge { table: String, column: String },
    /// A file of the dataset is damaged, missing or closed. The text names no column: whoever asks may not know of it.
    Unreadable { why: String },
    /// A caller broke the contract of this crate.
    Internal(String),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTable { table } => write!(f, "the model has no table number {table}"),
            Self::UnknownColumn { table, column } => {
                write!(f, "table '{table}' has no column number {column}")
            }
            Self::UnknownRelationship { relationship } => {
                write!(f, "the model has no relationship number {relationship}")
            }
            Self::NotLoaded { table } => write!(f, "table '{table}' has no data yet"),
            Self::AlreadyLoaded { what } => write!(
                f,
                "{what} has data already; a dataset is never changed in place"
            ),
            Self::ColumnNotLoaded { table, column } => {
                write!(f, "column '{table}'[{column}] has no data yet")
            }
            Self::TooManyRows { table, rows } => write!(
                f,
                "table '{table}' has {rows} rows; a table holds at most {} (split it, or aggregate it before the import)",
                crate::MAX_ROWS
            ),
            Self::Length {
                table,
                column,
                expected,
                found,
            } => {
                write!(
                    f,
                    "column '{table}'[{column}] has {found} values where {expected} are due"
                )
            }
            Self::Type {
                table,
                column,
                expected,
                found,
            } => {
                write!(
                    f,
                    "column '{table}'[{column}] takes {expected}, and was given {found}"
                )
            }
            Self::UnsupportedType {
                table,
                column,
                data_type,
            } => {
                write!(
                    f,
                    "column '{table}'[{column}] is of type {data_type:?}, which cannot be stored"
                )
            }
            Self::Duplicate {
                relationship,
                table,
                column,
            } => write!(
                f,
                "relationship '{relationship}': column '{table}'[{column}] repeats a value, and a column on the one side must not \
                 (remove the duplicates, or make the relationship many-to-many)"
            ),
            Self::BlankKey {
                relationship,
                table,
                column,
            } => write!(
                f,
                "relationship '{relationship}': column '{table}'[{column}] holds BLANK, and a column on the one side must not \
                 (remove that row, or give it a key)"
            ),
            Self::Relationship {
                relationship,
                reason,
            } => write!(f, "relationship '{relationship}': {reason}"),
            Self::NotRelated { relationship } => {
                write!(
                    f,
                    "relationship '{relationship}' does not lead from a row to a row, or is not built yet"
                )
            }
            Self::TooLarge { table, column } => {
                write!(
                    f,
                    "the values asked of column '{table}'[{column}] are more text than one batch can hold"
                )
            }
            Self::Unreadable { why } => f.write_str(why),
            Self::Internal(message) => write!(f, "internal error in storage: {message}"),
        }
    }
}

impl std::error::Error for StorageError {}

/// Why work was stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    Cancelled,
    TimedOut,
    /// The data or the policy that it started with is too old to be kept any longer.
    Superseded,
    /// Its session was revoked, or the dataset's key denied, while it ran.
    Revoked,
    OutOfMemory(Share),
}

impl Stopped {
    /// The reasons that one thread tells another: a number above 0.
    pub(crate) fn code(self) -> u8 {
        match self {
            Stopped::Cancelled => 1,
            Stopped::TimedOut => 2,
            Stopped::Superseded => 3,
            Stopped::Revoked => 4,
            Stopped::OutOfMemory(Share::Query) => 5,
            Stopped::OutOfMemory(Share::Identity) => 6,
            Stopped::OutOfMemory(Share::Process) => 7,
        }
    }

    pub(crate) fn of_code(code: u8) -> Option<Stopped> {
        match code {
            0 => None,
            2 => Some(Stopped::TimedOut),
            3 => Some(Stopped::Superseded),
            4 => Some(Stopped::Revoked),
            5 => Some(Stopped::OutOfMemory(Share::Query)),
            6 => Some(Stopped::OutOfMemory(Share::Identity)),
            7 => Some(Stopped::OutOfMemory(Share::Process)),
            _ => Some(Stopped::Cancelled),
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stopped::Cancelled => f.write_str("the query was cancelled"),
            Stopped::TimedOut => f.write_str("the query ran out of time"),
            Stopped::Superseded => f.write_str(
                "the query was ended, because newer data took the place of what it reads; ask again",
            ),
            Stopped::Revoked => f.write_str("the query was ended, because its session is over"),
            Stopped::OutOfMemory(share) => {
                write!(f, "the query needs more memory than {share}")
            }
        }
    }
}

impl std::error::Error for Stopped {}

/// A scan gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanError {
    /// A whole or fixed decimal number left its range.
    Overflow,
    /// More groups than the scan allows.
    TooManyGroups {
        limit: usize,
    },
    Stopped(Stopped),
    /// A file of the dataset is damaged, missing or closed.
    Unreadable {
        why: String,
    },
    /// A caller broke the contract of this crate.
    Internal(String),
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overflow => f.write_str("a whole or fixed decimal number went out of range"),
            Self::TooManyGroups { limit } => write!(f, "the query makes more than {limit} groups"),
            Self::Stopped(stopped) => stopped.fmt(f),
            Self::Unreadable { why } => f.write_str(why),
            Self::Internal(message) => write!(f, "internal error in storage: {message}"),
        }
    }
}

impl std::error::Error for ScanError {}

impl From<Stopped> for ScanError {
    fn from(stopped: Stopped) -> Self {
        ScanError::Stopped(stopped)
    }
}

impl From<StorageError> for ScanError {
    /// A scan is made of checked handles, so whatever storage cannot find is a fault of the caller.
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unreadable { why } => ScanError::Unreadable { why },
            StorageError::Internal(message) => ScanError::Internal(message),
            other => ScanError::Internal(other.to_string()),
        }
    }
}

//! What can go wrong, stage by stage. None of these carries a cell, and those that a caller sees name nothing hidden.

use std::fmt;

use storage::{ScanError, Stopped, StorageError};

/// Why visible rows could not be read.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadError {
    /// A handle or codes of another scope, or a handle put to a use that it is not meant for.
    Foreign,
    /// The scope is of a model without data.
    NoData,
    /// A whole number or fixed decimal grew beyond 64 bits.
    Overflow,
    TooManyGroups {
        limit: usize,
    },
    /// The path follows a relationship that does not carry the row filters of the table it leads to (an inactive one, or one
    /// against its arrow), and that table is secured in this view.
    Secured,
    Stopped(Stopped),
    /// It has no values, because it could not be computed, or follows a relationship whose key could not.
    InError(String),
    /// A file of the dataset is damaged or missing, or the dataset is closed.
    Unreadable(String),
    /// A mistake of the engine's own.
    Internal(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Foreign => f.write_str("a name was resolved in another session; prepare the query again"),
            ReadError::NoData => f.write_str("the model has no data here; import it first"),
            ReadError::Overflow => f.write_str("a number grew beyond the range of its type"),
            ReadError::TooManyGroups { limit } => write!(f, "the query makes more than {limit} groups"),
            ReadError::Secured => f.write_str(
                "the query follows a relationship that cannot be used here, because row-level security applies to its table",
            ),
            ReadError::Stopped(stopped) => write!(f, "{stopped}"),
            ReadError::InError(what) => f.write_str(what),
            ReadError::Unreadable(why) => f.write_str(why),
            ReadError::Internal(what) => write!(f, "internal error: {what}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<ScanError> for ReadError {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Overflow => ReadError::Overflow,
            ScanError::TooManyGroups { limit } => ReadError::TooManyGroups { limit },
            ScanError::Stopped(stopped) => ReadError::Stopped(stopped),
            ScanError::Unreadable { why } => ReadError::Unreadable(why),
            ScanError::Internal(what) => ReadError::Internal(what),
        }
    }
}

impl From<StorageError> for ReadError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unreadable { why } => ReadError::Unreadable(why),
            error => ReadError::Internal(error.to_string()),
        }
    }
}

impl From<Stopped> for ReadError {
    fn from(stopped: Stopped) -> Self {
        ReadError::Stopped(stopped)
    }
}

/// What an evaluator says when a filter or a calculated object fails. For operators only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluateError {
    pub message: String,
    pub cause: Cause,
}

/// What is at fault where an evaluator fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// The expression: a name, a function, a type, or a limit that it goes beyond.
    #[default]
    Expression,
    /// What the expression met in some row. The message may be the text that ERROR was given.
    Evaluation,
    /// The files of the data, which is no fault of the expression.
    Files,
}

impl EvaluateError {
    pub fn new(message: impl Into<String>) -> Self {
        EvaluateError {
            message: message.into(),
            cause: Cause::Expression,
        }
    }
}

impl fmt::Display for EvaluateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvaluateError {}

impl From<ReadError> for EvaluateError {
    fn from(error: ReadError) -> Self {
        EvaluateError {
            message: error.to_string(),
            cause: match error {
                ReadError::Unreadable(_) => Cause::Files,
                _ => Cause::Expression,
            },
        }
    }
}

/// Why the gate could not be closed over a model and its data. For operators.
#[derive(Clone, Debug, PartialEq)]
pub enum CloseError {
    /// A DAX expression that must be understood does not parse.
    Syntax {
        place: String,
        message: String,
    },
    /// Calculated objects that need each other.
    Cycle {
        objects: Vec<String>,
    },
    /// A table of the model was not loaded.
    NotLoaded {
        table: String,
    },
    /// A calculated object could not be computed.
    Calculation {
        object: String,
        message: String,
    },
    /// The data that a calculated object needs could not be read.
    Unreadable {
        object: String,
        message: String,
    },
    /// A relationship could not be built over the data.
    Relationship {
        relationship: String,
        message: String,
    },
    /// A role names what is not there, or hides a table that others need to reach each other.
    Role {
        role: String,
        why: String,
    },
    Stopped(Stopped),
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseError::Syntax { place, message } => write!(f, "{place}: {message}"),
            CloseError::Cycle { objects } => {
                write!(
                    f,
                    "calculated objects depend on each other in a circle: {}",
                    objects.join(" -> ")
                )
            }
            CloseError::NotLoaded { table } => write!(
                f,
                "table '{table}' has no data; import it before closing the gate"
            ),
            CloseError::Calculation { object, message }
            | CloseError::Unreadable { object, message } => {
                write!(f, "{object} could not be computed: {message}")
            }
            CloseError::Relationship {
                relationship,
                message,
            } => write!(f, "relationship {relationship}: {message}"),
            CloseError::Role { role, why } => write!(f, "role '{role}': {why}"),
            CloseError::Stopped(stopped) => write!(f, "{stopped}"),
        }
    }
}

impl std::error::Error for CloseError {}

impl From<Stopped> for CloseError {
    fn from(stopped: Stopped) -> Self {
        CloseError::Stopped(stopped)
    }
}

/// Why an identity was not let in. Says what the identity can do about it, and nothing about data.
#[derive(Clone, Debug, PartialEq)]
pub enum Denied {
    /// The model has roles and the identity asks for none.
    NoRole,
    UnknownRole(String),
    /// The role exists, and does not allow reading.
    NotAllowed {
        role: String,
    },
    /// The role reads the user's name, and the identity has none.
    NeedsUserName {
        role: String,
    },
    /// The role reads the user's object id, and the identity has none.
    NeedsObjectId {
        role: String,
    },
    /// These roles cannot be held together.
    Incompatible {
        roles: Vec<String>,
        why: Incompatibility,
    },
    /// A filter of the role failed. The operator finds the reason in the audit.
    FilterFailed {
        role: String,
    },
    /// The record of the admission is required, and could not be written.
    NotRecorded,
    /// The dataset is closed to everybody.
    Closed {
        why: String,
    },
    Stopped(Stopped),
}

/// Why roles cannot be held together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incompatibility {
    /// One has a row filter that travels over a many-to-many or bothDirections relationship.
    TravellingFilter,
    /// One has row filters and another has object permissions.
    RowsAndObjects,
    /// What all of them hide would cut a chain of relationships between visible tables.
    CutRelationships,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denied::NoRole => f.write_str("this model has roles: ask for at least one of them"),
            Denied::UnknownRole(name) => {
                write!(f, "there is no role '{name}' (role names are exact)")
            }
            Denied::NotAllowed { role } => write!(f, "role '{role}' does not allow reading"),
            Denied::NeedsUserName { role } => {
                write!(f, "role '{role}' needs to know the user's name")
            }
            Denied::NeedsObjectId { role } => {
                write!(f, "role '{role}' needs to know the user's object id")
            }
            Denied::Incompatible { roles, why } => {
                let why = match why {
                    Incompatibility::TravellingFilter => {
                        "a row filter among them travels over a many-to-many or bothDirections relationship"
                    }
                    Incompatibility::RowsAndObjects => {
                        "one has row filters and another has object permissions"
                    }
                    Incompatibility::CutRelationships => {
                        "together they cut a chain of relationships"
                    }
                };
                write!(
                    f,
                    "the roles '{}' cannot be held together: {why}",
                    roles.join("', '")
                )
            }
            Denied::FilterFailed { role } => {
                write!(
                    f,
                    "role '{role}' cannot be used now, because one of its filters fails; tell the operator of the model"
                )
            }
            Denied::NotRecorded => f.write_str(
                "nobody is admitted now, because the audit cannot be written; tell the operator of the service",
            ),
            Denied::Closed { why } => f.write_str(why),
            Denied::Stopped(stopped) => write!(f, "{stopped}"),
        }
    }
}

impl std::error::Error for Denied {}

impl From<Stopped> for Denied {
    fn from(stopped: Stopped) -> Self {
        Denied::Stopped(stopped)
    }
}

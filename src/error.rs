//! Everything that can go wrong between a model on disk and an answer.

use std::fmt;

use model::LoadErrors;
use security::{CloseError, Denied};
use storage::{AtRestError, ImportError};

/// Why a database could not be made, an identity was not admitted, or a query was not answered. No message carries a
/// cell of the data.
#[derive(Debug)]
pub enum Error {
    /// The model could not be read.
    Load(LoadErrors),
    /// The data could not be imported. Nothing is half loaded.
    Import(Box<ImportError>),
    /// Data and model do not go together: a calculated object or a role does not work. For the operator.
    Close(CloseError),
    /// The identity is not admitted.
    Denied(Denied),
    /// The query is refused or failed.
    Query(engine::Error),
    /// The session is over; ask the database for a new one.
    SessionEnded,
    /// The dataset is closed: its key was denied, or the service has closed it.
    Closed,
    /// The record of the query is required, and could not be written: the query counts as not answered.
    NotRecorded,
    /// Files or the key of a dataset on disk are at fault. For the operator.
    AtRest(Box<AtRestError>),
    /// Too many queries wait already: of the identity itself (`own`), or of all together. Nothing was done; try again later.
    Busy { waiting: usize, own: bool },
    /// A fault of the engine outside a query.
    Internal(&'static str),
}

impl Error {
    /// The code of machine-readable errors. docs/errors.md lists all of them.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Load(_) => "model",
            Error::Import(_) => "import",
            Error::Close(_) => "dataset",
            Error::Denied(_) => "denied",
            Error::Query(error) => error.kind.code(),
            Error::SessionEnded => "session_ended",
            Error::Closed => "closed",
            Error::NotRecorded => "not_recorded",
            Error::AtRest(error) => crate::at_rest::code(error),
            Error::Busy { .. } => "busy",
            Error::Internal(_) => "internal",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Load(errors) => errors.fmt(f),
            Error::Import(error) => error.fmt(f),
            Error::Close(error) => error.fmt(f),
            Error::Denied(denied) => denied.fmt(f),
            Error::Query(error) => error.fmt(f),
            Error::SessionEnded => f.write_str("the session is over; ask for a new one"),
            Error::Closed => f.write_str("the dataset is closed, and answers no query any more"),
            Error::NotRecorded => f.write_str(
                "the query is not answered, because the audit cannot be written; tell the operator of the service",
            ),
            Error::AtRest(error) => error.fmt(f),
            Error::Busy { waiting, own: true } => write!(
                f,
                "{waiting} queries of this identity wait already, and no more of them may; try again later"
            ),
            Error::Busy {
                waiting,
                own: false,
            } => write!(
                f,
                "{waiting} queries wait already, over all identities, and no more may; try again later"
            ),
            Error::Internal(what) => write!(f, "internal error: {what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Load(errors) => Some(errors),
            Error::Import(error) => Some(error.as_ref()),
            Error::Close(error) => Some(error),
            Error::Denied(denied) => Some(denied),
            Error::Query(error) => Some(error),
            Error::AtRest(error) => Some(error.as_ref()),
            Error::SessionEnded
            | Error::Closed
            | Error::NotRecorded
            | Error::Busy { .. }
            | Error::Internal(_) => None,
        }
    }
}

impl From<LoadErrors> for Error {
    fn from(errors: LoadErrors) -> Self {
        Error::Load(errors)
    }
}

impl From<ImportError> for Error {
    fn from(error: ImportError) -> Self {
        Error::Import(Box::new(error))
    }
}

impl From<CloseError> for Error {
    fn from(error: CloseError) -> Self {
        Error::Close(error)
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Closed { .. } => Error::Closed,
            denied => Error::Denied(denied),
        }
    }
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        Error::Query(error)
    }
}

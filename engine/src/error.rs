//! What can go wrong with a query, by stage, and where.

use std::fmt;
use std::sync::Arc;

use dax::Span;

/// A query that is refused. The message speaks to the person who wrote it and carries no cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    pub kind: ErrorKind,
    pub message: String,
    /// In the query's text; None when the cause stands elsewhere (in a measure of the model, or in a limit).
    pub span: Option<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is not DAX.
    Syntax,
    /// A name that this view does not hold. Unknown, misspelled and hidden are one.
    UnknownName,
    /// A function that DAX does not have, or that is not built.
    UnknownFunction,
    /// Arguments of the wrong number, kind or type.
    Argument,
    /// Types that do not go together.
    Type,
    /// Something that only evaluation could find: a conversion, a division, several values for one.
    Evaluation,
    /// A measure, variable or calculated column that needs itself.
    Cycle,
    /// A calculated object of the model that could not be computed.
    InError,
    /// Refused for security (row rule 8).
    Refused,
    /// A limit of the session.
    Limit,
    /// Cancelled, or ended from outside: the message says why.
    Cancelled,
    TimedOut,
    /// The files of the dataset cannot be read.
    Unreadable,
    /// A fault of the engine.
    Internal,
}

impl ErrorKind {
    /// The code of machine-readable errors.
    pub fn code(self) -> &'static str {
        match self {
            ErrorKind::Syntax => "syntax",
            ErrorKind::UnknownName => "unknown_name",
            ErrorKind::UnknownFunction => "unknown_function",
            ErrorKind::Argument => "argument",
            ErrorKind::Type => "type",
            ErrorKind::Evaluation => "evaluation",
            ErrorKind::Cycle => "cycle",
            ErrorKind::InError => "in_error",
            ErrorKind::Refused => "refused",
            ErrorKind::Limit => "limit",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::TimedOut => "timed_out",
            ErrorKind::Unreadable => "unreadable",
            ErrorKind::Internal => "internal",
        }
    }
}

impl Error {
    pub fn new(kind: ErrorKind, span: Span, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            span: Some(span),
        }
    }

    pub fn nowhere(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            span: None,
        }
    }

    /// Gives the error a place unless it has one.
    pub fn or_at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<security::ReadError> for Error {
    fn from(error: security::ReadError) -> Self {
        use security::{ReadError, Stopped};
        let kind = match &error {
            ReadError::Overflow => ErrorKind::Evaluation,
            ReadError::TooManyGroups { .. } => ErrorKind::Limit,
            ReadError::Stopped(Stopped::TimedOut) => ErrorKind::TimedOut,
            ReadError::Stopped(Stopped::OutOfMemory(_)) => ErrorKind::Limit,
            ReadError::Stopped(_) => ErrorKind::Cancelled,
            ReadError::Secured => ErrorKind::Refused,
            ReadError::InError(_) => ErrorKind::InError,
            ReadError::Unreadable(_) => ErrorKind::Unreadable,
            _ => ErrorKind::Internal,
        };
        Error::nowhere(kind, error.to_string())
    }
}

/// The error of one context: what a scalar function answers when it has no value. It carries no cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub message: Arc<str>,
    pub span: Option<Span>,
}

impl Failure {
    pub fn new(message: impl Into<Arc<str>>) -> Self {
        Failure {
            message: message.into(),
            span: None,
        }
    }

    pub fn or_at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Error {
            kind: ErrorKind::Evaluation,
            message: failure.message.to_string(),
            span: failure.span,
        }
    }
}

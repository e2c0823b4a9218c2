//! Errors of the SQL engine as errors of a query: a kind, and a message that carries no cell.
//!
//! While a statement is planned no cell has been read, so what DataFusion says then is told as it is: it speaks of the text and of visible
//! names. While it runs, messages may quote values; then only the kind of the fault is told.

use std::fmt;

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use engine::{Error, ErrorKind};
use security::ReadError;

use crate::catalog::{CATALOG, SCHEMA};

/// An error of ours on its way through DataFusion.
#[derive(Debug)]
struct Carried(Error);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Carried {}

pub(crate) fn carry(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(Carried(error)))
}

pub(crate) fn carry_read(error: ReadError) -> DataFusionError {
    carry(Error::from(error))
}

pub(crate) fn refused(message: impl Into<String>) -> Error {
    Error::nowhere(ErrorKind::Refused, message)
}

/// What a table that this view does not hold is answered with, hidden or not there: in the words of the planner.
pub(crate) fn unknown_table(name: &str) -> Error {
    Error::nowhere(
        ErrorKind::UnknownName,
        format!("table '{CATALOG}.{SCHEMA}.{name}' not found"),
    )
}

/// An error found before any cell was read.
pub(crate) fn of_planning(error: DataFusionError) -> Error {
    let error = match ours(error) {
        Ok(ours) => return ours,
        Err(theirs) => theirs,
    };
    let (kind, message) = match &error {
        DataFusionError::SQL(parser, _) => (ErrorKind::Syntax, parser.to_string()),
        DataFusionError::SchemaError(schema, _) => {
            let kind = match **schema {
                SchemaError::FieldNotFound { .. } => ErrorKind::UnknownName,
                _ => ErrorKind::Argument,
            };
            (kind, schema.to_string())
        }
        DataFusionError::Plan(message) if message.starts_with("Invalid function") => {
            (ErrorKind::UnknownFunction, first_line(message))
        }
        DataFusionError::Plan(message) if message.starts_with("table '") => {
            (ErrorKind::UnknownName, first_line(message))
        }
        DataFusionError::Plan(message) | DataFusionError::Execution(message) => {
            (ErrorKind::Argument, first_line(message))
        }
        DataFusionError::NotImplemented(message) => {
            let told = first_line(message);
            (
                ErrorKind::Refused,
                match told.contains(' ') {
                    true => told,
                    false => format!("{told} is not offered"),
                },
            )
        }
        DataFusionError::ArrowError(..) => return of_running(error),
        DataFusionError::ResourcesExhausted(_) => return of_running(error),
        _ => (
            ErrorKind::Internal,
            "internal error: the statement could not be planned".to_owned(),
        ),
    };
    Error::nowhere(kind, message)
}

/// An error of a query that has begun to read.
pub(crate) fn of_running(error: DataFusionError) -> Error {
    let error = match ours(error) {
        Ok(ours) => return ours,
        Err(theirs) => theirs,
    };
    let (kind, message) = match root(&error) {
        DataFusionError::ResourcesExhausted(_) => (
            ErrorKind::Limit,
            "the query needs more memory than its limit; nothing is written to disk instead",
        ),
        DataFusionError::ArrowError(arrow, _) => (ErrorKind::Evaluation, of_arrow(arrow)),
        DataFusionError::NotImplemented(_) => (
            ErrorKind::Refused,
            "the SQL engine has no operator for what the query asks",
        ),
        DataFusionError::Execution(message) if message.contains("more than one row") => (
            ErrorKind::Evaluation,
            "a subquery that stands for one value gave several rows",
        ),
        DataFusionError::Execution(_) | DataFusionError::Plan(_) => (
            ErrorKind::Evaluation,
            "a value lies outside of what a function or operator of the query takes",
        ),
        _ => (
            ErrorKind::Internal,
            "internal error: the query could not be run",
        ),
    };
    Error::nowhere(kind, message)
}

fn of_arrow(error: &ArrowError) -> &'static str {
    match error {
        ArrowError::DivideByZero => "division by zero",
        ArrowError::ArithmeticOverflow(_) => "a number grew beyond the range of its type",
        ArrowError::CastError(_) | ArrowError::ParseError(_) => {
            "a value could not be converted to the type that the query asks for"
        }
        _ => "a value lies outside of what a function or operator of the query takes",
    }
}

/// The error in its wrappings: several readers may share one.
fn root(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Shared(inner) => root(inner),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root(inner),
        other => other,
    }
}

/// Takes wrappings off; Ok is an error of ours.
fn ours(error: DataFusionError) -> Result<Error, DataFusionError> {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => ours(*inner),
        DataFusionError::Collection(errors) => match errors.into_iter().next() {
            Some(first) => ours(first),
            None => Err(DataFusionError::Internal(String::new())),
        },
        DataFusionError::Shared(shared) => match carried(&shared) {
            Some(error) => Ok(error),
            None => Err(DataFusionError::Shared(shared)),
        },
        DataFusionError::ArrowError(arrow, trace) => match *arrow {
            ArrowError::ExternalError(inner) => match inner.downcast::<DataFusionError>() {
                Ok(inner) => ours(*inner),
                Err(inner) => Err(DataFusionError::External(inner)),
            },
            other => Err(DataFusionError::ArrowError(Box::new(other), trace)),
        },
        DataFusionError::External(inner) => match inner.downcast::<Carried>() {
            Ok(carried) => Ok(carried.0),
            Err(inner) => match inner.downcast::<DataFusionError>() {
                Ok(inner) => ours(*inner),
                Err(inner) => Err(DataFusionError::External(inner)),
            },
        },
        other => Err(other),
    }
}

fn carried(error: &DataFusionError) -> Option<Error> {
    match error {
        DataFusionError::External(inner) => {
            inner.downcast_ref::<Carried>().map(|found| found.0.clone())
        }
        DataFusionError::Context(_, inner) => carried(inner),
        DataFusionError::Shared(inner) => carried(inner),
        _ => None,
    }
}

/// Backtraces and diagnostics follow on later lines where they are built in.
fn first_line(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    // The planner wraps what it says in its own words for errors, one in the other.
    ["Internal error: ", "Error during planning: "]
        .iter()
        .fold(first.to_owned(), |text, words| text.replace(words, ""))
}

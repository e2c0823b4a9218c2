//! What can be wrong with a text, and where.

use std::fmt;

use crate::Span;

/// A finding in a text: its cause, its place, and a sentence that says what was found and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    pub span: Span,
    pub message: String,
}

/// The causes, one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The text is longer than a span can address.
    TextTooLong,
    /// A character that begins no token of DAX.
    UnexpectedCharacter,
    /// `"...` without its end.
    UnterminatedText,
    /// `'...` or `[...` without its end.
    UnterminatedName,
    /// `/*` without `*/`.
    UnterminatedComment,
    /// A number beyond the range of decimal numbers.
    InvalidNumber,
    /// `''` or `[]`.
    EmptyName,
    /// A place that needs a value has something else.
    ExpectedExpression,
    /// A place that needs a certain token has another.
    UnexpectedToken,
    /// The text ends too early.
    UnexpectedEnd,
    /// `;` between arguments.
    Semicolon,
    /// The text has no EVALUATE.
    MissingEvaluate,
    /// A second DEFINE, or a DEFINE after EVALUATE.
    MisplacedDefine,
    /// START AT without ORDER BY, or with more values than ORDER BY has keys.
    MisplacedStartAt,
    /// Nested beyond what the engine reads.
    TooDeep,
    /// So much is wrong that parsing stopped.
    TooManyErrors,
}

impl Error {
    pub fn new(kind: ErrorKind, span: Span, message: impl Into<String>) -> Self {
        Error {
            kind,
            span,
            message: message.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

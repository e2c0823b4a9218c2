//! What can go wrong while a model is read: always with its place, and all of it at once.

use std::fmt;

use crate::types::Source;

/// One thing that keeps a model from being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    pub place: Source,
    pub message: String,
}

/// Everything that keeps a model from being read. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadErrors(pub Vec<LoadError>);

impl LoadErrors {
    pub(crate) fn one(file: &str, line: Option<u32>, message: impl Into<String>) -> Self {
        LoadErrors(vec![LoadError {
            place: Source {
                file: file.to_string(),
                line,
            },
            message: message.into(),
        }])
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => write!(f, "{}", self.file),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}
impl std::error::Error for LoadErrors {}

//! Tests of roles as text: who asks, what, and which rows or which refusal must come back. docs/role-tests.md shows the format.

mod cell;
mod parse;
mod run;
#[cfg(test)]
mod tests;

use std::fmt;

use engine::Value;
use security::Identity;

/// One test of a file.
#[derive(Clone, Debug)]
pub struct RoleTest {
    name: String,
    /// Where it begins in its file, counted from 1.
    line: usize,
    identity: Identity,
    query: String,
    expected: Expected,
}

#[derive(Clone, Debug)]
enum Expected {
    Rows {
        /// As the answer names them. None: `rows: none`, whatever the columns.
        columns: Option<Vec<String>>,
        rows: Vec<Vec<Value>>,
        in_order: bool,
    },
    Refused {
        /// As docs/errors.md lists them.
        code: String,
        /// What the message must contain.
        message: Option<String>,
    },
}

/// What is wrong with a file of role tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleTestError {
    /// Counted from 1.
    pub line: usize,
    pub message: String,
}

impl fmt::Display for RoleTestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for RoleTestError {}

/// How a test failed, for a person to read. It shows cells that the test's identity may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleTestFailure {
    text: String,
}

impl fmt::Display for RoleTestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for RoleTestFailure {}

impl RoleTest {
    /// Reads a file of tests, or says everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Vec<RoleTest>, Vec<RoleTestError>> {
        parse::parse(text)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line of the file where the test begins.
    pub fn line(&self) -> usize {
        self.line
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn query(&self) -> &str {
        &self.query
    }
}

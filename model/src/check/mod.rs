//! What is wrong with a model that could be read: references to nothing, expressions that do not parse, roles that would not do
//! what they seem to say. Whether the names inside expressions exist is for the engine to find out.

mod expressions;
mod filters;
mod objects;
mod relationships;
mod roles;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::types::{Model, Source};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing: something is kept and not acted on.
    Info,
    /// Probably not what its author wants.
    Warning,
    /// The model cannot be used as it is.
    Error,
}

/// A finding about a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub severity: Severity,
    /// What docs/role-lint.md calls it, for the findings about roles.
    pub code: Option<&'static str>,
    /// The file, and the line where known, of the object.
    pub place: Source,
    /// The object, for example `measure 'Sales'[Total]`.
    pub object: String,
    pub message: String,
    /// The expression that is at fault, and the part of it.
    pub excerpt: Option<Excerpt>,
}

/// A part of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The whole expression.
    pub text: String,
    pub span: dax::Span,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.place == Source::default() {
            ""
        } else {
            ": "
        };
        if colon.is_empty() {
            write!(f, "{}: {}: {}", self.severity, self.object, self.message)?;
        } else {
            write!(
                f,
                "{}{colon}{}: {}: {}",
                self.place, self.severity, self.object, self.message
            )?;
        }
        if let Some(excerpt) = &self.excerpt {
            let at = excerpt
                .text
                .get(..excerpt.span.start as usize)
                .unwrap_or(&excerpt.text);
            let line = at.matches('\n').count() + 1;
            let column = at.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            write!(f, " (line {line}, column {column} of the expression)")?;
        }
        if let Some(code) = self.code {
            write!(f, " [{code}]")?;
        }
        Ok(())
    }
}

/// All findings, in the order of the model's objects.
pub fn check(model: &Model) -> Vec<Problem> {
    let mut findings = Findings {
        problems: Vec::new(),
    };
    objects::check(model, &mut findings);
    relationships::check(model, &mut findings);
    expressions::check(model, &mut findings);
    roles::check(model, &mut findings);
    for unused in &model.unused {
        findings.info(
            &Source::default(),
            &unused.place,
            format!("{} is read and not acted on", unused.what),
        );
    }
    findings.problems
}

struct Findings {
    problems: Vec<Problem>,
}

impl Findings {
    fn add(&mut self, severity: Severity, place: &Source, object: &str, message: String) {
        self.problems.push(Problem {
            severity,
            code: None,
            place: place.clone(),
            object: object.to_string(),
            message,
            excerpt: None,
        });
    }

    fn error(&mut self, place: &Source, object: &str, message: impl Into<String>) {
        self.add(Severity::Error, place, object, message.into());
    }

    fn warning(&mut self, place: &Source, object: &str, message: impl Into<String>) {
        self.add(Severity::Warning, place, object, message.into());
    }

    fn info(&mut self, place: &Source, object: &str, message: impl Into<String>) {
        self.add(Severity::Info, place, object, message.into());
    }

    /// Gives the last finding its code.
    fn code(&mut self, code: &'static str) {
        if let Some(problem) = self.problems.last_mut() {
            problem.code = Some(code);
        }
    }

    fn within(
        &mut self,
        severity: Severity,
        place: &Source,
        object: &str,
        message: String,
        text: &str,
        span: dax::Span,
    ) {
        let excerpt = Some(Excerpt {
            text: text.to_string(),
            span,
        });
        self.problems.push(Problem {
            severity,
            code: None,
            place: place.clone(),
            object: object.to_string(),
            message,
            excerpt,
        });
    }
}

/// `'Sales'`, its quotes doubled.
fn quoted(table: &str) -> String {
    format!("'{}'", table.replace('\'', "''"))
}

/// `'Sales'[Amount]`
fn member(table: &str, name: &str) -> String {
    format!("{}[{}]", quoted(table), name.replace(']', "]]"))
}

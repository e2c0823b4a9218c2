//! What a row of the registry says, and how a row is found.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::error::Failure;
use crate::value::{DataType, Value};

/// One DAX function.
#[derive(Debug)]
pub struct Function {
    /// In upper case, dots included.
    pub name: &'static str,
    /// As the DAX reference sorts it: "Text", "Math and trig", ...
    pub category: &'static str,
    /// For messages and documentation: `LEFT(text, [count])`.
    pub signature: &'static str,
    pub parameters: Parameters,
    /// The type of the result.
    pub types: Types,
    pub body: Body,
    /// Where the semantics come from: a page of the DAX reference, or a named formula.
    pub source: &'static str,
}

impl Function {
    /// Whether two calls with the same arguments in one query may differ.
    pub fn is_volatile_by_row(&self) -> bool {
        matches!(self.name, "RAND" | "RANDBETWEEN")
    }
}

/// How many arguments a function takes.
#[derive(Clone, Copy, Debug)]
pub struct Parameters {
    pub least: usize,
    /// `usize::MAX`: any number.
    pub most: usize,
}

impl Parameters {
    pub const fn exactly(n: usize) -> Self {
        Parameters { least: n, most: n }
    }
    pub const fn between(least: usize, most: usize) -> Self {
        Parameters { least, most }
    }
    pub const fn at_least(least: usize) -> Self {
        Parameters {
            least,
            most: usize::MAX,
        }
    }
}

/// The type of a function's result.
#[derive(Clone, Copy, Debug)]
pub enum Types {
    Always(DataType),
    /// That of the first argument.
    First,
    /// Computed from the types of the arguments (Unknown for an argument that is always BLANK).
    From(fn(&[DataType]) -> DataType),
    /// Tables, or decided by the binder.
    Bound,
}

/// Answers some values with one.
pub type ScalarFunction = fn(&[Value], &Environment) -> Result<Value, Failure>;

/// How a function is evaluated.
#[derive(Clone, Copy, Debug)]
pub enum Body {
    /// A scalar function of its arguments, value by value. An argument left out between others arrives as BLANK; those left out at
    /// the end are not there.
    Scalar(ScalarFunction),
    /// The binder knows it: it takes tables, columns, or decides which arguments are evaluated.
    Bound(State),
}

/// Of functions that the binder knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Built,
    /// Refused by name, with this reason.
    Refused(&'static str),
}

/// What a scalar function may read besides its arguments. Everything is fixed for the length of a query.
#[derive(Clone, Debug)]
pub struct Environment {
    pub clock: Clock,
    /// For example `en-US`.
    pub culture: String,
    pub user_name: Option<String>,
    pub user_principal_name: Option<String>,
    pub user_object_id: Option<String>,
    pub custom_data: Option<String>,
    /// Seed of RAND and RANDBETWEEN; each call draws the next number from it.
    pub random: std::cell::Cell<u64>,
}

/// The moment at which the query began.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Microseconds since 1970, UTC.
    pub utc: i64,
    /// Microseconds since 1970, on the wall clock of this machine.
    pub local: i64,
}

/// All rows, in the order of their categories.
pub fn all() -> impl Iterator<Item = &'static Function> {
    super::TABLES.iter().flat_map(|table| table.iter())
}

/// Why a function is refused; None for one that is built.
pub fn state_of(function: &Function) -> Option<&'static str> {
    match function.body {
        Body::Bound(State::Refused(why)) => Some(why),
        _ => None,
    }
}

/// The row of a function, by its name without case.
pub fn find(name: &str) -> Option<&'static Function> {
    static INDEX: OnceLock<HashMap<&'static str, &'static Function>> = OnceLock::new();
    let index = INDEX.get_or_init(|| all().map(|function| (function.name, function)).collect());
    index.get(name.to_ascii_uppercase().as_str()).copied()
}

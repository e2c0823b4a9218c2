//! What a statement takes besides its text.

use engine::{Limits, Value};

/// How text compares in `=`, `<`, IN, LIKE, GROUP BY, DISTINCT, ORDER BY and joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collation {
    /// As in the model: without case, trailing spaces ignored.
    #[default]
    Model,
    /// Letter by letter, as most SQL engines do.
    Exact,
}

/// What a statement takes besides its text.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values of `$name` or `$1`, names without the sign.
    pub parameters: Vec<(String, Value)>,
    pub limits: Limits,
    pub collation: Collation,
}

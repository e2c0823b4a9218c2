//! Functions by example, each written as the expression that a person would write.

mod everyday;
mod expression;
mod far;
mod registry_rows;

pub(super) use expression::environment;

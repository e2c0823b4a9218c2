//! The registry of DAX functions: one row a function. The binder, the evaluator, the documentation and the prompt's
//! completion read it; nothing about a function is said anywhere else.
//!
//! A scalar function gets its arguments as values, in order. Arguments that were left out at the end are not in the
//! slice; one that was left out between others is BLANK there.

mod arguments;
mod bound;
pub mod calendar;
pub mod date;
mod daycount;
mod financial;
pub mod format;
mod information;
mod logical;
mod math;
mod parent_child;
mod registry;
mod rounding;
mod special;
mod statistical;
mod text;
mod wildcard;

#[cfg(test)]
mod tests;

pub use format::format_value;
pub use registry::{
    Asker, Body, Clock, Environment, Function, Parameters, ScalarFunction, State, Types,
};
pub use registry::{all, find, state_of};

/// One scalar function a line: name, what stands after it in a signature, least and most arguments, the type of the
/// result, and the function.
macro_rules! scalars {
    ($table:ident, $category:literal: $($name:literal $arguments:literal $least:tt $most:tt $(:: $limit:ident)? $types:ident $(:: $kind:ident $(($inner:expr))?)? => $body:expr;)*) => {
        pub(super) const $table: &[Function] = &[$(Function {
            name: $name,
            category: $category,
            signature: concat!($name, $arguments),
            parameters: super::Parameters { least: $least, most: $most $(:: $limit)? },
            types: $types $(:: $kind $(($inner))?)?,
            body: super::Body::Scalar($body),
            source: concat!("DAX reference: ", $name),
        }),*];
    };
}
use scalars;

pub(super) static TABLES: &[&[Function]] = &[
    bound::AGGREGATION,
    bound::DATES,
    date::TABLE,
    bound::FILTER,
    bound::FINANCIAL,
    financial::TABLE,
    bound::INFORMATION,
    information::TABLE,
    bound::INFO,
    bound::LOGICAL,
    logical::TABLE,
    math::BITS,
    math::TABLE,
    bound::OTHER,
    logical::OTHER,
    bound::PARENT_CHILD,
    parent_child::TABLE,
    bound::RELATIONSHIP,
    bound::STATISTICAL,
    statistical::TABLE,
    bound::TABLE,
    bound::TIME_INTELLIGENCE,
    bound::TEXT,
    text::TABLE,
    bound::UNDOCUMENTED_NAMES,
];

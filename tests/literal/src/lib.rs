//! DAX by its definitions, one evaluation context at a time: what the engine is compared with in tests.
//!
//! Nothing here is fast, and nothing here is shared with the engine: a filter context is a list of sets of tuples, a
//! row context is a row, a relationship is followed row by row. What this evaluator does not know it says so
//! ([`Failure::Unknown`]), so that a comparison never passes by accident.

mod aggregate;
mod answer;
mod calculate;
mod context;
mod data;
mod dates;
mod eval;
mod groups;
mod roles;
mod scalar;
mod tables;
mod types;
mod value;
mod visible;

pub use answer::{Answer, answer};
pub use data::{Data, TableData};
pub use roles::{secured, shown_rows};
pub use value::{Failure, Value};

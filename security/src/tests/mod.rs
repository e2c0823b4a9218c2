//! The rules of the design, one test each, over a small world and a small evaluator.

mod calculated;
mod evaluator;
mod extended;
mod forgotten;
mod handles;
mod in_error;
mod kept_apart;
mod masks;
mod object_rules;
mod reached;
mod row_rules;
mod union;
mod wider;
mod world;

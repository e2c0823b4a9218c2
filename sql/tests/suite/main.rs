//! Tests of SQL over views, in one binary: a module a subject.

// The name that the house has for it.
extern crate peristyle_sql as sql;

mod collation;
mod copies;
mod in_error;
mod kept;
mod limits;
mod patterns;
mod plain;
mod planning;
mod random;
mod random_statements;
mod security_rules;
mod ssb;
mod tpch;
mod world;

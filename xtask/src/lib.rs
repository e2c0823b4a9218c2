//! Makers of data, for the command beside this and for benchmarks.

pub mod retail;

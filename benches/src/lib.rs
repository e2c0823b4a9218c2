//! Benchmarks: the tables and queries of the Star Schema Benchmark, other engines in processes of their own, what the
//! machine can do at most, and reports.
//!
//! - `cargo run --release -p peristyle-benches --bin generate -- ssb --scale 1 --out DIR` makes the data.
//! - `cargo run --release -p peristyle-benches --bin compare -- ssb --data DIR` runs Peristyle beside its peers.
//! - `cargo bench -p peristyle-benches` measures single kernels and queries.
//!
//! docs/benchmarks.md says what is measured and holds results.

pub mod answer;
pub mod kernels;
pub mod machine;
pub mod models;
pub mod patterns;
pub mod peer;
pub mod report;
pub mod sealed;
pub mod ssb;

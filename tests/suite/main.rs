//! Tests across crates, in one binary: a module a subject.

mod arrows;
mod define;
mod embedding;
mod rust_source;
mod sources;

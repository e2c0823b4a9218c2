//! Tests across crates, in one binary: a module a subject.

mod adventure_facts;
mod adventure_works;
mod arrows;
mod blindness;
mod bypasses;
mod calendars;
mod corpus;
mod define;
mod deletion;
mod embedding;
mod functions;
mod functions_document;
mod goldens;
mod hidden_names;
mod outcome;
mod refusals;
mod role_files;
mod runaway;
mod rust_source;
mod scratch;
mod sheets;
mod sources;
mod stages;
mod two_engines;
mod visible_rows;
mod world;

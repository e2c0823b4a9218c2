//! SQL over a view: the tables that an identity sees, as a DataFusion catalog.
//!
//! [`query`] answers one statement. It reads through the handles of a view alone, so the visibility is inside every scan, and the names of
//! the catalog are the visible names. Only queries, EXPLAIN of queries and lists of visible things are answered.
//!
//! - `statement`, `functions` and `walls` say what may run, `look` and `planning` where it may be stopped; `names` makes names compare without case.
//! - `catalog`, `table` and `rows` are the view as DataFusion sees it; `filter` turns conditions into sets of codes.
//! - `patterns` bounds those of LIKE and of regular expressions.
//! - `kept` keeps the plans of statements beside their view, for when they are asked again.
//! - `fuse` turns aggregates over joined tables into scans.
//! - `mentioned` says what a statement may read, for the audit.
//! - `measure` has measures evaluated by the DAX engine beside such a scan.
//! - `memory`, `growth` and `copies` count what a statement holds, the text that it makes and what operators copy of it; `bounds` and `terms` say how much it may grow while it is planned,
//!   and `shape` how deep it may be.
//! - `collate`, `ordering` and `analyze` make text compare as the model does; `spelling` knows where it need not be folded; `times` keeps dates and times in the
//!   microseconds of the model.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]
// The replacement of the one deprecated method is the other's default.
#![allow(deprecated)]

mod analyze;
mod answer;
mod bounds;
mod catalog;
mod collate;
mod copies;
mod error;
mod filter;
mod functions;
mod fuse;
mod growth;
mod kept;
mod look;
mod measure;
mod memory;
mod mentioned;
mod names;
mod options;
mod ordering;
mod patterns;
mod planning;
mod reader;
mod rows;
mod run;
mod shape;
mod spelling;
mod statement;
mod table;
mod terms;
mod times;
mod types;
mod walls;

pub use answer::Answer;
pub use kept::{Plans, Room};
pub use mentioned::mentioned;
pub use options::{Collation, Options};
pub use run::query;

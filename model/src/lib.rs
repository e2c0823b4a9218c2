//! The semantic model: tables, columns, measures, relationships, roles. Names only, no data.
//!
//! - [`load`] reads whatever form stands at a path: a `model.bim`, a TMDL folder, a Power BI project.
//! - [`read_bim`] and [`read_tmdl`] read text that is already in memory; [`write_bim`] is the way back.
//! - [`check`] finds what is wrong with a model that could be read.
//!
//! Both forms are turned into one tree of properties (`tree`), and one reader (`read`) turns that tree into a
//! [`Model`]: so they cannot differ in what they mean.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod bim;
mod check;
mod errors;
mod load;
mod lookup;
mod read;
mod tmdl;
mod tree;
mod types;

pub use bim::{read_bim, write_bim};
pub use check::{Excerpt, Problem, Severity, check};
pub use errors::{LoadError, LoadErrors};
pub use load::load;
pub use tmdl::{TmdlFile, read_tmdl};
pub use types::*;

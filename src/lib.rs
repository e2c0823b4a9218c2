//! Peristyle as a library: import Parquet under a semantic model, admit identities, answer DAX.
//!
//! ```
//! use peristyle::{Database, Identity};
//!
//! # fn main() -> Result<(), peristyle::Error> {
//! let database = Database::import("fixtures/retail/model", "fixtures/retail/data")?;
//! let session = database.session(Identity::user("ana@contoso.com").role("Germany"))?;
//! let answer = session.query("EVALUATE SUMMARIZECOLUMNS(Dates[Year], \"Sales\", [Sales])")?;
//! for table in &answer.tables {
//!     println!("{} rows in an Arrow batch", table.batch.num_rows());
//! }
//! # assert!(answer.tables[0].batch.num_rows() > 0);
//! # Ok(())
//! # }
//! ```
//!
//! - A [`Database`] holds the data of one model. Nothing reads it but the sessions that it admits.
//! - A [`Session`] is what one [`Identity`] may see, with its limits. It is `Send` and `Sync`, and meant to be shared.
//! - An [`Answer`] holds one Arrow batch per EVALUATE; [`value_at`] reads single values out of it.
//! - A [`RoleTest`] says who asks what and which rows must come back: tests of roles, read from files.
//! - [`check_model`] finds what is wrong with a model, for the person who writes it. It needs no data.
//!
//! Queries run whole on a small pool of threads of the database; [`Session::query`] blocks until its answer is there.
//! There is no way to cells but through [`Database::session`].

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod answers;
mod at_rest;
mod catalog;
mod check;
mod circles;
mod database;
mod error;
mod export;
mod expressions;
mod keeper;
mod limits;
mod location;
mod pool;
mod role_lint;
mod role_tests;
mod runtime;
mod session;
mod shared;
#[cfg(feature = "sql")]
mod sql_session;
mod text;
mod value;

pub use answers::CacheFigures;
pub use at_rest::{DatasetStatus, is_dataset};
pub use catalog::{Catalog, CatalogColumn, CatalogMeasure, CatalogTable};
pub use check::{check_dataset, check_model};
pub use database::{Builder, Database};
pub use error::Error;
pub use export::Exported;
pub use limits::ServiceLimits;
pub use location::default_data_folder;
pub use role_tests::{RoleTest, RoleTestError, RoleTestFailure};
pub use session::{CancelHandle, QueryOptions, Session};
#[cfg(feature = "sql")]
pub use sql_session::{Collation, SqlAnswer, SqlOptions};
pub use text::{FunctionName, explain_text, format_dax, functions, parameters_of};
pub use value::{format_value, value_at, value_from_text};

/// The examples of the README are tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use dax::{Span, line_column};
pub use engine::{Answer, AnswerColumn, AnswerTable, Limits, Stage, Statistics, Value};
pub use engine::{Error as QueryError, ErrorKind as QueryErrorKind};
pub use model::{DataType, Excerpt, LoadErrors, Problem, Severity};
#[cfg(feature = "tracing")]
pub use security::Tracing;
pub use security::{
    AdmissionRecord, Audit, AuditError, AuditSink, CloseError, ColumnFigures, Denied, Figures,
    Identity, JsonLines, KeyMapFigures, LeaseRecord, QueryRecord, Reads, ScanFigures, StillValid,
    Sync as AuditSync, Unrevocable,
};
pub use storage::{
    AtRestError, ColumnMemoryFigures, DatasetId, KeyContext, KeyProvider, KeyRefusal, LeaseState,
    Leasing, Refresh, RefreshMode, Saved, SecretKey, Vacuumed, Verified, WrappedKey, at_least,
    rotate_key, vacuum, verify,
};
pub use storage::{ImportError, NoProgress, Progress};

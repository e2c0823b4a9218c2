//! Binds, plans and evaluates DAX over a view.
//!
//! - [`query`] answers a query; [`TableExport`] gives a table batch by batch; [`explain`] shows a stage of it as text; [`check_expression`] binds one expression of a model.
//! - [`grouped`] evaluates measures by columns under filters, for languages other than DAX.
//! - [`evaluators`] are the engine's functions that the gate calls while it closes.
//! - [`functions`] is the registry of DAX functions.

mod answer;
mod batch;
mod bind;
mod bound;
mod bound_reads;
mod build;
mod calendars;
mod context;
pub mod convert;
mod define;
mod densify;
mod error;
mod eval;
mod explain;
mod export;
mod filter_columns;
pub mod functions;
mod grouped;
mod query;
mod table;
mod text;
mod value;
mod vector;
mod visual;
mod watch;

pub use answer::{Answer, AnswerColumn, AnswerTable, Limits, Options, Stage, Statistics};
pub use build::evaluators;
pub use error::{Error, ErrorKind, Failure};
pub use explain::explain;
pub use export::{TableExport, export_text};
pub use grouped::{Grouped, grouped, measure_types};
pub use query::{Checked, Place, check_expression, parse, query, query_parsed};
pub use value::{DataType, Value};

//! Identities, roles and the gate: the only door from data to a caller.
//!
//! - [`Gate::close`] swallows a model and its data, computes the calculated objects, and gives nothing back.
//! - [`Gate::admit`] turns an [`Identity`] into a [`View`]: the objects that exist for it and the rows it may see.
//! - A [`Scope`] is what a view (or the lent [`BuildView`]) lets its holder name and read. Tables, columns, measures and
//!   relationships are handles that only a scope mints; `lower` is the one file where they become ordinals of storage.
//! - [`Scope::extended`] gives a scope that has a query's own columns and tables too, computed from what the first one shows.
//! - `failed` knows the calculated objects that could not be computed: nobody reads them, and everything else answers.
//! - `travel`, `ground` and `visibility` hold the row rules, `graph` and `prune` the object rules.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod admission;
mod asker;
mod at_rest;
mod audit;
mod calculate;
mod circles;
mod credential;
mod dependencies;
mod error;
mod extend;
mod failed;
mod gate;
mod graph;
mod ground;
mod handed;
mod handle;
mod identity;
mod lower;
mod mask;
mod names;
mod objects;
mod prune;
mod references;
mod request;
mod review;
mod rowset;
mod scans;
mod scope;
mod seen;
mod travel;
mod trees;
mod view;
mod visibility;
mod wider;

#[cfg(test)]
mod tests;

pub use asker::Reads;
#[cfg(feature = "tracing")]
pub use audit::Tracing;
pub use audit::{
    AdmissionRecord, Asked, Audit, AuditError, AuditSink, JsonLines, LeaseRecord, QueryRecord, Sync,
};
pub use circles::{CalculatedObject, circle, may_read_themselves};
pub use credential::{StillValid, Unrevocable};
pub use dependencies::AnswerKey;
pub use error::{Cause, CloseError, Denied, EvaluateError, Incompatibility, ReadError};
pub use extend::{AddedColumn, Addition, Extended};
pub use failed::InError;
pub use gate::{
    CalculatedColumn, CalculatedTable, ColumnAnswer, Convert, Evaluators, Figures, FilterAnswer,
    Gate, RowFilter,
};
pub use handle::{Codes, Column, Measure, Relationship, Table};
pub use identity::Identity;
pub use request::*;
pub use review::{RoleReview, review_roles};
pub use scans::ScanFigures;
pub use scope::{RelationshipInfo, Scope};
pub use storage::{
    ABSENT, BLANK, Bounds, Charge, ColumnFigures, ColumnMemoryFigures, Control, KeyMapFigures,
    Meter, Share, Stopped, canonical_type,
};
/// The one collation: comparing text, and the form in which equal text is equal byte by byte.
pub use storage::{collation_key as fold_text, compare as compare_text, order_key as order_text};
pub use view::{BuildView, Outline, View};

//! The gate: swallows a model and its data, and opens only to identities.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, BooleanArray};
use model::{DataType, Model};
use storage::{ColumnFigures, Control, Dataset, KeyMapFigures};

use crate::admission::{Caches, RolePlan, plan_roles};
use crate::audit::{AdmissionRecord, AuditSink};
use crate::calculate::Builder;
use crate::graph::{Graph, Hidden};
use crate::objects::Objects;
use crate::request::Calculated;
use crate::rowset::RowSets;
use crate::travel::Travel;
use crate::trees::{Trees, ordinal};
use crate::view::{BuildView, Outline, View};
use crate::visibility::Visible;
use crate::{CloseError, Denied, EvaluateError, Identity, Table};

/// Evaluates a role filter in the row context of a table: one answer for each row, and a last one for the all-blank row. Null is
/// not TRUE. The view's scope bears the identity.
pub type RowFilter =
    for<'a> fn(&BuildView<'a>, Table, &dax::Expr, &Control) -> Result<BooleanArray, EvaluateError>;

/// Evaluates a calculated column of a table: its type, and a value of that type's canonical form for each row.
pub type CalculatedColumn = for<'a> fn(
    &BuildView<'a>,
    Table,
    &dax::Expr,
    &Control,
) -> Result<(DataType, ArrayRef), EvaluateError>;

/// Evaluates a calculated table: its columns, all of one length.
pub type CalculatedTable =
    for<'a> fn(&BuildView<'a>, &dax::Expr, &Control) -> Result<Vec<Calculated>, EvaluateError>;

/// The engine's evaluators. Plain functions, so that none can keep what it is lent.
#[derive(Clone, Copy)]
pub struct Evaluators {
    pub row_filter: RowFilter,
    pub calculated_column: CalculatedColumn,
    pub calculated_table: CalculatedTable,
}

/// Sizes of the data behind a gate, for the operator: names and counts, never cells.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Name and number of rows of each table.
    pub tables: Vec<(String, u64)>,
    pub columns: Vec<ColumnFigures>,
    /// The maps from keys to rows.
    pub key_maps: Vec<KeyMapFigures>,
    /// Bytes of the files that the data was imported from.
    pub source_bytes: u64,
}

impl Figures {
    /// Bytes of all columns and key maps.
    pub fn bytes(&self) -> u64 {
        let columns = self.columns.iter();
        let columns = columns.map(|column| column.code_bytes + column.dictionary_bytes);
        columns.sum::<u64>() + self.key_maps.iter().map(|map| map.bytes).sum::<u64>()
    }
}

/// The one door to the data of a model.
///
/// ```compile_fail
/// fn peek(gate: &peristyle_security::Gate) { let _ = &gate.data; }
/// ```
pub struct Gate {
    pub(crate) model: Model,
    pub(crate) trees: Trees,
    pub(crate) travel: Travel,
    pub(crate) data: Arc<Dataset>,
    pub(crate) evaluators: Evaluators,
    pub(crate) roles: Vec<RolePlan>,
    /// All objects and all rows: lent to filters, and shown where the model has no roles.
    pub(crate) every_object: Arc<Objects>,
    pub(crate) everything: Arc<Visible>,
    pub(crate) objects: Mutex<BTreeMap<Hidden, Arc<Objects>>>,
    pub(crate) sets: RowSets,
    pub(crate) caches: Caches,
    audit: Option<Arc<dyn AuditSink>>,
}

impl fmt::Debug for Gate {
    /// A gate in a log shows nothing of what is behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl Gate {
    /// Computes the calculated objects of the model over its data, checks the roles, and closes. Neither model nor data can be had
    /// back.
    pub fn close(
        model: Model,
        dataset: Dataset,
        evaluators: Evaluators,
        control: &Control,
    ) -> Result<Gate, CloseError> {
        let trees = Trees::of(&model);
        let graph = Graph::of(&model, &trees);
        let travel = Travel::of(&model, &graph);
        // Roles first: a mistake in one is found before the long work.
        let roles = plan_roles(&model, &graph, &travel)?;
        let builder = Builder {
            model: &model,
            trees: &trees,
            graph: &graph,
            evaluators: &evaluators,
            control,
            data: Arc::new(dataset),
        };
        let data = builder.finish()?;
        let every_object = Arc::new(Objects::of(&model, &trees, &Hidden::default(), |id| {
            data.is_related(id)
        }));
        let everything = Arc::new(Visible::everything(ordinal(model.tables.len())));
        Ok(Gate {
            model,
            trees,
            travel,
            data,
            evaluators,
            roles,
            every_object,
            everything,
            objects: Mutex::default(),
            sets: RowSets::default(),
            caches: Caches::default(),
            audit: None,
        })
    }

    /// Tells this sink of every admission.
    #[must_use]
    pub fn audited(mut self, sink: Arc<dyn AuditSink>) -> Gate {
        self.audit = Some(sink);
        self
    }

    /// Lets an identity in, to what its roles show it.
    pub fn admit(&self, identity: Identity) -> Result<Arc<View>, Denied> {
        self.admit_under(identity, &Control::new(None))
    }

    /// The same, with a deadline and a way to cancel.
    pub fn admit_under(&self, identity: Identity, control: &Control) -> Result<Arc<View>, Denied> {
        let mut record = AdmissionRecord::of(&identity);
        let answer = self.view_of(identity, control, &mut record.detail);
        match &answer {
            Ok(view) => record.view = Some(view.number()),
            Err(denied) => record.denied = Some(denied.to_string()),
        }
        if let Some(sink) = &self.audit {
            sink.admission(&record);
        }
        answer
    }

    /// A model without data, for `check`: names and types, all of them.
    pub fn outline(model: Model) -> Outline {
        Outline::new(&model)
    }

    /// Sizes, for the operator.
    pub fn inspect(&self) -> Figures {
        let rows = |t| self.data.rows(storage::TableId(t)).map_or(0, u64::from);
        let tables = crate::trees::ordinals(&self.model.tables)
            .map(|(t, table)| (table.name.clone(), rows(t)));
        Figures {
            tables: tables.collect(),
            columns: self.data.inspect(),
            key_maps: self.data.key_maps(),
            source_bytes: self.data.source_bytes(),
        }
    }

    /// The names of the roles, for the operator.
    pub fn role_names(&self) -> Vec<String> {
        self.roles.iter().map(|role| role.name.clone()).collect()
    }
}

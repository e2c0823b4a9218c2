//! The gate: swallows a model and its data, and opens only to identities.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arrow::array::{ArrayRef, BooleanArray};
use model::{DataType, Model};
use storage::{ColumnFigures, ColumnMemoryFigures, Control, Dataset, KeyMapFigures};

use crate::admission::{Caches, RolePlan, plan_roles, refuse_over_errors};
use crate::audit::{AdmissionRecord, Audit};
use crate::calculate::{Builder, Built};
use crate::failed::{Failed, InError};
use crate::graph::{Graph, Hidden};
use crate::ground::{Ground, SMALL_TABLE};
use crate::handed::HandedOut;
use crate::objects::Objects;
use crate::request::Calculated;
use crate::rowset::RowSets;
use crate::scans::{ScanFigures, Scans};
use crate::travel::Travel;
use crate::trees::{Trees, ordinal};
use crate::view::{BuildView, Outline, View};
use crate::visibility::Visible;
use crate::{CloseError, Codes, Column, Denied, EvaluateError, Identity, Table};

/// Evaluates a role filter in the row context of a table, for each row and for the all-blank row. The view's scope bears the identity.
pub type RowFilter =
    for<'a> fn(&BuildView<'a>, Table, &dax::Expr, &Control) -> Result<FilterAnswer, EvaluateError>;

/// What a role filter says.
#[derive(Debug)]
pub enum FilterAnswer {
    /// One answer for each row, and a last one for the all-blank row. Null is not TRUE.
    Rows(BooleanArray),
    /// It is TRUE for the rows for which one of these terms is: a term, which is never empty, is where all its parts are.
    AnyOf(Vec<Vec<ColumnAnswer>>),
}

/// What a part of a filter says of the values of one column of its table. A code that is not listed is one for which it is not TRUE, and
/// the all-blank row has the code of BLANK.
#[derive(Clone, Debug)]
pub struct ColumnAnswer {
    pub column: Column,
    pub codes: Codes,
    pub holds: BooleanArray,
}

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

/// Converts computed values to the type that the model declares for their column, in canonical form. None: some value does not convert.
pub type Convert = fn(&ArrayRef, DataType) -> Option<ArrayRef>;

/// The engine's evaluators. Plain functions, so that none can keep what it is lent.
#[derive(Clone, Copy)]
pub struct Evaluators {
    pub row_filter: RowFilter,
    pub calculated_column: CalculatedColumn,
    pub calculated_table: CalculatedTable,
    pub convert: Convert,
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
    /// What columns that were read from disk take; None: the data was imported.
    pub column_memory: Option<ColumnMemoryFigures>,
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
    number: u64,
    pub(crate) model: Model,
    pub(crate) trees: Arc<Trees>,
    pub(crate) graph: Graph,
    pub(crate) handed: Arc<HandedOut>,
    /// What could not be computed.
    pub(crate) failed: Arc<Failed>,
    pub(crate) travel: Travel,
    pub(crate) data: Arc<Dataset>,
    pub(crate) evaluators: Evaluators,
    pub(crate) roles: Vec<RolePlan>,
    /// All objects and all rows: lent to filters, and shown where the model has no roles.
    pub(crate) every_object: Arc<Objects>,
    pub(crate) everything: Arc<Visible>,
    pub(crate) objects: Mutex<BTreeMap<Hidden, Arc<Objects>>>,
    pub(crate) ground: Arc<Ground>,
    pub(crate) caches: Caches,
    pub(crate) scans: Option<Arc<Scans>>,
    pub(crate) audit: Option<Audit>,
}

/// No two gates of a process have one number, and a later gate has a larger one.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

impl fmt::Debug for Gate {
    /// A gate in a log shows nothing of what is behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl Gate {
    /// Computes the calculated objects of the model over its data, checks the roles, and closes. Neither model nor data can be had
    /// back. A calculated object that cannot be computed is an error.
    pub fn close(
        model: Model,
        dataset: Dataset,
        evaluators: Evaluators,
        control: &Control,
    ) -> Result<Gate, CloseError> {
        Gate::close_as(model, dataset, evaluators, control, true)
    }

    /// The same, but what cannot be computed is put in error, with all that is computed from it: whoever reads it is refused, and
    /// everything else answers. See [`Gate::in_error`].
    pub fn close_over_errors(
        model: Model,
        dataset: Dataset,
        evaluators: Evaluators,
        control: &Control,
    ) -> Result<Gate, CloseError> {
        Gate::close_as(model, dataset, evaluators, control, false)
    }

    fn close_as(
        model: Model,
        dataset: Dataset,
        evaluators: Evaluators,
        control: &Control,
        strict: bool,
    ) -> Result<Gate, CloseError> {
        let trees = Arc::new(Trees::of(&model));
        let graph = Graph::of(&model, &trees);
        let travel = Travel::of(&model, &graph);
        // Roles first: a mistake in one is found before the long work.
        let unparsed = match strict {
            true => Failed::default(),
            false => Failed::unparsed(&trees),
        };
        plan_roles(&model, &graph, &travel, &unparsed)?;
        let builder = Builder {
            model: &model,
            trees: &trees,
            graph: &graph,
            evaluators: &evaluators,
            control,
            data: Arc::new(dataset),
            handed: HandedOut::new(),
            failed: Failed::default(),
            strict,
        };
        let Built {
            data,
            handed,
            failed,
        } = builder.finish()?;
        let failed = Arc::new(failed);
        // Once more, now that it is known what the calculated objects were computed from: they are hidden with it.
        let mut graph = graph;
        graph.learn(&model, &handed, &failed);
        let mut roles = plan_roles(&model, &graph, &travel, &failed)?;
        refuse_over_errors(&mut roles, &model, &travel, &failed);
        let every_object = Arc::new(Objects::of(
            &model,
            &trees,
            &Hidden::default(),
            &failed,
            |id| data.is_related(id),
        ));
        let everything = Arc::new(Visible::everything(ordinal(model.tables.len())));
        let ground = Arc::new(Ground {
            sets: sets_for(&data, travel.tables),
            strict_orphans: model.options.strict_orphans,
            small_table: SMALL_TABLE,
            travel: travel.clone(),
            data: data.clone(),
            every_object: every_object.clone(),
            everything: everything.clone(),
            evaluators,
        });
        Ok(Gate {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            model,
            trees,
            graph,
            handed: Arc::new(handed),
            failed,
            travel,
            data,
            evaluators,
            roles,
            every_object,
            everything,
            objects: Mutex::default(),
            ground,
            caches: Caches::default(),
            scans: None,
            audit: None,
        })
    }

    /// The same data under other roles, as a gate of its own: what was admitted here is not admitted there. An error leaves
    /// everything as it is.
    pub fn with_roles(&self, roles: Vec<model::Role>) -> Result<Gate, CloseError> {
        let model = Model {
            roles,
            ..self.model.clone()
        };
        let mut graph = Graph::of(&model, &self.trees);
        graph.learn(&model, &self.handed, &self.failed);
        let travel = Travel::of(&model, &graph);
        let mut roles = plan_roles(&model, &graph, &travel, &self.failed)?;
        refuse_over_errors(&mut roles, &model, &travel, &self.failed);
        let ground = self.ground_under(travel.clone());
        Ok(Gate {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            model,
            trees: self.trees.clone(),
            graph,
            handed: self.handed.clone(),
            failed: self.failed.clone(),
            travel,
            data: self.data.clone(),
            evaluators: self.evaluators,
            roles,
            every_object: self.every_object.clone(),
            everything: self.everything.clone(),
            objects: Mutex::default(),
            ground,
            caches: Caches::default(),
            scans: self.scans.as_ref().map(|scans| Arc::new(scans.emptied())),
            audit: self.audit.clone(),
        })
    }

    /// The same for a gate of its own: with row sets that are nobody's yet.
    fn ground_under(&self, travel: Travel) -> Arc<Ground> {
        Arc::new(Ground {
            sets: sets_for(&self.data, travel.tables),
            strict_orphans: self.model.options.strict_orphans,
            small_table: self.ground.small_table,
            travel,
            data: self.data.clone(),
            every_object: self.every_object.clone(),
            everything: self.everything.clone(),
            evaluators: self.evaluators,
        })
    }

    /// Tells the audit of every admission, and of every query that is recorded.
    #[must_use]
    pub fn audited(mut self, audit: Audit) -> Gate {
        self.audit = Some(audit);
        self
    }

    /// Whom it tells.
    pub fn audit(&self) -> Option<Audit> {
        self.audit.clone()
    }

    /// Keeps answers of scans, in so many bytes; none in no bytes.
    #[must_use]
    pub fn keeping_scans(mut self, most_bytes: u64) -> Gate {
        self.scans = (most_bytes > 0).then(|| Arc::new(Scans::new(most_bytes)));
        self
    }

    /// How often scans were answered from those that are kept, for the operator.
    pub fn scan_figures(&self) -> ScanFigures {
        let scans = self.scans.as_ref();
        scans.map_or_else(ScanFigures::default, |scans| scans.figures())
    }

    /// This gate as the successor of another: with a number of its own, and with what the other tells and keeps.
    #[must_use]
    pub fn renewed(&self, before: &Gate) -> Gate {
        let mut graph = Graph::of(&self.model, &self.trees);
        graph.learn(&self.model, &self.handed, &self.failed);
        Gate {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            model: self.model.clone(),
            trees: self.trees.clone(),
            graph,
            handed: self.handed.clone(),
            failed: self.failed.clone(),
            travel: self.travel.clone(),
            data: self.data.clone(),
            evaluators: self.evaluators,
            roles: self.roles.clone(),
            every_object: self.every_object.clone(),
            everything: self.everything.clone(),
            objects: Mutex::default(),
            ground: self.ground_under(self.travel.clone()),
            caches: Caches::default(),
            scans: before.scans.as_ref().map(|scans| Arc::new(scans.emptied())),
            audit: before.audit.clone(),
        }
    }

    /// The number of this generation of data under this policy.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether both stand over the same data.
    pub fn shares_data(&self, other: &Gate) -> bool {
        Arc::ptr_eq(&self.data, &other.data)
    }

    /// Lets an identity in, to what its roles show it.
    pub fn admit(&self, identity: Identity) -> Result<Arc<View>, Denied> {
        self.admit_under(identity, &Control::new(None))
    }

    /// The same, with a deadline and a way to cancel.
    pub fn admit_under(&self, identity: Identity, control: &Control) -> Result<Arc<View>, Denied> {
        let started = Instant::now();
        let mut record = AdmissionRecord::of(&identity);
        record.rules = self.rules_of(&identity);
        // What is kept of it serves others too, so the limits on groups of the query that is the first to need it are not for it.
        let answer = self.view_of(identity, &control.aside(), &mut record.detail);
        match &answer {
            Ok(view) => record.view = Some(view.number()),
            Err(denied) => record.denied = Some(denied.to_string()),
        }
        record.duration = started.elapsed();
        if let Some(audit) = &self.audit {
            // Nobody is let in without the record that is required.
            let written = audit.judge(audit.sink.admission(&record));
            written.map_err(|_| Denied::NotRecorded)?;
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
            column_memory: self.data.column_memory(),
        }
    }

    /// What of the model is in error, for the operator: calculated objects that could not be computed, the relationships over them, and
    /// the roles that nobody can hold because of that. Filters of roles that read one fail at admission.
    pub fn in_error(&self) -> Vec<InError> {
        self.failed.described(&self.model, &self.roles)
    }

    /// The names of the roles, for the operator.
    pub fn role_names(&self) -> Vec<String> {
        self.roles.iter().map(|role| role.name.clone()).collect()
    }
}

/// Room for the row sets of the largest table.
fn sets_for(data: &Dataset, tables: u32) -> RowSets {
    let rows = (0..tables).filter_map(|table| data.rows(storage::TableId(table)));
    RowSets::new(rows.max().map_or(0, u64::from))
}

//! Planned statements of one view, kept for whoever asks them again through it.
//!
//! A plan holds handles, which must not outlive their view, so plans are kept beside the view of one session and go with it: when data, roles
//! or the session change, nothing of them is left. They are kept without what belongs to one run of the statement (its control and its counts), and
//! each run puts its own in.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::{Expr, LogicalPlan, TableType, Volatility};
use datafusion::physical_plan::ExecutionPlan;
use engine::Value;
use security::{Column, Table};

use crate::fuse::{Asked, Fused};
use crate::growth;
use crate::options::Options;
use crate::reader::Reader;
use crate::table::ModelTable;

/// The most statements of one view.
const STATEMENTS: usize = 64;
/// One view may fill this part of the room, so that nobody takes it all.
const PART: usize = 16;

/// Bytes that the plans of all views of a database may hold together.
#[derive(Debug)]
pub struct Room {
    held: AtomicUsize,
    most: usize,
}

impl Room {
    /// None are kept in no bytes.
    pub fn new(most: usize) -> Arc<Room> {
        Arc::new(Room {
            held: AtomicUsize::new(0),
            most,
        })
    }

    /// Bytes that are held now.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }

    fn take(&self, bytes: usize) -> bool {
        let more = |held: usize| held.checked_add(bytes).filter(|held| *held <= self.most);
        let (set, fetch) = (Ordering::AcqRel, Ordering::Acquire);
        self.held.fetch_update(set, fetch, more).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::AcqRel);
    }
}

/// The planned statements of one view.
pub struct Plans {
    room: Arc<Room>,
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    kept: HashMap<String, Kept>,
    bytes: usize,
    clock: u64,
}

struct Kept {
    plan: LogicalPlan,
    bytes: usize,
    used: u64,
}

impl Plans {
    pub fn new(room: &Arc<Room>) -> Plans {
        Plans {
            room: Arc::clone(room),
            shelf: Mutex::default(),
        }
    }

    /// How many statements are kept.
    pub fn len(&self) -> usize {
        self.shelf().kept.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plan of a statement that was planned before, to be run with this reader.
    pub(crate) fn find(&self, key: &str, reader: &Arc<Reader>) -> Option<LogicalPlan> {
        let mut shelf = self.shelf();
        shelf.clock += 1;
        let now = shelf.clock;
        let kept = shelf.kept.get_mut(key)?;
        kept.used = now;
        let plan = kept.plan.clone();
        drop(shelf);
        taken_up(plan, reader).ok()
    }

    /// Keeps a plan, if it is one that means the same whenever it runs.
    pub(crate) fn keep(&self, key: String, plan: &LogicalPlan) {
        let Some((plan, bytes)) = laid_down(plan) else {
            return;
        };
        let bytes = key.len().saturating_add(bytes).saturating_add(4096);
        let most = self.room.most / PART;
        if bytes > most {
            return;
        }
        let mut shelf = self.shelf();
        shelf.clock += 1;
        let used = shelf.clock;
        shelf.remove(&key, &self.room);
        // Room is made among the plans of this view alone: nobody can push out what others keep.
        while shelf.kept.len() >= STATEMENTS
            || shelf.bytes.saturating_add(bytes) > most
            || !self.room.take(bytes)
        {
            let oldest = shelf.kept.iter().min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            shelf.remove(&oldest, &self.room);
        }
        shelf.bytes += bytes;
        shelf.kept.insert(key, Kept { plan, bytes, used });
    }
}

impl Shelf {
    fn remove(&mut self, key: &str, room: &Room) {
        if let Some(kept) = self.kept.remove(key) {
            self.bytes -= kept.bytes;
            room.give_back(kept.bytes);
        }
    }
}

impl Drop for Plans {
    fn drop(&mut self) {
        let shelf = self.shelf.get_mut();
        let shelf = shelf.unwrap_or_else(PoisonError::into_inner);
        self.room.give_back(shelf.bytes);
    }
}

/// What a plan depends on besides its view: equal only where text, parameters, limits and collation are.
pub(crate) fn key(text: &str, options: &Options) -> String {
    let mut key = format!("{:?} {:?}", options.collation, options.limits);
    for (name, value) in &options.parameters {
        // Writing to a String does not fail.
        let _ = write!(key, " {name:?}={value:?}");
        if let Value::Double(value) = value {
            let _ = write!(key, "/{}", value.to_bits());
        }
    }
    key.push('\n');
    key.push_str(text);
    key
}

/// Whether the statement means the same whenever it is asked: it is asked before clocks have been replaced by what they say.
pub(crate) fn is_steady(plan: &LogicalPlan) -> bool {
    let mut steady = true;
    let walk = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(call) = expr
                    && call.func.signature().volatility != Volatility::Immutable
                {
                    steady = false;
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    walk.is_ok() && steady
}

/// Where a plan that is kept reads, without the reader of one run.
#[derive(Debug)]
struct Slot {
    leaf: Leaf,
    schema: SchemaRef,
}

#[derive(Debug)]
enum Leaf {
    Rows(Table, Vec<Column>),
    Scan(Arc<Asked>),
}

#[async_trait]
impl TableProvider for Slot {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        _: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        internal_err!("a plan that is kept was run without a reader")
    }
}

/// What a node, a column of it and an expression take at most, besides text and sets.
const NODE: usize = 1024;
const COLUMN: usize = 192;
const EXPRESSION: usize = 320;

/// The plan without its reader, and about how many bytes it takes. None: something in it belongs to the run that it was planned for.
fn laid_down(plan: &LogicalPlan) -> Option<(LogicalPlan, usize)> {
    let mut bytes = 0usize;
    let mut whole = true;
    let laid = plan.clone().transform_up_with_subqueries(|mut node| {
        let columns = node.schema().fields().len();
        bytes = bytes.saturating_add(columns.saturating_mul(COLUMN).saturating_add(NODE));
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                bytes = bytes.saturating_add(EXPRESSION);
                if let Expr::Literal(value, _) = expr {
                    bytes = bytes.saturating_add(value.size());
                }
                if let Expr::ScalarFunction(call) = expr
                    && growth::is_counted(&call.func)
                {
                    whole = false;
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        let LogicalPlan::TableScan(scan) = &mut node else {
            return Ok(Transformed::no(node));
        };
        let Ok(provider) = source_as_provider(&scan.source) else {
            whole = false;
            return Ok(Transformed::no(node));
        };
        let source: &dyn Any = provider.as_ref();
        let leaf = if let Some(fused) = source.downcast_ref::<Fused>() {
            bytes = bytes.saturating_add(fused.asked.bytes());
            Leaf::Scan(Arc::clone(&fused.asked))
        } else if let Some(rows) = source.downcast_ref::<ModelTable>() {
            Leaf::Rows(rows.table, rows.columns.clone())
        } else {
            whole = false;
            return Ok(Transformed::no(node));
        };
        let schema = provider.schema();
        scan.source = provider_as_source(Arc::new(Slot { leaf, schema }));
        Ok(Transformed::yes(node))
    });
    let plan = laid.ok()?.data;
    whole.then_some((plan, bytes))
}

/// The plan with the reader of a new run.
fn taken_up(plan: LogicalPlan, reader: &Arc<Reader>) -> Result<LogicalPlan> {
    let taken = plan.transform_up_with_subqueries(|mut node| {
        let LogicalPlan::TableScan(scan) = &mut node else {
            return Ok(Transformed::no(node));
        };
        let provider = source_as_provider(&scan.source)?;
        let source: &dyn Any = provider.as_ref();
        let Some(slot) = source.downcast_ref::<Slot>() else {
            return internal_err!("a plan that is kept reads something else");
        };
        let reader = Arc::clone(reader);
        scan.source = provider_as_source(match &slot.leaf {
            // The names of its columns are those of the plan: how they are spelled follows the statement.
            Leaf::Rows(table, columns) => {
                let schema = Arc::clone(&slot.schema);
                Arc::new(ModelTable::again(reader, *table, columns.clone(), schema))
            }
            Leaf::Scan(asked) => Arc::new(Fused {
                reader,
                asked: Arc::clone(asked),
            }),
        });
        Ok(Transformed::yes(node))
    })?;
    Ok(taken.data)
}

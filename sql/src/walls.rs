//! What stands around a plan: only reading operators pass, and every operator looks at the control and counts what it holds.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, WindowFrameBound, WindowFunctionDefinition};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use engine::Error;
use futures::StreamExt;
use security::{Control, Stopped};

use crate::copies::{Copies, Copying, copying};
use crate::error::{carry, carry_read, of_planning, refused};
use crate::functions;
use crate::reader::Texts;

/// Refuses a plan that holds anything but operators that read: the second wall, behind the list of statements.
pub(crate) fn check(plan: &LogicalPlan) -> std::result::Result<(), Error> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Window(window) = node {
            window.window_expr.iter().try_for_each(growing_window)?;
        }
        node.apply_expressions(offered)?;
        reads_only(node)
    })
    .map(|_| ())
    .map_err(of_planning)
}

fn reads_only(node: &LogicalPlan) -> Result<TreeNodeRecursion> {
    match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::TableScan(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::RecursiveQuery(_) => Ok(TreeNodeRecursion::Continue),
        _ => Err(carry(refused(
            "the statement does more than read; only queries are answered",
        ))),
    }
}

fn offered(expr: &Expr) -> Result<TreeNodeRecursion> {
    expr.apply(|expr| match expr {
        Expr::ScalarFunction(call) if !functions::is_offered(call.func.name()) => {
            Err(carry(refused("lists, maps and structures are not offered")))
        }
        _ => Ok(TreeNodeRecursion::Continue),
    })
}

/// Aggregates whose answer for a row takes as long, or as much room, as all rows before it: over a window that is a square.
const SQUARE: [&str; 4] = ["median", "percentile_cont", "string_agg", "approx_distinct"];

/// Aggregates of distinct values that answer as fast for many as for few; all others go through them again for each row.
const DISTINCT: [&str; 3] = ["count", "min", "max"];

fn growing_window(expr: &Expr) -> Result<()> {
    expr.apply(|expr| {
        if let Expr::WindowFunction(function) = expr
            && let WindowFunctionDefinition::AggregateUDF(aggregate) = &function.fun
        {
            let (name, distinct) = (aggregate.name(), function.params.distinct);
            if SQUARE.contains(&name) || (distinct && !DISTINCT.contains(&name)) {
                let of = if distinct { " of distinct values" } else { "" };
                return Err(carry(refused(format!(
                    "{name}{of} is not offered over windows"
                ))));
            }
        }
        if let Expr::WindowFunction(function) = expr {
            let frame = &function.params.window_frame;
            within_reach(&frame.start_bound)?;
            within_reach(&frame.end_bound)?;
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map(|_| ())
}

/// The farthest that a frame of a window reaches, in rows, groups or values: beyond it, places are added up to more than a number holds.
const FAR: f64 = (1u64 << 40) as f64;

fn within_reach(bound: &WindowFrameBound) -> Result<()> {
    let (WindowFrameBound::Preceding(distance) | WindowFrameBound::Following(distance)) = bound
    else {
        return Ok(());
    };
    // Without a number in it, it is without bounds, or a length of time.
    match distance.to_string().parse::<f64>() {
        Ok(distance) if distance.is_nan() || distance > FAR => Err(carry(refused(
            "a frame of a window reaches further than 2^40; say UNBOUNDED",
        ))),
        _ => Ok(()),
    }
}

/// A plan in which each operator looks at the control, and counts what it has made as held.
pub(crate) fn watched(
    plan: Arc<dyn ExecutionPlan>,
    control: &Control,
    texts: &Texts,
) -> Result<Arc<dyn ExecutionPlan>> {
    let watch = |input: Arc<dyn ExecutionPlan>, holds: Holds| {
        Arc::new(Watched {
            input,
            control: control.clone(),
            texts: texts.clone(),
            holds,
        }) as Arc<dyn ExecutionPlan>
    };
    let watched = plan.transform_up(|node| {
        // Window functions keep the rows that they read, and do not count them.
        let keeps = node.downcast_ref::<WindowAggExec>().is_some()
            || node.downcast_ref::<BoundedWindowAggExec>().is_some();
        let holds = match keeps {
            true => Some(Holds::All),
            false => copying(&node).map(Holds::Copied),
        };
        let node = match holds {
            Some(holds) => {
                let inputs = node.children().into_iter();
                let counted = inputs.map(|input| watch(Arc::clone(input), holds));
                let counted = counted.collect();
                node.with_new_children(counted)?
            }
            None => node,
        };
        Ok(Transformed::yes(watch(node, Holds::Latest)))
    })?;
    Ok(watched.data)
}

/// Which batches count as held.
#[derive(Clone, Copy)]
enum Holds {
    /// The latest, until the next is asked for.
    Latest,
    /// All, until the stream ends: for windows.
    All,
    /// The latest, and what is copied of it until the statement ends.
    Copied(Copying),
}

/// Passes batches on, looks at the control before each, and counts them.
struct Watched {
    input: Arc<dyn ExecutionPlan>,
    control: Control,
    texts: Texts,
    holds: Holds,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

impl DisplayAs for Watched {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

impl ExecutionPlan for Watched {
    fn name(&self) -> &str {
        "Watched"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children
            .into_iter()
            .next()
            .unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Watched {
            input,
            control: self.control.clone(),
            texts: self.texts.clone(),
            holds: self.holds,
        }))
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let (control, holds) = (self.control.clone(), self.holds);
        let (texts, mut copies) = (self.texts.clone(), Copies::default());
        let schema = self.input.schema();
        let mut charge = control.no_charge();
        let mut held = 0usize;
        let watched = self.input.execute(partition, context)?.map(move |batch| {
            let stopped = |stopped: Stopped| carry_read(stopped.into());
            control.check().map_err(stopped)?;
            let batch = batch?;
            let bytes = batch.get_array_memory_size();
            held = match holds {
                Holds::Latest => bytes,
                // Who gives the batch counts it already.
                Holds::Copied(_) => 0,
                Holds::All => held.saturating_add(bytes),
            };
            charge.set(held).map_err(stopped)?;
            match holds {
                Holds::Latest => {}
                Holds::All => texts.more_in_windows(batch.num_rows()).map_err(carry)?,
                Holds::Copied(copying) => copies.see(&batch, copying, &texts)?,
            }
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, watched)))
    }
}

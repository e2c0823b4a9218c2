//! Which text has one spelling for all that is equal to it: columns of tables of the model, wherever a plan passes them on unchanged.

use datafusion::common::Column;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Distinct, Expr, JoinType, LogicalPlan};

/// Whether no two texts of this expression are equal to the model and spelled differently.
pub(crate) fn is_spelled_once(plan: &LogicalPlan, expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_spelled_once(plan, &alias.expr),
        Expr::Column(column) => {
            place_of(plan.schema(), column).is_some_and(|place| at(plan, place))
        }
        _ => false,
    }
}

fn place_of(schema: &DFSchema, column: &Column) -> Option<usize> {
    schema.maybe_index_of_column(column)
}

/// The same of an output column by its place.
fn at(plan: &LogicalPlan, place: usize) -> bool {
    match plan {
        // All tables there are are tables of the view; the lists of the information schema hold each name once.
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Projection(projection) => projection
            .expr
            .get(place)
            .is_some_and(|expr| is_spelled_once(&projection.input, expr)),
        LogicalPlan::SubqueryAlias(alias) => at(&alias.input, place),
        LogicalPlan::Filter(filter) => at(&filter.input, place),
        LogicalPlan::Sort(sort) => at(&sort.input, place),
        LogicalPlan::Limit(limit) => at(&limit.input, place),
        LogicalPlan::Distinct(Distinct::All(input)) => at(input, place),
        LogicalPlan::Window(window) => {
            place < window.input.schema().fields().len() && at(&window.input, place)
        }
        LogicalPlan::Aggregate(aggregate) => match aggregate.group_expr.get(place) {
            Some(Expr::GroupingSet(_)) | None => false,
            Some(expr) => is_spelled_once(&aggregate.input, expr),
        },
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            match join.join_type {
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
                    at(&join.right, place)
                }
                _ if place < left => at(&join.left, place),
                _ => at(&join.right, place - left),
            }
        }
        _ => false,
    }
}

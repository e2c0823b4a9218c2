//! Aggregates over joined tables become one scan of the storage engine: the same scan that DAX asks for.
//!
//! `relation` reads what stands below an aggregate, `star` finds the paths along relationships and the filters, `aggregates` the functions, and
//! `scan` runs it. Whatever does not fit stays as it was, and DataFusion runs it over visible rows.

mod aggregates;
mod relation;
mod scan;
mod star;

use std::any::Any;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::{
    Aggregate, Expr, Limit, LogicalPlan, LogicalPlanBuilder, Projection, Sort, SubqueryAlias,
};
use engine::Grouped;
use security::{Measure, Scan};

use crate::reader::Reader;
use aggregates::Aggregates;
use relation::{Place, Tables, resolve};
use star::Star;

pub(crate) use scan::{Asked, Fused};

/// An optimized plan with scans in place of the aggregates that fit.
pub(crate) fn rewrite(plan: LogicalPlan, reader: &Arc<Reader>) -> Result<LogicalPlan> {
    let mut number = 0;
    let rewritten = plan.transform_down_with_subqueries(|node| {
        if let LogicalPlan::Aggregate(aggregate) = &node
            && let Some(fused) = fused(aggregate, reader)
        {
            number += 1;
            let scan = in_place(fused, aggregate, number)?;
            return Ok(Transformed::new(scan, true, TreeNodeRecursion::Jump));
        }
        Ok(Transformed::no(node))
    })?;
    Ok(rewritten.data)
}

/// Whether a plan is one such scan, and nothing but order, names and a limit around it.
pub(crate) fn is_all(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(Projection { input, expr, .. }) => {
            is_all(input) && expr.iter().all(is_plain)
        }
        LogicalPlan::Sort(Sort { input, expr, .. }) => {
            is_all(input) && expr.iter().all(|key| is_plain(&key.expr))
        }
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. }) => is_all(input),
        LogicalPlan::Limit(Limit { input, .. }) => is_all(input),
        LogicalPlan::TableScan(scan) => source_as_provider(&scan.source)
            .is_ok_and(|provider| (provider.as_ref() as &dyn Any).is::<Fused>()),
        _ => false,
    }
}

/// Whether an expression needs the row alone.
fn is_plain(expr: &Expr) -> bool {
    let subquery = expr.exists(|expr| {
        Ok(matches!(
            expr,
            Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
        ))
    });
    matches!(subquery, Ok(false))
}

fn fused(aggregate: &Aggregate, reader: &Arc<Reader>) -> Option<Fused> {
    let mut tables = Tables {
        reader,
        tables: Vec::new(),
    };
    let relation = tables.relation(&aggregate.input)?;
    let input = aggregate.input.schema();
    let star = Star::of(&tables, &relation)?;
    let (mut keys, mut places) = (Vec::new(), Vec::new());
    for expr in &aggregate.group_expr {
        let place = tables.place(&resolve(expr, input, &relation.outputs)?)?;
        keys.push(star.path_column(place)?);
        places.push(place);
    }
    let fields = aggregate.schema.fields();
    let mut list = Aggregates {
        tables: &tables,
        star: &star,
        list: Vec::new(),
        measures: Vec::new(),
    };
    let mut results = Vec::new();
    for (expr, field) in aggregate
        .aggr_expr
        .iter()
        .zip(fields.iter().skip(keys.len()))
    {
        let Expr::AggregateFunction(function) = expr.clone().unalias() else {
            return None;
        };
        let arguments = function.params.args.iter();
        let arguments: Option<Vec<Expr>> = arguments
            .map(|argument| resolve(argument, input, &relation.outputs))
            .collect();
        results.push(list.of(&function, &arguments?, field.data_type())?);
    }
    let (aggregates, measures) = (list.list, list.measures);
    let measures = if measures.is_empty() {
        None
    } else {
        Some(grouped(&star, &places, measures)?)
    };
    let schema = fields.iter().enumerate().map(|(place, field)| {
        Field::new(
            column_name(place),
            field.data_type().clone(),
            field.is_nullable(),
        )
    });
    let asked = Asked {
        scan: Scan {
            table: star.table,
            filters: star.filters,
            keys,
            aggregates,
        },
        results,
        measures,
        schema: Arc::new(Schema::new(schema.collect::<Vec<_>>())),
        shown: shown(aggregate, &relation.conditions),
    };
    Some(Fused {
        reader: Arc::clone(reader),
        asked: Arc::new(asked),
    })
}

/// What the engine is asked for beside the scan. A column of a table that is joined twice is two columns in SQL and one in DAX.
fn grouped(star: &Star, keys: &[Place], measures: Vec<Measure>) -> Option<Grouped> {
    let mut instances: Vec<Place> = keys.to_vec();
    instances.extend(star.conditions.iter().map(|(place, _)| *place));
    let twice = |a: &Place| {
        instances
            .iter()
            .any(|b| a.1.table() == b.1.table() && a.0 != b.0)
    };
    let repeated = keys
        .iter()
        .enumerate()
        .any(|(place, key)| keys.iter().skip(place + 1).any(|other| other == key));
    if !star.active || repeated || instances.iter().any(twice) {
        return None;
    }
    Some(Grouped {
        keys: keys.iter().map(|(_, column)| *column).collect(),
        measures,
        filters: star
            .conditions
            .iter()
            .map(|((_, column), set)| (*column, Arc::clone(set)))
            .collect(),
    })
}

fn column_name(place: usize) -> String {
    format!("c{place}")
}

fn shown(aggregate: &Aggregate, conditions: &[Expr]) -> String {
    let list = |exprs: &[Expr]| {
        let texts: Vec<String> = exprs
            .iter()
            .map(|expr| expr.schema_name().to_string())
            .collect();
        texts.join(", ")
    };
    let conditions: Vec<String> = conditions.iter().map(ToString::to_string).collect();
    format!(
        "groups=[{}], aggregates=[{}], filters=[{}]",
        list(&aggregate.group_expr),
        list(&aggregate.aggr_expr),
        conditions.join(", ")
    )
}

/// The scan under the names that the aggregate's columns had.
fn in_place(fused: Fused, aggregate: &Aggregate, number: usize) -> Result<LogicalPlan> {
    let name = format!("scan_{number}");
    let scan =
        LogicalPlanBuilder::scan(&name, provider_as_source(Arc::new(fused)), None)?.build()?;
    let columns = scan
        .schema()
        .iter()
        .map(Expr::from)
        .zip(aggregate.schema.iter());
    let named = columns.map(|(column, (qualifier, field))| {
        column.alias_qualified(qualifier.cloned(), field.name())
    });
    let named = Projection::try_new(named.collect(), Arc::new(scan))?;
    Ok(LogicalPlan::Projection(named))
}

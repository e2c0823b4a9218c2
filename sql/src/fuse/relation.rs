//! What an aggregate stands on, as tables of the model, the pairs of columns that join them, and conditions. None wherever the plan holds
//! anything else: then it runs as it is.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column as SqlColumn, DFSchema, NullEquality, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, TableScan};
use security::{Column, Table};

use crate::collate;
use crate::reader::Reader;
use crate::table::ModelTable;

/// A table of the model as it stands in a plan; one that stands there twice is two.
pub(super) type Instance = usize;

/// A column of an instance.
pub(super) type Place = (Instance, Column);

/// Two columns that a join compares.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub left: Place,
    pub right: Place,
    /// Rows of the left side stay even where the right side has none.
    pub outer: bool,
}

/// Tables that are joined. Expressions name columns as `instance.column`.
#[derive(Debug, Default)]
pub(super) struct Relation {
    pub members: Vec<Instance>,
    pub edges: Vec<Edge>,
    pub conditions: Vec<Expr>,
    /// One for each field of the plan's schema.
    pub outputs: Vec<Expr>,
}

/// Reads plans; instances are numbered as they are met.
pub(super) struct Tables<'a> {
    pub reader: &'a Arc<Reader>,
    pub tables: Vec<Table>,
}

impl Tables<'_> {
    pub fn relation(&mut self, plan: &LogicalPlan) -> Option<Relation> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::SubqueryAlias(alias) => self.relation(&alias.input),
            LogicalPlan::Projection(projection) => {
                let mut inner = self.relation(&projection.input)?;
                let schema = projection.input.schema();
                let outputs = projection.expr.iter();
                let outputs: Option<Vec<Expr>> = outputs
                    .map(|expr| resolve(expr, schema, &inner.outputs))
                    .collect();
                inner.outputs = outputs?;
                Some(inner)
            }
            LogicalPlan::Filter(filter) => {
                let mut inner = self.relation(&filter.input)?;
                for condition in split_conjunction(&filter.predicate) {
                    let condition = resolve(condition, filter.input.schema(), &inner.outputs)?;
                    inner.conditions.push(condition);
                }
                Some(inner)
            }
            LogicalPlan::Join(join) => self.join(join),
            _ => None,
        }
    }

    fn scan(&mut self, scan: &TableScan) -> Option<Relation> {
        let provider = source_as_provider(&scan.source).ok()?;
        let table = (provider.as_ref() as &dyn std::any::Any).downcast_ref::<ModelTable>()?;
        if scan.fetch.is_some() || !Arc::ptr_eq(&table.reader, self.reader) {
            return None;
        }
        let instance = self.tables.len();
        self.tables.push(table.table);
        let named = |name: &str| Expr::Column(place_name(instance, name));
        let outputs = scan.projected_schema.fields().iter();
        let mut conditions = Vec::new();
        for filter in &scan.filters {
            for condition in split_conjunction(filter) {
                let condition = condition.clone().transform(|expr| {
                    Ok(match expr {
                        Expr::Column(column) => Transformed::yes(named(&column.name)),
                        other => Transformed::no(other),
                    })
                });
                conditions.push(condition.ok()?.data);
            }
        }
        Some(Relation {
            members: vec![instance],
            edges: Vec::new(),
            conditions,
            outputs: outputs.map(|field| named(field.name())).collect(),
        })
    }

    fn join(&mut self, join: &Join) -> Option<Relation> {
        let outer = match join.join_type {
            JoinType::Inner => false,
            JoinType::Left | JoinType::Right => true,
            _ => return None,
        };
        if join.null_equality != NullEquality::NullEqualsNothing
            || join.null_aware
            || join.on.is_empty()
        {
            return None;
        }
        let left = self.relation(&join.left)?;
        let right = self.relation(&join.right)?;
        let mut edges = Vec::new();
        for (a, b) in &join.on {
            let a = self.key(&resolve(a, join.left.schema(), &left.outputs)?)?;
            let b = self.key(&resolve(b, join.right.schema(), &right.outputs)?)?;
            edges.push(match join.join_type {
                JoinType::Right => Edge {
                    left: b,
                    right: a,
                    outer,
                },
                _ => Edge {
                    left: a,
                    right: b,
                    outer,
                },
            });
        }
        let null_side = match join.join_type {
            JoinType::Left => Some(&right),
            JoinType::Right => Some(&left),
            _ => None,
        };
        if let Some(side) = null_side {
            // What an inner join, a condition or a computation does below an outer join, no path along relationships does.
            let plain = side.conditions.is_empty()
                && side.edges.iter().all(|edge| edge.outer)
                && side
                    .outputs
                    .iter()
                    .all(|output| matches!(output, Expr::Column(_)));
            if !plain || join.filter.is_some() {
                return None;
            }
        }
        let outputs: Vec<Expr> = left.outputs.into_iter().chain(right.outputs).collect();
        let mut conditions: Vec<Expr> = left
            .conditions
            .into_iter()
            .chain(right.conditions)
            .collect();
        if let Some(filter) = &join.filter {
            for condition in split_conjunction(filter) {
                conditions.push(resolve(condition, &join.schema, &outputs)?);
            }
        }
        Some(Relation {
            members: left.members.into_iter().chain(right.members).collect(),
            edges: left
                .edges
                .into_iter()
                .chain(right.edges)
                .chain(edges)
                .collect(),
            conditions,
            outputs,
        })
    }

    /// The column that a side of a join compares: text by the collation, as relationships do.
    fn key(&self, expr: &Expr) -> Option<Place> {
        let (place, folded) = match expr {
            Expr::ScalarFunction(call) if collate::is_fold(&call.func) => {
                match call.args.as_slice() {
                    [only] => (self.place(only)?, true),
                    _ => return None,
                }
            }
            other => (self.place(other)?, false),
        };
        let data_type = self.reader.scope().column_type(place.1);
        let text = data_type == model::DataType::Text;
        // Decimal numbers have values that SQL and relationships compare differently.
        (text == folded && data_type != model::DataType::Double).then_some(place)
    }

    /// The place of a plain column.
    pub fn place(&self, expr: &Expr) -> Option<Place> {
        match expr {
            Expr::Column(column) => self.place_named(column),
            _ => None,
        }
    }

    pub fn place_named(&self, column: &SqlColumn) -> Option<Place> {
        let instance: Instance = column.relation.as_ref()?.table().parse().ok()?;
        let table = self.tables.get(instance)?;
        let found = self.reader.scope().find_column(*table, &column.name)?;
        Some((instance, found))
    }
}

fn place_name(instance: Instance, name: &str) -> SqlColumn {
    SqlColumn::new(Some(TableReference::bare(instance.to_string())), name)
}

/// An expression over a plan's schema, in terms of what its fields stand for.
pub(super) fn resolve(expr: &Expr, schema: &DFSchema, outputs: &[Expr]) -> Option<Expr> {
    let mut complete = true;
    let resolved = expr.clone().transform_down(|expr| {
        Ok(match expr {
            Expr::Alias(alias) => Transformed::yes(*alias.expr),
            other => Transformed::no(other),
        })
    });
    let resolved = resolved.ok()?.data.transform_up(|expr| {
        Ok(match expr {
            Expr::Column(column) => {
                let found = schema
                    .maybe_index_of_column(&column)
                    .and_then(|place| outputs.get(place));
                match found {
                    Some(found) => Transformed::yes(found.clone()),
                    None => {
                        complete = false;
                        Transformed::no(Expr::Column(column))
                    }
                }
            }
            Expr::OuterReferenceColumn(..)
            | Expr::ScalarSubquery(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_) => {
                complete = false;
                Transformed::no(expr)
            }
            other => Transformed::no(other),
        })
    });
    let resolved = resolved.ok()?.data;
    (complete && !resolved.is_volatile()).then_some(resolved)
}

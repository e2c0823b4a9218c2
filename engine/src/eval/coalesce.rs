//! Value filters of one table that SUMMARIZECOLUMNS is given count together: what is left when a measure frees one of their columns
//! are the values that occur with the others, and with the group. A model may say otherwise (`valueFilterBehavior: independent`).

use std::collections::HashSet;
use std::rc::Rc;

use model::ValueFilterBehavior;
use security::{Column, Table, Target};

use super::{Evaluator, Outcome};
use crate::batch::Batch;
use crate::bound::{FilterArgument, Scalar, ScalarKind, SummarizeColumns, TableExpr, TableKind};
use crate::context::{FilterContext, Item};

/// Expressions that are larger are taken to free some column.
const MOST_PARTS: usize = 2_000;

impl Evaluator<'_> {
    /// The contexts of groups, with the filters of each table as one. `given`: the filters of the query, as they stand in these
    /// contexts.
    pub(super) fn coalesced(
        &self,
        summarize: &SummarizeColumns,
        given: &[Rc<Item>],
        batch: Rc<Batch>,
    ) -> Outcome<Rc<Batch>> {
        if self.scope.model().value_filter_behavior == ValueFilterBehavior::Independent {
            return Ok(batch);
        }
        let mut together = Vec::new();
        for table in tables_of(given) {
            let of_table = |item: &&Rc<Item>| is_on(item, table);
            let items = batch.filters.items.iter().filter(of_table);
            let (filters, keys): (Vec<_>, Vec<_>) = items
                .cloned()
                .partition(|item| given.iter().any(|known| Rc::ptr_eq(known, item)));
            let columns = columns_of(&filters);
            let keys: Vec<Rc<Item>> = keys.into_iter().filter(|item| item.grouping).collect();
            let beside = columns_of(&keys).iter().any(|c| !columns.contains(c));
            if filters.len() > 1 && columns.len() > 1 || !filters.is_empty() && beside {
                together.push((columns, filters, keys));
            }
        }
        if together.is_empty() || !self.frees_columns(summarize) {
            return Ok(batch);
        }
        let mut context = (*batch.filters).clone();
        for (columns, filters, keys) in together {
            let only = FilterContext {
                items: filters.iter().chain(&keys).cloned().collect(),
                ..FilterContext::default()
            };
            let rows = self.value_rows(&columns, true, &only, batch.len)?;
            let schema = self.schema_of_columns(&columns);
            context
                .items
                .retain(|item| !filters.iter().any(|known| Rc::ptr_eq(known, item)));
            context
                .items
                .extend(self.items_of(&rows, &schema, batch.len)?);
        }
        Ok(batch.refiltered(context))
    }

    /// Whether some expression may tell filters that count together from filters that do not: it changes filters, or reads them.
    /// Which rows are left is the same either way.
    fn frees_columns(&self, summarize: &SummarizeColumns) -> bool {
        if !self.groups.is_empty() {
            return true;
        }
        let mut left: Vec<Part<'_>> = summarize
            .columns
            .iter()
            .map(|column| Part::Scalar(&column.expr))
            .collect();
        let mut seen: HashSet<*const Scalar> = HashSet::new();
        while let Some(part) = left.pop() {
            let (scalars, tables) = match part {
                Part::Scalar(scalar) if !seen.insert(scalar) => continue,
                Part::Scalar(scalar) if scalar_frees(scalar) => return true,
                Part::Table(table) if table_frees(table) => return true,
                Part::Scalar(scalar) => scalar.parts(),
                Part::Table(table) => table.parts(),
            };
            left.extend(scalars.into_iter().map(Part::Scalar));
            left.extend(tables.into_iter().map(Part::Table));
            if seen.len() > MOST_PARTS {
                return true;
            }
        }
        false
    }
}

enum Part<'e> {
    Scalar(&'e Scalar),
    Table(&'e TableExpr),
}

fn scalar_frees(scalar: &Scalar) -> bool {
    match &scalar.kind {
        ScalarKind::Filtered { .. } | ScalarKind::Variable(_) => true,
        ScalarKind::Calculate { filters, .. } => frees(filters),
        _ => false,
    }
}

fn table_frees(table: &TableExpr) -> bool {
    match &table.kind {
        TableKind::Filters(_)
        | TableKind::AllRows { .. }
        | TableKind::AllValues { .. }
        | TableKind::AllSelected { .. } => true,
        TableKind::Calculate { filters, .. } => frees(filters),
        _ => false,
    }
}

fn frees(filters: &[FilterArgument]) -> bool {
    filters.iter().any(|filter| {
        !matches!(
            filter,
            FilterArgument::UseRelationship(..) | FilterArgument::CrossFilter(..)
        )
    })
}

/// Whether all targets of a filter are columns of this table.
fn is_on(item: &Item, table: Table) -> bool {
    item.targets
        .iter()
        .all(|target| matches!(target, Target::Column(column) if column.table() == table))
}

fn columns_of(items: &[Rc<Item>]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for target in items.iter().flat_map(|item| &item.targets) {
        if let Target::Column(column) = target
            && !columns.contains(column)
        {
            columns.push(*column);
        }
    }
    columns
}

fn tables_of(items: &[Rc<Item>]) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for item in items {
        let first = match item.targets.first() {
            Some(Target::Column(column)) => column.table(),
            _ => continue,
        };
        if is_on(item, first) && !tables.contains(&first) {
            tables.push(first);
        }
    }
    tables
}

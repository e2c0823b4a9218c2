//! Value filters of one table that SUMMARIZECOLUMNS is given count together: what is left when a measure frees one of their columns
//! are the values that occur with the others, and with the group. A model may say otherwise (`valueFilterBehavior: independent`).

use std::collections::HashSet;
use std::rc::Rc;

use model::ValueFilterBehavior;
use security::{Column, Table, Target};

use super::{Evaluator, Outcome};
use crate::batch::Batch;
use crate::bound::{FilterArgument, Scalar, ScalarKind, SummarizeColumns, TableExpr, TableKind};
use crate::context::{FilterContext, Item, Relations};

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
        let relations = &batch.filters.relations;
        let mut together = Vec::new();
        for table in self.tables_of(given, relations) {
            let (mut columns, mut filters, mut keys) = (Vec::new(), Vec::new(), Vec::new());
            let mut beside = false;
            for item in &batch.filters.items {
                let Some(on) = self.columns_on(item, table, relations) else {
                    continue;
                };
                if given.iter().any(|known| Rc::ptr_eq(known, item)) {
                    filters.push(Rc::clone(item));
                    add_new(&mut columns, on);
                } else if item.grouping {
                    keys.push((Rc::clone(item), on));
                }
            }
            for (_, on) in &keys {
                beside |= on.iter().any(|column| !columns.contains(column));
            }
            // The value of a group leaves of one filter over several columns what occurs with it, too.
            let several = columns.len() > 1 && filters.len() + keys.len() > 1;
            if !filters.is_empty() && (several || beside) {
                let keys: Vec<Rc<Item>> = keys.into_iter().map(|(item, _)| item).collect();
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

    /// The columns of a filter, if all are of this table. Rows of a table that leads to no other are a filter on all its columns.
    fn columns_on(&self, item: &Item, table: Table, relations: &Relations) -> Option<Vec<Column>> {
        if item.targets.as_slice() == [Target::Row(table)] {
            let columns = self.scope.columns(table);
            let covered = self.expanded_columns(table, item.relations(relations));
            return (item.cut.is_empty() && covered.len() == columns.len()).then_some(columns);
        }
        let own = |target: &Target| match target {
            Target::Column(column) if column.table() == table => Some(*column),
            _ => None,
        };
        item.targets.iter().map(own).collect()
    }

    fn tables_of(&self, items: &[Rc<Item>], relations: &Relations) -> Vec<Table> {
        let mut tables: Vec<Table> = Vec::new();
        for item in items {
            let Some(first) = item.targets.first() else {
                continue;
            };
            let table = self.table_of(*first);
            if !tables.contains(&table) && self.columns_on(item, table, relations).is_some() {
                tables.push(table);
            }
        }
        tables
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

fn add_new(columns: &mut Vec<Column>, more: Vec<Column>) {
    for column in more {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
}

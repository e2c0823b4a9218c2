//! What a row context leaves as it is: expressions without a context transition that could move them, and without anything that is
//! drawn anew for each row.

use std::collections::BTreeSet;

use security::{Column, Table};

use crate::bound::{FilterArgument, Scalar, ScalarKind, TableExpr, TableKind};
use crate::functions::Body;

/// Which context transitions leave an expression as it is: those that filter these tables, as far as it is about others.
#[derive(Default)]
pub struct Steady<'t> {
    filtered: Option<&'t BTreeSet<Table>>,
}

impl<'t> Steady<'t> {
    /// The rows' own table and all that it is connected with.
    pub fn apart_from(filtered: &'t BTreeSet<Table>) -> Steady<'t> {
        Steady {
            filtered: Some(filtered),
        }
    }

    pub fn scalar(&self, expr: &Scalar) -> bool {
        use ScalarKind as K;
        let steady = match &expr.kind {
            K::Measure { .. }
            | K::MeasureFormat { .. }
            | K::SelectedMeasure
            | K::SelectedMeasureFormat
            | K::WindowPlace(_)
            | K::TableText(_) => false,
            K::Calculate { body, filters } => {
                self.is_elsewhere(body) && self.filters_elsewhere(filters)
            }
            K::Call { function, .. } => {
                matches!(function.body, Body::Scalar(_)) && !function.is_volatile_by_row()
            }
            _ => true,
        };
        let (scalars, tables) = expr.parts();
        steady
            && scalars.iter().all(|scalar| self.scalar(scalar))
            && tables.iter().all(|table| self.table(table))
    }

    fn table(&self, table: &TableExpr) -> bool {
        use TableKind as K;
        let steady = match &table.kind {
            K::Base { .. }
            | K::Values { .. }
            | K::AllRows { .. }
            | K::AllValues { .. }
            | K::Filter { .. }
            | K::Constructor(_)
            | K::Row(_)
            | K::Dates(_)
            | K::Distinct(_)
            | K::Variable(_) => true,
            K::Calculate { table, filters } => {
                self.is_table_elsewhere(table) && self.filters_elsewhere(filters)
            }
            _ => false,
        };
        let (scalars, tables) = table.parts();
        steady
            && scalars.iter().all(|scalar| self.scalar(scalar))
            && tables.iter().all(|table| self.table(table))
    }

    fn about(&self, table: Table) -> bool {
        self.filtered.is_some_and(|tables| !tables.contains(&table))
    }

    fn about_columns(&self, columns: &[Column]) -> bool {
        columns.iter().all(|column| self.about(column.table()))
    }

    /// Whether what it says is about tables that the transition does not filter. Only of expressions that surely are.
    fn is_elsewhere(&self, expr: &Scalar) -> bool {
        use ScalarKind as K;
        let known = match &expr.kind {
            K::Constant(_)
            | K::Field { .. }
            | K::Call { .. }
            | K::Binary { .. }
            | K::Negate(_)
            | K::Not(_)
            | K::In { .. }
            | K::If { .. }
            | K::Coalesce(_)
            | K::Reduce { .. }
            | K::TableValue(_)
            | K::IsEmpty(_) => true,
            K::Calculate { filters, .. } => self.filters_elsewhere(filters),
            _ => false,
        };
        let (scalars, tables) = expr.parts();
        known
            && scalars.iter().all(|scalar| self.is_elsewhere(scalar))
            && tables.iter().all(|table| self.is_table_elsewhere(table))
    }

    fn is_table_elsewhere(&self, table: &TableExpr) -> bool {
        use TableKind as K;
        let known = match &table.kind {
            K::Base { table, .. } | K::AllRows { table, .. } => self.about(*table),
            K::Values { columns, .. } | K::AllValues { columns, .. } => self.about_columns(columns),
            K::Filter { .. }
            | K::SelectColumns { .. }
            | K::Distinct(_)
            | K::Constructor(_)
            | K::Row(_) => true,
            K::Calculate { filters, .. } => self.filters_elsewhere(filters),
            _ => false,
        };
        let (scalars, tables) = table.parts();
        known
            && scalars.iter().all(|scalar| self.is_elsewhere(scalar))
            && tables.iter().all(|table| self.is_table_elsewhere(table))
    }

    fn filters_elsewhere(&self, filters: &[FilterArgument]) -> bool {
        filters.iter().all(|filter| match filter {
            FilterArgument::Table { table, .. } => self.is_table_elsewhere(table),
            FilterArgument::Predicate {
                columns, condition, ..
            } => self.about_columns(columns) && self.is_elsewhere(condition),
            _ => false,
        })
    }
}

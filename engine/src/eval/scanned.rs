//! Rows of a model table that a scan can choose by itself: FILTER by comparisons of the row's own or related columns, inside an
//! aggregate or as the filter of a CALCULATE, and the groups of SUMMARIZE. The rows are never listed.

use std::rc::Rc;

use dax::BinaryOp;
use security::{Column, PathColumn, Table, Target};

use super::calculate::comparison;
use super::filter::{conjuncts_of, is_same_for_rows};
use super::tables::distinct_members;
use super::{Evaluator, Outcome};
use crate::batch::Batch;
use crate::bound::{
    FilterArgument, FrameId, GroupColumn, Scalar, ScalarKind, TableExpr, TableKind, path_here,
};
use crate::context::Item;
use crate::functions::Body;
use crate::table::{ColumnRows, TableRows};

impl<'a> Evaluator<'a> {
    /// The model table under FILTERs, and the contexts with these as filters of the table. None: a condition asks for more than
    /// comparisons of columns with values that are the same for all rows.
    pub(super) fn filtered_base(
        &self,
        table: &TableExpr,
        batch: &Rc<Batch>,
    ) -> Outcome<Option<(Table, Rc<Batch>)>> {
        let (mut conjuncts, mut inside) = (Vec::new(), table);
        while let TableKind::Filter {
            table,
            frame,
            condition,
        } = &inside.kind
        {
            let mut parts = Vec::new();
            conjuncts_of(condition, &mut parts);
            conjuncts.extend(parts.into_iter().map(|part| (*frame, part)));
            inside = table;
        }
        let TableKind::Base {
            table: base,
            blank_row: false,
        } = inside.kind
        else {
            return Ok(None);
        };
        let mut context = (*batch.filters).clone();
        for (frame, conjunct) in conjuncts.into_iter().rev() {
            let Some(items) = self.row_items(conjunct, frame, base, batch)? else {
                return Ok(None);
            };
            context.items.extend(items);
        }
        Ok(Some((base, batch.refiltered(context))))
    }

    fn row_items(
        &self,
        conjunct: &Scalar,
        frame: FrameId,
        base: Table,
        batch: &Rc<Batch>,
    ) -> Outcome<Option<Vec<Rc<Item>>>> {
        let Some((op, column, value)) = self.column_comparison(conjunct, frame, base, batch) else {
            return Ok(None);
        };
        let values = self.scalar(value, batch)?;
        if values.errors.is_some() {
            return Ok(None);
        }
        self.ranges(column, op, &values, batch.len)
    }

    /// A comparison of a column of the row, or of one that it is related to in the way that filters take.
    fn column_comparison<'e>(
        &self,
        conjunct: &'e Scalar,
        frame: FrameId,
        base: Table,
        batch: &Batch,
    ) -> Option<(BinaryOp, Column, &'e Scalar)> {
        let ScalarKind::Binary { op, left, right } = &conjunct.kind else {
            return None;
        };
        let related = |e: &Scalar| match &e.kind {
            ScalarKind::Related { frame: of, column } if *of == frame => match column.target {
                Target::Column(target) => {
                    let paths = self.edges(&batch.filters.relations).paths(base, &[]);
                    let path = paths.get(&target.table())?;
                    let column = self.in_force(base, column, &batch.filters.relations);
                    (*path == column.path).then_some(target)
                }
                Target::Row(_) => None,
            },
            ScalarKind::Field { frame: of, index } if *of == frame => {
                self.scope.columns(base).get(*index).copied()
            }
            _ => None,
        };
        let (op, column, value) = comparison(*op, left, right, frame, related)?;
        is_same_for_rows(value).then_some((op, column, value))
    }

    /// The contexts of a CALCULATE whose only filters are FILTERs of one model table, where its expression reads nothing but that
    /// table: then the rows need not be listed and put in the place of the filters that chose them.
    pub(super) fn calculate_in_scan(
        &self,
        body: &Scalar,
        filters: &[FilterArgument],
        batch: &Rc<Batch>,
    ) -> Outcome<Option<Rc<Batch>>> {
        if filters.is_empty() || !batch.open_frames().is_empty() {
            return Ok(None);
        }
        let mut inner = Rc::clone(batch);
        for filter in filters {
            let FilterArgument::Table { table, .. } = filter else {
                return Ok(None);
            };
            if !matches!(table.kind, TableKind::Filter { .. }) {
                return Ok(None);
            }
            let Some((base, filtered)) = self.filtered_base(table, batch)? else {
                return Ok(None);
            };
            if !self.reads_only(body, base, batch) {
                return Ok(None);
            }
            let added = filtered.filters.items[batch.filters.items.len()..].to_vec();
            let mut context = (*inner.filters).clone();
            context.items.extend(added);
            inner = inner.refiltered(context);
        }
        Ok(Some(inner))
    }

    /// Whether an expression is made of aggregates over the rows of this table alone, in the filter context as it is.
    fn reads_only(&self, expr: &Scalar, base: Table, batch: &Batch) -> bool {
        use ScalarKind as K;
        match &expr.kind {
            K::Constant(_) => true,
            K::Reduce { table, body, .. } => {
                matches!(table.kind, TableKind::Base { table, blank_row: false } if table == base)
                    && body.as_ref().is_none_or(|body| body.is_of_row())
            }
            K::Measure { body, .. } => {
                self.measures_are_plain(batch) && self.reads_only(body, base, batch)
            }
            K::Binary { left, right, .. } => {
                self.reads_only(left, base, batch) && self.reads_only(right, base, batch)
            }
            K::Negate(operand) => self.reads_only(operand, base, batch),
            K::Call {
                function,
                arguments,
            } => {
                matches!(function.body, Body::Scalar(_))
                    && arguments.iter().all(|a| self.reads_only(a, base, batch))
            }
            _ => false,
        }
    }

    /// The groups of a model table's rows in each context, as the scan finds them.
    pub(super) fn scanned_groups(
        &self,
        base: Table,
        groups: &[GroupColumn],
        batch: &Rc<Batch>,
    ) -> Outcome<Option<TableRows>> {
        let own = self.scope.columns(base);
        let key = |group: &GroupColumn| match group {
            GroupColumn::Field(index) => own.get(*index).map(|column| PathColumn {
                path: path_here(),
                target: Target::Column(*column),
            }),
            GroupColumn::Related(column) => {
                Some(self.in_force(base, column, &batch.filters.relations))
            }
        };
        let Some(keys) = groups.iter().map(key).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        if keys.is_empty() {
            return Ok(None);
        }
        let width = keys.len();
        let grouped = self.grouped(&batch.filters, batch.len, base, keys, Vec::new(), &[])?;
        let (offsets, members) = distinct_members(&grouped, width);
        let rows = TableRows {
            offsets,
            segments: grouped.of_context.clone(),
            base: None,
            under: None,
            columns: (0..width)
                .map(|k| ColumnRows::Coded(grouped.extra(k).take(&members)))
                .collect(),
            errors: None,
        };
        Ok(Some(rows.unshared()))
    }
}

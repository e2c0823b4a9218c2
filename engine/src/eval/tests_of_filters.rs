//! What filters a column: ISFILTERED, ISCROSSFILTERED, HASONEFILTER, ISINSCOPE and FILTERS.

use std::rc::Rc;

use security::{Column, PathColumn, Table, Target};

use super::iterate::truths;
use super::sets::SegmentPlan;
use super::{Evaluator, Outcome};
use crate::batch::Batch;
use crate::bound::FilterTest;
use crate::context::{Item, Kind, Set};
use crate::table::{ColumnRows, TableRows};
use crate::value::Value;
use crate::vector::Vector;

impl<'a> Evaluator<'a> {
    /// Tests that hold for any of the columns. But for HASONEFILTER the answer is the same in all contexts of a batch: they
    /// share the items of their filter context and differ in the values of the items alone.
    pub fn test_filters(
        &self,
        test: FilterTest,
        columns: &[Column],
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        let answer = match test {
            FilterTest::Filtered => columns.iter().any(|column| {
                batch
                    .filters
                    .items
                    .iter()
                    .any(|item| self.filters_directly(item, *column, batch))
            }),
            FilterTest::CrossFiltered => self.is_cross_filtered(columns, batch)?,
            FilterTest::InScope => columns.iter().any(|column| {
                batch
                    .filters
                    .items
                    .iter()
                    .any(|item| item.grouping && self.filters_directly(item, *column, batch))
            }),
            FilterTest::OneFilter => return self.has_one_filter(columns, batch),
        };
        Ok(Vector::constant(Value::Boolean(answer), batch.len))
    }

    /// Whether an item filters the column itself: as one of its targets, or as a column of the expanded table whose rows it names.
    fn filters_directly(&self, item: &Item, column: Column, batch: &Batch) -> bool {
        item.targets.iter().any(|target| match target {
            Target::Column(filtered) => *filtered == column,
            Target::Row(table) => {
                !item.cut.contains(&column)
                    && self
                        .edges(item.relations(&batch.filters.relations))
                        .paths(*table, &[])
                        .contains_key(&column.table())
            }
        })
    }

    fn is_cross_filtered(&self, columns: &[Column], batch: &Rc<Batch>) -> Outcome<bool> {
        let mut tables: Vec<Table> = columns.iter().map(Column::table).collect();
        tables.sort_unstable();
        tables.dedup();
        for table in tables {
            if !self
                .applicable(&batch.filters, batch.len, table, &[])?
                .is_empty()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has_one_filter(&self, columns: &[Column], batch: &Rc<Batch>) -> Outcome<Vector> {
        let mut one = vec![false; batch.len];
        for column in columns {
            if batch
                .filters
                .items
                .iter()
                .any(|item| self.filters_directly(item, *column, batch))
            {
                let values = self.direct_filters(*column, batch)?;
                for (i, one) in one.iter_mut().enumerate() {
                    *one |= values.segment(i).len() == 1;
                }
            }
        }
        Ok(truths(one.into_iter().map(Ok)))
    }

    /// FILTERS: the visible values of a column that the filters on the column itself admit; all, where there is no such filter.
    pub fn direct_filters(&self, column: Column, batch: &Rc<Batch>) -> Outcome<TableRows> {
        let mut items: Vec<Rc<Item>> = Vec::new();
        for item in &batch.filters.items {
            if self.filters_directly(item, column, batch) {
                items.push(self.on_column(item, column, batch)?);
            }
        }
        // One set that all contexts share narrows what has to be looked at; a set for each context is tested below.
        let shared = items.iter().find_map(|item| {
            if let Kind::Shared(set) = &item.kind {
                Some(set.bitmap().iter().collect::<Vec<u32>>())
            } else {
                None
            }
        });
        let shown = self.shown_codes(column, shared.as_deref())?;
        let codes = shown.as_slice();
        let mut positions: Vec<u32> = Vec::new();
        let mut plan = SegmentPlan::new();
        for i in 0..batch.len {
            let question: Vec<u32> = items.iter().map(|item| question_of(item, i)).collect();
            plan.ask(question, |_| -> Outcome<usize> {
                let admitted = codes
                    .iter()
                    .enumerate()
                    .filter(|(_, code)| items.iter().all(|item| item.admits(i, &[**code])));
                positions.extend(admitted.map(|(position, _)| position as u32));
                self.admit_rows(positions.len())?;
                Ok(positions.len())
            })?;
        }
        Ok(plan.finish(vec![ColumnRows::Coded(shown.take(&positions))], None))
    }

    /// An item as a filter on one column that it filters.
    fn on_column(&self, item: &Rc<Item>, column: Column, batch: &Batch) -> Outcome<Rc<Item>> {
        if let Some(position) = item
            .targets
            .iter()
            .position(|target| *target == Target::Column(column))
        {
            let projected = if item.targets.len() == 1 {
                return Ok(Rc::clone(item));
            } else {
                item.project(&[position])
            };
            return Ok(Rc::new(projected));
        }
        for target in &item.targets {
            let Target::Row(table) = target else { continue };
            let edges = self.edges(item.relations(&batch.filters.relations));
            if let Some(path) = edges.paths(*table, &[]).get(&column.table()) {
                let towards = PathColumn {
                    path: std::sync::Arc::clone(path),
                    target: Target::Column(column),
                };
                return Ok(Rc::new(self.convert_rows(item, *table, &[towards])?));
            }
        }
        Ok(Item::shared(
            vec![Target::Column(column)],
            Set::of_codes([]),
        ))
    }
}

/// What an item asks of context `i`: equal for contexts in which it admits the same.
fn question_of(item: &Item, i: usize) -> u32 {
    match &item.kind {
        Kind::Shared(_) => 0,
        Kind::Key(codes) => codes.first().map_or(0, |codes| codes[i]),
        Kind::Varying { index, .. } => index[i],
    }
}

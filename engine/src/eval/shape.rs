//! Tables made of values, and tables put together from tables: constructors, products, unions and the first rows of an order.

mod series;

use std::collections::HashMap;
use std::rc::Rc;

use security::{Column, PathColumn, Scan, Target};

use super::sets::{NO_ROW, SegmentPlan, common_type, errors_by_context, segment_of, segment_range};
use super::{Evaluator, Outcome, internal};
use crate::batch::Batch;
use crate::bound::{FrameId, Order, Scalar, Schema, TableExpr, path_here};
use crate::context::ABSENT;
use crate::error::Failure;
use crate::table::{ColumnRows, TableRows};
use crate::value::{DataType, Value};
use crate::vector::{Data, Errors, Vector, errors_from, merge_errors};

/// How many rows TOPN gives, and how many TOPNSKIP leaves out before them.
#[derive(Clone, Copy)]
pub struct Wanted<'s> {
    pub count: &'s Scalar,
    pub skip: Option<&'s Scalar>,
}

impl<'a> Evaluator<'a> {
    /// `{ ... }` and ROW: a row for each list of cells, in every context.
    pub fn constructor(&self, rows: &[Vec<Scalar>], batch: &Rc<Batch>) -> Outcome<TableRows> {
        let width = rows.first().map_or(0, Vec::len);
        let cells: Vec<Vec<Vector>> = rows
            .iter()
            .map(|row| row.iter().map(|cell| self.scalar(cell, batch)).collect())
            .collect::<Outcome<_>>()?;
        let fixed = batch.len > 0
            && cells
                .iter()
                .flatten()
                .all(|cell| matches!(cell.data, Data::Constant(..)) && cell.errors.is_none());
        let contexts = if fixed { 1 } else { batch.len };
        self.admit_rows(contexts * rows.len())?;
        let mut errors: Errors = None;
        let mut columns = Vec::with_capacity(width);
        for k in 0..width {
            let hint = common_type(
                rows.iter()
                    .filter_map(|row| row.get(k))
                    .map(|cell| cell.data_type),
            );
            let values = (0..contexts).flat_map(|i| {
                cells
                    .iter()
                    .map(move |row| row.get(k).map_or(Value::Blank, |cell| cell.get(i)))
            });
            columns.push(ColumnRows::Values(self.collect(values.map(Ok), hint)?));
            for row in &cells {
                errors = merge_errors(&errors, &row.get(k).and_then(|cell| cell.errors.clone()));
            }
        }
        if fixed {
            return Ok(TableRows::shared(batch.len, rows.len(), None, columns));
        }
        let offsets = (0..=contexts).map(|i| (i * rows.len()) as u32).collect();
        Ok(TableRows {
            offsets,
            segments: None,
            base: None,
            under: None,
            columns,
            errors,
        })
    }

    /// TREATAS: the values as values of the schema's columns. Rows with a value that a column does not show fall away.
    pub fn treat_as(
        &self,
        table: &TableExpr,
        schema: &Schema,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let rows = self.settled(self.table(table, batch)?, &table.schema)?;
        let mut kept = vec![true; rows.rows()];
        let mut columns = Vec::with_capacity(schema.fields.len());
        for (index, field) in schema.fields.iter().enumerate() {
            let column = field
                .lineage
                .ok_or_else(|| internal("TREATAS without a model column"))?;
            if let Some(codes) = self.column_codes(&rows, &table.schema, index)?
                && codes.of() == Target::Column(column)
            {
                columns.push(codes);
                continue;
            }
            let wanted = self.encode(column, &self.column_vector(&rows, &table.schema, index)?)?;
            // What hidden rows hold must not be told from what no row holds: only values of visible rows stay.
            let shown = self.shown_codes(column, Some(&wanted))?;
            let place: HashMap<u32, u32> = shown
                .as_slice()
                .iter()
                .enumerate()
                .map(|(at, code)| (*code, at as u32))
                .collect();
            let positions: Vec<u32> = wanted
                .iter()
                .map(|code| place.get(code).copied().unwrap_or(NO_ROW))
                .collect();
            for (kept, position) in kept.iter_mut().zip(&positions) {
                *kept &= *position != NO_ROW;
            }
            columns.push(shown.take(&positions));
        }
        let mut positions = Vec::with_capacity(kept.len());
        let mut offsets = vec![0u32];
        for window in rows.offsets.windows(2) {
            positions.extend((window[0]..window[1]).filter(|&row| kept[row as usize]));
            offsets.push(positions.len() as u32);
        }
        let columns = columns
            .into_iter()
            .map(|codes| ColumnRows::Coded(codes.take(&positions)))
            .collect();
        Ok(TableRows {
            offsets,
            segments: rows.segments,
            base: None,
            under: None,
            columns,
            errors: rows.errors,
        })
    }

    /// The codes of a column that visible rows, or the table's blank row, have: all, or those among `wanted`.
    pub(super) fn shown_codes(
        &self,
        column: Column,
        wanted: Option<&[u32]>,
    ) -> Outcome<security::Codes> {
        let here = PathColumn {
            path: path_here(),
            target: Target::Column(column),
        };
        let filters = match wanted {
            None => Vec::new(),
            Some(codes) => {
                let set = codes
                    .iter()
                    .copied()
                    .filter(|&code| code != ABSENT)
                    .collect();
                vec![security::Filter::In {
                    column: here.clone(),
                    set: std::sync::Arc::new(set),
                }]
            }
        };
        let groups = self.scan(&Scan {
            table: column.table(),
            filters,
            keys: vec![here.clone()],
            aggregates: Vec::new(),
        })?;
        let shown = groups
            .keys
            .into_iter()
            .next()
            .ok_or_else(|| internal("a scan without its key"))?;
        let blank_wanted =
            wanted.is_none_or(|codes| codes.contains(&0)) && !shown.as_slice().contains(&0);
        if blank_wanted && let Some(row) = self.blank_row(column.table())? {
            let blank = self.scope.fetch(&row, &here, self.control)?;
            return security::Codes::concat(&[blank, shown])
                .ok_or_else(|| internal("the blank row does not fit its table"));
        }
        Ok(shown)
    }

    /// CROSSJOIN: all combinations of rows.
    pub fn cross_join(&self, tables: &[TableExpr], batch: &Rc<Batch>) -> Outcome<TableRows> {
        let parts: Vec<TableRows> = tables
            .iter()
            .map(|table| self.settled(self.table(table, batch)?, &table.schema))
            .collect::<Outcome<_>>()?;
        let mut positions: Vec<Vec<u32>> = vec![Vec::new(); parts.len()];
        let mut total = 0;
        let mut plan = SegmentPlan::new();
        let watch = self.watch();
        for i in 0..batch.len {
            watch.step(1)?;
            let segments: Vec<u32> = parts.iter().map(|part| segment_of(part, i)).collect();
            plan.ask(segments, |segments| -> Outcome<usize> {
                let ranges: Vec<_> = parts
                    .iter()
                    .zip(segments)
                    .map(|(part, &segment)| segment_range(part, segment))
                    .collect();
                let rows = ranges
                    .iter()
                    .try_fold(1usize, |rows, range| rows.checked_mul(range.len()))
                    .unwrap_or(usize::MAX);
                self.admit_rows(rows.saturating_add(total))?;
                total += rows;
                let mut repeat = rows;
                for (positions, range) in positions.iter_mut().zip(ranges) {
                    // The last table varies fastest.
                    repeat /= range.len().max(1);
                    let mut written = 0;
                    while written < rows {
                        for row in range.clone() {
                            watch.step(repeat)?;
                            positions.resize(positions.len() + repeat, row as u32);
                        }
                        written += repeat * range.len();
                    }
                }
                Ok(total)
            })?;
        }
        let columns = parts
            .iter()
            .zip(&positions)
            .map(|(part, positions)| self.spread_columns(&part.columns, positions))
            .collect::<Outcome<Vec<_>>>()?
            .concat();
        Ok(plan.finish(
            columns,
            parts
                .iter()
                .fold(None, |errors, part| merge_errors(&errors, &part.errors)),
        ))
    }

    /// GENERATE: each left row with the rows of the right table in its row context. GENERATEALL keeps left rows without any.
    pub fn generate(
        &self,
        left: &TableExpr,
        frame: FrameId,
        right: &TableExpr,
        all: bool,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let iteration = self.iterate(left, frame, batch)?;
        let right_rows = self.settled(self.table(right, &iteration.batch)?, &right.schema)?;
        self.admit_rows(right_rows.flat_rows())?;
        let left_rows = self.settled((*iteration.rows).clone(), &left.schema)?;
        let (mut left_positions, mut right_positions, mut offsets) =
            (Vec::new(), Vec::new(), vec![0u32]);
        let watch = self.watch();
        for i in 0..batch.len {
            for row in iteration.flat.offsets[i]..iteration.flat.offsets[i + 1] {
                let found = right_rows.segment(row as usize);
                watch.step(found.len() + 1)?;
                if found.is_empty() && all {
                    right_positions.push(NO_ROW);
                }
                right_positions.extend(found.map(|r| r as u32));
                left_positions.resize(
                    right_positions.len(),
                    iteration.flat.positions[row as usize],
                );
            }
            offsets.push(left_positions.len() as u32);
        }
        let mut columns = self.spread_columns(&left_rows.columns, &left_positions)?;
        for column in &right_rows.columns {
            columns.push(self.take_or_blank(column, &right_positions)?);
        }
        let errors = merge_errors(
            &left_rows.errors,
            &errors_by_context(&right_rows.errors, &iteration.flat.contexts),
        );
        Ok(TableRows {
            offsets,
            segments: None,
            base: None,
            under: None,
            columns,
            errors,
        })
    }

    /// UNION: the rows of all tables; columns go together by position.
    pub fn union(&self, tables: &[TableExpr], batch: &Rc<Batch>) -> Outcome<TableRows> {
        let parts: Vec<TableRows> = tables
            .iter()
            .map(|table| self.settled(self.table(table, batch)?, &table.schema))
            .collect::<Outcome<_>>()?;
        let mut starts = Vec::with_capacity(parts.len());
        let mut total = 0;
        for part in &parts {
            starts.push(total as u32);
            total += part.rows();
        }
        self.admit_rows(total)?;
        let mut positions: Vec<u32> = Vec::new();
        let mut plan = SegmentPlan::new();
        let watch = self.watch();
        for i in 0..batch.len {
            watch.step(1)?;
            let segments: Vec<u32> = parts.iter().map(|part| segment_of(part, i)).collect();
            plan.ask(segments, |segments| -> Outcome<usize> {
                for ((part, &segment), start) in parts.iter().zip(segments).zip(&starts) {
                    let range = segment_range(part, segment);
                    watch.step(range.len())?;
                    positions.extend(range.map(|row| start + row as u32));
                }
                self.admit_rows(positions.len())?;
                Ok(positions.len())
            })?;
        }
        let width = tables.first().map_or(0, |table| table.schema.fields.len());
        let mut columns = Vec::with_capacity(width);
        for k in 0..width {
            let hint = common_type(
                tables
                    .iter()
                    .filter_map(|table| table.schema.fields.get(k))
                    .map(|field| field.data_type),
            );
            let cells: Vec<&ColumnRows> = parts
                .iter()
                .filter(|part| part.rows() > 0)
                .filter_map(|part| part.columns.get(k))
                .collect();
            columns.push(self.joined(&cells, hint)?.take(&positions));
        }
        Ok(plan.finish(
            columns,
            parts
                .iter()
                .fold(None, |errors, part| merge_errors(&errors, &part.errors)),
        ))
    }

    /// Cells under one another: as codes where all are codes of one column, else as values of the type.
    fn joined(&self, parts: &[&ColumnRows], hint: DataType) -> Outcome<ColumnRows> {
        if let [only] = parts {
            return Ok((*only).clone());
        }
        let codes: Option<Vec<security::Codes>> = parts
            .iter()
            .map(|part| {
                if let ColumnRows::Coded(codes) = part {
                    Some(codes.clone())
                } else {
                    None
                }
            })
            .collect();
        if let Some(joined) = codes.and_then(|codes| security::Codes::concat(&codes)) {
            return Ok(ColumnRows::Coded(joined));
        }
        let mut cells: Vec<Result<Value, Failure>> = Vec::new();
        for part in parts {
            let vector = match part {
                ColumnRows::Coded(codes) => self.decode(codes)?,
                ColumnRows::Values(vector) => vector.clone(),
                ColumnRows::Base => return Err(internal("a base column without base rows")),
            };
            let watch = self.watch();
            for i in 0..vector.len() {
                watch.step(1)?;
                cells.push(Ok(vector.get(i)));
            }
        }
        Ok(ColumnRows::Values(self.collect(cells, hint)?))
    }

    /// TOPN: the first rows by the order, and all that tie with the last of them. They stay in the table's order. TOPNSKIP
    /// leaves out as many before them.
    pub fn top_n(
        &self,
        wanted: Wanted<'_>,
        table: &TableExpr,
        frame: FrameId,
        order: &[Order],
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let rows = Rc::new(self.table(table, batch)?);
        let skip_reads = wanted.skip.is_some_and(|skip| skip.reads_context(frame));
        if !skip_reads && !wanted.count.reads_context(frame) {
            let bodies: Vec<&Scalar> = order.iter().map(|o| &o.expr).collect();
            if let Some(classes) = self.condense(&rows, table, frame, &bodies, batch)? {
                let rows = Rc::new(rows.remap(&classes.representatives));
                let inner = batch.select(Rc::clone(&classes.representatives));
                let found = self.top_rows_of(wanted, rows, table, frame, order, &inner)?;
                return Ok(found.remap(&classes.of));
            }
        }
        self.top_rows_of(wanted, rows, table, frame, order, batch)
    }

    fn top_rows_of(
        &self,
        wanted: Wanted<'_>,
        rows: Rc<TableRows>,
        table: &TableExpr,
        frame: FrameId,
        order: &[Order],
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let count = self.scalar(wanted.count, batch)?;
        let skip = match wanted.skip {
            Some(skip) => Some(self.scalar(skip, batch)?),
            None => None,
        };
        let iteration = self.iterate_rows(rows, table, frame, batch)?;
        let keys = self.order_keys(order, &iteration.batch)?;
        let (mut positions, mut offsets, mut errors) = (Vec::new(), vec![0u32], Vec::new());
        for i in 0..batch.len {
            let mut rows: Vec<u32> =
                (iteration.flat.offsets[i]..iteration.flat.offsets[i + 1]).collect();
            let chosen = number_of_rows(&count, i).and_then(|wanted| {
                keys.sort(&mut rows, self.control)?;
                if let Some(skip) = &skip {
                    let skipped = number_of_rows(skip, i)?.min(rows.len());
                    rows.drain(..skipped);
                }
                // Without an order no rows tie.
                let tied = |a: u32, b: u32| !keys.is_empty() && keys.compare(a, b).is_eq();
                Ok(top_rows(rows, wanted, tied))
            });
            match chosen {
                Ok(rows) => positions.extend(
                    rows.into_iter()
                        .map(|row| iteration.flat.positions[row as usize]),
                ),
                Err(failure) => errors.push((i as u32, failure)),
            }
            offsets.push(positions.len() as u32);
            self.control.check()?;
        }
        let mut rows = iteration.rows.take(&positions, offsets);
        rows.errors = merge_errors(&rows.errors, &errors_from(errors));
        Ok(rows)
    }

    /// SUBSTITUTEWITHINDEX: the left rows that the index table has, its columns replaced by the number of the row there. The columns
    /// that stay come first, the index last.
    pub fn substitute_with_index(
        &self,
        table: &TableExpr,
        index: &TableExpr,
        on: &[(usize, usize)],
        frame: FrameId,
        order: &[Order],
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let left = self.settled(self.table(table, batch)?, &table.schema)?;
        let iteration = self.iterate(index, frame, batch)?;
        let keys = self.order_keys(order, &iteration.batch)?;
        let right = self.settled((*iteration.rows).clone(), &index.schema)?;
        let (left_numbers, right_numbers) =
            self.paired_numbers((&left, &table.schema), (&right, &index.schema), on)?;
        let (mut positions, mut indexes, mut offsets, mut errors) =
            (Vec::new(), Vec::new(), vec![0u32], Vec::new());
        for i in 0..batch.len {
            let mut rows: Vec<u32> =
                (iteration.flat.offsets[i]..iteration.flat.offsets[i + 1]).collect();
            if let Err(failure) = keys.sort(&mut rows, self.control) {
                errors.push((i as u32, failure));
            }
            let mut places: HashMap<u32, i64> = HashMap::new();
            self.control.check()?;
            let watch = self.watch();
            for (place, row) in rows.iter().enumerate() {
                watch.step(1)?;
                let position = iteration.flat.positions[*row as usize];
                places
                    .entry(right_numbers[position as usize])
                    .or_insert(place as i64);
            }
            for row in left.segment(i) {
                watch.step(1)?;
                if let Some(place) = places.get(&left_numbers[row]) {
                    positions.push(row as u32);
                    indexes.push(Ok(Value::Integer(*place)));
                }
            }
            offsets.push(positions.len() as u32);
        }
        let staying = left
            .columns
            .iter()
            .enumerate()
            .filter(|(k, _)| !on.iter().any(|(l, _)| l == k));
        let mut columns: Vec<ColumnRows> =
            staying.map(|(_, column)| column.take(&positions)).collect();
        columns.push(ColumnRows::Values(
            self.collect(indexes, DataType::Integer)?,
        ));
        let errors = merge_errors(
            &merge_errors(&left.errors, &right.errors),
            &errors_from(errors),
        );
        Ok(TableRows {
            offsets,
            segments: None,
            base: None,
            under: None,
            columns,
            errors,
        })
    }
}

/// A number of rows in one context; below zero counts as zero.
fn number_of_rows(numbers: &Vector, context: usize) -> Result<usize, Failure> {
    let number = numbers
        .at(context)?
        .to_integer()
        .ok_or_else(|| Failure::new("the number of rows of TOPN is not a number"))?;
    Ok(usize::try_from(number).unwrap_or(0))
}

/// The first rows of an order, and those that tie with the last of them, in the table's order.
fn top_rows(mut sorted: Vec<u32>, wanted: usize, tied: impl Fn(u32, u32) -> bool) -> Vec<u32> {
    if let Some(&last) = wanted.checked_sub(1).and_then(|place| sorted.get(place)) {
        let ties = sorted[wanted..]
            .iter()
            .take_while(|&&row| tied(last, row))
            .count();
        sorted.truncate(wanted + ties);
    }
    if wanted == 0 {
        sorted.clear();
    }
    sorted.sort_unstable();
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_takes_its_ties() {
        let check = |values: &[i64], wanted: usize, expected: &[u32]| {
            let mut sorted: Vec<u32> = (0..values.len() as u32).collect();
            sorted.sort_by_key(|&row| -values[row as usize]);
            let tied = |a: u32, b: u32| values[a as usize] == values[b as usize];
            assert_eq!(
                top_rows(sorted, wanted, tied),
                expected,
                "{values:?} {wanted}"
            );
        };
        check(&[5, 9, 7, 9, 7], 1, &[1, 3]);
        check(&[5, 9, 7, 9, 7], 3, &[1, 2, 3, 4]);
        check(&[5, 9, 7, 9, 7], 5, &[0, 1, 2, 3, 4]);
        check(&[5, 9], 7, &[0, 1]);
        check(&[5, 9], 0, &[]);
    }
}

//! Iterators: the rows of a table become contexts, and what was computed for them is reduced by segment.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::{Evaluator, Outcome};
use crate::batch::{Batch, Frame};
use crate::bound::{FrameId, Order, Scalar, TableExpr, TableKind};
use crate::context::{Iterated, Shadow};
use crate::error::Failure;
use crate::table::{Flat, TableRows};
use crate::text::Text;
use crate::value::{DataType, Value};
use crate::vector::{Vector, errors_from};

/// As many rows are evaluated at once: keys, offsets and partial results of a batch stay within tens of megabytes.
const PIECE_ROWS: usize = 1 << 20;

/// A value that is turned into text takes the time of some rows of a scan.
const CONCATENATE_STEPS: usize = 8;

/// Some consecutive contexts of a batch, with their rows.
pub struct Piece {
    pub rows: Rc<TableRows>,
    pub batch: Rc<Batch>,
}

/// A table's rows as contexts.
pub struct Iteration {
    pub rows: Rc<TableRows>,
    pub flat: Flat,
    pub batch: Rc<Batch>,
}

impl<'a> Evaluator<'a> {
    /// Evaluates a table, and makes a batch of one context for each of its rows.
    pub fn iterate(
        &self,
        table: &TableExpr,
        frame: FrameId,
        batch: &Rc<Batch>,
    ) -> Outcome<Iteration> {
        let rows = Rc::new(self.table(table, batch)?);
        self.iterate_rows(rows, table, frame, batch)
    }

    pub fn iterate_rows(
        &self,
        rows: Rc<TableRows>,
        table: &TableExpr,
        frame: FrameId,
        batch: &Rc<Batch>,
    ) -> Outcome<Iteration> {
        self.admit_rows(rows.flat_rows())?;
        // Each of these is one pass over all rows, which cannot be stopped.
        self.control.check()?;
        let flat = rows.flatten();
        self.control.check()?;
        let mut filters = batch.filters.take(&flat.contexts);
        let fields: Vec<_> = table
            .schema
            .fields
            .iter()
            .enumerate()
            .filter_map(|(i, f)| f.lineage.map(|column| (i, column)))
            .collect();
        let keeps = matches!(table.kind, TableKind::KeepFilters(_));
        if !fields.is_empty() {
            let shadow = Shadow {
                outer: Rc::clone(&batch.filters),
                rows: Some(Iterated {
                    rows: Rc::clone(&rows),
                    schema: Rc::clone(&table.schema),
                    columns: fields,
                    keeps,
                }),
            };
            filters.shadow = Some((Rc::new(shadow), Rc::clone(&flat.contexts)));
        }
        let frame = Frame {
            id: frame,
            schema: Rc::clone(&table.schema),
            rows: Rc::clone(&rows),
            positions: Rc::clone(&flat.positions),
            keeps,
            read: RefCell::new(HashMap::new()),
        };
        let batch = batch.iterate(Rc::clone(&flat.contexts), filters, frame);
        Ok(Iteration { rows, flat, batch })
    }

    /// Cuts a batch whose rows, flattened, would be too many at once into pieces of consecutive contexts. Rows that contexts
    /// share stay shared.
    pub fn pieces(&self, rows: Rc<TableRows>, batch: &Rc<Batch>) -> Vec<Piece> {
        if batch.len < 2 || rows.flat_rows() <= PIECE_ROWS {
            return vec![Piece {
                rows,
                batch: Rc::clone(batch),
            }];
        }
        let mut pieces = Vec::new();
        let mut start = 0;
        while start < batch.len {
            let mut end = start;
            let mut held = 0;
            while end < batch.len && (end == start || held + rows.segment(end).len() <= PIECE_ROWS)
            {
                held += rows.segment(end).len();
                end += 1;
            }
            let contexts: Rc<[u32]> = (start as u32..end as u32).collect();
            pieces.push(Piece {
                rows: Rc::new(rows.remap(&contexts)),
                batch: batch.select(contexts),
            });
            start = end;
        }
        pieces
    }

    pub fn concatenate(
        &self,
        table: &TableExpr,
        frame: FrameId,
        body: &Scalar,
        delimiter: Option<&Scalar>,
        order: &[Order],
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        let iteration = self.iterate(table, frame, batch)?;
        let values = self.scalar(body, &iteration.batch)?;
        let delimiter = delimiter.map(|d| self.scalar(d, batch)).transpose()?;
        let keys = self.order_keys(order, &iteration.batch)?;
        let watch = self.watch();
        let results = (0..batch.len).map(|i| {
            let (start, end) = (iteration.flat.offsets[i], iteration.flat.offsets[i + 1]);
            if start == end {
                return Ok(Value::Blank);
            }
            let mut rows: Vec<u32> = (start..end).collect();
            keys.sort(&mut rows, self.control)?;
            let delimiter = delimiter
                .as_ref()
                .map(|d| d.at(i))
                .transpose()?
                .map(|d| d.to_text());
            let mut out = Text::default();
            for (k, row) in rows.iter().enumerate() {
                if k > 0
                    && let Some(delimiter) = &delimiter
                {
                    out.push(delimiter)?;
                }
                watch.step(CONCATENATE_STEPS)?;
                out.push(&values.at(*row as usize)?.to_text())?;
            }
            Ok(out.finish())
        });
        Ok(self
            .make(results.map(Ok), DataType::Text)?
            .with_errors(iteration.rows.errors.clone()))
    }
}

/// A logical answer for each context.
pub fn truths(results: impl Iterator<Item = Result<bool, Failure>>) -> Vector {
    Vector::from_results(results.map(|r| r.map(Value::Boolean)), DataType::Boolean)
}

/// The failures of a column by the context that each flattened row belongs to.
pub fn by_context(vector: &Vector, contexts: &[u32]) -> crate::vector::Errors {
    let errors = vector.errors.as_ref()?;
    let mut list: Vec<(u32, Failure)> = errors
        .iter()
        .map(|(row, failure)| (contexts[*row as usize], failure.clone()))
        .collect();
    list.dedup_by_key(|(context, _)| *context);
    errors_from(list)
}

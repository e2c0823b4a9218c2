//! Expressions over the rows of a table for functions that look at all rows of a context together. Where the expressions read the
//! rows alone, contexts that share their rows share the values too.

use std::collections::HashMap;
use std::rc::Rc;

use super::iterate::by_context;
use super::{Evaluator, Outcome};
use crate::batch::Batch;
use crate::bound::{FrameId, Scalar, TableExpr};
use crate::error::Failure;
use crate::table::TableRows;
use crate::vector::{Errors, Vector, errors_from, merge_errors};

/// Lists of rows, with values for each row. Rows of all lists are numbered one after another.
pub(super) struct Listed {
    /// The table's rows; `positions` says which of them a numbered row is.
    pub rows: Rc<TableRows>,
    pub positions: Rc<[u32]>,
    /// List k is rows `offsets[k]..offsets[k + 1]`.
    pub offsets: Vec<u32>,
    /// The list of each context.
    pub of: Vec<u32>,
    /// One vector for each expression.
    pub columns: Vec<Vector>,
    /// Of the table and of the expressions, by context.
    pub errors: Errors,
}

impl Listed {
    pub fn lists(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    pub fn list(&self, k: usize) -> std::ops::Range<usize> {
        self.offsets[k] as usize..self.offsets[k + 1] as usize
    }
}

impl<'a> Evaluator<'a> {
    pub(super) fn listed(
        &self,
        table: &TableExpr,
        frame: FrameId,
        columns: &[&Scalar],
        batch: &Rc<Batch>,
    ) -> Outcome<Listed> {
        let rows = self.table(table, batch)?;
        let alone = columns.iter().all(|column| !column.reads_context(frame));
        let (sub, rows, of) = match &rows.segments {
            Some(segments) if alone => {
                let mut list_of: HashMap<u32, u32> = HashMap::new();
                let mut first: Vec<u32> = Vec::new();
                let of: Vec<u32> = segments
                    .iter()
                    .enumerate()
                    .map(|(context, segment)| {
                        *list_of.entry(*segment).or_insert_with(|| {
                            first.push(context as u32);
                            first.len() as u32 - 1
                        })
                    })
                    .collect();
                let part = rows.remap(&first);
                (batch.select(first.into()), part, of)
            }
            _ => (Rc::clone(batch), rows, (0..batch.len as u32).collect()),
        };
        let iteration = self.iterate_rows(Rc::new(rows), table, frame, &sub)?;
        let mut errors = iteration.rows.errors.clone();
        let mut values = Vec::with_capacity(columns.len());
        for column in columns {
            let vector = self.scalar(column, &iteration.batch)?;
            errors = merge_errors(&errors, &by_context(&vector, &iteration.flat.contexts));
            values.push(vector);
        }
        let spread: Vec<(u32, Failure)> = of
            .iter()
            .enumerate()
            .filter_map(|(context, list)| {
                let known = errors.as_ref()?;
                let at = known.binary_search_by_key(list, |(k, _)| *k).ok()?;
                Some((context as u32, known.get(at)?.1.clone()))
            })
            .collect();
        Ok(Listed {
            rows: iteration.rows,
            positions: iteration.flat.positions,
            offsets: iteration.flat.offsets,
            of,
            columns: values,
            errors: errors_from(spread),
        })
    }
}

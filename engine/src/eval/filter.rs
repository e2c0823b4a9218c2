//! FILTER by codes: comparisons of a row's columns with values of the context are ranges of codes, and conditions on the row alone are
//! evaluated once for all contexts, so the rows need not become contexts.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use dax::BinaryOp;
use security::Target;

use super::calculate::{comparison, field_of};
use super::classes::Classes;
use super::steady::Steady;
use super::{Evaluator, Outcome, operators};
use crate::batch::{Batch, Frame};
use crate::bound::{FrameId, Scalar, ScalarKind, TableExpr};
use crate::context::{FilterContext, Set};
use crate::table::TableRows;

/// One of the conditions that must all hold.
enum Test {
    /// The code of the row lies in the context's range, or in the only one.
    Codes { codes: Vec<u32>, ranges: Vec<Set> },
    /// By row, whatever the context.
    Rows(Vec<bool>),
}

impl<'a> Evaluator<'a> {
    /// The rows that meet a condition, where the condition is made of comparisons and of what the row alone decides. None: it is not, or
    /// it fails for a row, and then which contexts meet that row matters.
    pub(super) fn filter_by_codes(
        &self,
        all: &TableRows,
        table: &TableExpr,
        frame: FrameId,
        condition: &Scalar,
        batch: &Rc<Batch>,
    ) -> Outcome<Option<TableRows>> {
        let mut conjuncts = Vec::new();
        conjuncts_of(condition, &mut conjuncts);
        if !conjuncts
            .iter()
            .all(|c| !c.reads_context(frame) || quick(c, frame).is_some())
        {
            return Ok(None);
        }
        let mut tests = Vec::with_capacity(conjuncts.len());
        for conjunct in conjuncts {
            let test = match self.range_test(all, table, frame, conjunct, batch)? {
                Some(test) => Some(test),
                None => self.row_test(all, table, frame, conjunct, batch)?,
            };
            match test {
                Some(test) => tests.push(test),
                None => return Ok(None),
            }
        }
        Ok(Some(self.passing(all, &tests, batch.len)?))
    }

    fn range_test(
        &self,
        all: &TableRows,
        table: &TableExpr,
        frame: FrameId,
        conjunct: &Scalar,
        batch: &Rc<Batch>,
    ) -> Outcome<Option<Test>> {
        let Some((op, index, value)) = quick(conjunct, frame) else {
            return Ok(None);
        };
        let Some(codes) = self.column_codes(all, &table.schema, index)? else {
            return Ok(None);
        };
        let Target::Column(column) = codes.of() else {
            return Ok(None);
        };
        let values = self.scalar(value, batch)?;
        if values.errors.is_some() {
            return Ok(None);
        }
        let ranges = self.code_ranges(column, op, &values, batch.len)?;
        Ok(ranges.map(|ranges| Test::Codes {
            codes: codes.as_slice().to_vec(),
            ranges,
        }))
    }

    /// A condition on the row alone, evaluated once for each row of the table.
    fn row_test(
        &self,
        all: &TableRows,
        table: &TableExpr,
        frame: FrameId,
        conjunct: &Scalar,
        batch: &Rc<Batch>,
    ) -> Outcome<Option<Test>> {
        if conjunct.reads_context(frame) {
            return Ok(None);
        }
        let rows = all.rows() as u32;
        self.admit_rows(all.rows())?;
        let row_context = Frame {
            id: frame,
            schema: Rc::clone(&table.schema),
            rows: Rc::new(TableRows {
                offsets: vec![0, rows],
                segments: None,
                errors: None,
                ..all.clone()
            }),
            positions: (0..rows).collect(),
            keeps: false,
            read: RefCell::new(HashMap::new()),
        };
        let contexts: Rc<[u32]> = vec![0; rows as usize].into();
        // RELATED goes along the relationships that are in force, whatever is filtered.
        let unfiltered = || FilterContext {
            relations: Rc::clone(&batch.filters.relations),
            ..FilterContext::default()
        };
        let inner = Batch::root(unfiltered()).iterate(contexts, unfiltered(), row_context);
        let truth = operators::booleans(&self.scalar(conjunct, &inner)?);
        if truth.errors.is_some() {
            return Ok(None);
        }
        self.watch().step(truth.len())?;
        let held = (0..truth.len()).map(|row| truth.get(row).to_boolean().unwrap_or(false));
        Ok(Some(Test::Rows(held.collect())))
    }

    /// The rows of each context that pass all tests; contexts with the same rows and ranges share theirs.
    fn passing(&self, all: &TableRows, tests: &[Test], contexts: usize) -> Outcome<TableRows> {
        let segments: Vec<u32> = match &all.segments {
            Some(segments) => segments.to_vec(),
            None => (0..contexts as u32).collect(),
        };
        let bounds: Vec<Vec<u32>> = tests.iter().flat_map(bounds_of).collect();
        let mut columns: Vec<&[u32]> = vec![&segments];
        columns.extend(bounds.iter().map(Vec::as_slice));
        let classes = Classes::of_columns(&columns, contexts);
        let representatives: Rc<[u32]> = match &classes {
            Some(classes) => Rc::clone(&classes.representatives),
            None => (0..contexts as u32).collect(),
        };
        let watch = self.watch();
        let (mut kept, mut offsets) = (Vec::new(), vec![0u32]);
        for &context in representatives.iter() {
            let rows = all.segment(context as usize);
            watch.step(rows.len() + 1)?;
            let start = kept.len();
            kept.extend(rows.start as u32..rows.end as u32);
            for test in tests {
                watch.step(kept.len() - start)?;
                retain(&mut kept, start, test, context as usize);
            }
            self.admit_rows(kept.len())?;
            offsets.push(kept.len() as u32);
        }
        Ok(TableRows {
            segments: classes.map(|classes| classes.of),
            ..all.take(&kept, offsets)
        })
    }
}

/// The bounds of ranges that differ between contexts, as columns of numbers.
fn bounds_of(test: &Test) -> Vec<Vec<u32>> {
    let Test::Codes { ranges, .. } = test else {
        return Vec::new();
    };
    if ranges.len() < 2 {
        return Vec::new();
    }
    let bounds = |read: fn(u32, u32, bool) -> u32| {
        let of = |set: &Set| match set {
            Set::Range { low, high, blank } => read(*low, *high, *blank),
            _ => 0,
        };
        ranges.iter().map(of).collect()
    };
    vec![
        bounds(|low, _, _| low),
        bounds(|_, high, _| high),
        bounds(|_, _, blank| u32::from(blank)),
    ]
}

/// Drops the rows from `start` on that do not pass.
fn retain(kept: &mut Vec<u32>, start: usize, test: &Test, context: usize) {
    let mut end = start;
    let mut keep = |passes: &dyn Fn(u32) -> bool| {
        for at in start..kept.len() {
            let row = kept[at];
            kept[end] = row;
            end += usize::from(passes(row));
        }
    };
    match test {
        Test::Rows(held) => keep(&|row| held[row as usize]),
        Test::Codes { codes, ranges } => {
            if let Some(Set::Range { low, high, blank }) = ranges.get(context).or(ranges.first()) {
                let low = (*low).max(1);
                let width = high.saturating_sub(low);
                keep(&|row| {
                    let code = codes[row as usize];
                    code.wrapping_sub(low) < width || (code == 0 && *blank)
                });
            }
        }
    }
    kept.truncate(end);
}

pub(super) fn conjuncts_of<'e>(condition: &'e Scalar, out: &mut Vec<&'e Scalar>) {
    match &condition.kind {
        ScalarKind::Binary {
            op: BinaryOp::And,
            left,
            right,
        } => {
            conjuncts_of(left, out);
            conjuncts_of(right, out);
        }
        _ => out.push(condition),
    }
}

/// A comparison of a column of the row with a value that is the same for all rows of a context.
fn quick(conjunct: &Scalar, frame: FrameId) -> Option<(BinaryOp, usize, &Scalar)> {
    let ScalarKind::Binary { op, left, right } = &conjunct.kind else {
        return None;
    };
    comparison(*op, left, right, frame, |e| field_of(e, frame))
        .filter(|(_, _, value)| is_same_for_rows(value))
}

/// Whether an expression is untouched by the row context that it stands in: no context transition, nothing drawn anew for each row.
pub(super) fn is_same_for_rows(expr: &Scalar) -> bool {
    Steady::default().scalar(expr)
}

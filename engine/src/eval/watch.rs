//! Counting what an evaluation holds.

use std::sync::Arc;

use arrow::array::Array;

use super::{Evaluator, Outcome};
use crate::error::Failure;
use crate::table::{ColumnRows, TableRows};
use crate::value::Value;
use crate::vector::{Data, Vector};
pub(super) use crate::watch::Watch;

/// What is held is told to the query's meter in steps of this many bytes.
const GRAIN: usize = 1 << 16;

impl<'a> Evaluator<'a> {
    pub(super) fn watch(&self) -> Watch<'a> {
        Watch::new(self.control)
    }

    /// Ends one level of evaluation, whose parts held what was counted since `before`: of all that, its result stays.
    pub(super) fn keep_only(&self, before: usize, result: usize) -> Outcome<()> {
        self.hold(before.saturating_add(result))
    }

    /// Counts so many bytes more, until the level of evaluation ends.
    pub(super) fn hold_more(&self, bytes: usize) -> Outcome<()> {
        let before = self.held.get();
        let held = before.saturating_add(bytes);
        if before / GRAIN == held / GRAIN {
            self.held.set(held);
            return Ok(());
        }
        self.hold(held)
    }

    fn hold(&self, bytes: usize) -> Outcome<()> {
        self.held.set(bytes);
        self.charge.borrow_mut().set(bytes / GRAIN * GRAIN)?;
        Ok(())
    }
}

/// Bytes of a vector, roughly: for limits.
pub(super) fn vector_bytes(vector: &Vector) -> usize {
    let errors = vector.errors.as_deref().map_or(0, |list| error_bytes(list));
    let data = match &vector.data {
        Data::Constant(value, _) => value_bytes(value),
        Data::Text(array) => array.values().len() + 4 * array.len(),
        Data::Boolean(array) => array.len() / 8,
        Data::Variant(values) => values.iter().map(value_bytes).sum(),
        _ => 8 * vector.len(),
    };
    data.saturating_add(errors)
}

fn value_bytes(value: &Value) -> usize {
    let text = match value {
        Value::Text(text) => text.len(),
        _ => 0,
    };
    std::mem::size_of::<Value>() + text
}

/// Contexts that fail for one cause share one message.
fn error_bytes(errors: &[(u32, Failure)]) -> usize {
    let mut bytes = std::mem::size_of_val(errors);
    let mut last: Option<&Failure> = None;
    for (_, failure) in errors {
        if !last.is_some_and(|last| Arc::ptr_eq(&last.message, &failure.message)) {
            bytes = bytes.saturating_add(failure.message.len());
        }
        last = Some(failure);
    }
    bytes
}

/// Bytes of a table's rows, roughly: for limits.
pub(super) fn table_bytes(rows: &TableRows) -> usize {
    let columns: usize = rows
        .columns
        .iter()
        .map(|column| match column {
            ColumnRows::Base => 0,
            ColumnRows::Coded(codes) => 4 * codes.len(),
            ColumnRows::Values(vector) => vector_bytes(vector),
        })
        .sum();
    columns + 4 * (rows.offsets.len() + rows.base.as_ref().map_or(0, |codes| codes.len()))
}

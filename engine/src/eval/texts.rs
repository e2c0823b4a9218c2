//! What texts take while an evaluation makes and gathers them: each function that makes text passes through here.
//!
//! A text may be a million times as long as a number, so texts are counted one by one as they are made, and not when the vector
//! that holds them stands.

use super::watch::Watch;
use super::{Evaluator, Outcome};
use crate::error::{Error, ErrorKind, Failure};
use crate::table::{ColumnRows, TableRows};
use crate::text;
use crate::value::{DataType, Value};
use crate::vector::{Data, Vector, errors_from};

/// What one column of an intermediate table may hold in texts: the offsets of an Arrow array count so far.
const MOST_TEXT: usize = i32::MAX as usize;

/// A failure takes the time of some rows. What ends a context when the query has to stop is a failure too, so that few contexts more
/// are begun.
const FAILURE_STEPS: usize = 1 << 10;

impl<'a> Evaluator<'a> {
    /// A vector of one result per context, made under the eyes of cancellation.
    pub(super) fn collect(
        &self,
        results: impl IntoIterator<Item = Result<Value, Failure>>,
        hint: DataType,
    ) -> Outcome<Vector> {
        self.gather(results.into_iter().map(Ok), hint)
    }

    /// The same of what makes texts: they are held to the bound, and count as made.
    pub(super) fn make(
        &self,
        results: impl IntoIterator<Item = Outcome<Result<Value, Failure>>>,
        hint: DataType,
    ) -> Outcome<Vector> {
        let watch = self.watch();
        let made = results.into_iter().map(|result| self.made(result?, &watch));
        self.gather(made, hint)
    }

    /// One result of what makes texts.
    pub(super) fn made(
        &self,
        result: Result<Value, Failure>,
        watch: &Watch,
    ) -> Outcome<Result<Value, Failure>> {
        let Ok(Value::Text(made)) = &result else {
            return Ok(result);
        };
        if let Err(failure) = text::admit(made.len()) {
            return Ok(Err(failure));
        }
        self.charge_text(made.len())?;
        watch.step(made.len())?;
        Ok(result)
    }

    /// Gathers results, and counts their texts as held from the moment that they are there.
    pub(super) fn gather(
        &self,
        results: impl Iterator<Item = Outcome<Result<Value, Failure>>>,
        hint: DataType,
    ) -> Outcome<Vector> {
        let watch = self.watch();
        let mut values = Vec::with_capacity(results.size_hint().0);
        let mut errors = Vec::new();
        let mut texts = 0usize;
        for (i, result) in results.enumerate() {
            values.push(match result? {
                Ok(value) => {
                    watch.step(1)?;
                    if let Value::Text(text) = &value {
                        texts = texts.saturating_add(text.len());
                        self.hold_more(text.len())?;
                    }
                    value
                }
                Err(failure) => {
                    watch.step(FAILURE_STEPS)?;
                    errors.push((i as u32, failure));
                    Value::Blank
                }
            });
        }
        // The array that they become holds them a second time.
        self.admit_texts(texts)?;
        self.control.check()?;
        Ok(Vector {
            data: Data::from_values(values, hint),
            errors: errors_from(errors),
        })
    }

    /// Counts texts that one column is about to hold, and refuses what no column can hold.
    pub fn admit_texts(&self, bytes: usize) -> Outcome<()> {
        if bytes > MOST_TEXT {
            return Err(Error::nowhere(
                ErrorKind::Limit,
                "a column of an intermediate table would hold more than 2 GiB of text",
            ));
        }
        self.hold_more(bytes)
    }

    /// Values by position. Few long texts may be asked for at many positions: they count before they are copied.
    pub(super) fn spread(&self, vector: &Vector, positions: &[u32]) -> Outcome<Vector> {
        self.admit_texts(vector.text_bytes_at(positions))?;
        self.control.check()?;
        Ok(vector.take(positions))
    }

    /// Columns by position, counted alike.
    pub(super) fn spread_columns(
        &self,
        columns: &[ColumnRows],
        positions: &[u32],
    ) -> Outcome<Vec<ColumnRows>> {
        let spread = |column: &ColumnRows| {
            if let ColumnRows::Values(vector) = column {
                self.admit_texts(vector.text_bytes_at(positions))?;
            }
            self.control.check()?;
            Ok(column.take(positions))
        };
        columns.iter().map(spread).collect()
    }

    /// The rows at `positions`, in segments that `offsets` cuts, one per context.
    pub fn spread_rows(
        &self,
        rows: &TableRows,
        positions: &[u32],
        offsets: Vec<u32>,
    ) -> Outcome<TableRows> {
        Ok(TableRows {
            offsets,
            segments: None,
            base: rows.base.as_ref().map(|codes| codes.take(positions)),
            under: rows.under.clone(),
            columns: self.spread_columns(&rows.columns, positions)?,
            errors: rows.errors.clone(),
        })
    }

    /// Counts the bytes of text that the query has made or read, and refuses beyond its limit.
    pub fn charge_text(&self, bytes: usize) -> Outcome<()> {
        let total = self.text_bytes.get().saturating_add(bytes);
        self.text_bytes.set(total);
        if total > self.limits.text_bytes {
            let message = format!(
                "the query makes more than {} bytes of text and values",
                self.limits.text_bytes
            );
            return Err(Error::nowhere(ErrorKind::Limit, message));
        }
        Ok(())
    }
}

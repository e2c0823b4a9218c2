//! Orders of values and of rows.

use std::cmp::Ordering;
use std::rc::Rc;

use security::Control;

use super::watch::Watch;
use super::{Evaluator, Outcome};
use crate::batch::Batch;
use crate::bound::Order;
use crate::error::Failure;
use crate::value::{Value, compare};
use crate::vector::Vector;

/// A total order over all values: by type where values do not compare. BLANK comes just before zero and before text; among
/// equals by comparison, BLANK comes first.
pub fn total(a: &Value, b: &Value) -> Ordering {
    let class = |v: &Value| match v {
        Value::Boolean(_) => 1,
        Value::Text(_) => 2,
        _ => 0,
    };
    match compare(a, b) {
        Some(Ordering::Equal) => b.is_blank().cmp(&a.is_blank()),
        Some(order) => order,
        None => class(a).cmp(&class(b)),
    }
}

/// The order of ranks: BLANK counts as 0 or as the empty text.
pub fn ranked(a: &Value, b: &Value) -> Ordering {
    compare(a, b).unwrap_or_else(|| total(a, b))
}

/// The order of decimal numbers: NaN is one value and the last, as in columns. Its sign, which differs between processors,
/// does not show.
pub fn of_numbers(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// The values to sort rows by.
pub struct OrderKeys {
    keys: Vec<(Vector, bool)>,
}

impl OrderKeys {
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Compares two rows; an error in a key is looked for before.
    pub fn compare(&self, a: u32, b: u32) -> Ordering {
        for (vector, descending) in &self.keys {
            let order = total(&vector.get(a as usize), &vector.get(b as usize));
            if order != Ordering::Equal {
                return if *descending { order.reverse() } else { order };
            }
        }
        Ordering::Equal
    }

    /// Whether a row stands at the start values or behind them: START AT.
    pub fn not_before(&self, row: u32, start: &[Vector]) -> bool {
        for ((vector, descending), start) in self.keys.iter().zip(start) {
            let order = total(&vector.get(row as usize), &start.get(0));
            let order = if *descending { order.reverse() } else { order };
            if order != Ordering::Equal {
                return order == Ordering::Greater;
            }
        }
        true
    }

    /// Sorts rows; rows that compare equal keep their order. A failure too when the query has to stop.
    pub fn sort(&self, rows: &mut [u32], control: &Control) -> Result<(), Failure> {
        for (vector, _) in &self.keys {
            if vector.errors.is_some() {
                for &row in rows.iter() {
                    if let Some(failure) = vector.error(row as usize) {
                        return Err(failure.clone());
                    }
                }
            }
        }
        let each = self.keys.iter().map(|(vector, _)| vector.steps()).sum();
        Ok(Watch::new(control).sort_heavy(rows, each, |a, b| self.compare(a, b))?)
    }
}

impl<'a> Evaluator<'a> {
    pub fn order_keys(&self, order: &[Order], batch: &Rc<Batch>) -> Outcome<OrderKeys> {
        let keys = order
            .iter()
            .map(|o| Ok((self.scalar(&o.expr, batch)?, o.descending)))
            .collect::<Outcome<_>>()?;
        Ok(OrderKeys { keys })
    }
}

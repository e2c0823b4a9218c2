//! Row sets with a digest of their content, so that equal ones are kept once and compared cheaply.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow::array::{Array, BooleanArray};
use roaring::RoaringBitmap;
use sha2::{Digest, Sha256};
use storage::RowSet;

/// A row set and the SHA-256 of which rows it holds.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub set: Arc<RowSet>,
    pub digest: [u8; 32],
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Rows {
    pub fn is_all(&self) -> bool {
        matches!(*self.set, RowSet::All)
    }

    pub fn is_none(&self) -> bool {
        matches!(*self.set, RowSet::None)
    }

    pub fn contains(&self, row: u32) -> bool {
        match &*self.set {
            RowSet::All => true,
            RowSet::None => false,
            RowSet::Some(rows) => rows.contains(row),
        }
    }
}

/// Keeps equal row sets once, for as long as anybody holds them.
#[derive(Default)]
pub(crate) struct RowSets {
    known: Mutex<HashMap<[u8; 32], Weak<RowSet>>>,
}

/// Beyond this number of entries the dead ones are swept out before another is added.
const SWEEP: usize = 1_024;

impl RowSets {
    /// Rows of a filter's answer over the rows 0..n and the all-blank row n. Null is not TRUE. With `strict_orphans` the blank
    /// row is out whatever the filter says.
    pub fn of_answer(&self, answer: &BooleanArray, strict_orphans: bool) -> Rows {
        let total = answer.len();
        let mut truth = answer.values().clone();
        if let Some(nulls) = answer.nulls() {
            truth = &truth & nulls.inner();
        }
        let end = if strict_orphans {
            total.saturating_sub(1)
        } else {
            total
        };
        let runs = truth.set_slices().filter_map(|(start, stop)| {
            let stop = stop.min(end);
            (start < stop).then(|| (crate::trees::ordinal(start), crate::trees::ordinal(stop)))
        });
        self.of_runs(runs, crate::trees::ordinal(total))
    }

    /// Half-open runs, ascending and apart, out of the rows 0..total (the blank row among them).
    pub fn of_runs(&self, runs: impl Iterator<Item = (u32, u32)>, total: u32) -> Rows {
        let mut rows = RoaringBitmap::new();
        let mut hash = Sha256::new();
        let mut count = 0u64;
        for (start, stop) in runs {
            rows.insert_range(start..stop);
            hash.update(start.to_le_bytes());
            hash.update(stop.to_le_bytes());
            count += u64::from(stop.saturating_sub(start));
        }
        if count == u64::from(total) {
            return Rows {
                set: Arc::new(RowSet::All),
                digest: [0xFF; 32],
            };
        }
        if count == 0 {
            return Rows {
                set: Arc::new(RowSet::None),
                digest: [0; 32],
            };
        }
        let digest = hash.finalize().into();
        self.intern(digest, rows)
    }

    pub fn of_bitmap(&self, rows: &RoaringBitmap, total: u32) -> Rows {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for row in rows {
            match runs.last_mut() {
                Some((_, stop)) if *stop == row => *stop = row.saturating_add(1),
                _ => runs.push((row, row.saturating_add(1))),
            }
        }
        self.of_runs(runs.into_iter(), total)
    }

    /// The rows that both hold.
    pub fn both(&self, a: &Rows, b: &Rows, total: u32) -> Rows {
        match (&*a.set, &*b.set) {
            (RowSet::All, _) | (_, RowSet::None) => b.clone(),
            (_, RowSet::All) | (RowSet::None, _) => a.clone(),
            (RowSet::Some(left), RowSet::Some(right)) => self.of_bitmap(&(left & right), total),
        }
    }

    fn intern(&self, digest: [u8; 32], mut rows: RoaringBitmap) -> Rows {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = known.get(&digest).and_then(Weak::upgrade) {
            return Rows { set, digest };
        }
        if known.len() >= SWEEP {
            known.retain(|_, set| set.strong_count() > 0);
        }
        rows.optimize();
        let set = Arc::new(RowSet::Some(rows));
        known.insert(digest, Arc::downgrade(&set));
        Rows { set, digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::buffer::{BooleanBuffer, NullBuffer};

    #[test]
    fn row_rule_6_what_stands_under_a_null_does_not_count() {
        let values = BooleanBuffer::from(vec![true, true, false, true]);
        let nulls = NullBuffer::from(vec![true, false, true, true]);
        let answer = BooleanArray::new(values, Some(nulls));
        let rows = RowSets::default().of_answer(&answer, false);
        let shown: Vec<u32> = (0..4).filter(|row| rows.contains(*row)).collect();
        assert_eq!(shown, [0, 3]);
    }
}

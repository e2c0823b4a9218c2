//! Looking at cancellation from loops over rows.
//!
//! A query that has to stop keeps that state: every later look says so too, and the last one stands at the end of the query. So where a
//! look inside the work of one context can only give a [`Failure`], that failure never reaches an answer.

use std::cell::Cell;
use std::cmp::Ordering;

use security::{Control, Stopped};

use crate::error::{Error, Failure};

/// Steps between two looks: one block of rows.
pub const BLOCK: usize = 1 << 16;

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Self {
        Error::from(security::ReadError::Stopped(stopped))
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        Failure::new(stopped.to_string())
    }
}

/// Counts the steps of a loop, and looks at cancellation every block of them.
pub struct Watch<'a> {
    control: &'a Control,
    left: Cell<usize>,
}

impl<'a> Watch<'a> {
    pub fn new(control: &'a Control) -> Watch<'a> {
        Watch {
            control,
            left: Cell::new(BLOCK),
        }
    }

    /// So many rows more were gone through.
    #[inline]
    pub fn step(&self, rows: usize) -> Result<(), Stopped> {
        match self.left.get().checked_sub(rows) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.left.set(BLOCK);
                self.control.check()
            }
        }
    }

    /// Sorts rows; those that compare equal keep their order. Blocks are sorted first, and then merged: a sort of the standard
    /// library cannot be stopped.
    pub fn sort<T: Copy>(
        &self,
        rows: &mut [T],
        compare: impl Fn(T, T) -> Ordering,
    ) -> Result<(), Stopped> {
        self.sort_heavy(rows, 1, compare)
    }

    /// The same where a comparison takes the time of so many rows of a scan.
    pub fn sort_heavy<T: Copy>(
        &self,
        rows: &mut [T],
        each: usize,
        compare: impl Fn(T, T) -> Ordering,
    ) -> Result<(), Stopped> {
        let each = each.max(1);
        let most = (BLOCK / each).max(1);
        for block in rows.chunks_mut(most) {
            block.sort_by(|a, b| compare(*a, *b));
            self.step(block.len().saturating_mul(each))?;
        }
        let mut run = most;
        let mut merged: Vec<T> = Vec::new();
        while run < rows.len() {
            for pair in rows.chunks_mut(run * 2) {
                if pair.len() <= run || compare(pair[run - 1], pair[run]).is_le() {
                    continue;
                }
                merged.clear();
                let (left, right) = pair.split_at(run);
                let (mut l, mut r) = (0, 0);
                while l < left.len() && r < right.len() {
                    self.step(each)?;
                    if compare(left[l], right[r]).is_le() {
                        merged.push(left[l]);
                        l += 1;
                    } else {
                        merged.push(right[r]);
                        r += 1;
                    }
                }
                // What is left of the right part stands where it belongs already.
                merged.extend_from_slice(&left[l..]);
                pair[..merged.len()].copy_from_slice(&merged);
            }
            run *= 2;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that repeat, in no order.
    fn numbers(count: u64) -> Vec<(u64, u64)> {
        (0..count)
            .map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1_000, i))
            .collect()
    }

    #[test]
    fn blocks_are_sorted_and_merged_and_equal_rows_keep_their_order() {
        let check = |count: u64| {
            let mut found = numbers(count);
            let mut expected = found.clone();
            expected.sort_by_key(|(key, _)| *key);
            let control = Control::new(None);
            let sorted = Watch::new(&control).sort(&mut found, |a, b| a.0.cmp(&b.0));
            assert_eq!(sorted, Ok(()));
            assert_eq!(found, expected, "{count}");
        };
        [
            0, 1, 1000, 65_536, 65_537, 131_072, 200_000, 262_145, 500_000,
        ]
        .into_iter()
        .for_each(check);
    }

    #[test]
    fn a_sort_looks_every_block_and_stops() {
        let control = Control::new(None);
        let mut rows = numbers(1 << 20);
        Watch::new(&control)
            .sort(&mut rows, |a, b| a.0.cmp(&b.0))
            .unwrap();
        // 16 blocks to sort, and four rounds of merges.
        assert!(control.checks() >= 40, "{}", control.checks());
        let stopped = Control::new(None);
        stopped.cancel();
        let mut rows = numbers(1 << 20);
        let sorted = Watch::new(&stopped).sort(&mut rows, |a, b| a.0.cmp(&b.0));
        assert_eq!(sorted, Err(Stopped::Cancelled));
        assert!(stopped.checks() < 3);
    }
}

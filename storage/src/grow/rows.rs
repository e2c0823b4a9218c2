//! The rows of a column that grows: those of before as they are, and the new ones.

use std::ops::Range;
use std::sync::Arc;

use crate::codes::{Code, Codes, with_codes};
use crate::column::{BLOCK, Column};
use crate::runs::RowCodes;

use super::{Tail, Turn};

/// Rows that follow one another here and there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Whether they are new.
    pub(crate) fresh: bool,
    /// The first, among the new ones or among those of before.
    pub(crate) start: usize,
    pub(crate) len: usize,
}

/// How many rows there are before the new ones; None: there are some behind them.
pub(super) fn is_behind(stretches: &[Stretch]) -> Option<usize> {
    let filled = || stretches.iter().filter(|stretch| stretch.len > 0);
    let is_sorted = filled().is_sorted_by_key(|stretch| stretch.fresh);
    let known = filled().filter(|stretch| !stretch.fresh);
    is_sorted.then(|| known.map(|stretch| stretch.len).sum())
}

impl Tail {
    /// Rows of the column with the new ones.
    pub(crate) fn rows(&self) -> usize {
        self.stretches.iter().map(|stretch| stretch.len).sum()
    }

    /// The column with all its rows. What nobody else holds of it is used again.
    pub(crate) fn onto(&self, before: Arc<Column>) -> Column {
        let blanks = before.blanks + self.blanks;
        let (numbers, zones) = match is_behind(&self.stretches) {
            Some(_) => self.behind(before),
            None => {
                let numbers = self.between(&before.numbers);
                let zones = numbers.zones();
                (numbers, zones)
            }
        };
        self.head.with_rows(numbers, blanks, zones)
    }

    fn behind(&self, before: Arc<Column>) -> (RowCodes, Vec<(u32, u32)>) {
        let (numbers, mut zones) = match Arc::try_unwrap(before) {
            Ok(column) => (column.numbers, column.zones),
            Err(shared) => (shared.numbers.clone(), shared.zones.clone()),
        };
        // The last block may go on, and what it holds is found again; so are all blocks whose order has changed.
        zones.truncate(numbers.len() / BLOCK);
        let turned = |(least, most)| (self.turn.of(least), self.turn.of(most));
        match self.turn {
            Turn::Same => {}
            Turn::Even { .. } => zones.iter_mut().for_each(|zone| *zone = turned(*zone)),
            Turn::Table(_) => zones.clear(),
        }
        let numbers = numbers.grown(&self.turn, self.head.size(), &self.numbers);
        zones.extend(numbers.zones_from(zones.len()));
        (numbers, zones)
    }

    /// Rows that come between others.
    fn between(&self, before: &RowCodes) -> RowCodes {
        let rows = self.stretches.iter().map(|stretch| stretch.len).sum();
        let mut codes = Codes::room(self.head.size(), rows);
        for stretch in &*self.stretches {
            let rows = stretch.start..stretch.start + stretch.len;
            match stretch.fresh {
                true => with_codes!(&mut codes, codes => fresh(codes, &self.numbers, rows)),
                false => with_codes!(&mut codes, codes => {
                    before.read(rows, codes, |code| Code::narrow(self.turn.of(code)));
                }),
            }
        }
        RowCodes::of(codes)
    }

    /// New rows alone, as codes of the width of the whole column.
    pub(crate) fn fresh_rows(&self, rows: Range<usize>) -> Codes {
        let mut codes = Codes::room(self.head.size(), rows.len());
        with_codes!(&mut codes, codes => fresh(codes, &self.numbers, rows));
        codes
    }
}

fn fresh<C: Code>(out: &mut Vec<C>, numbers: &Codes, rows: Range<usize>) {
    with_codes!(numbers, numbers => out.extend(numbers[rows].iter().map(|n| C::narrow(n.wide()))));
}

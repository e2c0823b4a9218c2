//! Sets of rows of the scanned table itself: those that the caller may see, and those that a query has listed.

use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::RowSet;
use crate::rows::Part;

/// One set. It is shared with whoever made it: a set of a large table is not copied for each query.
#[derive(Clone)]
pub(super) enum OwnRows {
    Set(Arc<RowSet>),
    Listed(Arc<RoaringBitmap>),
}

impl OwnRows {
    /// What the set holds of the first `len` rows of a block.
    pub(super) fn part(&self, block: usize, rows: Range<u32>) -> Part {
        match self {
            OwnRows::Set(set) => match &**set {
                RowSet::All => Part::All,
                RowSet::None => Part::Nothing,
                RowSet::Some(set) => set.part(block, rows.len()),
            },
            OwnRows::Listed(set) => match set.range_cardinality(rows.clone()) {
                0 => Part::Nothing,
                all if all == rows.len() as u64 => Part::All,
                _ => Part::Some,
            },
        }
    }

    pub(super) fn contains(&self, row: u32) -> bool {
        match self {
            OwnRows::Set(set) => match &**set {
                RowSet::All => true,
                RowSet::None => false,
                RowSet::Some(set) => set.contains(row),
            },
            OwnRows::Listed(set) => set.contains(row),
        }
    }

    /// Makes `words` those of a block's rows.
    pub(super) fn write(&self, block: usize, rows: Range<u32>, words: &mut Vec<u64>) {
        match self {
            OwnRows::Set(set) => match &**set {
                RowSet::Some(set) => set.write(block, rows.len(), words),
                RowSet::All => every(rows.len(), words),
                RowSet::None => none(rows.len(), words),
            },
            OwnRows::Listed(set) => listed(set, rows, words),
        }
    }
}

fn none(rows: usize, words: &mut Vec<u64>) {
    words.clear();
    words.resize(rows.div_ceil(64), 0);
}

fn every(rows: usize, words: &mut Vec<u64>) {
    none(rows, words);
    crate::bits::set_range(words, 0, rows);
}

/// The rows are taken out many at a time: one by one they cost more than the tests of most columns.
fn listed(set: &RoaringBitmap, rows: Range<u32>, words: &mut Vec<u64>) {
    none(rows.len(), words);
    let mut many = [0; 256];
    let mut left = set.range(rows.clone());
    loop {
        let some = left.next_many(&mut many);
        if some.is_empty() {
            return;
        }
        for row in some {
            let place = (*row - rows.start) as usize;
            words[place / 64] |= 1 << (place % 64);
        }
    }
}

/// The rows of a block that all sets hold; `words` has them only where this is `Part::Some`. `other` is a buffer.
pub(super) fn all_of(
    sets: &[OwnRows],
    block: usize,
    rows: Range<u32>,
    words: &mut Vec<u64>,
    other: &mut Vec<u64>,
) -> Part {
    let mut held = Part::All;
    for set in sets {
        match set.part(block, rows.clone()) {
            Part::Nothing => return Part::Nothing,
            Part::All => {}
            Part::Some if held == Part::All => {
                set.write(block, rows.clone(), words);
                held = Part::Some;
            }
            Part::Some => {
                set.write(block, rows.clone(), other);
                words.iter_mut().zip(&*other).for_each(|(a, b)| *a &= b);
            }
        }
    }
    held
}

//! Row sets with a digest of their content, so that equal ones are kept once and compared cheaply. Large ones, which are sets of rows of a
//! fact, are not held by those who may see them: they are found again when they are wanted, and the latest are kept in bounded room.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow::array::{Array, BooleanArray};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use roaring::RoaringBitmap;
use sha2::{Digest, Sha256};
use storage::{RowBlocks, RowSet};

use crate::ground::Recipe;
use crate::trees::ordinal;

/// A row set and the SHA-256 of which rows it holds. Or a set of codes of a column.
#[derive(Clone)]
pub(crate) struct Rows {
    held: Held,
    pub digest: [u8; 32],
    /// Whether it holds the blank row, or the code of BLANK.
    pub blank: bool,
}

#[derive(Clone)]
pub(crate) enum Held {
    Here(Arc<RowSet>),
    /// Wherever it is kept, or else by working it out again.
    Again(Arc<Recipe>),
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl fmt::Debug for Rows {
    /// Which rows somebody may see is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

const ALL: [u8; 32] = [0xFF; 32];
const NONE: [u8; 32] = [0; 32];

impl Rows {
    pub fn is_all(&self) -> bool {
        self.digest == ALL
    }

    pub fn is_none(&self) -> bool {
        self.digest == NONE
    }

    pub fn held(&self) -> &Held {
        &self.held
    }
}

/// A row set just found.
pub(crate) struct Found {
    pub set: Arc<RowSet>,
    pub digest: [u8; 32],
    blank: bool,
    large: bool,
}

impl Found {
    /// Whether it holds the blank row, or the code of BLANK.
    pub fn holds_blank(&self) -> bool {
        self.blank
    }

    /// To be held by those who may see these rows: by way of the recipe where the set is large. None: it cannot be found again.
    pub fn rows(self, recipe: impl FnOnce() -> Option<Recipe>) -> Rows {
        let held = match self.large.then(recipe).flatten() {
            Some(recipe) => Held::Again(Arc::new(recipe)),
            None => Held::Here(self.set),
        };
        Rows {
            held,
            digest: self.digest,
            blank: self.blank,
        }
    }
}

/// Row sets of so many bytes are held by everyone who may see them: a thousand of them are megabytes.
const SMALL: usize = 8 << 10;
/// What the large ones take together, at most.
const ROOM: u64 = 48 << 20;
/// So many sets of the largest table have room whatever their size, or else each query would look for its own again.
const AT_LEAST: u64 = 4;
/// Beyond this number of entries the dead ones are swept out before another is added.
const SWEEP: usize = 1_024;

/// Keeps equal row sets once: small ones for as long as anybody holds them, large ones while there is room.
pub(crate) struct RowSets {
    known: Mutex<HashMap<[u8; 32], Weak<RowSet>>>,
    large: Cache<[u8; 32], Arc<RowSet>, Weight>,
    /// Sets of more bytes are large.
    small: usize,
}

#[derive(Clone)]
struct Weight;

impl Weighter<[u8; 32], Arc<RowSet>> for Weight {
    fn weight(&self, _: &[u8; 32], set: &Arc<RowSet>) -> u64 {
        let bytes = match &**set {
            RowSet::Some(rows) => rows.bytes(),
            RowSet::All | RowSet::None => 0,
        };
        u64::try_from(bytes + 128).unwrap_or(u64::MAX)
    }
}

impl RowSets {
    /// For tables of at most so many rows.
    pub fn new(most_rows: u64) -> RowSets {
        let room = ROOM.max(AT_LEAST * (most_rows / 8 + (64 << 10)));
        RowSets::within(room, SMALL)
    }

    /// The large ones, of more than `small` bytes, take so many bytes together at most.
    pub fn within(room: u64, small: usize) -> RowSets {
        // In one piece: shards would each have room for a part of it, and perhaps not for one set.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(1_024)
            .weight_capacity(room)
            .shards(1)
            .build();
        let large = match options {
            Ok(options) => Cache::with_options(
                options,
                Weight,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            Err(_) => Cache::with_weighter(1_024, room, Weight),
        };
        RowSets {
            known: Mutex::default(),
            large,
            small,
        }
    }

    /// A set that was kept under a digest.
    pub fn kept(&self, digest: &[u8; 32]) -> Option<Arc<RowSet>> {
        self.large.get(digest).or_else(|| {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(digest).and_then(Weak::upgrade)
        })
    }

    pub fn keep(&self, digest: [u8; 32], set: &Arc<RowSet>) {
        self.large.insert(digest, Arc::clone(set));
    }

    /// Bytes of the large sets that are kept.
    #[cfg(test)]
    pub fn kept_bytes(&self) -> u64 {
        self.large.weight()
    }

    /// Rows of a filter's answer over the rows 0..n and the all-blank row n. Null is not TRUE. With `strict_orphans` the blank
    /// row is out whatever the filter says.
    pub fn of_answer(&self, answer: &BooleanArray, strict_orphans: bool) -> Found {
        let total = answer.len();
        let mut truth = answer.values().clone();
        if let Some(nulls) = answer.nulls() {
            truth = &truth & nulls.inner();
        }
        let chunks = truth.bit_chunks();
        let words = chunks.iter().chain([chunks.remainder_bits()]);
        let mut rows = RowBlocks::of_words(words);
        let last = ordinal(total.saturating_sub(1));
        if strict_orphans && total > 0 && rows.contains(last) {
            rows = rows.both(&RowBlocks::of_runs([(0, last)]));
        }
        self.of(rows, ordinal(total), last)
    }

    /// Codes of a column that a filter holds for.
    pub fn of_codes(&self, codes: impl Iterator<Item = u32>, total: u32) -> Found {
        self.of(codes.collect(), total, storage::BLANK)
    }

    /// Every row of a table but its blank row, which is the last of `total`.
    pub fn without_blank(&self, total: u32) -> Found {
        let last = total.saturating_sub(1);
        self.of(RowBlocks::of_runs([(0, last)]), total, last)
    }

    pub fn of_bitmap(&self, rows: &RoaringBitmap, total: u32) -> Found {
        self.of_rows(rows.iter().collect(), total)
    }

    /// Rows out of 0..total, of which the last is the blank row.
    pub fn of_rows(&self, rows: RowBlocks, total: u32) -> Found {
        self.of(rows, total, total.saturating_sub(1))
    }

    /// The rows that both hold, out of `total`; `blank` is the number of the blank row, or of BLANK.
    pub fn both(&self, a: &RowSet, b: &RowSet, total: u32, blank: u32) -> Found {
        let every = || RowBlocks::of_runs([(0, total)]);
        let rows = match (a, b) {
            (RowSet::None, _) | (_, RowSet::None) => RowBlocks::default(),
            (RowSet::All, RowSet::All) => every(),
            (RowSet::All, RowSet::Some(rows)) | (RowSet::Some(rows), RowSet::All) => rows.clone(),
            (RowSet::Some(left), RowSet::Some(right)) => left.both(right),
        };
        self.of(rows, total, blank)
    }

    /// Out of the rows 0..total (the blank row among them).
    fn of(&self, rows: RowBlocks, total: u32, blank: u32) -> Found {
        if rows.len() == u64::from(total) {
            return Found {
                set: Arc::new(RowSet::All),
                digest: ALL,
                blank: true,
                large: false,
            };
        }
        if rows.is_empty() {
            return Found {
                set: Arc::new(RowSet::None),
                digest: NONE,
                blank: false,
                large: false,
            };
        }
        let mut hash = Sha256::new();
        rows.each_part(|part| hash.update(part));
        Found {
            blank: rows.contains(blank),
            ..self.intern(hash.finalize().into(), rows)
        }
    }

    fn intern(&self, digest: [u8; 32], rows: RowBlocks) -> Found {
        let large = rows.bytes() > self.small;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let set = known.get(&digest).and_then(Weak::upgrade);
        let set = set.unwrap_or_else(|| {
            if known.len() >= SWEEP {
                known.retain(|_, set| set.strong_count() > 0);
            }
            let set = Arc::new(RowSet::Some(rows));
            known.insert(digest, Arc::downgrade(&set));
            set
        });
        drop(known);
        if large {
            self.keep(digest, &set);
        }
        Found {
            set,
            digest,
            blank: false,
            large,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::buffer::{BooleanBuffer, NullBuffer};

    fn shown(found: &Found) -> Vec<u32> {
        match &*found.set {
            RowSet::Some(rows) => rows.iter().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn row_rule_6_what_stands_under_a_null_does_not_count() {
        let values = BooleanBuffer::from(vec![true, true, false, true]);
        let nulls = NullBuffer::from(vec![true, false, true, true]);
        let answer = BooleanArray::new(values, Some(nulls));
        let found = RowSets::new(4).of_answer(&answer, false);
        assert_eq!((shown(&found), found.blank), (vec![0, 3], true));
    }

    #[test]
    fn row_rule_11_strict_orphans_leave_out_the_blank_row_alone() {
        let answer = BooleanArray::from(vec![true, false, true, true]);
        let found = RowSets::new(4).of_answer(&answer, true);
        assert_eq!((shown(&found), found.blank), (vec![0, 2], false));
        let every = BooleanArray::from(vec![true; 4]);
        let found = RowSets::new(4).of_answer(&every, true);
        assert_eq!(shown(&found), [0, 1, 2]);
        assert!(
            RowSets::new(4)
                .of_answer(&every, false)
                .rows(|| None)
                .is_all()
        );
    }

    #[test]
    fn large_sets_take_no_more_room_than_there_is() {
        let sets = RowSets::within(200_000, SMALL);
        for every in 2..40 {
            let found = sets.of_codes((0..400_000).filter(|row| row % every == 0), 400_000);
            let digest = found.digest;
            let rows = found.rows(|| None);
            assert!(matches!(rows.held(), Held::Here(_)));
            assert!(sets.kept(&digest).is_some());
            assert!(sets.kept_bytes() <= 200_000);
        }
        assert!(sets.kept_bytes() > 100_000);
        let small = sets.of_codes(0..100, 400_000);
        assert!(sets.large.get(&small.digest).is_none());
    }

    #[test]
    fn equal_sets_have_one_digest_however_they_are_made() {
        let sets = RowSets::new(100_000);
        let holds = |row: u32| row.is_multiple_of(3);
        let answer: BooleanArray = (0..100_000).map(|row| Some(holds(row))).collect();
        let a = sets.of_answer(&answer, false);
        let b = sets.of_codes((0..100_000).filter(|row| holds(*row)), 100_000);
        assert_eq!(a.digest, b.digest);
        assert!(Arc::ptr_eq(&a.set, &b.set));
        let c = sets.both(&a.set, &RowSet::All, 100_000, 0);
        assert_eq!((a.digest, c.blank), (c.digest, true));
    }
}

//! The test that a tuple of codes is one of a set of tuples.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::compose::Source;
use crate::hash::FastMap;
use crate::{ScanError, Tuples};

/// Tuples up to so many combinations of their columns' values are kept as an array of flags: half a megabyte of bits,
/// which stays in the second level of cache. Less in tests, so that they reach both ways.
const DENSE_COMBINATIONS: u64 = if cfg!(test) { 1 << 8 } else { 1 << 22 };

/// Tells whether the tuple of a row is among the tuples.
pub(super) struct TupleTest {
    columns: Vec<TupleColumn>,
    lookup: Lookup,
}

pub(super) struct TupleColumn {
    pub(super) lane: Option<u32>,
    /// The codes of the tuples in this column, ascending. The place of a code, counted from 1, is its rank.
    codes: Vec<u32>,
    /// By code of the lane the rank of the code it leads to, 0 when it is in no tuple. None: the source is the row number.
    ranks: Option<Vec<u32>>,
}

enum Lookup {
    /// Bits by ranks in mixed radix.
    Dense(Vec<u64>),
    /// For each column a map from the number of the tuple so far and the rank to the number of the longer tuple.
    Levels(Vec<FastMap<u64, u32>>),
}

impl TupleTest {
    pub(super) fn new(sources: &[Source], tuples: &Tuples) -> Result<TupleTest, ScanError> {
        let width = tuples.width;
        if width == 0 || width != sources.len() || !tuples.codes.len().is_multiple_of(width) {
            return Err(ScanError::Internal(
                "a filter's tuples are not as wide as its columns".to_owned(),
            ));
        }
        let column = |(place, source): (usize, &Source)| {
            let mut codes: Vec<u32> = tuples
                .codes
                .iter()
                .skip(place)
                .step_by(width)
                .copied()
                .collect();
            codes.sort_unstable();
            codes.dedup();
            let ranks = source.lane.map(|_| match &source.reached.dense() {
                None => (0..source.size).map(|code| rank(&codes, code)).collect(),
                Some(reached) => {
                    let by_code: Vec<u32> =
                        (0..source.size).map(|code| rank(&codes, code)).collect();
                    reached.iter().map(|code| by_code[*code as usize]).collect()
                }
            });
            TupleColumn {
                lane: source.lane,
                codes,
                ranks,
            }
        };
        let columns: Vec<TupleColumn> = sources.iter().enumerate().map(column).collect();
        let combinations = columns
            .iter()
            .try_fold(1u64, |product, c| product.checked_mul(c.codes.len() as u64));
        let ranked = |tuple: &[u32]| -> Vec<u32> {
            tuple
                .iter()
                .zip(&columns)
                .map(|(code, column)| rank(&column.codes, *code))
                .collect()
        };
        let lookup = match combinations.filter(|c| *c <= DENSE_COMBINATIONS) {
            Some(combinations) => {
                let mut bits = vec![0u64; combinations as usize / 64 + 1];
                for tuple in tuples.codes.chunks(width) {
                    let place = mixed_radix(&columns, ranked(tuple).into_iter());
                    bits[place / 64] |= 1 << (place % 64);
                }
                Lookup::Dense(bits)
            }
            None => {
                let mut levels: Vec<FastMap<u64, u32>> = vec![FastMap::default(); width];
                for tuple in tuples.codes.chunks(width) {
                    let mut number = 0;
                    for (level, rank) in levels.iter_mut().zip(ranked(tuple)) {
                        let next = level.len() as u32;
                        number = *level.entry(pair(number, rank)).or_insert(next);
                    }
                }
                Lookup::Levels(levels)
            }
        };
        Ok(TupleTest { columns, lookup })
    }

    /// For each column the codes that stand in some tuple: a necessary condition on that column alone.
    pub(super) fn columns(&self) -> impl Iterator<Item = RoaringBitmap> + '_ {
        self.columns
            .iter()
            .map(|c| c.codes.iter().copied().collect())
    }

    /// The lane of all the columns, if they share one.
    pub(super) fn only_lane(&self) -> Option<u32> {
        let lane = self.columns.first()?.lane?;
        self.columns
            .iter()
            .all(|c| c.lane == Some(lane))
            .then_some(lane)
    }

    /// The lanes that the test reads.
    pub(super) fn lanes(&self) -> impl Iterator<Item = u32> + '_ {
        let lanes: BTreeMap<u32, ()> = self
            .columns
            .iter()
            .filter_map(|c| Some((c.lane?, ())))
            .collect();
        lanes.into_keys()
    }

    /// Whether a code of the one lane that all columns share passes.
    pub(super) fn admits_code(&self, code: u32) -> bool {
        self.admits(0, |_| code)
    }

    /// Whether a row passes, given the code of each lane in it.
    pub(super) fn admits(&self, row: u32, code: impl Fn(u32) -> u32) -> bool {
        let ranks = self
            .columns
            .iter()
            .map(|column| match (column.lane, &column.ranks) {
                (Some(lane), Some(ranks)) => ranks[code(lane) as usize],
                _ => rank(&column.codes, row),
            });
        match &self.lookup {
            Lookup::Dense(bits) => {
                let mut place = 0;
                for (rank, column) in ranks.zip(&self.columns) {
                    if rank == 0 {
                        return false;
                    }
                    place = place * column.codes.len() + rank as usize - 1;
                }
                bits[place / 64] >> (place % 64) & 1 == 1
            }
            Lookup::Levels(levels) => {
                let mut number = 0;
                for (rank, level) in ranks.zip(levels) {
                    match level.get(&pair(number, rank)) {
                        Some(next) if rank > 0 => number = *next,
                        _ => return false,
                    }
                }
                true
            }
        }
    }
}

fn mixed_radix(columns: &[TupleColumn], ranks: impl Iterator<Item = u32>) -> usize {
    ranks.zip(columns).fold(0, |place, (rank, column)| {
        place * column.codes.len() + rank as usize - 1
    })
}

fn rank(codes: &[u32], code: u32) -> u32 {
    codes
        .binary_search(&code)
        .map_or(0, |place| place as u32 + 1)
}

fn pair(number: u32, rank: u32) -> u64 {
    u64::from(number) << 32 | u64::from(rank)
}

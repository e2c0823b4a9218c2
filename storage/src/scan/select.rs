//! The selection: which rows of a block pass. How each lane is tested is decided once, before the first block.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::compose::Composer;
use super::kernels::{self, AND, Lane, Level, OR, SET, range_bits, set_bits};
use super::requirements::{Alternatives, Chunk, Requirements};
use super::tuples::TupleTest;
use crate::bits::Bits;
use crate::codes::{Code, with_codes};
use crate::column::{BLOCK, Column};
use crate::runs::RowCodes;
use crate::{ScanError, StorageError};

/// Where fewer rows of a block are left, further tests look at these alone.
const ROWS_PER_PICK: usize = 64;
/// Neighbouring numbers that pass are tested as so many ranges at most, before a lookup is faster.
const MOST_RANGES: usize = 3;

pub(super) struct Selector<'a> {
    never: bool,
    own: Option<RoaringBitmap>,
    /// The cheapest for what they leave out first.
    lanes: Vec<LaneTest<'a>>,
    alternatives: Vec<Vec<PlacedChunk<'a>>>,
    tuples: Vec<(TupleTest, Vec<(u32, &'a RowCodes)>)>,
    /// For each tested lane the numbers of rows that can pass.
    alive: BTreeMap<u32, Bits>,
    level: Level,
}

struct LaneTest<'a> {
    lane: u32,
    column: &'a Column,
    test: Test,
    /// What the test costs for each row that it leaves out.
    cost: f64,
}

enum Test {
    /// Passing numbers are neighbours: comparisons, for which processors have vector instructions.
    Ranges(Vec<Range>),
    /// By number; and how many pass below each 64 numbers, which tells whether a block can be skipped.
    Lookup { pass: Bits, below: Vec<u32> },
}

#[derive(Clone, Copy)]
struct Range {
    first: u32,
    /// How much more the last is.
    span: u32,
}

struct PlacedChunk<'a> {
    chunk: Chunk,
    codes: Vec<&'a RowCodes>,
}

/// The outcome for a block; the rows of `Some` are in the scratch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Picked {
    /// Nothing passes, and no row was looked at.
    Skipped,
    Nothing,
    All,
    Some,
}

/// Buffers that live from block to block.
#[derive(Default)]
pub(super) struct Scratch {
    /// Rows that pass, counted from the block's start, ascending.
    pub(super) picks: Vec<u16>,
    /// The rows that pass so far, a bit each.
    words: Vec<u64>,
    /// One test's rows, where it is made of several.
    part: Vec<u64>,
    /// The runs that pass, where a lane holds runs.
    runs: Vec<u64>,
    masks: Vec<u64>,
    passed: Vec<bool>,
}

/// The rows of a set that stand in a block, a bit each. They are taken out many at a time: one by one they cost more than the tests of
/// most columns.
fn bits_of(rows: &RoaringBitmap, block: std::ops::Range<u32>, words: &mut Vec<u64>) {
    words.clear();
    words.resize(block.len().div_ceil(64), 0);
    let mut many = [0; 256];
    let mut left = rows.range(block.clone());
    loop {
        let some = left.next_many(&mut many);
        if some.is_empty() {
            return;
        }
        for row in some {
            let place = (*row - block.start) as usize;
            words[place / 64] |= 1 << (place % 64);
        }
    }
}

impl<'a> Selector<'a> {
    pub(super) fn new(
        composer: &Composer<'a>,
        requirements: Requirements,
    ) -> Result<Selector<'a>, ScanError> {
        let mut selector = Selector {
            never: requirements.never,
            own: requirements.own,
            lanes: Vec::new(),
            alternatives: Vec::new(),
            tuples: Vec::new(),
            alive: BTreeMap::new(),
            level: Level::best(),
        };
        for (lane, mut pass) in requirements.lanes {
            let column = composer.lane(lane)?;
            selector.add_lane(lane, column, &mut pass);
            selector.alive.insert(lane, pass);
        }
        selector.lanes.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        for Alternatives { chunks } in requirements.alternatives {
            let placed = chunks.into_iter().map(|chunk| {
                let codes = chunk
                    .lanes
                    .iter()
                    .map(|(lane, _)| composer.lane_codes(*lane));
                Ok(PlacedChunk {
                    codes: codes.collect::<Result<_, StorageError>>()?,
                    chunk,
                })
            });
            selector
                .alternatives
                .push(placed.collect::<Result<_, ScanError>>()?);
        }
        for test in requirements.tuples {
            let lanes = test
                .lanes()
                .map(|lane| Ok((lane, composer.lane_codes(lane)?)));
            let lanes = lanes.collect::<Result<_, ScanError>>()?;
            selector.tuples.push((test, lanes));
        }
        Ok(selector)
    }

    /// Chooses the test of a lane, and leaves in `pass` only numbers that occur.
    fn add_lane(&mut self, lane: u32, column: &'a Column, pass: &mut Bits) {
        pass.keep(column.held());
        let (passing, held) = (pass.count(), column.held().count());
        if passing == 0 {
            self.never = true;
        } else if passing < held {
            let test = Test::new(pass, column.held());
            let left_out = 1.0 - f64::from(passing) / f64::from(held);
            let cost = column.numbers.row_bytes() * test.weight() / left_out;
            self.lanes.push(LaneTest {
                lane,
                column,
                test,
                cost,
            });
        }
    }

    /// The numbers of a tested lane that rows which pass can have; None: no test on this lane.
    pub(super) fn alive(&self, lane: u32) -> Option<&Bits> {
        self.alive.get(&lane)
    }

    /// Whether a row passes exactly when its number in this lane is alive.
    pub(super) fn asks_only(&self, lane: u32) -> bool {
        !self.never
            && self.own.is_none()
            && self.lanes.iter().all(|test| test.lane == lane)
            && self.alternatives.is_empty()
            && self.tuples.is_empty()
    }

    /// Whether a block needs not be looked at, as far as the smallest and largest numbers of its lanes tell.
    pub(super) fn skips(&self, block: usize) -> bool {
        self.never
            || self
                .lanes
                .iter()
                .any(|lane| lane.zone(block) == Zone::Nothing)
    }

    pub(super) fn select(&self, start: usize, len: usize, scratch: &mut Scratch) -> Picked {
        let block = start / BLOCK;
        if self.skips(block) {
            return Picked::Skipped;
        }
        let mut picked = Picked::All;
        let mut in_words = false;
        if let Some(own) = &self.own {
            let range = start as u32..(start + len) as u32;
            match own.range_cardinality(range.clone()) {
                0 => return Picked::Skipped,
                all if all == len as u64 => {}
                _ => {
                    bits_of(own, range, &mut scratch.words);
                    picked = Picked::Some;
                    in_words = true;
                }
            }
        }
        picked = self.narrow_lanes(start, len, picked, in_words, scratch);
        for chunks in &self.alternatives {
            picked = narrow_alternatives(chunks, start, len, picked, scratch);
        }
        for (test, lanes) in &self.tuples {
            picked = narrow_tuples(test, lanes, start, len, picked, &mut scratch.picks);
        }
        picked
    }

    /// Tests all rows of the block as long as many are left, a bit each, and from then on only those that are left.
    fn narrow_lanes(
        &self,
        start: usize,
        len: usize,
        mut picked: Picked,
        mut in_words: bool,
        scratch: &mut Scratch,
    ) -> Picked {
        let block = start / BLOCK;
        let mixed = self
            .lanes
            .iter()
            .filter(|lane| lane.zone(block) == Zone::Mixed);
        for lane in mixed {
            if picked == Picked::Nothing {
                return picked;
            }
            if picked == Picked::Some && !in_words {
                picked = lane.narrow(start, len, picked, &mut scratch.picks);
                continue;
            }
            lane.test_block(self.level, start, len, in_words, scratch);
            let left: usize = scratch.words.iter().map(|w| w.count_ones() as usize).sum();
            picked = match left {
                0 => Picked::Nothing,
                _ if left == len => Picked::All,
                _ => Picked::Some,
            };
            in_words = picked == Picked::Some;
            if in_words && left * ROWS_PER_PICK < len {
                kernels::picks(self.level, &scratch.words, &mut scratch.picks);
                in_words = false;
            }
        }
        if in_words {
            kernels::picks(self.level, &scratch.words, &mut scratch.picks);
        }
        picked
    }
}

impl Test {
    /// `pass` are the numbers that occur and pass, `held` those that occur.
    fn new(pass: &Bits, held: &Bits) -> Test {
        let fail = held.without(pass);
        let mut ranges = Vec::new();
        let mut from = 0;
        while let Some(first) = pass.next(from) {
            if ranges.len() == MOST_RANGES {
                let mut count = 0;
                let below = std::iter::once(0).chain(pass.words().iter().map(|word| {
                    count += word.count_ones();
                    count
                }));
                return Test::Lookup {
                    below: below.collect(),
                    pass: pass.clone(),
                };
            }
            // Numbers that no row has are neither here nor there.
            from = fail.next(first).unwrap_or(pass.len());
            let last = pass.last_below(from).unwrap_or(first);
            ranges.push(Range {
                first,
                span: last - first,
            });
        }
        Test::Ranges(ranges)
    }

    /// What a row costs for each byte of its number.
    fn weight(&self) -> f64 {
        match self {
            Test::Ranges(ranges) => ranges.len() as f64,
            Test::Lookup { .. } => 8.0,
        }
    }
}

#[derive(PartialEq)]
enum Zone {
    Nothing,
    Everything,
    Mixed,
}

impl LaneTest<'_> {
    /// What the smallest and largest number of a block tell.
    fn zone(&self, block: usize) -> Zone {
        let (least, most) = self.column.zones[block];
        match &self.test {
            Test::Ranges(ranges) => {
                let meets = |r: &&Range| r.first <= most && least <= r.first + r.span;
                match ranges.iter().find(meets) {
                    None => Zone::Nothing,
                    Some(r) if r.first <= least && most <= r.first + r.span => Zone::Everything,
                    Some(_) => Zone::Mixed,
                }
            }
            Test::Lookup { pass, below } => {
                let before = |number: u32| {
                    let (word, bit) = (number as usize / 64, number % 64);
                    let bits = pass.words().get(word).map_or(0, |w| w & ((1 << bit) - 1));
                    below[word] + bits.count_ones()
                };
                match before(most + 1) - before(least) {
                    0 => Zone::Nothing,
                    passing if passing == most - least + 1 => Zone::Everything,
                    _ => Zone::Mixed,
                }
            }
        }
    }

    /// Tests all rows of a block into the words of the scratch; `and`: of those whose bits are set there.
    fn test_block(&self, level: Level, start: usize, len: usize, and: bool, scratch: &mut Scratch) {
        let Scratch {
            words, part, runs, ..
        } = scratch;
        words.resize(len.div_ceil(64), 0);
        match &self.column.numbers {
            RowCodes::Each(codes) => with_codes!(codes, numbers => {
                self.test_numbers(level, &numbers[start..start + len], and, words, part);
            }),
            RowCodes::Runs(held) => {
                let places = held.places(start, len);
                runs.resize(places.len().div_ceil(64), 0);
                with_codes!(held.codes(), numbers => {
                    self.test_numbers(level, &numbers[places], false, runs, part);
                });
                let starts = &held.starts().0[start / 64..(start + len).div_ceil(64)];
                if and {
                    kernels::spread::<AND>(level, starts, runs, len, words);
                } else {
                    kernels::spread::<SET>(level, starts, runs, len, words);
                }
            }
        }
    }

    fn test_numbers<C: Lane>(
        &self,
        level: Level,
        numbers: &[C],
        and: bool,
        words: &mut [u64],
        part: &mut Vec<u64>,
    ) {
        match &self.test {
            Test::Ranges(ranges) => match (ranges.as_slice(), and) {
                ([r], true) => range_bits::<AND, _>(level, numbers, r.first, r.span, words),
                ([r], false) => range_bits::<SET, _>(level, numbers, r.first, r.span, words),
                (ranges, _) => {
                    part.clear();
                    part.resize(words.len(), 0);
                    for r in ranges {
                        range_bits::<OR, _>(level, numbers, r.first, r.span, part);
                    }
                    if and {
                        words
                            .iter_mut()
                            .zip(&*part)
                            .for_each(|(word, part)| *word &= part);
                    } else {
                        words.copy_from_slice(part);
                    }
                }
            },
            Test::Lookup { pass, .. } if and => {
                set_bits::<AND, _>(level, numbers, pass.words(), words)
            }
            Test::Lookup { pass, .. } => set_bits::<SET, _>(level, numbers, pass.words(), words),
        }
    }

    fn narrow(&self, start: usize, len: usize, picked: Picked, picks: &mut Vec<u16>) -> Picked {
        match &self.column.numbers {
            RowCodes::Each(codes) => with_codes!(codes, numbers => {
                let numbers = &numbers[start..start + len];
                self.narrow_by(len, picked, picks, |row| numbers[row].wide())
            }),
            RowCodes::Runs(runs) => with_codes!(runs.codes(), numbers => {
                self.narrow_by(len, picked, picks, |row| numbers[runs.place(start + row)].wide())
            }),
        }
    }

    fn narrow_by(
        &self,
        len: usize,
        picked: Picked,
        picks: &mut Vec<u16>,
        number: impl Fn(usize) -> u32,
    ) -> Picked {
        match &self.test {
            Test::Ranges(ranges) => match ranges.as_slice() {
                // One comparison: below `first` wraps around to a large number.
                [r] => keep(len, picked, picks, |row| {
                    number(row).wrapping_sub(r.first) <= r.span
                }),
                ranges => keep(len, picked, picks, |row| {
                    let number = number(row);
                    ranges
                        .iter()
                        .any(|r| number.wrapping_sub(r.first) <= r.span)
                }),
            },
            Test::Lookup { pass, .. } => keep(len, picked, picks, |row| pass.get(number(row))),
        }
    }
}

/// Keeps the picked rows that pass. The loops have no branch that depends on data.
fn keep(
    len: usize,
    picked: Picked,
    picks: &mut Vec<u16>,
    passes: impl Fn(usize) -> bool,
) -> Picked {
    let mut kept = 0;
    let among = if picked == Picked::All {
        picks.resize(len, 0);
        for row in 0..len {
            picks[kept] = row as u16;
            kept += usize::from(passes(row));
        }
        len
    } else {
        for place in 0..picks.len() {
            let row = picks[place];
            picks[kept] = row;
            kept += usize::from(passes(row.into()));
        }
        usize::MAX
    };
    picks.truncate(kept);
    match kept {
        0 => Picked::Nothing,
        _ if kept == among => Picked::All,
        _ => Picked::Some,
    }
}

fn narrow_alternatives(
    chunks: &[PlacedChunk<'_>],
    start: usize,
    len: usize,
    picked: Picked,
    scratch: &mut Scratch,
) -> Picked {
    if picked == Picked::Nothing {
        return picked;
    }
    let Scratch {
        picks,
        masks,
        passed,
        ..
    } = scratch;
    passed.clear();
    passed.resize(len, false);
    for PlacedChunk { chunk, codes } in chunks {
        masks.clear();
        masks.resize(len, chunk.open);
        for (bit, rows) in &chunk.own {
            for row in rows.range(start as u32..(start + len) as u32) {
                masks[row as usize - start] |= bit;
            }
        }
        for ((_, by_code), codes) in chunk.lanes.iter().zip(codes) {
            codes.update(start, masks, |mask, code| *mask &= by_code[code as usize]);
        }
        passed
            .iter_mut()
            .zip(masks.iter())
            .for_each(|(passed, mask)| *passed |= *mask != 0);
    }
    keep(len, picked, picks, |row| passed[row])
}

fn narrow_tuples(
    test: &TupleTest,
    lanes: &[(u32, &RowCodes)],
    start: usize,
    len: usize,
    picked: Picked,
    picks: &mut Vec<u16>,
) -> Picked {
    if picked == Picked::Nothing {
        return picked;
    }
    keep(len, picked, picks, |row| {
        test.admits((start + row) as u32, |lane| {
            lanes
                .iter()
                .find(|(l, _)| *l == lane)
                .map_or(0, |(_, codes)| codes.get(start + row))
        })
    })
}

//! The selection: which rows of a block pass. How each lane is tested is decided once, before the first block.

use std::collections::BTreeMap;

use super::compose::Composer;
use super::kernels::{self, AND, Lane, Level, OR, SET, range_bits, set_bits};
use super::order::{Cost, Left, order};
use super::own::{OwnRows, all_of};
use super::picked::{self, Passes, Range};
use super::requirements::{Alternatives, Chunk, Requirements};
use super::tuples::TupleTest;
use crate::bits::Bits;
use crate::codes::with_codes;
use crate::column::{BLOCK, Column};
use crate::rows::Part;
use crate::runs::RowCodes;
use crate::{ScanError, StorageError};

/// Where fewer rows of a block are left, an OR looks at these alone.
const ROWS_PER_PICK: usize = 64;
/// Neighbouring numbers that pass are tested as so many ranges at most, before a lookup is faster.
const MOST_RANGES: usize = 3;

pub(super) struct Selector<'a> {
    never: bool,
    own: Vec<OwnRows>,
    /// In the order of the tests.
    lanes: Vec<LaneTest<'a>>,
    /// A row must pass one term of each.
    few: Vec<Vec<TermTest<'a>>>,
    many: Vec<Vec<PlacedChunk<'a>>>,
    tuples: Vec<(TupleTest, Vec<(u32, &'a RowCodes)>)>,
    /// For each tested lane the numbers of rows that can pass.
    alive: BTreeMap<u32, Bits>,
    level: Level,
}

struct LaneTest<'a> {
    lane: u32,
    column: &'a Column,
    test: Test,
    cost: Cost,
}

/// One term of an OR. With none of both it is open.
struct TermTest<'a> {
    own: Vec<OwnRows>,
    lanes: Vec<LaneTest<'a>>,
}

/// Whether rows pass the test of a lane.
enum Passing<'a> {
    None,
    Some(LaneTest<'a>),
    All,
}

enum Test {
    /// Passing numbers are neighbours: comparisons, for which processors have vector instructions.
    Ranges(Vec<Range>),
    /// By number; and how many pass below each 64 numbers, which tells whether a block can be skipped.
    Lookup { pass: Bits, below: Vec<u32> },
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

/// Rows of a part of a test, a bit each.
#[derive(Default)]
struct Parts {
    /// One test's rows, where it is made of several.
    part: Vec<u64>,
    /// The runs that pass, where a lane holds runs.
    runs: Vec<u64>,
}

/// Buffers that live from block to block.
#[derive(Default)]
pub(super) struct Scratch {
    /// Rows that pass, counted from the block's start, ascending.
    pub(super) picks: Vec<u16>,
    /// The runs that they belong to, where a lane holds runs.
    places: Vec<u32>,
    /// The rows that pass so far, a bit each.
    words: Vec<u64>,
    parts: Parts,
    /// The rows of one term of an OR, and of any of them.
    term: Vec<u64>,
    any: Vec<u64>,
    masks: Vec<u64>,
    passed: Vec<bool>,
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
            few: Vec::new(),
            many: Vec::new(),
            tuples: Vec::new(),
            alive: BTreeMap::new(),
            level: Level::best(),
        };
        for (lane, mut pass) in requirements.lanes {
            let column = composer.lane(lane)?;
            match LaneTest::choose(lane, column, &mut pass) {
                Passing::None => selector.never = true,
                Passing::All => {}
                Passing::Some(test) => selector.lanes.push(test),
            }
            selector.alive.insert(lane, pass);
        }
        selector.put_in_order();
        for alternatives in requirements.alternatives {
            match alternatives {
                Alternatives::Few(terms) => selector.add_terms(composer, terms)?,
                Alternatives::Many(chunks) => {
                    let chunks = chunks
                        .into_iter()
                        .map(|chunk| PlacedChunk::new(composer, chunk));
                    selector.many.push(chunks.collect::<Result<_, _>>()?);
                }
            }
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

    fn put_in_order(&mut self) {
        let costs: Vec<Cost> = self.lanes.iter().map(|lane| lane.cost).collect();
        let mut tests: Vec<_> = self.lanes.drain(..).map(Some).collect();
        let places = order(&costs);
        self.lanes = places.iter().filter_map(|p| tests[*p].take()).collect();
    }

    /// Adds the terms of an OR.
    fn add_terms(
        &mut self,
        composer: &Composer<'a>,
        terms: Vec<Requirements>,
    ) -> Result<(), StorageError> {
        let mut tests = Vec::with_capacity(terms.len());
        'terms: for term in terms {
            let mut lanes = Vec::new();
            for (lane, mut pass) in term.lanes {
                match LaneTest::choose(lane, composer.lane(lane)?, &mut pass) {
                    Passing::None => continue 'terms,
                    Passing::All => {}
                    Passing::Some(test) => lanes.push(test),
                }
            }
            tests.push(TermTest {
                own: term.own,
                lanes,
            });
        }
        self.never |= tests.is_empty();
        self.few.push(tests);
        Ok(())
    }

    /// The numbers of a tested lane that rows which pass can have; None: no test on this lane.
    pub(super) fn alive(&self, lane: u32) -> Option<&Bits> {
        self.alive.get(&lane)
    }

    /// Whether every row passes.
    pub(super) fn asks_nothing(&self) -> bool {
        self.lanes.is_empty() && self.asks_lanes_only()
    }

    /// Whether a row passes exactly when its number in this lane is alive.
    pub(super) fn asks_only(&self, lane: u32) -> bool {
        self.lanes.iter().all(|test| test.lane == lane) && self.asks_lanes_only()
    }

    fn asks_lanes_only(&self) -> bool {
        !self.never
            && self.own.is_empty()
            && self.few.is_empty()
            && self.many.is_empty()
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
        let rows = start as u32..(start + len) as u32;
        let Scratch { words, parts, .. } = scratch;
        match all_of(&self.own, block, rows, words, &mut parts.part) {
            Part::Nothing => return Picked::Skipped,
            Part::All => {}
            Part::Some => picked = Picked::Some,
        }
        let mut in_words;
        (picked, in_words) = self.narrow_lanes(start, len, picked, scratch);
        for terms in &self.few {
            (picked, in_words) = self.narrow_terms(terms, start, len, (picked, in_words), scratch);
        }
        if in_words {
            kernels::picks(self.level, &scratch.words, &mut scratch.picks);
        }
        for chunks in &self.many {
            picked = narrow_alternatives(chunks, start, len, picked, scratch);
        }
        for (test, lanes) in &self.tuples {
            picked = narrow_tuples(test, lanes, start, len, picked, &mut scratch.picks);
        }
        picked
    }

    /// Tests all rows of the block as long as many are left, a bit each, and from then on only those that are left. Also tells whether
    /// the scratch has the rows as bits, and not as a list.
    fn narrow_lanes(
        &self,
        start: usize,
        len: usize,
        mut picked: Picked,
        scratch: &mut Scratch,
    ) -> (Picked, bool) {
        let block = start / BLOCK;
        let mut in_words = picked == Picked::Some;
        let mixed = self
            .lanes
            .iter()
            .filter(|lane| lane.zone(block) == Zone::Mixed);
        for lane in mixed {
            if in_words {
                let left = Left::of(&scratch.words);
                if lane.cost.prefers_list(left) {
                    kernels::picks(self.level, &scratch.words, &mut scratch.picks);
                    in_words = false;
                }
            }
            if picked == Picked::Some && !in_words {
                picked = lane.narrow(self.level, start, len, scratch);
            } else {
                let Scratch { words, parts, .. } = scratch;
                lane.test_block(self.level, start, len, in_words, words, parts);
                picked = match ones(&scratch.words) {
                    0 => Picked::Nothing,
                    passing if passing == len => Picked::All,
                    _ => Picked::Some,
                };
                in_words = picked == Picked::Some;
            }
            if picked == Picked::Nothing {
                return (picked, false);
            }
        }
        (picked, in_words)
    }

    /// Keeps the rows that pass one of the terms.
    fn narrow_terms(
        &self,
        terms: &[TermTest<'_>],
        start: usize,
        len: usize,
        (picked, in_words): (Picked, bool),
        scratch: &mut Scratch,
    ) -> (Picked, bool) {
        if picked == Picked::Nothing {
            return (picked, false);
        }
        let Scratch {
            picks,
            words,
            parts,
            term: of_term,
            any,
            ..
        } = scratch;
        if picked == Picked::Some && !in_words && picks.len() * ROWS_PER_PICK < len {
            let passes = |row| terms.iter().any(|term| term.passes(start + row));
            return (keep(len, picked, picks, passes), false);
        }
        any.clear();
        any.resize(len.div_ceil(64), 0);
        for term in terms {
            match term.test_block(self.level, start, len, of_term, parts) {
                Part::Nothing => {}
                Part::All => return (picked, in_words),
                Part::Some => any.iter_mut().zip(&*of_term).for_each(|(a, b)| *a |= b),
            }
        }
        if picked == Picked::Some && !in_words {
            let passes = |row: usize| any[row / 64] >> (row % 64) & 1 == 1;
            return (keep(len, picked, picks, passes), false);
        }
        if picked == Picked::All {
            std::mem::swap(words, any);
        } else {
            words.iter_mut().zip(&*any).for_each(|(a, b)| *a &= b);
        }
        if words.iter().all(|word| *word == 0) {
            return (Picked::Nothing, false);
        }
        (Picked::Some, true)
    }
}

impl TermTest<'_> {
    /// The rows of a block that pass, in `words` where this is `Part::Some`.
    fn test_block(
        &self,
        level: Level,
        start: usize,
        len: usize,
        words: &mut Vec<u64>,
        parts: &mut Parts,
    ) -> Part {
        let block = start / BLOCK;
        if self
            .lanes
            .iter()
            .any(|lane| lane.zone(block) == Zone::Nothing)
        {
            return Part::Nothing;
        }
        let rows = start as u32..(start + len) as u32;
        let mut held = all_of(&self.own, block, rows, words, &mut parts.part);
        for lane in self
            .lanes
            .iter()
            .filter(|lane| lane.zone(block) == Zone::Mixed)
        {
            if held == Part::Nothing {
                return held;
            }
            lane.test_block(level, start, len, held == Part::Some, words, parts);
            held = Part::Some;
        }
        held
    }

    fn passes(&self, row: usize) -> bool {
        self.own.iter().all(|set| set.contains(row as u32))
            && self.lanes.iter().all(|lane| lane.passes(row))
    }
}

impl<'a> PlacedChunk<'a> {
    fn new(composer: &Composer<'a>, chunk: Chunk) -> Result<PlacedChunk<'a>, StorageError> {
        let lanes = chunk.lanes.iter();
        let codes = lanes.map(|(lane, _)| composer.lane_codes(*lane));
        Ok(PlacedChunk {
            codes: codes.collect::<Result<_, _>>()?,
            chunk,
        })
    }
}

fn ones(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
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

    /// None: it is looked up.
    fn ranges(&self) -> Option<usize> {
        match self {
            Test::Ranges(ranges) => Some(ranges.len()),
            Test::Lookup { .. } => None,
        }
    }
}

#[derive(PartialEq)]
enum Zone {
    Nothing,
    Everything,
    Mixed,
}

impl<'a> LaneTest<'a> {
    /// Chooses the test of a lane, and leaves in `pass` only numbers that occur.
    fn choose(lane: u32, column: &'a Column, pass: &mut Bits) -> Passing<'a> {
        pass.keep(column.held());
        let (passing, held) = (pass.count(), column.held().count());
        if passing == 0 {
            return Passing::None;
        }
        if passing == held {
            return Passing::All;
        }
        let test = Test::new(pass, column.held());
        let numbers = &column.numbers;
        let cost = Cost {
            bytes: numbers.row_bytes(),
            run: numbers.len() as f64 / numbers.entries().len().max(1) as f64,
            is_run: matches!(numbers, RowCodes::Runs(_)),
            ranges: test.ranges(),
            pass: f64::from(passing) / f64::from(held),
        };
        Passing::Some(LaneTest {
            lane,
            column,
            test,
            cost,
        })
    }

    fn passes(&self, row: usize) -> bool {
        let number = self.column.numbers.get(row);
        match &self.test {
            Test::Ranges(ranges) => ranges
                .iter()
                .any(|r| number.wrapping_sub(r.first) <= r.span),
            Test::Lookup { pass, .. } => pass.get(number),
        }
    }

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

    /// Tests all rows of a block into `words`; `and`: of those whose bits are set there.
    fn test_block(
        &self,
        level: Level,
        start: usize,
        len: usize,
        and: bool,
        words: &mut Vec<u64>,
        Parts { part, runs }: &mut Parts,
    ) {
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

    /// Keeps the rows of the list that pass.
    fn narrow(&self, level: Level, start: usize, len: usize, scratch: &mut Scratch) -> Picked {
        let Scratch { picks, places, .. } = scratch;
        let passes = match &self.test {
            Test::Ranges(ranges) => Passes::Ranges(ranges),
            Test::Lookup { pass, .. } => Passes::Set(pass.words()),
        };
        let before = picks.len();
        match &self.column.numbers {
            RowCodes::Each(codes) => with_codes!(codes, numbers => {
                picked::narrow(level, &numbers[start..start + len], None, passes, picks);
            }),
            RowCodes::Runs(runs) => {
                places.resize(before, 0);
                kernels::places(level, runs.starts(), start, picks, places);
                with_codes!(runs.codes(), numbers => {
                    picked::narrow(level, numbers, Some(places), passes, picks);
                });
            }
        }
        match picks.len() {
            0 => Picked::Nothing,
            kept if kept == len => Picked::All,
            _ => Picked::Some,
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
        words,
        parts,
        ..
    } = scratch;
    let rows = start as u32..(start + len) as u32;
    passed.clear();
    passed.resize(len, false);
    for PlacedChunk { chunk, codes } in chunks {
        masks.clear();
        masks.resize(len, chunk.open);
        for (bit, sets) in &chunk.own {
            match all_of(sets, start / BLOCK, rows.clone(), words, &mut parts.part) {
                Part::Nothing => {}
                Part::All => masks.iter_mut().for_each(|mask| *mask |= bit),
                Part::Some => mark(words, masks, *bit),
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

/// Sets a bit in the masks of the rows of some words.
fn mark(words: &[u64], masks: &mut [u64], bit: u64) {
    for (word, masks) in words.iter().zip(masks.chunks_mut(64)) {
        for (place, mask) in masks.iter_mut().enumerate() {
            *mask |= if word >> place & 1 == 1 { bit } else { 0 };
        }
    }
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

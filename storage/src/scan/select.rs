//! The selection: which rows of a block pass. How each lane is tested is decided once, before the first block.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::compose::Composer;
use super::requirements::{Alternatives, Chunk, Requirements};
use super::tuples::TupleTest;
use crate::column::{BLOCK, Code, Codes, Column, with_codes};
use crate::{ScanError, StorageError};

pub(super) struct Selector<'a> {
    never: bool,
    own: Option<RoaringBitmap>,
    /// The most selective first.
    lanes: Vec<LaneTest<'a>>,
    alternatives: Vec<Vec<PlacedChunk<'a>>>,
    tuples: Vec<(TupleTest, Vec<(u32, &'a Codes)>)>,
    /// For each tested lane the codes of rows that can pass.
    alive: BTreeMap<u32, Vec<bool>>,
}

struct LaneTest<'a> {
    column: &'a Column,
    test: Test,
    /// The part of the lane's codes that passes: what to expect of the rows.
    share: f64,
}

enum Test {
    /// Passing codes are neighbours: a comparison, which the compiler vectorizes.
    Range { first: u32, last: u32 },
    /// By code; and how many pass below each code, which tells whether a block can be skipped.
    Lookup { pass: Vec<bool>, below: Vec<u32> },
}

struct PlacedChunk<'a> {
    chunk: Chunk,
    codes: Vec<&'a Codes>,
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
            alternatives: Vec::new(),
            tuples: Vec::new(),
            alive: BTreeMap::new(),
        };
        for (lane, mut pass) in requirements.lanes {
            let column = composer.lane(lane)?;
            selector.add_lane(column, &mut pass);
            selector.alive.insert(lane, pass);
        }
        selector.lanes.sort_by(|a, b| a.share.total_cmp(&b.share));
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

    /// Chooses the test of a lane, and leaves in `pass` only codes that occur.
    fn add_lane(&mut self, column: &'a Column, pass: &mut [bool]) {
        let mut held = 0u32;
        let mut passing = 0u32;
        // Runs of passing codes, codes that no row has being neither here nor there.
        let mut runs = 0u32;
        let mut inside = false;
        let (mut first, mut last) = (u32::MAX, 0);
        for (code, pass) in (0u32..).zip(pass.iter_mut()) {
            if !column.holds(code) {
                *pass = false;
                continue;
            }
            held += 1;
            if *pass {
                passing += 1;
                runs += u32::from(!inside);
                first = first.min(code);
                last = code;
            }
            inside = *pass;
        }
        match passing {
            0 => self.never = true,
            _ if passing == held => {}
            _ => {
                let test = if runs == 1 {
                    Test::Range { first, last }
                } else {
                    let mut count = 0;
                    let below = std::iter::once(0).chain(pass.iter().map(|pass| {
                        count += u32::from(*pass);
                        count
                    }));
                    Test::Lookup {
                        below: below.collect(),
                        pass: pass.to_vec(),
                    }
                };
                let share = f64::from(passing) / f64::from(held);
                self.lanes.push(LaneTest {
                    column,
                    test,
                    share,
                });
            }
        }
    }

    /// The codes of a tested lane that rows which pass can have; None: no test on this lane.
    pub(super) fn alive(&self, lane: u32) -> Option<&[bool]> {
        self.alive.get(&lane).map(Vec::as_slice)
    }

    pub(super) fn select(&self, start: usize, len: usize, scratch: &mut Scratch) -> Picked {
        let block = start / BLOCK;
        if self.never
            || self
                .lanes
                .iter()
                .any(|lane| lane.zone(block) == Zone::Nothing)
        {
            return Picked::Skipped;
        }
        let mut picked = Picked::All;
        if let Some(own) = &self.own {
            let range = start as u32..(start + len) as u32;
            match own.range_cardinality(range.clone()) {
                0 => return Picked::Skipped,
                all if all == len as u64 => {}
                _ => {
                    scratch.picks.clear();
                    scratch
                        .picks
                        .extend(own.range(range).map(|row| (row - start as u32) as u16));
                    picked = Picked::Some;
                }
            }
        }
        for lane in self
            .lanes
            .iter()
            .filter(|lane| lane.zone(block) == Zone::Mixed)
        {
            picked = lane.narrow(start, len, picked, &mut scratch.picks);
            if picked == Picked::Nothing {
                return picked;
            }
        }
        for chunks in &self.alternatives {
            picked = narrow_alternatives(chunks, start, len, picked, scratch);
        }
        for (test, lanes) in &self.tuples {
            picked = narrow_tuples(test, lanes, start, len, picked, &mut scratch.picks);
        }
        picked
    }
}

#[derive(PartialEq)]
enum Zone {
    Nothing,
    Everything,
    Mixed,
}

impl LaneTest<'_> {
    /// What the smallest and largest code of a block tell.
    fn zone(&self, block: usize) -> Zone {
        let (least, most) = self.column.zones[block];
        match &self.test {
            Test::Range { first, last } if most < *first || least > *last => Zone::Nothing,
            Test::Range { first, last } if *first <= least && most <= *last => Zone::Everything,
            Test::Range { .. } => Zone::Mixed,
            Test::Lookup { below, .. } => match below[most as usize + 1] - below[least as usize] {
                0 => Zone::Nothing,
                passing if passing == most - least + 1 => Zone::Everything,
                _ => Zone::Mixed,
            },
        }
    }

    fn narrow(&self, start: usize, len: usize, picked: Picked, picks: &mut Vec<u16>) -> Picked {
        with_codes!(&self.column.codes, codes => {
            let codes = &codes[start..start + len];
            match &self.test {
                Test::Range { first, last } => {
                    // One comparison: below `first` wraps around to a large number.
                    let span = last - first;
                    keep(len, picked, picks, |row| codes[row].wide().wrapping_sub(*first) <= span)
                }
                Test::Lookup { pass, .. } => keep(len, picked, picks, |row| pass[codes[row].wide() as usize]),
            }
        })
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
            with_codes!(codes, codes => {
                let codes = &codes[start..start + len];
                masks.iter_mut().zip(codes).for_each(|(mask, code)| *mask &= by_code[code.wide() as usize]);
            });
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
    lanes: &[(u32, &Codes)],
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

//! Grouping: the number of each row's group. By mixed radix into a dense array where the keys have few combinations, else by
//! hashing.

use std::collections::BTreeMap;

use super::compose::{Composer, Source};
use super::select::Selector;
use super::strip::Strip;
use crate::column::Codes;
use crate::hash::FastMap;
use crate::{PathColumn, ScanError};

/// Groups are numbered densely up to so many combinations: their sums then take 64 MB at most.
const DENSE_GROUPS: u128 = 1 << 22;
/// And up to so many combinations a row, so that a scan of a small table does not clear a large array.
const DENSE_GROUPS_PER_ROW: u128 = 16;
const DENSE_GROUPS_AT_LEAST: u128 = 4096;

pub(super) struct Grouper<'a> {
    keys: Vec<Key<'a>>,
    numbering: Numbering<'a>,
    /// Rows of each group.
    rows: Vec<u32>,
    /// Words of the rows of a strip, kept for its buffer.
    words: Vec<u64>,
}

/// One group key. Its codes that can occur are ranked from 0 on, in order, so that combinations are few.
struct Key<'a> {
    lane: Option<(u32, &'a Codes)>,
    /// By code of the lane the rank of the key's code. None: the rank is the lane's code itself.
    ranks: Option<Vec<u32>>,
    /// By rank the key's code. None: the rank itself.
    codes: Option<Vec<u32>>,
    count: u32,
}

enum Numbering<'a> {
    /// No keys: one group.
    One,
    Dense(Vec<Part<'a>>),
    Hashed(Vec<Level>),
}

/// What one lane adds to the number of a group.
struct Part<'a> {
    codes: Option<&'a Codes>,
    /// By code of the lane. None: the code, or the row number, times the stride.
    table: Option<Vec<u32>>,
    stride: u32,
}

/// Some of the keys, as one word in mixed radix. A group is found through all levels, each adding its word.
struct Level {
    keys: std::ops::Range<usize>,
    numbers: FastMap<u64, u32>,
    /// For each number of this level the number of the level before and the word.
    entries: Vec<(u32, u64)>,
}

impl<'a> Grouper<'a> {
    pub(super) fn new(
        composer: &mut Composer<'a>,
        columns: &[PathColumn],
        selector: &Selector<'_>,
    ) -> Result<Grouper<'a>, ScanError> {
        let mut keys = Vec::with_capacity(columns.len());
        for column in columns {
            let source = composer.source(column)?;
            keys.push(Key::new(composer, &source, selector)?);
        }
        let combinations = keys.iter().fold(1u128, |product, key| {
            product.saturating_mul(key.count.into())
        });
        let bound = composer.rows() as u128 * DENSE_GROUPS_PER_ROW + DENSE_GROUPS_AT_LEAST;
        let (numbering, groups) = if keys.is_empty() {
            (Numbering::One, 1)
        } else if combinations == 0 {
            // A key that no row can have: there is nothing to number.
            (Numbering::Dense(Vec::new()), 0)
        } else if combinations <= bound.min(DENSE_GROUPS) {
            (Numbering::Dense(parts(&keys)), combinations as usize)
        } else {
            (Numbering::Hashed(levels(&keys)), 0)
        };
        Ok(Grouper {
            keys,
            numbering,
            rows: vec![0; groups],
            words: Vec::new(),
        })
    }

    /// The number of groups, where it is known before the first row.
    pub(super) fn fixed_groups(&self) -> Option<usize> {
        match self.numbering {
            Numbering::Hashed(_) => None,
            _ => Some(self.rows.len()),
        }
    }

    /// Groups that have numbers so far.
    pub(super) fn groups(&self) -> usize {
        self.rows.len()
    }

    /// Bytes that the numbers of the groups take.
    pub(super) fn bytes(&self) -> usize {
        let numbering = match &self.numbering {
            Numbering::Hashed(levels) => levels
                .iter()
                .map(|level| level.numbers.capacity() * 17 + level.entries.capacity() * 16)
                .sum(),
            Numbering::One | Numbering::Dense(_) => 0,
        };
        numbering + std::mem::size_of_val(self.rows.as_slice())
    }

    /// Groups that surely have rows.
    pub(super) fn found(&self) -> usize {
        match self.numbering {
            Numbering::Hashed(_) => self.rows.len(),
            _ => 0,
        }
    }

    /// Numbers the groups of the rows of a strip. Without keys `ids` stays empty: all rows are in the one group.
    pub(super) fn assign(&mut self, strip: &Strip<'_>, ids: &mut Vec<u32>) {
        match &mut self.numbering {
            Numbering::One => {
                ids.clear();
                self.rows[0] += strip.count() as u32;
                return;
            }
            Numbering::Dense(parts) => {
                for (place, part) in parts.iter().enumerate() {
                    part.add(strip, place == 0, ids);
                }
            }
            Numbering::Hashed(levels) => {
                ids.clear();
                ids.resize(strip.count(), 0);
                for level in levels.iter_mut() {
                    words(&self.keys[level.keys.clone()], strip, &mut self.words);
                    level.number(&self.words, ids);
                }
                // Numbers of the last level are the groups.
                self.rows
                    .resize(levels.last().map_or(0, |level| level.entries.len()), 0);
            }
        }
        for id in ids.iter() {
            self.rows[*id as usize] += 1;
        }
    }

    /// The groups that have rows, in ascending order of their key codes. Without keys the one group, even without rows.
    pub(super) fn occupied(&self) -> Vec<u32> {
        match &self.numbering {
            Numbering::One => vec![0],
            Numbering::Dense(_) => (0..self.rows.len() as u32)
                .filter(|g| self.rows[*g as usize] > 0)
                .collect(),
            Numbering::Hashed(levels) => {
                let mut groups: Vec<(Vec<u64>, u32)> = (0..self.rows.len() as u32)
                    .map(|g| (words_of(levels, g), g))
                    .collect();
                groups.sort_unstable();
                groups.into_iter().map(|(_, group)| group).collect()
            }
        }
    }

    pub(super) fn rows(&self, groups: &[u32]) -> Vec<u64> {
        groups
            .iter()
            .map(|g| u64::from(self.rows[*g as usize]))
            .collect()
    }

    /// For each key the codes of the groups.
    pub(super) fn key_codes(&self, groups: &[u32]) -> Vec<Vec<u32>> {
        let mut codes: Vec<Vec<u32>> = self.keys.iter().map(|_| vec![0; groups.len()]).collect();
        for (place, group) in groups.iter().enumerate() {
            match &self.numbering {
                Numbering::One => {}
                Numbering::Dense(_) => {
                    self.split(0..self.keys.len(), u64::from(*group), place, &mut codes)
                }
                Numbering::Hashed(levels) => {
                    for (level, word) in levels.iter().zip(words_of(levels, *group)) {
                        self.split(level.keys.clone(), word, place, &mut codes);
                    }
                }
            }
        }
        codes
    }

    /// Takes a word in mixed radix apart.
    fn split(
        &self,
        keys: std::ops::Range<usize>,
        mut word: u64,
        place: usize,
        codes: &mut [Vec<u32>],
    ) {
        for key in keys.rev() {
            let Key {
                count,
                codes: by_rank,
                ..
            } = &self.keys[key];
            let rank = (word % u64::from(*count)) as u32;
            word /= u64::from(*count);
            codes[key][place] = by_rank.as_ref().map_or(rank, |codes| codes[rank as usize]);
        }
    }
}

impl<'a> Key<'a> {
    fn new(
        composer: &Composer<'a>,
        source: &Source,
        selector: &Selector<'_>,
    ) -> Result<Key<'a>, ScanError> {
        let Some(lane) = source.lane else {
            return Ok(Key {
                lane: None,
                ranks: None,
                codes: None,
                count: source.size,
            });
        };
        let column = composer.lane(lane)?;
        let placed = Some((lane, &column.codes));
        let tested = selector.alive(lane);
        if source.codes.is_none() && tested.is_none() {
            return Ok(Key {
                lane: placed,
                ranks: None,
                codes: None,
                count: source.size,
            });
        }
        let alive =
            |code: u32| tested.map_or_else(|| column.holds(code), |alive| alive[code as usize]);
        let reached = |code: u32| {
            source
                .codes
                .as_ref()
                .map_or(code, |codes| codes[code as usize])
        };
        let mut ranks_by_code = vec![u32::MAX; source.size as usize];
        for code in (0..column.size()).filter(|code| alive(*code)) {
            ranks_by_code[reached(code) as usize] = 0;
        }
        let mut codes = Vec::new();
        for (code, rank) in (0u32..).zip(&mut ranks_by_code) {
            if *rank == 0 {
                *rank = codes.len() as u32;
                codes.push(code);
            }
        }
        // Codes that no row which passes can have get the rank 0; it is never read.
        let rank = |code: u32| {
            Some(ranks_by_code[reached(code) as usize])
                .filter(|rank| *rank != u32::MAX)
                .unwrap_or(0)
        };
        let ranks = (0..column.size()).map(rank).collect();
        Ok(Key {
            lane: placed,
            ranks: Some(ranks),
            count: codes.len() as u32,
            codes: Some(codes),
        })
    }
}

/// The keys of each lane as one table, so that a row costs one lookup a lane.
fn parts<'a>(keys: &[Key<'a>]) -> Vec<Part<'a>> {
    let mut strides = vec![1u32; keys.len()];
    for place in (1..keys.len()).rev() {
        strides[place - 1] = strides[place].saturating_mul(keys[place].count);
    }
    let mut lanes: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
    for (place, key) in keys.iter().enumerate() {
        lanes
            .entry(key.lane.map(|(lane, _)| lane))
            .or_default()
            .push(place);
    }
    let part = |places: Vec<usize>| {
        let first = &keys[places[0]];
        let codes = first.lane.map(|(_, codes)| codes);
        if codes.is_none() || (places.len() == 1 && first.ranks.is_none()) {
            return Part {
                codes,
                table: None,
                stride: places.iter().map(|p| strides[*p]).sum(),
            };
        }
        let size = places
            .iter()
            .map(|p| {
                keys[*p]
                    .ranks
                    .as_ref()
                    .map_or(keys[*p].count as usize, Vec::len)
            })
            .max();
        let add = |code: usize| {
            places
                .iter()
                .map(|p| {
                    keys[*p]
                        .ranks
                        .as_ref()
                        .map_or(code as u32, |ranks| ranks[code])
                        * strides[*p]
                })
                .sum::<u32>()
        };
        Part {
            codes,
            table: Some((0..size.unwrap_or(0)).map(add).collect()),
            stride: 1,
        }
    };
    lanes.into_values().map(part).collect()
}

impl Part<'_> {
    fn add(&self, strip: &Strip<'_>, first: bool, ids: &mut Vec<u32>) {
        let stride = self.stride;
        match (self.codes, &self.table) {
            (Some(codes), Some(table)) if first => {
                strip.gather(codes, ids, |code| table[code as usize])
            }
            (Some(codes), Some(table)) => {
                strip.update(codes, ids, |id, code| *id += table[code as usize])
            }
            (Some(codes), None) if first => strip.gather(codes, ids, |code| code * stride),
            (Some(codes), None) => strip.update(codes, ids, |id, code| *id += code * stride),
            (None, _) => {
                if first {
                    ids.clear();
                    ids.resize(strip.count(), 0);
                }
                ids.iter_mut()
                    .zip(strip.rows())
                    .for_each(|(id, row)| *id += row * stride);
            }
        }
    }
}

/// Cuts the keys into words: the first may take 64 bits, the others 32, so that each level is one lookup by 64 bits.
fn levels(keys: &[Key<'_>]) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    let mut product = 1u128;
    for (place, key) in keys.iter().enumerate() {
        let limit = if levels.len() > 1 {
            1u128 << 32
        } else {
            1u128 << 64
        };
        product *= u128::from(key.count);
        match levels.last_mut() {
            Some(level) if product <= limit => level.keys.end = place + 1,
            _ => {
                product = key.count.into();
                levels.push(Level {
                    keys: place..place + 1,
                    numbers: FastMap::default(),
                    entries: Vec::new(),
                });
            }
        }
    }
    levels
}

impl Level {
    fn number(&mut self, words: &[u64], ids: &mut [u32]) {
        for (id, word) in ids.iter_mut().zip(words) {
            let next = self.entries.len() as u32;
            // In the first level all numbers so far are 0, in the others a word has 32 bits: either way nothing overlaps.
            let number = *self
                .numbers
                .entry(u64::from(*id) << 32 ^ word)
                .or_insert(next);
            if number == next {
                self.entries.push((*id, *word));
            }
            *id = number;
        }
    }
}

/// The ranks of some keys in each row of a strip, in mixed radix.
fn words(keys: &[Key<'_>], strip: &Strip<'_>, words: &mut Vec<u64>) {
    words.clear();
    words.resize(strip.count(), 0);
    for key in keys {
        let count = u64::from(key.count);
        match (key.lane, &key.ranks) {
            (Some((_, codes)), Some(ranks)) => {
                strip.update(codes, words, |word, code| {
                    *word = *word * count + u64::from(ranks[code as usize])
                });
            }
            (Some((_, codes)), None) => strip.update(codes, words, |word, code| {
                *word = *word * count + u64::from(code)
            }),
            (None, _) => words
                .iter_mut()
                .zip(strip.rows())
                .for_each(|(word, row)| *word = *word * count + u64::from(row)),
        }
    }
}

/// The words of a group, first key first.
fn words_of(levels: &[Level], group: u32) -> Vec<u64> {
    let mut words = vec![0; levels.len()];
    let mut number = group;
    for (level, place) in levels.iter().zip(words.iter_mut()).rev() {
        let (before, word) = level.entries[number as usize];
        *place = word;
        number = before;
    }
    words
}

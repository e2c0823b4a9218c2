//! Grouping: the number of each row's group. By mixed radix into a dense array where the keys have few combinations, else by
//! hashing.

use std::collections::BTreeMap;

use super::compose::{Composer, Source};
use super::select::Selector;
use super::strip::Strip;
use crate::bits::Bits;
use crate::composed::Reached;
use crate::hash::FastMap;
use crate::runs::RowCodes;
use crate::{PathColumn, ScanError};

/// Groups are numbered densely up to so many combinations: their sums then take 64 MB at most.
const DENSE_GROUPS: u128 = 1 << 22;
/// And up to so many combinations a row, so that a scan of a small table does not clear a large array.
const DENSE_GROUPS_PER_ROW: u128 = 16;
const DENSE_GROUPS_AT_LEAST: u128 = 4096;

/// How groups are numbered: decided before the first row, and shared by all threads.
pub(super) struct Grouping<'a> {
    keys: Vec<Key<'a>>,
    method: Method<'a>,
}

/// The groups that one thread has found.
pub(super) struct Grouper<'g, 'a> {
    grouping: &'g Grouping<'a>,
    /// Empty unless groups are hashed.
    levels: Vec<Level>,
    /// Rows of each group.
    rows: Vec<u32>,
    /// Words of the rows of a strip, kept for its buffer.
    words: Vec<u64>,
}

/// One group key. Its codes that can occur are ranked from 0 on, in order, so that combinations are few.
struct Key<'a> {
    lane: Option<(u32, &'a RowCodes)>,
    /// None: the rank is the lane's number itself.
    ranks: Option<Ranks>,
    /// By rank the key's code. None: the rank itself.
    codes: Option<Vec<u32>>,
    count: u32,
    /// How many codes rows that pass can have, at most.
    occurring: u32,
}

/// By number of the lane the rank of the key's code, for the numbers that rows which pass can have.
struct Ranks {
    first: u32,
    by_number: Vec<u32>,
}

enum Method<'a> {
    /// No keys: one group.
    One,
    Dense {
        parts: Vec<Part<'a>>,
        groups: usize,
    },
    Hashed(Vec<std::ops::Range<usize>>),
}

/// What one lane adds to the number of a group.
struct Part<'a> {
    codes: Option<&'a RowCodes>,
    /// By number of the lane, from `first` on. None: the number, or the row number, times the stride.
    table: Option<Vec<u32>>,
    first: u32,
    stride: u32,
}

/// Some of the keys, as one word in mixed radix. A group is found through all levels, each adding its word.
#[derive(Default)]
struct Level {
    numbers: FastMap<u64, u32>,
    /// For each number of this level the number of the level before and the word.
    entries: Vec<(u32, u64)>,
}

impl<'a> Grouping<'a> {
    pub(super) fn new(
        composer: &mut Composer<'a>,
        columns: &[PathColumn],
        selector: &Selector<'_>,
    ) -> Result<Grouping<'a>, ScanError> {
        let mut keys = Vec::with_capacity(columns.len());
        for column in columns {
            let source = composer.source(column)?;
            keys.push(Key::new(composer, &source, selector)?);
        }
        let combinations = keys.iter().fold(1u128, |product, key| {
            product.saturating_mul(key.count.into())
        });
        let bound = composer.rows() as u128 * DENSE_GROUPS_PER_ROW + DENSE_GROUPS_AT_LEAST;
        let method = if keys.is_empty() {
            Method::One
        } else if combinations == 0 {
            // A key that no row can have: there is nothing to number.
            Method::Dense {
                parts: Vec::new(),
                groups: 0,
            }
        } else if combinations <= bound.min(DENSE_GROUPS) {
            Method::Dense {
                parts: parts(&keys),
                groups: combinations as usize,
            }
        } else {
            Method::Hashed(levels(&keys))
        };
        Ok(Grouping { keys, method })
    }

    /// The number of groups, where it is known before the first row.
    pub(super) fn fixed_groups(&self) -> Option<usize> {
        match self.method {
            Method::One => Some(1),
            Method::Dense { groups, .. } => Some(groups),
            Method::Hashed(_) => None,
        }
    }

    /// How many groups there can be at most, where each has a place of its own: once so many are found, no row can bring another.
    pub(super) fn possible_groups(&self) -> Option<usize> {
        let Method::Dense { .. } = self.method else {
            return None;
        };
        let occurring = self.keys.iter().map(|key| key.occurring as usize);
        Some(occurring.product())
    }

    /// The codes of the one key, where they can be told without a look at the rows: a row passes exactly when the lane's number is
    /// alive, and every number that is alive has a row.
    pub(super) fn codes_of_lane(
        &self,
        composer: &Composer<'a>,
        selector: &Selector<'_>,
    ) -> Result<Option<Vec<u32>>, ScanError> {
        let [
            Key {
                lane: Some((lane, _)),
                codes,
                ..
            },
        ] = self.keys.as_slice()
        else {
            return Ok(None);
        };
        let column = composer.lane(*lane)?;
        if !selector.asks_only(*lane) || !column.held_is_exact() {
            return Ok(None);
        }
        Ok(match codes {
            Some(codes) => Some(codes.clone()),
            // Nothing is asked of this lane, nor of any other.
            None if selector.alive(*lane).is_none() => Some(column.held().iter().collect()),
            None => None,
        })
    }

    /// Without any group yet.
    pub(super) fn grouper(&self) -> Grouper<'_, 'a> {
        let levels = match &self.method {
            Method::Hashed(levels) => levels.iter().map(|_| Level::default()).collect(),
            _ => Vec::new(),
        };
        Grouper {
            grouping: self,
            levels,
            rows: vec![0; self.fixed_groups().unwrap_or(0)],
            words: Vec::new(),
        }
    }
}

impl Grouper<'_, '_> {
    /// Groups that have numbers so far.
    pub(super) fn groups(&self) -> usize {
        self.rows.len()
    }

    /// Bytes that the numbers of the groups take.
    pub(super) fn bytes(&self) -> usize {
        let numbering: usize = self
            .levels
            .iter()
            .map(|level| level.numbers.capacity() * 17 + level.entries.capacity() * 16)
            .sum();
        numbering + std::mem::size_of_val(self.rows.as_slice())
    }

    /// Groups of a dense array that have rows.
    pub(super) fn filled(&self) -> usize {
        self.rows.iter().filter(|rows| **rows > 0).count()
    }

    /// Groups that surely have rows.
    pub(super) fn found(&self) -> usize {
        match self.grouping.method {
            Method::Hashed(_) => self.rows.len(),
            _ => 0,
        }
    }

    /// Numbers the groups of the rows of a strip. Without keys `ids` stays empty: all rows are in the one group.
    pub(super) fn assign(&mut self, strip: &Strip<'_>, ids: &mut Vec<u32>) {
        match &self.grouping.method {
            Method::One => {
                ids.clear();
                self.rows[0] += strip.count() as u32;
                return;
            }
            Method::Dense { parts, .. } => {
                for (place, part) in parts.iter().enumerate() {
                    part.add(strip, place == 0, ids);
                }
            }
            Method::Hashed(levels) => {
                ids.clear();
                ids.resize(strip.count(), 0);
                for (keys, level) in levels.iter().zip(&mut self.levels) {
                    words(&self.grouping.keys[keys.clone()], strip, &mut self.words);
                    level.number(&self.words, ids);
                }
                // Numbers of the last level are the groups.
                self.rows
                    .resize(self.levels.last().map_or(0, |level| level.entries.len()), 0);
            }
        }
        for id in ids.iter() {
            self.rows[*id as usize] += 1;
        }
    }

    /// Adds the groups of another thread. Gives the numbers that its groups have here; None: the same.
    pub(super) fn merge(&mut self, other: &Grouper<'_, '_>) -> Option<Vec<u32>> {
        if let Method::Hashed(_) = self.grouping.method {
            let mut here = vec![0];
            for (level, theirs) in self.levels.iter_mut().zip(&other.levels) {
                let entries = theirs.entries.iter();
                here = entries
                    .map(|(before, word)| level.find(here[*before as usize], *word))
                    .collect();
            }
            self.rows
                .resize(self.levels.last().map_or(0, |level| level.entries.len()), 0);
            for (number, rows) in here.iter().zip(&other.rows) {
                self.rows[*number as usize] += rows;
            }
            return Some(here);
        }
        self.rows
            .iter_mut()
            .zip(&other.rows)
            .for_each(|(mine, theirs)| *mine += theirs);
        None
    }

    /// The groups that have rows, in ascending order of their key codes. Without keys the one group, even without rows.
    pub(super) fn occupied(&self) -> Vec<u32> {
        match &self.grouping.method {
            Method::One => vec![0],
            Method::Dense { .. } => (0..self.rows.len() as u32)
                .filter(|g| self.rows[*g as usize] > 0)
                .collect(),
            Method::Hashed(_) => match self.levels.as_slice() {
                [only] => {
                    let mut groups: Vec<(u64, u32)> = only
                        .entries
                        .iter()
                        .zip(0..)
                        .map(|((_, word), group)| (*word, group))
                        .collect();
                    groups.sort_unstable();
                    groups.into_iter().map(|(_, group)| group).collect()
                }
                levels => {
                    let mut words = vec![0; self.rows.len() * levels.len()];
                    for (group, words) in (0..).zip(words.chunks_exact_mut(levels.len())) {
                        words_of(levels, group, words);
                    }
                    let of = |group: &u32| &words[*group as usize * levels.len()..][..levels.len()];
                    let mut groups: Vec<u32> = (0..self.rows.len() as u32).collect();
                    groups.sort_unstable_by(|a, b| of(a).cmp(of(b)));
                    groups
                }
            },
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
        let keys = &self.grouping.keys;
        let mut codes: Vec<Vec<u32>> = keys.iter().map(|_| vec![0; groups.len()]).collect();
        let mut words = vec![0; self.levels.len()];
        for (place, group) in groups.iter().enumerate() {
            match &self.grouping.method {
                Method::One => {}
                Method::Dense { .. } => {
                    self.split(0..keys.len(), u64::from(*group), place, &mut codes)
                }
                Method::Hashed(levels) => {
                    words_of(&self.levels, *group, &mut words);
                    for (keys, word) in levels.iter().zip(&words) {
                        self.split(keys.clone(), *word, place, &mut codes);
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
            } = &self.grouping.keys[key];
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
                occurring: source.size,
            });
        };
        let column = composer.lane(lane)?;
        let placed = Some((lane, &column.numbers));
        let tested = selector.alive(lane);
        if let (Reached::Own, None) = (&source.reached, tested) {
            return Ok(Key {
                lane: placed,
                ranks: None,
                codes: None,
                count: source.size,
                occurring: column.held().count(),
            });
        }
        let alive = tested.unwrap_or_else(|| column.held());
        let first = alive.next(0).unwrap_or(0);
        let end = alive.last_below(alive.len()).map_or(first, |last| last + 1);
        let mut occurring = Bits::none(source.size);
        // Calls with each stretch of numbers that leads to one code, if rows that pass can have one of them.
        let stretches = |see: &mut dyn FnMut(u32, u32, u32)| match &source.reached {
            Reached::Runs(runs) => runs
                .between(first, end)
                .filter(|(from, to, _)| alive.next(*from).is_some_and(|next| next < *to))
                .for_each(|(from, to, code)| see(from, to, code)),
            Reached::Own => alive.iter().for_each(|n| see(n, n + 1, n)),
            Reached::Dense(codes) => alive.iter().for_each(|n| see(n, n + 1, codes[n as usize])),
        };
        stretches(&mut |_, _, code| occurring.set(code));
        let codes: Vec<u32> = occurring.iter().collect();
        let mut rank_of = vec![0u32; source.size as usize];
        for (rank, code) in (0u32..).zip(&codes) {
            rank_of[*code as usize] = rank;
        }
        // Numbers that no row which passes can have keep the rank 0; it is never read.
        let mut by_number = vec![0u32; (end - first) as usize];
        stretches(&mut |from, to, code| {
            by_number[(from - first) as usize..(to - first) as usize].fill(rank_of[code as usize]);
        });
        Ok(Key {
            lane: placed,
            ranks: Some(Ranks { first, by_number }),
            count: codes.len() as u32,
            occurring: codes.len() as u32,
            codes: Some(codes),
        })
    }

    /// The numbers of the lane that have ranks: the first, and the one after the last.
    fn bounds(&self) -> (u32, u32) {
        match &self.ranks {
            None => (0, self.count),
            Some(ranks) => (ranks.first, ranks.first + ranks.by_number.len() as u32),
        }
    }

    fn rank(&self, number: u32) -> u32 {
        match &self.ranks {
            None => number,
            Some(ranks) => {
                let place = number.checked_sub(ranks.first).map(|place| place as usize);
                let rank = place.and_then(|place| ranks.by_number.get(place));
                rank.copied().unwrap_or(0)
            }
        }
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
                first: 0,
                stride: places.iter().map(|p| strides[*p]).sum(),
            };
        }
        let bounds = places.iter().map(|p| keys[*p].bounds());
        let (from, to) = bounds.fold((u32::MAX, 0), |(from, to), (first, end)| {
            (from.min(first), to.max(end))
        });
        let add = |number| {
            places
                .iter()
                .map(|p| keys[*p].rank(number) * strides[*p])
                .sum::<u32>()
        };
        Part {
            codes,
            table: Some((from..to).map(add).collect()),
            first: from,
            stride: 1,
        }
    };
    lanes.into_values().map(part).collect()
}

impl Part<'_> {
    fn add(&self, strip: &Strip<'_>, is_first: bool, ids: &mut Vec<u32>) {
        let (stride, first) = (self.stride, self.first);
        match (self.codes, &self.table) {
            (Some(codes), Some(table)) if is_first => {
                strip.gather(codes, ids, |number| table[(number - first) as usize])
            }
            (Some(codes), Some(table)) => strip.update(codes, ids, |id, number| {
                *id += table[(number - first) as usize]
            }),
            (Some(codes), None) if is_first => strip.gather(codes, ids, |number| number * stride),
            (Some(codes), None) => strip.update(codes, ids, |id, number| *id += number * stride),
            (None, _) => {
                if is_first {
                    ids.clear();
                    ids.resize(strip.count(), 0);
                }
                strip.each_row(|place, row| ids[place] += row * stride);
            }
        }
    }
}

/// Cuts the keys into words: the first may take 64 bits, the others 32, so that each level is one lookup by 64 bits.
fn levels(keys: &[Key<'_>]) -> Vec<std::ops::Range<usize>> {
    let mut levels: Vec<std::ops::Range<usize>> = Vec::new();
    let mut product = 1u128;
    for (place, key) in keys.iter().enumerate() {
        let limit = if levels.len() > 1 {
            1u128 << 32
        } else {
            1u128 << 64
        };
        product *= u128::from(key.count);
        match levels.last_mut() {
            Some(level) if product <= limit => level.end = place + 1,
            _ => {
                product = key.count.into();
                levels.push(place..place + 1);
            }
        }
    }
    levels
}

impl Level {
    fn number(&mut self, words: &[u64], ids: &mut [u32]) {
        for (id, word) in ids.iter_mut().zip(words) {
            *id = self.find(*id, *word);
        }
    }

    /// The number of what has the number `before` in the level before, and this word in this one.
    fn find(&mut self, before: u32, word: u64) -> u32 {
        let next = self.entries.len() as u32;
        // In the first level all numbers so far are 0, in the others a word has 32 bits: either way nothing overlaps.
        let key = u64::from(before) << 32 ^ word;
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.entries.push((before, word));
        }
        number
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
                strip.update(codes, words, |word, number| {
                    let rank = ranks.by_number[(number - ranks.first) as usize];
                    *word = *word * count + u64::from(rank)
                });
            }
            (Some((_, codes)), None) => strip.update(codes, words, |word, code| {
                *word = *word * count + u64::from(code)
            }),
            (None, _) => {
                strip.each_row(|place, row| words[place] = words[place] * count + u64::from(row))
            }
        }
    }
}

/// The words of a group, first key first; as many as there are levels.
fn words_of(levels: &[Level], group: u32, words: &mut [u64]) {
    let mut number = group;
    for (level, place) in levels.iter().zip(words).rev() {
        let (before, word) = level.entries[number as usize];
        *place = word;
        number = before;
    }
}

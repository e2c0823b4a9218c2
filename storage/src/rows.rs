//! Sets of rows in the shape that scans take them in: block by block, a bit each where many rows are in, and short lists where few
//! are. A scan takes the words of a block as they stand, which is faster than testing any column.

use std::fmt;

use crate::bits::set_range;
use crate::column::BLOCK;

/// Words of a block, a bit a row.
const WORDS: usize = BLOCK / 64;
/// Up to so many runs, or single rows, are faster to write into words than they would be worth in memory as words.
const MOST_RUNS: usize = 512;
const MOST_SINGLE: usize = 2048;

/// A set of rows. The shape of each block follows from its rows alone, so equal sets are equal block by block.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RowBlocks {
    /// The last one is not empty.
    blocks: Vec<Block>,
    len: u64,
}

#[derive(Clone, PartialEq, Eq)]
enum Block {
    Empty,
    /// Rows of the block, ascending.
    Single(Box<[u16]>),
    /// First and last rows of runs, ascending and apart.
    Runs(Box<[(u16, u16)]>),
    Bits(Box<[u64; WORDS]>),
}

/// What a set holds of the first rows of a block. `Some` may be all or nothing where they are not the whole block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Nothing,
    Some,
    All,
}

impl fmt::Debug for RowBlocks {
    /// How many, and not which: what somebody may see is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.len)
    }
}

impl RowBlocks {
    /// Half-open runs, ascending. They may touch.
    pub fn of_runs(runs: impl IntoIterator<Item = (u32, u32)>) -> RowBlocks {
        let mut builder = Builder::default();
        for (first, end) in runs {
            builder.add(first, end);
        }
        builder.finish()
    }

    /// Row n is in where bit n % 64 of word n / 64 is set.
    pub fn of_words(words: impl IntoIterator<Item = u64>) -> RowBlocks {
        let mut builder = Builder::default();
        for (place, word) in words.into_iter().enumerate().filter(|(_, word)| *word != 0) {
            builder.go_to(place / WORDS);
            builder.words[place % WORDS] |= word;
        }
        builder.finish()
    }

    /// How many rows are in the set.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn contains(&self, row: u32) -> bool {
        let (block, place) = (row as usize / BLOCK, (row as usize % BLOCK) as u16);
        match self.blocks.get(block) {
            None | Some(Block::Empty) => false,
            Some(Block::Single(rows)) => rows.binary_search(&place).is_ok(),
            Some(Block::Runs(runs)) => {
                let before = runs.partition_point(|(first, _)| *first <= place);
                before > 0 && place <= runs[before - 1].1
            }
            Some(Block::Bits(words)) => words[usize::from(place) / 64] >> (place % 64) & 1 == 1,
        }
    }

    /// The rows, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.runs().flat_map(|(first, end)| first..end)
    }

    /// The rows as half-open runs, ascending and apart within a block.
    pub fn runs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let blocks = self.blocks.iter().enumerate();
        blocks.flat_map(|(at, block)| {
            let start = (at * BLOCK) as u32;
            let run = move |(first, last): (u16, u16)| {
                (start + u32::from(first), start + u32::from(last) + 1)
            };
            let runs: Box<dyn Iterator<Item = (u16, u16)>> = match block {
                Block::Empty => Box::new(std::iter::empty()),
                Block::Single(rows) => Box::new(rows.iter().map(|row| (*row, *row))),
                Block::Runs(runs) => Box::new(runs.iter().copied()),
                Block::Bits(words) => Box::new(runs_of(&**words)),
            };
            runs.map(run)
        })
    }

    /// The rows that both hold.
    pub fn both(&self, other: &RowBlocks) -> RowBlocks {
        let mut builder = Builder::default();
        let mut part = [0; WORDS];
        for (at, (mine, theirs)) in self.blocks.iter().zip(&other.blocks).enumerate() {
            if *mine == Block::Empty || *theirs == Block::Empty {
                continue;
            }
            builder.go_to(at);
            mine.write(&mut *builder.words);
            part.fill(0);
            theirs.write(&mut part);
            builder
                .words
                .iter_mut()
                .zip(&part)
                .for_each(|(a, b)| *a &= b);
        }
        builder.finish()
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let inside = |block: &Block| match block {
            Block::Empty => 0,
            Block::Single(rows) => size_of_val(&**rows),
            Block::Runs(runs) => size_of_val(&**runs),
            Block::Bits(words) => size_of_val(&**words),
        };
        size_of_val(self.blocks.as_slice()) + self.blocks.iter().map(inside).sum::<usize>()
    }

    /// The content as bytes, the same for equal sets and for no others: what a digest is made of.
    pub fn each_part(&self, mut see: impl FnMut(&[u8])) {
        let mut bytes = Vec::with_capacity(BLOCK / 8);
        let blocks = (0u32..).zip(&self.blocks);
        for (at, block) in blocks.filter(|(_, block)| **block != Block::Empty) {
            bytes.clear();
            let kind = match block {
                Block::Empty => 0,
                Block::Single(rows) => {
                    bytes.extend(rows.iter().flat_map(|row| row.to_le_bytes()));
                    1
                }
                Block::Runs(runs) => {
                    let ends = runs.iter().flat_map(|(first, last)| [*first, *last]);
                    bytes.extend(ends.flat_map(u16::to_le_bytes));
                    2
                }
                Block::Bits(words) => {
                    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
                    3
                }
            };
            see(&at.to_le_bytes());
            see(&[kind]);
            see(&(bytes.len() as u64).to_le_bytes());
            see(&bytes);
        }
    }

    /// What the set holds of the first `len` rows of a block.
    pub(crate) fn part(&self, block: usize, len: usize) -> Part {
        match self.blocks.get(block) {
            None | Some(Block::Empty) => Part::Nothing,
            Some(Block::Single(rows)) => within(rows[0], rows[0], len),
            Some(Block::Runs(runs)) => within(runs[0].0, runs[0].1, len),
            Some(Block::Bits(_)) => Part::Some,
        }
    }

    /// Makes `words` those of the first `len` rows of a block.
    pub(crate) fn write(&self, block: usize, len: usize, words: &mut Vec<u64>) {
        words.clear();
        words.resize(len.div_ceil(64), 0);
        if let Some(block) = self.blocks.get(block) {
            block.write(words);
        }
        if let (Some(last), rest @ 1..) = (words.last_mut(), len % 64) {
            *last &= u64::MAX >> (64 - rest);
        }
    }
}

impl FromIterator<u32> for RowBlocks {
    /// Rows in any order.
    fn from_iter<I: IntoIterator<Item = u32>>(rows: I) -> RowBlocks {
        let mut rows: Vec<u32> = rows.into_iter().collect();
        rows.sort_unstable();
        // The last number of all has no end, and is no row either.
        RowBlocks::of_runs(
            rows.into_iter()
                .filter_map(|row| Some((row, row.checked_add(1)?))),
        )
    }
}

/// Of a block whose first run is this.
fn within(first: u16, last: u16, len: usize) -> Part {
    if usize::from(first) >= len {
        Part::Nothing
    } else if first == 0 && usize::from(last) + 1 >= len {
        Part::All
    } else {
        Part::Some
    }
}

impl Block {
    /// The shape that these rows have.
    fn of(words: &[u64; WORDS]) -> Block {
        let (mut rows, mut runs, mut before) = (0, 0, 0);
        for word in words {
            rows += word.count_ones() as usize;
            runs += (word & !(word << 1 | before)).count_ones() as usize;
            before = word >> 63;
        }
        if rows == 0 {
            Block::Empty
        } else if runs <= MOST_RUNS && runs * 2 <= rows {
            Block::Runs(runs_of(words).collect())
        } else if rows <= MOST_SINGLE {
            Block::Single(
                runs_of(words)
                    .flat_map(|(first, last)| first..=last)
                    .collect(),
            )
        } else {
            Block::Bits(Box::new(*words))
        }
    }

    /// Into empty words, perhaps fewer than the block has.
    fn write(&self, words: &mut [u64]) {
        let end = words.len() * 64;
        match self {
            Block::Empty => {}
            Block::Single(rows) => {
                for row in rows
                    .iter()
                    .map(|row| usize::from(*row))
                    .take_while(|row| *row < end)
                {
                    words[row / 64] |= 1 << (row % 64);
                }
            }
            Block::Runs(runs) => {
                let runs = runs
                    .iter()
                    .map(|(first, last)| (usize::from(*first), usize::from(*last) + 1));
                for (first, last) in runs.take_while(|(first, _)| *first < end) {
                    set_range(words, first, last.min(end));
                }
            }
            Block::Bits(bits) => words.copy_from_slice(&bits[..words.len()]),
        }
    }
}

/// First and last places of the runs of set bits.
fn runs_of(words: &[u64]) -> impl Iterator<Item = (u16, u16)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let first = seek(words, at, 0)?;
        let end = seek(words, first, u64::MAX).unwrap_or(words.len() * 64);
        at = end;
        Some((first as u16, (end - 1) as u16))
    })
}

/// The first place from `from` on whose bit differs from those of `flip`.
fn seek(words: &[u64], from: usize, flip: u64) -> Option<usize> {
    let mut place = from / 64;
    let mut word = (words.get(place)? ^ flip) & u64::MAX << (from % 64);
    while word == 0 {
        place += 1;
        word = words.get(place)? ^ flip;
    }
    Some(place * 64 + word.trailing_zeros() as usize)
}

/// Makes a set block after block.
pub(crate) struct Builder {
    blocks: Vec<Block>,
    len: u64,
    /// Those of block `blocks.len()`.
    words: Box<[u64; WORDS]>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            blocks: Vec::new(),
            len: 0,
            words: Box::new([0; WORDS]),
        }
    }
}

impl Builder {
    /// Adds the rows from `first` on and below `end`; never before the block of those added last.
    pub(crate) fn add(&mut self, first: u32, end: u32) {
        let (mut from, end) = (first as usize, end as usize);
        while from < end {
            self.go_to(from / BLOCK);
            let start = from / BLOCK * BLOCK;
            let to = end.min(start + BLOCK);
            set_range(&mut *self.words, from - start, to - start);
            from = to;
        }
    }

    /// Ends the blocks before this one.
    fn go_to(&mut self, block: usize) {
        if self.blocks.len() < block {
            self.end_block();
            self.blocks.resize(block, Block::Empty);
        }
    }

    fn end_block(&mut self) {
        self.len += self
            .words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum::<u64>();
        self.blocks.push(Block::of(&self.words));
        self.words.fill(0);
    }

    pub(crate) fn finish(mut self) -> RowBlocks {
        self.end_block();
        let last = self.blocks.iter().rposition(|block| *block != Block::Empty);
        self.blocks.truncate(last.map_or(0, |last| last + 1));
        self.blocks.shrink_to_fit();
        RowBlocks {
            blocks: self.blocks,
            len: self.len,
        }
    }
}

impl RowBlocks {
    /// Adds sets that have no block with rows in common.
    pub(crate) fn joined(sets: impl IntoIterator<Item = RowBlocks>) -> RowBlocks {
        let mut all = RowBlocks::default();
        for set in sets {
            all.len += set.len;
            if all.blocks.len() < set.blocks.len() {
                all.blocks.resize(set.blocks.len(), Block::Empty);
            }
            for (mine, theirs) in all.blocks.iter_mut().zip(set.blocks) {
                if theirs != Block::Empty {
                    *mine = theirs;
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A set of every shape, as the rows that it should have.
    fn sets() -> Vec<Vec<u32>> {
        let block = BLOCK as u32;
        vec![
            vec![],
            vec![0],
            vec![block - 1, block],
            (0..block).collect(),
            (0..3 * block + 5).collect(),
            (5 * block..5 * block + 70).collect(),
            (0..2 * block).filter(|row| row % 3 != 0).collect(),
            (0..2 * block).step_by(40).collect(),
            (0..2 * block).step_by(20).collect(),
            (0..block).filter(|row| row / 100 % 2 == 0).collect(),
            (0..block).filter(|row| row / 300 % 2 == 1).collect(),
            (block..block + 6000)
                .step_by(2)
                .chain([4 * block - 1])
                .collect(),
        ]
    }

    #[test]
    fn every_shape_holds_its_rows_however_it_is_made() {
        for rows in sets() {
            let set: RowBlocks = rows.iter().rev().copied().collect();
            assert_eq!(set.len(), rows.len() as u64);
            assert_eq!(set.iter().collect::<Vec<_>>(), rows);
            let runs = RowBlocks::of_runs(set.runs());
            let mut words = vec![0; 6 * WORDS];
            for row in &rows {
                words[*row as usize / 64] |= 1 << (row % 64);
            }
            assert_eq!((&set, &set), (&runs, &RowBlocks::of_words(words)));
            let every = 6 * BLOCK as u32;
            let contained = (0..every).filter(|row| set.contains(*row));
            assert!(contained.eq(rows.iter().copied()));
            assert!(!set.contains(u32::MAX));
        }
    }

    #[test]
    fn parts_and_words_are_those_of_the_first_rows() {
        for rows in sets() {
            let set: RowBlocks = rows.iter().copied().collect();
            for (block, len) in [
                (0, BLOCK),
                (0, 64),
                (0, 1000),
                (1, BLOCK),
                (1, 1),
                (3, 5),
                (9, 64),
            ] {
                let start = (block * BLOCK) as u32;
                let range = start..start + len as u32;
                let inside: Vec<u32> = range.clone().filter(|row| set.contains(*row)).collect();
                let mut words = vec![u64::MAX; 3];
                set.write(block, len, &mut words);
                let mut written = (0..words.len() as u32 * 64)
                    .filter(|row| words[*row as usize / 64] >> (row % 64) & 1 == 1);
                assert!(inside.iter().all(|row| written.next() == Some(row - start)));
                assert_eq!(written.next(), None);
                match set.part(block, len) {
                    Part::Nothing => assert!(inside.is_empty()),
                    Part::All => assert_eq!(inside.len(), len),
                    Part::Some if len == BLOCK => {
                        assert!(!inside.is_empty() && inside.len() < len);
                    }
                    // Of a part of a block it may be any, and the words tell.
                    Part::Some => {}
                }
            }
        }
    }

    #[test]
    fn what_two_sets_share_and_what_their_bytes_tell() {
        let bytes = |set: &RowBlocks| {
            let mut all = Vec::new();
            set.each_part(|part| all.extend_from_slice(part));
            all
        };
        for a in sets() {
            for b in sets() {
                let left: RowBlocks = a.iter().copied().collect();
                let right: RowBlocks = b.iter().copied().collect();
                let shared: RowBlocks = left.iter().filter(|row| right.contains(*row)).collect();
                assert_eq!(left.both(&right), shared);
                assert_eq!(left == right, a == b);
                assert_eq!(bytes(&left) == bytes(&right), a == b);
            }
        }
    }

    #[test]
    fn memory_follows_the_rows() {
        let bytes = |rows: &mut dyn Iterator<Item = u32>| rows.collect::<RowBlocks>().bytes();
        let rows = 16 * BLOCK as u32;
        assert!(bytes(&mut (0..rows)) < 1000);
        assert!(bytes(&mut (0..rows).step_by(1000)) < 3 * rows as usize / 1000 + 1000);
        assert!(bytes(&mut (0..rows).step_by(2)) <= rows as usize / 8 + 1000);
    }

    #[test]
    fn a_set_in_a_log_does_not_say_which_rows_it_holds() {
        let set: RowBlocks = [4711, 815].into_iter().collect();
        assert_eq!(format!("{set:?}"), "2 rows");
    }
}

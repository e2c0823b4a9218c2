//! The codes of a column from its pages. A page is unpacked, looked at and laid down while it is in the second level of cache, so that
//! what memory keeps is written once and never read again; where memory keeps runs, the rows are never laid down at all.

use std::sync::{Mutex, PoisonError};

use arrow::datatypes::DataType as ArrowType;

use super::AtRestError;
use super::bridge::in_parallel;
use super::delta;
use super::manifest::PieceEntry;
use super::parquet_read::{OpenFile, not_as_written};
use crate::BLANK;
use crate::codes::{Code, Codes, MOST_OF_U24, U24};
use crate::column::BLOCK;
use crate::pages;
use crate::runs::{RowCodes, Runs, block_starts, pick};

/// Codes of all rows, or the numbers that stand for them, with what was noticed on the way.
pub(crate) struct ReadCodes {
    pub(crate) rows: RowCodes,
    pub(crate) blanks: u32,
    /// Smallest and largest of each block.
    pub(crate) zones: Vec<(u32, u32)>,
}

/// What the manifest says of the codes of a column.
#[derive(Clone, Copy)]
pub(crate) struct About {
    /// Codes are below it.
    pub(crate) size: u32,
    /// How many runs memory keeps; 0: a code for each row. None: it is to be found out.
    pub(crate) runs: Option<u32>,
}

/// Some rows of a column, and the file that they lie in.
pub(crate) struct Piece {
    pub(crate) file: OpenFile,
    pub(crate) entry: PieceEntry,
}

/// Codes from the column's place in the files of its pieces, or the numbers that stand for them. Row groups are read by several threads.
pub(crate) fn read_codes(pieces: &[Piece], about: &About) -> Result<ReadCodes, AtRestError> {
    match about.size {
        0..=0x100 => read_as::<u8>(pieces, about),
        0x101..=0x1_0000 => read_as::<u16>(pieces, about),
        0x1_0001..=MOST_OF_U24 => read_as::<U24>(pieces, about),
        _ => read_as::<u32>(pieces, about),
    }
}

/// A width of codes in memory.
trait Width {
    /// A code as it lies in memory. The system hands out cleared pages: a list of zeros takes none until it is written.
    type Place: Copy + Send;
    const EMPTY: Self::Place;
    /// What pages are unpacked to. Arithmetic has no numbers of three bytes.
    type Number: Code + Default;
    const IN_FILE: ArrowType;

    /// Numbers into as many places.
    fn lay(numbers: &[Self::Number], places: &mut [Self::Place]);
    fn list(places: Vec<Self::Place>) -> Codes;
}

macro_rules! of_a_machine_number {
    ($($number:ident $in_file:ident $list:ident)*) => {$(
        impl Width for $number {
            type Place = $number;
            const EMPTY: $number = 0;
            type Number = $number;
            const IN_FILE: ArrowType = ArrowType::$in_file;

            fn lay(numbers: &[$number], places: &mut [$number]) {
                places.copy_from_slice(numbers);
            }

            fn list(places: Vec<$number>) -> Codes {
                Codes::$list(places)
            }
        }
    )*};
}
of_a_machine_number!(u8 UInt8 U8  u16 UInt16 U16  u32 UInt32 U32);

impl Width for U24 {
    type Place = [u8; 3];
    const EMPTY: [u8; 3] = [0; 3];
    type Number = u32;
    const IN_FILE: ArrowType = ArrowType::UInt32;

    /// Four at a time, so that whole words are written.
    fn lay(numbers: &[u32], places: &mut [[u8; 3]]) {
        let (fours, rest) = numbers.as_chunks::<4>();
        let (places, places_of_rest) = places.as_chunks_mut::<4>();
        for ([a, b, c, d], places) in fours.iter().zip(places) {
            let low = u64::from(*a) | u64::from(*b) << 24 | u64::from(*c) << 48;
            let high = c >> 16 | d << 8;
            let (first, last) = places.as_flattened_mut().split_at_mut(8);
            first.copy_from_slice(&low.to_le_bytes());
            last.copy_from_slice(&high.to_le_bytes());
        }
        for (number, place) in rest.iter().zip(places_of_rest) {
            let [low, middle, high, _] = number.to_le_bytes();
            *place = [low, middle, high];
        }
    }

    fn list(places: Vec<[u8; 3]>) -> Codes {
        // The list stays where it is: the compiler sees that nothing changes.
        Codes::U24(places.into_iter().map(U24::of_bytes).collect())
    }
}

/// The column in one row group.
struct Group<'a> {
    file: &'a OpenFile,
    column: usize,
    group: usize,
    /// What code 1 has become, and the distance of further ones.
    moved: (u32, u32),
    /// The first row, and how many there are.
    start: usize,
    rows: usize,
}

/// What a few rows hold, noted while they are at hand.
struct Stretch {
    start: usize,
    len: usize,
    blanks: u32,
    least: u32,
    most: u32,
}

fn read_as<W: Width>(pieces: &[Piece], about: &About) -> Result<ReadCodes, AtRestError> {
    let groups = groups_of(pieces, &W::IN_FILE)?;
    // A piece that ends inside a block leaves the blocks of files and those of memory apart.
    let in_blocks = groups.iter().all(|group| group.start % BLOCK == 0);
    match about.runs {
        Some(count @ 1..) if in_blocks => read_runs::<W>(groups, about, count as usize),
        runs => {
            let (codes, (blanks, mut zones)) = read_each::<W>(groups, about)?;
            for start in (zones.len() * BLOCK..codes.len()).step_by(BLOCK) {
                zones.push(codes.ends(start..codes.len().min(start + BLOCK)));
            }
            Ok(ReadCodes {
                zones,
                rows: match runs {
                    Some(0) => RowCodes::Each(codes),
                    _ => RowCodes::of(codes),
                },
                blanks,
            })
        }
    }
}

/// Rows that were written before the column had so many values have narrower codes.
fn groups_of<'a>(pieces: &'a [Piece], widest: &ArrowType) -> Result<Vec<Group<'a>>, AtRestError> {
    let widths = [ArrowType::UInt8, ArrowType::UInt16, ArrowType::UInt32];
    let fits = |found: &ArrowType| {
        let width = |wanted| widths.iter().position(|known| known == wanted);
        width(found).is_some_and(|found| Some(found) <= width(widest))
    };
    let mut start = 0;
    let mut all = Vec::new();
    for Piece { file, entry } in pieces {
        let wrong = |why| AtRestError::damaged(file.path(), why);
        let column = entry.column as usize;
        if !file.column_type(column).is_some_and(fits) {
            return Err(wrong("a column is not of the width that was written"));
        }
        let groups = file.row_groups();
        if groups.iter().sum::<usize>() != entry.rows as usize {
            return Err(wrong("it has another number of rows than was written"));
        }
        for (group, rows) in groups.into_iter().enumerate() {
            all.push(Group {
                file,
                column,
                moved: (entry.first, entry.stride),
                group,
                start,
                rows,
            });
            start += rows;
        }
    }
    Ok(all)
}

impl Group<'_> {
    fn wrong(&self, why: &str) -> AtRestError {
        AtRestError::damaged(self.file.path(), why)
    }

    fn without_value(&self) -> AtRestError {
        self.wrong("a code of it has no value")
    }

    /// Unpacks page after page. `take` gets the number of rows before a page, and the page.
    fn pages<N: Code + Default>(
        &self,
        mut take: impl FnMut(usize, &mut [N]) -> Result<(), AtRestError>,
    ) -> Result<(), AtRestError> {
        let mut numbers: Vec<N> = Vec::new();
        let mut at = 0;
        self.file.codes(self.column, self.group, |page| {
            if page.count > self.rows - at {
                return Err(self.wrong("its rows do not fit"));
            }
            numbers.resize(page.count, N::default());
            delta::decode(page.numbers, &mut numbers)
                .ok_or_else(|| not_as_written(self.file.path()))?;
            take(at, &mut numbers)?;
            at += page.count;
            Ok(())
        })?;
        if at == self.rows {
            Ok(())
        } else {
            Err(self.wrong("rows are missing"))
        }
    }

    /// Moves codes to where they are now, and notes their ends. An error if a code means nothing.
    fn settle<N: Code>(&self, codes: &mut [N], about: &About) -> Result<(u32, u32), AtRestError> {
        let (least, most) = ends(codes);
        let (first, stride) = self.moved;
        let now = |code: u32| match u64::from(code).checked_sub(1) {
            None => u64::from(BLANK),
            Some(before) => before * u64::from(stride) + u64::from(first),
        };
        if now(most) >= u64::from(about.size) {
            return Err(self.without_value());
        }
        if self.moved != (1, 1) {
            for code in codes {
                *code = N::narrow(now(code.wide()) as u32);
            }
        }
        Ok((now(least) as u32, now(most) as u32))
    }
}

/// How many are BLANK, and the zones of as many blocks as can be told from the parts.
type Noted = (u32, Vec<(u32, u32)>);

fn read_each<W: Width>(
    groups: Vec<Group<'_>>,
    about: &About,
) -> Result<(Codes, Noted), AtRestError> {
    let mut places = vec![W::EMPTY; groups.iter().map(|group| group.rows).sum()];
    pages::large(&mut places);
    let mut rest = places.as_mut_slice();
    let mut jobs = Vec::with_capacity(groups.len());
    for group in groups {
        let (places, after) = rest.split_at_mut(group.rows);
        rest = after;
        jobs.push((group, places));
    }
    let stretches = Mutex::new(Vec::new());
    in_parallel(jobs, |(group, places)| {
        let mut found = Vec::new();
        group.pages(|at, numbers: &mut [W::Number]| {
            let (least, most) = group.settle(numbers, about)?;
            found.push(Stretch {
                start: group.start + at,
                len: numbers.len(),
                // The code of BLANK is the least that there is, and keeps its number.
                blanks: if least == BLANK { blanks(numbers) } else { 0 },
                least,
                most,
            });
            W::lay(numbers, &mut places[at..at + numbers.len()]);
            Ok(())
        })?;
        let mut stretches = stretches.lock().unwrap_or_else(PoisonError::into_inner);
        stretches.extend(found);
        Ok(())
    })?;
    let stretches = stretches
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let noted = noted(stretches, places.len());
    Ok((W::list(places), noted))
}

/// The runs of one row group.
struct Part<P> {
    start: usize,
    /// A bit for each row, set where a run begins.
    starts: Vec<u64>,
    /// The code of each run.
    places: Vec<P>,
    blanks: u32,
    zones: Vec<(u32, u32)>,
}

fn read_runs<W: Width>(
    groups: Vec<Group<'_>>,
    about: &About,
    count: usize,
) -> Result<ReadCodes, AtRestError> {
    let rows: usize = groups.iter().map(|group| group.rows).sum();
    let damaged = groups
        .first()
        .map(|group| group.wrong("it has other runs than were written"));
    let parts = Mutex::new(Vec::with_capacity(groups.len()));
    in_parallel(groups, |group| {
        let part = runs_of_group::<W>(&group, about)?;
        let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.push(part);
        Ok(())
    })?;
    let mut parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
    parts.sort_unstable_by_key(|part| part.start);
    let found: usize = parts.iter().map(|part| part.places.len()).sum();
    let mut starts = Vec::with_capacity(rows.div_ceil(64));
    let mut places = Vec::with_capacity(found);
    let mut zones = Vec::with_capacity(rows.div_ceil(BLOCK));
    let mut blanks = 0;
    for part in parts {
        starts.extend_from_slice(&part.starts);
        places.extend_from_slice(&part.places);
        zones.extend_from_slice(&part.zones);
        blanks += part.blanks;
    }
    let runs = Runs::of_parts(rows, starts, W::list(places)).filter(|_| found == count);
    match (runs, damaged) {
        (Some(runs), _) => Ok(ReadCodes {
            rows: RowCodes::Runs(runs),
            blanks,
            zones,
        }),
        (None, Some(damaged)) => Err(damaged),
        (None, None) => Err(AtRestError::internal("runs of a column without rows")),
    }
}

fn runs_of_group<W: Width>(
    group: &Group<'_>,
    about: &About,
) -> Result<Part<W::Place>, AtRestError> {
    let mut part = Part {
        start: group.start,
        starts: Vec::with_capacity(group.rows.div_ceil(64)),
        places: Vec::new(),
        blanks: 0,
        zones: Vec::new(),
    };
    let mut first: Vec<W::Number> = Vec::new();
    group.pages(|at, numbers: &mut [W::Number]| {
        // A run begins with every block, and pages are written as blocks.
        if at % BLOCK != 0 || numbers.len() > BLOCK || numbers.is_empty() {
            return Err(group.wrong("its pages are not those that were written"));
        }
        let before = part.starts.len();
        block_starts(numbers, &mut part.starts);
        first.clear();
        pick(numbers, &part.starts[before..], &mut first);
        if first.iter().any(|code| code.wide() == BLANK) {
            part.blanks += blanks(numbers);
        }
        let zone = group.settle(&mut first, about)?;
        part.zones.push(zone);
        let before = part.places.len();
        part.places.resize(before + first.len(), W::EMPTY);
        W::lay(&first, &mut part.places[before..]);
        Ok(())
    })?;
    Ok(part)
}

/// The smallest and the largest code; 0 where there is none.
fn ends<C: Code>(codes: &[C]) -> (u32, u32) {
    let Some(first) = codes.first() else {
        return (0, 0);
    };
    let least = codes.iter().fold(*first, |least, code| least.min(*code));
    let most = codes.iter().fold(*first, |most, code| most.max(*code));
    (least.wide(), most.wide())
}

/// How many codes are BLANK. So few are counted at a time that a byte holds the count, and many are counted at once.
fn blanks<C: Code>(codes: &[C]) -> u32 {
    let count = |codes: &[C]| {
        let counted = codes.iter().map(|code| u8::from(code.wide() == BLANK));
        u32::from(counted.fold(0u8, |sum, one| sum.wrapping_add(one)))
    };
    codes.chunks(128).map(count).sum()
}

/// Stretches that are the blocks of the column are its zones: all of them, unless a piece ends inside a block.
fn noted(mut stretches: Vec<Stretch>, rows: usize) -> Noted {
    stretches.retain(|stretch| stretch.len > 0);
    stretches.sort_unstable_by_key(|stretch| stretch.start);
    let blanks = stretches.iter().map(|stretch| stretch.blanks).sum();
    let blocks = stretches.iter().zip((0..).step_by(BLOCK));
    let blocks = blocks.take_while(|(stretch, start)| {
        stretch.start == *start && stretch.len == BLOCK.min(rows - start)
    });
    (blanks, blocks.map(|(s, _)| (s.least, s.most)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_bytes_are_laid_as_they_are_kept() {
        for count in 0..13u32 {
            let numbers: Vec<u32> = (0..count).map(|n| 0xFF_FFFF - n * 70_001).collect();
            let mut places = vec![U24::EMPTY; numbers.len()];
            U24::lay(&numbers, &mut places);
            let laid: Vec<u32> = <U24 as Width>::list(places).iter().collect();
            assert_eq!(laid, numbers);
        }
    }
}

//! Runs: rows of one code that follow one another, which share one entry. Facts come in the order of something, and whatever hangs
//! on that (the customer of an order, and its date) stays the same for as long.

use std::ops::Range;

use crate::BLANK;
use crate::codes::{Code, Codes, room, with_codes};
use crate::column::BLOCK;
use crate::grow::Turn;

/// Runs are kept where they take at most this part of what one code a row takes: reading one row is one step more.
const SHARE: u64 = 2;
/// And not for fewer rows, where they save next to nothing.
const ROWS_AT_LEAST: usize = if cfg!(test) { 64 } else { 4096 };
/// Rows that are spread out at once: their codes stay in the first level of cache.
const SPREAD: usize = 4096;

/// What the rows of a column hold.
#[derive(Clone, Debug)]
pub(crate) enum RowCodes {
    /// A code each.
    Each(Codes),
    /// A code for as many rows as follow one another with it.
    Runs(Runs),
}

#[derive(Clone, Debug)]
pub(crate) struct Runs {
    rows: usize,
    /// A bit for each row, set where a run begins. One begins with every block, so that blocks need not know of each other.
    starts: Vec<u64>,
    /// Runs that begin before each word of `starts`.
    before: Vec<u32>,
    /// The code of each run.
    codes: Codes,
}

impl RowCodes {
    /// Picks the smaller of both.
    pub(crate) fn of(codes: Codes) -> RowCodes {
        match Runs::of(&codes) {
            Some(runs) => RowCodes::Runs(runs),
            None => RowCodes::Each(codes),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            RowCodes::Each(codes) => codes.len(),
            RowCodes::Runs(runs) => runs.rows,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        match self {
            RowCodes::Each(codes) => codes.bytes(),
            RowCodes::Runs(runs) => runs.bytes(),
        }
    }

    /// Bytes that a row takes, on average.
    pub(crate) fn row_bytes(&self) -> f64 {
        self.bytes() as f64 / self.len().max(1) as f64
    }

    /// For example `u16`, `u24 runs`.
    pub(crate) fn name(&self) -> String {
        match self {
            RowCodes::Each(codes) => codes.width_name().to_owned(),
            RowCodes::Runs(runs) => format!("{} runs", runs.codes.width_name()),
        }
    }

    /// Codes, one a row or one a run. Each that a row has is among them, and no other.
    pub(crate) fn entries(&self) -> &Codes {
        match self {
            RowCodes::Each(codes) => codes,
            RowCodes::Runs(runs) => &runs.codes,
        }
    }

    pub(crate) fn get(&self, row: usize) -> u32 {
        match self {
            RowCodes::Each(codes) => codes.get(row),
            RowCodes::Runs(runs) => runs.codes.get(runs.place(row)),
        }
    }

    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        match self {
            RowCodes::Each(codes) => codes.iter(),
            RowCodes::Runs(runs) => {
                let lengths = (0..runs.rows).step_by(SPREAD);
                Box::new(lengths.flat_map(|start| {
                    let mut codes = vec![0; SPREAD.min(runs.rows - start)];
                    runs.spread(start, &mut codes);
                    codes
                }))
            }
        }
    }

    /// For each row of `rows` its code; a row beyond the table (the blank row) gives BLANK.
    pub(crate) fn gather(&self, rows: &[u32]) -> Vec<u32> {
        match self {
            RowCodes::Each(codes) => codes.gather(rows),
            RowCodes::Runs(runs) => with_codes!(&runs.codes, codes => {
                let code = |row: &u32| match *row as usize {
                    row if row < runs.rows => codes[runs.place(row)].wide(),
                    _ => BLANK,
                };
                rows.iter().map(code).collect()
            }),
        }
    }

    /// Adds `value` of the code of each row from `start` on to `out`.
    #[inline]
    pub(crate) fn read<T>(&self, rows: Range<usize>, out: &mut Vec<T>, value: impl Fn(u32) -> T) {
        match self {
            RowCodes::Each(codes) => with_codes!(codes, codes => {
                out.extend(codes[rows].iter().map(|c| value(c.wide())));
            }),
            RowCodes::Runs(runs) => runs.each_stretch(rows, |_, codes| {
                out.extend(codes.iter().map(|code| value(*code)));
            }),
        }
    }

    /// Calls `change` with each element of `out` and the code of its row, the first being that of `start`.
    #[inline]
    pub(crate) fn update<T>(
        &self,
        start: usize,
        out: &mut [T],
        mut change: impl FnMut(&mut T, u32),
    ) {
        let rows = start..start + out.len();
        match self {
            RowCodes::Each(codes) => with_codes!(codes, codes => {
                out.iter_mut().zip(&codes[rows]).for_each(|(o, c)| change(o, c.wide()));
            }),
            RowCodes::Runs(runs) => runs.each_stretch(rows, |done, codes| {
                let out = out[done..].iter_mut();
                out.zip(codes).for_each(|(o, code)| change(o, *code));
            }),
        }
    }

    /// Lets other codes stand for these, one for one.
    pub(crate) fn replace(&mut self, by_code: &[u32]) {
        match self {
            RowCodes::Each(codes) => codes.replace(by_code),
            RowCodes::Runs(runs) => runs.codes.replace(by_code),
        }
    }

    /// Smallest and largest code of each block.
    pub(crate) fn zones(&self) -> Vec<(u32, u32)> {
        self.zones_from(0)
    }

    /// The same for the blocks from a block on.
    pub(crate) fn zones_from(&self, block: usize) -> Vec<(u32, u32)> {
        let rows = self.len();
        let starts = (block * BLOCK..rows).step_by(BLOCK);
        starts
            .map(|start| {
                let len = BLOCK.min(rows - start);
                match self {
                    RowCodes::Each(codes) => codes.ends(start..start + len),
                    RowCodes::Runs(runs) => runs.codes.ends(runs.places(start, len)),
                }
            })
            .collect()
    }

    /// Turns each code into another one, all of them then being below `domain`, and adds the codes of more rows, which are of the
    /// width of that domain already. Runs stay runs as long as they are the smaller of both.
    pub(crate) fn grown(self, turn: &Turn, domain: u32, more: &Codes) -> RowCodes {
        match self {
            RowCodes::Each(codes) => {
                let mut codes = codes.turned(turn, domain);
                codes.reserve(more.len());
                codes.extend(more, |code| code);
                RowCodes::Each(codes)
            }
            RowCodes::Runs(mut runs) => {
                runs.codes = runs.codes.turned(turn, domain);
                runs.push(more);
                runs.or_each(domain)
            }
        }
    }
}

impl Runs {
    /// None: a code each takes less, or little more.
    fn of(codes: &Codes) -> Option<Runs> {
        let rows = codes.len();
        if rows < ROWS_AT_LEAST {
            return None;
        }
        let per_word = (size_of::<u64>() + size_of::<u32>()) as u64;
        let fixed = rows.div_ceil(64) as u64 * per_word;
        let most = (codes.bytes() / SHARE).checked_sub(fixed)? * rows as u64 / codes.bytes();
        with_codes!(codes, codes => {
            let (starts, count) = starts(codes, most as usize)?;
            let mut picked = room(count);
            pick(codes, &starts, &mut picked);
            Runs::of_parts(rows, starts, Code::list(picked))
        })
    }

    /// From the bits that say where runs begin, and the code of each run. None: these do not go together.
    pub(crate) fn of_parts(rows: usize, starts: Vec<u64>, codes: Codes) -> Option<Runs> {
        let mut count = 0;
        let before: Vec<u32> = starts
            .iter()
            .map(|word| {
                let before = count;
                count += word.count_ones();
                before
            })
            .collect();
        let begin = |block: usize| starts.get(block / 64).is_some_and(|word| word & 1 == 1);
        let fits = count as usize == codes.len()
            && starts.len() == rows.div_ceil(64)
            && (0..rows).step_by(BLOCK).all(begin);
        fits.then_some(Runs {
            rows,
            starts,
            before,
            codes,
        })
    }

    /// More rows behind those that are there.
    fn push(&mut self, more: &Codes) {
        let mut last = match self.rows % BLOCK {
            0 => None,
            _ => Some(self.codes.get(self.codes.len() - 1)),
        };
        let mut begun = Vec::new();
        let count = self.codes.len() as u32;
        for code in more.iter() {
            let row = self.rows;
            if row.is_multiple_of(BLOCK) {
                last = None;
            }
            if row.is_multiple_of(64) {
                self.starts.push(0);
                self.before.push(count + begun.len() as u32);
            }
            if last != Some(code) {
                self.starts[row / 64] |= 1 << (row % 64);
                begun.push(code);
                last = Some(code);
            }
            self.rows += 1;
        }
        self.codes.reserve(begun.len());
        fn extend<C: Code>(codes: &mut Vec<C>, begun: Vec<u32>) {
            codes.extend(begun.into_iter().map(C::narrow));
        }
        with_codes!(&mut self.codes, codes => extend(codes, begun));
    }

    /// A code each where these runs have come to take more.
    fn or_each(self, domain: u32) -> RowCodes {
        let width = self.codes.bytes() / (self.codes.len() as u64).max(1);
        if self.bytes() <= width * self.rows as u64 {
            return RowCodes::Runs(self);
        }
        let rows = 0..self.rows;
        let mut each = Codes::room(domain, self.rows);
        let runs = RowCodes::Runs(self);
        with_codes!(&mut each, each => runs.read(rows, each, Code::narrow));
        RowCodes::Each(each)
    }

    fn bytes(&self) -> u64 {
        let places = size_of_val(self.starts.as_slice()) + size_of_val(self.before.as_slice());
        places as u64 + self.codes.bytes()
    }

    pub(crate) fn count(&self) -> usize {
        self.codes.len()
    }

    /// The code of each run.
    pub(crate) fn codes(&self) -> &Codes {
        &self.codes
    }

    /// Words of bits, set where runs begin, and how many begin before each word.
    pub(crate) fn starts(&self) -> (&[u64], &[u32]) {
        (&self.starts, &self.before)
    }

    /// The run of a row.
    #[inline]
    pub(crate) fn place(&self, row: usize) -> usize {
        let up_to = self.starts[row / 64] & (u64::MAX >> (63 - row % 64));
        // A run begins with the first row, so there is one.
        (self.before[row / 64] + up_to.count_ones()) as usize - 1
    }

    /// The runs of some rows, of which there is one at least.
    pub(crate) fn places(&self, start: usize, len: usize) -> Range<usize> {
        self.place(start)..self.place(start + len - 1) + 1
    }

    /// The codes of the rows from `start` on, one each.
    pub(crate) fn spread(&self, start: usize, out: &mut [u32]) {
        if out.is_empty() {
            return;
        }
        let places = self.places(start, out.len());
        with_codes!(&self.codes, codes => {
            let codes = &codes[places];
            // The first row belongs to the first run, whether that begins with it or before.
            let mut place = 0;
            out[0] = codes[0].wide();
            for (row, out) in (start + 1..).zip(&mut out[1..]) {
                place += (self.starts[row / 64] >> (row % 64) & 1) as usize;
                *out = codes[place].wide();
            }
        });
    }

    /// Calls `see` with the codes of some rows after others, and how many rows were before them.
    #[inline]
    pub(crate) fn each_stretch(&self, rows: Range<usize>, mut see: impl FnMut(usize, &[u32])) {
        let mut codes = [0; SPREAD];
        for start in rows.clone().step_by(SPREAD) {
            let codes = &mut codes[..SPREAD.min(rows.end - start)];
            self.spread(start, codes);
            see(start - rows.start, codes);
        }
    }
}

/// Where runs begin, a bit each, and how many there are; None: there are more than `most`.
fn starts<C: Code>(codes: &[C], most: usize) -> Option<(Vec<u64>, usize)> {
    let mut starts = Vec::with_capacity(codes.len().div_ceil(64));
    let mut count = 0;
    for block in codes.chunks(BLOCK) {
        count += block_starts(block, &mut starts);
        if count > most {
            return None;
        }
    }
    Some((starts, count))
}

/// Adds a bit for each row of a block, set where a run begins. Gives how many are set.
pub(crate) fn block_starts<C: Code>(block: &[C], starts: &mut Vec<u64>) -> usize {
    let mut count = 0;
    // The row before the first of a word is the last of the word before; a block begins with a run.
    let mut last = None;
    for rows in block.chunks(64) {
        let after = last != rows.first();
        let word = changes(rows) | u64::from(after);
        count += word.count_ones() as usize;
        starts.push(word);
        last = rows.last();
    }
    count
}

/// A bit for each of up to 64 rows whose code is not that of the row before.
fn changes<C: Code>(rows: &[C]) -> u64 {
    let mut bytes = [0u8; 64];
    match <&[C; 64]>::try_from(rows) {
        // The compiler knows how many, and compares many at once.
        Ok(rows) => {
            for row in 1..64 {
                bytes[row] = (rows[row - 1] != rows[row]).into();
            }
        }
        Err(_) => {
            for (byte, pair) in bytes[1..].iter_mut().zip(rows.windows(2)) {
                *byte = (pair[0] != pair[1]).into();
            }
        }
    }
    // Bytes of 0 and 1, eight at a time, to bits: the multiplication brings them together at the top.
    let eights = bytes.as_chunks::<8>().0.iter().enumerate();
    eights.fold(0, |word, (place, eight)| {
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word | bits << (8 * place)
    })
}

/// Adds the codes of the rows whose bits are set.
pub(crate) fn pick<C: Code>(codes: &[C], starts: &[u64], picked: &mut Vec<C>) {
    for (rows, word) in codes.chunks(64).zip(starts) {
        let mut rest = *word;
        while rest != 0 {
            picked.push(rows[rest.trailing_zeros() as usize]);
            rest &= rest - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes below `domain` in runs of up to `longest` rows, the same in every test.
    fn codes(domain: u32, longest: u32, rows: usize) -> Vec<u32> {
        let mut state = u64::from(domain) << 32 | u64::from(longest);
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32
        };
        let mut codes = Vec::with_capacity(rows);
        while codes.len() < rows {
            let (code, rows) = (next() % domain, 1 + next() % longest);
            codes.extend((0..rows).map(|_| code));
        }
        codes.truncate(rows);
        codes
    }

    #[test]
    fn runs_answer_as_a_code_each_does() {
        fn check(domain: u32, longest: u32, rows: usize, name: &str) {
            let codes = codes(domain, longest, rows);
            let place = format!("below {domain}, up to {longest}, {rows} rows");
            let mut each = Codes::pack(domain, codes.iter().copied());
            let mut held = RowCodes::of(each.clone());
            assert_eq!(held.name(), name, "{place}");
            assert!(held.bytes() <= each.bytes(), "{place}");
            assert_eq!(held.len(), rows, "{place}");
            let back: Vec<u32> = (0..domain).map(|code| domain - 1 - code).collect();
            for turned in [false, true] {
                if turned {
                    each.replace(&back);
                    held.replace(&back);
                }
                let codes: Vec<u32> = each.iter().collect();
                assert_eq!(held.iter().collect::<Vec<_>>(), codes, "{place}");
                assert_eq!(held.zones(), each.zones(), "{place}");
                let some: Vec<u32> = (0..rows as u32 + 3).rev().step_by(7).collect();
                assert_eq!(held.gather(&some), each.gather(&some), "{place}");
                for row in (0..rows).step_by(31) {
                    assert_eq!(held.get(row), codes[row], "{place}, row {row}");
                }
                for start in [0, 1, 62, rows / 3, rows / 2, rows - 1] {
                    let within = start..rows.min(start + rows / 2 + 1);
                    let mut read = vec![7];
                    held.read(within.clone(), &mut read, |code| code + 1);
                    let expected = codes[within.clone()].iter().map(|code| code + 1);
                    assert!(
                        read.into_iter().eq([7].into_iter().chain(expected)),
                        "{place}"
                    );
                    let mut sums: Vec<u32> = within.clone().map(|row| row as u32).collect();
                    held.update(start, &mut sums, |sum, code| *sum += code);
                    let expected = within.map(|row| row as u32 + codes[row]);
                    assert!(sums.into_iter().eq(expected), "{place}");
                }
            }
        }
        check(1, 1, 64, "u8 runs");
        check(1, 1, 200_000, "u8 runs");
        check(9, 40, 90, "u8 runs");
        check(9, 40, 63, "u8");
        check(200, 12, 150_000, "u8 runs");
        check(200, 1, 150_000, "u8");
        check(300, 8, 65_536, "u16 runs");
        check(60_000, 8, 65_537, "u16 runs");
        check(60_000, 3, 65_537, "u16");
        check(100_000, 7, 140_000, "u24 runs");
        check(100_000, 1, 140_000, "u24");
        check(300_000, 7, 131_072, "u32 runs");
        check(300_000, 2, 131_072, "u32");
    }

    #[test]
    fn no_rows_have_no_runs() {
        let none = RowCodes::of(Codes::pack(5, std::iter::empty()));
        assert_eq!((none.len(), none.name().as_str()), (0, "u8"));
        assert!(none.zones().is_empty());
    }
}

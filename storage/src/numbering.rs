//! The numbering of the one side: a foreign key holds, instead of codes in the order of its values, numbers in the order of the
//! hierarchy of the table that it leads to. Then a filter on a region, a nation or a city is a range of numbers.

use crate::column::{BLOCK, Column};
use crate::{BLANK, DataType};

/// A fact of fewer rows is scanned in less time than the numbering can save. All facts in tests.
const ROWS_AT_LEAST: usize = if cfg!(test) { 1 } else { 2 * BLOCK };
/// Keys with fewer rows each would pay more memory for the two arrays than the narrower tests are worth.
const ROWS_PER_KEY: usize = if cfg!(test) { 1 } else { 8 };
/// Columns of the one side that are looked at, those with the fewest values first.
const MOST_COLUMNS: usize = 24;
/// Columns of more values make ranges too short to be worth it.
const MOST_VALUES: u32 = 1 << 16;

/// Which number stands for which code: a permutation. BLANK is 0 in both.
#[derive(Debug)]
pub(crate) struct Numbering {
    codes: Box<[u32]>,
    numbers: Box<[u32]>,
}

impl Numbering {
    /// For each number its code.
    pub(crate) fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// For each code its number.
    pub(crate) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    #[inline]
    pub(crate) fn code(&self, number: u32) -> u32 {
        self.codes[number as usize]
    }

    pub(crate) fn bytes(&self) -> u64 {
        (size_of_val(&*self.codes) + size_of_val(&*self.numbers)) as u64
    }

    /// The numbering of a key by the table that it leads to: `rows` has for each code of the key the row there, `columns` are
    /// that table's. None: it would not pay, or the codes are as good already.
    pub(crate) fn of_key(key: &Column, rows: &[u32], columns: &[&Column]) -> Option<Numbering> {
        let keys = key.size() as usize;
        if key.len() < ROWS_AT_LEAST || key.len() < keys * ROWS_PER_KEY || rows.len() != keys {
            return None;
        }
        // Time has an order of its own, in which facts often come: whole blocks are skipped by it.
        if key.data_type == DataType::DateTime || is_clustered(key) {
            return None;
        }
        let candidates = candidates(columns);
        let found: Vec<u32> = (1..key.size())
            .filter(|code| key.domain.holds(*code))
            .map(|code| rows[code as usize])
            .filter(|row| (*row as usize) < columns.first().map_or(0, |c| c.len()))
            .collect();
        if candidates.iter().any(|column| is_grouped(column, &found)) {
            return None;
        }
        let chain = longest_chain(&candidates);
        let finest = *chain.last()?;
        let ranks = ranks(&chain);
        let rank = |code: &u32| match rows[*code as usize] as usize {
            row if !key.domain.holds(*code) => (2, row as u32),
            row if row < finest.len() => (0, ranks[finest.code_at(row) as usize]),
            _ => (1, 0),
        };
        let mut codes: Vec<u32> = (0..key.size()).collect();
        codes[1..].sort_by_cached_key(rank);
        Numbering::of_codes(codes, key.size())
    }

    /// The numbering of so many codes, from the code of each number. None: BLANK is not 0, or some code has not exactly one number.
    pub(crate) fn of_codes(codes: Vec<u32>, size: u32) -> Option<Numbering> {
        if codes.len() != size as usize || codes.first() != Some(&BLANK) {
            return None;
        }
        // BLANK stands for what has no number yet, and is the first that gets one.
        let mut numbers = vec![BLANK; codes.len()];
        for (number, code) in (0u32..).zip(&codes) {
            let place = numbers.get_mut(*code as usize)?;
            if *place != BLANK || (number > 0 && *code == BLANK) {
                return None;
            }
            *place = number;
        }
        Some(Numbering {
            codes: codes.into(),
            numbers: numbers.into(),
        })
    }

    /// Whether a column of so many values, on a table of so many rows, can take part in the hierarchy of a numbering.
    pub(crate) fn may_use(distinct: u32, rows: u32) -> bool {
        (2..=MOST_VALUES.min(rows / 2)).contains(&distinct)
    }
}

/// Whether blocks hold only a part of the keys each, as those of facts do that come in the order of the key.
fn is_clustered(key: &Column) -> bool {
    let spans = key
        .zones
        .iter()
        .map(|(least, most)| u64::from(most - least));
    key.zones.len() > 1 && spans.sum::<u64>() < key.zones.len() as u64 * u64::from(key.size()) / 2
}

/// Columns whose values are shared by many rows, those with the fewest values first.
fn candidates<'c>(columns: &[&'c Column]) -> Vec<&'c Column> {
    let mut candidates: Vec<&Column> = columns
        .iter()
        .copied()
        .filter(|c| Numbering::may_use(c.distinct, c.len() as u32))
        .collect();
    candidates.sort_by_key(|c| c.distinct);
    candidates.truncate(MOST_COLUMNS);
    candidates
}

/// Whether rows of the same value follow one another already.
fn is_grouped(column: &Column, rows: &[u32]) -> bool {
    let mut closed = vec![false; column.size() as usize];
    let mut last = None;
    for row in rows {
        let code = column.code_at(*row as usize);
        if last == Some(code) {
            continue;
        }
        if std::mem::replace(&mut closed[code as usize], true) {
            return false;
        }
        last = Some(code);
    }
    closed.iter().filter(|closed| **closed).count() > 1
}

/// The longest chain of columns in which each value of a column has one value in the column before; among the longest that
/// with the most values.
fn longest_chain<'c>(columns: &[&'c Column]) -> Vec<&'c Column> {
    // For each column the length of the best chain that ends there, and the column before it.
    let mut best: Vec<(usize, Option<usize>)> = Vec::with_capacity(columns.len());
    for (place, fine) in columns.iter().enumerate() {
        let mut mine = (1, None);
        // From the longest chain on, so that most columns need not be compared.
        let mut before: Vec<usize> = (0..place).collect();
        before.sort_by_key(|p| std::cmp::Reverse(best[*p].0));
        for coarse in before {
            if best[coarse].0 < mine.0 {
                break;
            }
            if determines(fine, columns[coarse]) {
                mine = (best[coarse].0 + 1, Some(coarse));
            }
        }
        best.push(mine);
    }
    let mut place = (0..columns.len()).max_by_key(|p| (best[*p].0, columns[*p].distinct));
    let mut chain = Vec::new();
    while let Some(p) = place {
        chain.push(columns[p]);
        place = best[p].1;
    }
    chain.reverse();
    chain
}

/// Whether rows of one value in `fine` have one value in `coarse`.
fn determines(fine: &Column, coarse: &Column) -> bool {
    let mut known = vec![u32::MAX; fine.size() as usize];
    fine.iter_codes().zip(coarse.iter_codes()).all(|(f, c)| {
        let known = &mut known[f as usize];
        if *known == u32::MAX {
            *known = c;
        }
        *known == c
    })
}

/// For each code of the finest column of a chain its place when values are nested.
fn ranks(chain: &[&Column]) -> Vec<u32> {
    let Some(finest) = chain.last() else {
        return Vec::new();
    };
    let mut row_of = vec![None; finest.size() as usize];
    for (row, code) in finest.iter_codes().enumerate() {
        row_of[code as usize].get_or_insert(row);
    }
    let nested = |code: &u32| -> Option<Vec<u32>> {
        let row = row_of[*code as usize]?;
        Some(chain.iter().map(|column| column.code_at(row)).collect())
    };
    let mut order: Vec<u32> = (0..finest.size()).collect();
    order.sort_by_cached_key(nested);
    let mut ranks = vec![0; order.len()];
    for (rank, code) in (0u32..).zip(order) {
        ranks[code as usize] = rank;
    }
    ranks
}

//! A column that gets more rows. Those that it has keep what they hold, and with it the files that they lie in; only the values that the
//! new rows bring are put in their places among the others.
//!
//! Values between those of before would move the codes behind them, which are in value order. So they get the next *numbers*, and a
//! numbering says which number stands for which code. Offsets that begin earlier or lie closer are a shift of the codes instead. Where
//! that would cost scans more than it saves, every row is turned to a code in value order anew.

mod lists;
mod offsets;
mod rows;
#[cfg(test)]
pub(crate) mod tests;
mod texts;

use std::sync::Arc;

use crate::BLANK;
use crate::codes::{Codes, with_codes};
use crate::column::Column;
use crate::dictionary::Domain;
use crate::numbering::Numbering;
use crate::runs::RowCodes;

use lists::Merged;
pub(crate) use rows::Stretch;

/// What becomes of the numbers of rows that are there.
#[derive(Debug)]
pub(crate) enum Turn {
    Same,
    /// Number 1 becomes `first`, each further one `stride` more. BLANK stays.
    Even {
        first: u32,
        stride: u32,
    },
    /// By number. No file holds these numbers.
    Table(Box<[u32]>),
}

impl Turn {
    #[inline]
    pub(crate) fn of(&self, number: u32) -> u32 {
        match self {
            Turn::Same => number,
            Turn::Even { .. } if number == BLANK => BLANK,
            Turn::Even { first, stride } => (number - 1) * stride + first,
            Turn::Table(table) => table[number as usize],
        }
    }
}

/// The rows that a column gets, and what it is with them.
#[derive(Debug)]
pub(crate) struct Tail {
    /// The column with its new values, but without rows.
    pub(crate) head: Arc<Column>,
    pub(crate) turn: Turn,
    /// What the new rows hold.
    pub(crate) numbers: Codes,
    blanks: u32,
    /// Where the rows come from, in load order.
    pub(crate) stretches: Arc<[Stretch]>,
    /// Whether the domain, and the numbering, are those of before.
    pub(crate) same_domain: bool,
    pub(crate) same_numbering: bool,
}

/// A domain with the values of more rows.
struct Grown {
    domain: Arc<Domain>,
    numbering: Option<Arc<Numbering>>,
    turn: Turn,
    /// For each code of the rows to come the number that stands for its value.
    fresh: Vec<u32>,
    distinct: u32,
}

/// How many values may stand behind the others before all are put in order anew: a part of all, or so few that no scan notices.
const TAIL: u32 = 8;
const SMALL_TAIL: u32 = if cfg!(test) { 4 } else { 64 };

/// Whether so many values of a domain are too many to stand behind the others.
fn is_long(tail: u32, size: u32) -> bool {
    tail > (size / TAIL).max(SMALL_TAIL)
}

/// Adds the rows of `fresh`, a column of the same type that nobody has numbered. Of `old` only what it is besides its rows is looked at.
/// None: texts that compare equal are spelled in several ways and rows come between others, so that which spelling is the first is to be
/// found among the rows.
pub(crate) fn grow(old: &Column, fresh: &Column, stretches: &Arc<[Stretch]>) -> Option<Tail> {
    let rows: usize = stretches.iter().map(|stretch| stretch.len).sum();
    let grown = match (&*old.domain, &*fresh.domain) {
        (Domain::Text(known), Domain::Text(new)) => {
            texts::grow(old, (known, new), fresh, rows::is_behind(stretches))?
        }
        (Domain::Double(known), Domain::Double(new)) => lists::grow_doubles(old, known, new),
        (Domain::Whole(known), _) => lists::grow_whole(old, known, fresh),
        (Domain::Offset(known), _) => offsets::grow(old, known, fresh, rows),
        _ => return None,
    };
    let size = grown.domain.size();
    let mut numbers = Codes::room(size, fresh.len());
    let all = 0..fresh.len();
    let table = &grown.fresh;
    with_codes!(&mut numbers, numbers => {
        fresh.numbers.read(all, numbers, |code| crate::codes::Code::narrow(table[code as usize]));
    });
    let same = |a: &Option<Arc<Numbering>>, b: &Option<Arc<Numbering>>| match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    };
    Some(Tail {
        same_domain: Arc::ptr_eq(&old.domain, &grown.domain),
        same_numbering: same(&old.numbering, &grown.numbering),
        head: Arc::new(Column::of_parts(
            old.data_type,
            (RowCodes::Each(Codes::room(size, 0)), grown.numbering),
            grown.domain,
            (0, grown.distinct),
            Vec::new(),
        )),
        turn: grown.turn,
        numbers,
        blanks: fresh.blanks,
        stretches: Arc::clone(stretches),
    })
}

impl Grown {
    /// New values that stand for themselves: no row has had a value.
    fn first_values(fresh: &Column) -> Grown {
        Grown {
            domain: Arc::clone(&fresh.domain),
            numbering: None,
            turn: Turn::Same,
            fresh: (0..fresh.size()).collect(),
            distinct: fresh.distinct,
        }
    }

    /// No new values.
    fn nothing_new(old: &Column, codes: Vec<u32>) -> Grown {
        let numbers = match &old.numbering {
            None => codes,
            Some(numbering) => {
                let numbers = codes.iter().map(|c| numbering.numbers()[*c as usize]);
                numbers.collect()
            }
        };
        Grown {
            domain: Arc::clone(&old.domain),
            numbering: old.numbering.clone(),
            turn: Turn::Same,
            fresh: numbers,
            distinct: old.distinct,
        }
    }

    /// A list of values with new ones among them, `domain` being all of them.
    fn merged(old: &Column, merged: Merged, domain: Domain, distinct: u32) -> Grown {
        let (numbering, turn) = numbered(old, &merged);
        let fresh = match &numbering {
            None => merged.fresh,
            Some(numbering) => {
                let numbers = merged.fresh.iter();
                numbers.map(|c| numbering.numbers()[*c as usize]).collect()
            }
        };
        Grown {
            domain: Arc::new(domain),
            numbering: numbering.map(Arc::new),
            turn,
            fresh,
            distinct,
        }
    }
}

/// What the rows hold once new values are among the codes.
fn numbered(old: &Column, merged: &Merged) -> (Option<Numbering>, Turn) {
    let moved = |code: u32| merged.moved.as_ref().map_or(code, |m| m[code as usize]);
    if merged.moved.is_none() && old.numbering.is_none() {
        return (None, Turn::Same);
    }
    let mut codes: Vec<u32> = match &old.numbering {
        None => (0..old.size()).map(moved).collect(),
        Some(numbering) => numbering.codes().iter().map(|c| moved(*c)).collect(),
    };
    // A tail of before counts with the new one. What has none, but was out of order all the same, is nested by a hierarchy.
    let before = codes.len() as u32 - in_order(&codes);
    let new = merged.size - old.size();
    let behind = match is_long(before, old.size()) {
        true => new,
        false => before + new,
    };
    if is_long(behind, merged.size) {
        return (None, Turn::Table(codes.into()));
    }
    codes.extend(&merged.new);
    let numbering = Numbering::of_codes(codes, merged.size);
    debug_assert!(numbering.is_some(), "a code is neither moved nor new");
    (numbering, Turn::Same)
}

/// How many numbers from the first on stand for ascending codes.
fn in_order(codes: &[u32]) -> u32 {
    let ascending = codes.windows(2).take_while(|pair| pair[0] < pair[1]);
    codes.len().min(1 + ascending.count()) as u32
}

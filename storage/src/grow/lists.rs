//! Values in a list: new ones are merged in.

use crate::BLANK;
use crate::column::Column;
use crate::dictionary::{Domain, compare_doubles};

use super::Grown;

/// Where new values come among those of a list.
pub(super) struct Merged {
    /// For each code of before what it is now. None: what it was.
    pub(super) moved: Option<Vec<u32>>,
    /// The same for the codes of the rows to come. What none of them holds stands for BLANK.
    pub(super) fresh: Vec<u32>,
    /// The codes of the new values, ascending.
    pub(super) new: Vec<u32>,
    /// Codes are below it.
    pub(super) size: u32,
}

impl Merged {
    /// `bounds` has for each value of the rows to come, ascending, its code there, the first code of before that is at least it, and
    /// whether that is equal. None: no value is new, and `Err` says which codes of before they have.
    pub(super) fn of(
        size: u32,
        fresh_size: u32,
        bounds: impl Iterator<Item = (u32, (u32, bool))>,
    ) -> Result<Merged, Vec<u32>> {
        let mut fresh = vec![BLANK; fresh_size as usize];
        // Where new values come: before these codes.
        let mut before = Vec::new();
        let mut new = Vec::new();
        for (code, (bound, is_known)) in bounds {
            let place = bound + before.len() as u32;
            fresh[code as usize] = place;
            if !is_known {
                before.push(bound);
                new.push(place);
            }
        }
        let Some(first) = before.first() else {
            return Err(fresh);
        };
        let moved = (*first < size).then(|| {
            let mut moved = Vec::with_capacity(size as usize);
            let mut passed = 0;
            for code in 0..size {
                while before.get(passed).is_some_and(|bound| *bound <= code) {
                    passed += 1;
                }
                moved.push(code + passed as u32);
            }
            moved
        });
        Ok(Merged {
            moved,
            size: size + new.len() as u32,
            fresh,
            new,
        })
    }

    /// All values, those of before and those to come each in their order; the first stands for BLANK.
    fn values<T: Copy>(&self, known: &[T], new: impl Iterator<Item = T>) -> Vec<T> {
        let mut values = Vec::with_capacity(self.size as usize);
        let mut rest = known.iter();
        for (code, value) in self.new.iter().zip(new) {
            let between = *code as usize - values.len();
            values.extend(rest.by_ref().take(between));
            values.push(value);
        }
        values.extend(rest);
        values
    }
}

/// The bounds of a search, as `Merged` takes them.
pub(super) fn bound((first, beyond): (u32, u32)) -> (u32, bool) {
    (first, first < beyond)
}

/// The codes that some row has, each with its whole number, ascending.
pub(super) fn whole_values(column: &Column) -> impl Iterator<Item = (u32, i64)> + '_ {
    let codes = (1..column.size()).filter(|code| column.domain.holds(*code));
    codes.filter_map(|code| Some((code, column.domain.whole_value(code)?)))
}

pub(super) fn grow_whole(old: &Column, known: &[i64], fresh: &Column) -> Grown {
    if known.len() <= 1 {
        return Grown::first_values(fresh);
    }
    let bounds =
        whole_values(fresh).map(|(code, value)| (code, bound(old.domain.whole_bounds(value))));
    match Merged::of(old.size(), fresh.size(), bounds) {
        Err(codes) => Grown::nothing_new(old, codes),
        Ok(merged) => {
            let values = merged.values(known, new_values(fresh, &old.domain));
            let distinct = values.len() as u32 - 1;
            Grown::merged(old, merged, Domain::Whole(values), distinct)
        }
    }
}

/// The whole numbers that a domain does not have yet, ascending.
fn new_values<'a>(fresh: &'a Column, known: &'a Domain) -> impl Iterator<Item = i64> + 'a {
    let values = whole_values(fresh).map(|(_, value)| value);
    values.filter(|value| !bound(known.whole_bounds(*value)).1)
}

/// A column of which no number stays what it was, because its values are kept in a list from now on: `ranks` has the place of each code.
pub(super) fn grow_listed(old: &Column, listed: Vec<i64>, ranks: &[u32], fresh: &Column) -> Grown {
    let domain = Domain::Whole(listed);
    let bounds = whole_values(fresh).map(|(code, value)| (code, bound(domain.whole_bounds(value))));
    let merged = Merged::of(domain.size(), fresh.size(), bounds);
    let Domain::Whole(listed) = &domain else {
        return Grown::first_values(fresh);
    };
    let (values, codes, moved) = match merged {
        Err(codes) => (listed.clone(), codes, None),
        Ok(merged) => (
            merged.values(listed, new_values(fresh, &domain)),
            merged.fresh,
            merged.moved,
        ),
    };
    let of_code = |code: u32| {
        let rank = ranks[code as usize];
        moved.as_ref().map_or(rank, |moved| moved[rank as usize])
    };
    let of_number = |number: u32| {
        let numbering = old.numbering.as_ref();
        of_code(numbering.map_or(number, |n| n.code(number)))
    };
    Grown {
        distinct: values.len() as u32 - 1,
        domain: Domain::Whole(values).into(),
        numbering: None,
        turn: super::Turn::Table((0..old.size()).map(of_number).collect()),
        fresh: codes,
    }
}

pub(super) fn grow_doubles(old: &Column, known: &[f64], new: &[f64]) -> Grown {
    let bounds = (1..).zip(&new[1..]);
    let bounds = bounds.map(|(code, value)| (code, bound(old.domain.double_bounds(*value))));
    match Merged::of(old.size(), new.len() as u32, bounds) {
        Err(codes) => Grown::nothing_new(old, codes),
        Ok(merged) => {
            let is_new = |value: &f64| !bound(old.domain.double_bounds(*value)).1;
            let values = merged.values(known, new[1..].iter().copied().filter(is_new));
            debug_assert!(values[1..].is_sorted_by(|a, b| compare_doubles(*a, *b).is_lt()));
            let distinct = values.len() as u32 - 1;
            Grown::merged(old, merged, Domain::Double(values), distinct)
        }
    }
}

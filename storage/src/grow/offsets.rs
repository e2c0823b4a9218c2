//! Whole numbers at even distances: the range reaches further, or its places come to lie closer. Codes then shift, which takes no look at
//! the values.

use std::sync::Arc;

use crate::bits::set_range;
use crate::column::Column;
use crate::dictionary::{Domain, Offset};
use crate::encode::{dense_limit, offsets_pay};
use crate::numbering::Numbering;

use super::lists::{grow_listed, whole_values};
use super::{Grown, Turn, is_long};

/// A range that grows by no more than this many times stays one without a look at what a list would take.
const GROWTH: u64 = 2;

/// Where values lie, and what the codes of before are there.
struct Grid {
    base: i64,
    step: i64,
    count: u32,
    first: u32,
    stride: u32,
}

pub(super) fn grow(old: &Column, known: &Offset, fresh: &Column, rows: usize) -> Grown {
    if known.count == 0 {
        return Grown::first_values(fresh);
    }
    let Some(grid) = Grid::of(known, fresh, rows) else {
        return listed(old, fresh);
    };
    let place = |value: i64| (value.wrapping_sub(grid.base) as u64 / grid.step as u64) as u32 + 1;
    let turn = match (grid.first, grid.stride) {
        (1, 1) => Turn::Same,
        (first, stride) => Turn::Even { first, stride },
    };
    let mut codes = vec![crate::BLANK; fresh.size() as usize];
    for (code, value) in whole_values(fresh) {
        codes[code as usize] = place(value);
    }
    let is_known = |code: &u32| matches!(turn, Turn::Same) && old.domain.holds(*code);
    if grid.count == known.count && codes.iter().all(|c| *c == crate::BLANK || is_known(c)) {
        return Grown::nothing_new(old, codes);
    }
    let present = presence(known, &grid, &turn, &codes);
    let distinct: u32 = present.iter().map(|word| word.count_ones()).sum();
    if u64::from(grid.count) > u64::from(known.count).saturating_mul(GROWTH)
        && !offsets_pay(rows as u64, grid.count.into(), distinct.into())
    {
        return listed(old, fresh);
    }
    let domain = Domain::Offset(Offset {
        base: grid.base,
        step: grid.step,
        count: grid.count,
        present: (distinct < grid.count).then_some(present),
    });
    let mut grown = Grown {
        domain: Arc::new(domain),
        numbering: None,
        turn,
        fresh: codes,
        distinct,
    };
    if let Some(numbering) = &old.numbering {
        keep_numbers(numbering, &mut grown);
    }
    grown
}

impl Grid {
    /// None: the values lie too far apart.
    fn of(known: &Offset, fresh: &Column, rows: usize) -> Option<Grid> {
        let last = known.value(known.count);
        let (mut least, mut most) = (known.base, last);
        for (_, value) in whole_values(fresh) {
            (least, most) = (least.min(value), most.max(value));
        }
        let distance = |value: i64| value.wrapping_sub(least) as u64;
        let mut step = match known.count {
            1 => distance(known.base),
            _ => common(known.step as u64, distance(known.base)),
        };
        for (_, value) in whole_values(fresh) {
            if step == 1 {
                break;
            }
            step = common(step, distance(value));
        }
        // Nothing but the one value of before.
        let step = if step == 0 { known.step as u64 } else { step };
        let count = (distance(most) / step).checked_add(1)?;
        if count > dense_limit(rows) {
            return None;
        }
        Some(Grid {
            base: least,
            step: i64::try_from(step).ok()?,
            count: u32::try_from(count).ok()?,
            first: u32::try_from(distance(known.base) / step).ok()? + 1,
            // Of one value alone nothing is known of distances.
            stride: match known.count {
                1 => 1,
                _ => u32::try_from(known.step as u64 / step).ok()?,
            },
        })
    }
}

/// The greatest number that divides both; the other one where one is 0.
fn common(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A bit for each code that occurs.
fn presence(known: &Offset, grid: &Grid, turn: &Turn, fresh: &[u32]) -> Vec<u64> {
    let words = grid.count as usize / 64 + 1;
    let mut present = match (turn, &known.present) {
        (Turn::Same, Some(present)) => {
            let mut present = present.clone();
            present.resize(words, 0);
            present
        }
        _ => vec![0; words],
    };
    let mut set = |code: u32| present[code as usize / 64] |= 1 << (code % 64);
    match (turn, &known.present) {
        (Turn::Same, Some(_)) => {}
        (turn, Some(held)) => {
            let held = |code: &u32| held[*code as usize / 64] >> (code % 64) & 1 == 1;
            (1..=known.count)
                .filter(held)
                .for_each(|code| set(turn.of(code)));
        }
        (turn, None) if grid.stride > 1 => (1..=known.count).for_each(|code| set(turn.of(code))),
        (_, None) => {
            let first = grid.first as usize;
            set_range(&mut present, first, first + known.count as usize);
        }
    }
    for code in fresh.iter().filter(|code| **code != crate::BLANK) {
        present[*code as usize / 64] |= 1 << (code % 64);
    }
    present
}

/// Lets the numbers of a key stay what they were; codes that were none have the numbers behind them.
fn keep_numbers(numbering: &Arc<Numbering>, grown: &mut Grown) {
    let size = grown.domain.size();
    let mut codes: Vec<u32> = numbering
        .codes()
        .iter()
        .map(|c| grown.turn.of(*c))
        .collect();
    if is_long(size - codes.len() as u32, size) {
        grown.turn = Turn::Table(codes.into());
        return;
    }
    let mut is_new = vec![true; size as usize];
    for code in &codes {
        is_new[*code as usize] = false;
    }
    codes.extend((0..size).filter(|code| is_new[*code as usize]));
    let Some(numbering) = Numbering::of_codes(codes, size) else {
        debug_assert!(false, "a code has two numbers");
        return;
    };
    for code in &mut grown.fresh {
        *code = numbering.numbers()[*code as usize];
    }
    grown.numbering = Some(Arc::new(numbering));
    grown.turn = Turn::Same;
}

/// The values as a list.
fn listed(old: &Column, fresh: &Column) -> Grown {
    let mut values = vec![0];
    let mut ranks = vec![crate::BLANK; old.size() as usize];
    for (code, value) in whole_values(old) {
        ranks[code as usize] = values.len() as u32;
        values.push(value);
    }
    grow_listed(old, values, &ranks, fresh)
}

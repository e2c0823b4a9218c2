//! Which places of a range of whole numbers are taken.

use super::pack::{CommonStep, Even};
use crate::codes::{Code, Codes, with_codes};

/// How the codes of a piece lie in the range.
#[derive(Clone, Copy)]
pub(crate) struct Lay {
    pub(crate) first: u64,
    pub(crate) stride: u64,
    /// What the sum of the two is divided by.
    pub(crate) by: u64,
}

impl Lay {
    /// The place of a code other than BLANK.
    pub(crate) fn place(&self, code: u32) -> u64 {
        let place = self.first + u64::from(code - 1) * self.stride;
        if self.by == 1 { place } else { place / self.by }
    }
}

/// A bit for each place. Once counted, it also tells how many are taken before each.
pub(crate) struct Presence {
    bits: Vec<u64>,
    /// Places taken before each word.
    before: Vec<u32>,
}

impl Presence {
    pub(crate) fn new(places: u64) -> Presence {
        Presence {
            bits: vec![0; places as usize / 64 + 1],
            before: Vec::new(),
        }
    }

    pub(crate) fn take(&mut self, place: u64) {
        self.bits[place as usize / 64] |= 1 << (place % 64);
    }

    /// Takes the places of all codes of a piece.
    pub(crate) fn take_piece(&mut self, piece: &Even, lay: Lay) {
        match &piece.codes {
            Codes::U24(codes) => self.take_codes(codes, lay),
            Codes::U32(codes) => self.take_codes(codes, lay),
            narrow => {
                let used = used(narrow, piece.count);
                used.into_iter().for_each(|code| self.take(lay.place(code)));
            }
        }
    }

    /// Takes a place for each row: there may be more codes than rows.
    fn take_codes<C: Code>(&mut self, codes: &[C], lay: Lay) {
        for code in codes.iter().map(|c| c.wide()).filter(|code| *code > 0) {
            let place = lay.place(code);
            let word = &mut self.bits[place as usize / 64];
            let bit = 1 << (place % 64);
            // Mostly it is set already, and a write that is not made keeps nothing waiting.
            if *word & bit == 0 {
                *word |= bit;
            }
        }
    }

    /// How many places are taken.
    pub(crate) fn count(&mut self) -> u32 {
        let mut count = 0;
        self.before = self
            .bits
            .iter()
            .map(|word| {
                let before = count;
                count += word.count_ones();
                before
            })
            .collect();
        count
    }

    /// How many places before this one are taken.
    pub(crate) fn rank(&self, place: u64) -> u32 {
        let below = (1u64 << (place % 64)) - 1;
        let word = place as usize / 64;
        self.before[word] + (self.bits[word] & below).count_ones()
    }

    /// The places that are taken, ascending.
    pub(crate) fn places(&self) -> impl Iterator<Item = u64> + '_ {
        (0u64..).zip(&self.bits).flat_map(|(place, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (bit < 64).then_some(place * 64 + u64::from(bit))
            })
        })
    }

    /// The step between places, when place 0 is taken.
    pub(crate) fn step(&self) -> u64 {
        let mut step = CommonStep::default();
        for place in self.places() {
            if !step.meet(place) {
                break;
            }
        }
        step.found()
    }

    /// A bit for each code, where code c is place `(c - 1) * step`.
    pub(crate) fn of_codes(&self, step: u64, count: u32) -> Vec<u64> {
        let mut bits = vec![0u64; count as usize / 64 + 1];
        for place in self.places() {
            let code = (place / step) as usize + 1;
            bits[code / 64] |= 1 << (code % 64);
        }
        bits
    }
}

/// The codes that occur, ascending, BLANK left out.
pub(crate) fn used(codes: &Codes, count: u32) -> Vec<u32> {
    /// Beyond so many places for a block, sorting its codes is less work than marking them.
    const MARKED: u32 = 1 << 17;
    if count > MARKED {
        let mut used: Vec<u32> = codes.iter().filter(|code| *code > 0).collect();
        used.sort_unstable();
        used.dedup();
        return used;
    }
    let mut seen = vec![false; count as usize + 1];
    with_codes!(codes, codes => codes.iter().for_each(|code| seen[code.wide() as usize] = true));
    (1..=count).filter(|code| seen[*code as usize]).collect()
}

//! Strips: the rows that the kernels work on at once.

use super::kernels::{self, Level};
use crate::ScanError;
use crate::codes::{Code, with_codes};
use crate::runs::{RowCodes, Runs};

/// Rows of a strip: intermediate vectors of eight bytes a row then stay in the first two levels of cache. Where rows are not
/// picked and nothing is put between, a strip may have all rows of a block.
pub(super) const STRIP: usize = 4096;

/// Rows of the scanned table, in order.
pub(super) struct Strip<'a> {
    pub(super) start: usize,
    pub(super) len: usize,
    /// Rows that passed, counted from `start`. None: all of them.
    pub(super) picks: Option<&'a [u16]>,
}

impl Strip<'_> {
    /// Cuts rows of one block into strips: those that were picked, or all, so many at once.
    pub(super) fn split(
        start: usize,
        len: usize,
        picks: Option<&[u16]>,
        at_once: usize,
        work: &mut impl FnMut(&Strip<'_>) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        match picks {
            Some(picks) => picks.chunks(STRIP).try_for_each(|picks| {
                work(&Strip {
                    start,
                    len,
                    picks: Some(picks),
                })
            }),
            None => (0..len).step_by(at_once).try_for_each(|offset| {
                work(&Strip {
                    start: start + offset,
                    len: at_once.min(len - offset),
                    picks: None,
                })
            }),
        }
    }

    /// Rows that passed.
    pub(super) fn count(&self) -> usize {
        self.picks.map_or(self.len, <[u16]>::len)
    }

    pub(super) fn rows(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        let start = self.start as u32;
        match self.picks {
            None => Box::new(start..start + self.len as u32),
            Some(picks) => Box::new(picks.iter().map(move |p| start + u32::from(*p))),
        }
    }

    /// Calls `see` with the place of each row in the strip and its number.
    pub(super) fn each_row(&self, mut see: impl FnMut(usize, u32)) {
        let start = self.start as u32;
        match self.picks {
            None => (0..self.len).for_each(|row| see(row, start + row as u32)),
            Some(picks) => {
                let picks = picks.iter().enumerate();
                picks.for_each(|(place, pick)| see(place, start + u32::from(*pick)));
            }
        }
    }

    /// `value` of the code of each row.
    pub(super) fn gather<T>(&self, codes: &RowCodes, out: &mut Vec<T>, value: impl Fn(u32) -> T) {
        out.clear();
        let rows = self.start..self.start + self.len;
        match (self.picks, codes) {
            (None, codes) => codes.read(rows, out, value),
            (Some(picks), RowCodes::Each(codes)) => with_codes!(codes, codes => {
                let codes = &codes[rows];
                out.extend(picks.iter().map(|p| value(codes[usize::from(*p)].wide())));
            }),
            (Some(picks), RowCodes::Runs(runs)) => self.with_places(runs, picks, |places| {
                with_codes!(runs.codes(), codes => {
                    out.extend(places.iter().map(|place| value(codes[*place as usize].wide())));
                });
            }),
        }
    }

    /// Calls `change` with each element of `out` and the code of its row.
    pub(super) fn update<T>(
        &self,
        codes: &RowCodes,
        out: &mut [T],
        mut change: impl FnMut(&mut T, u32),
    ) {
        match (self.picks, codes) {
            (None, codes) => codes.update(self.start, out, change),
            (Some(picks), RowCodes::Each(codes)) => with_codes!(codes, codes => {
                let codes = &codes[self.start..self.start + self.len];
                let picked = out.iter_mut().zip(picks);
                picked.for_each(|(o, p)| change(o, codes[usize::from(*p)].wide()));
            }),
            (Some(picks), RowCodes::Runs(runs)) => self.with_places(runs, picks, |places| {
                with_codes!(runs.codes(), codes => {
                    let picked = out.iter_mut().zip(places);
                    picked.for_each(|(o, place)| change(o, codes[*place as usize].wide()));
                });
            }),
        }
    }

    /// Calls `see` with the run of each picked row.
    fn with_places(&self, runs: &Runs, picks: &[u16], see: impl FnOnce(&[u32])) {
        let mut places = [0; STRIP];
        let places = &mut places[..picks.len()];
        kernels::places(Level::best(), runs.starts(), self.start, picks, places);
        see(places);
    }
}

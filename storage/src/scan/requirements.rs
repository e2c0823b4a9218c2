//! What rows must fulfil, lane by lane, before it is known how to test it.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::compose::{Composer, Source};
use super::kernels::{Level, SET, set_bits};
use super::own::OwnRows;
use super::tuples::TupleTest;
use crate::bits::Bits;
use crate::composed::Reached;
use crate::{Filter, PathColumn, RowBlocks, RowSet, ScanError, Term, Visibility};

/// An AND of tests. Everything about one lane, whoever asks for it, is one array: a role's filter on a dimension costs
/// nothing once the query filters that dimension too.
#[derive(Default)]
pub(super) struct Requirements {
    /// No row can pass.
    pub(super) never: bool,
    /// Rows of the scanned table itself: those that all of these hold.
    pub(super) own: Vec<OwnRows>,
    /// For each lane which of its numbers pass.
    pub(super) lanes: BTreeMap<u32, Bits>,
    pub(super) alternatives: Vec<Alternatives>,
    pub(super) tuples: Vec<TupleTest>,
}

/// So many terms of an OR are tested one after another, a bit a row. Of more each row keeps a mask.
const FEW_TERMS: usize = 8;

/// A row must pass one of the terms.
pub(super) enum Alternatives {
    Few(Vec<Requirements>),
    Many(Vec<Chunk>),
}

/// A row passes when one of the bits is left after all of its masks are applied: up to 64 terms of an OR at once.
pub(super) struct Chunk {
    /// Bits of the terms that ask nothing of the scanned table itself.
    pub(super) open: u64,
    /// The other terms, each with the rows that it admits.
    pub(super) own: Vec<(u64, Vec<OwnRows>)>,
    /// For each lane the bits that each of its numbers leaves.
    pub(super) lanes: Vec<(u32, Vec<u64>)>,
}

impl Requirements {
    pub(super) fn add_visibility(
        &mut self,
        composer: &mut Composer<'_>,
        visibility: &Visibility,
    ) -> Result<(), ScanError> {
        let Visibility::AnyOf(terms) = visibility else {
            return Ok(());
        };
        let mut possible: Vec<Requirements> = Vec::with_capacity(terms.len());
        for term in terms {
            let term = Requirements::of(composer, term)?;
            if term.never {
                continue;
            }
            if term.own.is_empty() && term.lanes.is_empty() {
                return Ok(());
            }
            possible.push(term);
        }
        if possible.len() <= 1 {
            match possible.pop() {
                None => self.never = true,
                Some(term) => self.merge(term),
            }
            return Ok(());
        }
        if let Some((lane, pass)) = one_lane(&possible) {
            self.require(lane, pass);
            return Ok(());
        }
        self.alternatives.push(if possible.len() <= FEW_TERMS {
            Alternatives::Few(possible)
        } else {
            let chunks = possible.chunks(64).map(|terms| chunk(composer, terms));
            Alternatives::Many(chunks.collect::<Result<_, ScanError>>()?)
        });
        Ok(())
    }

    fn of(composer: &mut Composer<'_>, term: &Term) -> Result<Requirements, ScanError> {
        let mut requirements = Requirements::default();
        for set in &term.sets {
            let column = PathColumn {
                path: set.path.clone(),
                target: set.target,
            };
            match &*set.rows {
                // The path is still looked at: a set that stands nowhere is a fault, never a TRUE.
                RowSet::All => drop(composer.target(&column)?),
                RowSet::None => requirements.never = true,
                RowSet::Some(rows) => {
                    let source = composer.source(&column)?;
                    match source.lane {
                        None => requirements.own.push(OwnRows::Set(set.rows.clone())),
                        Some(lane) => requirements.require_in(lane, &source, rows),
                    }
                }
            }
        }
        Ok(requirements)
    }

    pub(super) fn add_filter(
        &mut self,
        composer: &mut Composer<'_>,
        filter: &Filter,
    ) -> Result<(), ScanError> {
        match filter {
            Filter::In { column, set } => {
                let source = composer.source(column)?;
                match source.lane {
                    None => self.own.push(OwnRows::Listed(set.clone())),
                    Some(lane) => self.require_in(lane, &source, &**set),
                }
            }
            Filter::Tuples { columns, tuples } => {
                let sources = columns
                    .iter()
                    .map(|c| composer.source(c))
                    .collect::<Result<Vec<_>, _>>()?;
                let test = TupleTest::new(&sources, tuples)?;
                for (source, set) in sources.iter().zip(test.columns()) {
                    match source.lane {
                        None => self.own.push(OwnRows::Listed(Arc::new(set))),
                        Some(lane) => self.require_in(lane, source, &set),
                    }
                }
                match test.only_lane() {
                    // Tuples over one lane are a set of its numbers.
                    Some(lane) => {
                        let size = composer.lane(lane)?.size();
                        self.require(lane, Bits::of(size, |number| test.admits_code(number)));
                    }
                    None => self.tuples.push(test),
                }
            }
        }
        Ok(())
    }

    /// The code of the source, which a lane leads to, must be in the set.
    fn require_in(&mut self, lane: u32, source: &Source, set: &impl Numbers) {
        let pass = match &source.reached {
            Reached::Runs(runs) => {
                let mut pass = Bits::none(runs.size());
                for (first, end, code) in runs.iter() {
                    if set.holds(code) {
                        pass.set_range(first, end);
                    }
                }
                pass
            }
            Reached::Own => set.bits(source.size),
            Reached::Dense(codes) => {
                let passing = set.bits(source.size);
                let mut words = vec![0; codes.len().div_ceil(64)];
                set_bits::<SET, u32>(Level::best(), codes, passing.words(), &mut words);
                Bits::of_words(codes.len() as u32, words)
            }
        };
        self.require(lane, pass);
    }

    fn require(&mut self, lane: u32, passing: Bits) {
        match self.lanes.get_mut(&lane) {
            Some(pass) => pass.keep(&passing),
            None => drop(self.lanes.insert(lane, passing)),
        }
    }

    fn merge(&mut self, other: Requirements) {
        self.own.extend(other.own);
        for (lane, pass) in other.lanes {
            self.require(lane, pass);
        }
    }
}

/// A set of codes or row numbers.
trait Numbers {
    fn holds(&self, number: u32) -> bool;
    /// Those below `size`.
    fn bits(&self, size: u32) -> Bits;
}

impl Numbers for RoaringBitmap {
    fn holds(&self, number: u32) -> bool {
        self.contains(number)
    }

    fn bits(&self, size: u32) -> Bits {
        let mut bits = Bits::none(size);
        for number in self.range(0..size) {
            bits.set(number);
        }
        bits
    }
}

impl Numbers for RowBlocks {
    fn holds(&self, number: u32) -> bool {
        self.contains(number)
    }

    fn bits(&self, size: u32) -> Bits {
        let mut bits = Bits::none(size);
        for (first, end) in self.runs().take_while(|(first, _)| *first < size) {
            bits.set_range(first, end.min(size));
        }
        bits
    }
}

/// Terms that all ask of one and the same lane alone are one array.
fn one_lane(terms: &[Requirements]) -> Option<(u32, Bits)> {
    let (lane, first) = terms.first()?.lanes.first_key_value()?;
    let mut pass = first.clone();
    for term in terms {
        let codes = term
            .lanes
            .get(lane)
            .filter(|_| term.own.is_empty() && term.lanes.len() == 1)?;
        pass.add(codes);
    }
    Some((*lane, pass))
}

fn chunk(composer: &Composer<'_>, terms: &[Requirements]) -> Result<Chunk, ScanError> {
    let everything = u64::MAX >> (64 - terms.len());
    let mut chunk = Chunk {
        open: 0,
        own: Vec::new(),
        lanes: Vec::new(),
    };
    let mut lanes: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (place, term) in terms.iter().enumerate() {
        let bit = 1 << place;
        if term.own.is_empty() {
            chunk.open |= bit;
        } else {
            chunk.own.push((bit, term.own.clone()));
        }
        for (lane, pass) in &term.lanes {
            let size = composer.lane(*lane)?.size() as usize;
            let masks = lanes.entry(*lane).or_insert_with(|| vec![everything; size]);
            for (number, mask) in (0..pass.len()).zip(masks.iter_mut()) {
                if !pass.get(number) {
                    *mask &= !bit;
                }
            }
        }
    }
    chunk.lanes = lanes.into_iter().collect();
    Ok(chunk)
}

//! What a path leads to, as an array by number of the key that it starts from: composed once and kept, because it does not
//! depend on who asks.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use crate::column::Column;
use crate::{BLANK, ColumnId, Dataset, PathColumn, StorageError, TableId, Target};

/// What is kept takes so many bytes at most; beyond it everything is dropped and composed anew.
const MOST_BYTES: usize = 64 << 20;
/// Codes are kept as runs where these are so many times fewer than the numbers.
const NUMBERS_PER_RUN: usize = if cfg!(test) { 2 } else { 16 };

/// For each number of a lane the code that it leads to.
#[derive(Clone, Debug)]
pub(crate) enum Reached {
    /// The number itself.
    Own,
    Dense(Arc<[u32]>),
    Runs(Arc<Runs>),
}

/// Codes of neighbouring numbers, which are the same for long stretches.
#[derive(Debug)]
pub(crate) struct Runs {
    /// The first number of each run, ascending from 0 on.
    starts: Vec<u32>,
    codes: Vec<u32>,
    size: u32,
}

impl Runs {
    /// Numbers are below it.
    pub(crate) fn size(&self) -> u32 {
        self.size
    }

    /// The runs as first number, number after the last, and code.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        self.between(0, self.size)
    }

    /// The parts of the runs from `first` on and below `end`.
    pub(crate) fn between(
        &self,
        first: u32,
        end: u32,
    ) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        let from = self
            .starts
            .partition_point(|start| *start <= first)
            .saturating_sub(1);
        let ends = self
            .starts
            .iter()
            .skip(from + 1)
            .copied()
            .chain([self.size]);
        let runs = self.starts.iter().zip(&self.codes).skip(from).zip(ends);
        runs.take_while(move |((start, _), _)| **start < end)
            .map(move |((start, code), stop)| ((*start).max(first), stop.min(end), *code))
    }
}

impl Reached {
    /// As runs where that saves space. Numbers that no row has may lead anywhere, so they do not end a run.
    fn pack(mut codes: Vec<u32>, key: &Column) -> Reached {
        let held = key.held();
        let mut runs = 0;
        let mut last = None;
        for (number, code) in (0u32..).zip(&mut codes) {
            match last {
                Some(last) if !held.get(number) => *code = last,
                Some(last) if *code == last => {}
                _ => {
                    runs += 1;
                    last = Some(*code);
                }
            }
        }
        if runs * NUMBERS_PER_RUN > codes.len() {
            return Reached::Dense(codes.into());
        }
        let mut packed = Runs {
            starts: Vec::with_capacity(runs),
            codes: Vec::with_capacity(runs),
            size: codes.len() as u32,
        };
        for (number, code) in (0u32..).zip(codes) {
            if packed.codes.last() != Some(&code) {
                packed.starts.push(number);
                packed.codes.push(code);
            }
        }
        Reached::Runs(Arc::new(packed))
    }

    /// As an array; None: each number leads to itself.
    pub(crate) fn dense(&self) -> Option<Arc<[u32]>> {
        match self {
            Reached::Own => None,
            Reached::Dense(codes) => Some(codes.clone()),
            Reached::Runs(runs) => {
                let mut codes = vec![BLANK; runs.size as usize];
                for (first, end, code) in runs.iter() {
                    codes[first as usize..end as usize].fill(code);
                }
                Some(codes.into())
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Reached::Own => 0,
            Reached::Dense(codes) => size_of_val(&**codes),
            Reached::Runs(runs) => runs.starts.len() * 8,
        }
    }
}

/// What has been composed so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Composed {
    known: HashMap<PathColumn, (Reached, TableId)>,
    bytes: usize,
}

impl Composed {
    fn insert(&mut self, column: PathColumn, reached: Reached, end: TableId) {
        let bytes = reached.bytes();
        if self.bytes.saturating_add(bytes) > MOST_BYTES {
            *self = Composed::default();
        }
        if self.known.insert(column, (reached, end)).is_none() {
            self.bytes += bytes;
        }
    }
}

impl Dataset {
    /// What a path column that starts at `table` and is not of that table itself leads to, and the table at its end.
    pub(crate) fn composed(
        &self,
        table: TableId,
        column: &PathColumn,
    ) -> Result<(Reached, TableId), StorageError> {
        let lock = || self.composed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().known.get(column) {
            return Ok(known.clone());
        }
        let (mut rows, mut end) = (Vec::new(), table);
        let mut key = None;
        for (place, step) in column.path.iter().enumerate() {
            let hop = self.hop(*step)?;
            self.check_start(end, hop.column)?;
            let keys = self.column(hop.column)?;
            rows = if place == 0 {
                let rows = numbered(&keys, hop.rows);
                key = Some(keys);
                rows
            } else {
                // The blank row has the key BLANK, which leads to the blank row.
                let codes = keys.gather(&rows);
                codes.iter().map(|code| hop.rows[*code as usize]).collect()
            };
            end = hop.target;
        }
        let Some(key) = key else {
            return Err(StorageError::Internal("a path without steps".to_owned()));
        };
        let reached = match column.target {
            Target::Row => Reached::Dense(rows.into()),
            Target::Column(column) => {
                let target = self.column(ColumnId { table: end, column })?;
                Reached::pack(target.gather(&rows), &key)
            }
        };
        lock().insert(column.clone(), reached.clone(), end);
        Ok((reached, end))
    }
}

/// What the codes of a key lead to, by number of the key.
fn numbered(key: &Column, by_code: &[u32]) -> Vec<u32> {
    match &key.numbering {
        None => by_code.to_vec(),
        Some(numbering) => {
            let codes = numbering.codes().iter();
            codes.map(|code| by_code[*code as usize]).collect()
        }
    }
}

//! A table expression's value over a batch: the rows of all contexts one after another, and offsets.

use std::rc::Rc;

use security::Codes;

use crate::context::Relations;
use crate::vector::{Errors, Vector};

/// One column of a table value.
#[derive(Clone, Debug)]
pub enum ColumnRows {
    /// A column of the base table: read through the base rows when it is asked for.
    Base,
    /// Codes of a model column.
    Coded(Codes),
    Values(Vector),
}

/// Rows in segments; a context has one segment, and contexts may share one.
#[derive(Clone, Debug)]
pub struct TableRows {
    /// Segment k is rows `offsets[k]..offsets[k + 1]`.
    pub offsets: Vec<u32>,
    /// Segment of each context; None: context k has segment k.
    pub segments: Option<Rc<[u32]>>,
    /// Row numbers in the base table.
    pub base: Option<Codes>,
    /// The relationships over which the base rows expand: those in force where the table was made. None: where it is used, they are
    /// the same.
    pub under: Option<Rc<Relations>>,
    pub columns: Vec<ColumnRows>,
    /// By context.
    pub errors: Errors,
}

impl TableRows {
    /// One segment that all of `n` contexts share.
    pub fn shared(
        n: usize,
        rows: usize,
        base: Option<Codes>,
        columns: Vec<ColumnRows>,
    ) -> TableRows {
        let segments = (n != 1).then(|| vec![0u32; n].into());
        TableRows {
            offsets: vec![0, rows as u32],
            segments,
            base,
            under: None,
            columns,
            errors: None,
        }
    }

    pub fn rows(&self) -> usize {
        self.offsets.last().copied().unwrap_or(0) as usize
    }

    pub fn segment(&self, context: usize) -> std::ops::Range<usize> {
        let k = self
            .segments
            .as_ref()
            .map_or(context, |s| s[context] as usize);
        self.offsets[k] as usize..self.offsets[k + 1] as usize
    }

    pub fn contexts(&self) -> usize {
        self.segments
            .as_ref()
            .map_or(self.offsets.len().saturating_sub(1), |s| s.len())
    }

    /// Rows over all contexts, shared segments counted for each.
    pub fn flat_rows(&self) -> usize {
        match &self.segments {
            None => self.rows(),
            Some(_) => (0..self.contexts()).map(|i| self.segment(i).len()).sum(),
        }
    }

    /// For each flattened row: its position among the rows, and its context.
    pub fn flatten(&self) -> Flat {
        let total = self.flat_rows();
        let mut positions = Vec::with_capacity(total);
        let mut contexts = Vec::with_capacity(total);
        let mut offsets = Vec::with_capacity(self.contexts() + 1);
        offsets.push(0);
        for i in 0..self.contexts() {
            for row in self.segment(i) {
                positions.push(row as u32);
                contexts.push(i as u32);
            }
            offsets.push(positions.len() as u32);
        }
        Flat {
            positions: positions.into(),
            contexts: contexts.into(),
            offsets,
        }
    }

    /// The rows at `positions`, in segments that `offsets` cuts, one per context.
    pub fn take(&self, positions: &[u32], offsets: Vec<u32>) -> TableRows {
        TableRows {
            offsets,
            segments: None,
            base: self.base.as_ref().map(|codes| codes.take(positions)),
            under: self.under.clone(),
            columns: self
                .columns
                .iter()
                .map(|column| column.take(positions))
                .collect(),
            errors: self.errors.clone(),
        }
    }

    /// The same rows seen from other contexts: context k sees what `map[k]` saw.
    pub fn remap(&self, map: &[u32]) -> TableRows {
        let segments: Rc<[u32]> = match &self.segments {
            None => map.into(),
            Some(old) => map.iter().map(|&m| old[m as usize]).collect(),
        };
        let errors = self.errors.as_ref().and_then(|list| {
            let find = |m: u32| {
                list.binary_search_by_key(&m, |(c, _)| *c)
                    .ok()
                    .map(|at| list[at].1.clone())
            };
            crate::vector::errors_from(
                map.iter()
                    .enumerate()
                    .filter_map(|(k, &m)| find(m).map(|f| (k as u32, f)))
                    .collect(),
            )
        });
        TableRows {
            segments: Some(segments),
            errors,
            ..self.clone()
        }
    }

    /// The table outside the context where it was made.
    pub fn made_under(mut self, relations: &Rc<Relations>) -> TableRows {
        if self.base.is_some() {
            self.under.get_or_insert_with(|| Rc::clone(relations));
        }
        self
    }

    /// Each context its own segment.
    pub fn unshared(self) -> TableRows {
        if self.segments.is_none() {
            return self;
        }
        let flat = self.flatten();
        self.take(&flat.positions, flat.offsets)
    }
}

impl ColumnRows {
    pub fn take(&self, positions: &[u32]) -> ColumnRows {
        match self {
            ColumnRows::Base => ColumnRows::Base,
            ColumnRows::Coded(codes) => ColumnRows::Coded(codes.take(positions)),
            ColumnRows::Values(vector) => ColumnRows::Values(vector.take(positions)),
        }
    }
}

/// Rows of all contexts one after another.
pub struct Flat {
    pub positions: Rc<[u32]>,
    pub contexts: Rc<[u32]>,
    /// By context.
    pub offsets: Vec<u32>,
}

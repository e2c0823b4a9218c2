//! Which values of a column visible rows hold. What a caller asks about a value must come out alike whether a hidden row holds
//! it or no row does: so codes are given for visible values only.

use std::sync::{Arc, PoisonError};

use roaring::RoaringBitmap;
use storage::{ColumnId, Control, Path, PathColumn, Scan};

use crate::error::ReadError;
use crate::scope::Scope;

/// The codes of one column that visible rows hold.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// All rows are visible.
    All,
    Some(Arc<RoaringBitmap>),
}

impl Seen {
    pub fn has(&self, code: u32) -> bool {
        match self {
            Seen::All => true,
            Seen::Some(codes) => codes.contains(code),
        }
    }

    /// The first code from here on that a visible row holds; behind the last one, the end of them all.
    pub fn next(&self, code: u32) -> u32 {
        let Seen::Some(codes) = self else { return code };
        let before = code.checked_sub(1).map_or(0, |last| codes.rank(last));
        let next = u32::try_from(before).ok().and_then(|n| codes.select(n));
        next.unwrap_or_else(|| self.end(code))
    }

    /// One past the last code that a visible row holds; `end` is that of the whole column.
    pub fn end(&self, end: u32) -> u32 {
        match self {
            Seen::All => end,
            Seen::Some(codes) => codes.max().map_or(1, |last| last.saturating_add(1).max(1)),
        }
    }
}

impl Scope {
    /// Found once for a scope and column, by a scan of the visible rows.
    pub(crate) fn seen(&self, column: ColumnId, control: &Control) -> Result<Seen, ReadError> {
        if self.visible.is_all(column.table) {
            return Ok(Seen::All);
        }
        if let Some(known) = self.seen_codes().get(&column) {
            return Ok(Seen::Some(Arc::clone(known)));
        }
        let scan = Scan {
            table: column.table,
            visibility: self.visible.of(column.table, control)?,
            masks: Vec::new(),
            filters: Vec::new(),
            keys: vec![PathColumn {
                path: Path::here(),
                target: storage::Target::Column(column.column),
            }],
            aggregates: Vec::new(),
            max_groups: usize::MAX,
        };
        let groups = self.data()?.scan(&scan, &control.aside())?;
        let codes: RoaringBitmap = groups.keys.first().into_iter().flatten().copied().collect();
        let codes = Arc::new(codes);
        self.seen_codes().insert(column, Arc::clone(&codes));
        Ok(Seen::Some(codes))
    }

    fn seen_codes(&self) -> std::sync::MutexGuard<'_, crate::scope::SeenCodes> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_move_on_to_the_next_visible_one() {
        let seen = Seen::Some(Arc::new([0, 3, 7].into_iter().collect()));
        for (code, next) in [(1, 3), (3, 3), (4, 7), (7, 7), (8, 8), (99, 8)] {
            assert_eq!(seen.next(code), next, "{code}");
        }
        assert_eq!(seen.end(50), 8);
        let nothing = Seen::Some(Arc::default());
        assert_eq!((nothing.next(5), nothing.end(50)), (1, 1));
        assert_eq!((Seen::All.next(5), Seen::All.end(50)), (5, 50));
    }
}

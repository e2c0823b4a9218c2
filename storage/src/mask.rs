//! Masks: rows at the end of a path that count as not being there.

use std::sync::Arc;

use crate::{Dataset, PlacedSet, RowSet, Step, StorageError, TableId, Target};

/// The masks of a scan or a fetch. They bear on every path that comes by.
#[derive(Default)]
pub(crate) struct Masks(Vec<PlacedSet>);

impl Masks {
    /// A mask on the start table is refused: which of its own rows count is for the visibility to say. A mask is a set of rows.
    pub(crate) fn new(masks: &[PlacedSet]) -> Result<Masks, StorageError> {
        if masks.iter().any(|mask| mask.path.is_empty()) {
            return Err(StorageError::Internal(
                "a mask stands on the table that the scan starts from".to_owned(),
            ));
        }
        if masks.iter().any(|mask| mask.target != Target::Row) {
            return Err(StorageError::Internal(
                "a mask is made of codes and not of rows".to_owned(),
            ));
        }
        Ok(Masks(masks.to_vec()))
    }

    /// Whether what the steps lead to depends on a mask.
    pub(crate) fn bear_on(&self, path: &[Step]) -> bool {
        let mut bearing = self.0.iter().filter(|mask| path.starts_with(&mask.path));
        bearing.any(|mask| *mask.rows != RowSet::All)
    }

    /// The sets that bear on the rows which the steps so far have led to.
    fn on<'m>(&'m self, walked: &'m [Step]) -> impl Iterator<Item = &'m RowSet> {
        let bearing = self.0.iter().filter(move |mask| *mask.path == *walked);
        bearing
            .map(|mask| &*mask.rows)
            .filter(|rows| **rows != RowSet::All)
    }

    /// Leads to the blank row of the table what the masks on this path leave out. `rows` is only copied where a mask is.
    pub(crate) fn apply_shared(
        &self,
        data: &Dataset,
        walked: &[Step],
        table: TableId,
        rows: &mut Arc<[u32]>,
    ) -> Result<(), StorageError> {
        if self.on(walked).next().is_none() {
            return Ok(());
        }
        self.apply(data, walked, table, Arc::make_mut(rows))
    }

    pub(crate) fn apply(
        &self,
        data: &Dataset,
        walked: &[Step],
        table: TableId,
        rows: &mut [u32],
    ) -> Result<(), StorageError> {
        for set in self.on(walked) {
            let blank = data.loaded_rows(table)?;
            for row in rows.iter_mut().filter(|row| !contains(set, **row)) {
                *row = blank;
            }
        }
        Ok(())
    }
}

fn contains(set: &RowSet, row: u32) -> bool {
    match set {
        RowSet::All => true,
        RowSet::None => false,
        RowSet::Some(rows) => rows.contains(row),
    }
}

//! Classes of equal rows, for context transition: a row that has an equal is not alone in its filter context.

use std::sync::Arc;

use crate::column::Column;
use crate::hash::FastMap;
use crate::reading::ColumnRef;
use crate::{ColumnId, Dataset, StorageError, TableId};

/// Pairs of a class and a code up to so many are numbered through an array.
const DENSE_PAIRS: usize = 1 << 22;

impl Dataset {
    /// For each row its class: two rows share a class exactly when all their columns are equal. None: every row is unique.
    /// Computed on first use.
    pub fn row_classes(&self, table: TableId) -> Result<Option<Arc<[u32]>>, StorageError> {
        let rows = self.loaded_rows(table)? as usize;
        let known = self.table(table)?;
        if let Some(classes) = known.classes.get() {
            return Ok(classes.clone());
        }
        let ids = (0..known.columns.len() as u32).map(|column| ColumnId { table, column });
        let columns = ids.filter(|id| self.has_column(*id));
        let columns: Vec<ColumnRef<'_>> = columns
            .map(|id| self.column(id))
            .collect::<Result<_, _>>()?;
        let classes = || classify(columns.iter().map(|column| &**column).collect(), rows);
        Ok(known.classes.get_or_init(classes).clone())
    }
}

fn classify(mut columns: Vec<&Column>, rows: usize) -> Option<Arc<[u32]>> {
    if rows <= 1 || columns.iter().any(|column| column.is_unique()) {
        return None;
    }
    // The columns with the most values tell the most rows apart.
    columns.sort_by_key(|column| std::cmp::Reverse(column.distinct));
    let mut classes = vec![0u32; rows];
    let mut count = 1usize;
    for column in columns {
        let size = column.size() as usize;
        let mut next = 0u32;
        if count.saturating_mul(size) <= DENSE_PAIRS {
            let mut numbers = vec![u32::MAX; count * size];
            for (class, code) in classes.iter_mut().zip(column.iter_codes()) {
                let number = &mut numbers[*class as usize * size + code as usize];
                if *number == u32::MAX {
                    *number = next;
                    next += 1;
                }
                *class = *number;
            }
        } else {
            let mut numbers: FastMap<u64, u32> = FastMap::default();
            for (class, code) in classes.iter_mut().zip(column.iter_codes()) {
                *class = *numbers
                    .entry(u64::from(*class) << 32 | u64::from(code))
                    .or_insert_with(|| {
                        next += 1;
                        next - 1
                    });
            }
        }
        count = next as usize;
        if count == rows {
            return None;
        }
    }
    Some(classes.into())
}

//! Classes of equal rows, for context transition: a row that has an equal is not alone in its filter context.

use std::sync::Arc;

use crate::hash::FastMap;
use crate::{Dataset, TableId};

/// Pairs of a class and a code up to so many are numbered through an array.
const DENSE_PAIRS: usize = 1 << 22;

impl Dataset {
    /// For each row its class: two rows share a class exactly when all their columns are equal. None: every row is unique.
    /// Computed on first use.
    pub fn row_classes(&self, table: TableId) -> Option<Arc<[u32]>> {
        let table = self.tables.get(table.0 as usize)?;
        let rows = table.rows? as usize;
        table
            .classes
            .get_or_init(|| self.classify(table, rows))
            .clone()
    }

    fn classify(&self, table: &crate::dataset::Table, rows: usize) -> Option<Arc<[u32]>> {
        let mut columns: Vec<_> = table
            .columns
            .iter()
            .filter_map(|slot| slot.data.as_deref())
            .collect();
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
}

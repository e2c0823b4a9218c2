//! More columns and tables beside those of a dataset, for as long as somebody needs them: what a query defines for itself.

use std::sync::{Mutex, OnceLock, PoisonError};

use arrow::array::{Array, ArrayRef};

use crate::dataset::{Slot, Table};
use crate::{ColumnId, DataType, Dataset, StorageError, TableId};

impl Dataset {
    /// The same data, to which columns and tables can be added without a trace in this dataset. Cells are shared, not copied.
    pub fn extension(&self) -> Dataset {
        // Copied and not shared: the ordinals of what is added mean something else in every extension.
        let translations = self
            .translations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let composed = self
            .composed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Dataset {
            tables: self.tables.clone(),
            relationships: self.relationships.clone(),
            translations: Mutex::new(translations),
            composed: Mutex::new(composed),
            stored: self.stored.clone(),
            derivations: self.derivations.clone(),
        }
    }

    /// One more column after those of a loaded table. It takes the type of its values.
    pub fn append_column(
        &mut self,
        table: TableId,
        name: &str,
        values: ArrayRef,
    ) -> Result<ColumnId, StorageError> {
        let known = self.table_mut(table)?;
        let column = ColumnId {
            table,
            column: known.columns.len() as u32,
        };
        known.columns.push(slot(name));
        match self.add_column(column, values) {
            Ok(()) => Ok(column),
            Err(error) => {
                self.table_mut(table)?.columns.pop();
                Err(error)
            }
        }
    }

    /// One more table, of as many rows as its columns have values.
    pub fn append_table(
        &mut self,
        name: &str,
        columns: Vec<(String, ArrayRef)>,
    ) -> Result<TableId, StorageError> {
        let table = TableId(self.tables.len() as u32);
        let rows = columns.first().map_or(0, |(_, values)| values.len());
        self.tables.push(Table {
            name: name.to_owned(),
            rows: None,
            columns: columns.iter().map(|(name, _)| slot(name)).collect(),
            classes: OnceLock::new(),
            source_bytes: 0,
        });
        let columns = (0..).zip(columns.into_iter().map(|(_, values)| vec![values]));
        match self.load_table(table, rows, columns.collect()) {
            Ok(()) => Ok(table),
            Err(error) => {
                self.tables.pop();
                Err(error)
            }
        }
    }
}

fn slot(name: &str) -> Slot {
    Slot {
        name: name.to_owned(),
        declared: DataType::Unknown,
        data: None,
        stored: None,
    }
}

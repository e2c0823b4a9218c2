//! Sizes, for the operator: names and counts, never cells.

use crate::atrest::StoredColumn;
use crate::dataset::{Slot, Table};
use crate::{Dataset, TableId};

/// Sizes of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnFigures {
    pub table: String,
    pub column: String,
    pub rows: u64,
    /// For example `u16 text dictionary`, `u24 runs offset`.
    pub encoding: String,
    pub code_bytes: u64,
    pub dictionary_bytes: u64,
    /// Values other than BLANK.
    pub distinct: u64,
}

/// Sizes of what leads from the key of a relationship to the row that it finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMapFigures {
    pub relationship: String,
    /// Codes of the key, one entry each.
    pub entries: u64,
    pub bytes: u64,
}

impl Dataset {
    /// Sizes of the loaded columns, in the order of the model.
    pub fn inspect(&self) -> Vec<ColumnFigures> {
        let loaded = |table: &Table, slot: &Slot| {
            let Some(column) = slot.loaded() else {
                return Some(on_disk(table, slot, slot.stored.as_ref()?));
            };
            Some(ColumnFigures {
                table: table.name.clone(),
                column: slot.name.clone(),
                rows: column.len() as u64,
                encoding: format!("{} {}", column.numbers.name(), column.domain.name()),
                code_bytes: column.numbers.bytes(),
                dictionary_bytes: column.dictionary_bytes(),
                distinct: column.distinct.into(),
            })
        };
        self.tables
            .iter()
            .flat_map(|t| t.columns.iter().filter_map(move |c| loaded(t, c)))
            .collect()
    }

    /// Sizes of the maps of relationships that are built, in the order of the model.
    pub fn key_maps(&self) -> Vec<KeyMapFigures> {
        let built = self.relationships.iter();
        built
            .filter_map(|relationship| relationship.figures())
            .collect()
    }

    pub(crate) fn set_source_bytes(&mut self, table: TableId, bytes: u64) {
        if let Ok(table) = self.table_mut(table) {
            table.source_bytes = bytes;
        }
    }

    /// What the calculated objects were computed from, as whoever computed them wrote it down. It goes to disk with the data, sealed
    /// as they are.
    pub fn derivations(&self) -> Option<&str> {
        self.derivations.as_deref()
    }

    pub fn set_derivations(&mut self, text: &str) {
        self.derivations = Some(text.into());
    }

    /// Bytes of the files that the tables were imported from.
    pub fn source_bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.source_bytes).sum()
    }
}

/// The figures of a column that nobody has asked for yet, or that was given up. It takes no memory, but where rows of the generation
/// before wait for new ones.
fn on_disk(table: &Table, slot: &Slot, stored: &StoredColumn) -> ColumnFigures {
    ColumnFigures {
        table: table.name.clone(),
        column: slot.name.clone(),
        rows: table.rows.unwrap_or(0).into(),
        encoding: "on disk".to_owned(),
        code_bytes: stored.bytes(),
        dictionary_bytes: 0,
        distinct: stored.distinct.into(),
    }
}

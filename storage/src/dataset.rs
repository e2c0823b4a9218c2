//! The data of a model: loading it column by column, and reading it by code.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{Array, ArrayRef};
use model::{Model, same_name};
use roaring::RoaringBitmap;

use crate::atrest::{AtRestError, ColumnMemoryFigures, InMemory, StoredColumn, StoredFiles};
use crate::canonical::{canonical_type, model_type};
use crate::column::Column;
use crate::column_values::ValuesError;
use crate::composed::Composed;
use crate::dictionary::Domain;
use crate::encode::encode_column;
use crate::mask::Masks;
use crate::reading::ColumnRef;
use crate::relationship::Relationship;
use crate::{
    ColumnId, DataType, MAX_ROWS, PathColumn, PlacedSet, RelationshipId, RowSet, StorageError,
    TableId, Target,
};

/// One generation of the data of a model. It is filled table by table, and from then on only read, by all readers at once.
pub struct Dataset {
    pub(crate) tables: Vec<Table>,
    pub(crate) relationships: Vec<Relationship>,
    pub(crate) translations: Mutex<Translations>,
    pub(crate) composed: Mutex<Composed>,
    /// The generation on disk that this is, if it is one.
    pub(crate) stored: Option<Arc<StoredFiles>>,
    /// See [`Dataset::derivations`].
    pub(crate) derivations: Option<Arc<str>>,
}

/// By the columns from and to.
type Translations = HashMap<(ColumnId, ColumnId), Arc<[u32]>>;

#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// None: not loaded yet.
    pub(crate) rows: Option<u32>,
    pub(crate) columns: Vec<Slot>,
    pub(crate) classes: OnceLock<Option<Arc<[u32]>>>,
    /// Bytes of the files that it was imported from.
    pub(crate) source_bytes: u64,
}

/// A column of the model, and its data once it is there. Datasets that extend one another share the data.
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) declared: DataType,
    pub(crate) data: Option<Arc<Column>>,
    /// The same on disk, read when it is first asked for.
    pub(crate) stored: Option<Arc<StoredColumn>>,
}

impl Slot {
    /// The data if it is in memory.
    pub(crate) fn loaded(&self) -> Option<Arc<Column>> {
        match (&self.data, &self.stored) {
            (Some(column), _) => Some(Arc::clone(column)),
            (None, Some(stored)) => stored.loaded(),
            (None, None) => None,
        }
    }

    /// What there is in memory of the column that this one will be once it is written.
    pub(crate) fn warm(&self) -> Option<InMemory> {
        match (&self.data, &self.stored) {
            (Some(column), _) => Some(InMemory::Whole(Arc::clone(column))),
            (None, Some(stored)) => stored.warm(),
            (None, None) => None,
        }
    }
}

/// The spelling to show for each code of a text column that has several, chosen among visible rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spellings {
    /// Ascending by code. A code that is missing here is shown as its first row spells it.
    chosen: Vec<(u32, Box<str>)>,
}

impl Spellings {
    pub(crate) fn of(&self, code: u32) -> Option<&str> {
        let place = self.chosen.binary_search_by_key(&code, |(c, _)| *c).ok()?;
        Some(&self.chosen[place].1)
    }
}

impl fmt::Debug for Dataset {
    /// Names and counts only: a dataset that ends up in a log must not take its cells along.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.tables.iter().map(|t| (&t.name, &t.rows)))
            .finish()
    }
}

impl Dataset {
    /// A dataset of the model's tables, all still without data.
    pub fn new(model: &Model) -> Dataset {
        let tables = model.tables.iter().map(|table| Table {
            name: table.name.clone(),
            rows: None,
            columns: table
                .columns
                .iter()
                .map(|c| Slot {
                    name: c.name.clone(),
                    declared: c.data_type,
                    data: None,
                    stored: None,
                })
                .collect(),
            classes: OnceLock::new(),
            source_bytes: 0,
        });
        let find = |table: &str, column: &str| {
            let t = model
                .tables
                .iter()
                .position(|t| same_name(&t.name, table))?;
            let c = model.tables[t]
                .columns
                .iter()
                .position(|c| same_name(&c.name, column))?;
            Some(ColumnId {
                table: TableId(t as u32),
                column: c as u32,
            })
        };
        let relationships = model.relationships.iter().map(|r| {
            Relationship::new(
                r,
                find(&r.from_table, &r.from_column),
                find(&r.to_table, &r.to_column),
            )
        });
        Dataset {
            tables: tables.collect(),
            relationships: relationships.collect(),
            translations: Mutex::new(HashMap::new()),
            composed: Mutex::default(),
            stored: None,
            derivations: None,
        }
    }

    /// An error once the dataset was closed, because the key to its files was taken back.
    pub fn check_open(&self) -> Result<(), StorageError> {
        match &self.stored {
            Some(files) => Ok(files.check_open()?),
            None => Ok(()),
        }
    }

    /// Reads every column that lies on disk, so that no query waits for it. Under a memory limit the last ones stay.
    pub fn preload(&self) -> Result<(), AtRestError> {
        let columns = self.tables.iter().flat_map(|table| &table.columns);
        let stored = columns.filter_map(|slot| slot.stored.as_ref());
        crate::atrest::read_all(stored.collect())
    }

    /// What columns that were read from disk take in memory; None: nothing was.
    pub fn column_memory(&self) -> Option<ColumnMemoryFigures> {
        self.stored.as_ref().map(|files| files.memory.figures())
    }

    /// The rows of a table. `columns` pairs the ordinals of the model's columns with canonical arrays: chunks in load order.
    /// Columns that are computed later are left out here.
    pub fn load_table(
        &mut self,
        table: TableId,
        rows: usize,
        columns: Vec<(u32, Vec<ArrayRef>)>,
    ) -> Result<(), StorageError> {
        self.check_unloaded(table, rows)?;
        let mut encoded: Vec<(u32, Column)> = Vec::with_capacity(columns.len());
        for (ordinal, chunks) in columns {
            let id = ColumnId {
                table,
                column: ordinal,
            };
            if encoded.iter().any(|(o, _)| *o == ordinal) {
                return Err(StorageError::AlreadyLoaded {
                    what: self.column_name(id),
                });
            }
            encoded.push((ordinal, self.encoded(id, &chunks, rows)?));
        }
        self.load_columns(table, rows, encoded)
    }

    /// The same with columns that are encoded already.
    pub(crate) fn load_columns(
        &mut self,
        table: TableId,
        rows: usize,
        columns: Vec<(u32, Column)>,
    ) -> Result<(), StorageError> {
        self.check_unloaded(table, rows)?;
        for (column, _) in &columns {
            self.slot(ColumnId {
                table,
                column: *column,
            })?;
        }
        let known = self.table_mut(table)?;
        for (ordinal, column) in columns {
            known.columns[ordinal as usize].data = Some(Arc::new(column));
        }
        known.rows = Some(rows as u32);
        Ok(())
    }

    fn check_unloaded(&self, table: TableId, rows: usize) -> Result<(), StorageError> {
        let known = self.table(table)?;
        if known.rows.is_some() {
            return Err(StorageError::AlreadyLoaded {
                what: format!("table '{}'", known.name),
            });
        }
        if rows > MAX_ROWS {
            return Err(StorageError::TooManyRows {
                table: known.name.clone(),
                rows,
            });
        }
        Ok(())
    }

    /// A calculated column of a table that is loaded already.
    pub fn add_column(&mut self, column: ColumnId, values: ArrayRef) -> Result<(), StorageError> {
        let rows = self.loaded_rows(column.table)? as usize;
        if self.has_column(column) {
            return Err(StorageError::AlreadyLoaded {
                what: self.column_name(column),
            });
        }
        self.slot(column)?;
        let encoded = self.encoded(column, &[values], rows)?;
        let table = self.table_mut(column.table)?;
        table.classes = OnceLock::new();
        table.columns[column.column as usize].data = Some(Arc::new(encoded));
        Ok(())
    }

    fn encoded(
        &self,
        id: ColumnId,
        chunks: &[ArrayRef],
        rows: usize,
    ) -> Result<Column, StorageError> {
        let slot = self.slot(id)?;
        let (table, column) = (self.table(id.table)?.name.clone(), slot.name.clone());
        let data_type = match slot.declared {
            // The type of a calculated column that nobody declared is the type of its values.
            DataType::Unknown | DataType::Variant => {
                let Some(found) = chunks.first().and_then(|c| model_type(c.data_type())) else {
                    return Err(StorageError::UnsupportedType {
                        table,
                        column,
                        data_type: slot.declared,
                    });
                };
                found
            }
            declared => declared,
        };
        let Some(expected) = canonical_type(data_type) else {
            return Err(StorageError::UnsupportedType {
                table,
                column,
                data_type,
            });
        };
        if let Some(chunk) = chunks.iter().find(|c| *c.data_type() != expected) {
            let (expected, found) = (expected.to_string(), chunk.data_type().to_string());
            return Err(StorageError::Type {
                table,
                column,
                expected,
                found,
            });
        }
        let found = chunks.iter().map(|c| c.len()).sum();
        if found != rows {
            return Err(StorageError::Length {
                table,
                column,
                expected: rows,
                found,
            });
        }
        encode_column(data_type, chunks, rows).ok_or(StorageError::UnsupportedType {
            table,
            column,
            data_type,
        })
    }

    /// Rows of a table; None while it is not loaded.
    pub fn rows(&self, table: TableId) -> Option<u32> {
        self.tables.get(table.0 as usize)?.rows
    }

    /// Whether the values of the column are there.
    pub fn has_column(&self, column: ColumnId) -> bool {
        self.slot(column)
            .is_ok_and(|s| s.data.is_some() || s.stored.is_some())
    }

    /// The type of the column's values, or the declared type while they are not there.
    pub fn column_type(&self, column: ColumnId) -> Option<DataType> {
        let slot = self.slot(column).ok()?;
        Some(match (&slot.data, &slot.stored) {
            (Some(column), _) => column.data_type,
            (None, Some(stored)) => stored.data_type,
            (None, None) => slot.declared,
        })
    }

    /// Codes of the column are below this; 0 while it is not loaded.
    pub fn domain(&self, column: ColumnId) -> u32 {
        let Ok(slot) = self.slot(column) else {
            return 0;
        };
        match (&slot.data, &slot.stored) {
            (Some(column), _) => column.size(),
            (None, Some(stored)) => stored.size,
            (None, None) => 0,
        }
    }

    /// Values of codes. `spellings` says how to spell text that has several spellings; without it, as the first row does.
    pub fn decode(
        &self,
        column: ColumnId,
        codes: &[u32],
        spellings: Option<&Spellings>,
    ) -> Result<ArrayRef, StorageError> {
        self.column(column)?
            .decode(codes, spellings)
            .map_err(|e| self.named(column, e))
    }

    /// Codes of values of the column's canonical type: BLANK of null, ABSENT of a value that the column does not hold.
    pub fn encode(&self, column: ColumnId, values: &ArrayRef) -> Result<Vec<u32>, StorageError> {
        self.column(column)?
            .encode(values)
            .map_err(|e| self.named(column, e))
    }

    /// For each value the first code whose value is at least it and the first code whose value is greater, both in
    /// 1..=domain. (1, 1) of null.
    pub fn bounds(
        &self,
        column: ColumnId,
        values: &ArrayRef,
    ) -> Result<Vec<(u32, u32)>, StorageError> {
        self.column(column)?
            .bounds(values)
            .map_err(|e| self.named(column, e))
    }

    /// Codes of a column (or row numbers) along a path, for rows of the start table. A blank row gives BLANK, or the
    /// blank row at the path's end. A row that a mask on the path leaves out counts as blank.
    pub fn fetch(
        &self,
        table: TableId,
        rows: &[u32],
        column: &PathColumn,
        masks: &[PlacedSet],
    ) -> Result<Vec<u32>, StorageError> {
        let masks = Masks::new(masks)?;
        let blank = self.loaded_rows(table)?;
        if rows.iter().any(|row| *row > blank) {
            return Err(StorageError::Internal(format!(
                "a row number beyond table '{}'",
                self.table(table)?.name
            )));
        }
        let mut reached = table;
        let mut rows = rows.to_vec();
        for (place, step) in column.path.iter().enumerate() {
            let hop = self.hop(*step)?;
            self.check_start(reached, hop.column)?;
            // The blank row has the key BLANK, which leads to the blank row.
            rows = self.column(hop.column)?.gather(&rows);
            rows.iter_mut()
                .for_each(|row| *row = hop.rows[*row as usize]);
            masks.apply(self, &column.path[..=place], hop.target, &mut rows)?;
            reached = hop.target;
        }
        match column.target {
            Target::Row => Ok(rows),
            Target::Column(ordinal) => Ok(self
                .column(ColumnId {
                    table: reached,
                    column: ordinal,
                })?
                .gather(&rows)),
        }
    }

    /// For each code of `from` the code of the equal value in `to`, or ABSENT; BLANK of BLANK. Computed once. Columns of types
    /// without common values share nothing but BLANK.
    pub fn translate(&self, from: ColumnId, to: ColumnId) -> Result<Arc<[u32]>, StorageError> {
        if let Some(known) = self
            .translations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(from, to))
        {
            return Ok(known.clone());
        }
        // Outside the lock: two readers may compute the same, but none waits for another's work.
        let (source, target) = (self.column(from)?, self.column(to)?);
        let codes: Arc<[u32]> = match source.translate(&target) {
            Some(codes) => codes.into(),
            None => (0..source.size())
                .map(|c| if c == crate::BLANK { c } else { crate::ABSENT })
                .collect(),
        };
        self.translations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((from, to), codes.clone());
        Ok(codes)
    }

    /// For each code with several spellings, the spelling of the first visible row in load order. None: the column has no
    /// such code.
    pub fn spellings(
        &self,
        column: ColumnId,
        visible: &RowSet,
    ) -> Result<Option<Spellings>, StorageError> {
        let column = self.column(column)?;
        Ok(spellings(&column, visible))
    }

    pub(crate) fn table(&self, table: TableId) -> Result<&Table, StorageError> {
        self.tables
            .get(table.0 as usize)
            .ok_or(StorageError::UnknownTable { table: table.0 })
    }

    pub(crate) fn table_mut(&mut self, table: TableId) -> Result<&mut Table, StorageError> {
        self.tables
            .get_mut(table.0 as usize)
            .ok_or(StorageError::UnknownTable { table: table.0 })
    }

    pub(crate) fn loaded_rows(&self, table: TableId) -> Result<u32, StorageError> {
        let table = self.table(table)?;
        table.rows.ok_or_else(|| StorageError::NotLoaded {
            table: table.name.clone(),
        })
    }

    pub(crate) fn slot(&self, column: ColumnId) -> Result<&Slot, StorageError> {
        let table = self.table(column.table)?;
        table
            .columns
            .get(column.column as usize)
            .ok_or_else(|| StorageError::UnknownColumn {
                table: table.name.clone(),
                column: column.column,
            })
    }

    /// The data of a column, read now if they lie on disk. They stay for as long as what comes back.
    pub(crate) fn column(&self, column: ColumnId) -> Result<ColumnRef<'_>, StorageError> {
        let slot = self.slot(column)?;
        let table = &self.table(column.table)?.name;
        match (&slot.data, &slot.stored) {
            (Some(column), _) => Ok(ColumnRef::InMemory(column)),
            (None, Some(stored)) => Ok(ColumnRef::Read(stored.get()?)),
            (None, None) => Err(StorageError::ColumnNotLoaded {
                table: table.clone(),
                column: slot.name.clone(),
            }),
        }
    }

    /// The data of a column that is in memory now.
    #[cfg(test)]
    pub(crate) fn loaded_column(&self, column: ColumnId) -> Option<Arc<Column>> {
        self.slot(column).ok()?.loaded()
    }

    /// What a column is besides its rows, which need not be there.
    pub(crate) fn head(&self, column: ColumnId) -> Result<ColumnRef<'_>, StorageError> {
        let slot = self.slot(column)?;
        match (&slot.data, &slot.stored) {
            (None, Some(stored)) => Ok(ColumnRef::Read(stored.head()?)),
            _ => self.column(column),
        }
    }

    /// A step must start where the path has come to.
    pub(crate) fn check_start(&self, reached: TableId, key: ColumnId) -> Result<(), StorageError> {
        if reached == key.table {
            return Ok(());
        }
        let (here, there) = (&self.table(reached)?.name, &self.table(key.table)?.name);
        Err(StorageError::Internal(format!(
            "a path that has reached '{here}' goes on from '{there}'"
        )))
    }

    pub(crate) fn relationship(&self, id: RelationshipId) -> Result<&Relationship, StorageError> {
        self.relationships
            .get(id.0 as usize)
            .ok_or(StorageError::UnknownRelationship { relationship: id.0 })
    }

    fn column_name(&self, column: ColumnId) -> String {
        match (self.table(column.table), self.slot(column)) {
            (Ok(table), Ok(slot)) => format!("column '{}'[{}]", table.name, slot.name),
            _ => format!("column number {}", column.column),
        }
    }

    fn named(&self, column: ColumnId, error: ValuesError) -> StorageError {
        let (Ok(table), Ok(slot)) = (self.table(column.table), self.slot(column)) else {
            return StorageError::Internal("a column without a name".to_owned());
        };
        let (table, name) = (table.name.clone(), slot.name.clone());
        match error {
            ValuesError::Type { found } => {
                let data_type = self.column_type(column).and_then(canonical_type);
                let expected = data_type.map_or_else(|| "nothing".to_owned(), |t| t.to_string());
                StorageError::Type {
                    table,
                    column: name,
                    expected,
                    found,
                }
            }
            ValuesError::CodeOutOfRange => StorageError::Internal(format!(
                "a code out of the range of column '{table}'[{name}]"
            )),
            ValuesError::TooLarge => StorageError::TooLarge {
                table,
                column: name,
            },
        }
    }
}

fn spellings(column: &Column, visible: &RowSet) -> Option<Spellings> {
    let Domain::Text(text) = &*column.domain else {
        return None;
    };
    let variants = text.variants.as_ref()?;
    let mut chosen = Vec::new();
    match visible {
        // The default spelling is already that of the first of all rows.
        RowSet::All | RowSet::None => {}
        RowSet::Some(rows) => {
            let mut wanted =
                RoaringBitmap::from_sorted_iter(variants.texts.iter().map(|(code, _)| *code))
                    .ok()?;
            let count = column.len() as u32;
            for row in rows.iter().take_while(|row| *row < count) {
                let code = column.code_at(row as usize);
                if wanted.remove(code) {
                    let spelled = match variants.spelling(code, row) {
                        Some(spelled) => spelled.into(),
                        None => text.first.get(code as usize).into(),
                    };
                    chosen.push((code, spelled));
                    if wanted.is_empty() {
                        break;
                    }
                }
            }
        }
    }
    chosen.sort_unstable();
    Some(Spellings { chosen })
}

//! What stands in each data file: codes of a partition, the dictionary of a column, its further spellings.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType as ArrowType, Field, Schema};
use serde_json::json;

use super::AtRestError;
use super::bridge::{
    code_type, codes_of, codes_of_tail, presence_of, spellings_of, values_of_codes,
};
use super::disk::Disk;
use super::manifest::{DomainEntry, FileEntry, TableEntry};
use super::parquet_write::{Content, EncryptedFile, bound_to};
use super::provider::KeyContext;
use super::secret::SecretKey;
use crate::canonical::canonical_type;
use crate::column::BLOCK;
use crate::grow::Tail;
use crate::reading::ColumnRef;
use crate::{ColumnId, Dataset, TableId};

/// Which rows of columns go to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// Of all rows.
    Rows,
    /// Of those that lie in no file yet.
    Tail,
}

/// What a new file is to hold.
pub(crate) enum Task {
    /// Columns of a table, from a row on.
    Codes {
        table: usize,
        source: Source,
        start: usize,
        rows: usize,
        columns: Vec<u32>,
    },
    Dictionary(ColumnId),
    Spellings(ColumnId),
    SpelledRows(ColumnId),
    /// The codes of a foreign key in the order of the numbers that stand for them in memory.
    Numbering(ColumnId),
    /// Which codes of a column of offsets occur, a bit for each.
    Presence(ColumnId),
}

/// Columns under way to a file.
struct Lanes<'a> {
    lanes: Vec<Lane<'a>>,
    schema: Arc<Schema>,
    notes: Vec<(String, String)>,
}

enum Lane<'a> {
    Rows(ColumnRef<'a>),
    Tail(Arc<Tail>),
}

impl Lane<'_> {
    fn codes(&self, start: usize, len: usize) -> ArrayRef {
        match self {
            Lane::Rows(column) => codes_of(column, start, len),
            Lane::Tail(tail) => codes_of_tail(tail, start, len),
        }
    }
}

/// Writes data files of one generation.
pub(crate) struct Writer<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) folder: &'a Path,
    pub(crate) context: &'a KeyContext,
    pub(crate) dataset: &'a Dataset,
    pub(crate) tables: &'a [TableEntry],
    /// Names of the files of the generation, by place.
    pub(crate) names: Vec<String>,
}

impl Writer<'_> {
    pub(crate) fn write(
        &self,
        name: &str,
        task: &Task,
        key: &SecretKey,
    ) -> Result<FileEntry, AtRestError> {
        match task {
            Task::Codes {
                table,
                source,
                start,
                rows,
                columns,
            } => {
                let columns = self.lanes(*table, *source, columns)?;
                self.codes(name, key, columns, *start..*start + *rows)
            }
            Task::Dictionary(id) => self.dictionary(name, key, *id),
            Task::Spellings(id) => {
                let lists = self.spellings(*id)?;
                let codes: ArrayRef = Arc::new(UInt32Array::from(lists.codes));
                let texts: ArrayRef = Arc::new(StringArray::from(lists.texts));
                self.lists(name, key, vec![("code", codes), ("spelling", texts)])
            }
            Task::SpelledRows(id) => {
                let lists = self.spellings(*id)?;
                let rows: ArrayRef = Arc::new(UInt32Array::from(lists.rows));
                let places: ArrayRef = Arc::new(UInt32Array::from(lists.places));
                self.lists(name, key, vec![("row", rows), ("place", places)])
            }
            Task::Presence(id) => {
                let column = self.head(*id)?;
                let present = presence_of(&column);
                let present =
                    present.ok_or_else(|| AtRestError::internal("offsets without gaps"))?;
                let words: ArrayRef = Arc::new(UInt64Array::from(present.to_vec()));
                self.lists(name, key, vec![("present", words)])
            }
            Task::Numbering(id) => {
                let column = self.head(*id)?;
                let numbering = column.numbering.as_ref();
                let numbering =
                    numbering.ok_or_else(|| AtRestError::internal("a key without numbers"))?;
                let codes: ArrayRef = Arc::new(UInt32Array::from(numbering.codes().to_vec()));
                self.lists(name, key, vec![("code", codes)])
            }
        }
    }

    /// A column whose rows are not looked at.
    fn head(&self, id: ColumnId) -> Result<ColumnRef<'_>, AtRestError> {
        Ok(self.dataset.head(id)?)
    }

    fn create(
        &self,
        name: &str,
        key: &SecretKey,
        schema: &Arc<Schema>,
        content: Content,
        notes: Vec<(String, String)>,
    ) -> Result<EncryptedFile, AtRestError> {
        EncryptedFile::create(
            self.disk,
            &self.folder.join(name),
            Arc::clone(schema),
            content,
            notes,
            key,
            bound_to(self.context, self.context.generation, name),
        )
    }

    fn finish(&self, name: &str, file: EncryptedFile) -> Result<FileEntry, AtRestError> {
        let counts = file.finish(&self.folder.join(name))?;
        Ok(counts.entry(name, self.context.generation))
    }

    fn lanes(
        &self,
        table: usize,
        source: Source,
        ordinals: &[u32],
    ) -> Result<Lanes<'_>, AtRestError> {
        let mut lanes = Vec::with_capacity(ordinals.len());
        let mut fields = Vec::with_capacity(ordinals.len());
        for ordinal in ordinals {
            let id = ColumnId {
                table: TableId(table as u32),
                column: *ordinal,
            };
            let slot = self.dataset.slot(id)?;
            let (lane, arrow) = match (source, &slot.stored) {
                (Source::Rows, _) => {
                    let column = self.dataset.column(id)?;
                    let arrow = code_type(&column);
                    (Lane::Rows(column), arrow)
                }
                (Source::Tail, Some(stored)) => {
                    let tail = stored.tail();
                    let tail = tail.ok_or_else(|| AtRestError::internal("no rows are new"))?;
                    (Lane::Tail(Arc::clone(tail)), code_type(&tail.head))
                }
                (Source::Tail, None) => return Err(AtRestError::internal("no rows are new")),
            };
            fields.push(Field::new(slot.name.clone(), arrow, false));
            lanes.push(lane);
        }
        Ok(Lanes {
            lanes,
            schema: Arc::new(Schema::new(fields)),
            notes: self.notes(table, ordinals),
        })
    }

    fn codes(
        &self,
        name: &str,
        key: &SecretKey,
        columns: Lanes<'_>,
        rows: std::ops::Range<usize>,
    ) -> Result<FileEntry, AtRestError> {
        let Lanes {
            lanes,
            schema,
            notes,
        } = columns;
        let mut file = self.create(name, key, &schema, Content::Codes, notes)?;
        for start in rows.clone().step_by(BLOCK) {
            let len = BLOCK.min(rows.end - start);
            let arrays = lanes.iter().map(|lane| lane.codes(start, len)).collect();
            file.write(&self.folder.join(name), &batch(&schema, arrays)?)?;
        }
        self.finish(name, file)
    }

    /// What a reader without the manifest has to know: which values the codes stand for. It is inside the encrypted footer.
    fn notes(&self, table: usize, ordinals: &[u32]) -> Vec<(String, String)> {
        let Some(table) = self.tables.get(table) else {
            return Vec::new();
        };
        let file = |place: &u32| self.names.get(*place as usize);
        let columns = ordinals.iter().filter_map(|ordinal| {
            let column = table.columns.get(*ordinal as usize)?.as_ref()?;
            let numbering = column.numbering.as_ref().map(file);
            let values = match &column.domain {
                DomainEntry::Text {
                    dictionary,
                    spellings,
                } => json!({
                    "dictionary": file(dictionary),
                    "numbering": numbering,
                    "spellings": spellings.as_ref().map(|(texts, rows)| [file(texts), file(rows)]),
                }),
                DomainEntry::Whole { dictionary } | DomainEntry::Double { dictionary } => {
                    json!({ "dictionary": file(dictionary), "numbering": numbering })
                }
                DomainEntry::Offset { base, step, .. } => json!({
                    "base": base,
                    "step": step,
                    "numbering": numbering,
                    "type": canonical_type(column.data_type).map(|t| t.to_string()),
                }),
            };
            Some((column.name.clone(), values))
        });
        let columns: serde_json::Map<String, serde_json::Value> = columns.collect();
        let note = json!({ "table": table.name, "columns": columns });
        vec![("peristyle".to_owned(), note.to_string())]
    }

    fn dictionary(
        &self,
        name: &str,
        key: &SecretKey,
        id: ColumnId,
    ) -> Result<FileEntry, AtRestError> {
        let column = self.head(id)?;
        let arrow = canonical_type(column.data_type)
            .ok_or_else(|| AtRestError::internal("a column of a type that is not stored"))?;
        let schema = Arc::new(Schema::new(vec![Field::new("value", arrow, true)]));
        let mut file = self.create(name, key, &schema, Content::Values, Vec::new())?;
        for start in (0..column.size()).step_by(BLOCK) {
            let len = (BLOCK as u32).min(column.size() - start);
            let values = values_of_codes(&column, start, len)?;
            file.write(&self.folder.join(name), &batch(&schema, vec![values])?)?;
        }
        self.finish(name, file)
    }

    fn spellings(&self, id: ColumnId) -> Result<super::bridge::SpellingLists, AtRestError> {
        let column = self.head(id)?;
        spellings_of(&column)
            .ok_or_else(|| AtRestError::internal("a column that has no further spellings"))
    }

    fn lists(
        &self,
        name: &str,
        key: &SecretKey,
        columns: Vec<(&str, ArrayRef)>,
    ) -> Result<FileEntry, AtRestError> {
        let field = |(name, values): &(&str, ArrayRef)| {
            let arrow: &ArrowType = values.data_type();
            Field::new(*name, arrow.clone(), false)
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let mut file = self.create(name, key, &schema, Content::Values, Vec::new())?;
        let arrays = columns.into_iter().map(|(_, values)| values).collect();
        file.write(&self.folder.join(name), &batch(&schema, arrays)?)?;
        self.finish(name, file)
    }
}

fn batch(schema: &Arc<Schema>, arrays: Vec<ArrayRef>) -> Result<RecordBatch, AtRestError> {
    RecordBatch::try_new(Arc::clone(schema), arrays)
        .map_err(|_| AtRestError::internal("columns of a file do not go together"))
}

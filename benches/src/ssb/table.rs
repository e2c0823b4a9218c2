//! Columns under way to a Parquet file. The benchmark knows whole numbers and texts, and nothing is missing.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};

const ROWS_A_GROUP: usize = 1_000_000;

/// Named columns of equal length.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<(&'static str, ArrayRef)>,
}

impl Table {
    pub fn number(mut self, name: &'static str, values: Vec<i32>) -> Table {
        self.columns
            .push((name, Arc::new(Int32Array::from(values))));
        self
    }

    pub fn text<T: AsRef<str>>(
        mut self,
        name: &'static str,
        values: impl IntoIterator<Item = T>,
    ) -> Table {
        let values = StringArray::from_iter_values(values);
        self.columns.push((name, Arc::new(values)));
        self
    }

    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, array)| array.len())
    }

    /// The values of a column of whole numbers.
    pub fn numbers(&self, name: &str) -> &[i32] {
        let array = self.column(name).as_any().downcast_ref::<Int32Array>();
        array.expect("a column of whole numbers").values()
    }

    /// The values of a column of texts.
    pub fn texts(&self, name: &str) -> &StringArray {
        let array = self.column(name).as_any().downcast_ref::<StringArray>();
        array.expect("a column of texts")
    }

    fn column(&self, name: &str) -> &ArrayRef {
        let found = self.columns.iter().find(|(n, _)| *n == name);
        &found.expect("a column of this table").1
    }

    /// Writes the whole table into a file, and says how many rows it has.
    pub fn write(self, path: &Path) -> Result<usize, Box<dyn Error>> {
        write(path, [self])
    }

    fn batch(self) -> Result<RecordBatch, Box<dyn Error>> {
        let fields = self
            .columns
            .iter()
            .map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let arrays = self.columns.into_iter().map(|(_, array)| array).collect();
        Ok(RecordBatch::try_new(schema, arrays)?)
    }
}

/// A digest over names and values, column by column, that any language can compute: the tables of a column are its name
/// and its values, a line each, in the order of the rows, whatever the pieces that they come in.
pub struct TableDigest {
    columns: Vec<Sha256>,
}

impl TableDigest {
    pub fn of(tables: impl IntoIterator<Item = Table>) -> String {
        let mut digest = TableDigest {
            columns: Vec::new(),
        };
        for table in tables {
            digest.add(&table);
        }
        let mut all = Sha256::new();
        for column in digest.columns {
            all.update(column.finalize());
        }
        let hex = all.finalize();
        hex.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn add(&mut self, table: &Table) {
        if self.columns.is_empty() {
            for (name, _) in &table.columns {
                let mut column = Sha256::new();
                column.update(format!("{name}\n"));
                self.columns.push(column);
            }
        }
        for ((_, array), column) in table.columns.iter().zip(&mut self.columns) {
            if let Some(numbers) = array.as_any().downcast_ref::<Int32Array>() {
                for value in numbers.values() {
                    column.update(format!("{value}\n"));
                }
            } else if let Some(texts) = array.as_any().downcast_ref::<StringArray>() {
                for value in texts.iter().flatten() {
                    column.update(format!("{value}\n"));
                }
            }
        }
    }
}

/// Writes the pieces of one table into a file, and says how many rows that made.
pub fn write(
    path: &Path,
    pieces: impl IntoIterator<Item = Table>,
) -> Result<usize, Box<dyn Error>> {
    let mut pieces = pieces.into_iter();
    let first = pieces.next().ok_or("a table without rows")?.batch()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROWS_A_GROUP))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(path)?, first.schema(), Some(properties))?;
    let mut rows = first.num_rows();
    writer.write(&first)?;
    for piece in pieces {
        let batch = piece.batch()?;
        rows += batch.num_rows();
        writer.write(&batch)?;
    }
    writer.close()?;
    Ok(rows)
}

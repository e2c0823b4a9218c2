//! Files are written on the fly: every type, every refusal, every way to name a file.

mod damage;
mod places;
mod types;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{Field, Schema};
use model::{Column, ColumnKind, DataType, Model, Partition, PartitionKind, Table};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "peristyle-import-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file of these columns, in row groups of `group` rows.
    fn write_groups(&self, name: &str, columns: &[(&str, ArrayRef)], group: usize) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let fields: Vec<Field> = columns
            .iter()
            .map(|(n, a)| Field::new(*n, a.data_type().clone(), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let batch =
            RecordBatch::try_new(schema, columns.iter().map(|(_, a)| Arc::clone(a)).collect())
                .unwrap();
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(group))
            .build();
        let mut writer = ArrowWriter::try_new(
            File::create(path).unwrap(),
            batch.schema(),
            Some(properties),
        )
        .unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    fn write(&self, name: &str, columns: &[(&str, ArrayRef)]) {
        self.write_groups(name, columns, 1_000_000);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder left behind in the temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn integers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn column(name: &str, data_type: DataType) -> Column {
    let kind = ColumnKind::Data {
        source_column: name.to_string(),
    };
    Column {
        name: name.to_string(),
        data_type,
        kind,
        ..Column::default()
    }
}

fn table(name: &str, columns: Vec<Column>) -> Table {
    Table {
        name: name.to_string(),
        columns,
        ..Table::default()
    }
}

/// A partition for each file.
fn from_files(mut table: Table, files: &[&str]) -> Table {
    table.partitions = files
        .iter()
        .map(|file| Partition {
            name: file.to_string(),
            mode: None,
            kind: PartitionKind::M {
                expression: String::new(),
                file: Some(file.to_string()),
            },
        })
        .collect();
    table
}

fn model(tables: Vec<Table>) -> Model {
    Model {
        tables,
        ..Model::default()
    }
}

/// The rows of the only table, or the error's message with the folder taken out.
fn rows_of(folder: &Folder, table: Table) -> Result<u32, String> {
    match super::import(&model(vec![table]), &folder.0, &super::NoProgress) {
        Ok(dataset) => Ok(dataset.rows(crate::TableId(0)).unwrap()),
        Err(e) => Err(without_folder(&e.to_string(), &folder.0)),
    }
}

fn without_folder(message: &str, folder: &Path) -> String {
    message.replace(
        &format!("{}{}", folder.display(), std::path::MAIN_SEPARATOR),
        "",
    )
}

//! The data of a model as plain Arrow batches, one for each table: read from Parquet, changed, and written again, without
//! the engine.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat_batches, take as take_values};
use arrow::datatypes::{DataType as ArrowType, Field, Int64Type, Schema};
use model::{Column, ColumnKind, Model, PartitionKind, Table, same_name};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A batch for each table that has rows of its own, by the name of the table.
pub type Sheets = BTreeMap<String, RecordBatch>;

/// Whether the rows of a table come from files.
pub fn comes_from_files(table: &Table) -> bool {
    table.calculation_group.is_none()
        && table.partitions.iter().all(|partition| {
            matches!(
                partition.kind,
                PartitionKind::M { .. } | PartitionKind::Other { .. }
            )
        })
}

/// Every table that comes from files. The models of these tests keep each table in one file of its name.
pub fn read_sheets(model: &Model, data: &Path) -> Sheets {
    let tables = model.tables.iter().filter(|table| comes_from_files(table));
    tables
        .map(|table| {
            let batch = read_file(&data.join(format!("{}.parquet", table.name)));
            (table.name.clone(), batch)
        })
        .collect()
}

pub fn read_file(path: &Path) -> RecordBatch {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    let schema = Arc::clone(builder.schema());
    let batches: Vec<RecordBatch> = builder
        .build()
        .expect("a reader")
        .map(|batch| batch.expect("a batch"))
        .collect();
    concat_batches(&schema, &batches).expect("batches of one file")
}

pub fn write_sheets(sheets: &Sheets, folder: &Path) {
    for (table, batch) in sheets {
        write_file(batch, &folder.join(format!("{table}.parquet")));
    }
}

pub fn write_file(batch: &RecordBatch, path: &Path) {
    let file = File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(batch).expect("a batch that can be written");
    writer.close().expect("a file that can be closed");
}

/// The rows for which `keep` holds.
pub fn keep_rows(batch: &RecordBatch, keep: impl Fn(usize) -> bool) -> RecordBatch {
    let rows: UInt32Array = (0..batch.num_rows())
        .filter(|row| keep(*row))
        .map(|row| row as u32)
        .collect();
    let columns = batch
        .columns()
        .iter()
        .map(|column| take_values(column, &rows, None).expect("rows of the batch"));
    RecordBatch::try_new(batch.schema(), columns.collect()).expect("columns of one length")
}

/// The batch with one more column, or with another one in the place of the column of that name.
pub fn with_column(batch: &RecordBatch, name: &str, array: ArrayRef) -> RecordBatch {
    let mut fields: Vec<Arc<Field>> = batch.schema().fields().iter().cloned().collect();
    let mut columns = batch.columns().to_vec();
    let field = Arc::new(Field::new(name, array.data_type().clone(), true));
    match fields.iter().position(|field| field.name() == name) {
        Some(at) => {
            fields[at] = field;
            columns[at] = array;
        }
        None => {
            fields.push(field);
            columns.push(array);
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length")
}

/// The values of a column of the model: its name in the file may differ.
pub fn values_of<'a>(model: &Model, sheets: &'a Sheets, table: &str, column: &str) -> &'a ArrayRef {
    let source = source_name(find_column(model, table, column));
    sheets[table]
        .column_by_name(source)
        .unwrap_or_else(|| panic!("{table} has no column {source}"))
}

pub fn find_table<'a>(model: &'a Model, name: &str) -> &'a Table {
    let mut tables = model.tables.iter();
    tables
        .find(|table| same_name(&table.name, name))
        .unwrap_or_else(|| panic!("no table {name}"))
}

pub fn find_column<'a>(model: &'a Model, table: &str, name: &str) -> &'a Column {
    let mut columns = find_table(model, table).columns.iter();
    columns
        .find(|column| same_name(&column.name, name))
        .unwrap_or_else(|| panic!("no column {table}[{name}]"))
}

/// The name of a data column in its file.
pub fn source_name(column: &Column) -> &str {
    match &column.kind {
        ColumnKind::Data { source_column } if !source_column.is_empty() => source_column,
        _ => &column.name,
    }
}

/// A value as relationships compare it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    Blank,
    Number(i64),
    /// Without case, and without trailing spaces.
    Text(String),
}

pub fn fold(text: &str) -> String {
    text.trim_end_matches(' ').to_lowercase()
}

pub fn keys(array: &ArrayRef) -> Vec<Key> {
    if *array.data_type() == ArrowType::Utf8 {
        let texts = array.as_string::<i32>();
        return texts
            .iter()
            .map(|text| text.map_or(Key::Blank, |text| Key::Text(fold(text))))
            .collect();
    }
    let wide = match array.data_type() {
        ArrowType::Date32 => cast(array, &ArrowType::Int32).expect("days"),
        _ => Arc::clone(array),
    };
    let numbers = cast(&wide, &ArrowType::Int64).expect("keys are whole numbers, dates or texts");
    let numbers = numbers.as_primitive::<Int64Type>();
    numbers
        .iter()
        .map(|number| number.map_or(Key::Blank, Key::Number))
        .collect()
}

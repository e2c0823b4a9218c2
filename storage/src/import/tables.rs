//! The tables of a model, one after another, and then their relationships.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, new_null_array};
use model::{CalculationGroup, Column, ColumnKind, DataType, Model, Table, same_name};

use super::files::files_of_table;
use super::open::Wanted;
use super::work::read_files;
use super::{ImportError, ImportOptions, Progress};
use crate::{ColumnId, Dataset, RelationshipId, StorageError, TableId, canonical_type};

/// Loads every table of the model that has its data in files of the folder `data`, and every calculation group, and
/// relates the tables whose key columns are then there.
///
/// A partition that names a file in `File.Contents` is read from that file inside the folder, any other from
/// `<Table>.parquet` or the folder `<Table>`. Calculated tables and columns are left to who can compute them. A table
/// that reads no column from files (one that only carries measures) needs no file and then has no rows.
///
/// Types are turned into the model's where nothing is lost, and where it is customary: whole numbers and decimals into
/// decimal numbers (the nearest one), decimals and decimal numbers into fixed decimals (four places, half away from
/// zero), instants with a zone into UTC, times of day into that time on 1899-12-30, nanoseconds cut to microseconds.
/// Anything else is refused.
pub fn import(model: &Model, data: &Path, progress: &dyn Progress) -> Result<Dataset, ImportError> {
    import_with(model, data, &ImportOptions::default(), progress)
}

/// The same, on so many threads and with a way to stop.
pub fn import_with(
    model: &Model,
    data: &Path,
    options: &ImportOptions,
    progress: &dyn Progress,
) -> Result<Dataset, ImportError> {
    let mut dataset = Dataset::new(model);
    for (ordinal, table) in model.tables.iter().enumerate() {
        let id = TableId(ordinal as u32);
        if let Some(group) = &table.calculation_group {
            load_calculation_group(&mut dataset, id, table, group, progress)?;
        } else {
            load_from_files(&mut dataset, id, table, data, options, progress)?;
        }
    }
    relate_all(&mut dataset, model)?;
    Ok(dataset)
}

fn load_from_files(
    dataset: &mut Dataset,
    id: TableId,
    table: &Table,
    data: &Path,
    options: &ImportOptions,
    progress: &dyn Progress,
) -> Result<(), ImportError> {
    let wanted = wanted_columns(table)?;
    let files = match files_of_table(table, data) {
        Ok(Some(files)) => files,
        Ok(None) => return Ok(()),
        Err(ImportError::MissingFile { .. }) if wanted.is_empty() => Vec::new(),
        Err(e) => return Err(e),
    };
    let loaded = read_files(table, &files, &wanted, options, progress)?;
    dataset
        .load_columns(id, loaded.rows, loaded.columns)
        .map_err(|source| of_table(table, source))?;
    dataset.set_source_bytes(id, loaded.bytes);
    progress.table_done();
    Ok(())
}

/// The columns that the table reads from its files.
fn wanted_columns(table: &Table) -> Result<Vec<Wanted<'_>>, ImportError> {
    let mut wanted = Vec::new();
    for (ordinal, column) in table.columns.iter().enumerate() {
        let ColumnKind::Data { source_column } = &column.kind else {
            continue;
        };
        let arrow_type = canonical_of(table, column)?;
        // A source that leaves the name out means the column's own.
        let source = if source_column.is_empty() {
            &column.name
        } else {
            source_column
        };
        wanted.push(Wanted {
            ordinal: ordinal as u32,
            column,
            source,
            arrow_type,
        });
    }
    Ok(wanted)
}

fn canonical_of(table: &Table, column: &Column) -> Result<arrow::datatypes::DataType, ImportError> {
    canonical_type(column.data_type).ok_or_else(|| ImportError::ModelType {
        table: table.name.clone(),
        column: column.name.clone(),
        data_type: column.data_type,
    })
}

/// The rows of a calculation group are its items, and the model itself holds them.
fn load_calculation_group(
    dataset: &mut Dataset,
    id: TableId,
    table: &Table,
    group: &CalculationGroup,
    progress: &dyn Progress,
) -> Result<(), ImportError> {
    let rows = group.items.len();
    progress.table_started(&table.name, rows as u64);
    let names: ArrayRef = Arc::new(
        group
            .items
            .iter()
            .map(|i| Some(i.name.as_str()))
            .collect::<StringArray>(),
    );
    // TMDL gives the order of the items by their place alone.
    let ordinals: ArrayRef = Arc::new(Int64Array::from_iter_values(
        group
            .items
            .iter()
            .enumerate()
            .map(|(place, item)| item.ordinal.unwrap_or(place as i64)),
    ));
    let mut columns = Vec::new();
    for (ordinal, column) in table.columns.iter().enumerate() {
        let source = match &column.kind {
            ColumnKind::Data { source_column } | ColumnKind::CalculatedTable { source_column } => {
                source_column
            }
            ColumnKind::Calculated { .. } | ColumnKind::RowNumber => continue,
        };
        let source = source.trim_start_matches('[').trim_end_matches(']');
        let array = match column.data_type {
            DataType::Text if !same_name(source, "Ordinal") => Arc::clone(&names),
            DataType::Integer if !same_name(source, "Name") => Arc::clone(&ordinals),
            _ => new_null_array(&canonical_of(table, column)?, rows),
        };
        columns.push((ordinal as u32, vec![array]));
    }
    finish(dataset, id, table, rows, columns)?;
    progress.rows(rows as u64);
    progress.table_done();
    Ok(())
}

fn finish(
    dataset: &mut Dataset,
    id: TableId,
    table: &Table,
    rows: usize,
    columns: Vec<(u32, Vec<ArrayRef>)>,
) -> Result<(), ImportError> {
    dataset
        .load_table(id, rows, columns)
        .map_err(|source| of_table(table, source))
}

fn of_table(table: &Table, source: StorageError) -> ImportError {
    ImportError::Storage {
        place: format!("table '{}'", table.name),
        source,
    }
}

/// A relationship whose columns are not both loaded waits for who computes them.
fn relate_all(dataset: &mut Dataset, model: &Model) -> Result<(), ImportError> {
    for (ordinal, relationship) in model.relationships.iter().enumerate() {
        let from = find_column(model, &relationship.from_table, &relationship.from_column);
        let to = find_column(model, &relationship.to_table, &relationship.to_column);
        let loaded = |column: Option<ColumnId>| column.is_some_and(|c| dataset.has_column(c));
        if loaded(from) && loaded(to) {
            dataset
                .relate(RelationshipId(ordinal as u32))
                .map_err(|source| ImportError::Storage {
                    place: format!(
                        "relationship from '{}'[{}] to '{}'[{}]",
                        relationship.from_table,
                        relationship.from_column,
                        relationship.to_table,
                        relationship.to_column
                    ),
                    source,
                })?;
        }
    }
    Ok(())
}

fn find_column(model: &Model, table: &str, column: &str) -> Option<ColumnId> {
    let (t, table) = model
        .tables
        .iter()
        .enumerate()
        .find(|(_, t)| same_name(&t.name, table))?;
    let (c, _) = table
        .columns
        .iter()
        .enumerate()
        .find(|(_, c)| same_name(&c.name, column))?;
    Some(ColumnId {
        table: TableId(t as u32),
        column: c as u32,
    })
}

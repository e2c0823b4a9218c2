//! Reading Parquet files: footers first, then row group by row group in bounded batches.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, new_empty_array};
use arrow::datatypes::{DataType as ArrowType, Schema, TimeUnit};
use model::{Column, Table, same_name};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::schema::types::Type as ParquetType;

use super::convert::{Refusal, convert};
use super::{ImportError, Progress};

/// One block: what the rest of the engine works in, and small enough that a batch is no second copy of the table.
const BATCH_ROWS: usize = 65_536;

/// A column of the model that is read from files.
pub(super) struct Wanted<'a> {
    /// Its place in the model's table.
    pub ordinal: u32,
    pub column: &'a Column,
    /// The name it has in the files.
    pub source: &'a str,
    /// The canonical type of its values.
    pub arrow_type: ArrowType,
}

/// A file whose footer was read and whose columns were found.
struct OpenFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    /// Root columns to decode, ascending.
    roots: Vec<usize>,
    /// For each wanted column, its place among `roots`.
    places: Vec<usize>,
    rows: u64,
}

/// The rows and, for each wanted column, its chunks in load order.
pub(super) fn read_files(
    table: &Table,
    files: &[PathBuf],
    wanted: &[Wanted<'_>],
    progress: &dyn Progress,
) -> Result<(usize, Vec<Vec<ArrayRef>>), ImportError> {
    let mut open = Vec::with_capacity(files.len());
    let mut rows = 0u64;
    for path in files {
        let file = open_file(table, path, wanted)?;
        rows = rows.saturating_add(file.rows);
        open.push(file);
    }
    if rows > crate::MAX_ROWS as u64 {
        return Err(ImportError::TooManyRows {
            table: table.name.clone(),
            rows,
        });
    }
    progress.table_started(&table.name, rows);
    let mut chunks: Vec<Vec<ArrayRef>> = wanted.iter().map(|_| Vec::new()).collect();
    for file in &open {
        for group in 0..file.metadata.metadata().num_row_groups() {
            read_row_group(table, file, group, wanted, &mut chunks, progress)?;
        }
    }
    Ok((rows as usize, chunks))
}

/// Runs a piece of decoding. Damaged bytes can make the decoder panic, and that must not take the process down.
fn guarded<T>(
    path: &Path,
    row_group: Option<usize>,
    decode: impl FnOnce() -> Result<T, ImportError>,
) -> Result<T, ImportError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        Err(ImportError::Damaged {
            path: path.to_path_buf(),
            row_group,
            detail: "the decoder gave up on its bytes".to_string(),
        })
    })
}

fn open_file(table: &Table, path: &Path, wanted: &[Wanted<'_>]) -> Result<OpenFile, ImportError> {
    let file = open_handle(table, path)?;
    guarded(path, None, || {
        let metadata = load_footer(path, &file)?;
        let rows = count_rows(path, &metadata)?;
        let found = wanted
            .iter()
            .map(|w| find_root(table, path, metadata.schema(), w))
            .collect::<Result<Vec<_>, _>>()?;
        let mut roots = found.clone();
        roots.sort_unstable();
        roots.dedup();
        let places = found
            .iter()
            .map(|root| roots.partition_point(|r| r < root))
            .collect();
        for (w, root) in wanted.iter().zip(&found) {
            check_type(table, path, w, metadata.schema().field(*root).data_type())?;
        }
        Ok(OpenFile {
            path: path.to_path_buf(),
            metadata,
            roots,
            places,
            rows,
        })
    })
}

fn open_handle(table: &Table, path: &Path) -> Result<File, ImportError> {
    File::open(path).map_err(|source| ImportError::Unreadable {
        table: table.name.clone(),
        path: path.to_path_buf(),
        source,
    })
}

fn damaged(path: &Path, row_group: Option<usize>, error: impl std::fmt::Display) -> ImportError {
    ImportError::Damaged {
        path: path.to_path_buf(),
        row_group,
        detail: error.to_string(),
    }
}

fn load_footer(path: &Path, file: &File) -> Result<ArrowReaderMetadata, ImportError> {
    let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new())
        .map_err(|e| damaged(path, None, e))?;
    let Some(schema) = better_schema(&metadata) else {
        return Ok(metadata);
    };
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
        .map_err(|e| damaged(path, None, e))
}

/// The schema under which to read where the reader's own choice would lose something: the 96-bit timestamps of Spark
/// reach beyond what nanoseconds can say, and an ENUM is text. None: the reader's choice is right.
fn better_schema(metadata: &ArrowReaderMetadata) -> Option<Schema> {
    let schema = metadata.schema();
    let roots = metadata.parquet_schema().root_schema().get_fields();
    let mut changed = false;
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .zip(roots)
        .map(|(field, root)| match better_type(root) {
            Some(better) if *field.data_type() != better => {
                changed = true;
                Arc::new(field.as_ref().clone().with_data_type(better))
            }
            _ => Arc::clone(field),
        })
        .collect();
    changed.then(|| Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn better_type(root: &ParquetType) -> Option<ArrowType> {
    let ParquetType::PrimitiveType {
        basic_info,
        physical_type,
        ..
    } = root
    else {
        return None;
    };
    if basic_info.has_repetition()
        && basic_info.repetition() == parquet::basic::Repetition::REPEATED
    {
        return None;
    }
    match physical_type {
        PhysicalType::INT96 => Some(ArrowType::Timestamp(TimeUnit::Microsecond, None)),
        PhysicalType::BYTE_ARRAY => {
            let logical = matches!(basic_info.logical_type_ref(), Some(LogicalType::Enum));
            let converted = basic_info.converted_type() == ConvertedType::ENUM;
            (logical || converted).then_some(ArrowType::Utf8)
        }
        _ => None,
    }
}

/// What the row groups say, if it can be true.
fn count_rows(path: &Path, metadata: &ArrowReaderMetadata) -> Result<u64, ImportError> {
    let metadata = metadata.metadata();
    let mut rows = 0u64;
    for (ordinal, group) in metadata.row_groups().iter().enumerate() {
        let more = u64::try_from(group.num_rows())
            .map_err(|_| damaged(path, Some(ordinal), "it claims a negative number of rows"))?;
        rows = rows.saturating_add(more);
    }
    Ok(rows)
}

/// The root column that a column of the model reads: by exact name, else by name without case.
fn find_root(
    table: &Table,
    path: &Path,
    schema: &Schema,
    w: &Wanted<'_>,
) -> Result<usize, ImportError> {
    let fields = schema.fields();
    let matching = |equal: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..fields.len())
            .filter(|i| equal(fields[*i].name()))
            .collect()
    };
    let mut found = matching(&|name| name == w.source);
    if found.is_empty() {
        found = matching(&|name| same_name(name, w.source));
    }
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(ImportError::MissingColumn {
            table: table.name.clone(),
            column: w.column.name.clone(),
            source_column: w.source.to_string(),
            path: path.to_path_buf(),
            found: fields.iter().map(|f| f.name().clone()).collect(),
        }),
        _ => Err(ImportError::AmbiguousColumn {
            table: table.name.clone(),
            column: w.column.name.clone(),
            source_column: w.source.to_string(),
            path: path.to_path_buf(),
        }),
    }
}

/// Types are settled before the first row, so that an empty file is refused like a full one.
fn check_type(
    table: &Table,
    path: &Path,
    w: &Wanted<'_>,
    found: &ArrowType,
) -> Result<(), ImportError> {
    convert(&new_empty_array(found), w.column.data_type, &w.arrow_type)
        .map(drop)
        .map_err(|refusal| refused(table, path, 0, w, found, refusal))
}

fn refused(
    table: &Table,
    path: &Path,
    row_group: usize,
    w: &Wanted<'_>,
    found: &ArrowType,
    refusal: Refusal,
) -> ImportError {
    let (table, column) = (table.name.clone(), w.column.name.clone());
    let (path, wanted) = (path.to_path_buf(), w.column.data_type);
    match refusal {
        Refusal::Type => ImportError::Type {
            table,
            column,
            path,
            found: found.to_string(),
            wanted,
        },
        Refusal::Value(why) => ImportError::Value {
            table,
            column,
            path,
            row_group,
            wanted,
            why,
        },
    }
}

fn read_row_group(
    table: &Table,
    file: &OpenFile,
    group: usize,
    wanted: &[Wanted<'_>],
    chunks: &mut [Vec<ArrayRef>],
    progress: &dyn Progress,
) -> Result<(), ImportError> {
    let claimed = file.metadata.metadata().row_group(group).num_rows() as u64;
    if wanted.is_empty() {
        progress.rows(claimed);
        return Ok(());
    }
    let handle = open_handle(table, &file.path)?;
    let bad = |e: &dyn std::fmt::Display| damaged(&file.path, Some(group), e);
    let mut reader = guarded(&file.path, Some(group), || {
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(handle, file.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), file.roots.iter().copied());
        builder
            .with_projection(mask)
            .with_row_groups(vec![group])
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|e| bad(&e))
    })?;
    let mut rows = 0u64;
    loop {
        let next = guarded(&file.path, Some(group), || {
            let Some(batch) = reader.next() else {
                return Ok(None);
            };
            let batch = batch.map_err(|e| bad(&e))?;
            convert_batch(table, file, group, wanted, &batch, chunks)?;
            Ok(Some(batch.num_rows() as u64))
        })?;
        let Some(more) = next else { break };
        rows += more;
        if rows > claimed {
            break;
        }
        progress.rows(more);
    }
    if rows != claimed {
        return Err(bad(&"its rows are not as many as the footer claims"));
    }
    Ok(())
}

fn convert_batch(
    table: &Table,
    file: &OpenFile,
    group: usize,
    wanted: &[Wanted<'_>],
    batch: &RecordBatch,
    chunks: &mut [Vec<ArrayRef>],
) -> Result<(), ImportError> {
    if batch.num_columns() != file.roots.len() {
        return Err(damaged(
            &file.path,
            Some(group),
            "columns are missing from its data",
        ));
    }
    for ((w, place), out) in wanted.iter().zip(&file.places).zip(chunks) {
        let array = batch.column(*place);
        let array = convert(array, w.column.data_type, &w.arrow_type)
            .map_err(|refusal| refused(table, &file.path, group, w, array.data_type(), refusal))?;
        out.push(array);
    }
    Ok(())
}

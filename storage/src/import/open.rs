//! Opening Parquet files: footers, the columns that the model reads, and their types, before the first row.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::new_empty_array;
use arrow::datatypes::{DataType as ArrowType, Field, Schema, TimeUnit};
use model::{Column, Table, same_name};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as PhysicalType};
use parquet::schema::types::Type as ParquetType;

use super::ImportError;
use super::convert::{Refusal, convert};
use super::headers::check_footer;

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
pub(super) struct OpenFile {
    pub path: PathBuf,
    pub metadata: ArrowReaderMetadata,
    /// The same, to read texts as numbers of the entries of their dictionary.
    pub numbered: ArrowReaderMetadata,
    /// For each wanted column its root, and its leaf: the place of its chunk in a row group.
    pub places: Vec<Place>,
    pub rows: u64,
    pub bytes: u64,
}

/// Where a column lies in a file.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub root: usize,
    pub leaf: usize,
}

/// Names a column as errors do.
pub(super) fn name_of(table: &Table, w: &Wanted<'_>) -> String {
    format!("'{}'[{}]", table.name, w.column.name)
}

/// Where something went wrong; what is None does not apply.
#[derive(Clone, Copy)]
pub(super) struct Whereabouts<'a> {
    pub path: &'a Path,
    pub row_group: Option<usize>,
    pub column: Option<&'a str>,
}

impl Whereabouts<'_> {
    pub fn damaged(&self, error: impl std::fmt::Display) -> ImportError {
        ImportError::Damaged {
            path: self.path.to_path_buf(),
            row_group: self.row_group,
            column: self.column.map(str::to_string),
            detail: error.to_string(),
        }
    }

    /// Runs a piece of decoding. Damaged bytes can make the decoder panic, and that must not take the process down.
    pub fn guarded<T>(
        &self,
        decode: impl FnOnce() -> Result<T, ImportError>,
    ) -> Result<T, ImportError> {
        catch_unwind(AssertUnwindSafe(decode))
            .unwrap_or_else(|_| Err(self.damaged("the decoder gave up on its bytes")))
    }
}

pub(super) fn open_file(
    table: &Table,
    path: &Path,
    wanted: &[Wanted<'_>],
) -> Result<OpenFile, ImportError> {
    let at = Whereabouts {
        path,
        row_group: None,
        column: None,
    };
    let mut file = open_handle(table, path)?;
    at.guarded(|| {
        check_footer(&mut file).map_err(|e| at.damaged(e))?;
        let metadata = load_footer(at, &file)?;
        let rows = count_rows(at, &metadata)?;
        let places = wanted
            .iter()
            .map(|w| {
                let root = find_root(table, path, metadata.schema(), w)?;
                check_type(table, path, w, metadata.schema().field(root).data_type())?;
                let parquet = metadata.parquet_schema();
                let leaf = (0..parquet.num_columns())
                    .find(|leaf| parquet.get_column_root_idx(*leaf) == root)
                    .ok_or_else(|| at.damaged("a column has no data"))?;
                Ok(Place { root, leaf })
            })
            .collect::<Result<_, ImportError>>()?;
        Ok(OpenFile {
            path: path.to_path_buf(),
            numbered: numbered(at, &metadata)?,
            metadata,
            places,
            rows,
            bytes: file.metadata().map_or(0, |metadata| metadata.len()),
        })
    })
}

pub(super) fn open_handle(table: &Table, path: &Path) -> Result<File, ImportError> {
    File::open(path).map_err(|source| ImportError::Unreadable {
        table: table.name.clone(),
        path: path.to_path_buf(),
        source,
    })
}

fn load_footer(at: Whereabouts<'_>, file: &File) -> Result<ArrowReaderMetadata, ImportError> {
    let metadata =
        ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(|e| at.damaged(e))?;
    match better_schema(&metadata) {
        None => Ok(metadata),
        Some(schema) => reread(at, &metadata, schema),
    }
}

fn reread(
    at: Whereabouts<'_>,
    metadata: &ArrowReaderMetadata,
    schema: Schema,
) -> Result<ArrowReaderMetadata, ImportError> {
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
        .map_err(|e| at.damaged(e))
}

/// The same columns, texts as arrays of a dictionary: what the pages hold is then numbers already. Only of text that says
/// so in both ways, because the reader goes by one of them.
fn numbered(
    at: Whereabouts<'_>,
    metadata: &ArrowReaderMetadata,
) -> Result<ArrowReaderMetadata, ImportError> {
    let roots = metadata.parquet_schema().root_schema().get_fields();
    let is_text = |field: &Field, root: &ParquetType| {
        root.is_primitive()
            && root.get_basic_info().converted_type() == ConvertedType::UTF8
            && *field.data_type() == ArrowType::Utf8
    };
    let schema = with_types(metadata, |field, root| {
        is_text(field, root)
            .then(|| ArrowType::Dictionary(Box::new(ArrowType::Int32), Box::new(ArrowType::Utf8)))
    });
    debug_assert_eq!(roots.len(), metadata.schema().fields().len());
    match schema {
        None => Ok(metadata.clone()),
        Some(schema) => reread(at, metadata, schema),
    }
}

/// The schema with some types changed; None: none was.
fn with_types(
    metadata: &ArrowReaderMetadata,
    better: impl Fn(&Field, &ParquetType) -> Option<ArrowType>,
) -> Option<Schema> {
    let schema = metadata.schema();
    let roots = metadata.parquet_schema().root_schema().get_fields();
    let mut changed = false;
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .zip(roots)
        .map(|(field, root)| match better(field, root) {
            Some(better) if *field.data_type() != better => {
                changed = true;
                Arc::new(field.as_ref().clone().with_data_type(better))
            }
            _ => Arc::clone(field),
        })
        .collect();
    changed.then(|| Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The schema under which to read where the reader's own choice would lose something, or take more than is needed: the
/// 96-bit timestamps of Spark reach beyond what nanoseconds can say, an ENUM is text, texts of any kind are read as one,
/// and decimals kept as whole numbers need no 128 bits. None: the reader's choice is right.
fn better_schema(metadata: &ArrowReaderMetadata) -> Option<Schema> {
    with_types(metadata, |field, root| better_type(field.data_type(), root))
}

fn better_type(chosen: &ArrowType, root: &ParquetType) -> Option<ArrowType> {
    let ParquetType::PrimitiveType {
        basic_info,
        physical_type,
        ..
    } = root
    else {
        return None;
    };
    if basic_info.has_repetition() && basic_info.repetition() == Repetition::REPEATED {
        return None;
    }
    match (physical_type, chosen) {
        (PhysicalType::INT96, _) => Some(ArrowType::Timestamp(TimeUnit::Microsecond, None)),
        (PhysicalType::INT32 | PhysicalType::INT64, ArrowType::Decimal128(precision, scale))
            if *precision <= 18 =>
        {
            Some(ArrowType::Decimal64(*precision, *scale))
        }
        (PhysicalType::BYTE_ARRAY, ArrowType::LargeUtf8 | ArrowType::Utf8View) => {
            Some(ArrowType::Utf8)
        }
        (PhysicalType::BYTE_ARRAY, ArrowType::Dictionary(_, values))
            if matches!(
                **values,
                ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View
            ) =>
        {
            Some(ArrowType::Utf8)
        }
        (PhysicalType::BYTE_ARRAY, _) => {
            let logical = matches!(basic_info.logical_type_ref(), Some(LogicalType::Enum));
            let converted = basic_info.converted_type() == ConvertedType::ENUM;
            (logical || converted).then_some(ArrowType::Utf8)
        }
        _ => None,
    }
}

/// What the row groups say, if it can be true.
fn count_rows(at: Whereabouts<'_>, metadata: &ArrowReaderMetadata) -> Result<u64, ImportError> {
    let metadata = metadata.metadata();
    let mut rows = 0u64;
    for (ordinal, group) in metadata.row_groups().iter().enumerate() {
        let more = u64::try_from(group.num_rows()).map_err(|_| {
            let row_group = Some(ordinal);
            Whereabouts { row_group, ..at }.damaged("it claims a negative number of rows")
        })?;
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

pub(super) fn refused(
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

//! What a statement answers: Arrow batches, text plain.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, cast, cast_with_options, concat_batches};
use arrow::datatypes::{DataType as ArrowType, Decimal128Type, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

use engine::{AnswerColumn, AnswerTable, Error, ErrorKind, Statistics};
use model::DataType;

use crate::types::{fault, is_text};

/// The rows of an answer, in batches of one schema.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Text is Utf8; all other types are those of the expressions.
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    pub statistics: Statistics,
}

impl Answer {
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The answer as one table of the types that DAX answers have: whole numbers become 64 bits wide, decimals of up to four places fixed and others
    /// decimal numbers, dates date and time; what DAX has no type for becomes text.
    pub fn table(&self) -> Result<AnswerTable, Error> {
        let batch = concat_batches(&self.schema, &self.batches)
            .map_err(|_| fault("the batches of an answer differ"))?;
        let (mut columns, mut arrays, mut fields) = (Vec::new(), Vec::new(), Vec::new());
        for (field, array) in self.schema.fields().iter().zip(batch.columns()) {
            let (data_type, array) = of_dax(array)?;
            fields.push(Field::new(field.name(), array.data_type().clone(), true));
            arrays.push(array);
            columns.push(AnswerColumn {
                name: field.name().clone(),
                data_type,
                format_string: None,
                values: None,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options)
            .map_err(|_| fault("an answer does not fit its schema"))?;
        Ok(AnswerTable { columns, batch })
    }
}

fn of_dax(array: &ArrayRef) -> Result<(DataType, ArrayRef), Error> {
    // Nothing becomes NULL because it does not fit.
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let to = |wanted: ArrowType| {
        cast_with_options(array, &wanted, &strict).map_err(|_| {
            Error::nowhere(
                ErrorKind::Evaluation,
                "a value is beyond what the output can show",
            )
        })
    };
    Ok(match array.data_type() {
        ArrowType::Int64 => (DataType::Integer, Arc::clone(array)),
        other if other.is_integer() => (DataType::Integer, to(ArrowType::Int64)?),
        ArrowType::Float64 => (DataType::Double, Arc::clone(array)),
        other if other.is_floating() => (DataType::Double, to(ArrowType::Float64)?),
        ArrowType::Boolean => (DataType::Boolean, Arc::clone(array)),
        ArrowType::Decimal32(_, scale)
        | ArrowType::Decimal64(_, scale)
        | ArrowType::Decimal128(_, scale)
            if *scale <= 4 =>
        {
            let wide = to(ArrowType::Decimal128(38, 4))?;
            let values = wide.as_primitive::<Decimal128Type>();
            if values
                .iter()
                .flatten()
                .any(|value| i64::try_from(value).is_err())
            {
                (DataType::Double, to(ArrowType::Float64)?)
            } else {
                let narrow = values.clone().with_precision_and_scale(19, 4);
                let narrow = narrow.map_err(|_| fault("a fixed decimal beyond its digits"))?;
                (DataType::Fixed, Arc::new(narrow))
            }
        }
        ArrowType::Decimal32(..)
        | ArrowType::Decimal64(..)
        | ArrowType::Decimal128(..)
        | ArrowType::Decimal256(..) => (DataType::Double, to(ArrowType::Float64)?),
        ArrowType::Timestamp(..) | ArrowType::Date32 | ArrowType::Date64 => (
            DataType::DateTime,
            to(ArrowType::Timestamp(TimeUnit::Microsecond, None))?,
        ),
        ArrowType::Null => (
            DataType::Text,
            new_null_array(&ArrowType::Utf8, array.len()),
        ),
        _ => (DataType::Text, to(ArrowType::Utf8)?),
    })
}

/// A schema and its batches with text plain.
pub(crate) fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            let data_type = match field.data_type() {
                text if is_text(text) => ArrowType::Utf8,
                // What a function makes of each text of a dictionary.
                ArrowType::Dictionary(_, values) => values.as_ref().clone(),
                other => other.clone(),
            };
            Field::new(field.name(), data_type, true)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// Bytes that the text of a batch takes once it is plain.
pub(crate) fn text_bytes(batch: &RecordBatch) -> usize {
    let texts = batch.columns().iter();
    let texts = texts.filter(|array| is_text(array.data_type()));
    texts.map(array_text_bytes).sum()
}

/// The same of one array of text.
pub(crate) fn array_text_bytes(array: &ArrayRef) -> usize {
    match array.data_type() {
        ArrowType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let Some(values) = dictionary.values().as_string_opt::<i32>() else {
                return array.get_array_memory_size().saturating_mul(array.len());
            };
            if values.is_empty() {
                return 0;
            }
            let keys = dictionary.normalized_keys();
            let valid = (0..array.len()).filter(|row| array.is_valid(*row));
            valid
                .filter_map(|row| keys.get(row))
                .map(|key| usize::try_from(values.value_length(*key)).unwrap_or(0))
                .sum()
        }
        ArrowType::Utf8 => {
            let values = array.as_string::<i32>();
            let ends = values.value_offsets();
            let bytes = ends.first().zip(ends.last()).map_or(0, |(a, z)| z - a);
            usize::try_from(bytes).unwrap_or(0)
        }
        _ => array.get_array_memory_size(),
    }
}

pub(crate) fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let fault = |_| fault("an answer does not fit its schema");
    let arrays: Result<Vec<ArrayRef>, _> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(array, field)| {
            if array.data_type() == field.data_type() {
                Ok(Arc::clone(array))
            } else {
                cast(array, field.data_type())
            }
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays.map_err(fault)?, &options)
        .map_err(fault)
}

//! DataFusion as it comes, over plain copies of tables: the other engine that answers are compared with.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType as ArrowType, Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::MemTable;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::SessionConfig;

use crate::world::{Sheet, World};

/// A session over copies of all sheets, letter by letter.
pub fn copy(world: &World) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1);
    config.options_mut().sql_parser.enable_ident_normalization = false;
    let context = SessionContext::new_with_config(config);
    for sheet in &world.sheets {
        let batch = batch_of(sheet);
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
        context
            .register_table(format!("\"{}\"", sheet.name), Arc::new(table))
            .unwrap();
    }
    context
}

fn batch_of(sheet: &Sheet) -> RecordBatch {
    let arrays: Vec<ArrayRef> = sheet
        .columns
        .iter()
        .map(|(_, values)| match values.data_type() {
            ArrowType::Decimal64(..) => cast(values, &ArrowType::Decimal128(19, 4)).unwrap(),
            _ => Arc::clone(values),
        })
        .collect();
    let fields = sheet.columns.iter().zip(&arrays);
    let fields: Vec<Field> = fields
        .map(|((name, _), array)| Field::new(name, array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

pub fn ask(context: &SessionContext, text: &str) -> Result<Vec<RecordBatch>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let frame = context.sql(text).await.map_err(|error| error.to_string())?;
        frame.collect().await.map_err(|error| error.to_string())
    })
}

/// Rows as words: decimal numbers to twelve digits, decimals without trailing zeros, dates as dates and times.
pub fn rows(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let Some(first) = batches.first() else {
        return Vec::new();
    };
    let whole = concat_batches(&first.schema(), batches).unwrap();
    let columns: Vec<Vec<String>> = whole.columns().iter().map(words).collect();
    (0..whole.num_rows())
        .map(|row| columns.iter().map(|column| column[row].clone()).collect())
        .collect()
}

fn words(array: &ArrayRef) -> Vec<String> {
    let array = match array.data_type() {
        ArrowType::Dictionary(_, values) => cast(array, values).unwrap(),
        ArrowType::Date32 => cast(
            array,
            &ArrowType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None),
        )
        .unwrap(),
        ArrowType::Float32 => cast(array, &ArrowType::Float64).unwrap(),
        _ => Arc::clone(array),
    };
    if *array.data_type() == ArrowType::Float64 {
        let values = array.as_primitive::<arrow::datatypes::Float64Type>();
        return values
            .iter()
            .map(|value| value.map_or_else(|| "NULL".to_owned(), number))
            .collect();
    }
    let options = FormatOptions::default().with_null("NULL");
    let formatter = ArrayFormatter::try_new(&array, &options).unwrap();
    let decimal = matches!(array.data_type(), ArrowType::Decimal128(..));
    (0..array.len())
        .map(|row| {
            let word = formatter.value(row).to_string();
            if decimal && word.contains('.') {
                word.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                word
            }
        })
        .collect()
}

/// Sums of decimal numbers depend on their order in the last digits.
fn number(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else {
        format!("{value:.11e}")
    }
}

/// Rows in an order of their own, for answers without ORDER BY.
pub fn sorted(mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    rows.sort();
    rows
}

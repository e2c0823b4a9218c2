//! Single values of an answer, for whoever presents it.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType as ArrowType, Decimal64Type, Decimal128Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use engine::{AnswerTable, Value};
use model::DataType;

/// The value in a row of a column of an answer. BLANK where the table has no such place.
pub fn value_at(table: &AnswerTable, column: usize, row: usize) -> Value {
    if let Some(values) = table.columns.get(column).and_then(|c| c.values.as_ref()) {
        return values.get(row).cloned().unwrap_or(Value::Blank);
    }
    match table.batch.columns().get(column) {
        Some(array) if row < array.len() && !array.is_null(row) => value_of(array, row),
        _ => Value::Blank,
    }
}

/// A value that is there, of an array of a type that answers have.
fn value_of(array: &dyn Array, row: usize) -> Value {
    match array.data_type() {
        ArrowType::Int64 => Value::Integer(array.as_primitive::<Int64Type>().value(row)),
        ArrowType::Float64 => Value::Double(array.as_primitive::<Float64Type>().value(row)),
        ArrowType::Decimal64(_, 4) => {
            Value::Fixed(array.as_primitive::<Decimal64Type>().value(row))
        }
        ArrowType::Decimal128(_, 4) => {
            let ten_thousandths = array.as_primitive::<Decimal128Type>().value(row);
            // A fixed decimal is an i64 everywhere in the engine; what would not fit could not have been computed.
            i64::try_from(ten_thousandths).map_or(Value::Blank, Value::Fixed)
        }
        ArrowType::Boolean => Value::Boolean(array.as_boolean().value(row)),
        ArrowType::Timestamp(TimeUnit::Microsecond, None) => {
            Value::DateTime(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        ArrowType::Utf8 => Value::text(array.as_string::<i32>().value(row)),
        _ => Value::Blank,
    }
}

/// A value as its format string shows it in a culture; None where the format string does not apply.
pub fn format_value(value: &Value, format_string: &str, culture: &str) -> Option<String> {
    engine::functions::format_value(value, format_string, culture)
}

/// The value of a type that a text reads as, by the implicit conversions of DAX; None where it reads as none.
pub fn value_from_text(text: &str, data_type: DataType) -> Option<Value> {
    engine::convert::to_type(&Value::text(text), data_type)
}

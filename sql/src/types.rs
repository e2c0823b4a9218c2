//! Between the values of a model and those of SQL: BLANK is NULL, text is a dictionary, fixed decimals have nineteen digits.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, DictionaryArray, Int32Array, StringArray,
};
use arrow::datatypes::{DataType as ArrowType, Decimal64Type, Int32Type, TimeUnit};
use datafusion::common::ScalarValue;
use engine::{Error, ErrorKind, Value};
use model::DataType;
use security::{Codes, Control, ReadError, Scope, Target};

/// The type of a column in SQL; None for columns that a model stores and SQL does not show.
pub(crate) fn sql_type(data_type: DataType) -> Option<ArrowType> {
    Some(match data_type {
        DataType::Text => text_type(),
        DataType::Integer => ArrowType::Int64,
        DataType::Double => ArrowType::Float64,
        DataType::Fixed => ArrowType::Decimal128(19, 4),
        DataType::DateTime => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Boolean => ArrowType::Boolean,
        DataType::Binary | DataType::Unknown | DataType::Variant => return None,
    })
}

pub(crate) fn text_type() -> ArrowType {
    ArrowType::Dictionary(Box::new(ArrowType::Int32), Box::new(ArrowType::Utf8))
}

/// Whether values of this type are text, in any of its encodings.
pub(crate) fn is_text(data_type: &ArrowType) -> bool {
    match data_type {
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => true,
        ArrowType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// The values of codes, as SQL has them. Text becomes a dictionary of the values that occur among these codes.
pub(crate) fn decode(
    scope: &Scope,
    codes: &Codes,
    control: &Control,
) -> Result<ArrayRef, ReadError> {
    let Target::Column(column) = codes.of() else {
        return Err(ReadError::Foreign);
    };
    match scope.column_type(column) {
        DataType::Text => text_array(scope, codes, control),
        _ => to_sql(&scope.decode(codes, control)?),
    }
}

fn text_array(scope: &Scope, codes: &Codes, control: &Control) -> Result<ArrayRef, ReadError> {
    let internal = |what: &str| ReadError::Internal(what.to_owned());
    let mut firsts: Vec<(u32, u32)> = (0u32..)
        .zip(codes.as_slice())
        .map(|(place, code)| (*code, place))
        .filter(|(code, _)| *code != security::BLANK)
        .collect();
    firsts.sort_unstable();
    firsts.dedup_by_key(|(code, _)| *code);
    let places: Vec<u32> = firsts.iter().map(|(_, place)| *place).collect();
    let values = scope.decode(&codes.take(&places), control)?;
    let key = |code: &u32| {
        let found = firsts.binary_search_by_key(code, |(known, _)| *known).ok();
        found.and_then(|key| i32::try_from(key).ok())
    };
    let keys: Int32Array = codes.as_slice().iter().map(key).collect();
    let array = DictionaryArray::<Int32Type>::try_new(keys, values)
        .map_err(|_| internal("text does not fit its dictionary"))?;
    Ok(Arc::new(array))
}

/// An array of a canonical type as SQL has it.
pub(crate) fn to_sql(array: &ArrayRef) -> Result<ArrayRef, ReadError> {
    let fault = |_| ReadError::Internal("a value does not fit its type".to_owned());
    match array.data_type() {
        ArrowType::Decimal64(..) => {
            let narrow = array.as_primitive::<Decimal64Type>();
            let values = narrow.values().iter().map(|value| i128::from(*value));
            let wide = Decimal128Array::new(values.collect(), narrow.nulls().cloned())
                .with_precision_and_scale(19, 4)
                .map_err(fault)?;
            Ok(Arc::new(wide))
        }
        ArrowType::Utf8 => {
            let keys = (0i32..).zip(0..array.len());
            let keys: Int32Array = keys
                .map(|(key, row)| array.is_valid(row).then_some(key))
                .collect();
            let array =
                DictionaryArray::<Int32Type>::try_new(keys, array.clone()).map_err(fault)?;
            Ok(Arc::new(array))
        }
        _ => Ok(array.clone()),
    }
}

/// A parameter's value. BLANK is a NULL of no type yet.
pub(crate) fn scalar(value: &Value) -> ScalarValue {
    match value {
        Value::Blank => ScalarValue::Null,
        Value::Integer(value) => ScalarValue::Int64(Some(*value)),
        Value::Fixed(value) => ScalarValue::Decimal128(Some(i128::from(*value)), 19, 4),
        Value::Double(value) => ScalarValue::Float64(Some(*value)),
        Value::DateTime(value) => ScalarValue::TimestampMicrosecond(Some(*value), None),
        Value::Boolean(value) => ScalarValue::Boolean(Some(*value)),
        Value::Text(value) => ScalarValue::Utf8(Some(value.to_string())),
    }
}

/// A literal of exactly the SQL type of a column, as an array of one value of its canonical type. None: of another type, or NULL.
pub(crate) fn canonical(literal: &ScalarValue, data_type: DataType) -> Option<ArrayRef> {
    use arrow::array::{
        BooleanArray, Decimal64Array, Float64Array, Int64Array, TimestampMicrosecondArray,
    };
    Some(match (literal, data_type) {
        (ScalarValue::Dictionary(_, value), _) => return canonical(value, data_type),
        (ScalarValue::Utf8(Some(text)), DataType::Text)
        | (ScalarValue::LargeUtf8(Some(text)), DataType::Text)
        | (ScalarValue::Utf8View(Some(text)), DataType::Text) => {
            Arc::new(StringArray::from(vec![text.as_str()]))
        }
        (ScalarValue::Int64(Some(value)), DataType::Integer) => {
            Arc::new(Int64Array::from(vec![*value]))
        }
        (ScalarValue::Float64(Some(value)), DataType::Double)
            if !value.is_nan() && *value != 0.0 =>
        {
            Arc::new(Float64Array::from(vec![*value]))
        }
        (ScalarValue::Decimal128(Some(value), _, 4), DataType::Fixed) => {
            let narrow = Decimal64Array::from(vec![i64::try_from(*value).ok()?]);
            let canonical = security::canonical_type(DataType::Fixed)?;
            Arc::new(narrow.with_data_type(canonical))
        }
        (ScalarValue::TimestampMicrosecond(Some(value), None), DataType::DateTime) => {
            Arc::new(TimestampMicrosecondArray::from(vec![*value]))
        }
        (ScalarValue::Boolean(Some(value)), DataType::Boolean) => {
            Arc::new(BooleanArray::from(vec![*value]))
        }
        _ => return None,
    })
}

pub(crate) fn fault(what: &str) -> Error {
    Error::nowhere(ErrorKind::Internal, format!("internal error: {what}"))
}

//! From the types that Parquet writers use to the canonical type of a model's column.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Float64Array, Int64Array, PrimitiveArray,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType as ArrowType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use model::DataType;

use super::decimal::{Digits, Excess, Rescale};

/// Why a column is not what the model says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No value of the one type turns into the other.
    Type,
    /// A value does not.
    Value(&'static str),
}

pub(super) const TOO_LARGE: Refusal = Refusal::Value("it is out of range");
const NOT_WHOLE: Refusal = Refusal::Value("it is not a whole number");
const NOT_A_NUMBER: Refusal = Refusal::Value("it is not a number, or infinite");
pub(super) const NO_DATE: Refusal = Refusal::Value("it lies outside the years 1 to 9999");

/// Places of a fixed decimal number.
pub(super) const FIXED_SCALE: i32 = 4;

pub(super) const MICROS_PER_DAY: i64 = 86_400_000_000;
/// 1899-12-30, day zero of DAX: the day that a time without a date falls on.
pub(super) const DAX_EPOCH: i64 = -25_569 * MICROS_PER_DAY;
/// 0001-01-01T00:00:00 and the last microsecond of 9999-12-31.
pub(super) const FIRST_MICRO: i64 = -719_162 * MICROS_PER_DAY;
pub(super) const LAST_MICRO: i64 = 2_932_897 * MICROS_PER_DAY - 1;

/// The values as the canonical type `canonical` of `to`. Nulls stay nulls.
pub(super) fn convert(
    array: &ArrayRef,
    to: DataType,
    canonical: &ArrowType,
) -> Result<ArrayRef, Refusal> {
    match array.data_type() {
        ArrowType::Null => return Ok(new_null_array(canonical, array.len())),
        ArrowType::Dictionary(_, values) => {
            let flat = cast(array, values).map_err(|_| Refusal::Type)?;
            return convert(&flat, to, canonical);
        }
        ArrowType::RunEndEncoded(_, values) => {
            let flat = cast(array, values.data_type()).map_err(|_| Refusal::Type)?;
            return convert(&flat, to, canonical);
        }
        _ => {}
    }
    match to {
        DataType::Text => to_text(array),
        DataType::Integer => to_integer(array),
        DataType::Double => to_double(array),
        DataType::Fixed => to_fixed(array, canonical),
        DataType::DateTime => to_date_time(array),
        DataType::Boolean if *array.data_type() == ArrowType::Boolean => Ok(Arc::clone(array)),
        DataType::Boolean | DataType::Binary | DataType::Unknown | DataType::Variant => {
            Err(Refusal::Type)
        }
    }
}

fn to_text(array: &ArrayRef) -> Result<ArrayRef, Refusal> {
    match array.data_type() {
        ArrowType::Utf8 => Ok(Arc::clone(array)),
        ArrowType::LargeUtf8 | ArrowType::Utf8View => cast(array, &ArrowType::Utf8)
            .map_err(|_| Refusal::Value("a batch of it is longer than 2 GiB")),
        _ => Err(Refusal::Type),
    }
}

/// A value of any numeric type.
#[derive(Clone, Copy)]
enum Number {
    /// Wide enough for unsigned and signed.
    Integer(i128),
    Double(f64),
    Decimal(Digits, i32),
}

/// Applies `op` to every value that is not null. The kind of number is a constant in each arm, so that the compiler
/// folds the choice away.
fn map_numbers<B: ArrowPrimitiveType>(
    array: &ArrayRef,
    op: impl Fn(Number) -> Result<B::Native, Refusal>,
) -> Result<PrimitiveArray<B>, Refusal> {
    use Number::{Decimal, Double, Integer};
    match array.data_type() {
        ArrowType::Int8 => map::<Int8Type, B>(array, |v| op(Integer(v.into()))),
        ArrowType::Int16 => map::<Int16Type, B>(array, |v| op(Integer(v.into()))),
        ArrowType::Int32 => map::<Int32Type, B>(array, |v| op(Integer(v.into()))),
        ArrowType::Int64 => map::<Int64Type, B>(array, |v| op(Integer(v.into()))),
        ArrowType::UInt8 => map::<UInt8Type, B>(array, |v| op(Integer(v.into()))),
        ArrowType::UInt16 => map::<UInt16Type, B>(array, |v| op(Integer(v.into()))),
        ArrowType::UInt32 => map::<UInt32Type, B>(array, |v| op(Integer(v.into()))),
        ArrowType::UInt64 => map::<UInt64Type, B>(array, |v| op(Integer(v.into()))),
        ArrowType::Float16 => map::<Float16Type, B>(array, |v| op(Double(v.to_f64()))),
        ArrowType::Float32 => map::<Float32Type, B>(array, |v| op(Double(v.into()))),
        ArrowType::Float64 => map::<Float64Type, B>(array, |v| op(Double(v))),
        ArrowType::Decimal32(_, scale) => map::<Decimal32Type, B>(array, |v| {
            op(Decimal(Digits::Narrow(v.into()), (*scale).into()))
        }),
        ArrowType::Decimal64(_, scale) => map::<Decimal64Type, B>(array, |v| {
            op(Decimal(Digits::Narrow(v.into()), (*scale).into()))
        }),
        ArrowType::Decimal128(_, scale) => {
            map::<Decimal128Type, B>(array, |v| op(Decimal(Digits::Narrow(v), (*scale).into())))
        }
        ArrowType::Decimal256(_, scale) => {
            map::<Decimal256Type, B>(array, |v| op(Decimal(Digits::Wide(v), (*scale).into())))
        }
        _ => Err(Refusal::Type),
    }
}

fn map<A: ArrowPrimitiveType, B: ArrowPrimitiveType>(
    array: &ArrayRef,
    op: impl Fn(A::Native) -> Result<B::Native, Refusal>,
) -> Result<PrimitiveArray<B>, Refusal> {
    array.as_primitive::<A>().try_unary(op)
}

impl From<Rescale> for Refusal {
    fn from(rescale: Rescale) -> Self {
        match rescale {
            Rescale::TooLarge => TOO_LARGE,
            Rescale::NotExact => NOT_WHOLE,
        }
    }
}

fn to_integer(array: &ArrayRef) -> Result<ArrayRef, Refusal> {
    if *array.data_type() == ArrowType::Int64 {
        return Ok(Arc::clone(array));
    }
    let whole: Int64Array = map_numbers::<Int64Type>(array, |number| match number {
        Number::Integer(v) => i64::try_from(v).map_err(|_| TOO_LARGE),
        Number::Double(v) if !v.is_finite() => Err(NOT_A_NUMBER),
        Number::Double(v) if v.fract() != 0.0 => Err(NOT_WHOLE),
        Number::Double(v) => double_to_i64(v),
        Number::Decimal(digits, scale) => Ok(digits.rescale(scale, 0, Excess::Refuse)?),
    })?;
    Ok(Arc::new(whole))
}

fn to_double(array: &ArrayRef) -> Result<ArrayRef, Refusal> {
    if *array.data_type() == ArrowType::Float64 {
        return Ok(Arc::clone(array));
    }
    let doubles: Float64Array = map_numbers::<Float64Type>(array, |number| {
        Ok(match number {
            Number::Integer(v) => v as f64,
            Number::Double(v) => v,
            Number::Decimal(digits, scale) => digits.to_f64(scale),
        })
    })?;
    Ok(Arc::new(doubles))
}

fn to_fixed(array: &ArrayRef, canonical: &ArrowType) -> Result<ArrayRef, Refusal> {
    if array.data_type() == canonical {
        return Ok(Arc::clone(array));
    }
    let fixed = map_numbers::<Decimal64Type>(array, |number| match number {
        Number::Integer(v) => Ok(Digits::Narrow(v).rescale(0, FIXED_SCALE, Excess::Refuse)?),
        Number::Double(v) if !v.is_finite() => Err(NOT_A_NUMBER),
        Number::Double(v) => double_to_i64((v * 10f64.powi(FIXED_SCALE)).round()),
        Number::Decimal(digits, scale) => Ok(digits.rescale(scale, FIXED_SCALE, Excess::Round)?),
    })?;
    Ok(Arc::new(fixed.with_data_type(canonical.clone())))
}

fn double_to_i64(v: f64) -> Result<i64, Refusal> {
    /// 2^63, the first value beyond i64.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&v) {
        Ok(v as i64)
    } else {
        Err(TOO_LARGE)
    }
}

/// Microseconds since 1970, without a zone. A zone in the type says that the values are instants; their UTC is kept.
fn to_date_time(array: &ArrayRef) -> Result<ArrayRef, Refusal> {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    let times = |n: i64| move |v: i64| v.checked_mul(n).ok_or(NO_DATE).and_then(in_calendar);
    let at_epoch = |v: i64| in_calendar(DAX_EPOCH.saturating_add(v));
    let micros: PrimitiveArray<TimestampMicrosecondType> = match array.data_type() {
        ArrowType::Date32 => map::<Date32Type, _>(array, |v| times(MICROS_PER_DAY)(v.into())),
        ArrowType::Date64 => map::<Date64Type, _>(array, times(1000)),
        ArrowType::Timestamp(Second, _) => map::<TimestampSecondType, _>(array, times(1_000_000)),
        ArrowType::Timestamp(Millisecond, _) => {
            map::<TimestampMillisecondType, _>(array, times(1000))
        }
        ArrowType::Timestamp(Microsecond, _) => {
            map::<TimestampMicrosecondType, _>(array, in_calendar)
        }
        // Towards the past, so that the instants before 1970 are cut like the others.
        ArrowType::Timestamp(Nanosecond, _) => {
            map::<TimestampNanosecondType, _>(array, |v| in_calendar(v.div_euclid(1000)))
        }
        ArrowType::Time32(Second) => {
            map::<Time32SecondType, _>(array, |v| at_epoch(i64::from(v) * 1_000_000))
        }
        ArrowType::Time32(Millisecond) => {
            map::<Time32MillisecondType, _>(array, |v| at_epoch(i64::from(v) * 1000))
        }
        ArrowType::Time64(Microsecond) => map::<Time64MicrosecondType, _>(array, at_epoch),
        ArrowType::Time64(Nanosecond) => {
            map::<Time64NanosecondType, _>(array, |v| at_epoch(v.div_euclid(1000)))
        }
        _ => return Err(Refusal::Type),
    }?;
    Ok(Arc::new(micros))
}

fn in_calendar(micros: i64) -> Result<i64, Refusal> {
    if (FIRST_MICRO..=LAST_MICRO).contains(&micros) {
        Ok(micros)
    } else {
        Err(NO_DATE)
    }
}

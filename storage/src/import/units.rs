//! Numbers that a file holds as whole numbers of at most 64 bits are packed as they are: what they stand for in the model
//! is a matter of their unit, so that nothing is computed row by row. All other types go through [`convert`].

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{
    DataType as ArrowType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
};
use model::DataType;

use super::convert::{
    DAX_EPOCH, FIRST_MICRO, FIXED_SCALE, LAST_MICRO, MICROS_PER_DAY, NO_DATE, Refusal, TOO_LARGE,
    convert,
};
use crate::encode::{OutOfRange, Pieces, Unit};

/// Packs values of a file's type as values of the model's.
pub(super) fn push(
    pieces: &mut Pieces,
    array: &ArrayRef,
    to: DataType,
    canonical: &ArrowType,
) -> Result<(), Refusal> {
    if to == DataType::Text && pieces.push_numbered(array) {
        return Ok(());
    }
    if let Some(unit) = unit(array.data_type(), to)
        && let Some(pushed) = push_raw(pieces, array, &unit)
    {
        let refusal = if to == DataType::DateTime {
            NO_DATE
        } else {
            TOO_LARGE
        };
        return pushed.map_err(|OutOfRange| refusal);
    }
    let array = convert(array, to, canonical)?;
    pieces.push(&array).ok_or(Refusal::Type)
}

/// What a whole number of the file stands for. None: it takes more than a factor to say.
fn unit(from: &ArrowType, to: DataType) -> Option<Unit> {
    let scaled = |factor| {
        Some(Unit {
            factor,
            ..Unit::PLAIN
        })
    };
    let moment = |factor, start| {
        Some(Unit {
            factor,
            start,
            least: FIRST_MICRO,
            most: LAST_MICRO,
        })
    };
    let whole = from.is_integer() && *from != ArrowType::UInt64;
    match (to, from) {
        (DataType::Integer, _) if whole => Some(Unit::PLAIN),
        (DataType::Integer, ArrowType::Decimal32(_, 0) | ArrowType::Decimal64(_, 0)) => {
            Some(Unit::PLAIN)
        }
        (DataType::Fixed, _) if whole => scaled(10i64.pow(FIXED_SCALE as u32)),
        (DataType::Fixed, ArrowType::Decimal32(_, scale) | ArrowType::Decimal64(_, scale)) => {
            let power = u32::try_from(FIXED_SCALE - i32::from(*scale)).ok()?;
            scaled(10i64.checked_pow(power)?)
        }
        (DataType::DateTime, ArrowType::Date32) => moment(MICROS_PER_DAY, 0),
        (DataType::DateTime, ArrowType::Date64) => moment(1000, 0),
        (DataType::DateTime, ArrowType::Timestamp(TimeUnit::Second, _)) => moment(1_000_000, 0),
        (DataType::DateTime, ArrowType::Timestamp(TimeUnit::Millisecond, _)) => moment(1000, 0),
        (DataType::DateTime, ArrowType::Timestamp(TimeUnit::Microsecond, _)) => moment(1, 0),
        (DataType::DateTime, ArrowType::Time32(TimeUnit::Second)) => moment(1_000_000, DAX_EPOCH),
        (DataType::DateTime, ArrowType::Time32(TimeUnit::Millisecond)) => moment(1000, DAX_EPOCH),
        (DataType::DateTime, ArrowType::Time64(TimeUnit::Microsecond)) => moment(1, DAX_EPOCH),
        _ => None,
    }
}

/// None: the type is not one of whole numbers.
fn push_raw(pieces: &mut Pieces, array: &ArrayRef, unit: &Unit) -> Option<Result<(), OutOfRange>> {
    use TimeUnit::{Microsecond, Millisecond, Second};
    Some(match array.data_type() {
        ArrowType::Int8 => pieces.push_raw::<Int8Type>(array, unit),
        ArrowType::Int16 => pieces.push_raw::<Int16Type>(array, unit),
        ArrowType::Int32 => pieces.push_raw::<Int32Type>(array, unit),
        ArrowType::Int64 => pieces.push_raw::<Int64Type>(array, unit),
        ArrowType::UInt8 => pieces.push_raw::<UInt8Type>(array, unit),
        ArrowType::UInt16 => pieces.push_raw::<UInt16Type>(array, unit),
        ArrowType::UInt32 => pieces.push_raw::<UInt32Type>(array, unit),
        ArrowType::Decimal32(..) => pieces.push_raw::<Decimal32Type>(array, unit),
        ArrowType::Decimal64(..) => pieces.push_raw::<Decimal64Type>(array, unit),
        ArrowType::Date32 => pieces.push_raw::<Date32Type>(array, unit),
        ArrowType::Date64 => pieces.push_raw::<Date64Type>(array, unit),
        ArrowType::Timestamp(Second, _) => pieces.push_raw::<TimestampSecondType>(array, unit),
        ArrowType::Timestamp(Millisecond, _) => {
            pieces.push_raw::<TimestampMillisecondType>(array, unit)
        }
        ArrowType::Timestamp(Microsecond, _) => {
            pieces.push_raw::<TimestampMicrosecondType>(array, unit)
        }
        ArrowType::Time32(Second) => pieces.push_raw::<Time32SecondType>(array, unit),
        ArrowType::Time32(Millisecond) => pieces.push_raw::<Time32MillisecondType>(array, unit),
        ArrowType::Time64(Microsecond) => pieces.push_raw::<Time64MicrosecondType>(array, unit),
        _ => return None,
    })
}

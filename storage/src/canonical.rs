//! The one Arrow type in which values of each type of the model enter and leave storage.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal64Array, Int64Array, TimestampMicrosecondArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType as ArrowType, Decimal64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use model::DataType;

/// Digits and decimal places of a fixed decimal number.
pub(crate) const FIXED_PRECISION: u8 = 18;
pub(crate) const FIXED_SCALE: i8 = 4;

/// The Arrow type of the values of a type of the model; None for types that columns do not store.
pub fn canonical_type(data_type: DataType) -> Option<ArrowType> {
    Some(match data_type {
        DataType::Text => ArrowType::Utf8,
        DataType::Integer => ArrowType::Int64,
        DataType::Double => ArrowType::Float64,
        DataType::Fixed => ArrowType::Decimal64(FIXED_PRECISION, FIXED_SCALE),
        DataType::DateTime => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Boolean => ArrowType::Boolean,
        DataType::Binary | DataType::Unknown | DataType::Variant => return None,
    })
}

/// The type of the model whose canonical type this is.
pub(crate) fn model_type(arrow: &ArrowType) -> Option<DataType> {
    [
        DataType::Text,
        DataType::Integer,
        DataType::Double,
        DataType::Fixed,
        DataType::DateTime,
        DataType::Boolean,
    ]
    .into_iter()
    .find(|t| canonical_type(*t).as_ref() == Some(arrow))
}

/// A canonical array of whole numbers: integers, fixed decimals (ten-thousandths), dates (microseconds), booleans (0, 1).
pub(crate) struct WholeValues {
    owned: Option<Vec<i64>>,
    array: ArrayRef,
}

impl WholeValues {
    /// None: the array is text or decimal numbers.
    pub(crate) fn of(array: &ArrayRef) -> Option<WholeValues> {
        let owned = match array.data_type() {
            ArrowType::Int64
            | ArrowType::Decimal64(..)
            | ArrowType::Timestamp(TimeUnit::Microsecond, None) => None,
            ArrowType::Boolean => Some(array.as_boolean().values().iter().map(i64::from).collect()),
            _ => return None,
        };
        Some(WholeValues {
            owned,
            array: array.clone(),
        })
    }

    /// All the values; what stands at a null means nothing.
    pub(crate) fn values(&self) -> &[i64] {
        if let Some(owned) = &self.owned {
            return owned;
        }
        match self.array.data_type() {
            ArrowType::Int64 => self.array.as_primitive::<Int64Type>().values(),
            ArrowType::Decimal64(..) => self.array.as_primitive::<Decimal64Type>().values(),
            _ => self
                .array
                .as_primitive::<TimestampMicrosecondType>()
                .values(),
        }
    }

    pub(crate) fn nulls(&self) -> Option<&NullBuffer> {
        self.array.nulls().filter(|nulls| nulls.null_count() > 0)
    }

    /// None stands for BLANK.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<i64>> + '_ {
        let nulls = self.nulls();
        self.values()
            .iter()
            .enumerate()
            .map(move |(i, v)| match nulls {
                Some(nulls) if nulls.is_null(i) => None,
                _ => Some(*v),
            })
    }
}

/// The canonical array of whole numbers of a type.
pub(crate) fn whole_array(
    data_type: DataType,
    values: Vec<i64>,
    nulls: Option<NullBuffer>,
) -> Option<ArrayRef> {
    Some(match data_type {
        DataType::Integer => Arc::new(Int64Array::new(values.into(), nulls)),
        DataType::Fixed => Arc::new(
            Decimal64Array::new(values.into(), nulls)
                .with_data_type(ArrowType::Decimal64(FIXED_PRECISION, FIXED_SCALE)),
        ),
        DataType::DateTime => Arc::new(TimestampMicrosecondArray::new(values.into(), nulls)),
        DataType::Boolean => Arc::new(BooleanArray::new(
            values.iter().map(|v| *v != 0).collect(),
            nulls,
        )),
        _ => return None,
    })
}

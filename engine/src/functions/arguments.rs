//! How scalar functions read their arguments, and the numbers they compute with.
//!
//! Messages name the function and the argument's place. They never hold a value: it may be a cell.

use std::sync::Arc;

use crate::convert;
use crate::error::Failure;
use crate::value::{DAY, DataType, FIXED_ONE, Value};

pub type Outcome = Result<Value, Failure>;

const PLACES: [&str; 9] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
];

fn place(i: usize) -> &'static str {
    PLACES.get(i).copied().unwrap_or("last")
}

/// An argument of the wrong kind.
pub fn mistyped(function: &str, i: usize, wanted: &str) -> Failure {
    Failure::new(format!(
        "The {} argument of {function} cannot be read as {wanted}.",
        place(i)
    ))
}

/// Arguments for which the function has no value.
pub fn undefined(function: &str, reason: &str) -> Failure {
    Failure::new(format!("{function} has no value here: {reason}."))
}

/// The argument; BLANK when it was left out at the end.
pub fn argument(arguments: &[Value], i: usize) -> &Value {
    arguments.get(i).unwrap_or(&Value::Blank)
}

/// Whether an optional argument was given and is not BLANK.
pub fn given(arguments: &[Value], i: usize) -> bool {
    !argument(arguments, i).is_blank()
}

/// BLANK is 0.
pub fn number(function: &str, arguments: &[Value], i: usize) -> Result<f64, Failure> {
    argument(arguments, i)
        .to_double()
        .ok_or_else(|| mistyped(function, i, "a number"))
}

pub fn number_or(
    function: &str,
    arguments: &[Value],
    i: usize,
    default: f64,
) -> Result<f64, Failure> {
    if given(arguments, i) {
        number(function, arguments, i)
    } else {
        Ok(default)
    }
}

/// Rounded to the nearest; BLANK is 0.
pub fn integer(function: &str, arguments: &[Value], i: usize) -> Result<i64, Failure> {
    argument(arguments, i)
        .to_integer()
        .ok_or_else(|| mistyped(function, i, "a whole number"))
}

pub fn integer_or(
    function: &str,
    arguments: &[Value],
    i: usize,
    default: i64,
) -> Result<i64, Failure> {
    if given(arguments, i) {
        integer(function, arguments, i)
    } else {
        Ok(default)
    }
}

/// What is behind the decimal point is cut off; BLANK is 0.
pub fn truncated(function: &str, arguments: &[Value], i: usize) -> Result<i64, Failure> {
    match argument(arguments, i) {
        Value::Integer(value) => Ok(*value),
        other => {
            let number = other
                .to_double()
                .ok_or_else(|| mistyped(function, i, "a whole number"))?
                .trunc();
            if number.abs() < 9.2e18 {
                Ok(number as i64)
            } else {
                Err(mistyped(function, i, "a whole number"))
            }
        }
    }
}

pub fn boolean(function: &str, arguments: &[Value], i: usize) -> Result<bool, Failure> {
    argument(arguments, i)
        .to_boolean()
        .ok_or_else(|| mistyped(function, i, "TRUE or FALSE"))
}

pub fn text(arguments: &[Value], i: usize) -> Arc<str> {
    argument(arguments, i).to_text()
}

/// Microseconds since 1970; BLANK is 30 December 1899.
pub fn moment(function: &str, arguments: &[Value], i: usize) -> Result<i64, Failure> {
    let value = argument(arguments, i);
    let read = if value.is_blank() {
        Value::from_days(0.0)
    } else {
        convert::to_type(value, DataType::DateTime)
    };
    match read {
        Some(Value::DateTime(micros)) => Ok(micros),
        _ => Err(mistyped(function, i, "a date")),
    }
}

/// Days since 1970, the time of day left aside.
pub fn day(function: &str, arguments: &[Value], i: usize) -> Result<i64, Failure> {
    Ok(moment(function, arguments, i)?.div_euclid(DAY))
}

/// A decimal result; one that overflowed is a failure.
pub fn finite(function: &str, result: f64) -> Outcome {
    if result.is_finite() {
        Ok(Value::Double(result))
    } else {
        Err(undefined(
            function,
            "the result is too large or is not a number",
        ))
    }
}

/// A number that keeps its type through a function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Blank,
    Integer(i64),
    /// Ten-thousandths.
    Fixed(i64),
    Double(f64),
}

impl Number {
    pub fn read(function: &str, arguments: &[Value], i: usize) -> Result<Number, Failure> {
        Ok(match argument(arguments, i) {
            Value::Blank => Number::Blank,
            Value::Integer(value) => Number::Integer(*value),
            Value::Fixed(value) => Number::Fixed(*value),
            Value::Boolean(value) => Number::Integer(i64::from(*value)),
            _ => Number::Double(number(function, arguments, i)?),
        })
    }

    pub fn to_double(self) -> f64 {
        match self {
            Number::Blank => 0.0,
            Number::Integer(i) => i as f64,
            Number::Fixed(f) => f as f64 / FIXED_ONE as f64,
            Number::Double(d) => d,
        }
    }

    /// Ten-thousandths, when the number is exact.
    pub fn to_fixed(self) -> Option<i128> {
        match self {
            Number::Blank => Some(0),
            Number::Integer(i) => Some(i128::from(i) * i128::from(FIXED_ONE)),
            Number::Fixed(f) => Some(i128::from(f)),
            Number::Double(_) => None,
        }
    }

    pub fn is_zero(self) -> bool {
        self.to_double() == 0.0
    }

    pub fn is_fixed(self) -> bool {
        matches!(self, Number::Fixed(_))
    }
}

/// Ten-thousandths as a value: a fixed number, or a whole one where both sides were whole.
pub fn exact(function: &str, fixed: i128, as_fixed: bool) -> Outcome {
    let value = if as_fixed {
        fixed
    } else {
        fixed / i128::from(FIXED_ONE)
    };
    match i64::try_from(value) {
        Ok(value) if as_fixed => Ok(Value::Fixed(value)),
        Ok(value) => Ok(Value::Integer(value)),
        Err(_) => Err(undefined(function, "the result is too large")),
    }
}

/// A decimal number as a fixed one.
pub fn fixed(function: &str, result: f64) -> Outcome {
    convert::fixed_from_double(result).ok_or_else(|| {
        undefined(
            function,
            "the result is too large for a fixed decimal number",
        )
    })
}

/// The type of a number computed from one argument that keeps its type.
pub fn type_of_first(types: &[DataType]) -> DataType {
    match types.first() {
        Some(DataType::Integer | DataType::Boolean) => DataType::Integer,
        Some(DataType::Fixed) => DataType::Fixed,
        _ => DataType::Double,
    }
}

/// The type of a number computed from two: decimal if either is, else fixed if either is, else whole.
pub fn type_of_both(types: &[DataType]) -> DataType {
    let double = |t: &DataType| {
        !matches!(
            t,
            DataType::Integer | DataType::Boolean | DataType::Fixed | DataType::Unknown
        )
    };
    match types.get(..2) {
        Some(both) if both.iter().any(double) => DataType::Double,
        Some(both) if both.contains(&DataType::Fixed) => DataType::Fixed,
        Some(both) if both.iter().all(|t| *t == DataType::Unknown) => DataType::Double,
        Some(_) => DataType::Integer,
        None => type_of_first(types),
    }
}

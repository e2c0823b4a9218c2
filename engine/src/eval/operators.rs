//! Operators over vectors: typed loops where both sides are numbers, value by value otherwise.

use std::cmp::Ordering;

use arrow::array::{Array, BooleanArray, Float64Array, Int64Array};
use dax::BinaryOp;

use crate::error::Failure;
use crate::value::{DataType, FIXED_ONE, Value, compare, strictly_equal};
use crate::vector::{Data, Vector, fixed_array, merge_errors};

/// The type of an arithmetic result by the data-type tables of the DAX reference.
pub fn arithmetic_type(op: BinaryOp, left: DataType, right: DataType) -> DataType {
    use DataType::*;
    let number = |t: DataType| if matches!(t, Boolean) { Integer } else { t };
    let (left, right) = (number(left), number(right));
    if matches!(left, Variant) || matches!(right, Variant) {
        return Variant;
    }
    match op {
        BinaryOp::Divide => match (left, right) {
            (Fixed, Integer | Double) => Fixed,
            _ => Double,
        },
        BinaryOp::Multiply => match (left, right) {
            (Integer, Integer) => Integer,
            (Fixed, Fixed) => Double,
            (Fixed, _) | (_, Fixed) => Fixed,
            (DateTime, DateTime) => Double,
            _ => Double,
        },
        BinaryOp::Add | BinaryOp::Subtract => match (left, right) {
            (Integer, Integer) => Integer,
            // What is left when a date is taken from a number is a number.
            (left, DateTime) if op == BinaryOp::Subtract && left != DateTime => Double,
            (DateTime, _) | (_, DateTime) => DateTime,
            (Double, _) | (_, Double) => Double,
            (Fixed, _) | (_, Fixed) => Fixed,
            (Unknown, other) | (other, Unknown) => other,
            _ => Double,
        },
        BinaryOp::Power => Double,
        _ => Unknown,
    }
}

/// The results value by value, and the type that they have when all are BLANK.
pub(super) fn results(
    op: BinaryOp,
    left: &Vector,
    right: &Vector,
) -> (impl Iterator<Item = Result<Value, Failure>>, DataType) {
    let n = left.len().max(right.len());
    let results = (0..n).map(move |i| match (left.error(i), right.error(i)) {
        (Some(failure), _) | (None, Some(failure)) => Err(failure.clone()),
        (None, None) => one(op, &left.get(i), &right.get(i)),
    });
    let hint = match op {
        BinaryOp::Add
        | BinaryOp::Subtract
        | BinaryOp::Multiply
        | BinaryOp::Divide
        | BinaryOp::Power => arithmetic_type(
            op,
            left.data_type().unwrap_or(DataType::Unknown),
            right.data_type().unwrap_or(DataType::Unknown),
        ),
        BinaryOp::Concat => DataType::Text,
        _ => DataType::Boolean,
    };
    (results, hint)
}

/// One operation on two values.
pub fn one(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, Failure> {
    let order = || compare(left, right).ok_or_else(|| comparison_failure(left, right));
    Ok(match op {
        BinaryOp::Add
        | BinaryOp::Subtract
        | BinaryOp::Multiply
        | BinaryOp::Divide
        | BinaryOp::Power => return arithmetic(op, left, right),
        BinaryOp::Concat => {
            let (left, right) = (left.to_text(), right.to_text());
            return crate::text::joined([&*left, &*right], "");
        }
        BinaryOp::Equal => Value::Boolean(order()? == Ordering::Equal),
        BinaryOp::NotEqual => Value::Boolean(order()? != Ordering::Equal),
        BinaryOp::StrictEqual => Value::Boolean(
            strictly_equal(left, right).ok_or_else(|| comparison_failure(left, right))?,
        ),
        BinaryOp::Less => Value::Boolean(order()? == Ordering::Less),
        BinaryOp::LessEqual => Value::Boolean(order()? != Ordering::Greater),
        BinaryOp::Greater => Value::Boolean(order()? == Ordering::Greater),
        BinaryOp::GreaterEqual => Value::Boolean(order()? != Ordering::Less),
        BinaryOp::And => Value::Boolean(logical(left)? && logical(right)?),
        BinaryOp::Or => Value::Boolean(logical(left)? || logical(right)?),
        BinaryOp::In => return Err(Failure::new("IN needs a table on its right side")),
    })
}

/// Whether a value of SWITCH is the one that it looks for: BLANK is met by BLANK, and by FALSE, but not by 0 or empty text.
pub fn meets(subject: &Value, case: &Value) -> Result<bool, Failure> {
    match (subject, case) {
        (Value::Blank, Value::Boolean(other)) | (Value::Boolean(other), Value::Blank) => Ok(!other),
        _ => strictly_equal(subject, case).ok_or_else(|| comparison_failure(subject, case)),
    }
}

pub fn logical(value: &Value) -> Result<bool, Failure> {
    value
        .to_boolean()
        .ok_or_else(|| Failure::new("text cannot be converted to a logical value"))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "Text",
        Value::Boolean(_) => "True/False",
        Value::DateTime(_) => "Date",
        Value::Integer(_) => "Integer",
        Value::Blank | Value::Double(_) | Value::Fixed(_) => "Number",
    }
}

fn comparison_failure(left: &Value, right: &Value) -> Failure {
    Failure::new(format!(
        "values of type {} and of type {} cannot be compared; VALUE or FORMAT converts one of them",
        type_name(left),
        type_name(right)
    ))
}

fn arithmetic(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, Failure> {
    // BLANK stays BLANK where nothing else gives a value.
    match op {
        BinaryOp::Add | BinaryOp::Subtract if left.is_blank() && right.is_blank() => {
            return Ok(Value::Blank);
        }
        BinaryOp::Multiply if left.is_blank() || right.is_blank() => {
            number(left)?;
            number(right)?;
            return Ok(Value::Blank);
        }
        BinaryOp::Divide if left.is_blank() && right.is_blank() => return Ok(Value::Blank),
        BinaryOp::Divide if left.is_blank() => {
            // BLANK divided by a number is BLANK, by zero too.
            number(right)?;
            return Ok(Value::Blank);
        }
        BinaryOp::Power if left.is_blank() => {
            number(right)?;
            return Ok(Value::Blank);
        }
        _ => {}
    }
    let of = |v: &Value, other: &Value| {
        v.data_type()
            .unwrap_or_else(|| other.data_type().unwrap_or(DataType::Integer))
    };
    let (a, b) = (promoted(left)?, promoted(right)?);
    let left_type = match op {
        // BLANK is the number 0 here, and no date.
        BinaryOp::Subtract if a.is_blank() => DataType::Integer,
        _ => of(&a, &b),
    };
    match arithmetic_type(op, left_type, of(&b, &a)) {
        DataType::Integer => whole(op, a.to_integer().unwrap_or(0), b.to_integer().unwrap_or(0)),
        DataType::Fixed => fixed(op, &a, &b),
        // Counted in microseconds: of a sum of decimal numbers the last ones would be missing.
        DataType::DateTime => a
            .since_day_zero()
            .zip(b.since_day_zero())
            .and_then(|(a, b)| match op {
                BinaryOp::Subtract => a.checked_sub(b),
                _ => a.checked_add(b),
            })
            .and_then(Value::from_day_zero)
            .ok_or_else(|| Failure::new("the result lies beyond the range of dates")),
        _ => double(op, number(&a)?, number(&b)?).map(Value::Double),
    }
}

/// Text that reads as a number takes part in arithmetic as that number.
fn promoted(value: &Value) -> Result<Value, Failure> {
    match value {
        Value::Text(_) => {
            let d = number(value)?;
            Ok(if d.fract() == 0.0 && d.abs() < 9e15 {
                Value::Integer(d as i64)
            } else {
                Value::Double(d)
            })
        }
        Value::Boolean(b) => Ok(Value::Integer(i64::from(*b))),
        other => Ok(other.clone()),
    }
}

pub fn number(value: &Value) -> Result<f64, Failure> {
    value
        .to_double()
        .ok_or_else(|| Failure::new("text cannot be converted to a number"))
}

fn whole(op: BinaryOp, a: i64, b: i64) -> Result<Value, Failure> {
    let result = match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Subtract => a.checked_sub(b),
        _ => a.checked_mul(b),
    };
    result
        .map(Value::Integer)
        .ok_or_else(|| Failure::new("whole number overflow"))
}

fn fixed(op: BinaryOp, a: &Value, b: &Value) -> Result<Value, Failure> {
    let overflow = || Failure::new("fixed decimal overflow");
    let raw = |v: &Value| match v {
        Value::Fixed(f) => Some(*f),
        Value::Integer(i) => i.checked_mul(FIXED_ONE),
        Value::Blank => Some(0),
        _ => None,
    };
    match op {
        BinaryOp::Add | BinaryOp::Subtract => {
            let (x, y) = (raw(a).ok_or_else(overflow)?, raw(b).ok_or_else(overflow)?);
            let sum = if op == BinaryOp::Add {
                x.checked_add(y)
            } else {
                x.checked_sub(y)
            };
            sum.map(Value::Fixed).ok_or_else(overflow)
        }
        BinaryOp::Multiply => {
            let (money, factor) = if matches!(a, Value::Fixed(_)) {
                (a, b)
            } else {
                (b, a)
            };
            let Value::Fixed(money) = money else {
                return Err(overflow());
            };
            match factor {
                Value::Integer(i) => money.checked_mul(*i).map(Value::Fixed).ok_or_else(overflow),
                other => rounded(*money as f64 * number(other)?),
            }
        }
        _ => {
            let Value::Fixed(money) = a else {
                return Err(overflow());
            };
            let divisor = number(b)?;
            if divisor == 0.0 {
                return double(op, *money as f64, divisor).map(Value::Double);
            }
            rounded(*money as f64 / divisor)
        }
    }
}

/// Ten-thousandths, rounded to the nearest, halves away from zero.
fn rounded(raw: f64) -> Result<Value, Failure> {
    let raw = raw.round();
    if raw.abs() < 9.2e18 {
        Ok(Value::Fixed(raw as i64))
    } else {
        Err(Failure::new("fixed decimal overflow"))
    }
}

fn double(op: BinaryOp, a: f64, b: f64) -> Result<f64, Failure> {
    Ok(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a * b,
        BinaryOp::Divide => a / b,
        _ => {
            // The operator is another spelling of POWER, and refuses what that refuses.
            if a == 0.0 && b <= 0.0 {
                return Err(Failure::new("zero has no such power"));
            }
            let result = a.powf(b);
            if !result.is_finite() {
                return Err(Failure::new("the power is too large or is not a number"));
            }
            result
        }
    })
}

/// Typed loops for the common cases: both sides of one numeric type, or one side a constant of it.
pub(super) fn fast(op: BinaryOp, left: &Vector, right: &Vector, n: usize) -> Option<Vector> {
    let errors = merge_errors(&left.errors, &right.errors);
    let numeric = matches!(
        op,
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide
    );
    if numeric {
        let (a, b) = (Side::doubles(left, right)?, Side::doubles(right, left)?);
        return Some(Vector {
            data: Data::Double(loop_doubles(op, &a, &b, n)),
            errors,
        });
    }
    let (a, b) = (Side::integers(left, right)?, Side::integers(right, left)?);
    let test: fn(i64, i64) -> bool = match op {
        BinaryOp::Equal => |x, y| x == y,
        BinaryOp::NotEqual => |x, y| x != y,
        BinaryOp::Less => |x, y| x < y,
        BinaryOp::LessEqual => |x, y| x <= y,
        BinaryOp::Greater => |x, y| x > y,
        BinaryOp::GreaterEqual => |x, y| x >= y,
        _ => return None,
    };
    let values: Vec<bool> = (0..n)
        .map(|i| test(a.at(i).unwrap_or(0), b.at(i).unwrap_or(0)))
        .collect();
    Some(Vector {
        data: Data::Boolean(BooleanArray::from(values)),
        errors,
    })
}

enum Side<'v, A, T> {
    Array(&'v A),
    One(T),
}

impl<'v> Side<'v, Float64Array, f64> {
    /// Doubles on this side, with doubles or a numeric constant on the other.
    fn doubles(vector: &'v Vector, other: &Vector) -> Option<Self> {
        match &vector.data {
            Data::Double(array) => Some(Side::Array(array)),
            Data::Constant(value @ (Value::Double(_) | Value::Integer(_)), _)
                if matches!(other.data, Data::Double(_)) =>
            {
                Some(Side::One(value.to_double()?))
            }
            _ => None,
        }
    }

    fn at(&self, i: usize) -> Option<f64> {
        match self {
            Side::Array(array) => array.is_valid(i).then(|| array.value(i)),
            Side::One(value) => Some(*value),
        }
    }
}

impl<'v> Side<'v, Int64Array, i64> {
    fn integers(vector: &'v Vector, other: &Vector) -> Option<Self> {
        match &vector.data {
            Data::Integer(array) => Some(Side::Array(array)),
            Data::Constant(Value::Integer(i), _) if matches!(other.data, Data::Integer(_)) => {
                Some(Side::One(*i))
            }
            _ => None,
        }
    }

    fn at(&self, i: usize) -> Option<i64> {
        match self {
            Side::Array(array) => array.is_valid(i).then(|| array.value(i)),
            Side::One(value) => Some(*value),
        }
    }
}

fn loop_doubles(
    op: BinaryOp,
    a: &Side<Float64Array, f64>,
    b: &Side<Float64Array, f64>,
    n: usize,
) -> Float64Array {
    (0..n)
        .map(|i| match (op, a.at(i), b.at(i)) {
            (_, None, None) => None,
            (BinaryOp::Add, x, y) => Some(x.unwrap_or(0.0) + y.unwrap_or(0.0)),
            (BinaryOp::Subtract, x, y) => Some(x.unwrap_or(0.0) - y.unwrap_or(0.0)),
            (BinaryOp::Multiply, Some(x), Some(y)) => Some(x * y),
            (BinaryOp::Multiply, ..) => None,
            (_, None, Some(_)) => None,
            (_, Some(x), y) => Some(x / y.unwrap_or(0.0)),
        })
        .collect()
}

/// Fixed decimals from ten-thousandths that may be too wide.
pub fn fixed_vector(values: &[Option<i128>]) -> Vector {
    let mut errors = Vec::new();
    let array = fixed_array(values.iter().enumerate().map(|(i, value)| {
        match value {
            None => None,
            Some(wide) => i64::try_from(*wide)
                .map_err(|_| errors.push((i as u32, Failure::new("fixed decimal overflow"))))
                .ok(),
        }
    }));
    Vector {
        data: Data::Fixed(array),
        errors: crate::vector::errors_from(errors),
    }
}

pub fn integer_vector(values: &[Option<i128>]) -> Vector {
    let mut errors = Vec::new();
    let array: Int64Array = values
        .iter()
        .enumerate()
        .map(|(i, value)| match value {
            None => None,
            Some(wide) => i64::try_from(*wide)
                .map_err(|_| errors.push((i as u32, Failure::new("whole number overflow"))))
                .ok(),
        })
        .collect();
    Vector {
        data: Data::Integer(array),
        errors: crate::vector::errors_from(errors),
    }
}

/// Negation. BLANK stays BLANK.
pub fn negate(operand: &Vector) -> Vector {
    let hint = operand.data_type().unwrap_or(DataType::Integer);
    let results = (0..operand.len()).map(|i| match operand.at(i)? {
        Value::Blank => Ok(Value::Blank),
        Value::Double(d) => Ok(Value::Double(-d)),
        Value::Integer(v) => v
            .checked_neg()
            .map(Value::Integer)
            .ok_or_else(|| Failure::new("whole number overflow")),
        Value::Fixed(v) => v
            .checked_neg()
            .map(Value::Fixed)
            .ok_or_else(|| Failure::new("fixed decimal overflow")),
        Value::DateTime(micros) => Value::from_days(-Value::days(micros))
            .ok_or_else(|| Failure::new("the result lies beyond the range of dates")),
        other => {
            let d = number(&other)?;
            Ok(if d.fract() == 0.0 && d.abs() < 9e15 {
                Value::Integer(-(d as i64))
            } else {
                Value::Double(-d)
            })
        }
    });
    Vector::from_results(results, hint)
}

/// The logical value of each context.
pub fn booleans(vector: &Vector) -> Vector {
    if matches!(vector.data, Data::Boolean(_)) {
        return vector.clone();
    }
    Vector::from_results(
        (0..vector.len()).map(|i| vector.at(i).and_then(|v| logical(&v)).map(Value::Boolean)),
        DataType::Boolean,
    )
}

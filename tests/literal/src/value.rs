//! One value, and the rules by which values convert, compare and add up.

use std::cmp::Ordering;
use std::fmt;

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;
/// Days from 30 December 1899 to 1 January 1970.
const EPOCH: f64 = 25_569.0;
/// Fixed decimals count ten-thousandths.
const FIXED: f64 = 10_000.0;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Blank,
    Integer(i64),
    /// Ten-thousandths.
    Fixed(i64),
    Double(f64),
    Boolean(bool),
    /// Microseconds since 1970.
    DateTime(i64),
    Text(String),
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// DAX has no answer here, by its own rules.
    Error(String),
    /// This evaluator does not know the construct: a gap of the test, not of the engine.
    Unknown(String),
}

pub type Result<T> = std::result::Result<T, Failure>;

pub fn error<T>(message: impl Into<String>) -> Result<T> {
    Err(Failure::Error(message.into()))
}

pub fn unknown<T>(what: impl fmt::Debug) -> Result<T> {
    Err(Failure::Unknown(format!("{what:?}")))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(message) => f.write_str(message),
            Failure::Unknown(what) => write!(f, "the literal evaluator does not know {what}"),
        }
    }
}

/// What makes two values one value of a column: text without case and trailing spaces, numbers by their size.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    Blank,
    Boolean(bool),
    Number(u64),
    Text(String),
}

pub fn fold(text: &str) -> String {
    text.trim_end_matches(' ').to_lowercase()
}

impl Value {
    pub fn is_blank(&self) -> bool {
        *self == Value::Blank
    }

    pub fn key(&self) -> Key {
        match self {
            Value::Blank => Key::Blank,
            Value::Boolean(b) => Key::Boolean(*b),
            Value::Text(text) => Key::Text(fold(text)),
            // Zero has one key, whatever its sign.
            number => Key::Number((number.plain() + 0.0).to_bits()),
        }
    }

    fn plain(&self) -> f64 {
        match self {
            Value::Blank | Value::Text(_) => 0.0,
            Value::Integer(i) => *i as f64,
            Value::Fixed(f) => *f as f64 / FIXED,
            Value::Double(d) => *d,
            Value::Boolean(b) => f64::from(u8::from(*b)),
            Value::DateTime(micros) => (*micros + EPOCH as i64 * DAY) as f64 / DAY as f64,
        }
    }

    pub fn number(&self) -> Result<f64> {
        match self {
            Value::Text(text) => match text.trim().parse::<f64>() {
                Ok(number) => Ok(number),
                Err(_) => error("text is not a number"),
            },
            other => Ok(other.plain()),
        }
    }

    pub fn truth(&self) -> Result<bool> {
        match self {
            Value::Boolean(b) => Ok(*b),
            Value::Text(text) if fold(text) == "true" => Ok(true),
            Value::Text(text) if fold(text) == "false" => Ok(false),
            Value::Text(_) => error("text is not a logical value"),
            other => Ok(other.plain() != 0.0),
        }
    }

    pub fn text(&self) -> Result<String> {
        Ok(match self {
            Value::Blank => String::new(),
            Value::Integer(i) => i.to_string(),
            Value::Text(text) => text.clone(),
            Value::Boolean(b) => if *b { "TRUE" } else { "FALSE" }.to_owned(),
            other => return unknown(other),
        })
    }

    pub fn date(days: i64) -> Value {
        Value::DateTime(days * DAY)
    }
}

pub fn compare(a: &Value, b: &Value) -> Result<Ordering> {
    use Value::{Blank, Boolean, Text};
    let of = |a: &str, b: &str| Ok(fold(a).cmp(&fold(b)));
    match (a, b) {
        (Blank, Blank) => Ok(Ordering::Equal),
        (Text(a), Text(b)) => of(a, b),
        (Text(a), Blank) => of(a, ""),
        (Blank, Text(b)) => of("", b),
        (Text(_), _) | (_, Text(_)) => error("text and another type cannot be compared"),
        (Boolean(a), Boolean(b)) => Ok(a.cmp(b)),
        (Boolean(a), Blank) => Ok(a.cmp(&false)),
        (Blank, Boolean(b)) => Ok(false.cmp(b)),
        (Boolean(_), _) | (_, Boolean(_)) => {
            error("a logical value and a number cannot be compared")
        }
        (Value::Integer(a), Value::Integer(b)) => Ok(a.cmp(b)),
        (a, b) => {
            let (a, b) = (a.plain(), b.plain());
            // NaN equals itself and is the last of numbers.
            Ok(a.partial_cmp(&b)
                .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())))
        }
    }
}

pub fn equal(a: &Value, b: &Value) -> Result<bool> {
    Ok(compare(a, b)? == Ordering::Equal)
}

pub fn strictly_equal(a: &Value, b: &Value) -> Result<bool> {
    if a.is_blank() || b.is_blank() {
        return Ok(a.is_blank() && b.is_blank());
    }
    equal(a, b)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

/// The rules of BLANK first, then those of types.
pub fn arithmetic(op: Arithmetic, a: &Value, b: &Value) -> Result<Value> {
    use Arithmetic::{Add, Divide, Multiply, Power, Subtract};
    a.number()?;
    b.number()?;
    match op {
        Add | Subtract if a.is_blank() && b.is_blank() => return Ok(Value::Blank),
        Multiply if a.is_blank() || b.is_blank() => return Ok(Value::Blank),
        Divide | Power if a.is_blank() => return Ok(Value::Blank),
        _ => {}
    }
    let (a, b) = (promoted(a)?, promoted(b)?);
    // BLANK beside a value is the zero of that value's type.
    let zero = |value: &Value, other: &Value| match (value, other) {
        (Value::Blank, Value::Fixed(_)) => Value::Fixed(0),
        (Value::Blank, Value::Double(_)) => Value::Double(0.0),
        (Value::Blank, _) => Value::Integer(0),
        (value, _) => value.clone(),
    };
    let (a, b) = (zero(&a, &b), zero(&b, &a));
    use Value::{DateTime, Double, Fixed, Integer};
    match (op, &a, &b) {
        (Power, ..) => power(a.plain(), b.plain()),
        (Add | Subtract | Multiply, Integer(x), Integer(y)) => {
            let result = match op {
                Add => x.checked_add(*y),
                Subtract => x.checked_sub(*y),
                _ => x.checked_mul(*y),
            };
            result.map_or_else(|| error("whole number overflow"), |i| Ok(Integer(i)))
        }
        (Subtract, Integer(_) | Fixed(_) | Double(_), DateTime(_)) => {
            Ok(Double(apply(op, a.plain(), b.plain())))
        }
        (Add | Subtract, DateTime(_), _) | (Add | Subtract, _, DateTime(_)) => {
            let epoch = EPOCH as i64 * DAY;
            let counted = |value: &Value| match value {
                DateTime(micros) => *micros + epoch,
                number => (number.plain() * DAY as f64).round() as i64,
            };
            let (x, y) = (counted(&a), counted(&b));
            let sum = if op == Add { x + y } else { x - y };
            Ok(DateTime(sum - epoch))
        }
        (Add | Subtract, Double(_), _) | (Add | Subtract, _, Double(_)) => {
            Ok(Double(apply(op, a.plain(), b.plain())))
        }
        (Add | Subtract, _, _) => {
            let (x, y) = (ten_thousandths(&a), ten_thousandths(&b));
            let result = if op == Add {
                x.checked_add(y)
            } else {
                x.checked_sub(y)
            };
            result.map_or_else(|| error("fixed decimal overflow"), |f| Ok(Fixed(f)))
        }
        (Multiply, Fixed(_), Fixed(_)) => Ok(Double(a.plain() * b.plain())),
        (Multiply, Fixed(money), factor) | (Multiply, factor, Fixed(money)) => {
            rounded(*money as f64 * factor.plain())
        }
        (Divide, Fixed(money), Integer(_) | Double(_)) if b.plain() != 0.0 => {
            rounded(*money as f64 / b.plain())
        }
        _ => Ok(Double(apply(op, a.plain(), b.plain()))),
    }
}

fn apply(op: Arithmetic, a: f64, b: f64) -> f64 {
    match op {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::Power => a.powf(b),
    }
}

fn power(a: f64, b: f64) -> Result<Value> {
    if a == 0.0 && b <= 0.0 {
        return error("zero has no such power");
    }
    let result = a.powf(b);
    if !result.is_finite() {
        return error("the power is too large or is not a number");
    }
    Ok(Value::Double(result))
}

fn promoted(value: &Value) -> Result<Value> {
    Ok(match value {
        Value::Text(_) => {
            let number = value.number()?;
            if number.fract() == 0.0 {
                Value::Integer(number as i64)
            } else {
                Value::Double(number)
            }
        }
        Value::Boolean(b) => Value::Integer(i64::from(*b)),
        other => other.clone(),
    })
}

fn ten_thousandths(value: &Value) -> i64 {
    match value {
        Value::Fixed(f) => *f,
        Value::Integer(i) => i.saturating_mul(FIXED as i64),
        _ => 0,
    }
}

fn rounded(raw: f64) -> Result<Value> {
    let raw = raw.round();
    if raw.abs() < 9.2e18 {
        Ok(Value::Fixed(raw as i64))
    } else {
        error("fixed decimal overflow")
    }
}

pub fn negated(value: &Value) -> Result<Value> {
    Ok(match promoted(value)? {
        Value::Integer(i) => Value::Integer(-i),
        Value::Fixed(f) => Value::Fixed(-f),
        Value::Double(d) => Value::Double(-d),
        Value::Blank => Value::Blank,
        other => return unknown(other),
    })
}

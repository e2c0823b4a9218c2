//! One DAX value, and the rules by which values convert and compare.

use std::cmp::Ordering;
use std::sync::Arc;

pub use model::DataType;

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// Days from 30 December 1899, the day zero of DAX, to 1 January 1970, the day zero of Arrow.
pub const EPOCH_DAYS: i64 = 25_569;

/// Fixed decimals count ten-thousandths.
pub const FIXED_ONE: i64 = 10_000;

#[derive(Clone, Debug)]
pub enum Value {
    Blank,
    Integer(i64),
    /// A fixed decimal number, in ten-thousandths.
    Fixed(i64),
    Double(f64),
    Boolean(bool),
    /// Microseconds since 1 January 1970, without a zone.
    DateTime(i64),
    Text(Arc<str>),
}

impl Value {
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    pub fn is_blank(&self) -> bool {
        matches!(self, Value::Blank)
    }

    /// None for BLANK, which has no type of its own.
    pub fn data_type(&self) -> Option<DataType> {
        Some(match self {
            Value::Blank => return None,
            Value::Integer(_) => DataType::Integer,
            Value::Fixed(_) => DataType::Fixed,
            Value::Double(_) => DataType::Double,
            Value::Boolean(_) => DataType::Boolean,
            Value::DateTime(_) => DataType::DateTime,
            Value::Text(_) => DataType::Text,
        })
    }

    /// A date as DAX counts it: days since 30 December 1899 (negative days count back, as OLE dates mostly do).
    pub fn days(micros: i64) -> f64 {
        // Added up as whole microseconds: beside the days since 1970, the time of a day near day zero would lose four of its digits.
        micros.saturating_add(EPOCH_DAYS * DAY) as f64 / DAY as f64
    }

    /// The inverse of [`Value::days`]; None beyond the range of dates.
    pub fn from_days(days: f64) -> Option<Value> {
        // Year 1 to year 9999, as DAX dates.
        if !(-693_593.0..=2_958_466.0).contains(&days) {
            return None;
        }
        let whole = days.floor();
        let micros = ((days - whole) * DAY as f64).round() as i64;
        // The number tells no fewer microseconds than these: what lies so near to a whole millisecond is meant to be it, and no second
        // begins too late.
        let blur = (days.abs() * f64::EPSILON * DAY as f64).ceil() as i64;
        let nearest = (micros + 500).div_euclid(1000) * 1000;
        let micros = if (micros - nearest).abs() <= blur {
            nearest
        } else {
            micros
        };
        Some(Value::DateTime((whole as i64 - EPOCH_DAYS) * DAY + micros))
    }

    /// So many microseconds after day zero; None beyond the range of dates.
    pub fn from_day_zero(micros: i64) -> Option<Value> {
        (-693_593..=2_958_465)
            .contains(&micros.div_euclid(DAY))
            .then(|| Value::DateTime(micros - EPOCH_DAYS * DAY))
    }

    /// Microseconds after day zero of a date, or of a number of days; None for what is neither, and beyond what can be counted.
    pub fn since_day_zero(&self) -> Option<i64> {
        match self {
            Value::DateTime(micros) => micros.checked_add(EPOCH_DAYS * DAY),
            Value::Integer(days) => days.checked_mul(DAY),
            other => {
                let micros = (other.to_double()? * DAY as f64).round();
                (micros.abs() < 9.2e18).then_some(micros as i64)
            }
        }
    }

    /// The value as a decimal number, by the implicit conversions of DAX. Text converts where it reads as a number or
    /// a date; None where it does not. BLANK is 0.
    pub fn to_double(&self) -> Option<f64> {
        Some(match self {
            Value::Blank => 0.0,
            Value::Integer(i) => *i as f64,
            Value::Fixed(f) => *f as f64 / FIXED_ONE as f64,
            Value::Double(d) => *d,
            Value::Boolean(b) => f64::from(u8::from(*b)),
            Value::DateTime(micros) => Value::days(*micros),
            Value::Text(text) => return crate::convert::number_from_text(text),
        })
    }

    /// As an integer, rounded to the nearest whole number (halves away from zero); None where it does not convert or fit.
    pub fn to_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(i) => Some(*i),
            Value::Fixed(f) => Some(round_fixed(*f)),
            other => {
                let d = other.to_double()?.round();
                (d.abs() < 9.2e18).then_some(d as i64)
            }
        }
    }

    /// As a logical value: numbers are true unless zero, BLANK is false; text converts only as TRUE or FALSE.
    pub fn to_boolean(&self) -> Option<bool> {
        match self {
            Value::Boolean(b) => Some(*b),
            Value::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Value::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            Value::Text(_) => None,
            other => other.to_double().map(|d| d != 0.0),
        }
    }

    /// As text, in the invariant form that the `&` operator gives. BLANK is the empty text.
    pub fn to_text(&self) -> Arc<str> {
        match self {
            Value::Text(text) => Arc::clone(text),
            other => crate::convert::text_from_value(other).into(),
        }
    }
}

fn round_fixed(fixed: i64) -> i64 {
    let half = FIXED_ONE / 2;
    if fixed >= 0 {
        fixed.saturating_add(half) / FIXED_ONE
    } else {
        fixed.saturating_sub(half) / FIXED_ONE
    }
}

/// How two values compare, or that they do not (text with a number). BLANK compares as 0, "" or FALSE.
pub fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    use Value::*;
    Some(match (a, b) {
        (Blank, Blank) => Ordering::Equal,
        (Text(x), Text(y)) => security::compare_text(x, y),
        (Text(x), Blank) => security::compare_text(x, ""),
        (Blank, Text(y)) => security::compare_text("", y),
        (Text(_), _) | (_, Text(_)) => return None,
        (Boolean(x), Boolean(y)) => x.cmp(y),
        (Boolean(x), Blank) => x.cmp(&false),
        (Blank, Boolean(y)) => false.cmp(y),
        (Boolean(_), _) | (_, Boolean(_)) => return None,
        (Integer(x), Integer(y)) => x.cmp(y),
        (Fixed(x), Fixed(y)) => x.cmp(y),
        (DateTime(x), DateTime(y)) => x.cmp(y),
        (x, y) => {
            let (x, y) = (x.to_double()?, y.to_double()?);
            // NaN equals itself and comes last, as in the order of columns.
            x.partial_cmp(&y)
                .unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()))
        }
    })
}

/// `==`: equal, and BLANK equals only BLANK.
pub fn strictly_equal(a: &Value, b: &Value) -> Option<bool> {
    match (a.is_blank(), b.is_blank()) {
        (true, true) => Some(true),
        (true, false) | (false, true) => Some(false),
        (false, false) => compare(a, b).map(|o| o == Ordering::Equal),
    }
}

//! Functions that round: to digits, to multiples, to whole numbers.

use super::arguments::{Number, Outcome, exact, finite, fixed, integer, undefined};
use super::registry::Environment;
use crate::convert::{self, round_half_away, scale};
use crate::value::{DataType, FIXED_ONE, Value};

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Direction {
    Nearest,
    AwayFromZero,
    TowardsZero,
}

/// A quotient of two decimal numbers misses the whole number that it means by some units of its 16th digit.
const NOISE: f64 = 2e-15;

fn nearly_whole(d: f64) -> Option<f64> {
    let nearest = d.round();
    ((d - nearest).abs() <= d.abs().max(1.0) * NOISE).then_some(nearest)
}

fn floor(d: f64) -> f64 {
    nearly_whole(d).unwrap_or_else(|| d.floor())
}

fn ceil(d: f64) -> f64 {
    nearly_whole(d).unwrap_or_else(|| d.ceil())
}

/// Rounds ROUND, ROUNDUP, ROUNDDOWN and TRUNC. The type of the number stays.
pub(super) fn round(function: &'static str, direction: Direction, arguments: &[Value]) -> Outcome {
    let number = Number::read(function, arguments, 0)?;
    let digits = integer(function, arguments, 1)?.clamp(-400, 400) as i32;
    match number {
        Number::Blank => Ok(Value::Blank),
        Number::Integer(i) => exact(
            function,
            round_exact(i128::from(i), -digits, direction) * i128::from(FIXED_ONE),
            false,
        ),
        Number::Fixed(f) => exact(
            function,
            round_exact(i128::from(f), 4 - digits, direction),
            true,
        ),
        Number::Double(d) => finite(function, round_double(d, digits, direction)),
    }
}

fn round_double(d: f64, digits: i32, direction: Direction) -> f64 {
    if direction == Direction::Nearest || !d.is_finite() || d == 0.0 || digits > 300 {
        return round_half_away(d, digits);
    }
    let scaled = scale(d, digits.max(-308));
    if !scaled.is_finite() || scaled.abs() >= 4_503_599_627_370_496.0 {
        return d;
    }
    let rounded = match direction {
        Direction::AwayFromZero => ceil(scaled.abs()) * scaled.signum(),
        _ => floor(scaled.abs()) * scaled.signum(),
    };
    scale(rounded, -digits.max(-308))
}

/// Rounds to a power of ten; powers up to the zeroth leave whole numbers as they are.
fn round_exact(value: i128, power: i32, direction: Direction) -> i128 {
    if power <= 0 {
        return value;
    }
    // 10^20 is beyond every i64: what is left is one unit or none.
    let unit = 10i128.pow(power.min(20) as u32);
    let (down, rest) = (value / unit * unit, value % unit);
    let away = match direction {
        Direction::Nearest => rest.abs() * 2 >= unit,
        Direction::AwayFromZero => rest != 0,
        Direction::TowardsZero => false,
    };
    if away {
        down + unit * value.signum()
    } else {
        down
    }
}

/// TRUNC without digits gives a whole number.
pub(super) fn trunc(arguments: &[Value], _: &Environment) -> Outcome {
    if arguments.len() > 1 {
        return round("TRUNC", Direction::TowardsZero, arguments);
    }
    whole("TRUNC", arguments, f64::trunc, |f| f / FIXED_ONE)
}

pub(super) fn int(arguments: &[Value], _: &Environment) -> Outcome {
    // A fixed decimal number stays one, without what is behind the point.
    if let Number::Fixed(f) = Number::read("INT", arguments, 0)? {
        let floor = i128::from(f.div_euclid(FIXED_ONE)) * i128::from(FIXED_ONE);
        return exact("INT", floor, true);
    }
    whole("INT", arguments, f64::floor, |f| f.div_euclid(FIXED_ONE))
}

fn whole(
    function: &'static str,
    arguments: &[Value],
    double: fn(f64) -> f64,
    of_fixed: fn(i64) -> i64,
) -> Outcome {
    Ok(match Number::read(function, arguments, 0)? {
        Number::Blank => Value::Blank,
        Number::Integer(i) => Value::Integer(i),
        Number::Fixed(f) => Value::Integer(of_fixed(f)),
        Number::Double(d) => {
            let d = double(d);
            if !d.is_finite() || d.abs() >= 9.2e18 {
                return Err(undefined(
                    function,
                    "the result is too large for a whole number",
                ));
            }
            Value::Integer(d as i64)
        }
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Multiple {
    Up,
    Down,
    Nearest,
}

fn to_multiple(
    function: &'static str,
    number: Number,
    significance: Number,
    way: Multiple,
) -> Outcome {
    if number == Number::Blank {
        return Ok(Value::Blank);
    }
    if significance.is_zero() || number.is_zero() {
        return match (number, significance) {
            (Number::Fixed(_), _) | (_, Number::Fixed(_)) => Ok(Value::Fixed(0)),
            (Number::Double(_), _) | (_, Number::Double(_)) => Ok(Value::Double(0.0)),
            _ => Ok(Value::Integer(0)),
        };
    }
    if let (Some(n), Some(s)) = (number.to_fixed(), significance.to_fixed()) {
        let multiples = match way {
            Multiple::Down => n.div_euclid(s) - i128::from(s < 0 && n.rem_euclid(s) != 0),
            Multiple::Up => -((-n).div_euclid(s) - i128::from(s < 0 && (-n).rem_euclid(s) != 0)),
            Multiple::Nearest => (2 * n.abs() + s.abs()) / (2 * s.abs()) * n.signum() * s.signum(),
        };
        return exact(
            function,
            multiples * s,
            number.is_fixed() || significance.is_fixed(),
        );
    }
    let (n, s) = (number.to_double(), significance.to_double());
    let multiples = match way {
        Multiple::Up => ceil(n / s),
        Multiple::Down => floor(n / s),
        Multiple::Nearest => round_half_away(n / s, 0),
    };
    if number.is_fixed() {
        fixed(function, multiples * s)
    } else {
        finite(function, multiples * s)
    }
}

pub(super) fn ceiling(arguments: &[Value], _: &Environment) -> Outcome {
    let (number, significance) = (
        Number::read("CEILING", arguments, 0)?,
        Number::read("CEILING", arguments, 1)?,
    );
    if number.to_double() > 0.0 && significance.to_double() < 0.0 {
        return Err(undefined(
            "CEILING",
            "a positive number has no multiple of a negative significance above it",
        ));
    }
    above("CEILING", number, significance)
}

/// The multiple above a number. It is of the type of the significance, but fixed where the number is.
fn above(function: &'static str, number: Number, significance: Number) -> Outcome {
    let multiple = to_multiple(function, number, significance, Multiple::Up)?;
    let wanted = match (number, significance) {
        (_, Number::Blank) => return Ok(multiple),
        (Number::Fixed(_), _) | (_, Number::Fixed(_)) => DataType::Fixed,
        (_, Number::Integer(_)) => DataType::Integer,
        (_, Number::Double(_)) => DataType::Double,
    };
    convert::to_type(&multiple, wanted)
        .ok_or_else(|| undefined(function, "the result is too large for its type"))
}

pub(super) fn iso_ceiling(arguments: &[Value], _: &Environment) -> Outcome {
    let number = Number::read("ISO.CEILING", arguments, 0)?;
    if arguments.len() < 2 {
        return whole("ISO.CEILING", arguments, f64::ceil, |f| {
            f.div_euclid(FIXED_ONE) + i64::from(f.rem_euclid(FIXED_ONE) != 0)
        });
    }
    let significance = match Number::read("ISO.CEILING", arguments, 1)? {
        Number::Integer(i) => Number::Integer(i.saturating_abs()),
        Number::Fixed(f) => Number::Fixed(f.saturating_abs()),
        Number::Double(d) => Number::Double(d.abs()),
        Number::Blank => Number::Blank,
    };
    above("ISO.CEILING", number, significance)
}

pub(super) fn floor_function(arguments: &[Value], _: &Environment) -> Outcome {
    let (number, significance) = (
        Number::read("FLOOR", arguments, 0)?,
        Number::read("FLOOR", arguments, 1)?,
    );
    if significance.is_zero() && !number.is_zero() {
        return Err(undefined("FLOOR", "the significance is zero"));
    }
    if number.to_double() > 0.0 && significance.to_double() < 0.0 {
        return Err(undefined("FLOOR", "number and significance differ in sign"));
    }
    // FLOOR gives a decimal number, whatever it is given.
    Ok(
        match to_multiple("FLOOR", number, significance, Multiple::Down)? {
            Value::Blank => Value::Blank,
            multiple => Value::Double(multiple.to_double().unwrap_or(0.0)),
        },
    )
}

pub(super) fn mround(arguments: &[Value], _: &Environment) -> Outcome {
    let (number, multiple) = (
        Number::read("MROUND", arguments, 0)?,
        Number::read("MROUND", arguments, 1)?,
    );
    if number.to_double() * multiple.to_double() < 0.0 {
        return Err(undefined("MROUND", "number and multiple differ in sign"));
    }
    to_multiple("MROUND", number, multiple, Multiple::Nearest)
}

pub(super) fn even(arguments: &[Value], _: &Environment) -> Outcome {
    away_to("EVEN", arguments, |whole| whole % 2.0)
}

pub(super) fn odd(arguments: &[Value], _: &Environment) -> Outcome {
    away_to("ODD", arguments, |whole| (whole + 1.0) % 2.0)
}

/// The next whole number away from zero, plus what is missing to the parity that is wanted.
fn away_to(function: &'static str, arguments: &[Value], missing: fn(f64) -> f64) -> Outcome {
    let d = super::arguments::number(function, arguments, 0)?;
    let whole = d.abs().ceil();
    let result = whole + missing(whole);
    if !result.is_finite() || result >= 9.2e18 {
        return Err(undefined(
            function,
            "the result is too large for a whole number",
        ));
    }
    if result == 0.0 && arguments.iter().all(Value::is_blank) {
        return Ok(Value::Blank);
    }
    Ok(Value::Integer(if d < 0.0 {
        -(result as i64)
    } else {
        result as i64
    }))
}

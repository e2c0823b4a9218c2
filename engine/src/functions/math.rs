//! Math and trigonometry.

use std::f64::consts::{FRAC_PI_2, PI};

use super::arguments::*;
use super::registry::{Environment, Function, Types};
use super::rounding::{self, Direction};
use crate::convert;
use crate::error::Failure;
use crate::value::{DataType, FIXED_ONE, Value};

const WHOLE: Types = Types::Always(DataType::Integer);
const DECIMAL: Types = Types::Always(DataType::Double);
const KEPT: Types = Types::From(type_of_first);
const WIDER: Types = Types::From(type_of_both);

super::scalars! { TABLE, "Math and trig":
    "ABS" "(number)" 1 1 KEPT => abs;
    "ACOS" "(number)" 1 1 DECIMAL => |a, _| within("ACOS", a, -1.0, 1.0, f64::acos);
    "ACOSH" "(number)" 1 1 DECIMAL => |a, _| within("ACOSH", a, 1.0, f64::MAX, f64::acosh);
    "ACOT" "(number)" 1 1 DECIMAL => |a, _| of("ACOT", a, |x| FRAC_PI_2 - x.atan());
    "ACOTH" "(number)" 1 1 DECIMAL => |a, _| of("ACOTH", a, |x| 0.5 * ((x + 1.0) / (x - 1.0)).ln());
    "ASIN" "(number)" 1 1 DECIMAL => |a, _| within("ASIN", a, -1.0, 1.0, f64::asin);
    "ASINH" "(number)" 1 1 DECIMAL => |a, _| of("ASINH", a, f64::asinh);
    "ATAN" "(number)" 1 1 DECIMAL => |a, _| of("ATAN", a, f64::atan);
    "ATANH" "(number)" 1 1 DECIMAL => |a, _| of("ATANH", a, f64::atanh);
    "CEILING" "(number, significance)" 2 2 Types::From(type_of_ceiling) => rounding::ceiling;
    "CONVERT" "(value, type)" 2 2 Types::Bound => convert_to;
    "COS" "(number)" 1 1 DECIMAL => |a, _| of("COS", a, f64::cos);
    "COSH" "(number)" 1 1 DECIMAL => |a, _| of("COSH", a, f64::cosh);
    "COT" "(number)" 1 1 DECIMAL => |a, _| cotangent("COT", a, |x| 1.0 / x.tan());
    "COTH" "(number)" 1 1 DECIMAL => |a, _| cotangent("COTH", a, |x| 1.0 / x.tanh());
    "CURRENCY" "(value)" 1 1 Types::Always(DataType::Fixed) => currency;
    "DEGREES" "(angle)" 1 1 DECIMAL => |a, _| of("DEGREES", a, f64::to_degrees);
    "DIVIDE" "(numerator, denominator, [alternate result])" 2 3 Types::From(type_of_quotient) => divide;
    "EVEN" "(number)" 1 1 WHOLE => rounding::even;
    "EXP" "(number)" 1 1 DECIMAL => |a, _| of("EXP", a, f64::exp);
    "FACT" "(number)" 1 1 DECIMAL => factorial;
    "FLOOR" "(number, significance)" 2 2 DECIMAL => rounding::floor_function;
    "GCD" "(number, [number], ...)" 1 usize::MAX WHOLE => |a, _| fold_whole("GCD", a, |x, y| Some(gcd(x, y)));
    "INT" "(number)" 1 1 Types::From(type_of_int) => rounding::int;
    "ISO.CEILING" "(number, [significance])" 1 2 Types::From(type_of_ceiling) => rounding::iso_ceiling;
    "LCM" "(number, [number], ...)" 1 usize::MAX WHOLE => |a, _| fold_whole("LCM", a, lcm);
    "LN" "(number)" 1 1 DECIMAL => |a, _| of("LN", a, f64::ln);
    "LOG" "(number, [base])" 1 2 DECIMAL => log;
    "LOG10" "(number)" 1 1 DECIMAL => |a, _| of("LOG10", a, f64::log10);
    "MOD" "(number, divisor)" 2 2 WIDER => modulo;
    "MROUND" "(number, multiple)" 2 2 Types::From(type_of_multiple) => rounding::mround;
    "ODD" "(number)" 1 1 WHOLE => rounding::odd;
    "PI" "()" 0 0 DECIMAL => |_, _| Ok(Value::Double(PI));
    "POWER" "(number, power)" 2 2 DECIMAL => power;
    "QUOTIENT" "(numerator, denominator)" 2 2 WHOLE => quotient;
    "RADIANS" "(angle)" 1 1 DECIMAL => |a, _| of("RADIANS", a, f64::to_radians);
    "RAND" "()" 0 0 DECIMAL => |_, e| Ok(Value::Double(random(e)));
    "RANDBETWEEN" "(bottom, top)" 2 2 WHOLE => random_between;
    "ROUND" "(number, digits)" 2 2 KEPT => |a, _| rounding::round("ROUND", Direction::Nearest, a);
    "ROUNDDOWN" "(number, digits)" 2 2 KEPT => |a, _| rounding::round("ROUNDDOWN", Direction::TowardsZero, a);
    "ROUNDUP" "(number, digits)" 2 2 KEPT => |a, _| rounding::round("ROUNDUP", Direction::AwayFromZero, a);
    "SIGN" "(number)" 1 1 WHOLE => sign;
    "SIN" "(number)" 1 1 DECIMAL => |a, _| of("SIN", a, f64::sin);
    "SINH" "(number)" 1 1 DECIMAL => |a, _| of("SINH", a, f64::sinh);
    "SQRT" "(number)" 1 1 DECIMAL => |a, _| of("SQRT", a, f64::sqrt);
    "SQRTPI" "(number)" 1 1 DECIMAL => |a, _| of("SQRTPI", a, |x| (x * PI).sqrt());
    "TAN" "(number)" 1 1 DECIMAL => |a, _| of("TAN", a, f64::tan);
    "TANH" "(number)" 1 1 DECIMAL => |a, _| of("TANH", a, f64::tanh);
    "TRUNC" "(number, [digits])" 1 2 Types::From(type_of_trunc) => rounding::trunc;
}

super::scalars! { BITS, "Logical":
    "BITAND" "(number, number)" 2 2 WHOLE => |a, _| bits("BITAND", a, truncated, |x, y| x & y);
    "BITLSHIFT" "(number, shift)" 2 2 WHOLE => |a, _| bits("BITLSHIFT", a, integer, shift_left);
    "BITOR" "(number, number)" 2 2 WHOLE => |a, _| bits("BITOR", a, truncated, |x, y| x | y);
    "BITRSHIFT" "(number, shift)" 2 2 WHOLE => |a, _| bits("BITRSHIFT", a, integer, |x, by| shift_left(x, by.saturating_neg()));
    "BITXOR" "(number, number)" 2 2 WHOLE => |a, _| bits("BITXOR", a, truncated, |x, y| x ^ y);
}

/// CEILING and its kin: fixed when the number is, else the type of the significance.
fn type_of_ceiling(types: &[DataType]) -> DataType {
    match types {
        [_] => DataType::Integer,
        [DataType::Fixed, ..] => DataType::Fixed,
        [_, DataType::Unknown, ..] => type_of_both(types),
        [_, significance, ..] => type_of_first(&[*significance]),
        [] => DataType::Integer,
    }
}

/// Fixed when the number is, else the type that both give.
fn type_of_multiple(types: &[DataType]) -> DataType {
    match types {
        [DataType::Fixed, ..] => DataType::Fixed,
        _ => type_of_both(types),
    }
}

/// Whole, but a fixed decimal number stays one.
fn type_of_int(types: &[DataType]) -> DataType {
    match types.first() {
        Some(DataType::Fixed) => DataType::Fixed,
        _ => DataType::Integer,
    }
}

fn type_of_trunc(types: &[DataType]) -> DataType {
    if types.len() > 1 {
        type_of_first(types)
    } else {
        DataType::Integer
    }
}

fn type_of_quotient(types: &[DataType]) -> DataType {
    let quotient = match types {
        [
            DataType::Fixed,
            DataType::Integer | DataType::Double | DataType::Boolean | DataType::Unknown,
            ..,
        ] => DataType::Fixed,
        _ => DataType::Double,
    };
    match types.get(2) {
        None | Some(DataType::Unknown | DataType::Integer | DataType::Double | DataType::Fixed) => {
            quotient
        }
        Some(_) => DataType::Variant,
    }
}

/// A function of one decimal number. BLANK stays BLANK where the function of 0 is 0.
fn of(function: &'static str, arguments: &[Value], f: fn(f64) -> f64) -> Outcome {
    let result = f(number(function, arguments, 0)?);
    if result == 0.0 && argument(arguments, 0).is_blank() {
        return Ok(Value::Blank);
    }
    if result.is_nan() {
        return Err(undefined(function, "the number is outside of its domain"));
    }
    finite(function, result)
}

fn within(
    function: &'static str,
    arguments: &[Value],
    low: f64,
    high: f64,
    f: fn(f64) -> f64,
) -> Outcome {
    if !(low..=high).contains(&number(function, arguments, 0)?) {
        return Err(undefined(function, "the number is outside of its domain"));
    }
    of(function, arguments, f)
}

/// The reference bounds the angles of the two cotangents.
fn cotangent(function: &'static str, arguments: &[Value], f: fn(f64) -> f64) -> Outcome {
    if number(function, arguments, 0)?.abs() >= 134_217_728.0 {
        return Err(undefined(function, "the number is to be below 2^27"));
    }
    of(function, arguments, f)
}

fn abs(arguments: &[Value], _: &Environment) -> Outcome {
    let too_large = || undefined("ABS", "the result is too large");
    Ok(match Number::read("ABS", arguments, 0)? {
        Number::Blank => Value::Blank,
        Number::Integer(i) => Value::Integer(i.checked_abs().ok_or_else(too_large)?),
        Number::Fixed(f) => Value::Fixed(f.checked_abs().ok_or_else(too_large)?),
        Number::Double(d) => Value::Double(d.abs()),
    })
}

fn sign(arguments: &[Value], _: &Environment) -> Outcome {
    let number = Number::read("SIGN", arguments, 0)?;
    if number == Number::Blank {
        return Ok(Value::Blank);
    }
    let d = number.to_double();
    Ok(Value::Integer(i64::from(d > 0.0) - i64::from(d < 0.0)))
}

fn currency(arguments: &[Value], _: &Environment) -> Outcome {
    convert::to_type(argument(arguments, 0), DataType::Fixed)
        .ok_or_else(|| mistyped("CURRENCY", 0, "a fixed decimal number"))
}

fn convert_to(arguments: &[Value], _: &Environment) -> Outcome {
    let wanted = match text(arguments, 1).to_ascii_uppercase().as_str() {
        "BOOLEAN" | "LOGICAL" => DataType::Boolean,
        "CURRENCY" | "DECIMAL" => DataType::Fixed,
        "DATETIME" => DataType::DateTime,
        "DOUBLE" => DataType::Double,
        "INTEGER" | "INT64" => DataType::Integer,
        "STRING" | "TEXT" => DataType::Text,
        _ => {
            return Err(undefined(
                "CONVERT",
                "the type is none of BOOLEAN, CURRENCY, DATETIME, DOUBLE, INTEGER and STRING",
            ));
        }
    };
    convert::to_type(argument(arguments, 0), wanted)
        .ok_or_else(|| mistyped("CONVERT", 0, "a value of that type"))
}

/// A division by zero or BLANK gives the alternate result. The type is that of the `/` operator.
fn divide(arguments: &[Value], _: &Environment) -> Outcome {
    let numerator = Number::read("DIVIDE", arguments, 0)?;
    let denominator = Number::read("DIVIDE", arguments, 1)?;
    if denominator.is_zero() {
        return alternate(arguments);
    }
    if numerator == Number::Blank {
        return Ok(Value::Blank);
    }
    match (numerator, denominator, argument(arguments, 1)) {
        (Number::Fixed(a), Number::Integer(b), _) => {
            // Halves away from zero, on exact ten-thousandths.
            let (a, b) = (i128::from(a), i128::from(b));
            let rounded = (2 * a.abs() + b.abs()) / (2 * b.abs());
            exact("DIVIDE", rounded * a.signum() * b.signum(), true)
        }
        (Number::Fixed(_), Number::Double(b), Value::Double(_)) => {
            fixed("DIVIDE", numerator.to_double() / b)
        }
        // As the operator: infinity divided is infinity, and only the denominator is looked at.
        _ => Ok(Value::Double(
            numerator.to_double() / denominator.to_double(),
        )),
    }
}

/// A numeric alternate takes the type of the quotient.
fn alternate(arguments: &[Value]) -> Outcome {
    let value = argument(arguments, 2);
    let type_of = |i: usize| {
        argument(arguments, i)
            .data_type()
            .unwrap_or(DataType::Unknown)
    };
    match type_of_quotient(&[type_of(0), type_of(1), type_of(2)]) {
        DataType::Variant => Ok(value.clone()),
        quotient => convert::to_type(value, quotient)
            .ok_or_else(|| mistyped("DIVIDE", 2, "a fixed decimal number")),
    }
}

fn modulo(arguments: &[Value], _: &Environment) -> Outcome {
    let (number, divisor) = (
        Number::read("MOD", arguments, 0)?,
        Number::read("MOD", arguments, 1)?,
    );
    if divisor.is_zero() {
        return Err(undefined("MOD", "the divisor is zero"));
    }
    if number == Number::Blank {
        return Ok(Value::Blank);
    }
    if let (Some(n), Some(d)) = (number.to_fixed(), divisor.to_fixed()) {
        let rest = n % d;
        let rest = if rest != 0 && (rest < 0) != (d < 0) {
            rest + d
        } else {
            rest
        };
        return exact("MOD", rest, number.is_fixed() || divisor.is_fixed());
    }
    let (n, d) = (number.to_double(), divisor.to_double());
    // The reference defines it by the quotient, so that the tenths of one leave nothing. Beyond 2^52 a quotient has no fraction to
    // cut off.
    let times = (n / d).floor();
    if times.abs() < 4_503_599_627_370_496.0 {
        return finite("MOD", n - d * times);
    }
    let rest = n % d;
    finite(
        "MOD",
        if rest != 0.0 && (rest < 0.0) != (d < 0.0) {
            rest + d
        } else {
            rest
        },
    )
}

fn quotient(arguments: &[Value], _: &Environment) -> Outcome {
    let (number, divisor) = (
        Number::read("QUOTIENT", arguments, 0)?,
        Number::read("QUOTIENT", arguments, 1)?,
    );
    if divisor.is_zero() {
        return Err(undefined("QUOTIENT", "the divisor is zero"));
    }
    if number == Number::Blank {
        return Ok(Value::Blank);
    }
    if let (Some(n), Some(d)) = (number.to_fixed(), divisor.to_fixed()) {
        return exact("QUOTIENT", n / d * i128::from(FIXED_ONE), false);
    }
    let result = (number.to_double() / divisor.to_double()).trunc();
    if result.abs() < 9.2e18 {
        Ok(Value::Integer(result as i64))
    } else {
        Err(undefined("QUOTIENT", "the result is too large"))
    }
}

fn power(arguments: &[Value], _: &Environment) -> Outcome {
    let (base, exponent) = (
        number("POWER", arguments, 0)?,
        number("POWER", arguments, 1)?,
    );
    if !given(arguments, 0) {
        return Ok(Value::Blank);
    }
    if base == 0.0 && exponent <= 0.0 {
        return Err(undefined("POWER", "zero has no such power"));
    }
    finite("POWER", base.powf(exponent))
}

fn log(arguments: &[Value], _: &Environment) -> Outcome {
    let x = number("LOG", arguments, 0)?;
    let base = number_or("LOG", arguments, 1, 10.0)?;
    if x <= 0.0 || base <= 0.0 || base == 1.0 {
        return Err(undefined(
            "LOG",
            "number and base are to be positive, and the base not 1",
        ));
    }
    finite(
        "LOG",
        if base == 10.0 {
            x.log10()
        } else if base == 2.0 {
            x.log2()
        } else {
            x.ln() / base.ln()
        },
    )
}

fn factorial(arguments: &[Value], _: &Environment) -> Outcome {
    let n = truncated("FACT", arguments, 0)?;
    if !(0..=170).contains(&n) {
        return Err(undefined("FACT", "the number is to be between 0 and 170"));
    }
    Ok(Value::Double(
        (2..=n).fold(1.0, |product, i| product * i as f64),
    ))
}

const LARGEST_WHOLE: i64 = 1 << 53;

fn gcd(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn lcm(a: i64, b: i64) -> Option<i64> {
    if a == 0 || b == 0 {
        return Some(0);
    }
    (a / gcd(a, b))
        .checked_mul(b)
        .filter(|result| *result < LARGEST_WHOLE)
}

fn fold_whole(
    function: &'static str,
    arguments: &[Value],
    step: fn(i64, i64) -> Option<i64>,
) -> Outcome {
    let mut result = None;
    for i in 0..arguments.len() {
        let n = truncated(function, arguments, i)?;
        if !(0..LARGEST_WHOLE).contains(&n) {
            return Err(undefined(
                function,
                "its numbers are to be whole, not negative, and below 2^53",
            ));
        }
        result = Some(match result {
            None => n,
            Some(so_far) => {
                step(so_far, n).ok_or_else(|| undefined(function, "the result is too large"))?
            }
        });
    }
    Ok(result.map_or(Value::Blank, Value::Integer))
}

/// The next number of SplitMix64, in [0, 1).
fn random(environment: &Environment) -> f64 {
    let mut z = environment.random();
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / (1u64 << 53) as f64
}

fn random_between(arguments: &[Value], environment: &Environment) -> Outcome {
    let bottom = number("RANDBETWEEN", arguments, 0)?.ceil();
    let top = number("RANDBETWEEN", arguments, 1)?.floor();
    if bottom > top || bottom.abs() > 9e15 || top.abs() > 9e15 {
        return Err(undefined(
            "RANDBETWEEN",
            "there is no whole number between bottom and top, or they are too large",
        ));
    }
    Ok(Value::Integer(
        (bottom + (random(environment) * (top - bottom + 1.0)).floor()) as i64,
    ))
}

/// The bitwise operations cut off what is behind the decimal point; the shifts take whole numbers, and round.
fn bits(
    function: &'static str,
    arguments: &[Value],
    whole: fn(&str, &[Value], usize) -> Result<i64, Failure>,
    f: fn(i64, i64) -> i64,
) -> Outcome {
    Ok(Value::Integer(f(
        whole(function, arguments, 0)?,
        whole(function, arguments, 1)?,
    )))
}

/// Bits shifted out are lost; a negative shift goes right and keeps the sign.
fn shift_left(number: i64, by: i64) -> i64 {
    match by {
        0..=63 => number << by,
        64.. => 0,
        -63..=-1 => number >> -by,
        _ => number >> 63,
    }
}

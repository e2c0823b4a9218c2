//! FORMAT, and the format strings of columns and measures.

mod dates;
mod digits;
mod numbers;

use super::arguments::{Outcome, argument, given, text, undefined};
use super::registry::Environment;
use crate::convert;
use crate::value::{DataType, Value};
use digits::Digits;
use numbers::Point;

/// FORMAT(value, format string, [locale]).
pub(super) fn format(arguments: &[Value], _: &Environment) -> Outcome {
    if given(arguments, 2) && !is_english(&text(arguments, 2)) {
        return Err(undefined(
            "FORMAT",
            "the only locale that it knows is en-US",
        ));
    }
    Ok(Value::text(formatted(
        argument(arguments, 0),
        &text(arguments, 1),
        Point::Bare,
    )))
}

/// A value as the format string of a column or measure shows it; BLANK is empty. None for a culture whose separators and
/// names are not known. Unlike FORMAT it drops a decimal point that no digit follows, as reports do.
pub fn format_value(value: &Value, format_string: &str, culture: &str) -> Option<String> {
    (culture.is_empty() || is_english(culture))
        .then(|| formatted(value, format_string, Point::Dropped))
}

fn is_english(culture: &str) -> bool {
    culture.eq_ignore_ascii_case("en-US")
}

/// A number with so many decimal places, with or without thousands separators.
pub(super) fn decimal_text(number: f64, decimals: usize, commas: bool) -> String {
    let mut digits = Digits::from_double(number);
    digits.round(decimals as i32);
    let negative = number < 0.0 && !digits.is_zero();
    let whole = if commas {
        digits::grouped(&digits.whole())
    } else {
        digits.whole()
    };
    let whole = if whole.is_empty() { "0" } else { &whole };
    let sign = if negative { "-" } else { "" };
    if decimals == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{}", digits.fraction(decimals))
    }
}

/// What a format string asks for.
enum Form<'f> {
    General,
    Numeric(&'f str),
    /// What to show for zero, and for anything else.
    Choice(&'static str, &'static str),
    Date(&'f str),
    GeneralDate,
}

fn form(format_string: &str) -> Form<'_> {
    match format_string.trim().to_ascii_lowercase().as_str() {
        "" => Form::General,
        "general number" => Form::Numeric("General Number"),
        "currency" => Form::Numeric("$#,0.00;($#,0.00)"),
        "fixed" => Form::Numeric("0.00"),
        "standard" => Form::Numeric("#,0.00"),
        "percent" => Form::Numeric("0.00%"),
        "scientific" => Form::Numeric("0.00E+00"),
        "yes/no" => Form::Choice("No", "Yes"),
        "true/false" => Form::Choice("False", "True"),
        "on/off" => Form::Choice("Off", "On"),
        "general date" => Form::GeneralDate,
        "long date" | "medium date" => Form::Date("dddd, mmmm d, yyyy"),
        "short date" => Form::Date("m/d/yyyy"),
        "long time" => Form::Date("h:nn:ss AM/PM"),
        "medium time" => Form::Date("h:nn AM/PM"),
        "short time" => Form::Date("hh:nn"),
        _ if dates::is_date_format(format_string) => Form::Date(format_string),
        _ => Form::Numeric(format_string),
    }
}

fn formatted(value: &Value, format_string: &str, point: Point) -> String {
    match value {
        Value::Blank => String::new(),
        Value::Text(written) => formatted_text(written, format_string, point),
        Value::Boolean(b) => match form(format_string) {
            Form::General | Form::Numeric("General Number") | Form::GeneralDate => {
                if *b { "True" } else { "False" }.to_string()
            }
            _ => formatted(&Value::Integer(i64::from(*b)), format_string, point),
        },
        value => match form(format_string) {
            Form::General if value.data_type() == Some(DataType::DateTime) => general_date(value),
            Form::General | Form::Numeric("General Number") => general_number(value),
            Form::GeneralDate => general_date(value),
            Form::Choice(zero, other) => if value.to_double() == Some(0.0) {
                zero
            } else {
                other
            }
            .to_string(),
            Form::Numeric(numeric) => numbers::format(&Digits::from_value(value), numeric, point)
                .unwrap_or_else(|| general_number(value)),
            Form::Date(pattern) => match convert::to_type(value, DataType::DateTime) {
                Some(Value::DateTime(micros)) => dates::format(micros, pattern),
                _ => general_number(value),
            },
        },
    }
}

/// Text that reads as a number or a date is formatted as one; any other text stays.
fn formatted_text(written: &str, format_string: &str, point: Point) -> String {
    let read = match form(format_string) {
        Form::General => None,
        Form::Date(_) | Form::GeneralDate => convert::date_from_text(written).map(Value::DateTime),
        _ => None,
    };
    let read = read.or_else(|| convert::plain_number(written).map(Value::Double));
    match read {
        Some(value) if !format_string.trim().is_empty() => formatted(&value, format_string, point),
        _ => written.to_string(),
    }
}

fn general_number(value: &Value) -> String {
    match value {
        Value::DateTime(micros) => convert::double_text(Value::days(*micros)),
        other => convert::text_from_value(other),
    }
}

/// The date, the time, or both: what is zero is left out.
fn general_date(value: &Value) -> String {
    match convert::to_type(value, DataType::DateTime) {
        Some(Value::DateTime(micros)) => dates::general(micros),
        _ => general_number(value),
    }
}

//! FORMAT, and the format strings of columns and measures.

mod dates;
mod digits;
mod locale;
mod numbers;
mod texts;
mod usual;

use super::arguments::{Outcome, argument, given, text, undefined};
use super::registry::Environment;
use crate::convert::{self, DateOrder};
use crate::value::{DataType, Value};
use dates::Kind;
use digits::Digits;
use locale::Words;
use numbers::Point;

/// The longest format string, in bytes. One letter of it may stand for a whole date, so this bounds the text too before it is made.
const LONGEST: usize = 32_767;

/// The order in which a culture writes a date; month first where the culture is not known.
pub fn date_order(culture: &str) -> DateOrder {
    Words::of(culture).map_or(DateOrder::MonthFirst, |words| words.date_order())
}

/// FORMAT(value, format string, [locale]). Without a locale, that of the model.
pub(super) fn format(arguments: &[Value], environment: &Environment) -> Outcome {
    let words = if given(arguments, 2) {
        Words::of(text(arguments, 2).trim())
            .ok_or_else(|| undefined("FORMAT", "the locale is not known; de-DE is one"))?
    } else {
        Words::of(environment.model_culture()).unwrap_or_else(Words::english)
    };
    let format_string = text(arguments, 1);
    if format_string.len() > LONGEST {
        return Err(undefined(
            "FORMAT",
            "the format string is longer than 32,767 characters",
        ));
    }
    let value = argument(arguments, 0);
    formatted(value, &format_string, Point::Bare, &words)
        .map(Value::text)
        .ok_or_else(|| undefined("FORMAT", NO_LONG_DATE))
}

const NO_LONG_DATE: &str = "how that locale writes a date in words is not known; write the form out, such as \"dddd, d mmmm yyyy\"";

/// A value as the format string of a column or measure shows it; BLANK is empty. None for a culture whose separators and
/// names are not known. Unlike FORMAT it drops a decimal point that no digit follows, as reports do.
pub fn format_value(value: &Value, format_string: &str, culture: &str) -> Option<String> {
    let words = if culture.is_empty() {
        Words::english()
    } else {
        Words::of(culture)?
    };
    formatted(value, format_string, Point::Dropped, &words)
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
    /// Places for the characters of a text.
    Text(&'f str),
    GeneralDate,
}

fn form<'f>(format_string: &'f str, words: &'f Words) -> Form<'f> {
    match format_string.trim().to_ascii_lowercase().as_str() {
        "" => Form::General,
        "general number" => Form::Numeric("General Number"),
        "currency" => Form::Numeric(&words.currency),
        "fixed" => Form::Numeric("0.00"),
        "standard" => Form::Numeric("#,0.00"),
        "percent" => Form::Numeric("0.00%"),
        "scientific" => Form::Numeric("0.00E+00"),
        "yes/no" => Form::Choice("No", "Yes"),
        "true/false" => Form::Choice("False", "True"),
        "on/off" => Form::Choice("Off", "On"),
        "general date" => Form::GeneralDate,
        "long date" | "medium date" => Form::Date("dddddd"),
        "short date" => Form::Date(&words.short_date),
        "long time" => Form::Date(words.long_time),
        "medium time" => Form::Date(words.medium_time),
        "short time" => Form::Date("hh:nn"),
        _ => match dates::kind(format_string) {
            Kind::Date => Form::Date(format_string),
            Kind::Number => Form::Numeric(format_string),
            Kind::Text => Form::Text(format_string),
        },
    }
}

/// None: the locale does not say how.
fn formatted(value: &Value, format_string: &str, point: Point, words: &Words) -> Option<String> {
    Some(match value {
        Value::Blank => String::new(),
        Value::Text(written) => return formatted_text(written, format_string, point, words),
        Value::Boolean(b) => match form(format_string, words) {
            Form::General | Form::Numeric("General Number") | Form::GeneralDate => {
                if *b { "True" } else { "False" }.to_string()
            }
            Form::Text(places) => texts::format(if *b { "True" } else { "False" }, places),
            _ => return formatted(&Value::Integer(i64::from(*b)), format_string, point, words),
        },
        value => match form(format_string, words) {
            Form::General if value.data_type() == Some(DataType::DateTime) => {
                general_date(value, words)
            }
            Form::General | Form::Numeric("General Number") => general_number(value, words),
            Form::GeneralDate => general_date(value, words),
            Form::Choice(zero, other) => if value.to_double() == Some(0.0) {
                zero
            } else {
                other
            }
            .to_string(),
            Form::Numeric(numeric) => {
                numbers::format(&Digits::from_value(value), numeric, point, words)
                    .unwrap_or_else(|| general_number(value, words))
            }
            Form::Date(pattern) => match convert::to_type(value, DataType::DateTime) {
                Some(Value::DateTime(micros)) => dates::format(micros, pattern, words)?,
                _ => general_number(value, words),
            },
            Form::Text(places) => {
                let written = match value.data_type() {
                    Some(DataType::DateTime) => general_date(value, words),
                    _ => general_number(value, words),
                };
                texts::format(&written, places)
            }
        },
    })
}

/// Text that reads as a number or a date is formatted as one; any other text stays.
fn formatted_text(
    written: &str,
    format_string: &str,
    point: Point,
    words: &Words,
) -> Option<String> {
    let read = match form(format_string, words) {
        Form::Text(places) => return Some(texts::format(written, places)),
        Form::General => None,
        Form::Date(_) | Form::GeneralDate => convert::date_from_text(written).map(Value::DateTime),
        _ => None,
    };
    let read = read.or_else(|| convert::plain_number(written).map(Value::Double));
    match read {
        Some(value) if !format_string.trim().is_empty() => {
            formatted(&value, format_string, point, words)
        }
        _ => Some(written.to_string()),
    }
}

fn general_number(value: &Value, words: &Words) -> String {
    let text = match value {
        Value::DateTime(micros) => convert::double_text(Value::days(*micros)),
        other => convert::text_from_value(other),
    };
    match words.decimal {
        "." => text,
        decimal => text.replacen('.', decimal, 1),
    }
}

/// The date, the time, or both: what is zero is left out.
fn general_date(value: &Value, words: &Words) -> String {
    match convert::to_type(value, DataType::DateTime) {
        Some(Value::DateTime(micros)) => dates::general(micros, words),
        _ => general_number(value, words),
    }
}

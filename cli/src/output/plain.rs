//! Values in a form that depends on no culture.

use arrow::temporal_conversions::timestamp_us_to_datetime;
use peristyle::Value;

/// The value as machines read it; None for BLANK.
pub fn text_of(value: &Value) -> Option<String> {
    Some(match value {
        Value::Blank => return None,
        Value::Integer(integer) => integer.to_string(),
        Value::Fixed(ten_thousandths) => fixed(*ten_thousandths),
        Value::Double(number) => double(*number),
        Value::Boolean(true) => "TRUE".to_owned(),
        Value::Boolean(false) => "FALSE".to_owned(),
        Value::DateTime(micros) => date_time(*micros),
        Value::Text(text) => text.to_string(),
    })
}

/// The shortest digits that read back as the same number.
pub fn double(number: f64) -> String {
    match serde_json::Number::from_f64(number) {
        Some(finite) => finite.to_string(),
        None if number.is_nan() => "NaN".to_owned(),
        None if number > 0.0 => "Infinity".to_owned(),
        None => "-Infinity".to_owned(),
    }
}

/// All digits of a fixed decimal, without zeros at the end.
pub fn fixed(ten_thousandths: i64) -> String {
    let sign = if ten_thousandths < 0 { "-" } else { "" };
    let (whole, rest) = (
        ten_thousandths.unsigned_abs() / 10_000,
        ten_thousandths.unsigned_abs() % 10_000,
    );
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    let digits = format!("{rest:04}");
    format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
}

/// `2019-07-01T00:00:00`, with fractions of a second only where there are any.
pub fn date_time(micros: i64) -> String {
    match timestamp_us_to_datetime(micros) {
        Some(moment) => moment.format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
        // Beyond what calendars count; DAX dates end in the year 9999.
        None => micros.to_string(),
    }
}

//! Cells as role tests write them: text in quotes, numbers, dates, TRUE, FALSE, BLANK.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use engine::Value;

/// The value that a cell of a test means; None where it means none.
pub(super) fn value(text: &str) -> Option<Value> {
    if let Some(inner) = text.strip_prefix('"') {
        return quoted(inner.strip_suffix('"')?).map(Value::text);
    }
    match text {
        "BLANK" => return Some(Value::Blank),
        "TRUE" => return Some(Value::Boolean(true)),
        "FALSE" => return Some(Value::Boolean(false)),
        _ => {}
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::Integer(whole));
    }
    if let Some(moment) = moment(text) {
        return Some(Value::DateTime(moment));
    }
    text.parse().ok().map(Value::Double)
}

/// Text between quotes, in which a quote stands twice.
fn quoted(inner: &str) -> Option<String> {
    let without = inner.replace("\"\"", "");
    (!without.contains('"')).then(|| inner.replace("\"\"", "\""))
}

fn moment(text: &str) -> Option<i64> {
    let moment = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok();
    let day = || {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)
    };
    Some(moment.or_else(day)?.and_utc().timestamp_micros())
}

/// The cell that means this value.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Blank => "BLANK".to_owned(),
        Value::Boolean(true) => "TRUE".to_owned(),
        Value::Boolean(false) => "FALSE".to_owned(),
        Value::Integer(whole) => whole.to_string(),
        Value::Fixed(ten_thousandths) => {
            let sign = if *ten_thousandths < 0 { "-" } else { "" };
            let (whole, rest) = (
                ten_thousandths.unsigned_abs() / 10_000,
                ten_thousandths.unsigned_abs() % 10_000,
            );
            let digits = format!("{sign}{whole}.{rest:04}");
            digits
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned()
        }
        Value::Double(number) => number.to_string(),
        Value::DateTime(micros) => match DateTime::from_timestamp_micros(*micros) {
            Some(moment) if *micros % 86_400_000_000 == 0 => moment.format("%Y-%m-%d").to_string(),
            Some(moment) => moment.format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
            None => micros.to_string(),
        },
        Value::Text(text) => format!("\"{}\"", text.replace('"', "\"\"")),
    }
}

/// Whether an answer has what a test expects. Sums of decimal numbers may differ beyond the twelfth digit.
pub(super) fn matches(expected: &Value, found: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Integer(_) | Value::Fixed(_) | Value::Double(_) => value.to_double(),
        _ => None,
    };
    if let (Value::Integer(a), Value::Integer(b)) = (expected, found) {
        return a == b;
    }
    if let (Some(a), Some(b)) = (number(expected), number(found)) {
        return a == b
            || (a.is_nan() && b.is_nan())
            || (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
    }
    expected == found
}

/// The cells of a line, split at bars outside quotes.
pub(super) fn split(line: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let (mut from, mut in_text) = (0, false);
    for (at, c) in line.char_indices() {
        match c {
            '"' => in_text = !in_text,
            '|' if !in_text => {
                cells.push(line.get(from..at).unwrap_or_default().trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    cells.push(line.get(from..).unwrap_or_default().trim());
    cells
}

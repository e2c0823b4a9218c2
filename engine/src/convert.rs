//! The implicit conversions of DAX: text to numbers and dates, values to text, and values to a type.

use crate::functions::calendar;
use crate::value::{DAY, DataType, EPOCH_DAYS, FIXED_ONE, Value};

/// Text as a number: digits with sign, thousands separators, decimal point, exponent, dollar sign, or parentheses for
/// negative numbers; else a date or time, which is its number of days. None for anything else, and for empty text.
pub fn number_from_text(text: &str) -> Option<f64> {
    plain_number(text).or_else(|| date_from_text(text).map(Value::days))
}

/// Text as a number, dates left aside.
pub fn plain_number(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut negative = false;
    if let Some(inner) = rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')) {
        negative = true;
        rest = inner.trim();
    }
    // The dollar stands before or after the sign; each at most once.
    let (mut signed, mut dollar) = (negative, false);
    loop {
        let mut chars = rest.chars();
        match chars.next()? {
            '-' | '+' if signed => return None,
            c @ ('-' | '+') => {
                negative = c == '-';
                signed = true;
            }
            '$' if dollar => return None,
            '$' => dollar = true,
            _ => break,
        }
        rest = chars.as_str().trim_start();
    }
    let number: f64 = digits_without_separators(rest)?.parse().ok()?;
    number
        .is_finite()
        .then_some(if negative { -number } else { number })
}

/// Drops the thousands separators; None unless the rest is digits, point and exponent alone (Rust would read "inf" too).
fn digits_without_separators(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut digits, mut point, mut exponent) = (0, false, false);
    let mut previous = ' ';
    for c in text.chars() {
        match c {
            '0'..='9' => digits += 1,
            '.' if !point && !exponent => point = true,
            ',' if !point && !exponent && previous.is_ascii_digit() => {
                previous = c;
                continue;
            }
            'e' | 'E' if !exponent && digits > 0 => {
                exponent = true;
                digits = 0;
            }
            '+' | '-' if matches!(previous, 'e' | 'E') => {}
            _ => return None,
        }
        out.push(c);
        previous = c;
    }
    (digits > 0 && previous != ',').then_some(out)
}

/// Which of two numbers is the month, where a date has numbers alone and both could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    MonthFirst,
    DayFirst,
}

/// Text as a date, a time, or both, in microseconds since 1970. A time alone belongs to 30 December 1899.
/// Reads ISO 8601, month/day/year (day first where the month could not be), and months by name.
pub fn date_from_text(text: &str) -> Option<i64> {
    date_in_order(text, None, DateOrder::MonthFirst)
}

/// The same, in this order; a date without a year is of `year`.
pub fn date_in_order(text: &str, year: Option<i64>, order: DateOrder) -> Option<i64> {
    let words = DateWords::read(text)?;
    if words.date.is_empty() {
        return words.time.map(|time| time - EPOCH_DAYS * DAY);
    }
    let day = words.day(year, order)?;
    (calendar::in_range(day)).then(|| day * DAY + words.time.unwrap_or(0))
}

/// The parts of a date in the order in which they stand.
#[derive(Debug, Clone, Copy, PartialEq)]
enum DatePart {
    /// A number and how many digits it has.
    Number(i64, usize),
    Month(i64),
}

struct DateWords {
    date: Vec<DatePart>,
    time: Option<i64>,
}

impl DateWords {
    fn read(text: &str) -> Option<DateWords> {
        let text = text.trim();
        let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
        let mut words = DateWords {
            date: Vec::new(),
            time: None,
        };
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c.is_ascii_digit() {
                rest = words.number(rest)?;
            } else if c.is_ascii_alphabetic() {
                let end = rest
                    .find(|c: char| !c.is_ascii_alphabetic())
                    .unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                words.word(word)?;
                rest = after;
            } else if matches!(c, ' ' | '/' | '-' | ',' | '.') {
                rest = rest.get(1..)?;
            } else {
                return None;
            }
        }
        (!text.is_empty()).then_some(words)
    }

    fn number<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (digits, after) = text.split_at(end);
        let number: i64 = digits.parse().ok()?;
        let half = half_of_day(after);
        if after.starts_with(':') || half.is_some() {
            if self.time.is_some() {
                return None;
            }
            let (time, after) = read_time(number, after)?;
            self.time = Some(time);
            return Some(after);
        }
        if digits.len() > 4 || self.date.len() == 3 {
            return None;
        }
        self.date.push(DatePart::Number(number, digits.len()));
        Some(after)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        // The T of ISO 8601 stands between date and time.
        if word.eq_ignore_ascii_case("t") && self.date.len() == 3 {
            return Some(());
        }
        let lower = word.to_ascii_lowercase();
        let named = |name: &str| {
            let name = name.to_ascii_lowercase();
            lower == name
                || (lower.len() == 3 && name.starts_with(&lower))
                || lower == "sept" && name == "september"
        };
        if let Some(month) = calendar::MONTHS.iter().position(|name| named(name)) {
            self.date.push(DatePart::Month(month as i64 + 1));
            return Some(());
        }
        // The day of the week says nothing that the date does not.
        calendar::WEEKDAYS
            .iter()
            .any(|name| named(name))
            .then_some(())
    }

    fn day(&self, this_year: Option<i64>, order: DateOrder) -> Option<i64> {
        use DatePart::*;
        let in_order = |year: i64, first: i64, second: i64| {
            let (month, day) = match order {
                DateOrder::MonthFirst => (first, second),
                DateOrder::DayFirst => (second, first),
            };
            valid(year, month, day).or_else(|| valid(year, day, month))
        };
        match *self.date.as_slice() {
            [Number(y, 4), Number(m, _), Number(d, _)] => valid(y, m, d),
            [Number(a, _), Number(b, _), Number(y, n)] => in_order(full_year(y, n)?, a, b),
            [Number(y, 4), Month(m), Number(d, _)] => valid(y, m, d),
            [Month(m), Number(d, _), Number(y, n)] | [Number(d, _), Month(m), Number(y, n)] => {
                valid(full_year(y, n)?, m, d)
            }
            [Month(m), Number(y, 4)]
            | [Number(y, 4), Month(m)]
            | [Number(m, _), Number(y, 4)]
            | [Number(y, 4), Number(m, _)] => valid(y, m, 1),
            [Month(m), Number(d, _)] | [Number(d, _), Month(m)] => valid(this_year?, m, d),
            [Number(a, _), Number(b, _)] => in_order(this_year?, a, b),
            _ => None,
        }
    }
}

/// AM or PM at the start of the text: the hours to add, and what follows.
fn half_of_day(text: &str) -> Option<(bool, &str)> {
    let text = text.trim_start();
    let head = text.get(..2)?;
    let after = text.get(2..)?;
    if after.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    match head.to_ascii_lowercase().as_str() {
        "am" => Some((false, after)),
        "pm" => Some((true, after)),
        _ => None,
    }
}

/// The rest of a time after its hour: `:mm[:ss[.fff]] [AM|PM]`.
fn read_time(hour: i64, text: &str) -> Option<(i64, &str)> {
    fn two(text: &str) -> Option<(i64, &str)> {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (digits, after) = text.split_at(end);
        let number: i64 = (digits.len() <= 2).then(|| digits.parse().ok())??;
        (number < 60).then_some((number, after))
    }
    let (mut minute, mut second, mut micros) = (0, 0, 0);
    let mut rest = text;
    if let Some(after) = rest.strip_prefix(':') {
        (minute, rest) = two(after)?;
        if let Some(after) = rest.strip_prefix(':') {
            (second, rest) = two(after)?;
            if let Some(after) = rest.strip_prefix('.') {
                let end = after
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(after.len());
                let fraction: f64 = format!("0.{}", after.get(..end)?).parse().ok()?;
                micros = (fraction * 1e6).round() as i64;
                rest = after.get(end..)?;
            }
        }
    }
    let mut hour = hour;
    if let Some((afternoon, after)) = half_of_day(rest) {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if afternoon { 12 } else { 0 };
        rest = after;
    }
    (hour < 24).then_some((
        ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros,
        rest,
    ))
}

fn valid(year: i64, month: i64, day: i64) -> Option<i64> {
    let valid = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && day >= 1
        && day <= calendar::days_in_month(year, month);
    valid.then(|| calendar::days(year, month, day))
}

/// Years of two digits are of 1950 to 2049, as in DATE.
fn full_year(year: i64, digits: usize) -> Option<i64> {
    match digits {
        1 | 2 if year < 50 => Some(2000 + year),
        1 | 2 => Some(1900 + year),
        4 => Some(year),
        _ => None,
    }
}

/// A value as text, as the `&` operator gives it.
pub fn text_from_value(value: &Value) -> String {
    match value {
        Value::Blank => String::new(),
        Value::Integer(i) => i.to_string(),
        Value::Fixed(f) => fixed_text(*f),
        Value::Double(d) => double_text(*d),
        Value::Boolean(true) => "TRUE".to_string(),
        Value::Boolean(false) => "FALSE".to_string(),
        Value::DateTime(micros) => date_text(*micros),
        Value::Text(text) => text.to_string(),
    }
}

fn fixed_text(fixed: i64) -> String {
    let (whole, part) = (
        fixed.unsigned_abs() / FIXED_ONE as u64,
        fixed.unsigned_abs() % FIXED_ONE as u64,
    );
    let sign = if fixed < 0 { "-" } else { "" };
    if part == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{part:04}")
        .trim_end_matches('0')
        .to_string()
}

/// Up to 15 significant digits; with an exponent below 0.0001 and from 1E+15 on.
pub fn double_text(d: f64) -> String {
    if d.is_nan() {
        return "NaN".to_string();
    }
    if d.is_infinite() {
        return if d > 0.0 { "Infinity" } else { "-Infinity" }.to_string();
    }
    if d == 0.0 {
        return "0".to_string();
    }
    let (digits, exponent) = significant_digits(d, 15);
    let digits = digits.trim_end_matches('0');
    let sign = if d < 0.0 { "-" } else { "" };
    if !(-4..15).contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let direction = if exponent < 0 { '-' } else { '+' };
        return format!(
            "{sign}{first}{point}{rest}E{direction}{:02}",
            exponent.abs()
        );
    }
    if exponent < 0 {
        return format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize));
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits}{}", "0".repeat(whole - digits.len()));
    }
    let (whole, part) = digits.split_at(whole);
    format!("{sign}{whole}.{part}")
}

/// The first digits of a finite number that is not 0, rounded, and the power of ten of the first.
pub fn significant_digits(d: f64, count: usize) -> (String, i32) {
    let text = format!("{:.*e}", count - 1, d.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

/// `m/d/yyyy h:mm:ss AM/PM`. Midnight is left out; so is day zero, which stands for no date, and whose midnight is a time.
fn date_text(micros: i64) -> String {
    let (day, time) = calendar::split(micros);
    let seconds = time / 1_000_000;
    let (hour, half) = (seconds / 3600, if seconds >= 43_200 { "PM" } else { "AM" });
    let shown = if hour % 12 == 0 { 12 } else { hour % 12 };
    let clock = format!(
        "{shown}:{:02}:{:02} {half}",
        seconds / 60 % 60,
        seconds % 60
    );
    if day == -EPOCH_DAYS {
        return clock;
    }
    let date = calendar::civil(day);
    let date = format!("{}/{}/{}", date.month, date.day, date.year);
    if seconds == 0 {
        date
    } else {
        format!("{date} {clock}")
    }
}

/// The value as one of a type, by the implicit conversions; None where it does not convert or does not fit.
/// BLANK stays BLANK.
pub fn to_type(value: &Value, data_type: DataType) -> Option<Value> {
    if value.is_blank() || value.data_type() == Some(data_type) {
        return Some(value.clone());
    }
    match data_type {
        DataType::Integer => value.to_integer().map(Value::Integer),
        DataType::Double => value.to_double().map(Value::Double),
        DataType::Fixed => match value {
            Value::Integer(i) => i.checked_mul(FIXED_ONE).map(Value::Fixed),
            other => fixed_from_double(other.to_double()?),
        },
        DataType::Boolean => value.to_boolean().map(Value::Boolean),
        DataType::DateTime => match value {
            Value::Text(text) => date_from_text(text)
                .map(Value::DateTime)
                .or_else(|| Value::from_days(plain_number(text)?)),
            other => Value::from_days(other.to_double()?),
        },
        DataType::Text => Some(Value::Text(value.to_text())),
        DataType::Variant | DataType::Unknown => Some(value.clone()),
        DataType::Binary => None,
    }
}

/// A decimal number as a fixed one, halves away from zero; None beyond its range.
pub fn fixed_from_double(d: f64) -> Option<Value> {
    let scaled = round_half_away(d, 4) * FIXED_ONE as f64;
    // Every f64 below 2^63 in magnitude fits an i64.
    (scaled.abs() < 9.223_372_036_854_775e18).then(|| Value::Fixed(scaled.round() as i64))
}

/// Rounds to a number of decimal places (negative: to tens, hundreds, ...), halves away from zero. What counts as half is
/// decided on 15 significant digits, so that 1.005 rounds up as people expect though its f64 lies a little below.
pub fn round_half_away(d: f64, digits: i32) -> f64 {
    if !d.is_finite() || d == 0.0 || digits > 300 {
        return d;
    }
    if digits < -308 {
        return 0.0;
    }
    let scaled = scale(d, digits);
    // Beyond 2^52 there is no fraction left to round.
    if !scaled.is_finite() || scaled.abs() >= 4_503_599_627_370_496.0 {
        return d;
    }
    let down = scaled.trunc();
    let half = (scaled - down).abs();
    let near_half = (half - 0.5).abs() <= scaled.abs().max(1.0) * 2e-15;
    let rounded = if near_half {
        down + scaled.signum()
    } else {
        scaled.round()
    };
    scale(rounded, -digits)
}

/// `d` times a power of ten. Dividing by an exact power is closer than multiplying with an inexact fraction.
pub fn scale(d: f64, digits: i32) -> f64 {
    if digits >= 0 {
        d * 10f64.powi(digits)
    } else {
        d / 10f64.powi(-digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_from_text() {
        let check = |text: &str, expected: Option<f64>| {
            assert_eq!(plain_number(text), expected, "{text:?}")
        };
        check("12", Some(12.0));
        check(" -1,234.5 ", Some(-1234.5));
        check("$1,234.50", Some(1234.5));
        check("-$5", Some(-5.0));
        check("$-5", Some(-5.0));
        check("(5)", Some(-5.0));
        check("1e3", Some(1000.0));
        check("1.5E-2", Some(0.015));
        check(".5", Some(0.5));
        check("5.", Some(5.0));
        for text in [
            "", " ", "abc", "inf", "NaN", "1e", "--1", "1,", "50%", "1 2", "$", "1.2.3", "0x10",
            "1e999", "e5",
        ] {
            check(text, None);
        }
        assert_eq!(number_from_text("1/1/2020"), Some(43_831.0));
    }

    #[test]
    fn dates_from_text() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                date_from_text(text).map(date_text).as_deref(),
                expected,
                "{text:?}"
            );
        };
        check("2020-01-31", Some("1/31/2020"));
        check("2020-01-31T14:05:06", Some("1/31/2020 2:05:06 PM"));
        check("2020-01-31T00:05:06.250Z", Some("1/31/2020 12:05:06 AM"));
        check("1/31/2020", Some("1/31/2020"));
        check("31/1/2020", Some("1/31/2020"));
        check("1/31/20 2:30 PM", Some("1/31/2020 2:30:00 PM"));
        check("1/31/30", Some("1/31/2030"));
        check("1/31/50", Some("1/31/1950"));
        check("January 5, 2009", Some("1/5/2009"));
        check("5 Jan 2009 12:00 am", Some("1/5/2009"));
        check("5-Jan-09", Some("1/5/2009"));
        check("Monday, January 5, 2009", Some("1/5/2009"));
        check("March 2009", Some("3/1/2009"));
        check("14:30:15", Some("2:30:15 PM"));
        check("2 pm", Some("2:00:00 PM"));
        check("12/30/1899", Some("12:00:00 AM"));
        for text in [
            "",
            "2/30/2020",
            "13/13/2020",
            "hello",
            "12",
            "25:00",
            "1/2/3/4",
            "10:60",
            "13 pm",
            "1/2",
        ] {
            check(text, None);
        }
        assert_eq!(
            date_in_order("8/1", Some(2009), DateOrder::MonthFirst)
                .map(date_text)
                .as_deref(),
            Some("8/1/2009")
        );
        let day_first = |text: &str| {
            let day = date_in_order(text, Some(2009), DateOrder::DayFirst);
            day.map(date_text).unwrap_or_default()
        };
        assert_eq!(day_first("8/1"), "1/8/2009");
        assert_eq!(day_first("8.1.2020 10:00"), "1/8/2020 10:00:00 AM");
        assert_eq!(day_first("1/20/2020"), "1/20/2020");
        assert_eq!(day_first("2020-08-01"), "8/1/2020");
        assert_eq!(day_first("August 1, 2020"), "8/1/2020");
    }

    #[test]
    fn values_to_text() {
        let check = |value: Value, expected: &str| assert_eq!(text_from_value(&value), expected);
        check(Value::Blank, "");
        check(Value::Integer(-12), "-12");
        check(Value::Fixed(12_500), "1.25");
        check(Value::Fixed(-5), "-0.0005");
        check(Value::Fixed(50_000), "5");
        check(Value::Double(0.1 + 0.2), "0.3");
        check(Value::Double(1e20), "1E+20");
        check(Value::Double(1.5e15), "1.5E+15");
        check(Value::Double(123_456_789_012_345.0), "123456789012345");
        check(Value::Double(0.0001), "0.0001");
        check(Value::Double(0.00001), "1E-05");
        check(Value::Double(-2.5), "-2.5");
        check(Value::Double(1.0 / 3.0), "0.333333333333333");
        check(Value::Double(100.0), "100");
        check(Value::Double(-0.0), "0");
        check(Value::Boolean(true), "TRUE");
    }

    #[test]
    fn values_to_types() {
        let check = |value: Value, to: DataType, expected: Option<Value>| {
            assert_eq!(
                format!("{:?}", to_type(&value, to)),
                format!("{expected:?}")
            );
        };
        check(Value::Blank, DataType::Integer, Some(Value::Blank));
        check(
            Value::Double(2.5),
            DataType::Integer,
            Some(Value::Integer(3)),
        );
        check(
            Value::Double(0.00005),
            DataType::Fixed,
            Some(Value::Fixed(1)),
        );
        check(
            Value::Double(-1.23456),
            DataType::Fixed,
            Some(Value::Fixed(-12_346)),
        );
        check(Value::Double(1e15), DataType::Fixed, None);
        check(Value::Integer(i64::MAX), DataType::Fixed, None);
        check(Value::text("7"), DataType::Integer, Some(Value::Integer(7)));
        check(Value::text("x"), DataType::Double, None);
        check(
            Value::text("true"),
            DataType::Boolean,
            Some(Value::Boolean(true)),
        );
        check(
            Value::Integer(43_831),
            DataType::DateTime,
            Some(Value::DateTime(18_262 * DAY)),
        );
        check(
            Value::Boolean(true),
            DataType::Double,
            Some(Value::Double(1.0)),
        );
    }

    #[test]
    fn rounds_halves_away_from_zero() {
        let check = |d: f64, digits: i32, expected: f64| {
            assert_eq!(round_half_away(d, digits), expected, "{d} {digits}")
        };
        check(2.5, 0, 3.0);
        check(-2.5, 0, -3.0);
        check(1.005, 2, 1.01);
        check(-1.475, 2, -1.48);
        check(2.149, 1, 2.1);
        check(21.5, -1, 20.0);
        check(25.0, -1, 30.0);
        check(0.499_999, 0, 0.0);
        check(1e300, 5, 1e300);
        check(1234.567, -5, 0.0);
    }
}

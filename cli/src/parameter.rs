//! Parameters of a query as they are written on a command line.

use peristyle::{DataType, Value, parameters_of, value_from_text};

/// `name=value`, or `name:type=value` where the type cannot be guessed.
pub fn parse_parameter(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    let (name, data_type) = match name.split_once(':') {
        Some((name, type_name)) => (name, Some(data_type_of(type_name)?)),
        None => (name, None),
    };
    let name = name.trim().trim_start_matches('@');
    if name.is_empty() {
        return Err("the name before = is missing".to_owned());
    }
    let value = match data_type {
        Some(DataType::Text) => Value::text(value),
        Some(DataType::Integer) => {
            let whole = value.trim().parse();
            Value::Integer(whole.map_err(|_| "the value is not a whole number")?)
        }
        Some(DataType::Fixed) => fixed(value)?,
        Some(data_type) => {
            value_from_text(value, data_type).ok_or("the value is not of that type")?
        }
        None => guess(value),
    };
    Ok((name.to_owned(), value))
}

/// A fixed decimal number has four places: a further one would be lost without a word.
fn fixed(text: &str) -> Result<Value, String> {
    let places = text
        .split_once('.')
        .map_or("", |(_, places)| places.trim_end());
    if places.trim_end_matches('0').len() > 4 {
        return Err("a fixed decimal number has at most four decimal places".to_owned());
    }
    let value = value_from_text(text, DataType::Fixed);
    value.ok_or_else(|| "the value is not of that type".to_owned())
}

/// Refuses what surely is a slip: a parameter given twice, or one that the query does not have.
pub fn verify(parameters: &[(String, Value)], dax: &str) -> Result<(), String> {
    let wanted = parameters_of(dax);
    for (at, (name, _)) in parameters.iter().enumerate() {
        let same = |other: &String| other.to_lowercase() == name.to_lowercase();
        if parameters.iter().take(at).any(|(other, _)| same(other)) {
            return Err(format!("the parameter @{name} is given twice"));
        }
        if !wanted.iter().any(same) {
            return Err(format!("the query has no parameter @{name}"));
        }
    }
    Ok(())
}

fn data_type_of(name: &str) -> Result<DataType, String> {
    Ok(match name.trim().to_ascii_lowercase().as_str() {
        "text" => DataType::Text,
        "integer" => DataType::Integer,
        "decimal" => DataType::Double,
        "fixed" => DataType::Fixed,
        "date" => DataType::DateTime,
        "boolean" => DataType::Boolean,
        _ => {
            return Err(
                "the type is one of text, integer, decimal, fixed, date, boolean".to_owned(),
            );
        }
    })
}

/// What the value looks like, and text where it looks like nothing else.
fn guess(text: &str) -> Value {
    let number_like = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if let Ok(integer) = text.parse() {
        return Value::Integer(integer);
    }
    if number_like && let Ok(number) = text.parse() {
        return Value::Double(number);
    }
    if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        return Value::Boolean(text.eq_ignore_ascii_case("true"));
    }
    let date_like = text.len() >= 10
        && text.bytes().take(10).enumerate().all(|(at, b)| match at {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    match value_from_text(text, DataType::DateTime) {
        Some(date) if date_like => date,
        _ => Value::text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_guessed_or_said() {
        let check = |text: &str, name: &str, value: Value| {
            assert_eq!(
                parse_parameter(text),
                Ok((name.to_owned(), value)),
                "{text}"
            );
        };
        check("year=2020", "year", Value::Integer(2020));
        check("@year=-5", "year", Value::Integer(-5));
        check("rate=1.5e3", "rate", Value::Double(1500.0));
        check("on=True", "on", Value::Boolean(true));
        check(
            "day=2019-07-01",
            "day",
            Value::DateTime(1_561_939_200_000_000),
        );
        check("name=a=b", "name", Value::text("a=b"));
        check("name=", "name", Value::text(""));
        check("code:text=007", "code", Value::text("007"));
        check("amount:fixed=2.5", "amount", Value::Fixed(25_000));
        check("share:decimal=2", "share", Value::Double(2.0));
        for wrong in [
            "year",
            "=1",
            ":text=1",
            "x:colour=1",
            "x:integer=blue",
            "x:integer=1.5",
            "x:fixed=1.23456",
        ] {
            assert!(parse_parameter(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn parameters_fit_their_query() {
        let check = |names: &[&str], dax: &str, expected: &str| {
            let given: Vec<(String, Value)> = names
                .iter()
                .map(|name| (name.to_string(), Value::Blank))
                .collect();
            let found = verify(&given, dax).err().unwrap_or_default();
            assert_eq!(found, expected, "{names:?} {dax}");
        };
        let dax = "EVALUATE ROW(\"@c\", @a + @b) // @d";
        check(&["a", "B"], dax, "");
        check(&[], dax, "");
        check(&["a", "b", "A"], dax, "the parameter @A is given twice");
        check(&["c"], dax, "the query has no parameter @c");
        check(&["d"], dax, "the query has no parameter @d");
    }
}

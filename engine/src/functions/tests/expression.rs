//! Just enough of an evaluator to write examples as expressions: literals, calls of scalar functions, + - * /.

use crate::convert;
use crate::error::Failure;
use crate::functions::{Asker, Body, Clock, Environment, find};
use crate::value::{DAY, Value};

pub(in crate::functions) fn environment() -> Environment {
    // 25 June 2020, 13:23:45, two hours ahead of UTC.
    let local = 18_438 * DAY + 48_225_000_000;
    let clock = Clock {
        utc: local - 7_200_000_000,
        local,
    };
    let asker = Asker {
        culture: "en-US".to_string(),
        model_culture: "en-US".to_string(),
        user_name: Some("ann".to_string()),
        user_principal_name: Some("ann@example.com".to_string()),
        ..Asker::default()
    };
    Environment::new(clock, asker, 7)
}

pub(super) fn evaluate(text: &str) -> Result<Value, Failure> {
    let mut reader = Reader { rest: text.trim() };
    let value = reader.sum()?;
    assert!(reader.rest.is_empty(), "unread in {text}: {}", reader.rest);
    Ok(value)
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn take(&mut self, c: char) -> bool {
        let trimmed = self.rest.trim_start();
        let taken = trimmed.strip_prefix(c);
        self.rest = taken.unwrap_or(trimmed).trim_start();
        taken.is_some()
    }

    fn sum(&mut self) -> Result<Value, Failure> {
        let mut left = self.product()?;
        loop {
            let sign = if self.take('+') {
                1.0
            } else if self.take('-') {
                -1.0
            } else {
                return Ok(left);
            };
            left = Value::Double(
                left.to_double().unwrap() + sign * self.product()?.to_double().unwrap(),
            );
        }
    }

    fn product(&mut self) -> Result<Value, Failure> {
        let mut left = self.atom()?;
        loop {
            let divides = if self.take('*') {
                false
            } else if self.take('/') {
                true
            } else {
                return Ok(left);
            };
            let (a, b) = (left.to_double().unwrap(), self.atom()?.to_double().unwrap());
            left = Value::Double(if divides { a / b } else { a * b });
        }
    }

    fn atom(&mut self) -> Result<Value, Failure> {
        if self.take('-') {
            return Ok(match self.atom()? {
                Value::Integer(i) => Value::Integer(-i),
                other => Value::Double(-other.to_double().unwrap()),
            });
        }
        if self.rest.starts_with('"') {
            return Ok(self.literal());
        }
        let end = self
            .rest
            .find(|c: char| !c.is_alphanumeric() && c != '.')
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Ok(word
                .parse()
                .map(Value::Integer)
                .unwrap_or_else(|_| Value::Double(word.parse().unwrap())));
        }
        self.call(word)
    }

    fn literal(&mut self) -> Value {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((i, c)) = chars.next() {
            // A quote is written as two.
            if c == '"' && chars.next_if(|(_, next)| *next == '"').is_none() {
                self.rest = self.rest[i + 1..].trim_start();
                break;
            }
            text.push(c);
        }
        Value::text(text)
    }

    fn call(&mut self, name: &str) -> Result<Value, Failure> {
        let mut arguments = Vec::new();
        if self.take('(') && !self.take(')') {
            loop {
                let omitted = self.rest.starts_with([',', ')']);
                arguments.push(if omitted { Value::Blank } else { self.sum()? });
                if self.take(')') {
                    break;
                }
                assert!(self.take(','), "no comma before {}", self.rest);
            }
        }
        if name.len() > 3
            && matches!(
                name,
                "TEXT" | "INTEGER" | "DOUBLE" | "STRING" | "DATETIME" | "BOOLEAN"
            )
            || arguments.is_empty() && find(name).is_none()
        {
            return Ok(Value::text(name));
        }
        // DATEDIFF's intervals are names of functions too.
        if arguments.is_empty()
            && matches!(
                name,
                "SECOND" | "MINUTE" | "HOUR" | "DAY" | "MONTH" | "QUARTER" | "YEAR"
            )
        {
            return Ok(Value::text(name));
        }
        let function = find(name).unwrap_or_else(|| panic!("no function {name}"));
        assert!(
            (function.parameters.least..=function.parameters.most).contains(&arguments.len()),
            "{name} takes no {} arguments",
            arguments.len()
        );
        match function.body {
            Body::Scalar(scalar) => scalar(&arguments, &environment()),
            Body::Bound(_) => panic!("{name} is for the binder"),
        }
    }
}

/// The value as the vendor's tools print it: with its type where the type is the point.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Blank => "BLANK".to_string(),
        Value::Text(text) => format!("\"{text}\""),
        Value::Fixed(_) => format!("{} fixed", convert::text_from_value(value)),
        other => convert::text_from_value(other),
    }
}

/// Compares numbers to 12 significant digits, everything else exactly. `error` means that the function refuses.
pub(super) fn check(expression: &str, expected: &str) {
    let answer = match evaluate(expression) {
        Ok(value) => shown(&value),
        Err(failure) => {
            assert!(failure.message.len() > 20, "{expression}");
            "error".to_string()
        }
    };
    if answer == expected {
        return;
    }
    let near = match (answer.parse::<f64>(), expected.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= b.abs() * 5e-12,
        _ => false,
    };
    assert!(near, "{expression} gives {answer}, not {expected}");
}

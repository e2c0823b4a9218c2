//! Texts that expressions make. Each is held to one bound while it is made: nothing longer ever stands in memory.

use crate::error::Failure;
use crate::value::Value;

/// The longest text that an expression may make, in bytes.
pub const LONGEST: usize = 1 << 20;

/// Refuses a text that would be longer than [`LONGEST`], before it is made.
pub fn admit(bytes: usize) -> Result<(), Failure> {
    if bytes > LONGEST {
        return Err(Failure::new(
            "the result would be a text of more than 1,048,576 bytes",
        ));
    }
    Ok(())
}

/// A text in the making.
#[derive(Debug, Default)]
pub struct Text {
    written: String,
}

impl Text {
    pub fn push(&mut self, part: &str) -> Result<(), Failure> {
        admit(self.written.len().saturating_add(part.len()))?;
        self.written.push_str(part);
        Ok(())
    }

    pub fn finish(self) -> Value {
        Value::text(self.written)
    }
}

/// Parts one after another, with a delimiter between them.
pub fn joined<'p>(
    parts: impl IntoIterator<Item = &'p str>,
    delimiter: &str,
) -> Result<Value, Failure> {
    let mut text = Text::default();
    for (k, part) in parts.into_iter().enumerate() {
        if k > 0 {
            text.push(delimiter)?;
        }
        text.push(part)?;
    }
    Ok(text.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_at_the_bound() {
        let check = |parts: &[usize], expected: bool| {
            let parts: Vec<String> = parts.iter().map(|n| "x".repeat(*n)).collect();
            let made = joined(parts.iter().map(String::as_str), ", ");
            assert_eq!(made.is_ok(), expected);
        };
        check(&[LONGEST], true);
        check(&[LONGEST + 1], false);
        check(&[LONGEST - 3, 1], true);
        check(&[LONGEST - 2, 1], false);
        check(&[usize::from(true); 3], true);
    }
}

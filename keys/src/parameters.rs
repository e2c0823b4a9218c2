//! What follows the question mark of a name: `a=b&c=d`, each at most once, and nothing that nobody asks for.

use std::collections::BTreeMap;

/// The parameters that nobody has asked for yet.
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// The text before the question mark, and the parameters.
    pub fn split(text: &str) -> Result<(&str, Parameters), String> {
        let (before, after) = match text.split_once('?') {
            Some((before, after)) => (before, Some(after)),
            None => (text, None),
        };
        let mut parameters = BTreeMap::new();
        for pair in after.into_iter().flat_map(|after| after.split('&')) {
            let (name, value) = pair
                .split_once('=')
                .filter(|(name, value)| !name.is_empty() && !value.is_empty())
                .ok_or("what follows the ? is written name=value, with & between two")?;
            let value = unescape(value).ok_or_else(|| {
                format!("the value of '{name}' has a % without two digits, or is not UTF-8")
            })?;
            if parameters.insert(name.to_owned(), value).is_some() {
                return Err(format!("'{name}' is there twice"));
            }
        }
        Ok((before, Parameters(parameters)))
    }

    /// The value of a parameter; each is taken once.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// To be called when all were taken.
    pub fn end(self) -> Result<(), String> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("there is no option '{name}'")),
        }
    }
}

/// Text with `%2F` and the like in it.
pub(crate) fn unescape(text: &str) -> Option<String> {
    let text = String::from_utf8(unescape_bytes(text)?).ok()?;
    // A line end or a NUL in the name of a file or a header is an attempt at something else.
    (!text.chars().any(char::is_control)).then_some(text)
}

pub(crate) fn unescape_bytes(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push((high << 4 | low) as u8);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_strictly() {
        let check = |text: &str, expected: Result<&[(&str, &str)], &str>| {
            let found = Parameters::split(text).map(|(_, p)| p.0);
            match expected {
                Ok(pairs) => {
                    let pairs = pairs
                        .iter()
                        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
                    assert_eq!(found, Ok(pairs.collect()), "{text}");
                }
                Err(part) => {
                    let why = found.unwrap_err();
                    assert!(why.contains(part), "{text}: {why}");
                }
            }
        };
        check("x", Ok(&[]));
        check("x?a=b&c=d%2Fe%20f", Ok(&[("a", "b"), ("c", "d/e f")]));
        check("x?a=b=c", Ok(&[("a", "b=c")]));
        check("x?", Err("name=value"));
        check("x?a", Err("name=value"));
        check("x?a=", Err("name=value"));
        check("x?=a", Err("name=value"));
        check("x?a=b&", Err("name=value"));
        check("x?a=b&a=c", Err("twice"));
        check("x?a=%2", Err("'a'"));
        check("x?a=%zz", Err("'a'"));
        check("x?a=%0a", Err("'a'"));
        check("x?a=%ff", Err("'a'"));
        let (before, mut parameters) = Parameters::split("x?a=b&c=d").unwrap();
        assert_eq!((before, parameters.take("a").as_deref()), ("x", Some("b")));
        assert_eq!(parameters.end(), Err("there is no option 'c'".to_owned()));
    }
}

//! Which key of which token, as RFC 7512 writes it: `token=T;object=K?module-path=P&pin-source=S`.

use std::path::PathBuf;

use crate::parameters::{Parameters, unescape, unescape_bytes};

#[derive(Debug)]
pub(super) struct Name {
    pub module: PathBuf,
    pub pin: PinSource,
    /// The label of the key.
    pub object: Option<String>,
    pub id: Option<Vec<u8>>,
    token: Option<String>,
    serial: Option<String>,
    slot: Option<u64>,
    /// What stands before the question mark: it says which key, and nothing secret.
    pub shown: String,
}

/// Where the PIN is. It is looked up for each question.
#[derive(Debug)]
pub(super) enum PinSource {
    /// The token asks for none, or has a pad of its own.
    None,
    File(PathBuf),
    Variable(String),
}

impl Name {
    pub fn parse(text: &str) -> Result<Name, String> {
        let (path, mut parameters) = Parameters::split(text)?;
        if parameters.take("pin-value").is_some() {
            return Err(
                "a PIN does not stand in a name, where everybody sees it: use pin-source"
                    .to_owned(),
            );
        }
        let module = parameters.take("module-path").map(PathBuf::from);
        let module = module
            .filter(|module| module.is_absolute())
            .ok_or("module-path says where the library of the device is, from the root on")?;
        let pin = match parameters.take("pin-source") {
            None => PinSource::None,
            Some(source) => pin_source(&source)?,
        };
        parameters.end()?;
        let mut name = Name {
            module,
            pin,
            object: None,
            id: None,
            token: None,
            serial: None,
            slot: None,
            shown: path.to_owned(),
        };
        for pair in path.split(';') {
            name.attribute(pair)?;
        }
        if name.object.is_none() && name.id.is_none() {
            return Err("it does not say which key: object= or id=".to_owned());
        }
        if name.token.is_none() && name.serial.is_none() && name.slot.is_none() {
            return Err("it does not say which token: token=, serial= or slot-id=".to_owned());
        }
        Ok(name)
    }

    fn attribute(&mut self, pair: &str) -> Result<(), String> {
        let (attribute, value) = pair
            .split_once('=')
            .filter(|(_, value)| !value.is_empty())
            .ok_or("before the ? stands attribute=value, with ; between two")?;
        let malformed = || format!("the value of '{attribute}' is malformed");
        let text = || unescape(value).ok_or_else(malformed);
        let twice = match attribute {
            "token" => self.token.replace(text()?).is_some(),
            "serial" => self.serial.replace(text()?).is_some(),
            "object" => self.object.replace(text()?).is_some(),
            "id" => self
                .id
                .replace(unescape_bytes(value).ok_or_else(malformed)?)
                .is_some(),
            "slot-id" => self
                .slot
                .replace(value.parse().map_err(|_| malformed())?)
                .is_some(),
            "type" if value == "secret-key" => false,
            "type" => return Err("type is secret-key: pairs of keys are not used".to_owned()),
            _ => return Err(format!("there is no attribute '{attribute}'")),
        };
        if twice {
            return Err(format!("'{attribute}' is there twice"));
        }
        Ok(())
    }

    /// Whether a token is the one that is meant.
    pub fn fits(&self, slot: u64, label: &str, serial: &str) -> bool {
        let same = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|w| w == found.trim_end())
        };
        same(&self.token, label)
            && same(&self.serial, serial)
            && self.slot.is_none_or(|wanted| wanted == slot)
    }
}

fn pin_source(source: &str) -> Result<PinSource, String> {
    match source.split_once(':') {
        Some(("file", path)) => Ok(PinSource::File(path.into())),
        Some(("env", name)) if !name.is_empty() => Ok(PinSource::Variable(name.to_owned())),
        None if source.starts_with('/') => Ok(PinSource::File(source.into())),
        _ => Err("pin-source is file:PATH or env:NAME".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_strictly() {
        let check = |text: &str, expected: Option<&str>| {
            let found = Name::parse(text).map(drop);
            match expected {
                None => assert_eq!(found, Ok(()), "{text}"),
                Some(part) => {
                    let why = found.unwrap_err();
                    assert!(why.contains(part), "{text}: {why}");
                    assert!(!why.contains("1234"), "{why}");
                }
            }
        };
        check("token=T;object=K?module-path=/lib/p.so", None);
        check(
            "serial=5;id=%00%ff;type=secret-key?module-path=/lib/p.so&pin-source=file:/run/pin",
            None,
        );
        check(
            "slot-id=7;object=K?module-path=/lib/p.so&pin-source=env:PIN",
            None,
        );
        check(
            "token=T;object=K?module-path=/lib/p.so&pin-source=/run/pin",
            None,
        );
        check("", Some("module-path"));
        check("token=T;object=K", Some("module-path"));
        check("token=T;object=K?module-path=p.so", Some("module-path"));
        check(
            "token=T;object=K?module-path=/p.so&pin-value=1234",
            Some("everybody"),
        );
        check(
            "token=T;object=K?module-path=/p.so&pin-source=1234",
            Some("pin-source is"),
        );
        check(
            "token=T;object=K?module-path=/p.so&pin-source=%7Ccat",
            Some("pin-source is"),
        );
        check(
            "token=T;object=K?module-path=/p.so&module-name=p",
            Some("no option 'module-name'"),
        );
        check("token=T?module-path=/p.so", Some("which key"));
        check("object=K?module-path=/p.so", Some("which token"));
        check("token=T;object=K;object=L?module-path=/p.so", Some("twice"));
        check(
            "token=T;object=K;type=private?module-path=/p.so",
            Some("secret-key"),
        );
        check(
            "token=T;object=K;colour=red?module-path=/p.so",
            Some("no attribute 'colour'"),
        );
        check("token=T;object=%zz?module-path=/p.so", Some("'object'"));
        check("slot-id=x;object=K?module-path=/p.so", Some("'slot-id'"));
        check(
            "token=T;;object=K?module-path=/p.so",
            Some("attribute=value"),
        );
    }

    #[test]
    fn a_token_fits_by_all_that_is_said() {
        let name = Name::parse("token=T;serial=5;object=K?module-path=/p.so").unwrap();
        assert!(name.fits(1, "T   ", "5"));
        assert!(!name.fits(1, "T", "6"));
        assert!(!name.fits(1, "t", "5"));
        let name = Name::parse("slot-id=3;object=K?module-path=/p.so").unwrap();
        assert!(name.fits(3, "any", "any") && !name.fits(4, "any", "any"));
    }
}

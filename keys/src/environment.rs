//! `env:NAME`: the key in a variable of the environment.

use storage::{KeyContext, KeyProvider, KeyRefusal, SecretKey, WrappedKey};
use zeroize::Zeroizing;

use crate::local::{key_from, unwrap, wrap};

const KEY_ID: &str = "env";

/// A key of 64 hexadecimal digits in a variable of the environment. The environment itself keeps the variable for as long as the
/// process lives.
#[derive(Clone, Debug)]
pub struct EnvironmentKey {
    name: String,
}

impl EnvironmentKey {
    pub fn new(name: impl Into<String>) -> EnvironmentKey {
        EnvironmentKey { name: name.into() }
    }

    fn key(&self) -> Result<SecretKey, KeyRefusal> {
        let name = &self.name;
        let text = std::env::var(name).map(Zeroizing::new).map_err(|_| {
            KeyRefusal::Denied(format!("the environment has no variable {name} with a key"))
        })?;
        // Only digits here: raw bytes do not survive in an environment.
        let digits = (text.len() >= 2 * SecretKey::LENGTH).then_some(text.as_bytes());
        digits.and_then(key_from).ok_or_else(|| {
            KeyRefusal::Denied(format!(
                "the variable {name} does not hold a key of 256 bits: 64 hexadecimal digits"
            ))
        })
    }
}

impl KeyProvider for EnvironmentKey {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        wrap(&self.key()?, KEY_ID, b"", key, context)
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        unwrap(&self.key()?, KEY_ID, b"", wrapped, context)
    }
}

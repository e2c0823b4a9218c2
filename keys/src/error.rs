//! Why a provider cannot be made from its name.

use std::fmt;

/// The name of a provider is not understood, or the provider cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderError {
    /// Not one of the kinds that this build knows.
    Unknown { kind: String },
    /// The part after the colon is missing or wrong.
    Malformed {
        name: String,
        expected: &'static str,
    },
    /// No passphrase could be asked for.
    NoPassphrase { why: String },
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProviderError::Unknown { kind } => write!(
                f,
                "there is no key provider '{kind}'; use {}",
                crate::named::KINDS.join(", ")
            ),
            ProviderError::Malformed { name, expected } => {
                write!(
                    f,
                    "the key provider '{name}' is not complete: it is written {expected}"
                )
            }
            ProviderError::NoPassphrase { why } => {
                write!(f, "the passphrase could not be asked for: {why}")
            }
        }
    }
}

impl std::error::Error for ProviderError {}

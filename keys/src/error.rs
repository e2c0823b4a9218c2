//! Why a provider cannot be made from its name.

use std::fmt;

/// The name of a provider is not understood, or the provider cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderError {
    /// Not one of the kinds that this build knows.
    Unknown { kind: String },
    /// A kind that exists, and that this program was built without.
    NotBuiltIn { kind: String },
    /// The part after the colon is missing or wrong.
    Malformed {
        name: String,
        expected: &'static str,
    },
    /// What follows the kind is not understood, or something that it names is not there.
    Wrong {
        kind: &'static str,
        why: String,
        expected: &'static str,
    },
    /// No passphrase could be asked for.
    NoPassphrase { why: String },
}

impl ProviderError {
    #[cfg(any(feature = "http", feature = "pkcs11"))]
    pub(crate) fn wrong(kind: &'static str, why: String, expected: &'static str) -> ProviderError {
        ProviderError::Wrong {
            kind,
            why,
            expected,
        }
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProviderError::Unknown { kind } => write!(
                f,
                "there is no key provider '{kind}'; use {}",
                crate::named::KINDS.join(", ")
            ),
            ProviderError::NotBuiltIn { kind } => write!(
                f,
                "this program was built without the key provider '{kind}:'; build it with the feature '{kind}'"
            ),
            ProviderError::Malformed { name, expected } => {
                write!(
                    f,
                    "the key provider '{name}' is not complete: it is written {expected}"
                )
            }
            // Without the name: whoever puts a password into an address by mistake does not find it in a log.
            ProviderError::Wrong {
                kind,
                why,
                expected,
            } => write!(
                f,
                "the key provider '{kind}:' cannot be used: {why}; it is written {expected}"
            ),
            ProviderError::NoPassphrase { why } => {
                write!(f, "the passphrase could not be asked for: {why}")
            }
        }
    }
}

impl std::error::Error for ProviderError {}

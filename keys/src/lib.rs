//! Key providers: where the key of an encrypted dataset stays.
//!
//! [`provider`] turns a text such as `file:/etc/peristyle/key` into a [`KeyProvider`](storage::KeyProvider). Each kind is a feature of
//! this crate.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

#[cfg(feature = "aws-kms")]
mod aws;
#[cfg(feature = "azure-kv")]
mod azure;
#[cfg(feature = "env")]
mod environment;
mod error;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "gcp-kms")]
mod gcp;
#[cfg(any(
    feature = "env",
    feature = "file",
    feature = "passphrase",
    feature = "http",
    feature = "pkcs11"
))]
mod key_id;
#[cfg(any(feature = "env", feature = "file", feature = "passphrase"))]
mod local;
mod named;
#[cfg(any(feature = "http", feature = "pkcs11"))]
mod parameters;
#[cfg(feature = "passphrase")]
mod passphrase;
#[cfg(feature = "pkcs11")]
mod pkcs11;
#[cfg(feature = "http")]
mod service;
#[cfg(any(feature = "http", feature = "pkcs11"))]
mod surroundings;
#[cfg(test)]
mod tests;
#[cfg(feature = "vault")]
mod vault;

#[cfg(feature = "aws-kms")]
pub use aws::AwsKmsKey;
#[cfg(feature = "azure-kv")]
pub use azure::AzureKey;
#[cfg(feature = "env")]
pub use environment::EnvironmentKey;
pub use error::ProviderError;
#[cfg(feature = "file")]
pub use file::FileKey;
#[cfg(feature = "gcp-kms")]
pub use gcp::GcpKmsKey;
pub use named::{Asking, provider};
#[cfg(feature = "passphrase")]
pub use passphrase::PassphraseKey;
#[cfg(feature = "pkcs11")]
pub use pkcs11::Pkcs11Key;
#[cfg(feature = "vault")]
pub use vault::VaultKey;

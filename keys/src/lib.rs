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

#[cfg(feature = "env")]
mod environment;
mod error;
#[cfg(feature = "file")]
mod file;
mod local;
mod named;
#[cfg(feature = "passphrase")]
mod passphrase;

#[cfg(feature = "env")]
pub use environment::EnvironmentKey;
pub use error::ProviderError;
#[cfg(feature = "file")]
pub use file::FileKey;
pub use named::{Asking, provider};
#[cfg(feature = "passphrase")]
pub use passphrase::PassphraseKey;
#[cfg(all(test, feature = "env", feature = "file", feature = "passphrase"))]
mod tests;

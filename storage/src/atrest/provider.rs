//! Where the customer's key stays. A provider wraps and unwraps the key of a generation; the key that it does this with never
//! comes here.

use std::fmt;

use super::AtRestError;
use super::secret::{SecretKey, from_hex, hex, random_name};

/// Keeps a key-encryption key, in a file, a service or a device.
///
/// It is asked when a dataset is opened or written, and again each time the lease of an open dataset runs out.
pub trait KeyProvider: Send + Sync {
    /// Encrypts a key. What comes back must open under the same context alone.
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal>;

    /// Decrypts a key that this provider wrapped. The bytes come from a disk that nobody has authenticated yet.
    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal>;
}

/// Why a key is not there. The two differ: a denied key closes an open dataset at once, an unreachable keeper is asked again for a
/// while. The text must not hold a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRefusal {
    /// The keeper answered, and the answer is no: the key is gone, disabled, or is not the one that wrapped this.
    Denied(String),
    /// There was no answer.
    Unavailable(String),
}

/// A key under the customer's key, as it lies on disk.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Which key of the provider wrapped it. It is readable on disk, so it must not be a secret.
    pub key_id: String,
    pub bytes: Vec<u8>,
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedKey")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// What a wrapped key is bound to: providers pass it on as the encryption context, or authenticate it themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyContext {
    pub dataset: DatasetId,
    pub generation: u64,
}

impl KeyContext {
    /// The context as bytes to authenticate.
    pub fn to_bytes(&self) -> Vec<u8> {
        format!("peristyle/1/{}/{}", self.dataset, self.generation).into_bytes()
    }
}

/// The random identity of a dataset, for life.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DatasetId([u8; 16]);

impl DatasetId {
    /// An identity from its bytes, for providers and their tests.
    pub fn from_bytes(bytes: [u8; 16]) -> DatasetId {
        DatasetId(bytes)
    }

    pub(crate) fn random() -> Result<DatasetId, AtRestError> {
        let name = random_name()?;
        DatasetId::parse(&name).ok_or_else(|| AtRestError::internal("a random name is no identity"))
    }

    pub(crate) fn parse(text: &str) -> Option<DatasetId> {
        from_hex(text).map(DatasetId)
    }
}

impl fmt::Display for DatasetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for DatasetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

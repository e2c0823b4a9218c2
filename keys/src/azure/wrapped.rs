//! What lies on disk of a key that Azure wrapped.

use serde::{Deserialize, Serialize};
use storage::KeyRefusal;

/// Longer than any of ours.
const LONGEST: usize = 16 * 1024;

/// JSON, each part in base64url.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wrapped {
    pub algorithm: String,
    /// Which version of the key wrapped it.
    pub version: String,
    /// The inner key, under Azure's.
    pub wrapped: String,
    /// Our key, under the inner one.
    pub sealed: String,
    /// Of an RSA key alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Wrapped {
    pub fn to_bytes(&self) -> Result<Vec<u8>, KeyRefusal> {
        serde_json::to_vec(self)
            .map_err(|_| KeyRefusal::Unavailable("the wrapped key cannot be written".to_owned()))
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Wrapped> {
        serde_json::from_slice(bytes.get(..bytes.len().min(LONGEST))?).ok()
    }
}

//! What the providers share whose key is on this machine: the key wraps by AES-256-GCM, bound to its own id and to the context.

use storage::{KeyContext, KeyRefusal, SecretKey, WrappedKey, seal, unseal};
use zeroize::Zeroizing;

use crate::key_id::of_another;

/// What key and context a wrapped key is bound to, and what else it says of itself.
fn bound_to(key_id: &str, said: &[u8], context: &KeyContext) -> Vec<u8> {
    let mut bytes = format!("{key_id}/{}/", said.len()).into_bytes();
    bytes.extend_from_slice(said);
    bytes.extend(context.to_bytes());
    bytes
}

/// `said` stands before the sealed key, readable and authenticated.
pub(crate) fn wrap(
    with: &SecretKey,
    key_id: &str,
    said: &[u8],
    key: &SecretKey,
    context: &KeyContext,
) -> Result<WrappedKey, KeyRefusal> {
    let sealed = seal(with, &bound_to(key_id, said, context), key.bytes())
        .map_err(|error| KeyRefusal::Unavailable(error.to_string()))?;
    Ok(WrappedKey {
        key_id: key_id.to_owned(),
        bytes: [said, &sealed].concat(),
    })
}

pub(crate) fn unwrap(
    with: &SecretKey,
    key_id: &str,
    said: &[u8],
    wrapped: &WrappedKey,
    context: &KeyContext,
) -> Result<SecretKey, KeyRefusal> {
    let wrong = || {
        KeyRefusal::Denied(
            "this key does not open it; it is another key, or the file was changed".to_owned(),
        )
    };
    let sealed = wrapped.bytes.strip_prefix(said).ok_or_else(wrong)?;
    if wrapped.key_id != key_id {
        return Err(of_another(&wrapped.key_id, key_id));
    }
    let plain = unseal(with, &bound_to(key_id, said, context), sealed).ok_or_else(wrong)?;
    SecretKey::copied(&plain).ok_or_else(wrong)
}

/// A key as 64 hexadecimal digits with a line end or without, or as 32 bytes. None: it has another length.
pub(crate) fn key_from(bytes: &[u8]) -> Option<SecretKey> {
    if let Some(key) = SecretKey::copied(bytes) {
        return Some(key);
    }
    let digits = bytes.trim_ascii();
    if digits.len() != 2 * SecretKey::LENGTH {
        return None;
    }
    let digit = |d: u8| char::from(d).to_digit(16);
    let mut key = Zeroizing::new(Vec::with_capacity(SecretKey::LENGTH));
    for pair in digits.chunks_exact(2) {
        let [high, low] = pair else { return None };
        key.push((digit(*high)? << 4 | digit(*low)?) as u8);
    }
    SecretKey::copied(&key)
}

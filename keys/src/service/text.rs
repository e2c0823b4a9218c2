//! Keys as the texts that services take and give, without copies that nobody overwrites.

use base64::Engine;
#[cfg(any(feature = "vault", feature = "aws-kms", feature = "gcp-kms"))]
use base64::engine::general_purpose::STANDARD;
#[cfg(feature = "azure-kv")]
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use storage::KeyRefusal;
#[cfg(any(feature = "vault", feature = "aws-kms"))]
use storage::SecretKey;
use zeroize::Zeroizing;

#[cfg(any(feature = "vault", feature = "aws-kms", feature = "gcp-kms"))]
pub(crate) fn to_base64(bytes: &[u8]) -> Zeroizing<String> {
    encode(&STANDARD, bytes)
}

#[cfg(any(feature = "vault", feature = "aws-kms", feature = "gcp-kms"))]
pub(crate) fn from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    decode(&STANDARD, text)
}

#[cfg(feature = "azure-kv")]
pub(crate) fn to_base64url(bytes: &[u8]) -> Zeroizing<String> {
    encode(&URL_SAFE_NO_PAD, bytes)
}

#[cfg(feature = "azure-kv")]
pub(crate) fn from_base64url(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    decode(&URL_SAFE_NO_PAD, text)
}

// Of the right size at once, both ways: a buffer that grows leaves copies behind.
fn encode(engine: &impl Engine, bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() / 3 * 4 + 4));
    engine.encode_string(bytes, &mut text);
    text
}

fn decode(engine: &impl Engine, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3 + 6));
    engine.decode_vec(text, &mut bytes).ok()?;
    Some(bytes)
}

/// The key that a service gives in Base64.
#[cfg(any(feature = "vault", feature = "aws-kms"))]
pub(crate) fn key_from_text(text: &str) -> Result<SecretKey, KeyRefusal> {
    from_base64(text)
        .and_then(|bytes| SecretKey::copied(&bytes))
        .ok_or_else(|| KeyRefusal::Denied("what it decrypts to is no key of ours".to_owned()))
}

/// The body of a form.
#[cfg(any(feature = "aws-kms", feature = "azure-kv"))]
pub(crate) fn form(fields: &[(&str, &str)]) -> Zeroizing<Vec<u8>> {
    // Three bytes for each at most, so that it does not grow.
    let length: usize = fields
        .iter()
        .map(|(name, value)| 3 * (name.len() + value.len()) + 2)
        .sum();
    let mut body = Zeroizing::new(Vec::with_capacity(length));
    for (name, value) in fields {
        if !body.is_empty() {
            body.push(b'&');
        }
        escape(name, &mut body);
        body.push(b'=');
        escape(value, &mut body);
    }
    body
}

#[cfg(any(feature = "aws-kms", feature = "azure-kv"))]
fn escape(text: &str, body: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => body.push(byte),
            _ => {
                let digit = |n: u8| if n < 10 { b'0' + n } else { b'A' + n - 10 };
                body.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

/// Bodies in JSON.
pub(crate) struct Json;

impl Json {
    /// The bytes of a body. Long enough for all of ours from the start, so that it does not grow.
    pub fn write(body: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, KeyRefusal> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
        serde_json::to_writer(&mut *bytes, body)
            .map_err(|_| KeyRefusal::Unavailable("the question cannot be written".to_owned()))?;
        Ok(bytes)
    }

    /// What a service said with a yes. If it is not what its documentation says, it is no answer: perhaps something else has answered
    /// in its place.
    pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, KeyRefusal> {
        serde_json::from_slice(bytes).map_err(|_| {
            KeyRefusal::Unavailable(
                "its answer is not what the service is known to give".to_owned(),
            )
        })
    }

    /// What a service said with a no: as much as can be understood.
    pub fn reason<T: DeserializeOwned + Default>(bytes: &[u8]) -> T {
        serde_json::from_slice(bytes).unwrap_or_default()
    }
}

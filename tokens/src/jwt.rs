//! The signed form: header, payload and signature in base64url, with dots between them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::TokenError;
use crate::json::{Json, read_object};
use crate::key::{Algorithm, Key};

/// A header says which key, and little else.
const LONGEST_HEADER: usize = 512;

/// A token taken apart. Nothing of it is believed yet.
pub(crate) struct Parts<'a> {
    /// What the signature is over.
    message: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
    pub key_id: String,
    algorithm: String,
}

/// Takes a token apart and reads its header, which must hold nothing but `alg`, `kid` and `typ`. So there is no `crit` to
/// misunderstand, and no `jku`, `jwk` or `x5u` with which a token would bring its own key.
pub(crate) fn take_apart(token: &str) -> Result<Parts<'_>, TokenError> {
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::NotAToken)?;
    let (header, payload) = message.split_once('.').ok_or(TokenError::NotAToken)?;
    if payload.contains('.') || header.is_empty() || payload.is_empty() {
        return Err(TokenError::NotAToken);
    }
    if header.len() > LONGEST_HEADER {
        return Err(TokenError::TooLong {
            limit: LONGEST_HEADER,
        });
    }
    let signature = decode(signature)?;
    let mut header = read_object(&decode(header)?, "header")?;
    let mut text = |name: &str| match header.remove(name) {
        Some(Json::Text(text)) => Ok(Some(text)),
        Some(_) => Err(TokenError::Header("has a member that is not text")),
        None => Ok(None),
    };
    let algorithm = text("alg")?.ok_or(TokenError::Header("names no algorithm"))?;
    let key_id = text("kid")?.ok_or(TokenError::Header("names no key"))?;
    if text("typ")?.is_some_and(|kind| !kind.eq_ignore_ascii_case("JWT")) {
        return Err(TokenError::Header("says that this is no JWT"));
    }
    if header.contains_key("crit") {
        return Err(TokenError::Header(
            "has critical members, and none are supported",
        ));
    }
    if !header.is_empty() {
        return Err(TokenError::Header("has members that are not supported"));
    }
    Ok(Parts {
        message,
        payload,
        signature,
        key_id,
        algorithm,
    })
}

/// The payload, once the key has vouched for it.
pub(crate) fn open(parts: &Parts<'_>, key: &Key) -> Result<Vec<u8>, TokenError> {
    if key.algorithm() == Algorithm::V4Local || parts.algorithm != key.algorithm().name() {
        return Err(TokenError::WrongAlgorithm);
    }
    if !key.verifies(parts.message.as_bytes(), &parts.signature) {
        return Err(TokenError::Signature);
    }
    decode(parts.payload)
}

/// Header, payload and signature. None: the key cannot sign.
pub(crate) fn seal(payload: &[u8], key: &Key) -> Option<String> {
    let header = serde_json::json!({
        "alg": key.algorithm().name(),
        "kid": key.id(),
        "typ": "JWT",
    });
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = key.sign(message.as_bytes())?;
    Some(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// Without padding, and without stray bits in the last character: one text for the same bytes.
pub(crate) fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Encoding)
}

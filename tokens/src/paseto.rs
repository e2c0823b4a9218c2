//! The encrypted form: PASETO v4.local, with the key's id in the footer, which is readable and authenticated.

use pasetors::Local;
use pasetors::token::UntrustedToken;
use pasetors::version4::{LocalToken, V4};

use crate::error::TokenError;
use crate::json::{Json, read_object};
use crate::jwt::decode;
use crate::key::Key;

/// What tokens of this form begin with.
pub(crate) const PREFIX: &str = "v4.local.";

/// A footer says which key, and nothing else.
const LONGEST_FOOTER: usize = 256;

/// A token taken apart. Nothing of it is believed yet.
pub(crate) struct Parts {
    token: UntrustedToken<Local, V4>,
    footer: Vec<u8>,
    pub key_id: String,
}

pub(crate) fn take_apart(token: &str) -> Result<Parts, TokenError> {
    let rest = token.strip_prefix(PREFIX).ok_or(TokenError::NotAToken)?;
    let (sealed, footer) = rest.split_once('.').ok_or(TokenError::NotAToken)?;
    if footer.len() > LONGEST_FOOTER {
        return Err(TokenError::TooLong {
            limit: LONGEST_FOOTER,
        });
    }
    // One text for the same bytes; the library's reader would let some others pass.
    decode(sealed)?;
    let footer = decode(footer)?;
    let mut members = read_object(&footer, "footer")?;
    let key_id = match members.remove("kid") {
        Some(Json::Text(id)) => id,
        _ => return Err(TokenError::Header("names no key")),
    };
    if !members.is_empty() {
        return Err(TokenError::Header("has members that are not supported"));
    }
    let token = UntrustedToken::try_from(token).map_err(|_| TokenError::NotAToken)?;
    Ok(Parts {
        token,
        footer,
        key_id,
    })
}

/// The payload, decrypted and authenticated.
pub(crate) fn open(parts: &Parts, key: &Key) -> Result<Vec<u8>, TokenError> {
    let secret = key.local().ok_or(TokenError::WrongAlgorithm)?;
    let opened = LocalToken::decrypt(secret, &parts.token, Some(&parts.footer), None)
        .map_err(|_| TokenError::Signature)?;
    Ok(opened.payload().as_bytes().to_vec())
}

/// None: the key is for another form, or there are no random numbers.
pub(crate) fn seal(payload: &[u8], key: &Key) -> Option<String> {
    let footer = serde_json::json!({ "kid": key.id() }).to_string();
    LocalToken::encrypt(key.local()?, payload, Some(footer.as_bytes()), None).ok()
}

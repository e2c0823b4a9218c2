//! What tokens do and what they refuse.

mod forms;
mod malformed;
mod mutations;
mod rings;
mod times;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::{Algorithm, Grant, Key, Minter, Revocations, Scope, TokenError, Verifier};

pub const AUDIENCE: &str = "https://bi.contoso.example";
pub const ISSUER: &str = "contoso-portal";
pub const SECRET: &[u8] = b"thirty-two bytes and a few more of secret";
pub const LOCAL: &[u8; 32] = b"32 bytes that nobody else knows.";

pub const RSA: &[u8] = include_bytes!("keys/rsa.pem");
pub const RSA_PUBLIC: &[u8] = include_bytes!("keys/rsa.pub.pem");
pub const EC: &[u8] = include_bytes!("keys/ec.pem");
pub const EC_PUBLIC: &[u8] = include_bytes!("keys/ec.pub.pem");
pub const ED: &[u8] = include_bytes!("keys/ed.pem");
pub const ED_PUBLIC: &[u8] = include_bytes!("keys/ed.pub.pem");

/// A moment that all tests agree on.
pub const NOW: u64 = 1_800_000_000;

pub fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A key of each kind; its id is the algorithm's name.
pub fn key(algorithm: Algorithm) -> Key {
    let id = algorithm.name();
    match algorithm {
        Algorithm::Hs256 => Key::hs256(id, SECRET),
        Algorithm::Rs256 => Key::rs256(id, Some(RSA_PUBLIC), Some(RSA)),
        Algorithm::Es256 => Key::es256(id, Some(EC_PUBLIC), Some(EC)),
        Algorithm::EdDsa => Key::eddsa(id, Some(ED_PUBLIC), Some(ED)),
        Algorithm::V4Local => Key::v4_local(id, LOCAL),
    }
    .unwrap()
}

pub fn minter(algorithm: Algorithm) -> Minter {
    Minter::new(key(algorithm), AUDIENCE, ISSUER)
}

pub fn verifier() -> Verifier {
    Verifier::new(
        Algorithm::ALL.map(key),
        AUDIENCE,
        ISSUER,
        Arc::new(Revocations::default()),
    )
    .unwrap()
}

/// What a sound token may say.
pub fn grant() -> Grant {
    Grant::new(Scope::DatasetRead)
        .username("ana@contoso.example")
        .role("Germany")
        .custom_data("tenant 7")
        .token_id("t-1")
}

/// The claims of a sound JWT, for tests to spoil.
pub fn claims() -> Value {
    json!({
        "ver": "0.2.0",
        "type": "embed",
        "aud": AUDIENCE,
        "iss": ISSUER,
        "username": "ana@contoso.example",
        "roles": ["Germany"],
        "scp": "Dataset.Read",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 600,
        "jti": "t-1",
    })
}

/// The claims, one of them replaced; null takes it away.
pub fn claims_with(claim: &str, value: Value) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(claim);
    } else {
        members.insert(claim.to_owned(), value);
    }
    claims
}

pub fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A JWT of any header and payload, signed rightly by a key.
pub fn signed(algorithm: Algorithm, header: &str, payload: &str) -> String {
    let message = format!("{}.{}", part(header), part(payload));
    let signature = key(algorithm).sign(message.as_bytes()).unwrap();
    format!("{message}.{}", part(signature))
}

pub const HEADER: &str = r#"{"alg":"HS256","kid":"HS256","typ":"JWT"}"#;

/// A JWT of HS256 with these claims.
pub fn jwt(claims: &Value) -> String {
    signed(Algorithm::Hs256, HEADER, &claims.to_string())
}

pub fn refusal(token: &str) -> TokenError {
    match verifier().verify_at(token, Scope::DatasetRead, at(NOW)) {
        Ok(_) => panic!("the token is accepted"),
        Err(error) => error,
    }
}

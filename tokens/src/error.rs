//! What is wrong with a token, a key or a key file. No message repeats a token's content or a key.

use std::fmt;

use crate::scope::Scope;

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    TooLong {
        limit: usize,
    },
    /// Neither three parts with dots between them, nor v4.local.
    NotAToken,
    /// A part is not base64url in its one proper spelling.
    Encoding,
    /// The header, footer or payload is not a JSON object of the form that tokens have.
    Json {
        part: &'static str,
    },
    /// JSON inside JSON inside JSON.
    TooDeep,
    /// The same member twice: two readers could take it for two tokens.
    Duplicate {
        part: &'static str,
    },
    /// A header that this verifier does not understand, or must not act on.
    Header(&'static str),
    UnknownKey,
    /// The key is used before or after the time that it is for.
    KeyOutOfTime,
    KeyRevoked,
    /// The token names another algorithm than the one that its key is for.
    WrongAlgorithm,
    /// The signature or the seal does not fit: another key, or changed bytes.
    Signature,
    /// A claim is missing, of the wrong type, or has a value that is not allowed.
    Claim {
        claim: &'static str,
        why: &'static str,
    },
    Expired,
    NotYetValid,
    LivesTooLong,
    TokenRevoked,
    /// The token is sound and does not allow this.
    Scope {
        needed: Scope,
    },
}

impl TokenError {
    pub(crate) fn claim(claim: &'static str, why: &'static str) -> TokenError {
        TokenError::Claim { claim, why }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenError::TooLong { limit } => write!(f, "the token is longer than {limit} bytes"),
            TokenError::NotAToken => {
                f.write_str("this is neither a signed JWT nor a v4.local token")
            }
            TokenError::Encoding => f.write_str("a part of the token is not base64url"),
            TokenError::Json { part } => write!(f, "the token's {part} is not a JSON object"),
            TokenError::TooDeep => f.write_str("the token's JSON is nested too deep"),
            TokenError::Duplicate { part } => {
                write!(f, "the token's {part} says the same thing twice")
            }
            TokenError::Header(why) => write!(f, "the token's header {why}"),
            TokenError::UnknownKey => f.write_str("the token names a key that is not known"),
            TokenError::KeyOutOfTime => f.write_str("the token's key is not in force now"),
            TokenError::KeyRevoked => f.write_str("the token's key is revoked"),
            TokenError::WrongAlgorithm => {
                f.write_str("the token names another algorithm than its key is for")
            }
            TokenError::Signature => f.write_str("the token was changed, or made with another key"),
            TokenError::Claim { claim, why } => write!(f, "the claim {claim} {why}"),
            TokenError::Expired => f.write_str("the token has expired"),
            TokenError::NotYetValid => f.write_str("the token is not valid yet"),
            TokenError::LivesTooLong => f.write_str("the token lives longer than is allowed"),
            TokenError::TokenRevoked => f.write_str("the token is revoked"),
            TokenError::Scope { needed } => write!(f, "the token does not allow {needed}"),
        }
    }
}

impl std::error::Error for TokenError {}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Key ids are 1 to 64 letters, digits, points, hyphens and underscores.
    Id,
    TooShort {
        least: usize,
    },
    Length {
        exactly: usize,
    },
    /// A public or private key where a secret is expected: whoever has the public key could sign.
    NotASecret,
    /// The key is not PEM of the kind that the algorithm takes, or is damaged or too small.
    Pem,
    /// The key would never be in force.
    Interval,
    /// Two keys with one id.
    SameId,
    /// A verifier without keys, audience or issuer.
    Incomplete(&'static str),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Id => f.write_str(
                "a key id is 1 to 64 letters, digits, points, hyphens and underscores",
            ),
            KeyError::TooShort { least } => write!(f, "the secret is shorter than {least} bytes"),
            KeyError::Length { exactly } => write!(f, "the secret must have {exactly} bytes"),
            KeyError::NotASecret => f.write_str("a PEM file is no secret; use its algorithm"),
            KeyError::Pem => f.write_str(
                "the key is not PEM of this algorithm (public keys SPKI; private keys PKCS#8, RSA with at least 2048 bits)",
            ),
            KeyError::Interval => f.write_str("not_after is not later than not_before"),
            KeyError::SameId => f.write_str("two keys have the same id"),
            KeyError::Incomplete(what) => write!(f, "{what} must not be empty"),
        }
    }
}

impl std::error::Error for KeyError {}

/// Why no token was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MintError {
    Key(KeyError),
    /// The key can only verify.
    CannotSign,
    /// A verifier would refuse the token.
    Refused(TokenError),
    /// The operating system gives no random numbers.
    Random,
}

impl fmt::Display for MintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MintError::Key(error) => error.fmt(f),
            MintError::CannotSign => {
                f.write_str("the key has no private part, so it signs nothing")
            }
            MintError::Refused(error) => write!(f, "such a token would be refused: {error}"),
            MintError::Random => f.write_str("the operating system gives no random numbers"),
        }
    }
}

impl std::error::Error for MintError {}

impl From<KeyError> for MintError {
    fn from(error: KeyError) -> Self {
        MintError::Key(error)
    }
}

/// Why a file of keys cannot be used. Names the file and the key's id, never its content.
#[derive(Debug)]
pub enum RingError {
    Read {
        file: String,
        why: String,
    },
    /// Others than the owner may read the file.
    Permissions {
        file: String,
    },
    /// Not JSON of the form that docs/tokens.md describes.
    Form {
        file: String,
        line: usize,
        column: usize,
    },
    Key {
        id: String,
        error: KeyError,
    },
    /// What a key entry lacks or has too much of.
    Entry {
        id: String,
        why: &'static str,
    },
    NoSuchKey {
        id: String,
    },
    Random,
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RingError::Read { file, why } => write!(f, "the key file {file}: {why}"),
            RingError::Permissions { file } => write!(
                f,
                "the key file {file} must be readable by its owner only: chmod 600 {file}"
            ),
            RingError::Form { file, line, column } => write!(
                f,
                "the key file {file} is not of the form that docs/tokens.md describes (line {line}, column {column})"
            ),
            RingError::Key { id, error } => write!(f, "key '{id}': {error}"),
            RingError::Entry { id, why } => write!(f, "key '{id}': {why}"),
            RingError::NoSuchKey { id } => write!(f, "there is no key '{id}' in the key file"),
            RingError::Random => f.write_str("the operating system gives no random numbers"),
        }
    }
}

impl std::error::Error for RingError {}

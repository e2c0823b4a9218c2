//! Keys: each bound to one algorithm and to the time in which it is in force.

use std::fmt;
use std::time::{Duration, SystemTime};

use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{DecodingKey, EncodingKey};
use pasetors::keys::SymmetricKey;
use pasetors::version4::V4;

use crate::error::KeyError;

/// As many bytes as the hash has: less can be guessed faster than it should be.
const LEAST_SECRET: usize = 32;

/// 2048 bits.
const LEAST_MODULUS: usize = 256;

const LONGEST_ID: usize = 64;

/// What a key is for. A token cannot choose: it is refused when it names another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256: one secret signs and verifies.
    Hs256,
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// PASETO v4.local: encrypted, so that whoever carries the token cannot read it.
    V4Local,
}

impl Algorithm {
    pub const ALL: [Algorithm; 5] = [
        Algorithm::Hs256,
        Algorithm::Rs256,
        Algorithm::Es256,
        Algorithm::EdDsa,
        Algorithm::V4Local,
    ];

    /// As tokens and key files write it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Hs256 => "HS256",
            Algorithm::Rs256 => "RS256",
            Algorithm::Es256 => "ES256",
            Algorithm::EdDsa => "EdDSA",
            Algorithm::V4Local => "v4.local",
        }
    }

    pub fn named(name: &str) -> Option<Algorithm> {
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }
}

/// A key: its id, what it is for, and when.
pub struct Key {
    id: String,
    algorithm: Algorithm,
    material: Material,
    not_before: Option<SystemTime>,
    not_after: Option<SystemTime>,
}

/// Wiped from memory when dropped, by the libraries that these types come from.
enum Material {
    Signed {
        algorithm: jsonwebtoken::Algorithm,
        verify: Option<DecodingKey>,
        sign: Option<EncodingKey>,
    },
    Local(SymmetricKey<V4>),
}

impl fmt::Debug for Key {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// A secret of at least 32 bytes that signs and verifies.
    pub fn hs256(id: &str, secret: &[u8]) -> Result<Key, KeyError> {
        // With a public key as the secret, everybody who has it can sign.
        if secret.starts_with(b"-----BEGIN") || secret.starts_with(b"ssh-") {
            return Err(KeyError::NotASecret);
        }
        if secret.len() < LEAST_SECRET {
            return Err(KeyError::TooShort {
                least: LEAST_SECRET,
            });
        }
        let material = Material::Signed {
            algorithm: jsonwebtoken::Algorithm::HS256,
            verify: Some(DecodingKey::from_secret(secret)),
            sign: Some(EncodingKey::from_secret(secret)),
        };
        Key::new(id, Algorithm::Hs256, material)
    }

    /// A secret of 32 bytes that encrypts and decrypts.
    pub fn v4_local(id: &str, secret: &[u8]) -> Result<Key, KeyError> {
        let key = SymmetricKey::from(secret).map_err(|_| KeyError::Length { exactly: 32 })?;
        Key::new(id, Algorithm::V4Local, Material::Local(key))
    }

    /// RSA with SHA-256. The public key verifies, the private key signs; a key may have both.
    pub fn rs256(
        id: &str,
        public_pem: Option<&[u8]>,
        private_pem: Option<&[u8]>,
    ) -> Result<Key, KeyError> {
        Key::signed(id, Algorithm::Rs256, public_pem, private_pem)
    }

    /// ECDSA over P-256.
    pub fn es256(
        id: &str,
        public_pem: Option<&[u8]>,
        private_pem: Option<&[u8]>,
    ) -> Result<Key, KeyError> {
        Key::signed(id, Algorithm::Es256, public_pem, private_pem)
    }

    /// Ed25519.
    pub fn eddsa(
        id: &str,
        public_pem: Option<&[u8]>,
        private_pem: Option<&[u8]>,
    ) -> Result<Key, KeyError> {
        Key::signed(id, Algorithm::EdDsa, public_pem, private_pem)
    }

    /// From when on and until when the key is in force. Tokens made with it count only inside: overlap two keys to rotate.
    pub fn in_force(
        mut self,
        not_before: Option<SystemTime>,
        not_after: Option<SystemTime>,
    ) -> Result<Key, KeyError> {
        if let (Some(from), Some(until)) = (not_before, not_after)
            && until <= from
        {
            return Err(KeyError::Interval);
        }
        self.not_before = not_before;
        self.not_after = not_after;
        Ok(self)
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn not_after(&self) -> Option<SystemTime> {
        self.not_after
    }

    /// Whether tokens of this key count at this time.
    pub fn is_in_force(&self, now: SystemTime) -> bool {
        self.not_before.is_none_or(|from| from <= now)
            && self.not_after.is_none_or(|until| now < until)
    }

    fn signed(
        id: &str,
        algorithm: Algorithm,
        public_pem: Option<&[u8]>,
        private_pem: Option<&[u8]>,
    ) -> Result<Key, KeyError> {
        if public_pem.is_none() && private_pem.is_none() {
            return Err(KeyError::Incomplete("a key's public and private part"));
        }
        let verify = public_pem
            .map(|pem| public_key(algorithm, pem))
            .transpose()?;
        let sign = private_pem
            .map(|pem| private_key(algorithm, pem))
            .transpose()?;
        let material = Material::Signed {
            algorithm: algorithm.of_jwt().ok_or(KeyError::Pem)?,
            verify,
            sign,
        };
        let key = Key::new(id, algorithm, material)?;
        // Two halves that do not belong together are found now, and not by the first user.
        if public_pem.is_some() && private_pem.is_some() {
            let signature = key.sign(b"one key").ok_or(KeyError::Pem)?;
            if !key.verifies(b"one key", &signature) {
                return Err(KeyError::Pem);
            }
        }
        Ok(key)
    }

    fn new(id: &str, algorithm: Algorithm, material: Material) -> Result<Key, KeyError> {
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(sound) {
            return Err(KeyError::Id);
        }
        Ok(Key {
            id: id.to_owned(),
            algorithm,
            material,
            not_before: None,
            not_after: None,
        })
    }

    /// Whether the signature of a JWT is this key's. The algorithm is the key's own.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Material::Signed {
            algorithm,
            verify: Some(key),
            ..
        } = &self.material
        else {
            return false;
        };
        // The provider is named here, so that no other crate of the process can change which one is used.
        (DEFAULT_PROVIDER.verifier_factory)(algorithm, key)
            .is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }

    /// The signature of a JWT; None where the key cannot sign.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let Material::Signed {
            algorithm,
            sign: Some(key),
            ..
        } = &self.material
        else {
            return None;
        };
        let signer = (DEFAULT_PROVIDER.signer_factory)(algorithm, key).ok()?;
        signer.try_sign(message).ok()
    }

    /// The secret of v4.local.
    pub(crate) fn local(&self) -> Option<&SymmetricKey<V4>> {
        match &self.material {
            Material::Local(key) => Some(key),
            Material::Signed { .. } => None,
        }
    }
}

impl Algorithm {
    fn of_jwt(self) -> Option<jsonwebtoken::Algorithm> {
        match self {
            Algorithm::Hs256 => Some(jsonwebtoken::Algorithm::HS256),
            Algorithm::Rs256 => Some(jsonwebtoken::Algorithm::RS256),
            Algorithm::Es256 => Some(jsonwebtoken::Algorithm::ES256),
            Algorithm::EdDsa => Some(jsonwebtoken::Algorithm::EdDSA),
            Algorithm::V4Local => None,
        }
    }
}

fn public_key(algorithm: Algorithm, pem: &[u8]) -> Result<DecodingKey, KeyError> {
    // The reader of PEM takes a private key for a public one; a private key handed out as public is a mistake to stop at.
    if contains(pem, b"PRIVATE KEY-----") {
        return Err(KeyError::Pem);
    }
    let key = match algorithm {
        Algorithm::Rs256 => DecodingKey::from_rsa_pem(pem),
        Algorithm::Es256 => DecodingKey::from_ec_pem(pem),
        Algorithm::EdDsa => DecodingKey::from_ed_pem(pem),
        Algorithm::Hs256 | Algorithm::V4Local => return Err(KeyError::Pem),
    }
    .map_err(|_| KeyError::Pem)?;
    let bytes = key.try_get_as_bytes().map_err(|_| KeyError::Pem)?;
    let sound = match algorithm {
        Algorithm::Rs256 => (DEFAULT_PROVIDER
            .key_utils
            .rsa_pub_components_from_public_key)(bytes)
        .is_ok_and(|(modulus, _)| modulus.len() >= LEAST_MODULUS),
        // An uncompressed point of P-256; keys of other curves are longer.
        Algorithm::Es256 => bytes.len() == 65,
        Algorithm::EdDsa => bytes.len() == 32,
        Algorithm::Hs256 | Algorithm::V4Local => false,
    };
    if sound { Ok(key) } else { Err(KeyError::Pem) }
}

fn private_key(algorithm: Algorithm, pem: &[u8]) -> Result<EncodingKey, KeyError> {
    let key = match algorithm {
        Algorithm::Rs256 => EncodingKey::from_rsa_pem(pem),
        Algorithm::Es256 => EncodingKey::from_ec_pem(pem),
        Algorithm::EdDsa => EncodingKey::from_ed_pem(pem),
        Algorithm::Hs256 | Algorithm::V4Local => return Err(KeyError::Pem),
    }
    .map_err(|_| KeyError::Pem)?;
    // Only signing parses it: a damaged key is found now.
    let jwt = algorithm.of_jwt().ok_or(KeyError::Pem)?;
    (DEFAULT_PROVIDER.signer_factory)(&jwt, &key)
        .ok()
        .and_then(|signer| signer.try_sign(b"sound").ok())
        .map(|_| key)
        .ok_or(KeyError::Pem)
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

/// Seconds since 1970; times before are none that a token can have.
pub(crate) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or(0)
}

/// The time of a number of seconds since 1970, if there is one.
pub(crate) fn time_of(seconds: i64) -> Option<SystemTime> {
    let seconds = u64::try_from(seconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

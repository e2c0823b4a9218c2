//! Keys in a file that only its owner may read.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{KeyError, RingError};
use crate::key::{Algorithm, Key};
use crate::mint::Minter;
use crate::revocation::Revocations;
use crate::verifier::Verifier;

const LONGEST_FILE: u64 = 1024 * 1024;

/// The content of a key file: who issues tokens for whom, with which keys, and what is revoked.
#[derive(Debug)]
pub struct KeyRing {
    audience: String,
    issuer: String,
    keys: Vec<Key>,
    revocations: Arc<Revocations>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RingForm {
    audience: String,
    issuer: String,
    keys: Vec<KeyForm>,
    #[serde(default)]
    revoked_keys: Vec<String>,
    #[serde(default)]
    revoked_tokens: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyForm {
    id: String,
    algorithm: String,
    /// base64url; of HS256 and v4.local.
    secret: Option<Zeroizing<String>>,
    /// PEM files beside the key file; of the others.
    public_key_file: Option<String>,
    private_key_file: Option<String>,
    /// Such as 2026-11-22T08:00:00Z.
    not_before: Option<String>,
    not_after: Option<String>,
}

impl KeyRing {
    /// Reads a key file; docs/tokens.md shows one.
    pub fn read(path: &Path) -> Result<KeyRing, RingError> {
        let text = read_private(path)?;
        let form: RingForm = serde_json::from_slice(&text).map_err(|error| RingError::Form {
            file: path.display().to_string(),
            line: error.line(),
            column: error.column(),
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let keys = form
            .keys
            .into_iter()
            .map(|key| read_key(key, folder))
            .collect::<Result<_, _>>()?;
        let revocations = Revocations::default();
        form.revoked_keys
            .into_iter()
            .for_each(|id| revocations.revoke_key(id));
        form.revoked_tokens
            .into_iter()
            .for_each(|id| revocations.revoke_token(id));
        Ok(KeyRing {
            audience: form.audience,
            issuer: form.issuer,
            keys,
            revocations: Arc::new(revocations),
        })
    }

    /// A verifier over all keys.
    pub fn verifier(self) -> Result<Verifier, RingError> {
        Verifier::new(self.keys, self.audience, self.issuer, self.revocations).map_err(|error| {
            RingError::Key {
                id: String::new(),
                error,
            }
        })
    }

    /// A minter with the key of this id; with the only key where none is named.
    pub fn minter(self, id: Option<&str>) -> Result<Minter, RingError> {
        let several = self.keys.len() > 1;
        let wanted = |key: &Key| id.map_or(!several, |id| key.id() == id);
        let key = self.keys.into_iter().find(wanted).ok_or_else(|| match id {
            Some(id) => RingError::NoSuchKey { id: id.to_owned() },
            None => RingError::Entry {
                id: String::new(),
                why: "the key file has several keys; say which",
            },
        })?;
        if self.revocations.is_key_revoked(key.id()) {
            return Err(RingError::Entry {
                id: key.id().to_owned(),
                why: "it is revoked",
            });
        }
        Ok(Minter::new(key, self.audience, self.issuer))
    }
}

fn read_key(form: KeyForm, folder: &Path) -> Result<Key, RingError> {
    let wrong = |why| RingError::Entry {
        id: form.id.clone(),
        why,
    };
    let of_key = |error| RingError::Key {
        id: form.id.clone(),
        error,
    };
    let algorithm = Algorithm::named(&form.algorithm)
        .ok_or_else(|| wrong("its algorithm is none of HS256, RS256, ES256, EdDSA and v4.local"))?;
    let files = form.public_key_file.is_some() || form.private_key_file.is_some();
    let key = match algorithm {
        Algorithm::Hs256 | Algorithm::V4Local => {
            if files {
                return Err(wrong("its algorithm takes a secret, and no files"));
            }
            let text = form
                .secret
                .as_ref()
                .ok_or_else(|| wrong("it has no secret"))?;
            let secret = Zeroizing::new(
                URL_SAFE_NO_PAD
                    .decode(text.as_bytes())
                    .map_err(|_| wrong("its secret is not base64url without padding"))?,
            );
            match algorithm {
                Algorithm::Hs256 => Key::hs256(&form.id, &secret),
                _ => Key::v4_local(&form.id, &secret),
            }
        }
        Algorithm::Rs256 | Algorithm::Es256 | Algorithm::EdDsa => {
            if form.secret.is_some() {
                return Err(wrong("its algorithm takes files, and no secret"));
            }
            let public = form
                .public_key_file
                .as_ref()
                .map(|file| read_limited(&folder.join(file), false))
                .transpose()?;
            let private = form
                .private_key_file
                .as_ref()
                .map(|file| read_limited(&folder.join(file), true))
                .transpose()?;
            let (public, private) = (
                public.as_ref().map(|pem| pem.as_slice()),
                private.as_ref().map(|pem| pem.as_slice()),
            );
            match algorithm {
                Algorithm::Rs256 => Key::rs256(&form.id, public, private),
                Algorithm::Es256 => Key::es256(&form.id, public, private),
                _ => Key::eddsa(&form.id, public, private),
            }
        }
    };
    let time = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => DateTime::parse_from_rfc3339(text)
            .map(|time| Some(SystemTime::from(time)))
            .map_err(|_| wrong("its times are not of the form 2026-11-22T08:00:00Z")),
    };
    let (from, until) = (time(&form.not_before)?, time(&form.not_after)?);
    key.and_then(|key| key.in_force(from, until))
        .map_err(of_key)
}

fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, RingError> {
    read_limited(path, true)
}

/// Reads a file through one handle, so that what was looked at is what is read.
fn read_limited(path: &Path, private: bool) -> Result<Zeroizing<Vec<u8>>, RingError> {
    let name = path.display().to_string();
    let wrong = |why: String| RingError::Read {
        file: name.clone(),
        why,
    };
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| wrong(error.to_string()))?;
    if !metadata.is_file() {
        return Err(wrong("it is not a file".to_owned()));
    }
    if metadata.len() > LONGEST_FILE {
        return Err(wrong(format!("it has more than {LONGEST_FILE} bytes")));
    }
    if private && !is_private(&metadata) {
        return Err(RingError::Permissions { file: name });
    }
    let mut content = Zeroizing::new(Vec::with_capacity(
        usize::try_from(metadata.len()).unwrap_or(0),
    ));
    file.take(LONGEST_FILE)
        .read_to_end(&mut content)
        .map_err(|error| wrong(error.to_string()))?;
    Ok(content)
}

#[cfg(unix)]
fn is_private(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 == 0
}

/// Where permissions cannot be seen, nothing shows that the file is private.
#[cfg(not(unix))]
fn is_private(_: &std::fs::Metadata) -> bool {
    false
}

/// Writes a new key file with one fresh secret. An existing file is never touched.
pub fn new_ring(
    path: &Path,
    id: &str,
    algorithm: Algorithm,
    audience: &str,
    issuer: &str,
) -> Result<(), RingError> {
    if !matches!(algorithm, Algorithm::Hs256 | Algorithm::V4Local) {
        return Err(RingError::Entry {
            id: id.to_owned(),
            why: "key pairs are made with other tools, for example openssl; only HS256 and v4.local are made here",
        });
    }
    for (what, text) in [("the audience", audience), ("the issuer", issuer)] {
        if text.is_empty() {
            return Err(RingError::Key {
                id: id.to_owned(),
                error: KeyError::Incomplete(what),
            });
        }
    }
    let mut secret = Zeroizing::new([0u8; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(|_| RingError::Random)?;
    Key::hs256(id, secret.as_slice()).map_err(|error| RingError::Key {
        id: id.to_owned(),
        error,
    })?;
    let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_slice()));
    let quote = |text: &str| serde_json::Value::from(text).to_string();
    let text = Zeroizing::new(format!(
        "{{\n  \"audience\": {},\n  \"issuer\": {},\n  \"keys\": [\n    {{ \"id\": {}, \"algorithm\": {}, \"secret\": \"{}\" }}\n  ]\n}}\n",
        quote(audience),
        quote(issuer),
        quote(id),
        quote(algorithm.name()),
        encoded.as_str()
    ));
    let wrong = |error: std::io::Error| RingError::Read {
        file: path.display().to_string(),
        why: error.to_string(),
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(wrong)?;
    file.write_all(text.as_bytes()).map_err(wrong)?;
    file.sync_all().map_err(wrong)
}

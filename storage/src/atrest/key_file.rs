//! The key file of a generation: the data keys of all its files, sealed under a key that the customer's provider wrapped.
//!
//! Rotating the customer's key writes a new one of these and nothing else, so the manifest does not speak of its bytes: it holds
//! a digest of the keys inside.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use zeroize::Zeroizing;

use super::AtRestError;
use super::disk::Disk;
use super::folder::{read_file, write_file};
use super::provider::{DatasetId, KeyContext, KeyProvider, KeyRefusal, WrappedKey};
use super::seal::{Digest, SUITE, seal, unseal};
use super::secret::SecretKey;

const MAGIC: &[u8] = b"peristyle keys 1\n";
const LONGEST: usize = 1 << 16;

/// The data keys of a generation by file name, while they are being written.
#[derive(Default)]
pub(crate) struct Keys(BTreeMap<String, SecretKey>);

impl Keys {
    pub(crate) fn insert(&mut self, file: &str, key: SecretKey) {
        self.0.insert(file.to_owned(), key);
    }

    pub(crate) fn get(&self, file: &str) -> Option<&SecretKey> {
        self.0.get(file)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let length = self.0.keys().map(|name| 1 + name.len() + SecretKey::LENGTH);
        // Of the right size at once: a buffer that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(length.sum()));
        for (name, key) in &self.0 {
            bytes.push(name.len() as u8);
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(key.bytes());
        }
        bytes
    }

    fn from_bytes(mut bytes: &[u8]) -> Option<Keys> {
        let mut keys = Keys::default();
        while let Some((length, rest)) = bytes.split_first() {
            let (name, rest) = rest.split_at_checked(usize::from(*length))?;
            let (key, rest) = rest.split_at_checked(SecretKey::LENGTH)?;
            let name = std::str::from_utf8(name).ok()?;
            keys.insert(name, SecretKey::copied(key)?);
            bytes = rest;
        }
        Some(keys)
    }

    /// What the manifest says of the keys: it is inside the manifest's own encryption.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut digest = Digest::default();
        digest.update(b"peristyle keys 1\n");
        digest.update(&self.to_bytes());
        digest.finish()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} files)", self.0.len())
    }
}

/// Writes the keys under a fresh generation key that the provider wraps.
pub(crate) fn write(
    disk: &dyn Disk,
    path: &Path,
    keys: &Keys,
    context: &KeyContext,
    provider: &dyn KeyProvider,
) -> Result<WrappedKey, AtRestError> {
    let generation_key = SecretKey::random()?;
    let wrapped = provider
        .wrap(&generation_key, context)
        .map_err(|refusal| refused(path, refusal))?;
    if wrapped.key_id.len() > LONGEST || wrapped.bytes.len() > LONGEST {
        return Err(AtRestError::internal(
            "the provider's wrapped key is too long",
        ));
    }
    let mut bytes = header(context, &wrapped);
    let body = seal(&generation_key, &bound_to(&bytes), &keys.to_bytes())?;
    bytes.extend_from_slice(&body);
    write_file(disk, path, &bytes)?;
    Ok(wrapped)
}

/// Reads the keys, asking the provider once.
pub(crate) fn read(
    path: &Path,
    context: &KeyContext,
    provider: &dyn KeyProvider,
) -> Result<(Keys, WrappedKey), AtRestError> {
    let bytes = read_file(path)?;
    let (head, wrapped) = parse_header(path, &bytes, context)?;
    let generation_key = provider
        .unwrap(&wrapped, context)
        .map_err(|refusal| refused(path, refusal))?;
    let (header, body) = bytes.split_at(head);
    let plain = unseal(&generation_key, &bound_to(header), body)
        .ok_or_else(|| AtRestError::damaged(path, "its keys do not open"))?;
    let keys = Keys::from_bytes(&plain)
        .ok_or_else(|| AtRestError::damaged(path, "its keys are not in order"))?;
    Ok((keys, wrapped))
}

pub(crate) fn refused(path: &Path, refusal: KeyRefusal) -> AtRestError {
    let path = path.to_path_buf();
    match refusal {
        KeyRefusal::Denied(why) => AtRestError::Denied { path, why },
        KeyRefusal::Unavailable(why) => AtRestError::Unavailable { path, why },
    }
}

/// The generation that a key file says it belongs to, before anything is believed of it. None: it is of another dataset.
pub(crate) fn generation(path: &Path, dataset: DatasetId) -> Option<u64> {
    let bytes = read_file(path).ok()?;
    let (length, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
    let bound = rest.get(..u32::from_le_bytes(*length) as usize)?;
    let (before, number) = std::str::from_utf8(bound).ok()?.rsplit_once('/')?;
    let generation = number.parse().ok()?;
    let context = KeyContext {
        dataset,
        generation,
    };
    (context.to_bytes() == bound && !before.is_empty()).then_some(generation)
}

fn header(context: &KeyContext, wrapped: &WrappedKey) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for part in [
        &context.to_bytes()[..],
        wrapped.key_id.as_bytes(),
        &wrapped.bytes,
    ] {
        bytes.extend_from_slice(&(part.len() as u32).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn bound_to(header: &[u8]) -> Vec<u8> {
    [SUITE.as_bytes(), b"\n", header].concat()
}

/// The length of the header, and the wrapped key in it.
fn parse_header(
    path: &Path,
    bytes: &[u8],
    context: &KeyContext,
) -> Result<(usize, WrappedKey), AtRestError> {
    let cut = || AtRestError::damaged(path, "it is cut short or no key file");
    let mut rest = bytes.strip_prefix(MAGIC).ok_or_else(cut)?;
    let mut part = || {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (part, after) = after.split_at_checked(length).ok_or_else(cut)?;
        rest = after;
        Ok::<&[u8], AtRestError>(part)
    };
    let (bound, key_id, wrapped) = (part()?, part()?, part()?);
    if bound != context.to_bytes() {
        return Err(AtRestError::damaged(
            path,
            "it belongs to another dataset or generation",
        ));
    }
    let key_id = std::str::from_utf8(key_id).map_err(|_| cut())?;
    let wrapped = WrappedKey {
        key_id: key_id.to_owned(),
        bytes: wrapped.to_vec(),
    };
    Ok((bytes.len() - rest.len(), wrapped))
}

/// The data keys of an open generation. Closing it overwrites them all.
pub(crate) struct KeyRing(RwLock<Result<HashMap<String, SecretKey>, String>>);

impl KeyRing {
    pub(crate) fn new(keys: Keys) -> KeyRing {
        KeyRing(RwLock::new(Ok(keys.0.into_iter().collect())))
    }

    pub(crate) fn get(&self, file: &str) -> Result<SecretKey, AtRestError> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Ok(keys) => keys
                .get(file)
                .cloned()
                .ok_or_else(|| AtRestError::internal("a file of the dataset has no key")),
            Err(why) => Err(AtRestError::Closed { why: why.clone() }),
        }
    }

    /// All of them, to be written under another key.
    pub(crate) fn keys(&self) -> Result<Keys, AtRestError> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Ok(keys) => Ok(Keys(keys.clone().into_iter().collect())),
            Err(why) => Err(AtRestError::Closed { why: why.clone() }),
        }
    }

    pub(crate) fn close(&self, why: &str) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if keys.is_ok() {
            // Dropping the keys overwrites them.
            *keys = Err(why.to_owned());
        }
    }

    /// Why it was closed; None: it is open.
    pub(crate) fn closed(&self) -> Option<String> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.as_ref().err().cloned()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing(not shown)")
    }
}

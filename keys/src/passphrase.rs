//! `passphrase:`: a key made of a passphrase by Argon2id.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use storage::{KeyContext, KeyProvider, KeyRefusal, SecretKey, WrappedKey};
use zeroize::Zeroizing;

use crate::local::{unwrap, wrap};

const KEY_ID: &str = "passphrase";
const SALT: usize = 16;

/// What it costs to try one passphrase: 64 MiB, three passes, one lane.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;

/// A file may ask for so much and no more: its parameters are believed only after they were used.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 64;
const MOST_LANES: u32 = 16;

/// A passphrase, kept in memory for as long as the provider lives.
pub struct PassphraseKey {
    passphrase: Zeroizing<String>,
}

impl fmt::Debug for PassphraseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassphraseKey(not shown)")
    }
}

/// What stands before the wrapped key. It is authenticated with it: weaker parameters do not open what stronger ones wrapped.
struct Costs {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; SALT],
}

impl Costs {
    const LENGTH: usize = 12 + SALT;

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Costs::LENGTH);
        for number in [self.memory_kib, self.passes, self.lanes] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.salt);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Costs> {
        let (memory, rest) = bytes.split_first_chunk::<4>()?;
        let (passes, rest) = rest.split_first_chunk::<4>()?;
        let (lanes, rest) = rest.split_first_chunk::<4>()?;
        let (salt, _) = rest.split_first_chunk::<SALT>()?;
        let costs = Costs {
            memory_kib: u32::from_le_bytes(*memory),
            passes: u32::from_le_bytes(*passes),
            lanes: u32::from_le_bytes(*lanes),
            salt: *salt,
        };
        let bearable = costs.memory_kib <= MOST_MEMORY_KIB
            && costs.passes <= MOST_PASSES
            && costs.lanes <= MOST_LANES;
        bearable.then_some(costs)
    }
}

impl PassphraseKey {
    /// The passphrase as it was typed.
    pub fn new(passphrase: Zeroizing<String>) -> PassphraseKey {
        PassphraseKey { passphrase }
    }

    fn key(&self, costs: &Costs) -> Option<SecretKey> {
        let params = Params::new(
            costs.memory_kib,
            costs.passes,
            costs.lanes,
            Some(SecretKey::LENGTH),
        );
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.ok()?);
        let mut key = Zeroizing::new([0u8; SecretKey::LENGTH]);
        argon
            .hash_password_into(self.passphrase.as_bytes(), &costs.salt, key.as_mut_slice())
            .ok()?;
        SecretKey::copied(key.as_slice())
    }
}

impl KeyProvider for PassphraseKey {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        let mut costs = Costs {
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: [0; SALT],
        };
        getrandom::fill(&mut costs.salt).map_err(|_| {
            KeyRefusal::Unavailable("the operating system gives no random numbers".to_owned())
        })?;
        let with = self.key(&costs).ok_or_else(|| {
            KeyRefusal::Unavailable("there is not enough memory for the passphrase".to_owned())
        })?;
        wrap(&with, KEY_ID, &costs.to_bytes(), key, context)
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        let wrong = || KeyRefusal::Denied("it was not written with a passphrase".to_owned());
        if wrapped.key_id != KEY_ID {
            return Err(wrong());
        }
        let costs = Costs::from_bytes(&wrapped.bytes).ok_or_else(wrong)?;
        let with = self.key(&costs).ok_or_else(wrong)?;
        let opened = unwrap(&with, KEY_ID, &costs.to_bytes(), wrapped, context);
        opened.map_err(|_| KeyRefusal::Denied("this is not the passphrase".to_owned()))
    }
}

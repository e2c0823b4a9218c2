//! Authenticated encryption of small things in memory, and digests. One suite, which no file can change: AES-256-GCM with a
//! random nonce, and SHA-256.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{Context, SHA256};
use zeroize::{Zeroize, Zeroizing};

use super::AtRestError;
use super::secret::SecretKey;

/// What every sealed thing says it is sealed with.
pub(crate) const SUITE: &str = "AES-256-GCM";

const TAG: usize = 16;

/// Nonce, ciphertext and tag of `plain`. `bound_to` must be the same when it is unsealed.
pub fn seal(key: &SecretKey, bound_to: &[u8], plain: &[u8]) -> Result<Vec<u8>, AtRestError> {
    let mut nonce = [0u8; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(|_| AtRestError::NoRandomness)?;
    let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + TAG);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let tag = encrypt(key, nonce, bound_to, &mut sealed[NONCE_LEN..]);
    scrub();
    let tag = tag.ok_or_else(|| AtRestError::internal("the cipher refused to encrypt"))?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// What was sealed. None: another key, other bytes, or bound to something else; which of them, nobody can tell.
pub fn unseal(key: &SecretKey, bound_to: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
    let mut plain = Zeroizing::new(rest.to_vec());
    let length = decrypt(key, nonce, bound_to, &mut plain);
    scrub();
    plain.truncate(length?);
    Some(plain)
}

/// Calls of their own, so that what they leave on the stack lies below their caller.
#[inline(never)]
fn encrypt(
    key: &SecretKey,
    nonce: [u8; NONCE_LEN],
    bound_to: &[u8],
    text: &mut [u8],
) -> Option<[u8; TAG]> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.bytes()).ok()?);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(bound_to), text);
    tag.ok()?.as_ref().try_into().ok()
}

/// Gives the length of the text that lies at the front of `sealed` now.
#[inline(never)]
fn decrypt(key: &SecretKey, nonce: &[u8], bound_to: &[u8], sealed: &mut [u8]) -> Option<usize> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.bytes()).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let opened = key.open_in_place(nonce, Aad::from(bound_to), sealed);
    opened.ok().map(|text| text.len())
}

/// The cipher spreads the key over the stack and does not clean up after itself. What lay below this call is overwritten.
#[inline(never)]
pub(super) fn scrub() {
    let mut stack = [0xA5u8; 16 * 1024];
    stack.zeroize();
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = Digest::default();
    digest.update(bytes);
    digest.finish()
}

/// A SHA-256 digest under way.
pub(crate) struct Digest(Context);

impl Default for Digest {
    fn default() -> Self {
        Digest(Context::new(&SHA256))
    }
}

impl Digest {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        let mut digest = [0u8; 32];
        digest.copy_from_slice(self.0.finish().as_ref());
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_place_alone() {
        let key = SecretKey::random().unwrap();
        let sealed = seal(&key, b"here", b"a text").unwrap();
        assert_eq!(
            unseal(&key, b"here", &sealed).unwrap().as_slice(),
            b"a text"
        );
        assert!(unseal(&key, b"there", &sealed).is_none());
        assert!(unseal(&SecretKey::random().unwrap(), b"here", &sealed).is_none());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(unseal(&key, b"here", &changed).is_none(), "byte {place}");
            assert!(
                unseal(&key, b"here", &sealed[..place]).is_none(),
                "cut at {place}"
            );
        }
        // The same text twice is not the same bytes twice.
        assert_ne!(sealed, seal(&key, b"here", b"a text").unwrap());
    }
}

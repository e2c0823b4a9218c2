//! Keys in memory.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::AtRestError;

/// A key of 256 bits. It is overwritten when it is given up, and never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey {
    // In a box, so that moving the key about leaves no copies behind.
    bytes: Box<[u8; SecretKey::LENGTH]>,
}

impl SecretKey {
    /// Bytes of a key.
    pub const LENGTH: usize = 32;

    /// A fresh key from the operating system's random numbers.
    pub fn random() -> Result<SecretKey, AtRestError> {
        let mut key = SecretKey {
            bytes: Box::new([0; SecretKey::LENGTH]),
        };
        getrandom::fill(key.bytes.as_mut_slice()).map_err(|_| AtRestError::NoRandomness)?;
        Ok(key)
    }

    /// A copy of bytes that lie elsewhere; None: they are not 32. Overwriting the original is the caller's part.
    pub fn copied(bytes: &[u8]) -> Option<SecretKey> {
        if bytes.len() != SecretKey::LENGTH {
            return None;
        }
        let mut key = SecretKey {
            bytes: Box::new([0; SecretKey::LENGTH]),
        };
        key.bytes.copy_from_slice(bytes);
        Some(key)
    }

    /// The bytes, for whoever encrypts with them or wraps them. They must not be copied to where nothing overwrites them.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(not shown)")
    }
}

/// So many random bytes, as lowercase hexadecimal digits.
pub(crate) fn random_name() -> Result<String, AtRestError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| AtRestError::NoRandomness)?;
    Ok(hex(&bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Lowercase hexadecimal digits of exactly so many bytes.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |d: u8| match d {
        b'0'..=b'9' => Some(d - b'0'),
        b'a'..=b'f' => Some(d - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0u8; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_show_in_debug_output() {
        let key = SecretKey::copied(&[0xAB; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "SecretKey(not shown)");
        assert!(SecretKey::copied(&[0; 31]).is_none());
        assert!(SecretKey::copied(&[0; 33]).is_none());
    }

    #[test]
    fn hexadecimal_digits_go_both_ways() {
        assert_eq!(from_hex::<3>(&hex(&[0, 0x7f, 0xff])), Some([0, 0x7f, 0xff]));
        for wrong in ["00", "000000000", "00000G", "00 000", "0000AA"] {
            assert_eq!(from_hex::<3>(wrong), None, "{wrong}");
        }
        assert_ne!(random_name().unwrap(), random_name().unwrap());
    }
}

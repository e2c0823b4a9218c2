//! Thrift's compact protocol, as far as is needed to look over the headers of a file before the decoder trusts them.

use std::io::Read;

/// Nesting deeper than this is in no sound header, and would only cost stack.
const MOST_NESTED: usize = 48;

/// Bytes that end early, or that no writer makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl From<std::io::Error> for Malformed {
    fn from(_: std::io::Error) -> Self {
        Malformed
    }
}

/// The type of a field, as the protocol numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// True and false are types of their own: a field has no more bytes.
    Flag,
    Byte,
    /// 16, 32 and 64 bits look alike.
    Integer,
    Double,
    Binary,
    List,
    Map,
    Struct,
    Uuid,
}

impl Kind {
    fn of(code: u8) -> Result<Kind, Malformed> {
        Ok(match code {
            1 | 2 => Kind::Flag,
            3 => Kind::Byte,
            4..=6 => Kind::Integer,
            7 => Kind::Double,
            8 => Kind::Binary,
            9 | 10 => Kind::List,
            11 => Kind::Map,
            12 => Kind::Struct,
            13 => Kind::Uuid,
            _ => return Err(Malformed),
        })
    }
}

/// Reads at most so many bytes.
pub(super) struct Reader<R> {
    bytes: R,
    left: u64,
    read: u64,
}

impl<R: Read> Reader<R> {
    pub fn new(bytes: R, most: u64) -> Reader<R> {
        Reader {
            bytes,
            left: most,
            read: 0,
        }
    }

    /// Bytes read so far.
    pub fn read(&self) -> u64 {
        self.read
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Malformed> {
        self.left = self.left.checked_sub(bytes).ok_or(Malformed)?;
        self.read += bytes;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.spend(1)?;
        let mut byte = [0];
        self.bytes.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn skip_bytes(&mut self, bytes: u64) -> Result<(), Malformed> {
        self.spend(bytes)?;
        let skipped = std::io::copy(&mut (&mut self.bytes).take(bytes), &mut std::io::sink())?;
        if skipped == bytes {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    fn unsigned(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    pub fn integer(&mut self) -> Result<i64, Malformed> {
        let zigzag = self.unsigned()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// The next field of a struct, given the number of the one before. None: the struct is over.
    pub fn field(&mut self, before: i64) -> Result<Option<(i64, Kind)>, Malformed> {
        let header = self.byte()?;
        if header == 0 {
            return Ok(None);
        }
        let kind = Kind::of(header & 0x0f)?;
        let number = match header >> 4 {
            0 => self.integer()?,
            more => before.checked_add(more.into()).ok_or(Malformed)?,
        };
        Ok(Some((number, kind)))
    }

    /// Length and element type of a list. An element takes at least a byte, so a list longer than what is left is none.
    pub fn list(&mut self) -> Result<(u64, Kind), Malformed> {
        let header = self.byte()?;
        let kind = Kind::of(header & 0x0f)?;
        let length = match header >> 4 {
            15 => self.unsigned()?,
            short => short.into(),
        };
        if length > self.left {
            return Err(Malformed);
        }
        Ok((length, kind))
    }

    /// Passes over the value of a field.
    pub fn skip(&mut self, kind: Kind) -> Result<(), Malformed> {
        self.skip_nested(kind, 0, false)
    }

    fn skip_nested(&mut self, kind: Kind, nested: usize, element: bool) -> Result<(), Malformed> {
        if nested > MOST_NESTED {
            return Err(Malformed);
        }
        match kind {
            Kind::Flag if !element => Ok(()),
            Kind::Flag | Kind::Byte => self.skip_bytes(1),
            Kind::Integer => self.unsigned().map(drop),
            Kind::Double => self.skip_bytes(8),
            Kind::Uuid => self.skip_bytes(16),
            Kind::Binary => {
                let length = self.unsigned()?;
                self.skip_bytes(length)
            }
            Kind::List => {
                let (length, kind) = self.list()?;
                (0..length).try_for_each(|_| self.skip_nested(kind, nested + 1, true))
            }
            Kind::Map => self.skip_map(nested),
            Kind::Struct => {
                let mut number = 0;
                while let Some((next, kind)) = self.field(number)? {
                    number = next;
                    self.skip_nested(kind, nested + 1, false)?;
                }
                Ok(())
            }
        }
    }

    fn skip_map(&mut self, nested: usize) -> Result<(), Malformed> {
        let length = self.unsigned()?;
        if length == 0 {
            return Ok(());
        }
        if length > self.left {
            return Err(Malformed);
        }
        let kinds = self.byte()?;
        let (key, value) = (Kind::of(kinds >> 4)?, Kind::of(kinds & 0x0f)?);
        (0..length).try_for_each(|_| {
            self.skip_nested(key, nested + 1, true)?;
            self.skip_nested(value, nested + 1, true)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, bytes: &[u8], expected: Result<u64, Malformed>) {
        let mut reader = Reader::new(bytes, bytes.len() as u64);
        let found = reader.skip(kind).map(|()| reader.read());
        assert_eq!(found, expected, "{bytes:?}");
    }

    #[test]
    fn values_are_passed_over() {
        check(Kind::Integer, &[0xac, 0x02, 9], Ok(2));
        check(Kind::Binary, &[3, b'a', b'b', b'c', 9], Ok(4));
        check(Kind::Binary, &[4, b'a', b'b', b'c'], Err(Malformed));
        check(Kind::Struct, &[0x15, 2, 0x18, 1, b'x', 0, 9], Ok(6));
        check(Kind::Struct, &[0x15, 2], Err(Malformed));
        check(Kind::List, &[0x25, 2, 4], Ok(3));
        check(
            Kind::List,
            &[0xf5, 0xff, 0xff, 0xff, 0xff, 0x0f],
            Err(Malformed),
        );
        check(Kind::List, &[0x21, 1, 2], Ok(3));
        check(Kind::Map, &[1, 0x85, 1, b'k', 8], Ok(5));
        check(Kind::Map, &[0], Ok(1));
        check(Kind::Integer, &[0x80; 20], Err(Malformed));
        check(Kind::List, &[0x19; 200], Err(Malformed));
        check(Kind::Struct, &[0x1c; 200], Err(Malformed));
        check(Kind::Struct, &[0x1e, 0], Err(Malformed));
    }
}

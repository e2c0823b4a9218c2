//! The little of Thrift's compact protocol that the headers of our pages are written in. Parquet's library reads them too, but hands out
//! no page that it has decrypted.

/// What a field holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Flag(bool),
    Number(i64),
    Bytes(&'a [u8]),
    Struct(Fields<'a>),
}

/// The fields of a structure, by their numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields<'a>(Vec<(i64, Value<'a>)>);

/// Deeper than any header of ours; bytes of another file must not exhaust the stack.
const DEEPEST: usize = 8;

impl<'a> Fields<'a> {
    /// The structure at the front of some bytes. None: it is none, or holds lists, which our headers do not.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Fields<'a>> {
        Reader { rest: bytes }.fields(DEEPEST)
    }

    fn get(&self, number: i64) -> Option<&Value<'a>> {
        let found = self.0.iter().find(|(known, _)| *known == number);
        found.map(|(_, value)| value)
    }

    pub(super) fn number(&self, field: i64) -> Option<i64> {
        match self.get(field)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn flag(&self, field: i64) -> Option<bool> {
        match self.get(field)? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn bytes(&self, field: i64) -> Option<&'a [u8]> {
        match self.get(field)? {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn fields(&self, field: i64) -> Option<&Fields<'a>> {
        match self.get(field)? {
            Value::Struct(fields) => Some(fields),
            _ => None,
        }
    }
}

/// Bytes that are taken from the front. Parquet's packed numbers begin with the same kinds of whole numbers.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// Seven bits a byte, the lowest first.
    pub(super) fn unsigned(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// 0, -1, 1, -2 and so on, written as 0, 1, 2, 3.
    pub(super) fn signed(&mut self) -> Option<i64> {
        let folded = self.unsigned()?;
        Some((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    fn fields(&mut self, depth: usize) -> Option<Fields<'a>> {
        let depth = depth.checked_sub(1)?;
        let mut fields = Fields::default();
        let mut number = 0i64;
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == 0 {
                return Some(fields);
            }
            number = match head >> 4 {
                0 => self.signed()?,
                step => number.checked_add(i64::from(step))?,
            };
            let value = match kind {
                1 | 2 => Value::Flag(kind == 1),
                3 => Value::Number(i64::from(self.byte()? as i8)),
                4..=6 => Value::Number(self.signed()?),
                8 => {
                    let length = usize::try_from(self.unsigned()?).ok()?;
                    Value::Bytes(self.take(length)?)
                }
                12 => Value::Struct(self.fields(depth)?),
                _ => return None,
            };
            fields.0.push((number, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_read_and_anything_else_is_not() {
        // 1: -3, 2: true, 5: { 1: "ab" }, 40: 300.
        let bytes = [
            0x15, 5, 0x11, 0x3c, 0x18, 2, b'a', b'b', 0, 0x05, 80, 0xd8, 4, 0,
        ];
        let fields = Fields::read(&bytes).unwrap();
        assert_eq!(fields.number(1), Some(-3));
        assert_eq!(fields.flag(2), Some(true));
        assert_eq!(fields.fields(5).unwrap().bytes(1), Some(&b"ab"[..]));
        assert_eq!(fields.number(40), Some(300));
        assert_eq!(fields.number(2), None);
        for length in 0..bytes.len() {
            assert_eq!(Fields::read(&bytes[..length]), None, "cut at {length}");
        }
        // A list, a structure in itself without end, and a number without end.
        for bytes in [
            &[0x19, 0x15, 0, 0][..],
            &[0x1c; 64],
            &[0x15; 64],
            &[0x15, 0xff, 0xff],
        ] {
            assert_eq!(Fields::read(bytes), None, "{bytes:?}");
        }
    }
}

//! Codes in the least width that holds their domain.

use std::cmp::Ordering;

use crate::BLANK;
use crate::column::BLOCK;
use crate::grow::Turn;
use crate::pages;
use crate::workers::cores;

/// One code after the other, all of one width.
#[derive(Clone, Debug)]
pub(crate) enum Codes {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U24(Vec<U24>),
    U32(Vec<u32>),
}

/// Domains beyond this take four bytes a code. Tests have it lower, so that both widths meet few rows there.
pub(crate) const MOST_OF_U24: u32 = if cfg!(test) { 1 << 18 } else { 1 << 24 };

/// Runs the same code over codes of any width, so that the width is decided outside the loop.
macro_rules! with_codes {
    ($codes:expr, $slice:ident => $body:expr) => {
        match $codes {
            $crate::codes::Codes::U8($slice) => $body,
            $crate::codes::Codes::U16($slice) => $body,
            $crate::codes::Codes::U24($slice) => $body,
            $crate::codes::Codes::U32($slice) => $body,
        }
    };
}
pub(crate) use with_codes;

/// A code of some width.
pub(crate) trait Code: Copy + Ord {
    fn wide(self) -> u32;
    /// A number that fits.
    fn narrow(number: u32) -> Self;
    /// Codes of this width.
    fn list(codes: Vec<Self>) -> Codes;
}

impl Code for u8 {
    #[inline]
    fn wide(self) -> u32 {
        self.into()
    }

    #[inline]
    fn narrow(number: u32) -> u8 {
        number as u8
    }

    fn list(codes: Vec<u8>) -> Codes {
        Codes::U8(codes)
    }
}

impl Code for u16 {
    #[inline]
    fn wide(self) -> u32 {
        self.into()
    }

    #[inline]
    fn narrow(number: u32) -> u16 {
        number as u16
    }

    fn list(codes: Vec<u16>) -> Codes {
        Codes::U16(codes)
    }
}

/// A code of three bytes, the least first. They lie together, so that reading one row touches one line of cache.
#[derive(Clone, Copy, Debug, Default, Eq)]
#[repr(transparent)]
pub(crate) struct U24([u8; 3]);

impl U24 {
    #[inline]
    pub(crate) fn of_bytes(bytes: [u8; 3]) -> U24 {
        U24(bytes)
    }
}

impl PartialEq for U24 {
    #[inline]
    fn eq(&self, other: &U24) -> bool {
        self.wide() == other.wide()
    }
}

impl Code for U24 {
    #[inline]
    fn wide(self) -> u32 {
        let [low, middle, high] = self.0;
        u32::from(u16::from_le_bytes([low, middle])) | u32::from(high) << 16
    }

    #[inline]
    fn narrow(number: u32) -> U24 {
        let [low, middle, high, _] = number.to_le_bytes();
        U24([low, middle, high])
    }

    fn list(codes: Vec<U24>) -> Codes {
        Codes::U24(codes)
    }
}

impl Ord for U24 {
    #[inline]
    fn cmp(&self, other: &U24) -> Ordering {
        self.wide().cmp(&other.wide())
    }
}

impl PartialOrd for U24 {
    #[inline]
    fn partial_cmp(&self, other: &U24) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Code for u32 {
    #[inline]
    fn wide(self) -> u32 {
        self
    }

    #[inline]
    fn narrow(number: u32) -> u32 {
        number
    }

    fn list(codes: Vec<u32>) -> Codes {
        Codes::U32(codes)
    }
}

/// Room for so many codes, on large pages where they are many.
pub(crate) fn room<C>(codes: usize) -> Vec<C> {
    let mut room = Vec::with_capacity(codes);
    pages::large(room.spare_capacity_mut());
    room
}

impl Codes {
    /// Codes that are all below `domain`.
    pub(crate) fn pack(domain: u32, codes: impl Iterator<Item = u32>) -> Codes {
        match domain {
            0..=0x100 => Codes::U8(codes.map(|c| c as u8).collect()),
            0x101..=0x1_0000 => Codes::U16(codes.map(|c| c as u16).collect()),
            0x1_0001..=MOST_OF_U24 => Codes::U24(codes.map(U24::narrow).collect()),
            _ => Codes::U32(codes.collect()),
        }
    }

    /// No codes yet, of the width that a domain of this size needs, with room for `rows`.
    pub(crate) fn room(domain: u32, rows: usize) -> Codes {
        match domain {
            0..=0x100 => Codes::U8(room(rows)),
            0x101..=0x1_0000 => Codes::U16(room(rows)),
            0x1_0001..=MOST_OF_U24 => Codes::U24(room(rows)),
            _ => Codes::U32(room(rows)),
        }
    }

    /// Adds codes, each turned into another one.
    pub(crate) fn extend(&mut self, codes: &Codes, turn: impl Fn(u32) -> u32) {
        fn extend<C: Code>(out: &mut Vec<C>, codes: &Codes, turn: impl Fn(u32) -> u32) {
            with_codes!(codes, codes => out.extend(codes.iter().map(|c| C::narrow(turn(c.wide())))));
        }
        with_codes!(self, out => extend(out, codes, turn));
    }

    /// The same codes, each turned into another one, of the width that a domain of this size needs.
    pub(crate) fn turned(mut self, turn: &Turn, domain: u32) -> Codes {
        let fits = self.has_width_of(&Codes::room(domain, 0));
        match turn {
            Turn::Same if fits => return self,
            Turn::Table(table) if fits => {
                self.replace(table);
                return self;
            }
            _ => {}
        }
        let mut turned = Codes::room(domain, self.len());
        match turn {
            Turn::Same => turned.extend(&self, |code| code),
            Turn::Even { .. } => turned.extend(&self, |code| turn.of(code)),
            Turn::Table(table) => turned.extend(&self, |code| table[code as usize]),
        }
        turned
    }

    pub(crate) fn has_width_of(&self, other: &Codes) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Makes room for so many more, and no more than those.
    pub(crate) fn reserve(&mut self, more: usize) {
        with_codes!(self, codes => codes.reserve_exact(more))
    }

    pub(crate) fn len(&self) -> usize {
        with_codes!(self, codes => codes.len())
    }

    pub(crate) fn get(&self, row: usize) -> u32 {
        with_codes!(self, codes => codes[row].wide())
    }

    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        with_codes!(self, codes => Box::new(codes.iter().map(|c| c.wide())))
    }

    pub(crate) fn bytes(&self) -> u64 {
        with_codes!(self, codes => size_of_val(codes.as_slice()) as u64)
    }

    /// For each row of `rows` its code; a row beyond the table (the blank row) gives BLANK.
    pub(crate) fn gather(&self, rows: &[u32]) -> Vec<u32> {
        with_codes!(self, codes => rows.iter().map(|r| codes.get(*r as usize).map_or(BLANK, |c| c.wide())).collect())
    }

    pub(crate) fn width_name(&self) -> &'static str {
        match self {
            Codes::U8(_) => "u8",
            Codes::U16(_) => "u16",
            Codes::U24(_) => "u24",
            Codes::U32(_) => "u32",
        }
    }

    /// Replaces each code by what stands for it in `by_code`, which is below the same bound.
    pub(crate) fn replace(&mut self, by_code: &[u32]) {
        fn replace<C: Code + Send>(codes: &mut [C], by_code: &[u32]) {
            let each = |codes: &mut [C]| {
                for code in codes {
                    *code = C::narrow(by_code[code.wide() as usize]);
                }
            };
            let threads = cores().min(codes.len() / (4 * BLOCK)).max(1);
            let part = codes.len().div_ceil(threads).max(1);
            std::thread::scope(|scope| {
                let mut parts = codes.chunks_mut(part);
                let own = parts.next();
                for codes in parts {
                    scope.spawn(move || each(codes));
                }
                own.map(each);
            });
        }
        with_codes!(self, codes => replace(codes, by_code))
    }

    /// Smallest and largest of some codes.
    pub(crate) fn ends(&self, places: std::ops::Range<usize>) -> (u32, u32) {
        fn ends<C: Code>(codes: &[C]) -> (u32, u32) {
            let Some(first) = codes.first() else {
                return (0, 0);
            };
            let least = codes.iter().fold(*first, |least, c| least.min(*c));
            let most = codes.iter().fold(*first, |most, c| most.max(*c));
            (least.wide(), most.wide())
        }
        with_codes!(self, codes => ends(&codes[places]))
    }

    /// Smallest and largest code of each block.
    pub(crate) fn zones(&self) -> Vec<(u32, u32)> {
        let len = self.len();
        let starts = (0..len).step_by(BLOCK);
        starts
            .map(|start| self.ends(start..len.min(start + BLOCK)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_holds_its_domain() {
        fn check(domain: u32, width: &str) {
            let codes = [0, 1, domain / 2, domain - 1];
            let packed = Codes::pack(domain, codes.into_iter());
            assert_eq!(packed.width_name(), width, "{domain}");
            assert_eq!(packed.iter().collect::<Vec<_>>(), codes, "{domain}");
            let mut turned = Codes::room(domain, 4);
            turned.extend(&packed, |code| domain - 1 - code);
            assert_eq!(turned.width_name(), width, "{domain}");
            let expected = codes.map(|code| domain - 1 - code);
            assert_eq!(turned.iter().collect::<Vec<_>>(), expected, "{domain}");
            assert_eq!(turned.zones(), [(0, domain - 1)], "{domain}");
            assert_eq!(packed.gather(&[3, 4, 2]), [domain - 1, BLANK, domain / 2]);
        }
        check(2, "u8");
        check(0x100, "u8");
        check(0x101, "u16");
        check(0x1_0000, "u16");
        check(0x1_0001, "u24");
        check(MOST_OF_U24, "u24");
        check(MOST_OF_U24 + 1, "u32");
        check(u32::MAX, "u32");
    }

    #[test]
    fn three_bytes_are_in_the_order_of_their_numbers() {
        let numbers = [0, 1, 255, 256, 65_535, 65_536, 0xFF_0000, 0xFF_FFFF];
        for a in numbers {
            assert_eq!(U24::narrow(a).wide(), a);
            for b in numbers {
                assert_eq!(U24::narrow(a).cmp(&U24::narrow(b)), a.cmp(&b), "{a} {b}");
            }
        }
        assert_eq!(size_of::<[U24; 16]>(), 48);
    }
}

//! A column: one code a row, and the domain that says which value a code stands for.

use std::sync::{Arc, OnceLock};

use crate::bits::Bits;
use crate::dictionary::Domain;
use crate::numbering::Numbering;
use crate::workers::cores;
use crate::{BLANK, DataType};

/// Rows of a block: one container of a row set, one unit of kernel work and of cancellation.
pub(crate) const BLOCK: usize = 65_536;

/// Codes in the least width that holds the domain.
#[derive(Clone, Debug)]
pub(crate) enum Codes {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
}

/// Runs the same code over codes of any width, so that the width is decided outside the loop.
macro_rules! with_codes {
    ($codes:expr, $slice:ident => $body:expr) => {
        match $codes {
            $crate::column::Codes::U8($slice) => $body,
            $crate::column::Codes::U16($slice) => $body,
            $crate::column::Codes::U32($slice) => $body,
        }
    };
}
pub(crate) use with_codes;

/// A code of some width.
pub(crate) trait Code: Copy {
    fn wide(self) -> u32;
    /// A number that fits.
    fn narrow(number: u32) -> Self;
}

impl Code for u8 {
    fn wide(self) -> u32 {
        self.into()
    }

    fn narrow(number: u32) -> u8 {
        number as u8
    }
}

impl Code for u16 {
    fn wide(self) -> u32 {
        self.into()
    }

    fn narrow(number: u32) -> u16 {
        number as u16
    }
}

impl Code for u32 {
    fn wide(self) -> u32 {
        self
    }

    fn narrow(number: u32) -> u32 {
        number
    }
}

impl Codes {
    /// Codes that are all below `domain`.
    pub(crate) fn pack(domain: u32, codes: impl Iterator<Item = u32>) -> Codes {
        match domain {
            0..=0x100 => Codes::U8(codes.map(|c| c as u8).collect()),
            0x101..=0x1_0000 => Codes::U16(codes.map(|c| c as u16).collect()),
            _ => Codes::U32(codes.collect()),
        }
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

    /// Bytes of a row.
    pub(crate) fn width(&self) -> usize {
        match self {
            Codes::U8(_) => 1,
            Codes::U16(_) => 2,
            Codes::U32(_) => 4,
        }
    }

    pub(crate) fn width_name(&self) -> &'static str {
        match self {
            Codes::U8(_) => "u8",
            Codes::U16(_) => "u16",
            Codes::U32(_) => "u32",
        }
    }

    /// Replaces each code by what stands for it in `by_code`, which is below the same bound.
    fn replace(&mut self, by_code: &[u32]) {
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

    /// Smallest and largest code of each block.
    pub(crate) fn zones(&self) -> Vec<(u32, u32)> {
        fn zones<C: Code + Ord>(codes: &[C]) -> Vec<(u32, u32)> {
            codes
                .chunks(BLOCK)
                .map(|block| {
                    let least = block.iter().copied().min().map_or(0, Code::wide);
                    let most = block.iter().copied().max().map_or(0, Code::wide);
                    (least, most)
                })
                .collect()
        }
        with_codes!(self, codes => zones(codes))
    }
}

/// One column of one generation.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) data_type: DataType,
    /// What the rows hold: codes, or the numbers that stand for codes where there is a numbering.
    pub(crate) numbers: Codes,
    pub(crate) numbering: Option<Arc<Numbering>>,
    pub(crate) domain: Domain,
    /// Rows that are BLANK.
    pub(crate) blanks: u32,
    /// Values that are not BLANK and occur.
    pub(crate) distinct: u32,
    /// Smallest and largest number of each block.
    pub(crate) zones: Vec<(u32, u32)>,
    /// The numbers that some row has.
    held: OnceLock<Bits>,
}

impl Column {
    pub(crate) fn new(data_type: DataType, codes: Codes, domain: Domain, distinct: u32) -> Column {
        let blanks =
            with_codes!(&codes, codes => codes.iter().filter(|c| c.wide() == BLANK).count()) as u32;
        let zones = codes.zones();
        Column::of_parts(data_type, (codes, None), domain, (blanks, distinct), zones)
    }

    /// A column whose numbers, counts of blanks and of values, and zones are known.
    pub(crate) fn of_parts(
        data_type: DataType,
        (numbers, numbering): (Codes, Option<Arc<Numbering>>),
        domain: Domain,
        (blanks, distinct): (u32, u32),
        zones: Vec<(u32, u32)>,
    ) -> Column {
        Column {
            data_type,
            numbers,
            numbering,
            domain,
            blanks,
            distinct,
            zones,
            held: OnceLock::new(),
        }
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.numbers.bytes() + self.dictionary_bytes()
    }

    /// The part of them that does not grow with the rows.
    pub(crate) fn dictionary_bytes(&self) -> u64 {
        self.domain.bytes() + self.numbering.as_ref().map_or(0, |n| n.bytes())
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Codes are below this, and so are the numbers that stand for them.
    pub(crate) fn size(&self) -> u32 {
        self.domain.size()
    }

    /// Whether some row has this code.
    pub(crate) fn holds(&self, code: u32) -> bool {
        if code == BLANK {
            self.blanks > 0
        } else {
            self.domain.holds(code)
        }
    }

    /// The numbers that some row has.
    pub(crate) fn held(&self) -> &Bits {
        self.held.get_or_init(|| {
            let code = |number| self.numbering.as_ref().map_or(number, |n| n.code(number));
            Bits::of(self.size(), |number| self.holds(code(number)))
        })
    }

    /// Whether the numbers that are held are no more than rows have: values are listed by them without a look at the rows.
    pub(crate) fn held_is_exact(&self) -> bool {
        self.held().count() == self.distinct + u32::from(self.blanks > 0)
    }

    pub(crate) fn code_at(&self, row: usize) -> u32 {
        let number = self.numbers.get(row);
        self.numbering.as_ref().map_or(number, |n| n.code(number))
    }

    pub(crate) fn iter_codes(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        match &self.numbering {
            None => self.numbers.iter(),
            Some(numbering) => Box::new(self.numbers.iter().map(|n| numbering.code(n))),
        }
    }

    /// For each row of `rows` its code; a row beyond the table (the blank row) gives BLANK.
    pub(crate) fn gather(&self, rows: &[u32]) -> Vec<u32> {
        let mut codes = self.numbers.gather(rows);
        if let Some(numbering) = &self.numbering {
            codes.iter_mut().for_each(|c| *c = numbering.code(*c));
        }
        codes
    }

    /// Lets numbers stand for the codes from now on.
    pub(crate) fn number(&mut self, numbering: Numbering) {
        self.numbers.replace(numbering.numbers());
        self.zones = self.numbers.zones();
        self.held = OnceLock::new();
        self.numbering = Some(Arc::new(numbering));
    }

    /// Whether no value, BLANK among them, occurs twice.
    pub(crate) fn is_unique(&self) -> bool {
        self.blanks <= 1 && self.distinct as usize + self.blanks as usize == self.len()
    }
}

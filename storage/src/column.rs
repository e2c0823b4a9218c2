//! A column: one code a row, and the domain that says which value a code stands for.

use crate::dictionary::Domain;
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
}

impl Code for u8 {
    fn wide(self) -> u32 {
        self.into()
    }
}

impl Code for u16 {
    fn wide(self) -> u32 {
        self.into()
    }
}

impl Code for u32 {
    fn wide(self) -> u32 {
        self
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

    pub(crate) fn width_name(&self) -> &'static str {
        match self {
            Codes::U8(_) => "u8",
            Codes::U16(_) => "u16",
            Codes::U32(_) => "u32",
        }
    }

    /// Smallest and largest code of each block.
    fn zones(&self) -> Vec<(u32, u32)> {
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
    pub(crate) codes: Codes,
    pub(crate) domain: Domain,
    /// Rows that are BLANK.
    pub(crate) blanks: u32,
    /// Values that are not BLANK and occur.
    pub(crate) distinct: u32,
    /// Smallest and largest code of each block.
    pub(crate) zones: Vec<(u32, u32)>,
}

impl Column {
    pub(crate) fn new(data_type: DataType, codes: Codes, domain: Domain, distinct: u32) -> Column {
        let blanks =
            with_codes!(&codes, codes => codes.iter().filter(|c| c.wide() == BLANK).count()) as u32;
        let zones = codes.zones();
        Column {
            data_type,
            codes,
            domain,
            blanks,
            distinct,
            zones,
        }
    }

    /// Codes are below this.
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

    /// Whether no value, BLANK among them, occurs twice.
    pub(crate) fn is_unique(&self) -> bool {
        self.blanks <= 1 && self.distinct as usize + self.blanks as usize == self.codes.len()
    }
}

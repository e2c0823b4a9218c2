//! A column: one code a row, and the domain that says which value a code stands for.

use std::sync::{Arc, OnceLock};

use crate::bits::Bits;
use crate::codes::{Code, Codes, with_codes};
use crate::dictionary::Domain;
use crate::numbering::Numbering;
use crate::runs::RowCodes;
use crate::{BLANK, DataType};

/// Rows of a block: one container of a row set, one unit of kernel work and of cancellation.
pub(crate) const BLOCK: usize = 65_536;

/// One column of one generation.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) data_type: DataType,
    /// What the rows hold: codes, or the numbers that stand for codes where there is a numbering.
    pub(crate) numbers: RowCodes,
    pub(crate) numbering: Option<Arc<Numbering>>,
    /// Generations that have the same values share it.
    pub(crate) domain: Arc<Domain>,
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
        let domain = Arc::new(domain);
        let blanks =
            with_codes!(&codes, codes => codes.iter().filter(|c| c.wide() == BLANK).count()) as u32;
        let zones = codes.zones();
        let rows = RowCodes::of(codes);
        Column::of_parts(data_type, (rows, None), domain, (blanks, distinct), zones)
    }

    /// A column whose numbers, counts of blanks and of values, and zones are known.
    pub(crate) fn of_parts(
        data_type: DataType,
        (numbers, numbering): (RowCodes, Option<Arc<Numbering>>),
        domain: Arc<Domain>,
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

    /// These values with rows; this column has none.
    pub(crate) fn with_rows(
        &self,
        numbers: RowCodes,
        blanks: u32,
        zones: Vec<(u32, u32)>,
    ) -> Column {
        Column {
            data_type: self.data_type,
            numbers,
            numbering: self.numbering.clone(),
            domain: Arc::clone(&self.domain),
            blanks,
            distinct: self.distinct,
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

    /// The column with codes in the place of the numbers that stand for them.
    pub(crate) fn in_value_order(mut self) -> Column {
        if let Some(numbering) = self.numbering.take() {
            self.numbers.replace(numbering.codes());
            self.zones = self.numbers.zones();
            self.held = OnceLock::new();
        }
        self
    }

    /// Whether no value, BLANK among them, occurs twice.
    pub(crate) fn is_unique(&self) -> bool {
        self.blanks <= 1 && self.distinct as usize + self.blanks as usize == self.len()
    }
}

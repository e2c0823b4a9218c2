//! Domains: which value each code of a column stands for. Codes from 1 on are in value order in all of them; code 0 is
//! BLANK, and where a domain is a list, a value that means nothing stands in place 0 so that codes index it.

use std::cmp::Ordering;

use crate::codes::Codes;
use crate::texts::Texts;
use crate::{ABSENT, BLANK, collation};

/// The values of a column.
#[derive(Debug)]
pub(crate) enum Domain {
    Text(TextDomain),
    Offset(Offset),
    Whole(Vec<i64>),
    Double(Vec<f64>),
}

impl Domain {
    pub(crate) fn size(&self) -> u32 {
        match self {
            Domain::Text(text) => text.first.len() as u32,
            Domain::Offset(offset) => offset.count + 1,
            Domain::Whole(values) => values.len() as u32,
            Domain::Double(values) => values.len() as u32,
        }
    }

    /// Whether a value that is not BLANK, of this code, occurs.
    pub(crate) fn holds(&self, code: u32) -> bool {
        code != BLANK
            && code < self.size()
            && match self {
                Domain::Offset(Offset {
                    present: Some(present),
                    ..
                }) => present[code as usize / 64] >> (code % 64) & 1 == 1,
                _ => true,
            }
    }

    /// First code whose value is at least `value`, and first whose value is greater, of a domain of whole numbers.
    pub(crate) fn whole_bounds(&self, value: i64) -> (u32, u32) {
        match self {
            Domain::Offset(offset) => offset.bounds(value),
            Domain::Whole(values) => ordered_bounds(values.len(), |i| values[i].cmp(&value)),
            Domain::Text(_) | Domain::Double(_) => (self.size(), self.size()),
        }
    }

    pub(crate) fn double_bounds(&self, value: f64) -> (u32, u32) {
        match self {
            Domain::Double(values) => {
                ordered_bounds(values.len(), |i| compare_doubles(values[i], value))
            }
            _ => (self.size(), self.size()),
        }
    }

    pub(crate) fn text_bounds(&self, value: &str) -> (u32, u32) {
        match self {
            Domain::Text(text) => {
                let (first, equal) = text.first.find(|text| collation::compare(text, value));
                (first as u32, first as u32 + u32::from(equal))
            }
            _ => (self.size(), self.size()),
        }
    }

    /// The code of a whole number that occurs, or ABSENT.
    pub(crate) fn find_whole(&self, value: i64) -> u32 {
        self.found(self.whole_bounds(value))
    }

    pub(crate) fn find_double(&self, value: f64) -> u32 {
        self.found(self.double_bounds(value))
    }

    pub(crate) fn find_text(&self, value: &str) -> u32 {
        self.found(self.text_bounds(value))
    }

    fn found(&self, (first, beyond): (u32, u32)) -> u32 {
        if first < beyond && self.holds(first) {
            first
        } else {
            ABSENT
        }
    }

    /// The whole number of each code, 0 for BLANK; None for text and decimal numbers.
    pub(crate) fn whole_value(&self, code: u32) -> Option<i64> {
        match self {
            Domain::Offset(offset) => Some(offset.value(code)),
            Domain::Whole(values) => values.get(code as usize).copied(),
            Domain::Text(_) | Domain::Double(_) => None,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Domain::Text(text) => text.bytes(),
            Domain::Offset(offset) => offset
                .present
                .as_ref()
                .map_or(0, |p| size_of_val(p.as_slice()) as u64),
            Domain::Whole(values) => size_of_val(values.as_slice()) as u64,
            Domain::Double(values) => size_of_val(values.as_slice()) as u64,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Domain::Text(text) => text.first.name(),
            Domain::Offset(_) => "offset",
            Domain::Whole(_) | Domain::Double(_) => "dictionary",
        }
    }
}

/// The bounds of a value among places 1..len of an ordered list, `order` comparing a place with the value.
fn ordered_bounds(len: usize, order: impl Fn(usize) -> Ordering) -> (u32, u32) {
    let partition = |from: usize, before: &dyn Fn(usize) -> bool| {
        let (mut low, mut high) = (from, len);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    };
    let first = partition(1, &|i| order(i) == Ordering::Less);
    // Values are distinct, so at most one place is equal.
    let equal = first < len && order(first) == Ordering::Equal;
    (first as u32, first as u32 + u32::from(equal))
}

/// The order of decimal numbers: both zeros are one value, NaN is one value and the last.
pub(crate) fn compare_doubles(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Whole numbers at even distances: code 1 is `base`, each further code one `step` more.
#[derive(Debug)]
pub(crate) struct Offset {
    pub(crate) base: i64,
    pub(crate) step: i64,
    pub(crate) count: u32,
    /// A bit for each code that occurs; None: all from 1 on do.
    pub(crate) present: Option<Vec<u64>>,
}

impl Offset {
    /// 0 for BLANK.
    pub(crate) fn value(&self, code: u32) -> i64 {
        if code == BLANK {
            0
        } else {
            self.base
                .wrapping_add(i64::from(code - 1).wrapping_mul(self.step))
        }
    }

    fn bounds(&self, value: i64) -> (u32, u32) {
        let distance = i128::from(value) - i128::from(self.base);
        if distance < 0 || self.count == 0 {
            return (1, 1);
        }
        let places = distance / i128::from(self.step);
        if places >= i128::from(self.count) {
            return (self.count + 1, self.count + 1);
        }
        let code = places as u32 + 1;
        if distance % i128::from(self.step) == 0 {
            (code, code + 1)
        } else {
            (code + 1, code + 1)
        }
    }
}

/// Texts in the order of the collation. Spellings that compare equal share one code.
#[derive(Debug)]
pub(crate) struct TextDomain {
    /// For each code the spelling of its first row.
    pub(crate) first: Texts,
    pub(crate) variants: Option<Variants>,
}

impl TextDomain {
    fn bytes(&self) -> u64 {
        let first = self.first.size();
        let variants = self.variants.as_ref().map_or(0, |v| {
            let texts: usize = v
                .texts
                .iter()
                .flat_map(|(_, s)| s.iter().map(|s| s.len() + size_of::<Box<str>>()))
                .sum();
            texts as u64 + v.rows.serialized_size() as u64 + v.places.bytes()
        });
        first + variants
    }
}

/// The further spellings of texts that compare equal, and the rows that use them.
#[derive(Debug)]
pub(crate) struct Variants {
    /// Codes with several spellings, ascending, and their spellings after the first.
    pub(crate) texts: Vec<(u32, Vec<Box<str>>)>,
    /// The rows that are not spelled like the first row of their code.
    pub(crate) rows: roaring::RoaringBitmap,
    /// For each of these rows the place of its spelling, 1 being the second spelling of the code.
    pub(crate) places: Codes,
}

impl Variants {
    /// The spellings after the first; None: the code has one spelling.
    pub(crate) fn of(&self, code: u32) -> Option<&[Box<str>]> {
        let place = self.texts.binary_search_by_key(&code, |(c, _)| *c).ok()?;
        Some(&self.texts[place].1)
    }

    /// The spelling of a row that differs from the first row's.
    pub(crate) fn spelling(&self, code: u32, row: u32) -> Option<&str> {
        if !self.rows.contains(row) {
            return None;
        }
        let place = self.places.get(self.rows.rank(row) as usize - 1);
        self.of(code)?.get(place as usize - 1).map(|s| &**s)
    }
}

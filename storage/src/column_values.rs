//! Between the codes of one column and values of its canonical type.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringBuilder};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Float64Type;

use crate::canonical::{WholeValues, canonical_type, whole_array};
use crate::column::Column;
use crate::dictionary::{Domain, TextDomain};
use crate::{ABSENT, BLANK, DataType, Spellings, collation};

/// Why values and codes of a column do not go together; the dataset adds the names.
pub(crate) enum ValuesError {
    Type { found: String },
    CodeOutOfRange,
    TooLarge,
}

impl Column {
    /// The values of codes.
    pub(crate) fn decode(
        &self,
        codes: &[u32],
        spellings: Option<&Spellings>,
    ) -> Result<ArrayRef, ValuesError> {
        let size = self.size();
        if codes.iter().any(|c| *c >= size) {
            return Err(ValuesError::CodeOutOfRange);
        }
        let nulls = codes
            .contains(&BLANK)
            .then(|| codes.iter().map(|c| *c != BLANK).collect::<NullBuffer>());
        match &*self.domain {
            Domain::Text(text) => decode_text(text, codes, spellings),
            Domain::Double(values) => {
                let decoded: Vec<f64> = codes.iter().map(|c| values[*c as usize]).collect();
                Ok(Arc::new(Float64Array::new(decoded.into(), nulls)))
            }
            Domain::Offset(offset) => {
                self.whole(codes.iter().map(|c| offset.value(*c)).collect(), nulls)
            }
            Domain::Whole(values) => {
                self.whole(codes.iter().map(|c| values[*c as usize]).collect(), nulls)
            }
        }
    }

    fn whole(&self, values: Vec<i64>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValuesError> {
        whole_array(self.data_type, values, nulls).ok_or_else(|| ValuesError::Type {
            found: format!("{:?}", self.data_type),
        })
    }

    /// The codes of values: BLANK of null, ABSENT of what the column does not hold.
    pub(crate) fn encode(&self, values: &ArrayRef) -> Result<Vec<u32>, ValuesError> {
        self.check_type(values)?;
        Ok(match self.data_type {
            DataType::Text => {
                let find = |v: Option<&str>| v.map_or(BLANK, |v| self.domain.find_text(v));
                values.as_string::<i32>().iter().map(find).collect()
            }
            DataType::Double => {
                let find = |v: Option<f64>| v.map_or(BLANK, |v| self.domain.find_double(v));
                values
                    .as_primitive::<Float64Type>()
                    .iter()
                    .map(find)
                    .collect()
            }
            _ => self
                .whole_of(values)?
                .iter()
                .map(|v| v.map_or(BLANK, |v| self.domain.find_whole(v)))
                .collect(),
        })
    }

    /// For each value the first code that is at least it, and the first that is greater; (1, 1) of null.
    pub(crate) fn bounds(&self, values: &ArrayRef) -> Result<Vec<(u32, u32)>, ValuesError> {
        self.check_type(values)?;
        Ok(match self.data_type {
            DataType::Text => {
                let bound = |v: Option<&str>| v.map_or((1, 1), |v| self.domain.text_bounds(v));
                values.as_string::<i32>().iter().map(bound).collect()
            }
            DataType::Double => {
                let bound = |v: Option<f64>| v.map_or((1, 1), |v| self.domain.double_bounds(v));
                values
                    .as_primitive::<Float64Type>()
                    .iter()
                    .map(bound)
                    .collect()
            }
            _ => self
                .whole_of(values)?
                .iter()
                .map(|v| v.map_or((1, 1), |v| self.domain.whole_bounds(v)))
                .collect(),
        })
    }

    fn whole_of(&self, values: &ArrayRef) -> Result<WholeValues, ValuesError> {
        WholeValues::of(values).ok_or_else(|| ValuesError::Type {
            found: values.data_type().to_string(),
        })
    }

    fn check_type(&self, values: &ArrayRef) -> Result<(), ValuesError> {
        if canonical_type(self.data_type).as_ref() == Some(values.data_type()) {
            Ok(())
        } else {
            Err(ValuesError::Type {
                found: values.data_type().to_string(),
            })
        }
    }

    /// For each code of this column the code of the equal value in `to`, numbers being compared by value whatever their
    /// types, and with text by how they are written. None: the types have no values in common.
    pub(crate) fn translate(&self, to: &Column) -> Option<Vec<u32>> {
        let mut translated = vec![ABSENT; self.size() as usize];
        translated[0] = BLANK;
        match (&*self.domain, &*to.domain) {
            (Domain::Text(from), Domain::Text(to)) => merge_texts(from, to, &mut translated),
            (Domain::Text(_), _) if is_number(to.data_type) => {
                for (number, text) in numbers_as_texts(to, self) {
                    translated[text as usize] = number;
                }
            }
            (_, Domain::Text(_)) if is_number(self.data_type) => {
                for (number, text) in numbers_as_texts(self, to) {
                    translated[number as usize] = text;
                }
            }
            _ => {
                let find = numeric_search(self.data_type, to.data_type)?;
                for code in 1..self.size() {
                    if self.domain.holds(code) {
                        translated[code as usize] = find(self, to, code);
                    }
                }
            }
        }
        Some(translated)
    }
}

fn decode_text(
    text: &TextDomain,
    codes: &[u32],
    spellings: Option<&Spellings>,
) -> Result<ArrayRef, ValuesError> {
    let mut builder = StringBuilder::with_capacity(codes.len(), 0);
    let mut texts = text.first.reader();
    let mut bytes = 0;
    for code in codes {
        if *code == BLANK {
            builder.append_null();
            continue;
        }
        let spelled = match spellings.and_then(|s| s.of(*code)) {
            Some(chosen) => chosen,
            None => texts.get(*code as usize),
        };
        bytes += spelled.len();
        if bytes > i32::MAX as usize {
            return Err(ValuesError::TooLarge);
        }
        builder.append_value(spelled);
    }
    Ok(Arc::new(builder.finish()))
}

/// Both sides are in the same order, so one pass finds all the pairs.
fn merge_texts(from: &TextDomain, to: &TextDomain, translated: &mut [u32]) {
    let mut place = 1;
    let (mut ours, mut theirs) = (from.first.reader(), to.first.reader());
    for (code, translated) in translated.iter_mut().enumerate().skip(1) {
        let text = ours.get(code);
        while place < to.first.len() {
            match collation::compare(theirs.get(place), text) {
                Ordering::Less => place += 1,
                Ordering::Equal => {
                    *translated = place as u32;
                    break;
                }
                Ordering::Greater => break,
            }
        }
    }
}

type Search = fn(&Column, &Column, u32) -> u32;

pub(crate) fn is_number(data_type: DataType) -> bool {
    matches!(
        data_type,
        DataType::Integer | DataType::Fixed | DataType::Double
    )
}

/// The codes of numbers that occur among texts, each with the code of its text.
fn numbers_as_texts<'a>(
    numbers: &'a Column,
    texts: &'a Column,
) -> impl Iterator<Item = (u32, u32)> + 'a {
    let codes = (1..numbers.size()).filter(move |code| numbers.domain.holds(*code));
    codes.filter_map(move |code| {
        let found = texts.domain.find_text(&written(numbers, code));
        (found != ABSENT).then_some((code, found))
    })
}

/// A number as its text: no places that say nothing, no separators.
fn written(numbers: &Column, code: u32) -> String {
    match numbers.data_type {
        DataType::Double => double_value(numbers, code).to_string(),
        DataType::Fixed => {
            let value = whole_value(numbers, code);
            let sign = if value < 0 { "-" } else { "" };
            let (whole, places) = (value.unsigned_abs() / 10_000, value.unsigned_abs() % 10_000);
            let text = format!("{sign}{whole}.{places:04}");
            let text = text.trim_end_matches('0');
            text.strip_suffix('.').unwrap_or(text).to_owned()
        }
        _ => whole_value(numbers, code).to_string(),
    }
}

/// How to find the value of a code of one type among values of another; None: they have nothing in common.
fn numeric_search(from: DataType, to: DataType) -> Option<Search> {
    use DataType::{Boolean, DateTime, Double, Fixed, Integer};
    Some(match (from, to) {
        (Integer, Integer) | (Fixed, Fixed) | (DateTime, DateTime) | (Boolean, Boolean) => {
            |from, to, code| to.domain.find_whole(whole_value(from, code))
        }
        (Double, Double) => |from, to, code| to.domain.find_double(double_value(from, code)),
        (Integer, Fixed) => |from, to, code| {
            whole_value(from, code)
                .checked_mul(10_000)
                .map_or(ABSENT, |v| to.domain.find_whole(v))
        },
        (Fixed, Integer) => |from, to, code| {
            let value = whole_value(from, code);
            if value % 10_000 == 0 {
                to.domain.find_whole(value / 10_000)
            } else {
                ABSENT
            }
        },
        (Integer, Double) => |from, to, code| {
            let value = whole_value(from, code);
            // Beyond 2^53 not every whole number is a decimal number.
            let close = value as f64;
            if close as i128 == i128::from(value) {
                to.domain.find_double(close)
            } else {
                ABSENT
            }
        },
        (Double, Integer) => |from, to, code| {
            let value = double_value(from, code);
            let whole = value as i64;
            let same =
                value.fract() == 0.0 && whole as f64 == value && i128::from(whole) == value as i128;
            if same {
                to.domain.find_whole(whole)
            } else {
                ABSENT
            }
        },
        (Fixed, Double) => |from, to, code| {
            to.domain
                .find_double(whole_value(from, code) as f64 / 10_000.0)
        },
        (Double, Fixed) => |from, to, code| {
            let value = double_value(from, code);
            let fixed = (value * 10_000.0).round();
            let same = fixed.abs() < 9.0e18 && fixed / 10_000.0 == value;
            if same {
                to.domain.find_whole(fixed as i64)
            } else {
                ABSENT
            }
        },
        _ => return None,
    })
}

fn whole_value(column: &Column, code: u32) -> i64 {
    column.domain.whole_value(code).unwrap_or(0)
}

fn double_value(column: &Column, code: u32) -> f64 {
    match &*column.domain {
        Domain::Double(values) => values[code as usize],
        _ => f64::NAN,
    }
}

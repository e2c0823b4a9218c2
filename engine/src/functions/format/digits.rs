//! A number as its decimal digits, in which formats round and place it.

use crate::convert;
use crate::value::{FIXED_ONE, Value};

#[derive(Clone, Debug)]
pub(super) struct Digits {
    pub negative: bool,
    /// Without leading zeros; empty for zero.
    digits: Vec<u8>,
    /// How many of the digits stand before the decimal point; may be negative, or more than there are.
    point: i32,
    /// "Infinity" or "NaN".
    pub special: Option<&'static str>,
}

impl Digits {
    pub fn from_value(value: &Value) -> Digits {
        match value {
            Value::Integer(i) => Digits::from_exact(*i, 0),
            Value::Fixed(f) => Digits::from_exact(*f, FIXED_ONE.ilog10() as i32),
            other => Digits::from_double(other.to_double().unwrap_or(0.0)),
        }
    }

    fn from_exact(value: i64, decimals: i32) -> Digits {
        let digits: Vec<u8> = if value == 0 {
            Vec::new()
        } else {
            value
                .unsigned_abs()
                .to_string()
                .bytes()
                .map(|b| b - b'0')
                .collect()
        };
        Digits {
            negative: value < 0,
            point: digits.len() as i32 - decimals,
            digits,
            special: None,
        }
    }

    /// The 15 digits that a decimal number surely has.
    pub fn from_double(value: f64) -> Digits {
        let special = if value.is_nan() {
            Some("NaN")
        } else {
            value.is_infinite().then_some("Infinity")
        };
        if special.is_some() || value == 0.0 {
            return Digits {
                negative: value < 0.0,
                digits: Vec::new(),
                point: 0,
                special,
            };
        }
        let (digits, exponent) = convert::significant_digits(value, 15);
        Digits {
            negative: value < 0.0,
            digits: digits.bytes().map(|b| b - b'0').collect(),
            point: exponent + 1,
            special,
        }
    }

    pub fn is_zero(&self) -> bool {
        self.digits.iter().all(|&d| d == 0)
    }

    /// Multiplies by a power of ten.
    pub fn shift(&mut self, power: i32) {
        self.point += power;
    }

    /// The power of ten of the first digit; 0 for zero.
    pub fn exponent(&self) -> i32 {
        if self.is_zero() { 0 } else { self.point - 1 }
    }

    /// Rounds to decimal places, halves away from zero.
    pub fn round(&mut self, places: i32) {
        let kept = self.point + places;
        if kept < 0 {
            self.digits.clear();
            return;
        }
        let kept = kept as usize;
        if kept >= self.digits.len() {
            return;
        }
        let up = self.digits[kept] >= 5;
        self.digits.truncate(kept);
        if !up {
            return;
        }
        for digit in self.digits.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                return;
            }
            *digit = 0;
        }
        self.digits.insert(0, 1);
        self.point += 1;
    }

    fn at(&self, position: i32) -> char {
        let digit = usize::try_from(position)
            .ok()
            .and_then(|p| self.digits.get(p))
            .copied()
            .unwrap_or(0);
        char::from(b'0' + digit)
    }

    /// The digits before the decimal point; none for a number below 1.
    pub fn whole(&self) -> String {
        if self.is_zero() {
            return String::new();
        }
        (0..self.point).map(|p| self.at(p)).collect()
    }

    pub fn fraction(&self, places: usize) -> String {
        (0..places as i32)
            .map(|p| self.at(self.point + p))
            .collect()
    }
}

/// With a comma before every third digit from the right.
pub(super) fn grouped(whole: &str) -> String {
    let mut out = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

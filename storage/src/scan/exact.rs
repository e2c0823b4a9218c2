//! Exact sums of decimal numbers: rounded once, at the end. So the same values give the same bits in any order, whatever
//! lies between them and however many threads add them up.
//!
//! A sum is a whole number of 128 bits that counts multiples of a small power of two, the unit. The unit is chosen so that
//! the largest values to be expected fit; the few that do not, or that are no multiple of it, go to a number as wide as the
//! range of all decimal numbers. The result does not depend on where a value went.

use crate::hash::FastMap;

/// Bits of a decimal number before and after the point: from 2^-1074 to 2^1024, and room for 2^64 values.
const LIMBS: usize = 35;
/// Exponent bits of the unit of the wide numbers, as they stand in a decimal number that is not subnormal.
const MANTISSA: u32 = 52;

#[derive(Clone)]
pub(super) struct ExactSums {
    /// The unit is 2^(unit - 1075): what a value with these exponent bits has as its last place.
    unit: u32,
    /// Values whose exponent bits exceed the unit's by more than this do not fit.
    room: u32,
    sums: Vec<i128>,
    wide: FastMap<u32, Box<Wide>>,
}

/// A whole number of units of 2^-1074, in two's complement, and what is no number.
#[derive(Clone)]
struct Wide {
    limbs: [u64; LIMBS],
    infinite: bool,
    minus_infinite: bool,
    not_a_number: bool,
}

impl ExactSums {
    /// Bytes that the sums take.
    pub(super) fn bytes(&self) -> usize {
        let wide = size_of::<Wide>() + size_of::<(u32, Box<Wide>)>();
        size_of_val(self.sums.as_slice()) + self.wide.len() * wide
    }

    /// Sums of at most `rows` values each, hardly any of them larger than `largest`.
    pub(super) fn new(rows: usize, largest: f64) -> ExactSums {
        // A mantissa takes 53 bits, the sign one, and so many values as there are rows their count.
        let count = usize::BITS - rows.leading_zeros();
        let room = 126 - (MANTISSA + 1) - count;
        let largest = if largest.is_finite() { largest } else { 1e15 };
        let top = exponent(largest.to_bits()).max(1);
        ExactSums {
            unit: top.saturating_sub(room).max(1),
            room,
            sums: Vec::new(),
            wide: FastMap::default(),
        }
    }

    pub(super) fn grow(&mut self, groups: usize) {
        if self.sums.len() < groups {
            self.sums.resize(groups, 0);
        }
    }

    #[inline]
    pub(super) fn add(&mut self, group: usize, value: f64) {
        let bits = value.to_bits();
        let (exponent, mantissa) = parts(bits);
        if mantissa == 0 {
            return;
        }
        let shift = exponent.wrapping_sub(self.unit);
        if shift <= self.room {
            let magnitude = i128::from(mantissa) << shift;
            let sign = -i128::from(bits >> 63);
            self.sums[group] += (magnitude ^ sign) - sign;
        } else {
            self.add_wide(group, value);
        }
    }

    #[cold]
    fn add_wide(&mut self, group: usize, value: f64) {
        self.wide.entry(group as u32).or_default().add(value);
    }

    /// Adds the sums of another thread. `groups` are the numbers that its groups have here; None: the same.
    pub(super) fn merge(&mut self, other: ExactSums, groups: Option<&[u32]>) {
        let here = |group: usize| groups.map_or(group, |groups| groups[group] as usize);
        for (group, sum) in other.sums.into_iter().enumerate() {
            if sum != 0 {
                self.sums[here(group)] += sum;
            }
        }
        for (group, wide) in other.wide {
            let group = here(group as usize) as u32;
            self.wide.entry(group).or_default().merge(&wide);
        }
    }

    /// The nearest decimal number.
    pub(super) fn value(&self, group: usize) -> f64 {
        let sum = self.sums[group];
        let wide = self.wide.get(&(group as u32));
        // The unit is a normal number, and so is each of its multiples: the only rounding is that of the whole number.
        if wide.is_none() && self.unit > MANTISSA {
            return sum as f64 * f64::from_bits(u64::from(self.unit - MANTISSA) << MANTISSA);
        }
        let mut wide = wide.map_or_else(Wide::default, |wide| (**wide).clone());
        wide.add_shifted(sum.unsigned_abs(), self.unit - 1, sum < 0);
        wide.value()
    }
}

fn exponent(bits: u64) -> u32 {
    (bits >> MANTISSA) as u32 & 0x7FF
}

/// Exponent bits and mantissa such that the value is mantissa * 2^(exponent - 1075).
#[inline]
fn parts(bits: u64) -> (u32, u64) {
    let fraction = bits & ((1 << MANTISSA) - 1);
    match exponent(bits) {
        0 => (1, fraction),
        // Neither infinity nor NaN may look like nothing.
        0x7FF => (u32::MAX, fraction | 1 << MANTISSA),
        exponent => (exponent, fraction | 1 << MANTISSA),
    }
}

impl Default for Wide {
    fn default() -> Wide {
        Wide {
            limbs: [0; LIMBS],
            infinite: false,
            minus_infinite: false,
            not_a_number: false,
        }
    }
}

impl Wide {
    fn add(&mut self, value: f64) {
        if value.is_nan() {
            self.not_a_number = true;
        } else if value.is_infinite() {
            self.infinite |= value > 0.0;
            self.minus_infinite |= value < 0.0;
        } else {
            let (exponent, mantissa) = parts(value.to_bits());
            self.add_shifted(mantissa.into(), exponent - 1, value < 0.0);
        }
    }

    /// Adds or subtracts `magnitude` * 2^`shift`.
    fn add_shifted(&mut self, magnitude: u128, shift: u32, minus: bool) {
        let (place, bits) = (shift as usize / 64, shift % 64);
        let low = magnitude << bits;
        let high = if bits == 0 {
            0
        } else {
            magnitude >> (128 - bits)
        };
        let mut rest = [low as u64, (low >> 64) as u64, high as u64].into_iter();
        let mut carry = false;
        for (number, limb) in self.limbs[place..].iter_mut().enumerate() {
            let add = rest.next().unwrap_or(0);
            if number > 2 && !carry {
                break;
            }
            (*limb, carry) = if minus {
                limb.borrowing_sub(add, carry)
            } else {
                limb.carrying_add(add, carry)
            };
        }
    }

    fn merge(&mut self, other: &Wide) {
        let mut carry = false;
        for (limb, add) in self.limbs.iter_mut().zip(&other.limbs) {
            (*limb, carry) = limb.carrying_add(*add, carry);
        }
        self.infinite |= other.infinite;
        self.minus_infinite |= other.minus_infinite;
        self.not_a_number |= other.not_a_number;
    }

    /// Rounded to the nearest, to the even one of two.
    fn value(mut self) -> f64 {
        if self.not_a_number || (self.infinite && self.minus_infinite) {
            return f64::NAN;
        }
        if self.infinite || self.minus_infinite {
            return if self.infinite {
                f64::INFINITY
            } else {
                f64::NEG_INFINITY
            };
        }
        let minus = self.limbs[LIMBS - 1] >> 63 == 1;
        if minus {
            let mut carry = true;
            for limb in &mut self.limbs {
                (*limb, carry) = (!*limb).overflowing_add(carry.into());
            }
        }
        let Some(top) = self.limbs.iter().rposition(|limb| *limb != 0) else {
            return 0.0;
        };
        let highest = top as u32 * 64 + 63 - self.limbs[top].leading_zeros();
        // Below 2^53 units all bits of the number fit: it is subnormal, or just above.
        let drop = highest.saturating_sub(MANTISSA);
        let mut mantissa = self.bits(drop, 53);
        if drop > 0 {
            let half = self.bits(drop - 1, 1) == 1;
            let below = (0..drop - 1)
                .step_by(64)
                .any(|from| self.bits(from, 64.min(drop - 1 - from)) != 0);
            mantissa += u64::from(half && (below || mantissa & 1 == 1));
        }
        // The leading one of a mantissa adds to the exponent, and so does the bit that rounding may have carried up.
        let bits = (u64::from(drop) << MANTISSA) + mantissa;
        let value = if bits >= f64::INFINITY.to_bits() {
            f64::INFINITY
        } else {
            f64::from_bits(bits)
        };
        if minus { -value } else { value }
    }

    /// `count` bits from `from` on, 64 at most.
    fn bits(&self, from: u32, count: u32) -> u64 {
        let (place, shift) = (from as usize / 64, from % 64);
        let low = self.limbs[place] >> shift;
        let high = match self.limbs.get(place + 1) {
            Some(limb) if shift > 0 => limb << (64 - shift),
            _ => 0,
        };
        (low | high) & (u64::MAX >> (64 - count))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Adds without loss by keeping what each addition rounds off, as Shewchuk showed: nothing in common with the above.
    pub(in crate::scan) fn expansion(values: &[f64]) -> f64 {
        let mut parts: Vec<f64> = Vec::new();
        for value in values {
            let mut rest = *value;
            let mut kept = Vec::new();
            for part in parts {
                let (large, small) = if part.abs() > rest.abs() {
                    (part, rest)
                } else {
                    (rest, part)
                };
                let sum = large + small;
                let lost = small - (sum - large);
                if lost != 0.0 {
                    kept.push(lost);
                }
                rest = sum;
            }
            kept.push(rest);
            parts = kept;
        }
        // From the largest down, until something is lost; then half-way cases look at the sign of what is below.
        let mut sum = 0.0;
        let mut lost = 0.0;
        while let Some(part) = parts.pop() {
            let before = sum;
            sum = before + part;
            lost = part - (sum - before);
            if lost != 0.0 {
                break;
            }
        }
        let below = parts.last().copied().unwrap_or(0.0);
        if (lost < 0.0 && below < 0.0) || (lost > 0.0 && below > 0.0) {
            let twice = lost * 2.0;
            if (sum + twice) - sum == twice {
                sum += twice;
            }
        }
        sum
    }

    fn sum(values: &[f64], largest: f64, cut: usize) -> f64 {
        let mut sums = ExactSums::new(values.len(), largest);
        let mut others = sums.clone();
        sums.grow(2);
        others.grow(1);
        values[..cut].iter().for_each(|v| sums.add(1, *v));
        values[cut..].iter().for_each(|v| others.add(0, *v));
        sums.merge(others, Some(&[1]));
        assert_eq!(sums.value(0), 0.0);
        sums.value(1)
    }

    #[test]
    fn sums_are_exact_in_any_order() {
        let mut state = 7u64;
        let mut next = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 11
        };
        for round in 0..3000 {
            let spread = [1, 10, 60, 300, 900][round % 5];
            let mut values: Vec<f64> = (0..next() % 40)
                .map(|_| {
                    let mantissa = next() as f64 - 2f64.powi(52);
                    mantissa * 2f64.powi((next() % (2 * spread)) as i32 - spread as i32 - 20)
                })
                .collect();
            let expected = expansion(&values);
            let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            for largest in [largest, 1.0, f64::INFINITY, f64::MIN_POSITIVE] {
                let cut = next() as usize % (values.len() + 1);
                assert_eq!(
                    sum(&values, largest, cut).to_bits(),
                    expected.to_bits(),
                    "{values:?}"
                );
                values.reverse();
            }
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        fn check(values: &[f64], expected: f64) {
            for largest in [0.0, 1.0, f64::MAX] {
                let found = sum(values, largest, values.len() / 2);
                assert_eq!(found.to_bits(), expected.to_bits(), "{values:?}: {found}");
            }
        }
        let least = f64::from_bits(1);
        check(&[], 0.0);
        check(&[-0.0, -0.0], 0.0);
        check(&[least], least);
        check(&[least, -least], 0.0);
        check(&[f64::MIN_POSITIVE, -least], f64::MIN_POSITIVE - least);
        check(&[f64::MAX, f64::MAX], f64::INFINITY);
        check(&[f64::MAX, f64::MAX, -f64::MAX], f64::MAX);
        check(&[-f64::MAX, -f64::MAX, -f64::MAX], f64::NEG_INFINITY);
        check(&[1e16, 1.0, 1.0], 1e16 + 2.0);
        check(&[1.0, 2f64.powi(-53), least], 1.0 + f64::EPSILON);
        check(&[1.0, 2f64.powi(-53)], 1.0);
        check(&[f64::INFINITY, 1.0], f64::INFINITY);
        check(&[f64::NEG_INFINITY, 1.0], f64::NEG_INFINITY);
        check(&[f64::INFINITY, f64::NEG_INFINITY], f64::NAN);
        check(&[f64::NAN, 1.0], f64::NAN);
    }
}

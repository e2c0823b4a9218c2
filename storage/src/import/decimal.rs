//! Decimals of any width, one value at a time.

use arrow::datatypes::i256;

/// An unscaled decimal: its value is `digits / 10^scale`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Digits {
    Narrow(i128),
    Wide(i256),
}

/// What becomes of digits beyond the wanted scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// Half away from zero, as Analysis Services rounds its fixed decimals.
    Round,
    /// They must all be zero.
    Refuse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rescale {
    TooLarge,
    NotExact,
}

impl Digits {
    /// The digits at another scale, as i64.
    pub fn rescale(self, from: i32, to: i32, excess: Excess) -> Result<i64, Rescale> {
        let wide = match self {
            Digits::Narrow(digits) => {
                let digits = rescale_narrow(digits, from, to, excess)?;
                return i64::try_from(digits).map_err(|_| Rescale::TooLarge);
            }
            Digits::Wide(digits) => match digits.to_i128() {
                Some(narrow) => return Digits::Narrow(narrow).rescale(from, to, excess),
                None => digits,
            },
        };
        let digits = rescale_wide(wide, from, to, excess)?;
        digits
            .to_i128()
            .and_then(|d| i64::try_from(d).ok())
            .ok_or(Rescale::TooLarge)
    }

    /// The nearest decimal number.
    pub fn to_f64(self, scale: i32) -> f64 {
        /// Below this every whole number is a decimal number.
        const EXACT: u128 = 1 << 53;
        match self {
            // Both are exact here, so the one division rounds once. 10^22 is the last exact power of ten.
            Digits::Narrow(digits)
                if digits.unsigned_abs() <= EXACT && (0..=22).contains(&scale) =>
            {
                digits as f64 / 10f64.powi(scale)
            }
            // Two roundings could miss the nearest number; reading the digits does not.
            Digits::Narrow(digits) => format!("{digits}e{}", -scale).parse().unwrap_or(f64::NAN),
            Digits::Wide(digits) => format!("{digits}e{}", -scale).parse().unwrap_or(f64::NAN),
        }
    }
}

fn rescale_narrow(digits: i128, from: i32, to: i32, excess: Excess) -> Result<i128, Rescale> {
    if digits == 0 || from == to {
        return Ok(digits);
    }
    let power = 10i128.checked_pow(from.abs_diff(to));
    if from < to {
        return power
            .and_then(|p| digits.checked_mul(p))
            .ok_or(Rescale::TooLarge);
    }
    // Without a power of ten in range, every value is less than half a unit.
    let (quotient, rest) = power.map_or((0, digits), |p| (digits / p, digits % p));
    if rest != 0 && excess == Excess::Refuse {
        return Err(Rescale::NotExact);
    }
    let up = power.is_some_and(|p| rest.abs() >= p / 2);
    Ok(if up {
        quotient + digits.signum()
    } else {
        quotient
    })
}

fn rescale_wide(digits: i256, from: i32, to: i32, excess: Excess) -> Result<i256, Rescale> {
    if from <= to {
        // A value this wide only grows further beyond i64.
        return Err(Rescale::TooLarge);
    }
    let power = i256::from_i128(10)
        .checked_pow(from.abs_diff(to))
        .ok_or(Rescale::TooLarge)?;
    let quotient = digits.checked_div(power).ok_or(Rescale::TooLarge)?;
    let rest = digits.checked_rem(power).ok_or(Rescale::TooLarge)?;
    if rest != i256::ZERO && excess == Excess::Refuse {
        return Err(Rescale::NotExact);
    }
    let half = power
        .checked_div(i256::from_i128(2))
        .ok_or(Rescale::TooLarge)?;
    if rest.wrapping_abs() < half {
        return Ok(quotient);
    }
    let one = if digits.is_negative() {
        i256::MINUS_ONE
    } else {
        i256::ONE
    };
    quotient.checked_add(one).ok_or(Rescale::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(digits: i128, from: i32, to: i32, excess: Excess, expected: Result<i64, Rescale>) {
        assert_eq!(Digits::Narrow(digits).rescale(from, to, excess), expected);
        assert_eq!(
            Digits::Wide(i256::from_i128(digits)).rescale(from, to, excess),
            expected
        );
    }

    #[test]
    fn rescaling() {
        use Excess::{Refuse, Round};
        check(12, 0, 4, Refuse, Ok(120_000));
        check(-12, 2, 4, Refuse, Ok(-1200));
        check(123_450, 5, 4, Refuse, Ok(12_345));
        check(123_455, 5, 4, Round, Ok(12_346));
        check(-123_455, 5, 4, Round, Ok(-12_346));
        check(123_454, 5, 4, Round, Ok(12_345));
        check(123_454, 5, 4, Refuse, Err(Rescale::NotExact));
        check(i128::MAX, 0, 4, Round, Err(Rescale::TooLarge));
        check(i128::MAX, 38, 4, Round, Ok(17_014));
        check(1, 76, 4, Round, Ok(0));
        check(1, -2, 0, Refuse, Ok(100));
        check(0, 0, 76, Refuse, Ok(0));
        check(7, 2, 0, Refuse, Err(Rescale::NotExact));
    }

    #[test]
    fn wide_digits() {
        let ten_to = |n: u32| i256::from_i128(10).checked_pow(n).unwrap();
        let half = ten_to(45).checked_mul(i256::from_i128(5)).unwrap();
        assert_eq!(Digits::Wide(half).rescale(46, 0, Excess::Round), Ok(1));
        assert_eq!(
            Digits::Wide(half.wrapping_neg()).rescale(46, 0, Excess::Round),
            Ok(-1)
        );
        assert_eq!(
            Digits::Wide(half).rescale(46, 0, Excess::Refuse),
            Err(Rescale::NotExact)
        );
        assert_eq!(
            Digits::Wide(ten_to(50)).rescale(50, 4, Excess::Refuse),
            Ok(10_000)
        );
        assert_eq!(
            Digits::Wide(ten_to(50)).rescale(2, 4, Excess::Round),
            Err(Rescale::TooLarge)
        );
        assert_eq!(Digits::Wide(ten_to(50)).to_f64(50), 1.0);
    }

    #[test]
    fn nearest_decimal_numbers() {
        assert_eq!(Digits::Narrow(1).to_f64(1), 0.1);
        assert_eq!(Digits::Narrow(-123_456).to_f64(3), -123.456);
        assert_eq!(
            Digits::Narrow(12_345_678_901_234_567_890_123).to_f64(4),
            1_234_567_890_123_456_789.012_3
        );
        assert_eq!(Digits::Narrow(3).to_f64(30), 3e-30);
    }
}

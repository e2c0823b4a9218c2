//! Sums of a column over many rows in a row: straight from its codes, where they lie at even distances, and through a list,
//! where one says what each code stands for.
//!
//! Memory is what these wait for. The processor reads ahead by itself, but not beyond a page of 4 KB; so rows are read at
//! several places at once, and while one of these begins a page, the others are in the middle of theirs.
//!
//! This file holds `unsafe` code as `kernels.rs` does: loading a vector from a slice, looking up eight places of a list at
//! once, seeing numbers as their bytes, and calling what needs a feature of the processor after that feature was found.
//! Measured over 60 million rows on one thread: bytes are added up by AVX2 in 2.1 ms and by the portable loop in 8 ms, looked
//! up in 13 ms against 21 ms with 3,000 values, and 23 ms against 29 ms with 65,000.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::kernels::{Lane, Level, SET, range_bits};
use crate::codes::{Code, Codes, U24};

/// Bytes beyond which the processor does not read ahead by itself.
#[cfg(target_arch = "x86_64")]
const PAGE: usize = 4096;
/// Places at which rows are read at once.
const STREAMS: usize = 4;

/// Codes of a width whose sums are taken whole.
pub(super) trait Summed: Lane {
    /// The sum of all numbers.
    fn sum(level: Level, numbers: &[Self]) -> u64;

    /// How many of the numbers are not zero: they stand for values other than BLANK.
    fn values(level: Level, numbers: &[Self]) -> u64 {
        let mut blank = [0; PIECE / 64];
        let count = |piece: &[Self]| {
            let blank = &mut blank[..piece.len().div_ceil(64)];
            range_bits::<SET, Self>(level, piece, 0, 0, blank);
            let blanks: u32 = blank.iter().map(|word| word.count_ones()).sum();
            piece.len() as u64 - u64::from(blanks)
        };
        numbers.chunks(PIECE).map(count).sum()
    }

    /// Both, reading the numbers from memory once.
    fn sum_and_values(level: Level, numbers: &[Self]) -> (u64, u64) {
        let pieces = numbers.chunks(PIECE);
        let both = pieces.map(|piece| (Self::sum(level, piece), Self::values(level, piece)));
        both.fold((0, 0), |(sum, values), (s, v)| (sum + s, values + v))
    }
}

/// Numbers that are looked at twice stay in the first level of cache meanwhile.
const PIECE: usize = 4096;

impl Summed for u8 {
    fn sum(level: Level, numbers: &[u8]) -> u64 {
        match level {
            Level::Portable => portable(numbers),
            // SAFETY: both levels say that the processor has the feature.
            #[cfg(target_arch = "x86_64")]
            _ => unsafe { x86::sum_u8(numbers) },
        }
    }
}

impl Summed for u16 {
    fn sum(level: Level, numbers: &[u16]) -> u64 {
        widest(level, numbers)
    }
}

impl Summed for U24 {
    fn sum(_: Level, numbers: &[U24]) -> u64 {
        by_places(numbers)
    }
}

impl Summed for u32 {
    fn sum(level: Level, numbers: &[u32]) -> u64 {
        widest(level, numbers)
    }
}

/// The portable loop, compiled for what the processor has.
fn widest<C: Code>(level: Level, numbers: &[C]) -> u64 {
    match level {
        Level::Portable => portable(numbers),
        // SAFETY: the level says that the processor has the feature.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { x86::portable_256(numbers) },
        // SAFETY: the same.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { x86::portable_512(numbers) },
    }
}

#[inline(always)]
fn portable<C: Code>(numbers: &[C]) -> u64 {
    // Sums of 256 numbers below 2^24 fit 32 bits, which twice as many lanes of a vector hold; wider ones take 64.
    if size_of::<C>() < 4 {
        let parts = numbers.chunks(256);
        parts
            .map(|part| u64::from(part.iter().map(|n| n.wide()).sum::<u32>()))
            .sum()
    } else {
        numbers.iter().map(|n| u64::from(n.wide())).sum()
    }
}

/// Adds bytes by their places in 64 numbers, which the compiler vectorizes for any machine. Measured over 60 million rows on one thread, 13 ms where
/// putting each number together takes 87 ms; the loops for AVX2 and AVX-512 that there were, or that sort bytes by masks, take
/// 12 to 15 ms, which is too little less to keep them.
fn by_places(numbers: &[U24]) -> u64 {
    /// Sums of so many bytes from each stream fit 16 bits.
    const FITTING: usize = 257 / STREAMS;
    // SAFETY: a number is three bytes and nothing else.
    let bytes = unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), numbers.len() * 3) };
    let (streams, rest): (_, &[u8]) = streams::<u8, 192>(bytes);
    let mut total = portable(&numbers[numbers.len() - rest.len() / 3..]);
    for first in (0..streams[0].len()).step_by(FITTING) {
        let mut sums = [0u16; 192];
        for place in first..streams[0].len().min(first + FITTING) {
            for stream in streams {
                for (sum, byte) in sums.iter_mut().zip(&stream[place]) {
                    *sum += u16::from(*byte);
                }
            }
        }
        for [low, middle, high] in sums.as_chunks::<3>().0 {
            total += u64::from(*low) + (u64::from(*middle) << 8) + (u64::from(*high) << 16);
        }
    }
    total
}

/// As many parts of `N` numbers at each of several places, and what is left.
#[inline(always)]
fn streams<C, const N: usize>(numbers: &[C]) -> ([&[[C; N]]; STREAMS], &[C]) {
    let share = numbers.len() / (STREAMS * N) * N;
    let stream = |place: usize| numbers[place * share..][..share].as_chunks::<N>().0;
    (std::array::from_fn(stream), &numbers[STREAMS * share..])
}

/// How to add up a column whose values stand in a list, from its codes: the value of a code is `least + code * slope`, and
/// what the list of rests has for it. Rests are a fraction of the values, so that more of them fit the nearest cache.
pub(super) struct Lookup {
    least: i64,
    slope: i64,
    rests: Rests,
    /// Code 0 stands for BLANK.
    may_be_blank: bool,
}

/// One for each code that the width of the codes has, and one more: no code is beyond them, whatever it is.
enum Rests {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Lookup {
    /// Of a column with these codes, the first value of which stands for BLANK, if that occurs, and else for nothing. None:
    /// there are too many codes, or the values lie too far apart.
    pub(super) fn new(codes: &Codes, values: &[i64], may_be_blank: bool) -> Option<Lookup> {
        let width = match codes {
            Codes::U8(_) => 1 << 8,
            Codes::U16(_) => 1 << 16,
            Codes::U24(_) | Codes::U32(_) => return None,
        };
        let values = values.get(1..)?;
        let (first, last) = (*values.first()?, *values.last()?);
        let slope = last.checked_sub(first)? / (values.len() as i64 - 1).max(1);
        let rest = |(place, value): (usize, &i64)| {
            value.checked_sub((place as i64 + 1).checked_mul(slope)?)
        };
        let rests = values.iter().enumerate().map(rest);
        let rests: Vec<i64> = rests.collect::<Option<_>>()?;
        let (least, most) = (*rests.iter().min()?, *rests.iter().max()?);
        let span = most.checked_sub(least)?;
        if values.len() >= width {
            return None;
        }
        let above = rests.iter().map(|rest| rest.wrapping_sub(least));
        let rests = if span <= u16::MAX.into() {
            let mut rests = vec![0; width + 1];
            rests[1..]
                .iter_mut()
                .zip(above)
                .for_each(|(to, rest)| *to = rest as u16);
            Rests::Narrow(rests)
        } else if span <= u32::MAX.into() {
            let mut rests = vec![0; width + 1];
            rests[1..]
                .iter_mut()
                .zip(above)
                .for_each(|(to, rest)| *to = rest as u32);
            Rests::Wide(rests)
        } else {
            return None;
        };
        Some(Lookup {
            least,
            slope,
            rests,
            may_be_blank,
        })
    }

    /// The sum of the values of some rows, and how many are not BLANK. What does not fit wraps around.
    pub(super) fn sum(
        &self,
        level: Level,
        codes: &Codes,
        rows: std::ops::Range<usize>,
    ) -> (i64, u64) {
        match codes {
            Codes::U8(codes) => self.sum_of(level, &codes[rows]),
            Codes::U16(codes) => self.sum_of(level, &codes[rows]),
            // There is none for these.
            Codes::U24(_) | Codes::U32(_) => (0, 0),
        }
    }

    fn sum_of<C: Summed>(&self, level: Level, codes: &[C]) -> (i64, u64) {
        let (mut sum, mut values) = (0i64, 0);
        for codes in codes.chunks(PIECE) {
            let (of_codes, of_rests) = match &self.rests {
                Rests::Narrow(rests) => looked_up(level, codes, rests),
                Rests::Wide(rests) => looked_up(level, codes, rests),
            };
            values += match self.may_be_blank {
                true => C::values(level, codes),
                false => codes.len() as u64,
            };
            sum = sum
                .wrapping_add((of_codes as i64).wrapping_mul(self.slope))
                .wrapping_add(of_rests as i64);
        }
        (
            sum.wrapping_add((values as i64).wrapping_mul(self.least)),
            values,
        )
    }
}

/// The sums of codes, and of what a list has for them.
fn looked_up<C: Code, R: Copy + Into<u64>>(level: Level, codes: &[C], rests: &[R]) -> (u64, u64) {
    match level {
        Level::Portable => portable_looked_up(codes, rests),
        // SAFETY: both levels say that the processor has the feature.
        #[cfg(target_arch = "x86_64")]
        _ => unsafe { x86::looked_up(codes, rests) },
    }
}

#[inline(always)]
fn portable_looked_up<C: Code, R: Copy + Into<u64>>(codes: &[C], rests: &[R]) -> (u64, u64) {
    let (mut of_codes, mut of_rests) = (0, [0u64; STREAMS]);
    let (fours, rest) = codes.as_chunks::<STREAMS>();
    for four in fours {
        for (sum, code) in of_rests.iter_mut().zip(four) {
            let code = code.wide();
            of_codes += u64::from(code);
            *sum += rests[code as usize].into();
        }
    }
    for code in rest {
        of_codes += u64::from(code.wide());
        of_rests[0] += rests[code.wide() as usize].into();
    }
    (of_codes, of_rests.into_iter().sum())
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::*;

    #[target_feature(enable = "avx2")]
    pub(super) fn portable_256<C: Code>(numbers: &[C]) -> u64 {
        portable(numbers)
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn portable_512<C: Code>(numbers: &[C]) -> u64 {
        portable(numbers)
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn sum_u8(numbers: &[u8]) -> u64 {
        let zero = _mm256_setzero_si256();
        let (streams, rest) = streams::<u8, 32>(numbers);
        let mut sums = [zero; STREAMS];
        for place in 0..streams[0].len() {
            for (sum, stream) in sums.iter_mut().zip(&streams) {
                // SAFETY: a part is 32 bytes.
                let part = unsafe { _mm256_loadu_si256(stream[place].as_ptr().cast()) };
                *sum = _mm256_add_epi64(*sum, _mm256_sad_epu8(part, zero));
            }
        }
        sums.into_iter().map(|sum| of_four(sum)).sum::<u64>() + portable(rest)
    }

    /// Lookups fill the processor's window, so that it does not see how the codes go on: these are asked for a page ahead.
    #[target_feature(enable = "avx2")]
    pub(super) fn looked_up<C: Code, R: Copy + Into<u64>>(codes: &[C], rests: &[R]) -> (u64, u64) {
        /// Sums of four times as many numbers of 16 bits fit 32.
        const FITTING: usize = 1 << 14;
        let narrow = size_of::<R>() == 2;
        assert!(size_of::<C>() <= 2 && (narrow || size_of::<R>() == 4));
        assert!(rests.len() > 1 << (8 * size_of::<C>()));
        let (parts, left) = codes.as_chunks::<32>();
        let (mut of_codes, mut of_rests) = portable_looked_up(left, rests);
        let low = _mm256_set1_epi64x(0xFFFF_FFFF);
        for parts in parts.chunks(FITTING) {
            let mut sums = [_mm256_setzero_si256(); 2];
            for part in parts {
                let page_on = part.as_ptr().cast::<i8>().wrapping_add(PAGE);
                // Nothing is read, and so any address will do.
                _mm_prefetch::<_MM_HINT_T0>(page_on);
                for part in part.as_chunks::<8>().0 {
                    let codes = eight(part);
                    sums[0] = _mm256_add_epi32(sums[0], codes);
                    let rests = rests.as_ptr().cast();
                    if narrow {
                        // SAFETY: four bytes are read at a place, and there is a place more after that of the greatest code.
                        let found = unsafe { _mm256_i32gather_epi32::<2>(rests, codes) };
                        let found = _mm256_and_si256(found, _mm256_set1_epi32(0xFFFF));
                        sums[1] = _mm256_add_epi32(sums[1], found);
                    } else {
                        // SAFETY: four bytes are read at a place, and every code has one.
                        let found = unsafe { _mm256_i32gather_epi32::<4>(rests, codes) };
                        let even = _mm256_and_si256(found, low);
                        let both = _mm256_add_epi64(even, _mm256_srli_epi64::<32>(found));
                        sums[1] = _mm256_add_epi64(sums[1], both);
                    }
                }
            }
            of_codes += of_eight(sums[0]);
            of_rests += match narrow {
                true => of_eight(sums[1]),
                false => of_four(sums[1]),
            };
        }
        (of_codes, of_rests)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn eight<C: Code>(codes: &[C; 8]) -> __m256i {
        // SAFETY: eight codes are 8 or 16 bytes.
        unsafe {
            if size_of::<C>() == 1 {
                _mm256_cvtepu8_epi32(_mm_loadl_epi64(codes.as_ptr().cast()))
            } else {
                _mm256_cvtepu16_epi32(_mm_loadu_si128(codes.as_ptr().cast()))
            }
        }
    }

    /// The sum of four numbers of 64 bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of_four(numbers: __m256i) -> u64 {
        let parts = [
            _mm256_extract_epi64::<0>(numbers),
            _mm256_extract_epi64::<1>(numbers),
            _mm256_extract_epi64::<2>(numbers),
            _mm256_extract_epi64::<3>(numbers),
        ];
        parts.into_iter().map(|part| part as u64).sum()
    }

    /// The sum of eight numbers of 32 bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of_eight(numbers: __m256i) -> u64 {
        let even = _mm256_and_si256(numbers, _mm256_set1_epi64x(0xFFFF_FFFF));
        of_four(_mm256_add_epi64(even, _mm256_srli_epi64::<32>(numbers)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::random::Random;
    use super::*;

    /// Every level gives, for any count of numbers, what adding one after the other gives.
    fn check<C: Summed>(random: &mut Random, bound: u32, len: usize) {
        let blank = random.below(3) * 30;
        let draw = |_| match random.chance(blank) {
            true => 0,
            false => random.below(bound.into()) as u32,
        };
        let numbers: Vec<C> = (0..len).map(draw).map(C::narrow).collect();
        let sum: u64 = numbers.iter().map(|number| u64::from(number.wide())).sum();
        let values = numbers.iter().filter(|number| number.wide() > 0).count() as u64;
        for level in Level::all() {
            let place = format!("{level:?}, {len} below {bound}");
            assert_eq!(C::sum(level, &numbers), sum, "{place}");
            assert_eq!(C::values(level, &numbers), values, "{place}");
            let both = C::sum_and_values(level, &numbers);
            assert_eq!(both, (sum, values), "{place}");
        }
    }

    #[test]
    fn every_level_adds_up_as_one_number_at_a_time_does() {
        let mut random = Random::new(21);
        let lengths = (0..400).chain([1023, 4095, 4096, 4097, 65_535, 65_536, 70_001]);
        for len in lengths {
            for bound in [1, 2, 256] {
                check::<u8>(&mut random, bound, len);
            }
            for bound in [300, 65_536] {
                check::<u16>(&mut random, bound, len);
            }
            for bound in [300, 70_000, 1 << 24] {
                check::<U24>(&mut random, bound, len);
            }
            check::<u32>(&mut random, u32::MAX, len);
        }
    }

    #[test]
    fn sums_of_large_numbers_do_not_wrap() {
        fn check<C: Summed>(most: u32) {
            const LEN: usize = 300_007;
            for level in Level::all() {
                let numbers: Vec<C> = std::iter::repeat_n(C::narrow(most), LEN).collect();
                let sum = C::sum(level, &numbers);
                assert_eq!(sum, LEN as u64 * u64::from(most), "{level:?} {most}");
            }
        }
        check::<u8>(u8::MAX.into());
        check::<u16>(u16::MAX.into());
        check::<U24>(0xFF_FFFF);
        check::<u32>(u32::MAX);
    }

    /// Columns of these values, ascending, give sums as adding one value after the other does.
    fn check_list(random: &mut Random, of_values: &[i64], fits: bool) {
        let values: Vec<i64> = [0].iter().chain(of_values).copied().collect();
        for may_be_blank in [false, true] {
            for len in [0, 1, 7, 8, 9, 500, 4096, 70_003] {
                let first = u64::from(!may_be_blank);
                let draw = |_| (first + random.below(values.len() as u64 - first)) as u32;
                let rows: Vec<u32> = (0..len).map(draw).collect();
                let codes = Codes::pack(values.len() as u32, rows.iter().copied());
                let lookup = Lookup::new(&codes, &values, may_be_blank);
                assert_eq!(lookup.is_some(), fits, "{} values", values.len());
                let Some(lookup) = lookup else { continue };
                let within = len / 9..len - len / 7;
                let rows = &rows[within.clone()];
                let sum = rows.iter().map(|code| values[*code as usize]);
                let sum = sum.fold(0, i64::wrapping_add);
                let count = rows.iter().filter(|code| **code > 0).count() as u64;
                for level in Level::all() {
                    let found = lookup.sum(level, &codes, within.clone());
                    assert_eq!(found, (sum, count), "{level:?}, {} values", values.len());
                }
            }
        }
    }

    #[test]
    fn every_level_looks_up_as_one_code_at_a_time_does() {
        let mut random = Random::new(22);
        let mut apart = |count: u64, most: u64, start: i64| -> Vec<i64> {
            let step = |value: &mut i64, _| {
                *value += 1 + random.below(most) as i64;
                Some(*value)
            };
            (0..count).scan(start, step).collect()
        };
        let lists = [
            (apart(1, 5, -9), true),
            (apart(2, 1 << 40, 7), true),
            (apart(100, 9, -500), true),
            (apart(255, 1 << 24, -(1 << 30)), true),
            (apart(256, 3, 1 << 50), true),
            (apart(4000, 1 << 20, 0), true),
            (apart(60_000, 2, 54_000), true),
            (apart(65_535, 1 << 8, -1), true),
            // More codes than two bytes have, and values too far apart.
            (apart(65_536, 2, 0), false),
            (vec![i64::MIN, 0, i64::MAX], false),
            (vec![0, 1, 1 << 40], false),
            (Vec::new(), false),
        ];
        let mut random = Random::new(23);
        for (values, fits) in lists {
            check_list(&mut random, &values, fits);
        }
    }
}

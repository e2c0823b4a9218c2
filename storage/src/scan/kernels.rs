//! The innermost loops over the numbers of a lane. A test gives one bit a row, 64 rows a word. Each loop is written for any
//! machine, and again for AVX2 and AVX-512, which are chosen by asking the processor; all give the same bits.
//!
//! What is `unsafe` here, in `picked.rs` and in `sums.rs`, is loading a vector from a slice, and calling what needs a feature of the
//! processor after that feature was found. Measured over 60 million rows in memory, by processor time, AVX-512 makes range tests of 8
//! bits 4.7 times, of 16 bits 2.2 times as fast as the portable loops, lookups 1.5 to 2.2 times and the list of picks twice; AVX2
//! does the same for ranges. Ranges of 32 bits wait for memory.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use crate::codes::{Code, U24};

/// What becomes of the words that are there already.
pub(super) const SET: u8 = 0;
pub(super) const AND: u8 = 1;
pub(super) const OR: u8 = 2;

#[inline(always)]
fn put<const OP: u8>(word: &mut u64, bits: u64) {
    match OP {
        SET => *word = bits,
        AND => *word &= bits,
        _ => *word |= bits,
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The best that this processor can do.
    pub(super) fn best() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            let counts = is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("popcnt");
            let wide = is_x86_feature_detected!("avx512bw");
            if counts && wide && is_x86_feature_detected!("avx512vbmi2") {
                return Level::Avx512;
            }
            if counts && is_x86_feature_detected!("avx2") {
                return Level::Avx2;
            }
        }
        Level::Portable
    }

    /// All that this processor can do.
    #[cfg(test)]
    pub(super) fn all() -> Vec<Level> {
        let mut all = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let best = Level::best();
            all.extend((best != Level::Portable).then_some(Level::Avx2));
            all.extend((best == Level::Avx512).then_some(Level::Avx512));
        }
        all
    }
}

/// Numbers in the width of a lane.
pub(super) trait Lane: Code + PartialOrd {
    /// For each whole word of rows the bits of those whose number is at least `first` and at most `span` more.
    fn range_words<const OP: u8>(
        level: Level,
        rows: &[[Self; 64]],
        first: u32,
        span: u32,
        words: &mut [u64],
    );
    /// For each whole word of rows the bits of those whose number is in the set.
    fn set_words<const OP: u8>(level: Level, rows: &[[Self; 64]], set: &[u64], words: &mut [u64]);
}

#[inline(always)]
fn in_range<C: Code>(number: C, first: u32, span: u32) -> bool {
    // One comparison: below `first` wraps around to a large number.
    number.wide().wrapping_sub(first) <= span
}

#[inline(always)]
fn in_set<C: Code>(number: C, set: &[u64]) -> bool {
    let number = number.wide();
    set[number as usize / 64] >> (number % 64) & 1 == 1
}

/// Tests the rows of a block; the last word may be short.
pub(super) fn range_bits<const OP: u8, C: Lane>(
    level: Level,
    numbers: &[C],
    first: u32,
    span: u32,
    words: &mut [u64],
) {
    let (whole, rest) = numbers.as_chunks::<64>();
    C::range_words::<OP>(level, whole, first, span, words);
    if let Some(word) = words.get_mut(whole.len()) {
        put::<OP>(word, bits_of(rest, |number| in_range(number, first, span)));
    }
}

/// Tests the rows of a block; the last word may be short.
pub(super) fn set_bits<const OP: u8, C: Lane>(
    level: Level,
    numbers: &[C],
    set: &[u64],
    words: &mut [u64],
) {
    let (whole, rest) = numbers.as_chunks::<64>();
    C::set_words::<OP>(level, whole, set, words);
    if let Some(word) = words.get_mut(whole.len()) {
        put::<OP>(word, bits_of(rest, |number| in_set(number, set)));
    }
}

#[inline(always)]
fn bits_of<C: Copy>(rows: &[C], passes: impl Fn(C) -> bool) -> u64 {
    let bits = rows.iter().enumerate();
    bits.fold(0, |word, (bit, row)| word | u64::from(passes(*row)) << bit)
}

/// Bytes of 0 and 1, eight at a time, to bits: the multiplication brings them together at the top.
#[inline(always)]
fn portable_word<C: Copy>(rows: &[C; 64], passes: impl Fn(C) -> bool) -> u64 {
    let mut bytes = [0u8; 64];
    for (byte, row) in bytes.iter_mut().zip(rows) {
        *byte = passes(*row).into();
    }
    let eights = bytes.as_chunks::<8>().0.iter().enumerate();
    eights.fold(0, |word, (place, eight)| {
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word | bits << (8 * place)
    })
}

#[inline(always)]
fn portable_range<const OP: u8, C: Code>(
    rows: &[[C; 64]],
    first: u32,
    span: u32,
    words: &mut [u64],
) {
    for (rows, word) in rows.iter().zip(words) {
        put::<OP>(
            word,
            portable_word(rows, |number| in_range(number, first, span)),
        );
    }
}

#[inline(always)]
fn portable_set<const OP: u8, C: Code>(rows: &[[C; 64]], set: &[u64], words: &mut [u64]) {
    for (rows, word) in rows.iter().zip(words) {
        put::<OP>(word, bits_of(rows, |number| in_set(number, set)));
    }
}

macro_rules! lane {
    ($type:ty, $avx2:ident, $avx512:ident) => {
        impl Lane for $type {
            #[inline]
            fn range_words<const OP: u8>(
                level: Level,
                rows: &[[Self; 64]],
                first: u32,
                span: u32,
                words: &mut [u64],
            ) {
                match level {
                    Level::Portable => portable_range::<OP, Self>(rows, first, span, words),
                    // SAFETY: the level says that the processor has the feature.
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => unsafe {
                        x86::range::<OP, Self>(rows, first, span, words, x86::$avx2)
                    },
                    // SAFETY: the same.
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => unsafe { x86::$avx512::<OP>(rows, first, span, words) },
                }
            }

            #[inline]
            fn set_words<const OP: u8>(
                level: Level,
                rows: &[[Self; 64]],
                set: &[u64],
                words: &mut [u64],
            ) {
                match level {
                    // SAFETY: the level says that the processor has the feature.
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => unsafe { x86::set_512::<OP, Self>(rows, set, words) },
                    _ => portable_set::<OP, Self>(rows, set, words),
                }
            }
        }
    };
}

lane!(u8, word_u8, range_u8);
lane!(u16, word_u16, range_u16);
lane!(U24, word_u24, range_u24);
lane!(u32, word_u32, range_u32);

/// The rows whose bits are set, ascending.
pub(super) fn picks(level: Level, words: &[u64], picks: &mut Vec<u16>) {
    picks.clear();
    match level {
        // SAFETY: the level says that the processor has the feature.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { x86::picks_512(words, picks) },
        _ => {
            for (place, word) in words.iter().enumerate() {
                let mut word = *word;
                while word != 0 {
                    picks.push((place * 64) as u16 + word.trailing_zeros() as u16);
                    word &= word - 1;
                }
            }
        }
    }
}

/// From the runs of a block that pass, a bit each, to its rows. `starts` has a bit for each row, set where a run begins, which one does
/// with the first row.
pub(super) fn spread<const OP: u8>(
    level: Level,
    starts: &[u64],
    passing: &[u64],
    rows: usize,
    words: &mut [u64],
) {
    match level {
        Level::Portable => portable_spread::<OP>(starts, passing, rows, words, deposit),
        // SAFETY: both levels say that the processor has the feature.
        #[cfg(target_arch = "x86_64")]
        _ => unsafe { x86::spread::<OP>(starts, passing, rows, words) },
    }
}

/// The bits at the places that are set in `places`, the lowest first.
#[inline(always)]
fn deposit(mut bits: u64, mut places: u64) -> u64 {
    let mut placed = 0;
    while places != 0 {
        let lowest = places & places.wrapping_neg();
        placed |= if bits & 1 == 1 { lowest } else { 0 };
        bits >>= 1;
        places ^= lowest;
    }
    placed
}

#[inline(always)]
fn portable_spread<const OP: u8>(
    starts: &[u64],
    passing: &[u64],
    rows: usize,
    words: &mut [u64],
    deposit: impl Fn(u64, u64) -> u64,
) {
    let word_of = |place: usize| passing.get(place).copied().unwrap_or(0);
    // Runs so far, and whether the last of them passes.
    let (mut done, mut passes) = (0, 0);
    for (place, (starts, word)) in starts.iter().zip(words).enumerate() {
        let (at, shift) = (done / 64, done % 64);
        let next = word_of(at) >> shift | (word_of(at + 1) << 1) << (63 - shift);
        // A run that passes is a one with zeros up to where the run after it begins: the difference of the two has ones in all its
        // rows. Neighbours that pass both end and begin at the same place, and those of a word add up.
        let begin = deposit(next, *starts) | passes & !starts & 1;
        let end = deposit(next << 1 | passes, *starts) & !1;
        let left = rows - place * 64;
        let within = if left < 64 { (1 << left) - 1 } else { u64::MAX };
        put::<OP>(word, end.wrapping_sub(begin) & within);
        let count = starts.count_ones() as usize;
        if count > 0 {
            passes = next >> (count - 1) & 1;
        }
        done += count;
    }
}

/// The run of each picked row. `starts` and `before`: where runs begin, and how many do before each word.
pub(super) fn places(
    level: Level,
    runs: (&[u64], &[u32]),
    start: usize,
    picks: &[u16],
    out: &mut [u32],
) {
    match level {
        Level::Portable => portable_places(runs, start, picks, out),
        // SAFETY: both levels say that the processor has the feature.
        #[cfg(target_arch = "x86_64")]
        _ => unsafe { x86::places(runs, start, picks, out) },
    }
}

#[inline(always)]
fn portable_places(
    (starts, before): (&[u64], &[u32]),
    start: usize,
    picks: &[u16],
    out: &mut [u32],
) {
    for (out, pick) in out.iter_mut().zip(picks) {
        let row = start + usize::from(*pick);
        let up_to = starts[row / 64] & (u64::MAX >> (63 - row % 64));
        *out = before[row / 64] + up_to.count_ones() - 1;
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::*;

    #[target_feature(enable = "bmi2,popcnt")]
    pub(super) fn spread<const OP: u8>(
        starts: &[u64],
        passing: &[u64],
        rows: usize,
        words: &mut [u64],
    ) {
        portable_spread::<OP>(starts, passing, rows, words, |bits, places| {
            _pdep_u64(bits, places)
        });
    }

    #[target_feature(enable = "popcnt")]
    pub(super) fn places(runs: (&[u64], &[u32]), start: usize, picks: &[u16], out: &mut [u32]) {
        portable_places(runs, start, picks, out);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn word_u24(rows: &[U24; 64], first: u32, span: u32) -> u64 {
        let (first, span) = (
            _mm256_set1_epi32(first as i32),
            _mm256_set1_epi32(span as i32),
        );
        // The second half is loaded from eight bytes into the rows on, so as not to reach beyond them.
        #[rustfmt::skip]
        let spread = _mm256_setr_epi8(
            0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1,
            4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1,
        );
        let (parts, _) = rows.as_chunks::<8>();
        parts.iter().enumerate().fold(0, |word, (place, part)| {
            let bytes = part.as_ptr().cast::<u8>();
            // SAFETY: eight rows are 24 bytes.
            let (low, high) = unsafe {
                (
                    _mm_loadu_si128(bytes.cast()),
                    _mm_loadu_si128(bytes.add(8).cast()),
                )
            };
            let rows = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), spread);
            let off = _mm256_sub_epi32(rows, first);
            let passes = _mm256_cmpeq_epi32(_mm256_min_epu32(off, span), off);
            let bits = _mm256_movemask_ps(_mm256_castsi256_ps(passes)) as u32;
            word | u64::from(bits) << (8 * place)
        })
    }

    /// Sixteen numbers of any width.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn sixteen<C: Code>(rows: &[C; 16]) -> __m512i {
        if size_of::<C>() != size_of::<U24>() {
            let wide: [u32; 16] = std::array::from_fn(|row| rows[row].wide());
            // SAFETY: sixteen numbers are 64 bytes.
            return unsafe { _mm512_loadu_si512(wide.as_ptr().cast()) };
        }
        // SAFETY: sixteen numbers of three bytes are 48 bytes, and only those are read.
        let bytes = unsafe { _mm512_maskz_loadu_epi8(0xFFFF_FFFF_FFFF, rows.as_ptr().cast()) };
        // Four numbers, which are three words, to each quarter of the vector, and there each to a word of its own.
        let quarters = _mm512_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
        let spread = _mm512_broadcast_i32x4(_mm_setr_epi8(
            0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1,
        ));
        _mm512_shuffle_epi8(_mm512_permutexvar_epi32(quarters, bytes), spread)
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn range_u24<const OP: u8>(
        rows: &[[U24; 64]],
        first: u32,
        span: u32,
        words: &mut [u64],
    ) {
        let (first, span) = (
            _mm512_set1_epi32(first as i32),
            _mm512_set1_epi32(span as i32),
        );
        for (rows, word) in rows.iter().zip(words) {
            let (parts, _) = rows.as_chunks::<16>();
            let bits = parts.iter().enumerate().fold(0, |word, (place, part)| {
                let off = _mm512_sub_epi32(sixteen(part), first);
                word | u64::from(_mm512_cmple_epu32_mask(off, span)) << (16 * place)
            });
            put::<OP>(word, bits);
        }
    }

    /// With AVX2 the compiler needs a hand for the bits of a word only.
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    pub(super) fn range<const OP: u8, C: Code>(
        rows: &[[C; 64]],
        first: u32,
        span: u32,
        words: &mut [u64],
        word_of: unsafe fn(&[C; 64], u32, u32) -> u64,
    ) {
        for (rows, word) in rows.iter().zip(words) {
            // SAFETY: this function has the features that `word_of` needs.
            put::<OP>(word, unsafe { word_of(rows, first, span) });
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn word_u8(rows: &[u8; 64], first: u32, span: u32) -> u64 {
        let (first, span) = (_mm256_set1_epi8(first as i8), _mm256_set1_epi8(span as i8));
        let (halves, _) = rows.as_chunks::<32>();
        halves.iter().enumerate().fold(0, |word, (place, half)| {
            // SAFETY: a half is 32 bytes.
            let rows = unsafe { _mm256_loadu_si256(half.as_ptr().cast()) };
            let off = _mm256_sub_epi8(rows, first);
            let passes = _mm256_cmpeq_epi8(_mm256_min_epu8(off, span), off);
            word | u64::from(_mm256_movemask_epi8(passes) as u32) << (32 * place)
        })
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn word_u16(rows: &[u16; 64], first: u32, span: u32) -> u64 {
        let (first, span) = (
            _mm256_set1_epi16(first as i16),
            _mm256_set1_epi16(span as i16),
        );
        let test = |rows: &[u16; 16]| {
            // SAFETY: sixteen rows are 32 bytes.
            let rows = unsafe { _mm256_loadu_si256(rows.as_ptr().cast()) };
            let off = _mm256_sub_epi16(rows, first);
            _mm256_cmpeq_epi16(_mm256_min_epu16(off, span), off)
        };
        let (parts, _) = rows.as_chunks::<16>();
        let mut word = 0;
        for (place, pair) in parts.as_chunks::<2>().0.iter().enumerate() {
            let packed = _mm256_packs_epi16(test(&pair[0]), test(&pair[1]));
            // Packing works on halves of a vector; this puts the quarters back in order.
            let passes = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
            word |= u64::from(_mm256_movemask_epi8(passes) as u32) << (32 * place);
        }
        word
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn word_u32(rows: &[u32; 64], first: u32, span: u32) -> u64 {
        let (first, span) = (
            _mm256_set1_epi32(first as i32),
            _mm256_set1_epi32(span as i32),
        );
        let (parts, _) = rows.as_chunks::<8>();
        parts.iter().enumerate().fold(0, |word, (place, part)| {
            // SAFETY: eight rows are 32 bytes.
            let rows = unsafe { _mm256_loadu_si256(part.as_ptr().cast()) };
            let off = _mm256_sub_epi32(rows, first);
            let passes = _mm256_cmpeq_epi32(_mm256_min_epu32(off, span), off);
            let bits = _mm256_movemask_ps(_mm256_castsi256_ps(passes)) as u32;
            word | u64::from(bits) << (8 * place)
        })
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn range_u8<const OP: u8>(
        rows: &[[u8; 64]],
        first: u32,
        span: u32,
        words: &mut [u64],
    ) {
        let (first, span) = (_mm512_set1_epi8(first as i8), _mm512_set1_epi8(span as i8));
        for (rows, word) in rows.iter().zip(words) {
            // SAFETY: the rows are 64 bytes.
            let rows = unsafe { _mm512_loadu_si512(rows.as_ptr().cast()) };
            put::<OP>(
                word,
                _mm512_cmple_epu8_mask(_mm512_sub_epi8(rows, first), span),
            );
        }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn range_u16<const OP: u8>(
        rows: &[[u16; 64]],
        first: u32,
        span: u32,
        words: &mut [u64],
    ) {
        let (first, span) = (
            _mm512_set1_epi16(first as i16),
            _mm512_set1_epi16(span as i16),
        );
        for (rows, word) in rows.iter().zip(words) {
            let (parts, _) = rows.as_chunks::<32>();
            let bits = parts.iter().enumerate().fold(0, |word, (place, part)| {
                // SAFETY: 32 rows are 64 bytes.
                let rows = unsafe { _mm512_loadu_si512(part.as_ptr().cast()) };
                let bits = _mm512_cmple_epu16_mask(_mm512_sub_epi16(rows, first), span);
                word | u64::from(bits) << (32 * place)
            });
            put::<OP>(word, bits);
        }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn range_u32<const OP: u8>(
        rows: &[[u32; 64]],
        first: u32,
        span: u32,
        words: &mut [u64],
    ) {
        let (first, span) = (
            _mm512_set1_epi32(first as i32),
            _mm512_set1_epi32(span as i32),
        );
        for (rows, word) in rows.iter().zip(words) {
            let (parts, _) = rows.as_chunks::<16>();
            let bits = parts.iter().enumerate().fold(0, |word, (place, part)| {
                // SAFETY: sixteen rows are 64 bytes.
                let rows = unsafe { _mm512_loadu_si512(part.as_ptr().cast()) };
                let bits = _mm512_cmple_epu32_mask(_mm512_sub_epi32(rows, first), span);
                word | u64::from(bits) << (16 * place)
            });
            put::<OP>(word, bits);
        }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn set_512<const OP: u8, C: Code>(rows: &[[C; 64]], set: &[u64], words: &mut [u64]) {
        let Some(last) = (set.len() * 2).checked_sub(1) else {
            return portable_set::<OP, C>(rows, set, words);
        };
        // The set is read 32 bits at a time. No number reaches beyond it, and if one did it would read the last.
        let last = _mm512_set1_epi32(last.min(i32::MAX as usize) as i32);
        for (rows, word) in rows.iter().zip(words) {
            if OP == AND && *word == 0 {
                continue;
            }
            let (parts, _) = rows.as_chunks::<16>();
            let bits = parts.iter().enumerate().fold(0, |word, (place, part)| {
                let numbers = sixteen(part);
                let places = _mm512_min_epu32(_mm512_srli_epi32::<5>(numbers), last);
                // SAFETY: no place is beyond the last 32 bits of the set.
                let found = unsafe { _mm512_i32gather_epi32::<4>(places, set.as_ptr().cast()) };
                let bit = _mm512_sllv_epi32(
                    _mm512_set1_epi32(1),
                    _mm512_and_si512(numbers, _mm512_set1_epi32(31)),
                );
                word | u64::from(_mm512_test_epi32_mask(found, bit)) << (16 * place)
            });
            put::<OP>(word, bits);
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
    pub(super) fn picks_512(words: &[u64], picks: &mut Vec<u16>) {
        let count: usize = words.iter().map(|word| word.count_ones() as usize).sum();
        // Every store writes 32 places, however many of them count.
        picks.reserve(count + 32);
        let first: [u16; 32] = std::array::from_fn(|row| row as u16);
        // SAFETY: 32 rows are 64 bytes.
        let first = unsafe { _mm512_loadu_si512(first.as_ptr().cast()) };
        let mut found = 0;
        for (place, word) in words.iter().enumerate() {
            if *word == 0 {
                continue;
            }
            for half in 0..2 {
                let bits = (word >> (32 * half)) as u32;
                let rows = _mm512_set1_epi16((place * 64 + half * 32) as i16);
                let chosen = _mm512_maskz_compress_epi16(bits, _mm512_add_epi16(first, rows));
                // SAFETY: `found` is at most `count`, and there is room for 32 more.
                unsafe { _mm512_storeu_si512(picks.as_mut_ptr().add(found).cast(), chosen) };
                found += bits.count_ones() as usize;
            }
        }
        debug_assert_eq!(found, count);
        // SAFETY: so many were written, and there is room for them.
        unsafe { picks.set_len(found) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::random::Random;
    use super::*;
    use crate::bits::Bits;

    /// Every level gives, for rows of any count and words of any content, what one row after the other gives.
    fn check<C: Lane>(random: &mut Random, bound: u32) {
        let len = random.below(700) as usize;
        let numbers: Vec<C> = (0..len)
            .map(|_| C::narrow(random.below(bound.into()) as u32))
            .collect();
        let first = random.below(bound.into()) as u32;
        let span = random.below(u64::from(bound - first)) as u32;
        let share = random.below(101);
        let set = Bits::of(bound, |_| random.chance(share));
        let before: Vec<u64> = (0..len.div_ceil(64)).map(|_| random.next()).collect();
        let bits = |passes: &dyn Fn(u32) -> bool| -> Vec<u64> {
            let words = numbers
                .chunks(64)
                .map(|rows| bits_of(rows, |number| passes(number.wide())));
            words.collect()
        };
        let in_range = bits(&|number| number >= first && number - first <= span);
        let in_set = bits(&|number| set.get(number));
        for level in Level::all() {
            let put = |op: u8, found: &[u64]| -> Vec<u64> {
                let pairs = before.iter().zip(found);
                let op = |(before, found): (&u64, &u64)| match op {
                    SET => *found,
                    AND => before & found,
                    _ => before | found,
                };
                pairs.map(op).collect()
            };
            macro_rules! tested {
                ($op:expr) => {{
                    let mut words = before.clone();
                    range_bits::<{ $op }, C>(level, &numbers, first, span, &mut words);
                    assert_eq!(
                        words,
                        put($op, &in_range),
                        "{level:?} range {first} {span} of {bound}"
                    );
                    let mut words = before.clone();
                    set_bits::<{ $op }, C>(level, &numbers, set.words(), &mut words);
                    assert_eq!(words, put($op, &in_set), "{level:?} set below {bound}");
                }};
            }
            tested!(SET);
            tested!(AND);
            tested!(OR);
            let mut found = vec![7];
            picks(level, &in_range, &mut found);
            let passes = |row: &u16| in_range[usize::from(*row) / 64] >> (row % 64) & 1 == 1;
            let expected: Vec<u16> = (0..len as u16).filter(passes).collect();
            assert_eq!(found, expected, "{level:?} picks");
        }
    }

    #[test]
    fn every_level_agrees_with_one_row_at_a_time() {
        let mut random = Random::new(11);
        for round in 0..400 {
            for bound in [1, 2, 7, 200, 256] {
                check::<u8>(&mut random, bound);
            }
            for bound in [1, 300, 40_000, 65_536] {
                check::<u16>(&mut random, bound);
            }
            for bound in [1, 300, 70_000, 1 << 24] {
                check::<U24>(&mut random, bound);
            }
            check::<u32>(&mut random, 1 + round);
            check::<u32>(&mut random, 70_000 + round);
        }
        let all: Vec<u16> = (0..=u16::MAX).collect();
        for level in Level::all() {
            let mut found = Vec::new();
            picks(level, &[u64::MAX; 1024], &mut found);
            assert_eq!(found, all, "{level:?}");
        }
    }

    #[test]
    fn runs_that_pass_are_spread_over_their_rows() {
        let mut random = Random::new(12);
        for round in 0..2000 {
            let rows = 1 + random.below(700) as usize;
            let (begins, share) = (1 + random.below(100), random.below(101));
            let mut starts = vec![0u64; rows.div_ceil(64)];
            let mut before = vec![0u32; starts.len()];
            let (mut of_row, mut passing) = (Vec::new(), Vec::new());
            for row in 0..rows {
                if row % 64 == 0 {
                    before[row / 64] = passing.len() as u32;
                }
                if row == 0 || random.chance(begins) {
                    starts[row / 64] |= 1 << (row % 64);
                    passing.push(random.chance(share));
                }
                of_row.push(passing.len() as u32 - 1);
            }
            let bits: Vec<u64> = passing
                .chunks(64)
                .map(|runs| bits_of(runs, |p| p))
                .collect();
            let rows_pass: Vec<bool> = of_row.iter().map(|run| passing[*run as usize]).collect();
            let expected: Vec<u64> = rows_pass.chunks(64).map(|r| bits_of(r, |p| p)).collect();
            let words: Vec<u64> = starts.iter().map(|_| random.next()).collect();
            let picks: Vec<u16> = (0..rows as u16).filter(|_| random.chance(share)).collect();
            for level in Level::all() {
                let mut set = words.clone();
                spread::<SET>(level, &starts, &bits, rows, &mut set);
                assert_eq!(set, expected, "{level:?} round {round}");
                let mut and = words.clone();
                spread::<AND>(level, &starts, &bits, rows, &mut and);
                let both = words.iter().zip(&expected).map(|(a, b)| a & b);
                assert_eq!(and, both.collect::<Vec<_>>(), "{level:?} round {round}");
                let mut found = vec![0; picks.len()];
                places(level, (&starts, &before), 0, &picks, &mut found);
                let expected = picks.iter().map(|pick| of_row[usize::from(*pick)]);
                assert_eq!(
                    found,
                    expected.collect::<Vec<_>>(),
                    "{level:?} round {round}"
                );
            }
        }
    }
}

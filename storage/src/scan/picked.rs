//! Tests of a list of rows: those whose number passes stay in the list. As in `kernels.rs`, once for any machine and once for AVX-512, with
//! the same outcome; with AVX-512 sixteen rows are read at once, and the processor has more reads under way while it waits for
//! memory.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::kernels::Level;
use crate::codes::Code;

/// Neighbouring numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) first: u32,
    /// How much more the last is.
    pub(super) span: u32,
}

/// Which numbers pass.
#[derive(Clone, Copy)]
pub(super) enum Passes<'t> {
    Ranges(&'t [Range]),
    /// A bit for each number that an entry can have.
    Set(&'t [u64]),
}

impl Passes<'_> {
    #[inline(always)]
    fn holds(&self, number: u32) -> bool {
        match self {
            // One comparison: below `first` wraps around to a large number.
            Passes::Ranges(ranges) => ranges
                .iter()
                .any(|range| number.wrapping_sub(range.first) <= range.span),
            Passes::Set(set) => set[number as usize / 64] >> (number % 64) & 1 == 1,
        }
    }
}

/// Keeps the rows whose number passes. `places`: where in `numbers` each row's number is, ascending; None: at its own place.
pub(super) fn narrow<C: Code>(
    level: Level,
    numbers: &[C],
    places: Option<&[u32]>,
    passes: Passes<'_>,
    rows: &mut Vec<u16>,
) {
    // A set without words has no numbers, and then there is nothing to read from it.
    let is_empty = matches!(passes, Passes::Set([]));
    let kept = match level {
        // SAFETY: the level says that the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 if !is_empty => unsafe { x86::narrow(numbers, places, passes, rows) },
        _ => {
            let _ = is_empty;
            keep(numbers, places, passes, rows, (0, 0))
        }
    };
    rows.truncate(kept);
}

/// Goes through the rows from a place in the list on, some being kept already. Gives how many are kept. The loop has no branch
/// that depends on data.
#[inline(always)]
fn keep<C: Code>(
    numbers: &[C],
    places: Option<&[u32]>,
    passes: Passes<'_>,
    rows: &mut [u16],
    (from, mut kept): (usize, usize),
) -> usize {
    for at in from..rows.len() {
        let row = rows[at];
        let place = places.map_or(usize::from(row), |places| places[at] as usize);
        rows[kept] = row;
        kept += usize::from(passes.holds(numbers[place].wide()));
    }
    kept
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::*;

    /// Rows of a step.
    const STEP: usize = 32;

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
    pub(super) fn narrow<C: Code>(
        numbers: &[C],
        places: Option<&[u32]>,
        passes: Passes<'_>,
        rows: &mut [u16],
    ) -> usize {
        // Four bytes are read at a time, so the last numbers are left to the loop for any machine. Places ascend.
        let reach = numbers.len().saturating_sub(3).min(i32::MAX as usize / 4);
        let within = match places {
            None => rows.partition_point(|row| usize::from(*row) < reach),
            Some(places) => {
                assert_eq!(places.len(), rows.len());
                places.partition_point(|place| (*place as usize) < reach)
            }
        };
        let steps = within / STEP;
        let mut kept = 0;
        for step in 0..steps {
            let at = step * STEP;
            // SAFETY: a step has 32 rows, which are 64 bytes.
            let listed = unsafe { _mm512_loadu_si512(rows.as_ptr().add(at).cast()) };
            let (low, high) = match places {
                None => (
                    _mm512_cvtepu16_epi32(_mm512_castsi512_si256(listed)),
                    _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64::<1>(listed)),
                ),
                // SAFETY: there are as many places as rows, so a step has 32, which are twice 64 bytes.
                Some(places) => unsafe {
                    let places = places.as_ptr().add(at);
                    (
                        _mm512_loadu_si512(places.cast()),
                        _mm512_loadu_si512(places.add(16).cast()),
                    )
                },
            };
            // Places that ascend, as all do, are below it anyway.
            let last = _mm512_set1_epi32(reach as i32 - 1);
            let (low, high) = (_mm512_min_epu32(low, last), _mm512_min_epu32(high, last));
            // SAFETY: all places are more than three numbers before the end: there is a step, and so `reach` is not zero.
            let (low, high) = unsafe { (gather(numbers, low), gather(numbers, high)) };
            let bits = u32::from(pass(low, passes)) | u32::from(pass(high, passes)) << 16;
            let chosen = _mm512_maskz_compress_epi16(bits, listed);
            // SAFETY: no more are kept than were looked at, so this writes within the rows of this step and of those before it,
            // which have been read.
            unsafe { _mm512_storeu_si512(rows.as_mut_ptr().add(kept).cast(), chosen) };
            kept += bits.count_ones() as usize;
        }
        keep(numbers, places, passes, rows, (steps * STEP, kept))
    }

    /// The numbers at sixteen places.
    ///
    /// # Safety
    /// Four bytes from each place on are in `numbers`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn gather<C: Code>(numbers: &[C], places: __m512i) -> __m512i {
        let from = numbers.as_ptr().cast();
        // SAFETY: the caller says so, and places are small enough not to wrap around.
        unsafe {
            match size_of::<C>() {
                1 => _mm512_and_si512(
                    _mm512_i32gather_epi32::<1>(places, from),
                    _mm512_set1_epi32(0xFF),
                ),
                2 => _mm512_and_si512(
                    _mm512_i32gather_epi32::<2>(places, from),
                    _mm512_set1_epi32(0xFFFF),
                ),
                3 => {
                    let places = _mm512_add_epi32(places, _mm512_slli_epi32::<1>(places));
                    _mm512_and_si512(
                        _mm512_i32gather_epi32::<1>(places, from),
                        _mm512_set1_epi32(0xFF_FFFF),
                    )
                }
                _ => _mm512_i32gather_epi32::<4>(places, from),
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn pass(numbers: __m512i, passes: Passes<'_>) -> __mmask16 {
        match passes {
            Passes::Ranges(ranges) => ranges.iter().fold(0, |bits, range| {
                let off = _mm512_sub_epi32(numbers, _mm512_set1_epi32(range.first as i32));
                bits | _mm512_cmple_epu32_mask(off, _mm512_set1_epi32(range.span as i32))
            }),
            Passes::Set(set) => {
                // The set is read 32 bits at a time. No number reaches beyond it, and if one did it would read the last.
                let last = (set.len() * 2).saturating_sub(1).min(i32::MAX as usize);
                let words = _mm512_srli_epi32::<5>(numbers);
                let words = _mm512_min_epu32(words, _mm512_set1_epi32(last as i32));
                // SAFETY: the set is not empty, and no place is beyond its last 32 bits.
                let found = unsafe { _mm512_i32gather_epi32::<4>(words, set.as_ptr().cast()) };
                let bit = _mm512_sllv_epi32(
                    _mm512_set1_epi32(1),
                    _mm512_and_si512(numbers, _mm512_set1_epi32(31)),
                );
                _mm512_test_epi32_mask(found, bit)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::random::Random;
    use super::*;
    use crate::bits::Bits;
    use crate::codes::U24;

    /// Every level keeps what looking at one row after the other keeps, for lists of any length and up to the last row.
    fn check<C: Code>(random: &mut Random, bound: u32) {
        let len = 1 + random.below(900) as usize;
        let draw = |random: &mut Random| random.below(bound.into()) as u32;
        let numbers: Vec<C> = (0..len).map(|_| C::narrow(draw(random))).collect();
        let listed = 1 + random.below(100);
        let rows: Vec<u16> = (0..len as u16).filter(|_| random.chance(listed)).collect();
        // Some rows share a number, as those of a run do.
        let shared: Vec<u32> = rows.iter().map(|row| u32::from(*row) / 3).collect();
        let ranges: Vec<Range> = (0..1 + random.below(3))
            .map(|_| {
                let first = draw(random);
                let span = random.below(u64::from(bound - first)) as u32;
                Range { first, span }
            })
            .collect();
        let share = random.below(101);
        let set = Bits::of(bound, |_| random.chance(share));
        for passes in [Passes::Ranges(&ranges), Passes::Set(set.words())] {
            for places in [None, Some(shared.as_slice())] {
                let number = |at: usize| match places {
                    None => numbers[usize::from(rows[at])].wide(),
                    Some(places) => numbers[places[at] as usize].wide(),
                };
                let expected = (0..rows.len()).filter(|at| match passes {
                    Passes::Ranges(ranges) => ranges.iter().any(|range| {
                        number(*at) >= range.first && number(*at) - range.first <= range.span
                    }),
                    Passes::Set(_) => set.get(number(*at)),
                });
                let expected: Vec<u16> = expected.map(|at| rows[at]).collect();
                for level in Level::all() {
                    let mut kept = rows.clone();
                    narrow(level, &numbers, places, passes, &mut kept);
                    assert_eq!(kept, expected, "{level:?}, {len} rows below {bound}");
                }
            }
        }
    }

    #[test]
    fn every_level_keeps_the_rows_that_pass() {
        let mut random = Random::new(31);
        for _ in 0..300 {
            for bound in [1, 7, 256] {
                check::<u8>(&mut random, bound);
            }
            for bound in [300, 65_536] {
                check::<u16>(&mut random, bound);
            }
            for bound in [300, 100_000] {
                check::<U24>(&mut random, bound);
            }
            check::<u32>(&mut random, 300_000);
        }
    }

    #[test]
    fn nothing_passes_an_empty_set() {
        for level in Level::all() {
            let mut rows = Vec::new();
            narrow::<u8>(level, &[], None, Passes::Set(&[]), &mut rows);
            assert!(rows.is_empty());
        }
    }
}

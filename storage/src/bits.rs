//! A set of small numbers, one bit each.

/// Numbers below a bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    len: u32,
}

impl Bits {
    /// None of the numbers below `len`.
    pub(crate) fn none(len: u32) -> Bits {
        Bits {
            words: vec![0; (len as usize).div_ceil(64)],
            len,
        }
    }

    /// Those numbers below `len` whose bits are set in these words, and no others.
    pub(crate) fn of_words(len: u32, mut words: Vec<u64>) -> Bits {
        words.resize((len as usize).div_ceil(64), 0);
        if let (Some(last), 1..) = (words.last_mut(), len % 64) {
            *last &= u64::MAX >> (64 - len % 64);
        }
        Bits { words, len }
    }

    /// Those numbers below `len` of which `holds` is true, asked in ascending order.
    pub(crate) fn of(len: u32, mut holds: impl FnMut(u32) -> bool) -> Bits {
        let word = |first: u32| {
            let count = 64.min(len - first);
            (0..count).fold(0u64, |word, bit| {
                word | u64::from(holds(first + bit)) << bit
            })
        };
        Bits {
            words: (0..len).step_by(64).map(word).collect(),
            len,
        }
    }

    /// Numbers of the set are below it.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> bool {
        self.words[number as usize / 64] >> (number % 64) & 1 == 1
    }

    pub(crate) fn set(&mut self, number: u32) {
        self.words[number as usize / 64] |= 1 << (number % 64);
    }

    /// Adds the numbers from `first` on and below `end`.
    pub(crate) fn set_range(&mut self, first: u32, end: u32) {
        set_range(&mut self.words, first as usize, end as usize);
    }

    pub(crate) fn keep(&mut self, other: &Bits) {
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(a, b)| *a &= b);
    }

    pub(crate) fn add(&mut self, other: &Bits) {
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(a, b)| *a |= b);
    }

    /// What is in this set and not in the other.
    pub(crate) fn without(&self, other: &Bits) -> Bits {
        let words = self.words.iter().zip(&other.words).map(|(a, b)| a & !b);
        Bits {
            words: words.collect(),
            len: self.len,
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// The least number of the set that is not below `from`.
    pub(crate) fn next(&self, from: u32) -> Option<u32> {
        if from >= self.len {
            return None;
        }
        let mut place = from as usize / 64;
        let mut word = self.words[place] & u64::MAX << (from % 64);
        loop {
            if word != 0 {
                return Some(place as u32 * 64 + word.trailing_zeros());
            }
            place += 1;
            word = *self.words.get(place)?;
        }
    }

    /// The greatest number of the set below `end`.
    pub(crate) fn last_below(&self, end: u32) -> Option<u32> {
        let end = end.min(self.len);
        if end == 0 {
            return None;
        }
        let mut place = (end - 1) as usize / 64;
        let mut word = self.words[place] & u64::MAX >> (63 - (end - 1) % 64);
        loop {
            if word != 0 {
                return Some(place as u32 * 64 + 63 - word.leading_zeros());
            }
            place = place.checked_sub(1)?;
            word = self.words[place];
        }
    }

    /// The numbers of the set, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(place, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros();
                (word != 0).then(|| {
                    word &= word - 1;
                    place as u32 * 64 + bit
                })
            })
        })
    }
}

/// Sets the bits from `first` on and below `end`.
pub(crate) fn set_range(words: &mut [u64], first: usize, end: usize) {
    if first >= end {
        return;
    }
    let (from, to) = (first / 64, (end - 1) / 64);
    let low = u64::MAX << (first % 64);
    let high = u64::MAX >> (63 - (end - 1) % 64);
    if from == to {
        words[from] |= low & high;
    } else {
        words[from] |= low;
        words[from + 1..to].fill(u64::MAX);
        words[to] |= high;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_searches_agree_with_one_number_at_a_time() {
        for (len, first, end) in [
            (0, 0, 0),
            (1, 0, 1),
            (64, 0, 64),
            (65, 64, 65),
            (200, 3, 5),
            (200, 60, 70),
            (200, 0, 200),
            (200, 63, 129),
            (200, 70, 70),
        ] {
            let expected = |n: u32| (first..end).contains(&n);
            let mut bits = Bits::none(len);
            bits.set_range(first, end);
            assert_eq!(bits, Bits::of(len, expected), "{len} {first} {end}");
            assert_eq!(bits.count(), end - first);
            assert_eq!(bits.iter().collect::<Vec<_>>(), Vec::from_iter(first..end));
            for n in 0..=len {
                let next = (n..len).find(|n| expected(*n));
                let last = (0..n).rev().find(|n| expected(*n));
                assert_eq!((bits.next(n), bits.last_below(n)), (next, last), "{n}");
            }
            assert_eq!(bits.without(&bits).count(), 0);
        }
    }
}

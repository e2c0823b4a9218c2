//! In which order the lanes of a scan are tested, and when a test looks at the rows that are left instead of at all rows.
//!
//! Figures are nanoseconds of one core for 64 rows, measured where the lanes are in memory. What they say in proportion to each other is
//! what counts; an answer never depends on it.

/// Reading a byte of each of 64 rows that follow one another.
const READ: f64 = 6.4;
/// From runs to the bits of their rows.
const SPREAD: f64 = 2.6;
/// Looking up one entry of a lane in a set.
const LOOKUP: f64 = 0.35;
/// Comparing one entry of a lane with a range more than the first.
const COMPARE: f64 = 0.03;
/// One row of a list, and one whose run must be found.
const LISTED: f64 = 1.0;
const LISTED_RUN: f64 = 2.0;
/// Coming to 64 rows of which some are listed, for each byte of a row: they are not where the processor expects it.
const REACH: f64 = 5.0;
/// So many lanes are put into the best order; beyond it there would be too many orders.
const MOST_ORDERED: usize = 8;

/// What the test of a lane costs, and what it leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// Bytes of a row, on average.
    pub(super) bytes: f64,
    /// Rows of an entry, on average: more than one where the lane holds runs.
    pub(super) run: f64,
    pub(super) is_run: bool,
    /// Ranges that an entry is compared with. None: it is looked up in a set.
    pub(super) ranges: Option<usize>,
    /// The part of the rows that passes, as far as the numbers tell.
    pub(super) pass: f64,
}

/// How the rows that are left lie, of each 64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Left {
    /// Rows that are left.
    rows: f64,
    /// The part of the words that have any of them.
    words: f64,
}

impl Left {
    const ALL: Left = Left {
        rows: 64.0,
        words: 1.0,
    };

    /// Of words with a bit for each row.
    pub(super) fn of(words: &[u64]) -> Left {
        let (mut rows, mut some) = (0, 0);
        for word in words {
            rows += word.count_ones();
            some += u32::from(*word != 0);
        }
        let of_each = 1.0 / words.len().max(1) as f64;
        Left {
            rows: f64::from(rows) * of_each,
            words: f64::from(some) * of_each,
        }
    }

    /// If this part of the rows is left, and so many lie together.
    fn about(part: f64, together: f64) -> Left {
        Left {
            rows: 64.0 * part,
            words: (64.0 * part / together.max(1.0)).min(1.0),
        }
    }
}

impl Cost {
    /// Of testing all rows; sets are not asked for words of which nothing is left.
    fn of_all(&self, left: Left) -> f64 {
        let entries = 64.0 / self.run.max(1.0);
        let test = match self.ranges {
            Some(ranges) => ranges.saturating_sub(1) as f64 * entries * self.bytes * COMPARE,
            None if self.is_run => entries * LOOKUP,
            None => entries * LOOKUP * left.words,
        };
        self.bytes * READ + test + if self.is_run { SPREAD } else { 0.0 }
    }

    /// Of testing a list of those that are left.
    fn of_list(&self, left: Left) -> f64 {
        let each = if self.is_run { LISTED_RUN } else { LISTED };
        let lookup = if self.ranges.is_none() { LOOKUP } else { 0.0 };
        left.rows * (each + lookup) + left.words * self.bytes * REACH
    }

    /// Whether looking at what is left is faster than looking at all rows.
    pub(super) fn prefers_list(&self, left: Left) -> bool {
        self.of_list(left) < self.of_all(left)
    }

    fn of_best(&self, left: Left) -> f64 {
        self.of_all(left).min(self.of_list(left))
    }
}

/// The places of the tests in the order that costs least, as far as can be told before the first row.
pub(super) fn order(costs: &[Cost]) -> Vec<usize> {
    // The cheapest for what they leave out first: of many tests this is the order, of fewer it decides between equal ones.
    let of_each = |place: &usize| {
        let cost = &costs[*place];
        cost.of_all(Left::ALL) / (1.0 - cost.pass).max(1e-9)
    };
    let mut places: Vec<usize> = (0..costs.len()).collect();
    places.sort_by(|a, b| of_each(a).total_cmp(&of_each(b)));
    if places.len() > MOST_ORDERED {
        return places;
    }
    let costs: Vec<Cost> = places.iter().map(|place| costs[*place]).collect();
    best(&costs).into_iter().map(|at| places[at]).collect()
}

/// The best of all orders.
fn best(costs: &[Cost]) -> Vec<usize> {
    let count = costs.len();
    // What is left after some tests does not depend on their order: the best order of some ends with one of them, and
    // begins with the best order of the others.
    let mut best = vec![(f64::INFINITY, 0); 1 << count];
    best[0].0 = 0.0;
    for done in 0..best.len() {
        let tests = |place: &usize| done >> place & 1 == 1;
        let of_done = || (0..count).filter(tests).map(|place| &costs[place]);
        let part: f64 = of_done().map(|cost| cost.pass).product();
        let together = of_done().map(|cost| cost.run).fold(1.0, f64::max);
        let left = match done {
            0 => Left::ALL,
            _ => Left::about(part, together),
        };
        for next in (0..count).filter(|place| !tests(place)) {
            let cost = best[done].0 + costs[next].of_best(left);
            let with = &mut best[done | 1 << next];
            if cost < with.0 {
                *with = (cost, next);
            }
        }
    }
    let mut places = Vec::with_capacity(count);
    let mut done = best.len() - 1;
    while done != 0 {
        let last = best[done].1;
        places.push(last);
        done &= !(1 << last);
    }
    places.reverse();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(bytes: f64, pass: f64) -> Cost {
        Cost {
            bytes,
            run: 1.0,
            is_run: false,
            ranges: Some(1),
            pass,
        }
    }

    /// Codes of two bytes, each for four rows.
    fn runs(ranges: Option<usize>, pass: f64) -> Cost {
        Cost {
            bytes: 0.69,
            run: 4.0,
            is_run: true,
            ranges,
            pass,
        }
    }

    #[test]
    fn what_leaves_little_for_little_comes_first() {
        fn check(costs: &[Cost], expected: &[usize]) {
            assert_eq!(order(costs), expected, "{costs:?}");
        }
        check(&[], &[]);
        check(&[each(2.0, 0.2)], &[0]);
        check(&[each(2.0, 0.2), each(1.0, 0.2)], &[1, 0]);
        check(&[each(1.0, 0.9), each(2.0, 0.01)], &[1, 0]);
        // A set of a few customers, before a region of suppliers and a category of parts.
        let customers = runs(None, 0.0167);
        check(&[each(2.0, 0.2), each(3.0, 0.04), customers], &[2, 0, 1]);
        // What leaves nearly everything comes last, however cheap it is.
        check(&[runs(Some(1), 0.99), each(4.0, 0.001)], &[1, 0]);
        let many = [each(2.0, 0.5), each(2.0, 0.9)].repeat(5);
        check(&many, &[0, 2, 4, 6, 8, 1, 3, 5, 7, 9]);
    }

    #[test]
    fn few_rows_are_looked_at_one_by_one() {
        fn check(cost: Cost, words: &[u64], expected: bool) {
            let left = Left::of(words);
            assert_eq!(cost.prefers_list(left), expected, "{cost:?}, {left:?}");
        }
        let one_in_hundred = [[0; 15].as_slice(), &[0x3FF]].concat();
        check(each(2.0, 0.5), &one_in_hundred, true);
        check(each(1.0, 0.5), &one_in_hundred, true);
        check(runs(None, 0.5), &one_in_hundred, true);
        check(each(2.0, 0.5), &[u64::MAX; 4], false);
        check(each(1.0, 0.5), &[0x0101_0101_0101_0101; 4], false);
        check(each(2.0, 0.5), &[], true);
    }
}

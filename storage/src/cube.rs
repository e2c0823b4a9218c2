//! Cubes: the groups of a scan, kept so that narrower scans are answered from them. A narrower scan asks for the same aggregates of the same visible
//! rows, has more filters, and these and its keys read columns that the cube is grouped by: then its groups are those of the cube
//! whose codes pass, combined where their keys are equal.
//!
//! Only what combines exactly is kept: counts, sums of whole numbers and fixed decimals, least and greatest. Sums of decimal numbers
//! are rounded once, at the end of a scan, so that sums of such sums may differ in their last bits; and distinct values of two groups may be the same.
//! A scan with one of these has no cube, and nor has one with anything else that gives decimal numbers.

use std::cmp::Ordering;

use crate::{Aggregate, AggregateOp, Aggregated, Filter, Groups, PathColumn, Scan, Tuples};

/// A cube has no more groups: it is gone through for each answer, and codes are numbered in 16 bits.
const MOST_GROUPS: usize = 1 << 16;
/// Combinations of keys are numbered up to here; a scan that could have more is not answered.
const MOST_COMBINATIONS: u64 = 1 << 40;
/// Added to the number of a combination that does not pass; however many keys say so, no other number is reached.
const DROPPED: u64 = 1 << 48;
/// The groups of an answer have a place each in an array while this is no more than so many for each group of the cube.
const PLACES_PER_GROUP: u64 = 4;

/// Codes below this are numbered by a list of all of them, and not by sorting those that there are.
const MOST_LISTED: usize = 1 << 16;

/// The groups of one scan.
#[derive(Debug)]
pub struct Cube {
    groups: usize,
    keys: Vec<Key>,
    aggregates: Vec<Kept>,
}

#[derive(Debug)]
struct Key {
    column: PathColumn,
    /// The codes that groups have, ascending.
    codes: Vec<u32>,
    /// For each group the place of its code.
    places: Vec<u16>,
}

/// What one aggregate is for each group.
#[derive(Debug)]
enum Kept {
    Count(Vec<u32>),
    Whole {
        how: How,
        is_fixed: bool,
        values: Whole,
        /// None: every group has a value.
        blank: Option<Vec<bool>>,
    },
    Code {
        how: How,
        codes: Vec<u32>,
    },
}

/// Most sums have room in half the bytes.
#[derive(Debug)]
enum Whole {
    Narrow(Vec<i64>),
    Wide(Vec<i128>),
}

/// How two groups become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Sum,
    Least,
    Greatest,
}

/// The groups of a cube that pass, and what becomes of them.
struct Combined {
    /// Groups of the cube.
    from: Vec<u32>,
    /// For each of them the group of the answer.
    to: Vec<u32>,
    /// The number of each group's combination, ascending.
    numbers: Vec<u64>,
}

/// A key of the answer: a key of the cube, with the codes that pass.
struct Wanted {
    codes: Vec<u32>,
    stride: u64,
}

impl Scan {
    /// Whether its aggregates may combine exactly, as far as their operators tell.
    pub fn may_combine(&self) -> bool {
        let combines = |a: &Aggregate| a.op != AggregateOp::DistinctCount;
        self.aggregates.iter().all(combines)
    }
}

impl Cube {
    /// None: its aggregates do not combine exactly, or it has too many groups.
    pub fn new(scan: &Scan, found: &Groups) -> Option<Cube> {
        if found.len > MOST_GROUPS || found.keys.len() != scan.keys.len() {
            return None;
        }
        let aggregates = scan.aggregates.iter().zip(&found.aggregates);
        let aggregates = aggregates.map(|(asked, found)| Kept::new(asked.op, found));
        let keys = scan.keys.iter().zip(&found.keys);
        Some(Cube {
            groups: found.len,
            keys: keys
                .map(|(column, codes)| Key::new(column, codes))
                .collect::<Option<_>>()?,
            aggregates: aggregates.collect::<Option<_>>()?,
        })
    }

    pub fn groups(&self) -> usize {
        self.groups
    }

    pub fn bytes(&self) -> usize {
        let keys = self.keys.iter();
        let keys: usize = keys.map(|k| k.codes.len() * 4 + k.places.len() * 2).sum();
        let aggregates: usize = self.aggregates.iter().map(Kept::bytes).sum();
        keys + aggregates + 256
    }

    /// The answer of a scan with these keys and the cube's aggregates, of those rows of the cube's scan that pass these filters too. None: they
    /// name a column that is no key of the cube, or there are too many combinations.
    pub fn answer(&self, keys: &[PathColumn], filters: &[&Filter]) -> Option<Groups> {
        let places = keys.iter().map(|key| self.place(key));
        let places: Vec<usize> = places.collect::<Option<_>>()?;
        let (passing, tuples) = self.passing(filters)?;
        let mut stride = 1u64;
        let mut wanted: Vec<Wanted> = Vec::with_capacity(keys.len());
        for place in places.iter().rev() {
            let codes = self.keys[*place].codes.iter().zip(&passing[*place]);
            let codes: Vec<u32> = codes.filter(|(_, p)| **p).map(|(code, _)| *code).collect();
            let count = codes.len() as u64;
            wanted.push(Wanted { codes, stride });
            stride = stride
                .checked_mul(count)
                .filter(|all| *all <= MOST_COMBINATIONS)?;
        }
        wanted.reverse();
        let combined = self.combine(&places, &wanted, &passing, &tuples, stride);
        let code = |number: &u64, key: &Wanted| {
            let place = number / key.stride % key.codes.len() as u64;
            key.codes[place as usize]
        };
        let codes = |key: &Wanted| combined.numbers.iter().map(|n| code(n, key)).collect();
        Some(Groups {
            len: combined.numbers.len(),
            keys: wanted.iter().map(codes).collect(),
            aggregates: self.aggregates.iter().map(|a| a.sum(&combined)).collect(),
            rows_scanned: 0,
            rows_passed: 0,
        })
    }

    fn place(&self, column: &PathColumn) -> Option<usize> {
        self.keys.iter().position(|key| key.column == *column)
    }

    /// For each key which of its codes pass, and the filters that look at several keys together.
    #[allow(clippy::type_complexity)]
    fn passing<'f>(
        &self,
        filters: &[&'f Filter],
    ) -> Option<(Vec<Vec<bool>>, Vec<(Vec<usize>, &'f Tuples)>)> {
        let every = |key: &Key| vec![true; key.codes.len()];
        let mut passing: Vec<Vec<bool>> = self.keys.iter().map(every).collect();
        let mut listed = Vec::new();
        for filter in filters {
            match filter {
                Filter::In { column, set } => {
                    let place = self.place(column)?;
                    let codes = self.keys[place].codes.iter();
                    for (passes, code) in passing[place].iter_mut().zip(codes) {
                        *passes = *passes && set.contains(*code);
                    }
                }
                Filter::Tuples { columns, tuples } => {
                    let places = columns.iter().map(|column| self.place(column));
                    listed.push((places.collect::<Option<_>>()?, &**tuples));
                }
            }
        }
        Some((passing, listed))
    }

    fn combine(
        &self,
        places: &[usize],
        wanted: &[Wanted],
        passing: &[Vec<bool>],
        tuples: &[(Vec<usize>, &Tuples)],
        combinations: u64,
    ) -> Combined {
        let mut numbers = vec![0u64; self.groups];
        for (place, (key, passing)) in self.keys.iter().zip(passing).enumerate() {
            let strides = places.iter().zip(wanted).filter(|(p, _)| **p == place);
            let stride: u64 = strides.map(|(_, key)| key.stride).sum();
            if stride == 0 && passing.iter().all(|passes| *passes) {
                continue;
            }
            let mut rank = 0;
            let part = passing.iter().map(|passes| {
                let part = if *passes { rank * stride } else { DROPPED };
                rank += u64::from(*passes);
                part
            });
            let part: Vec<u64> = part.collect();
            for (number, place) in numbers.iter_mut().zip(&key.places) {
                *number += part[usize::from(*place)];
            }
        }
        let mut from: Vec<u32> = (0..self.groups as u32)
            .filter(|group| numbers[*group as usize] < DROPPED)
            .collect();
        for (places, tuples) in tuples {
            from.retain(|group| self.is_listed(*group, places, tuples));
        }
        let kept = from.iter().map(|group| numbers[*group as usize]).collect();
        grouped(from, kept, combinations, places.is_empty())
    }

    fn is_listed(&self, group: u32, places: &[usize], tuples: &Tuples) -> bool {
        let code = |place: &usize| {
            let key = &self.keys[*place];
            key.codes[usize::from(key.places[group as usize])]
        };
        let (mut first, mut end) = (0, tuples.codes.len() / tuples.width.max(1));
        let tuple = |at: usize| &tuples.codes[at * tuples.width..][..tuples.width];
        while first < end {
            let middle = (first + end) / 2;
            match tuple(middle).iter().copied().cmp(places.iter().map(code)) {
                Ordering::Equal => return true,
                Ordering::Less => first = middle + 1,
                Ordering::Greater => end = middle,
            }
        }
        false
    }
}

/// Numbers the groups of an answer, in ascending order of their combinations. Without keys it is one, even of nothing.
fn grouped(from: Vec<u32>, kept: Vec<u64>, combinations: u64, is_one: bool) -> Combined {
    if is_one {
        let to = vec![0; from.len()];
        return Combined {
            from,
            to,
            numbers: vec![0],
        };
    }
    if combinations <= kept.len() as u64 * PLACES_PER_GROUP {
        let mut group = vec![0u32; combinations as usize];
        kept.iter().for_each(|number| group[*number as usize] = 1);
        let mut numbers = Vec::new();
        for (number, group) in (0u64..).zip(&mut group) {
            if *group > 0 {
                *group = numbers.len() as u32;
                numbers.push(number);
            }
        }
        let to = kept.iter().map(|number| group[*number as usize]).collect();
        return Combined { from, to, numbers };
    }
    let mut numbers = kept.clone();
    numbers.sort_unstable();
    numbers.dedup();
    // Each number is there.
    let place = |number: &u64| numbers.partition_point(|other| other < number) as u32;
    let to = kept.iter().map(place).collect();
    Combined { from, to, numbers }
}

impl Key {
    fn new(column: &PathColumn, of_groups: &[u32]) -> Option<Key> {
        let end = of_groups.iter().max().map_or(0, |last| *last as usize + 1);
        let (codes, places) = if end <= MOST_LISTED {
            numbered(of_groups, end)?
        } else {
            let mut codes = of_groups.to_vec();
            codes.sort_unstable();
            codes.dedup();
            let place = |code: &u32| u16::try_from(codes.partition_point(|c| c < code)).ok();
            let places = of_groups.iter().map(place).collect::<Option<_>>()?;
            (codes, places)
        };
        Some(Key {
            column: column.clone(),
            codes,
            places,
        })
    }
}

/// The codes that there are, all below `end`, ascending; and for each group the place of its code among them.
fn numbered(of_groups: &[u32], end: usize) -> Option<(Vec<u32>, Vec<u16>)> {
    let mut there = vec![false; end];
    of_groups
        .iter()
        .for_each(|code| there[*code as usize] = true);
    let (mut codes, mut place) = (Vec::new(), vec![0u16; end]);
    for (code, there) in (0u32..).zip(there) {
        if there {
            place[code as usize] = u16::try_from(codes.len()).ok()?;
            codes.push(code);
        }
    }
    let places = of_groups.iter().map(|code| place[*code as usize]);
    Some((codes, places.collect()))
}

impl Kept {
    fn new(op: AggregateOp, found: &Aggregated) -> Option<Kept> {
        let how = match op {
            AggregateOp::Rows | AggregateOp::Count | AggregateOp::Sum => How::Sum,
            AggregateOp::Min => How::Least,
            AggregateOp::Max => How::Greatest,
            AggregateOp::DistinctCount => return None,
        };
        Some(match found {
            Aggregated::Count(counts) => {
                let counts = counts.iter().map(|count| u32::try_from(*count).ok());
                Kept::Count(counts.collect::<Option<_>>()?)
            }
            Aggregated::Integer(values) => Kept::whole(how, false, values),
            Aggregated::Fixed(values) => Kept::whole(how, true, values),
            Aggregated::Code(codes) => Kept::Code {
                how,
                codes: codes.clone(),
            },
            Aggregated::Double(_) => return None,
        })
    }

    fn whole(how: How, is_fixed: bool, values: &[Option<i128>]) -> Kept {
        let each = || values.iter().map(|value| value.unwrap_or(0));
        let narrow: Result<Vec<i64>, _> = each().map(i64::try_from).collect();
        let any_blank = values.iter().any(Option::is_none);
        Kept::Whole {
            how,
            is_fixed,
            values: narrow.map_or_else(|_| Whole::Wide(each().collect()), Whole::Narrow),
            blank: any_blank.then(|| values.iter().map(Option::is_none).collect()),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Kept::Count(list) | Kept::Code { codes: list, .. } => list.len() * 4,
            Kept::Whole { values, blank, .. } => {
                let values = match values {
                    Whole::Narrow(list) => list.len() * 8,
                    Whole::Wide(list) => list.len() * 16,
                };
                values + blank.as_ref().map_or(0, Vec::len)
            }
        }
    }

    /// The groups that become one, combined.
    fn sum(&self, combined: &Combined) -> Aggregated {
        let groups = combined.numbers.len();
        let pairs = || combined.from.iter().zip(&combined.to);
        let pairs = || pairs().map(|(from, to)| (*from as usize, *to as usize));
        match self {
            Kept::Count(counts) => {
                let mut sums = vec![0u64; groups];
                pairs().for_each(|(from, to)| sums[to] += u64::from(counts[from]));
                Aggregated::Count(sums)
            }
            Kept::Code { how, codes } => {
                // 0 is no value.
                let mut best = vec![0u32; groups];
                for (from, to) in pairs().filter(|(from, _)| codes[*from] > 0) {
                    best[to] = match (how, best[to]) {
                        (How::Least, 1..) => best[to].min(codes[from]),
                        _ => best[to].max(codes[from]),
                    };
                }
                Aggregated::Code(best)
            }
            Kept::Whole {
                how,
                is_fixed,
                values,
                blank,
            } => {
                let mut whole = vec![None::<i128>; groups];
                let there = |from: usize| blank.as_ref().is_none_or(|blank| !blank[from]);
                for (from, to) in pairs().filter(|(from, _)| there(*from)) {
                    let value = match values {
                        Whole::Narrow(list) => i128::from(list[from]),
                        Whole::Wide(list) => list[from],
                    };
                    let with = |sum: i128| match how {
                        How::Sum => sum + value,
                        How::Least => sum.min(value),
                        How::Greatest => sum.max(value),
                    };
                    whole[to] = Some(whole[to].map_or(value, with));
                }
                match is_fixed {
                    true => Aggregated::Fixed(whole),
                    false => Aggregated::Integer(whole),
                }
            }
        }
    }
}

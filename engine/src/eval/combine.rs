//! Partial results of groups, combined for each context. What a context has is a few runs of consecutive groups; runs that begin
//! alike and end ever later, as those of running totals do, are added to and not begun anew.

use security::{Aggregated, Stopped};

use super::classes::FastMap;
use super::group::Grouped;
use super::lists::Run;
use super::watch::Watch;
use super::{Evaluator, Outcome, internal, operators};
use crate::bound::Reduction;
use crate::value::{DataType, Value};
use crate::vector::{Data, Vector};

/// Sums from the first group on pay when the lists hold so many times more groups than there are.
const PREFIX_BEYOND: usize = 2;

impl<'a> Evaluator<'a> {
    /// The aggregate of each list of groups.
    pub(super) fn combine(&self, op: Reduction, grouped: &Grouped) -> Outcome<Vector> {
        let first = grouped
            .aggregate(0)
            .ok_or_else(|| internal("a scan without its aggregate"))?;
        let counts = |values: &[u64]| sum_counts(grouped, values);
        Ok(match (op, first) {
            // DISTINCTCOUNT without BLANK: the scan also counted rows and values.
            (Reduction::DistinctCount, Aggregated::Count(values))
                if grouped.aggregate(1).is_some() =>
            {
                let (Some(Aggregated::Count(rows)), Some(Aggregated::Count(held))) =
                    (grouped.aggregate(1), grouped.aggregate(2))
                else {
                    return Err(internal("a scan without its counts"));
                };
                let holds_blank = rows
                    .iter()
                    .zip(held)
                    .map(|(rows, held)| u64::from(rows > held));
                let values: Vec<u64> = values.iter().zip(holds_blank).map(|(n, b)| n - b).collect();
                counted(&counts(&values))
            }
            (
                Reduction::Rows | Reduction::Count | Reduction::DistinctCount,
                Aggregated::Count(values),
            ) => counted(&counts(values)),
            (Reduction::CountBlank, Aggregated::Count(rows)) => {
                let Some(Aggregated::Count(values)) = grouped.aggregate(1) else {
                    return Err(internal("a scan without its count"));
                };
                let left: Vec<u64> = counts(rows)
                    .iter()
                    .zip(counts(values))
                    .map(|(rows, values)| rows - values)
                    .collect();
                counted(&left)
            }
            (Reduction::Sum, Aggregated::Integer(values)) => {
                operators::integer_vector(&sums(grouped, values))
            }
            (Reduction::Sum, Aggregated::Fixed(values)) => {
                operators::fixed_vector(&sums(grouped, values))
            }
            (Reduction::Sum, Aggregated::Double(values)) => doubles(&sum_doubles(grouped, values)),
            (Reduction::Average, total) => {
                let Some(Aggregated::Count(values)) = grouped.aggregate(1) else {
                    return Err(internal("a scan without its count"));
                };
                average(total, &counts(values), grouped)
            }
            (Reduction::Min | Reduction::Max, Aggregated::Codes(codes)) => {
                let best = extremes(grouped, codes.as_slice(), op == Reduction::Min);
                let positions: Vec<u32> = best.iter().flatten().copied().collect();
                let values = self.decode(&codes.take(&positions))?;
                let mut next = 0;
                let results = best.iter().map(|b| {
                    Ok(match b {
                        None => Value::Blank,
                        Some(_) => {
                            next += 1;
                            values.get(next - 1)
                        }
                    })
                });
                self.collect(results, values.data_type().unwrap_or(DataType::Text))?
            }
            _ => return Err(internal("a scan gave another aggregate than was asked")),
        })
    }
}

pub(super) fn counted(counts: &[u64]) -> Vector {
    let array = counts
        .iter()
        .map(|&n| (n > 0).then_some(n as i64))
        .collect();
    Vector {
        data: Data::Integer(array),
        errors: None,
    }
}

fn doubles(values: &[Option<f64>]) -> Vector {
    Vector {
        data: Data::Double(values.iter().copied().collect()),
        errors: None,
    }
}

/// Exact sums: of a run the difference of two sums from the first group on, where runs overlap.
fn sums(grouped: &Grouped, values: &[Option<i128>]) -> Vec<Option<i128>> {
    let add = |a: Option<i128>, b: Option<i128>| match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (one, other) => one.or(other),
    };
    if grouped.single || grouped.total() <= PREFIX_BEYOND * values.len() {
        return per_list(grouped, |g| values[g as usize], add);
    }
    // Sums of 64-bit values over fewer than 2^32 rows cannot overflow 128 bits.
    let mut prefix = Vec::with_capacity(values.len() + 1);
    let (mut sum, mut held) = (0i128, 0u32);
    prefix.push((sum, held));
    for value in values {
        sum = sum.saturating_add(value.unwrap_or(0));
        held += u32::from(value.is_some());
        prefix.push((sum, held));
    }
    (0..grouped.lists())
        .map(|d| {
            let runs = grouped.runs(d).iter().map(|run| {
                let (start, end) = (prefix[run.start as usize], prefix[run.end as usize]);
                (end.1 > start.1).then(|| end.0 - start.0)
            });
            runs.fold(None, add)
        })
        .collect()
}

fn sum_counts(grouped: &Grouped, values: &[u64]) -> Vec<u64> {
    if grouped.single || grouped.total() <= PREFIX_BEYOND * values.len() {
        return (0..grouped.lists())
            .map(|d| grouped.list(d).map(|g| values[g as usize]).sum())
            .collect();
    }
    let mut prefix = Vec::with_capacity(values.len() + 1);
    let mut sum = 0;
    prefix.push(sum);
    for value in values {
        sum += value;
        prefix.push(sum);
    }
    (0..grouped.lists())
        .map(|d| {
            let runs = grouped.runs(d).iter();
            runs.map(|run| prefix[run.end as usize] - prefix[run.start as usize])
                .sum()
        })
        .collect()
}

/// One after the other in the order of the groups: the bits of a sum are the same however it was come by.
fn sum_doubles(grouped: &Grouped, values: &[Option<f64>]) -> Vec<Option<f64>> {
    per_list(
        grouped,
        |g| values[g as usize],
        |a, b| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (one, other) => one.or(other),
        },
    )
}

/// The position of the group that holds the smallest or largest code; codes are in value order and 0 is none. Of equal ones the
/// first for the smallest, the last for the largest.
fn extremes(grouped: &Grouped, codes: &[u32], least: bool) -> Vec<Option<u32>> {
    let better = |a: u32, b: u32| {
        let (x, y) = (codes[a as usize], codes[b as usize]);
        if least { y < x } else { y >= x }
    };
    per_list(
        grouped,
        |g| (codes[g as usize] != 0).then_some(g),
        |a, b| match (a, b) {
            (Some(a), Some(b)) => Some(if better(a, b) { b } else { a }),
            (one, other) => one.or(other),
        },
    )
}

/// Folds the values of each list's groups, in order. A list of one run goes on from the longest one before it that begins at the
/// same group.
fn per_list<T: Copy>(
    grouped: &Grouped,
    value: impl Fn(u32) -> Option<T>,
    fold: impl Fn(Option<T>, Option<T>) -> Option<T>,
) -> Vec<Option<T>> {
    let mut begun: FastMap<u32, (u32, Option<T>)> = FastMap::default();
    (0..grouped.lists())
        .map(|d| match grouped.runs(d) {
            [] => None,
            [run] if run.len() == 1 => value(run.start),
            [run] => {
                let known = begun.get(&run.start).filter(|(end, _)| *end <= run.end);
                let (next, so_far) = known.copied().unwrap_or((run.start, None));
                let folded = (next..run.end).map(&value).fold(so_far, &fold);
                begun.insert(run.start, (run.end, folded));
                folded
            }
            _ => grouped.list(d).map(&value).fold(None, &fold),
        })
        .collect()
}

/// The number of values of the asked-for key in each list.
pub(super) fn distinct_values(
    grouped: &Grouped,
    skip_blank: bool,
    watch: &Watch<'_>,
) -> Result<Vector, Stopped> {
    let codes = grouped.extra_codes(0);
    let skipped = |code: u32| skip_blank && code == 0;
    let mut counts = vec![0u64; grouped.lists()];
    if grouped.distinct {
        for (d, count) in counts.iter_mut().enumerate() {
            *count = grouped
                .list(d)
                .filter(|&g| !skipped(codes[g as usize]))
                .count() as u64;
        }
        return Ok(counted(&counts));
    }
    // Lists in the order of their beginnings and ends: one that goes on from the one before adds to what was seen.
    let bounds = |d: &u32| match grouped.runs(*d as usize) {
        [only] => (only.start, only.end),
        _ => (u32::MAX, u32::MAX),
    };
    let mut order: Vec<u32> = (0..grouped.lists() as u32).collect();
    order.sort_by_key(bounds);
    let mut seen = SeenCodes::default();
    let mut before: Option<Run> = None;
    for d in order {
        let runs = grouped.runs(d as usize);
        let mut open = before.take();
        for run in runs {
            let start = match open.take() {
                Some(known) if known.start == run.start && known.end <= run.end => known.end,
                _ if runs.len() == 1 || run.start == runs[0].start => {
                    seen.forget();
                    run.start
                }
                _ => run.start,
            };
            watch.step((run.end - start) as usize + 1)?;
            for code in &codes[start as usize..run.end as usize] {
                if !skipped(*code) {
                    seen.add(*code);
                }
            }
        }
        if runs.is_empty() {
            seen.forget();
        }
        if let [only] = runs {
            before = Some(*only);
        }
        counts[d as usize] = seen.count;
    }
    Ok(counted(&counts))
}

/// The codes seen since all were forgotten: each is stamped with the number of the round.
#[derive(Default)]
struct SeenCodes {
    stamps: FastMap<u32, u32>,
    dense: Vec<u32>,
    round: u32,
    count: u64,
}

/// Codes below are stamped in an array.
const DENSE_CODES: u32 = 1 << 24;

impl SeenCodes {
    fn forget(&mut self) {
        self.round += 1;
        self.count = 0;
    }

    fn add(&mut self, code: u32) {
        // Round 0 is before anything was seen.
        let round = self.round + 1;
        let stamp = if code < DENSE_CODES {
            let at = code as usize;
            if at >= self.dense.len() {
                self.dense.resize((at + 1).next_power_of_two(), 0);
            }
            &mut self.dense[at]
        } else {
            self.stamps.entry(code).or_insert(0)
        };
        if *stamp != round {
            *stamp = round;
            self.count += 1;
        }
    }
}

fn average(total: &Aggregated, counts: &[u64], grouped: &Grouped) -> Vector {
    match total {
        Aggregated::Integer(values) => {
            let means: Vec<Option<f64>> = sums(grouped, values)
                .iter()
                .zip(counts)
                .map(|(sum, n)| sum.map(|s| s as f64 / *n as f64))
                .collect();
            doubles(&means)
        }
        Aggregated::Fixed(values) => {
            let means: Vec<Option<i128>> = sums(grouped, values)
                .iter()
                .zip(counts)
                .map(|(sum, n)| sum.map(|s| rounded_quotient(s, *n)))
                .collect();
            operators::fixed_vector(&means)
        }
        Aggregated::Double(values) => {
            let means: Vec<Option<f64>> = sum_doubles(grouped, values)
                .iter()
                .zip(counts)
                .map(|(sum, n)| sum.map(|s| s / *n as f64))
                .collect();
            doubles(&means)
        }
        _ => Vector::blank(counts.len()),
    }
}

/// Halves away from zero.
pub(super) fn rounded_quotient(sum: i128, n: u64) -> i128 {
    let n = i128::from(n.max(1));
    let half = n / 2;
    if sum >= 0 {
        (sum + half) / n
    } else {
        (sum - half) / n
    }
}

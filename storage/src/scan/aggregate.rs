//! Aggregates: typed states, one entry a group, updated a strip at a time.

use std::cmp::Ordering;
use std::sync::Arc;

use super::compose::Composer;
use super::expression::{Compiled, Number, Numbers, Vector};
use super::strip::Strip;
use crate::column::Codes;
use crate::dictionary::compare_doubles;
use crate::hash::FastSet;
use crate::{Aggregate, AggregateOp, Aggregated, BLANK, Expression, PathColumn, ScanError, Target};

/// Distinct values are flagged in bits while all groups together need no more words than this (32 MB), else kept in a set.
const DISTINCT_WORDS: usize = 1 << 22;

pub(super) struct Accumulator<'a> {
    input: Input<'a>,
    state: State,
    /// Codes of the rows of a strip, kept for its buffer.
    codes: Vec<u32>,
}

/// Which groups have a value other than BLANK.
enum Seen {
    /// All that have rows: no value is BLANK.
    Rows,
    Flags(Vec<bool>),
}

enum Input<'a> {
    /// Every row counts.
    Rows,
    /// Codes of a plain column; without codes of a lane, row numbers.
    Codes {
        lane: Option<&'a Codes>,
        table: Option<Arc<[u32]>>,
    },
    Values(Compiled<'a>),
}

enum State {
    Rows,
    Count(Vec<u32>),
    SumWhole {
        sums: Vec<i128>,
        seen: Seen,
        number: Number,
    },
    SumDouble {
        sums: Vec<f64>,
        seen: Seen,
    },
    /// Smallest code, less one, so that BLANK is beyond all others.
    MinCode(Vec<u32>),
    MaxCode(Vec<u32>),
    ExtremeWhole {
        values: Vec<i64>,
        seen: Vec<bool>,
        keep: Ordering,
        number: Number,
    },
    ExtremeDouble {
        values: Vec<f64>,
        seen: Vec<bool>,
        keep: Ordering,
    },
    DistinctBits {
        bits: Vec<u64>,
        words: usize,
    },
    DistinctSet(FastSet<u64>),
}

impl<'a> Accumulator<'a> {
    /// `groups` is their number where it is known in advance.
    pub(super) fn new(
        composer: &mut Composer<'a>,
        aggregate: &Aggregate,
        groups: Option<usize>,
    ) -> Result<Accumulator<'a>, ScanError> {
        let (input, state) = match (aggregate.op, &aggregate.argument) {
            (AggregateOp::Rows, _) => (Input::Rows, State::Rows),
            (op, None) => return Err(ScanError::Internal(format!("{op:?} has no argument"))),
            (op, Some(Expression::Column(column))) if op != AggregateOp::Sum => {
                of_column(composer, op, column, groups)?
            }
            (AggregateOp::DistinctCount, Some(_)) => {
                return Err(ScanError::Internal(
                    "a distinct count takes a plain column".to_owned(),
                ));
            }
            (op, Some(expression)) => {
                let values = Compiled::new(composer, expression)?;
                let state = of_values(op, &values);
                (Input::Values(values), state)
            }
        };
        let mut accumulator = Accumulator {
            input,
            state,
            codes: Vec::new(),
        };
        accumulator.state.grow(groups.unwrap_or(0));
        Ok(accumulator)
    }

    /// Adds the rows of a strip. `ids` are their groups; empty: all rows are in the one group.
    pub(super) fn add(
        &mut self,
        strip: &Strip<'_>,
        groups: usize,
        ids: &[u32],
    ) -> Result<(), ScanError> {
        self.state.grow(groups);
        match &self.input {
            Input::Rows => {}
            Input::Codes { lane, table } => {
                match (lane, table) {
                    (Some(lane), Some(table)) => {
                        strip.gather(lane, &mut self.codes, |code| table[code as usize])
                    }
                    (Some(lane), None) => strip.gather(lane, &mut self.codes, |code| code),
                    (None, _) => {
                        self.codes.clear();
                        self.codes.extend(strip.rows());
                    }
                }
                self.state.add_codes(&self.codes, ids);
            }
            Input::Values(values) => self.state.add_values(&values.evaluate(strip)?, ids),
        }
        Ok(())
    }

    /// Bytes that the states of the groups take.
    pub(super) fn bytes(&self) -> usize {
        self.state.bytes()
    }

    /// The results of some groups; `rows` are their numbers of rows.
    pub(super) fn finish(mut self, groups: &[u32], rows: &[u64]) -> Aggregated {
        let most = groups.iter().max().map_or(0, |g| *g as usize + 1);
        self.state.grow(most);
        self.state.finish(groups, rows)
    }
}

fn of_column<'a>(
    composer: &mut Composer<'a>,
    op: AggregateOp,
    column: &PathColumn,
    groups: Option<usize>,
) -> Result<(Input<'a>, State), ScanError> {
    let source = composer.source(column)?;
    let lane = source.lane.map(|lane| composer.lane(lane)).transpose()?;
    let is_row = column.target == Target::Row;
    let state = match op {
        AggregateOp::Count => {
            // Rows are never BLANK, and neither is a column of the table itself that holds no BLANK.
            if is_row || (source.codes.is_none() && lane.is_some_and(|c| c.blanks == 0)) {
                return Ok((Input::Rows, State::Rows));
            }
            State::Count(Vec::new())
        }
        AggregateOp::Min | AggregateOp::Max if is_row => {
            return Err(ScanError::Internal(
                "rows have no least and no greatest".to_owned(),
            ));
        }
        AggregateOp::Min => State::MinCode(Vec::new()),
        AggregateOp::Max => State::MaxCode(Vec::new()),
        _ => {
            let words = source.size as usize / 64 + 1;
            match groups.and_then(|groups| groups.checked_mul(words)) {
                Some(total) if total <= DISTINCT_WORDS => State::DistinctBits {
                    bits: Vec::new(),
                    words,
                },
                _ => State::DistinctSet(FastSet::default()),
            }
        }
    };
    Ok((
        Input::Codes {
            lane: lane.map(|c| &c.codes),
            table: source.codes,
        },
        state,
    ))
}

fn of_values(op: AggregateOp, values: &Compiled<'_>) -> State {
    let number = values.number;
    let seen = if values.may_be_blank() {
        Seen::Flags(Vec::new())
    } else {
        Seen::Rows
    };
    let keep = if op == AggregateOp::Min {
        Ordering::Less
    } else {
        Ordering::Greater
    };
    match (op, number) {
        (AggregateOp::Count, _) => State::Count(Vec::new()),
        (AggregateOp::Sum, Number::Double) => State::SumDouble {
            sums: Vec::new(),
            seen,
        },
        (AggregateOp::Sum, number) => State::SumWhole {
            sums: Vec::new(),
            seen,
            number,
        },
        (_, Number::Double) => State::ExtremeDouble {
            values: Vec::new(),
            seen: Vec::new(),
            keep,
        },
        (_, number) => State::ExtremeWhole {
            values: Vec::new(),
            seen: Vec::new(),
            keep,
            number,
        },
    }
}

impl Seen {
    fn grow(&mut self, groups: usize) {
        if let Seen::Flags(flags) = self {
            extend(flags, groups, false);
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Seen::Rows => 0,
            Seen::Flags(flags) => flags.len(),
        }
    }

    fn mark(&mut self, ids: &[u32], blank: Option<&[bool]>) {
        let Seen::Flags(seen) = self else { return };
        match (blank, ids.is_empty()) {
            (None, true) => seen[0] = true,
            (None, false) => ids.iter().for_each(|id| seen[*id as usize] = true),
            (Some(blank), true) => seen[0] |= blank.contains(&false),
            (Some(blank), false) => {
                ids.iter()
                    .zip(blank)
                    .for_each(|(id, blank)| seen[*id as usize] |= !blank);
            }
        }
    }

    fn has(&self, group: usize, rows: u64) -> bool {
        match self {
            Seen::Rows => rows > 0,
            Seen::Flags(flags) => flags[group],
        }
    }
}

impl State {
    fn bytes(&self) -> usize {
        match self {
            State::Rows => 0,
            State::Count(list) | State::MinCode(list) | State::MaxCode(list) => {
                std::mem::size_of_val(list.as_slice())
            }
            State::SumWhole { sums, seen, .. } => {
                std::mem::size_of_val(sums.as_slice()) + seen.bytes()
            }
            State::SumDouble { sums, seen } => {
                std::mem::size_of_val(sums.as_slice()) + seen.bytes()
            }
            State::ExtremeWhole { values, seen, .. } => {
                std::mem::size_of_val(values.as_slice()) + seen.len()
            }
            State::ExtremeDouble { values, seen, .. } => {
                std::mem::size_of_val(values.as_slice()) + seen.len()
            }
            State::DistinctBits { bits, .. } => std::mem::size_of_val(bits.as_slice()),
            // A table of words is at most half empty, and has a byte of its own for each.
            State::DistinctSet(set) => set.capacity() * 9,
        }
    }

    /// Makes room for groups that have numbers by now.
    fn grow(&mut self, groups: usize) {
        match self {
            State::Rows | State::DistinctSet(_) => {}
            State::Count(counts) => extend(counts, groups, 0),
            State::SumWhole { sums, seen, .. } => {
                extend(sums, groups, 0);
                seen.grow(groups);
            }
            State::SumDouble { sums, seen } => {
                extend(sums, groups, 0.0);
                seen.grow(groups);
            }
            State::MinCode(codes) => extend(codes, groups, u32::MAX),
            State::MaxCode(codes) => extend(codes, groups, BLANK),
            State::ExtremeWhole { values, seen, .. } => {
                extend(values, groups, 0);
                extend(seen, groups, false);
            }
            State::ExtremeDouble { values, seen, .. } => {
                extend(values, groups, 0.0);
                extend(seen, groups, false);
            }
            State::DistinctBits { bits, words } => extend(bits, groups * *words, 0),
        }
    }

    fn add_codes(&mut self, codes: &[u32], ids: &[u32]) {
        match self {
            State::Count(counts) => {
                each(ids, codes.iter(), |group, code| {
                    counts[group] += u32::from(*code != BLANK)
                });
            }
            State::MinCode(least) => each(ids, codes.iter(), |group, code| {
                least[group] = least[group].min(code.wrapping_sub(1));
            }),
            State::MaxCode(most) => each(ids, codes.iter(), |group, code| {
                most[group] = most[group].max(*code)
            }),
            State::DistinctBits { bits, words } => each(ids, codes.iter(), |group, code| {
                bits[group * *words + *code as usize / 64] |= 1 << (code % 64);
            }),
            State::DistinctSet(set) => each(ids, codes.iter(), |group, code| {
                set.insert((group as u64) << 32 | u64::from(*code));
            }),
            _ => {}
        }
    }

    fn add_values(&mut self, vector: &Vector, ids: &[u32]) {
        let blank = vector.blank.as_deref();
        match (self, &vector.numbers) {
            (State::Count(counts), _) => {
                let rows = match &vector.numbers {
                    Numbers::Whole(values) => values.len(),
                    Numbers::Double(values) => values.len(),
                };
                each(ids, 0..rows, |group, row| {
                    counts[group] += u32::from(!is_blank(blank, row))
                });
            }
            (State::SumWhole { sums, seen, .. }, Numbers::Whole(values)) => {
                seen.mark(ids, blank);
                // BLANK stands as zero, so it need not be skipped.
                if ids.is_empty() {
                    sums[0] += sum_wide(values);
                } else {
                    each(ids, values.iter(), |group, value| {
                        sums[group] += i128::from(*value)
                    });
                }
            }
            // One after the other in load order: the same visible rows give the same bits.
            (State::SumDouble { sums, seen }, Numbers::Double(values)) => {
                seen.mark(ids, blank);
                each(ids, values.iter(), |group, value| sums[group] += value);
            }
            (
                State::ExtremeWhole {
                    values, seen, keep, ..
                },
                Numbers::Whole(new),
            ) => {
                each(ids, new.iter().enumerate(), |group, (row, new)| {
                    if !is_blank(blank, row) && (!seen[group] || new.cmp(&values[group]) == *keep) {
                        values[group] = *new;
                        seen[group] = true;
                    }
                });
            }
            (State::ExtremeDouble { values, seen, keep }, Numbers::Double(new)) => {
                each(ids, new.iter().enumerate(), |group, (row, new)| {
                    if !is_blank(blank, row)
                        && (!seen[group] || compare_doubles(*new, values[group]) == *keep)
                    {
                        values[group] = *new;
                        seen[group] = true;
                    }
                });
            }
            _ => {}
        }
    }

    fn finish(self, groups: &[u32], rows: &[u64]) -> Aggregated {
        let at = |group: &u32| *group as usize;
        match self {
            State::Rows => Aggregated::Count(rows.to_vec()),
            State::Count(counts) => {
                Aggregated::Count(groups.iter().map(|g| counts[at(g)].into()).collect())
            }
            State::SumWhole { sums, seen, number } => {
                let sum = |(g, rows): (&u32, &u64)| seen.has(at(g), *rows).then(|| sums[at(g)]);
                whole(number, groups.iter().zip(rows).map(sum).collect())
            }
            State::SumDouble { sums, seen } => {
                let sum = |(g, rows): (&u32, &u64)| seen.has(at(g), *rows).then(|| sums[at(g)]);
                Aggregated::Double(groups.iter().zip(rows).map(sum).collect())
            }
            State::ExtremeWhole {
                values,
                seen,
                number,
                ..
            } => {
                let value = |g: &u32| seen[at(g)].then(|| values[at(g)].into());
                whole(number, groups.iter().map(value).collect())
            }
            State::ExtremeDouble { values, seen, .. } => {
                let value = |g: &u32| seen[at(g)].then(|| values[at(g)]);
                Aggregated::Double(groups.iter().map(value).collect())
            }
            State::MinCode(least) => Aggregated::Code(
                groups
                    .iter()
                    .map(|g| least[at(g)].wrapping_add(1))
                    .collect(),
            ),
            State::MaxCode(most) => Aggregated::Code(groups.iter().map(|g| most[at(g)]).collect()),
            State::DistinctBits { bits, words } => {
                let count = |g: &u32| {
                    bits[at(g) * words..][..words]
                        .iter()
                        .map(|w| u64::from(w.count_ones()))
                        .sum()
                };
                Aggregated::Count(groups.iter().map(count).collect())
            }
            State::DistinctSet(set) => {
                let most = groups.iter().max().map_or(0, |g| at(g) + 1);
                let mut counts = vec![0u64; most];
                for entry in set {
                    counts[(entry >> 32) as usize] += 1;
                }
                Aggregated::Count(groups.iter().map(|g| counts[at(g)]).collect())
            }
        }
    }
}

fn whole(number: Number, values: Vec<Option<i128>>) -> Aggregated {
    if number == Number::Fixed {
        Aggregated::Fixed(values)
    } else {
        Aggregated::Integer(values)
    }
}

fn extend<T: Clone>(values: &mut Vec<T>, len: usize, with: T) {
    if values.len() < len {
        values.resize(len, with);
    }
}

/// Calls `add` with the group of each value.
fn each<T>(ids: &[u32], values: impl Iterator<Item = T>, mut add: impl FnMut(usize, T)) {
    if ids.is_empty() {
        values.for_each(|value| add(0, value));
    } else {
        ids.iter()
            .zip(values)
            .for_each(|(id, value)| add(*id as usize, value));
    }
}

fn is_blank(blank: Option<&[bool]>, row: usize) -> bool {
    blank.is_some_and(|blank| blank[row])
}

/// The exact sum of the values of a strip. High and low halves are added apart, in loops that the compiler vectorizes;
/// neither can overflow in fewer than 2^31 rows.
fn sum_wide(values: &[i64]) -> i128 {
    let low: u64 = values.iter().map(|v| *v as u64 & 0xFFFF_FFFF).sum();
    let high: i64 = values.iter().map(|v| v >> 32).sum();
    (i128::from(high) << 32) + i128::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_add_up_to_the_whole() {
        fn check(values: &[i64]) {
            assert_eq!(
                sum_wide(values),
                values.iter().map(|v| i128::from(*v)).sum::<i128>(),
                "{values:?}"
            );
        }
        check(&[]);
        check(&[-1, 1, -1]);
        check(&[i64::MAX, i64::MAX, 1]);
        check(&[i64::MIN, i64::MIN, -1]);
        check(&[i64::MIN, i64::MAX, 7_000_000_000, -5]);
    }
}

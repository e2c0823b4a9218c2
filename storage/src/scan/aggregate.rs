//! Aggregates: typed states, one entry a group, updated a strip at a time.

use std::cmp::Ordering;
use std::sync::Arc;

use super::compose::Composer;
use super::exact::ExactSums;
use super::expression::{Compiled, Number, Numbers, Vector};
use super::kernels::Level;
use super::seen::{Seen, extend};
use super::strip::Strip;
use super::sums::{Lookup, Summed};
use crate::codes::{Codes, with_codes};
use crate::dictionary::compare_doubles;
use crate::hash::FastSet;
use crate::runs::RowCodes;
use crate::{Aggregate, AggregateOp, Aggregated, BLANK, Expression, PathColumn, ScanError, Target};

/// Distinct values are flagged in bits while all groups together need no more words than this (32 MB), else kept in a set.
const DISTINCT_WORDS: usize = 1 << 22;

/// An aggregate, ready to run: decided before the first row, and shared by all threads.
pub(super) struct Aggregation<'a> {
    input: Input<'a>,
    /// Without any group yet.
    empty: State,
}

/// What one thread has aggregated.
pub(super) struct Accumulator<'g, 'a> {
    input: &'g Input<'a>,
    state: State,
    /// Codes of the rows of a strip, kept for its buffer.
    codes: Vec<u32>,
}

enum Input<'a> {
    /// Every row counts.
    Rows,
    /// Codes of a plain column; without numbers of a lane, row numbers.
    Codes {
        lane: Option<&'a RowCodes>,
        table: Option<Arc<[u32]>>,
    },
    Values(Compiled<'a>),
    /// The same, where all rows are summed up at once by their codes.
    Listed {
        values: Compiled<'a>,
        codes: &'a Codes,
        lookup: Lookup,
    },
}

#[derive(Clone)]
enum State {
    Rows,
    Count(Vec<u32>),
    /// Of a column of whole numbers at even distances: the sums of the codes say the sums of the values.
    SumCodes {
        sums: Vec<u64>,
        /// How many codes are not BLANK; None: as many as there are rows.
        values: Option<Vec<u32>>,
        base: i64,
        step: i64,
        number: Number,
    },
    /// Where no sum can leave 64 bits.
    SumNarrow {
        sums: Vec<i64>,
        seen: Seen,
        number: Number,
    },
    SumWhole {
        sums: Vec<i128>,
        seen: Seen,
        number: Number,
    },
    SumDouble {
        sums: ExactSums,
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

impl<'a> Aggregation<'a> {
    /// `groups` is their number where it is known in advance.
    pub(super) fn new(
        composer: &mut Composer<'a>,
        aggregate: &Aggregate,
        groups: Option<usize>,
    ) -> Result<Aggregation<'a>, ScanError> {
        let (input, empty) = match (aggregate.op, &aggregate.argument) {
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
                match values.even_codes().filter(|_| op == AggregateOp::Sum) {
                    Some((codes, state)) => (
                        Input::Codes {
                            lane: Some(codes),
                            table: None,
                        },
                        state,
                    ),
                    None => {
                        let state = of_values(op, &values, composer.rows());
                        (Input::Values(values), state)
                    }
                }
            }
        };
        Ok(Aggregation { input, empty })
    }

    /// All rows count, and for one group: then a sum may be worth a list of its own.
    pub(super) fn of_all_rows(&mut self) {
        let (Input::Values(values), State::SumNarrow { .. }) = (&self.input, &self.empty) else {
            return;
        };
        let Some((codes, lookup)) = values.lookup() else {
            return;
        };
        let input = std::mem::replace(&mut self.input, Input::Rows);
        if let Input::Values(values) = input {
            self.input = Input::Listed {
                values,
                codes,
                lookup,
            };
        }
    }

    /// Whether rows that are all of one group are taken straight from their codes, however many they are.
    pub(super) fn reads_lanes(&self) -> bool {
        match (&self.input, &self.empty) {
            (Input::Rows, _) | (Input::Listed { .. }, _) => true,
            (
                Input::Codes {
                    lane: Some(_),
                    table: None,
                },
                state,
            ) => matches!(state, State::SumCodes { .. } | State::Count(_)),
            _ => false,
        }
    }

    /// Bytes that a state of so many groups takes, about.
    pub(super) fn bytes(&self, groups: usize) -> usize {
        let each = match &self.empty {
            State::Rows => 0,
            State::Count(_) | State::MinCode(_) | State::MaxCode(_) => 4,
            State::SumCodes { .. } | State::SumNarrow { .. } => 12,
            State::ExtremeWhole { .. } | State::ExtremeDouble { .. } => 9,
            State::SumWhole { .. } | State::SumDouble { .. } => 17,
            State::DistinctBits { words, .. } => words * 8,
            State::DistinctSet(_) => 64,
        };
        groups.saturating_mul(each)
    }

    /// Without any row yet; `groups` is their number where it is known in advance.
    pub(super) fn accumulator(&self, groups: Option<usize>) -> Accumulator<'_, 'a> {
        let mut accumulator = Accumulator {
            input: &self.input,
            state: self.empty.clone(),
            codes: Vec::new(),
        };
        accumulator.state.grow(groups.unwrap_or(0));
        accumulator
    }
}

impl Accumulator<'_, '_> {
    /// Adds the rows of a strip. `ids` are their groups; empty: all rows are in the one group.
    pub(super) fn add(
        &mut self,
        strip: &Strip<'_>,
        groups: usize,
        ids: &[u32],
    ) -> Result<(), ScanError> {
        self.state.grow(groups);
        match self.input {
            Input::Rows => {}
            Input::Codes {
                lane: Some(lane),
                table: None,
            } if strip.picks.is_none() && ids.is_empty() && self.state.add_lane(strip, lane) => {}
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
            Input::Listed { codes, lookup, .. } if strip.picks.is_none() && ids.is_empty() => {
                let rows = strip.start..strip.start + strip.len;
                self.state.add_total(lookup.sum(Level::best(), codes, rows));
            }
            Input::Values(values) | Input::Listed { values, .. } => {
                self.state.add_values(&values.evaluate(strip)?, ids)
            }
        }
        Ok(())
    }

    /// Bytes that the states of the groups take.
    pub(super) fn bytes(&self) -> usize {
        self.state.bytes()
    }

    /// Adds what another thread has aggregated. `here` are the numbers that its groups have here, of `groups` in all; None: the
    /// same.
    pub(super) fn merge(
        &mut self,
        other: Accumulator<'_, '_>,
        groups: usize,
        here: Option<&[u32]>,
    ) {
        self.state.grow(groups);
        self.state.merge(other.state, here);
    }

    /// The results of some groups; `rows` are their numbers of rows.
    pub(super) fn finish(mut self, groups: &[u32], rows: &[u64]) -> Aggregated {
        let most = groups.iter().max().map_or(0, |g| *g as usize + 1);
        self.state.grow(most);
        self.state.finish(groups, rows)
    }
}

impl<'a> Compiled<'a> {
    /// The codes of a column of the table itself whose values are whole numbers at even distances, and how to sum them.
    fn even_codes(&self) -> Option<(&'a RowCodes, State)> {
        let (codes, base, step, may_be_blank) = self.even()?;
        let state = State::SumCodes {
            sums: Vec::new(),
            values: may_be_blank.then(Vec::new),
            base,
            step,
            number: self.number,
        };
        Some((codes, state))
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
            if is_row || (column.path.is_empty() && lane.is_some_and(|c| c.blanks == 0)) {
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
            lane: lane.map(|c| &c.numbers),
            table: source.reached.dense(),
        },
        state,
    ))
}

/// Of at most so many rows.
fn of_values(op: AggregateOp, values: &Compiled<'_>, rows: usize) -> State {
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
            sums: ExactSums::new(rows, values.largest()),
            seen,
        },
        (AggregateOp::Sum, number) if sums_are_narrow(values, rows) => State::SumNarrow {
            sums: Vec::new(),
            seen,
            number,
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

/// Whether no sum of so many values can leave 64 bits.
fn sums_are_narrow(values: &Compiled<'_>, rows: usize) -> bool {
    let fits = |bound: i64| bound.checked_mul(rows as i64).is_some();
    values
        .bounds()
        .is_some_and(|(least, most)| fits(least) && fits(most))
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
            State::SumCodes { sums, values, .. } => {
                let counted = values.as_ref().map_or(0, |values| values.len() * 4);
                std::mem::size_of_val(sums.as_slice()) + counted
            }
            State::SumNarrow { sums, seen, .. } => {
                std::mem::size_of_val(sums.as_slice()) + seen.bytes()
            }
            State::SumDouble { sums, seen } => sums.bytes() + seen.bytes(),
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
            State::SumNarrow { sums, seen, .. } => {
                extend(sums, groups, 0);
                seen.grow(groups);
            }
            State::SumCodes { sums, values, .. } => {
                extend(sums, groups, 0);
                if let Some(values) = values {
                    extend(values, groups, 0);
                }
            }
            State::SumDouble { sums, seen } => {
                sums.grow(groups);
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

    /// Adds all rows of a strip to the one group, straight from the lane, where that is possible.
    fn add_lane(&mut self, strip: &Strip<'_>, lane: &RowCodes) -> bool {
        let (level, rows) = (Level::best(), strip.start..strip.start + strip.len);
        match self {
            State::SumCodes {
                sums, values: None, ..
            } => match lane {
                RowCodes::Each(codes) => {
                    sums[0] += with_codes!(codes, codes => Summed::sum(level, &codes[rows]));
                }
                RowCodes::Runs(runs) => runs.each_stretch(rows, |_, codes| {
                    sums[0] += Summed::sum(level, codes);
                }),
            },
            State::SumCodes {
                sums,
                values: Some(values),
                ..
            } => {
                let mut add = |(sum, count): (u64, u64)| {
                    sums[0] += sum;
                    // There are no more of them than rows.
                    values[0] += count as u32;
                };
                match lane {
                    RowCodes::Each(codes) => add(with_codes!(codes, codes => {
                        Summed::sum_and_values(level, &codes[rows])
                    })),
                    RowCodes::Runs(runs) => runs.each_stretch(rows, |_, codes| {
                        add(Summed::sum_and_values(level, codes));
                    }),
                }
            }
            State::Count(counts) => match lane {
                RowCodes::Each(codes) => {
                    let count = with_codes!(codes, codes => Summed::values(level, &codes[rows]));
                    counts[0] += count as u32;
                }
                RowCodes::Runs(runs) => runs.each_stretch(rows, |_, codes| {
                    counts[0] += Summed::values(level, codes) as u32;
                }),
            },
            _ => return false,
        }
        true
    }

    /// Adds to the one group a sum of values that are not BLANK, and how many they are.
    fn add_total(&mut self, (sum, values): (i64, u64)) {
        if let State::SumNarrow { sums, seen, .. } = self {
            sums[0] += sum;
            seen.mark_one(values > 0);
        }
    }

    fn add_codes(&mut self, codes: &[u32], ids: &[u32]) {
        match self {
            State::SumCodes { sums, values, .. } => {
                if let Some(values) = values {
                    each(ids, codes.iter(), |group, code| {
                        values[group] += u32::from(*code != BLANK)
                    });
                }
                if ids.is_empty() {
                    sums[0] += codes.iter().map(|code| u64::from(*code)).sum::<u64>();
                } else {
                    each(ids, codes.iter(), |group, code| {
                        sums[group] += u64::from(*code)
                    });
                }
            }
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
            (State::SumNarrow { sums, seen, .. }, Numbers::Whole(values)) => {
                seen.mark(ids, blank);
                if ids.is_empty() {
                    sums[0] += values.iter().sum::<i64>();
                } else {
                    each(ids, values.iter(), |group, value| sums[group] += value);
                }
            }
            // BLANK stands as zero here too.
            (State::SumDouble { sums, seen }, Numbers::Double(values)) => {
                seen.mark(ids, blank);
                each(ids, values.iter(), |group, value| sums.add(group, *value));
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

    /// Adds the state of another thread; `here` are the numbers of its groups in this one.
    fn merge(&mut self, other: State, here: Option<&[u32]>) {
        let at = |group: usize| here.map_or(group, |here| here[group] as usize);
        match (self, other) {
            (State::Count(mine), State::Count(theirs)) => {
                combine(mine, theirs, at, |m, t| *m += t);
            }
            (
                State::SumCodes { sums, values, .. },
                State::SumCodes {
                    sums: more,
                    values: more_values,
                    ..
                },
            ) => {
                combine(sums, more, at, |m, t| *m += t);
                if let (Some(values), Some(more)) = (values, more_values) {
                    combine(values, more, at, |m, t| *m += t);
                }
            }
            (
                State::SumNarrow { sums, seen, .. },
                State::SumNarrow {
                    sums: more,
                    seen: also,
                    ..
                },
            ) => {
                combine(sums, more, at, |m, t| *m += t);
                seen.merge(also, at);
            }
            (
                State::SumWhole { sums, seen, .. },
                State::SumWhole {
                    sums: more,
                    seen: also,
                    ..
                },
            ) => {
                combine(sums, more, at, |m, t| *m += t);
                seen.merge(also, at);
            }
            (
                State::SumDouble { sums, seen },
                State::SumDouble {
                    sums: more,
                    seen: also,
                },
            ) => {
                sums.merge(more, here);
                seen.merge(also, at);
            }
            (State::MinCode(mine), State::MinCode(theirs)) => {
                combine(mine, theirs, at, |m, t| *m = (*m).min(t));
            }
            (State::MaxCode(mine), State::MaxCode(theirs)) => {
                combine(mine, theirs, at, |m, t| *m = (*m).max(t));
            }
            (
                State::ExtremeWhole {
                    values, seen, keep, ..
                },
                State::ExtremeWhole {
                    values: theirs,
                    seen: also,
                    ..
                },
            ) => merge_extremes(values, seen, theirs, also, at, |a, b| a.cmp(b) == *keep),
            (
                State::ExtremeDouble { values, seen, keep },
                State::ExtremeDouble {
                    values: theirs,
                    seen: also,
                    ..
                },
            ) => merge_extremes(values, seen, theirs, also, at, |a, b| {
                compare_doubles(*a, *b) == *keep
            }),
            (State::DistinctBits { bits, words }, State::DistinctBits { bits: theirs, .. }) => {
                for (place, word) in theirs.into_iter().enumerate() {
                    bits[at(place / *words) * *words + place % *words] |= word;
                }
            }
            (State::DistinctSet(mine), State::DistinctSet(theirs)) => {
                let pair =
                    |pair: u64| (at((pair >> 32) as usize) as u64) << 32 | pair & 0xFFFF_FFFF;
                mine.extend(theirs.into_iter().map(pair));
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
            State::SumNarrow { sums, seen, number } => {
                let sum =
                    |(g, rows): (&u32, &u64)| seen.has(at(g), *rows).then(|| sums[at(g)].into());
                whole(number, groups.iter().zip(rows).map(sum).collect())
            }
            State::SumCodes {
                sums,
                values,
                base,
                step,
                number,
            } => {
                let sum = |(g, rows): (&u32, &u64)| {
                    let count = values.as_ref().map_or(*rows, |values| values[at(g)].into());
                    let (base, step) = (i128::from(base), i128::from(step));
                    // Code 1 is the base, and each further code one step more.
                    let sum = i128::from(sums[at(g)]) * step + i128::from(count) * (base - step);
                    (count > 0).then_some(sum)
                };
                whole(number, groups.iter().zip(rows).map(sum).collect())
            }
            State::SumDouble { sums, seen } => {
                let sum =
                    |(g, rows): (&u32, &u64)| seen.has(at(g), *rows).then(|| sums.value(at(g)));
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
                // Both zeros are one value, and so is every NaN: which row came first does not show.
                let one = |v: f64| if v.is_nan() { f64::NAN } else { v + 0.0 };
                let value = |g: &u32| seen[at(g)].then(|| one(values[at(g)]));
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

/// Combines each element with that of another thread's group.
fn combine<T>(
    mine: &mut [T],
    theirs: Vec<T>,
    at: impl Fn(usize) -> usize,
    with: impl Fn(&mut T, T),
) {
    for (group, theirs) in theirs.into_iter().enumerate() {
        with(&mut mine[at(group)], theirs);
    }
}

fn merge_extremes<T: Copy>(
    mine: &mut [T],
    seen: &mut [bool],
    theirs: Vec<T>,
    also: Vec<bool>,
    at: impl Fn(usize) -> usize,
    is_better: impl Fn(&T, &T) -> bool,
) {
    for (group, value) in theirs
        .into_iter()
        .enumerate()
        .filter(|(group, _)| also[*group])
    {
        let group = at(group);
        if !seen[group] || is_better(&value, &mine[group]) {
            mine[group] = value;
            seen[group] = true;
        }
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

//! Time intelligence over a calendar of the model. The calendar's own columns say which moments there are, in which order, and which
//! period each is in: nothing is known of months or of leap years here.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use security::Column;

use super::calculate::lossless;
use super::dates::intervals;
use super::sets::{SegmentPlan, segment_of, segment_range};
use super::{Evaluator, Outcome};
use crate::batch::Batch;
use crate::bound::{Extension, Moments, MomentsFunction, Schema};
use crate::error::Failure;
use crate::table::{ColumnRows, TableRows};
use crate::value::Value;
use crate::vector::{Errors, Vector, errors_from, merge_errors};

/// The moments of a calendar in order. Codes stand in value order, so they sort.
struct Timeline {
    /// Rows of `all`, by moment.
    rows: Vec<Vec<u32>>,
    by_key: HashMap<Vec<u32>, u32>,
    periods: Grain,
    finer: Vec<Grain>,
    /// The code of each moment's day.
    days: Vec<u32>,
}

/// Moments by the periods of a unit, which are numbered in order.
#[derive(Default)]
struct Grain {
    of: Vec<u32>,
    members: Vec<Vec<u32>>,
}

impl Grain {
    /// By moment the codes that tell its period.
    fn new(keys: Vec<Vec<u32>>) -> Grain {
        let mut sorted: Vec<(&Vec<u32>, u32)> = keys.iter().zip(0..).collect();
        sorted.sort_unstable();
        let mut grain = Grain {
            of: vec![0; keys.len()],
            members: Vec::new(),
        };
        let mut last = None;
        for (key, moment) in sorted {
            if last != Some(key) {
                grain.members.push(Vec::new());
                last = Some(key);
            }
            grain.of[moment as usize] = grain.members.len() as u32 - 1;
            if let Some(members) = grain.members.last_mut() {
                members.push(moment);
            }
        }
        grain
    }
}

impl Timeline {
    fn new(codes: &[Vec<u32>], range: std::ops::Range<usize>, moments: &Moments) -> Timeline {
        let key = |places: &[usize], row: u32| -> Vec<u32> {
            places.iter().map(|p| codes[*p][row as usize]).collect()
        };
        let mut sorted: Vec<(Vec<u32>, u32)> = range
            .map(|row| (key(&moments.order, row as u32), row as u32))
            .collect();
        sorted.sort_unstable();
        let mut timeline = Timeline {
            rows: Vec::new(),
            by_key: HashMap::new(),
            periods: Grain::default(),
            finer: Vec::new(),
            days: Vec::new(),
        };
        let mut last: Option<Vec<u32>> = None;
        for (moment, row) in sorted {
            if last.as_ref() != Some(&moment) {
                timeline.rows.push(Vec::new());
                last = Some(moment);
            }
            if let Some(rows) = timeline.rows.last_mut() {
                rows.push(row);
            }
        }
        for (moment, rows) in (0u32..).zip(&timeline.rows) {
            let row = rows[0];
            timeline.by_key.insert(key(&moments.order, row), moment);
            let day = moments.day.map(|day| codes[day][row as usize]);
            timeline.days.extend(day);
        }
        let grain = |places: &[usize]| {
            let keys = timeline.rows.iter().map(|rows| key(places, rows[0]));
            Grain::new(keys.collect())
        };
        timeline.periods = grain(&moments.period);
        timeline.finer = moments.finer.iter().map(|places| grain(places)).collect();
        timeline
    }

    fn period(&self, number: i64) -> &[u32] {
        usize::try_from(number)
            .ok()
            .and_then(|number| self.periods.members.get(number))
            .map_or(&[], Vec::as_slice)
    }

    fn period_of(&self, moment: u32) -> i64 {
        i64::from(self.periods.of[moment as usize])
    }

    /// DATEADD: everything keeps its place in its period. Whole periods become whole periods, whole months of a year become the months of
    /// the same places, and single moments go by their own places.
    fn shift(
        &self,
        selected: &[u32],
        count: i64,
        extension: Extension,
        anchored: bool,
    ) -> Vec<u32> {
        let mut by_period: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for moment in selected {
            let period = self.period_of(*moment);
            by_period.entry(period).or_default().push(*moment);
        }
        let mut shifted = Vec::new();
        for (period, members) in by_period {
            let to = period.saturating_add(count);
            if members.len() == self.period(period).len() {
                shifted.extend(self.period(to));
                continue;
            }
            let (from, to) = match self.grain(period, &members) {
                Some(grain) => (self.grains(grain, period), self.grains(grain, to)),
                None => (singles(self.period(period)), singles(self.period(to))),
            };
            let places: Vec<usize> = (0..from.len())
                .filter(|place| members.binary_search(&from[*place][0]).is_ok())
                .collect();
            for place in shifted_places(&places, from.len(), to.len(), extension, anchored) {
                shifted.extend(&to[place]);
            }
        }
        shifted.sort_unstable();
        shifted.dedup();
        shifted
    }

    /// The coarsest of the finer units of which these moments of a period are whole.
    fn grain(&self, period: i64, members: &[u32]) -> Option<usize> {
        let whole = |grain: &Grain| {
            members.iter().all(|moment| {
                let mut others = grain.members[grain.of[*moment as usize] as usize].iter();
                others.all(|other| {
                    self.period_of(*other) == period && members.binary_search(other).is_ok()
                })
            })
        };
        self.finer.iter().position(whole)
    }

    /// The moments of a period by a finer unit, in order.
    fn grains(&self, grain: usize, period: i64) -> Vec<Vec<u32>> {
        let mut grains: Vec<(u32, Vec<u32>)> = Vec::new();
        for moment in self.period(period) {
            let number = self.finer[grain].of[*moment as usize];
            match grains.iter_mut().rev().find(|(known, _)| *known == number) {
                Some((_, members)) => members.push(*moment),
                None => grains.push((number, vec![*moment])),
            }
        }
        grains.into_iter().map(|(_, members)| members).collect()
    }

    /// DATESINPERIOD: from the moment to its shifted self, or back to it; the far end does not count.
    fn in_period(&self, start: u32, count: i64, extension: Extension) -> Vec<u32> {
        let far = self.shift(&[start], count, extension, true).last().copied();
        let moments = self.rows.len() as u32;
        match count {
            0 => Vec::new(),
            1.. => (start..far.unwrap_or(moments)).collect(),
            _ => (far.map_or(0, |far| far + 1)..start + 1).collect(),
        }
    }
}

fn singles(moments: &[u32]) -> Vec<Vec<u32>> {
    moments.iter().map(|moment| vec![*moment]).collect()
}

/// Where places of a period of `from` parts come to stand in one of `to` parts.
fn shifted_places(
    places: &[usize],
    from: usize,
    to: usize,
    extension: Extension,
    anchored: bool,
) -> Vec<usize> {
    let Some(end) = to.checked_sub(1) else {
        return Vec::new();
    };
    let reaches_end = places.last().is_some_and(|last| last + 1 == from) && to > from;
    let aligned = reaches_end && extension == Extension::EndAligned;
    let kept = &places[..places.len() - usize::from(aligned)];
    let mut shifted: Vec<usize> = kept
        .iter()
        .filter(|place| anchored || **place < to)
        .map(|place| (*place).min(end))
        .collect();
    match extension {
        Extension::Extending if reaches_end => shifted.extend(from..to),
        // A single last part becomes the last part; of several, the last goes on to it.
        Extension::EndAligned if aligned && kept.is_empty() => shifted.push(end),
        Extension::EndAligned if aligned => shifted.extend(from - 1..to),
        _ => {}
    }
    shifted
}

/// What a function asks for in one context.
struct Question<'q> {
    moments: &'q Moments,
    timeline: &'q Timeline,
    /// Ascending.
    selected: &'q [u32],
    arguments: &'q [Value],
    /// For the arguments that are days: the first code that is not before the day, and the first that is after it.
    days: &'q [Option<(u32, u32)>],
}

impl Question<'_> {
    fn answer(&self) -> Result<Vec<u32>, Failure> {
        use MomentsFunction as F;
        let Question {
            moments, timeline, ..
        } = self;
        let count = |place: usize| intervals(self.arguments.get(place).unwrap_or(&Value::Blank));
        match moments.function {
            F::Between => return Ok(self.between()),
            F::InPeriod => {
                let count = count(1)?;
                return Ok(self.start().map_or_else(Vec::new, |start| {
                    timeline.in_period(start, count, moments.extension)
                }));
            }
            _ => {}
        }
        let (Some(&first), Some(&last)) = (self.selected.first(), self.selected.last()) else {
            return Ok(Vec::new());
        };
        let before = timeline.period_of(first);
        let after = timeline.period_of(last);
        Ok(match moments.function {
            F::First => vec![first],
            F::Last => vec![last],
            F::StartOf => timeline.period(before)[..1].to_vec(),
            F::EndOf => timeline.period(after).last().copied().into_iter().collect(),
            F::BeforeStart => {
                let start = timeline.period(before).first();
                let start = start.and_then(|start| start.checked_sub(1));
                start.into_iter().collect()
            }
            F::ToDate => {
                let members = timeline.period(after).iter().copied();
                members.filter(|moment| *moment <= last).collect()
            }
            F::Previous => timeline.period(before - 1).to_vec(),
            F::Next => timeline.period(after + 1).to_vec(),
            F::Parallel => {
                let count = count(0)?;
                let periods = timeline.periods.members.len() as i64;
                let clamp = |period: i64| period.saturating_add(count).clamp(0, periods);
                let (low, high) = (clamp(before), clamp(after.saturating_add(1)));
                let members = (low..high).flat_map(|period| timeline.period(period));
                members.copied().collect()
            }
            F::Add => timeline.shift(
                self.selected,
                count(0)?,
                moments.extension,
                moments.anchored,
            ),
            F::Between | F::InPeriod => Vec::new(),
        })
    }

    /// DATESBETWEEN. An end stays open for BLANK, and for a day that the calendar does not have.
    fn between(&self) -> Vec<u32> {
        let known = |place: usize| {
            let given = !self.arguments.get(place).is_none_or(Value::is_blank);
            let (low, high) = self.days.get(place).copied().flatten()?;
            let days = &self.timeline.days;
            (given && days.iter().any(|day| (low..high).contains(day))).then_some((low, high))
        };
        let low = known(0).map_or(0, |bounds| bounds.0);
        let high = known(1).map_or(u32::MAX, |bounds| bounds.1);
        let days = (0u32..).zip(&self.timeline.days);
        days.filter(|(_, day)| (low..high).contains(day))
            .map(|(moment, _)| moment)
            .collect()
    }

    /// The moment at which DATESINPERIOD starts; the first of all for BLANK.
    fn start(&self) -> Option<u32> {
        if self.arguments.first().is_none_or(Value::is_blank) {
            return (!self.timeline.rows.is_empty()).then_some(0);
        }
        let (low, high) = self.days.first().copied().flatten()?;
        let mut days = (0u32..).zip(&self.timeline.days);
        days.find(|(_, day)| (low..high).contains(day))
            .map(|(moment, _)| moment)
    }
}

impl<'a> Evaluator<'a> {
    pub fn moments(&self, moments: &Moments, batch: &Rc<Batch>) -> Outcome<TableRows> {
        let all = self.settled(self.table(&moments.all, batch)?, &moments.all.schema)?;
        let codes = self.all_codes(&all, &moments.all.schema)?;
        let mut errors: Errors = all.errors.clone();
        let of_days = matches!(
            moments.function,
            MomentsFunction::Between | MomentsFunction::InPeriod
        );
        let selected = if of_days {
            None
        } else {
            let schema = &moments.selected.schema;
            let rows = self.settled(self.table(&moments.selected, batch)?, schema)?;
            errors = merge_errors(&errors, &rows.errors);
            let codes = self.all_codes(&rows, schema)?;
            Some((rows, codes))
        };
        let arguments: Vec<Vector> = moments
            .arguments
            .iter()
            .map(|argument| self.scalar(argument, batch))
            .collect::<Outcome<_>>()?;
        let days = match moments
            .day
            .and_then(|day| moments.all.schema.fields[day].lineage)
        {
            Some(column) if of_days => arguments
                .iter()
                .map(|values| self.day_bounds(column, values))
                .collect::<Outcome<Vec<_>>>()?,
            _ => Vec::new(),
        };
        let mut timelines: HashMap<u32, Timeline> = HashMap::new();
        let mut selections: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut failures = Vec::new();
        let mut positions: Vec<u32> = Vec::new();
        let mut plan = SegmentPlan::new();
        for i in 0..batch.len {
            let segment = segment_of(&all, i);
            let timeline = timelines
                .entry(segment)
                .or_insert_with(|| Timeline::new(&codes, segment_range(&all, segment), moments));
            let selected: &[u32] = match &selected {
                None => &[],
                Some((rows, codes)) => {
                    let segment = segment_of(rows, i);
                    selections.entry(segment).or_insert_with(|| {
                        selection(codes, segment_range(rows, segment), moments, timeline)
                    })
                }
            };
            let values = arguments
                .iter()
                .map(|argument| argument.at(i))
                .collect::<Result<Vec<Value>, Failure>>();
            let days: Vec<Option<(u32, u32)>> = days.iter().map(|bounds| bounds[i]).collect();
            let found = values.and_then(|arguments| {
                let question = Question {
                    moments,
                    timeline,
                    selected,
                    arguments: &arguments,
                    days: &days,
                };
                question.answer()
            });
            let found = found.unwrap_or_else(|failure| {
                failures.push((i as u32, failure));
                Vec::new()
            });
            plan.ask((segment, found), |(_, found)| -> Outcome<usize> {
                for moment in found {
                    positions.extend(&timeline.rows[*moment as usize]);
                }
                self.admit_rows(positions.len())?;
                Ok(positions.len())
            })?;
        }
        let columns: Vec<ColumnRows> = all
            .columns
            .iter()
            .take(moments.given)
            .map(|column| column.take(&positions))
            .collect();
        Ok(plan.finish(columns, merge_errors(&errors, &errors_from(failures))))
    }

    fn all_codes(&self, rows: &TableRows, schema: &Schema) -> Outcome<Vec<Vec<u32>>> {
        let columns = schema.fields.iter().enumerate();
        columns
            .map(|(index, field)| match field.lineage {
                Some(column) => self.codes_of(rows, schema, index, column),
                None => Err(super::internal("a column of a calendar without lineage")),
            })
            .collect()
    }

    /// Where days stand among the values of a column; None: not a value of its type.
    fn day_bounds(&self, column: Column, values: &Vector) -> Outcome<Vec<Option<(u32, u32)>>> {
        let data_type = self.scope.column_type(column);
        let days: Vec<Option<Value>> = (0..values.len())
            .map(|i| lossless(&values.get(i), data_type))
            .collect();
        let known = days
            .iter()
            .map(|day| Ok(day.clone().unwrap_or(Value::Blank)))
            .collect::<Vec<_>>();
        let array = Vector::from_results(known, data_type).typed_array(data_type);
        let bounds = self.scope.bounds(column, &array, self.control)?;
        let bounds = bounds.into_iter().zip(days);
        Ok(bounds.map(|(bounds, day)| day.map(|_| bounds)).collect())
    }
}

/// The moments of the rows that the filter context leaves.
fn selection(
    codes: &[Vec<u32>],
    rows: std::ops::Range<usize>,
    moments: &Moments,
    timeline: &Timeline,
) -> Vec<u32> {
    let mut found: Vec<u32> = rows
        .filter_map(|row| {
            let key: Vec<u32> = moments.order.iter().map(|p| codes[*p][row]).collect();
            timeline.by_key.get(&key).copied()
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

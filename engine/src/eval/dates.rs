//! Time intelligence over a date column. Every function gives a range of the column's dates; a range is two positions in the sorted
//! dates, so nothing is scanned again for a context, and contexts with the same range share it.

use std::collections::HashMap;
use std::rc::Rc;

use super::sets::{SegmentPlan, segment_of, segment_range};
use super::{Evaluator, Outcome, order};
use crate::batch::Batch;
use crate::bound::{DateUnit, Dates, DatesFunction, FrameId, Scalar, TableExpr};
use crate::convert::{self, DateOrder};
use crate::error::Failure;
use crate::functions::calendar;
use crate::functions::format::date_order;
use crate::table::{ColumnRows, TableRows};
use crate::value::{DAY, DataType, Value};
use crate::vector::{Errors, Vector, errors_from, merge_errors};

/// No interval is longer: shifts stay far from the ends of whole numbers, and beyond any date.
const MOST_INTERVALS: i64 = 10_000_000;

/// All dates of the column, ascending, each with its row in the table of all dates.
struct Calendar {
    micros: Vec<i64>,
    rows: Vec<u32>,
}

impl Calendar {
    fn new(dates: &Vector, rows: std::ops::Range<usize>) -> Calendar {
        let mut found: Vec<(i64, u32)> = rows
            .filter_map(|row| Some((micros_of(&dates.get(row))?, row as u32)))
            .collect();
        found.sort_unstable();
        found.dedup_by_key(|(micros, _)| *micros);
        let (micros, rows) = found.into_iter().unzip();
        Calendar { micros, rows }
    }

    /// The positions of the dates within these bounds, both included.
    fn positions(&self, bounds: Bounds) -> std::ops::Range<usize> {
        let low = bounds.first.map_or(0, |first| {
            self.micros.partition_point(|&micros| micros < first)
        });
        let high = bounds.last.map_or(self.micros.len(), |last| {
            self.micros.partition_point(|&micros| micros <= last)
        });
        low..high.max(low)
    }
}

/// The first and last moment of a range; None: open.
#[derive(Clone, Copy)]
struct Bounds {
    first: Option<i64>,
    last: Option<i64>,
}

impl Bounds {
    fn of_days(first: i64, last: i64) -> Bounds {
        Bounds {
            first: Some(first.saturating_mul(DAY)),
            last: Some(last.saturating_add(1).saturating_mul(DAY).saturating_sub(1)),
        }
    }
}

/// The dates of one context, in short.
#[derive(Clone, Copy)]
struct Selection {
    first: i64,
    last: i64,
    contiguous: bool,
    /// Whether the column has no date before the first in its month, and none behind the last in its month.
    opens_month: bool,
    closes_month: bool,
}

impl Selection {
    /// None: no dates. Dates are without gaps if they leave out no date that the column has between the first and the last: a
    /// column of month ends has gaps of its own.
    fn new(dates: &Vector, rows: std::ops::Range<usize>, calendar: &Calendar) -> Option<Selection> {
        let mut moments: Vec<i64> = rows.filter_map(|row| micros_of(&dates.get(row))).collect();
        moments.sort_unstable();
        let (first, last) = (*moments.first()?, *moments.last()?);
        let between = calendar.positions(Bounds {
            first: Some(first),
            last: Some(last),
        });
        let contiguous = moments
            .windows(2)
            .all(|pair| pair[1].div_euclid(DAY) - pair[0].div_euclid(DAY) <= 1)
            || calendar.micros[between]
                .iter()
                .all(|date| moments.binary_search(date).is_ok());
        let (first_day, last_day) = (first.div_euclid(DAY), last.div_euclid(DAY));
        let none_in = |from: i64, to: i64| calendar.positions(Bounds::of_days(from, to)).is_empty();
        Some(Selection {
            first,
            last,
            contiguous,
            opens_month: none_in(month_start(first_day), first_day - 1),
            closes_month: none_in(last_day + 1, month_end(last_day)),
        })
    }

    fn days(&self) -> (i64, i64) {
        (self.first.div_euclid(DAY), self.last.div_euclid(DAY))
    }
}

/// A value of a date column, in microseconds. BLANK is no date.
fn micros_of(value: &Value) -> Option<i64> {
    match value {
        Value::DateTime(micros) => Some(*micros),
        Value::Blank | Value::Boolean(_) => None,
        other => match convert::to_type(other, DataType::DateTime) {
            Some(Value::DateTime(micros)) => Some(micros),
            _ => None,
        },
    }
}

/// The last day of a fiscal year.
#[derive(Clone, Copy)]
struct YearEnd {
    month: i64,
    day: i64,
}

impl YearEnd {
    const DECEMBER: YearEnd = YearEnd { month: 12, day: 31 };

    /// From an argument: a date, or text such as "6-30", "06/30" or "June 30". The year does not count.
    fn read(value: &Value, order: DateOrder) -> Result<YearEnd, Failure> {
        let micros = match value {
            Value::Blank => return Ok(YearEnd::DECEMBER),
            // In a leap year every day exists.
            Value::Text(text) => convert::date_in_order(text, Some(2000), order),
            other => micros_of(other),
        };
        let micros = micros
            .ok_or_else(|| Failure::new("the end of the year is not a date; \"6-30\" is one"))?;
        let date = calendar::civil(micros.div_euclid(DAY));
        Ok(YearEnd {
            month: date.month,
            day: date.day,
        })
    }

    fn in_year(self, year: i64) -> i64 {
        calendar::days(
            year,
            self.month,
            self.day.min(calendar::days_in_month(year, self.month)),
        )
    }
}

/// The first and last day of the period that a day is in.
fn period(day: i64, unit: DateUnit, year_end: YearEnd) -> (i64, i64) {
    let date = calendar::civil(day);
    let months = |first: i64, count: i64| {
        (
            calendar::days(date.year, first, 1),
            calendar::days(date.year, first + count, 1) - 1,
        )
    };
    match unit {
        DateUnit::Day => (day, day),
        DateUnit::Month => months(date.month, 1),
        DateUnit::Quarter => months((date.month - 1) / 3 * 3 + 1, 3),
        DateUnit::Year => {
            let end = if day <= year_end.in_year(date.year) {
                date.year
            } else {
                date.year + 1
            };
            (year_end.in_year(end - 1) + 1, year_end.in_year(end))
        }
    }
}

/// A day some intervals later. The last days of a long month become the last day of a shorter one.
fn shift(day: i64, count: i64, unit: DateUnit) -> i64 {
    let months = match unit {
        DateUnit::Day => return day.saturating_add(count),
        DateUnit::Month => count,
        DateUnit::Quarter => count * 3,
        DateUnit::Year => count * 12,
    };
    calendar::add_months(day, months)
}

/// The same, but the end of a month becomes the end of a month.
fn shift_end(day: i64, count: i64, unit: DateUnit) -> i64 {
    let shifted = shift(day, count, unit);
    if unit != DateUnit::Day && ends_month(day) {
        month_end(shifted)
    } else {
        shifted
    }
}

fn ends_month(day: i64) -> bool {
    month_end(day) == day
}

fn month_start(day: i64) -> i64 {
    period(day, DateUnit::Month, YearEnd::DECEMBER).0
}

fn month_end(day: i64) -> i64 {
    period(day, DateUnit::Month, YearEnd::DECEMBER).1
}

/// What a function asks for in one context; None: no dates.
fn bounds_of(
    dates: &Dates,
    arguments: &[Value],
    selection: Option<Selection>,
    calendar: &Calendar,
    order: DateOrder,
) -> Result<Option<Bounds>, Failure> {
    use DatesFunction as F;
    let argument = |k: usize| arguments.get(k).unwrap_or(&Value::Blank);
    match dates.function {
        F::Between => {
            return Ok(Some(Bounds {
                first: date_argument(argument(0))?,
                last: date_argument(argument(1))?,
            }));
        }
        F::InPeriod => {
            let start = date_argument(argument(0))?.or_else(|| calendar.micros.first().copied());
            return Ok(in_period(start, intervals(argument(1))?, dates.unit));
        }
        _ => {}
    }
    let Some(selection) = selection else {
        return Ok(None);
    };
    let (first, last) = selection.days();
    let year_end = || YearEnd::read(argument(0), order);
    let single = |micros: i64| Bounds {
        first: Some(micros),
        last: Some(micros),
    };
    let days = |(first, last): (i64, i64)| Bounds::of_days(first, last);
    Ok(Some(match dates.function {
        F::First => single(selection.first),
        F::Last => single(selection.last),
        F::StartOf => days(period(first, dates.unit, year_end()?)),
        F::EndOf => days(period(last, dates.unit, year_end()?)),
        F::ToDate => days((period(last, dates.unit, year_end()?).0, last)),
        F::Previous => {
            let year_end = year_end()?;
            days(period(
                period(first, dates.unit, year_end).0 - 1,
                dates.unit,
                year_end,
            ))
        }
        F::Next => {
            let year_end = year_end()?;
            days(period(
                period(last, dates.unit, year_end).1 + 1,
                dates.unit,
                year_end,
            ))
        }
        F::Add => days(shifted(selection, intervals(argument(0))?, dates.unit)?),
        F::SameLastYear => days(shifted(selection, -1, DateUnit::Year)?),
        F::Parallel => {
            let count = intervals(argument(0))?;
            let whole =
                |day: i64| period(shift(day, count, dates.unit), dates.unit, YearEnd::DECEMBER);
            days((whole(first).0, whole(last).1))
        }
        F::Between | F::InPeriod => return Ok(None),
    }))
}

/// DATEADD: a selection of at least two days that reaches the end of a month reaches the end of the month it is moved to, so that
/// whole months stay whole months. A month begins and ends where its dates in the column do: where they end today, the days so far
/// are moved to a whole month.
fn shifted(selection: Selection, count: i64, unit: DateUnit) -> Result<(i64, i64), Failure> {
    if !selection.contiguous {
        return Err(Failure::new(
            "a shift in time needs dates without gaps, and the selected dates leave out some between the first and the last",
        ));
    }
    let (first, last) = selection.days();
    let whole = first < last && unit != DateUnit::Day;
    let (mut start, mut end) = (shift(first, count, unit), shift(last, count, unit));
    if whole && selection.opens_month {
        start = month_start(start);
    }
    if whole && selection.closes_month {
        end = month_end(end);
    }
    Ok((start, end))
}

/// DATESINPERIOD: the intervals that begin with the date, or, counted back, end with it.
fn in_period(start: Option<i64>, count: i64, unit: DateUnit) -> Option<Bounds> {
    let day = start?.div_euclid(DAY);
    match count {
        0 => None,
        1.. => Some(Bounds::of_days(day, shift(day, count, unit) - 1)),
        _ => Some(Bounds::of_days(shift_end(day, count, unit) + 1, day)),
    }
}

pub(super) fn intervals(value: &Value) -> Result<i64, Failure> {
    let count = value
        .to_integer()
        .ok_or_else(|| Failure::new("the number of intervals is not a number"))?;
    Ok(count.clamp(-MOST_INTERVALS, MOST_INTERVALS))
}

/// None for BLANK, which leaves that end open.
fn date_argument(value: &Value) -> Result<Option<i64>, Failure> {
    if value.is_blank() {
        return Ok(None);
    }
    micros_of(value)
        .map(Some)
        .ok_or_else(|| Failure::new("an argument of a time intelligence function is not a date"))
}

impl<'a> Evaluator<'a> {
    /// A time intelligence table function: rows of the table of all dates.
    pub fn dates(&self, dates: &Dates, batch: &Rc<Batch>) -> Outcome<TableRows> {
        let all = self.settled(self.table(&dates.all, batch)?, &dates.all.schema)?;
        let all_dates = self.column_vector(&all, &dates.all.schema, 0)?;
        let mut errors: Errors = all.errors.clone();
        let selected = if matches!(
            dates.function,
            DatesFunction::Between | DatesFunction::InPeriod
        ) {
            None
        } else {
            let rows = self.settled(self.table(&dates.dates, batch)?, &dates.dates.schema)?;
            errors = merge_errors(&errors, &rows.errors);
            let vector = self.column_vector(&rows, &dates.dates.schema, 0)?;
            Some((rows, vector))
        };
        let arguments: Vec<Vector> = dates
            .arguments
            .iter()
            .map(|argument| self.scalar(argument, batch))
            .collect::<Outcome<_>>()?;
        let order = date_order(self.environment.model_culture());
        let mut calendars: HashMap<u32, Calendar> = HashMap::new();
        let mut selections: HashMap<u32, Option<Selection>> = HashMap::new();
        let mut failures = Vec::new();
        let mut positions: Vec<u32> = Vec::new();
        let mut plan = SegmentPlan::new();
        for i in 0..batch.len {
            let segment = segment_of(&all, i);
            let calendar = calendars
                .entry(segment)
                .or_insert_with(|| Calendar::new(&all_dates, segment_range(&all, segment)));
            let selection = selected.as_ref().and_then(|(rows, vector)| {
                let segment = segment_of(rows, i);
                *selections.entry(segment).or_insert_with(|| {
                    Selection::new(vector, segment_range(rows, segment), calendar)
                })
            });
            let bounds = arguments
                .iter()
                .map(|argument| argument.at(i))
                .collect::<Result<Vec<Value>, Failure>>()
                .and_then(|arguments| bounds_of(dates, &arguments, selection, calendar, order));
            let bounds = bounds.unwrap_or_else(|failure| {
                failures.push((i as u32, failure));
                None
            });
            let found = match (dates.function, bounds) {
                (_, None) => 0..0,
                (DatesFunction::StartOf, Some(bounds)) => first_of(calendar.positions(bounds)),
                (DatesFunction::EndOf, Some(bounds)) => last_of(calendar.positions(bounds)),
                (_, Some(bounds)) => calendar.positions(bounds),
            };
            plan.ask((segment, found.start, found.end), |_| -> Outcome<usize> {
                positions.extend(&calendar.rows[found.clone()]);
                self.admit_rows(positions.len())?;
                Ok(positions.len())
            })?;
        }
        let columns: Vec<ColumnRows> = all
            .columns
            .iter()
            .take(1)
            .map(|column| column.take(&positions))
            .collect();
        Ok(plan.finish(columns, merge_errors(&errors, &errors_from(failures))))
    }

    /// FIRSTNONBLANK and LASTNONBLANK: the first or last value by the column's order for which the body is not BLANK.
    pub fn non_blank(
        &self,
        values: &TableExpr,
        frame: FrameId,
        body: &Scalar,
        last: bool,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let rows = Rc::new(self.table(values, batch)?);
        if let Some(classes) = self.condense(&rows, values, frame, &[body], batch)? {
            let rows = Rc::new(rows.remap(&classes.representatives));
            let inner = batch.select(Rc::clone(&classes.representatives));
            let found = self.non_blank_row(rows, values, frame, body, last, &inner)?;
            return Ok(found.remap(&classes.of));
        }
        self.non_blank_row(rows, values, frame, body, last, batch)
    }

    fn non_blank_row(
        &self,
        rows: Rc<TableRows>,
        values: &TableExpr,
        frame: FrameId,
        body: &Scalar,
        last: bool,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let iteration = self.iterate_rows(rows, values, frame, batch)?;
        let body = self.scalar(body, &iteration.batch)?;
        let column = self.column_vector(&iteration.rows, &values.schema, 0)?;
        let (mut positions, mut offsets) = (Vec::new(), vec![0u32]);
        for i in 0..batch.len {
            let rows = (iteration.flat.offsets[i]..iteration.flat.offsets[i + 1])
                .filter(|&row| !body.is_blank(row as usize));
            let by_value =
                |a: &u32, b: &u32| order::total(&column.get(*a as usize), &column.get(*b as usize));
            let rows = rows.map(|row| iteration.flat.positions[row as usize]);
            positions.extend(if last {
                rows.max_by(by_value)
            } else {
                rows.min_by(by_value)
            });
            offsets.push(positions.len() as u32);
        }
        let mut found = iteration.rows.take(&positions, offsets);
        found.errors = merge_errors(
            &found.errors,
            &super::iterate::by_context(&body, &iteration.flat.contexts),
        );
        Ok(found)
    }
}

fn first_of(positions: std::ops::Range<usize>) -> std::ops::Range<usize> {
    positions.start..positions.end.min(positions.start + 1)
}

fn last_of(positions: std::ops::Range<usize>) -> std::ops::Range<usize> {
    positions.start.max(positions.end.saturating_sub(1))..positions.end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i64 {
        convert::date_from_text(text).unwrap().div_euclid(DAY)
    }

    fn text(day: i64) -> String {
        let date = calendar::civil(day);
        format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
    }

    fn range((first, last): (i64, i64)) -> String {
        format!("{} {}", text(first), text(last))
    }

    #[test]
    fn shifts_keep_whole_months_whole() {
        let check = |first: &str, last: &str, count: i64, unit: DateUnit, expected: &str| {
            let selection = Selection {
                first: day(first) * DAY,
                last: day(last) * DAY,
                contiguous: true,
                opens_month: month_start(day(first)) == day(first),
                closes_month: ends_month(day(last)),
            };
            assert_eq!(
                range(shifted(selection, count, unit).unwrap()),
                expected,
                "{first} {last} {count} {unit:?}"
            );
        };
        check(
            "2013-02-27",
            "2013-02-28",
            1,
            DateUnit::Month,
            "2013-03-27 2013-03-31",
        );
        check(
            "2013-02-27",
            "2013-02-27",
            1,
            DateUnit::Month,
            "2013-03-27 2013-03-27",
        );
        check(
            "2013-02-01",
            "2013-02-28",
            -1,
            DateUnit::Year,
            "2012-02-01 2012-02-29",
        );
        check(
            "2012-02-29",
            "2012-02-29",
            -1,
            DateUnit::Year,
            "2011-02-28 2011-02-28",
        );
        check(
            "2013-02-28",
            "2013-02-28",
            -1,
            DateUnit::Year,
            "2012-02-28 2012-02-28",
        );
        check(
            "2020-04-01",
            "2020-06-30",
            -1,
            DateUnit::Quarter,
            "2020-01-01 2020-03-31",
        );
        check(
            "2020-01-30",
            "2020-01-31",
            -31,
            DateUnit::Day,
            "2019-12-30 2019-12-31",
        );
        check(
            "2020-06-10",
            "2020-06-21",
            1,
            DateUnit::Month,
            "2020-07-10 2020-07-21",
        );
    }

    #[test]
    fn years_end_where_the_argument_says() {
        let check = |date: &str, end: &str, expected: &str| {
            let year_end = YearEnd::read(&Value::text(end), DateOrder::MonthFirst).unwrap();
            assert_eq!(
                range(period(day(date), DateUnit::Year, year_end)),
                expected,
                "{date} {end}"
            );
        };
        check("2020-06-30", "6-30", "2019-07-01 2020-06-30");
        check("2020-07-01", "06/30", "2020-07-01 2021-06-30");
        check("2020-07-01", "June 30", "2020-07-01 2021-06-30");
        check("2020-07-01", "2019-06-30", "2020-07-01 2021-06-30");
        check("2020-02-29", "2/29", "2019-03-01 2020-02-29");
        check("2021-02-28", "2/29", "2020-03-01 2021-02-28");
        check("2021-12-31", "12-31", "2021-01-01 2021-12-31");
        assert!(YearEnd::read(&Value::text("the end"), DateOrder::MonthFirst).is_err());
        let british = YearEnd::read(&Value::text("5/4"), DateOrder::DayFirst).unwrap();
        assert_eq!((british.month, british.day), (4, 5));
    }

    #[test]
    fn periods_count_from_and_to_their_date() {
        let check = |start: &str, count: i64, unit: DateUnit, expected: &str| {
            let bounds = in_period(Some(day(start) * DAY), count, unit).unwrap();
            let days = (
                bounds.first.unwrap().div_euclid(DAY),
                bounds.last.unwrap().div_euclid(DAY),
            );
            assert_eq!(range(days), expected, "{start} {count} {unit:?}");
        };
        check("2007-08-24", -21, DateUnit::Day, "2007-08-04 2007-08-24");
        check("2019-02-28", -1, DateUnit::Month, "2019-02-01 2019-02-28");
        check("2021-02-28", -1, DateUnit::Year, "2020-03-01 2021-02-28");
        check("2021-03-15", -1, DateUnit::Month, "2021-02-16 2021-03-15");
        check("2021-01-01", 1, DateUnit::Quarter, "2021-01-01 2021-03-31");
        check("2021-01-31", 1, DateUnit::Month, "2021-01-31 2021-02-27");
        assert!(in_period(Some(0), 0, DateUnit::Day).is_none());
    }
}

//! Tables of evenly spaced values: GENERATESERIES, CALENDAR and CALENDARAUTO.

use std::collections::HashMap;
use std::rc::Rc;

use security::{
    Aggregate, AggregateOp, Aggregated, Column, Expression, PathColumn, Scan, Table, Target,
};

use crate::batch::Batch;
use crate::bound::{Scalar, path_here};
use crate::error::Failure;
use crate::eval::sets::{SegmentPlan, common_type};
use crate::eval::{Evaluator, Outcome};
use crate::functions::calendar;
use crate::table::{ColumnRows, TableRows};
use crate::value::{DAY, DataType, FIXED_ONE, Value, compare};
use crate::vector::errors_from;

impl<'a> Evaluator<'a> {
    /// GENERATESERIES: the values from `start` to `end`.
    pub fn series(
        &self,
        start: &Scalar,
        end: &Scalar,
        step: Option<&Scalar>,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let hint = common_type([
            start.data_type,
            step.map_or(DataType::Unknown, |step| step.data_type),
        ]);
        let (start, end) = (self.scalar(start, batch)?, self.scalar(end, batch)?);
        let step = step.map(|step| self.scalar(step, batch)).transpose()?;
        self.generated(batch.len, hint, |i| {
            let step = step
                .as_ref()
                .map_or(Ok(Value::Integer(1)), |step| step.at(i))?;
            Series::new(&start.at(i)?, &end.at(i)?, &step)
        })
    }

    /// CALENDAR: one row a day.
    pub fn calendar(&self, start: &Scalar, end: &Scalar, batch: &Rc<Batch>) -> Outcome<TableRows> {
        let (start, end) = (self.scalar(start, batch)?, self.scalar(end, batch)?);
        self.generated(batch.len, DataType::DateTime, |i| {
            let (first, last) = (
                day_of(&start.at(i)?, "CALENDAR")?,
                day_of(&end.at(i)?, "CALENDAR")?,
            );
            if first > last {
                return Err(Failure::new(
                    "the start date of CALENDAR is later than its end date",
                ));
            }
            Ok(Series::days(first, last))
        })
    }

    /// CALENDARAUTO: the whole fiscal years that hold all dates of the model.
    pub fn calendar_auto(
        &self,
        last_month: Option<&Scalar>,
        columns: &[Column],
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let range = self.date_range(columns)?;
        let last_month = last_month
            .map(|month| self.scalar(month, batch))
            .transpose()?;
        self.generated(batch.len, DataType::DateTime, |i| {
            let (first, last) =
                range.ok_or_else(|| Failure::new("CALENDARAUTO finds no dates in the model"))?;
            let month = match last_month.as_ref().map(|month| month.at(i)).transpose()? {
                None | Some(Value::Blank) => 12,
                Some(value) => value.to_integer().unwrap_or(0),
            };
            if !(1..=12).contains(&month) {
                return Err(Failure::new(
                    "the last month of CALENDARAUTO's fiscal year is a whole number from 1 to 12",
                ));
            }
            let (from, to) = (calendar::civil(first), calendar::civil(last));
            let start_year = if from.month > month {
                from.year
            } else {
                from.year - 1
            };
            let end_year = if to.month > month {
                to.year + 1
            } else {
                to.year
            };
            Ok(Series::days(
                calendar::days(start_year, month + 1, 1),
                calendar::days(end_year, month + 1, 1) - 1,
            ))
        })
    }

    /// The first and the last day of these columns, over all visible rows.
    fn date_range(&self, columns: &[Column]) -> Outcome<Option<(i64, i64)>> {
        let mut by_table: HashMap<Table, Vec<Column>> = HashMap::new();
        for column in columns {
            by_table.entry(column.table()).or_default().push(*column);
        }
        let mut range: Option<(i64, i64)> = None;
        for (table, columns) in by_table {
            let argument = |column: &Column| {
                Some(Expression::Column(PathColumn {
                    path: path_here(),
                    target: Target::Column(*column),
                }))
            };
            let aggregates = columns
                .iter()
                .flat_map(|column| {
                    [AggregateOp::Min, AggregateOp::Max].map(|op| Aggregate {
                        op,
                        argument: argument(column),
                    })
                })
                .collect();
            let groups = self.scan(&Scan {
                table,
                filters: Vec::new(),
                keys: Vec::new(),
                aggregates,
            })?;
            for aggregate in &groups.aggregates {
                let Aggregated::Codes(codes) = aggregate else {
                    continue;
                };
                let Value::DateTime(micros) = self.decode(codes)?.get(0) else {
                    continue;
                };
                let day = micros.div_euclid(DAY);
                range =
                    Some(range.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
            }
        }
        Ok(range)
    }

    /// One column of series, where contexts with the same series share it.
    fn generated(
        &self,
        contexts: usize,
        hint: DataType,
        series: impl Fn(usize) -> Result<Series, Failure>,
    ) -> Outcome<TableRows> {
        let mut values: Vec<Value> = Vec::new();
        let mut errors = Vec::new();
        let mut plan = SegmentPlan::new();
        for i in 0..contexts {
            self.control.check()?;
            let series = series(i).unwrap_or_else(|failure| {
                errors.push((i as u32, failure));
                Series::empty()
            });
            plan.ask(series.key(), |_| -> Outcome<usize> {
                self.admit_rows(values.len().saturating_add(series.count()))?;
                series.append(&mut values);
                Ok(values.len())
            })?;
        }
        let column = self.collect(values.into_iter().map(Ok), hint)?;
        Ok(plan.finish(vec![ColumnRows::Values(column)], errors_from(errors)))
    }
}

/// The day of a date argument, as days since 1970.
fn day_of(value: &Value, function: &str) -> Result<i64, Failure> {
    let date = match value {
        Value::Blank => return Err(Failure::new(format!("a date of {function} is BLANK"))),
        Value::DateTime(micros) => Some(*micros),
        other => match crate::convert::to_type(other, DataType::DateTime) {
            Some(Value::DateTime(micros)) => Some(micros),
            _ => None,
        },
    };
    date.map(|micros| micros.div_euclid(DAY))
        .ok_or_else(|| Failure::new(format!("an argument of {function} is not a date")))
}

/// The values of an arithmetic series, in units of its type.
#[derive(Clone, Copy)]
enum Series {
    Whole {
        start: i64,
        step: i64,
        count: u64,
    },
    Fixed {
        start: i64,
        step: i64,
        count: u64,
    },
    Double {
        start: f64,
        step: f64,
        end: f64,
        count: u64,
    },
    /// The step in days.
    Dates {
        start: i64,
        step: f64,
        count: u64,
    },
}

impl Series {
    fn empty() -> Series {
        Series::Whole {
            start: 0,
            step: 1,
            count: 0,
        }
    }

    fn days(first: i64, last: i64) -> Series {
        Series::Dates {
            start: first * DAY,
            step: 1.0,
            count: (last - first + 1).max(0) as u64,
        }
    }

    fn new(start: &Value, end: &Value, step: &Value) -> Result<Series, Failure> {
        let bad = |what: &str| Failure::new(format!("{what} of GENERATESERIES"));
        if start.is_blank() || end.is_blank() || step.is_blank() {
            return Err(bad("BLANK is not an argument"));
        }
        let number = |value: &Value| {
            value
                .to_double()
                .filter(|d| d.is_finite())
                .ok_or_else(|| bad("text that is no number is not an argument"))
        };
        let (from, to, by) = (number(start)?, number(end)?, number(step)?);
        if by <= 0.0 {
            return Err(bad("zero or less is not an increment"));
        }
        if compare(start, end).map_or(from > to, |order| order.is_gt()) {
            return Ok(Series::empty());
        }
        // A step that rounding carries just past the end still counts.
        let count = ((to - from) / by + 1e-9)
            .floor()
            .clamp(0.0, u32::MAX as f64) as u64
            + 1;
        let raw = |value: &Value| {
            if let Value::Integer(i) = value {
                i.checked_mul(FIXED_ONE)
            } else if let Value::Fixed(f) = value {
                Some(*f)
            } else {
                None
            }
        };
        Ok(match (start, step) {
            (Value::DateTime(micros), _) => Series::Dates {
                start: *micros,
                step: by,
                count,
            },
            (Value::Integer(first), Value::Integer(step)) => {
                let last = if let Value::Integer(last) = end {
                    *last
                } else {
                    to.floor().clamp(-9.2e18, 9.2e18) as i64
                };
                let count = last
                    .checked_sub(*first)
                    .map_or(u64::MAX, |span| (span / step) as u64 + 1);
                Series::Whole {
                    start: *first,
                    step: *step,
                    count,
                }
            }
            (Value::Integer(_) | Value::Fixed(_), Value::Integer(_) | Value::Fixed(_)) => {
                match (raw(start), raw(step)) {
                    (Some(start), Some(step)) => Series::Fixed { start, step, count },
                    _ => {
                        return Err(bad(
                            "a number beyond the range of fixed decimals is not an argument",
                        ));
                    }
                }
            }
            _ => Series::Double {
                start: from,
                step: by,
                end: to,
                count,
            },
        })
    }

    fn count(&self) -> usize {
        match self {
            Series::Whole { count, .. }
            | Series::Fixed { count, .. }
            | Series::Double { count, .. }
            | Series::Dates { count, .. } => usize::try_from(*count).unwrap_or(usize::MAX),
        }
    }

    /// Equal for equal series.
    fn key(&self) -> (u8, u64, u64, u64) {
        match *self {
            Series::Whole { start, step, count } => (0, start as u64, step as u64, count),
            Series::Fixed { start, step, count } => (1, start as u64, step as u64, count),
            Series::Double {
                start, step, count, ..
            } => (2, start.to_bits(), step.to_bits(), count),
            Series::Dates { start, step, count } => (3, start as u64, step.to_bits(), count),
        }
    }

    fn append(&self, values: &mut Vec<Value>) {
        let count = self.count() as i64;
        match *self {
            Series::Whole { start, step, .. } => {
                values.extend((0..count).map(|k| Value::Integer(start + k * step)))
            }
            Series::Fixed { start, step, .. } => {
                values.extend((0..count).map(|k| Value::Fixed(start + k * step)))
            }
            Series::Double {
                start, step, end, ..
            } => {
                values.extend((0..count).map(|k| Value::Double((start + k as f64 * step).min(end))))
            }
            Series::Dates { start, step, .. } => {
                values.extend((0..count).map(|k| {
                    Value::DateTime(start + (k as f64 * step * DAY as f64).round() as i64)
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(series: Result<Series, Failure>) -> String {
        let mut values = Vec::new();
        match series {
            Ok(series) => series.append(&mut values),
            Err(_) => return "error".to_string(),
        }
        values
            .iter()
            .map(|value| format!("{} ", value.to_text()))
            .collect::<String>()
            .trim_end()
            .to_string()
    }

    #[test]
    fn series_end_at_their_end() {
        let check = |start: Value, end: Value, step: Value, expected: &str| {
            assert_eq!(show(Series::new(&start, &end, &step)), expected)
        };
        check(
            Value::Integer(1),
            Value::Integer(5),
            Value::Integer(1),
            "1 2 3 4 5",
        );
        check(
            Value::Integer(1),
            Value::Integer(6),
            Value::Integer(2),
            "1 3 5",
        );
        check(Value::Integer(5), Value::Integer(1), Value::Integer(1), "");
        check(
            Value::Integer(1),
            Value::Double(2.5),
            Value::Integer(1),
            "1 2",
        );
        check(
            Value::Integer(-3),
            Value::Integer(-3),
            Value::Integer(1),
            "-3",
        );
        check(
            Value::Double(1.2),
            Value::Double(2.4),
            Value::Double(0.4),
            "1.2 1.6 2 2.4",
        );
        check(
            Value::Fixed(100_000),
            Value::Fixed(124_000),
            Value::Fixed(5_000),
            "10 10.5 11 11.5 12",
        );
        check(
            Value::Integer(1),
            Value::Integer(2),
            Value::Integer(0),
            "error",
        );
        check(
            Value::Integer(1),
            Value::Integer(2),
            Value::Integer(-1),
            "error",
        );
        check(Value::Blank, Value::Integer(2), Value::Integer(1), "error");
        check(
            Value::text("a"),
            Value::Integer(2),
            Value::Integer(1),
            "error",
        );
    }

    #[test]
    fn series_of_dates_step_by_days() {
        let date = |days: i64| Value::DateTime(days * DAY);
        let mut values = Vec::new();
        Series::new(&date(10), &date(12), &Value::Double(0.5))
            .unwrap()
            .append(&mut values);
        let expected: Vec<Value> = [20, 21, 22, 23, 24]
            .map(|halves| Value::DateTime(halves * DAY / 2))
            .to_vec();
        assert_eq!(values, expected);
        assert_eq!(Series::days(3, 2).count(), 0);
    }

    #[test]
    fn the_longest_series_is_counted_and_not_made() {
        let series = Series::new(
            &Value::Integer(i64::MIN),
            &Value::Integer(i64::MAX),
            &Value::Integer(1),
        )
        .unwrap();
        assert!(series.count() > u32::MAX as usize);
    }
}

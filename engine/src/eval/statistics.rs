//! PERCENTILE, RANK.EQ, XIRR, XNPV, and NETWORKDAYS with holidays: one value from the rows of a table.

use std::collections::HashMap;
use std::rc::Rc;

use super::listed::Listed;
use super::watch::Watch;
use super::{Evaluator, Outcome, operators, order};
use crate::batch::Batch;
use crate::bound::{Statistic, StatisticFunction};
use crate::convert;
use crate::error::Failure;
use crate::functions::date::{weekend_days, work_days};
use crate::value::{DAY, DataType, FIXED_ONE, Value};
use crate::vector::Vector;

/// A payment takes a power, which takes the time of some rows of a scan.
const PAYMENT_STEPS: usize = 16;

/// What a list of rows holds, made ready once and asked by its contexts.
enum Prepared {
    /// Ascending, and how many rows are BLANK.
    Numbers(Vec<f64>, usize, DataType),
    Ranked(Vec<Value>),
    /// Amounts with their days, in the order of the table.
    Payments(Vec<(f64, f64)>),
    Holidays(Vec<i64>),
}

impl<'a> Evaluator<'a> {
    pub fn statistic(&self, statistic: &Statistic, batch: &Rc<Batch>) -> Outcome<Vector> {
        let columns: Vec<_> = statistic.columns.iter().collect();
        let listed = self.listed(&statistic.table, statistic.frame, &columns, batch)?;
        let arguments: Vec<Vector> = statistic
            .arguments
            .iter()
            .map(|argument| self.scalar(argument, batch))
            .collect::<Outcome<_>>()?;
        let mut prepared: HashMap<u32, Rc<Result<Prepared, Failure>>> = HashMap::new();
        let mut results = Vec::with_capacity(batch.len);
        let watch = self.watch();
        for i in 0..batch.len {
            self.control.check()?;
            let list = listed.of[i];
            let known = prepared.entry(list).or_insert_with(|| {
                Rc::new(prepare(statistic.function, &listed, list as usize, &watch))
            });
            let answer = || -> Result<Value, Failure> {
                let arguments: Vec<Value> = arguments
                    .iter()
                    .map(|argument| argument.at(i))
                    .collect::<Result<_, _>>()?;
                match &**known {
                    Ok(prepared) => evaluate(statistic.function, prepared, &arguments, &watch),
                    Err(failure) => Err(failure.clone()),
                }
            };
            results.push(answer());
        }
        let hint = match statistic.function {
            StatisticFunction::RankEq | StatisticFunction::WorkDays => DataType::Integer,
            _ => DataType::Double,
        };
        Ok(self.collect(results, hint)?.with_errors(listed.errors))
    }
}

fn prepare(
    function: StatisticFunction,
    listed: &Listed,
    list: usize,
    watch: &Watch<'_>,
) -> Result<Prepared, Failure> {
    use StatisticFunction as F;
    let rows = listed.list(list);
    let cell = |column: usize, row: usize| match listed.columns.get(column) {
        Some(vector) => vector.at(row),
        None => Ok(Value::Blank),
    };
    match function {
        F::PercentileInclusive | F::PercentileExclusive => {
            let mut numbers = Vec::with_capacity(rows.len());
            let mut blanks = 0;
            let mut data_type = DataType::Double;
            for row in rows {
                watch.step(1)?;
                let value = cell(0, row)?;
                if value.is_blank() {
                    blanks += 1;
                } else {
                    data_type = value.data_type().unwrap_or(data_type);
                    numbers.push(operators::number(&value)?);
                }
            }
            watch.sort(&mut numbers, order::of_numbers)?;
            Ok(Prepared::Numbers(numbers, blanks, data_type))
        }
        F::RankEq => {
            let mut values = rows
                .map(|row| cell(0, row))
                .collect::<Result<Vec<Value>, Failure>>()?;
            values.retain(|value| !value.is_blank());
            let mut places: Vec<u32> = (0..values.len() as u32).collect();
            let each = listed.columns.first().map_or(1, Vector::steps);
            watch.sort_heavy(&mut places, each, |a, b| {
                order::total(&values[a as usize], &values[b as usize])
            })?;
            let sorted = places.iter().map(|p| values[*p as usize].clone());
            Ok(Prepared::Ranked(sorted.collect()))
        }
        F::Xirr | F::Xnpv => {
            let mut payments = Vec::with_capacity(rows.len());
            for row in rows {
                let (amount, date) = (cell(0, row)?, cell(1, row)?);
                payments.push((operators::number(&amount)?, day_number(&date)?));
            }
            Ok(Prepared::Payments(payments))
        }
        F::WorkDays => {
            let mut days = Vec::with_capacity(rows.len());
            for row in rows {
                let value = cell(0, row)?;
                if !value.is_blank() {
                    days.push(day_of(&value)?);
                }
            }
            Ok(Prepared::Holidays(days))
        }
    }
}

fn evaluate(
    function: StatisticFunction,
    prepared: &Prepared,
    arguments: &[Value],
    watch: &Watch<'_>,
) -> Result<Value, Failure> {
    let argument = |k: usize| arguments.get(k).unwrap_or(&Value::Blank);
    match prepared {
        Prepared::Numbers(numbers, blanks, data_type) => {
            let inclusive = function == StatisticFunction::PercentileInclusive;
            // Over the rows of a table BLANKs count; those of a column do not.
            let blanks = match argument(1) {
                Value::Boolean(true) => *blanks,
                _ => 0,
            };
            let values = Ascending { numbers, blanks };
            percentile(&values, argument(0), inclusive).map(|found| match (found, data_type) {
                (None, _) => Value::Blank,
                (Some(x), DataType::DateTime) => Value::from_days(x).unwrap_or(Value::Double(x)),
                (Some(x), DataType::Fixed) => Value::Fixed((x * FIXED_ONE as f64).round() as i64),
                (Some(x), _) => Value::Double(x),
            })
        }
        Prepared::Ranked(values) => {
            let ascending = argument(1).to_boolean().ok_or_else(|| {
                Failure::new("the order of RANK.EQ is 0 for descending or 1 for ascending")
            })?;
            Ok(rank(values, argument(0), ascending))
        }
        Prepared::Payments(payments) => match function {
            StatisticFunction::Xnpv => {
                let rate = operators::number(argument(0))?;
                watch.step(payments.len())?;
                xnpv(payments, rate).map(Value::Double)
            }
            _ => {
                let guess = match argument(0) {
                    Value::Blank => 0.1,
                    value => operators::number(value)?,
                };
                match (xirr(payments, guess, watch), arguments.get(1)) {
                    (Ok(rate), _) => Ok(Value::Double(rate)),
                    (Err(_), Some(instead)) => Ok(instead.clone()),
                    (Err(failure), None) => Err(failure),
                }
            }
        },
        Prepared::Holidays(days) => {
            if argument(0).is_blank() && argument(1).is_blank() {
                return Ok(Value::Blank);
            }
            watch.step(days.len())?;
            let (from, to) = (day_of(argument(0))?, day_of(argument(1))?);
            let number = match argument(2) {
                Value::Blank => Some(1),
                value => value.to_integer(),
            };
            let weekend = number.and_then(weekend_days).ok_or_else(|| {
                Failure::new("the weekend of NETWORKDAYS is none of 1 to 7 and 11 to 17")
            })?;
            Ok(Value::Integer(work_days(from, to, &weekend, days)))
        }
    }
}

/// The date as days since 30 December 1899, without the time of day.
fn day_number(value: &Value) -> Result<f64, Failure> {
    match convert::to_type(value, DataType::DateTime) {
        Some(Value::DateTime(micros)) => Ok(Value::days(micros).floor()),
        Some(Value::Blank) => Ok(0.0),
        _ => Err(Failure::new("the dates of the payments are not all dates")),
    }
}

/// Days since 1970; BLANK is 30 December 1899.
fn day_of(value: &Value) -> Result<i64, Failure> {
    match convert::to_type(value, DataType::DateTime) {
        Some(Value::DateTime(micros)) => Ok(micros.div_euclid(DAY)),
        Some(Value::Blank) => Ok(-crate::value::EPOCH_DAYS),
        _ => Err(Failure::new("an argument of NETWORKDAYS is not a date")),
    }
}

/// Ascending numbers, and BLANKs that stand where zero would.
pub(super) struct Ascending<'n> {
    pub numbers: &'n [f64],
    pub blanks: usize,
}

impl Ascending<'_> {
    /// None for a BLANK.
    fn at(&self, place: usize) -> Option<f64> {
        let negative = self.numbers.partition_point(|x| *x < 0.0);
        if place < negative {
            self.numbers.get(place).copied()
        } else if place < negative + self.blanks {
            None
        } else {
            self.numbers.get(place - self.blanks).copied()
        }
    }

    /// The value at a place, or between two of them by proportion. BLANK is zero beside a number.
    pub fn at_place(&self, place: f64) -> Option<f64> {
        let below = place.floor();
        let low = self.at(below as usize);
        if place == below {
            return low;
        }
        let high = self.at(below as usize + 1);
        if low.is_none() && high.is_none() {
            return None;
        }
        let (low, high) = (low.unwrap_or(0.0), high.unwrap_or(0.0));
        // Between two infinities there is no difference to take a part of.
        if low == high {
            return Some(low);
        }
        Some(low + (high - low) * (place - below))
    }
}

/// The value below which a share k of the values lies. None without numbers, or where BLANK stands.
fn percentile(values: &Ascending<'_>, k: &Value, inclusive: bool) -> Result<Option<f64>, Failure> {
    let share = k
        .to_double()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| Failure::new("the share of a percentile is a number between 0 and 1"))?;
    if values.numbers.is_empty() {
        return Ok(None);
    }
    let n = (values.numbers.len() + values.blanks) as f64;
    let last = n - 1.0;
    let place = match (inclusive, k.is_blank()) {
        (true, _) => share * (n - 1.0),
        (false, true) => 0.0,
        (false, false) => share * (n + 1.0) - 1.0,
    };
    // A share such as 0.7 is not exact in binary; what it is off must not push it past the ends.
    let near = 1e-9;
    if place < -near || place > last + near {
        return Err(Failure::new(
            "an exclusive percentile of so few values is not defined so near to the ends",
        ));
    }
    Ok(values.at_place(place.clamp(0.0, last)))
}

/// BLANK where the value is not among the ascending values.
fn rank(values: &[Value], value: &Value, ascending: bool) -> Value {
    let (low, high) = (
        values.partition_point(|v| order::total(v, value).is_lt()),
        values.partition_point(|v| order::total(v, value).is_le()),
    );
    if value.is_blank() || low == high {
        return Value::Blank;
    }
    let before = if ascending { low } else { values.len() - high };
    Value::Integer(before as i64 + 1)
}

/// The first payment day is the earliest, whatever the order of the rows: tables have none.
fn first_day(payments: &[(f64, f64)]) -> f64 {
    payments
        .iter()
        .map(|(_, day)| *day)
        .fold(f64::INFINITY, f64::min)
}

fn check_signs(name: &str, payments: &[(f64, f64)]) -> Result<(), Failure> {
    let has = |test: fn(f64) -> bool| payments.iter().any(|(amount, _)| test(*amount));
    if has(|amount| amount > 0.0) && has(|amount| amount < 0.0) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the payments of {name} need at least one that is positive and one that is negative"
    )))
}

fn xnpv(payments: &[(f64, f64)], rate: f64) -> Result<f64, Failure> {
    check_signs("XNPV", payments)?;
    if rate <= -1.0 {
        return Err(Failure::new("the rate of XNPV must be greater than -1"));
    }
    let value = present_value(payments, first_day(payments), rate);
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Failure::new("the result of XNPV is too large"))
    }
}

fn present_value(payments: &[(f64, f64)], first: f64, rate: f64) -> f64 {
    payments
        .iter()
        .map(|(amount, day)| amount * (1.0 + rate).powf(-(day - first) / 365.0))
        .sum()
}

/// Newton's method from the guess; where it leaves the rates above -1 or does not settle, halving between two rates at which the
/// present value has different signs.
fn xirr(payments: &[(f64, f64)], guess: f64, watch: &Watch<'_>) -> Result<f64, Failure> {
    check_signs("XIRR", payments)?;
    let first = first_day(payments);
    // The reference says so: from an initial payment of 0 no rate is found.
    if !payments
        .iter()
        .any(|(amount, day)| *day == first && *amount != 0.0)
    {
        return Err(Failure::new("the first payment of XIRR must not be 0"));
    }
    // Hundreds of rates are tried, and each goes through all payments.
    let summed = |of: &dyn Fn(f64, f64) -> f64| -> Result<f64, Failure> {
        let mut sum = 0.0;
        for (amount, day) in payments {
            watch.step(PAYMENT_STEPS)?;
            sum += of(*amount, (day - first) / 365.0);
        }
        Ok(sum)
    };
    let value = |rate: f64| summed(&|amount, years| amount * (1.0 + rate).powf(-years));
    let slope =
        |rate: f64| summed(&|amount, years| -years * amount * (1.0 + rate).powf(-years - 1.0));
    let mut rate = guess;
    for _ in 0..100 {
        let next = rate - value(rate)? / slope(rate)?;
        if !next.is_finite() || next <= -1.0 {
            break;
        }
        if (next - rate).abs() <= 1e-14 * next.abs().max(1.0) {
            return Ok(next);
        }
        rate = next;
    }
    bisect(value)?
        .ok_or_else(|| Failure::new("XIRR finds no rate at which the payments are worth nothing"))
}

fn bisect(value: impl Fn(f64) -> Result<f64, Failure>) -> Result<Option<f64>, Failure> {
    const RATES: [f64; 16] = [
        -0.999_999, -0.99, -0.9, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0,
        1e4, 1e6,
    ];
    let mut between = None;
    for pair in RATES.windows(2) {
        if value(pair[0])?.signum() != value(pair[1])?.signum() {
            between = Some((pair[0], pair[1]));
            break;
        }
    }
    let Some((mut low, mut high)) = between else {
        return Ok(None);
    };
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if value(middle)?.signum() == value(low)?.signum() {
            low = middle;
        } else {
            high = middle;
        }
    }
    let found = (low + high) / 2.0;
    Ok(found.is_finite().then_some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(payments: &[(f64, f64)], guess: f64) -> Result<f64, Failure> {
        let control = security::Control::new(None);
        xirr(payments, guess, &Watch::new(&control))
    }

    #[test]
    fn percentiles_lie_between_values() {
        let numbers = [1.0, 2.0, 3.0, 4.0, 5.0];
        let check = |k: f64, inclusive: bool, expected: Option<f64>| {
            let values = Ascending {
                numbers: &numbers,
                blanks: 0,
            };
            let found = percentile(&values, &Value::Double(k), inclusive);
            assert_eq!(found.ok().flatten(), expected, "{k} {inclusive}");
        };
        check(0.5, true, Some(3.0));
        check(0.25, false, Some(1.5));
        check(0.0, true, Some(1.0));
        check(1.0, true, Some(5.0));
        check(0.0, false, None);
        check(0.1, false, None);
        check(1.5, true, None);
        let none = Ascending {
            numbers: &[],
            blanks: 2,
        };
        assert_eq!(percentile(&none, &Value::Double(0.5), true), Ok(None));
    }

    #[test]
    fn blanks_that_count_stand_at_zero() {
        let check = |numbers: &[f64], blanks: usize, k: f64, expected: Option<f64>| {
            let values = Ascending { numbers, blanks };
            let found = percentile(&values, &Value::Double(k), true);
            assert_eq!(found.ok().flatten(), expected, "{numbers:?} {blanks} {k}");
        };
        check(&[1.0, 2.0, 3.0, 4.0], 3, 0.25, None);
        check(&[1.0, 2.0, 3.0, 4.0], 3, 0.5, Some(1.0));
        check(&[1.0, 2.0, 3.0, 4.0], 3, 0.75, Some(2.5));
        check(&[50.0], 1, 0.5, Some(25.0));
        check(&[-1.0, 1.0], 1, 0.5, None);
        check(&[-1.0, 1.0], 1, 0.0, Some(-1.0));
    }

    #[test]
    fn equal_values_share_a_rank() {
        let values: Vec<Value> = [1, 2, 2, 3].map(Value::Integer).to_vec();
        let check = |value: Value, ascending: bool, expected: Option<i64>| {
            let found = match rank(&values, &value, ascending) {
                Value::Integer(n) => Some(n),
                _ => None,
            };
            assert_eq!(found, expected, "{value:?} {ascending}");
        };
        check(Value::Integer(3), false, Some(1));
        check(Value::Integer(2), false, Some(2));
        check(Value::Integer(1), false, Some(4));
        check(Value::Integer(2), true, Some(2));
        check(Value::Double(2.0), true, Some(2));
        check(Value::Integer(4), true, None);
        check(Value::Blank, true, None);
    }

    #[test]
    fn rates_of_payments() {
        // One year apart: twice the money back is a rate of one.
        let twice = [(-100.0, 0.0), (200.0, 365.0)];
        assert!((rate(&twice, 0.1).unwrap_or(0.0) - 1.0).abs() < 1e-12);
        assert!((rate(&twice, -0.99).unwrap_or(0.0) - 1.0).abs() < 1e-9);
        assert!(rate(&[(100.0, 0.0), (200.0, 365.0)], 0.1).is_err());
        assert!((xnpv(&twice, 1.0).unwrap_or(1.0)).abs() < 1e-12);
    }
}

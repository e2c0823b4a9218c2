//! The dates on which a bond pays interest.

use super::{Answer, Call};
use crate::error::Failure;
use crate::functions::arguments::Outcome;
use crate::functions::calendar::{self, civil};
use crate::functions::date::from_day;
use crate::functions::daycount::Basis;
use crate::value::Value;

/// The dates that lie whole periods before and after one of them. From the end of a month they keep to ends of months.
#[derive(Clone, Copy)]
pub(super) struct Schedule {
    anchor: i64,
    months: i64,
    at_month_end: bool,
}

impl Schedule {
    pub fn new(anchor: i64, frequency: i64) -> Schedule {
        let date = civil(anchor);
        Schedule {
            anchor,
            months: 12 / frequency,
            at_month_end: date.day == calendar::days_in_month(date.year, date.month),
        }
    }

    /// The date so many periods after the anchor.
    pub fn date(self, periods: i64) -> i64 {
        let day = calendar::add_months(self.anchor, periods * self.months);
        if !self.at_month_end {
            return day;
        }
        let date = civil(day);
        day - date.day + calendar::days_in_month(date.year, date.month)
    }

    /// The number of the last date that is not after the day.
    pub fn at_or_before(self, day: i64) -> i64 {
        let (from, to) = (civil(self.anchor), civil(day));
        let mut periods =
            ((to.year - from.year) * 12 + to.month - from.month).div_euclid(self.months);
        while self.date(periods + 1) <= day {
            periods += 1;
        }
        while self.date(periods) > day {
            periods -= 1;
        }
        periods
    }

    /// How many days one period counts, by the basis.
    pub fn length(self, period: i64, basis: Basis) -> f64 {
        match basis {
            Basis::Actual => (self.date(period + 1) - self.date(period)) as f64,
            Basis::Actual365 => 365.0 * self.months as f64 / 12.0,
            _ => 30.0 * self.months as f64,
        }
    }

    /// How many periods lie between two days: whole ones, and the parts of those that the days cut.
    pub fn periods_between(self, from: i64, to: i64, basis: Basis) -> f64 {
        if from >= to {
            return 0.0;
        }
        let mut sum = 0.0;
        let mut period = self.at_or_before(from);
        while self.date(period) < to {
            let (start, end) = (self.date(period), self.date(period + 1));
            sum += if from <= start && end <= to {
                1.0
            } else {
                basis.days(from.max(start), to.min(end)) as f64 / self.length(period, basis)
            };
            period += 1;
        }
        sum
    }
}

/// Where settlement stands among the coupons of a bond.
#[derive(Clone, Copy)]
pub(super) struct Coupons {
    settlement: i64,
    pub previous: i64,
    pub next: i64,
    /// How many are still to be paid.
    pub left: i64,
    schedule: Schedule,
}

impl Coupons {
    pub fn new(settlement: i64, maturity: i64, frequency: i64) -> Coupons {
        let schedule = Schedule::new(maturity, frequency);
        let before = schedule.at_or_before(settlement);
        Coupons {
            settlement,
            previous: schedule.date(before),
            next: schedule.date(before + 1),
            left: -before,
            schedule,
        }
    }

    pub fn days_before(&self, basis: Basis) -> i64 {
        basis.days(self.previous, self.settlement)
    }

    pub fn days(&self, basis: Basis) -> f64 {
        self.schedule.length(-self.left, basis)
    }

    pub fn days_to_next(&self, basis: Basis) -> f64 {
        let days = match basis {
            Basis::American => basis.period(self.previous, self.next) - self.days_before(basis),
            _ => basis.days(self.settlement, self.next),
        };
        days as f64
    }
}

/// Reads settlement, maturity, frequency, and a basis.
fn read(call: Call<'_>) -> Result<(Coupons, Basis), Failure> {
    let (settlement, maturity) = call.settlement_and_maturity()?;
    Ok((
        Coupons::new(settlement, maturity, call.frequency(2)?),
        call.basis(3)?,
    ))
}

pub(super) fn count(
    name: &'static str,
    arguments: &[Value],
    f: fn(&Coupons, Basis) -> i64,
) -> Outcome {
    let (coupons, basis) = read(Call { name, arguments })?;
    Ok(Value::Integer(f(&coupons, basis)))
}

pub(super) fn date(name: &'static str, arguments: &[Value], f: fn(&Coupons) -> i64) -> Outcome {
    let (coupons, _) = read(Call { name, arguments })?;
    from_day(name, f(&coupons))
}

pub(super) fn days(call: Call<'_>) -> Answer {
    read(call).map(|(coupons, basis)| coupons.days(basis))
}

pub(super) fn days_to_next(call: Call<'_>) -> Answer {
    read(call).map(|(coupons, basis)| coupons.days_to_next(basis))
}

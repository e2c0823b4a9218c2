//! Bonds whose first or last coupon period is shorter or longer than the others.

use super::coupon::Schedule;
use super::{Answer, Call, root};
use crate::error::Failure;
use crate::functions::calendar::{self, civil};
use crate::functions::daycount::Basis;

/// Counts days as a basis does, and none backwards.
#[derive(Clone, Copy)]
struct Days {
    basis: Basis,
}

impl Days {
    fn between(self, from: i64, to: i64) -> f64 {
        self.basis.days(from, to).max(0) as f64
    }

    /// From one interest date to another.
    fn of_period(self, from: i64, to: i64) -> f64 {
        self.basis.period(from, to).max(0) as f64
    }
}

/// How many whole periods lie between settlement and the first coupon: periods that begin with settlement are counted until the coupon
/// is reached, and the first of them is the one under way.
fn whole_periods(settlement: i64, first: i64, months: i64) -> f64 {
    let is_month_end = |day: i64| {
        let date = civil(day);
        date.day == calendar::days_in_month(date.year, date.month)
    };
    let coupon = civil(first);
    let at_month_end = if !is_month_end(first) && coupon.month != 2 && coupon.day > 28 {
        is_month_end(settlement)
    } else {
        is_month_end(first)
    };
    let moved = |day: i64, months: i64| {
        let day = calendar::add_months(day, months);
        if at_month_end {
            let date = civil(day);
            day - date.day + calendar::days_in_month(date.year, date.month)
        } else {
            day
        }
    };
    let start = moved(settlement, 0);
    let mut whole = if settlement < start { 1.0 } else { 0.0 };
    let mut date = moved(start, months);
    while date < first {
        date = moved(date, months);
        whole += 1.0;
    }
    whole
}

/// Times and parts of a bond with an odd first period, counted in regular periods.
struct FirstPeriods {
    /// From settlement to the first coupon.
    to_first: f64,
    /// From issue to the first coupon.
    first_period: f64,
    /// From issue to settlement.
    accrued: f64,
    /// The regular coupons after the first.
    regular: i64,
}

/// A bond with an odd first period.
struct OddFirst {
    periods: FirstPeriods,
    coupon: f64,
    redemption: f64,
    frequency: f64,
}

impl OddFirst {
    fn read(call: Call<'_>) -> Result<OddFirst, Failure> {
        let (settlement, maturity) = call.settlement_and_maturity()?;
        let (issue, first) = (call.day(2)?, call.day(3)?);
        let (rate, redemption) = (
            call.not_negative(4, "rate")?,
            call.positive(6, "redemption")?,
        );
        let (frequency, basis) = (call.frequency(7)?, call.basis(8)?);
        if !(issue < settlement && settlement < first && first < maturity) {
            return Err(call
                .refuse("issue, settlement, first coupon and maturity are to follow each other"));
        }
        let days = Days { basis };
        let schedule = Schedule::new(first, frequency);
        let period = schedule.at_or_before(settlement);
        let length = schedule.length(period, basis);
        let whole_first = days.between(issue, first);
        let periods = if whole_first < length {
            // The first period is the shorter one.
            FirstPeriods {
                to_first: days.between(settlement, first) / length,
                first_period: whole_first / length,
                accrued: days.between(issue, settlement) / length,
                regular: -Schedule::new(maturity, frequency).at_or_before(settlement) - 1,
            }
        } else {
            let months = 12 / frequency;
            let (mut end, mut first_period, mut accrued) = (first, 0.0, 0.0);
            // The parts of a longer first period are counted back from its end; the earliest is that of the issue.
            for left in (1..=-schedule.at_or_before(issue)).rev() {
                let start = calendar::add_months(end, -months);
                let part = match basis {
                    Basis::Actual => days.between(start, end),
                    _ => length,
                };
                let counted = if left > 1 {
                    part
                } else {
                    days.between(issue, end)
                };
                first_period += counted / part;
                accrued += days.between(issue.max(start), settlement.min(end)) / part;
                end = start;
            }
            let to_next = match basis {
                Basis::Actual360 | Basis::Actual365 => {
                    days.between(settlement, schedule.date(period + 1))
                }
                _ => length - basis.days(schedule.date(period), settlement) as f64,
            };
            FirstPeriods {
                to_first: to_next / length + whole_periods(settlement, first, months),
                first_period,
                accrued,
                regular: -Schedule::new(maturity, frequency).at_or_before(first),
            }
        };
        Ok(OddFirst {
            periods,
            coupon: 100.0 * rate / frequency as f64,
            redemption,
            frequency: frequency as f64,
        })
    }

    fn price(&self, yield_a_year: f64) -> f64 {
        let base = 1.0 + yield_a_year / self.frequency;
        let at = &self.periods;
        let mut worth = self.coupon * at.first_period / base.powf(at.to_first);
        for k in 1..=at.regular {
            worth += self.coupon / base.powf(at.to_first + k as f64);
        }
        worth + self.redemption / base.powf(at.to_first + at.regular as f64)
            - self.coupon * at.accrued
    }
}

pub(super) fn first_price(call: Call<'_>) -> Answer {
    Ok(OddFirst::read(call)?.price(call.not_negative(5, "yield")?))
}

pub(super) fn first_yield(call: Call<'_>) -> Answer {
    let (bond, price) = (OddFirst::read(call)?, call.positive(5, "price")?);
    root(call.number(4)?, |y| bond.price(y) - price)
        .ok_or_else(|| call.refuse("no yield was found"))
}

/// A bond settled within its odd last period.
struct OddLast {
    last_period: f64,
    accrued: f64,
    left: f64,
    coupon: f64,
    redemption: f64,
    frequency: f64,
}

impl OddLast {
    fn read(call: Call<'_>) -> Result<OddLast, Failure> {
        let (settlement, maturity) = call.settlement_and_maturity()?;
        let last = call.day(2)?;
        let (rate, redemption) = (
            call.not_negative(3, "rate")?,
            call.positive(5, "redemption")?,
        );
        let (frequency, basis) = (call.frequency(6)?, call.basis(7)?);
        if last >= settlement {
            return Err(call.refuse("the last interest date is to come before settlement"));
        }
        let days = Days { basis };
        let months = 12 / frequency;
        let coupons = -Schedule::new(maturity, frequency).at_or_before(last);
        let (mut start, mut last_period, mut accrued, mut left) = (last, 0.0, 0.0, 0.0);
        for k in 1..=coupons {
            let end = calendar::add_months(start, months);
            let length = days.of_period(start, end);
            let counted = if k < coupons {
                length
            } else {
                days.of_period(start, maturity)
            };
            let passed = if end < settlement {
                counted
            } else {
                days.between(start, settlement)
            };
            last_period += counted / length;
            accrued += passed / length;
            left += days.between(settlement.max(start), maturity.min(end)) / length;
            start = end;
        }
        Ok(OddLast {
            last_period,
            accrued,
            left,
            coupon: 100.0 * rate / frequency as f64,
            redemption,
            frequency: frequency as f64,
        })
    }
}

pub(super) fn last_price(call: Call<'_>) -> Answer {
    let (bond, yield_a_year) = (OddLast::read(call)?, call.not_negative(4, "yield")?);
    let worth = (bond.redemption + bond.coupon * bond.last_period)
        / (1.0 + bond.left * yield_a_year / bond.frequency);
    Ok(worth - bond.coupon * bond.accrued)
}

pub(super) fn last_yield(call: Call<'_>) -> Answer {
    let (bond, price) = (OddLast::read(call)?, call.positive(4, "price")?);
    let paid = price + bond.coupon * bond.accrued;
    Ok(
        (bond.redemption + bond.coupon * bond.last_period - paid) / paid * bond.frequency
            / bond.left,
    )
}

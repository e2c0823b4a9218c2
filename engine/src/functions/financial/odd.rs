//! Bonds whose first or last coupon period is shorter or longer than the others.

use super::coupon::Schedule;
use super::{Answer, Call, root};
use crate::error::Failure;

/// A bond with an odd first period; times and parts are counted in regular periods.
struct OddFirst {
    /// From settlement to the first coupon.
    to_first: f64,
    /// From issue to the first coupon.
    first_period: f64,
    /// From issue to settlement.
    accrued: f64,
    /// The regular coupons after the first.
    regular: i64,
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
        let schedule = Schedule::new(first, frequency);
        Ok(OddFirst {
            to_first: schedule.periods_between(settlement, first, basis),
            first_period: schedule.periods_between(issue, first, basis),
            accrued: schedule.periods_between(issue, settlement, basis),
            // Counted from maturity, to which the regular coupons lead.
            regular: -Schedule::new(maturity, frequency).at_or_before(first),
            coupon: 100.0 * rate / frequency as f64,
            redemption,
            frequency: frequency as f64,
        })
    }

    fn price(&self, yield_a_year: f64) -> f64 {
        let base = 1.0 + yield_a_year / self.frequency;
        let mut worth = self.coupon * self.first_period / base.powf(self.to_first);
        for k in 1..=self.regular {
            worth += self.coupon / base.powf(self.to_first + k as f64);
        }
        worth + self.redemption / base.powf(self.to_first + self.regular as f64)
            - self.coupon * self.accrued
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
        let schedule = Schedule::new(last, frequency);
        Ok(OddLast {
            last_period: schedule.periods_between(last, maturity, basis),
            accrued: schedule.periods_between(last, settlement, basis),
            left: schedule.periods_between(settlement, maturity, basis),
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

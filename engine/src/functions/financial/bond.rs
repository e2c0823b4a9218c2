//! Prices and yields of bonds and bills, per 100 of face value, and accrued interest.

use super::coupon::{Coupons, Schedule};
use super::{Answer, Call, root};
use crate::error::Failure;
use crate::functions::calendar;
use crate::functions::daycount::Basis;

/// A bond that pays equal coupons until it is redeemed.
struct Bond {
    coupons: Coupons,
    basis: Basis,
    frequency: f64,
    /// One coupon.
    coupon: f64,
    redemption: f64,
}

impl Bond {
    /// The part of a period that has passed at settlement, and the part that is left.
    fn parts(&self) -> (f64, f64) {
        let passed = self.coupons.days_before(self.basis) as f64 / self.coupons.days(self.basis);
        // What is left is what has not passed, also where a period counts other days than lie between its dates.
        (passed, 1.0 - passed)
    }

    /// What the payments are worth, and the same weighted with their times in periods.
    fn worth(&self, yield_a_year: f64) -> (f64, f64) {
        let (_, left) = self.parts();
        let base = 1.0 + yield_a_year / self.frequency;
        let last = (self.coupons.left - 1) as f64 + left;
        let mut worth = self.redemption / base.powf(last);
        let mut weighted = worth * last;
        for k in 0..self.coupons.left {
            let time = k as f64 + left;
            let part = self.coupon / base.powf(time);
            worth += part;
            weighted += part * time;
        }
        (worth, weighted)
    }

    /// Without the interest that has accrued.
    fn price(&self, yield_a_year: f64) -> f64 {
        let (passed, left) = self.parts();
        if self.coupons.left == 1 {
            // The last period counts simple interest.
            return (self.coupon + self.redemption) / (1.0 + yield_a_year / self.frequency * left)
                - self.coupon * passed;
        }
        self.worth(yield_a_year).0 - self.coupon * passed
    }

    fn yield_of(&self, price: f64, guess: f64) -> Option<f64> {
        let (passed, left) = self.parts();
        if self.coupons.left == 1 {
            let paid = price + self.coupon * passed;
            return Some((self.redemption + self.coupon - paid) / paid * self.frequency / left);
        }
        root(guess, |y| self.price(y) - price)
    }
}

/// Reads settlement, maturity, coupon rate, frequency and basis.
fn bond(call: Call<'_>, redemption: f64, frequency_at: usize) -> Result<Bond, Failure> {
    let (settlement, maturity) = call.settlement_and_maturity()?;
    let frequency = call.frequency(frequency_at)?;
    let coupon = 100.0 * call.not_negative(2, "rate")? / frequency as f64;
    let coupons = Coupons::new(settlement, maturity, frequency);
    Ok(Bond {
        coupons,
        basis: call.basis(frequency_at + 1)?,
        frequency: frequency as f64,
        coupon,
        redemption,
    })
}

pub(super) fn price(call: Call<'_>) -> Answer {
    Ok(bond(call, call.positive(4, "redemption")?, 5)?.price(call.not_negative(3, "yield")?))
}

pub(super) fn bond_yield(call: Call<'_>) -> Answer {
    let bond = bond(call, call.positive(4, "redemption")?, 5)?;
    let price = call.positive(3, "price")?;
    bond.yield_of(price, call.number(2)?)
        .ok_or_else(|| call.refuse("no yield was found"))
}

pub(super) fn duration(call: Call<'_>) -> Answer {
    let bond = bond(call, 100.0, 4)?;
    let (worth, weighted) = bond.worth(call.not_negative(3, "yield")?);
    Ok(weighted / worth / bond.frequency)
}

pub(super) fn modified_duration(call: Call<'_>) -> Answer {
    Ok(duration(call)? / (1.0 + call.number(3)? / call.frequency(4)? as f64))
}

/// Interest from issue to settlement; asked so, without what was paid at the first interest date.
pub(super) fn accrued(call: Call<'_>) -> Answer {
    let (issue, first, settlement) = (call.day(0)?, call.day(1)?, call.day(2)?);
    let (rate, par) = (call.positive(3, "rate")?, call.positive(4, "par value")?);
    let (frequency, basis) = (call.frequency(5)?, call.basis(6)?);
    if issue >= settlement {
        return Err(call.refuse("issue is to come before settlement"));
    }
    let schedule = Schedule::new(first, frequency);
    let from_issue = call.flag(7, true)?;
    let periods = if settlement > first {
        schedule.periods_between(if from_issue { issue } else { first }, settlement, basis)
    } else {
        periods_before_first(schedule, issue, settlement, basis, from_issue)
    };
    Ok(par * rate / frequency as f64 * periods)
}

/// The periods from issue to settlement, which comes before the first interest date. They are counted back from the period that ends
/// with that date; the whole ones before it count only where interest is wanted from the issue on, the one that the issue cuts always.
fn periods_before_first(
    schedule: Schedule,
    issue: i64,
    settlement: i64,
    basis: Basis,
    from_issue: bool,
) -> f64 {
    let mut period = -1;
    let mut start = schedule.date(period);
    let mut sum = basis.days(issue.max(start), settlement) as f64 / schedule.length(period, basis);
    while start > issue {
        let end = start;
        period -= 1;
        start = schedule.date(period);
        sum += if issue > start {
            let length = match basis {
                Basis::American | Basis::European => basis.period(start, end) as f64,
                Basis::Actual360 => Basis::American.days(start, end) as f64,
                Basis::Actual | Basis::Actual365 => schedule.length(period, basis),
            };
            basis.days(issue, end) as f64 / length
        } else {
            f64::from(u8::from(from_issue))
        };
    }
    sum
}

pub(super) fn accrued_at_maturity(call: Call<'_>) -> Answer {
    let (issue, maturity) = call.settlement_and_maturity()?;
    Ok(call.positive(2, "rate")?
        * call.positive(3, "par value")?
        * call.basis(4)?.years(issue, maturity))
}

/// The years from settlement to maturity, of the functions of five arguments.
fn term(call: Call<'_>) -> Answer {
    let (settlement, maturity) = call.settlement_and_maturity()?;
    Ok(call.basis(4)?.years(settlement, maturity))
}

pub(super) fn discount_rate(call: Call<'_>) -> Answer {
    let (price, redemption) = (call.positive(2, "price")?, call.positive(3, "redemption")?);
    Ok((redemption - price) / redemption / term(call)?)
}

pub(super) fn interest_rate(call: Call<'_>) -> Answer {
    let (invested, redemption) = (
        call.positive(2, "investment")?,
        call.positive(3, "redemption")?,
    );
    Ok((redemption - invested) / invested / term(call)?)
}

pub(super) fn received(call: Call<'_>) -> Answer {
    let (invested, discount) = (
        call.positive(2, "investment")?,
        call.positive(3, "discount")?,
    );
    let kept = 1.0 - discount * term(call)?;
    if kept > 0.0 {
        Ok(invested / kept)
    } else {
        Err(call.refuse("the discount takes all"))
    }
}

pub(super) fn discounted_price(call: Call<'_>) -> Answer {
    let (discount, redemption) = (
        call.positive(2, "discount")?,
        call.positive(3, "redemption")?,
    );
    Ok(redemption - discount * redemption * term(call)?)
}

pub(super) fn discounted_yield(call: Call<'_>) -> Answer {
    let (price, redemption) = (call.positive(2, "price")?, call.positive(3, "redemption")?);
    Ok((redemption - price) / price / term(call)?)
}

/// The years from issue to maturity, from issue to settlement, and from settlement to maturity.
fn terms(call: Call<'_>) -> Result<(f64, f64, f64), Failure> {
    let (settlement, maturity) = call.settlement_and_maturity()?;
    let (issue, basis) = (call.day(2)?, call.basis(5)?);
    if issue >= settlement {
        return Err(call.refuse("issue is to come before settlement"));
    }
    // One length of a year serves all three, and what is left is what has not passed.
    let year = basis.year_length(issue, settlement);
    let (whole, passed) = (
        basis.days(issue, maturity) as f64,
        basis.days(issue, settlement) as f64,
    );
    Ok((whole / year, passed / year, (whole - passed) / year))
}

pub(super) fn price_with_interest_at_maturity(call: Call<'_>) -> Answer {
    let (whole, passed, left) = terms(call)?;
    let (rate, yield_a_year) = (
        call.not_negative(3, "rate")?,
        call.not_negative(4, "yield")?,
    );
    Ok(100.0 * (1.0 + whole * rate) / (1.0 + left * yield_a_year) - 100.0 * passed * rate)
}

pub(super) fn yield_with_interest_at_maturity(call: Call<'_>) -> Answer {
    let (whole, passed, left) = terms(call)?;
    let (rate, price) = (call.not_negative(3, "rate")?, call.positive(4, "price")?);
    Ok(((1.0 + whole * rate) / (price / 100.0 + passed * rate) - 1.0) / left)
}

/// The days that a bill has left: at most a year.
fn bill_days(call: Call<'_>) -> Answer {
    let (settlement, maturity) = call.settlement_and_maturity()?;
    if maturity > calendar::add_months(settlement, 12) {
        return Err(call.refuse("a bill matures within a year"));
    }
    Ok((maturity - settlement) as f64)
}

pub(super) fn bill_price(call: Call<'_>) -> Answer {
    let price = 100.0 * (1.0 - call.positive(2, "discount")? * bill_days(call)? / 360.0);
    if price > 0.0 {
        Ok(price)
    } else {
        Err(call.refuse("the discount takes all"))
    }
}

pub(super) fn bill_yield(call: Call<'_>) -> Answer {
    let price = call.positive(2, "price")?;
    Ok((100.0 - price) / price * 360.0 / bill_days(call)?)
}

/// Beyond half a year a bond would pay a coupon on the way, which makes the equation quadratic.
pub(super) fn bill_equivalent_yield(call: Call<'_>) -> Answer {
    let (discount, days) = (call.positive(2, "discount")?, bill_days(call)?);
    if days <= 182.0 {
        return Ok(365.0 * discount / (360.0 - discount * days));
    }
    let price = 1.0 - discount * days / 360.0;
    if price <= 0.0 {
        return Err(call.refuse("the discount takes all"));
    }
    let years = days / if days > 365.0 { 366.0 } else { 365.0 };
    let under_root = years * years - (2.0 * years - 1.0) * (1.0 - 1.0 / price);
    Ok((2.0 * under_root.sqrt() - 2.0 * years) / (2.0 * years - 1.0))
}

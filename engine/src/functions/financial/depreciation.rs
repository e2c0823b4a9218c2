//! What an asset loses in a period.

use super::{Answer, Call};
use crate::convert::round_half_away;
use crate::error::Failure;
use crate::functions::calendar::{self, civil};
use crate::functions::daycount::Basis;

/// More periods than this are not counted one by one.
const MOST_PERIODS: f64 = 1e6;

pub(super) fn straight_line(call: Call<'_>) -> Answer {
    Ok((call.number(0)? - call.number(1)?) / call.number(2)?)
}

pub(super) fn sum_of_years(call: Call<'_>) -> Answer {
    let (life, period) = (call.positive(2, "life")?, call.number(3)?);
    if period < 1.0 || period > life {
        return Err(call.refuse("the period is not within the life"));
    }
    Ok((call.number(0)? - call.number(1)?) * (life - period + 1.0) * 2.0 / (life * (life + 1.0)))
}

/// A fixed rate, rounded to three places; first and last year may be of some months only.
pub(super) fn fixed_declining(call: Call<'_>) -> Answer {
    let (cost, salvage) = (
        call.not_negative(0, "cost")?,
        call.not_negative(1, "salvage value")?,
    );
    // Period and months are rounded, and the life is not.
    let (life, period, months) = (call.number(2)?, call.whole(3, 0)?, call.whole(4, 12)?);
    let last = life + if months < 12 { 1.0 } else { 0.0 };
    if !(1.0..=MOST_PERIODS).contains(&life)
        || period < 1
        || period as f64 > last
        || !(1..=12).contains(&months)
    {
        return Err(call
            .refuse("the period is not within the life, or the months are not between 1 and 12"));
    }
    if cost == 0.0 {
        return Ok(0.0);
    }
    let rate = round_half_away(1.0 - (salvage / cost).powf(1.0 / life), 3);
    let first = cost * rate * months as f64 / 12.0;
    if period == 1 {
        return Ok(first);
    }
    let left = (cost - first) * (1.0 - rate).powi((period - 2) as i32);
    let part = if period as f64 > life {
        (12 - months) as f64 / 12.0
    } else {
        1.0
    };
    Ok(left * rate * part)
}

pub(super) fn double_declining(call: Call<'_>) -> Answer {
    let (cost, salvage) = (
        call.not_negative(0, "cost")?,
        call.not_negative(1, "salvage value")?,
    );
    let (life, period, factor) = (
        call.positive(2, "life")?,
        call.whole(3, 0)? as f64,
        call.number_or(4, 2.0)?,
    );
    if period < 1.0 || period > life || factor <= 0.0 {
        return Err(call.refuse("the period is not within the life, or the factor is not positive"));
    }
    Ok(declining(cost, salvage, life, period, factor))
}

fn declining(cost: f64, salvage: f64, life: f64, period: f64, factor: f64) -> f64 {
    let rate = (factor / life).min(1.0);
    let before = cost * (1.0 - rate).powf(period - 1.0);
    let after = (before * (1.0 - rate)).max(salvage);
    (before - after).max(0.0)
}

/// Declining, until a straight line over the rest of the life would be steeper. Within a period the loss is even.
pub(super) fn variable_declining(call: Call<'_>) -> Answer {
    let (cost, salvage) = (
        call.not_negative(0, "cost")?,
        call.not_negative(1, "salvage value")?,
    );
    let (life, start, end) = (
        call.positive(2, "life")?,
        call.not_negative(3, "start")?,
        call.number(4)?,
    );
    let (factor, no_switch) = (call.number_or(5, 2.0)?, call.flag(6, false)?);
    if life < 1.0 || end < start || end > life || factor < 0.0 || end > MOST_PERIODS {
        return Err(call.refuse(
            "the life is below 1, start and end are not within it, or the factor is negative",
        ));
    }
    let (mut left, mut total, mut straight) = (cost, 0.0, None);
    for period in 1..=end.ceil() as i64 {
        let passed = (period - 1) as f64;
        let mut loss = declining(cost, salvage, life, period as f64, factor);
        if !no_switch {
            let line =
                straight.unwrap_or_else(|| (left - salvage).max(0.0) / (life - passed).max(1.0));
            if straight.is_some() || line > loss {
                straight = Some(line);
                loss = line;
            }
        }
        let part = (end.min(passed + 1.0) - start.max(passed)).max(0.0);
        total += loss * part;
        left -= loss;
    }
    Ok(total)
}

/// What the French methods share.
struct French {
    cost: f64,
    salvage: f64,
    rate: f64,
    period: i64,
    purchased: i64,
    first_end: i64,
    basis: Basis,
}

impl French {
    fn read(call: Call<'_>) -> Result<French, Failure> {
        let (cost, salvage) = (
            call.not_negative(0, "cost")?,
            call.not_negative(3, "salvage value")?,
        );
        let (purchased, first_end) = (call.day(1)?, call.day(2)?);
        let (period, rate) = (call.whole(4, 0)?, call.positive(5, "rate")?);
        let basis = match call.whole(6, 0)? {
            2 => return Err(call.refuse("the basis is none of 0, 1, 3 and 4")),
            _ => call.basis(6)?,
        };
        if purchased > first_end || salvage > cost || period < 0 {
            return Err(call.refuse("the first period ends before the purchase, the salvage value is above the cost, or the period is negative"));
        }
        Ok(French {
            cost,
            salvage,
            rate,
            period,
            purchased,
            first_end,
            basis,
        })
    }

    /// The years that the rate means, of which a part counts as one.
    fn life(&self) -> f64 {
        (1.0 / self.rate).ceil()
    }

    /// Whether nothing is lost in the period.
    fn is_over(&self) -> bool {
        self.cost == self.salvage || self.period as f64 > self.life()
    }

    /// What is lost at a rate up to the end of the first period, and in how many periods all is lost. A first period of no days is a
    /// whole year; any other stands beside the years of the life.
    fn first_loss(&self, rate: f64) -> (f64, f64) {
        let actual = matches!(self.basis, Basis::Actual | Basis::Actual365);
        // By the days of the calendar a leap day counts as the day before it.
        let counted = |day: i64| {
            let date = civil(day);
            day - i64::from(actual && date.month == 2 && date.day == 29)
        };
        let days = self
            .basis
            .days(counted(self.purchased), counted(self.first_end)) as f64;
        let year = match self.basis {
            Basis::Actual if calendar::is_leap(civil(self.purchased).year) => 366.0,
            Basis::Actual | Basis::Actual365 => 365.0,
            _ => 360.0,
        };
        let loss = days / year * rate * self.cost;
        let (loss, periods) = if loss == 0.0 {
            (self.cost * rate, self.life())
        } else {
            (loss, self.life() + 1.0)
        };
        (loss.min(self.cost - self.salvage), periods)
    }
}

pub(super) fn french_linear(call: Call<'_>) -> Answer {
    let asset = French::read(call)?;
    if asset.is_over() {
        return Ok(0.0);
    }
    let (first, _) = asset.first_loss(asset.rate);
    let a_year = asset.cost * asset.rate;
    let rest = asset.cost - asset.salvage - first;
    let full = (rest / a_year).trunc();
    Ok(match asset.period as f64 {
        0.0 => first,
        p if p <= full => a_year,
        p if p == full + 1.0 => rest - a_year * full,
        _ => 0.0,
    })
}

/// The coefficient depends on the life that the rate means.
pub(super) fn french_degressive(call: Call<'_>) -> Answer {
    let asset = French::read(call)?;
    // There is no coefficient for the lives that are left out.
    let years = 1.0 / asset.rate;
    if years < 3.0 || (years > 4.0 && years < 5.0) {
        return Err(call.refuse("the rate means a life below 3 or between 4 and 5 years"));
    }
    let coefficient = match asset.life() {
        life if life <= 4.0 => 1.5,
        life if life <= 6.0 => 2.0,
        _ => 2.5,
    };
    if asset.is_over() {
        return Ok(0.0);
    }
    let mut rate = asset.rate * coefficient;
    let (first, periods) = asset.first_loss(rate);
    let first = round_half_away(first, 0);
    if asset.period == 0 {
        return Ok(first);
    }
    let (mut left, mut loss) = (asset.cost - first, 0.0);
    for period in 1..=asset.period {
        let period = period as f64;
        // With a small rate hardly anything is lost in a period, and nothing that a decimal number could tell of a large cost.
        if period > MOST_PERIODS {
            return Err(call.refuse("it would take more than 1,000,000 periods"));
        }
        // The last period but one takes half of what is left, and the last one the rest.
        loss = if left < asset.salvage {
            0.0
        } else if period + 3.0 == periods {
            rate = 1.0;
            left * 0.5
        } else {
            rate * left
        };
        left -= loss;
    }
    Ok(round_half_away(loss, 0))
}

//! Loans and savings with equal payments, and rates of interest.

use super::{Answer, Call, root};
use crate::error::Failure;

/// Equal payments at a rate; they fall at the end of a period, or (`early`) at its beginning.
#[derive(Clone, Copy)]
struct Loan {
    rate: f64,
    early: bool,
}

impl Loan {
    /// What 1 becomes in so many periods.
    fn growth(self, periods: f64) -> f64 {
        if self.rate > -1.0 {
            (periods * self.rate.ln_1p()).exp()
        } else {
            (1.0 + self.rate).powf(periods)
        }
    }

    /// What payments of 1 a period become.
    fn annuity(self, periods: f64) -> f64 {
        if self.rate == 0.0 {
            return periods;
        }
        let gained = if self.rate > -1.0 {
            (periods * self.rate.ln_1p()).exp_m1()
        } else {
            self.growth(periods) - 1.0
        };
        gained / self.rate * if self.early { 1.0 + self.rate } else { 1.0 }
    }

    fn future_value(self, periods: f64, payment: f64, present: f64) -> f64 {
        -(present * self.growth(periods) + payment * self.annuity(periods))
    }

    fn payment(self, periods: f64, present: f64, future: f64) -> f64 {
        -(future + present * self.growth(periods)) / self.annuity(periods)
    }

    /// The interest in the payment of one period.
    fn interest(self, period: f64, periods: f64, present: f64, future: f64) -> f64 {
        if self.early && period == 1.0 {
            return 0.0;
        }
        let payment = self.payment(periods, present, future);
        let interest = self.future_value(period - 1.0, payment, present) * self.rate;
        if self.early {
            interest / (1.0 + self.rate)
        } else {
            interest
        }
    }

    /// What is owed after so many payments.
    fn balance(self, payments: f64, payment: f64, present: f64) -> f64 {
        if payments == 0.0 {
            return present;
        }
        let owed = -self.future_value(payments, payment, present);
        if self.early {
            owed / (1.0 + self.rate)
        } else {
            owed
        }
    }
}

fn loan(call: Call<'_>, rate_at: usize, type_at: usize) -> Result<Loan, Failure> {
    Ok(Loan {
        rate: call.number(rate_at)?,
        early: call.whole(type_at, 0)? != 0,
    })
}

/// How many payments there are: less than one is none.
fn number_of_periods(call: Call<'_>, i: usize) -> Answer {
    let periods = call.number(i)?;
    if periods >= 1.0 {
        Ok(periods)
    } else {
        Err(call.refuse("the number of periods is to be at least 1"))
    }
}

pub(super) fn future_value(call: Call<'_>) -> Answer {
    let (loan, periods) = (loan(call, 0, 4)?, number_of_periods(call, 1)?);
    Ok(loan.future_value(periods, call.number(2)?, call.number_or(3, 0.0)?))
}

pub(super) fn present_value(call: Call<'_>) -> Answer {
    let (loan, periods) = (loan(call, 0, 4)?, number_of_periods(call, 1)?);
    Ok(-(call.number_or(3, 0.0)? + call.number(2)? * loan.annuity(periods)) / loan.growth(periods))
}

pub(super) fn payment(call: Call<'_>) -> Answer {
    let (loan, periods) = (loan(call, 0, 4)?, number_of_periods(call, 1)?);
    Ok(loan.payment(periods, call.number(2)?, call.number_or(3, 0.0)?))
}

pub(super) fn periods(call: Call<'_>) -> Answer {
    let loan = loan(call, 0, 4)?;
    let (payment, present, future) = (call.number(1)?, call.number(2)?, call.number_or(3, 0.0)?);
    if loan.rate == 0.0 {
        return Ok(-(present + future) / payment);
    }
    let due = payment * if loan.early { 1.0 + loan.rate } else { 1.0 };
    Ok(((due - future * loan.rate) / (due + present * loan.rate)).ln() / loan.rate.ln_1p())
}

pub(super) fn rate(call: Call<'_>) -> Answer {
    let (periods, payment, present) = (
        call.positive(0, "number of periods")?,
        call.number(1)?,
        call.number(2)?,
    );
    let (future, early) = (call.number_or(3, 0.0)?, call.whole(4, 0)? != 0);
    let guess = call.number_or(5, 0.1)?;
    let owed = |rate: f64| Loan { rate, early }.future_value(periods, payment, present) - future;
    root(guess, owed).ok_or_else(|| call.refuse("no rate was found"))
}

fn period_of(call: Call<'_>) -> Result<(f64, f64), Failure> {
    let (period, periods) = (call.number(1)?, call.number(2)?);
    if period >= 1.0 && period <= periods {
        Ok((period, periods))
    } else {
        Err(call.refuse("the period is not one of the periods"))
    }
}

pub(super) fn interest_part(call: Call<'_>) -> Answer {
    let (period, periods) = period_of(call)?;
    Ok(loan(call, 0, 5)?.interest(period, periods, call.number(3)?, call.number_or(4, 0.0)?))
}

pub(super) fn principal_part(call: Call<'_>) -> Answer {
    let (period, periods) = period_of(call)?;
    let (loan, present, future) = (loan(call, 0, 5)?, call.number(3)?, call.number_or(4, 0.0)?);
    Ok(loan.payment(periods, present, future) - loan.interest(period, periods, present, future))
}

/// Interest on a loan whose principal is paid back in equal parts.
pub(super) fn straight_interest(call: Call<'_>) -> Answer {
    Ok(call.number(3)? * call.number(0)? * (call.number(1)? / call.number(2)? - 1.0))
}

/// What the payments of some periods come to, and how much of it pays back principal.
fn between(call: Call<'_>) -> Result<(f64, f64), Failure> {
    let rate = call.positive(0, "rate")?;
    let (periods, present) = (
        call.positive(1, "number of periods")?,
        call.positive(2, "present value")?,
    );
    let (start, end) = (call.whole(3, 0)?, call.whole(4, 0)?);
    if start < 1 || end < start || end as f64 > periods {
        return Err(call.refuse("start and end are to be periods of the loan, in order"));
    }
    let early = match call.whole(5, 0)? {
        0 => false,
        1 => true,
        _ => return Err(call.refuse("the type is to be 0 or 1")),
    };
    let loan = Loan { rate, early };
    let payment = loan.payment(periods, present, 0.0);
    let principal = loan.balance(end as f64, payment, present)
        - loan.balance((start - 1) as f64, payment, present);
    Ok((payment * (end - start + 1) as f64, principal))
}

pub(super) fn interest_between(call: Call<'_>) -> Answer {
    between(call).map(|(paid, principal)| paid - principal)
}

pub(super) fn principal_between(call: Call<'_>) -> Answer {
    between(call).map(|(_, principal)| principal)
}

pub(super) fn growth_rate(call: Call<'_>) -> Answer {
    Ok(
        (call.number(2)? / call.number(1)?).powf(1.0 / call.positive(0, "number of periods")?)
            - 1.0,
    )
}

pub(super) fn growth_periods(call: Call<'_>) -> Answer {
    let rate = call.positive(0, "rate")?;
    Ok(
        (call.positive(2, "future value")? / call.positive(1, "present value")?).ln()
            / rate.ln_1p(),
    )
}

fn periods_a_year(call: Call<'_>) -> Answer {
    let periods = call.whole(1, 0)?;
    if periods >= 1 {
        Ok(periods as f64)
    } else {
        Err(call.refuse("the periods a year are to be at least 1"))
    }
}

pub(super) fn effective_rate(call: Call<'_>) -> Answer {
    let (rate, periods) = (call.positive(0, "rate")?, periods_a_year(call)?);
    Ok((periods * (rate / periods).ln_1p()).exp_m1())
}

pub(super) fn nominal_rate(call: Call<'_>) -> Answer {
    let (rate, periods) = (call.positive(0, "rate")?, periods_a_year(call)?);
    Ok((rate.ln_1p() / periods).exp_m1() * periods)
}

/// The denominator, and the power of ten that its digits take behind the point.
fn fraction(call: Call<'_>) -> Result<(f64, f64), Failure> {
    let fraction = call.whole(1, 0)?;
    if fraction < 1 {
        return Err(call.refuse("the fraction is to be at least 1"));
    }
    let digits = if fraction == 1 {
        0
    } else {
        (fraction - 1).ilog10() + 1
    };
    Ok((fraction as f64, 10f64.powi(digits as i32)))
}

pub(super) fn dollar_decimal(call: Call<'_>) -> Answer {
    let (price, (fraction, power)) = (call.number(0)?, fraction(call)?);
    Ok(price.trunc() + price.fract() * power / fraction)
}

pub(super) fn dollar_fraction(call: Call<'_>) -> Answer {
    let (price, (fraction, power)) = (call.number(0)?, fraction(call)?);
    Ok(price.trunc() + price.fract() * fraction / power)
}

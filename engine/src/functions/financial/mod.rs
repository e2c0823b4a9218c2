//! Financial functions of values. The formulas are those that spreadsheets made common.

mod annuity;
mod bond;
mod coupon;
mod depreciation;
mod odd;

use super::arguments::{day, finite, given, integer_or, number, number_or, undefined};
use super::daycount::Basis;
use super::registry::{Function, Types};
use crate::error::Failure;
use crate::value::{DataType, Value};

const DECIMAL: Types = Types::Always(DataType::Double);
const WHOLE: Types = Types::Always(DataType::Integer);
const DATE: Types = Types::Always(DataType::DateTime);

super::scalars! { TABLE, "Financial":
    "ACCRINT" "(issue, first interest, settlement, rate, par, frequency, [basis], [from issue])" 6 8 DECIMAL => |a, _| run("ACCRINT", a, bond::accrued);
    "ACCRINTM" "(issue, maturity, rate, par, [basis])" 4 5 DECIMAL => |a, _| run("ACCRINTM", a, bond::accrued_at_maturity);
    "AMORDEGRC" "(cost, purchased, first period, salvage, period, rate, [basis])" 6 7 DECIMAL => |a, _| run("AMORDEGRC", a, depreciation::french_degressive);
    "AMORLINC" "(cost, purchased, first period, salvage, period, rate, [basis])" 6 7 DECIMAL => |a, _| run("AMORLINC", a, depreciation::french_linear);
    "COUPDAYBS" "(settlement, maturity, frequency, [basis])" 3 4 WHOLE => |a, _| coupon::count("COUPDAYBS", a, |c, b| c.days_before(b));
    "COUPDAYS" "(settlement, maturity, frequency, [basis])" 3 4 DECIMAL => |a, _| run("COUPDAYS", a, coupon::days);
    "COUPDAYSNC" "(settlement, maturity, frequency, [basis])" 3 4 DECIMAL => |a, _| run("COUPDAYSNC", a, coupon::days_to_next);
    "COUPNCD" "(settlement, maturity, frequency, [basis])" 3 4 DATE => |a, _| coupon::date("COUPNCD", a, |c| c.next);
    "COUPNUM" "(settlement, maturity, frequency, [basis])" 3 4 WHOLE => |a, _| coupon::count("COUPNUM", a, |c, _| c.left);
    "COUPPCD" "(settlement, maturity, frequency, [basis])" 3 4 DATE => |a, _| coupon::date("COUPPCD", a, |c| c.previous);
    "CUMIPMT" "(rate, periods, present value, start, end, type)" 6 6 DECIMAL => |a, _| run("CUMIPMT", a, annuity::interest_between);
    "CUMPRINC" "(rate, periods, present value, start, end, type)" 6 6 DECIMAL => |a, _| run("CUMPRINC", a, annuity::principal_between);
    "DB" "(cost, salvage, life, period, [months])" 4 5 DECIMAL => |a, _| run("DB", a, depreciation::fixed_declining);
    "DDB" "(cost, salvage, life, period, [factor])" 4 5 DECIMAL => |a, _| run("DDB", a, depreciation::double_declining);
    "DISC" "(settlement, maturity, price, redemption, [basis])" 4 5 DECIMAL => |a, _| run("DISC", a, bond::discount_rate);
    "DOLLARDE" "(fractional price, fraction)" 2 2 DECIMAL => |a, _| run("DOLLARDE", a, annuity::dollar_decimal);
    "DOLLARFR" "(decimal price, fraction)" 2 2 DECIMAL => |a, _| run("DOLLARFR", a, annuity::dollar_fraction);
    "DURATION" "(settlement, maturity, coupon, yield, frequency, [basis])" 5 6 DECIMAL => |a, _| run("DURATION", a, bond::duration);
    "EFFECT" "(nominal rate, periods a year)" 2 2 DECIMAL => |a, _| run("EFFECT", a, annuity::effective_rate);
    "FV" "(rate, periods, payment, [present value], [type])" 3 5 DECIMAL => |a, _| run("FV", a, annuity::future_value);
    "INTRATE" "(settlement, maturity, investment, redemption, [basis])" 4 5 DECIMAL => |a, _| run("INTRATE", a, bond::interest_rate);
    "IPMT" "(rate, period, periods, present value, [future value], [type])" 4 6 DECIMAL => |a, _| run("IPMT", a, annuity::interest_part);
    "ISPMT" "(rate, period, periods, present value)" 4 4 DECIMAL => |a, _| run("ISPMT", a, annuity::straight_interest);
    "MDURATION" "(settlement, maturity, coupon, yield, frequency, [basis])" 5 6 DECIMAL => |a, _| run("MDURATION", a, bond::modified_duration);
    "NOMINAL" "(effective rate, periods a year)" 2 2 DECIMAL => |a, _| run("NOMINAL", a, annuity::nominal_rate);
    "NPER" "(rate, payment, present value, [future value], [type])" 3 5 DECIMAL => |a, _| run("NPER", a, annuity::periods);
    "ODDFPRICE" "(settlement, maturity, issue, first coupon, rate, yield, redemption, frequency, [basis])" 8 9 DECIMAL => |a, _| run("ODDFPRICE", a, odd::first_price);
    "ODDFYIELD" "(settlement, maturity, issue, first coupon, rate, price, redemption, frequency, [basis])" 8 9 DECIMAL => |a, _| run("ODDFYIELD", a, odd::first_yield);
    "ODDLPRICE" "(settlement, maturity, last interest, rate, yield, redemption, frequency, [basis])" 7 8 DECIMAL => |a, _| run("ODDLPRICE", a, odd::last_price);
    "ODDLYIELD" "(settlement, maturity, last interest, rate, price, redemption, frequency, [basis])" 7 8 DECIMAL => |a, _| run("ODDLYIELD", a, odd::last_yield);
    "PDURATION" "(rate, present value, future value)" 3 3 DECIMAL => |a, _| run("PDURATION", a, annuity::growth_periods);
    "PMT" "(rate, periods, present value, [future value], [type])" 3 5 DECIMAL => |a, _| run("PMT", a, annuity::payment);
    "PPMT" "(rate, period, periods, present value, [future value], [type])" 4 6 DECIMAL => |a, _| run("PPMT", a, annuity::principal_part);
    "PRICE" "(settlement, maturity, rate, yield, redemption, frequency, [basis])" 6 7 DECIMAL => |a, _| run("PRICE", a, bond::price);
    "PRICEDISC" "(settlement, maturity, discount, redemption, [basis])" 4 5 DECIMAL => |a, _| run("PRICEDISC", a, bond::discounted_price);
    "PRICEMAT" "(settlement, maturity, issue, rate, yield, [basis])" 5 6 DECIMAL => |a, _| run("PRICEMAT", a, bond::price_with_interest_at_maturity);
    "PV" "(rate, periods, payment, [future value], [type])" 3 5 DECIMAL => |a, _| run("PV", a, annuity::present_value);
    "RATE" "(periods, payment, present value, [future value], [type], [guess])" 3 6 DECIMAL => |a, _| run("RATE", a, annuity::rate);
    "RECEIVED" "(settlement, maturity, investment, discount, [basis])" 4 5 DECIMAL => |a, _| run("RECEIVED", a, bond::received);
    "RRI" "(periods, present value, future value)" 3 3 DECIMAL => |a, _| run("RRI", a, annuity::growth_rate);
    "SLN" "(cost, salvage, life)" 3 3 DECIMAL => |a, _| run("SLN", a, depreciation::straight_line);
    "SYD" "(cost, salvage, life, period)" 4 4 DECIMAL => |a, _| run("SYD", a, depreciation::sum_of_years);
    "TBILLEQ" "(settlement, maturity, discount)" 3 3 DECIMAL => |a, _| run("TBILLEQ", a, bond::bill_equivalent_yield);
    "TBILLPRICE" "(settlement, maturity, discount)" 3 3 DECIMAL => |a, _| run("TBILLPRICE", a, bond::bill_price);
    "TBILLYIELD" "(settlement, maturity, price)" 3 3 DECIMAL => |a, _| run("TBILLYIELD", a, bond::bill_yield);
    "VDB" "(cost, salvage, life, start, end, [factor], [no switch])" 5 7 DECIMAL => |a, _| run("VDB", a, depreciation::variable_declining);
    "YIELD" "(settlement, maturity, rate, price, redemption, frequency, [basis])" 6 7 DECIMAL => |a, _| run("YIELD", a, bond::bond_yield);
    "YIELDDISC" "(settlement, maturity, price, redemption, [basis])" 4 5 DECIMAL => |a, _| run("YIELDDISC", a, bond::discounted_yield);
    "YIELDMAT" "(settlement, maturity, issue, rate, price, [basis])" 5 6 DECIMAL => |a, _| run("YIELDMAT", a, bond::yield_with_interest_at_maturity);
}

/// One call of a financial function: its name for messages, and its arguments.
#[derive(Clone, Copy)]
struct Call<'a> {
    name: &'static str,
    arguments: &'a [Value],
}

type Answer = Result<f64, Failure>;

fn run(
    name: &'static str,
    arguments: &[Value],
    function: fn(Call<'_>) -> Answer,
) -> super::arguments::Outcome {
    finite(name, function(Call { name, arguments })?)
}

impl Call<'_> {
    fn number(&self, i: usize) -> Answer {
        number(self.name, self.arguments, i)
    }

    fn number_or(&self, i: usize, default: f64) -> Answer {
        number_or(self.name, self.arguments, i, default)
    }

    fn positive(&self, i: usize, what: &str) -> Answer {
        let x = self.number(i)?;
        if x > 0.0 {
            Ok(x)
        } else {
            Err(self.refuse(&format!("the {what} is to be positive")))
        }
    }

    fn not_negative(&self, i: usize, what: &str) -> Answer {
        let x = self.number(i)?;
        if x >= 0.0 {
            Ok(x)
        } else {
            Err(self.refuse(&format!("the {what} is negative")))
        }
    }

    /// Rounded to the nearest whole number.
    fn whole(&self, i: usize, default: i64) -> Result<i64, Failure> {
        integer_or(self.name, self.arguments, i, default)
    }

    fn day(&self, i: usize) -> Result<i64, Failure> {
        day(self.name, self.arguments, i)
    }

    /// Settlement and maturity are mostly the first two arguments, and come in that order in time.
    fn settlement_and_maturity(&self) -> Result<(i64, i64), Failure> {
        let (settlement, maturity) = (self.day(0)?, self.day(1)?);
        if settlement < maturity {
            Ok((settlement, maturity))
        } else {
            Err(self.refuse("settlement is to come before maturity"))
        }
    }

    fn basis(&self, i: usize) -> Result<Basis, Failure> {
        Basis::from_number(self.whole(i, 0)?)
            .ok_or_else(|| self.refuse("the basis is to be between 0 and 4"))
    }

    fn frequency(&self, i: usize) -> Result<i64, Failure> {
        match self.whole(i, 0)? {
            frequency @ (1 | 2 | 4) => Ok(frequency),
            _ => Err(self.refuse("the frequency is none of 1, 2 and 4")),
        }
    }

    fn flag(&self, i: usize, default: bool) -> Result<bool, Failure> {
        if given(self.arguments, i) {
            super::arguments::boolean(self.name, self.arguments, i)
        } else {
            Ok(default)
        }
    }

    fn refuse(&self, reason: &str) -> Failure {
        undefined(self.name, reason)
    }
}

/// Where a function of a rate is zero, from a guess: the secant method, and halving once the zero is enclosed.
fn root(guess: f64, f: impl Fn(f64) -> f64) -> Option<f64> {
    secant(guess, &f).or_else(|| enclosed(&f))
}

fn secant(guess: f64, f: &impl Fn(f64) -> f64) -> Option<f64> {
    let (mut a, mut b) = (guess, guess + 0.001);
    let (mut fa, mut fb) = (f(a), f(b));
    for _ in 0..200 {
        if fb == 0.0 {
            return Some(b);
        }
        if fa == fb {
            return None;
        }
        let next = b - fb * (b - a) / (fb - fa);
        if !next.is_finite() || next <= -1.0 {
            return None;
        }
        if (next - b).abs() <= 1e-16 + 2e-16 * b.abs() {
            return Some(next);
        }
        (a, fa) = (b, fb);
        (b, fb) = (next, f(next));
    }
    // The last steps may swing between neighbours.
    ((b - a).abs() <= 1e-13 * (1.0 + b.abs())).then_some(b)
}

fn enclosed(f: &impl Fn(f64) -> f64) -> Option<f64> {
    let grid = [
        -0.999, -0.9, -0.5, -0.2, -0.1, -0.05, -0.01, -1e-4, 1e-9, 1e-4, 0.01, 0.05, 0.1, 0.2, 0.5,
        1.0, 2.0, 5.0, 10.0, 100.0, 1e4,
    ];
    let pair = grid
        .windows(2)
        .find(|w| f(w[0]).signum() * f(w[1]).signum() < 0.0)?;
    let (mut low, mut high) = (pair[0], pair[1]);
    let sign = f(low).signum();
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if f(middle).signum() == sign {
            low = middle
        } else {
            high = middle
        }
    }
    Some((low + high) / 2.0)
}

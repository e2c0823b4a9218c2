//! How many days, and which part of a year, lie between two dates: the five bases of bonds and YEARFRAC.

use super::calendar::{self, Civil, civil};

/// A day-count basis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// 30/360 as the NASD counts.
    American,
    Actual,
    Actual360,
    Actual365,
    /// 30/360 as counted in Europe.
    European,
}

impl Basis {
    pub fn from_number(number: i64) -> Option<Basis> {
        Some(match number {
            0 => Basis::American,
            1 => Basis::Actual,
            2 => Basis::Actual360,
            3 => Basis::Actual365,
            4 => Basis::European,
            _ => return None,
        })
    }

    /// Days from one date to a later one.
    pub fn days(self, from: i64, to: i64) -> i64 {
        match self {
            Basis::American => american(civil(from), civil(to)),
            Basis::European => european(civil(from), civil(to)),
            _ => to - from,
        }
    }

    /// Days of a whole period between two interest dates. Where the NASD counts them, a period may end with the 31st or with the end of
    /// a February, which both count as the 30th here, whatever the first date is.
    pub fn period(self, from: i64, to: i64) -> i64 {
        if self != Basis::American {
            return self.days(from, to);
        }
        let (from, to) = (civil(from), civil(to));
        let thirtieth = |date: Civil| {
            if is_end_of_february(date) {
                30
            } else {
                date.day.min(30)
            }
        };
        thirty(from, to, thirtieth(from), thirtieth(to))
    }

    /// The part of a year between two dates, whichever comes first.
    pub fn years(self, a: i64, b: i64) -> f64 {
        let (from, to) = (a.min(b), a.max(b));
        self.days(from, to) as f64 / self.year_length(from, to)
    }

    /// The days of a year, for a span that begins and ends on these dates.
    pub fn year_length(self, from: i64, to: i64) -> f64 {
        match self {
            Basis::Actual365 => 365.0,
            Basis::Actual => actual_year(from, to),
            _ => 360.0,
        }
    }
}

fn is_end_of_february(date: Civil) -> bool {
    date.month == 2 && date.day == calendar::days_in_month(date.year, 2)
}

fn thirty(from: Civil, to: Civil, first: i64, last: i64) -> i64 {
    (to.year - from.year) * 360 + (to.month - from.month) * 30 + last - first
}

fn american(from: Civil, to: Civil) -> i64 {
    let (mut first, mut last) = (from.day.min(30), to.day);
    // The end of a February counts as the 30th, but does not make the 31st of another month one.
    if last == 31 && first == 30 {
        last = 30;
    }
    if is_end_of_february(from) {
        if is_end_of_february(to) {
            last = 30;
        }
        first = 30;
    }
    thirty(from, to, first, last)
}

fn european(from: Civil, to: Civil) -> i64 {
    thirty(from, to, from.day.min(30), to.day.min(30))
}

/// Within a year: 366 if a 29 February lies in the span. Beyond: the mean of the years touched.
fn actual_year(from: i64, to: i64) -> f64 {
    let (start, end) = (civil(from), civil(to));
    let within_a_year = start.year == end.year
        || (start.year + 1 == end.year && (start.month, start.day) >= (end.month, end.day));
    if !within_a_year {
        let years = end.year - start.year + 1;
        return (calendar::days(end.year + 1, 1, 1) - calendar::days(start.year, 1, 1)) as f64
            / years as f64;
    }
    let leap_day =
        |year: i64| calendar::is_leap(year) && (from..=to).contains(&calendar::days(year, 2, 29));
    let leap = if start.year == end.year {
        calendar::is_leap(start.year)
    } else {
        leap_day(start.year) || leap_day(end.year)
    };
    if leap { 366.0 } else { 365.0 }
}

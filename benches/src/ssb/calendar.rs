//! The days of the benchmark: 1992-01-01 to 1998-12-31.

use super::table::Table;
use super::words::{MONTHS, WEEKDAYS};

pub const DAYS: usize = 2557;

/// A day, with what the date table says of it.
#[derive(Clone, Copy)]
pub struct Day {
    pub year: i32,
    pub month: i32,
    pub day: i32,
    /// 1 is the first of January.
    pub of_year: i32,
    /// 1 is Sunday.
    pub weekday: i32,
    last_in_month: bool,
}

impl Day {
    pub fn key(self) -> i32 {
        self.year * 10_000 + self.month * 100 + self.day
    }

    pub fn week(self) -> i32 {
        self.of_year / 7 + 1
    }

    fn month_name(self) -> &'static str {
        MONTHS[self.month as usize - 1]
    }

    fn season(self) -> &'static str {
        match self.month {
            11 | 12 => "Christmas",
            5..=8 => "Summer",
            1..=3 => "Winter",
            4 => "Spring",
            _ => "Fall",
        }
    }

    fn holiday(self) -> bool {
        matches!((self.month, self.day), (1, 1) | (7, 4) | (12, 25))
    }
}

/// All days, in order.
pub fn days() -> Vec<Day> {
    let mut days = Vec::with_capacity(DAYS);
    for year in 1992..=1998 {
        let mut of_year = 0;
        for month in 1..=12 {
            let length = match month {
                2 if year % 4 == 0 => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            for day in 1..=length {
                of_year += 1;
                days.push(Day {
                    year,
                    month,
                    day,
                    of_year,
                    // The first of January 1992 was a Wednesday.
                    weekday: (days.len() as i32 + 3) % 7 + 1,
                    last_in_month: day == length,
                });
            }
        }
    }
    days
}

pub fn dates() -> Table {
    let days = days();
    let number = |of: fn(Day) -> i32| days.iter().map(|d| of(*d)).collect::<Vec<_>>();
    let text = |of: fn(Day) -> String| days.iter().map(|d| of(*d)).collect::<Vec<_>>();
    Table::default()
        .number("d_datekey", number(Day::key))
        .text(
            "d_date",
            text(|d| format!("{} {}, {}", d.month_name(), d.day, d.year)),
        )
        .text(
            "d_dayofweek",
            text(|d| WEEKDAYS[d.weekday as usize - 1].to_owned()),
        )
        .text("d_month", text(|d| d.month_name().to_owned()))
        .number("d_year", number(|d| d.year))
        .number("d_yearmonthnum", number(|d| d.year * 100 + d.month))
        .text(
            "d_yearmonth",
            text(|d| format!("{}{}", &d.month_name()[..3], d.year)),
        )
        .number("d_daynuminweek", number(|d| d.weekday))
        .number("d_daynuminmonth", number(|d| d.day))
        .number("d_daynuminyear", number(|d| d.of_year))
        .number("d_monthnuminyear", number(|d| d.month))
        .number("d_weeknuminyear", number(Day::week))
        .text("d_sellingseason", text(|d| d.season().to_owned()))
        .number("d_lastdayinweekfl", number(|d| i32::from(d.weekday == 7)))
        .number("d_lastdayinmonthfl", number(|d| i32::from(d.last_in_month)))
        .number("d_holidayfl", number(|d| i32::from(d.holiday())))
        .number(
            "d_weekdayfl",
            number(|d| i32::from((2..=6).contains(&d.weekday))),
        )
}

//! Days, and the table of them.

use super::sheet::Sheet;

/// 2021-01-01 and the day after 2024-12-31, counted from 1970-01-01.
pub const FIRST_DAY: i32 = 18_628;
pub const END: i32 = 20_089;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// A day of the calendar.
#[derive(Clone, Copy)]
pub struct Day {
    pub year: i32,
    pub month: i32,
    pub day: i32,
    /// 1 is Monday.
    pub weekday: i32,
}

impl Day {
    /// The day so many days after 1970-01-01. Years begin in March while counting, so that the leap day comes last.
    pub fn of(days: i32) -> Day {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        let year = year_of_era + era * 400 + i32::from(month <= 2);
        Day {
            year,
            month,
            day,
            weekday: (days + 3).rem_euclid(7) + 1,
        }
    }

    pub fn month_key(self) -> i32 {
        self.year * 100 + self.month
    }

    fn quarter(self) -> i32 {
        (self.month - 1) / 3 + 1
    }

    /// The fiscal year begins in July and bears the number of the year in which it ends.
    fn fiscal_year(self) -> i32 {
        self.year + i32::from(self.month >= 7)
    }
}

pub fn dates() -> Sheet {
    let days = || (FIRST_DAY..END).map(Day::of);
    Sheet::default()
        .date("Date", (FIRST_DAY..END).map(Some))
        .int32(
            "Date Key",
            days().map(|d| Some(d.month_key() * 100 + d.day)),
        )
        .int16("Year", days().map(|d| Some(d.year as i16)))
        .text("Quarter", days().map(|d| Some(format!("Q{}", d.quarter()))))
        .text(
            "Month",
            days().map(|d| Some(MONTHS[d.month as usize - 1].to_string())),
        )
        .int16("Month Number", days().map(|d| Some(d.month as i16)))
        .int32("Month Key", days().map(|d| Some(d.month_key())))
        .text(
            "Weekday",
            days().map(|d| Some(WEEKDAYS[d.weekday as usize - 1].to_string())),
        )
        .int16("Weekday Number", days().map(|d| Some(d.weekday as i16)))
        .text(
            "Fiscal Year",
            days().map(|d| Some(format!("FY{}", d.fiscal_year()))),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(days: i32, expected: (i32, i32, i32, i32)) {
        let day = Day::of(days);
        assert_eq!((day.year, day.month, day.day, day.weekday), expected);
    }

    #[test]
    fn days_of_the_calendar() {
        check(0, (1970, 1, 1, 4));
        check(FIRST_DAY, (2021, 1, 1, 5));
        check(19_782, (2024, 2, 29, 4));
        check(END - 1, (2024, 12, 31, 2));
    }
}

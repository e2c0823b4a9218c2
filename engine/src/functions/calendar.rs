//! The proleptic Gregorian calendar, as days since 1 January 1970.

use crate::value::DAY;

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

/// 1 January of year 1 and 31 December of year 9999: the range of dates.
const FIRST_DAY: i64 = -719_162;
const LAST_DAY: i64 = 2_932_896;

/// Days since 1970. A month beyond 1 to 12 or a day beyond its month counts on from there, as DATE does.
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is the last of its year.
    let months = year * 12 + month - 3;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days`].
pub fn civil(days: i64) -> Civil {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Civil {
        year,
        month,
        day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
    }
}

pub fn is_leap(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

pub fn days_in_month(year: i64, month: i64) -> i64 {
    days(year, month + 1, 1) - days(year, month, 1)
}

/// The same day of another month, or that month's last day where it is shorter.
pub fn add_months(day: i64, months: i64) -> i64 {
    let from = civil(day);
    let first = days(from.year, from.month + months, 1);
    let to = civil(first);
    first + from.day.min(days_in_month(to.year, to.month)) - 1
}

/// 0 is Sunday.
pub fn weekday(day: i64) -> i64 {
    // 1 January 1970 was a Thursday.
    (day + 4).rem_euclid(7)
}

pub fn in_range(day: i64) -> bool {
    (FIRST_DAY..=LAST_DAY).contains(&day)
}

/// The day and the microseconds since its midnight.
pub fn split(micros: i64) -> (i64, i64) {
    (micros.div_euclid(DAY), micros.rem_euclid(DAY))
}

pub const MONTHS: [&str; 12] = [
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

/// From Sunday.
pub const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_civil_are_inverse() {
        for day in (FIRST_DAY..=LAST_DAY)
            .step_by(37)
            .chain([0, -1, -25_569, 11_016, 11_017, LAST_DAY])
        {
            let date = civil(day);
            assert_eq!(days(date.year, date.month, date.day), day);
        }
        assert_eq!(
            civil(FIRST_DAY),
            Civil {
                year: 1,
                month: 1,
                day: 1
            }
        );
        assert_eq!(
            civil(LAST_DAY),
            Civil {
                year: 9999,
                month: 12,
                day: 31
            }
        );
        assert_eq!(
            civil(-25_569),
            Civil {
                year: 1899,
                month: 12,
                day: 30
            }
        );
    }

    #[test]
    fn months_end_where_they_end() {
        assert_eq!(
            civil(add_months(days(2024, 1, 31), 1)),
            Civil {
                year: 2024,
                month: 2,
                day: 29
            }
        );
        assert_eq!(
            civil(add_months(days(2023, 3, 31), -1)),
            Civil {
                year: 2023,
                month: 2,
                day: 28
            }
        );
        assert_eq!(weekday(days(2024, 2, 29)), 4);
        assert_eq!(days(2020, 14, 1), days(2021, 2, 1));
        assert!(is_leap(2000) && !is_leap(1900));
    }
}

//! Date and time functions of values. A BLANK date is day zero, 30 December 1899.

use super::arguments::*;
use super::calendar::{self, civil};
use super::daycount::Basis;
use super::format::date_order;
use super::registry::{Environment, Function, Types};
use crate::convert;
use crate::error::Failure;
use crate::value::{DAY, DataType, EPOCH_DAYS, Value};

const WHOLE: Types = Types::Always(DataType::Integer);
const DATE: Types = Types::Always(DataType::DateTime);

super::scalars! { TABLE, "Date and time":
    "DATE" "(year, month, day)" 3 3 DATE => date;
    "DATEDIFF" "(date, date, interval)" 3 3 WHOLE => date_diff;
    "DATEVALUE" "(date text)" 1 1 DATE => date_value;
    "DAY" "(date)" 1 1 WHOLE => |a, _| Ok(Value::Integer(civil(day("DAY", a, 0)?).day));
    "EDATE" "(date, months)" 2 2 DATE => |a, _| months("EDATE", a, truncated("EDATE", a, 1)?, |day| day);
    "EOMONTH" "(date, months)" 2 2 DATE => |a, _| months("EOMONTH", a, integer("EOMONTH", a, 1)?, end_of_month);
    "HOUR" "(time)" 1 1 WHOLE => |a, _| Ok(Value::Integer(second_of_day("HOUR", a)? / 3_600));
    "MINUTE" "(time)" 1 1 WHOLE => |a, _| Ok(Value::Integer(second_of_day("MINUTE", a)? / 60 % 60));
    "MONTH" "(date)" 1 1 WHOLE => |a, _| Ok(Value::Integer(civil(day("MONTH", a, 0)?).month));
    "NETWORKDAYS" "(start, end, [weekend], [holidays])" 2 4 WHOLE => network_days;
    "NOW" "()" 0 0 DATE => |_, e| Ok(Value::DateTime(e.clock().local));
    "QUARTER" "(date)" 1 1 WHOLE => quarter;
    "SECOND" "(time)" 1 1 WHOLE => |a, _| Ok(Value::Integer(second_of_day("SECOND", a)? % 60));
    "TIME" "(hour, minute, second)" 3 3 DATE => time;
    "TIMEVALUE" "(time text)" 1 1 DATE => time_value;
    "TODAY" "()" 0 0 DATE => |_, e| Ok(midnight(e.clock().local));
    "UTCNOW" "()" 0 0 DATE => |_, e| Ok(Value::DateTime(e.clock().utc));
    "UTCTODAY" "()" 0 0 DATE => |_, e| Ok(midnight(e.clock().utc));
    "WEEKDAY" "(date, [return type])" 1 2 WHOLE => weekday;
    "WEEKNUM" "(date, [return type])" 1 2 WHOLE => week_number;
    "YEAR" "(date)" 1 1 WHOLE => |a, _| Ok(Value::Integer(civil(day("YEAR", a, 0)?).year));
    "YEARFRAC" "(start, end, [basis])" 2 3 Types::Always(DataType::Double) => year_fraction;
}

fn midnight(micros: i64) -> Value {
    Value::DateTime(micros.div_euclid(DAY) * DAY)
}

/// A day as a value, unless it is beyond the calendar.
pub(super) fn from_day(function: &str, day: i64) -> Outcome {
    if calendar::in_range(day) {
        Ok(Value::DateTime(day * DAY))
    } else {
        Err(undefined(function, "the date is out of range"))
    }
}

/// To the nearest second, as a time is shown.
fn second_of_day(function: &str, arguments: &[Value]) -> Result<i64, Failure> {
    let micros = moment(function, arguments, 0)?.rem_euclid(DAY);
    Ok((micros + 500_000) / 1_000_000 % 86_400)
}

fn date(arguments: &[Value], _: &Environment) -> Outcome {
    let (year, month, day) = (
        integer("DATE", arguments, 0)?,
        integer("DATE", arguments, 1)?,
        integer("DATE", arguments, 2)?,
    );
    let year = match year {
        0..=49 => 2000 + year,
        50..=99 => 1900 + year,
        100..=9999 => year,
        // Years before 1900 may be counted back from it.
        -1800..=-1 => 1900 + year,
        _ => {
            return Err(undefined(
                "DATE",
                "the year is to be between -1800 and 9999",
            ));
        }
    };
    // Ten thousand years hold fewer months and days than this.
    let reach = -4_000_000..=4_000_000;
    if !reach.contains(&month) || !reach.contains(&day) {
        return Err(undefined("DATE", "the date is out of range"));
    }
    from_day("DATE", calendar::days(year, month, 1) + day - 1)
}

fn time(arguments: &[Value], _: &Environment) -> Outcome {
    let mut seconds = 0;
    for (i, unit) in [3_600, 60, 1].into_iter().enumerate() {
        let part = integer("TIME", arguments, i)?;
        if !(0..=32_767).contains(&part) {
            return Err(undefined(
                "TIME",
                "hours, minutes and seconds are to be between 0 and 32767",
            ));
        }
        seconds += part * unit;
    }
    Ok(Value::DateTime(
        seconds % 86_400 * 1_000_000 - EPOCH_DAYS * DAY,
    ))
}

fn date_value(arguments: &[Value], environment: &Environment) -> Outcome {
    match argument(arguments, 0) {
        Value::Blank => Ok(Value::Blank),
        Value::DateTime(micros) => Ok(midnight(*micros)),
        Value::Text(text) => {
            let order = date_order(environment.model_culture());
            // A text with a year says nothing of today.
            let today = || civil(environment.clock().local.div_euclid(DAY)).year;
            convert::date_in_order(text, None, order)
                .or_else(|| convert::date_in_order(text, Some(today()), order))
                .map(midnight)
                .ok_or_else(|| mistyped("DATEVALUE", 0, "a date"))
        }
        _ => Ok(midnight(moment("DATEVALUE", arguments, 0)?)),
    }
}

fn time_value(arguments: &[Value], _: &Environment) -> Outcome {
    if !given(arguments, 0) {
        return Ok(Value::Blank);
    }
    let time = moment("TIMEVALUE", arguments, 0)
        .map_err(|_| mistyped("TIMEVALUE", 0, "a time"))?
        .rem_euclid(DAY);
    Ok(Value::DateTime(time - EPOCH_DAYS * DAY))
}

fn months(
    function: &'static str,
    arguments: &[Value],
    months: i64,
    place: fn(i64) -> i64,
) -> Outcome {
    let from = day(function, arguments, 0)?;
    if !(-200_000..=200_000).contains(&months) {
        return Err(undefined(function, "the date is out of range"));
    }
    from_day(function, place(calendar::add_months(from, months)))
}

fn end_of_month(day: i64) -> i64 {
    let date = civil(day);
    day - date.day + calendar::days_in_month(date.year, date.month)
}

fn quarter(arguments: &[Value], _: &Environment) -> Outcome {
    if !given(arguments, 0) {
        return Ok(Value::Blank);
    }
    Ok(Value::Integer(
        (civil(day("QUARTER", arguments, 0)?).month + 2) / 3,
    ))
}

fn weekday(arguments: &[Value], _: &Environment) -> Outcome {
    let from_sunday = calendar::weekday(day("WEEKDAY", arguments, 0)?);
    Ok(Value::Integer(
        match integer_or("WEEKDAY", arguments, 1, 1)? {
            1 | 17 => from_sunday + 1,
            2 => (from_sunday + 6) % 7 + 1,
            3 => (from_sunday + 6) % 7,
            // 11 counts from Monday, 12 from Tuesday, and so on.
            n @ 11..=16 => (from_sunday + 17 - n) % 7 + 1,
            _ => {
                return Err(undefined(
                    "WEEKDAY",
                    "the return type is none of 1, 2, 3, and 11 to 17",
                ));
            }
        },
    ))
}

fn week_number(arguments: &[Value], _: &Environment) -> Outcome {
    let day = day("WEEKNUM", arguments, 0)?;
    let first_weekday = match integer_or("WEEKNUM", arguments, 1, 1)? {
        1 | 17 => 0,
        2 | 11 => 1,
        n @ 12..=16 => n - 10,
        21 => return Ok(Value::Integer(iso_week(day))),
        _ => {
            return Err(undefined(
                "WEEKNUM",
                "the return type is none of 1, 2, 11 to 17, and 21",
            ));
        }
    };
    let january = calendar::days(civil(day).year, 1, 1);
    let before = (calendar::weekday(january) - first_weekday).rem_euclid(7);
    Ok(Value::Integer((day - january + before) / 7 + 1))
}

/// The week of a Thursday belongs to the Thursday's year.
fn iso_week(day: i64) -> i64 {
    let thursday = day - (calendar::weekday(day) + 6) % 7 + 3;
    (thursday - calendar::days(civil(thursday).year, 1, 1)) / 7 + 1
}

fn date_diff(arguments: &[Value], _: &Environment) -> Outcome {
    if !given(arguments, 0) && !given(arguments, 1) {
        return Ok(Value::Blank);
    }
    let (from, to) = (
        moment("DATEDIFF", arguments, 0)?,
        moment("DATEDIFF", arguments, 1)?,
    );
    let interval = text(arguments, 2).to_ascii_uppercase();
    let passed: fn(i64) -> i64 = match interval.as_str() {
        "SECOND" => |t| t.div_euclid(1_000_000),
        "MINUTE" => |t| t.div_euclid(60_000_000),
        "HOUR" => |t| t.div_euclid(3_600_000_000),
        "DAY" => |t| t.div_euclid(DAY),
        // Weeks begin on Sunday; 1 January 1970 was a Thursday.
        "WEEK" => |t| (t.div_euclid(DAY) + 4).div_euclid(7),
        "MONTH" => |t| months_passed(t),
        "QUARTER" => |t| months_passed(t).div_euclid(3),
        "YEAR" => |t| months_passed(t).div_euclid(12),
        _ => {
            return Err(undefined(
                "DATEDIFF",
                "the interval is none of SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER and YEAR",
            ));
        }
    };
    Ok(Value::Integer(passed(to) - passed(from)))
}

fn months_passed(micros: i64) -> i64 {
    let date = civil(micros.div_euclid(DAY));
    date.year * 12 + date.month - 1
}

fn year_fraction(arguments: &[Value], _: &Environment) -> Outcome {
    let (from, to) = (
        day("YEARFRAC", arguments, 0)?,
        day("YEARFRAC", arguments, 1)?,
    );
    let basis = if given(arguments, 2) {
        truncated("YEARFRAC", arguments, 2)?
    } else {
        0
    };
    let basis = Basis::from_number(basis)
        .ok_or_else(|| undefined("YEARFRAC", "the basis is to be between 0 and 4"))?;
    Ok(Value::Double(basis.years(from, to)))
}

fn network_days(arguments: &[Value], _: &Environment) -> Outcome {
    if !given(arguments, 0) && !given(arguments, 1) {
        return Ok(Value::Blank);
    }
    let (from, to) = (
        day("NETWORKDAYS", arguments, 0)?,
        day("NETWORKDAYS", arguments, 1)?,
    );
    let weekend = integer_or("NETWORKDAYS", arguments, 2, 1)?;
    let weekend = weekend_days(weekend)
        .ok_or_else(|| undefined("NETWORKDAYS", "the weekend is none of 1 to 7 and 11 to 17"))?;
    Ok(Value::Integer(work_days(from, to, &weekend, &[])))
}

/// Which days of the week, from Sunday, a weekend number means.
pub fn weekend_days(number: i64) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    match number {
        1..=7 => {
            days[((number + 5) % 7) as usize] = true;
            days[((number + 6) % 7) as usize] = true;
        }
        11..=17 => days[(number - 11) as usize] = true,
        _ => return None,
    }
    Some(days)
}

/// The work days from one day to another, both included; negative when they are the wrong way round. Holidays are
/// days since 1970, in any order, repeated or not.
pub fn work_days(from: i64, to: i64, weekend: &[bool; 7], holidays: &[i64]) -> i64 {
    let (first, last, sign) = if from <= to {
        (from, to, 1)
    } else {
        (to, from, -1)
    };
    let works = |day: i64| !weekend[calendar::weekday(day) as usize];
    let weeks = (last - first + 1) / 7;
    let a_week = weekend.iter().filter(|free| !**free).count() as i64;
    let rest = (first + weeks * 7..=last).filter(|&day| works(day)).count() as i64;
    let mut free: Vec<i64> = holidays
        .iter()
        .copied()
        .filter(|&day| (first..=last).contains(&day) && works(day))
        .collect();
    free.sort_unstable();
    free.dedup();
    sign * (weeks * a_week + rest - free.len() as i64)
}

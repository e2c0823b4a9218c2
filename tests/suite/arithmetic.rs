//! What operators give for values of several types, on the small model of `functions`.

use crate::functions::check;

#[test]
fn a_date_taken_from_a_number_leaves_a_number() {
    check("5 - DATE ( 2020, 1, 2 )", "-43827");
    check("ISDATETIME ( 5 - DATE ( 2020, 1, 2 ) )", "FALSE");
    check("ISDOUBLE ( CURRENCY ( 5 ) - DATE ( 2020, 1, 2 ) )", "TRUE");
    check("DATE ( 2020, 1, 2 ) - 5", "12/28/2019");
    check("DATE ( 2020, 1, 3 ) - DATE ( 2020, 1, 2 )", "12/31/1899");
    check("5 + DATE ( 2020, 1, 2 )", "1/7/2020");
}

#[test]
fn times_of_day_keep_their_digits_as_numbers() {
    check("TIME ( 12, 30, 0 ) * 24 = 12.5", "TRUE");
    check("TIME ( 1, 0, 0 ) * 24 = 1", "TRUE");
    check("TIME ( 14, 30, 15 ) * 86400 = 52215", "TRUE");
    check("VALUE ( \"12:30\" ) & \"\"", "0.520833333333333");
    check(
        "CONVERT ( TIME ( 12, 30, 45 ), DOUBLE )",
        "0.521354166666667",
    );
    check("DATE ( 2020, 1, 2 ) * 1", "43832");
}

/// So that a date, a space and a time make the text of a moment.
#[test]
fn a_time_of_day_is_written_without_its_day() {
    check("TIME ( 14, 5, 6 ) & \"\"", "2:05:06 PM");
    check("TIME ( 0, 0, 0 ) & \"\"", "12:00:00 AM");
    check(
        "VALUE ( DATE ( 2020, 1, 2 ) & \" \" & TIME ( 12, 0, 0 ) )",
        "43832.5",
    );
    check("DATE ( 1899, 12, 31 ) & \"\"", "12/31/1899");
}

#[test]
fn no_second_is_lost_between_dates_and_numbers() {
    let moment = "( DATE ( 2094, 7, 2 ) + TIME ( 20, 15, 21 ) )";
    check(moment, "7/2/2094 8:15:21 PM");
    check(&format!("SECOND ( {moment} )"), "21");
    check(
        &format!("CONVERT ( {moment} * 1, DATETIME )"),
        "7/2/2094 8:15:21 PM",
    );
    check(&format!("{moment} - DATE ( 2094, 7, 2 )"), "8:15:21 PM");
    check(&format!("{moment} + 1 / 24"), "7/2/2094 9:15:21 PM");
    check("DATE ( 9999, 12, 31 ) + 1", "error");
}

/// BLANK among dates is day zero, 30 December 1899.
#[test]
fn a_blank_date_is_a_date() {
    let none = "CALCULATE ( MAX ( Lines[Day] ), Lines[Key] = 99 )";
    check(&format!("{none} + 5"), "1/4/1900");
    check(&format!("{none} - 1"), "12/29/1899");
    check(&format!("{none} + {none}"), "BLANK");
    check(
        "CONCATENATEX ( Lines, IF ( Lines[Key] < 3, Lines[Day] ) + 1, \" \", Lines[Key] )",
        "1/2/2024 2/2/2024 12/31/1899 12/31/1899 12/31/1899",
    );
}

//! Periods of time over columns of dates, on the small model of `functions`.

use crate::functions::check;

#[test]
fn a_year_ends_where_a_constant_says() {
    check(
        "CALCULATE ( TOTALYTD ( [Total], Lines[Day], ALL ( Lines ) ), Lines[Key] = 2 )",
        "30",
    );
    check(
        "CALCULATE ( TOTALYTD ( [Total], Lines[Day], ALL ( Lines ), \"1-31\" ), Lines[Key] = 2 )",
        "20",
    );
    check("TOTALYTD ( [Total], Lines[Day] )", "BLANK");
    check("TOTALYTD ( [Total], Lines[Day], \"1-31\" )", "90");
    check("TOTALYTD ( [Total], Lines[Day], , \"1-31\" )", "90");
    let rows = |end: &str| format!("COUNTROWS ( DATESYTD ( Lines[Day], {end} ) )");
    check(&rows("\"31 January\""), "4");
    check(&rows("DATE ( 2024, 1, 31 )"), "4");
    check(&rows("\"1-\" & 31"), "4");
    check(&rows("Lines[Day]"), "error");
    check(&rows("MAX ( Lines[Day] )"), "error");
    check(
        "VAR End = \"1-31\" RETURN COUNTROWS ( DATESYTD ( Lines[Day], End ) )",
        "error",
    );
    check(
        "VAR End = \"1-31\" RETURN COUNTROWS ( PREVIOUSYEAR ( Lines[Day], End ) )",
        "error",
    );
}

#[test]
fn a_total_takes_one_filter_and_a_year_end_only_by_years() {
    check("TOTALYTD ( [Total], Lines[Day], Lines[Key] > 1 )", "BLANK");
    check(
        "TOTALYTD ( [Total], Lines[Day], Lines[Key] > 1, Lines[Key] < 4 )",
        "error",
    );
    check(
        "CLOSINGBALANCEYEAR ( [Total], Lines[Day], Lines[Key] > 1, ALL ( Lines ) )",
        "error",
    );
    for function in [
        "TOTALMTD",
        "TOTALQTD",
        "OPENINGBALANCEMONTH",
        "OPENINGBALANCEQUARTER",
        "CLOSINGBALANCEMONTH",
        "CLOSINGBALANCEQUARTER",
    ] {
        check(
            &format!("{function} ( [Total], Lines[Day], \"1-31\" )"),
            "error",
        );
    }
}

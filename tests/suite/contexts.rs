//! Contexts where expressions are evaluated, and what may stand there, on the small model of `functions`.

use crate::functions::check;

#[test]
fn switch_meets_blank_with_blank_alone() {
    check("SWITCH ( 0, BLANK (), 10, 99 )", "99");
    check("SWITCH ( BLANK (), 0, 10, 99 )", "99");
    check("SWITCH ( \"\", BLANK (), 10, 99 )", "99");
    check("SWITCH ( BLANK (), FALSE (), 10, 99 )", "99");
    check("SWITCH ( BLANK (), BLANK (), 10, 99 )", "10");
    check("SWITCH ( 1.0, 1, 10, 99 )", "10");
    check("SWITCH ( TRUE (), BLANK (), 10, 99 )", "99");
    check(
        "SUMX ( Lines, SWITCH ( Lines[Amount], BLANK (), 1, 0, 2, 20, 3 ) )",
        "7",
    );
}

#[test]
fn aggregates_of_groupby_read_the_group_alone() {
    let rows = |expression: &str| {
        format!(
            "COUNTROWS ( GROUPBY ( Lines, Lines[Group], \"n\", SUMX ( CURRENTGROUP (), {expression} ) ) )"
        )
    };
    check(&rows("Lines[Amount] * 2"), "2");
    check(&rows("[Total]"), "error");
    check(&rows("CALCULATE ( SUM ( Lines[Amount] ) )"), "error");
    check(
        "MAXX ( GROUPBY ( ADDCOLUMNS ( VALUES ( Lines[Group] ), \"Total\", [Total] ), \"t\", SUMX ( CURRENTGROUP (), [Total] ) ), [t] )",
        "100",
    );
}

#[test]
fn conditions_refuse_measures_named_with_their_table() {
    check(
        "CALCULATE ( COUNTROWS ( Lines ), Lines[Amount] = Lines[Total] )",
        "error",
    );
    check(
        "CALCULATE ( COUNTROWS ( Lines ), Lines[Amount] = [Total] )",
        "error",
    );
    check(
        "CALCULATE ( COUNTROWS ( Lines ), Lines[Amount] = MAX ( Lines[Amount] ) )",
        "1",
    );
}

//! Window functions: OFFSET, INDEX, WINDOW, RANK and ROWNUMBER, from rows and in the filter context.

use crate::functions::check;

#[test]
fn windows_from_a_current_row() {
    let keys = |window: &str| {
        format!(
            "CONCATENATEX ( Lines, CONCATENATEX ( {window}, Lines[Key], \"\", Lines[Key] ), \" \", Lines[Key] )"
        )
    };
    check(
        &keys("OFFSET ( -1, Lines, ORDERBY ( Lines[Key] ) )"),
        " 1 2 3 4",
    );
    check(
        &keys("OFFSET ( 1, Lines, ORDERBY ( Lines[Key], DESC ), PARTITIONBY ( Lines[Group] ) )"),
        " 1  3 4",
    );
    check(
        &keys("OFFSET ( 1, Lines, PARTITIONBY ( Names[Group] ) )"),
        "2  4 5 ",
    );
    check(
        &keys("INDEX ( -1, Lines, ORDERBY ( Lines[Key] ), PARTITIONBY ( Lines[Group] ) )"),
        "2 2 5 5 5",
    );
    check(&keys("INDEX ( 0, Lines, ORDERBY ( Lines[Key] ) )"), "    ");
    check(
        &keys("WINDOW ( -1, REL, 1, REL, Lines, ORDERBY ( Lines[Key] ) )"),
        "12 123 234 345 45",
    );
    check(
        &keys("WINDOW ( 1, ABS, 0, REL, Lines, ORDERBY ( Lines[Key] ) )"),
        "1 12 123 1234 12345",
    );
    check(
        &keys(
            "WINDOW ( 2, ABS, -1, ABS, Lines, ORDERBY ( Lines[Key] ), , PARTITIONBY ( Lines[Group] ) )",
        ),
        "2 2 45 45 45",
    );
    check(
        &keys("WINDOW ( 3, REL, 9, REL, Lines, ORDERBY ( Lines[Key] ) )"),
        "45 5   ",
    );
    // The order leaves 2 and 3 equal: another column tells them apart.
    check(
        &keys("OFFSET ( 1, Lines, ORDERBY ( Lines[Amount], ASC ), LAST )"),
        "2 3 4 5 ",
    );
    check(
        &keys("OFFSET ( 1, Lines, ORDERBY ( Lines[Amount], DESC BLANKS FIRST ) )"),
        " 3 1 2 4",
    );
    check(
        "COUNTROWS ( OFFSET ( 1, UNION ( { 1 }, { 1 } ) ) )",
        "error",
    );
    check(
        "SUMX ( Lines, SUMX ( Lines, ROWNUMBER ( Lines, ORDERBY ( Lines[Key] ) ) ) )",
        "error",
    );
    check(
        "COUNTROWS ( INDEX ( 1, UNION ( VALUES ( Lines[Group] ), VALUES ( Lines[Group] ) ) ) )",
        "error",
    );
}

#[test]
fn places_of_a_current_row() {
    let places = |place: &str| format!("CONCATENATEX ( Lines, {place}, \" \", Lines[Key] )");
    check(
        &places("ROWNUMBER ( Lines, ORDERBY ( Lines[Key], DESC ) )"),
        "5 4 3 2 1",
    );
    check(
        &places("ROWNUMBER ( Lines, ORDERBY ( Lines[Amount] ) )"),
        "2 3 4 5 1",
    );
    check(
        &places("RANK ( Lines, ORDERBY ( Lines[Amount], DESC ) )"),
        "4 2 2 1 5",
    );
    check(
        &places("RANK ( DENSE, Lines, ORDERBY ( Lines[Amount], DESC ) )"),
        "3 2 2 1 4",
    );
    check(
        &places("RANK ( SKIP, Lines, ORDERBY ( Lines[Amount] ), LAST )"),
        "1 2 2 4 5",
    );
    check(
        &places("RANK ( DENSE, Lines, ORDERBY ( Lines[Amount] ), PARTITIONBY ( Lines[Group] ) )"),
        "1 2 2 3 1",
    );
    check(
        &places("ROWNUMBER ( ORDERBY ( Lines[Key] ), MATCHBY ( Lines[Key] ) )"),
        "1 2 3 4 5",
    );
    // MATCHBY and PARTITIONBY together must tell every row from the others; equal rows share a rank all the same.
    check(
        &places("ROWNUMBER ( Lines, ORDERBY ( Lines[Key] ), MATCHBY ( Lines[Group] ) )"),
        "error",
    );
    check(
        &places(
            "ROWNUMBER ( Lines, ORDERBY ( Lines[Key] ), PARTITIONBY ( Lines[Group] ), MATCHBY ( Lines[Day] ) )",
        ),
        "1 2 1 2 3",
    );
    check(
        &places("RANK ( Lines, ORDERBY ( Lines[Group] ), MATCHBY ( Lines[Group] ) )"),
        "1 1 3 3 3",
    );
    check(
        "ROWNUMBER ( ALL ( Lines[Key] ), ORDERBY ( Lines[Key] ) )",
        "BLANK",
    );
    check("ORDERBY ( Lines[Key] )", "error");
    check("ROWNUMBER ( Lines, ORDERBY ( Lines[Key] ), 1 )", "error");
}

#[test]
fn windows_in_the_filter_context() {
    // As filters of CALCULATE: the values that the filter context leaves are current.
    let by_group = |expression: &str| {
        format!(
            "CONCATENATEX ( VALUES ( Names[Group] ), CALCULATE ( {expression} ), \" \", Names[Group] )"
        )
    };
    let before = "OFFSET ( -1, ALLSELECTED ( Names[Group] ), ORDERBY ( Names[Group] ) )";
    check(
        &by_group(&format!("CALCULATE ( [Total], {before} )")),
        " 30 70",
    );
    let until = "WINDOW ( 1, ABS, 0, REL, ORDERBY ( Names[Group] ) )";
    check(
        &by_group(&format!("CALCULATE ( [Total], {until} )")),
        "30 100 100",
    );
    check(
        &by_group("RANK ( DENSE, ALLSELECTED ( Names[Group] ), ORDERBY ( [Total], DESC ) )"),
        "2 1 3",
    );
    check(
        &by_group("ROWNUMBER ( ALL ( Names[Group] ), ORDERBY ( Names[Group] ) )"),
        "1 2 3",
    );
    // A total: every group is current, and the groups before them are put together.
    check(&format!("CALCULATE ( [Total], {before} )"), "100");
    check(
        "RANK ( ALL ( Names[Group] ), ORDERBY ( Names[Group] ) )",
        "BLANK",
    );
    check(
        "CALCULATE ( COUNTROWS ( INDEX ( 1, ALL ( Lines[Group], Lines[Key] ), ORDERBY ( Lines[Key] ), PARTITIONBY ( Lines[Group] ) ) ), Lines[Group] = \"b\" )",
        "1",
    );
}

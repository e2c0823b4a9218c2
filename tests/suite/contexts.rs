//! Contexts where expressions are evaluated, and what may stand there, on the small model of `functions`.

use crate::functions::check;

#[test]
fn switch_meets_blank_with_blank_and_false() {
    check("SWITCH ( 0, BLANK (), 10, 99 )", "99");
    check("SWITCH ( BLANK (), 0, 10, 99 )", "99");
    check("SWITCH ( \"\", BLANK (), 10, 99 )", "99");
    check("SWITCH ( BLANK (), FALSE (), 10, 99 )", "10");
    check(
        "SWITCH ( BLANK (), 0, \"zero\", TRUE (), \"true\", BLANK (), \"blank\", FALSE (), \"false\" )",
        "blank",
    );
    check(
        "SWITCH ( BLANK (), 0, \"zero\", TRUE (), \"true\", FALSE (), \"false\", BLANK (), \"blank\" )",
        "false",
    );
    check(
        "SWITCH ( COUNTROWS ( FILTER ( Lines, FALSE () ) ), 0, \"zero\", 1, \"one\", \"other\" )",
        "other",
    );
    check("SWITCH ( BLANK (), BLANK (), 10, 99 )", "10");
    check("SWITCH ( 1.0, 1, 10, 99 )", "10");
    check("SWITCH ( TRUE (), BLANK (), 10, 99 )", "99");
    check(
        "SUMX ( Lines, SWITCH ( Lines[Amount], BLANK (), 1, 0, 2, 20, 3 ) )",
        "7",
    );
}

#[test]
fn blank_beside_logical_values_is_false() {
    check("IF ( 1 = 1, BLANK (), TRUE () )", "FALSE");
    check("IF ( 1 <> 1, TRUE (), BLANK () )", "FALSE");
    check("IF ( 1 <> 1, BLANK (), TRUE () )", "TRUE");
    check("SWITCH ( 1, 1, BLANK (), 2, TRUE () )", "FALSE");
    check("IF ( 1 = 1, BLANK (), 5 )", "BLANK");
    check("IF ( 1 = 1, BLANK (), BLANK () )", "BLANK");
    check(
        "IF ( 1 = 1, MINX ( FILTER ( Lines, Lines[Key] = 5 ), Lines[Amount] ), 5 )",
        "BLANK",
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

#[test]
fn allselected_brings_back_what_iterators_go_through() {
    let each = |rows: &str, expression: &str, filter: &str| {
        format!(
            "CONCATENATEX ( CALCULATETABLE ( ADDCOLUMNS ( {rows}, \"s\", {expression} ), {filter} ), [s], \" \" )"
        )
    };
    let selected = "CALCULATE ( [Total], ALLSELECTED ( Names[Group] ) )";
    check(
        &each("VALUES ( Names[Group] )", selected, "Names[Group] = \"a\""),
        "30",
    );
    // The rows of the iterator count, not the filter around it.
    check(
        &each("ALL ( Names[Group] )", selected, "Names[Group] = \"a\""),
        "100 100 100",
    );
    check(
        &each("ALL ( Names )", selected, "Names[Group] = \"a\""),
        "30 70 ",
    );
    check(
        &each(
            "ALL ( Names )",
            "CALCULATE ( [Total], ALLSELECTED ( Names ) )",
            "Names[Group] = \"a\"",
        ),
        "100 100 100",
    );
    // Each column has an iterator of its own.
    check(
        "SUMX ( VALUES ( Names[Group] ), CALCULATE ( SUMX ( VALUES ( Lines[Flag] ), CALCULATE ( [Total], ALLSELECTED () ) ) ) )",
        "500",
    );
    check(
        "CONCATENATEX ( CALCULATETABLE ( GENERATE ( ALL ( Names[Group] ), ADDCOLUMNS ( ALL ( Names[Long Name] ), \"n\", COUNTROWS ( ALLSELECTED ( Names ) ) ) ), Names[Group] = \"a\", Names[Long Name] = \"Alpha\" ), [n], \"\" )",
        "333333333",
    );
    check(
        "CONCATENATEX ( CALCULATETABLE ( ADDCOLUMNS ( ALL ( Names[Long Name] ), \"n\", COUNTROWS ( ALLSELECTED ( Names ) ) ), Names[Group] = \"a\", Names[Long Name] = \"Beta\" ), [n], \"\" )",
        "111",
    );
}

#[test]
fn allselected_of_a_column_is_left_alone_by_filters_of_others() {
    let counted =
        |table: &str, filter: &str| format!("CALCULATE ( COUNTROWS ( {table} ), {filter} )");
    check(
        &counted(
            "ALLSELECTED ( Names[Group] )",
            "Names[Long Name] = \"Alpha\"",
        ),
        "3",
    );
    check(
        &counted("ALLSELECTED ( Names[Group] )", "Names[Group] = \"a\""),
        "1",
    );
    check(
        &counted("ALLSELECTED ( Names )", "Names[Long Name] = \"Alpha\""),
        "1",
    );
    check(
        &counted(
            "VALUES ( Names[Group] )",
            "Names[Long Name] = \"Alpha\", ALLSELECTED ( Names[Group] )",
        ),
        "1",
    );
}

#[test]
fn groups_of_summarize_filter_by_all_columns_of_their_rows() {
    check(
        "CONCATENATEX ( SUMMARIZE ( ALL ( Lines[Group], Lines[Amount] ), Lines[Group], \"x\", CALCULATE ( [Total], REMOVEFILTERS ( Lines[Group] ) ) ), Lines[Group] & [x], \" \", Lines[Group] )",
        "a50 b90",
    );
    check(
        "CONCATENATEX ( SUMMARIZE ( ADDCOLUMNS ( VALUES ( Names[Group] ), \"Size\", IF ( [Total] > 50, \"big\", \"small\" ) ), [Size], \"x\", [Total] ), [Size] & [x], \" \", [Size] )",
        "big70 small30",
    );
    check(
        "CONCATENATEX ( SUMMARIZE ( SELECTCOLUMNS ( Lines, \"Size\", IF ( Lines[Amount] > 20, \"big\", \"small\" ) ), [Size], \"x\", [Total] ), [Size] & [x], \" \", [Size] )",
        "big100 small100",
    );
    check(
        "CONCATENATEX ( SUMMARIZE ( SUMMARIZE ( Lines, Names[Group] ), Names[Group], \"x\", CALCULATE ( [Total], REMOVEFILTERS ( Names[Group] ) ) ), [x], \" \" )",
        "100 100",
    );
}

#[test]
fn substitutewithindex_joins_by_origin_or_by_computed_name() {
    let places = |table: &str, index: &str| {
        format!(
            "CONCATENATEX ( SUBSTITUTEWITHINDEX ( {table}, \"i\", {index}, ASC ), [i], \" \", [i] )"
        )
    };
    let renamed = "SELECTCOLUMNS ( Names, \"g\", Names[Group] )";
    let computed = "SELECTCOLUMNS ( Names, \"g\", Names[Group] & \"\" )";
    let written = "SELECTCOLUMNS ( { \"c\", \"a\" }, \"g\", [Value] ), [g]";
    let listed = "FILTER ( VALUES ( Names[Group] ), Names[Group] > \"a\" ), Names[Group]";
    check(&places(renamed, listed), "0 1");
    check(&places(computed, written), "0 1");
    check(&places(renamed, written), "error");
    check(&places(computed, listed), "error");
}

#[test]
fn new_columns_may_be_named_as_columns_of_a_table() {
    let sums = "ADDCOLUMNS ( VALUES ( Lines[Group] ), \"sums[t]\", [Total] )";
    check(&format!("SUMX ( {sums}, sums[t] )"), "100");
    check(
        &format!("VAR sums = {sums} RETURN SUMX ( sums, 'sums'[t] )"),
        "100",
    );
    check(&format!("SUMX ( {sums}, other[t] )"), "error");
    check(
        "SUMX ( SELECTCOLUMNS ( Lines, \"'by line'[t]\", Lines[Amount] ), 'by line'[t] )",
        "100",
    );
    check(
        "COUNTROWS ( GROUPBY ( SELECTCOLUMNS ( Lines, \"g[c]\", Lines[Group], \"g[n]\", Lines[Amount] ), g[c], \"n\", SUMX ( CURRENTGROUP (), g[n] ) ) )",
        "2",
    );
    check(
        "SUMX ( ADDCOLUMNS ( VALUES ( Lines[Group] ), \"t [%]\", [Total] ), [t [%]]] )",
        "100",
    );
}

#[test]
fn text_is_not_compared_with_other_values_in_sets() {
    for function in ["INTERSECT", "EXCEPT"] {
        let rows = |right: &str| {
            format!("COUNTROWS ( {function} ( VALUES ( Lines[Group] ), {right} ) ) + 0")
        };
        check(&rows("{ 1 }"), "error");
        check(&rows("{ DATE ( 2024, 1, 1 ) }"), "error");
        let left = if function == "EXCEPT" { "2" } else { "0" };
        check(&rows("{ BLANK () }"), left);
        check(&rows("{ \"c\", BLANK () }"), left);
    }
    check("COUNTROWS ( INTERSECT ( { 1, 2 }, { 1.0, 4.5 } ) )", "1");
    check(
        "CONCATENATEX ( UNION ( { \"a\" }, { 1 } ), [Value], \" \" )",
        "a 1",
    );
}

#[test]
fn firstnonblank_of_a_column_sees_the_current_row_as_a_filter() {
    let first_in = |values: &str| {
        format!("SUMX ( Lines, IF ( FIRSTNONBLANK ( {values}, 1 ) = Lines[Key], 1, 0 ) )")
    };
    check(&first_in("Lines[Key]"), "5");
    check(&first_in("VALUES ( Lines[Key] )"), "1");
    check(
        "SUMX ( VALUES ( Lines[Group] ), LASTNONBLANK ( Lines[Key], 1 ) )",
        "7",
    );
    check(
        "SUMX ( VALUES ( Lines[Group] ), LASTNONBLANKVALUE ( Lines[Key], [Total] ) )",
        "70",
    );
}

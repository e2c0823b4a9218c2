//! Functions that give tables, look into them or keep filters beside them, on the small model of `functions`.

use crate::functions::check;

#[test]
fn groups_are_aggregated_by_iterators_over_them() {
    let rows = |expression: &str| {
        format!("COUNTROWS ( GROUPBY ( Lines, Lines[Group], \"n\", {expression} ) )")
    };
    check(&rows("SUMX ( CURRENTGROUP (), Lines[Amount] )"), "2");
    check(&rows("COUNTX ( CURRENTGROUP (), 1 )"), "2");
    check(&rows("COUNTROWS ( CURRENTGROUP () )"), "error");
    check(&rows("SUM ( Lines[Amount] )"), "error");
    check(&rows("[Total]"), "error");
    check(&rows("1"), "error");
}

#[test]
fn rows_are_skipped_before_the_first_are_taken() {
    let keys = |table: &str| format!("CONCATENATEX ( {table}, Lines[Key], \" \", Lines[Key] )");
    check(&keys("TOPNSKIP ( 2, 1, Lines, Lines[Key] )"), "3 4");
    check(&keys("TOPNSKIP ( 2, 1, Lines, Lines[Key], ASC )"), "2 3");
    check(
        &keys("TOPNSKIP ( 1, 1, Lines, Lines[Amount], DESC )"),
        "2 3",
    );
    check(&keys("TOPNSKIP ( 9, 3, Lines, Lines[Key], ASC )"), "4 5");
    check(&keys("TOPNSKIP ( 2, 0, Lines, Lines[Key] )"), "4 5");
    check(
        "COUNTROWS ( TOPNSKIP ( 2, 9, Lines, Lines[Key] ) )",
        "BLANK",
    );
    check(
        "COUNTROWS ( TOPNSKIP ( 0, 1, Lines, Lines[Key] ) )",
        "BLANK",
    );
    check(
        "COUNTROWS ( GENERATE ( SELECTCOLUMNS ( { 1, 2 }, \"n\", [Value] ), TOPNSKIP ( [n], 1, Lines, Lines[Key] ) ) )",
        "error",
    );
    check(
        "COUNTROWS ( GENERATE ( SELECTCOLUMNS ( { 1, 2 }, \"n\", [Value] ), TOPNSKIP ( 2, 1, Lines, Lines[Key] ) ) )",
        "4",
    );
}

#[test]
fn contains_looks_into_related_tables() {
    check("CONTAINS ( Lines, Names[Long Name], \"Beta\" )", "TRUE");
    check("CONTAINS ( Lines, Names[Long Name], \"Gamma\" )", "FALSE");
    check(
        "CONTAINS ( Lines, Names[Long Name], \"Beta\", Lines[Amount], 20 )",
        "TRUE",
    );
    check(
        "CONTAINS ( Lines, Names[Long Name], \"Alpha\", Lines[Amount], 50 )",
        "FALSE",
    );
    check(
        "CONTAINS ( Lines, Names[Long Name], \"Alpha\", Names[Long Name], \"Beta\" )",
        "FALSE",
    );
    check("CONTAINS ( Lines, [Long Name], \"Beta\" )", "error");
    check("CONTAINS ( Names, Lines[Amount], 20 )", "error");
}

#[test]
fn the_first_value_is_looked_for_in_a_table_of_one_column() {
    check(
        "FIRSTNONBLANKVALUE ( VALUES ( Names[Group] ), [Total] )",
        "30",
    );
    check(
        "LASTNONBLANKVALUE ( FILTER ( VALUES ( Names[Group] ), Names[Group] < \"b\" ), [Total] )",
        "30",
    );
    check("FIRSTNONBLANKVALUE ( Names[Group] > \"a\", [Total] )", "70");
    check("FIRSTNONBLANKVALUE ( Names, [Total] )", "error");
}

#[test]
fn types_and_values_of_written_tables() {
    check(
        "CONCATENATEX ( DATATABLE ( \"a\", INT64, \"b\", TEXT, \"c\", LOGICAL, \"d\", DECIMAL, { { -1, \"x\", TRUE, 1.5 } } ), [a] & [b] & [c] & [d] )",
        "-1xTRUE1.5",
    );
    check(
        "MAXX ( DATATABLE ( \"a\", DATETIME, { { DATE ( 2024, 1, 2 ) + TIME ( 3, 4, 5 ) }, { BLANK () } } ), SECOND ( [a] ) )",
        "5",
    );
    check(
        "SUMX ( DATATABLE ( \"a\", INTEGER, { { TRUE () }, { DATE ( 1900, 1, 1 ) } } ), [a] )",
        "3",
    );
    check(
        "COUNTROWS ( DATATABLE ( \"a\", INTEGER, { { 1 + 1 } } ) )",
        "error",
    );
    check(
        "COUNTROWS ( DATATABLE ( \"a\", INTEGER, { { ABS ( -1 ) } } ) )",
        "error",
    );
}

/// Days and groups are filtered together: the first day with one group, the second with the other.
#[test]
fn iterated_rows_may_keep_the_filters_that_are_there() {
    let pairs = "TREATAS ( { ( \"a\", 20 ), ( \"b\", 50 ) }, Lines[Group], Lines[Amount] )";
    let over = |rows: &str| format!("CALCULATE ( SUMX ( {rows}, [Total] ), {pairs} )");
    check(&over("VALUES ( Lines[Amount] )"), "90");
    check(&over("KEEPFILTERS ( VALUES ( Lines[Amount] ) )"), "70");
    check(&over("KEEPFILTERS ( ALL ( Lines[Amount] ) )"), "70");
    check(&over("KEEPFILTERS ( Lines )"), "70");
    check(&over("KEEPFILTERS ( ALL ( Lines ) )"), "70");
    check(&over("ALL ( Lines )"), "100");
    check(
        "CALCULATE ( SUMX ( KEEPFILTERS ( ALL ( Lines[Group] ) ), [Total] ), Lines[Group] = \"a\" )",
        "30",
    );
    check(
        "SUMX ( VALUES ( Lines[Group] ), SUMX ( KEEPFILTERS ( ALL ( Lines[Group] ) ), [Total] ) )",
        "100",
    );
    check(
        "CALCULATE ( COUNTROWS ( FILTER ( KEEPFILTERS ( ALL ( Lines[Group] ) ), [Total] > 0 ) ), Lines[Group] = \"a\" )",
        "1",
    );
}

#[test]
fn what_is_kept_beside_filters_frees_nothing() {
    for all in [
        "ALL ( Lines[Group] )",
        "ALL ( Lines )",
        "ALLNOBLANKROW ( Lines[Group] )",
        "ALLEXCEPT ( Lines, Lines[Amount] )",
    ] {
        check(
            &format!(
                "CALCULATE ( CALCULATE ( [Total], KEEPFILTERS ( {all} ) ), Lines[Group] = \"a\" )"
            ),
            "30",
        );
        check(
            &format!("CALCULATE ( CALCULATE ( [Total], {all} ), Lines[Group] = \"a\" )"),
            "100",
        );
    }
}

#[test]
fn natural_joins_are_on_columns_of_one_type() {
    check(
        "COUNTROWS ( NATURALINNERJOIN ( ROW ( \"a\", 1 ), ROW ( \"a\", 1 ) ) )",
        "1",
    );
    check(
        "COUNTROWS ( NATURALINNERJOIN ( VALUES ( Lines[Group] ), VALUES ( Lines[Group] ) ) )",
        "2",
    );
    check(
        "COUNTROWS ( NATURALINNERJOIN ( SELECTCOLUMNS ( Names, \"g\", Names[Group] ), ROW ( \"g\", \"a\" ) ) )",
        "error",
    );
    check(
        "COUNTROWS ( NATURALINNERJOIN ( SELECTCOLUMNS ( Names, \"g\", Names[Group] & \"\" ), ROW ( \"g\", \"a\" ) ) )",
        "1",
    );
    check(
        "COUNTROWS ( NATURALINNERJOIN ( ROW ( \"a\", 1 ), ROW ( \"a\", \"1\" ) ) )",
        "error",
    );
    check(
        "COUNTROWS ( NATURALLEFTOUTERJOIN ( ROW ( \"a\", 1 ), ROW ( \"a\", 1.0, \"b\", 2 ) ) )",
        "error",
    );
}

#[test]
fn texts_stand_in_the_order_of_a_dictionary() {
    let words = "{ \"zebra\", \"Über\", \"unter\", \"Élan\", \"eland\", \"f\", \"10\", \"9\", \"_\", \"東\", \"Я\" }";
    check(
        &format!("CONCATENATEX ( {words}, [Value], \" \", [Value], ASC )"),
        "_ 10 9 Élan eland f Über unter zebra Я 東",
    );
    check(&format!("MINX ( {words}, [Value] )"), "_");
    check(
        &format!("MAXX ( FILTER ( {words}, [Value] < \"f\" ), [Value] )"),
        "eland",
    );
    check("\"É\" > \"F\"", "FALSE");
    check("\"É\" > \"E\"", "TRUE");
    check("\"é\" = \"É\"", "TRUE");
    check("\"é\" = \"e\"", "FALSE");
    check(&format!("RANKX ( {words}, [Value], \"Élan\", ASC )"), "4");
}

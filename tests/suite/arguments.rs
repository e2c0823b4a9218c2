//! Which arguments may be left out, and which must be constant, on the small model of `functions`.

use crate::functions::{check, session};

#[test]
fn arguments_that_are_not_optional_must_be_given() {
    for refused in [
        "IF ( TRUE (),, 2 )",
        "IF (, 1, 2 )",
        "DIVIDE (, 2 )",
        "DIVIDE ( 1, )",
        "ROUND ( 1.5, )",
        "LEFT (, 2 )",
        "DATE ( 2020,, 1 )",
        "FORMAT ( 1, )",
        "SUMX ( Lines, )",
        "COUNTROWS ( FILTER ( Lines, ) )",
        "COUNTROWS ( TOPN (, Lines ) )",
        "COUNTROWS ( GENERATESERIES ( 1,, 1 ) )",
        "COUNTROWS ( ADDCOLUMNS ( Lines, \"x\", ) )",
        "COALESCE (, 1 )",
        "COALESCE ( 1, 2, )",
        "MAX ( 1, )",
        "SWITCH ( 1, 1, )",
        "SWITCH ( 1,, 2, 3 )",
        "SWITCH ( 1, 1, \"a\", 2, )",
        "LOOKUPVALUE ( Names[Long Name], Names[Group], )",
        "COUNTROWS ( DATESBETWEEN ( Lines[Day],, DATE ( 2024, 3, 1 ) ) )",
    ] {
        check(refused, "error");
    }
}

#[test]
fn optional_arguments_that_are_left_out_take_their_defaults() {
    check("LEFT ( \"abc\", )", "a");
    check("RIGHT ( \"abc\", )", "c");
    check("ISO.CEILING ( 1.2, )", "2");
    check("LOG ( 100, )", "2");
    check("FIND ( \"b\", \"abc\",, -1 )", "2");
    check("FIND ( \"x\", \"abc\",, )", "error");
    check("IF ( FALSE (), 1, )", "BLANK");
    check("SWITCH ( 2, 1, \"a\", )", "BLANK");
    check("DIVIDE ( 1, 0, )", "BLANK");
    check("COUNTROWS ( GENERATESERIES ( 1, 3, ) )", "3");
    check("RANKX ( Lines, Lines[Amount], 10,, DENSE )", "3");
}

#[test]
fn combined_values_have_a_constant_between_them() {
    check("COMBINEVALUES ( \",\", 1, \"a\" )", "1,a");
    check("COMBINEVALUES ( UNICHAR ( 45 ), 1, 2 )", "1-2");
    check("VAR d = \",\" RETURN COMBINEVALUES ( d, 1, 2 )", "1,2");
    check("COMBINEVALUES ( MAX ( Lines[Group] ), 1, 2 )", "error");
    check(
        "MAXX ( Lines, COMBINEVALUES ( Lines[Group], 1, 2 ) )",
        "error",
    );
}

#[test]
fn an_answer_starts_at_a_constant() {
    let asked = |start: &str| {
        let query = format!("EVALUATE Lines ORDER BY Lines[Key] START AT {start}");
        let answer = session().query(&query).ok()?;
        Some(answer.tables[0].batch.num_rows())
    };
    assert_eq!(asked("4"), Some(2));
    assert_eq!(asked("-4"), Some(5));
    assert_eq!(asked("MAX ( Lines[Key] )"), None);
    assert_eq!(asked("[Total]"), None);
    assert_eq!(asked("Lines[Key]"), None);
}

/// What those who are new to queries write first, and what they are told.
#[test]
fn refusals_say_how_a_query_is_written() {
    let session = session();
    for (dax, expected) in [
        ("[Total]", "`EVALUATE { expression }` for one value"),
        ("EVALUATE [Total]", "{ ... } makes a table of it"),
        (
            "EVALUATE SUM ( Lines[Amount] )",
            "SUM gives a value, and a table is expected here; { ... } makes a table of a value",
        ),
        ("EVALUATE ROW ( 'x', 1 )", "text between double quotes"),
        (
            "EVALUATE SUMMARIZECOLUMNS ( Lines[Group], [Total] )",
            "[Total] is a measure, and a column is expected here; a new column takes a name before it: \"Total\", [Total]",
        ),
        (
            "EVALUATE FILTER ( Lines, Lines[Group] = 'a' )",
            "text stands between double quotes: \"a\"",
        ),
        (
            "EVALUATE FILTER ( Lines, Lines[Day] = \"2024-01-31\" )",
            "= compares a date with text; DATE, DATEVALUE or dt\"2024-12-31\" gives a date",
        ),
        (
            "EVALUATE SUMMARIZECOLUMNS ( [Group] )",
            "[Group] needs its table here: 'Table'[Group]",
        ),
    ] {
        let error = session.query(dax).expect_err(dax).to_string();
        assert!(error.contains(expected), "{dax}: {error}");
    }
}

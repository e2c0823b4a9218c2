//! Periods of time over columns of dates, on the small model of `functions`.

use peristyle::{Database, Identity};

use crate::functions::{MODEL, check, value};
use crate::scratch::Scratch;

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

/// The eighth of January, and the first of February.
#[test]
fn dates_are_read_in_the_order_of_the_models_culture() {
    let british = MODEL
        .replace("\"culture\": \"en-US\"", "\"culture\": \"en-GB\"")
        .replace("ROLES", "\"roles\": []");
    let folder = Scratch::new("periods-british");
    let file = folder.path().join("model.bim");
    std::fs::write(&file, british).expect("a model in the scratch folder");
    let database = Database::import(&file, folder.path()).expect("the small model");
    let session = database.session(Identity::anonymous()).expect("a session");
    let british = |expression: &str| value(&session, expression);
    let month = |text: &str| format!("MONTH ( DATEVALUE ( \"{text}\" ) )");
    check(&month("8/1/2009"), "8");
    assert_eq!(british(&month("8/1/2009")), "1");
    assert_eq!(british(&month("4/20/2018")), "4");
    assert_eq!(british(&month("2018-04-20")), "4");
    let total = "TOTALYTD ( [Total], Lines[Day], \"1/2\" )";
    check(total, "90");
    assert_eq!(british(total), "70");
}

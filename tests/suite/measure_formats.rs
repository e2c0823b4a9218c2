//! What stands beside a measure: its format string, computed or not, under calculation items; the goal, status and trend of its KPI.

use peristyle::Session;

use crate::scratch::{rows_of, session_of};

const MODEL: &str = r##"{
  "name": "formats", "compatibilityLevel": 1605,
  "model": { "culture": "en-US", "discourageImplicitMeasures": true, "tables": [
    { "name": "Lines",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Group", "dataType": "string", "sourceColumn": "[Group]" },
        { "type": "calculatedTableColumn", "name": "Amount", "dataType": "double", "sourceColumn": "[Amount]" } ],
      "measures": [
        { "name": "Total", "expression": "SUM ( Lines[Amount] )", "formatString": "#,0" },
        { "name": "Rows", "expression": "COUNTROWS ( Lines )" },
        { "name": "Scaled", "expression": "SUM ( Lines[Amount] )",
          "formatStringDefinition": { "expression": "IF ( [Scaled] >= 50, \"0.0\", \"0.00\" )" },
          "kpi": { "targetExpression": "[Total] * 2", "statusExpression": "IF ( [Scaled] < [_Scaled Goal], -1, 1 )" } },
        { "name": "Asking", "expression": "SUM ( Lines[Amount] )",
          "formatStringDefinition": { "expression": "\"scale \" & SELECTEDMEASURE ( )" } },
        { "name": "_Rows Goal", "expression": "7" } ],
      "partitions": [ { "name": "Lines", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Group\", STRING, \"Amount\", DOUBLE, { { \"a\", 10 }, { \"a\", 20 }, { \"b\", 70 } } )" } } ] },
    { "name": "Shape",
      "calculationGroup": { "precedence": 10, "calculationItems": [
        { "name": "Plain", "expression": "SELECTEDMEASURE ( )" },
        { "name": "Percent", "expression": "DIVIDE ( SELECTEDMEASURE ( ), 100 )", "formatStringDefinition": { "expression": "\"0%\"" } },
        { "name": "Wrapped", "expression": "SELECTEDMEASURE ( )",
          "formatStringDefinition": { "expression": "\"<\" & SELECTEDMEASUREFORMATSTRING ( ) & \">\"" } },
        { "name": "As Text", "expression": "SELECTEDMEASUREFORMATSTRING ( )" } ] },
      "columns": [ { "name": "Name", "dataType": "string", "sourceColumn": "Name" } ],
      "partitions": [ { "name": "Shape", "source": { "type": "calculationGroup" } } ] } ]
  } }"##;

fn session() -> Session {
    session_of("formats", MODEL)
}

/// The values of a row; BLANK is empty.
fn check(session: &Session, query: &str, expected: &str) {
    let mut rows = rows_of(session, query);
    rows.sort();
    assert_eq!(rows.join(" | "), expected, "{query}");
}

#[test]
fn format_strings_are_measures_of_their_own() {
    let session = session();
    let check = |query: &str, expected: &str| check(&session, query, expected);
    check("EVALUATE ROW ( \"f\", [_Total FormatString] )", "#,0");
    check("EVALUATE ROW ( \"f\", [_rows formatstring] )", "");
    check("EVALUATE ROW ( \"f\", [_Scaled FormatString] )", "0.0");
    check(
        "EVALUATE SUMMARIZECOLUMNS ( Lines[Group], \"v\", [Scaled], \"f\", IGNORE ( [_Scaled FormatString] ) )",
        "a 30 0.00 | b 70 0.0",
    );
    check(
        "EVALUATE ADDCOLUMNS ( VALUES ( Lines[Group] ), \"f\", [_Scaled FormatString] )",
        "a 0.00 | b 0.0",
    );
    check(
        "EVALUATE ROW ( \"f\", [_Asking FormatString] )",
        "scale 100",
    );
    check(
        "EVALUATE ROW ( \"t\", FORMAT ( [Scaled], [_Scaled FormatString] ) )",
        "100.0",
    );
}

#[test]
fn calculation_items_have_the_first_word() {
    let session = session();
    let check = |item: &str, measure: &str, expected: &str| {
        let query =
            format!("EVALUATE ROW ( \"f\", CALCULATE ( {measure}, Shape[Name] = \"{item}\" ) )");
        check(&session, &query, expected);
    };
    check("Plain", "[_Total FormatString]", "#,0");
    check("Percent", "[_Total FormatString]", "0%");
    check("Percent", "[_Scaled FormatString]", "0%");
    check("Wrapped", "[_Total FormatString]", "<#,0>");
    check("Wrapped", "[_Scaled FormatString]", "<0.0>");
    check("As Text", "[Scaled]", "0.0");
    check("As Text", "[Total]", "#,0");
    // An item without a format string changes the value that the measure's own format string asks for.
    check("Percent", "[Asking]", "1");
    check("Plain", "[_Asking FormatString]", "scale 100");
}

#[test]
fn key_indicators_bring_measures() {
    let session = session();
    check(
        &session,
        "EVALUATE ROW ( \"g\", [_Scaled Goal], \"s\", [_scaled status] )",
        "200 -1",
    );
    check(
        &session,
        "EVALUATE ADDCOLUMNS ( VALUES ( Lines[Group] ), \"g\", [_Scaled Goal] )",
        "a 60 | b 140",
    );
    // A measure of the model that is called so is that measure.
    check(&session, "EVALUATE ROW ( \"g\", [_Rows Goal] )", "7");
    for unknown in [
        "[_Scaled Trend]",
        "[_Total Goal]",
        "[_Nothing FormatString]",
        "[Scaled Goal]",
        "[_ Goal]",
    ] {
        let error = session
            .query(&format!("EVALUATE ROW ( \"g\", {unknown} )"))
            .unwrap_err();
        assert!(
            error.to_string().contains("there is no measure"),
            "{unknown}: {error}"
        );
    }
}

/// What a group without an expression for several items gives is said by the model.
#[test]
fn several_items_of_a_group() {
    let several = "CALCULATE ( [Total], Shape[Name] IN { \"Plain\", \"Percent\" } )";
    let unknown = "CALCULATE ( [Total], Shape[Name] = \"Nothing\" )";
    for (behavior, expected) in [
        ("automatic", "100 100 1 100"),
        ("nonvisual", "100 100 1 100"),
        ("visual", "  1 100"),
    ] {
        let culture = "\"culture\": \"en-US\",";
        let said = format!("{culture} \"selectionExpressionBehavior\": \"{behavior}\",");
        let session = session_of("formats-several", &MODEL.replace(culture, &said));
        let query = format!(
            "EVALUATE ROW ( \"s\", {several}, \"u\", {unknown}, \"o\", CALCULATE ( [Total], Shape[Name] = \"Percent\" ), \"n\", [Total] )"
        );
        check(&session, &query, expected);
    }
}

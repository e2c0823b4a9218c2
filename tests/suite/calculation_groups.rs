//! Calculation groups as visuals ask for them: by name and ordinal, with items that choose other items.

use peristyle::Session;

use crate::scratch::{rows_of, session_of};

const MODEL: &str = r##"{
  "name": "groups", "compatibilityLevel": 1605,
  "model": { "culture": "en-US", "discourageImplicitMeasures": true, "tables": [
    { "name": "Lines",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Group", "dataType": "string", "sourceColumn": "[Group]" },
        { "type": "calculatedTableColumn", "name": "Amount", "dataType": "double", "sourceColumn": "[Amount]" } ],
      "measures": [
        { "name": "Total", "expression": "SUM ( Lines[Amount] )" },
        { "name": "Chosen", "expression": "SELECTEDVALUE ( Shape[Name] )" } ],
      "partitions": [ { "name": "Lines", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Group\", STRING, \"Amount\", DOUBLE, { { \"a\", 10 }, { \"a\", 20 }, { \"b\", 70 } } )" } } ] },
    { "name": "Shape",
      "calculationGroup": { "precedence": 10, "calculationItems": [
        { "name": "Plain", "ordinal": 0, "expression": "SELECTEDMEASURE ( )" },
        { "name": "Double", "ordinal": 1, "expression": "SELECTEDMEASURE ( ) * 2" },
        { "name": "Growth", "ordinal": 2, "expression": "CALCULATE ( SELECTEDMEASURE ( ), Shape[Name] = \"Double\" ) - SELECTEDMEASURE ( )" },
        { "name": "Share", "ordinal": 3, "expression":
          "DIVIDE ( CALCULATE ( SELECTEDMEASURE ( ), TREATAS ( { \"Growth\" }, Shape[Name] ) ), CALCULATE ( SELECTEDMEASURE ( ), Shape[Name] = \"Double\" ) )" } ] },
      "columns": [
        { "name": "Name", "dataType": "string", "sourceColumn": "Name", "sortByColumn": "Ordinal" },
        { "name": "Ordinal", "dataType": "int64", "isHidden": true, "sourceColumn": "Ordinal", "summarizeBy": "sum" } ],
      "partitions": [ { "name": "Shape", "source": { "type": "calculationGroup" } } ] } ]
  } }"##;

fn session() -> Session {
    session_of("groups", MODEL)
}

/// The rows of an answer, in order.
fn check(session: &Session, query: &str, expected: &str) {
    assert_eq!(rows_of(session, query).join(" | "), expected, "{query}");
}

/// A visual groups by the column that sorts the items, and still an item chooses another one by its name alone.
#[test]
fn items_choose_others_in_visuals() {
    let session = session();
    let by = |columns: &str| {
        format!("EVALUATE SUMMARIZECOLUMNS ( {columns}, \"v\", [Total] ) ORDER BY Shape[Name]")
    };
    let expected = "Double 200 | Growth 100 | Plain 100 | Share 0.5";
    check(&session, &by("Shape[Name]"), expected);
    check(
        &session,
        &by("Shape[Name], Shape[Ordinal]"),
        "Double 1 200 | Growth 2 100 | Plain 0 100 | Share 3 0.5",
    );
    check(
        &session,
        "EVALUATE SUMMARIZECOLUMNS ( Lines[Group], ROLLUPADDISSUBTOTAL ( ROLLUPGROUP ( Shape[Name], Shape[Ordinal] ), \"t\" ), \
         TREATAS ( { \"Growth\" }, Shape[Name] ), \"v\", [Total] ) ORDER BY Lines[Group], [t]",
        "a Growth 2 FALSE 30 | a   TRUE 30 | b Growth 2 FALSE 70 | b   TRUE 70",
    );
    check(
        &session,
        "EVALUATE CALCULATETABLE ( ROW ( \"n\", CALCULATE ( [Chosen], Shape[Name] = \"Plain\" ), \"o\", CALCULATE ( [Total], Shape[Ordinal] = 1 ) ), \
         Shape[Name] = \"Growth\", Shape[Ordinal] = 2 )",
        "Plain 200",
    );
    // What is filtered at once, and what is kept, goes together.
    check(
        &session,
        "EVALUATE ROW ( \"b\", CALCULATE ( [Total], Shape[Name] = \"Double\", Shape[Ordinal] = 0 ), \
         \"k\", CALCULATE ( CALCULATE ( [Total], KEEPFILTERS ( Shape[Name] = \"Plain\" ) ), Shape[Ordinal] = 1 ) )",
        "100 100",
    );
}

#[test]
fn columns_of_groups_are_listed_as_data() {
    let session = session();
    check(
        &session,
        "EVALUATE SELECTCOLUMNS ( FILTER ( INFO.VIEW.COLUMNS ( ), [Table] = \"Shape\" && [Type] <> \"RowNumber\" ), \
         \"n\", [Name], \"t\", [Type], \"s\", [SummarizeBy] ) ORDER BY [n]",
        "Name Data Default | Ordinal Data Sum",
    );
    check(
        &session,
        "EVALUATE SELECTCOLUMNS ( FILTER ( INFO.COLUMNS ( ), [ExplicitName] = \"Ordinal\" ), \"t\", [Type], \"s\", [SummarizeBy] )",
        "1 3",
    );
}

/// Several items are selected wherever a filter leaves more than one, be it all of them; none where nothing filters the group.
#[test]
fn a_filter_of_all_items_selects_several() {
    let items = "\"calculationItems\": [";
    let said = format!(
        "\"multipleOrEmptySelectionExpression\": {{ \"expression\": \"COUNTROWS ( VALUES ( Shape[Name] ) ) + 0\" }}, \
         \"noSelectionExpression\": {{ \"expression\": \"-1\" }}, {items}"
    );
    let session = session_of("groups", &MODEL.replace(items, &said));
    for (filter, expected) in [
        ("Shape[Name] IN { \"Plain\", \"Double\" }", "2"),
        (
            "Shape[Name] IN { \"Plain\", \"Double\", \"Growth\", \"Share\" }",
            "4",
        ),
        ("VALUES ( Shape[Name] )", "4"),
        ("Shape[Name] = \"Nothing\"", "0"),
        ("Shape[Name] = \"Double\"", "200"),
        ("ALL ( Shape )", "-1"),
        ("ALLSELECTED ( Shape[Name] )", "-1"),
    ] {
        let query = format!("EVALUATE ROW ( \"v\", CALCULATE ( [Total], {filter} ) )");
        check(&session, &query, expected);
    }
    check(
        &session,
        "EVALUATE SUMMARIZECOLUMNS ( ROLLUPADDISSUBTOTAL ( Shape[Name], \"t\" ), \"v\", [Total] ) ORDER BY [t], Shape[Name]",
        "Double FALSE 200 | Growth FALSE 100 | Plain FALSE 100 | Share FALSE 0.5 |  TRUE -1",
    );
}

/// A calculation item may make anything of a measure; without one the measure's expression says what it gives.
#[test]
fn measures_are_listed_with_their_types() {
    let queries = [
        "EVALUATE SELECTCOLUMNS ( INFO.VIEW.MEASURES ( ), \"n\", [Name], \"t\", [DataType] ) ORDER BY [n]",
        "EVALUATE SELECTCOLUMNS ( INFO.MEASURES ( ), \"n\", [Name], \"t\", [DataType] ) ORDER BY [n]",
    ];
    let with_items = session();
    check(&with_items, queries[0], "Chosen Variant | Total Variant");
    check(&with_items, queries[1], "Chosen 20 | Total 20");
    let without = crate::functions::session();
    check(without, queries[0], "Total Number");
    check(without, queries[1], "Total 8");
}

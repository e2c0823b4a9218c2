//! A field parameter: the names in it are told apart by the fields that they stand for.

use peristyle::{Database, Identity, Session};

use crate::functions::value;
use crate::scratch::Scratch;

/// Two names stand for one field each, and Lines for nothing but itself.
const MODEL: &str = r#"{
  "name": "axis", "compatibilityLevel": 1600,
  "model": { "culture": "en-US", "tables": [
    { "name": "Axis",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Axis", "dataType": "string", "sourceColumn": "[Value1]", "sortByColumn": "Order",
          "relatedColumnDetails": { "groupByColumns": [ { "groupingColumn": "Fields" } ] } },
        { "type": "calculatedTableColumn", "name": "Fields", "dataType": "string", "sourceColumn": "[Value2]" },
        { "type": "calculatedTableColumn", "name": "Order", "dataType": "int64", "sourceColumn": "[Value3]" } ],
      "measures": [ { "name": "Rows", "expression": "COUNTROWS ( Axis )" } ],
      "partitions": [ { "name": "Axis", "source": { "type": "calculated", "expression":
        "{ ( \"Key\", \"'Lines'[Key]\", 0 ), ( \"Group\", \"'Lines'[Group]\", 1 ) }" } } ] } ] } }"#;

fn session() -> Session {
    let folder = Scratch::new("column-keys");
    let file = folder.path().join("model.bim");
    std::fs::write(&file, MODEL).expect("a model in the scratch folder");
    let database = Database::import(&file, folder.path()).expect("the field parameter");
    database.session(Identity::anonymous()).expect("a session")
}

#[test]
fn what_others_tell_apart_is_grouped_and_filtered_beside_them() {
    let session = session();
    for (expression, expected) in [
        ("COUNTROWS ( ALL ( Axis[Axis] ) )", "2"),
        ("COUNTROWS ( ALLNOBLANKROW ( Axis[Axis] ) )", "2"),
        ("MAX ( Axis[Axis] )", "Key"),
        ("SELECTEDVALUE ( Axis[Fields], \"several\" )", "several"),
        ("CALCULATE ( MAX ( Axis[Axis] ), Axis[Order] = 1 )", "Group"),
        (
            "CONCATENATEX ( Axis, Axis[Axis], \",\", Axis[Order] )",
            "Key,Group",
        ),
        ("SUMX ( Axis, [Rows] )", "2"),
        (
            "COUNTROWS ( SUMMARIZE ( Axis, Axis[Axis], Axis[Fields] ) )",
            "2",
        ),
        (
            "COUNTROWS ( SUMMARIZECOLUMNS ( Axis[Axis], Axis[Fields] ) )",
            "2",
        ),
        (
            "CALCULATE ( [Rows], TREATAS ( { ( \"Key\", \"'Lines'[Key]\" ) }, Axis[Axis], Axis[Fields] ) )",
            "1",
        ),
        (
            "CALCULATE ( [Rows], FILTER ( Axis, Axis[Axis] = \"Key\" ) )",
            "1",
        ),
        ("CALCULATE ( [Rows], REMOVEFILTERS ( Axis[Axis] ) )", "2"),
        (
            "VAR one = SELECTCOLUMNS ( SUMMARIZE ( FILTER ( Axis, Axis[Order] = 0 ), Axis[Axis], Axis[Fields] ), Axis[Axis] ) RETURN IF ( COUNTROWS ( one ) = 1, one )",
            "Key",
        ),
    ] {
        assert_eq!(value(&session, expression), expected, "{expression}");
    }
    for refused in [
        "COUNTROWS ( VALUES ( Axis[Axis] ) )",
        "COUNTROWS ( DISTINCT ( Axis[Axis] ) )",
        "COUNTROWS ( ALLSELECTED ( Axis[Axis] ) )",
        "SELECTEDVALUE ( Axis[Axis] )",
        "HASONEVALUE ( Axis[Axis] )",
        "COUNTROWS ( SUMMARIZE ( Axis, Axis[Axis] ) )",
        "COUNTROWS ( SUMMARIZECOLUMNS ( Axis[Axis], \"x\", [Rows] ) )",
        "COUNTROWS ( TREATAS ( { \"Key\" }, Axis[Axis] ) )",
        "CALCULATE ( [Rows], Axis[Axis] = \"Key\" )",
        "CALCULATE ( [Rows], Axis[Axis] = \"Key\", Axis[Fields] = \"'Lines'[Key]\" )",
        "CALCULATE ( [Rows], FILTER ( ALL ( Axis[Axis] ), Axis[Axis] = \"Key\" ) )",
        "SUMX ( ALL ( Axis[Axis] ), [Rows] )",
        "SUMX ( ALL ( Axis[Axis] ), CALCULATE ( COUNTROWS ( Axis ) ) )",
    ] {
        assert_eq!(value(&session, refused), "error", "{refused}");
    }
}

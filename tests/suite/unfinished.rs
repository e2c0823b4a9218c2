//! Models as they are found: begun and not finished, and computed in an order that only their expressions tell.

use peristyle::{Database, Identity};

use crate::functions::{MODEL, value};
use crate::scratch::Scratch;

/// A model with things that its author has begun and not finished; the rest of it can be asked.
#[test]
fn what_is_only_begun_stops_nothing() {
    let folder = Scratch::new("begun");
    let file = folder.path().join("model.bim");
    let column = r#"{ "type": "calculated", "name": "Begun" },
        { "type": "calculatedTableColumn", "name": "Flag""#;
    let model = MODEL.replace("ROLES", "\"roles\": []");
    let begun = model
        .replacen(
            r#"{ "type": "calculatedTableColumn", "name": "Flag""#,
            column,
            1,
        )
        .replacen(
            r#""measures": ["#,
            r#""measures": [ { "name": "Unequal", "expression": "IF ( [Total] > 0, 1, IF ( MAX ( Lines[Group] ) = 2, 3 ) )" },
                { "name": "Lazy", "expression": "VAR unused = CALCULATE ( [Total], Lines[Group] = 2 ) RETURN [Total]" },
                { "name": "Of Text", "expression": "CALCULATE ( [Total], KEEPFILTERS ( Lines[Group] ) )" },
                { "name": "Failing", "expression": "CALCULATE ( [Total], Lines[Group] = 2 )" },"#,
            1,
        );
    assert_ne!(begun, model);
    std::fs::write(&file, begun).expect("a model in the scratch folder");
    let session = Database::import(&file, folder.path())
        .expect("the begun model")
        .session(Identity::anonymous())
        .expect("a model without roles");
    assert_eq!(value(&session, "[Total]"), "100");
    assert_eq!(value(&session, "[Unequal]"), "1");
    assert_eq!(value(&session, "[Lazy]"), "100");
    assert_eq!(value(&session, "[Failing]"), "error");
    assert_eq!(value(&session, "[Of Text]"), "error");
    assert_eq!(value(&session, "IF ( TRUE (), 1, [Of Text] )"), "1");
    assert_eq!(value(&session, "MAX ( Lines[Group] ) = 2"), "error");
    assert_eq!(value(&session, "MAX ( Lines[Begun] )"), "BLANK");
    assert_eq!(value(&session, "COUNTBLANK ( Lines[Begun] )"), "5");
}

/// Items of a calculation group name a date table that is computed itself, and a table that is computed before it.
#[test]
fn calculated_tables_do_not_wait_for_calculation_items() {
    let folder = Scratch::new("items");
    let file = folder.path().join("model.bim");
    let model = MODEL.replace("ROLES", "\"roles\": []").replacen(
        r#""tables": ["#,
        r#""tables": [
    { "name": "Days",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Date", "dataType": "dateTime", "sourceColumn": "[Date]" },
        { "type": "calculated", "name": "Year", "dataType": "int64", "expression": "YEAR ( Days[Date] )" } ],
      "partitions": [ { "name": "Days", "source": { "type": "calculated", "expression": "CALENDAR ( DATE ( 2024, 1, 1 ), DATE ( 2025, 12, 31 ) )" } } ] },
    { "name": "Shown",
      "calculationGroup": { "precedence": 1, "calculationItems": [
        { "name": "twice", "expression": "2 * SELECTEDMEASURE ()" },
        { "name": "lost", "expression": "SELECTEDMEASURE () + [No Such Measure]" },
        { "name": "begun", "expression": "SELECTEDMEASURE () +" },
        { "name": "later", "expression": "CALCULATE ( SELECTEDMEASURE (), TREATAS ( FILTER ( VALUES ( Days[Date] ), YEAR ( Days[Date] ) = 2024 ), Lines[Day] ), Days[Year] = 2024 )" } ] },
      "columns": [ { "name": "Item", "dataType": "string", "sourceColumn": "Name" } ],
      "partitions": [ { "name": "Shown", "source": { "type": "calculationGroup" } } ] },"#,
        1,
    );
    std::fs::write(&file, model).expect("a model in the scratch folder");
    let session = Database::import(&file, folder.path())
        .expect("the model with a calculation group")
        .session(Identity::anonymous())
        .expect("a model without roles");
    let item = |name: &str| {
        value(
            &session,
            &format!("CALCULATE ( [Total], Shown[Item] = \"{name}\" )"),
        )
    };
    assert_eq!(value(&session, "[Total]"), "100");
    assert_eq!(item("twice"), "200");
    assert_eq!(item("later"), "100");
    assert_eq!(item("lost"), "error");
    assert_eq!(item("begun"), "error");
    assert_eq!(value(&session, "COUNTROWS ( Days )"), "731");
}

/// A key of a relationship is computed from a level of the date table behind a column: that table and all levels come first.
#[test]
fn keys_wait_for_the_date_tables_behind_their_columns() {
    const DATES: &str = r#"{ "name": "m", "compatibilityLevel": 1600, "model": { "culture": "en-US", "tables": [
        { "name": "Sales",
          "columns": [
            { "name": "Day", "dataType": "dateTime", "type": "calculatedTableColumn", "sourceColumn": "[Value]",
              "variations": [ { "name": "Variation", "isDefault": true, "relationship": "days", "defaultHierarchy": { "table": "Days", "hierarchy": "Dates" } } ] },
            { "name": "Month", "dataType": "int64", "type": "calculated", "expression": "YEAR ( Sales[Day].[Date] ) * 100 + MONTH ( Sales[Day].[Date] )" } ],
          "partitions": [ { "name": "Sales", "source": { "type": "calculated", "expression": "{ DATE ( 2024, 1, 5 ), DATE ( 2024, 2, 6 ), DATE ( 2024, 2, 7 ) }" } } ] },
        { "name": "Days",
          "columns": [
            { "name": "Date", "dataType": "dateTime", "type": "calculatedTableColumn", "sourceColumn": "[Date]" },
            { "name": "Year", "dataType": "int64", "type": "calculated", "expression": "YEAR ( [Date] )" } ],
          "hierarchies": [ { "name": "Dates", "levels": [ { "name": "Year", "ordinal": 0, "column": "Year" } ] } ],
          "partitions": [ { "name": "Days", "source": { "type": "calculated", "expression": "CALENDAR ( DATE ( YEAR ( MIN ( Sales[Day] ) ), 1, 1 ), DATE ( YEAR ( MAX ( Sales[Day] ) ), 12, 31 ) )" } } ] },
        { "name": "Months",
          "columns": [ { "name": "Month", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Value]" } ],
          "partitions": [ { "name": "Months", "source": { "type": "calculated", "expression": "{ 202401, 202402 }" } } ] } ],
      "relationships": [
        { "name": "days", "fromTable": "Sales", "fromColumn": "Day", "toTable": "Days", "toColumn": "Date", "joinOnDateBehavior": "datePartOnly" },
        { "name": "months", "fromTable": "Sales", "fromColumn": "Month", "toTable": "Months", "toColumn": "Month" } ] } }"#;
    let folder = Scratch::new("variations");
    let file = folder.path().join("model.bim");
    std::fs::write(&file, DATES).expect("a model in the scratch folder");
    let session = Database::import(&file, folder.path())
        .unwrap_or_else(|error| panic!("{error}"))
        .session(Identity::anonymous())
        .expect("a model without roles");
    let rows = "CALCULATE ( COUNTROWS ( Sales ), Months[Month] = 202402 )";
    assert_eq!(value(&session, rows), "2");
}

/// The expression of a calculated table uses a measure that stands in that very table, as date tables do.
#[test]
fn calculated_tables_use_measures_of_their_own() {
    const TABLES: &str = r#"{ "name": "m", "compatibilityLevel": 1600, "model": { "culture": "en-US", "tables": [
        { "name": "Days", "columns": [
            { "name": "Last", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Last]" },
            { "name": "Next", "dataType": "int64", "type": "calculated", "expression": "[Last] + [Ref]" } ],
          "measures": [ { "name": "Ref", "expression": "CALCULATE ( MAX ( Sales[Key] ), REMOVEFILTERS () )" }, { "name": "Days", "expression": "SUM ( Days[Last] )" } ],
          "partitions": [ { "name": "Days", "source": { "type": "calculated", "expression": "VAR last = [Ref] RETURN ROW ( \"Last\", last )" } } ] },
        { "name": "Sales", "columns": [ { "name": "Key", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Value]" } ],
          "partitions": [ { "name": "Sales", "source": { "type": "calculated", "expression": "{ 1, 7 }" } } ] } ] } }"#;
    let folder = Scratch::new("own");
    let file = folder.path().join("model.bim");
    std::fs::write(&file, TABLES).expect("a model in the scratch folder");
    let session = Database::import(&file, folder.path())
        .unwrap_or_else(|error| panic!("{error}"))
        .session(Identity::anonymous())
        .expect("a model without roles");
    assert_eq!(value(&session, "[Days]"), "7");
    assert_eq!(value(&session, "SUM ( Days[Next] )"), "14");
    for circle in [
        "COUNTROWS ( Days )",
        "COUNTROWS ( TABLEOF ( [Ref] ) )",
        "COUNTROWS ( DETAILROWS ( [Ref] ) )",
        "[Days]",
    ] {
        let model = TABLES.replace("VAR last = [Ref]", &format!("VAR last = {circle}"));
        std::fs::write(&file, model).expect("a model in the scratch folder");
        let error = Database::import(&file, folder.path()).err();
        let told = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            told.contains("in a circle: table 'Days' -> table 'Days'"),
            "{circle}: {told}"
        );
    }
}

/// What needs itself stops an import. Checking the model tells it before there are data, and is silent where a name means something else.
#[test]
fn circles_are_found_without_data() {
    const TABLES: &str = r#"{ "name": "m", "compatibilityLevel": 1600, "model": { "culture": "en-US", "tables": [
        { "name": "Lines", "columns": [
            { "name": "Key", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Value]" },
            { "name": "Total", "dataType": "int64", "type": "calculated", "expression": "FIRST" },
            { "name": "Other", "dataType": "int64", "type": "calculated", "expression": "SECOND" } ],
          "partitions": [ { "name": "Lines", "source": { "type": "calculated", "expression": "{ 1, 7 }" } } ] },
        { "name": "Apart", "columns": [ { "name": "Other", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Other]" } ],
          "measures": [ { "name": "Sum", "expression": "SUM ( Lines[Other] )" } ],
          "partitions": [ { "name": "Apart", "source": { "type": "calculated", "expression": "ROW ( \"Other\", 1 )" } } ] } ] } }"#;
    let folder = Scratch::new("circles");
    let file = folder.path().join("model.bim");
    for (first, second, circle) in [
        ("Lines[Key] + 1", "Lines[Total] + 1", None),
        (
            "Lines[Other] + 1",
            "Lines[Total] + 1",
            Some("column 'Lines'[Total] -> column 'Lines'[Other] -> column 'Lines'[Total]"),
        ),
        (
            "Lines[Total] + 1",
            "1",
            Some("column 'Lines'[Total] -> column 'Lines'[Total]"),
        ),
        (
            "1",
            "[Sum] + 1",
            Some("column 'Lines'[Other] -> column 'Lines'[Other]"),
        ),
        ("1", "SUMX ( Apart, [Other] )", None),
        ("1", "VAR Other = 2 RETURN Other", None),
    ] {
        let model = TABLES.replace("FIRST", first).replace("SECOND", second);
        std::fs::write(&file, model).expect("a model in the scratch folder");
        let found: Vec<String> = peristyle::check_model(&file)
            .expect("a model that can be read")
            .iter()
            .filter(|problem| problem.severity == peristyle::Severity::Error)
            .map(ToString::to_string)
            .collect();
        let import = Database::import(&file, folder.path()).err();
        let import = import.map(|error| error.to_string());
        match circle {
            Some(circle) => {
                assert!(found.len() == 1, "{first}; {second}: {found:?}");
                for told in found.first().into_iter().chain(&import) {
                    assert!(told.ends_with(circle), "{first}; {second}: {told}");
                }
                assert!(import.is_some(), "{first}; {second}");
            }
            None => assert!(
                found.is_empty() && import.is_none(),
                "{first}; {second}: {found:?}, {import:?}"
            ),
        }
    }
}

//! Calculated columns whose author declares another type than the expression has: the values are converted, as CONVERT does.

use peristyle::{Database, Identity};

use crate::functions::value;
use crate::scratch::Scratch;

/// The values of a calculated column for the keys 1 and 2, or an error.
fn computed(expression: &str, declared: &str) -> String {
    let folder = Scratch::new("declared");
    let file = folder.path().join("model.bim");
    let model = r#"{ "name": "m", "compatibilityLevel": 1600, "model": { "culture": "en-US", "tables": [ { "name": "T",
        "columns": [
            { "name": "k", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Value]" },
            { "name": "c", "dataType": "DECLARED", "type": "calculated", "expression": "EXPRESSION" } ],
        "partitions": [ { "name": "T", "source": { "type": "calculated", "expression": "GENERATESERIES ( 1, 2 )" } } ] } ] } }"#;
    let model = model
        .replace("DECLARED", declared)
        .replace("EXPRESSION", &expression.replace('"', "\\\""));
    std::fs::write(&file, model).expect("a model in the scratch folder");
    let Ok(database) = Database::import(&file, folder.path()) else {
        return "error".to_owned();
    };
    let session = database
        .session(Identity::anonymous())
        .expect("a model without roles");
    value(&session, r#"CONCATENATEX ( T, T[c] & "", "; ", T[k] )"#)
}

#[test]
fn values_take_the_declared_type() {
    for (expression, declared, expected) in [
        (r#""" & [k]"#, "int64", "1; 2"),
        (
            r#"FORMAT ( DATE ( 2024, 1, [k] ), "yyyy-mm-dd" )"#,
            "dateTime",
            "1/1/2024; 1/2/2024",
        ),
        (
            r#"FORMAT ( DATE ( 2024, 1, 20 + [k] ), "dd/mm/yyyy" )"#,
            "dateTime",
            "1/21/2024; 1/22/2024",
        ),
        ("DATE ( 2024, 1, [k] )", "string", "1/1/2024; 1/2/2024"),
        (
            r#"IF ( [k] = 1, "TRUE", "FALSE" )"#,
            "boolean",
            "TRUE; FALSE",
        ),
        ("[k] - 1", "boolean", "FALSE; TRUE"),
        ("[k] = 1", "int64", "1; 0"),
        ("[k] = 1", "double", "1; 0"),
        ("CURRENCY ( [k] * 1.25 )", "string", "1.25; 2.5"),
        (
            "CURRENCY ( [k] * 1.25 )",
            "dateTime",
            "12/31/1899 6:00:00 AM; 1/1/1900 12:00:00 PM",
        ),
        (
            "IF ( [k] = 1, 0.5, DATE ( 2024, 1, 5 ) )",
            "double",
            "0.5; 45296",
        ),
        (
            "IF ( [k] = 1, DATE ( 2024, 1, 5 ) ) + 7",
            "dateTime",
            "1/12/2024; 1/6/1900",
        ),
        (
            "IF ( FALSE (), DATE ( 2024, 1, 5 ) ) - [k]",
            "string",
            "12/29/1899; 12/28/1899",
        ),
        (r#"IF ( [k] = 1, "none", "2" )"#, "int64", "error"),
        (r#""day " & [k]"#, "dateTime", "error"),
    ] {
        assert_eq!(
            computed(expression, declared),
            expected,
            "{expression} as {declared}"
        );
    }
}

use std::path::Path;

use crate::types::*;
use crate::{load, read_bim};

/// A model of one table T(A, B), whose measure is M, with this text put inside the model object.
fn with(inside: &str) -> String {
    let comma = if inside.is_empty() { "" } else { "," };
    format!(
        r#"{{ "name": "X", "compatibilityLevel": 1600, "model": {{ "tables": [ {{ "name": "T",
            "columns": [ {{ "name": "A", "dataType": "int64", "sourceColumn": "A" }}, {{ "name": "B", "dataType": "string" }} ],
            "measures": [ {{ "name": "M", "expression": ["SUM (", "  T[A] )"] }} ],
            "partitions": [ {{ "name": "T", "source": {{ "type": "m", "expression": "File.Contents(\"T.parquet\")" }} }} ]
        }} ]{comma} {inside} }} }}"#
    )
}

fn read(inside: &str) -> Model {
    read_bim(&with(inside), "x.bim").unwrap_or_else(|errors| panic!("{errors}"))
}

/// The text must be refused, and the message must hold these words.
fn refused(text: &str, words: &str) {
    let errors = read_bim(text, "x.bim").expect_err(text).to_string();
    assert!(
        errors.contains(words),
        "{text}\ngave: {errors}\nwithout: {words}"
    );
    assert!(errors.contains("x.bim:"), "no place in {errors}");
}

#[test]
fn reads_the_basics() {
    let model = read("");
    assert_eq!(
        (
            model.name.as_str(),
            model.compatibility_level,
            model.culture.as_str()
        ),
        ("X", 1600, "en-US")
    );
    let table = model.table("t").unwrap();
    assert_eq!(table.measure("m").unwrap().expression, "SUM (\n  T[A] )");
    assert_eq!(
        table.column("b").unwrap().kind,
        ColumnKind::Data {
            source_column: "B".into()
        }
    );
    assert_eq!(
        table.source,
        Source {
            file: "x.bim".into(),
            line: Some(1)
        }
    );
    assert_eq!(table.measures[0].source.line, Some(3));
    assert!(
        matches!(&table.partitions[0].kind, PartitionKind::M { file: Some(file), .. } if file == "T.parquet")
    );
    assert_eq!(
        read_bim(
            &format!("\u{feff}{}", with("").replace('\n', "\r\n")),
            "x.bim"
        )
        .unwrap(),
        model
    );
}

#[test]
fn reads_the_script_around_a_database() {
    let script = format!(
        r#"{{ "createOrReplace": {{ "object": {{ "database": "X" }}, "database": {} }} }}"#,
        with("")
    );
    assert_eq!(read_bim(&script, "x.bim").unwrap(), read(""));
    refused(
        r#"<Alter xmlns="http://schemas.microsoft.com/analysisservices/2003/engine" />"#,
        "a model in XML",
    );
    refused(
        r#"{ "createOrReplace": { "object": { "table": "T" }, "table": {} } }"#,
        "holds no database",
    );
    refused(
        r#"{ "delete": { "object": { "database": "X" } } }"#,
        "not a semantic model",
    );
}

#[test]
fn keeps_a_note_of_what_it_does_not_hold() {
    let model = read(
        r#""dataSources": [ { "name": "D" } ], "tomorrow": 1, "lineageTag": "x", "queryGroups": [], "later": null"#,
    );
    let notes: Vec<String> = model
        .unused
        .iter()
        .map(|one| format!("{}: {}", one.place, one.what))
        .collect();
    assert_eq!(notes, ["model: dataSources", "model: tomorrow"]);
}

#[test]
fn refuses_whatever_it_does_not_understand_in_roles() {
    let role = |inside: &str| {
        with(&format!(
            r#""roles": [ {{ "name": "R"{}{inside} }} ]"#,
            if inside.is_empty() { "" } else { "," }
        ))
    };
    let table = |inside: &str| {
        role(&format!(
            r#""tablePermissions": [ {{ "name": "T", {inside} }} ]"#
        ))
    };
    assert!(read_bim(&role(""), "x.bim").is_ok());
    refused(
        &role(r#""tablePermission": []"#),
        "'tablePermission' is not known here",
    );
    refused(&role(r#""isHidden": true"#), "'isHidden' is not known here");
    refused(
        &role(r#""modelPermission": "reader""#),
        "'modelPermission' is 'reader', which is none of none, read",
    );
    refused(
        &role(r#""modelPermission": 1"#),
        "'modelPermission' must be text, but it is a number",
    );
    refused(&role(r#""modelPermission": null"#), "is null");
    refused(&role(r#""tablePermissions": null"#), "is null");
    refused(
        &role(r#""tablePermissions": {}"#),
        "'tablePermissions' must be a list of objects",
    );
    refused(
        &role(r#""tablePermissions": ["T"]"#),
        "'tablePermissions' must be a list of objects",
    );
    refused(
        &role(r#""tablePermissions": [ { "filterExpression": "FALSE()" } ]"#),
        "it has no name",
    );
    refused(
        &role(r#""tablePermissions": [ { "name": "U", "filterExpression": "FALSE()" } ]"#),
        "there is no such table",
    );
    refused(
        &role(r#""tablePermissions": [ { "name": "T" }, { "name": "t" } ]"#),
        "another permission in this role",
    );
    refused(
        &role(r#""members": [ { "memberName": "a", "denied": true } ]"#),
        "'denied' is not known here",
    );
    refused(
        &table(r#""filterexpresion": "FALSE()""#),
        "'filterexpresion' is not known here",
    );
    refused(
        &table(r#""filterExpression": 1"#),
        "text or a list of lines",
    );
    refused(&table(r#""filterExpression": [1]"#), "a list of lines");
    refused(&table(r#""filterExpression": null"#), "is null");
    refused(
        &table(r#""filterExpression": "TRUE()", "filterExpression": "FALSE()""#),
        "given twice",
    );
    refused(
        &table(r#""filterExpression": "TRUE()", "FilterExpression": "FALSE()""#),
        "given twice",
    );
    refused(
        &table(r#""metadataPermission": "hidden""#),
        "'metadataPermission' is 'hidden'",
    );
    refused(
        &table(r#""columnPermissions": [ { "name": "C", "metadataPermission": "none" } ]"#),
        "the table has no such column",
    );
    refused(
        &table(r#""columnPermissions": [ { "name": "M", "metadataPermission": "none" } ]"#),
        "the table has no such column",
    );
    refused(
        &table(r#""columnPermissions": [ { "name": "A", "metadataPermission": true } ]"#),
        "must be text",
    );
    refused(
        &table(r#""columnPermissions": [ { "name": "A", "permission": "none" } ]"#),
        "'permission' is not known here",
    );
    refused(
        &table(r#""columnPermissions": [ { "name": "A" }, { "name": "a" } ]"#),
        "another permission in this role",
    );
    refused(
        &with(r#""roles": [ { "name": "R" }, { "name": "r" } ]"#),
        "another role has the same name",
    );
    refused(&with(r#""roles": [ { } ]"#), "it has no name");
    refused(
        &with(r#""roles": "R""#),
        "'roles' must be a list of objects",
    );
    refused(
        &with(r#""role": [ { "name": "R" } ]"#),
        "'role' is not known here",
    );
    refused(
        &with(r#""modelRoles": null"#),
        "'modelRoles' is not known here",
    );
    refused(
        &with("").replace(
            r#""name": "T","#,
            r#""name": "T", "filterExpression": "FALSE()","#,
        ),
        "'filterExpression' is not known here",
    );
    refused(
        r#"{ "roles": [], "model": {} }"#,
        "'roles' is not known here",
    );
}

#[test]
fn reads_roles() {
    let model = read(
        r#""roles": [ { "name": "R", "modelPermission": "READ", "annotations": [ { "name": "PBI_Id", "value": "1" } ],
            "members": [ { "memberName": "a@b", "memberId": "1", "identityProvider": "AzureAD" } ],
            "tablePermissions": [ { "name": "t", "filterExpression": ["T[A]", "= 1"], "modifiedTime": "2020",
                "columnPermissions": [ { "name": "B", "metadataPermission": "none" } ] } ] },
            { "name": "S", "tablePermissions": [ { "name": "T", "filterExpression": " ", "metadataPermission": "none" } ] } ]"#
            .replace(r#""modifiedTime": "2020","#, "")
            .as_str(),
    );
    let role = model.role("R").unwrap();
    assert_eq!(
        (role.permission, role.members.as_slice()),
        (ModelPermission::Read, ["a@b".to_string()].as_slice())
    );
    let permission = role.table("T").unwrap();
    assert_eq!(permission.filter.as_deref(), Some("T[A]\n= 1"));
    assert_eq!(
        permission.columns,
        [ColumnPermission {
            column: "B".into(),
            metadata: MetadataPermission::None
        }]
    );
    let hidden = &model.role("S").unwrap().tables[0];
    assert_eq!(
        (hidden.filter.clone(), hidden.metadata),
        (None, MetadataPermission::None)
    );
    assert!(model.role("r").is_none());
}

#[test]
fn refuses_wrong_types_and_names() {
    refused(
        &with("").replace("\"int64\"", "7"),
        "table 'T' / column 'A': 'dataType' must be text, but it is a number",
    );
    refused(
        &with("").replace("\"int64\"", "\"integer\""),
        "'dataType' is 'integer', which is none of string, int64",
    );
    refused(
        &with("").replace("1600", "\"1600\""),
        "'compatibilityLevel' must be a whole number",
    );
    refused(
        &with("").replace("1600", "-1"),
        "'compatibilityLevel' must be a positive",
    );
    refused(
        &with(r#""culture": []"#),
        "'culture' must be text, but it is a list",
    );
    refused(
        &with(r#""discourageImplicitMeasures": "yes""#),
        "must be true or false",
    );
    refused(
        &with("").replace("\"B\"", "\"a\""),
        "another object of the table has the same name",
    );
    refused(
        &with("").replace("\"M\"", "\"a\""),
        "measure 'a': another object of the table has the same name",
    );
    refused(&with(r#""tables": []"#), "'tables' is given twice");
    // Tools write synonyms twice.
    read(
        r#""cultures": [ { "name": "en-US", "linguisticMetadata": { "content": { "a": 1, "a": {} } } } ]"#,
    );
    refused(
        &with(
            r#""cultures": [ { "name": "en-US", "linguisticMetadata": { "content": {} }, "NAME": "x" } ]"#,
        ),
        "given twice",
    );
    refused(
        &with(r#""relationships": [ { "name": "r", "fromTable": "T" } ]"#),
        "'fromColumn' is missing",
    );
    refused(
        &with(r#""annotations": [ { "name": "Peristyle_StrictOrphan", "value": "true" } ]"#),
        "no option of this engine",
    );
    refused(
        &with(r#""annotations": [ { "name": "Peristyle_StrictOrphans", "value": "1" } ]"#),
        "true or false",
    );
    refused("[]", "must be a JSON object");
    refused("{}", "not a semantic model");
}

#[test]
fn columns_of_bytes_are_left_out() {
    let text = with(
        r#""roles": [ { "name": "R", "modelPermission": "read", "tablePermissions": [ { "name": "T", "columnPermissions": [
            { "name": "P", "metadataPermission": "none" }, { "name": "B", "metadataPermission": "none" } ] } ] } ]"#,
    )
    .replacen(
        r#""columns": ["#,
        r#""columns": [ { "name": "P", "dataType": "binary", "sourceColumn": "P" }, { "name": "S", "dataType": "string", "sortByColumn": "P" },"#,
        1,
    );
    let mut model = read_bim(&text, "x.bim").unwrap_or_else(|errors| panic!("{errors}"));
    model.leave_out_bytes();
    let names = |columns: &[Column]| columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&model.tables[0].columns), ["S", "A", "B"]);
    assert_eq!(model.tables[0].columns[0].sort_by, None);
    assert_eq!(model.roles[0].tables[0].columns.len(), 1);
    assert_eq!(model.roles[0].tables[0].columns[0].column, "B");
}

#[test]
fn comments_are_passed_over() {
    let text = with("").replacen(
        '{',
        "// by hand\r\n{ /* one \" , } // still one\n */ // and another\n",
        1,
    );
    let model = read_bim(&text, "x.bim").unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(model.tables[0].name, "T");
    assert_eq!(model.tables[0].measures[0].expression, "SUM (\n  T[A] )");
    refused("{ /* open", "JSON");
    refused("{ / }", "JSON");
}

#[test]
fn malformed_json_is_an_error_and_never_a_panic() {
    let whole = with(r#""roles": [ { "name": "\u00e9\n" } ], "x": [1.5e3, -2, true, null, {}]"#);
    assert!(read_bim(&whole, "x.bim").is_ok());
    for end in (0..whole.trim_end().len()).filter(|end| whole.is_char_boundary(*end)) {
        assert!(read_bim(&whole[..end], "x.bim").is_err(), "{end}");
    }
    for byte in ["{", "}", "[", "\"", "\\", ",", ":", "é", "\0", "\n"] {
        for at in (0..whole.len()).filter(|at| whole.is_char_boundary(*at)) {
            let _ = read_bim(&format!("{}{byte}{}", &whole[..at], &whole[at..]), "x.bim");
        }
    }
    refused(&"[".repeat(1_000_000), "nests deeper");
    refused(&"{\"a\":".repeat(1_000_000), "nests deeper");
    refused("{\"a\": 1} x", "after the end");
    refused("{\n\n\"a\": 01}", "x.bim:3");
}

#[test]
fn reads_the_models_beside_the_checkout() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    if !shared.is_dir() {
        return;
    }
    let model = load(&shared.join("data/adventure-works-2020/model.bim")).unwrap();
    assert_eq!(model.roles.len(), 8);
    assert_eq!(
        model
            .tables
            .iter()
            .map(|table| table.measures.len())
            .sum::<usize>(),
        15
    );
    assert_eq!(model.unused, []);
    assert_eq!(
        model.relationship("order-line").unwrap().from_cardinality,
        Cardinality::One
    );
    assert_eq!(
        load(&shared.join("dax/goldens-model"))
            .unwrap()
            .tables
            .len(),
        5
    );
}

#[test]
fn what_several_items_give_is_kept() {
    let model = read(r#""selectionExpressionBehavior": "visual""#);
    let behavior = model.selection_expression_behavior;
    assert_eq!(behavior, SelectionExpressionBehavior::Visual);
    let again = read_bim(&crate::write_bim(&model), "x.bim").unwrap();
    assert_eq!(again.selection_expression_behavior, behavior);
    refused(
        &with(r#""selectionExpressionBehavior": "never""#),
        "selectionExpressionBehavior",
    );
}

//! That rows are hidden does not show where none of them has a part: not in limits, and not in rows that have no partner.

use peristyle::{Database, Identity, Limits, QueryOptions, Session, Value, value_at};

use crate::outcome::all_that_shows;
use crate::scratch::Scratch;

fn session(model: &str) -> Session {
    let scratch = Scratch::new("hidden-rows");
    let file = scratch.path().join("model.bim");
    std::fs::write(&file, model).expect("a file");
    let database = Database::builder(&file).data(scratch.path()).import();
    let database = database.unwrap_or_else(|error| panic!("{error}"));
    let admitted = database.session(Identity::anonymous().role("R"));
    admitted.unwrap_or_else(|error| panic!("{error}"))
}

/// A table that is computed, whose columns are whole numbers.
fn table(name: &str, columns: &[&str], rows: &str) -> String {
    let described: Vec<String> = columns
        .iter()
        .map(|column| {
            format!(
                r#"{{"name": "{column}", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[{column}]"}}"#
            )
        })
        .collect();
    format!(
        r#"{{"name": "{name}", "columns": [{}], "partitions": [{{"name": "{name}", "source": {{"type": "calculated", "expression": "{rows}"}}}}]}}"#,
        described.join(", ")
    )
}

fn model(tables: &[String], relationships: &str, permissions: &str) -> String {
    format!(
        r#"{{"name": "m", "compatibilityLevel": 1702, "model": {{"culture": "en-US", "tables": [{}], "relationships": [{relationships}],
            "roles": [{{"name": "R", "modelPermission": "read", "tablePermissions": [{permissions}]}}]}}}}"#,
        tables.join(", ")
    )
}

/// Ten rows of ten values each, and perhaps more that the role hides.
fn ten_rows_and(hidden: u32) -> Session {
    let rows = format!(
        "SELECTCOLUMNS(GENERATESERIES(1, {}), \\\"Id\\\", [Value], \\\"Twin\\\", INT([Value] / 2))",
        10 + hidden
    );
    session(&model(
        &[table("T", &["Id", "Twin"], &rows)],
        "",
        r#"{"name": "T", "filterExpression": "T[Id] <= 10"}"#,
    ))
}

#[test]
fn a_limit_on_groups_does_not_tell_whether_rows_are_hidden() {
    let (open, hiding) = (ten_rows_and(0), ten_rows_and(4));
    let limits = Limits {
        groups: 5,
        ..Limits::default()
    };
    let options = QueryOptions::default().limits(limits);
    let mut answered = 0;
    for dax in [
        "EVALUATE { CALCULATE(COUNTROWS(T), T[Id] < 4) }",
        "EVALUATE { CALCULATE(MAX(T[Id]), T[Twin] >= 2) }",
        "EVALUATE FILTER(T, T[Id] < 3)",
        "EVALUATE { MAXX(TOPN(2, T, T[Id]), CALCULATE(SUM(T[Twin]))) }",
        "EVALUATE SUMMARIZECOLUMNS(T[Twin], TREATAS({1, 2}, T[Id]), \"n\", COUNTROWS(T))",
        "EVALUATE VALUES(T[Id])",
    ] {
        let (one, other) = (
            all_that_shows(&open, dax, &options),
            all_that_shows(&hiding, dax, &options),
        );
        assert_eq!(one, other, "{dax}");
        answered += usize::from(!one.starts_with("error"));
    }
    assert!(answered >= 3, "{answered} answers");
}

/// Which rows of each of two tables show, where a filter stands on one and the relationship carries security both ways.
fn shown(cardinalities: &str, filtered: &str, filter: &str) -> (String, String) {
    let session = session(&model(
        &[
            table(
                "A",
                &["K"],
                "SELECTCOLUMNS({1, 2, 3, 4}, \\\"K\\\", [Value])",
            ),
            table("B", &["K"], "SELECTCOLUMNS({2, 3, 9}, \\\"K\\\", [Value])"),
        ],
        &format!(
            r#"{{"name": "r", "fromTable": "A", "fromColumn": "K", "toTable": "B", "toColumn": "K", {cardinalities},
                "crossFilteringBehavior": "bothDirections", "securityFilteringBehavior": "bothDirections"}}"#
        ),
        &format!(r#"{{"name": "{filtered}", "filterExpression": "{filter}"}}"#),
    ));
    let rows = |table: &str| {
        let dax = format!("EVALUATE {{ CONCATENATEX({table}, {table}[K], \",\", {table}[K]) }}");
        let answer = session.query(&dax);
        let answer = answer.unwrap_or_else(|error| panic!("{dax}: {error}"));
        match value_at(&answer.tables[0], 0, 0) {
            Value::Text(text) => text.to_string(),
            other => panic!("{other:?}"),
        }
    };
    (rows("A"), rows("B"))
}

/// Row 4 of A has no partner in B: its own filter admits it, and B has none to ask. Row 9 of B has none in A.
#[test]
fn row_rule_5_a_filter_does_not_turn_round() {
    for cardinalities in [
        r#""fromCardinality": "one", "toCardinality": "one""#,
        r#""fromCardinality": "many", "toCardinality": "many""#,
    ] {
        let expected = ("2,3,4".to_owned(), "2,3".to_owned());
        let found = shown(cardinalities, "A", "A[K] >= 2");
        assert_eq!(found, expected, "{cardinalities}");
    }
    let facts = r#""fromCardinality": "many", "toCardinality": "one""#;
    let expected = ("3".to_owned(), "3,9".to_owned());
    assert_eq!(shown(facts, "B", "B[K] >= 3"), expected);
}

/// Roles that changed are applied by the next query of a session. What is found out then is kept for others who hold the role.
#[test]
fn a_limit_on_groups_is_not_for_the_admission_that_a_query_brings_about() {
    let scratch = Scratch::new("admitted-again");
    let file = scratch.path().join("model.bim");
    let both = r#"{"name": "r", "fromTable": "A", "fromColumn": "K", "toTable": "B", "toColumn": "K",
        "crossFilteringBehavior": "bothDirections", "securityFilteringBehavior": "bothDirections"}"#;
    let text = model(
        &[
            table(
                "A",
                &["K"],
                "SELECTCOLUMNS(GENERATESERIES(1, 40), \\\"K\\\", [Value])",
            ),
            table(
                "B",
                &["K"],
                "SELECTCOLUMNS(GENERATESERIES(1, 50), \\\"K\\\", [Value])",
            ),
        ],
        both,
        r#"{"name": "A", "filterExpression": "A[K] > 10"}"#,
    );
    std::fs::write(&file, text).expect("a file");
    let database = Database::import(&file, scratch.path()).expect("a model");
    let session = database.session(Identity::anonymous().role("R"));
    let session = session.expect("a role of the model");
    database.replace_roles(&file).expect("the same roles");
    let limits = Limits {
        groups: 5,
        ..Limits::default()
    };
    let options = QueryOptions::default().limits(limits);
    let answer = session.query_with("EVALUATE { COUNTROWS(B) }", &options);
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(value_at(&answer.tables[0], 0, 0), Value::Integer(30));
}

/// Facts of two areas, and perhaps one of a third that the role hides; budgets of four, which they find by value.
fn areas(facts: &str) -> Session {
    session(&model(
        &[
            table(
                "F",
                &["Area"],
                &format!("SELECTCOLUMNS({{{facts}}}, \\\"Area\\\", [Value])"),
            ),
            table(
                "M",
                &["Area", "Budget"],
                "SELECTCOLUMNS({1, 2, 5, 6}, \\\"Area\\\", [Value], \\\"Budget\\\", [Value] * 10)",
            ),
        ],
        r#"{"name": "r", "fromTable": "F", "fromColumn": "Area", "toTable": "M", "toColumn": "Area", "fromCardinality": "many", "toCardinality": "many"}"#,
        r#"{"name": "F", "filterExpression": "F[Area] <= 2"}"#,
    ))
}

/// Which keys two tables share is asked of visible rows, in the plan too.
#[test]
fn a_key_that_hidden_rows_alone_hold_is_not_there() {
    let (without, hiding) = (areas("1, 2, 2"), areas("1, 2, 5, 2"));
    for dax in [
        "EVALUATE { CALCULATE(COUNTROWS(F), M[Budget] = 50) }",
        "EVALUATE { CALCULATE(MIN(F[Area]), M[Area] >= 2) }",
        "EVALUATE SUMMARIZECOLUMNS(M[Budget], TREATAS({50}, M[Budget]), \"n\", COUNTROWS(F))",
        "EVALUATE FILTER(SUMMARIZECOLUMNS(M[Budget], \"n\", CALCULATE(COUNTROWS(F))), M[Budget] > 20)",
        "EVALUATE SUMMARIZECOLUMNS(M[Budget], TREATAS({50, 60}, M[Budget]), \"n\", MIN(F[Area]))",
        "EVALUATE ADDCOLUMNS(FILTER(VALUES(M[Budget]), M[Budget] >= 50), \"n\", CALCULATE(MIN(F[Area])))",
    ] {
        let (one, other) = (
            all_that_shows(&without, dax, &QueryOptions::default()),
            all_that_shows(&hiding, dax, &QueryOptions::default()),
        );
        assert!(!one.starts_with("error"), "{one}");
        assert_eq!(one, other, "{dax}");
    }
}

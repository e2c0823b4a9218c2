//! Answers and rows that depend on who asks, by ways that do not name it where they stand: an answer that is kept for one caller is
//! never another's, and what a role admits is found anew for each.

use peristyle::{Database, Denied, Error, Identity, Session, Value, value_at};

use crate::scratch::Scratch;

/// A calculation group whose table is called as variables may be, functions with defaults, and a measure that has the name of a
/// column which one role hides.
const MODEL: &str = r#"{"name": "m", "compatibilityLevel": 1702, "model": {"culture": "en-US", "tables": [
    {"name": "T", "columns": [
        {"name": "Id", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Id]"},
        {"name": "Secret", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Secret]"}],
     "measures": [{"name": "Total", "expression": "SUM(T[Id])"}, {"name": "Word", "expression": "\"w\""},
        {"name": "Shadowed", "expression": "VAR Who = 1 RETURN CALCULATE([Total], Who[Item] = \"Me\")"}],
     "partitions": [{"name": "T", "source": {"type": "calculated", "expression": "SELECTCOLUMNS(GENERATESERIES(1, 4), \"Id\", [Value], \"Secret\", [Value])"}}]},
    {"name": "U", "columns": [{"name": "Id", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Id]"}],
     "measures": [{"name": "Secret", "expression": "USERNAME()"}],
     "partitions": [{"name": "U", "source": {"type": "calculated", "expression": "SELECTCOLUMNS(GENERATESERIES(1, 4), \"Id\", [Value])"}}]},
    {"name": "Who", "columns": [{"name": "Item", "dataType": "string", "sourceColumn": "Name"}],
     "calculationGroup": {"precedence": 1, "calculationItems": [{"name": "Me", "expression": "USERNAME()"}]},
     "partitions": [{"name": "Who", "source": {"type": "calculationGroup"}}]}],
    "functions": [
        {"name": "Whose", "expression": "(user : STRING = USERPRINCIPALNAME()) => \"u:\" & user"},
        {"name": "Given", "expression": "(who : STRING EXPR = USERNAME()) => who"},
        {"name": "Chosen", "expression": "(t : ANYREF EXPR) => CALCULATE([Total], TREATAS({\"Me\"}, t))"}],
    "roles": [
        {"name": "All", "modelPermission": "read"},
        {"name": "Blind", "modelPermission": "read", "tablePermissions": [{"name": "T", "columnPermissions": [{"name": "Secret", "metadataPermission": "none"}]}]},
        {"name": "By Default", "modelPermission": "read", "tablePermissions": [{"name": "T", "filterExpression": "Whose() = \"u:ana\""}]},
        {"name": "By Item", "modelPermission": "read", "tablePermissions": [{"name": "T", "filterExpression": "VAR Who = 1 RETURN CALCULATE([Word], Who[Item] = \"Me\") = \"ana\""}]}]
}}"#;

fn database() -> Database {
    let scratch = Scratch::new("who-reads");
    let file = scratch.path().join("model.bim");
    std::fs::write(&file, MODEL).expect("a file");
    let builder = Database::builder(&file).data(scratch.path()).threads(2);
    let database = builder.cache_bytes(64 << 20).import();
    database.unwrap_or_else(|error| panic!("{error}"))
}

fn session(database: &Database, user: &str, role: &str) -> Result<Session, Error> {
    database.session(Identity::user(user).role(role))
}

/// What the query answers in its only cell, to each of two users in turn.
fn check(role: &str, query: &str, expected: [&str; 2]) {
    let database = database();
    for _ in 0..2 {
        for (user, expected) in ["ana", "bo"].into_iter().zip(expected) {
            let session = session(&database, user, role).unwrap_or_else(|error| panic!("{error}"));
            let answer = session.query(query);
            let answer = answer.unwrap_or_else(|error| panic!("{query}: {error}"));
            let found = value_at(&answer.tables[0], 0, 0);
            assert_eq!(found, Value::text(expected), "{user}: {query}");
        }
    }
}

#[test]
fn a_default_of_a_function_of_the_model_reads_who_asks() {
    check("All", "EVALUATE { Whose() }", ["u:ana", "u:bo"]);
    check("All", "EVALUATE { Given() }", ["ana", "bo"]);
    check(
        "All",
        "DEFINE FUNCTION f = (x : STRING = Whose()) => x EVALUATE { f() }",
        ["u:ana", "u:bo"],
    );
}

#[test]
fn a_role_that_reads_who_asks_in_a_default_admits_each_for_himself() {
    for role in ["By Default", "By Item"] {
        let database = database();
        for _ in 0..2 {
            for (user, expected) in [("ana", 4), ("bo", 0)] {
                let session = session(&database, user, role).unwrap();
                let answer = session.query("EVALUATE T").unwrap();
                assert_eq!(
                    answer.tables[0].batch.num_rows(),
                    expected,
                    "{role}: {user}"
                );
            }
            let nobody = database.session(Identity::anonymous().role(role));
            assert!(
                matches!(nobody, Err(Error::Denied(Denied::NeedsUserName { .. }))),
                "{role}"
            );
        }
    }
}

#[test]
fn a_variable_with_the_name_of_a_table_hides_no_item() {
    let own = ["ana", "bo"];
    check(
        "All",
        "EVALUATE VAR Who = 1 RETURN ROW(\"x\", CALCULATE([Total], Who[Item] = \"Me\"))",
        own,
    );
    check("All", "EVALUATE ROW(\"x\", [Shadowed])", own);
    check(
        "All",
        "DEFINE FUNCTION f = (Who : SCALAR) => CALCULATE([Total], Who[Item] = \"Me\") EVALUATE ROW(\"x\", f(1))",
        own,
    );
}

#[test]
fn a_column_without_its_table_hides_no_item() {
    let own = ["ana", "bo"];
    check(
        "All",
        "DEFINE MEASURE Who[x] = CALCULATE([Total], TREATAS({\"Me\"}, [Item])) EVALUATE ROW(\"x\", [x])",
        own,
    );
    check(
        "All",
        "DEFINE MEASURE Who[x] = f() FUNCTION f = () => CALCULATE([Total], TREATAS({\"Me\"}, [Item])) EVALUATE ROW(\"x\", [x])",
        own,
    );
    check("All", "EVALUATE ROW(\"x\", Chosen(Who[Item]))", own);
}

#[test]
fn the_name_of_a_hidden_column_may_be_that_of_a_measure() {
    check("Blind", "EVALUATE ROW(\"x\", T[Secret])", ["ana", "bo"]);
}

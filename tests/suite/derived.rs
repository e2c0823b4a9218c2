//! Calculated objects that reach a hidden column by ways that do not name it where they stand are hidden with it; those that do not
//! reach it stay. On disk the same.

use std::path::Path;
use std::sync::Arc;

use peristyle::{Database, Identity, Session, Stage};

use crate::at_rest::Vault;
use crate::scratch::Scratch;

/// Orders with a cost, which a role hides, and products that are computed from it in all sorts of ways.
const MODEL: &str = r#"{"name": "m", "compatibilityLevel": 1702, "model": {"culture": "en-US", "tables": [
    {"name": "Orders", "columns": [
        {"name": "Id", "isKey": true, "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Id]"},
        {"name": "Product", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Product]"},
        {"name": "Cost", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Cost]"},
        {"name": "Amount", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Amount]"},
        {"name": "Twofold", "dataType": "int64", "type": "calculated", "expression": "Twice()"},
        {"name": "Net", "dataType": "int64", "type": "calculated", "expression": "[Amount] * 2"}],
     "measures": [
        {"name": "Sales", "expression": "SUM(Orders[Amount])"},
        {"name": "Costs", "expression": "SUM(Orders[Cost])"},
        {"name": "Net Sales", "expression": "SUMX(Orders, [Net])"}],
     "partitions": [{"name": "Orders", "source": {"type": "calculated", "expression": "SELECTCOLUMNS(GENERATESERIES(1, 8), \"Id\", [Value], \"Product\", MOD([Value], 3), \"Cost\", [Value] * 10, \"Amount\", [Value] * 25)"}}]},
    {"name": "Products", "columns": [
        {"name": "Key", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Value]"},
        {"name": "Label", "dataType": "string", "type": "calculated", "expression": "\"p\" & [Key]"},
        {"name": "Sold", "dataType": "int64", "type": "calculated", "expression": "CALCULATE(SUM(Orders[Amount]))"},
        {"name": "Shadowed", "dataType": "int64", "type": "calculated", "expression": "VAR Orders = 1 RETURN CALCULATE(SUM(Orders[Cost])) + Orders"},
        {"name": "By Table", "dataType": "int64", "type": "calculated", "expression": "VAR k = Products[Key] RETURN SUMX(FILTER(TABLEOF([Sales]), [Product] = k), [Cost])"},
        {"name": "By Detail", "dataType": "int64", "type": "calculated", "expression": "SUMX(DETAILROWS([Sales]), [Cost])"},
        {"name": "By Default", "dataType": "int64", "type": "calculated", "expression": "Given()"},
        {"name": "By Rows", "dataType": "int64", "type": "calculated", "expression": "[Twins]"},
        {"name": "Cards", "dataType": "int64", "type": "calculated", "expression": "COUNTROWS(RELATEDTABLE(Orders))"}],
     "partitions": [{"name": "Products", "source": {"type": "calculated", "expression": "GENERATESERIES(0, 2)"}}]},
    {"name": "Log", "columns": [
        {"name": "Place", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Place]"},
        {"name": "Secret", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Secret]"}],
     "measures": [{"name": "Twins", "expression": "SUMX(Log, CALCULATE(COUNTROWS(Log)))"}],
     "partitions": [{"name": "Log", "source": {"type": "calculated", "expression": "SELECTCOLUMNS(GENERATESERIES(1, 8), \"Place\", 1, \"Secret\", INT([Value] / 2))"}}]},
    {"name": "Days", "columns": [
        {"name": "Date", "dataType": "dateTime", "type": "calculatedTableColumn", "sourceColumn": "[Date]"},
        {"name": "Week", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Week]"},
        {"name": "Year", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Year]"}],
     "partitions": [{"name": "Days", "source": {"type": "calculated", "expression": "ADDCOLUMNS(CALENDAR(DATE(2023, 1, 1), DATE(2023, 3, 31)), \"Week\", INT(([Date] - DATE(2023, 1, 1)) / 7), \"Year\", YEAR([Date]))"}}],
     "calendars": [
        {"name": "Weekly", "calendarColumnGroups": [{"timeUnit": "week", "primaryColumn": "Week"}, {"timeUnit": "date", "primaryColumn": "Date"}]},
        {"name": "Yearly", "calendarColumnGroups": [{"timeUnit": "year", "primaryColumn": "Year"}, {"timeUnit": "date", "primaryColumn": "Date"}]}]},
    {"name": "Last Week", "columns": [{"name": "Day", "dataType": "dateTime", "type": "calculatedTableColumn", "sourceColumn": "[Day]"}],
     "partitions": [{"name": "Last Week", "source": {"type": "calculated", "expression": "SELECTCOLUMNS(CALCULATETABLE(PREVIOUSWEEK(Weekly), Days[Date] = DATE(2023, 2, 1)), \"Day\", Days[Date])"}}]},
    {"name": "February", "columns": [{"name": "Day", "dataType": "dateTime", "type": "calculatedTableColumn", "sourceColumn": "[Day]"}],
     "partitions": [{"name": "February", "source": {"type": "calculated", "expression": "SELECTCOLUMNS(FILTER(Days, MONTH(Days[Date]) = 2), \"Day\", Days[Date])"}}]}],
    "functions": [
        {"name": "Twice", "expression": "() => [Cost] * 2"},
        {"name": "Given", "expression": "(x : NUMERIC = CALCULATE(SUM(Orders[Cost]))) => x * 2"},
        {"name": "Bonus", "expression": "(a : NUMERIC, rate : NUMERIC = 0.0375) => IF(a > 123456, a * rate, a + 777)"}],
    "relationships": [{"name": "sold", "fromTable": "Orders", "fromColumn": "Product", "toTable": "Products", "toColumn": "Key"}],
    "roles": [
        {"name": "All", "modelPermission": "read"},
        {"name": "No Cost", "modelPermission": "read", "tablePermissions": [{"name": "Orders", "columnPermissions": [{"name": "Cost", "metadataPermission": "none"}]},
            {"name": "Log", "columnPermissions": [{"name": "Secret", "metadataPermission": "none"}]}]},
        {"name": "No Week", "modelPermission": "read", "tablePermissions": [{"name": "Days", "columnPermissions": [{"name": "Week", "metadataPermission": "none"}]}]}]
}}"#;

fn database(folder: &Path) -> Database {
    let file = folder.join("model.bim");
    std::fs::write(&file, MODEL).expect("a file");
    let builder = Database::builder(&file).data(folder).threads(2);
    builder.import().unwrap_or_else(|error| panic!("{error}"))
}

/// Tables and columns that the role sees, measures after them.
fn seen(database: &Database, role: &str) -> Vec<String> {
    let session = session(database, role);
    let mut names = Vec::new();
    for table in session.catalog().tables {
        let columns = table.columns.iter().map(|column| &column.name);
        let members = columns.chain(table.measures.iter().map(|measure| &measure.name));
        names.extend(members.map(|member| format!("{}[{member}]", table.name)));
    }
    names.sort();
    names
}

fn session(database: &Database, role: &str) -> Session {
    let session = database.session(Identity::user("ana").role(role));
    session.unwrap_or_else(|error| panic!("{error}"))
}

/// What the role does not see of what there is, and that nothing else is missing.
fn check(database: &Database, role: &str, gone: &[&str]) {
    let all = seen(database, "All");
    let left = seen(database, role);
    let missing: Vec<&str> = all
        .iter()
        .filter(|name| !left.contains(name))
        .map(String::as_str)
        .collect();
    assert_eq!(missing, gone, "{role}");
}

const WITHOUT_COST: &[&str] = &[
    "Log[Secret]",
    "Orders[Cost]",
    "Orders[Costs]",
    "Orders[Twofold]",
    "Products[By Default]",
    "Products[By Detail]",
    // A row of a table without a key becomes a filter by all its columns, the hidden one among them.
    "Products[By Rows]",
    "Products[By Table]",
    "Products[Shadowed]",
];

const WITHOUT_WEEK: &[&str] = &["Days[Week]", "Last Week[Day]"];

#[test]
fn what_was_computed_from_a_hidden_column_is_hidden() {
    let scratch = Scratch::new("derived");
    let database = database(scratch.path());
    check(&database, "No Cost", WITHOUT_COST);
    check(&database, "No Week", WITHOUT_WEEK);
    // Other roles over the same data.
    database
        .replace_roles(scratch.path().join("model.bim"))
        .unwrap();
    check(&database, "No Cost", WITHOUT_COST);
}

#[test]
fn what_is_opened_from_disk_is_known_by_what_it_was_computed_from() {
    let scratch = Scratch::new("derived-on-disk");
    let folder = scratch.path().join("dataset");
    let key = Arc::new(Vault::default());
    database(scratch.path())
        .save(&folder, key.as_ref())
        .unwrap();
    let opened = Database::open(&folder, key.clone()).unwrap();
    check(&opened, "No Cost", WITHOUT_COST);
    check(&opened, "No Week", WITHOUT_WEEK);
    // The next generation is opened in turn.
    opened.rekey(key.clone()).unwrap();
    check(&opened, "No Cost", WITHOUT_COST);
    drop(opened);
    let opened = Database::open(&folder, key).unwrap();
    check(&opened, "No Week", WITHOUT_WEEK);
}

#[test]
fn an_explanation_under_roles_stops_at_functions_of_the_model() {
    let scratch = Scratch::new("explained");
    let database = database(scratch.path());
    let session = session(&database, "All");
    let query = "EVALUATE { Bonus([Sales]) + 4711 }";
    for stage in [Stage::Bound, Stage::Plan, Stage::Scans] {
        let shown = session.explain(stage, query).unwrap();
        for secret in ["123456", "777", "0.0375"] {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
        // What the caller wrote is shown.
        assert_eq!(shown.contains("4711"), stage != Stage::Scans, "{shown}");
    }
}

#[test]
fn a_name_in_other_letters_is_no_function() {
    let scratch = Scratch::new("letters");
    let error = session(&database(scratch.path()), "All")
        .query("EVALUATE { UſERNAME() }")
        .unwrap_err()
        .to_string();
    assert!(error.contains("there is no function UſERNAME"), "{error}");
}

//! Models in which something cannot be computed: it is in error, whoever reads it is refused, and all else answers. Roles show no more for
//! it, errors carry no cell, and on disk and after a refresh it is the same.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use peristyle::{Database, Denied, Error, Identity, Refresh, Session};

use crate::at_rest::Vault;
use crate::functions::value;
use crate::scratch::Scratch;
use crate::sheets::write_file;

/// Facts with a column for each way to fail, beside what does not depend on any of them.
const MODEL: &str = r#"{"name": "m", "compatibilityLevel": 1702, "model": {"culture": "en-US", "tables": [
    {"name": "Facts", "columns": [
        {"name": "Id", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Id]"},
        {"name": "Part", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Part]"},
        {"name": "Text", "dataType": "string", "type": "calculatedTableColumn", "sourceColumn": "[Text]"},
        {"name": "Amount", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Amount]"},
        {"name": "Syntax", "dataType": "int64", "type": "calculated", "expression": "[Amount] +"},
        {"name": "Lost", "dataType": "int64", "type": "calculated", "expression": "Facts[Nowhere] + 1"},
        {"name": "Foreign", "dataType": "int64", "type": "calculated", "expression": "NOSUCHFUNCTION([Amount])"},
        {"name": "Number", "dataType": "int64", "type": "calculated", "expression": "VALUE(Facts[Text])"},
        {"name": "Raised", "dataType": "int64", "type": "calculated", "expression": "IF(Facts[Id] = 4, ERROR(\"bad \" & Facts[Text]), 1)"},
        {"name": "After", "dataType": "int64", "type": "calculated", "expression": "Facts[Number] * 2"},
        {"name": "Caught", "dataType": "int64", "type": "calculated", "expression": "IFERROR(Facts[Number], 0)"},
        {"name": "Other", "dataType": "int64", "type": "calculated", "expression": "Facts[Part] + Facts[Nowhere]"},
        {"name": "Fine", "dataType": "int64", "type": "calculated", "expression": "Facts[Amount] * 2"}],
     "measures": [
        {"name": "Total", "expression": "SUM(Facts[Amount])"},
        {"name": "Numbers", "expression": "SUM(Facts[Number])"},
        {"name": "Fine Total", "expression": "SUM(Facts[Fine])"}],
     "partitions": [{"name": "Facts", "source": {"type": "calculated", "expression": "SELECTCOLUMNS(GENERATESERIES(1, 6), \"Id\", [Value], \"Part\", MOD([Value], 3) + 1, \"Text\", IF([Value] = 4, \"topsecret\", FORMAT([Value], \"0\")), \"Amount\", [Value] * 10)"}}]},
    {"name": "Parts", "columns": [
        {"name": "Key", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Value]"},
        {"name": "Name", "dataType": "string", "type": "calculated", "expression": "\"p\" & Parts[Key]"}],
     "partitions": [{"name": "Parts", "source": {"type": "calculated", "expression": "GENERATESERIES(1, 3)"}}]},
    {"name": "Others", "columns": [
        {"name": "Key", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Value]"},
        {"name": "Name", "dataType": "string", "type": "calculated", "expression": "\"o\" & Others[Key]"}],
     "partitions": [{"name": "Others", "source": {"type": "calculated", "expression": "GENERATESERIES(1, 3)"}}]},
    {"name": "Gone", "columns": [
        {"name": "Key", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Value]"},
        {"name": "Next", "dataType": "int64", "type": "calculated", "expression": "Gone[Key] + 1"}],
     "measures": [{"name": "Housed", "expression": "SUM(Facts[Amount]) + 1"}],
     "partitions": [{"name": "Gone", "source": {"type": "calculated", "expression": "FILTER(Nothing, TRUE())"}}]}],
    "relationships": [
        {"name": "part", "fromTable": "Facts", "fromColumn": "Part", "toTable": "Parts", "toColumn": "Key"},
        {"name": "other", "fromTable": "Facts", "fromColumn": "Other", "toTable": "Others", "toColumn": "Key"},
        {"name": "gone", "fromTable": "Gone", "fromColumn": "Key", "toTable": "Parts", "toColumn": "Key"}]
    ROLES
}}"#;

const ROLES: &str = r#", "roles": [
    {"name": "All", "modelPermission": "read"},
    {"name": "Part", "modelPermission": "read", "tablePermissions": [{"name": "Parts", "filterExpression": "Parts[Key] = 1"}]},
    {"name": "Other", "modelPermission": "read", "tablePermissions": [{"name": "Others", "filterExpression": "Others[Key] = 1"}]},
    {"name": "Number", "modelPermission": "read", "tablePermissions": [{"name": "Facts", "filterExpression": "Facts[Number] > 0"}]},
    {"name": "Caught", "modelPermission": "read", "tablePermissions": [{"name": "Facts", "filterExpression": "IFERROR([Numbers] > 0, TRUE())"}]},
    {"name": "Unused", "modelPermission": "read", "tablePermissions": [{"name": "Facts", "filterExpression": "TRUE() || Facts[Number] > 0"}]},
    {"name": "Blank", "modelPermission": "read", "tablePermissions": [{"name": "Facts", "filterExpression": "COUNTROWS(VALUES(Others[Key])) > 0"}]},
    {"name": "Listed", "modelPermission": "read", "tablePermissions": [{"name": "Parts", "filterExpression": "ISEMPTY(FILTER(COLUMNSTATISTICS(), [Column Name] = \"Number\"))"}]},
    {"name": "Gone", "modelPermission": "read", "tablePermissions": [{"name": "Gone", "filterExpression": "TRUE()"}]},
    {"name": "No Text", "modelPermission": "read", "tablePermissions": [{"name": "Facts", "columnPermissions": [{"name": "Text", "metadataPermission": "none"}]}]},
    {"name": "No Amount", "modelPermission": "read", "tablePermissions": [{"name": "Facts", "columnPermissions": [{"name": "Amount", "metadataPermission": "none"}]}]}]"#;

fn database(folder: &Path, roles: &str) -> Database {
    let file = folder.join("model.bim");
    fs::write(&file, MODEL.replace("ROLES", roles)).expect("a model in the scratch folder");
    Database::import(&file, folder).unwrap_or_else(|error| panic!("{error}"))
}

fn session(database: &Database, roles: &[&str]) -> Session {
    let identity = Identity::user("ana").roles(roles.iter().copied());
    let session = database.session(identity);
    session.unwrap_or_else(|error| panic!("{roles:?}: {error}"))
}

/// The code and the message of what a query is refused with.
fn refusal(session: &Session, query: &str) -> (&'static str, String) {
    match session.query(query) {
        Err(error) => (error.code(), error.to_string()),
        Ok(_) => panic!("{query} is answered"),
    }
}

fn refuses(session: &Session, query: &str, words: &[&str]) {
    let (code, message) = refusal(session, query);
    assert_eq!(code, "in_error", "{query}: {message}");
    for word in words {
        assert!(message.contains(word), "{query}: {message}");
    }
    assert!(!message.contains("topsecret"), "{query}: {message}");
}

/// What does not depend on what is in error.
fn answers(session: &Session) {
    for (expression, expected) in [
        ("[Total]", "210"),
        ("[Fine Total]", "420"),
        ("[Housed]", "211"),
        ("Gone[Housed]", "211"),
        ("COUNTROWS(Facts)", "6"),
        ("COUNTROWS(FILTER(Facts, Facts[Amount] > 20))", "4"),
        ("CALCULATE([Total], Parts[Name] = \"p1\")", "90"),
        (
            "CALCULATE([Total], FILTER(Facts, Facts[Amount] > 20))",
            "180",
        ),
        ("SUMX(Facts, [Total])", "210"),
        ("SUMX(Parts, [Total])", "210"),
        ("COUNTROWS(VALUES(Others[Name]))", "3"),
        ("COUNTROWS(SUMMARIZE(Facts, Parts[Name]))", "3"),
        ("CALCULATE([Total], REMOVEFILTERS(Facts))", "210"),
        (
            "COUNTROWS(FILTER(COLUMNSTATISTICS(), [Table Name] = \"Facts\"))",
            "6",
        ),
        ("COUNTROWS(FILTER(INFO.COLUMNS(), [State] = 5))", "10"),
        ("COUNTROWS(FILTER(INFO.RELATIONSHIPS(), [State] = 7))", "2"),
    ] {
        assert_eq!(value(session, expression), expected, "{expression}");
    }
}

const REFUSED: &[(&str, &[&str])] = &[
    (
        "EVALUATE ROW(\"x\", SUM(Facts[Syntax]))",
        &["'Facts'[Syntax] is in error"],
    ),
    (
        "EVALUATE ROW(\"x\", SUM(Facts[Lost]))",
        &["'Facts'[Lost] is in error", "Nowhere"],
    ),
    (
        "EVALUATE ROW(\"x\", SUM(Facts[Foreign]))",
        &["'Facts'[Foreign] is in error", "NOSUCHFUNCTION"],
    ),
    (
        "EVALUATE ROW(\"x\", SUM(Facts[Number]))",
        &["'Facts'[Number] is in error"],
    ),
    (
        "EVALUATE ROW(\"x\", SUM(Facts[Raised]))",
        &["'Facts'[Raised] is in error"],
    ),
    (
        "EVALUATE ROW(\"x\", SUM(Facts[After]))",
        &["'Facts'[After] is in error", "'Facts'[Number] is in error"],
    ),
    // IFERROR makes no value of what has none.
    (
        "EVALUATE ROW(\"x\", SUM(Facts[Caught]))",
        &["'Facts'[Caught] is in error", "'Facts'[Number] is in error"],
    ),
    (
        "EVALUATE ROW(\"x\", IFERROR([Numbers], 0))",
        &["[Numbers]", "'Facts'[Number] is in error"],
    ),
    (
        "EVALUATE ROW(\"x\", IF(TRUE(), 1, [Numbers]))",
        &["'Facts'[Number]"],
    ),
    (
        "EVALUATE ROW(\"x\", ISFILTERED(Facts[Number]))",
        &["'Facts'[Number]"],
    ),
    (
        "EVALUATE ROW(\"x\", CALCULATE([Total], ALL(Facts[Number])))",
        &["'Facts'[Number]"],
    ),
    (
        "EVALUATE ROW(\"x\", CALCULATE([Total], Facts[Number] = 1))",
        &["'Facts'[Number]"],
    ),
    ("EVALUATE VALUES(Facts[Number])", &["'Facts'[Number]"]),
    (
        "EVALUATE SUMMARIZECOLUMNS(Facts[Number], \"x\", [Total])",
        &["'Facts'[Number]"],
    ),
    (
        "EVALUATE FILTER(VALUES(Facts[Part]), FALSE()) ORDER BY [Part], [Numbers]",
        &["'Facts'[Number]"],
    ),
    // A table is shown with all its columns or not at all, its rows are there all the same.
    ("EVALUATE Facts", &["is in error"]),
    ("EVALUATE FILTER(Facts, FALSE())", &["is in error"]),
    ("EVALUATE TOPN(1, ALL(Facts), Facts[Id])", &["is in error"]),
    ("EVALUATE Gone", &["'Gone' is in error", "Nothing"]),
    (
        "EVALUATE ROW(\"x\", COUNTROWS(Gone))",
        &["'Gone' is in error"],
    ),
    (
        "EVALUATE ROW(\"x\", CALCULATE([Total], ALL(Gone)))",
        &["'Gone' is in error"],
    ),
    (
        "EVALUATE ROW(\"x\", SUM(Gone[Next]))",
        &["'Gone'[Next] is in error"],
    ),
    (
        "DEFINE COLUMN Gone[More] = 1 EVALUATE VALUES(Gone[More])",
        &["'Gone' is in error"],
    ),
    // Nothing goes over a relationship whose key is in error, and no total stands in its place.
    (
        "EVALUATE SUMMARIZECOLUMNS(Others[Name], \"x\", [Total])",
        &["'Facts' and 'Others'"],
    ),
    (
        "EVALUATE ROW(\"x\", CALCULATE([Total], Others[Name] = \"o1\"))",
        &["'Facts' and 'Others'"],
    ),
    (
        "EVALUATE ROW(\"x\", SUMX(Others, [Total]))",
        &["'Facts' and 'Others'"],
    ),
    (
        "EVALUATE ROW(\"x\", COUNTX(Facts, RELATED(Others[Name])))",
        &["'Facts' and 'Others'"],
    ),
    (
        "EVALUATE ROW(\"x\", COUNTROWS(SUMMARIZE(Facts, Others[Name])))",
        &["'Facts' and 'Others'"],
    ),
];

#[test]
fn what_cannot_be_computed_stops_nothing_else() {
    let scratch = Scratch::new("failing");
    let database = database(scratch.path(), "");
    let session = session(&database, &[]);
    answers(&session);
    for (query, words) in REFUSED {
        refuses(&session, query, words);
    }
}

#[test]
fn the_operator_is_told_what_is_in_error_and_why() {
    let scratch = Scratch::new("failing-told");
    let problems = database(scratch.path(), ROLES).in_error();
    let objects: Vec<&str> = problems
        .iter()
        .map(|problem| problem.object.as_str())
        .collect();
    let facts = [
        "Syntax", "Lost", "Foreign", "Number", "Raised", "After", "Caught", "Other",
    ];
    let mut expected: Vec<String> = facts.map(|name| format!("column 'Facts'[{name}]")).to_vec();
    expected.extend(
        [
            "table 'Gone'",
            "relationship 'Facts'[Other] -> 'Others'[Key]",
            "relationship 'Gone'[Key] -> 'Parts'[Key]",
            "role 'Other'",
            "role 'Gone'",
        ]
        .map(str::to_owned),
    );
    let (mut found, mut wanted) = (
        objects.clone(),
        expected.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    for problem in &problems {
        let text = problem.to_string();
        assert!(text.contains("model.bim"), "{text}");
        assert!(!text.contains("topsecret"), "{text}");
    }
}

#[test]
fn a_strict_import_stops_at_the_first() {
    let scratch = Scratch::new("failing-strict");
    let file = scratch.path().join("model.bim");
    fs::write(&file, MODEL.replace("ROLES", "")).expect("a model in the scratch folder");
    let builder = Database::builder(&file).data(scratch.path()).strict(true);
    let error = builder.import().err().expect("a model in error");
    assert_eq!(error.code(), "dataset", "{error}");
    assert!(!error.to_string().contains("topsecret"), "{error}");
}

#[test]
fn roles_that_need_what_is_in_error_admit_nobody() {
    let scratch = Scratch::new("failing-roles");
    let check = |database: &Database| {
        let refused = |roles: &[&str]| {
            let identity = Identity::user("ana").roles(roles.iter().copied());
            match database.session(identity) {
                Err(Error::Denied(Denied::FilterFailed { .. })) => {}
                Err(other) => panic!("{roles:?}: {other}"),
                Ok(_) => panic!("{roles:?} are admitted"),
            }
        };
        for role in [
            "Other", "Number", "Caught", "Unused", "Blank", "Listed", "Gone",
        ] {
            refused(&[role]);
            refused(&["All", role]);
        }
        answers(&session(database, &["All"]));
        let part = session(database, &["Part"]);
        assert_eq!(value(&part, "[Total]"), "90");
        assert_eq!(value(&part, "COUNTROWS(Parts)"), "1");
    };
    let imported = database(scratch.path(), ROLES);
    check(&imported);
    imported
        .replace_roles(scratch.path().join("model.bim"))
        .expect("the same roles");
    check(&imported);
}

/// The reason may name what is hidden, and may follow from rows that are: who does not see all is told of the object alone.
#[test]
fn reasons_are_for_those_from_whom_nothing_is_hidden() {
    let scratch = Scratch::new("failing-hidden");
    let database = database(scratch.path(), ROLES);
    let query = "EVALUATE ROW(\"x\", SUM(Facts[Lost]))";
    refuses(&session(&database, &["All"]), query, &["Nowhere"]);
    let part = refusal(&session(&database, &["Part"]), query);
    assert_eq!(part.0, "in_error");
    assert!(part.1.contains("'Facts'[Lost] is in error"), "{}", part.1);
    assert!(!part.1.contains("Nowhere"), "{}", part.1);
    // What would have been computed from a hidden column is hidden with it, and what is in error would have been computed from who knows
    // what: as if it had never been there.
    let hidden = session(&database, &["No Text"]);
    for name in ["Number", "Raised", "After", "Caught", "Lost", "Never There"] {
        let (code, message) = refusal(&hidden, &format!("EVALUATE ROW(\"x\", SUM(Facts[{name}]))"));
        assert_eq!(code, "unknown_name", "{name}: {message}");
    }
    let amount = session(&database, &["No Amount"]);
    for name in ["Syntax", "Foreign"] {
        let (code, message) = refusal(&amount, &format!("EVALUATE ROW(\"x\", SUM(Facts[{name}]))"));
        assert_eq!(code, "unknown_name", "{name}: {message}");
    }
}

#[test]
fn a_saved_dataset_is_in_error_where_it_was() {
    let scratch = Scratch::new("failing-saved");
    let vault = Arc::new(Vault::default());
    let imported = database(scratch.path(), "");
    let folder = scratch.path().join("dataset");
    imported.save(&folder, vault.as_ref()).expect("a dataset");
    peristyle::verify(&folder, vault.as_ref(), 1).expect("all as it was written");
    let check = |database: &Database| {
        let session = session(database, &[]);
        answers(&session);
        for (query, words) in REFUSED {
            refuses(&session, query, words);
        }
        let names = |database: &Database| -> Vec<String> {
            let problems = database.in_error().into_iter();
            problems.map(|problem| problem.object).collect()
        };
        assert_eq!(names(database), names(&imported));
    };
    let opened = Database::open(&folder, vault.clone()).expect("the dataset");
    check(&opened);
    opened.rekey(vault.clone()).expect("another generation");
    check(&opened);
    check(&Database::open(&folder, vault).expect("the other generation"));
}

/// Rows with a text that is no number put a column in error; other rows mend it.
#[test]
fn a_refresh_computes_again_what_is_in_error() {
    const NUMBERS: &str = r#"{"name": "m", "compatibilityLevel": 1600, "model": {"culture": "en-US", "tables": [
        {"name": "Lines", "columns": [
            {"name": "Id", "dataType": "int64", "sourceColumn": "Id"},
            {"name": "Text", "dataType": "string", "sourceColumn": "Text"},
            {"name": "Number", "dataType": "int64", "type": "calculated", "expression": "VALUE(Lines[Text])"}],
         "partitions": [{"name": "Lines", "mode": "import", "source": {"type": "m", "expression": "let Source = Parquet.Document(File.Contents(\"Lines.parquet\")) in Source"}}]},
        {"name": "Numbers", "columns": [{"name": "Number", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "Lines[Number]"}],
         "partitions": [{"name": "Numbers", "source": {"type": "calculated", "expression": "DISTINCT(Lines[Number])"}}]}]}}"#;
    let scratch = Scratch::new("failing-refresh");
    let file = scratch.path().join("model.bim");
    fs::write(&file, NUMBERS).expect("a model in the scratch folder");
    let lines = |texts: &[&str]| {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..texts.len() as i64));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
        let batch = RecordBatch::try_from_iter([("Id", ids), ("Text", texts)]).expect("a batch");
        write_file(&batch, &scratch.path().join("Lines.parquet"));
    };
    lines(&["1", "two"]);
    let vault = Arc::new(Vault::default());
    let folder = scratch.path().join("dataset");
    let imported = Database::import(&file, scratch.path()).expect("the model");
    imported.save(&folder, vault.as_ref()).expect("a dataset");
    let opened = Database::open(&folder, vault.clone()).expect("the dataset");
    let refresh = |database: &Database| {
        let saved = database.refresh(&Refresh::default());
        saved.expect("a refresh").expect("new rows");
    };
    let check = |numbers: &str, rows: &str, errors: usize| {
        for database in [
            &opened,
            &Database::open(&folder, vault.clone()).expect("the dataset"),
        ] {
            let session = session(database, &[]);
            assert_eq!(value(&session, "SUM(Lines[Number])"), numbers);
            assert_eq!(value(&session, "COUNTROWS(Numbers)"), rows);
            assert_eq!(value(&session, "COUNTROWS(Lines)"), "2");
            assert_eq!(database.in_error().len(), errors);
        }
    };
    check("error", "error", 2);
    lines(&["1", "2"]);
    refresh(&opened);
    check("3", "2", 0);
    lines(&["1", "three"]);
    refresh(&opened);
    check("error", "error", 2);
    // Who is strict keeps what there was.
    let strict = Database::builder(&folder).strict(true).open(vault.clone());
    let strict = strict.expect("what is on disk was judged when it was written");
    lines(&["1", "four"]);
    let refused = strict
        .refresh(&Refresh::default())
        .expect_err("a column in error");
    assert_eq!(refused.code(), "dataset", "{refused}");
}

/// An item of a calculation group that reads what is in error is refused where it is taken, and the others answer.
#[test]
fn an_item_that_reads_what_is_in_error_is_refused_where_it_is_taken() {
    const ITEMS: &str = r#"{"name": "m", "compatibilityLevel": 1600, "model": {"culture": "en-US", "discourageImplicitMeasures": true, "tables": [
        {"name": "T", "columns": [
            {"name": "N", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Value]"},
            {"name": "Bad", "dataType": "int64", "type": "calculated", "expression": "T[Nowhere] + 1"}],
         "measures": [{"name": "Total", "expression": "SUM(T[N])"}],
         "partitions": [{"name": "T", "source": {"type": "calculated", "expression": "GENERATESERIES(1, 3)"}}]},
        {"name": "Shown", "columns": [{"name": "Item", "dataType": "string", "sourceColumn": "Name"}],
         "calculationGroup": {"precedence": 1, "calculationItems": [
            {"name": "twice", "expression": "2 * SELECTEDMEASURE()"},
            {"name": "bad", "expression": "SELECTEDMEASURE() + SUM(T[Bad])"}]},
         "partitions": [{"name": "Shown", "source": {"type": "calculationGroup"}}]}]}}"#;
    let scratch = Scratch::new("failing-items");
    let file = scratch.path().join("model.bim");
    fs::write(&file, ITEMS).expect("a model in the scratch folder");
    let database = Database::import(&file, scratch.path()).expect("the model");
    let session = session(&database, &[]);
    assert_eq!(value(&session, "[Total]"), "6");
    let item = |name: &str| format!("CALCULATE([Total], Shown[Item] = \"{name}\")");
    assert_eq!(value(&session, &item("twice")), "12");
    for expression in [item("bad"), format!("IFERROR({}, 0)", item("bad"))] {
        let query = format!("EVALUATE ROW(\"x\", {expression})");
        refuses(&session, &query, &["'Shown'[bad]", "'T'[Bad] is in error"]);
    }
}

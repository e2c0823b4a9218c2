//! The rules of the gate by number: each has tests that are named after it, and a list of ways to break it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use peristyle::{Database, Identity, Session, Value, value_at};

use crate::rust_source::rust_files;

fn session(role: &str) -> Session {
    let retail = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail");
    let database = Database::import(retail.join("model"), retail.join("data")).unwrap();
    let identity = Identity::user("ana@contoso.example").role(role);
    database.session(identity).unwrap()
}

fn number(session: &Session, dax: &str) -> i64 {
    let answer = session.query(dax).unwrap_or_else(|e| panic!("{dax}: {e}"));
    match value_at(&answer.tables[0], 0, 0) {
        Value::Blank => 0,
        value => value.to_integer().unwrap(),
    }
}

#[test]
fn every_rule_has_a_test_that_is_named_after_it() {
    let code: String = ["security/src", "tests/suite"]
        .into_iter()
        .flat_map(rust_files)
        .map(|(_, code)| code)
        .collect();
    let rules = (1..=12).map(|n| format!("fn row_rule_{n}_"));
    for rule in rules.chain((1..=5).map(|n| format!("fn object_rule_{n}_"))) {
        assert!(code.contains(&rule), "no test is named {rule}");
    }
}

/// Each line of the list says how a rule was broken, and which test failed; the tests are there.
#[test]
fn the_list_of_broken_rules_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read_to_string(root.join("docs/mutations.md")).unwrap();
    let (mut lines, mut places) = (0, BTreeSet::new());
    for line in list.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [place, _, tests] = cells.as_slice() else {
            panic!("three cells a line: {line}");
        };
        lines += 1;
        places.insert(place.to_string());
        for named in place.split(", ").chain(tests.split(", ")) {
            let named = named.trim_matches('`');
            let Some((file, function)) = named.split_once("::") else {
                panic!("{named} names no function: {line}");
            };
            let text = fs::read_to_string(root.join(file))
                .unwrap_or_else(|error| panic!("{file}: {error}"));
            let there = ["(", "<"].map(|end| text.contains(&format!("fn {function}{end}")));
            assert!(there.contains(&true), "{function} is not in {file}");
        }
    }
    assert!(lines >= 90, "{lines} lines");
    assert!(places.len() >= 35, "{} places", places.len());
}

#[test]
fn object_rule_5_an_identity_under_roles_is_told_of_its_view_alone() {
    let (some, all) = (session("No Cost"), session("Everyone"));
    let count =
        |session: &Session, of: &str| number(session, &format!("EVALUATE {{ COUNTROWS({of}) }}"));
    for hidden in [
        "FILTER(INFO.VIEW.COLUMNS(), [Table] = \"Orders\" && [Name] = \"Cost\")",
        "FILTER(INFO.VIEW.MEASURES(), [Name] = \"Gross Profit\")",
    ] {
        assert_eq!(
            (count(&some, hidden), count(&all, hidden)),
            (0, 1),
            "{hidden}"
        );
    }
    // Not even who sees all is shown an expression, while there are roles.
    let written = "FILTER(INFO.VIEW.MEASURES(), NOT ISBLANK([Expression]))";
    assert_eq!(count(&all, written), 0);
    // Statistics are those of visible rows.
    let germany = session("Germany");
    let cardinality = "EVALUATE SELECTCOLUMNS(FILTER(COLUMNSTATISTICS(), [Table Name] = \"Stores\" && [Column Name] = \"Country\"), \"n\", [Cardinality])";
    assert_eq!(number(&germany, cardinality), 1);
    assert!(number(&all, cardinality) > 1);
    // What is the operator's is refused like a function that nobody has heard of.
    let refused = |session: &Session, function: &str| {
        let error = session.query(&format!("EVALUATE {function}()"));
        let message = error.unwrap_err().to_string();
        // What the name is near to, of the functions that there are, depends on the name.
        let (told, _) = message.split_once("; did you").unwrap_or((&message, ""));
        told.replace(function, "F")
    };
    let unknown = refused(&some, "INFO.NOTHING");
    for function in [
        "INFO.ROLES",
        "INFO.ROLEMEMBERSHIPS",
        "INFO.TABLEPERMISSIONS",
        "INFO.COLUMNPERMISSIONS",
        "INFO.PARTITIONS",
        "INFO.DATASOURCES",
        "INFO.STORAGETABLES",
    ] {
        assert_eq!(refused(&some, function), unknown, "{function}");
    }
}

#[test]
fn row_rule_12_absent_custom_data_is_blank_and_no_empty_text() {
    let retail = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail");
    let database = Database::import(retail.join("model"), retail.join("data")).unwrap();
    let check = |identity: Identity, blank: i64| {
        let session = database.session(identity.role("Everyone")).unwrap();
        let dax = "EVALUATE { IF(ISBLANK(CUSTOMDATA()), 1, 2) }";
        assert_eq!(number(&session, dax), blank);
    };
    check(Identity::user("ana"), 1);
    check(Identity::user("ana").custom_data(""), 2);
    check(Identity::user("ana").custom_data("x"), 2);
}

//! Ways round row and object security that took others by surprise, as far as a role test cannot say them. docs/bypasses.md is
//! the list; the ones that are a question and an answer stand in fixtures/retail/roles/bypasses.roles.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use model::write_bim;
use peristyle::{
    AdmissionRecord, AuditError, AuditSink, Database, Denied, Error, Identity, QueryOptions,
    QueryRecord, Stage, Value, check_model, value_at,
};

use crate::outcome::all_that_shows;
use crate::role_files::{database, read, retail};
use crate::scratch::Scratch;

/// Queries that fail on a cell that their caller may see.
const FAILING: &[&str] = &[
    "EVALUATE ROW(\"x\", VALUE(MAX(Stores[Country])))",
    "EVALUATE ROW(\"x\", DATEVALUE(MAX(Stores[Store])))",
    "EVALUATE ROW(\"x\", INT(MAX(Stores[Country])))",
    "EVALUATE ROW(\"x\", CONVERT(MAX(Stores[Country]), INTEGER))",
    "EVALUATE ADDCOLUMNS(VALUES(Stores[Country]), \"x\", 1 * VALUE(Stores[Country]))",
    "EVALUATE ADDCOLUMNS(Stores, \"x\", SQRT(-LEN(Stores[Country])))",
    "EVALUATE ADDCOLUMNS(Stores, \"x\", DATE(LEN(Stores[Country]) * 10000, 1, 1))",
    "EVALUATE FILTER(Stores, Stores[Country] > 5)",
    "EVALUATE ROW(\"x\", LOOKUPVALUE(Stores[Store], Stores[Country], \"Germany\"))",
    "EVALUATE ROW(\"x\", VALUES(Stores[Store]))",
    "EVALUATE ROW(\"x\", SUMX(Stores, Stores[Country]))",
    "EVALUATE ADDCOLUMNS(Stores, \"x\", REPT(Stores[Country], 100000))",
    "EVALUATE ROW(\"x\", 9223372036854775807 + COUNTROWS(Stores))",
];

#[test]
fn an_error_carries_no_cell() {
    let session = database()
        .session(Identity::user("ana@retail.example").role("Everyone"))
        .expect("a role of the fixture");
    let mut cells = BTreeSet::new();
    for column in ["Stores[Country]", "Stores[Store]", "Stores[Region]"] {
        let answer = session
            .query(&format!("EVALUATE VALUES({column})"))
            .expect("values");
        let table = &answer.tables[0];
        for row in 0..table.batch.num_rows() {
            if let Value::Text(text) = value_at(table, 0, row)
                && !text.is_empty()
            {
                cells.insert(text.to_string());
            }
        }
    }
    assert!(cells.contains("France") && cells.len() > 10);
    let mut failed = 0;
    for dax in FAILING {
        let Err(error) = session.query(dax) else {
            continue;
        };
        failed += 1;
        let shown = format!("{error} {error:?}").replace(dax, "");
        for cell in &cells {
            assert!(
                dax.contains(cell.as_str()) || !shown.contains(cell.as_str()),
                "{dax} says {cell}: {shown}"
            );
        }
    }
    assert!(failed > FAILING.len() / 2, "only {failed} queries failed");
}

/// The plan of a query on hidden values looks like the plan of one on values that do not exist.
#[test]
fn explain_does_not_tell_hidden_values_from_absent_ones() {
    let germany = database()
        .session(Identity::user("ana@retail.example").role("Germany"))
        .expect("a role of the fixture");
    let everyone = database()
        .session(Identity::user("ana@retail.example").role("Everyone"))
        .expect("a role of the fixture");
    let ask = |session: &peristyle::Session, value: &str| {
        let dax =
            format!("EVALUATE ROW(\"x\", CALCULATE([Order Lines], Stores[Country] = \"{value}\"))");
        let mut shown = all_that_shows(session, &dax, &QueryOptions::default());
        for stage in [Stage::Bound, Stage::Plan, Stage::Scans] {
            shown.push_str(&session.explain(stage, &dax).expect("an explanation"));
        }
        shown.replace(value, "?")
    };
    // Both names have six letters, so that places in the text are the same.
    assert_eq!(ask(&germany, "France"), ask(&germany, "Utopia"));
    assert_ne!(ask(&everyone, "France"), ask(&everyone, "Utopia"));
}

/// Users who take turns with one text never get each other's rows, nor each other's name.
#[test]
fn users_who_take_turns_get_their_own_rows() {
    let ask = |user: &str| {
        let session = database()
            .session(Identity::user(user).role("Region Managers"))
            .expect("a user of the fixture");
        let answer = session
            .query("EVALUATE SUMMARIZECOLUMNS(Stores[Region], \"n\", [Order Lines], \"who\", USERNAME())")
            .expect("an answer");
        let table = &answer.tables[0];
        let rows: Vec<(Value, Value)> = (0..table.batch.num_rows())
            .map(|row| (value_at(table, 0, row), value_at(table, 2, row)))
            .collect();
        assert!(
            rows.iter().all(|(_, who)| *who == Value::text(user)),
            "{user}: {rows:?}"
        );
        rows
    };
    let users = [
        "anna@retail.example",
        "ben@retail.example",
        "dora@retail.example",
    ];
    let first: Vec<_> = users.map(ask).into();
    for _ in 0..3 {
        for (user, rows) in users.iter().zip(&first) {
            assert_eq!(&ask(user), rows);
        }
    }
    assert!(first[0] != first[1] && first[1] != first[2]);
    // Two who see the same rows share what is cached, and still read their own names.
    let same: Vec<_> = ["a@retail.example", "b@retail.example"]
        .map(|user| {
            let session = database()
                .session(Identity::user(user).role("Germany"))
                .expect("a session");
            let answer = session
                .query("EVALUATE ROW(\"who\", USERPRINCIPALNAME())")
                .expect("an answer");
            value_at(&answer.tables[0], 0, 0)
        })
        .into();
    assert_eq!(
        same,
        [
            Value::text("a@retail.example"),
            Value::text("b@retail.example")
        ]
    );
}

/// What the operator was told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl AuditSink for Told {
    fn admission(&self, record: &AdmissionRecord) -> Result<(), AuditError> {
        self.0
            .lock()
            .expect("no panic")
            .extend(record.detail.clone());
        Ok(())
    }

    fn query(&self, _: &QueryRecord) -> Result<(), AuditError> {
        Ok(())
    }
}

/// A copy of the retail model in which one filter is another.
fn with_filter(role: &str, filter: &str, scratch: &Scratch) -> std::path::PathBuf {
    let mut model = model::load(&retail().join("model")).expect("the retail model");
    let role = model.roles.iter_mut().find(|found| found.name == role);
    role.expect("a role of the fixture").tables[0].filter = Some(filter.to_owned());
    let file = scratch.path().join("model.bim");
    fs::write(&file, write_bim(&model)).expect("a model");
    file
}

#[test]
fn a_failing_filter_denies_and_tells_the_operator_where() {
    let scratch = Scratch::new("failing-filter");
    let file = with_filter(
        "Germany",
        "IF(Stores[Country] = \"Spain\", VALUE(Stores[Country]) = 1, TRUE())",
        &scratch,
    );
    let told = Arc::new(Told::default());
    let database = Database::builder(&file)
        .data(retail().join("data"))
        .threads(1)
        .audit(told.clone())
        .import()
        .expect("a filter that only fails when it runs");
    for roles in [vec!["Germany"], vec!["Germany", "Bikes"]] {
        let refused = database.session(Identity::anonymous().roles(roles.clone()));
        let Err(Error::Denied(Denied::FilterFailed { role })) = refused else {
            panic!("{roles:?} are admitted, or refused otherwise");
        };
        assert_eq!(role, "Germany");
    }
    assert!(
        database
            .session(Identity::anonymous().role("Bikes"))
            .is_ok()
    );
    let told = told.0.lock().expect("no panic");
    assert_eq!(told.len(), 2);
    for detail in told.iter() {
        assert!(
            detail.starts_with("role 'Germany', filter of table 'Stores': "),
            "{detail}"
        );
        assert!(!detail.contains("Spain"), "{detail}");
    }
}

#[test]
fn a_filter_that_does_not_bind_is_found_by_check_and_never_means_true() {
    let scratch = Scratch::new("unbound-filter");
    let file = with_filter("Germany", "Stores[Land] = \"Germany\"", &scratch);
    let problems = check_model(&file).expect("a model that can be read");
    assert!(
        problems
            .iter()
            .any(|problem| problem.to_string().contains("[Land]"))
    );
    let Ok(database) = Database::import(&file, retail().join("data")) else {
        return;
    };
    assert!(
        database
            .session(Identity::anonymous().role("Germany"))
            .is_err()
    );
}

#[test]
fn the_lint_speaks_of_the_roles_of_the_fixture() {
    let problems = check_model(retail().join("model")).expect("the retail model");
    let check = |role: &str, code: &str, words: &str| {
        let found = problems.iter().any(|problem| {
            problem.code == Some(code)
                && problem.object.contains(role)
                && problem.message.contains(words)
        });
        assert!(found, "{role} {code} {words}\n{problems:#?}");
    };
    check("Account Holders", "role-pair-refused", "any other role");
    check("'Germany'", "role-pair-refused", "'No Cost'");
    check("'Germany'", "role-listable", "'Products'");
    check("No Cost", "role-loses-measures", "[Gross Profit]");
    check("No Cost", "role-derived-hidden", "'Orders'[Margin]");
    let silent = |role: &str, code: &str| {
        let found = problems.iter().any(|problem| {
            problem.code == Some(code) && problem.object == format!("role '{role}'")
        });
        assert!(!found, "{role} {code}");
    };
    silent("Everyone", "role-listable");
    silent("Germany", "role-loses-measures");
    // A mapping table is to be hidden, and leads nowhere.
    silent("Region Managers", "role-filter-alone");
    silent("Large Lines", "role-filter-alone");
}

fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every entry of the document names a test, and the test is there.
#[test]
fn the_document_names_tests_that_exist() {
    let document = source("docs/bypasses.md");
    let numbers: BTreeSet<String> = read("bypasses.roles")
        .iter()
        .filter_map(|test| Some(test.name().split_once(' ')?.0.to_owned()))
        .collect();
    let mut entries = 0;
    let mut named = BTreeSet::new();
    for line in document.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [_, _, _, test] = cells.as_slice() else {
            panic!("four cells a line: {line}");
        };
        if *test == "test" || test.starts_with("--") {
            continue;
        }
        entries += 1;
        for one in test.split(", ") {
            let one = one.trim_matches('`');
            if let Some(number) = one.strip_prefix("role test ") {
                assert!(numbers.contains(number), "{one} is not in bypasses.roles");
                named.insert(number.to_owned());
                continue;
            }
            let (file, function) = one
                .split_once("::")
                .unwrap_or_else(|| panic!("{one} names no test"));
            let text = source(file);
            assert!(
                text.contains(&format!("fn {function}(")),
                "{function} is not in {file}"
            );
        }
    }
    assert!(entries >= 60, "{entries} entries");
    assert_eq!(named, numbers, "every role test is in the document");
}

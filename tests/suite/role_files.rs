//! The role tests of the fixtures, which are files, and what they print when they fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use peristyle::{Database, Identity, RoleTest};

pub fn retail() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail")
}

/// Imported once for all tests of the module.
pub fn database() -> &'static Database {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    DATABASE.get_or_init(|| {
        Database::import(retail().join("model"), retail().join("data")).expect("the retail fixture")
    })
}

pub fn read(file: &str) -> Vec<RoleTest> {
    let path = retail().join("roles").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    RoleTest::parse(&text).unwrap_or_else(|errors| panic!("{file}: {errors:?}"))
}

#[test]
fn the_role_tests_of_the_fixture_pass() {
    let mut failures = String::new();
    let mut run = 0;
    for file in ["rules.roles", "bypasses.roles"] {
        for test in read(file) {
            run += 1;
            if let Err(failure) = test.run(database()) {
                failures.push_str(&format!(
                    "{file}:{} {}\n{failure}",
                    test.line(),
                    test.name()
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(run > 100, "only {run} tests were found");
}

/// The tests are about hidden rows: whoever sees everything gets another answer to most of the questions.
#[test]
fn the_role_tests_of_the_fixture_are_about_what_is_hidden() {
    let everyone = database()
        .session(Identity::user("ana@retail.example").role("Everyone"))
        .expect("a role of the fixture");
    let mut differ = 0;
    let tests = read("bypasses.roles");
    for test in &tests {
        let own = database()
            .session(test.identity().clone())
            .and_then(|session| session.query(test.query()));
        let all = everyone.query(test.query());
        differ += usize::from(match (own, all) {
            (Ok(own), Ok(all)) => own
                .tables
                .iter()
                .zip(&all.tables)
                .any(|(own, all)| own.batch != all.batch),
            (Err(_), Err(_)) => false,
            _ => true,
        });
    }
    assert!(
        differ * 10 > tests.len() * 8,
        "only {differ} of {} questions have another answer without the role",
        tests.len()
    );
}

#[test]
fn a_failure_shows_what_differs() {
    let check = |expected: &str, shown: &[&str]| {
        let text = format!(
            "test: t\nuser: ana\nrole: Germany\nquery: EVALUATE SUMMARIZECOLUMNS(Stores[Country], \"n\", [Order Lines])\n{expected}"
        );
        let tests = RoleTest::parse(&text).expect("a sound test");
        let failure = tests[0]
            .run(database())
            .expect_err("a wrong expectation")
            .to_string();
        for part in shown {
            assert!(failure.contains(part), "{part} is not in\n{failure}");
        }
    };
    check(
        "rows:\n  Stores[Country] | [n]\n  \"Germany\" | 7\n  \"France\" | 1688\n",
        &[
            "as ana, role Germany",
            "Stores[Country] | [n]",
            "- \"Germany\" | 7",
            "- \"France\" | 1688",
            "+ \"Germany\" | 1688",
            "2 rows expected, 1 found",
        ],
    );
    check(
        "rows: none\n",
        &["+ \"Germany\" | 1688", "0 rows expected, 1 found"],
    );
    check(
        "rows in order:\n  Stores[Country] | [n]\n  \"Germany\" | 1688\n  \"Norway\" | 1\n",
        &[
            "- \"Norway\" | 1",
            "+ (no more rows)",
            "row 2 is the first that differs",
        ],
    );
    check(
        "rows:\n  Stores[Country] | [Lines]\n  \"Germany\" | 1688\n",
        &[
            "expected columns: Stores[Country] | [Lines]",
            "Stores[Country] | [n]",
        ],
    );
    check(
        "refused: denied\n",
        &["expected: refused, denied", "answered, with 1 rows"],
    );
    let text =
        "test: t\nrole: germany\nquery: EVALUATE {1}\nrefused: denied\nmessage: another message\n";
    let failure = RoleTest::parse(text).expect("a sound test")[0]
        .run(database())
        .expect_err("another message");
    assert!(failure.to_string().contains("there is no role 'germany'"));
}

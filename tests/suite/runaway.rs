//! Small queries that would grow without end: each is refused, or answered, in no time, and the process goes on.

use std::path::PathBuf;

use peristyle::{Database, Identity, Session, Stage};

fn session() -> Session {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail");
    let database = Database::import(root.join("model"), root.join("data")).unwrap();
    database
        .session(Identity::user("ana@contoso.example").role("Germany"))
        .unwrap()
}

fn refused(session: &Session, query: &str, why: &str) {
    let message = session.query(query).unwrap_err().to_string();
    assert!(message.contains(why), "{message}");
}

/// `m0 = [m1] + 1 + 1 ...`, and so on: each measure within its limits, all together not.
#[test]
fn measures_and_operators_together_do_not_outgrow_the_stack() {
    let ones = "+1".repeat(900);
    let mut query = String::from("DEFINE\n");
    for k in 0..40 {
        query.push_str(&format!("MEASURE Orders[m{k}] = [m{}]{ones}\n", k + 1));
    }
    query.push_str("MEASURE Orders[m40] = 1\nEVALUATE { [m0] }");
    let session = session();
    refused(&session, &query, "levels deep");
    assert!(session.explain(Stage::Bound, &query).is_err());
}

#[test]
fn functions_that_double_their_arguments_are_refused() {
    let mut query = String::from("DEFINE\n");
    for k in 0..30 {
        query.push_str(&format!(
            "FUNCTION f{k} = (x : EXPR) => f{}(x + x)\n",
            k + 1
        ));
    }
    query.push_str("FUNCTION f30 = (x : EXPR) => x\nEVALUATE { f0(1) }");
    refused(&session(), &query, "expressions");
}

#[test]
fn texts_are_bounded() {
    let session = session();
    let doubled = "EVALUATE VAR a = REPT(\"a\", 32000) VAR b = a & a & a & a & a & a & a & a VAR c = b & b & b & b & b & b & b & b RETURN { LEN(c) }";
    refused(&session, doubled, "1,048,576");
    let replaced = "EVALUATE { LEN(SUBSTITUTE(REPT(\"a\", 20000), \"a\", REPT(\"b\", 30000))) }";
    refused(&session, replaced, "1,048,576");
    let joined = "EVALUATE { LEN(CONCATENATEX(GENERATESERIES(1, 1000), REPT(\"a\", 30000))) }";
    refused(&session, joined, "1,048,576");
}

#[test]
fn wildcards_are_searched_once() {
    let query = "EVALUATE { SEARCH(\"*?a*?a*?a*b\", REPT(\"a\", 32000), 1, 0) }";
    let answer = session().query(query).unwrap();
    assert_eq!(answer.tables[0].batch.num_rows(), 1);
}

#[test]
fn an_empty_user_name_is_none() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail");
    let database = Database::import(root.join("model"), root.join("data")).unwrap();
    for name in ["", "  "] {
        let identity = Identity::user(name).role("Account Holders");
        assert!(database.session(identity).is_err(), "{name:?}");
    }
}

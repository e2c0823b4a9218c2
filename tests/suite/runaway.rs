//! Small queries that would grow without end: each is refused, or answered, in no time, and the process goes on.

use std::path::PathBuf;

use peristyle::{Database, Identity, Limits, QueryOptions, Session, Stage};

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

/// Every function whose text is longer than those that it is given. What multiplies most is refused before it is made.
#[test]
fn texts_are_bounded() {
    let session = session();
    let long = "REPT(\"a\", 32000)";
    let doubled = |function: &dyn Fn(&str) -> String| {
        let mut query = format!("EVALUATE VAR t0 = {long} ");
        for k in 0..7 {
            query.push_str(&format!("VAR t{} = {} ", k + 1, function(&format!("t{k}"))));
        }
        format!("{query} RETURN {{ LEN(t7) }}")
    };
    let many = "ADDCOLUMNS(GENERATESERIES(1, 100), \"t\", REPT(\"a\", 30000))";
    let wide = "ADDCOLUMNS(GENERATESERIES(1, 100), \"t\", 1)";
    for query in [
        doubled(&|t| format!("{t} & {t}")),
        doubled(&|t| format!("CONCATENATE({t}, {t})")),
        doubled(&|t| format!("COMBINEVALUES(\"\", {t}, {t})")),
        doubled(&|t| format!("REPLACE({t}, 1, 0, {t})")),
        doubled(&|t| format!("SUBSTITUTE({t}, \"a\", \"aa\")")),
        doubled(&|t| format!("CONCATENATEX({{ 1, 2 }}, {t})")),
        format!("EVALUATE {{ LEN(SUBSTITUTE({long}, \"a\", {long})) }}"),
        format!("EVALUATE {{ LEN(CONCATENATEX(GENERATESERIES(1, 1000), {long})) }}"),
        format!("EVALUATE {{ LEN(TOCSV({many}, 100)) }}"),
        format!("EVALUATE {{ LEN(TOJSON({many}, 100)) }}"),
        format!("EVALUATE {{ LEN(TOCSV({wide}, 100, {long})) }}"),
    ] {
        refused(&session, &query, "1,048,576");
    }
    refused(
        &session,
        "EVALUATE { REPT(\"a\", 40000) }",
        "32,767 characters",
    );
}

/// Texts that are the same in every row are made once, and counted like others.
#[test]
fn texts_of_constants_count() {
    let session = session();
    let options = QueryOptions {
        limits: Limits {
            text_bytes: 1 << 20,
            ..Limits::default()
        },
        ..QueryOptions::default()
    };
    let asked = |function: &str| {
        let texts: Vec<String> = (0..20)
            .map(|k| format!("LEN({})", function.replace('#', &k.to_string())))
            .collect();
        session.query_with(&format!("EVALUATE {{ {} }}", texts.join(", ")), &options)
    };
    assert!(asked("REPT(\"#\", 1000)").is_ok());
    for function in [
        "REPT(\"#\", 32000 / LEN(\"#\"))",
        "CONCATENATE(\"#\", REPT(\"b\", 32000))",
        "COMBINEVALUES(\",\", \"#\", REPT(\"b\", 32000))",
        "UPPER(\"#\" & REPT(\"b\", 32000))",
    ] {
        // Twenty texts of 32,000 bytes are less than a mebibyte, and each stands here twice at least.
        let twice = format!("UPPER({function})");
        let message = asked(&twice).unwrap_err().to_string();
        assert!(message.contains("bytes of text"), "{twice}: {message}");
    }
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

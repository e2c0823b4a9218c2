//! The command as a person or a script meets it: what it prints, where, and how it exits.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

#[path = "cli/dataset.rs"]
mod dataset;
#[path = "cli/killed.rs"]
mod killed;
#[cfg(feature = "sql")]
#[path = "cli/sql.rs"]
mod sql;

fn retail() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join("fixtures")
        .join("retail")
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().expect("an exit code"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peristyle"));
    command.args(arguments).env_remove("NO_COLOR");
    command
}

fn run(arguments: &[&str]) -> Ran {
    ran(command(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the command runs"))
}

fn run_with_input(arguments: &[&str], input: &str) -> Ran {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input.as_bytes())
        .expect("it reads");
    ran(child.wait_with_output().expect("the command ends"))
}

/// `peristyle query` over the retail fixture as a role that sees everything.
fn query(more: &[&str]) -> Ran {
    let model = retail().join("model");
    let mut arguments = vec!["query", model.to_str().unwrap(), "--role", "Everyone"];
    arguments.extend(more);
    run(&arguments)
}

/// A folder of its own for one test.
fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("peristyle-cli-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// A model of one table `Numbers` with a column `N`, and what `change` makes of it.
fn model(folder: &Path, change: impl FnOnce(&mut Value)) -> String {
    let mut model = json!({
        "name": "Small",
        "compatibilityLevel": 1600,
        "model": {
            "culture": "en-US",
            "tables": [{
                "name": "Numbers",
                "columns": [{ "name": "N", "dataType": "int64", "sourceColumn": "N" }],
                "measures": [{ "name": "Total", "expression": "SUM ( Numbers[N] )" }],
                "partitions": [{ "name": "p", "source": { "type": "m", "expression": "let x = 1 in x" } }]
            }]
        }
    });
    change(&mut model);
    let path = folder.join("model.bim");
    fs::write(&path, model.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_table_for_people() {
    let ran =
        query(&["EVALUATE SUMMARIZECOLUMNS(Dates[Year], \"Sales\", [Sales]) ORDER BY Dates[Year]"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out.contains("Dates[Year]") && ran.out.contains("[Sales]"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("2023") && ran.out.trim_end().ends_with(" rows"),
        "{}",
        ran.out
    );
}

#[test]
fn json_has_its_shape_to_the_byte() {
    let dax = "EVALUATE ROW(\"Whole\", 7, \"Decimal\", 2.5, \"Big\", 5 / 0, \"Small\", -5 / 0, \"None\", 0 / 0, \"Blank\", BLANK(), \
               \"Text\", \"a\"\"b\", \"Flag\", TRUE(), \"Day\", DATE(2019, 7, 1)) EVALUATE {1}";
    let ran = query(&["--format", "json", dax]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let expected = concat!(
        r#"{"results":[{"tables":[{"rows":[{"[Whole]":7,"[Decimal]":2.5,"[Big]":"Infinity","[Small]":"-Infinity","#,
        r#""[None]":"NaN","[Blank]":null,"[Text]":"a\"b","[Flag]":true,"[Day]":"2019-07-01T00:00:00"}]},"#,
        r#"{"rows":[{"[Value]":1}]}]}]}"#,
        "\n"
    );
    assert_eq!(ran.out, expected);
}

#[test]
fn an_error_shows_its_place_and_exits_1() {
    let check = |dax: &str, code: &str, place: &str| {
        let ran = query(&["--format", "json", dax]);
        assert_eq!(ran.code, 1, "{dax}");
        assert!(ran.err.contains(place), "{dax}: {}", ran.err);
        assert!(
            !ran.err.contains('\u{1b}'),
            "colour without a terminal: {}",
            ran.err
        );
        let error: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}", ran.out));
        assert_eq!(error["error"]["code"], code, "{error}");
        assert!(!error["error"]["message"].as_str().unwrap().is_empty());
        let plain = query(&[dax]);
        assert_eq!((plain.code, plain.out.as_str()), (1, ""));
    };
    check("EVALUATE\n  Missing", "unknown_name", "query:2:3");
    check("EVALUATE FILTER(Orders, 1", "syntax", "query:1:");
    check(
        "EVALUATE { [No such measure] }",
        "unknown_name",
        "query:1:12",
    );
    check(
        "EVALUATE { NOSUCHFUNCTION(1) }",
        "unknown_function",
        "query:1:12",
    );
    check(
        &format!("EVALUATE {}1", "(".repeat(100_000)),
        "syntax",
        "query:1:",
    );
}

#[test]
fn wrong_arguments_exit_2() {
    for arguments in [
        vec![],
        vec!["nothing"],
        vec!["query"],
        vec!["query", "model.bim"],
        vec!["query", "model.bim", "--format", "xml", "EVALUATE {1}"],
        vec!["query", "model.bim", "--param", "novalue", "EVALUATE {1}"],
        vec!["query", "model.bim", "@no such file.dax"],
        vec!["explain", "model.bim", "EVALUATE {1}"],
    ] {
        let ran = run(&arguments);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (2, ""),
            "{arguments:?}: {}",
            ran.err
        );
    }
}

#[test]
fn identities_are_admitted_or_refused() {
    let model = retail().join("model");
    let check = |identity: &[&str], expected: &str| {
        let mut arguments = vec!["query", model.to_str().unwrap(), "--format", "json"];
        arguments.extend(identity);
        arguments.push("EVALUATE ROW(\"Lines\", [Order Lines])");
        let ran = run(&arguments);
        match expected {
            "" => assert_eq!(ran.code, 0, "{identity:?}: {}", ran.err),
            words => {
                assert_eq!(ran.code, 1, "{identity:?}");
                assert!(
                    ran.out.starts_with("{\"error\":{\"code\":\"denied\","),
                    "{}",
                    ran.out
                );
                assert!(ran.err.contains(words), "{identity:?}: {}", ran.err);
            }
        }
    };
    check(&[], "--role NAME");
    check(&["--role", "Europa"], "'Europa'");
    check(&["--role", "germany"], "'germany'");
    check(&["--role", "Region Managers"], "user's name");
    check(&["--role", "Region Managers"], "--user NAME");
    check(
        &["--role", "Region Managers", "--user", "nobody@example.com"],
        "",
    );
    check(&["--role", "Germany", "--role", "Bikes"], "");
    check(
        &["--role", "Germany", "--role", "No Cost"],
        "cannot be held together",
    );
    check(&["--role", "Tenants", "--custom-data", "none"], "");
}

#[test]
fn data_that_are_not_found_are_asked_for() {
    let folder = folder("nowhere");
    let model = folder.join("model.bim");
    let text = r#"{ "compatibilityLevel": 1600, "model": { "tables": [ { "name": "T",
        "columns": [ { "name": "a", "dataType": "int64", "sourceColumn": "a" } ] } ] } }"#;
    fs::write(&model, text).unwrap();
    let (model, data) = (model.to_str().unwrap(), folder.to_str().unwrap());
    let ran = run(&["query", model, "EVALUATE T"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("T.parquet"), "{}", ran.err);
    assert!(ran.err.contains("--data DIR"), "{}", ran.err);
    // Whoever said it already is not told.
    let ran = run(&["query", model, "--data", data, "EVALUATE T"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(!ran.err.contains("--data DIR"), "{}", ran.err);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_query_comes_from_anywhere() {
    let folder = folder("anywhere");
    let file = folder.join("query.dax");
    fs::write(&file, "\u{feff}EVALUATE { @n * 2 }").unwrap();
    let at = format!("@{}", file.display());
    let ran = query(&["--format", "csv", "--param", "n=21", &at]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "[Value]\n42\n"),
        "{}",
        ran.err
    );
    let model = retail().join("model");
    let data = retail().join("data");
    let arguments = [
        "query",
        model.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
        "--role",
        "Everyone",
        "-",
    ];
    let ran = run_with_input(&arguments, "EVALUATE {\n  Missing }");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("standard input:2:3"), "{}", ran.err);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn csv_and_arrow_hold_one_table() {
    for format in ["csv", "arrow"] {
        let ran = query(&["--format", format, "EVALUATE {1} EVALUATE {2}"]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{format}");
        assert!(ran.err.contains("2 EVALUATEs"), "{}", ran.err);
    }
    let model = retail().join("model");
    let arguments = [
        "query",
        model.to_str().unwrap(),
        "--role",
        "Everyone",
        "--format",
        "arrow",
        "EVALUATE {1, 2}",
    ];
    let output = command(&arguments).output().unwrap();
    let mut reader =
        arrow::ipc::reader::StreamReader::try_new(output.stdout.as_slice(), None).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().num_rows(), 2);
}

#[test]
fn statistics_stand_beside_the_result() {
    let ran = query(&[
        "--format",
        "json",
        "--stats",
        "EVALUATE ROW(\"Lines\", [Order Lines])",
    ]);
    assert_eq!(ran.code, 0);
    assert!(
        serde_json::from_str::<Value>(&ran.out).is_ok(),
        "{}",
        ran.out
    );
    for figure in [
        "rows scanned:",
        "scans run:",
        "cache hits:",
        "contexts evaluated one by one:",
        "time of ",
    ] {
        assert!(ran.err.contains(figure), "{figure}: {}", ran.err);
    }
}

#[test]
fn check_prints_every_problem_with_its_place() {
    let folder = folder("check");
    let ran = run(&["check", &model(&folder, |_| {})]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("0 errors"), "{}", ran.out);
    let path = model(&folder, |model| {
        let table = &mut model["model"]["tables"][0];
        table["measures"] = json!([
            { "name": "Broken", "expression": "SUM ( Numbers[N]" },
            { "name": "Lost", "expression": "[Total] + [Nowhere]" }
        ]);
        model["model"]["roles"] = json!([{
            "name": "Some",
            "modelPermission": "read",
            "tablePermissions": [{ "name": "Numbers", "filterExpression": "Numbers[Missing] = 1" }]
        }]);
    });
    let ran = run(&["check", &path]);
    assert_eq!(ran.code, 1);
    for object in ["[Broken]", "[Lost]", "role 'Some'"] {
        assert!(
            ran.out
                .lines()
                .any(|line| line.contains(object) && line.contains("error")),
            "{object}: {}",
            ran.out
        );
    }
    let ran = run(&["check", folder.join("none").to_str().unwrap()]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    fs::write(folder.join("model.bim"), "{ \"model\": ").unwrap();
    assert_eq!(run(&["check", &path]).code, 1);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn damaged_data_is_a_clear_error() {
    let folder = folder("damage");
    let path = model(&folder, |_| {});
    let check = |words: &str| {
        let ran = run(&["query", &path, "--format", "json", "EVALUATE {1}"]);
        assert_eq!(ran.code, 1);
        assert!(
            ran.err.contains(words) && !ran.err.contains("panicked"),
            "{words}: {}",
            ran.err
        );
        assert!(
            ran.out.starts_with("{\"error\":{\"code\":\"import\","),
            "{}",
            ran.out
        );
    };
    check("Numbers.parquet");
    fs::write(folder.join("Numbers.parquet"), "PAR1 and nothing else").unwrap();
    check("Numbers.parquet");
    fs::copy(
        retail().join("data").join("Dates.parquet"),
        folder.join("Numbers.parquet"),
    )
    .unwrap();
    check("[N]");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn every_stage_is_explained() {
    let model = retail().join("model");
    let dax = "EVALUATE SUMMARIZECOLUMNS(Dates[Year], \"Sales\", [Sales])";
    for stage in ["tokens", "tree", "bound", "plan", "scans"] {
        let ran = run(&[
            "explain",
            "--stage",
            stage,
            model.to_str().unwrap(),
            "--role",
            "Everyone",
            dax,
        ]);
        assert_eq!(ran.code, 0, "{stage}: {}", ran.err);
        assert!(ran.out.lines().count() > 1, "{stage}: {}", ran.out);
    }
    let ran = run(&[
        "explain",
        "--stage",
        "tree",
        model.to_str().unwrap(),
        "EVALUATE FILTER(",
    ]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("query:1:"), "{}", ran.err);
    // A stage that depends on who asks is refused like the query itself.
    assert_eq!(
        run(&["explain", "--stage", "plan", model.to_str().unwrap(), dax]).code,
        1
    );
}

#[test]
fn dax_is_laid_out() {
    let ran = run(&["format", "evaluate filter(T,T[a]>1&&T[b]=2)"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("EVALUATE\n"), "{}", ran.out);
    assert!(
        run(&["format", "SUM(T[a])*2"])
            .out
            .contains("SUM ( T[a] ) * 2")
    );
    assert_eq!(run(&["format", "1 +"]).code, 1);
    assert!(run(&["format", "1 /* one */"]).out.contains("/* one */"));
}

#[test]
fn the_prompt_reads_a_pipe() {
    let model = retail().join("model");
    let script = "\
        .tables\n\
        EVALUATE {1};\n\
        .as Everyone\n\
        .tables\n\
        .columns Orders\n\
        .measures Orders\n\
        .format csv\n\
        EVALUATE\n  ROW(\"Lines\",\n  [Order Lines] * 0)\n\n\
        .as 'No Cost'\n\
        .columns Orders\n\
        .explain tree\n\
        .nothing\n\
        .quit\n\
        EVALUATE {123456}\n";
    let ran = run_with_input(&["shell", model.to_str().unwrap()], script);
    assert_eq!(ran.code, 1, "some statements failed");
    assert!(ran.err.contains("ask for at least one"), "{}", ran.err);
    assert!(
        ran.err.contains("there is no command .nothing"),
        "{}",
        ran.err
    );
    assert!(ran.out.contains("Order Notes"), "{}", ran.out);
    assert!(ran.out.contains("[Gross Profit]"), "{}", ran.out);
    assert!(ran.out.contains("[Lines]\n0\n"), "{}", ran.out);
    assert_eq!(
        ran.out.matches("'Orders'[Cost]").count(),
        1,
        "not as 'No Cost': {}",
        ran.out
    );
    assert!(!ran.out.contains("123456"), "{}", ran.out);
    let quiet = run_with_input(
        &["shell", model.to_str().unwrap(), "--role", "Everyone"],
        "EVALUATE {1}",
    );
    assert_eq!(quiet.code, 0, "{}", quiet.err);
    assert!(quiet.out.contains("1 row"), "{}", quiet.out);
}

/// A folder for the files of one test, deleted with what it holds.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        Folder(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_token_says_who_asks() {
    let folder = Folder::new("tokens");
    let keys = folder.file("keys.json");
    let new_keys = |file: &str| {
        run(&[
            "token",
            "new-keys",
            file,
            "--id",
            "k1",
            "--audience",
            "bi",
            "--issuer",
            "portal",
        ])
    };
    assert_eq!(new_keys(&keys).code, 0);
    assert_eq!(new_keys(&keys).code, 1, "an existing file is never touched");
    let mint = |keys: &str, more: &[&str]| {
        let mut arguments = vec!["token", "mint", "--keys", keys];
        arguments.extend(more);
        run(&arguments)
    };
    let minted = mint(
        &keys,
        &["--role", "Germany", "--user", "ana@retail.example"],
    );
    assert_eq!(minted.code, 0, "{}", minted.err);
    let token = minted.out.trim();
    assert!(token.starts_with("v4.local."), "{token}");
    let verified = run(&["token", "verify", "--keys", &keys, token]);
    assert_eq!(verified.code, 0, "{}", verified.err);
    for line in [
        "key: k1",
        "user: ana@retail.example",
        "role: Germany",
        "scopes: Dataset.Read",
    ] {
        assert!(verified.out.contains(line), "{}", verified.out);
    }
    let model = retail().join("model");
    let model = model.to_str().unwrap();
    let file = folder.file("token");
    fs::write(&file, &minted.out).unwrap();
    let dax = "EVALUATE ROW(\"Lines\", [Order Lines], \"who\", USERNAME())";
    let ask = |token: &str, more: &[&str]| {
        let mut arguments = vec![
            "query", model, "--format", "csv", "--keys", &keys, "--token", token,
        ];
        arguments.extend(more);
        arguments.push(dax);
        run(&arguments)
    };
    let answer = ask(&format!("@{file}"), &[]);
    assert_eq!(
        answer.out, "[Lines],[who]\n1688,ana@retail.example\n",
        "{}",
        answer.err
    );
    // Nothing can be said beside a token.
    assert_eq!(ask(token, &["--role", "Everyone"]).code, 2);
    assert_eq!(ask(token, &["--user", "root"]).code, 2);
    let shell = run_with_input(
        &["shell", model, "--token", token, "--keys", &keys],
        "EVALUATE ROW(\"Lines\", [Order Lines]);\n.as Everyone\nEVALUATE ROW(\"Lines\", [Order Lines])\n",
    );
    assert_eq!(
        shell.out.matches("1,688").count() + shell.out.matches("1688").count(),
        2,
        "{}",
        shell.out
    );
    assert!(shell.err.contains("comes from a token"), "{}", shell.err);

    let refused = |ran: Ran, words: &str| {
        assert_eq!(ran.code, 1, "{}", ran.out);
        assert!(ran.err.contains(words), "{}", ran.err);
        assert!(
            ran.out.is_empty() || ran.out.starts_with("{\"error\""),
            "{}",
            ran.out
        );
    };
    refused(ask(&token[..token.len() - 2], &[]), "token");
    refused(ask("", &[]), "neither");
    // Roles are for the gate to say: none, and one that is not there.
    refused(
        ask(mint(&keys, &[]).out.trim(), &[]),
        "ask for at least one",
    );
    refused(
        ask(mint(&keys, &["--role", "germany"]).out.trim(), &[]),
        "there is no role 'germany'",
    );
    refused(
        ask(
            mint(&keys, &["--role", "Germany", "--scope", "Dataset.Write"])
                .out
                .trim(),
            &[],
        ),
        "does not allow Dataset.Read",
    );
    refused(
        mint(&keys, &["--role", "Germany", "--lifetime", "3601"]),
        "lives longer",
    );
    // A revoked token, and a key file that others may read.
    let text = fs::read_to_string(&keys).unwrap();
    let id = verified
        .out
        .lines()
        .find_map(|line| line.strip_prefix("token id: "))
        .unwrap();
    let revoked = folder.file("revoked.json");
    let with = text.replacen(
        "\"keys\"",
        &format!("\"revoked_tokens\": [\"{id}\"], \"keys\""),
        1,
    );
    fs::write(&revoked, with).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let allow = |mode| {
            fs::set_permissions(&revoked, fs::Permissions::from_mode(mode)).unwrap();
            run(&["token", "verify", "--keys", &revoked, token])
        };
        refused(allow(0o644), "chmod 600");
        refused(allow(0o600), "revoked");
    }
    let secret = text.split('"').rev().find(|part| part.len() == 43).unwrap();
    assert!(!verified.out.contains(secret) && !verified.err.contains(secret));
}

#[test]
fn roles_are_tested_by_files() {
    let model = retail().join("model");
    let rules = retail().join("roles").join("rules.roles");
    let (model, rules) = (model.to_str().unwrap(), rules.to_str().unwrap());
    let passed = run(&["test-roles", model, rules]);
    assert_eq!(passed.code, 0, "{}{}", passed.out, passed.err);
    assert!(
        passed.out.ends_with(" passed, 0 failed\n"),
        "{}",
        passed.out
    );
    let folder = Folder::new("roles");
    let wrong = folder.file("wrong.roles");
    fs::write(
        &wrong,
        "test: too few\nrole: Germany\nquery: EVALUATE ROW(\"n\", [Order Lines])\nrows:\n  [n]\n  1687\n",
    )
    .unwrap();
    let failed = run(&["test-roles", model, rules, &wrong]);
    assert_eq!(failed.code, 1);
    for part in [
        "FAILED",
        "wrong.roles:1",
        "too few",
        "- 1687",
        "+ 1688",
        ", 1 failed",
    ] {
        assert!(failed.out.contains(part), "{part}: {}", failed.out);
    }
    let broken = folder.file("broken.roles");
    fs::write(&broken, "test: a\nquerry: x\n\nrows: some\n").unwrap();
    let told = run(&["test-roles", model, &broken]);
    assert_eq!(told.code, 1);
    for part in [
        "broken.roles:2: there is no key 'querry'",
        "broken.roles:4: ",
    ] {
        assert!(told.err.contains(part), "{}", told.err);
    }
    assert!(told.out.is_empty());
    assert_eq!(run(&["test-roles", model]).code, 2);
}

#[test]
fn inspect_prints_figures_and_no_value() {
    let model = retail().join("model");
    let shown = run(&["inspect", model.to_str().unwrap()]);
    assert_eq!((shown.code, shown.err.as_str()), (0, ""));
    for part in [
        "Categories[Category]",
        "text dictionary",
        "encoding",
        "relationship",
        "in memory",
    ] {
        assert!(shown.out.contains(part), "{part}: {}", shown.out);
    }
    assert!(!shown.out.contains("Bikes"), "a value was printed");
    let told = run(&["inspect", model.to_str().unwrap(), "--format", "json"]);
    let told: Value = serde_json::from_str(&told.out).expect("one object");
    let sum = |list: &Value, keys: &[&str]| -> u64 {
        let rows = list.as_array().unwrap().iter();
        rows.flat_map(|row| keys.iter().map(|key| row[*key].as_u64().unwrap()))
            .sum()
    };
    let tables = told["tables"].as_array().unwrap();
    let columns: u64 = tables
        .iter()
        .map(|table| sum(&table["columns"], &["codeBytes", "dictionaryBytes"]))
        .sum();
    assert_eq!(
        told["bytes"].as_u64().unwrap(),
        columns + sum(&told["keyMaps"], &["bytes"])
    );
    assert!(tables.iter().all(|table| table["rows"].is_u64()));
    assert!(told["parquetBytes"].as_u64().unwrap() > 0);
    let missing = run(&["inspect", "nowhere", "--format", "json"]);
    assert_eq!(missing.code, 1);
    assert!(missing.out.contains("\"error\""), "{}", missing.out);
}

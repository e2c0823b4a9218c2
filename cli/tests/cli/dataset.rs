//! Encrypted datasets, as the command keeps them.

use super::*;

/// A key file, and a dataset of the retail fixture in a folder of its own.
fn dataset(name: &str) -> (PathBuf, String, String) {
    let folder = folder(name);
    let key = key_file(&folder, "key", 'a');
    let out = folder.join("retail").to_str().unwrap().to_owned();
    let model = retail().join("model");
    let ran = run(&[
        "import",
        model.to_str().unwrap(),
        "--out",
        &out,
        "--key",
        &key,
    ]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(ran.out.contains("generation 1"), "{}", ran.out);
    (folder, out, key)
}

/// The name of a provider whose key is 64 times this digit.
pub fn key_file(folder: &Path, name: &str, digit: char) -> String {
    let path = folder.join(name);
    fs::write(&path, digit.to_string().repeat(64)).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    format!("file:{}", path.display())
}

const SALES: &str =
    "EVALUATE SUMMARIZECOLUMNS(Categories[Category], \"Sales\", [Sales]) ORDER BY [Sales] DESC";

#[test]
fn a_dataset_stands_in_the_place_of_a_model() {
    let (folder, out, key) = dataset("stands");
    let imported = query(&["--format", "csv", SALES]);
    let opened = run(&[
        "query", &out, "--key", &key, "--role", "Everyone", "--format", "csv", SALES,
    ]);
    assert_eq!((opened.code, opened.err.as_str()), (0, ""));
    assert_eq!(opened.out, imported.out);
    // The variable stands for the option, in every command that takes a model.
    let with_variable = |arguments: &[&str]| {
        let mut command = command(arguments);
        ran(command
            .env("PERISTYLE_KEY", &key)
            .stdin(Stdio::null())
            .output()
            .unwrap())
    };
    let explained = with_variable(&[
        "explain", "--stage", "bound", &out, "--role", "Everyone", SALES,
    ]);
    assert_eq!((explained.code, explained.err.as_str()), (0, ""));
    let model = retail().join("model");
    let checked = with_variable(&["check", &out]);
    assert_eq!(checked.code, run(&["check", model.to_str().unwrap()]).code);
    let inspected = with_variable(&["inspect", &out]);
    assert!(inspected.out.contains("in memory"), "{}", inspected.out);
    let verified = with_variable(&["verify", &out]);
    assert!(
        verified.out.contains("all as they were written"),
        "{}",
        verified.out
    );
    let unchanged = with_variable(&["refresh", &out]);
    assert_eq!(
        unchanged.out, "no source file has changed\n",
        "{}",
        unchanged.err
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_dataset_needs_its_key() {
    let (folder, out, key) = dataset("needs");
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let ran = ran(command(arguments)
            .env_remove("PERISTYLE_KEY")
            .stdin(Stdio::null())
            .output()
            .unwrap());
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{arguments:?}: {}", ran.err);
        assert!(ran.out.is_empty(), "{arguments:?}: {}", ran.out);
        assert!(
            !ran.err.contains("aaaa") && !ran.err.contains("bbbb"),
            "{}",
            ran.err
        );
    };
    let other = key_file(&folder, "other", 'b');
    let ask = ["--role", "Everyone", "EVALUATE {1}"];
    check(&[&["query", &out], &ask[..]].concat(), 2, "--key");
    check(
        &[&["query", &out, "--key", &other], &ask[..]].concat(),
        1,
        "denied",
    );
    check(
        &[&["query", &out, "--key", "file:/no/where"], &ask[..]].concat(),
        1,
        "/no/where",
    );
    check(
        &[&["query", &out, "--key", "cellar:x"], &ask[..]].concat(),
        2,
        "file:PATH",
    );
    #[cfg(not(feature = "vault"))]
    check(
        &[&["query", &out, "--key", "vault:x"], &ask[..]].concat(),
        2,
        "feature 'vault'",
    );
    check(
        &[&["query", &out, "--key", "passphrase:"], &ask[..]].concat(),
        2,
        "passphrase",
    );
    check(
        &[&["query", &out, "--key", &key, "--data", "x"], &ask[..]].concat(),
        2,
        "--data",
    );
    let model = retail().join("model");
    let model = model.to_str().unwrap();
    check(
        &[&["query", model, "--key", &key], &ask[..]].concat(),
        2,
        "no dataset",
    );
    check(
        &["import", model, "--out", &out, "--key", &key],
        1,
        "not empty",
    );
    check(&["verify", model, "--key", &key], 1, "not a dataset");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_table_is_exported_as_an_identity() {
    let (folder, out, key) = dataset("export");
    let model = retail().join("model");
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let export = |from: &[&str], role: &str, table: &str, to: &str, more: &[&str]| {
        let identity = ["--role", role, "--table", table, "--out", to];
        run(&[&["export"], from, &identity[..], more].concat())
    };
    let (dataset, plain) = ([out.as_str(), "--key", &key], [model.to_str().unwrap()]);
    let (a, b, c) = (file("a.parquet"), file("b.parquet"), file("c.parquet"));
    let first = export(&dataset, "Germany", "Customers", &a, &[]);
    assert_eq!((first.code, first.err.as_str()), (0, ""));
    assert!(first.out.contains(" rows, "), "{}", first.out);
    let second = export(&plain, "Germany", "Customers", &b, &[]);
    assert_eq!((second.code, &second.out), (0, &first.out));
    assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());
    let sealed = export(&dataset, "Germany", "Customers", &c, &["--out-key", &key]);
    assert_eq!((sealed.code, sealed.err.as_str()), (0, ""));
    assert!(fs::read(&c).unwrap().starts_with(b"PARE"));
    let check = |table: &str, to: &str, more: &[&str], code: i32, expected: &str| {
        let ran = export(&dataset, "No Balances", table, to, more);
        assert_eq!(ran.code, code, "{}", ran.err);
        assert!(
            ran.err.contains(expected) && ran.out.is_empty(),
            "{}",
            ran.err
        );
    };
    let d = file("d.parquet");
    check("Customers", &a, &[], 1, "is there already");
    check("Balances", &d, &[], 1, "'Balances'");
    check("Balancer", &d, &[], 1, "'Balancer'");
    check(
        "Customers",
        &d,
        &["--out-key", "file:/no/where"],
        1,
        "/no/where",
    );
    assert!(!Path::new(&d).exists());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_operator_rotates_rekeys_and_clears_up() {
    let (folder, out, key) = dataset("operator");
    let other = key_file(&folder, "other", 'b');
    let done = |arguments: &[&str], expected: &str| {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
        assert!(ran.out.contains(expected), "{arguments:?}: {}", ran.out);
    };
    done(
        &["rotate-key", &out, "--key", &key, "--new-key", &other],
        "written anew",
    );
    assert_eq!(run(&["verify", &out, "--key", &key]).code, 1);
    done(&["verify", &out, "--key", &other], "generation 1");
    done(
        &["rekey", &out, "--key", &other, "--new-key", &key],
        "generation 2",
    );
    done(&["vacuum", &out, "--key", &key], "files removed");
    done(&["verify", &out, "--key", &key], "generation 2");
    assert_eq!(run(&["verify", &out, "--key", &other]).code, 1);
    fs::remove_dir_all(folder).unwrap();
}

/// A process that holds keys leaves no memory in a file when it dies.
#[cfg(target_os = "linux")]
#[test]
fn a_process_that_holds_keys_dumps_no_core() {
    let (folder, out, key) = dataset("core");
    let arguments = ["shell", &out, "--key", &key, "--role", "Everyone"];
    let mut child = command(&arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    let limit = || {
        let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let words: Vec<String> = line
            .unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        (words[4].clone(), words[5].clone())
    };
    while limit() != ("0".to_owned(), "0".to_owned()) {
        assert!(begun.elapsed().as_secs() < 30, "{:?}", limit());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_dir_all(folder).unwrap();
}

/// A model of which one column cannot be computed is kept all the same, and the operator is told.
#[test]
fn what_cannot_be_computed_is_told_and_stops_nothing() {
    let folder = folder("failing");
    let key = key_file(&folder, "key", 'a');
    let model = folder.join("model.bim");
    let text = r#"{"name": "m", "compatibilityLevel": 1600, "model": {"culture": "en-US", "tables": [{"name": "T", "columns": [
        {"name": "N", "dataType": "int64", "type": "calculatedTableColumn", "sourceColumn": "[Value]"},
        {"name": "Bad", "dataType": "int64", "type": "calculated", "expression": "T[Nowhere] + 1"}],
        "partitions": [{"name": "T", "source": {"type": "calculated", "expression": "GENERATESERIES(1, 3)"}}]}]}}"#;
    fs::write(&model, text).unwrap();
    let model = model.to_str().unwrap();
    let out = folder.join("kept").to_str().unwrap().to_owned();
    let import = |more: &[&str]| {
        let mut arguments = vec![
            "import",
            model,
            "--out",
            out.as_str(),
            "--key",
            key.as_str(),
        ];
        arguments.extend(more);
        run(&arguments)
    };
    let strict = import(&["--strict"]);
    assert_eq!(strict.code, 1, "{}", strict.out);
    assert!(
        strict.err.contains("column 'T'[Bad] could not be computed"),
        "{}",
        strict.err
    );
    let kept = import(&[]);
    assert_eq!(kept.code, 0, "{}", kept.err);
    let told =
        "model.bim:3: warning: column 'T'[Bad]: it is in error: there is no column [Nowhere]";
    assert!(kept.err.contains(told), "{}", kept.err);
    let ask = |dax: &str| run(&["query", &out, "--key", &key, "--format", "csv", dax]);
    let answered = ask("EVALUATE ROW(\"x\", SUM(T[N]))");
    assert_eq!(answered.code, 0, "{}", answered.err);
    assert!(answered.out.contains('6'), "{}", answered.out);
    let hint = "1 object of the model is in error";
    assert!(answered.err.contains(hint), "{}", answered.err);
    let refused = ask("EVALUATE T");
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(
        refused.err.contains("'T'[Bad] is in error"),
        "{}",
        refused.err
    );
    // A refresh that finds nothing new tells of it as well.
    let again = run(&["refresh", &out, "--key", &key]);
    assert_eq!(again.code, 0, "{}", again.err);
    let told = "column 'T'[Bad]: it is in error: there is no column [Nowhere]";
    assert!(again.err.contains(told), "{}", again.err);
    let inspected = run(&["inspect", &out, "--key", &key, "--format", "json"]);
    let figures: serde_json::Value = serde_json::from_str(&inspected.out).unwrap();
    assert_eq!(figures["inError"][0]["object"], "column 'T'[Bad]");
    fs::remove_dir_all(folder).unwrap();
}

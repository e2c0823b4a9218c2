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
fn key_file(folder: &Path, name: &str, digit: char) -> String {
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
        &[&["query", &out, "--key", "vault:x"], &ask[..]].concat(),
        2,
        "file:PATH",
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

/// kill -9 at points spread over the time that the command takes: a few, or as many as PERISTYLE_KILLS says.
#[test]
fn a_killed_command_leaves_the_generation_before_or_the_new_one() {
    let (folder, out, key) = dataset("killed");
    let kills = std::env::var("PERISTYLE_KILLS").map_or(4, |kills| kills.parse().unwrap());
    let generation = || -> u64 {
        let ran = run(&["verify", &out, "--key", &key]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        let (_, rest) = ran.out.split_once("generation ").unwrap();
        rest.split(':').next().unwrap().parse().unwrap()
    };
    let begun = std::time::Instant::now();
    assert_eq!(run(&["rekey", &out, "--key", &key]).code, 0);
    let whole = begun.elapsed();
    let mut before = generation();
    assert_eq!(before, 2);
    for kill in 0..kills {
        let mut child = command(&["rekey", &out, "--key", &key])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(whole.mul_f64((kill as f64 * 0.618).fract() * 1.2));
        let _ = child.kill();
        child.wait().unwrap();
        let after = generation();
        assert!(
            after == before || after == before + 1,
            "{before} and then {after}"
        );
        before = after;
        if kill % 20 == 19 {
            assert_eq!(run(&["vacuum", &out, "--key", &key]).code, 0);
        }
    }
    assert_eq!(run(&["vacuum", &out, "--key", &key]).code, 0);
    assert_eq!(generation(), before);
    fs::remove_dir_all(folder).unwrap();
}

//! Which crate may know which. What is absent here is the architecture, so a wrong arrow fails the tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates of this house, each with the crates of the house that it may name.
const ARROWS: &[(&str, &str, &[&str])] = &[
    ("dax", "dax", &[]),
    ("model", "model", &["dax"]),
    ("storage", "storage", &["model"]),
    ("security", "security", &["dax", "model", "storage"]),
    ("engine", "engine", &["dax", "model", "security"]),
    (
        "peristyle",
        ".",
        // The literal evaluator is for the tests of this package alone.
        // So are the tokens: the library itself takes whatever a service vouches for. `sql` is a feature.
        &[
            "dax", "model", "storage", "security", "engine", "sql", "literal", "tokens",
        ],
    ),
    // Its tests make datasets; what is built reads through handles alone.
    ("sql", "sql", &["model", "security", "engine", "storage"]),
    ("tokens", "tokens", &["security"]),
    ("keys", "keys", &["storage"]),
    ("cli", "cli", &["peristyle", "keys", "tokens"]),
    ("xtask", "xtask", &["peristyle", "engine", "dax", "model"]),
    ("literal", "tests/literal", &["dax", "model"]),
    // Kernels are measured where they are; everything else by what a service imports.
    (
        "benches",
        "benches",
        &["peristyle", "storage", "model", "xtask"],
    ),
];

/// What these crates may use from outside: neither has a way to the network, nor an async runtime.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("dax", &["logos"]),
    ("model", &["serde_json"]),
    (
        "storage",
        &[
            "arrow",
            "brotli",
            "bytes",
            "flate2",
            "getrandom",
            "icu_collator",
            "lz4_flex",
            "parquet",
            "rayon-core",
            "ring",
            "roaring",
            "rustix",
            "serde",
            "serde_json",
            "zeroize",
        ],
    ),
    (
        "security",
        &[
            "arrow",
            "roaring",
            "sha2",
            "hmac",
            "quick_cache",
            "serde_json",
            "tracing",
        ],
    ),
    (
        "tokens",
        &[
            "jsonwebtoken",
            "pasetors",
            "base64",
            "serde",
            "serde_json",
            "zeroize",
            "getrandom",
            "chrono",
        ],
    ),
];

/// Nothing but the crate `sql` may name these, and the benchmarks that measure them.
const SQL_ONLY: &[&str] = &["datafusion", "ballista", "sqlparser"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn no_crate_knows_more_than_it_may() {
    for (name, folder, allowed) in ARROWS {
        for found in dependencies(folder) {
            let of_the_house = ARROWS.iter().any(|(other, _, _)| *other == found);
            assert!(
                !of_the_house || allowed.contains(&found.as_str()),
                "`{name}` must not name `{found}`"
            );
        }
    }
}

#[test]
fn the_inner_crates_use_little_from_outside() {
    for (name, allowed) in OUTSIDE {
        let (_, folder, arrows) = ARROWS.iter().find(|(other, _, _)| other == name).unwrap();
        for found in dependencies(folder) {
            let known = arrows.contains(&found.as_str()) || allowed.contains(&found.as_str());
            assert!(
                known,
                "`{name}` uses `{found}`: is it free of network code? Then add it to the list of this test"
            );
        }
    }
}

#[test]
fn only_sql_names_a_sql_engine() {
    for folder in members() {
        if folder == "sql" || folder == "benches" {
            continue;
        }
        for found in dependencies(&folder) {
            assert!(
                !SQL_ONLY.iter().any(|name| found.starts_with(name)),
                "`{folder}` must not name `{found}`"
            );
        }
    }
}

#[test]
fn every_crate_has_its_arrows_here() {
    let here: BTreeSet<String> = ARROWS
        .iter()
        .map(|(_, folder, _)| (*folder).to_owned())
        .collect();
    assert_eq!(
        members(),
        here,
        "a crate is added to the list of this test in the commit that creates it"
    );
    for name in ["common", "util", "utils", "core", "helpers"] {
        assert!(
            !root().join(name).exists(),
            "there is no `{name}` crate: Arrow and `model` are the vocabulary"
        );
    }
}

#[test]
fn every_crate_obeys_the_lints_of_the_workspace() {
    for folder in members() {
        let text = manifest(&folder);
        let after = text
            .split("[lints]")
            .nth(1)
            .unwrap_or_else(|| panic!("`{folder}` has no [lints]"));
        assert!(
            after.trim_start().starts_with("workspace = true"),
            "`{folder}` has lints of its own"
        );
    }
    assert!(
        manifest(".").contains("unsafe_code = \"deny\""),
        "unsafe code is denied by the workspace"
    );
}

fn manifest(folder: &str) -> String {
    let path = root().join(folder).join("Cargo.toml");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The members of the workspace, by folder.
fn members() -> BTreeSet<String> {
    let text = manifest(".");
    let list = text
        .split("members = [")
        .nth(1)
        .and_then(|rest| rest.split(']').next())
        .expect("a list of members");
    let names: BTreeSet<String> = list
        .split(',')
        .map(|name| name.trim().trim_matches('"').to_owned())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| root().join(Path::new(name)).join("Cargo.toml").is_file()),
        "{names:?}"
    );
    names
}

/// The names of everything that a manifest lets the crate name: at build time, in tests, and on some targets too.
fn dependencies(folder: &str) -> BTreeSet<String> {
    dependencies_in(&manifest(folder))
}

fn dependencies_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies") && !section.starts_with("workspace");
            // `[dependencies.arrow]`: a dependency in a section of its own.
            if let Some((_, name)) = section.rsplit_once("dependencies.") {
                found.insert(name.trim_matches('"').to_owned());
            }
        } else if inside && !line.starts_with('#') {
            found.extend(names_in_entry(line));
        }
    }
    found
}

/// `storage = { package = "..." }` is known under both names.
fn names_in_entry(line: &str) -> Vec<String> {
    let Some((key, value)) = line.split_once('=') else {
        return Vec::new();
    };
    let key = key.trim().split('.').next().unwrap_or_default();
    let package = value
        .split("package")
        .nth(1)
        .and_then(|rest| rest.split('"').nth(1));
    let of_the_house = package.map(|name| name.trim_start_matches("peristyle-"));
    [Some(key.trim_matches('"')), of_the_house]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .collect()
}

#[test]
fn dependencies_are_found_in_every_form() {
    let text = r#"
        [workspace.dependencies]
        unseen = "1"
        [dependencies]
        arrow = { workspace = true }
        roaring.workspace = true
        # commented = "1"
        hidden = { package = "peristyle-storage", path = "../storage" }
        [dependencies.long]
        version = "1"
        [target.'cfg(unix)'.dependencies]
        libc = "0.2"
        [dev-dependencies]
        proptest = "1"
        [features]
        default = []
    "#;
    let expected = [
        "arrow", "hidden", "libc", "long", "proptest", "roaring", "storage",
    ];
    assert_eq!(
        dependencies_in(text),
        expected.into_iter().map(str::to_owned).collect()
    );
}

//! What must not stand in the sources of a crate.

use crate::rust_source::{code_only, rust_files};

/// Whether a word stands in the code.
fn has_word(code: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(in_word) && !after.is_some_and(in_word)
    })
}

#[test]
fn only_storage_may_hold_unsafe_code() {
    for folder in [
        "src", "dax", "model", "keys", "security", "engine", "cli", "xtask", "benches", "tests",
    ] {
        for (path, code) in rust_files(folder) {
            assert!(!has_word(&code, "unsafe"), "{}", path.display());
            assert!(!code.contains("allow(unsafe_code"), "{}", path.display());
        }
    }
}

#[test]
fn storage_and_security_have_no_network_code() {
    for folder in ["storage", "security", "dax", "model", "engine"] {
        for (path, code) in rust_files(folder) {
            for name in ["net", "TcpStream", "TcpListener", "UdpSocket", "UnixStream"] {
                let named = if name == "net" {
                    code.contains("std::net")
                } else {
                    has_word(&code, name)
                };
                assert!(!named, "{} names {name}", path.display());
            }
        }
    }
}

/// The engine is lent views of all rows; what it could put into a static would outlive them.
#[test]
fn the_engine_keeps_nothing_between_queries() {
    for (path, code) in rust_files("engine/src") {
        let found = changeable_statics(&code);
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
}

/// Statics and thread-locals that can change. A `OnceLock` of immutable data may fill itself once: what it holds must
/// follow from the program alone, so its type may not have anything changeable inside, nor owned texts or arrays.
fn changeable_statics(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    if code.contains("thread_local!") || code.contains("thread_local !") {
        found.push("thread_local!".to_owned());
    }
    let words = [
        "Mutex",
        "RwLock",
        "Cell",
        "RefCell",
        "UnsafeCell",
        "OnceCell",
        "LazyCell",
        "LazyLock",
        "Once",
        "Condvar",
    ];
    for declared in code
        .split('\n')
        .collect::<Vec<_>>()
        .join(" ")
        .split("static ")
        .skip(1)
    {
        // `'static ` is a lifetime; what follows it is no declaration.
        let Some((name, rest)) = declared.split_once(':') else {
            continue;
        };
        let name = name.trim();
        if name.is_empty()
            || !name
                .trim_start_matches("mut ")
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        {
            continue;
        }
        let data_type = rest.split(['=', ';']).next().unwrap_or_default();
        let changes = name.starts_with("mut ")
            || words.iter().any(|word| has_word(data_type, word))
            || data_type.contains("Atomic")
            || (data_type.contains("OnceLock")
                && (has_word(data_type, "String") || has_word(data_type, "ArrayRef")));
        if changes {
            found.push(format!("static {name}:{data_type}"));
        }
    }
    found
}

#[test]
fn changeable_statics_are_found() {
    let check = |code: &str, expected: usize| {
        assert_eq!(
            changeable_statics(&code_only(code)).len(),
            expected,
            "{code}"
        )
    };
    check("static CACHE: Mutex<Vec<u8>> = Mutex::new(Vec::new());", 1);
    check(
        "pub static COUNT: std::sync::atomic::AtomicU64 = AtomicU64::new(0);",
        1,
    );
    check("static mut X: u8 = 0;", 1);
    check("thread_local! { static X: Cell<u8> = Cell::new(0); }", 2);
    check(
        "static INDEX: OnceLock<HashMap<&'static str, &'static Function>> = OnceLock::new();",
        0,
    );
    check("static KEPT: OnceLock<Vec<String>> = OnceLock::new();", 1);
    check("static TABLES: &[&[Function]] = &[];", 0);
    check("fn f(x: &'static str, random: Cell<u64>) {}", 0);
    check("// static CACHE: Mutex<u8>", 0);
}

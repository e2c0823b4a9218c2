//! docs/functions.md is made from the registry: `UPDATE_GOLDENS=1 cargo test` writes it anew.

use std::fmt::Write;
use std::path::PathBuf;

use engine::functions::{all, state_of};

fn document() -> String {
    let mut out = String::from(
        "# DAX functions\n\nMade from the registry of functions (`engine/src/functions`). What is not built is refused by name; nothing is answered approximately.\n",
    );
    let mut rows: Vec<_> = all().collect();
    rows.sort_by_key(|f| (f.category, f.name));
    let built = rows.iter().filter(|f| state_of(f).is_none()).count();
    let _ = write!(out, "\n{built} of {} are built.\n", rows.len());
    let mut category = "";
    for function in rows {
        if function.category != category {
            category = function.category;
            let _ = write!(
                out,
                "\n## {category}\n\n| function | state | semantics from |\n|---|---|---|\n"
            );
        }
        let state = state_of(function).unwrap_or("built");
        let signature = function.signature.replace('|', "\\|");
        let _ = writeln!(out, "| `{signature}` | {state} | {} |", function.source);
    }
    out
}

#[test]
fn the_document_of_functions_is_the_registry() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/functions.md");
    let made = document();
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(&file).unwrap_or_default() == made,
        "docs/functions.md is not what the registry says; UPDATE_GOLDENS=1 writes it anew"
    );
}

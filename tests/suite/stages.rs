//! The text dumps of every stage, against golden files. `UPDATE_GOLDENS=1 cargo test` writes them anew: read the
//! difference before committing it.

use std::path::PathBuf;

use peristyle::{Database, Identity, Stage};

const QUERIES: &[(&str, &str)] = &[
    (
        "measure-by-year",
        "EVALUATE SUMMARIZECOLUMNS ( Dates[Year], \"Sales\", [Sales] )",
    ),
    (
        "variables-and-filters",
        "DEFINE VAR __Filter = TREATAS ( { \"Red\", \"Blue\" }, Products[Color] )\nEVALUATE\n    SUMMARIZECOLUMNS ( Products[Color], __Filter, \"Share\", DIVIDE ( [Sales], CALCULATE ( [Sales], ALL ( Products ) ) ) )\nORDER BY [Share] DESC",
    ),
    (
        "iterator-and-transition",
        "EVALUATE\n    ADDCOLUMNS ( VALUES ( Stores[Region] ), \"x\", SUMX ( VALUES ( Products[Color] ), [Sales] * 2 ), \"y\", CALCULATE ( COUNTROWS ( Orders ), Orders[Quantity] >= 3 ) )",
    ),
];

#[test]
fn dumps_are_as_they_were() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let database = Database::import(
        root.join("fixtures/retail/model"),
        root.join("fixtures/retail/data"),
    )
    .unwrap();
    let session = database
        .session(Identity::user("ana@contoso.example").role("Germany"))
        .unwrap();
    let update = std::env::var_os("UPDATE_GOLDENS").is_some();
    let mut differ = Vec::new();
    for (name, query) in QUERIES {
        let mut text = format!("{query}\n");
        for (title, stage) in [
            ("tokens", Stage::Tokens),
            ("tree", Stage::Tree),
            ("bound", Stage::Bound),
            ("plan", Stage::Plan),
            ("scans", Stage::Scans),
        ] {
            text.push_str(&format!(
                "\n== {title}\n{}",
                session.explain(stage, query).unwrap()
            ));
        }
        let file = root.join(format!("tests/golden/{name}.txt"));
        if update {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &text).unwrap();
        } else if std::fs::read_to_string(&file).unwrap_or_default() != text {
            differ.push(*name);
        }
    }
    assert!(
        differ.is_empty(),
        "the dumps of {differ:?} differ from tests/golden; UPDATE_GOLDENS=1 writes them anew"
    );
}

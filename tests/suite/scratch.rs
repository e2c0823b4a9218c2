//! Folders that a test writes to, deleted when it is over.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use peristyle::{Database, Identity, Session, Value, value_at};

pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// A new empty folder; the name is for whoever looks at what a test left behind when it was killed.
    pub fn new(name: &str) -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("{name}-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for the test");
        Scratch { folder }
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whoever may ask a model without roles, written as a `model.bim` whose tables say their rows themselves.
pub fn session_of(name: &str, model: &str) -> Session {
    let folder = Scratch::new(name);
    let file = folder.path().join("model.bim");
    fs::write(&file, model).expect("a model in the scratch folder");
    let database = Database::import(&file, folder.path()).expect("the model");
    database.session(Identity::anonymous()).expect("a session")
}

/// The rows of an answer in order, a blank between cells; BLANK is empty.
pub fn rows_of(session: &Session, query: &str) -> Vec<String> {
    let answer = session
        .query(query)
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    let table = &answer.tables[0];
    (0..table.batch.num_rows())
        .map(|row| {
            let cells = (0..table.columns.len()).map(|column| match value_at(table, column, row) {
                Value::Blank => String::new(),
                value => value.to_text().to_string(),
            });
            cells.collect::<Vec<_>>().join(" ")
        })
        .collect()
}

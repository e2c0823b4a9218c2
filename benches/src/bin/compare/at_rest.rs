//! A dataset on disk: the first answer after opening, the full load against decoding the same files in clear, queries after it, and the
//! rotation of the customer's key.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use peristyle::{Database, KeyProvider};
use peristyle_benches::answer::difference;
use peristyle_benches::models::{Scratch, SsbModel};
use peristyle_benches::report::{
    self, Sheet, geometric_mean, megabytes, milliseconds, quotient, ratio,
};
use peristyle_benches::sealed::{BenchKey, decode_all, in_clear};

use crate::setting::{Done, Setting, anybody, ask};

/// Two columns of the fact.
const TWO_COLUMNS: &str =
    "EVALUATE SUMMARIZECOLUMNS(lineorder[lo_discount], \"r\", SUM(lineorder[lo_revenue]))";

pub fn run(setting: &Setting) -> Done {
    report::heading("At rest", setting.threads);
    let key = Arc::new(BenchKey::fresh().ok_or("no random numbers")?);
    let scratch = Scratch::new("at-rest")?;
    let (sealed, clear) = (scratch.path().join("sealed"), scratch.path().join("clear"));
    let (imported, import_time) = setting.open(&SsbModel::default())?;
    let start = Instant::now();
    let saved = imported.save(&sealed, key.as_ref())?;
    let save_time = start.elapsed();
    let plain_bytes = in_clear(&sealed, &key, &clear)?;
    println!();
    println!(
        "Import {}, writing {} in {} files {}. The same in clear: {}. The files are in the cache of the operating system.",
        milliseconds(import_time),
        megabytes(saved.bytes_written),
        saved.files_written,
        milliseconds(save_time),
        megabytes(plain_bytes),
    );
    loads(setting, &sealed, &clear, &key)?;
    queries(setting, &imported, &open(setting, &sealed, &key)?)?;
    drop(imported);
    rotation(&sealed, &key)?;
    report::ending();
    Ok(())
}

fn open(
    setting: &Setting,
    folder: &Path,
    key: &Arc<BenchKey>,
) -> Result<Database, Box<dyn std::error::Error>> {
    let provider: Arc<dyn KeyProvider> = key.clone();
    let builder = Database::builder(folder).threads(setting.threads);
    Ok(builder.cache_bytes(0).open(provider)?)
}

/// Opening, the first answer, the full load and the decoding in clear, in turn.
fn loads(setting: &Setting, sealed: &Path, clear: &Path, key: &Arc<BenchKey>) -> Done {
    let mut best = [Duration::MAX; 4];
    for _ in 0..=setting.repeats {
        let start = Instant::now();
        let database = open(setting, sealed, key)?;
        let opened = start.elapsed();
        ask(&anybody(&database)?, TWO_COLUMNS)?;
        let answered = start.elapsed();
        drop(database);
        let start = Instant::now();
        let database = open(setting, sealed, key)?;
        database.preload()?;
        let loaded = start.elapsed();
        drop(database);
        let start = Instant::now();
        let kept = decode_all(clear, setting.threads)?;
        let decoded = start.elapsed();
        drop(kept);
        for (best, time) in best.iter_mut().zip([opened, answered, loaded, decoded]) {
            *best = (*best).min(time);
        }
    }
    let [opened, answered, loaded, decoded] = best;
    let mut sheet = Sheet::new(["best of the rounds", "time", "against decoding in clear"]);
    for (what, time) in [
        ("open", opened),
        ("open, and the first answer over two columns", answered),
        ("open, and load every column", loaded),
        ("read and decode the same files in clear", decoded),
    ] {
        let times = ratio(quotient(time, decoded));
        sheet.row([what.to_owned(), milliseconds(time), times]);
    }
    sheet.print();
    Ok(())
}

/// The queries of the benchmark over what was imported and over what was opened, in turn.
fn queries(setting: &Setting, imported: &Database, opened: &Database) -> Done {
    let (a, b) = (anybody(imported)?, anybody(opened)?);
    let (mut of_imported, mut of_opened) = (Vec::new(), Vec::new());
    for query in setting.queries() {
        let mut best = [Duration::MAX; 2];
        for _ in 0..=setting.repeats.max(1) {
            for (best, session) in best.iter_mut().zip([&a, &b]) {
                *best = (*best).min(setting.time(session, query.dax)?);
            }
        }
        let (before, after) = (ask(&a, query.dax)?.1, ask(&b, query.dax)?.1);
        if let Some(why) = difference(&before, &after, query.order) {
            return Err(format!("{} differs after opening: {why}", query.name).into());
        }
        of_imported.push(best[0]);
        of_opened.push(best[1]);
    }
    let (of_imported, of_opened) = (geometric_mean(&of_imported), geometric_mean(&of_opened));
    println!(
        "The {} queries, geometric mean: {} imported, {} opened, a ratio of {}.",
        setting.queries().len(),
        milliseconds(of_imported),
        milliseconds(of_opened),
        ratio(quotient(of_opened, of_imported)),
    );
    Ok(())
}

fn rotation(folder: &Path, key: &Arc<BenchKey>) -> Done {
    let files = || -> Result<BTreeMap<PathBuf, (u64, SystemTime)>, std::io::Error> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let about = entry.metadata()?;
            found.insert(entry.path(), (about.len(), about.modified()?));
        }
        Ok(found)
    };
    let before = files()?;
    let new = BenchKey::fresh().ok_or("no random numbers")?;
    let start = Instant::now();
    peristyle::rotate_key(folder, key.as_ref(), &new)?;
    let time = start.elapsed();
    let after = files()?;
    let changed = after
        .iter()
        .filter(|(path, about)| before.get(*path) != Some(about));
    let written: u64 = changed.map(|(_, (length, _))| length).sum();
    let all: u64 = after.values().map(|(length, _)| length).sum();
    peristyle::verify(folder, &new, 1)?;
    println!(
        "Rotation of the customer's key: {written} bytes of {} written, {}.",
        megabytes(all),
        milliseconds(time),
    );
    Ok(())
}

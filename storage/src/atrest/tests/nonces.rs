//! No key meets a nonce twice: nonces are read back from the files.

use std::collections::HashSet;
use std::path::Path;

use super::*;
use crate::atrest::refresh::{rekey, save_next};
use crate::atrest::{open, seal::sha256};

/// The nonces of a Parquet file: a length, a nonce and a ciphertext follow each other up to the footer.
fn nonces_of_parquet(bytes: &[u8]) -> Vec<[u8; 12]> {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let nonce = |at: usize| bytes[at + 4..at + 16].try_into().unwrap();
    let tail = bytes.len() - 8 - number(bytes.len() - 8);
    let mut nonces = Vec::new();
    let mut at = 4;
    while at < tail {
        nonces.push(nonce(at));
        at += 4 + number(at);
    }
    assert_eq!(at, tail, "pages do not end where the footer begins");
    // The footer is the last piece; what stands before it is not encrypted.
    let end = bytes.len() - 8;
    let footer = (tail..end - 4).find(|at| at + 4 + number(*at) == end);
    nonces.push(nonce(footer.expect("a footer")));
    nonces
}

pub(super) fn collect(
    folder: &Path,
    key: &TestKey,
    seen: &mut HashSet<([u8; 32], [u8; 12])>,
) -> usize {
    let opened = open(folder, key, 0).unwrap();
    let files = &opened.files;
    let mut count = 0;
    let mut add = |name: &str, nonces: Vec<[u8; 12]>| {
        let key = sha256(files.key(name).unwrap().bytes());
        for nonce in nonces {
            count += 1;
            assert!(
                seen.insert((key, nonce)),
                "a nonce of {name} was used before"
            );
        }
    };
    for file in &files.manifest.files {
        if file.generation == opened.generation() {
            let bytes = fs::read(files.path(&file.name)).unwrap();
            add(&file.name, nonces_of_parquet(&bytes));
        }
    }
    let manifest = fs::read(files.path(&files.manifest_name)).unwrap();
    let start = manifest.iter().position(|b| *b == b'\n').unwrap() + 1;
    add(
        &files.manifest_name,
        vec![manifest[start..start + 12].try_into().unwrap()],
    );
    count
}

fn generations() -> usize {
    let generations = std::env::var("PERISTYLE_NONCE_GENERATIONS");
    generations.map_or(5, |n| n.parse().unwrap())
}

/// Refreshes of one table out of two, as many as PERISTYLE_NONCE_GENERATIONS says, with a key rotation now and then: files that are
/// taken over keep their keys, and nothing is ever encrypted under those again.
#[test]
fn no_refresh_uses_a_nonce_twice() {
    let key = TestKey::new(1);
    let sources = Sources::new("nonce-sources");
    let scratch = Scratch::new("nonce-refresh");
    let model = sources.write(0);
    let known = crate::atrest::sources(&model, sources.folder.path());
    let mut data = crate::import(&model, sources.folder.path(), &crate::NoProgress).unwrap();
    data.relate(RelationshipId(0)).unwrap();
    let to = SaveAs {
        folder: scratch.path(),
        provider: &key,
        hidden: &[],
        sources: Some(&known),
    };
    save(&data, &model, &to).unwrap();
    let mut seen = HashSet::new();
    let mut count = collect(scratch.path(), &key, &mut seen);
    for n in 1..=generations() {
        sources.write(n as i64);
        let what = crate::atrest::Refresh::default();
        let next = crate::atrest::refresh(scratch.path(), &key, 0, &what, None).unwrap();
        let mut next = next.expect("a source file has changed");
        next.dataset.relate(RelationshipId(0)).unwrap();
        let saved = save_next(&next.dataset, &next.model, &[], &next.next, &key).unwrap();
        assert!(saved.files_written < saved.files, "a table is taken over");
        drop(next);
        count += collect(scratch.path(), &key, &mut seen);
        if n % 4 == 0 {
            crate::atrest::rotate_key(scratch.path(), &key, &key).unwrap();
            crate::atrest::vacuum(scratch.path(), &key).unwrap();
        }
    }
    assert_eq!(count, seen.len());
    println!(
        "{count} nonces in {} refreshes, none twice under a key",
        generations()
    );
    crate::atrest::verify(scratch.path(), &key, 0).unwrap();
}

/// Two tables as Parquet files, of which the facts change.
struct Sources {
    folder: Scratch,
}

impl Sources {
    fn new(name: &str) -> Sources {
        let folder = Scratch::new(name);
        fs::create_dir_all(folder.path()).unwrap();
        Sources { folder }
    }

    fn write(&self, n: i64) -> Model {
        let mut model = model();
        model.tables[0].columns.truncate(2);
        model.tables[1].columns.truncate(2);
        let words: ArrayRef = Arc::new(StringArray::from(WORDS.to_vec()));
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..6).map(|i| i * 10)));
        let things: ArrayRef = Arc::new(Int64Array::from_iter_values((0..200).map(|i| i % 6 * 10)));
        let amounts: ArrayRef = Arc::new(Int64Array::from_iter_values((0..200).map(|i| i * n)));
        for (file, columns) in [
            ("Things", [("Key", keys), ("Word", words)]),
            ("Facts", [("Thing", things), ("Amount", amounts)]),
        ] {
            let path = self.folder.path().join(format!("{file}.parquet"));
            let batch = arrow::array::RecordBatch::try_from_iter(columns).unwrap();
            let file = fs::File::create(path).unwrap();
            let mut writer =
                parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
        }
        model
    }
}

/// Generations under fresh keys; as many as PERISTYLE_NONCE_GENERATIONS says.
#[test]
fn no_key_meets_a_nonce_twice() {
    let key = TestKey::new(1);
    let scratch = saved("nonces", &key);
    let generations = generations();
    let mut seen = HashSet::new();
    let mut keys = HashSet::new();
    let mut count = collect(scratch.path(), &key, &mut seen);
    for _ in 0..generations {
        let next = rekey(scratch.path(), &key, 0).unwrap();
        save_next(&next.dataset, &next.model, &[], &next.next, &key).unwrap();
        drop(next);
        count += collect(scratch.path(), &key, &mut seen);
        // The key of a generation is fresh for each key file, so one nonce is enough for it.
        let opened = open(scratch.path(), &key, 0).unwrap();
        assert!(keys.insert(opened.files.wrapped.bytes.clone()));
    }
    assert!(count > 30 * generations, "{count} nonces");
    crate::atrest::vacuum(scratch.path(), &key).unwrap();
}

//! Whatever is done to the files of a dataset is refused with an error that names one of them, before a row is served.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::StorageError;
use crate::atrest::{AtRestError, open};

/// Reads everything there is to read.
fn read(folder: &Path, key: &TestKey) -> Result<String, String> {
    let opened = open(folder, key, 0).map_err(|error| error.to_string())?;
    contents(&opened.dataset).map_err(|error| match error {
        StorageError::Unreadable { why } => why,
        other => panic!("not an error of files: {other}"),
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap() != "lock")
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// The folder must be refused, and the error name a file of it or the folder.
#[track_caller]
fn refused(folder: &Path, key: &TestKey, what: &str) -> String {
    match read(folder, key) {
        Ok(_) => panic!("{what} is not noticed"),
        Err(error) => {
            let named = files(folder).iter().any(|file| error.contains(&name(file)))
                || error.contains(".parquet")
                || error.contains(".manifest")
                || error.contains(".keys")
                || error.contains(&name(folder));
            assert!(named, "{what}: the error names no file: {error}");
            error
        }
    }
}

/// One bit of each byte of the small files and of the footers, and of every 16th byte of the data. Long runs: of every byte where
/// PERISTYLE_DAMAGE_EVERY_BYTE is set, of every n-th of these from the k-th on with PERISTYLE_PART=k/n, and another bit of each with
/// another PERISTYLE_SEED (0 to 7).
#[test]
fn a_changed_bit_is_noticed() {
    let key = TestKey::new(1);
    let scratch = saved("bits", &key);
    let folder = scratch.path();
    let every = std::env::var_os("PERISTYLE_DAMAGE_EVERY_BYTE").is_some();
    let seed: usize = std::env::var("PERISTYLE_SEED").map_or(0, |seed| seed.parse().unwrap());
    let (part, parts) = part();
    let total: u64 = files(folder)
        .iter()
        .map(|f| fs::metadata(f).unwrap().len())
        .sum();
    assert!(total <= 64 * 1024, "{total} bytes");
    let (mut tried, mut seen) = (0, 0);
    for path in files(folder) {
        let sound = fs::read(&path).unwrap();
        let data = name(&path).ends_with(".parquet");
        // Footers are small, and stand at the end behind their length.
        let footer = sound.len().saturating_sub(footer_length(&sound));
        for place in 0..sound.len() {
            if data && !every && place < footer && place % 16 != 0 {
                continue;
            }
            seen += 1;
            if seen % parts != part {
                continue;
            }
            let mut changed = sound.clone();
            changed[place] ^= 1 << ((place + seed) % 8);
            fs::write(&path, &changed).unwrap();
            refused(folder, &key, &format!("byte {place} of {}", name(&path)));
            tried += 1;
        }
        fs::write(&path, &sound).unwrap();
    }
    assert!(tried > 3000 / parts, "{tried}");
    println!("{tried} of {total} bytes changed, each refused with the name of a file");
    read(folder, &key).unwrap();
}

/// Which part of a long run this is, of how many.
fn part() -> (usize, usize) {
    let Ok(text) = std::env::var("PERISTYLE_PART") else {
        return (0, 1);
    };
    let (part, parts) = text.split_once('/').unwrap();
    (part.parse().unwrap(), parts.parse().unwrap())
}

fn footer_length(file: &[u8]) -> usize {
    let Some((_, [a, b, c, d, b'P', b'A', b'R', b'E'])) = file.split_last_chunk::<8>() else {
        return 0;
    };
    u32::from_le_bytes([*a, *b, *c, *d]) as usize + 8
}

/// A file of more than a megabyte, of two columns with eleven pages each, and what lies in it.
fn long(name: &str, key: &TestKey) -> (Scratch, PathBuf, Vec<u8>) {
    let scratch = Scratch::new(name);
    let mut model = model();
    model.tables.truncate(1);
    model.relationships.clear();
    model.tables[0].columns = vec![
        column("a", DataType::Integer),
        column("b", DataType::Integer),
    ];
    let rows = 700_000i64;
    let mut data = Dataset::new(&model);
    let values =
        |n: i64| -> ArrayRef { Arc::new((0..rows).map(|i| i * 7919 % n).collect::<Int64Array>()) };
    let columns = vec![(0, vec![values(60_000)]), (1, vec![values(250)])];
    data.load_table(TableId(0), rows as usize, columns).unwrap();
    let to = SaveAs {
        folder: scratch.path(),
        provider: key,
        hidden: &[],
        sources: None,
    };
    save(&data, &model, &to).unwrap();
    let path = files(scratch.path()).into_iter();
    let path = path.max_by_key(|f| fs::metadata(f).unwrap().len()).unwrap();
    let sound = fs::read(&path).unwrap();
    assert!(sound.len() > 1 << 20, "{}", sound.len());
    (scratch, path, sound)
}

/// Pages that changed places within a file, with their headers or without, are whole by themselves: each is bound to its place.
#[test]
fn pages_of_a_long_file_that_changed_places_are_noticed() {
    let key = TestKey::new(1);
    let (scratch, path, sound) = long("places", &key);
    let tail = sound.len() - footer_length(&sound);
    let mut ends = vec![4];
    while let Some(at) = ends.last().copied().filter(|at| *at < tail) {
        let length = u32::from_le_bytes(sound[at..at + 4].try_into().unwrap());
        ends.push(at + 4 + length as usize);
    }
    assert_eq!(
        ends.len(),
        1 + 2 * 2 * 11,
        "a header and a page, in two columns"
    );
    let piece = |from: usize, to: usize| &sound[ends[from]..ends[to]];
    // From one piece on, the next so many and as many after them.
    let last = ends.len() - 1;
    let apart = (0..last - 4).step_by(2).map(|first| (first, 2));
    let pages = (1..last - 2).step_by(2).map(|first| (first, 1));
    for (first, count) in apart.chain(pages).chain([(0, 22)]) {
        let (a, b) = (first, first + count + usize::from(count == 1));
        let changed = [
            &sound[..4],
            piece(0, a),
            piece(b, b + count),
            piece(a + count, b),
            piece(a, a + count),
            piece(b + count, last),
            &sound[tail..],
        ]
        .concat();
        assert_eq!(changed.len(), sound.len());
        fs::write(&path, &changed).unwrap();
        let error = (0..2).find_map(|c| {
            let opened = open(scratch.path(), &key, 0).unwrap();
            opened.dataset.column(id(0, c)).err()
        });
        let error =
            error.unwrap_or_else(|| panic!("{count} pieces from {first} on are not noticed"));
        assert!(error.to_string().contains(&name(&path)), "{error}");
    }
}

/// The pages of a long file are not all read at once, so they must notice by themselves.
#[test]
fn a_changed_bit_of_a_long_file_is_noticed_by_its_page() {
    let key = TestKey::new(1);
    let (scratch, path, sound) = long("long", &key);
    let every = sound.len() / 40;
    let near = [0, 1, 2, 3, 4, 5, 8, 20, sound.len() - 1, sound.len() - 5];
    for place in near.into_iter().chain((0..sound.len()).step_by(every)) {
        let mut changed = sound.clone();
        changed[place] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        let opened = open(scratch.path(), &key, 0).unwrap();
        let errors = (0..2).filter_map(|c| opened.dataset.column(id(0, c)).err());
        let errors: Vec<String> = errors.map(|e| e.to_string()).collect();
        assert!(!errors.is_empty(), "byte {place} is not noticed");
        assert!(
            errors.iter().all(|e| e.contains(&name(&path))),
            "{errors:?}"
        );
    }
}

#[test]
fn swapped_files_are_noticed() {
    let key = TestKey::new(1);
    let scratch = saved("swapped", &key);
    let all = files(scratch.path());
    for (i, a) in all.iter().enumerate() {
        for b in &all[i + 1..] {
            let (of_a, of_b) = (fs::read(a).unwrap(), fs::read(b).unwrap());
            fs::write(a, &of_b).unwrap();
            fs::write(b, &of_a).unwrap();
            refused(
                scratch.path(),
                &key,
                &format!("{} for {}", name(a), name(b)),
            );
            // One put in the place of the other, which is lost.
            fs::write(b, &of_b).unwrap();
            refused(scratch.path(), &key, &format!("{} twice", name(b)));
            fs::write(a, &of_a).unwrap();
        }
    }
    read(scratch.path(), &key).unwrap();
}

#[test]
fn cut_missing_and_longer_files_are_noticed() {
    let key = TestKey::new(1);
    let scratch = saved("cut", &key);
    for path in files(scratch.path()) {
        let sound = fs::read(&path).unwrap();
        for length in [0, 1, sound.len() / 2, sound.len() - 1] {
            fs::write(&path, &sound[..length]).unwrap();
            refused(
                scratch.path(),
                &key,
                &format!("{} cut to {length}", name(&path)),
            );
        }
        fs::write(&path, [&sound[..], b"\0"].concat()).unwrap();
        refused(
            scratch.path(),
            &key,
            &format!("{} with a byte more", name(&path)),
        );
        fs::write(&path, [&sound[..], &sound[..]].concat()).unwrap();
        refused(
            scratch.path(),
            &key,
            &format!("{} twice in a row", name(&path)),
        );
        fs::remove_file(&path).unwrap();
        refused(scratch.path(), &key, &format!("{} removed", name(&path)));
        fs::write(&path, &sound).unwrap();
    }
    read(scratch.path(), &key).unwrap();
}

/// Files of another dataset under the same key do not fit, one by one or all but the pointer.
#[test]
fn files_of_another_dataset_are_noticed() {
    let key = TestKey::new(1);
    let (scratch, other) = (saved("mine", &key), saved("other", &key));
    let by_length = |folder: &Path| {
        let mut files = files(folder);
        files.sort_by_key(|f| {
            (
                f.extension().map(|e| e.to_owned()),
                fs::metadata(f).unwrap().len(),
            )
        });
        files
    };
    let (mine, theirs) = (by_length(scratch.path()), by_length(other.path()));
    assert_eq!(mine.len(), theirs.len());
    for (mine, theirs) in mine.iter().zip(&theirs) {
        let sound = fs::read(mine).unwrap();
        fs::copy(theirs, mine).unwrap();
        refused(
            scratch.path(),
            &key,
            &format!("{} of another dataset", name(mine)),
        );
        fs::write(mine, sound).unwrap();
    }
    read(scratch.path(), &key).unwrap();
}

/// Files of the generation before, one by one in the place of those of their kind, and all but the pointer. The pointer itself is what
/// cannot be told from inside the folder: a least generation does.
#[test]
fn files_of_the_generation_before_are_noticed() {
    let key = TestKey::new(1);
    let scratch = saved("stale", &key);
    let folder = scratch.path();
    let before: Vec<(PathBuf, Vec<u8>)> = files(folder)
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    let next = crate::atrest::rekey(folder, &key, 0).unwrap();
    crate::atrest::save_next(&next.dataset, &next.model, &[], &next.next, &key).unwrap();
    drop(next);
    crate::atrest::vacuum(folder, &key).unwrap();
    let mut tried = 0;
    for path in files(folder) {
        let sound = fs::read(&path).unwrap();
        for (old, bytes) in before
            .iter()
            .filter(|(old, _)| old.extension() == path.extension())
        {
            fs::write(&path, bytes).unwrap();
            refused(folder, &key, &format!("{} for {}", name(old), name(&path)));
            tried += 1;
        }
        fs::write(&path, &sound).unwrap();
    }
    assert!(tried > 50, "{tried}");
    read(folder, &key).unwrap();
    // Everything of before is there again, under its names and under the new pointer: the new generation counts.
    for (old, bytes) in before
        .iter()
        .filter(|(old, _)| old.extension().is_none_or(|e| e != "dataset"))
    {
        fs::write(old, bytes).unwrap();
    }
    assert_eq!(open(folder, &key, 0).unwrap().generation(), 2);
    let (pointer, bytes) = before
        .iter()
        .find(|(old, _)| old.extension().is_some_and(|e| e == "dataset"))
        .unwrap();
    fs::write(pointer, bytes).unwrap();
    assert_eq!(open(folder, &key, 0).unwrap().generation(), 1);
    let found = open(folder, &key, 2).err();
    assert!(
        matches!(found, Some(AtRestError::TooOld { .. })),
        "{found:?}"
    );
}

#[test]
fn a_wrong_key_is_denied() {
    let scratch = saved("wrong", &TestKey::new(1));
    let found = open(scratch.path(), &TestKey::new(2), 0).err();
    assert!(
        matches!(found, Some(AtRestError::Denied { .. })),
        "{found:?}"
    );
    let error = refused(scratch.path(), &TestKey::new(2), "another key");
    assert!(error.contains(".keys"), "{error}");
}

/// No file holds a text of the model or of the data, nor a statistic.
#[test]
fn nothing_is_readable() {
    let key = TestKey::new(1);
    let scratch = saved("readable", &key);
    let model = model();
    let mut texts: Vec<String> = WORDS.iter().flatten().map(|w| (*w).to_owned()).collect();
    texts.extend(model.tables.iter().map(|t| t.name.clone()));
    texts.extend(
        model
            .tables
            .iter()
            .flat_map(|t| t.columns.iter().map(|c| c.name.clone())),
    );
    texts.retain(|text| text.len() > 3);
    texts.push("en-US".to_owned());
    texts.push("PAR1".to_owned());
    for path in files(scratch.path()) {
        let bytes = fs::read(&path).unwrap();
        for text in &texts {
            let found = bytes.windows(text.len()).any(|w| w == text.as_bytes());
            assert!(!found, "{} holds {text}", name(&path));
        }
    }
}

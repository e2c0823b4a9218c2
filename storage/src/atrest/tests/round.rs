//! What is written is what is read.

use std::fs;
use std::sync::atomic::Ordering;

use ::model::write_bim;

use super::*;
use crate::atrest::open::Opened;
use crate::atrest::read_codes::{About, Piece, read_codes};
use crate::atrest::{
    AtRestError, KeyContext, KeyProvider, KeyRefusal, SaveAs, WrappedKey, key_file, open, rekey,
    rotate_key, save, save_next, vacuum, verify,
};

#[test]
fn a_dataset_comes_back_as_it_was() {
    let key = TestKey::new(1);
    let scratch = saved("round", &key);
    let opened = open(scratch.path(), &key, 0).unwrap();
    // Places in the source are not kept, all else is.
    assert_eq!(write_bim(&opened.model), write_bim(&model()));
    assert_eq!(opened.generation(), 1);
    // Nothing is read until it is asked for, and then only that.
    let figures = |wanted: &str| {
        let all = opened.dataset.inspect();
        all.into_iter().filter(|f| f.encoding == wanted).count()
    };
    assert_eq!(figures("on disk"), 10);
    assert_eq!(opened.dataset.domain(id(0, 1)), 4);
    assert_eq!(
        opened.dataset.column_type(id(0, 4)),
        Some(DataType::DateTime)
    );
    assert!(opened.dataset.is_related(RelationshipId(0)));
    assert_eq!(figures("on disk"), 10);
    opened.dataset.column(id(0, 1)).unwrap();
    assert_eq!(figures("on disk"), 9);
    let whole = contents(&opened.dataset).unwrap();
    assert_eq!(whole, contents(&dataset(&model())).unwrap());
    assert_eq!(figures("on disk"), 0);
    let classes = dataset(&model()).row_classes(TableId(1)).unwrap();
    assert_eq!(opened.dataset.row_classes(TableId(1)).unwrap(), classes);
    // The key was asked for once, though every file has one; and once before, when what was written was looked at.
    assert_eq!(key.asked.load(Ordering::Relaxed), 2);
    let verified = verify(scratch.path(), &key, 1).unwrap();
    assert_eq!((verified.columns, verified.generation), (10, 1));
}

#[test]
fn several_readers_of_a_column_read_it_once() {
    let key = TestKey::new(1);
    let scratch = saved("readers", &key);
    let opened = open(scratch.path(), &key, 0).unwrap();
    let columns: Vec<usize> = std::thread::scope(|scope| {
        let read = || std::ptr::from_ref(&*opened.dataset.column(id(1, 1)).unwrap()) as usize;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(read)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(columns.iter().all(|column| *column == columns[0]));
}

/// The only table's column comes out the same whether the manifest speaks of its runs or not, and not at all if it speaks of others; and
/// where a partition ends inside a block, too.
fn runs_are_believed_and_found(opened: &Opened, column: usize, expected: &crate::column::Column) {
    let table = &opened.files.manifest.tables[0];
    let entry = table.columns[column].as_ref().unwrap();
    let read = |times: usize, runs: Option<u32>| {
        let all = entry.codes.iter().cycle().take(times);
        let pieces: Vec<_> = all
            .map(|entry| Piece {
                file: opened.files.open(entry.file).unwrap(),
                entry: *entry,
            })
            .collect();
        let about = About {
            size: entry.size,
            runs,
        };
        read_codes(&pieces, &about)
    };
    let runs = entry.runs.unwrap();
    assert_eq!(runs > 0, expected.numbers.name().ends_with("runs"));
    for known in [None, Some(runs)] {
        let once = read(1, known).unwrap();
        assert_eq!(once.rows.name(), expected.numbers.name());
        assert!(once.rows.iter().eq(expected.numbers.iter()));
        assert_eq!(
            (&once.zones, once.blanks),
            (&expected.zones, expected.blanks)
        );
        let twice = read(2, known).unwrap();
        let again = || expected.numbers.iter();
        assert!(twice.rows.iter().eq(again().chain(again())));
        assert_eq!(twice.zones, twice.rows.zones());
        assert_eq!(twice.blanks, 2 * expected.blanks);
        assert_eq!(twice.rows.name(), expected.numbers.name());
    }
    if runs > 0 {
        assert!(read(1, Some(runs - 1)).is_err());
        assert!(read(1, Some(runs + 1)).is_err());
    }
}

#[test]
fn codes_of_every_width_and_several_segments_come_back() {
    let key = TestKey::new(1);
    let mut model = model();
    model.tables.truncate(1);
    model.relationships.clear();
    model.tables[0].columns = vec![
        column("a", DataType::Integer),
        column("b", DataType::Integer),
        column("c", DataType::Integer),
        column("d", DataType::Integer),
        column("e", DataType::Integer),
        column("f", DataType::Integer),
    ];
    let rows = crate::atrest::parquet_write::SEGMENT as i64 + 70_000;
    let values = |least: i64, stretch: i64| -> ArrayRef {
        let value = |i| (i % 1013 != 0).then_some((i * 7919) % least);
        let stretched = (0..rows).map(|i| value(i / stretch));
        Arc::new(stretched.collect::<Int64Array>())
    };
    let mut data = Dataset::new(&model);
    let kinds = [
        (200, 1, "u8"),
        (40_000, 1, "u16"),
        (100_000, 1, "u24"),
        (300_000, 1, "u32"),
        (200, 9, "u8 runs"),
        (100_000, 5, "u24 runs"),
    ];
    let columns = kinds.map(|(n, stretch, _)| vec![values(n, stretch)]);
    data.load_table(TableId(0), rows as usize, (0..).zip(columns).collect())
        .unwrap();
    let scratch = written("wide", &data, &model, &[], &key);
    let opened = open(scratch.path(), &key, 0).unwrap();
    for (c, (_, _, name)) in (0..).zip(kinds) {
        let (a, b) = (
            data.column(id(0, c)).unwrap(),
            opened.dataset.column(id(0, c)).unwrap(),
        );
        assert_eq!(a.numbers.name(), name);
        assert_eq!(a.numbers.name(), b.numbers.name());
        assert!(a.iter_codes().eq(b.iter_codes()), "column {c}");
        assert_eq!((&a.zones, a.blanks), (&b.zones, b.blanks));
        runs_are_believed_and_found(&opened, c as usize, &a);
    }
    verify(scratch.path(), &key, 0).unwrap();
}

#[test]
fn an_old_generation_is_refused_and_a_full_folder_too() {
    let key = TestKey::new(1);
    let scratch = saved("least", &key);
    let found = open(scratch.path(), &key, 2).err();
    assert!(
        matches!(
            found,
            Some(AtRestError::TooOld {
                found: 1,
                least: 2,
                ..
            })
        ),
        "{found:?}"
    );
    let model = model();
    let to = SaveAs {
        folder: scratch.path(),
        provider: &key,
        hidden: &[],
        sources: None,
    };
    let found = save(&dataset(&model), &model, &to).err();
    assert!(
        matches!(found, Some(AtRestError::Exists { .. })),
        "{found:?}"
    );
    let nothing = Scratch::new("nothing");
    let found = open(nothing.path(), &key, 0).err();
    assert!(
        matches!(found, Some(AtRestError::NotADataset { .. })),
        "{found:?}"
    );
}

#[test]
fn rotation_writes_the_key_file_alone() {
    let (old, new) = (TestKey::new(1), TestKey::new(2));
    let scratch = saved("rotate", &old);
    let files = |ending: &str| -> std::collections::BTreeSet<String> {
        let names = fs::read_dir(scratch.path()).unwrap();
        let names = names.map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(ending)).collect()
    };
    let (data, manifest, keys) = (files(".parquet"), files(".manifest"), files(".keys"));
    let before = open(scratch.path(), &old, 0).unwrap();
    rotate_key(scratch.path(), &old, &new).unwrap();
    assert_eq!((files(".parquet"), files(".manifest")), (data, manifest));
    assert!(files(".keys").is_disjoint(&keys) && files(".keys").len() == 1);
    let refused = open(scratch.path(), &old, 0).err();
    assert!(
        matches!(refused, Some(AtRestError::Denied { .. })),
        "{refused:?}"
    );
    let after = open(scratch.path(), &new, 1).unwrap();
    assert_eq!(
        contents(&before.dataset).unwrap(),
        contents(&after.dataset).unwrap()
    );
    verify(scratch.path(), &new, 0).unwrap();
}

/// Generations share data files: while one key file opens with the old key, much of the current data does.
#[test]
fn rotation_leaves_no_generation_under_the_old_key() {
    let (old, new) = (TestKey::new(1), TestKey::new(2));
    let scratch = saved("rotate-all", &old);
    // Somebody reads the first generation and goes on.
    let reader = open(scratch.path(), &old, 0).unwrap();
    let next = rekey(scratch.path(), &old, 0).unwrap();
    save_next(&next.dataset, &next.model, &[], &next.next, &old).unwrap();
    drop(next);
    let contexts: Vec<KeyContext> = [1, 2]
        .map(|generation| KeyContext {
            dataset: reader.files.context.dataset,
            generation,
        })
        .to_vec();
    let opens = |key: &TestKey| {
        let mut count = 0;
        for entry in fs::read_dir(scratch.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "keys") {
                let opens = |context| key_file::read(&path, context, key).is_ok();
                count += usize::from(contexts.iter().any(opens));
            }
        }
        count
    };
    assert_eq!((opens(&old), opens(&new)), (2, 0));
    rotate_key(scratch.path(), &old, &new).unwrap();
    assert_eq!((opens(&old), opens(&new)), (0, 2));
    verify(scratch.path(), &new, 2).unwrap();
    // What is still read stays, under the new key.
    assert_eq!(vacuum(scratch.path(), &new).unwrap().in_use, 1);
    drop(reader);
    vacuum(scratch.path(), &new).unwrap();
    assert_eq!((opens(&old), opens(&new)), (0, 1));
}

#[test]
fn a_pointer_is_short() {
    let key = TestKey::new(1);
    let scratch = saved("long-pointer", &key);
    let path = scratch.path().join("peristyle.dataset");
    let mut text = fs::read(&path).unwrap();
    text.resize(1 << 20, b'\n');
    fs::write(&path, text).unwrap();
    let refused = open(scratch.path(), &key, 0).err().map(|e| e.to_string());
    assert!(
        refused
            .as_ref()
            .is_some_and(|text| text.contains("too long")),
        "{refused:?}"
    );
}

#[test]
fn vacuum_removes_what_nobody_needs() {
    let key = TestKey::new(1);
    let scratch = saved("vacuum", &key);
    let rubbish = scratch.path().join(format!("{}.parquet", "ab".repeat(16)));
    fs::write(&rubbish, "left behind").unwrap();
    let strange = scratch.path().join("notes.txt");
    fs::write(&strange, "somebody's own").unwrap();
    let done = vacuum(scratch.path(), &key).unwrap();
    assert_eq!((done.files, done.bytes, done.in_use), (1, 11, 0));
    assert!(!rubbish.exists() && strange.exists());
    verify(scratch.path(), &key, 0).unwrap();
}

/// What occurs among offsets is noted a bit a code, in words of 64: ranges that just fill a word, or just do not.
#[test]
fn offsets_with_gaps_come_back_whatever_their_range() {
    let key = TestKey::new(1);
    let mut model = model();
    model.tables.truncate(1);
    model.relationships.clear();
    model.tables[0].columns = vec![column("a", DataType::Integer)];
    for count in [2, 61, 62, 63, 64, 65, 127, 128] {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![10, 10 + count, 11, 10]));
        let mut data = Dataset::new(&model);
        data.load_table(TableId(0), 4, vec![(0, vec![values])])
            .unwrap();
        let scratch = written("gaps", &data, &model, &[], &key);
        let opened = open(scratch.path(), &key, 0).unwrap();
        let rows = [0, 1, 2, 3];
        assert_eq!(
            column_contents(&opened.dataset, id(0, 0), &rows).unwrap(),
            column_contents(&data, id(0, 0), &rows).unwrap(),
            "{count}"
        );
    }
}

/// A key that may wrap and not unwrap.
struct OneWay(TestKey);

impl KeyProvider for OneWay {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        self.0.wrap(key, context)
    }

    fn unwrap(&self, _: &WrappedKey, _: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        Err(KeyRefusal::Denied("it only wraps".to_owned()))
    }
}

/// Nothing is written under a key that does not give back what it wrapped, neither a first generation nor a next one.
#[test]
fn a_key_that_only_wraps_locks_nobody_out() {
    let one_way = OneWay(TestKey::new(2));
    let key = TestKey::new(1);
    let scratch = saved("one-way", &key);
    let held = || contents(&open(scratch.path(), &key, 0).unwrap().dataset).unwrap();
    let before = held();
    let next = rekey(scratch.path(), &key, 0).unwrap();
    assert!(save_next(&next.dataset, &next.model, &[], &next.next, &one_way).is_err());
    drop(next);
    assert!(rotate_key(scratch.path(), &key, &one_way).is_err());
    assert_eq!(held(), before);
    let fresh = Scratch::new("one-way-fresh");
    let to = SaveAs {
        folder: fresh.path(),
        provider: &one_way,
        hidden: &[],
        sources: None,
    };
    let opened = open(scratch.path(), &key, 0).unwrap();
    assert!(save(&opened.dataset, &opened.model, &to).is_err());
    assert!(open(fresh.path(), &one_way, 0).is_err());
}

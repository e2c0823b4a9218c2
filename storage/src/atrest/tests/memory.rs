//! Columns under a memory limit, and the numbers of foreign keys.

use super::*;
use crate::atrest::{ColumnMemory, open, open_within};
use crate::numbering::Numbering;

fn limited(
    folder: &Path,
    key: &TestKey,
    limit: u64,
    pinned: &[&str],
) -> (Arc<ColumnMemory>, Dataset) {
    let pinned = pinned.iter().map(|name| (*name).to_owned()).collect();
    let memory = Arc::new(ColumnMemory::new(Some(limit), pinned));
    let opened = open_within(folder, key, 0, Arc::clone(&memory)).unwrap();
    (memory, opened.dataset)
}

/// Bytes of all columns, and of the largest.
fn sizes(folder: &Path, key: &TestKey) -> (u64, u64) {
    let opened = open(folder, key, 0).unwrap();
    opened.dataset.preload().unwrap();
    let figures = opened.dataset.column_memory().unwrap();
    assert_eq!(
        (figures.columns, figures.reads, figures.evictions),
        (10, 10, 0)
    );
    let sizes = opened.dataset.inspect().into_iter();
    let sizes: Vec<u64> = sizes.map(|f| f.code_bytes + f.dictionary_bytes).collect();
    assert_eq!(figures.bytes, sizes.iter().sum::<u64>());
    (figures.bytes, sizes.into_iter().max().unwrap())
}

#[test]
fn columns_beyond_the_limit_go_and_come_back() {
    let key = TestKey::new(1);
    let scratch = saved("evict", &key);
    let expected = contents(&dataset(&model())).unwrap();
    let (all, largest) = sizes(scratch.path(), &key);
    for limit in [0, 1, largest, all / 2, all - 1] {
        let (memory, data) = limited(scratch.path(), &key, limit, &[]);
        for _ in 0..3 {
            assert_eq!(contents(&data).unwrap(), expected, "limit {limit}");
            assert!(memory.figures().bytes <= limit.max(largest), "{memory:?}");
        }
        let figures = memory.figures();
        assert!(figures.evictions > 0 && figures.reads > 10, "{figures:?}");
        assert_eq!(figures.reads - figures.evictions, figures.columns);
        drop(data);
        assert_eq!((memory.figures().bytes, memory.figures().columns), (0, 0));
    }
    let (memory, data) = limited(scratch.path(), &key, all, &[]);
    assert_eq!(contents(&data).unwrap(), expected);
    assert_eq!(
        (memory.figures().reads, memory.figures().evictions),
        (10, 0)
    );
}

#[test]
fn the_column_that_was_not_used_for_longest_goes_first() {
    let key = TestKey::new(1);
    let scratch = saved("oldest", &key);
    let (all, _) = sizes(scratch.path(), &key);
    let (_, data) = limited(scratch.path(), &key, all - 1, &[]);
    let ids: Vec<ColumnId> = (0..7)
        .map(|c| id(0, c))
        .chain((0..3).map(|c| id(1, c)))
        .collect();
    for id in &ids[..9] {
        data.column(*id).unwrap();
    }
    data.column(ids[0]).unwrap();
    data.column(ids[9]).unwrap();
    let there: Vec<bool> = ids
        .iter()
        .map(|id| data.loaded_column(*id).is_some())
        .collect();
    let gone: Vec<usize> = (0..10).filter(|place| !there[*place]).collect();
    assert_eq!(gone, [1]);
}

#[test]
fn a_pinned_table_stays_and_what_is_held_stays_usable() {
    let key = TestKey::new(1);
    let scratch = saved("pinned", &key);
    let (memory, data) = limited(scratch.path(), &key, 0, &["THINGS"]);
    let held = data.column(id(1, 0)).unwrap();
    let before: Vec<u32> = held.iter_codes().collect();
    contents(&data).unwrap();
    contents(&data).unwrap();
    assert!((0..7).all(|c| data.loaded_column(id(0, c)).is_some()));
    assert!(data.loaded_column(id(1, 0)).is_none(), "it was given up");
    assert_eq!(held.iter_codes().collect::<Vec<_>>(), before);
    assert_eq!(
        memory.figures().columns,
        8,
        "the pinned ones and the latest"
    );
    let memory = Arc::new(ColumnMemory::new(
        None,
        vec!["Nothing of the kind".to_owned()],
    ));
    let refused = open_within(scratch.path(), &key, 0, memory).err().unwrap();
    assert!(
        refused.to_string().contains("'Nothing of the kind'"),
        "{refused}"
    );
}

#[test]
fn a_closed_dataset_holds_no_columns() {
    let key = TestKey::new(1);
    let scratch = saved("gives-up", &key);
    let opened = open(scratch.path(), &key, 0).unwrap();
    opened.dataset.preload().unwrap();
    opened.files.close("a test");
    let figures = opened.dataset.column_memory().unwrap();
    assert_eq!((figures.bytes, figures.columns), (0, 0));
    assert!(opened.dataset.column(id(0, 0)).is_err());
    assert_eq!(opened.dataset.column_memory().unwrap().columns, 0);
}

#[test]
fn several_threads_under_a_limit_see_what_is_there() {
    let key = TestKey::new(1);
    let scratch = saved("threads", &key);
    let expected = contents(&dataset(&model())).unwrap();
    let (memory, data) = limited(scratch.path(), &key, 2000, &[]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(contents(&data).unwrap(), expected);
                }
            });
        }
    });
    let figures = memory.figures();
    assert_eq!(figures.reads - figures.evictions, figures.columns);
}

/// The numbers that an import gave a foreign key are there again, so scans find the same ranges.
#[test]
fn the_numbers_of_a_foreign_key_come_back() {
    check_numbers(1, "u8");
    check_numbers(7, "u8 runs");
}

/// Of a key that changes after so many rows.
fn check_numbers(stretch: i64, name: &str) {
    let key = TestKey::new(1);
    let mut model = model();
    model.tables[0].columns = vec![
        column("Key", DataType::Integer),
        column("Kind", DataType::Text),
    ];
    model.tables[1].columns.truncate(2);
    let mut data = Dataset::new(&model);
    let kinds: StringArray = (0..40).map(|i| Some(["x", "y", "z"][i * 7 % 3])).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(0..40)),
        Arc::new(kinds),
    ];
    let columns = (0..).zip(columns.into_iter().map(|c| vec![c])).collect();
    data.load_table(TableId(0), 40, columns).unwrap();
    let rows = 150_000;
    // Some are orphans and some BLANK.
    let things = (0..rows).map(|i| i / stretch);
    let things = things.map(|i| (i % 13 != 0).then_some(i * 31 % 43));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(things.collect::<Int64Array>()),
        Arc::new(Int64Array::from_iter_values(0..rows)),
    ];
    let columns = (0..).zip(columns.into_iter().map(|c| vec![c])).collect();
    data.load_table(TableId(1), rows as usize, columns).unwrap();
    data.relate(RelationshipId(0)).unwrap();
    let scratch = written("numbers", &data, &model, &[], &key);
    let opened = open(scratch.path(), &key, 0).unwrap();
    let before = data.column(id(1, 0)).unwrap();
    let after = opened.dataset.column(id(1, 0)).unwrap();
    let numbers = |column: &crate::column::Column| -> Vec<u32> { column.numbers.iter().collect() };
    assert_eq!(
        (before.numbers.name(), after.numbers.name()),
        (name.to_owned(), name.to_owned())
    );
    assert_eq!(numbers(&before), numbers(&after));
    assert_eq!((&before.zones, before.blanks), (&after.zones, after.blanks));
    let codes =
        |column: &crate::column::Column| column.numbering.as_ref().unwrap().codes().to_vec();
    assert_eq!(codes(&before), codes(&after));
    assert!(codes(&before) != (0..before.size()).collect::<Vec<_>>());
    assert!(before.iter_codes().eq(after.iter_codes()));
    crate::atrest::verify(scratch.path(), &key, 0).unwrap();
}

#[test]
fn numbers_are_a_permutation_that_leaves_blank_alone() {
    let check = |codes: &[u32], size: u32, expected: bool| {
        let found = Numbering::of_codes(codes.to_vec(), size);
        assert_eq!(found.is_some(), expected, "{codes:?}");
        for (number, code) in (0u32..).zip(codes).filter(|_| expected) {
            assert_eq!(found.as_ref().unwrap().numbers()[*code as usize], number);
        }
    };
    check(&[0], 1, true);
    check(&[0, 2, 1], 3, true);
    check(&[0, 2, 1], 4, false);
    check(&[1, 0, 2], 3, false);
    check(&[0, 1, 1], 3, false);
    check(&[0, 1, 0], 3, false);
    check(&[0, 3, 1], 3, false);
    check(&[], 0, false);
}

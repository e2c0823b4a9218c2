//! Rows are added to tables on disk, again and again, and each time everything is what an import of all files makes of them.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, SystemTime};

use arrow::array::RecordBatch;
use model::{Partition, PartitionKind};
use parquet::arrow::ArrowWriter;

use super::crash::at_every_point;
use super::nonces::collect;
use super::*;
use crate::atrest::manifest::PieceEntry;
use crate::atrest::refresh::{Successor, save_next_on};
use crate::atrest::{
    Opened, Refresh, RefreshMode, open, refresh, rekey, reopen, save_next, vacuum, verify,
};
use crate::grow::tests::{Draw, KINDS, drawn, said};

/// A fact in two partitions, with a column of every kind, and the table that its key leads to.
struct Shop {
    sources: Scratch,
    model: Model,
    draw: Draw,
    files: usize,
    things: u64,
}

impl Shop {
    fn new(seed: u64) -> Shop {
        let partition = |name: &str| Partition {
            name: name.to_owned(),
            mode: None,
            kind: PartitionKind::M {
                expression: format!("Parquet.Document(File.Contents(\"{name}.parquet\"))"),
                file: Some(format!("{name}.parquet")),
            },
        };
        let mut model = model();
        model.tables[0].columns = vec![
            column("Key", DataType::Integer),
            column("Group", DataType::Text),
            column("Part", DataType::Integer),
        ];
        model.tables[0].partitions = vec![partition("things")];
        let mut draw = Draw::new(seed);
        let kinds = (0..KINDS).map(|kind| {
            let (data_type, _) = drawn(kind, 0, 1, &mut draw);
            column(&format!("c{kind}"), data_type)
        });
        let mut columns = vec![column("Thing", DataType::Integer)];
        columns.extend(kinds);
        model.tables[1].columns = columns;
        model.tables[1].partitions = vec![partition("early"), partition("late")];
        let mut shop = Shop {
            sources: Scratch::new("adding-sources"),
            model,
            draw,
            files: 0,
            things: 0,
        };
        for (part, rows) in [("early", 700), ("late", 500)] {
            let rows = 1 + shop.draw.below(rows);
            shop.facts(part, 0, rows);
        }
        shop.add_things(60);
        shop
    }

    fn write(&mut self, part: &str, columns: Vec<(String, ArrayRef)>) {
        let folder = self.sources.path().join(format!("{part}.parquet"));
        fs::create_dir_all(&folder).unwrap();
        self.files += 1;
        let file = fs::File::create(folder.join(format!("{:03}.parquet", self.files))).unwrap();
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    fn facts(&mut self, part: &str, step: u64, rows: u64) {
        let draw = &mut self.draw;
        let keys = (0..rows).map(|_| draw.below(70 + 8 * step) as i64 * 3);
        let keys: ArrayRef = Arc::new(keys.collect::<Int64Array>());
        let mut columns = vec![("Thing".to_owned(), keys)];
        for kind in 0..KINDS {
            let (_, values) = drawn(kind, step, rows, draw);
            columns.push((format!("c{kind}"), values));
        }
        self.write(part, columns);
    }

    fn add_things(&mut self, count: u64) {
        let numbers: Vec<u64> = (self.things..self.things + count).collect();
        self.things += count;
        let keys = numbers.iter().map(|n| (n * 37 % 211) as i64 * 3);
        let groups = numbers.iter().map(|n| format!("g{}", n * 5 % 7));
        let parts = numbers.iter().map(|n| (n * 5 % 7 % 3) as i64);
        let keys: ArrayRef = Arc::new(keys.collect::<Int64Array>());
        let groups: ArrayRef = Arc::new(StringArray::from_iter_values(groups));
        let parts: ArrayRef = Arc::new(parts.collect::<Int64Array>());
        let columns = [("Key", keys), ("Group", groups), ("Part", parts)];
        let columns = columns.map(|(name, values)| (name.to_owned(), values));
        self.write("things", columns.to_vec());
    }

    fn import(&self) -> Dataset {
        crate::import(&self.model, self.sources.path(), &crate::NoProgress).unwrap()
    }

    fn save(&self, folder: &Path, key: &TestKey) {
        let known = crate::atrest::sources(&self.model, self.sources.path());
        let to = SaveAs {
            folder,
            provider: key,
            hidden: &[id(1, 3)],
            sources: Some(&known),
        };
        save(&self.import(), &self.model, &to).unwrap();
    }

    /// The next generation, with what was added to the sources.
    fn added(folder: &Path, key: &TestKey, live: Option<&Dataset>) -> Successor {
        let what = Refresh {
            mode: RefreshMode::Add,
            ..Refresh::default()
        };
        let next = refresh(folder, key, 0, &what, live).unwrap();
        let mut next = next.expect("rows were added");
        if !next.dataset.is_related(RelationshipId(0)) {
            next.dataset.relate(RelationshipId(0)).unwrap();
        }
        next
    }
}

/// All that two datasets say of their rows and of the rows that keys lead to.
fn compare(found: &Dataset, expected: &Dataset, place: &str) {
    for (t, table) in (0..).zip(&expected.tables) {
        assert_eq!(found.rows(TableId(t)), table.rows, "{place}");
        for c in 0..table.columns.len() as u32 {
            let (a, b) = (found.column(id(t, c)), expected.column(id(t, c)));
            assert_eq!(
                said(&a.unwrap()),
                said(&b.unwrap()),
                "{place}: column {t} {c}"
            );
        }
    }
    let rows: Vec<u32> = (0..=expected.rows(TableId(1)).unwrap()).collect();
    let group = crate::PathColumn {
        path: crate::Path(Arc::from([crate::Step {
            relationship: RelationshipId(0),
            reverse: false,
        }])),
        target: crate::Target::Column(1),
    };
    let groups = |data: &Dataset| data.fetch(TableId(1), &rows, &group, &[]).unwrap();
    assert_eq!(groups(found), groups(expected), "{place}");
}

fn pieces(opened: &Opened, table: usize) -> Vec<Vec<PieceEntry>> {
    let columns = &opened.files.manifest.tables[table].columns;
    columns.iter().flatten().map(|c| c.codes.clone()).collect()
}

fn names(opened: &Opened) -> BTreeSet<String> {
    let files = &opened.files.manifest.files;
    files.iter().map(|file| file.name.clone()).collect()
}

#[test]
fn added_rows_are_what_an_import_makes_of_them() {
    let key = TestKey::new(1);
    let (mut most, mut shifted, mut numbered, mut written) = (0, 0, 0, 0);
    for seed in 1..9 {
        let mut shop = Shop::new(seed);
        let scratch = Scratch::new("adding");
        shop.save(scratch.path(), &key);
        let mut opened = open(scratch.path(), &key, 0).unwrap();
        for step in 1..9 {
            match shop.draw.below(8) {
                0 => shop.facts("early", step, 1 + step),
                1 => shop.add_things(4),
                _ => {
                    let rows = 1 + shop.draw.below(50);
                    shop.facts("late", step, rows);
                }
            }
            let place = format!("seed {seed}, step {step}");
            let live = (shop.draw.below(2) == 0).then_some(&opened.dataset);
            let next = Shop::added(scratch.path(), &key, live);
            let saved = save_next(&next.dataset, &next.model, &[id(1, 3)], &next.next, &key);
            let saved = saved.unwrap();
            written += usize::from(saved.files_written < saved.files);
            let expected = shop.import();
            // What goes on from what was there, and what is read anew.
            let Successor { dataset, next, .. } = next;
            let now = reopen(next, &saved, &dataset, &key).unwrap();
            drop(dataset);
            let kept = names(&opened).intersection(&names(&now)).count();
            assert!(kept > 0, "{place}: no file was kept");
            opened = now;
            if shop.draw.below(3) > 0 {
                compare(&opened.dataset, &expected, &place);
            }
            let read = open(scratch.path(), &key, 0).unwrap();
            compare(&read.dataset, &expected, &format!("{place}, read"));
            for pieces in pieces(&opened, 1) {
                most = most.max(pieces.len());
                shifted += pieces
                    .iter()
                    .filter(|p| (p.first, p.stride) != (1, 1))
                    .count();
            }
            let columns = opened.files.manifest.tables[1].columns.iter().flatten();
            numbered += columns.filter(|c| c.numbering.is_some()).count();
        }
        verify(scratch.path(), &key, 9).unwrap();
        let expected = shop.import();
        drop(opened);
        vacuum(scratch.path(), &key).unwrap();
        let next = rekey(scratch.path(), &key, 0).unwrap();
        save_next(&next.dataset, &next.model, &[], &next.next, &key).unwrap();
        drop(next);
        let opened = open(scratch.path(), &key, 10).unwrap();
        compare(&opened.dataset, &expected, "written anew");
        assert!(pieces(&opened, 1).iter().all(|pieces| pieces.len() == 2));
    }
    assert!(
        most > 6 && shifted > 20 && numbered > 20,
        "{most} {shifted} {numbered}"
    );
    assert!(written > 60, "{written}");
}

/// Pieces do not become ever more, and rows that are there are read only when they are written again.
#[test]
fn many_pieces_are_written_as_one() {
    let key = TestKey::new(1);
    let mut shop = Shop::new(77);
    shop.facts("late", 0, 4000);
    let scratch = Scratch::new("pieces");
    shop.save(scratch.path(), &key);
    let (mut counts, mut seen, mut nonces) = (Vec::new(), HashSet::new(), 0);
    for _ in 0..20 {
        shop.facts("late", 0, 20);
        let next = Shop::added(scratch.path(), &key, None);
        save_next(&next.dataset, &next.model, &[], &next.next, &key).unwrap();
        drop(next);
        nonces += collect(scratch.path(), &key, &mut seen);
        let opened = open(scratch.path(), &key, 0).unwrap();
        let most = pieces(&opened, 1).iter().map(Vec::len).max().unwrap();
        counts.push(most);
    }
    // Files that are taken over keep their keys, and nothing is encrypted under those again.
    assert_eq!(nonces, seen.len());
    assert_eq!(counts.iter().max(), Some(&18), "{counts:?}");
    assert!(counts.last().unwrap() < &8, "{counts:?}");
    let opened = open(scratch.path(), &key, 0).unwrap();
    compare(&opened.dataset, &shop.import(), "after all");
}

#[test]
fn a_crash_while_rows_are_added() {
    let key = TestKey::new(1);
    let mut shop = Shop::new(5);
    let first = Scratch::new("adding-first");
    shop.save(first.path(), &key);
    let before = shop.import().rows(TableId(1)).unwrap();
    shop.facts("late", 3, 7);
    at_every_point(
        "adding-crash",
        |folder| copy(first.path(), folder),
        |disk, folder| {
            let next = Shop::added(folder, &key, None);
            save_next_on(disk, &next.dataset, &next.model, &[], &next.next, &key).map(drop)
        },
        |folder| {
            let found = verify(folder, &key, 0).unwrap();
            let opened = open(folder, &key, 0).unwrap();
            let is_new = found.generation == 2;
            let more = if is_new { 7 } else { 0 };
            assert_eq!(opened.dataset.rows(TableId(1)), Some(before + more));
            is_new
        },
    );
}

#[test]
fn damage_to_any_piece_is_noticed() {
    let key = TestKey::new(1);
    let mut shop = Shop::new(6);
    let (scratch, damaged) = (Scratch::new("pieces-whole"), Scratch::new("pieces-damaged"));
    shop.save(scratch.path(), &key);
    for step in [2, 4] {
        shop.facts("late", step, 9);
        let next = Shop::added(scratch.path(), &key, None);
        save_next(&next.dataset, &next.model, &[], &next.next, &key).unwrap();
    }
    let opened = open(scratch.path(), &key, 0).unwrap();
    let files: Vec<String> = names(&opened).into_iter().collect();
    let places: HashSet<u32> = pieces(&opened, 1)
        .iter()
        .flatten()
        .map(|p| p.file)
        .collect();
    assert!(places.len() > 4, "{places:?}");
    let refused = |what: &str| {
        let found = verify(damaged.path(), &key, 0).map(drop);
        let found = found.and_then(|()| open(damaged.path(), &key, 0).map(drop));
        assert!(found.is_err(), "{what}");
    };
    let _ = fs::remove_dir_all(damaged.path());
    copy(scratch.path(), damaged.path());
    verify(damaged.path(), &key, 3).unwrap();
    for (n, file) in files.iter().enumerate() {
        let path = damaged.path().join(file);
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        let place = shop.draw.below(bytes.len() as u64) as usize;
        bytes[place] ^= 1 << shop.draw.below(8);
        fs::write(&path, &bytes).unwrap();
        refused(&format!("a bit of {file}"));
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        refused(&format!("{file} is cut"));
        let other = &files[(n + 1) % files.len()];
        fs::copy(scratch.path().join(other), &path).unwrap();
        refused(&format!("{other} in the place of {file}"));
        fs::write(&path, &whole).unwrap();
    }
    verify(damaged.path(), &key, 3).unwrap();
}

/// Large source files are not read again to find that they are what they were.
#[test]
fn files_that_were_there_are_told_by_length_and_time() {
    let key = TestKey::new(1);
    let mut shop = Shop::new(7);
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let dated = |path: &Path, time: SystemTime| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(time).unwrap();
    };
    let file = shop.sources.path().join("early.parquet/001.parquet");
    dated(&file, hour_ago);
    let scratch = Scratch::new("times");
    shop.save(scratch.path(), &key);
    let what = Refresh {
        mode: RefreshMode::Add,
        ..Refresh::default()
    };
    let add = || refresh(scratch.path(), &key, 0, &what, None);
    assert!(add().unwrap().is_none());
    // Touched: another time, the same content.
    dated(&file, hour_ago + Duration::from_secs(60));
    assert!(add().unwrap().is_none());
    let mut bytes = fs::read(&file).unwrap();
    bytes[10] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let refused = add().err().map(|error| error.to_string());
    assert!(refused.is_some_and(|text| text.contains("has changed")));
    // With the noted time nobody looks into it, and its rows stay what they were.
    dated(&file, hour_ago);
    assert!(add().unwrap().is_none());
    shop.facts("late", 1, 5);
    assert!(add().unwrap().is_some());
}

/// A name that reads as a path of another system leads to no other file: `a\\b.parquet` is not the `b.parquet` in the folder `a`.
#[cfg(unix)]
#[test]
fn names_of_source_files_are_not_read_as_paths() {
    let key = TestKey::new(1);
    for name in ["a\\b.parquet", "10:00.parquet"] {
        let mut shop = Shop::new(11);
        let scratch = Scratch::new("names");
        shop.save(scratch.path(), &key);
        let folder = shop.sources.path().join("late.parquet");
        shop.facts("late", 1, 5);
        let last = folder.join(format!("{:03}.parquet", shop.files));
        fs::rename(&last, folder.join(name)).unwrap();
        shop.facts("late", 2, 5);
        let other = folder.join(format!("{:03}.parquet", shop.files));
        fs::create_dir_all(folder.join("a")).unwrap();
        fs::rename(&other, folder.join("a/b.parquet")).unwrap();
        for mode in [RefreshMode::Add, RefreshMode::Full] {
            let what = Refresh {
                mode,
                ..Refresh::default()
            };
            let refused = refresh(scratch.path(), &key, 0, &what, None).err();
            assert!(refused.is_some(), "{name}");
        }
    }
}

//! A disk that stops after any number of operations and forgets what was not synced: the dataset opens at the generation before or at
//! the new one, whole.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use super::*;
use crate::atrest::disk::{Disk, DiskFile, RealDisk};
use crate::atrest::refresh::{rekey, save_next_on};
use crate::atrest::save::save_on;
use crate::atrest::upkeep::{rotate_on, vacuum_on};
use crate::atrest::{AtRestError, open, verify};

/// Does what it is told in a real folder, and keeps book of what a crash would leave.
pub(super) struct Faulty {
    /// Operations that are left, of the disk and its files.
    left: Arc<Mutex<usize>>,
    book: Arc<Mutex<Book>>,
}

#[derive(Default)]
struct Book {
    inodes: Vec<Inode>,
    /// Names as the process sees them, and as they are durable.
    names: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
}

#[derive(Default)]
struct Inode {
    written: Vec<u8>,
    synced: Vec<u8>,
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn step(left: &Mutex<usize>) -> io::Result<()> {
    let mut left = left.lock().unwrap();
    if *left == 0 {
        return Err(io::Error::other("the power is gone"));
    }
    *left -= 1;
    Ok(())
}

impl Faulty {
    fn new(folder: &Path, operations: usize) -> Faulty {
        let mut book = Book::default();
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            book.inodes.push(Inode {
                written: bytes.clone(),
                synced: bytes,
            });
            book.names.insert(name(&path), book.inodes.len() - 1);
        }
        book.durable = book.names.clone();
        Faulty {
            left: Arc::new(Mutex::new(operations)),
            book: Arc::new(Mutex::new(book)),
        }
    }

    /// What may be found after the crash: names durable or not, contents durable or not.
    fn leave(&self, folder: &Path, kept_names: bool, kept_contents: bool) {
        let book = self.book.lock().unwrap();
        let names = if kept_names {
            &book.names
        } else {
            &book.durable
        };
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).unwrap();
        for (name, inode) in names {
            let inode = &book.inodes[*inode];
            let bytes = if kept_contents {
                &inode.written
            } else {
                &inode.synced
            };
            fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

struct FaultyFile {
    real: Box<dyn DiskFile>,
    inode: usize,
    left: Arc<Mutex<usize>>,
    book: Arc<Mutex<Book>>,
}

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        step(&self.left)?;
        let written = self.real.write(bytes)?;
        let mut book = self.book.lock().unwrap();
        book.inodes[self.inode].written.extend(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.real.flush()
    }
}

impl DiskFile for FaultyFile {
    fn sync(&mut self) -> io::Result<()> {
        step(&self.left)?;
        let inode = &mut self.book.lock().unwrap().inodes[self.inode];
        inode.synced = inode.written.clone();
        Ok(())
    }
}

impl Disk for Faulty {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        step(&self.left)?;
        let real = RealDisk.create(path)?;
        let mut book = self.book.lock().unwrap();
        book.inodes.push(Inode::default());
        let inode = book.inodes.len() - 1;
        book.names.insert(name(path), inode);
        Ok(Box::new(FaultyFile {
            real,
            inode,
            left: Arc::clone(&self.left),
            book: Arc::clone(&self.book),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        step(&self.left)?;
        RealDisk.rename(from, to)?;
        let mut book = self.book.lock().unwrap();
        let inode = book.names.remove(&name(from)).unwrap();
        book.names.insert(name(to), inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        step(&self.left)?;
        RealDisk.remove(path)?;
        self.book.lock().unwrap().names.remove(&name(path));
        Ok(())
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        step(&self.left)?;
        let mut book = self.book.lock().unwrap();
        book.durable = book.names.clone();
        Ok(())
    }
}

/// Runs `work` on a disk that stops after 0, 1, 2 ... operations until it runs through. `found` looks at each folder that a crash could
/// leave; true says that it is the new state.
pub(super) fn at_every_point(
    name: &str,
    begin: impl Fn(&Path),
    work: impl Fn(&Faulty, &Path) -> Result<(), AtRestError>,
    found: impl Fn(&Path) -> bool,
) {
    let (scratch, left) = (Scratch::new(name), Scratch::new("left"));
    let mut points = 0;
    let (mut before, mut after) = (0, 0);
    loop {
        let _ = fs::remove_dir_all(scratch.path());
        begin(scratch.path());
        let disk = Faulty::new(scratch.path(), points);
        let done = work(&disk, scratch.path());
        for (names, contents) in [(false, false), (true, false), (false, true), (true, true)] {
            disk.leave(left.path(), names, contents);
            if found(left.path()) {
                after += 1;
            } else {
                before += 1;
                assert!(done.is_err(), "what was reported as done is lost");
            }
        }
        // The process may go on after an error of the disk: what it sees must be whole as well.
        if scratch.path().exists() {
            found(scratch.path());
        }
        if done.is_ok() {
            break;
        }
        points += 1;
    }
    assert!(points > 10, "{points} points");
    assert!(before > 0 && after >= 4, "{before} before, {after} after");
}

fn whole(folder: &Path, key: &TestKey) -> u64 {
    let opened = open(folder, key, 0).unwrap();
    let expected = contents(&dataset(&model())).unwrap();
    assert_eq!(contents(&opened.dataset).unwrap(), expected);
    opened.generation()
}

#[test]
fn a_crash_while_a_dataset_is_written_first() {
    let key = TestKey::new(1);
    let model = model();
    let data = dataset(&model);
    at_every_point(
        "first",
        |_| {},
        |disk, folder| {
            let to = SaveAs {
                folder,
                provider: &key,
                hidden: &[],
                sources: None,
            };
            save_on(disk, &data, &model, &to).map(drop)
        },
        |folder| match open(folder, &key, 0) {
            Err(AtRestError::NotADataset { .. }) => false,
            Err(error) => panic!("{error}"),
            Ok(_) => whole(folder, &key) == 1,
        },
    );
}

#[test]
fn a_crash_while_the_next_generation_is_written() {
    let key = TestKey::new(1);
    let first = saved("next-first", &key);
    at_every_point(
        "next",
        |folder| copy(first.path(), folder),
        |disk, folder| {
            let next = rekey(folder, &key, 0)?;
            save_next_on(disk, &next.dataset, &next.model, &[], &next.next, &key).map(drop)
        },
        |folder| match whole(folder, &key) {
            1 => false,
            2 => true,
            other => panic!("generation {other}"),
        },
    );
}

#[test]
fn a_crash_while_the_key_is_rotated_or_rubbish_removed() {
    let (old, new) = (TestKey::new(1), TestKey::new(2));
    let first = saved("rotate-first", &old);
    let verified = |folder: &Path, key| verify(folder, key, 1).is_ok();
    at_every_point(
        "rotate",
        |folder| {
            copy(first.path(), folder);
            for i in 10..20 {
                let rubbish = format!("{}.parquet", i.to_string().repeat(16));
                fs::write(folder.join(rubbish), "rubbish").unwrap();
            }
        },
        |disk, folder| {
            rotate_on(disk, folder, &old, &new)?;
            vacuum_on(disk, folder, &new).map(drop)
        },
        |folder| {
            let (by_old, by_new) = (verified(folder, &old), verified(folder, &new));
            assert!(by_old != by_new, "exactly one of the keys opens it");
            by_new
        },
    );
}

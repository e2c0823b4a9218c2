//! Reading a table on several threads: one column of one row group is a task, and the thread that ends the last task of a
//! column makes the column of them.
//!
//! Tasks are given out column by column, so that the pieces of few columns wait at a time. Of several errors the one of
//! the first task is told, whatever the order in which the threads come to them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use model::Table;

use super::budget::Budget;
use super::chunk::Chunk;
use super::open::{OpenFile, Wanted, open_file};
use super::{ImportError, ImportOptions, Progress};
use crate::column::Column;
use crate::encode::Pieces;

/// Decoded bytes that may be under way, all threads together.
const BYTES_UNDER_WAY: u64 = 256 << 20;

/// What the files of a table hold.
pub(super) struct Loaded {
    pub rows: usize,
    /// By ordinal.
    pub columns: Vec<(u32, Column)>,
    /// Bytes of the files.
    pub bytes: u64,
}

/// Reads the files of a table.
pub(super) fn read_files(
    table: &Table,
    files: &[PathBuf],
    wanted: &[Wanted<'_>],
    options: &ImportOptions,
    progress: &dyn Progress,
) -> Result<Loaded, ImportError> {
    let mut open = Vec::with_capacity(files.len());
    let (mut rows, mut bytes) = (0u64, 0u64);
    for path in files {
        let file = open_file(table, path, wanted)?;
        rows = rows.saturating_add(file.rows);
        bytes = bytes.saturating_add(file.bytes);
        open.push(file);
    }
    if rows > crate::MAX_ROWS as u64 {
        return Err(ImportError::TooManyRows {
            table: table.name.clone(),
            rows,
        });
    }
    progress.table_started(&table.name, rows);
    let columns = if wanted.is_empty() {
        progress.rows(rows);
        Vec::new()
    } else {
        Work::new(table, &open, wanted, options, rows as usize)?.run(progress)?
    };
    Ok(Loaded {
        rows: rows as usize,
        columns,
        bytes,
    })
}

struct Work<'a> {
    table: &'a Table,
    files: &'a [OpenFile],
    wanted: &'a [Wanted<'a>],
    options: &'a ImportOptions,
    rows: usize,
    /// The row groups in load order: file and group.
    groups: Vec<(usize, usize)>,
    budget: Budget,
    /// The task to be given out next. Task t is column `t / groups`, row group `t % groups`.
    next: AtomicUsize,
    /// No task from here on matters: one before it has failed.
    end: AtomicUsize,
    failed: Mutex<Option<(usize, ImportError)>>,
    columns: Vec<Mutex<Parts>>,
}

/// A column under way.
struct Parts {
    by_group: Vec<Option<Pieces>>,
    missing: usize,
    column: Option<Column>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Work<'a> {
    fn new(
        table: &'a Table,
        files: &'a [OpenFile],
        wanted: &'a [Wanted<'a>],
        options: &'a ImportOptions,
        rows: usize,
    ) -> Result<Work<'a>, ImportError> {
        let mut groups = Vec::new();
        for (place, file) in files.iter().enumerate() {
            let count = file.metadata.metadata().num_row_groups();
            groups.extend((0..count).map(|group| (place, group)));
        }
        let mut columns = Vec::with_capacity(wanted.len());
        for w in wanted {
            let empty = Pieces::new(w.column.data_type).ok_or(ImportError::ModelType {
                table: table.name.clone(),
                column: w.column.name.clone(),
                data_type: w.column.data_type,
            })?;
            columns.push(Mutex::new(Parts {
                by_group: groups.iter().map(|_| None).collect(),
                missing: groups.len(),
                column: groups.is_empty().then(|| empty.finish(rows)),
            }));
        }
        Ok(Work {
            table,
            files,
            wanted,
            options,
            rows,
            end: AtomicUsize::new(groups.len() * wanted.len()),
            groups,
            budget: Budget::new(BYTES_UNDER_WAY),
            next: AtomicUsize::new(0),
            failed: Mutex::new(None),
            columns,
        })
    }

    /// Works on as many threads as are wanted; who waits for them tells the progress.
    fn run(self, progress: &dyn Progress) -> Result<Vec<(u32, Column)>, ImportError> {
        let tasks = self.end.load(Ordering::Relaxed);
        let threads = self.options.threads.clamp(1, tasks.max(1));
        thread::scope(|scope| {
            let (told, tell) = channel();
            for place in 0..threads {
                let told = told.clone();
                let work = &self;
                let started = thread::Builder::new()
                    .name("import".to_string())
                    .spawn_scoped(scope, move || work.work(&told));
                match started {
                    Ok(_) => {}
                    // Fewer threads do the same work.
                    Err(_) if place > 0 => break,
                    Err(e) => return Err(ImportError::NoThread(e)),
                }
            }
            drop(told);
            self.tell(progress, &tell);
            Ok(())
        })?;
        self.outcome()
    }

    fn tell(&self, progress: &dyn Progress, tell: &Receiver<u64>) {
        let columns = self.wanted.len() as u64;
        let (mut cells, mut told) = (0u64, 0u64);
        for more in tell {
            cells += more;
            let rows = cells / columns;
            if rows > told {
                progress.rows(rows - told);
                told = rows;
            }
        }
    }

    fn outcome(self) -> Result<Vec<(u32, Column)>, ImportError> {
        if let Some((_, error)) = self
            .failed
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
        {
            return Err(error);
        }
        let columns = self.columns.into_iter().map(|parts| {
            parts
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)
                .column
        });
        let ordinals = self.wanted.iter().map(|w| w.ordinal);
        Ok(ordinals
            .zip(columns)
            .filter_map(|(ordinal, column)| Some((ordinal, column?)))
            .collect())
    }

    fn work(&self, told: &Sender<u64>) {
        loop {
            let task = self.next.fetch_add(1, Ordering::Relaxed);
            // What lies before the first failure is still done, for it may fail too and is then the first.
            if task >= self.end.load(Ordering::Relaxed) {
                return;
            }
            if let Err(error) = self.task(task, told) {
                self.end.fetch_min(task, Ordering::Relaxed);
                let mut failed = lock(&self.failed);
                if failed.as_ref().is_none_or(|(first, _)| task < *first) {
                    *failed = Some((task, error));
                }
            }
        }
    }

    fn task(&self, task: usize, told: &Sender<u64>) -> Result<(), ImportError> {
        let (place, number) = (task / self.groups.len(), task % self.groups.len());
        let (file, group) = self.groups[number];
        let chunk = Chunk {
            table: self.table,
            file: &self.files[file],
            group,
            place,
            wanted: &self.wanted[place],
        };
        // Nobody listens when the other side has given up, which takes the work along.
        let told = |rows| told.send(rows).unwrap_or(());
        let pieces = chunk.read(&self.budget, &self.options.control, &told)?;
        let mut parts = lock(&self.columns[place]);
        parts.by_group[number] = Some(pieces);
        parts.missing -= 1;
        if parts.missing == 0 {
            let pieces = std::mem::take(&mut parts.by_group);
            let whole = pieces.into_iter().flatten().reduce(|mut whole, later| {
                whole.append(later);
                whole
            });
            parts.column = whole.map(|whole| whole.finish(self.rows));
        }
        Ok(())
    }
}

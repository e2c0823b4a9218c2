//! A generation that lies on disk, and its columns: each is read and decrypted when it is first asked for.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use model::DataType;

use super::AtRestError;
use super::bridge;
use super::key_file::{KeyRing, Keys};
use super::manifest::{ColumnEntry, DomainEntry, FileEntry, Manifest, TableEntry};
use super::memory::ColumnMemory;
use super::parquet_read::OpenFile;
use super::parquet_write::{SEGMENT, bound_to};
use super::provider::{KeyContext, WrappedKey};
use super::read_codes::{About, Piece, ReadCodes, read_codes};
use super::secret::SecretKey;
use crate::codes::{Codes, MOST_OF_U24};
use crate::column::Column;
use crate::dictionary::Domain;
use crate::grow::Tail;
use crate::numbering::Numbering;
use crate::runs::RowCodes;

/// The files of an open generation, and their keys.
pub(crate) struct StoredFiles {
    pub(crate) folder: PathBuf,
    pub(crate) context: KeyContext,
    pub(crate) manifest: Manifest,
    pub(crate) manifest_name: String,
    pub(crate) keys_name: String,
    pub(crate) wrapped: WrappedKey,
    pub(super) ring: KeyRing,
    pub(super) closed: AtomicBool,
    /// What its columns take in memory is counted and bounded there.
    pub(crate) memory: Arc<ColumnMemory>,
    /// The manifest, locked so that nobody clears this generation away while it is read.
    pub(super) _in_use: File,
}

impl fmt::Debug for StoredFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredFiles")
            .field("dataset", &self.context.dataset)
            .field("generation", &self.context.generation)
            .finish_non_exhaustive()
    }
}

impl StoredFiles {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn key(&self, name: &str) -> Result<SecretKey, AtRestError> {
        self.ring.get(name)
    }

    pub(crate) fn keys(&self) -> Result<Keys, AtRestError> {
        self.ring.keys()
    }

    /// Overwrites the keys, gives up the columns, and refuses from now on.
    pub(crate) fn close(&self, why: &str) {
        self.closed.store(true, Ordering::SeqCst);
        self.ring.close(why);
        self.memory.release(self);
    }

    /// An error once it is closed.
    pub(crate) fn check_open(&self) -> Result<(), AtRestError> {
        if !self.closed.load(Ordering::SeqCst) {
            return Ok(());
        }
        let why = self
            .ring
            .closed()
            .unwrap_or_else(|| "it was closed".to_owned());
        Err(AtRestError::Closed { why })
    }

    pub(crate) fn file(&self, place: u32) -> Result<&FileEntry, AtRestError> {
        let file = self.manifest.files.get(place as usize);
        file.ok_or_else(|| AtRestError::internal("a file that the manifest does not list"))
    }

    /// Opens a file of the list.
    pub(crate) fn open(&self, place: u32) -> Result<OpenFile, AtRestError> {
        let entry = self.file(place)?;
        let key = self.ring.get(&entry.name)?;
        OpenFile::open(
            &self.path(&entry.name),
            entry,
            &key,
            bound_to(&self.context, entry.generation, &entry.name),
        )
    }
}

/// A column on disk, and its data once somebody has asked.
pub(crate) struct StoredColumn {
    files: Arc<StoredFiles>,
    table: usize,
    column: usize,
    pub(crate) data_type: DataType,
    pub(crate) size: u32,
    pub(crate) distinct: u32,
    /// It stays in memory once it was read.
    pub(super) pinned: bool,
    /// The data, and the bytes that they are counted with.
    cell: RwLock<Option<(InMemory, u64)>>,
    used: AtomicU64,
    /// Taken by whoever reads, so that others wait and do not read the same.
    reading: Mutex<()>,
    /// Rows that are not written yet, behind or between those of a column that is.
    growth: Option<(Arc<StoredColumn>, Arc<Tail>)>,
}

/// What a stored column has in memory.
pub(crate) enum InMemory {
    Whole(Arc<Column>),
    /// The rows of the generation before, and those to be added to them once somebody asks: then mostly nobody else holds the former any
    /// more, and they need not be copied.
    Growing(Arc<Column>, Arc<Tail>),
}

impl InMemory {
    fn bytes(&self) -> u64 {
        match self {
            InMemory::Whole(column) | InMemory::Growing(column, _) => column.bytes(),
        }
    }
}

impl StoredColumn {
    /// None: the manifest has no such column.
    pub(crate) fn new(
        files: &Arc<StoredFiles>,
        table: usize,
        column: usize,
        warm: Option<InMemory>,
    ) -> Option<Arc<StoredColumn>> {
        let of_table = files.manifest.tables.get(table)?;
        let entry = of_table.columns.get(column)?.as_ref()?;
        let stored = Arc::new(StoredColumn {
            table,
            column,
            data_type: entry.data_type,
            size: entry.size,
            distinct: entry.distinct,
            pinned: files.memory.pins(&of_table.name),
            cell: RwLock::new(None),
            used: AtomicU64::new(0),
            reading: Mutex::new(()),
            growth: None,
            files: Arc::clone(files),
        });
        if let Some(warm) = warm {
            stored.put(warm, false);
        }
        Some(stored)
    }

    /// A column of a generation to come: the rows that are there, and more that are not written yet.
    pub(crate) fn grown(base: &Arc<StoredColumn>, tail: Tail) -> Arc<StoredColumn> {
        Arc::new(StoredColumn {
            files: Arc::clone(&base.files),
            table: base.table,
            column: base.column,
            data_type: base.data_type,
            size: tail.head.size(),
            distinct: tail.head.distinct,
            pinned: base.pinned,
            cell: RwLock::new(None),
            used: AtomicU64::new(0),
            reading: Mutex::new(()),
            growth: Some((Arc::clone(base), Arc::new(tail))),
        })
    }

    /// The rows that are not written yet.
    pub(crate) fn tail(&self) -> Option<&Arc<Tail>> {
        self.growth.as_ref().map(|(_, tail)| tail)
    }

    pub(crate) fn files(&self) -> &Arc<StoredFiles> {
        &self.files
    }

    /// The column's entry, and that of its table.
    pub(crate) fn entry(&self) -> Result<(&TableEntry, &ColumnEntry), AtRestError> {
        let gone = || AtRestError::internal("a column that the manifest does not list");
        let table = self
            .files
            .manifest
            .tables
            .get(self.table)
            .ok_or_else(gone)?;
        let column = table.columns.get(self.column).and_then(Option::as_ref);
        Ok((table, column.ok_or_else(gone)?))
    }

    /// The data if they are in memory.
    pub(crate) fn loaded(&self) -> Option<Arc<Column>> {
        let cell = self.cell.read().unwrap_or_else(PoisonError::into_inner);
        match cell.as_ref() {
            Some((InMemory::Whole(column), _)) => Some(Arc::clone(column)),
            _ => None,
        }
    }

    /// Bytes that it takes in memory.
    pub(crate) fn bytes(&self) -> u64 {
        let cell = self.cell.read().unwrap_or_else(PoisonError::into_inner);
        cell.as_ref().map_or(0, |(_, bytes)| *bytes)
    }

    /// What is in memory of the column that this one is once it is written.
    pub(crate) fn warm(self: &Arc<Self>) -> Option<InMemory> {
        if let Some(column) = self.at_hand() {
            return Some(InMemory::Whole(column));
        }
        let (base, tail) = self.growth.as_ref()?;
        Some(InMemory::Growing(base.loaded()?, Arc::clone(tail)))
    }

    /// The data if that takes no reading.
    fn at_hand(self: &Arc<Self>) -> Option<Arc<Column>> {
        let is_empty = || {
            let cell = self.cell.read().unwrap_or_else(PoisonError::into_inner);
            cell.is_none()
        };
        if is_empty() {
            return None;
        }
        self.get().ok()
    }

    /// When it was used last.
    pub(super) fn last_use(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn touch(&self) {
        self.used.store(self.files.memory.tick(), Ordering::Relaxed);
    }

    /// Gives the data up, with the bytes that they counted.
    pub(super) fn take(&self) -> Option<(InMemory, u64)> {
        let mut cell = self.cell.write().unwrap_or_else(PoisonError::into_inner);
        cell.take()
    }

    fn put(self: &Arc<Self>, data: InMemory, was_read: bool) {
        let bytes = data.bytes();
        self.touch();
        *self.cell.write().unwrap_or_else(PoisonError::into_inner) = Some((data, bytes));
        self.files.memory.enter(self, bytes, was_read);
    }

    /// The data, read now if need be. An error is not kept: the next one who asks tries again.
    pub(crate) fn get(self: &Arc<Self>) -> Result<Arc<Column>, AtRestError> {
        self.files.check_open()?;
        if let Some(column) = self.loaded() {
            self.touch();
            return Ok(column);
        }
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(column) = self.loaded() {
            return Ok(column);
        }
        let (column, was_read) = match self.files.memory.give_up(self) {
            Some(InMemory::Growing(before, tail)) => (tail.onto(before), false),
            // It came while this one waited.
            Some(InMemory::Whole(column)) => {
                self.put(InMemory::Whole(Arc::clone(&column)), false);
                return Ok(column);
            }
            None => (self.read()?, true),
        };
        let column = Arc::new(column);
        self.put(InMemory::Whole(Arc::clone(&column)), was_read);
        // It may have been closed meanwhile, and what was put there after that is for nobody.
        self.files.check_open().inspect_err(|_| {
            self.files.memory.give_up(self);
        })?;
        Ok(column)
    }

    /// The data, read if need be, but then not kept.
    pub(super) fn now(self: &Arc<Self>) -> Result<Arc<Column>, AtRestError> {
        match self.warm() {
            Some(InMemory::Whole(column)) => Ok(column),
            _ => Ok(Arc::new(self.read()?)),
        }
    }

    /// Reads the data, and keeps nothing.
    pub(crate) fn check(&self) -> Result<(), AtRestError> {
        self.read().map(drop)
    }

    fn read(&self) -> Result<Column, AtRestError> {
        if let Some((base, tail)) = &self.growth {
            let before = match base.loaded() {
                Some(column) => column,
                None => Arc::new(base.read()?),
            };
            return Ok(tail.onto(before));
        }
        let (table, entry) = self.entry()?;
        let numbers = || self.read_numbers(entry);
        let values = || self.read_domain();
        // Values come from files of their own, so both kinds are read at once, unless that takes less time than a thread.
        let (numbers, values) = if (table.rows as usize) < SEGMENT {
            (numbers(), values())
        } else {
            thread::scope(|scope| {
                let values = scope.spawn(values);
                let numbers = numbers();
                let gave_up = |_| Err(AtRestError::internal("reading values gave up"));
                (numbers, values.join().unwrap_or_else(gave_up))
            })
        };
        let numbers = numbers?;
        let numbering = self.read_numbering()?;
        let domain = match values? {
            ReadDomain::Whole(domain) => domain,
            ReadDomain::WithoutPresence { base, step, count } => {
                let codes = (numbers.rows.entries(), numbering.as_deref());
                let present = bridge::find_presence(count, codes);
                bridge::offset_domain(base, step, count, Some(present))
            }
        };
        let domain = Arc::new(domain);
        bridge::assembled(entry.data_type, numbers, numbering, domain, entry.distinct).ok_or_else(
            || {
                let file = entry.codes.first().map_or(0, |piece| piece.file);
                let name = self.files.file(file).map_or("", |file| file.name.as_str());
                AtRestError::damaged(&self.files.path(name), "a code of it has no value")
            },
        )
    }

    fn read_numbers(&self, entry: &ColumnEntry) -> Result<ReadCodes, AtRestError> {
        let pieces = entry.codes.iter().map(|piece| {
            Ok(Piece {
                file: self.files.open(piece.file)?,
                entry: *piece,
            })
        });
        let pieces: Vec<Piece> = pieces.collect::<Result<_, AtRestError>>()?;
        let about = About {
            size: entry.size,
            runs: entry.runs,
        };
        read_codes(&pieces, &about)
    }

    /// What the column is besides its rows. They may be there, or not: who asks looks at none of them.
    pub(crate) fn head(self: &Arc<Self>) -> Result<Arc<Column>, AtRestError> {
        if let Some(column) = self.loaded() {
            return Ok(column);
        }
        if let Some(tail) = self.tail() {
            return Ok(Arc::clone(&tail.head));
        }
        self.files.check_open()?;
        let (_, entry) = self.entry()?;
        match self.read_domain()? {
            ReadDomain::Whole(domain) => Ok(Arc::new(Column::of_parts(
                entry.data_type,
                (
                    RowCodes::Each(Codes::room(entry.size, 0)),
                    self.read_numbering()?,
                ),
                Arc::new(domain),
                (0, entry.distinct),
                Vec::new(),
            ))),
            // Few rows, which say it themselves.
            ReadDomain::WithoutPresence { .. } => self.get(),
        }
    }

    fn read_numbering(&self) -> Result<Option<Arc<Numbering>>, AtRestError> {
        let (_, entry) = self.entry()?;
        let Some(place) = entry.numbering else {
            return Ok(None);
        };
        let numbering = bridge::read_numbering(&self.files.open(place)?, entry.size)?;
        Ok(Some(Arc::new(numbering)))
    }

    fn read_domain(&self) -> Result<ReadDomain, AtRestError> {
        let (table, entry) = self.entry()?;
        let open = |place: &u32| self.files.open(*place);
        Ok(ReadDomain::Whole(match &entry.domain {
            DomainEntry::Text {
                dictionary,
                spellings,
            } => {
                let first = bridge::read_texts(&open(dictionary)?, entry.size)?;
                let variants = match spellings {
                    None => None,
                    Some((texts, rows)) => Some(bridge::read_spellings(
                        &open(texts)?,
                        &open(rows)?,
                        entry.size,
                        table.rows,
                    )?),
                };
                bridge::text_domain(first, variants)
            }
            DomainEntry::Whole { dictionary } => {
                bridge::read_whole(&open(dictionary)?, entry.data_type, entry.size)?
            }
            DomainEntry::Double { dictionary } => {
                bridge::read_doubles(&open(dictionary)?, entry.size)?
            }
            DomainEntry::Offset {
                base,
                step,
                count,
                present,
            } => {
                let (base, step, count) = (*base, *step, *count);
                let present = match present {
                    _ if entry.distinct >= count => None,
                    Some(file) => Some(bridge::read_presence(&open(file)?, count, entry.distinct)?),
                    None => return Ok(ReadDomain::WithoutPresence { base, step, count }),
                };
                bridge::offset_domain(base, step, count, present)
            }
        }))
    }
}

/// The domain of a column, as its files have it.
enum ReadDomain {
    Whole(Domain),
    /// Which of the codes occur is for the rows to say.
    WithoutPresence {
        base: i64,
        step: i64,
        count: u32,
    },
}

/// A value of a dictionary is about as much work as so many bytes of codes.
const VALUE: u64 = 64;

/// Reads all these columns, several at a time, the largest first: so that no core waits in the end for a large one.
pub(crate) fn read_all(mut columns: Vec<&Arc<StoredColumn>>) -> Result<(), AtRestError> {
    let work = |column: &&Arc<StoredColumn>| {
        let rows = column.entry().map_or(0, |(table, _)| table.rows);
        let width = match column.size {
            0..=0x100 => 1,
            0x101..=0x1_0000 => 2,
            0x1_0001..=MOST_OF_U24 => 3,
            _ => 4,
        };
        u64::from(rows) * width + u64::from(column.size) * VALUE
    };
    columns.sort_by_key(|column| std::cmp::Reverse(work(column)));
    bridge::in_parallel(columns, |column| column.get().map(drop))
}

impl Drop for StoredColumn {
    fn drop(&mut self) {
        if let Some((_, bytes)) = self.take() {
            self.files.memory.forget(bytes);
        }
    }
}

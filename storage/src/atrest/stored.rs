//! A generation that lies on disk, and its columns: each is read and decrypted when it is first asked for.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::DataType;

use super::AtRestError;
use super::bridge;
use super::key_file::{KeyRing, Keys};
use super::manifest::{ColumnEntry, DomainEntry, FileEntry, Manifest, TableEntry};
use super::parquet_read::OpenFile;
use super::parquet_write::bound_to;
use super::provider::{KeyContext, WrappedKey};
use super::secret::SecretKey;
use crate::column::Column;

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

    /// Overwrites the keys, and refuses from now on.
    pub(crate) fn close(&self, why: &str) {
        self.closed.store(true, Ordering::SeqCst);
        self.ring.close(why);
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
    cell: OnceLock<Arc<Column>>,
    /// Taken by whoever reads, so that others wait and do not read the same.
    reading: Mutex<()>,
}

impl StoredColumn {
    /// None: the manifest has no such column.
    pub(crate) fn new(
        files: &Arc<StoredFiles>,
        table: usize,
        column: usize,
        warm: Option<Arc<Column>>,
    ) -> Option<StoredColumn> {
        let entry = files.manifest.tables.get(table)?.columns.get(column)?;
        let entry = entry.as_ref()?;
        Some(StoredColumn {
            table,
            column,
            data_type: entry.data_type,
            size: entry.size,
            distinct: entry.distinct,
            cell: warm.map_or_else(OnceLock::new, OnceLock::from),
            reading: Mutex::new(()),
            files: Arc::clone(files),
        })
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

    /// The data if it was read before.
    pub(crate) fn loaded(&self) -> Option<&Arc<Column>> {
        self.cell.get()
    }

    /// The data, read now if need be. An error is not kept: the next one who asks tries again.
    pub(crate) fn get(&self) -> Result<&Column, AtRestError> {
        self.files.check_open()?;
        if let Some(column) = self.cell.get() {
            return Ok(column);
        }
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if self.cell.get().is_none() {
            let column = self.read()?;
            // It may have been closed meanwhile.
            self.files.check_open()?;
            let _ = self.cell.set(Arc::new(column));
        }
        let column = self.cell.get();
        column
            .map(Arc::as_ref)
            .ok_or_else(|| AtRestError::internal("a column that was read is not there"))
    }

    /// Reads the data, and keeps nothing.
    pub(crate) fn check(&self) -> Result<(), AtRestError> {
        self.read().map(drop)
    }

    fn read(&self) -> Result<Column, AtRestError> {
        let (table, entry) = self.entry()?;
        let partitions: Vec<usize> = table.partitions.iter().map(|p| p.rows as usize).collect();
        let files: Vec<(OpenFile, usize)> = entry
            .codes
            .iter()
            .map(|(file, place)| Ok((self.files.open(*file)?, *place as usize)))
            .collect::<Result<_, AtRestError>>()?;
        let codes = bridge::read_codes(&files, &partitions, entry.size)?;
        let open = |place: &u32| self.files.open(*place);
        let domain = match &entry.domain {
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
            DomainEntry::Offset { base, step, count } => {
                bridge::offset_domain(*base, *step, *count, entry.distinct, &codes)
            }
        };
        bridge::assembled(entry.data_type, codes, domain, entry.distinct).ok_or_else(|| {
            let file = entry.codes.first().map_or(0, |(file, _)| *file);
            let name = self.files.file(file).map_or("", |file| file.name.as_str());
            AtRestError::damaged(&self.files.path(name), "a code of it has no value")
        })
    }
}

//! Which files the rows of each partition came from: noted before an import, so that a file that changes meanwhile counts as
//! changed at the next refresh.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use model::{Model, Table};
use parquet::file::metadata::ParquetMetaDataReader;

use super::manifest::{PartitionEntry, SourceEntry};
use super::seal::Digest;
use super::secret::hex;
use crate::import::partition_files;

/// The source files of every table, as they were when this was made.
#[derive(Clone, Debug)]
pub struct Sources {
    /// As it was named: paths of files begin with it.
    data: PathBuf,
    /// In the order of the model. None: the table is not read from files, or its files could not be looked at.
    pub(crate) tables: Vec<Option<Vec<PartitionSources>>>,
}

/// The files of one partition.
#[derive(Clone, Debug)]
pub(crate) struct PartitionSources {
    pub(crate) name: String,
    pub(crate) files: Vec<SourceFile>,
}

#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) rows: u64,
    length: u64,
    modified: Option<SystemTime>,
}

/// Looks at the source files of a model: their sizes, times and footers. What is wrong with a file is for the import to say.
pub fn sources(model: &Model, data: &Path) -> Sources {
    Sources {
        data: data.to_path_buf(),
        tables: model
            .tables
            .iter()
            .map(|t| table_sources(t, data))
            .collect(),
    }
}

pub(crate) fn table_sources(table: &Table, data: &Path) -> Option<Vec<PartitionSources>> {
    if table.calculation_group.is_some() {
        return None;
    }
    let partitions = partition_files(table, data).ok()??;
    partitions
        .into_iter()
        .map(|(name, files)| {
            let files = files.iter().map(|path| SourceFile::of(path));
            Some(PartitionSources {
                name,
                files: files.collect::<Option<_>>()?,
            })
        })
        .collect()
}

impl SourceFile {
    fn of(path: &Path) -> Option<SourceFile> {
        let file = File::open(path).ok()?;
        let metadata = file.metadata().ok()?;
        let footer = ParquetMetaDataReader::new().parse_and_finish(&file).ok()?;
        Some(SourceFile {
            path: path.to_path_buf(),
            rows: u64::try_from(footer.file_metadata().num_rows()).ok()?,
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }

    /// The file as the manifest notes it. None: it is not the file any more that was looked at.
    pub(crate) fn entry(&self, data: &Path) -> Option<SourceEntry> {
        let now = SourceFile::of(&self.path)?;
        if (now.length, now.modified) != (self.length, self.modified) || self.modified.is_none() {
            return None;
        }
        source_entry(&self.path, data)
    }
}

/// A file that was changed less than this before it is looked at may be changed again without another time: clocks of file systems are
/// coarse.
const SETTLED: Duration = Duration::from_secs(2);

/// When a file was changed last, if that was long enough ago.
fn settled(metadata: &Metadata) -> Option<u64> {
    let modified = metadata.modified().ok()?;
    let age = SystemTime::now().duration_since(modified).ok()?;
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos())
        .ok()
        .filter(|_| age >= SETTLED)
}

/// Whether a source file has the length and the time that were noted: then its content is not looked at.
pub(crate) fn looks_the_same(path: &Path, noted: &SourceEntry) -> bool {
    let found = std::fs::metadata(path);
    found.is_ok_and(|found| {
        noted.modified.is_some() && noted.modified == settled(&found) && noted.length == found.len()
    })
}

/// The path of a source file as it is noted. None: its name is no text, and another name might be written the same.
pub(crate) fn path_inside(path: &Path, data: &Path) -> Option<String> {
    let inside = path.strip_prefix(data).unwrap_or(path);
    inside.to_str().map(str::to_owned)
}

/// Path, length and digest of a source file as it is now.
pub(crate) fn source_entry(path: &Path, data: &Path) -> Option<SourceEntry> {
    let noted = path_inside(path, data)?;
    let mut file = File::open(path).ok()?;
    // Before it is read: a file that changes meanwhile has another time then.
    let modified = settled(&file.metadata().ok()?);
    let mut digest = Digest::default();
    let mut buffer = vec![0u8; 1 << 20];
    let mut length = 0u64;
    loop {
        let read = file.read(&mut buffer).ok()?;
        if read == 0 {
            break;
        }
        length += read as u64;
        digest.update(&buffer[..read]);
    }
    Some(SourceEntry {
        path: noted,
        length,
        digest: hex(&digest.finish()),
        modified,
    })
}

/// Rows of a Parquet file, as its footer says.
pub(crate) fn rows_of(path: &Path) -> Option<usize> {
    usize::try_from(SourceFile::of(path)?.rows).ok()
}

impl Sources {
    /// The data folder, for a process that starts elsewhere.
    pub(crate) fn folder(&self) -> String {
        let whole = std::fs::canonicalize(&self.data).unwrap_or_else(|_| self.data.clone());
        whole.to_string_lossy().into_owned()
    }

    /// The partitions of a table, for the manifest. None: they do not add up to its rows.
    pub(crate) fn partitions(&self, table: usize, rows: u32) -> Option<Vec<PartitionEntry>> {
        let sources = self.tables.get(table)?.as_ref()?;
        let mut left = u64::from(rows);
        let mut entries = Vec::with_capacity(sources.len());
        for partition in sources {
            let count: u64 = partition.files.iter().map(|file| file.rows).sum();
            left = left.checked_sub(count)?;
            let files = partition.files.iter().map(|file| file.entry(&self.data));
            entries.push(PartitionEntry {
                name: partition.name.clone(),
                rows: u32::try_from(count).ok()?,
                sources: files.collect(),
            });
        }
        (left == 0).then_some(entries)
    }
}

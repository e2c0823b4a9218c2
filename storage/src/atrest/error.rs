//! What can go wrong between a dataset in memory and its files. Messages name files; none carries a cell or a key.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::StorageError;

/// Why a dataset could not be written, opened or read.
#[derive(Clone, Debug)]
pub enum AtRestError {
    /// The folder holds no dataset.
    NotADataset { path: PathBuf },
    /// Something stands already where a new dataset should be.
    Exists { path: PathBuf },
    /// A file stands already where a new one should be.
    FileExists { path: PathBuf },
    /// The operating system refused.
    Io {
        path: PathBuf,
        doing: &'static str,
        source: Arc<io::Error>,
    },
    /// A file that the dataset needs is not there.
    Missing { path: PathBuf },
    /// A file is not what was written: its bytes, its length or its place are wrong.
    Damaged { path: PathBuf, why: String },
    /// Written by a version that this one does not read.
    Version { path: PathBuf, found: String },
    /// The key is not given out.
    Denied { path: PathBuf, why: String },
    /// The keeper of the key cannot be reached.
    Unavailable { path: PathBuf, why: String },
    /// The folder holds an older generation than the caller knows of.
    TooOld {
        path: PathBuf,
        found: u64,
        least: u64,
    },
    /// Another process writes to the dataset.
    Locked { path: PathBuf },
    /// The dataset was closed, because the customer took the key back or because it was closed by hand.
    Closed { why: String },
    /// The operating system gives no random numbers.
    NoRandomness,
    /// The data cannot be kept in this format.
    Unsupported { what: String },
    /// A refresh names a table or partition that is not there, or is not read from files.
    Refresh { what: String },
    /// The source files of a refresh cannot be imported.
    Import { message: String },
    /// A column of the generation before cannot be read.
    Unreadable { why: String },
    /// A fault of this crate.
    Internal { what: String },
}

impl AtRestError {
    pub(crate) fn io(path: &Path, doing: &'static str, source: io::Error) -> AtRestError {
        if source.kind() == io::ErrorKind::NotFound && doing == "read" {
            return AtRestError::Missing {
                path: path.to_path_buf(),
            };
        }
        AtRestError::Io {
            path: path.to_path_buf(),
            doing,
            source: Arc::new(source),
        }
    }

    pub(crate) fn damaged(path: &Path, why: impl Into<String>) -> AtRestError {
        AtRestError::Damaged {
            path: path.to_path_buf(),
            why: why.into(),
        }
    }

    pub(crate) fn internal(what: impl Into<String>) -> AtRestError {
        AtRestError::Internal { what: what.into() }
    }
}

impl fmt::Display for AtRestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADataset { path } => {
                write!(
                    f,
                    "{} is not a dataset: it holds no file {}",
                    path.display(),
                    super::pointer::FILE
                )
            }
            Self::Exists { path } => write!(
                f,
                "{} is not empty; a dataset is written into a new or empty folder (to take in new data, refresh it)",
                path.display()
            ),
            Self::FileExists { path } => {
                write!(f, "{} is there already; name a new file", path.display())
            }
            Self::Io {
                path,
                doing,
                source,
            } => write!(f, "{} cannot be {doing}: {source}", path.display()),
            Self::Missing { path } => write!(f, "{} is missing from the dataset", path.display()),
            Self::Damaged { path, why } => {
                write!(f, "{} is damaged or was changed: {why}", path.display())
            }
            Self::Version { path, found } => write!(
                f,
                "{} was written in format '{found}', which this version does not read",
                path.display()
            ),
            Self::Denied { path, why } => {
                write!(f, "the key of {} is denied: {why}", path.display())
            }
            Self::Unavailable { path, why } => write!(
                f,
                "the key of {} cannot be had now: {why}; try again later",
                path.display()
            ),
            Self::TooOld { path, found, least } => write!(
                f,
                "{} holds generation {found}, and generation {least} was written before; somebody has put an old copy in its place",
                path.display()
            ),
            Self::Locked { path } => write!(
                f,
                "another process is writing to {}; wait for it to end",
                path.display()
            ),
            Self::Closed { why } => write!(f, "the dataset is closed: {why}"),
            Self::NoRandomness => f.write_str(
                "the operating system gives no random numbers, so nothing was encrypted",
            ),
            Self::Unsupported { what } => write!(f, "the dataset cannot be written: {what}"),
            Self::Refresh { what } => write!(f, "nothing was refreshed: {what}"),
            Self::Import { message } => write!(f, "nothing was refreshed: {message}"),
            Self::Unreadable { why } => f.write_str(why),
            Self::Internal { what } => write!(f, "internal error in storage: {what}"),
        }
    }
}

impl std::error::Error for AtRestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl From<StorageError> for AtRestError {
    /// Of reading what is about to be written.
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unreadable { why } => AtRestError::Unreadable { why },
            other => AtRestError::internal(other.to_string()),
        }
    }
}

impl From<AtRestError> for StorageError {
    /// What a query is told: the name of the file, which is random, and not where the folder lies.
    fn from(error: AtRestError) -> Self {
        let (path, what) = match &error {
            AtRestError::Missing { path } => (path, "is missing".to_owned()),
            AtRestError::Damaged { path, why } => {
                (path, format!("is damaged or was changed: {why}"))
            }
            AtRestError::Io { path, doing, .. } => (path, format!("cannot be {doing}")),
            AtRestError::Closed { why } => {
                let why = format!("the dataset is closed: {why}");
                return StorageError::Unreadable { why };
            }
            AtRestError::Internal { what } => return StorageError::Internal(what.clone()),
            _ => {
                let why = "the data cannot be read from its files".to_owned();
                return StorageError::Unreadable { why };
            }
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        StorageError::Unreadable {
            why: format!("the data cannot be read: file {name} of the dataset {what}"),
        }
    }
}

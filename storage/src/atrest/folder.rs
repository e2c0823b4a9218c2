//! The folder of a dataset: names, locks, and small files.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read;
use std::path::Path;

use super::AtRestError;
use super::disk::Disk;
use super::pointer::Pointer;

/// Held by whoever writes.
const LOCK: &str = "lock";

/// More than any manifest or key file that this version writes, so that a swapped file cannot fill the memory.
const MOST_BYTES: u64 = 1 << 30;

/// Whether a dataset lies in the folder.
pub fn is_dataset(path: &Path) -> bool {
    Pointer::path(path).is_file()
}

/// Random hexadecimal digits and a short ending: what the names of all files but the pointer and the lock look like.
pub(crate) fn is_name(name: &str) -> bool {
    let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    stem.len() == 32
        && stem.bytes().all(digit)
        && matches!(ending, "keys" | "manifest" | "parquet" | "new")
}

/// One writer at a time. The lock goes when this is dropped, or when the process ends however it ends.
pub(crate) struct WriteLock {
    _file: File,
}

impl WriteLock {
    pub(crate) fn take(folder: &Path) -> Result<WriteLock, AtRestError> {
        let path = folder.join(LOCK);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let file = options
            .open(&path)
            .map_err(|e| AtRestError::io(&path, "opened", e))?;
        match file.try_lock() {
            Ok(()) => Ok(WriteLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(AtRestError::Locked {
                path: folder.to_path_buf(),
            }),
            Err(TryLockError::Error(error)) => Err(AtRestError::io(&path, "locked", error)),
        }
    }
}

/// A folder for a new dataset: it is made if it is missing, and must be empty.
pub(crate) fn new_folder(folder: &Path) -> Result<(), AtRestError> {
    let failed = |e| AtRestError::io(folder, "made", e);
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(failed)?;
    let mut names = std::fs::read_dir(folder).map_err(failed)?.flatten();
    // What a crashed first import left may be written over: nothing points to it.
    let strange = names.any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name != LOCK && !is_name(&name)
    });
    if strange {
        return Err(AtRestError::Exists {
            path: folder.to_path_buf(),
        });
    }
    Ok(())
}

/// A whole small file, durable when this returns; its name is durable when the folder is synced.
pub(crate) fn write_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), AtRestError> {
    let write = || {
        let mut file = disk.create(path)?;
        file.write_all(bytes)?;
        file.sync()
    };
    write().map_err(|e| AtRestError::io(path, "written", e))
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, AtRestError> {
    let file = File::open(path).map_err(|e| AtRestError::io(path, "read", e))?;
    read_open_file(path, &file)
}

pub(crate) fn read_open_file(path: &Path, mut file: &File) -> Result<Vec<u8>, AtRestError> {
    let failed = |e| AtRestError::io(path, "read", e);
    let length = file.metadata().map_err(failed)?.len();
    if length > MOST_BYTES {
        return Err(AtRestError::damaged(path, "it is far too long"));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

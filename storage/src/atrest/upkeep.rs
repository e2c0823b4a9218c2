//! What the operator does to a dataset on disk without looking into it: verify, rotate the key, clear away.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::AtRestError;
use super::bridge::in_parallel;
use super::disk::{Disk, RealDisk};
use super::folder::{WriteLock, is_name};
use super::key_file;
use super::open::{current, generation, model_of};
use super::parquet_read::check_digest;
use super::pointer::Pointer;
use super::provider::{DatasetId, KeyContext, KeyProvider};
use super::secret::random_name;
use super::stored::{StoredColumn, StoredFiles};

/// What `verify` has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub dataset: DatasetId,
    pub generation: u64,
    pub files: usize,
    pub bytes: u64,
    /// Columns that were decrypted and decoded.
    pub columns: usize,
}

/// Reads and authenticates every byte of the current generation, and decodes every column.
pub fn verify(
    folder: &Path,
    provider: &dyn KeyProvider,
    least: u64,
) -> Result<Verified, AtRestError> {
    let files = Arc::new(current(folder, provider, least)?);
    model_of(&files)?;
    in_parallel(files.manifest.files.iter().collect(), |file| {
        check_digest(&files.path(&file.name), file)
    })?;
    let mut columns = Vec::new();
    for (t, table) in files.manifest.tables.iter().enumerate() {
        let places = 0..table.columns.len();
        columns.extend(places.filter_map(|c| StoredColumn::new(&files, t, c, None)));
    }
    let count = columns.len();
    in_parallel(columns, |column| column.check())?;
    Ok(Verified {
        dataset: files.context.dataset,
        generation: files.context.generation,
        files: files.manifest.files.len(),
        bytes: files.manifest.files.iter().map(|file| file.length).sum(),
        columns: count,
    })
}

/// Refuses a folder whose pointer names an earlier generation than the caller knows of. For what has no such argument of its own.
pub fn at_least(folder: &Path, least: u64) -> Result<(), AtRestError> {
    let found = Pointer::read(folder)?.generation;
    if found < least {
        return Err(AtRestError::TooOld {
            path: folder.to_path_buf(),
            found,
            least,
        });
    }
    Ok(())
}

/// Puts the data keys under another key of the customer's. Only the key files are written anew, that of every generation in the folder,
/// and the pointer. Whoever has the old key and an old copy of a key file can still read the data files of before: `rekey` writes those
/// anew. Gives the bytes of the new key files.
pub fn rotate_key(
    folder: &Path,
    old: &dyn KeyProvider,
    new: &dyn KeyProvider,
) -> Result<u64, AtRestError> {
    rotate_on(&RealDisk, folder, old, new)
}

pub(crate) fn rotate_on(
    disk: &dyn Disk,
    folder: &Path,
    old: &dyn KeyProvider,
    new: &dyn KeyProvider,
) -> Result<u64, AtRestError> {
    let pointer = Pointer::read(folder)?;
    let _lock = WriteLock::take(folder)?;
    let files = current(folder, old, pointer.generation)?;
    let name = format!("{}.keys", random_name()?);
    let path = folder.join(&name);
    let written = key_file::write(disk, &path, &files.keys()?, &files.context, new);
    // A provider that cannot give back what it wrapped would lock the customer out.
    let checked = written.and_then(|_| key_file::read(&path, &files.context, new));
    checked.inspect_err(|_| {
        let _ = disk.remove(&path);
    })?;
    disk.sync_folder(folder)
        .map_err(|e| AtRestError::io(folder, "written", e))?;
    Pointer {
        dataset: files.context.dataset,
        generation: files.context.generation,
        keys: name,
        manifest: files.manifest_name.clone(),
    }
    .put(disk, folder)?;
    // It opens with the old key, so it is not left behind.
    let old_path = folder.join(&files.keys_name);
    disk.remove(&old_path)
        .map_err(|e| AtRestError::io(&old_path, "removed", e))?;
    let mut written = length(&path);
    let dataset = files.context.dataset;
    for earlier in names_in(folder)? {
        if earlier.ends_with(".keys") && folder.join(&earlier) != path {
            written += rotate_earlier(disk, folder, &earlier, dataset, old, new)?;
        }
    }
    Ok(written)
}

/// Generations share data files, so the key file of an earlier one opens much of the current one. It is put under the new key too,
/// for whoever still reads that generation.
fn rotate_earlier(
    disk: &dyn Disk,
    folder: &Path,
    name: &str,
    dataset: DatasetId,
    old: &dyn KeyProvider,
    new: &dyn KeyProvider,
) -> Result<u64, AtRestError> {
    let path = folder.join(name);
    let Some(generation) = key_file::generation(&path, dataset) else {
        return Ok(0);
    };
    let context = KeyContext {
        dataset,
        generation,
    };
    let keys = match key_file::read(&path, &context, old) {
        Ok((keys, _)) => keys,
        Err(unavailable @ AtRestError::Unavailable { .. }) => return Err(unavailable),
        // The old key does not open it, or a crash cut it short: then it gives nothing away.
        Err(_) => return Ok(0),
    };
    let fresh = folder.join(format!("{}.keys", random_name()?));
    key_file::write(disk, &fresh, &keys, &context, new)?;
    disk.sync_folder(folder)
        .map_err(|e| AtRestError::io(folder, "written", e))?;
    disk.remove(&path)
        .map_err(|e| AtRestError::io(&path, "removed", e))?;
    Ok(length(&fresh))
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// What `vacuum` has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vacuumed {
    pub files: usize,
    pub bytes: u64,
    /// Older generations that somebody still reads, and which therefore stay.
    pub in_use: usize,
}

/// Removes older generations, and what a crash has left behind. Generations that a process still reads stay.
pub fn vacuum(folder: &Path, provider: &dyn KeyProvider) -> Result<Vacuumed, AtRestError> {
    vacuum_on(&RealDisk, folder, provider)
}

pub(crate) fn vacuum_on(
    disk: &dyn Disk,
    folder: &Path,
    provider: &dyn KeyProvider,
) -> Result<Vacuumed, AtRestError> {
    let pointer = Pointer::read(folder)?;
    let _lock = WriteLock::take(folder)?;
    let files = current(folder, provider, pointer.generation)?;
    let mut keep = names_of(&files);
    let mut done = Vacuumed::default();
    let names = names_in(folder)?;
    // Held until the end, so that nobody begins to read what is being removed.
    let mut locked = Vec::new();
    for name in names.iter().filter(|name| name.ends_with(".manifest")) {
        if keep.contains(name) {
            continue;
        }
        let path = folder.join(name);
        let manifest = File::open(&path).map_err(|e| AtRestError::io(&path, "read", e))?;
        match manifest.try_lock() {
            Ok(()) => locked.push(manifest),
            Err(_) => {
                done.in_use += 1;
                match generation_of(folder, name, &names, files.context.dataset, provider) {
                    Some(in_use) => keep.extend(names_of(&in_use)),
                    // Which files it reads cannot be told, so none is touched.
                    None => return Ok(done),
                }
            }
        }
    }
    for name in names.difference(&keep) {
        let path = folder.join(name);
        let length = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        disk.remove(&path)
            .map_err(|e| AtRestError::io(&path, "removed", e))?;
        done.files += 1;
        done.bytes += length;
    }
    disk.sync_folder(folder)
        .map_err(|e| AtRestError::io(folder, "written", e))?;
    Ok(done)
}

fn names_of(files: &StoredFiles) -> BTreeSet<String> {
    let data = files.manifest.files.iter().map(|file| file.name.clone());
    data.chain([files.manifest_name.clone(), files.keys_name.clone()])
        .collect()
}

/// Files of the folder that a dataset made. What others put there is left alone.
fn names_in(folder: &Path) -> Result<BTreeSet<String>, AtRestError> {
    let failed = |e| AtRestError::io(folder, "read", e);
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if let Some(name) = name.to_str().filter(|name| is_name(name)) {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// The older generation of a manifest: one of the key files must open for it.
fn generation_of(
    folder: &Path,
    manifest: &str,
    names: &BTreeSet<String>,
    dataset: DatasetId,
    provider: &dyn KeyProvider,
) -> Option<StoredFiles> {
    let keys = names.iter().filter(|name| name.ends_with(".keys"));
    keys.filter_map(|keys| {
        let path: PathBuf = folder.join(keys);
        let pointer = Pointer {
            dataset,
            generation: key_file::generation(&path, dataset)?,
            keys: keys.clone(),
            manifest: manifest.to_owned(),
        };
        generation(folder, &pointer, provider, 0, &Arc::default()).ok()
    })
    .next()
}

//! Opening a dataset: pointer, key file, manifest, model. No row is read here.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use model::{Model, read_bim, same_name};

use super::AtRestError;
use super::folder::read_open_file;
use super::key_file::{self, KeyRing};
use super::manifest::Manifest;
use super::memory::ColumnMemory;
use super::parquet_read::check_presence;
use super::pointer::Pointer;
use super::provider::{DatasetId, KeyContext, KeyProvider};
use super::secret::hex;
use super::stored::{StoredColumn, StoredFiles};
use crate::{ColumnId, Dataset, RelationshipId, TableId};

/// How often a generation may vanish under a reader's eyes, because another process refreshes and clears up, before the reader
/// gives up.
const ATTEMPTS: usize = 5;

/// A dataset from its folder, before the gate closes over it.
pub struct Opened {
    pub model: Model,
    /// Columns are read when they are first needed.
    pub dataset: Dataset,
    pub(crate) files: Arc<StoredFiles>,
}

impl Opened {
    pub fn id(&self) -> DatasetId {
        self.files.context.dataset
    }

    pub fn generation(&self) -> u64 {
        self.files.context.generation
    }
}

/// Opens the current generation of a dataset. A generation before `least` is refused: whoever remembers the last generation that
/// was written notices when somebody puts an old copy of the folder in its place.
pub fn open(folder: &Path, provider: &dyn KeyProvider, least: u64) -> Result<Opened, AtRestError> {
    open_within(folder, provider, least, Arc::default())
}

/// The same, with a bound on the memory of its columns. A table to pin that the model does not have is refused.
pub fn open_within(
    folder: &Path,
    provider: &dyn KeyProvider,
    least: u64,
    memory: Arc<ColumnMemory>,
) -> Result<Opened, AtRestError> {
    let files = Arc::new(current_within(folder, provider, least, memory)?);
    let model = model_of(&files)?;
    let has = |name: &&String| model.tables.iter().any(|t| same_name(&t.name, name));
    if let Some(missing) = files.memory.pinned().iter().find(|name| !has(name)) {
        return Err(AtRestError::Unsupported {
            what: format!("there is no table '{missing}' to keep in memory"),
        });
    }
    let dataset = dataset_of(&files, &model, None)?;
    Ok(Opened {
        model,
        dataset,
        files,
    })
}

/// The current generation.
pub(crate) fn current(
    folder: &Path,
    provider: &dyn KeyProvider,
    least: u64,
) -> Result<StoredFiles, AtRestError> {
    current_within(folder, provider, least, Arc::default())
}

/// The same, its columns within a bound of memory.
pub(crate) fn current_within(
    folder: &Path,
    provider: &dyn KeyProvider,
    least: u64,
    memory: Arc<ColumnMemory>,
) -> Result<StoredFiles, AtRestError> {
    let mut pointer = Pointer::read(folder)?;
    for _ in 1..ATTEMPTS {
        match generation(folder, &pointer, provider, least, &memory) {
            Err(error @ AtRestError::Missing { .. }) => {
                let now = Pointer::read(folder)?;
                if now == pointer {
                    return Err(error);
                }
                pointer = now;
            }
            result => return result,
        }
    }
    generation(folder, &pointer, provider, least, &memory)
}

/// The generation that a pointer names.
pub(crate) fn generation(
    folder: &Path,
    pointer: &Pointer,
    provider: &dyn KeyProvider,
    least: u64,
    memory: &Arc<ColumnMemory>,
) -> Result<StoredFiles, AtRestError> {
    let context = KeyContext {
        dataset: pointer.dataset,
        generation: pointer.generation,
    };
    let manifest_path = folder.join(&pointer.manifest);
    let in_use = lock_in_use(&manifest_path)?;
    let keys_path = folder.join(&pointer.keys);
    let (keys, wrapped) = key_file::read(&keys_path, &context, provider)?;
    // The provider has confirmed the number of the generation by now.
    if context.generation < least {
        return Err(AtRestError::TooOld {
            path: folder.to_path_buf(),
            found: context.generation,
            least,
        });
    }
    let key = keys.get(&pointer.manifest).ok_or_else(|| {
        AtRestError::damaged(
            &Pointer::path(folder),
            "it names a manifest that the key file does not know",
        )
    })?;
    let bytes = read_open_file(&manifest_path, &in_use)?;
    let manifest = Manifest::parse(&manifest_path, &bytes, key, &context)?;
    let names: BTreeSet<&str> = manifest
        .files
        .iter()
        .map(|file| file.name.as_str())
        .chain([pointer.manifest.as_str()])
        .collect();
    let known: BTreeSet<&str> = keys.names().collect();
    if manifest.keys_digest != hex(&keys.digest()) || names != known {
        return Err(AtRestError::damaged(
            &keys_path,
            "its keys are not those that the manifest speaks of",
        ));
    }
    for file in &manifest.files {
        check_presence(&folder.join(&file.name), file)?;
    }
    Ok(StoredFiles {
        folder: folder.to_path_buf(),
        context,
        manifest,
        manifest_name: pointer.manifest.clone(),
        keys_name: pointer.keys.clone(),
        wrapped,
        ring: KeyRing::new(keys),
        closed: AtomicBool::new(false),
        memory: Arc::clone(memory),
        _in_use: in_use,
    })
}

/// Opens the manifest so that `vacuum` sees that it is read.
fn lock_in_use(path: &Path) -> Result<File, AtRestError> {
    let file = File::open(path).map_err(|e| AtRestError::io(path, "read", e))?;
    match file.try_lock_shared() {
        Ok(()) => Ok(file),
        // Only `vacuum` locks it for itself, and only to remove it.
        Err(TryLockError::WouldBlock) => Err(AtRestError::Missing {
            path: path.to_path_buf(),
        }),
        Err(TryLockError::Error(error)) => Err(AtRestError::io(path, "locked", error)),
    }
}

/// The model inside the manifest, which must be the one that the tables were written for.
pub(crate) fn model_of(files: &StoredFiles) -> Result<Model, AtRestError> {
    let path = files.path(&files.manifest_name);
    let model = read_bim(&files.manifest.model, "model.bim")
        .map_err(|_| AtRestError::damaged(&path, "its model cannot be read"))?;
    let tables = &files.manifest.tables;
    let fits = model.tables.len() == tables.len()
        && model.tables.iter().zip(tables).all(|(table, entry)| {
            table.name == entry.name
                && (!entry.absent || table.calculated_expression().is_some())
                && table.columns.len() == entry.columns.len()
                && table
                    .columns
                    .iter()
                    .zip(&entry.columns)
                    .all(|(column, entry)| {
                        entry.as_ref().is_none_or(|entry| entry.name == column.name)
                    })
        });
    if fits {
        Ok(model)
    } else {
        Err(AtRestError::damaged(
            &path,
            "its model is not the one of its tables",
        ))
    }
}

/// A dataset that reads its columns from the files. Columns that `warm` has in memory, which must be of the very same content, are
/// not read again.
pub(crate) fn dataset_of(
    files: &Arc<StoredFiles>,
    model: &Model,
    warm: Option<&Dataset>,
) -> Result<Dataset, AtRestError> {
    let mut dataset = Dataset::new(model);
    for (t, entry) in files.manifest.tables.iter().enumerate() {
        let table = dataset
            .tables
            .get_mut(t)
            .ok_or_else(|| AtRestError::internal("a table without a model"))?;
        table.rows = (!entry.absent).then_some(entry.rows);
        let sources = entry.partitions.iter().filter_map(|p| p.sources.as_ref());
        table.source_bytes = sources.flatten().map(|file| file.length).sum();
        for (c, slot) in table.columns.iter_mut().enumerate() {
            let id = ColumnId {
                table: TableId(t as u32),
                column: c as u32,
            };
            let data = warm.and_then(|warm| warm.slot(id).ok()?.warm());
            slot.stored = StoredColumn::new(files, t, c, data);
        }
    }
    for relationship in &files.manifest.relationships {
        dataset
            .relate_later(RelationshipId(*relationship))
            .map_err(|e| AtRestError::internal(e.to_string()))?;
    }
    dataset.stored = Some(Arc::clone(files));
    if let Some(text) = &files.manifest.derivations {
        dataset.set_derivations(text);
    }
    Ok(dataset)
}

//! The next generation of a dataset: source files that changed are imported again, everything else is taken over.
//!
//! Rows that are added go to files of their own, beside those of the rows that are there (see `add`). A table of which rows went away is
//! encoded anew as a whole, because its dictionaries may have changed; rows of its other partitions come from the dataset and not from
//! their source files. Tables without changes keep their files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::ArrayRef;
use model::{ColumnKind, Model, Partition, PartitionKind, Table, same_name};

use super::AtRestError;
use super::add::add;
use super::bridge::values_of_rows;
use super::disk::{Disk, RealDisk};
use super::folder::WriteLock;
use super::manifest::{PartitionEntry, SourceEntry};
use super::memory::ColumnMemory;
use super::open::{Opened, current, current_within, dataset_of, model_of};
use super::pointer::Pointer;
use super::provider::{KeyContext, KeyProvider};
use super::save::{Generation, Saved};
use super::sources::{looks_the_same, path_inside, source_entry};
use super::stored::StoredFiles;
use crate::column::BLOCK;
use crate::import::partition_files;
use crate::{ColumnId, Dataset, NoProgress, RelationshipId, TableId, import};

/// What to refresh, and how.
#[derive(Clone, Debug, Default)]
pub struct Refresh {
    /// One table; None: all.
    pub table: Option<String>,
    /// One partition of that table; None: all.
    pub partition: Option<String>,
    pub mode: RefreshMode,
    /// Where the source files lie; None: where they lay before.
    pub data: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshMode {
    /// A partition has the rows of its files as they are now. Files that did not change are not read again.
    #[default]
    Full,
    /// Rows of files that were not there before are added. Rows of earlier files stay, whether the files are still there or not.
    Add,
}

/// A generation to come: data and model for the gate, and what it takes to write them.
pub struct Successor {
    pub model: Model,
    pub dataset: Dataset,
    pub next: Next,
}

/// Where the next generation goes. Nobody else can write to the dataset while this is held.
pub struct Next {
    _lock: WriteLock,
    folder: PathBuf,
    base: Arc<StoredFiles>,
    data_folder: Option<String>,
    partitions: Vec<Option<Vec<PartitionEntry>>>,
    take_over: bool,
    /// Of the columns of the new generation.
    memory: Arc<ColumnMemory>,
}

impl Next {
    /// The columns of the new generation share this memory with those of the one before.
    #[must_use]
    pub fn within(mut self, memory: Arc<ColumnMemory>) -> Next {
        self.memory = memory;
        self
    }
}

/// Reads what has changed. None: nothing has. What `live` has in memory is not read again, if it is the generation that is in the folder.
pub fn refresh(
    folder: &Path,
    provider: &dyn KeyProvider,
    least: u64,
    what: &Refresh,
    live: Option<&Dataset>,
) -> Result<Option<Successor>, AtRestError> {
    let (lock, opened) = open_to_write(folder, provider, least, live)?;
    let Opened {
        model,
        dataset: old,
        files,
    } = opened;
    let data = data_folder(what, &files)?;
    let plans = plans(&model, &files, &data, what)?;
    if plans.iter().all(Option::is_none) {
        return Ok(None);
    }
    let mut dataset = Dataset::new(&model);
    dataset.stored = Some(Arc::clone(&files));
    let mut partitions = Vec::with_capacity(plans.len());
    let changed: Vec<bool> = plans.iter().map(Option::is_some).collect();
    for (t, plan) in plans.into_iter().enumerate() {
        let id = TableId(t as u32);
        let known = files.manifest.tables.get(t).map(|t| t.partitions.clone());
        match plan {
            Some(parts) => {
                let added = add(&mut dataset, &old, &model, id, &parts, &data)?;
                partitions.push(Some(match added {
                    Some(entries) => entries,
                    None => load(&mut dataset, &old, &model, id, &parts, &data)?,
                }));
            }
            None => {
                take_over(&mut dataset, &old, &model, id);
                // A calculated table is computed anew, and may have other rows.
                let calculated = dataset.rows(id).is_none();
                partitions.push(known.filter(|_| !calculated));
            }
        }
    }
    for relationship in &files.manifest.relationships {
        dataset.relate_as_before(RelationshipId(*relationship), |table| {
            changed.get(table.0 as usize).is_none_or(|changed| *changed)
        })?;
    }
    let data_folder = std::fs::canonicalize(&data).unwrap_or(data);
    Ok(Some(Successor {
        model,
        dataset,
        next: Next {
            _lock: lock,
            folder: folder.to_path_buf(),
            base: files,
            data_folder: Some(data_folder.to_string_lossy().into_owned()),
            partitions,
            take_over: true,
            memory: Arc::default(),
        },
    }))
}

/// Where the source files lie.
fn data_folder(what: &Refresh, files: &StoredFiles) -> Result<PathBuf, AtRestError> {
    let known = || files.manifest.data_folder.as_ref().map(PathBuf::from);
    what.data
        .clone()
        .or_else(known)
        .ok_or_else(|| refused("it is not known where the source files are; name their folder"))
}

/// What becomes of each table. None: it stays as it is.
fn plans(
    model: &Model,
    files: &StoredFiles,
    data: &Path,
    what: &Refresh,
) -> Result<Vec<Option<Vec<Part>>>, AtRestError> {
    check_names(model, what)?;
    let mut plans = Vec::with_capacity(model.tables.len());
    for (table, entry) in model.tables.iter().zip(&files.manifest.tables) {
        let wanted = what
            .table
            .as_ref()
            .is_none_or(|name| same_name(name, &table.name));
        plans.push(if wanted && is_from_files(table) {
            plan(table, &entry.partitions, data, what)?
        } else {
            None
        });
    }
    Ok(plans)
}

/// The same data once more, to be written under fresh keys throughout.
pub fn rekey(
    folder: &Path,
    provider: &dyn KeyProvider,
    least: u64,
) -> Result<Successor, AtRestError> {
    let (lock, opened) = open_to_write(folder, provider, least, None)?;
    let manifest = &opened.files.manifest;
    // A table that was absent is computed anew, and may have rows now.
    let partitions = manifest.tables.iter();
    let partitions = partitions.map(|t| (!t.absent).then(|| t.partitions.clone()));
    Ok(Successor {
        next: Next {
            _lock: lock,
            folder: folder.to_path_buf(),
            data_folder: manifest.data_folder.clone(),
            partitions: partitions.collect(),
            take_over: false,
            memory: Arc::default(),
            base: Arc::clone(&opened.files),
        },
        model: opened.model,
        dataset: opened.dataset,
    })
}

fn open_to_write(
    folder: &Path,
    provider: &dyn KeyProvider,
    least: u64,
    live: Option<&Dataset>,
) -> Result<(WriteLock, Opened), AtRestError> {
    // First, so that no lock file is made where no dataset is.
    Pointer::read(folder)?;
    let lock = WriteLock::take(folder)?;
    let files = Arc::new(current(folder, provider, least)?);
    let model = model_of(&files)?;
    let live = live.filter(|live| {
        let known = live
            .stored
            .as_ref()
            .filter(|known| known.check_open().is_ok());
        known.is_some_and(|known| known.manifest_name == files.manifest_name)
    });
    let dataset = dataset_of(&files, &model, live)?;
    let opened = Opened {
        model,
        dataset,
        files,
    };
    Ok((lock, opened))
}

/// Writes the next generation.
pub fn save_next(
    dataset: &Dataset,
    model: &Model,
    hidden: &[ColumnId],
    next: &Next,
    provider: &dyn KeyProvider,
) -> Result<Saved, AtRestError> {
    save_next_on(&RealDisk, dataset, model, hidden, next, provider)
}

pub(crate) fn save_next_on(
    disk: &dyn Disk,
    dataset: &Dataset,
    model: &Model,
    hidden: &[ColumnId],
    next: &Next,
    provider: &dyn KeyProvider,
) -> Result<Saved, AtRestError> {
    let generation = next.base.context.generation.checked_add(1);
    let generation = Generation {
        context: KeyContext {
            dataset: next.base.context.dataset,
            generation: generation
                .ok_or_else(|| AtRestError::internal("there are no more generations"))?,
        },
        folder: &next.folder,
        provider,
        hidden,
        data_folder: next.data_folder.clone(),
        partitions: next.partitions.clone(),
        take_over: next.take_over.then(|| Arc::clone(&next.base)),
    };
    generation.write(dataset, model, disk)
}

/// Opens a generation that was written from `dataset` just now. What that has in memory is not read again.
pub fn reopen(
    next: Next,
    saved: &Saved,
    dataset: &Dataset,
    provider: &dyn KeyProvider,
) -> Result<Opened, AtRestError> {
    let memory = Arc::clone(&next.memory);
    let files = current_within(&next.folder, provider, saved.generation, memory)?;
    let files = Arc::new(files);
    let model = model_of(&files)?;
    // Held until here, so that it is this generation and no later one.
    drop(next);
    let dataset = dataset_of(&files, &model, Some(dataset))?;
    Ok(Opened {
        model,
        dataset,
        files,
    })
}

fn refused(what: impl Into<String>) -> AtRestError {
    AtRestError::Refresh { what: what.into() }
}

fn check_names(model: &Model, what: &Refresh) -> Result<(), AtRestError> {
    let Some(name) = &what.table else {
        return match &what.partition {
            None => Ok(()),
            Some(_) => Err(refused(
                "a partition goes with its table; name the table too",
            )),
        };
    };
    let table = model.tables.iter().find(|t| same_name(&t.name, name));
    let table = table.ok_or_else(|| refused(format!("there is no table '{name}'")))?;
    if !is_from_files(table) {
        return Err(refused(format!("table '{name}' is not read from files")));
    }
    let Some(partition) = &what.partition else {
        return Ok(());
    };
    let known = table
        .partitions
        .iter()
        .any(|p| same_name(&p.name, partition))
        || (table.partitions.is_empty() && same_name(&table.name, partition));
    if known {
        Ok(())
    } else {
        Err(refused(format!(
            "table '{name}' has no partition '{partition}'"
        )))
    }
}

fn is_from_files(table: &Table) -> bool {
    let stored = |kind: &ColumnKind| matches!(kind, ColumnKind::Data { .. });
    table.calculation_group.is_none()
        && table.calculated_expression().is_none()
        && table.columns.iter().any(|column| stored(&column.kind))
}

/// Where the rows of a partition of the next generation come from.
pub(super) struct Part {
    pub(super) name: String,
    /// Rows of the generation before: the first, and how many.
    pub(super) kept: (usize, usize),
    /// Files to import, behind the rows that are kept.
    pub(super) fresh: Vec<SourceEntry>,
    pub(super) sources: Option<Vec<SourceEntry>>,
}

/// None: nothing of the table has changed.
fn plan(
    table: &Table,
    known: &[PartitionEntry],
    data: &Path,
    what: &Refresh,
) -> Result<Option<Vec<Part>>, AtRestError> {
    let is_wanted = |name: &str| what.partition.as_ref().is_none_or(|p| same_name(p, name));
    let files = files_of(table, data, &is_wanted)?;
    let named = files.len() == known.len()
        && files
            .iter()
            .zip(known)
            .all(|((name, _), entry)| *name == entry.name)
        && known.iter().all(|entry| entry.sources.is_some());
    if !named && (what.partition.is_some() || what.mode == RefreshMode::Add) {
        return Err(refused(format!(
            "it is not known which files the rows of table '{}' came from; refresh it in full",
            table.name
        )));
    }
    let mut parts = Vec::with_capacity(files.len());
    let mut start = 0usize;
    for (place, (name, files)) in files.into_iter().enumerate() {
        let old = known.get(place).filter(|_| named);
        let rows = old.map_or(0, |entry| entry.rows as usize);
        let old_sources = old.and_then(|entry| entry.sources.clone());
        let kept = (start, rows);
        start += rows;
        let part = match (old_sources, files) {
            (Some(sources), None) => kept_as_it_is(name, kept, sources),
            (Some(sources), Some(files)) => {
                changed(table, name, kept, sources, &files, data, what.mode)?
            }
            (None, files) => all_of(table, name, &files.unwrap_or_default(), data)?,
        };
        parts.push(part);
    }
    let same = named
        && parts
            .iter()
            .zip(known)
            .all(|(part, entry)| part.fresh.is_empty() && part.kept.1 == entry.rows as usize);
    Ok((!same).then_some(parts))
}

/// A partition's name and its files. None: it is not wanted, and its files need not be there.
type WantedFiles = (String, Option<Vec<PathBuf>>);

/// The files of each partition that comes from files.
fn files_of(
    table: &Table,
    data: &Path,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<WantedFiles>, AtRestError> {
    let listed = |table: &Table| {
        partition_files(table, data)
            .map(Option::unwrap_or_default)
            .map_err(|error| AtRestError::Import {
                message: error.to_string(),
            })
    };
    if table.partitions.is_empty() {
        let all = listed(table)?.into_iter();
        return Ok(all.map(|(name, files)| (name, Some(files))).collect());
    }
    let mut found = Vec::with_capacity(table.partitions.len());
    for partition in &table.partitions {
        if !is_wanted(&partition.name) {
            found.push((partition.name.clone(), None));
            continue;
        }
        let one = Table {
            partitions: vec![partition.clone()],
            ..table.clone()
        };
        let files = listed(&one)?.into_iter();
        found.extend(files.map(|(name, files)| (name, Some(files))));
    }
    Ok(found)
}

fn kept_as_it_is(name: String, kept: (usize, usize), sources: Vec<SourceEntry>) -> Part {
    Part {
        name,
        kept,
        fresh: Vec::new(),
        sources: Some(sources),
    }
}

fn all_of(
    table: &Table,
    name: String,
    files: &[PathBuf],
    data: &Path,
) -> Result<Part, AtRestError> {
    let fresh = entries(table, files, data)?;
    Ok(Part {
        name,
        kept: (0, 0),
        sources: Some(fresh.clone()),
        fresh,
    })
}

fn changed(
    table: &Table,
    name: String,
    kept: (usize, usize),
    sources: Vec<SourceEntry>,
    files: &[PathBuf],
    data: &Path,
    mode: RefreshMode,
) -> Result<Part, AtRestError> {
    if mode == RefreshMode::Full {
        let now = entries(table, files, data)?;
        if now == sources {
            return Ok(kept_as_it_is(name, kept, sources));
        }
        return Ok(Part {
            name,
            kept: (0, 0),
            sources: Some(now.clone()),
            fresh: now,
        });
    }
    let (mut sources, mut fresh) = (sources, Vec::new());
    for path in files {
        let inside = path_inside(path, data);
        let known = sources
            .iter_mut()
            .find(|known| inside.as_ref() == Some(&known.path));
        // Large files that have been there for long are not read again only to find that they are what they were.
        if known
            .as_ref()
            .is_some_and(|known| looks_the_same(path, known))
        {
            continue;
        }
        let now = entry_of(table, path, data)?;
        match known {
            None => fresh.push(now),
            Some(known) if *known == now => *known = now,
            Some(_) => {
                return Err(refused(format!(
                    "file {} of table '{}' has changed, so its rows cannot be added; refresh it in full",
                    now.path, table.name
                )));
            }
        }
    }
    sources.extend(fresh.iter().cloned());
    Ok(Part {
        name,
        kept,
        sources: Some(sources),
        fresh,
    })
}

fn entries(table: &Table, files: &[PathBuf], data: &Path) -> Result<Vec<SourceEntry>, AtRestError> {
    let entries = files.iter().map(|path| entry_of(table, path, data));
    entries.collect()
}

fn entry_of(table: &Table, path: &Path, data: &Path) -> Result<SourceEntry, AtRestError> {
    source_entry(path, data).ok_or_else(|| AtRestError::Import {
        message: format!("table '{}': {} cannot be read", table.name, path.display()),
    })
}

/// Encodes a table from kept and fresh rows. Gives its partitions.
fn load(
    dataset: &mut Dataset,
    old: &Dataset,
    model: &Model,
    id: TableId,
    parts: &[Part],
    data: &Path,
) -> Result<Vec<PartitionEntry>, AtRestError> {
    let table = &model.tables[id.0 as usize];
    let ordinals: Vec<u32> = (0u32..)
        .zip(&table.columns)
        .filter(|(_, column)| matches!(column.kind, ColumnKind::Data { .. }))
        .map(|(ordinal, _)| ordinal)
        .collect();
    let mut columns: Vec<(u32, Vec<ArrayRef>)> = ordinals
        .iter()
        .map(|ordinal| (*ordinal, Vec::new()))
        .collect();
    let mut entries = Vec::with_capacity(parts.len());
    let mut total = 0usize;
    for part in parts {
        let mut rows = part.kept.1;
        append(&mut columns, old, id, part.kept)?;
        if !part.fresh.is_empty() {
            let fresh = imported(model, table, &part.fresh, data)?;
            let more = fresh.rows(TableId(0)).unwrap_or(0) as usize;
            append(&mut columns, &fresh, TableId(0), (0, more))?;
            rows += more;
        }
        total += rows;
        entries.push(PartitionEntry {
            name: part.name.clone(),
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            sources: part.sources.clone(),
        });
    }
    let loaded = dataset.load_table(id, total, columns);
    loaded.map_err(|error| AtRestError::Import {
        message: error.to_string(),
    })?;
    Ok(entries)
}

/// Values of some rows of a table of `from`, behind those of the columns.
fn append(
    columns: &mut [(u32, Vec<ArrayRef>)],
    from: &Dataset,
    table: TableId,
    (start, rows): (usize, usize),
) -> Result<(), AtRestError> {
    for (ordinal, chunks) in columns {
        if rows == 0 {
            continue;
        }
        let id = ColumnId {
            table,
            column: *ordinal,
        };
        let column = from.column(id)?;
        for first in (start..start + rows).step_by(BLOCK) {
            let len = BLOCK.min(start + rows - first);
            chunks.push(values_of_rows(&column, first, len)?);
        }
    }
    Ok(())
}

/// The rows of exactly these files, as a dataset of one table.
pub(super) fn imported(
    model: &Model,
    table: &Table,
    files: &[SourceEntry],
    data: &Path,
) -> Result<Dataset, AtRestError> {
    let partition = |file: &SourceEntry| Partition {
        name: file.path.clone(),
        mode: None,
        kind: PartitionKind::M {
            expression: String::new(),
            file: Some(file.path.clone()),
        },
    };
    let one = Model {
        tables: vec![Table {
            partitions: files.iter().map(partition).collect(),
            ..table.clone()
        }],
        relationships: Vec::new(),
        roles: Vec::new(),
        ..model.clone()
    };
    let failed = |error: crate::ImportError| AtRestError::Import {
        message: error.to_string(),
    };
    // A name is read as a path of some system once more: it must lead to the file that was found, and whose digest is noted.
    let found = partition_files(&one.tables[0], data).map_err(failed)?;
    let found = found.into_iter().flatten().flat_map(|(_, paths)| paths);
    if !found.eq(files.iter().map(|file| data.join(&file.path))) {
        return Err(AtRestError::Import {
            message: format!(
                "table '{}' has source files whose names a refresh cannot tell apart from paths; rename those with \\ or : in them",
                table.name
            ),
        });
    }
    let dataset = import(&one, data, &NoProgress).map_err(failed)?;
    // A file that was written over while it was read would be noted with a digest of other rows.
    for file in files {
        if source_entry(&data.join(&file.path), data).as_ref() != Some(file) {
            return Err(AtRestError::Import {
                message: format!("{} changed while it was read; try again", file.path),
            });
        }
    }
    Ok(dataset)
}

/// A table without changes: what its files hold is used again, what is calculated is left to be computed anew.
fn take_over(dataset: &mut Dataset, old: &Dataset, model: &Model, id: TableId) {
    let t = id.0 as usize;
    let (Some(table), Some(from), Some(of_model)) = (
        dataset.tables.get_mut(t),
        old.tables.get(t),
        model.tables.get(t),
    ) else {
        return;
    };
    if of_model.calculated_expression().is_some() {
        return;
    }
    table.rows = from.rows;
    let slots = table.columns.iter_mut().zip(&from.columns);
    for ((slot, known), column) in slots.zip(&of_model.columns) {
        if !matches!(column.kind, ColumnKind::Calculated { .. }) {
            slot.stored.clone_from(&known.stored);
        }
    }
}

//! Writing a generation: data files first, then manifest and key file, and the pointer last. Until the pointer is swapped the
//! folder is what it was.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use model::{ColumnKind, Model, write_bim};

use super::AtRestError;
use super::bridge::{Kept, kept, spellings_of};
use super::disk::{Disk, RealDisk};
use super::folder::{WriteLock, new_folder};
use super::key_file::{self, Keys};
use super::manifest::{
    ColumnEntry, DomainEntry, FileEntry, Manifest, PartitionEntry, PieceEntry, TableEntry,
};
use super::parquet_write::SEGMENT;
use super::pointer::Pointer;
use super::provider::{DatasetId, KeyContext, KeyProvider};
use super::secret::{SecretKey, hex, random_name};
use super::sources::Sources;
use super::stored::{StoredColumn, StoredFiles};
use super::write_data::{Source, Task, Writer};
use crate::column::Column;
use crate::grow::{Tail, Turn};
use crate::runs::RowCodes;
use crate::{ColumnId, Dataset, RelationshipId, TableId};

/// The codes of fewer rows say which of them occur before a file is opened. All rows in tests.
const ROWS_OF_A_PRESENCE: usize = if cfg!(test) { 1 } else { SEGMENT };

/// Where a dataset goes, and under which key.
pub struct SaveAs<'a> {
    pub folder: &'a Path,
    pub provider: &'a dyn KeyProvider,
    /// Columns that some role hides: each is in files of its own.
    pub hidden: &'a [ColumnId],
    /// What the rows were imported from, for later refreshes.
    pub sources: Option<&'a Sources>,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Saved {
    pub dataset: DatasetId,
    pub generation: u64,
    /// Files of data, those taken over from the generation before included.
    pub files: usize,
    /// Files of data written now, and their bytes.
    pub files_written: usize,
    pub bytes_written: u64,
}

/// Writes a dataset into a new folder.
pub fn save(dataset: &Dataset, model: &Model, to: &SaveAs<'_>) -> Result<Saved, AtRestError> {
    save_on(&RealDisk, dataset, model, to)
}

pub(crate) fn save_on(
    disk: &dyn Disk,
    dataset: &Dataset,
    model: &Model,
    to: &SaveAs<'_>,
) -> Result<Saved, AtRestError> {
    new_folder(to.folder)?;
    let _lock = WriteLock::take(to.folder)?;
    if super::is_dataset(to.folder) {
        return Err(AtRestError::Exists {
            path: to.folder.to_path_buf(),
        });
    }
    let context = KeyContext {
        dataset: DatasetId::random()?,
        generation: 1,
    };
    let layout = |table: usize, rows: u32| to.sources?.partitions(table, rows);
    let generation = Generation {
        context,
        folder: to.folder,
        provider: to.provider,
        hidden: to.hidden,
        data_folder: to.sources.map(Sources::folder),
        partitions: (0..)
            .zip(&dataset.tables)
            .map(|(t, table)| layout(t, table.rows.unwrap_or(0)))
            .collect(),
        take_over: None,
    };
    generation.write(dataset, model, disk)
}

/// A generation about to be written.
pub(crate) struct Generation<'a> {
    pub(crate) context: KeyContext,
    pub(crate) folder: &'a Path,
    pub(crate) provider: &'a dyn KeyProvider,
    pub(crate) hidden: &'a [ColumnId],
    pub(crate) data_folder: Option<String>,
    /// By table; None: one partition, of unknown origin.
    pub(crate) partitions: Vec<Option<Vec<PartitionEntry>>>,
    /// The generation whose files are used again where a column still is what lies in them.
    pub(crate) take_over: Option<Arc<StoredFiles>>,
}

impl Generation<'_> {
    /// Writes everything. When this fails the folder's generation is what it was, and what was written of this one is removed.
    pub(crate) fn write(
        &self,
        dataset: &Dataset,
        model: &Model,
        disk: &dyn Disk,
    ) -> Result<Saved, AtRestError> {
        let plan = Plan::of(self, dataset, model)?;
        let names: Vec<String> = plan.new_files().map(str::to_owned).collect();
        let manifest = format!("{}.manifest", random_name()?);
        let keys = format!("{}.keys", random_name()?);
        let prepared = self.write_plan(plan, dataset, model, disk, &manifest, &keys);
        let saved = prepared.inspect_err(|_| {
            // What cannot be removed now is rubbish that `vacuum` finds.
            for name in names.iter().chain([&manifest, &keys]) {
                let _ = disk.remove(&self.folder.join(name));
            }
        })?;
        // From here on nothing is removed, whatever happens: the pointer may lead to it already.
        Pointer {
            dataset: self.context.dataset,
            generation: self.context.generation,
            keys,
            manifest,
        }
        .put(disk, self.folder)?;
        Ok(saved)
    }

    /// Everything but the pointer, durable.
    fn write_plan(
        &self,
        plan: Plan,
        dataset: &Dataset,
        model: &Model,
        disk: &dyn Disk,
        manifest_name: &str,
        keys_name: &str,
    ) -> Result<Saved, AtRestError> {
        let Plan {
            files,
            mut keys,
            tables,
        } = plan;
        let total = files.len();
        let writer = Writer {
            disk,
            folder: self.folder,
            context: &self.context,
            dataset,
            tables: &tables,
            names: files.iter().map(|file| file.name().to_owned()).collect(),
        };
        let (files, written) = write_files(files, &keys, &writer)?;
        keys.insert(manifest_name, SecretKey::random()?);
        let related = |r: &u32| dataset.is_related(RelationshipId(*r));
        let manifest = Manifest {
            dataset: self.context.dataset.to_string(),
            generation: self.context.generation,
            keys_digest: hex(&keys.digest()),
            model: write_bim(model),
            data_folder: self.data_folder.clone(),
            files,
            tables,
            relationships: (0..model.relationships.len() as u32)
                .filter(related)
                .collect(),
            derivations: dataset.derivations().map(str::to_owned),
        };
        let key = keys.get(manifest_name);
        let key = key.ok_or_else(|| AtRestError::internal("the manifest has no key"))?;
        let path = self.folder.join(manifest_name);
        manifest.write(disk, &path, key, &self.context)?;
        let path = self.folder.join(keys_name);
        key_file::write(disk, &path, &keys, &self.context, self.provider)?;
        // A provider that cannot give back what it wrapped would lock everybody out of the generation.
        key_file::read(&path, &self.context, self.provider)?;
        disk.sync_folder(self.folder)
            .map_err(|e| AtRestError::io(self.folder, "written", e))?;
        Ok(Saved {
            dataset: self.context.dataset,
            generation: self.context.generation,
            files: total,
            files_written: written.len(),
            bytes_written: written.iter().sum(),
        })
    }
}

/// A file of the new generation.
enum Planned {
    /// It is there already.
    Known(FileEntry),
    New {
        name: String,
        task: Task,
    },
}

impl Planned {
    fn name(&self) -> &str {
        match self {
            Planned::Known(entry) => &entry.name,
            Planned::New { name, .. } => name,
        }
    }
}

/// What goes into which file.
#[derive(Default)]
struct Plan {
    files: Vec<Planned>,
    keys: Keys,
    tables: Vec<TableEntry>,
}

/// Writes the new files, several at a time. Gives the list for the manifest, and the lengths of the new ones.
fn write_files(
    files: Vec<Planned>,
    keys: &Keys,
    writer: &Writer<'_>,
) -> Result<(Vec<FileEntry>, Vec<u64>), AtRestError> {
    let entries: Mutex<Vec<Option<FileEntry>>> = Mutex::new(vec![None; files.len()]);
    let mut jobs = Vec::new();
    for (place, file) in files.into_iter().enumerate() {
        match file {
            Planned::Known(entry) => {
                entries.lock().unwrap_or_else(PoisonError::into_inner)[place] = Some(entry);
            }
            Planned::New { name, task } => jobs.push((place, name, task)),
        }
    }
    let written = Mutex::new(Vec::with_capacity(jobs.len()));
    super::bridge::in_parallel(jobs, |(place, name, task)| {
        let key = keys.get(&name);
        let key = key.ok_or_else(|| AtRestError::internal("a file has no key"))?;
        let entry = writer.write(&name, &task, key)?;
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        written.push(entry.length);
        entries.lock().unwrap_or_else(PoisonError::into_inner)[place] = Some(entry);
        Ok(())
    })?;
    let entries = entries.into_inner().unwrap_or_else(PoisonError::into_inner);
    let entries: Option<Vec<FileEntry>> = entries.into_iter().collect();
    let entries = entries.ok_or_else(|| AtRestError::internal("a file was not written"))?;
    Ok((
        entries,
        written.into_inner().unwrap_or_else(PoisonError::into_inner),
    ))
}

impl Plan {
    fn of(
        generation: &Generation<'_>,
        dataset: &Dataset,
        model: &Model,
    ) -> Result<Plan, AtRestError> {
        let mut plan = Plan::default();
        let mut known = HashMap::new();
        for (t, table) in dataset.tables.iter().enumerate() {
            let gone = || AtRestError::internal("data and model do not go together");
            let of_model = model.tables.get(t).ok_or_else(gone)?;
            let absent = table.rows.is_none();
            if absent && of_model.calculated_expression().is_none() {
                return Err(AtRestError::Unsupported {
                    what: format!("table '{}' has no data", table.name),
                });
            }
            let rows = table.rows.unwrap_or(0);
            let partitions = match generation.partitions.get(t) {
                Some(Some(partitions)) if !absent => partitions.clone(),
                _ => vec![PartitionEntry {
                    name: table.name.clone(),
                    rows,
                    sources: None,
                }],
            };
            let id = TableId(t as u32);
            let columns = plan.table(generation, dataset, of_model, id, &partitions, &mut known)?;
            plan.tables.push(TableEntry {
                name: table.name.clone(),
                rows,
                partitions,
                columns,
                absent,
            });
        }
        Ok(plan)
    }

    /// The columns of a table.
    fn table(
        &mut self,
        generation: &Generation<'_>,
        dataset: &Dataset,
        of_model: &model::Table,
        table: TableId,
        partitions: &[PartitionEntry],
        known: &mut HashMap<String, u32>,
    ) -> Result<Vec<Option<ColumnEntry>>, AtRestError> {
        let mut columns: Vec<Option<ColumnEntry>> = Vec::with_capacity(of_model.columns.len());
        let mut shared = Shared::default();
        for (c, column) in (0u32..).zip(&of_model.columns) {
            let id = ColumnId { table, column: c };
            if !dataset.has_column(id) {
                columns.push(None);
                continue;
            }
            let calculated = matches!(column.kind, ColumnKind::Calculated { .. });
            let group = (calculated, generation.hidden.contains(&id).then_some(c));
            let stored = dataset.slot(id)?.stored.as_ref();
            let entry = match self.take_over(generation, stored, partitions, known)? {
                Some(entry) => match stored.and_then(|stored| stored.tail()) {
                    None => entry,
                    Some(tail) => self.grown(id, (entry, tail), group, &mut shared)?,
                },
                None => {
                    let mut entry = self.column(dataset, id)?;
                    let mut start = 0usize;
                    for partition in partitions {
                        let rows = partition.rows as usize;
                        let part = (group, Source::Rows, start, rows);
                        entry.codes.push(self.piece(id, part, &mut shared)?);
                        start += rows;
                    }
                    entry
                }
            };
            columns.push(Some(entry));
        }
        Ok(columns)
    }

    /// A column of which some rows lie in files and others do not.
    fn grown(
        &mut self,
        id: ColumnId,
        (entry, tail): (ColumnEntry, &Tail),
        group: Group,
        shared: &mut Shared,
    ) -> Result<ColumnEntry, AtRestError> {
        let apart = || AtRestError::internal("rows that are kept lie in parts of files");
        let mut known = entry.codes.iter().filter(|piece| piece.rows > 0);
        let mut codes = Vec::with_capacity(entry.codes.len() + 1);
        for stretch in tail.stretches.iter().filter(|stretch| stretch.len > 0) {
            if stretch.fresh {
                let part = (group, Source::Tail, stretch.start, stretch.len);
                codes.push(self.piece(id, part, shared)?);
                continue;
            }
            let mut left = stretch.len;
            while left > 0 {
                let mut piece = *known.next().ok_or_else(apart)?;
                left = left.checked_sub(piece.rows as usize).ok_or_else(apart)?;
                if let Turn::Even { first, stride } = tail.turn {
                    piece.first = tail.turn.of(piece.first);
                    piece.stride = piece.stride.checked_mul(stride).ok_or_else(apart)?;
                    debug_assert!(piece.first >= first);
                }
                codes.push(piece);
            }
        }
        Ok(ColumnEntry {
            size: tail.head.size(),
            distinct: tail.head.distinct,
            domain: match tail.same_domain {
                true => entry.domain,
                false => self.domain(&tail.head, tail.rows(), id)?,
            },
            numbering: match (tail.same_numbering, &tail.head.numbering) {
                (true, _) => entry.numbering,
                (false, None) => None,
                (false, Some(_)) => Some(self.new_file(Task::Numbering(id))?),
            },
            codes,
            // How many there are is to be seen once the rows are one.
            runs: entry.runs.filter(|runs| *runs == 0),
            ..entry
        })
    }

    /// Rows of a column, in a file that all columns of the group share.
    fn piece(
        &mut self,
        id: ColumnId,
        part: Part,
        shared: &mut Shared,
    ) -> Result<PieceEntry, AtRestError> {
        let (_, source, start, rows) = part;
        let file = match shared.get(&part) {
            Some(file) => *file,
            None => {
                let file = self.new_file(Task::Codes {
                    table: id.table.0 as usize,
                    source,
                    start,
                    rows,
                    columns: Vec::new(),
                })?;
                shared.insert(part, file);
                file
            }
        };
        match self.files.get_mut(file as usize) {
            Some(Planned::New {
                task: Task::Codes { columns, .. },
                ..
            }) => {
                columns.push(id.column);
                let place = columns.len() as u32 - 1;
                Ok(PieceEntry::new(file, place, rows as u32))
            }
            _ => Err(AtRestError::internal("a file holds other things")),
        }
    }

    fn new_files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().filter_map(|file| match file {
            Planned::New { name, .. } => Some(name.as_str()),
            Planned::Known(_) => None,
        })
    }

    fn new_file(&mut self, task: Task) -> Result<u32, AtRestError> {
        let name = format!("{}.parquet", random_name()?);
        self.keys.insert(&name, SecretKey::random()?);
        self.files.push(Planned::New { name, task });
        Ok(self.files.len() as u32 - 1)
    }

    /// The entry of a column whose files are there already and still hold what is wanted.
    fn take_over(
        &mut self,
        generation: &Generation<'_>,
        stored: Option<&Arc<StoredColumn>>,
        partitions: &[PartitionEntry],
        known: &mut HashMap<String, u32>,
    ) -> Result<Option<ColumnEntry>, AtRestError> {
        let (Some(base), Some(stored)) = (&generation.take_over, stored) else {
            return Ok(None);
        };
        let files = stored.files();
        let (table, entry) = stored.entry()?;
        let tail = stored.tail();
        let is_kept = match tail {
            None => same_rows(&table.partitions, partitions),
            Some(tail) => !matches!(tail.turn, Turn::Table(_)),
        };
        if !Arc::ptr_eq(files, base) || !is_kept {
            return Ok(None);
        }
        let mut place = |old: u32| {
            let file = files.file(old)?;
            if let Some(place) = known.get(&file.name) {
                return Ok(*place);
            }
            self.keys.insert(&file.name, files.key(&file.name)?);
            self.files.push(Planned::Known(file.clone()));
            let place = self.files.len() as u32 - 1;
            known.insert(file.name.clone(), place);
            Ok::<u32, AtRestError>(place)
        };
        let mut entry = entry.clone();
        for piece in entry.codes.iter_mut().filter(|piece| piece.rows > 0) {
            piece.file = place(piece.file)?;
        }
        entry.codes.retain(|piece| piece.rows > 0);
        if let Some(numbering) = &mut entry.numbering
            && tail.is_none_or(|tail| tail.same_numbering)
        {
            *numbering = place(*numbering)?;
        }
        if tail.is_some_and(|tail| !tail.same_domain) {
            return Ok(Some(entry));
        }
        match &mut entry.domain {
            DomainEntry::Text {
                dictionary,
                spellings,
            } => {
                *dictionary = place(*dictionary)?;
                if let Some((texts, rows)) = spellings {
                    (*texts, *rows) = (place(*texts)?, place(*rows)?);
                }
            }
            DomainEntry::Whole { dictionary } | DomainEntry::Double { dictionary } => {
                *dictionary = place(*dictionary)?;
            }
            DomainEntry::Offset { present, .. } => {
                if let Some(present) = present {
                    *present = place(*present)?;
                }
            }
        }
        Ok(Some(entry))
    }

    /// A column with its dictionary; its codes get their files later.
    fn column(&mut self, dataset: &Dataset, id: ColumnId) -> Result<ColumnEntry, AtRestError> {
        let column = dataset.column(id)?;
        let domain = self.domain(&column, column.len(), id)?;
        let numbering = match column.numbering {
            None => None,
            Some(_) => Some(self.new_file(Task::Numbering(id))?),
        };
        Ok(ColumnEntry {
            name: dataset.slot(id)?.name.clone(),
            data_type: column.data_type,
            size: column.size(),
            distinct: column.distinct,
            domain,
            codes: Vec::new(),
            numbering,
            runs: Some(match &column.numbers {
                RowCodes::Each(_) => 0,
                RowCodes::Runs(runs) => runs.count() as u32,
            }),
        })
    }

    /// The domain of a column of so many rows, in files of its own.
    fn domain(
        &mut self,
        column: &Column,
        rows: usize,
        id: ColumnId,
    ) -> Result<DomainEntry, AtRestError> {
        let kept = kept(column);
        if let Kept::Offset {
            base,
            step,
            count,
            gaps,
        } = kept
        {
            return Ok(DomainEntry::Offset {
                base,
                step,
                count,
                present: match gaps && rows >= ROWS_OF_A_PRESENCE {
                    true => Some(self.new_file(Task::Presence(id))?),
                    false => None,
                },
            });
        }
        let dictionary = self.new_file(Task::Dictionary(id))?;
        Ok(match kept {
            Kept::Text => DomainEntry::Text {
                dictionary,
                spellings: match spellings_of(column) {
                    None => None,
                    Some(_) => Some((
                        self.new_file(Task::Spellings(id))?,
                        self.new_file(Task::SpelledRows(id))?,
                    )),
                },
            },
            Kept::Double => DomainEntry::Double { dictionary },
            Kept::Whole | Kept::Offset { .. } => DomainEntry::Whole { dictionary },
        })
    }
}

fn same_rows(a: &[PartitionEntry], b: &[PartitionEntry]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.rows == b.rows)
}

/// Columns that share files: calculated ones apart, for they change when the others do not, and each that some role hides in files of
/// its own, which are for fewer eyes.
type Group = (bool, Option<u32>);

/// Rows of columns that share a file: whose, which, from which on, and how many.
type Part = (Group, Source, usize, usize);

/// The files of a table under way.
type Shared = HashMap<Part, u32>;

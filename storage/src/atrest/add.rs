//! Adding rows to a table: those that it has stay in the files that they lie in, and only the new ones are encoded.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::ArrayRef;
use model::{ColumnKind, Model, Table};

use super::AtRestError;
use super::bridge::{in_parallel, values_of_rows};
use super::manifest::{ColumnEntry, PartitionEntry, SourceEntry, TableEntry};
use super::refresh::{Part, imported};
use super::sources::rows_of;
use super::stored::StoredColumn;
use crate::column::{BLOCK, Column};
use crate::encode::encode_column;
use crate::grow::{Stretch, Turn, grow};
use crate::{ColumnId, Dataset, TableId};

/// A column in more pieces than this beyond one for each partition is written as one again: each is a file to open, and a block of codes
/// that is not full.
const MOST_PIECES: usize = 16;

/// So are columns of which at least this part of the rows lies in pieces.
const PART_IN_PIECES: u64 = 2;

/// Gives the table the rows that it has and those of the fresh files. None: some of its rows are not kept.
pub(super) fn add(
    dataset: &mut Dataset,
    old: &Dataset,
    model: &Model,
    id: TableId,
    parts: &[Part],
    data: &Path,
) -> Result<Option<Vec<PartitionEntry>>, AtRestError> {
    let kept: usize = parts.iter().map(|part| part.kept.1).sum();
    let table = &model.tables[id.0 as usize];
    let Some(columns) = stored_columns(old, table, id) else {
        return Ok(None);
    };
    if old.rows(id) != Some(kept as u32) {
        return Ok(None);
    }
    let (stretches, entries) = layout(table, parts, data)?;
    let files: Vec<SourceEntry> = parts.iter().flat_map(|part| part.fresh.clone()).collect();
    let fresh = imported(model, table, &files, data)?;
    let total = stretches.iter().map(|stretch| stretch.len).sum();
    let more: usize = stretches.iter().filter(|s| s.fresh).map(|s| s.len).sum();
    if fresh.rows(TableId(0)).map(|rows| rows as usize) != Some(more) {
        return Err(AtRestError::Import {
            message: format!("table '{}': files changed while they were read", table.name),
        });
    }
    let stretches: Arc<[Stretch]> = stretches.into();
    let done = Mutex::new((Vec::new(), Vec::new()));
    in_parallel(columns, |(ordinal, stored)| {
        let new = fresh.column(ColumnId {
            table: TableId(0),
            column: ordinal,
        })?;
        let grown = with_rows(&stored, &new, &stretches)?;
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        match grown {
            WithRows::Stored(column) => done.0.push((ordinal, column)),
            WithRows::Anew(column) => done.1.push((ordinal, column)),
        }
        Ok(())
    })?;
    let (stored, anew) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let loaded = dataset.load_columns(id, total, anew);
    loaded.map_err(|error| AtRestError::Import {
        message: error.to_string(),
    })?;
    for (ordinal, column) in stored {
        let table = dataset.table_mut(id)?;
        if let Some(slot) = table.columns.get_mut(ordinal as usize) {
            slot.stored = Some(column);
        }
    }
    Ok(Some(entries))
}

/// The columns that come from files. None: some of them lie in none.
fn stored_columns(
    old: &Dataset,
    table: &Table,
    id: TableId,
) -> Option<Vec<(u32, Arc<StoredColumn>)>> {
    let ordinals = (0u32..).zip(&table.columns);
    let from_files = ordinals.filter(|(_, c)| matches!(c.kind, ColumnKind::Data { .. }));
    let stored = from_files.map(|(column, _)| {
        let slot = old.slot(ColumnId { table: id, column }).ok()?;
        Some((column, Arc::clone(slot.stored.as_ref()?)))
    });
    stored.collect()
}

/// Where rows come from, in load order, and the partitions that they make.
fn layout(
    table: &Table,
    parts: &[Part],
    data: &Path,
) -> Result<(Vec<Stretch>, Vec<PartitionEntry>), AtRestError> {
    let mut stretches = Vec::with_capacity(2 * parts.len());
    let mut entries = Vec::with_capacity(parts.len());
    let (mut kept, mut fresh) = (0, 0);
    for part in parts {
        let mut more = 0;
        for file in &part.fresh {
            let path = data.join(&file.path);
            more += rows_of(&path).ok_or_else(|| AtRestError::Import {
                message: format!("table '{}': {} cannot be read", table.name, path.display()),
            })?;
        }
        for (is_fresh, start, len) in [(false, &mut kept, part.kept.1), (true, &mut fresh, more)] {
            stretches.push(Stretch {
                fresh: is_fresh,
                start: *start,
                len,
            });
            *start += len;
        }
        entries.push(PartitionEntry {
            name: part.name.clone(),
            rows: u32::try_from(part.kept.1 + more).unwrap_or(u32::MAX),
            sources: part.sources.clone(),
        });
    }
    Ok((stretches, entries))
}

/// A column with more rows.
enum WithRows {
    /// Its files hold what they held, and the new rows go to others.
    Stored(Arc<StoredColumn>),
    /// It is to be written as a whole.
    Anew(Column),
}

fn with_rows(
    stored: &Arc<StoredColumn>,
    new: &Column,
    stretches: &Arc<[Stretch]>,
) -> Result<WithRows, AtRestError> {
    let (table, entry) = stored.entry()?;
    let scattered = is_scattered(table, entry, new.len());
    let head = stored.head()?;
    Ok(match grow(&head, new, stretches) {
        None => {
            let before = stored.now()?;
            WithRows::Anew(encoded(&before, new, stretches)?)
        }
        Some(tail) if scattered || matches!(tail.turn, Turn::Table(_)) => {
            // Else its rows could not be used again.
            drop(head);
            WithRows::Anew(tail.onto(stored.now()?).in_value_order())
        }
        Some(tail) => WithRows::Stored(StoredColumn::grown(stored, tail)),
    })
}

/// Whether a column with so many more rows is to be written as one.
fn is_scattered(table: &TableEntry, entry: &ColumnEntry, more: usize) -> bool {
    let mut ends = vec![0u32];
    for partition in &table.partitions {
        ends.push(ends.last().unwrap_or(&0) + partition.rows);
    }
    let (mut start, mut pieces, mut behind) = (0u32, 0, more as u64);
    for piece in entry.codes.iter().filter(|piece| piece.rows > 0) {
        if ends.binary_search(&start).is_err() {
            pieces += 1;
            behind += u64::from(piece.rows);
        }
        start += piece.rows;
    }
    pieces >= MOST_PIECES || behind * PART_IN_PIECES > u64::from(start) + more as u64
}

/// All rows as values, and encoded again.
fn encoded(old: &Column, new: &Column, stretches: &[Stretch]) -> Result<Column, AtRestError> {
    let mut chunks: Vec<ArrayRef> = Vec::new();
    let mut rows = 0;
    for stretch in stretches {
        let column = if stretch.fresh { new } else { old };
        let end = stretch.start + stretch.len;
        for first in (stretch.start..end).step_by(BLOCK) {
            chunks.push(values_of_rows(column, first, BLOCK.min(end - first))?);
        }
        rows += stretch.len;
    }
    encode_column(old.data_type, &chunks, rows)
        .ok_or_else(|| AtRestError::internal("a column of a type that is not stored"))
}

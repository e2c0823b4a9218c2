//! Composition: what lies at the end of a path, as an array indexed by the code of a column of the scanned table.

use std::sync::Arc;

use crate::column::Column;
use crate::composed::Reached;
use crate::hash::FastMap;
use crate::mask::Masks;
use crate::reading::Reading;
use crate::runs::RowCodes;
use crate::{ColumnId, Dataset, Path, PathColumn, PlacedSet, StorageError, TableId, Target};

/// Where the codes of a path column come from.
#[derive(Clone)]
pub(super) struct Source {
    /// The lane: the column of the scanned table whose number decides. None: the row number itself.
    pub(super) lane: Option<u32>,
    /// For each number of the lane the code at the path's end.
    pub(super) reached: Reached,
    /// Codes are below it.
    pub(super) size: u32,
}

/// Composes the paths of one scan, each path once.
pub(super) struct Composer<'a> {
    pub(super) data: &'a Dataset,
    /// Holds the columns for as long as the scan needs them.
    reading: &'a Reading<'a>,
    table: TableId,
    rows: u32,
    masks: Masks,
    /// The paths on which a mask stands, by number of the lane.
    paths: FastMap<Path, (Arc<[u32]>, TableId)>,
}

impl<'a> Composer<'a> {
    pub(super) fn new(
        reading: &'a Reading<'a>,
        table: TableId,
    ) -> Result<Composer<'a>, StorageError> {
        let data = reading.data();
        Ok(Composer {
            data,
            reading,
            table,
            rows: data.loaded_rows(table)?,
            masks: Masks::default(),
            paths: FastMap::default(),
        })
    }

    /// Paths that are composed from now on are masked.
    pub(super) fn mask(&mut self, masks: &[PlacedSet]) -> Result<(), StorageError> {
        self.masks = Masks::new(masks)?;
        self.paths.clear();
        Ok(())
    }

    /// Rows of the scanned table.
    pub(super) fn rows(&self) -> usize {
        self.rows as usize
    }

    /// A column of the scanned table.
    pub(super) fn lane(&self, column: u32) -> Result<&'a Column, StorageError> {
        self.reading.column(ColumnId {
            table: self.table,
            column,
        })
    }

    pub(super) fn lane_codes(&self, column: u32) -> Result<&'a RowCodes, StorageError> {
        Ok(&self.lane(column)?.numbers)
    }

    /// The table at the end of a path.
    pub(super) fn end(&self, path: &Path) -> Result<TableId, StorageError> {
        let mut end = self.table;
        for step in path.iter() {
            let hop = self.data.hop(*step)?;
            self.data.check_start(end, hop.column)?;
            end = hop.target;
        }
        Ok(end)
    }

    /// The column that a path column names.
    pub(super) fn target(
        &mut self,
        column: &PathColumn,
    ) -> Result<Option<&'a Column>, StorageError> {
        let table = self.end(&column.path)?;
        match column.target {
            Target::Row => Ok(None),
            Target::Column(column) => self.reading.column(ColumnId { table, column }).map(Some),
        }
    }

    pub(super) fn source(&mut self, column: &PathColumn) -> Result<Source, StorageError> {
        let target = self.target(column)?;
        let Some(first) = column.path.first() else {
            return Ok(match (column.target, target) {
                (Target::Column(lane), Some(own)) => Source {
                    lane: Some(lane),
                    reached: match &own.numbering {
                        None => Reached::Own,
                        Some(numbering) => Reached::Dense(numbering.codes().into()),
                    },
                    size: own.size(),
                },
                _ => Source {
                    lane: None,
                    reached: Reached::Own,
                    size: self.rows,
                },
            });
        };
        let lane = Some(self.data.hop(*first)?.column.column);
        if !self.masks.bear_on(&column.path) {
            let (reached, end) = self.data.composed(self.table, column)?;
            let size = match target {
                None => self.data.loaded_rows(end)? + 1,
                Some(target) => target.size(),
            };
            return Ok(Source {
                lane,
                reached,
                size,
            });
        }
        let (rows, end) = self.walk(&column.path)?;
        Ok(match target {
            None => Source {
                lane,
                size: self.data.loaded_rows(end)? + 1,
                reached: Reached::Dense(rows),
            },
            Some(target) => Source {
                lane,
                size: target.size(),
                reached: Reached::Dense(target.gather(&rows).into()),
            },
        })
    }

    /// For each number of the lane of a path that is not empty the row at its end, and the table there.
    fn walk(&mut self, path: &Path) -> Result<(Arc<[u32]>, TableId), StorageError> {
        if let Some((rows, table)) = self.paths.get(path) {
            return Ok((rows.clone(), *table));
        }
        let (before, last) = (&path[..path.len() - 1], path[path.len() - 1]);
        let step = Path(Arc::from(before));
        let (mut rows, end) = if self.masks.bear_on(before) {
            // The blank row has the key BLANK, which leads to the blank row.
            let (rows, reached) = self.walk(&step)?;
            let hop = self.data.hop(last)?;
            self.data.check_start(reached, hop.column)?;
            let keys = self.reading.column(hop.column)?.gather(&rows);
            let led_to = keys.iter().map(|key| hop.rows[*key as usize]).collect();
            (led_to, hop.target)
        } else {
            self.unmasked(path)?
        };
        self.masks.apply_shared(self.data, path, end, &mut rows)?;
        self.paths.insert(path.clone(), (rows.clone(), end));
        Ok((rows, end))
    }

    /// The same while no mask bears on the path.
    fn unmasked(&self, path: &Path) -> Result<(Arc<[u32]>, TableId), StorageError> {
        let row = PathColumn {
            path: path.clone(),
            target: Target::Row,
        };
        let (reached, end) = self.data.composed(self.table, &row)?;
        let rows = reached.dense().unwrap_or_else(|| Arc::from([]));
        Ok((rows, end))
    }
}

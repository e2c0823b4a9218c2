//! Composition: what lies at the end of a path, as an array indexed by the code of a column of the scanned table.

use std::sync::Arc;

use crate::column::{Codes, Column};
use crate::hash::FastMap;
use crate::mask::Masks;
use crate::{ColumnId, Dataset, Path, PathColumn, PlacedSet, StorageError, TableId, Target};

/// Where the codes of a path column come from.
#[derive(Clone)]
pub(super) struct Source {
    /// The lane: the column of the scanned table whose code decides. None: the row number itself.
    pub(super) lane: Option<u32>,
    /// For each code of the lane the code at the path's end. None: the lane's own codes.
    pub(super) codes: Option<Arc<[u32]>>,
    /// Codes are below it.
    pub(super) size: u32,
}

/// Composes the paths of one scan, each path once.
pub(super) struct Composer<'a> {
    pub(super) data: &'a Dataset,
    table: TableId,
    rows: u32,
    masks: Masks,
    paths: FastMap<Path, (Arc<[u32]>, TableId)>,
}

impl<'a> Composer<'a> {
    pub(super) fn new(data: &'a Dataset, table: TableId) -> Result<Composer<'a>, StorageError> {
        Ok(Composer {
            data,
            table,
            rows: data.loaded_rows(table)?,
            masks: Masks::default(),
            paths: FastMap::default(),
        })
    }

    /// Paths that are composed from now on are masked.
    pub(super) fn mask(&mut self, masks: &[PlacedSet]) -> Result<(), StorageError> {
        self.masks = Masks::new(masks)?;
        self.paths
            .retain(|path, _| !masks.iter().any(|mask| path.starts_with(&mask.path[..])));
        Ok(())
    }

    /// Rows of the scanned table.
    pub(super) fn rows(&self) -> usize {
        self.rows as usize
    }

    /// A column of the scanned table.
    pub(super) fn lane(&self, column: u32) -> Result<&'a Column, StorageError> {
        self.data.column(ColumnId {
            table: self.table,
            column,
        })
    }

    pub(super) fn lane_codes(&self, column: u32) -> Result<&'a Codes, StorageError> {
        Ok(&self.lane(column)?.codes)
    }

    /// The table at the end of a path.
    pub(super) fn end(&mut self, path: &Path) -> Result<TableId, StorageError> {
        if path.is_empty() {
            Ok(self.table)
        } else {
            Ok(self.walk(path)?.1)
        }
    }

    /// The column that a path column names.
    pub(super) fn target(
        &mut self,
        column: &PathColumn,
    ) -> Result<Option<&'a Column>, StorageError> {
        let table = self.end(&column.path)?;
        match column.target {
            Target::Row => Ok(None),
            Target::Column(column) => self.data.column(ColumnId { table, column }).map(Some),
        }
    }

    pub(super) fn source(&mut self, column: &PathColumn) -> Result<Source, StorageError> {
        let target = self.target(column)?;
        let Some(first) = column.path.first() else {
            return Ok(match column.target {
                Target::Column(lane) => Source {
                    lane: Some(lane),
                    codes: None,
                    size: target.map_or(0, Column::size),
                },
                Target::Row => Source {
                    lane: None,
                    codes: None,
                    size: self.rows,
                },
            });
        };
        let lane = Some(self.data.hop(*first)?.column.column);
        let (rows, end) = self.walk(&column.path)?;
        Ok(match target {
            None => Source {
                lane,
                size: self.data.loaded_rows(end)? + 1,
                codes: Some(rows),
            },
            Some(target) => Source {
                lane,
                size: target.size(),
                codes: Some(target.codes.gather(&rows).into()),
            },
        })
    }

    /// For each code of the lane of a path that is not empty the row at its end, and the table there.
    fn walk(&mut self, path: &Path) -> Result<(Arc<[u32]>, TableId), StorageError> {
        if let Some((rows, table)) = self.paths.get(path) {
            return Ok((rows.clone(), *table));
        }
        let mut reached = self.table;
        let mut rows: Option<Arc<[u32]>> = None;
        for (place, step) in path.iter().enumerate() {
            let hop = self.data.hop(*step)?;
            self.data.check_start(reached, hop.column)?;
            let mut led_to = match rows {
                None => hop.rows.clone(),
                // The blank row has the key BLANK, which leads to the blank row.
                Some(rows) => {
                    let keys = self.data.column(hop.column)?.codes.gather(&rows);
                    keys.iter().map(|key| hop.rows[*key as usize]).collect()
                }
            };
            let walked = &path[..=place];
            self.masks
                .apply_shared(self.data, walked, hop.target, &mut led_to)?;
            rows = Some(led_to);
            reached = hop.target;
        }
        let rows = rows.unwrap_or_else(|| Arc::from([]));
        self.paths.insert(path.clone(), (rows.clone(), reached));
        Ok((rows, reached))
    }
}

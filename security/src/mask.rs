//! Masks: rows that the view hides where a path meets them without their own filters having come along.
//!
//! The row filters of a table reach the rows that lead to it only where they travel. A one-to-one relationship can be
//! walked the other way too: then a row that is visible finds a row that is not. That row counts as deleted, so the step
//! leads to the blank row of its table, and from there to blank rows.

use std::collections::BTreeMap;

use storage::{Control, Path, PlacedSet, TableId, Target};

use crate::ReadError;
use crate::objects::RelationshipEntry;
use crate::scope::Scope;
use crate::travel::carries;

/// The paths of a request at whose ends hidden rows count as blank, and the tables there.
pub(crate) type MaskedPaths = BTreeMap<Path, TableId>;

/// What a step over a relationship may find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crossing {
    /// Visible rows alone: the filters of the table it leads to hold where it starts, or there are none.
    Open,
    /// Hidden rows too, which a mask has to turn into the blank row.
    Masked,
    /// Hidden rows too, and it is refused (row rule 8).
    Refused,
}

impl Scope {
    pub(crate) fn crossing(&self, entry: &RelationshipEntry, reverse: bool) -> Crossing {
        let end = if reverse { entry.from } else { entry.to };
        if carries(entry.active, entry.security, reverse)
            || !self.visible.is_restricted(end.id.table)
        {
            Crossing::Open
        } else if entry.active && !entry.from.many && !entry.to.many {
            Crossing::Masked
        } else {
            Crossing::Refused
        }
    }

    /// The visible rows of the tables at the ends of masked paths.
    pub(crate) fn masks(
        &self,
        paths: MaskedPaths,
        control: &Control,
    ) -> Result<Vec<PlacedSet>, ReadError> {
        paths
            .into_iter()
            .map(|(path, table)| {
                let rows = self
                    .visible
                    .rows(self.data()?, table, control)
                    .map_err(|error| self.tell(error))?;
                let target = Target::Row;
                Ok(PlacedSet { path, target, rows })
            })
            .collect()
    }
}

//! Handles to ordinals of storage: the one place where this happens. Whoever reviews who can see what reads this file.
//!
//! What holds when a scan leaves here:
//! - every table, column and relationship in it was minted by this very scope, so it is visible to it;
//! - the scanned table carries the visibility of this scope's view;
//! - no path leads to a row that the view hides: a step either carries the row filters of the table that it leads to, or
//!   no row filter of the view bears on that table, or the path is masked there and hidden rows count as blank;
//! - hidden key columns serve to group and to filter, and never to compute, to compare with values or to decode;
//! - nothing in it is in error: no table, no column, and no relationship over a column that is.

use std::sync::Arc;

use model::SecurityFilter;
use storage::{ColumnId, Control, Path, RelationshipId, TableId, Visibility};

use crate::mask::{Crossing, MaskedPaths};
use crate::objects::{RelationshipEntry, at};
use crate::request::{self, Aggregated, ArithmeticOp, Groups, PathColumn, Step, Target};
use crate::scope::Scope;
use crate::{Codes, Column, ReadError, Relationship, Table};

/// No query may make more groups than this; it bounds memory, and a result is refused beyond it and never cut.
pub(crate) const MAX_GROUPS: usize = 50_000_000;

/// What a column is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// To group and filter by code.
    Code,
    /// To see, compute or compare values.
    Value,
}

impl Scope {
    pub(crate) fn lower_table(&self, table: Table) -> Result<TableId, ReadError> {
        if table.scope != self.number {
            return Err(ReadError::Foreign);
        }
        if let Some(error) = self.in_error(Target::Row(table)) {
            return Err(error);
        }
        at(&self.objects.tables, table.ordinal)
            .map(|entry| entry.id)
            .ok_or(ReadError::Foreign)
    }

    pub(crate) fn lower_column(&self, column: Column, wanted: Use) -> Result<ColumnId, ReadError> {
        if column.scope != self.number {
            return Err(ReadError::Foreign);
        }
        let entry = at(&self.objects.tables, column.table).ok_or(ReadError::Foreign)?;
        if wanted == Use::Value && column.ordinal >= entry.visible {
            return Err(ReadError::Foreign);
        }
        let stored = at(&entry.columns, column.ordinal).ok_or(ReadError::Foreign)?;
        Ok(ColumnId {
            table: entry.id,
            column: *stored,
        })
    }

    /// A column whose values or codes the holder of the scope gets to see or to compare with.
    pub(crate) fn hand_out(&self, column: Column, wanted: Use) -> Result<ColumnId, ReadError> {
        let id = self.lower_column(column, wanted)?;
        if let Some(error) = self.in_error(Target::Column(column)) {
            return Err(error);
        }
        if let Some(notes) = self.notes() {
            notes.column(id);
        }
        Ok(id)
    }

    /// The codes of a column, if they are this scope's.
    pub(crate) fn lower_codes<'c>(
        &self,
        codes: &'c Codes,
        column: Column,
    ) -> Result<&'c [u32], ReadError> {
        if codes.scope != self.number || codes.of != Target::Column(column) {
            return Err(ReadError::Foreign);
        }
        Ok(&codes.codes)
    }

    /// A relationship to be followed.
    pub(crate) fn lower_relationship(
        &self,
        relationship: Relationship,
    ) -> Result<&RelationshipEntry, ReadError> {
        let entry = self.entry_of_relationship(relationship)?;
        if entry.in_error {
            return Err(self.relationship_in_error(entry));
        }
        Ok(entry)
    }

    /// The same, where it may be in error.
    pub(crate) fn entry_of_relationship(
        &self,
        relationship: Relationship,
    ) -> Result<&RelationshipEntry, ReadError> {
        if relationship.scope != self.number {
            return Err(ReadError::Foreign);
        }
        at(&self.objects.relationships, relationship.ordinal).ok_or(ReadError::Foreign)
    }

    /// One step from a table, the table that it leads to, and what it may find there.
    fn lower_step(
        &self,
        step: &Step,
        from: TableId,
    ) -> Result<(storage::Step, TableId, Crossing), ReadError> {
        let entry = self.lower_relationship(step.relationship)?;
        let (start, end) = if step.reverse {
            (entry.to, entry.from)
        } else {
            (entry.from, entry.to)
        };
        if start.id.table != from {
            return Err(ReadError::Internal(
                "a path goes on from a table that it has not reached".to_owned(),
            ));
        }
        if end.many || (step.reverse && start.many) {
            return Err(ReadError::Internal(
                "a path steps to the many side of a relationship".to_owned(),
            ));
        }
        let crossing = self.crossing(entry, step.reverse);
        if crossing == Crossing::Refused {
            return Err(ReadError::Secured);
        }
        Ok((
            storage::Step {
                relationship: entry.id,
                reverse: step.reverse,
            },
            end.id.table,
            crossing,
        ))
    }

    fn lower_path(
        &self,
        steps: &[Step],
        from: TableId,
        masked: &mut MaskedPaths,
    ) -> Result<(Path, TableId), ReadError> {
        let mut reached = from;
        let mut lowered = Vec::with_capacity(steps.len());
        for step in steps {
            let (step, end, crossing) = self.lower_step(step, reached)?;
            lowered.push(step);
            reached = end;
            if crossing == Crossing::Masked {
                masked.insert(Path(Arc::from(lowered.as_slice())), reached);
            }
        }
        Ok((Path(Arc::from(lowered)), reached))
    }

    pub(crate) fn lower_path_column(
        &self,
        column: &PathColumn,
        from: TableId,
        wanted: Use,
        masked: &mut MaskedPaths,
    ) -> Result<storage::PathColumn, ReadError> {
        let (path, reached) = self.lower_path(&column.path, from, masked)?;
        let (table, target) = match column.target {
            Target::Row(table) => (self.lower_table(table)?, storage::Target::Row),
            Target::Column(column) => {
                let id = self.hand_out(column, wanted)?;
                (id.table, storage::Target::Column(id.column))
            }
        };
        if table != reached {
            return Err(ReadError::Internal(
                "a path ends in another table than its column's".to_owned(),
            ));
        }
        Ok(storage::PathColumn { path, target })
    }

    /// A scan of storage with this view's visibility inside. `control` may stop the search for the rows of masks.
    pub(crate) fn lower_scan(
        &self,
        scan: &request::Scan,
        control: &Control,
    ) -> Result<storage::Scan, ReadError> {
        let mut masked = MaskedPaths::new();
        let table = self.lower_table(scan.table)?;
        if let Some(notes) = self.notes() {
            notes.table(table);
        }
        let filters = scan
            .filters
            .iter()
            .map(|filter| self.lower_filter(filter, table, &mut masked))
            .collect::<Result<_, _>>()?;
        let keys = scan
            .keys
            .iter()
            .map(|key| self.lower_path_column(key, table, Use::Code, &mut masked))
            .collect::<Result<_, _>>()?;
        let aggregates = scan
            .aggregates
            .iter()
            .map(|one| self.lower_aggregate(one, table, &mut masked))
            .collect::<Result<_, _>>()?;
        let visibility: Visibility = self
            .visible
            .of(table, control)
            .map_err(|error| self.tell(error))?;
        Ok(storage::Scan {
            table,
            visibility,
            masks: self.masks(masked, control)?,
            filters,
            keys,
            aggregates,
            max_groups: MAX_GROUPS,
        })
    }

    fn lower_filter(
        &self,
        filter: &request::Filter,
        table: TableId,
        masked: &mut MaskedPaths,
    ) -> Result<storage::Filter, ReadError> {
        match filter {
            request::Filter::In { column, set } => Ok(storage::Filter::In {
                column: self.lower_path_column(column, table, Use::Code, masked)?,
                set: set.clone(),
            }),
            request::Filter::Tuples { columns, codes } => {
                let lowered = columns
                    .iter()
                    .map(|column| self.lower_path_column(column, table, Use::Code, masked))
                    .collect::<Result<Vec<_>, _>>()?;
                let width = columns.len();
                if width == 0 || !codes.len().is_multiple_of(width) {
                    return Err(ReadError::Internal(
                        "tuples of a width that their filter does not have".to_owned(),
                    ));
                }
                let mut tuples: Vec<&[u32]> = codes.chunks_exact(width).collect();
                tuples.sort_unstable();
                tuples.dedup();
                let tuples = storage::Tuples {
                    width,
                    codes: tuples.concat(),
                };
                Ok(storage::Filter::Tuples {
                    columns: lowered,
                    tuples: Arc::new(tuples),
                })
            }
        }
    }

    fn lower_aggregate(
        &self,
        aggregate: &request::Aggregate,
        table: TableId,
        masked: &mut MaskedPaths,
    ) -> Result<storage::Aggregate, ReadError> {
        let op = match aggregate.op {
            request::AggregateOp::Rows => storage::AggregateOp::Rows,
            request::AggregateOp::Count => storage::AggregateOp::Count,
            request::AggregateOp::Sum => storage::AggregateOp::Sum,
            request::AggregateOp::Min => storage::AggregateOp::Min,
            request::AggregateOp::Max => storage::AggregateOp::Max,
            request::AggregateOp::DistinctCount => storage::AggregateOp::DistinctCount,
        };
        let argument = aggregate
            .argument
            .as_ref()
            .map(|argument| self.lower_expression(argument, table, masked))
            .transpose()?;
        Ok(storage::Aggregate { op, argument })
    }

    pub(crate) fn lower_expression(
        &self,
        expression: &request::Expression,
        table: TableId,
        masked: &mut MaskedPaths,
    ) -> Result<storage::Expression, ReadError> {
        Ok(match expression {
            request::Expression::Column(column) => storage::Expression::Column(
                self.lower_path_column(column, table, Use::Value, masked)?,
            ),
            request::Expression::Integer(value) => storage::Expression::Integer(*value),
            request::Expression::Fixed(value) => storage::Expression::Fixed(*value),
            request::Expression::Double(value) => storage::Expression::Double(*value),
            request::Expression::Arithmetic { op, left, right } => {
                storage::Expression::Arithmetic {
                    op: match op {
                        ArithmeticOp::Add => storage::ArithmeticOp::Add,
                        ArithmeticOp::Subtract => storage::ArithmeticOp::Subtract,
                        ArithmeticOp::Multiply => storage::ArithmeticOp::Multiply,
                        ArithmeticOp::Divide => storage::ArithmeticOp::Divide,
                    },
                    left: Box::new(self.lower_expression(left, table, masked)?),
                    right: Box::new(self.lower_expression(right, table, masked)?),
                }
            }
        })
    }

    /// Codes become this scope's own again. Only called on what storage found among visible rows.
    pub(crate) fn mint(&self, of: Target, codes: Vec<u32>) -> Codes {
        Codes {
            scope: self.number,
            of,
            codes: Arc::from(codes),
        }
    }

    /// The answer of a lowered scan, in terms of the handles that asked for it.
    pub(crate) fn raise(
        &self,
        scan: &request::Scan,
        groups: storage::Groups,
    ) -> Result<Groups, ReadError> {
        let keys = scan
            .keys
            .iter()
            .zip(groups.keys)
            .map(|(key, codes)| self.mint(key.target, codes))
            .collect();
        let mut aggregates = Vec::with_capacity(groups.aggregates.len());
        for (asked, found) in scan.aggregates.iter().zip(groups.aggregates) {
            aggregates.push(match found {
                storage::Aggregated::Count(values) => Aggregated::Count(values),
                storage::Aggregated::Integer(values) => Aggregated::Integer(values),
                storage::Aggregated::Fixed(values) => Aggregated::Fixed(values),
                storage::Aggregated::Double(values) => Aggregated::Double(values),
                storage::Aggregated::Code(codes) => match &asked.argument {
                    Some(request::Expression::Column(column)) => {
                        Aggregated::Codes(self.mint(column.target, codes))
                    }
                    _ => {
                        return Err(ReadError::Internal(
                            "codes of something that is no column".to_owned(),
                        ));
                    }
                },
            });
        }
        Ok(Groups {
            len: groups.len,
            keys,
            aggregates,
        })
    }

    /// Whether a row filter of this view travels over the relationship, or would if it were active: then USERELATIONSHIP
    /// and CROSSFILTER are refused on it (row rule 8).
    pub(crate) fn is_secured(&self, entry: &RelationshipEntry) -> bool {
        let back = entry.security == SecurityFilter::BothDirections;
        self.visible.is_restricted(entry.to.id.table)
            || (back && self.visible.is_restricted(entry.from.id.table))
    }

    pub(crate) fn storage_step(
        &self,
        relationship: RelationshipId,
        reverse: bool,
    ) -> storage::Step {
        storage::Step {
            relationship,
            reverse,
        }
    }
}

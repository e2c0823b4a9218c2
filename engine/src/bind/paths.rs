//! Ways along relationships: RELATED, and what else rows of a table lead to.

use std::sync::Arc;

use dax::{Expr, Span};
use security::{Column, PathColumn, Relationship, RelationshipInfo, Step, Table, Target};

use super::{Binder, Bound};
use crate::bound::{Scalar, ScalarKind};
use crate::error::ErrorKind;

impl<'a> Binder<'a> {
    pub fn related(&mut self, argument: &Expr, span: Span) -> Bound<Scalar> {
        let column = self.column_argument(argument)?;
        if let Some(value) = self.along_relationships(column, None, span) {
            return Ok(value);
        }
        let message = format!(
            "RELATED finds no current row of a table that is related to '{}'",
            self.scope.table(column.table()).name
        );
        self.error(ErrorKind::Argument, span, message)
    }

    /// What the innermost current row whose relationships lead to a column finds there. `of` names the table that the row is of,
    /// where only one will do.
    pub fn along_relationships(
        &self,
        column: Column,
        of: Option<Table>,
        span: Span,
    ) -> Option<Scalar> {
        self.rows.iter().rev().find_map(|row| {
            let base = row.schema.base?;
            if of.is_some_and(|table| table != base) {
                return None;
            }
            let path = self.path_in_force(base, column.table())?;
            let kind = ScalarKind::Related {
                frame: row.frame,
                column: PathColumn {
                    path,
                    target: Target::Column(column),
                },
            };
            Some(self.scalar(kind, self.scope.column_type(column), span))
        })
    }

    /// The path of active relationships from the many side.
    pub fn path(&self, from: Table, to: Table) -> Option<Arc<[Step]>> {
        self.path_along(from, to, &[])
    }

    /// The same; where there is none, the path that filters around the rows put in force.
    pub fn path_in_force(&self, from: Table, to: Table) -> Option<Arc<[Step]>> {
        let active = self.path(from, to);
        active.or_else(|| self.path_along(from, to, &self.activated))
    }

    fn path_along(
        &self,
        from: Table,
        to: Table,
        activated: &[Relationship],
    ) -> Option<Arc<[Step]>> {
        let leads = |r: &&RelationshipInfo| r.active || activated.contains(&r.handle);
        let mut seen = vec![(from, Vec::<Step>::new())];
        let mut next = 0;
        while next < seen.len() {
            let (here, path) = seen[next].clone();
            next += 1;
            if here == to {
                return Some(path.into());
            }
            for r in self.scope.relationships().iter().filter(leads) {
                let one_to_one = !r.from_many && !r.to_many;
                let step = if r.from == here && !r.to_many {
                    (r.to, false)
                } else if one_to_one && r.to == here {
                    (r.from, true)
                } else {
                    continue;
                };
                if !seen.iter().any(|(table, _)| *table == step.0) {
                    let mut longer = path.clone();
                    longer.push(Step {
                        relationship: r.handle,
                        reverse: step.1,
                    });
                    seen.push((step.0, longer));
                }
            }
        }
        None
    }
}

//! Binding of tables put together from two or more: GENERATE, UNION and its kin, and joins.

use std::rc::Rc;

use dax::{Expr, Span};

use super::{Binder, Bound};
use crate::bound::{Field, Schema, TableExpr, TableKind};
use crate::error::ErrorKind;
use crate::value::DataType;

impl<'a> Binder<'a> {
    pub(super) fn generate(&mut self, all: bool, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let left = self.bind_table(&args[0])?;
        let frame = self.fresh();
        let right = self.with_rows(frame, Rc::clone(&left.schema), |b| b.bind_table(&args[1]))?;
        let schema = self.distinct_names(
            left.schema
                .fields
                .iter()
                .chain(&right.schema.fields)
                .cloned()
                .collect(),
            span,
        )?;
        let kind = TableKind::Generate {
            left: Box::new(left),
            frame,
            right: Box::new(right),
            all,
        };
        Ok(self.table_expr(kind, schema, span))
    }

    pub(super) fn set_operation(
        &mut self,
        name: &str,
        args: &[Expr],
        span: Span,
    ) -> Bound<TableExpr> {
        let tables = args
            .iter()
            .map(|a| self.bind_table(a))
            .collect::<Bound<Vec<_>>>()?;
        let width = tables.first().map_or(0, |t| t.schema.fields.len());
        for (table, argument) in tables.iter().zip(args) {
            self.check_width(table, width, argument.span)?;
        }
        let mut fields: Vec<Field> = tables
            .first()
            .map(|t| t.schema.fields.clone())
            .unwrap_or_default();
        if name == "UNION" {
            for (k, field) in fields.iter_mut().enumerate() {
                let others = tables.iter().filter_map(|t| t.schema.fields.get(k));
                // Lineage lasts only where all parts agree.
                if others.clone().any(|f| f.lineage != field.lineage) {
                    field.lineage = None;
                }
                field.data_type = super::calls::common(others.map(|f| f.data_type));
            }
        } else if let [left, right] = tables.as_slice() {
            self.comparable_columns(&left.schema, &right.schema, span)?;
        }
        let schema = Rc::new(Schema { fields, base: None });
        let mut parts = tables.into_iter();
        let kind = match (name, parts.next(), parts.next()) {
            ("INTERSECT", Some(a), Some(b)) => TableKind::Intersect(Box::new(a), Box::new(b)),
            ("EXCEPT", Some(a), Some(b)) => TableKind::Except(Box::new(a), Box::new(b)),
            (_, a, b) => TableKind::Union(a.into_iter().chain(b).chain(parts).collect()),
        };
        Ok(self.table_expr(kind, schema, span))
    }

    /// Joined on the columns of one name and one lineage. Columns of one name of which only one is a column of the model, or
    /// which are different columns of it, are refused.
    pub(super) fn natural_join(
        &mut self,
        outer: bool,
        args: &[Expr],
        span: Span,
    ) -> Bound<TableExpr> {
        let (left, right) = (self.bind_table(&args[0])?, self.bind_table(&args[1])?);
        let mut on = Vec::new();
        for (j, field) in right.schema.fields.iter().enumerate() {
            let name = field.full_name();
            let same = |l: &Field| model::same_name(&l.full_name(), &name);
            let Some(i) = left.schema.fields.iter().position(same) else {
                continue;
            };
            if left.schema.fields.get(i).map(|l| l.lineage) != Some(field.lineage) {
                let message = format!(
                    "the columns {name} of the two tables are not of one origin, and are not joined on"
                );
                return self.error(ErrorKind::Argument, span, message);
            }
            on.push((i, j));
        }
        self.joined_types(&left.schema, &right.schema, &on, span)?;
        if on.is_empty()
            && let (Some(a), Some(b)) = (left.schema.base, right.schema.base)
        {
            on = self.related_fields(a, b, &left.schema, &right.schema);
        }
        if on.is_empty() {
            return self.error(
                ErrorKind::Argument,
                span,
                "the two tables have no column in common to be joined on",
            );
        }
        let mut fields = left.schema.fields.clone();
        for (j, field) in right.schema.fields.iter().enumerate() {
            if !on.iter().any(|(_, k)| *k == j) {
                fields.push(field.clone());
            }
        }
        let schema = self.distinct_names(fields, span)?;
        let kind = TableKind::NaturalJoin {
            left: Box::new(left),
            right: Box::new(right),
            on,
            outer,
        };
        Ok(self.table_expr(kind, schema, span))
    }

    /// Values of different types are never equal to a join, not even 1 and 1.0, so columns of different types are refused.
    fn joined_types(
        &self,
        left: &Schema,
        right: &Schema,
        on: &[(usize, usize)],
        span: Span,
    ) -> Bound<()> {
        let open = |data_type: DataType| matches!(data_type, DataType::Unknown | DataType::Variant);
        for (i, j) in on {
            let (Some(a), Some(b)) = (left.fields.get(*i), right.fields.get(*j)) else {
                continue;
            };
            if a.data_type != b.data_type && !open(a.data_type) && !open(b.data_type) {
                let message = format!(
                    "the columns {} of the two tables are of different types, and are not joined on",
                    a.full_name()
                );
                return self.error(ErrorKind::Type, span, message);
            }
        }
        Ok(())
    }

    /// Two model tables are joined over the relationship between them.
    fn related_fields(
        &self,
        a: security::Table,
        b: security::Table,
        left: &Schema,
        right: &Schema,
    ) -> Vec<(usize, usize)> {
        let place =
            |schema: &Schema, column| schema.fields.iter().position(|f| f.lineage == column);
        self.scope
            .relationships()
            .iter()
            .filter(|r| r.active)
            .find_map(|r| {
                let (x, y) = if r.from == a && r.to == b {
                    (r.from_column, r.to_column)
                } else if r.from == b && r.to == a {
                    (r.to_column, r.from_column)
                } else {
                    return None;
                };
                Some(vec![(place(left, Some(x?))?, place(right, Some(y?))?)])
            })
            .unwrap_or_default()
    }
}

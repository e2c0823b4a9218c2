//! Finding what a name means.

use std::rc::Rc;

use dax::{Expr, ExprKind, Name, Span};
use security::{Column, Table, Target};

use super::{Binder, Bound, Named, field_of};
use crate::bound::{Field, Scalar, ScalarKind, Schema};
use crate::error::ErrorKind;

/// A word that stands by itself, in upper case.
pub(super) fn word(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Identifier {
            name,
            quoted: false,
        } => Some(name.text.to_ascii_uppercase()),
        _ => None,
    }
}

/// The word of a time intelligence function, which may look like a call (`MONTH ()`) or be quoted; empty where there is none.
pub(super) fn time_word(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Identifier { name, .. } => name.text.to_ascii_uppercase(),
        ExprKind::Call { name, args } if args.is_empty() => name.text.to_ascii_uppercase(),
        _ => String::new(),
    }
}

impl<'a> Binder<'a> {
    pub fn variable(&self, name: &str) -> Option<Named> {
        self.names
            .iter()
            .rev()
            .find(|(known, _)| model::same_name(known, name))
            .map(|(_, named)| named.clone())
    }

    pub fn schema_of(&self, table: Table) -> Rc<Schema> {
        let fields = self
            .scope
            .columns(table)
            .into_iter()
            .map(|c| field_of(self.scope, c))
            .collect();
        Rc::new(Schema {
            fields,
            base: Some(table),
        })
    }

    pub fn schema_of_columns(&self, columns: &[Column]) -> Rc<Schema> {
        Rc::new(Schema {
            fields: columns.iter().map(|c| field_of(self.scope, *c)).collect(),
            base: None,
        })
    }

    pub fn model_table(&self, name: &Name) -> Bound<Table> {
        match self.find_table(&name.text) {
            Some(table) => Ok(table),
            None => {
                let names: Vec<&str> = self
                    .scope
                    .tables()
                    .map(|t| self.scope.table(t).name.as_str())
                    .collect();
                self.error(
                    ErrorKind::UnknownName,
                    name.span,
                    format!(
                        "there is no table '{}'{}",
                        name.text,
                        suggestion(&name.text, &names)
                    ),
                )
            }
        }
    }

    /// What is in error has no values, so nothing can be said of it.
    pub fn refuse_in_error(&self, target: Target, span: Span) -> Bound<()> {
        match self.scope.in_error(target) {
            None => Ok(()),
            Some(error) => self.error(ErrorKind::InError, span, error.to_string()),
        }
    }

    fn readable(&self, column: Column, span: Span) -> Bound<Column> {
        self.refuse_in_error(Target::Column(column), span)?;
        Ok(column)
    }

    pub fn model_column(&self, table: &Name, column: &Name) -> Bound<Column> {
        let handle = self.model_table(table)?;
        match self.scope.find_column(handle, &column.text) {
            Some(found) => self.readable(found, column.span),
            None => self.unknown_column(handle, column),
        }
    }

    fn unknown_column<T>(&self, table: Table, column: &Name) -> Bound<T> {
        let info = self.scope.table(table);
        let names: Vec<&str> = info
            .columns
            .iter()
            .map(|c| c.name.as_str())
            .chain(info.measures.iter().map(|m| m.name.as_str()))
            .collect();
        let message = format!(
            "there is no column [{}] in the table '{}'{}",
            column.text,
            info.name,
            suggestion(&column.text, &names)
        );
        self.error(ErrorKind::UnknownName, column.span, message)
    }

    /// An argument that must name a column of the model.
    pub fn column_argument(&self, expr: &Expr) -> Bound<Column> {
        match &expr.kind {
            ExprKind::Qualified { table, column } => self.model_column(table, column),
            ExprKind::Bracket(name) => {
                let home = self
                    .home
                    .and_then(|home| self.scope.find_column(home, &name.text));
                match home {
                    Some(column) => {
                        self.named.borrow_mut().insert(column.table());
                        self.readable(column, expr.span)
                    }
                    None if self.names_measure(&name.text) => self.error(
                        ErrorKind::UnknownName,
                        expr.span,
                        format!(
                            "[{0}] is a measure, and a column is expected here; a new column takes a name before it: \"{0}\", [{0}]",
                            name.text
                        ),
                    ),
                    None => self.error(
                        ErrorKind::UnknownName,
                        expr.span,
                        format!(
                            "[{}] needs its table here: 'Table'[{}]",
                            name.text, name.text
                        ),
                    ),
                }
            }
            ExprKind::Variation {
                table,
                column,
                level,
            } => self.variation(table, column, level, expr.span),
            _ => self.error(
                ErrorKind::Argument,
                expr.span,
                "a column of the model is expected here",
            ),
        }
    }

    /// `'T'[C].[Level]`: a column of the date table behind the column's variation.
    pub fn variation(
        &self,
        table: &Name,
        column: &Name,
        level: &Name,
        span: Span,
    ) -> Bound<Column> {
        let base = self.model_column(table, column)?;
        let info = self.scope.column(base);
        for variation in &info.variations {
            let target = variation
                .default_hierarchy
                .as_ref()
                .or(variation.default_column.as_ref());
            let Some(found) = target.and_then(|(name, _)| self.find_table(name)) else {
                continue;
            };
            if let Some(column) = self.scope.find_column(found, &level.text) {
                return self.readable(column, span);
            }
        }
        self.error(
            ErrorKind::UnknownName,
            span,
            format!(
                "the column [{}] has no variation with [{}]",
                column.text, level.text
            ),
        )
    }

    /// A column of the current rows, innermost row context first; `skip` passes over that many of those that have it (EARLIER).
    pub fn row_field(
        &self,
        table: Option<&str>,
        name: &str,
        skip: usize,
    ) -> Option<(u32, usize, Field)> {
        let mut left = skip;
        for row in self.rows.iter().rev() {
            if let Some(index) = find_field(&row.schema, table, name) {
                if left == 0 {
                    return row
                        .schema
                        .fields
                        .get(index)
                        .map(|field| (row.frame, index, field.clone()));
                }
                left -= 1;
            }
        }
        None
    }

    /// The same where fewer rows have it: without so many of the innermost rows, whatever they are rows of.
    pub fn row_field_outside(
        &self,
        table: Option<&str>,
        name: &str,
        levels: usize,
    ) -> Option<(u32, usize, Field)> {
        let outside = self.rows.len().checked_sub(levels)?;
        self.rows.iter().take(outside).rev().find_map(|row| {
            let index = find_field(&row.schema, table, name)?;
            let field = row.schema.fields.get(index)?;
            Some((row.frame, index, field.clone()))
        })
    }

    pub fn field_scalar(&self, found: (u32, usize, Field), span: Span) -> Bound<Scalar> {
        let (frame, index, field) = found;
        if let Some(column) = field.lineage {
            self.readable(column, span)?;
        }
        Ok(self.scalar(ScalarKind::Field { frame, index }, field.data_type, span))
    }

    /// `T[x]` as a value: a column of the current row, or a measure named with its table.
    pub fn qualified(&mut self, table: &Name, column: &Name, span: Span) -> Bound<Scalar> {
        if let Some(found) = self.row_field(Some(&table.text), &column.text, 0) {
            return self.field_scalar(found, span);
        }
        if let Some(Named::Table(_, schema)) = self.variable(&table.text) {
            let known = find_field(&schema, Some(&table.text), &column.text).is_some();
            if known {
                return self.no_single_value(&table.text, &column.text, span);
            }
        }
        let handle = self.model_table(table)?;
        if let Some(found) = self.scope.find_column(handle, &column.text) {
            self.readable(found, span)?;
            return self.no_single_value(&table.text, &column.text, span);
        }
        match self.measure_named(&column.text, span)? {
            Some(measure) => Ok(measure),
            None => self.unknown_column(handle, column),
        }
    }

    fn no_single_value<T>(&self, table: &str, column: &str, span: Span) -> Bound<T> {
        let message = format!(
            "a single value of '{table}'[{column}] cannot be determined here: there is no current row of that table. An aggregate such as MIN, MAX or SUM, or SELECTEDVALUE, gives one value"
        );
        self.error(ErrorKind::Evaluation, span, message)
    }

    /// `[x]`: a computed column of the current row, a measure, or a column of the current row.
    pub fn bracket(&mut self, name: &Name, span: Span) -> Bound<Scalar> {
        let extension = self.rows.iter().rev().find_map(|row| {
            let index = row
                .schema
                .fields
                .iter()
                .position(|f| f.table.is_none() && model::same_name(&f.name, &name.text))?;
            row.schema
                .fields
                .get(index)
                .map(|field| (row.frame, index, field.clone()))
        });
        if let Some(found) = extension {
            return self.field_scalar(found, span);
        }
        if let Some(measure) = self.measure_named(&name.text, span)? {
            return Ok(measure);
        }
        if let Some(found) = self.row_field(None, &name.text, 0) {
            return self.field_scalar(found, span);
        }
        if let Some(home) = self.home
            && let Some(found) = self.scope.find_column(home, &name.text)
        {
            self.readable(found, span)?;
            let table = self.scope.table(home).name.clone();
            return self.no_single_value(&table, &name.text, span);
        }
        let mut names: Vec<String> = self
            .scope
            .measures()
            .into_iter()
            .map(|m| self.scope.measure(m).name.clone())
            .collect();
        // The query's own in one order, so that of two that are equally near always the same is suggested.
        let mut own: Vec<String> = self
            .query_measures
            .values()
            .map(|(m, _)| m.name.clone())
            .collect();
        own.sort();
        names.extend(own);
        names.extend(
            self.rows
                .iter()
                .flat_map(|row| row.schema.fields.iter().map(|f| f.name.clone())),
        );
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.error(
            ErrorKind::UnknownName,
            span,
            format!(
                "there is no measure or column [{}] here{}",
                name.text,
                suggestion(&name.text, &names)
            ),
        )
    }
}

/// A field by name, with its table or without.
pub fn find_field(schema: &Schema, table: Option<&str>, name: &str) -> Option<usize> {
    schema.fields.iter().position(|field| {
        model::same_name(&field.name, name)
            && match (table, &field.table) {
                (None, _) => true,
                (Some(wanted), Some(table)) => model::same_name(wanted, table),
                (Some(_), None) => false,
            }
    })
}

/// `; did you mean X?` where a visible name is close.
pub fn suggestion(wanted: &str, names: &[&str]) -> String {
    let wanted = wanted.to_lowercase();
    let limit = wanted.chars().count().div_ceil(3);
    let best = names
        .iter()
        .map(|name| (distance(&wanted, &name.to_lowercase(), limit), *name))
        .min_by_key(|(d, _)| *d);
    match best {
        Some((d, name)) if d <= limit => format!("; did you mean {name}?"),
        _ => String::new(),
    }
}

/// Edits between two words, given up beyond the limit.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (diagonal + usize::from(x != y))
                .min(row[j] + 1)
                .min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}

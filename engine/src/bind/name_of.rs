//! NAMEOF: the name of a table, column, measure or calendar, whole or in part; and TABLEOF.

use dax::{Expr, ExprKind, Span};
use security::{Table, Target};

use super::names::word;
use super::{Binder, Bound};
use crate::bound::{Scalar, ScalarKind, TableExpr, TableKind};
use crate::error::ErrorKind;
use crate::value::{DataType, Value};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Table,
    Column,
    Measure,
    Calendar,
}

struct Named {
    kind: Kind,
    /// Of columns and measures.
    table: Option<String>,
    name: String,
    /// The level behind a column's variation.
    level: Option<String>,
}

/// How a name is written.
#[derive(Clone, Copy, PartialEq)]
enum Escape {
    Whole,
    None,
    WhereNeeded,
}

impl Escape {
    /// Between these marks; the closing mark is doubled inside.
    fn write(self, name: &str, open: char, close: char) -> String {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty();
        match self {
            Escape::None => name.to_string(),
            Escape::WhereNeeded if plain => name.to_string(),
            _ => {
                let doubled = format!("{close}{close}");
                format!("{open}{}{close}", name.replace(close, &doubled))
            }
        }
    }
}

impl<'a> Binder<'a> {
    pub fn name_of(&mut self, args: &[Expr], span: Span) -> Bound<Scalar> {
        let named = self.named_object(&args[0], span)?;
        // An argument that is skipped counts as one that is not there.
        let option = |at: usize| {
            let given = args.get(at).filter(|e| e.kind != ExprKind::Omitted);
            given.map(|e| word(e).unwrap_or_default())
        };
        let part = option(1);
        let escape = match option(2).as_deref() {
            None | Some("ESCAPED") => Escape::Whole,
            Some("UNESCAPED") => Escape::None,
            Some("MINIMALLYESCAPED") => Escape::WhereNeeded,
            Some(_) => {
                return self.error(
                    ErrorKind::Argument,
                    span,
                    "the third argument of NAMEOF is ESCAPED, UNESCAPED or MINIMALLYESCAPED",
                );
            }
        };
        let Some(text) = written(&named, part.as_deref().unwrap_or("FULL"), escape) else {
            return self.error(
                ErrorKind::Argument,
                span,
                "the object of NAMEOF has no such part; the parts are TABLE, COLUMN, MEASURE, CALENDAR, FULL, SELF and PARENT, and a name in full is always escaped",
            );
        };
        let kind = ScalarKind::Constant(Value::text(text));
        Ok(self.scalar(kind, DataType::Text, span))
    }

    /// TABLEOF: the table of a column or of a calendar, or the one in which a measure stands.
    pub fn table_of(&mut self, reference: &Expr) -> Bound<TableExpr> {
        let table = self.home_of(reference)?;
        self.refuse_in_error(Target::Row(table), reference.span)?;
        let kind = TableKind::Base {
            table,
            blank_row: false,
        };
        Ok(self.table_expr(kind, self.schema_of(table), reference.span))
    }

    /// A table of the model where an expression names one, by itself or through TABLEOF. None: it does neither.
    pub fn table_reference(&self, expr: &Expr) -> Bound<Option<Table>> {
        let table = match &expr.kind {
            ExprKind::Identifier { name, .. } => self.model_table(name)?,
            ExprKind::Call { name, args } if name.text.eq_ignore_ascii_case("TABLEOF") => {
                match args.as_slice() {
                    [reference] => self.home_of(reference)?,
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        self.refuse_in_error(Target::Row(table), expr.span)?;
        Ok(Some(table))
    }

    fn home_of(&self, reference: &Expr) -> Bound<Table> {
        Ok(match &reference.kind {
            ExprKind::Identifier { name, .. } => match self.find_table(&name.text) {
                Some(table) => table,
                None => match crate::calendars::find(self.scope, &name.text) {
                    Some((table, _)) => {
                        self.named.borrow_mut().insert(table);
                        table
                    }
                    None => self.model_table(name)?,
                },
            },
            ExprKind::Bracket(name) if self.named_measure(&name.text).is_some() => {
                match self.named_measure(&name.text).and_then(|(table, _)| table) {
                    Some(table) => table,
                    None => self.column_argument(reference)?.table(),
                }
            }
            ExprKind::Qualified { table, column } => {
                let handle = self.model_table(table)?;
                let is_measure = self.scope.find_column(handle, &column.text).is_none()
                    && self.named_measure(&column.text).is_some();
                if !is_measure {
                    self.model_column(table, column)?;
                }
                handle
            }
            _ => self.column_argument(reference)?.table(),
        })
    }

    /// A measure of the query or of the model: its table, and its name as it is defined.
    fn named_measure(&self, name: &str) -> Option<(Option<Table>, String)> {
        if let Some((table, own)) = self.defined_measure(name) {
            return Some((table, own.to_string()));
        }
        let measure = self.scope.find_measure(name)?;
        let table = self.scope.measure_table(measure);
        Some((Some(table), self.scope.measure(measure).name.clone()))
    }

    /// A table, or a calendar where no table has the name.
    fn named_table(&self, name: &dax::Name) -> Bound<Named> {
        let mut calendars = self
            .scope
            .tables()
            .flat_map(|table| &self.scope.table(table).calendars);
        let calendar = calendars.find(|c| model::same_name(&c.name, &name.text));
        let (kind, name) = match (self.scope.find_table(&name.text), calendar) {
            (None, Some(calendar)) => (Kind::Calendar, calendar.name.clone()),
            _ => {
                let handle = self.model_table(name)?;
                (Kind::Table, self.scope.table(handle).name.clone())
            }
        };
        Ok(Named {
            kind,
            table: None,
            name,
            level: None,
        })
    }

    fn named_object(&mut self, argument: &Expr, span: Span) -> Bound<Named> {
        let table_name = |table| Some(self.scope.table(table).name.clone());
        match &argument.kind {
            ExprKind::Qualified { table, column } => {
                let handle = self.model_table(table)?;
                if let Some(found) = self.scope.find_column(handle, &column.text) {
                    return Ok(Named {
                        kind: Kind::Column,
                        table: table_name(handle),
                        name: self.scope.column(found).name.clone(),
                        level: None,
                    });
                }
                match self.named_measure(&column.text) {
                    Some((_, name)) => Ok(Named {
                        kind: Kind::Measure,
                        table: table_name(handle),
                        name,
                        level: None,
                    }),
                    None => self.model_column(table, column).map(|found| Named {
                        kind: Kind::Column,
                        table: table_name(handle),
                        name: self.scope.column(found).name.clone(),
                        level: None,
                    }),
                }
            }
            ExprKind::Variation {
                table,
                column,
                level,
            } => {
                self.variation(table, column, level, argument.span)?;
                let found = self.model_column(table, column)?;
                Ok(Named {
                    kind: Kind::Column,
                    table: table_name(found.table()),
                    name: self.scope.column(found).name.clone(),
                    level: Some(level.text.clone()),
                })
            }
            ExprKind::Bracket(name) => match self.named_measure(&name.text) {
                Some((table, name)) => Ok(Named {
                    kind: Kind::Measure,
                    table: table.and_then(table_name),
                    name,
                    level: None,
                }),
                None => self.bracket(name, argument.span).and_then(|_| {
                    self.error(
                        ErrorKind::Argument,
                        span,
                        "NAMEOF needs a column or a measure of the model",
                    )
                }),
            },
            ExprKind::Identifier { name, .. } => self.named_table(name),
            _ => match self.table_reference(argument)? {
                Some(table) => Ok(Named {
                    kind: Kind::Table,
                    table: None,
                    name: self.scope.table(table).name.clone(),
                    level: None,
                }),
                None => self.error(
                    ErrorKind::Argument,
                    argument.span,
                    "NAMEOF needs the name of a column, a measure or a table",
                ),
            },
        }
    }
}

/// None where the object has no such part.
fn written(named: &Named, part: &str, escape: Escape) -> Option<String> {
    let table = |name: &str| escape.write(name, '\'', '\'');
    let member = |name: &str| escape.write(name, '[', ']');
    let own = || match (named.kind, &named.level) {
        (Kind::Table | Kind::Calendar, _) => table(&named.name),
        (_, None) => member(&named.name),
        (_, Some(level)) => format!("{}.{}", member(&named.name), member(level)),
    };
    let parent = || match (named.kind, &named.table) {
        (Kind::Table, _) => Some(table(&named.name)),
        (_, Some(name)) => Some(table(name)),
        _ => None,
    };
    match part {
        "TABLE" => parent(),
        "COLUMN" => (named.kind == Kind::Column).then(own),
        "MEASURE" => (named.kind == Kind::Measure).then(own),
        "CALENDAR" => (named.kind == Kind::Calendar).then(own),
        "SELF" => Some(own()),
        "PARENT" => named.table.as_ref().and_then(|_| parent()),
        "FULL" => match &named.table {
            None => Some(own()),
            Some(_) if escape == Escape::None => None,
            // Side by side a bare table name and a bracket still read as one; a member is always in brackets there.
            Some(name) => {
                let whole = Escape::Whole.write(&named.name, '[', ']');
                let level = named.level.as_ref().map_or(String::new(), |level| {
                    format!(".{}", Escape::Whole.write(level, '[', ']'))
                });
                Some(format!("{}{whole}{level}", table(name)))
            }
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_names() {
        let column = |level: Option<&str>| Named {
            kind: Kind::Column,
            table: Some("O'Brien Sales".to_string()),
            name: "Net]".to_string(),
            level: level.map(str::to_string),
        };
        let check = |part: &str, escape: Escape, expected: Option<&str>| {
            let found = written(&column(None), part, escape);
            assert_eq!(found.as_deref(), expected, "{part}");
        };
        check("FULL", Escape::Whole, Some("'O''Brien Sales'[Net]]]"));
        check("FULL", Escape::None, None);
        check("COLUMN", Escape::None, Some("Net]"));
        check("PARENT", Escape::Whole, Some("'O''Brien Sales'"));
        check("MEASURE", Escape::Whole, None);
        check("OTHER", Escape::Whole, None);
        let level = written(&column(Some("Year")), "FULL", Escape::Whole);
        assert_eq!(level.as_deref(), Some("'O''Brien Sales'[Net]]].[Year]"));
    }
}

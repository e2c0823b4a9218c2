//! Scopes that hold more than the model: the columns and tables that a query defines for itself.
//!
//! What is added was computed by the holder of the scope from what the scope shows, so it can say nothing about hidden rows
//! (row rule 10). A column has values in the rows that its maker could name, which are visible ones, and is BLANK in all others;
//! those stay as invisible as they were, for the visibility of the model's tables is that of the first scope.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use model::ColumnKind;
use storage::ColumnId;

use crate::objects::Objects;
use crate::request::Target;
use crate::{Codes, ReadError, Scope};

/// What to add to a scope.
#[derive(Clone, Debug)]
pub enum Addition {
    /// A column of the table that `rows` are rows of: the value of each of these rows, in their order.
    Column { rows: Codes, column: AddedColumn },
    /// A table with columns of equal length.
    Table {
        name: String,
        columns: Vec<AddedColumn>,
    },
}

/// A name that the scope does not show, and values of a canonical type.
#[derive(Clone, Debug)]
pub struct AddedColumn {
    pub name: String,
    pub values: ArrayRef,
    pub format_string: Option<String>,
}

/// A scope with additions. It has a number of its own, so handles of the first scope mean nothing in it and its handles mean
/// nothing in the first; and it cannot outlive the first.
///
/// ```
/// use peristyle_security::{Addition, Extended, ReadError, Scope};
/// fn extend(scope: &Scope, addition: Addition) -> Result<Extended<'_>, ReadError> { scope.extended(addition) }
/// ```
///
/// ```compile_fail
/// use peristyle_security::{Addition, Extended, ReadError, Scope};
/// fn keep(scope: &Scope, addition: Addition) -> Result<Extended<'static>, ReadError> { scope.extended(addition) }
/// ```
///
/// ```compile_fail
/// fn take(extended: peristyle_security::Extended<'_>) -> peristyle_security::Scope { extended.scope }
/// ```
pub struct Extended<'a> {
    scope: Scope,
    first: PhantomData<&'a Scope>,
}

impl<'a> Extended<'a> {
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// One more addition, made with handles of [`Extended::scope`].
    pub fn extended(&self, addition: Addition) -> Result<Extended<'a>, ReadError> {
        Ok(Extended {
            scope: self.scope.with(addition)?,
            first: PhantomData,
        })
    }
}

impl Scope {
    /// A scope of the same rows and objects, and of what is added. This scope stays as it is.
    pub fn extended(&self, addition: Addition) -> Result<Extended<'_>, ReadError> {
        Ok(Extended {
            scope: self.with(addition)?,
            first: PhantomData,
        })
    }

    fn with(&self, addition: Addition) -> Result<Scope, ReadError> {
        match addition {
            Addition::Column { rows, column } => self.with_column(&rows, column),
            Addition::Table { name, columns } => self.with_table(name, columns),
        }
    }

    fn with_column(&self, rows: &Codes, added: AddedColumn) -> Result<Scope, ReadError> {
        let Target::Row(table) = rows.of else {
            return Err(ReadError::Foreign);
        };
        if rows.scope != self.number {
            return Err(ReadError::Foreign);
        }
        let id = self.lower_table(table)?;
        if self.find_column(table, &added.name).is_some() {
            return Err(taken(&added.name));
        }
        let data = self.data()?;
        let total = data.rows(id).ok_or(ReadError::NoData)?;
        let values = spread(total, rows, &added.values)?;
        let mut data = data.extension();
        let column = data
            .append_column(id, &added.name, values)
            .map_err(|error| self.tell(error))?;
        let mut objects = Objects::clone(&self.objects);
        let kind = ColumnKind::Calculated {
            expression: String::new(),
        };
        objects.add_column(table.ordinal, column, describe(added, kind, &data, column));
        let visible = self.visible.extended(None);
        Ok(self.beside(objects, visible, data))
    }

    fn with_table(&self, name: String, added: Vec<AddedColumn>) -> Result<Scope, ReadError> {
        if self.find_table(&name).is_some() {
            return Err(taken(&name));
        }
        for (position, column) in added.iter().enumerate() {
            let mut before = added.iter().take(position);
            if before.any(|other| model::same_name(&other.name, &column.name)) {
                return Err(taken(&column.name));
            }
        }
        let mut data = self.data()?.extension();
        let columns = added
            .iter()
            .map(|column| (column.name.clone(), column.values.clone()));
        let table = data
            .append_table(&name, columns.collect())
            .map_err(|error| self.tell(error))?;
        let described = (0..).zip(added).map(|(column, added)| {
            let kind = ColumnKind::CalculatedTable {
                source_column: added.name.clone(),
            };
            describe(added, kind, &data, ColumnId { table, column })
        });
        let described = model::Table {
            name,
            columns: described.collect(),
            ..model::Table::default()
        };
        let mut objects = Objects::clone(&self.objects);
        objects.add_table(table, described);
        let visible = self.visible.extended(Some(table));
        Ok(self.beside(objects, visible, data))
    }

    fn beside(
        &self,
        objects: Objects,
        visible: crate::visibility::Visible,
        data: storage::Dataset,
    ) -> Scope {
        Scope::new(
            Arc::new(objects),
            Arc::new(visible),
            Some(Arc::new(data)),
            self.identity().clone(),
        )
    }
}

fn taken(name: &str) -> ReadError {
    ReadError::Internal(format!("there is a '{name}' already"))
}

fn describe(
    added: AddedColumn,
    kind: ColumnKind,
    data: &storage::Dataset,
    id: ColumnId,
) -> model::Column {
    model::Column {
        name: added.name,
        data_type: data.column_type(id).unwrap_or_default(),
        kind,
        nullable: true,
        format_string: added.format_string,
        ..model::Column::default()
    }
}

/// The values by row number: BLANK in the rows that are not named.
fn spread(total: u32, rows: &Codes, values: &ArrayRef) -> Result<ArrayRef, ReadError> {
    let misplaced =
        || ReadError::Internal("values that do not fit the rows they are for".to_owned());
    if rows.len() != values.len() {
        return Err(misplaced());
    }
    let mut places: Vec<Option<u32>> = (0..total).map(|_| None).collect();
    for (position, row) in (0u32..).zip(rows.as_slice()) {
        let place = usize::try_from(*row)
            .ok()
            .and_then(|row| places.get_mut(row));
        // The blank row has no values of its own, and no row has two.
        match place {
            Some(place @ None) => *place = Some(position),
            _ => return Err(misplaced()),
        }
    }
    take(values, &UInt32Array::from(places), None).map_err(|_| misplaced())
}

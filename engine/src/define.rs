//! The columns and tables that a query defines for itself. Each is evaluated over what the caller sees, in the order in which
//! the query has them, and then stands in the scope of all that comes after it.

use std::collections::HashMap;
use std::rc::Rc;

use arrow::array::Array;
use dax::{Definition, DefinitionKind, Name, Query};
use security::{AddedColumn, Addition, Charge, Control, Extended, Scan, Scope, Table};

use crate::answer::Options;
use crate::batch::Batch;
use crate::bind::{Binder, Wanted, folded};
use crate::bound::{Field, FrameId, Scalar, Schema};
use crate::build::{columns_of, over_rows, typed};
use crate::context::FilterContext;
use crate::densify::laid_out;
use crate::error::{Error, ErrorKind};
use crate::eval::Evaluator;
use crate::functions::Environment;
use crate::query::{bind_row_expression, bind_variables, declare};
use crate::vector::Vector;
use crate::visual::calculation;

/// The scope of a query, and what it took to make it.
pub struct Defined<'a> {
    first: &'a Scope,
    extended: Option<Extended<'a>>,
    pub scans: u64,
    pub one_by_one: u64,
    /// The scans as they were asked.
    pub trace: Vec<String>,
    /// What the columns hold, to the end of the query.
    charges: Vec<Charge>,
}

impl Defined<'_> {
    /// The caller's scope, with the query's own columns and tables.
    pub fn scope(&self) -> &Scope {
        self.extended.as_ref().map_or(self.first, Extended::scope)
    }

    pub fn is_extended(&self) -> bool {
        self.extended.is_some()
    }

    fn add(&mut self, addition: Addition) -> Result<(), Error> {
        self.extended = Some(match &self.extended {
            None => self.first.extended(addition)?,
            Some(extended) => extended.extended(addition)?,
        });
        Ok(())
    }
}

/// Evaluates the columns and tables that a query defines.
pub fn define<'a>(
    scope: &'a Scope,
    query: &Query,
    options: &Options,
    control: &Control,
    environment: &Environment,
) -> Result<Defined<'a>, Error> {
    let mut defined = Defined {
        first: scope,
        extended: None,
        scans: 0,
        one_by_one: 0,
        trace: Vec::new(),
        charges: Vec::new(),
    };
    for place in places(query) {
        let scope = defined.scope();
        let mut evaluator = Evaluator::new(scope, control, &options.limits, environment.clone());
        evaluator.trace = Some(Default::default());
        let addition = add(&mut evaluator, query, place, options)?;
        // Random numbers go on where this definition stopped drawing them.
        environment.go_on_from(&evaluator.environment);
        let (scans, one_by_one) = (evaluator.scans.get(), evaluator.one_by_one.get());
        let trace = evaluator.trace.take().map(|trace| trace.into_inner());
        defined.scans += scans;
        defined.one_by_one += one_by_one;
        defined.trace.extend(trace.unwrap_or_default());
        defined.charges.push(control.charge(bytes_of(&addition))?);
        defined.add(addition)?;
    }
    Ok(defined)
}

/// Where the columns and tables stand, in the order in which they can be made: a column of a table that the query defines further
/// on, as report visuals write their calculations, comes right behind that table.
fn places(query: &Query) -> Vec<usize> {
    let mut found: Vec<((usize, u8), usize)> = Vec::new();
    // From the end, so that a column finds the nearest table of its name behind it.
    let mut tables: HashMap<String, usize> = HashMap::new();
    for (place, definition) in query.definitions.iter().enumerate().rev() {
        match &definition.kind {
            DefinitionKind::Table { name, .. } => {
                tables.insert(folded(&name.text), place);
                found.push(((place, 0), place));
            }
            DefinitionKind::Column { table, .. } => {
                let home = tables.get(&folded(&table.text));
                found.push((home.map_or((place, 0), |home| (*home, 1)), place));
            }
            _ => {}
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, place)| place).collect()
}

/// Binds and evaluates one definition over what is defined so far. Its expression may use the measures and functions of the
/// query, and the variables, columns and tables before it.
fn add(
    evaluator: &mut Evaluator,
    query: &Query,
    place: usize,
    options: &Options,
) -> Result<Addition, Error> {
    let (before, after) = query.definitions.split_at(place);
    let mut binder = Binder::new(evaluator.scope, &options.parameters).under(evaluator.control);
    declare(&mut binder, query)?;
    let variables = Rc::new(bind_variables(&mut binder, before)?);
    let root = Batch::root(FilterContext::default()).with_variables(&variables);
    match after.first().map(|definition| &definition.kind) {
        Some(DefinitionKind::Column { table, name, body }) => {
            let of_visual = calculation(evaluator.scope, query, table, body)?;
            let body = of_visual.as_ref().unwrap_or(body);
            let table = binder.model_table(table)?;
            refuse_taken_column(evaluator.scope, query, table, name)?;
            let bound = bind_row_expression(&mut binder, table, body)?;
            evaluator.apply_groups(binder.calculation_groups(Wanted::InReach)?);
            column(
                evaluator,
                &root,
                binder.schema_of(table),
                (table, name),
                bound,
            )
        }
        Some(DefinitionKind::Table { name, body, shape }) => {
            refuse_taken_table(evaluator.scope, query, name)?;
            let table = binder.bind_table(body)?;
            evaluator.apply_groups(binder.calculation_groups(Wanted::InReach)?);
            let mut columns = columns_of(evaluator, &table, &root)?;
            if let Some(shape) = shape {
                columns = laid_out(evaluator, shape, columns)?;
            }
            table_of(evaluator, name, &columns)
        }
        _ => Err(Error::nowhere(
            ErrorKind::Internal,
            "a definition that adds nothing",
        )),
    }
}

/// The values of a column in the visible rows of its table. The blank row is no row of the table, and has none.
fn column(
    evaluator: &Evaluator,
    root: &Rc<Batch>,
    schema: Rc<Schema>,
    (table, name): (Table, &Name),
    (frame, scalar): (FrameId, Scalar),
) -> Result<Addition, Error> {
    let scan = Scan {
        table,
        filters: Vec::new(),
        keys: Vec::new(),
        aggregates: Vec::new(),
    };
    let rows = evaluator.scope.scan_rows(&scan, evaluator.control)?;
    evaluator.admit_rows(rows.len())?;
    let vector = over_rows(evaluator, (frame, schema), rows.clone(), &scalar, root)?;
    let field = Field::extension(&name.text, scalar.data_type);
    let column = added_column(evaluator, &field, &vector, name)?;
    Ok(Addition::Column { rows, column })
}

/// A table of the query is as much a table as any of the model: its columns are columns of their own, whatever they were made from.
fn table_of(
    evaluator: &Evaluator,
    name: &Name,
    columns: &[(Field, Vector)],
) -> Result<Addition, Error> {
    let mut added: Vec<AddedColumn> = Vec::with_capacity(columns.len());
    for (field, vector) in columns {
        let mut others = added.iter();
        if others.any(|other| model::same_name(&other.name, &field.name)) {
            let message = format!(
                "the table '{}' would have two columns [{}]; SELECTCOLUMNS gives them other names",
                name.text, field.name
            );
            return Err(Error::new(ErrorKind::Argument, name.span, message));
        }
        added.push(added_column(evaluator, field, vector, name)?);
    }
    Ok(Addition::Table {
        name: name.text.clone(),
        columns: added,
    })
}

fn added_column(
    evaluator: &Evaluator,
    field: &Field,
    vector: &Vector,
    place: &Name,
) -> Result<AddedColumn, Error> {
    // A text that is the same in every row is one until here.
    evaluator.admit_texts(vector.text_bytes())?;
    let (_, values) = typed(vector, field.data_type).map_err(|error| {
        let message = format!("the column [{}] cannot be defined: {error}", field.name);
        Error::new(ErrorKind::Type, place.span, message)
    })?;
    Ok(AddedColumn {
        name: field.name.clone(),
        values,
        format_string: field.format_string.clone(),
    })
}

fn bytes_of(addition: &Addition) -> usize {
    let columns = match addition {
        Addition::Column { column, .. } => std::slice::from_ref(column),
        Addition::Table { columns, .. } => columns,
    };
    let sizes = columns
        .iter()
        .map(|column| column.values.get_array_memory_size());
    sizes.sum()
}

/// Hidden names are not in the scope, and free.
fn refuse_taken_column(
    scope: &Scope,
    query: &Query,
    table: Table,
    name: &Name,
) -> Result<(), Error> {
    let home = &scope.table(table).name;
    let is_measure = |definition: &Definition| {
        matches!(&definition.kind, DefinitionKind::Measure { table: Some(table), name: measure, .. }
            if model::same_name(&measure.text, &name.text) && model::same_name(&table.text, home))
    };
    let of_model = scope
        .find_measure(&name.text)
        .filter(|measure| scope.measure_table(*measure) == table);
    let what = if scope.find_column(table, &name.text).is_some() {
        "column"
    } else if of_model.is_some() || query.definitions.iter().any(is_measure) {
        "measure"
    } else {
        return Ok(());
    };
    let message = format!(
        "the table '{home}' already has a {what} [{}]; a column of the query needs a name of its own",
        name.text
    );
    Err(Error::new(ErrorKind::Argument, name.span, message))
}

fn refuse_taken_table(scope: &Scope, query: &Query, name: &Name) -> Result<(), Error> {
    let is_variable = |definition: &Definition| matches!(&definition.kind, DefinitionKind::Var { name: variable, .. } if model::same_name(&variable.text, &name.text));
    let what = if scope.find_table(&name.text).is_some() {
        "table"
    } else if query.definitions.iter().any(is_variable) {
        "variable"
    } else {
        return Ok(());
    };
    let message = format!(
        "there is a {what} '{}' already; a table of the query needs a name of its own",
        name.text
    );
    Err(Error::new(ErrorKind::Argument, name.span, message))
}

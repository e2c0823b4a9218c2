//! What the gate asks of the engine while it closes: row filters of roles, calculated columns and tables. Each is
//! evaluated over all rows, through the view that the gate lends.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use arrow::array::{Array, ArrayRef, BooleanArray, BooleanBufferBuilder};
use dax::Expr;
use security::{
    BuildView, Calculated, Cause, Codes, Control, EvaluateError, Evaluators, FilterAnswer, Table,
};

use crate::answer::Limits;
use crate::batch::{Batch, Frame};
use crate::bind::{Binder, Wanted};
use crate::bound::{Field, FrameId, Scalar, Schema, TableExpr};
use crate::context::FilterContext;
use crate::convert::to_type;
use crate::error::{Error, ErrorKind};
use crate::eval::Evaluator;
use crate::filter_columns::by_columns;
use crate::query::{bind_row_expression, environment};
use crate::table::{ColumnRows, TableRows};
use crate::value::{DataType, Value};
use crate::vector::{Data, Vector};

/// The engine's functions, for the gate.
pub fn evaluators() -> Evaluators {
    Evaluators {
        row_filter,
        calculated_column,
        calculated_table,
        convert,
    }
}

/// As CONVERT does, value by value: this is for columns whose author declares another type than the expression has.
fn convert(values: &ArrayRef, declared: DataType) -> Option<ArrayRef> {
    let vector = Vector::from_array(values)?;
    let values = (0..vector.len()).map(|place| to_type(&vector.get(place), declared));
    let values: Option<Vec<Value>> = values.collect();
    let data = Data::typed(values?.into_iter(), declared)?;
    Some(Vector { data, errors: None }.to_array())
}

fn told(error: Error) -> EvaluateError {
    EvaluateError {
        message: error.message,
        cause: match error.kind {
            ErrorKind::Evaluation => Cause::Evaluation,
            ErrorKind::Unreadable => Cause::Files,
            _ => Cause::Expression,
        },
    }
}

/// Rows that a filter is evaluated for at once: what it takes in memory does not grow with the table, and what is the same for all
/// rows is worked out a few times at most.
pub const ROWS_AT_ONCE: usize = 1 << 20;

/// TRUE for the rows that a role may see, and for the all-blank row. An error in one row is an error.
fn row_filter(
    build: &BuildView<'_>,
    table: Table,
    tree: &Expr,
    control: &Control,
) -> Result<FilterAnswer, EvaluateError> {
    if let Some(answer) = by_columns(build, table, tree, control).map_err(told)? {
        return Ok(answer);
    }
    let rows = build.every_row(table).map_err(|e| told(e.into()))?;
    let mut holds = BooleanBufferBuilder::new(rows.len());
    let evaluated = with_row_expression(
        build,
        table,
        tree,
        control,
        true,
        |evaluator, place, scalar| {
            let root = Batch::root(FilterContext::default());
            for first in (0..rows.len()).step_by(ROWS_AT_ONCE) {
                let end = rows.len().min(first + ROWS_AT_ONCE);
                let some = rows.take(&(first as u32..end as u32).collect::<Vec<_>>());
                let vector = over_rows(evaluator, place.clone(), some, scalar, &root)?;
                if !append_truth(&vector, &mut holds) {
                    return Ok(false);
                }
            }
            Ok(true)
        },
    );
    if !evaluated.map_err(told)? {
        return Err(EvaluateError::new(
            "the filter is not true or false for every row",
        ));
    }
    Ok(FilterAnswer::Rows(BooleanArray::new(holds.finish(), None)))
}

/// False: some value is neither true nor false.
fn append_truth(vector: &Vector, holds: &mut BooleanBufferBuilder) -> bool {
    match &vector.data {
        Data::Boolean(values) if values.null_count() == 0 => holds.append_buffer(values.values()),
        _ => {
            for place in 0..vector.len() {
                match vector.get(place).to_boolean() {
                    Some(value) => holds.append(value),
                    None => return false,
                }
            }
        }
    }
    true
}

fn calculated_column(
    build: &BuildView<'_>,
    table: Table,
    tree: &Expr,
    control: &Control,
) -> Result<(DataType, ArrayRef), EvaluateError> {
    let rows = build.every_row(table).map_err(|e| told(e.into()))?;
    // The blank row at the end has no calculated values of its own.
    let count = rows.len().saturating_sub(1) as u32;
    let rows = rows.take(&(0..count).collect::<Vec<_>>());
    let vector = by_row(build, table, rows, tree, control).map_err(told)?;
    typed(&vector, DataType::Text)
}

fn calculated_table(
    build: &BuildView<'_>,
    tree: &Expr,
    control: &Control,
) -> Result<Vec<Calculated>, EvaluateError> {
    let run = || -> Result<Vec<(Field, Vector)>, Error> {
        let scope = build.scope();
        let mut binder = Binder::new(scope, &[]);
        binder.enter_model();
        let table = binder.bind_table(tree)?;
        let limits = Limits::default();
        let mut evaluator = Evaluator::new(scope, control, &limits, environment(scope));
        evaluator.apply_groups(binder.calculation_groups(Wanted::InReach)?);
        let columns = columns_of(&evaluator, &table, &Batch::root(FilterContext::default()));
        build.note(evaluator.environment.told());
        columns
    };
    run()
        .map_err(told)?
        .into_iter()
        .map(|(field, vector)| {
            let (data_type, values) = typed(&vector, field.data_type)?;
            Ok(Calculated {
                name: field.full_name(),
                data_type,
                values,
            })
        })
        .collect()
}

/// An expression for each of the rows of a table.
fn by_row(
    build: &BuildView<'_>,
    table: Table,
    rows: Codes,
    tree: &Expr,
    control: &Control,
) -> Result<Vector, Error> {
    with_row_expression(
        build,
        table,
        tree,
        control,
        false,
        |evaluator, place, scalar| {
            let root = Batch::root(FilterContext::default());
            over_rows(evaluator, place, rows, scalar, &root)
        },
    )
}

/// Binds an expression in the row context of a table, and lends what is needed to evaluate it. `strict`: what would fail when it is
/// evaluated does not bind.
fn with_row_expression<T>(
    build: &BuildView<'_>,
    table: Table,
    tree: &Expr,
    control: &Control,
    strict: bool,
    run: impl FnOnce(&Evaluator, (FrameId, Rc<Schema>), &Scalar) -> Result<T, Error>,
) -> Result<T, Error> {
    let scope = build.scope();
    let mut binder = Binder::new(scope, &[]);
    binder.enter_model();
    binder.strict = strict;
    let (frame, scalar) = bind_row_expression(&mut binder, table, tree)?;
    // A measure in a row of the table is evaluated under filters of it.
    let _own = binder.find_table(&scope.table(table).name);
    let limits = Limits::default();
    let mut evaluator = Evaluator::new(scope, control, &limits, environment(scope));
    evaluator.apply_groups(binder.calculation_groups(Wanted::InReach)?);
    let answer = run(&evaluator, (frame, binder.schema_of(table)), &scalar);
    build.note(evaluator.environment.told());
    answer
}

/// An expression in the row context of each of the rows, without filters. An error in one row is an error.
pub fn over_rows(
    evaluator: &Evaluator,
    (frame, schema): (FrameId, Rc<Schema>),
    rows: Codes,
    scalar: &Scalar,
    root: &Rc<Batch>,
) -> Result<Vector, Error> {
    let count = rows.len();
    let columns = vec![ColumnRows::Base; schema.fields.len()];
    let rows = Rc::new(TableRows::shared(1, count, Some(rows), columns));
    over_table(evaluator, (frame, schema), rows, scalar, root)
}

/// The same for rows of any table.
pub fn over_table(
    evaluator: &Evaluator,
    (frame, schema): (FrameId, Rc<Schema>),
    rows: Rc<TableRows>,
    scalar: &Scalar,
    root: &Rc<Batch>,
) -> Result<Vector, Error> {
    let count = rows.rows();
    let contexts: Rc<[u32]> = vec![0; count].into();
    let frame = Frame {
        id: frame,
        schema,
        rows,
        positions: (0..count as u32).collect(),
        keeps: false,
        read: RefCell::new(HashMap::new()),
    };
    let batch = root.iterate(contexts, FilterContext::default(), frame);
    let vector = evaluator.scalar(scalar, &batch)?;
    evaluator.still_wanted()?;
    evaluator.settle(&vector)?;
    Ok(vector)
}

/// The columns of a table, each with its values. An error in one cell is an error.
pub fn columns_of(
    evaluator: &Evaluator,
    table: &TableExpr,
    root: &Rc<Batch>,
) -> Result<Vec<(Field, Vector)>, Error> {
    let rows = evaluator.table(table, root)?.unshared();
    if let Some((_, failure)) = rows.errors.as_ref().and_then(|list| list.first()) {
        return Err(Error::from(failure.clone()));
    }
    let mut columns = Vec::new();
    for (index, field) in table.schema.fields.iter().enumerate() {
        let vector = evaluator.column_vector(&rows, &table.schema, index)?;
        evaluator.settle(&vector)?;
        columns.push((field.clone(), vector));
    }
    evaluator.still_wanted()?;
    Ok(columns)
}

/// Numbers and dates that meet in a column are numbers there, which then take the type that the model declares.
fn as_number(value: &Value) -> Option<Value> {
    match value {
        Value::Blank => Some(Value::Blank),
        Value::Integer(_) | Value::Fixed(_) | Value::Double(_) | Value::DateTime(_) => {
            value.to_double().map(Value::Double)
        }
        Value::Text(_) | Value::Boolean(_) => None,
    }
}

/// The canonical array of a vector. Text beside other values has no column.
pub fn typed(vector: &Vector, hint: DataType) -> Result<(DataType, ArrayRef), EvaluateError> {
    match &vector.data {
        Data::Variant(values) => {
            let numbers: Option<Vec<Value>> = values.iter().map(as_number).collect();
            let data = numbers.and_then(|n| Data::typed(n.into_iter(), DataType::Double));
            let data = data.ok_or_else(|| EvaluateError::new("the values are of several types"))?;
            Ok((DataType::Double, Vector { data, errors: None }.to_array()))
        }
        Data::Constant(value, n) => {
            let hint = if matches!(hint, DataType::Unknown | DataType::Variant) {
                DataType::Text
            } else {
                hint
            };
            let data_type = value.data_type().unwrap_or(hint);
            let data = Data::typed(std::iter::repeat_n(value.clone(), *n), data_type);
            let data = data.ok_or_else(|| EvaluateError::new("the values have no column type"))?;
            Ok((data_type, Vector { data, errors: None }.to_array()))
        }
        _ => Ok((vector.data_type().unwrap_or(hint), vector.to_array())),
    }
}

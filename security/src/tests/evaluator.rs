//! A little DAX for the tests: literal, row by row, over what a lent view shows.

use std::cell::Cell;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use arrow::datatypes::Int64Type;
use dax::{BinaryOp, Expr, ExprKind};
use model::DataType;

use crate::references::fold;
use crate::*;

thread_local! {
    /// How often a role filter was evaluated on this thread.
    pub static EVALUATIONS: Cell<usize> = const { Cell::new(0) };
    /// What role filters of this thread say now.
    pub static ANSWERS: Cell<Answers> = const { Cell::new(Answers::Right) };
}

/// How a role filter answers, for tests of what comes of answers that change.
#[derive(Clone, Copy)]
pub enum Answers {
    Right,
    /// TRUE for the rows for which it was not.
    Turned,
    Failing,
    /// By the values of columns, where the filter is made of comparisons of them with constants.
    ByColumn,
    /// Whatever this gives.
    Given(Given),
}

pub type Given = fn(&BuildView<'_>, Table, &Control) -> Result<FilterAnswer, EvaluateError>;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Blank,
    Text(String),
    Number(i64),
    Truth(bool),
}

pub fn evaluators() -> Evaluators {
    Evaluators {
        row_filter,
        calculated_column,
        calculated_table,
        convert,
    }
}

/// The little DAX of the tests converts nothing.
fn convert(_: &ArrayRef, _: DataType) -> Option<ArrayRef> {
    None
}

fn row_filter(
    view: &BuildView<'_>,
    table: Table,
    expr: &Expr,
    control: &Control,
) -> Result<FilterAnswer, EvaluateError> {
    EVALUATIONS.with(|count| count.set(count.get() + 1));
    if let (Answers::ByColumn, Some(answer)) =
        (ANSWERS.get(), by_column(view, table, expr, control)?)
    {
        return Ok(answer);
    }
    if let Answers::Given(give) = ANSWERS.get() {
        return give(view, table, control);
    }
    let rows = view.every_row(table)?;
    let answers: Result<Vec<bool>, EvaluateError> = (0..rows.len() as u32)
        .map(|row| Ok(eval(view, expr, &rows.take(&[row]))? == Value::Truth(true)))
        .collect();
    let answers: Vec<bool> = match ANSWERS.get() {
        Answers::Right | Answers::ByColumn | Answers::Given(_) => answers?,
        Answers::Turned => answers?.into_iter().map(|answer| !answer).collect(),
        Answers::Failing => return Err(EvaluateError::new("Bikes cannot be divided by DE")),
    };
    Ok(FilterAnswer::Rows(answers.into()))
}

fn by_column(
    view: &BuildView<'_>,
    table: Table,
    expr: &Expr,
    control: &Control,
) -> Result<Option<FilterAnswer>, EvaluateError> {
    let ExprKind::Binary { op, left, right } = &expr.kind else {
        return Ok(None);
    };
    let terms = |side| match by_column(view, table, side, control)? {
        Some(FilterAnswer::AnyOf(terms)) => Ok(Some(terms)),
        _ => Ok::<_, EvaluateError>(None),
    };
    Ok(match (op, &left.kind) {
        (BinaryOp::Or, _) => terms(left)?
            .zip(terms(right)?)
            .map(|(a, b)| FilterAnswer::AnyOf([a, b].concat())),
        (BinaryOp::And, _) => terms(left)?.zip(terms(right)?).map(|(a, b)| {
            let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (a, b)));
            FilterAnswer::AnyOf(pairs.map(|(a, b)| [&a[..], &b[..]].concat()).collect())
        }),
        (BinaryOp::Equal | BinaryOp::NotEqual, ExprKind::Bracket(name)) => {
            let wanted = match &right.kind {
                ExprKind::Integer(number) => number.to_string(),
                ExprKind::Text(text) => text.to_lowercase(),
                _ => return Ok(None),
            };
            let Some(column) = view.scope().find_column(table, &name.text) else {
                return Ok(None);
            };
            let codes = view.every_code(column, control)?;
            let values = view.scope().decode(&codes, control)?;
            let same = |position| plain(&value_at(&values, position)) == wanted;
            let holds = (0..codes.len()).map(|at| same(at) == (*op == BinaryOp::Equal));
            Some(FilterAnswer::AnyOf(vec![vec![ColumnAnswer {
                column,
                codes,
                holds: holds.collect::<Vec<bool>>().into(),
            }]]))
        }
        _ => None,
    })
}

fn calculated_column(
    view: &BuildView<'_>,
    table: Table,
    expr: &Expr,
    _: &Control,
) -> Result<(DataType, ArrayRef), EvaluateError> {
    let rows = view.every_row(table)?;
    let values: Vec<Value> = (0..rows.len() as u32 - 1)
        .map(|row| eval(view, expr, &rows.take(&[row])))
        .collect::<Result<_, _>>()?;
    if values.iter().any(|value| matches!(value, Value::Number(_))) {
        let numbers = values.iter().map(|value| {
            if let Value::Number(n) = value {
                Some(*n)
            } else {
                None
            }
        });
        return Ok((DataType::Integer, Arc::new(Int64Array::from_iter(numbers))));
    }
    let texts = values.iter().map(|value| {
        if let Value::Text(text) = value {
            Some(text.clone())
        } else {
            None
        }
    });
    Ok((DataType::Text, Arc::new(StringArray::from_iter(texts))))
}

/// `VALUES(T[c])`, `FILTER(T, ...)` and `SELECTCOLUMNS(T, ...)` read alike: all rows of the columns that are qualified in the
/// text, or of the whole table.
fn calculated_table(
    view: &BuildView<'_>,
    expr: &Expr,
    _: &Control,
) -> Result<Vec<Calculated>, EvaluateError> {
    let found = crate::references::References::of(expr, &[]);
    let scope = view.scope();
    let find = |name: &str| {
        scope
            .find_table(name)
            .ok_or_else(|| EvaluateError::new(format!("no table {name}")))
    };
    let mut columns = Vec::new();
    for (table, column) in &found.qualified {
        let column = scope.find_column(find(table)?, column);
        columns.push(column.ok_or_else(|| EvaluateError::new("no such column"))?);
    }
    if columns.is_empty() {
        for table in &found.tables {
            columns.extend(scope.columns(find(table)?));
        }
    }
    columns
        .into_iter()
        .map(|column| {
            let rows = view.every_row(column.table())?;
            let positions: Vec<u32> = (0..rows.len() as u32 - 1).collect();
            let here = PathColumn {
                path: Arc::from([]),
                target: Target::Column(column),
            };
            let values = scope.decode(
                &scope.fetch(&rows.take(&positions), &here, &Control::new(None))?,
                &Control::new(None),
            )?;
            let name = format!(
                "{}[{}]",
                scope.table(column.table()).name,
                scope.column(column).name
            );
            Ok(Calculated {
                name,
                data_type: scope.column_type(column),
                values,
            })
        })
        .collect()
}

fn eval(view: &BuildView<'_>, expr: &Expr, row: &Codes) -> Result<Value, EvaluateError> {
    match &expr.kind {
        ExprKind::Integer(n) => Ok(Value::Number(*n)),
        ExprKind::Text(text) => Ok(Value::Text(text.clone())),
        ExprKind::Bracket(name) => {
            let Target::Row(table) = row.of() else {
                return Err(EvaluateError::new("no row"));
            };
            match view.scope().find_column(table, &name.text) {
                Some(column) => read(view, row, column, &[]),
                // A measure is evaluated as its text, in the same row.
                None => match view.scope().find_measure(&name.text) {
                    Some(measure) => eval(view, view.scope().measure_tree(measure).unwrap(), row),
                    None => Err(EvaluateError::new(format!("no column [{}]", name.text))),
                },
            }
        }
        ExprKind::Qualified { table, column } => {
            let found = view
                .scope()
                .find_table(&table.text)
                .and_then(|t| view.scope().find_column(t, &column.text));
            let column = found.ok_or_else(|| EvaluateError::new("no such column"))?;
            read(view, row, column, &[])
        }
        ExprKind::Call { name, args } => call(view, &fold(&name.text), args, row),
        ExprKind::Unary {
            op: dax::UnaryOp::Not,
            operand,
        } => Ok(Value::Truth(
            eval(view, operand, row)? != Value::Truth(true),
        )),
        ExprKind::Binary { op, left, right } => {
            let (left, right) = (eval(view, left, row)?, eval(view, right, row)?);
            Ok(match (op, &left, &right) {
                (BinaryOp::Equal, ..) => Value::Truth(plain(&left) == plain(&right)),
                (BinaryOp::NotEqual, ..) => Value::Truth(plain(&left) != plain(&right)),
                (BinaryOp::And, ..) => {
                    Value::Truth(left == Value::Truth(true) && right == Value::Truth(true))
                }
                (BinaryOp::Or, ..) => {
                    Value::Truth(left == Value::Truth(true) || right == Value::Truth(true))
                }
                (BinaryOp::Greater, Value::Number(a), Value::Number(b)) => Value::Truth(a > b),
                (BinaryOp::Add, Value::Number(a), Value::Number(b)) => Value::Number(a + b),
                (BinaryOp::Concat, ..) => Value::Text(format!("{}{}", plain(&left), plain(&right))),
                _ => Value::Blank,
            })
        }
        other => Err(EvaluateError::new(format!("not known here: {other:?}"))),
    }
}

/// Comparisons are without case, and BLANK equals "".
fn plain(value: &Value) -> String {
    match value {
        Value::Blank => String::new(),
        Value::Text(text) => text.to_lowercase(),
        Value::Number(number) => number.to_string(),
        Value::Truth(truth) => truth.to_string(),
    }
}

fn call(
    view: &BuildView<'_>,
    name: &str,
    args: &[Expr],
    row: &Codes,
) -> Result<Value, EvaluateError> {
    let text = |text: Option<&str>| text.map_or(Value::Blank, |text| Value::Text(text.to_owned()));
    let identity = view.scope().identity();
    match name {
        "true" => Ok(Value::Truth(true)),
        "false" => Ok(Value::Truth(false)),
        "username" | "userprincipalname" => Ok(text(identity.user_name())),
        "userobjectid" => Ok(text(identity.user_object_id())),
        "customdata" => Ok(text(identity.user_custom_data())),
        "isblank" => Ok(Value::Truth(eval(view, &args[0], row)? == Value::Blank)),
        "error" => Err(EvaluateError::new("the filter met the cell 'secret'")),
        "related" => {
            let ExprKind::Qualified { table, column } = &args[0].kind else {
                return Ok(Value::Blank);
            };
            let scope = view.scope();
            let Target::Row(start) = row.of() else {
                return Ok(Value::Blank);
            };
            let end = scope
                .find_table(&table.text)
                .ok_or_else(|| EvaluateError::new("no table"))?;
            let step = scope
                .relationships()
                .iter()
                .find(|r| r.from == start && r.to == end && r.active)
                .map(|r| Step {
                    relationship: r.handle,
                    reverse: false,
                })
                .ok_or_else(|| EvaluateError::new("not related"))?;
            let column = scope
                .find_column(end, &column.text)
                .ok_or_else(|| EvaluateError::new("no column"))?;
            read(view, row, column, &[step])
        }
        // CONTAINS(T, T[a], x, T[b], y)
        "contains" => contains(view, args, row),
        _ => Err(EvaluateError::new(format!("no function {name}"))),
    }
}

fn contains(view: &BuildView<'_>, args: &[Expr], row: &Codes) -> Result<Value, EvaluateError> {
    let ExprKind::Identifier { name, .. } = &args[0].kind else {
        return Err(EvaluateError::new("no table"));
    };
    let table = view
        .scope()
        .find_table(&name.text)
        .ok_or_else(|| EvaluateError::new("no table"))?;
    let rows = view.every_row(table)?;
    for candidate in 0..rows.len() as u32 - 1 {
        let other = rows.take(&[candidate]);
        let mut all = true;
        for pair in args[1..].chunks(2) {
            all &= plain(&eval(view, &pair[0], &other)?) == plain(&eval(view, &pair[1], row)?);
        }
        if all {
            return Ok(Value::Truth(true));
        }
    }
    Ok(Value::Truth(false))
}

fn read(
    view: &BuildView<'_>,
    row: &Codes,
    column: Column,
    path: &[Step],
) -> Result<Value, EvaluateError> {
    let target = PathColumn {
        path: Arc::from(path),
        target: Target::Column(column),
    };
    let codes = view.scope().fetch(row, &target, &Control::new(None))?;
    Ok(value_at(
        &view.scope().decode(&codes, &Control::new(None))?,
        0,
    ))
}

pub fn value_at(values: &ArrayRef, position: usize) -> Value {
    if values.is_null(position) {
        return Value::Blank;
    }
    if let Some(texts) = values.as_string_opt::<i32>() {
        return Value::Text(texts.value(position).to_owned());
    }
    if let Some(numbers) = values.as_primitive_opt::<Int64Type>() {
        return Value::Number(numbers.value(position));
    }
    Value::Blank
}

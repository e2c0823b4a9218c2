//! One query, stage by stage: parse, bind, evaluate, present.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    Array, ArrayRef, Decimal64Array, Decimal128Array, RecordBatch, RecordBatchOptions,
};
use arrow::datatypes::{Field as ArrowField, Schema as ArrowSchema};
use chrono::{Local, Offset, Utc};
use dax::{Definition, DefinitionKind, Query};
use security::{Control, Scope, Target};

use crate::answer::{Answer, AnswerColumn, AnswerTable, Options, Statistics};
use crate::batch::Batch;
use crate::bind::{Binder, Groups, QueryMeasure, Wanted, folded};
use crate::bound::{TableExpr, Variable};
use crate::context::FilterContext;
use crate::define::define;
use crate::error::{Error, ErrorKind};
use crate::eval::Evaluator;
use crate::functions::{Asker, Clock, Environment};
use crate::value::{DataType, Value};
use crate::vector::{Data, Vector};

/// How many definitions a query may have. Each column and table among them is evaluated after all measures and functions are told.
const MAX_DEFINITIONS: usize = 10_000;

/// A query whose names are bound.
pub struct BoundQuery {
    pub variables: Rc<Vec<Variable>>,
    pub evaluates: Vec<BoundEvaluate>,
    pub groups: Groups,
}

pub struct BoundEvaluate {
    pub table: TableExpr,
    pub frame: u32,
    pub order: Vec<crate::bound::Order>,
    pub start_at: Vec<crate::bound::Scalar>,
}

/// Answers a query over what a view shows.
pub fn query(
    scope: &Scope,
    text: &str,
    options: &Options,
    control: &Control,
) -> Result<Answer, Error> {
    let started = Instant::now();
    let parsed = parse(text)?;
    query_parsed(scope, &parsed, started.elapsed(), options, control)
}

/// Answers a query that is parsed already, which took `parse_time`.
pub fn query_parsed(
    scope: &Scope,
    parsed: &Query,
    parse_time: Duration,
    options: &Options,
    control: &Control,
) -> Result<Answer, Error> {
    let environment = environment(scope);
    let started = Instant::now();
    let defined = define(scope, parsed, options, control, &environment)?;
    let scope = defined.scope();
    let define_time = started.elapsed();
    let started = Instant::now();
    let bound = bind(scope, parsed, options, control)?;
    let bind_time = started.elapsed();
    let started = Instant::now();
    let mut evaluator = Evaluator::new(scope, control, &options.limits, environment);
    let tables = run(&mut evaluator, bound)?;
    let reads = evaluator.environment.told();
    let mut stages = vec![("parse", parse_time)];
    if defined.is_extended() {
        stages.push(("define", define_time));
    }
    stages.extend([("bind", bind_time), ("evaluate", started.elapsed())]);
    let statistics = Statistics {
        scans: defined.scans + evaluator.scans.get(),
        cache_hits: 0,
        one_by_one: defined.one_by_one + evaluator.one_by_one.get(),
        stages,
    };
    Ok(Answer {
        tables,
        statistics,
        reads,
    })
}

/// The first error of the parser ends the query; `check` shows them all.
pub fn parse(text: &str) -> Result<Query, Error> {
    let parsed = dax::parse_query(text);
    match parsed.errors.into_iter().next() {
        Some(error) => Err(Error::new(ErrorKind::Syntax, error.span, error.message)),
        None => Ok(parsed.tree),
    }
}

pub fn bind(
    scope: &Scope,
    query: &Query,
    options: &Options,
    control: &Control,
) -> Result<BoundQuery, Error> {
    bind_with(scope, query, options, control, Wanted::InReach)
}

/// The same for a query in whose filter context columns stand that its text does not name: then every calculation group is in reach.
pub fn bind_with(
    scope: &Scope,
    query: &Query,
    options: &Options,
    control: &Control,
    wanted: Wanted,
) -> Result<BoundQuery, Error> {
    let mut binder = Binder::new(scope, &options.parameters).under(control);
    declare(&mut binder, query)?;
    let variables = bind_variables(&mut binder, &query.definitions)?;
    // Measures that no EVALUATE uses must still be valid.
    for definition in &query.definitions {
        if let DefinitionKind::Measure { name, .. } = &definition.kind {
            binder.measure_named(&name.text, name.span)?;
        }
    }
    let mut evaluates = Vec::new();
    for evaluate in &query.evaluates {
        let table = binder.bind_table(&evaluate.table)?;
        // A column in error would be shown with the rest of its table; nothing is left out without a word.
        for column in table.schema.fields.iter().filter_map(|f| f.lineage) {
            binder.refuse_in_error(Target::Column(column), evaluate.table.span)?;
        }
        let frame = binder.fresh();
        let schema = Rc::clone(&table.schema);
        let order = binder.with_rows(frame, schema, |b| {
            evaluate
                .order_by
                .iter()
                .map(|o| {
                    Ok(crate::bound::Order {
                        expr: b.bind_scalar(&o.expr)?,
                        descending: o.descending,
                    })
                })
                .collect::<Result<Vec<_>, Error>>()
        })?;
        let start_at = evaluate
            .start_at
            .iter()
            .map(|e| binder.bind_constant(e))
            .collect::<Result<Vec<_>, Error>>()?;
        evaluates.push(BoundEvaluate {
            table,
            frame,
            order,
            start_at,
        });
    }
    let groups = binder.calculation_groups(wanted)?;
    Ok(BoundQuery {
        variables: Rc::new(variables),
        evaluates,
        groups,
    })
}

/// Tells a binder of the measures and functions of the query. They may be used before they are defined; variables may not.
pub fn declare(binder: &mut Binder, query: &Query) -> Result<(), Error> {
    if query.definitions.len() > MAX_DEFINITIONS {
        let message = format!("the query has more than {MAX_DEFINITIONS} definitions");
        return Err(Error::nowhere(ErrorKind::Limit, message));
    }
    let tables: HashSet<String> = query
        .definitions
        .iter()
        .filter_map(|definition| match &definition.kind {
            DefinitionKind::Table { name, .. } => Some(folded(&name.text)),
            _ => None,
        })
        .collect();
    for definition in &query.definitions {
        binder.count(1)?;
        match &definition.kind {
            DefinitionKind::Measure { table, name, body } => {
                let table = match table {
                    // While the tables of the query are not there, its measures stand without them.
                    Some(table) if tables.contains(&folded(&table.text)) => {
                        binder.scope.find_table(&table.text)
                    }
                    Some(table) => Some(binder.model_table(table)?),
                    None => None,
                };
                binder.define_measure(QueryMeasure {
                    name: name.text.clone(),
                    table,
                    body: Rc::new(body.clone()),
                });
            }
            DefinitionKind::Function { name, function } => {
                if crate::functions::find(&name.text).is_some() {
                    let message = format!(
                        "{} is a function of DAX; a function of the query needs a name of its own",
                        name.text.to_uppercase()
                    );
                    return binder.error(ErrorKind::Argument, name.span, message);
                }
                refuse_repeated_parameters(binder, function)?;
                refuse_unknown_types(binder, function)?;
                if !binder.define_function(&name.text, function.clone()) {
                    let message = format!("the query defines the function {} twice", name.text);
                    return binder.error(ErrorKind::Argument, name.span, message);
                }
            }
            DefinitionKind::Var { .. }
            | DefinitionKind::Column { .. }
            | DefinitionKind::Table { .. } => {}
        }
    }
    Ok(())
}

fn refuse_repeated_parameters(binder: &Binder, function: &dax::Function) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for parameter in &function.parameters {
        let name = &parameter.name;
        if !seen.insert(folded(&name.text)) {
            let message = format!("the function has two parameters {}", name.text);
            return binder.error(ErrorKind::Argument, name.span, message);
        }
    }
    Ok(())
}

/// What the parameters of functions may be said to take.
const PARAMETER_TYPES: [&str; 18] = [
    "ANYREF",
    "ANYVAL",
    "BOOLEAN",
    "CALENDARREF",
    "COLUMNREF",
    "DATETIME",
    "DECIMAL",
    "DOUBLE",
    "EXPR",
    "INT64",
    "MEASUREREF",
    "NUMERIC",
    "SCALAR",
    "STRING",
    "TABLE",
    "TABLEREF",
    "VAL",
    "VARIANT",
];

/// Refuses parameters of types that there are not, and references that would be evaluated before the call.
fn refuse_unknown_types(binder: &Binder, function: &dax::Function) -> Result<(), Error> {
    for parameter in &function.parameters {
        let says = |word: &str| parameter.hints.iter().any(|hint| hint.text == word);
        for hint in &parameter.hints {
            let message = if !PARAMETER_TYPES.contains(&hint.text.as_str()) {
                format!("there is no type {} of parameters", hint.text)
            } else if hint.text.ends_with("REF") && says("VAL") {
                format!(
                    "{} is a reference, which cannot be passed as VAL",
                    hint.text
                )
            } else {
                continue;
            };
            return binder.error(ErrorKind::Argument, hint.span, message);
        }
    }
    Ok(())
}

/// Binds the variables among definitions, each for those after it.
pub fn bind_variables(
    binder: &mut Binder,
    definitions: &[Definition],
) -> Result<Vec<Variable>, Error> {
    let mut variables = Vec::new();
    for definition in definitions {
        if let DefinitionKind::Var { name, body } = &definition.kind {
            let variable = (name.clone(), body.clone());
            variables.extend(binder.bind_variables(std::slice::from_ref(&variable))?);
            binder.keep_query_variables();
        }
    }
    Ok(variables)
}

/// Runs a bound query.
pub fn run(evaluator: &mut Evaluator, bound: BoundQuery) -> Result<Vec<AnswerTable>, Error> {
    run_under(evaluator, bound, FilterContext::default())
}

/// Runs a bound query in a filter context.
pub fn run_under(
    evaluator: &mut Evaluator,
    bound: BoundQuery,
    filters: FilterContext,
) -> Result<Vec<AnswerTable>, Error> {
    evaluator.apply_groups(bound.groups);
    let root = Batch::root(filters).with_variables(&bound.variables);
    let mut left = evaluator.limits.result_rows;
    let mut tables = Vec::new();
    for evaluate in &bound.evaluates {
        // What a context tells of a query that has to stop is the stop, not the failure that it left there.
        let table = answer_table(evaluator, evaluate, &root, left)
            .map_err(|error| evaluator.still_wanted().err().unwrap_or(error))?;
        left -= table.batch.num_rows();
        evaluator.charge_answer(table.batch.get_array_memory_size())?;
        tables.push(table);
    }
    evaluator.still_wanted()?;
    Ok(tables)
}

fn answer_table(
    evaluator: &Evaluator,
    evaluate: &BoundEvaluate,
    root: &Rc<Batch>,
    limit: usize,
) -> Result<AnswerTable, Error> {
    let schema = &evaluate.table.schema;
    let rows = evaluator.table(&evaluate.table, root)?;
    if let Some((_, failure)) = rows.errors.as_ref().and_then(|list| list.first()) {
        return Err(Error::from(failure.clone()));
    }
    if rows.segment(0).len() > limit {
        return Err(Error::nowhere(
            ErrorKind::Limit,
            format!(
                "the result has more than {} rows",
                evaluator.limits.result_rows
            ),
        ));
    }
    let rows = Rc::new(rows);
    let mut positions: Vec<u32> = rows.segment(0).map(|r| r as u32).collect();
    if !evaluate.order.is_empty() {
        let iteration =
            evaluator.iterate_rows(Rc::clone(&rows), &evaluate.table, evaluate.frame, root)?;
        let keys = evaluator.order_keys(&evaluate.order, &iteration.batch)?;
        let mut places: Vec<u32> = (0..positions.len() as u32).collect();
        let sorted = keys.sort(&mut places, evaluator.control);
        evaluator.still_wanted()?;
        sorted.map_err(Error::from)?;
        if !evaluate.start_at.is_empty() {
            let start = evaluate
                .start_at
                .iter()
                .map(|e| evaluator.scalar(e, root))
                .collect::<Result<Vec<_>, Error>>()?;
            for vector in &start {
                evaluator.settle(vector)?;
            }
            places.retain(|&p| keys.not_before(p, &start));
        }
        positions = places.iter().map(|&p| positions[p as usize]).collect();
    }
    let taken = evaluator.spread_rows(&rows, &positions, vec![0, positions.len() as u32])?;
    let mut columns = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (index, field) in schema.fields.iter().enumerate() {
        let vector = evaluator.column_vector(&taken, schema, index)?;
        evaluator.settle(&vector)?;
        // A text that is the same in every row is one until here.
        if !matches!(vector.data, Data::Text(_)) && vector.data_type() == Some(DataType::Text) {
            evaluator.admit_texts(vector.text_bytes())?;
        }
        let (data_type, values, array) = present(&vector, field.data_type)?;
        columns.push(AnswerColumn {
            name: field.full_name(),
            data_type,
            format_string: field.format_string.clone(),
            values,
        });
        arrays.push(array);
    }
    let fields: Vec<ArrowField> = columns
        .iter()
        .zip(&arrays)
        .map(|(c, a)| ArrowField::new(&c.name, a.data_type().clone(), true))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(positions.len()));
    let batch =
        RecordBatch::try_new_with_options(Arc::new(ArrowSchema::new(fields)), arrays, &options)
            .map_err(|e| {
                Error::nowhere(
                    ErrorKind::Internal,
                    format!("the result does not fit its schema: {e}"),
                )
            })?;
    Ok(AnswerTable { columns, batch })
}

type Presented = (DataType, Option<Vec<Value>>, ArrayRef);

/// The array that a caller gets, with the column's type.
fn present(vector: &Vector, declared: DataType) -> Result<Presented, Error> {
    // Columns that are BLANK throughout take the type that the expression was bound with.
    let (data_type, vector) = match (&vector.data, vector.data_type()) {
        (Data::Constant(Value::Blank, n), _) => {
            let data_type = if matches!(
                declared,
                DataType::Unknown | DataType::Variant | DataType::Binary
            ) {
                DataType::Text
            } else {
                declared
            };
            let data = Data::typed(std::iter::repeat_n(Value::Blank, *n), data_type);
            (
                data_type,
                data.map_or_else(|| vector.clone(), |data| Vector { data, errors: None }),
            )
        }
        (_, found) => (found.unwrap_or(DataType::Text), vector.clone()),
    };
    if let Data::Variant(values) = &vector.data {
        return Ok((DataType::Variant, Some(values.to_vec()), vector.to_array()));
    }
    let (is_fixed, array) = widened(vector.to_array())?;
    Ok((
        if is_fixed { DataType::Fixed } else { data_type },
        None,
        array,
    ))
}

/// Fixed decimals as callers get them, everything else as it is.
pub fn widened(array: ArrayRef) -> Result<(bool, ArrayRef), Error> {
    let Some(fixed) = array.as_any().downcast_ref::<Decimal64Array>() else {
        return Ok((false, array));
    };
    let wide: Decimal128Array = (0..fixed.len())
        .map(|i| fixed.is_valid(i).then(|| i128::from(fixed.value(i))))
        .collect();
    let wide = wide
        .with_precision_and_scale(19, 4)
        .map_err(|e| Error::nowhere(ErrorKind::Internal, e.to_string()))?;
    Ok((true, Arc::new(wide)))
}

/// What scalar functions read besides their arguments.
pub fn environment(scope: &Scope) -> Environment {
    let identity = scope.identity();
    let now = Utc::now();
    let offset = i64::from(now.with_timezone(&Local).offset().fix().local_minus_utc());
    let utc = now.timestamp_micros();
    let seed = utc as u64
        ^ std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), utc);
    let clock = Clock {
        utc,
        local: utc + offset * 1_000_000,
    };
    let asker = Asker {
        culture: identity
            .user_culture()
            .map_or_else(|| scope.model().culture.clone(), str::to_string),
        model_culture: scope.model().culture.clone(),
        user_name: identity.user_name().map(str::to_string),
        user_principal_name: identity.user_name().map(str::to_string),
        user_object_id: Some(
            identity
                .user_object_id()
                .unwrap_or("00000000-0000-0000-0000-000000000000")
                .to_string(),
        ),
        custom_data: identity.user_custom_data().map(str::to_string),
    };
    Environment::new(clock, asker, seed)
}

/// Where an expression of the model stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Measure(security::Table),
    CalculatedColumn(security::Table),
    CalculatedTable,
    RowFilter(security::Table),
    Function,
    CalculationItem,
    FormatString,
    DetailRows(security::Table),
}

/// What is wrong with one expression of the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// The problems of its text, else the first that binding finds.
    pub errors: Vec<Error>,
    /// What fails wherever it is evaluated, while the rest of the expression can be asked.
    pub late: Vec<Error>,
}

/// Finds the problems of one expression of the model.
pub fn check_expression(scope: &Scope, place: Place, text: &str) -> Checked {
    let syntax = |errors: Vec<dax::Error>| Checked {
        errors: errors
            .into_iter()
            .map(|e| Error::new(ErrorKind::Syntax, e.span, e.message))
            .collect(),
        late: Vec::new(),
    };
    if place == Place::Function {
        return syntax(dax::parse_function(text).errors);
    }
    let parsed = dax::parse_expression(text);
    if !parsed.errors.is_empty() {
        return syntax(parsed.errors);
    }
    let mut binder = Binder::new(scope, &[]);
    // A filter that may fail would deny its role to everybody.
    binder.strict = matches!(place, Place::RowFilter(_));
    binder.lenient = true;
    let result = match place {
        Place::CalculatedTable => binder.bind_table(&parsed.tree).map(|_| ()),
        Place::DetailRows(table) => {
            binder.set_home(Some(table));
            binder.bind_table(&parsed.tree).map(|_| ())
        }
        Place::CalculatedColumn(table) | Place::RowFilter(table) => {
            bind_row_expression(&mut binder, table, &parsed.tree).map(|_| ())
        }
        Place::Measure(table) => {
            binder.set_home(Some(table));
            binder.bind_scalar(&parsed.tree).map(|_| ())
        }
        Place::CalculationItem | Place::FormatString | Place::Function => {
            binder.in_item = true;
            binder.bind_scalar(&parsed.tree).map(|_| ())
        }
    };
    Checked {
        errors: result.err().into_iter().collect(),
        late: binder.late,
    }
}

/// An expression in the row context of a table.
pub fn bind_row_expression(
    binder: &mut Binder,
    table: security::Table,
    tree: &dax::Expr,
) -> Result<(u32, crate::bound::Scalar), Error> {
    binder.set_home(Some(table));
    let frame = binder.fresh();
    let schema = binder.schema_of(table);
    let scalar = binder.with_rows(frame, schema, |b| b.bind_scalar(tree))?;
    Ok((frame, scalar))
}

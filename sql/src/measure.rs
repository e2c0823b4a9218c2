//! `MEASURE(name)`: a measure of the model as an aggregate function, evaluated by the DAX engine in the groups of the statement.
//!
//! Each measure that a statement names becomes a function of its own, without arguments, so that it has the measure's type. It has no accumulator:
//! an aggregate that holds it becomes a scan with the measure beside it, or is refused.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType as ArrowType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, not_impl_err};
use datafusion::logical_expr::expr::AggregateFunctionParams;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, LogicalPlan, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, ObjectNamePart, Statement, Value as SqlValue, VisitMut,
    VisitorMut,
};
use engine::{Error, ErrorKind};
use model::DataType;
use security::{Measure, Scope};

use crate::error::{carry, of_planning, refused};
use crate::types::sql_type;

/// The function that stands for one measure.
pub(crate) struct MeasureCall {
    pub measure: Measure,
    /// `MEASURE(Total Sales)`: as the header of a result has it too.
    name: String,
    data_type: ArrowType,
    signature: Signature,
}

impl fmt::Debug for MeasureCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl PartialEq for MeasureCall {
    fn eq(&self, other: &Self) -> bool {
        self.measure == other.measure
    }
}

impl Eq for MeasureCall {}

impl Hash for MeasureCall {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.measure.hash(state);
    }
}

impl AggregateUDFImpl for MeasureCall {
    fn name(&self) -> &str {
        &self.name
    }

    fn schema_name(&self, _params: &AggregateFunctionParams) -> Result<String> {
        Ok(self.name.clone())
    }

    fn display_name(&self, _params: &AggregateFunctionParams) -> Result<String> {
        Ok(self.name.clone())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[ArrowType]) -> Result<ArrowType> {
        Ok(self.data_type.clone())
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("a measure is evaluated in groups of columns alone")
    }
}

/// The measure that a function stands for.
pub(crate) fn measure_of(function: &AggregateUDF) -> Option<Measure> {
    let call = (function.inner().as_ref() as &dyn std::any::Any).downcast_ref::<MeasureCall>();
    call.map(|call| call.measure)
}

/// Puts the functions of measures in place of `MEASURE(name)`, and gives them.
pub(crate) fn functions(
    scope: &Scope,
    statement: &mut Statement,
) -> std::result::Result<Vec<Arc<AggregateUDF>>, Error> {
    let mut calls = Calls {
        scope,
        found: Vec::new(),
    };
    if let ControlFlow::Break(error) = statement.visit(&mut calls) {
        return Err(error);
    }
    let types = if calls.found.is_empty() {
        Vec::new()
    } else {
        engine::measure_types(scope, &calls.found)?
    };
    let mut functions = Vec::new();
    for (measure, data_type) in calls.found.iter().zip(types) {
        functions.push(Arc::new(AggregateUDF::from(call(
            scope, *measure, data_type,
        )?)));
    }
    Ok(functions)
}

fn call(
    scope: &Scope,
    measure: Measure,
    data_type: DataType,
) -> std::result::Result<MeasureCall, Error> {
    let name = function_name(scope, measure);
    let data_type = match data_type {
        DataType::Text => ArrowType::Utf8,
        other => sql_type(other).ok_or_else(|| {
            refused(format!(
                "{name} gives values of several types, which a column of SQL cannot hold"
            ))
        })?,
    };
    Ok(MeasureCall {
        measure,
        name,
        data_type,
        signature: Signature::nullary(Volatility::Stable),
    })
}

fn function_name(scope: &Scope, measure: Measure) -> String {
    format!("MEASURE({})", scope.measure(measure).name)
}

struct Calls<'a> {
    scope: &'a Scope,
    /// Each once, in the order of the statement.
    found: Vec<Measure>,
}

impl VisitorMut for Calls<'_> {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &mut SqlExpr) -> ControlFlow<Error> {
        let SqlExpr::Function(function) = expr else {
            return ControlFlow::Continue(());
        };
        if !is_measure(function) {
            return ControlFlow::Continue(());
        }
        let Some(name) = named(function) else {
            return ControlFlow::Break(Error::nowhere(
                ErrorKind::Argument,
                "MEASURE takes the name of one measure, and nothing else",
            ));
        };
        let Some(measure) = self.scope.find_measure(&name) else {
            return ControlFlow::Break(Error::nowhere(
                ErrorKind::UnknownName,
                format!("measure '{name}' not found"),
            ));
        };
        if !self.found.contains(&measure) {
            self.found.push(measure);
        }
        let name = Ident::with_quote('"', function_name(self.scope, measure));
        function.name = ObjectName(vec![ObjectNamePart::Identifier(name)]);
        function.args = FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: Vec::new(),
            clauses: Vec::new(),
        });
        ControlFlow::Continue(())
    }
}

fn is_measure(function: &Function) -> bool {
    match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => name.value.eq_ignore_ascii_case("measure"),
        _ => false,
    }
}

/// The name that `MEASURE(name)` asks for. None: another function, or none that is understood.
pub(crate) fn named_by(function: &Function) -> Option<String> {
    is_measure(function).then(|| named(function)).flatten()
}

fn named(function: &Function) -> Option<String> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let plain = list.duplicate_treatment.is_none()
        && list.clauses.is_empty()
        && function.over.is_none()
        && function.filter.is_none()
        && function.within_group.is_empty();
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(only))] if plain => match only {
            SqlExpr::Identifier(name) => Some(name.value.clone()),
            SqlExpr::Value(value) => match &value.value {
                SqlValue::SingleQuotedString(name) => Some(name.clone()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Refuses what is left of measures once aggregates have become scans.
pub(crate) fn none_left(plan: &LogicalPlan) -> std::result::Result<(), Error> {
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| match expr {
                Expr::AggregateFunction(function) if measure_of(&function.func).is_some() => {
                    Err(carry(refused(
                        "MEASURE is evaluated in groups of plain columns, over tables joined along active relationships, with conditions on one column each",
                    )))
                }
                _ => Ok(TreeNodeRecursion::Continue),
            })
        })
    })
    .map(|_| ())
    .map_err(of_planning)
}

/// The values of measures for rows of keys: found by key in the answer of the engine, NULL where it has no row.
pub(crate) fn beside(
    keys: &[ArrayRef],
    rows: usize,
    answer: &arrow::array::RecordBatch,
) -> Result<Vec<ArrayRef>> {
    let (known, values) = answer
        .columns()
        .split_at(keys.len().min(answer.num_columns()));
    let places: UInt32Array = if keys.is_empty() {
        (0..rows)
            .map(|_| (answer.num_rows() > 0).then_some(0))
            .collect()
    } else {
        let fields: Vec<SortField> = known
            .iter()
            .map(|array| SortField::new(array.data_type().clone()))
            .collect();
        let converter = RowConverter::new(fields)?;
        let found = converter.convert_columns(known)?;
        let by_key: std::collections::HashMap<_, u32> = found.iter().zip(0u32..).collect();
        let asked: Result<Vec<ArrayRef>> = keys
            .iter()
            .zip(known)
            .map(|(key, known)| Ok(cast(key, known.data_type())?))
            .collect();
        let asked = converter.convert_columns(&asked?)?;
        asked.iter().map(|row| by_key.get(&row).copied()).collect()
    };
    values
        .iter()
        .map(|array| {
            if array.is_empty() {
                return Ok(new_null_array(array.data_type(), rows));
            }
            Ok(take(array, &places, None)?)
        })
        .collect()
}

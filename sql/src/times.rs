//! Dates and times as the model keeps them, in microseconds, and lengths of time.
//!
//! DataFusion brings a time and a date, or a time and a text, to nanoseconds, which hold the years 1677 to 2262 alone; and a difference of two
//! times and an INTERVAL to months, days and nanoseconds, where 14 days are another value than 336 hours. Both are settled here,
//! before it looks at types.

use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Field, FieldRef, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, cast, lit,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::sql::sqlparser::ast::{DataType as SqlType, TimezoneInfo};

use crate::analyze::map_named;

const TIME: ArrowType = ArrowType::Timestamp(TimeUnit::Microsecond, None);
const LENGTH: ArrowType = ArrowType::Duration(TimeUnit::Microsecond);
const MICROSECONDS_OF_A_DAY: i64 = 86_400_000_000;

/// TIMESTAMP without a precision has that of the model.
#[derive(Debug)]
pub(crate) struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        Ok(match sql_type {
            SqlType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
                Some(Arc::new(Field::new("", TIME, true)))
            }
            _ => None,
        })
    }
}

/// The first rule of the analyzer.
#[derive(Debug)]
pub(crate) struct Times;

impl AnalyzerRule for Times {
    fn name(&self) -> &str {
        "times"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }
}

fn of_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = merge_schema(&plan.inputs());
    let changed = map_named(plan, |expr| of_expr(expr, &schema))?;
    if !changed.transformed {
        return Ok(changed);
    }
    changed.map_data(|plan| plan.recompute_schema())
}

fn of_expr(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let both = vec![*left, *right];
            let both = match (compares(op), op) {
                (true, _) => alike(both, schema, true)?,
                (_, Operator::Minus) => alike(both, schema, false)?,
                _ => Transformed::no(both),
            };
            Ok(both.update_data(|both| {
                let mut both = both.into_iter().map(Box::new);
                match (both.next(), both.next()) {
                    (Some(left), Some(right)) => Expr::BinaryExpr(BinaryExpr { left, op, right }),
                    _ => Expr::Literal(ScalarValue::Null, None),
                }
            }))
        }
        Expr::Between(Between {
            expr,
            negated,
            low,
            high,
        }) => {
            let all = vec![*expr, *low, *high];
            let all = alike(all, schema, true)?;
            Ok(all.update_data(|all| {
                let mut all = all.into_iter().map(Box::new);
                match (all.next(), all.next(), all.next()) {
                    (Some(expr), Some(low), Some(high)) => Expr::Between(Between {
                        expr,
                        negated,
                        low,
                        high,
                    }),
                    _ => Expr::Literal(ScalarValue::Null, None),
                }
            }))
        }
        Expr::InList(InList {
            expr,
            list,
            negated,
        }) => {
            let all = std::iter::once(*expr).chain(list).collect();
            let all = alike(all, schema, true)?;
            Ok(all.update_data(|all| {
                let mut all = all.into_iter();
                match all.next() {
                    Some(first) => Expr::InList(InList {
                        expr: Box::new(first),
                        list: all.collect(),
                        negated,
                    }),
                    None => Expr::Literal(ScalarValue::Null, None),
                }
            }))
        }
        Expr::Case(mut case) => {
            let results = case.when_then_expr.iter().map(|(_, then)| (**then).clone());
            let otherwise = case.else_expr.as_deref().cloned();
            let results: Vec<Expr> = results.chain(otherwise).collect();
            let results = alike(results, schema, false)?;
            Ok(results.update_data(|results| {
                let mut results = results.into_iter().map(Box::new);
                for ((_, then), result) in case.when_then_expr.iter_mut().zip(&mut results) {
                    *then = result;
                }
                case.else_expr = results.next();
                Expr::Case(case)
            }))
        }
        Expr::ScalarFunction(mut call) if chooses(call.func.name()) => {
            // NVL2 tests its first argument and gives one of the others.
            let tested = usize::from(call.func.name() == "nvl2").min(call.args.len());
            let rest = call.args.split_off(tested);
            let rest = alike(rest, schema, false)?;
            Ok(rest.update_data(|rest| {
                call.args.extend(rest);
                Expr::ScalarFunction(call)
            }))
        }
        other => Ok(Transformed::no(other)),
    }
}

pub(crate) fn compares(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

fn chooses(function: &str) -> bool {
    matches!(
        function,
        "coalesce" | "nullif" | "nvl" | "greatest" | "least" | "nvl2"
    )
}

/// Expressions that are about to be brought to one type. `texts`: a text among them is read as what the others are.
fn alike(all: Vec<Expr>, schema: &DFSchema, texts: bool) -> Result<Transformed<Vec<Expr>>> {
    let types: Vec<Option<ArrowType>> = all.iter().map(|e| e.get_type(schema).ok()).collect();
    let any = |what: &dyn Fn(&ArrowType) -> bool| types.iter().flatten().any(what);
    if any(&|t| *t == TIME) {
        let turned = |t: &ArrowType| *t == ArrowType::Date32 || texts && is_plain_text(t);
        if !any(&turned) {
            return Ok(Transformed::no(all));
        }
        let cast_to = |(expr, t): (Expr, &Option<ArrowType>)| match t {
            Some(t) if turned(t) => cast(expr, TIME),
            _ => expr,
        };
        return Ok(Transformed::yes(
            all.into_iter().zip(&types).map(cast_to).collect(),
        ));
    }
    let is_length = |t: &ArrowType| matches!(t, ArrowType::Duration(_));
    if any(&is_length) && any(&|t| matches!(t, ArrowType::Interval(_))) {
        let lengths = all.into_iter().zip(&types).map(|(expr, t)| match t {
            Some(t) if *t == LENGTH => Ok(expr),
            Some(t) if is_length(t) => Ok(cast(expr, LENGTH)),
            Some(ArrowType::Interval(_)) => as_length(&expr),
            _ => Ok(expr),
        });
        return Ok(Transformed::yes(lengths.collect::<Result<_>>()?));
    }
    Ok(Transformed::no(all))
}

fn is_plain_text(t: &ArrowType) -> bool {
    matches!(
        t,
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View
    )
}

/// An INTERVAL that is as long wherever it stands in the calendar.
fn as_length(expr: &Expr) -> Result<Expr> {
    let length = match expr {
        Expr::Alias(alias) => return as_length(&alias.expr),
        Expr::Negative(inner) => return Ok(Expr::Negative(Box::new(as_length(inner)?))),
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(value)), _) if value.months == 0 => {
            i64::from(value.days)
                .checked_mul(MICROSECONDS_OF_A_DAY)
                .and_then(|days| days.checked_add(value.nanoseconds / 1000))
        }
        Expr::Literal(ScalarValue::IntervalDayTime(Some(value)), _) => i64::from(value.days)
            .checked_mul(MICROSECONDS_OF_A_DAY)
            .and_then(|days| days.checked_add(i64::from(value.milliseconds) * 1000)),
        _ => None,
    };
    match length {
        Some(length) => Ok(lit(ScalarValue::DurationMicrosecond(Some(length)))),
        None => plan_err!(
            "a difference of two times compares with an INTERVAL of days, hours, minutes or seconds, written out; months have no length of their own"
        ),
    }
}

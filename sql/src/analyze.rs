//! Makes a plan compare text as the model does, once its types are settled: whatever compares, groups or joins by text does so by the folded
//! form, and whatever sorts by it by its place in the order of the collation. A column of a table has one spelling for texts that are equal, so grouping by it needs no folding.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ExprSchema, Result, plan_err};
use datafusion::functions_aggregate::min_max::min_udaf;
use datafusion::logical_expr::expr::{
    AggregateFunction, InList, InSubquery, ScalarFunction, WindowFunction,
};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Case, Distinct, Expr, ExprSchemable, Join, Like, LogicalPlan, Operator,
    Projection, SortExpr, Subquery, WindowFunctionDefinition, col,
};
use datafusion::optimizer::AnalyzerRule;

use crate::collate::{extreme_of, fold, null_if};
use crate::ordering;
use crate::spelling::is_spelled_once;
use crate::times::compares;
use crate::types::is_text;

/// The last rule of the analyzer.
#[derive(Debug)]
pub(crate) struct Collate;

impl AnalyzerRule for Collate {
    fn name(&self) -> &str {
        "collate"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }
}

/// Changes the expressions of a node from within, under the names that its columns had.
pub(crate) fn map_named(
    plan: LogicalPlan,
    mut change: impl FnMut(Expr) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&plan);
    let keeps_names = !matches!(plan, LogicalPlan::Sort(_) | LogicalPlan::TableScan(_));
    plan.map_expressions(|expr| {
        let saved = names.save(&expr);
        let changed = expr.transform_up(&mut change)?;
        Ok(changed.update_data(|expr| match keeps_names {
            true => saved.restore(expr),
            false => expr,
        }))
    })
}

fn of_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = merge_schema(&plan.inputs());
    let input = match plan.inputs().as_slice() {
        [only] => Some((*only).clone()),
        _ => None,
    };
    let folded = map_named(plan, |expr| of_expr(expr, &schema, input.as_ref()))?;
    let folded = folded.map_data(|plan| plan.recompute_schema())?;
    folded.transform_data(|plan| {
        Ok(match plan {
            LogicalPlan::Aggregate(aggregate) => of_aggregate(aggregate)?,
            LogicalPlan::Distinct(Distinct::All(input)) => of_distinct(input)?,
            LogicalPlan::Distinct(Distinct::On(on)) => {
                for expr in &on.on_expr {
                    if text(expr, on.input.schema())? && !is_spelled_once(&on.input, expr) {
                        return plan_err!(
                            "DISTINCT ON takes columns of tables where it takes text; use GROUP BY"
                        );
                    }
                }
                Transformed::no(LogicalPlan::Distinct(Distinct::On(on)))
            }
            LogicalPlan::Join(join) => of_join(join)?,
            LogicalPlan::Sort(mut sort) => {
                sort.expr = of_order(sort.expr, sort.input.schema())?;
                Transformed::yes(LogicalPlan::Sort(sort))
            }
            LogicalPlan::RecursiveQuery(query) => {
                let texts = query
                    .schema
                    .fields()
                    .iter()
                    .any(|field| is_text(field.data_type()));
                if query.is_distinct && texts {
                    return plan_err!("a recursive query over text takes UNION ALL");
                }
                Transformed::no(LogicalPlan::RecursiveQuery(query))
            }
            other => Transformed::no(other),
        })
    })
}

fn text(expr: &Expr, schema: &dyn ExprSchema) -> Result<bool> {
    Ok(is_text(&expr.get_type(schema)?))
}

fn fold_text(expr: Expr, schema: &dyn ExprSchema) -> Result<Expr> {
    Ok(if text(&expr, schema)? {
        fold(expr)
    } else {
        expr
    })
}

/// Whether an operator compares two texts, or a text with a pattern.
fn compares_texts(op: Operator) -> bool {
    compares(op)
        || matches!(
            op,
            Operator::LikeMatch
                | Operator::NotLikeMatch
                | Operator::ILikeMatch
                | Operator::NotILikeMatch
        )
}

/// What one operator becomes when it compares text.
fn of_expr(
    expr: Expr,
    schema: &DFSchema,
    input: Option<&LogicalPlan>,
) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if compares_texts(op) && text(&left, schema)? =>
        {
            Transformed::yes(match ordering::comparison(op) {
                Some(function) => function.call(vec![*left, *right]),
                None => {
                    let (left, right) = (Box::new(fold(*left)), Box::new(fold(*right)));
                    Expr::BinaryExpr(BinaryExpr { left, op, right })
                }
            })
        }
        Expr::Between(between) if text(&between.expr, schema)? => {
            let within = ordering::between(*between.expr, *between.low, *between.high);
            Transformed::yes(match between.negated {
                true => Expr::Not(Box::new(within)),
                false => within,
            })
        }
        Expr::InList(list) if text(&list.expr, schema)? => Transformed::yes(Expr::InList(InList {
            expr: Box::new(fold(*list.expr)),
            list: list.list.into_iter().map(fold).collect(),
            negated: list.negated,
        })),
        Expr::Like(like) if text(&like.expr, schema)? => {
            if like.escape_char.is_some_and(char::is_alphabetic) {
                return plan_err!(
                    "the escape of LIKE cannot be a letter where case does not count"
                );
            }
            Transformed::yes(Expr::Like(Like {
                expr: Box::new(fold(*like.expr)),
                pattern: Box::new(fold(*like.pattern)),
                case_insensitive: false,
                ..like
            }))
        }
        Expr::InSubquery(within) if text(&within.expr, schema)? => {
            Transformed::yes(Expr::InSubquery(of_membership(within)?))
        }
        Expr::SetComparison(comparison) if text(&comparison.expr, schema)? => {
            return plan_err!("ANY and ALL do not compare text here; use IN or EXISTS");
        }
        Expr::Case(case) => of_case(case, schema)?,
        Expr::ScalarFunction(call) => of_call(call, schema)?,
        Expr::AggregateFunction(function) => of_function(function, schema, input)?,
        Expr::WindowFunction(function) => of_window(*function, schema)?,
        other => Transformed::no(other),
    })
}

fn of_membership(within: InSubquery) -> Result<InSubquery> {
    let plan = within.subquery.subquery;
    let (qualifier, field) = plan.schema().qualified_field(0);
    let column = Expr::from((qualifier, field));
    let name = field.name().clone();
    let folded = Projection::try_new(vec![fold(column).alias(name)], plan)?;
    Ok(InSubquery {
        expr: Box::new(fold(*within.expr)),
        subquery: Subquery {
            subquery: Arc::new(LogicalPlan::Projection(folded)),
            outer_ref_columns: within.subquery.outer_ref_columns,
            spans: within.subquery.spans,
        },
        negated: within.negated,
    })
}

/// CASE of an operand compares it with each WHEN.
fn of_case(case: Case, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let operand = match &case.expr {
        Some(operand) if text(operand, schema)? => operand,
        _ => return Ok(Transformed::no(Expr::Case(case))),
    };
    let operand = Some(Box::new(fold((**operand).clone())));
    let branches = case.when_then_expr.into_iter();
    let branches = branches.map(|(when, then)| (Box::new(fold(*when)), then));
    Ok(Transformed::yes(Expr::Case(Case {
        expr: operand,
        when_then_expr: branches.collect(),
        else_expr: case.else_expr,
    })))
}

/// Functions that compare text themselves.
fn of_call(call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let compares = matches!(call.func.name(), "nullif" | "greatest" | "least");
    let texts = compares
        && call
            .args
            .first()
            .map(|first| text(first, schema))
            .transpose()?
            == Some(true);
    if !texts {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    }
    match (call.func.name(), <[Expr; 2]>::try_from(call.args)) {
        ("nullif", Ok([value, other])) => {
            let other = other.cast_to(&value.get_type(schema)?, schema)?;
            Ok(Transformed::yes(null_if(value, other)))
        }
        (name, _) => plan_err!("{name} does not compare text here; use CASE"),
    }
}

fn of_function(
    function: AggregateFunction,
    schema: &DFSchema,
    input: Option<&LogicalPlan>,
) -> Result<Transformed<Expr>> {
    let mut function = function;
    function.params.order_by = of_order(function.params.order_by, schema)?;
    let texts = match function.params.args.first() {
        Some(first) => text(first, schema)?,
        None => false,
    };
    if !texts {
        return Ok(Transformed::yes(Expr::AggregateFunction(function)));
    }
    if let Some(extreme) = extreme_of(function.func.name()) {
        function.func = extreme;
        function.params.distinct = false;
    }
    let once = |expr: &Expr| input.is_some_and(|input| is_spelled_once(input, expr));
    let distinct = function.params.distinct || function.func.name() == "approx_distinct";
    if distinct && !function.params.args.iter().all(once) {
        if !matches!(function.func.name(), "count" | "approx_distinct") {
            return plan_err!(
                "{} takes DISTINCT texts of columns of tables alone",
                function.func.name()
            );
        }
        let args = std::mem::take(&mut function.params.args).into_iter();
        function.params.args = args
            .map(|arg| fold_text(arg, schema))
            .collect::<Result<_>>()?;
    }
    Ok(Transformed::yes(Expr::AggregateFunction(function)))
}

fn of_window(function: WindowFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let mut function = function;
    let partition = std::mem::take(&mut function.params.partition_by).into_iter();
    function.params.partition_by = partition
        .map(|expr| fold_text(expr, schema))
        .collect::<Result<_>>()?;
    function.params.order_by = of_order(function.params.order_by, schema)?;
    let texts = match function.params.args.first() {
        Some(first) => text(first, schema)?,
        None => false,
    };
    if texts {
        if function.params.distinct {
            return plan_err!("a window function takes no DISTINCT texts");
        }
        if let WindowFunctionDefinition::AggregateUDF(aggregate) = &function.fun
            && let Some(extreme) = extreme_of(aggregate.name())
        {
            function.fun = WindowFunctionDefinition::AggregateUDF(extreme);
        }
    }
    Ok(Transformed::yes(Expr::WindowFunction(Box::new(function))))
}

fn of_order(order: Vec<SortExpr>, schema: &dyn ExprSchema) -> Result<Vec<SortExpr>> {
    order
        .into_iter()
        .map(|sort| {
            let expr = match text(&sort.expr, schema)? {
                true => ordering::key(sort.expr),
                false => sort.expr,
            };
            Ok(SortExpr { expr, ..sort })
        })
        .collect()
}

fn of_join(join: Join) -> Result<Transformed<LogicalPlan>> {
    let mut join = join;
    let mut changed = false;
    let mut on = Vec::with_capacity(join.on.len());
    for (left, right) in std::mem::take(&mut join.on) {
        if text(&left, join.left.schema())? {
            changed = true;
            on.push((fold(left), fold(right)));
        } else {
            on.push((left, right));
        }
    }
    join.on = on;
    let plan = LogicalPlan::Join(join);
    Ok(if changed {
        Transformed::yes(plan)
    } else {
        Transformed::no(plan)
    })
}

fn of_distinct(input: Arc<LogicalPlan>) -> Result<Transformed<LogicalPlan>> {
    let columns: Vec<Expr> = input.schema().iter().map(Expr::from).collect();
    let mut once = true;
    for column in &columns {
        once &= !text(column, input.schema())? || is_spelled_once(&input, column);
    }
    if once {
        return Ok(Transformed::no(LogicalPlan::Distinct(Distinct::All(input))));
    }
    of_aggregate(Aggregate::try_new(input, columns, Vec::new())?)
}

/// Groups by the folded form, and shows one of the spellings that fold to it.
fn of_aggregate(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let mut spelled = Vec::new();
    for (place, expr) in aggregate.group_expr.iter().enumerate() {
        let sets = matches!(expr, Expr::GroupingSet(_));
        let parts = match expr {
            Expr::GroupingSet(set) => set.distinct_expr().into_iter().cloned().collect(),
            other => vec![other.clone()],
        };
        for part in parts {
            if text(&part, aggregate.input.schema())? && !is_spelled_once(&aggregate.input, &part) {
                if sets {
                    return plan_err!(
                        "ROLLUP, CUBE and GROUPING SETS take columns of tables where they take text"
                    );
                }
                spelled.push(place);
            }
        }
    }
    if spelled.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let (mut groups, mut functions) = (Vec::new(), aggregate.aggr_expr.clone());
    let mut shown = Vec::new();
    for (place, expr) in aggregate.group_expr.iter().enumerate() {
        let (qualifier, field) = aggregate.schema.qualified_field(place);
        let bare = expr.clone().unalias();
        if spelled.contains(&place) {
            let name = format!("__spelled_{place}");
            groups.push(fold(bare.clone()).alias(format!("__folded_{place}")));
            functions.push(min_udaf().call(vec![bare]).alias(&name));
            shown.push(col(&name).alias_qualified(qualifier.cloned(), field.name()));
        } else {
            groups.push(expr.clone());
            shown.push(Expr::from((qualifier, field)));
        }
    }
    for place in aggregate.group_expr.len()..aggregate.schema.fields().len() {
        shown.push(Expr::from(aggregate.schema.qualified_field(place)));
    }
    let grouped = Aggregate::try_new(aggregate.input, groups, functions)?;
    let shown = Projection::try_new(shown, Arc::new(LogicalPlan::Aggregate(grouped)))?;
    Ok(Transformed::yes(LogicalPlan::Projection(shown)))
}

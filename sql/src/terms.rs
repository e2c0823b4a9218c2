//! What the expressions of a part of a query unfold to. The planner writes some of them out more than once: `coalesce(a, b)` is
//! `CASE WHEN a IS NOT NULL THEN a ELSE b END`, so that one in the other is a text that doubles with every level.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CaseWhen, Expr, Function, Query, Value, Visit, Visitor, WindowType,
};
use engine::Error;

use crate::bounds::{Estimate, Weight, keys_of};
use crate::functions;

/// How often a query is written out that ANY and ALL compare with: for rows that compare and for those that cannot be compared, each in a CASE
/// whose conditions are written out themselves.
const COMPARED: u64 = 5;

/// Weighs the expressions of a part of a query, and the queries that stand in them.
pub(crate) struct Within<'e, 'a> {
    estimate: &'e mut Estimate<'a>,
    of_column: u64,
    /// Of all expressions.
    pub terms: u64,
    /// The same as a query above sees them: what an aggregate or a window gives is a column there, and is not written out any more.
    pub above: u64,
    /// Tables, columns and expressions: each as often as the planner writes it out where it stands.
    pub size: u64,
    /// Expressions that stand in no other.
    pub keys: u64,
    /// Aggregates that stand over no window.
    pub aggregates: u64,
    pub windows: u64,
    pub window_keys: u64,
    /// Tables of queries within.
    pub tables: u64,
    /// Levels of queries in expressions.
    pub levels: u64,
    /// Levels of queries below the part that is weighed.
    below: usize,
    /// The expressions that are being visited, the innermost last: the terms of what stands in each.
    open: Vec<Vec<Terms>>,
}

/// Terms of one expression.
#[derive(Clone, Copy)]
struct Terms {
    whole: u64,
    above: u64,
    /// Where columns are columns, and queries are what they hold.
    alone: u64,
    /// Tables of its queries.
    tables: u64,
}

impl<'e, 'a> Within<'e, 'a> {
    pub fn new(estimate: &'e mut Estimate<'a>, of_column: u64) -> Within<'e, 'a> {
        Within {
            estimate,
            of_column,
            terms: 0,
            above: 0,
            size: 0,
            keys: 0,
            aggregates: 0,
            windows: 0,
            window_keys: 0,
            tables: 0,
            levels: 0,
            below: 0,
            open: Vec::new(),
        }
    }

    pub fn see(&mut self, part: &impl Visit) -> Result<(), Error> {
        match part.visit(self) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    fn put(&mut self, terms: Terms) {
        match self.open.last_mut() {
            Some(parts) => parts.push(terms),
            None => {
                self.terms = self.terms.saturating_add(terms.whole);
                self.above = self.above.saturating_add(terms.above);
                self.size = self.size.saturating_add(terms.alone);
                self.tables = self.tables.saturating_add(terms.tables);
            }
        }
    }

    fn put_query(&mut self, weight: Weight) {
        self.levels = self.levels.max(weight.levels.saturating_add(1));
        self.put(Terms {
            whole: weight.terms,
            above: weight.terms,
            alone: weight.size.saturating_mul(2),
            tables: weight.tables,
        });
    }

    fn put_function(&mut self, function: &Function) -> Result<(), Error> {
        if function.over.is_some() {
            self.windows = self.windows.saturating_add(1);
        } else if gives_a_column(function) {
            self.aggregates = self.aggregates.saturating_add(1);
        }
        match &function.over {
            Some(WindowType::WindowSpec(window)) => {
                let keys = keys_of(window)?;
                self.window_keys = self.window_keys.saturating_add(keys);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Visitor for Within<'_, '_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        self.below += 1;
        if self.below > 1 {
            return ControlFlow::Continue(());
        }
        match self.estimate.query(query) {
            Ok(weight) => {
                self.put_query(weight);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Error> {
        self.below = self.below.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        if self.below == 0 {
            if self.open.is_empty() {
                self.keys = self.keys.saturating_add(keys(expr));
            }
            self.open.push(Vec::new());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        if self.below > 0 {
            return ControlFlow::Continue(());
        }
        let Some(parts) = self.open.pop() else {
            return ControlFlow::Continue(());
        };
        if let Expr::Function(function) = expr
            && let Err(error) = self.put_function(function)
        {
            return ControlFlow::Break(error);
        }
        let of_column = match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.of_column,
            _ => 0,
        };
        let of = |way: fn(&Terms) -> u64| {
            let parts: Vec<u64> = parts.iter().map(way).collect();
            written_out(expr, &parts)
        };
        let here = of_column.saturating_add(1);
        let above = match expr {
            Expr::Function(function) if gives_a_column(function) => 1,
            _ => of(|terms| terms.above).saturating_add(here),
        };
        self.put(Terms {
            whole: of(|terms| terms.whole).saturating_add(here),
            above,
            alone: of(|terms| terms.alone).saturating_add(1),
            tables: of(|terms| terms.tables),
        });
        ControlFlow::Continue(())
    }
}

/// Keys that stand in one expression of a GROUP BY.
fn keys(expr: &Expr) -> u64 {
    let found = match expr {
        Expr::Cube(sets) | Expr::Rollup(sets) | Expr::GroupingSets(sets) => {
            sets.iter().map(Vec::len).sum()
        }
        Expr::Tuple(parts) => parts.len(),
        _ => 1,
    };
    u64::try_from(found).unwrap_or(u64::MAX)
}

/// Whether a function is an aggregate, or stands over a window.
fn gives_a_column(function: &Function) -> bool {
    function.over.is_some() || functions::is_aggregate(&name(function))
}

fn name(function: &Function) -> String {
    let last = function.name.0.last().and_then(|part| part.as_ident());
    last.map_or_else(String::new, |ident| ident.value.to_lowercase())
}

fn sum(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |all, part| all.saturating_add(*part))
}

/// The terms of an expression once the planner has written out what stands in it.
fn written_out(expr: &Expr, parts: &[u64]) -> u64 {
    let all = sum(parts);
    match expr {
        // a BETWEEN b AND c: a >= b AND a <= c.
        Expr::Between { .. } => all.saturating_add(parts.first().copied().unwrap_or(0)),
        Expr::Function(function) => match name(function).as_str() {
            "coalesce" | "nvl" | "ifnull" => {
                let doubled = parts.split_last().map_or(0, |(_, others)| sum(others));
                all.saturating_add(doubled)
            }
            _ => all,
        },
        Expr::AnyOp { .. } | Expr::AllOp { .. } => all.saturating_mul(COMPARED),
        Expr::Case {
            operand: None,
            conditions,
            ..
        } if may_be_logic(conditions) => {
            let whens = parts.iter().step_by(2).take(conditions.len());
            let whens = whens.fold(0u64, |all, part| all.saturating_add(*part));
            let times = u64::try_from(conditions.len()).unwrap_or(u64::MAX);
            all.saturating_add(whens.saturating_mul(times))
        }
        _ => all,
    }
}

/// Whether a CASE may be written out with AND and OR, where each condition stands with all before it: it gives TRUE and FALSE, and has few
/// branches or gives them as they are.
fn may_be_logic(conditions: &[CaseWhen]) -> bool {
    let plain = |branch: &CaseWhen| matches!(&branch.result, Expr::Value(value) if !matches!(value.value, Value::Boolean(_) | Value::Null));
    let column = |branch: &CaseWhen| {
        matches!(
            branch.result,
            Expr::Identifier(_) | Expr::CompoundIdentifier(_)
        )
    };
    let few = conditions.len() < 3;
    !conditions.iter().any(plain) && (few || !conditions.iter().any(column))
}

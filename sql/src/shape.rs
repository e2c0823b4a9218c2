//! Expressions in a shape that is planned in a time that grows with their length: chains of AND and OR become trees as deep as need be,
//! and what is deep by itself is refused, because planners walk it again at every level.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Statement, Value, Visit, VisitMut};
use datafusion::sql::sqlparser::ast::{Visitor, VisitorMut};
use engine::{Error, ErrorKind};

/// Levels of one expression.
const LEVELS: usize = 250;

/// Balances chains, and refuses what is too deep after that.
pub(crate) fn settle(statement: &mut Statement) -> Result<(), Error> {
    let ControlFlow::Continue(()) = VisitMut::visit(statement, &mut Balance);
    let mut depth = Depth { now: 0 };
    match Visit::visit(&*statement, &mut depth) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::nowhere(
            ErrorKind::Limit,
            format!(
                "an expression of the statement is more than {LEVELS} levels deep; long chains of || are shorter as concat(...)"
            ),
        )),
    }
}

struct Balance;

impl VisitorMut for Balance {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let op = match expr {
            Expr::BinaryOp { op, left, right }
                if matches!(op, BinaryOperator::And | BinaryOperator::Or)
                    && (is_chain(left, op) || is_chain(right, op)) =>
            {
                op.clone()
            }
            _ => return ControlFlow::Continue(()),
        };
        let whole = std::mem::replace(expr, Expr::Value(Value::Null.into()));
        *expr = balanced(&op, parts(whole, &op));
        ControlFlow::Continue(())
    }
}

fn is_chain(expr: &Expr, wanted: &BinaryOperator) -> bool {
    matches!(expr, Expr::BinaryOp { op, .. } if op == wanted)
}

/// What a chain joins, from left to right.
fn parts(whole: Expr, wanted: &BinaryOperator) -> Vec<Expr> {
    let (mut found, mut waiting) = (Vec::new(), vec![whole]);
    while let Some(next) = waiting.pop() {
        match next {
            Expr::BinaryOp { left, op, right } if op == *wanted => {
                waiting.push(*right);
                waiting.push(*left);
            }
            other => found.push(other),
        }
    }
    found
}

/// Neighbours are joined two by two, until one is left.
fn balanced(op: &BinaryOperator, parts: Vec<Expr>) -> Expr {
    let mut level = parts;
    while level.len() > 1 {
        let mut pairs = level.into_iter();
        let mut next = Vec::new();
        while let Some(left) = pairs.next() {
            next.push(match pairs.next() {
                Some(right) => Expr::BinaryOp {
                    left: Box::new(left),
                    op: op.clone(),
                    right: Box::new(right),
                },
                None => left,
            });
        }
        level = next;
    }
    let left = level.into_iter().next();
    left.unwrap_or_else(|| Expr::Value(Value::Null.into()))
}

struct Depth {
    now: usize,
}

impl Visitor for Depth {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.now += 1;
        match self.now > LEVELS {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.now = self.now.saturating_sub(1);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn settled(text: &str) -> Result<String, Error> {
        let mut statement = Parser::parse_sql(&GenericDialect {}, text)
            .unwrap()
            .remove(0);
        settle(&mut statement)?;
        Ok(statement.to_string())
    }

    /// Written out, a balanced chain reads as before: the order of its parts stays.
    #[test]
    fn chains_keep_their_order() {
        for text in [
            "SELECT 1 WHERE a OR b AND c AND d OR e OR NOT f OR (g OR h)",
            "SELECT a AND b AND c FROM t JOIN u ON a OR b OR c",
        ] {
            assert_eq!(settled(text).unwrap(), text);
        }
    }

    #[test]
    fn long_chains_are_shallow_and_deep_ones_refused() {
        let chain = |op: &str, length: usize| format!("SELECT {}", vec!["a"; length].join(op));
        assert!(settled(&chain(" OR ", 4000)).is_ok());
        assert!(settled(&chain(" AND ", 4000)).is_ok());
        assert!(settled(&chain(" || ", 200)).is_ok());
        for op in [" || ", " + "] {
            let error = settled(&chain(op, 400)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Limit);
        }
    }
}

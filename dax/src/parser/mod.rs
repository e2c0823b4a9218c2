//! Tokens to the syntax tree.
//!
//! Parsing goes on after an error: the parser skips to the next comma, closing bracket or clause, and whatever it
//! skipped stands in the tree as `ExprKind::Error`. One place in the text gets at most one error.

mod cursor;
mod expression;
mod query;
mod shape;

use crate::error::Error;
use crate::tokens::scan;
use crate::tree::{Expr, Function, Query};
use cursor::Parser;

/// How many brackets, calls and variable blocks may stand inside one another.
pub const MAX_NESTING: usize = 200;

/// How deep a tree may be. A chain such as `1 + 1 + 1` is one level deeper with every operator, and everything that
/// walks a tree recurses: without a bound, a long text would exhaust the stack.
pub const MAX_TREE_DEPTH: usize = 1_000;

/// A tree, and what was wrong with the text in the order of the text. With errors, the tree has gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed<T> {
    pub tree: T,
    pub errors: Vec<Error>,
}

/// Reads a query: `DEFINE ... EVALUATE ...`.
pub fn parse_query(text: &str) -> Parsed<Query> {
    parse(text, |parser| parser.query())
}

/// Reads one expression, scalar or table: the text of a measure, a calculated column, a calculated table or a role filter.
/// It may begin with the equals sign that formulas are written down with.
pub fn parse_expression(text: &str) -> Parsed<Expr> {
    parse(text, |parser| parser.whole_expression())
}

/// Reads a user-defined function as models store it: `(a : SCALAR VAL, b) => a + b`.
pub fn parse_function(text: &str) -> Parsed<Function> {
    parse(text, |parser| parser.whole_function())
}

fn parse<T>(text: &str, read: impl FnOnce(&mut Parser<'_>) -> T) -> Parsed<T> {
    let mut parser = Parser::new(text, scan(text));
    let tree = read(&mut parser);
    Parsed {
        tree,
        errors: parser.into_errors(),
    }
}

#[cfg(test)]
mod tests;

//! The pieces of which a visual calculation is written anew.

use dax::{BinaryOp, Expr, ExprKind, Name, Span};

use super::Written;
use crate::error::{Error, ErrorKind};

pub(super) fn refuse<T>(span: Span, message: impl Into<String>) -> Written<T> {
    Err(Error::new(ErrorKind::Argument, span, message))
}

pub(super) fn named(text: &str, span: Span) -> Name {
    Name {
        text: text.to_string(),
        span,
    }
}

/// A variable. Its name has spaces, which no name in a query can have.
pub(super) fn variable(name: &str, span: Span) -> Expr {
    bare(name, span)
}

pub(super) fn bare(word: &str, span: Span) -> Expr {
    let kind = ExprKind::Identifier {
        name: named(word, span),
        quoted: false,
    };
    Expr { kind, span }
}

pub(super) fn integer(value: i64, span: Span) -> Expr {
    Expr {
        kind: ExprKind::Integer(value),
        span,
    }
}

pub(super) fn call(function: &str, args: Vec<Expr>, span: Span) -> Expr {
    let kind = ExprKind::Call {
        name: named(function, span),
        args,
    };
    Expr { kind, span }
}

pub(super) fn binary(op: BinaryOp, left: Expr, right: Expr, span: Span) -> Expr {
    let kind = ExprKind::Binary {
        op,
        left: Box::new(left),
        right: Box::new(right),
    };
    Expr { kind, span }
}

pub(super) fn truth_of(word: &str) -> Option<bool> {
    match word.to_ascii_uppercase().as_str() {
        "TRUE" => Some(true),
        "FALSE" => Some(false),
        _ => None,
    }
}

/// How many expressions stand in an expression, itself among them.
pub(super) fn size(expr: &Expr) -> usize {
    let all = |list: &[Expr]| list.iter().map(size).sum::<usize>();
    1 + match &expr.kind {
        ExprKind::Call { args, .. } => all(args),
        ExprKind::Row(list) | ExprKind::Table(list) => all(list),
        ExprKind::Unary { operand, .. } => size(operand),
        ExprKind::Binary { left, right, .. } => size(left) + size(right),
        ExprKind::Let { vars, body } => {
            vars.iter().map(|(_, value)| size(value)).sum::<usize>() + size(body)
        }
        _ => 0,
    }
}

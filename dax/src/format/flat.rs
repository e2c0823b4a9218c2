//! Expressions on one line, and the pieces that are the same in every layout.

use std::collections::HashSet;

use super::Slot;
use crate::names;
use crate::tree::{BinaryOp, Expr, ExprKind, UnaryOp};

/// Writes expressions on one line as long as they fit.
pub(super) struct Flat<'a> {
    out: String,
    room: usize,
    own_functions: &'a HashSet<String>,
}

/// The expression on one line, or `None` when it is longer than `room` or has variables, which take lines of their own.
/// Gives up as soon as the room is used, so that the cost does not depend on the size of the tree.
pub(super) fn flat(
    expr: &Expr,
    slot: Slot,
    room: usize,
    own_functions: &HashSet<String>,
) -> Option<String> {
    let mut flat = Flat {
        out: String::new(),
        room,
        own_functions,
    };
    flat.expr(expr, slot)?;
    Some(flat.out)
}

impl Flat<'_> {
    fn push(&mut self, text: &str) -> Option<()> {
        self.out.push_str(text);
        (self.out.len() <= self.room).then_some(())
    }

    fn expr(&mut self, expr: &Expr, slot: Slot) -> Option<()> {
        if needs_brackets(expr, slot) {
            self.push("( ")?;
            self.expr(expr, Slot::FREE)?;
            return self.push(" )");
        }
        match &expr.kind {
            ExprKind::Call { name, args } => {
                self.push(&function_name(&name.text, self.own_functions))?;
                self.push(if args.is_empty() { " ()" } else { " (" })?;
                self.list(args, ")")
            }
            ExprKind::Row(items) => {
                self.push("(")?;
                self.list(items, ")")
            }
            ExprKind::Table(items) => {
                self.push("{")?;
                self.list(items, "}")
            }
            ExprKind::Unary { op, operand } => {
                self.push(prefix(*op, operand))?;
                self.expr(operand, operand_slot(*op, slot))
            }
            ExprKind::Binary { op, left, right } => {
                self.expr(left, left_slot(*op))?;
                self.push(" ")?;
                self.push(op.symbol())?;
                self.push(" ")?;
                self.expr(right, right_slot(*op, slot))
            }
            ExprKind::Let { .. } => None,
            leaf => self.push(&leaf_text(leaf)),
        }
    }

    /// The items and the closing bracket.
    fn list(&mut self, items: &[Expr], close: &str) -> Option<()> {
        if items.is_empty() {
            return if self.out.ends_with(')') {
                Some(())
            } else {
                self.push(close)
            };
        }
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.push(",")?;
            }
            if !matches!(item.kind, ExprKind::Omitted) || at == 0 {
                self.push(" ")?;
            }
            self.expr(item, Slot::FREE)?;
        }
        self.push(" ")?;
        self.push(close)
    }
}

/// Expressions that are one piece of text.
pub(super) fn leaf_text(kind: &ExprKind) -> String {
    match kind {
        ExprKind::Integer(value) => value.to_string(),
        // The shortest spelling that reads back as the same number, always with a point or an exponent.
        ExprKind::Double(value) => format!("{value:?}"),
        ExprKind::Text(content) => names::text(content),
        ExprKind::DateTime(content) => format!("dt{}", names::text(content)),
        ExprKind::Parameter(name) => format!("@{}", name.text),
        ExprKind::Identifier { name, quoted: true } => names::quoted(&name.text),
        ExprKind::Identifier {
            name,
            quoted: false,
        } => names::bare(&name.text),
        ExprKind::Qualified { table, column } => {
            names::table(table) + &names::bracketed(&column.text)
        }
        ExprKind::Bracket(name) => names::bracketed(&name.text),
        ExprKind::Variation {
            table,
            column,
            level,
        } => {
            format!(
                "{}{}.{}",
                names::table(table),
                names::bracketed(&column.text),
                names::bracketed(&level.text)
            )
        }
        ExprKind::Error => "/* ? */".to_owned(),
        _ => String::new(),
    }
}

/// Built-in functions consist of ASCII letters, digits and dots; any other name is somebody's own.
pub(super) fn function_name(name: &str, own_functions: &HashSet<String>) -> String {
    let built_in = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    if built_in && !own_functions.contains(&name.to_uppercase()) {
        name.to_ascii_uppercase()
    } else {
        name.to_owned()
    }
}

/// The prefix operator as written before this operand. Two minus signs in a row would begin a comment.
pub(super) fn prefix(op: UnaryOp, operand: &Expr) -> &'static str {
    let sign_follows = is_sign(operand);
    match op {
        UnaryOp::Not => "NOT ",
        UnaryOp::Plus if sign_follows => "+ ",
        UnaryOp::Plus => "+",
        UnaryOp::Minus if sign_follows => "- ",
        UnaryOp::Minus => "-",
    }
}

/// Whether the expression is written with a sign in front. Negative numbers do not come out of the parser, but trees
/// made by hand may have them.
fn is_sign(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Unary { .. } => true,
        ExprKind::Integer(value) => *value < 0,
        ExprKind::Double(value) => value.is_sign_negative(),
        _ => false,
    }
}

pub(super) fn needs_brackets(expr: &Expr, slot: Slot) -> bool {
    match &expr.kind {
        ExprKind::Binary { op, .. } => op.precedence() < slot.least,
        ExprKind::Unary { op, .. } => slot.follow >= op.precedence(),
        // A variable block takes all that follows; as an operand it always gets brackets, for the reader's sake.
        ExprKind::Let { .. } => slot.least > 0,
        _ => is_sign(expr) && slot.follow >= UnaryOp::Minus.precedence(),
    }
}

pub(super) fn operand_slot(op: UnaryOp, slot: Slot) -> Slot {
    Slot {
        least: op.precedence(),
        follow: slot.follow,
    }
}

pub(super) fn left_slot(op: BinaryOp) -> Slot {
    Slot {
        least: op.precedence(),
        follow: op.precedence(),
    }
}

pub(super) fn right_slot(op: BinaryOp, slot: Slot) -> Slot {
    Slot {
        least: op.precedence() + 1,
        follow: slot.follow,
    }
}

//! Row filters that may show more than their author thinks. Each finding has a code; docs/role-lint.md explains them.

use dax::{BinaryOp, Expr, ExprKind, Span, UnaryOp};

use super::{Findings, Severity};
use crate::types::{Source, same_name};

/// Looks through the filter of one role on one table.
pub(super) fn check(
    findings: &mut Findings,
    place: &Source,
    object: &str,
    text: &str,
    tree: &Expr,
) {
    let mut search = Search::default();
    search.visit(tree);
    search.whole(tree);
    for (code, span, message) in search.found {
        findings.within(
            Severity::Warning,
            place,
            object,
            message.to_string(),
            text,
            span,
        );
        findings.code(code);
    }
}

const CUSTOM_DATA: &str = "absent custom data is BLANK, and BLANK = \"\" is TRUE: a caller without custom data sees the rows whose value \
    is empty, and facts without a match; add NOT ISBLANK(CUSTOMDATA())";

const LOOKUP: &str = "what is looked up may be BLANK, and BLANK = \"\" and BLANK = 0 are TRUE: a caller who is not found may see the rows \
    whose value is empty, and facts without a match; compare with ==, or add NOT ISBLANK(...)";

const CONSTANT_USER: &str = "a user is compared with a constant: this may be left over from a test, and changes only with the model; keep \
    users in a table, or in a role of their own";

const FALLS_THROUGH: &str =
    "this may fall through to TRUE: whoever no condition meets sees every row; end with FALSE()";

const ALWAYS: &str = "the filter is TRUE for every row; if the role is to see all of the table, leave the filter out";

const NOT_EQUAL: &str = "rows without a value pass this test, and so do facts without a match; add NOT ISBLANK(...) if they must not";

#[derive(Default)]
struct Search {
    /// Variables, and what they stand for.
    variables: Vec<(String, Expr)>,
    /// The filter asks whether something is BLANK, so its author has thought of it.
    asks_blank: bool,
    found: Vec<(&'static str, Span, &'static str)>,
}

impl Search {
    fn add(&mut self, code: &'static str, span: Span, message: &'static str) {
        self.found.push((code, span, message));
    }

    /// What is true of the filter as a whole.
    fn whole(&mut self, tree: &Expr) {
        if self.asks_blank {
            self.found.retain(|(code, _, _)| {
                !matches!(
                    *code,
                    "role-blank-custom-data" | "role-blank-lookup" | "role-not-equal"
                )
            });
        }
        if truth(self.resolved(result_of(tree))) == Some(true) {
            self.found
                .retain(|(code, _, _)| *code != "role-falls-through");
            self.add("role-always-true", tree.span, ALWAYS);
        }
    }

    /// What a variable stands for, else the expression itself.
    fn resolved<'a>(&'a self, expr: &'a Expr) -> &'a Expr {
        let mut at = expr;
        // A variable of a variable, at most as often as there are variables.
        for _ in 0..self.variables.len() {
            let ExprKind::Identifier {
                name,
                quoted: false,
            } = &at.kind
            else {
                break;
            };
            let known = self.variables.iter().rev();
            match known
                .into_iter()
                .find(|(variable, _)| same_name(variable, &name.text))
            {
                Some((_, value)) => at = value,
                None => break,
            }
        }
        at
    }

    fn calls(&self, expr: &Expr, names: &[&str]) -> bool {
        matches!(&self.resolved(expr).kind, ExprKind::Call { name, .. }
            if names.iter().any(|known| same_name(known, &name.text)))
    }

    fn is_identity(&self, expr: &Expr) -> bool {
        self.calls(
            expr,
            &[
                "USERNAME",
                "USERPRINCIPALNAME",
                "USEROBJECTID",
                "CUSTOMDATA",
            ],
        )
    }

    fn is_lookup(&self, expr: &Expr) -> bool {
        match &self.resolved(expr).kind {
            ExprKind::Call { name, args } => {
                let called = |known: &str| same_name(known, &name.text);
                called("LOOKUPVALUE")
                    || called("MAXX")
                    || called("MINX")
                    || (called("SELECTEDVALUE") && args.len() == 1)
            }
            _ => false,
        }
    }

    fn visit(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Let { vars, body } => {
                for (name, value) in vars {
                    self.visit(value);
                    self.variables.push((name.text.clone(), value.clone()));
                }
                self.visit(body);
            }
            ExprKind::Call { name, args } => {
                self.call(expr.span, &name.text, args);
                args.iter().for_each(|one| self.visit(one));
            }
            ExprKind::Row(items) | ExprKind::Table(items) => {
                items.iter().for_each(|one| self.visit(one))
            }
            ExprKind::Unary { operand, .. } => self.visit(operand),
            ExprKind::Binary { op, left, right } => {
                self.binary(expr.span, *op, left, right);
                self.visit(left);
                self.visit(right);
            }
            _ => {}
        }
    }

    fn binary(&mut self, span: Span, op: BinaryOp, left: &Expr, right: &Expr) {
        let either = |test: &dyn Fn(&Expr) -> bool| test(left) || test(right);
        let constant = |expr: &Expr| is_constant(self.resolved(expr));
        match op {
            BinaryOp::Equal
                if either(&|side| self.calls(side, &["CUSTOMDATA"])) && !either(&constant) =>
            {
                self.add("role-blank-custom-data", span, CUSTOM_DATA);
            }
            BinaryOp::Equal | BinaryOp::StrictEqual | BinaryOp::In
                if either(&|side| self.is_identity(side)) && either(&constant) =>
            {
                self.add("role-constant-user", span, CONSTANT_USER);
            }
            BinaryOp::Equal if either(&|side| self.is_lookup(side)) => {
                self.add("role-blank-lookup", span, LOOKUP);
            }
            // Against BLANK itself, rows without a value are what it is about.
            BinaryOp::NotEqual
                if either(&constant)
                    && !either(&|side| self.is_identity(side))
                    && !either(&|side| self.calls(side, &["BLANK"]))
                    && !either(&|side| is_empty(self.resolved(side))) =>
            {
                self.add("role-not-equal", span, NOT_EQUAL);
            }
            BinaryOp::Or if either(&|side| truth(self.resolved(side)) == Some(true)) => {
                self.add("role-falls-through", span, FALLS_THROUGH);
            }
            _ => {}
        }
    }

    fn call(&mut self, span: Span, name: &str, args: &[Expr]) {
        let called = |known: &str| same_name(known, name);
        let is_true =
            |at: Option<&Expr>| at.is_some_and(|one| truth(self.resolved(one)) == Some(true));
        let falls = if called("IF") || called("IF.EAGER") {
            is_true(args.get(2))
        } else if called("SWITCH") {
            // The value, pairs, and then the rest where one is left over.
            args.len().is_multiple_of(2) && is_true(args.last())
        } else if called("IFERROR") || called("COALESCE") {
            args.len() > 1 && is_true(args.last())
        } else if called("OR") {
            args.iter().any(|one| is_true(Some(one)))
        } else {
            false
        };
        if falls {
            self.add("role-falls-through", span, FALLS_THROUGH);
        }
        if called("SWITCH")
            && args.first().is_some_and(|one| self.is_identity(one))
            && args.iter().skip(1).step_by(2).any(is_constant)
        {
            self.add("role-constant-user", span, CONSTANT_USER);
        }
        self.asks_blank |= called("ISBLANK") || called("BLANK") || called("ISEMPTY");
    }
}

/// The expression whose value an expression has.
fn result_of(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Let { body, .. } => result_of(body),
        _ => expr,
    }
}

fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Text(_) | ExprKind::Integer(_) | ExprKind::Double(_) | ExprKind::DateTime(_) => {
            true
        }
        ExprKind::Table(items) | ExprKind::Row(items) => items.iter().all(is_constant),
        _ => false,
    }
}

fn is_empty(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Text(text) if text.trim().is_empty())
}

/// TRUE or FALSE whatever the row, where that can be read off.
fn truth(expr: &Expr) -> Option<bool> {
    match &expr.kind {
        ExprKind::Integer(number) => Some(*number != 0),
        ExprKind::Identifier {
            name,
            quoted: false,
        } if same_name(&name.text, "TRUE") => Some(true),
        ExprKind::Identifier {
            name,
            quoted: false,
        } if same_name(&name.text, "FALSE") => Some(false),
        ExprKind::Call { name, args } => {
            let called = |known: &str| same_name(known, &name.text);
            match args.as_slice() {
                [] if called("TRUE") => Some(true),
                [] if called("FALSE") => Some(false),
                [one] if called("NOT") => truth(one).map(|value| !value),
                [a, b] if called("OR") => either(truth(a), truth(b)),
                [a, b] if called("AND") => both(truth(a), truth(b)),
                _ => None,
            }
        }
        ExprKind::Unary {
            op: UnaryOp::Not,
            operand,
        } => truth(operand).map(|value| !value),
        ExprKind::Binary { op, left, right } => match (op, &left.kind, &right.kind) {
            (BinaryOp::Or, _, _) => either(truth(left), truth(right)),
            (BinaryOp::And, _, _) => both(truth(left), truth(right)),
            (
                BinaryOp::Equal | BinaryOp::StrictEqual,
                ExprKind::Integer(a),
                ExprKind::Integer(b),
            ) => Some(a == b),
            (BinaryOp::Equal | BinaryOp::StrictEqual, ExprKind::Text(a), ExprKind::Text(b)) => {
                Some(a == b)
            }
            _ => None,
        },
        _ => None,
    }
}

fn either(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

fn both(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

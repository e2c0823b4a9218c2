//! Queries and expressions over several lines.

use std::collections::HashSet;

use super::Slot;
use super::flat::{
    flat, function_name, leaf_text, left_slot, needs_brackets, operand_slot, prefix, right_slot,
};
use crate::names;
use crate::tree::{
    BinaryOp, Definition, DefinitionKind, Evaluate, Expr, ExprKind, Function, FunctionParameter,
    Name, OrderBy, Query, VisualShape,
};

/// What does not fit into this many characters is broken into lines.
const WIDTH: usize = 100;
const INDENT: usize = 4;

/// Functions that take pairs of a name and an expression; a pair stays on one line.
const TAKE_PAIRS: [&str; 6] = [
    "ADDCOLUMNS",
    "GROUPBY",
    "ROW",
    "SELECTCOLUMNS",
    "SUMMARIZE",
    "SUMMARIZECOLUMNS",
];

pub(super) struct Layout {
    out: String,
    line_start: usize,
    indent: usize,
    own_functions: HashSet<String>,
}

impl Layout {
    /// `own_functions`: user-defined functions in upper case, whose spelling is kept.
    pub(super) fn new(own_functions: HashSet<String>) -> Self {
        Layout {
            out: String::new(),
            line_start: 0,
            indent: 0,
            own_functions,
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn push(&mut self, text: &str) {
        // Indentation waits for something to indent, so that no line ends in spaces.
        if self.out.len() == self.line_start {
            self.out
                .extend(std::iter::repeat_n(' ', self.indent * INDENT));
        }
        self.out.push_str(text);
    }

    fn newline(&mut self) {
        self.out.push('\n');
        self.line_start = self.out.len();
    }

    fn room(&self) -> usize {
        let used = (self.out.len() - self.line_start).max(self.indent * INDENT);
        // One character is kept for the comma that may follow.
        WIDTH.saturating_sub(used + 1)
    }

    fn indented(&mut self, write: impl FnOnce(&mut Self)) {
        self.indent += 1;
        self.newline();
        write(self);
        self.indent -= 1;
    }

    // --- Queries

    pub(super) fn query(&mut self, query: &Query) {
        if !query.definitions.is_empty() {
            self.push("DEFINE");
            for definition in &query.definitions {
                self.indented(|layout| layout.definition(definition));
            }
        }
        for evaluate in &query.evaluates {
            if !self.out.is_empty() {
                self.newline();
                self.newline();
            }
            self.evaluate(evaluate);
        }
    }

    fn definition(&mut self, definition: &Definition) {
        let (head, body) = match &definition.kind {
            DefinitionKind::Measure { table, name, body } => {
                let table = table.as_ref().map(names::table).unwrap_or_default();
                (
                    format!("MEASURE {table}{}", names::bracketed(&name.text)),
                    body,
                )
            }
            DefinitionKind::Var { name, body } => (format!("VAR {}", name.text), body),
            DefinitionKind::Column { table, name, body } => (
                format!(
                    "COLUMN {}{}",
                    names::table(table),
                    names::bracketed(&name.text)
                ),
                body,
            ),
            DefinitionKind::Table { name, body, shape } => {
                self.push(&format!("TABLE {} =", names::table(name)));
                self.indented(|layout| layout.expression(body));
                return shape.iter().for_each(|shape| self.visual_shape(shape));
            }
            DefinitionKind::Function { name, function } => {
                self.push(&format!("FUNCTION {} =", name.text));
                return self.indented(|layout| layout.function(function));
            }
        };
        self.push(&head);
        self.push(" =");
        self.indented(|layout| layout.expression(body));
    }

    fn visual_shape(&mut self, shape: &VisualShape) {
        let columns = |columns: &[Name]| {
            let columns = columns.iter().map(|column| names::bracketed(&column.text));
            columns.collect::<Vec<_>>().join(", ")
        };
        self.indented(|layout| layout.push("WITH VISUAL SHAPE"));
        for axis in &shape.axes {
            self.indented(|layout| {
                layout.push(&format!("AXIS {}", axis.name.text));
                for group in &axis.groups {
                    let total = group.total.iter();
                    let total: String = total
                        .map(|total| format!(" TOTAL {}", names::bracketed(&total.text)))
                        .collect();
                    let line = format!("GROUP {}{total}", columns(&group.columns));
                    layout.indented(|layout| layout.push(&line));
                }
                let keys = axis.order.iter().map(|key| {
                    let suffix = if key.descending { " DESC" } else { "" };
                    names::bracketed(&key.column.text) + suffix
                });
                let keys: Vec<String> = keys.collect();
                if !keys.is_empty() {
                    let line = format!("ORDER BY {}", keys.join(", "));
                    layout.indented(|layout| layout.push(&line));
                }
            });
        }
        if let Some(name) = &shape.densify {
            let line = format!("DENSIFY {}", names::text(&name.text));
            self.indented(|layout| layout.push(&line));
        }
    }

    pub(super) fn function(&mut self, function: &Function) {
        if function.parameters.is_empty() {
            self.push("() =>");
        } else {
            self.push("(");
            for (at, parameter) in function.parameters.iter().enumerate() {
                self.push(if at == 0 { " " } else { ", " });
                self.parameter(parameter);
            }
            self.push(" ) =>");
        }
        self.indented(|layout| layout.expression(&function.body));
    }

    fn parameter(&mut self, parameter: &FunctionParameter) {
        self.push(&parameter.name.text);
        for (at, hint) in parameter.hints.iter().enumerate() {
            self.push(if at == 0 { " : " } else { " " });
            self.push(&hint.text);
        }
        if let Some(default) = &parameter.default {
            self.push(" = ");
            self.expression(default);
        }
    }

    fn evaluate(&mut self, evaluate: &Evaluate) {
        self.push("EVALUATE");
        self.newline();
        self.expression(&evaluate.table);
        if !evaluate.order_by.is_empty() {
            self.newline();
            self.clause("ORDER BY", &evaluate.order_by, |key: &OrderBy| {
                (&key.expr, if key.descending { " DESC" } else { "" })
            });
        }
        if !evaluate.start_at.is_empty() {
            self.newline();
            self.clause("START AT", &evaluate.start_at, |value| (value, ""));
        }
    }

    /// A keyword and its list: on one line if it fits, else one item a line.
    fn clause<T>(
        &mut self,
        keyword: &str,
        items: &[T],
        parts: impl Fn(&T) -> (&Expr, &'static str),
    ) {
        self.push(keyword);
        let one_line: Option<Vec<String>> = items
            .iter()
            .map(|item| {
                let (expr, suffix) = parts(item);
                Some(flat(expr, Slot::FREE, WIDTH, &self.own_functions)? + suffix)
            })
            .collect();
        let one_line = one_line
            .map(|items| items.join(", "))
            .filter(|line| line.len() < self.room());
        if let Some(line) = one_line {
            self.push(" ");
            return self.push(&line);
        }
        for (at, item) in items.iter().enumerate() {
            let (expr, suffix) = parts(item);
            self.indented(|layout| {
                layout.expression(expr);
                layout.push(suffix);
            });
            if at + 1 < items.len() {
                self.push(",");
            }
        }
    }

    // --- Expressions

    pub(super) fn expression(&mut self, expr: &Expr) {
        self.expr(expr, Slot::FREE);
    }

    fn expr(&mut self, expr: &Expr, slot: Slot) {
        if let Some(line) = flat(expr, slot, self.room(), &self.own_functions) {
            return self.push(&line);
        }
        if needs_brackets(expr, slot) {
            self.push("(");
            self.indented(|layout| layout.expression(expr));
            self.newline();
            return self.push(")");
        }
        match &expr.kind {
            ExprKind::Call { name, args } => {
                let name = function_name(&name.text, &self.own_functions);
                let pairs = TAKE_PAIRS.contains(&name.as_str());
                self.push(&name);
                self.push(" ");
                self.list("(", args, ")", pairs);
            }
            ExprKind::Row(items) => self.list("(", items, ")", false),
            ExprKind::Table(items) => self.list("{", items, "}", false),
            ExprKind::Unary { op, operand } => {
                self.push(prefix(*op, operand));
                self.expr(operand, operand_slot(*op, slot));
            }
            ExprKind::Binary { op, .. } => self.chain(expr, *op, slot),
            ExprKind::Let { vars, body } => {
                for (name, value) in vars {
                    self.push(&format!("VAR {} =", name.text));
                    self.indented(|layout| layout.expression(value));
                    self.newline();
                }
                self.push("RETURN");
                self.indented(|layout| layout.expression(body));
            }
            leaf => self.push(&leaf_text(leaf)),
        }
    }

    fn list(&mut self, open: &str, items: &[Expr], close: &str, pairs: bool) {
        self.push(open);
        self.indent += 1;
        let mut same_line = false;
        for (at, item) in items.iter().enumerate() {
            let last = at + 1 == items.len();
            let omitted = matches!(item.kind, ExprKind::Omitted);
            if same_line {
                self.push(" ");
            } else if !(last && omitted) {
                self.newline();
            }
            self.expression(item);
            if !last {
                self.push(",");
            }
            let next_omitted = items
                .get(at + 1)
                .is_some_and(|next| matches!(next.kind, ExprKind::Omitted));
            same_line =
                pairs && !same_line && !next_omitted && matches!(item.kind, ExprKind::Text(_));
        }
        self.indent -= 1;
        self.newline();
        self.push(close);
    }

    /// Operators of one precedence that group from the left, one a line.
    fn chain(&mut self, expr: &Expr, op: BinaryOp, slot: Slot) {
        let mut links: Vec<(BinaryOp, &Expr)> = Vec::new();
        let mut first = expr;
        while let ExprKind::Binary {
            op: link,
            left,
            right,
        } = &first.kind
            && link.precedence() == op.precedence()
        {
            links.push((*link, right));
            first = left;
        }
        self.expr(first, left_slot(op));
        self.indent += 1;
        for (at, (link, right)) in links.iter().enumerate().rev() {
            self.newline();
            self.push(link.symbol());
            self.push(" ");
            // All links but the outermost, which is the first collected, are followed by the next one.
            let follow = if at == 0 { slot } else { left_slot(op) };
            self.expr(right, right_slot(*link, follow));
        }
        self.indent -= 1;
    }
}

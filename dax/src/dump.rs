//! Tokens and trees as text, one piece a line, for tests and for people who ask how a text was read.
//!
//! A dump tells everything but the spans: two trees with the same dump mean the same.

use std::fmt::Write;

use crate::names;
use crate::tokens::lex;
use crate::tree::{
    Definition, DefinitionKind, Evaluate, Expr, ExprKind, Function, Name, Query, VisualShape,
};

/// One token a line, with its line and column: `1:5 Identifier Sales`. The errors follow in the same form.
pub fn dump_tokens(text: &str) -> String {
    let (tokens, errors) = lex(text);
    let mut out = String::new();
    let mut place = Place::default();
    for token in tokens {
        place.advance(text, token.span.start as usize);
        let source = text
            .get(token.span.start as usize..token.span.end as usize)
            .unwrap_or("");
        let shown = source.replace('\r', "\\r").replace('\n', "\\n");
        line(
            &mut out,
            0,
            &format!(
                "{}:{} {:?} {shown}",
                place.line + 1,
                place.column + 1,
                token.kind
            ),
        );
    }
    let mut place = Place::default();
    for error in errors {
        place.advance(text, error.span.start as usize);
        line(
            &mut out,
            0,
            &format!(
                "{}:{} error: {}",
                place.line + 1,
                place.column + 1,
                error.message
            ),
        );
    }
    out
}

/// A place that moves forward only, so that a long line is counted once.
#[derive(Default)]
struct Place {
    offset: usize,
    line: usize,
    column: usize,
}

impl Place {
    fn advance(&mut self, text: &str, to: usize) {
        for c in text.get(self.offset..to).unwrap_or("").chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 0;
            } else {
                self.column += 1;
            }
        }
        self.offset = to.max(self.offset);
    }
}

/// The tree of a query.
pub fn dump_query(query: &Query) -> String {
    let mut out = String::new();
    for definition in &query.definitions {
        dump_definition(&mut out, definition);
    }
    for evaluate in &query.evaluates {
        dump_evaluate(&mut out, evaluate);
    }
    out
}

/// The tree of an expression.
pub fn dump_expr(expr: &Expr) -> String {
    let mut out = String::new();
    dump_at(&mut out, 0, expr);
    out
}

/// The tree of a user-defined function.
pub fn dump_function(function: &Function) -> String {
    let mut out = String::new();
    dump_function_at(&mut out, 0, function);
    out
}

fn line(out: &mut String, indent: usize, content: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{:1$}{content}", "", indent * 2);
}

fn column(table: &Name, column: &Name) -> String {
    names::quoted(&table.text) + &names::bracketed(&column.text)
}

fn dump_definition(out: &mut String, definition: &Definition) {
    let (head, body) = match &definition.kind {
        DefinitionKind::Measure {
            table: Some(table),
            name,
            body,
        } => (format!("Define Measure {}", column(table, name)), body),
        DefinitionKind::Measure {
            table: None,
            name,
            body,
        } => (
            format!("Define Measure {}", names::bracketed(&name.text)),
            body,
        ),
        DefinitionKind::Var { name, body } => (format!("Define Var {}", name.text), body),
        DefinitionKind::Column { table, name, body } => {
            (format!("Define Column {}", column(table, name)), body)
        }
        DefinitionKind::Table { name, body, shape } => {
            line(
                out,
                0,
                &format!("Define Table {}", names::quoted(&name.text)),
            );
            dump_at(out, 1, body);
            return dump_shape(out, shape.as_ref());
        }
        DefinitionKind::Function { name, function } => {
            line(out, 0, &format!("Define Function {}", name.text));
            return dump_function_at(out, 1, function);
        }
    };
    line(out, 0, &head);
    dump_at(out, 1, body);
}

fn dump_shape(out: &mut String, shape: Option<&VisualShape>) {
    let Some(shape) = shape else {
        return;
    };
    for axis in &shape.axes {
        line(out, 1, &format!("Axis {}", axis.name.text));
        for group in &axis.groups {
            line(out, 2, "Group");
            for column in &group.columns {
                line(out, 3, &names::bracketed(&column.text));
            }
            if let Some(total) = &group.total {
                line(out, 3, &format!("Total {}", names::bracketed(&total.text)));
            }
        }
        for key in &axis.order {
            let direction = if key.descending {
                "Descending"
            } else {
                "Ascending"
            };
            let column = names::bracketed(&key.column.text);
            line(out, 2, &format!("OrderBy {direction} {column}"));
        }
    }
    if let Some(name) = &shape.densify {
        line(out, 1, &format!("Densify {}", names::text(&name.text)));
    }
}

fn dump_function_at(out: &mut String, indent: usize, function: &Function) {
    for parameter in &function.parameters {
        let hints: String = parameter
            .hints
            .iter()
            .map(|hint| format!(" {}", hint.text))
            .collect();
        line(
            out,
            indent,
            &format!("Parameter {}{hints}", parameter.name.text),
        );
        if let Some(default) = &parameter.default {
            dump_at(out, indent + 1, default);
        }
    }
    line(out, indent, "Body");
    dump_at(out, indent + 1, &function.body);
}

fn dump_evaluate(out: &mut String, evaluate: &Evaluate) {
    line(out, 0, "Evaluate");
    dump_at(out, 1, &evaluate.table);
    for key in &evaluate.order_by {
        line(
            out,
            1,
            if key.descending {
                "OrderBy Descending"
            } else {
                "OrderBy Ascending"
            },
        );
        dump_at(out, 2, &key.expr);
    }
    for value in &evaluate.start_at {
        line(out, 1, "StartAt");
        dump_at(out, 2, value);
    }
}

fn dump_at(out: &mut String, indent: usize, expr: &Expr) {
    line(out, indent, &label(&expr.kind));
    let below = indent + 1;
    match &expr.kind {
        ExprKind::Call { args: items, .. } | ExprKind::Row(items) | ExprKind::Table(items) => {
            for item in items {
                dump_at(out, below, item);
            }
        }
        ExprKind::Unary { operand, .. } => dump_at(out, below, operand),
        ExprKind::Binary { left, right, .. } => {
            dump_at(out, below, left);
            dump_at(out, below, right);
        }
        ExprKind::Let { vars, body } => {
            for (name, value) in vars {
                line(out, below, &format!("Var {}", name.text));
                dump_at(out, below + 1, value);
            }
            line(out, below, "Return");
            dump_at(out, below + 1, body);
        }
        _ => {}
    }
}

/// The line of a node, without what is below it.
fn label(kind: &ExprKind) -> String {
    match kind {
        ExprKind::Integer(value) => format!("Integer {value}"),
        ExprKind::Double(value) => format!("Double {value:?}"),
        ExprKind::Text(value) => format!("Text {value:?}"),
        ExprKind::DateTime(value) => format!("DateTime {value:?}"),
        ExprKind::Parameter(name) => format!("Parameter @{}", name.text),
        ExprKind::Identifier { name, quoted: true } => {
            format!("Identifier {}", names::quoted(&name.text))
        }
        ExprKind::Identifier {
            name,
            quoted: false,
        } => format!("Identifier {}", name.text),
        ExprKind::Qualified {
            table,
            column: name,
        } => format!("Qualified {}", column(table, name)),
        ExprKind::Bracket(name) => format!("Bracket {}", names::bracketed(&name.text)),
        ExprKind::Variation {
            table,
            column: name,
            level,
        } => {
            format!(
                "Variation {}.{}",
                column(table, name),
                names::bracketed(&level.text)
            )
        }
        ExprKind::Call { name, .. } => format!("Call {}", name.text),
        ExprKind::Omitted => "Omitted".to_owned(),
        ExprKind::Unary { op, .. } => format!("{op:?}"),
        ExprKind::Binary { op, .. } => format!("{op:?}"),
        ExprKind::Row(_) => "Row".to_owned(),
        ExprKind::Table(_) => "Table".to_owned(),
        ExprKind::Let { .. } => "Let".to_owned(),
        ExprKind::Error => "Error".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::parse_query;

    #[test]
    fn tokens_have_lines_and_columns() {
        let text = "EVALUATE\n  'Sales é' <> é[x] // c\n\"a\nb\" !";
        let expected = "\
1:1 Identifier EVALUATE
2:3 QuotedName 'Sales é'
2:13 NotEqual <>
2:16 Identifier é
2:17 Bracket [x]
3:1 Text \"a\\nb\"
4:4 Unknown !
4:4 error: unexpected character `!`; DAX writes <> for \"not equal\" and NOT for negation
";
        assert_eq!(dump_tokens(text), expected);
    }

    #[test]
    fn trees_are_indented() {
        let text = "DEFINE MEASURE T[m] = -SUM(T[a]) * 2 VAR v = VAR w = \"x\" RETURN w
            FUNCTION F = (a : SCALAR VAL, b = 1.5) => IF(a,, @b)
            EVALUATE FILTER(t, (T[a], 'T'[d].[Year]) IN { (1, dt\"2020-01-01\") } || NOT [x])
            ORDER BY T[a] DESC START AT 7";
        let expected = "\
Define Measure 'T'[m]
  Multiply
    Minus
      Call SUM
        Qualified 'T'[a]
    Integer 2
Define Var v
  Let
    Var w
      Text \"x\"
    Return
      Identifier w
Define Function F
  Parameter a SCALAR VAL
  Parameter b
    Double 1.5
  Body
    Call IF
      Identifier a
      Omitted
      Parameter @b
Evaluate
  Call FILTER
    Identifier t
    Or
      In
        Row
          Qualified 'T'[a]
          Variation 'T'[d].[Year]
        Table
          Row
            Integer 1
            DateTime \"2020-01-01\"
      Not
        Bracket [x]
  OrderBy Descending
    Qualified 'T'[a]
  StartAt
    Integer 7
";
        assert_eq!(dump_query(&parse_query(text).tree), expected);
    }
}

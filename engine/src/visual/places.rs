//! Other places of the visual: levels above and below the current row, and places that are named by their values.

use dax::{Axis, BinaryOp, Expr, ExprKind, Name, Span};

use super::write::{binary, call, integer, named, refuse, variable};
use super::{Reading, Visual, Written};

impl Visual<'_> {
    /// CALCULATE ( expression, place ).
    pub(super) fn elsewhere(
        &self,
        value: &Expr,
        to: &Expr,
        reading: Reading,
        span: Span,
    ) -> Written {
        let ExprKind::Call { name, args } = &to.kind else {
            return refuse(to.span, NO_PLACE);
        };
        let word = name.text.to_ascii_uppercase();
        match word.as_str() {
            "COLLAPSE" | "COLLAPSEALL" | "EXPAND" | "EXPANDALL" => {
                self.navigated(value, &word, args, reading, span)
            }
            "INDEX" | "OFFSET" | "WINDOW" => {
                let value = self.rewrite(value, Reading::Single)?;
                let rows = self.window_call(&word, args, reading, to.span)?;
                Ok(call("CALCULATE", vec![value, rows], span))
            }
            "RANGE" => {
                let value = self.rewrite(value, Reading::Single)?;
                let rows = self.rewrite(to, reading)?;
                Ok(call("CALCULATE", vec![value, rows], span))
            }
            _ => refuse(to.span, NO_PLACE),
        }
    }

    /// The value of an expression at another level of an axis: above the current row, or in all rows below it.
    pub(super) fn navigated(
        &self,
        value: &Expr,
        word: &str,
        steps: &[Expr],
        reading: Reading,
        span: Span,
    ) -> Written {
        if reading != Reading::Row {
            let message = format!("{word} inside another place of the visual is not built");
            return refuse(span, message);
        }
        let [first, more @ ..] = steps else {
            return refuse(span, format!("{word} needs an axis, or columns of one"));
        };
        let down = word.starts_with("EXPAND");
        if word.ends_with("ALL") && (self.axis(first).is_none() || !more.is_empty()) {
            return refuse(span, format!("{word} takes an expression and an axis"));
        }
        let level = variable("level of the row", span);
        let (axis, target) = if let Some(axis) = self.axis(first) {
            let lowest = integer(axis.groups.len() as i64, span);
            let count = || match more {
                [] => Ok(integer(1, span)),
                [count] => self.rewrite(count, reading),
                [_, other, ..] => refuse(other.span, "an axis and a number of levels are enough"),
            };
            let target = match word {
                "COLLAPSEALL" => integer(0, span),
                "EXPANDALL" => lowest,
                "EXPAND" => {
                    let below = binary(BinaryOp::Add, level.clone(), count()?, span);
                    call("MIN", vec![below, lowest], span)
                }
                _ => {
                    let above = binary(BinaryOp::Subtract, level.clone(), count()?, span);
                    call("MAX", vec![above, integer(0, span)], span)
                }
            };
            (axis, target)
        } else {
            let (axis, mut group) = self.group_of(first)?;
            for column in more {
                let (other, at) = self.group_of(column)?;
                if other.name != axis.name {
                    return refuse(column.span, "the columns are of several axes");
                }
                group = if down { group.max(at) } else { group.min(at) };
            }
            let at = if down { group } else { group - 1 };
            let function = if down { "MAX" } else { "MIN" };
            let at = integer(at as i64, span);
            (axis, call(function, vec![level.clone(), at], span))
        };
        self.at_level(axis, target, value, span)
    }

    fn at_level(&self, axis: &Axis, target: Expr, value: &Expr, span: Span) -> Written {
        let level = axis.groups.iter().map(|group| match &group.total {
            Some(total) => {
                let total = self.column(&total.text, Reading::Row, span);
                call("IF", vec![total, integer(0, span), integer(1, span)], span)
            }
            None => integer(1, span),
        });
        let level = level.reduce(|a, b| binary(BinaryOp::Add, a, b, span));
        let of_level = |name: &str| variable(name, span);
        let lower = vec![of_level("level of the row"), of_level("level wanted")];
        let mut vars = vec![
            (
                named("level of the row", span),
                level.unwrap_or_else(|| integer(0, span)),
            ),
            (named("level wanted", span), target),
            (named("level kept", span), call("MIN", lower, span)),
        ];
        let mut conditions: Vec<Expr> = Vec::new();
        let mut same = |name: &Name| {
            let here = format!("value of {}", name.text);
            let column = self.column(&name.text, Reading::Row, span);
            vars.push((named(&here, span), column.clone()));
            binary(BinaryOp::StrictEqual, column, variable(&here, span), span)
        };
        for other in &self.shape.axes {
            let here = other.name == axis.name;
            for (at, group) in other.groups.iter().enumerate() {
                let beyond = |level: &str| {
                    let number = integer(at as i64 + 1, span);
                    binary(BinaryOp::Greater, number, of_level(level), span)
                };
                for column in &group.columns {
                    let same = same(column);
                    conditions.push(if here {
                        binary(BinaryOp::Or, beyond("level kept"), same, span)
                    } else {
                        same
                    });
                }
                if let Some(total) = &group.total {
                    conditions.push(if here {
                        let total = self.column(&total.text, Reading::Row, span);
                        binary(BinaryOp::Equal, total, beyond("level wanted"), span)
                    } else {
                        same(total)
                    });
                }
            }
        }
        self.where_all_hold(value, vars, conditions, span)
    }

    /// LOOKUP ( expression, column, value, ... ): the place with these values. What is not said of an axis is as in the current row,
    /// or, WITHTOTALS, a subtotal.
    pub(super) fn looked_up(
        &self,
        value: &Expr,
        pairs: &[Expr],
        totals: bool,
        reading: Reading,
        span: Span,
    ) -> Written {
        if reading != Reading::Row {
            return refuse(
                span,
                "LOOKUP inside another place of the visual is not built",
            );
        }
        let mut vars: Vec<(Name, Expr)> = Vec::new();
        let mut conditions: Vec<Expr> = Vec::new();
        let mut is = |column: &str, wanted: Expr, as_what: &str| {
            let name = format!("{as_what} {} of {column}", vars.len());
            vars.push((named(&name, span), wanted));
            let column = self.column(column, Reading::Row, span);
            let wanted = variable(&name, span);
            conditions.push(binary(BinaryOp::StrictEqual, column, wanted, span));
        };
        // The groups of which something is said.
        let mut told: Vec<(Span, usize)> = Vec::new();
        for pair in pairs.chunks(2) {
            let [column, wanted] = pair else {
                return refuse(span, "a column stands here without its value");
            };
            let (axis, group) = self.group_of(column)?;
            told.push((axis.name.span, group));
            let name = self.own_column(column).unwrap_or_default();
            is(name, self.rewrite(wanted, Reading::Row)?, "value wanted");
        }
        let truth = |yes: bool| call(if yes { "TRUE" } else { "FALSE" }, Vec::new(), span);
        for axis in &self.shape.axes {
            for (at, group) in axis.groups.iter().enumerate() {
                let told = told.contains(&(axis.name.span, at + 1));
                if !told && !totals {
                    for name in group.columns.iter().chain(&group.total) {
                        let here = self.column(&name.text, Reading::Row, span);
                        is(&name.text, here, "value");
                    }
                } else if let Some(total) = &group.total {
                    is(&total.text, truth(!told), "level");
                }
            }
        }
        self.where_all_hold(value, vars, conditions, span)
    }

    /// The value of an expression in the rows of the table for which all conditions hold.
    fn where_all_hold(
        &self,
        value: &Expr,
        vars: Vec<(Name, Expr)>,
        conditions: Vec<Expr>,
        span: Span,
    ) -> Written {
        let condition = conditions
            .into_iter()
            .reduce(|a, b| binary(BinaryOp::And, a, b, span))
            .unwrap_or_else(|| call("TRUE", Vec::new(), span));
        let rows = call("FILTER", vec![self.every_row(span), condition], span);
        let value = self.rewrite(value, Reading::Single)?;
        let calculate = call("CALCULATE", vec![value, rows], span);
        if vars.is_empty() {
            return Ok(calculate);
        }
        let kind = ExprKind::Let {
            vars,
            body: Box::new(calculate),
        };
        Ok(Expr { kind, span })
    }
}

const NO_PLACE: &str =
    "a place of the visual is expected here: COLLAPSE, EXPAND or a window along an axis";

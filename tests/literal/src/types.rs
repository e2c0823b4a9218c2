//! The types of expressions, as far as they decide what a BLANK counts as: beside a decimal number it is one, and the
//! sum is not rounded to four places.

use dax::{BinaryOp, Expr, ExprKind};
use model::{DataType, same_name};

use crate::eval::{Evaluator, Place};

impl Evaluator<'_> {
    /// The type of a scalar expression; None where this evaluator does not need to know it.
    pub fn data_type(&self, expr: &Expr, place: &Place) -> Option<DataType> {
        use DataType::{Double, Fixed, Integer};
        match &expr.kind {
            ExprKind::Integer(_) => Some(Integer),
            ExprKind::Double(_) => Some(Double),
            ExprKind::Qualified { .. } => self
                .column(expr)
                .ok()
                .map(|c| self.data.model.tables[c.0].columns[c.1].data_type),
            ExprKind::Bracket(name) => {
                let of_row = place.rows.iter().rev().find_map(|row| {
                    row.fields
                        .iter()
                        .find(|f| f.table.is_none() && same_name(&f.name, &name.text))
                });
                match of_row {
                    Some(field) => field.data_type,
                    None => self.data_type(
                        self.measures.get(&name.text.to_lowercase())?,
                        &Place::default(),
                    ),
                }
            }
            ExprKind::Identifier { name, .. } => self.variable_type(name, place),
            ExprKind::Let { vars, body } => self.data_type(body, &self.with_variables(vars, place)),
            ExprKind::Unary { operand, .. } => self.data_type(operand, place),
            ExprKind::Binary { op, left, right } => {
                let (left, right) = (self.data_type(left, place)?, self.data_type(right, place)?);
                match (op, left, right) {
                    (BinaryOp::Divide, ..) => Some(quotient(left, right)),
                    (BinaryOp::Multiply, Fixed, Fixed) => Some(Double),
                    (BinaryOp::Multiply, Fixed, _) | (BinaryOp::Multiply, _, Fixed) => Some(Fixed),
                    (BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply, ..) => {
                        wider(left, right)
                    }
                    _ => None,
                }
            }
            ExprKind::Call { name, args } => self.call_type(&name.text.to_uppercase(), args, place),
            _ => None,
        }
    }

    fn call_type(&self, name: &str, args: &[Expr], place: &Place) -> Option<DataType> {
        use DataType::{Double, Fixed, Integer};
        let of = |k: usize| self.data_type(args.get(k)?, place);
        match name {
            "COUNTROWS"
            | "COUNT"
            | "COUNTA"
            | "COUNTX"
            | "COUNTBLANK"
            | "DISTINCTCOUNT"
            | "DISTINCTCOUNTNOBLANK"
            | "RANKX" => Some(Integer),
            "SUM" | "MIN" | "MAX" | "CALCULATE" | "SELECTEDVALUE" | "RELATED" | "TOTALYTD"
            | "ABS" | "LOOKUPVALUE" | "VALUES" => of(0),
            "AVERAGE" => Some(if of(0)? == Fixed { Fixed } else { Double }),
            "SUMX" | "MINX" | "MAXX" | "AVERAGEX" => {
                // The columns of the rows have types of their own even where there is no row.
                let table = self.table(&args[0], place).ok()?;
                let row = crate::eval::Row {
                    values: vec![crate::value::Value::Blank; table.fields.len()],
                    fields: table.fields,
                    base: None,
                    under: None,
                };
                let inner = self.data_type(&args[1], &place.with_row(row))?;
                Some(if name == "AVERAGEX" && inner != Fixed {
                    Double
                } else {
                    inner
                })
            }
            "DIVIDE" => Some(quotient(of(0)?, of(1)?)),
            "IF" => args.get(2).map_or_else(|| of(1), |_| wider(of(1)?, of(2)?)),
            "COALESCE" | "IFERROR" => wider(of(0)?, of(1)?),
            "SWITCH" => of(2),
            _ => None,
        }
    }
}

fn quotient(left: DataType, right: DataType) -> DataType {
    let rounded = left == DataType::Fixed && right != DataType::Fixed;
    if rounded {
        DataType::Fixed
    } else {
        DataType::Double
    }
}

fn wider(left: DataType, right: DataType) -> Option<DataType> {
    use DataType::{Double, Fixed, Integer};
    match (left, right) {
        (a, b) if a == b => Some(a),
        (Double, _) | (_, Double) => Some(Double),
        (Integer, Fixed) | (Fixed, Integer) => Some(Fixed),
        _ => None,
    }
}

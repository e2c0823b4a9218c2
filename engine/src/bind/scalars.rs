//! Binding of scalar expressions.

use std::rc::Rc;

use dax::{BinaryOp, Expr, ExprKind, Span, UnaryOp};

use super::{Binder, Bound, Named};
use crate::bound::{Scalar, ScalarKind, TableExpr, TableKind, Variable, VariableBody};
use crate::error::{Error, ErrorKind};
use crate::eval::arithmetic_type;
use crate::value::{DataType, Value};

impl<'a> Binder<'a> {
    pub fn bind_scalar(&mut self, expr: &Expr) -> Bound<Scalar> {
        self.descend(|b| b.bind_scalar_kind(expr))
    }

    fn bind_scalar_kind(&mut self, expr: &Expr) -> Bound<Scalar> {
        let span = expr.span;
        let constant = |b: &Self, value: Value| {
            let data_type = value.data_type().unwrap_or(DataType::Unknown);
            Ok(b.scalar(ScalarKind::Constant(value), data_type, span))
        };
        match &expr.kind {
            ExprKind::Integer(i) => constant(self, Value::Integer(*i)),
            ExprKind::Double(d) => constant(self, Value::Double(*d)),
            ExprKind::Text(text) => constant(self, Value::text(text.as_str())),
            ExprKind::DateTime(text) => match crate::convert::date_from_text(text) {
                Some(micros) => constant(self, Value::DateTime(micros)),
                None => self.error(ErrorKind::Syntax, span, "this is not a date; dates are written dt\"2024-12-31\" or dt\"2024-12-31T10:30:00\""),
            },
            ExprKind::Parameter(name) => {
                let found = self.parameters.iter().find(|(known, _)| model::same_name(known, &name.text)).map(|(_, value)| value.clone());
                match found {
                    Some(value) => constant(self, value),
                    None => self.error(ErrorKind::UnknownName, span, format!("the parameter @{} was given no value", name.text)),
                }
            }
            ExprKind::Identifier { name, quoted } => self.identifier(&name.text, *quoted, expr),
            ExprKind::Qualified { table, column } => self.qualified(table, column, span),
            ExprKind::Bracket(name) => self.bracket(name, span),
            ExprKind::Variation { table, column, level } => {
                let found = self.variation(table, column, level, span)?;
                let info = (self.scope.table(found.table()).name.clone(), self.scope.column(found).name.clone());
                if let Some(field) = self.row_field(Some(&info.0), &info.1, 0) {
                    return self.field_scalar(field, span);
                }
                // A row of the column's own table has a day in the date table behind it, as if RELATED stood here.
                let home = self.model_column(table, column)?.table();
                match self.along_relationships(found, Some(home), span) {
                    Some(value) => Ok(value),
                    None => self.error(ErrorKind::Evaluation, span, "a single value of this column cannot be determined here"),
                }
            }
            ExprKind::Call { name, args } => self.call(&name.text, args, expr),
            ExprKind::Omitted => constant(self, Value::Blank),
            ExprKind::Unary { op, operand } => self.unary(*op, operand, span),
            ExprKind::Binary { op: BinaryOp::In, left, right } => self.bind_in(left, right, span),
            ExprKind::Binary { op, left, right } => {
                let (left, right) = (self.bind_scalar(left)?, self.bind_scalar(right)?);
                self.binary(*op, left, right, span)
            }
            ExprKind::Row(_) => self.error(ErrorKind::Type, span, "a row of several values stands where a single value is expected"),
            ExprKind::Table(_) => self.table_as_value(expr),
            ExprKind::Let { vars, body } => self.bind_let(vars, |b| b.bind_scalar(body), |b, variables, body: Scalar| {
                let data_type = body.data_type;
                b.scalar(ScalarKind::Let { variables, body: Box::new(body) }, data_type, span)
            }),
            ExprKind::Error => self.error(ErrorKind::Syntax, span, "this could not be read"),
        }
    }

    fn identifier(&mut self, name: &str, quoted: bool, expr: &Expr) -> Bound<Scalar> {
        if !quoted {
            match self.variable(name) {
                Some(Named::Scalar(id, data_type)) => {
                    return Ok(self.scalar(ScalarKind::Variable(id), data_type, expr.span));
                }
                Some(Named::Table(..)) => return self.table_as_value(expr),
                None => {}
            }
            if name.eq_ignore_ascii_case("TRUE") || name.eq_ignore_ascii_case("FALSE") {
                let value = Value::Boolean(name.eq_ignore_ascii_case("TRUE"));
                return Ok(self.scalar(ScalarKind::Constant(value), DataType::Boolean, expr.span));
            }
        }
        let bound = self.table_as_value(expr);
        if !quoted || self.find_table(name).is_some() {
            return bound;
        }
        // Other languages write text like this.
        bound.map_err(|error| match error.kind {
            ErrorKind::UnknownName => Error {
                message: format!(
                    "{}; text stands between double quotes: \"{name}\"",
                    error.message
                ),
                ..error
            },
            _ => error,
        })
    }

    /// A table where a value is expected: one column, at most one row.
    fn table_as_value(&mut self, expr: &Expr) -> Bound<Scalar> {
        let table = self.bind_table(expr)?;
        self.value_of_table(table, expr.span)
    }

    pub fn value_of_table(&self, table: TableExpr, span: Span) -> Bound<Scalar> {
        match table.schema.fields.as_slice() {
            [field] => {
                let data_type = field.data_type;
                Ok(self.scalar(ScalarKind::TableValue(Box::new(table)), data_type, span))
            }
            fields => {
                let message = format!(
                    "a table of {} columns stands where a single value is expected",
                    fields.len()
                );
                self.error(ErrorKind::Type, span, message)
            }
        }
    }

    fn unary(&mut self, op: UnaryOp, operand: &Expr, span: Span) -> Bound<Scalar> {
        let operand = self.bind_scalar(operand)?;
        Ok(match op {
            UnaryOp::Plus => operand,
            UnaryOp::Minus => {
                if let ScalarKind::Constant(Value::Integer(i)) = operand.kind
                    && let Some(negative) = i.checked_neg()
                {
                    return Ok(self.scalar(
                        ScalarKind::Constant(Value::Integer(negative)),
                        DataType::Integer,
                        span,
                    ));
                }
                if let ScalarKind::Constant(Value::Double(d)) = operand.kind {
                    return Ok(self.scalar(
                        ScalarKind::Constant(Value::Double(-d)),
                        DataType::Double,
                        span,
                    ));
                }
                let data_type = if operand.data_type == DataType::Text {
                    DataType::Double
                } else {
                    operand.data_type
                };
                self.scalar(ScalarKind::Negate(Box::new(operand)), data_type, span)
            }
            UnaryOp::Not => {
                self.scalar(ScalarKind::Not(Box::new(operand)), DataType::Boolean, span)
            }
        })
    }

    pub fn binary(
        &mut self,
        op: BinaryOp,
        left: Scalar,
        right: Scalar,
        span: Span,
    ) -> Bound<Scalar> {
        let data_type = match op {
            BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Power => {
                let number = |t: DataType| {
                    if t == DataType::Text {
                        DataType::Double
                    } else {
                        t
                    }
                };
                arithmetic_type(op, number(left.data_type), number(right.data_type))
            }
            BinaryOp::Concat => DataType::Text,
            BinaryOp::And | BinaryOp::Or | BinaryOp::In => DataType::Boolean,
            _ => {
                if let Err(error) = self.comparable(op, &left, &right, span) {
                    return self.fails_late(error, span);
                }
                DataType::Boolean
            }
        };
        Ok(self.scalar(
            ScalarKind::Binary {
                op,
                left: Box::new(left),
                right: Box::new(right),
            },
            data_type,
            span,
        ))
    }

    /// An author of a model may never take the way to this comparison: there it fails when it is evaluated, as it would with types
    /// that are not known before.
    pub fn fails_late(&mut self, error: Error, span: Span) -> Bound<Scalar> {
        if self.strict || !(self.in_model || self.lenient) {
            return Err(error);
        }
        let failing = Scalar {
            data_type: DataType::Boolean,
            span: self.span(span),
            ..Scalar::failing(&error.message)
        };
        if !self.in_model {
            self.late.push(error);
        }
        Ok(failing)
    }

    /// Text does not compare with numbers; known types are refused here, unknown ones when they are seen.
    fn comparable(&self, op: BinaryOp, left: &Scalar, right: &Scalar, span: Span) -> Bound<()> {
        let class = |t: DataType| match t {
            DataType::Text => Some("text"),
            DataType::Boolean => Some("a logical value"),
            DataType::Integer | DataType::Double | DataType::Fixed | DataType::DateTime => {
                Some("a number")
            }
            _ => None,
        };
        match (class(left.data_type), class(right.data_type)) {
            (Some(a), Some(b)) if a != b => {
                let types = [left.data_type, right.data_type];
                let has = |wanted: DataType| types.contains(&wanted);
                let message = if has(DataType::DateTime) && has(DataType::Text) {
                    format!(
                        "{} compares a date with text; DATE, DATEVALUE or dt\"2024-12-31\" gives a date",
                        op.symbol()
                    )
                } else {
                    format!(
                        "{} compares {a} with {b}; VALUE or FORMAT converts one of them",
                        op.symbol()
                    )
                };
                self.error(ErrorKind::Type, span, message)
            }
            _ => Ok(()),
        }
    }

    fn bind_in(&mut self, left: &Expr, right: &Expr, span: Span) -> Bound<Scalar> {
        let values = match &left.kind {
            ExprKind::Row(values) => values
                .iter()
                .map(|v| self.bind_scalar(v))
                .collect::<Bound<Vec<_>>>()?,
            _ => vec![self.bind_scalar(left)?],
        };
        let table = self.bind_table(right)?;
        self.check_width(&table, values.len(), right.span)?;
        Ok(self.scalar(
            ScalarKind::In {
                values,
                table: Box::new(table),
            },
            DataType::Boolean,
            span,
        ))
    }

    pub fn check_width(&self, table: &TableExpr, width: usize, span: Span) -> Bound<()> {
        if table.schema.fields.len() != width {
            let message = format!(
                "a table of {width} columns is expected here, and this one has {}",
                table.schema.fields.len()
            );
            return self.error(ErrorKind::Argument, span, message);
        }
        Ok(())
    }

    /// VAR ... RETURN around a value or a table.
    pub fn bind_let<T, R>(
        &mut self,
        vars: &[(dax::Name, Expr)],
        body: impl FnOnce(&mut Self) -> Bound<T>,
        wrap: impl FnOnce(&Self, Rc<Vec<Variable>>, T) -> R,
    ) -> Bound<R> {
        let depth = self.names_len();
        let result = self
            .bind_variables(vars)
            .and_then(|variables| Ok((variables, body(self)?)));
        self.truncate_names(depth);
        let (variables, body) = result?;
        Ok(wrap(self, Rc::new(variables), body))
    }

    pub fn bind_variables(&mut self, vars: &[(dax::Name, Expr)]) -> Bound<Vec<Variable>> {
        let mut variables = Vec::with_capacity(vars.len());
        for (name, expr) in vars {
            let id = self.fresh();
            let body = if self.is_table(expr) {
                let table = self.bind_table(expr)?;
                self.define_variable(&name.text, Named::Table(id, Rc::clone(&table.schema)));
                VariableBody::Table(table)
            } else {
                let scalar = self.bind_scalar(expr)?;
                self.define_variable(&name.text, Named::Scalar(id, scalar.data_type));
                VariableBody::Scalar(scalar)
            };
            variables.push(Variable {
                id,
                name: name.text.clone(),
                body,
            });
        }
        Ok(variables)
    }

    /// Whether an expression is a table, by what it is written as.
    pub fn is_table(&self, expr: &Expr) -> bool {
        self.is_table_within(expr, 0)
    }

    /// The same inside so many calls of functions. Functions that call one another without end are told when they are bound.
    fn is_table_within(&self, expr: &Expr, calls: usize) -> bool {
        match &expr.kind {
            ExprKind::Table(_) => true,
            ExprKind::Identifier { name, quoted } => match self.variable(&name.text) {
                Some(named) if !quoted => matches!(named, Named::Table(..)),
                _ => self.scope.find_table(&name.text).is_some(),
            },
            ExprKind::Let { vars, body } => match &body.kind {
                // The body may be one of the variables.
                ExprKind::Identifier {
                    name,
                    quoted: false,
                } => match vars
                    .iter()
                    .rev()
                    .find(|(v, _)| model::same_name(&v.text, &name.text))
                {
                    Some((_, value)) => self.is_table_within(value, calls),
                    None => self.is_table_within(body, calls),
                },
                _ => self.is_table_within(body, calls),
            },
            ExprKind::Call { name, args } => match self.user_function(&name.text) {
                Some(function) => {
                    calls < super::functions::MAX_CALLS
                        && match super::functions::given_back(&function, args) {
                            Some(argument) => self.is_table_within(argument, calls + 1),
                            None => self.is_table_within(&function.body, calls + 1),
                        }
                }
                None if name.text.eq_ignore_ascii_case("EVALUATEANDLOG") => args
                    .first()
                    .is_some_and(|value| self.is_table_within(value, calls)),
                None => super::tables::is_table_function(&name.text),
            },
            _ => false,
        }
    }

    pub fn table_expr(
        &self,
        kind: TableKind,
        schema: Rc<crate::bound::Schema>,
        span: Span,
    ) -> TableExpr {
        TableExpr {
            kind,
            schema,
            span: self.span(span),
        }
    }
}

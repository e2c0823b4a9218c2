//! Binding of the INFO functions, and who may call them.

use std::rc::Rc;

use dax::{BinaryOp, Expr, ExprKind, Span};
use security::Scope;

use super::{Binder, Bound};
use crate::bound::{Field, Scalar, ScalarKind, Schema, TableExpr, TableKind};
use crate::error::ErrorKind;
use crate::eval::{
    Audience, is_beyond_what_is_kept, rowset_audience, rowset_schema, tells_of_queries,
};
use crate::functions::{Body, Function, State};
use crate::value::{DataType, Value};

/// Where a function comes from: functions of models have a number below those of the language, and are told of to those who ask
/// for them.
const ORIGIN: &str = "ORIGIN";
const LEAST_ORIGIN: i64 = 3;

/// Whether a function exists for the holder of a view. Under roles, the INFO functions about expressions, sources, permissions and
/// storage do not: they are not told from words that mean nothing.
pub fn offers(scope: &Scope, function: &Function) -> bool {
    if function.category != "INFO" || scope.identity().role_names().is_empty() {
        return true;
    }
    let refused = matches!(function.body, Body::Bound(State::Refused(_)));
    !refused && rowset_audience(function.name) != Some(Audience::WithoutRoles)
}

impl<'a> Binder<'a> {
    /// INFO.TABLES ( [restriction, value], ... ): a restriction is a column that must have the value.
    pub fn rowset(&mut self, name: &str, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let Some((name, layout)) = rowset_schema(name) else {
            return self.error(
                ErrorKind::UnknownFunction,
                span,
                format!("the function {name} is not built yet"),
            );
        };
        if is_beyond_what_is_kept(self.scope, name) {
            return self.error(
                ErrorKind::UnknownFunction,
                span,
                format!(
                    "{name} tells of something that the model has and this engine does not keep"
                ),
            );
        }
        let fields = layout
            .into_iter()
            .map(|(name, data_type)| Field::extension(name, data_type))
            .collect();
        let schema = Rc::new(Schema { fields, base: None });
        let mut table = self.table_expr(TableKind::Rowset(name), Rc::clone(&schema), span);
        let frame = self.fresh();
        let mut condition: Option<Scalar> = None;
        let origin = |pair: &[Expr]| matches!(pair.first().map(|e| &e.kind), Some(ExprKind::Text(column)) if model::same_name(column, ORIGIN));
        if name == "INFO.FUNCTIONS"
            && !args.chunks(2).any(origin)
            && let Some(index) = schema.fields.iter().position(|f| f.name == ORIGIN)
        {
            let cell = self.scalar(ScalarKind::Field { frame, index }, DataType::Integer, span);
            let least = ScalarKind::Constant(Value::Integer(LEAST_ORIGIN));
            let least = self.scalar(least, DataType::Integer, span);
            condition = Some(self.binary(BinaryOp::GreaterEqual, cell, least, span)?);
        }
        for pair in args.chunks(2) {
            let [restriction, value] = pair else {
                return self.error(
                    ErrorKind::Argument,
                    span,
                    format!("{name} takes restrictions, each with its value"),
                );
            };
            let ExprKind::Text(column) = &restriction.kind else {
                return self.error(
                    ErrorKind::Argument,
                    restriction.span,
                    "the name of a restriction is text",
                );
            };
            if model::same_name(column, "QUERY") && tells_of_queries(name) {
                let text = Box::new(self.bind_scalar(value)?);
                let kind = TableKind::QueryDependencies(text);
                table = self.table_expr(kind, Rc::clone(&schema), span);
                continue;
            }
            let place = schema
                .fields
                .iter()
                .position(|f| model::same_name(&f.name, column));
            let Some(index) = place else {
                return self.error(
                    ErrorKind::Argument,
                    restriction.span,
                    format!("{name} has no restriction \"{column}\""),
                );
            };
            let data_type = schema
                .fields
                .get(index)
                .map_or(DataType::Text, |f| f.data_type);
            let cell = self.scalar(ScalarKind::Field { frame, index }, data_type, span);
            let value = as_restriction(self.bind_scalar(value)?, data_type);
            let test = self.binary(BinaryOp::Equal, cell, value, span)?;
            condition = Some(match condition {
                None => test,
                Some(before) => self.binary(BinaryOp::And, before, test, span)?,
            });
        }
        Ok(match condition {
            None => table,
            Some(condition) => {
                let kind = TableKind::Filter {
                    table: Box::new(table),
                    frame,
                    condition: Box::new(condition),
                };
                self.table_expr(kind, schema, span)
            }
        })
    }
}

/// The value of a restriction may be written as text, whatever the type of its column.
fn as_restriction(value: Scalar, data_type: DataType) -> Scalar {
    let ScalarKind::Constant(Value::Text(text)) = &value.kind else {
        return value;
    };
    let read = match data_type {
        DataType::Integer => text.trim().parse().ok().map(Value::Integer),
        DataType::Boolean => text.trim().to_lowercase().parse().ok().map(Value::Boolean),
        _ => None,
    };
    match read {
        Some(read) => Scalar {
            kind: ScalarKind::Constant(read),
            data_type,
            span: value.span,
        },
        None => value,
    }
}

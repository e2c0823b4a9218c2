//! Binding of tables made of values.

use std::rc::Rc;

use dax::{BinaryOp, Expr, ExprKind, Span, UnaryOp};

use super::calls::common;
use super::{Binder, Bound};
use crate::bound::{Field, InformationTable, Scalar, ScalarKind, Schema, TableExpr, TableKind};
use crate::error::ErrorKind;
use crate::value::{DataType, Value};

impl<'a> Binder<'a> {
    /// `{ 1, 2 }` has the column [Value]; `{ (1, "a") }` has [Value1], [Value2].
    pub fn constructor(&mut self, rows: &[Expr], span: Span) -> Bound<TableExpr> {
        let mut bound = Vec::with_capacity(rows.len());
        for row in rows {
            bound.push(match &row.kind {
                ExprKind::Row(cells) => cells
                    .iter()
                    .map(|c| self.bind_scalar(c))
                    .collect::<Bound<Vec<_>>>()?,
                _ => vec![self.bind_scalar(row)?],
            });
        }
        let width = bound.first().map_or(1, Vec::len);
        if bound.iter().any(|row| row.len() != width) {
            return self.error(
                ErrorKind::Argument,
                span,
                "the rows of a table must have the same number of values",
            );
        }
        let fields = (0..width)
            .map(|k| {
                let data_type = common(
                    bound
                        .iter()
                        .filter_map(|row| row.get(k))
                        .map(|cell| cell.data_type),
                );
                let name = if width == 1 {
                    "Value".to_string()
                } else {
                    format!("Value{}", k + 1)
                };
                Field::extension(&name, data_type)
            })
            .collect();
        Ok(self.table_expr(
            TableKind::Constructor(bound),
            Rc::new(Schema { fields, base: None }),
            span,
        ))
    }

    pub fn row(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let (mut fields, mut values) = (Vec::new(), Vec::new());
        for pair in args.chunks(2) {
            let [
                Expr {
                    kind: ExprKind::Text(name),
                    ..
                },
                value,
            ] = pair
            else {
                return self.error(
                    ErrorKind::Argument,
                    span,
                    "ROW takes names, as text between double quotes, each with its expression",
                );
            };
            let value = self.bind_scalar(value)?;
            fields.push(self.field_for(Some(name), &value, u32::MAX, &Schema::default()));
            values.push(value);
        }
        let schema = self.distinct_names(fields, span)?;
        Ok(self.table_expr(TableKind::Row(values), schema, span))
    }

    /// DATATABLE ( "Name", STRING, ..., { { "a", 1 }, ... } ).
    pub fn data_table(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let Some((rows, columns)) = args.split_last() else {
            return self.error(
                ErrorKind::Argument,
                span,
                "DATATABLE needs columns and rows",
            );
        };
        let mut fields = Vec::new();
        for pair in columns.chunks(2) {
            let [
                Expr {
                    kind: ExprKind::Text(name),
                    ..
                },
                Expr {
                    kind: ExprKind::Identifier { name: word, .. },
                    ..
                },
            ] = pair
            else {
                return self.error(
                    ErrorKind::Argument,
                    span,
                    "DATATABLE takes names, as text, each with its type",
                );
            };
            let data_type = match word.text.to_ascii_uppercase().as_str() {
                "STRING" | "TEXT" => DataType::Text,
                "INTEGER" | "INT64" => DataType::Integer,
                "DOUBLE" => DataType::Double,
                "CURRENCY" | "DECIMAL" => DataType::Fixed,
                "BOOLEAN" | "LOGICAL" => DataType::Boolean,
                "DATETIME" => DataType::DateTime,
                _ => return self.error(ErrorKind::Argument, word.span, "the types of DATATABLE are STRING, INTEGER, DOUBLE, CURRENCY, BOOLEAN and DATETIME"),
            };
            fields.push(Field::extension(name, data_type));
        }
        let ExprKind::Table(rows) = &rows.kind else {
            return self.error(
                ErrorKind::Argument,
                rows.span,
                "the rows of DATATABLE stand in braces: { { 1, \"a\" }, { 2, \"b\" } }",
            );
        };
        let mut bound = Vec::new();
        for row in rows {
            let left_out = [Expr {
                kind: ExprKind::Omitted,
                span: row.span,
            }];
            let cells: &[Expr] = match &row.kind {
                // `{ {} }`, as people write a table of one column that only its measures are wanted of.
                ExprKind::Table(cells) if cells.is_empty() && fields.len() == 1 => &left_out,
                ExprKind::Table(cells) | ExprKind::Row(cells) => cells,
                _ => std::slice::from_ref(row),
            };
            if cells.len() != fields.len() {
                return self.error(
                    ErrorKind::Argument,
                    row.span,
                    format!(
                        "this row has {} values, and the table {} columns",
                        cells.len(),
                        fields.len()
                    ),
                );
            }
            let mut values = Vec::new();
            for (cell, field) in cells.iter().zip(&fields) {
                let scalar = self.bind_scalar(cell)?;
                let ScalarKind::Constant(value) = &scalar.kind else {
                    if !is_plain_value(cell) {
                        return self.error(
                            ErrorKind::Argument,
                            cell.span,
                            "the values of DATATABLE are constants",
                        );
                    }
                    values.push(self.converted(scalar, field.data_type, cell.span));
                    continue;
                };
                match crate::convert::to_type(value, field.data_type) {
                    Some(value) => values.push(self.scalar(
                        ScalarKind::Constant(value),
                        field.data_type,
                        cell.span,
                    )),
                    None => {
                        return self.error(
                            ErrorKind::Type,
                            cell.span,
                            format!(
                                "this value does not convert to the type of the column [{}]",
                                field.name
                            ),
                        );
                    }
                }
            }
            bound.push(values);
        }
        let schema = self.distinct_names(fields, span)?;
        Ok(self.table_expr(TableKind::Constructor(bound), schema, span))
    }

    /// An expression as a value of another type.
    pub(super) fn converted(&self, scalar: Scalar, data_type: DataType, span: Span) -> Scalar {
        let word = match data_type {
            DataType::Text => "STRING",
            DataType::Integer => "INTEGER",
            DataType::Double => "DOUBLE",
            DataType::Fixed => "CURRENCY",
            DataType::Boolean => "BOOLEAN",
            DataType::DateTime => "DATETIME",
            _ => return scalar,
        };
        let convert = crate::functions::find("CONVERT");
        let Some(function) = convert.filter(|_| scalar.data_type != data_type) else {
            return scalar;
        };
        let word = ScalarKind::Constant(Value::Text(word.into()));
        let arguments = vec![scalar, self.scalar(word, DataType::Text, span)];
        let kind = ScalarKind::Call {
            function,
            arguments,
        };
        self.scalar(kind, data_type, span)
    }

    pub fn series(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let (start, end) = (self.bind_scalar(&args[0])?, self.bind_scalar(&args[1])?);
        let step = args.get(2).filter(|a| a.kind != ExprKind::Omitted);
        let step = step.map(|a| self.bind_scalar(a)).transpose()?;
        let data_type = match (start.data_type, step.as_ref().map(|s| s.data_type)) {
            (DataType::DateTime, _) => DataType::DateTime,
            (a, b) => common([Some(a), Some(end.data_type), b].into_iter().flatten()),
        };
        let schema = Rc::new(Schema {
            fields: vec![Field::extension("Value", data_type)],
            base: None,
        });
        let kind = TableKind::Series {
            start: Box::new(start),
            end: Box::new(end),
            step: step.map(Box::new),
        };
        Ok(self.table_expr(kind, schema, span))
    }

    pub fn calendar_auto(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let last_month = args
            .first()
            .map(|a| self.bind_scalar(a))
            .transpose()?
            .map(Box::new);
        let columns = self
            .scope
            .tables()
            .collect::<Vec<_>>()
            .into_iter()
            // Calculated tables and columns do not count.
            .flat_map(|t| self.scope.columns(t))
            .filter(|c| {
                matches!(self.scope.column(*c).kind, model::ColumnKind::Data { .. })
                    && self.scope.column_type(*c) == DataType::DateTime
            })
            .collect();
        Ok(self.table_expr(
            TableKind::CalendarAuto {
                last_month,
                columns,
            },
            super::tables::date_schema(),
            span,
        ))
    }

    pub fn treat_as(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let table = self.bind_table(&args[0])?;
        let columns = args[1..]
            .iter()
            .map(|a| self.column_argument(a))
            .collect::<Bound<Vec<_>>>()?;
        self.check_width(&table, columns.len(), args[0].span)?;
        self.whole_keys(&columns, span)?;
        let schema = self.schema_of_columns(&columns);
        for (from, to) in table.schema.fields.iter().zip(&schema.fields) {
            let text = |t: DataType| t == DataType::Text;
            let unknown = matches!(from.data_type, DataType::Unknown | DataType::Variant);
            if !unknown && text(from.data_type) != text(to.data_type) {
                let message = format!(
                    "TREATAS: the values are not of the type of {}",
                    to.full_name()
                );
                return self.error(ErrorKind::Type, span, message);
            }
        }
        let table = Box::new(table);
        let values = self.table_expr(TableKind::TreatAs { table }, Rc::clone(&schema), span);
        // The rows that are in the columns are a set.
        Ok(self.table_expr(TableKind::Distinct(Box::new(values)), schema, span))
    }

    /// SUBSTITUTEWITHINDEX ( table, name, index table, order, [direction], ... ).
    pub fn substitute_with_index(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let table = self.bind_table(&args[0])?;
        let ExprKind::Text(name) = &args[1].kind else {
            return self.error(
                ErrorKind::Argument,
                args[1].span,
                "the name of the index column, as text, is expected here",
            );
        };
        let index = self.bind_table(&args[2])?;
        // Columns of the model meet by their origin, computed ones by their names.
        let same = |a: &Field, b: &Field| match (a.lineage, b.lineage) {
            (Some(a), Some(b)) => a == b,
            (None, None) => model::same_name(&a.name, &b.name),
            _ => false,
        };
        let mut on = Vec::new();
        for (j, field) in index.schema.fields.iter().enumerate() {
            if let Some(i) = table.schema.fields.iter().position(|f| same(f, field)) {
                on.push((i, j));
            }
        }
        if on.is_empty() {
            return self.error(
                ErrorKind::Argument,
                span,
                "the two tables have no column in common",
            );
        }
        let frame = self.fresh();
        let order = self.with_rows(frame, Rc::clone(&index.schema), |b| {
            b.order_list(args.get(3..).unwrap_or(&[]), true)
        })?;
        let mut fields: Vec<Field> = table
            .schema
            .fields
            .iter()
            .enumerate()
            .filter(|(i, _)| !on.iter().any(|(k, _)| k == i))
            .map(|(_, f)| f.clone())
            .collect();
        fields.push(Field::extension(name, DataType::Integer));
        let schema = self.distinct_names(fields, span)?;
        let kind = TableKind::SubstituteWithIndex {
            table: Box::new(table),
            index: Box::new(index),
            on,
            frame,
            order,
        };
        Ok(self.table_expr(kind, schema, span))
    }

    pub fn information(&mut self, name: &str, span: Span) -> Bound<TableExpr> {
        let table = match name {
            "INFO.VIEW.TABLES" => InformationTable::Tables,
            "INFO.VIEW.COLUMNS" => InformationTable::Columns,
            "INFO.VIEW.MEASURES" => InformationTable::Measures,
            _ => InformationTable::Relationships,
        };
        let fields = crate::eval::information_schema(table)
            .into_iter()
            .map(|(n, t)| Field::extension(n, t))
            .collect();
        Ok(self.table_expr(
            TableKind::Information(table),
            Rc::new(Schema { fields, base: None }),
            span,
        ))
    }

    /// INTERSECT and EXCEPT compare values as they are, while UNION makes text of those that meet text.
    pub(super) fn comparable_columns(
        &self,
        left: &Schema,
        right: &Schema,
        span: Span,
    ) -> Bound<()> {
        let open = |field: &Field| matches!(field.data_type, DataType::Unknown | DataType::Variant);
        let text = |field: &Field| field.data_type == DataType::Text;
        for (a, b) in left.fields.iter().zip(&right.fields) {
            if text(a) != text(b) && !open(a) && !open(b) {
                let message = format!(
                    "the columns {} and {} cannot be compared: one of them is text, and the other is not",
                    a.full_name(),
                    b.full_name()
                );
                return self.error(ErrorKind::Type, span, message);
            }
        }
        Ok(())
    }
}

/// Whether an expression may be a value of DATATABLE: a constant, or one of the few functions of constants that stand for dates,
/// times, logical values and BLANK, negated or a date and a time together.
fn is_plain_value(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Integer(_)
        | ExprKind::Double(_)
        | ExprKind::Text(_)
        | ExprKind::DateTime(_)
        | ExprKind::Omitted => true,
        ExprKind::Call { name, args } => {
            ["BLANK", "DATE", "FALSE", "TIME", "TRUE"]
                .iter()
                .any(|known| name.text.eq_ignore_ascii_case(known))
                && args.iter().all(is_plain_value)
        }
        ExprKind::Unary { op, operand } => *op != UnaryOp::Not && is_plain_value(operand),
        ExprKind::Binary { op, left, right } => {
            let is_call = |side: &Expr| matches!(side.kind, ExprKind::Call { .. });
            *op == BinaryOp::Add
                && [left, right]
                    .iter()
                    .all(|side| is_call(side) && is_plain_value(side))
        }
        _ => false,
    }
}

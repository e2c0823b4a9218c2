//! Binding of aggregates: SUM and its kin over a column, SUMX and its kin over a table.

use dax::{BinaryOp, Expr, ExprKind, Span};

use super::{Binder, Bound};
use crate::bound::{Order, RankX, Reduction, Scalar, ScalarKind, TableExpr, TableKind};
use crate::error::ErrorKind;
use crate::functions::Function;
use crate::value::{DataType, Value};

impl<'a> Binder<'a> {
    pub fn aggregate_call(
        &mut self,
        function: &'static Function,
        args: &[Expr],
        expr: &Expr,
    ) -> Bound<Scalar> {
        let span = expr.span;
        let op = match function.name {
            "COUNTROWS" => return self.count_rows(args, span),
            "CONCATENATEX" => return self.concatenate_x(args, span),
            "RANKX" => return self.rank_x(args, span),
            "MIN" | "MAX" if args.len() == 2 => {
                return self.smaller_or_larger(function.name == "MIN", args, span);
            }
            name => match reduction(name) {
                Some(op) => op,
                None => {
                    return self.error(
                        ErrorKind::Argument,
                        span,
                        format!("the function {name} stands only among the arguments of another"),
                    );
                }
            },
        };
        if function.name.ends_with('X') && function.name != "MAX" || function.name.contains("X.") {
            self.iterator(op, function.name, args, span)
        } else {
            self.column_aggregate(op, function.name, &args[0], span)
        }
    }

    /// SUM ( T[c] ) is SUMX ( T, T[c] ).
    fn column_aggregate(
        &mut self,
        op: Reduction,
        name: &str,
        argument: &Expr,
        span: Span,
    ) -> Bound<Scalar> {
        let column = self.column_argument(argument)?;
        let table = column.table();
        let schema = self.schema_of(table);
        let index = schema.fields.iter().position(|f| f.lineage == Some(column));
        let Some(index) = index else {
            return self.error(
                ErrorKind::Internal,
                span,
                "a column that its table does not have",
            );
        };
        let of = self.scope.column_type(column);
        if let Some(held) = not_taken(op, name, of) {
            let message = format!(
                "{name} needs a column of {}, and [{}] holds {held}",
                taken(op),
                self.scope.column(column).name,
            );
            return self.error(ErrorKind::Type, span, message);
        }
        let frame = self.fresh();
        let base = self.table_expr(
            TableKind::Base {
                table,
                blank_row: false,
            },
            schema,
            span,
        );
        let mut body = self.scalar(ScalarKind::Field { frame, index }, of, span);
        if is_of_all_types(name) {
            body = self.as_number(body, span)?;
        }
        Ok(self.reduce(op, base, frame, Some(body), span))
    }

    /// AVERAGEA, MINA and MAXA: logical values are 1 and 0, text is 0, and BLANK stays BLANK.
    fn as_number(&mut self, value: Scalar, span: Span) -> Bound<Scalar> {
        let factor = match value.data_type {
            DataType::Boolean => 1,
            DataType::Text => 0,
            _ => return Ok(value),
        };
        let constant = |b: &Self, value: Value| {
            let data_type = value.data_type().unwrap_or(DataType::Unknown);
            b.scalar(ScalarKind::Constant(value), data_type, span)
        };
        if factor == 1 {
            let one = constant(self, Value::Integer(1));
            return self.binary(BinaryOp::Multiply, value, one, span);
        }
        let blank = constant(self, Value::Blank);
        let is_blank = ScalarKind::Binary {
            op: BinaryOp::StrictEqual,
            left: Box::new(value),
            right: Box::new(blank.clone()),
        };
        let kind = ScalarKind::If {
            condition: Box::new(self.scalar(is_blank, DataType::Boolean, span)),
            then: Box::new(blank),
            otherwise: Some(Box::new(constant(self, Value::Integer(0)))),
        };
        Ok(self.scalar(kind, DataType::Integer, span))
    }

    pub fn reduce(
        &self,
        op: Reduction,
        table: TableExpr,
        frame: u32,
        body: Option<Scalar>,
        span: Span,
    ) -> Scalar {
        let of = body.as_ref().map_or(DataType::Integer, |b| b.data_type);
        let data_type = match op {
            Reduction::Rows
            | Reduction::Count
            | Reduction::CountBlank
            | Reduction::DistinctCount
            | Reduction::DistinctCountNoBlank => DataType::Integer,
            Reduction::Sum if of == DataType::Boolean => DataType::Integer,
            Reduction::Sum
            | Reduction::Min
            | Reduction::Max
            | Reduction::MinOfNumbers
            | Reduction::MaxOfNumbers => of,
            Reduction::Average | Reduction::Median | Reduction::MedianWithBlanks
                if matches!(of, DataType::Fixed | DataType::DateTime) =>
            {
                of
            }
            _ => DataType::Double,
        };
        self.scalar(
            ScalarKind::Reduce {
                op,
                table: Box::new(table),
                frame,
                body: body.map(Box::new),
            },
            data_type,
            span,
        )
    }

    fn iterator(&mut self, op: Reduction, name: &str, args: &[Expr], span: Span) -> Bound<Scalar> {
        let table = self.bind_table(&args[0])?;
        let frame = self.fresh();
        let body = self.with_rows(frame, table.schema.clone(), |b| b.bind_scalar(&args[1]))?;
        if let Some(given) = not_taken(op, name, body.data_type) {
            let message = format!(
                "{name} needs {} for each row, and this expression gives {given}",
                taken(op)
            );
            return self.error(ErrorKind::Type, args[1].span, message);
        }
        // The third argument of MINX and MAXX is read as in orders: TRUE, TRUE () or 1. A column was given one type when it was made.
        let of_all_types = args.get(2).map(direction) == Some(Some(false));
        let mixed =
            body.data_type == DataType::Variant && !matches!(body.kind, ScalarKind::Field { .. });
        let op = match op {
            Reduction::Min if mixed && !of_all_types => Reduction::MinOfNumbers,
            Reduction::Max if mixed && !of_all_types => Reduction::MaxOfNumbers,
            op => op,
        };
        Ok(self.reduce(op, table, frame, Some(body), span))
    }

    fn count_rows(&mut self, args: &[Expr], span: Span) -> Bound<Scalar> {
        let table = match args.first() {
            Some(argument) => self.bind_table(argument)?,
            None => match self.home {
                Some(table) => self.table_expr(
                    TableKind::Base {
                        table,
                        blank_row: false,
                    },
                    self.schema_of(table),
                    span,
                ),
                None => {
                    return self.error(
                        ErrorKind::Argument,
                        span,
                        "COUNTROWS without an argument needs a measure that stands in a table",
                    );
                }
            },
        };
        let frame = self.fresh();
        Ok(self.reduce(Reduction::Rows, table, frame, None, span))
    }

    fn concatenate_x(&mut self, args: &[Expr], span: Span) -> Bound<Scalar> {
        let table = self.bind_table(&args[0])?;
        let frame = self.fresh();
        let delimiter = match args.get(2) {
            Some(Expr {
                kind: ExprKind::Omitted,
                ..
            })
            | None => None,
            Some(argument) => Some(Box::new(self.bind_scalar(argument)?)),
        };
        let schema = table.schema.clone();
        let body = self.with_rows(frame, schema.clone(), |b| b.bind_scalar(&args[1]))?;
        let order = self.with_rows(frame, schema, |b| {
            b.order_list(args.get(3..).unwrap_or(&[]), false)
        })?;
        let kind = ScalarKind::ConcatenateX {
            table: Box::new(table),
            frame,
            body: Box::new(body),
            delimiter,
            order,
        };
        Ok(self.scalar(kind, DataType::Text, span))
    }

    /// Expressions, each with an optional ASC, DESC, 1, 0, TRUE or FALSE behind it.
    pub fn order_list(&mut self, args: &[Expr], descending_by_default: bool) -> Bound<Vec<Order>> {
        let mut order = Vec::new();
        let mut rest = args;
        while let [expr, after @ ..] = rest {
            let expr = self.bind_scalar(expr)?;
            let (descending, after) = match after {
                [word, after @ ..] => match direction(word) {
                    Some(descending) => (descending, after),
                    None => (descending_by_default, rest.get(1..).unwrap_or(&[])),
                },
                [] => (descending_by_default, after),
            };
            order.push(Order { expr, descending });
            rest = after;
        }
        Ok(order)
    }

    fn rank_x(&mut self, args: &[Expr], span: Span) -> Bound<Scalar> {
        let table = self.bind_table(&args[0])?;
        let frame = self.fresh();
        let body = self.with_rows(frame, table.schema.clone(), |b| b.bind_scalar(&args[1]))?;
        // Without a value, the expression itself is evaluated outside the table's rows.
        let value = match args.get(2) {
            Some(Expr {
                kind: ExprKind::Omitted,
                ..
            })
            | None => Some(self.bind_scalar(&args[1])?),
            Some(argument) => Some(self.bind_scalar(argument)?),
        };
        let ascending = match args.get(3) {
            Some(Expr {
                kind: ExprKind::Omitted,
                ..
            })
            | None => false,
            Some(word) => match direction(word) {
                Some(descending) => !descending,
                None => {
                    return self.error(
                        ErrorKind::Argument,
                        word.span,
                        "the order of RANKX is ASC or DESC",
                    );
                }
            },
        };
        // The reference writes the word with and without quotes.
        let ties = match args.get(4).map(|a| &a.kind) {
            None | Some(ExprKind::Omitted) => "SKIP",
            Some(ExprKind::Identifier { name, .. }) => name.text.as_str(),
            Some(ExprKind::Text(word)) => word.as_str(),
            Some(_) => "",
        };
        let dense = ties.eq_ignore_ascii_case("DENSE");
        if !dense && !ties.eq_ignore_ascii_case("SKIP") {
            return self.error(ErrorKind::Argument, span, "ties of RANKX are SKIP or DENSE");
        }
        let rank = RankX {
            table,
            frame,
            body,
            value,
            ascending,
            dense,
        };
        Ok(self.scalar(ScalarKind::RankX(Box::new(rank)), DataType::Integer, span))
    }

    /// MIN and MAX of two values.
    fn smaller_or_larger(&mut self, smaller: bool, args: &[Expr], span: Span) -> Bound<Scalar> {
        let mut values = Vec::new();
        for argument in args {
            let value = self.bind_scalar(argument)?;
            if value.data_type == DataType::Boolean {
                let message = "MIN and MAX take numbers, dates or text, not logical values";
                return self.error(ErrorKind::Type, argument.span, message);
            }
            values.push(value);
        }
        let data_type = super::calls::common(values.iter().map(|value| value.data_type));
        let zero = match data_type {
            DataType::Integer => Some(Value::Integer(0)),
            DataType::Fixed => Some(Value::Fixed(0)),
            DataType::Double => Some(Value::Double(0.0)),
            _ => None,
        };
        if let Some(zero) = zero {
            return self.of_two_numbers(smaller, values, zero, data_type, span);
        }
        let rows = values.into_iter().map(|value| vec![value]).collect();
        let field = crate::bound::Field::extension("Value", data_type);
        let schema = std::rc::Rc::new(crate::bound::Schema {
            fields: vec![field],
            base: None,
        });
        let table = self.table_expr(TableKind::Constructor(rows), schema, span);
        let frame = self.fresh();
        let body = self.scalar(ScalarKind::Field { frame, index: 0 }, data_type, span);
        Ok(self.reduce(
            if smaller {
                Reduction::Min
            } else {
                Reduction::Max
            },
            table,
            frame,
            Some(body),
            span,
        ))
    }

    /// The smaller or larger of two numbers. Beside a number BLANK is zero; of two BLANKs it is BLANK. The numbers are the columns of
    /// one row, so that each is evaluated once.
    fn of_two_numbers(
        &mut self,
        smaller: bool,
        values: Vec<Scalar>,
        zero: Value,
        data_type: DataType,
        span: Span,
    ) -> Bound<Scalar> {
        let frame = self.fresh();
        let mut fields = Vec::new();
        let mut numbers = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let name = format!("Value{}", index + 1);
            fields.push(crate::bound::Field::extension(&name, value.data_type));
            let field = ScalarKind::Field { frame, index };
            numbers.push(self.scalar(field, value.data_type, span));
        }
        let [left, right] = numbers.as_slice() else {
            return self.error(ErrorKind::Internal, span, "MIN or MAX of two values");
        };
        let blank = self.scalar(ScalarKind::Constant(Value::Blank), DataType::Unknown, span);
        let op = if smaller {
            BinaryOp::LessEqual
        } else {
            BinaryOp::GreaterEqual
        };
        let chosen = ScalarKind::If {
            condition: Box::new(self.binary(op, left.clone(), right.clone(), span)?),
            then: Box::new(left.clone()),
            otherwise: Some(Box::new(right.clone())),
        };
        let parts = vec![
            self.scalar(chosen, data_type, span),
            self.scalar(ScalarKind::Constant(zero), data_type, span),
        ];
        let no_left = self.binary(BinaryOp::StrictEqual, left.clone(), blank.clone(), span)?;
        let no_right = self.binary(BinaryOp::StrictEqual, right.clone(), blank.clone(), span)?;
        let body = ScalarKind::If {
            condition: Box::new(self.binary(BinaryOp::And, no_left, no_right, span)?),
            then: Box::new(blank),
            otherwise: Some(Box::new(self.scalar(
                ScalarKind::Coalesce(parts),
                data_type,
                span,
            ))),
        };
        let body = self.scalar(body, data_type, span);
        let schema = std::rc::Rc::new(crate::bound::Schema { fields, base: None });
        let table = self.table_expr(TableKind::Constructor(vec![values]), schema, span);
        let op = if smaller {
            Reduction::Min
        } else {
            Reduction::Max
        };
        Ok(self.reduce(op, table, frame, Some(body), span))
    }
}

/// Functions that take columns of every type. COUNTA counts them as they are.
fn is_of_all_types(name: &str) -> bool {
    matches!(name, "AVERAGEA" | "MINA" | "MAXA")
}

/// Whether the aggregate computes with numbers, rather than comparing or counting values.
fn computes(op: Reduction) -> bool {
    matches!(
        op,
        Reduction::Sum
            | Reduction::Average
            | Reduction::Product
            | Reduction::Median
            | Reduction::MedianWithBlanks
            | Reduction::GeoMean
            | Reduction::StdevP
            | Reduction::StdevS
            | Reduction::VarP
            | Reduction::VarS
    )
}

/// What an aggregate cannot take of this type, in words. Logical values are for the functions whose names have an A, and for counts
/// of distinct values and of BLANK.
fn not_taken(op: Reduction, name: &str, of: DataType) -> Option<&'static str> {
    let compares = matches!(op, Reduction::Min | Reduction::Max | Reduction::Count);
    match of {
        _ if is_of_all_types(name) || matches!(name, "COUNTA" | "COUNTAX") => None,
        DataType::Boolean if computes(op) || compares => Some("logical values"),
        DataType::Text if computes(op) => Some("text"),
        _ => None,
    }
}

fn taken(op: Reduction) -> &'static str {
    if computes(op) {
        "numbers or dates"
    } else {
        "numbers, dates or text"
    }
}

fn reduction(name: &str) -> Option<Reduction> {
    Some(match name {
        "SUM" | "SUMX" => Reduction::Sum,
        "AVERAGE" | "AVERAGEX" | "AVERAGEA" => Reduction::Average,
        "MIN" | "MINX" | "MINA" => Reduction::Min,
        "MAX" | "MAXX" | "MAXA" => Reduction::Max,
        "COUNT" | "COUNTX" | "COUNTA" | "COUNTAX" => Reduction::Count,
        "COUNTBLANK" => Reduction::CountBlank,
        "DISTINCTCOUNT" => Reduction::DistinctCount,
        "DISTINCTCOUNTNOBLANK" => Reduction::DistinctCountNoBlank,
        "PRODUCT" | "PRODUCTX" => Reduction::Product,
        "MEDIAN" => Reduction::Median,
        "MEDIANX" => Reduction::MedianWithBlanks,
        "STDEV.P" | "STDEVX.P" => Reduction::StdevP,
        "STDEV.S" | "STDEVX.S" => Reduction::StdevS,
        "VAR.P" | "VARX.P" => Reduction::VarP,
        "VAR.S" | "VARX.S" => Reduction::VarS,
        "GEOMEAN" | "GEOMEANX" => Reduction::GeoMean,
        _ => return None,
    })
}

/// Some(true) for descending.
pub fn direction(expr: &Expr) -> Option<bool> {
    match &expr.kind {
        ExprKind::Identifier {
            name,
            quoted: false,
        } if name.text.eq_ignore_ascii_case("ASC") => Some(false),
        ExprKind::Identifier {
            name,
            quoted: false,
        } if name.text.eq_ignore_ascii_case("DESC") => Some(true),
        ExprKind::Identifier {
            name,
            quoted: false,
        } if name.text.eq_ignore_ascii_case("TRUE") => Some(false),
        ExprKind::Identifier {
            name,
            quoted: false,
        } if name.text.eq_ignore_ascii_case("FALSE") => Some(true),
        ExprKind::Integer(1) => Some(false),
        ExprKind::Integer(0) => Some(true),
        ExprKind::Call { name, args }
            if args.is_empty() && name.text.eq_ignore_ascii_case("TRUE") =>
        {
            Some(false)
        }
        ExprKind::Call { name, args }
            if args.is_empty() && name.text.eq_ignore_ascii_case("FALSE") =>
        {
            Some(true)
        }
        _ => None,
    }
}

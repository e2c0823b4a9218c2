//! Aggregate functions of SQL as aggregates of a scan. None: the scan knows no such aggregate, or means something else by it.

use arrow::datatypes::DataType as ArrowType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use model::DataType;
use security::{
    Aggregate, AggregateOp, ArithmeticOp, Expression, Measure, PathColumn, ReadError, Target,
};

use super::relation::Tables;
use super::star::Star;
use crate::measure::measure_of;
use crate::types::is_text;

/// How a result column comes from the scan's aggregates, by their places.
#[derive(Clone, Debug)]
pub(crate) enum Result {
    Count(usize),
    Sum(usize),
    /// Minimum or maximum.
    Extreme(usize),
    Average {
        sum: usize,
        count: usize,
    },
    /// BLANK counts in the scan, and NULL does not in SQL.
    Distinct {
        distinct: usize,
        rows: usize,
        count: usize,
    },
    /// A measure, by its place among those that the engine is asked for.
    Measure(usize),
}

/// The aggregates of one scan, each once.
pub(super) struct Aggregates<'a> {
    pub tables: &'a Tables<'a>,
    pub star: &'a Star,
    pub list: Vec<Aggregate>,
    pub measures: Vec<Measure>,
}

impl Aggregates<'_> {
    /// `field` is the type that SQL gives the result.
    pub fn of(
        &mut self,
        function: &AggregateFunction,
        arguments: &[Expr],
        field: &ArrowType,
    ) -> Option<Result> {
        let params = &function.params;
        if params.filter.is_some() || !params.order_by.is_empty() || params.null_treatment.is_some()
        {
            return None;
        }
        if let Some(measure) = measure_of(&function.func) {
            self.measures.push(measure);
            return Some(Result::Measure(self.measures.len() - 1));
        }
        let [argument] = arguments else { return None };
        let name = function.func.name();
        if params.distinct && !matches!(name, "count" | "min" | "max") {
            return None;
        }
        match name {
            "count" if params.distinct => self.distinct(argument),
            "count" => match argument {
                Expr::Literal(value, _) if !value.is_null() => {
                    Some(Result::Count(self.push(AggregateOp::Rows, None)))
                }
                _ => {
                    let argument = self.column(argument)?;
                    Some(Result::Count(self.push(AggregateOp::Count, Some(argument))))
                }
            },
            "sum" => {
                let (argument, number) = self.number(argument)?;
                sums_to(number, field)
                    .then(|| Result::Sum(self.push(AggregateOp::Sum, Some(argument))))
            }
            "avg" => self.average(argument, field),
            "min" => self.extreme(AggregateOp::Min, argument, field),
            "max" => self.extreme(AggregateOp::Max, argument, field),
            _ => None,
        }
    }

    fn push(&mut self, op: AggregateOp, argument: Option<Expression>) -> usize {
        let wanted = Aggregate { op, argument };
        let known = self.list.iter().position(|known| *known == wanted);
        known.unwrap_or_else(|| {
            self.list.push(wanted);
            self.list.len() - 1
        })
    }

    fn path(&self, expr: &Expr) -> Option<PathColumn> {
        self.star.path_column(self.tables.place(expr)?)
    }

    fn column(&self, expr: &Expr) -> Option<Expression> {
        Some(Expression::Column(self.path(expr)?))
    }

    fn distinct(&mut self, argument: &Expr) -> Option<Result> {
        let column = self.column(argument)?;
        Some(Result::Distinct {
            distinct: self.push(AggregateOp::DistinctCount, Some(column.clone())),
            rows: self.push(AggregateOp::Rows, None),
            count: self.push(AggregateOp::Count, Some(column)),
        })
    }

    fn average(&mut self, argument: &Expr, field: &ArrowType) -> Option<Result> {
        // AVG of whole numbers is written as the average of their cast to decimal numbers.
        let argument = match argument {
            Expr::Cast(cast) if *cast.field.data_type() == ArrowType::Float64 => &cast.expr,
            other => other,
        };
        let (argument, number) = self.number(argument)?;
        let fits = match number {
            DataType::Integer | DataType::Double => *field == ArrowType::Float64,
            DataType::Fixed => matches!(field, ArrowType::Decimal128(_, scale) if *scale >= 4),
            _ => false,
        };
        let sum = fits.then(|| self.push(AggregateOp::Sum, Some(argument.clone())))?;
        let count = self.push(AggregateOp::Count, Some(argument));
        Some(Result::Average { sum, count })
    }

    fn extreme(&mut self, op: AggregateOp, argument: &Expr, field: &ArrowType) -> Option<Result> {
        if let Some(column) = self.path(argument) {
            // The order of codes is that of the collation: letter by letter another text may come first.
            let text = is_text(field);
            return (!text || self.tables.reader.collates())
                .then(|| Result::Extreme(self.push(op, Some(Expression::Column(column)))));
        }
        let (argument, number) = self.number(argument)?;
        let same = match number {
            DataType::Integer => *field == ArrowType::Int64,
            DataType::Double => *field == ArrowType::Float64,
            DataType::Fixed => matches!(field, ArrowType::Decimal128(_, 4)),
            _ => false,
        };
        same.then(|| Result::Extreme(self.push(op, Some(argument))))
    }

    /// An expression of numbers and its type, where BLANK and NULL lead to the same.
    fn number(&self, expr: &Expr) -> Option<(Expression, DataType)> {
        let number = self.expression(expr)?;
        let known = self
            .tables
            .reader
            .scope()
            .expression_type(self.star.table, &number.0)?;
        (known == number.1).then_some(number)
    }

    fn expression(&self, expr: &Expr) -> Option<(Expression, DataType)> {
        match expr {
            Expr::Column(_) => {
                let column = self.path(expr)?;
                let Target::Column(handle) = column.target else {
                    return None;
                };
                let data_type = self.tables.reader.scope().column_type(handle);
                let number = matches!(
                    data_type,
                    DataType::Integer | DataType::Double | DataType::Fixed
                );
                number.then_some((Expression::Column(column), data_type))
            }
            Expr::Literal(ScalarValue::Int64(Some(value)), _) => {
                Some((Expression::Integer(*value), DataType::Integer))
            }
            Expr::Literal(ScalarValue::Float64(Some(value)), _) => {
                Some((Expression::Double(*value), DataType::Double))
            }
            Expr::Literal(ScalarValue::Decimal128(Some(value), _, scale @ 0..=4), _) => {
                let places =
                    10i128.checked_pow(u32::from(4u8.checked_sub(u8::try_from(*scale).ok()?)?))?;
                let value = i64::try_from(value.checked_mul(places)?).ok()?;
                Some((Expression::Fixed(value), DataType::Fixed))
            }
            Expr::Cast(cast) if *cast.field.data_type() == ArrowType::Float64 => {
                match self.expression(&cast.expr)? {
                    (inner, DataType::Double) => Some((inner, DataType::Double)),
                    // BLANK stays BLANK in a product.
                    (inner, DataType::Integer) => Some((
                        arithmetic(ArithmeticOp::Multiply, inner, Expression::Double(1.0)),
                        DataType::Double,
                    )),
                    _ => None,
                }
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => self.arithmetic(left, *op, right),
            _ => None,
        }
    }

    fn arithmetic(
        &self,
        left: &Expr,
        op: Operator,
        right: &Expr,
    ) -> Option<(Expression, DataType)> {
        let (left, right) = (self.expression(left)?, self.expression(right)?);
        let data_type = match (left.1, right.1) {
            (DataType::Integer, DataType::Integer) => DataType::Integer,
            (DataType::Double, DataType::Double) => DataType::Double,
            (DataType::Fixed, DataType::Fixed) => DataType::Fixed,
            _ => return None,
        };
        let op = match op {
            Operator::Plus => ArithmeticOp::Add,
            Operator::Minus => ArithmeticOp::Subtract,
            // The product of two fixed decimals has eight places in SQL.
            Operator::Multiply if data_type != DataType::Fixed => ArithmeticOp::Multiply,
            _ => return None,
        };
        if op != ArithmeticOp::Multiply {
            // NULL plus one is NULL, and BLANK plus one is one.
            let free = self.never_blank(&left.0).ok()? && self.never_blank(&right.0).ok()?;
            if !free {
                return None;
            }
        }
        Some((arithmetic(op, left.0, right.0), data_type))
    }

    fn never_blank(&self, expression: &Expression) -> std::result::Result<bool, ReadError> {
        Ok(match expression {
            Expression::Column(column) => {
                !self.tables.reader.may_be_blank(self.star.table, column)?
            }
            Expression::Arithmetic { left, right, .. } => {
                self.never_blank(left)? && self.never_blank(right)?
            }
            _ => true,
        })
    }
}

fn arithmetic(op: ArithmeticOp, left: Expression, right: Expression) -> Expression {
    Expression::Arithmetic {
        op,
        left: Box::new(left),
        right: Box::new(right),
    }
}

fn sums_to(number: DataType, field: &ArrowType) -> bool {
    match number {
        DataType::Integer => *field == ArrowType::Int64,
        DataType::Double => *field == ArrowType::Float64,
        DataType::Fixed => matches!(field, ArrowType::Decimal128(_, 4)),
        _ => false,
    }
}

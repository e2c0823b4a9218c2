//! Binding of the functions that look at all rows of a table together: percentiles, ranks, payments, regressions, samples, and
//! tables as text.

use std::rc::Rc;

use dax::{Expr, ExprKind, Span};

use super::aggregates::direction;
use super::{Binder, Bound};
use crate::bound::{
    Field, FrameId, Order, Regression, Sample, SampleFunction, Scalar, ScalarKind, Schema,
    Statistic, StatisticFunction, TableExpr, TableKind, TableText, TextForm,
};
use crate::error::ErrorKind;
use crate::value::DataType;

impl<'a> Binder<'a> {
    /// None for a function that is none of these.
    pub fn statistic_call(
        &mut self,
        name: &str,
        args: &[Expr],
        span: Span,
    ) -> Bound<Option<Scalar>> {
        use StatisticFunction as F;
        let statistic = match name {
            "PERCENTILE.INC" | "PERCENTILE.EXC" | "PERCENTILEX.INC" | "PERCENTILEX.EXC" => {
                self.percentile(name, args, span)?
            }
            "RANK.EQ" => {
                let value = self.bind_scalar(&args[0])?;
                let (table, frame, column) = self.rows_of_column(&args[1])?;
                let order = match args.get(2) {
                    Some(order) => match super::aggregates::direction(order) {
                        Some(descending) => self.truth(!descending, order.span),
                        None => self.bind_scalar(order)?,
                    },
                    None => self.truth(false, span),
                };
                Statistic {
                    function: F::RankEq,
                    table,
                    frame,
                    columns: vec![column],
                    arguments: vec![value, order],
                }
            }
            "XIRR" | "XNPV" => {
                let (table, frame, columns) = self.rows_and(&args[0], &args[1..3])?;
                let arguments = args[3..]
                    .iter()
                    .map(|a| self.bind_scalar(a))
                    .collect::<Bound<Vec<_>>>()?;
                Statistic {
                    function: if name == "XIRR" { F::Xirr } else { F::Xnpv },
                    table,
                    frame,
                    columns,
                    arguments,
                }
            }
            "NETWORKDAYS" if args.len() == 4 => self.work_days(args)?,
            "TOCSV" | "TOJSON" => return self.table_as_text(name, args, span).map(Some),
            _ => return Ok(None),
        };
        let data_type = match statistic.function {
            F::RankEq | F::WorkDays => DataType::Integer,
            F::PercentileInclusive | F::PercentileExclusive => {
                match statistic.columns.first().map(|c| c.data_type) {
                    Some(kept @ (DataType::Fixed | DataType::DateTime)) => kept,
                    _ => DataType::Double,
                }
            }
            F::Xirr | F::Xnpv => DataType::Double,
        };
        let kind = ScalarKind::Statistic(Box::new(statistic));
        Ok(Some(self.scalar(kind, data_type, span)))
    }

    fn truth(&self, value: bool, span: Span) -> Scalar {
        let kind = ScalarKind::Constant(crate::value::Value::Boolean(value));
        self.scalar(kind, DataType::Boolean, span)
    }

    fn percentile(&mut self, name: &str, args: &[Expr], span: Span) -> Bound<Statistic> {
        let over_rows = name.starts_with("PERCENTILEX");
        let (table, frame, column, share) = if over_rows {
            let (table, frame, mut columns) = self.rows_and(&args[0], &args[1..2])?;
            (table, frame, columns.pop(), &args[2])
        } else {
            let (table, frame, column) = self.rows_of_column(&args[0])?;
            (table, frame, Some(column), &args[1])
        };
        let text = column
            .as_ref()
            .is_some_and(|c| matches!(c.data_type, DataType::Text | DataType::Boolean));
        if text {
            let message = format!("{name} needs numbers or dates");
            return self.error(ErrorKind::Type, span, message);
        }
        Ok(Statistic {
            function: if name.ends_with("INC") {
                StatisticFunction::PercentileInclusive
            } else {
                StatisticFunction::PercentileExclusive
            },
            table,
            frame,
            columns: column.into_iter().collect(),
            arguments: vec![self.bind_scalar(share)?, self.truth(over_rows, span)],
        })
    }

    /// NETWORKDAYS ( start, end, weekend, holidays ).
    fn work_days(&mut self, args: &[Expr]) -> Bound<Statistic> {
        let arguments = args[..3]
            .iter()
            .map(|a| self.bind_scalar(a))
            .collect::<Bound<Vec<_>>>()?;
        let table = self.bind_table(&args[3])?;
        self.check_width(&table, 1, args[3].span)?;
        let frame = self.fresh();
        let data_type = table
            .schema
            .fields
            .first()
            .map_or(DataType::Unknown, |f| f.data_type);
        let day = self.scalar(
            ScalarKind::Field { frame, index: 0 },
            data_type,
            args[3].span,
        );
        Ok(Statistic {
            function: StatisticFunction::WorkDays,
            table,
            frame,
            columns: vec![day],
            arguments,
        })
    }

    /// A column of the model as rows of its table in the filter context.
    fn rows_of_column(&mut self, column: &Expr) -> Bound<(TableExpr, FrameId, Scalar)> {
        let handle = self.column_argument(column)?;
        let table = handle.table();
        let schema = self.schema_of(table);
        let Some(index) = schema.fields.iter().position(|f| f.lineage == Some(handle)) else {
            return self.error(
                ErrorKind::Internal,
                column.span,
                "a column that its table does not have",
            );
        };
        let base = self.table_expr(
            TableKind::Base {
                table,
                blank_row: false,
            },
            schema,
            column.span,
        );
        let frame = self.fresh();
        let data_type = self.scope.column_type(handle);
        let value = self.scalar(ScalarKind::Field { frame, index }, data_type, column.span);
        Ok((base, frame, value))
    }

    /// A table, and expressions in its rows.
    fn rows_and(
        &mut self,
        table: &Expr,
        expressions: &[Expr],
    ) -> Bound<(TableExpr, FrameId, Vec<Scalar>)> {
        let table = self.bind_table(table)?;
        let frame = self.fresh();
        let bound = self.with_rows(frame, Rc::clone(&table.schema), |b| {
            expressions
                .iter()
                .map(|e| b.bind_scalar(e))
                .collect::<Bound<Vec<_>>>()
        })?;
        Ok((table, frame, bound))
    }

    fn table_as_text(&mut self, name: &str, args: &[Expr], span: Span) -> Bound<Scalar> {
        let table = self.bind_table(&args[0])?;
        let optional = |b: &mut Self, at: usize| match args.get(at) {
            None
            | Some(Expr {
                kind: ExprKind::Omitted,
                ..
            }) => Ok(None),
            Some(argument) => b.bind_scalar(argument).map(Some),
        };
        let most_rows = optional(self, 1)?;
        let form = if name == "TOJSON" {
            TextForm::Json
        } else {
            TextForm::Csv {
                delimiter: optional(self, 2)?,
                headers: optional(self, 3)?,
            }
        };
        let kind = ScalarKind::TableText(Box::new(TableText {
            table,
            most_rows,
            form,
        }));
        Ok(self.scalar(kind, DataType::Text, span))
    }

    /// LINEST ( y, x, ..., [intercept] ) over columns of one table, LINESTX ( table, y, x, ..., [intercept] ).
    pub fn regression(&mut self, name: &str, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let mut args = args;
        let mut intercept = true;
        if let [before @ .., last] = args
            && let Some(descending) = super::aggregates::direction(last)
            && before.len() >= if name == "LINEST" { 2 } else { 3 }
        {
            // TRUE and FALSE are read as they are for orders: FALSE is descending.
            intercept = !descending;
            args = before;
        }
        let (table, frame, columns) = if name == "LINESTX" {
            self.rows_and(&args[0], &args[1..])?
        } else {
            let (table, frame, first) = self.rows_of_column(&args[0])?;
            let mut columns = vec![first];
            for argument in &args[1..] {
                let handle = self.column_argument(argument)?;
                let place = table
                    .schema
                    .fields
                    .iter()
                    .position(|f| f.lineage == Some(handle));
                let Some(index) = place else {
                    return self.error(
                        ErrorKind::Argument,
                        argument.span,
                        "the columns of LINEST must be of one table",
                    );
                };
                let data_type = self.scope.column_type(handle);
                columns.push(self.scalar(
                    ScalarKind::Field { frame, index },
                    data_type,
                    argument.span,
                ));
            }
            (table, frame, columns)
        };
        if columns.iter().any(|c| c.data_type == DataType::Text) {
            let message = format!("{name} needs numbers or dates");
            return self.error(ErrorKind::Type, span, message);
        }
        let fields = crate::eval::regression_columns(columns.len() - 1)
            .into_iter()
            .map(|(name, data_type)| Field::extension(&name, data_type))
            .collect();
        let regression = Regression {
            table,
            frame,
            columns,
            intercept,
        };
        Ok(self.table_expr(
            TableKind::Regression(Box::new(regression)),
            Rc::new(Schema { fields, base: None }),
            span,
        ))
    }

    /// SAMPLE ( count, table, [order], ... ) and its kin.
    pub fn sample(&mut self, name: &str, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let count = self.bind_scalar(&args[0])?;
        let mut most_series = None;
        let (function, table, frame, order, columns) = match name {
            "SAMPLE" => {
                let table = self.bind_table(&args[1])?;
                let frame = self.fresh();
                let order = self.with_rows(frame, Rc::clone(&table.schema), |b| {
                    b.order_list(args.get(2..).unwrap_or(&[]), false)
                })?;
                (SampleFunction::Even, table, frame, order, Vec::new())
            }
            "SAMPLECARTESIANPOINTSBYCOVER" => {
                let axes = args.len().min(5);
                let (table, frame, columns) = self.rows_and(&args[1], &args[2..axes])?;
                if args.len() > 4 {
                    self.check_ratios(args, span)?;
                }
                (SampleFunction::Cover, table, frame, Vec::new(), columns)
            }
            _ => {
                let lines = self.lines_of(args, span)?;
                let along: Vec<Expr> = lines.along.iter().chain(lines.series).cloned().collect();
                let (table, frame, mut columns) = self.rows_and(&args[1], &along)?;
                let series = columns.split_off(lines.along.len());
                let descending = lines.descending;
                let order = series
                    .into_iter()
                    .map(|expr| Order { expr, descending })
                    .collect();
                most_series = lines.most_series;
                (SampleFunction::Extremes, table, frame, order, columns)
            }
        };
        let schema = Rc::clone(&table.schema);
        let sample = Sample {
            function,
            count,
            table,
            frame,
            order,
            columns,
            most_series,
        };
        Ok(self.table_expr(TableKind::Sample(Box::new(sample)), schema, span))
    }

    /// With a radius, the ratios of the largest to the smallest and to that of BLANK must be given, and exceed 1.
    fn check_ratios(&self, args: &[Expr], span: Span) -> Bound<()> {
        let above_one = |expr: Option<&Expr>| match expr.map(|e| &e.kind) {
            Some(ExprKind::Integer(i)) => *i > 1,
            Some(ExprKind::Double(d)) => *d > 1.0,
            _ => false,
        };
        if above_one(args.get(5)) && above_one(args.get(6)) {
            return Ok(());
        }
        self.error(
            ErrorKind::Argument,
            span,
            "with a radius, both ratios of radiuses must be given as numbers larger than 1",
        )
    }

    /// SAMPLEAXISWITHLOCALMINMAX ( size, table, axis, measure, ..., resolution [, series, ...] [, criteria] [, order]
    /// [, greatest resolution] [, greatest number of series] [, iterations] ): the first number behind the columns ends them.
    fn lines_of<'e>(&self, args: &'e [Expr], span: Span) -> Bound<Lines<'e>> {
        let number = |e: &Expr| matches!(e.kind, ExprKind::Integer(_) | ExprKind::Double(_));
        let omitted = |e: &Expr| matches!(e.kind, ExprKind::Omitted);
        let end = args.iter().skip(2).position(number).map(|at| at + 2);
        let Some(end) = end.filter(|end| *end >= 4) else {
            return self.error(
                ErrorKind::Argument,
                span,
                "SAMPLEAXISWITHLOCALMINMAX takes a size, a table, an axis, measures and the least resolution, a number",
            );
        };
        let (along, mut rest) = (&args[2..end], &args[end + 1..]);
        let count = rest
            .iter()
            .take_while(|e| matches!(e.kind, ExprKind::Qualified { .. } | ExprKind::Bracket(_)))
            .count();
        let (series, after) = rest.split_at(count);
        rest = match after {
            // The place of the series may be empty.
            [first, behind @ ..] if count == 0 && omitted(first) => behind,
            _ => after,
        };
        if let [first, behind @ ..] = rest {
            match super::names::word(first).as_deref() {
                Some("NONE" | "ALPHABETICAL") => rest = behind,
                _ if omitted(first) => rest = behind,
                _ => {}
            }
        }
        let mut descending = false;
        if let [first, behind @ ..] = rest {
            if let Some(direction) = direction(first) {
                descending = direction;
                rest = behind;
            } else if omitted(first) {
                rest = behind;
            }
        }
        if rest.len() > 3 || !rest.iter().all(|e| number(e) || omitted(e)) {
            return self.error(
                ErrorKind::Argument,
                span,
                "behind the series of SAMPLEAXISWITHLOCALMINMAX stand NONE or ALPHABETICAL, ASC or DESC, and as numbers the greatest resolution, the greatest number of series and of iterations",
            );
        }
        let most_series = match rest.get(1).map(|e| &e.kind) {
            Some(ExprKind::Integer(most)) => Some(usize::try_from(*most).unwrap_or(0)),
            _ => None,
        };
        Ok(Lines {
            along,
            series,
            descending,
            most_series,
        })
    }
}

/// What is drawn as lines: along an axis, a line for each value of the series.
struct Lines<'e> {
    /// The axis and the measures.
    along: &'e [Expr],
    series: &'e [Expr],
    descending: bool,
    most_series: Option<usize>,
}

//! Binding of time intelligence.

use std::rc::Rc;

use dax::{Expr, ExprKind, Span};

use super::names::time_word;
use super::{Binder, Bound};
use crate::bound::{
    DateUnit, Dates, DatesFunction, FilterArgument, MomentsFunction, Scalar, ScalarKind, TableExpr,
    TableKind,
};
use crate::error::ErrorKind;
use crate::value::DataType;

/// Comparisons, and what `&&`, `||` and NOT make of them.
fn is_condition(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Binary { .. } | ExprKind::Unary { .. })
}

/// Values written down, and what operators and functions make of them alone.
pub(super) fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Integer(_)
        | ExprKind::Double(_)
        | ExprKind::Text(_)
        | ExprKind::DateTime(_)
        | ExprKind::Parameter(_)
        | ExprKind::Omitted => true,
        ExprKind::Unary { operand, .. } => is_constant(operand),
        ExprKind::Binary { left, right, .. } => is_constant(left) && is_constant(right),
        ExprKind::Call { args, .. } => args.iter().all(is_constant),
        _ => false,
    }
}

impl<'a> Binder<'a> {
    /// A table function over dates: its name in upper case.
    pub fn dates_call(&mut self, name: &str, args: &[Expr], span: Span) -> Bound<TableExpr> {
        use DatesFunction as F;
        if let Some(calendar) = self.calendar_argument(&args[0]) {
            return self.calendar_call(name, calendar, args, span);
        }
        let most = match name {
            "DATEADD" => 3,
            "DATESINPERIOD" => 4,
            _ => args.len(),
        };
        if let Some(beyond) = args.get(most) {
            return self.error(
                ErrorKind::Argument,
                beyond.span,
                format!("{name} takes what stands here with a calendar of the model only"),
            );
        }
        if name.ends_with("WEEK") || name == "DATESWTD" {
            return self.needs_calendar(name, &args[0]);
        }
        let unit = |word: &str| match word {
            w if w.ends_with("YEAR") || w == "DATESYTD" => DateUnit::Year,
            w if w.ends_with("QUARTER") || w == "DATESQTD" => DateUnit::Quarter,
            w if w.ends_with("MONTH") || w == "DATESMTD" => DateUnit::Month,
            _ => DateUnit::Day,
        };
        let function = match name {
            "FIRSTDATE" => F::First,
            "LASTDATE" => F::Last,
            "DATESMTD" | "DATESQTD" | "DATESYTD" => F::ToDate,
            "DATESBETWEEN" => F::Between,
            "DATESINPERIOD" => F::InPeriod,
            "DATEADD" => F::Add,
            "PARALLELPERIOD" => F::Parallel,
            "SAMEPERIODLASTYEAR" => F::SameLastYear,
            _ if name.starts_with("STARTOF") => F::StartOf,
            _ if name.starts_with("ENDOF") => F::EndOf,
            _ if name.starts_with("PREVIOUS") => F::Previous,
            _ => F::Next,
        };
        let (unit, values) = match function {
            F::InPeriod => (self.date_unit(&args[3])?, vec![&args[1], &args[2]]),
            F::Add | F::Parallel => (self.date_unit(&args[2])?, vec![&args[1]]),
            F::Between => (unit(name), args[1..].iter().collect()),
            _ => {
                for end in &args[1..] {
                    self.check_year_end(end)?;
                }
                (unit(name), args[1..].iter().collect())
            }
        };
        if function == F::Parallel && unit == DateUnit::Day {
            return self.error(
                ErrorKind::Argument,
                args[2].span,
                "the interval of PARALLELPERIOD is MONTH, QUARTER or YEAR",
            );
        }
        let arguments = values
            .into_iter()
            .map(|v| self.bind_scalar(v))
            .collect::<Bound<Vec<_>>>()?;
        self.dates_over(function, unit, &args[0], arguments, span)
    }

    /// A fiscal year ends on the same day in every context.
    fn check_year_end(&self, end: &Expr) -> Bound<()> {
        if is_constant(end) {
            return Ok(());
        }
        self.error(
            ErrorKind::Argument,
            end.span,
            "the end of the year is a constant, as \"6-30\" is",
        )
    }

    fn needs_calendar<T>(&self, name: &str, expr: &Expr) -> Bound<T> {
        let message = format!("{name} needs a calendar of the model: dates alone have no weeks");
        self.error(ErrorKind::Argument, expr.span, message)
    }

    pub fn dates_over(
        &mut self,
        function: DatesFunction,
        unit: DateUnit,
        dates: &Expr,
        arguments: Vec<Scalar>,
        span: Span,
    ) -> Bound<TableExpr> {
        let dates = self.date_values(dates)?;
        let schema = Rc::clone(&dates.schema);
        let Some(field) = schema.fields.first() else {
            return self.error(
                ErrorKind::Argument,
                span,
                "a column of dates is expected here",
            );
        };
        let all = match field.lineage {
            Some(column) => self.table_expr(
                TableKind::AllValues {
                    columns: vec![column],
                    blank_row: false,
                },
                Rc::clone(&schema),
                span,
            ),
            None => dates.clone(),
        };
        let kind = TableKind::Dates(Box::new(Dates {
            function,
            dates,
            all,
            arguments,
            unit,
        }));
        Ok(self.table_expr(kind, schema, span))
    }

    /// A column of dates in the filter context, a table of one column of dates, or a condition on such a column. A current row
    /// becomes a filter first.
    fn date_values(&mut self, expr: &Expr) -> Bound<TableExpr> {
        let is_column = matches!(
            expr.kind,
            ExprKind::Qualified { .. } | ExprKind::Bracket(_) | ExprKind::Variation { .. }
        );
        let table = if is_column {
            let column = self.column_argument(expr)?;
            let values = self.values_of(column, expr.span);
            let schema = Rc::clone(&values.schema);
            self.table_expr(
                TableKind::Calculate {
                    table: Rc::new(values),
                    filters: Rc::default(),
                },
                schema,
                expr.span,
            )
        } else if is_condition(expr) {
            self.values_where(expr)?
        } else {
            self.bind_table(expr)?
        };
        self.check_width(&table, 1, expr.span)?;
        let known = table.schema.fields.first().map(|f| f.data_type);
        if !matches!(
            known,
            Some(DataType::DateTime | DataType::Unknown | DataType::Variant)
        ) {
            return self.error(
                ErrorKind::Type,
                expr.span,
                "a column of dates is expected here",
            );
        }
        Ok(table)
    }

    fn date_unit(&self, expr: &Expr) -> Bound<DateUnit> {
        match time_word(expr).as_str() {
            "DAY" => Ok(DateUnit::Day),
            "MONTH" => Ok(DateUnit::Month),
            "QUARTER" => Ok(DateUnit::Quarter),
            "YEAR" => Ok(DateUnit::Year),
            _ => self.error(
                ErrorKind::Argument,
                expr.span,
                "the interval is DAY, MONTH, QUARTER or YEAR",
            ),
        }
    }

    /// TOTALYTD ( expression, dates, [filter], [year end] ).
    pub fn total_to_date(&mut self, name: &str, args: &[Expr], span: Span) -> Bound<Scalar> {
        let unit = match name {
            "TOTALMTD" => DateUnit::Month,
            "TOTALQTD" => DateUnit::Quarter,
            _ => DateUnit::Year,
        };
        let calendar = self.calendar_argument(&args[1]);
        self.calculate_over_dates(name, args, span, |b, end| {
            if let Some(calendar) = calendar {
                b.no_year_end(&end, span)?;
                return b.calendar_period(calendar, MomentsFunction::ToDate, name, span);
            }
            if name == "TOTALWTD" {
                return b.needs_calendar(name, &args[1]);
            }
            b.dates_over(DatesFunction::ToDate, unit, &args[1], end, span)
        })
    }

    /// OPENINGBALANCEMONTH and its kin: the expression at the last date of a period, or at the one before it.
    pub fn balance(&mut self, name: &str, args: &[Expr], span: Span) -> Bound<Scalar> {
        let unit = match name {
            n if n.ends_with("MONTH") => DateUnit::Month,
            n if n.ends_with("QUARTER") => DateUnit::Quarter,
            _ => DateUnit::Year,
        };
        let opening = name.starts_with("OPENING");
        let calendar = self.calendar_argument(&args[1]);
        self.calculate_over_dates(name, args, span, |b, end| {
            if let Some(calendar) = calendar {
                b.no_year_end(&end, span)?;
                let function = if opening {
                    MomentsFunction::BeforeStart
                } else {
                    MomentsFunction::EndOf
                };
                return b.calendar_period(calendar, function, name, span);
            }
            if name.ends_with("WEEK") {
                return b.needs_calendar(name, &args[1]);
            }
            if !opening {
                return b.dates_over(DatesFunction::EndOf, unit, &args[1], end, span);
            }
            let start = b.dates_over(DatesFunction::StartOf, unit, &args[1], end, span)?;
            let schema = Rc::clone(&start.schema);
            let Some(column) = schema.fields.first().and_then(|f| f.lineage) else {
                return b.error(
                    ErrorKind::Argument,
                    span,
                    "a column of dates of the model is expected here",
                );
            };
            let all = b.table_expr(
                TableKind::AllValues {
                    columns: vec![column],
                    blank_row: false,
                },
                Rc::clone(&schema),
                span,
            );
            let dates = Dates {
                function: DatesFunction::Previous,
                dates: start,
                all,
                arguments: Vec::new(),
                unit: DateUnit::Day,
            };
            Ok(b.table_expr(TableKind::Dates(Box::new(dates)), schema, span))
        })
    }

    fn no_year_end(&self, end: &[Scalar], span: Span) -> Bound<()> {
        if end.is_empty() {
            return Ok(());
        }
        self.error(
            ErrorKind::Argument,
            span,
            "the end of the year is for columns of dates; a calendar knows its own",
        )
    }

    /// The third argument is a filter or, if it is text, the end of the year; behind a filter stands the end of the year.
    fn calculate_over_dates(
        &mut self,
        name: &str,
        args: &[Expr],
        span: Span,
        dates: impl FnOnce(&mut Self, Vec<Scalar>) -> Bound<TableExpr>,
    ) -> Bound<Scalar> {
        let yearly = name.ends_with("YTD") || name.ends_with("YEAR");
        let mut year_end = Vec::new();
        let mut filters = Vec::new();
        for (place, argument) in args.iter().enumerate().skip(2) {
            if argument.kind == ExprKind::Omitted {
                continue;
            }
            let is_text = matches!(argument.kind, ExprKind::Text(_));
            if is_text && !yearly {
                return self.error(
                    ErrorKind::Argument,
                    argument.span,
                    format!("{name} takes a filter here: no year ends in it"),
                );
            }
            if is_text || (place > 2 && year_end.is_empty()) {
                self.check_year_end(argument)?;
                year_end.push(self.bind_scalar(argument)?);
            } else {
                filters.push(self.filter_argument(argument, false)?);
            }
        }
        let table = dates(self, year_end)?;
        filters.insert(0, FilterArgument::Table { table, keep: false });
        let body = self.under_filters(&filters, |b| b.bind_scalar(&args[0]))?;
        let data_type = body.data_type;
        Ok(self.scalar(
            ScalarKind::Calculate {
                body: Rc::new(body),
                filters: Rc::new(filters),
            },
            data_type,
            span,
        ))
    }

    /// The values that FIRSTNONBLANK and its kin go through: those of a column, those that meet a condition, or a table of
    /// one column.
    fn values_tried(&mut self, argument: &Expr) -> Bound<TableExpr> {
        let is_column = matches!(
            argument.kind,
            ExprKind::Qualified { .. } | ExprKind::Bracket(_) | ExprKind::Variation { .. }
        );
        let values = if is_column {
            // A column alone stands for its own values where the current rows are filters; a table is evaluated as it stands.
            let column = self.column_argument(argument)?;
            let schema = self.schema_of_columns(&[column]);
            let values = self.table_expr(
                TableKind::Values {
                    columns: vec![column],
                    blank_row: false,
                },
                Rc::clone(&schema),
                argument.span,
            );
            let kind = TableKind::Calculate {
                table: Rc::new(values),
                filters: Rc::default(),
            };
            self.table_expr(kind, schema, argument.span)
        } else if is_condition(argument) {
            self.values_where(argument)?
        } else {
            self.bind_table(argument)?
        };
        self.check_width(&values, 1, argument.span)?;
        Ok(values)
    }

    /// FIRSTNONBLANK ( column, expression ).
    pub fn non_blank(&mut self, last: bool, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let values = self.values_tried(&args[0])?;
        let schema = Rc::clone(&values.schema);
        let frame = self.fresh();
        let body = self.with_rows(frame, Rc::clone(&schema), |b| b.bind_scalar(&args[1]))?;
        let kind = TableKind::NonBlank {
            values: Box::new(values),
            frame,
            body: Box::new(body),
            last,
        };
        Ok(self.table_expr(kind, schema, span))
    }

    /// FIRSTNONBLANKVALUE: the expression at the first value where it is not BLANK.
    pub fn non_blank_value(&mut self, last: bool, args: &[Expr], span: Span) -> Bound<Scalar> {
        let body = self.without_rows(|b| b.bind_scalar(&args[1]))?;
        let data_type = body.data_type;
        let calculate = self.scalar(
            ScalarKind::Calculate {
                body: Rc::new(body.clone()),
                filters: Rc::default(),
            },
            data_type,
            span,
        );
        let values = self.values_tried(&args[0])?;
        let schema = Rc::clone(&values.schema);
        let frame = self.fresh();
        let kind = TableKind::NonBlank {
            values: Box::new(values),
            frame,
            body: Box::new(calculate),
            last,
        };
        let table = self.table_expr(kind, schema, span);
        let filter = FilterArgument::Table { table, keep: false };
        Ok(self.scalar(
            ScalarKind::Calculate {
                body: Rc::new(body),
                filters: Rc::new(vec![filter]),
            },
            data_type,
            span,
        ))
    }
}

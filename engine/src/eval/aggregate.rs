//! Aggregates. Over the rows of a model table with a body that needs only the row, the scan computes them: one scan for
//! the batch. Otherwise the rows become contexts, the body is evaluated once over all of them, and reduced by segment.

use std::rc::Rc;

use security::{Aggregate, AggregateOp, ArithmeticOp, Expression, PathColumn, Table, Target};

use super::combine::distinct_values;
use super::group::Grouped;
use super::statistics::Ascending;
use super::watch::Watch;
use super::{Evaluator, Outcome, iterate::by_context, operators, order};
use crate::batch::Batch;
use crate::bound::{FrameId, Reduction, Scalar, ScalarKind, TableExpr, TableKind, path_here};
use crate::context::Relations;
use crate::error::Failure;
use crate::table::TableRows;
use crate::value::{DataType, FIXED_ONE, Value};
use crate::vector::Vector;

impl<'a> Evaluator<'a> {
    pub fn reduce(
        &self,
        op: Reduction,
        table: &TableExpr,
        frame: FrameId,
        body: Option<&Scalar>,
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        if let TableKind::Base {
            table: base,
            blank_row: false,
        } = &table.kind
            && let Some(vector) = self.reduce_in_scan(op, *base, frame, body, batch)?
        {
            return Ok(vector);
        }
        if matches!(table.kind, TableKind::Filter { .. })
            && let Some((base, inner)) = self.filtered_base(table, batch)?
            && let Some(vector) = self.reduce_in_scan(op, base, frame, body, &inner)?
        {
            return Ok(vector);
        }
        let Some(body) = body else {
            let rows = self.table(table, batch)?;
            let counts = (0..batch.len).map(|i| match rows.segment(i).len() {
                0 => Ok(Value::Blank),
                n => Ok(Value::Integer(n as i64)),
            });
            return Ok(self
                .collect(counts, DataType::Integer)?
                .with_errors(rows.errors.clone()));
        };
        let rows = Rc::new(self.table(table, batch)?);
        self.control.check()?;
        if let Some(classes) = self.condense(&rows, table, frame, &[body], batch)? {
            let rows = Rc::new(rows.remap(&classes.representatives));
            let inner = batch.select(Rc::clone(&classes.representatives));
            let by_class = self.reduce_rows(op, rows, table, frame, body, &inner)?;
            return Ok(by_class.take(&classes.of));
        }
        self.reduce_rows(op, rows, table, frame, body, batch)
    }

    fn reduce_rows(
        &self,
        op: Reduction,
        rows: Rc<TableRows>,
        table: &TableExpr,
        frame: FrameId,
        body: &Scalar,
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        let mut parts = Vec::new();
        for piece in self.pieces(rows, batch) {
            let iteration = self.iterate_rows(piece.rows, table, frame, &piece.batch)?;
            let values = self.scalar(body, &iteration.batch)?;
            let hint = values.data_type().unwrap_or(body.data_type);
            let watch = self.watch();
            let results = (0..piece.batch.len).map(|i| {
                let rows =
                    iteration.flat.offsets[i] as usize..iteration.flat.offsets[i + 1] as usize;
                reduce_values(op, &values, rows, hint, &watch)
            });
            let vector = self.collect(results, reduced_type(op, hint))?;
            parts.push(
                vector
                    .with_errors(by_context(&values, &iteration.flat.contexts))
                    .with_errors(iteration.rows.errors.clone()),
            );
        }
        Ok(Vector::concat(&parts))
    }

    fn reduce_in_scan(
        &self,
        op: Reduction,
        table: Table,
        frame: FrameId,
        body: Option<&Scalar>,
        batch: &Rc<Batch>,
    ) -> Outcome<Option<Vector>> {
        if matches!(
            op,
            Reduction::DistinctCount | Reduction::DistinctCountNoBlank
        ) {
            let relations = &batch.filters.relations;
            let expression =
                body.and_then(|body| self.scan_expression(body, frame, table, relations));
            return match expression {
                Some(Expression::Column(column)) => self
                    .distinct_count(table, &column, op == Reduction::DistinctCountNoBlank, batch)
                    .map(Some),
                _ => Ok(None),
            };
        }
        let relations = &batch.filters.relations;
        let Some(aggregates) = self.scan_aggregates(op, table, frame, body, relations) else {
            return Ok(None);
        };
        let grouped = self.grouped_together(table, aggregates, batch)?;
        let by_list = self.combine(op, &grouped)?;
        Ok(Some(match &grouped.of_context {
            None => by_list,
            Some(of) => by_list.take(of),
        }))
    }

    /// The aggregates, in one scan with what else will be asked of the table in this filter context.
    fn grouped_together(
        &self,
        table: Table,
        mut aggregates: Vec<Aggregate>,
        batch: &Rc<Batch>,
    ) -> Outcome<Grouped> {
        let ask = |aggregates: Vec<Aggregate>| {
            self.grouped(
                &batch.filters,
                batch.len,
                table,
                Vec::new(),
                aggregates,
                &[],
            )
        };
        let Some(wishes) = &batch.wishes else {
            return ask(aggregates);
        };
        let own = aggregates.clone();
        aggregates.extend(wishes.besides(table, &own).cloned());
        if aggregates.len() == own.len() {
            return ask(own);
        }
        // What fails may be another's aggregate: then each is asked for alone, and fails alone.
        ask(aggregates).or_else(|_| ask(own))
    }

    /// The aggregates that answer a reduction in the scan; None where it takes rows one by one, or counts distinct values.
    pub(super) fn scan_aggregates(
        &self,
        op: Reduction,
        table: Table,
        frame: FrameId,
        body: Option<&Scalar>,
        relations: &Relations,
    ) -> Option<Vec<Aggregate>> {
        let expression = match body {
            None => None,
            Some(body) => Some(self.scan_expression(body, frame, table, relations)?),
        };
        let is_column = matches!(&expression, Some(Expression::Column(_)));
        let numeric = expression
            .as_ref()
            .and_then(|e| self.scope.expression_type(table, e));
        let sums = matches!(
            numeric,
            Some(DataType::Integer | DataType::Fixed | DataType::Double)
        );
        let aggregate = |op| Aggregate {
            op,
            argument: expression.clone(),
        };
        let rows = Aggregate {
            op: AggregateOp::Rows,
            argument: None,
        };
        Some(match op {
            Reduction::Rows => vec![rows],
            Reduction::Sum if sums => vec![aggregate(AggregateOp::Sum)],
            Reduction::Average if sums => {
                vec![aggregate(AggregateOp::Sum), aggregate(AggregateOp::Count)]
            }
            Reduction::Min if is_column => vec![aggregate(AggregateOp::Min)],
            Reduction::Max if is_column => vec![aggregate(AggregateOp::Max)],
            Reduction::Count if is_column => vec![aggregate(AggregateOp::Count)],
            // Empty text counts as BLANK here, and the scan's count does not leave it out.
            Reduction::CountBlank
                if is_column && body.is_some_and(|b| b.data_type != DataType::Text) =>
            {
                vec![rows, aggregate(AggregateOp::Count)]
            }
            _ => return None,
        })
    }

    /// DISTINCTCOUNT: the scan counts where a context is one group; otherwise values are counted over the groups.
    fn distinct_count(
        &self,
        table: Table,
        column: &PathColumn,
        skip_blank: bool,
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        let argument = || Some(Expression::Column(column.clone()));
        let mut aggregates = vec![Aggregate {
            op: AggregateOp::DistinctCount,
            argument: argument(),
        }];
        if skip_blank {
            // A group whose rows outnumber its values holds BLANK, which is one of the values counted.
            aggregates.push(Aggregate {
                op: AggregateOp::Rows,
                argument: None,
            });
            aggregates.push(Aggregate {
                op: AggregateOp::Count,
                argument: argument(),
            });
        }
        let question = self.question(&batch.filters, batch.len, table, &[])?;
        if let Some(counts) = self.distinct_by_first(&question, table, column, skip_blank)? {
            return Ok(counts);
        }
        let grouped = if question.varying.is_empty() {
            let grouped = self.answer(question, batch.len, table, Vec::new(), aggregates)?;
            (self.combine(Reduction::DistinctCount, &grouped)?, grouped)
        } else {
            let extra = vec![column.clone()];
            let grouped = self.answer(question, batch.len, table, extra, Vec::new())?;
            (
                distinct_values(&grouped, skip_blank, &self.watch())?,
                grouped,
            )
        };
        let (by_list, grouped) = grouped;
        Ok(match &grouped.of_context {
            None => by_list,
            Some(of) => by_list.take(of),
        })
    }

    /// An expression that the scan can compute: numbers from the row and what it is related to.
    fn scan_expression(
        &self,
        body: &Scalar,
        frame: FrameId,
        table: Table,
        relations: &Relations,
    ) -> Option<Expression> {
        Some(match &body.kind {
            ScalarKind::Field { frame: of, index } if *of == frame => {
                let column = self.scope.columns(table).get(*index).copied()?;
                Expression::Column(PathColumn {
                    path: path_here(),
                    target: Target::Column(column),
                })
            }
            ScalarKind::Related { frame: of, column } if *of == frame => {
                Expression::Column(self.in_force(table, column, relations))
            }
            ScalarKind::Constant(Value::Integer(i)) => Expression::Integer(*i),
            ScalarKind::Constant(Value::Double(d)) => Expression::Double(*d),
            ScalarKind::Constant(Value::Fixed(f)) => Expression::Fixed(*f),
            ScalarKind::Binary { op, left, right } => {
                let op = match op {
                    dax::BinaryOp::Add => ArithmeticOp::Add,
                    dax::BinaryOp::Subtract => ArithmeticOp::Subtract,
                    dax::BinaryOp::Multiply => ArithmeticOp::Multiply,
                    dax::BinaryOp::Divide => ArithmeticOp::Divide,
                    _ => return None,
                };
                let (left, right) = (
                    self.scan_expression(left, frame, table, relations)?,
                    self.scan_expression(right, frame, table, relations)?,
                );
                let numeric = |e: &Expression| {
                    matches!(
                        self.scope.expression_type(table, e),
                        Some(DataType::Integer | DataType::Fixed | DataType::Double)
                    )
                };
                if !numeric(&left) || !numeric(&right) {
                    return None;
                }
                Expression::Arithmetic {
                    op,
                    left: Box::new(left),
                    right: Box::new(right),
                }
            }
            _ => return None,
        })
    }
}

fn reduced_type(op: Reduction, of: DataType) -> DataType {
    match op {
        Reduction::Rows
        | Reduction::Count
        | Reduction::CountBlank
        | Reduction::DistinctCount
        | Reduction::DistinctCountNoBlank => DataType::Integer,
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
    }
}

/// The aggregate of the values of some rows. BLANK is skipped.
fn reduce_values(
    op: Reduction,
    values: &Vector,
    rows: std::ops::Range<usize>,
    hint: DataType,
    watch: &Watch<'_>,
) -> Result<Value, Failure> {
    watch.step(1)?;
    match op {
        Reduction::Rows => return Ok(count(rows.len())),
        Reduction::Count => return Ok(count(rows.filter(|&r| !values.is_blank(r)).count())),
        Reduction::CountBlank => {
            return Ok(count(
                rows.filter(|&r| {
                    values.is_blank(r) || matches!(values.get(r), Value::Text(t) if t.is_empty())
                })
                .count(),
            ));
        }
        Reduction::DistinctCount | Reduction::DistinctCountNoBlank => {
            let skip = op == Reduction::DistinctCountNoBlank;
            let mut list: Vec<usize> = rows.filter(|&r| !(skip && values.is_blank(r))).collect();
            let by_value = |a: usize, b: usize| order::total(&values.get(a), &values.get(b));
            watch.sort(&mut list, by_value)?;
            let repeated = list
                .windows(2)
                .filter(|pair| by_value(pair[0], pair[1]).is_eq())
                .count();
            return Ok(count(list.len() - repeated));
        }
        Reduction::Min | Reduction::Max | Reduction::MinOfNumbers | Reduction::MaxOfNumbers => {
            let least = matches!(op, Reduction::Min | Reduction::MinOfNumbers);
            let all_types = matches!(op, Reduction::Min | Reduction::Max);
            let counts = |v: &Value| match v {
                Value::Blank => false,
                Value::Text(_) | Value::Boolean(_) => all_types,
                _ => true,
            };
            let mut best: Option<Value> = None;
            for value in rows.map(|r| values.get(r)).filter(counts) {
                watch.step(1)?;
                let better = best.as_ref().is_none_or(|b| {
                    if least {
                        order::total(&value, b).is_lt()
                    } else {
                        order::total(&value, b).is_gt()
                    }
                });
                if better {
                    best = Some(value);
                }
            }
            return Ok(best.unwrap_or(Value::Blank));
        }
        Reduction::Sum | Reduction::Average
            if matches!(
                hint,
                DataType::Integer | DataType::Fixed | DataType::Boolean
            ) =>
        {
            return exact(op, values, rows, hint, watch);
        }
        _ => {}
    }
    let all = rows.len();
    let mut numbers = Vec::with_capacity(all);
    for row in rows {
        watch.step(1)?;
        let value = values.get(row);
        if !value.is_blank() {
            numbers.push(operators::number(&value)?);
        }
    }
    if numbers.is_empty() {
        return Ok(Value::Blank);
    }
    let median = matches!(op, Reduction::Median | Reduction::MedianWithBlanks);
    let date =
        hint == DataType::DateTime && (median || matches!(op, Reduction::Average | Reduction::Sum));
    if numbers.len() < 2 && matches!(op, Reduction::StdevS | Reduction::VarS) {
        return Err(Failure::new(
            "the variance of a sample needs at least two values that are not BLANK",
        ));
    }
    if op == Reduction::GeoMean && numbers.iter().any(|x| *x <= 0.0) {
        return Err(Failure::new(
            "a geometric mean is of positive numbers, and not all values are positive",
        ));
    }
    if median {
        watch.sort(&mut numbers, order::of_numbers)?;
    }
    let blanks = all - numbers.len();
    let result = if op == Reduction::MedianWithBlanks && blanks > 0 {
        let values = Ascending {
            numbers: &numbers,
            blanks,
        };
        match values.at_place((all - 1) as f64 / 2.0) {
            Some(result) => result,
            None => return Ok(Value::Blank),
        }
    } else {
        statistic(op, &numbers)
    };
    if date {
        return Value::from_days(result)
            .ok_or_else(|| Failure::new("the result lies beyond the range of dates"));
    }
    if hint == DataType::Fixed && median {
        return Ok(Value::Fixed((result * FIXED_ONE as f64).round() as i64));
    }
    Ok(Value::Double(result))
}

fn count(n: usize) -> Value {
    if n == 0 {
        Value::Blank
    } else {
        Value::Integer(n as i64)
    }
}

/// Sums and averages of whole numbers and fixed decimals.
fn exact(
    op: Reduction,
    values: &Vector,
    rows: std::ops::Range<usize>,
    hint: DataType,
    watch: &Watch<'_>,
) -> Result<Value, Failure> {
    let (mut sum, mut n) = (0i128, 0u64);
    for value in rows.map(|r| values.get(r)) {
        watch.step(1)?;
        sum += match value {
            Value::Blank => continue,
            Value::Fixed(f) => i128::from(f),
            Value::Integer(i) => i128::from(i),
            Value::Boolean(b) => i128::from(b),
            _ => {
                return Err(Failure::new(
                    "values of several types cannot be summed exactly",
                ));
            }
        };
        n += 1;
    }
    if n == 0 {
        return Ok(Value::Blank);
    }
    let fit = |wide: i128| i64::try_from(wide);
    match (op, hint) {
        (Reduction::Average, DataType::Fixed) => fit(super::combine::rounded_quotient(sum, n))
            .map(Value::Fixed)
            .map_err(|_| Failure::new("fixed decimal overflow")),
        (Reduction::Average, _) => Ok(Value::Double(sum as f64 / n as f64)),
        (_, DataType::Fixed) => fit(sum)
            .map(Value::Fixed)
            .map_err(|_| Failure::new("fixed decimal overflow")),
        _ => fit(sum)
            .map(Value::Integer)
            .map_err(|_| Failure::new("whole number overflow")),
    }
}

/// Numbers in order, where the median is asked for.
fn statistic(op: Reduction, numbers: &[f64]) -> f64 {
    let n = numbers.len() as f64;
    let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / n;
    match op {
        Reduction::Sum => numbers.iter().sum(),
        Reduction::Average => mean(numbers),
        Reduction::Product => numbers.iter().product(),
        Reduction::GeoMean => (numbers.iter().map(|x| x.ln()).sum::<f64>() / n).exp(),
        Reduction::Median | Reduction::MedianWithBlanks => {
            let middle = numbers.len() / 2;
            if numbers.len() % 2 == 1 {
                numbers[middle]
            } else {
                (numbers[middle - 1] + numbers[middle]) / 2.0
            }
        }
        _ => {
            let mean = mean(numbers);
            let squares: f64 = numbers.iter().map(|x| (x - mean) * (x - mean)).sum();
            let variance = squares
                / if matches!(op, Reduction::VarS | Reduction::StdevS) {
                    n - 1.0
                } else {
                    n
                };
            if matches!(op, Reduction::StdevP | Reduction::StdevS) {
                variance.sqrt()
            } else {
                variance
            }
        }
    }
}

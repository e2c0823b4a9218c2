//! Scalar expressions over a batch.

use std::rc::Rc;

use dax::BinaryOp;

use super::watch::{Watch, table_bytes, vector_bytes};
use super::{Evaluator, Outcome, internal, operators};
use crate::batch::{Batch, Slot};
use crate::bound::{FrameId, Scalar, ScalarKind, VarId, Variable, VariableBody};
use crate::error::{Error, Failure};
use crate::functions::{Body, Function, ScalarFunction};
use crate::table::{ColumnRows, TableRows};
use crate::value::{DataType, Value};
use crate::vector::{Data, Vector, errors_from};

/// What ISERROR and IFERROR catch: an error, and what a division by zero leaves (the reference has `IFERROR(25/0, 9999)` give 9999).
fn counts_as_error(value: &Vector, at: usize) -> bool {
    value.error(at).is_some()
        || matches!(value.get(at), Value::Double(number) if !number.is_finite())
}

impl<'a> Evaluator<'a> {
    pub fn scalar(&self, expr: &Scalar, batch: &Rc<Batch>) -> Outcome<Vector> {
        self.control.check()?;
        let _level = self.descend()?;
        let held = self.held.get();
        let vector = self
            .scalar_kind(expr, batch)
            .map_err(|error| match expr.span {
                Some(span) => error.or_at(span),
                None => error,
            })?;
        self.keep_only(held, vector_bytes(&vector))?;
        Ok(match (expr.span, &vector.errors) {
            (Some(span), Some(errors))
                if errors.iter().any(|(_, failure)| failure.span.is_none()) =>
            {
                let placed = errors
                    .iter()
                    .map(|(i, failure)| (*i, failure.clone().or_at(span)))
                    .collect();
                Vector {
                    data: vector.data,
                    errors: errors_from(placed),
                }
            }
            _ => vector,
        })
    }

    fn scalar_kind(&self, expr: &Scalar, batch: &Rc<Batch>) -> Outcome<Vector> {
        use ScalarKind as K;
        match &expr.kind {
            K::Constant(value) => Ok(Vector::constant(value.clone(), batch.len)),
            K::Field { frame, index } => self.field(batch, *frame, *index),
            K::Related { frame, column } => self.related(batch, *frame, column),
            K::Variable(id) => self.scalar_variable(batch, *id),
            K::Let { variables, body } => self.scalar(body, &batch.with_variables(variables)),
            K::Call {
                function,
                arguments,
            } => self.call(function, arguments, batch, expr.data_type),
            K::Binary {
                op: op @ (BinaryOp::And | BinaryOp::Or),
                left,
                right,
            } => self.logical(*op, left, right, batch),
            K::Binary { op, left, right } => {
                let (left, right) = (self.scalar(left, batch)?, self.scalar(right, batch)?);
                let answer = self.binary(*op, &left, &right)?;
                Ok(answer.in_type(expr.data_type).in_dates(expr.data_type))
            }
            K::Negate(operand) => Ok(operators::negate(&self.scalar(operand, batch)?)),
            K::Not(operand) => {
                let operand = operators::booleans(&self.scalar(operand, batch)?);
                let results = (0..operand.len()).map(|i| {
                    operand
                        .at(i)
                        .map(|v| Value::Boolean(!v.to_boolean().unwrap_or(false)))
                });
                self.collect(results, DataType::Boolean)
            }
            K::In { values, table } => self.is_in(values, table, batch),
            K::If {
                condition,
                then,
                otherwise,
            } => {
                let otherwise = otherwise.as_deref();
                let taken = self.branch(condition, then, otherwise, batch, expr.data_type)?;
                Ok(taken.in_type(expr.data_type))
            }
            K::Switch {
                subject,
                cases,
                otherwise,
            } => {
                let otherwise = otherwise.as_deref();
                let taken = self.switch(subject, cases, otherwise, batch, expr.data_type)?;
                Ok(taken.in_type(expr.data_type))
            }
            K::Coalesce(parts) => Ok(self
                .coalesce(parts, batch, expr.data_type)?
                .in_type(expr.data_type)),
            K::IfError { value, otherwise } => Ok(self
                .if_error(value, otherwise, batch, expr.data_type)?
                .in_type(expr.data_type)),
            K::IsError(value) => {
                let value = self.scalar(value, batch)?;
                self.collect(
                    (0..value.len()).map(|i| Ok(Value::Boolean(counts_as_error(&value, i)))),
                    DataType::Boolean,
                )
            }
            K::Error(message) => {
                let message = self.scalar(message, batch)?;
                self.collect(
                    (0..message.len()).map(|i| Err(Failure::new(message.at(i)?.to_text()))),
                    DataType::Text,
                )
            }
            K::Reduce {
                op,
                table,
                frame,
                body,
            } => self.reduce(*op, table, *frame, body.as_deref(), batch),
            K::ConcatenateX {
                table,
                frame,
                body,
                delimiter,
                order,
            } => self.concatenate(table, *frame, body, delimiter.as_deref(), order, batch),
            K::RankX(rank) => self.rank(rank, batch),
            K::Statistic(statistic) => self.statistic(statistic, batch),
            K::WindowPlace(window) => self.window_place(window, batch),
            K::TableText(text) => self.table_text(text, batch),
            K::Calculate { body, filters } => {
                if let Some(inner) = self.calculate_in_scan(body, filters, batch)? {
                    return self.scalar(body, &self.wishing(&inner, std::iter::once(&**body)));
                }
                let (inner, errors) = self.calculate(filters, batch)?;
                let inner = self.wishing(&inner, std::iter::once(&**body));
                Ok(self.scalar(body, &inner)?.with_errors(errors))
            }
            K::Measure { measure, body } => self.measure(measure, body, batch),
            K::SelectedMeasure => self.selected_measure(batch),
            K::SelectedMeasureName => self
                .selected_measure_text(batch, |selected| Some(selected.measure.name.to_string())),
            K::MeasureFormat { measure, body } => self.measure_format(measure, body, batch),
            K::SelectedMeasureFormat => self.selected_measure_format(batch),
            K::TableValue(table) => self.table_value(table, batch),
            K::IsEmpty(table) => {
                let rows = self.table(table, batch)?;
                let results =
                    (0..batch.len).map(|i| Ok(Value::Boolean(rows.segment(i).is_empty())));
                Ok(self
                    .collect(results, DataType::Boolean)?
                    .with_errors(rows.errors.clone()))
            }
            K::Lookup {
                table,
                result,
                search,
                otherwise,
            } => self.lookup(*table, *result, search, otherwise.as_deref(), batch),
            K::Contains { table, search } => self.contains(table, search, batch),
            K::Filtered { test, columns } => self.test_filters(*test, columns, batch),
            K::Path {
                frame,
                id,
                parent,
                table,
            } => self.path(batch, *frame, *id, *parent, *table),
            K::OnOrAfter { terms, or_on } => self.on_or_after(terms, *or_on, batch),
        }
    }

    /// A column of the current row of a frame.
    fn field(&self, batch: &Rc<Batch>, id: FrameId, index: usize) -> Outcome<Vector> {
        let (holder, map) = batch
            .find_frame(id)
            .ok_or_else(|| internal("a row context is missing"))?;
        let frame = holder
            .frame
            .as_ref()
            .ok_or_else(|| internal("a row context is missing"))?;
        let known = frame.read.borrow().get(&index).cloned();
        let vector = match known {
            Some(vector) => vector,
            None => {
                let column = self.column_vector(&frame.rows, &frame.schema, index)?;
                let vector = self.spread(&column, &frame.positions)?;
                frame.read.borrow_mut().insert(index, vector.clone());
                vector
            }
        };
        match map {
            Some(map) => self.spread(&vector, &map),
            None => Ok(vector),
        }
    }

    /// The codes of a column of a row context, where it has codes.
    pub(super) fn field_codes(
        &self,
        batch: &Rc<Batch>,
        id: FrameId,
        index: usize,
    ) -> Outcome<Option<security::Codes>> {
        let (holder, map) = batch
            .find_frame(id)
            .ok_or_else(|| internal("a row context is missing"))?;
        let Some(frame) = &holder.frame else {
            return Err(internal("a row context is missing"));
        };
        let Some(codes) = self.column_codes(&frame.rows, &frame.schema, index)? else {
            return Ok(None);
        };
        let codes = codes.take(&frame.positions);
        Ok(Some(match map {
            Some(map) => codes.take(&map),
            None => codes,
        }))
    }

    fn related(
        &self,
        batch: &Rc<Batch>,
        id: FrameId,
        column: &security::PathColumn,
    ) -> Outcome<Vector> {
        let (holder, map) = batch
            .find_frame(id)
            .ok_or_else(|| internal("a row context is missing"))?;
        let frame = holder
            .frame
            .as_ref()
            .ok_or_else(|| internal("a row context is missing"))?;
        let base = frame
            .rows
            .base
            .as_ref()
            .ok_or_else(|| internal("RELATED without rows of a table"))?;
        let column = match frame.schema.base {
            Some(table) => {
                let of_context = &holder.filters.relations;
                self.in_force(
                    table,
                    column,
                    frame.rows.under.as_ref().unwrap_or(of_context),
                )
            }
            None => column.clone(),
        };
        let codes = self
            .scope
            .fetch(&base.take(&frame.positions), &column, self.control)?;
        let codes = match map {
            Some(map) => codes.take(&map),
            None => codes,
        };
        self.decode(&codes)
    }

    /// The values of codes.
    pub fn decode(&self, codes: &security::Codes) -> Outcome<Vector> {
        let array = self.scope.decode(codes, self.control)?;
        self.charge_text(array.get_buffer_memory_size())?;
        Vector::from_array(&array).ok_or_else(|| internal("a column of an unknown type"))
    }

    /// All rows of one column of a table value.
    pub fn column_vector(
        &self,
        rows: &TableRows,
        schema: &crate::bound::Schema,
        index: usize,
    ) -> Outcome<Vector> {
        match rows.columns.get(index) {
            Some(ColumnRows::Values(vector)) => Ok(vector.clone()),
            Some(_) => self.decode(
                &self
                    .column_codes(rows, schema, index)?
                    .ok_or_else(|| internal("a column without values"))?,
            ),
            None => Err(internal("a column that the table does not have")),
        }
    }

    /// The codes of one column of a table value, if it has codes.
    pub fn column_codes(
        &self,
        rows: &TableRows,
        schema: &crate::bound::Schema,
        index: usize,
    ) -> Outcome<Option<security::Codes>> {
        match rows.columns.get(index) {
            Some(ColumnRows::Coded(codes)) => Ok(Some(codes.clone())),
            Some(ColumnRows::Base) => {
                let (Some(base), Some(column)) =
                    (&rows.base, schema.fields.get(index).and_then(|f| f.lineage))
                else {
                    return Err(internal("a base column without base rows"));
                };
                let column = security::PathColumn {
                    path: crate::bound::path_here(),
                    target: security::Target::Column(column),
                };
                Ok(Some(self.scope.fetch(base, &column, self.control)?))
            }
            _ => Ok(None),
        }
    }

    /// A variable: evaluated at most once, where it is defined, when it is first asked for.
    pub(super) fn slot(&self, batch: &Rc<Batch>, id: VarId) -> Outcome<(Slot, Option<Rc<[u32]>>)> {
        let (holder, map, at) = batch
            .find_variable(id)
            .ok_or_else(|| internal("a variable is missing"))?;
        let variables = holder
            .variables
            .as_ref()
            .ok_or_else(|| internal("a variable is missing"))?;
        if let Some(slot) = variables.values[at].get() {
            return Ok((slot.clone(), map));
        }
        let Variable { body, .. } = &variables.list[at];
        let held = self.held.get();
        let (slot, bytes) = match body {
            VariableBody::Scalar(expr) => {
                let vector = self.scalar(expr, &holder)?;
                let bytes = vector_bytes(&vector);
                (Slot::Scalar(vector), bytes)
            }
            VariableBody::Table(expr) => {
                let rows = self.table(expr, &holder)?;
                let rows = rows.made_under(&holder.filters.relations);
                let bytes = table_bytes(&rows);
                (Slot::Table(Rc::new(rows)), bytes)
            }
        };
        // It outlives the level of evaluation that asks for it first, and counts for as long as the variables stand.
        self.keep_only(held, 0)?;
        let charge = self.control.charge(bytes)?;
        variables.charges.borrow_mut().push(charge);
        let _ = variables.values[at].set(slot.clone());
        Ok((slot, map))
    }

    fn scalar_variable(&self, batch: &Rc<Batch>, id: VarId) -> Outcome<Vector> {
        match self.slot(batch, id)? {
            (Slot::Scalar(vector), Some(map)) => self.spread(&vector, &map),
            (Slot::Scalar(vector), None) => Ok(vector),
            (Slot::Table(_), _) => Err(internal("a table where a value was bound")),
        }
    }

    pub fn table_variable(&self, batch: &Rc<Batch>, id: VarId) -> Outcome<TableRows> {
        match self.slot(batch, id)? {
            (Slot::Table(rows), Some(map)) => Ok(rows.remap(&map)),
            (Slot::Table(rows), None) => Ok((*rows).clone()),
            (Slot::Scalar(_), _) => Err(internal("a value where a table was bound")),
        }
    }

    fn call(
        &self,
        function: &'static Function,
        arguments: &[Scalar],
        batch: &Rc<Batch>,
        hint: DataType,
    ) -> Outcome<Vector> {
        let Body::Scalar(evaluate) = function.body else {
            return Err(internal("a function without an evaluator"));
        };
        let vectors: Vec<Vector> = arguments
            .iter()
            .map(|argument| self.scalar(argument, batch))
            .collect::<Outcome<_>>()?;
        let constant = !function.is_volatile_by_row()
            && vectors
                .iter()
                .all(|v| matches!(v.data, Data::Constant(..)) && v.errors.is_none());
        let watch = self.watch();
        if constant && batch.len > 0 {
            let values: Vec<Value> = vectors.iter().map(|v| v.get(0)).collect();
            let result = self.applied(function, evaluate, &values, &watch)?;
            return Ok(match self.made(result, &watch)? {
                Ok(value) => Vector::constant(value, batch.len),
                Err(failure) => self.collect((0..batch.len).map(|_| Err(failure.clone())), hint)?,
            });
        }
        let mut values = Vec::with_capacity(vectors.len());
        let results = (0..batch.len).map(|i| {
            values.clear();
            let mut failed = None;
            for vector in &vectors {
                match vector.at(i) {
                    Ok(value) => values.push(value),
                    Err(failure) => failed = failed.or(Some(failure)),
                }
            }
            match failed {
                Some(failure) => Ok(Err(failure)),
                None => self.applied(function, evaluate, &values, &watch),
            }
        });
        self.make(results, hint)
    }

    /// A function of some values. It takes time for each of their characters.
    fn applied(
        &self,
        function: &Function,
        evaluate: ScalarFunction,
        values: &[Value],
        watch: &Watch,
    ) -> Outcome<Result<Value, Failure>> {
        let characters: usize = values
            .iter()
            .map(|value| {
                if let Value::Text(text) = value {
                    text.len()
                } else {
                    0
                }
            })
            .sum();
        watch.step(function.steps().saturating_add(characters))?;
        Ok(evaluate(values, &self.environment))
    }

    fn binary(&self, op: BinaryOp, left: &Vector, right: &Vector) -> Outcome<Vector> {
        if let Some(fast) = operators::fast(op, left, right, left.len().max(right.len())) {
            return Ok(fast);
        }
        let (results, hint) = operators::results(op, left, right);
        if op == BinaryOp::Concat {
            return self.make(results.map(Ok), hint);
        }
        // A comparison of texts takes the time of their characters.
        let (watch, each) = (self.watch(), left.steps().saturating_add(right.steps()));
        self.gather(
            results.map(|result| {
                watch.step(each)?;
                Ok(result)
            }),
            hint,
        )
    }

    /// AND and OR evaluate the right side only where the left does not decide.
    fn logical(
        &self,
        op: BinaryOp,
        left: &Scalar,
        right: &Scalar,
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        let left = operators::booleans(&self.scalar(left, batch)?);
        let decides = op == BinaryOp::Or;
        let open: Vec<u32> = (0..batch.len)
            .filter(|&i| {
                left.error(i).is_none() && left.get(i).to_boolean().unwrap_or(false) != decides
            })
            .map(|i| i as u32)
            .collect();
        let right = operators::booleans(&self.on(right, batch, &open)?);
        let mut results: Vec<Result<Value, Failure>> = (0..batch.len)
            .map(|i| {
                left.at(i)
                    .map(|v| Value::Boolean(v.to_boolean().unwrap_or(false)))
            })
            .collect();
        for (k, &i) in open.iter().enumerate() {
            results[i as usize] = right
                .at(k)
                .map(|v| Value::Boolean(v.to_boolean().unwrap_or(false)));
        }
        self.collect(results, DataType::Boolean)
    }

    /// An expression in some contexts of a batch.
    pub fn on(&self, expr: &Scalar, batch: &Rc<Batch>, contexts: &[u32]) -> Outcome<Vector> {
        match contexts.len() {
            0 => Ok(Vector::blank(0)),
            n if n == batch.len => self.scalar(expr, batch),
            _ => self.scalar(expr, &batch.select(contexts.into())),
        }
    }

    fn branch(
        &self,
        condition: &Scalar,
        then: &Scalar,
        otherwise: Option<&Scalar>,
        batch: &Rc<Batch>,
        hint: DataType,
    ) -> Outcome<Vector> {
        let condition = operators::booleans(&self.scalar(condition, batch)?);
        let mut chosen: Vec<Option<usize>> = vec![None; batch.len];
        for (i, slot) in chosen.iter_mut().enumerate() {
            if condition.error(i).is_none() {
                *slot = Some(usize::from(!condition.get(i).to_boolean().unwrap_or(false)));
            }
        }
        let blank = Scalar {
            kind: ScalarKind::Constant(Value::Blank),
            data_type: hint,
            span: None,
        };
        let branches = [then, otherwise.unwrap_or(&blank)];
        let taken = self.take_branches(&branches, &chosen, batch, hint)?;
        Ok(taken.with_errors(condition.errors))
    }

    /// Evaluates each branch for the contexts that take it. A context that takes none is BLANK.
    fn take_branches(
        &self,
        branches: &[&Scalar],
        chosen: &[Option<usize>],
        batch: &Rc<Batch>,
        hint: DataType,
    ) -> Outcome<Vector> {
        let mut results: Vec<Result<Value, Failure>> = vec![Ok(Value::Blank); batch.len];
        for (k, branch) in branches.iter().enumerate() {
            let contexts: Vec<u32> = (0..batch.len)
                .filter(|&i| chosen[i] == Some(k))
                .map(|i| i as u32)
                .collect();
            if contexts.is_empty() {
                continue;
            }
            let vector = self.on(branch, batch, &contexts)?;
            if contexts.len() == batch.len {
                return Ok(vector);
            }
            for (j, &i) in contexts.iter().enumerate() {
                results[i as usize] = vector.at(j);
            }
        }
        self.collect(results, hint)
    }

    fn switch(
        &self,
        subject: &Scalar,
        cases: &[(Scalar, Scalar)],
        otherwise: Option<&Scalar>,
        batch: &Rc<Batch>,
        hint: DataType,
    ) -> Outcome<Vector> {
        let subject = self.scalar(subject, batch)?;
        let mut chosen: Vec<Option<usize>> = vec![None; batch.len];
        let mut errors: Vec<(u32, Failure)> = Vec::new();
        let mut open: Vec<u32> = Vec::new();
        let watch = self.watch();
        for i in 0..batch.len {
            match subject.error(i) {
                Some(failure) => errors.push((i as u32, failure.clone())),
                None => open.push(i as u32),
            }
        }
        for (k, (case, _)) in cases.iter().enumerate() {
            if open.is_empty() {
                break;
            }
            let value = self.on(case, batch, &open)?;
            let mut rest = Vec::new();
            let each = subject.steps().saturating_add(value.steps());
            for (j, &i) in open.iter().enumerate() {
                watch.step(each)?;
                match value
                    .at(j)
                    .and_then(|v| operators::meets(&subject.get(i as usize), &v))
                {
                    Ok(true) => chosen[i as usize] = Some(k),
                    Ok(false) => rest.push(i),
                    Err(failure) => errors.push((i, failure)),
                }
            }
            open = rest;
        }
        for &i in &open {
            chosen[i as usize] = otherwise.map(|_| cases.len());
        }
        errors.sort_by_key(|(i, _)| *i);
        let mut branches: Vec<&Scalar> = cases.iter().map(|(_, result)| result).collect();
        branches.extend(otherwise);
        Ok(self
            .take_branches(&branches, &chosen, batch, hint)?
            .with_errors(errors_from(errors)))
    }

    fn coalesce(&self, parts: &[Scalar], batch: &Rc<Batch>, hint: DataType) -> Outcome<Vector> {
        let mut results: Vec<Result<Value, Failure>> = vec![Ok(Value::Blank); batch.len];
        let mut open: Vec<u32> = (0..batch.len as u32).collect();
        for part in parts {
            let vector = self.on(part, batch, &open)?;
            let mut rest = Vec::new();
            for (j, &i) in open.iter().enumerate() {
                match vector.at(j) {
                    Ok(Value::Blank) => rest.push(i),
                    other => results[i as usize] = other,
                }
            }
            open = rest;
            if open.is_empty() {
                break;
            }
        }
        self.collect(results, hint)
    }

    fn if_error(
        &self,
        value: &Scalar,
        otherwise: &Scalar,
        batch: &Rc<Batch>,
        hint: DataType,
    ) -> Outcome<Vector> {
        let value = self.scalar(value, batch)?;
        let failed: Vec<u32> = (0..batch.len)
            .filter(|&i| counts_as_error(&value, i))
            .map(|i| i as u32)
            .collect();
        if failed.is_empty() {
            return Ok(value);
        }
        let other = self.on(otherwise, batch, &failed)?;
        let mut results: Vec<Result<Value, Failure>> =
            (0..batch.len).map(|i| Ok(value.get(i))).collect();
        for (j, &i) in failed.iter().enumerate() {
            results[i as usize] = other.at(j);
        }
        self.collect(results, hint)
    }

    /// A table of one column and at most one row as a value; no row is BLANK.
    fn table_value(&self, table: &crate::bound::TableExpr, batch: &Rc<Batch>) -> Outcome<Vector> {
        let rows = self.table(table, batch)?;
        let mut positions = Vec::with_capacity(batch.len);
        let mut errors = Vec::new();
        for i in 0..batch.len {
            let segment = rows.segment(i);
            if segment.len() > 1 {
                errors.push((
                    i as u32,
                    Failure::new(
                        "a table of several rows was supplied where a single value was expected",
                    ),
                ));
            }
            positions.push((segment.len() == 1).then_some(segment.start as u32));
        }
        let column = self.column_vector(&rows, &table.schema, 0)?;
        let hint = column.data_type().unwrap_or(DataType::Text);
        let results = positions
            .iter()
            .map(|position| position.map_or(Ok(Value::Blank), |p| column.at(p as usize)));
        Ok(self
            .collect(results, hint)?
            .with_errors(rows.errors.clone())
            .with_errors(errors_from(errors)))
    }

    /// The errors of a vector as the query's error, if any context has one.
    pub fn settle(&self, vector: &Vector) -> Outcome<()> {
        match vector.errors.as_ref().and_then(|errors| errors.first()) {
            Some((_, failure)) => Err(Error::from(failure.clone())),
            None => Ok(()),
        }
    }
}

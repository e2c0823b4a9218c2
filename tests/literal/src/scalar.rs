//! Scalar expressions.

use std::cmp::Ordering;

use dax::{BinaryOp, Expr, ExprKind, UnaryOp};
use model::DataType;

use crate::eval::{Evaluator, Outcome, Place, check_arguments};
use crate::value::{
    Arithmetic, Failure, Result, Value, arithmetic, compare, error, negated, strictly_equal,
    unknown,
};

impl Evaluator<'_> {
    pub fn scalar(&self, expr: &Expr, place: &Place) -> Result<Value> {
        match &expr.kind {
            ExprKind::Integer(i) => Ok(Value::Integer(*i)),
            ExprKind::Double(d) => Ok(Value::Double(*d)),
            ExprKind::Text(text) => Ok(Value::Text(text.clone())),
            ExprKind::Omitted => Ok(Value::Blank),
            ExprKind::Qualified { table, column } => self.qualified(table, column, place),
            ExprKind::Bracket(name) => self.bracket(name, place),
            ExprKind::Identifier { name, .. } => match self.variable_value(name, place) {
                Some(Ok(Outcome::Scalar(value))) => Ok(value),
                Some(Ok(Outcome::Table(table))) => self.single(&table),
                Some(Err(failure)) => Err(failure),
                None => self.single(&self.table(expr, place)?),
            },
            ExprKind::Let { vars, body } => self.scalar(body, &self.with_variables(vars, place)),
            ExprKind::Unary { op, operand } => {
                let value = self.scalar(operand, place)?;
                match op {
                    UnaryOp::Plus => Ok(value),
                    UnaryOp::Minus => negated(&value),
                    UnaryOp::Not => Ok(Value::Boolean(!value.truth()?)),
                }
            }
            ExprKind::Binary { op, left, right } => self.binary(*op, left, right, place),
            ExprKind::Call { name, args } => {
                if self.is_table(expr, place) {
                    return self.single(&self.table(expr, place)?);
                }
                let name = name.text.to_uppercase();
                check_arguments(&name, args)?;
                self.call(&name, args, expr, place)
            }
            ExprKind::Table(_) => self.single(&self.table(expr, place)?),
            other => unknown(other),
        }
    }

    fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr, place: &Place) -> Result<Value> {
        if op == BinaryOp::In {
            return self.is_in(left, right, place);
        }
        let (mut a, mut b) = (self.scalar(left, place)?, self.scalar(right, place)?);
        if matches!(op, BinaryOp::Add | BinaryOp::Subtract) && a.is_blank() != b.is_blank() {
            (a, b) = (self.zero_of(a, left, place), self.zero_of(b, right, place));
        }
        let order = || compare(&a, &b);
        Ok(match op {
            BinaryOp::Add => arithmetic(Arithmetic::Add, &a, &b)?,
            BinaryOp::Subtract => arithmetic(Arithmetic::Subtract, &a, &b)?,
            BinaryOp::Multiply => arithmetic(Arithmetic::Multiply, &a, &b)?,
            BinaryOp::Divide => arithmetic(Arithmetic::Divide, &a, &b)?,
            BinaryOp::Power => arithmetic(Arithmetic::Power, &a, &b)?,
            BinaryOp::Concat => Value::Text(a.text()? + &b.text()?),
            BinaryOp::And => Value::Boolean(a.truth()? && b.truth()?),
            BinaryOp::Or => Value::Boolean(a.truth()? || b.truth()?),
            BinaryOp::Equal => Value::Boolean(order()? == Ordering::Equal),
            BinaryOp::NotEqual => Value::Boolean(order()? != Ordering::Equal),
            BinaryOp::StrictEqual => Value::Boolean(strictly_equal(&a, &b)?),
            BinaryOp::Less => Value::Boolean(order()? == Ordering::Less),
            BinaryOp::LessEqual => Value::Boolean(order()? != Ordering::Greater),
            BinaryOp::Greater => Value::Boolean(order()? == Ordering::Greater),
            BinaryOp::GreaterEqual => Value::Boolean(order()? != Ordering::Less),
            BinaryOp::In => return unknown(op),
        })
    }

    /// A BLANK beside a value counts as the zero of its expression's type.
    fn zero_of(&self, value: Value, expr: &Expr, place: &Place) -> Value {
        match (
            &value,
            value
                .is_blank()
                .then(|| self.data_type(expr, place))
                .flatten(),
        ) {
            (Value::Blank, Some(DataType::Double)) => Value::Double(0.0),
            (Value::Blank, Some(DataType::Fixed)) => Value::Fixed(0),
            _ => value,
        }
    }

    fn is_in(&self, left: &Expr, right: &Expr, place: &Place) -> Result<Value> {
        let values = match &left.kind {
            ExprKind::Row(parts) => parts
                .iter()
                .map(|p| self.scalar(p, place))
                .collect::<Result<Vec<Value>>>()?,
            _ => vec![self.scalar(left, place)?],
        };
        let table = self.table(right, place)?;
        for row in &table.rows {
            let mut all = true;
            for (value, other) in values.iter().zip(row) {
                all &= strictly_equal(value, other)?;
            }
            if all {
                return Ok(Value::Boolean(true));
            }
        }
        Ok(Value::Boolean(false))
    }

    fn call(&self, name: &str, args: &[Expr], expr: &Expr, place: &Place) -> Result<Value> {
        let value = |k: usize| self.scalar(&args[k], place);
        match name {
            "TRUE" => Ok(Value::Boolean(true)),
            "FALSE" => Ok(Value::Boolean(false)),
            "BLANK" => Ok(Value::Blank),
            "ERROR" => error("ERROR was called"),
            "NOT" => Ok(Value::Boolean(!value(0)?.truth()?)),
            "AND" => Ok(Value::Boolean(value(0)?.truth()? & value(1)?.truth()?)),
            "OR" => Ok(Value::Boolean(value(0)?.truth()? | value(1)?.truth()?)),
            "IF" => match (value(0)?.truth()?, args.len()) {
                (true, _) => value(1),
                (false, 2) => Ok(Value::Blank),
                (false, _) => value(2),
            },
            "SWITCH" => self.switch(args, place),
            "COALESCE" => {
                for argument in args {
                    let value = self.scalar(argument, place)?;
                    if !value.is_blank() {
                        return Ok(value);
                    }
                }
                Ok(Value::Blank)
            }
            "IFERROR" => match value(0) {
                Err(Failure::Error(_)) => value(1),
                // What a division by zero leaves counts as an error here.
                Ok(Value::Double(number)) if !number.is_finite() => value(1),
                other => other,
            },
            "ISBLANK" => Ok(Value::Boolean(value(0)?.is_blank())),
            "DIVIDE" => self.divide(args, place),
            "INT" => Ok(match value(0)? {
                Value::Blank => Value::Blank,
                Value::Fixed(f) => Value::Fixed(f.div_euclid(10_000) * 10_000),
                value => Value::Integer(value.number()?.floor() as i64),
            }),
            "ABS" => Ok(match value(0)? {
                Value::Integer(i) => Value::Integer(i.abs()),
                Value::Fixed(f) => Value::Fixed(f.abs()),
                Value::Double(d) => Value::Double(d.abs()),
                Value::Blank => Value::Blank,
                other => return unknown(other),
            }),
            "DATE" => {
                let part = |k: usize| Ok(value(k)?.number()? as i64);
                Ok(Value::date(crate::dates::days(
                    part(0)?,
                    part(1)?,
                    part(2)?,
                )))
            }
            "YEAR" | "MONTH" | "DAY" => match value(0)? {
                Value::DateTime(micros) => {
                    let (y, m, d) = crate::dates::civil(micros.div_euclid(crate::value::DAY));
                    Ok(Value::Integer(match name {
                        "YEAR" => y,
                        "MONTH" => m,
                        _ => d,
                    }))
                }
                other => unknown(other),
            },
            "CALCULATE" => {
                let context = self.calculated(&args[1..], place)?;
                self.scalar(&args[0], &place.in_context(context))
            }
            "TOTALYTD" | "TOTALQTD" | "TOTALMTD" => self.total_to_date(name, args, place),
            "RELATED" => self.related(&args[0], place),
            "SELECTEDMEASURE" => match &place.context.selected {
                Some(measure) => {
                    let context = self.transition(place)?;
                    self.with_items(measure, context)
                }
                None => error("there is no selected measure"),
            },
            "HASONEVALUE" => Ok(Value::Boolean(
                self.values_of(&args[0], place)?.rows.len() == 1,
            )),
            "SELECTEDVALUE" => {
                let values = self.values_of(&args[0], place)?;
                match (values.rows.as_slice(), args.get(1)) {
                    ([only], _) => Ok(only[0].clone()),
                    (_, Some(other)) => self.scalar(other, place),
                    (_, None) => Ok(Value::Blank),
                }
            }
            "ISEMPTY" => Ok(Value::Boolean(self.table(&args[0], place)?.rows.is_empty())),
            "ISFILTERED" => {
                let col = self.column(&args[0])?;
                Ok(Value::Boolean(
                    place
                        .context
                        .filters
                        .iter()
                        .any(|f| f.columns.contains(&col)),
                ))
            }
            "EARLIER" => self.earlier(&args[0], place),
            "LOOKUPVALUE" => self.lookup_value(args, place),
            "CONTAINS" => self.contains(args, place),
            _ => self.aggregate(name, args, expr, place),
        }
    }

    fn values_of(&self, argument: &Expr, place: &Place) -> Result<crate::eval::Table> {
        let col = self.column(argument)?;
        let rows = self.data.tuples(&[col], &place.context, true);
        Ok(crate::eval::Table::of(vec![self.field(col)], rows))
    }

    fn switch(&self, args: &[Expr], place: &Place) -> Result<Value> {
        let subject = self.scalar(&args[0], place)?;
        let mut rest = &args[1..];
        while let [case, result, after @ ..] = rest {
            let case = self.scalar(case, place)?;
            let met = match (&subject, &case) {
                (Value::Blank, Value::Boolean(other)) | (Value::Boolean(other), Value::Blank) => {
                    !other
                }
                _ => strictly_equal(&subject, &case)?,
            };
            if met {
                return self.scalar(result, place);
            }
            rest = after;
        }
        rest.first()
            .map_or(Ok(Value::Blank), |other| self.scalar(other, place))
    }

    fn divide(&self, args: &[Expr], place: &Place) -> Result<Value> {
        let (a, b) = (self.scalar(&args[0], place)?, self.scalar(&args[1], place)?);
        if b.number()? == 0.0 {
            return args
                .get(2)
                .map_or(Ok(Value::Blank), |other| self.scalar(other, place));
        }
        arithmetic(Arithmetic::Divide, &a, &b)
    }

    /// The value of a column of the one row that the current row finds.
    fn related(&self, argument: &Expr, place: &Place) -> Result<Value> {
        let col = self.column(argument)?;
        for row in place.rows.iter().rev() {
            let Some((table, at)) = row.base else {
                continue;
            };
            // Its table leads where it did when it was made.
            let context = row.under.as_ref().unwrap_or(&place.context);
            if let Some(path) = self.data.found_from(table, col.0, context) {
                return Ok(self.data.value(col, self.data.follow(at, &path)));
            }
        }
        error("RELATED finds no current row")
    }

    fn earlier(&self, argument: &Expr, place: &Place) -> Result<Value> {
        let col = self.column(argument)?;
        let wanted = self.field(col);
        let mut found = place.rows.iter().rev().filter_map(|row| {
            let index = row
                .fields
                .iter()
                .position(|f| f.table == wanted.table && f.name == wanted.name)?;
            Some(row.values[index].clone())
        });
        found
            .nth(1)
            .map_or_else(|| error("there is no earlier row"), Ok)
    }

    /// The value of the rows where every search column has its value, over all rows whatever the filters.
    fn lookup_value(&self, args: &[Expr], place: &Place) -> Result<Value> {
        let result = self.column(&args[0])?;
        let mut search = Vec::new();
        let mut rest = &args[1..];
        while let [column, value, after @ ..] = rest {
            search.push((self.column(column)?, self.scalar(value, place)?));
            rest = after;
        }
        let mut found: Vec<Value> = Vec::new();
        for row in 0..self.data.count(result.0) {
            let mut all = true;
            for (col, value) in &search {
                if col.0 != result.0 {
                    return unknown("LOOKUPVALUE over several tables");
                }
                all &= strictly_equal(&self.data.value(*col, row), value)?;
            }
            let value = self.data.value(result, row);
            if all && !found.iter().any(|other| other.key() == value.key()) {
                found.push(value);
            }
        }
        match (found.as_slice(), rest.first()) {
            ([only], _) => Ok(only.clone()),
            ([], None) => Ok(Value::Blank),
            (_, Some(other)) => self.scalar(other, place),
            _ => error("LOOKUPVALUE finds several values"),
        }
    }

    fn contains(&self, args: &[Expr], place: &Place) -> Result<Value> {
        let table = self.table(&args[0], place)?;
        let mut search = Vec::new();
        for pair in args[1..].chunks(2) {
            let col = self.column(&pair[0])?;
            let Some(index) = table.fields.iter().position(|f| f.lineage == Some(col)) else {
                return unknown(pair);
            };
            search.push((index, self.scalar(&pair[1], place)?.key()));
        }
        let holds = |row: &Vec<Value>| search.iter().all(|(index, key)| row[*index].key() == *key);
        Ok(Value::Boolean(table.rows.iter().any(holds)))
    }
}

//! Aggregates: over a column, over the rows of a table, and ranks.

use std::cmp::Ordering;
use std::collections::HashSet;

use dax::{Expr, ExprKind};

use crate::eval::{Evaluator, Place};
use crate::value::{Arithmetic, Key, Result, Value, arithmetic, compare, error, unknown};

impl Evaluator<'_> {
    pub fn aggregate(
        &self,
        name: &str,
        args: &[Expr],
        expr: &Expr,
        place: &Place,
    ) -> Result<Value> {
        match name {
            "COUNTROWS" => return Ok(counted(self.table(&args[0], place)?.rows.len())),
            "RANKX" => return self.rank(args, place),
            "CONCATENATEX" => return self.concatenate(args, place),
            "MIN" | "MAX" if args.len() == 2 => {
                let mut values = [self.scalar(&args[0], place)?, self.scalar(&args[1], place)?];
                // Beside a number BLANK is zero.
                let number =
                    |v: &Value| matches!(v, Value::Integer(_) | Value::Fixed(_) | Value::Double(_));
                if values.iter().any(number) {
                    for value in values.iter_mut().filter(|v| v.is_blank()) {
                        *value = Value::Integer(0);
                    }
                }
                return extreme(name == "MIN", &values);
            }
            _ => {}
        }
        let of_rows = name.ends_with('X') && name != "MAX";
        let values = if of_rows {
            self.each(&args[0], &args[1], place)?
        } else {
            self.column_values(&args[0], place)?
        };
        match name.strip_suffix('X').filter(|_| of_rows).unwrap_or(name) {
            "SUM" => sum(&values),
            "AVERAGE" => average(&values),
            "MIN" => extreme(true, &values),
            "MAX" => extreme(false, &values),
            "COUNT" | "COUNTA" => Ok(counted(values.iter().filter(|v| !v.is_blank()).count())),
            "COUNTBLANK" => {
                let empty = |v: &&Value| matches!(v, Value::Text(text) if text.is_empty());
                Ok(counted(
                    values.iter().filter(|v| v.is_blank() || empty(v)).count(),
                ))
            }
            "DISTINCTCOUNT" => Ok(counted(
                values
                    .iter()
                    .map(Value::key)
                    .collect::<HashSet<Key>>()
                    .len(),
            )),
            "DISTINCTCOUNTNOBLANK" => {
                let keys: HashSet<Key> = values
                    .iter()
                    .filter(|v| !v.is_blank())
                    .map(Value::key)
                    .collect();
                Ok(counted(keys.len()))
            }
            "PRODUCT" => {
                let mut values = values.iter().filter(|v| !v.is_blank()).peekable();
                if values.peek().is_none() {
                    return Ok(Value::Blank);
                }
                let mut product = 1.0;
                for value in values {
                    product *= value.number()?;
                }
                Ok(Value::Double(product))
            }
            _ => unknown(expr),
        }
    }

    /// The values of a column in the rows that the context shows; the blank row is not one of them.
    fn column_values(&self, argument: &Expr, place: &Place) -> Result<Vec<Value>> {
        let col = self.column(argument)?;
        let shown = self.data.shown(col.0, &place.context);
        Ok((0..self.data.count(col.0))
            .filter(|&row| shown.rows[row])
            .map(|row| self.data.value(col, row))
            .collect())
    }

    fn each(&self, table: &Expr, body: &Expr, place: &Place) -> Result<Vec<Value>> {
        let table = self.table(table, place)?;
        let inside = self.iterating(&table, place);
        (0..table.rows.len())
            .map(|row| self.scalar(body, &inside.with_row(table.row(row))))
            .collect()
    }

    fn rank(&self, args: &[Expr], place: &Place) -> Result<Value> {
        let values = self.each(&args[0], &args[1], place)?;
        let given = args.get(2).filter(|a| a.kind != ExprKind::Omitted);
        let own = self.scalar(given.unwrap_or(&args[1]), place)?;
        let word = |k: usize| match args.get(k).map(|a| &a.kind) {
            Some(ExprKind::Identifier { name, .. }) => name.text.to_uppercase(),
            _ => String::new(),
        };
        let before = if word(3) == "ASC" {
            Ordering::Less
        } else {
            Ordering::Greater
        };
        let mut ahead = Vec::new();
        for value in &values {
            if compare(value, &own)? == before {
                // As a rank compares them, BLANK and zero are one value.
                ahead.push(if value.is_blank() {
                    Value::Integer(0).key()
                } else {
                    value.key()
                });
            }
        }
        let count = if word(4) == "DENSE" {
            ahead.into_iter().collect::<HashSet<Key>>().len()
        } else {
            ahead.len()
        };
        Ok(Value::Integer(count as i64 + 1))
    }

    fn concatenate(&self, args: &[Expr], place: &Place) -> Result<Value> {
        let table = self.table(&args[0], place)?;
        let delimiter = args
            .get(2)
            .map_or(Ok(String::new()), |a| self.scalar(a, place)?.text())?;
        let inside = self.iterating(&table, place);
        let mut rows = Vec::new();
        for row in 0..table.rows.len() {
            let place = inside.with_row(table.row(row));
            let order = args.get(3).map(|a| self.scalar(a, &place)).transpose()?;
            rows.push((order, self.scalar(&args[1], &place)?.text()?));
        }
        // Of no rows there is nothing to show; without an order, the order of rows is not laid down.
        if rows.is_empty() {
            return Ok(Value::Blank);
        }
        if args.get(3).is_none() && rows.len() > 1 {
            return unknown("CONCATENATEX without an order");
        }
        if args.get(3).is_some() {
            rows.sort_by(|a, b| {
                total(
                    a.0.as_ref().unwrap_or(&Value::Blank),
                    b.0.as_ref().unwrap_or(&Value::Blank),
                )
            });
        }
        Ok(Value::Text(
            rows.into_iter()
                .map(|(_, text)| text)
                .collect::<Vec<String>>()
                .join(&delimiter),
        ))
    }
}

/// The order of a column's values: BLANK is the first, before what it equals. Values that do not compare are equal.
pub fn total(a: &Value, b: &Value) -> Ordering {
    let order = compare(a, b).unwrap_or(Ordering::Equal);
    order.then_with(|| b.is_blank().cmp(&a.is_blank()))
}

fn counted(count: usize) -> Value {
    if count == 0 {
        Value::Blank
    } else {
        Value::Integer(count as i64)
    }
}

fn sum(values: &[Value]) -> Result<Value> {
    let mut total = Value::Blank;
    for value in values {
        if matches!(value, Value::Text(_)) {
            return error("text cannot be summed");
        }
        total = arithmetic(Arithmetic::Add, &total, value)?;
    }
    Ok(total)
}

fn average(values: &[Value]) -> Result<Value> {
    let count = values.iter().filter(|v| !v.is_blank()).count();
    if count == 0 {
        return Ok(Value::Blank);
    }
    arithmetic(
        Arithmetic::Divide,
        &sum(values)?,
        &Value::Integer(count as i64),
    )
}

fn extreme(smallest: bool, values: &[Value]) -> Result<Value> {
    let wanted = if smallest {
        Ordering::Less
    } else {
        Ordering::Greater
    };
    let mut best = Value::Blank;
    for value in values.iter().filter(|v| !v.is_blank()) {
        if best.is_blank() || compare(value, &best)? == wanted {
            best = value.clone();
        }
    }
    Ok(best)
}

//! Table expressions.

use std::collections::HashSet;
use std::rc::Rc;

use dax::{Expr, ExprKind};

use crate::context::Context;
use crate::data::Col;
use crate::eval::{Evaluator, Field, Outcome, Place, Row, Table, check_arguments};
use crate::value::{Key, Result, Value, compare, error, unknown};

fn keys(row: &[Value]) -> Vec<Key> {
    row.iter().map(Value::key).collect()
}

impl Evaluator<'_> {
    pub fn table(&self, expr: &Expr, place: &Place) -> Result<Table> {
        match &expr.kind {
            ExprKind::Identifier { name, .. } => {
                match self.variable_value(name, place) {
                    Some(Ok(Outcome::Table(table))) => return Ok((*table).clone()),
                    Some(Ok(Outcome::Scalar(_))) => {
                        return error("a value where a table is expected");
                    }
                    Some(Err(failure)) => return Err(failure),
                    None => {}
                }
                match self.data.table(&name.text) {
                    Some(table) => Ok(self.rows_of(table, &place.context, false)),
                    None => error(format!("there is no table {}", name.text)),
                }
            }
            ExprKind::Let { vars, body } => self.table(body, &self.with_variables(vars, place)),
            ExprKind::Table(rows) => self.constructor(rows, place),
            ExprKind::Call { name, args } => {
                let name = name.text.to_uppercase();
                check_arguments(&name, args)?;
                self.table_call(&name, args, expr, place)
            }
            other => unknown(other),
        }
    }

    /// The rows of a model's table that a context shows.
    fn rows_of(&self, table: usize, context: &Context, blank_row: bool) -> Table {
        let shown = self.data.shown(table, context);
        let blank = self.data.count(table);
        let mut at: Vec<usize> = (0..blank).filter(|&row| shown.rows[row]).collect();
        if blank_row && shown.rows[blank] && self.data.has_blank_row(table) {
            at.push(blank);
        }
        let columns = self.data.columns_of(table);
        let rows = at.iter().map(|&row| {
            columns
                .iter()
                .map(|col| self.data.value(*col, row))
                .collect()
        });
        Table {
            rows: rows.collect(),
            fields: Rc::new(columns.iter().map(|c| self.field(*c)).collect()),
            base: Some(table),
            at,
            under: None,
        }
    }

    fn constructor(&self, rows: &[Expr], place: &Place) -> Result<Table> {
        let mut out = Vec::new();
        for row in rows {
            out.push(match &row.kind {
                ExprKind::Row(parts) => parts
                    .iter()
                    .map(|p| self.scalar(p, place))
                    .collect::<Result<Vec<Value>>>()?,
                _ => vec![self.scalar(row, place)?],
            });
        }
        let width = out.first().map_or(1, Vec::len);
        if out.iter().any(|row| row.len() != width) {
            return error("rows of one table are of one width");
        }
        let name = |k: usize| {
            if width == 1 {
                "Value".to_owned()
            } else {
                format!("Value{}", k + 1)
            }
        };
        Ok(Table::of(
            (0..width).map(|k| Field::computed(&name(k))).collect(),
            out,
        ))
    }

    fn table_call(&self, name: &str, args: &[Expr], expr: &Expr, place: &Place) -> Result<Table> {
        match name {
            "VALUES" | "DISTINCT" => self.values_or_distinct(name == "VALUES", &args[0], place),
            "ALL" | "ALLNOBLANKROW" => self.all(args, name == "ALL", place),
            "ALLEXCEPT" => self.all_except(args, place),
            "ALLSELECTED" => {
                let mut context = (*place.context).clone();
                let columns = self.freed(args, &context.edges(self.data))?;
                let grouped = self.restore(&mut context, columns.as_deref());
                // Of one column, where nothing is grouped, filters of other columns leave no value out.
                if let (Some([column]), false) = (columns.as_deref(), grouped)
                    && matches!(args, [argument] if !matches!(argument.kind, ExprKind::Identifier { .. }))
                {
                    context.remove(&|c| c != *column);
                }
                self.table_of_argument(args, &context, true)
            }
            "FILTER" => self.filter(args, place),
            "CALCULATETABLE" | "RELATEDTABLE" => {
                let inside = place.in_context(self.calculated(&args[1..], place)?);
                let table = self.table(&args[0], &inside)?;
                Ok(table.made_under(&inside.context))
            }
            "KEEPFILTERS" => self.table(&args[0], place),
            "ADDCOLUMNS" | "SELECTCOLUMNS" => self.with_columns(name == "ADDCOLUMNS", args, place),
            "CROSSJOIN" => self.cross_join(args, place),
            "GENERATE" | "GENERATEALL" => self.generate(name == "GENERATEALL", args, place),
            "UNION" => self.union(args, place),
            "EXCEPT" | "INTERSECT" => {
                let (left, right) = (self.table(&args[0], place)?, self.table(&args[1], place)?);
                let known: HashSet<Vec<Key>> = right.rows.iter().map(|r| keys(r)).collect();
                let keep: Vec<usize> = (0..left.rows.len())
                    .filter(|&r| known.contains(&keys(&left.rows[r])) == (name == "INTERSECT"))
                    .collect();
                Ok(Table {
                    base: None,
                    at: Vec::new(),
                    ..left.take(&keep)
                })
            }
            "TOPN" => self.top(args, place),
            "TREATAS" => self.treat_as(args, place),
            "ROW" => {
                let mut fields = Vec::new();
                let mut row = Vec::new();
                for pair in args.chunks_exact(2) {
                    let ExprKind::Text(name) = &pair[0].kind else {
                        return unknown(expr);
                    };
                    fields.push(Field::computed(name));
                    row.push(self.scalar(&pair[1], place)?);
                }
                Ok(Table::of(fields, vec![row]))
            }
            "SUMMARIZE" => self.summarize(args, place),
            "GROUPBY" => self.group_by(args, place),
            "CURRENTGROUP" => match &place.group {
                Some(group) => Ok((**group).clone()),
                None => error("CURRENTGROUP outside GROUPBY"),
            },
            "SUMMARIZECOLUMNS" => self.summarize_columns(args, place),
            "FIRSTNONBLANK" | "LASTNONBLANK" => self.non_blank(name == "LASTNONBLANK", args, place),
            "GENERATESERIES" => {
                let bound = |k: usize| match self.scalar(&args[k], place)? {
                    Value::Integer(i) => Ok(i),
                    other => unknown(other),
                };
                let (first, last) = (bound(0)?, bound(1)?);
                Ok(Table::of(
                    vec![Field::computed("Value")],
                    (first..=last).map(|i| vec![Value::Integer(i)]).collect(),
                ))
            }
            _ => self.dates_call(name, args, expr, place),
        }
    }

    fn values_or_distinct(&self, values: bool, argument: &Expr, place: &Place) -> Result<Table> {
        if matches!(argument.kind, ExprKind::Qualified { .. }) {
            let col = self.column(argument)?;
            return Ok(Table::of(
                vec![self.field(col)],
                self.data.tuples(&[col], &place.context, values),
            ));
        }
        if values {
            return self.table_of_argument(std::slice::from_ref(argument), &place.context, true);
        }
        let table = self.table(argument, place)?;
        let mut seen = HashSet::new();
        let first: Vec<usize> = (0..table.rows.len())
            .filter(|&r| seen.insert(keys(&table.rows[r])))
            .collect();
        Ok(table.take(&first))
    }

    /// A table of the model, or columns of it, in a context.
    fn table_of_argument(
        &self,
        args: &[Expr],
        context: &Context,
        blank_row: bool,
    ) -> Result<Table> {
        if let [
            Expr {
                kind: ExprKind::Identifier { name, .. },
                ..
            },
        ] = args
        {
            return match self.data.table(&name.text) {
                Some(table) => Ok(self.rows_of(table, context, blank_row)),
                None => error("no such table"),
            };
        }
        let columns = args
            .iter()
            .map(|a| self.column(a))
            .collect::<Result<Vec<Col>>>()?;
        if columns.is_empty() {
            return error("a table or columns are expected");
        }
        Ok(Table::of(
            columns.iter().map(|c| self.field(*c)).collect(),
            self.data.tuples(&columns, context, blank_row),
        ))
    }

    fn unfiltered(&self, place: &Place) -> Context {
        Context {
            activated: place.context.activated.clone(),
            directions: place.context.directions.clone(),
            ..Context::default()
        }
    }

    fn all(&self, args: &[Expr], blank_row: bool, place: &Place) -> Result<Table> {
        self.table_of_argument(args, &self.unfiltered(place), blank_row)
    }

    fn all_except(&self, args: &[Expr], place: &Place) -> Result<Table> {
        let ExprKind::Identifier { name, .. } = &args[0].kind else {
            return unknown(&args[0]);
        };
        let Some(table) = self.data.table(&name.text) else {
            return error("no such table");
        };
        let kept = args[1..]
            .iter()
            .map(|a| self.column(a))
            .collect::<Result<Vec<Col>>>()?;
        let columns: Vec<Col> = self
            .data
            .columns_of(table)
            .into_iter()
            .filter(|c| !kept.contains(c))
            .collect();
        let rows = self.data.tuples(&columns, &self.unfiltered(place), true);
        Ok(Table::of(
            columns.iter().map(|c| self.field(*c)).collect(),
            rows,
        ))
    }

    fn filter(&self, args: &[Expr], place: &Place) -> Result<Table> {
        let table = self.table(&args[0], place)?;
        let inside = self.iterating(&table, place);
        let mut keep = Vec::new();
        for row in 0..table.rows.len() {
            if self
                .scalar(&args[1], &inside.with_row(table.row(row)))?
                .truth()?
            {
                keep.push(row);
            }
        }
        Ok(table.take(&keep))
    }

    fn with_columns(&self, add: bool, args: &[Expr], place: &Place) -> Result<Table> {
        let table = self.table(&args[0], place)?;
        let mut parts: Vec<(Option<&str>, &Expr)> = Vec::new();
        let mut rest = &args[1..];
        while let [first, after @ ..] = rest {
            rest = match (&first.kind, after) {
                (ExprKind::Text(name), [expr, after @ ..]) => {
                    parts.push((Some(name), expr));
                    after
                }
                _ => {
                    parts.push((None, first));
                    after
                }
            };
        }
        let inside = self.iterating(&table, place);
        let mut rows = Vec::new();
        for row in 0..table.rows.len() {
            let place = inside.with_row(table.row(row));
            let mut values = if add {
                table.rows[row].clone()
            } else {
                Vec::new()
            };
            for (_, expr) in &parts {
                values.push(self.scalar(expr, &place)?);
            }
            rows.push(values);
        }
        let mut fields = if add {
            (*table.fields).clone()
        } else {
            Vec::new()
        };
        fields.extend(
            parts
                .iter()
                .map(|(name, expr)| self.named(*name, expr, &table, place)),
        );
        let (base, at, under) = if add {
            (table.base, table.at, table.under)
        } else {
            (None, Vec::new(), None)
        };
        Ok(Table {
            fields: Rc::new(fields),
            rows,
            base,
            at,
            under,
        })
    }

    /// The field of a computed column; a column taken over as it is keeps its lineage.
    fn named(&self, name: Option<&str>, expr: &Expr, table: &Table, place: &Place) -> Field {
        let taken = match &expr.kind {
            ExprKind::Qualified { .. } => self.column(expr).ok().and_then(|c| {
                table
                    .fields
                    .iter()
                    .find(|f| f.lineage == Some(c) && f.table.is_some())
            }),
            ExprKind::Bracket(name) => table.fields.iter().find(|f| {
                model::same_name(&f.name, &name.text)
                    && !self.measures.contains_key(&name.text.to_lowercase())
            }),
            _ => None,
        };
        match (name, taken) {
            (None, Some(field)) => field.clone(),
            (Some(name), Some(field)) => Field {
                table: None,
                name: name.to_owned(),
                ..field.clone()
            },
            (name, None) => {
                let row = Row {
                    fields: Rc::clone(&table.fields),
                    values: vec![Value::Blank; table.fields.len()],
                    base: None,
                    under: None,
                };
                Field {
                    data_type: self.data_type(expr, &place.with_row(row)),
                    ..Field::computed(name.unwrap_or_default())
                }
            }
        }
    }

    fn cross_join(&self, args: &[Expr], place: &Place) -> Result<Table> {
        let mut out = Table::of(Vec::new(), vec![Vec::new()]);
        for argument in args {
            let table = self.table(argument, place)?;
            let fields = out
                .fields
                .iter()
                .chain(table.fields.iter())
                .cloned()
                .collect();
            let rows = out.rows.iter().flat_map(|left| {
                table
                    .rows
                    .iter()
                    .map(move |right| [left.as_slice(), right].concat())
            });
            out = Table::of(fields, rows.collect());
        }
        Ok(out)
    }

    fn generate(&self, all: bool, args: &[Expr], place: &Place) -> Result<Table> {
        let left = self.table(&args[0], place)?;
        let inside = self.iterating(&left, place);
        let (mut rows, mut fields) = (Vec::new(), None);
        for row in 0..left.rows.len() {
            let right = self.table(&args[1], &inside.with_row(left.row(row)))?;
            if right.rows.is_empty() && all {
                rows.push(
                    [
                        left.rows[row].as_slice(),
                        &vec![Value::Blank; right.fields.len()],
                    ]
                    .concat(),
                );
            }
            rows.extend(
                right
                    .rows
                    .iter()
                    .map(|other| [left.rows[row].as_slice(), other].concat()),
            );
            fields = Some(right.fields);
        }
        let right = match fields {
            Some(fields) => fields,
            // Without rows the columns are there all the same, and filter.
            None => {
                let blank = Row {
                    fields: Rc::clone(&left.fields),
                    values: vec![Value::Blank; left.fields.len()],
                    base: None,
                    under: None,
                };
                self.table(&args[1], &inside.with_row(blank))?.fields
            }
        };
        let fields = left.fields.iter().chain(right.iter()).cloned().collect();
        Ok(Table::of(fields, rows))
    }

    fn union(&self, args: &[Expr], place: &Place) -> Result<Table> {
        let tables = args
            .iter()
            .map(|a| self.table(a, place))
            .collect::<Result<Vec<Table>>>()?;
        let mut fields = (*tables[0].fields).clone();
        for table in &tables {
            if table.fields.len() != fields.len() {
                return error("tables of one union have as many columns");
            }
            for (field, other) in fields.iter_mut().zip(table.fields.iter()) {
                if field.lineage != other.lineage {
                    field.lineage = None;
                }
            }
        }
        // A column of no single origin has only its name.
        for field in fields.iter_mut().filter(|f| f.lineage.is_none()) {
            field.table = None;
        }
        Ok(Table::of(
            fields,
            tables.into_iter().flat_map(|t| t.rows).collect(),
        ))
    }

    fn top(&self, args: &[Expr], place: &Place) -> Result<Table> {
        let Value::Integer(count) = self.scalar(&args[0], place)? else {
            return unknown(&args[0]);
        };
        let table = self.table(&args[1], place)?;
        let mut orders: Vec<(&Expr, bool)> = Vec::new();
        let mut rest = &args[2..];
        while let [expr, after @ ..] = rest {
            rest = match after {
                [
                    Expr {
                        kind: ExprKind::Identifier { name, .. },
                        ..
                    },
                    after @ ..,
                ] => {
                    orders.push((expr, !name.text.eq_ignore_ascii_case("ASC")));
                    after
                }
                _ => {
                    orders.push((expr, true));
                    after
                }
            };
        }
        let inside = self.iterating(&table, place);
        let mut rows: Vec<(usize, Vec<Value>)> = Vec::new();
        for row in 0..table.rows.len() {
            let place = inside.with_row(table.row(row));
            rows.push((
                row,
                orders
                    .iter()
                    .map(|(expr, _)| self.scalar(expr, &place))
                    .collect::<Result<Vec<Value>>>()?,
            ));
        }
        if orders.is_empty() {
            return unknown("TOPN without an order");
        }
        let ahead = |a: &[Value], b: &[Value]| -> Result<bool> {
            for ((a, b), (_, descending)) in a.iter().zip(b).zip(&orders) {
                compare(a, b)?;
                // BLANK stands just before what it equals.
                let order = crate::aggregate::total(a, b);
                if order.is_ne() {
                    return Ok((order == std::cmp::Ordering::Greater) == *descending);
                }
            }
            Ok(false)
        };
        let mut keep = Vec::new();
        for (row, values) in &rows {
            let mut before = 0;
            for (_, other) in &rows {
                before += i64::from(ahead(other, values)?);
            }
            if before < count {
                keep.push(*row);
            }
        }
        Ok(table.take(&keep))
    }

    /// Values become values of columns of the model; rows with a value that a column does not hold go.
    fn treat_as(&self, args: &[Expr], place: &Place) -> Result<Table> {
        let table = self.table(&args[0], place)?;
        let columns = args[1..]
            .iter()
            .map(|a| self.column(a))
            .collect::<Result<Vec<Col>>>()?;
        if columns.len() != table.fields.len() {
            return error("TREATAS takes as many columns as the table has");
        }
        let free = self.unfiltered(place);
        let known: Vec<HashSet<Key>> = columns
            .iter()
            .map(|col| {
                self.data
                    .tuples(&[*col], &free, true)
                    .iter()
                    .map(|t| t[0].key())
                    .collect()
            })
            .collect();
        let mut seen = HashSet::new();
        let rows = table.rows.into_iter().filter(|row| {
            row.iter()
                .zip(&known)
                .all(|(value, known)| known.contains(&value.key()))
        });
        let rows: Vec<Vec<Value>> = rows.filter(|row| seen.insert(keys(row))).collect();
        Ok(Table::of(
            columns.iter().map(|c| self.field(*c)).collect(),
            rows,
        ))
    }

    fn non_blank(&self, last: bool, args: &[Expr], place: &Place) -> Result<Table> {
        let col = self.column(&args[0])?;
        let context = self.transition(place)?;
        let table = Table::of(
            vec![self.field(col)],
            self.data.tuples(&[col], &context, false),
        );
        let inside = self.iterating(&table, place);
        let mut best: Option<usize> = None;
        for row in 0..table.rows.len() {
            if self
                .scalar(&args[1], &inside.with_row(table.row(row)))?
                .is_blank()
            {
                continue;
            }
            let better = |b: usize| {
                crate::aggregate::total(&table.rows[row][0], &table.rows[b][0])
                    == if last {
                        std::cmp::Ordering::Greater
                    } else {
                        std::cmp::Ordering::Less
                    }
            };
            if best.is_none_or(better) {
                best = Some(row);
            }
        }
        Ok(table.take(&best.into_iter().collect::<Vec<usize>>()))
    }
}

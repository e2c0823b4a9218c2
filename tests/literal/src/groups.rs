//! SUMMARIZE and SUMMARIZECOLUMNS.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use dax::{Expr, ExprKind};

use crate::context::{Context, Filter};
use crate::data::Col;
use crate::eval::{Evaluator, Field, Place, Row, Table};
use crate::value::{Key, Result, Value, error, unknown};

impl Evaluator<'_> {
    /// The distinct values of columns of the table, or of tables that a row of it finds.
    pub fn summarize(&self, args: &[Expr], place: &Place) -> Result<Table> {
        let table = self.table(&args[0], place)?;
        let columns = args[1..]
            .iter()
            .take_while(|a| matches!(a.kind, ExprKind::Qualified { .. }))
            .map(|a| self.column(a))
            .collect::<Result<Vec<Col>>>()?;
        let edges = place.context.edges(self.data);
        let (mut seen, mut rows): (HashSet<Vec<Key>>, Vec<Vec<Value>>) = Default::default();
        for at in 0..table.rows.len() {
            let mut row = Vec::new();
            for col in &columns {
                if let Some(index) = table.fields.iter().position(|f| f.lineage == Some(*col)) {
                    row.push(table.rows[at][index].clone());
                    continue;
                }
                let Some(base) = table.base else {
                    return error("not a column of the table");
                };
                let paths = self.data.expanded(base, &edges);
                let Some(path) = paths.get(&col.0) else {
                    return error("not a column that the table finds");
                };
                row.push(self.data.value(*col, self.data.follow(table.at[at], path)));
            }
            if seen.insert(row.iter().map(Value::key).collect()) {
                rows.push(row);
            }
        }
        let mut fields: Vec<Field> = columns.iter().map(|c| self.field(*c)).collect();
        let groups = Table::of(fields.clone(), rows.clone());
        for pair in args[1 + columns.len()..].chunks(2) {
            let [
                Expr {
                    kind: ExprKind::Text(name),
                    ..
                },
                body,
            ] = pair
            else {
                return unknown(pair);
            };
            for (at, row) in rows.iter_mut().enumerate() {
                // An expression of SUMMARIZE is evaluated in row context and in filter context of its group at once.
                let inner = self.transition(&place.with_row(groups.row(at)))?;
                let place = Place {
                    context: Rc::new(inner),
                    ..place.with_row(groups.row(at))
                };
                row.push(self.scalar(body, &place)?);
            }
            fields.push(Field::computed(name));
        }
        Ok(Table::of(fields, rows))
    }

    /// Every combination of the values that each table shows, and of those the rows where not every expression is BLANK.
    pub fn summarize_columns(&self, args: &[Expr], place: &Place) -> Result<Table> {
        let groups = args
            .iter()
            .take_while(|a| matches!(a.kind, ExprKind::Qualified { .. }))
            .map(|a| self.column(a))
            .collect::<Result<Vec<Col>>>()?;
        let filters = args.len()
            - args
                .iter()
                .skip(groups.len())
                .skip_while(|a| !matches!(a.kind, ExprKind::Text(_)))
                .count();
        let mut context = self.transition(place)?;
        let mut given: Vec<Filter> = Vec::new();
        for filter in &args[groups.len()..filters] {
            let table = self.table(filter, place)?;
            given.push(self.filter_of(&table, &place.context));
        }
        for filter in &given {
            context.remove(&|c| filter.columns.contains(&c));
        }
        context.filters.extend(given.into_iter().map(Rc::new));
        let rows = self.combinations(&groups, &context);
        let mut fields: Vec<Field> = groups.iter().map(|c| self.field(*c)).collect();
        let key_fields = Rc::new(fields.clone());
        let parts: Vec<(&Expr, bool)> = args[filters..]
            .chunks(2)
            .filter_map(|pair| pair.get(1))
            .map(ignored)
            .collect();
        for pair in args[filters..].chunks(2) {
            let [
                Expr {
                    kind: ExprKind::Text(name),
                    ..
                },
                _,
            ] = pair
            else {
                return unknown(pair);
            };
            fields.push(Field::computed(name));
        }
        let shadow = Rc::new(context.clone());
        let mut out = Vec::new();
        for values in rows {
            let mut inner = context.clone();
            inner.shadow = Some(Rc::clone(&shadow));
            if !groups.is_empty() {
                // The group is one more filter: what the filters of the query say of its columns still holds.
                inner.filters.push(Rc::new(Filter {
                    columns: groups.clone(),
                    tuples: HashSet::from([values.iter().map(Value::key).collect()]),
                }));
            }
            let row = Row {
                fields: Rc::clone(&key_fields),
                values: values.clone(),
                base: None,
            };
            let place = Place {
                context: Rc::new(inner),
                rows: Vec::new(),
                variables: place.variables.clone(),
            };
            let _ = row;
            let results = parts
                .iter()
                .map(|(expr, _)| self.scalar(expr, &place))
                .collect::<Result<Vec<Value>>>()?;
            let keep = parts.is_empty()
                || results
                    .iter()
                    .zip(&parts)
                    .any(|(value, (_, ignored))| !ignored && !value.is_blank());
            if keep {
                out.push([values, results].concat());
            }
        }
        Ok(Table::of(fields, out))
    }

    /// Columns of one table exist together; tables are crossed.
    fn combinations(&self, groups: &[Col], context: &Context) -> Vec<Vec<Value>> {
        let mut by_table: BTreeMap<usize, Vec<Col>> = BTreeMap::new();
        for col in groups {
            by_table.entry(col.0).or_default().push(*col);
        }
        let mut rows: Vec<BTreeMap<Col, Value>> = vec![BTreeMap::new()];
        for columns in by_table.values() {
            let tuples = self.data.tuples(columns, context, true);
            rows = rows
                .iter()
                .flat_map(|row| {
                    tuples.iter().map(move |tuple| {
                        let mut row = row.clone();
                        row.extend(columns.iter().copied().zip(tuple.iter().cloned()));
                        row
                    })
                })
                .collect();
        }
        rows.into_iter()
            .map(|row| groups.iter().map(|col| row[col].clone()).collect())
            .collect()
    }
}

/// IGNORE ( expression ) does not keep a row.
fn ignored(expr: &Expr) -> (&Expr, bool) {
    match &expr.kind {
        ExprKind::Call { name, args } if name.text.eq_ignore_ascii_case("IGNORE") => {
            (&args[0], true)
        }
        _ => (expr, false),
    }
}

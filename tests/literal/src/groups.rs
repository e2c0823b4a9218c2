//! SUMMARIZE and SUMMARIZECOLUMNS.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use dax::{Expr, ExprKind};

use crate::context::{Context, Filter, Shadow};
use crate::data::Col;
use crate::eval::{Evaluator, Field, Place, Row, Table};
use crate::value::{Key, Result, Value, error, unknown};

impl Evaluator<'_> {
    /// The values of a column in the rows of a table: one of its own, or one of a table that each of its rows finds.
    fn along(&self, table: &Table, argument: &Expr, place: &Place) -> Result<(Field, Vec<Value>)> {
        let own = |at: usize| {
            let values = table.rows.iter().map(|row| row[at].clone()).collect();
            (table.fields[at].clone(), values)
        };
        if let ExprKind::Bracket(name) = &argument.kind {
            let mut fields = table.fields.iter();
            return match fields.position(|f| model::same_name(&f.name, &name.text)) {
                Some(at) => Ok(own(at)),
                // Of no rows the columns that were computed row by row are not known.
                None if table.rows.is_empty() => Ok((Field::computed(&name.text), Vec::new())),
                None => error("not a column of the table"),
            };
        }
        let col = self.column(argument)?;
        if let Some(at) = table.fields.iter().position(|f| f.lineage == Some(col)) {
            return Ok(own(at));
        }
        let Some(base) = table.base else {
            return error("not a column of the table");
        };
        let context = table.under.as_ref().unwrap_or(&place.context);
        let Some(path) = self.data.found_from(base, col.0, context) else {
            return error("not a column that the table finds");
        };
        let value = |&at: &usize| self.data.value(col, self.data.follow(at, &path));
        Ok((self.field(col), table.at.iter().map(value).collect()))
    }

    /// The distinct values of columns of the table, or of tables that a row of it finds; ROLLUP adds rows for fewer and fewer of its
    /// columns.
    pub fn summarize(&self, args: &[Expr], place: &Place) -> Result<Table> {
        let table = self.table(&args[0], place)?;
        let (mut columns, mut steps) = (Vec::new(), 0);
        let mut taken = 1;
        for argument in &args[1..] {
            match &argument.kind {
                ExprKind::Qualified { .. } => columns.push(argument),
                ExprKind::Call { name, args } if name.text.eq_ignore_ascii_case("ROLLUP") => {
                    steps = args.len();
                    columns.extend(args);
                }
                _ => break,
            }
            taken += 1;
        }
        let found = columns
            .iter()
            .map(|column| self.along(&table, column, place))
            .collect::<Result<Vec<_>>>()?;
        let mut fields: Vec<Field> = found.iter().map(|(field, _)| field.clone()).collect();
        let names: Vec<(&str, &Expr)> = args[taken..]
            .chunks(2)
            .map(|pair| match pair {
                [
                    Expr {
                        kind: ExprKind::Text(name),
                        ..
                    },
                    body,
                ] => Ok((name.as_str(), body)),
                _ => unknown(pair),
            })
            .collect::<Result<_>>()?;
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for kept in (columns.len() - steps..=columns.len()).rev() {
            let mut seen: HashSet<Vec<Key>> = HashSet::new();
            for at in 0..table.rows.len() {
                let key: Vec<Value> = found[..kept].iter().map(|(_, v)| v[at].clone()).collect();
                if !seen.insert(key.iter().map(Value::key).collect()) {
                    continue;
                }
                let group = Row {
                    fields: Rc::new(fields[..kept].to_vec()),
                    values: key.clone(),
                    base: None,
                    under: None,
                };
                let mut row = key;
                row.resize(columns.len(), Value::Blank);
                // An expression of SUMMARIZE is evaluated in row context and in filter context of its group at once, and the rows of
                // the group filter it too.
                let outside = place.with_row(group);
                let mut context = self.transition(&outside)?;
                if !names.is_empty() {
                    let same = |other: &usize| {
                        let mut pairs = found[..kept].iter().map(|(_, v)| (&v[at], &v[*other]));
                        pairs.all(|(a, b)| a.key() == b.key())
                    };
                    let members: Vec<usize> = (0..table.rows.len()).filter(same).collect();
                    let filter = self.filter_of(&table.take(&members), &context);
                    if !filter.columns.is_empty() {
                        context.filters.push(Rc::new(filter));
                    }
                }
                let inside = Place {
                    context: Rc::new(context),
                    ..outside
                };
                for (_, body) in &names {
                    row.push(self.scalar(body, &inside)?);
                }
                rows.push(row);
            }
        }
        fields.extend(names.iter().map(|(name, _)| Field::computed(name)));
        Ok(Table::of(fields, rows))
    }

    /// GROUPBY: the expressions go through the rows of their group and know nothing else.
    pub fn group_by(&self, args: &[Expr], place: &Place) -> Result<Table> {
        let table = self.table(&args[0], place)?;
        let count = args[1..]
            .iter()
            .take_while(|a| matches!(a.kind, ExprKind::Qualified { .. } | ExprKind::Bracket(_)))
            .count();
        let found = args[1..=count]
            .iter()
            .map(|column| self.along(&table, column, place))
            .collect::<Result<Vec<_>>>()?;
        let mut groups: Vec<(Vec<Key>, Vec<usize>)> = Vec::new();
        for at in 0..table.rows.len() {
            let key: Vec<Key> = found.iter().map(|(_, values)| values[at].key()).collect();
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, rows)) => rows.push(at),
                None => groups.push((key, vec![at])),
            }
        }
        let mut fields: Vec<Field> = found.iter().map(|(field, _)| field.clone()).collect();
        let mut rows = Vec::new();
        for (_, members) in &groups {
            let place = Place {
                group: Some(Rc::new(table.take(members))),
                ..place.clone()
            };
            let mut row: Vec<Value> = found.iter().map(|(_, v)| v[members[0]].clone()).collect();
            for pair in args[1 + count..].chunks(2) {
                row.push(self.scalar(&pair[1], &place)?);
            }
            rows.push(row);
        }
        for pair in args[1 + count..].chunks(2) {
            let ExprKind::Text(name) = &pair[0].kind else {
                return unknown(pair);
            };
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
        let count = given.len();
        context.filters.extend(given.into_iter().map(Rc::new));
        let given: Vec<Rc<Filter>> = context.filters[context.filters.len() - count..].to_vec();
        // Without expressions, filters from outside choose groups of their own tables only.
        let keeps = |filter: &Rc<Filter>, table: usize| {
            filters < args.len()
                || given.iter().any(|g| Rc::ptr_eq(g, filter))
                || filter.columns.iter().any(|c| c.0 == table)
        };
        let rows = self.combinations(&groups, &context, &keeps);
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
        let shadow = Rc::new(Shadow {
            outer: context.clone(),
            rows: None,
        });
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
            self.coalesce(&given, &groups, &mut inner);
            let row = Row {
                fields: Rc::clone(&key_fields),
                values: values.clone(),
                base: None,
                under: None,
            };
            let place = Place {
                context: Rc::new(inner),
                rows: Vec::new(),
                variables: place.variables.clone(),
                group: None,
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

    /// Filters of the query on columns of one table count together, and with the group: of their values those remain that occur.
    fn coalesce(&self, given: &[Rc<Filter>], groups: &[Col], inner: &mut Context) {
        if self.data.model().value_filter_behavior == model::ValueFilterBehavior::Independent {
            return;
        }
        let on = |filter: &Filter, table: usize| {
            !filter.columns.is_empty() && filter.columns.iter().all(|c| c.0 == table)
        };
        let mut tables: Vec<usize> = given
            .iter()
            .filter_map(|filter| Some(filter.columns.first()?.0))
            .collect();
        tables.sort_unstable();
        tables.dedup();
        let group = inner.filters.last().filter(|_| !groups.is_empty()).cloned();
        for table in tables {
            let of_table: Vec<Rc<Filter>> =
                given.iter().filter(|f| on(f, table)).cloned().collect();
            let mut columns: Vec<Col> = Vec::new();
            for col in of_table.iter().flat_map(|filter| &filter.columns) {
                if !columns.contains(col) {
                    columns.push(*col);
                }
            }
            if columns.is_empty() {
                continue;
            }
            let key = group
                .as_ref()
                .and_then(|group| group.without(&|c| c.0 != table))
                .map(Rc::new);
            let only = Context {
                filters: of_table.iter().cloned().chain(key).collect(),
                ..Context::default()
            };
            let tuples = self.data.tuples(&columns, &only, true);
            inner
                .filters
                .retain(|filter| !of_table.iter().any(|known| Rc::ptr_eq(known, filter)));
            inner.filters.push(Rc::new(Filter {
                tuples: tuples
                    .iter()
                    .map(|row| row.iter().map(Value::key).collect())
                    .collect(),
                columns,
            }));
        }
    }

    /// Columns of one table exist together; tables are crossed.
    fn combinations(
        &self,
        groups: &[Col],
        context: &Context,
        keeps: &dyn Fn(&Rc<Filter>, usize) -> bool,
    ) -> Vec<Vec<Value>> {
        let mut by_table: BTreeMap<usize, Vec<Col>> = BTreeMap::new();
        for col in groups {
            by_table.entry(col.0).or_default().push(*col);
        }
        let mut rows: Vec<BTreeMap<Col, Value>> = vec![BTreeMap::new()];
        for (table, columns) in &by_table {
            let kept = context.filters.iter().filter(|f| keeps(f, *table));
            let of_table = Context {
                filters: kept.cloned().collect(),
                ..context.clone()
            };
            let tuples = self.data.tuples(columns, &of_table, true);
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

//! CALCULATE: filter arguments are evaluated outside, current rows become filters, modifiers apply, and then the filters.

use std::collections::HashSet;
use std::rc::Rc;

use dax::{BinaryOp, Expr, ExprKind};
use model::DataType;

use crate::context::{Context, Direction, Edge, Filter, Shadow};
use crate::data::Col;
use crate::eval::{Evaluator, Field, Place, Row, Table, check_arguments};
use crate::value::{Key, Result, Value, error, unknown};

/// A filter argument after its evaluation.
struct Given {
    filter: Filter,
    replaces: Vec<Col>,
    keep: bool,
}

enum Modifier<'e> {
    /// The columns of these arguments lose their filters, without those of the others. No arguments: all columns.
    Remove {
        of: &'e [Expr],
        kept: &'e [Expr],
    },
    /// The columns of these arguments get back the filters around the query's grouping. No arguments: all columns.
    Selected(&'e [Expr]),
    Use(usize),
    Cross(usize, Direction),
}

impl Evaluator<'_> {
    /// The context inside CALCULATE with these filter arguments.
    pub fn calculated(&self, filters: &[Expr], place: &Place) -> Result<Context> {
        let (mut given, mut modifiers) = (Vec::new(), Vec::new());
        for filter in filters.iter().filter(|f| f.kind != ExprKind::Omitted) {
            match self.modifier(filter)? {
                Some(modifier) => modifiers.push(modifier),
                None => given.push(self.filter_argument(filter, false, place)?),
            }
        }
        let mut context = self.transition(place)?;
        let depths = context.activated.iter().map(|(_, depth)| *depth);
        let depth = depths.max().unwrap_or(0) + 1;
        for modifier in &modifiers {
            match modifier {
                Modifier::Use(link) => {
                    let ends = |n: usize| {
                        let link = &self.data.links[n];
                        let mut ends = [link.from.0, link.to.0];
                        ends.sort_unstable();
                        ends
                    };
                    context
                        .activated
                        .retain(|(other, _)| ends(*other) != ends(*link));
                    context.activated.push((*link, depth));
                }
                Modifier::Cross(link, direction) => {
                    context.directions.retain(|(other, _)| other != link);
                    context.directions.push((*link, *direction));
                }
                _ => {}
            }
        }
        // Modifiers apply after the filters of current rows, and those that choose relationships first: ALL of a table frees the table as
        // it is expanded inside, so that a total over all its rows is one. Filter arguments, which were evaluated outside, are expanded
        // as it is there.
        let edges = context.edges(self.data);
        for modifier in &modifiers {
            match modifier {
                Modifier::Remove { of, kept } => match self.freed(of, &edges)? {
                    Some(columns) => {
                        let kept = self.kept(kept, &edges)?;
                        context.remove(&|c| columns.contains(&c) && !kept.contains(&c));
                    }
                    None => context.filters.clear(),
                },
                Modifier::Selected(of) => {
                    let columns = self.freed(of, &edges)?;
                    self.restore(&mut context, columns.as_deref());
                }
                _ => {}
            }
        }
        // A filter on a calculation group makes its item apply anew.
        for one in &given {
            let touched = |table: &usize| one.filter.columns.iter().any(|c| c.0 == *table);
            context.applied.retain(|table| !touched(table));
        }
        for one in given.iter().filter(|one| !one.keep) {
            context.remove(&|c| one.replaces.contains(&c));
        }
        context
            .filters
            .extend(given.into_iter().map(|one| Rc::new(one.filter)));
        Ok(context)
    }

    /// Every current row becomes a filter on all its columns: of a model's table, on all columns of the expanded table.
    pub fn transition(&self, place: &Place) -> Result<Context> {
        let mut context = (*place.context).clone();
        for row in &place.rows {
            let Some(filter) = self.filter_of_row(row, &context) else {
                continue;
            };
            context.remove(&|c| filter.columns.contains(&c));
            context.filters.push(Rc::new(filter));
        }
        Ok(context)
    }

    fn filter_of_row(&self, row: &Row, context: &Context) -> Option<Filter> {
        let (mut columns, mut tuple) = (Vec::new(), Vec::new());
        if let Some((table, at)) = row.base {
            let context = row.under.as_deref().unwrap_or(context);
            for (target, path) in self.data.expanded(table, &context.edges(self.data)) {
                let there = self.data.follow(at, &path);
                for col in self.data.columns_of(target) {
                    columns.push(col);
                    tuple.push(self.data.value(col, there).key());
                }
            }
        } else {
            for (field, value) in row.fields.iter().zip(&row.values) {
                if let Some(col) = field.lineage.filter(|col| !columns.contains(col)) {
                    columns.push(col);
                    tuple.push(value.key());
                }
            }
        }
        (!columns.is_empty()).then(|| Filter {
            columns,
            tuples: HashSet::from([tuple]),
        })
    }

    fn modifier<'e>(&self, filter: &'e Expr) -> Result<Option<Modifier<'e>>> {
        let ExprKind::Call { name, args } = &filter.kind else {
            return Ok(None);
        };
        check_arguments(&name.text.to_uppercase(), args)?;
        Ok(Some(match name.text.to_uppercase().as_str() {
            "ALL" | "REMOVEFILTERS" | "ALLNOBLANKROW" => Modifier::Remove {
                of: args,
                kept: &[],
            },
            "ALLEXCEPT" => Modifier::Remove {
                of: &args[..1],
                kept: &args[1..],
            },
            "ALLSELECTED" => Modifier::Selected(args),
            "USERELATIONSHIP" => Modifier::Use(self.link(args)?),
            "CROSSFILTER" => {
                let ExprKind::Identifier { name, .. } = &args[2].kind else {
                    return unknown(filter);
                };
                let direction = match name.text.to_uppercase().as_str() {
                    "NONE" => Direction::None,
                    "ONEWAY" => Direction::OneWay,
                    "BOTH" => Direction::Both,
                    other => return unknown(other),
                };
                Modifier::Cross(self.link(&args[..2])?, direction)
            }
            _ => return Ok(None),
        }))
    }

    fn link(&self, args: &[Expr]) -> Result<usize> {
        let (a, b) = (self.column(&args[0])?, self.column(&args[1])?);
        let found = self
            .data
            .links
            .iter()
            .position(|l| (l.from, l.to) == (a, b) || (l.from, l.to) == (b, a));
        found.map_or_else(|| error("there is no such relationship"), Ok)
    }

    /// The columns that ALLEXCEPT keeps: of a table, all that it expands to.
    fn kept(&self, args: &[Expr], edges: &[Edge]) -> Result<Vec<Col>> {
        let mut kept = Vec::new();
        for argument in args {
            match argument.kind {
                ExprKind::Identifier { .. } => {
                    let whole = self.freed(std::slice::from_ref(argument), edges)?;
                    kept.extend(whole.unwrap_or_default());
                }
                _ => kept.push(self.column(argument)?),
            }
        }
        Ok(kept)
    }

    /// The columns that ALL and its kin free: of a table, those of the table as it is expanded over these relationships. None: everything.
    pub fn freed(&self, args: &[Expr], edges: &[Edge]) -> Result<Option<Vec<Col>>> {
        match args {
            [] => Ok(None),
            [
                Expr {
                    kind: ExprKind::Identifier { name, .. },
                    ..
                },
            ] => match self.data.table(&name.text) {
                Some(table) => Ok(Some(self.data.expanded_columns(table, edges))),
                None => error(format!("there is no table {}", name.text)),
            },
            columns => columns
                .iter()
                .map(|c| self.column(c))
                .collect::<Result<Vec<Col>>>()
                .map(Some),
        }
    }

    /// ALLSELECTED: each column gets the values that the innermost iteration over it goes through, or else the filters that it had
    /// around the grouping; what neither concerns stays. Says whether there is a grouping.
    pub fn restore(&self, context: &mut Context, columns: Option<&[Col]>) -> bool {
        let free = |c: Col| columns.is_none_or(|columns| columns.contains(&c));
        let mut restored: Vec<Col> = Vec::new();
        let mut filters: Vec<Rc<Filter>> = Vec::new();
        let mut next = context.shadow.clone();
        while let Some(shadow) = next {
            let left = |c: Col| free(c) && !restored.contains(&c);
            let Some(rows) = &shadow.rows else {
                context.remove(&free);
                let outer = shadow.outer.filters.iter();
                context
                    .filters
                    .extend(outer.filter_map(|f| f.without(&|c| !left(c)).map(Rc::new)));
                context.filters.extend(filters);
                return true;
            };
            let found = rows.without(&|c| !left(c));
            if let Some(found) = found {
                restored.extend(found.columns.iter().copied());
                filters.push(Rc::new(found));
            }
            next = shadow.outer.shadow.clone();
        }
        context.remove(&|c| restored.contains(&c));
        context.filters.extend(filters);
        false
    }

    /// The place of the rows of a table that is gone through.
    pub fn iterating(&self, table: &Table, place: &Place) -> Place {
        let rows = self.filter_of(table, &place.context);
        if rows.columns.is_empty() {
            return place.clone();
        }
        let mut context = (*place.context).clone();
        context.shadow = Some(Rc::new(Shadow {
            outer: (*place.context).clone(),
            rows: Some(rows),
        }));
        Place {
            context: Rc::new(context),
            ..place.clone()
        }
    }

    fn filter_argument(&self, expr: &Expr, keep: bool, place: &Place) -> Result<Given> {
        if let ExprKind::Call { name, args } = &expr.kind
            && name.text.eq_ignore_ascii_case("KEEPFILTERS")
        {
            check_arguments("KEEPFILTERS", args)?;
            return self.filter_argument(&args[0], true, place);
        }
        if self.is_table(expr, place) {
            let table = self.table(expr, place)?;
            let filter = self.filter_of(&table, &place.context);
            let replaces = if table.base.is_none() {
                self.with_date_table(&filter.columns)
            } else {
                filter.columns.clone()
            };
            return Ok(Given {
                filter,
                replaces,
                keep,
            });
        }
        let mut columns = Vec::new();
        self.predicate_columns(expr, &mut columns);
        if columns.is_empty() || columns.iter().any(|c| c.0 != columns[0].0) {
            return error("a condition speaks of columns of one table");
        }
        let filter = self.predicate(&columns, expr, place)?;
        let replaces = self.with_date_table(&columns);
        Ok(Given {
            filter,
            replaces,
            keep,
        })
    }

    /// A table as a filter: all its columns that the model knows, and of a model's table the expanded table.
    pub fn filter_of(&self, table: &Table, context: &Context) -> Filter {
        if let Some(base) = table.base {
            let context = table.under.as_deref().unwrap_or(context);
            let paths = self.data.expanded(base, &context.edges(self.data));
            let columns: Vec<Col> = paths
                .keys()
                .flat_map(|&t| self.data.columns_of(t))
                .collect();
            let tuple = |&at: &usize| {
                columns
                    .iter()
                    .map(|col| {
                        self.data
                            .value(*col, self.data.follow(at, &paths[&col.0]))
                            .key()
                    })
                    .collect()
            };
            return Filter {
                tuples: table.at.iter().map(tuple).collect(),
                columns,
            };
        }
        let mut places: Vec<(usize, Col)> = Vec::new();
        for (index, field) in table.fields.iter().enumerate() {
            if let Some(col) = field
                .lineage
                .filter(|col| !places.iter().any(|(_, c)| c == col))
            {
                places.push((index, col));
            }
        }
        let tuples = table.rows.iter().map(|row| {
            places
                .iter()
                .map(|(index, _)| row[*index].key())
                .collect::<Vec<Key>>()
        });
        Filter {
            tuples: tuples.collect(),
            columns: places.iter().map(|(_, col)| *col).collect(),
        }
    }

    /// `T[c] = 1` is FILTER(ALL(T[c]), T[c] = 1), evaluated outside.
    fn predicate(&self, columns: &[Col], condition: &Expr, place: &Place) -> Result<Filter> {
        let free = Context {
            activated: place.context.activated.clone(),
            directions: place.context.directions.clone(),
            ..Context::default()
        };
        let fields = Rc::new(
            columns
                .iter()
                .map(|c| self.field(*c))
                .collect::<Vec<Field>>(),
        );
        let mut tuples = HashSet::new();
        for values in self.data.tuples(columns, &free, true) {
            let row = Row {
                fields: Rc::clone(&fields),
                values: values.clone(),
                base: None,
                under: None,
            };
            if self.scalar(condition, &place.with_row(row))?.truth()? {
                tuples.insert(values.iter().map(Value::key).collect());
            }
        }
        Ok(Filter {
            columns: columns.to_vec(),
            tuples,
        })
    }

    pub fn field(&self, col: Col) -> Field {
        let table = &self.data.model.tables[col.0];
        Field {
            table: Some(table.name.clone()),
            name: table.columns[col.1].name.clone(),
            lineage: Some(col),
            data_type: Some(table.columns[col.1].data_type),
        }
    }

    /// A filter on a date that identifies the rows of a date table, or that a relationship leads to, frees that table.
    fn with_date_table(&self, columns: &[Col]) -> Vec<Col> {
        let mut all = columns.to_vec();
        // A filter on several columns is what it says.
        if let [col] = columns {
            let table = &self.data.model.tables[col.0];
            let column = &table.columns[col.1];
            let marked = table.data_category.as_deref() == Some("Time") && column.key;
            let led_to = self.data.links.iter().any(|l| l.to == *col && !l.limited);
            if column.data_type == DataType::DateTime && (marked || led_to) {
                all.extend(self.data.columns_of(col.0));
            }
        }
        all
    }

    /// The columns that stand in a condition by themselves, not inside aggregates or tables.
    fn predicate_columns(&self, expr: &Expr, out: &mut Vec<Col>) {
        match &expr.kind {
            ExprKind::Qualified { table, column } => {
                if let Some(col) = self
                    .data
                    .column(&table.text, &column.text)
                    .filter(|col| !out.contains(col))
                {
                    out.push(col);
                }
            }
            ExprKind::Unary { operand, .. } => self.predicate_columns(operand, out),
            ExprKind::Binary { op, left, right } => {
                self.predicate_columns(left, out);
                if *op != BinaryOp::In {
                    self.predicate_columns(right, out);
                }
            }
            ExprKind::Row(parts) => parts
                .iter()
                .for_each(|part| self.predicate_columns(part, out)),
            ExprKind::Call { name, args }
                if ["IF", "AND", "OR", "ISBLANK", "COALESCE", "NOT"]
                    .contains(&name.text.to_uppercase().as_str()) =>
            {
                args.iter()
                    .for_each(|part| self.predicate_columns(part, out));
            }
            _ => {}
        }
    }
}

//! Binding of SUMMARIZE, SUMMARIZECOLUMNS and GROUPBY.

use std::rc::Rc;

use dax::{Expr, ExprKind, Span};
use security::Column;

use super::{Binder, Bound};
use crate::bound::{
    Field, FilterArgument, NamedColumn, Rollup, RollupSet, Schema, Summarize, SummarizeColumn,
    SummarizeColumns, TableExpr, TableKind,
};
use crate::error::ErrorKind;
use crate::value::DataType;

/// A call by name, without case.
fn call<'e>(expr: &'e Expr, wanted: &str) -> Option<&'e [Expr]> {
    match &expr.kind {
        ExprKind::Call { name, args } if name.text.eq_ignore_ascii_case(wanted) => Some(args),
        _ => None,
    }
}

/// Whether this is one of the iterators that GROUPBY takes, over the rows of the group.
fn aggregates_current_group(expr: &Expr) -> bool {
    const ITERATORS: &[&str] = &[
        "AVERAGEX", "COUNTAX", "COUNTX", "GEOMEANX", "MAXX", "MINX", "PRODUCTX", "STDEVX.P",
        "STDEVX.S", "SUMX", "VARX.P", "VARX.S",
    ];
    let rows = ITERATORS
        .iter()
        .find_map(|name| call(expr, name))
        .and_then(|arguments| arguments.first());
    rows.is_some_and(|rows| call(rows, "CURRENTGROUP").is_some())
}

fn is_column(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Qualified { .. } | ExprKind::Bracket(_) | ExprKind::Variation { .. }
    )
}

impl<'a> Binder<'a> {
    pub fn summarize(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let table = self.bind_table(&args[0])?;
        let (mut groups, mut fields, mut rollup) = (Vec::new(), Vec::new(), Vec::new());
        let mut rest = &args[1..];
        while let [first, after @ ..] = rest {
            if is_column(first) {
                let (group, field) = self.group_column(&table, first)?;
                groups.push(group);
                fields.push(field);
            } else if let Some(columns) = call(first, "ROLLUP") {
                for column in columns {
                    let set = call(column, "ROLLUPGROUP").unwrap_or(std::slice::from_ref(column));
                    let mut places = Vec::new();
                    for column in set {
                        let (group, field) = self.group_column(&table, column)?;
                        places.push(groups.len());
                        groups.push(group);
                        fields.push(field);
                    }
                    rollup.push(places);
                }
            } else {
                break;
            }
            rest = after;
        }
        let frame = self.fresh();
        let group_schema = Rc::new(Schema {
            fields: fields.clone(),
            base: None,
        });
        self.whole_schema(&group_schema, span)?;
        let columns = self.with_rows(frame, Rc::clone(&group_schema), |b| {
            b.each_named(rest, |b, text, expr| {
                if let Some([column]) = call(expr, "ISSUBTOTAL") {
                    let place = b.field_index(&group_schema, column)?;
                    let field = Field::extension(text, DataType::Boolean);
                    return Ok((field, SummarizeColumn::IsSubtotal(place)));
                }
                let scalar = b.bind_scalar(expr)?;
                let field = b.field_for(Some(text), &scalar, u32::MAX, &group_schema);
                Ok((field, SummarizeColumn::Expression(scalar)))
            })
        })?;
        let (added, columns): (Vec<Field>, Vec<SummarizeColumn>) = columns.into_iter().unzip();
        fields.extend(added);
        let schema = self.distinct_names(fields, span)?;
        let summarize = Summarize {
            table,
            groups,
            rollup,
            frame,
            columns,
        };
        Ok(self.table_expr(TableKind::Summarize(Box::new(summarize)), schema, span))
    }

    pub fn summarize_columns(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let mut parts = Parts::default();
        let mut rest = args;
        while let [first, after @ ..] = rest {
            if matches!(first.kind, ExprKind::Text(_)) {
                break;
            }
            if is_column(first) {
                parts.groups.push(self.column_argument(first)?);
            } else if let Some(inner) = call(first, "ROLLUPADDISSUBTOTAL") {
                self.rollup_flags(inner, first.span, &mut parts)?;
            } else if let Some(inner) = call(first, "ROLLUPGROUP").or_else(|| call(first, "ROLLUP"))
            {
                for column in inner {
                    parts.groups.push(self.column_argument(column)?);
                }
            } else if let Some([inner]) = call(first, "NONVISUAL") {
                parts.group_filters.push(self.table_filter(inner)?);
            } else {
                parts.filters.push(self.table_filter(first)?);
            }
            rest = after;
        }
        let sizes = parts.rollups.iter().map(|set| set.levels.len());
        self.check_grouping_sets(sizes, span)?;
        self.whole_keys(&parts.groups, span)?;
        let frame = self.fresh();
        let columns = self.named_columns(rest)?;
        let fields = self.summarized_fields(&parts, &columns);
        let schema = self.distinct_names(fields, span)?;
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        let summarize = SummarizeColumns {
            groups: parts.groups,
            rollups: parts.rollups,
            filters: parts.filters,
            group_filters: parts.group_filters,
            columns,
            frame,
        };
        Ok(self.table_expr(
            TableKind::SummarizeColumns(Box::new(summarize)),
            schema,
            span,
        ))
    }

    /// Every level of one rollup goes with every level of all others: each rollup more multiplies the work. `sizes` are their levels.
    pub(super) fn check_grouping_sets(
        &self,
        sizes: impl Iterator<Item = usize>,
        span: Span,
    ) -> Bound<()> {
        let sets = sizes.map(|levels| levels.saturating_add(1));
        if sets.fold(1, usize::saturating_mul) > MAX_GROUPING_SETS {
            let message =
                format!("the rollups have more than {MAX_GROUPING_SETS} combinations of levels");
            return self.error(ErrorKind::Limit, span, message);
        }
        Ok(())
    }

    /// A filter of SUMMARIZECOLUMNS is a table; a bare condition is not DAX there.
    fn table_filter(&mut self, expr: &Expr) -> Bound<FilterArgument> {
        let filter = self.filter_argument(expr, false)?;
        match filter {
            FilterArgument::Table { .. } => Ok(filter),
            // ALL and its kin are tables here, and a filter of all values filters nothing.
            FilterArgument::Remove(_) | FilterArgument::AllSelected(_) => {
                let table = self.bind_table(expr)?;
                Ok(FilterArgument::Table { table, keep: false })
            }
            _ => self.error(
                ErrorKind::Argument,
                expr.span,
                "a filter of SUMMARIZECOLUMNS is a table, such as TREATAS or FILTER gives",
            ),
        }
    }

    /// ROLLUPADDISSUBTOTAL ( [filter,] column or ROLLUPGROUP, "flag" [, filter], ... ).
    fn rollup_flags(&mut self, args: &[Expr], span: Span, parts: &mut Parts) -> Bound<()> {
        let is_group = |e: &Expr| is_column(e) || call(e, "ROLLUPGROUP").is_some();
        let mut set = RollupSet::default();
        let mut flags = Vec::new();
        let mut rest = args;
        while let [first, after @ ..] = rest {
            if !is_group(first) {
                let choosing = call(first, "NONVISUAL");
                let filter = match choosing {
                    Some([inner]) => self.table_filter(inner)?,
                    _ => self.table_filter(first)?,
                };
                let filters = match (set.levels.last_mut(), choosing.is_some()) {
                    (Some(level), true) => &mut level.group_filters,
                    (Some(level), false) => &mut level.filters,
                    (None, true) => &mut set.total_group_filters,
                    (None, false) => &mut set.total_filters,
                };
                filters.push(filter);
                rest = after;
                continue;
            }
            let columns = call(first, "ROLLUPGROUP").unwrap_or(std::slice::from_ref(first));
            let [flag, after @ ..] = after else {
                return self.error(ErrorKind::Argument, span, FLAG_WANTED);
            };
            let ExprKind::Text(flag) = &flag.kind else {
                return self.error(ErrorKind::Argument, flag.span, FLAG_WANTED);
            };
            let mut groups = Vec::new();
            for column in columns {
                groups.push(parts.groups.len());
                parts.groups.push(self.column_argument(column)?);
            }
            set.levels.push(Rollup {
                groups,
                filters: Vec::new(),
                group_filters: Vec::new(),
            });
            flags.push(flag.clone());
            rest = after;
        }
        parts.rollups.push(set);
        parts.flags.push(flags);
        Ok(())
    }

    fn named_columns(&mut self, args: &[Expr]) -> Bound<Vec<(Field, NamedColumn)>> {
        self.each_named(args, |b, text, expr| {
            let (inner, ignore) = match call(expr, "IGNORE") {
                Some([inner]) => (inner, true),
                _ => (expr, false),
            };
            let inner = match call(inner, "NONVISUAL") {
                Some([inner]) => inner,
                _ => inner,
            };
            let expr = b.without_rows(|b| b.bind_scalar(inner))?;
            let field = b.field_for(Some(text), &expr, u32::MAX, &Schema::default());
            Ok((field, NamedColumn { expr, ignore }))
        })
    }

    /// Names, as text, each with its expression.
    fn each_named<T>(
        &mut self,
        args: &[Expr],
        mut bind: impl FnMut(&mut Self, &str, &Expr) -> Bound<T>,
    ) -> Bound<Vec<T>> {
        let mut bound = Vec::new();
        let mut rest = args;
        while let [name, expr, after @ ..] = rest {
            let ExprKind::Text(text) = &name.kind else {
                return self.error(
                    ErrorKind::Argument,
                    name.span,
                    "the name of the new column, as text, is expected here",
                );
            };
            bound.push(bind(self, text, expr)?);
            rest = after;
        }
        match rest {
            [] => Ok(bound),
            [left, ..] => self.error(
                ErrorKind::Argument,
                left.span,
                "a name stands here without its expression",
            ),
        }
    }

    /// Group columns, the flags behind the last column of their ROLLUPADDISSUBTOTAL, then the expressions.
    fn summarized_fields(&self, parts: &Parts, columns: &[(Field, NamedColumn)]) -> Vec<Field> {
        let mut fields = Vec::new();
        for (place, column) in parts.groups.iter().enumerate() {
            fields.push(super::field_of(self.scope, *column));
            for (set, flags) in parts.rollups.iter().zip(&parts.flags) {
                if set.last_group() == Some(place) {
                    let flags = flags.iter();
                    fields.extend(flags.map(|flag| Field::extension(flag, DataType::Boolean)));
                }
            }
        }
        fields.extend(columns.iter().map(|(field, _)| field.clone()));
        fields
    }

    pub fn group_by(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let table = self.bind_table(&args[0])?;
        let (mut groups, mut fields) = (Vec::new(), Vec::new());
        let mut rest = &args[1..];
        while let [first, after @ ..] = rest {
            if !is_column(first) {
                break;
            }
            let (group, field) = self.group_column(&table, first)?;
            groups.push(group);
            fields.push(field);
            rest = after;
        }
        let frame = self.fresh();
        let group_schema = Rc::new(Schema {
            fields: fields.clone(),
            base: None,
        });
        self.current_group.push((
            frame,
            Rc::new(Schema {
                ..(*table.schema).clone()
            }),
        ));
        let bound = self.with_rows(frame, Rc::clone(&group_schema), |b| {
            b.each_named(rest, |b, text, expr| {
                if !aggregates_current_group(expr) {
                    return b.error(
                        ErrorKind::Argument,
                        expr.span,
                        "a new column of GROUPBY is an aggregate over the group, such as SUMX ( CURRENTGROUP (), ... )",
                    );
                }
                let scalar = b.bind_scalar(expr)?;
                // The group is no filter, so what a measure would be evaluated over is not what stands there.
                if scalar.changes_context() {
                    return b.error(
                        ErrorKind::Argument,
                        expr.span,
                        "an aggregate of GROUPBY reads columns of the group; it may not refer to measures, nor use CALCULATE",
                    );
                }
                Ok((Field::extension(text, scalar.data_type), scalar))
            })
        });
        self.current_group.pop();
        let (added, columns): (Vec<Field>, Vec<_>) = bound?.into_iter().unzip();
        fields.extend(added);
        let schema = self.distinct_names(fields, span)?;
        let kind = TableKind::GroupBy {
            table: Box::new(table),
            groups,
            frame,
            columns,
        };
        Ok(self.table_expr(kind, schema, span))
    }
}

/// How many combinations of levels the rollups of one table may have. Visuals have two rollups of a few levels.
const MAX_GROUPING_SETS: usize = 4_096;

const FLAG_WANTED: &str =
    "ROLLUPADDISSUBTOTAL needs the name of a flag, as text, behind each column";

/// What the arguments of SUMMARIZECOLUMNS say.
#[derive(Default)]
struct Parts {
    groups: Vec<Column>,
    rollups: Vec<RollupSet>,
    flags: Vec<Vec<String>>,
    filters: Vec<FilterArgument>,
    group_filters: Vec<FilterArgument>,
}

impl RollupSet {
    /// The group behind which the flags of the set stand.
    pub fn last_group(&self) -> Option<usize> {
        self.levels
            .last()
            .and_then(|level| level.groups.last())
            .copied()
    }
}

//! ADDMISSINGITEMS: the rows of a summary, and rows for the combinations of groups that it lacks. It is put together from other
//! tables: the combinations, without those that are there, widened with BLANK.

use std::rc::Rc;

use dax::{BinaryOp, Expr, ExprKind, Span};
use security::Column;

use super::{Binder, Bound};
use crate::bound::{
    Field, FilterArgument, Scalar, ScalarKind, Schema, TableExpr, TableKind, VarId, Variable,
    VariableBody,
};
use crate::error::ErrorKind;
use crate::value::{DataType, Value};

/// A grouping column of the summary.
#[derive(Clone, Copy)]
struct Group {
    column: Column,
    /// Its field in the summary.
    field: usize,
    rollup: Option<RolledUp>,
}

#[derive(Clone, Copy)]
struct RolledUp {
    /// The field that tells where the group is rolled up.
    flag: usize,
    /// The ROLLUPISSUBTOTAL that it stands in, and its rank there.
    rollup: usize,
    rank: usize,
}

#[derive(Default)]
struct Groups {
    columns: Vec<Group>,
    filters: Vec<FilterArgument>,
    /// Of each ROLLUPISSUBTOTAL, how many levels it has.
    rollups: Vec<usize>,
}

fn is_column(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Qualified { .. } | ExprKind::Bracket(_) | ExprKind::Variation { .. }
    )
}

fn call<'e>(expr: &'e Expr, wanted: &str) -> Option<&'e [Expr]> {
    match &expr.kind {
        ExprKind::Call { name, args } if name.text.eq_ignore_ascii_case(wanted) => Some(args),
        _ => None,
    }
}

/// How many levels of each rollup are shown, in every combination.
fn combinations(rollups: &[usize]) -> Vec<Vec<usize>> {
    let mut found = vec![Vec::new()];
    for levels in rollups {
        found = found
            .iter()
            .flat_map(|before: &Vec<usize>| {
                (0..=*levels).rev().map(move |shown| {
                    let mut longer = before.clone();
                    longer.push(shown);
                    longer
                })
            })
            .collect();
    }
    found
}

impl<'a> Binder<'a> {
    pub fn add_missing_items(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let Some(at) = args.iter().position(|a| !is_column(a)) else {
            return self.error(ErrorKind::Argument, span, "ADDMISSINGITEMS needs a table");
        };
        let shown = args[..at]
            .iter()
            .map(|a| self.column_argument(a))
            .collect::<Bound<Vec<Column>>>()?;
        let summary = self.bind_table(&args[at])?;
        let schema = Rc::clone(&summary.schema);
        let mut groups = Groups::default();
        self.missing_groups(&args[at + 1..], &schema, &mut groups, span)?;
        if groups.columns.is_empty() {
            return Ok(summary);
        }
        let id = self.fresh();
        let variable = Variable {
            id,
            name: String::new(),
            body: VariableBody::Table(summary),
        };
        let mut parts = vec![self.table_expr(TableKind::Variable(id), Rc::clone(&schema), span)];
        self.check_grouping_sets(groups.rollups.iter().copied(), span)?;
        for shown_levels in combinations(&groups.rollups) {
            let left = groups.columns.iter().filter(|g| {
                g.rollup.is_none_or(|of| {
                    let shown = shown_levels.get(of.rollup);
                    shown.is_some_and(|shown| of.rank < *shown)
                })
            });
            let left: Vec<Group> = left.copied().collect();
            // The grand total is there, or the summary is empty.
            if !left.is_empty() {
                parts.push(self.missing_level(id, &schema, &groups, &left, &shown, span));
            }
        }
        let union = self.table_expr(TableKind::Union(parts), Rc::clone(&schema), span);
        let kind = TableKind::Let {
            variables: Rc::new(vec![variable]),
            body: Box::new(union),
        };
        Ok(self.table_expr(kind, schema, span))
    }

    /// Columns, ROLLUPGROUP, ROLLUPISSUBTOTAL, and filter tables.
    fn missing_groups(
        &mut self,
        args: &[Expr],
        schema: &Schema,
        groups: &mut Groups,
        span: Span,
    ) -> Bound<()> {
        for argument in args {
            if is_column(argument) {
                let group = self.missing_group(argument, schema, None)?;
                groups.columns.push(group);
            } else if let Some(columns) = call(argument, "ROLLUPGROUP") {
                for column in columns {
                    let group = self.missing_group(column, schema, None)?;
                    groups.columns.push(group);
                }
            } else if let Some(inner) = call(argument, "ROLLUPISSUBTOTAL") {
                self.function("ROLLUPISSUBTOTAL", inner, argument)?;
                self.rolled_groups(inner, schema, groups, span)?;
            } else {
                let filter = self.filter_argument(argument, false)?;
                groups.filters.push(filter);
            }
        }
        Ok(())
    }

    /// ROLLUPISSUBTOTAL ( [filter,] column or ROLLUPGROUP, flag, [filter,] ... ).
    fn rolled_groups(
        &mut self,
        args: &[Expr],
        schema: &Schema,
        groups: &mut Groups,
        span: Span,
    ) -> Bound<()> {
        let (rollup, mut rank) = (groups.rollups.len(), 0);
        let mut rest = args;
        while let [first, after @ ..] = rest {
            let columns: &[Expr] = match call(first, "ROLLUPGROUP") {
                Some(inner) => inner,
                None if is_column(first) => std::slice::from_ref(first),
                None => {
                    let filter = self.filter_argument(first, false)?;
                    groups.filters.push(filter);
                    rest = after;
                    continue;
                }
            };
            let [flag, after @ ..] = after else {
                return self.error(
                    ErrorKind::Argument,
                    span,
                    "ROLLUPISSUBTOTAL needs the subtotal column behind each grouping column",
                );
            };
            let flag = self.field_index(schema, flag)?;
            if schema.fields.get(flag).map(|f| f.data_type) != Some(DataType::Boolean) {
                return self.error(
                    ErrorKind::Argument,
                    span,
                    "the second of each pair in ROLLUPISSUBTOTAL is a column that tells subtotals",
                );
            }
            for column in columns {
                let rolled_up = RolledUp { flag, rollup, rank };
                let group = self.missing_group(column, schema, Some(rolled_up))?;
                groups.columns.push(group);
            }
            rank += 1;
            rest = after;
        }
        groups.rollups.push(rank);
        Ok(())
    }

    fn missing_group(
        &mut self,
        expr: &Expr,
        schema: &Schema,
        rollup: Option<RolledUp>,
    ) -> Bound<Group> {
        let column = self.column_argument(expr)?;
        let place = schema.fields.iter().position(|f| f.lineage == Some(column));
        match place {
            Some(field) => Ok(Group {
                column,
                field,
                rollup,
            }),
            None => self.error(
                ErrorKind::Argument,
                expr.span,
                "ADDMISSINGITEMS takes columns that its table groups by",
            ),
        }
    }

    /// The rows that one level of subtotals lacks. `left` are the groups that are not rolled up there.
    fn missing_level(
        &mut self,
        id: VarId,
        schema: &Rc<Schema>,
        groups: &Groups,
        left: &[Group],
        shown: &[Column],
        span: Span,
    ) -> TableExpr {
        let is_left = |group: &Group| left.iter().any(|l| l.field == group.field);
        let flags: Vec<(usize, bool)> = groups
            .columns
            .iter()
            .filter_map(|g| Some((g.rollup?.flag, !is_left(g))))
            .collect();
        let there = self.rows_at_level(id, schema, &flags, span);
        let present = self.projected(there.clone(), left, span);
        let every = |group: &Group| shown.is_empty() || shown.contains(&group.column);
        let (all, some): (Vec<Group>, Vec<Group>) = left.iter().copied().partition(every);
        let mut parts: Vec<TableExpr> = Vec::new();
        let mut tables = Vec::new();
        for group in &all {
            if !tables.contains(&group.column.table()) {
                tables.push(group.column.table());
            }
        }
        for table in tables {
            let columns: Vec<Column> = all
                .iter()
                .map(|g| g.column)
                .filter(|c| c.table() == table)
                .collect();
            let schema = self.schema_of_columns(&columns);
            let kind = TableKind::Values {
                columns,
                blank_row: true,
            };
            parts.push(self.table_expr(kind, schema, span));
        }
        if !some.is_empty() {
            let known = self.projected(there, &some, span);
            let schema = Rc::clone(&known.schema);
            parts.push(self.table_expr(TableKind::Distinct(Box::new(known)), schema, span));
        }
        let fields: Vec<Field> = parts.iter().flat_map(|p| p.schema.fields.clone()).collect();
        let crossed = Rc::new(Schema { fields, base: None });
        let mut combinations =
            self.table_expr(TableKind::CrossJoin(parts), Rc::clone(&crossed), span);
        if !groups.filters.is_empty() {
            let kind = TableKind::Calculate {
                table: Rc::new(combinations),
                filters: Rc::new(groups.filters.clone()),
            };
            combinations = self.table_expr(kind, crossed, span);
        }
        let combinations = self.projected_by_lineage(combinations, left, span);
        let lacking = Rc::clone(&combinations.schema);
        let missing = self.table_expr(
            TableKind::Except(Box::new(combinations), Box::new(present)),
            lacking,
            span,
        );
        self.widened(missing, schema, left, &flags, span)
    }

    /// The summary's rows whose flags are these.
    fn rows_at_level(
        &mut self,
        id: VarId,
        schema: &Rc<Schema>,
        flags: &[(usize, bool)],
        span: Span,
    ) -> TableExpr {
        let rows = self.table_expr(TableKind::Variable(id), Rc::clone(schema), span);
        let frame = self.fresh();
        let mut condition: Option<Scalar> = None;
        for (index, wanted) in flags {
            let field = ScalarKind::Field {
                frame,
                index: *index,
            };
            let flag = self.scalar(field, DataType::Boolean, span);
            let value = ScalarKind::Constant(Value::Boolean(*wanted));
            let value = self.scalar(value, DataType::Boolean, span);
            let test = self.both(BinaryOp::Equal, flag, value, span);
            condition = Some(match condition {
                None => test,
                Some(before) => self.both(BinaryOp::And, before, test, span),
            });
        }
        match condition {
            None => rows,
            Some(condition) => {
                let kind = TableKind::Filter {
                    table: Box::new(rows),
                    frame,
                    condition: Box::new(condition),
                };
                self.table_expr(kind, Rc::clone(schema), span)
            }
        }
    }

    fn both(&self, op: BinaryOp, left: Scalar, right: Scalar, span: Span) -> Scalar {
        let kind = ScalarKind::Binary {
            op,
            left: Box::new(left),
            right: Box::new(right),
        };
        self.scalar(kind, DataType::Boolean, span)
    }

    /// The grouping columns of a table that has the summary's fields.
    fn projected(&mut self, table: TableExpr, groups: &[Group], span: Span) -> TableExpr {
        let places: Vec<usize> = groups.iter().map(|g| g.field).collect();
        self.picked(table, &places, span)
    }

    fn projected_by_lineage(
        &mut self,
        table: TableExpr,
        groups: &[Group],
        span: Span,
    ) -> TableExpr {
        let fields = &table.schema.fields;
        let place = |g: &Group| fields.iter().position(|f| f.lineage == Some(g.column));
        let places: Vec<usize> = groups.iter().filter_map(place).collect();
        self.picked(table, &places, span)
    }

    fn picked(&mut self, table: TableExpr, places: &[usize], span: Span) -> TableExpr {
        let frame = self.fresh();
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for &index in places {
            if let Some(field) = table.schema.fields.get(index) {
                fields.push(field.clone());
                let kind = ScalarKind::Field { frame, index };
                columns.push(self.scalar(kind, field.data_type, span));
            }
        }
        let kind = TableKind::SelectColumns {
            table: Box::new(table),
            frame,
            columns,
        };
        self.table_expr(kind, Rc::new(Schema { fields, base: None }), span)
    }

    /// The missing combinations with the summary's columns: flags tell the level, the rest is BLANK.
    fn widened(
        &mut self,
        missing: TableExpr,
        schema: &Rc<Schema>,
        left: &[Group],
        flags: &[(usize, bool)],
        span: Span,
    ) -> TableExpr {
        let frame = self.fresh();
        let columns = schema.fields.iter().enumerate().map(|(index, field)| {
            let kept = left.iter().position(|g| g.field == index);
            let flag = flags.iter().find(|(of, _)| *of == index);
            let kind = match (kept, flag) {
                (Some(index), _) => ScalarKind::Field { frame, index },
                (None, Some((_, value))) => ScalarKind::Constant(Value::Boolean(*value)),
                (None, None) => ScalarKind::Constant(Value::Blank),
            };
            self.scalar(kind, field.data_type, span)
        });
        let columns = columns.collect();
        let kind = TableKind::SelectColumns {
            table: Box::new(missing),
            frame,
            columns,
        };
        self.table_expr(kind, Rc::clone(schema), span)
    }
}

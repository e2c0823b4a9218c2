//! Binding of the window functions: their relation, order, partitions, and what finds the current row.

use std::rc::Rc;

use dax::{Expr, ExprKind, Span};

use super::names::word;
use super::{Binder, Bound};
use crate::bound::{
    Blanks, CurrentColumn, Field, GroupColumn, Scalar, ScalarKind, Schema, TableExpr, TableKind,
    Window, WindowEnd, WindowFunction, WindowOrder,
};
use crate::error::ErrorKind;
use crate::value::DataType;

/// What the arguments behind the first ones say.
#[derive(Default)]
struct Clauses<'e> {
    relation: Option<&'e Expr>,
    order: Option<&'e [Expr]>,
    blanks: Blanks,
    partition: &'e [Expr],
    matching: Option<&'e [Expr]>,
}

fn blanks_of(word: &str) -> Option<Blanks> {
    match word {
        // The reference of WINDOW says KEEP, those of OFFSET and INDEX say DEFAULT.
        "DEFAULT" | "KEEP" => Some(Blanks::Default),
        "FIRST" => Some(Blanks::First),
        "LAST" => Some(Blanks::Last),
        _ => None,
    }
}

impl<'a> Binder<'a> {
    /// OFFSET, INDEX and WINDOW give rows of the relation, with its columns and their lineage.
    pub fn window_table(&mut self, name: &str, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let window = self.window(name, args, span)?;
        let schema = Rc::clone(&window.table.schema);
        Ok(self.table_expr(TableKind::Window(Box::new(window)), schema, span))
    }

    /// RANK and ROWNUMBER.
    pub fn window_value(&mut self, name: &str, args: &[Expr], span: Span) -> Bound<Scalar> {
        let window = self.window(name, args, span)?;
        let kind = ScalarKind::WindowPlace(Box::new(window));
        Ok(self.scalar(kind, DataType::Integer, span))
    }

    fn window(&mut self, name: &str, args: &[Expr], span: Span) -> Bound<Window> {
        let mut rest = args;
        let function = match (name, args) {
            ("OFFSET" | "INDEX", [at, after @ ..]) => {
                rest = after;
                let at = self.bind_scalar(at)?;
                if name == "OFFSET" {
                    WindowFunction::Offset(at)
                } else {
                    WindowFunction::Index(at)
                }
            }
            ("WINDOW", _) => {
                let from = self.window_end(&mut rest, span)?;
                let to = self.window_end(&mut rest, span)?;
                WindowFunction::Range { from, to }
            }
            ("RANK", [ties, after @ ..]) => match word(ties).as_deref() {
                Some("DENSE") => {
                    rest = after;
                    WindowFunction::Rank { dense: true }
                }
                Some("SKIP") => {
                    rest = after;
                    WindowFunction::Rank { dense: false }
                }
                _ => WindowFunction::Rank { dense: false },
            },
            ("RANK", []) => WindowFunction::Rank { dense: false },
            _ => WindowFunction::RowNumber,
        };
        let clauses = self.clauses(name, rest, span)?;
        let table = self.window_relation(name, &clauses, span)?;
        let frame = self.fresh();
        let partition = self.window_columns(&table, frame, clauses.partition)?;
        let order = self.window_order(&clauses, &table, frame, &partition)?;
        let matching = match clauses.matching {
            Some(columns) => Some(self.window_columns(&table, frame, columns)?),
            None => None,
        };
        let together = match &matching {
            Some(columns) => columns.iter().chain(&partition).cloned().collect(),
            None => Vec::new(),
        };
        let mut window = Window {
            function,
            table,
            frame,
            order,
            partition,
            matching: together,
            current: Vec::new(),
        };
        window.current = self.current_columns(name, &window, matching, span)?;
        Ok(window)
    }

    fn window_end(&mut self, rest: &mut &[Expr], span: Span) -> Bound<WindowEnd> {
        let Some((at, after)) = rest.split_first() else {
            return self.error(
                ErrorKind::Argument,
                span,
                "WINDOW needs a first and a last position",
            );
        };
        let at = self.bind_scalar(at)?;
        *rest = after;
        let mut relative = true;
        if let Some((kind, after)) = rest.split_first() {
            match (word(kind).as_deref(), &kind.kind) {
                (Some("ABS"), _) => {
                    relative = false;
                    *rest = after;
                }
                (Some("REL"), _) | (_, ExprKind::Omitted) => *rest = after,
                _ => {}
            }
        }
        Ok(WindowEnd { at, relative })
    }

    fn clauses<'e>(&self, name: &str, args: &'e [Expr], span: Span) -> Bound<Clauses<'e>> {
        let mut clauses = Clauses::default();
        for (at, argument) in args.iter().enumerate() {
            let blanks = word(argument).as_deref().and_then(blanks_of);
            match &argument.kind {
                ExprKind::Omitted => {}
                ExprKind::Call { name, args } if name.text.eq_ignore_ascii_case("ORDERBY") => {
                    clauses.order = Some(args);
                }
                ExprKind::Call { name, args } if name.text.eq_ignore_ascii_case("PARTITIONBY") => {
                    clauses.partition = args;
                }
                ExprKind::Call { name, args } if name.text.eq_ignore_ascii_case("MATCHBY") => {
                    clauses.matching = Some(args);
                }
                _ if at == 0 && self.is_table(argument) => clauses.relation = Some(argument),
                _ if blanks.is_some() => clauses.blanks = blanks.unwrap_or_default(),
                _ if at == 0 => clauses.relation = Some(argument),
                _ => {
                    let message = format!(
                        "{name} takes a table, ORDERBY, DEFAULT, FIRST or LAST, PARTITIONBY and MATCHBY here; to reset is for visual calculations only"
                    );
                    return self.error(ErrorKind::Argument, argument.span, message);
                }
            }
        }
        if clauses.relation.is_none() && clauses.order.is_none() {
            let message = format!("{name} needs a table, or ORDERBY, or both");
            return self.error(ErrorKind::Argument, span, message);
        }
        Ok(clauses)
    }

    /// The table that is given; without one, all selected values of the columns that the clauses name.
    fn window_relation(
        &mut self,
        name: &str,
        clauses: &Clauses<'_>,
        span: Span,
    ) -> Bound<TableExpr> {
        if let Some(relation) = clauses.relation {
            return self.bind_table(relation);
        }
        let named = clauses
            .order
            .unwrap_or(&[])
            .iter()
            .filter(|e| order_word(e).is_none())
            .chain(clauses.partition);
        let mut columns: Vec<Expr> = Vec::new();
        for column in named {
            if !matches!(
                column.kind,
                ExprKind::Qualified { .. } | ExprKind::Variation { .. }
            ) {
                let message = format!(
                    "without a table, {name} takes columns of one table in ORDERBY and PARTITIONBY, each with its table"
                );
                return self.error(ErrorKind::Argument, column.span, message);
            }
            let handle = self.column_argument(column)?;
            let mut known = false;
            for other in &columns {
                known |= self.column_argument(other)? == handle;
            }
            if !known {
                columns.push(column.clone());
            }
        }
        if columns.is_empty() {
            let message = format!("without a table, {name} needs columns in ORDERBY");
            return self.error(ErrorKind::Argument, span, message);
        }
        self.all_selected(&columns, span)
    }

    /// Columns of the relation, or of a table that it is related to.
    fn window_columns(
        &mut self,
        table: &TableExpr,
        frame: u32,
        columns: &[Expr],
    ) -> Bound<Vec<Scalar>> {
        let mut out = Vec::with_capacity(columns.len());
        for column in columns {
            let column = match &column.kind {
                ExprKind::Call { name, args }
                    if name.text.eq_ignore_ascii_case("RELATED") && args.len() == 1 =>
                {
                    &args[0]
                }
                _ => column,
            };
            let (group, field) = self.group_column(table, column)?;
            let kind = match group {
                GroupColumn::Field(index) => ScalarKind::Field { frame, index },
                GroupColumn::Related(column) => ScalarKind::Related { frame, column },
            };
            out.push(self.scalar(kind, field.data_type, column.span));
        }
        Ok(out)
    }

    fn window_order(
        &mut self,
        clauses: &Clauses<'_>,
        table: &TableExpr,
        frame: u32,
        partition: &[Scalar],
    ) -> Bound<Vec<WindowOrder>> {
        let blanks = clauses.blanks;
        let Some(terms) = clauses.order else {
            // Without ORDERBY: every column that does not partition.
            let in_partition = |index: usize| {
                partition
                    .iter()
                    .any(|p| matches!(p.kind, ScalarKind::Field { index: of, .. } if of == index))
            };
            let fields = table.schema.fields.iter().enumerate();
            return Ok(fields
                .filter(|(index, _)| !in_partition(*index))
                .map(|(index, field)| WindowOrder {
                    expr: Scalar {
                        kind: ScalarKind::Field { frame, index },
                        data_type: field.data_type,
                        span: None,
                    },
                    descending: false,
                    blanks,
                })
                .collect());
        };
        self.with_rows(frame, Rc::clone(&table.schema), |b| {
            let mut order: Vec<WindowOrder> = Vec::new();
            for term in terms {
                match (order_word(term), order.last_mut()) {
                    (Some((descending, own)), Some(last)) => {
                        last.descending = descending;
                        last.blanks = own.unwrap_or(last.blanks);
                    }
                    (Some(_), None) => {
                        return b.error(
                            ErrorKind::Argument,
                            term.span,
                            "ORDERBY begins with an expression",
                        );
                    }
                    (None, _) if term.kind == ExprKind::Omitted => {}
                    (None, _) => order.push(WindowOrder {
                        expr: b.bind_scalar(term)?,
                        descending: false,
                        blanks,
                    }),
                }
            }
            Ok(order)
        })
    }

    /// The columns that find the current row, each with the row context outside that has it.
    fn current_columns(
        &self,
        name: &str,
        window: &Window,
        matching: Option<Vec<Scalar>>,
        span: Span,
    ) -> Bound<Vec<CurrentColumn>> {
        let schema = &window.table.schema;
        let by_partition = match &window.function {
            WindowFunction::Index(_) => true,
            WindowFunction::Range { from, to } => !from.relative && !to.relative,
            _ => false,
        };
        let plain_order = || {
            let field = |o: &WindowOrder| matches!(o.expr.kind, ScalarKind::Field { frame, .. } if frame == window.frame);
            window.order.iter().all(field)
        };
        let columns: Vec<Scalar> = match matching {
            Some(columns) => columns
                .into_iter()
                .chain(window.partition.clone())
                .collect(),
            None if by_partition => window.partition.clone(),
            None if matches!(window.function, WindowFunction::Rank { .. }) && plain_order() => {
                let order = window.order.iter().map(|o| o.expr.clone());
                order.chain(window.partition.clone()).collect()
            }
            None => {
                let fields = schema.fields.iter().enumerate();
                let all = fields.filter(|(_, field)| field.lineage.is_some());
                let columns: Vec<Scalar> = all
                    .map(|(index, field)| Scalar {
                        kind: ScalarKind::Field {
                            frame: window.frame,
                            index,
                        },
                        data_type: field.data_type,
                        span: None,
                    })
                    .collect();
                if columns.is_empty() {
                    let message = format!(
                        "{name} finds no current row: no column of its table is a column of the model"
                    );
                    return self.error(ErrorKind::Argument, span, message);
                }
                columns
            }
        };
        let mut current: Vec<CurrentColumn> = Vec::new();
        for of_row in columns {
            if let Some(column) = self.current_column(name, window, of_row, span)? {
                current.push(column);
            }
        }
        Ok(current)
    }

    /// None where nothing outside says what is current.
    fn current_column(
        &self,
        name: &str,
        window: &Window,
        of_row: Scalar,
        span: Span,
    ) -> Bound<Option<CurrentColumn>> {
        let field: Option<&Field> = match &of_row.kind {
            ScalarKind::Field { index, .. } => window.table.schema.fields.get(*index),
            _ => None,
        };
        let column = match (&of_row.kind, field) {
            (ScalarKind::Related { column, .. }, _) => match column.target {
                security::Target::Column(column) => Some(column),
                security::Target::Row(_) => None,
            },
            (_, field) => field.and_then(|f| f.lineage),
        };
        let same = |schema: &Schema| {
            schema.fields.iter().position(|f| match (column, field) {
                (Some(column), _) => f.lineage == Some(column),
                (None, Some(field)) => {
                    f.lineage.is_none() && model::same_name(&f.full_name(), &field.full_name())
                }
                (None, None) => false,
            })
        };
        let mut outer = None;
        for row in &self.rows {
            let Some(index) = same(&row.schema) else {
                continue;
            };
            if outer.is_some() {
                let message = format!(
                    "{name} finds several current rows: more than one row context outside has {}",
                    row.schema
                        .fields
                        .get(index)
                        .map(Field::full_name)
                        .unwrap_or_default()
                );
                return self.error(ErrorKind::Evaluation, span, message);
            }
            let data_type = of_row.data_type;
            let kind = ScalarKind::Field {
                frame: row.frame,
                index,
            };
            outer = Some(self.scalar(kind, data_type, span));
        }
        Ok(
            (outer.is_some() || column.is_some()).then_some(CurrentColumn {
                of_row,
                column,
                outer,
            }),
        )
    }
}

/// `DESC`, `ASC BLANKS LAST` and the like behind an expression of ORDERBY: descending, and where BLANK stands if that is said.
fn order_word(expr: &Expr) -> Option<(bool, Option<Blanks>)> {
    if let Some(descending) = super::aggregates::direction(expr) {
        return Some((descending, None));
    }
    let text = word(expr)?;
    let mut words = text.split_ascii_whitespace();
    let descending = match words.next()? {
        "ASC" => false,
        "DESC" => true,
        "BLANKS" => return Some((false, Some(blanks_of(words.next()?)?))),
        _ => return None,
    };
    match words.next() {
        Some("BLANKS") => Some((descending, Some(blanks_of(words.next()?)?))),
        _ => None,
    }
}

//! Binding of table expressions.

use std::rc::Rc;

use dax::{Expr, ExprKind, Span};

use super::{Binder, Bound, Named};
use crate::bound::{Field, GroupColumn, Removal, Scalar, Schema, TableExpr, TableKind};
use crate::error::ErrorKind;
use crate::value::DataType;

/// The functions that give tables.
pub fn is_table_function(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "ADDCOLUMNS",
        "ADDMISSINGITEMS",
        "ALL",
        "ALLEXCEPT",
        "ALLNOBLANKROW",
        "ALLSELECTED",
        "CALCULATETABLE",
        "CALENDAR",
        "CALENDARAUTO",
        "COLUMNSTATISTICS",
        "CROSSJOIN",
        "CURRENTGROUP",
        "DATATABLE",
        "DATEADD",
        "DATESBETWEEN",
        "DATESINPERIOD",
        "DATESMTD",
        "DATESQTD",
        "DATESWTD",
        "DATESYTD",
        "DETAILROWS",
        "DISTINCT",
        "ENDOFMONTH",
        "ENDOFQUARTER",
        "ENDOFWEEK",
        "ENDOFYEAR",
        "EXCEPT",
        "FILTER",
        "FILTERS",
        "FIRSTDATE",
        "FIRSTNONBLANK",
        "GENERATE",
        "GENERATEALL",
        "GENERATESERIES",
        "GROUPBY",
        "INDEX",
        "INTERSECT",
        "KEEPFILTERS",
        "LASTDATE",
        "LASTNONBLANK",
        "LINEST",
        "LINESTX",
        "NATURALINNERJOIN",
        "NATURALLEFTOUTERJOIN",
        "NEXTDAY",
        "NEXTMONTH",
        "NEXTQUARTER",
        "NEXTWEEK",
        "NEXTYEAR",
        "OFFSET",
        "PARALLELPERIOD",
        "PREVIOUSDAY",
        "PREVIOUSMONTH",
        "PREVIOUSQUARTER",
        "PREVIOUSWEEK",
        "PREVIOUSYEAR",
        "RELATEDTABLE",
        "ROW",
        "SAMEPERIODLASTYEAR",
        "SAMPLE",
        "SAMPLEAXISWITHLOCALMINMAX",
        "SAMPLECARTESIANPOINTSBYCOVER",
        "SELECTCOLUMNS",
        "STARTOFMONTH",
        "STARTOFQUARTER",
        "STARTOFWEEK",
        "STARTOFYEAR",
        "SUBSTITUTEWITHINDEX",
        "SUMMARIZE",
        "SUMMARIZECOLUMNS",
        "TABLEOF",
        "TOPN",
        "TOPNSKIP",
        "TREATAS",
        "UNION",
        "VALUES",
        "WINDOW",
    ];
    let name = name.to_ascii_uppercase();
    name.starts_with("INFO.") || NAMES.binary_search(&name.as_str()).is_ok()
}

impl<'a> Binder<'a> {
    pub fn bind_table(&mut self, expr: &Expr) -> Bound<TableExpr> {
        self.descend(|b| b.bind_table_kind(expr))
    }

    fn bind_table_kind(&mut self, expr: &Expr) -> Bound<TableExpr> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Identifier { name, quoted } => {
                if !quoted {
                    match self.variable(&name.text) {
                        Some(Named::Table(id, schema)) => {
                            return Ok(self.table_expr(TableKind::Variable(id), schema, span));
                        }
                        Some(Named::Scalar(..)) => {
                            return self.error(
                                ErrorKind::Type,
                                span,
                                format!(
                                    "the variable {} is a value, and a table is expected here",
                                    name.text
                                ),
                            );
                        }
                        None => {}
                    }
                } else if let Some(Named::Table(id, schema)) = self.variable(&name.text)
                    && self.scope.find_table(&name.text).is_none()
                {
                    return Ok(self.table_expr(TableKind::Variable(id), schema, span));
                }
                let table = self.model_table(name)?;
                self.refuse_in_error(security::Target::Row(table), span)?;
                Ok(self.table_expr(
                    TableKind::Base {
                        table,
                        blank_row: false,
                    },
                    self.schema_of(table),
                    span,
                ))
            }
            ExprKind::Table(rows) => self.constructor(rows, span),
            ExprKind::Call { name, args } => {
                if let Some(function) = self.user_function(&name.text) {
                    return self.call_user(
                        &name.text,
                        &function,
                        args,
                        expr,
                        |b, body| b.bind_table(body),
                        |b, variables, body: TableExpr| {
                            let schema = Rc::clone(&body.schema);
                            b.table_expr(
                                TableKind::Let {
                                    variables,
                                    body: Box::new(body),
                                },
                                schema,
                                span,
                            )
                        },
                    );
                }
                if name.text.eq_ignore_ascii_case("EVALUATEANDLOG") {
                    self.function(&name.text, args, expr)?;
                    return self.bind_table(&args[0]);
                }
                if is_table_function(&name.text) {
                    self.function(&name.text, args, expr)?;
                    return self.table_call(&name.text, args, expr);
                }
                self.function(&name.text, args, expr)?;
                self.error(
                    ErrorKind::Type,
                    span,
                    format!(
                        "{} gives a value, and a table is expected here; {{ ... }} makes a table of a value",
                        name.text.to_ascii_uppercase()
                    ),
                )
            }
            ExprKind::Let { vars, body } => self.bind_let(
                vars,
                |b| b.bind_table(body),
                |b, variables, body: TableExpr| {
                    let schema = Rc::clone(&body.schema);
                    b.table_expr(
                        TableKind::Let {
                            variables,
                            body: Box::new(body),
                        },
                        schema,
                        span,
                    )
                },
            ),
            ExprKind::Error => self.error(ErrorKind::Syntax, span, "this could not be read"),
            _ => self.error(
                ErrorKind::Type,
                span,
                "a table is expected here, and this is a value; { ... } makes a table of it",
            ),
        }
    }

    pub fn table_call(&mut self, name: &str, args: &[Expr], expr: &Expr) -> Bound<TableExpr> {
        let span = expr.span;
        let name = name.to_ascii_uppercase();
        match name.as_str() {
            "VALUES" | "DISTINCT" => self.values_or_distinct(&name, &args[0], span),
            "ALL" | "ALLNOBLANKROW" => {
                let blank_row = name == "ALL";
                match self.removal(args, span)? {
                    Removal::Table(table) => Ok(self.table_expr(
                        TableKind::AllRows { table, blank_row },
                        self.schema_of(table),
                        span,
                    )),
                    Removal::Columns(columns) => {
                        let schema = self.schema_of_columns(&columns);
                        Ok(self.table_expr(
                            TableKind::AllValues { columns, blank_row },
                            schema,
                            span,
                        ))
                    }
                    _ => self.error(
                        ErrorKind::Argument,
                        span,
                        format!(
                            "{name} without an argument stands only among the filters of CALCULATE"
                        ),
                    ),
                }
            }
            "ALLEXCEPT" => {
                let Removal::TableExcept(table, kept, whole) = self.all_except(args)? else {
                    return self.error(ErrorKind::Internal, span, "ALLEXCEPT without a table");
                };
                let columns: Vec<_> = self
                    .scope
                    .columns(table)
                    .into_iter()
                    .filter(|c| !kept.contains(c) && !whole.contains(&c.table()))
                    .collect();
                let schema = self.schema_of_columns(&columns);
                Ok(self.table_expr(
                    TableKind::AllValues {
                        columns,
                        blank_row: true,
                    },
                    schema,
                    span,
                ))
            }
            "ALLSELECTED" => self.all_selected(args, span),
            "FILTERS" => {
                let column = self.column_argument(&args[0])?;
                Ok(self.table_expr(
                    TableKind::Filters(column),
                    self.schema_of_columns(&[column]),
                    span,
                ))
            }
            "FILTER" => {
                let table = self.bind_table(&args[0])?;
                let frame = self.fresh();
                let schema = Rc::clone(&table.schema);
                let condition =
                    self.with_rows(frame, Rc::clone(&schema), |b| b.bind_scalar(&args[1]))?;
                let kind = TableKind::Filter {
                    table: Box::new(table),
                    frame,
                    condition: Box::new(condition),
                };
                Ok(self.table_expr(kind, schema, span))
            }
            "CALCULATETABLE" => self.calculate_table(args, span),
            "RELATEDTABLE" => self.calculate_table(args, span),
            "KEEPFILTERS" => {
                let table = self.bind_table(&args[0])?;
                let schema = Rc::clone(&table.schema);
                Ok(self.table_expr(TableKind::KeepFilters(Box::new(table)), schema, span))
            }
            "ADDCOLUMNS" | "SELECTCOLUMNS" => self.add_or_select(name == "ADDCOLUMNS", args, span),
            "SUMMARIZE" => self.summarize(args, span),
            "SUMMARIZECOLUMNS" => self.summarize_columns(args, span),
            "GROUPBY" => self.group_by(args, span),
            "CURRENTGROUP" => match self.current_group.last() {
                Some((frame, schema)) => {
                    let id = crate::eval::current_group(*frame);
                    Ok(self.table_expr(TableKind::Variable(id), Rc::clone(schema), span))
                }
                None => self.error(
                    ErrorKind::Argument,
                    span,
                    "CURRENTGROUP stands only in the expressions of GROUPBY",
                ),
            },
            "CROSSJOIN" => {
                let tables = args
                    .iter()
                    .map(|a| self.bind_table(a))
                    .collect::<Bound<Vec<_>>>()?;
                let fields = tables
                    .iter()
                    .flat_map(|t| t.schema.fields.iter().cloned())
                    .collect();
                let schema = self.distinct_names(fields, span)?;
                Ok(self.table_expr(TableKind::CrossJoin(tables), schema, span))
            }
            "GENERATE" | "GENERATEALL" => self.generate(name == "GENERATEALL", args, span),
            "UNION" | "INTERSECT" | "EXCEPT" => self.set_operation(&name, args, span),
            "NATURALINNERJOIN" | "NATURALLEFTOUTERJOIN" => {
                self.natural_join(name == "NATURALLEFTOUTERJOIN", args, span)
            }
            "TOPN" | "TOPNSKIP" => self.top_n(name == "TOPNSKIP", args, span),
            "ROW" => self.row(args, span),
            "DATATABLE" => self.data_table(args, span),
            "GENERATESERIES" => self.series(args, span),
            "CALENDAR" => {
                let (start, end) = (
                    Box::new(self.bind_scalar(&args[0])?),
                    Box::new(self.bind_scalar(&args[1])?),
                );
                Ok(self.table_expr(TableKind::Calendar { start, end }, date_schema(), span))
            }
            "CALENDARAUTO" => self.calendar_auto(args, span),
            "TREATAS" => self.treat_as(args, span),
            "SUBSTITUTEWITHINDEX" => self.substitute_with_index(args, span),
            "FIRSTNONBLANK" | "LASTNONBLANK" => self.non_blank(name == "LASTNONBLANK", args, span),
            "INFO.VIEW.TABLES"
            | "INFO.VIEW.COLUMNS"
            | "INFO.VIEW.MEASURES"
            | "INFO.VIEW.RELATIONSHIPS" => self.information(&name, span),
            "COLUMNSTATISTICS" => {
                let fields = crate::eval::column_statistics_schema()
                    .into_iter()
                    .map(|(n, t)| Field::extension(n, t))
                    .collect();
                Ok(self.table_expr(
                    TableKind::ColumnStatistics,
                    Rc::new(Schema { fields, base: None }),
                    span,
                ))
            }
            "DETAILROWS" => self.detail_rows(args, span),
            "OFFSET" | "INDEX" | "WINDOW" => self.window_table(&name, args, span),
            "LINEST" | "LINESTX" => self.regression(&name, args, span),
            "SAMPLE" | "SAMPLEAXISWITHLOCALMINMAX" | "SAMPLECARTESIANPOINTSBYCOVER" => {
                self.sample(&name, args, span)
            }
            "ADDMISSINGITEMS" => self.add_missing_items(args, span),
            "TABLEOF" => self.table_of(&args[0]),
            _ if name.starts_with("INFO.") => self.rowset(&name, args, span),
            _ => self.dates_call(&name, args, span),
        }
    }

    fn values_or_distinct(&mut self, name: &str, argument: &Expr, span: Span) -> Bound<TableExpr> {
        let blank_row = name == "VALUES";
        if matches!(
            argument.kind,
            ExprKind::Qualified { .. } | ExprKind::Bracket(_) | ExprKind::Variation { .. }
        ) {
            // A column of a table variable, or one that the query computed, has no values of the model.
            let column = self.column_argument(argument)?;
            self.whole_keys(&[column], span)?;
            return Ok(self.table_expr(
                TableKind::Values {
                    columns: vec![column],
                    blank_row,
                },
                self.schema_of_columns(&[column]),
                span,
            ));
        }
        let table = self.bind_table(argument)?;
        let schema = Rc::clone(&table.schema);
        match (&table.kind, blank_row) {
            (TableKind::Base { table, .. }, true) => Ok(self.table_expr(
                TableKind::Base {
                    table: *table,
                    blank_row: true,
                },
                schema,
                span,
            )),
            (_, true) => self.error(
                ErrorKind::Argument,
                argument.span,
                "VALUES takes a column or a table of the model",
            ),
            (_, false) => Ok(self.table_expr(TableKind::Distinct(Box::new(table)), schema, span)),
        }
    }

    pub fn all_selected(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let removal = self.removal(args, span)?;
        let table =
            match &removal {
                Removal::Table(table) => self.table_expr(
                    TableKind::Base {
                        table: *table,
                        blank_row: true,
                    },
                    self.schema_of(*table),
                    span,
                ),
                Removal::Columns(columns) => {
                    self.whole_keys(columns, span)?;
                    let schema = self.schema_of_columns(columns);
                    self.table_expr(
                        TableKind::Values {
                            columns: columns.clone(),
                            blank_row: true,
                        },
                        schema,
                        span,
                    )
                }
                _ => return self.error(
                    ErrorKind::Argument,
                    span,
                    "ALLSELECTED without an argument stands only among the filters of CALCULATE",
                ),
            };
        let schema = Rc::clone(&table.schema);
        Ok(self.table_expr(
            TableKind::AllSelected {
                removal,
                table: Box::new(table),
            },
            schema,
            span,
        ))
    }

    /// Names and expressions in turn; SELECTCOLUMNS takes bare columns too, which keep their names.
    fn add_or_select(&mut self, add: bool, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let table = self.bind_table(&args[0])?;
        let frame = self.fresh();
        let schema = Rc::clone(&table.schema);
        let (fields, columns) = self.with_rows(frame, Rc::clone(&schema), |b| {
            let (mut fields, mut columns) = (Vec::new(), Vec::new());
            let mut rest = &args[1..];
            while let [first, after @ ..] = rest {
                let (name, expr, after) = match (&first.kind, after) {
                    (ExprKind::Text(name), [expr, after @ ..]) => (Some(name.clone()), expr, after),
                    (ExprKind::Text(_), []) => {
                        return b.error(
                            ErrorKind::Argument,
                            first.span,
                            "a name stands here without its expression",
                        );
                    }
                    _ if !add
                        && matches!(
                            first.kind,
                            ExprKind::Qualified { .. } | ExprKind::Bracket(_)
                        ) =>
                    {
                        (None, first, after)
                    }
                    _ => {
                        return b.error(
                            ErrorKind::Argument,
                            first.span,
                            "the name of the new column, as text, is expected here",
                        );
                    }
                };
                let scalar = b.bind_scalar(expr)?;
                fields.push(b.field_for(name.as_deref(), &scalar, frame, &schema));
                columns.push(scalar);
                rest = after;
            }
            Ok((fields, columns))
        })?;
        let (schema, base) = if add {
            (
                schema.fields.iter().cloned().chain(fields).collect(),
                schema.base,
            )
        } else {
            (fields, None)
        };
        let schema = Rc::new(Schema {
            base,
            ..(*self.distinct_names(schema, span)?).clone()
        });
        let table = Box::new(table);
        let kind = if add {
            TableKind::AddColumns {
                table,
                frame,
                columns,
            }
        } else {
            TableKind::SelectColumns {
                table,
                frame,
                columns,
            }
        };
        Ok(self.table_expr(kind, schema, span))
    }

    /// The field of a computed column. A column taken over as it is keeps its lineage.
    pub fn field_for(
        &self,
        name: Option<&str>,
        scalar: &crate::bound::Scalar,
        frame: u32,
        schema: &Schema,
    ) -> Field {
        let source = match &scalar.kind {
            crate::bound::ScalarKind::Field { frame: of, index } if *of == frame => {
                schema.fields.get(*index)
            }
            _ => None,
        };
        match (name, source) {
            (None, Some(field)) => field.clone(),
            (Some(name), Some(field)) => {
                let (table, name) = crate::bound::named_parts(name);
                Field {
                    table,
                    name,
                    ..field.clone()
                }
            }
            (name, None) => {
                let format = match &scalar.kind {
                    crate::bound::ScalarKind::Measure { measure, .. } => {
                        measure.format.as_ref().map(|f| f.to_string())
                    }
                    _ => None,
                };
                let name = match (name, &scalar.kind) {
                    (Some(name), _) => name.to_string(),
                    (None, crate::bound::ScalarKind::Measure { measure, .. }) => {
                        measure.name.to_string()
                    }
                    (None, _) => String::new(),
                };
                Field {
                    format_string: format,
                    ..Field::extension(&name, scalar.data_type)
                }
            }
        }
    }

    /// Refuses two columns of one name.
    pub fn distinct_names(&self, fields: Vec<Field>, span: Span) -> Bound<Rc<Schema>> {
        let mut seen = std::collections::HashSet::new();
        for field in &fields {
            if !seen.insert(field.full_name().to_lowercase()) {
                return self.error(
                    ErrorKind::Argument,
                    span,
                    format!("the table would have two columns {}", field.full_name()),
                );
            }
        }
        Ok(Rc::new(Schema { fields, base: None }))
    }

    /// TOPN ( count, table, ... ) and TOPNSKIP ( count, skipped, table, ... ).
    fn top_n(&mut self, skips: bool, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let count = Box::new(self.bind_scalar(&args[0])?);
        let skip = if skips {
            Some(Box::new(self.bind_scalar(&args[1])?))
        } else {
            None
        };
        let place = 1 + usize::from(skips);
        let table = self.bind_table(&args[place])?;
        let frame = self.fresh();
        let schema = Rc::clone(&table.schema);
        let order = self.with_rows(frame, Rc::clone(&schema), |b| {
            b.order_list(args.get(place + 1..).unwrap_or(&[]), true)
        })?;
        let mut scalars = std::iter::once(&*count)
            .chain(skip.as_deref())
            .chain(order.iter().map(|o| &o.expr));
        // The reference lets rows be skipped only where nothing depends on a row outside.
        if skips && scalars.any(|s| self.reads_rows(s)) {
            return self.error(
                ErrorKind::Argument,
                span,
                "TOPNSKIP may not refer to columns of a row context outside",
            );
        }
        Ok(self.table_expr(
            TableKind::TopN {
                count,
                skip,
                table: Box::new(table),
                frame,
                order,
            },
            schema,
            span,
        ))
    }

    /// Whether an expression reads the current row of a row context that is open here.
    fn reads_rows(&self, scalar: &Scalar) -> bool {
        self.rows.iter().any(|row| scalar.reads_frame(row.frame))
    }

    /// Grouping columns of a table: its fields, or columns related to its base table.
    pub fn group_column(&mut self, table: &TableExpr, expr: &Expr) -> Bound<(GroupColumn, Field)> {
        let named = match &expr.kind {
            ExprKind::Qualified {
                table: name,
                column,
            } => super::names::find_field(&table.schema, Some(&name.text), &column.text),
            ExprKind::Bracket(name) => super::names::find_field(&table.schema, None, &name.text),
            _ => None,
        };
        if let Some(index) = named {
            return Ok((
                GroupColumn::Field(index),
                table.schema.fields[index].clone(),
            ));
        }
        let column = self.column_argument(expr)?;
        if let Some(index) = table
            .schema
            .fields
            .iter()
            .position(|f| f.lineage == Some(column))
        {
            return Ok((
                GroupColumn::Field(index),
                table.schema.fields[index].clone(),
            ));
        }
        let path = table
            .schema
            .base
            .and_then(|base| self.path_in_force(base, column.table()));
        match path {
            Some(path) => {
                let related = security::PathColumn {
                    path,
                    target: security::Target::Column(column),
                };
                Ok((
                    GroupColumn::Related(related),
                    super::field_of(self.scope, column),
                ))
            }
            None => self.error(
                ErrorKind::Argument,
                expr.span,
                "this column is neither of the table nor of one that it is related to",
            ),
        }
    }

    fn detail_rows(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        let name = match &args[0].kind {
            ExprKind::Bracket(name) => name,
            ExprKind::Qualified { column, .. } => column,
            _ => {
                return self.error(
                    ErrorKind::Argument,
                    span,
                    "DETAILROWS takes a measure of the model",
                );
            }
        };
        let Some(measure) = self.scope.find_measure(&name.text) else {
            return self.bracket(name, span).and_then(|_| {
                self.error(
                    ErrorKind::Argument,
                    span,
                    "DETAILROWS takes a measure of the model",
                )
            });
        };
        let table = self.scope.measure_table(measure);
        let text = self
            .scope
            .measure(measure)
            .detail_rows
            .clone()
            .or_else(|| self.scope.table(table).default_detail_rows.clone());
        match text {
            Some(text) => {
                let parsed = dax::parse_expression(&text);
                if !parsed.errors.is_empty() {
                    return self.error(
                        ErrorKind::Syntax,
                        span,
                        "the detail rows of this measure are not valid DAX",
                    );
                }
                self.bind_apart("detail rows", Some(table), true, |b| {
                    b.bind_table(&parsed.tree)
                })
                .map_err(|e| crate::error::Error {
                    span: self.span(span),
                    ..e
                })
            }
            None => Ok(self.table_expr(
                TableKind::Base {
                    table,
                    blank_row: false,
                },
                self.schema_of(table),
                span,
            )),
        }
    }
}

pub fn date_schema() -> Rc<Schema> {
    Rc::new(Schema {
        fields: vec![Field::extension("Date", DataType::DateTime)],
        base: None,
    })
}

#[cfg(test)]
mod tests {
    use super::is_table_function;

    /// The list is searched by halves, so it must be in order.
    #[test]
    fn every_table_function_is_found() {
        for name in [
            "ADDCOLUMNS",
            "values",
            "INFO.VIEW.TABLES",
            "SUMMARIZECOLUMNS",
            "TOPN",
            "TOPNSKIP",
            "KEEPFILTERS",
            "DATESYTD",
            "Except",
            "PREVIOUSDAY",
        ] {
            assert!(is_table_function(name), "{name}");
        }
        assert!(!is_table_function("SUM"));
    }
}

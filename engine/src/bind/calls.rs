//! Binding of calls to scalar functions.

use std::rc::Rc;

use dax::{BinaryOp, Expr, ExprKind};

use super::arguments::written_out;
use super::names::suggestion;
use super::{Binder, Bound};
use crate::bound::{
    Field, FilterTest, Scalar, ScalarKind, Schema, Summarize, TableExpr, TableKind,
};
use crate::error::ErrorKind;
use crate::functions::{Body, Function, State, Types, all, find};
use crate::value::{DataType, Value};

impl<'a> Binder<'a> {
    /// The registry's row for a call, its arguments checked: how many they are, and which of them are left out.
    pub fn function(&self, name: &str, args: &[Expr], expr: &Expr) -> Bound<&'static Function> {
        let known = find(name).filter(|function| super::offers(self.scope, function));
        let Some(function) = known else {
            let offered = all().filter(|f| super::offers(self.scope, f));
            let names: Vec<&str> = offered.map(|f| f.name).collect();
            return self.error(
                ErrorKind::UnknownFunction,
                expr.span,
                format!(
                    "there is no function {}{}",
                    name.to_ascii_uppercase(),
                    suggestion(name, &names)
                ),
            );
        };
        if let Body::Bound(State::Refused(why)) = function.body {
            return self.error(
                ErrorKind::UnknownFunction,
                expr.span,
                format!("the function {} {why}", function.name),
            );
        }
        self.check_arguments(function, args, expr.span)?;
        self.scope.note_call(function.name);
        Ok(function)
    }

    pub fn call(&mut self, name: &str, args: &[Expr], expr: &Expr) -> Bound<Scalar> {
        if let Some(function) = self.user_function(name) {
            return self.call_user(
                name,
                &function,
                args,
                expr,
                |b, body| b.bind_scalar(body),
                |b, variables, body: Scalar| {
                    let data_type = body.data_type;
                    b.scalar(
                        ScalarKind::Let {
                            variables,
                            body: Box::new(body),
                        },
                        data_type,
                        expr.span,
                    )
                },
            );
        }
        let function = self.function(name, args, expr)?;
        if super::tables::is_table_function(name) {
            let table = self.table_call(name, args, expr)?;
            return self.value_of_table(table, expr.span);
        }
        match function.body {
            Body::Scalar(_) if function.name == "NETWORKDAYS" && args.len() == 4 => {
                self.special_call(function, args, expr)
            }
            Body::Scalar(_) => self.plain_call(function, args, expr),
            Body::Bound(_) => self.special_call(function, args, expr),
        }
    }

    /// A function of values. Words such as DAY or INTEGER that some take are passed as text.
    fn plain_call(
        &mut self,
        function: &'static Function,
        args: &[Expr],
        expr: &Expr,
    ) -> Bound<Scalar> {
        let mut arguments = Vec::with_capacity(args.len());
        for (at, argument) in written_out(function, args).iter().enumerate() {
            let word = match &argument.kind {
                ExprKind::Identifier {
                    name,
                    quoted: false,
                } => Some(name.text.to_uppercase()).filter(|word| takes_word(function, at, word)),
                _ => None,
            };
            arguments.push(match word {
                Some(word) => self.scalar(
                    ScalarKind::Constant(Value::text(word)),
                    DataType::Text,
                    argument.span,
                ),
                None => self.bind_scalar(argument)?,
            });
        }
        let data_type = self.type_of(function, &arguments);
        Ok(self.scalar(
            ScalarKind::Call {
                function,
                arguments,
            },
            data_type,
            expr.span,
        ))
    }

    fn type_of(&self, function: &Function, arguments: &[Scalar]) -> DataType {
        if function.name == "CONVERT"
            && let Some(ScalarKind::Constant(Value::Text(name))) = arguments.get(1).map(|a| &a.kind)
        {
            return match &**name {
                "INTEGER" | "INT64" => DataType::Integer,
                "DOUBLE" => DataType::Double,
                "CURRENCY" | "DECIMAL" => DataType::Fixed,
                "STRING" | "TEXT" => DataType::Text,
                "BOOLEAN" | "LOGICAL" => DataType::Boolean,
                "DATETIME" => DataType::DateTime,
                _ => DataType::Variant,
            };
        }
        if function.name.starts_with("PATHITEM") {
            return match arguments.get(2).map(|a| &a.kind) {
                None | Some(ScalarKind::Constant(Value::Integer(0))) => DataType::Text,
                Some(ScalarKind::Constant(Value::Integer(1))) => DataType::Integer,
                Some(ScalarKind::Constant(Value::Text(word))) if &**word == "TEXT" => {
                    DataType::Text
                }
                Some(ScalarKind::Constant(Value::Text(word))) if &**word == "INTEGER" => {
                    DataType::Integer
                }
                Some(_) => DataType::Variant,
            };
        }
        match function.types {
            Types::Always(data_type) => data_type,
            Types::First => arguments.first().map_or(DataType::Unknown, |a| a.data_type),
            Types::From(decide) => {
                decide(&arguments.iter().map(|a| a.data_type).collect::<Vec<_>>())
            }
            Types::Bound => DataType::Variant,
        }
    }

    fn special_call(
        &mut self,
        function: &'static Function,
        args: &[Expr],
        expr: &Expr,
    ) -> Bound<Scalar> {
        let span = expr.span;
        match function.name {
            "IF" | "IF.EAGER" => {
                let condition = self.bind_scalar(&args[0])?;
                let then = self.bind_scalar(&args[1])?;
                let otherwise = args.get(2).map(|a| self.bind_scalar(a)).transpose()?;
                let data_type = common(
                    std::iter::once(then.data_type).chain(otherwise.as_ref().map(|o| o.data_type)),
                );
                let kind = ScalarKind::If {
                    condition: Box::new(condition),
                    then: Box::new(logical_branch(then, data_type)),
                    otherwise: otherwise.map(|o| Box::new(logical_branch(o, data_type))),
                };
                Ok(self.scalar(kind, data_type, span))
            }
            "SWITCH" => self.switch(args, expr),
            "AND" | "OR" => {
                let op = if function.name == "AND" {
                    BinaryOp::And
                } else {
                    BinaryOp::Or
                };
                let (left, right) = (self.bind_scalar(&args[0])?, self.bind_scalar(&args[1])?);
                self.binary(op, left, right, span)
            }
            "COALESCE" => {
                let parts = args
                    .iter()
                    .map(|a| self.bind_scalar(a))
                    .collect::<Bound<Vec<_>>>()?;
                let data_type = common(parts.iter().map(|p| p.data_type));
                Ok(self.scalar(ScalarKind::Coalesce(parts), data_type, span))
            }
            "IFERROR" => {
                let (value, otherwise) = (self.bind_scalar(&args[0])?, self.bind_scalar(&args[1])?);
                let data_type = common([value.data_type, otherwise.data_type].into_iter());
                Ok(self.scalar(
                    ScalarKind::IfError {
                        value: Box::new(value),
                        otherwise: Box::new(otherwise),
                    },
                    data_type,
                    span,
                ))
            }
            "ISERROR" => {
                let value = self.bind_scalar(&args[0])?;
                Ok(self.scalar(
                    ScalarKind::IsError(Box::new(value)),
                    DataType::Boolean,
                    span,
                ))
            }
            "ERROR" => {
                let message = self.bind_scalar(&args[0])?;
                Ok(self.scalar(
                    ScalarKind::Error(Box::new(message)),
                    DataType::Unknown,
                    span,
                ))
            }
            "CALCULATE" => self.calculate(args, span),
            "TOTALMTD" | "TOTALQTD" | "TOTALWTD" | "TOTALYTD" => {
                self.total_to_date(function.name, args, span)
            }
            name if name.starts_with("OPENINGBALANCE") || name.starts_with("CLOSINGBALANCE") => {
                self.balance(name, args, span)
            }
            "FIRSTNONBLANKVALUE" | "LASTNONBLANKVALUE" => {
                self.non_blank_value(function.name == "LASTNONBLANKVALUE", args, span)
            }
            "RELATED" => self.related(&args[0], span),
            "EARLIER" | "EARLIEST" => self.earlier(function.name, args, span),
            "LOOKUPVALUE" => self.lookup_value(args, span),
            "CONTAINS" | "CONTAINSROW" => self.contains(function.name, args, span),
            "ISEMPTY" => {
                let table = self.bind_table(&args[0])?;
                Ok(self.scalar(
                    ScalarKind::IsEmpty(Box::new(table)),
                    DataType::Boolean,
                    span,
                ))
            }
            "HASONEVALUE" => self.has_one_value(&args[0], span),
            "SELECTEDVALUE" => self.selected_value(args, span),
            "ISFILTERED" | "ISCROSSFILTERED" | "HASONEFILTER" | "ISINSCOPE" => {
                self.filter_test(function.name, &args[0], span)
            }
            "NAMEOF" => self.name_of(args, span),
            "RANK" | "ROWNUMBER" => self.window_value(function.name, args, span),
            "ORDERBY" | "PARTITIONBY" | "MATCHBY" => self.error(
                ErrorKind::Argument,
                span,
                format!(
                    "{} stands only among the arguments of a window function",
                    function.name
                ),
            ),
            "EVALUATEANDLOG" => self.bind_scalar(&args[0]),
            "SELECTEDMEASURE" => {
                self.selected(ScalarKind::SelectedMeasure, DataType::Variant, span)
            }
            "SELECTEDMEASURENAME" => {
                self.selected(ScalarKind::SelectedMeasureName, DataType::Text, span)
            }
            "SELECTEDMEASUREFORMATSTRING" => {
                self.selected(ScalarKind::SelectedMeasureFormat, DataType::Text, span)
            }
            "ISSELECTEDMEASURE" => self.is_selected_measure(args, span),
            "PATH" => self.path_function(args, span),
            "ISONORAFTER" | "ISAFTER" => {
                self.on_or_after(function.name == "ISONORAFTER", args, span)
            }
            "ROLLUPISSUBTOTAL" | "ISSUBTOTAL" => self.error(
                ErrorKind::Argument,
                span,
                format!(
                    "{} stands only among the columns of SUMMARIZE",
                    function.name
                ),
            ),
            _ => match self.statistic_call(function.name, args, span)? {
                Some(statistic) => Ok(statistic),
                None => self.aggregate_call(function, args, expr),
            },
        }
    }

    fn switch(&mut self, args: &[Expr], expr: &Expr) -> Bound<Scalar> {
        let subject = self.bind_scalar(&args[0])?;
        let mut cases = Vec::new();
        let mut rest = &args[1..];
        while let [case, result, after @ ..] = rest {
            cases.push((self.bind_scalar(case)?, self.bind_scalar(result)?));
            rest = after;
        }
        let otherwise = rest.first().map(|a| self.bind_scalar(a)).transpose()?;
        let data_type = common(
            cases
                .iter()
                .map(|(_, r)| r.data_type)
                .chain(otherwise.as_ref().map(|o| o.data_type)),
        );
        let mut cases: Vec<(Scalar, Scalar)> = cases
            .into_iter()
            .map(|(case, result)| (case, logical_branch(result, data_type)))
            .collect();
        let otherwise = otherwise.map(|o| logical_branch(o, data_type));
        // SWITCH ( TRUE (), ... ) takes conditions, which convert to logical values.
        if matches!(&subject.kind, ScalarKind::Call { function, .. } if function.name == "TRUE") {
            for (case, _) in &mut cases {
                if case.data_type != DataType::Boolean {
                    let inner = std::mem::replace(
                        case,
                        self.scalar(
                            ScalarKind::Constant(Value::Blank),
                            DataType::Unknown,
                            expr.span,
                        ),
                    );
                    let not = self.scalar(
                        ScalarKind::Not(Box::new(inner)),
                        DataType::Boolean,
                        expr.span,
                    );
                    *case =
                        self.scalar(ScalarKind::Not(Box::new(not)), DataType::Boolean, expr.span);
                }
            }
        }
        let kind = ScalarKind::Switch {
            subject: Box::new(subject),
            cases,
            otherwise: otherwise.map(Box::new),
        };
        Ok(self.scalar(kind, data_type, expr.span))
    }

    fn earlier(&mut self, name: &str, args: &[Expr], span: dax::Span) -> Bound<Scalar> {
        // A column that the query computes has no table, and one of the table itself may do without.
        let (table, column) = match &args[0].kind {
            ExprKind::Qualified { table, column } => (Some(table), column),
            ExprKind::Bracket(column) => (None, column),
            _ => {
                return self.error(
                    ErrorKind::Argument,
                    args[0].span,
                    format!("{name} needs a column: 'Table'[Column]"),
                );
            }
        };
        let of_table = table.map(|table| table.text.as_str());
        let levels = match (name, args.get(1).map(|a| &a.kind)) {
            ("EARLIEST", _) => self
                .rows
                .iter()
                .filter(|row| {
                    super::names::find_field(&row.schema, of_table, &column.text).is_some()
                })
                .count()
                .saturating_sub(1),
            (_, None) => 1,
            (_, Some(ExprKind::Integer(n))) if *n >= 1 => *n as usize,
            _ => {
                return self.error(
                    ErrorKind::Argument,
                    span,
                    "the second argument of EARLIER is a whole number from 1",
                );
            }
        };
        let earlier = self.row_field(of_table, &column.text, levels);
        match earlier.or_else(|| self.row_field_outside(of_table, &column.text, levels)) {
            Some(found) => self.field_scalar(found, span),
            None => {
                if let Some(table) = table {
                    self.model_column(table, column)?;
                }
                self.error(
                    ErrorKind::Evaluation,
                    span,
                    format!("{name} refers to an earlier row context, and there is none"),
                )
            }
        }
    }

    fn lookup_value(&mut self, args: &[Expr], span: dax::Span) -> Bound<Scalar> {
        let result = self.column_argument(&args[0])?;
        let mut search = Vec::new();
        let mut rest = &args[1..];
        while let [column, value, after @ ..] = rest {
            let handle = self.column_argument(column)?;
            search.push((handle, self.bind_scalar(value)?));
            rest = after;
        }
        let otherwise = rest.first().map(|a| self.bind_scalar(a)).transpose()?;
        if let Some((column, _)) = search
            .iter()
            .find(|(c, _)| self.path(result.table(), c.table()).is_none())
        {
            let message = format!(
                "LOOKUPVALUE searches '{}', which is not related to the table of the result column",
                self.scope.table(column.table()).name
            );
            return self.error(ErrorKind::Argument, span, message);
        }
        let data_type = self.scope.column_type(result);
        let kind = ScalarKind::Lookup {
            table: result.table(),
            result,
            search,
            otherwise: otherwise.map(Box::new),
        };
        Ok(self.scalar(kind, data_type, span))
    }

    fn contains(&mut self, name: &str, args: &[Expr], span: dax::Span) -> Bound<Scalar> {
        let table = self.bind_table(&args[0])?;
        if name == "CONTAINSROW" {
            let values = args[1..]
                .iter()
                .map(|a| self.bind_scalar(a))
                .collect::<Bound<Vec<_>>>()?;
            self.check_width(&table, values.len(), args[0].span)?;
            return Ok(self.scalar(
                ScalarKind::In {
                    values,
                    table: Box::new(table),
                },
                DataType::Boolean,
                span,
            ));
        }
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for pair in args[1..].chunks(2) {
            let [column, value] = pair else {
                return self.error(
                    ErrorKind::Argument,
                    span,
                    "CONTAINS takes a table, and then pairs of a column and a value",
                );
            };
            columns.push(column);
            values.push(self.bind_scalar(value)?);
        }
        let (table, places) = self.searched(table, &columns, span)?;
        let kind = ScalarKind::Contains {
            table: Box::new(table),
            search: places.into_iter().zip(values).collect(),
        };
        Ok(self.scalar(kind, DataType::Boolean, span))
    }

    /// A table and the places of the columns that CONTAINS searches in it. Where one of them is of a related table, the
    /// table is grouped by all of them, for a group holds the same values as the rows it comes from.
    fn searched(
        &mut self,
        table: TableExpr,
        columns: &[&Expr],
        span: dax::Span,
    ) -> Bound<(TableExpr, Vec<usize>)> {
        let own: Bound<Vec<usize>> = columns
            .iter()
            .map(|column| self.field_index(&table.schema, column))
            .collect();
        if let Ok(places) = own {
            return Ok((table, places));
        }
        let (mut groups, mut places) = (Vec::new(), Vec::new());
        let mut fields: Vec<Field> = Vec::new();
        for column in columns {
            // A column of a related table is named together with its table.
            if matches!(column.kind, ExprKind::Bracket(_)) {
                self.field_index(&table.schema, column)?;
            }
            let (group, field) = self.group_column(&table, column)?;
            match fields.iter().position(|known| *known == field) {
                Some(place) => places.push(place),
                None => {
                    places.push(fields.len());
                    groups.push(group);
                    fields.push(field);
                }
            }
        }
        let schema = Rc::new(Schema { fields, base: None });
        let summarize = Summarize {
            table,
            groups,
            rollup: Vec::new(),
            frame: self.fresh(),
            columns: Vec::new(),
        };
        let grouped = self.table_expr(TableKind::Summarize(Box::new(summarize)), schema, span);
        Ok((grouped, places))
    }

    /// A column of a table expression, as `T[c]` or `[c]`.
    pub fn field_index(&self, schema: &crate::bound::Schema, column: &Expr) -> Bound<usize> {
        let found = match &column.kind {
            ExprKind::Qualified { table, column } => {
                super::names::find_field(schema, Some(&table.text), &column.text)
            }
            ExprKind::Bracket(name) => super::names::find_field(schema, None, &name.text),
            _ => None,
        };
        match found {
            Some(index) => Ok(index),
            None => {
                if let ExprKind::Qualified { table, column } = &column.kind
                    && !schema.fields.iter().any(|f| {
                        f.table
                            .as_deref()
                            .is_some_and(|t| model::same_name(t, &table.text))
                    })
                {
                    self.model_column(table, column)?;
                }
                self.error(
                    ErrorKind::UnknownName,
                    column.span,
                    "this is not a column of the table",
                )
            }
        }
    }

    fn has_one_value(&mut self, argument: &Expr, span: dax::Span) -> Bound<Scalar> {
        let column = self.column_argument(argument)?;
        self.whole_keys(&[column], span)?;
        let values = self.values_of(column, span);
        let frame = self.fresh();
        let rows = ScalarKind::Reduce {
            op: crate::bound::Reduction::Rows,
            table: Box::new(values),
            frame,
            body: None,
        };
        let rows = self.scalar(rows, DataType::Integer, span);
        let one = self.scalar(
            ScalarKind::Constant(Value::Integer(1)),
            DataType::Integer,
            span,
        );
        self.binary(BinaryOp::Equal, rows, one, span)
    }

    pub fn values_of(&self, column: security::Column, span: dax::Span) -> crate::bound::TableExpr {
        self.table_expr(
            TableKind::Values {
                columns: vec![column],
                blank_row: true,
            },
            self.schema_of_columns(&[column]),
            span,
        )
    }

    fn selected_value(&mut self, args: &[Expr], span: dax::Span) -> Bound<Scalar> {
        let condition = self.has_one_value(&args[0], span)?;
        let column = self.column_argument(&args[0])?;
        let then = self.value_of_table(self.values_of(column, span), span)?;
        let otherwise = args.get(1).map(|a| self.bind_scalar(a)).transpose()?;
        let data_type =
            common(std::iter::once(then.data_type).chain(otherwise.as_ref().map(|o| o.data_type)));
        let kind = ScalarKind::If {
            condition: Box::new(condition),
            then: Box::new(then),
            otherwise: otherwise.map(Box::new),
        };
        Ok(self.scalar(kind, data_type, span))
    }

    fn filter_test(&mut self, name: &str, argument: &Expr, span: dax::Span) -> Bound<Scalar> {
        let test = match name {
            "ISFILTERED" => FilterTest::Filtered,
            "ISCROSSFILTERED" => FilterTest::CrossFiltered,
            "HASONEFILTER" => FilterTest::OneFilter,
            _ => FilterTest::InScope,
        };
        let table = match test {
            FilterTest::Filtered | FilterTest::CrossFiltered => self.table_reference(argument)?,
            _ => None,
        };
        let columns = match table {
            Some(table) => self.scope.columns(table),
            None => vec![self.column_argument(argument)?],
        };
        Ok(self.scalar(
            ScalarKind::Filtered { test, columns },
            DataType::Boolean,
            span,
        ))
    }

    fn selected(&self, kind: ScalarKind, data_type: DataType, span: dax::Span) -> Bound<Scalar> {
        if !self.in_item {
            return self.error(
                ErrorKind::Argument,
                span,
                "SELECTEDMEASURE and its kin stand only in the expressions of calculation items",
            );
        }
        Ok(self.scalar(kind, data_type, span))
    }

    fn is_selected_measure(&mut self, args: &[Expr], span: dax::Span) -> Bound<Scalar> {
        let name = self.selected(ScalarKind::SelectedMeasureName, DataType::Text, span)?;
        let mut rows = Vec::new();
        for argument in args {
            let named = match &argument.kind {
                ExprKind::Bracket(name) => Some(name),
                ExprKind::Qualified { column, .. } => Some(column),
                _ => None,
            };
            let found = named.and_then(|name| self.scope.find_measure(&name.text));
            let Some(measure) = found else {
                return self.error(
                    ErrorKind::Argument,
                    argument.span,
                    "ISSELECTEDMEASURE takes measures of the model",
                );
            };
            let text = Value::text(self.scope.measure(measure).name.as_str());
            rows.push(vec![self.scalar(
                ScalarKind::Constant(text),
                DataType::Text,
                argument.span,
            )]);
        }
        let schema = std::rc::Rc::new(crate::bound::Schema {
            fields: vec![crate::bound::Field::extension("Value", DataType::Text)],
            base: None,
        });
        let table = self.table_expr(TableKind::Constructor(rows), schema, span);
        Ok(self.scalar(
            ScalarKind::In {
                values: vec![name],
                table: Box::new(table),
            },
            DataType::Boolean,
            span,
        ))
    }

    fn path_function(&mut self, args: &[Expr], span: dax::Span) -> Bound<Scalar> {
        let (id, parent) = (
            self.column_argument(&args[0])?,
            self.column_argument(&args[1])?,
        );
        let table = id.table();
        let found = self
            .rows
            .iter()
            .rev()
            .find(|row| row.schema.base == Some(table))
            .map(|row| (row.frame, row.schema.clone()));
        let index = |schema: &crate::bound::Schema, column| {
            schema.fields.iter().position(|f| f.lineage == Some(column))
        };
        match found {
            Some((frame, schema)) if parent.table() == table => {
                match (index(&schema, id), index(&schema, parent)) {
                    (Some(id), Some(parent)) => Ok(self.scalar(
                        ScalarKind::Path {
                            frame,
                            id,
                            parent,
                            table,
                        },
                        DataType::Text,
                        span,
                    )),
                    _ => self.error(
                        ErrorKind::Argument,
                        span,
                        "PATH needs two columns of the current row's table",
                    ),
                }
            }
            _ => self.error(
                ErrorKind::Argument,
                span,
                "PATH needs a current row, and two columns of its table",
            ),
        }
    }

    fn on_or_after(&mut self, or_on: bool, args: &[Expr], span: dax::Span) -> Bound<Scalar> {
        let mut terms = Vec::new();
        let mut rest = args;
        while let [value, bound, after @ ..] = rest {
            let (value, bound) = (self.bind_scalar(value)?, self.bind_scalar(bound)?);
            let (descending, after) = match after {
                [
                    Expr {
                        kind:
                            ExprKind::Identifier {
                                name,
                                quoted: false,
                            },
                        ..
                    },
                    after @ ..,
                ] if is_order(&name.text) => (name.text.eq_ignore_ascii_case("DESC"), after),
                _ => (false, after),
            };
            terms.push((value, bound, descending));
            rest = after;
        }
        if !rest.is_empty() || terms.is_empty() {
            return self.error(
                ErrorKind::Argument,
                span,
                "this function takes a value, a bound, and ASC or DESC, any number of times",
            );
        }
        Ok(self.scalar(
            ScalarKind::OnOrAfter { terms, or_on },
            DataType::Boolean,
            span,
        ))
    }
}

/// Whether a bare word, in upper case, is what the function's argument at this place may be.
fn takes_word(function: &Function, at: usize, word: &str) -> bool {
    match (function.name, at) {
        ("DATEDIFF", 2) | ("CONVERT", 1) => true,
        ("PATHITEM" | "PATHITEMREVERSE", 2) => matches!(word, "INTEGER" | "TEXT"),
        _ => false,
    }
}

fn is_order(word: &str) -> bool {
    word.eq_ignore_ascii_case("ASC") || word.eq_ignore_ascii_case("DESC")
}

/// BLANK, written among branches of logical values, is one of them: FALSE. What a branch computes stays as it is.
fn logical_branch(branch: Scalar, data_type: DataType) -> Scalar {
    let written = match &branch.kind {
        ScalarKind::Constant(value) => value.is_blank(),
        ScalarKind::Call { function, .. } => function.name == "BLANK",
        _ => false,
    };
    if !written || data_type != DataType::Boolean {
        return branch;
    }
    Scalar {
        kind: ScalarKind::Constant(Value::Boolean(false)),
        data_type,
        span: branch.span,
    }
}

/// The type of values of several types: the wider of two numbers, else Variant.
pub fn common(types: impl Iterator<Item = DataType>) -> DataType {
    use DataType::*;
    types
        .reduce(|a, b| match (a, b) {
            (a, b) if a == b => a,
            (Unknown, other) | (other, Unknown) => other,
            (Integer, Double) | (Double, Integer) | (Fixed, Double) | (Double, Fixed) => Double,
            (Integer, Fixed) | (Fixed, Integer) => Fixed,
            _ => Variant,
        })
        .unwrap_or(Unknown)
}

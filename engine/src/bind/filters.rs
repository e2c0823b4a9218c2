//! Binding of CALCULATE's filter arguments.

use std::rc::Rc;

use dax::{Expr, ExprKind, Span};
use security::{Column, Relationship};

use super::functions::{MAX_CALLS, Placed, in_place};
use super::{Binder, Bound};
use crate::bound::{
    CrossFilterMode, FilterArgument, FrameId, Removal, Scalar, ScalarKind, TableExpr, TableKind,
    Variable,
};
use crate::error::{Error, ErrorKind};
use crate::value::DataType;

impl<'a> Binder<'a> {
    pub fn calculate(&mut self, args: &[Expr], span: Span) -> Bound<Scalar> {
        self.whole_rows(span)?;
        let filters = self.filter_arguments(&args[1..])?;
        let body = self.under_filters(&filters, |b| b.bind_scalar(&args[0]))?;
        let data_type = body.data_type;
        Ok(self.scalar(
            ScalarKind::Calculate {
                body: Rc::new(body),
                filters: Rc::new(filters),
            },
            data_type,
            span,
        ))
    }

    pub fn calculate_table(&mut self, args: &[Expr], span: Span) -> Bound<TableExpr> {
        self.whole_rows(span)?;
        let filters = self.filter_arguments(&args[1..])?;
        let table = self.under_filters(&filters, |b| b.bind_table(&args[0]))?;
        let schema = Rc::clone(&table.schema);
        Ok(self.table_expr(
            TableKind::Calculate {
                table: Rc::new(table),
                filters: Rc::new(filters),
            },
            schema,
            span,
        ))
    }

    pub fn filter_arguments(&mut self, args: &[Expr]) -> Bound<Vec<FilterArgument>> {
        args.iter()
            .map(|a| self.filter_argument(a, false))
            .collect()
    }

    pub fn filter_argument(&mut self, expr: &Expr, keep: bool) -> Bound<FilterArgument> {
        // What follows a comma too many would be no filter, and is more often a line that got lost.
        if expr.kind == ExprKind::Omitted {
            return self.error(
                ErrorKind::Argument,
                expr.span,
                "a filter argument is missing here",
            );
        }
        if let ExprKind::Call { name, args } = &expr.kind {
            // A function's text stands where it is called, so a function may hold what only filters may say.
            if let Some(function) = self.user_function(&name.text)
                && self.is_modifier(&function.body, 0)
            {
                return self.call_user(
                    &name.text,
                    &function,
                    args,
                    expr,
                    |b, body| b.filter_argument(body, keep),
                    |b, variables, filter| b.filter_after(variables, filter, expr.span),
                );
            }
            match name.text.to_ascii_uppercase().as_str() {
                "KEEPFILTERS" if args.len() == 1 => return self.filter_argument(&args[0], true),
                "NONVISUAL" => {
                    return self.error(
                        ErrorKind::Argument,
                        expr.span,
                        "NONVISUAL stands only among the filters of SUMMARIZECOLUMNS",
                    );
                }
                // Inside KEEPFILTERS they are tables: what they give is kept beside the filters that are there.
                "ALL" | "ALLNOBLANKROW" | "ALLEXCEPT" | "ALLSELECTED"
                    if keep && !args.is_empty() =>
                {
                    let table = self.bind_table(expr)?;
                    return Ok(FilterArgument::Table { table, keep });
                }
                "ALL" | "REMOVEFILTERS" | "ALLNOBLANKROW" => {
                    self.function(&name.text, args, expr)?;
                    return Ok(FilterArgument::Remove(self.removal(args, expr.span)?));
                }
                "ALLCROSSFILTERED" => {
                    self.function(&name.text, args, expr)?;
                    let Removal::Table(table) = self.removal(args, expr.span)? else {
                        return self.error(
                            ErrorKind::Argument,
                            expr.span,
                            "ALLCROSSFILTERED takes a table of the model",
                        );
                    };
                    return Ok(FilterArgument::Remove(Removal::Reaching(table)));
                }
                "ALLEXCEPT" => {
                    self.function(&name.text, args, expr)?;
                    return Ok(FilterArgument::Remove(self.all_except(args)?));
                }
                "ALLSELECTED" => {
                    self.function(&name.text, args, expr)?;
                    return Ok(FilterArgument::AllSelected(self.removal(args, expr.span)?));
                }
                "USERELATIONSHIP" => {
                    self.function(&name.text, args, expr)?;
                    let (handle, forward) = self.relationship(args, expr.span)?;
                    let way = match forward {
                        true => CrossFilterMode::OneWayRightFiltersLeft,
                        false => CrossFilterMode::OneWayLeftFiltersRight,
                    };
                    let one_to_one = self
                        .scope
                        .relationship(handle)
                        .is_some_and(|r| !r.from_many && !r.to_many);
                    return Ok(FilterArgument::UseRelationship(
                        handle,
                        one_to_one.then_some(way),
                    ));
                }
                "CROSSFILTER" => return self.cross_filter(args, expr),
                _ => {}
            }
        }
        if self.is_table(expr) {
            let table = self.bind_table(expr)?;
            self.whole_schema(&table.schema, expr.span)?;
            return Ok(FilterArgument::Table { table, keep });
        }
        self.predicate(expr, keep)
    }

    /// Whether an expression says how filters change, by itself or through functions.
    fn is_modifier(&self, expr: &Expr, calls: usize) -> bool {
        let ExprKind::Call { name, .. } = &expr.kind else {
            return false;
        };
        match self.user_function(&name.text) {
            Some(function) => calls < MAX_CALLS && self.is_modifier(&function.body, calls + 1),
            None => MODIFIERS.contains(&name.text.to_ascii_uppercase().as_str()),
        }
    }

    /// A filter that a function says: the values of its parameters are known before, outside the rows of a condition.
    fn filter_after(
        &self,
        variables: Rc<Vec<Variable>>,
        filter: FilterArgument,
        span: Span,
    ) -> FilterArgument {
        if variables.is_empty() {
            return filter;
        }
        let (table, keep) = match filter {
            FilterArgument::Table { table, keep } => (table, keep),
            FilterArgument::Predicate {
                columns,
                frame,
                condition,
                keep,
            } => (self.rows_where(columns, frame, condition, span), keep),
            other => return other,
        };
        let schema = Rc::clone(&table.schema);
        let kind = TableKind::Let {
            variables,
            body: Box::new(table),
        };
        FilterArgument::Table {
            table: self.table_expr(kind, schema, span),
            keep,
        }
    }

    /// `T[c] = value`, and more generally a condition on columns of one table.
    fn predicate(&mut self, expr: &Expr, keep: bool) -> Bound<FilterArgument> {
        let mut columns: Vec<Column> = Vec::new();
        self.predicate_columns(expr, &mut columns, 0)?;
        let Some(first) = columns.first() else {
            return self.error(
                ErrorKind::Argument,
                expr.span,
                "a filter is a table, or a condition on columns of one table; this is neither",
            );
        };
        if columns.iter().any(|c| c.table() != first.table()) {
            return self.error(ErrorKind::Argument, expr.span, "a condition may name columns of one table only; FILTER over a table takes conditions on several");
        }
        self.no_measures(expr)?;
        self.whole_keys(&columns, expr.span)?;
        let frame = self.fresh();
        let schema = self.schema_of_columns(&columns);
        let mut condition = self.with_rows(frame, schema, |b| b.bind_scalar(expr))?;
        if condition.data_type == DataType::Text {
            let message = "a filter condition must be true or false";
            let error = match self.span(expr.span) {
                Some(span) => Error::new(ErrorKind::Type, span, message),
                None => Error::nowhere(ErrorKind::Type, message),
            };
            condition = self.fails_late(error, expr.span)?;
        }
        Ok(FilterArgument::Predicate {
            columns,
            frame,
            condition,
            keep,
        })
    }

    /// The values of a condition's columns for which it holds, whatever is filtered.
    pub fn values_where(&mut self, expr: &Expr) -> Bound<TableExpr> {
        let FilterArgument::Predicate {
            columns,
            frame,
            condition,
            ..
        } = self.predicate(expr, false)?
        else {
            return self.error(ErrorKind::Internal, expr.span, "a condition is none");
        };
        if !matches!(
            condition.data_type,
            DataType::Boolean | DataType::Unknown | DataType::Variant
        ) {
            return self.error(
                ErrorKind::Type,
                expr.span,
                "a condition must be true or false",
            );
        }
        Ok(self.rows_where(columns, frame, condition, expr.span))
    }

    fn rows_where(
        &self,
        columns: Vec<Column>,
        frame: FrameId,
        condition: Scalar,
        span: Span,
    ) -> TableExpr {
        let schema = self.schema_of_columns(&columns);
        let all = TableKind::AllValues {
            columns,
            blank_row: true,
        };
        let kind = TableKind::Filter {
            table: Box::new(self.table_expr(all, Rc::clone(&schema), span)),
            frame,
            condition: Box::new(condition),
        };
        self.table_expr(kind, schema, span)
    }

    pub(super) fn names_measure(&self, name: &str) -> bool {
        self.scope.find_measure(name).is_some() || self.defines_measure(name)
    }

    /// A measure by itself, or named with its table like a column. Only computed columns of current rows go before measures.
    pub fn is_measure(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Bracket(name) => {
                let mut fields = self.rows.iter().flat_map(|row| row.schema.fields.iter());
                !fields.any(|f| f.table.is_none() && model::same_name(&f.name, &name.text))
                    && self.names_measure(&name.text)
            }
            ExprKind::Qualified { table, column } => {
                self.row_field(Some(&table.text), &column.text, 0).is_none()
                    && self.find_table(&table.text).is_some_and(|handle| {
                        self.scope.find_column(handle, &column.text).is_none()
                    })
                    && self.names_measure(&column.text)
            }
            _ => false,
        }
    }

    /// A condition may hold aggregates, but no measure and no CALCULATE: in which context they would be evaluated is not
    /// defined. FILTER and variables say it.
    fn no_measures(&self, expr: &Expr) -> Bound<()> {
        const WHY: &str = "a condition of CALCULATE may not refer to measures, nor use CALCULATE; put the value into a variable, or use FILTER";
        match &expr.kind {
            _ if self.is_measure(expr) => self.error(ErrorKind::Argument, expr.span, WHY),
            ExprKind::Call { name, args } => {
                if name.text.eq_ignore_ascii_case("CALCULATE") {
                    return self.error(ErrorKind::Argument, expr.span, WHY);
                }
                args.iter().try_for_each(|a| self.no_measures(a))
            }
            ExprKind::Unary { operand, .. } => self.no_measures(operand),
            ExprKind::Binary { left, right, .. } => {
                self.no_measures(left)?;
                self.no_measures(right)
            }
            ExprKind::Row(parts) | ExprKind::Table(parts) => {
                parts.iter().try_for_each(|p| self.no_measures(p))
            }
            _ => Ok(()),
        }
    }

    /// The model columns that a condition is about: those that stand in it by themselves, not inside aggregates or tables.
    fn predicate_columns(&mut self, expr: &Expr, out: &mut Vec<Column>, calls: usize) -> Bound<()> {
        if let ExprKind::Call { name, args } = &expr.kind
            && let Some(function) = self.user_function(&name.text)
        {
            // Functions that call one another without end are refused when they are bound.
            if calls >= MAX_CALLS {
                return Ok(());
            }
            let found = self.columns_in_function(&function, args, out, calls + 1);
            return found.map_err(|error| Error {
                span: self.span(expr.span),
                ..error
            });
        }
        match &expr.kind {
            ExprKind::Qualified { table, column } => {
                let Some(handle) = self.find_table(&table.text) else {
                    return self.model_table(table).map(|_| ());
                };
                match self.scope.find_column(handle, &column.text) {
                    // A column of the current row is a value; the same column here is filtered only if no row offers it.
                    Some(found) if !out.contains(&found) => out.push(found),
                    Some(_) => {}
                    None => {}
                }
            }
            ExprKind::Variation {
                table,
                column,
                level,
            } => {
                let found = self.variation(table, column, level, expr.span)?;
                if !out.contains(&found) {
                    out.push(found);
                }
            }
            ExprKind::Unary { operand, .. } => self.predicate_columns(operand, out, calls)?,
            ExprKind::Binary { op, left, right } => {
                self.predicate_columns(left, out, calls)?;
                if *op != dax::BinaryOp::In || !self.is_table(right) {
                    self.predicate_columns(right, out, calls)?;
                }
            }
            ExprKind::Row(parts) => {
                for part in parts {
                    self.predicate_columns(part, out, calls)?;
                }
            }
            ExprKind::Call { name, args } if is_of_values(&name.text) => {
                for argument in args {
                    self.predicate_columns(argument, out, calls)?;
                }
            }
            ExprKind::Let { body, vars } => {
                for (_, value) in vars {
                    self.predicate_columns(value, out, calls)?;
                }
                self.predicate_columns(body, out, calls)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Those that a condition names through a function: in its text, where arguments stand in the place of parameters, and in what
    /// is passed by its value, unless a row around the call gives it.
    fn columns_in_function(
        &mut self,
        function: &dax::Function,
        args: &[Expr],
        out: &mut Vec<Column>,
        calls: usize,
    ) -> Bound<()> {
        let mut by_name = Vec::new();
        for (parameter, argument) in function.parameters.iter().zip(args) {
            if in_place(parameter) {
                by_name.push(Placed::new(parameter, argument.clone()));
                continue;
            }
            let outside = matches!(&argument.kind, ExprKind::Qualified { table, column }
                if self.row_field(Some(&table.text), &column.text, 0).is_some());
            if !outside {
                self.predicate_columns(argument, out, calls)?;
            }
        }
        let body = self.substituted(&function.body, &by_name)?;
        self.predicate_columns(&body, out, calls)
    }

    /// What ALL, REMOVEFILTERS and ALLSELECTED free: everything, a table, or columns.
    pub fn removal(&mut self, args: &[Expr], span: Span) -> Bound<Removal> {
        match args {
            [] => Ok(Removal::Everything),
            columns => {
                if let [only] = columns
                    && let Some(table) = self.table_reference(only)?
                {
                    return Ok(Removal::Table(table));
                }
                let columns = columns
                    .iter()
                    .map(|c| self.column_argument(c))
                    .collect::<Bound<Vec<_>>>()?;
                if columns.windows(2).any(|w| w[0].table() != w[1].table()) {
                    return self.error(
                        ErrorKind::Argument,
                        span,
                        "these columns must be of one table",
                    );
                }
                Ok(Removal::Columns(columns))
            }
        }
    }

    pub fn all_except(&mut self, args: &[Expr]) -> Bound<Removal> {
        let Some(table) = self.table_reference(&args[0])? else {
            return self.error(
                ErrorKind::Argument,
                args[0].span,
                "ALLEXCEPT begins with a table of the model",
            );
        };
        let (mut kept, mut whole) = (Vec::new(), Vec::new());
        for argument in &args[1..] {
            match self.table_reference(argument)? {
                Some(other) => whole.push(other),
                None => kept.push(self.column_argument(argument)?),
            }
        }
        Ok(Removal::TableExcept(table, kept, whole))
    }

    /// The relationship between two columns, and whether they were named from the many side to the one side.
    fn relationship(&mut self, args: &[Expr], span: Span) -> Bound<(Relationship, bool)> {
        let (a, b) = (
            self.column_argument(&args[0])?,
            self.column_argument(&args[1])?,
        );
        for r in self.scope.relationships() {
            let forward = r.from_column == Some(a) && r.to_column == Some(b);
            let backward = r.from_column == Some(b) && r.to_column == Some(a);
            if forward || backward {
                if r.secured {
                    let name = |c: Column| {
                        format!(
                            "'{}'[{}]",
                            self.scope.table(c.table()).name,
                            self.scope.column(c).name
                        )
                    };
                    let message = format!(
                        "USERELATIONSHIP and CROSSFILTER cannot be used between {} and {}: a row filter of a role travels over this relationship",
                        name(a),
                        name(b)
                    );
                    return self.error(ErrorKind::Refused, span, message);
                }
                return Ok((r.handle, forward));
            }
        }
        let name = |c: Column| {
            format!(
                "'{}'[{}]",
                self.scope.table(c.table()).name,
                self.scope.column(c).name
            )
        };
        self.error(
            ErrorKind::Argument,
            span,
            format!(
                "there is no relationship between {} and {}",
                name(a),
                name(b)
            ),
        )
    }

    fn cross_filter(&mut self, args: &[Expr], expr: &Expr) -> Bound<FilterArgument> {
        self.function("CROSSFILTER", args, expr)?;
        let (handle, forward) = self.relationship(&args[..2], expr.span)?;
        let word = match &args[2].kind {
            ExprKind::Identifier { name, .. } => name.text.to_ascii_uppercase(),
            // A direction may be written as its number.
            ExprKind::Integer(number) => usize::try_from(*number)
                .ok()
                .and_then(|number| DIRECTIONS.get(number))
                .map_or_else(String::new, |word| (*word).to_owned()),
            _ => String::new(),
        };
        // "Left" is the first column named; in a relationship as stored, the many side stands left.
        let mode = match (word.as_str(), forward) {
            ("NONE", _) => CrossFilterMode::None,
            ("ONEWAY", _) => CrossFilterMode::OneWay,
            ("BOTH", _) => CrossFilterMode::Both,
            ("ONEWAY_LEFTFILTERSRIGHT", true) | ("ONEWAY_RIGHTFILTERSLEFT", false) => {
                CrossFilterMode::OneWayLeftFiltersRight
            }
            ("ONEWAY_RIGHTFILTERSLEFT", true) | ("ONEWAY_LEFTFILTERSRIGHT", false) => {
                CrossFilterMode::OneWayRightFiltersLeft
            }
            _ => {
                return self.error(
                    ErrorKind::Argument,
                    args[2].span,
                    "the direction is NONE, ONEWAY, BOTH, ONEWAY_LEFTFILTERSRIGHT or ONEWAY_RIGHTFILTERSLEFT",
                );
            }
        };
        let sides = self.scope.relationship(handle);
        let sides = sides.map(|r| (r.from_many, r.to_many));
        let allowed = match mode {
            CrossFilterMode::OneWayLeftFiltersRight => sides == Some((true, true)),
            // Between one and many this is the only way there is.
            CrossFilterMode::OneWayRightFiltersLeft => {
                matches!(sides, Some((true, _)))
            }
            _ => true,
        };
        if !allowed {
            return self.error(
                ErrorKind::Argument,
                args[2].span,
                "filters do not go this way alone: from the many side to the one side, or over a relationship of one to one",
            );
        }
        Ok(FilterArgument::CrossFilter(handle, mode))
    }
}

/// What changes filters, and is no table or more than one where it stands among them.
const MODIFIERS: &[&str] = &[
    "ALL",
    "ALLCROSSFILTERED",
    "ALLEXCEPT",
    "ALLNOBLANKROW",
    "ALLSELECTED",
    "CROSSFILTER",
    "KEEPFILTERS",
    "REMOVEFILTERS",
    "USERELATIONSHIP",
];

/// The directions of CROSSFILTER, by their numbers.
const DIRECTIONS: &[&str] = &[
    "NONE",
    "ONEWAY",
    "BOTH",
    "ONEWAY_RIGHTFILTERSLEFT",
    "ONEWAY_LEFTFILTERSRIGHT",
];

/// Functions of values, through which a condition still speaks of its columns.
fn is_of_values(name: &str) -> bool {
    match crate::functions::find(name).map(|f| (f.name, f.body)) {
        Some((_, crate::functions::Body::Scalar(_))) => true,
        Some((name, _)) => matches!(
            name,
            "IF" | "AND"
                | "OR"
                | "SWITCH"
                | "COALESCE"
                | "IFERROR"
                | "ISERROR"
                | "CONTAINSROW"
                | "IF.EAGER"
        ),
        None => false,
    }
}

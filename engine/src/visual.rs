//! Visual calculations: columns of a table whose rows a visual lays out along axes. What they say of places on the axes is written
//! anew here, before anything is bound, as windows and filters over that table.

mod functions;
mod places;
mod write;

use std::cell::Cell;

use dax::{
    Axis, BinaryOp, DefinitionKind, Expr, ExprKind, Name, Query, Span, UnaryOp, VisualShape,
};
use security::Scope;

use crate::bind::{MAX_CALLS, expanded};
use crate::error::{Error, ErrorKind};
use functions::Functions;
use write::{bare, binary, call, integer, named, refuse, size, truth_of};

type Written<T = Expr> = Result<T, Error>;

/// Aggregates of one column. By themselves they are those of the current place.
const AGGREGATES: &[&str] = &[
    "AVERAGE",
    "COUNT",
    "COUNTA",
    "COUNTBLANK",
    "DISTINCTCOUNT",
    "MAX",
    "MEDIAN",
    "MIN",
    "PRODUCT",
    "STDEV.P",
    "STDEV.S",
    "SUM",
    "VAR.P",
    "VAR.S",
];

/// Functions whose arguments behind the first are evaluated for each row of a table.
const ITERATORS: &[&str] = &[
    "ADDCOLUMNS",
    "AVERAGEX",
    "CONCATENATEX",
    "COUNTAX",
    "COUNTX",
    "FILTER",
    "MAXX",
    "MEDIANX",
    "MINX",
    "PRODUCTX",
    "RANKX",
    "SELECTCOLUMNS",
    "STDEVX.P",
    "STDEVX.S",
    "SUMX",
    "VARX.P",
    "VARX.S",
];

/// Functions that would ask the filter context, which is not what places a visual calculation.
const ASK_FILTERS: &[&str] = &[
    "ALL",
    "ALLEXCEPT",
    "ALLNOBLANKROW",
    "ALLSELECTED",
    "CALCULATETABLE",
    "DISTINCT",
    "EARLIER",
    "EARLIEST",
    "FILTERS",
    "HASONEFILTER",
    "HASONEVALUE",
    "ISCROSSFILTERED",
    "ISFILTERED",
    "ISINSCOPE",
    "KEEPFILTERS",
    "REMOVEFILTERS",
    "SELECTEDVALUE",
    "SUMMARIZE",
    "SUMMARIZECOLUMNS",
    "TREATAS",
    "VALUES",
];

/// The calculation without words of axes. None: the column is of a table without a visual shape.
pub fn calculation(
    scope: &Scope,
    query: &Query,
    table: &Name,
    body: &Expr,
) -> Result<Option<Expr>, Error> {
    let shape = query
        .definitions
        .iter()
        .find_map(|definition| match &definition.kind {
            DefinitionKind::Table {
                name,
                shape: Some(shape),
                ..
            } if model::same_name(&name.text, &table.text) => Some(shape),
            _ => None,
        });
    let (Some(shape), Some(handle)) = (shape, scope.find_table(&table.text)) else {
        return Ok(None);
    };
    check_size(shape)?;
    let visual = Visual {
        table: &table.text,
        shape,
        made: Cell::new(0),
        functions: Functions { query, scope },
        calls: Cell::new(0),
        is_column: &|name: &str| scope.find_column(handle, name).is_some(),
    };
    visual.rewrite(body, Reading::Row).map(Some)
}

/// How a column of the table is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// As the value of the current row.
    Row,
    /// As a column.
    Column,
    /// As the one value that the rows of a place have.
    Single,
}

#[derive(Clone, Copy)]
enum Reset {
    /// At each value of so many groups, the highest first.
    At(usize),
    /// At so many groups above the lowest that the row has.
    Above(usize),
}

/// What the arguments of a function say that goes along an axis.
struct Along<'e> {
    axis: &'e Axis,
    order: Option<&'e [Expr]>,
    blanks: Option<&'e Expr>,
    partition: &'e [Expr],
    matching: Option<&'e [Expr]>,
    reset: Reset,
}

struct Visual<'q> {
    table: &'q str,
    shape: &'q VisualShape,
    /// Expressions that were made so far: what is nested is written out again for each group around it.
    made: Cell<usize>,
    functions: Functions<'q>,
    /// How many calls of functions are being written out inside one another.
    calls: Cell<usize>,
    is_column: &'q dyn Fn(&str) -> bool,
}

/// Far more than a visual has. What is written for a calculation grows with the square of the groups.
const MOST_AXES: usize = 4;
const MOST_GROUPS: usize = 32;
const MOST_COLUMNS: usize = 64;
/// Expressions that one calculation may become, counted each time that they are copied.
const MOST_MADE: usize = 200_000;

/// Refuses shapes that no visual has, before any work is done for them.
pub fn check_size(shape: &VisualShape) -> Result<(), Error> {
    let axes = shape.axes.iter();
    let groups: usize = axes.clone().map(|axis| axis.groups.len()).sum();
    let grouped = axes.clone().flat_map(|axis| &axis.groups);
    let columns: Vec<&Name> = grouped
        .flat_map(|group| group.columns.iter().chain(&group.total))
        .collect();
    let ordered: usize = axes.map(|axis| axis.order.len()).sum();
    let span = shape
        .axes
        .first()
        .map_or(Span::default(), |axis| axis.name.span);
    if shape.axes.len() > MOST_AXES
        || groups > MOST_GROUPS
        || columns.len().max(ordered) > MOST_COLUMNS
    {
        return Err(Error::new(
            ErrorKind::Limit,
            span,
            format!(
                "a visual shape has at most {MOST_AXES} axes, {MOST_GROUPS} groups and {MOST_COLUMNS} columns"
            ),
        ));
    }
    for (at, column) in columns.iter().enumerate() {
        let mut before = columns.iter().take(at);
        if before.any(|other| model::same_name(&other.text, &column.text)) {
            let message = format!(
                "the column [{}] stands twice in the visual shape",
                column.text
            );
            return refuse(column.span, message);
        }
    }
    Ok(())
}

impl Visual<'_> {
    /// Counts what was made, and refuses to make more than a calculation can need.
    fn count(&self, made: Expr) -> Written {
        let all = self.made.get().saturating_add(size(&made));
        self.made.set(all);
        if all > MOST_MADE {
            return Err(Error::new(
                ErrorKind::Limit,
                made.span,
                "the visual calculation becomes too large: calculations along an axis are nested too deep for so many groups",
            ));
        }
        Ok(made)
    }

    fn rewrite(&self, expr: &Expr, reading: Reading) -> Written {
        let go = |e: &Expr| self.rewrite(e, reading);
        let kind = match &expr.kind {
            ExprKind::Bracket(_) | ExprKind::Qualified { .. } => {
                return self.count(match self.own_column(expr) {
                    Some(column) => self.column(column, reading, expr.span),
                    None => expr.clone(),
                });
            }
            ExprKind::Call { name, args } => return self.call(name, args, reading, expr.span),
            ExprKind::Unary { op, operand } => ExprKind::Unary {
                op: *op,
                operand: Box::new(go(operand)?),
            },
            ExprKind::Binary { op, left, right } => ExprKind::Binary {
                op: *op,
                left: Box::new(go(left)?),
                right: Box::new(go(right)?),
            },
            ExprKind::Row(parts) => ExprKind::Row(parts.iter().map(go).collect::<Written<_>>()?),
            ExprKind::Table(parts) => {
                ExprKind::Table(parts.iter().map(go).collect::<Written<_>>()?)
            }
            ExprKind::Let { vars, body } => ExprKind::Let {
                vars: vars
                    .iter()
                    .map(|(name, value)| go(value).map(|value| (name.clone(), value)))
                    .collect::<Written<_>>()?,
                body: Box::new(go(body)?),
            },
            other => other.clone(),
        };
        Ok(Expr {
            kind,
            span: expr.span,
        })
    }

    fn call(&self, name: &Name, args: &[Expr], reading: Reading, span: Span) -> Written {
        let function = name.text.to_ascii_uppercase();
        let word = function.as_str();
        match (word, args) {
            ("COLLAPSE" | "COLLAPSEALL" | "EXPAND" | "EXPANDALL", [value, steps @ ..]) => {
                self.navigated(value, word, steps, reading, span)
            }
            ("CALCULATE", [value, to]) => self.elsewhere(value, to, reading, span),
            ("CALCULATE", _) => refuse(
                span,
                "in a visual calculation CALCULATE takes an expression and one place: COLLAPSE, EXPAND or a window along an axis",
            ),
            ("ISATLEVEL", [column]) => self.is_at_level(column, reading),
            ("PREVIOUS" | "NEXT", [column, rest @ ..]) => {
                self.neighbour(word == "NEXT", column, rest, reading, span)
            }
            ("FIRST" | "LAST", [column, rest @ ..]) => {
                let at = integer(if word == "FIRST" { 1 } else { -1 }, span);
                self.over_window("MAXX", "INDEX", vec![at], column, rest, (reading, span))
            }
            ("RUNNINGSUM", [column, rest @ ..]) => {
                let from = vec![
                    integer(1, span),
                    bare("ABS", span),
                    integer(0, span),
                    bare("REL", span),
                ];
                self.over_window("SUMX", "WINDOW", from, column, rest, (reading, span))
            }
            ("MOVINGAVERAGE", [column, size, rest @ ..]) => {
                self.moving_average(column, size, rest, reading, span)
            }
            ("INDEX" | "OFFSET" | "RANK" | "ROWNUMBER" | "WINDOW", _) => {
                self.window_call(word, args, reading, span)
            }
            ("RANGE", [step, rest @ ..]) => self.range(step, rest, reading, span),
            ("LOOKUP" | "LOOKUPWITHTOTALS", [value, pairs @ ..]) => {
                let totals = word == "LOOKUPWITHTOTALS";
                self.looked_up(value, pairs, totals, reading, span)
            }
            _ if ASK_FILTERS.contains(&word) => {
                let message = format!("{word} is not built for visual calculations");
                refuse(span, message)
            }
            _ => match self.functions.along(&name.text) {
                Some(function) => match expanded(function, args, span, MOST_MADE) {
                    Some(text) => self.written_out(name, text, reading),
                    None => self.plain_call(name, word, args, reading, span),
                },
                None => self.plain_call(name, word, args, reading, span),
            },
        }
    }

    /// The text of a function, where it is called.
    fn written_out(&self, name: &Name, text: Expr, reading: Reading) -> Written {
        let calls = self.calls.get();
        if calls >= MAX_CALLS {
            let message = format!("functions call one another more than {MAX_CALLS} levels deep");
            return Err(Error::new(ErrorKind::Cycle, name.span, message));
        }
        self.calls.set(calls + 1);
        let text = self.count(text)?;
        let written = self.rewrite(&text, reading);
        self.calls.set(calls);
        written
    }

    fn plain_call(
        &self,
        name: &Name,
        word: &str,
        args: &[Expr],
        reading: Reading,
        span: Span,
    ) -> Written {
        if let [argument] = args
            && AGGREGATES.contains(&word)
            && let Some(column) = self.own_column(argument)
        {
            let column = self.column(column, Reading::Column, argument.span);
            let aggregate = call(word, vec![column], span);
            return Ok(match reading {
                Reading::Row => call("CALCULATE", vec![aggregate], span),
                _ => aggregate,
            });
        }
        let iterates = ITERATORS.contains(&word);
        let args = args.iter().enumerate().map(|(at, argument)| {
            let reading = if iterates && at > 0 {
                Reading::Row
            } else {
                reading
            };
            self.rewrite(argument, reading)
        });
        Ok(Expr {
            kind: ExprKind::Call {
                name: name.clone(),
                args: args.collect::<Written<_>>()?,
            },
            span,
        })
    }

    // --- Columns and axes

    fn own_column<'e>(&self, expr: &'e Expr) -> Option<&'e str> {
        let name = match &expr.kind {
            ExprKind::Bracket(name) => name,
            ExprKind::Qualified { table, column } if model::same_name(&table.text, self.table) => {
                column
            }
            _ => return None,
        };
        (self.is_column)(&name.text).then_some(name.text.as_str())
    }

    fn column(&self, column: &str, reading: Reading, span: Span) -> Expr {
        let kind = ExprKind::Qualified {
            table: named(self.table, span),
            column: named(column, span),
        };
        let column = Expr { kind, span };
        match reading {
            Reading::Single => call("VALUES", vec![column], span),
            _ => column,
        }
    }

    fn every_row(&self, span: Span) -> Expr {
        let kind = ExprKind::Identifier {
            name: named(self.table, span),
            quoted: true,
        };
        call("ALL", vec![Expr { kind, span }], span)
    }

    fn axis(&self, expr: &Expr) -> Option<&Axis> {
        match &expr.kind {
            ExprKind::Identifier {
                name,
                quoted: false,
            } => {
                let mut axes = self.shape.axes.iter();
                axes.find(|axis| model::same_name(&axis.name.text, &name.text))
            }
            _ => None,
        }
    }

    /// The axis of a column that groups, and its group there, counted from one.
    fn group_of(&self, expr: &Expr) -> Written<(&Axis, usize)> {
        let wanted = self.own_column(expr);
        let is_wanted = |name: &Name| wanted.is_some_and(|w| model::same_name(&name.text, w));
        for axis in &self.shape.axes {
            for (at, group) in axis.groups.iter().enumerate() {
                if group.columns.iter().any(is_wanted) {
                    return Ok((axis, at + 1));
                }
            }
        }
        refuse(expr.span, "a column that groups an axis is expected here")
    }

    fn is_at_level(&self, column: &Expr, reading: Reading) -> Written {
        let (axis, group) = self.group_of(column)?;
        let span = column.span;
        let total = axis.groups.get(group - 1).and_then(|g| g.total.as_ref());
        Ok(match total {
            Some(total) => {
                let total = self.column(&total.text, reading, span);
                let kind = ExprKind::Unary {
                    op: UnaryOp::Not,
                    operand: Box::new(total),
                };
                Expr { kind, span }
            }
            None => call("TRUE", Vec::new(), span),
        })
    }

    // --- Windows along an axis

    fn along<'e>(&'e self, args: &'e [Expr], span: Span) -> Written<Along<'e>> {
        let Some(first) = self.shape.axes.first() else {
            return refuse(span, "the visual shape has no axis");
        };
        let mut along = Along {
            axis: first,
            order: None,
            blanks: None,
            partition: &[],
            matching: None,
            reset: Reset::At(0),
        };
        for argument in args {
            if let Some(axis) = self.axis(argument) {
                along.axis = axis;
                continue;
            }
            match &argument.kind {
                ExprKind::Omitted => {}
                ExprKind::Identifier { name, .. } => {
                    match name.text.to_ascii_uppercase().as_str() {
                        "NONE" => along.reset = Reset::At(0),
                        "HIGHESTPARENT" => along.reset = Reset::At(1),
                        "LOWESTPARENT" => along.reset = Reset::Above(1),
                        "DEFAULT" | "KEEP" | "FIRST" | "LAST" => along.blanks = Some(argument),
                        _ => return refuse(argument.span, NOT_ALONG),
                    }
                }
                ExprKind::Call { name, args } => match name.text.to_ascii_uppercase().as_str() {
                    "ORDERBY" => along.order = Some(args),
                    "PARTITIONBY" => along.partition = args,
                    "MATCHBY" => along.matching = Some(args),
                    _ => return refuse(argument.span, NOT_ALONG),
                },
                ExprKind::Integer(at) => {
                    along.reset = Reset::At(usize::try_from(*at).unwrap_or(0));
                }
                ExprKind::Unary {
                    op: UnaryOp::Minus,
                    operand,
                } => match &operand.kind {
                    ExprKind::Integer(above) => {
                        along.reset = Reset::Above(usize::try_from(*above).unwrap_or(0));
                    }
                    _ => return refuse(argument.span, NOT_ALONG),
                },
                _ => {
                    let (axis, group) = self.group_of(argument)?;
                    if axis.name != along.axis.name {
                        let message = "the calculation resets at a column of another axis";
                        return refuse(argument.span, message);
                    }
                    along.reset = Reset::At(group);
                }
            }
        }
        Ok(along)
    }

    /// A call of a window function over all rows of the table that have the level of the current row, and are at its place of
    /// the other axes and in its values of the first `reset` groups.
    fn window(
        &self,
        function: &str,
        leading: &[Expr],
        along: &Along<'_>,
        reset: usize,
        span: Span,
    ) -> Written {
        let axis = along.axis;
        let column = |name: &Name| self.column(&name.text, Reading::Column, span);
        let terms = |terms: &[Expr]| {
            let terms = terms.iter().map(|term| self.rewrite(term, Reading::Column));
            terms.collect::<Written<Vec<Expr>>>()
        };
        let grouping = || axis.groups.iter().flat_map(|group| &group.columns);
        let order = match along.order {
            Some(order) => terms(order)?,
            None if axis.order.is_empty() => grouping().map(column).collect(),
            None => axis
                .order
                .iter()
                .flat_map(|key| {
                    let direction = if key.descending { "DESC" } else { "ASC" };
                    [column(&key.column), bare(direction, span)]
                })
                .collect(),
        };
        let mut partition: Vec<Expr> = Vec::new();
        for other in &self.shape.axes {
            let here = other.name == axis.name;
            for (at, group) in other.groups.iter().enumerate() {
                if !here || at < reset {
                    partition.extend(group.columns.iter().map(column));
                }
                partition.extend(group.total.iter().map(column));
            }
        }
        partition.extend(terms(along.partition)?);
        let matching = match along.matching {
            Some(matching) => terms(matching)?,
            None => grouping().map(column).collect(),
        };
        let mut args = leading.to_vec();
        args.push(self.every_row(span));
        args.push(call("ORDERBY", order, span));
        args.extend(along.blanks.cloned());
        if !partition.is_empty() {
            args.push(call("PARTITIONBY", partition, span));
        }
        args.push(call("MATCHBY", matching, span));
        Ok(call(function, args, span))
    }

    /// What the window of each level gives, by the level of the row.
    fn by_level(
        &self,
        along: &Along<'_>,
        reading: Reading,
        span: Span,
        make: impl Fn(usize) -> Written,
    ) -> Written {
        let make = |reset: usize| self.count(make(reset)?);
        let above = match along.reset {
            Reset::At(groups) => return make(groups),
            Reset::Above(0) => return make(0),
            Reset::Above(above) => above,
        };
        let mut chosen = make(0)?;
        for (at, group) in along.axis.groups.iter().enumerate() {
            let here = make((at + 1).saturating_sub(above))?;
            chosen = match &group.total {
                Some(total) => {
                    let total = self.column(&total.text, reading, span);
                    call("IF", vec![total, chosen, here], span)
                }
                None => here,
            };
        }
        Ok(chosen)
    }

    /// An iterator over a window, of one column.
    fn over_window(
        &self,
        iterator: &str,
        function: &str,
        leading: Vec<Expr>,
        column: &Expr,
        rest: &[Expr],
        (reading, span): (Reading, Span),
    ) -> Written {
        let Some(name) = self.own_column(column) else {
            return refuse(column.span, "a column of the visual is expected here");
        };
        let along = self.along(rest, span)?;
        self.by_level(&along, reading, span, |reset| {
            let window = self.window(function, &leading, &along, reset, span)?;
            let column = self.column(name, Reading::Row, column.span);
            Ok(call(iterator, vec![window, column], span))
        })
    }

    fn neighbour(
        &self,
        next: bool,
        column: &Expr,
        rest: &[Expr],
        reading: Reading,
        span: Span,
    ) -> Written {
        // A number of steps may stand before the axis.
        let (steps, rest) = match rest {
            [steps, behind @ ..] if matches!(steps.kind, ExprKind::Integer(_)) => {
                (steps.clone(), behind)
            }
            _ => (integer(1, span), rest),
        };
        let at = if next {
            steps
        } else {
            let kind = ExprKind::Unary {
                op: UnaryOp::Minus,
                operand: Box::new(steps),
            };
            Expr { kind, span }
        };
        self.over_window("MAXX", "OFFSET", vec![at], column, rest, (reading, span))
    }

    fn moving_average(
        &self,
        column: &Expr,
        size: &Expr,
        rest: &[Expr],
        reading: Reading,
        span: Span,
    ) -> Written {
        let (with_current, rest) = with_current(rest);
        let size = self.rewrite(size, reading)?;
        let last = if with_current { 0 } else { -1 };
        let from = binary(BinaryOp::Subtract, integer(last + 1, span), size, span);
        let leading = vec![
            from,
            bare("REL", span),
            integer(last, span),
            bare("REL", span),
        ];
        self.over_window("AVERAGEX", "WINDOW", leading, column, rest, (reading, span))
    }

    /// RANGE ( step, [with current], ... ): the rows up to so many before the current one, or behind it.
    fn range(&self, step: &Expr, rest: &[Expr], reading: Reading, span: Span) -> Written {
        let back = match &step.kind {
            ExprKind::Integer(_) => false,
            ExprKind::Unary {
                op: UnaryOp::Minus,
                operand,
            } if matches!(operand.kind, ExprKind::Integer(_)) => true,
            _ => return refuse(step.span, "the step of RANGE is a whole number"),
        };
        let (with_current, rest) = with_current(rest);
        let near = match (with_current, back) {
            (true, _) => integer(0, span),
            (false, true) => integer(-1, span),
            (false, false) => integer(1, span),
        };
        let (from, to) = if back {
            (step.clone(), near)
        } else {
            (near, step.clone())
        };
        let leading = [from, bare("REL", span), to, bare("REL", span)];
        self.rows_along("WINDOW", &leading, rest, reading, span)
    }

    /// INDEX, OFFSET, WINDOW, RANK and ROWNUMBER with an axis in the place of their table.
    fn window_call(&self, word: &str, args: &[Expr], reading: Reading, span: Span) -> Written {
        let is_word = |e: &Expr, words: &[&str]| match &e.kind {
            ExprKind::Identifier {
                name,
                quoted: false,
            } => words.iter().any(|w| w.eq_ignore_ascii_case(&name.text)),
            _ => false,
        };
        let ends = ["ABS", "REL"];
        let count = match (word, args) {
            ("INDEX" | "OFFSET", [_, ..]) => 1,
            ("RANK", [first, ..]) if is_word(first, &["DENSE", "SKIP"]) => 1,
            ("WINDOW", [_, kind, _, other, ..])
                if is_word(kind, &ends) && is_word(other, &ends) =>
            {
                4
            }
            ("WINDOW", [_, kind, _, ..]) if is_word(kind, &ends) => 3,
            ("WINDOW", [_, _, kind, ..]) if is_word(kind, &ends) => 3,
            ("WINDOW", [_, _, ..]) => 2,
            _ => 0,
        };
        let (leading, rest) = args.split_at(count);
        let leading = leading.iter().map(|e| self.rewrite(e, reading));
        let leading = leading.collect::<Written<Vec<Expr>>>()?;
        if matches!(word, "RANK" | "ROWNUMBER") {
            let along = self.along(rest, span)?;
            return self.by_level(&along, reading, span, |reset| {
                self.window(word, &leading, &along, reset, span)
            });
        }
        self.rows_along(word, &leading, rest, reading, span)
    }

    /// A window as a table, which is one for the rows of all levels.
    fn rows_along(
        &self,
        word: &str,
        leading: &[Expr],
        rest: &[Expr],
        reading: Reading,
        span: Span,
    ) -> Written {
        let along = self.along(rest, span)?;
        if matches!(along.reset, Reset::Above(above) if above > 0) {
            let message = format!("{word} does not reset at a parent that differs from row to row");
            return refuse(span, message);
        }
        self.by_level(&along, reading, span, |reset| {
            self.window(word, leading, &along, reset, span)
        })
    }
}

const NOT_ALONG: &str = "an axis, ORDERBY, PARTITIONBY, MATCHBY, how BLANK is ordered, or where to reset is expected here";

/// Whether a window has the current row, where that is said, and the arguments behind it.
fn with_current(rest: &[Expr]) -> (bool, &[Expr]) {
    let truth = |e: &Expr| match &e.kind {
        ExprKind::Call { name, args } if args.is_empty() => truth_of(&name.text),
        ExprKind::Identifier { name, .. } => truth_of(&name.text),
        _ => None,
    };
    match rest {
        [first, behind @ ..] => match truth(first) {
            Some(with_current) => (with_current, behind),
            None => (true, rest),
        },
        [] => (true, rest),
    }
}

//! Binding of time intelligence over a calendar of the model.

use std::rc::Rc;

use dax::{Expr, ExprKind, Name, Span};
use model::Calendar;
use security::{Column, Table, Target};

use super::names::time_word;
use super::{Binder, Bound};
use crate::bound::{Extension, Moments, MomentsFunction, Schema, TableExpr, TableKind};
use crate::calendars::{self, Unit};
use crate::error::ErrorKind;

/// A calendar that an argument names.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    table: Table,
    calendar: &'a Calendar,
}

/// The columns that a function works on.
struct Columns {
    /// What the result has, and after it what sorts.
    all: Vec<Column>,
    given: usize,
    /// For each unit the place of its primary column, and of the column that sorts it.
    units: Vec<(Unit, usize, usize)>,
    /// Every column that tells a unit, sorting and associated ones included, and those of other calendars of the table whose filters
    /// give way to these.
    tagged: Vec<Column>,
}

/// What may tell the periods of a unit: one column, or a unit above with a position in it.
fn ways(unit: Unit) -> &'static [(Unit, Unit)] {
    use Unit as U;
    match unit {
        U::Semester => &[(U::Year, U::SemesterOfYear)],
        U::Quarter => &[
            (U::Year, U::QuarterOfYear),
            (U::Semester, U::QuarterOfSemester),
        ],
        U::Month => &[
            (U::Year, U::MonthOfYear),
            (U::Semester, U::MonthOfSemester),
            (U::Quarter, U::MonthOfQuarter),
        ],
        U::Week => &[
            (U::Year, U::WeekOfYear),
            (U::Semester, U::WeekOfSemester),
            (U::Quarter, U::WeekOfQuarter),
            (U::Month, U::WeekOfMonth),
        ],
        U::Date => &[
            (U::Year, U::DayOfYear),
            (U::Semester, U::DayOfSemester),
            (U::Quarter, U::DayOfQuarter),
            (U::Month, U::DayOfMonth),
            (U::Week, U::DayOfWeek),
        ],
        _ => &[],
    }
}

impl Columns {
    fn place(&self, unit: Unit) -> Option<(usize, usize)> {
        let (_, primary, sort) = self.units.iter().find(|(u, ..)| *u == unit)?;
        Some((*primary, *sort))
    }

    /// Columns that tell the periods of a unit and put them in order.
    fn path(&self, unit: Unit) -> Option<Vec<usize>> {
        if let Some((_, sort)) = self.place(unit) {
            return Some(vec![sort]);
        }
        ways(unit).iter().find_map(|(above, position)| {
            let (_, position) = self.place(*position)?;
            let mut path = self.path(*above)?;
            path.push(position);
            Some(path)
        })
    }

    /// Columns that tell moments apart and put them in order.
    fn order(&self) -> Vec<usize> {
        if let Some(path) = self.path(Unit::Date) {
            return path;
        }
        let mut order = Vec::new();
        for unit in [
            Unit::Week,
            Unit::Month,
            Unit::Quarter,
            Unit::Semester,
            Unit::Year,
        ] {
            let path = self.path(unit).unwrap_or_default();
            order.extend(path);
        }
        order.extend(self.units.iter().map(|(_, _, sort)| *sort));
        let mut seen = Vec::new();
        order.retain(|place| {
            let new = !seen.contains(place);
            seen.push(*place);
            new
        });
        order
    }
}

/// The unit that the name of a function says; days where it says none.
fn unit_of_function(name: &str) -> Unit {
    let units = [
        ("YEAR", "YTD", Unit::Year),
        ("QUARTER", "QTD", Unit::Quarter),
        ("MONTH", "MTD", Unit::Month),
        ("WEEK", "WTD", Unit::Week),
    ];
    let named = |(whole, to_date, _): &&(&str, &str, Unit)| {
        name.ends_with(whole) || name.ends_with(to_date)
    };
    units
        .iter()
        .find(named)
        .map_or(Unit::Date, |(_, _, unit)| *unit)
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Year => "years",
        Unit::Quarter => "quarters",
        Unit::Month => "months",
        Unit::Week => "weeks",
        _ => "days",
    }
}

impl<'a> Binder<'a> {
    pub fn calendar_argument(&self, expr: &Expr) -> Option<Named<'a>> {
        let ExprKind::Identifier { name, quoted } = &expr.kind else {
            return None;
        };
        if !quoted && self.variable(&name.text).is_some() {
            return None;
        }
        let (table, calendar) = calendars::find(self.scope, &name.text)?;
        Some(Named { table, calendar })
    }

    /// A table function over a calendar: its name in upper case.
    pub fn calendar_call(
        &mut self,
        name: &str,
        named: Named<'a>,
        args: &[Expr],
        span: Span,
    ) -> Bound<TableExpr> {
        use MomentsFunction as F;
        let unit = unit_of_function(name);
        let function = match name {
            "FIRSTDATE" => F::First,
            "LASTDATE" => F::Last,
            "DATESWTD" | "DATESMTD" | "DATESQTD" | "DATESYTD" => F::ToDate,
            "DATESBETWEEN" => F::Between,
            "DATESINPERIOD" => F::InPeriod,
            "DATEADD" | "SAMEPERIODLASTYEAR" => F::Add,
            "PARALLELPERIOD" => F::Parallel,
            _ if name.starts_with("STARTOF") => F::StartOf,
            _ if name.starts_with("ENDOF") => F::EndOf,
            _ if name.starts_with("PREVIOUS") => F::Previous,
            _ => F::Next,
        };
        let back = [Expr {
            kind: ExprKind::Integer(-1),
            span,
        }];
        let (unit, values, rest) = match (function, args) {
            (F::Between, [_, start, end]) => (unit, vec![start, end], &[][..]),
            (F::InPeriod, [_, start, count, interval, rest @ ..]) => {
                (self.calendar_unit(interval)?, vec![start, count], rest)
            }
            (F::Add, [_, count, interval, rest @ ..]) => {
                (self.calendar_unit(interval)?, vec![count], rest)
            }
            (F::Parallel, [_, count, interval, ..]) => {
                (self.calendar_unit(interval)?, vec![count], &[][..])
            }
            (F::Add, _) => (Unit::Year, back.iter().collect(), &[][..]),
            (_, [_, end, ..]) => {
                return self.error(
                    ErrorKind::Argument,
                    end.span,
                    "the end of the year is for columns of dates; a calendar knows its own",
                );
            }
            _ => (unit, Vec::new(), &[][..]),
        };
        if function == F::Parallel && unit == Unit::Date {
            return self.error(
                ErrorKind::Argument,
                span,
                "the interval of PARALLELPERIOD is WEEK, MONTH, QUARTER or YEAR",
            );
        }
        let (extension, anchored) = self.shift_rules(function, rest)?;
        let arguments = values
            .into_iter()
            .map(|value| self.bind_scalar(value))
            .collect::<Bound<Vec<_>>>()?;
        let mut moments = self.moments(named, function, unit, span)?;
        moments.arguments = arguments;
        moments.extension = extension;
        moments.anchored = anchored;
        Ok(self.moments_table(moments, span))
    }

    /// The period to date, its end, or the moment before it, of TOTALWTD, CLOSINGBALANCEWEEK and their kin.
    pub fn calendar_period(
        &mut self,
        named: Named<'a>,
        function: MomentsFunction,
        name: &str,
        span: Span,
    ) -> Bound<TableExpr> {
        let moments = self.moments(named, function, unit_of_function(name), span)?;
        Ok(self.moments_table(moments, span))
    }

    fn moments_table(&self, moments: Moments, span: Span) -> TableExpr {
        let fields = moments.all.schema.fields.iter().take(moments.given);
        let schema = Rc::new(Schema {
            fields: fields.cloned().collect(),
            base: None,
        });
        self.table_expr(TableKind::Moments(Box::new(moments)), schema, span)
    }

    fn calendar_unit(&self, expr: &Expr) -> Bound<Unit> {
        match time_word(expr).as_str() {
            "DAY" => Ok(Unit::Date),
            "WEEK" => Ok(Unit::Week),
            "MONTH" => Ok(Unit::Month),
            "QUARTER" => Ok(Unit::Quarter),
            "YEAR" => Ok(Unit::Year),
            _ => self.error(
                ErrorKind::Argument,
                expr.span,
                "the interval is DAY, WEEK, MONTH, QUARTER or YEAR",
            ),
        }
    }

    fn shift_rules(&self, function: MomentsFunction, rest: &[Expr]) -> Bound<(Extension, bool)> {
        let in_period = function == MomentsFunction::InPeriod;
        let mut extension = if in_period {
            Extension::Precise
        } else {
            Extension::Extending
        };
        // The far end of a period of time has to be somewhere.
        let mut anchored = in_period;
        for argument in rest {
            match time_word(argument).as_str() {
                "" if argument.kind == ExprKind::Omitted => {}
                "PRECISE" => extension = Extension::Precise,
                "ENDALIGNED" => extension = Extension::EndAligned,
                "EXTENDING" | "EXTENDED" if !in_period => extension = Extension::Extending,
                "ANCHORED" if !in_period => anchored = true,
                "BLANKS" | "BLANK" if !in_period => anchored = false,
                _ => {
                    let message = if in_period {
                        "what stands here is PRECISE or ENDALIGNED"
                    } else {
                        "what stands here is PRECISE, EXTENDING or ENDALIGNED, and BLANKS or ANCHORED"
                    };
                    return self.error(ErrorKind::Argument, argument.span, message);
                }
            }
        }
        Ok((extension, anchored))
    }

    /// Everything but the arguments.
    fn moments(
        &mut self,
        named: Named<'a>,
        function: MomentsFunction,
        unit: Unit,
        span: Span,
    ) -> Bound<Moments> {
        use MomentsFunction as F;
        let lateral = function == F::Add;
        let columns = self.calendar_columns(named, lateral, span)?;
        let period = match function {
            F::First | F::Last | F::Between => Some(Vec::new()),
            _ => columns.path(unit),
        };
        let Some(period) = period else {
            let message = format!(
                "no columns of the calendar '{}' tell {} apart",
                named.calendar.name,
                unit_name(unit)
            );
            return self.error(ErrorKind::Argument, span, message);
        };
        let day = columns.place(Unit::Date).map(|(primary, _)| primary);
        if matches!(function, F::Between | F::InPeriod) && day.is_none() {
            let message = format!(
                "the calendar '{}' has no column of days",
                named.calendar.name
            );
            return self.error(ErrorKind::Argument, span, message);
        }
        let order = columns.order();
        let finer = [Unit::Semester, Unit::Quarter, Unit::Month, Unit::Week]
            .into_iter()
            .skip_while(|finer| lateral && unit != Unit::Year && *finer != unit)
            .filter(|finer| lateral && *finer != unit && unit != Unit::Date)
            .filter_map(|finer| columns.path(finer))
            .collect();
        let all = self.table_expr(
            TableKind::AllValues {
                columns: columns.all.clone(),
                blank_row: false,
            },
            self.schema_of_columns(&columns.all),
            span,
        );
        let selected = self.selected_moments(named.table, &columns, lateral, span)?;
        Ok(Moments {
            function,
            selected,
            all,
            given: columns.given,
            order,
            period,
            finer,
            day,
            arguments: Vec::new(),
            extension: Extension::Extending,
            anchored: false,
        })
    }

    fn calendar_columns(&self, named: Named<'a>, lateral: bool, span: Span) -> Bound<Columns> {
        let Named { table, calendar } = named;
        let mut columns = Columns {
            all: Vec::new(),
            given: 0,
            units: Vec::new(),
            tagged: Vec::new(),
        };
        let mut sorts: Vec<(Unit, usize, Option<Column>)> = Vec::new();
        let mut related: Vec<Column> = Vec::new();
        let find = |name: &String| self.scope.find_column(table, name);
        for group in &calendar.groups {
            let Some(text) = &group.unit else {
                related.extend(group.associated.iter().filter_map(find));
                continue;
            };
            let Some(unit) = Unit::read(text) else {
                let message = format!(
                    "the calendar '{}' has a unit of time that is not known here",
                    calendar.name
                );
                return self.error(ErrorKind::Argument, span, message);
            };
            for column in group
                .primary
                .iter()
                .chain(&group.associated)
                .filter_map(find)
            {
                columns.tagged.push(column);
                let sort = self.scope.column(column).sort_by.as_ref().and_then(find);
                columns.tagged.extend(sort);
            }
            if let Some(primary) = group.primary.as_ref().and_then(find) {
                let sort = self.scope.column(primary).sort_by.as_ref().and_then(find);
                sorts.push((unit, columns.all.len(), sort));
                columns.all.push(primary);
            }
        }
        // A shift goes sideways: it leaves what else is said of the days as it is.
        if !lateral {
            for column in related {
                if !columns.all.contains(&column) {
                    columns.all.push(column);
                }
            }
        }
        columns.given = columns.all.len();
        for column in &columns.all {
            let cleared = calendars::cleared_by(self.scope, *column);
            columns.tagged.extend(cleared);
        }
        for (unit, primary, sort) in sorts {
            let place = match sort {
                None => primary,
                Some(sort) => columns
                    .all
                    .iter()
                    .position(|column| *column == sort)
                    .unwrap_or_else(|| {
                        columns.all.push(sort);
                        columns.all.len() - 1
                    }),
            };
            columns.units.push((unit, primary, place));
        }
        if columns.units.is_empty() {
            let message = format!("the calendar '{}' has no columns", calendar.name);
            return self.error(ErrorKind::Argument, span, message);
        }
        Ok(columns)
    }

    /// CALCULATETABLE ( SUMMARIZE ( table, columns ) ), for a shift without the filters on columns that tell no unit.
    fn selected_moments(
        &mut self,
        table: Table,
        columns: &Columns,
        lateral: bool,
        span: Span,
    ) -> Bound<TableExpr> {
        let scope = self.scope;
        let name = |text: &str| Name {
            text: text.to_owned(),
            span,
        };
        let of_table = |column: &Column| Expr {
            kind: ExprKind::Qualified {
                table: name(&scope.table(table).name),
                column: name(&scope.column(*column).name),
            },
            span,
        };
        let call = |function: &str, args: Vec<Expr>| Expr {
            kind: ExprKind::Call {
                name: name(function),
                args,
            },
            span,
        };
        let mut summarized = vec![Expr {
            kind: ExprKind::Identifier {
                name: name(&scope.table(table).name),
                quoted: true,
            },
            span,
        }];
        summarized.extend(columns.all.iter().map(of_table));
        let mut calculated = vec![call("SUMMARIZE", summarized)];
        if lateral {
            let others: Vec<Expr> = scope
                .columns(table)
                .iter()
                .filter(|column| !columns.tagged.contains(column))
                // On a column in error there can be no filter.
                .filter(|column| scope.in_error(Target::Column(**column)).is_none())
                .map(of_table)
                .collect();
            if !others.is_empty() {
                calculated.push(call("REMOVEFILTERS", others));
            }
        }
        self.bind_table(&call("CALCULATETABLE", calculated))
    }
}

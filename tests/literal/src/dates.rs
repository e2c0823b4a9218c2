//! Time intelligence, day by day.

use dax::{Expr, ExprKind};

use crate::eval::{Evaluator, Place, Table};
use crate::value::{DAY, Result, Value, error, unknown};

/// Days since 1970 of a date of the Gregorian calendar; months beyond December run into later years.
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = (
        year + (month - 1).div_euclid(12),
        (month - 1).rem_euclid(12),
    );
    let leap = |y: i64| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let mut total = 0;
    for y in 1970.min(year)..1970.max(year) {
        total += if leap(y) { 366 } else { 365 };
    }
    let mut total = if year < 1970 { -total } else { total };
    for m in 0..month {
        total += month_length(year, m + 1);
    }
    total + day - 1
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

pub fn civil(day: i64) -> (i64, i64, i64) {
    let mut year = 1970 + day.div_euclid(366);
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days(year, month + 1, 1) <= day {
        month += 1;
    }
    (year, month, day - days(year, month, 1) + 1)
}

/// The last days of a long month become the last day of a shorter one.
fn moved(day: i64, months: i64) -> i64 {
    let (y, m, d) = civil(day);
    let (year, month) = (
        y + (m - 1 + months).div_euclid(12),
        (m - 1 + months).rem_euclid(12) + 1,
    );
    days(year, month, d.min(month_length(year, month)))
}

/// The first and last day of the period that a day lies in.
fn period(day: i64, unit: &str) -> (i64, i64) {
    let (y, m, _) = civil(day);
    match unit {
        "YEAR" => (days(y, 1, 1), days(y + 1, 1, 1) - 1),
        "QUARTER" => {
            let first = (m - 1) / 3 * 3 + 1;
            (days(y, first, 1), days(y, first + 3, 1) - 1)
        }
        "MONTH" => (days(y, m, 1), days(y, m + 1, 1) - 1),
        _ => (day, day),
    }
}

impl Evaluator<'_> {
    pub fn dates_call(
        &self,
        name: &str,
        args: &[Expr],
        expr: &Expr,
        place: &Place,
    ) -> Result<Table> {
        let (table, mut selected) = self.selected_dates(&args[0], place)?;
        selected.sort_unstable();
        let Some((&first, &last)) = selected.first().zip(selected.last()) else {
            return Ok(Table {
                rows: Vec::new(),
                ..table
            });
        };
        // Dates that the column does not have are no gaps.
        let gaps = selected.windows(2).any(|w| w[1] - w[0] > 1)
            && self
                .all_dates(&table)
                .iter()
                .any(|day| (first..=last).contains(day) && !selected.contains(day));
        let word = |k: usize| match &args[k].kind {
            ExprKind::Identifier { name, .. } => name.text.to_uppercase(),
            ExprKind::Call { name, .. } => name.text.to_uppercase(),
            _ => String::new(),
        };
        let count = |k: usize| match self.scalar(&args[k], place)? {
            Value::Integer(i) => Ok(i),
            other => unknown(other),
        };
        let months = |unit: &str| match unit {
            "YEAR" => 12,
            "QUARTER" => 3,
            _ => 1,
        };
        let shift = |n: i64, unit: &str| {
            if gaps {
                return error("a shift needs dates without gaps");
            }
            if unit == "DAY" {
                return Ok((first + n, last + n));
            }
            let (mut from, mut to) = (
                moved(first, n * months(unit)),
                moved(last, n * months(unit)),
            );
            // A month has the days that the column has of it.
            let all = self.all_dates(&table);
            let (month, end) = (period(first, "MONTH").0, period(last, "MONTH").1);
            if first < last && !all.iter().any(|day| (month..first).contains(day)) {
                from = period(from, "MONTH").0;
            }
            if first < last && !all.iter().any(|day| (last + 1..=end).contains(day)) {
                to = period(to, "MONTH").1;
            }
            Ok((from, to))
        };
        let (from, to) = match name {
            "DATESYTD" => (period(last, "YEAR").0, last),
            "DATESQTD" => (period(last, "QUARTER").0, last),
            "DATESMTD" => (period(last, "MONTH").0, last),
            "SAMEPERIODLASTYEAR" => shift(-1, "YEAR")?,
            "DATEADD" => shift(count(1)?, &word(2))?,
            "PARALLELPERIOD" => {
                let unit = word(2);
                let whole = |day: i64| Ok(period(moved(day, count(1)? * months(&unit)), &unit));
                (whole(first)?.0, whole(last)?.1)
            }
            "PREVIOUSMONTH" => period(period(first, "MONTH").0 - 1, "MONTH"),
            "PREVIOUSYEAR" => period(period(first, "YEAR").0 - 1, "YEAR"),
            "NEXTMONTH" => period(period(last, "MONTH").1 + 1, "MONTH"),
            "NEXTYEAR" => period(period(last, "YEAR").1 + 1, "YEAR"),
            "FIRSTDATE" => (first, first),
            "LASTDATE" => (last, last),
            _ => return unknown(expr),
        };
        let mut rows: Vec<i64> = self
            .all_dates(&table)
            .into_iter()
            .filter(|day| (from..=to).contains(day))
            .collect();
        rows.sort_unstable();
        rows.dedup();
        Ok(Table {
            rows: rows.into_iter().map(|day| vec![Value::date(day)]).collect(),
            ..table
        })
    }

    /// The dates of a column in the context, current rows as filters; or of a table of dates.
    fn selected_dates(&self, argument: &Expr, place: &Place) -> Result<(Table, Vec<i64>)> {
        let table = if matches!(argument.kind, ExprKind::Qualified { .. }) {
            let col = self.column(argument)?;
            let context = self.transition(place)?;
            Table::of(
                vec![self.field(col)],
                self.data.tuples(&[col], &context, true),
            )
        } else {
            self.table(argument, place)?
        };
        let days = days_of(&table.rows);
        Ok((
            Table {
                base: None,
                at: Vec::new(),
                ..table
            },
            days,
        ))
    }

    fn all_dates(&self, table: &Table) -> Vec<i64> {
        match table.fields[0].lineage {
            Some(col) => days_of(&self.data.tuples(&[col], &Default::default(), false)),
            None => days_of(&table.rows),
        }
    }

    pub fn total_to_date(&self, name: &str, args: &[Expr], place: &Place) -> Result<Value> {
        let function = name.replace("TOTAL", "DATES");
        let dates = Expr {
            kind: ExprKind::Call {
                name: dax::Name {
                    text: function,
                    span: dax::Span::default(),
                },
                args: vec![args[1].clone()],
            },
            span: dax::Span::default(),
        };
        let filters: Vec<Expr> = std::iter::once(dates)
            .chain(args.get(2..).unwrap_or(&[]).iter().cloned())
            .collect();
        let context = self.calculated(&filters, place)?;
        self.scalar(&args[0], &place.in_context(context))
    }
}

fn days_of(rows: &[Vec<Value>]) -> Vec<i64> {
    let day = |row: &Vec<Value>| match row[0] {
        Value::DateTime(micros) => Some(micros.div_euclid(DAY)),
        _ => None,
    };
    rows.iter().filter_map(day).collect()
}

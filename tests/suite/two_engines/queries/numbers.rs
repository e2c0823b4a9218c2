//! Scalars: numbers, text, conditions.

use model::DataType;

use super::{Row, Typed, Writer, is_number};

impl Writer<'_> {
    pub(super) fn number(&mut self) -> Typed {
        if !self.spend() {
            return self.leaf();
        }
        match self.random.below(27) {
            26 => {
                // What an iteration goes through, from inside it.
                let keys = self.group_values();
                let share = self.in_row(&keys.row, Self::share);
                (
                    format!("SUMX({}, {share} + 0.0)", keys.text),
                    DataType::Double,
                )
            }
            22 => {
                // An error of one context, if there are several values.
                let (column, data_type) = self.pick_column(is_number);
                let (other, of) = self.number();
                let other = if of == data_type {
                    other
                } else {
                    format!("MIN({column})")
                };
                (format!("IFERROR(VALUES({column}), {other})"), data_type)
            }
            23 => {
                let table = self.any_table();
                let columns = self.columns_of(&[table]);
                let (wanted, searched) = (self.random.pick(&columns).clone(), columns[0].clone());
                if !is_number(wanted.1) {
                    return self.leaf();
                }
                let constant = self.constant(searched.1);
                (
                    format!(
                        "LOOKUPVALUE({}, {}, {constant}, 0 * MIN({}))",
                        wanted.0, searched.0, wanted.0
                    ),
                    wanted.1,
                )
            }
            24 => {
                let table = self.any_table();
                let columns: Vec<Typed> = self
                    .columns_of(&[table])
                    .into_iter()
                    .filter(|c| is_number(c.1))
                    .collect();
                let column = self.random.pick(&columns).0.clone();
                let name = &self.model().tables[table].name;
                let op = *self.random.pick(&["<", "<=", "="]);
                (
                    format!(
                        "SUMX('{name}', COUNTROWS(FILTER('{name}', {column} {op} EARLIER({column}))))"
                    ),
                    DataType::Integer,
                )
            }
            0..=4 => self.leaf(),
            5 | 6 => self.iterator(),
            7..=10 => {
                let filters = self.filters();
                let (body, data_type) = self.without_rows(Self::number);
                (format!("CALCULATE({body}{filters})"), data_type)
            }
            11 | 12 => self.arithmetic(),
            13 => {
                let (a, left) = self.number();
                let (b, right) = self.number();
                let data_type = if left == DataType::Fixed && right != DataType::Fixed {
                    DataType::Fixed
                } else {
                    DataType::Double
                };
                (format!("DIVIDE({a}, {b})"), data_type)
            }
            14 => {
                let condition = self.condition();
                if self.random.chance(40) {
                    let (then, data_type) = self.number();
                    return (format!("IF({condition}, {then})"), data_type);
                }
                let ((a, b), data_type) = self.alike();
                (format!("IF({condition}, {a}, {b})"), data_type)
            }
            15 => {
                let ((a, b), data_type) = self.alike();
                (format!("COALESCE({a}, {b})"), data_type)
            }
            16 => self.variable_block(),
            17 => {
                let table = self.table();
                (format!("COUNTROWS({})", table.text), DataType::Integer)
            }
            18 => self.rank(),
            19 => self.over_dates(),
            20 => {
                let ((a, b), data_type) = self.alike();
                let (subject, of) =
                    self.pick_column(|t| t == DataType::Text || t == DataType::Integer);
                let (c, d) = (self.constant(of), self.constant(of));
                (
                    format!("SWITCH(SELECTEDVALUE({subject}), {c}, {a}, {d}, {b})"),
                    data_type,
                )
            }
            _ => self.measure_name(),
        }
    }

    /// Two numbers of one type.
    pub(super) fn alike(&mut self) -> ((String, String), DataType) {
        let (a, left) = self.number();
        let (b, right) = self.number();
        if left == right {
            return ((a, b), left);
        }
        (
            (format!("({a}) + 0.0"), format!("({b}) + 0.0")),
            DataType::Double,
        )
    }

    pub(super) fn leaf(&mut self) -> Typed {
        let of_rows: Vec<Typed> = self
            .rows
            .iter()
            .flat_map(|row| row.columns.clone())
            .filter(|c| is_number(c.1))
            .collect();
        if !of_rows.is_empty() && self.random.chance(45) {
            return self.random.pick(&of_rows).clone();
        }
        if let Some(base) = self.rows.last().and_then(|row| row.base)
            && self.random.chance(35)
        {
            let found: Vec<usize> = self
                .found_from(base)
                .into_iter()
                .filter(|&t| t != base)
                .collect();
            let columns: Vec<Typed> = self
                .columns_of(&found)
                .into_iter()
                .filter(|c| is_number(c.1))
                .collect();
            if !columns.is_empty() {
                let (column, data_type) = self.random.pick(&columns).clone();
                return (format!("RELATED({column})"), data_type);
            }
        }
        let of_variables: Vec<Typed> = self
            .variables
            .iter()
            .filter(|v| is_number(v.1))
            .cloned()
            .collect();
        if !of_variables.is_empty() && self.random.chance(40) {
            return self.random.pick(&of_variables).clone();
        }
        match self.random.below(12) {
            0 => (format!("{}", self.random.between(-2, 5)), DataType::Integer),
            1 => (
                format!("{}", self.random.between(-2, 5) as f64 + 0.5),
                DataType::Double,
            ),
            2..=4 => self.measure_name(),
            5 => {
                let table = self.any_table();
                (
                    format!("COUNTROWS('{}')", self.model().tables[table].name),
                    DataType::Integer,
                )
            }
            6 => {
                let (column, _) = self.pick_column(|t| t != DataType::Boolean);
                let function = *self.random.pick(&[
                    "DISTINCTCOUNT",
                    "COUNT",
                    "COUNTBLANK",
                    "DISTINCTCOUNTNOBLANK",
                ]);
                (format!("{function}({column})"), DataType::Integer)
            }
            7 => {
                let (column, data_type) = self.pick_column(is_number);
                (format!("SELECTEDVALUE({column})"), data_type)
            }
            8 => {
                let (column, data_type) = self.pick_column(is_number);
                let data_type = if data_type == DataType::Fixed {
                    data_type
                } else {
                    DataType::Double
                };
                (format!("AVERAGE({column})"), data_type)
            }
            _ => {
                let (column, data_type) = self.pick_column(is_number);
                let function = *self.random.pick(&["SUM", "SUM", "MIN", "MAX"]);
                (format!("{function}({column})"), data_type)
            }
        }
    }

    pub(super) fn iterator(&mut self) -> Typed {
        let rows = if self.random.chance(50) {
            self.group_values()
        } else {
            self.table()
        };
        let (body, data_type) = self.in_row(&rows.row, Self::number);
        let (function, data_type) = match self.random.below(6) {
            0 if data_type == DataType::Fixed => ("AVERAGEX", data_type),
            0 => ("AVERAGEX", DataType::Double),
            1 => ("MINX", data_type),
            2 => ("MAXX", data_type),
            3 => ("COUNTX", DataType::Integer),
            _ => ("SUMX", data_type),
        };
        (format!("{function}({}, {body})", rows.text), data_type)
    }

    pub(super) fn arithmetic(&mut self) -> Typed {
        let (a, left) = self.number();
        let (b, right) = self.number();
        use DataType::{Double, Fixed, Integer};
        let op = *self.random.pick(&["+", "-", "*", "/", "+", "-"]);
        let data_type = match (op, left, right) {
            ("*", Fixed, Fixed) => Double,
            ("*", Fixed, _) | ("*", _, Fixed) => Fixed,
            ("/", Fixed, Integer | Double) => Fixed,
            ("/", ..) => Double,
            (_, Integer, Integer) => Integer,
            (_, Double, _) | (_, _, Double) => Double,
            _ => Fixed,
        };
        (format!("({a} {op} {b})"), data_type)
    }

    pub(super) fn variable_block(&mut self) -> Typed {
        if self.random.chance(30) {
            return self.table_variable();
        }
        let name = self.name("_v");
        let (value, of) = self.number();
        self.variables.push((name.clone(), of));
        let (body, data_type) = self.number();
        self.variables.pop();
        (format!("(VAR {name} = {value} RETURN {body})"), data_type)
    }

    /// A table that is computed once and then counted, iterated, or used as a filter.
    pub(super) fn table_variable(&mut self) -> Typed {
        let name = self.name("_t");
        let rows = self.table();
        self.tables_known.push((name.clone(), rows.row));
        let (body, data_type) = self.number();
        self.tables_known.pop();
        (
            format!(
                "(VAR {name} = {} RETURN {body} + 0 * COUNTROWS({name}))",
                rows.text
            ),
            data_type,
        )
    }

    pub(super) fn rank(&mut self) -> Typed {
        let column = self.group_column();
        let order = *self
            .random
            .pick(&["", ", , ASC", ", , DESC, DENSE", ", , ASC, SKIP"]);
        let table = if self.random.chance(60) {
            format!("ALL({column})")
        } else {
            format!("VALUES({column})")
        };
        let row = Row {
            columns: vec![(column.clone(), self.type_of(&column))],
            base: None,
        };
        // The expression is evaluated outside the table's rows too.
        let _ = row;
        let body = self.measure_name().0;
        (format!("RANKX({table}, {body}{order})"), DataType::Integer)
    }

    pub(super) fn over_dates(&mut self) -> Typed {
        let Some(date) = self.date_column() else {
            return self.leaf();
        };
        let (body, data_type) = self.without_rows(Self::number);
        let dates = self.dates_of(&date);
        match self.random.below(5) {
            0 => (format!("TOTALYTD({body}, {date})"), data_type),
            _ => (format!("CALCULATE({body}, {dates})"), data_type),
        }
    }

    pub(super) fn dates_of(&mut self, date: &str) -> String {
        let count = self.random.between(-2, 2);
        match self.random.below(9) {
            0 | 1 => format!("DATESYTD({date})"),
            2 | 3 => format!("SAMEPERIODLASTYEAR({date})"),
            4 => format!("DATEADD({date}, {count}, MONTH)"),
            5 => format!("DATEADD({date}, {count}, YEAR)"),
            6 => format!("DATEADD({date}, {count}, DAY)"),
            7 => format!("PREVIOUSMONTH({date})"),
            _ => format!("DATESQTD({date})"),
        }
    }

    pub(super) fn text(&mut self) -> String {
        let of_rows: Vec<Typed> = self
            .rows
            .iter()
            .flat_map(|row| row.columns.clone())
            .filter(|c| c.1 == DataType::Text)
            .collect();
        if !of_rows.is_empty() && self.random.chance(60) {
            return self.random.pick(&of_rows).0.clone();
        }
        let (column, _) = self.pick_column(|t| t == DataType::Text);
        match self.random.below(5) {
            0 => format!("SELECTEDVALUE({column}, \"several\")"),
            1 => format!("MAX({column})"),
            2 => format!("MIN({column})"),
            // Which spelling is shown is not laid down: trailing spaces must stay at the end.
            3 => format!("\"-\" & SELECTEDVALUE({column})"),
            4 if self.random.chance(50) => {
                let (column, _) = self.pick_column(|t| t == DataType::Integer);
                format!("CONCATENATEX(VALUES({column}), {column}, \"-\", {column})")
            }
            _ => self.constant(DataType::Text),
        }
    }

    pub(super) fn condition(&mut self) -> String {
        if !self.spend() {
            let columns: Vec<Typed> = self
                .rows
                .iter()
                .flat_map(|row| row.columns.clone())
                .collect();
            if columns.is_empty() {
                let (measure, _) = self.measure_name();
                return format!("{measure} > {}", self.random.between(0, 20));
            }
            return self.comparison(&columns);
        }
        let columns: Vec<Typed> = self
            .rows
            .iter()
            .flat_map(|row| row.columns.clone())
            .collect();
        match self.random.below(14) {
            0..=3 if !columns.is_empty() => self.comparison(&columns),
            4 => {
                let op = *self.random.pick(&["&&", "||"]);
                format!("({} {op} {})", self.condition(), self.condition())
            }
            5 => format!("NOT ({})", self.condition()),
            6 => format!("HASONEVALUE({})", self.group_column()),
            7 => format!("ISBLANK({})", self.number().0),
            8 => {
                let table = self.table();
                format!("ISEMPTY({})", table.text)
            }
            9 => {
                let text = self.text();
                format!("{text} = {}", self.constant(DataType::Text))
            }
            10 => format!("ISFILTERED({})", self.group_column()),
            11 if !columns.is_empty() => {
                let (column, data_type) = self.random.pick(&columns).clone();
                let (of, _) = self.pick_column(|t| t == data_type);
                if data_type == DataType::DateTime {
                    format!("ISBLANK({column})")
                } else {
                    format!("{column} IN VALUES({of})")
                }
            }
            12 => {
                let (column, data_type) = self.pick_column(|t| t != DataType::DateTime);
                let table = column[..column.find('[').expect("a column")].to_owned();
                format!("CONTAINS({table}, {column}, {})", self.constant(data_type))
            }
            _ => {
                let op = *self.random.pick(&["<", "<=", ">", ">=", "=", "<>"]);
                format!("{} {op} {}", self.number().0, self.number().0)
            }
        }
    }
}

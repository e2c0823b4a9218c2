//! Random DAX over a random model: well typed, mostly meaningful, nested as deep as a budget allows.

use model::{Cardinality, DataType, Model};

use super::models::{Sort, World, member};
use super::random::Random;

/// Whether rows of a model's table stand as filters of SUMMARIZECOLUMNS.
const ROW_FILTERS: bool = true;
/// Whether an iteration over rows of a model's table may hold what frees some of their columns again.
const FREED_ROWS: bool = true;

/// Numbers by type, so that branches of one expression agree.
type Typed = (String, DataType);

/// A current row: the columns that it offers, and the model table that it is a row of.
#[derive(Clone, Default)]
struct Row {
    columns: Vec<Typed>,
    base: Option<usize>,
}

/// A table expression and the rows that it gives.
struct Rows {
    text: String,
    row: Row,
}

pub struct Writer<'w> {
    world: &'w World,
    random: &'w mut Random,
    rows: Vec<Row>,
    variables: Vec<Typed>,
    next: usize,
    /// Function calls that may still be written.
    budget: i64,
    /// Iterations over rows of a model table around this place, inside CALCULATE too.
    over_rows: usize,
    /// Definitions of the query.
    defined: Vec<String>,
    tables_known: Vec<(String, Row)>,
}

fn is_number(data_type: DataType) -> bool {
    matches!(
        data_type,
        DataType::Integer | DataType::Fixed | DataType::Double
    )
}

impl<'w> Writer<'w> {
    pub fn new(world: &'w World, random: &'w mut Random) -> Writer<'w> {
        Writer {
            world,
            random,
            rows: Vec::new(),
            variables: Vec::new(),
            next: 0,
            budget: 12,
            over_rows: 0,
            defined: Vec::new(),
            tables_known: Vec::new(),
        }
    }

    fn model(&self) -> &'w Model {
        self.world.model()
    }

    /// The expression of a measure of the model.
    pub fn measure(mut self) -> String {
        self.budget = 6;
        self.number().0
    }

    /// A role's filter on a table.
    pub fn row_filter(mut self, table: usize) -> String {
        let columns = self.columns_of(&[table]);
        let first = self.comparison(&columns);
        match self.random.below(5) {
            0 => format!("{first} || {}", self.comparison(&columns)),
            1 => format!("NOT ({first})"),
            _ => first,
        }
    }

    pub fn query(mut self) -> String {
        if self.random.chance(15) {
            self.budget = 5;
            let (body, _) = self.number();
            self.defined
                .push(format!("MEASURE 'F1'[Measure of the query] = {body}"));
        }
        self.budget = 4 + self.random.between(0, 20);
        let table = match self.random.below(10) {
            0..=5 => self.summarize_columns(),
            6 => {
                let value = self.value();
                format!("ROW(\"v\", {value})")
            }
            7 => {
                let keys = self.group_values();
                let value = self.in_row(&keys.row, |w| w.value());
                format!("ADDCOLUMNS({}, \"v\", {value})", keys.text)
            }
            _ => self.table().text,
        };
        if self.defined.is_empty() {
            return format!("EVALUATE {table}");
        }
        format!("DEFINE {} EVALUATE {table}", self.defined.join(" "))
    }

    fn spend(&mut self) -> bool {
        self.budget -= 1;
        self.budget > 0
    }

    fn name(&mut self, stem: &str) -> String {
        self.next += 1;
        format!("{stem}{}", self.next)
    }

    fn in_row<T>(&mut self, row: &Row, write: impl FnOnce(&mut Self) -> T) -> T {
        self.rows.push(row.clone());
        self.over_rows += usize::from(row.base.is_some());
        let written = write(self);
        self.over_rows -= usize::from(row.base.is_some());
        self.rows.pop();
        written
    }

    /// Inside CALCULATE there are no current rows.
    fn without_rows<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> T {
        let rows = std::mem::take(&mut self.rows);
        let written = write(self);
        self.rows = rows;
        written
    }

    fn tables(&self, sorts: &[Sort]) -> Vec<usize> {
        (0..self.world.sorts.len())
            .filter(|&t| sorts.contains(&self.world.sorts[t]))
            .collect()
    }

    fn any_table(&mut self) -> usize {
        let tables = self.tables(&[Sort::Fact, Sort::Fact, Sort::Dimension]);
        *self.random.pick(&tables)
    }

    fn columns_of(&self, tables: &[usize]) -> Vec<Typed> {
        let model = self.model();
        tables
            .iter()
            .flat_map(|&t| {
                (0..model.tables[t].columns.len()).map(move |c| {
                    (
                        member(&model.tables[t], c),
                        model.tables[t].columns[c].data_type,
                    )
                })
            })
            .collect()
    }

    fn row_of(&self, table: usize) -> Row {
        Row {
            columns: self.columns_of(&[table]),
            base: Some(table),
        }
    }

    /// Tables that a row of this table finds one row of.
    fn found_from(&self, table: usize) -> Vec<usize> {
        let model = self.model();
        let number = |name: &str| {
            model
                .tables
                .iter()
                .position(|t| t.name == name)
                .expect("a table")
        };
        let mut found = vec![table];
        let mut next = 0;
        while next < found.len() {
            let here = found[next];
            next += 1;
            for r in model
                .relationships
                .iter()
                .filter(|r| r.active && r.to_cardinality == Cardinality::One)
            {
                let (from, to) = (number(&r.from_table), number(&r.to_table));
                if from == here && !found.contains(&to) {
                    found.push(to);
                }
                if r.from_cardinality == Cardinality::One && to == here && !found.contains(&from) {
                    found.push(from);
                }
            }
        }
        found
    }

    fn pick_column(&mut self, wanted: impl Fn(DataType) -> bool) -> Typed {
        let tables = self.tables(&[Sort::Fact, Sort::Dimension]);
        let columns: Vec<Typed> = self
            .columns_of(&tables)
            .into_iter()
            .filter(|c| wanted(c.1))
            .collect();
        self.random.pick(&columns).clone()
    }

    /// A column to group by: of a dimension, or of the dates.
    fn group_column(&mut self) -> String {
        let tables = self.tables(&[Sort::Dimension, Sort::Dates]);
        let mut columns: Vec<Typed> = self.columns_of(&tables);
        // Days are too many to group by in a literal evaluation.
        columns.retain(|c| c.1 != DataType::DateTime);
        if self.random.chance(15) {
            let facts = self.tables(&[Sort::Fact]);
            columns = self
                .columns_of(&facts)
                .into_iter()
                .filter(|c| matches!(c.1, DataType::Text | DataType::Integer))
                .collect();
        }
        self.random.pick(&columns).0.clone()
    }

    fn type_of(&self, column: &str) -> DataType {
        let all: Vec<usize> = (0..self.world.sorts.len()).collect();
        let columns = self.columns_of(&all);
        columns
            .into_iter()
            .find(|(text, _)| text == column)
            .map_or(DataType::Unknown, |c| c.1)
    }

    fn date_column(&self) -> Option<String> {
        let dates = self.tables(&[Sort::Dates]);
        dates.first().map(|&t| member(&self.model().tables[t], 0))
    }

    fn summarize_columns(&mut self) -> String {
        let mut parts: Vec<String> = Vec::new();
        for _ in 0..self.random.below(3) {
            let column = self.group_column();
            if !parts.contains(&column) {
                parts.push(column);
            }
        }
        if self.random.chance(15)
            && let Some(&items) = self.tables(&[Sort::Items]).first()
        {
            parts.push(member(&self.model().tables[items], 0));
        }
        let none = parts.is_empty();
        for _ in 0..self.random.below(3) {
            if self.random.chance(50) {
                parts.push(self.filter_table());
            }
        }
        let values = if none { 1 } else { self.random.below(3) };
        for k in 0..values {
            let value = if self.random.chance(30) {
                self.measure_name().0
            } else {
                self.value()
            };
            parts.push(format!("\"v{k}\", {value}"));
        }
        format!("SUMMARIZECOLUMNS({})", parts.join(", "))
    }

    /// A table that serves as a filter of a query.
    fn filter_table(&mut self) -> String {
        let column = self.group_column();
        let data_type = self.type_of(&column);
        match self.random.below(7) {
            // Excluded for now: rows of a model's table as a filter beside groups.
            5 if ROW_FILTERS => {
                let table = self.any_table();
                let row = self.row_of(table);
                let condition = self.in_row(&row, |w| w.comparison(&row.columns));
                format!("FILTER('{}', {condition})", self.model().tables[table].name)
            }
            6 => {
                let other = self.group_column();
                let of = self.type_of(&other);
                if other == column {
                    return format!("VALUES({column})");
                }
                format!(
                    "TREATAS({{{}}}, {column}, {other})",
                    self.pairs(data_type, of)
                )
            }
            0 | 1 => {
                let constants = self.constants(data_type, 3);
                format!("TREATAS({{{constants}}}, {column})")
            }
            2 => {
                let condition = self.comparison(&[(column.clone(), data_type)]);
                format!("FILTER(ALL({column}), {condition})")
            }
            3 => {
                let condition = self.comparison(&[(column.clone(), data_type)]);
                format!("FILTER(VALUES({column}), {condition})")
            }
            _ => {
                let table = self.any_table();
                let row = self.row_of(table);
                let columns: Vec<Typed> = row.columns.clone();
                let two: Vec<Typed> = (0..2).map(|_| self.random.pick(&columns).clone()).collect();
                if two[0].0 == two[1].0 {
                    return format!("VALUES({})", two[0].0);
                }
                let condition = self.comparison(&two);
                format!("FILTER(ALL({}, {}), {condition})", two[0].0, two[1].0)
            }
        }
    }

    fn constant(&mut self, data_type: DataType) -> String {
        match data_type {
            DataType::Text => {
                let words = [
                    "red", "Green", "north", "SOUTH", "a", "b", "k1", "K2", "x", "yes", "p",
                    "To date", "nowhere", "",
                ];
                format!("\"{}\"", self.random.pick(&words))
            }
            DataType::Boolean => if self.random.chance(50) {
                "TRUE()"
            } else {
                "FALSE()"
            }
            .to_owned(),
            DataType::DateTime => format!(
                "DATE({}, {}, {})",
                self.random.between(2019, 2021),
                self.random.between(1, 12),
                self.random.between(1, 28)
            ),
            DataType::Double => format!("{}", self.random.between(-2, 8) as f64 * 0.5 + 0.25),
            DataType::Integer if self.random.chance(10) => {
                format!("{}", self.random.between(2019, 2021))
            }
            _ => format!("{}", self.random.between(0, 6)),
        }
    }

    fn constants(&mut self, data_type: DataType, most: usize) -> String {
        let mut list = Vec::new();
        for _ in 0..1 + self.random.below(most) {
            let constant = self.constant(data_type);
            if !list.contains(&constant) {
                list.push(constant);
            }
        }
        list.join(", ")
    }

    fn pairs(&mut self, left: DataType, right: DataType) -> String {
        let first = format!("({}, {})", self.constant(left), self.constant(right));
        let second = format!("({}, {})", self.constant(left), self.constant(right));
        if first.eq_ignore_ascii_case(&second) {
            first
        } else {
            format!("{first}, {second}")
        }
    }

    /// A condition on one of these columns.
    fn comparison(&mut self, columns: &[Typed]) -> String {
        let (column, data_type) = self.random.pick(columns).clone();
        let constant = self.constant(data_type);
        match self.random.below(8) {
            0 => format!("ISBLANK({column})"),
            1 => format!("NOT ISBLANK({column})"),
            2 => format!("{column} <> {constant}"),
            3 => format!("{column} == {constant}"),
            4 | 5 if data_type != DataType::Boolean => {
                let op = *self.random.pick(&["<", "<=", ">", ">="]);
                format!("{column} {op} {constant}")
            }
            6 => {
                let constants = self.constants(data_type, 3);
                format!("{column} IN {{{constants}}}")
            }
            _ => format!("{column} = {constant}"),
        }
    }

    fn measure_name(&mut self) -> Typed {
        let mut names: Vec<String> = self
            .model()
            .tables
            .iter()
            .flat_map(|t| &t.measures)
            .map(|m| m.name.clone())
            .collect();
        if !FREED_ROWS && self.over_rows > 0 {
            names.truncate(3);
        }
        if !FREED_ROWS && self.over_rows > 0 && self.rows.len() != 1 {
            return ("1".to_owned(), DataType::Integer);
        }
        if !self.defined.is_empty() {
            names.push("Measure of the query".to_owned());
        }
        let name = self.random.pick(&names).clone();
        let data_type = match name.as_str() {
            "Total" => DataType::Fixed,
            "Lines" | "Units" => DataType::Integer,
            // What a random expression gives is not known here.
            _ => return (format!("([{name}] + 0.0)"), DataType::Double),
        };
        (format!("[{name}]"), data_type)
    }

    /// A scalar for a result.
    fn value(&mut self) -> String {
        match self.random.below(10) {
            0 => self.text(),
            1 => self.condition(),
            _ => self.number().0,
        }
    }

    fn number(&mut self) -> Typed {
        // Excluded for now: context transition of a model's row together with other rows.
        if !self.spend() || (!FREED_ROWS && self.over_rows > 0 && self.rows.len() != 1) {
            return self.leaf();
        }
        match self.random.below(22) {
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
    fn alike(&mut self) -> ((String, String), DataType) {
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

    fn leaf(&mut self) -> Typed {
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

    fn iterator(&mut self) -> Typed {
        let rows = if self.random.chance(50) {
            self.group_values()
        } else {
            self.table()
        };
        let (body, data_type) = self.in_row(&rows.row, Self::number);
        let (function, data_type) = match self.random.below(6) {
            // Excluded for now: averages of fixed decimals, which are rounded only where they are not BLANK.
            0 if data_type == DataType::Fixed => ("SUMX", data_type),
            0 => ("AVERAGEX", DataType::Double),
            1 => ("MINX", data_type),
            2 => ("MAXX", data_type),
            3 => ("COUNTX", DataType::Integer),
            _ => ("SUMX", data_type),
        };
        (format!("{function}({}, {body})", rows.text), data_type)
    }

    fn arithmetic(&mut self) -> Typed {
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

    fn variable_block(&mut self) -> Typed {
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
    fn table_variable(&mut self) -> Typed {
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

    fn rank(&mut self) -> Typed {
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

    fn over_dates(&mut self) -> Typed {
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

    fn dates_of(&mut self, date: &str) -> String {
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

    fn text(&mut self) -> String {
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
            _ => self.constant(DataType::Text),
        }
    }

    fn condition(&mut self) -> String {
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

    /// VALUES or ALL of a column to group by.
    fn group_values(&mut self) -> Rows {
        let column = self.group_column();
        let function = *self
            .random
            .pick(&["VALUES", "VALUES", "DISTINCT", "ALL", "ALLNOBLANKROW"]);
        let row = Row {
            columns: vec![(column.clone(), self.type_of(&column))],
            base: None,
        };
        Rows {
            text: format!("{function}({column})"),
            row,
        }
    }

    fn table(&mut self) -> Rows {
        if !self.tables_known.is_empty() && self.random.chance(35) {
            let known: Vec<usize> = (0..self.tables_known.len()).collect();
            let (text, row) = self.tables_known[*self.random.pick(&known)].clone();
            return Rows { text, row };
        }
        if !self.spend() {
            let table = self.any_table();
            return Rows {
                text: format!("'{}'", self.model().tables[table].name),
                row: self.row_of(table),
            };
        }
        match self.random.below(26) {
            20 => {
                // Values of two columns of one table.
                let table = self.any_table();
                let columns = self.columns_of(&[table]);
                let (a, b) = (
                    self.random.pick(&columns).clone(),
                    self.random.pick(&columns).clone(),
                );
                if a.0 == b.0 {
                    return self.group_values();
                }
                Rows {
                    text: format!("ALL({}, {})", a.0, b.0),
                    row: Row {
                        columns: vec![a, b],
                        base: None,
                    },
                }
            }
            21 => {
                let rows = self.group_values();
                let (column, data_type) = rows.row.columns[0].clone();
                let name = self.name("x");
                let row = Row {
                    columns: vec![(format!("[{name}]"), data_type)],
                    base: None,
                };
                Rows {
                    text: format!("SELECTCOLUMNS({}, \"{name}\", {column})", rows.text),
                    row,
                }
            }
            22 => {
                let keys = self.group_values();
                let (value, data_type) = self.in_row(&keys.row, Self::number);
                let name = self.name("x");
                let mut row = keys.row.clone();
                row.columns.push((format!("[{name}]"), data_type));
                Rows {
                    text: format!("GENERATE({}, ROW(\"{name}\", {value}))", keys.text),
                    row,
                }
            }
            23 => {
                let keys = self.group_values();
                let (value, _) = self.in_row(&keys.row, Self::number);
                let function = *self.random.pick(&["FIRSTNONBLANK", "LASTNONBLANK"]);
                let column = keys.row.columns[0].0.clone();
                Rows {
                    text: format!("{function}({column}, {value})"),
                    row: keys.row,
                }
            }
            24 => {
                let rows = self.table();
                Rows {
                    text: format!("DISTINCT({})", rows.text),
                    row: rows.row,
                }
            }
            25 => {
                let (a, b) = (self.group_column(), self.group_column());
                if a == b {
                    return self.group_values();
                }
                let (left, right) = (self.type_of(&a), self.type_of(&b));
                let constants = self.pairs(left, right);
                Rows {
                    text: format!("TREATAS({{{constants}}}, {a}, {b})"),
                    row: Row {
                        columns: vec![(a, left), (b, right)],
                        base: None,
                    },
                }
            }
            0..=2 => {
                let table = self.any_table();
                Rows {
                    text: format!("'{}'", self.model().tables[table].name),
                    row: self.row_of(table),
                }
            }
            3 | 4 => self.group_values(),
            5..=7 => {
                let rows = self.table();
                let condition = self.in_row(&rows.row, Self::condition);
                Rows {
                    text: format!("FILTER({}, {condition})", rows.text),
                    row: rows.row,
                }
            }
            8 => {
                let table = self.any_table();
                let function = *self.random.pick(&["ALL", "VALUES", "ALLNOBLANKROW"]);
                Rows {
                    text: format!("{function}('{}')", self.model().tables[table].name),
                    row: self.row_of(table),
                }
            }
            9 | 10 => self.summarize(),
            11 | 12 => {
                let rows = self.table();
                let name = self.name("x");
                let (value, data_type) = self.in_row(&rows.row, Self::number);
                let mut row = rows.row;
                row.columns.push((format!("[{name}]"), data_type));
                Rows {
                    text: format!("ADDCOLUMNS({}, \"{name}\", {value})", rows.text),
                    row,
                }
            }
            13 => {
                let rows = self.table();
                let (name, other) = (self.name("x"), self.name("x"));
                let (value, data_type) = self.in_row(&rows.row, Self::number);
                let taken = self.random.pick(&rows.row.columns).clone();
                let row = Row {
                    columns: vec![
                        (format!("[{name}]"), data_type),
                        (format!("[{other}]"), taken.1),
                    ],
                    base: None,
                };
                Rows {
                    text: format!(
                        "SELECTCOLUMNS({}, \"{name}\", {value}, \"{other}\", {})",
                        rows.text, taken.0
                    ),
                    row,
                }
            }
            14 => {
                let rows = self.table();
                let (value, _) = self.in_row(&rows.row, Self::number);
                let order = *self.random.pick(&["", ", ASC", ", DESC"]);
                let count = self.random.between(1, 4);
                Rows {
                    text: format!("TOPN({count}, {}, {value}{order})", rows.text),
                    row: rows.row,
                }
            }
            15 => self.two_columns(),
            16 | 17 => {
                let filters = self.filters();
                let rows = self.without_rows(Self::table);
                Rows {
                    text: format!("CALCULATETABLE({}{filters})", rows.text),
                    row: rows.row,
                }
            }
            18 => {
                let column = self.group_column();
                let row = Row {
                    columns: vec![(column.clone(), self.type_of(&column))],
                    base: None,
                };
                let (a, b) = (self.values_like(&column), self.values_like(&column));
                let function = *self.random.pick(&["UNION", "EXCEPT", "INTERSECT"]);
                Rows {
                    text: format!("{function}({a}, {b})"),
                    row,
                }
            }
            _ => {
                let text = self.filter_table();
                if !text.starts_with("TREATAS") || text.starts_with("TREATAS({(") {
                    return self.group_values();
                }
                let column =
                    text[text.rfind("}, ").expect("a list") + 3..text.len() - 1].to_owned();
                let data_type = self.type_of(&column);
                Rows {
                    text,
                    row: Row {
                        columns: vec![(column, data_type)],
                        base: None,
                    },
                }
            }
        }
    }

    /// Values of one column, filtered some way.
    fn values_like(&mut self, column: &str) -> String {
        let data_type = self.type_of(column);
        match self.random.below(3) {
            0 => format!("VALUES({column})"),
            1 => format!("ALL({column})"),
            _ => {
                let condition = self.comparison(&[(column.to_owned(), data_type)]);
                format!("FILTER(VALUES({column}), {condition})")
            }
        }
    }

    fn summarize(&mut self) -> Rows {
        let table = self.any_table();
        let found = self.found_from(table);
        let columns: Vec<Typed> = self
            .columns_of(&found)
            .into_iter()
            .filter(|c| c.1 != DataType::DateTime)
            .collect();
        let mut groups: Vec<Typed> = Vec::new();
        for _ in 0..1 + self.random.below(2) {
            let column = self.random.pick(&columns).clone();
            if !groups.contains(&column) {
                groups.push(column);
            }
        }
        let list: Vec<String> = groups.iter().map(|g| g.0.clone()).collect();
        Rows {
            text: format!(
                "SUMMARIZE('{}', {})",
                self.model().tables[table].name,
                list.join(", ")
            ),
            row: Row {
                columns: groups,
                base: None,
            },
        }
    }

    fn two_columns(&mut self) -> Rows {
        let (a, b) = (self.group_column(), self.group_column());
        let row = Row {
            columns: vec![(a.clone(), self.type_of(&a)), (b.clone(), self.type_of(&b))],
            base: None,
        };
        if a == b {
            return Rows {
                text: format!("VALUES({a})"),
                row: Row {
                    columns: row.columns[..1].to_vec(),
                    base: None,
                },
            };
        }
        let text = match self.random.below(3) {
            0 => format!("GENERATE(VALUES({a}), CALCULATETABLE(VALUES({b})))"),
            1 => format!("GENERATE(VALUES({a}), VALUES({b}))"),
            _ => format!("CROSSJOIN(VALUES({a}), VALUES({b}))"),
        };
        Rows { text, row }
    }

    /// Filter arguments of CALCULATE, each with its comma.
    fn filters(&mut self) -> String {
        let mut list = String::new();
        let mut modified = false;
        for _ in 0..self.random.below(3) {
            list.push_str(", ");
            let filter = self.filter(&mut modified);
            list.push_str(&filter);
        }
        list
    }

    fn filter(&mut self, modified: &mut bool) -> String {
        // Excluded for now: freeing single columns inside an iteration over rows, which frees too much.
        if !FREED_ROWS && self.over_rows > 0 {
            let (column, data_type) = self.pick_column(|_| true);
            return format!("KEEPFILTERS({})", self.comparison(&[(column, data_type)]));
        }
        let column = self.group_column();
        let data_type = self.type_of(&column);
        let condition = self.comparison(&[(column.clone(), data_type)]);
        match self.random.below(16) {
            0..=3 => condition,
            4 => format!("KEEPFILTERS({condition})"),
            5 => format!("{}({column})", self.random.pick(&["ALL", "REMOVEFILTERS"])),
            6 => {
                let table = self.any_table();
                format!(
                    "{}('{}')",
                    self.random.pick(&["ALL", "REMOVEFILTERS"]),
                    self.model().tables[table].name
                )
            }
            7 => self.random.pick(&["ALL()", "REMOVEFILTERS()"]).to_string(),
            8 => {
                let table = self.any_table();
                let columns = self.columns_of(&[table]);
                let kept = self.random.pick(&columns).0.clone();
                format!("ALLEXCEPT('{}', {kept})", self.model().tables[table].name)
            }
            9 => self.filter_table(),
            10 => format!("KEEPFILTERS({})", self.filter_table()),
            11 => format!("VALUES({column})"),
            12 => self.table().text,
            13 => self.relationship(modified).unwrap_or(condition),
            15 if self.random.chance(50) => format!(
                "TREATAS(VALUES({}), {column})",
                self.pick_column(|t| t == data_type).0
            ),
            14 => match self.date_column() {
                Some(date) => self.dates_of(&date),
                None => condition,
            },
            _ => condition,
        }
    }

    /// USERELATIONSHIP and CROSSFILTER.
    fn relationship(&mut self, modified: &mut bool) -> Option<String> {
        // Under roles a relationship may carry a row filter, and is then refused.
        if *modified || self.world.secured {
            return None;
        }
        *modified = true;
        let list: Vec<_> = self
            .model()
            .relationships
            .iter()
            .filter(|r| {
                r.from_cardinality == Cardinality::Many && r.to_cardinality == Cardinality::One
            })
            .collect();
        if list.is_empty() {
            return None;
        }
        let r = *self.random.pick(&list);
        let ends = format!(
            "'{}'[{}], '{}'[{}]",
            r.from_table, r.from_column, r.to_table, r.to_column
        );
        if !r.active {
            return Some(format!("USERELATIONSHIP({ends})"));
        }
        Some(format!(
            "CROSSFILTER({ends}, {})",
            self.random.pick(&["NONE", "ONEWAY"])
        ))
    }
}

//! Random DAX over a random model: well typed, mostly meaningful, nested as deep as a budget allows.

mod numbers;
mod tables;

use model::{Cardinality, DataType, Model, Relationship};

use super::models::{Sort, World, member};
use super::random::Random;

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
        let table = match self.random.below(16) {
            13 => self.rolled_up(),
            14 => self.grouped_by().text,
            15 => {
                let keys = self.group_values();
                let share = self.in_row(&keys.row, Self::share);
                let condition = self.in_row(&keys.row, Self::condition);
                match self.random.below(3) {
                    0 => format!("ADDCOLUMNS({}, \"v\", {share})", keys.text),
                    1 => format!("FILTER({}, {share} > [Total] * 2)", keys.text),
                    _ => format!(
                        "ADDCOLUMNS(FILTER({}, {condition}), \"v\", {share})",
                        keys.text
                    ),
                }
            }
            10 => {
                let table = self.summarize_columns();
                format!("DISTINCT({table})")
            }
            11 => {
                let column = self.group_column();
                let value = self.number().0;
                let row = Row {
                    columns: vec![
                        (column.clone(), self.type_of(&column)),
                        ("[v]".to_owned(), DataType::Double),
                    ],
                    base: None,
                };
                let condition = self.in_row(&row, Self::condition);
                format!("FILTER(SUMMARIZECOLUMNS({column}, \"v\", {value}), {condition})")
            }
            12 => {
                let column = self.group_column();
                let value = self.number().0;
                let row = Row {
                    columns: vec![(column.clone(), self.type_of(&column))],
                    base: None,
                };
                let other = self.in_row(&row, Self::number).0;
                format!("ADDCOLUMNS(SUMMARIZECOLUMNS({column}, \"v\", {value}), \"w\", {other})")
            }
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
        let written = write(self);
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
        for items in self.tables(&[Sort::Items]) {
            if self.random.chance(12) {
                parts.push(member(&self.model().tables[items], 0));
            }
        }
        let none = parts.is_empty();
        for _ in 0..self.random.below(3) {
            if self.random.chance(50) {
                parts.push(self.filter_table());
            }
        }
        let values = if none { 1 } else { self.random.below(3) };
        for k in 0..values {
            if self.random.chance(10) {
                let share = self.share();
                parts.push(format!("\"v{k}\", {share}"));
                continue;
            }
            let value = if self.random.chance(30) {
                self.measure_name().0
            } else {
                self.value()
            };
            parts.push(format!("\"v{k}\", {value}"));
        }
        format!("SUMMARIZECOLUMNS({})", parts.join(", "))
    }

    /// A part of what the query selects: ALLSELECTED right under the grouping.
    fn share(&mut self) -> String {
        let measure = *self.random.pick(&["[Total]", "[Lines]", "[Units]"]);
        let table = self.any_table();
        let selected = match self.random.below(3) {
            0 => "ALLSELECTED()".to_owned(),
            1 => format!("ALLSELECTED('{}')", self.model().tables[table].name),
            _ => format!("ALLSELECTED({})", self.group_column()),
        };
        format!("CALCULATE({measure}, {selected})")
    }

    /// A table that serves as a filter of a query.
    fn filter_table(&mut self) -> String {
        let column = self.group_column();
        let data_type = self.type_of(&column);
        match self.random.below(7) {
            5 => {
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
        let groups = self.tables(&[Sort::Items]);
        if !groups.is_empty() && self.random.chance(10) {
            let table = &self.model().tables[*self.random.pick(&groups)];
            let items = table
                .calculation_group
                .iter()
                .flat_map(|group| &group.items);
            let names: Vec<&str> = items.map(|item| item.name.as_str()).collect();
            return format!("{} = \"{}\"", member(table, 0), self.random.pick(&names));
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

    /// USERELATIONSHIP and CROSSFILTER, by themselves or one beside the other.
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
        // Both ways only where no two ways can lead to one table.
        let directions: &[&str] = if self.tables(&[Sort::Fact]).len() == 1 {
            &["NONE", "ONEWAY", "BOTH"]
        } else {
            &["NONE", "ONEWAY"]
        };
        let r = *self.random.pick(&list);
        if r.active {
            return Some(format!(
                "CROSSFILTER({}, {})",
                ends(r),
                self.random.pick(directions)
            ));
        }
        let used = format!("USERELATIONSHIP({})", ends(r));
        if !self.random.chance(30) {
            return Some(used);
        }
        // Beside it, filters flow otherwise over it or over another.
        let other = *self.random.pick(&list);
        Some(format!(
            "{used}, CROSSFILTER({}, {})",
            ends(other),
            self.random.pick(directions)
        ))
    }
}

/// The columns that a relationship is between, as arguments.
fn ends(r: &Relationship) -> String {
    format!(
        "'{}'[{}], '{}'[{}]",
        r.from_table, r.from_column, r.to_table, r.to_column
    )
}

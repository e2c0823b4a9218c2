//! Table expressions.

use model::DataType;

use super::{Row, Rows, Typed, Writer, is_number};

impl Writer<'_> {
    /// VALUES or ALL of a column to group by.
    pub(super) fn group_values(&mut self) -> Rows {
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

    pub(super) fn table(&mut self) -> Rows {
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
        match self.random.below(27) {
            26 => self.grouped_by(),
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
                let mut function = *self.random.pick(&["ALL", "VALUES", "ALLNOBLANKROW"]);
                // Excluded for now: the blank row of a companion as a filter.
                if self.model().tables[table].name.starts_with('O') {
                    function = "ALLNOBLANKROW";
                }
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
    pub(super) fn values_like(&mut self, column: &str) -> String {
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

    pub(super) fn summarize(&mut self) -> Rows {
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

    pub(super) fn two_columns(&mut self) -> Rows {
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

    /// SUMMARIZE with subtotals. Its expressions are measures: what they see is the group.
    pub(super) fn rolled_up(&mut self) -> String {
        let table = self.any_table();
        let found = self.found_from(table);
        let columns: Vec<Typed> = self
            .columns_of(&found)
            .into_iter()
            .filter(|c| c.1 != DataType::DateTime)
            .collect();
        let mut groups: Vec<String> = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let column = self.random.pick(&columns).0.clone();
            if !groups.contains(&column) {
                groups.push(column);
            }
        }
        let plain = self.random.below(groups.len());
        let rolled = groups.split_off(plain);
        groups.push(format!("ROLLUP({})", rolled.join(", ")));
        format!(
            "SUMMARIZE('{}', {}, \"v\", {}, \"w\", {})",
            self.model().tables[table].name,
            groups.join(", "),
            self.measure_name().0,
            self.measure_name().0
        )
    }

    /// GROUPBY over a table of any kind.
    pub(super) fn grouped_by(&mut self) -> Rows {
        let rows = self.table();
        let mut row = Row::default();
        let mut list = Vec::new();
        for _ in 0..1 + self.random.below(2) {
            let column = self.random.pick(&rows.row.columns).clone();
            if !list.contains(&column.0) {
                list.push(column.0.clone());
                row.columns.push(column);
            }
        }
        for _ in 0..1 + self.random.below(2) {
            let numbers: Vec<Typed> = rows
                .row
                .columns
                .iter()
                .filter(|c| is_number(c.1))
                .cloned()
                .collect();
            let (body, data_type) = match numbers.is_empty() {
                true => ("1".to_owned(), DataType::Integer),
                false => self.random.pick(&numbers).clone(),
            };
            let (function, data_type) = match self.random.below(4) {
                0 => ("MAXX", data_type),
                1 => ("MINX", data_type),
                2 => ("COUNTX", DataType::Integer),
                _ => ("SUMX", data_type),
            };
            let name = self.name("g");
            list.push(format!("\"{name}\", {function}(CURRENTGROUP(), {body})"));
            row.columns.push((format!("[{name}]"), data_type));
        }
        Rows {
            text: format!("GROUPBY({}, {})", rows.text, list.join(", ")),
            row,
        }
    }
}

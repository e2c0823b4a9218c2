//! Random models with random rows: stars and trees of tables, orphans, blanks, text that differs in case.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use literal::{Data, TableData, Value};
use model::{
    CalculationGroup, CalculationItem, Cardinality, Column, ColumnKind, CrossFilter, DataType,
    Measure, Model, ModelPermission, Partition, PartitionKind, Relationship, Role, SecurityFilter,
    Table, TablePermission, write_bim,
};
use peristyle::Database;

use super::queries::Writer;
use super::random::Random;
use crate::sheets::write_file;

pub const DAY: i64 = 86_400_000_000;
/// 15 November 2019 to 31 January 2021: two ends of years and the end of February in a leap year.
pub const FIRST_DAY: i64 = 18_215;
const DAYS: i64 = 444;

/// Whether a companion, the `from` end of a one-to-one relationship, has rows that belong to no row of its dimension.
/// Excluded for now: filters of such rows, and the blank rows that they give to tables behind the dimension.
const LONELY_COMPANIONS: bool = false;

/// What the rows of a table are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Fact,
    Dimension,
    Dates,
    Items,
}

pub struct World {
    pub data: Data,
    pub sorts: Vec<Sort>,
    /// Whether there are roles: under them a relationship may carry a row filter, and must not be changed.
    pub secured: bool,
}

struct Maker<'r> {
    random: &'r mut Random,
    model: Model,
    rows: Vec<Vec<Vec<Value>>>,
    sorts: Vec<Sort>,
}

pub fn random_world(random: &mut Random) -> World {
    let model = Model {
        name: "Random".to_owned(),
        compatibility_level: 1601,
        culture: "en-US".to_owned(),
        ..Model::default()
    };
    let mut maker = Maker {
        random,
        model,
        rows: Vec::new(),
        sorts: Vec::new(),
    };
    maker.tables();
    let Maker {
        random,
        model,
        rows,
        sorts,
    } = maker;
    let tables = rows.into_iter().map(|rows| TableData { rows }).collect();
    let secured = random.chance(55);
    let mut world = World {
        data: Data::new(model, tables),
        sorts,
        secured,
    };
    world.add_measures(random);
    world.add_group(random);
    world.add_second_group(random);
    world.add_roles(random);
    world
}

fn column(name: &str, data_type: DataType) -> Column {
    Column {
        name: name.to_owned(),
        data_type,
        nullable: true,
        kind: ColumnKind::Data {
            source_column: name.to_owned(),
        },
        ..Column::default()
    }
}

fn item(name: &str, expression: String) -> CalculationItem {
    CalculationItem {
        name: name.to_owned(),
        expression,
        ..CalculationItem::default()
    }
}

/// `'T'[c]`.
pub fn member(table: &Table, column: usize) -> String {
    format!("'{}'[{}]", table.name, table.columns[column].name)
}

impl Maker<'_> {
    fn tables(&mut self) {
        // Filters that travel both ways or by value need a tree, or two ways would lead to one table.
        let tree = self.random.chance(35);
        let dimensions = 1 + self.random.below(3);
        let facts = if tree { 1 } else { 1 + self.random.below(2) };
        let mut made = Vec::new();
        for k in 0..dimensions {
            let dimension = self.dimension(&format!("D{}", k + 1));
            made.push(dimension);
            if self.random.chance(40) {
                let outer = self.dimension(&format!("S{}", k + 1));
                self.point(dimension, outer, tree);
            }
            if self.random.chance(20) {
                self.companion(dimension, &format!("O{}", k + 1));
            }
        }
        let dates = self.random.chance(45).then(|| self.dates());
        for k in 0..facts {
            let fact = self.fact(&format!("F{}", k + 1));
            let pointed: Vec<usize> = if k == 0 {
                made.clone()
            } else {
                self.random.some(&made, 70)
            };
            for dimension in pointed {
                self.point(fact, dimension, tree);
                if self.random.chance(20) {
                    self.point_again(fact, dimension);
                }
            }
            if let Some(dates) = dates {
                self.point_at_date(fact, dates, "Ordered", true);
                self.point_at_date(fact, dates, "Shipped", false);
            }
            if tree && self.random.chance(50) {
                self.limited(fact, &format!("M{}", k + 1));
            }
        }
    }

    fn add(
        &mut self,
        name: &str,
        sort: Sort,
        columns: Vec<Column>,
        rows: Vec<Vec<Value>>,
    ) -> usize {
        self.model.tables.push(Table {
            name: name.to_owned(),
            columns,
            ..Table::default()
        });
        self.rows.push(rows);
        self.sorts.push(sort);
        self.rows.len() - 1
    }

    fn push_column(&mut self, table: usize, name: &str, data_type: DataType, values: Vec<Value>) {
        self.model.tables[table]
            .columns
            .push(column(name, data_type));
        self.rows[table]
            .iter_mut()
            .zip(values)
            .for_each(|(row, value)| row.push(value));
    }

    fn text(&mut self, letters: &[&str], blanks: usize) -> Value {
        if self.random.chance(blanks) {
            return Value::Blank;
        }
        let word = *self.random.pick(letters);
        let word = match self.random.below(6) {
            0 => word.to_uppercase(),
            1 => format!("{word} "),
            _ => word.to_owned(),
        };
        Value::Text(word)
    }

    fn or_blank(&mut self, value: Value, blanks: usize) -> Value {
        if self.random.chance(blanks) {
            Value::Blank
        } else {
            value
        }
    }

    fn dimension(&mut self, name: &str) -> usize {
        let count = 2 + self.random.below(6);
        let text_key = self.random.chance(40);
        let mut rows = Vec::new();
        for k in 0..count {
            let key = if text_key {
                Value::Text(format!("k{k}"))
            } else {
                Value::Integer(k as i64 + 1)
            };
            let label = self.text(&["red", "green", "blue", "gray"], 12);
            let group = self.text(&["north", "south"], 12);
            let price = Value::Fixed(self.random.between(-3, 40) * 2_500 + 13);
            let price = self.or_blank(price, 15);
            let size = Value::Integer(self.random.between(0, 4));
            let size = self.or_blank(size, 15);
            let flag = Value::Boolean(self.random.chance(50));
            let flag = self.or_blank(flag, 10);
            rows.push(vec![key, label, group, price, size, flag]);
        }
        let key = if text_key {
            DataType::Text
        } else {
            DataType::Integer
        };
        let columns = vec![
            column("Key", key),
            column("Label", DataType::Text),
            column("Group", DataType::Text),
            column("Price", DataType::Fixed),
            column("Size", DataType::Integer),
            column("Flag", DataType::Boolean),
        ];
        self.add(name, Sort::Dimension, columns, rows)
    }

    fn fact(&mut self, name: &str) -> usize {
        let count = if self.random.chance(6) {
            0
        } else {
            5 + self.random.below(30)
        };
        // Without a number of their own, rows may repeat.
        let numbered = self.random.chance(75);
        let mut rows = Vec::new();
        for k in 0..count {
            let quantity = Value::Integer(self.random.between(-2, 9));
            let quantity = self.or_blank(quantity, 12);
            let amount = Value::Fixed(self.random.between(-20, 400) * 2_507);
            let amount = self.or_blank(amount, 12);
            let rate = Value::Double(self.random.between(-4, 12) as f64 * 0.25);
            let rate = self.or_blank(rate, 12);
            let note = self.text(&["a", "b", "c"], 20);
            let mut row = vec![quantity, amount, rate, note];
            if numbered {
                row.push(Value::Integer(k as i64));
            }
            rows.push(row);
        }
        let mut columns = vec![
            column("Quantity", DataType::Integer),
            column("Amount", DataType::Fixed),
            column("Rate", DataType::Double),
            column("Note", DataType::Text),
        ];
        if numbered {
            columns.push(column("Id", DataType::Integer));
        }
        self.add(name, Sort::Fact, columns, rows)
    }

    fn dates(&mut self) -> usize {
        let mut rows = Vec::new();
        for day in FIRST_DAY..FIRST_DAY + DAYS {
            let (year, month) = year_and_month(day);
            rows.push(vec![
                Value::DateTime(day * DAY),
                Value::Integer(year),
                Value::Integer(month),
            ]);
        }
        let key = Column {
            key: true,
            ..column("Date", DataType::DateTime)
        };
        let columns = vec![
            key,
            column("Year", DataType::Integer),
            column("Month", DataType::Integer),
        ];
        let dates = self.add("Dates", Sort::Dates, columns, rows);
        self.model.tables[dates].data_category = Some("Time".to_owned());
        dates
    }

    /// Keys of `to`, some that it does not have, and blanks.
    fn keys_into(&mut self, from: usize, to: usize) -> Vec<Value> {
        let known: Vec<Value> = self.rows[to].iter().map(|row| row[0].clone()).collect();
        let orphans = self.random.chance(50);
        let mut keys = Vec::new();
        for _ in 0..self.rows[from].len() {
            let key = if orphans && self.random.chance(12) {
                match &known[0] {
                    _ if self.random.chance(40) => Value::Blank,
                    Value::Text(_) => Value::Text("lost".to_owned()),
                    Value::DateTime(_) => Value::DateTime(DAY),
                    _ => Value::Integer(99),
                }
            } else {
                match self.random.pick(&known).clone() {
                    Value::Text(text) if self.random.chance(20) => Value::Text(text.to_uppercase()),
                    other => other,
                }
            };
            keys.push(key);
        }
        keys
    }

    fn relate(&mut self, from: (usize, &str), to: (usize, &str)) -> Relationship {
        Relationship {
            name: format!(
                "{} {} {} {}",
                self.model.tables[from.0].name, from.1, self.model.tables[to.0].name, to.1
            ),
            from_table: self.model.tables[from.0].name.clone(),
            from_column: from.1.to_owned(),
            to_table: self.model.tables[to.0].name.clone(),
            to_column: to.1.to_owned(),
            from_cardinality: Cardinality::Many,
            to_cardinality: Cardinality::One,
            active: true,
            ..Relationship::default()
        }
    }

    fn point(&mut self, from: usize, to: usize, both_may: bool) {
        let keys = self.keys_into(from, to);
        let name = format!("{} Key", self.model.tables[to].name);
        let data_type = self.model.tables[to].columns[0].data_type;
        self.push_column(from, &name, data_type, keys);
        let mut relationship = self.relate((from, &name), (to, "Key"));
        if both_may && self.random.chance(35) {
            relationship.cross_filter = CrossFilter::BothDirections;
        }
        self.model.relationships.push(relationship);
    }

    /// An inactive relationship beside the active one.
    fn point_again(&mut self, from: usize, to: usize) {
        let keys = self.keys_into(from, to);
        let name = format!("Other {} Key", self.model.tables[to].name);
        let data_type = self.model.tables[to].columns[0].data_type;
        self.push_column(from, &name, data_type, keys);
        let relationship = Relationship {
            active: false,
            ..self.relate((from, &name), (to, "Key"))
        };
        self.model.relationships.push(relationship);
    }

    fn point_at_date(&mut self, from: usize, dates: usize, name: &str, active: bool) {
        let keys = self.keys_into(from, dates);
        self.push_column(from, name, DataType::DateTime, keys);
        let relationship = Relationship {
            active,
            ..self.relate((from, name), (dates, "Date"))
        };
        self.model.relationships.push(relationship);
    }

    /// A table with at most one row for each row of the dimension, and rows that belong to none.
    fn companion(&mut self, dimension: usize, name: &str) {
        let keys: Vec<Value> = self.rows[dimension]
            .iter()
            .map(|row| row[0].clone())
            .collect();
        let mut rows = Vec::new();
        for key in keys {
            if self.random.chance(75) {
                let remark = self.text(&["yes", "no"], 15);
                let weight = Value::Integer(self.random.between(1, 5));
                rows.push(vec![key, remark, weight]);
            }
        }
        if LONELY_COMPANIONS && self.random.chance(30) {
            let key = match self.model.tables[dimension].columns[0].data_type {
                DataType::Text => Value::Text("alone".to_owned()),
                _ => Value::Integer(77),
            };
            rows.push(vec![key, Value::Text("no".to_owned()), Value::Integer(9)]);
        }
        let key = self.model.tables[dimension].columns[0].data_type;
        let columns = vec![
            column("Key", key),
            column("Remark", DataType::Text),
            column("Weight", DataType::Integer),
        ];
        let companion = self.add(name, Sort::Dimension, columns, rows);
        let relationship = Relationship {
            from_cardinality: Cardinality::One,
            cross_filter: CrossFilter::BothDirections,
            ..self.relate((companion, "Key"), (dimension, "Key"))
        };
        self.model.relationships.push(relationship);
    }

    /// A table whose keys repeat, related by value.
    fn limited(&mut self, fact: usize, name: &str) {
        let mut rows = Vec::new();
        for _ in 0..2 + self.random.below(6) {
            let area = Value::Text((*self.random.pick(&["x", "y", "z", "Y"])).to_owned());
            let budget = Value::Integer(self.random.between(0, 30));
            let kind = self.text(&["p", "q"], 15);
            rows.push(vec![area, budget, kind]);
        }
        let columns = vec![
            column("Area", DataType::Text),
            column("Budget", DataType::Integer),
            column("Kind", DataType::Text),
        ];
        let table = self.add(name, Sort::Dimension, columns, rows);
        let mut areas = Vec::new();
        for _ in 0..self.rows[fact].len() {
            areas.push(self.text(&["x", "y", "w"], 10));
        }
        self.push_column(fact, "Area", DataType::Text, areas);
        let mut relationship = Relationship {
            to_cardinality: Cardinality::Many,
            ..self.relate((fact, "Area"), (table, "Area"))
        };
        if self.random.chance(40) {
            relationship.cross_filter = CrossFilter::BothDirections;
        }
        self.model.relationships.push(relationship);
    }
}

fn year_and_month(day: i64) -> (i64, i64) {
    const STARTS: &[(i64, i64, i64)] = &[
        (18_201, 2019, 11),
        (18_231, 2019, 12),
        (18_262, 2020, 1),
        (18_293, 2020, 2),
        (18_322, 2020, 3),
        (18_353, 2020, 4),
        (18_383, 2020, 5),
        (18_414, 2020, 6),
        (18_444, 2020, 7),
        (18_475, 2020, 8),
        (18_506, 2020, 9),
        (18_536, 2020, 10),
        (18_567, 2020, 11),
        (18_597, 2020, 12),
        (18_628, 2021, 1),
    ];
    let found = STARTS.iter().rev().find(|(start, _, _)| *start <= day);
    let (_, year, month) = *found.expect("a day of the table");
    (year, month)
}

impl World {
    pub fn model(&self) -> &Model {
        self.data.model()
    }

    /// The model with changes; the rows stay.
    pub fn change(&mut self, change: impl FnOnce(&mut Model)) {
        let mut model = self.data.model().clone();
        change(&mut model);
        let tables = (0..self.sorts.len())
            .map(|t| TableData {
                rows: self.data.rows(t).to_vec(),
            })
            .collect();
        self.data = Data::new(model, tables);
    }

    fn add_measures(&mut self, random: &mut Random) {
        let fact = self
            .sorts
            .iter()
            .position(|sort| *sort == Sort::Fact)
            .expect("a fact");
        for (name, text) in [
            ("Total", "SUM('F1'[Amount])"),
            ("Lines", "COUNTROWS('F1')"),
            ("Units", "SUM('F1'[Quantity])"),
        ] {
            self.add_measure(fact, name, text.to_owned());
        }
        for k in 0..3 {
            let text = Writer::new(self, random).measure();
            self.add_measure(fact, &format!("Measure {k}"), text);
        }
    }

    fn add_measure(&mut self, table: usize, name: &str, expression: String) {
        let measure = Measure {
            name: name.to_owned(),
            expression,
            data_type: DataType::Unknown,
            ..Measure::default()
        };
        self.change(|model| model.tables[table].measures.push(measure));
    }

    fn add_group(&mut self, random: &mut Random) {
        let Some(dates) = self.sorts.iter().position(|sort| *sort == Sort::Dates) else {
            return;
        };
        if !random.chance(40) {
            return;
        }
        let date = member(&self.model().tables[dates], 0);
        let items = vec![
            item("Current", "SELECTEDMEASURE()".to_owned()),
            item(
                "To date",
                format!("CALCULATE(SELECTEDMEASURE(), DATESYTD({date}))"),
            ),
            item(
                "Growth",
                format!(
                    "VAR Before = CALCULATE(SELECTEDMEASURE(), SAMEPERIODLASTYEAR({date})) RETURN SELECTEDMEASURE() - Before"
                ),
            ),
        ];
        self.add_items("Items", 10, items);
    }

    /// A group that needs no dates, before or after the other one. Its items call measures by their names, and one another.
    fn add_second_group(&mut self, random: &mut Random) {
        if !random.chance(40) {
            return;
        }
        let column = "'Shapes'[Name]";
        let items = vec![
            item("Doubled", "SELECTEDMEASURE() * 2".to_owned()),
            item("Part", "DIVIDE(SELECTEDMEASURE(), [Lines])".to_owned()),
            item(
                "Sideways",
                format!("CALCULATE(SELECTEDMEASURE(), {column} = \"Doubled\") + 1"),
            ),
            item(
                "Everything",
                format!("CALCULATE([Lines], ALL({column})) - SELECTEDMEASURE()"),
            ),
        ];
        let precedence = *random.pick(&[5, 15]);
        self.add_items("Shapes", precedence, items);
    }

    fn add_items(&mut self, name: &str, precedence: i64, items: Vec<CalculationItem>) {
        let rows = items
            .iter()
            .map(|item| vec![Value::Text(item.name.clone())])
            .collect();
        let table = Table {
            name: name.to_owned(),
            columns: vec![column("Name", DataType::Text)],
            partitions: vec![Partition {
                name: name.to_owned(),
                mode: None,
                kind: PartitionKind::CalculationGroup,
            }],
            calculation_group: Some(CalculationGroup {
                precedence,
                items,
                ..CalculationGroup::default()
            }),
            ..Table::default()
        };
        let mut model = self.data.model().clone();
        model.tables.push(table);
        model.discourage_implicit_measures = true;
        let mut tables: Vec<TableData> = (0..self.sorts.len())
            .map(|t| TableData {
                rows: self.data.rows(t).to_vec(),
            })
            .collect();
        tables.push(TableData { rows });
        self.sorts.push(Sort::Items);
        self.data = Data::new(model, tables);
    }

    fn add_roles(&mut self, random: &mut Random) {
        if !self.secured {
            return;
        }
        let mut roles = vec![Role {
            name: "Everything".to_owned(),
            permission: ModelPermission::Read,
            ..Role::default()
        }];
        for name in ["One", "Two"] {
            let mut tables = Vec::new();
            for table in 0..self.sorts.len() {
                if self.sorts[table] != Sort::Items && random.chance(30) {
                    let filter = Writer::new(self, random).row_filter(table);
                    tables.push(TablePermission {
                        table: self.model().tables[table].name.clone(),
                        filter: Some(filter),
                        ..TablePermission::default()
                    });
                }
            }
            roles.push(Role {
                name: name.to_owned(),
                permission: ModelPermission::Read,
                tables,
                ..Role::default()
            });
        }
        self.change(|model| model.roles = roles);
    }

    /// Whether a filter of several roles may travel: over limited relationships and those secured both ways it may not.
    pub fn roles_unite(&self) -> bool {
        let relationships = &self.model().relationships;
        relationships.iter().all(|r| {
            r.to_cardinality == Cardinality::One
                && r.security_filter != SecurityFilter::BothDirections
        })
    }

    /// Writes model and data to a folder and reads them again, as any user would.
    pub fn import(&self, folder: &Path) -> Database {
        let file = folder.join("model.bim");
        std::fs::write(&file, write_bim(self.model())).expect("a model that can be written");
        for (number, table) in self.model().tables.iter().enumerate() {
            if self.sorts[number] == Sort::Items {
                continue;
            }
            let columns = table.columns.iter().enumerate().map(|(c, column)| {
                let values: Vec<&Value> =
                    self.data.rows(number).iter().map(|row| &row[c]).collect();
                (column.name.as_str(), array(&values, column.data_type), true)
            });
            let batch =
                RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length");
            write_file(&batch, &folder.join(format!("{}.parquet", table.name)));
        }
        let imported = Database::builder(&file).data(folder).threads(1).import();
        imported.unwrap_or_else(|error| panic!("{error}\n{}", write_bim(self.model())))
    }
}

fn array(values: &[&Value], data_type: DataType) -> ArrayRef {
    macro_rules! of {
        ($variant:ident) => {
            values.iter().map(|value| match value {
                Value::$variant(inner) => Some(inner.clone()),
                _ => None,
            })
        };
    }
    match data_type {
        DataType::Integer => Arc::new(of!(Integer).collect::<Int64Array>()),
        DataType::Double => Arc::new(of!(Double).collect::<Float64Array>()),
        DataType::Boolean => Arc::new(of!(Boolean).collect::<BooleanArray>()),
        DataType::Text => Arc::new(of!(Text).collect::<StringArray>()),
        DataType::DateTime => Arc::new(of!(DateTime).collect::<TimestampMicrosecondArray>()),
        DataType::Fixed => {
            let wide = of!(Fixed)
                .map(|fixed| fixed.map(i128::from))
                .collect::<Decimal128Array>();
            Arc::new(wide.with_precision_and_scale(18, 4).expect("four places"))
        }
        other => panic!("no rows of type {other:?}"),
    }
}

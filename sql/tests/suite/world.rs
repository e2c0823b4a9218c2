//! Models and data made by tests, and the gate over them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Decimal64Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::filter;
use model::{
    Cardinality, Column, ColumnKind, ColumnPermission, CrossFilter, DataType, MetadataPermission,
    Model, ModelPermission, Relationship, Role, SecurityFilter, Table, TablePermission,
};
use security::{Control, Gate, Identity, View};
use sql::{Answer, Collation, Options, Plans, Room};
use storage::{Dataset, TableId};

/// Tables with their values, in the canonical types of storage.
#[derive(Clone, Default)]
pub struct World {
    pub model: Model,
    pub sheets: Vec<Sheet>,
}

#[derive(Clone)]
pub struct Sheet {
    pub name: String,
    pub columns: Vec<(String, ArrayRef)>,
}

impl Sheet {
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, values)| values.len())
    }

    pub fn column(&self, name: &str) -> &ArrayRef {
        let found = self.columns.iter().find(|(known, _)| known == name);
        &found
            .unwrap_or_else(|| panic!("{} has no column {name}", self.name))
            .1
    }

    /// The sheet with the rows that a mask keeps.
    pub fn keep(&self, mask: &[bool]) -> Sheet {
        let mask = BooleanArray::from(mask.to_vec());
        let columns = self.columns.iter();
        let kept = columns.map(|(name, values)| (name.clone(), filter(values, &mask).unwrap()));
        Sheet {
            name: self.name.clone(),
            columns: kept.collect(),
        }
    }
}

pub fn integers(values: impl IntoIterator<Item = impl Into<Option<i64>>>) -> ArrayRef {
    Arc::new(values.into_iter().map(Into::into).collect::<Int64Array>())
}

pub fn doubles(values: impl IntoIterator<Item = impl Into<Option<f64>>>) -> ArrayRef {
    Arc::new(values.into_iter().map(Into::into).collect::<Float64Array>())
}

/// Ten-thousandths.
pub fn fixed(values: impl IntoIterator<Item = impl Into<Option<i64>>>) -> ArrayRef {
    let values: Decimal64Array = values.into_iter().map(Into::into).collect();
    Arc::new(values.with_data_type(security::canonical_type(DataType::Fixed).unwrap()))
}

/// Days since 1970.
pub fn days(values: impl IntoIterator<Item = impl Into<Option<i64>>>) -> ArrayRef {
    let micros = values
        .into_iter()
        .map(|day| day.into().map(|day| day * 86_400_000_000));
    Arc::new(micros.collect::<TimestampMicrosecondArray>())
}

pub fn texts<'a>(values: impl IntoIterator<Item = impl Into<Option<&'a str>>>) -> ArrayRef {
    Arc::new(values.into_iter().map(Into::into).collect::<StringArray>())
}

fn data_type(values: &ArrayRef) -> DataType {
    let types = [
        DataType::Text,
        DataType::Integer,
        DataType::Double,
        DataType::Fixed,
        DataType::DateTime,
        DataType::Boolean,
    ];
    let found = types
        .into_iter()
        .find(|known| security::canonical_type(*known).as_ref() == Some(values.data_type()));
    found.unwrap_or_else(|| panic!("{} is no canonical type", values.data_type()))
}

impl World {
    pub fn table(mut self, name: &str, columns: Vec<(&str, ArrayRef)>) -> World {
        let columns: Vec<(String, ArrayRef)> = columns
            .into_iter()
            .map(|(name, values)| (name.to_owned(), values))
            .collect();
        self.model.tables.push(Table {
            name: name.to_owned(),
            columns: columns
                .iter()
                .map(|(name, values)| Column {
                    name: name.clone(),
                    data_type: data_type(values),
                    kind: ColumnKind::default(),
                    ..Column::default()
                })
                .collect(),
            ..Table::default()
        });
        self.sheets.push(Sheet {
            name: name.to_owned(),
            columns,
        });
        self
    }

    /// `Sales.Product > Product.Key`, and `inactive` after it.
    pub fn relate(mut self, text: &str) -> World {
        let words: Vec<&str> = text.split_whitespace().collect();
        let end = |word: &str| {
            let (table, column) = word.split_once('.').unwrap();
            (table.to_owned(), column.to_owned())
        };
        let ((from_table, from_column), (to_table, to_column)) = (end(words[0]), end(words[2]));
        self.model.relationships.push(Relationship {
            name: format!("r{}", self.model.relationships.len()),
            from_table,
            from_column,
            to_table,
            to_column,
            from_cardinality: Cardinality::Many,
            to_cardinality: Cardinality::One,
            active: !words.contains(&"inactive"),
            cross_filter: CrossFilter::OneDirection,
            security_filter: SecurityFilter::OneDirection,
            ..Relationship::default()
        });
        self
    }

    fn role_mut(&mut self, name: &str) -> &mut Role {
        if !self.model.roles.iter().any(|role| role.name == name) {
            self.model.roles.push(Role {
                name: name.to_owned(),
                permission: ModelPermission::Read,
                ..Role::default()
            });
        }
        let mut roles = self.model.roles.iter_mut();
        roles.find(|role| role.name == name).unwrap()
    }

    /// A role that shows everything unless more is said of it.
    pub fn role(mut self, name: &str) -> World {
        self.role_mut(name);
        self
    }

    pub fn filter(mut self, role: &str, table: &str, filter: &str) -> World {
        self.role_mut(role).tables.push(TablePermission {
            table: table.to_owned(),
            filter: Some(filter.to_owned()),
            ..TablePermission::default()
        });
        self
    }

    /// Hides a table, or a column as `Table.Column`.
    pub fn hide(mut self, role: &str, object: &str) -> World {
        let permission = match object.split_once('.') {
            Some((table, column)) => TablePermission {
                table: table.to_owned(),
                columns: vec![ColumnPermission {
                    column: column.to_owned(),
                    metadata: MetadataPermission::None,
                }],
                ..TablePermission::default()
            },
            None => TablePermission {
                table: object.to_owned(),
                metadata: MetadataPermission::None,
                ..TablePermission::default()
            },
        };
        self.role_mut(role).tables.push(permission);
        self
    }

    pub fn measure(mut self, table: &str, name: &str, expression: &str) -> World {
        let mut tables = self.model.tables.iter_mut();
        tables
            .find(|known| known.name == table)
            .unwrap()
            .measures
            .push(model::Measure {
                name: name.to_owned(),
                expression: expression.to_owned(),
                ..model::Measure::default()
            });
        self
    }

    pub fn calculated(mut self, table: &str, name: &str, expression: &str) -> World {
        let mut tables = self.model.tables.iter_mut();
        tables
            .find(|known| known.name == table)
            .unwrap()
            .columns
            .push(Column {
                name: name.to_owned(),
                data_type: DataType::Integer,
                kind: ColumnKind::Calculated {
                    expression: expression.to_owned(),
                },
                ..Column::default()
            });
        self
    }

    pub fn gate(&self) -> Gate {
        let mut dataset = Dataset::new(&self.model);
        for (t, sheet) in self.sheets.iter().enumerate() {
            let columns = sheet.columns.iter().enumerate();
            let columns = columns.map(|(c, (_, values))| (c as u32, vec![Arc::clone(values)]));
            dataset
                .load_table(TableId(t as u32), sheet.rows(), columns.collect())
                .unwrap();
        }
        let closed = Gate::close_over_errors(
            self.model.clone(),
            dataset,
            engine::evaluators(),
            &Control::new(None),
        );
        closed.unwrap()
    }

    pub fn view(&self, roles: &[&str]) -> Arc<View> {
        let identity = Identity::user("ana@contoso.com").roles(roles.iter().copied());
        self.gate().admit(identity).unwrap()
    }

    /// The world from which rows are deleted, without its roles: masks by table.
    pub fn without(&self, masks: &BTreeMap<String, Vec<bool>>) -> World {
        let mut world = self.clone();
        world.model.roles.clear();
        for sheet in &mut world.sheets {
            if let Some(mask) = masks.get(&sheet.name) {
                *sheet = sheet.keep(mask);
            }
        }
        world
    }
}

impl World {
    pub fn sheet(&self, name: &str) -> &Sheet {
        self.sheets.iter().find(|sheet| sheet.name == name).unwrap()
    }

    /// The rows that are visible where filters keep these rows of their own tables, found row by row: a row is visible where it is kept itself, and every
    /// row that it leads to over active relationships is. What leads nowhere is hidden, so the filters must not be true of BLANK.
    pub fn visible(&self, own: BTreeMap<String, Vec<bool>>) -> BTreeMap<String, Vec<bool>> {
        let mut masks = own;
        loop {
            let before = masks.clone();
            for relationship in self.model.relationships.iter().filter(|r| r.active) {
                let Some(seen) = masks.get(&relationship.to_table) else {
                    continue;
                };
                let keys = words(
                    self.sheet(&relationship.to_table)
                        .column(&relationship.to_column),
                );
                let seen: std::collections::HashSet<String> = keys
                    .into_iter()
                    .zip(seen)
                    .filter(|(_, seen)| **seen)
                    .filter_map(|(key, _)| key)
                    .collect();
                let from = words(
                    self.sheet(&relationship.from_table)
                        .column(&relationship.from_column),
                );
                let led: Vec<bool> = from
                    .iter()
                    .map(|key| key.as_ref().is_some_and(|key| seen.contains(key)))
                    .collect();
                let mask = masks
                    .entry(relationship.from_table.clone())
                    .or_insert_with(|| vec![true; led.len()]);
                mask.iter_mut()
                    .zip(led)
                    .for_each(|(known, led)| *known &= led);
            }
            if masks == before {
                return masks;
            }
        }
    }
}

/// Values as text that is equal where they are.
fn words(values: &ArrayRef) -> Vec<Option<String>> {
    let options = arrow::util::display::FormatOptions::default();
    let formatter = arrow::util::display::ArrayFormatter::try_new(values, &options).unwrap();
    let word = |row: usize| formatter.value(row).to_string().to_lowercase();
    (0..values.len())
        .map(|row| values.is_valid(row).then(|| word(row)))
        .collect()
}

/// Answers a statement as the model compares text.
pub fn ask(view: &Arc<View>, text: &str) -> Result<Answer, engine::Error> {
    twice(view, text, &Options::default())
}

pub fn ask_exact(view: &Arc<View>, text: &str) -> Result<Answer, engine::Error> {
    let options = Options {
        collation: Collation::Exact,
        ..Options::default()
    };
    twice(view, text, &options)
}

/// How many rows a statement answers with, planned anew, under a control.
pub fn count_rows(
    view: &Arc<View>,
    text: &str,
    options: &Options,
    control: &Control,
) -> Result<usize, engine::Error> {
    let plans = Plans::new(&Room::new(0));
    sql::query(view, &plans, text, options, control).map(|answer| answer.rows())
}

/// Asks a statement again with the plan that was kept of it, if one was: the answer must be the same.
fn twice(view: &Arc<View>, text: &str, options: &Options) -> Result<Answer, engine::Error> {
    let plans = Plans::new(&Room::new(64 << 20));
    let ask = || sql::query(view, &plans, text, options, &Control::new(None));
    let first = ask();
    if !plans.is_empty() {
        let again = ask().map(|answer| lines(&answer));
        let (first, again) = (first.as_ref().map(lines), again.as_ref());
        assert_eq!(first.map_err(told), again.cloned().map_err(told), "{text}");
    }
    first
}

fn told(error: &engine::Error) -> String {
    error.to_string()
}

/// The rows of an answer as text, in an order of their own.
fn lines(answer: &Answer) -> Vec<String> {
    let mut lines: Vec<String> = answer
        .batches
        .iter()
        .flat_map(|batch| {
            let columns: Vec<_> = batch.columns().iter().map(words).collect();
            (0..batch.num_rows())
                .map(|row| {
                    let cells: Vec<_> = columns.iter().map(|column| &column[row]).collect();
                    format!("{cells:?}")
                })
                .collect::<Vec<String>>()
        })
        .collect();
    lines.sort_unstable();
    lines
}

/// On a thread with the deep stack that queries have.
pub fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 20);
        thread.spawn_scoped(scope, work).unwrap().join().unwrap()
    })
}

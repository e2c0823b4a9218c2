//! Rows in memory, and what each row finds over each relationship.

use std::collections::HashMap;

use model::{Cardinality, CrossFilter, Model, same_name};

use crate::value::{Key, Value};

/// The rows of one table, in the order of the model's columns.
#[derive(Clone, Debug, Default)]
pub struct TableData {
    pub rows: Vec<Vec<Value>>,
}

/// Table and column, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Col(pub usize, pub usize);

/// A model and its rows. Tables are numbered as in the model.
pub struct Data {
    pub(crate) model: Model,
    pub(crate) tables: Vec<TableData>,
    pub(crate) links: Vec<Link>,
}

/// A relationship, and the row that each row finds. The number after the last row is the blank row.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub from: Col,
    pub to: Col,
    pub one_to_one: bool,
    pub limited: bool,
    pub active: bool,
    pub both: bool,
    pub forward: Vec<usize>,
    /// Of one-to-one relationships.
    pub reverse: Vec<usize>,
}

impl Data {
    pub fn new(model: Model, tables: Vec<TableData>) -> Data {
        let mut data = Data {
            model,
            tables,
            links: Vec::new(),
        };
        data.links = data
            .model
            .relationships
            .iter()
            .map(|r| data.link(r))
            .collect();
        data
    }

    pub fn model(&self) -> &Model {
        &self.model
    }

    pub fn rows(&self, table: usize) -> &[Vec<Value>] {
        &self.tables[table].rows
    }

    fn link(&self, r: &model::Relationship) -> Link {
        let from = self
            .column(&r.from_table, &r.from_column)
            .expect("the from end");
        let to = self.column(&r.to_table, &r.to_column).expect("the to end");
        let limited = r.to_cardinality == Cardinality::Many;
        let one_to_one = r.from_cardinality == Cardinality::One;
        let find = |here: Col, there: Col| -> Vec<usize> {
            let blank = self.tables[there.0].rows.len();
            let mut places: HashMap<Key, usize> = HashMap::new();
            for (at, row) in self.tables[there.0].rows.iter().enumerate() {
                places.entry(row[there.1].key()).or_insert(at);
            }
            let rows = self.tables[here.0].rows.iter();
            rows.map(|row| places.get(&row[here.1].key()).copied().unwrap_or(blank))
                .collect()
        };
        Link {
            from,
            to,
            one_to_one,
            limited,
            active: r.active,
            both: r.cross_filter == CrossFilter::BothDirections,
            forward: if limited { Vec::new() } else { find(from, to) },
            reverse: if one_to_one {
                find(to, from)
            } else {
                Vec::new()
            },
        }
    }

    pub fn table(&self, name: &str) -> Option<usize> {
        self.model
            .tables
            .iter()
            .position(|t| same_name(&t.name, name))
    }

    pub(crate) fn column(&self, table: &str, name: &str) -> Option<Col> {
        let table = self.table(table)?;
        let column = self.model.tables[table]
            .columns
            .iter()
            .position(|c| same_name(&c.name, name))?;
        Some(Col(table, column))
    }

    pub(crate) fn columns_of(&self, table: usize) -> Vec<Col> {
        (0..self.model.tables[table].columns.len())
            .map(|c| Col(table, c))
            .collect()
    }

    /// The blank row is the row after the last, and BLANK in every column.
    pub(crate) fn value(&self, col: Col, row: usize) -> Value {
        self.tables[col.0]
            .rows
            .get(row)
            .map_or(Value::Blank, |row| row[col.1].clone())
    }

    pub(crate) fn count(&self, table: usize) -> usize {
        self.tables[table].rows.len()
    }
}

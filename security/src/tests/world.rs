//! A small shop: sales of products in countries, budgets by colour, and who may see which country.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use model::*;
use storage::{Dataset, TableId};

use super::evaluator::{Value, evaluators, value_at};
use crate::{Column as ColumnHandle, *};

/// Values of one column: `-` is BLANK; all numbers make a column of numbers.
pub struct World {
    pub model: Model,
    data: Vec<Vec<(u32, ArrayRef)>>,
}

impl World {
    pub fn empty() -> World {
        World {
            model: Model::default(),
            data: Vec::new(),
        }
    }

    /// A table from a header and rows, all in words.
    pub fn table(mut self, name: &str, header: &str, rows: &[&str]) -> World {
        let cells: Vec<Vec<&str>> = rows
            .iter()
            .map(|row| row.split_whitespace().collect())
            .collect();
        let mut table = model::Table {
            name: name.to_owned(),
            ..Default::default()
        };
        let mut data = Vec::new();
        for (c, column) in header.split_whitespace().enumerate() {
            let words: Vec<Option<&str>> = cells
                .iter()
                .map(|row| Some(row[c]).filter(|word| *word != "-"))
                .collect();
            let numbers = words
                .iter()
                .flatten()
                .all(|word| word.parse::<i64>().is_ok());
            let (data_type, values): (DataType, ArrayRef) = if numbers {
                let numbers = words
                    .iter()
                    .map(|word| word.map(|word| word.parse::<i64>().unwrap()));
                (DataType::Integer, Arc::new(Int64Array::from_iter(numbers)))
            } else {
                (DataType::Text, Arc::new(StringArray::from_iter(words)))
            };
            table.columns.push(model::Column {
                name: column.to_owned(),
                data_type,
                ..Default::default()
            });
            data.push((c as u32, values));
        }
        self.model.tables.push(table);
        self.data.push(data);
        self
    }

    /// `Sales.ProductKey > Product.Key`: many to one; `=` one to one; `~` many to many. Words after it: `inactive`, `both`, `none`
    /// (security), `cross` (both directions for queries).
    pub fn relate(mut self, text: &str) -> World {
        let words: Vec<&str> = text.split_whitespace().collect();
        let end = |word: &str| {
            let (table, column) = word.split_once('.').unwrap();
            (table.to_owned(), column.to_owned())
        };
        let ((from_table, from_column), (to_table, to_column)) = (end(words[0]), end(words[2]));
        let (from_cardinality, to_cardinality) = match words[1] {
            ">" => (Cardinality::Many, Cardinality::One),
            "=" => (Cardinality::One, Cardinality::One),
            _ => (Cardinality::Many, Cardinality::Many),
        };
        let has = |word: &str| words[3..].contains(&word);
        self.model.relationships.push(model::Relationship {
            name: format!("{from_table}-{to_table}-{}", self.model.relationships.len()),
            from_table,
            from_column,
            to_table,
            to_column,
            from_cardinality,
            to_cardinality,
            active: !has("inactive"),
            cross_filter: if has("cross") {
                CrossFilter::BothDirections
            } else {
                CrossFilter::OneDirection
            },
            security_filter: if has("both") {
                SecurityFilter::BothDirections
            } else if has("none") {
                SecurityFilter::None
            } else {
                SecurityFilter::OneDirection
            },
            ..Default::default()
        });
        self
    }

    pub fn edit(mut self, change: impl FnOnce(&mut Model)) -> World {
        change(&mut self.model);
        self
    }

    fn role_mut(&mut self, name: &str) -> &mut Role {
        if !self.model.roles.iter().any(|role| role.name == name) {
            let role = Role {
                name: name.to_owned(),
                permission: ModelPermission::Read,
                ..Default::default()
            };
            self.model.roles.push(role);
        }
        self.model
            .roles
            .iter_mut()
            .find(|role| role.name == name)
            .unwrap()
    }

    /// A role without any permission of its own: it shows everything.
    pub fn role(mut self, name: &str) -> World {
        self.role_mut(name);
        self
    }

    pub fn filter(mut self, role: &str, table: &str, filter: &str) -> World {
        let permission = TablePermission {
            table: table.to_owned(),
            filter: Some(filter.to_owned()),
            ..Default::default()
        };
        self.role_mut(role).tables.push(permission);
        self
    }

    /// Hides a table, or a column as `Table.Column`.
    pub fn hide(mut self, role: &str, object: &str) -> World {
        let mut permission = TablePermission::default();
        match object.split_once('.') {
            Some((table, column)) => {
                permission.table = table.to_owned();
                permission.columns = vec![ColumnPermission {
                    column: column.to_owned(),
                    metadata: MetadataPermission::None,
                }];
            }
            None => {
                permission.table = object.to_owned();
                permission.metadata = MetadataPermission::None;
            }
        }
        self.role_mut(role).tables.push(permission);
        self
    }

    pub fn measure(mut self, table: &str, name: &str, expression: &str) -> World {
        let table = self
            .model
            .tables
            .iter_mut()
            .find(|candidate| candidate.name == table)
            .unwrap();
        table.measures.push(model::Measure {
            name: name.to_owned(),
            expression: expression.to_owned(),
            ..Default::default()
        });
        self
    }

    pub fn calculated(mut self, table: &str, name: &str, expression: &str) -> World {
        let table = self
            .model
            .tables
            .iter_mut()
            .find(|candidate| candidate.name == table)
            .unwrap();
        table.columns.push(model::Column {
            name: name.to_owned(),
            data_type: DataType::Unknown,
            kind: ColumnKind::Calculated {
                expression: expression.to_owned(),
            },
            ..Default::default()
        });
        self
    }

    pub fn calculated_table(mut self, name: &str, columns: &[&str], expression: &str) -> World {
        let columns = columns.iter().map(|source| model::Column {
            name: source
                .rsplit('[')
                .next()
                .unwrap()
                .trim_end_matches(']')
                .to_owned(),
            data_type: DataType::Unknown,
            kind: ColumnKind::CalculatedTable {
                source_column: (*source).to_owned(),
            },
            ..Default::default()
        });
        let partition = Partition {
            name: name.to_owned(),
            mode: None,
            kind: PartitionKind::Calculated {
                expression: expression.to_owned(),
            },
        };
        self.model.tables.push(model::Table {
            name: name.to_owned(),
            columns: columns.collect(),
            partitions: vec![partition],
            ..Default::default()
        });
        self.data.push(Vec::new());
        self
    }

    pub fn try_gate(self) -> Result<Gate, CloseError> {
        let (model, dataset) = self.loaded();
        Gate::close(model, dataset, evaluators(), &Control::new(None))
    }

    /// A gate over what can be computed; the rest is in error.
    pub fn over_errors(self) -> Gate {
        let (model, dataset) = self.loaded();
        Gate::close_over_errors(model, dataset, evaluators(), &Control::new(None)).unwrap()
    }

    fn loaded(self) -> (Model, Dataset) {
        let mut dataset = Dataset::new(&self.model);
        for (t, columns) in self.data.into_iter().enumerate() {
            let Some(rows) = columns.first().map(|(_, values)| values.len()) else {
                continue;
            };
            let columns = columns
                .into_iter()
                .map(|(c, values)| (c, vec![values]))
                .collect();
            dataset
                .load_table(TableId(t as u32), rows, columns)
                .unwrap();
        }
        (self.model, dataset)
    }

    pub fn gate(self) -> Gate {
        self.try_gate().unwrap()
    }
}

/// The same gate once more, where every set of rows counts as large and none is kept: each is worked out again whenever it is wanted.
pub fn forgetful(gate: &Gate) -> Gate {
    let mut forgetful = gate.renewed(gate);
    let ground = Arc::get_mut(&mut forgetful.ground).unwrap();
    ground.sets = crate::rowset::RowSets::within(0, 0);
    forgetful
}

/// A gate for which every table is large, so that filters by the values of one column are kept as such.
pub fn by_codes(mut gate: Gate) -> Gate {
    Arc::get_mut(&mut gate.ground).unwrap().small_table = 0;
    gate
}

/// Product 99 does not exist, and one sale names no country.
pub fn shop() -> World {
    World::empty()
        .table(
            "Sales",
            "Id Product Country ShipCountry",
            &[
                "0 10 1 2", "1 10 2 2", "2 12 1 1", "3 12 2 1", "4 99 1 1", "5 11 - 2",
            ],
        )
        .table(
            "Product",
            "Key Category Color",
            &["10 1 Red", "11 1 Blue", "12 2 Red"],
        )
        .table("Category", "Key Name", &["1 Bikes", "2 Helmets"])
        .table("Country", "Key Name", &["1 DE", "2 FR"])
        .table("Budget", "Id Color", &["0 Red", "1 Blue", "2 Green", "3 -"])
        .table(
            "Access",
            "User Country",
            &["ana DE", "bob FR", "cy DE", "cy FR"],
        )
        .relate("Sales.Product > Product.Key")
        .relate("Product.Category > Category.Key")
        .relate("Sales.Country > Country.Key")
        .relate("Sales.ShipCountry > Country.Key inactive")
        .relate("Budget.Color ~ Product.Color")
}

/// The same without the many-to-many relationship, over which no filter of several roles may travel.
pub fn plain_shop() -> World {
    shop().edit(|model| model.relationships.truncate(4))
}

pub fn column(scope: &Scope, table: &str, name: &str) -> ColumnHandle {
    scope
        .find_column(scope.find_table(table).unwrap(), name)
        .unwrap()
}

pub fn rows_of(scope: &Scope, table: &str) -> Scan {
    Scan {
        table: scope.find_table(table).unwrap(),
        filters: vec![],
        keys: vec![],
        aggregates: vec![],
    }
}

/// The values of a column in the visible rows, in load order.
pub fn values(scope: &Scope, table: &str, name: &str) -> Vec<Value> {
    let rows = scope
        .scan_rows(&rows_of(scope, table), &Control::new(None))
        .unwrap();
    let here = PathColumn {
        path: Arc::from([]),
        target: Target::Column(column(scope, table, name)),
    };
    let decoded = scope
        .decode(
            &scope.fetch(&rows, &here, &Control::new(None)).unwrap(),
            &Control::new(None),
        )
        .unwrap();
    (0..decoded.len())
        .map(|position| value_at(&decoded, position))
        .collect()
}

/// The same as words: `1 2 -`.
pub fn words(scope: &Scope, table: &str, name: &str) -> String {
    let word = |value: &Value| match value {
        Value::Blank => "-".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Truth(truth) => truth.to_string(),
    };
    values(scope, table, name)
        .iter()
        .map(word)
        .collect::<Vec<_>>()
        .join(" ")
}

/// What an identity that asks for these roles sees of the first column of a table.
pub fn seen(gate: &Gate, roles: &str, table: &str) -> String {
    let view = gate
        .admit(Identity::user("ana").roles(roles.split_whitespace()))
        .unwrap();
    let first = view
        .scope()
        .table(view.scope().find_table(table).unwrap())
        .columns[0]
        .name
        .clone();
    words(view.scope(), table, &first)
}

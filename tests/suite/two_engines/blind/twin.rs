//! The twin of a world for one identity: what it sees is the same, and as much as possible of the rest is not.

use literal::{Data, TableData, Value, shown_rows};
use model::{
    Cardinality, Column, ColumnKind, ColumnPermission, DataType, Measure, MetadataPermission,
    Model, ModelPermission, Role, Table, TablePermission,
};

use super::super::deleted::{copy, with_model, without};
use super::super::models::{DAY, FIRST_DAY, Sort, World, member};
use super::super::pairs::partnered;
use super::super::queries::Writer;
use super::super::random::Random;

/// How often each kind of change was made.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    cells: usize,
    rows_gone: usize,
    rows_new: usize,
    hidden_values: usize,
    renamed: usize,
    removed: usize,
    measures: usize,
    tables: usize,
    roles: usize,
}

impl Changes {
    pub fn add(&mut self, other: &Changes) {
        self.cells += other.cells;
        self.rows_gone += other.rows_gone;
        self.rows_new += other.rows_new;
        self.hidden_values += other.hidden_values;
        self.renamed += other.renamed;
        self.removed += other.removed;
        self.measures += other.measures;
        self.tables += other.tables;
        self.roles += other.roles;
    }

    fn any(&self) -> bool {
        self.cells
            + self.rows_gone
            + self.rows_new
            + self.hidden_values
            + self.renamed
            + self.removed
            + self.measures
            + self.tables
            > 0
    }
}

pub struct Twin {
    pub world: World,
    pub changes: Changes,
}

/// Changes of rows that are tried one after the other. One that would change what is visible is taken back.
const STEPS: usize = 14;

/// None: nothing hidden could be changed.
pub fn twin(
    world: &World,
    roles: &[&str],
    hidden: Option<(usize, usize)>,
    random: &mut Random,
) -> Option<Twin> {
    let mut maker = Maker {
        world: copy(world),
        roles,
        hidden,
        random,
        changes: Changes::default(),
        keys: 0,
    };
    let before = maker.visible(&maker.world.data)?;
    for _ in 0..STEPS {
        maker.change_rows(&before);
    }
    if let Some(column) = hidden {
        maker.change_objects(column);
    }
    if roles.len() == 1 && maker.random.chance(40) {
        maker.add_table(roles[0]);
    }
    maker.change_other_roles();
    let (world, changes) = (maker.world, maker.changes);
    changes.any().then_some(Twin { world, changes })
}

/// What an identity sees of the rows: for each table its visible rows without the hidden column, and for each visible row of a
/// one-to-one relationship whether it has a partner at all: that is decided on all data (row rule 11).
type Visible = (Vec<Vec<Vec<Value>>>, Vec<Vec<bool>>);

struct Maker<'r> {
    world: World,
    roles: &'r [&'r str],
    hidden: Option<(usize, usize)>,
    random: &'r mut Random,
    changes: Changes,
    /// New keys so far.
    keys: i64,
}

impl Maker<'_> {
    fn visible(&self, data: &Data) -> Option<Visible> {
        let shown = shown_rows(data, self.roles).ok()?;
        let mut tables = Vec::new();
        for (t, shown) in shown.iter().enumerate() {
            let rows = data.rows(t).iter().zip(shown).filter(|(_, shown)| **shown);
            let rows = rows.map(|(row, _)| {
                let mut row = row.clone();
                if let Some((table, column)) = self.hidden
                    && table == t
                {
                    row.remove(column);
                }
                row
            });
            tables.push(rows.collect());
        }
        let partners = partnered(data, &shown, false);
        Some((tables, partners))
    }

    /// One change of rows, if nothing of what is visible changes with it.
    fn change_rows(&mut self, before: &Visible) {
        let Ok(shown) = shown_rows(&self.world.data, self.roles) else {
            return;
        };
        let mut rows: Vec<Vec<Vec<Value>>> = (0..self.world.sorts.len())
            .map(|t| self.world.data.rows(t).to_vec())
            .collect();
        let mut changes = self.changes.clone();
        let tables: Vec<usize> = (0..rows.len())
            .filter(|t| self.world.sorts[*t] != Sort::Items)
            .collect();
        let table = *self.random.pick(&tables);
        let hidden_rows: Vec<usize> = (0..rows[table].len())
            .filter(|row| !shown[table][*row])
            .collect();
        match self.random.below(4) {
            0 if !hidden_rows.is_empty() => {
                let gone = self.random.some(&hidden_rows, 40);
                changes.rows_gone += gone.len();
                let mut at = 0;
                rows[table].retain(|_| {
                    at += 1;
                    !gone.contains(&(at - 1))
                });
            }
            1 => {
                for _ in 0..1 + self.random.below(3) {
                    let row = self.new_row(table, &rows[table]);
                    let at = self.random.below(rows[table].len() + 1);
                    rows[table].insert(at, row);
                    changes.rows_new += 1;
                }
            }
            2 if self.hidden.is_some() => {
                let (table, column) = self.hidden.expect("a hidden column");
                for row in 0..rows[table].len() {
                    if self.random.chance(50) {
                        let value = self.value(table, column, &rows[table]);
                        rows[table][row][column] = value;
                        changes.hidden_values += 1;
                    }
                }
            }
            _ => {
                for row in hidden_rows {
                    for column in 0..rows[table][row].len() {
                        if self.random.chance(40) {
                            let value = self.value(table, column, &rows[table]);
                            rows[table][row][column] = value;
                            changes.cells += 1;
                        }
                    }
                }
            }
        }
        let tables = rows.into_iter().map(|rows| TableData { rows }).collect();
        let data = Data::new(self.world.model().clone(), tables);
        if self.visible(&data).as_ref() == Some(before) {
            self.world.data = data;
            self.changes = changes;
        }
    }

    fn new_row(&mut self, table: usize, rows: &[Vec<Value>]) -> Vec<Value> {
        (0..self.world.model().tables[table].columns.len())
            .map(|column| self.value(table, column, rows))
            .collect()
    }

    /// A value for a hidden cell: one that stands in another row too, perhaps in another spelling, or an extreme one; in a key
    /// that must be unique, a new one.
    fn value(&mut self, table: usize, column: usize, rows: &[Vec<Value>]) -> Value {
        let described = &self.world.model().tables[table];
        let data_type = described.columns[column].data_type;
        if self.is_unique(table, column) {
            self.keys += 1;
            return match data_type {
                DataType::Text => Value::Text(format!("h{}", self.keys)),
                DataType::DateTime => Value::DateTime((FIRST_DAY + 900 + self.keys) * DAY),
                _ => Value::Integer(1_000_000 + self.keys),
            };
        }
        if !rows.is_empty() && self.random.chance(40) {
            return match rows[self.random.below(rows.len())][column].clone() {
                Value::Text(text) if self.random.chance(50) => {
                    Value::Text(text.to_uppercase() + "  ")
                }
                other => other,
            };
        }
        if self.random.chance(15) {
            return Value::Blank;
        }
        let draw = self.random.between(-1_000, 1_000);
        let extreme = self.random.chance(30);
        match data_type {
            DataType::Text if extreme => Value::Text("\u{10FFFF}z".to_owned()),
            DataType::Text if draw < 0 => Value::Text(String::new()),
            DataType::Text => Value::Text(format!("hidden {draw}")),
            DataType::Integer if extreme => Value::Integer(i64::MAX / 3 * draw.signum()),
            DataType::Integer => Value::Integer(draw),
            DataType::Fixed if extreme => Value::Fixed(i64::MAX / 30 * draw.signum()),
            DataType::Fixed => Value::Fixed(draw * 1_003),
            DataType::Double if extreme => self
                .random
                .pick(&[
                    Value::Double(f64::MAX),
                    Value::Double(f64::NEG_INFINITY),
                    Value::Double(f64::NAN),
                ])
                .clone(),
            DataType::Double => Value::Double(draw as f64 * 0.1),
            DataType::Boolean => Value::Boolean(draw < 0),
            DataType::DateTime => Value::DateTime((FIRST_DAY + draw) * DAY),
            other => panic!("no values of {other:?}"),
        }
    }

    fn is_unique(&self, table: usize, column: usize) -> bool {
        let model = self.world.model();
        let described = &model.tables[table];
        let (table, name) = (&described.name, &described.columns[column].name);
        described.columns[column].key
            || model.relationships.iter().any(|r| {
                (r.to_cardinality == Cardinality::One
                    && r.to_table == *table
                    && r.to_column == *name)
                    || (r.from_cardinality == Cardinality::One
                        && r.from_table == *table
                        && r.from_column == *name)
            })
    }

    /// The hidden column and what depends on it, under another name, with other expressions, or not there at all.
    fn change_objects(&mut self, (table, column): (usize, usize)) {
        let mention = member(&self.world.model().tables[table], column);
        let filtered = self.world.model().roles.iter().any(|role| {
            let mut filters = role.tables.iter().filter_map(|t| t.filter.as_ref());
            filters.any(|filter| filter.contains(&mention))
        });
        if !filtered && self.random.chance(30) {
            self.remove(table, column);
            return;
        }
        if self.random.chance(50) {
            self.change_measures(&mention);
        }
        if self.random.chance(60) {
            self.rename(table, column, &mention);
        }
    }

    fn remove(&mut self, table: usize, column: usize) {
        let model = self.world.model();
        let (name, column_name) = (
            model.tables[table].name.clone(),
            model.tables[table].columns[column].name.clone(),
        );
        self.world.data = without(&self.world.data, (table, column));
        self.world.change(|model| {
            for role in &mut model.roles {
                for permission in &mut role.tables {
                    if permission.table == name {
                        permission.columns.retain(|c| c.column != column_name);
                    }
                }
                role.tables.retain(|t| {
                    t.filter.is_some()
                        || !t.columns.is_empty()
                        || t.metadata == MetadataPermission::None
                });
            }
        });
        self.changes.removed += 1;
    }

    /// Measures that read the hidden column, and so are hidden: one more, with a name that queries may want, and the others changed.
    fn change_measures(&mut self, mention: &str) {
        let name = *self
            .random
            .pick(&["Measure of the query", "Secret Total", "v", "Measure 7"]);
        let at = self.random.below(3);
        let text = format!("COUNTROWS(DISTINCT({mention})) + [Total]");
        self.world.change(|model| {
            let fact = model.tables.iter().position(|t| t.name == "F1");
            let measures = &mut model.tables[fact.expect("a fact")].measures;
            for measure in measures.iter_mut() {
                if measure.expression.contains(mention) {
                    measure.expression = format!("1 + ({})", measure.expression);
                    measure.format_string = Some("0.000".to_owned());
                }
            }
            let measure = Measure {
                name: name.to_owned(),
                expression: text,
                data_type: DataType::Unknown,
                ..Measure::default()
            };
            measures.insert(at, measure);
        });
        self.changes.measures += 1;
    }

    fn rename(&mut self, table: usize, column: usize, mention: &str) {
        let name = *self.random.pick(&["Amonuts", "Secret Column", "Zz", "aa"]);
        self.world.change(|model| {
            let old = model.tables[table].columns[column].name.clone();
            let home = model.tables[table].name.clone();
            let new = &mut model.tables[table].columns[column];
            new.name = name.to_owned();
            new.kind = ColumnKind::Data {
                source_column: name.to_owned(),
            };
            let renamed = member(&model.tables[table], column);
            for measure in model.tables.iter_mut().flat_map(|t| &mut t.measures) {
                measure.expression = measure.expression.replace(mention, &renamed);
            }
            for permission in model.roles.iter_mut().flat_map(|role| &mut role.tables) {
                permission.filter = permission
                    .filter
                    .take()
                    .map(|filter| filter.replace(mention, &renamed));
                if permission.table == home {
                    for column in permission.columns.iter_mut().filter(|c| c.column == old) {
                        column.column = name.to_owned();
                    }
                }
            }
        });
        self.changes.renamed += 1;
    }

    /// A table that the role hides, somewhere among the others.
    fn add_table(&mut self, role: &str) {
        let data_column = |name: &str| Column {
            name: name.to_owned(),
            data_type: DataType::Integer,
            nullable: true,
            kind: ColumnKind::Data {
                source_column: name.to_owned(),
            },
            ..Column::default()
        };
        let table = Table {
            name: "Secret".to_owned(),
            columns: vec![data_column("Secret Key"), data_column("Quantity")],
            measures: vec![Measure {
                name: "Secret Units".to_owned(),
                expression: "SUM('Secret'[Quantity]) + [Total]".to_owned(),
                data_type: DataType::Unknown,
                ..Measure::default()
            }],
            ..Table::default()
        };
        let mut model = self.world.model().clone();
        let at = self.random.below(model.tables.len() + 1);
        model.tables.insert(at, table);
        hide_table(&mut model, role, "Secret");
        let mut tables: Vec<TableData> = (0..self.world.sorts.len())
            .map(|t| TableData {
                rows: self.world.data.rows(t).to_vec(),
            })
            .collect();
        let rows = (0..5).map(|k| vec![Value::Integer(k), Value::Integer(k * k)]);
        let rows = rows.collect();
        tables.insert(at, TableData { rows });
        self.world.sorts.insert(at, Sort::Dimension);
        self.world.data = Data::new(model, tables);
        self.changes.tables += 1;
    }

    /// Rules of roles that the identity does not hold, and one role more.
    fn change_other_roles(&mut self) {
        let mut model = self.world.model().clone();
        for role in &mut model.roles {
            if self.roles.contains(&role.name.as_str()) || !self.random.chance(50) {
                continue;
            }
            for permission in &mut role.tables {
                let table = self.world.data.table(&permission.table);
                if let (Some(table), true) = (table, permission.filter.is_some()) {
                    let filter = Writer::new(&self.world, self.random).row_filter(table);
                    permission.filter = Some(filter);
                    self.changes.roles += 1;
                }
            }
        }
        let other = Role {
            name: "Another".to_owned(),
            permission: ModelPermission::Read,
            ..Role::default()
        };
        model.roles.insert(0, other);
        self.world.data = with_model(&self.world.data, model);
    }
}

fn hide_table(model: &mut Model, role: &str, table: &str) {
    let role = model.roles.iter_mut().find(|r| r.name == role);
    role.expect("a role").tables.push(TablePermission {
        table: table.to_owned(),
        metadata: MetadataPermission::None,
        columns: Vec::<ColumnPermission>::new(),
        ..TablePermission::default()
    });
}

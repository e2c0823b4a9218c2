//! A model with its data, behind the gate; and what an identity sees of it as a copy with nothing else in it.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Field, Int64Type, Schema};
use model::{Column, ColumnKind, DataType, Model, PartitionKind, Role, same_name, write_bim};
use peristyle::{Answer, Database, Identity, Session, Value, value_at};

use crate::scratch::Scratch;
use crate::sheets::{Sheets, find_table, keep_rows, with_column, write_sheets};
use crate::visible_rows::{RowFilter, VisibleRows, visible_rows};

/// The column that numbers the rows of each table where filters are evaluated.
const ROW: &str = "row number of the test";

/// Who asks, and what the roles hide, written down by hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Case {
    pub roles: &'static [&'static str],
    pub user: Option<&'static str>,
    pub custom_data: Option<&'static str>,
    pub hidden: &'static [Hidden],
    /// Role and table of the filters that are TRUE on the all-blank row.
    pub true_on_blank: &'static [(&'static str, &'static str)],
}

impl Case {
    pub fn name(&self) -> String {
        let user = self
            .user
            .map_or(String::new(), |user| format!(" as {user}"));
        let data = self
            .custom_data
            .map_or(String::new(), |data| format!(" with {data}"));
        format!("{}{user}{data}", self.roles.join(" + "))
    }

    fn nobody_yet(&self) -> Identity {
        let identity = self.user.map_or_else(Identity::anonymous, Identity::user);
        match self.custom_data {
            Some(data) => identity.custom_data(data),
            None => identity,
        }
    }

    pub fn identity(&self) -> Identity {
        self.nobody_yet().roles(self.roles.iter().copied())
    }
}

/// An object that a role hides, by its own name or because it depends on one that is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    Table(&'static str),
    Column(&'static str, &'static str),
    Measure(&'static str),
}

impl Hidden {
    pub fn is_column(&self, table: &str, column: &str) -> bool {
        matches!(self, Hidden::Column(t, c) if *t == table && *c == column)
    }
}

pub struct World {
    /// As written, with its roles.
    model: Model,
    /// Calculated columns and tables turned into data (row rule 10), no roles.
    plain: Model,
    /// The data of `plain`.
    sheets: Sheets,
    /// The data of `model`: without what is calculated.
    files: Sheets,
    secured: Database,
    /// Everything open, each row with its number.
    open: Database,
}

impl World {
    pub fn new(model: Model, sheets: Sheets) -> World {
        let files = Scratch::new("world");
        let secured = import(&model, &sheets, files.path());
        let mut numbered = model.clone();
        numbered.roles.clear();
        let mut numbered_sheets = Sheets::new();
        for (name, sheet) in &sheets {
            let numbers = Int64Array::from_iter_values(0..sheet.num_rows() as i64);
            numbered_sheets.insert(name.clone(), with_column(sheet, ROW, Arc::new(numbers)));
            let table = numbered.tables.iter_mut().find(|t| t.name == *name);
            table.expect("the table of a sheet").columns.push(Column {
                name: ROW.to_owned(),
                data_type: DataType::Integer,
                nullable: true,
                kind: ColumnKind::Data {
                    source_column: ROW.to_owned(),
                },
                ..Column::default()
            });
        }
        let open = import(&numbered, &numbered_sheets, Scratch::new("open").path());
        let mut world = World {
            plain: Model {
                roles: Vec::new(),
                ..model.clone()
            },
            model,
            files: sheets.clone(),
            sheets,
            secured,
            open,
        };
        world.calculated_columns_become_data();
        world.calculated_tables_become_data();
        world
    }

    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The data, and the values of calculated columns and tables.
    pub fn sheets(&self) -> &Sheets {
        &self.sheets
    }

    /// The rows of a table as they stand in its file.
    pub fn source(&self, table: &str) -> RecordBatch {
        self.files[table].clone()
    }

    /// The data as they stand in the files.
    pub fn files(&self) -> &Sheets {
        &self.files
    }

    pub fn database(&self) -> &Database {
        &self.secured
    }

    pub fn secured(&self, case: &Case) -> Session {
        self.secured
            .session(case.identity())
            .unwrap_or_else(|error| panic!("{}: {error}", case.name()))
    }

    pub fn admit(&self, case: &Case) -> Result<Session, peristyle::Error> {
        self.secured.session(case.identity())
    }

    /// Rows of each table that the roles of the case show.
    pub fn visible(&self, case: &Case) -> VisibleRows {
        let roles: Vec<Vec<RowFilter>> = case
            .roles
            .iter()
            .map(|name| self.filters(case, self.role(name)))
            .collect();
        visible_rows(&self.plain, &self.sheets, &roles)
    }

    pub fn role(&self, name: &str) -> &Role {
        let mut roles = self.model.roles.iter();
        roles
            .find(|role| role.name == name)
            .unwrap_or_else(|| panic!("no role {name}"))
    }

    /// A model and data from which everything hidden was deleted, asked by the same identity under a role that shows all.
    pub fn copy(&self, case: &Case) -> Session {
        let mut model = self.plain.clone();
        delete(&mut model, case.hidden);
        let role = "Everything that is left";
        model.roles.push(Role {
            name: role.to_owned(),
            permission: model::ModelPermission::Read,
            ..Role::default()
        });
        let visible = self.visible(case);
        let mut sheets = Sheets::new();
        for (name, sheet) in &self.sheets {
            sheets.insert(name.clone(), keep_rows(sheet, |row| visible[name][row]));
        }
        import(&model, &sheets, Scratch::new("copy").path())
            .session(case.nobody_yet().role(role))
            .unwrap_or_else(|error| panic!("{}: {error}", case.name()))
    }

    fn filters(&self, case: &Case, role: &Role) -> Vec<RowFilter> {
        let mut filters = Vec::new();
        for permission in &role.tables {
            let Some(text) = &permission.filter else {
                continue;
            };
            let table = find_table(&self.model, &permission.table).name.clone();
            let rows = self.filter_rows(case, &table, text);
            let blank = case
                .true_on_blank
                .contains(&(role.name.as_str(), table.as_str()));
            filters.push(RowFilter { table, rows, blank });
        }
        filters
    }

    /// The filter in row context over the unfiltered data, row by row (rule 4).
    fn filter_rows(&self, case: &Case, table: &str, text: &str) -> Vec<bool> {
        let dax = format!(
            "EVALUATE SELECTCOLUMNS('{table}', \"row\", '{table}'[{ROW}], \"keep\", {text}\n)"
        );
        let answer = self.ask_open(case, &dax);
        let answer = &answer.tables[0];
        let mut rows = vec![false; self.sheets[table].num_rows()];
        assert_eq!(answer.batch.num_rows(), rows.len(), "{dax}");
        for at in 0..rows.len() {
            let (row, keep) = (value_at(answer, 0, at), value_at(answer, 1, at));
            let (Value::Integer(row), Some(keep)) = (row, keep.to_boolean()) else {
                panic!("{dax}: {keep:?}");
            };
            rows[row as usize] = keep;
        }
        rows
    }

    fn ask_open(&self, case: &Case, dax: &str) -> Answer {
        self.open
            .session(case.nobody_yet())
            .and_then(|session| session.query(dax))
            .unwrap_or_else(|error| panic!("{dax}: {error}"))
    }

    fn calculated_columns_become_data(&mut self) {
        for table in self.model.tables.clone() {
            for column in &table.columns {
                if !matches!(column.kind, ColumnKind::Calculated { .. }) {
                    continue;
                }
                let dax = format!(
                    "EVALUATE SELECTCOLUMNS('{0}', \"row\", '{0}'[{ROW}], \"value\", '{0}'[{1}])",
                    table.name, column.name
                );
                let answer = self.ask_open(&Case::default(), &dax);
                let batch = &answer.tables[0].batch;
                let rows = batch.column(0).as_primitive::<Int64Type>();
                let mut places = vec![0u32; rows.len()];
                for (at, row) in rows.values().iter().enumerate() {
                    places[*row as usize] = at as u32;
                }
                let values = take(batch.column(1), &UInt32Array::from(places), None)
                    .expect("a row of the answer for each row");
                let sheet = with_column(&self.sheets[&table.name], &column.name, values);
                self.sheets.insert(table.name.clone(), sheet);
                self.becomes_data(&table.name, &column.name);
            }
        }
    }

    fn calculated_tables_become_data(&mut self) {
        for table in self.model.tables.clone() {
            let calculated = |partition: &model::Partition| {
                matches!(partition.kind, PartitionKind::Calculated { .. })
            };
            if !table.partitions.iter().any(calculated) {
                continue;
            }
            let answer = self.ask_open(&Case::default(), &format!("EVALUATE '{}'", table.name));
            let answer = &answer.tables[0];
            let names: Vec<String> = answer
                .columns
                .iter()
                .map(|column| {
                    let start = column.name.find('[').expect("a column of a table");
                    column.name[start + 1..column.name.len() - 1].to_owned()
                })
                .collect();
            let fields: Vec<Field> = names
                .iter()
                .zip(answer.batch.columns())
                .map(|(name, values)| Field::new(name, values.data_type().clone(), true))
                .collect();
            let columns = answer.batch.columns().to_vec();
            let sheet = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
                .expect("the columns of an answer");
            for name in &names {
                self.becomes_data(&table.name, name);
            }
            self.sheets.insert(table.name.clone(), sheet);
            let plain = self.plain.tables.iter_mut().find(|t| t.name == table.name);
            plain.expect("the table").partitions.clear();
        }
    }

    fn becomes_data(&mut self, table: &str, column: &str) {
        let tables = self.plain.tables.iter_mut();
        let mut columns = tables
            .filter(|found| found.name == table)
            .flat_map(|found| &mut found.columns);
        let found = columns
            .find(|found| same_name(&found.name, column))
            .expect("a column of the model");
        assert_ne!(found.data_type, DataType::Unknown, "{table}[{column}]");
        found.kind = ColumnKind::Data {
            source_column: column.to_owned(),
        };
    }
}

/// Writes model and data to a folder and reads them again, as any user would. The files may go when it is done.
pub fn import(model: &Model, sheets: &Sheets, folder: &Path) -> Database {
    let file = folder.join("model.bim");
    std::fs::write(&file, write_bim(model)).expect("a model that can be written");
    write_sheets(sheets, folder);
    Database::builder(&file)
        .data(folder)
        .threads(1)
        .import()
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

/// Deletes objects as a person would who edits the model: with every mention outside expressions.
pub fn delete(model: &mut Model, objects: &[Hidden]) {
    for object in objects {
        let before = model.clone();
        match object {
            Hidden::Table(name) => {
                model.tables.retain(|table| table.name != *name);
                model
                    .relationships
                    .retain(|r| r.from_table != *name && r.to_table != *name);
            }
            Hidden::Column(table, name) => {
                for found in model.tables.iter_mut().filter(|found| found.name == *table) {
                    found.columns.retain(|column| column.name != *name);
                    for column in &mut found.columns {
                        column.sort_by = column.sort_by.take().filter(|by| by != name);
                    }
                }
                let used = |r: &model::Relationship| {
                    (r.from_table == *table && r.from_column == *name)
                        || (r.to_table == *table && r.to_column == *name)
                };
                assert!(!model.relationships.iter().any(used), "{object:?} is a key");
            }
            Hidden::Measure(name) => {
                for table in &mut model.tables {
                    table.measures.retain(|measure| measure.name != *name);
                }
            }
        }
        assert_ne!(*model, before, "{object:?} is not there to delete");
    }
}

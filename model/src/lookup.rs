//! Finding objects of a model by name.

use crate::types::{
    Column, DataType, Hierarchy, Measure, Model, Partition, PartitionKind, Relationship, Role,
    Source, Table, TablePermission, UserFunction, same_name,
};

impl Model {
    /// The table of this name, without case.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables
            .iter()
            .find(|table| same_name(&table.name, name))
    }

    /// The role of exactly this name: a role that differs in case is another role, and so unknown.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name)
    }

    /// The measure of this name, without case, and its home table. Names of measures are unique in a model.
    pub fn measure(&self, name: &str) -> Option<(&Table, &Measure)> {
        self.tables
            .iter()
            .find_map(|table| Some((table, table.measure(name)?)))
    }

    /// The relationship of this name, without case.
    pub fn relationship(&self, name: &str) -> Option<&Relationship> {
        self.relationships
            .iter()
            .find(|relationship| same_name(&relationship.name, name))
    }

    /// Leaves out the columns whose values are bytes: no DAX can read them, and a picture in each row need not keep its table away.
    pub fn leave_out_bytes(&mut self) {
        let is_bytes = |column: &Column| column.data_type == DataType::Binary;
        for table in &mut self.tables {
            let (bytes, columns): (Vec<Column>, Vec<Column>) = std::mem::take(&mut table.columns)
                .into_iter()
                .partition(is_bytes);
            table.columns = columns;
            let gone = |name: &str| bytes.iter().any(|column| same_name(&column.name, name));
            for column in &mut table.columns {
                column.sort_by = column.sort_by.take().filter(|name| !gone(name));
                column.group_by.retain(|name| !gone(name));
            }
            let permissions = self.roles.iter_mut().flat_map(|role| &mut role.tables);
            for permission in permissions.filter(|one| same_name(&one.table, &table.name)) {
                permission.columns.retain(|one| !gone(&one.column));
            }
        }
    }

    /// The user-defined function of this name, without case.
    pub fn function(&self, name: &str) -> Option<&UserFunction> {
        self.functions
            .iter()
            .find(|function| same_name(&function.name, name))
    }

    /// The same model without the places where its objects stood, so that models of different sources compare.
    pub fn without_sources(mut self) -> Model {
        for table in &mut self.tables {
            table.source = Source::default();
            table
                .columns
                .iter_mut()
                .for_each(|column| column.source = Source::default());
            table
                .measures
                .iter_mut()
                .for_each(|measure| measure.source = Source::default());
        }
        self.relationships
            .iter_mut()
            .for_each(|relationship| relationship.source = Source::default());
        self.functions
            .iter_mut()
            .for_each(|function| function.source = Source::default());
        for role in &mut self.roles {
            role.source = Source::default();
            role.tables
                .iter_mut()
                .for_each(|permission| permission.source = Source::default());
        }
        self
    }
}

impl Table {
    /// The column of this name, without case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| same_name(&column.name, name))
    }

    /// The measure of this name, without case.
    pub fn measure(&self, name: &str) -> Option<&Measure> {
        self.measures
            .iter()
            .find(|measure| same_name(&measure.name, name))
    }

    /// The hierarchy of this name, without case.
    pub fn hierarchy(&self, name: &str) -> Option<&Hierarchy> {
        self.hierarchies
            .iter()
            .find(|hierarchy| same_name(&hierarchy.name, name))
    }

    /// The DAX expression of a calculated table.
    pub fn calculated_expression(&self) -> Option<&str> {
        self.partitions
            .iter()
            .find_map(|partition: &Partition| match &partition.kind {
                PartitionKind::Calculated { expression } => Some(expression.as_str()),
                _ => None,
            })
    }
}

impl Role {
    /// What the role says of the table of this name, without case.
    pub fn table(&self, name: &str) -> Option<&TablePermission> {
        self.tables
            .iter()
            .find(|permission| same_name(&permission.table, name))
    }
}

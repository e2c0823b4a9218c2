//! INFO.CALCDEPENDENCY: which expression names which object, and which columns a relationship stands on.

use dax::{Expr, ExprKind};
use security::Table;

use super::super::information::Cells;
use super::Catalogue;
use crate::value::Value;

/// An object by kind, table and name; and its expression, where it has one.
#[derive(Clone, PartialEq)]
struct Object {
    kind: &'static str,
    table: String,
    name: String,
    expression: String,
}

impl Catalogue<'_> {
    pub(super) fn dependencies(&self) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for (table, described) in self.described() {
            for column in &described.columns {
                if let model::ColumnKind::Calculated { expression } = &column.kind {
                    let object = self.object("CALC_COLUMN", table, &column.name, expression);
                    self.references_of(object, Some(table), &mut rows);
                }
            }
            for partition in &described.partitions {
                if let model::PartitionKind::Calculated { expression } = &partition.kind {
                    let object = self.object("CALC_TABLE", table, &described.name, expression);
                    self.references_of(object, None, &mut rows);
                }
            }
            let items = described.calculation_group.iter().flat_map(|g| &g.items);
            for item in items {
                let object = self.object("CALCULATION_ITEM", table, &item.name, &item.expression);
                self.references_of(object, Some(table), &mut rows);
            }
        }
        for &measure in &self.measures {
            let described = self.scope.measure(measure);
            let table = self.scope.measure_table(measure);
            let object = self.object("MEASURE", table, &described.name, &described.expression);
            self.references_of(object, Some(table), &mut rows);
        }
        self.relationship_rows(&mut rows);
        rows
    }

    fn object(&self, kind: &'static str, table: Table, name: &str, expression: &str) -> Object {
        Object {
            kind,
            table: self.scope.table(table).name.clone(),
            name: name.to_string(),
            expression: expression.to_string(),
        }
    }

    fn references_of(&self, object: Object, home: Option<Table>, rows: &mut Vec<Vec<Value>>) {
        let parsed = dax::parse_expression(&object.expression);
        let mut found: Vec<Object> = Vec::new();
        self.collect(&parsed.tree, home, &mut Vec::new(), &mut found);
        rows.extend(
            found
                .iter()
                .map(|referenced| self.dependency(&object, referenced)),
        );
    }

    fn dependency(&self, object: &Object, referenced: &Object) -> Vec<Value> {
        Cells::new(&self.layout)
            .text("DATABASE_NAME", &self.scope.model().name)
            .text("OBJECT_TYPE", object.kind)
            .text("TABLE", &object.table)
            .text("OBJECT", &object.name)
            .text("EXPRESSION", &object.expression)
            .text("REFERENCED_OBJECT_TYPE", referenced.kind)
            .text("REFERENCED_TABLE", &referenced.table)
            .text("REFERENCED_OBJECT", &referenced.name)
            .text("REFERENCED_EXPRESSION", &referenced.expression)
            .cells
    }

    /// Each relationship depends on the column at either end.
    fn relationship_rows(&self, rows: &mut Vec<Vec<Value>>) {
        for info in self.scope.relationships() {
            let (Some(from), Some(to)) = (info.from_column, info.to_column) else {
                continue;
            };
            let kind = if info.active {
                "ACTIVE_RELATIONSHIP"
            } else {
                "RELATIONSHIP"
            };
            let name = self
                .declared(info.from, from, info.to, to)
                .map_or("", |declared| declared.name.as_str());
            let object = self.object(kind, info.from, name, "");
            for column in [from, to] {
                rows.push(self.dependency(&object, &self.column_object(column)));
            }
        }
    }

    fn column_object(&self, column: security::Column) -> Object {
        let described = self.scope.column(column);
        let (kind, expression) = match &described.kind {
            model::ColumnKind::Calculated { expression } => ("CALC_COLUMN", expression.as_str()),
            _ => ("COLUMN", ""),
        };
        self.object(kind, column.table(), &described.name, expression)
    }

    /// The objects that an expression names, each once. A column brings its table.
    fn collect(
        &self,
        expr: &Expr,
        home: Option<Table>,
        variables: &mut Vec<String>,
        out: &mut Vec<Object>,
    ) {
        let mut add = |object: Object| {
            if !out.contains(&object) {
                out.push(object);
            }
        };
        let table_object = |table: Table| {
            let name = self.scope.table(table).name.clone();
            self.object("TABLE", table, &name, "")
        };
        let measure_object = |name: &str| {
            let measure = self.scope.find_measure(name)?;
            let described = self.scope.measure(measure);
            let table = self.scope.measure_table(measure);
            Some(self.object("MEASURE", table, &described.name, &described.expression))
        };
        let column_of = |table: Option<Table>, name: &str| self.scope.find_column(table?, name);
        let depth = variables.len();
        match &expr.kind {
            ExprKind::Qualified { table, column } | ExprKind::Variation { table, column, .. } => {
                match column_of(self.scope.find_table(&table.text), &column.text) {
                    Some(found) => {
                        add(table_object(found.table()));
                        add(self.column_object(found));
                    }
                    None => measure_object(&column.text).into_iter().for_each(add),
                }
            }
            ExprKind::Bracket(name) => {
                match (measure_object(&name.text), column_of(home, &name.text)) {
                    (Some(measure), _) => add(measure),
                    (None, Some(found)) => {
                        add(table_object(found.table()));
                        add(self.column_object(found));
                    }
                    (None, None) => {}
                }
            }
            ExprKind::Identifier { name, .. } => {
                let is_variable = variables.iter().any(|v| model::same_name(v, &name.text));
                if let Some(table) = self.scope.find_table(&name.text).filter(|_| !is_variable) {
                    add(table_object(table));
                }
            }
            ExprKind::Call { args, .. } | ExprKind::Row(args) | ExprKind::Table(args) => {
                for argument in args {
                    self.collect(argument, home, variables, out);
                }
            }
            ExprKind::Unary { operand, .. } => self.collect(operand, home, variables, out),
            ExprKind::Binary { left, right, .. } => {
                self.collect(left, home, variables, out);
                self.collect(right, home, variables, out);
            }
            ExprKind::Let { vars, body } => {
                for (name, value) in vars {
                    self.collect(value, home, variables, out);
                    variables.push(name.text.clone());
                }
                self.collect(body, home, variables, out);
            }
            _ => {}
        }
        variables.truncate(depth);
    }
}

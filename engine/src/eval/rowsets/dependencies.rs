//! INFO.CALCDEPENDENCY: which expression names which object, and which columns a relationship stands on; or, for the text of a query,
//! which objects that text names.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use dax::{DefinitionKind, Expr, ExprKind, Query};
use security::{Column, Measure, Table};

use super::super::information::Cells;
use super::Catalogue;
use crate::bind::folded;
use crate::value::Value;

/// An object by kind, table and name; and its expression, where it has one.
#[derive(Clone, PartialEq)]
struct Object {
    kind: &'static str,
    table: String,
    name: String,
    expression: String,
}

/// An object that a text names.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Mention {
    Table(Table),
    Column(Column),
    Measure(Measure),
}

/// What a text names, each object once.
#[derive(Default)]
struct Mentions {
    listed: Vec<Mention>,
    seen: HashSet<Mention>,
    /// Variables and parameters where the walk stands, and tables that the text defines: no tables of the model.
    variables: Names,
    /// Measures that the text defines.
    measures: Names,
}

/// Names as they come and go, and how often each is there: a long text has too many of them to walk through for each name in it.
#[derive(Default)]
struct Names {
    listed: Vec<String>,
    known: HashMap<String, usize>,
}

impl Names {
    fn push(&mut self, name: &str) {
        let name = folded(name);
        *self.known.entry(name.clone()).or_default() += 1;
        self.listed.push(name);
    }

    fn len(&self) -> usize {
        self.listed.len()
    }

    fn truncate(&mut self, len: usize) {
        for name in self.listed.drain(len.min(self.listed.len())..) {
            if let Some(times) = self.known.get_mut(&name) {
                *times = times.saturating_sub(1);
            }
        }
    }

    fn knows(&self, name: &str) -> bool {
        let times = self.known.get(&folded(name));
        times.is_some_and(|times| *times > 0)
    }
}

impl Mentions {
    fn add(&mut self, mention: Mention) {
        if self.seen.insert(mention) {
            self.listed.push(mention);
        }
    }

    fn add_column(&mut self, column: Column) {
        self.add(Mention::Table(column.table()));
        self.add(Mention::Column(column));
    }
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
        let mut found = Mentions::default();
        self.collect(&parsed.tree, home, &mut found);
        for mention in found.listed {
            rows.push(self.dependency(&object, &self.mentioned(mention)));
        }
    }

    /// The objects that the text of a query or of an expression names. None: it is neither.
    pub(super) fn dependencies_of_query(&self, text: &Arc<str>) -> Option<Vec<Vec<Value>>> {
        let mut found = Mentions::default();
        let query = dax::parse_query(text);
        if query.errors.is_empty() {
            self.collect_query(&query.tree, &mut found);
        } else {
            let begins = |word: &str| {
                let start = text.trim_start().get(..word.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(word))
            };
            let expression = dax::parse_expression(text);
            if begins("EVALUATE") || begins("DEFINE") || !expression.errors.is_empty() {
                return None;
            }
            self.collect(&expression.tree, None, &mut found);
        }
        let rows = found.listed.into_iter().map(|mention| {
            let referenced = self.mentioned(mention);
            Cells::new(&self.layout)
                .text("DATABASE_NAME", &self.scope.model().name)
                .text("OBJECT_TYPE", "QUERY")
                .set("EXPRESSION", Value::Text(Arc::clone(text)))
                .text("REFERENCED_OBJECT_TYPE", referenced.kind)
                .text("REFERENCED_TABLE", &referenced.table)
                .text("REFERENCED_OBJECT", &referenced.name)
                .text("REFERENCED_EXPRESSION", &referenced.expression)
                .set("QUERY", Value::Text(Arc::clone(text)))
                .cells
        });
        Some(rows.collect())
    }

    fn mentioned(&self, mention: Mention) -> Object {
        match mention {
            Mention::Table(table) => {
                let name = self.scope.table(table).name.clone();
                self.object("TABLE", table, &name, "")
            }
            Mention::Column(column) => self.column_object(column),
            Mention::Measure(measure) => {
                let described = self.scope.measure(measure);
                let table = self.scope.measure_table(measure);
                self.object("MEASURE", table, &described.name, &described.expression)
            }
        }
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

    fn column_object(&self, column: Column) -> Object {
        let described = self.scope.column(column);
        let (kind, expression) = match &described.kind {
            model::ColumnKind::Calculated { expression } => ("CALC_COLUMN", expression.as_str()),
            _ => ("COLUMN", ""),
        };
        self.object(kind, column.table(), &described.name, expression)
    }

    fn collect_query(&self, query: &Query, found: &mut Mentions) {
        for definition in &query.definitions {
            match &definition.kind {
                DefinitionKind::Measure { name, .. } => found.measures.push(&name.text),
                DefinitionKind::Table { name, .. } => found.variables.push(&name.text),
                _ => {}
            }
        }
        for definition in &query.definitions {
            match &definition.kind {
                DefinitionKind::Measure { table, body, .. } => {
                    let home = table.as_ref().and_then(|name| self.table_named(&name.text));
                    self.collect(body, home, found);
                }
                DefinitionKind::Column { table, body, .. } => {
                    self.collect(body, self.table_named(&table.text), found);
                }
                DefinitionKind::Table { body, .. } => self.collect(body, None, found),
                DefinitionKind::Var { name, body } => {
                    self.collect(body, None, found);
                    found.variables.push(&name.text);
                }
                DefinitionKind::Function { function, .. } => {
                    let depth = found.variables.len();
                    for parameter in &function.parameters {
                        if let Some(default) = &parameter.default {
                            self.collect(default, None, found);
                        }
                        found.variables.push(&parameter.name.text);
                    }
                    self.collect(&function.body, None, found);
                    found.variables.truncate(depth);
                }
            }
        }
        for evaluate in &query.evaluates {
            self.collect(&evaluate.table, None, found);
            let order = evaluate.order_by.iter().map(|order| &order.expr);
            for expr in order.chain(&evaluate.start_at) {
                self.collect(expr, None, found);
            }
        }
    }

    /// A table of the model: what the query around the call defines is none.
    fn table_named(&self, name: &str) -> Option<Table> {
        let found = self.scope.find_table(name);
        found.filter(|table| !self.scope.is_added_table(*table))
    }

    fn column_named_in(&self, table: Table, name: &str) -> Option<Column> {
        let found = self.scope.find_column(table, name);
        found.filter(|column| !self.scope.is_added_column(*column))
    }

    /// The objects that an expression names. A column brings its table.
    fn collect(&self, expr: &Expr, home: Option<Table>, found: &mut Mentions) {
        let measure_named = |name: &str, found: &Mentions| {
            let own = found.measures.knows(name);
            self.scope.find_measure(name).filter(|_| !own)
        };
        let depth = found.variables.len();
        match &expr.kind {
            ExprKind::Qualified { table, column } | ExprKind::Variation { table, column, .. } => {
                let table = self.table_named(&table.text);
                match table.and_then(|table| self.column_named_in(table, &column.text)) {
                    Some(column) => found.add_column(column),
                    None => {
                        if let Some(measure) = measure_named(&column.text, &*found) {
                            found.add(Mention::Measure(measure));
                        }
                    }
                }
            }
            ExprKind::Bracket(name) => match measure_named(&name.text, &*found) {
                Some(measure) => found.add(Mention::Measure(measure)),
                None => {
                    if let Some(column) = self.column_in_rows(&name.text, home, found) {
                        found.add_column(column);
                    }
                }
            },
            ExprKind::Identifier { name, .. } => {
                let is_variable = found.variables.knows(&name.text);
                if let Some(table) = self.table_named(&name.text).filter(|_| !is_variable) {
                    found.add(Mention::Table(table));
                }
            }
            ExprKind::Call { args, .. } | ExprKind::Row(args) | ExprKind::Table(args) => {
                for argument in args {
                    self.collect(argument, home, found);
                }
            }
            ExprKind::Unary { operand, .. } => self.collect(operand, home, found),
            ExprKind::Binary { left, right, .. } => {
                self.collect(left, home, found);
                self.collect(right, home, found);
            }
            ExprKind::Let { vars, body } => {
                for (name, value) in vars {
                    self.collect(value, home, found);
                    found.variables.push(&name.text);
                }
                self.collect(body, home, found);
            }
            _ => {}
        }
        found.variables.truncate(depth);
    }

    /// A column that stands without its table is one of the table whose expression this is, or of the table that was named last
    /// among those that have such a column: iterators name their table first.
    fn column_in_rows(&self, name: &str, home: Option<Table>, found: &Mentions) -> Option<Column> {
        let named = found
            .listed
            .iter()
            .rev()
            .filter_map(|mention| match mention {
                Mention::Table(table) => Some(*table),
                _ => None,
            });
        let mut tables = home.into_iter().chain(named);
        tables.find_map(|table| self.column_named_in(table, name))
    }
}

//! The objects that a scope shows: the pruned model, where each object stands in storage, and how to find it by name.
//! Shared by all views that show the same objects.

use std::collections::HashMap;
use std::sync::Arc;

use dax::{Expr, Function};
use model::{Cardinality, CrossFilter, Model, SecurityFilter};
use storage::{ColumnId, RelationshipId, TableId};

use crate::failed::Failed;
use crate::graph::Hidden;
use crate::prune::prune;
use crate::references::fold;
use crate::trees::{Node, Trees, ordinal, ordinals};

#[derive(Clone)]
pub(crate) struct Objects {
    pub model: Model,
    /// Nothing is hidden.
    pub complete: bool,
    /// What is.
    pub hidden: Hidden,
    /// What is in error, of the whole model.
    pub failed: Arc<Failed>,
    pub tables: Vec<TableEntry>,
    pub measures: Vec<MeasureEntry>,
    pub relationships: Vec<RelationshipEntry>,
    /// The functions of the model that parse, by their names without case.
    functions: HashMap<String, Arc<Function>>,
    /// The expressions of calculation groups that parse, by their text.
    pub expressions: HashMap<String, Arc<Expr>>,
    table_names: HashMap<String, u32>,
    measure_names: HashMap<String, u32>,
}

#[derive(Clone)]
pub(crate) struct TableEntry {
    pub id: TableId,
    /// Ordinals in storage of the visible columns, and from `visible` on of hidden key columns.
    pub columns: Vec<u32>,
    pub visible: u32,
    /// So many of the visible columns are the model's own; those after them belong to a query.
    pub own: u32,
    /// The table belongs to a query.
    pub added: bool,
    column_names: HashMap<String, u32>,
}

#[derive(Clone)]
pub(crate) struct MeasureEntry {
    /// Ordinal among the visible tables.
    pub table: u32,
    /// Ordinal in the pruned table.
    pub ordinal: u32,
    pub tree: Option<Arc<Expr>>,
}

/// One end of a relationship: table and column among the visible ones, or a hidden key column.
#[derive(Clone, Copy)]
pub(crate) struct End {
    pub table: u32,
    pub column: u32,
    pub id: ColumnId,
    pub many: bool,
}

#[derive(Clone)]
pub(crate) struct RelationshipEntry {
    pub id: RelationshipId,
    pub from: End,
    pub to: End,
    pub active: bool,
    pub both_directions: bool,
    pub security: SecurityFilter,
    /// A key column of it could not be computed: nothing goes over it.
    pub in_error: bool,
}

/// An item by its ordinal.
pub(crate) fn at<T>(items: &[T], ordinal: u32) -> Option<&T> {
    usize::try_from(ordinal)
        .ok()
        .and_then(|position| items.get(position))
}

impl Objects {
    /// What is left of a model without the hidden objects. What is in error stays in its place. `related` says which relationships have
    /// data.
    pub fn of(
        model: &Model,
        trees: &Trees,
        hidden: &Hidden,
        failed: &Arc<Failed>,
        related: impl Fn(RelationshipId) -> bool,
    ) -> Objects {
        let pruned = prune(model, hidden);
        let mut objects = Objects {
            model: pruned.model,
            complete: hidden.0.is_empty(),
            hidden: hidden.clone(),
            failed: failed.clone(),
            functions: HashMap::new(),
            expressions: HashMap::new(),
            tables: Vec::new(),
            measures: Vec::new(),
            relationships: Vec::new(),
            table_names: HashMap::new(),
            measure_names: HashMap::new(),
        };
        objects.parse();
        let mut visible_of = HashMap::new();
        for ((id, columns), table) in pruned.tables.into_iter().zip(&objects.model.tables) {
            let t = ordinal(objects.tables.len());
            visible_of.insert(id, t);
            objects.table_names.insert(fold(&table.name), t);
            objects.tables.push(TableEntry {
                id: TableId(id),
                visible: ordinal(columns.len()),
                own: ordinal(columns.len()),
                added: false,
                columns,
                column_names: ordinals(&table.columns)
                    .map(|(c, column)| (fold(&column.name), c))
                    .collect(),
            });
        }
        objects.add_measures(&pruned.measures, trees);
        objects.add_relationships(model, &visible_of, related);
        objects
    }

    /// Parses once what every query binds.
    fn parse(&mut self) {
        for function in &self.model.functions {
            let parsed = dax::parse_function(&function.expression);
            if parsed.errors.is_empty() {
                let tree = Arc::new(parsed.tree);
                self.functions.entry(fold(&function.name)).or_insert(tree);
            }
        }
        let groups = self.model.tables.iter();
        for group in groups.filter_map(|table| table.calculation_group.as_ref()) {
            let items = group.items.iter().map(|item| &item.expression);
            let selections = [&group.no_selection, &group.multiple_selection];
            let selections = selections.into_iter().flatten();
            let formats = (group.items.iter().map(|item| &item.format_expression))
                .chain(selections.clone().map(|s| &s.format_expression))
                .flatten();
            let texts = items
                .chain(selections.map(|s| &s.expression))
                .chain(formats);
            for text in texts {
                let parsed = dax::parse_expression(text);
                if parsed.errors.is_empty() {
                    self.expressions.insert(text.clone(), Arc::new(parsed.tree));
                }
            }
        }
    }

    fn add_measures(&mut self, whole: &[(u32, u32)], trees: &Trees) {
        let mut whole = whole.iter();
        for (t, table) in ordinals(&self.model.tables) {
            for (m, measure) in ordinals(&table.measures) {
                // Both run over the visible measures in the order of the model.
                let tree = whole
                    .next()
                    .and_then(|(table, measure)| trees.main(Node::Measure(*table, *measure)))
                    .and_then(|body| body.tree.clone());
                self.measure_names
                    .insert(fold(&measure.name), ordinal(self.measures.len()));
                self.measures.push(MeasureEntry {
                    table: t,
                    ordinal: m,
                    tree,
                });
            }
        }
    }

    fn add_relationships(
        &mut self,
        model: &Model,
        visible_of: &HashMap<u32, u32>,
        related: impl Fn(RelationshipId) -> bool,
    ) {
        for (r, relationship) in ordinals(&model.relationships) {
            let id = RelationshipId(r);
            // It stays in sight, so that nobody goes another way, or none, without a word.
            let in_error = self.failed.key_of(model, relationship).is_some();
            if !related(id) && !in_error {
                continue;
            }
            let from = self.end(
                model,
                visible_of,
                (&relationship.from_table, &relationship.from_column),
                relationship.from_cardinality,
            );
            let to = self.end(
                model,
                visible_of,
                (&relationship.to_table, &relationship.to_column),
                relationship.to_cardinality,
            );
            if let (Some(from), Some(to)) = (from, to) {
                self.relationships.push(RelationshipEntry {
                    id,
                    from,
                    to,
                    active: relationship.active,
                    both_directions: relationship.cross_filter == CrossFilter::BothDirections,
                    security: relationship.security_filter,
                    in_error,
                });
            }
        }
    }

    /// None when the table is hidden. A hidden column becomes a key column of its table.
    fn end(
        &mut self,
        model: &Model,
        visible_of: &HashMap<u32, u32>,
        (table, column): (&str, &str),
        cardinality: Cardinality,
    ) -> Option<End> {
        let (t, whole) = ordinals(&model.tables)
            .find(|(_, candidate)| model::same_name(&candidate.name, table))?;
        let (c, _) = ordinals(&whole.columns)
            .find(|(_, candidate)| model::same_name(&candidate.name, column))?;
        let visible = *visible_of.get(&t)?;
        let entry = usize::try_from(visible)
            .ok()
            .and_then(|position| self.tables.get_mut(position))?;
        let position = entry
            .columns
            .iter()
            .position(|column| *column == c)
            .unwrap_or_else(|| {
                entry.columns.push(c);
                entry.columns.len() - 1
            });
        Some(End {
            table: visible,
            column: ordinal(position),
            id: ColumnId {
                table: TableId(t),
                column: c,
            },
            many: cardinality == Cardinality::Many,
        })
    }

    /// One more visible column of a table, stored as `id`. It stands after the visible ones and before the hidden key columns.
    pub fn add_column(&mut self, table: u32, id: ColumnId, column: model::Column) {
        let position = usize::try_from(table).unwrap_or(usize::MAX);
        let (Some(entry), Some(described)) = (
            self.tables.get_mut(position),
            self.model.tables.get_mut(position),
        ) else {
            return;
        };
        let place = entry.visible;
        entry.column_names.insert(fold(&column.name), place);
        let hidden_keys = entry
            .columns
            .split_off(described.columns.len().min(entry.columns.len()));
        entry.columns.push(id.column);
        entry.columns.extend(hidden_keys);
        entry.visible += 1;
        described.columns.push(column);
        for relationship in &mut self.relationships {
            for end in [&mut relationship.from, &mut relationship.to] {
                if end.table == table && end.column >= place {
                    end.column += 1;
                }
            }
        }
    }

    /// One more visible table, stored as `id`, with its columns in the order of storage.
    pub fn add_table(&mut self, id: TableId, table: model::Table) {
        let columns = ordinal(table.columns.len());
        self.table_names
            .insert(fold(&table.name), ordinal(self.tables.len()));
        self.tables.push(TableEntry {
            id,
            columns: (0..columns).collect(),
            visible: columns,
            own: 0,
            added: true,
            column_names: ordinals(&table.columns)
                .map(|(c, column)| (fold(&column.name), c))
                .collect(),
        });
        self.model.tables.push(table);
    }

    /// From here on nothing finds the table by its name; its measures are there.
    pub fn forget_name(&mut self, table: &str) {
        self.table_names.remove(&fold(table));
    }

    pub fn find_table(&self, name: &str) -> Option<u32> {
        self.table_names.get(&fold(name)).copied()
    }

    pub fn find_column(&self, table: u32, name: &str) -> Option<u32> {
        at(&self.tables, table)?
            .column_names
            .get(&fold(name))
            .copied()
    }

    pub fn find_measure(&self, name: &str) -> Option<u32> {
        self.measure_names.get(&fold(name)).copied()
    }

    pub fn find_function(&self, name: &str) -> Option<&Arc<Function>> {
        // Most names are those of DAX's own functions.
        if self.functions.is_empty() {
            return None;
        }
        self.functions.get(&fold(name))
    }

    /// The entry of a table by its ordinal in storage.
    pub fn entry_of(&self, id: TableId) -> Option<u32> {
        self.tables
            .iter()
            .position(|entry| entry.id == id)
            .map(ordinal)
    }
}

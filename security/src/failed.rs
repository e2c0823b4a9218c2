//! Objects in error: calculated columns and tables that could not be computed. They have no values: not BLANK, not zero, none at all.
//! Whoever reads one is refused, and so is whoever follows a relationship that has such a column for its key.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use model::{Model, Relationship, Source};

use crate::admission::RolePlan;
use crate::objects::{End, RelationshipEntry, at};
use crate::request::Target;
use crate::trees::{Node, Trees, ordinals};
use crate::{Column, ReadError, Scope};

/// What of a model is in error, and why. The columns of a table in error are in error with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failed(BTreeMap<Node, Arc<str>>);

impl Failed {
    /// The calculated columns and tables of which it is known before there is data: they do not parse.
    pub fn unparsed(trees: &Trees) -> Failed {
        let mut failed = Failed::default();
        for (node, _) in trees.nodes() {
            if matches!(node, Node::Column(..) | Node::Table(_))
                && let Some(body) = trees.main(node)
                && body.tree.is_none()
            {
                failed.insert(node, body.error.as_str().into());
            }
        }
        failed
    }

    /// The first reason stays.
    pub fn insert(&mut self, node: Node, why: Arc<str>) {
        self.0.entry(node).or_insert(why);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has(&self, node: Node) -> bool {
        self.0.contains_key(&node)
    }

    pub fn why(&self, node: Node) -> Option<&Arc<str>> {
        self.0.get(&node)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Node, &Arc<str>)> {
        self.0.iter().map(|(node, why)| (*node, why))
    }

    /// All that is in error, with its place: calculated objects, relationships over them, and roles.
    pub fn described(&self, model: &Model, roles: &[RolePlan]) -> Vec<InError> {
        let mut described = Vec::new();
        for (node, why) in self.iter() {
            let found = match node {
                Node::Table(t) => at(&model.tables, t)
                    .map(|table| (format!("table {}", quoted(&table.name)), &table.source)),
                // The columns of a table in error need no line each.
                Node::Column(t, c) if !self.has(Node::Table(t)) => {
                    at(&model.tables, t).and_then(|table| {
                        let column = at(&table.columns, c)?;
                        let object = format!("column {}", member(&table.name, &column.name));
                        Some((object, &column.source))
                    })
                }
                _ => None,
            };
            described.extend(found.map(|(object, place)| InError {
                object,
                place: place.clone(),
                why: why.to_string(),
            }));
        }
        for relationship in &model.relationships {
            if self.key_of(model, relationship).is_some() {
                described.push(InError {
                    object: format!(
                        "relationship {} -> {}",
                        member(&relationship.from_table, &relationship.from_column),
                        member(&relationship.to_table, &relationship.to_column)
                    ),
                    place: relationship.source.clone(),
                    why: "a key column of it is in error".to_owned(),
                });
            }
        }
        for plan in roles {
            let Some(why) = plan.in_error() else { continue };
            let role = model.roles.iter().find(|role| role.name == plan.name);
            described.push(InError {
                object: format!("role '{}'", plan.name),
                place: role.map(|role| role.source.clone()).unwrap_or_default(),
                why: format!("nobody is admitted to it: {why}"),
            });
        }
        described
    }

    /// The key column of a relationship that is in error, if one is: then rows of its two tables do not find each other.
    pub fn key_of(&self, model: &Model, relationship: &Relationship) -> Option<Node> {
        if self.is_empty() {
            return None;
        }
        [
            (&relationship.from_table, &relationship.from_column),
            (&relationship.to_table, &relationship.to_column),
        ]
        .into_iter()
        .find_map(|(table, column)| {
            let (t, known) = ordinals(&model.tables)
                .find(|(_, candidate)| model::same_name(&candidate.name, table))?;
            let (c, _) = ordinals(&known.columns)
                .find(|(_, candidate)| model::same_name(&candidate.name, column))?;
            Some(Node::Column(t, c)).filter(|node| self.has(*node))
        })
    }
}

impl Scope {
    /// Why nobody can read what a handle names: it is in error. None: it is not.
    pub fn in_error(&self, target: Target) -> Option<ReadError> {
        let objects = &self.objects;
        if objects.failed.is_empty() {
            return None;
        }
        let (table, column) = match target {
            Target::Row(table) => (table, None),
            Target::Column(column) => (column.table(), Some(column.ordinal)),
        };
        if table.scope != self.number {
            return None;
        }
        let entry = at(&objects.tables, table.ordinal)?;
        let described = at(&objects.model.tables, table.ordinal)?;
        let Some(column) = column else {
            let why = objects.failed.why(Node::Table(entry.id.0))?;
            return Some(self.told(&format!("the table {}", quoted(&described.name)), why));
        };
        let stored = *at(&entry.columns, column)?;
        let why = objects.failed.why(Node::Column(entry.id.0, stored))?;
        let shown = (column < entry.visible)
            .then(|| at(&described.columns, column))
            .flatten();
        let what = match shown {
            Some(shown) => format!("the column {}", member(&described.name, &shown.name)),
            None => format!("a key column of the table {}", quoted(&described.name)),
        };
        Some(self.told(&what, why))
    }

    /// The reason may name what this scope hides, and may follow from rows that it hides: so it is told only where nothing is hidden.
    fn told(&self, what: &str, why: &str) -> ReadError {
        ReadError::InError(
            match self.objects.complete && self.visible.is_everything() {
                true => format!("{what} is in error: {why}"),
                false => {
                    format!("{what} is in error, and has no values; tell the operator of the model")
                }
            },
        )
    }

    pub(crate) fn relationship_in_error(&self, entry: &RelationshipEntry) -> ReadError {
        let table = |end: &End| {
            let described = at(&self.objects.model.tables, end.table);
            described.map_or_else(String::new, |table| quoted(&table.name))
        };
        let key = [&entry.from, &entry.to].into_iter().find_map(|end| {
            self.in_error(Target::Column(Column {
                scope: self.number,
                table: end.table,
                ordinal: end.column,
            }))
        });
        let why = key.map_or_else(String::new, |key| format!(", because {key}"));
        ReadError::InError(format!(
            "the relationship between {} and {} cannot be used{why}",
            table(&entry.from),
            table(&entry.to)
        ))
    }
}

/// Something of the model that is in error. For the operator: the reason may name whatever the model holds. It carries no cell.
#[derive(Clone, Debug, PartialEq)]
pub struct InError {
    /// As checks of a model name it: `column 'Sales'[Net]`.
    pub object: String,
    /// Where the model says it.
    pub place: Source,
    pub why: String,
}

impl fmt::Display for InError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is in error: {}", self.object, self.why)
    }
}

/// `'Sales'`, with the quotes inside doubled.
pub(crate) fn quoted(table: &str) -> String {
    format!("'{}'", table.replace('\'', "''"))
}

/// `'Sales'[Net]`, with what would end the names inside doubled.
pub(crate) fn member(table: &str, column: &str) -> String {
    format!("{}[{}]", quoted(table), column.replace(']', "]]"))
}

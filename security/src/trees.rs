//! The expressions of a model, parsed once when the gate closes.

use std::collections::BTreeMap;
use std::sync::Arc;

use dax::Expr;
use model::{ColumnKind, Model, PartitionKind};

use crate::references::References;

/// An object of the model that others may depend on. Ordinals are those of the whole model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Node {
    Table(u32),
    Column(u32, u32),
    Measure(u32, u32),
    /// Goal, status or trend (0, 1, 2) of a measure.
    Kpi(u32, u32, u8),
    /// The detail rows of a measure, or the default ones of a table.
    DetailRows(u32, Option<u32>),
    Item(u32, u32),
    /// What a calculation group does when no item (0) or several (1) are selected.
    Selection(u32, u8),
    Function(u32),
}

/// One expression of a node.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// None: it does not parse.
    pub tree: Option<Arc<Expr>>,
    /// Names of parameters, for functions.
    pub parameters: Vec<String>,
    /// The first error, when it does not parse.
    pub error: String,
}

impl Body {
    pub fn expression(text: &str) -> Body {
        let parsed = dax::parse_expression(text);
        match parsed.errors.into_iter().next() {
            None => Body {
                tree: Some(Arc::new(parsed.tree)),
                parameters: Vec::new(),
                error: String::new(),
            },
            Some(error) => Body {
                tree: None,
                parameters: Vec::new(),
                error: error.to_string(),
            },
        }
    }

    /// The body of a function, and what its parameters are where a call leaves them out.
    fn function(text: &str) -> Vec<Body> {
        let parsed = dax::parse_function(text);
        if let Some(error) = parsed.errors.into_iter().next() {
            return vec![Body {
                tree: None,
                parameters: Vec::new(),
                error: error.to_string(),
            }];
        }
        let function = parsed.tree;
        let names = function.parameters.iter().map(|p| p.name.text.clone());
        let body = Body {
            tree: Some(Arc::new(*function.body)),
            parameters: names.collect(),
            error: String::new(),
        };
        let defaults = function.parameters.into_iter().filter_map(|p| p.default);
        let defaults = defaults.map(|default| Body {
            tree: Some(Arc::new(default)),
            parameters: Vec::new(),
            error: String::new(),
        });
        std::iter::once(body).chain(defaults).collect()
    }

    /// None when nothing is known of what it mentions.
    pub fn references(&self) -> Option<References> {
        self.tree
            .as_ref()
            .map(|tree| References::of(tree, &self.parameters))
    }
}

/// All expressions of a model by the node that they belong to. The first body of a node is its main expression.
#[derive(Debug, Default)]
pub(crate) struct Trees {
    bodies: BTreeMap<Node, Vec<Body>>,
}

/// Ordinals are u32 all over; a model of more objects does not exist.
pub(crate) fn ordinal(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// Positions as ordinals.
pub(crate) fn ordinals<T>(items: &[T]) -> impl Iterator<Item = (u32, &T)> {
    items
        .iter()
        .enumerate()
        .map(|(position, item)| (ordinal(position), item))
}

impl Trees {
    pub fn of(model: &Model) -> Trees {
        let mut trees = Trees::default();
        for (t, table) in ordinals(&model.tables) {
            for (c, column) in ordinals(&table.columns) {
                if let ColumnKind::Calculated { expression } = &column.kind {
                    // A column that somebody has only begun is BLANK in every row.
                    let text = match dax::says_nothing(expression) {
                        true => "BLANK ()",
                        false => expression.as_str(),
                    };
                    trees.add(Node::Column(t, c), text);
                }
            }
            for partition in &table.partitions {
                if let PartitionKind::Calculated { expression } = &partition.kind {
                    trees.add(Node::Table(t), expression);
                }
            }
            trees.add_optional(Node::DetailRows(t, None), &table.default_detail_rows);
            trees.add_measures(t, table);
            trees.add_calculation_group(t, table);
        }
        for (f, function) in ordinals(&model.functions) {
            trees
                .bodies
                .insert(Node::Function(f), Body::function(&function.expression));
        }
        trees
    }

    fn add_measures(&mut self, t: u32, table: &model::Table) {
        for (m, measure) in ordinals(&table.measures) {
            self.add(Node::Measure(t, m), &measure.expression);
            self.add_optional(Node::Measure(t, m), &measure.format_expression);
            self.add_optional(Node::DetailRows(t, Some(m)), &measure.detail_rows);
            if let Some(kpi) = &measure.kpi {
                self.add_optional(Node::Kpi(t, m, 0), &kpi.target);
                self.add_optional(Node::Kpi(t, m, 1), &kpi.status);
                self.add_optional(Node::Kpi(t, m, 2), &kpi.trend);
            }
        }
    }

    fn add_calculation_group(&mut self, t: u32, table: &model::Table) {
        let Some(group) = &table.calculation_group else {
            return;
        };
        for (i, item) in ordinals(&group.items) {
            self.add(Node::Item(t, i), &item.expression);
            self.add_optional(Node::Item(t, i), &item.format_expression);
        }
        for (which, selection) in [(0, &group.no_selection), (1, &group.multiple_selection)] {
            if let Some(selection) = selection {
                self.add(Node::Selection(t, which), &selection.expression);
                self.add_optional(Node::Selection(t, which), &selection.format_expression);
            }
        }
    }

    fn add(&mut self, node: Node, text: &str) {
        self.bodies
            .entry(node)
            .or_default()
            .push(Body::expression(text));
    }

    fn add_optional(&mut self, node: Node, text: &Option<String>) {
        if let Some(text) = text {
            self.add(node, text);
        }
    }

    pub fn nodes(&self) -> impl Iterator<Item = (Node, &[Body])> {
        self.bodies
            .iter()
            .map(|(node, bodies)| (*node, bodies.as_slice()))
    }

    /// The main expression of a node.
    pub fn main(&self, node: Node) -> Option<&Body> {
        self.bodies.get(&node).and_then(|bodies| bodies.first())
    }
}

//! How row filters travel over relationships (row rules 5 and 7), before any data is looked at.
//!
//! From the one side to the many side a filter travels as a path: the scan of the many side looks the row up. Against the arrow, and
//! over many-to-many relationships, it has to be worked out as a row set first; such ways are called hard.

use std::collections::BTreeSet;

use model::{Cardinality, Model, SecurityFilter};
use storage::{ColumnId, RelationshipId, Step, TableId};

use crate::graph::Graph;
use crate::trees::{ordinal, ordinals};

/// Whether the filters of the table that a step leads to reach the table that it starts from.
pub(crate) fn carries(active: bool, security: SecurityFilter, reverse: bool) -> bool {
    active
        && match security {
            SecurityFilter::None => false,
            SecurityFilter::OneDirection => !reverse,
            SecurityFilter::BothDirections => true,
        }
}

/// One way over a relationship: filters of `source` reach `target`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub relationship: RelationshipId,
    pub source: u32,
    pub target: u32,
    pub source_key: ColumnId,
    pub target_key: ColumnId,
    pub way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Each row of the target finds its row of the source by this step.
    Step { reverse: bool },
    /// From the many side up to the one side: rows of the target that a visible row of the source leads to.
    Gather,
    /// By value, over a many-to-many relationship.
    Value,
}

impl Edge {
    /// Whether several roles cannot be united when a filter takes this way (rule 7).
    fn is_hard(&self) -> bool {
        self.way != Way::Step { reverse: false }
    }

    /// The step from target to source, when there is one.
    pub fn step(&self) -> Option<Step> {
        match self.way {
            Way::Step { reverse } => Some(Step {
                relationship: self.relationship,
                reverse,
            }),
            Way::Gather | Way::Value => None,
        }
    }
}

/// All ways of a model.
#[derive(Clone)]
pub(crate) struct Travel {
    pub edges: Vec<Edge>,
    pub tables: u32,
}

/// The tables that the filters of a role reach.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    pub tables: BTreeSet<u32>,
    /// Some filter takes a hard way.
    pub hard: bool,
}

impl Travel {
    pub fn of(model: &Model, graph: &Graph) -> Travel {
        let mut edges = Vec::new();
        for (r, relationship) in ordinals(&model.relationships) {
            let key = |table: &str, column: &str| {
                let table = graph.table(table)?;
                Some(ColumnId {
                    table: TableId(table),
                    column: graph.column(table, column)?,
                })
            };
            let (Some(from), Some(to)) = (
                key(&relationship.from_table, &relationship.from_column),
                key(&relationship.to_table, &relationship.to_column),
            ) else {
                continue;
            };
            let many = (relationship.from_cardinality, relationship.to_cardinality);
            let (down, up) = match many {
                (Cardinality::Many, Cardinality::Many) => (Way::Value, Way::Value),
                (Cardinality::One, Cardinality::One) => {
                    (Way::Step { reverse: false }, Way::Step { reverse: true })
                }
                _ => (Way::Step { reverse: false }, Way::Gather),
            };
            let edge = |source: ColumnId, target: ColumnId, way| Edge {
                relationship: RelationshipId(r),
                source: source.table.0,
                target: target.table.0,
                source_key: source,
                target_key: target,
                way,
            };
            if carries(relationship.active, relationship.security_filter, false) {
                edges.push(edge(to, from, down));
            }
            if carries(relationship.active, relationship.security_filter, true) {
                edges.push(edge(from, to, up));
            }
        }
        Travel {
            edges,
            tables: ordinal(model.tables.len()),
        }
    }

    /// Where filters on these tables get to. By the filters' presence, not by what they admit: so the answer says nothing about data.
    pub fn reach(&self, filtered: impl IntoIterator<Item = u32>) -> Reach {
        self.reach_over(filtered, |_| true)
    }

    /// Whether a filter on one of these tables gets to the source of an edge other than over the edge's own relationship: only then is
    /// there something that the edge carries on.
    pub fn brings(&self, filtered: impl IntoIterator<Item = u32>, edge: &Edge) -> bool {
        let reach = self.reach_over(filtered, |other| other.relationship != edge.relationship);
        reach.tables.contains(&edge.source)
    }

    fn reach_over(
        &self,
        filtered: impl IntoIterator<Item = u32>,
        takes: impl Fn(&Edge) -> bool,
    ) -> Reach {
        let mut reach = Reach {
            tables: filtered.into_iter().collect(),
            hard: false,
        };
        loop {
            let before = reach.tables.len();
            for edge in self.edges.iter().filter(|edge| takes(edge)) {
                if reach.tables.contains(&edge.source) {
                    reach.hard |= edge.is_hard();
                    reach.tables.insert(edge.target);
                }
            }
            if reach.tables.len() == before {
                return reach;
            }
        }
    }

    /// A table from which steps lead back to it other than by turning round: there a filter would have to be looked up again
    /// and again, so such models cannot have row filters.
    pub fn circle(&self) -> Option<u32> {
        (0..self.tables).find(|table| self.returns(*table, *table, None, &mut Vec::new()))
    }

    fn returns(
        &self,
        start: u32,
        at: u32,
        last: Option<RelationshipId>,
        passed: &mut Vec<u32>,
    ) -> bool {
        passed.push(at);
        let onward = self.edges.iter().filter(|edge| {
            edge.target == at && edge.step().is_some() && Some(edge.relationship) != last
        });
        let mut found = false;
        for edge in onward {
            found = edge.source == start
                || (!passed.contains(&edge.source)
                    && self.returns(start, edge.source, Some(edge.relationship), passed));
            if found {
                break;
            }
        }
        passed.pop();
        found
    }
}

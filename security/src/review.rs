//! What the roles of a model come to, before there is data: for the person who writes them. Names only.

use model::{Cardinality, Column, ColumnKind, Model, Role, same_name};

use crate::Incompatibility;
use crate::admission::{RolePlan, cut, plan_roles, refuse_incompatible};
use crate::failed::Failed;
use crate::graph::{Graph, Hidden};
use crate::objects::at;
use crate::travel::Travel;
use crate::trees::{Node, Trees, ordinals};

/// What one role comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleReview {
    pub role: String,
    /// Tables of which the role sees every row, although rows of them lead only to rows that its filters hide: filters run from
    /// the one side to the many side, and not back.
    pub listable: Vec<String>,
    /// Tables with a row filter that no active relationship carries to another table.
    pub alone: Vec<String>,
    /// Measures that do not exist for the role, because of what it hides.
    pub lost_measures: Vec<String>,
    /// Calculated columns (table, column) that vanish because they are derived from what the role hides.
    pub lost_columns: Vec<(String, String)>,
    /// Calculated columns that are derived from what the role hides, and stay visible (`as_compatible`).
    pub kept_columns: Vec<(String, String)>,
    /// Other roles that nobody can hold together with this one.
    pub refused_with: Vec<(String, Incompatibility)>,
}

/// Looks at every role of a model. Nothing where the roles cannot be planned: closing a gate says why.
pub fn review_roles(model: &Model) -> Vec<RoleReview> {
    let trees = Trees::of(model);
    let graph = Graph::of(model, &trees);
    let travel = Travel::of(model, &graph);
    let failed = Failed::unparsed(&trees);
    let Ok(plans) = plan_roles(model, &graph, &travel, &failed) else {
        return Vec::new();
    };
    let strict = without_compatibility(model);
    let strict_graph = Graph::of(&strict, &trees);
    let reviewer = Reviewer {
        model,
        graph: &graph,
        travel: &travel,
        strict_graph: &strict_graph,
    };
    model
        .roles
        .iter()
        .zip(ordinals(&plans))
        .map(|(role, (r, plan))| RoleReview {
            role: role.name.clone(),
            listable: reviewer.listable(plan),
            alone: reviewer.alone(role, plan),
            lost_measures: reviewer.lost_measures(plan.hidden()),
            lost_columns: reviewer.derived(role, plan.hidden()),
            kept_columns: reviewer.kept(role, plan.hidden()),
            refused_with: ordinals(&plans)
                .filter(|(other, _)| *other != r)
                .filter_map(|(_, other)| Some((other.name.clone(), reviewer.refused(plan, other)?)))
                .collect(),
        })
        .collect()
}

fn without_compatibility(model: &Model) -> Model {
    let mut strict = model.clone();
    strict.options.as_compatible = false;
    strict
}

struct Reviewer<'a> {
    model: &'a Model,
    graph: &'a Graph,
    travel: &'a Travel,
    /// As if `as_compatible` were not said.
    strict_graph: &'a Graph,
}

impl Reviewer<'_> {
    fn name(&self, table: u32) -> String {
        at(&self.model.tables, table).map_or_else(String::new, |table| table.name.clone())
    }

    /// Tables at the one end of a relationship whose many end is filtered and they are not.
    fn listable(&self, plan: &RolePlan) -> Vec<String> {
        let reached = &plan.reach().tables;
        let mut tables: Vec<u32> = Vec::new();
        for relationship in &self.model.relationships {
            let ends = (
                self.graph.table(&relationship.from_table),
                self.graph.table(&relationship.to_table),
            );
            let many_to_one = relationship.from_cardinality == Cardinality::Many
                && relationship.to_cardinality == Cardinality::One;
            if let (Some(from), Some(to)) = ends
                && relationship.active
                && many_to_one
                && reached.contains(&from)
                && !reached.contains(&to)
                && !plan.hidden().has(Node::Table(to))
                && !tables.contains(&to)
            {
                tables.push(to);
            }
        }
        tables.into_iter().map(|table| self.name(table)).collect()
    }

    fn alone(&self, role: &Role, plan: &RolePlan) -> Vec<String> {
        plan.filtered()
            .filter(|table| self.travel.reach([*table]).tables.len() == 1)
            .filter(|table| !self.is_many_side(*table))
            .map(|table| self.name(table))
            .filter(|name| !is_read_elsewhere(role, name))
            .collect()
    }

    /// A fact is filtered on its own, and need not carry that anywhere.
    fn is_many_side(&self, table: u32) -> bool {
        self.model.relationships.iter().any(|relationship| {
            relationship.active && self.graph.table(&relationship.from_table) == Some(table)
        })
    }

    fn lost_measures(&self, hidden: &Hidden) -> Vec<String> {
        let tables = ordinals(&self.model.tables);
        tables
            .flat_map(|(t, table)| {
                ordinals(&table.measures)
                    .filter(move |(m, _)| hidden.has(Node::Measure(t, *m)))
                    .map(|(_, measure)| measure.name.clone())
            })
            .collect()
    }

    /// Calculated columns among the hidden that the role does not name, in tables that stay.
    fn derived(&self, role: &Role, hidden: &Hidden) -> Vec<(String, String)> {
        let mut columns = Vec::new();
        for (t, table) in ordinals(&self.model.tables) {
            if hidden.has(Node::Table(t)) {
                continue;
            }
            let calculated = |column: &Column| matches!(column.kind, ColumnKind::Calculated { .. });
            let named = |column: &Column| {
                role.table(&table.name).is_some_and(|permission| {
                    permission
                        .columns
                        .iter()
                        .any(|one| same_name(&one.column, &column.name))
                })
            };
            for (c, column) in ordinals(&table.columns) {
                if hidden.has(Node::Column(t, c)) && calculated(column) && !named(column) {
                    columns.push((table.name.clone(), column.name.clone()));
                }
            }
        }
        columns
    }

    /// Calculated columns that only `as_compatible` keeps.
    fn kept(&self, role: &Role, hidden: &Hidden) -> Vec<(String, String)> {
        if !self.model.options.as_compatible {
            return Vec::new();
        }
        let strict = self.strict_graph.close(hidden.0.iter().copied());
        let here = self.derived(role, hidden);
        let mut kept = self.derived(role, &strict);
        kept.retain(|column| !here.contains(column));
        kept
    }

    fn refused(&self, one: &RolePlan, other: &RolePlan) -> Option<Incompatibility> {
        use crate::Denied;
        if let Err(Denied::Incompatible { why, .. }) = refuse_incompatible(&[(0, one), (1, other)])
        {
            return Some(why);
        }
        let shared = one.hidden().shared(other.hidden());
        cut(self.model, self.graph, &shared).map(|_| Incompatibility::CutRelationships)
    }
}

/// Another filter of the role speaks of the table: so it is a mapping table, which is to be hidden and leads nowhere.
fn is_read_elsewhere(role: &Role, table: &str) -> bool {
    let folded = table.to_lowercase();
    role.tables
        .iter()
        .filter(|permission| !same_name(&permission.table, table))
        .filter_map(|permission| permission.filter.as_deref())
        .any(|filter| filter.to_lowercase().contains(&folded))
}

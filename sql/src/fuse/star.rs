//! Joined tables as paths from one of them: the table that every row of the join comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;
use roaring::RoaringBitmap;
use security::{Filter, PathColumn, Relationship, Scan, Step, Table, Target};

use super::relation::{Edge, Instance, Place, Relation, Tables};
use crate::filter;

/// The scanned table, the way from it to each instance, and what rows must fulfil.
pub(super) struct Star {
    pub table: Table,
    pub paths: BTreeMap<Instance, Arc<[Step]>>,
    pub filters: Vec<Filter>,
    /// Among the filters, those that are conditions of the statement.
    pub conditions: Vec<(Place, Arc<RoaringBitmap>)>,
    /// Whether every join goes along an active relationship.
    pub active: bool,
}

/// A step along a relationship that a join follows.
struct Leg {
    from: Instance,
    to: Instance,
    relationship: Relationship,
    active: bool,
    outer: bool,
}

impl Star {
    /// None: the joins do not go along relationships from one table, or a condition reads several columns.
    pub fn of(tables: &Tables<'_>, relation: &Relation) -> Option<Star> {
        let mut legs = Vec::new();
        for edge in &relation.edges {
            legs.push(leg(tables, edge)?);
        }
        let (root, paths) = paths(relation, &legs)?;
        let table = *tables.tables.get(root)?;
        let mut filters = Vec::new();
        for leg in legs.iter().filter(|leg| !leg.outer) {
            filters.extend(no_orphans(tables, paths.get(&leg.to)?, leg)?);
        }
        let mut conditions = Vec::new();
        for condition in &relation.conditions {
            let (place, set) = condition_of(tables, condition)?;
            filters.push(Filter::In {
                column: path_column(&paths, place)?,
                set: Arc::clone(&set),
            });
            conditions.push((place, set));
        }
        let active = legs.iter().all(|leg| leg.active);
        Some(Star {
            table,
            paths,
            filters,
            conditions,
            active,
        })
    }

    pub fn path_column(&self, place: Place) -> Option<PathColumn> {
        path_column(&self.paths, place)
    }
}

fn path_column(paths: &BTreeMap<Instance, Arc<[Step]>>, place: Place) -> Option<PathColumn> {
    Some(PathColumn {
        path: Arc::clone(paths.get(&place.0)?),
        target: Target::Column(place.1),
    })
}

/// The relationship between the columns of a join, from its many side. An outer join keeps the many side, or it is no path.
fn leg(tables: &Tables<'_>, edge: &Edge) -> Option<Leg> {
    let scope = tables.reader.scope();
    let find = |from: Place, to: Place| {
        let mut found = scope.relationships().iter().filter(|info| {
            info.from == from.1.table()
                && info.to == to.1.table()
                && info.from_column == Some(from.1)
                && info.to_column == Some(to.1)
                && !info.to_many
                // Its key cannot be read: the join that stays says so.
                && !info.in_error
                // Over these the values are compared, or rows are hidden, in other ways than a join does.
                && (info.active || !info.secured)
                && !by_day(tables, from, to)
        });
        found.next().map(|info| (info.handle, info.active))
    };
    if let Some((relationship, active)) = find(edge.left, edge.right) {
        return Some(Leg {
            from: edge.left.0,
            to: edge.right.0,
            relationship,
            active,
            outer: edge.outer,
        });
    }
    if edge.outer {
        return None;
    }
    let (relationship, active) = find(edge.right, edge.left)?;
    Some(Leg {
        from: edge.right.0,
        to: edge.left.0,
        relationship,
        active,
        outer: false,
    })
}

/// Relationships that join on the day alone are no equality of their columns.
fn by_day(tables: &Tables<'_>, from: Place, to: Place) -> bool {
    let scope = tables.reader.scope();
    let same = |place: Place, table: &str, column: &str| {
        model::same_name(&scope.table(place.1.table()).name, table)
            && model::same_name(&scope.column(place.1).name, column)
    };
    scope.model().relationships.iter().any(|relationship| {
        relationship.join_on_date_part
            && same(from, &relationship.from_table, &relationship.from_column)
            && same(to, &relationship.to_table, &relationship.to_column)
    })
}

/// How each table of the query is reached from the fact.
type Paths = BTreeMap<Instance, Arc<[Step]>>;

/// The one instance that leads to all others, and the paths.
fn paths(relation: &Relation, legs: &[Leg]) -> Option<(Instance, Paths)> {
    if legs.len() + 1 != relation.members.len() {
        return None;
    }
    let led_to = |instance: &Instance| legs.iter().filter(|leg| leg.to == *instance).count();
    let mut roots = relation
        .members
        .iter()
        .filter(|instance| led_to(instance) == 0);
    let root = *roots.next()?;
    if roots.next().is_some() || relation.members.iter().any(|instance| led_to(instance) > 1) {
        return None;
    }
    let mut paths: BTreeMap<Instance, Arc<[Step]>> = BTreeMap::from([(root, Arc::from([]))]);
    while paths.len() < relation.members.len() {
        let known = paths.len();
        for leg in legs {
            if let (Some(path), false) = (paths.get(&leg.from), paths.contains_key(&leg.to)) {
                let step = Step {
                    relationship: leg.relationship,
                    reverse: false,
                };
                let path = path.iter().copied().chain([step]).collect();
                paths.insert(leg.to, path);
            }
        }
        if paths.len() == known {
            return None;
        }
    }
    Some((root, paths))
}

/// An inner join drops the rows that find nothing. Where no visible row finds nothing, there is nothing to drop.
fn no_orphans(tables: &Tables<'_>, path: &Arc<[Step]>, leg: &Leg) -> Option<Option<Filter>> {
    let scope = tables.reader.scope();
    let relationships = scope.relationships();
    let mut orphans = false;
    for step in path.iter() {
        let info = relationships
            .iter()
            .find(|info| info.handle == step.relationship)?;
        orphans |= scope
            .blank_row(info.to, &[step.relationship], &tables.reader.control)
            .ok()?
            .is_some();
    }
    if !orphans {
        return Some(None);
    }
    let table = *tables.tables.get(leg.to)?;
    let every = Scan {
        table,
        filters: Vec::new(),
        keys: Vec::new(),
        aggregates: Vec::new(),
    };
    let rows = scope.scan_rows(&every, &tables.reader.control).ok()?;
    let set: RoaringBitmap = rows.as_slice().iter().copied().collect();
    Some(Some(Filter::In {
        column: PathColumn {
            path: Arc::clone(path),
            target: Target::Row(table),
        },
        set: Arc::new(set),
    }))
}

fn condition_of(tables: &Tables<'_>, condition: &Expr) -> Option<(Place, Arc<RoaringBitmap>)> {
    filter::only_column(condition)?;
    let mut place = None;
    let walk = condition.apply(|expr| {
        if let Expr::Column(column) = expr {
            place = tables.place_named(column);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walk.ok()?;
    let place = place?;
    let set = filter::passing(tables.reader, place.1, condition).ok()?;
    Some((place, Arc::new(set)))
}

//! Roles: that each does what it seems to say.

use super::expressions::expression;
use super::{Findings, filters, quoted};
use crate::tree::duplicates;
use crate::types::{
    CrossFilter, MetadataPermission, Model, ModelPermission, Role, Source, Table, TablePermission,
    same_name,
};

pub(super) fn check(model: &Model, findings: &mut Findings) {
    // The readers refuse this; a model that was changed in memory has passed no reader.
    for (name, source) in duplicates(
        model
            .roles
            .iter()
            .map(|role| (role.name.as_str(), &role.source)),
    ) {
        findings.error(
            source,
            &format!("role '{name}'"),
            "another role has the same name",
        );
    }
    for role in &model.roles {
        check_role(model, role, findings);
    }
    if model.options.as_compatible && model.roles.iter().any(hides_anything) {
        let message = "Peristyle_ObjectSecurity is as_compatible: calculated columns that are derived from hidden columns stay visible";
        findings.warning(&Source::default(), "model", message);
        findings.code("role-as-compatible");
    }
}

fn hides_anything(role: &Role) -> bool {
    role.tables.iter().any(|table| {
        table.metadata == MetadataPermission::None
            || table
                .columns
                .iter()
                .any(|column| column.metadata == MetadataPermission::None)
    })
}

fn check_role(model: &Model, role: &Role, findings: &mut Findings) {
    let object = format!("role '{}'", role.name);
    if matches!(
        role.permission,
        ModelPermission::None | ModelPermission::Refresh
    ) {
        findings.warning(
            &role.source,
            &object,
            "its model permission does not allow reading, so it shows nothing to anyone",
        );
        findings.code("role-cannot-read");
    }
    for (name, source) in duplicates(
        role.tables
            .iter()
            .map(|one| (one.table.as_str(), &one.source)),
    ) {
        findings.error(
            source,
            &object,
            format!("table {} has two permissions in this role", quoted(name)),
        );
    }
    for permission in &role.tables {
        check_permission(model, role, permission, findings);
    }
    check_chains(model, role, &object, findings);
}

fn check_permission(
    model: &Model,
    role: &Role,
    permission: &TablePermission,
    findings: &mut Findings,
) {
    let object = format!("role '{}' on {}", role.name, quoted(&permission.table));
    let Some(table) = model.table(&permission.table) else {
        findings.error(&permission.source, &object, "there is no such table");
        return;
    };
    for column in permission
        .columns
        .iter()
        .filter(|one| table.column(&one.column).is_none())
    {
        findings.error(
            &permission.source,
            &object,
            format!("the table has no column [{}]", column.column),
        );
    }
    let Some(filter) = &permission.filter else {
        if permission.metadata == MetadataPermission::Default && permission.columns.is_empty() {
            findings.warning(
                &permission.source,
                &object,
                "the permission says nothing: an empty filter is no filter, so the role may see every row of the table",
            );
            findings.code("role-empty-filter");
        }
        return;
    };
    if table.calculation_group.is_some() {
        findings.error(
            &permission.source,
            &object,
            "the rows of a calculation group cannot be filtered",
        );
    }
    if let Some(tree) = expression(findings, &permission.source, &object, "", filter) {
        filters::check(findings, &permission.source, &object, filter, &tree);
    }
}

/// A hidden table must not stand between two visible ones as the only way for filters: a query on the one could no longer be
/// filtered by the other, and would silently answer with another number.
fn check_chains(model: &Model, role: &Role, object: &str, findings: &mut Findings) {
    let hidden = |table: &Table| {
        role.table(&table.name)
            .is_some_and(|one| one.metadata == MetadataPermission::None)
    };
    let names: Vec<&str> = model
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    let is_hidden: Vec<bool> = model.tables.iter().map(hidden).collect();
    if !is_hidden.contains(&true) {
        return;
    }
    let roads = Roads::of(model, &names);
    let hidden_tables = || (0..names.len()).filter(|table| is_hidden.get(*table) == Some(&true));
    let reach: Vec<Vec<bool>> = (0..names.len())
        .map(|start| roads.reach(start, |_| true))
        .collect();
    let reaches =
        |from: usize, to: usize| reach.get(from).and_then(|row| row.get(to)) == Some(&true);
    let mut told = Vec::new();
    for start in (0..names.len()).filter(|table| is_hidden.get(*table) == Some(&false)) {
        let open = roads.reach(start, |table| is_hidden.get(table) == Some(&false));
        let cut = (0..names.len()).filter(|end| {
            *end != start
                && is_hidden.get(*end) == Some(&false)
                && reaches(start, *end)
                && open.get(*end) == Some(&false)
        });
        for end in cut {
            for middle in
                hidden_tables().filter(|middle| reaches(start, *middle) && reaches(*middle, end))
            {
                if told.contains(&middle) {
                    continue;
                }
                told.push(middle);
                let name = |index: usize| quoted(names.get(index).copied().unwrap_or_default());
                let message = format!(
                    "it hides table {}, which cuts the chain of relationships from {} to {}: hide one of them too, or relate them directly",
                    name(middle),
                    name(start),
                    name(end)
                );
                findings.error(&role.source, object, message);
            }
        }
    }
}

/// The ways that filters travel over active relationships, by the positions of tables.
struct Roads(Vec<(usize, usize)>);

impl Roads {
    fn of(model: &Model, names: &[&str]) -> Self {
        let position = |wanted: &str| names.iter().position(|name| same_name(name, wanted));
        let mut roads = Vec::new();
        for relationship in model
            .relationships
            .iter()
            .filter(|relationship| relationship.active)
        {
            let (Some(from), Some(to)) = (
                position(&relationship.from_table),
                position(&relationship.to_table),
            ) else {
                continue;
            };
            roads.push((to, from));
            if relationship.cross_filter == CrossFilter::BothDirections {
                roads.push((from, to));
            }
        }
        Roads(roads)
    }

    /// Which tables a filter on `start` reaches, passing only through tables that are allowed.
    fn reach(&self, start: usize, allowed: impl Fn(usize) -> bool) -> Vec<bool> {
        let tables = self
            .0
            .iter()
            .flat_map(|(a, b)| [*a, *b])
            .max()
            .map_or(0, |last| last + 1)
            .max(start + 1);
        let mut reached = vec![false; tables];
        let mut waiting = vec![start];
        while let Some(table) = waiting.pop() {
            let Some(mark) = reached.get_mut(table).filter(|mark| !**mark) else {
                continue;
            };
            *mark = true;
            waiting.extend(
                self.0
                    .iter()
                    .filter(|(from, to)| *from == table && allowed(*to))
                    .map(|(_, to)| *to),
            );
        }
        reached
    }
}

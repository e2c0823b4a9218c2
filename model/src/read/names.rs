//! What must hold of names before anything else can be said of a model.

use crate::tree::{Report, duplicates};
use crate::types::{Model, Role, Source, Table};

pub(super) fn verify(model: &Model, report: &mut Report) {
    let nowhere = Source {
        file: model
            .tables
            .first()
            .map_or(String::new(), |table| table.source.file.clone()),
        line: None,
    };
    for (name, source) in duplicates(
        model
            .tables
            .iter()
            .map(|table| (table.name.as_str(), &table.source)),
    ) {
        report.error(
            source,
            format!("table '{name}': another table has the same name"),
        );
    }
    let measures = model.tables.iter().flat_map(|table| {
        table
            .measures
            .iter()
            .map(|measure| (measure.name.as_str(), &measure.source))
    });
    for (name, source) in duplicates(measures) {
        report.error(
            source,
            format!("measure '{name}': another measure of the model has the same name"),
        );
    }
    for table in &model.tables {
        verify_table(table, report);
    }
    for (name, source) in duplicates(
        model
            .relationships
            .iter()
            .map(|one| (one.name.as_str(), &one.source)),
    ) {
        report.error(
            source,
            format!("relationship '{name}': another relationship has the same name"),
        );
    }
    for (name, source) in duplicates(
        model
            .functions
            .iter()
            .map(|function| (function.name.as_str(), &function.source)),
    ) {
        report.error(
            source,
            format!("function '{name}': another function has the same name"),
        );
    }
    for (name, ()) in duplicates(
        model
            .expressions
            .iter()
            .map(|expression| (expression.name.as_str(), ())),
    ) {
        report.error(
            &nowhere,
            format!("expression '{name}': another expression has the same name"),
        );
    }
    for (name, ()) in duplicates(
        model
            .perspectives
            .iter()
            .map(|perspective| (perspective.name.as_str(), ())),
    ) {
        report.error(
            &nowhere,
            format!("perspective '{name}': another perspective has the same name"),
        );
    }
    verify_roles(model, report);
}

fn verify_table(table: &Table, report: &mut Report) {
    let columns = table
        .columns
        .iter()
        .map(|column| (column.name.as_str(), ("column", &column.source)));
    let measures = table
        .measures
        .iter()
        .map(|measure| (measure.name.as_str(), ("measure", &measure.source)));
    let hierarchies = table
        .hierarchies
        .iter()
        .map(|hierarchy| (hierarchy.name.as_str(), ("hierarchy", &table.source)));
    for (name, (kind, source)) in duplicates(columns.chain(measures).chain(hierarchies)) {
        report.error(
            source,
            format!(
                "table '{}' / {kind} '{name}': another object of the table has the same name",
                table.name
            ),
        );
    }
    let mut inner = |kind: &str, names: Vec<&str>| {
        for (name, ()) in duplicates(names.into_iter().map(|name| (name, ()))) {
            report.error(
                &table.source,
                format!(
                    "table '{}' / {kind} '{name}': another {kind} has the same name",
                    table.name
                ),
            );
        }
    };
    inner(
        "partition",
        table
            .partitions
            .iter()
            .map(|partition| partition.name.as_str())
            .collect(),
    );
    inner(
        "calendar",
        table
            .calendars
            .iter()
            .map(|calendar| calendar.name.as_str())
            .collect(),
    );
    if let Some(group) = &table.calculation_group {
        inner(
            "calculation item",
            group.items.iter().map(|item| item.name.as_str()).collect(),
        );
    }
    for hierarchy in &table.hierarchies {
        inner(
            "level",
            hierarchy
                .levels
                .iter()
                .map(|level| level.name.as_str())
                .collect(),
        );
    }
}

/// Role names are exact, but two roles that differ only in case are a trap, and the vendor refuses them too.
fn verify_roles(model: &Model, report: &mut Report) {
    for (name, source) in duplicates(
        model
            .roles
            .iter()
            .map(|role| (role.name.as_str(), &role.source)),
    ) {
        report.error(
            source,
            format!("role '{name}': another role has the same name"),
        );
    }
    for role in &model.roles {
        for (name, source) in duplicates(
            role.tables
                .iter()
                .map(|one| (one.table.as_str(), &one.source)),
        ) {
            report.error(source, format!("role '{}' / table permission '{name}': the table has another permission in this role", role.name));
        }
        verify_permissions(model, role, report);
    }
}

fn verify_permissions(model: &Model, role: &Role, report: &mut Report) {
    for permission in &role.tables {
        let path = format!(
            "role '{}' / table permission '{}'",
            role.name, permission.table
        );
        let Some(table) = model.table(&permission.table) else {
            report.error(
                &permission.source,
                format!("{path}: there is no such table"),
            );
            continue;
        };
        for (name, ()) in duplicates(
            permission
                .columns
                .iter()
                .map(|one| (one.column.as_str(), ())),
        ) {
            report.error(&permission.source, format!("{path} / column permission '{name}': the column has another permission in this role"));
        }
        for column in permission
            .columns
            .iter()
            .filter(|one| table.column(&one.column).is_none())
        {
            report.error(
                &permission.source,
                format!(
                    "{path} / column permission '{}': the table has no such column",
                    column.column
                ),
            );
        }
    }
}

//! Tables and what stands in them: every reference must lead somewhere.

use super::{Findings, member, quoted};
use crate::types::{
    Calendar, Column, ColumnKind, DataType, Hierarchy, Model, PartitionKind, Perspective, Source,
    Table, same_name,
};

pub(super) fn check(model: &Model, findings: &mut Findings) {
    if model.tables.is_empty() {
        findings.warning(&Source::default(), "model", "it has no tables");
    }
    if let Some(collation) = model.collation.as_deref().filter(|name| differs(name)) {
        let message = format!(
            "its collation {collation} is not followed: texts compare without case and with accents, in the filters of roles too"
        );
        findings.warning(&Source::default(), "model", message);
    }
    for table in &model.tables {
        check_partitions(table, findings);
        check_columns(model, table, findings);
        for hierarchy in &table.hierarchies {
            check_hierarchy(table, hierarchy, findings);
        }
        check_group(table, findings);
    }
    check_calendars(model, findings);
    for perspective in &model.perspectives {
        check_perspective(model, perspective, findings);
    }
}

/// Whether a collation says of itself that it compares with case, or without accents.
fn differs(collation: &str) -> bool {
    let mut parts = collation.split('_').map(str::to_ascii_uppercase);
    parts.any(|part| matches!(part.as_str(), "CS" | "AI" | "BIN" | "BIN2"))
}

fn check_partitions(table: &Table, findings: &mut Findings) {
    let object = format!("table {}", quoted(&table.name));
    if table.partitions.is_empty() && table.calculation_group.is_none() {
        // Tools write tables for measures alone without one.
        findings.warning(
            &table.source,
            &object,
            "it has no partition: the rows of its columns come from a Parquet file named after it",
        );
    }
    let calculated = table.calculated_expression().is_some();
    if calculated && table.partitions.len() > 1 {
        findings.error(
            &table.source,
            &object,
            "a calculated table must have one partition",
        );
    }
    for partition in &table.partitions {
        if let PartitionKind::Other { kind, .. } = &partition.kind {
            let message = format!(
                "the {kind} source of partition '{}' is not run: the rows come from a Parquet file named after the table",
                partition.name
            );
            findings.info(&table.source, &object, message);
        }
    }
}

fn check_columns(model: &Model, table: &Table, findings: &mut Findings) {
    let keys: Vec<&Column> = table
        .columns
        .iter()
        .filter(|column| column.key && column.kind != ColumnKind::RowNumber)
        .collect();
    if let [_, second, ..] = keys.as_slice() {
        findings.error(
            &second.source,
            &format!("column {}", member(&table.name, &second.name)),
            "the table has another key column",
        );
    }
    for column in &table.columns {
        let object = format!("column {}", member(&table.name, &column.name));
        if column.data_type == DataType::Binary {
            findings.warning(&column.source, &object, "binary columns cannot be queried");
        }
        if let Some(sort_by) = &column.sort_by {
            if same_name(sort_by, &column.name) {
                findings.error(&column.source, &object, "it is sorted by itself");
            } else if table.column(sort_by).is_none() {
                findings.error(
                    &column.source,
                    &object,
                    format!("it is sorted by [{sort_by}], which the table does not have"),
                );
            }
        }
        for name in column
            .group_by
            .iter()
            .filter(|name| table.column(name).is_none())
        {
            findings.error(
                &column.source,
                &object,
                format!("it is grouped with [{name}], which the table does not have"),
            );
        }
        check_variations(model, column, &object, findings);
    }
}

fn check_variations(model: &Model, column: &Column, object: &str, findings: &mut Findings) {
    for variation in &column.variations {
        // Only an expression that takes this way misses it, and is told so.
        let mut missing = |what: String| {
            findings.warning(
                &column.source,
                object,
                format!(
                    "variation '{}' refers to {what}, which does not exist",
                    variation.name
                ),
            );
        };
        if let Some(name) = variation
            .relationship
            .as_ref()
            .filter(|name| model.relationship(name).is_none())
        {
            missing(format!("relationship '{name}'"));
        }
        if let Some((table, name)) = &variation.default_hierarchy
            && model
                .table(table)
                .and_then(|table| table.hierarchy(name))
                .is_none()
        {
            missing(format!("hierarchy {}", member(table, name)));
        }
        if let Some((table, name)) = &variation.default_column
            && model
                .table(table)
                .and_then(|table| table.column(name))
                .is_none()
        {
            missing(format!("column {}", member(table, name)));
        }
    }
}

fn check_hierarchy(table: &Table, hierarchy: &Hierarchy, findings: &mut Findings) {
    let object = format!("hierarchy {}", member(&table.name, &hierarchy.name));
    if hierarchy.levels.is_empty() {
        findings.error(&table.source, &object, "it has no levels");
    }
    for (index, level) in hierarchy.levels.iter().enumerate() {
        let earlier = hierarchy.levels.get(..index).unwrap_or_default();
        if table.column(&level.column).is_none() {
            let message = format!(
                "level '{}' is of column [{}], which the table does not have",
                level.name, level.column
            );
            findings.error(&table.source, &object, message);
        }
        if earlier
            .iter()
            .any(|other| same_name(&other.column, &level.column))
        {
            findings.error(
                &table.source,
                &object,
                format!(
                    "level '{}' is of the same column as another level",
                    level.name
                ),
            );
        }
        if earlier.iter().any(|other| other.ordinal == level.ordinal) {
            findings.error(
                &table.source,
                &object,
                format!(
                    "level '{}' has the same ordinal as another level",
                    level.name
                ),
            );
        }
    }
}

/// A calendar is found by its name alone, and a column stands for one unit of time in all calendars of its table.
fn check_calendars(model: &Model, findings: &mut Findings) {
    let mut names: Vec<&str> = Vec::new();
    for table in &model.tables {
        let mut known: Vec<(&str, Option<String>)> = Vec::new();
        for calendar in &table.calendars {
            check_calendar(table, calendar, findings);
            let object = format!("calendar {}", member(&table.name, &calendar.name));
            if names.iter().any(|name| same_name(name, &calendar.name)) {
                findings.warning(
                    &table.source,
                    &object,
                    "another calendar has the same name, and is the one that is found",
                );
            }
            names.push(&calendar.name);
            for group in &calendar.groups {
                let unit = group.unit.as_deref().map(str::to_ascii_lowercase);
                for column in group.primary.iter().chain(&group.associated) {
                    let other = known.iter().find(|(name, _)| same_name(name, column));
                    if other.is_some_and(|(_, other)| *other != unit) {
                        let message =
                            format!("column [{column}] stands for another unit of time elsewhere");
                        findings.warning(&table.source, &object, message);
                    }
                    known.push((column.as_str(), unit.clone()));
                }
            }
        }
    }
}

fn check_calendar(table: &Table, calendar: &Calendar, findings: &mut Findings) {
    let object = format!("calendar {}", member(&table.name, &calendar.name));
    for name in calendar
        .groups
        .iter()
        .flat_map(|group| group.primary.iter().chain(&group.associated))
    {
        if table.column(name).is_none() {
            findings.error(
                &table.source,
                &object,
                format!("it refers to column [{name}], which the table does not have"),
            );
        }
    }
}

fn check_group(table: &Table, findings: &mut Findings) {
    let Some(group) = &table.calculation_group else {
        return;
    };
    let object = format!("calculation group {}", quoted(&table.name));
    if group.items.is_empty() {
        findings.warning(&table.source, &object, "it has no calculation items");
    }
    if table
        .columns
        .iter()
        .all(|column| column.kind == ColumnKind::RowNumber)
    {
        findings.error(
            &table.source,
            &object,
            "it has no column for the names of its items",
        );
    }
    if !table.measures.is_empty() {
        findings.error(
            &table.source,
            &object,
            "the table of a calculation group cannot hold measures",
        );
    }
}

fn check_perspective(model: &Model, perspective: &Perspective, findings: &mut Findings) {
    let object = format!("perspective '{}'", perspective.name);
    let nowhere = Source::default();
    for (name, members) in &perspective.tables {
        let Some(table) = model.table(name) else {
            findings.error(
                &nowhere,
                &object,
                format!("it shows table {}, which does not exist", quoted(name)),
            );
            continue;
        };
        for one in members.iter().flatten() {
            if table.column(one).is_none()
                && table.measure(one).is_none()
                && table.hierarchy(one).is_none()
            {
                findings.error(
                    &nowhere,
                    &object,
                    format!("it shows {}, which does not exist", member(name, one)),
                );
            }
        }
    }
}

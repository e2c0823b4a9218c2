//! A model as if its hidden objects had been deleted, and every mention of them outside expressions with them.
//!
//! A column that is sorted by a hidden column stays and loses its sort order; a hierarchy that has a hidden level goes whole.
//! Roles always go: who may see what is nobody's business but the operator's. Where anything is hidden, texts that this engine does
//! not read (Power Query, annotations of the model) go too, because they may name it.

use std::collections::{BTreeMap, BTreeSet};

use model::{ColumnKind, Model, PartitionKind, Table, same_name};

use crate::graph::Hidden;
use crate::trees::{Node, ordinals};

/// What is left, and where it stood in the whole model.
pub(crate) struct Pruned {
    pub model: Model,
    /// For each table left: its ordinal in the whole model, and those of its columns.
    pub tables: Vec<(u32, Vec<u32>)>,
    /// For each measure left, table by table: table and measure in the whole model.
    pub measures: Vec<(u32, u32)>,
}

pub(crate) fn prune(model: &Model, hidden: &Hidden) -> Pruned {
    let mut pruned = Pruned {
        model: Model::default(),
        tables: Vec::new(),
        measures: Vec::new(),
    };
    let mut left = shell(model, hidden);
    for (t, table) in ordinals(&model.tables) {
        if hidden.has(Node::Table(t)) {
            continue;
        }
        let columns: Vec<u32> = ordinals(&table.columns)
            .filter(|(c, column)| {
                !hidden.has(Node::Column(t, *c)) && column.kind != ColumnKind::RowNumber
            })
            .map(|(c, _)| c)
            .collect();
        let measures = ordinals(&table.measures)
            .map(|(m, _)| m)
            .filter(|m| !hidden.has(Node::Measure(t, *m)));
        pruned.measures.extend(measures.map(|m| (t, m)));
        left.tables.push(prune_table(t, table, hidden));
        pruned.tables.push((t, columns));
    }
    drop_lost_references(&mut left);
    pruned.model = left;
    pruned
}

/// Everything of the model but its tables.
fn shell(model: &Model, hidden: &Hidden) -> Model {
    let open = hidden.0.is_empty();
    let functions = ordinals(&model.functions).filter(|(f, _)| !hidden.has(Node::Function(*f)));
    Model {
        name: model.name.clone(),
        description: model.description.clone(),
        compatibility_level: model.compatibility_level,
        culture: model.culture.clone(),
        collation: model.collation.clone(),
        value_filter_behavior: model.value_filter_behavior,
        selection_expression_behavior: model.selection_expression_behavior,
        discourage_implicit_measures: model.discourage_implicit_measures,
        tables: Vec::new(),
        relationships: model.relationships.clone(),
        roles: Vec::new(),
        expressions: if open {
            model.expressions.clone()
        } else {
            Vec::new()
        },
        functions: functions.map(|(_, function)| function.clone()).collect(),
        perspectives: model.perspectives.clone(),
        cultures: model.cultures.clone(),
        annotations: if open {
            model.annotations.clone()
        } else {
            BTreeMap::new()
        },
        options: model.options.clone(),
        // These lines name objects, hidden ones among them, and are of use to `check` alone.
        unused: Vec::new(),
        let_go: if open {
            model.let_go.clone()
        } else {
            Default::default()
        },
    }
}

fn prune_table(t: u32, table: &Table, hidden: &Hidden) -> Table {
    let mut left = table.clone();
    let mut c = 0;
    left.columns.retain(|column| {
        c += 1;
        !hidden.has(Node::Column(t, c - 1)) && column.kind != ColumnKind::RowNumber
    });
    left.measures = ordinals(&table.measures)
        .filter(|(m, _)| !hidden.has(Node::Measure(t, *m)))
        .map(|(m, measure)| prune_measure(t, m, measure, hidden))
        .collect();
    if !hidden.0.is_empty() {
        for partition in &mut left.partitions {
            match &mut partition.kind {
                PartitionKind::M {
                    expression: text, ..
                }
                | PartitionKind::Other { text, .. } => text.clear(),
                PartitionKind::Calculated { .. } | PartitionKind::CalculationGroup => {}
            }
        }
    }
    if hidden.has(Node::DetailRows(t, None)) {
        left.default_detail_rows = None;
    }
    if let Some(group) = &mut left.calculation_group {
        let mut i = 0;
        group.items.retain(|_| {
            i += 1;
            !hidden.has(Node::Item(t, i - 1))
        });
        if hidden.has(Node::Selection(t, 0)) {
            group.no_selection = None;
        }
        if hidden.has(Node::Selection(t, 1)) {
            group.multiple_selection = None;
        }
    }
    left
}

fn prune_measure(t: u32, m: u32, measure: &model::Measure, hidden: &Hidden) -> model::Measure {
    let mut left = measure.clone();
    if hidden.has(Node::DetailRows(t, Some(m))) {
        left.detail_rows = None;
    }
    if let Some(kpi) = &mut left.kpi {
        for (part, text) in [
            (0, &mut kpi.target),
            (1, &mut kpi.status),
            (2, &mut kpi.trend),
        ] {
            if hidden.has(Node::Kpi(t, m, part)) {
                *text = None;
            }
        }
    }
    left
}

/// Drops what names an object that is not there: what a person would have to clean up after deleting it.
fn drop_lost_references(model: &mut Model) {
    for table in &mut model.tables {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let there = |name: &String| columns.iter().any(|column| same_name(column, name));
        table
            .hierarchies
            .retain(|hierarchy| hierarchy.levels.iter().all(|level| there(&level.column)));
        for column in &mut table.columns {
            column.sort_by = column.sort_by.take().filter(there);
            column.group_by.retain(there);
        }
        for calendar in &mut table.calendars {
            for group in &mut calendar.groups {
                group.associated.retain(there);
            }
            calendar
                .groups
                .retain(|group| group.primary.as_ref().is_none_or(there));
            calendar
                .groups
                .retain(|group| group.primary.is_some() || !group.associated.is_empty());
        }
        table
            .calendars
            .retain(|calendar| !calendar.groups.is_empty());
    }
    let there = |model: &Model, table: &str, column: &str| {
        model
            .table(table)
            .is_some_and(|table| table.column(column).is_some())
    };
    let mut relationships = std::mem::take(&mut model.relationships);
    relationships.retain(|r| {
        there(model, &r.from_table, &r.from_column) && there(model, &r.to_table, &r.to_column)
    });
    model.relationships = relationships;
    drop_lost_variations(model);
    drop_lost_members(model);
}

fn drop_lost_variations(model: &mut Model) {
    let mut columns = BTreeSet::new();
    let mut hierarchies = BTreeSet::new();
    let fold = crate::references::fold;
    for table in &model.tables {
        columns.extend(
            table
                .columns
                .iter()
                .map(|column| (fold(&table.name), fold(&column.name))),
        );
        hierarchies.extend(
            table
                .hierarchies
                .iter()
                .map(|hierarchy| (fold(&table.name), fold(&hierarchy.name))),
        );
    }
    let relationships: BTreeSet<String> =
        model.relationships.iter().map(|r| fold(&r.name)).collect();
    let lost = |pair: &Option<(String, String)>, there: &BTreeSet<(String, String)>| {
        pair.as_ref()
            .is_some_and(|(table, name)| !there.contains(&(fold(table), fold(name))))
    };
    for column in model.tables.iter_mut().flat_map(|table| &mut table.columns) {
        column.variations.retain(|variation| {
            variation
                .relationship
                .as_ref()
                .is_none_or(|name| relationships.contains(&fold(name)))
                && !lost(&variation.default_hierarchy, &hierarchies)
                && !lost(&variation.default_column, &columns)
        });
    }
}

fn drop_lost_members(model: &mut Model) {
    let mut perspectives = std::mem::take(&mut model.perspectives);
    for perspective in &mut perspectives {
        perspective.tables.retain_mut(|(name, members)| {
            let Some(table) = model.table(name) else {
                return false;
            };
            if let Some(members) = members {
                members.retain(|member| {
                    table.column(member).is_some()
                        || table.measure(member).is_some()
                        || table.hierarchy(member).is_some()
                });
            }
            true
        });
    }
    model.perspectives = perspectives;
}

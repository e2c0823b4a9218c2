//! The way back: a model as `model.bim`. What the model does not hold ([`Model::unused`]) is not written.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::types::{
    CalculationGroup, Calendar, Cardinality, Column, ColumnKind, CrossFilter, DataType, Hierarchy,
    Measure, MetadataPermission, Model, ModelPermission, Partition, PartitionKind, Perspective,
    Relationship, Role, SecurityFilter, SelectionExpression, SelectionExpressionBehavior, Table,
    TablePermission, ValueFilterBehavior, Variation,
};

/// A `model.bim` that [`crate::read_bim`] reads back to an equal model, places and unused constructs apart.
pub fn write_bim(model: &Model) -> String {
    let mut body = Properties::default();
    body.text("description", &model.description);
    body.put("culture", json!(model.culture));
    body.optional("collation", model.collation.as_deref());
    body.choice(
        "valueFilterBehavior",
        model.value_filter_behavior,
        ValueFilterBehavior::Automatic,
        value_filter_name,
    );
    body.choice(
        "selectionExpressionBehavior",
        model.selection_expression_behavior,
        SelectionExpressionBehavior::Automatic,
        selection_behavior_name,
    );
    body.flag(
        "discourageImplicitMeasures",
        model.discourage_implicit_measures,
        false,
    );
    body.list("tables", &model.tables, write_table);
    body.list("relationships", &model.relationships, write_relationship);
    body.list("roles", &model.roles, write_role);
    body.list("expressions", &model.expressions, |expression| {
        json!({ "name": expression.name, "kind": "m", "expression": lines(&expression.text) })
    });
    body.list("functions", &model.functions, |function| {
        let mut body = Properties::named(&function.name);
        body.text("description", &function.description);
        body.put("expression", lines(&function.expression));
        body.flag("isHidden", function.hidden, false);
        body.done()
    });
    body.list("perspectives", &model.perspectives, |perspective| {
        write_perspective(perspective, model)
    });
    body.list(
        "cultures",
        &model.cultures,
        |culture| json!({ "name": culture }),
    );
    body.annotations(&annotations_with_options(model));
    let mut database = Properties::named(&model.name);
    database.put("compatibilityLevel", json!(model.compatibility_level));
    database.put("model", body.done());
    format!("{:#}\n", database.done())
}

/// Options are kept as annotations. Options that were set in memory get theirs here, for they protect rows.
fn annotations_with_options(model: &Model) -> BTreeMap<String, String> {
    let mut annotations = model.annotations.clone();
    let mut ensure = |name: &str, value: &str| {
        if !annotations.keys().any(|key| key.eq_ignore_ascii_case(name)) {
            annotations.insert(name.to_string(), value.to_string());
        }
    };
    if model.options.strict_orphans {
        ensure("Peristyle_StrictOrphans", "true");
    }
    if model.options.as_compatible {
        ensure("Peristyle_ObjectSecurity", "as_compatible");
    }
    annotations
}

/// The properties of one object, in order, without those that say nothing.
#[derive(Default)]
struct Properties(Map<String, Value>);

impl Properties {
    fn named(name: &str) -> Self {
        let mut properties = Properties::default();
        properties.put("name", json!(name));
        properties
    }

    fn put(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_string(), value);
    }

    fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.put(key, lines(text));
        }
    }

    fn optional(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.put(key, json!(text));
        }
    }

    fn expression(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.put(key, lines(text));
        }
    }

    fn definition(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.put(key, json!({ "expression": lines(text) }));
        }
    }

    fn flag(&mut self, key: &str, value: bool, default: bool) {
        if value != default {
            self.put(key, json!(value));
        }
    }

    fn choice<T: PartialEq>(
        &mut self,
        key: &str,
        value: T,
        default: T,
        name: fn(T) -> &'static str,
    ) {
        if value != default {
            self.put(key, json!(name(value)));
        }
    }

    fn list<T>(&mut self, key: &str, items: &[T], write: impl Fn(&T) -> Value) {
        if !items.is_empty() {
            self.put(key, items.iter().map(write).collect());
        }
    }

    fn annotations(&mut self, annotations: &BTreeMap<String, String>) {
        if !annotations.is_empty() {
            let list = annotations
                .iter()
                .map(|(name, value)| json!({ "name": name, "value": lines(value) }))
                .collect();
            self.put("annotations", list);
        }
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

fn lines(text: &str) -> Value {
    if text.contains('\n') {
        text.split('\n').collect()
    } else {
        json!(text)
    }
}

fn write_table(table: &Table) -> Value {
    let mut body = Properties::named(&table.name);
    body.text("description", &table.description);
    body.flag("isHidden", table.hidden, false);
    body.flag("isPrivate", table.private, false);
    body.optional("dataCategory", table.data_category.as_deref());
    if let Some(group) = &table.calculation_group {
        body.put("calculationGroup", write_group(group));
    }
    body.list("columns", &table.columns, write_column);
    body.list("measures", &table.measures, write_measure);
    body.list("hierarchies", &table.hierarchies, write_hierarchy);
    body.list("partitions", &table.partitions, write_partition);
    body.definition(
        "defaultDetailRowsDefinition",
        table.default_detail_rows.as_deref(),
    );
    body.list("calendars", &table.calendars, write_calendar);
    body.annotations(&table.annotations);
    body.done()
}

fn write_column(column: &Column) -> Value {
    let mut body = Properties::named(&column.name);
    match &column.kind {
        ColumnKind::Data { source_column } => body.put("sourceColumn", json!(source_column)),
        ColumnKind::Calculated { expression } => {
            body.put("type", json!("calculated"));
            body.put("expression", lines(expression));
        }
        ColumnKind::CalculatedTable { source_column } => {
            body.put("type", json!("calculatedTableColumn"));
            body.put("sourceColumn", json!(source_column));
        }
        ColumnKind::RowNumber => body.put("type", json!("rowNumber")),
    }
    body.put("dataType", json!(type_name(column.data_type)));
    body.text("description", &column.description);
    body.flag("isHidden", column.hidden, false);
    body.flag("isKey", column.key, false);
    body.flag("isUnique", column.unique, false);
    body.flag("isNullable", column.nullable, true);
    body.optional("formatString", column.format_string.as_deref());
    body.optional("dataCategory", column.data_category.as_deref());
    body.optional("displayFolder", column.display_folder.as_deref());
    body.optional("summarizeBy", column.summarize_by.as_deref());
    body.optional("sortByColumn", column.sort_by.as_deref());
    if !column.group_by.is_empty() {
        let columns: Vec<Value> = column
            .group_by
            .iter()
            .map(|name| json!({ "groupingColumn": name }))
            .collect();
        body.put("relatedColumnDetails", json!({ "groupByColumns": columns }));
    }
    body.list("variations", &column.variations, write_variation);
    body.annotations(&column.annotations);
    if column.field_parameter {
        let value = json!({ "version": 3, "kind": 2 });
        body.put(
            "extendedProperties",
            json!([{ "type": "json", "name": "ParameterMetadata", "value": value }]),
        );
    }
    body.done()
}

fn write_variation(variation: &Variation) -> Value {
    let mut body = Properties::named(&variation.name);
    body.flag("isDefault", variation.is_default, false);
    body.optional("relationship", variation.relationship.as_deref());
    if let Some((table, hierarchy)) = &variation.default_hierarchy {
        body.put(
            "defaultHierarchy",
            json!({ "table": table, "hierarchy": hierarchy }),
        );
    }
    if let Some((table, column)) = &variation.default_column {
        body.put("defaultColumn", json!({ "table": table, "column": column }));
    }
    body.done()
}

fn write_measure(measure: &Measure) -> Value {
    let mut body = Properties::named(&measure.name);
    body.text("description", &measure.description);
    body.put("expression", lines(&measure.expression));
    body.optional("formatString", measure.format_string.as_deref());
    body.definition(
        "formatStringDefinition",
        measure.format_expression.as_deref(),
    );
    body.definition("detailRowsDefinition", measure.detail_rows.as_deref());
    body.choice("dataType", measure.data_type, DataType::Unknown, type_name);
    body.flag("isHidden", measure.hidden, false);
    body.optional("displayFolder", measure.display_folder.as_deref());
    if let Some(kpi) = &measure.kpi {
        let mut inner = Properties::default();
        inner.expression("targetExpression", kpi.target.as_deref());
        inner.expression("statusExpression", kpi.status.as_deref());
        inner.expression("trendExpression", kpi.trend.as_deref());
        body.put("kpi", inner.done());
    }
    body.annotations(&measure.annotations);
    body.done()
}

fn write_hierarchy(hierarchy: &Hierarchy) -> Value {
    let mut body = Properties::named(&hierarchy.name);
    body.text("description", &hierarchy.description);
    body.flag("isHidden", hierarchy.hidden, false);
    body.optional("displayFolder", hierarchy.display_folder.as_deref());
    body.list(
        "levels",
        &hierarchy.levels,
        |level| json!({ "name": level.name, "ordinal": level.ordinal, "column": level.column }),
    );
    body.done()
}

fn write_partition(partition: &Partition) -> Value {
    let mut body = Properties::named(&partition.name);
    body.optional("mode", partition.mode.as_deref());
    let source = match &partition.kind {
        PartitionKind::M { expression, .. } => {
            json!({ "type": "m", "expression": lines(expression) })
        }
        PartitionKind::Calculated { expression } => {
            json!({ "type": "calculated", "expression": lines(expression) })
        }
        PartitionKind::CalculationGroup => json!({ "type": "calculationGroup" }),
        PartitionKind::Other { kind, text } if kind.eq_ignore_ascii_case("query") => {
            json!({ "type": "query", "query": lines(text) })
        }
        PartitionKind::Other { kind, text } if kind.eq_ignore_ascii_case("entity") => {
            json!({ "type": "entity", "entityName": text })
        }
        PartitionKind::Other { kind, .. } => json!({ "type": kind }),
    };
    body.put("source", source);
    body.done()
}

fn write_group(group: &CalculationGroup) -> Value {
    let mut body = Properties::default();
    body.put("precedence", json!(group.precedence));
    body.list("calculationItems", &group.items, |item| {
        let mut body = Properties::named(&item.name);
        body.text("description", &item.description);
        body.put("expression", lines(&item.expression));
        body.definition("formatStringDefinition", item.format_expression.as_deref());
        if let Some(ordinal) = item.ordinal {
            body.put("ordinal", json!(ordinal));
        }
        body.done()
    });
    let mut selection = |key: &str, selection: &Option<SelectionExpression>| {
        if let Some(selection) = selection {
            let mut inner = Properties::default();
            inner.put("expression", lines(&selection.expression));
            inner.definition(
                "formatStringDefinition",
                selection.format_expression.as_deref(),
            );
            body.put(key, inner.done());
        }
    };
    selection("noSelectionExpression", &group.no_selection);
    selection(
        "multipleOrEmptySelectionExpression",
        &group.multiple_selection,
    );
    body.done()
}

fn write_calendar(calendar: &Calendar) -> Value {
    let mut body = Properties::named(&calendar.name);
    body.list("calendarColumnGroups", &calendar.groups, |group| {
        let mut body = Properties::default();
        body.optional("timeUnit", group.unit.as_deref());
        body.optional("primaryColumn", group.primary.as_deref());
        let key = if group.unit.is_some() {
            "associatedColumns"
        } else {
            "columns"
        };
        body.list(key, &group.associated, |name| json!(name));
        body.done()
    });
    body.done()
}

fn write_relationship(relationship: &Relationship) -> Value {
    let mut body = Properties::named(&relationship.name);
    for (key, value) in [
        ("fromTable", &relationship.from_table),
        ("fromColumn", &relationship.from_column),
        ("toTable", &relationship.to_table),
        ("toColumn", &relationship.to_column),
    ] {
        body.put(key, json!(value));
    }
    body.choice(
        "fromCardinality",
        relationship.from_cardinality,
        Cardinality::Many,
        cardinality_name,
    );
    body.choice(
        "toCardinality",
        relationship.to_cardinality,
        Cardinality::One,
        cardinality_name,
    );
    body.flag("isActive", relationship.active, true);
    body.choice(
        "crossFilteringBehavior",
        relationship.cross_filter,
        CrossFilter::OneDirection,
        cross_filter_name,
    );
    body.choice(
        "securityFilteringBehavior",
        relationship.security_filter,
        SecurityFilter::OneDirection,
        security_filter_name,
    );
    body.flag(
        "relyOnReferentialIntegrity",
        relationship.rely_on_referential_integrity,
        false,
    );
    if relationship.join_on_date_part {
        body.put("joinOnDateBehavior", json!("datePartOnly"));
    }
    body.done()
}

fn write_role(role: &Role) -> Value {
    let mut body = Properties::named(&role.name);
    body.text("description", &role.description);
    body.put(
        "modelPermission",
        json!(model_permission_name(role.permission)),
    );
    body.list(
        "members",
        &role.members,
        |member| json!({ "memberName": member }),
    );
    body.list("tablePermissions", &role.tables, write_permission);
    body.done()
}

fn write_permission(permission: &TablePermission) -> Value {
    let mut body = Properties::named(&permission.table);
    body.expression("filterExpression", permission.filter.as_deref());
    body.choice(
        "metadataPermission",
        permission.metadata,
        MetadataPermission::Default,
        metadata_permission_name,
    );
    body.list("columnPermissions", &permission.columns, |column| {
        let mut body = Properties::named(&column.column);
        body.put(
            "metadataPermission",
            json!(metadata_permission_name(column.metadata)),
        );
        body.done()
    });
    body.done()
}

fn write_perspective(perspective: &Perspective, model: &Model) -> Value {
    let mut body = Properties::named(&perspective.name);
    body.list("tables", &perspective.tables, |(name, members)| {
        let mut body = Properties::named(name);
        let Some(members) = members else {
            body.put("includeAll", json!(true));
            return body.done();
        };
        let table = model.table(name);
        let is_measure = |name: &String| table.is_some_and(|table| table.measure(name).is_some());
        let is_hierarchy =
            |name: &String| table.is_some_and(|table| table.hierarchy(name).is_some());
        let pick = |wanted: &dyn Fn(&String) -> bool| -> Vec<&String> {
            members.iter().filter(|name| wanted(name)).collect()
        };
        body.list(
            "columns",
            &pick(&|name| !is_measure(name) && !is_hierarchy(name)),
            |name| json!({ "name": name }),
        );
        body.list(
            "measures",
            &pick(&is_measure),
            |name| json!({ "name": name }),
        );
        body.list(
            "hierarchies",
            &pick(&is_hierarchy),
            |name| json!({ "name": name }),
        );
        body.done()
    });
    body.done()
}

fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Text => "string",
        DataType::Integer => "int64",
        DataType::Double => "double",
        DataType::Fixed => "decimal",
        DataType::DateTime => "dateTime",
        DataType::Boolean => "boolean",
        DataType::Binary => "binary",
        DataType::Unknown => "unknown",
        DataType::Variant => "variant",
    }
}

fn value_filter_name(value: ValueFilterBehavior) -> &'static str {
    match value {
        ValueFilterBehavior::Automatic => "automatic",
        ValueFilterBehavior::Independent => "independent",
        ValueFilterBehavior::Coalesced => "coalesced",
    }
}

fn selection_behavior_name(value: SelectionExpressionBehavior) -> &'static str {
    match value {
        SelectionExpressionBehavior::Automatic => "automatic",
        SelectionExpressionBehavior::NonVisual => "nonVisual",
        SelectionExpressionBehavior::Visual => "visual",
    }
}

fn cardinality_name(value: Cardinality) -> &'static str {
    match value {
        Cardinality::One => "one",
        Cardinality::Many => "many",
    }
}

fn cross_filter_name(value: CrossFilter) -> &'static str {
    match value {
        CrossFilter::OneDirection => "oneDirection",
        CrossFilter::BothDirections => "bothDirections",
        CrossFilter::Automatic => "automatic",
    }
}

fn security_filter_name(value: SecurityFilter) -> &'static str {
    match value {
        SecurityFilter::OneDirection => "oneDirection",
        SecurityFilter::BothDirections => "bothDirections",
        SecurityFilter::None => "none",
    }
}

fn model_permission_name(value: ModelPermission) -> &'static str {
    match value {
        ModelPermission::None => "none",
        ModelPermission::Read => "read",
        ModelPermission::ReadRefresh => "readRefresh",
        ModelPermission::Refresh => "refresh",
        ModelPermission::Administrator => "administrator",
    }
}

fn metadata_permission_name(value: MetadataPermission) -> &'static str {
    match value {
        MetadataPermission::Default => "default",
        MetadataPermission::None => "none",
        MetadataPermission::Read => "read",
    }
}

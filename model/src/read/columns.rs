//! Columns, their variations and what they bring along.

use super::tables::DATA_TYPES;
use crate::tree::{Fields, Object, Value};
use crate::types::{Column, ColumnKind, DataType, Variation};

#[derive(Clone, Copy, PartialEq)]
enum Written {
    Data,
    Calculated,
    CalculatedTable,
    RowNumber,
}

/// `derived`: the table is calculated or a calculation group, so its columns come from no file.
pub(super) fn read_column(parent: &mut Fields, object: Object, derived: bool) -> Column {
    let (mut fields, name) = parent.named(object, "column");
    let written = fields.choice(
        "type",
        &[
            ("data", Written::Data),
            ("calculated", Written::Calculated),
            ("calculatedTableColumn", Written::CalculatedTable),
            ("rowNumber", Written::RowNumber),
        ],
    );
    let kind = read_kind(&mut fields, written, derived, &name);
    let inferred = if matches!(kind, ColumnKind::Data { .. }) {
        DataType::Text
    } else {
        DataType::Unknown
    };
    let column = Column {
        description: fields.description(),
        data_type: fields.choice("dataType", DATA_TYPES).unwrap_or(inferred),
        hidden: fields.flag("isHidden", false),
        key: fields.flag("isKey", false),
        unique: fields.flag("isUnique", false),
        nullable: fields.flag("isNullable", true),
        format_string: fields.text("formatString"),
        data_category: fields.text("dataCategory"),
        display_folder: fields.text("displayFolder"),
        summarize_by: fields.text("summarizeBy"),
        sort_by: fields.text("sortByColumn"),
        group_by: read_group_by(&mut fields),
        variations: fields
            .objects("variations")
            .into_iter()
            .map(|object| read_variation(&mut fields, object))
            .collect(),
        annotations: fields.annotations(),
        field_parameter: read_field_parameter(&mut fields),
        source: fields.source(),
        name,
        kind,
    };
    fields.finish();
    column
}

fn read_kind(
    fields: &mut Fields,
    written: Option<Written>,
    derived: bool,
    name: &str,
) -> ColumnKind {
    let calculated =
        written == Some(Written::Calculated) || (written.is_none() && fields.has("expression"));
    if calculated {
        // Editors save a column that somebody has only begun; the checks say so.
        return ColumnKind::Calculated {
            expression: fields.lines("expression").unwrap_or_default(),
        };
    }
    let source_column = fields.text("sourceColumn");
    match written {
        Some(Written::RowNumber) => ColumnKind::RowNumber,
        Some(Written::CalculatedTable) => ColumnKind::CalculatedTable {
            source_column: source_column.unwrap_or_default(),
        },
        _ if derived => ColumnKind::CalculatedTable {
            source_column: source_column.unwrap_or_default(),
        },
        // Without a source column, the column of the same name is meant.
        _ => ColumnKind::Data {
            source_column: source_column.unwrap_or_else(|| name.to_string()),
        },
    }
}

fn read_group_by(parent: &mut Fields) -> Vec<String> {
    let Some(object) = parent.object("relatedColumnDetails") else {
        return Vec::new();
    };
    let mut fields = parent.inside(object, "related column details");
    let mut names = Vec::new();
    for object in fields.objects("groupByColumns") {
        let mut group = fields.inside(object, "group-by column");
        let name = group.text("groupingColumn").unwrap_or_default();
        if name.is_empty() {
            group.error("it names no grouping column");
        }
        group.finish();
        names.push(name);
    }
    fields.finish();
    names
}

fn read_variation(parent: &mut Fields, object: Object) -> Variation {
    let (mut fields, name) = parent.named(object, "variation");
    let variation = Variation {
        name,
        is_default: fields.flag("isDefault", false),
        relationship: fields.text("relationship"),
        default_hierarchy: read_reference(&mut fields, "defaultHierarchy", "hierarchy"),
        default_column: read_reference(&mut fields, "defaultColumn", "column"),
    };
    if !fields.description().is_empty() {
        fields.unused("description");
    }
    fields.unused_annotations();
    fields.finish();
    variation
}

/// A reference to an object of a table: `{ "table": ..., "hierarchy": ... }`.
fn read_reference(parent: &mut Fields, key: &str, member: &str) -> Option<(String, String)> {
    let object = parent.object(key)?;
    let mut fields = parent.inside(object, key);
    let (table, name) = (fields.text("table"), fields.text(member));
    if table.is_none() || name.is_none() {
        fields.error(&format!("it must name a table and a {member}"));
    }
    fields.finish();
    Some((table?, name?))
}

/// Kind 2 of `ParameterMetadata` marks a field parameter; without a kind it describes a numeric parameter, which changes
/// nothing in how the column is queried.
fn read_field_parameter(fields: &mut Fields) -> bool {
    let mut found = false;
    for object in fields.objects("extendedProperties") {
        let (mut property, name) = fields.named(object, "extended property");
        let json = match property.take("value").map(|node| node.value) {
            Some(Value::Object(object)) => kind_of(&object),
            Some(Value::Text(text) | Value::Word(text)) => kind_in_text(&text),
            _ => None,
        };
        property.take("type");
        property.finish();
        if name == "ParameterMetadata" && json == Some(2) {
            found = true;
        } else {
            fields.unused(format!("extended property '{name}'"));
        }
    }
    found
}

fn kind_of(object: &Object) -> Option<i64> {
    object
        .entries
        .iter()
        .find(|(key, _)| key == "kind")
        .and_then(|(_, node)| match &node.value {
            Value::Number(number) => number.parse().ok(),
            _ => None,
        })
}

fn kind_in_text(text: &str) -> Option<i64> {
    serde_json::from_str::<serde_json::Value>(text)
        .ok()?
        .get("kind")?
        .as_i64()
}

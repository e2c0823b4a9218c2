//! Tables and what stands in them besides columns.

use super::columns::read_column;
use super::source::read_partition;
use crate::tree::{Fields, Object};
use crate::types::{
    CalculationGroup, CalculationItem, Calendar, CalendarGroup, DataType, Hierarchy, Kpi, Level,
    Measure, PartitionKind, SelectionExpression, Table,
};

pub(super) fn read(fields: &mut Fields) -> Vec<Table> {
    fields
        .objects("tables")
        .into_iter()
        .map(|object| read_table(fields, object))
        .collect()
}

fn read_table(parent: &mut Fields, object: Object) -> Table {
    let (mut fields, name) = parent.named(object, "table");
    let partitions: Vec<_> = fields
        .objects("partitions")
        .into_iter()
        .map(|object| read_partition(&mut fields, object))
        .collect();
    let calculation_group = fields
        .object("calculationGroup")
        .map(|object| read_calculation_group(&mut fields, object));
    // TMDL writes no type for such columns, and TMSL writes none in calculation groups: the table decides.
    let derived = calculation_group.is_some()
        || partitions
            .iter()
            .any(|partition| matches!(partition.kind, PartitionKind::Calculated { .. }));
    let table = Table {
        description: fields.description(),
        hidden: fields.flag("isHidden", false),
        private: fields.flag("isPrivate", false),
        data_category: fields.text("dataCategory"),
        columns: fields
            .objects("columns")
            .into_iter()
            .map(|object| read_column(&mut fields, object, derived))
            .collect(),
        measures: fields
            .objects("measures")
            .into_iter()
            .map(|object| read_measure(&mut fields, object))
            .collect(),
        hierarchies: fields
            .objects("hierarchies")
            .into_iter()
            .map(|object| read_hierarchy(&mut fields, object))
            .collect(),
        default_detail_rows: fields.definition("defaultDetailRowsDefinition"),
        calendars: fields
            .objects("calendars")
            .into_iter()
            .map(|object| read_calendar(&mut fields, object))
            .collect(),
        annotations: fields.annotations(),
        source: fields.source(),
        name,
        partitions,
        calculation_group,
    };
    fields.finish();
    table
}

pub(super) const DATA_TYPES: &[(&str, DataType)] = &[
    ("string", DataType::Text),
    ("int64", DataType::Integer),
    ("double", DataType::Double),
    ("decimal", DataType::Fixed),
    ("dateTime", DataType::DateTime),
    ("boolean", DataType::Boolean),
    ("binary", DataType::Binary),
    ("variant", DataType::Variant),
    ("unknown", DataType::Unknown),
    ("automatic", DataType::Unknown),
];

fn read_measure(parent: &mut Fields, object: Object) -> Measure {
    let (mut fields, name) = parent.named(object, "measure");
    let measure = Measure {
        name,
        description: fields.description(),
        expression: fields.lines("expression").unwrap_or_default(),
        format_string: fields.text("formatString"),
        format_expression: fields.definition("formatStringDefinition"),
        detail_rows: fields.definition("detailRowsDefinition"),
        data_type: fields
            .choice("dataType", DATA_TYPES)
            .unwrap_or(DataType::Unknown),
        hidden: fields.flag("isHidden", false),
        display_folder: fields.text("displayFolder"),
        annotations: fields.annotations(),
        kpi: fields
            .object("kpi")
            .map(|object| read_kpi(&mut fields, object)),
        source: fields.source(),
    };
    fields.finish();
    measure
}

fn read_kpi(parent: &mut Fields, object: Object) -> Kpi {
    let mut fields = parent.inside(object, "kpi");
    let kpi = Kpi {
        target: fields.lines("targetExpression"),
        status: fields.lines("statusExpression"),
        trend: fields.lines("trendExpression"),
    };
    fields.unused_annotations();
    fields.finish();
    kpi
}

fn read_hierarchy(parent: &mut Fields, object: Object) -> Hierarchy {
    let (mut fields, name) = parent.named(object, "hierarchy");
    let mut levels = Vec::new();
    for (index, object) in fields.objects("levels").into_iter().enumerate() {
        let (mut level, level_name) = fields.named(object, "level");
        // TMDL leaves the ordinal to the order of the levels.
        let ordinal = level
            .integer("ordinal")
            .map_or(u32::try_from(index).ok(), |ordinal| {
                u32::try_from(ordinal).ok()
            });
        if ordinal.is_none() {
            level.error("'ordinal' must be a small whole number, zero or more");
        }
        let column = level.text("column").unwrap_or_default();
        if column.is_empty() {
            level.error("it names no column");
        }
        if !level.description().is_empty() {
            level.unused("description");
        }
        level.unused_annotations();
        level.finish();
        levels.push(Level {
            name: level_name,
            ordinal: ordinal.unwrap_or_default(),
            column,
        });
    }
    levels.sort_by_key(|level| level.ordinal);
    let hierarchy = Hierarchy {
        name,
        description: fields.description(),
        hidden: fields.flag("isHidden", false),
        display_folder: fields.text("displayFolder"),
        levels,
    };
    fields.unused_annotations();
    fields.finish();
    hierarchy
}

fn read_calculation_group(parent: &mut Fields, object: Object) -> CalculationGroup {
    let mut fields = parent.inside(object, "calculation group");
    let group = CalculationGroup {
        precedence: fields.integer("precedence").unwrap_or_default(),
        items: fields
            .objects("calculationItems")
            .into_iter()
            .map(|object| read_item(&mut fields, object))
            .collect(),
        no_selection: read_selection(&mut fields, "noSelectionExpression"),
        multiple_selection: read_selection(&mut fields, "multipleOrEmptySelectionExpression"),
    };
    if !fields.description().is_empty() {
        fields.unused("description");
    }
    fields.unused_annotations();
    fields.finish();
    group
}

fn read_item(parent: &mut Fields, object: Object) -> CalculationItem {
    let (mut fields, name) = parent.named(object, "calculation item");
    let item = CalculationItem {
        name,
        description: fields.description(),
        expression: fields.lines("expression").unwrap_or_default(),
        format_expression: fields.definition("formatStringDefinition"),
        // Minus one is the vendor's spelling of no ordinal.
        ordinal: fields.integer("ordinal").filter(|ordinal| *ordinal != -1),
    };
    fields.unused_annotations();
    fields.finish();
    item
}

fn read_selection(parent: &mut Fields, key: &str) -> Option<SelectionExpression> {
    let object = parent.object(key)?;
    let mut fields = parent.inside(object, key);
    let expression = fields.lines("expression").unwrap_or_default();
    let format_expression = fields.definition("formatStringDefinition");
    if !fields.description().is_empty() {
        fields.unused("description");
    }
    fields.finish();
    Some(SelectionExpression {
        expression,
        format_expression,
    })
}

fn read_calendar(parent: &mut Fields, object: Object) -> Calendar {
    let (mut fields, name) = parent.named(object, "calendar");
    let mut groups = Vec::new();
    for object in fields.objects("calendarColumnGroups") {
        let mut group = fields.inside(object, "column group");
        let unit = group.text("timeUnit");
        let primary = group.text("primaryColumn");
        let mut associated = group.texts("associatedColumns");
        associated.append(&mut group.texts("columns"));
        if unit.is_some() && primary.is_none() {
            group.error("it has a time unit and no primary column");
        }
        group.finish();
        groups.push(CalendarGroup {
            unit,
            primary,
            associated,
        });
    }
    if !fields.description().is_empty() {
        fields.unused("description");
    }
    fields.unused_annotations();
    fields.finish();
    Calendar { name, groups }
}

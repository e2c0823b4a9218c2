//! From the tree of properties to the model.

mod columns;
mod names;
mod options;
mod roles;
mod source;
mod tables;

use crate::tree::{Fields, Object, Report};
use crate::types::{
    Cardinality, CrossFilter, Model, NamedExpression, Perspective, Relationship, SecurityFilter,
    SelectionExpressionBehavior, UserFunction, ValueFilterBehavior,
};

/// Reads a database and the model inside it. What is wrong is in the report.
pub(crate) fn read_database(report: &mut Report, database: Object) -> Model {
    let mut fields = Fields::root(report, database);
    let name = fields.text("name").unwrap_or_default();
    let compatibility_level = fields.integer("compatibilityLevel").unwrap_or_default();
    let description = fields.description();
    fields.take("id");
    fields.take("compatibilityMode");
    fields.unused_annotations();
    let mut model = match fields.object("model") {
        Some(object) => read_model(&mut fields.inside(object, "model")),
        None => {
            fields.error("there is no 'model' here: this is not a semantic model");
            Model::default()
        }
    };
    match u32::try_from(compatibility_level) {
        Ok(level) => model.compatibility_level = level,
        Err(_) => fields.error("'compatibilityLevel' must be a positive whole number"),
    }
    if model.description.is_empty() {
        model.description = description;
    } else if !description.is_empty() {
        fields.unused("description of the database");
    }
    fields.finish();
    model.name = name;
    model.unused = std::mem::take(&mut report.unused);
    model.let_go = std::mem::take(&mut report.let_go);
    let unused = model.unused.iter().map(|unused| unused.what.as_str());
    let kinds = unused.filter_map(|what| TOLD.iter().find(|kind| what.starts_with(**kind)));
    model.let_go.extend(kinds);
    names::verify(&model, report);
    model
}

/// Constructs that are not kept, and that a caller may ask about.
const TOLD: &[&str] = &[
    "alternateOf",
    "dataCoverageDefinition",
    "dataSources",
    "extended property",
    "refreshPolicy",
    "translations",
];

fn read_model(fields: &mut Fields) -> Model {
    // Paths of tables and roles begin at themselves: every one of them is in the model.
    fields.path.clear();
    // The model object is always called Model or so; the name that people know is that of the database.
    fields.take("name");
    let annotations = fields.annotations();
    let options = options::read(fields, &annotations);
    let model = Model {
        name: String::new(),
        description: fields.description(),
        compatibility_level: 0,
        culture: fields
            .text("culture")
            .unwrap_or_else(|| "en-US".to_string()),
        collation: fields.text("collation"),
        value_filter_behavior: fields
            .choice(
                "valueFilterBehavior",
                &[
                    ("automatic", ValueFilterBehavior::Automatic),
                    ("independent", ValueFilterBehavior::Independent),
                    ("coalesced", ValueFilterBehavior::Coalesced),
                ],
            )
            .unwrap_or_default(),
        selection_expression_behavior: fields
            .choice(
                "selectionExpressionBehavior",
                &[
                    ("automatic", SelectionExpressionBehavior::Automatic),
                    ("nonVisual", SelectionExpressionBehavior::NonVisual),
                    ("visual", SelectionExpressionBehavior::Visual),
                ],
            )
            .unwrap_or_default(),
        discourage_implicit_measures: fields.flag("discourageImplicitMeasures", false),
        tables: tables::read(fields),
        relationships: fields
            .objects("relationships")
            .into_iter()
            .map(|object| read_relationship(fields, object))
            .collect(),
        roles: roles::read(fields),
        expressions: fields
            .objects("expressions")
            .into_iter()
            .map(|object| read_expression(fields, object))
            .collect(),
        functions: fields
            .objects("functions")
            .into_iter()
            .map(|object| read_function(fields, object))
            .collect(),
        perspectives: fields
            .objects("perspectives")
            .into_iter()
            .map(|object| read_perspective(fields, object))
            .collect(),
        cultures: fields
            .objects("cultures")
            .into_iter()
            .map(|object| read_culture(fields, object))
            .collect(),
        annotations,
        options,
        unused: Vec::new(),
        let_go: Default::default(),
    };
    // `finish` takes the fields by value, and this function has them on loan.
    let rest = fields.rest();
    fields.inside(rest, "model").finish();
    model
}

const CARDINALITIES: &[(&str, Cardinality)] =
    &[("one", Cardinality::One), ("many", Cardinality::Many)];

fn read_relationship(parent: &mut Fields, object: Object) -> Relationship {
    let mut fields = parent.inside(object, "relationship");
    let name = fields.text("name");
    let mut end = |key: &str| {
        let text = fields.text(key).unwrap_or_default();
        if text.is_empty() {
            fields.error(&format!("'{key}' is missing"));
        }
        text
    };
    let (from_table, from_column) = (end("fromTable"), end("fromColumn"));
    let (to_table, to_column) = (end("toTable"), end("toColumn"));
    // A relationship needs no name in scripts that people write; its ends then name it.
    let name = name
        .unwrap_or_else(|| format!("'{from_table}'[{from_column}] to '{to_table}'[{to_column}]"));
    fields.path = format!("relationship '{name}'");
    fields.choice("type", &[("singleColumn", ())]);
    let join = fields.choice(
        "joinOnDateBehavior",
        &[("dateAndTime", false), ("datePartOnly", true)],
    );
    let relationship = Relationship {
        from_cardinality: fields
            .choice("fromCardinality", CARDINALITIES)
            .unwrap_or(Cardinality::Many),
        to_cardinality: fields
            .choice("toCardinality", CARDINALITIES)
            .unwrap_or(Cardinality::One),
        active: fields.flag("isActive", true),
        cross_filter: fields
            .choice(
                "crossFilteringBehavior",
                &[
                    ("oneDirection", CrossFilter::OneDirection),
                    ("bothDirections", CrossFilter::BothDirections),
                    ("automatic", CrossFilter::Automatic),
                ],
            )
            .unwrap_or_default(),
        security_filter: fields
            .choice(
                "securityFilteringBehavior",
                &[
                    ("oneDirection", SecurityFilter::OneDirection),
                    ("bothDirections", SecurityFilter::BothDirections),
                    ("none", SecurityFilter::None),
                ],
            )
            .unwrap_or_default(),
        rely_on_referential_integrity: fields.flag("relyOnReferentialIntegrity", false),
        join_on_date_part: join.unwrap_or(false),
        source: fields.source(),
        name,
        from_table,
        from_column,
        to_table,
        to_column,
    };
    fields.unused_annotations();
    fields.finish();
    relationship
}

fn read_expression(parent: &mut Fields, object: Object) -> NamedExpression {
    let (mut fields, name) = parent.named(object, "expression");
    fields.choice("kind", &[("m", ())]);
    let text = fields.lines("expression").unwrap_or_default();
    fields.unused_annotations();
    fields.finish();
    NamedExpression { name, text }
}

fn read_function(parent: &mut Fields, object: Object) -> UserFunction {
    let (mut fields, name) = parent.named(object, "function");
    let function = UserFunction {
        name,
        description: fields.description(),
        expression: fields.lines("expression").unwrap_or_default(),
        hidden: fields.flag("isHidden", false),
        source: fields.source(),
    };
    fields.unused_annotations();
    fields.finish();
    function
}

fn read_perspective(parent: &mut Fields, object: Object) -> Perspective {
    let (mut fields, name) = parent.named(object, "perspective");
    let mut tables = Vec::new();
    for object in fields.objects("tables") {
        let (mut table, table_name) = fields.named(object, "table");
        let all = table.flag("includeAll", false);
        let mut members = Vec::new();
        for (key, kind) in [
            ("columns", "column"),
            ("measures", "measure"),
            ("hierarchies", "hierarchy"),
        ] {
            for object in table.objects(key) {
                let (mut member, member_name) = table.named(object, kind);
                member.unused_annotations();
                member.finish();
                members.push(member_name);
            }
        }
        table.unused_annotations();
        table.finish();
        tables.push((table_name, if all { None } else { Some(members) }));
    }
    if !fields.description().is_empty() {
        fields.unused("description");
    }
    fields.unused_annotations();
    fields.finish();
    Perspective { name, tables }
}

fn read_culture(parent: &mut Fields, object: Object) -> String {
    let (mut fields, name) = parent.named(object, "culture");
    fields.unused_annotations();
    fields.finish();
    name
}

//! From items to the tree of properties in the words of TMSL: collections get their plural names, and references their parts.

use super::merge::listed;
use super::name::reference;
use super::parse::{Assigned, Item};
use crate::tree::{Node, Object, Place, Report, Value};

/// Keyword, the collection of TMSL, and the property that `= value` in the header gives.
const COLLECTIONS: &[(&str, &str, &str)] = &[
    ("annotation", "annotations", "value"),
    ("calculationItem", "calculationItems", "expression"),
    ("calendar", "calendars", ""),
    ("calendarColumnGroup", "calendarColumnGroups", "timeUnit"),
    ("changedProperty", "changedProperties", "property"),
    ("column", "columns", "expression"),
    (
        "columnPermission",
        "columnPermissions",
        "metadataPermission",
    ),
    ("culture", "cultures", ""),
    ("cultureInfo", "cultures", ""),
    ("dataSource", "dataSources", "type"),
    ("expression", "expressions", "expression"),
    ("extendedProperty", "extendedProperties", "value"),
    ("function", "functions", "expression"),
    ("hierarchy", "hierarchies", ""),
    ("level", "levels", ""),
    ("measure", "measures", "expression"),
    ("member", "members", "memberType"),
    ("partition", "partitions", "type"),
    ("perspective", "perspectives", ""),
    ("perspectiveColumn", "columns", ""),
    ("perspectiveHierarchy", "hierarchies", ""),
    ("perspectiveMeasure", "measures", ""),
    ("perspectiveTable", "tables", ""),
    ("queryGroup", "queryGroups", ""),
    ("relationship", "relationships", ""),
    ("role", "roles", ""),
    ("table", "tables", ""),
    ("tablePermission", "tablePermissions", "filterExpression"),
    ("timeRelatedColumnGroup", "calendarColumnGroups", ""),
    (
        "timeUnitColumnAssociation",
        "calendarColumnGroups",
        "timeUnit",
    ),
    ("variation", "variations", ""),
];

/// Collections whose members have no name.
const NAMELESS: &[&str] = &[
    "calendarColumnGroup",
    "changedProperty",
    "timeRelatedColumnGroup",
    "timeUnitColumnAssociation",
];

/// Objects that stand alone in their parent, and their default property.
const SINGLES: &[(&str, &str)] = &[
    ("alternateOf", ""),
    ("attributeHierarchy", ""),
    ("calculationGroup", ""),
    ("dataAccessOptions", ""),
    ("dataCoverageDefinition", "expression"),
    ("defaultDetailRowsDefinition", "expression"),
    ("detailRowsDefinition", "expression"),
    ("formatStringDefinition", "expression"),
    ("kpi", ""),
    ("linguisticMetadata", "content"),
    ("multipleOrEmptySelectionExpression", "expression"),
    ("noSelectionExpression", "expression"),
    ("refreshPolicy", ""),
    ("relatedColumnDetails", ""),
    ("translations", ""),
];

/// Properties whose value is the name of an object of the same table or of the model.
const NAMES: &[&str] = &[
    "associatedColumn",
    "column",
    "groupByColumn",
    "primaryColumn",
    "relationship",
    "sortByColumn",
];

/// A property whose value is a table and an object of it: the end of a relationship, or a target of a variation.
struct Pair {
    property: &'static str,
    table: &'static str,
    member: &'static str,
    /// In an object of its own, or beside the other properties.
    nested: bool,
}

const PAIRS: &[Pair] = &[
    Pair {
        property: "fromColumn",
        table: "fromTable",
        member: "fromColumn",
        nested: false,
    },
    Pair {
        property: "toColumn",
        table: "toTable",
        member: "toColumn",
        nested: false,
    },
    Pair {
        property: "defaultHierarchy",
        table: "table",
        member: "hierarchy",
        nested: true,
    },
    Pair {
        property: "defaultColumn",
        table: "table",
        member: "column",
        nested: true,
    },
];

pub(super) struct Lowering<'r> {
    pub report: &'r mut Report,
}

impl Lowering<'_> {
    /// The properties of an object; `default` is the property that a value in its header gives.
    pub fn object(&mut self, item: Item, default: &str) -> Object {
        let place = item.place.clone();
        let mut object = Object {
            place: place.clone(),
            entries: Vec::new(),
        };
        let name_key = if item.keyword.eq_ignore_ascii_case("member") {
            "memberName"
        } else {
            "name"
        };
        if let Some(name) = item.name {
            put(&mut object, name_key, word(&place, name));
        }
        if let Some(text) = item.description {
            put(&mut object, "description", word(&place, text));
        }
        let is_partition = item.keyword.eq_ignore_ascii_case("partition");
        let mut partition_type = None;
        match item.value {
            Some(value) if is_partition => partition_type = Some(value.text().to_string()),
            Some(_) if default.is_empty() => {
                let message = format!("'{}' takes no value", item.keyword);
                self.report.error(&place.source(), message);
            }
            Some(value) => put(&mut object, default, word(&place, value.text().to_string())),
            None => {}
        }
        for child in item.children {
            if is_partition && child.keyword.eq_ignore_ascii_case("source") {
                let source =
                    self.partition_source(child, partition_type.take().unwrap_or_default());
                put(&mut object, "source", source);
            } else {
                self.child(&mut object, &item.keyword, child);
            }
        }
        if let Some(kind) = partition_type {
            // A calculation group has no source of its own to write.
            let entries = vec![("type".to_string(), word(&place, kind))];
            put(
                &mut object,
                "source",
                Node {
                    place: place.clone(),
                    value: Value::Object(Object { place, entries }),
                },
            );
        }
        object
    }

    fn child(&mut self, parent: &mut Object, parent_keyword: &str, item: Item) {
        let place = item.place.clone();
        let property = item.name.is_none() && matches!(item.value, Some(Assigned::Plain(_)));
        if property {
            return self.property(parent, parent_keyword, item);
        }
        let find = |keyword: &str| {
            COLLECTIONS
                .iter()
                .find(|(name, _, _)| name.eq_ignore_ascii_case(keyword))
        };
        if let Some((keyword, collection, default)) = find(&item.keyword) {
            let nameless = listed(keyword, NAMELESS);
            if item.name.is_some() || nameless {
                let object = self.object(item, default);
                return append(
                    parent,
                    collection,
                    Node {
                        place,
                        value: Value::Object(object),
                    },
                );
            }
            if item.value.is_none() {
                self.report
                    .error(&place.source(), format!("'{keyword}' has no name"));
                return;
            }
        }
        let single = SINGLES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&item.keyword));
        let key = item.keyword.clone();
        let node = match (single, &item.value) {
            (Some((_, default)), _) => Node {
                place,
                value: Value::Object(self.object(item, default)),
            },
            (None, Some(Assigned::Verbatim(text)))
                if item.name.is_none() && item.children.is_empty() =>
            {
                word(&place, text.clone())
            }
            (None, None) if item.name.is_none() && item.children.is_empty() => Node {
                place,
                value: Value::Bool(true),
            },
            (None, _) => Node {
                place,
                value: Value::Object(self.object(item, "value")),
            },
        };
        put(parent, &key, node);
    }

    fn property(&mut self, parent: &mut Object, parent_keyword: &str, item: Item) {
        let place = item.place;
        if item.description.is_some() {
            self.report.error(
                &place.source(),
                format!(
                    "a description stands before the property '{}'",
                    item.keyword
                ),
            );
        }
        let text = item.value.as_ref().map_or("", Assigned::text);
        let key = item.keyword.as_str();
        let is = |name: &str| key.eq_ignore_ascii_case(name);
        if let Some(pair) = PAIRS.iter().find(|pair| is(pair.property)) {
            return self.pair(parent, pair, text, place);
        }
        if !listed(key, NAMES) {
            return put(parent, key, word(&place, text.to_string()));
        }
        let Some([name]) = reference(text).and_then(|parts| <[String; 1]>::try_from(parts).ok())
        else {
            self.report.error(
                &place.source(),
                format!(
                    "'{key}' is '{text}', but it must be one name, in quotes if it holds a point"
                ),
            );
            return;
        };
        if is("groupByColumn") {
            let entries = vec![("groupingColumn".to_string(), word(&place, name))];
            append(
                parent,
                "groupByColumns",
                Node {
                    place: place.clone(),
                    value: Value::Object(Object { place, entries }),
                },
            );
        } else if is("associatedColumn") {
            append(parent, "associatedColumns", word(&place, name));
        } else if is("column") && !parent_keyword.eq_ignore_ascii_case("level") {
            append(parent, "columns", word(&place, name));
        } else {
            put(parent, key, word(&place, name));
        }
    }

    /// `Sales.'Order Date'` as the two properties that TMSL has for it.
    fn pair(&mut self, parent: &mut Object, pair: &Pair, text: &str, place: Place) {
        let Some([table, member]) =
            reference(text).and_then(|parts| <[String; 2]>::try_from(parts).ok())
        else {
            let message = format!(
                "'{}' is '{text}', but it must be a table, a point and a name",
                pair.property
            );
            self.report.error(&place.source(), message);
            return;
        };
        let entries = vec![
            (pair.table.to_string(), word(&place, table)),
            (pair.member.to_string(), word(&place, member)),
        ];
        if pair.nested {
            put(
                parent,
                pair.property,
                Node {
                    place: place.clone(),
                    value: Value::Object(Object { place, entries }),
                },
            );
        } else {
            parent.entries.extend(entries);
        }
    }

    /// In TMDL the kind of a source is the value of its partition, and its main property the value of `source`.
    fn partition_source(&mut self, item: Item, kind: String) -> Node {
        let place = item.place.clone();
        let default = if kind.eq_ignore_ascii_case("query") {
            "query"
        } else {
            "expression"
        };
        let mut object = self.object(item, default);
        if !kind.is_empty() {
            put(&mut object, "type", word(&place, kind));
        }
        Node {
            place,
            value: Value::Object(object),
        }
    }
}

fn word(place: &Place, text: String) -> Node {
    Node {
        place: place.clone(),
        value: Value::Word(text),
    }
}

fn put(object: &mut Object, key: &str, node: Node) {
    object.entries.push((key.to_string(), node));
}

/// Adds to a list of the object, which begins with its first member.
fn append(object: &mut Object, key: &str, node: Node) {
    let place = node.place.clone();
    match object.entries.iter_mut().find(|(name, _)| name == key) {
        Some((
            _,
            Node {
                value: Value::List(items),
                ..
            },
        )) => items.push(node),
        _ => object.entries.push((
            key.to_string(),
            Node {
                place,
                value: Value::List(vec![node]),
            },
        )),
    }
}

//! Relationships: both ends exist and can be compared, and one way leads from a table to another.

use super::{Findings, member};
use crate::types::{Cardinality, Column, DataType, Model, Relationship, same_name};

pub(super) fn check(model: &Model, findings: &mut Findings) {
    for relationship in &model.relationships {
        check_one(model, relationship, findings);
    }
    for table in &model.tables {
        check_ways(model, &table.name, findings);
    }
}

/// Over active relationships the rows of a table lead to another table in one way. Of two, filters would take one without a word.
fn check_ways<'m>(model: &'m Model, table: &'m str, findings: &mut Findings) {
    let leaving: Vec<&'m Relationship> = leading_from(model, table).collect();
    for (place, later) in leaving.iter().enumerate() {
        let over_later = reached(model, &later.to_table);
        for earlier in leaving.iter().take(place) {
            let also = |name: &&str| over_later.iter().any(|other| same_name(name, other));
            let over_earlier = reached(model, &earlier.to_table);
            if let Some(shared) = over_earlier.into_iter().find(also) {
                findings.warning(
                    &later.source,
                    &format!("relationship '{}'", later.name),
                    format!(
                        "rows of '{table}' lead to '{shared}' over it and over '{}': filters take one way only, so let one be inactive",
                        earlier.name
                    ),
                );
            }
        }
    }
}

/// The relationships over which a row of a table finds a row of another.
fn leading_from<'m>(model: &'m Model, table: &'m str) -> impl Iterator<Item = &'m Relationship> {
    model.relationships.iter().filter(move |relationship| {
        relationship.active
            && relationship.to_cardinality == Cardinality::One
            && same_name(&relationship.from_table, table)
            && !same_name(&relationship.to_table, table)
    })
}

/// A table and those that its rows lead to, the nearest first.
fn reached<'m>(model: &'m Model, table: &'m str) -> Vec<&'m str> {
    let mut found = vec![table];
    let mut next = 0;
    while let Some(&here) = found.get(next) {
        next += 1;
        for relationship in leading_from(model, here) {
            let to = relationship.to_table.as_str();
            if !found.iter().any(|known| same_name(known, to)) {
                found.push(to);
            }
        }
    }
    found
}

fn check_one(model: &Model, relationship: &Relationship, findings: &mut Findings) {
    let object = format!("relationship '{}'", relationship.name);
    let mut end = |table: &str, column: &str| -> Option<Column> {
        let found = model.table(table).and_then(|table| table.column(column));
        if found.is_none() {
            findings.error(
                &relationship.source,
                &object,
                format!("its end {} does not exist", member(table, column)),
            );
        }
        found.cloned()
    };
    let from = end(&relationship.from_table, &relationship.from_column);
    let to = end(&relationship.to_table, &relationship.to_column);
    if same_name(&relationship.from_table, &relationship.to_table) {
        findings.error(
            &relationship.source,
            &object,
            "it relates a table to itself",
        );
    }
    if (relationship.from_cardinality, relationship.to_cardinality)
        == (Cardinality::One, Cardinality::Many)
    {
        findings.error(
            &relationship.source,
            &object,
            "its many side must be the 'from' end: turn it round",
        );
    }
    let (Some(from), Some(to)) = (from, to) else {
        return;
    };
    let ends = format!(
        "{} is {} and {} is {}",
        member(&relationship.from_table, &from.name),
        type_name(from.data_type),
        member(&relationship.to_table, &to.name),
        type_name(to.data_type)
    );
    match agreement(from.data_type, to.data_type) {
        Agreement::Same => {}
        Agreement::Numbers => findings.warning(
            &relationship.source,
            &object,
            format!("its ends have different types: {ends}"),
        ),
        Agreement::Texts => findings.warning(
            &relationship.source,
            &object,
            format!("its ends have different types, and a number finds the text that it is written as: {ends}"),
        ),
        Agreement::Apart => findings.warning(
            &relationship.source,
            &object,
            format!("its ends have different types, and no number finds a date: {ends}"),
        ),
        Agreement::None => findings.error(
            &relationship.source,
            &object,
            format!("its ends cannot be compared: {ends}"),
        ),
    }
    let dates = [&from, &to]
        .into_iter()
        .all(|column| matches!(column.data_type, DataType::DateTime | DataType::Unknown));
    if relationship.join_on_date_part && !dates {
        findings.error(
            &relationship.source,
            &object,
            format!("it compares the day alone, but its ends are not both dates: {ends}"),
        );
    }
}

enum Agreement {
    Same,
    Numbers,
    Texts,
    Apart,
    None,
}

/// The type of a calculated column is not known before the engine has inferred it, so it agrees with any.
fn agreement(a: DataType, b: DataType) -> Agreement {
    let number =
        |one: DataType| matches!(one, DataType::Integer | DataType::Double | DataType::Fixed);
    if a == DataType::Binary || b == DataType::Binary {
        Agreement::None
    } else if a == b || a == DataType::Unknown || b == DataType::Unknown {
        Agreement::Same
    } else if number(a) && number(b) {
        Agreement::Numbers
    } else if (number(a) && b == DataType::Text) || (number(b) && a == DataType::Text) {
        Agreement::Texts
    } else if (number(a) && b == DataType::DateTime) || (number(b) && a == DataType::DateTime) {
        Agreement::Apart
    } else {
        Agreement::None
    }
}

fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Text => "text",
        DataType::Integer => "a whole number",
        DataType::Double => "a decimal number",
        DataType::Fixed => "a fixed decimal number",
        DataType::DateTime => "a date",
        DataType::Boolean => "true or false",
        DataType::Binary => "binary",
        DataType::Unknown => "of a type to be inferred",
        DataType::Variant => "variant",
    }
}

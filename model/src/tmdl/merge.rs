//! Objects may be declared in pieces, over several files. This puts the pieces together, and refuses pieces that disagree.

use super::parse::Item;
use crate::tree::Report;
use crate::types::{Unused, same_name};

/// Kinds that hold other objects and may be declared again to add to them. A role may not: two files that declare one role are
/// more likely a mistake, and a mistake there opens doors.
const CONTAINERS: &[&str] = &[
    "table",
    "calculationGroup",
    "culture",
    "cultureInfo",
    "perspective",
    "perspectiveTable",
    "model",
    "database",
];

/// Properties that may stand several times, each a value of its own.
const REPEATED: &[&str] = &[
    "groupByColumn",
    "associatedColumn",
    "column",
    "calendarColumnGroup",
    "timeUnitColumnAssociation",
    "timeRelatedColumnGroup",
    "changedProperty",
];

pub(super) fn listed(keyword: &str, list: &[&str]) -> bool {
    list.iter().any(|one| one.eq_ignore_ascii_case(keyword))
}

/// Siblings, each object once, in the order of first mention: `ref` lines so give the order.
pub(super) fn merge(items: Vec<Item>, report: &mut Report) -> Vec<Item> {
    let mut merged: Vec<Item> = Vec::new();
    for item in items {
        match merged
            .iter_mut()
            .find(|earlier| same_object(earlier, &item))
        {
            Some(earlier) => join(earlier, item, report),
            None => merged.push(item),
        }
    }
    let mut declared = Vec::new();
    for mut item in merged {
        if item.reference {
            undeclared(&item, report);
            continue;
        }
        item.children = merge(std::mem::take(&mut item.children), report);
        declared.push(item);
    }
    declared
}

fn same_object(a: &Item, b: &Item) -> bool {
    if !a.keyword.eq_ignore_ascii_case(&b.keyword) {
        return false;
    }
    match (&a.name, &b.name) {
        (Some(first), Some(second)) => {
            same_name(first, second)
                && (a.reference || b.reference || listed(&a.keyword, CONTAINERS))
        }
        (None, None) => !listed(&a.keyword, REPEATED),
        // `database` stands with and without its name.
        _ => false,
    }
}

fn join(earlier: &mut Item, item: Item, report: &mut Report) {
    let what = match &item.name {
        Some(name) => format!("{} '{name}'", item.keyword),
        None => format!("'{}'", item.keyword),
    };
    if item.value.is_some() && earlier.value.is_some() && item.value != earlier.value {
        report.error(
            &item.place.source(),
            format!("{what} is given a second time, with another value"),
        );
    }
    let plain = item.name.is_none() && item.children.is_empty() && earlier.children.is_empty();
    if plain && item.value.is_some() != earlier.value.is_some() {
        report.error(
            &item.place.source(),
            format!("{what} is given a second time, with another value"),
        );
    }
    if item.description.is_some()
        && earlier.description.is_some()
        && item.description != earlier.description
    {
        report.error(
            &item.place.source(),
            format!("{what} is described a second time, in other words"),
        );
    }
    if earlier.reference && !item.reference {
        earlier.place = item.place;
        // The declaration says how the name is spelled.
        earlier.name = item.name;
    }
    earlier.reference &= item.reference;
    earlier.value = earlier.value.take().or(item.value);
    earlier.description = earlier.description.take().or(item.description);
    earlier.children.extend(item.children);
}

/// A reference to an object whose file is missing gives an order for nothing. But a missing role would leave the model open.
fn undeclared(item: &Item, report: &mut Report) {
    let name = item.name.as_deref().unwrap_or_default();
    let what = format!("{} '{name}'", item.keyword);
    let harmless = item.children.is_empty()
        && item.value.is_none()
        && !item.keyword.to_ascii_lowercase().contains("role");
    if harmless {
        report.unused.push(Unused {
            place: "model".into(),
            what: format!("ref {what}, which is declared nowhere"),
        });
    } else {
        report.error(
            &item.place.source(),
            format!("'ref {what}': it is declared nowhere"),
        );
    }
}

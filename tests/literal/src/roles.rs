//! Row-level roles by their rules: the rows that a set of roles shows, and a copy of the data with nothing else in it.

use std::collections::BTreeSet;
use std::rc::Rc;

use dax::parse_expression;
use model::{Cardinality, Model, Role, SecurityFilter};

use crate::data::{Data, TableData};
use crate::eval::{Evaluator, Place, Row};
use crate::value::{Failure, Result, Value};

/// A filter goes from one end of a relationship to the other.
struct Way {
    link: usize,
    forward: bool,
}

/// Which rows of each table these roles show.
pub fn shown_rows(data: &Data, roles: &[&str]) -> Result<Vec<Vec<bool>>> {
    let ways = ways_of(&data.model);
    let mut visible: Vec<Vec<bool>> = data
        .tables
        .iter()
        .map(|t| vec![false; t.rows.len()])
        .collect();
    for name in roles {
        let Some(role) = data.model.role(name) else {
            return Err(Failure::Error(format!("there is no role {name}")));
        };
        let shown = rows_of_role(data, role, &ways)?;
        // Roles are united row by row.
        for (table, rows) in visible.iter_mut().zip(shown) {
            table.iter_mut().zip(rows).for_each(|(a, b)| *a |= b);
        }
    }
    Ok(visible)
}

/// The data without the rows that these roles hide, and the model without roles.
pub fn secured(data: &Data, roles: &[&str]) -> Result<Data> {
    let visible = shown_rows(data, roles)?;
    let tables = data
        .tables
        .iter()
        .zip(visible)
        .map(|(table, visible)| TableData {
            rows: table
                .rows
                .iter()
                .zip(visible)
                .filter(|(_, visible)| *visible)
                .map(|(row, _)| row.clone())
                .collect(),
        });
    let tables = tables.collect();
    Ok(Data::new(
        Model {
            roles: Vec::new(),
            ..data.model.clone()
        },
        tables,
    ))
}

fn ways_of(model: &Model) -> Vec<Way> {
    let mut ways = Vec::new();
    for (link, relationship) in model
        .relationships
        .iter()
        .enumerate()
        .filter(|(_, r)| r.active)
    {
        if relationship.security_filter != SecurityFilter::None {
            ways.push(Way {
                link,
                forward: true,
            });
        }
        if relationship.security_filter == SecurityFilter::BothDirections {
            ways.push(Way {
                link,
                forward: false,
            });
        }
    }
    ways
}

/// The rows of each table that one role shows; the all-blank row of a table stands behind its rows while filters travel.
fn rows_of_role(data: &Data, role: &Role, ways: &[Way]) -> Result<Vec<Vec<bool>>> {
    let mut shown: Vec<Vec<bool>> = data
        .tables
        .iter()
        .map(|t| vec![true; t.rows.len() + 1])
        .collect();
    let mut reached: BTreeSet<usize> = BTreeSet::new();
    let evaluator = Evaluator::new(data)?;
    for permission in &role.tables {
        let (Some(filter), Some(table)) = (&permission.filter, data.table(&permission.table))
        else {
            continue;
        };
        reached.insert(table);
        let parsed = parse_expression(filter);
        if let Some(first) = parsed.errors.first() {
            return Err(Failure::Error(format!("{first:?}")));
        }
        let columns = data.columns_of(table);
        let fields = Rc::new(
            columns
                .iter()
                .map(|c| evaluator.field(*c))
                .collect::<Vec<_>>(),
        );
        for (row, shown) in shown[table].iter_mut().enumerate() {
            let values: Vec<Value> = columns.iter().map(|col| data.value(*col, row)).collect();
            let place = Place::default().with_row(Row {
                fields: Rc::clone(&fields),
                values,
                base: Some((table, row)),
            });
            *shown &= evaluator.scalar(&parsed.tree, &place)?.truth()?;
        }
    }
    let mut gathered = vec![true; data.links.len()];
    while travel(data, ways, &mut shown, &mut gathered, &mut reached) {}
    for rows in &mut shown {
        rows.pop();
    }
    Ok(shown)
}

/// Carries filters over every relationship once; whether anything changed.
///
/// `gathered` says of each relationship whether rows that are shown lead to the blank row of its one side. What is gathered over a
/// relationship is not asked of the rows that come by it: a fact without a dimension row has none to be found by.
fn travel(
    data: &Data,
    ways: &[Way],
    shown: &mut [Vec<bool>],
    gathered: &mut [bool],
    reached: &mut BTreeSet<usize>,
) -> bool {
    let mut changed = false;
    for way in ways {
        let link = &data.links[way.link];
        let relationship = &data.model.relationships[way.link];
        let (source, target) = if way.forward {
            (link.to, link.from)
        } else {
            (link.from, link.to)
        };
        if !reached.contains(&source.0) {
            continue;
        }
        changed |= reached.insert(target.0);
        let limited = relationship.to_cardinality == Cardinality::Many;
        let looks_up = way.forward || link.one_to_one || limited;
        let sources: Vec<_> = (0..data.count(source.0))
            .map(|row| (data.value(source, row).key(), shown[source.0][row]))
            .collect();
        let blank_of_source = shown[source.0][data.count(source.0)]
            && ways.iter().all(|up| {
                let comes_by = up.link == way.link && way.forward;
                let leads_here = !up.forward && data.links[up.link].to.0 == source.0;
                comes_by || !leads_here || gathered[up.link]
            });
        for row in 0..data.count(target.0) {
            let key = data.value(target, row).key();
            let mut found = sources.iter().filter(|(k, _)| *k == key).peekable();
            let admitted = if found.peek().is_none() {
                looks_up && blank_of_source
            } else {
                found.any(|(_, shown)| *shown)
            };
            changed |= shown[target.0][row] && !admitted;
            shown[target.0][row] &= admitted;
        }
        let blank = data.count(target.0);
        if looks_up {
            changed |= shown[target.0][blank] && !blank_of_source;
            shown[target.0][blank] &= blank_of_source;
        } else {
            let targets: BTreeSet<_> = (0..blank)
                .map(|row| data.value(target, row).key())
                .collect();
            let leads_to_blank = sources
                .iter()
                .any(|(key, shown)| *shown && !targets.contains(key));
            changed |= gathered[way.link] && !leads_to_blank;
            gathered[way.link] &= leads_to_blank;
        }
    }
    changed
}

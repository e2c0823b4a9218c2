//! Row-level roles by their rules: the rows that a set of roles shows, and a copy of the data with nothing else in it.

use std::collections::BTreeMap;
use std::rc::Rc;

use dax::parse_expression;
use model::{Model, Role, SecurityFilter};

use crate::data::{Col, Data, TableData};
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

/// The rows of each table that one role shows.
fn rows_of_role(data: &Data, role: &Role, ways: &[Way]) -> Result<Vec<Vec<bool>>> {
    let mut filters = BTreeMap::new();
    let evaluator = Evaluator::new(data)?;
    for permission in &role.tables {
        if let (Some(filter), Some(table)) = (&permission.filter, data.table(&permission.table)) {
            filters.insert(table, rows_of_filter(data, &evaluator, table, filter)?);
        }
    }
    let travel = Travel {
        data,
        ways,
        filters,
    };
    let tables = 0..data.tables.len();
    Ok(tables
        .map(|table| {
            let count = data.count(table);
            let reached = travel.rows(table, None, &mut Vec::new());
            let mut rows = reached.unwrap_or_else(|| vec![true; count + 1]);
            rows.truncate(count);
            rows
        })
        .collect())
}

/// The rows that a filter holds for, and behind them whether it holds for the all-blank row.
fn rows_of_filter(
    data: &Data,
    evaluator: &Evaluator,
    table: usize,
    filter: &str,
) -> Result<Vec<bool>> {
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
    (0..=data.count(table))
        .map(|row| {
            let values: Vec<Value> = columns.iter().map(|col| data.value(*col, row)).collect();
            let place = Place::default().with_row(Row {
                fields: Rc::clone(&fields),
                values,
                base: Some((table, row)),
                under: None,
            });
            evaluator.scalar(&parsed.tree, &place)?.truth()
        })
        .collect()
}

/// The filters of one role on their ways. The all-blank row of a table stands behind its rows.
struct Travel<'t> {
    data: &'t Data,
    ways: &'t [Way],
    filters: BTreeMap<usize, Vec<bool>>,
}

impl Travel<'_> {
    /// The rows of a table that its own filter and those that travel to it admit. None: there are none. What came over one
    /// relationship does not turn round: a row without partner is not asked what its own filter says of a partner that is not there.
    fn rows(
        &self,
        table: usize,
        onward_over: Option<usize>,
        passed: &mut Vec<usize>,
    ) -> Option<Vec<bool>> {
        let mut rows = self.filters.get(&table).cloned();
        passed.push(table);
        for way in self.ways.iter().filter(|way| Some(way.link) != onward_over) {
            let (source, target) = self.ends(way);
            if target.0 != table || passed.contains(&source.0) {
                continue;
            }
            let Some(found) = self.rows(source.0, Some(way.link), passed) else {
                continue;
            };
            let admitted = self.across(way, &found);
            rows = Some(match rows {
                None => admitted,
                Some(rows) => rows.iter().zip(&admitted).map(|(a, b)| *a && *b).collect(),
            });
        }
        passed.pop();
        rows
    }

    fn ends(&self, way: &Way) -> (Col, Col) {
        let link = &self.data.links[way.link];
        if way.forward {
            (link.to, link.from)
        } else {
            (link.from, link.to)
        }
    }

    /// The rows at the end of a way that those at its beginning admit.
    fn across(&self, way: &Way, shown: &[bool]) -> Vec<bool> {
        let data = self.data;
        let (source, target) = self.ends(way);
        let link = &data.links[way.link];
        let looks_up = way.forward || link.one_to_one || link.limited;
        let (sources, targets) = (data.count(source.0), data.count(target.0));
        let key_of_source: Vec<_> = (0..sources)
            .map(|row| data.value(source, row).key())
            .collect();
        let key_of_target: Vec<_> = (0..targets)
            .map(|row| data.value(target, row).key())
            .collect();
        let mut admitted: Vec<bool> = key_of_target
            .iter()
            .map(|key| {
                let partners: Vec<usize> = (0..sources)
                    .filter(|row| key_of_source[*row] == *key)
                    .collect();
                if partners.is_empty() {
                    looks_up && shown[sources]
                } else {
                    partners.iter().any(|row| shown[*row])
                }
            })
            .collect();
        admitted.push(if looks_up {
            shown[sources]
        } else {
            (0..sources).any(|row| shown[row] && !key_of_target.contains(&key_of_source[row]))
        });
        admitted
    }
}

//! Which rows of every table a set of roles shows, worked out literally: a list of truths for each table, filters carried
//! over one relationship after another until nothing changes. Nothing here knows how the gate does it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{Cardinality, Model, Relationship, SecurityFilter};

use crate::sheets::{Key, Sheets, keys, values_of};

/// What one row filter says of every row of its table, and of the all-blank row that orphans belong to.
#[derive(Clone, Debug)]
pub struct RowFilter {
    pub table: String,
    pub rows: Vec<bool>,
    pub blank: bool,
}

/// The visible rows of each table.
pub type VisibleRows = BTreeMap<String, Vec<bool>>;

#[derive(Clone, Debug, PartialEq)]
struct Shown {
    rows: Vec<bool>,
    blank: bool,
}

/// Filters of `source` reach `target`.
struct Way<'a> {
    source: &'a str,
    target: &'a str,
    /// Every row of the target finds the rows of the source with its key; else the rows of the source point at the target's.
    looks_up: bool,
    /// Many-to-many: no row needs to be found, by value.
    source_keys: Vec<Key>,
    target_keys: Vec<Key>,
}

/// `roles` holds the row filters of each role. Rows are united: a row is visible if one of the roles shows it (rule 2).
pub fn visible_rows(model: &Model, sheets: &Sheets, roles: &[Vec<RowFilter>]) -> VisibleRows {
    let ways = ways_of(model, sheets);
    let mut united: VisibleRows = sheets
        .iter()
        .map(|(table, sheet)| (table.clone(), vec![false; sheet.num_rows()]))
        .collect();
    for filters in roles {
        for (table, shown) in rows_of_role(sheets, &ways, filters) {
            let rows = united.get_mut(table).expect("a table with rows");
            rows.iter_mut()
                .zip(shown.rows)
                .for_each(|(row, shown)| *row |= shown);
        }
    }
    united
}

fn rows_of_role<'a>(
    sheets: &'a Sheets,
    ways: &[Way],
    filters: &[RowFilter],
) -> BTreeMap<&'a str, Shown> {
    let everything = |rows: usize| Shown {
        rows: vec![true; rows],
        blank: true,
    };
    let mut shown: BTreeMap<&str, Shown> = sheets
        .iter()
        .map(|(table, sheet)| (table.as_str(), everything(sheet.num_rows())))
        .collect();
    for filter in filters {
        restrict(&mut shown, &filter.table, &filter.rows, filter.blank);
    }
    let reached = reached_tables(ways, filters.iter().map(|filter| filter.table.as_str()));
    // Every round can only take rows away.
    loop {
        let before = shown.clone();
        for way in ways.iter().filter(|way| reached.contains(way.source)) {
            let (rows, blank) = way.carry(&shown[way.source]);
            restrict(&mut shown, way.target, &rows, blank);
        }
        if shown == before {
            return shown;
        }
    }
}

fn restrict(shown: &mut BTreeMap<&str, Shown>, table: &str, rows: &[bool], blank: bool) {
    let table = shown.get_mut(table).expect("a table with rows");
    assert_eq!(table.rows.len(), rows.len());
    table.rows.iter_mut().zip(rows).for_each(|(a, b)| *a &= b);
    table.blank &= blank;
}

/// A table is reached by the presence of a filter, whatever the filter admits (rule 3).
fn reached_tables<'a>(
    ways: &[Way<'a>],
    filtered: impl Iterator<Item = &'a str>,
) -> BTreeSet<String> {
    let mut reached: BTreeSet<String> = filtered.map(str::to_owned).collect();
    loop {
        let before = reached.len();
        for way in ways {
            if reached.contains(way.source) {
                reached.insert(way.target.to_owned());
            }
        }
        if reached.len() == before {
            return reached;
        }
    }
}

/// Row rule 5: from the `to` end to the `from` end of active relationships, the other way only where the security filter
/// goes both ways.
fn ways_of<'a>(model: &'a Model, sheets: &Sheets) -> Vec<Way<'a>> {
    let mut ways = Vec::new();
    for relationship in model.relationships.iter().filter(|r| r.active) {
        let limited = relationship.to_cardinality == Cardinality::Many;
        let one_to_one = relationship.from_cardinality == Cardinality::One;
        let (down, up) = match relationship.security_filter {
            SecurityFilter::None => (false, false),
            SecurityFilter::OneDirection => (true, false),
            SecurityFilter::BothDirections => (true, true),
        };
        if down {
            ways.push(way(model, sheets, relationship, true, true));
        }
        if up {
            ways.push(way(
                model,
                sheets,
                relationship,
                false,
                limited || one_to_one,
            ));
        }
    }
    ways
}

fn way<'a>(
    model: &Model,
    sheets: &Sheets,
    relationship: &'a Relationship,
    down: bool,
    looks_up: bool,
) -> Way<'a> {
    let key_values = |table: &str, column: &str| keys(values_of(model, sheets, table, column));
    let from = key_values(&relationship.from_table, &relationship.from_column);
    let to = key_values(&relationship.to_table, &relationship.to_column);
    let (from_table, to_table) = (&relationship.from_table, &relationship.to_table);
    let (source, target, source_keys, target_keys) = if down {
        (to_table, from_table, to, from)
    } else {
        (from_table, to_table, from, to)
    };
    Way {
        source,
        target,
        looks_up,
        source_keys,
        target_keys,
    }
}

impl Way<'_> {
    /// What the rows shown at the source leave of the target, and of its blank row.
    fn carry(&self, source: &Shown) -> (Vec<bool>, bool) {
        let mut shown_keys: HashMap<&Key, bool> = HashMap::new();
        for (key, shown) in self.source_keys.iter().zip(&source.rows) {
            *shown_keys.entry(key).or_default() |= *shown;
        }
        if self.looks_up {
            // A row whose key leads nowhere belongs to the blank row of the source (rule 11).
            let rows = self
                .target_keys
                .iter()
                .map(|key| shown_keys.get(key).copied().unwrap_or(source.blank));
            return (rows.collect(), source.blank);
        }
        let rows: Vec<bool> = self
            .target_keys
            .iter()
            .map(|key| shown_keys.get(key).copied().unwrap_or(false))
            .collect();
        let targets: BTreeSet<&Key> = self.target_keys.iter().collect();
        let orphan = shown_keys
            .iter()
            .any(|(key, shown)| *shown && !targets.contains(key));
        (rows, orphan)
    }
}

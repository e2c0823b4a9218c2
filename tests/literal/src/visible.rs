//! Which rows a filter context shows: expanded tables row by row, and what comes against the arrow or by value.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use crate::context::{Context, Edge};
use crate::data::{Col, Data, Link};
use crate::value::{Key, Value};

/// From a table to another that each of its rows finds one row of: relationships, and whether they are walked from the
/// `to` end of a one-to-one relationship.
pub type Path = Vec<(usize, bool)>;

/// The rows of a table that a context shows, the blank row last; and whether anything filters the table at all.
pub struct Shown {
    pub rows: Vec<bool>,
    pub filtered: bool,
}

impl Data {
    /// The tables that make up the expanded table, with the way to each.
    pub fn expanded(&self, table: usize, edges: &[Edge]) -> BTreeMap<usize, Path> {
        let mut found: BTreeMap<usize, Path> = BTreeMap::from([(table, Path::new())]);
        let mut queue = std::collections::VecDeque::from([table]);
        while let Some(here) = queue.pop_front() {
            let path = found[&here].clone();
            for edge in edges {
                let Some(next) = self.step(here, edge) else {
                    continue;
                };
                if found.contains_key(&next.0) {
                    continue;
                }
                let mut longer = path.clone();
                longer.push((edge.link, next.1));
                found.insert(next.0, longer);
                queue.push_back(next.0);
            }
        }
        if edges.iter().any(|edge| edge.depth > 0) {
            let mut ways: BTreeMap<usize, Vec<Path>> = BTreeMap::new();
            self.all_ways(table, &mut vec![table], &mut Path::new(), edges, &mut ways);
            for (to, ways) in ways {
                found.insert(to, deepest(ways, edges));
            }
        }
        found
    }

    /// Where one row of a table leads to at most one of another, and whether that is against the arrow.
    fn step(&self, here: usize, edge: &Edge) -> Option<(usize, bool)> {
        let link = &self.links[edge.link];
        if link.limited {
            None
        } else if link.from.0 == here && edge.forward {
            Some((link.to.0, false))
        } else if link.one_to_one && link.to.0 == here && edge.back {
            Some((link.from.0, true))
        } else {
            None
        }
    }

    /// Every way out of a table that passes no table twice, by where it leads.
    fn all_ways(
        &self,
        here: usize,
        passed: &mut Vec<usize>,
        path: &mut Path,
        edges: &[Edge],
        ways: &mut BTreeMap<usize, Vec<Path>>,
    ) {
        for edge in edges {
            let Some((next, reverse)) = self.step(here, edge) else {
                continue;
            };
            if passed.contains(&next) {
                continue;
            }
            passed.push(next);
            path.push((edge.link, reverse));
            ways.entry(next).or_default().push(path.clone());
            self.all_ways(next, passed, path, edges, ways);
            path.pop();
            passed.pop();
        }
    }

    pub fn expanded_columns(&self, table: usize, edges: &[Edge]) -> Vec<Col> {
        self.expanded(table, edges)
            .keys()
            .flat_map(|&t| self.columns_of(t))
            .collect()
    }

    /// The way on which a row of a table finds its row of another, for RELATED and for columns that group. USERELATIONSHIP leads elsewhere.
    /// CROSSFILTER does not: the reference lets it say which way filters flow over a relationship, and RELATED follow any that exists.
    pub fn found_from(&self, table: usize, to: usize, context: &Context) -> Option<Path> {
        let path = self
            .expanded(table, &Context::default().edges(self))
            .remove(&to)?;
        let activated = context.uncrossed().edges(self);
        Some(self.expanded(table, &activated).remove(&to).unwrap_or(path))
    }

    /// The row at the end of a path. A blank row leads to blank rows.
    pub fn follow(&self, row: usize, path: &[(usize, bool)]) -> usize {
        let mut row = row;
        for &(number, reverse) in path {
            let link = &self.links[number];
            let (rows, target) = if reverse {
                (&link.reverse, link.from.0)
            } else {
                (&link.forward, link.to.0)
            };
            row = rows.get(row).copied().unwrap_or(self.count(target));
        }
        row
    }

    /// Whether the table has a blank row: a row of a table that leads to this one finds none of its rows, or the blank row of that table
    /// leads here. Inactive relationships count, and what CROSSFILTER says does not: a relationship is invalid by its keys. Published
    /// reports show in a row without a year what was not shipped, where only an inactive relationship leads by the date of shipping. What
    /// one side of a one-to-one relationship lacks gives the other a blank row, which leads no further.
    pub fn has_blank_row(&self, table: usize) -> bool {
        let lacking = |(link, _): (&Link, usize)| {
            if link.to.0 == table {
                link.forward.contains(&self.count(table))
            } else {
                link.reverse.contains(&self.count(table))
            }
        };
        self.leading_to(table).any(lacking) || self.is_led_blank(table, &mut Vec::new())
    }

    /// Whether rows of facts, however far, lead to no row of the table.
    fn is_led_blank(&self, table: usize, seen: &mut Vec<usize>) -> bool {
        seen.push(table);
        let blank = self.count(table);
        let unmatched =
            |(link, _): (&Link, usize)| !link.one_to_one && link.forward.contains(&blank);
        self.leading_to(table).any(unmatched)
            || self
                .leading_to(table)
                .any(|(_, from)| !seen.contains(&from) && self.is_led_blank(from, seen))
    }

    /// The relationships over which rows of other tables find a row of this one, and those tables.
    fn leading_to(&self, table: usize) -> impl Iterator<Item = (&Link, usize)> {
        self.links
            .iter()
            .filter(|link| !link.limited)
            .filter_map(move |link| {
                if link.to.0 == table {
                    Some((link, link.from.0))
                } else if link.one_to_one && link.from.0 == table {
                    Some((link, link.to.0))
                } else {
                    None
                }
            })
    }

    pub fn shown(&self, table: usize, context: &Context) -> Shown {
        self.shown_without(table, context, &context.edges(self))
    }

    fn shown_without(&self, table: usize, context: &Context, edges: &[Edge]) -> Shown {
        let paths = self.expanded(table, edges);
        let count = self.count(table) + 1;
        let mut shown = Shown {
            rows: vec![true; count],
            filtered: false,
        };
        for filter in &context.filters {
            let kept: Vec<usize> = (0..filter.columns.len())
                .filter(|&k| paths.contains_key(&filter.columns[k].0))
                .collect();
            if kept.is_empty() {
                continue;
            }
            shown.filtered = true;
            let filter = filter.project(&kept);
            for row in 0..count {
                let tuple: Vec<Key> = filter
                    .columns
                    .iter()
                    .map(|col| self.value(*col, self.follow(row, &paths[&col.0])).key())
                    .collect();
                shown.rows[row] &= filter.tuples.contains(&tuple);
            }
        }
        // What the expanded table itself is filtered by comes over no other way as well.
        let reached = |col: Col| paths.contains_key(&col.0);
        let others = context.filters.iter().filter_map(|f| f.without(&reached));
        let context = &Context {
            filters: others.map(Rc::new).collect(),
            ..context.clone()
        };
        for edge in edges {
            let link = &self.links[edge.link];
            let rest: Vec<Edge> = edges
                .iter()
                .copied()
                .filter(|other| other.link != edge.link)
                .collect();
            if edge.back
                && !link.one_to_one
                && paths.contains_key(&link.to.0)
                && !paths.contains_key(&link.from.0)
            {
                self.carry(
                    &mut shown,
                    context,
                    &rest,
                    edge.link,
                    &paths[&link.to.0],
                    false,
                );
            }
            if link.limited
                && edge.forward
                && paths.contains_key(&link.from.0)
                && !paths.contains_key(&link.to.0)
            {
                self.carry(
                    &mut shown,
                    context,
                    &rest,
                    edge.link,
                    &paths[&link.from.0],
                    true,
                );
            }
        }
        shown
    }

    /// What the rows shown at the far end of a relationship leave of a table that has the near end in its expansion.
    fn carry(
        &self,
        shown: &mut Shown,
        context: &Context,
        rest: &[Edge],
        number: usize,
        path: &Path,
        forward: bool,
    ) {
        let link = &self.links[number];
        let (near, far) = if forward {
            (link.from, link.to)
        } else {
            (link.to, link.from)
        };
        let beyond = self.shown_without(far.0, context, rest);
        if !beyond.filtered {
            return;
        }
        shown.filtered = true;
        let far_rows: Vec<usize> = (0..self.count(far.0))
            .filter(|&row| beyond.rows[row])
            .collect();
        if link.limited {
            let keys: HashSet<Key> = far_rows
                .iter()
                .map(|&row| self.value(far, row).key())
                .collect();
            for row in 0..shown.rows.len() {
                let here = self.follow(row, path);
                let real = here < self.count(near.0);
                shown.rows[row] &= real && keys.contains(&self.value(near, here).key());
            }
        } else {
            let found: HashSet<usize> = far_rows.iter().map(|&row| link.forward[row]).collect();
            for row in 0..shown.rows.len() {
                shown.rows[row] &= found.contains(&self.follow(row, path));
            }
        }
    }

    /// The distinct tuples of columns of one table that a context shows, the blank row's among them if asked for.
    pub fn tuples(&self, columns: &[Col], context: &Context, blank_row: bool) -> Vec<Vec<Value>> {
        let table = columns[0].0;
        let shown = self.shown(table, context);
        let mut rows: Vec<usize> = (0..self.count(table))
            .filter(|&row| shown.rows[row])
            .collect();
        let blank = self.count(table);
        if blank_row && shown.rows[blank] && self.has_blank_row(table) {
            rows.push(blank);
        }
        let mut seen: HashSet<Vec<Key>> = HashSet::new();
        let tuples = rows.into_iter().map(|row| {
            columns
                .iter()
                .map(|col| self.value(*col, row))
                .collect::<Vec<Value>>()
        });
        tuples
            .filter(|tuple| seen.insert(tuple.iter().map(Value::key).collect()))
            .collect()
    }
}

/// The way whose deepest USERELATIONSHIP, among relationships that not all ways take, is deeper than that of the others; of equals
/// the shortest.
fn deepest(mut ways: Vec<Path>, edges: &[Edge]) -> Path {
    ways.sort_by_key(Vec::len);
    let common = |link: usize| ways.iter().all(|way| way.iter().any(|step| step.0 == link));
    let depth = |way: &Path| {
        let links = way.iter().map(|step| step.0).filter(|&link| !common(link));
        let depths = links.filter_map(|link| edges.iter().find(|edge| edge.link == link));
        depths.map(|edge| edge.depth).max().unwrap_or(0)
    };
    let most = ways.iter().map(depth).max().unwrap_or(0);
    let found = ways.iter().find(|way| depth(way) == most);
    found.cloned().unwrap_or_default()
}

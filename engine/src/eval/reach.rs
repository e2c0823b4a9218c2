//! Which filters reach which table: paths along the relationships in force, and filters that come against the
//! arrow of a bidirectional relationship or by the values of a limited one.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use security::{
    Column, Filter, PathColumn, Relationship, RelationshipInfo, Scan, Step, Table, Target,
};

use super::{Evaluator, Outcome};
use crate::bound::CrossFilterMode;
use crate::context::{FilterContext, Item, Kind, Relations, Set};

/// A relationship as it stands under USERELATIONSHIP and CROSSFILTER.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub handle: Relationship,
    pub from: Table,
    pub to: Table,
    pub one_to_one: bool,
    pub limited: bool,
    /// Filters go from `to` to `from`.
    pub forward: bool,
    /// Filters go from `from` to `to`.
    pub back: bool,
    /// What USERELATIONSHIP gives it where several ways lead to a table; 0 where it is not named.
    pub weight: u32,
}

/// Relationships one after another, each with whether it is walked from its `to` end.
type Way = Vec<(Edge, bool)>;

/// With more ways than this out of one table the shortest are taken.
const MOST_WAYS: usize = 10_000;

/// The relationships in force, and the paths found along them so far.
#[derive(Default)]
pub struct Edges {
    pub list: Vec<Edge>,
    paths: std::cell::RefCell<HashMap<(Table, Vec<Relationship>), Paths>>,
}

pub type Paths = Rc<HashMap<Table, Arc<[Step]>>>;

/// An item as it applies to a scan: one path column for each of its targets.
pub struct Applied {
    pub columns: Vec<PathColumn>,
    pub item: Rc<Item>,
}

impl Edges {
    /// The relationships over which a row of `table` finds a row of another, and which table that is.
    fn leading_from(
        &self,
        table: Table,
        exclude: &[Relationship],
    ) -> impl Iterator<Item = (Edge, bool, Table)> {
        let open = move |edge: &&Edge| !edge.limited && !exclude.contains(&edge.handle);
        self.list.iter().filter(open).filter_map(move |edge| {
            if edge.from == table && edge.forward {
                Some((*edge, false, edge.to))
            } else if edge.one_to_one && edge.to == table && edge.back {
                Some((*edge, true, edge.from))
            } else {
                None
            }
        })
    }

    /// All ways from a table to each of the others, none twice through one table. Empty where there are too many.
    fn ways(&self, table: Table, exclude: &[Relationship]) -> Vec<(Table, Vec<Way>)> {
        let mut all: Vec<(Table, Vec<Way>)> = Vec::new();
        let mut open: VecDeque<(Table, Way)> = VecDeque::from([(table, Vec::new())]);
        let mut count = 0;
        while let Some((here, way)) = open.pop_front() {
            for (edge, reverse, next) in self.leading_from(here, exclude) {
                let passed = |(edge, _): &(Edge, bool)| edge.from == next || edge.to == next;
                if next == table || way.iter().any(passed) {
                    continue;
                }
                count += 1;
                if count > MOST_WAYS {
                    return Vec::new();
                }
                let mut longer = way.clone();
                longer.push((edge, reverse));
                match all.iter_mut().find(|(to, _)| *to == next) {
                    Some((_, ways)) => ways.push(longer.clone()),
                    None => all.push((next, vec![longer.clone()])),
                }
                open.push_back((next, longer));
            }
        }
        all
    }

    /// The tables that a row of `table` finds one row of, each with the shortest path, or the one that USERELATIONSHIP
    /// gives weight to; `table` itself is among them.
    pub fn paths(&self, table: Table, exclude: &[Relationship]) -> Paths {
        let key = (table, exclude.to_vec());
        if let Some(found) = self.paths.borrow().get(&key) {
            return Rc::clone(found);
        }
        let mut found: HashMap<Table, Way> = HashMap::from([(table, Vec::new())]);
        let mut queue = VecDeque::from([table]);
        while let Some(here) = queue.pop_front() {
            let path = found.get(&here).cloned().unwrap_or_default();
            for (edge, reverse, next) in self.leading_from(here, exclude) {
                if let std::collections::hash_map::Entry::Vacant(entry) = found.entry(next) {
                    let mut longer = path.clone();
                    longer.push((edge, reverse));
                    entry.insert(longer);
                    queue.push_back(next);
                }
            }
        }
        if self.list.iter().any(|edge| edge.weight > 0) {
            for (to, ways) in self.ways(table, exclude) {
                if let Some(way) = weightiest(&ways) {
                    found.insert(to, way);
                }
            }
        }
        let paths: Paths = Rc::new(
            found
                .into_iter()
                .map(|(table, way)| (table, way.iter().map(step).collect()))
                .collect(),
        );
        self.paths.borrow_mut().insert(key, Rc::clone(&paths));
        paths
    }
}

fn is_one_to_one(info: &RelationshipInfo) -> bool {
    !info.from_many && !info.to_many
}

fn step((edge, reverse): &(Edge, bool)) -> Step {
    Step {
        relationship: edge.handle,
        reverse: *reverse,
    }
}

/// Of several ways to one table, the shortest first, the one with the weightiest relationship; those that all ways share do not
/// count. None: no way outweighs the first.
fn weightiest(ways: &[Way]) -> Option<Way> {
    let first = ways.first()?;
    let shared = |edge: &Edge| {
        let takes = |way: &Way| way.iter().any(|(other, _)| other.handle == edge.handle);
        ways.iter().all(takes)
    };
    let weight = |way: &Way| {
        let counting = way.iter().filter(|(edge, _)| !shared(edge));
        counting.map(|(edge, _)| edge.weight).max().unwrap_or(0)
    };
    let most = ways.iter().map(weight).max()?;
    (weight(first) < most)
        .then(|| ways.iter().find(|way| weight(way) == most).cloned())
        .flatten()
}

impl<'a> Evaluator<'a> {
    /// A column that rows of `base` lead to, along the relationship that USERELATIONSHIP put in the place of another. Where none
    /// leads there, the way is the model's own. CROSSFILTER does not bear upon it: the reference lets it say which way filters flow over a
    /// relationship, and RELATED, SUMMARIZE and GROUPBY follow any that exists.
    pub fn in_force(&self, base: Table, column: &PathColumn, relations: &Relations) -> PathColumn {
        if relations.activated.is_empty() {
            return column.clone();
        }
        let to = match column.target {
            Target::Column(column) => column.table(),
            Target::Row(table) => table,
        };
        let paths = self.edges(&relations.uncrossed()).paths(base, &[]);
        PathColumn {
            path: Arc::clone(paths.get(&to).unwrap_or(&column.path)),
            target: column.target,
        }
    }

    /// The relationships under what USERELATIONSHIP and CROSSFILTER changed.
    pub fn edges(&self, relations: &Relations) -> Rc<Edges> {
        if let Some(found) = self.edges.borrow().get(relations) {
            return Rc::clone(found);
        }
        let infos = self.scope.relationships();
        let mut list = Vec::new();
        for info in infos {
            let weight = relations.weight(info.handle);
            let activated = weight.is_some();
            // An activated relationship takes the place of the others between the same two tables.
            let replaced = !activated
                && infos.iter().any(|other| {
                    relations.weight(other.handle).is_some()
                        && ((other.from == info.from && other.to == info.to)
                            || (other.from == info.to && other.to == info.from))
                });
            if replaced || !(activated || info.active) {
                continue;
            }
            let one_to_one = is_one_to_one(info);
            let (mut forward, mut back) = (true, info.both_directions || one_to_one);
            for (handle, mode) in &relations.cross {
                if *handle == info.handle {
                    (forward, back) = match mode {
                        CrossFilterMode::None => (false, false),
                        // Between one and one there is no other side: both filter.
                        CrossFilterMode::OneWay => (true, one_to_one),
                        CrossFilterMode::Both => (true, true),
                        CrossFilterMode::OneWayRightFiltersLeft => (true, false),
                        CrossFilterMode::OneWayLeftFiltersRight => (false, true),
                    };
                }
            }
            list.push(Edge {
                handle: info.handle,
                from: info.from,
                to: info.to,
                one_to_one,
                limited: info.from_many && info.to_many,
                forward,
                back,
                weight: weight.unwrap_or(0),
            });
        }
        let edges = Rc::new(Edges {
            list,
            paths: Default::default(),
        });
        self.edges
            .borrow_mut()
            .insert(relations.clone(), Rc::clone(&edges));
        edges
    }

    pub fn table_of(&self, target: Target) -> Table {
        match target {
            Target::Column(column) => column.table(),
            Target::Row(table) => table,
        }
    }

    /// All columns that the expanded table has: its own, and those of the tables that its rows lead to.
    pub fn expanded_columns(&self, table: Table, relations: &Relations) -> Vec<Column> {
        let edges = self.edges(relations);
        let paths = edges.paths(table, &[]);
        let mut tables: Vec<Table> = paths.keys().copied().collect();
        tables.sort();
        tables
            .into_iter()
            .flat_map(|t| self.scope.columns(t))
            .collect()
    }

    /// Whether the rows of a table lead to another table under some choice of relationships.
    pub fn could_lead(&self, table: Table, to: Table) -> bool {
        let mut found = vec![table];
        let mut next = 0;
        while let Some(&here) = found.get(next) {
            next += 1;
            for info in self.scope.relationships() {
                if !info.to_many && info.from == here && !found.contains(&info.to) {
                    found.push(info.to);
                }
                if !info.from_many && info.to == here && !found.contains(&info.from) {
                    found.push(info.from);
                }
            }
        }
        found.contains(&to)
    }

    /// The tables whose filters arrive at a table, over relationships in force, however far.
    pub fn sources_of_filters(&self, table: Table, relations: &Relations) -> Vec<Table> {
        let edges = self.edges(relations);
        let mut found = vec![table];
        let mut next = 0;
        while let Some(&here) = found.get(next) {
            next += 1;
            for edge in &edges.list {
                let mut arrive = |to: Table, from: Table, flows: bool| {
                    if flows && to == here && !found.contains(&from) {
                        found.push(from);
                    }
                };
                arrive(edge.from, edge.to, edge.forward);
                arrive(edge.to, edge.from, edge.back);
            }
        }
        found
    }

    /// The items of a context as they apply to a scan of `table`.
    pub fn applicable(
        &self,
        filters: &FilterContext,
        contexts: usize,
        table: Table,
        exclude: &[Relationship],
    ) -> Outcome<Vec<Applied>> {
        let edges = self.edges(&filters.relations);
        let paths = edges.paths(table, exclude);
        let mut out = Vec::new();
        for item in &filters.items {
            let applied = match (item.targets.as_slice(), &item.under) {
                ([Target::Row(detail)], Some(under)) => {
                    let outside = self.edges(under);
                    self.apply_detail(item, *detail, &outside, &edges, &paths, exclude)?
                }
                _ => self.apply_item(item, &edges, &paths, exclude)?,
            };
            out.extend(applied);
        }
        self.induced(filters, contexts, &edges, &paths, exclude, &mut out)?;
        Ok(out)
    }

    fn apply_item(
        &self,
        item: &Rc<Item>,
        edges: &Edges,
        paths: &Paths,
        exclude: &[Relationship],
    ) -> Outcome<Option<Applied>> {
        let mut positions = Vec::new();
        let mut columns = Vec::new();
        for (position, target) in item.targets.iter().enumerate() {
            if let Some(path) = paths.get(&self.table_of(*target)) {
                positions.push(position);
                columns.push(PathColumn {
                    path: Arc::clone(path),
                    target: *target,
                });
            }
        }
        if positions.len() == item.targets.len() {
            return Ok(Some(Applied {
                columns,
                item: Rc::clone(item),
            }));
        }
        if !positions.is_empty() {
            return Ok(Some(Applied {
                columns,
                item: Rc::new(item.project(&positions)),
            }));
        }
        match item.targets.as_slice() {
            [Target::Row(detail)] => self.apply_detail(item, *detail, edges, edges, paths, exclude),
            _ => Ok(None),
        }
    }

    /// A filter on rows of a table that lies beyond: it filters the tables that both lead to, as the filter on an
    /// expanded table does. The rows expand over the relationships `outside`, the scanned table over `edges`.
    fn apply_detail(
        &self,
        item: &Rc<Item>,
        detail: Table,
        outside: &Edges,
        edges: &Edges,
        paths: &Paths,
        exclude: &[Relationship],
    ) -> Outcome<Option<Applied>> {
        let outwards = outside.paths(detail, exclude);
        let mut common: Vec<(Table, &Arc<[Step]>)> = outwards
            .iter()
            .filter(|(table, _)| paths.contains_key(table))
            .map(|(t, p)| (*t, p))
            .collect();
        common.sort();
        // A table behind another common table follows from it, unless some of its columns were freed. Of tables that lead to
        // each other the first stays.
        let freed = |table: Table| {
            self.scope
                .columns(table)
                .iter()
                .any(|column| item.cut.contains(column))
        };
        let leads = |from: Table, to: Table| {
            let (there, here) = (outside.paths(from, exclude), edges.paths(from, exclude));
            here.contains_key(&to) && here.get(&to) == there.get(&to)
        };
        let tables: Vec<Table> = common.iter().map(|(t, _)| *t).collect();
        common.retain(|(table, _)| {
            !tables.iter().any(|other| {
                other != table
                    && !freed(*other)
                    && leads(*other, *table)
                    && (other < table || freed(*table) || !leads(*table, *other))
            })
        });
        let mut towards = Vec::new();
        let mut columns = Vec::new();
        for (table, outward) in &common {
            let Some(inward) = paths.get(table) else {
                continue;
            };
            let left: Vec<Target> = match freed(*table) {
                false => vec![Target::Row(*table)],
                true => {
                    let own = self.scope.columns(*table).into_iter();
                    own.filter(|c| !item.cut.contains(c))
                        .map(Target::Column)
                        .collect()
                }
            };
            for target in left {
                let along = |path: &Arc<[Step]>| PathColumn {
                    path: Arc::clone(path),
                    target,
                };
                towards.push(along(outward));
                columns.push(along(inward));
            }
        }
        if towards.is_empty() {
            return Ok(None);
        }
        let item = self.convert_rows(item, detail, &towards)?;
        Ok(Some(Applied {
            columns,
            item: Rc::new(item),
        }))
    }

    /// Turns a filter on the rows of `table` into one on `towards`, path columns that begin there.
    pub fn convert_rows(&self, item: &Item, table: Table, towards: &[PathColumn]) -> Outcome<Item> {
        let row = PathColumn {
            path: Arc::from([]),
            target: Target::Row(table),
        };
        let targets: Vec<Target> = towards.iter().map(|column| column.target).collect();
        let width = towards.len();
        if let Kind::Shared(set) = &item.kind {
            let mut codes = self.tuples_of(table, &row, set, towards, false)?;
            let blank = self.blank_code(table)?;
            if blank.is_some_and(|code| set.contains(&[code])) {
                codes.extend(self.blank_tuple(towards)?);
            }
            return Ok(Item {
                targets,
                kind: Kind::Shared(Rc::new(Set::of_tuples(width, &codes))),
                cut: Rc::default(),
                under: None,
                grouping: item.grouping,
            });
        }
        let wanted: Set = match &item.kind {
            Kind::Key(codes) => Set::of_codes(
                codes[0]
                    .iter()
                    .copied()
                    .filter(|&c| c != crate::context::ABSENT),
            ),
            Kind::Varying { sets, .. } => Set::of_codes(
                sets.iter()
                    .flat_map(|set| set.bitmap().iter().collect::<Vec<_>>()),
            ),
            Kind::Shared(set) => (**set).clone(),
        };
        let rows = self.tuples_of(table, &row, &wanted, towards, true)?;
        let mut known: HashMap<u32, &[u32]> = rows
            .chunks_exact(width + 1)
            .map(|chunk| (chunk[0], &chunk[1..]))
            .collect();
        let blank = self.blank_tuple(towards)?;
        if let Some(code) = self.blank_code(table)? {
            known.insert(code, &blank);
        }
        let kind = match &item.kind {
            Kind::Varying { sets, index } => {
                let sets = sets.iter().map(|set| {
                    let codes: Vec<u32> = set
                        .bitmap()
                        .iter()
                        .filter_map(|row| known.get(&row))
                        .flat_map(|t| t.iter().copied())
                        .collect();
                    Rc::new(Set::of_tuples(width, &codes))
                });
                Kind::Varying {
                    sets: Rc::new(sets.collect()),
                    index: Rc::clone(index),
                }
            }
            Kind::Key(codes) => Kind::Key(
                (0..width)
                    .map(|k| {
                        codes[0]
                            .iter()
                            .map(|row| {
                                known
                                    .get(row)
                                    .map_or(crate::context::ABSENT, |tuple| tuple[k])
                            })
                            .collect()
                    })
                    .collect(),
            ),
            shared @ Kind::Shared(_) => shared.clone(),
        };
        Ok(Item {
            targets,
            kind,
            cut: Rc::default(),
            under: None,
            grouping: item.grouping,
        })
    }

    fn tuples_of(
        &self,
        table: Table,
        row: &PathColumn,
        rows: &Set,
        towards: &[PathColumn],
        with_row: bool,
    ) -> Outcome<Vec<u32>> {
        let mut keys = Vec::new();
        if with_row {
            keys.push(row.clone());
        }
        keys.extend(towards.iter().cloned());
        let filters = vec![Filter::In {
            column: row.clone(),
            set: rows.bitmap(),
        }];
        let groups = self.scan(&Scan {
            table,
            filters,
            keys,
            aggregates: Vec::new(),
        })?;
        let columns: Vec<&[u32]> = groups.keys.iter().map(|codes| codes.as_slice()).collect();
        Ok((0..groups.len)
            .flat_map(|g| columns.iter().map(move |column| column[g]))
            .collect())
    }

    /// The row number of a table's blank row, if it has one.
    pub(super) fn blank_code(&self, table: Table) -> Outcome<Option<u32>> {
        Ok(self
            .blank_row(table)?
            .and_then(|codes| codes.as_slice().first().copied()))
    }

    /// What the blank row of a table leads to: BLANK in columns, the blank row of other tables.
    fn blank_tuple(&self, towards: &[PathColumn]) -> Outcome<Vec<u32>> {
        towards
            .iter()
            .map(|column| match column.target {
                Target::Column(_) => Ok(0),
                Target::Row(table) => Ok(self.blank_code(table)?.unwrap_or(crate::context::ABSENT)),
            })
            .collect()
    }

    /// The relationships over which rows find a row of `table`, and whether that is against the arrow. Inactive ones count, but for those
    /// of a hidden column, which nobody may use.
    fn leading_to(&self, table: Table) -> impl Iterator<Item = (&'a RelationshipInfo, bool)> {
        let known = |info: &&RelationshipInfo| {
            info.active || (info.from_column.is_some() && info.to_column.is_some())
        };
        self.scope
            .relationships()
            .iter()
            .filter(known)
            .flat_map(|info| [(info, false), (info, true)])
            .filter(move |(info, reverse)| match reverse {
                false => info.to == table && !info.to_many,
                true => info.from == table && is_one_to_one(info),
            })
    }

    /// The blank row of a table, where a visible row finds no match over a relationship that leads here; or where the blank row of
    /// another table leads here. Rows without a companion over a one-to-one relationship give the other table a blank row, and it
    /// ends there: hidden companions would otherwise put a blank row into every dimension.
    ///
    /// It is the table's own, whatever an expression makes of the relationships: an inactive one, and one over which CROSSFILTER lets
    /// nothing flow, are invalid by their keys as others are. So what was never shipped stands in a row without a year where sales by the
    /// date of shipping are grouped by year, as in published reports, although the year is grouped where orders are by their own date.
    pub fn blank_row(&self, table: Table) -> Outcome<Option<security::Codes>> {
        let over: Vec<Relationship> = self
            .leading_to(table)
            .map(|(info, _)| info.handle)
            .collect();
        if over.is_empty() {
            return Ok(None);
        }
        match self.scope.blank_row(table, &over, self.control)? {
            Some(found) => Ok(Some(found)),
            None => self.blank_row_of_facts(table, &mut Vec::new()),
        }
    }

    /// The blank row that unmatched facts give a table, however far they are.
    fn blank_row_of_facts(
        &self,
        table: Table,
        seen: &mut Vec<Table>,
    ) -> Outcome<Option<security::Codes>> {
        seen.push(table);
        let over: Vec<Relationship> = self
            .leading_to(table)
            .filter(|(info, _)| !is_one_to_one(info))
            .map(|(info, _)| info.handle)
            .collect();
        if !over.is_empty()
            && let Some(found) = self.scope.blank_row(table, &over, self.control)?
        {
            return Ok(Some(found));
        }
        for (info, reverse) in self.leading_to(table) {
            let from = if reverse { info.to } else { info.from };
            // No row leads anywhere over a relationship in error.
            if seen.contains(&from) || info.in_error {
                continue;
            }
            if let Some(blank) = self.blank_row_of_facts(from, seen)? {
                let found = self.scope.blank_row_behind(&blank, info.handle, table)?;
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The filters of a context on tables that these paths do not lead to. Over the paths filters come to a table straight from one
    /// side to the many; of the ways between two tables that is the first to be taken, and no other is taken beside it.
    fn beyond(&self, filters: &FilterContext, paths: &Paths) -> FilterContext {
        let reached = |target: &Target| paths.contains_key(&self.table_of(*target));
        let mut items = Vec::with_capacity(filters.items.len());
        for item in &filters.items {
            let left: Vec<usize> = (0..item.targets.len())
                .filter(|&p| !reached(&item.targets[p]))
                .collect();
            match item.targets.as_slice() {
                _ if left.is_empty() => {}
                [Target::Row(table)] => {
                    let expanded = self.edges(item.relations(&filters.relations));
                    let expanded = expanded.paths(*table, &[]);
                    let mut cut: Vec<Column> = Vec::new();
                    for to in expanded.keys().filter(|to| paths.contains_key(to)) {
                        cut.extend(self.scope.columns(*to));
                    }
                    cut.sort();
                    cut.extend(item.cut.iter().copied());
                    items.push(Rc::new(Item {
                        cut: Rc::new(cut),
                        ..(**item).clone()
                    }));
                }
                all if all.len() == left.len() => items.push(Rc::clone(item)),
                _ => items.push(Rc::new(item.project(&left))),
            }
        }
        FilterContext {
            items,
            ..filters.clone()
        }
    }

    /// Filters that come against the arrow, or by value: each becomes a filter on a table that the scan reaches.
    fn induced(
        &self,
        filters: &FilterContext,
        contexts: usize,
        edges: &Edges,
        paths: &Paths,
        exclude: &[Relationship],
        out: &mut Vec<Applied>,
    ) -> Outcome<()> {
        let filters = &self.beyond(filters, paths);
        if filters.items.is_empty() {
            return Ok(());
        }
        for edge in &edges.list {
            if exclude.contains(&edge.handle) {
                continue;
            }
            // (the table that is filtered, the table that the filter comes from, whether it is the `from` end)
            let mut directions = Vec::new();
            if edge.back
                && !edge.one_to_one
                && paths.contains_key(&edge.to)
                && !paths.contains_key(&edge.from)
            {
                directions.push((edge.to, edge.from, true));
            }
            if edge.limited
                && edge.forward
                && paths.contains_key(&edge.from)
                && !paths.contains_key(&edge.to)
            {
                directions.push((edge.from, edge.to, false));
            }
            for (near, far, far_is_from) in directions {
                let mut without = exclude.to_vec();
                without.push(edge.handle);
                if self
                    .applicable(filters, contexts, far, &without)?
                    .is_empty()
                {
                    continue;
                }
                let item =
                    self.induce(filters, contexts, edge, near, far, far_is_from, &without)?;
                let Some(path) = paths.get(&near) else {
                    continue;
                };
                let columns = item
                    .targets
                    .iter()
                    .map(|target| PathColumn {
                        path: Arc::clone(path),
                        target: *target,
                    })
                    .collect();
                out.push(Applied { columns, item });
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn induce(
        &self,
        filters: &FilterContext,
        contexts: usize,
        edge: &Edge,
        near: Table,
        far: Table,
        far_is_from: bool,
        without: &[Relationship],
    ) -> Outcome<Rc<Item>> {
        let (extra, target) = if edge.limited {
            let extra = PathColumn {
                path: Arc::from([]),
                target: self.scope.key_column(edge.handle, far_is_from)?,
            };
            (extra, self.scope.key_column(edge.handle, !far_is_from)?)
        } else {
            let step = Step {
                relationship: edge.handle,
                reverse: false,
            };
            (
                PathColumn {
                    path: Arc::from([step]),
                    target: Target::Row(near),
                },
                Target::Row(near),
            )
        };
        let grouped = self.grouped(filters, contexts, far, vec![extra], Vec::new(), without)?;
        let codes = grouped.extra_codes(0);
        let translated: Vec<u32> = if edge.limited {
            let table = self
                .scope
                .translate(edge.handle, far_is_from, self.control)?;
            codes
                .iter()
                .map(|&c| {
                    table
                        .get(c as usize)
                        .copied()
                        .unwrap_or(crate::context::ABSENT)
                })
                .collect()
        } else {
            codes.to_vec()
        };
        let sets: Vec<Set> = (0..grouped.lists())
            .map(|d| {
                Set::of_codes(
                    grouped
                        .list(d)
                        .map(|g| translated[g as usize])
                        .filter(|&c| c != crate::context::ABSENT),
                )
            })
            .collect();
        Ok(match &grouped.of_context {
            None if sets.len() == 1 => Item::varying(vec![target], sets, Some(&vec![0; contexts])),
            of => Item::varying(vec![target], sets, of.as_deref()),
        })
    }
}

//! Which rows an identity sees: the row rules, as a normal form.
//!
//! Each role gives every table a term: an AND of row sets, each standing on the table that its filter is written on. Roles are
//! united by an OR of their terms, table by table but over whole rows: a sale is visible if all that one role says of it and of the
//! rows it leads to holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use roaring::RoaringBitmap;
use sha2::{Digest, Sha256};
use storage::{
    Aggregate, AggregateOp, Aggregated, BLANK, ColumnId, Control, Dataset, Filter, Path,
    PathColumn, PlacedSet, RelationshipId, RowSet, Scan, Spellings, Step, TableId, Target, Term,
    Visibility,
};

use crate::ReadError;
use crate::rowset::{RowSets, Rows};
use crate::travel::{Edge, Travel, Way};
use crate::trees::ordinal;

/// A row set, and the path from the table in question to the table that it is a set of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placed {
    pub path: Vec<Step>,
    pub rows: Rows,
}

/// What one role says of one table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RoleTerm {
    Nothing,
    /// All of these hold. Without any: everything.
    Sets(Vec<Placed>),
}

/// What the filters of one role admit, filter by filter.
pub(crate) struct RoleRows {
    pub own: BTreeMap<u32, Rows>,
}

/// A table where sets are collected, and the relationship that leads from there to where they are asked for.
struct Arrival {
    at: u32,
    over: Option<RelationshipId>,
}

/// The places where the work of admission finds what it needs.
pub(crate) struct Ground<'a> {
    pub travel: &'a Travel,
    pub data: &'a Dataset,
    pub sets: &'a RowSets,
    pub strict_orphans: bool,
    pub control: &'a Control,
}

impl Ground<'_> {
    /// One term for every table.
    pub fn role_terms(&self, role: &RoleRows) -> Result<Vec<RoleTerm>, ReadError> {
        let derived = self.derive(role)?;
        (0..self.travel.tables)
            .map(|table| self.term(table, None, role, &derived))
            .collect()
    }

    /// Works out the sets of the hard ways, again and again until nothing shrinks any more. Every round can only take rows
    /// away, so it ends.
    fn derive(&self, role: &RoleRows) -> Result<BTreeMap<usize, Rows>, ReadError> {
        let mut derived: BTreeMap<usize, Rows> = BTreeMap::new();
        loop {
            let mut changed = false;
            for (e, edge) in self.travel.edges.iter().enumerate() {
                if edge.step().is_some() || !self.travel.brings(role.own.keys().copied(), edge) {
                    continue;
                }
                self.control.check()?;
                let source = self.term(edge.source, Some(edge.relationship), role, &derived)?;
                let rows = self.across(edge, &source)?;
                if derived.get(&e) != Some(&rows) {
                    derived.insert(e, rows);
                    changed = true;
                }
            }
            if !changed {
                return Ok(derived);
            }
        }
    }

    /// All sets that bear on a table, each once per path. Where they go on over a relationship, what came by it stays out: a
    /// filter does not turn round to ask a row without partner what it says of a partner that is not there.
    fn term(
        &self,
        table: u32,
        onward_over: Option<RelationshipId>,
        role: &RoleRows,
        derived: &BTreeMap<usize, Rows>,
    ) -> Result<RoleTerm, ReadError> {
        let mut found = Vec::new();
        self.collect(
            Arrival {
                at: table,
                over: onward_over,
            },
            &mut Vec::new(),
            &mut vec![table],
            role,
            derived,
            &mut found,
        );
        let mut sets: BTreeMap<Vec<Step>, Rows> = BTreeMap::new();
        for (end, Placed { path, rows }) in found {
            let merged = match sets.get(&path) {
                Some(known) => self.sets.both(known, &rows, self.total(end)?),
                None => rows,
            };
            sets.insert(path, merged);
        }
        if sets.values().any(Rows::is_none) {
            return Ok(RoleTerm::Nothing);
        }
        let sets = sets
            .into_iter()
            .filter(|(_, rows)| !rows.is_all())
            .map(|(path, rows)| Placed { path, rows });
        Ok(RoleTerm::Sets(sets.collect()))
    }

    fn collect(
        &self,
        Arrival { at, over }: Arrival,
        path: &mut Vec<Step>,
        passed: &mut Vec<u32>,
        role: &RoleRows,
        derived: &BTreeMap<usize, Rows>,
        found: &mut Vec<(u32, Placed)>,
    ) {
        let mut place = |rows: &Rows| {
            found.push((
                at,
                Placed {
                    path: path.clone(),
                    rows: rows.clone(),
                },
            ))
        };
        if let Some(rows) = role.own.get(&at) {
            place(rows);
        }
        for (e, rows) in derived {
            // What was gathered over the relationship that leads here holds for every row that led here.
            let edge = self.travel.edges.get(*e);
            if edge.is_some_and(|edge| edge.target == at && Some(edge.relationship) != over) {
                place(rows);
            }
        }
        for edge in &self.travel.edges {
            if let Some(step) = edge.step()
                && edge.target == at
                && Some(edge.relationship) != over
                && !passed.contains(&edge.source)
            {
                path.push(step);
                passed.push(edge.source);
                let there = Arrival {
                    at: edge.source,
                    over: Some(edge.relationship),
                };
                self.collect(there, path, passed, role, derived, found);
                passed.pop();
                path.pop();
            }
        }
    }

    /// Rows of a table, its blank row among them.
    fn total(&self, table: u32) -> Result<u32, ReadError> {
        let rows = self.data.rows(TableId(table)).ok_or(ReadError::NoData)?;
        Ok(rows.saturating_add(1))
    }

    /// The rows of the target that the visible rows of the source admit over a hard way.
    fn across(&self, edge: &Edge, source: &RoleTerm) -> Result<Rows, ReadError> {
        let total = self.total(edge.target)?;
        let mut rows = match edge.way {
            Way::Gather => {
                let step = Step {
                    relationship: edge.relationship,
                    reverse: false,
                };
                let end = PathColumn {
                    path: Path(Arc::from([step])),
                    target: Target::Row,
                };
                self.codes(edge.source, unite(std::slice::from_ref(source)), end)?
            }
            Way::Value | Way::Step { .. } => self.by_value(edge, source)?,
        };
        if self.strict_orphans {
            rows.remove(total.saturating_sub(1));
        }
        Ok(self.sets.of_bitmap(&rows, total))
    }

    /// Over a many-to-many relationship: rows of the target whose key equals that of a visible row of the source. Rows whose key
    /// no row of the source has at all are orphans, and go with the all-blank row.
    fn by_value(&self, edge: &Edge, source: &RoleTerm) -> Result<RoaringBitmap, ReadError> {
        let key = |column: ColumnId| PathColumn {
            path: Path::here(),
            target: Target::Column(column.column),
        };
        let visible = self.codes(
            edge.source,
            unite(std::slice::from_ref(source)),
            key(edge.source_key),
        )?;
        let forth = self.data.translate(edge.source_key, edge.target_key)?;
        let mut admitted: RoaringBitmap = visible
            .iter()
            .filter_map(|code| {
                usize::try_from(code)
                    .ok()
                    .and_then(|code| forth.get(code))
                    .copied()
            })
            .filter(|code| *code != storage::ABSENT)
            .collect();
        let blank_row = !self.strict_orphans && self.admits_blank_row(edge.source, source)?;
        if blank_row {
            let back = self.data.translate(edge.target_key, edge.source_key)?;
            let orphans = back
                .iter()
                .enumerate()
                .filter(|(_, code)| **code == storage::ABSENT);
            admitted.extend(orphans.map(|(code, _)| ordinal(code)));
            let everyone = self.codes(edge.source, Visibility::All, key(edge.source_key))?;
            if !everyone.contains(BLANK) {
                admitted.insert(BLANK);
            }
        }
        let filter = Filter::In {
            column: key(edge.target_key),
            set: Arc::new(admitted),
        };
        let scan = Scan {
            table: TableId(edge.target),
            visibility: Visibility::All,
            masks: Vec::new(),
            filters: vec![filter],
            keys: Vec::new(),
            aggregates: Vec::new(),
            max_groups: usize::MAX,
        };
        let mut rows: RoaringBitmap = self
            .data
            .scan_rows(&scan, self.control)?
            .into_iter()
            .collect();
        if blank_row {
            rows.insert(self.total(edge.target)?.saturating_sub(1));
        }
        Ok(rows)
    }

    /// Whether a term of the table holds for the all-blank row: the blank row leads to blank rows.
    fn admits_blank_row(&self, table: u32, term: &RoleTerm) -> Result<bool, ReadError> {
        let RoleTerm::Sets(sets) = term else {
            return Ok(false);
        };
        for placed in sets {
            let blank = self.total(self.end_of(table, placed)?)?.saturating_sub(1);
            if !placed.rows.contains(blank) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The table that a placed set is a set of.
    fn end_of(&self, table: u32, placed: &Placed) -> Result<u32, ReadError> {
        let Some(last) = placed.path.last() else {
            return Ok(table);
        };
        let edge = self
            .travel
            .edges
            .iter()
            .find(|edge| edge.step() == Some(*last));
        edge.map(|edge| edge.source)
            .ok_or_else(|| ReadError::Internal("a path without its relationship".to_owned()))
    }

    /// Distinct codes over the rows that a visibility admits.
    fn codes(
        &self,
        table: u32,
        visibility: Visibility,
        key: PathColumn,
    ) -> Result<RoaringBitmap, ReadError> {
        let scan = Scan {
            table: TableId(table),
            visibility,
            masks: Vec::new(),
            filters: Vec::new(),
            keys: vec![key],
            aggregates: Vec::new(),
            max_groups: usize::MAX,
        };
        let groups = self.data.scan(&scan, self.control)?;
        Ok(groups.keys.into_iter().flatten().collect())
    }
}

/// The OR of terms, without those that another one contains. None: everything.
fn normal_form(terms: &[RoleTerm]) -> Option<Vec<&[Placed]>> {
    let sets: Vec<&[Placed]> = terms
        .iter()
        .filter_map(|term| match term {
            RoleTerm::Nothing => None,
            RoleTerm::Sets(sets) => Some(sets.as_slice()),
        })
        .collect();
    if sets.iter().any(|sets| sets.is_empty()) {
        return None;
    }
    let narrower = |a: &[Placed], b: &[Placed]| b.iter().all(|placed| a.contains(placed));
    let mut kept = Vec::new();
    for (i, candidate) in sets.iter().enumerate() {
        let absorbed = sets.iter().enumerate().any(|(j, other)| {
            // Of equal terms the first stays.
            j != i && narrower(candidate, other) && (j < i || !narrower(other, candidate))
        });
        if !absorbed {
            kept.push(*candidate);
        }
    }
    Some(kept)
}

fn unite(terms: &[RoleTerm]) -> Visibility {
    let Some(kept) = normal_form(terms) else {
        return Visibility::All;
    };
    let place = |placed: &Placed| PlacedSet {
        path: Path(placed.path.as_slice().into()),
        rows: placed.rows.set.clone(),
    };
    Visibility::AnyOf(
        kept.into_iter()
            .map(|sets| Term {
                sets: sets.iter().map(place).collect(),
            })
            .collect(),
    )
}

/// The visibility of every table for one set of roles, and what was worked out from it. Shared by the identities that see the
/// same rows.
pub(crate) struct Visible {
    tables: Vec<Visibility>,
    restricted: BTreeSet<u32>,
    pub digest: [u8; 32],
    rows: Mutex<HashMap<TableId, Arc<RowSet>>>,
    counts: Mutex<HashMap<TableId, u64>>,
    spellings: Mutex<HashMap<ColumnId, Option<Arc<Spellings>>>>,
    blanks: Mutex<HashMap<(RelationshipId, bool), bool>>,
}

impl Visible {
    /// Every row of every table.
    pub fn everything(tables: u32) -> Visible {
        let tables = (0..tables).map(|_| Visibility::All).collect();
        Visible::new(
            tables,
            BTreeSet::new(),
            Sha256::digest(b"everything").into(),
        )
    }

    fn new(tables: Vec<Visibility>, restricted: BTreeSet<u32>, digest: [u8; 32]) -> Visible {
        Visible {
            tables,
            restricted,
            digest,
            rows: Mutex::default(),
            counts: Mutex::default(),
            spellings: Mutex::default(),
            blanks: Mutex::default(),
        }
    }

    /// The union of roles: `terms` holds one list for each role, with a term for every table. `restricted` says which tables
    /// the filters reach in every one of the roles.
    pub fn union(tables: u32, terms: &[Vec<RoleTerm>], restricted: BTreeSet<u32>) -> Visible {
        let mut hash = Sha256::new();
        let mut visibilities = Vec::new();
        for table in 0..tables {
            let of_table: Vec<RoleTerm> = terms
                .iter()
                .filter_map(|terms| crate::objects::at(terms, table).cloned())
                .collect();
            let visibility = unite(&of_table);
            hash.update(table.to_le_bytes());
            hash.update(digest_of(&of_table));
            visibilities.push(visibility);
        }
        Visible::new(visibilities, restricted, hash.finalize().into())
    }

    /// Fewer rows of one table that no relationship leads to: the items of a calculation group that exist.
    pub fn narrowed(&self, table: u32, rows: &Rows) -> Visible {
        let here = || PlacedSet {
            path: Path::here(),
            rows: rows.set.clone(),
        };
        let mut tables = self.tables.clone();
        if let Some(visibility) = usize::try_from(table)
            .ok()
            .and_then(|position| tables.get_mut(position))
        {
            match visibility {
                Visibility::All => {
                    *visibility = Visibility::AnyOf(vec![Term { sets: vec![here()] }])
                }
                Visibility::AnyOf(terms) => {
                    terms.iter_mut().for_each(|term| term.sets.push(here()))
                }
            }
        }
        let digest = Sha256::new()
            .chain_update(self.digest)
            .chain_update(table.to_le_bytes())
            .chain_update(rows.digest)
            .finalize();
        Visible::new(tables, self.restricted.clone(), digest.into())
    }

    /// The same rows, for data with more columns and perhaps one more table, which is a query's own: all its rows are visible.
    /// What is known of the columns added is kept apart, because every query numbers its own from the same number on.
    pub fn extended(&self, table: Option<TableId>) -> Visible {
        let mut tables = self.tables.clone();
        if let Some(position) = table.and_then(|table| usize::try_from(table.0).ok()) {
            tables.resize(position, Visibility::AnyOf(Vec::new()));
            tables.push(Visibility::All);
        }
        let mut extended = Visible::new(tables, self.restricted.clone(), self.digest);
        extended.rows = Mutex::new(copy_of(&self.rows));
        extended.spellings = Mutex::new(copy_of(&self.spellings));
        extended.blanks = Mutex::new(copy_of(&self.blanks));
        extended
    }

    /// A table that nobody has spoken of shows nothing.
    pub fn of(&self, table: TableId) -> Visibility {
        crate::objects::at(&self.tables, table.0)
            .cloned()
            .unwrap_or(Visibility::AnyOf(Vec::new()))
    }

    /// Every row of every table is visible.
    pub fn is_everything(&self) -> bool {
        self.restricted.is_empty()
            && self
                .tables
                .iter()
                .all(|visibility| *visibility == Visibility::All)
    }

    /// Whether row filters bear on the table in this view.
    pub fn is_restricted(&self, table: TableId) -> bool {
        self.restricted.contains(&table.0)
    }

    /// The visible rows of a table as a row set.
    pub fn rows(
        &self,
        data: &Dataset,
        table: TableId,
        control: &Control,
    ) -> Result<Arc<RowSet>, ReadError> {
        let visibility = self.of(table);
        if visibility == Visibility::All {
            return Ok(Arc::new(RowSet::All));
        }
        if let Some(known) = self
            .rows
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&table)
        {
            return Ok(known.clone());
        }
        let rows = Arc::new(RowSet::Some(data.visible_rows(
            table,
            &visibility,
            control,
        )?));
        self.rows
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(table, rows.clone());
        Ok(rows)
    }

    /// How many rows of a table are visible.
    pub fn count(
        &self,
        data: &Dataset,
        table: TableId,
        control: &Control,
    ) -> Result<u64, ReadError> {
        let visibility = self.of(table);
        if visibility == Visibility::All {
            return Ok(data.rows(table).map_or(0, u64::from));
        }
        let known = self
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&table)
            .copied();
        if let Some(count) = known {
            return Ok(count);
        }
        let rows = Aggregate {
            op: AggregateOp::Rows,
            argument: None,
        };
        let scan = Scan {
            table,
            visibility,
            masks: Vec::new(),
            filters: Vec::new(),
            keys: Vec::new(),
            aggregates: vec![rows],
            max_groups: usize::MAX,
        };
        let groups = data.scan(&scan, control)?;
        let count = match groups.aggregates.first() {
            Some(Aggregated::Count(counts)) => counts.first().copied().unwrap_or(0),
            _ => 0,
        };
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(table, count);
        Ok(count)
    }

    /// Which tables row filters bear on, as bytes.
    pub fn restrictions(&self) -> Vec<u8> {
        let tables = self.restricted.iter();
        tables.flat_map(|table| table.to_le_bytes()).collect()
    }

    /// How to spell text that visible rows spell in several ways.
    pub fn spellings(
        &self,
        data: &Dataset,
        column: ColumnId,
        control: &Control,
    ) -> Result<Option<Arc<Spellings>>, ReadError> {
        if let Some(known) = self
            .spellings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&column)
        {
            return Ok(known.clone());
        }
        // Most columns have one spelling a value, and then the visible rows need not be found.
        let spellings = match data.spellings(column, &RowSet::All)? {
            None => None,
            Some(_) => {
                let rows = self.rows(data, column.table, control)?;
                data.spellings(column, &rows)?.map(Arc::new)
            }
        };
        self.spellings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(column, spellings.clone());
        Ok(spellings)
    }

    /// Whether a visible row points to the blank row at the end of this step; `find` looks when it is not known yet.
    pub fn blank(
        &self,
        step: Step,
        find: impl FnOnce() -> Result<bool, ReadError>,
    ) -> Result<bool, ReadError> {
        let key = (step.relationship, step.reverse);
        if let Some(known) = self
            .blanks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return Ok(*known);
        }
        let found = find()?;
        self.blanks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, found);
        Ok(found)
    }
}

fn copy_of<T: Clone>(known: &Mutex<T>) -> T {
    known.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The content of a table's visibility, whatever the order of the roles.
fn digest_of(terms: &[RoleTerm]) -> [u8; 32] {
    let Some(kept) = normal_form(terms) else {
        return [0xFF; 32];
    };
    let mut digests: BTreeSet<[u8; 32]> = BTreeSet::new();
    for sets in kept {
        let mut hash = Sha256::new();
        for placed in sets {
            hash.update(ordinal(placed.path.len()).to_le_bytes());
            for step in &placed.path {
                hash.update(step.relationship.0.to_le_bytes());
                hash.update([u8::from(step.reverse)]);
            }
            hash.update(placed.rows.digest);
        }
        digests.insert(hash.finalize().into());
    }
    let mut hash = Sha256::new();
    digests.iter().for_each(|digest| hash.update(digest));
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_rule_2_of_two_terms_the_narrower_one_is_absorbed() {
        let sets = RowSets::default();
        let placed = |row: u32| Placed {
            path: Vec::new(),
            rows: sets.of_bitmap(&RoaringBitmap::from_iter([row]), 9),
        };
        let wide = RoleTerm::Sets(vec![placed(1)]);
        let narrow = RoleTerm::Sets(vec![placed(1), placed(2)]);
        let other = RoleTerm::Sets(vec![placed(3)]);
        let left = |terms: &[&RoleTerm]| {
            let terms: Vec<RoleTerm> = terms.iter().map(|term| (*term).clone()).collect();
            let kept = normal_form(&terms).expect("no term shows everything");
            kept.iter().map(|sets| sets.to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(left(&[&wide, &narrow]), [[placed(1)]]);
        assert_eq!(left(&[&narrow, &wide]), [[placed(1)]]);
        assert_eq!(left(&[&wide, &wide]), [[placed(1)]]);
        assert_eq!(left(&[&narrow, &other]).len(), 2);
        assert!(left(&[&RoleTerm::Nothing]).is_empty());
        assert!(normal_form(&[wide, RoleTerm::Sets(Vec::new())]).is_none());
    }
}

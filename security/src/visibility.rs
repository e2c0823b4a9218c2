//! Which rows an identity sees: the row rules, as a normal form.
//!
//! Each role gives every table a term: an AND of row sets, each standing on the table that its filter is written on. Roles are
//! united by an OR of their terms, table by table but over whole rows: a sale is visible if all that one role says of it and of the
//! rows it leads to holds.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use storage::{
    Aggregate, AggregateOp, Aggregated, ColumnId, Control, Dataset, RelationshipId, RowSet, Scan,
    Spellings, Step, TableId, Target, Visibility,
};

use crate::ReadError;
use crate::ground::Ground;
use crate::rowset::Rows;
use crate::trees::ordinal;

/// A row set, and the path from the table in question to the table that it is a set of. Or a set of codes of a column there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placed {
    pub path: Vec<Step>,
    pub target: Target,
    pub rows: Rows,
}

/// What one role says of one table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RoleTerm {
    Nothing,
    /// All of these hold. Without any: everything.
    Sets(Vec<Placed>),
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

/// What a table shows: an OR of ANDs of sets.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    All,
    AnyOf(Vec<Vec<Placed>>),
}

pub(crate) fn unite(terms: &[RoleTerm]) -> Shown {
    match normal_form(terms) {
        None => Shown::All,
        Some(kept) => Shown::AnyOf(kept.into_iter().map(<[Placed]>::to_vec).collect()),
    }
}

/// The visibility of every table for one set of roles, and what was worked out from it. Shared by the identities that see the
/// same rows.
pub(crate) struct Visible {
    /// None: there is no set of rows to find.
    ground: Option<Arc<Ground>>,
    tables: Vec<Shown>,
    restricted: BTreeSet<u32>,
    pub digest: [u8; 32],
    counts: Mutex<HashMap<TableId, u64>>,
    spellings: Mutex<HashMap<ColumnId, Option<Arc<Spellings>>>>,
    blanks: Mutex<HashMap<(RelationshipId, bool), bool>>,
}

impl Visible {
    /// Every row of every table.
    pub fn everything(tables: u32) -> Visible {
        let tables = (0..tables).map(|_| Shown::All).collect();
        Visible::new(
            None,
            tables,
            BTreeSet::new(),
            Sha256::digest(b"everything").into(),
        )
    }

    fn new(
        ground: Option<Arc<Ground>>,
        tables: Vec<Shown>,
        restricted: BTreeSet<u32>,
        digest: [u8; 32],
    ) -> Visible {
        Visible {
            ground,
            tables,
            restricted,
            digest,
            counts: Mutex::default(),
            spellings: Mutex::default(),
            blanks: Mutex::default(),
        }
    }

    /// The union of roles: `terms` holds one list for each role, with a term for every table. `restricted` says which tables
    /// the filters reach in every one of the roles.
    pub fn union(
        ground: &Arc<Ground>,
        terms: &[Vec<RoleTerm>],
        restricted: BTreeSet<u32>,
    ) -> Visible {
        let mut hash = Sha256::new();
        let mut shown = Vec::new();
        for table in 0..ground.travel.tables {
            let of_table: Vec<RoleTerm> = terms
                .iter()
                .filter_map(|terms| crate::objects::at(terms, table).cloned())
                .collect();
            shown.push(unite(&of_table));
            hash.update(table.to_le_bytes());
            hash.update(digest_of(&of_table));
        }
        let ground = Some(Arc::clone(ground));
        Visible::new(ground, shown, restricted, hash.finalize().into())
    }

    /// Fewer rows of one table that no relationship leads to: the items of a calculation group that exist.
    pub fn narrowed(&self, ground: &Arc<Ground>, table: u32, rows: &Rows) -> Visible {
        let here = || Placed {
            path: Vec::new(),
            target: Target::Row,
            rows: rows.clone(),
        };
        let mut tables = self.tables.clone();
        if let Some(shown) = usize::try_from(table).ok().and_then(|t| tables.get_mut(t)) {
            match shown {
                Shown::All => *shown = Shown::AnyOf(vec![vec![here()]]),
                Shown::AnyOf(terms) => terms.iter_mut().for_each(|sets| sets.push(here())),
            }
        }
        let digest = Sha256::new()
            .chain_update(self.digest)
            .chain_update(table.to_le_bytes())
            .chain_update(rows.digest)
            .finalize();
        let ground = Some(Arc::clone(ground));
        Visible::new(ground, tables, self.restricted.clone(), digest.into())
    }

    /// The same rows, for data with more columns and perhaps one more table, which is a query's own: all its rows are visible.
    /// What is known of the columns added is kept apart, because every query numbers its own from the same number on.
    pub fn extended(&self, table: Option<TableId>) -> Visible {
        let mut tables = self.tables.clone();
        if let Some(position) = table.and_then(|table| usize::try_from(table.0).ok()) {
            tables.resize(position, Shown::AnyOf(Vec::new()));
            tables.push(Shown::All);
        }
        let ground = self.ground.clone();
        let mut extended = Visible::new(ground, tables, self.restricted.clone(), self.digest);
        extended.spellings = Mutex::new(copy_of(&self.spellings));
        extended.blanks = Mutex::new(copy_of(&self.blanks));
        extended
    }

    /// A table that nobody has spoken of shows nothing.
    pub fn of(&self, table: TableId, control: &Control) -> Result<Visibility, ReadError> {
        match (crate::objects::at(&self.tables, table.0), &self.ground) {
            (None, _) => Ok(Visibility::AnyOf(Vec::new())),
            (Some(Shown::All), _) => Ok(Visibility::All),
            (Some(shown), Some(ground)) => ground.visibility(shown, control),
            (Some(_), None) => Err(nowhere()),
        }
    }

    /// Whether every row of the table is visible.
    pub fn is_all(&self, table: TableId) -> bool {
        let shown = crate::objects::at(&self.tables, table.0);
        matches!(shown, Some(Shown::All))
    }

    /// Every row of every table is visible.
    pub fn is_everything(&self) -> bool {
        let is_all = |shown: &Shown| matches!(shown, Shown::All);
        self.restricted.is_empty() && self.tables.iter().all(is_all)
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
        if self.is_all(table) {
            return Ok(Arc::new(RowSet::All));
        }
        let ground = self.ground.as_ref().ok_or_else(nowhere)?;
        let key = Sha256::new()
            .chain_update(b"visible rows")
            .chain_update(self.digest)
            .chain_update(table.0.to_le_bytes())
            .finalize()
            .into();
        if let Some(known) = ground.sets.kept(&key) {
            return Ok(known);
        }
        // Whether they were kept depends on what others have asked, so the query's counts do not tell.
        let control = control.aside();
        let visibility = self.of(table, &control)?;
        let rows = data.visible_rows(table, &visibility, &control)?;
        let rows = Arc::new(RowSet::Some(rows));
        ground.sets.keep(key, &rows);
        Ok(rows)
    }

    /// How many rows of a table are visible.
    pub fn count(
        &self,
        data: &Dataset,
        table: TableId,
        control: &Control,
    ) -> Result<u64, ReadError> {
        if self.is_all(table) {
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
            visibility: self.of(table, control)?,
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

/// Sets are placed on a table, and there is nothing to find them with: then nothing is shown.
fn nowhere() -> ReadError {
    ReadError::Internal("the rows of a role cannot be found".to_owned())
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
            match placed.target {
                Target::Row => hash.update([0]),
                Target::Column(column) => {
                    hash.update([1]);
                    hash.update(column.to_le_bytes());
                }
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
    use crate::rowset::RowSets;
    use roaring::RoaringBitmap;

    #[test]
    fn digests_hold_the_way_to_a_set_and_what_it_is_of() {
        let sets = RowSets::new(9);
        let digest = |path: &[(u32, bool)], target: Target| {
            let path = path.iter().map(|(number, reverse)| Step {
                relationship: RelationshipId(*number),
                reverse: *reverse,
            });
            let placed = Placed {
                path: path.collect(),
                target,
                rows: sets
                    .of_bitmap(&RoaringBitmap::from_iter([1]), 9)
                    .rows(|| None),
            };
            digest_of(&[RoleTerm::Sets(vec![placed])])
        };
        let digests = [
            digest(&[], Target::Row),
            digest(&[], Target::Column(0)),
            digest(&[], Target::Column(1)),
            digest(&[(0, false)], Target::Row),
            digest(&[(0, true)], Target::Row),
            digest(&[(1, false)], Target::Row),
            digest(&[(1, false), (0, false)], Target::Row),
        ];
        assert_eq!(BTreeSet::from(digests).len(), digests.len());
    }

    #[test]
    fn row_rule_2_of_two_terms_the_narrower_one_is_absorbed() {
        let sets = RowSets::new(9);
        let placed = |row: u32| Placed {
            path: Vec::new(),
            target: Target::Row,
            rows: sets
                .of_bitmap(&RoaringBitmap::from_iter([row]), 9)
                .rows(|| None),
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

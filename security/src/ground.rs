//! What admission stands on: which rows the filters of a role admit, and how these filters travel to other tables. Whatever was worked out
//! here can be worked out again, because data, roles and identities do not change: so large row sets need not be held.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;
use storage::{
    BLANK, ColumnId, Control, Dataset, Filter, Path, PathColumn, PlacedSet, RelationshipId,
    RowBlocks, RowSet, Scan, Step, TableId, Target, Term, Visibility,
};

use crate::admission::FilterPlan;
use crate::asker::Reads;
use crate::handed::Notes;
use crate::lower::Use;
use crate::objects::Objects;
use crate::rowset::{Found, Held, RowSets, Rows};
use crate::travel::{Edge, Travel, Way};
use crate::trees::ordinal;
use crate::view::BuildView;
use crate::visibility::{Placed, RoleTerm, Shown, Visible, unite};
use crate::{
    ColumnAnswer, EvaluateError, Evaluators, FilterAnswer, Identity, ReadError, Scope, Table,
};

/// What one filter of a role admits: rows that are in every one of these sets, of rows or of codes of a column.
pub(crate) type Admitted = Arc<[(Target, Rows)]>;

/// What the filters of one role admit, table by table.
pub(crate) struct RoleRows {
    pub own: BTreeMap<u32, Vec<(Target, Rows)>>,
}

/// How to find a row set again.
pub(crate) enum Recipe {
    /// One of the sets that a filter admits for an identity.
    Filter {
        filter: Arc<FilterPlan>,
        identity: Identity,
        part: usize,
    },
    /// What two sets share.
    Both {
        sets: (Rows, Rows),
        total: u32,
        blank: u32,
    },
    /// What the visible rows of another table admit over a hard way.
    Across { edge: Edge, source: RoleTerm },
}

/// Sets of rows of such tables are small whatever they hold.
pub(crate) const SMALL_TABLE: u32 = 1_024;

/// What the work of admission needs, apart from who asks.
pub(crate) struct Ground {
    pub travel: Travel,
    pub data: Arc<Dataset>,
    pub sets: RowSets,
    pub strict_orphans: bool,
    /// Tables of so many rows have sets of rows and none of codes.
    pub small_table: u32,
    /// Lent to filters.
    pub every_object: Arc<Objects>,
    pub everything: Arc<Visible>,
    pub evaluators: Evaluators,
}

impl Ground {
    /// The row set behind a digest. What was worked out again must be what it was, or nothing is shown.
    pub fn set_of(&self, rows: &Rows, control: &Control) -> Result<Arc<RowSet>, ReadError> {
        let recipe = match rows.held() {
            Held::Here(set) => return Ok(Arc::clone(set)),
            Held::Again(recipe) => recipe,
        };
        if let Some(set) = self.sets.kept(&rows.digest) {
            return Ok(set);
        }
        // Whether it is there depends on what others have asked, so nobody's counts may tell.
        let found = self.again(recipe, &control.aside())?;
        if found.digest != rows.digest {
            return Err(ReadError::Internal(
                "the rows of a role are not what they were at admission; a new session is needed"
                    .to_owned(),
            ));
        }
        Ok(found.set)
    }

    fn again(&self, recipe: &Recipe, control: &Control) -> Result<Found, ReadError> {
        match recipe {
            Recipe::Filter {
                filter,
                identity,
                part,
            } => {
                let (_, found) = self.filter(filter, identity, control);
                let found = found.map_err(|_| match control.check() {
                    Err(stopped) => ReadError::Stopped(stopped),
                    Ok(()) => ReadError::Internal("the filter of a role failed".to_owned()),
                })?;
                let found = found.into_iter().nth(*part);
                found.map(|(_, found)| found).ok_or_else(|| {
                    ReadError::Internal("the filter of a role has changed its shape".to_owned())
                })
            }
            Recipe::Both { sets, total, blank } => {
                let (a, b) = (
                    self.set_of(&sets.0, control)?,
                    self.set_of(&sets.1, control)?,
                );
                Ok(self.sets.both(&a, &b, *total, *blank))
            }
            Recipe::Across { edge, source } => self.across(edge, source, control),
        }
    }

    /// The visibility that a scan bears: the one way in which visible rows get into a scan.
    pub fn visibility(&self, shown: &Shown, control: &Control) -> Result<Visibility, ReadError> {
        let Shown::AnyOf(terms) = shown else {
            return Ok(Visibility::All);
        };
        let place = |placed: &Placed| {
            Ok(PlacedSet {
                path: Path(placed.path.as_slice().into()),
                target: placed.target,
                rows: self.set_of(&placed.rows, control)?,
            })
        };
        let term = |sets: &Vec<Placed>| {
            Ok(Term {
                sets: sets.iter().map(place).collect::<Result<_, ReadError>>()?,
            })
        };
        let terms = terms.iter().map(term).collect::<Result<_, ReadError>>()?;
        Ok(Visibility::AnyOf(terms))
    }

    /// Runs one filter over all rows of its table, and the blank row. Also gives what it was told of who asks.
    pub fn filter(
        &self,
        filter: &FilterPlan,
        identity: &Identity,
        control: &Control,
    ) -> (Reads, Result<Vec<(Target, Found)>, EvaluateError>) {
        let scope = Scope::new(
            self.every_object.clone(),
            self.everything.clone(),
            Some(self.data.clone()),
            identity.clone(),
        );
        let scope = scope.noting().for_filter();
        let found = self.filter_over(filter, &scope, control);
        let told = scope.notes().map_or(Reads::NOTHING, Notes::told);
        (told, found)
    }

    fn filter_over(
        &self,
        filter: &FilterPlan,
        scope: &Scope,
        control: &Control,
    ) -> Result<Vec<(Target, Found)>, EvaluateError> {
        let ordinal = scope.objects.entry_of(TableId(filter.table));
        let ordinal =
            ordinal.ok_or_else(|| EvaluateError::new("the table of the filter is not there"))?;
        let table = Table {
            scope: scope.number,
            ordinal,
        };
        let view = BuildView::new(scope);
        let answer = (self.evaluators.row_filter)(&view, table, &filter.tree, control)?;
        self.sets_of(filter.table, answer, scope, control)
    }

    /// The sets that an answer speaks of: a row that the filter admits is in all of them. An answer that does not speak of every row is an
    /// error.
    fn sets_of(
        &self,
        table: u32,
        answer: FilterAnswer,
        scope: &Scope,
        control: &Control,
    ) -> Result<Vec<(Target, Found)>, EvaluateError> {
        let total = self.total(table)?;
        let terms = match answer {
            FilterAnswer::Rows(rows) if usize::try_from(total).ok() == Some(rows.len()) => {
                let set = self.sets.of_answer(&rows, self.strict_orphans);
                return Ok(vec![(Target::Row, set)]);
            }
            FilterAnswer::Rows(rows) => {
                return Err(EvaluateError::new(format!(
                    "a filter gave {} answers for {} rows and the blank row",
                    rows.len(),
                    total.saturating_sub(1)
                )));
            }
            FilterAnswer::AnyOf(terms) => terms,
        };
        let terms = terms.iter().map(|term| self.term_of(table, term, scope));
        let mut terms: Vec<_> = terms.collect::<Result<_, EvaluateError>>()?;
        // A set of rows of a small table is no larger, and whoever sees the same rows has the same set, however the filter says it.
        if terms.len() != 1 || total <= self.small_table {
            let rows = self.rows_of_terms(table, terms, total, control)?;
            return Ok(vec![(Target::Row, rows)]);
        }
        let mut sets = terms.pop().unwrap_or_default();
        if self.strict_orphans {
            // BLANK stands for the blank row too.
            sets.push((Target::Row, self.sets.without_blank(total)));
        }
        Ok(sets)
    }

    /// The sets of codes of one term.
    fn term_of(
        &self,
        table: u32,
        term: &[ColumnAnswer],
        scope: &Scope,
    ) -> Result<Vec<(Target, Found)>, EvaluateError> {
        if term.is_empty() {
            return Err(EvaluateError::new("a filter has a term that says nothing"));
        }
        let set_of = |of_column: &ColumnAnswer| {
            let id = scope.lower_column(of_column.column, Use::Value)?;
            let codes = scope.lower_codes(&of_column.codes, of_column.column)?;
            if id.table.0 != table || codes.len() != of_column.holds.len() {
                return Err(EvaluateError::new(
                    "a filter gave answers for another column",
                ));
            }
            let holds = codes.iter().zip(&of_column.holds);
            let held = holds.filter(|(_, holds)| *holds == Some(true));
            let held = held.map(|(code, _)| *code);
            let set = self.sets.of_codes(held, self.data.domain(id));
            Ok((Target::Column(id.column), set))
        };
        term.iter().map(set_of).collect()
    }

    /// The rows that are in all sets of one of the terms.
    fn rows_of_terms(
        &self,
        table: u32,
        terms: Vec<Vec<(Target, Found)>>,
        total: u32,
        control: &Control,
    ) -> Result<Found, ReadError> {
        let mut blank = terms
            .iter()
            .any(|sets| sets.iter().all(|(_, set)| set.holds_blank()));
        blank &= !self.strict_orphans;
        let term = |sets: Vec<(Target, Found)>| Term {
            sets: sets
                .into_iter()
                .map(|(target, set)| PlacedSet {
                    path: Path::here(),
                    target,
                    rows: set.set,
                })
                .collect(),
        };
        let visibility = Visibility::AnyOf(terms.into_iter().map(term).collect());
        let rows = self
            .data
            .visible_rows(TableId(table), &visibility, control)?;
        let blank = blank.then_some((total.saturating_sub(1), total));
        let rows = RowBlocks::of_runs(rows.runs().chain(blank));
        Ok(self.sets.of_rows(rows, total))
    }

    /// What a filter admits, to be held. `repeats`: the same identity gets the same answer again.
    pub fn admitted(
        filter: &Arc<FilterPlan>,
        identity: &Identity,
        found: Vec<(Target, Found)>,
        repeats: bool,
    ) -> Admitted {
        let parts = found.into_iter().enumerate();
        let rows = parts.map(|(part, (target, found))| {
            let recipe = || {
                repeats.then(|| Recipe::Filter {
                    filter: Arc::clone(filter),
                    identity: identity.clone(),
                    part,
                })
            };
            (target, found.rows(recipe))
        });
        rows.collect()
    }

    /// The rows that both sets hold, to be held.
    fn both(
        &self,
        sets: (Rows, Rows),
        table: u32,
        target: Target,
        control: &Control,
    ) -> Result<Rows, ReadError> {
        if sets.0.is_all() || sets.0 == sets.1 {
            return Ok(sets.1);
        }
        if sets.1.is_all() {
            return Ok(sets.0);
        }
        let (total, blank) = match target {
            Target::Row => {
                let total = self.total(table)?;
                (total, total.saturating_sub(1))
            }
            Target::Column(column) => {
                let table = TableId(table);
                (self.data.domain(ColumnId { table, column }), BLANK)
            }
        };
        let (a, b) = (
            self.set_of(&sets.0, control)?,
            self.set_of(&sets.1, control)?,
        );
        let found = self.sets.both(&a, &b, total, blank);
        Ok(found.rows(|| Some(Recipe::Both { sets, total, blank })))
    }

    /// One term for every table.
    pub fn role_terms(
        &self,
        role: &RoleRows,
        control: &Control,
    ) -> Result<Vec<RoleTerm>, ReadError> {
        let derived = self.derive(role, control)?;
        (0..self.travel.tables)
            .map(|table| self.term((table, None), role, &derived, control))
            .collect()
    }

    /// Works out the sets of the hard ways, again and again until nothing shrinks any more. Every round can only take rows
    /// away, so it ends.
    fn derive(
        &self,
        role: &RoleRows,
        control: &Control,
    ) -> Result<BTreeMap<usize, Rows>, ReadError> {
        let carries = |edge: &Edge| {
            edge.step().is_none() && self.travel.brings(role.own.keys().copied(), edge)
        };
        let edges = self.travel.edges.iter().enumerate();
        let hard: Vec<(usize, &Edge)> = edges.filter(|(_, edge)| carries(edge)).collect();
        let mut derived: BTreeMap<usize, Rows> = BTreeMap::new();
        loop {
            let mut changed = false;
            for &(e, edge) in &hard {
                control.check()?;
                let from = (edge.source, Some(edge.relationship));
                let source = self.term(from, role, &derived, control)?;
                let found = self.across(edge, &source, control)?;
                let rows = found.rows(|| {
                    let edge = *edge;
                    Some(Recipe::Across { edge, source })
                });
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
        (table, onward_over): (u32, Option<RelationshipId>),
        role: &RoleRows,
        derived: &BTreeMap<usize, Rows>,
        control: &Control,
    ) -> Result<RoleTerm, ReadError> {
        let mut found = Vec::new();
        self.collect(
            (table, onward_over),
            &mut Vec::new(),
            &mut vec![table],
            role,
            derived,
            &mut found,
        );
        let mut sets: BTreeMap<(Vec<Step>, Target), Rows> = BTreeMap::new();
        for (end, Placed { path, target, rows }) in found {
            let place = (path, target);
            let merged = match sets.remove(&place) {
                Some(known) => self.both((known, rows), end, target, control)?,
                None => rows,
            };
            sets.insert(place, merged);
        }
        if sets.values().any(Rows::is_none) {
            return Ok(RoleTerm::Nothing);
        }
        let sets = sets
            .into_iter()
            .filter(|(_, rows)| !rows.is_all())
            .map(|((path, target), rows)| Placed { path, target, rows });
        Ok(RoleTerm::Sets(sets.collect()))
    }

    /// `over`: the relationship that leads from this table to where the sets are asked for.
    fn collect(
        &self,
        (at, over): (u32, Option<RelationshipId>),
        path: &mut Vec<Step>,
        passed: &mut Vec<u32>,
        role: &RoleRows,
        derived: &BTreeMap<usize, Rows>,
        found: &mut Vec<(u32, Placed)>,
    ) {
        let mut place = |target: Target, rows: &Rows| {
            found.push((
                at,
                Placed {
                    path: path.clone(),
                    target,
                    rows: rows.clone(),
                },
            ))
        };
        for (target, rows) in role.own.get(&at).into_iter().flatten() {
            place(*target, rows);
        }
        for (e, rows) in derived {
            // What was gathered over the relationship that leads here holds for every row that led here.
            let edge = self.travel.edges.get(*e);
            if edge.is_some_and(|edge| edge.target == at && Some(edge.relationship) != over) {
                place(Target::Row, rows);
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
                let there = (edge.source, Some(edge.relationship));
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
    fn across(
        &self,
        edge: &Edge,
        source: &RoleTerm,
        control: &Control,
    ) -> Result<Found, ReadError> {
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
                self.codes(edge.source, source, end, control)?
            }
            Way::Value | Way::Step { .. } => self.by_value(edge, source, control)?,
        };
        if self.strict_orphans {
            rows.remove(total.saturating_sub(1));
        }
        Ok(self.sets.of_bitmap(&rows, total))
    }

    /// Over a many-to-many relationship: rows of the target whose key equals that of a visible row of the source. Rows whose key
    /// no row of the source has at all are orphans, and go with the all-blank row.
    fn by_value(
        &self,
        edge: &Edge,
        source: &RoleTerm,
        control: &Control,
    ) -> Result<RoaringBitmap, ReadError> {
        let key = |column: ColumnId| PathColumn {
            path: Path::here(),
            target: Target::Column(column.column),
        };
        let visible = self.codes(edge.source, source, key(edge.source_key), control)?;
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
        let blank_row = !self.strict_orphans && admits_blank_row(source);
        if blank_row {
            let back = self.data.translate(edge.target_key, edge.source_key)?;
            let orphans = back
                .iter()
                .enumerate()
                .filter(|(_, code)| **code == storage::ABSENT);
            admitted.extend(orphans.map(|(code, _)| ordinal(code)));
            let all = RoleTerm::Sets(Vec::new());
            let everyone = self.codes(edge.source, &all, key(edge.source_key), control)?;
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
        let mut rows: RoaringBitmap = self.data.scan_rows(&scan, control)?.into_iter().collect();
        if blank_row {
            rows.insert(self.total(edge.target)?.saturating_sub(1));
        }
        Ok(rows)
    }

    /// Distinct codes over the rows that a term admits.
    fn codes(
        &self,
        table: u32,
        term: &RoleTerm,
        key: PathColumn,
        control: &Control,
    ) -> Result<RoaringBitmap, ReadError> {
        let visibility = self.visibility(&unite(std::slice::from_ref(term)), control)?;
        let scan = Scan {
            table: TableId(table),
            visibility,
            masks: Vec::new(),
            filters: Vec::new(),
            keys: vec![key],
            aggregates: Vec::new(),
            max_groups: usize::MAX,
        };
        let groups = self.data.scan(&scan, control)?;
        Ok(groups.keys.into_iter().flatten().collect())
    }
}

/// Whether a term of a table holds for the all-blank row: the blank row leads to blank rows, and all it has is BLANK.
fn admits_blank_row(term: &RoleTerm) -> bool {
    match term {
        RoleTerm::Nothing => false,
        RoleTerm::Sets(sets) => sets.iter().all(|placed| placed.rows.blank),
    }
}

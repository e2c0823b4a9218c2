//! The one question that evaluation asks of storage: the groups of a table's visible rows, by context. A batch of
//! contexts is one scan, grouped by what differs between them.

use std::rc::Rc;

use roaring::RoaringBitmap;
use security::{Aggregate, Aggregated, Filter, Groups, PathColumn, Relationship, Scan, Table};

use super::known::Known;
use super::lists::{Lists, Run, assign};
use super::reach::Applied;
use super::{Evaluator, Outcome};
use crate::context::{FilterContext, Item, Kind, Set};

/// With at most this many different keys, the scan is also filtered to them. More would cost the scan more than it saves.
const PRUNE_KEYS: u64 = 4096;

/// The groups of a scan, and which of them belong to each context.
pub struct Grouped {
    pub groups: Rc<Groups>,
    /// Where the aggregates asked for stand among those of the scan.
    picks: Vec<usize>,
    /// How many leading keys are the contexts' own; the asked-for ones follow.
    own: usize,
    /// The list of each context; None: context k has list k.
    pub of_context: Option<Rc<[u32]>>,
    lists: Lists,
    /// No list holds more than one group, so aggregates need no combining.
    pub single: bool,
    /// The groups of a list differ in the keys that were asked for.
    pub distinct: bool,
}

impl Grouped {
    /// The k-th aggregate that was asked for.
    pub fn aggregate(&self, k: usize) -> Option<&Aggregated> {
        self.groups.aggregates.get(*self.picks.get(k)?)
    }

    pub fn lists(&self) -> usize {
        self.lists.len()
    }

    /// The groups of list `d`, as runs of consecutive groups, ascending.
    pub fn runs(&self, d: usize) -> &[Run] {
        self.lists.runs(d)
    }

    /// The groups of list `d`, ascending.
    pub fn list(&self, d: usize) -> impl Iterator<Item = u32> + '_ {
        self.runs(d).iter().flat_map(|run| run.start..run.end)
    }

    /// Groups of all lists, each counted for every list that it is in.
    pub fn total(&self) -> usize {
        (0..self.lists())
            .flat_map(|d| self.runs(d))
            .map(|run| run.len())
            .sum()
    }

    /// The groups of all lists one after another, and where each list begins.
    pub fn flattened(&self) -> (Vec<u32>, Vec<u32>) {
        let (mut offsets, mut members) = (vec![0u32], Vec::with_capacity(self.total()));
        for d in 0..self.lists() {
            members.extend(self.list(d));
            offsets.push(members.len() as u32);
        }
        (offsets, members)
    }

    /// The codes of the k-th key that was asked for, by group.
    pub fn extra_codes(&self, k: usize) -> &[u32] {
        self.groups.keys[self.own + k].as_slice()
    }

    pub fn extra(&self, k: usize) -> &security::Codes {
        &self.groups.keys[self.own + k]
    }
}

/// What the contexts of a batch ask of a scan.
pub struct Question {
    pub filters: Vec<Filter>,
    /// One code a context.
    pub keys: Vec<(PathColumn, Rc<[u32]>)>,
    /// Sets that differ, each over some columns.
    pub varying: Vec<(Vec<PathColumn>, Rc<Item>)>,
    /// Contexts that admit nothing.
    pub dead: Option<Vec<bool>>,
}

impl<'a> Evaluator<'a> {
    /// Groups `table` by `extra` in each of the contexts, with aggregates.
    pub fn grouped(
        &self,
        filters: &FilterContext,
        contexts: usize,
        table: Table,
        extra: Vec<PathColumn>,
        aggregates: Vec<Aggregate>,
        exclude: &[Relationship],
    ) -> Outcome<Grouped> {
        let question = self.question(filters, contexts, table, exclude)?;
        self.answer(question, contexts, table, extra, aggregates)
    }

    /// What contexts ask of a scan of `table`.
    pub fn question(
        &self,
        filters: &FilterContext,
        contexts: usize,
        table: Table,
        exclude: &[Relationship],
    ) -> Outcome<Question> {
        let applied = self.applicable(filters, contexts, table, exclude)?;
        Ok(sort_out(applied, contexts))
    }

    /// The one scan that answers all contexts.
    pub fn answer(
        &self,
        mut question: Question,
        contexts: usize,
        table: Table,
        extra: Vec<PathColumn>,
        aggregates: Vec<Aggregate>,
    ) -> Outcome<Grouped> {
        // Groups lie in the order of their keys: a set over one column is found among them without trying each.
        question
            .varying
            .sort_by_key(|(columns, _)| columns.len() != 1);
        let mut keys: Vec<PathColumn> = question
            .keys
            .iter()
            .map(|(column, _)| column.clone())
            .collect();
        let single_keys = keys.len();
        for (columns, _) in &question.varying {
            for column in columns {
                if !keys.contains(column) {
                    keys.push(column.clone());
                }
            }
        }
        let own = keys.len();
        let asked = extra.len();
        keys.extend(extra);
        let mut scan = Scan {
            table,
            filters: std::mem::take(&mut question.filters),
            keys,
            aggregates,
        };
        // Groups of more keys than these contexts have do as well, if they are known.
        let known = self.known(&scan);
        let known = match known {
            Some(known) => known,
            None => {
                prune(&question, &mut scan.filters);
                self.scan_for(&scan)?
            }
        };
        let Known { groups, picks } = known;
        let (of_context, lists) = assign(&question, contexts, &scan.keys, single_keys, &groups);
        let single = asked == 0 && own == single_keys;
        Ok(Grouped {
            groups,
            picks,
            own,
            of_context,
            lists,
            single,
            distinct: own == single_keys,
        })
    }
}

/// Shared sets become filters of the scan, single values become keys, the rest stays to be combined.
fn sort_out(applied: Vec<Applied>, contexts: usize) -> Question {
    let mut question = Question {
        filters: Vec::new(),
        keys: Vec::new(),
        varying: Vec::new(),
        dead: None,
    };
    let mut varying = Vec::new();
    for Applied { columns, item } in applied {
        match &item.kind {
            Kind::Shared(set) => question.filters.push(filter(columns, set)),
            Kind::Key(codes) => {
                for (column, codes) in columns.into_iter().zip(codes) {
                    question.add_key(column, codes, contexts);
                }
            }
            Kind::Varying { .. } => varying.push((columns, item)),
        }
    }
    for (columns, item) in varying {
        question.add_varying(columns, item, contexts);
    }
    question
}

fn filter(columns: Vec<PathColumn>, set: &Rc<Set>) -> Filter {
    match (&**set, columns.as_slice()) {
        (Set::Tuples { codes, .. }, _) => Filter::Tuples {
            columns,
            codes: std::sync::Arc::clone(codes),
        },
        (single, [column]) => Filter::In {
            column: column.clone(),
            set: single.bitmap(),
        },
        (single, _) => Filter::Tuples {
            columns,
            codes: std::sync::Arc::new(single.bitmap().iter().collect()),
        },
    }
}

impl Question {
    fn kill(&mut self, contexts: usize, mut admitted: impl FnMut(usize) -> bool) {
        let dead = self.dead.get_or_insert_with(|| vec![false; contexts]);
        for (i, dead) in dead.iter_mut().enumerate() {
            *dead |= !admitted(i);
        }
    }

    fn add_key(&mut self, column: PathColumn, codes: &Rc<[u32]>, contexts: usize) {
        if let Some(first) = codes.first().copied()
            && codes.iter().all(|&c| c == first)
        {
            self.filters.push(Filter::In {
                column,
                set: std::sync::Arc::new(RoaringBitmap::from_iter(
                    (first != crate::context::ABSENT).then_some(first),
                )),
            });
            return;
        }
        match self.keys.iter().position(|(known, _)| *known == column) {
            // Two filters on one column hold together: where they differ, nothing does.
            Some(at) => {
                let known = Rc::clone(&self.keys[at].1);
                self.kill(contexts, |i| known[i] == codes[i]);
            }
            None => self.keys.push((column, Rc::clone(codes))),
        }
    }

    fn add_varying(&mut self, columns: Vec<PathColumn>, item: Rc<Item>, contexts: usize) {
        let known: Option<Vec<Rc<[u32]>>> = columns
            .iter()
            .map(|column| {
                self.keys
                    .iter()
                    .find(|(key, _)| key == column)
                    .map(|(_, codes)| Rc::clone(codes))
            })
            .collect();
        match known {
            // The contexts' own keys tell already.
            Some(keys) => {
                let mut tuple = vec![0; keys.len()];
                self.kill(contexts, |i| {
                    for (slot, codes) in tuple.iter_mut().zip(&keys) {
                        *slot = codes[i];
                    }
                    item.admits(i, &tuple)
                });
            }
            None => self.varying.push((columns, item)),
        }
    }
}

/// Filters the scan to the keys that occur, where they are few.
fn prune(question: &Question, filters: &mut Vec<Filter>) {
    for (column, codes) in &question.keys {
        let distinct: RoaringBitmap = codes
            .iter()
            .copied()
            .filter(|&c| c != crate::context::ABSENT)
            .collect();
        if distinct.len() <= PRUNE_KEYS {
            filters.push(Filter::In {
                column: column.clone(),
                set: std::sync::Arc::new(distinct),
            });
        }
    }
    for (columns, item) in &question.varying {
        if let ([column], Kind::Varying { sets, .. }) = (columns.as_slice(), &item.kind)
            && sets.len() <= 16
        {
            let mut union = RoaringBitmap::new();
            for set in sets.iter() {
                union |= &*set.bitmap();
            }
            filters.push(Filter::In {
                column: column.clone(),
                set: std::sync::Arc::new(union),
            });
        }
    }
}

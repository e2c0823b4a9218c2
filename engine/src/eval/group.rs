//! The one question that evaluation asks of storage: the groups of a table's visible rows, by context. A batch of
//! contexts is one scan, grouped by what differs between them.

use std::collections::HashMap;
use std::rc::Rc;

use roaring::RoaringBitmap;
use security::{Aggregate, Filter, Groups, PathColumn, Relationship, Scan, Table};

use super::reach::Applied;
use super::{Evaluator, Outcome};
use crate::context::{FilterContext, Item, Kind, Set};

/// With at most this many different keys, the scan is also filtered to them. More would cost the scan more than it saves.
const PRUNE_KEYS: u64 = 4096;

/// The groups of a scan, and which of them belong to each context.
pub struct Grouped {
    pub groups: Groups,
    /// How many leading keys are the contexts' own; the asked-for ones follow.
    own: usize,
    /// The list of each context; None: context k has list k.
    pub of_context: Option<Rc<[u32]>>,
    offsets: Vec<u32>,
    members: Vec<u32>,
    /// No list holds more than one group, so aggregates need no combining.
    pub single: bool,
}

impl Grouped {
    pub fn lists(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The groups of list `d`, ascending.
    pub fn list(&self, d: usize) -> &[u32] {
        &self.members[self.offsets[d] as usize..self.offsets[d + 1] as usize]
    }

    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    pub fn members(&self) -> &[u32] {
        &self.members
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
struct Question {
    filters: Vec<Filter>,
    /// One code a context.
    keys: Vec<(PathColumn, Rc<[u32]>)>,
    /// Sets that differ, each over some columns.
    varying: Vec<(Vec<PathColumn>, Rc<Item>)>,
    /// Contexts that admit nothing.
    dead: Option<Vec<bool>>,
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
        let applied = self.applicable(filters, contexts, table, exclude)?;
        let mut question = sort_out(applied, contexts);
        prune(&mut question);
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
        let scan = Scan {
            table,
            filters: std::mem::take(&mut question.filters),
            keys,
            aggregates,
        };
        let groups = self.scan(&scan)?;
        let lists = assign(&question, contexts, &scan.keys, single_keys, &groups);
        let single = asked == 0 && own == single_keys;
        Ok(Grouped {
            groups,
            own,
            of_context: lists.0,
            offsets: lists.1,
            members: lists.2,
            single,
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
fn prune(question: &mut Question) {
    for (column, codes) in &question.keys {
        let distinct: RoaringBitmap = codes
            .iter()
            .copied()
            .filter(|&c| c != crate::context::ABSENT)
            .collect();
        if distinct.len() <= PRUNE_KEYS {
            question.filters.push(Filter::In {
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
            question.filters.push(Filter::In {
                column: column.clone(),
                set: std::sync::Arc::new(union),
            });
        }
    }
}

type Lists = (Option<Rc<[u32]>>, Vec<u32>, Vec<u32>);

/// Gives every context its groups. Contexts that ask the same share a list.
fn assign(
    question: &Question,
    contexts: usize,
    keys: &[PathColumn],
    single_keys: usize,
    groups: &Groups,
) -> Lists {
    let alive = |i: usize| question.dead.as_ref().is_none_or(|dead| !dead[i]);
    if question.keys.is_empty() && question.varying.is_empty() && question.dead.is_none() {
        let members: Vec<u32> = (0..groups.len as u32).collect();
        return (
            (contexts != 1).then(|| vec![0; contexts].into()),
            vec![0, groups.len as u32],
            members,
        );
    }
    let columns: Vec<&[u32]> = groups.keys.iter().map(|codes| codes.as_slice()).collect();
    let places: Vec<Vec<usize>> = question
        .varying
        .iter()
        .map(|(path_columns, _)| {
            path_columns
                .iter()
                .filter_map(|c| keys.iter().position(|k| k == c))
                .collect()
        })
        .collect();
    let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
    let mut of_context = Vec::with_capacity(contexts);
    let (mut offsets, mut members) = (vec![0u32], Vec::new());
    let mut ask = Vec::new();
    for i in 0..contexts {
        ask.clear();
        if alive(i) {
            ask.extend(question.keys.iter().map(|(_, codes)| codes[i]));
            for (_, item) in &question.varying {
                if let Kind::Varying { index, .. } = &item.kind {
                    ask.push(index[i]);
                }
            }
        } else {
            ask.push(crate::context::ABSENT);
            ask.push(crate::context::ABSENT);
        }
        if let Some(&list) = known.get(&ask) {
            of_context.push(list);
            continue;
        }
        let list = offsets.len() as u32 - 1;
        known.insert(ask.clone(), list);
        of_context.push(list);
        if alive(i) {
            let range = range_of(&columns[..single_keys], groups.len, &ask[..single_keys]);
            collect(question, &places, &columns, range, i, &mut members);
        }
        offsets.push(members.len() as u32);
    }
    (Some(of_context.into()), offsets, members)
}

/// The groups whose first keys are `wanted`: groups are in ascending order of their keys.
fn range_of(columns: &[&[u32]], len: usize, wanted: &[u32]) -> std::ops::Range<usize> {
    let (mut low, mut high) = (0, len);
    for (column, code) in columns.iter().zip(wanted) {
        let slice = &column[low..high];
        let start = slice.partition_point(|c| c < code);
        let end = slice.partition_point(|c| c <= code);
        (low, high) = (low + start, low + end);
    }
    low..high
}

fn collect(
    question: &Question,
    places: &[Vec<usize>],
    columns: &[&[u32]],
    range: std::ops::Range<usize>,
    context: usize,
    members: &mut Vec<u32>,
) {
    if question.varying.is_empty() {
        members.extend(range.start as u32..range.end as u32);
        return;
    }
    let mut tuple = Vec::new();
    'groups: for g in range {
        for ((_, item), places) in question.varying.iter().zip(places) {
            tuple.clear();
            tuple.extend(places.iter().map(|&p| columns[p][g]));
            if !item.admits(context, &tuple) {
                continue 'groups;
            }
        }
        members.push(g as u32);
    }
}

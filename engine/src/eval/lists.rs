//! Which groups of a scan belong to which context. Groups lie in ascending order of their keys, so what a context has is found by
//! walking both orders together, and a set of values is a few runs of consecutive groups.

use std::rc::Rc;

use security::{Groups, PathColumn};

use super::classes::{Classes, is_ascending};
use super::group::Question;
use crate::context::{Item, Kind, Set};

/// Lists are found by search, not by walking, where there are so many times more groups than lists.
const SEARCH_BEYOND: usize = 16;

/// Consecutive groups: `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub start: u32,
    pub end: u32,
}

impl Run {
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Lists of groups: list k is the runs `offsets[k]..offsets[k + 1]`.
pub struct Lists {
    offsets: Vec<u32>,
    runs: Vec<Run>,
}

impl Lists {
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn runs(&self, d: usize) -> &[Run] {
        &self.runs[self.offsets[d] as usize..self.offsets[d + 1] as usize]
    }

    fn new() -> Lists {
        Lists {
            offsets: vec![0],
            runs: Vec::new(),
        }
    }

    /// Adds groups to the list that is being made.
    fn add(&mut self, start: u32, end: u32) {
        if start >= end {
            return;
        }
        let first = self.offsets.last().copied().unwrap_or(0) as usize;
        match self.runs[first..].last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => self.runs.push(Run { start, end }),
        }
    }

    fn close(&mut self) {
        self.offsets.push(self.runs.len() as u32);
    }
}

/// Gives every context its groups: the list of each context (None: context k has list k), and the lists.
pub fn assign(
    question: &Question,
    contexts: usize,
    keys: &[PathColumn],
    single_keys: usize,
    groups: &Groups,
) -> (Option<Rc<[u32]>>, Lists) {
    let mut lists = Lists::new();
    if question.keys.is_empty() && question.varying.is_empty() && question.dead.is_none() {
        lists.add(0, groups.len as u32);
        lists.close();
        return ((contexts != 1).then(|| vec![0; contexts].into()), lists);
    }
    let dead: Option<Vec<u32>> = question
        .dead
        .as_ref()
        .map(|dead| dead.iter().map(|dead| u32::from(*dead)).collect());
    let mut asked: Vec<&[u32]> = question.keys.iter().map(|(_, codes)| &**codes).collect();
    for (_, item) in &question.varying {
        if let Kind::Varying { index, .. } = &item.kind {
            asked.push(index);
        }
    }
    asked.extend(dead.as_deref());
    let classes = Classes::of_columns(&asked, contexts);
    let representatives: Rc<[u32]> = match &classes {
        Some(classes) => Rc::clone(&classes.representatives),
        None => (0..contexts as u32).collect(),
    };
    let columns: Vec<&[u32]> = groups.keys.iter().map(|codes| codes.as_slice()).collect();
    let ranges = ranges(
        &columns[..single_keys],
        groups.len,
        &asked[..single_keys],
        &representatives,
    );
    let mut varying = VaryingSets::new(question, keys, &columns);
    for (range, &context) in ranges.iter().zip(representatives.iter()) {
        let alive = dead.as_ref().is_none_or(|dead| dead[context as usize] == 0);
        if alive {
            varying.collect(*range, context as usize, &mut lists);
        }
        lists.close();
    }
    (classes.map(|classes| classes.of), lists)
}

/// The groups that begin with the codes of each representative.
fn ranges(columns: &[&[u32]], len: usize, asked: &[&[u32]], representatives: &[u32]) -> Vec<Run> {
    let everything = Run {
        start: 0,
        end: len as u32,
    };
    if columns.is_empty() {
        return vec![everything; representatives.len()];
    }
    let wanted = |r: usize| {
        let context = representatives[r] as usize;
        asked.iter().map(move |codes| codes[context])
    };
    if representatives.len().saturating_mul(SEARCH_BEYOND) < len {
        return (0..representatives.len())
            .map(|r| range_of(columns, len, wanted(r)))
            .collect();
    }
    // Walk groups and representatives in one order.
    let gathered: Vec<Vec<u32>> = asked
        .iter()
        .map(|codes| representatives.iter().map(|&c| codes[c as usize]).collect())
        .collect();
    let slices: Vec<&[u32]> = gathered.iter().map(Vec::as_slice).collect();
    let mut order: Vec<u32> = (0..representatives.len() as u32).collect();
    if !is_ascending(&slices, representatives.len()) {
        let key = |r: u32| slices.iter().map(move |codes| codes[r as usize]);
        // Mostly they ascend but for a few, which this sort makes use of.
        order.sort_by(|a, b| key(*a).cmp(key(*b)));
    }
    let of_group = |g: usize| columns.iter().map(move |column| column[g]);
    let mut found = vec![Run { start: 0, end: 0 }; representatives.len()];
    let (mut start, mut end) = (0usize, 0usize);
    let mut before: Option<u32> = None;
    for r in order {
        let tuple = || slices.iter().map(|codes| codes[r as usize]);
        let same = before.is_some_and(|b| {
            slices
                .iter()
                .all(|codes| codes[b as usize] == codes[r as usize])
        });
        if !same {
            start = end;
            while start < len && of_group(start).lt(tuple()) {
                start += 1;
            }
            end = start;
            while end < len && of_group(end).eq(tuple()) {
                end += 1;
            }
            before = Some(r);
        }
        found[r as usize] = Run {
            start: start as u32,
            end: end as u32,
        };
    }
    found
}

/// The groups whose first keys are `wanted`.
fn range_of(columns: &[&[u32]], len: usize, wanted: impl Iterator<Item = u32>) -> Run {
    let (mut low, mut high) = (0, len);
    for (column, code) in columns.iter().zip(wanted) {
        let slice = &column[low..high];
        let start = slice.partition_point(|c| *c < code);
        let end = slice.partition_point(|c| *c <= code);
        (low, high) = (low + start, low + end);
    }
    Run {
        start: low as u32,
        end: high as u32,
    }
}

/// Codes from the first to before the second, ascending.
type Intervals = Vec<(u32, u32)>;

/// A column, the sets that choose among its codes, and each set's intervals once they were needed.
type Sorted<'q> = (&'q [u32], &'q Item, Vec<Option<Intervals>>);

/// The sets that differ between contexts, as they choose among groups.
struct VaryingSets<'q> {
    /// The first set's column, where it is one column, and its sets as intervals of codes, made when first needed.
    sorted: Option<Sorted<'q>>,
    /// The other sets, each with the columns of its tuples.
    tested: Vec<(Vec<&'q [u32]>, &'q Item)>,
}

impl<'q> VaryingSets<'q> {
    fn new(question: &'q Question, keys: &[PathColumn], columns: &[&'q [u32]]) -> Self {
        let mut sorted = None;
        let mut tested = Vec::new();
        for (path_columns, item) in &question.varying {
            let of: Vec<&[u32]> = path_columns
                .iter()
                .filter_map(|column| keys.iter().position(|key| key == column))
                .map(|place| columns[place])
                .collect();
            match (of.as_slice(), &item.kind) {
                // The first keys behind the contexts' own: groups are sorted by them.
                ([only], Kind::Varying { sets, .. }) if sorted.is_none() && tested.is_empty() => {
                    sorted = Some((*only, &**item, vec![None; sets.len()]));
                }
                _ => tested.push((of, &**item)),
            }
        }
        VaryingSets { sorted, tested }
    }

    /// Adds the groups among `range` that a context admits.
    fn collect(&mut self, range: Run, context: usize, lists: &mut Lists) {
        let mut runs: Vec<Run> = Vec::new();
        match &mut self.sorted {
            None => runs.push(range),
            Some((column, item, intervals)) => {
                let Kind::Varying { sets, index } = &item.kind else {
                    return;
                };
                let at = index[context] as usize;
                let intervals = intervals[at].get_or_insert_with(|| intervals_of(&sets[at]));
                let codes = &column[range.range()];
                if intervals.len() > codes.len() {
                    let admitted = (range.start..).zip(codes);
                    let admitted = admitted.filter(|(_, code)| sets[at].contains(&[**code]));
                    runs.extend(admitted.map(|(g, _)| Run {
                        start: g,
                        end: g + 1,
                    }));
                } else {
                    runs.extend(intervals.iter().map(|(low, high)| Run {
                        start: range.start + codes.partition_point(|c| c < low) as u32,
                        end: range.start + codes.partition_point(|c| c < high) as u32,
                    }));
                }
            }
        }
        if self.tested.is_empty() {
            runs.iter().for_each(|run| lists.add(run.start, run.end));
            return;
        }
        let mut tuple = Vec::new();
        for g in runs.iter().flat_map(|run| run.start..run.end) {
            let admitted = self.tested.iter().all(|(columns, item)| {
                tuple.clear();
                tuple.extend(columns.iter().map(|column| column[g as usize]));
                item.admits(context, &tuple)
            });
            if admitted {
                lists.add(g, g + 1);
            }
        }
    }
}

/// A set over one column as intervals of codes, ascending: from the first up to, not including, the second.
pub(super) fn intervals_of(set: &Set) -> Vec<(u32, u32)> {
    let mut intervals: Vec<(u32, u32)> = Vec::new();
    let mut add = |low: u32, high: u32| match intervals.last_mut() {
        Some(last) if last.1 == low => last.1 = high,
        _ if low < high => intervals.push((low, high)),
        _ => {}
    };
    match set {
        Set::Range { low, high, blank } => {
            if *blank {
                add(0, 1);
            }
            // BLANK's code is no part of a range.
            let low = (*low).max(1);
            if low < *high {
                add(low, *high);
            }
        }
        set => {
            let codes = set.bitmap();
            let mut runs = codes.iter();
            while let Some(run) = runs.next_range() {
                add(*run.start(), run.end().saturating_add(1));
            }
        }
    }
    intervals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_become_intervals() {
        let check = |set: Set, expected: &[(u32, u32)]| {
            let found = intervals_of(&set);
            assert_eq!(found, expected, "{set:?}");
            let codes: Vec<u32> = found.iter().flat_map(|(low, high)| *low..*high).collect();
            assert!((0..12).all(|code| codes.contains(&code) == set.contains(&[code])));
        };
        let range = |low, high, blank| Set::Range { low, high, blank };
        check(range(1, 5, true), &[(0, 5)]);
        check(range(2, 5, true), &[(0, 1), (2, 5)]);
        check(range(0, 5, false), &[(1, 5)]);
        check(range(4, 4, false), &[]);
        check(Set::of_codes([0, 1, 4, 5, 9]), &[(0, 2), (4, 6), (9, 10)]);
    }

    #[test]
    fn groups_are_found_in_either_way() {
        let columns: [&[u32]; 2] = [&[1, 1, 2, 2, 2, 7], &[3, 4, 0, 4, 9, 1]];
        let asked: [&[u32]; 1] = [&[7, 2, 3, 1, 2]];
        let found = ranges(&columns[..1], 6, &asked, &[0, 1, 2, 3, 4]);
        for (run, code) in found.iter().zip(asked[0]) {
            let searched = range_of(&columns[..1], 6, [*code].into_iter());
            assert_eq!(run.len(), searched.len(), "{code}");
            assert!(run.len() == 0 || *run == searched, "{code}");
        }
    }
}

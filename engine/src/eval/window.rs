//! Window functions. The rows of the relation are put in order once for all contexts that share them; each context then finds its
//! current rows there, and looks from them along the order.
//!
//! A current row is found by columns. Where a row context outside has the column, its value is the one; otherwise every value that
//! the filter context leaves is current, and the answers for all of them are put together.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use security::{Stopped, Table};

use super::listed::Listed;
use super::sets::{KeyColumn, joint_numbers, segment_of, segment_range};
use super::watch::Watch;
use super::{Evaluator, Outcome, order};
use crate::batch::Batch;
use crate::bound::{
    Blanks, CurrentColumn, Scalar, ScalarKind, Window, WindowFunction, WindowOrder,
};
use crate::error::Failure;
use crate::table::TableRows;
use crate::value::{DataType, Value};
use crate::vector::{Vector, errors_from, merge_errors};

/// The relation in order.
struct Ordered {
    listed: Listed,
    /// For each row of the relation, its partition.
    partition: Vec<u32>,
    /// For each row, its place in its partition, from 0.
    place: Vec<u32>,
    /// The rows of each partition in order.
    partitions: Vec<Vec<u32>>,
    /// For each list, its partitions.
    of_list: Vec<Vec<u32>>,
    /// Lists whose order is not decided, or failed.
    failures: Vec<Option<Failure>>,
}

/// How contexts find their current rows.
enum Current {
    /// Without columns to find them by, all rows.
    All,
    Found(Vec<Vec<u32>>),
}

impl<'a> Evaluator<'a> {
    /// RANK and ROWNUMBER. BLANK where the current row is not one row.
    pub fn window_place(&self, window: &Window, batch: &Rc<Batch>) -> Outcome<Vector> {
        let ordered = self.ordered(window, batch)?;
        let current = self.current_rows(window, &ordered.listed, batch)?;
        let watch = self.watch();
        let results = (0..batch.len).map(|i| {
            let list = ordered.listed.of[i] as usize;
            if let Some(failure) = &ordered.failures[list] {
                return Err(failure.clone());
            }
            let rows = current.rows(i, ordered.listed.list(list));
            watch.step(rows.len())?;
            let mut places = rows
                .iter()
                .map(|&row| i64::from(ordered.place[row as usize]) + 1);
            let Some(first) = places.next() else {
                return Ok(Value::Blank);
            };
            let same = match window.function {
                WindowFunction::RowNumber => rows.len() == 1,
                _ => places.all(|place| place == first),
            };
            Ok(if same {
                Value::Integer(first)
            } else {
                Value::Blank
            })
        });
        Ok(self
            .collect(results, DataType::Integer)?
            .with_errors(ordered.listed.errors.clone()))
    }

    /// OFFSET, INDEX and WINDOW: rows of the relation.
    pub fn window(&self, window: &Window, batch: &Rc<Batch>) -> Outcome<TableRows> {
        let ordered = self.ordered(window, batch)?;
        let current = self.current_rows(window, &ordered.listed, batch)?;
        let arguments: Vec<Vector> = match &window.function {
            WindowFunction::Offset(at) | WindowFunction::Index(at) => vec![self.scalar(at, batch)?],
            WindowFunction::Range { from, to } => {
                vec![self.scalar(&from.at, batch)?, self.scalar(&to.at, batch)?]
            }
            _ => Vec::new(),
        };
        let (mut positions, mut offsets, mut failures) = (Vec::new(), vec![0u32], Vec::new());
        for i in 0..batch.len {
            self.control.check()?;
            match ordered.rows_for(window, i, &current, &arguments) {
                Ok(rows) => positions.extend(
                    rows.into_iter()
                        .map(|row| ordered.listed.positions[row as usize]),
                ),
                Err(failure) => failures.push((i as u32, failure)),
            }
            offsets.push(positions.len() as u32);
            self.admit_rows(positions.len())?;
        }
        let mut rows = ordered.listed.rows.take(&positions, offsets);
        rows.errors = merge_errors(&ordered.listed.errors, &errors_from(failures));
        Ok(rows)
    }

    fn ordered(&self, window: &Window, batch: &Rc<Batch>) -> Outcome<Ordered> {
        let columns: Vec<&Scalar> = window
            .order
            .iter()
            .map(|o| &o.expr)
            .chain(&window.partition)
            .collect();
        let listed = self.listed(&window.table, window.frame, &columns, batch)?;
        let mut keys = listed.columns.clone();
        let parts = keys.split_off(window.order.len());
        let parts: Vec<KeyColumn> = parts.into_iter().map(KeyColumn::Values).collect();
        let count = listed.positions.len();
        let watch = self.watch();
        let numbers = joint_numbers(&[&parts], &[count], &watch)?
            .pop()
            .unwrap_or_default();
        let mut ordered = Ordered {
            partition: vec![0; count],
            place: vec![0; count],
            partitions: Vec::new(),
            of_list: Vec::new(),
            failures: Vec::new(),
            listed,
        };
        let ranks = matches!(window.function, WindowFunction::Rank { .. });
        let matched = self.matched(window, &ordered.listed)?;
        let mut extra: Option<Vec<Vector>> = None;
        for list in 0..ordered.listed.lists() {
            self.control.check()?;
            let first = ordered.partitions.len();
            let mut known: HashMap<u32, usize> = HashMap::new();
            for row in ordered.listed.list(list) {
                watch.step(1)?;
                let at = *known.entry(numbers[row]).or_insert_with(|| {
                    ordered.partitions.push(Vec::new());
                    ordered.partitions.len() - 1
                });
                ordered.partitions[at].push(row as u32);
                ordered.partition[row] = at as u32;
            }
            let last = ordered.partitions.len();
            ordered.of_list.push((first as u32..last as u32).collect());
            let compare = |a: u32, b: u32| compare_rows(&window.order, &keys, a, b);
            let mut tied = false;
            for part in &mut ordered.partitions[first..last] {
                watch.sort(part, compare)?;
                tied |= part
                    .windows(2)
                    .any(|pair| compare(pair[0], pair[1]).is_eq());
            }
            let mut failure = None;
            if tied && !ranks {
                let more = match &extra {
                    Some(columns) => columns,
                    None => extra.insert(self.all_columns(window, &ordered.listed)?),
                };
                failure = break_ties(&mut ordered.partitions[first..last], compare, more, &watch)?;
            }
            if let Some(numbers) = &matched {
                let mut seen = HashSet::new();
                if !ordered
                    .listed
                    .list(list)
                    .all(|row| seen.insert(numbers[row]))
                {
                    failure = Some(Failure::new(
                        "MATCHBY and PARTITIONBY do not tell the rows of this window function apart",
                    ));
                }
            }
            ordered.failures.push(failure);
            for part in &ordered.partitions[first..last] {
                for (place, &row) in part.iter().enumerate() {
                    ordered.place[row as usize] = place as u32;
                }
            }
            if ranks {
                share_places(
                    window,
                    &ordered.partitions[first..last],
                    &mut ordered.place,
                    compare,
                );
            }
        }
        Ok(ordered)
    }

    /// For each row, a number that it shares with the rows that MATCHBY and PARTITIONBY do not tell from it. Equal rows have the
    /// same rank, so RANK asks for nothing.
    fn matched(&self, window: &Window, listed: &Listed) -> Outcome<Option<Vec<u32>>> {
        if window.matching.is_empty() || matches!(window.function, WindowFunction::Rank { .. }) {
            return Ok(None);
        }
        let columns: Vec<KeyColumn> = window
            .matching
            .iter()
            .map(|column| Ok(KeyColumn::Values(self.of_listed(window, listed, column)?)))
            .collect::<Outcome<_>>()?;
        let count = listed.positions.len();
        Ok(joint_numbers(&[&columns], &[count], &self.watch())?.pop())
    }

    /// Every column of the relation, row by row as they are listed.
    fn all_columns(&self, window: &Window, listed: &Listed) -> Outcome<Vec<Vector>> {
        (0..listed.rows.columns.len())
            .map(|index| {
                let column = self.column_vector(&listed.rows, &window.table.schema, index)?;
                Ok(column.take(&listed.positions))
            })
            .collect()
    }

    fn current_rows(
        &self,
        window: &Window,
        listed: &Listed,
        batch: &Rc<Batch>,
    ) -> Outcome<Current> {
        if window.current.is_empty() {
            return Ok(Current::All);
        }
        let (given, open): (Vec<&CurrentColumn>, Vec<&CurrentColumn>) =
            window.current.iter().partition(|c| c.outer.is_some());
        let count = listed.positions.len();
        // Rows and contexts get one number where they agree in all columns that a row context gives.
        let (mut of_rows, mut of_contexts) = (Vec::new(), Vec::new());
        for column in &given {
            of_rows.push(KeyColumn::Values(self.of_listed(
                window,
                listed,
                &column.of_row,
            )?));
            if let Some(outer) = &column.outer {
                of_contexts.push(KeyColumn::Values(self.scalar(outer, batch)?));
            }
        }
        let watch = self.watch();
        let mut numbers = joint_numbers(&[&of_rows, &of_contexts], &[count, batch.len], &watch)?;
        let wanted = numbers.pop().unwrap_or_default();
        let numbers = numbers.pop().unwrap_or_default();
        let admitted = self.admitted(window, listed, &open, batch)?;
        // The first table's combinations are a part of the key, so that a context finds the few rows that it admits, and does not
        // go through all of them.
        let (first, rest) = match admitted.split_first() {
            Some((first, rest)) => (Some(first), rest),
            None => (None, admitted.as_slice()),
        };
        let mut found: HashMap<(u32, u32, u32), Vec<u32>> = HashMap::new();
        for list in 0..listed.lists() {
            for row in listed.list(list) {
                watch.step(1)?;
                let combination = first.map_or(0, |first| first.of_row[row]);
                found
                    .entry((list as u32, numbers[row], combination))
                    .or_default()
                    .push(row as u32);
            }
        }
        let mut rows: Vec<Vec<u32>> = Vec::with_capacity(batch.len);
        for (i, wanted) in wanted.into_iter().enumerate().take(batch.len) {
            let mut current: Vec<u32> = Vec::new();
            let mut take = |combination: u32| {
                let key = (listed.of[i], wanted, combination);
                let candidates = found.get(&key).map_or(&[][..], Vec::as_slice);
                watch.step(1 + candidates.len())?;
                let left = candidates.iter().copied();
                current.extend(left.filter(|&row| rest.iter().all(|a| a.admits(i, row))));
                Ok::<(), Stopped>(())
            };
            match first {
                Some(first) => first.of(i).try_for_each(&mut take)?,
                None => take(0)?,
            }
            current.sort_unstable();
            rows.push(current);
        }
        Ok(Current::Found(rows))
    }

    /// A column of the relation, row by row as they are listed.
    fn of_listed(&self, window: &Window, listed: &Listed, column: &Scalar) -> Outcome<Vector> {
        if let ScalarKind::Field { frame, index } = &column.kind
            && *frame == window.frame
        {
            let vector = self.column_vector(&listed.rows, &window.table.schema, *index)?;
            return Ok(vector.take(&listed.positions));
        }
        let ScalarKind::Related { column, .. } = &column.kind else {
            return Err(super::internal("a window column of no row"));
        };
        let base = listed
            .rows
            .base
            .as_ref()
            .ok_or_else(|| super::internal("a related column without rows of a table"))?;
        let codes = self
            .scope
            .fetch(&base.take(&listed.positions), column, self.control)?;
        self.decode(&codes)
    }

    /// For the columns that no row context gives: table by table, the combinations of values that the filter context leaves.
    fn admitted(
        &self,
        window: &Window,
        listed: &Listed,
        open: &[&CurrentColumn],
        batch: &Rc<Batch>,
    ) -> Outcome<Vec<Admitted>> {
        if batch.filters.items.is_empty() {
            return Ok(Vec::new());
        }
        let mut tables: Vec<Table> = Vec::new();
        for column in open.iter().filter_map(|c| c.column) {
            if !tables.contains(&column.table()) {
                tables.push(column.table());
            }
        }
        let mut out = Vec::with_capacity(tables.len());
        for table in tables {
            let (of_table, columns): (Vec<&CurrentColumn>, Vec<_>) = open
                .iter()
                .filter_map(|c| Some((*c, c.column.filter(|column| column.table() == table)?)))
                .unzip();
            let existing = self.value_rows(&columns, true, &batch.filters, batch.len)?;
            let schema = self.schema_of_columns(&columns);
            let (mut here, mut there) = (Vec::new(), Vec::new());
            for (index, column) in of_table.iter().enumerate() {
                here.push(KeyColumn::Values(self.of_listed(
                    window,
                    listed,
                    &column.of_row,
                )?));
                there.push(KeyColumn::Values(
                    self.column_vector(&existing, &schema, index)?,
                ));
            }
            let counts = [listed.positions.len(), existing.rows()];
            let mut numbers = joint_numbers(&[&here, &there], &counts, &self.watch())?;
            let there = numbers.pop().unwrap_or_default();
            let of_row = numbers.pop().unwrap_or_default();
            let mut sets: HashMap<u32, HashSet<u32>> = HashMap::new();
            let of_context: Vec<u32> = (0..batch.len).map(|i| segment_of(&existing, i)).collect();
            for &segment in &of_context {
                sets.entry(segment).or_insert_with(|| {
                    segment_range(&existing, segment)
                        .map(|row| there[row])
                        .collect()
                });
            }
            out.push(Admitted {
                of_row,
                of_context,
                sets,
            });
        }
        Ok(out)
    }
}

/// The values of some columns of one table that are left in each context.
struct Admitted {
    /// The number of each row of the relation.
    of_row: Vec<u32>,
    of_context: Vec<u32>,
    sets: HashMap<u32, HashSet<u32>>,
}

impl Admitted {
    /// What a context admits.
    fn of(&self, context: usize) -> impl Iterator<Item = u32> + '_ {
        let set = self.sets.get(&self.of_context[context]);
        set.into_iter().flatten().copied()
    }

    fn admits(&self, context: usize, row: u32) -> bool {
        self.sets
            .get(&self.of_context[context])
            .is_some_and(|set| set.contains(&self.of_row[row as usize]))
    }
}

impl Current {
    fn rows(&self, context: usize, list: std::ops::Range<usize>) -> Vec<u32> {
        match self {
            Current::All => list.map(|row| row as u32).collect(),
            Current::Found(rows) => rows[context].clone(),
        }
    }
}

impl Ordered {
    /// The rows of one context, in the order of the relation.
    fn rows_for(
        &self,
        window: &Window,
        context: usize,
        current: &Current,
        arguments: &[Vector],
    ) -> Result<Vec<u32>, Failure> {
        let list = self.listed.of[context] as usize;
        if let Some(failure) = &self.failures[list] {
            return Err(failure.clone());
        }
        let argument = |k: usize| -> Result<Option<i64>, Failure> {
            let value = match arguments.get(k) {
                Some(vector) => vector.at(context)?,
                None => Value::Blank,
            };
            if value.is_blank() {
                return Ok(None);
            }
            value.to_integer().map(Some).ok_or_else(|| {
                Failure::new("the position that a window function was given is not a number")
            })
        };
        let mut chosen: BTreeSet<u32> = BTreeSet::new();
        if matches!(window.function, WindowFunction::Index(_)) || self.is_absolute(window) {
            // Only the partition of the current rows counts.
            let partitions: Vec<u32> = match current {
                Current::All => self.of_list[list].clone(),
                Current::Found(rows) => {
                    let mut parts: Vec<u32> = rows[context]
                        .iter()
                        .map(|&row| self.partition[row as usize])
                        .collect();
                    parts.sort_unstable();
                    parts.dedup();
                    parts
                }
            };
            for part in partitions {
                let part = &self.partitions[part as usize];
                let ends = match &window.function {
                    WindowFunction::Index(_) => match argument(0)? {
                        None | Some(0) => None,
                        Some(at) => absolute(at, part.len()).map(|at| (at, at)),
                    },
                    _ => self.ends(window, part.len(), 0, argument(0)?, argument(1)?),
                };
                chosen.extend(slice(part, ends));
            }
            return Ok(chosen.into_iter().collect());
        }
        for row in current.rows(context, self.listed.list(list)) {
            let part = &self.partitions[self.partition[row as usize] as usize];
            let place = i64::from(self.place[row as usize]);
            let ends = match &window.function {
                WindowFunction::Offset(_) => {
                    let at = place.saturating_add(argument(0)?.unwrap_or(0));
                    Some((at, at))
                }
                _ => self.ends(window, part.len(), place, argument(0)?, argument(1)?),
            };
            chosen.extend(slice(part, ends));
        }
        Ok(chosen.into_iter().collect())
    }

    fn is_absolute(&self, window: &Window) -> bool {
        matches!(&window.function, WindowFunction::Range { from, to } if !from.relative && !to.relative)
    }

    /// The first and last place of WINDOW, cut to the partition.
    fn ends(
        &self,
        window: &Window,
        len: usize,
        place: i64,
        from: Option<i64>,
        to: Option<i64>,
    ) -> Option<(i64, i64)> {
        let WindowFunction::Range {
            from: first,
            to: last,
        } = &window.function
        else {
            return None;
        };
        let last_place = len as i64 - 1;
        let place_of = |relative: bool, at: i64| match (relative, at) {
            (true, at) => place.saturating_add(at),
            (false, 0) => 0,
            (false, 1..) => at - 1,
            (false, _) => at.saturating_add(len as i64),
        };
        let from = place_of(first.relative, from.unwrap_or(0)).max(0);
        let to = place_of(last.relative, to.unwrap_or(0)).min(last_place);
        (from <= to).then_some((from, to))
    }
}

/// The rows between two places that the partition has.
fn slice(part: &[u32], ends: Option<(i64, i64)>) -> impl Iterator<Item = u32> + '_ {
    let range = ends.and_then(|(from, to)| {
        let (from, to) = (usize::try_from(from).ok()?, usize::try_from(to).ok()?);
        part.get(from..to.checked_add(1)?)
    });
    range.unwrap_or(&[]).iter().copied()
}

/// A position from 1, or, where negative, from the end.
fn absolute(at: i64, len: usize) -> Option<i64> {
    let place = if at > 0 {
        at - 1
    } else {
        at.saturating_add(len as i64)
    };
    (0..len as i64).contains(&place).then_some(place)
}

fn compare_rows(terms: &[WindowOrder], keys: &[Vector], a: u32, b: u32) -> std::cmp::Ordering {
    for (term, key) in terms.iter().zip(keys) {
        let (x, y) = (key.get(a as usize), key.get(b as usize));
        let blank = match (term.blanks, x.is_blank(), y.is_blank()) {
            (Blanks::Default, ..) | (_, true, true) | (_, false, false) => None,
            (Blanks::First, first, _) => Some(if first {
                std::cmp::Ordering::Less
            } else {
                std::cmp::Ordering::Greater
            }),
            (Blanks::Last, first, _) => Some(if first {
                std::cmp::Ordering::Greater
            } else {
                std::cmp::Ordering::Less
            }),
        };
        let found = blank.unwrap_or_else(|| {
            let by_value = order::total(&x, &y);
            if term.descending {
                by_value.reverse()
            } else {
                by_value
            }
        });
        if found.is_ne() {
            return found;
        }
    }
    std::cmp::Ordering::Equal
}

/// Rows that the order leaves equal are ordered by further columns: by one that tells all of them apart if there is one, else by
/// all. A failure where rows are equal in everything.
fn break_ties(
    partitions: &mut [Vec<u32>],
    compare: impl Fn(u32, u32) -> std::cmp::Ordering,
    columns: &[Vector],
    watch: &Watch<'_>,
) -> Result<Option<Failure>, Stopped> {
    let by = |k: usize, a: u32, b: u32| {
        order::total(&columns[k].get(a as usize), &columns[k].get(b as usize))
    };
    let mut sort = |used: &[usize]| -> Result<bool, Stopped> {
        let whole = |a: u32, b: u32| {
            used.iter()
                .fold(compare(a, b), |found, &k| found.then_with(|| by(k, a, b)))
        };
        partitions.iter_mut().try_fold(true, |decided, part| {
            watch.sort(part, whole)?;
            Ok(decided & part.windows(2).all(|pair| whole(pair[0], pair[1]).is_ne()))
        })
    };
    let all: Vec<usize> = (0..columns.len()).collect();
    for &k in &all {
        if sort(&[k])? {
            return Ok(None);
        }
    }
    if sort(&all)? {
        return Ok(None);
    }
    Ok(Some(Failure::new(
        "the order of this window function leaves rows that are equal in every column, and nothing tells them apart",
    )))
}

/// RANK gives rows that compare equal one place.
fn share_places(
    window: &Window,
    partitions: &[Vec<u32>],
    place: &mut [u32],
    compare: impl Fn(u32, u32) -> std::cmp::Ordering,
) {
    let dense = matches!(window.function, WindowFunction::Rank { dense: true });
    for part in partitions {
        let mut shown = 0u32;
        for (at, &row) in part.iter().enumerate() {
            let tied = at > 0 && compare(part[at - 1], row).is_eq();
            if !tied {
                shown = match (dense, at) {
                    (_, 0) => 0,
                    (true, _) => shown + 1,
                    (false, at) => at as u32,
                };
            }
            place[row as usize] = shown;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_both_ends() {
        let check = |at: i64, expected: Option<i64>| assert_eq!(absolute(at, 3), expected, "{at}");
        check(1, Some(0));
        check(3, Some(2));
        check(4, None);
        check(-1, Some(2));
        check(-3, Some(0));
        check(-4, None);
        check(i64::MIN, None);
    }

    #[test]
    fn ties_are_broken_by_one_column_if_one_is_enough() {
        let column = |values: [i64; 3]| {
            Vector::from_results(values.map(|v| Ok(Value::Integer(v))), DataType::Integer)
        };
        let equal = |_: u32, _: u32| std::cmp::Ordering::Equal;
        let check = |columns: &[Vector], expected: Option<[u32; 3]>| {
            let mut parts = vec![vec![0, 1, 2]];
            let failure = break_ties(
                &mut parts,
                equal,
                columns,
                &Watch::new(&security::Control::new(None)),
            )
            .unwrap();
            assert_eq!(failure.is_none(), expected.is_some());
            if let Some(expected) = expected {
                assert_eq!(parts[0], expected);
            }
        };
        check(&[column([1, 1, 2]), column([3, 2, 1])], Some([2, 1, 0]));
        check(&[column([2, 1, 1]), column([1, 2, 1])], Some([2, 1, 0]));
        check(&[column([2, 1, 1]), column([2, 1, 1])], None);
    }
}

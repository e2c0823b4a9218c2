//! The scan: one pass over one table. Everything that lies beyond a relationship is first composed into small arrays
//! indexed by the code of a column of the scanned table (a *lane*); the pass itself then only looks up and adds.

mod aggregate;
mod compose;
mod exact;
mod expression;
mod group;
mod kernels;
mod order;
mod own;
mod parallel;
mod picked;
mod requirements;
mod seen;
mod select;
mod strip;
mod sums;
#[cfg(test)]
mod tests;
mod tuples;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::column::BLOCK;
use crate::memory::Charge;
use crate::reading::Reading;
use crate::rows::{Builder, RowBlocks};
use crate::{
    Control, DataType, Dataset, Expression, Filter, Groups, PlacedSet, Scan, ScanError, TableId,
    Visibility,
};
use aggregate::{Accumulator, Aggregation};
use compose::Composer;
use group::{Grouper, Grouping};
use parallel::Pass;
use requirements::Requirements;
use select::Selector;
use strip::{STRIP, Strip};

/// The states of all threads together take so many bytes at most, if there is more than one thread.
const STATE_BYTES: usize = 256 << 20;
/// A thread of its own must have so many rows for each group whose states are merged then.
const ROWS_PER_GROUP: usize = 8;
const GROUPS_AT_LEAST: usize = 4096;

impl Dataset {
    /// Groups the rows that pass visibility and filters, and aggregates each group.
    pub fn scan(&self, scan: &Scan, control: &Control) -> Result<Groups, ScanError> {
        self.scan_where(scan, |_| true, control)
    }

    /// The same, refused before the first row is looked at unless its keys have so few combinations that each has a place of its own.
    pub fn scan_within(
        &self,
        scan: &Scan,
        combinations: usize,
        control: &Control,
    ) -> Result<Groups, ScanError> {
        let few = |grouping: &Grouping<'_>| {
            let numbered = grouping.fixed_groups();
            numbered.is_some_and(|groups| groups <= combinations)
        };
        self.scan_where(scan, few, control)
    }

    fn scan_where(
        &self,
        scan: &Scan,
        suits: impl Fn(&Grouping<'_>) -> bool,
        control: &Control,
    ) -> Result<Groups, ScanError> {
        let reading = Reading::of(self);
        let mut composer = Composer::new(&reading, scan.table)?;
        let selector = selector(&mut composer, &scan.visibility, &scan.masks, &scan.filters)?;
        let grouping = Grouping::new(&mut composer, &scan.keys, &selector)?;
        let most_groups = scan.max_groups.min(control.most_groups());
        if !suits(&grouping) {
            return Err(ScanError::TooManyGroups { limit: most_groups });
        }
        if scan.aggregates.is_empty()
            && let Some(codes) = grouping.codes_of_lane(&composer, &selector)?
        {
            control.check()?;
            control.count_scan();
            return listed(codes, most_groups);
        }
        let fixed = grouping.fixed_groups();
        let enough = AtomicBool::new(false);
        let most_found = grouping.possible_groups().unwrap_or(usize::MAX);
        let mut aggregations = Vec::with_capacity(scan.aggregates.len());
        for aggregate in &scan.aggregates {
            control.check()?;
            aggregations.push(Aggregation::new(&mut composer, aggregate, fixed)?);
        }
        let whole = scan.keys.is_empty() && selector.asks_nothing();
        if whole {
            aggregations.iter_mut().for_each(Aggregation::of_all_rows);
        }
        let at_once = match aggregations.iter().all(Aggregation::reads_lanes) {
            true if scan.keys.is_empty() => BLOCK,
            _ => STRIP,
        };
        let fresh = || State {
            grouper: grouping.grouper(),
            accumulators: aggregations.iter().map(|a| a.accumulator(fixed)).collect(),
            ids: Vec::new(),
            held: control.no_charge(),
            unlooked: 0,
        };
        let pass = Pass {
            rows: composer.rows(),
            selector: &selector,
            control,
            most_threads: most_threads(&aggregations, fixed, composer.rows()),
            enough: &enough,
            rows_at_once: at_once,
        };
        let (states, scanned) = pass.run(fresh, |state, strip| {
            state.add(strip, most_groups)?;
            // Which combinations there are is known once all that can be have been seen, mostly after few rows.
            if aggregations.is_empty() && state.has_found(most_found, strip.count()) {
                enough.store(true, Ordering::Relaxed);
            }
            Ok(())
        })?;
        let mut states = states.into_iter();
        let mut state = states.next().unwrap_or_else(fresh);
        for other in states {
            state.merge(other, control)?;
        }
        let State {
            grouper,
            accumulators,
            held: _held,
            ..
        } = state;
        control.check()?;
        let groups = grouper.occupied();
        if groups.len() > most_groups {
            return Err(ScanError::TooManyGroups { limit: most_groups });
        }
        // The answer stands beside the states that it is taken from.
        let answer = groups.len() * (scan.keys.len() * 4 + scan.aggregates.len() * 9 + 4);
        let _answer = control.charge(answer)?;
        let rows = grouper.rows(&groups);
        let finished = |a: Accumulator<'_, '_>| {
            control.check()?;
            Ok(a.finish(&groups, &rows))
        };
        let aggregates: Result<_, ScanError> = accumulators.into_iter().map(finished).collect();
        Ok(Groups {
            len: groups.len(),
            keys: grouper.key_codes(&groups),
            aggregates: aggregates?,
            rows_scanned: scanned,
            rows_passed: rows.iter().sum(),
        })
    }

    /// The rows that pass visibility and filters, ascending. Keys and aggregates of the scan are not looked at.
    pub fn scan_rows(&self, scan: &Scan, control: &Control) -> Result<Vec<u32>, ScanError> {
        let reading = Reading::of(self);
        let mut composer = Composer::new(&reading, scan.table)?;
        let selector = selector(&mut composer, &scan.visibility, &scan.masks, &scan.filters)?;
        let pass = Pass {
            rows: composer.rows(),
            selector: &selector,
            control,
            most_threads: usize::MAX,
            enough: &AtomicBool::new(false),
            rows_at_once: STRIP,
        };
        let (mut states, _) = pass.run(Vec::new, |found: &mut Vec<u32>, strip| {
            strip.each_row(|_, row| found.push(row));
            Ok(())
        })?;
        if let [only] = &mut *states {
            return Ok(std::mem::take(only));
        }
        let mut rows = states.concat();
        // Blocks come to each thread in order, so that these are a few ascending sequences.
        rows.sort();
        Ok(rows)
    }

    /// The rows of a table that a visibility admits. The blank row is not among them.
    pub fn visible_rows(
        &self,
        table: TableId,
        visibility: &Visibility,
        control: &Control,
    ) -> Result<RowBlocks, ScanError> {
        let reading = Reading::of(self);
        let mut composer = Composer::new(&reading, table)?;
        let selector = selector(&mut composer, visibility, &[], &[])?;
        let pass = Pass {
            rows: composer.rows(),
            selector: &selector,
            control,
            most_threads: usize::MAX,
            enough: &AtomicBool::new(false),
            rows_at_once: STRIP,
        };
        // Blocks come to each thread in order, and each to one of them.
        let (states, _) = pass.run(Builder::default, |rows, strip| {
            if strip.picks.is_none() {
                rows.add(strip.start as u32, (strip.start + strip.len) as u32);
            } else {
                strip.each_row(|_, row| rows.add(row, row + 1));
            }
            Ok(())
        })?;
        Ok(RowBlocks::joined(states.into_iter().map(Builder::finish)))
    }

    /// The type of an expression over rows of a table. None: it is not a number, or names what is not there.
    ///
    /// A fixed decimal that is multiplied by a number, or divided by one, stays fixed and is rounded to four places, half away from
    /// zero; two of them make a decimal number, and so does every other quotient. A fixed decimal divided by zero is
    /// `ScanError::Overflow`, because it has no infinity.
    pub fn expression_type(&self, table: TableId, expression: &Expression) -> Option<DataType> {
        expression::data_type(self, table, expression)
    }
}

/// From here on the composer's paths are masked.
fn selector<'a>(
    composer: &mut Composer<'a>,
    visibility: &Visibility,
    masks: &[PlacedSet],
    filters: &[Filter],
) -> Result<Selector<'a>, ScanError> {
    let mut requirements = Requirements::default();
    requirements.add_visibility(composer, visibility)?;
    // Only now: whether a row is visible is a matter of the rows that there are, not of those that are shown.
    composer.mask(masks)?;
    for filter in filters {
        requirements.add_filter(composer, filter)?;
    }
    Selector::new(composer, requirements)
}

/// The answer that consists of the codes of one key.
fn listed(codes: Vec<u32>, limit: usize) -> Result<Groups, ScanError> {
    if codes.len() > limit {
        return Err(ScanError::TooManyGroups { limit });
    }
    Ok(Groups {
        len: codes.len(),
        keys: vec![codes],
        aggregates: Vec::new(),
        rows_scanned: 0,
        rows_passed: 0,
    })
}

/// What one thread has found.
struct State<'g, 'a> {
    grouper: Grouper<'g, 'a>,
    accumulators: Vec<Accumulator<'g, 'a>>,
    /// The groups of the rows of a strip, kept for its buffer.
    ids: Vec<u32>,
    /// The memory of the states.
    held: Charge,
    /// Rows since it was last counted how many groups there are.
    unlooked: usize,
}

impl State<'_, '_> {
    fn add(&mut self, strip: &Strip<'_>, max_groups: usize) -> Result<(), ScanError> {
        self.grouper.assign(strip, &mut self.ids);
        if self.grouper.found() > max_groups {
            return Err(ScanError::TooManyGroups { limit: max_groups });
        }
        let groups = self.grouper.groups();
        self.accumulators
            .iter_mut()
            .try_for_each(|a| a.add(strip, groups, &self.ids))?;
        self.count_memory()
    }

    /// Whether it has so many groups, after so many more rows. Counting takes less time than the rows did.
    fn has_found(&mut self, groups: usize, rows: usize) -> bool {
        self.unlooked += rows;
        if self.unlooked < self.grouper.groups() {
            return false;
        }
        self.unlooked = 0;
        self.grouper.filled() >= groups
    }

    fn count_memory(&mut self) -> Result<(), ScanError> {
        let states: usize = self.accumulators.iter().map(Accumulator::bytes).sum();
        Ok(self.held.grow_to(states + self.grouper.bytes())?)
    }

    fn merge(&mut self, other: Self, control: &Control) -> Result<(), ScanError> {
        control.check()?;
        let here = self.grouper.merge(&other.grouper);
        let groups = self.grouper.groups();
        for (mine, theirs) in self.accumulators.iter_mut().zip(other.accumulators) {
            control.check()?;
            mine.merge(theirs, groups, here.as_deref());
        }
        self.count_memory()
    }
}

/// Each thread has states of its own. Where these are many for the rows there are, merging them would take longer than the
/// threads save, and all threads together keep to a bound.
fn most_threads(aggregations: &[Aggregation<'_>], groups: Option<usize>, rows: usize) -> usize {
    let Some(groups) = groups else {
        return usize::MAX;
    };
    let bytes: usize = aggregations.iter().map(|a| a.bytes(groups)).sum::<usize>() + 4 * groups;
    if groups > rows / ROWS_PER_GROUP + GROUPS_AT_LEAST {
        return 1;
    }
    (STATE_BYTES / bytes.max(1)).max(1)
}

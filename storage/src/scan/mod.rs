//! The scan: one pass over one table. Everything that lies beyond a relationship is first composed into small arrays
//! indexed by the code of a column of the scanned table (a *lane*); the pass itself then only looks up and adds.

mod aggregate;
mod compose;
mod expression;
mod group;
mod requirements;
mod select;
mod strip;
#[cfg(test)]
mod tests;
mod tuples;

use roaring::RoaringBitmap;

use crate::column::BLOCK;
use crate::{
    Control, DataType, Dataset, Expression, Filter, Groups, PlacedSet, Scan, ScanError, TableId,
    Visibility,
};
use aggregate::Accumulator;
use compose::Composer;
use group::Grouper;
use requirements::Requirements;
use select::Selector;
use strip::Strip;

impl Dataset {
    /// Groups the rows that pass visibility and filters, and aggregates each group.
    pub fn scan(&self, scan: &Scan, control: &Control) -> Result<Groups, ScanError> {
        let mut composer = Composer::new(self, scan.table)?;
        let selector = selector(&mut composer, &scan.visibility, &scan.masks, &scan.filters)?;
        let mut grouper = Grouper::new(&mut composer, &scan.keys, &selector)?;
        let mut accumulators = Vec::with_capacity(scan.aggregates.len());
        for aggregate in &scan.aggregates {
            accumulators.push(Accumulator::new(
                &mut composer,
                aggregate,
                grouper.fixed_groups(),
            )?);
        }
        let mut ids = Vec::new();
        let most_groups = scan.max_groups.min(control.most_groups());
        let mut held = control.charge(0)?;
        let scanned = each_strip(&composer, &selector, control, |strip| {
            grouper.assign(strip, &mut ids);
            if grouper.found() > most_groups {
                return Err(ScanError::TooManyGroups { limit: most_groups });
            }
            accumulators
                .iter_mut()
                .try_for_each(|a| a.add(strip, grouper.groups(), &ids))?;
            let states: usize = accumulators.iter().map(Accumulator::bytes).sum();
            Ok(held.grow_to(states + grouper.bytes())?)
        })?;
        let groups = grouper.occupied();
        if groups.len() > most_groups {
            return Err(ScanError::TooManyGroups { limit: most_groups });
        }
        // The answer stands beside the states that it is taken from.
        let answer = groups.len() * (scan.keys.len() * 4 + scan.aggregates.len() * 9 + 4);
        let _answer = control.charge(answer)?;
        let rows = grouper.rows(&groups);
        Ok(Groups {
            len: groups.len(),
            keys: grouper.key_codes(&groups),
            aggregates: accumulators
                .into_iter()
                .map(|a| a.finish(&groups, &rows))
                .collect(),
            rows_scanned: scanned,
        })
    }

    /// The rows that pass visibility and filters, ascending. Keys and aggregates of the scan are not looked at.
    pub fn scan_rows(&self, scan: &Scan, control: &Control) -> Result<Vec<u32>, ScanError> {
        let mut composer = Composer::new(self, scan.table)?;
        let selector = selector(&mut composer, &scan.visibility, &scan.masks, &scan.filters)?;
        let mut rows = Vec::new();
        each_strip(&composer, &selector, control, |strip| {
            rows.extend(strip.rows());
            Ok(())
        })?;
        Ok(rows)
    }

    /// The rows of a table that a visibility admits. The blank row is not among them.
    pub fn visible_rows(
        &self,
        table: TableId,
        visibility: &Visibility,
        control: &Control,
    ) -> Result<RoaringBitmap, ScanError> {
        let mut composer = Composer::new(self, table)?;
        let selector = selector(&mut composer, visibility, &[], &[])?;
        let mut rows = RoaringBitmap::new();
        each_strip(&composer, &selector, control, |strip| {
            if strip.picks.is_none() {
                rows.insert_range(strip.start as u32..(strip.start + strip.len) as u32);
            } else {
                // Strips come in row order, so appending never finds a row out of place.
                rows.append(strip.rows())
                    .map_err(|e| ScanError::Internal(e.to_string()))?;
            }
            Ok(())
        })?;
        rows.optimize();
        Ok(rows)
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

/// Calls `work` on the rows that pass, strip by strip in load order. Gives the number of rows looked at.
fn each_strip(
    composer: &Composer<'_>,
    selector: &Selector<'_>,
    control: &Control,
    mut work: impl FnMut(&Strip<'_>) -> Result<(), ScanError>,
) -> Result<u64, ScanError> {
    control.check()?;
    control.count_scan();
    let rows = composer.rows();
    let mut scratch = select::Scratch::default();
    let mut scanned = 0;
    for start in (0..rows).step_by(BLOCK) {
        control.check()?;
        let len = BLOCK.min(rows - start);
        let picked = selector.select(start, len, &mut scratch);
        if picked != select::Picked::Skipped {
            scanned += len as u64;
        }
        match picked {
            select::Picked::Skipped | select::Picked::Nothing => {}
            select::Picked::All => Strip::split(start, len, None, &mut work)?,
            select::Picked::Some => Strip::split(start, len, Some(&scratch.picks), &mut work)?,
        }
    }
    control.count_rows(scanned);
    Ok(scanned)
}

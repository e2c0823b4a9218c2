//! Distinct counts in windows that begin at one value and end at later and later ones, as those of running totals do: a value that is
//! in one window is in all that end later, so where each value is first seen says all, and the values need not be listed by window.

use std::rc::Rc;
use std::sync::Arc;

use roaring::RoaringBitmap;
use security::{
    Aggregate, AggregateOp, Aggregated, Expression, Filter, PathColumn, Scan, Table, Target,
};

use super::combine::counted;
use super::group::Question;
use super::known::Known;
use super::lists::intervals_of;
use super::{Evaluator, Outcome};
use crate::bound::path_here;
use crate::context::{ABSENT, Kind, Set};
use crate::vector::Vector;

/// Windows over more places than this are counted otherwise.
const MOST_PLACES: u32 = 1 << 24;

/// The column whose least code says where a value is first seen.
struct Order {
    column: PathColumn,
    /// By code the place in the windows; None: the code itself.
    places: Option<Vec<u32>>,
}

impl<'a> Evaluator<'a> {
    /// The number of values of `of` in each context. None: the contexts do not differ in such windows alone.
    pub(super) fn distinct_by_first(
        &self,
        question: &Question,
        table: Table,
        of: &PathColumn,
        skip_blank: bool,
    ) -> Outcome<Option<Vector>> {
        let ([], [(columns, item)], None) = (
            question.keys.as_slice(),
            question.varying.as_slice(),
            &question.dead,
        ) else {
            return Ok(None);
        };
        let ([place], Kind::Varying { sets, index }) = (columns.as_slice(), &item.kind) else {
            return Ok(None);
        };
        let blank = match (place.target, sets.first()) {
            (Target::Row(of), Some(first)) => {
                let blank = self.blank_code(of)?;
                blank.filter(|code| first.contains(&[*code]))
            }
            _ => None,
        };
        if let Some(code) = blank
            && self.leads_to(question, table, place, code)?
        {
            return Ok(None);
        }
        let Some((start, ends)) = windows(sets, blank) else {
            return Ok(None);
        };
        let most = ends.iter().copied().max().unwrap_or(start);
        if most - start > MOST_PLACES {
            return Ok(None);
        }
        let Some(order) = self.order_of(place)? else {
            return Ok(None);
        };
        let mut within = RoaringBitmap::new();
        within.insert_range(start..most);
        let mut filters = question.filters.clone();
        filters.push(Filter::In {
            column: place.clone(),
            set: Arc::new(within),
        });
        let least = |op| Aggregate {
            op,
            argument: Some(Expression::Column(order.column.clone())),
        };
        let known = self.scan_for(&Scan {
            table,
            filters,
            keys: vec![of.clone()],
            aggregates: vec![
                least(AggregateOp::Min),
                least(AggregateOp::Count),
                Aggregate {
                    op: AggregateOp::Rows,
                    argument: None,
                },
            ],
        })?;
        let Some(firsts) = firsts(&known, &order, skip_blank) else {
            return Ok(None);
        };
        // So many values are first seen below each place.
        let mut seen = vec![0u64; (most - start) as usize + 1];
        for first in firsts {
            match seen.get_mut((first.wrapping_sub(start) as usize).wrapping_add(1)) {
                Some(count) => *count += 1,
                None => return Ok(None),
            }
        }
        let mut before = 0;
        for count in &mut seen {
            before += *count;
            *count = before;
        }
        let counts: Vec<u64> = index
            .iter()
            .map(|&set| seen[(ends[set as usize] - start) as usize])
            .collect();
        Ok(Some(counted(&counts)))
    }

    /// Whether some row of the table, of those that the question is about, leads to this code.
    fn leads_to(
        &self,
        question: &Question,
        table: Table,
        place: &PathColumn,
        code: u32,
    ) -> Outcome<bool> {
        let mut filters = question.filters.clone();
        filters.push(Filter::In {
            column: place.clone(),
            set: Arc::new(RoaringBitmap::from_iter([code])),
        });
        let found = self.scan_for(&Scan {
            table,
            filters,
            keys: Vec::new(),
            aggregates: vec![Aggregate {
                op: AggregateOp::Rows,
                argument: None,
            }],
        })?;
        let rows = found.picks.first();
        let rows = rows.and_then(|pick| found.groups.aggregates.get(*pick));
        Ok(match rows {
            Some(Aggregated::Count(rows)) => rows.iter().any(|rows| *rows > 0),
            _ => true,
        })
    }

    /// The codes of a column are in order. Rows are, where a column that no two of them share ascends with them.
    fn order_of(&self, place: &PathColumn) -> Outcome<Option<Order>> {
        let Target::Row(table) = place.target else {
            let column = place.clone();
            return Ok(Some(Order {
                column,
                places: None,
            }));
        };
        let one_sides = self.scope.relationships().iter();
        let key = one_sides
            .filter(|r| r.to == table && !r.to_many && !r.in_error)
            .find_map(|r| r.to_column);
        let Some(key) = key else {
            return Ok(None);
        };
        let here = |target| PathColumn {
            path: path_here(),
            target,
        };
        let rows = self.scan_for(&Scan {
            table,
            filters: Vec::new(),
            keys: vec![here(Target::Row(table)), here(Target::Column(key))],
            aggregates: Vec::new(),
        })?;
        let [rows, codes] = rows.groups.keys.as_slice() else {
            return Ok(None);
        };
        let (rows, codes) = (rows.as_slice(), codes.as_slice());
        let ascends = codes.windows(2).all(|pair| pair[0] < pair[1]);
        // BLANK is no least code.
        if !ascends || codes.first() == Some(&0) {
            return Ok(None);
        }
        let mut places = vec![ABSENT; codes.last().map_or(0, |last| *last as usize + 1)];
        for (row, code) in rows.iter().zip(codes) {
            places[*code as usize] = *row;
        }
        Ok(Some(Order {
            column: PathColumn {
                path: Arc::clone(&place.path),
                target: Target::Column(key),
            },
            places: Some(places),
        }))
    }
}

/// Where windows begin, and where each ends; None: they are not windows, or begin at different places. Of a blank row, which is the last
/// of all and in the windows of running totals because BLANK comes before every value, nothing is told: it must be in all of them.
fn windows(sets: &[Rc<Set>], blank: Option<u32>) -> Option<(u32, Vec<u32>)> {
    let mut start = None;
    let mut ends = Vec::with_capacity(sets.len());
    for set in sets {
        let mut intervals = intervals_of(set);
        if let Some(blank) = blank {
            let (low, high) = intervals.pop()?;
            if high != blank.saturating_add(1) {
                return None;
            }
            intervals.extend((low < blank).then_some((low, blank)));
        }
        ends.push(match intervals.as_slice() {
            [] => None,
            [(low, high)] if *start.get_or_insert(*low) == *low => Some(*high),
            _ => return None,
        });
    }
    let start = start?;
    let ends = ends.into_iter().map(|end| end.unwrap_or(start)).collect();
    Some((start, ends))
}

/// The place where each value is first seen. None: of some value that is not known.
fn firsts(known: &Known, order: &Order, skip_blank: bool) -> Option<Vec<u32>> {
    let [least, held, rows] = known.picks.as_slice() else {
        return None;
    };
    let (Aggregated::Codes(least), Aggregated::Count(held), Aggregated::Count(rows)) = (
        known.groups.aggregates.get(*least)?,
        known.groups.aggregates.get(*held)?,
        known.groups.aggregates.get(*rows)?,
    ) else {
        return None;
    };
    let values = known.groups.keys.first()?.as_slice().iter();
    let groups = values.zip(least.as_slice()).zip(held.iter().zip(rows));
    groups
        .filter(|((value, _), _)| !(skip_blank && **value == 0))
        .map(|((_, least), (held, rows))| {
            // Of a column BLANK is the first place of all; a row has a place by its key alone.
            match &order.places {
                None => Some(if held < rows { 0 } else { *least }),
                Some(_) if held < rows => None,
                Some(places) => places.get(*least as usize).copied(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_at_one_place() {
        let range = |low, high, blank| Rc::new(Set::Range { low, high, blank });
        let check = |sets: &[Rc<Set>], expected: Option<(u32, Vec<u32>)>| {
            assert_eq!(windows(sets, None), expected, "{sets:?}");
        };
        check(
            &[range(1, 4, false), range(1, 9, false)],
            Some((1, vec![4, 9])),
        );
        check(
            &[range(1, 4, true), range(5, 5, false), range(1, 2, true)],
            Some((0, vec![4, 0, 2])),
        );
        check(
            &[Rc::new(Set::of_codes([3, 4])), range(3, 6, false)],
            Some((3, vec![5, 6])),
        );
        check(&[range(1, 4, false), range(2, 9, false)], None);
        check(&[range(1, 4, false), range(1, 9, true)], None);
        check(&[Rc::new(Set::of_codes([1, 3]))], None);
        check(&[range(1, 1, false)], None);
        let with = |codes: &[u32]| Rc::new(Set::of_codes(codes.iter().copied()));
        let check = |sets: &[Rc<Set>], expected: Option<(u32, Vec<u32>)>| {
            assert_eq!(windows(sets, Some(9)), expected, "{sets:?}");
        };
        check(
            &[with(&[0, 1, 9]), with(&[9]), with(&[0, 9])],
            Some((0, vec![2, 0, 1])),
        );
        check(&[with(&[7, 8, 9]), with(&[7, 9])], Some((7, vec![9, 8])));
        check(&[with(&[0, 1, 9]), with(&[0])], None);
        check(&[with(&[0, 2, 9])], None);
    }
}

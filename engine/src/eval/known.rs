//! The scans of one query. Measures, and the parts of a measure, that are evaluated in one filter context ask for their aggregates
//! together, and what one scan found is not scanned for again.

use std::cell::RefCell;
use std::rc::Rc;

use dax::BinaryOp;
use security::{Aggregate, Filter, Groups, Scan, Table};

use super::{Evaluator, Outcome};
use crate::batch::Batch;
use crate::bound::{Scalar, ScalarKind, TableKind, Variable, VariableBody};
use crate::context::Relations;

/// Answers of so many cells together are kept while a query runs.
const MOST_CELLS: usize = 1 << 22;
/// Expressions of more parts than this are not looked through for aggregates.
const MOST_PARTS: usize = 1000;
/// More aggregates than this are not asked of one scan for the sake of others.
const MOST_WISHES: usize = 32;

/// The groups of a scan, and where the aggregates asked for stand among its own.
pub struct Known {
    pub groups: Rc<Groups>,
    pub picks: Vec<usize>,
}

/// Scans and their answers, the oldest first.
#[derive(Default)]
pub struct KnownScans {
    list: RefCell<Vec<(Scan, Rc<Groups>)>>,
}

/// Aggregates that will be asked for in a filter context.
#[derive(Debug, Default)]
pub struct Wishes {
    list: Vec<(Table, Aggregate)>,
}

impl Wishes {
    /// What is wished of a table and not among `asked`.
    pub fn besides<'w>(
        &'w self,
        table: Table,
        asked: &'w [Aggregate],
    ) -> impl Iterator<Item = &'w Aggregate> + 'w {
        self.list
            .iter()
            .filter(move |(of, aggregate)| *of == table && !asked.contains(aggregate))
            .map(|(_, aggregate)| aggregate)
    }
}

impl<'a> Evaluator<'a> {
    /// The answer of a scan that was run before: the same rows and keys, and at least these aggregates.
    pub fn known(&self, scan: &Scan) -> Option<Known> {
        let list = self.known_scans.list.borrow();
        list.iter().find_map(|(known, groups)| {
            let picks = picks(known, scan)?;
            Some(Known {
                groups: Rc::clone(groups),
                picks,
            })
        })
    }

    /// Runs a scan whose answer is not known, and keeps the answer if it is not too large.
    pub fn scan_for(&self, scan: &Scan) -> Outcome<Known> {
        if let Some(known) = self.known(scan) {
            return Ok(known);
        }
        let groups = Rc::new(self.scan(scan)?);
        let mut list = self.known_scans.list.borrow_mut();
        list.push((scan.clone(), Rc::clone(&groups)));
        let mut held: usize = list.iter().map(|(_, groups)| cells(groups)).sum();
        while held > MOST_CELLS && !list.is_empty() {
            held -= cells(&list.remove(0).1);
        }
        Ok(Known {
            groups,
            picks: (0..scan.aggregates.len()).collect(),
        })
    }

    /// The batch, with the aggregates known that these expressions will ask for in its filter context.
    pub fn wishing<'e>(
        &self,
        batch: &Rc<Batch>,
        exprs: impl Iterator<Item = &'e Scalar>,
    ) -> Rc<Batch> {
        if batch.wishes.is_some() {
            return Rc::clone(batch);
        }
        let mut look = Look {
            wishes: Wishes::default(),
            parts: 0,
            measures: self.measures_are_plain(batch),
            relations: Rc::clone(&batch.filters.relations),
        };
        for expr in exprs {
            self.wish(expr, &mut Vec::new(), &mut look);
        }
        match look.wishes.list.len() {
            0 | 1 => Rc::clone(batch),
            _ => batch.with_wishes(Rc::new(look.wishes)),
        }
    }

    /// Whether no calculation item applies to a measure in these contexts.
    pub(super) fn measures_are_plain(&self, batch: &Batch) -> bool {
        self.groups.iter().all(|group| {
            let filtered = || {
                let mut targets = batch.filters.items.iter().flat_map(|item| &item.targets);
                targets.any(|target| self.table_of(*target) == group.table)
            };
            batch.filters.applied.contains(&group.table)
                || (group.none_selected.is_none() && !filtered())
        })
    }

    /// Adds what an expression surely asks of scans in the filter context that it stands in.
    fn wish<'e>(&self, expr: &'e Scalar, variables: &mut Vec<&'e Variable>, look: &mut Look) {
        use ScalarKind as K;
        look.parts += 1;
        if look.parts > MOST_PARTS || look.wishes.list.len() >= MOST_WISHES {
            return;
        }
        match &expr.kind {
            K::Reduce {
                op,
                table,
                frame,
                body,
            } => {
                if let TableKind::Base {
                    table,
                    blank_row: false,
                } = &table.kind
                    && let Some(aggregates) =
                        self.scan_aggregates(*op, *table, *frame, body.as_deref(), &look.relations)
                {
                    for aggregate in aggregates {
                        let wish = (*table, aggregate);
                        if !look.wishes.list.contains(&wish) {
                            look.wishes.list.push(wish);
                        }
                    }
                }
            }
            K::Measure { body, .. } if look.measures => self.wish(body, &mut Vec::new(), look),
            // Only the left side is sure to be evaluated.
            K::Binary {
                op: BinaryOp::And | BinaryOp::Or,
                left,
                ..
            } => self.wish(left, variables, look),
            K::Binary { left, right, .. } => {
                self.wish(left, variables, look);
                self.wish(right, variables, look);
            }
            K::Negate(one) | K::Not(one) | K::IsError(one) | K::IfError { value: one, .. } => {
                self.wish(one, variables, look)
            }
            K::If { condition, .. } => self.wish(condition, variables, look),
            K::Switch { subject, .. } => self.wish(subject, variables, look),
            K::Call { arguments, .. } => {
                for argument in arguments {
                    self.wish(argument, variables, look);
                }
            }
            K::Coalesce(parts) => {
                if let Some(first) = parts.first() {
                    self.wish(first, variables, look);
                }
            }
            K::Let {
                variables: list,
                body,
            } => {
                variables.extend(list.iter());
                self.wish(body, variables, look);
            }
            K::Variable(id) => {
                if let Some(found) = variables.iter().find(|v| v.id == *id)
                    && let VariableBody::Scalar(body) = &found.body
                {
                    self.wish(body, variables, look);
                }
            }
            _ => {}
        }
    }
}

struct Look {
    wishes: Wishes,
    parts: usize,
    measures: bool,
    relations: Rc<Relations>,
}

fn cells(groups: &Groups) -> usize {
    // An exact sum takes as much as four codes.
    groups.len * (groups.keys.len() + 4 * groups.aggregates.len())
}

/// Where the aggregates of `scan` stand among those of a scan of the same rows by the same keys.
fn picks(known: &Scan, scan: &Scan) -> Option<Vec<usize>> {
    let same = known.table == scan.table
        && known.keys == scan.keys
        && known.filters.len() == scan.filters.len()
        && known
            .filters
            .iter()
            .zip(&scan.filters)
            .all(|(a, b)| is_same_filter(a, b));
    if !same {
        return None;
    }
    scan.aggregates
        .iter()
        .map(|wanted| known.aggregates.iter().position(|found| found == wanted))
        .collect()
}

fn is_same_filter(a: &Filter, b: &Filter) -> bool {
    match (a, b) {
        (Filter::In { column, set }, Filter::In { column: c, set: s }) => column == c && set == s,
        (
            Filter::Tuples { columns, codes },
            Filter::Tuples {
                columns: c,
                codes: s,
            },
        ) => columns == c && codes == s,
        _ => false,
    }
}

//! Evaluation: a bound expression over a batch gives a vector, a bound table gives rows in segments.
//!
//! Errors of two kinds: a [`Failure`] belongs to one context and travels in the vector; an [`Error`] ends the query.

mod aggregate;
mod calculate;
mod classes;
mod coalesce;
mod combine;
mod dates;
mod filter;
mod first_seen;
mod group;
mod information;
mod iterate;
mod known;
mod listed;
mod lists;
mod measure;
mod moments;
mod operators;
mod order;
mod rank;
mod reach;
mod regression;
mod rows;
mod rowsets;
mod samples;
mod scalar;
mod scanned;
mod search;
mod selected;
mod sets;
mod shape;
mod shared;
mod statistics;
mod steady;
mod summarize;
mod table_text;
mod tables;
mod tests_of_filters;
#[cfg(test)]
mod tests_of_stopping;
mod texts;
mod watch;
mod window;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use security::{Charge, Control, Groups, Scan, Scope, Table};

use crate::answer::Limits;
use crate::context::Relations;
use crate::error::{Error, ErrorKind};
use crate::functions::Environment;

pub use information::{column_statistics_schema, information_schema};
pub use known::Wishes;
pub use measure::{CalculationGroup, CalculationItem};
pub use operators::arithmetic_type;
pub use regression::regression_columns;
pub use rows::current_group;
pub use rowsets::{
    Audience, is_beyond_what_is_kept, rowset_audience, rowset_schema, tells_of_queries,
};
pub use sets::{KeyValue, key_of};
pub use steady::Steady;

/// Levels of expressions that the stack of a compute thread (64 MiB) holds, in a build without optimization too.
const MAX_LEVELS: usize = 2_000;

/// The result of a step of evaluation. Errors of single contexts are inside the vectors.
pub type Outcome<T> = Result<T, Error>;

pub struct Evaluator<'a> {
    pub scope: &'a Scope,
    pub control: &'a Control,
    pub limits: &'a Limits,
    pub environment: Environment,
    pub edges: RefCell<HashMap<Relations, Rc<reach::Edges>>>,
    pub scans: Cell<u64>,
    known_scans: known::KnownScans,
    pub one_by_one: Cell<u64>,
    depth: Cell<usize>,
    levels: Cell<usize>,
    text_bytes: Cell<usize>,
    /// Bytes of the tables and vectors that stand at this moment, and what the query's meter knows of them.
    held: Cell<usize>,
    charge: RefCell<Charge>,
    /// What the answer holds, to the end of the query.
    answered: RefCell<Vec<Charge>>,
    /// The model's calculation groups, highest precedence first.
    groups: Vec<CalculationGroup>,
    /// The tables of calculation groups that nothing in the query filters, and whose items are not bound.
    out_of_reach: Vec<Table>,
    /// The scans as they are asked, for `explain`.
    pub trace: Option<RefCell<Vec<String>>>,
}

impl<'a> Evaluator<'a> {
    pub fn new(
        scope: &'a Scope,
        control: &'a Control,
        limits: &'a Limits,
        environment: Environment,
    ) -> Self {
        Evaluator {
            scope,
            control,
            limits,
            environment: environment.under(control.clone()),
            edges: RefCell::default(),
            scans: Cell::new(0),
            known_scans: known::KnownScans::default(),
            one_by_one: Cell::new(0),
            depth: Cell::new(0),
            levels: Cell::new(0),
            text_bytes: Cell::new(0),
            held: Cell::new(0),
            charge: RefCell::new(control.no_charge()),
            answered: RefCell::default(),
            groups: Vec::new(),
            out_of_reach: Vec::new(),
            trace: None,
        }
    }

    pub fn apply_groups(&mut self, groups: crate::bind::Groups) {
        self.groups = groups.bound;
        self.out_of_reach = groups.out_of_reach;
    }

    /// Every scan goes through here.
    pub fn scan(&self, scan: &Scan) -> Outcome<Groups> {
        self.scans.set(self.scans.get() + 1);
        if let Some(trace) = &self.trace {
            trace
                .borrow_mut()
                .push(crate::explain::dump_scan(self.scope, scan));
        }
        Ok(self.scope.scan(scan, self.control)?)
    }

    /// One level deeper into an expression, through measures too: the stack holds so many.
    fn descend(&self) -> Outcome<Nested<'_>> {
        let level = self.levels.get() + 1;
        if level > MAX_LEVELS {
            let message =
                format!("expressions nest more than {MAX_LEVELS} levels deep, measures included");
            return Err(Error::nowhere(ErrorKind::Limit, message));
        }
        self.levels.set(level);
        Ok(Nested {
            depth: &self.levels,
        })
    }

    /// Counts bytes of the answer as held until the query is over.
    pub fn charge_answer(&self, bytes: usize) -> Outcome<()> {
        let charge = self.control.charge(bytes)?;
        self.answered.borrow_mut().push(charge);
        // Of what was held on the way to it nothing stays.
        self.keep_only(0, 0)
    }

    /// An error when the query has to stop. Asked once more at the end, so that no answer comes of work that was cut short.
    pub fn still_wanted(&self) -> Outcome<()> {
        Ok(self.control.check()?)
    }

    /// Looks at cancellation and at the depth of nesting.
    fn enter(&self) -> Outcome<Nested<'_>> {
        self.control.check()?;
        let depth = self.depth.get() + 1;
        if depth > self.limits.nesting {
            let message = format!(
                "the query nests measures, iterators and filters more than {} levels deep",
                self.limits.nesting
            );
            return Err(Error::nowhere(ErrorKind::Limit, message));
        }
        self.depth.set(depth);
        Ok(Nested { depth: &self.depth })
    }

    /// Refuses a table that would outgrow the query's limit.
    pub fn admit_rows(&self, rows: usize) -> Outcome<()> {
        if rows > self.limits.table_rows {
            let message = format!(
                "an intermediate table would hold more than {} rows",
                self.limits.table_rows
            );
            return Err(Error::nowhere(ErrorKind::Limit, message));
        }
        Ok(())
    }
}

struct Nested<'e> {
    depth: &'e Cell<usize>,
}

impl Drop for Nested<'_> {
    fn drop(&mut self) {
        self.depth.set(self.depth.get().saturating_sub(1));
    }
}

pub(crate) fn internal(message: &str) -> Error {
    Error::nowhere(ErrorKind::Internal, format!("internal error: {message}"))
}

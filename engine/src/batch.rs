//! A batch: evaluation contexts that are evaluated together. Batches form a chain: an iterator, a CALCULATE, a
//! branch of IF or a VAR makes a batch whose contexts come from contexts of the batch before.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use security::Charge;

use crate::bound::{FrameId, MeasureRef, Schema, VarId, Variable};
use crate::context::FilterContext;
use crate::eval::Wishes;
use crate::table::TableRows;
use crate::vector::Vector;

/// From contexts of one batch to contexts of another. None: the same contexts, one for one.
pub type ContextMap = Option<Rc<[u32]>>;

/// A batch found along the chain, the way to it, and what was looked for.
pub type Found<T> = (Rc<Batch>, ContextMap, T);

pub struct Batch {
    pub len: usize,
    pub filters: Rc<FilterContext>,
    pub parent: Option<Parent>,
    pub frame: Option<Frame>,
    pub variables: Option<Variables>,
    /// Row contexts beyond this batch have become filters, and are not seen from here on.
    pub boundary: bool,
    /// Results of measures in these contexts: a measure is evaluated once for a batch.
    pub measures: RefCell<HashMap<MeasureRef, Vector>>,
    /// What will be asked of scans in this filter context.
    pub wishes: Option<Rc<Wishes>>,
}

pub struct Parent {
    pub batch: Rc<Batch>,
    /// The parent's context that each context came from; None: the same, one for one.
    pub map: ContextMap,
}

/// The current rows of an iterator.
pub struct Frame {
    pub id: FrameId,
    pub schema: Rc<Schema>,
    pub rows: Rc<TableRows>,
    /// The row of each context.
    pub positions: Rc<[u32]>,
    /// As filters, the rows stand beside the filters that are there, and not in their place.
    pub keeps: bool,
    /// Columns already read, by index.
    pub read: RefCell<HashMap<usize, Vector>>,
}

pub struct Variables {
    pub list: Rc<Vec<Variable>>,
    pub values: Vec<OnceCell<Slot>>,
    /// What the values hold.
    pub charges: RefCell<Vec<Charge>>,
}

/// The value of a variable over the batch that defines it.
#[derive(Clone)]
pub enum Slot {
    Scalar(Vector),
    Table(Rc<TableRows>),
}

impl Batch {
    pub fn root(filters: FilterContext) -> Rc<Batch> {
        Rc::new(Batch {
            len: 1,
            filters: Rc::new(filters),
            parent: None,
            frame: None,
            variables: None,
            boundary: true,
            measures: RefCell::default(),
            wishes: None,
        })
    }

    fn child(self: &Rc<Batch>, map: ContextMap, filters: Rc<FilterContext>) -> Batch {
        let len = map.as_ref().map_or(self.len, |m| m.len());
        let same = map.is_none() && Rc::ptr_eq(&filters, &self.filters);
        let wishes = self.wishes.as_ref().filter(|_| same).cloned();
        Batch {
            len,
            filters,
            parent: Some(Parent {
                batch: Rc::clone(self),
                map,
            }),
            frame: None,
            variables: None,
            boundary: false,
            measures: RefCell::default(),
            wishes,
        }
    }

    /// Some of the contexts: those that take a branch.
    pub fn select(self: &Rc<Batch>, contexts: Rc<[u32]>) -> Rc<Batch> {
        let filters = Rc::new(self.filters.take(&contexts));
        Rc::new(self.child(Some(contexts), filters))
    }

    /// The contexts of an iterator's rows.
    pub fn iterate(
        self: &Rc<Batch>,
        contexts: Rc<[u32]>,
        filters: FilterContext,
        frame: Frame,
    ) -> Rc<Batch> {
        let mut batch = self.child(Some(contexts), Rc::new(filters));
        batch.frame = Some(frame);
        Rc::new(batch)
    }

    /// The same contexts under other filters, their row contexts used up.
    pub fn refiltered(self: &Rc<Batch>, filters: FilterContext) -> Rc<Batch> {
        let mut batch = self.child(None, Rc::new(filters));
        batch.boundary = true;
        Rc::new(batch)
    }

    /// The same contexts under the same filters, their row contexts used up.
    pub fn bounded(self: &Rc<Batch>) -> Rc<Batch> {
        let mut batch = self.child(None, Rc::clone(&self.filters));
        batch.boundary = true;
        Rc::new(batch)
    }

    pub fn with_wishes(self: &Rc<Batch>, wishes: Rc<Wishes>) -> Rc<Batch> {
        let mut batch = self.child(None, Rc::clone(&self.filters));
        batch.boundary = self.boundary;
        batch.wishes = Some(wishes);
        Rc::new(batch)
    }

    /// The same contexts with variables.
    pub fn with_variables(self: &Rc<Batch>, list: &Rc<Vec<Variable>>) -> Rc<Batch> {
        let mut batch = self.child(None, Rc::clone(&self.filters));
        let values = list.iter().map(|_| OnceCell::new()).collect();
        batch.variables = Some(Variables {
            list: Rc::clone(list),
            values,
            charges: RefCell::default(),
        });
        Rc::new(batch)
    }

    /// The nearest batch on the chain that answers `found`, and the map from contexts here to contexts there (None: the same).
    pub fn find<T>(self: &Rc<Batch>, found: impl Fn(&Batch) -> Option<T>) -> Option<Found<T>> {
        let mut batch = Rc::clone(self);
        let mut map: ContextMap = None;
        loop {
            if let Some(t) = found(&batch) {
                return Some((batch, map, t));
            }
            let parent = batch.parent.as_ref()?;
            map = match (&map, &parent.map) {
                (None, other) => other.clone(),
                (some, None) => some.clone(),
                (Some(here), Some(there)) => {
                    Some(here.iter().map(|&i| there[i as usize]).collect())
                }
            };
            let next = Rc::clone(&parent.batch);
            batch = next;
        }
    }

    pub fn find_frame(self: &Rc<Batch>, id: FrameId) -> Option<(Rc<Batch>, ContextMap)> {
        self.find(|batch| {
            batch
                .frame
                .as_ref()
                .filter(|frame| frame.id == id)
                .map(|_| ())
        })
        .map(|(batch, map, ())| (batch, map))
    }

    pub fn find_variable(self: &Rc<Batch>, id: VarId) -> Option<Found<usize>> {
        self.find(|batch| {
            batch
                .variables
                .as_ref()
                .and_then(|vars| vars.list.iter().position(|v| v.id == id))
        })
    }

    /// The batches that hold a row context not yet used up, outermost first, each with the map from contexts here.
    pub fn open_frames(self: &Rc<Batch>) -> Vec<(Rc<Batch>, ContextMap)> {
        let mut out = Vec::new();
        let mut batch = Rc::clone(self);
        let mut map: ContextMap = None;
        loop {
            if batch.frame.is_some() {
                out.push((Rc::clone(&batch), map.clone()));
            }
            if batch.boundary {
                break;
            }
            let Some(parent) = batch.parent.as_ref() else {
                break;
            };
            map = match (&map, &parent.map) {
                (None, other) => other.clone(),
                (some, None) => some.clone(),
                (Some(here), Some(there)) => {
                    Some(here.iter().map(|&i| there[i as usize]).collect())
                }
            };
            let next = Rc::clone(&parent.batch);
            batch = next;
        }
        out.reverse();
        out
    }
}

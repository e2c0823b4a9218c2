//! Iterators over rows that contexts share. What an expression gives for a row depends on the row and on what the expression can
//! see of the context outside; contexts that look the same to it are one class, and the rows are iterated once for each class.

use std::rc::Rc;

use super::classes::{Classes, FastMap};
use super::{Evaluator, Outcome};
use crate::batch::{Batch, Slot};
use crate::bound::{
    FilterArgument, FrameId, Removal, Scalar, ScalarKind, TableExpr, TableKind, VarId,
};
use crate::context::{Item, Kind};
use crate::functions::Body;
use crate::table::TableRows;
use crate::value::Value;
use crate::vector::{Data, Vector};

/// Fewer flattened rows are iterated as they are: looking for classes would take longer.
const ROWS_WORTH_A_LOOK: usize = 1024;
/// An expression of more parts than this is not looked through.
const MOST_PARTS: usize = 2000;

/// What expressions can see of the contexts outside their iterator.
#[derive(Default)]
struct Sight {
    /// The filter context as it is.
    filters: bool,
    /// The filter context after a context transition.
    transition: bool,
    frames: Vec<(FrameId, Option<usize>)>,
    variables: Vec<VarId>,
    /// Something whose sight is not known.
    unknown: bool,
    parts: usize,
    items_seen: bool,
    in_item: bool,
}

impl<'a> Evaluator<'a> {
    /// The classes of contexts for which `bodies` give the same for the same row. None: no two contexts are known to agree.
    pub fn condense(
        &self,
        rows: &TableRows,
        table: &TableExpr,
        frame: FrameId,
        bodies: &[&Scalar],
        batch: &Rc<Batch>,
    ) -> Outcome<Option<Classes>> {
        let Some(segments) = &rows.segments else {
            return Ok(None);
        };
        if batch.len < 2 || rows.errors.is_some() || rows.flat_rows() < ROWS_WORTH_A_LOOK {
            return Ok(None);
        }
        let mut sight = Sight::default();
        for body in bodies {
            self.look(body, batch, false, &mut sight);
        }
        if sight.unknown {
            return Ok(None);
        }
        let mut columns: Vec<Rc<[u32]>> = vec![Rc::clone(segments)];
        if sight.filters {
            columns.extend(batch.filters.items.iter().flat_map(|item| codes_of(item)));
        }
        if sight.transition {
            let mut context = self.transition(batch)?;
            for removal in self.own_removals(rows, table)? {
                self.remove(&mut context, &removal)?;
            }
            columns.extend(context.items.iter().flat_map(|item| codes_of(item)));
        }
        for (id, index) in sight.frames.iter().filter(|(id, _)| *id != frame) {
            columns.extend(self.frame_codes(batch, *id, *index)?);
        }
        for id in &sight.variables {
            match self.variable_numbers(batch, *id)? {
                Some(numbers) => columns.extend(numbers),
                None => return Ok(None),
            }
        }
        let slices: Vec<&[u32]> = columns.iter().map(|column| &**column).collect();
        Ok(Classes::of_columns(&slices, batch.len))
    }

    /// What the transition of the iterator's own rows takes off the filter context, whatever the row.
    fn own_removals(&self, rows: &TableRows, table: &TableExpr) -> Outcome<Vec<Removal>> {
        if matches!(table.kind, TableKind::KeepFilters(_)) {
            return Ok(Vec::new());
        }
        if let Some(base) = table.schema.base
            && rows.base.is_some()
            && self.scope.rows_unique(base, self.control)?
        {
            return Ok(vec![Removal::Table(base)]);
        }
        let columns = table.schema.fields.iter().filter_map(|f| f.lineage);
        Ok(vec![Removal::Columns(columns.collect())])
    }

    /// Codes of a column of an outer row, or else the row's position. Nothing where the frame is not outside.
    fn frame_codes(
        &self,
        batch: &Rc<Batch>,
        id: FrameId,
        index: Option<usize>,
    ) -> Outcome<Option<Rc<[u32]>>> {
        let Some((holder, map)) = batch.find_frame(id) else {
            return Ok(None);
        };
        let Some(frame) = &holder.frame else {
            return Ok(None);
        };
        let positions: Rc<[u32]> = match &map {
            None => Rc::clone(&frame.positions),
            Some(map) => map.iter().map(|&i| frame.positions[i as usize]).collect(),
        };
        if let Some(index) = index
            && let Some(codes) = self.column_codes(&frame.rows, &frame.schema, index)?
        {
            let codes = codes.as_slice();
            return Ok(Some(positions.iter().map(|&p| codes[p as usize]).collect()));
        }
        Ok(Some(positions))
    }

    /// Equal numbers for equal values of a variable from outside. The outer None: not known; the inner: it is not from outside.
    #[allow(clippy::option_option)]
    fn variable_numbers(&self, batch: &Rc<Batch>, id: VarId) -> Outcome<Option<Option<Rc<[u32]>>>> {
        if batch.find_variable(id).is_none() {
            return Ok(Some(None));
        }
        let (Slot::Scalar(vector), map) = self.slot(batch, id)? else {
            return Ok(None);
        };
        if vector.errors.is_some() {
            return Ok(None);
        }
        let numbers = exact_numbers(&vector);
        Ok(Some(Some(match map {
            None => numbers.into(),
            Some(map) => map.iter().map(|&i| numbers[i as usize]).collect(),
        })))
    }

    /// Adds what an expression can see. `inside`: a context transition lies between it and the contexts outside.
    fn look(&self, expr: &Scalar, batch: &Rc<Batch>, inside: bool, sight: &mut Sight) {
        use ScalarKind as K;
        if sight.too_much() {
            return;
        }
        let mut below = inside;
        match &expr.kind {
            K::Field { frame, index } => sight.frames.push((*frame, Some(*index))),
            K::Related { frame, .. } | K::Path { frame, .. } => sight.frames.push((*frame, None)),
            K::Variable(id) => sight.variables.push(*id),
            K::Call { function, .. } => {
                sight.unknown |=
                    !matches!(function.body, Body::Scalar(_)) || function.is_volatile_by_row();
            }
            K::Measure { .. } | K::MeasureFormat { .. } => {
                sight.transition |= !inside;
                below = true;
                self.look_at_items(batch, sight);
            }
            // The measure that an item is applied to is looked at where it is called.
            K::SelectedMeasure if sight.in_item => {}
            K::SelectedMeasure => {
                sight.transition |= !inside;
                self.look_at_items(batch, sight);
                match &batch.filters.selected {
                    Some(selected) => self.look(&selected.body, batch, true, sight),
                    None => sight.unknown = true,
                }
            }
            K::Calculate { body, filters } => {
                sight.transition |= !inside;
                self.look(body, batch, true, sight);
                return self.look_at_filters(filters, batch, inside, sight);
            }
            K::Filtered { .. } => sight.filters |= !inside,
            // They look for the current row in the filter context.
            K::WindowPlace(_) => {
                sight.filters |= !inside;
                sight.transition |= !inside;
            }
            _ => {}
        }
        let (scalars, tables) = expr.parts();
        for scalar in scalars {
            self.look(scalar, batch, below, sight);
        }
        for table in tables {
            self.look_at_table(table, batch, below, sight);
        }
    }

    fn look_at_table(&self, table: &TableExpr, batch: &Rc<Batch>, inside: bool, sight: &mut Sight) {
        use TableKind as K;
        if sight.too_much() {
            return;
        }
        match &table.kind {
            K::Base { .. } | K::Values { .. } | K::Filters(_) => sight.filters |= !inside,
            K::Variable(id) => sight.variables.push(*id),
            K::Calculate { table, filters } => {
                sight.transition |= !inside;
                self.look_at_table(table, batch, true, sight);
                return self.look_at_filters(filters, batch, inside, sight);
            }
            K::Summarize(_) | K::SummarizeColumns(_) | K::Window(_) => {
                sight.filters |= !inside;
                sight.transition |= !inside;
            }
            K::AllSelected { .. }
            | K::Sample(_)
            | K::Information(_)
            | K::Rowset(_)
            | K::QueryDependencies(_)
            | K::ColumnStatistics => sight.unknown = true,
            _ => {}
        }
        let (scalars, tables) = table.parts();
        for scalar in scalars {
            self.look(scalar, batch, inside, sight);
        }
        for table in tables {
            self.look_at_table(table, batch, inside, sight);
        }
    }

    fn look_at_filters(
        &self,
        filters: &[FilterArgument],
        batch: &Rc<Batch>,
        inside: bool,
        sight: &mut Sight,
    ) {
        for filter in filters {
            match filter {
                FilterArgument::Table { table, .. } => {
                    self.look_at_table(table, batch, inside, sight)
                }
                FilterArgument::Predicate { condition, .. } => {
                    self.look(condition, batch, inside, sight)
                }
                FilterArgument::AllSelected(_) => sight.unknown = true,
                FilterArgument::Remove(_)
                | FilterArgument::UseRelationship(..)
                | FilterArgument::CrossFilter(..) => {}
            }
        }
    }

    /// Any measure may be met by any calculation item.
    fn look_at_items(&self, batch: &Rc<Batch>, sight: &mut Sight) {
        if std::mem::replace(&mut sight.items_seen, true) {
            return;
        }
        let outside = std::mem::replace(&mut sight.in_item, true);
        for group in &self.groups {
            let items = group.items.iter().map(|item| &item.body);
            for body in items
                .chain(&group.none_selected)
                .chain(&group.several_selected)
                .chain(group.formats())
            {
                self.look(body, batch, true, sight);
            }
        }
        sight.in_item = outside;
    }
}

impl Sight {
    /// Counts one more part; a large expression is not looked through to its end.
    fn too_much(&mut self) -> bool {
        self.parts += 1;
        self.unknown |= self.parts > MOST_PARTS;
        self.unknown
    }
}

/// What tells the contexts of an item apart, as codes.
fn codes_of(item: &Item) -> Vec<Rc<[u32]>> {
    match &item.kind {
        Kind::Shared(_) => Vec::new(),
        Kind::Key(codes) => codes.clone(),
        Kind::Varying { index, .. } => vec![Rc::clone(index)],
    }
}

/// A number for each value, the same only for the very same value of the same type.
fn exact_numbers(vector: &Vector) -> Vec<u32> {
    if let Data::Constant(_, n) = &vector.data {
        return vec![0; *n];
    }
    let mut texts: std::collections::HashMap<std::sync::Arc<str>, u32> = Default::default();
    let mut numbers: FastMap<(u32, u64), u32> = FastMap::default();
    (0..vector.len())
        .map(|i| {
            let key = match vector.get(i) {
                Value::Blank => (0, 0),
                Value::Integer(v) => (1, v as u64),
                Value::Fixed(v) => (2, v as u64),
                Value::Double(v) => (3, v.to_bits()),
                Value::Boolean(v) => (4, u64::from(v)),
                Value::DateTime(v) => (5, v as u64),
                Value::Text(text) => {
                    let next = texts.len() as u32;
                    (6, u64::from(*texts.entry(text).or_insert(next)))
                }
            };
            let next = numbers.len() as u32;
            *numbers.entry(key).or_insert(next)
        })
        .collect()
}

//! Measures, and the calculation items that apply to them.

use std::rc::Rc;

use security::{Column, Table};

use super::{Evaluator, Outcome};
use crate::batch::Batch;
use crate::bound::{MeasureRef, Scalar};
use crate::context::{FilterContext, Selected};
use crate::error::Failure;
use crate::value::{DataType, Value};
use crate::vector::Vector;

/// A calculation group, bound.
pub struct CalculationGroup {
    pub table: Table,
    /// The column that holds the names of the items.
    pub column: Column,
    pub precedence: i64,
    pub items: Vec<CalculationItem>,
    pub none_selected: Option<Rc<Scalar>>,
    pub several_selected: Option<Rc<Scalar>>,
}

pub struct CalculationItem {
    pub name: String,
    pub body: Rc<Scalar>,
}

/// Which expression of a group a context takes: an item by its place, or one of the others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Item(usize),
    NoneSelected,
    SeveralSelected,
    Untouched,
}

impl<'a> Evaluator<'a> {
    /// A measure: its row contexts become filters, calculation items apply, and its body is evaluated once for the batch.
    pub fn measure(
        &self,
        measure: &MeasureRef,
        body: &Rc<Scalar>,
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        let _nested = self.enter()?;
        if let Some(known) = batch.measures.borrow().get(measure) {
            return Ok(known.clone());
        }
        let inner = match batch.open_frames().is_empty() {
            true if batch.boundary => Rc::clone(batch),
            true => batch.bounded(),
            false => batch.refiltered(self.transition(batch)?),
        };
        let vector = self.with_items(measure, body, &inner)?;
        batch
            .measures
            .borrow_mut()
            .insert(measure.clone(), vector.clone());
        Ok(vector)
    }

    /// Applies the calculation groups that are not applied yet, the highest precedence first.
    fn with_items(
        &self,
        measure: &MeasureRef,
        body: &Rc<Scalar>,
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        for group in &self.groups {
            if batch.filters.applied.contains(&group.table) {
                continue;
            }
            let choices = self.choices(group, batch)?;
            if choices.iter().all(|choice| *choice == Choice::Untouched) {
                continue;
            }
            return self.apply_group(group, &choices, measure, body, batch);
        }
        // Inside the body the measures that it calls are their own.
        let inner = if batch.filters.selected.is_some() {
            batch.refiltered(FilterContext {
                selected: None,
                ..(*batch.filters).clone()
            })
        } else {
            Rc::clone(batch)
        };
        let siblings = inner.filters.siblings.clone();
        let siblings = siblings.filter(|_| !inner.filters.applied.is_empty());
        let together = siblings.iter().flat_map(|list| list.iter());
        let inner = self.wishing(&inner, std::iter::once(body).chain(together).map(|b| &**b));
        self.scalar(body, &inner)
    }

    fn choices(&self, group: &CalculationGroup, batch: &Rc<Batch>) -> Outcome<Vec<Choice>> {
        let filtered = batch.filters.items.iter().any(|item| {
            item.targets
                .iter()
                .any(|t| self.table_of(*t) == group.table)
        });
        let none = if group.none_selected.is_some() {
            Choice::NoneSelected
        } else {
            Choice::Untouched
        };
        if !filtered {
            return Ok(vec![none; batch.len]);
        }
        let rows = self.value_rows(&[group.column], false, &batch.filters, batch.len)?;
        let schema = self.schema_of_columns(&[group.column]);
        let names = self.column_vector(&rows, &schema, 0)?;
        let several = if group.several_selected.is_some() {
            Choice::SeveralSelected
        } else {
            Choice::Untouched
        };
        Ok((0..batch.len)
            .map(|i| {
                let segment = rows.segment(i);
                match segment.len() {
                    1 => {
                        let name = names.get(segment.start).to_text();
                        group
                            .items
                            .iter()
                            .position(|item| model::same_name(&item.name, &name))
                            .map_or(Choice::Untouched, Choice::Item)
                    }
                    n if n >= group.items.len() => none,
                    _ => several,
                }
            })
            .collect())
    }

    fn apply_group(
        &self,
        group: &CalculationGroup,
        choices: &[Choice],
        measure: &MeasureRef,
        body: &Rc<Scalar>,
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        let mut applied = (*batch.filters.applied).clone();
        applied.push(group.table);
        let applied = Rc::new(applied);
        let mut results: Vec<Result<Value, Failure>> = vec![Ok(Value::Blank); batch.len];
        let mut kinds: Vec<Choice> = Vec::new();
        for choice in choices {
            if !kinds.contains(choice) {
                kinds.push(*choice);
            }
        }
        for kind in kinds {
            let contexts: Rc<[u32]> = (0..batch.len)
                .filter(|&i| choices[i] == kind)
                .map(|i| i as u32)
                .collect();
            let part = batch.select(Rc::clone(&contexts));
            let context = FilterContext {
                applied: Rc::clone(&applied),
                ..(*part.filters).clone()
            };
            let expression = match kind {
                Choice::Item(k) => group.items.get(k).map(|item| Rc::clone(&item.body)),
                Choice::NoneSelected => group.none_selected.clone(),
                Choice::SeveralSelected => group.several_selected.clone(),
                Choice::Untouched => None,
            };
            let vector = match expression {
                None => self.with_items(measure, body, &part.refiltered(context))?,
                Some(expression) => {
                    let selected = Some(Rc::new(Selected {
                        measure: measure.clone(),
                        body: Rc::clone(body),
                    }));
                    self.scalar(
                        &expression,
                        &part.refiltered(FilterContext {
                            selected,
                            ..context
                        }),
                    )?
                }
            };
            for (k, &i) in contexts.iter().enumerate() {
                results[i as usize] = vector.at(k);
            }
        }
        Ok(Vector::from_results(results, DataType::Variant))
    }

    pub fn selected_measure(&self, batch: &Rc<Batch>) -> Outcome<Vector> {
        match &batch.filters.selected {
            Some(selected) => {
                let inner = match batch.open_frames().is_empty() {
                    true => batch.refiltered((*batch.filters).clone()),
                    false => batch.refiltered(self.transition(batch)?),
                };
                self.with_items(&selected.measure, &selected.body, &inner)
            }
            None => Ok(self.no_selected_measure(batch.len)),
        }
    }

    fn no_selected_measure(&self, len: usize) -> Vector {
        let failure = Failure::new(
            "SELECTEDMEASURE and its kin have a value only while a calculation item is applied to a measure",
        );
        Vector::from_results((0..len).map(|_| Err(failure.clone())), DataType::Variant)
    }

    pub fn selected_measure_text(
        &self,
        batch: &Rc<Batch>,
        read: impl Fn(&Selected) -> Option<String>,
    ) -> Outcome<Vector> {
        Ok(match &batch.filters.selected {
            Some(selected) => {
                Vector::constant(read(selected).map_or(Value::Blank, Value::text), batch.len)
            }
            None => self.no_selected_measure(batch.len),
        })
    }
}

//! Measures, and the calculation items that apply to them.

use std::rc::Rc;

use security::{Column, Table};

use super::{Evaluator, Outcome, internal};
use crate::batch::Batch;
use crate::bound::{MeasureRef, Scalar};
use crate::context::{FilterContext, Selected};
use crate::error::{Error, Failure};
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
    pub none_selected_format: Option<Rc<Scalar>>,
    pub several_selected_format: Option<Rc<Scalar>>,
}

pub struct CalculationItem {
    pub name: String,
    pub body: Rc<Scalar>,
    /// The expression of the format string that the item gives to measures.
    pub format: Option<Rc<Scalar>>,
    /// It reads what is in error: whoever takes the item is refused, and no IFERROR catches that.
    pub refused: Option<Error>,
}

impl CalculationGroup {
    /// Every format string that the group computes.
    pub fn formats(&self) -> impl Iterator<Item = &Rc<Scalar>> {
        let items = self.items.iter().filter_map(|item| item.format.as_ref());
        items
            .chain(&self.none_selected_format)
            .chain(&self.several_selected_format)
    }

    fn expression(&self, choice: Choice) -> Option<&Rc<Scalar>> {
        match choice {
            Choice::Item(k) => self.items.get(k).map(|item| &item.body),
            Choice::NoneSelected => self.none_selected.as_ref(),
            Choice::SeveralSelected => self.several_selected.as_ref(),
            Choice::Untouched => None,
        }
    }

    fn refused(&self, choice: Choice) -> Option<&Error> {
        match choice {
            Choice::Item(k) => self.items.get(k)?.refused.as_ref(),
            Choice::NoneSelected | Choice::SeveralSelected | Choice::Untouched => None,
        }
    }

    fn format(&self, choice: Choice) -> Option<&Rc<Scalar>> {
        match choice {
            Choice::Item(k) => self.items.get(k)?.format.as_ref(),
            Choice::NoneSelected => self.none_selected_format.as_ref(),
            Choice::SeveralSelected => self.several_selected_format.as_ref(),
            Choice::Untouched => None,
        }
    }
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
        self.refuse_unbound_items(batch)?;
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

    /// Items that were taken to be out of reach are never passed over in silence.
    fn refuse_unbound_items(&self, batch: &Batch) -> Outcome<()> {
        let filters = |table: &Table| {
            let mut targets = batch.filters.items.iter().flat_map(|item| &item.targets);
            targets.any(|target| self.table_of(*target) == *table)
        };
        if self.out_of_reach.iter().any(filters) {
            return Err(internal(
                "a calculation group is filtered that was not bound",
            ));
        }
        Ok(())
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
                    // A filter that names all items selects several, as any other does.
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
        let applied = applied_too(group.table, batch);
        self.by_choice(choices, batch, |choice, part| {
            let context = FilterContext {
                applied: Rc::clone(&applied),
                ..(*part.filters).clone()
            };
            if let Some(error) = group.refused(choice) {
                return Err(error.clone());
            }
            let Some(expression) = group.expression(choice) else {
                return self.with_items(measure, body, &part.refiltered(context));
            };
            let selected = Some(Rc::new(Selected {
                measure: measure.clone(),
                body: Rc::clone(body),
            }));
            let context = FilterContext {
                selected,
                ..context
            };
            self.scalar(expression, &part.refiltered(context))
        })
    }

    /// Evaluates the contexts of each choice together.
    fn by_choice(
        &self,
        choices: &[Choice],
        batch: &Rc<Batch>,
        evaluate: impl Fn(Choice, &Rc<Batch>) -> Outcome<Vector>,
    ) -> Outcome<Vector> {
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
            let vector = evaluate(kind, &batch.select(Rc::clone(&contexts)))?;
            for (k, &i) in contexts.iter().enumerate() {
                results[i as usize] = vector.at(k);
            }
        }
        Ok(Vector::from_results(results, DataType::Variant))
    }

    /// The format string of a measure: its row contexts become filters, as they do for its value.
    pub fn measure_format(
        &self,
        measure: &MeasureRef,
        body: &Rc<Scalar>,
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        let _nested = self.enter()?;
        let subject = Rc::new(Selected {
            measure: measure.clone(),
            body: Rc::clone(body),
        });
        self.format_of(0, &subject, &self.apart_from_rows(batch)?)
    }

    pub fn selected_measure_format(&self, batch: &Rc<Batch>) -> Outcome<Vector> {
        match &batch.filters.selected {
            Some(selected) => self.format_of(0, selected, &self.apart_from_rows(batch)?),
            None => Ok(self.no_selected_measure(batch.len)),
        }
    }

    /// Asks the groups from this one on, the highest precedence first, and then the measure itself. An item without a format
    /// string leaves the question to those after it.
    fn format_of(&self, from: usize, subject: &Rc<Selected>, batch: &Rc<Batch>) -> Outcome<Vector> {
        for (at, group) in self.groups.iter().enumerate().skip(from) {
            if batch.filters.applied.contains(&group.table) {
                continue;
            }
            let choices = self.choices(group, batch)?;
            if choices.iter().all(|choice| group.format(*choice).is_none()) {
                continue;
            }
            let applied = applied_too(group.table, batch);
            return self.by_choice(&choices, batch, |choice, part| match group.format(choice) {
                None => self.format_of(at + 1, subject, part),
                Some(format) => {
                    let context = FilterContext {
                        applied: Rc::clone(&applied),
                        selected: Some(Rc::clone(subject)),
                        ..(*part.filters).clone()
                    };
                    self.scalar(format, &part.refiltered(context))
                }
            });
        }
        match &subject.measure.computed_format {
            Some(format) => {
                let context = FilterContext {
                    selected: Some(Rc::clone(subject)),
                    ..(*batch.filters).clone()
                };
                self.scalar(format, &batch.refiltered(context))
            }
            None => {
                let text = subject.measure.format.as_deref();
                Ok(Vector::constant(
                    text.map_or(Value::Blank, Value::text),
                    batch.len,
                ))
            }
        }
    }

    /// The contexts with their rows as filters.
    fn apart_from_rows(&self, batch: &Rc<Batch>) -> Outcome<Rc<Batch>> {
        Ok(match batch.open_frames().is_empty() {
            true => batch.refiltered((*batch.filters).clone()),
            false => batch.refiltered(self.transition(batch)?),
        })
    }

    pub fn selected_measure(&self, batch: &Rc<Batch>) -> Outcome<Vector> {
        match &batch.filters.selected {
            Some(selected) => {
                let inner = self.apart_from_rows(batch)?;
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

fn applied_too(group: Table, batch: &Batch) -> Rc<Vec<Table>> {
    let mut applied = (*batch.filters.applied).clone();
    applied.push(group);
    Rc::new(applied)
}

//! Calculated columns and tables that need themselves, said to the person who writes them: the one thing of calculated objects that
//! stops an import whole.

use model::{Model, Problem, Severity, Source};
use security::{CalculatedObject, Gate};

use crate::expressions::{Written, expressions_of, member, quoted};

/// A circle of several objects, or else each object that reads itself.
pub(crate) fn findings(model: &Model) -> Vec<Problem> {
    let circle = security::circle(model);
    if !circle.is_empty() {
        return finding(model, &circle).into_iter().collect();
    }
    let suspects = security::may_read_themselves(model);
    suspects
        .into_iter()
        .filter(|object| needs_itself(model, object))
        .filter_map(|object| finding(model, &[object.clone(), object]))
        .collect()
}

/// At the place of the first.
fn finding(model: &Model, circle: &[CalculatedObject]) -> Option<Problem> {
    let first = circle.first()?;
    let names: Vec<String> = circle.iter().map(name).collect();
    Some(Problem {
        severity: Severity::Error,
        code: None,
        place: source(model, first)?.clone(),
        object: name(first),
        message: format!(
            "calculated objects depend on each other in a circle, and an import stops at it: {}",
            names.join(" -> ")
        ),
        excerpt: None,
    })
}

fn name(object: &CalculatedObject) -> String {
    match &object.column {
        Some(column) => format!("column {}", member(&object.table, column)),
        None => format!("table {}", quoted(&object.table)),
    }
}

fn source<'m>(model: &'m Model, object: &CalculatedObject) -> Option<&'m Source> {
    let table = model.table(&object.table)?;
    match &object.column {
        Some(column) => Some(&table.column(column)?.source),
        None => Some(&table.source),
    }
}

/// Whether the expression means something, and means nothing any more where the object has another name.
fn needs_itself(model: &Model, object: &CalculatedObject) -> bool {
    let called = name(object);
    let expressions = expressions_of(model);
    let own = expressions
        .iter()
        .find(|written| written.object == called && written.part.is_empty());
    own.is_some_and(|own| is_sound(model.clone(), own) && !is_sound(without(model, object), own))
}

/// The model with another name for the object, which no expression says.
fn without(model: &Model, object: &CalculatedObject) -> Model {
    const NAMELESS: &str = "\u{fffd}";
    let mut model = model.clone();
    let named = |table: &&mut model::Table| model::same_name(&table.name, &object.table);
    if let Some(table) = model.tables.iter_mut().find(named) {
        match &object.column {
            Some(column) => {
                let named = |one: &&mut model::Column| model::same_name(&one.name, column);
                if let Some(column) = table.columns.iter_mut().find(named) {
                    column.name = NAMELESS.to_owned();
                }
            }
            None => table.name = NAMELESS.to_owned(),
        }
    }
    model
}

fn is_sound(model: Model, written: &Written) -> bool {
    let outline = Gate::outline(model);
    let place = written.place_in(outline.scope());
    place.is_some_and(|place| {
        let checked = engine::check_expression(outline.scope(), place, &written.text);
        checked.errors.is_empty()
    })
}

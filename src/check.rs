//! What is wrong with a model: for the person who writes it. Sees names and expressions, and no data.

use std::path::Path;
use std::sync::Arc;

use engine::ErrorKind;
use model::{Excerpt, Problem, Severity};
use security::{Control, Gate};

use crate::circles;
use crate::error::Error;
use crate::expressions::expressions_of;
use crate::pool::{Capacity, Pool};
use crate::role_lint;
use crate::runtime::lost;

/// Reads a model and finds everything that is wrong with it: references to nothing, expressions that do not parse or
/// use names that do not exist, roles that would not do what they seem to say. What is kept but not acted on is listed too.
///
/// A model that cannot be read at all is an error.
pub fn check_model(model: impl AsRef<Path>) -> Result<Vec<Problem>, Error> {
    check(model::load(model.as_ref())?)
}

/// The same of the model inside a dataset.
pub fn check_dataset(
    dataset: impl AsRef<Path>,
    key: &dyn storage::KeyProvider,
) -> Result<Vec<Problem>, Error> {
    check(storage::open(dataset.as_ref(), key, 0)?.model)
}

fn check(model: model::Model) -> Result<Vec<Problem>, Error> {
    let pool = Pool::new(Capacity::ONE)
        .map_err(|_| Error::Internal("the operating system gives no thread"))?;
    // On a thread with a deep stack, as queries are.
    pool.run(&Arc::from("check"), &Control::new(None), move || {
        problems_of(model)
    })
    .map_err(lost)
}

fn problems_of(model: model::Model) -> Vec<Problem> {
    let mut problems = model::check(&model);
    problems.extend(role_lint::findings(&model));
    problems.extend(circles::findings(&model));
    let expressions = expressions_of(&model);
    let outline = Gate::outline(model);
    for written in expressions {
        // A table that does not exist has been reported above.
        let Some(place) = written.place_in(outline.scope()) else {
            continue;
        };
        let checked = engine::check_expression(outline.scope(), place, &written.text);
        let errors = checked.errors.into_iter().map(|e| (Severity::Error, e));
        let late = checked.late.into_iter().map(|e| (Severity::Warning, e));
        for (severity, error) in errors.chain(late) {
            // Parsing has been reported above, with all its errors.
            if error.kind == ErrorKind::Syntax {
                continue;
            }
            problems.push(Problem {
                severity,
                code: None,
                place: written.source.clone(),
                object: written.object.clone(),
                message: format!("{}{}", written.part, error.message),
                excerpt: error.span.map(|span| Excerpt {
                    text: written.text.clone(),
                    span,
                }),
            });
        }
    }
    problems
}

//! What stands beside a measure and has a name of its own: the goal, status and trend of its KPI, and its format string.

use std::collections::HashMap;
use std::rc::Rc;

use dax::Span;
use security::Measure;

use super::{Binder, Bound};
use crate::bound::{MeasureRef, Scalar, ScalarKind};
use crate::error::{Error, ErrorKind};
use crate::value::DataType;

/// What binding knows of computed format strings.
#[derive(Default)]
pub struct Formats {
    bound: HashMap<Measure, Rc<Scalar>>,
    /// Inside a format string the measures that it calls, its own among them, are asked for their values only.
    inside: bool,
    /// Whether an item of some calculation group may ask for the format string of any measure.
    asked_by_items: Option<bool>,
}

/// What may follow a measure's name in `[_Name Goal]`.
#[derive(Clone, Copy)]
enum Beside {
    Goal,
    Status,
    Trend,
    FormatString,
}

const SUFFIXES: [(&str, Beside); 4] = [
    (" Goal", Beside::Goal),
    (" Status", Beside::Status),
    (" Trend", Beside::Trend),
    (" FormatString", Beside::FormatString),
];

/// `_Name Goal` taken apart.
fn split(name: &str) -> Option<(&str, Beside)> {
    let rest = name.strip_prefix('_')?;
    SUFFIXES.iter().find_map(|(suffix, beside)| {
        let at = rest.len().checked_sub(suffix.len())?;
        let end = rest.get(at..)?;
        end.eq_ignore_ascii_case(suffix).then_some(())?;
        Some((rest.get(..at)?, *beside))
    })
}

impl Binder<'_> {
    /// A measure that the model does not define, but another measure brings with it.
    pub(super) fn measure_beside(&mut self, name: &str, span: Span) -> Bound<Option<Scalar>> {
        let Some((base, beside)) = split(name) else {
            return Ok(None);
        };
        let Some(handle) = self.scope.find_measure(base) else {
            return Ok(None);
        };
        let info = self.scope.measure(handle);
        let kpi = info.kpi.as_ref();
        let text = match beside {
            Beside::FormatString => return self.format_string(handle, span).map(Some),
            Beside::Goal => kpi.and_then(|kpi| kpi.target.as_deref()),
            Beside::Status => kpi.and_then(|kpi| kpi.status.as_deref()),
            Beside::Trend => kpi.and_then(|kpi| kpi.trend.as_deref()),
        };
        let Some(text) = text else {
            return Ok(None);
        };
        let body = self.text_of_model(name, handle, text, span)?;
        let data_type = body.data_type;
        let measure = MeasureRef {
            handle: None,
            name: name.into(),
            format: None,
            computed_format: None,
        };
        let kind = ScalarKind::Measure {
            measure,
            body: Rc::new(body),
        };
        Ok(Some(self.scalar(kind, data_type, span)))
    }

    fn format_string(&mut self, handle: Measure, span: Span) -> Bound<Scalar> {
        let computed_format = self.computed_format(handle)?;
        let value = self.measure(handle, span)?;
        let ScalarKind::Measure { mut measure, body } = value.kind else {
            return self.error(ErrorKind::Internal, span, "a measure that is none");
        };
        measure.computed_format = computed_format;
        let kind = ScalarKind::MeasureFormat { measure, body };
        Ok(self.scalar(kind, DataType::Text, span))
    }

    /// The computed format string of a measure, where a calculation item may ask for it.
    pub(super) fn asked_format(&mut self, handle: Measure) -> Bound<Option<Rc<Scalar>>> {
        if self.scope.measure(handle).format_expression.is_none() || !self.items_ask() {
            return Ok(None);
        }
        self.computed_format(handle)
    }

    fn items_ask(&mut self) -> bool {
        if let Some(known) = self.formats.asked_by_items {
            return known;
        }
        let scope = self.scope;
        let groups = scope
            .tables()
            .filter_map(|table| scope.table(table).calculation_group.as_ref());
        let asks = |text: &str| {
            text.to_ascii_uppercase()
                .contains("SELECTEDMEASUREFORMATSTRING")
        };
        let found = groups.flat_map(|group| &group.items).any(|item| {
            asks(&item.expression) || item.format_expression.as_deref().is_some_and(asks)
        });
        self.formats.asked_by_items = Some(found);
        found
    }

    fn computed_format(&mut self, handle: Measure) -> Bound<Option<Rc<Scalar>>> {
        let info = self.scope.measure(handle);
        let Some(text) = info
            .format_expression
            .as_deref()
            .filter(|_| !self.formats.inside)
        else {
            return Ok(None);
        };
        if let Some(known) = self.formats.bound.get(&handle) {
            return Ok(Some(Rc::clone(known)));
        }
        let outside = (
            std::mem::replace(&mut self.in_item, true),
            std::mem::replace(&mut self.formats.inside, true),
        );
        let name = format!("_{} FormatString", info.name);
        let bound = self.text_of_model(&name, handle, text, Span::default());
        (self.in_item, self.formats.inside) = outside;
        let bound = Rc::new(bound?);
        self.formats.bound.insert(handle, Rc::clone(&bound));
        Ok(Some(bound))
    }

    /// An expression that stands beside a measure, at the measure's own table.
    fn text_of_model(
        &mut self,
        name: &str,
        handle: Measure,
        text: &str,
        span: Span,
    ) -> Bound<Scalar> {
        let parsed = dax::parse_expression(text);
        if let Some(error) = parsed.errors.first() {
            let message = format!("[{name}] is not valid DAX: {}", error.message);
            return self.error(ErrorKind::Syntax, span, message);
        }
        let home = self.scope.measure_table(handle);
        self.apart(name, home, |b| b.bind_scalar(&parsed.tree))
            .map_err(|error| Error {
                message: format!("in [{name}]: {}", error.message),
                ..error
            })
    }
}

//! User-defined functions in visual calculations. A function whose text goes along an axis is written out where it is called, before
//! the calculation is written anew; every other one is called as it stands.

use dax::{DefinitionKind, Expr, ExprKind, Function, Query};
use security::Scope;

use crate::bind::{folded, parts_of};

/// What visual calculations alone may say.
const ALONG: &[&str] = &[
    "COLLAPSE",
    "COLLAPSEALL",
    "EXPAND",
    "EXPANDALL",
    "FIRST",
    "ISATLEVEL",
    "LAST",
    "LOOKUP",
    "LOOKUPWITHTOTALS",
    "MOVINGAVERAGE",
    "NEXT",
    "PREVIOUS",
    "RANGE",
    "RUNNINGSUM",
];

/// The functions that a calculation may call: those of its query, and of the model.
#[derive(Clone, Copy)]
pub struct Functions<'q> {
    pub query: &'q Query,
    pub scope: &'q Scope,
}

impl<'q> Functions<'q> {
    /// The function of this name, if its text goes along an axis.
    pub fn along(&self, name: &str) -> Option<&'q Function> {
        let function = self.find(name)?;
        let mut seen = vec![folded(name)];
        self.goes_along(&function.body, &mut seen)
            .then_some(function)
    }

    fn find(&self, name: &str) -> Option<&'q Function> {
        let own = self
            .query
            .definitions
            .iter()
            .find_map(|definition| match &definition.kind {
                DefinitionKind::Function {
                    name: known,
                    function,
                } if model::same_name(&known.text, name) => Some(function),
                _ => None,
            });
        own.or_else(|| self.scope.find_function(name).map(|function| &**function))
    }

    /// Looks into each function once, whoever calls it.
    fn goes_along(&self, expr: &Expr, seen: &mut Vec<String>) -> bool {
        if let ExprKind::Call { name, .. } = &expr.kind {
            let known = folded(&name.text);
            match self.find(&name.text) {
                Some(_) if seen.contains(&known) => {}
                Some(function) => {
                    seen.push(known);
                    if self.goes_along(&function.body, seen) {
                        return true;
                    }
                }
                None if ALONG.contains(&name.text.to_ascii_uppercase().as_str()) => return true,
                None => {}
            }
        }
        let mut parts = parts_of(expr).into_iter();
        parts.any(|part| self.goes_along(part, seen))
    }
}

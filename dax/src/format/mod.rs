//! Trees back to text, in the layout that the DAX community is used to: spaces inside brackets, four spaces a level,
//! one argument a line when a call does not fit its line, operators at the beginning of their lines.

mod comments;
mod flat;
mod layout;

use crate::tree::{DefinitionKind, Expr, Function, Query};
pub use comments::keep_comments;
use layout::Layout;

/// Formats a query.
///
/// Parsing the result gives the same tree, with the case of built-in function names made upper and without spans;
/// formatting the result again gives the same text. Comments are lost: the tree does not have them, and [`keep_comments`] puts them back. Numbers keep
/// their value, not their spelling (`1.50` becomes `1.5`). Where parsing reported an error the tree has a gap, and so
/// has the text.
///
/// Functions that the query defines keep their spelling. Of others only the name is known here, so every name that a
/// built-in function could have is written in upper case; DAX does not tell cases apart.
pub fn format_query(query: &Query) -> String {
    let functions = query
        .definitions
        .iter()
        .filter_map(|definition| match &definition.kind {
            DefinitionKind::Function { name, .. } => Some(name.text.to_uppercase()),
            _ => None,
        });
    let mut layout = Layout::new(functions.collect());
    layout.query(query);
    layout.finish()
}

/// Formats one expression; see [`format_query`].
pub fn format_expression(expr: &Expr) -> String {
    let mut layout = Layout::new(Default::default());
    layout.expression(expr);
    layout.finish()
}

/// Formats a user-defined function, `( parameters ) => body`; see [`format_query`].
pub fn format_function(function: &Function) -> String {
    let mut layout = Layout::new(Default::default());
    layout.function(function);
    layout.finish()
}

/// Where an expression stands, which decides whether it needs brackets.
#[derive(Clone, Copy)]
struct Slot {
    /// The least precedence of a binary operator that needs no brackets here.
    least: u8,
    /// The precedence of the operator that follows the slot. A prefix operator that binds less tightly would take
    /// that operator into its own operand.
    follow: u8,
}

impl Slot {
    /// Between commas, brackets and keywords, where nothing needs brackets.
    const FREE: Slot = Slot {
        least: 0,
        follow: 0,
    };
}

#[cfg(test)]
pub(crate) mod tests;

//! DAX as text: tokens with spans, the syntax tree, and back to text. This crate knows no model.
//!
//! - [`lex`] turns text into tokens.
//! - [`parse_query`], [`parse_expression`] and [`parse_function`] turn text into a tree and all errors found:
//!   parsing does not give up at the first one.
//! - [`dump_query`] and its like show tokens and trees; [`format_query`] and its like write trees as DAX.
//! - [`line_column`] and [`LineMap`] turn the byte offsets of spans into lines and columns.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod dump;
mod error;
mod format;
mod names;
mod parser;
mod position;
#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
mod tokens;
mod tree;

pub use dump::{dump_expr, dump_function, dump_query, dump_tokens};
pub use error::{Error, ErrorKind};
pub use format::{format_expression, format_function, format_query, keep_comments};
pub use parser::{
    MAX_NESTING, MAX_TREE_DEPTH, Parsed, parse_expression, parse_function, parse_query,
};
pub use position::{LineMap, line_column};
pub use tokens::{Token, TokenKind, comments, lex, says_nothing};
pub use tree::*;

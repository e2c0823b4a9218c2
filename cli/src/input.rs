//! The text of a query, wherever it stands.

use std::fs;
use std::io::{self, Read};

use crate::failure::Failure;

/// A DAX text, and what to call it in messages.
pub struct Input {
    pub name: String,
    pub text: String,
}

impl Input {
    /// The text itself, `-` for standard input, or `@file`.
    pub fn read(argument: &str) -> Result<Input, Failure> {
        if argument == "-" {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map_err(|error| {
                Failure::usage(format!("standard input cannot be read: {error}"))
            })?;
            return Ok(Input {
                name: "standard input".to_owned(),
                text: without_mark(text),
            });
        }
        if let Some(file) = argument.strip_prefix('@') {
            let text = fs::read_to_string(file).map_err(|error| {
                Failure::usage(format!("the query file {file} cannot be read: {error}"))
            })?;
            return Ok(Input {
                name: file.to_owned(),
                text: without_mark(text),
            });
        }
        Ok(Input::typed(argument))
    }

    pub fn typed(text: &str) -> Input {
        Input {
            name: "query".to_owned(),
            text: text.to_owned(),
        }
    }
}

/// Editors put a byte-order mark before a text; it is no part of the query.
fn without_mark(text: String) -> String {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

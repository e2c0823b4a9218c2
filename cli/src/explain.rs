//! `peristyle explain`.

use std::io::{self, Write};

use peristyle::{Error, QueryOptions, Stage, explain_text};

use crate::access;
use crate::args::ExplainArgs;
use crate::failure::Failure;
use crate::input::Input;
use crate::report;

pub fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let input = Input::read(&args.dax)?;
    let text = explain(args, &input).map_err(|error| report::error(&error, Some(&input), false))?;
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        writeln!(out)?;
    }
    Ok(())
}

fn explain(args: &ExplainArgs, input: &Input) -> Result<String, Error> {
    let stage = Stage::from(args.stage);
    // Tokens and tree follow from the text alone, so nothing needs to be imported for them.
    if matches!(stage, Stage::Tokens | Stage::Tree) {
        return explain_text(stage, &input.text);
    }
    let database = access::open(&args.access)?;
    let session = database.session(access::identity(&args.access.identity))?;
    let options = QueryOptions {
        parameters: args.parameters.clone(),
        ..QueryOptions::default()
    }
    .time_limit(None);
    session.explain_with(stage, &input.text, &options)
}

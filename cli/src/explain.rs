//! `peristyle explain`.

use std::io::{self, Write};

use peristyle::{QueryOptions, Stage, explain_text};

use crate::access;
use crate::args::ExplainArgs;
use crate::failure::Failure;
use crate::input::Input;
use crate::report;

pub fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let input = Input::read(&args.dax)?;
    let text = explain(args, &input)?;
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        writeln!(out)?;
    }
    Ok(())
}

fn explain(args: &ExplainArgs, input: &Input) -> Result<String, Failure> {
    let told = |error| report::error(&error, Some(input), false);
    let stage = Stage::from(args.stage);
    // Tokens and tree follow from the text alone, so nothing needs to be imported for them.
    if matches!(stage, Stage::Tokens | Stage::Tree) {
        return explain_text(stage, &input.text).map_err(told);
    }
    let database = access::open(&args.access, false)?;
    let session = access::session(&database, &args.access.identity, false)?;
    let options = QueryOptions {
        parameters: args.parameters.clone(),
        ..QueryOptions::default()
    }
    .time_limit(None);
    session
        .explain_with(stage, &input.text, &options)
        .map_err(told)
}

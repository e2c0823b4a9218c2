//! `peristyle query`.

use std::io::{self, BufWriter, IsTerminal, Write};

use peristyle::{Answer, QueryOptions, Statistics};

use crate::access;
use crate::args::{Format, QueryArgs};
use crate::failure::Failure;
use crate::input::Input;
use crate::output::{self, OutputError};
use crate::parameter;
use crate::report;

pub fn run(args: &QueryArgs) -> Result<(), Failure> {
    ask(args.format, args.stats, &args.dax, |input, json| {
        parameter::verify(&args.parameters, &input.text).map_err(Failure::usage)?;
        answer(args, input, json)
    })
}

/// An answer, the culture to show it in, and the rows that the question touched.
pub type Answered = (Answer, String, u64);

/// Reads a question, has it answered, and prints the answer and figures: the same in every language.
pub fn ask(
    format: Format,
    stats: bool,
    text: &str,
    answer: impl FnOnce(&Input, bool) -> Result<Answered, Failure>,
) -> Result<(), Failure> {
    if format == Format::Arrow && io::stdout().is_terminal() {
        return Err(Failure::usage(
            "--format arrow writes bytes; send them to a file or a program",
        ));
    }
    let input = Input::read(text)?;
    let (answer, culture, rows) = answer(&input, format == Format::Json)?;
    print(&answer, format, &culture)?;
    if stats {
        eprint!("{}", figures(&answer.statistics, rows));
    }
    Ok(())
}

fn answer(args: &QueryArgs, input: &Input, json: bool) -> Result<Answered, Failure> {
    let told = |error| report::error(&error, Some(input), json);
    let database = access::open(&args.access, json)?;
    let session = access::session(&database, &args.access.identity, json)?;
    let options = QueryOptions {
        parameters: args.parameters.clone(),
        ..QueryOptions::default()
    }
    .time_limit(None);
    let before = database.rows_scanned();
    let answer = session.query_with(&input.text, &options).map_err(told)?;
    let rows = database.rows_scanned() - before;
    let culture = args
        .access
        .identity
        .culture
        .clone()
        .unwrap_or_else(|| session.catalog().culture);
    Ok((answer, culture, rows))
}

/// Prints an answer on standard output.
pub fn print(answer: &Answer, format: Format, culture: &str) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    match output::write(answer, format, culture, &mut out).and_then(|()| Ok(out.flush()?)) {
        Ok(()) => Ok(()),
        Err(OutputError::Write(error)) => Err(Failure::from(error)),
        Err(OutputError::OneTableOnly { tables }) => {
            let message = format!(
                "the query has {tables} EVALUATEs, and {} output holds one table; use table or json, or ask one at a time",
                if format == Format::Csv {
                    "csv"
                } else {
                    "arrow"
                }
            );
            Err(report::refusal("output", &message, false))
        }
        Err(OutputError::Arrow(message)) => Err(report::refusal("output", &message, false)),
    }
}

/// Figures for whoever imported the data: some of them are physical and tell of more than visible rows.
pub fn figures(statistics: &Statistics, rows: u64) -> String {
    let mut text = format!(
        "rows scanned: {}\nscans run: {}\ncache hits: {}\ncontexts evaluated one by one: {}\n",
        rows, statistics.scans, statistics.cache_hits, statistics.one_by_one
    );
    for (stage, time) in &statistics.stages {
        text.push_str(&format!(
            "time of {stage}: {:.3} ms\n",
            time.as_secs_f64() * 1000.0
        ));
    }
    text
}

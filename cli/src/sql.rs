//! `peristyle sql`.

use peristyle::{Answer, Collation, Error, QueryOptions, SqlOptions};

use crate::access;
use crate::args::SqlArgs;
use crate::failure::Failure;
use crate::input::Input;
use crate::query::{Answered, ask};
use crate::report;

pub fn run(args: &SqlArgs) -> Result<(), Failure> {
    ask(args.format, args.stats, &args.sql, |input, json| {
        answer(args, input, json)
    })
}

/// The answer, in the types that output knows.
fn answer(args: &SqlArgs, input: &Input, json: bool) -> Result<Answered, Failure> {
    let told = |error| report::error(&error, Some(input), json);
    let database = access::open(&args.access, json)?;
    let session = access::session(&database, &args.access.identity, json)?;
    let options = QueryOptions {
        parameters: args.parameters.clone(),
        ..QueryOptions::default()
    };
    let options = SqlOptions {
        query: options.time_limit(None),
        collation: if args.exact_text {
            Collation::Exact
        } else {
            Collation::Model
        },
    };
    let before = database.rows_scanned();
    let found = session.sql_with(&input.text, &options).map_err(told)?;
    let rows = database.rows_scanned() - before;
    let table = found.table().map_err(Error::Query).map_err(told)?;
    let culture = args.access.identity.culture.clone();
    let culture = culture.unwrap_or_else(|| session.catalog().culture);
    let answer = Answer {
        reads: peristyle::Reads::default(),
        tables: vec![table],
        statistics: found.statistics,
    };
    Ok((answer, culture, rows))
}

//! `peristyle check`.

use std::io::{self, BufWriter, Write};

use peristyle::{Severity, check_dataset, check_model, is_dataset};

use crate::access;
use crate::args::CheckArgs;
use crate::failure::Failure;
use crate::key;
use crate::report;

/// Prints every problem, one a line, and how many there are.
pub fn run(args: &CheckArgs) -> Result<(), Failure> {
    let problems = if is_dataset(&args.model) {
        let least = peristyle::at_least(&args.model, args.key.least_generation);
        least.map_err(|error| report::error(&error.into(), None, false))?;
        check_dataset(&args.model, key::provider(&args.key)?.as_ref())
    } else if args.key.is_given() {
        return Err(access::no_dataset(&args.model));
    } else {
        check_model(&args.model)
    };
    let problems = problems.map_err(|error| report::error(&error, None, false))?;
    let mut out = BufWriter::new(io::stdout().lock());
    for problem in &problems {
        writeln!(out, "{problem}")?;
    }
    let count = |severity| {
        problems
            .iter()
            .filter(|problem| problem.severity == severity)
            .count()
    };
    let (errors, warnings, notes) = (
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Info),
    );
    writeln!(
        out,
        "{}, {}, {}",
        plural(errors, "error"),
        plural(warnings, "warning"),
        plural(notes, "note")
    )?;
    out.flush()?;
    if errors > 0 {
        Err(Failure::Reported)
    } else {
        Ok(())
    }
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

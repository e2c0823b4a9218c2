//! `peristyle format`.

use std::io::{self, Write};

use peristyle::format_dax;

use crate::args::FormatArgs;
use crate::failure::Failure;
use crate::input::Input;
use crate::report;

pub fn run(args: &FormatArgs) -> Result<(), Failure> {
    let input = Input::read(&args.dax)?;
    let text =
        format_dax(&input.text).map_err(|error| report::error(&error, Some(&input), false))?;
    writeln!(io::stdout(), "{}", text.trim_end())?;
    Ok(())
}

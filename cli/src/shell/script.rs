//! Statements from a pipe: the same commands, no prompt.

use std::io::{self, BufRead};

use crate::failure::Failure;
use crate::shell::state::{Next, Shell};
use crate::shell::statement::{is_complete, without_end};

/// Runs every statement; one that fails does not keep the next from running, but the command then ends with 1.
pub fn run(shell: &mut Shell) -> Result<(), Failure> {
    let mut failed = false;
    let mut lines = String::new();
    for line in io::stdin().lock().lines() {
        let line = line
            .map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
        lines.push_str(&line);
        if is_complete(&lines) {
            match step(shell, &lines, &mut failed)? {
                Next::Go => lines.clear(),
                Next::Quit => return end(failed),
            }
        } else {
            lines.push('\n');
        }
    }
    step(shell, &lines, &mut failed)?;
    end(failed)
}

fn step(shell: &mut Shell, lines: &str, failed: &mut bool) -> Result<Next, Failure> {
    match shell.run(without_end(lines)) {
        Err(Failure::OutputClosed) => Err(Failure::OutputClosed),
        Err(_) => {
            *failed = true;
            Ok(Next::Go)
        }
        next => next,
    }
}

fn end(failed: bool) -> Result<(), Failure> {
    if failed {
        Err(Failure::Reported)
    } else {
        Ok(())
    }
}

//! The `peristyle` command: query, check, explain, inspect, format, tokens, and a prompt.

mod access;
mod args;
mod check;
mod explain;
mod failure;
mod format;
mod input;
mod inspect;
mod output;
mod parameter;
mod progress;
mod query;
mod report;
mod shell;
mod test_roles;
mod token;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Query(args) => query::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Shell(args) => shell::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Format(args) => format::run(&args),
        Command::TestRoles(args) => test_roles::run(&args),
        Command::Token(command) => token::run(&command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.exit_code()),
    }
}

//! The `peristyle` command: query, check, explain, inspect, format, tokens, a prompt, and what the operator of a dataset does.

mod access;
mod args;
mod check;
mod dataset;
mod dataset_args;
mod explain;
mod failure;
mod format;
mod input;
mod inspect;
mod key;
mod output;
mod parameter;
mod progress;
mod query;
mod report;
mod shell;
#[cfg(feature = "sql")]
mod sql;
mod test_roles;
mod token;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Query(args) => query::run(&args),
        #[cfg(feature = "sql")]
        Command::Sql(args) => sql::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Shell(args) => shell::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Format(args) => format::run(&args),
        Command::TestRoles(args) => test_roles::run(&args),
        Command::Token(command) => token::run(&command),
        Command::Import(args) => dataset::import(&args),
        Command::Verify(args) => dataset::verify(&args),
        Command::RotateKey(args) => dataset::rotate_key(&args),
        Command::Refresh(args) => dataset::refresh(&args),
        Command::Rekey(args) => dataset::rekey(&args),
        Command::Export(args) => dataset::export(&args),
        Command::Vacuum(args) => dataset::vacuum(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.exit_code()),
    }
}

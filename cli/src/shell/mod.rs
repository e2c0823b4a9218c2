//! `peristyle shell`: a prompt for people, and the same commands from a pipe.

mod command;
mod complete;
mod prompt;
mod script;
mod state;
mod statement;

use std::io::IsTerminal;

use crate::access;
use crate::args::ShellArgs;
use crate::failure::Failure;
use state::Shell;

pub fn run(args: &ShellArgs) -> Result<(), Failure> {
    let database = access::open(&args.access, false)?;
    let mut shell = Shell::new(database, args.access.identity.clone());
    if std::io::stdin().is_terminal() {
        prompt::run(&mut shell)
    } else {
        script::run(&mut shell)
    }
}

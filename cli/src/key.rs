//! From `--key` to the provider of a key.

use std::io::IsTerminal;
use std::sync::Arc;

use peristyle::KeyProvider;
use zeroize::Zeroizing;

use crate::dataset_args::KeyArgs;
use crate::failure::Failure;

/// Names the provider where the arguments do not.
const VARIABLE: &str = "PERISTYLE_KEY";

/// The provider that opens a dataset.
pub fn provider(args: &KeyArgs) -> Result<Arc<dyn KeyProvider>, Failure> {
    named(&name(args)?, &|| ask("Passphrase: "))
}

/// The provider for a dataset that is about to be written: a passphrase is asked for twice.
pub fn new_provider(args: &KeyArgs) -> Result<Arc<dyn KeyProvider>, Failure> {
    new_named(&name(args)?)
}

pub fn new_named(name: &str) -> Result<Arc<dyn KeyProvider>, Failure> {
    named(name, &|| {
        let first = ask("New passphrase: ")?;
        if first.is_empty() {
            return Err("it is empty".to_owned());
        }
        let again = ask("The same again: ")?;
        if *first == *again {
            Ok(first)
        } else {
            Err("the two are not the same".to_owned())
        }
    })
}

fn name(args: &KeyArgs) -> Result<String, Failure> {
    if let Some(name) = &args.key {
        return Ok(name.clone());
    }
    std::env::var(VARIABLE).map_err(|_| {
        Failure::usage(format!(
            "a dataset is encrypted: say where its key is with --key, or in {VARIABLE}"
        ))
    })
}

fn named(name: &str, asking: keys::Asking<'_>) -> Result<Arc<dyn KeyProvider>, Failure> {
    no_core_dumps();
    keys::provider(name, asking).map_err(|error| Failure::usage(error.to_string()))
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, String> {
    if !std::io::stdin().is_terminal() && !std::io::stderr().is_terminal() {
        return Err("there is no terminal; use file:PATH or env:NAME".to_owned());
    }
    rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .map_err(|error| error.to_string())
}

/// From here on the memory holds keys, and must not end up in a file. What the system does not allow is left: it is a second line of
/// defence.
#[cfg(unix)]
fn no_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let nothing = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, nothing);
    // Where dumps are piped to a program, the limit above is not looked at.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(not(unix))]
fn no_core_dumps() {}

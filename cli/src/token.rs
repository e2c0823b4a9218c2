//! `peristyle token`, and the tokens of `--token`.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use peristyle::{Database, Session};
use tokens::{Accepted, Grant, KeyRing, Scope, Verifier, new_ring};

use crate::args::{MintArgs, NewKeysArgs, TokenCommand, VerifyArgs};
use crate::failure::Failure;
use crate::input::Input;
use crate::report;

pub fn run(command: &TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::NewKeys(args) => new_keys(args),
        TokenCommand::Mint(args) => mint(args),
        TokenCommand::Verify(args) => verify(args),
    }
}

fn new_keys(args: &NewKeysArgs) -> Result<(), Failure> {
    new_ring(
        &args.file,
        &args.id,
        args.algorithm,
        &args.audience,
        &args.issuer,
    )
    .map_err(refused)
}

fn mint(args: &MintArgs) -> Result<(), Failure> {
    let ring = KeyRing::read(&args.keys).map_err(refused)?;
    let minter = ring.minter(args.key.as_deref()).map_err(refused)?;
    let mut scopes = args.scopes.iter().copied();
    let grant = Grant::new(scopes.next().unwrap_or(Scope::DatasetRead))
        .lifetime(Duration::from_secs(args.lifetime));
    let grant = scopes.fold(grant, Grant::scope);
    let grant = args.roles.iter().cloned().fold(grant, Grant::role);
    type Say = fn(Grant, String) -> Grant;
    let optional: [(&Option<String>, Say); 5] = [
        (&args.user, Grant::username),
        (&args.custom_data, Grant::custom_data),
        (&args.workspace_collection, Grant::workspace_collection),
        (&args.workspace, Grant::workspace),
        (&args.report, Grant::report),
    ];
    let grant = optional
        .into_iter()
        .fold(grant, |grant, (value, say)| match value {
            Some(value) => say(grant, value.clone()),
            None => grant,
        });
    let minted = minter.mint(&grant).map_err(refused)?;
    Ok(writeln!(io::stdout(), "{}", minted.token)?)
}

fn verify(args: &VerifyArgs) -> Result<(), Failure> {
    let verifier = verifier(&args.keys, false)?;
    let accepted = accept(&verifier, &args.token, args.scope, false)?;
    let identity = accepted.identity();
    let seconds = accepted
        .ends()
        .duration_since(SystemTime::now())
        .map_or(0, |left| left.as_secs());
    let said = [
        ("key", Some(accepted.key_id())),
        ("token id", accepted.token_id()),
        ("user", identity.user_name()),
        ("custom data", identity.user_custom_data()),
        ("workspace collection", accepted.workspace_collection()),
        ("workspace", accepted.workspace()),
        ("report", accepted.report()),
    ];
    let mut out = io::stdout().lock();
    for (what, value) in said {
        if let Some(value) = value {
            writeln!(out, "{what}: {value}")?;
        }
    }
    for role in identity.role_names() {
        writeln!(out, "role: {role}")?;
    }
    writeln!(out, "scopes: {}", accepted.scopes())?;
    Ok(writeln!(out, "counts for: {seconds} s")?)
}

/// A session for what a token says, which ends with the token.
pub fn session(
    database: &Database,
    token: &str,
    keys: &Path,
    json: bool,
) -> Result<Session, Failure> {
    let verifier = verifier(keys, json)?;
    let accepted = accept(&verifier, token, Scope::DatasetRead, json)?;
    database
        .session_until(
            accepted.identity().clone(),
            accepted.ends(),
            accepted.credential(),
        )
        .map_err(|error| report::error(&error, None, json))
}

fn verifier(keys: &Path, json: bool) -> Result<Verifier, Failure> {
    KeyRing::read(keys)
        .and_then(KeyRing::verifier)
        .map_err(|error| report::refusal("token", &error.to_string(), json))
}

fn accept(
    verifier: &Verifier,
    token: &str,
    needed: Scope,
    json: bool,
) -> Result<Accepted, Failure> {
    let text = Input::read(token)?.text;
    // Files and pipes end with a line feed; nothing else is taken off a token.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    verifier
        .verify(text, needed)
        .map_err(|error| report::refusal("token", &error.to_string(), json))
}

fn refused(error: impl std::fmt::Display) -> Failure {
    report::refusal("token", &error.to_string(), false)
}

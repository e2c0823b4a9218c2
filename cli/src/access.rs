//! From arguments to a database and a session.

use std::path::Path;
use std::sync::Arc;

use peristyle::{
    AdmissionRecord, AuditError, AuditSink, Database, Denied, Error, Identity, ImportError,
    QueryRecord, Session,
};

use crate::args::{Access, IdentityArgs};
use crate::dataset_args::KeyArgs;
use crate::failure::Failure;
use crate::key;
use crate::progress::ImportBar;
use crate::report;
use crate::token;

/// Opens a dataset, or imports the data of a model.
pub fn open(access: &Access, json: bool) -> Result<Database, Failure> {
    let database = open_or_import(&access.model, access.data.as_deref(), &access.key, json)?;
    let what = match database.in_error().len() {
        0 => return Ok(database),
        1 => "1 object of the model is in error; `peristyle inspect` names it".to_owned(),
        more => format!("{more} objects of the model are in error; `peristyle inspect` lists them"),
    };
    eprintln!("{what}");
    Ok(database)
}

/// What of the model is in error, one a line.
pub fn list_errors(database: &Database) {
    for problem in database.in_error() {
        eprintln!("{problem}");
    }
}

/// The same, where nobody asks yet.
pub fn open_or_import(
    path: &Path,
    data: Option<&Path>,
    key: &KeyArgs,
    json: bool,
) -> Result<Database, Failure> {
    if !peristyle::is_dataset(path) {
        if key.is_given() {
            return Err(no_dataset(path));
        }
        return import(path, data, false).map_err(|error| {
            let failure = report::error(&error, None, json);
            if data.is_none() && is_missing_file(&error) {
                eprintln!("--data DIR says where the Parquet files are");
            }
            failure
        });
    }
    if data.is_some() {
        let message = "--data goes with a model; a dataset holds its data";
        return Err(Failure::usage(message));
    }
    let provider = key::provider(key)?;
    Database::builder(path)
        .audit(Arc::new(Operator))
        .least_generation(key.least_generation)
        .open(provider)
        .map_err(|error| report::error(&error, None, json))
}

fn is_missing_file(error: &Error) -> bool {
    matches!(error, Error::Import(cause) if matches!(**cause, ImportError::MissingFile { .. }))
}

pub fn no_dataset(path: &Path) -> Failure {
    Failure::usage(format!("{} is no dataset, and has no key", path.display()))
}

/// Imports the data, with a progress bar where a person watches.
pub fn import(model: &Path, data: Option<&Path>, strict: bool) -> Result<Database, Error> {
    let bar = ImportBar::new();
    let builder = Database::builder(model)
        .progress(&bar)
        .strict(strict)
        .audit(Arc::new(Operator));
    let builder = match data {
        Some(folder) => builder.data(folder),
        None => builder,
    };
    let result = builder.import();
    bar.finish();
    result
}

/// A session for whom the arguments describe, by a token or by name. With `json`, a refusal is told on standard output too.
pub fn session(database: &Database, args: &IdentityArgs, json: bool) -> Result<Session, Failure> {
    match (&args.token, &args.keys) {
        (Some(text), Some(keys)) => token::session(database, text, keys, json),
        (None, None) => database.session(identity(args)).map_err(|error| {
            let failure = report::error(&error, None, json);
            if let Some(advice) = advice(&error) {
                eprintln!("{advice}");
            }
            failure
        }),
        _ => Err(Failure::usage("--token and --keys go together")),
    }
}

/// The argument that lets in whom the gate refused, where there is one.
fn advice(error: &Error) -> Option<&'static str> {
    match error {
        Error::Denied(Denied::NoRole) => Some(
            "--role NAME (at the prompt .as NAME) asks as a role; one without filters sees everything",
        ),
        Error::Denied(Denied::NeedsUserName { .. }) => {
            Some("--user NAME (at the prompt .user NAME) says who asks")
        }
        Error::Denied(Denied::NeedsObjectId { .. }) => Some("--object-id ID says who asks"),
        _ => None,
    }
}

/// The identity that the arguments describe.
fn identity(args: &IdentityArgs) -> Identity {
    let mut identity = match &args.user {
        Some(user) => Identity::user(user),
        None => Identity::anonymous(),
    };
    if let Some(data) = &args.custom_data {
        identity = identity.custom_data(data);
    }
    if let Some(id) = &args.object_id {
        identity = identity.object_id(id);
    }
    if let Some(culture) = &args.culture {
        identity = identity.culture(culture);
    }
    identity.roles(args.roles.iter().cloned())
}

/// Whoever runs this command imported the data, and so is the operator: it is told why a role's filter failed.
struct Operator;

impl AuditSink for Operator {
    fn admission(&self, record: &AdmissionRecord) -> Result<(), AuditError> {
        if let Some(detail) = &record.detail {
            eprintln!("for the operator: {detail}");
        }
        Ok(())
    }

    fn wants_queries(&self) -> bool {
        false
    }

    fn query(&self, _: &QueryRecord) -> Result<(), AuditError> {
        Ok(())
    }
}

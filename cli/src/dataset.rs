//! What is done with an encrypted dataset as a whole: `import`, `refresh`, `verify`, `rotate-key`, `rekey`, `vacuum` by the operator,
//! and `export` as an identity.

use std::io::{self, Write};
use std::sync::Arc;

use peristyle::{
    AtRestError, Database, Error, KeyProvider, Limits, QueryOptions, Refresh, RefreshMode,
};

use crate::access;
use crate::dataset_args::{DatasetArgs, ExportArgs, ImportArgs, Mode, RefreshArgs, RotateArgs};
use crate::failure::Failure;
use crate::key;
use crate::report;

/// `peristyle import`.
pub fn import(args: &ImportArgs) -> Result<(), Failure> {
    if args.key.least_generation > 0 {
        return Err(Failure::usage("a new dataset begins with generation 1"));
    }
    // A key that is not there is noticed before the long work.
    let provider = key::new_provider(&args.key)?;
    let database = access::import(&args.model, args.data.as_deref(), args.strict).map_err(told)?;
    access::list_errors(&database);
    let saved = database.save(&args.out, provider.as_ref()).map_err(told)?;
    say(&format!(
        "dataset {}, generation {}: {} files, {} bytes\n",
        saved.dataset, saved.generation, saved.files_written, saved.bytes_written
    ))
}

/// `peristyle verify`.
pub fn verify(args: &DatasetArgs) -> Result<(), Failure> {
    let (provider, least) = (key::provider(&args.key)?, args.key.least_generation);
    let verified = peristyle::verify(&args.dataset, provider.as_ref(), least).map_err(at_rest)?;
    say(&format!(
        "dataset {}, generation {}: {} files, {} bytes, {} columns, all as they were written\n",
        verified.dataset, verified.generation, verified.files, verified.bytes, verified.columns
    ))
}

/// `peristyle rotate-key`.
pub fn rotate_key(args: &RotateArgs) -> Result<(), Failure> {
    let old = provider(&args.dataset)?;
    let new = match &args.new_key {
        Some(name) => key::new_named(name)?,
        None => old.clone(),
    };
    let bytes = peristyle::rotate_key(&args.dataset.dataset, old.as_ref(), new.as_ref());
    let bytes = bytes.map_err(at_rest)?;
    say(&format!("the key file was written anew: {bytes} bytes\n"))
}

/// `peristyle refresh`.
pub fn refresh(args: &RefreshArgs) -> Result<(), Failure> {
    let database = open_as(
        &args.dataset,
        key::provider(&args.dataset.key)?,
        args.strict,
    )?;
    let what = Refresh {
        table: args.table.clone(),
        partition: args.partition.clone(),
        mode: match args.mode {
            Mode::Full => RefreshMode::Full,
            Mode::Add => RefreshMode::Add,
        },
        data: args.data.clone(),
    };
    let saved = database.refresh(&what).map_err(told)?;
    access::list_errors(&database);
    match saved {
        None => say("no source file has changed\n"),
        Some(saved) => say(&format!(
            "generation {}: {} of {} files written, {} bytes\n",
            saved.generation, saved.files_written, saved.files, saved.bytes_written
        )),
    }
}

/// `peristyle rekey`.
pub fn rekey(args: &RotateArgs) -> Result<(), Failure> {
    let old = provider(&args.dataset)?;
    let new = match &args.new_key {
        Some(name) => key::new_named(name)?,
        None => old.clone(),
    };
    let database = open_with(&args.dataset, old)?;
    let saved = database.rekey(new).map_err(told)?;
    say(&format!(
        "generation {}: {} files written, {} bytes; older generations stay under the old key until `vacuum` removes them\n",
        saved.generation, saved.files_written, saved.bytes_written
    ))
}

/// `peristyle export`.
pub fn export(args: &ExportArgs) -> Result<(), Failure> {
    let key = args.out_key.as_deref().map(key::new_named).transpose()?;
    let database = access::open(&args.access, false)?;
    let session = access::session(&database, &args.access.identity, false)?;
    // The rows go to a file and not into memory, so their number is bounded by the disk.
    let limits = Limits {
        result_rows: usize::MAX,
        ..Limits::default()
    };
    let options = QueryOptions::default().limits(limits).time_limit(None);
    let exported = session.export(&args.table, &args.out, key.as_deref(), &options);
    let exported = exported.map_err(told)?;
    say(&format!(
        "{} rows, {} bytes\n",
        exported.rows, exported.bytes
    ))
}

/// `peristyle vacuum`.
pub fn vacuum(args: &DatasetArgs) -> Result<(), Failure> {
    let provider = provider(args)?;
    let done = peristyle::vacuum(&args.dataset, provider.as_ref()).map_err(at_rest)?;
    let mut text = format!("{} files removed, {} bytes\n", done.files, done.bytes);
    if done.in_use > 0 {
        text.push_str(&format!(
            "{} older generations are still read by others, and stay\n",
            done.in_use
        ));
    }
    say(&text)
}

/// The key's provider, once the folder is not older than it may be.
fn provider(args: &DatasetArgs) -> Result<Arc<dyn KeyProvider>, Failure> {
    peristyle::at_least(&args.dataset, args.key.least_generation).map_err(at_rest)?;
    key::provider(&args.key)
}

fn open_with(args: &DatasetArgs, key: Arc<dyn KeyProvider>) -> Result<Database, Failure> {
    open_as(args, key, false)
}

fn open_as(
    args: &DatasetArgs,
    key: Arc<dyn KeyProvider>,
    strict: bool,
) -> Result<Database, Failure> {
    Database::builder(&args.dataset)
        .least_generation(args.key.least_generation)
        .strict(strict)
        .open(key)
        .map_err(told)
}

fn told(error: Error) -> Failure {
    report::error(&error, None, false)
}

fn at_rest(error: AtRestError) -> Failure {
    told(Error::from(error))
}

fn say(text: &str) -> Result<(), Failure> {
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

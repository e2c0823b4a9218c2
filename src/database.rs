//! A database: one model with its data, behind the gate.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use model::{Problem, Severity};
use security::{
    Audit, AuditSink, CloseError, Control, Figures, Gate, Identity, StillValid, Unrevocable,
};
use storage::{
    AtRestError, ColumnMemory, ImportOptions, KeyProvider, Leasing, NoProgress, Progress, Sources,
};

use crate::answers::{Answers, CacheFigures};
use crate::error::Error;
use crate::limits::ServiceLimits;
use crate::location::default_data_folder;
use crate::runtime::{Runtime, lost};
use crate::session::Session;
use crate::shared::Shared;

/// A session lasts at most this long unless the embedding service says otherwise.
const SESSION_LENGTH: Duration = Duration::from_secs(3600);

/// Bytes for answers and scans that are kept, unless said otherwise.
const CACHE_BYTES: u64 = 256 << 20;

/// Bytes of earlier generations that running queries may hold, unless said otherwise.
const OLD_BYTES: u64 = 4 << 30;

/// The data of one model in memory. Only the sessions that it admits can read it. Cheap to clone: clones are the same
/// database.
#[derive(Clone)]
pub struct Database {
    pub(crate) shared: Arc<Shared>,
    session_length: Duration,
    pub(crate) origin: Arc<Origin>,
}

/// Where a database came from.
pub(crate) enum Origin {
    /// Imported; what from, so that it can be saved.
    Sources(Sources),
    /// Opened from disk.
    Dataset {
        folder: PathBuf,
        /// Another one after `rekey`.
        key: RwLock<Arc<dyn KeyProvider>>,
        leasing: Leasing,
        /// Of the columns of all its generations.
        memory: Arc<ColumnMemory>,
        /// See [`Builder::strict`].
        strict: bool,
    },
}

/// How a database is imported: see [`Database::builder`].
pub struct Builder<'a> {
    pub(crate) model: PathBuf,
    data: Option<PathBuf>,
    progress: &'a dyn Progress,
    limits: ServiceLimits,
    session_length: Duration,
    audit: Option<Auditing>,
    cache_bytes: u64,
    old_bytes: u64,
    pub(crate) least_generation: u64,
    pub(crate) leasing: Leasing,
    pub(crate) column_bytes: Option<u64>,
    pub(crate) pinned: Vec<String>,
    pub(crate) strict: bool,
}

enum Auditing {
    /// Under a key that is made when the database is.
    Plain(Arc<dyn AuditSink>),
    Given(Audit),
}

impl Database {
    /// Reads the model (`model.bim`, or a TMDL folder) and imports the Parquet files of the data folder.
    ///
    /// All data is loaded, or there is an error and nothing is. A calculated column or table that cannot be computed is put in error and
    /// stops nothing: see [`Database::in_error`].
    pub fn import(model: impl AsRef<Path>, data: impl AsRef<Path>) -> Result<Database, Error> {
        Database::builder(model).data(data).import()
    }

    /// For everything beyond [`Database::import`]. Without more, the data folder is
    /// [`default_data_folder`](crate::default_data_folder) of the model.
    pub fn builder(model: impl AsRef<Path>) -> Builder<'static> {
        Builder {
            model: model.as_ref().to_path_buf(),
            data: None,
            progress: &NoProgress,
            limits: ServiceLimits::default(),
            session_length: SESSION_LENGTH,
            audit: None,
            cache_bytes: CACHE_BYTES,
            old_bytes: OLD_BYTES,
            least_generation: 0,
            leasing: Leasing::default(),
            column_bytes: None,
            pinned: Vec::new(),
            strict: false,
        }
    }

    /// Admits an identity, or refuses it: the only door to the data.
    pub fn session(&self, identity: Identity) -> Result<Session, Error> {
        self.admit(identity, self.session_length, Arc::new(Unrevocable))
    }

    /// Admits an identity that something vouches for, such as a token. The session ends when the credential expires, from the
    /// first query on that finds it no longer valid, and at the end of the database's own session length, whichever is first.
    pub fn session_until(
        &self,
        identity: Identity,
        expiry: SystemTime,
        credential: Arc<dyn StillValid>,
    ) -> Result<Session, Error> {
        let left = expiry
            .duration_since(SystemTime::now())
            .map_err(|_| Error::SessionEnded)?;
        if left.is_zero() || !credential.still_valid() {
            return Err(Error::SessionEnded);
        }
        self.admit(identity, left.min(self.session_length), credential)
    }

    fn admit(
        &self,
        identity: Identity,
        length: Duration,
        credential: Arc<dyn StillValid>,
    ) -> Result<Session, Error> {
        Session::open(
            Arc::clone(&self.shared),
            identity.clone(),
            client_of(&identity),
            length,
            credential,
        )
    }

    /// Takes the roles of a model file or folder in place of those of now; its other parts are not looked at. They apply to the next
    /// query of every session: its identity is admitted again, or refused. An error leaves everything as it is.
    pub fn replace_roles(&self, model: impl AsRef<Path>) -> Result<(), Error> {
        let roles = model::load(model.as_ref())?.roles;
        self.shared.change(|now| Ok(Some(now.with_roles(roles)?)))
    }

    /// Takes the model and the data of another database in place of those of now, at once: a new generation. Queries under way
    /// end with the data that they began with, unless these grow beyond what is kept of old generations; then those
    /// of the oldest are ended first. Sessions and limits stay.
    ///
    /// Neither of the two may be opened from disk: the lease of its key belongs to the database that it was opened as. Such a dataset
    /// is brought up to date by [`Database::refresh`].
    pub fn replace(&self, newer: Database) -> Result<(), Error> {
        if self.shared.keeper.get().is_some() || newer.shared.keeper.get().is_some() {
            let what = "a dataset that was opened from disk is refreshed, and neither replaces another database nor is replaced";
            return Err(Error::from(AtRestError::Refresh {
                what: what.to_owned(),
            }));
        }
        let newer = newer.shared.gate()?;
        self.shared.change(|now| Ok(Some(newer.renewed(now))))
    }

    /// Answers no query any more, and ends those that run: for a dataset whose key is denied. There is no way back.
    pub fn close(&self) {
        if let Some(keeper) = self.shared.keeper.get() {
            keeper.close();
        }
        self.shared.close();
    }

    /// How often answers were found among those that are kept, for the operator: no session is told of what others ask.
    pub fn cache_figures(&self) -> CacheFigures {
        let scans = self.shared.gate().map(|gate| gate.scan_figures());
        self.shared.answers.figures(scans.unwrap_or_default())
    }

    /// Rows that all queries so far have touched, for the operator: hidden rows count, so no session is told.
    pub fn rows_scanned(&self) -> u64 {
        self.shared.runtime.rows_scanned.load(Ordering::Relaxed)
    }

    /// What of the model is in error, for the operator: calculated columns and tables that could not be computed, the relationships over
    /// them, and the roles that nobody is admitted to because of that. A query that reads one of them is refused, and all others answer.
    /// Nothing of a database that is closed.
    pub fn in_error(&self) -> Vec<Problem> {
        let found = self.shared.gate().map(|gate| gate.in_error());
        let found = found.unwrap_or_default().into_iter();
        found
            .map(|found| Problem {
                severity: Severity::Warning,
                code: None,
                place: found.place,
                object: found.object,
                message: format!("it is in error: {}", found.why),
                excerpt: None,
            })
            .collect()
    }

    /// Rows and bytes of every table and column, for the operator: whoever may import may see them. Counts, never cells.
    /// Nothing of a database that is closed.
    pub fn inspect(&self) -> Figures {
        let empty = || Figures {
            tables: Vec::new(),
            columns: Vec::new(),
            key_maps: Vec::new(),
            source_bytes: 0,
            column_memory: None,
        };
        self.shared
            .gate()
            .map_or_else(|_| empty(), |gate| gate.inspect())
    }
}

impl<'a> Builder<'a> {
    /// The folder of the Parquet files.
    pub fn data(mut self, folder: impl AsRef<Path>) -> Self {
        self.data = Some(folder.as_ref().to_path_buf());
        self
    }

    /// Who is told how far the import has come.
    pub fn progress<'b>(self, progress: &'b dyn Progress) -> Builder<'b>
    where
        'a: 'b,
    {
        Builder { progress, ..self }
    }

    /// Threads that import, and queries that compute at the same moment; as many as the machine has cores unless said here.
    pub fn threads(mut self, threads: usize) -> Self {
        self.limits.cores = threads;
        self
    }

    /// What all queries together, and those of one identity, may take.
    pub fn limits(mut self, limits: ServiceLimits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a session lasts after admission; an hour unless said here.
    pub fn session_length(mut self, length: Duration) -> Self {
        self.session_length = length;
        self
    }

    /// Who is told of every admission, refusal and query, with the details that the identity is not told. What cannot be recorded
    /// is refused; texts of queries stay out.
    pub fn audit(mut self, sink: Arc<dyn AuditSink>) -> Self {
        self.audit = Some(Auditing::Plain(sink));
        self
    }

    /// The same, with a key of the service's own and other choices.
    pub fn audit_with(mut self, audit: Audit) -> Self {
        self.audit = Some(Auditing::Given(audit));
        self
    }

    /// A calculated column or table that cannot be computed is an error, when the model is imported and when a dataset is refreshed. Else it
    /// is put in error: see [`Database::in_error`].
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Bytes for answers and scans that are kept for whoever asks the same and sees the same. None in no bytes.
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Bytes of earlier generations of data that running queries may go on to hold after [`Database::replace`].
    pub fn old_generation_bytes(mut self, bytes: u64) -> Self {
        self.old_bytes = bytes;
        self
    }

    /// Bytes that columns of an opened dataset may take in memory; as many as there are unless said here. Beyond it those are given up
    /// that were not used for longest, and read again when a query needs them. A query holds what it reads, and a column larger than all
    /// that stays until the next one is read.
    pub fn column_bytes(mut self, bytes: u64) -> Self {
        self.column_bytes = Some(bytes);
        self
    }

    /// Keeps the columns of a table of an opened dataset in memory once they are read. May be called for several tables.
    pub fn pin(mut self, table: impl Into<String>) -> Self {
        self.pinned.push(table.into());
        self
    }

    /// Reads the model, imports the data, computes calculated columns and tables, and closes the gate over them.
    pub fn import(self) -> Result<Database, Error> {
        let runtime = self.runtime()?;
        let mut model = model::load(&self.model)?;
        model.leave_out_bytes();
        let default = || default_data_folder(&self.model);
        let data = self.data.clone().unwrap_or_else(default);
        // Before the import: a file that changes meanwhile must count as changed later.
        let sources = storage::sources(&model, &data);
        let options = ImportOptions {
            threads: self.limits.cores,
            ..ImportOptions::default()
        };
        let dataset = storage::import_with(&model, &data, &options, self.progress)?;
        let gate = close("import", &runtime, model, dataset, self.strict)?;
        self.finish(gate, runtime, Origin::Sources(sources))
    }

    pub(crate) fn runtime(&self) -> Result<Runtime, Error> {
        Runtime::new(self.limits.clone())
            .map_err(|_| Error::Internal("the operating system gives no thread"))
    }

    pub(crate) fn finish(
        self,
        gate: Gate,
        runtime: Runtime,
        origin: Origin,
    ) -> Result<Database, Error> {
        let gate = match self.audit {
            Some(Auditing::Plain(sink)) => gate.audited(Audit::new(sink, random_key()?)),
            Some(Auditing::Given(audit)) => gate.audited(audit),
            None => gate,
        };
        let gate = gate.keeping_scans(self.cache_bytes / 2);
        let answers = Answers::new(self.cache_bytes / 2);
        Ok(Database {
            shared: Arc::new(Shared::new(gate, runtime, answers, self.old_bytes)),
            session_length: self.session_length,
            origin: Arc::new(origin),
        })
    }
}

/// Computes calculated columns and tables, which are DAX, where stacks are deep, and closes the gate.
pub(crate) fn close(
    client: &str,
    runtime: &Runtime,
    model: model::Model,
    dataset: storage::Dataset,
    strict: bool,
) -> Result<Gate, Error> {
    let close = move || close_here(model, dataset, strict);
    let unbounded = Control::new(None);
    let closed = runtime.pool.run(&Arc::from(client), &unbounded, close);
    Ok(closed.map_err(lost)??)
}

/// The same on this thread.
pub(crate) fn close_here(
    model: model::Model,
    dataset: storage::Dataset,
    strict: bool,
) -> Result<Gate, CloseError> {
    let (evaluators, control) = (engine::evaluators(), Control::new(None));
    if strict {
        Gate::close(model, dataset, evaluators, &control)
    } else {
        Gate::close_over_errors(model, dataset, evaluators, &control)
    }
}

fn random_key() -> Result<[u8; 32], Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|_| Error::Internal("the operating system gives no random numbers"))?;
    Ok(key)
}

/// Whose turn it is: one user is one client, whatever roles it asks for, so that more roles give no larger share.
fn client_of(identity: &Identity) -> Arc<str> {
    let who = (
        identity.user_name(),
        identity.user_object_id(),
        identity.user_custom_data(),
    );
    if who == (None, None, None) {
        let roles: BTreeSet<&String> = identity.role_names().iter().collect();
        return Arc::from(format!("roles {roles:?}"));
    }
    Arc::from(format!("{who:?}"))
}

//! A database: one model with its data, behind the gate.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use engine::Limits;
use security::{AuditSink, Control, Figures, Gate, Identity, StillValid, Unrevocable};
use storage::{ImportOptions, NoProgress, Progress};

use crate::error::Error;
use crate::limits::ServiceLimits;
use crate::location::default_data_folder;
use crate::runtime::{Runtime, lost};
use crate::session::Session;

/// A session lasts at most this long unless the embedding service says otherwise.
const SESSION_LENGTH: Duration = Duration::from_secs(3600);

/// An admission that takes longer is given up: its filters are at fault.
const ADMISSION_TIME: Duration = Duration::from_secs(300);

/// The data of one model in memory. Only the sessions that it admits can read it. Cheap to clone: clones are the same
/// database.
#[derive(Clone)]
pub struct Database {
    gate: Arc<Gate>,
    runtime: Arc<Runtime>,
    session_length: Duration,
}

/// How a database is imported: see [`Database::builder`].
pub struct Builder<'a> {
    model: PathBuf,
    data: Option<PathBuf>,
    progress: &'a dyn Progress,
    limits: ServiceLimits,
    session_length: Duration,
    audit: Option<Arc<dyn AuditSink>>,
}

impl Database {
    /// Reads the model (`model.bim`, or a TMDL folder) and imports the Parquet files of the data folder.
    ///
    /// Everything is loaded, or there is an error and nothing is.
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
        let client = client_of(&identity);
        let gate = Arc::clone(&self.gate);
        // Role filters are DAX: they are evaluated where DAX is, on a thread with a deep stack.
        let limits = Limits::default();
        let control = self
            .runtime
            .bounded
            .control(&client, Some(ADMISSION_TIME), &limits);
        let own = control.clone();
        let view = self
            .runtime
            .pool
            .run(&client, &control, move || gate.admit_under(identity, &own))
            .map_err(lost)??;
        Ok(Session::new(
            view,
            Arc::clone(&self.runtime),
            client,
            length,
            credential,
        ))
    }

    /// Rows that all queries so far have touched, for the operator: hidden rows count, so no session is told.
    pub fn rows_scanned(&self) -> u64 {
        self.runtime.rows_scanned.load(Ordering::Relaxed)
    }

    /// Rows and bytes of every table and column, for the operator: whoever may import may see them. Counts, never cells.
    pub fn inspect(&self) -> Figures {
        self.gate.inspect()
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

    /// Who is told of every admission and refusal, with the details that the identity is not told.
    pub fn audit(mut self, sink: Arc<dyn AuditSink>) -> Self {
        self.audit = Some(sink);
        self
    }

    /// Reads the model, imports the data, computes calculated columns and tables, and closes the gate over them.
    pub fn import(self) -> Result<Database, Error> {
        let threads = self.limits.cores;
        let runtime = Runtime::new(self.limits)
            .map_err(|_| Error::Internal("the operating system gives no thread"))?;
        let model = model::load(&self.model)?;
        let data = self
            .data
            .unwrap_or_else(|| default_data_folder(&self.model));
        let options = ImportOptions {
            threads,
            ..ImportOptions::default()
        };
        let dataset = storage::import_with(&model, &data, &options, self.progress)?;
        let client = Arc::from("import");
        let unbounded = Control::new(None);
        let close = move || Gate::close(model, dataset, engine::evaluators(), &Control::new(None));
        let gate = runtime
            .pool
            .run(&client, &unbounded, close)
            .map_err(lost)??;
        let gate = match self.audit {
            Some(sink) => gate.audited(sink),
            None => gate,
        };
        Ok(Database {
            gate: Arc::new(gate),
            runtime: Arc::new(runtime),
            session_length: self.session_length,
        })
    }
}

/// Whose turn it is: one user is one client, whatever roles it asks for, so that more roles give no larger share.
fn client_of(identity: &Identity) -> Arc<str> {
    let who = (
        identity.user_name(),
        identity.user_object_id(),
        identity.user_custom_data(),
    );
    if who == (None, None, None) {
        return Arc::from(format!("roles {:?}", identity.role_names()));
    }
    Arc::from(format!("{who:?}"))
}

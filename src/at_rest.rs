//! A database on disk: saved encrypted, and opened from there.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use security::{Control, Gate};
use storage::{
    AtRestError, ColumnMemory, ColumnMemoryFigures, KeyProvider, Lease, LeaseState, Leasing,
    Refresh, Saved, Successor,
};

use crate::database::{Builder, Database, Origin, close, close_here};
use crate::error::Error;
use crate::keeper::Keeper;
use crate::runtime::lost;

/// How a database stands that was opened from disk. For the operator.
#[derive(Clone, Debug)]
pub struct DatasetStatus {
    /// The random identity of the dataset, for life.
    pub dataset: String,
    pub generation: u64,
    /// Which key of the provider it was opened with.
    pub key_id: String,
    pub lease: LeaseState,
    /// What the columns in memory take, and how often they were read and given up.
    pub columns: ColumnMemoryFigures,
}

/// Whether an encrypted dataset lies in this folder.
pub fn is_dataset(path: impl AsRef<Path>) -> bool {
    storage::is_dataset(path.as_ref())
}

impl Database {
    /// Opens a dataset that [`Database::save`] wrote. Nothing is read but its model: columns are decrypted when a query first needs
    /// them. The provider is asked for the key now, and again before each lease is over.
    pub fn open(path: impl AsRef<Path>, key: Arc<dyn KeyProvider>) -> Result<Database, Error> {
        Database::builder(path).open(key)
    }

    /// Writes data and model into a new folder, encrypted under a key that stays with the provider. This is the operator's act, and
    /// writes nothing in clear.
    pub fn save(&self, folder: impl AsRef<Path>, key: &dyn KeyProvider) -> Result<Saved, Error> {
        let sources = match self.origin.as_ref() {
            Origin::Sources(sources) => Some(sources),
            Origin::Dataset { .. } => None,
        };
        Ok(self.shared.gate()?.save(folder.as_ref(), key, sources)?)
    }

    /// Imports again what has changed in the source files, and writes the next generation of the dataset that this database was opened
    /// from. Queries under way end with the data that they began with; the next of every session sees the new ones. None: no
    /// source file has changed. When this fails, nothing has changed.
    pub fn refresh(&self, what: &Refresh) -> Result<Option<Saved>, Error> {
        let what = what.clone();
        self.succeed(move |gate, folder, key, least| gate.refresh(folder, key, least, &what))
    }

    /// Writes the whole dataset anew, under fresh keys for every file that only the new provider can unwrap. Older generations are still
    /// there, under the old key, until `vacuum` removes them.
    pub fn rekey(&self, new: Arc<dyn KeyProvider>) -> Result<Saved, Error> {
        let Origin::Dataset { key, leasing, .. } = self.origin.as_ref() else {
            return Err(not_from_disk());
        };
        // The rows are those of before, so nothing is judged anew.
        let saved = self.succeed_under(
            Arc::clone(&new),
            *leasing,
            false,
            |_, folder, key, least| storage::rekey(folder, key, least).map(Some),
        )?;
        *key.write().unwrap_or_else(PoisonError::into_inner) = new;
        saved.ok_or(Error::Internal("nothing was written"))
    }

    /// Reads all columns of a dataset that was opened from disk, so that no query waits for them.
    pub fn preload(&self) -> Result<(), Error> {
        Ok(self.shared.gate()?.preload()?)
    }

    fn succeed(
        &self,
        read: impl FnOnce(&Gate, &Path, &dyn KeyProvider, u64) -> Result<Option<Successor>, AtRestError>
        + Send
        + 'static,
    ) -> Result<Option<Saved>, Error> {
        let Origin::Dataset {
            key,
            leasing,
            strict,
            ..
        } = self.origin.as_ref()
        else {
            return Err(not_from_disk());
        };
        self.succeed_under(current(key), *leasing, *strict, read)
    }

    /// Makes the next generation of what is on disk now, and puts it in the place of the current one.
    fn succeed_under(
        &self,
        new: Arc<dyn KeyProvider>,
        leasing: Leasing,
        strict: bool,
        read: impl FnOnce(&Gate, &Path, &dyn KeyProvider, u64) -> Result<Option<Successor>, AtRestError>
        + Send
        + 'static,
    ) -> Result<Option<Saved>, Error> {
        let (
            Origin::Dataset {
                folder,
                key,
                memory,
                ..
            },
            Some(keeper),
        ) = (self.origin.as_ref(), self.shared.keeper.get())
        else {
            return Err(not_from_disk());
        };
        let before = self.shared.gate()?;
        let least = keeper.lease().generation();
        let (folder, key) = (folder.clone(), current(key));
        let (live, memory) = (Arc::clone(&before), Arc::clone(memory));
        let work = move || -> Result<_, Error> {
            let Some(successor) = read(&live, &folder, key.as_ref(), least)? else {
                return Ok(None);
            };
            let Successor {
                model,
                dataset,
                next,
            } = successor;
            let gate = close_here(model, dataset, strict)?;
            let gate = gate.with_roles_of(&live)?;
            Ok(Some(gate.succeed(next.within(memory), new, leasing)?))
        };
        // Calculated columns are DAX, which needs a deep stack.
        let (client, unbounded) = (Arc::from("refresh"), Control::new(None));
        let done = self.shared.runtime.pool.run(&client, &unbounded, work);
        let done = done.map_err(lost)??;
        let Some((gate, lease, saved)) = done else {
            return Ok(None);
        };
        self.shared.change(|now| {
            // Another refresh may have written, and put in place, a later generation meanwhile.
            if keeper.lease().generation() > lease.generation() {
                return Ok(None);
            }
            // Roles that were replaced while the data were read count from now on.
            let gate = match now.number() == before.number() {
                true => gate,
                false => gate.with_roles_of(now)?,
            };
            keeper.replace(lease);
            Ok(Some(gate.renewed(now)))
        })?;
        Ok(Some(saved))
    }

    /// Identity, generation and lease; None: the database was not opened from disk.
    pub fn status(&self) -> Option<DatasetStatus> {
        let Origin::Dataset { memory, .. } = self.origin.as_ref() else {
            return None;
        };
        let lease = self.shared.keeper.get()?.lease();
        Some(DatasetStatus {
            dataset: lease.dataset().to_string(),
            generation: lease.generation(),
            key_id: lease.key_id().to_owned(),
            lease: lease.state(),
            columns: memory.figures(),
        })
    }
}

fn current(key: &RwLock<Arc<dyn KeyProvider>>) -> Arc<dyn KeyProvider> {
    Arc::clone(&key.read().unwrap_or_else(PoisonError::into_inner))
}

fn not_from_disk() -> Error {
    let what = "the database was imported, and not opened from a dataset on disk".to_owned();
    Error::from(AtRestError::Refresh { what })
}

impl Builder<'_> {
    /// Refuses a dataset whose generation is before this one. Whoever remembers the last generation that was written notices so when
    /// somebody puts an old copy of the folder in its place.
    pub fn least_generation(mut self, generation: u64) -> Self {
        self.least_generation = generation;
        self
    }

    /// How long the dataset may be used without asking for its key again.
    pub fn leasing(mut self, leasing: Leasing) -> Self {
        self.leasing = leasing;
        self
    }

    /// Opens the dataset at the path that the builder was made with.
    pub fn open(self, key: Arc<dyn KeyProvider>) -> Result<Database, Error> {
        let runtime = self.runtime()?;
        let memory = Arc::new(ColumnMemory::new(self.column_bytes, self.pinned.clone()));
        let least = self.least_generation;
        let opened = storage::open_within(&self.model, key.as_ref(), least, Arc::clone(&memory))?;
        let lease = Lease::new(&opened, Arc::clone(&key), self.leasing);
        let origin = Origin::Dataset {
            folder: self.model.clone(),
            key: RwLock::new(key),
            leasing: self.leasing,
            memory,
            strict: self.strict,
        };
        // What is on disk was judged when it was written.
        let gate = close("open", &runtime, opened.model, opened.dataset, false)?;
        let database = self.finish(gate, runtime, origin)?;
        let audit = database.shared.gate()?.audit();
        let keeper = Keeper::start(lease, audit, Arc::downgrade(&database.shared))?;
        let _ = database.shared.keeper.set(keeper);
        Ok(database)
    }
}

impl From<AtRestError> for Error {
    fn from(error: AtRestError) -> Self {
        match error {
            AtRestError::Closed { .. } => Error::Closed,
            error => Error::AtRest(Box::new(error)),
        }
    }
}

/// The code of an error of files and keys.
pub(crate) fn code(error: &AtRestError) -> &'static str {
    match error {
        AtRestError::NotADataset { .. }
        | AtRestError::Exists { .. }
        | AtRestError::FileExists { .. }
        | AtRestError::Io { .. }
        | AtRestError::NoRandomness
        | AtRestError::Unsupported { .. } => "at_rest",
        AtRestError::Missing { .. }
        | AtRestError::Damaged { .. }
        | AtRestError::Unreadable { .. }
        | AtRestError::Version { .. }
        | AtRestError::TooOld { .. } => "damaged",
        AtRestError::Denied { .. } => "key_denied",
        AtRestError::Unavailable { .. } => "key_unavailable",
        AtRestError::Locked { .. } => "locked",
        AtRestError::Closed { .. } => "closed",
        AtRestError::Refresh { .. } | AtRestError::Import { .. } => "refresh",
        AtRestError::Internal { .. } => "internal",
    }
}

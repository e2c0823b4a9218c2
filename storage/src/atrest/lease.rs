//! The lease: for how long an open dataset may be used before the key's keeper is asked again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::AtRestError;
use super::key_file;
use super::open::Opened;
use super::pointer::Pointer;
use super::provider::{DatasetId, KeyProvider};
use super::secret::hex;
use super::stored::StoredFiles;

/// How long a dataset may be used without its keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leasing {
    /// The keeper is asked again at most so long after its last yes.
    pub lease: Duration,
    /// A keeper that cannot be reached is asked again and again until so long after its last yes. Then the dataset is closed.
    pub grace: Duration,
}

impl Default for Leasing {
    /// Five minutes, and half an hour.
    fn default() -> Self {
        Leasing {
            lease: Duration::from_secs(300),
            grace: Duration::from_secs(1800),
        }
    }
}

/// How it stands with the key of an open dataset. The texts are for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// The keeper said yes, so long ago.
    Held { since: Duration },
    /// The keeper does not answer since its last yes; the dataset is closed when the grace is over.
    Unreachable { since: Duration, why: String },
    /// The dataset is closed for good; open it again.
    Closed { why: String },
}

/// The lease of one open generation. Whoever serves the dataset renews it.
pub struct Lease {
    files: Arc<StoredFiles>,
    provider: Arc<dyn KeyProvider>,
    leasing: Leasing,
    state: Mutex<State>,
    /// Earlier generations that sessions still read: they are closed with this one.
    older: Mutex<Vec<Weak<StoredFiles>>>,
}

#[derive(Clone)]
struct State {
    /// The last yes.
    held: Instant,
    unreachable: Option<String>,
    closed: Option<String>,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl Lease {
    /// The lease of a dataset that was opened just now.
    pub fn new(opened: &Opened, provider: Arc<dyn KeyProvider>, leasing: Leasing) -> Lease {
        Lease::of(Arc::clone(&opened.files), provider, leasing)
    }

    pub(crate) fn of(
        files: Arc<StoredFiles>,
        provider: Arc<dyn KeyProvider>,
        leasing: Leasing,
    ) -> Lease {
        Lease {
            files,
            provider,
            leasing,
            state: Mutex::new(State {
                held: Instant::now(),
                unreachable: None,
                closed: None,
            }),
            older: Mutex::default(),
        }
    }

    /// Takes the place of the lease of an earlier generation, whose readers may go on.
    pub fn supersede(&self, earlier: &Lease) {
        let mut older = self.older();
        older.push(Arc::downgrade(&earlier.files));
        older.extend(
            earlier
                .older()
                .iter()
                .filter(|f| f.strong_count() > 0)
                .cloned(),
        );
        drop(older);
        if let LeaseState::Closed { why } = earlier.state() {
            self.shut(&why, "with the generation before");
        }
    }

    fn older(&self) -> std::sync::MutexGuard<'_, Vec<Weak<StoredFiles>>> {
        self.older.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn dataset(&self) -> DatasetId {
        self.files.context.dataset
    }

    pub fn generation(&self) -> u64 {
        self.files.context.generation
    }

    /// Which key of the provider the dataset was opened with.
    pub fn key_id(&self) -> &str {
        &self.files.wrapped.key_id
    }

    /// Until the keeper should be asked again: well before the lease is over, so that a slow answer does not overrun it.
    pub fn next(&self) -> Duration {
        let state = self.lock();
        let asked = match state.unreachable {
            None => self.leasing.lease.mul_f64(0.8),
            Some(_) => state.held.elapsed() + self.leasing.lease.mul_f64(0.1),
        };
        asked
            .min(self.leasing.grace.max(self.leasing.lease))
            .saturating_sub(state.held.elapsed())
    }

    pub fn state(&self) -> LeaseState {
        let state = self.lock().clone();
        let since = state.held.elapsed();
        match (state.closed, state.unreachable) {
            (Some(why), _) => LeaseState::Closed { why },
            (None, Some(why)) => LeaseState::Unreachable { since, why },
            (None, None) => LeaseState::Held { since },
        }
    }

    /// Asks the keeper, and closes the dataset when the answer is no, or when there was none for too long.
    pub fn renew(&self) -> LeaseState {
        if self.lock().closed.is_some() {
            return self.state();
        }
        // What the keeper says was true when it was asked or later, however long its answer took.
        let asked = Instant::now();
        // Outside the lock: the keeper may be slow, and the state is asked for meanwhile.
        match self.ask() {
            Ok(()) => {
                let mut state = self.lock();
                state.held = asked;
                state.unreachable = None;
            }
            Err(AtRestError::Unavailable { why, .. }) => {
                let over = {
                    let mut state = self.lock();
                    state.unreachable = Some(why.clone());
                    state.held.elapsed() >= self.leasing.grace
                };
                if over {
                    self.shut("its key could not be checked for too long", &why);
                }
            }
            Err(AtRestError::Denied { why, .. }) => self.shut("its key was taken back", &why),
            Err(error) => self.shut("its key could not be checked", &error.to_string()),
        }
        self.state()
    }

    /// Closes the dataset if grace and lease have passed since the last yes, whatever has become of the question. True: it is closed.
    pub fn end_if_over(&self) -> bool {
        let (closed, held) = {
            let state = self.lock();
            (state.closed.is_some(), state.held)
        };
        if !closed && held.elapsed() >= self.leasing.grace.max(self.leasing.lease) {
            self.shut(
                "its key could not be checked for too long",
                "there was no answer",
            );
        }
        closed || self.lock().closed.is_some()
    }

    /// Closes the dataset by hand: keys are overwritten, queries are refused.
    pub fn close(&self) {
        self.shut("it was closed", "by the operator");
    }

    fn shut(&self, why: &str, detail: &str) {
        self.files.close(why);
        for older in self.older().iter().filter_map(Weak::upgrade) {
            older.close(why);
        }
        let mut state = self.lock();
        state.closed.get_or_insert(format!("{why}: {detail}"));
    }

    /// One question to the keeper. The key file may have been rotated since the dataset was opened: then the new one counts, if it
    /// holds the same keys.
    fn ask(&self) -> Result<(), AtRestError> {
        let files = &self.files;
        let pointer = Pointer::read(&files.folder).ok();
        let rotated = pointer.filter(|now| {
            now.dataset == files.context.dataset
                && now.generation == files.context.generation
                && now.keys != files.keys_name
        });
        if let Some(pointer) = rotated {
            let path = files.path(&pointer.keys);
            match key_file::read(&path, &files.context, self.provider.as_ref()) {
                Ok((keys, _)) if hex(&keys.digest()) == files.manifest.keys_digest => return Ok(()),
                Err(error @ (AtRestError::Denied { .. } | AtRestError::Unavailable { .. })) => {
                    return Err(error);
                }
                _ => {}
            }
        }
        let answer = self.provider.unwrap(&files.wrapped, &files.context);
        answer
            .map(drop)
            .map_err(|refusal| key_file::refused(&files.path(&files.keys_name), refusal))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

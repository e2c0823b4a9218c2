//! The keeper of an open dataset's lease: asks for the key again in time, and ends everything when it is denied.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, SystemTime};

use security::{Audit, AuditError, LeaseRecord};
use storage::{Lease, LeaseState};

use crate::error::Error;
use crate::shared::Shared as Served;

/// However short a lease is, the key's holder is not asked more often.
const LEAST_PAUSE: Duration = Duration::from_millis(20);

/// While the key's holder thinks, the clock is looked at so often.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Renews the lease on a thread of its own, until it is dropped.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// What is closed when the key is denied.
    served: Weak<Served>,
    audit: Option<Audit>,
    /// What the audit was told last: generation and state.
    told: Mutex<Option<(u64, &'static str)>>,
}

struct State {
    lease: Arc<Lease>,
    stop: bool,
}

impl Keeper {
    /// The audit is told of the lease and of every change. Where it must be told and cannot, nothing is started.
    pub fn start(
        lease: Lease,
        audit: Option<Audit>,
        served: Weak<Served>,
    ) -> Result<Keeper, Error> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                lease: Arc::new(lease),
                stop: false,
            }),
            changed: Condvar::new(),
            served,
            audit,
            told: Mutex::default(),
        });
        shared.tell().map_err(|_| Error::NotRecorded)?;
        let work = Arc::clone(&shared);
        thread::Builder::new()
            .name("peristyle lease".to_owned())
            .spawn(move || work.keep())
            .map_err(|_| Error::Internal("the operating system gives no thread"))?;
        Ok(Keeper { shared })
    }

    pub fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.shared.lock().lease)
    }

    /// Looks at the clock alone: a lease that ran over because its holder does not even say no is over all the same.
    pub fn is_over(&self) -> bool {
        let over = self.lease().end_if_over();
        if over {
            self.shared.tell_what_is();
        }
        over
    }

    /// The lease of a later generation. Sessions that read the one before go on, under the same key.
    pub fn replace(&self, lease: Lease) {
        lease.supersede(&self.lease());
        self.shared.lock().lease = Arc::new(lease);
        self.shared.tell_what_is();
        self.shared.changed.notify_all();
    }

    /// Ends the lease now.
    pub fn close(&self) {
        self.lease().close();
        self.shared.tell_what_is();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the audit how it stands with the lease, if that is news.
    fn tell(&self) -> Result<(), AuditError> {
        let Some(audit) = &self.audit else {
            return Ok(());
        };
        let lease = Arc::clone(&self.lock().lease);
        let (state, detail) = match lease.state() {
            LeaseState::Held { .. } => ("held", None),
            LeaseState::Unreachable { why, .. } => ("unreachable", Some(why)),
            LeaseState::Closed { why } => ("closed", Some(why)),
        };
        let news = Some((lease.generation(), state));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told == news {
            return Ok(());
        }
        *told = news;
        audit.lease(&LeaseRecord {
            at: SystemTime::now(),
            dataset: lease.dataset().to_string(),
            generation: lease.generation(),
            key_id: lease.key_id().to_owned(),
            state,
            detail,
        })
    }

    /// The same where the change has happened already, and an audit that fails cannot prevent it.
    fn tell_what_is(&self) {
        let _ = self.tell();
    }

    fn keep(&self) {
        let mut state = self.lock();
        loop {
            // Nothing is left to ask for a dataset that is closed, until another takes its place.
            let pause = if is_closed(&state.lease) {
                Duration::from_secs(3600)
            } else {
                state.lease.next().max(LEAST_PAUSE)
            };
            let waited = self.changed.wait_timeout(state, pause);
            state = waited.map_or_else(|error| error.into_inner().0, |(state, _)| state);
            if state.stop {
                return;
            }
            if is_closed(&state.lease) || state.lease.next() > LEAST_PAUSE {
                continue;
            }
            let lease = Arc::clone(&state.lease);
            // The holder of the key may be slow: nobody waits for it here.
            drop(state);
            let over = self.renew(&lease);
            self.tell_what_is();
            if over {
                let served = self.served.upgrade();
                served.iter().for_each(|served| served.close());
            }
            state = self.lock();
        }
    }

    /// Asks the keeper of the key, and waits no longer than the lease lasts: a question that is never answered must not keep
    /// queries alive that run. True: the dataset is closed.
    fn renew(&self, lease: &Arc<Lease>) -> bool {
        let (tell, told) = mpsc::channel();
        let asked = Arc::clone(lease);
        let asking = thread::Builder::new()
            .name("peristyle key".to_owned())
            .spawn(move || tell.send(asked.renew()));
        if asking.is_err() {
            return lease.end_if_over();
        }
        loop {
            match told.recv_timeout(LONGEST_WAIT) {
                Ok(state) => return matches!(state, LeaseState::Closed { .. }),
                // The provider panicked, which is no yes.
                Err(RecvTimeoutError::Disconnected) => return lease.end_if_over(),
                Err(RecvTimeoutError::Timeout) if lease.end_if_over() => return true,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let state = self.lock();
            if state.stop || !Arc::ptr_eq(&state.lease, lease) {
                return false;
            }
        }
    }
}

fn is_closed(lease: &Lease) -> bool {
    matches!(lease.state(), LeaseState::Closed { .. })
}

//! What all sessions of a database share: the gate of the generation that queries start with, and the queries that run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};

use security::{Control, Gate, Stopped};

use crate::answers::Answers;
use crate::error::Error;
use crate::keeper::Keeper;
use crate::runtime::Runtime;

/// What planned statements of all sessions may take together.
#[cfg(feature = "sql")]
const PLAN_BYTES: usize = 32 << 20;

/// A holder of a view, which has to let go of it when the gate changes.
pub(crate) trait Holder: Send + Sync {
    fn let_go(&self);
}

pub(crate) struct Shared {
    pub runtime: Runtime,
    pub answers: Answers,
    /// For plans of statements in SQL.
    #[cfg(feature = "sql")]
    pub plans: Arc<sql::Room>,
    /// None: the database is closed.
    gate: RwLock<Option<Arc<Gate>>>,
    holders: Mutex<Vec<Weak<dyn Holder>>>,
    running: Mutex<Running>,
    /// Bytes of data that only queries of earlier generations hold.
    most_old_bytes: u64,
    /// Of a dataset that was opened from disk.
    pub keeper: OnceLock<Keeper>,
    /// Held by whoever makes the next gate out of the one of now, so that no change undoes another that came between.
    changing: Mutex<()>,
}

#[derive(Default)]
struct Running {
    next: u64,
    queries: BTreeMap<u64, Query>,
}

/// A query under way, and the gate that it began with.
struct Query {
    gate: Arc<Gate>,
    control: Control,
}

/// Takes the query off the list when it is over, however it ends.
pub(crate) struct UnderWay<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let gone = self.shared.running().queries.remove(&self.number);
        // Outside the lock: it may be the last that holds its generation.
        drop(gone);
    }
}

impl Shared {
    pub fn new(gate: Gate, runtime: Runtime, answers: Answers, most_old_bytes: u64) -> Shared {
        Shared {
            runtime,
            answers,
            #[cfg(feature = "sql")]
            plans: sql::Room::new(PLAN_BYTES),
            gate: RwLock::new(Some(Arc::new(gate))),
            holders: Mutex::default(),
            running: Mutex::default(),
            most_old_bytes,
            keeper: OnceLock::new(),
            changing: Mutex::default(),
        }
    }

    /// Makes the next gate out of the current one and puts it in its place, with no other change between the two.
    /// None: the current one stays.
    pub fn change(
        &self,
        next: impl FnOnce(&Gate) -> Result<Option<Gate>, Error>,
    ) -> Result<(), Error> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        match next(self.gate()?.as_ref())? {
            Some(gate) => self.replace(gate),
            None => Ok(()),
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The gate that the next query starts with.
    pub fn gate(&self) -> Result<Arc<Gate>, Error> {
        if self.keeper.get().is_some_and(Keeper::is_over) {
            self.close();
        }
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        gate.clone().ok_or(Error::Closed)
    }

    /// From now on the holder is told when the gate changes.
    pub fn hold(&self, holder: Weak<dyn Holder>) {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if holders.len() == holders.capacity() {
            holders.retain(|holder| holder.strong_count() > 0);
        }
        holders.push(holder);
    }

    /// Notes a query that begins. It is stopped at once where the gate has changed in the meantime and it may not go on.
    pub fn begin(&self, gate: &Arc<Gate>, control: &Control) -> UnderWay<'_> {
        let mut running = self.running();
        running.next += 1;
        let number = running.next;
        running.queries.insert(
            number,
            Query {
                gate: Arc::clone(gate),
                control: control.clone(),
            },
        );
        drop(running);
        if self.gate().is_err() {
            control.stop(Stopped::Revoked);
        }
        UnderWay {
            shared: self,
            number,
        }
    }

    /// The next query of every session starts with this gate; those that run end with their own, as long as there is room for
    /// the data that only they hold.
    fn replace(&self, gate: Gate) -> Result<(), Error> {
        let gate = Arc::new(gate);
        {
            let mut current = self.gate.write().unwrap_or_else(PoisonError::into_inner);
            // What was closed for want of its key is not opened by new data.
            if current.is_none() {
                return Err(Error::Closed);
            }
            *current = Some(Arc::clone(&gate));
        }
        self.forget();
        self.bound_old(&gate);
        Ok(())
    }

    /// No query is answered any more, and those that run are stopped.
    pub fn close(&self) {
        *self.gate.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.forget();
        for query in self.running().queries.values() {
            query.control.stop(Stopped::Revoked);
        }
    }

    fn forget(&self) {
        let holders = {
            let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
            holders.retain(|holder| holder.strong_count() > 0);
            holders.clone()
        };
        for holder in holders.iter().filter_map(Weak::upgrade) {
            holder.let_go();
        }
        self.answers.clear();
    }

    /// Stops the readers of the oldest generations until what is left of old data fits its cap.
    fn bound_old(&self, current: &Gate) {
        let running = self.running();
        let mut old: BTreeMap<u64, (u64, Vec<&Control>)> = BTreeMap::new();
        for query in running.queries.values() {
            if !query.gate.shares_data(current) {
                let entry = old
                    .entry(query.gate.number())
                    .or_insert_with(|| (query.gate.inspect().bytes(), Vec::new()));
                entry.1.push(&query.control);
            }
        }
        let mut held: u64 = old.values().map(|(bytes, _)| bytes).sum();
        for (bytes, readers) in old.values() {
            if held <= self.most_old_bytes {
                return;
            }
            readers
                .iter()
                .for_each(|control| control.stop(Stopped::Superseded));
            held = held.saturating_sub(*bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use security::{Control, Stopped};

    use crate::{Database, Error};

    /// Roles that are replaced while a refresh puts its data in place must not be lost to it, nor its data to them.
    #[test]
    fn one_change_at_a_time() {
        let retail = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail");
        let database = Database::import(retail.join("model"), retail.join("data")).unwrap();
        let shared = &database.shared;
        let (tell, told) = channel();
        std::thread::scope(|scope| {
            let slow = scope.spawn(move || {
                shared
                    .change(|now| {
                        tell.send(()).unwrap();
                        std::thread::sleep(Duration::from_millis(100));
                        Ok(Some(now.with_roles(Vec::new())?))
                    })
                    .unwrap();
                shared.gate().unwrap().number()
            });
            told.recv().unwrap();
            let mut seen = 0;
            shared
                .change(|now| {
                    seen = now.number();
                    Ok(None)
                })
                .unwrap();
            assert_eq!(seen, slow.join().unwrap());
        });
    }

    /// What runs when the key is denied is stopped, and so is what begins just then; new data that come too late open nothing.
    #[test]
    fn closing_stops_what_runs_what_begins_and_what_is_being_made() {
        let retail = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail");
        let database = Database::import(retail.join("model"), retail.join("data")).unwrap();
        let shared = &database.shared;
        let gate = shared.gate().unwrap();
        let (before, after) = (Control::new(None), Control::new(None));
        let _running = shared.begin(&gate, &before);
        let changed = shared.change(|now| {
            shared.close();
            Ok(Some(now.with_roles(Vec::new())?))
        });
        assert!(matches!(changed, Err(Error::Closed)));
        assert!(matches!(shared.gate(), Err(Error::Closed)));
        let _late = shared.begin(&gate, &after);
        for control in [before, after] {
            assert!(matches!(control.check(), Err(Stopped::Revoked)));
        }
    }
}

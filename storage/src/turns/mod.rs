//! Turns on the cores: more queries may be under way than there are cores, and those under way take turns, identity by identity.
//!
//! A thread computes while it holds one of as many turns as there are cores: one for each query, and one for each thread that helps
//! with a scan of it. What an identity uses is counted in time of cores, and whoever has used the least lately is next
//! (`shares.rs`). At its looks at [`Control`](crate::Control) a query passes its turn on when another identity waits that has used less: at once
//! if that is a good deal less, else after a slice of time. So what one identity floods the engine with costs another no more than a look,
//! and its share of the cores.

mod seat;
mod shares;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod waiter;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crate::Stopped;
pub(crate) use seat::{Dismissal, Seat};
use shares::{Nanos, Part, Shares, Verdict};
use waiter::Waiter;

/// How long a query keeps its core while another identity that has used as much, or another query of its own identity, waits.
const SLICE: Duration = Duration::from_millis(4);

/// How often a query that waits for its turn looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(20);

/// How long an identity that is next waits for the looks of the others: some work cannot look for longer.
const PATIENCE: Duration = Duration::from_millis(2);

/// The turns of one process, or of one database.
#[derive(Debug)]
pub struct Turns {
    shares: Mutex<Shares>,
    /// What [`Shares::pressing`] was when the lock was last held, so that looks need no lock while nobody waits.
    pressing: AtomicUsize,
    /// From when on time is counted.
    start: Instant,
    /// See [`PATIENCE`]. None: nobody insists.
    patience: Option<Duration>,
}

impl Turns {
    /// As many turns as there are cores to compute on, at least one, and as many to spare.
    pub fn new(cores: usize) -> Arc<Turns> {
        Turns::patient(cores, cores.max(1), Some(PATIENCE))
    }

    fn patient(cores: usize, spare: usize, patience: Option<Duration>) -> Arc<Turns> {
        Arc::new(Turns {
            shares: Mutex::new(Shares::new(cores.max(1), spare)),
            pressing: AtomicUsize::new(0),
            start: Instant::now(),
            patience,
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Shares) -> T) -> T {
        // Nothing in here panics while it holds the lock.
        let mut shares: MutexGuard<'_, Shares> =
            self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Nanos::try_from(self.start.elapsed().as_nanos());
        shares.advance(now.unwrap_or(Nanos::MAX));
        let result = work(&mut shares);
        self.pressing.store(shares.pressing(), Ordering::Relaxed);
        result
    }

    /// Whether somebody waits, or holds a turn that is one too many.
    fn is_pressing(&self) -> bool {
        self.pressing.load(Ordering::Relaxed) > 0
    }

    /// Takes a turn or gets in line for one. Gives whether it is taken.
    fn ask(&self, client: &Arc<str>, part: Part, waiter: &Arc<Waiter>) -> bool {
        self.with(|shares| {
            let taken = shares.take_idle(client, part);
            if !taken {
                shares.join(client, part, waiter);
                // A turn may be free while others, who were granted one, have not woken up yet.
                shares.grant_free();
            }
            taken
        })
    }

    fn give_back(&self, client: &Arc<str>) {
        self.with(|shares| shares.give_back(client));
    }

    /// What becomes of a turn now; if it passes on, `waiter` gets in line for the next. `fresh`: its slice of time is not over.
    fn look(
        &self,
        client: &Arc<str>,
        part: Part,
        fresh: bool,
        waiter: impl FnOnce() -> Arc<Waiter>,
    ) -> Looked {
        self.with(|shares| {
            let next = match shares.verdict(client, part, fresh) {
                Verdict::Keep => return Looked::Kept,
                Verdict::Yield => None,
                Verdict::Pass(next) => Some(next),
            };
            let waiter = waiter();
            shares.join(client, part, &waiter);
            match next {
                Some(next) => shares.pass(client, &next),
                None => shares.take_back(client),
            }
            Looked::Waits(waiter)
        })
    }

    /// Waits for a turn for a query.
    fn wait(
        &self,
        client: &Arc<str>,
        waiter: &Arc<Waiter>,
        wanted: impl Fn() -> Result<(), Stopped>,
    ) -> Result<(), Stopped> {
        let mut longest = self.patience.unwrap_or(LOOK);
        loop {
            if waiter.wait(longest).granted || self.insist(client, waiter) {
                return Ok(());
            }
            longest = LOOK;
            if let Err(stopped) = wanted() {
                self.leave(client, waiter);
                return Err(stopped);
            }
        }
    }

    /// Whether every turn has come back, and nobody waits.
    #[cfg(test)]
    pub(crate) fn are_idle(&self) -> bool {
        self.with(|shares| shares.counts().2 == 0) && !self.is_pressing()
    }

    /// See [`Shares::insist`].
    fn insist(&self, client: &Arc<str>, waiter: &Arc<Waiter>) -> bool {
        self.patience.is_some() && self.with(|shares| shares.insist(client, waiter))
    }

    /// Nobody is there any more to use what the waiter waits for.
    fn leave(&self, client: &Arc<str>, waiter: &Arc<Waiter>) {
        self.with(|shares| {
            // It may have been granted in the meantime.
            if !shares.forget(client, waiter) {
                shares.give_back(client);
            }
        });
    }
}

/// What a look at the turns led to.
enum Looked {
    Kept,
    Waits(Arc<Waiter>),
}

/// The turn of one query.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    client: Arc<str>,
    /// The thread that holds the turn, and since when its slice of time goes.
    holder: Mutex<Option<(ThreadId, Instant)>>,
}

impl Turn {
    pub fn new(turns: Arc<Turns>, client: Arc<str>) -> Turn {
        Turn {
            turns,
            client,
            holder: Mutex::new(None),
        }
    }

    fn holder(&self) -> MutexGuard<'_, Option<(ThreadId, Instant)>> {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn take(&self, wanted: impl Fn() -> Result<(), Stopped>) -> Result<Held<'_>, Stopped> {
        wanted()?;
        let waiter = Arc::default();
        if !self.turns.ask(&self.client, Part::Query, &waiter) {
            self.turns.wait(&self.client, &waiter, wanted)?;
        }
        *self.holder() = Some((thread::current().id(), Instant::now()));
        Ok(Held { turn: self })
    }

    /// Passes the turn on where others have more right to it, and waits for the next. Only the thread that took the turn does so:
    /// others that work for the query have turns of their own, or none.
    pub fn look(&self, wanted: impl Fn() -> Result<(), Stopped>) -> Result<(), Stopped> {
        if !self.turns.is_pressing() {
            return Ok(());
        }
        let held = *self.holder();
        let Some((thread, since)) = held else {
            return Ok(());
        };
        if thread != thread::current().id() {
            return Ok(());
        }
        let fresh = since.elapsed() < SLICE;
        let looked = self
            .turns
            .look(&self.client, Part::Query, fresh, Arc::default);
        match looked {
            Looked::Waits(waiter) => {
                *self.holder() = None;
                self.turns.wait(&self.client, &waiter, wanted)?;
            }
            Looked::Kept if fresh => return Ok(()),
            Looked::Kept => {}
        }
        *self.holder() = Some((thread, Instant::now()));
        Ok(())
    }

    /// A seat for a thread that helps the query, where a turn for it may come, and the way to call it off.
    pub fn seat(&self) -> Option<(Seat, Dismissal)> {
        let may = self.turns.with(|shares| shares.may_help(&self.client));
        may.then(|| Seat::new(&self.turns, &self.client))
    }
}

/// A core, for as long as this lives.
#[derive(Debug)]
pub struct Held<'a> {
    turn: &'a Turn,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // A query that was stopped while it waited for its turn to come back has none.
        if self.turn.holder().take().is_some() {
            self.turn.turns.give_back(&self.turn.client);
        }
    }
}

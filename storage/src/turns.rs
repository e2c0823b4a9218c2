//! Turns on the cores: more queries may be under way than there are cores, and those under way take turns, identity by identity.
//!
//! A query computes while it holds one of as many turns as there are cores. At its looks at [`Control`](crate::Control) it passes
//! its turn on when another identity waits that holds fewer: at once to one that holds at least two fewer, else after a slice
//! of time. So what one identity floods the engine with costs another no more than a look, and its share of the cores.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crate::Stopped;

/// How long a query keeps its core while another identity, or another query of its own identity, waits as its equal.
const SLICE: Duration = Duration::from_millis(4);

/// How often a query that waits for its turn looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(20);

/// The turns of one process, or of one database.
#[derive(Debug)]
pub struct Turns {
    state: Mutex<State>,
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// Turns that each identity holds. None is zero.
    held: HashMap<Arc<str>, usize>,
    /// The identities that wait, in the order in which they are served. No line is empty.
    lines: VecDeque<Line>,
}

#[derive(Debug)]
struct Line {
    client: Arc<str>,
    waiters: VecDeque<Arc<Waiter>>,
}

#[derive(Debug, Default)]
struct Waiter {
    granted: Mutex<bool>,
    changed: Condvar,
}

impl Turns {
    /// As many turns as there are cores to compute on, at least one.
    pub fn new(cores: usize) -> Arc<Turns> {
        Arc::new(Turns {
            state: Mutex::new(State {
                free: cores.max(1),
                held: HashMap::new(),
                lines: VecDeque::new(),
            }),
            waiting: AtomicUsize::new(0),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(
        &self,
        client: &Arc<str>,
        wanted: impl Fn() -> Result<(), Stopped>,
    ) -> Result<(), Stopped> {
        let waiter = {
            let mut state = self.lock();
            if state.free > 0 && state.lines.is_empty() {
                state.free -= 1;
                state.hold(client);
                return Ok(());
            }
            let waiter = state.join(client);
            self.waiting.fetch_add(1, Ordering::Relaxed);
            // A turn may be free while others, who were granted one, have not woken up yet.
            self.grant_free(&mut state);
            waiter
        };
        self.wait(client, &waiter, wanted)
    }

    fn give_back(&self, client: &Arc<str>) {
        let mut state = self.lock();
        state.let_go(client);
        state.free += 1;
        self.grant_free(&mut state);
    }

    fn grant_free(&self, state: &mut State) {
        while state.free > 0
            && let Some(client) = state.next()
        {
            state.free -= 1;
            self.grant(state, &client);
        }
    }

    fn grant(&self, state: &mut State, client: &Arc<str>) {
        if let Some(waiter) = state.leave(client) {
            state.hold(client);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            *waiter
                .granted
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = true;
            waiter.changed.notify_one();
        }
    }

    fn wait(
        &self,
        client: &Arc<str>,
        waiter: &Arc<Waiter>,
        wanted: impl Fn() -> Result<(), Stopped>,
    ) -> Result<(), Stopped> {
        loop {
            let granted = waiter
                .granted
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let granted = if *granted {
                true
            } else {
                let (granted, _) = waiter
                    .changed
                    .wait_timeout(granted, LOOK)
                    .unwrap_or_else(PoisonError::into_inner);
                *granted
            };
            if granted {
                return Ok(());
            }
            if let Err(stopped) = wanted() {
                let mut state = self.lock();
                if state.forget(client, waiter) {
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                } else {
                    // It was granted in the meantime, and nobody is there to use it.
                    drop(state);
                    self.give_back(client);
                }
                return Err(stopped);
            }
        }
    }

    /// Passes a turn on if somebody waits who has more right to it, and waits for the next one. `fresh`: the slice is not over.
    /// Gives whether the turn was passed on and came back.
    fn pass_on(
        &self,
        client: &Arc<str>,
        fresh: bool,
        wanted: impl Fn() -> Result<(), Stopped>,
    ) -> Result<bool, Stopped> {
        let waiter = {
            let mut state = self.lock();
            let Some(next) = state.next() else {
                return Ok(false);
            };
            let (mine, other) = (state.held_by(client), state.held_by(&next));
            let due = if fresh {
                other.saturating_add(1) < mine
            } else {
                other < mine || next == *client
            };
            if !due {
                return Ok(false);
            }
            let waiter = state.join(client);
            self.waiting.fetch_add(1, Ordering::Relaxed);
            state.let_go(client);
            self.grant(&mut state, &next);
            waiter
        };
        self.wait(client, &waiter, wanted).map(|()| true)
    }
}

impl State {
    fn held_by(&self, client: &Arc<str>) -> usize {
        self.held.get(client).copied().unwrap_or(0)
    }

    fn hold(&mut self, client: &Arc<str>) {
        *self.held.entry(Arc::clone(client)).or_insert(0) += 1;
    }

    fn let_go(&mut self, client: &Arc<str>) {
        if let Some(held) = self.held.get_mut(client) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(client);
            }
        }
    }

    /// The identity that is served next: of those that hold the fewest turns, the one that stands first.
    fn next(&self) -> Option<Arc<str>> {
        let first = self
            .lines
            .iter()
            .min_by_key(|line| self.held_by(&line.client))?;
        Some(Arc::clone(&first.client))
    }

    fn join(&mut self, client: &Arc<str>) -> Arc<Waiter> {
        let waiter = Arc::<Waiter>::default();
        let line = self.lines.iter_mut().find(|line| line.client == *client);
        match line {
            Some(line) => line.waiters.push_back(Arc::clone(&waiter)),
            None => self.lines.push_back(Line {
                client: Arc::clone(client),
                waiters: VecDeque::from([Arc::clone(&waiter)]),
            }),
        }
        waiter
    }

    /// The one who has waited longest of an identity; the identity then goes to the end.
    fn leave(&mut self, client: &Arc<str>) -> Option<Arc<Waiter>> {
        let place = self.lines.iter().position(|line| line.client == *client)?;
        let mut line = self.lines.remove(place)?;
        let waiter = line.waiters.pop_front();
        if !line.waiters.is_empty() {
            self.lines.push_back(line);
        }
        waiter
    }

    /// Whether the waiter still stood in its line.
    fn forget(&mut self, client: &Arc<str>, waiter: &Arc<Waiter>) -> bool {
        let Some(place) = self.lines.iter().position(|line| line.client == *client) else {
            return false;
        };
        let Some(line) = self.lines.get_mut(place) else {
            return false;
        };
        let before = line.waiters.len();
        line.waiters.retain(|other| !Arc::ptr_eq(other, waiter));
        let left = line.waiters.len();
        if left == 0 {
            self.lines.remove(place);
        }
        left < before
    }
}

/// The turn of one query.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    client: Arc<str>,
    /// The thread that holds the turn, and since when.
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

    pub fn is_contested(&self) -> bool {
        self.turns.waiting.load(Ordering::Relaxed) > 0
    }

    pub fn take(&self, wanted: impl Fn() -> Result<(), Stopped>) -> Result<Held<'_>, Stopped> {
        wanted()?;
        self.turns.take(&self.client, wanted)?;
        *self.holder() = Some((thread::current().id(), Instant::now()));
        Ok(Held { turn: self })
    }

    /// Only the thread that took the turn passes it on: others that work for the query hold none.
    pub fn pass_on(&self, wanted: impl Fn() -> Result<(), Stopped>) -> Result<(), Stopped> {
        let held = *self.holder();
        let Some((thread, since)) = held else {
            return Ok(());
        };
        if thread != thread::current().id() {
            return Ok(());
        }
        *self.holder() = None;
        let fresh = since.elapsed() < SLICE;
        let passed = self.turns.pass_on(&self.client, fresh, wanted)?;
        let since = if passed || !fresh {
            Instant::now()
        } else {
            since
        };
        *self.holder() = Some((thread, since));
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Bounds, Control};
    use std::sync::atomic::AtomicBool;

    fn control(turns: &Arc<Turns>, client: &str) -> Control {
        Control::bounded(Bounds {
            turns: Some((Arc::clone(turns), Arc::from(client))),
            ..Bounds::default()
        })
    }

    /// Waits for something that other threads bring about.
    fn until(what: &str, mut is_so: impl FnMut() -> bool) {
        let started = Instant::now();
        while !is_so() {
            assert!(started.elapsed() < Duration::from_secs(60), "{what}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_flood_gives_way_to_another_identity_and_all_turns_come_back() {
        let turns = Turns::new(2);
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            let (turns, ended) = (&turns, &ended);
            for _ in 0..6 {
                scope.spawn(move || {
                    let control = control(turns, "flood");
                    let _held = control.begin().unwrap();
                    while !ended.load(Ordering::Relaxed) {
                        control.check().unwrap();
                    }
                });
            }
            until("the flood fills the cores", || {
                turns.lock().held.get("flood") == Some(&2)
            });
            // Each of these would wait for the flood to end if its queries kept their cores.
            for _ in 0..20 {
                let control = control(turns, "other");
                let _held = control.begin().unwrap();
                for _ in 0..100 {
                    control.check().unwrap();
                }
            }
            ended.store(true, Ordering::Relaxed);
        });
        let state = turns.lock();
        assert_eq!((state.free, state.held.len(), state.lines.len()), (2, 0, 0));
        assert_eq!(turns.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_query_that_waits_can_be_cancelled_and_leaves_nothing_behind() {
        let turns = Turns::new(1);
        let first = control(&turns, "a");
        let held = first.begin().unwrap();
        let second = control(&turns, "b");
        thread::scope(|scope| {
            let waits = scope.spawn(|| second.begin().err());
            until("it waits", || turns.waiting.load(Ordering::Relaxed) == 1);
            second.cancel();
            assert_eq!(waits.join().unwrap(), Some(Stopped::Cancelled));
        });
        assert!(turns.lock().lines.is_empty());
        drop(held);
        assert_eq!(turns.lock().free, 1);
    }

    #[test]
    fn a_query_cancelled_while_its_turn_is_away_gives_back_nothing_twice() {
        let turns = Turns::new(1);
        let first = control(&turns, "a");
        let second = control(&turns, "b");
        thread::scope(|scope| {
            let one = scope.spawn(|| {
                let _held = first.begin().unwrap();
                loop {
                    if let Err(stopped) = first.check() {
                        return stopped;
                    }
                }
            });
            until("the first computes", || !turns.lock().held.is_empty());
            // It gets the core after a slice, and keeps it: it does not look.
            let held = second.begin().unwrap();
            first.cancel();
            assert_eq!(one.join().unwrap(), Stopped::Cancelled);
            drop(held);
        });
        let state = turns.lock();
        assert_eq!((state.free, state.held.len()), (1, 0));
    }

    #[test]
    fn threads_that_help_do_not_pass_the_turn_on() {
        let turns = Turns::new(1);
        let first = control(&turns, "a");
        let held = first.begin().unwrap();
        let second = control(&turns, "b");
        thread::scope(|scope| {
            let waits = scope.spawn(|| second.begin().map(drop));
            until("it waits", || turns.waiting.load(Ordering::Relaxed) == 1);
            assert!(first.is_contested());
            let helper = scope.spawn(|| (0..1000).try_for_each(|_| first.check()));
            assert_eq!(helper.join().unwrap(), Ok(()));
            assert_eq!(turns.lock().held.get("a"), Some(&1));
            drop(held);
            assert_eq!(waits.join().unwrap(), Ok(()));
        });
    }
}

//! The turn of a thread that helps a query with a scan.

use std::sync::Arc;
use std::time::Instant;

use super::shares::Part;
use super::waiter::Waiter;
use super::{LOOK, Looked, SLICE, Turns};

/// A place for a thread that helps. It works while it holds a turn, waits while others have more right to one, and ends when it is
/// called off.
#[derive(Debug)]
pub(crate) struct Seat {
    turns: Arc<Turns>,
    client: Arc<str>,
    waiter: Arc<Waiter>,
    /// Since when the slice of time goes.
    held: Option<Instant>,
}

/// Calls the help off when it is dropped: at its next look it ends, and if it waits it ends at once.
#[derive(Debug)]
pub(crate) struct Dismissal(Arc<Waiter>);

impl Drop for Dismissal {
    fn drop(&mut self) {
        self.0.dismiss();
    }
}

impl Seat {
    pub(super) fn new(turns: &Arc<Turns>, client: &Arc<str>) -> (Seat, Dismissal) {
        let waiter = Arc::<Waiter>::default();
        let seat = Seat {
            turns: Arc::clone(turns),
            client: Arc::clone(client),
            waiter: Arc::clone(&waiter),
            held: None,
        };
        (seat, Dismissal(waiter))
    }

    /// Waits for a turn. False: help is not wanted any more.
    pub fn sit(&mut self) -> bool {
        self.turns.ask(&self.client, Part::Help, &self.waiter) && self.begin() || self.wait()
    }

    fn begin(&mut self) -> bool {
        self.held = Some(Instant::now());
        true
    }

    fn wait(&mut self) -> bool {
        let mut longest = self.turns.patience.unwrap_or(LOOK);
        loop {
            let news = self.waiter.wait(longest);
            if news.dismissed {
                self.turns.leave(&self.client, &self.waiter);
                return false;
            }
            if news.granted || self.turns.insist(&self.client, &self.waiter) {
                return self.begin();
            }
            longest = LOOK;
        }
    }

    /// A look between two pieces of work: passes the turn on where others have more right to it, and waits for the next. False: help
    /// ends here.
    pub fn keep(&mut self) -> bool {
        let Some(since) = self.held else {
            return false;
        };
        if !self.turns.is_pressing() {
            return true;
        }
        let fresh = since.elapsed() < SLICE;
        let waiter = || {
            self.waiter.begin();
            Arc::clone(&self.waiter)
        };
        match self.turns.look(&self.client, Part::Help, fresh, waiter) {
            Looked::Kept if fresh => true,
            Looked::Kept => self.begin(),
            Looked::Waits(_) => {
                self.held = None;
                self.wait()
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.held.take().is_some() {
            self.turns.give_back(&self.client);
        }
    }
}

//! One thread that waits for a turn.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Waiter {
    news: Mutex<News>,
    changed: Condvar,
}

/// What a waiter has been told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct News {
    pub granted: bool,
    /// The work is done without it.
    pub dismissed: bool,
}

impl Waiter {
    fn news(&self) -> MutexGuard<'_, News> {
        // Nothing in here panics while it holds the lock.
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn grant(&self) {
        self.news().granted = true;
        self.changed.notify_one();
    }

    pub fn dismiss(&self) {
        self.news().dismissed = true;
        self.changed.notify_one();
    }

    /// Before it joins a line once more.
    pub fn begin(&self) {
        self.news().granted = false;
    }

    #[cfg(test)]
    pub fn is_granted(&self) -> bool {
        self.news().granted
    }

    /// Waits for news, for so long at most.
    pub fn wait(&self, longest: Duration) -> News {
        let news = self.news();
        if news.granted || news.dismissed {
            return *news;
        }
        let (news, _) = self
            .changed
            .wait_timeout(news, longest)
            .unwrap_or_else(PoisonError::into_inner);
        *news
    }
}

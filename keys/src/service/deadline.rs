//! How long a service may take.

use std::time::{Duration, Instant};

/// For all that one question to a key's keeper needs: logging in, attempts, pauses. A lease is asked for when a fifth of it is left,
/// which is a minute unless the service embedding us says otherwise; this leaves the most of it.
const WHOLE: Duration = Duration::from_secs(20);

/// For one attempt.
const ATTEMPT: Duration = Duration::from_secs(8);

/// What comes after the first attempt. Three in all: the lease itself asks again for longer outages.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// The end of one question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    end: Instant,
    attempt: Duration,
}

impl Deadline {
    /// From now on.
    pub fn start() -> Deadline {
        Deadline {
            end: Instant::now() + WHOLE,
            attempt: ATTEMPT,
        }
    }

    /// For tests of slow services.
    #[cfg(test)]
    pub fn of(whole: Duration, attempt: Duration) -> Deadline {
        Deadline {
            end: Instant::now() + whole,
            attempt,
        }
    }

    /// What an attempt may take that begins now; None: there is no time left.
    pub fn attempt(&self) -> Option<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left.min(self.attempt))
    }

    /// Waits before the next attempt. False: there is none.
    pub fn pause(&self, attempts: usize) -> bool {
        let Some(pause) = attempts.checked_sub(1).and_then(|n| PAUSES.get(n)) else {
            return false;
        };
        if Instant::now() + *pause >= self.end {
            return false;
        }
        std::thread::sleep(*pause);
        true
    }
}

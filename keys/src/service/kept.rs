//! Tokens that services grant for a while.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use storage::KeyRefusal;

/// A proof that a service has granted, kept until shortly before it expires.
pub(crate) struct Kept<T>(Mutex<Option<(T, Instant)>>);

impl<T: Clone> Kept<T> {
    /// So long before its end a proof is no longer used: clocks differ, and questions travel.
    const EARLY: Duration = Duration::from_secs(120);

    pub fn new() -> Kept<T> {
        Kept(Mutex::new(None))
    }

    /// The proof that is kept, or a fresh one with what is left of its time.
    fn get(
        &self,
        fresh: impl Fn() -> Result<(T, Duration), KeyRefusal>,
    ) -> Result<(T, bool), KeyRefusal> {
        let now = Instant::now();
        let kept = self.lock().clone().filter(|(_, until)| now < *until);
        if let Some((proof, _)) = kept {
            return Ok((proof, true));
        }
        // Outside the lock: a slow login holds up nobody who has a proof.
        let (proof, left) = fresh()?;
        *self.lock() = Some((proof.clone(), now + left.saturating_sub(Self::EARLY)));
        Ok((proof, false))
    }

    /// Asks with the proof that is kept, and once more with a fresh one if the service no longer takes it.
    pub fn ask<A>(
        &self,
        fresh: impl Fn() -> Result<(T, Duration), KeyRefusal>,
        ask: impl Fn(&T) -> Result<A, KeyRefusal>,
        is_stale: impl Fn(&A) -> bool,
    ) -> Result<A, KeyRefusal> {
        let (proof, kept) = self.get(&fresh)?;
        let answer = ask(&proof)?;
        if !(kept && is_stale(&answer)) {
            return Ok(answer);
        }
        *self.lock() = None;
        ask(&self.get(&fresh)?.0)
    }

    fn lock(&self) -> MutexGuard<'_, Option<(T, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(not shown)")
    }
}

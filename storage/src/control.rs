//! Cancellation and deadline of a query, shared by all its work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::Stopped;

/// Looked at every block by every loop of a query. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Control {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    deadline: Option<Instant>,
    cancelled: AtomicBool,
    rows: AtomicU64,
    scans: AtomicU64,
}

impl Control {
    /// Work under it stops at the deadline, if there is one, or when it is cancelled.
    pub fn new(deadline: Option<Instant>) -> Control {
        Control {
            shared: Arc::new(Shared {
                deadline,
                ..Shared::default()
            }),
        }
    }

    /// Stops the work at its next look.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    /// An error when the work has to stop.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.shared.cancelled.load(Ordering::Relaxed) {
            return Err(Stopped::Cancelled);
        }
        match self.shared.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Stopped::TimedOut),
            _ => Ok(()),
        }
    }

    /// Rows looked at so far, for the operator's figures.
    pub fn rows_scanned(&self) -> u64 {
        self.shared.rows.load(Ordering::Relaxed)
    }

    /// Scans run so far, for the operator's figures.
    pub fn scans_run(&self) -> u64 {
        self.shared.scans.load(Ordering::Relaxed)
    }

    pub(crate) fn count_rows(&self, rows: u64) {
        self.shared.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn count_scan(&self) {
        self.shared.scans.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_clone_stops_the_original() {
        let control = Control::new(None);
        assert_eq!(control.check(), Ok(()));
        control.clone().cancel();
        assert_eq!(control.check(), Err(Stopped::Cancelled));
    }

    #[test]
    fn a_deadline_in_the_past_stops_at_once() {
        assert_eq!(
            Control::new(Some(Instant::now())).check(),
            Err(Stopped::TimedOut)
        );
    }
}

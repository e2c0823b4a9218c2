//! How many threads of this process work on scans: a scan takes helpers only while cores are idle, so that many queries at
//! once do not share each core between several threads.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

static BUSY: AtomicUsize = AtomicUsize::new(0);

/// The cores that this process may use. Asking the system takes longer than a small scan, so it is asked once.
pub(crate) fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

/// A thread at work, for as long as this lives.
pub(crate) struct Busy(());

impl Busy {
    /// The thread that runs a query works in any case.
    pub(crate) fn enter() -> Busy {
        BUSY.fetch_add(1, Ordering::Relaxed);
        Busy(())
    }

    /// A thread beyond those that run queries: None where no core is idle. Tests have always two threads, whatever the machine.
    pub(crate) fn help() -> Option<Busy> {
        let most = cores() + usize::from(cfg!(test));
        let one_more = |busy| (busy < most).then_some(busy + 1);
        BUSY.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()
            .map(|_| Busy(()))
    }

    /// Whether more threads work than there are cores: then those that help should stop.
    pub(crate) fn is_crowded() -> bool {
        BUSY.load(Ordering::Relaxed) > cores() + usize::from(cfg!(test))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.fetch_sub(1, Ordering::Relaxed);
    }
}

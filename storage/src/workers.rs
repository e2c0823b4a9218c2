//! How many threads of this process work on scans: a scan takes helpers only while cores are idle, so that many queries at
//! once do not share each core between several threads.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::Control;
use crate::turns::{Dismissal, Seat};

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
    fn help() -> Option<Busy> {
        let most = cores() + usize::from(cfg!(test));
        let one_more = |busy| (busy < most).then_some(busy + 1);
        BUSY.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()
            .map(|_| Busy(()))
    }

    /// Whether more threads work than there are cores: then those that help should stop.
    fn is_crowded() -> bool {
        BUSY.load(Ordering::Relaxed) > cores() + usize::from(cfg!(test))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What lets a thread beyond the calling one help with a scan.
pub(crate) enum Help {
    /// A core that is idle. Help ends when other scans want it.
    Idle(Busy),
    /// A turn on the cores, for as long as nobody has more right to it. The count is for scans that take no turns.
    Turn(Seat, Option<Busy>),
}

impl Help {
    /// None: there is no core for it. What comes with it is dropped when the work is done.
    pub(crate) fn of(control: &Control) -> Option<(Help, Option<Dismissal>)> {
        if control.takes_turns() {
            let (seat, dismissal) = control.seat()?;
            return Some((Help::Turn(seat, None), Some(dismissal)));
        }
        Some((Help::Idle(Busy::help()?), None))
    }

    /// Waits until there is a core. False: there is nothing left to help with.
    pub(crate) fn begin(&mut self) -> bool {
        match self {
            Help::Idle(_) => true,
            Help::Turn(seat, busy) => {
                let sits = seat.sit();
                *busy = sits.then(Busy::enter);
                sits
            }
        }
    }

    /// Whether help goes on, asked between two pieces of work. What the thread holds must not keep others from theirs: it may wait here.
    pub(crate) fn goes_on(&mut self) -> bool {
        match self {
            Help::Idle(_) => !Busy::is_crowded(),
            Help::Turn(seat, _) => seat.keep(),
        }
    }
}

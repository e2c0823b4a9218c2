//! What all work of one query shares: cancellation, deadline, memory, its turn on the cores, and its counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Instant;

use crate::Stopped;
use crate::memory::{Charge, Meter};
use crate::turns::{Dismissal, Held, Seat, Turn, Turns};

/// Looked at every block by every loop of a query. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Control {
    shared: Arc<Shared>,
    /// The work is not the query's own: the limit on groups is not for it.
    own_groups: bool,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Shared {
    bounds: Bounds,
    turn: Option<Turn>,
    /// 0 while the work may go on, else the reason why it may not.
    stopped: AtomicU8,
    checks: AtomicU64,
}

#[derive(Debug, Default)]
struct Counts {
    rows: AtomicU64,
    scans: AtomicU64,
}

/// What bounds the work under a control. The default bounds nothing.
#[derive(Debug, Default)]
pub struct Bounds {
    pub deadline: Option<Instant>,
    /// What the work holds is counted here, and refused beyond the meter's limits.
    pub memory: Option<Arc<Meter>>,
    /// Groups of one scan; nothing of the kind where the scan's own bound is lower.
    pub groups: Option<usize>,
    /// The work is cancelled at this look: for tests of how soon it ends.
    pub looks: Option<u64>,
    /// Whose turns the work takes, and as whom.
    pub turns: Option<(Arc<Turns>, Arc<str>)>,
}

impl Control {
    /// Work under it stops at the deadline, if there is one, or when it is stopped.
    pub fn new(deadline: Option<Instant>) -> Control {
        Control::bounded(Bounds {
            deadline,
            ..Bounds::default()
        })
    }

    /// Work under these bounds.
    pub fn bounded(mut bounds: Bounds) -> Control {
        let turn = bounds
            .turns
            .take()
            .map(|(turns, client)| Turn::new(turns, client));
        Control {
            shared: Arc::new(Shared {
                bounds,
                turn,
                ..Shared::default()
            }),
            own_groups: false,
            counts: Arc::default(),
        }
    }

    /// For work that a query brings about and does not ask for, such as finding which values visible rows hold: it stops with the query and is
    /// bounded with it in time and memory; its scans are not counted among the query's, and the limit on groups is not for it, which
    /// would tell whether rows are hidden at all.
    pub fn aside(&self) -> Control {
        Control {
            shared: Arc::clone(&self.shared),
            own_groups: true,
            counts: Arc::default(),
        }
    }

    /// For work that is done in place of what the query asks for, with more groups than that has: the limit on groups is not for it. All
    /// else is the query's own.
    pub fn of_any_groups(&self) -> Control {
        Control {
            own_groups: true,
            ..self.clone()
        }
    }

    /// Stops the work at its next look.
    pub fn cancel(&self) {
        self.stop(Stopped::Cancelled);
    }

    /// Stops the work at its next look, for this reason. The first reason stays.
    pub fn stop(&self, why: Stopped) {
        let _ = self.shared.stopped.compare_exchange(
            0,
            why.code(),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// An error when the work has to stop. Where another identity has waited for a core, this is where the core changes hands:
    /// so no lock may be held across a look.
    pub fn check(&self) -> Result<(), Stopped> {
        let before = self.shared.checks.fetch_add(1, Ordering::Relaxed);
        if self.shared.bounds.looks.is_some_and(|most| before >= most) {
            self.cancel();
        }
        self.still_wanted()?;
        match &self.shared.turn {
            Some(turn) => turn.look(|| self.still_wanted()),
            None => Ok(()),
        }
    }

    fn still_wanted(&self) -> Result<(), Stopped> {
        if let Some(why) = Stopped::of_code(self.shared.stopped.load(Ordering::Relaxed)) {
            return Err(why);
        }
        match self.shared.bounds.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Stopped::TimedOut),
            _ => Ok(()),
        }
    }

    /// Waits for a core, where cores are shared, and keeps it until what is returned is dropped. Looks give it up for a while
    /// when others wait. Threads that help with a scan have turns of their own; other threads under the same control need none.
    pub fn begin(&self) -> Result<Option<Held<'_>>, Stopped> {
        match &self.shared.turn {
            Some(turn) => turn.take(|| self.still_wanted()).map(Some),
            None => self.still_wanted().map(|()| None),
        }
    }

    /// Whether the work takes turns on cores.
    pub(crate) fn takes_turns(&self) -> bool {
        self.shared.turn.is_some()
    }

    /// A seat for a thread that helps, where cores are shared and one may come free for it.
    pub(crate) fn seat(&self) -> Option<(Seat, Dismissal)> {
        self.shared.turn.as_ref().and_then(Turn::seat)
    }

    /// Counts so many bytes as held until the charge is dropped. Refused beyond the limits of query, identity or process.
    pub fn charge(&self, bytes: usize) -> Result<Charge, Stopped> {
        Charge::new(self.shared.bounds.memory.clone(), bytes)
    }

    /// A charge of nothing yet.
    pub fn no_charge(&self) -> Charge {
        Charge::none(self.shared.bounds.memory.clone())
    }

    /// The most groups that one scan may make.
    pub fn most_groups(&self) -> usize {
        match self.shared.bounds.groups {
            Some(most) if !self.own_groups => most,
            _ => usize::MAX,
        }
    }

    /// Most bytes counted at one time so far, for the operator's figures.
    pub fn peak_bytes(&self) -> u64 {
        let memory = self.shared.bounds.memory.as_ref();
        memory.map_or(0, |meter| meter.peak() as u64)
    }

    /// Rows looked at so far, for the operator's figures.
    pub fn rows_scanned(&self) -> u64 {
        self.counts.rows.load(Ordering::Relaxed)
    }

    /// Scans run so far, for the operator's figures.
    pub fn scans_run(&self) -> u64 {
        self.counts.scans.load(Ordering::Relaxed)
    }

    /// Looks so far: how soon work can be stopped.
    pub fn checks(&self) -> u64 {
        self.shared.checks.load(Ordering::Relaxed)
    }

    pub(crate) fn count_rows(&self, rows: u64) {
        self.counts.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn count_scan(&self) {
        self.counts.scans.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Share;

    #[test]
    fn a_cancelled_clone_stops_the_original() {
        let control = Control::new(None);
        assert_eq!(control.check(), Ok(()));
        control.clone().cancel();
        assert_eq!(control.check(), Err(Stopped::Cancelled));
        assert_eq!(control.checks(), 2);
    }

    #[test]
    fn work_aside_stops_with_the_query_and_counts_apart() {
        let control = Control::new(None);
        let aside = control.aside();
        aside.count_scan();
        aside.count_rows(9);
        assert_eq!((control.scans_run(), control.rows_scanned()), (0, 0));
        assert_eq!((aside.scans_run(), aside.rows_scanned()), (1, 9));
        control.cancel();
        assert_eq!(aside.check(), Err(Stopped::Cancelled));
    }

    #[test]
    fn the_first_reason_stays() {
        let control = Control::new(None);
        control.stop(Stopped::Superseded);
        control.cancel();
        assert_eq!(control.check(), Err(Stopped::Superseded));
    }

    #[test]
    fn a_deadline_in_the_past_stops_at_once() {
        assert_eq!(
            Control::new(Some(Instant::now())).check(),
            Err(Stopped::TimedOut)
        );
    }

    #[test]
    fn work_aside_has_no_limit_of_groups_and_ends_with_the_query() {
        let control = Control::bounded(Bounds {
            groups: Some(5),
            ..Bounds::default()
        });
        let aside = control.aside();
        assert_eq!(
            (control.most_groups(), aside.most_groups()),
            (5, usize::MAX)
        );
        let wider = control.of_any_groups();
        wider.count_rows(7);
        assert_eq!(
            (wider.most_groups(), control.rows_scanned()),
            (usize::MAX, 7)
        );
        control.cancel();
        assert_eq!(aside.check(), Err(Stopped::Cancelled));
    }

    #[test]
    fn memory_is_refused_by_name_of_the_limit() {
        let process = Meter::new(Share::Process, 100);
        let query = Meter::within(&process, Share::Query, 60);
        let control = Control::bounded(Bounds {
            memory: Some(query),
            ..Bounds::default()
        });
        let first = control.charge(50).unwrap();
        assert_eq!(
            control.charge(20).err(),
            Some(Stopped::OutOfMemory(Share::Query))
        );
        drop(first);
        assert!(control.charge(60).is_ok());
        assert_eq!(control.peak_bytes(), 60);
        assert!(Control::new(None).charge(usize::MAX).is_ok());
    }
}

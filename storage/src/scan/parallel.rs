//! The pass over the blocks, by the calling thread and by as many more as are idle and worth it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::select::{Picked, Scratch, Selector};
use super::strip::Strip;
use crate::column::BLOCK;
use crate::helpers::{Place, beside};
use crate::workers::{Busy, Help, cores};
use crate::{Control, ScanError};

/// Blocks that a thread takes at once.
const MORSEL: usize = if cfg!(test) { 1 } else { 2 };
/// Blocks that a thread must find, or starting it takes longer than it saves.
const BLOCKS_PER_THREAD: usize = if cfg!(test) { 1 } else { 8 };

/// What to pass over, and who asks.
pub(super) struct Pass<'p> {
    pub(super) rows: usize,
    pub(super) selector: &'p Selector<'p>,
    pub(super) control: &'p Control,
    /// States at once, at most: each thread has one.
    pub(super) most_threads: usize,
    /// Set by the work once rows that are left cannot change what it has found.
    pub(super) enough: &'p AtomicBool,
    /// Rows of a strip where all rows of a block pass.
    pub(super) rows_at_once: usize,
}

/// What the threads share.
struct Shared {
    /// The next block that nobody has taken.
    next: AtomicUsize,
    scanned: AtomicUsize,
    /// The error of the first block that failed.
    failed: Mutex<Option<(usize, ScanError)>>,
    /// Blocks from here on need not be looked at any more.
    end: AtomicUsize,
}

impl Pass<'_> {
    /// Calls `work` on the rows that pass, strip by strip. Each thread has a state of its own, which `fresh` makes; that of the
    /// calling thread comes first. Blocks come to each state in load order, but each state sees only some of them. Also gives the
    /// number of rows looked at.
    pub(super) fn run<S: Send>(
        &self,
        fresh: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, &Strip<'_>) -> Result<(), ScanError> + Sync,
    ) -> Result<(Vec<S>, u64), ScanError> {
        self.control.check()?;
        self.control.count_scan();
        let blocks = self.rows.div_ceil(BLOCK);
        let shared = Shared {
            next: AtomicUsize::new(0),
            scanned: AtomicUsize::new(0),
            failed: Mutex::new(None),
            end: AtomicUsize::new(blocks),
        };
        let _busy = Busy::enter();
        let live = (0..blocks)
            .filter(|block| !self.selector.skips(*block))
            .count();
        let wanted = (live / BLOCKS_PER_THREAD)
            .min(self.most_threads)
            .min(cores().max(2));
        let serve = |help: Option<&mut Help>| {
            let mut state = fresh();
            self.serve(&shared, help, &mut state, &work);
            state
        };
        let serve = &serve;
        let mut others = Vec::new();
        let mut dismissals = Vec::new();
        for _ in 1..wanted {
            let Some(place) = Place::reserve() else {
                break;
            };
            let Some((mut help, dismissal)) = Help::of(self.control) else {
                break;
            };
            others.push((place, move || help.begin().then(|| serve(Some(&mut help)))));
            dismissals.push(dismissal);
        }
        let (own, others) = beside(others, || {
            let state = serve(None);
            // All blocks are taken: those that wait for a core need none any more. A panic above drops these too.
            drop(dismissals);
            state
        });
        let mut states = vec![own];
        for other in others {
            let state = other.map_err(|_| {
                ScanError::Internal("a thread that helped with a scan panicked".to_owned())
            })?;
            states.extend(state);
        }
        let scanned = shared.scanned.into_inner() as u64;
        self.control.count_rows(scanned);
        match shared
            .failed
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
        {
            Some((_, error)) => Err(error),
            None => Ok((states, scanned)),
        }
    }

    fn serve<S>(
        &self,
        shared: &Shared,
        mut help: Option<&mut Help>,
        state: &mut S,
        work: &(impl Fn(&mut S, &Strip<'_>) -> Result<(), ScanError> + Sync),
    ) {
        let mut scratch = Scratch::default();
        // Helpers wait, or leave the rest to the calling thread, when other queries want the cores.
        while help.as_mut().is_none_or(|help| help.goes_on()) {
            let first = shared.next.fetch_add(MORSEL, Ordering::Relaxed);
            for block in first..first + MORSEL {
                if block >= shared.end.load(Ordering::Relaxed)
                    || self.enough.load(Ordering::Relaxed)
                {
                    return;
                }
                if let Err(error) = self.block(shared, block, state, work, &mut scratch) {
                    shared.fail(block, error);
                    return;
                }
            }
        }
    }

    fn block<S>(
        &self,
        shared: &Shared,
        block: usize,
        state: &mut S,
        work: &(impl Fn(&mut S, &Strip<'_>) -> Result<(), ScanError> + Sync),
        scratch: &mut Scratch,
    ) -> Result<(), ScanError> {
        self.control.check()?;
        let start = block * BLOCK;
        let len = BLOCK.min(self.rows - start);
        let picked = self.selector.select(start, len, scratch);
        if picked != Picked::Skipped {
            shared.scanned.fetch_add(len, Ordering::Relaxed);
        }
        let mut work = |strip: &Strip<'_>| work(state, strip);
        match picked {
            Picked::Skipped | Picked::Nothing => Ok(()),
            Picked::All => Strip::split(start, len, None, self.rows_at_once, &mut work),
            Picked::Some => Strip::split(
                start,
                len,
                Some(&scratch.picks),
                self.rows_at_once,
                &mut work,
            ),
        }
    }
}

impl Shared {
    /// Blocks before this one are finished, so that the error is that of the first block that has one.
    fn fail(&self, block: usize, error: ScanError) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.as_ref().is_none_or(|(first, _)| block < *first) {
            *failed = Some((block, error));
            self.end.fetch_min(block, Ordering::Relaxed);
        }
    }
}

//! The threads that help with scans. They are kept, because a thread that is made begins on the core of the one that made it, and
//! there it waits until that one's slice of time ends, which most scans do not last; one that is woken begins on a core that is idle.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use rayon_core::{ThreadPool, ThreadPoolBuilder};

use crate::workers::cores;

const STACK: usize = 256 << 10;

/// For each core: those that wait for a turn hold a thread too.
const THREADS_PER_CORE: usize = 4;

struct Helpers {
    threads: ThreadPool,
    /// Threads that nobody has reserved.
    free: AtomicUsize,
}

/// None where the system gives no threads: then nobody helps.
fn helpers() -> Option<&'static Helpers> {
    static HELPERS: OnceLock<Option<Helpers>> = OnceLock::new();
    HELPERS
        .get_or_init(|| {
            let most = THREADS_PER_CORE * cores().max(2);
            let threads = ThreadPoolBuilder::new()
                .num_threads(most)
                .stack_size(STACK)
                .thread_name(|_| "peristyle-scan".to_owned())
                .build()
                .ok()?;
            Some(Helpers {
                threads,
                free: AtomicUsize::new(most),
            })
        })
        .as_ref()
}

/// A thread of these, for as long as this lives. Work that is handed over without one would wait for the end of another's, and
/// whoever handed it over with it.
pub(crate) struct Place(&'static Helpers);

impl Place {
    pub fn reserve() -> Option<Place> {
        let helpers = helpers()?;
        let one_less = |free: usize| free.checked_sub(1);
        helpers
            .free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .ok()
            .map(|_| Place(helpers))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::Relaxed);
    }
}

/// A piece of work panicked. What the panic said is kept back: it may speak of data.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Runs `own` on this thread, and each of `others` beside it on the thread that is reserved for it. Ends when all of them have.
pub(crate) fn beside<T, S: Send>(
    others: Vec<(Place, impl FnOnce() -> S + Send)>,
    own: impl FnOnce() -> T,
) -> (T, Vec<Result<S, Panicked>>) {
    let Some((Place(helpers), _)) = others.first() else {
        return (own(), Vec::new());
    };
    let helpers: &'static Helpers = helpers;
    let results: Vec<_> = others.iter().map(|_| Mutex::new(Err(Panicked))).collect();
    let own = helpers.threads.in_place_scope(|scope| {
        for ((place, work), result) in others.into_iter().zip(&results) {
            scope.spawn(move |_| {
                // What it has half changed is dropped with it.
                let made = catch_unwind(AssertUnwindSafe(work)).map_err(|_| Panicked);
                *result.lock().unwrap_or_else(PoisonError::into_inner) = made;
                drop(place);
            });
        }
        own()
    });
    let results = results.into_iter();
    let results = results.map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner));
    (own, results.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_beside_and_a_panic_stays_with_its_own() {
        let shared = AtomicUsize::new(0);
        let places = (0..2).map(|_| Place::reserve().expect("free threads"));
        let others = places
            .enumerate()
            .map(|(number, place)| {
                let shared = &shared;
                let work = move || {
                    assert_ne!(number, 1, "this one fails");
                    shared.fetch_add(1, Ordering::Relaxed);
                    std::thread::current().id()
                };
                (place, work)
            })
            .collect();
        let (own, others) = beside(others, || std::thread::current().id());
        assert_eq!(own, std::thread::current().id());
        assert_eq!(shared.into_inner(), 1);
        assert_ne!(others[0].as_ref().expect("it did not fail"), &own);
        assert!(others[1].is_err());
    }
}

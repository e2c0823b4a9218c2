//! Threads that help with scans. They stay for a while, because a scan may be over before a new thread has begun, and they begin on
//! another core than the thread that they help: left to itself, the system mostly starts them on that one, behind the thread that
//! waits for them, and moves them only milliseconds later. Measured on two cores, a scan of six million rows had one core only in
//! four of ten cases.
//!
//! The `unsafe` code here hands what a scan borrows to a thread that outlives it.
#![allow(unsafe_code)]

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::workers::cores;

const STACK: usize = 256 << 10;
/// How long a thread waits for another scan before it ends.
const IDLE: Duration = Duration::from_secs(20);

type Job = Box<dyn FnOnce() + Send>;

/// Tells jobs apart: by the time that a call takes its job back, the thread may have been given another.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Threads that wait for work, the one that worked last at the end.
static WAITING: Mutex<Vec<Arc<Helper>>> = Mutex::new(Vec::new());

#[derive(Default)]
struct Helper {
    job: Mutex<Option<(u64, Job)>>,
    given: Condvar,
    place: place::Place,
}

/// What a thread has found.
struct Slot<T> {
    found: Mutex<Found<T>>,
    done: Condvar,
}

enum Found<T> {
    NotYet,
    Found(thread::Result<T>),
    Taken,
}

/// The jobs of one call. However that ends, none of them is under way afterwards, and what they found goes before what it borrows.
struct Jobs<T>(Vec<(Arc<Slot<T>>, Arc<Helper>, u64)>);

impl<T> Jobs<T> {
    /// Takes back what no thread has begun, and waits for the rest.
    fn end(&mut self) -> Vec<thread::Result<T>> {
        let jobs = self.0.drain(..);
        let found = jobs.filter_map(|(slot, helper, number)| match helper.take_back(number) {
            Some(job) => {
                drop(job);
                lock(&WAITING).push(helper);
                None
            }
            None => slot.take(),
        });
        found.collect()
    }
}

impl<T> Drop for Jobs<T> {
    fn drop(&mut self) {
        drop(self.end());
    }
}

/// Runs `own` on this thread and each of `jobs` on one of its own, as far as there are threads. Gives what those jobs have found that were
/// begun by the time that `own` was done.
pub(crate) fn beside<T, R, F>(jobs: Vec<F>, own: impl FnOnce() -> R) -> (R, Vec<thread::Result<T>>)
where
    T: Send,
    F: FnOnce() -> T + Send,
{
    let mut begun = Jobs(Vec::with_capacity(jobs.len()));
    for job in jobs {
        let slot = Arc::<Slot<T>>::default();
        let here = Arc::clone(&slot);
        let job: Box<dyn FnOnce() + Send + '_> = Box::new(move || {
            // The job is used up, and what it borrowed with it, before the slot says that it is done.
            let found = catch_unwind(AssertUnwindSafe(job));
            slot.put(found);
        });
        // SAFETY: only the lifetime changes. What the job borrows lives until this function returns or unwinds. Before that, `begun`
        // either takes the job back or waits until it has put what it found and takes that; then all that is left of the job is
        // an empty slot.
        let job = unsafe { std::mem::transmute::<Box<dyn FnOnce() + Send + '_>, Job>(job) };
        match give(job) {
            Ok((helper, number)) => begun.0.push((here, helper, number)),
            Err(_) => break,
        }
    }
    let result = own();
    (result, begun.end())
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot {
            found: Mutex::new(Found::NotYet),
            done: Condvar::new(),
        }
    }
}

impl<T> Slot<T> {
    fn put(&self, found: thread::Result<T>) {
        *lock(&self.found) = Found::Found(found);
        self.done.notify_one();
    }

    /// Waits until there is something. None: it has been taken.
    fn take(&self) -> Option<thread::Result<T>> {
        let found = lock(&self.found);
        let mut found = self
            .done
            .wait_while(found, |found| matches!(found, Found::NotYet))
            .unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *found, Found::Taken) {
            Found::Found(found) => Some(found),
            Found::NotYet | Found::Taken => None,
        }
    }
}

/// Nothing panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets a thread that waits, or else a new one, do the job.
fn give(job: Job) -> io::Result<(Arc<Helper>, u64)> {
    let waiting = lock(&WAITING).pop();
    let helper = match waiting {
        Some(helper) => {
            helper.place.elsewhere();
            helper
        }
        None => {
            let helper = Arc::<Helper>::default();
            let own = Arc::clone(&helper);
            thread::Builder::new()
                .name("peristyle-scan".to_owned())
                .stack_size(STACK)
                .spawn(move || own.serve())?;
            helper
        }
    };
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    *lock(&helper.job) = Some((number, job));
    helper.given.notify_one();
    Ok((helper, number))
}

impl Helper {
    fn serve(self: Arc<Helper>) {
        self.place.settle();
        while let Some(job) = self.next() {
            self.place.anywhere();
            // It catches its own panics.
            job();
            let mut waiting = lock(&WAITING);
            if waiting.len() >= cores() {
                return;
            }
            waiting.push(Arc::clone(&self));
        }
    }

    /// None: it has been begun.
    fn take_back(&self, number: u64) -> Option<Job> {
        let mut job = lock(&self.job);
        let job = job.take_if(|(given, _)| *given == number);
        job.map(|(_, job)| job)
    }

    /// None: there was nothing to do for long, and nobody counts on this thread any more.
    fn next(self: &Arc<Helper>) -> Option<Job> {
        loop {
            let held = lock(&self.job);
            let (mut held, waited) = self
                .given
                .wait_timeout_while(held, IDLE, |job| job.is_none())
                .unwrap_or_else(PoisonError::into_inner);
            if let Some((_, job)) = held.take() {
                return Some(job);
            }
            drop(held);
            if waited.timed_out() {
                let mut waiting = lock(&WAITING);
                // Whoever took it from the list is about to give it a job.
                if let Some(at) = waiting.iter().position(|other| Arc::ptr_eq(other, self)) {
                    waiting.remove(at);
                    return None;
                }
            }
        }
    }
}

/// Where a thread may run.
#[cfg(target_os = "linux")]
mod place {
    use std::sync::OnceLock;

    use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

    /// The thread, and the cores that it may have.
    #[derive(Default)]
    pub(super) struct Place(OnceLock<(Pid, CpuSet)>);

    impl Place {
        /// Called by the thread itself, when it begins.
        pub(super) fn settle(&self) {
            if let Ok(cores) = sched_getaffinity(None) {
                self.0.get_or_init(|| (gettid(), cores));
            }
        }

        /// Called by whoever wakes the thread: it begins on another core than this one, if it may. Where this fails it begins
        /// somewhere.
        pub(super) fn elsewhere(&self) {
            let Some((thread, cores)) = self.0.get() else {
                return;
            };
            let mut others = cores.clone();
            others.unset(sched_getcpu());
            if others.count() > 0 {
                let _ = sched_setaffinity(Some(*thread), &others);
            }
        }

        /// Called by the thread itself: from here on it is moved as any other.
        pub(super) fn anywhere(&self) {
            if let Some((_, cores)) = self.0.get() {
                let _ = sched_setaffinity(None, cores);
            }
        }
    }
}

/// Elsewhere the system is left to it.
#[cfg(not(target_os = "linux"))]
mod place {
    #[derive(Default)]
    pub(super) struct Place;

    impl Place {
        pub(super) fn settle(&self) {}
        pub(super) fn elsewhere(&self) {}
        pub(super) fn anywhere(&self) {}
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn all_jobs_are_done_with_what_they_borrow() {
        for round in 0..200 {
            let numbers: Vec<usize> = (0..100).map(|n| n + round).collect();
            let parts = numbers.chunks(34);
            let begun = AtomicUsize::new(0);
            let sum_of = |part: &[usize]| {
                begun.fetch_add(1, Ordering::Relaxed);
                part.iter().sum::<usize>()
            };
            let sum_of = &sum_of;
            let jobs: Vec<_> = parts.map(|part| move || sum_of(part)).collect();
            let own = || {
                while begun.load(Ordering::Relaxed) < 3 {
                    thread::yield_now();
                }
            };
            let ((), found) = beside(jobs, own);
            let sum: usize = found.into_iter().map(|sum| sum.unwrap()).sum();
            assert_eq!(sum, numbers.iter().sum::<usize>());
        }
    }

    #[test]
    fn a_job_that_panics_is_told_and_its_thread_goes_on() {
        for _ in 0..20 {
            let begun = AtomicUsize::new(0);
            let begin = || begun.fetch_add(1, Ordering::Relaxed);
            let job = |number: u8| {
                move || {
                    begin();
                    if number == 7 {
                        panic_any(number);
                    }
                    number
                }
            };
            let own = || {
                while begun.load(Ordering::Relaxed) < 3 {
                    thread::yield_now();
                }
                "own"
            };
            let (own, found) = beside(vec![job(1), job(7), job(3)], own);
            let told = found.into_iter().map(|found| match found {
                Ok(number) => i32::from(number),
                Err(panic) => -i32::from(*panic.downcast::<u8>().unwrap()),
            });
            assert_eq!((own, told.collect::<Vec<_>>()), ("own", vec![1, -7, 3]));
        }
    }

    #[test]
    fn when_the_calling_thread_panics_no_job_is_under_way_any_more() {
        let (begun, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let job = || {
            begun.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(30));
            done.fetch_add(1, Ordering::Relaxed)
        };
        let own = || {
            while begun.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            panic_any(0_u8)
        };
        let called = AssertUnwindSafe(|| beside(vec![job, job], own));
        assert!(catch_unwind(called).is_err());
        assert_eq!(done.into_inner(), begun.into_inner());
    }

    #[test]
    fn helpers_within_helpers_do_not_wait_for_each_other() {
        fn deep(levels: usize) -> usize {
            if levels == 0 {
                return 1;
            }
            let job = || deep(levels - 1);
            let (own, found) = beside(vec![job, job], || {
                thread::sleep(Duration::from_millis(1));
                deep(levels - 1)
            });
            assert!(found.into_iter().all(|found| found.unwrap() == own));
            own + 1
        }
        assert_eq!(deep(3), 4);
    }
}

//! How much may be decoded at one time, over all threads.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes that are shared out. Whoever needs more than all of them works alone.
pub(super) struct Budget {
    total: u64,
    taken: Mutex<u64>,
    returned: Condvar,
}

/// Bytes taken from a budget until this is dropped.
pub(super) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub fn new(total: u64) -> Budget {
        Budget {
            total,
            taken: Mutex::new(0),
            returned: Condvar::new(),
        }
    }

    /// Waits until there is so much, or until nobody else has any.
    pub fn take(&self, bytes: u64) -> Share<'_> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken > 0 && taken.saturating_add(bytes) > self.total {
            taken = self
                .returned
                .wait(taken)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *taken = taken.saturating_add(bytes);
        Share {
            budget: self,
            bytes,
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut taken = self
            .budget
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *taken = taken.saturating_sub(self.bytes);
        drop(taken);
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_needs_too_much_waits_and_then_works_alone() {
        let budget = Budget::new(10);
        let first = budget.take(6);
        let second = budget.take(4);
        std::thread::scope(|scope| {
            let third = scope.spawn(|| {
                let share = budget.take(100);
                let alone = *budget.taken.lock().unwrap() == 100;
                drop(share);
                alone
            });
            drop(first);
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!third.is_finished(), "somebody still has a share");
            drop(second);
            assert!(third.join().unwrap());
        });
        assert_eq!(*budget.taken.lock().unwrap(), 0);
    }
}

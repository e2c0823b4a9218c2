//! The compute pool: a few threads with deep stacks that run queries whole, one at a time each.
//!
//! Waiting work stands in one queue per client, and the queues are served in turn: a client that sends a thousand
//! queries delays its own thousandth query, not another client's first.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

/// Deep enough for what the limits of nesting allow.
const STACK_BYTES: usize = 64 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// Why work gave no result.
#[derive(Debug, PartialEq, Eq)]
pub enum Lost {
    /// Too much waits already.
    Full { waiting: usize },
    /// The work panicked. What the panic said is kept back: it may speak of data.
    Panicked,
}

/// Threads end when the pool is dropped, after the work that has begun.
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    queues: Mutex<Queues>,
    changed: Condvar,
}

struct Queues {
    /// In the order in which they are served. None is empty.
    clients: VecDeque<ClientQueue>,
    waiting: usize,
    most_waiting: usize,
    closed: bool,
}

struct ClientQueue {
    client: Arc<str>,
    jobs: VecDeque<Job>,
}

impl Pool {
    /// `threads` of them, at least one; beyond `most_waiting` pieces of waiting work, more is refused.
    pub fn new(threads: usize, most_waiting: usize) -> io::Result<Pool> {
        let queues = Queues {
            clients: VecDeque::new(),
            waiting: 0,
            most_waiting,
            closed: false,
        };
        let pool = Pool {
            shared: Arc::new(Shared {
                queues: Mutex::new(queues),
                changed: Condvar::new(),
            }),
        };
        for number in 0..threads.max(1) {
            let shared = Arc::clone(&pool.shared);
            thread::Builder::new()
                .name(format!("peristyle-{number}"))
                .stack_size(STACK_BYTES)
                .spawn(move || shared.serve())?;
        }
        Ok(pool)
    }

    /// Runs the work on a thread of the pool and waits for it.
    pub fn run<T: Send + 'static>(
        &self,
        client: &Arc<str>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let job = Box::new(move || {
            // The work owns what it touches, or shares what is immutable, so nothing half changed outlives a panic.
            let result = catch_unwind(AssertUnwindSafe(work));
            // Nobody waits any more: then nobody wants the result either.
            let _ = sender.send(result.map_err(|_| Lost::Panicked));
        });
        self.shared.lock().push(client, job)?;
        self.shared.changed.notify_one();
        receiver.recv().unwrap_or(Err(Lost::Panicked))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    /// A thread that panicked held no lock while it ran foreign code, so the queues are whole.
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        while let Some(job) = self.next() {
            job();
        }
    }

    /// Waits for the next piece of work; None when the pool is closed and nothing waits.
    fn next(&self) -> Option<Job> {
        let mut queues = self.lock();
        loop {
            if let Some(job) = queues.pop() {
                return Some(job);
            }
            if queues.closed {
                return None;
            }
            queues = self
                .changed
                .wait(queues)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Queues {
    fn push(&mut self, client: &Arc<str>, job: Job) -> Result<(), Lost> {
        if self.waiting >= self.most_waiting {
            return Err(Lost::Full {
                waiting: self.waiting,
            });
        }
        self.waiting += 1;
        match self
            .clients
            .iter_mut()
            .find(|queue| queue.client == *client)
        {
            Some(queue) => queue.jobs.push_back(job),
            None => self.clients.push_back(ClientQueue {
                client: Arc::clone(client),
                jobs: VecDeque::from([job]),
            }),
        }
        Ok(())
    }

    /// The oldest work of the client whose turn it is; the client then goes to the end.
    fn pop(&mut self) -> Option<Job> {
        let mut queue = self.clients.pop_front()?;
        let job = queue.jobs.pop_front();
        if !queue.jobs.is_empty() {
            self.clients.push_back(queue);
        }
        self.waiting = self.waiting.saturating_sub(1);
        job
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};

    fn client(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    #[test]
    fn work_gives_its_result_and_a_panic_harms_nobody_else() {
        let pool = Pool::new(1, 10).unwrap();
        assert_eq!(pool.run(&client("a"), || 6 * 7), Ok(42));
        assert_eq!(
            pool.run(&client("a"), || -> i32 { panic!("on purpose, in a test") }),
            Err(Lost::Panicked)
        );
        assert_eq!(pool.run(&client("b"), || 1), Ok(1));
    }

    #[test]
    fn clients_are_served_in_turn() {
        let mut queues = Queues {
            clients: VecDeque::new(),
            waiting: 0,
            most_waiting: 10,
            closed: false,
        };
        let (sender, receiver) = channel();
        let job = |sender: &Sender<&'static str>, name: &'static str| -> Job {
            let sender = sender.clone();
            Box::new(move || sender.send(name).unwrap())
        };
        for (who, name) in [
            ("a", "a1"),
            ("a", "a2"),
            ("a", "a3"),
            ("b", "b1"),
            ("c", "c1"),
            ("b", "b2"),
        ] {
            queues.push(&client(who), job(&sender, name)).unwrap();
        }
        while let Some(job) = queues.pop() {
            job();
        }
        drop(sender);
        assert_eq!(
            receiver.iter().collect::<Vec<_>>(),
            ["a1", "b1", "c1", "a2", "b2", "a3"]
        );
        assert_eq!(queues.waiting, 0);
    }

    #[test]
    fn too_much_waiting_work_is_refused() {
        let mut queues = Queues {
            clients: VecDeque::new(),
            waiting: 0,
            most_waiting: 1,
            closed: false,
        };
        assert_eq!(queues.push(&client("a"), Box::new(|| {})), Ok(()));
        assert_eq!(
            queues.push(&client("b"), Box::new(|| {})),
            Err(Lost::Full { waiting: 1 })
        );
    }

    #[test]
    fn stacks_are_deep() {
        fn deep(levels: u32) -> u64 {
            let filler = std::hint::black_box([levels as u8; 4096]);
            if levels == 0 {
                0
            } else {
                deep(levels - 1) + u64::from(filler[levels as usize % 4096] == levels as u8)
            }
        }
        let pool = Pool::new(1, 10).unwrap();
        assert_eq!(pool.run(&client("a"), || deep(5_000)), Ok(5_000));
    }
}

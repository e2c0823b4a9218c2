//! The compute pool: threads with deep stacks that run queries whole, one at a time each.
//!
//! Waiting work stands in one queue per client, and the queues are served in turn: a client that sends a thousand
//! queries delays its own thousandth query, not another client's first. There are more threads than cores, so that no client has
//! to wait for the end of another's long query; those that run take turns on the cores.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use security::{Control, Stopped};

/// Deep enough for what the limits of nesting allow.
const STACK_BYTES: usize = 64 << 20;

/// How often whoever waits for work that has not begun looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(20);

type Job = Box<dyn FnOnce() + Send>;

/// Why work gave no result.
#[derive(Debug, PartialEq, Eq)]
pub enum Lost {
    /// Too much waits already, of all clients.
    Full { waiting: usize },
    /// Too much of this client waits already.
    ClientFull { waiting: usize },
    /// It was stopped before it began.
    Stopped(Stopped),
    /// The work panicked. What the panic said is kept back: it may speak of data.
    Panicked,
}

/// How much work there may be, in all and of one client.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    pub running: usize,
    /// Beyond `running`: work of clients of whom nothing runs.
    pub newcomers: usize,
    pub running_per_client: usize,
    pub waiting: usize,
    pub waiting_per_client: usize,
}

impl Capacity {
    /// One piece of work at a time.
    pub const ONE: Capacity = Capacity {
        running: 1,
        newcomers: 0,
        running_per_client: 1,
        waiting: 1,
        waiting_per_client: 1,
    };
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
    /// Work of each client that runs. None is zero.
    running: HashMap<Arc<str>, usize>,
    waiting: usize,
    next: u64,
    threads: usize,
    /// Threads that wait for work.
    idle: usize,
    capacity: Capacity,
    closed: bool,
}

struct ClientQueue {
    client: Arc<str>,
    jobs: VecDeque<(u64, Job)>,
}

impl Pool {
    pub fn new(capacity: Capacity) -> io::Result<Pool> {
        let pool = Pool {
            shared: Arc::new(Shared {
                queues: Mutex::new(Queues::new(capacity)),
                changed: Condvar::new(),
            }),
        };
        // One thread is there from the beginning, the others when there is work for them.
        pool.spawn()?;
        pool.shared.lock().threads = 1;
        Ok(pool)
    }

    fn spawn(&self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        thread::Builder::new()
            .name("peristyle".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || shared.serve())
            .map(drop)
    }

    /// Queues work, and sees to it that there is a thread for it.
    fn push(&self, client: &Arc<str>, job: Job) -> Result<u64, Lost> {
        let mut queues = self.shared.lock();
        let number = queues.push(client, job)?;
        let another = queues.idle < queues.waiting && queues.threads < queues.most_for(client);
        queues.threads += usize::from(another);
        drop(queues);
        // Without another thread the work waits for those that there are.
        if another && self.spawn().is_err() {
            self.shared.lock().threads -= 1;
        }
        self.shared.changed.notify_one();
        Ok(number)
    }

    /// Runs the work on a thread of the pool, in its turns on the cores, and waits for it. Work that is stopped before it begins
    /// leaves the queue at once.
    pub fn run<T: Send + 'static>(
        &self,
        client: &Arc<str>,
        control: &Control,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        self.run_while(|| true, client, control, work)
    }

    /// The same, for as long as `wanted`, which is asked every now and then, says so: then the work is stopped.
    pub fn run_while<T: Send + 'static>(
        &self,
        wanted: impl Fn() -> bool,
        client: &Arc<str>,
        control: &Control,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let own = control.clone();
        let job = Box::new(move || {
            // The work owns what it touches, or shares what is immutable, so nothing half changed outlives a panic.
            let result = match own.begin() {
                Ok(_turn) => catch_unwind(AssertUnwindSafe(work)).map_err(|_| Lost::Panicked),
                Err(stopped) => Err(Lost::Stopped(stopped)),
            };
            // Nobody waits any more: then nobody wants the result either.
            let _ = sender.send(result);
        });
        let number = self.push(client, job)?;
        loop {
            match receiver.recv_timeout(LOOK) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => return Err(Lost::Panicked),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if !wanted() {
                control.stop(Stopped::Revoked);
            }
            // Work that has begun ends by itself, soon after it is stopped.
            if let Err(stopped) = control.check()
                && self.shared.lock().forget(client, number)
            {
                return Err(Lost::Stopped(stopped));
            }
        }
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
        while let Some((client, job)) = self.next() {
            job();
            self.lock().end(&client);
            // Work of this client that was held back may begin now.
            self.changed.notify_one();
        }
    }

    /// Waits for the next piece of work; None when the pool is closed and nothing waits.
    fn next(&self) -> Option<(Arc<str>, Job)> {
        let mut queues = self.lock();
        loop {
            if let Some(job) = queues.pop() {
                return Some(job);
            }
            if queues.closed && queues.waiting == 0 {
                // Another thread may have gone to sleep while this work was held back.
                self.changed.notify_all();
                return None;
            }
            queues.idle += 1;
            queues = self
                .changed
                .wait(queues)
                .unwrap_or_else(PoisonError::into_inner);
            queues.idle -= 1;
        }
    }
}

impl Queues {
    fn new(capacity: Capacity) -> Queues {
        Queues {
            clients: VecDeque::new(),
            running: HashMap::new(),
            waiting: 0,
            next: 0,
            threads: 0,
            idle: 0,
            capacity,
            closed: false,
        }
    }

    fn push(&mut self, client: &Arc<str>, job: Job) -> Result<u64, Lost> {
        let place = self
            .clients
            .iter()
            .position(|queue| queue.client == *client);
        let own = place
            .and_then(|place| self.clients.get(place))
            .map_or(0, |queue| queue.jobs.len());
        if own >= self.capacity.waiting_per_client {
            return Err(Lost::ClientFull { waiting: own });
        }
        if self.waiting >= self.capacity.waiting {
            return Err(Lost::Full {
                waiting: self.waiting,
            });
        }
        self.waiting += 1;
        self.next += 1;
        let entry = (self.next, job);
        match place.and_then(|place| self.clients.get_mut(place)) {
            Some(queue) => queue.jobs.push_back(entry),
            None => self.clients.push_back(ClientQueue {
                client: Arc::clone(client),
                jobs: VecDeque::from([entry]),
            }),
        }
        Ok(self.next)
    }

    /// How much may run in all when the next is work of this client. Those of whom nothing runs have places of their own, which
    /// nobody else can fill.
    fn most_for(&self, client: &Arc<str>) -> usize {
        match self.running.contains_key(client) {
            true => self.capacity.running,
            false => self
                .capacity
                .running
                .saturating_add(self.capacity.newcomers),
        }
    }

    /// The oldest work of the client whose turn it is and that may run more; the client then goes to the end.
    fn pop(&mut self) -> Option<(Arc<str>, Job)> {
        let all: usize = self.running.values().sum();
        let place = self.clients.iter().position(|queue| {
            let own = self.running.get(&queue.client).copied().unwrap_or(0);
            own < self.capacity.running_per_client && all < self.most_for(&queue.client)
        })?;
        let mut queue = self.clients.remove(place)?;
        let (_, job) = queue.jobs.pop_front()?;
        let client = Arc::clone(&queue.client);
        if !queue.jobs.is_empty() {
            self.clients.push_back(queue);
        }
        self.waiting = self.waiting.saturating_sub(1);
        *self.running.entry(Arc::clone(&client)).or_insert(0) += 1;
        Some((client, job))
    }

    fn end(&mut self, client: &Arc<str>) {
        if let Some(running) = self.running.get_mut(client) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                self.running.remove(client);
            }
        }
    }

    /// Takes work that has not begun out of its queue. False: it has begun.
    fn forget(&mut self, client: &Arc<str>, number: u64) -> bool {
        let place = self
            .clients
            .iter()
            .position(|queue| queue.client == *client);
        let Some((place, queue)) =
            place.and_then(|place| Some((place, self.clients.get_mut(place)?)))
        else {
            return false;
        };
        let before = queue.jobs.len();
        queue.jobs.retain(|(known, _)| *known != number);
        let found = queue.jobs.len() < before;
        if queue.jobs.is_empty() {
            self.clients.remove(place);
        }
        self.waiting = self.waiting.saturating_sub(usize::from(found));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Sender, channel};

    fn client(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    fn capacity(running: usize, running_per_client: usize, waiting: usize) -> Capacity {
        Capacity {
            running,
            newcomers: 0,
            running_per_client,
            waiting,
            waiting_per_client: waiting,
        }
    }

    fn run<T: Send + 'static>(
        pool: &Pool,
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        pool.run(&client(name), &Control::new(None), work)
    }

    #[test]
    fn work_gives_its_result_and_a_panic_harms_nobody_else() {
        let pool = Pool::new(capacity(1, 1, 10)).unwrap();
        assert_eq!(run(&pool, "a", || 6 * 7), Ok(42));
        assert_eq!(
            run(&pool, "a", || -> i32 { panic!("on purpose, in a test") }),
            Err(Lost::Panicked)
        );
        assert_eq!(run(&pool, "b", || 1), Ok(1));
    }

    /// What the jobs of these names say when they run in the order in which they are served.
    fn order(queues: &mut Queues, jobs: &[(&str, &'static str)]) -> Vec<&'static str> {
        let (sender, receiver) = channel();
        let job = |sender: &Sender<&'static str>, name: &'static str| -> Job {
            let sender = sender.clone();
            Box::new(move || sender.send(name).unwrap())
        };
        for (who, name) in jobs {
            queues.push(&client(who), job(&sender, name)).unwrap();
        }
        while let Some((_, job)) = queues.pop() {
            job();
        }
        drop(sender);
        receiver.try_iter().collect()
    }

    const JOBS: [(&str, &str); 6] = [
        ("a", "a1"),
        ("a", "a2"),
        ("a", "a3"),
        ("b", "b1"),
        ("c", "c1"),
        ("b", "b2"),
    ];

    #[test]
    fn clients_are_served_in_turn() {
        let mut queues = Queues::new(capacity(9, 9, 10));
        assert_eq!(
            order(&mut queues, &JOBS),
            ["a1", "b1", "c1", "a2", "b2", "a3"]
        );
        assert_eq!(queues.waiting, 0);
    }

    #[test]
    fn a_client_that_runs_enough_waits_and_holds_nobody_up() {
        let mut queues = Queues::new(capacity(9, 1, 10));
        assert_eq!(order(&mut queues, &JOBS), ["a1", "b1", "c1"]);
        assert_eq!(queues.waiting, 3);
        queues.end(&client("b"));
        let (who, _) = queues.pop().unwrap();
        assert_eq!(&*who, "b");
        assert!(queues.pop().is_none());
    }

    #[test]
    fn clients_that_fill_the_pool_do_not_keep_others_out() {
        let mut queues = Queues::new(Capacity {
            newcomers: 2,
            ..capacity(2, 2, 10)
        });
        assert_eq!(order(&mut queues, &JOBS), ["a1", "b1", "c1"]);
        // Three run, so one place is left, and it is not for those that run already.
        for who in ["d", "e"] {
            queues.push(&client(who), Box::new(|| {})).unwrap();
        }
        let mut next = |ended: &str| {
            queues.end(&client(ended));
            queues.pop().map(|(who, _)| who.to_string())
        };
        assert_eq!(next("nobody").as_deref(), Some("d"));
        assert_eq!(next("nobody"), None);
        assert_eq!(next("c").as_deref(), Some("e"));
        // What a and b have waiting begins when no more than the ordinary places are taken.
        assert_eq!([next("d"), next("e")], [None, None]);
        assert_eq!(next("b").as_deref(), Some("a"));
    }

    #[test]
    fn too_much_waiting_work_is_refused_in_all_and_of_one_client() {
        let mut queues = Queues::new(Capacity {
            running: 1,
            newcomers: 0,
            running_per_client: 1,
            waiting: 3,
            waiting_per_client: 2,
        });
        let mut push = |name: &str| queues.push(&client(name), Box::new(|| {}));
        assert!(push("a").is_ok());
        assert!(push("a").is_ok());
        assert_eq!(push("a"), Err(Lost::ClientFull { waiting: 2 }));
        assert!(push("b").is_ok());
        assert_eq!(push("c"), Err(Lost::Full { waiting: 3 }));
    }

    #[test]
    fn cancelled_work_leaves_the_queue_before_it_begins() {
        let pool = Pool::new(capacity(1, 1, 10)).unwrap();
        let (go, wait) = channel::<()>();
        let ran = Arc::new(AtomicUsize::new(0));
        thread::scope(|scope| {
            let pool = &pool;
            let first = scope.spawn(move || run(pool, "a", move || wait.recv().is_ok()));
            while pool.shared.lock().running.is_empty() {
                thread::yield_now();
            }
            let control = Control::new(None);
            let (own, counted) = (control.clone(), Arc::clone(&ran));
            let second = scope.spawn(move || {
                pool.run(&client("b"), &own, move || {
                    counted.fetch_add(1, Ordering::Relaxed)
                })
            });
            while pool.shared.lock().waiting == 0 {
                thread::yield_now();
            }
            control.cancel();
            // The only thread of the pool is still busy.
            assert_eq!(
                second.join().unwrap(),
                Err(Lost::Stopped(Stopped::Cancelled))
            );
            assert_eq!(pool.shared.lock().waiting, 0);
            go.send(()).unwrap();
            assert_eq!(first.join().unwrap(), Ok(true));
        });
        assert_eq!(ran.load(Ordering::Relaxed), 0);
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
        let pool = Pool::new(capacity(1, 1, 10)).unwrap();
        assert_eq!(run(&pool, "a", || deep(5_000)), Ok(5_000));
    }
}

//! What all queries of a database together, and those of one identity, may take.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use engine::Limits;
use security::Control;
use storage::{Bounds, Meter, Share, Turns};

use crate::pool::Capacity;

/// Bounds of a database over all its sessions. Beyond one of them a query is refused with an error that names the limit; none
/// is cut short. What one query may take is in [`Limits`], and none of it may exceed what stands here.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceLimits {
    /// Threads that compute queries at the same moment. The queries under way take turns, and the identity that has used the cores
    /// least is next. It begins beside the others when these do not come to give up a core for two milliseconds; as many threads
    /// again, at most, compute then.
    pub cores: usize,
    /// Queries under way, over all identities.
    pub running: usize,
    /// Further queries that may be under way, each of an identity that has none under way: so a few identities that fill `running`
    /// with long queries do not keep others from beginning.
    pub newcomers: usize,
    /// Queries of one identity that are under way.
    pub running_per_identity: usize,
    /// Queries that wait to begin, over all identities.
    pub waiting: usize,
    /// Queries of one identity that wait to begin.
    pub waiting_per_identity: usize,
    /// Bytes that all queries hold together.
    pub memory: usize,
    /// Bytes that the queries of one identity hold together.
    pub memory_per_identity: usize,
    /// The longest time that a query may ask for, waiting included. None: as long as it takes.
    pub time: Option<Duration>,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        ServiceLimits {
            cores,
            running: 16 * cores,
            newcomers: 16 * cores,
            running_per_identity: 4 * cores,
            waiting: 10_000,
            waiting_per_identity: 1_000,
            memory: 8 << 30,
            memory_per_identity: 6 << 30,
            time: None,
        }
    }
}

impl ServiceLimits {
    pub(crate) fn capacity(&self) -> Capacity {
        Capacity {
            running: self.running.max(1),
            newcomers: self.newcomers,
            running_per_client: self.running_per_identity.max(1),
            waiting: self.waiting.max(1),
            waiting_per_client: self.waiting_per_identity.max(1),
        }
    }
}

/// Makes the controls of queries, and counts what they hold.
pub(crate) struct Bounded {
    limits: ServiceLimits,
    turns: Arc<Turns>,
    process: Arc<Meter>,
    identities: Mutex<HashMap<Arc<str>, Weak<Meter>>>,
}

/// Beyond this number of meters those of nobody are swept out.
const SWEEP: usize = 1_024;

impl Bounded {
    pub fn new(limits: ServiceLimits) -> Bounded {
        Bounded {
            turns: Turns::new(limits.cores),
            process: Meter::new(Share::Process, limits.memory),
            identities: Mutex::default(),
            limits,
        }
    }

    /// The control of one query of a client: it takes turns as that client, and what it holds counts for it.
    pub fn control(&self, client: &Arc<str>, time: Option<Duration>, limits: &Limits) -> Control {
        let time = match (time, self.limits.time) {
            (Some(asked), Some(most)) => Some(asked.min(most)),
            (asked, most) => asked.or(most),
        };
        let identity = self.meter_of(client);
        Control::bounded(Bounds {
            deadline: time.and_then(|time| Instant::now().checked_add(time)),
            memory: Some(Meter::within(&identity, Share::Query, limits.memory)),
            groups: Some(limits.groups),
            turns: Some((Arc::clone(&self.turns), Arc::clone(client))),
            ..Bounds::default()
        })
    }

    /// The meter of a client lives for as long as one of its queries does.
    fn meter_of(&self, client: &Arc<str>) -> Arc<Meter> {
        let mut known = self
            .identities
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(meter) = known.get(client).and_then(Weak::upgrade) {
            return meter;
        }
        if known.len() >= SWEEP {
            known.retain(|_, meter| meter.strong_count() > 0);
        }
        let limit = self.limits.memory_per_identity;
        let meter = Meter::within(&self.process, Share::Identity, limit);
        known.insert(Arc::clone(client), Arc::downgrade(&meter));
        meter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(time: Option<Duration>) -> Bounded {
        Bounded::new(ServiceLimits {
            memory: 100,
            memory_per_identity: 60,
            time,
            ..ServiceLimits::default()
        })
    }

    #[test]
    fn queries_of_one_identity_share_its_memory() {
        let bounded = bounded(None);
        let limits = Limits::default();
        let (ana, bo) = (Arc::from("ana"), Arc::from("bo"));
        let first = bounded.control(&ana, None, &limits);
        let held = first.charge(50).unwrap();
        let charge = |client: &Arc<str>| bounded.control(client, None, &limits).charge(20).is_ok();
        assert!(!charge(&ana));
        assert!(charge(&bo));
        drop(held);
        assert!(charge(&ana));
    }

    #[test]
    fn no_query_has_more_time_than_the_service_gives() {
        let check = |asked: Option<u64>, most: Option<u64>, stops: bool| {
            let time = |seconds: Option<u64>| seconds.map(Duration::from_secs);
            let client = Arc::from("ana");
            let control = bounded(time(most)).control(&client, time(asked), &Limits::default());
            assert_eq!(control.check().is_err(), stops, "{asked:?} {most:?}");
        };
        check(None, None, false);
        check(Some(0), None, true);
        check(None, Some(0), true);
        check(Some(100), Some(0), true);
        check(Some(0), Some(100), true);
        check(Some(100), Some(100), false);
    }
}

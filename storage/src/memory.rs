//! Memory that queries hold, counted where it grows with the data: group states, intermediate tables, results. A meter counts for a
//! query, and passes on to that of its identity, and this to that of the process.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Stopped;

/// Whose memory a meter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    Query,
    Identity,
    Process,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Share::Query => "one query may hold",
            Share::Identity => "all queries of one identity may hold together",
            Share::Process => "all queries may hold together",
        })
    }
}

/// Bytes that are held, and how many may be.
#[derive(Debug)]
pub struct Meter {
    share: Share,
    limit: usize,
    held: AtomicUsize,
    peak: AtomicUsize,
    within: Option<Arc<Meter>>,
}

impl Meter {
    pub fn new(share: Share, limit: usize) -> Arc<Meter> {
        Arc::new(Meter {
            share,
            limit,
            held: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            within: None,
        })
    }

    /// A meter whose bytes count for another one too.
    pub fn within(whole: &Arc<Meter>, share: Share, limit: usize) -> Arc<Meter> {
        Arc::new(Meter {
            share,
            limit,
            held: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            within: Some(Arc::clone(whole)),
        })
    }

    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> Result<(), Share> {
        let add = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.limit);
        let before = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .map_err(|_| self.share)?;
        if let Some(whole) = &self.within
            && let Err(share) = whole.take(bytes)
        {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
            return Err(share);
        }
        self.peak.fetch_max(before + bytes, Ordering::Relaxed);
        Ok(())
    }

    fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(whole) = &self.within {
            whole.give_back(bytes);
        }
    }
}

/// Bytes that count as held for as long as this lives.
#[derive(Debug, Default)]
pub struct Charge {
    meter: Option<Arc<Meter>>,
    bytes: usize,
}

impl Charge {
    pub(crate) fn new(meter: Option<Arc<Meter>>, bytes: usize) -> Result<Charge, Stopped> {
        let mut charge = Charge::none(meter);
        charge.grow_to(bytes)?;
        Ok(charge)
    }

    /// No bytes yet, which count there when there are some.
    pub(crate) fn none(meter: Option<Arc<Meter>>) -> Charge {
        Charge { meter, bytes: 0 }
    }

    /// Counts so many bytes, and no longer those before.
    pub fn set(&mut self, bytes: usize) -> Result<(), Stopped> {
        if let Some(less) = self.bytes.checked_sub(bytes) {
            if less > 0
                && let Some(meter) = &self.meter
            {
                meter.give_back(less);
            }
            self.bytes = bytes;
            return Ok(());
        }
        self.grow_to(bytes)
    }

    /// Counts more bytes, until there are so many. Fewer bytes than before change nothing.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Stopped> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else {
            return Ok(());
        };
        if let Some(meter) = &self.meter {
            meter.take(more).map_err(Stopped::OutOfMemory)?;
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(meter) = &self.meter {
            meter.give_back(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_query_holds_counts_for_identity_and_process() {
        let process = Meter::new(Share::Process, 100);
        let identity = Meter::within(&process, Share::Identity, 80);
        let (a, b) = (
            Meter::within(&identity, Share::Query, 70),
            Meter::within(&identity, Share::Query, 70),
        );
        let first = Charge::new(Some(Arc::clone(&a)), 60).unwrap();
        let refused = |meter: &Arc<Meter>, bytes| Charge::new(Some(Arc::clone(meter)), bytes).err();
        assert_eq!(refused(&b, 30), Some(Stopped::OutOfMemory(Share::Identity)));
        let other = Meter::within(&process, Share::Identity, 80);
        let other = Meter::within(&other, Share::Query, 80);
        assert_eq!(
            refused(&other, 50),
            Some(Stopped::OutOfMemory(Share::Process))
        );
        assert_eq!(refused(&a, 11), Some(Stopped::OutOfMemory(Share::Query)));
        // What was refused is not counted anywhere.
        assert_eq!((process.held(), identity.held(), b.held()), (60, 60, 0));
        drop(first);
        assert_eq!((process.held(), identity.held(), a.held()), (0, 0, 0));
        assert_eq!(a.peak(), 60);
    }

    #[test]
    fn a_charge_grows_and_gives_everything_back() {
        let meter = Meter::new(Share::Query, 10);
        let mut charge = Charge::new(Some(Arc::clone(&meter)), 4).unwrap();
        charge.grow_to(9).unwrap();
        charge.grow_to(3).unwrap();
        assert_eq!(meter.held(), 9);
        charge.set(2).unwrap();
        assert_eq!((meter.held(), meter.peak()), (2, 9));
        assert!(charge.grow_to(11).is_err());
        drop(charge);
        assert_eq!(meter.held(), 0);
    }
}

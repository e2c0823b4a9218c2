//! Where the work of a database runs, and what bounds it.

use std::io;
use std::sync::atomic::AtomicU64;

use security::Denied;

use crate::error::Error;
use crate::limits::{Bounded, ServiceLimits};
use crate::pool::{Lost, Pool};

pub(crate) struct Runtime {
    pub pool: Pool,
    pub bounded: Bounded,
    /// Rows that all queries have touched together. Hidden ones count, so this is the operator's.
    pub rows_scanned: AtomicU64,
}

impl Runtime {
    pub fn new(limits: ServiceLimits) -> io::Result<Runtime> {
        Ok(Runtime {
            pool: Pool::new(limits.capacity())?,
            bounded: Bounded::new(limits),
            rows_scanned: AtomicU64::new(0),
        })
    }
}

pub(crate) fn lost(lost: Lost) -> Error {
    match lost {
        Lost::Full { waiting } => Error::Busy {
            waiting,
            own: false,
        },
        Lost::ClientFull { waiting } => Error::Busy { waiting, own: true },
        Lost::Stopped(stopped) => Error::Denied(Denied::Stopped(stopped)),
        Lost::Panicked => Error::Internal("the work was given up after a fault"),
    }
}

//! What the operators of a statement hold counts for the query, its identity and the process, as what DAX holds does.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryPool, MemoryReservation};
use security::{Charge, Control};

use crate::error::carry_read;

/// The memory of one statement, as DataFusion asks for it. Nothing is written to disk where it ends.
#[derive(Debug)]
pub(crate) struct Memory {
    control: Control,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    bytes: usize,
    charge: Charge,
}

impl Memory {
    pub fn of(control: &Control) -> Memory {
        Memory {
            control: control.clone(),
            held: Mutex::new(Held {
                bytes: 0,
                charge: control.no_charge(),
            }),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl MemoryPool for Memory {
    fn name(&self) -> &str {
        "statement"
    }

    /// What is taken without asking cannot be refused any more: the statement stops at its next look.
    fn grow(&self, _: &MemoryReservation, additional: usize) {
        let mut held = self.held();
        held.bytes = held.bytes.saturating_add(additional);
        let bytes = held.bytes;
        if let Err(stopped) = held.charge.set(bytes) {
            self.control.stop(stopped);
        }
    }

    fn shrink(&self, _: &MemoryReservation, shrink: usize) {
        let mut held = self.held();
        held.bytes = held.bytes.saturating_sub(shrink);
        let bytes = held.bytes;
        if let Err(stopped) = held.charge.set(bytes) {
            self.control.stop(stopped);
        }
    }

    fn try_grow(&self, _: &MemoryReservation, additional: usize) -> Result<()> {
        let mut held = self.held();
        let bytes = held.bytes.saturating_add(additional);
        held.charge
            .set(bytes)
            .map_err(|stopped| carry_read(stopped.into()))?;
        held.bytes = bytes;
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.held().bytes
    }
}

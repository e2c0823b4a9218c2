//! Columns that were read from disk, and how much memory they may take: beyond it those go that were not used for longest. They
//! are read again when they are needed.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use model::same_name;

use super::stored::{InMemory, StoredColumn, StoredFiles};

/// The memory of the columns of an opened dataset, over all its generations. Work under way holds the columns that it reads: what is
/// given up here goes when the last of that work has ended.
pub struct ColumnMemory {
    /// Bytes; None: as many as there are.
    limit: Option<u64>,
    pinned: Vec<String>,
    /// Counts the uses of columns, so that they can be told apart by age.
    clock: AtomicU64,
    reads: AtomicU64,
    evictions: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bytes: u64,
    columns: Vec<Weak<StoredColumn>>,
}

/// How it stands with the memory of the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnMemoryFigures {
    /// Bytes that columns may take. None: no bound.
    pub limit: Option<u64>,
    /// Bytes that they take.
    pub bytes: u64,
    /// Columns in memory.
    pub columns: u64,
    /// Times that a column was read from disk.
    pub reads: u64,
    /// Times that a column was given up.
    pub evictions: u64,
}

impl fmt::Debug for ColumnMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ColumnMemory")
            .field(&self.figures())
            .finish()
    }
}

impl Default for ColumnMemory {
    /// Without a bound.
    fn default() -> Self {
        ColumnMemory::new(None, Vec::new())
    }
}

impl ColumnMemory {
    /// Columns of the pinned tables stay once they are read, and count all the same.
    pub fn new(limit: Option<u64>, pinned: Vec<String>) -> ColumnMemory {
        ColumnMemory {
            limit,
            pinned,
            clock: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    pub fn figures(&self) -> ColumnMemoryFigures {
        let (columns, state) = self.lock();
        ColumnMemoryFigures {
            limit: self.limit,
            bytes: state.bytes,
            columns: columns.len() as u64,
            reads: self.reads.load(Ordering::Relaxed),
            evictions: self.evictions.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn pinned(&self) -> &[String] {
        &self.pinned
    }

    pub(crate) fn pins(&self, table: &str) -> bool {
        self.pinned.iter().any(|name| same_name(name, table))
    }

    /// The moment of a use.
    pub(crate) fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// Columns that are alive and in memory. They are held beside the lock and dropped after it: the last one of a column locks again.
    fn lock(&self) -> (Vec<Arc<StoredColumn>>, MutexGuard<'_, State>) {
        let mut alive = Vec::new();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.columns.retain(|column| match column.upgrade() {
            Some(column) => {
                alive.push(column);
                true
            }
            None => false,
        });
        (alive, state)
    }

    /// Counts a column that is in memory now, and makes room for it.
    pub(crate) fn enter(&self, column: &Arc<StoredColumn>, bytes: u64, was_read: bool) {
        if was_read {
            self.reads.fetch_add(1, Ordering::Relaxed);
        }
        let (loaded, mut state) = self.lock();
        state.bytes += bytes;
        state.columns.push(Arc::downgrade(column));
        let Some(limit) = self.limit.filter(|limit| state.bytes > *limit) else {
            return;
        };
        let mut others: Vec<&Arc<StoredColumn>> = loaded
            .iter()
            .filter(|other| !other.pinned && !Arc::ptr_eq(other, column))
            .collect();
        others.sort_by_key(|other| other.last_use());
        let mut given_up = Vec::new();
        for other in others {
            if state.bytes <= limit {
                break;
            }
            given_up.push(take_out(&mut state, other));
            self.evictions.fetch_add(1, Ordering::Relaxed);
        }
        drop(state);
        // Large, so not under the lock.
        drop(given_up);
    }

    /// Gives up all columns of a generation, for a dataset that is closed.
    pub(crate) fn release(&self, files: &StoredFiles) {
        let (columns, mut state) = self.lock();
        let of_these = columns
            .iter()
            .filter(|column| std::ptr::eq(Arc::as_ptr(column.files()), files));
        let given_up: Vec<_> = of_these
            .map(|column| take_out(&mut state, column))
            .collect();
        drop(state);
        drop(given_up);
    }

    /// Gives up one column. What it had comes back.
    pub(super) fn give_up(&self, column: &StoredColumn) -> Option<InMemory> {
        let (_columns, mut state) = self.lock();
        take_out(&mut state, column)
    }

    /// Of a column that is gone with its generation.
    pub(super) fn forget(&self, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes = state.bytes.saturating_sub(bytes);
    }
}

/// Takes a column out of memory; what comes back is to be dropped without the lock.
fn take_out(state: &mut State, column: &StoredColumn) -> Option<InMemory> {
    let (taken, bytes) = column.take()?;
    state.bytes = state.bytes.saturating_sub(bytes);
    let gone = |known: &Weak<StoredColumn>| std::ptr::eq(known.as_ptr(), column);
    state.columns.retain(|known| !gone(known));
    Some(taken)
}

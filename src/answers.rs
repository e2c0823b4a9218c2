//! Answers that are kept, for whoever asks the same and sees the same. The key says all that an answer depends on
//! (`Gate::answer_key`), and never who asked for its own sake.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{Answer, Value};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use security::ScanFigures;

pub(crate) struct Answers {
    known: Cache<[u8; 32], Arc<Answer>, Weight>,
    most_bytes: u64,
    asked: AtomicU64,
    found: AtomicU64,
}

/// How often answers were asked for and found, over all sessions: for the operator. No session is told, because an answer that is
/// found may be one that somebody else has asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheFigures {
    pub asked: u64,
    pub found: u64,
    pub answers: u64,
    pub bytes: u64,
    /// The scans of those that were not found.
    pub scans: ScanFigures,
}

#[derive(Clone)]
struct Weight;

impl Weighter<[u8; 32], Arc<Answer>> for Weight {
    fn weight(&self, _: &[u8; 32], answer: &Arc<Answer>) -> u64 {
        let tables = answer.tables.iter().map(|table| {
            let values = table.columns.iter().flat_map(|column| &column.values);
            let values = values.map(|values| values.len() * std::mem::size_of::<Value>());
            table.batch.get_array_memory_size() + values.sum::<usize>() + 256
        });
        u64::try_from(tables.sum::<usize>() + 128).unwrap_or(u64::MAX)
    }
}

impl Answers {
    /// Without any room nothing is kept.
    pub fn new(most_bytes: u64) -> Answers {
        let estimated = usize::try_from(most_bytes / 4096)
            .unwrap_or(0)
            .clamp(16, 1 << 20);
        Answers {
            known: Cache::with_weighter(estimated, most_bytes, Weight),
            most_bytes,
            asked: AtomicU64::new(0),
            found: AtomicU64::new(0),
        }
    }

    pub fn is_off(&self) -> bool {
        self.most_bytes == 0
    }

    pub fn get(&self, key: &[u8; 32]) -> Option<Arc<Answer>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let found = self.known.get(key);
        if found.is_some() {
            self.found.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// One answer may take an eighth of the room.
    pub fn keep(&self, key: [u8; 32], answer: &Answer) {
        let answer = Arc::new(answer.clone());
        if Weight.weight(&key, &answer) <= self.most_bytes / 8 {
            self.known.insert(key, answer);
        }
    }

    pub fn clear(&self) {
        self.known.clear();
    }

    pub fn figures(&self, scans: ScanFigures) -> CacheFigures {
        CacheFigures {
            asked: self.asked.load(Ordering::Relaxed),
            found: self.found.load(Ordering::Relaxed),
            answers: u64::try_from(self.known.len()).unwrap_or(u64::MAX),
            bytes: self.known.weight(),
            scans,
        }
    }
}

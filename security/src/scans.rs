//! Answers of scans, kept for whoever sees the same rows and asks the same. They are codes and sums of one gate's data, without
//! handles: each view that takes one mints its own.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use storage::{Aggregated, Filter, Groups, Scan};

/// Filters larger than this, in bytes, are not worth the time of reading them again and again.
const MOST_FILTER_BYTES: usize = 1 << 16;

pub(crate) struct Scans {
    known: Cache<[u8; 32], Arc<Groups>, Weight>,
    most_bytes: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<[u8; 32], Arc<Groups>> for Weight {
    fn weight(&self, _: &[u8; 32], groups: &Arc<Groups>) -> u64 {
        let keys: usize = groups.keys.iter().map(|codes| codes.len() * 4).sum();
        let aggregates = groups.aggregates.iter().map(|aggregated| match aggregated {
            Aggregated::Count(list) => list.len() * 8,
            Aggregated::Integer(list) | Aggregated::Fixed(list) => list.len() * 32,
            Aggregated::Double(list) => list.len() * 16,
            Aggregated::Code(list) => list.len() * 4,
        });
        u64::try_from(keys + aggregates.sum::<usize>() + 128).unwrap_or(u64::MAX)
    }
}

impl Scans {
    pub fn new(most_bytes: u64) -> Scans {
        let estimated = usize::try_from(most_bytes / 4096)
            .unwrap_or(0)
            .clamp(16, 1 << 20);
        Scans {
            known: Cache::with_weighter(estimated, most_bytes, Weight),
            most_bytes,
        }
    }

    /// As much room, and nothing in it.
    pub fn emptied(&self) -> Scans {
        Scans::new(self.most_bytes)
    }

    pub fn get(&self, key: &[u8; 32]) -> Option<Arc<Groups>> {
        self.known.get(key)
    }

    /// One answer may take an eighth of the room.
    pub fn keep(&self, key: [u8; 32], groups: &Arc<Groups>) {
        if Weight.weight(&key, groups) <= self.most_bytes / 8 {
            self.known.insert(key, Arc::clone(groups));
        }
    }
}

/// The key of a scan whose visibility is that of a view with this digest. None: it is not kept. Scans with masks are not: their
/// row sets have no digest.
pub(crate) fn scan_key(scan: &Scan, visible: &[u8; 32]) -> Option<[u8; 32]> {
    if !scan.masks.is_empty() {
        return None;
    }
    let mut hash = Sha256::new();
    hash.update(b"peristyle scan 1");
    hash.update(visible);
    hash.update(scan.table.0.to_le_bytes());
    let mut put = |bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(bytes);
    };
    put(format!("{:?} {:?} {}", scan.keys, scan.aggregates, scan.max_groups).as_bytes());
    for filter in &scan.filters {
        match filter {
            Filter::In { column, set } => {
                if set.serialized_size() > MOST_FILTER_BYTES {
                    return None;
                }
                let mut bytes = Vec::with_capacity(set.serialized_size());
                set.serialize_into(&mut bytes).ok()?;
                put(format!("in {column:?}").as_bytes());
                put(&bytes);
            }
            Filter::Tuples { columns, tuples } => {
                if tuples.codes.len() * 4 > MOST_FILTER_BYTES {
                    return None;
                }
                put(format!("tuples {columns:?} {}", tuples.width).as_bytes());
                let bytes: Vec<u8> = tuples.codes.iter().flat_map(|c| c.to_le_bytes()).collect();
                put(&bytes);
            }
        }
    }
    Some(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use roaring::RoaringBitmap;
    use storage::{Path, PathColumn, TableId, Target, Visibility};

    fn column(ordinal: u32) -> PathColumn {
        PathColumn {
            path: Path::here(),
            target: Target::Column(ordinal),
        }
    }

    fn scan(keys: &[u32], filters: &[(u32, &[u32])]) -> Scan {
        let filters = filters.iter().map(|(c, codes)| Filter::In {
            column: column(*c),
            set: Arc::new(codes.iter().copied().collect::<RoaringBitmap>()),
        });
        Scan {
            table: TableId(1),
            visibility: Visibility::All,
            masks: Vec::new(),
            filters: filters.collect(),
            keys: keys.iter().map(|c| column(*c)).collect(),
            aggregates: Vec::new(),
            max_groups: 10,
        }
    }

    fn tuples(columns: &[u32], codes: &[u32]) -> Scan {
        let filter = Filter::Tuples {
            columns: columns.iter().map(|c| column(*c)).collect(),
            tuples: Arc::new(storage::Tuples {
                width: columns.len(),
                codes: codes.to_vec(),
            }),
        };
        Scan {
            filters: vec![filter],
            ..scan(&[1], &[])
        }
    }

    #[test]
    fn scans_have_one_key_exactly_when_they_ask_the_same() {
        let scans = [
            scan(&[], &[]),
            scan(&[1], &[]),
            scan(&[1, 2], &[]),
            scan(&[2, 1], &[]),
            scan(&[1], &[(1, &[1])]),
            scan(&[1], &[(1, &[2])]),
            scan(&[1], &[(2, &[1])]),
            scan(&[1], &[(1, &[1, 2])]),
            scan(&[1], &[(1, &[1]), (1, &[2])]),
            tuples(&[1, 2], &[1, 2]),
            tuples(&[2, 1], &[1, 2]),
            tuples(&[1, 2], &[2, 1]),
            tuples(&[1], &[1, 2]),
        ];
        let keys: Vec<_> = scans.iter().map(|s| scan_key(s, &[0; 32])).collect();
        for (i, a) in keys.iter().enumerate() {
            assert!(a.is_some());
            assert_eq!(*a, scan_key(&scans[i], &[0; 32]));
            assert_ne!(*a, scan_key(&scans[i], &[1; 32]));
            assert!(keys.iter().skip(i + 1).all(|b| a != b), "{i}");
        }
    }

    #[test]
    fn the_room_is_bounded() {
        let scans = Scans::new(100_000);
        let groups = Arc::new(Groups {
            len: 1_000,
            keys: vec![vec![1; 1_000]],
            ..Groups::default()
        });
        for number in 0..200u8 {
            scans.keep([number; 32], &groups);
        }
        assert!(scans.known.weight() <= 100_000 && scans.known.len() > 4);
        let large = Arc::new(Groups {
            len: 10_000,
            keys: vec![vec![1; 10_000]],
            ..Groups::default()
        });
        scans.keep([255; 32], &large);
        assert!(scans.get(&[255; 32]).is_none());
    }
}

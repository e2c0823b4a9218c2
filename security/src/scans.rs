//! Answers of scans, kept for whoever sees the same rows and asks the same, or something narrower. They are codes and sums of one gate's data, without
//! handles: each view that takes one mints its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use storage::{Aggregated, Control, Cube, Dataset, Filter, Groups, Scan, ScanError, Stopped};

use crate::wider::{Choice, Looks, Part, REMEMBERED_BYTES, Shape, Wide, parts};

/// Filters larger than this, in bytes, are not worth the time of reading them again and again.
const MOST_FILTER_BYTES: usize = 1 << 16;
/// Tables with fewer rows are scanned in less time than is worth thinking about.
const LEAST_ROWS: u32 = 1 << 16;
/// Combinations of the keys of a wider scan, and so its groups: beyond this its states leave the nearer caches, and each answer from it takes long.
const MOST_COMBINATIONS: usize = 1 << 16;

/// Whose scans these are.
#[derive(Clone, Copy)]
pub(crate) struct SeenBy {
    /// Digest of the rows and objects that are visible: answers are for those who have the same.
    pub visible: [u8; 32],
    /// Digest of what decides which paths may be walked: objects, and tables that row filters bear on. It says nothing of which rows.
    pub reach: [u8; 32],
}

/// How often scans were answered from what is kept, for the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanFigures {
    pub asked: u64,
    /// The same scan had been run before.
    pub found: u64,
    /// A wider one had been.
    pub narrowed: u64,
    /// A wider one was run in its place.
    pub widened: u64,
}

pub(crate) struct Scans {
    known: Cache<[u8; 32], Known, Weight>,
    most_bytes: u64,
    pub least_rows: u32,
    asked: AtomicU64,
    found: AtomicU64,
    narrowed: AtomicU64,
    widened: AtomicU64,
}

#[derive(Clone)]
enum Known {
    Answer(Arc<Groups>),
    Cube(Arc<Cube>),
    Looks(Arc<Mutex<Looks>>),
    Shape(Arc<Mutex<Shape>>),
}

#[derive(Clone)]
struct Weight;

impl Weighter<[u8; 32], Known> for Weight {
    fn weight(&self, _: &[u8; 32], known: &Known) -> u64 {
        let groups = match known {
            Known::Answer(groups) => groups,
            Known::Cube(cube) => return u64::try_from(cube.bytes()).unwrap_or(u64::MAX),
            Known::Looks(_) | Known::Shape(_) => return REMEMBERED_BYTES,
        };
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

/// A scan, and what is remembered of others of its shape.
struct Question<'q> {
    scan: &'q Scan,
    who: &'q SeenBy,
    parts: Vec<Part>,
    looks: Arc<Mutex<Looks>>,
    shape: Arc<Mutex<Shape>>,
}

/// A cube, and where it is kept, if it is.
struct Made {
    key: Option<[u8; 32]>,
    cube: Arc<Cube>,
    cost: i64,
}

impl Scans {
    pub fn new(most_bytes: u64) -> Scans {
        let estimated = usize::try_from(most_bytes / 4096)
            .unwrap_or(0)
            .clamp(16, 1 << 20);
        Scans {
            known: Cache::with_weighter(estimated, most_bytes, Weight),
            most_bytes,
            least_rows: LEAST_ROWS,
            asked: AtomicU64::new(0),
            found: AtomicU64::new(0),
            narrowed: AtomicU64::new(0),
            widened: AtomicU64::new(0),
        }
    }

    /// As much room, and nothing in it.
    pub fn emptied(&self) -> Scans {
        Scans {
            least_rows: self.least_rows,
            ..Scans::new(self.most_bytes)
        }
    }

    pub fn figures(&self) -> ScanFigures {
        ScanFigures {
            asked: self.asked.load(Ordering::Relaxed),
            found: self.found.load(Ordering::Relaxed),
            narrowed: self.narrowed.load(Ordering::Relaxed),
            widened: self.widened.load(Ordering::Relaxed),
        }
    }

    /// The answer of a scan, from what is kept or from the data. It is what the scan gives, bit for bit, and so are its errors.
    pub fn answer(
        &self,
        scan: &Scan,
        who: &SeenBy,
        data: &Dataset,
        control: &Control,
    ) -> Result<Arc<Groups>, ScanError> {
        let Some(digests) = digests(scan) else {
            return data.scan(scan, control).map(Arc::new);
        };
        self.asked.fetch_add(1, Ordering::Relaxed);
        let key = scan_key(scan, &digests, &who.visible);
        if let Some(Known::Answer(known)) = self.known.get(&key) {
            self.found.fetch_add(1, Ordering::Relaxed);
            return within(known, scan, control);
        }
        let question = self.question(scan, who, &digests, data);
        let Some(question) = question else {
            let groups = Arc::new(data.scan(scan, control)?);
            self.keep(key, Known::Answer(Arc::clone(&groups)));
            return Ok(groups);
        };
        if let Some(groups) = self.by_wider(&question, data, control)? {
            return within(Arc::new(groups), scan, control);
        }
        let groups = Arc::new(data.scan(scan, control)?);
        let cost = cost_of(&groups);
        locked(&question.shape).asked(&question.parts, &scan.keys, cost);
        locked(&question.looks).asked(question.parts, cost);
        self.keep(key, Known::Answer(Arc::clone(&groups)));
        Ok(groups)
    }

    /// None: no wider scan is thought of.
    fn question<'q>(
        &self,
        scan: &'q Scan,
        who: &'q SeenBy,
        digests: &[[u8; 32]],
        data: &Dataset,
    ) -> Option<Question<'q>> {
        let is_large = data.rows(scan.table).is_some_and(|n| n >= self.least_rows);
        if !is_large || scan.aggregates.is_empty() || !scan.may_combine() {
            return None;
        }
        let parts = parts(scan, digests)?;
        let shape = shape_of(scan);
        let of = |what: &[u8], whose: &[u8; 32]| -> [u8; 32] {
            let hash = Sha256::new().chain_update(what).chain_update(whose);
            hash.chain_update(shape).finalize().into()
        };
        let looks = of(b"peristyle looks 1", &who.visible);
        let looks = match self.known.get(&looks) {
            Some(Known::Looks(looks)) => looks,
            _ => {
                let fresh = Arc::default();
                self.keep(looks, Known::Looks(Arc::clone(&fresh)));
                fresh
            }
        };
        let shape = of(b"peristyle shape 1", &who.reach);
        let shape = match self.known.get(&shape) {
            Some(Known::Shape(shape)) => shape,
            _ => {
                let fresh = Arc::default();
                self.keep(shape, Known::Shape(Arc::clone(&fresh)));
                fresh
            }
        };
        Some(Question {
            scan,
            who,
            parts,
            looks,
            shape,
        })
    }

    /// The answer from a wider scan that is kept, or that is worth running. None: neither is there.
    fn by_wider(
        &self,
        question: &Question<'_>,
        data: &Dataset,
        control: &Control,
    ) -> Result<Option<Groups>, ScanError> {
        let Question { scan, parts, .. } = question;
        // Twice, where the cube that was to answer is kept no longer.
        for _ in 0..2 {
            let choice = {
                let looks = locked(&question.looks);
                locked(&question.shape).choose(&looks, parts, &scan.keys)
            };
            match choice {
                Choice::AsAsked => return Ok(None),
                Choice::Kept { wide, fixed } => {
                    if let Some(groups) = self.by_kept(question, &wide, &fixed) {
                        control.check()?;
                        return Ok(Some(groups));
                    }
                }
                Choice::Make {
                    template,
                    fixed,
                    keys,
                } => {
                    let wide = Scan {
                        filters: chosen(&scan.filters, &fixed, true).cloned().collect(),
                        keys: keys.iter().cloned().collect(),
                        max_groups: MOST_COMBINATIONS,
                        ..Scan::clone(scan)
                    };
                    let made = self.make(&wide, question.who, data, control)?;
                    let loose: Vec<&Filter> = chosen(&scan.filters, &fixed, false).collect();
                    let answer = made
                        .as_ref()
                        .and_then(|made| made.cube.answer(&scan.keys, &loose));
                    let cost = made.as_ref().map(|made| made.cost);
                    let cube = made.and_then(|made| made.key);
                    let usual = locked(&question.shape).made(template, cost);
                    let mut looks = locked(&question.looks);
                    looks.made(parts, &fixed, keys, template, cube);
                    if answer.is_some() {
                        looks.asked(parts.clone(), usual);
                    }
                    return Ok(answer);
                }
            }
        }
        Ok(None)
    }

    fn by_kept(&self, question: &Question<'_>, wide: &Wide, fixed: &[bool]) -> Option<Groups> {
        let key = wide.cube?;
        let Some(Known::Cube(cube)) = self.known.get(&key) else {
            locked(&question.looks).lost(&key);
            return None;
        };
        let loose: Vec<&Filter> = chosen(&question.scan.filters, fixed, false).collect();
        let answer = cube.answer(&question.scan.keys, &loose);
        if answer.is_none() {
            locked(&question.looks).lost(&key);
            return None;
        }
        self.narrowed.fetch_add(1, Ordering::Relaxed);
        let usual = locked(&question.shape).used(wide, cost_of_groups(cube.groups()));
        locked(&question.looks).asked(question.parts.clone(), usual);
        answer
    }

    /// Runs a wider scan. None: it is too large, or comes upon something that what was asked for may not come upon: more rows may hold what
    /// cannot be computed, and take more memory.
    fn make(
        &self,
        wide: &Scan,
        who: &SeenBy,
        data: &Dataset,
        control: &Control,
    ) -> Result<Option<Made>, ScanError> {
        let Some(digests) = digests(wide) else {
            return Ok(None);
        };
        let control = control.of_any_groups();
        let groups = match data.scan_within(wide, MOST_COMBINATIONS, &control) {
            Ok(groups) => groups,
            Err(ScanError::Stopped(Stopped::OutOfMemory(_))) => return Ok(None),
            Err(ScanError::Stopped(why)) => return Err(ScanError::Stopped(why)),
            Err(_) => return Ok(None),
        };
        self.widened.fetch_add(1, Ordering::Relaxed);
        let Some(cube) = Cube::new(wide, &groups).map(Arc::new) else {
            return Ok(None);
        };
        let key = Sha256::new()
            .chain_update(b"peristyle cube 1")
            .chain_update(scan_key(wide, &digests, &who.visible))
            .finalize()
            .into();
        let kept = self.keep(key, Known::Cube(Arc::clone(&cube)));
        let key = kept.then_some(key);
        let cost = cost_of(&groups);
        Ok(Some(Made { key, cube, cost }))
    }

    /// One entry may take an eighth of the room.
    fn keep(&self, key: [u8; 32], known: Known) -> bool {
        let fits = Weight.weight(&key, &known) <= self.most_bytes / 8;
        if fits {
            self.known.insert(key, known);
        }
        fits
    }
}

/// Whoever has a smaller limit than the one who asked first is refused all the same.
fn within(groups: Arc<Groups>, scan: &Scan, control: &Control) -> Result<Arc<Groups>, ScanError> {
    let limit = control.most_groups().min(scan.max_groups);
    if groups.len > limit {
        return Err(ScanError::TooManyGroups { limit });
    }
    control.check()?;
    Ok(groups)
}

/// No lock is held while anything is scanned.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a scan cost, about, in rows looked at: counted, so that it does not depend on what else the machine does. A row that passes costs
/// as much as some that do not.
fn cost_of(groups: &Groups) -> i64 {
    let rows = groups.rows_scanned.saturating_add(6 * groups.rows_passed);
    cost_of_groups(groups.len).saturating_add(i64::try_from(rows).unwrap_or(i64::MAX / 1024))
}

fn cost_of_groups(groups: usize) -> i64 {
    10_000 + 8 * i64::try_from(groups).unwrap_or(i64::MAX / 1024)
}

/// The filters that stay in a wider scan, or those that do not.
fn chosen<'f>(
    filters: &'f [Filter],
    fixed: &'f [bool],
    wanted: bool,
) -> impl Iterator<Item = &'f Filter> + 'f {
    let filters = filters.iter().zip(fixed);
    filters
        .filter(move |(_, fixed)| **fixed == wanted)
        .map(|(filter, _)| filter)
}

/// A digest of each filter. None: the scan is not kept. Scans with masks are not: their row sets have no digest.
fn digests(scan: &Scan) -> Option<Vec<[u8; 32]>> {
    if !scan.masks.is_empty() {
        return None;
    }
    scan.filters.iter().map(filter_digest).collect()
}

fn filter_digest(filter: &Filter) -> Option<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| put(&mut hash, bytes);
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
    Some(hash.finalize().into())
}

fn put(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
    hash.update(bytes);
}

/// A digest of table, keys and aggregates.
fn shape_of(scan: &Scan) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(scan.table.0.to_le_bytes());
    let text = format!("{:?} {:?} {}", scan.keys, scan.aggregates, scan.max_groups);
    put(&mut hash, text.as_bytes());
    hash.finalize().into()
}

/// The key of a scan whose visibility is that of a view with this digest.
fn scan_key(scan: &Scan, filters: &[[u8; 32]], visible: &[u8; 32]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"peristyle scan 2");
    hash.update(visible);
    hash.update(shape_of(scan));
    filters.iter().for_each(|filter| hash.update(filter));
    hash.finalize().into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use roaring::RoaringBitmap;
    use storage::{Path, PathColumn, TableId, Target, Visibility};

    /// A column of the scanned table.
    pub(crate) fn column(ordinal: u32) -> PathColumn {
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

    fn key_of(scan: &Scan, visible: &[u8; 32]) -> Option<[u8; 32]> {
        Some(scan_key(scan, &digests(scan)?, visible))
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
        let keys: Vec<_> = scans.iter().map(|s| key_of(s, &[0; 32])).collect();
        for (i, a) in keys.iter().enumerate() {
            assert!(a.is_some());
            assert_eq!(*a, key_of(&scans[i], &[0; 32]));
            assert_ne!(*a, key_of(&scans[i], &[1; 32]));
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
            scans.keep([number; 32], Known::Answer(Arc::clone(&groups)));
        }
        assert!(scans.known.weight() <= 100_000 && scans.known.len() > 4);
        let large = Arc::new(Groups {
            len: 10_000,
            keys: vec![vec![1; 10_000]],
            ..Groups::default()
        });
        assert!(!scans.keep([255; 32], Known::Answer(large)));
        assert!(scans.known.get(&[255; 32]).is_none());
    }
}

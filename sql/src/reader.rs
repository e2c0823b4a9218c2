//! What one query reads with: the view, its control, and what it has found out so far about columns of visible rows.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine::{Error, ErrorKind, Limits};
use roaring::RoaringBitmap;
use security::{
    Aggregate, AggregateOp, Aggregated, Charge, Codes, Column, Control, Filter, Groups, PathColumn,
    ReadError, Scan, Scope, Table, Target, View,
};

use crate::names::Names;
use crate::options::{Collation, Options};

/// Shared by everything that a query reads. It ends with the query, and so do the handles in it.
pub(crate) struct Reader {
    view: Arc<View>,
    pub control: Control,
    pub names: Names,
    pub collation: Collation,
    pub limits: Limits,
    values: Mutex<HashMap<Column, Held>>,
    blanks: Mutex<HashMap<(Table, PathColumn), bool>>,
    texts: Texts,
    /// Scans that the statement asked for so far.
    scans: AtomicU64,
}

/// Codes of distinct values, and what they count as held.
struct Held {
    codes: Codes,
    _charge: Charge,
}

impl fmt::Debug for Reader {
    /// Plans print what they hold; of this they print nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Reader {
    pub fn new(view: Arc<View>, control: Control, names: Names, options: &Options) -> Reader {
        let texts = Texts {
            made: Arc::default(),
            most: options.limits.text_bytes,
            copied: Arc::new(Mutex::new(Copied {
                held: control.no_charge(),
                bytes: 0,
                windows: control.no_charge(),
                rows: 0,
                longest: 0,
            })),
            control: control.clone(),
        };
        Reader {
            view,
            control,
            names,
            collation: options.collation,
            limits: options.limits.clone(),
            values: Mutex::default(),
            blanks: Mutex::default(),
            texts,
            scans: AtomicU64::new(0),
        }
    }

    pub fn scope(&self) -> &Scope {
        self.view.scope()
    }

    /// Every scan for groups goes through here.
    pub fn scan(&self, scan: &Scan) -> Result<Groups, ReadError> {
        self.asked(1);
        self.scope().scan(scan, &self.control)
    }

    /// Counts scans that are asked for. Whether one was run tells whether somebody who sees the same has asked the same before, and so is for the
    /// operator alone.
    pub fn asked(&self, scans: u64) {
        self.scans.fetch_add(scans, Ordering::Relaxed);
    }

    pub fn scans(&self) -> u64 {
        self.scans.load(Ordering::Relaxed)
    }

    /// Whether text compares as it does in the model.
    pub fn collates(&self) -> bool {
        self.collation == Collation::Model
    }

    /// The codes of the distinct values that visible rows of a column hold, ascending. BLANK is not among them.
    pub fn values(&self, column: Column) -> Result<Codes, ReadError> {
        let known = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = known.get(&column) {
            return Ok(held.codes.clone());
        }
        drop(known);
        let scan = Scan {
            table: column.table(),
            filters: Vec::new(),
            keys: vec![here(column)],
            aggregates: Vec::new(),
        };
        let groups = self.scan(&scan)?;
        let keys = groups.keys.into_iter().next();
        let keys = keys.ok_or_else(|| ReadError::Internal("a scan without its key".to_owned()))?;
        let charge = self.control.charge(keys.len().saturating_mul(8))?;
        let codes = not_blank(&keys);
        let held = Held {
            codes: codes.clone(),
            _charge: charge,
        };
        let mut known = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(column, held);
        Ok(codes)
    }

    /// The count of text that this statement makes, and what it may not exceed.
    pub fn texts(&self) -> Texts {
        self.texts.clone()
    }

    /// Whether a visible row of the table finds BLANK at the end of a path.
    pub fn may_be_blank(&self, table: Table, column: &PathColumn) -> Result<bool, ReadError> {
        let key = (table, column.clone());
        let known = self.blanks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(blank) = known.get(&key) {
            return Ok(*blank);
        }
        drop(known);
        let scan = Scan {
            table,
            filters: vec![Filter::In {
                column: column.clone(),
                set: Arc::new(RoaringBitmap::from_iter([security::BLANK])),
            }],
            keys: Vec::new(),
            aggregates: vec![Aggregate {
                op: AggregateOp::Rows,
                argument: None,
            }],
        };
        let groups = self.scan(&scan)?;
        let blank = match groups.aggregates.first() {
            Some(Aggregated::Count(rows)) => rows.first().is_some_and(|rows| *rows > 0),
            _ => true,
        };
        let mut known = self.blanks.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key, blank);
        Ok(blank)
    }
}

/// Counts the text that a statement makes.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    /// Bytes that it has made so far.
    made: Arc<AtomicUsize>,
    most: usize,
    control: Control,
    copied: Arc<Mutex<Copied>>,
}

/// What operators may copy of texts, counted until the statement ends.
struct Copied {
    held: Charge,
    bytes: usize,
    windows: Charge,
    /// Rows that windows hold.
    rows: usize,
    /// Bytes of the longest texts that their functions give for one row.
    longest: usize,
}

impl fmt::Debug for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copied").finish_non_exhaustive()
    }
}

impl Texts {
    /// Text that is about to be made: counted, and refused where it would be too much, all in all or at this moment.
    pub fn make(&self, bytes: usize) -> Result<(), Error> {
        self.room(bytes)?;
        self.count(bytes)
    }

    /// Whether there is room for so much at this moment. What then holds it counts for as long as it does.
    pub fn room(&self, bytes: usize) -> Result<(), Error> {
        let room = self.control.charge(bytes);
        room.map(drop)
            .map_err(|stopped| Error::from(ReadError::Stopped(stopped)))
    }

    /// Holds so many bytes more until the statement ends.
    pub fn hold(&self, bytes: usize) -> Result<(), Error> {
        let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        copied.bytes = copied.bytes.saturating_add(bytes);
        let bytes = copied.bytes;
        let held = copied.held.set(bytes);
        held.map_err(|stopped| Error::from(ReadError::Stopped(stopped)))
    }

    /// Windows hold so many rows more.
    pub fn more_in_windows(&self, rows: usize) -> Result<(), Error> {
        self.windows(|copied| copied.rows = copied.rows.saturating_add(rows))
    }

    /// Functions of windows give texts that are longer by so many bytes a row.
    pub fn longer_in_windows(&self, bytes: usize) -> Result<(), Error> {
        self.windows(|copied| copied.longest = copied.longest.saturating_add(bytes))
    }

    fn windows(&self, change: impl FnOnce(&mut Copied)) -> Result<(), Error> {
        let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut copied);
        let bytes = copied.rows.saturating_mul(copied.longest);
        let held = copied.windows.set(bytes);
        held.map_err(|stopped| Error::from(ReadError::Stopped(stopped)))
    }

    /// Counts what was made, and refuses beyond the limit of the whole statement.
    pub fn count(&self, bytes: usize) -> Result<(), Error> {
        let before = self.made.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.most {
            return Err(Error::nowhere(
                ErrorKind::Limit,
                format!(
                    "the query makes more than {} bytes of text and values",
                    self.most
                ),
            ));
        }
        Ok(())
    }
}

/// A column of the scanned table itself.
pub(crate) fn here(column: Column) -> PathColumn {
    PathColumn {
        path: Arc::from([]),
        target: Target::Column(column),
    }
}

fn not_blank(codes: &Codes) -> Codes {
    let places: Vec<u32> = (0u32..)
        .zip(codes.as_slice())
        .filter(|(_, code)| **code != security::BLANK)
        .map(|(place, _)| place)
        .collect();
    codes.take(&places)
}

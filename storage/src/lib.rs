//! Storage: encoded columns, relationship maps, scan kernels and the Parquet import.
//!
//! A [`Dataset`] is one generation of data: immutable once built, shared by all readers. Nothing here decides who sees
//! what; only `security` may name this crate's scans, and it puts the visibility in.

mod atrest;
mod bits;
mod canonical;
mod classes;
mod codes;
mod collation;
mod column;
mod column_values;
mod composed;
mod control;
mod cube;
mod dataset;
mod dictionary;
mod encode;
mod error;
mod extend;
mod figures;
mod grow;
mod hash;
mod helpers;
mod import;
mod mask;
mod memory;
mod numbering;
mod pages;
mod reading;
mod relationship;
mod rows;
mod runs;
mod scan;
mod scan_spec;
#[cfg(test)]
mod tests;
mod texts;
mod turns;
mod workers;

pub use atrest::{
    AtRestError, ColumnMemory, ColumnMemoryFigures, DatasetId, ExportFile, ExportKey, KeyContext,
    KeyProvider, KeyRefusal, Lease, LeaseState, Leasing, Next, Opened, Refresh, RefreshMode,
    SaveAs, Saved, SecretKey, Sources, Successor, Vacuumed, Verified, WrappedKey, at_least,
    is_dataset, open, open_within, refresh, rekey, reopen, rotate_key, save, save_next, seal,
    sources, unseal, vacuum, verify,
};
pub use canonical::canonical_type;
pub use collation::{collation_key, compare, order_key};
pub use control::{Bounds, Control};
pub use cube::Cube;
pub use dataset::{Dataset, Spellings};
pub use error::{ScanError, Stopped, StorageError};
pub use figures::{ColumnFigures, KeyMapFigures};
pub use import::{ImportError, ImportOptions, NoProgress, Progress, import, import_with};
pub use memory::{Charge, Meter, Share};
pub use model::DataType;
pub use rows::RowBlocks;
pub use scan_spec::*;
pub use turns::{Held, Turns};

/// Rows that a table can have: row numbers are 32 bits wide, and two stand for other things.
pub const MAX_ROWS: usize = u32::MAX as usize - 2;

//! What an import tells while it runs.

/// Told how far an import has come, always on the thread that called for it.
pub trait Progress {
    /// A table begins. `total_rows` is what its files say they hold.
    fn table_started(&self, name: &str, total_rows: u64);
    /// So many more rows of the table were read.
    fn rows(&self, rows: u64);
    /// The table is loaded.
    fn table_done(&self);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn table_started(&self, _name: &str, _total_rows: u64) {}
    fn rows(&self, _rows: u64) {}
    fn table_done(&self) {}
}

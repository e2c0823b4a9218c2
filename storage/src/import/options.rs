//! How an import is run.

use crate::Control;

/// Threads and a way to stop; the default works on every core and is never stopped.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Threads that decode and encode, at least one.
    pub threads: usize,
    /// Looked at before every batch. A stopped import leaves nothing behind.
    pub control: Control,
}

impl Default for ImportOptions {
    fn default() -> Self {
        ImportOptions {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            control: Control::default(),
        }
    }
}

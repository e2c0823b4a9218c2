//! Import: from Parquet files in a data folder to a [`Dataset`].
//!
//! Files are read row group by row group in batches of a bounded size, only the columns that the model reads are
//! decoded, and one table is handed over before the next is opened. Whatever is wrong with a file becomes an
//! [`ImportError`] that names the file, and where it applies the column and the row group; it never names a value.
//!
//! [`Dataset`]: crate::Dataset

mod convert;
mod decimal;
mod error;
mod files;
mod progress;
mod read;
mod tables;
#[cfg(test)]
mod tests;

pub use error::ImportError;
pub use progress::{NoProgress, Progress};
pub use tables::import;

//! Import: from Parquet files in a data folder to a [`Dataset`].
//!
//! The footers of a table's files are read first. Then its columns are decoded row group by row group on several threads,
//! only those that the model reads, in batches of a bounded size that are packed at once; and one table is handed over
//! before the next is opened. Whatever is wrong with a file becomes an [`ImportError`] that names the file, and where it
//! applies the column and the row group; it never names a value.
//!
//! [`Dataset`]: crate::Dataset

mod budget;
mod chunk;
mod convert;
mod decimal;
mod error;
mod files;
mod headers;
mod inflate;
mod open;
mod options;
mod progress;
mod tables;
#[cfg(test)]
mod tests;
mod thrift;
mod units;
mod work;

pub use error::ImportError;
pub(crate) use files::partition_files;
pub use options::ImportOptions;
pub use progress::{NoProgress, Progress};
pub use tables::{import, import_with};

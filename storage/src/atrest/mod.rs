//! At rest: a dataset as a folder of encrypted files, under a key that stays with the customer.
//!
//! From the outside in: a small `pointer` names the key file and the manifest of the current generation. The key file
//! holds the data keys of all files, sealed under a generation key that a [`KeyProvider`] wrapped. The manifest is the only
//! thing that says which files exist, and how long they are. Data is Parquet with Modular Encryption: per partition a file
//! of codes and one for each time that rows were added, per column a dictionary in the order of the codes. docs/at-rest.md describes every byte.

mod add;
mod bridge;
mod compact;
mod delta;
mod disk;
mod error;
mod export;
mod folder;
mod key_file;
mod lease;
mod manifest;
mod memory;
mod open;
mod pages;
mod parquet_read;
mod parquet_write;
mod pointer;
mod provider;
mod read_codes;
mod refresh;
mod save;
mod seal;
mod secret;
mod sources;
mod stored;
#[cfg(test)]
mod tests;
mod upkeep;
mod write_data;

pub use error::AtRestError;
pub use export::{ExportFile, ExportKey};
pub use folder::is_dataset;
pub use lease::{Lease, LeaseState, Leasing};
pub use memory::{ColumnMemory, ColumnMemoryFigures};
pub use open::{Opened, open, open_within};
pub use provider::{DatasetId, KeyContext, KeyProvider, KeyRefusal, WrappedKey};
pub use refresh::{Next, Refresh, RefreshMode, Successor, refresh, rekey, reopen, save_next};
pub use save::{SaveAs, Saved, save};
pub use seal::{seal, unseal};
pub use secret::SecretKey;
pub use sources::{Sources, sources};
pub(crate) use stored::{InMemory, StoredColumn, StoredFiles, read_all};
pub use upkeep::{Vacuumed, Verified, at_least, rotate_key, vacuum, verify};

//! The arguments of what the operator of a dataset does. Their documentation here is what `--help` shows.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::args::Access;

/// An encrypted dataset, and its key.
#[derive(Debug, clap::Args)]
pub struct DatasetArgs {
    /// The folder of the dataset.
    pub dataset: PathBuf,
    #[command(flatten)]
    pub key: KeyArgs,
}

#[derive(Debug, clap::Args)]
pub struct RefreshArgs {
    #[command(flatten)]
    pub dataset: DatasetArgs,
    /// Refresh this table only.
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// Refresh this partition of the table only.
    #[arg(long, value_name = "NAME", requires = "table")]
    pub partition: Option<String>,
    /// What happens to rows that are there.
    #[arg(long, value_enum, default_value_t = Mode::Full)]
    pub mode: Mode,
    /// The folder of the Parquet files. Else the one that they were imported from.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// A calculated column or table that cannot be computed is an error. Else it is put in error: a query that reads it is refused.
    #[arg(long)]
    pub strict: bool,
}

/// How partitions are refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// A partition gets the rows that its files have now.
    Full,
    /// Rows of new files are added, earlier rows stay.
    Add,
}

/// Where the key of a dataset is.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct KeyArgs {
    /// The key's provider: file:PATH, env:NAME, passphrase: (which is asked for), or a service or device, see docs/at-rest.md. Else
    /// the variable PERISTYLE_KEY names it.
    #[arg(long, value_name = "PROVIDER")]
    pub key: Option<String>,
    /// Refuse a dataset whose generation is before this one: somebody has put an old copy in its place.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub least_generation: u64,
}

impl KeyArgs {
    /// Whether something is said that only a dataset can obey.
    pub fn is_given(&self) -> bool {
        self.key.is_some() || self.least_generation > 0
    }
}

#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// A model.bim, or a TMDL folder.
    pub model: PathBuf,
    /// The folder of the Parquet files, as for `query`.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The folder of the new dataset.
    #[arg(long, value_name = "DATASET")]
    pub out: PathBuf,
    /// A calculated column or table that cannot be computed is an error. Else it is put in error: a query that reads it is refused.
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub key: KeyArgs,
}

#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub access: Access,
    /// The table.
    #[arg(long, value_name = "NAME")]
    pub table: String,
    /// The Parquet file to write. It must not exist yet.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Encrypt the file under a fresh key that this provider wraps. Else it is written in clear.
    #[arg(long, value_name = "PROVIDER")]
    pub out_key: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    #[command(flatten)]
    pub dataset: DatasetArgs,
    /// The provider of the new key. Else the same provider, which may have a newer key by now.
    #[arg(long, value_name = "PROVIDER")]
    pub new_key: Option<String>,
}

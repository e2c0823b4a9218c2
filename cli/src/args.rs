//! The arguments of the command. Their documentation here is what `--help` shows.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use peristyle::Value;

use crate::dataset_args::{DatasetArgs, ExportArgs, ImportArgs, KeyArgs, RefreshArgs, RotateArgs};
use crate::parameter::parse_parameter;

/// Semantic models over Parquet: DAX answers, with row and object security at the gate.
#[derive(Debug, Parser)]
#[command(name = "peristyle", version, propagate_version = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Import the data, answer one DAX query, print the result.
    Query(QueryArgs),
    /// Import the data, answer one SQL statement, print the result.
    #[cfg(feature = "sql")]
    Sql(SqlArgs),
    /// Read a model, understand every expression in it, print every problem. Needs no data.
    Check(CheckArgs),
    /// Show a query as one stage of the engine sees it.
    Explain(ExplainArgs),
    /// Import the data once, then ask at a prompt.
    Shell(ShellArgs),
    /// Import the data and print what it takes in memory, column by column. For the operator: counts, never values.
    Inspect(InspectArgs),
    /// Print a DAX query or expression, laid out anew.
    Format(FormatArgs),
    /// Import the data, run tests of roles from files, print what differs.
    TestRoles(TestRolesArgs),
    /// Make and read the tokens with which a service vouches for its users.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Import the data and keep them as an encrypted dataset. From then on DATASET stands wherever MODEL does.
    Import(ImportArgs),
    /// Read a dataset whole: every byte is authenticated, every column decoded.
    Verify(DatasetArgs),
    /// Put a dataset under another key of yours. Only its key file is written anew.
    RotateKey(RotateArgs),
    /// Import again what changed in the source files of a dataset. Readers keep the generation that they began with.
    Refresh(RefreshArgs),
    /// Write a dataset anew, under fresh keys for every file.
    Rekey(RotateArgs),
    /// Write the rows and columns of a table that an identity sees to a Parquet file.
    Export(ExportArgs),
    /// Remove older generations of a dataset, and what a crash left behind.
    Vacuum(DatasetArgs),
}

#[derive(Debug, clap::Args)]
pub struct TestRolesArgs {
    /// A model.bim, a TMDL folder, or an encrypted dataset.
    pub model: PathBuf,
    /// The folder of the Parquet files, as for `query`.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub key: KeyArgs,
    /// Files of role tests.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Write a new key file with one fresh secret, readable by its owner only.
    NewKeys(NewKeysArgs),
    /// Print a token.
    Mint(MintArgs),
    /// Say whether a token is accepted, and what it says.
    Verify(VerifyArgs),
}

#[derive(Debug, clap::Args)]
pub struct NewKeysArgs {
    /// The file to write. It must not exist yet.
    pub file: PathBuf,
    /// What to call the key.
    #[arg(long)]
    pub id: String,
    /// HS256: signed. v4.local: encrypted too, so that whoever carries the token cannot read it.
    #[arg(long, default_value = "v4.local", value_parser = parse_algorithm)]
    pub algorithm: tokens::Algorithm,
    /// Whom the tokens are for.
    #[arg(long)]
    pub audience: String,
    /// Who makes the tokens.
    #[arg(long)]
    pub issuer: String,
}

#[derive(Debug, clap::Args)]
pub struct MintArgs {
    /// The key file.
    #[arg(long, value_name = "FILE")]
    pub keys: PathBuf,
    /// The key to use; needed where the file has several.
    #[arg(long, value_name = "ID")]
    pub key: Option<String>,
    /// What USERNAME() and USERPRINCIPALNAME() give.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// A role; may be given several times.
    #[arg(long = "role", value_name = "NAME")]
    pub roles: Vec<String>,
    /// What CUSTOMDATA() gives.
    #[arg(long, value_name = "TEXT")]
    pub custom_data: Option<String>,
    /// What the token allows; may be given several times. Queries need Dataset.Read.
    #[arg(long = "scope", value_name = "SCOPE", default_value = "Dataset.Read", value_parser = parse_scope)]
    pub scopes: Vec<tokens::Scope>,
    /// How long the token counts.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..))]
    pub lifetime: u64,
    /// The name of the workspace collection (wcn).
    #[arg(long, value_name = "NAME")]
    pub workspace_collection: Option<String>,
    /// The id of the workspace (wid).
    #[arg(long, value_name = "ID")]
    pub workspace: Option<String>,
    /// The id of the report (rid).
    #[arg(long, value_name = "ID")]
    pub report: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// The key file.
    #[arg(long, value_name = "FILE")]
    pub keys: PathBuf,
    /// What the token must allow.
    #[arg(long, value_name = "SCOPE", default_value = "Dataset.Read", value_parser = parse_scope)]
    pub scope: tokens::Scope,
    /// The token: its text, `-` for standard input, or @FILE.
    pub token: String,
}

fn parse_scope(text: &str) -> Result<tokens::Scope, String> {
    tokens::Scope::named(text).ok_or_else(|| {
        let names: Vec<&str> = tokens::Scope::ALL
            .iter()
            .map(|scope| scope.name())
            .collect();
        format!("the scopes are {}", names.join(", "))
    })
}

fn parse_algorithm(text: &str) -> Result<tokens::Algorithm, String> {
    tokens::Algorithm::named(text).ok_or_else(|| "the algorithms are HS256 and v4.local".to_owned())
}

/// Which data, and as whom.
#[derive(Debug, clap::Args)]
pub struct Access {
    /// A model.bim, a TMDL folder, or an encrypted dataset.
    pub model: PathBuf,
    /// The folder of the Parquet files. Else: the folder of the model file; for a TMDL folder the folder itself if Parquet
    /// files lie in it, or the folder `data` in it or beside it.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub key: KeyArgs,
    #[command(flatten)]
    pub identity: IdentityArgs,
}

/// Who asks.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct IdentityArgs {
    /// Ask as this role; may be given several times. A model that has roles answers nobody without one.
    #[arg(long = "role", value_name = "NAME")]
    pub roles: Vec<String>,
    /// Ask as this user: what USERNAME() and USERPRINCIPALNAME() give.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// What CUSTOMDATA() gives.
    #[arg(long, value_name = "TEXT")]
    pub custom_data: Option<String>,
    /// What USEROBJECTID() gives.
    #[arg(long, value_name = "ID")]
    pub object_id: Option<String>,
    /// What USERCULTURE() gives, for example en-US.
    #[arg(long, value_name = "NAME")]
    pub culture: Option<String>,
    /// Ask as a token says: its text, `-` for standard input, or @FILE. Needs --keys.
    #[arg(
        long,
        requires = "keys",
        conflicts_with_all = ["roles", "user", "custom_data", "object_id", "culture"]
    )]
    pub token: Option<String>,
    /// The key file that the token is verified with.
    #[arg(long, value_name = "FILE", requires = "token")]
    pub keys: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct QueryArgs {
    #[command(flatten)]
    pub access: Access,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Print figures of the work on standard error.
    #[arg(long)]
    pub stats: bool,
    /// A value for @NAME in the query. Numbers, TRUE, FALSE and dates such as 2019-07-01 are recognized, all else is text;
    /// NAME:TYPE=VALUE says the type (text, integer, decimal, fixed, date, boolean).
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub parameters: Vec<(String, Value)>,
    /// The query: its text, `-` for standard input, or @FILE.
    pub dax: String,
}

#[cfg(feature = "sql")]
#[derive(Debug, clap::Args)]
pub struct SqlArgs {
    #[command(flatten)]
    pub access: Access,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Print figures of the work on standard error.
    #[arg(long)]
    pub stats: bool,
    /// A value for $NAME in the statement, as for `query`.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub parameters: Vec<(String, Value)>,
    /// Compare text letter by letter. Else: as the model does, without case and trailing spaces.
    #[arg(long)]
    pub exact_text: bool,
    /// The statement: its text, `-` for standard input, or @FILE.
    pub sql: String,
}

#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// A model.bim, a TMDL folder, or an encrypted dataset.
    pub model: PathBuf,
    #[command(flatten)]
    pub key: KeyArgs,
}

#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The stage to show.
    #[arg(long, value_enum)]
    pub stage: StageName,
    #[command(flatten)]
    pub access: Access,
    /// A value for @NAME in the query, as for `query`.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub parameters: Vec<(String, Value)>,
    /// The query: its text, `-` for standard input, or @FILE.
    pub dax: String,
}

#[derive(Debug, clap::Args)]
pub struct ShellArgs {
    #[command(flatten)]
    pub access: Access,
}

#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// A model.bim, a TMDL folder, or an encrypted dataset.
    pub model: PathBuf,
    /// The folder of the Parquet files, as for `query`.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub key: KeyArgs,
    /// How to print the figures.
    #[arg(long, value_enum, default_value_t = FiguresFormat::Table)]
    pub format: FiguresFormat,
}

#[derive(Debug, clap::Args)]
pub struct FormatArgs {
    /// A query or an expression: its text, `-` for standard input, or @FILE.
    pub dax: String,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: values as their format strings show them.
    Table,
    /// Comma-separated: a header of DAX names, plain values, BLANK as nothing.
    Csv,
    /// The shape of executeQueries: {"results":[{"tables":[{"rows":[...]}]}]}.
    Json,
    /// An Arrow IPC stream.
    Arrow,
}

/// How figures are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FiguresFormat {
    /// For people: bytes in the unit that suits them.
    Table,
    /// For programs: every figure in bytes.
    Json,
}

/// The stages of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StageName {
    Tokens,
    Tree,
    Bound,
    Plan,
    Scans,
}

impl From<StageName> for peristyle::Stage {
    fn from(name: StageName) -> Self {
        match name {
            StageName::Tokens => peristyle::Stage::Tokens,
            StageName::Tree => peristyle::Stage::Tree,
            StageName::Bound => peristyle::Stage::Bound,
            StageName::Plan => peristyle::Stage::Plan,
            StageName::Scans => peristyle::Stage::Scans,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_sound() {
        Args::command().debug_assert();
    }
}

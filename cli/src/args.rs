//! The arguments of the command. Their documentation here is what `--help` shows.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use peristyle::Value;

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
}

/// Which data, and as whom.
#[derive(Debug, clap::Args)]
pub struct Access {
    /// A model.bim, or a TMDL folder.
    pub model: PathBuf,
    /// The folder of the Parquet files. Else: the folder of the model file; for a TMDL folder the folder itself if Parquet
    /// files lie in it, or the folder `data` beside it.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
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

#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// A model.bim, or a TMDL folder.
    pub model: PathBuf,
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
    /// A model.bim, or a TMDL folder.
    pub model: PathBuf,
    /// The folder of the Parquet files, as for `query`.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
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

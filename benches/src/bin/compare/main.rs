//! Runs Peristyle beside its peers and prints a report in Markdown. See docs/benchmarks.md.

mod append;
mod at_rest;
mod cores;
mod dashboard;
mod flood;
mod load;
mod patterns;
mod retail;
mod roles;
mod setting;
#[cfg(feature = "sql")]
mod sql;
mod ssb;
mod users;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use setting::Setting;

#[derive(Parser)]
#[command(about = "Runs Peristyle beside its peers and prints a report in Markdown.")]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// The 13 queries of the Star Schema Benchmark, open.
    Ssb(Setting),
    /// The same in DAX, in SQL, and by DataFusion over tables in memory.
    #[cfg(feature = "sql")]
    Sql(Setting),
    /// The same under roles: against the predicate written in the query, and against copies without the hidden rows.
    SsbRoles(Setting),
    /// New users with distinct rows, first three queries each.
    Users {
        #[command(flatten)]
        setting: Setting,
        #[arg(long, default_value_t = 1000)]
        users: u64,
    },
    /// Twenty tiles, fifty identities, four clients, slicers drawn at random.
    Dashboard {
        #[command(flatten)]
        setting: Setting,
        /// Looks of each client at the twenty tiles.
        #[arg(long, default_value_t = 10)]
        looks: u64,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Many more than looks: then hardly anybody looks twice.
        #[arg(long, default_value_t = dashboard::PEOPLE)]
        people: u64,
    },
    /// What the process holds while many queries of such looks are asked.
    Growth {
        #[command(flatten)]
        setting: Setting,
        #[arg(long, default_value_t = 10_000)]
        queries: u64,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Sums of one column each, against a loop that reads as many bytes.
    Sums(Setting),
    /// Time of loading, and memory after it.
    #[command(alias = "memory")]
    Import(Setting),
    /// Time a row as the fact grows; keeps what it generates in folders under the data folder.
    Rows {
        #[command(flatten)]
        setting: Setting,
        /// Millions of rows.
        #[arg(long, value_delimiter = ',', default_value = "8,15,30,60")]
        millions: Vec<u64>,
        /// The scale of the dimensions.
        #[arg(long, default_value_t = 10.0)]
        scale: f64,
    },
    /// A dataset on disk: first answer, full load against decoding in clear, key rotation.
    AtRest(Setting),
    /// Rows added to a dataset on disk, against an import of all rows.
    Append(Setting),
    /// One core against several.
    Cores(Setting),
    /// What `cores` runs on some of the cores.
    #[command(hide = true)]
    Times(Setting),
    /// Memory of admitted users.
    Admitted {
        #[command(flatten)]
        setting: Setting,
        #[arg(long, default_value_t = 1000)]
        users: u64,
    },
    /// Common DAX patterns on the retail data: against a plain SUM by the same columns, and against DuckDB.
    Patterns(Setting),
    /// The cost of security on the retail data.
    Retail {
        #[command(flatten)]
        setting: Setting,
        /// Users who are admitted.
        #[arg(long, default_value_t = 1000)]
        users: u64,
        /// Users whose queries are timed.
        #[arg(long, default_value_t = 5)]
        asked: u64,
    },
    /// What one client waits while another floods the database, on the retail data.
    Flood {
        #[command(flatten)]
        setting: Setting,
        /// Threads of the client that floods.
        #[arg(long, default_value_t = 16)]
        flooding: usize,
        /// Times that the other client asks its twelve queries.
        #[arg(long, default_value_t = 20)]
        rounds: usize,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().mode {
        Mode::Ssb(setting) => ssb::run(&setting),
        #[cfg(feature = "sql")]
        Mode::Sql(setting) => sql::run(&setting),
        Mode::SsbRoles(setting) => roles::run(&setting),
        Mode::Users { setting, users } => users::run(&setting, users),
        Mode::Dashboard {
            setting,
            looks,
            seed,
            people,
        } => dashboard::run(&setting, looks, seed, people),
        Mode::Growth {
            setting,
            queries,
            seed,
        } => dashboard::growth(&setting, queries, seed),
        Mode::Sums(setting) => load::sums(&setting),
        Mode::Import(setting) => load::run(&setting),
        Mode::Rows {
            setting,
            millions,
            scale,
        } => load::rows(&setting, &millions, scale),
        Mode::AtRest(setting) => at_rest::run(&setting),
        Mode::Append(setting) => append::run(&setting),
        Mode::Cores(setting) => cores::run(&setting),
        Mode::Times(setting) => cores::times(&setting),
        Mode::Admitted { setting, users } => users::admitted(&setting, users),
        Mode::Patterns(setting) => patterns::run(&setting),
        Mode::Retail {
            setting,
            users,
            asked,
        } => retail::run(&setting, users, asked),
        Mode::Flood {
            setting,
            flooding,
            rounds,
        } => flood::run(&setting, flooding, rounds),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

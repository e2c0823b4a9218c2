//! What all modes are told, and how they open databases and peers.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use peristyle::{Answer, Database, Identity, Session};
use peristyle_benches::answer::{Row, rows_of};
use peristyle_benches::machine;
use peristyle_benches::models::{SSB_TABLES, Scratch, SsbModel};
use peristyle_benches::peer::{Peer, PeerName};
use peristyle_benches::ssb::{QUERIES, Query};

pub type Done = Result<(), Box<dyn Error>>;

#[derive(Args, Clone)]
pub struct Setting {
    /// The folder of the Parquet files that `generate` makes.
    #[arg(long)]
    pub data: PathBuf,
    /// Other engines, by the names of their Python packages; one that Python does not have is left out.
    #[arg(long, value_delimiter = ',', default_value = "duckdb")]
    pub peers: Vec<String>,
    /// The Python that has them.
    #[arg(long, default_value = "python3")]
    pub python: String,
    /// Threads of every other engine. Peristyle takes the cores that the process may use: for fewer, start this under `taskset`.
    #[arg(long, default_value_t = machine::cores())]
    pub threads: usize,
    /// Runs of each query after a first one that is not counted; the shortest counts.
    #[arg(long, default_value_t = 5)]
    pub repeats: usize,
    /// Loads one peer after the other instead of all together: large scales need it.
    #[arg(long)]
    pub one_at_a_time: bool,
    /// Counts what all threads of an engine computed instead of the time on the wall: for a machine that others use.
    #[arg(long)]
    pub cpu: bool,
    /// Only queries whose names begin so, for example Q2.
    #[arg(long, default_value = "")]
    pub only: String,
}

impl Setting {
    /// The peers that were asked for; an unknown name is an error.
    pub fn peer_names(&self) -> Result<Vec<PeerName>, String> {
        let named = self
            .peers
            .iter()
            .filter(|name| !name.is_empty() && *name != "none");
        named
            .map(|name| {
                let known = PeerName::ALL.into_iter().find(|p| p.package() == name);
                known.ok_or_else(|| format!("no peer is called {name}"))
            })
            .collect()
    }

    /// Starts a peer with the tables of the benchmark, or says on standard error why it is left out.
    pub fn peer(&self, name: PeerName, tables: &[&str]) -> Option<Peer> {
        let started = Peer::start(name, &self.python, &self.data, tables, self.threads);
        started
            .map_err(|error| eprintln!("{} is left out: {error}", name.title()))
            .ok()
    }

    /// DuckDB, where it was asked for and starts.
    pub fn duckdb(&self, tables: &[&str]) -> Result<Option<Peer>, String> {
        let wanted = self.peer_names()?.contains(&PeerName::DuckDb);
        Ok(wanted
            .then(|| self.peer(PeerName::DuckDb, tables))
            .flatten())
    }

    pub fn ssb_peer(&self, name: PeerName) -> Option<Peer> {
        self.peer(name, &SSB_TABLES)
    }

    /// Imports the data under a model, and says how long that took.
    pub fn open(&self, model: &SsbModel) -> Result<(Database, Duration), Box<dyn Error>> {
        self.open_with(model, &self.data, self.threads)
    }

    /// The same, with answers and scans kept in so many bytes.
    pub fn open_keeping(
        &self,
        model: &SsbModel,
        kept_bytes: u64,
    ) -> Result<Database, Box<dyn Error>> {
        let opened = import(model, &self.data, self.threads, kept_bytes)?;
        Ok(opened.0)
    }

    pub fn open_with(
        &self,
        model: &SsbModel,
        data: &Path,
        threads: usize,
    ) -> Result<(Database, Duration), Box<dyn Error>> {
        import(model, data, threads, 0)
    }
}

fn import(
    model: &SsbModel,
    data: &Path,
    threads: usize,
    kept_bytes: u64,
) -> Result<(Database, Duration), Box<dyn Error>> {
    let folder = Scratch::new("model")?;
    let path = model.write(folder.path())?;
    let start = Instant::now();
    let database = Database::builder(path)
        .data(data)
        .threads(threads)
        .cache_bytes(kept_bytes)
        .import()?;
    Ok((database, start.elapsed()))
}

/// A session that sees everything, of a model without roles.
pub fn anybody(database: &Database) -> Result<Session, peristyle::Error> {
    database.session(Identity::user("bench@example.com"))
}

/// What an answer took.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// On the wall, until the answer is complete in memory.
    pub time: Duration,
    /// By all threads of the engine together.
    pub computed: Duration,
}

impl Cost {
    pub const MOST: Cost = Cost {
        time: Duration::MAX,
        computed: Duration::MAX,
    };

    /// The lesser of each: what is left when nothing disturbs.
    pub fn least(self, other: Cost) -> Cost {
        Cost {
            time: self.time.min(other.time),
            computed: self.computed.min(other.computed),
        }
    }
}

/// Measures the cost of what this process does meanwhile.
pub struct Watch {
    start: Instant,
    computed: Duration,
}

impl Watch {
    pub fn start() -> Watch {
        Watch {
            computed: machine::computed(),
            start: Instant::now(),
        }
    }

    pub fn stop(self) -> Cost {
        Cost {
            time: self.start.elapsed(),
            computed: machine::computed().saturating_sub(self.computed),
        }
    }
}

/// One answer of Peristyle, as it comes.
pub fn cost_of(session: &Session, dax: &str) -> Result<(Cost, Answer), peristyle::Error> {
    let watch = Watch::start();
    let answer = session.query(dax)?;
    Ok((watch.stop(), answer))
}

/// One answer of Peristyle.
pub fn ask(session: &Session, dax: &str) -> Result<(Cost, Vec<Row>), Box<dyn Error>> {
    let (cost, answer) = cost_of(session, dax)?;
    let table = answer.tables.first().ok_or("an answer without a table")?;
    Ok((cost, rows_of(table)))
}

/// One answer of a peer.
pub fn ask_peer(peer: &mut Peer, sql: &str) -> Result<(Cost, Vec<Row>), String> {
    let answer = peer.query(sql)?;
    let cost = Cost {
        time: answer.time,
        computed: answer.computed,
    };
    Ok((cost, answer.rows))
}

impl Setting {
    /// The figure that this run is about.
    pub fn figure(&self, cost: Cost) -> Duration {
        if self.cpu { cost.computed } else { cost.time }
    }

    /// What one answer of Peristyle takes.
    pub fn time(&self, session: &Session, dax: &str) -> Result<Duration, Box<dyn Error>> {
        Ok(self.figure(ask(session, dax)?.0))
    }

    /// The queries that were asked for.
    pub fn queries(&self) -> Vec<Query> {
        let named = QUERIES
            .into_iter()
            .filter(|q| q.name.starts_with(&self.only));
        named.collect()
    }
}

//! Other engines, each in a Python process of its own that holds the tables in memory and answers over pipes.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::answer::{Row, rows_from_json};

const SCRIPT: &str = include_str!("../peers/peer.py");

/// An engine that can stand beside Peristyle, if Python has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerName {
    DuckDb,
    DataFusion,
    Polars,
    ClickHouse,
}

impl PeerName {
    pub const ALL: [PeerName; 4] = [
        PeerName::DuckDb,
        PeerName::DataFusion,
        PeerName::Polars,
        PeerName::ClickHouse,
    ];

    /// The name of its Python package.
    pub fn package(self) -> &'static str {
        match self {
            PeerName::DuckDb => "duckdb",
            PeerName::DataFusion => "datafusion",
            PeerName::Polars => "polars",
            PeerName::ClickHouse => "chdb",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            PeerName::DuckDb => "DuckDB",
            PeerName::DataFusion => "DataFusion",
            PeerName::Polars => "Polars",
            PeerName::ClickHouse => "ClickHouse",
        }
    }
}

/// A running peer with its tables loaded.
pub struct Peer {
    pub name: PeerName,
    pub version: String,
    /// How long it took to load the tables.
    pub load: Duration,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// One answer of a peer, with the time that the peer itself took.
pub struct PeerAnswer {
    pub time: Duration,
    /// What all its threads computed.
    pub computed: Duration,
    pub rows: Vec<Row>,
}

/// How a peer did under several clients at once.
pub struct PeerBatch {
    pub time: Duration,
    /// Of each query, in no particular order.
    pub latencies: Vec<Duration>,
}

impl Peer {
    /// Starts a peer and has it load the Parquet files of a folder. Err: Python has no such package, or it does not work.
    pub fn start(
        name: PeerName,
        python: &str,
        data: &Path,
        tables: &[&str],
        threads: usize,
    ) -> Result<Peer, String> {
        let mut child = Command::new(python)
            .arg("-c")
            .arg(SCRIPT)
            .arg(name.package())
            .arg(data)
            .arg(threads.to_string())
            .arg(tables.join(","))
            .env("POLARS_MAX_THREADS", threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{python}: {error}"))?;
        let input = child.stdin.take().ok_or("the peer has no input")?;
        let output = child.stdout.take().ok_or("the peer has no output")?;
        let mut peer = Peer {
            name,
            version: String::new(),
            load: Duration::ZERO,
            child,
            input,
            output: BufReader::new(output),
        };
        let ready = peer.receive()?;
        peer.version = ready["version"].as_str().unwrap_or("?").to_owned();
        peer.load = seconds(&ready["load"])?;
        Ok(peer)
    }

    /// Answers a query, rows and all.
    pub fn query(&mut self, sql: &str) -> Result<PeerAnswer, String> {
        let reply = self.ask(json!({"op": "query", "sql": sql}))?;
        Ok(PeerAnswer {
            time: seconds(&reply["seconds"])?,
            computed: seconds(&reply["cpu"])?,
            rows: rows_from_json(&reply["rows"])?,
        })
    }

    /// Has several clients ask at the same time, each its own queries one after the other.
    pub fn batch(&mut self, clients: &[Vec<String>]) -> Result<PeerBatch, String> {
        let reply = self.ask(json!({"op": "batch", "clients": clients}))?;
        let latencies = reply["latencies"].as_array().ok_or("no latencies")?;
        Ok(PeerBatch {
            time: seconds(&reply["seconds"])?,
            latencies: latencies.iter().map(seconds).collect::<Result<_, _>>()?,
        })
    }

    /// Bytes of the process in memory now, and at most so far.
    pub fn memory(&mut self) -> Result<(u64, u64), String> {
        let reply = self.ask(json!({"op": "memory"}))?;
        let of = |name: &str| reply[name].as_u64().ok_or("no figure of memory");
        Ok((of("now")?, of("peak")?))
    }

    fn ask(&mut self, request: Json) -> Result<Json, String> {
        writeln!(self.input, "{request}")
            .and_then(|()| self.input.flush())
            .map_err(|error| format!("{}: {error}", self.name.title()))?;
        self.receive()
    }

    fn receive(&mut self) -> Result<Json, String> {
        let title = self.name.title();
        let mut line = String::new();
        let read = self.output.read_line(&mut line);
        if read.map_err(|error| format!("{title}: {error}"))? == 0 {
            return Err(format!("{title} ended without an answer"));
        }
        let reply: Json =
            serde_json::from_str(&line).map_err(|error| format!("{title}: {error}: {line}"))?;
        match reply["error"].as_str() {
            Some(message) => Err(format!("{title}: {message}")),
            None => Ok(reply),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends by itself when its input does; what a peer does when it is killed is of no interest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn seconds(value: &Json) -> Result<Duration, String> {
    let seconds = value.as_f64().ok_or("a time that is not a number")?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

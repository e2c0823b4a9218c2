//! DuckDB in a Python child process: it holds the tables in memory, reads one query a line, and tells its own time.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::{Clock, Seen};

const PROGRAM: &str = r#"
import sys, time, os, duckdb, numpy
folder = sys.argv[1]
clock = time.process_time if sys.argv[2] == 'cpu' else time.perf_counter
con = duckdb.connect()
con.execute("SET threads=2")
con.execute("SET enable_progress_bar=false")
for name in sorted(os.listdir(folder)):
    if name.endswith(".parquet"):
        con.execute(f"CREATE TABLE \"{name[:-8]}\" AS SELECT * FROM read_parquet('{folder}/{name}')")
print("ready", flush=True)
for line in sys.stdin:
    try:
        started = clock()
        columns = con.execute(line).fetchnumpy()
        took = clock() - started
        count = len(next(iter(columns.values())))
        total = 0.0
        for name, values in columns.items():
            if name.startswith("m_"):
                total += float(numpy.ma.masked_invalid(values.astype(float)).sum() or 0.0)
        print(f"{took} {count} {total!r}", flush=True)
    except Exception as e:
        print("error " + str(e).replace("\n", " "), flush=True)
"#;

pub struct Duck {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Duck {
    pub fn start(data: &Path, clock: Clock) -> Result<Duck, String> {
        let mut child = Command::new("python3")
            .arg("-c")
            .arg(PROGRAM)
            .arg(data)
            .arg(if clock == Clock::Processor {
                "cpu"
            } else {
                "wall"
            })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("python3: {e}"))?;
        let to = child.stdin.take();
        let from = child.stdout.take().ok_or("python3 has no output")?;
        let mut duck = Duck {
            child,
            to,
            from: BufReader::new(from),
        };
        match duck.line()?.as_str() {
            "ready" => Ok(duck),
            other => Err(format!("DuckDB does not start: {other}")),
        }
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.from.read_line(&mut line).map_err(|e| e.to_string())?;
        Ok(line.trim_end().to_string())
    }

    /// Runs a query; the columns whose names begin with `m_` are added up.
    pub fn ask(&mut self, sql: &str) -> Result<(Duration, Seen), String> {
        let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let to = self.to.as_mut().ok_or("DuckDB has ended")?;
        writeln!(to, "{line}").map_err(|e| e.to_string())?;
        let answer = self.line()?;
        let mut parts = answer.split(' ');
        let mut number = || parts.next().and_then(|part| part.parse::<f64>().ok());
        match (number(), number(), number()) {
            (Some(time), Some(rows), Some(sum)) => {
                let rows = rows as usize;
                Ok((Duration::from_secs_f64(time), Seen { rows, sum }))
            }
            _ => Err(format!("DuckDB: {answer}\n{sql}")),
        }
    }
}

impl Drop for Duck {
    fn drop(&mut self) {
        // At the end of its input the child ends by itself.
        self.to = None;
        let _ = self.child.wait();
    }
}

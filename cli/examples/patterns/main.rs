//! How fast the common DAX patterns are: each beside the plain SUM by the same columns, and beside the same question in SQL on
//! DuckDB, in one run, interleaved, best of several.
//!
//! `cargo run -p peristyle-xtask -- fixtures --scale 125 --products 10000 --out DIR` makes the data (1,000,000 orders), and
//! `cargo run --release -p peristyle-cli --example patterns -- DIR [--times N] [--only TEXT] [--no-duckdb] [--cpu]` measures.
//! Python with the package `duckdb` must be there unless `--no-duckdb` is given.

mod duck;
mod questions;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use peristyle::{Database, Identity, Session, Value, value_at};

use duck::Duck;
use questions::{PERIODS, QUESTIONS, Question};

struct Arguments {
    data: PathBuf,
    times: usize,
    only: Option<String>,
    duckdb: bool,
    clock: Clock,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq)]
pub enum Clock {
    Wall,
    /// Processor time of all threads: for a machine that others use too.
    Processor,
}

impl Clock {
    fn now(self) -> Result<Duration, String> {
        match self {
            Clock::Wall => std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_err(|e| e.to_string()),
            Clock::Processor => processor_time().map_err(|e| e.to_string()),
        }
    }
}

/// Nanoseconds that the scheduler counted for the threads of this process.
fn processor_time() -> std::io::Result<Duration> {
    let mut total = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        total += text
            .split(' ')
            .next()
            .and_then(|nanos| nanos.parse::<u64>().ok())
            .unwrap_or(0);
    }
    Ok(Duration::from_nanos(total))
}

/// What one run of a query found, to compare the two engines by: rows, and the sum of all numbers.
#[derive(Clone, Copy)]
struct Seen {
    rows: usize,
    sum: f64,
}

struct Timed {
    best: Duration,
    seen: Seen,
    scans: u64,
    one_by_one: u64,
}

fn main() -> ExitCode {
    match arguments().and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Arguments, String> {
    let mut given = std::env::args().skip(1);
    let data = given.next().ok_or("the folder of the data is missing")?;
    let mut arguments = Arguments {
        data: data.into(),
        times: 7,
        only: None,
        duckdb: true,
        clock: Clock::Wall,
    };
    while let Some(name) = given.next() {
        match name.as_str() {
            "--cpu" => arguments.clock = Clock::Processor,
            "--no-duckdb" => arguments.duckdb = false,
            "--times" => {
                let value = given.next().and_then(|n| n.parse().ok());
                arguments.times = value.filter(|n| *n > 0).ok_or("--times takes a number")?;
            }
            "--only" => arguments.only = given.next(),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(arguments)
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let model = model_with_periods()?;
    let loading = Instant::now();
    let database = Database::import(&model, &arguments.data).map_err(|e| e.to_string())?;
    let _ = std::fs::remove_dir_all(&model);
    let session = database
        .session(Identity::anonymous().role("Everyone"))
        .map_err(|e| e.to_string())?;
    eprintln!("loaded in {:.1} s", loading.elapsed().as_secs_f64());
    let mut duck = match arguments.duckdb {
        true => Some(Duck::start(&arguments.data, arguments.clock)?),
        false => None,
    };
    println!(
        "| pattern | ms | plain SUM, ms | ratio | DuckDB, ms | ratio | scans | one by one | rows |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for question in QUESTIONS {
        if let Some(only) = &arguments.only
            && !question.name.contains(only.as_str())
        {
            continue;
        }
        measure(question, &session, duck.as_mut(), arguments)?;
    }
    Ok(())
}

fn measure(
    question: &Question,
    session: &Session,
    mut duck: Option<&mut Duck>,
    arguments: &Arguments,
) -> Result<(), String> {
    let (mut found, mut plain): (Option<Timed>, Option<Timed>) = (None, None);
    let mut other: Option<(Duration, Seen)> = None;
    for _ in 0..arguments.times {
        keep_best(&mut plain, ask(session, question.plain, arguments.clock)?);
        keep_best(&mut found, ask(session, question.dax, arguments.clock)?);
        if let Some(duck) = duck.as_deref_mut() {
            let (time, seen) = duck.ask(question.sql)?;
            if other.is_none_or(|(best, _)| time < best) {
                other = Some((time, seen));
            }
        }
    }
    let (Some(found), Some(plain)) = (found, plain) else {
        return Err("nothing was measured".to_string());
    };
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let ratio = |time: Duration| millis(found.best) / millis(time);
    let beside = match other {
        None => "| |".to_string(),
        Some((time, seen)) => {
            let close = (seen.sum - found.seen.sum).abs() <= 1e-9 * seen.sum.abs().max(1.0);
            if seen.rows != found.seen.rows || !close {
                return Err(format!(
                    "{}: {} rows and {} here, {} rows and {} in DuckDB",
                    question.name, found.seen.rows, found.seen.sum, seen.rows, seen.sum
                ));
            }
            format!("| {:.2} | {:.2}", millis(time), ratio(time))
        }
    };
    println!(
        "| {} | {:.2} | {:.2} | {:.1} {beside} | {} | {} | {} |",
        question.name,
        millis(found.best),
        millis(plain.best),
        ratio(plain.best),
        found.scans,
        found.one_by_one,
        found.seen.rows,
    );
    Ok(())
}

fn keep_best(best: &mut Option<Timed>, new: Timed) {
    if best.as_ref().is_none_or(|best| new.best < best.best) {
        *best = Some(new);
    }
}

fn ask(session: &Session, dax: &str, clock: Clock) -> Result<Timed, String> {
    let started = clock.now()?;
    let answer = session.query(dax).map_err(|e| format!("{dax}\n{e}"))?;
    let best = clock.now()?.saturating_sub(started);
    let mut seen = Seen { rows: 0, sum: 0.0 };
    for table in &answer.tables {
        let rows = table.batch.num_rows();
        seen.rows += rows;
        for (column, description) in table.columns.iter().enumerate() {
            // Extension columns only: what the query computed.
            if !description.name.starts_with('[') {
                continue;
            }
            for row in 0..rows {
                let value = value_at(table, column, row);
                seen.sum += match value {
                    Value::Integer(i) => i as f64,
                    Value::Fixed(f) => f as f64 / 10_000.0,
                    Value::Double(d) => d,
                    _ => 0.0,
                };
            }
        }
    }
    Ok(Timed {
        best,
        seen,
        scans: answer.statistics.scans,
        one_by_one: answer.statistics.one_by_one,
    })
}

/// The fixture's model, with a calculation group of five items more.
fn model_with_periods() -> Result<PathBuf, String> {
    let to = std::env::temp_dir().join(format!("peristyle-patterns-{}", std::process::id()));
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/retail/model");
    copy(&from, &to).map_err(|e| format!("{}: {e}", to.display()))?;
    let periods = to.join("tables/Periods.tmdl");
    std::fs::write(&periods, PERIODS).map_err(|e| format!("{}: {e}", periods.display()))?;
    Ok(to)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            std::fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

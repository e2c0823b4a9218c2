//! Loading: how long it takes, and what it leaves in memory.

use std::fs;
use std::time::Duration;

use peristyle_benches::machine;
use peristyle_benches::models::{SSB_TABLES, SsbModel};
use peristyle_benches::report::{self, Sheet, megabytes, milliseconds, quotient, ratio};

use crate::setting::{Done, Setting, anybody, ask};

pub fn run(setting: &Setting) -> Done {
    report::heading("Import and memory", setting.threads);
    let mut files = 0;
    for table in SSB_TABLES {
        // Read once before anybody is timed, so that all find the files in the cache of the operating system.
        files += fs::read(setting.data.join(format!("{table}.parquet")))?.len() as u64;
    }
    println!();
    println!("The Parquet files have {}.", megabytes(files));
    let before = machine::memory().0;
    let (database, time) = setting.open(&SsbModel::default())?;
    let (loaded, peak) = machine::memory();
    let own = (loaded - before, peak.saturating_sub(before));
    let session = anybody(&database)?;
    for query in setting.queries() {
        ask(&session, query.dax)?;
    }
    let asked = machine::memory().0 - before;
    let mut sheet = Sheet::new([
        "",
        "load",
        "ratio",
        "after load",
        "ratio",
        "after the queries",
        "peak",
    ]);
    sheet.row([
        "Peristyle".to_owned(),
        milliseconds(time),
        String::new(),
        megabytes(own.0),
        String::new(),
        megabytes(asked),
        megabytes(own.1.max(machine::memory().1 - before)),
    ]);
    for name in setting.peer_names()? {
        let Some(mut peer) = setting.ssb_peer(name) else {
            continue;
        };
        let (now, _) = peer.memory()?;
        for query in setting.queries() {
            peer.query(query.sql)?;
        }
        let (asked, peak) = peer.memory()?;
        sheet.row([
            format!("{} {}", name.title(), peer.version),
            milliseconds(peer.load),
            ratio(quotient(time, peer.load)),
            megabytes(now),
            ratio(own.0 as f64 / now.max(1) as f64),
            megabytes(asked),
            megabytes(peak),
        ]);
    }
    sheet.print();
    println!(
        "Ratios are Peristyle against the peer: less is better. A peer's process counts whole, Python (about 40 MB) included."
    );
    columns(&database);
    report::ending();
    Ok(())
}

/// Where the bytes are.
fn columns(database: &peristyle::Database) {
    let figures = database.inspect();
    println!();
    println!(
        "Encoded columns hold {}; the largest:",
        megabytes(figures.bytes())
    );
    let mut columns = figures.columns;
    columns.sort_by_key(|column| std::cmp::Reverse(column.code_bytes + column.dictionary_bytes));
    let mut sheet = Sheet::new([
        "column",
        "encoding",
        "distinct",
        "codes",
        "dictionary",
        "bytes a row",
    ]);
    for column in columns.iter().take(12) {
        sheet.row([
            format!("{}[{}]", column.table, column.column),
            column.encoding.clone(),
            column.distinct.to_string(),
            megabytes(column.code_bytes),
            megabytes(column.dictionary_bytes),
            ratio((column.code_bytes + column.dictionary_bytes) as f64 / column.rows.max(1) as f64),
        ]);
    }
    sheet.print();
}

/// Sums of one column each, against a loop that reads as many bytes as its codes take.
pub fn sums(setting: &Setting) -> Done {
    report::heading("The sum of one column", setting.threads);
    let (database, _) = setting.open(&SsbModel::default())?;
    let session = anybody(&database)?;
    let mut sheet = Sheet::new([
        "column",
        "encoding",
        "bytes",
        "sum",
        "read loop",
        "rate against it",
    ]);
    let figures = database.inspect();
    for name in [
        "lo_discount",
        "lo_quantity",
        "lo_supplycost",
        "lo_revenue",
        "lo_extendedprice",
    ] {
        let column = figures.columns.iter().find(|column| column.column == name);
        let column = column.ok_or("the fact lacks a column")?;
        let query = format!("EVALUATE {{ SUM(lineorder[{name}]) }}");
        let runs = (0..=setting.repeats.max(1)).map(|_| setting.time(&session, &query));
        let runs: Vec<Duration> = runs.collect::<Result<_, _>>()?;
        let sum = runs.into_iter().skip(1).min().unwrap_or_default();
        let read = machine::reading(column.code_bytes, setting.threads);
        sheet.row([
            name.to_owned(),
            column.encoding.clone(),
            megabytes(column.code_bytes),
            milliseconds(sum),
            milliseconds(read),
            ratio(quotient(read, sum)),
        ]);
    }
    sheet.print();
    report::ending();
    Ok(())
}

/// Time of a row as the fact grows, under dimensions that stay.
pub fn rows(setting: &Setting, millions: &[u64], scale: f64) -> Done {
    use peristyle_benches::ssb::{self, Sizes};

    report::heading("Time a row", setting.threads);
    let mut sheet = Sheet::new([
        "rows",
        "geometric mean",
        "a row",
        "against the first",
        "slowest query",
        "a row",
        "a loop that only reads, a row",
        "against the first",
    ]);
    let (mut first, mut first_read) = (None, None);
    for million in millions {
        let folder = setting.data.join(format!("rows-{million}m"));
        let sizes = Sizes {
            orders: million * 250_000,
            ..Sizes::at_scale(scale)
        };
        if !folder.join("lineorder.parquet").exists() {
            ssb::write(sizes, &folder)?;
        }
        let (database, _) = setting.open_with(&SsbModel::default(), &folder, setting.threads)?;
        let tables = database.inspect().tables;
        let rows = tables
            .iter()
            .find(|(name, _)| name == "lineorder")
            .map_or(0, |(_, rows)| *rows);
        let session = anybody(&database)?;
        let mut times = Vec::new();
        for query in setting.queries() {
            let runs = (0..=setting.repeats.max(1)).map(|_| setting.time(&session, query.dax));
            let runs: Vec<Duration> = runs.collect::<Result<_, _>>()?;
            times.push(runs.into_iter().skip(1).min().unwrap_or_default());
        }
        let mean = report::geometric_mean(&times);
        let slowest = times.iter().max().copied().unwrap_or_default();
        let a_row = |time: Duration| time.as_secs_f64() * 1e9 / rows.max(1) as f64;
        let base = *first.get_or_insert(a_row(mean));
        // Small facts lie in a cache of the processor, and large ones do not: that much of the difference is the machine's.
        let read = a_row(machine::reading(rows * READ_BYTES, setting.threads));
        let base_read = *first_read.get_or_insert(read);
        sheet.row([
            rows.to_string(),
            milliseconds(mean),
            format!("{:.3} ns", a_row(mean)),
            ratio(a_row(mean) / base),
            milliseconds(slowest),
            format!("{:.3} ns", a_row(slowest)),
            format!("{read:.3} ns"),
            ratio(read / base_read),
        ]);
    }
    sheet.print();
    report::ending();
    Ok(())
}

/// What most of the queries read of a row: four columns of one to four bytes.
const READ_BYTES: u64 = 9;

//! One client floods the database with heavy queries: what another client waits for its own, against what it waits alone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use peristyle::{Database, Error, Identity, Session};
use peristyle_benches::models::{self, Scratch};
use peristyle_benches::report::{self, Sheet, milliseconds, percentile, quotient, ratio};

use crate::retail::{VISUALS, query};
use crate::setting::{Done, Setting, ask};

/// Queries that take a core for long: many groups, distinct counts, and rows that the query makes itself.
const HEAVY: [&str; 4] = [
    "EVALUATE TOPN(10, SUMMARIZECOLUMNS(Customers[Customer Key], \"Sales\", [Sales]), [Sales])",
    "EVALUATE SUMMARIZECOLUMNS(Products[Product Key], Dates[Month Key], \"Customers\", [Customers Served], \"Orders\", [Order Count])",
    "EVALUATE SUMMARIZECOLUMNS(Stores[Store Key], Products[Product Key], Dates[Month Key], \"Sales\", [Sales], \"YTD\", [Sales YTD])",
    "EVALUATE ROW(\"x\", SUMX(CROSSJOIN(GENERATESERIES(1, 3000), SELECTCOLUMNS(GENERATESERIES(1, 3000), \"b\", [Value])), [Value] * [b]))",
];

/// The flooding client begins this long before the other asks.
const HEAD_START: Duration = Duration::from_millis(500);

pub fn run(setting: &Setting, flooding: usize, rounds: usize) -> Done {
    report::heading("A flood of one client", setting.threads);
    let folder = Scratch::new("flood")?;
    let model = models::write_retail(folder.path())?;
    let database = Database::builder(model)
        .data(&setting.data)
        .threads(setting.threads)
        .cache_bytes(0)
        .import()?;
    let session = |user: &str, role: &str| database.session(Identity::user(user).role(role));
    let other = session(&models::retail_user(1), "Store Managers")?;
    let flood = session("flood@retail.example", "Everyone")?;
    looks(&other, 1)?;
    let mut alone = looks(&other, rounds)?;
    let (mut beside, asked) = flooded(&other, &flood, flooding, rounds)?;
    // The machine may have changed meanwhile.
    alone.extend(looks(&other, rounds)?);
    println!();
    println!(
        "The twelve visuals, {rounds} times; {flooding} threads of one identity ask heavy queries meanwhile: {} answered, {} refused by a limit.",
        asked.0, asked.1
    );
    let mut sheet = Sheet::new(["", "p50", "p99", "longest"]);
    let mut p99 = Vec::new();
    for (name, times) in [("alone", &mut alone), ("beside the flood", &mut beside)] {
        p99.push(percentile(times, 0.99));
        sheet.row([
            name.to_owned(),
            milliseconds(percentile(times, 0.5)),
            milliseconds(percentile(times, 0.99)),
            milliseconds(percentile(times, 1.0)),
        ]);
    }
    sheet.row([
        "times as long".to_owned(),
        String::new(),
        ratio(quotient(p99[1], p99[0])),
        String::new(),
    ]);
    sheet.print();
    report::ending();
    Ok(())
}

/// What the other client waits for each of its queries.
fn looks(session: &Session, rounds: usize) -> Result<Vec<Duration>, Box<dyn std::error::Error>> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        for (_, visual) in VISUALS {
            times.push(ask(session, &query(visual, None))?.0.time);
        }
    }
    Ok(times)
}

type Flooded = (Vec<Duration>, (u64, u64));

/// The same while the flood is on; and how many of its queries were answered and refused.
fn flooded(
    other: &Session,
    flood: &Session,
    flooding: usize,
    rounds: usize,
) -> Result<Flooded, Box<dyn std::error::Error>> {
    let over = AtomicBool::new(false);
    let (answered, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let times = thread::scope(|scope| {
        let work: Vec<_> = (0..flooding)
            .map(|first| {
                let (over, answered, refused) = (&over, &answered, &refused);
                scope.spawn(move || -> Result<(), Error> {
                    let mut next = first;
                    while !over.load(Ordering::Relaxed) {
                        match flood.query(HEAVY[next % HEAVY.len()]) {
                            Ok(_) => answered.fetch_add(1, Ordering::Relaxed),
                            Err(_) if over.load(Ordering::Relaxed) => break,
                            Err(error) if matches!(error.code(), "limit" | "busy") => {
                                refused.fetch_add(1, Ordering::Relaxed)
                            }
                            Err(error) => return Err(error),
                        };
                        next += 1;
                    }
                    Ok(())
                })
            })
            .collect();
        let started = Instant::now();
        while started.elapsed() < HEAD_START {
            thread::sleep(Duration::from_millis(10));
        }
        let times = looks(other, rounds).map_err(|error| error.to_string());
        over.store(true, Ordering::Relaxed);
        let cancel = flood.cancel_handle();
        let mut failed = None;
        for thread in work {
            while !thread.is_finished() {
                cancel.cancel();
                thread::sleep(Duration::from_millis(5));
            }
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => failed = Some(error.to_string()),
                Err(_) => failed = Some("a thread of the flood panicked".to_owned()),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => times,
        }
    })?;
    let asked = (answered.into_inner(), refused.into_inner());
    Ok((times, asked))
}

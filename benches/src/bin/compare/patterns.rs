//! Common DAX patterns on the retail data: each beside the plain SUM by the same columns, and beside the same question in SQL on
//! DuckDB, taken in turn.

use std::error::Error;

use peristyle::{Database, Identity, Session};
use peristyle_benches::answer::{difference, rows_of};
use peristyle_benches::models::{self, Scratch};
use peristyle_benches::patterns::{QUESTIONS, Question};
use peristyle_benches::peer::Peer;
use peristyle_benches::report::{self, Sheet, milliseconds, quotient, ratio};

use crate::setting::{Cost, Done, Setting, ask_peer, cost_of};

/// What the SQL of the questions reads.
const TABLES: [&str; 6] = [
    "Orders",
    "Dates",
    "Products",
    "Subcategories",
    "Categories",
    "Balances",
];

/// The smallest query there is: what a query costs besides its work.
const NOTHING: &str = "EVALUATE { 1 }";

pub fn run(setting: &Setting) -> Done {
    report::heading("DAX patterns", setting.threads);
    let folder = Scratch::new("patterns")?;
    let model = models::write_retail_with_periods(folder.path())?;
    let database = Database::builder(model)
        .data(&setting.data)
        .threads(setting.threads)
        .cache_bytes(0)
        .import()?;
    let session = database.session(Identity::anonymous().role("Everyone"))?;
    let mut duckdb = setting.duckdb(&TABLES)?;
    sizes(&database);
    let mut sheet = Sheet::new([
        "pattern",
        "time",
        "plain SUM",
        "times as long",
        "DuckDB",
        "times as long as DuckDB",
        "scans",
        "one by one",
        "rows",
    ]);
    let named = QUESTIONS
        .iter()
        .filter(|q| q.name.starts_with(&setting.only));
    let mut slowest: Option<(f64, &str)> = None;
    for question in named {
        let found = measure(question, &session, duckdb.as_mut(), setting)?;
        let against_plain = quotient(setting.figure(found.best), setting.figure(found.plain));
        if slowest.is_none_or(|(most, _)| against_plain > most) {
            slowest = Some((against_plain, question.name));
        }
        let beside = found.duckdb.map(|cost| setting.figure(cost));
        sheet.row([
            question.name.to_owned(),
            milliseconds(setting.figure(found.best)),
            milliseconds(setting.figure(found.plain)),
            ratio(against_plain),
            beside.map_or_else(String::new, milliseconds),
            beside.map_or_else(String::new, |time| {
                ratio(quotient(setting.figure(found.best), time))
            }),
            found.scans.to_string(),
            found.one_by_one.to_string(),
            found.rows.to_string(),
        ]);
    }
    sheet.print();
    if duckdb.is_some() {
        println!("All answers are equal, row by row.");
    }
    if let Some((most, name)) = slowest {
        println!(
            "The slowest against the plain SUM: {name}, {} times as long.",
            ratio(most)
        );
    }
    let mut nothing = Cost::MOST;
    for _ in 0..=100 * setting.repeats.max(1) {
        nothing = nothing.least(cost_of(&session, NOTHING)?.0);
    }
    println!(
        "`{NOTHING}` takes {:.0} microseconds.",
        setting.figure(nothing).as_secs_f64() * 1e6
    );
    report::ending();
    Ok(())
}

fn sizes(database: &Database) {
    let tables = database.inspect().tables;
    let of = |wanted: &str| {
        let found = tables.iter().find(|(name, _)| name == wanted);
        found.map_or(0, |(_, rows)| *rows)
    };
    println!();
    println!(
        "{} lines of orders, {} products, {} days.",
        of("Orders"),
        of("Products"),
        of("Dates")
    );
}

struct Found {
    best: Cost,
    plain: Cost,
    duckdb: Option<Cost>,
    scans: u64,
    one_by_one: u64,
    rows: usize,
}

/// The least costs of a pattern, taken in turn. The answers are compared first, in runs that do not count.
fn measure(
    question: &Question,
    session: &Session,
    mut duckdb: Option<&mut Peer>,
    setting: &Setting,
) -> Result<Found, Box<dyn Error>> {
    let (_, answer) = cost_of(session, question.dax)?;
    cost_of(session, question.plain)?;
    let table = answer.tables.first().ok_or("an answer without a table")?;
    if let Some(duckdb) = duckdb.as_deref_mut() {
        let theirs = ask_peer(duckdb, question.sql)?.1;
        if let Some(what) = difference(&rows_of(table), &theirs, &[]) {
            let message = format!("{}: Peristyle and DuckDB differ: {what}", question.name);
            return Err(message.into());
        }
    }
    let mut found = Found {
        best: Cost::MOST,
        plain: Cost::MOST,
        duckdb: None,
        scans: answer.statistics.scans,
        one_by_one: answer.statistics.one_by_one,
        rows: table.batch.num_rows(),
    };
    for _ in 0..setting.repeats.max(1) {
        found.plain = found.plain.least(cost_of(session, question.plain)?.0);
        found.best = found.best.least(cost_of(session, question.dax)?.0);
        if let Some(duckdb) = duckdb.as_deref_mut() {
            let cost = ask_peer(duckdb, question.sql)?.0;
            found.duckdb = Some(found.duckdb.unwrap_or(Cost::MOST).least(cost));
        }
    }
    Ok(found)
}

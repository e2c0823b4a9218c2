//! A dashboard of twenty tiles that several people look at: every look draws a person and slicers.

use std::error::Error;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use peristyle::{Database, Session};
use peristyle_benches::answer::difference;
use peristyle_benches::machine;
use peristyle_benches::peer::Peer;
use peristyle_benches::report::{self, Sheet, megabytes, milliseconds, percentile, ratio};
use peristyle_benches::ssb::{QUERIES, REGIONS, below};

use crate::setting::{Done, Setting, ask};
use crate::users::{MAPPINGS, Mapping, admit, model, tables};

/// Unless said otherwise.
pub const PEOPLE: u64 = 50;
const CLIENTS: u64 = 4;

/// A tile in both languages; `order` as in a query of the benchmark.
struct Tile {
    dax: String,
    sql: String,
    order: Vec<usize>,
}

/// Seven small visuals beside the queries of the benchmark: group columns with their tables, a measure, an expression in SQL.
const SMALL: [(&[&str], &str, &str); 7] = [
    (&[], "Revenue", "SUM(lo_revenue)"),
    (&[], "Lines", "COUNT(*)"),
    (&["dates[d_year]"], "Revenue", "SUM(lo_revenue)"),
    (
        &["dates[d_yearmonthnum]"],
        "Profit",
        "SUM(lo_revenue - lo_supplycost)",
    ),
    (
        &["customer[c_region]", "dates[d_year]"],
        "Revenue",
        "SUM(lo_revenue)",
    ),
    (
        &["part[p_mfgr]", "supplier[s_region]"],
        "Quantity",
        "SUM(lo_quantity)",
    ),
    (&["lineorder[lo_shipmode]"], "Quantity", "SUM(lo_quantity)"),
];

/// What a look asks for: drawn once, for every engine.
struct Look {
    person: u64,
    /// The region of the suppliers, and the least year, where the slicers are set.
    region: Option<&'static str>,
    year: Option<u64>,
}

impl Look {
    fn draw(seed: u64, number: u64, people: u64) -> Look {
        let of = |column: u64, n: u64| below(seed * 100 + column, number, n);
        Look {
            person: 1 + of(1, people),
            region: (of(2, 2) == 1).then(|| REGIONS[of(3, 5) as usize]),
            year: (of(4, 2) == 1).then(|| 1992 + of(5, 7)),
        }
    }

    fn tiles(&self, mapping: &Mapping) -> Vec<Tile> {
        let mut filters = Vec::new();
        let mut conditions = vec![mapping.condition(self.person)];
        if let Some(region) = self.region {
            filters.push(format!("TREATAS({{\"{region}\"}}, supplier[s_region])"));
            conditions.push(format!(
                "lo_suppkey IN (SELECT s_suppkey FROM supplier WHERE s_region = '{region}')"
            ));
        }
        if let Some(year) = self.year {
            filters.push(format!(
                "FILTER(ALL(dates[d_year]), dates[d_year] >= {year})"
            ));
            conditions.push(format!(
                "lo_orderdate IN (SELECT d_datekey FROM dates WHERE d_year >= {year})"
            ));
        }
        let condition = conditions.join(" AND ");
        let large = QUERIES.iter().map(|query| Tile {
            dax: match filters.join(",\n    ") {
                none if none.is_empty() => query.dax.to_owned(),
                some => query.dax_where(&some),
            },
            sql: query.sql_where(&condition),
            order: query.order.to_vec(),
        });
        let small = SMALL
            .iter()
            .map(|(keys, measure, sum)| small(keys, measure, sum, &filters, &condition));
        large.chain(small).collect()
    }
}

fn small(keys: &[&str], measure: &str, sum: &str, filters: &[String], condition: &str) -> Tile {
    let mut arguments: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    arguments.extend(filters.iter().cloned());
    arguments.push(format!("\"value\", [{measure}]"));
    let mut dax = format!("EVALUATE SUMMARIZECOLUMNS({})", arguments.join(", "));
    let columns: Vec<&str> = keys
        .iter()
        .filter_map(|key| {
            key.split_once('[')
                .map(|(_, name)| name.trim_end_matches(']'))
        })
        .collect();
    let mut sql = format!("SELECT {sum} AS value FROM lineorder");
    if !keys.is_empty() {
        dax.push_str(&format!(" ORDER BY {}", keys.join(", ")));
        sql = format!(
            "SELECT {}, {sum} AS value FROM lineorder \
             INNER JOIN dates ON lo_orderdate = d_datekey INNER JOIN customer ON lo_custkey = c_custkey \
             INNER JOIN supplier ON lo_suppkey = s_suppkey INNER JOIN part ON lo_partkey = p_partkey",
            columns.join(", ")
        );
    }
    sql.push_str(&format!(" WHERE {condition}"));
    if !keys.is_empty() {
        let columns = columns.join(", ");
        sql.push_str(&format!(" GROUP BY {columns} ORDER BY {columns}"));
    }
    Tile {
        dax,
        sql,
        order: (0..keys.len()).collect(),
    }
}

/// Room for answers and scans where they are kept: what a database has by default.
const KEPT_BYTES: u64 = 256 << 20;

pub fn run(setting: &Setting, looks: u64, seed: u64, people: u64) -> Done {
    report::heading("Dashboard", setting.threads);
    let (afresh, _) = setting.open(&model())?;
    let keeping = setting.open_keeping(&model(), KEPT_BYTES)?;
    let mut peer = setting.duckdb(&tables())?;
    println!();
    println!("20 tiles, {people} identities, {CLIENTS} clients, {looks} looks each, seed {seed}.");
    let mut sheet = Sheet::new([
        "",
        "queries a second",
        "p50",
        "p99",
        "times DuckDB",
        "found kept",
        "scans kept",
        "from wider",
        "wider run",
    ]);
    for mapping in &MAPPINGS {
        let work: Vec<Vec<Look>> = (0..CLIENTS)
            .map(|client| {
                (0..looks)
                    .map(|n| Look::draw(seed, client * looks + n, people))
                    .collect()
            })
            .collect();
        let theirs = match &mut peer {
            Some(peer) => {
                equal(
                    &admitted(&afresh, mapping, people)?,
                    &work[0][0],
                    mapping,
                    peer,
                )?;
                Some(of_peer(peer, &work, mapping)?)
            }
            None => None,
        };
        for (database, how) in [(&afresh, "nothing kept"), (&keeping, "answers kept")] {
            let sessions = admitted(database, mapping, people)?;
            let before = database.cache_figures();
            let done = own(&sessions, &work, mapping)?;
            let after = database.cache_figures();
            let (scans, earlier) = (after.scans, before.scans);
            let kept = [
                share(after.asked - before.asked, after.found - before.found),
                share(scans.asked - earlier.asked, scans.found - earlier.found),
                share(
                    scans.asked - earlier.asked,
                    scans.narrowed - earlier.narrowed,
                ),
                share(scans.asked - earlier.asked, scans.widened - earlier.widened),
            ];
            let name = format!("Peristyle, {}, {how}", mapping.about);
            let times = theirs
                .as_ref()
                .map(|theirs| ratio(done.rate() / theirs.rate()));
            sheet.row(row(&name, done, times, kept));
        }
        for looks in &work {
            kept_equal(&afresh, &keeping, looks, mapping)?;
        }
        if let Some(theirs) = theirs {
            sheet.row(row(
                &format!("DuckDB, {}", mapping.about),
                theirs,
                None,
                [const { None }; 4],
            ));
        }
    }
    sheet.print();
    report::ending();
    Ok(())
}

fn admitted(
    database: &Database,
    mapping: &Mapping,
    people: u64,
) -> Result<Vec<Session>, peristyle::Error> {
    (1..=people)
        .map(|person| admit(database, mapping, person))
        .collect()
}

/// Refuses to report where the tiles of a look differ.
fn equal(people: &[Session], look: &Look, mapping: &Mapping, peer: &mut Peer) -> Done {
    for tile in look.tiles(mapping) {
        let rows = ask(&people[look.person as usize - 1], &tile.dax)?.1;
        let theirs = peer.query(&tile.sql)?.rows;
        if let Some(what) = difference(&rows, &theirs, &tile.order) {
            return Err(format!("the answers differ: {what}\n{}", tile.sql).into());
        }
    }
    Ok(())
}

/// The same of answers that are kept, or come of scans that are: against those of a database that keeps nothing.
fn kept_equal(afresh: &Database, keeping: &Database, looks: &[Look], mapping: &Mapping) -> Done {
    for look in looks.iter().rev().take(2) {
        let afresh = admit(afresh, mapping, look.person)?;
        let keeping = admit(keeping, mapping, look.person)?;
        for tile in look.tiles(mapping) {
            let rows = ask(&keeping, &tile.dax)?.1;
            let expected = ask(&afresh, &tile.dax)?.1;
            if let Some(what) = difference(&rows, &expected, &tile.order) {
                return Err(format!("what is kept differs: {what}\n{}", tile.dax).into());
            }
        }
    }
    Ok(())
}

fn of_peer(peer: &mut Peer, work: &[Vec<Look>], mapping: &Mapping) -> Result<Served, String> {
    let clients: Vec<Vec<String>> = work
        .iter()
        .map(|looks| {
            let tiles = looks.iter().flat_map(|look| look.tiles(mapping));
            tiles.map(|tile| tile.sql).collect()
        })
        .collect();
    let done = peer.batch(&clients)?;
    Ok(Served {
        time: done.time,
        latencies: done.latencies,
    })
}

/// What an engine answered in which time.
struct Served {
    time: Duration,
    latencies: Vec<Duration>,
}

impl Served {
    fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }
}

/// All clients at once, each its looks one after the other.
fn own(
    people: &[Session],
    work: &[Vec<Look>],
    mapping: &Mapping,
) -> Result<Served, Box<dyn Error>> {
    let (latencies, failures) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let start = Instant::now();
    thread::scope(|scope| {
        for looks in work {
            let (latencies, failures) = (&latencies, &failures);
            scope.spawn(move || {
                for look in looks {
                    for tile in look.tiles(mapping) {
                        match ask(&people[look.person as usize - 1], &tile.dax) {
                            Ok((cost, _)) => latencies.lock().unwrap().push(cost.time),
                            Err(error) => failures.lock().unwrap().push(error.to_string()),
                        }
                    }
                }
            });
        }
    });
    let time = start.elapsed();
    match failures.into_inner()?.pop() {
        Some(failure) => Err(failure.into()),
        None => Ok(Served {
            time,
            latencies: latencies.into_inner()?,
        }),
    }
}

fn share(of: u64, some: u64) -> Option<String> {
    (of > 0).then(|| format!("{} %", some * 100 / of))
}

fn row(
    name: &str,
    served: Served,
    times: Option<String>,
    kept: [Option<String>; 4],
) -> Vec<String> {
    let rate = served.rate();
    let mut latencies = served.latencies;
    let mut cells = vec![
        name.to_owned(),
        format!("{rate:.1}"),
        milliseconds(percentile(&mut latencies, 0.5)),
        milliseconds(percentile(&mut latencies, 0.99)),
        times.unwrap_or_default(),
    ];
    cells.extend(kept.map(Option::unwrap_or_default));
    cells
}

/// What the process holds while so many queries of such looks are asked one after the other, without answers kept and with.
pub fn growth(setting: &Setting, queries: u64, seed: u64) -> Done {
    report::heading("Memory over many queries", setting.threads);
    let mut sheet = Sheet::new([
        "queries",
        "nothing kept",
        "since the first tenth",
        "answers kept",
        "held by them",
    ]);
    let afresh = setting.open_keeping(&model(), 0)?;
    let keeping = setting.open_keeping(&model(), KEPT_BYTES)?;
    let mut since = 0i64;
    let mut looks = [0, 0];
    for tenth in 1..=10 {
        let until = queries * tenth / 10;
        let before = machine::memory().0;
        asked(&afresh, &mut looks[0], until, seed)?;
        let alone = machine::memory().0;
        asked(&keeping, &mut looks[1], until, seed)?;
        let both = machine::memory().0;
        if tenth > 1 {
            since += difference_of(alone, before);
        }
        sheet.row([
            until.to_string(),
            signed(difference_of(alone, before)),
            signed(since),
            signed(difference_of(both, alone)),
            megabytes(keeping.cache_figures().bytes),
        ]);
    }
    sheet.print();
    println!(
        "By how much the process grew during each tenth; it holds both databases, {} at the end.",
        megabytes(machine::memory().0)
    );
    report::ending();
    Ok(())
}

/// Asks all tiles of looks until so many queries were asked in all.
fn asked(database: &Database, look: &mut u64, until: u64, seed: u64) -> Done {
    let people: Vec<Vec<Session>> = MAPPINGS
        .iter()
        .map(|mapping| admitted(database, mapping, PEOPLE))
        .collect::<Result<_, _>>()?;
    let tiles = QUERIES.len() as u64 + SMALL.len() as u64;
    while *look * tiles < until {
        let place = (*look % MAPPINGS.len() as u64) as usize;
        let drawn = Look::draw(seed, *look, PEOPLE);
        for tile in drawn.tiles(&MAPPINGS[place]) {
            ask(&people[place][drawn.person as usize - 1], &tile.dax)?;
        }
        *look += 1;
    }
    Ok(())
}

fn difference_of(after: u64, before: u64) -> i64 {
    after.cast_signed() - before.cast_signed()
}

fn signed(bytes: i64) -> String {
    let sign = if bytes < 0 { "-" } else { "+" };
    format!("{sign}{}", megabytes(bytes.unsigned_abs()))
}

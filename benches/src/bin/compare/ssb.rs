//! The 13 queries, open: every engine in turn, query by query.

use std::time::Duration;

use peristyle::Session;
use peristyle_benches::answer::{Row, difference};
use peristyle_benches::models::SsbModel;
use peristyle_benches::peer::Peer;
use peristyle_benches::report::{self, Sheet, geometric_mean, milliseconds, quotient, ratio};
use peristyle_benches::ssb::Query;

use crate::setting::{Cost, Done, Setting, anybody, ask, ask_peer};

/// The least cost of each query for one engine.
struct Costs {
    title: String,
    best: Vec<Cost>,
}

pub fn run(setting: &Setting) -> Done {
    report::heading("Star Schema Benchmark, 13 queries", setting.threads);
    let queries = setting.queries();
    let (database, _) = setting.open(&SsbModel::default())?;
    let session = anybody(&database)?;
    let mut own = vec![Cost::MOST; queries.len()];
    let mut others: Vec<Costs> = Vec::new();
    let names = setting.peer_names()?;
    let at_once = if setting.one_at_a_time {
        1
    } else {
        names.len().max(1)
    };
    let mut groups: Vec<_> = names.chunks(at_once).collect();
    if groups.is_empty() {
        groups.push(&[]);
    }
    for group in groups {
        let mut peers: Vec<Peer> = group.iter().filter_map(|n| setting.ssb_peer(*n)).collect();
        let first = others.len();
        others.extend(peers.iter().map(|peer| Costs {
            title: format!("{} {}", peer.name.title(), peer.version),
            best: Vec::new(),
        }));
        for (query, own) in queries.iter().zip(&mut own) {
            let times = interleaved(query, &session, &mut peers, setting.repeats)?;
            *own = own.least(times[0]);
            for (times, peer) in times[1..].iter().zip(&mut others[first..]) {
                peer.best.push(*times);
            }
        }
    }
    print(&queries, &own, &others);
    report::ending();
    Ok(())
}

/// The least cost of Peristyle, then of each peer, taken in turn. All must give the same answer, or there are no figures.
fn interleaved(
    query: &Query,
    session: &Session,
    peers: &mut [Peer],
    repeats: usize,
) -> Result<Vec<Cost>, Box<dyn std::error::Error>> {
    let (_, rows) = ask(session, query.dax)?;
    for peer in peers.iter_mut() {
        let theirs = ask_peer(peer, query.sql)?.1;
        same(query, &rows, &theirs, peer.name.title())?;
    }
    let mut best = vec![Cost::MOST; peers.len() + 1];
    for _ in 0..repeats.max(1) {
        best[0] = best[0].least(ask(session, query.dax)?.0);
        for (peer, best) in peers.iter_mut().zip(&mut best[1..]) {
            *best = best.least(ask_peer(peer, query.sql)?.0);
        }
    }
    Ok(best)
}

/// Whether a peer says the same.
pub fn same(query: &Query, ours: &[Row], theirs: &[Row], title: &str) -> Result<(), String> {
    match difference(ours, theirs, query.order) {
        Some(what) => Err(format!(
            "{}: Peristyle and {title} differ: {what}",
            query.name
        )),
        None => Ok(()),
    }
}

/// One figure of a cost.
type Figure = fn(&Cost) -> Duration;

/// Two tables: the time on the wall, and what all threads computed.
fn print(queries: &[Query], own: &[Cost], others: &[Costs]) {
    let figures: [(&str, Figure); 2] = [
        ("Time on the wall:", |cost| cost.time),
        (
            "Computed by all threads together, which others on the machine disturb less:",
            |cost| cost.computed,
        ),
    ];
    for (about, of) in figures {
        println!();
        println!("{about}");
        let mut heads = vec!["query".to_owned(), "Peristyle".to_owned()];
        for peer in others {
            heads.extend([peer.title.clone(), "times as much".to_owned()]);
        }
        let mut sheet = Sheet::new(heads);
        for (n, query) in queries.iter().enumerate() {
            let others = others.iter().map(|peer| of(&peer.best[n]));
            sheet.row(row(query.name, of(&own[n]), others));
        }
        let mean = |costs: &[Cost]| geometric_mean(&costs.iter().map(of).collect::<Vec<_>>());
        let means = others.iter().map(|peer| mean(&peer.best));
        sheet.row(row("geometric mean", mean(own), means));
        sheet.print();
    }
    println!("All answers are equal, row by row.");
}

fn row(name: &str, own: Duration, others: impl Iterator<Item = Duration>) -> Vec<String> {
    let mut cells = vec![name.to_owned(), milliseconds(own)];
    for other in others {
        cells.extend([milliseconds(other), ratio(quotient(other, own))]);
    }
    cells
}

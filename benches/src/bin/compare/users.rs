//! Users who have never been seen, each with rows of its own: admission and the first three queries.

use std::error::Error;
use std::time::Duration;

use peristyle::{Database, Identity, Session};
use peristyle_benches::machine;
use peristyle_benches::models::{SSB_TABLES, SsbModel};
use peristyle_benches::peer::Peer;
use peristyle_benches::report::{
    self, Sheet, megabytes, milliseconds, percentile, quotient, ratio,
};
use peristyle_benches::ssb::{QUERIES, Query};

use crate::setting::{Done, Setting, Watch, ask, ask_peer};
use crate::ssb::same;

/// How a user's rows follow from the user: the role's filter on customers, and the condition in SQL.
pub struct Mapping {
    pub role: &'static str,
    pub about: &'static str,
    filter: &'static str,
    sql: &'static str,
}

pub const MAPPINGS: [Mapping; 2] = [
    Mapping {
        role: "Nations",
        about: "one to three nations",
        filter: "customer[c_nation] IN CALCULATETABLE(VALUES(rls_user_nation[nation]), rls_user_nation[user_id] = VALUE(USERNAME()))",
        sql: "lo_custkey IN (SELECT c_custkey FROM customer WHERE c_nation IN (SELECT nation FROM rls_user_nation WHERE user_id = ?))",
    },
    Mapping {
        role: "Customers",
        about: "500 customers",
        filter: "customer[c_custkey] IN CALCULATETABLE(VALUES(rls_user_cust[custkey]), rls_user_cust[user_id] = VALUE(USERNAME()))",
        sql: "lo_custkey IN (SELECT custkey FROM rls_user_cust WHERE user_id = ?)",
    },
];

impl Mapping {
    /// The condition for one user, as a service writes it into its SQL.
    pub fn condition(&self, user: u64) -> String {
        self.sql.replace('?', &user.to_string())
    }
}

/// The model of the benchmark with the tables of users and a role for each mapping.
pub fn model() -> SsbModel {
    MAPPINGS
        .iter()
        .fold(SsbModel::default().user_tables(), |model, mapping| {
            model.role(mapping.role, &[("customer", mapping.filter)])
        })
}

pub fn tables() -> Vec<&'static str> {
    let mapped = ["rls_user_nation", "rls_user_cust"];
    SSB_TABLES.into_iter().chain(mapped).collect()
}

pub fn admit(
    database: &Database,
    mapping: &Mapping,
    user: u64,
) -> Result<Session, peristyle::Error> {
    database.session(Identity::user(user.to_string()).role(mapping.role))
}

/// The three queries that a user asks first.
fn first_queries(user: u64) -> impl Iterator<Item = Query> {
    (0..3).map(move |n| QUERIES[(user * 3 + n) as usize % QUERIES.len()])
}

pub fn run(setting: &Setting, users: u64) -> Done {
    report::heading("New users, first three queries each", setting.threads);
    let (database, _) = setting.open(&model())?;
    let mut peer = setting.duckdb(&tables())?;
    for mapping in &MAPPINGS {
        measure(setting, &database, peer.as_mut(), mapping, users)?;
    }
    report::ending();
    Ok(())
}

fn measure(
    setting: &Setting,
    database: &Database,
    mut peer: Option<&mut Peer>,
    mapping: &Mapping,
    users: u64,
) -> Done {
    let (mut admissions, mut own, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let (mut own_each, mut others_each) = (Vec::new(), Vec::new());
    for user in 1..=users {
        let watch = Watch::start();
        let session = admit(database, mapping, user)?;
        let admission = setting.figure(watch.stop());
        admissions.push(admission);
        let mut sums = (admission, Duration::ZERO);
        for query in first_queries(user) {
            let (cost, rows) = ask(&session, query.dax)?;
            let time = setting.figure(cost);
            sums.0 += time;
            own_each.push(time);
            if let Some(peer) = &mut peer {
                let (cost, theirs) = ask_peer(peer, &query.sql_where(&mapping.condition(user)))?;
                same(&query, &rows, &theirs, peer.name.title())?;
                let time = setting.figure(cost);
                sums.1 += time;
                others_each.push(time);
            }
        }
        own.push(sums.0);
        others.push(sums.1);
    }
    println!();
    println!(
        "{users} users with {} each. All answers are equal.",
        mapping.about
    );
    let mut sheet = Sheet::new([
        "",
        "Peristyle p50",
        "p99",
        "DuckDB p50",
        "p99",
        "p99, times as fast",
    ]);
    let there = peer.is_some();
    let mut row = |name: &str, own: &mut [Duration], others: &mut [Duration]| {
        let times = [0.5, 0.99].map(|share| percentile(own, share));
        let mut cells = vec![name.to_owned()];
        cells.extend(times.map(milliseconds));
        if there && !others.is_empty() {
            let theirs = [0.5, 0.99].map(|share| percentile(others, share));
            cells.extend(theirs.map(milliseconds));
            cells.push(ratio(quotient(theirs[1], times[1])));
        } else {
            cells.extend(["", "", ""].map(str::to_owned));
        }
        sheet.row(cells);
    };
    row("admission", &mut admissions, &mut []);
    row("one query", &mut own_each, &mut others_each);
    row("admission and three queries", &mut own, &mut others);
    sheet.print();
    Ok(())
}

/// What a thousand admitted users keep in memory.
pub fn admitted(setting: &Setting, users: u64) -> Done {
    report::heading("Memory of admitted users", setting.threads);
    let (database, _) = setting.open(&model())?;
    let mut sheet = Sheet::new([
        "users".to_owned(),
        "admission p50".to_owned(),
        "p99".to_owned(),
        format!("{users} admitted"),
        "after a query each".to_owned(),
    ]);
    for mapping in &MAPPINGS {
        // Whatever the first admission and the first query build for all is not the users'.
        for query in &QUERIES {
            ask(&admit(&database, mapping, users)?, query.dax)?;
        }
        let before = machine::memory().0;
        let (mut sessions, mut times) = (Vec::new(), Vec::new());
        for user in 1..=users {
            let watch = Watch::start();
            sessions.push(admit(&database, mapping, user)?);
            times.push(setting.figure(watch.stop()));
        }
        let held = machine::memory().0.saturating_sub(before);
        asked(&sessions)?;
        let after = machine::memory().0.saturating_sub(before);
        sheet.row([
            format!("{} each", mapping.about),
            milliseconds(percentile(&mut times, 0.5)),
            milliseconds(percentile(&mut times, 0.99)),
            megabytes(held),
            megabytes(after),
        ]);
    }
    sheet.print();
    report::ending();
    Ok(())
}

fn asked(sessions: &[Session]) -> Result<(), Box<dyn Error>> {
    for (session, query) in sessions.iter().zip(QUERIES.iter().cycle()) {
        ask(session, query.dax)?;
    }
    Ok(())
}

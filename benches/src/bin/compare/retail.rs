//! What security costs on the retail fixture: a dashboard of twelve queries under a role, against the same queries where
//! nothing is hidden and the role's predicate is written in.

use std::error::Error;
use std::time::{Duration, Instant};

use peristyle::{Database, Identity, Session};
use peristyle_benches::answer::difference;
use peristyle_benches::machine;
use peristyle_benches::models::{self, Scratch};
use peristyle_benches::report::{
    self, Sheet, geometric_mean, megabytes, milliseconds, percentile, quotient, ratio,
};

use crate::setting::{Done, Setting, Watch, ask};

/// A visual: its name, and its query with the place for filter arguments marked by `WHERE`.
pub const VISUALS: [(&str, &str); 12] = [
    (
        "cards",
        "SUMMARIZECOLUMNS(WHERE \"Sales\", [Sales], \"Profit\", [Gross Profit], \"Lines\", [Order Lines])",
    ),
    (
        "by category",
        "SUMMARIZECOLUMNS(Categories[Category], WHERE \"Sales\", [Sales])",
    ),
    (
        "by month",
        "SUMMARIZECOLUMNS(Dates[Month Key], WHERE \"Sales\", [Sales], \"Quantity\", [Quantity Sold])",
    ),
    (
        "margin by subcategory",
        "SUMMARIZECOLUMNS(Subcategories[Subcategory], WHERE \"Sales\", [Sales], \"Margin\", [Margin %])",
    ),
    (
        "by country and year",
        "SUMMARIZECOLUMNS(Stores[Country], Dates[Year], WHERE \"Sales\", [Sales])",
    ),
    (
        "top ten products",
        "TOPN(10, SUMMARIZECOLUMNS(Products[Product Key], WHERE \"Sales\", [Sales]), [Sales])",
    ),
    (
        "orders by year",
        "SUMMARIZECOLUMNS(Dates[Year], WHERE \"Orders\", [Order Count])",
    ),
    (
        "customers by category",
        "SUMMARIZECOLUMNS(Categories[Category], WHERE \"Customers\", [Customers Served])",
    ),
    (
        "year to date",
        "SUMMARIZECOLUMNS(Dates[Month Key], WHERE \"YTD\", [Sales YTD])",
    ),
    (
        "segments and categories",
        "SUMMARIZECOLUMNS(Customers[Segment], Categories[Category], WHERE \"Profit\", [Gross Profit])",
    ),
    (
        "last year",
        "SUMMARIZECOLUMNS(Dates[Month Key], WHERE \"Sales\", [Sales], \"PY\", [Sales PY])",
    ),
    (
        "share of all products",
        "SUMMARIZECOLUMNS(Categories[Category], WHERE \"Share\", [Share of All Products])",
    ),
];

/// A role, who asks under it, and its predicate as a filter argument.
struct Case {
    title: String,
    identity: Identity,
    predicate: String,
}

fn cases(asked: u64) -> Vec<Case> {
    let user = || Identity::user("bench@example.com");
    let mut cases = vec![
        Case {
            title: "a static role on a dimension".to_owned(),
            identity: user().role("Germany"),
            predicate: "TREATAS({\"Germany\"}, Stores[Country])".to_owned(),
        },
        Case {
            title: "a role on the fact".to_owned(),
            identity: user().role("Large Lines"),
            predicate: "FILTER(ALL(Orders[Net Amount]), Orders[Net Amount] >= 500)".to_owned(),
        },
        Case {
            title: "a role on two columns of the fact".to_owned(),
            identity: user().role("Large or Many"),
            predicate: "FILTER(ALL(Orders[Net Amount], Orders[Quantity]), Orders[Net Amount] >= 500 || Orders[Quantity] >= 5)".to_owned(),
        },
    ];
    cases.extend((1..=asked).map(|number| {
        let stores: Vec<String> = models::stores_of(number)
            .iter()
            .map(u64::to_string)
            .collect();
        Case {
            title: "a role by user".to_owned(),
            identity: Identity::user(models::retail_user(number)).role("Store Managers"),
            predicate: format!("TREATAS({{{}}}, Stores[Store Key])", stores.join(", ")),
        }
    }));
    cases
}

pub fn run(setting: &Setting, users: u64, asked: u64) -> Done {
    report::heading("The cost of security on the retail data", setting.threads);
    let folder = Scratch::new("retail")?;
    let model = models::write_retail(folder.path())?;
    let start = Instant::now();
    let database = Database::builder(model)
        .data(&setting.data)
        .threads(setting.threads)
        .cache_bytes(0)
        .import()?;
    let import = start.elapsed();
    let tables = database.inspect().tables;
    let lines = tables
        .iter()
        .find(|(name, _)| name == "Orders")
        .map_or(0, |(_, rows)| *rows);
    println!();
    println!(
        "{lines} lines of orders, imported in {}.",
        milliseconds(import)
    );
    let open = database.session(Identity::user("bench@example.com").role("Everyone"))?;
    for title in [
        "a static role on a dimension",
        "a role on the fact",
        "a role on two columns of the fact",
        "a role by user",
    ] {
        let cases: Vec<Case> = cases(asked)
            .into_iter()
            .filter(|c| c.title == title)
            .collect();
        visuals(setting, &database, &open, title, &cases)?;
    }
    let users = users.min(models::RETAIL_USERS);
    admissions(setting, &database, users)?;
    report::ending();
    Ok(())
}

pub fn query(visual: &str, predicate: Option<&str>) -> String {
    let argument = predicate.map_or(String::new(), |predicate| format!("{predicate}, "));
    format!("EVALUATE {}", visual.replace("WHERE ", &argument))
}

fn visuals(
    setting: &Setting,
    database: &Database,
    open: &Session,
    title: &str,
    cases: &[Case],
) -> Done {
    println!();
    println!(
        "Under {title}{}:",
        if cases.len() > 1 {
            format!(", {} users", cases.len())
        } else {
            String::new()
        }
    );
    let mut sheet = Sheet::new(["visual", "predicate written in", "role", "ratio"]);
    let mut all = (Vec::new(), Vec::new());
    for (name, visual) in VISUALS {
        let mut sums = (Duration::ZERO, Duration::ZERO);
        for case in cases {
            let under = database.session(case.identity.clone())?;
            let pair = both(setting, open, &under, visual, &case.predicate);
            let pair = pair.map_err(|error| format!("{title}, {name}: {error}"))?;
            sums.0 += pair.0;
            sums.1 += pair.1;
        }
        let count = cases.len().max(1) as u32;
        let pair = (sums.0 / count, sums.1 / count);
        sheet.row([
            name.to_owned(),
            milliseconds(pair.0),
            milliseconds(pair.1),
            ratio(quotient(pair.1, pair.0)),
        ]);
        all.0.push(pair.0);
        all.1.push(pair.1);
    }
    let means = (geometric_mean(&all.0), geometric_mean(&all.1));
    sheet.row([
        "geometric mean".to_owned(),
        milliseconds(means.0),
        milliseconds(means.1),
        ratio(quotient(means.1, means.0)),
    ]);
    sheet.print();
    Ok(())
}

/// The shortest times with the predicate and under the role, taken in turn.
fn both(
    setting: &Setting,
    open: &Session,
    under: &Session,
    visual: &str,
    predicate: &str,
) -> Result<(Duration, Duration), Box<dyn Error>> {
    let (written, plain) = (query(visual, Some(predicate)), query(visual, None));
    let rows = (ask(open, &written)?.1, ask(under, &plain)?.1);
    if let Some(what) = difference(&rows.0, &rows.1, &[]) {
        return Err(format!("the answers differ: {what}").into());
    }
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..setting.repeats.max(1) {
        best.0 = best.0.min(setting.time(open, &written)?);
        best.1 = best.1.min(setting.time(under, &plain)?);
    }
    Ok(best)
}

/// Roles by user: what their filters stand on, and how many fewer users are admitted, since sets of rows of a large fact take long.
const BY_USER: [(&str, &str, u64); 3] = [
    ("Store Managers", "a dimension", 1),
    ("Order Managers", "a column of the fact", 1),
    ("Order Auditors", "two columns of the fact", 10),
];

fn admissions(setting: &Setting, database: &Database, users: u64) -> Done {
    println!();
    let mut sheet = Sheet::new([
        "admission of new users, by a filter on",
        "users",
        "p50",
        "p99",
        "memory of all",
        "after a query each",
    ]);
    for (role, about, fewer) in BY_USER {
        let admit =
            |user: u64| database.session(Identity::user(models::retail_user(user)).role(role));
        let users = (users / fewer).max(1);
        // What the first user and the first query build for all is not the others'.
        ask(&admit(users + 1)?, &query(VISUALS[1].1, None))?;
        let before = machine::memory().0;
        let (mut sessions, mut times) = (Vec::new(), Vec::new());
        for user in 1..=users {
            let watch = Watch::start();
            sessions.push(admit(user)?);
            times.push(setting.figure(watch.stop()));
        }
        let held = machine::memory().0.saturating_sub(before);
        for session in &sessions {
            ask(session, &query(VISUALS[1].1, None))?;
        }
        let after = machine::memory().0.saturating_sub(before);
        sheet.row([
            about.to_owned(),
            users.to_string(),
            milliseconds(percentile(&mut times, 0.5)),
            milliseconds(percentile(&mut times, 0.99)),
            megabytes(held),
            megabytes(after),
        ]);
    }
    sheet.print();
    Ok(())
}

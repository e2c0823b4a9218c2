//! The deletion oracle: what a session answers is what an open model answers from which everything hidden was deleted.
//!
//! No expected values stand here. Hidden rows are found literally (see `visible_rows`), hidden objects are written down by
//! hand, calculated columns and tables are computed over all data (row rule 10) and then kept as data.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use model::{Model, ModelPermission, Role, TablePermission};
use peristyle::{Error, Session};

use crate::corpus::{self, Query};
use crate::outcome::{Outcome, ask, difference, exact};
use crate::sheets::{Key, Sheets, keep_rows, keys, read_sheets};
use crate::world::{Case, Hidden, World};

/// A difference that the rules require: the session refuses what the copy answers.
struct Expected {
    query: &'static str,
    /// Roles of the cases that it is about: all of them are held.
    roles: &'static [&'static str],
    why: &'static str,
}

const COST: &[Hidden] = &[
    Hidden::Column("Orders", "Cost"),
    Hidden::Column("Products", "Standard Cost"),
    Hidden::Column("Orders", "Margin"),
    Hidden::Measure("Total Cost"),
    Hidden::Measure("Gross Profit"),
    Hidden::Measure("Margin %"),
    Hidden::Measure("Total Margin"),
];

const COST_AND_STAFF: &[Hidden] = &[
    Hidden::Column("Orders", "Cost"),
    Hidden::Column("Orders", "Margin"),
    Hidden::Measure("Total Cost"),
    Hidden::Measure("Gross Profit"),
    Hidden::Measure("Margin %"),
    Hidden::Measure("Total Margin"),
    Hidden::Table("Employees"),
];

const fn roles(roles: &'static [&'static str]) -> Case {
    Case {
        roles,
        user: None,
        custom_data: None,
        hidden: &[],
        true_on_blank: &[],
    }
}

const fn manager(user: &'static str) -> Case {
    Case {
        user: Some(user),
        ..roles(&["Region Managers"])
    }
}

const fn holder(user: &'static str) -> Case {
    Case {
        user: Some(user),
        ..roles(&["Account Holders"])
    }
}

const fn tenant(data: &'static str) -> Case {
    Case {
        custom_data: Some(data),
        ..roles(&["Tenants"])
    }
}

/// One role at a time.
pub const RETAIL_ROWS: &[Case] = &[
    roles(&["Everyone"]),
    roles(&["Germany"]),
    roles(&["Bikes"]),
    roles(&["Large Lines"]),
    roles(&["Recent"]),
    Case {
        true_on_blank: &[("Colorless", "Products")],
        ..roles(&["Colorless"])
    },
    roles(&["Red Consumers"]),
    roles(&["Nobody"]),
];

/// Who is asking decides.
pub const RETAIL_USERS: &[Case] = &[
    manager("anna@retail.example"),
    manager("CARLA@retail.example"),
    manager("emil@retail.example"),
    // Her region is BLANK, and so is that of the all-blank row: she sees what was sold in no store.
    Case {
        true_on_blank: &[("Region Managers", "Stores")],
        ..manager("nora@retail.example")
    },
    manager("nobody@retail.example"),
    tenant("Alpine"),
    tenant("coastal"),
    roles(&["Tenants"]),
    holder("customer14@mail.example"),
    holder("CUSTOMER29@mail.example"),
    holder("nobody@mail.example"),
];

const RETAIL_OBJECTS: &[Case] = &[
    Case {
        hidden: COST,
        ..roles(&["No Cost"])
    },
    Case {
        hidden: &[Hidden::Table("Balances")],
        ..roles(&["No Balances"])
    },
    Case {
        hidden: COST_AND_STAFF,
        ..roles(&["Germany without Cost"])
    },
    // Object rule 4: what one of them shows exists.
    roles(&["No Cost", "No Balances"]),
];

pub const RETAIL_PAIRS: &[Case] = &[
    roles(&["Bikes", "Germany"]),
    roles(&["Large Lines", "Germany"]),
    roles(&["Large Lines", "Bikes", "Germany"]),
    roles(&["Nobody", "Germany"]),
    roles(&["Germany", "Everyone"]),
    Case {
        true_on_blank: &[("Colorless", "Products")],
        ..roles(&["Colorless", "Germany"])
    },
    Case {
        user: Some("dora@retail.example"),
        ..roles(&["Region Managers", "Bikes"])
    },
    Case {
        custom_data: Some("Baltic"),
        ..roles(&["Tenants", "Bikes"])
    },
];

/// Roles that the fixture does not have, each with its row filters: what is TRUE on the all-blank row, filters on tables that
/// relationships leave in several ways, and on the ends of snowflakes and one-to-one relationships.
const MORE_ROLES: &[(&str, &[(&str, &str)])] = &[
    ("Not North", &[("Stores", "Stores[Region] <> \"North\"")]),
    (
        "Still Sold",
        &[("Products", "Products[Discontinued] = FALSE()")],
    ),
    (
        "Euro",
        &[("Currencies", "Currencies[Currency Code] = \"eur\"")],
    ),
    ("Urgent", &[("Order Notes", "'Order Notes'[Priority] = 1")]),
    (
        "Savings",
        &[("Accounts", "Accounts[Account Type] = \"Savings\"")],
    ),
    (
        "Summer of Old Customers",
        &[
            ("Dates", "Dates[Month Number] IN { 6, 7, 8 }"),
            ("Subcategories", "Subcategories[Category Key] <= 3"),
            ("Orders", "NOT Orders[Returned]"),
        ],
    ),
    (
        "Sold in Norway",
        &[(
            "Products",
            "CALCULATE(COUNTROWS(Orders), Stores[Country] = \"Norway\") > 0",
        )],
    ),
    (
        "Some Staff",
        &[(
            "Employees",
            "PATHCONTAINS(PATH(Employees[Employee Key], Employees[Manager Key]), 2)",
        )],
    ),
];

const RETAIL_MORE: &[Case] = &[
    Case {
        true_on_blank: &[("Not North", "Stores")],
        ..roles(&["Not North"])
    },
    Case {
        true_on_blank: &[("Still Sold", "Products")],
        ..roles(&["Still Sold"])
    },
    roles(&["Euro"]),
    roles(&["Urgent"]),
    roles(&["Savings"]),
    Case {
        true_on_blank: &[
            ("Summer of Old Customers", "Subcategories"),
            ("Summer of Old Customers", "Orders"),
        ],
        ..roles(&["Summer of Old Customers"])
    },
    // Orders without a known product were sold in Norway too.
    Case {
        true_on_blank: &[("Sold in Norway", "Products")],
        ..roles(&["Sold in Norway"])
    },
    roles(&["Some Staff"]),
    Case {
        true_on_blank: &[("Not North", "Stores"), ("Still Sold", "Products")],
        ..roles(&["Not North", "Still Sold", "Urgent"])
    },
    Case {
        true_on_blank: &[("Not North", "Stores")],
        ..roles(&["Not North", "Euro"])
    },
];

const RULE_8: &str = "rule 8: a security filter travels over the relationship";

/// Between the session and the copy of the retail model.
const RETAIL_DIFFERENCES: &[Expected] = &[
    refused("time-relationships", &["Recent"]),
    refused("filter-crossfilter", &["Bikes"]),
    refused("filter-crossfilter", &["Colorless"]),
    refused("filter-crossfilter", &["Red Consumers"]),
    refused("filter-crossfilter", &["Account Holders"]),
    refused("filter-crossfilter", &["Still Sold"]),
    refused("filter-crossfilter", &["Sold in Norway"]),
    refused("filter-crossfilter", &["Summer of Old Customers"]),
    refused("time-relationships", &["Summer of Old Customers"]),
];

const ADVENTURE_DIFFERENCES: &[Expected] = &[
    refused("by-due-year", &["Recent"]),
    refused("ship-date", &["Recent"]),
    refused("crossfilter-both", &["Bikes"]),
];

const fn refused(query: &'static str, roles: &'static [&'static str]) -> Expected {
    Expected {
        query,
        roles,
        why: RULE_8,
    }
}

/// The retail fixture with every eighth order, so that the whole corpus can run for every role.
pub fn retail_world() -> World {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail");
    let mut model = model::load(&fixture.join("model")).expect("the retail model");
    let mut sheets = read_sheets(&model, &fixture.join("data"));
    let orders = &sheets["Orders"];
    let numbers = keys(orders.column_by_name("order_number").expect("a number"));
    let lines = keys(orders.column_by_name("order_line_key").expect("a key"));
    let kept = |row: usize| matches!(&numbers[row], Key::Number(number) if number % 8 == 0);
    let gone: BTreeSet<&Key> = (0..lines.len())
        .filter(|row| !kept(*row))
        .map(|row| &lines[row])
        .collect();
    let notes = &sheets["Order Notes"];
    let noted = keys(notes.column_by_name("Order Line Key").expect("a key"));
    let notes = keep_rows(notes, |row| !gone.contains(&noted[row]));
    let orders = keep_rows(orders, kept);
    sheets.insert("Order Notes".to_owned(), notes);
    sheets.insert("Orders".to_owned(), orders);
    model.roles.extend(MORE_ROLES.iter().map(|(name, filters)| {
        Role {
            name: (*name).to_owned(),
            permission: ModelPermission::Read,
            tables: filters
                .iter()
                .map(|(table, filter)| TablePermission {
                    table: (*table).to_owned(),
                    filter: Some((*filter).to_owned()),
                    ..TablePermission::default()
                })
                .collect(),
            ..Role::default()
        }
    }));
    World::new(model, sheets)
}

/// Every fortieth order of Adventure Works, and a tenth of the customers; None where the data is not there.
pub fn adventure_world() -> Option<World> {
    adventure_sheets().map(|(model, sheets)| World::new(model, sheets))
}

pub fn adventure_sheets() -> Option<(Model, Sheets)> {
    let folder = adventure_works()?;
    let model = model::load(&folder.join("model.bim")).expect("the model of Adventure Works");
    let mut sheets = read_sheets(&model, &folder);
    thin(&mut sheets, "Sales", "SalesOrderLineKey", |key| {
        key / 1000 % 40 == 0
    });
    thin(&mut sheets, "Sales Order", "SalesOrderLineKey", |key| {
        key / 1000 % 40 == 0
    });
    let sales = keys(
        sheets["Sales"]
            .column_by_name("CustomerKey")
            .expect("a key"),
    );
    let buyers: BTreeSet<Key> = sales.into_iter().collect();
    thin(&mut sheets, "Customer", "CustomerKey", |key| {
        key % 10 == 0 || buyers.contains(&Key::Number(key))
    });
    Some((model, sheets))
}

fn thin(sheets: &mut Sheets, table: &str, column: &str, keep: impl Fn(i64) -> bool) {
    let sheet = &sheets[table];
    let values = keys(sheet.column_by_name(column).expect("a key"));
    let kept = keep_rows(
        sheet,
        |row| matches!(&values[row], Key::Number(key) if keep(*key)),
    );
    sheets.insert(table.to_owned(), kept);
}

/// The folder of the real data, beside the checkout; says so where it is not there.
pub fn adventure_works() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/adventure-works-2020");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not there", folder.display());
    None
}

/// Runs every query as every case, over the data and over the copy.
fn oracle(world: &World, cases: &[Case], queries: &[Query], expected: &[Expected]) {
    let mut found = Vec::new();
    for case in cases {
        let (session, copy) = (world.secured(case), world.copy(case));
        for query in queries {
            let ask_one = |session: &Session| ask(session, &query.text, &corpus::options());
            let (secured, deleted) = (ask_one(&session), ask_one(&copy));
            let known = expected.iter().find(|expected| {
                expected.query == query.name
                    && expected.roles.iter().all(|role| case.roles.contains(role))
                    && case.roles.len() == expected.roles.len()
            });
            let differs = match known {
                None => difference(&secured, &deleted, query.ordered()),
                Some(known) => unexpected(known, &secured, &deleted),
            };
            if let Some(differs) = differs {
                found.push(format!("{} / {}: {differs}", case.name(), query.name));
            }
        }
    }
    assert!(
        found.is_empty(),
        "{} differences between the session and the copy without what is hidden:\n{}",
        found.len(),
        found.join("\n")
    );
}

/// A difference that is listed must be there.
fn unexpected(expected: &Expected, secured: &Outcome, deleted: &Outcome) -> Option<String> {
    let refused = matches!(secured, Outcome::Error { code, .. } if code == "refused");
    let answered = matches!(deleted, Outcome::Tables(_));
    (!refused || !answered).then(|| {
        format!(
            "listed as a difference ({}), but the session gives\n{}and the copy\n{}",
            expected.why,
            exact(secured)
                .lines()
                .take(5)
                .collect::<Vec<_>>()
                .join("\n"),
            exact(deleted)
                .lines()
                .take(5)
                .collect::<Vec<_>>()
                .join("\n"),
        )
    })
}

#[test]
fn retail_roles_answer_as_if_hidden_rows_were_deleted() {
    oracle(
        &retail_world(),
        RETAIL_ROWS,
        &corpus::retail(),
        RETAIL_DIFFERENCES,
    );
}

#[test]
fn retail_users_answer_as_if_hidden_rows_were_deleted() {
    oracle(
        &retail_world(),
        RETAIL_USERS,
        &corpus::retail(),
        RETAIL_DIFFERENCES,
    );
}

#[test]
fn retail_objects_answer_as_if_they_were_deleted() {
    oracle(
        &retail_world(),
        RETAIL_OBJECTS,
        &corpus::retail(),
        RETAIL_DIFFERENCES,
    );
}

#[test]
fn retail_unions_of_roles_answer_as_if_hidden_rows_were_deleted() {
    oracle(
        &retail_world(),
        RETAIL_PAIRS,
        &corpus::retail(),
        RETAIL_DIFFERENCES,
    );
}

#[test]
fn more_retail_roles_answer_as_if_hidden_rows_were_deleted() {
    oracle(
        &retail_world(),
        RETAIL_MORE,
        &corpus::retail(),
        RETAIL_DIFFERENCES,
    );
}

pub const ADVENTURE_COST: &[Hidden] = &[
    Hidden::Column("Sales", "Product Standard Cost"),
    Hidden::Column("Sales", "Total Product Cost"),
    Hidden::Column("Product", "Standard Cost"),
    Hidden::Measure("Total Cost"),
    Hidden::Measure("Margin"),
    Hidden::Measure("Margin %"),
];

const fn own_territory(user: &'static str) -> Case {
    Case {
        user: Some(user),
        ..roles(&["Own territory"])
    }
}

const ADVENTURE_CASES: &[Case] = &[
    roles(&["Everything"]),
    roles(&["Europe"]),
    roles(&["Recent"]),
    roles(&["Bikes"]),
    roles(&["Europe", "Bikes"]),
    roles(&["Recent", "Bikes"]),
    roles(&["Recent", "Europe", "Bikes"]),
    own_territory("eva@adventure-works.example"),
    own_territory("ANA@adventure-works.example"),
    own_territory("nobody@adventure-works.example"),
    Case {
        user: Some("ben@adventure-works.example"),
        ..roles(&["Own territory", "Bikes"])
    },
    Case {
        hidden: ADVENTURE_COST,
        ..roles(&["No cost"])
    },
    Case {
        hidden: &[Hidden::Table("Customer")],
        ..roles(&["No customers"])
    },
    Case {
        hidden: ADVENTURE_COST,
        ..roles(&["Europe without cost"])
    },
    roles(&["No cost", "No customers"]),
];

#[test]
fn adventure_works_answers_as_if_what_is_hidden_were_deleted() {
    let Some(world) = adventure_world() else {
        return;
    };
    oracle(
        &world,
        ADVENTURE_CASES,
        &corpus::adventure_works(),
        ADVENTURE_DIFFERENCES,
    );
}

/// The oracle compares answers, not errors with errors: these queries alone fail where nothing is hidden.
#[test]
fn few_queries_of_the_corpus_fail_where_everything_is_open() {
    let check =
        |world: &World, role: &'static [&'static str], queries: Vec<Query>, failing: &[&str]| {
            let session = world.secured(&roles(role));
            let failed: Vec<String> = queries
                .iter()
                .filter_map(
                    |query| match ask(&session, &query.text, &corpus::options()) {
                        Outcome::Tables(_) => None,
                        Outcome::Error { message, .. } => Some((query, message)),
                    },
                )
                .filter(|(query, _)| {
                    !query.name.starts_with("error-") && !failing.contains(&query.name.as_str())
                })
                .map(|(query, message)| format!("{}: {message}", query.name))
                .collect();
            assert!(failed.is_empty(), "{}", failed.join("\n"));
        };
    let not_built = [
        "define-column",
        "path-levels",
        "rank-window",
        "visual-column-chart",
    ];
    check(&retail_world(), &["Everyone"], corpus::retail(), &not_built);
    if let Some(world) = adventure_world() {
        check(
            &world,
            &["Everything"],
            corpus::adventure_works(),
            &["misspelt"],
        );
    }
}

/// What cannot be held together is refused, so the oracle has nothing to compare.
#[test]
fn roles_without_a_union_are_refused() {
    let world = retail_world();
    for case in [
        roles(&["Germany", "No Cost"]),
        roles(&["Recent", "Germany"]),
        // From customers over the bridge to the accounts.
        roles(&["Red Consumers", "Bikes"]),
        Case {
            user: Some("customer14@mail.example"),
            ..roles(&["Account Holders", "Bikes"])
        },
    ] {
        match world.admit(&case) {
            Err(Error::Denied(denied)) => {
                for role in case.roles {
                    assert!(
                        denied.to_string().contains(role),
                        "{}: {denied}",
                        case.name()
                    );
                }
            }
            Err(other) => panic!("{}: {other}", case.name()),
            Ok(_) => panic!("{} is admitted", case.name()),
        }
    }
}

/// The oracle itself: the cases hide rows, and not all of them.
#[test]
fn the_cases_hide_something() {
    let world = retail_world();
    let orders = |case: &Case| {
        world.visible(case)["Orders"]
            .iter()
            .filter(|row| **row)
            .count()
    };
    let all = orders(&RETAIL_ROWS[0]);
    assert_eq!(all, world.sheets()["Orders"].num_rows());
    for case in RETAIL_ROWS.iter().skip(1).chain(RETAIL_PAIRS) {
        let shown = orders(case);
        match case.roles {
            ["Nobody"] => assert_eq!(shown, 0),
            ["Germany", "Everyone"] => assert_eq!(shown, all),
            _ => assert!(
                0 < shown && shown < all,
                "{}: {shown} of {all}",
                case.name()
            ),
        }
    }
}

//! Adventure Works, the real data: published figures, and every measure of the model against plain loops over the rows.
//!
//! Which rows appear: SUMMARIZECOLUMNS starts from the values of the grouped column that the identity sees, and drops a
//! row when all its expressions are BLANK. [Product Rank] is never BLANK (a BLANK total ranks like zero), so with it every
//! visible value keeps its row: the fiscal year 2021, which has no sales yet, and the products that nobody bought.
//! [Running Sales] is not BLANK from the first sale on, so by date it keeps the months without sales; by product it is
//! BLANK where the product was never sold. [Sales PY] and [Sales YoY %] speak in the year after a sale as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use peristyle::{Answer, Database, Denied, Error, Identity, Session, Value, value_at};

use crate::adventure_facts::{Facts, Figure, Filters, MEASURES, Sale, Seen};
use crate::deletion::adventure_works;
use crate::outcome::close;
use crate::sheets::fold;

/// Decimal numbers may differ from those of the loops by this share.
const RELATIVE: f64 = 1e-9;

struct Ground {
    database: Database,
    facts: Facts,
}

/// Imported and read once for all tests; None where the data is not there.
fn ground() -> Option<&'static Ground> {
    static GROUND: OnceLock<Option<Ground>> = OnceLock::new();
    GROUND
        .get_or_init(|| {
            let folder = adventure_works()?;
            Some(Ground {
                database: Database::builder(folder.join("model.bim"))
                    .import()
                    .expect("Adventure Works"),
                facts: Facts::read(&folder),
            })
        })
        .as_ref()
}

impl Ground {
    fn session(&self, roles: &[&str]) -> Session {
        self.admit(Identity::anonymous(), roles)
            .unwrap_or_else(|error| panic!("{roles:?}: {error}"))
    }

    fn admit(&self, identity: Identity, roles: &[&str]) -> Result<Session, Error> {
        self.database.session(identity.roles(roles.iter().copied()))
    }

    fn seen(&self, roles: &[&str], user: &str) -> Seen<'_> {
        let facts = &self.facts;
        let shows = |role: &str, sale: &Sale| match role {
            "Everything" => true,
            "Europe" => facts.territories[sale.territory].group == "Europe",
            "Recent" => recent(facts, sale.ordered),
            "Bikes" => facts.products[sale.product].category == "Bikes",
            "Own territory" => facts.users.iter().any(|(name, territory)| {
                fold(name) == fold(user) && *territory == facts.territories[sale.territory].key
            }),
            _ => panic!("{role}"),
        };
        let all_of = |role: &str| roles == [role];
        Seen {
            facts,
            // One sale, one role that shows it: the union is over the row.
            sales: facts
                .sales
                .iter()
                .filter(|sale| roles.iter().any(|role| shows(role, sale)))
                .collect(),
            // A dimension is narrowed only where every role filters it.
            days: (0..facts.days.len())
                .map(|day| !all_of("Recent") || recent(facts, day))
                .collect(),
            products: facts
                .products
                .iter()
                .map(|p| !all_of("Bikes") || p.category == "Bikes")
                .collect(),
        }
    }
}

fn recent(facts: &Facts, day: usize) -> bool {
    facts.days[day].fiscal_year.as_str() >= "FY2020"
}

fn answer(session: &Session, dax: &str) -> Answer {
    session
        .query(dax)
        .unwrap_or_else(|error| panic!("{dax}: {error}"))
}

/// The only row of a query.
fn row(session: &Session, dax: &str) -> Vec<Value> {
    let answer = answer(session, dax);
    let table = &answer.tables[0];
    assert_eq!(table.batch.num_rows(), 1, "{dax}");
    (0..table.columns.len())
        .map(|column| value_at(table, column, 0))
        .collect()
}

/// First column against the others.
fn rows(session: &Session, dax: &str) -> BTreeMap<String, Vec<Value>> {
    let answer = answer(session, dax);
    let table = &answer.tables[0];
    let mut rows = BTreeMap::new();
    for at in 0..table.batch.num_rows() {
        let values = (1..table.columns.len())
            .map(|column| value_at(table, column, at))
            .collect();
        let name = value_at(table, 0, at).to_text().to_string();
        assert!(
            rows.insert(name.clone(), values).is_none(),
            "{dax}: {name} twice"
        );
    }
    rows
}

fn cents(value: &Value) -> i64 {
    match value {
        Value::Fixed(amount) => (amount + 50) / 100,
        other => panic!("{other:?}"),
    }
}

/// A figure as people write it, without its point.
fn digits(figure: &str) -> i64 {
    let digits = figure.replace([',', '.'], "");
    digits.parse().expect("a figure")
}

#[test]
fn sales_by_fiscal_year_are_the_published_figures() {
    let Some(ground) = ground() else { return };
    let session = ground.session(&["Everything"]);
    let check = |measure: &str, expected: [(&str, &str); 3]| {
        let dax = format!("EVALUATE SUMMARIZECOLUMNS('Date'[Fiscal Year], \"Sales\", [{measure}])");
        let found: Vec<(String, i64)> = rows(&session, &dax)
            .into_iter()
            .map(|(year, sales)| (year, cents(&sales[0])))
            .collect();
        let expected: Vec<(String, i64)> = expected
            .map(|(year, sales)| (year.to_owned(), digits(sales)))
            .into();
        assert_eq!(found, expected, "{measure}");
    };
    check(
        "Total Sales",
        [
            ("FY2018", "23,860,891.17"),
            ("FY2019", "34,070,108.50"),
            ("FY2020", "51,878,274.54"),
        ],
    );
    check(
        "Sales by Due Date",
        [
            ("FY2018", "23,348,493.12"),
            ("FY2019", "33,636,168.52"),
            ("FY2020", "52,824,612.56"),
        ],
    );
}

#[test]
fn totals_are_the_published_figures() {
    let Some(ground) = ground() else { return };
    let dax = "EVALUATE ROW(\"Sales\", [Total Sales], \"Units\", [Units], \"Taxed\", SUMX(Sales, Sales[Sales Amount] * 1.06))";
    let expected = [
        Value::Fixed(digits("109,809,274.2030")),
        Value::Integer(274_776),
        // Rounded to four places row by row.
        Value::Fixed(digits("116,397,830.6546")),
    ];
    assert_eq!(row(&ground.session(&["Everything"]), dax), expected);
}

/// A column to group by, and the filters that each of its values means.
struct Grouping {
    column: &'static str,
    filters: fn(&Seen) -> BTreeMap<String, Filters>,
}

fn by_day(seen: &Seen, name: fn(&Facts, usize) -> &str) -> BTreeMap<String, Filters> {
    let mut groups: BTreeMap<String, Filters> = BTreeMap::new();
    for day in (0..seen.days.len()).filter(|day| seen.days[*day]) {
        let group = groups.entry(name(seen.facts, day).to_owned()).or_default();
        group.days.get_or_insert_default().insert(day);
    }
    // What was not shipped, or not on a visible day, or is due on none, gives the dates a blank row. It is of no day of ordering.
    let finds = |day: usize| seen.days[day];
    let dated = |sale: &&Sale| finds(sale.due) && sale.shipped.is_some_and(finds);
    if !seen.sales.iter().all(dated) {
        let blank = groups.entry(String::new()).or_default();
        blank.days.get_or_insert_default();
    }
    groups
}

fn by_product(seen: &Seen, by_name: bool) -> BTreeMap<String, Filters> {
    let mut groups: BTreeMap<String, Filters> = BTreeMap::new();
    for (at, product) in seen
        .facts
        .products
        .iter()
        .enumerate()
        .filter(|(at, _)| seen.products[*at])
    {
        let name = if by_name {
            &product.name
        } else {
            &product.category
        };
        let group = groups.entry(name.clone()).or_default();
        group.by_name = by_name;
        group.products.get_or_insert_default().insert(at);
    }
    groups
}

/// Territories that the roles of these tests hide keep their place here: they have no visible sale, and so no row unless
/// a measure is never BLANK.
fn by_region(seen: &Seen) -> BTreeMap<String, Filters> {
    let one = |at: usize| Filters {
        territories: Some(BTreeSet::from([at])),
        ..Filters::default()
    };
    let territories = seen.facts.territories.iter().enumerate();
    territories
        .map(|(at, territory)| (territory.region.clone(), one(at)))
        .collect()
}

const GROUPINGS: [Grouping; 5] = [
    Grouping {
        column: "'Date'[Fiscal Year]",
        filters: |seen| by_day(seen, |facts, day| &facts.days[day].fiscal_year),
    },
    Grouping {
        column: "'Date'[Month]",
        filters: |seen| by_day(seen, |facts, day| &facts.days[day].month),
    },
    Grouping {
        column: "'Product'[Category]",
        filters: |seen| by_product(seen, false),
    },
    Grouping {
        column: "'Sales Territory'[Region]",
        filters: by_region,
    },
    Grouping {
        column: "'Product'[Product]",
        filters: |seen| by_product(seen, true),
    },
];

/// Queries for some measures by one column, and compares rows and values with those of the loops.
fn check_measures(
    session: &Session,
    column: &str,
    expected: &BTreeMap<String, Vec<Figure>>,
    measures: &[usize],
) {
    let list: Vec<String> = measures
        .iter()
        .map(|at| format!("\"{0}\", [{0}]", MEASURES[*at]))
        .collect();
    let dax = format!("EVALUATE SUMMARIZECOLUMNS({column}, {})", list.join(", "));
    let found = rows(session, &dax);
    let chosen =
        |figures: &Vec<Figure>| -> Vec<Figure> { measures.iter().map(|at| figures[*at]).collect() };
    let expected: BTreeMap<&String, Vec<Figure>> = expected
        .iter()
        .map(|(group, figures)| (group, chosen(figures)))
        .filter(|(_, figures)| figures.iter().any(|figure| *figure != Figure::Blank))
        .collect();
    let names: Vec<&String> = found.keys().collect();
    assert_eq!(names, expected.keys().copied().collect::<Vec<_>>(), "{dax}");
    for (group, values) in &found {
        for ((value, figure), at) in values.iter().zip(&expected[group]).zip(measures) {
            let same = match (value, figure) {
                (Value::Blank, Figure::Blank) => true,
                (Value::Fixed(a), Figure::Fixed(b)) | (Value::Integer(a), Figure::Integer(b)) => {
                    a == b
                }
                (Value::Double(a), Figure::Double(b)) => close(*a, *b, RELATIVE),
                _ => false,
            };
            assert!(
                same,
                "[{}] of {group}: {value:?} and not {figure:?}\n{dax}",
                MEASURES[*at]
            );
        }
    }
}

/// The position of [Product Rank], which keeps every row.
const RANK: usize = 14;
/// The position of [Sales by Due Date], which some roles refuse.
const DUE: usize = 13;

fn check_roles(roles: &[&str], hidden_regions: &[&str]) {
    let Some(ground) = ground() else { return };
    let session = ground.session(roles);
    let seen = ground.seen(roles, "");
    let allowed: Vec<usize> = (0..MEASURES.len())
        .filter(|at| *at != DUE || roles != ["Recent"])
        .collect();
    for grouping in GROUPINGS {
        let expected: BTreeMap<String, Vec<Figure>> = (grouping.filters)(&seen)
            .into_iter()
            .filter(|(group, _)| {
                grouping.column != "'Sales Territory'[Region]"
                    || !hidden_regions.contains(&group.as_str())
            })
            .map(|(group, filters)| (group, seen.measures(&filters)))
            .collect();
        check_measures(&session, grouping.column, &expected, &allowed);
        let without_rank: Vec<usize> = allowed.iter().copied().filter(|at| *at != RANK).collect();
        check_measures(&session, grouping.column, &expected, &without_rank);
        // Which rows a measure keeps by itself.
        if matches!(
            grouping.column,
            "'Date'[Fiscal Year]" | "'Product'[Category]"
        ) {
            for at in allowed.iter().copied() {
                check_measures(&session, grouping.column, &expected, &[at]);
            }
        }
    }
}

const OUTSIDE_EUROPE: [&str; 8] = [
    "Northwest",
    "Northeast",
    "Central",
    "Southwest",
    "Southeast",
    "Canada",
    "Australia",
    "Corporate HQ",
];

#[test]
fn all_measures_are_those_of_plain_loops_when_everything_is_open() {
    check_roles(&["Everything"], &[]);
}

#[test]
fn all_measures_are_those_of_plain_loops_under_europe() {
    check_roles(&["Europe"], &OUTSIDE_EUROPE);
}

#[test]
fn all_measures_are_those_of_plain_loops_under_recent() {
    check_roles(&["Recent"], &[]);
}

#[test]
fn all_measures_are_those_of_plain_loops_under_bikes() {
    check_roles(&["Bikes"], &[]);
}

#[test]
fn all_measures_are_those_of_plain_loops_under_europe_and_bikes() {
    check_roles(&["Europe", "Bikes"], &[]);
}

fn sum<'a>(sales: impl IntoIterator<Item = &'a &'a Sale>) -> Value {
    Value::Fixed(sales.into_iter().map(|sale| sale.amount).sum())
}

#[test]
fn europe_is_restricted_and_all_does_not_bring_the_rest_back() {
    let Some(ground) = ground() else { return };
    let session = ground.session(&["Europe"]);
    let europe = sum(&ground.seen(&["Europe"], "").sales);
    assert_ne!(europe, sum(&ground.seen(&["Everything"], "").sales));
    for total in [
        "[Total Sales]",
        "CALCULATE([Total Sales], ALL('Sales Territory'))",
        "CALCULATE([Total Sales], ALL(Sales))",
        "CALCULATE([Total Sales], ALL())",
        "CALCULATE([Total Sales], REMOVEFILTERS())",
        "CALCULATE([Total Sales], ALLEXCEPT(Sales, Sales[Order Quantity]))",
        "CALCULATE([Total Sales], ALLNOBLANKROW('Sales Territory'))",
        "CALCULATE([Total Sales], TREATAS({\"Europe\", \"Pacific\", \"North America\"}, 'Sales Territory'[Group]))",
        "SUMX(ALL('Sales Territory'[Region]), [Total Sales])",
        "CALCULATE([Total Sales], CROSSFILTER(Sales[ProductKey], 'Product'[ProductKey], NONE))",
        "SUMX(ALL(Sales), Sales[Sales Amount])",
    ] {
        let dax = format!("EVALUATE ROW(\"x\", {total})");
        assert_eq!(row(&session, &dax)[0], europe, "{total}");
    }
    assert_eq!(
        row(
            &session,
            "EVALUATE ROW(\"x\", COUNTROWS(ALL('Sales Territory')))"
        ),
        [Value::Integer(3)]
    );
}

#[test]
fn europe_and_bikes_together_are_united_by_the_row() {
    let Some(ground) = ground() else { return };
    let session = ground.session(&["Europe", "Bikes"]);
    let everything = ground.seen(&["Everything"], "");
    let facts = &ground.facts;
    let european = |sale: &Sale| facts.territories[sale.territory].group == "Europe";
    let bike = |sale: &Sale| facts.products[sale.product].category == "Bikes";
    let union = sum(everything
        .sales
        .iter()
        .filter(|sale| european(sale) || bike(sale)));
    assert_eq!(row(&session, "EVALUATE ROW(\"x\", [Total Sales])"), [union]);
    // Joining per-table unions would show the clothes sold in Canada too.
    let elsewhere = "EVALUATE ROW(\"x\", CALCULATE([Total Sales], 'Sales Territory'[Group] <> \"Europe\", 'Product'[Category] <> \"Bikes\"))";
    assert_eq!(row(&session, elsewhere), [Value::Blank]);
}

#[test]
fn recent_refuses_the_measure_over_an_inactive_relationship_of_a_secured_table() {
    let Some(ground) = ground() else { return };
    let session = ground.session(&["Recent"]);
    for dax in [
        "EVALUATE ROW(\"x\", [Sales by Due Date])",
        "EVALUATE SUMMARIZECOLUMNS('Date'[Fiscal Year], \"x\", [Sales by Due Date])",
        "EVALUATE ROW(\"x\", CALCULATE([Total Sales], USERELATIONSHIP(Sales[ShipDateKey], 'Date'[DateKey])))",
        "EVALUATE ROW(\"x\", CALCULATE([Total Sales], CROSSFILTER(Sales[OrderDateKey], 'Date'[DateKey], NONE)))",
    ] {
        match session.query(dax) {
            Err(error) => assert_eq!(error.code(), "refused", "{dax}: {error}"),
            Ok(_) => panic!("{dax} is answered"),
        }
    }
    // A role that filters other tables may use it.
    assert!(
        ground
            .session(&["Europe"])
            .query("EVALUATE ROW(\"x\", [Sales by Due Date])")
            .is_ok()
    );
}

#[test]
fn own_territory_matches_both_spellings_of_a_user() {
    let Some(ground) = ground() else { return };
    let regions = |user: &str| -> Vec<String> {
        let session = ground
            .admit(Identity::user(user), &["Own territory"])
            .expect(user);
        rows(
            &session,
            "EVALUATE SUMMARIZECOLUMNS('Sales Territory'[Region], \"Sales\", [Total Sales])",
        )
        .into_keys()
        .collect()
    };
    let check = |user: &str, expected: &[&str]| assert_eq!(regions(user), expected, "{user}");
    check("eva@adventure-works.example", &["Canada", "Southeast"]);
    check("EVA@adventure-works.example", &["Canada", "Southeast"]);
    check("Eva@Adventure-Works.Example", &["Canada", "Southeast"]);
    check("ana@adventure-works.example", &["France", "Germany"]);
    check("dev@adventure-works.example", &["United Kingdom"]);
    for user in ["eva@adventure-works.example", "ben@adventure-works.example"] {
        let session = ground
            .admit(Identity::user(user), &["Own territory"])
            .expect(user);
        let seen = ground.seen(&["Own territory"], user);
        assert_eq!(
            row(&session, "EVALUATE ROW(\"x\", [Total Sales])"),
            [sum(&seen.sales)],
            "{user}"
        );
        assert_eq!(
            row(&session, "EVALUATE ROW(\"x\", COUNTROWS('User Territory'))"),
            [Value::Blank],
            "the mapping itself is hidden"
        );
    }
}

#[test]
fn an_unknown_user_sees_no_rows() {
    let Some(ground) = ground() else { return };
    let session = ground
        .admit(
            Identity::user("nobody@adventure-works.example"),
            &["Own territory"],
        )
        .expect("a user without a territory is admitted");
    assert_eq!(
        row(
            &session,
            "EVALUATE ROW(\"a\", [Total Sales], \"b\", COUNTROWS(Sales), \"c\", COUNTROWS('Sales Territory'))"
        ),
        [Value::Blank, Value::Blank, Value::Blank]
    );
    assert!(
        rows(
            &session,
            "EVALUATE SUMMARIZECOLUMNS('Date'[Fiscal Year], \"x\", [Total Sales])"
        )
        .is_empty()
    );
}

#[test]
fn who_may_not_enter_is_refused_by_name() {
    let Some(ground) = ground() else { return };
    let check = |identity: Identity, roles: &[&str], expected: fn(&Denied) -> bool| match ground
        .admit(identity, roles)
    {
        Err(Error::Denied(denied)) => {
            assert!(expected(&denied), "{roles:?}: {denied:?}");
            let message = denied.to_string();
            for role in roles {
                assert!(message.contains(role), "{message}");
            }
        }
        Err(other) => panic!("{roles:?}: {other}"),
        Ok(_) => panic!("{roles:?} is admitted"),
    };
    let nobody = Identity::anonymous;
    let eva = || Identity::user("eva@adventure-works.example");
    check(nobody(), &["Own territory"], |denied| {
        matches!(denied, Denied::NeedsUserName { .. })
    });
    check(nobody(), &["Asia"], |denied| {
        matches!(denied, Denied::UnknownRole(_))
    });
    check(nobody(), &["europe"], |denied| {
        matches!(denied, Denied::UnknownRole(_))
    });
    check(nobody(), &[], |denied| matches!(denied, Denied::NoRole));
    check(eva(), &[], |denied| matches!(denied, Denied::NoRole));
    check(nobody(), &["Europe", "No cost"], |denied| {
        matches!(denied, Denied::Incompatible { .. })
    });
    check(nobody(), &["Europe without cost", "Bikes"], |denied| {
        matches!(denied, Denied::Incompatible { .. })
    });
}

/// Ship dates are missing in 2,113 rows, and their relationship is inactive. It gives the dates a blank row all the same: published sales
/// by the date of shipping stand by year with what was not shipped in a row of its own, although years are grouped outside of the
/// measure that uses the relationship.
#[test]
fn an_inactive_relationship_gives_a_blank_row() {
    let Some(ground) = ground() else { return };
    let unshipped: Vec<&Sale> = ground
        .facts
        .sales
        .iter()
        .filter(|sale| sale.shipped.is_none())
        .collect();
    assert_eq!(unshipped.len(), 2_113);
    let session = ground.session(&["Everything"]);
    let used = "USERELATIONSHIP(Sales[ShipDateKey], 'Date'[DateKey])";
    let shipped: Vec<(String, i64)> = rows(
        &session,
        &format!(
            "EVALUATE SUMMARIZECOLUMNS('Date'[Fiscal Year], \"Sales Shipped\", CALCULATE([Total Sales], {used}))"
        ),
    )
    .into_iter()
    .map(|(year, sales)| (year, cents(&sales[0])))
    .collect();
    let published = [
        ("", "1,281,073.41"),
        ("FY2018", "23,482,328.64"),
        ("FY2019", "33,886,063.42"),
        ("FY2020", "51,159,808.73"),
    ];
    let published: Vec<(String, i64)> = published
        .map(|(year, sales)| (year.to_owned(), digits(sales)))
        .into();
    assert_eq!(shipped, published);
    for (expression, expected) in [
        ("COUNTROWS(VALUES('Date'[Fiscal Year]))", 5),
        ("COUNTROWS(ALL('Date'[Fiscal Year]))", 5),
        ("COUNTROWS(DISTINCT('Date'[Fiscal Year]))", 4),
        ("COUNTROWS(ALLNOBLANKROW('Date'[Fiscal Year]))", 4),
        ("COUNTROWS(VALUES('Date'))", 1_462),
    ] {
        for expression in [
            expression.to_owned(),
            format!("CALCULATE({expression}, {used})"),
        ] {
            assert_eq!(
                row(&session, &format!("EVALUATE ROW(\"x\", {expression})")),
                [Value::Integer(expected)],
                "{expression}"
            );
        }
    }
    let by_year = rows(
        &session,
        &format!(
            "EVALUATE CALCULATETABLE(SUMMARIZECOLUMNS('Date'[Fiscal Year], \"x\", COUNTROWS(Sales)), {used})"
        ),
    );
    assert_eq!(by_year[""], [Value::Integer(2_113)]);
    assert_eq!(
        by_year.len(),
        4,
        "no sale was shipped in the fiscal year 2021"
    );
    let ordered = rows(
        &session,
        "EVALUATE SUMMARIZECOLUMNS('Date'[Fiscal Year], \"x\", COUNTROWS(Sales))",
    );
    assert!(!ordered.contains_key(""));
}

/// The blank row of the dates is listed where values are, and is no date: time intelligence passes it over, and no figure stands in it that
/// is not of sales without a date.
#[test]
fn the_blank_row_of_dates_disturbs_no_time_intelligence() {
    let Some(ground) = ground() else { return };
    let session = ground.session(&["Everything"]);
    let blank = "ISBLANK('Date'[Fiscal Year])";
    for (expression, expected) in [
        (
            "COUNTROWS(SUMMARIZECOLUMNS('Date'[Fiscal Year], \"ytd\", [Sales YTD], \"py\", [Sales PY], \"run\", [Running Sales])) = 4".to_owned(),
            true,
        ),
        ("COUNTROWS(SUMMARIZECOLUMNS('Date'[Fiscal Year])) = 5".to_owned(), true),
        ("COUNTROWS(SUMMARIZE('Date', 'Date'[Fiscal Year])) = 4".to_owned(), true),
        ("DISTINCTCOUNT('Date'[Fiscal Year]) = 4".to_owned(), true),
        ("FIRSTDATE('Date'[Date]) = DATE(2017, 7, 1)".to_owned(), true),
        ("LASTDATE('Date'[Date]) = DATE(2021, 6, 30)".to_owned(), true),
        (
            "AVERAGEX(VALUES('Date'[Month]), [Total Sales]) = AVERAGEX(DISTINCT('Date'[Month]), [Total Sales])".to_owned(),
            true,
        ),
        (
            "CALCULATE(HASONEVALUE('Date'[Fiscal Year]), NOT ISBLANK('Date'[Fiscal Year]), 'Date'[Fiscal Year] = \"FY2018\")".to_owned(),
            true,
        ),
        (format!("ISEMPTY(CALCULATETABLE(DATESYTD('Date'[Date]), {blank}))"), true),
        (
            format!("ISEMPTY(CALCULATETABLE(SAMEPERIODLASTYEAR('Date'[Date]), {blank}))"),
            true,
        ),
        (format!("ISEMPTY(CALCULATETABLE(VALUES('Date'), {blank}))"), false),
    ] {
        assert_eq!(
            row(&session, &format!("EVALUATE ROW(\"x\", {expression})")),
            [Value::Boolean(expected)],
            "{expression}"
        );
    }
}

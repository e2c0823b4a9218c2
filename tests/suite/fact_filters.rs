//! Filters of roles on a fact. What they say is worked out by the values of columns where it can be, and row by row where it cannot;
//! every filter is written twice, the second time so that it has to be asked row by row.

use model::{ModelPermission, Role, TablePermission};
use peristyle::{Database, Error, Identity, Session, Value};

use crate::corpus;
use crate::deletion::retail_world;
use crate::outcome::{Outcome, ask};
use crate::scratch::Scratch;
use crate::world::import;

/// Reads two columns that no set of values speaks for, and is always TRUE.
const BY_ROW: &str =
    "Orders[Order Line Key] + 0 * Orders[Line] == Orders[Order Line Key] + 0 * Orders[Line]";

const FILTERS: &[&str] = &[
    "Orders[Net Amount] >= 500",
    "NOT Orders[Returned]",
    "Orders[Returned] || Orders[Quantity] >= 3",
    "Orders[Quantity] = 1 && Orders[Net Amount] < 100",
    "(Orders[Quantity] = 1 || Orders[Quantity] = 4) && (Orders[Returned] || Orders[Net Amount] > 50)",
    // BLANK in rows and on the all-blank row: orders without a ship date, and none without a store.
    "ISBLANK(Orders[Ship Date])",
    "Orders[Ship Date] <= DATE(2023, 1, 1)",
    "Orders[Ship Date] = BLANK() || Orders[Quantity] > 3",
    "Orders[Currency Code] = \"eur\"",
    "Orders[Currency Code] IN { \"EUR\", \"NOK\" } && MONTH(Orders[Order Date]) <= 6",
    "VAR Least = 2 RETURN Orders[Quantity] > Least",
    "IF(Orders[Quantity] > 2, Orders[Returned], Orders[Quantity] = 1)",
    "SWITCH(Orders[Store Key], 3, TRUE(), 7, TRUE(), FALSE())",
    // What the row context does not move, and what it would move if it were not for other tables.
    "Orders[Net Amount] > AVERAGE(Orders[Net Amount])",
    "Orders[Store Key] IN CALCULATETABLE(VALUES(Stores[Store Key]), Stores[Country] = \"Germany\")",
    "Orders[Store Key] <= CALCULATE(COUNTROWS('User Regions'), 'User Regions'[User] = USERPRINCIPALNAME()) * 5",
    "Orders[Store Key] IN SELECTCOLUMNS(FILTER(Stores, Stores[Region] IN CALCULATETABLE(VALUES('User Regions'[Region]), 'User Regions'[User] = USERPRINCIPALNAME())), \"k\", Stores[Store Key])",
    "LOOKUPVALUE(Stores[Country], Stores[Store Key], Orders[Store Key]) = \"Germany\"",
    "RELATED(Stores[Country]) = \"Germany\" && Orders[Quantity] > 1",
    "CALCULATE(COUNTROWS(Orders)) > 0 && Orders[Quantity] > 1",
    "[Order Lines] > 0 || Orders[Quantity] > 1",
    "USERPRINCIPALNAME() = \"anna@retail.example\" && Orders[Quantity] > 1",
    "USERPRINCIPALNAME() = \"anna@retail.example\" || Orders[Quantity] > 1",
    "USERPRINCIPALNAME() = \"nobody@retail.example\" && Orders[Quantity] > 1",
    "TRUE()",
    "FALSE()",
    // It would fail for rows that the other part leaves out.
    "Orders[Quantity] > 0 && IF(Orders[Quantity] > 0, TRUE(), ERROR(\"no\"))",
    "Orders[Quantity] <> 2 && IF(Orders[Quantity] = 2, ERROR(\"no\"), TRUE())",
    "Orders[Quantity]",
    "Orders[Returned] = FALSE() && Orders[Quantity] - 1",
];

/// A filter that fails for a row denies admission, however it is worked out.
const FAILING: &[&str] = &[
    "IF(Orders[Quantity] = 2, ERROR(\"no\"), TRUE())",
    "Orders[Returned] || IF(Orders[Quantity] = 2, ERROR(\"no\"), TRUE())",
    "VALUE(Orders[Currency Code]) > 0",
];

const QUERIES: &[&str] = &[
    "EVALUATE SUMMARIZECOLUMNS(Dates[Year], Stores[Country], \"a\", [Sales], \"b\", COUNTROWS(Orders), \"c\", [Order Count])",
    "EVALUATE SUMMARIZECOLUMNS(Categories[Category], Products[Color], \"a\", [Sales], \"b\", DISTINCTCOUNT(Orders[Customer Key]))",
    "EVALUATE SUMMARIZECOLUMNS(Orders[Quantity], Orders[Returned], \"a\", COUNTROWS(Orders), \"b\", MAX(Orders[Ship Date]))",
    "EVALUATE TOPN(30, FILTER(Orders, Orders[Net Amount] > 20), Orders[Order Line Key])",
    "EVALUATE SUMMARIZECOLUMNS(Stores[Country], FILTER(ALL(Orders[Quantity]), Orders[Quantity] > 1), \"a\", [Sales])",
    "EVALUATE ROW(\"a\", COUNTROWS(Orders), \"b\", COUNTROWS('Order Notes'), \"c\", COUNTROWS(ALL(Orders)), \"d\", COUNTROWS(VALUES(Orders[Ship Date])))",
];

/// Roles `c` and `r` with the filters of each number, by column and by row.
fn database(strict_orphans: bool) -> Database {
    let base = retail_world();
    let mut model = base.model().clone();
    model.options.strict_orphans = strict_orphans;
    let role = |name: String, filter: String| Role {
        name,
        permission: ModelPermission::Read,
        tables: vec![TablePermission {
            table: "Orders".to_owned(),
            filter: Some(filter),
            ..TablePermission::default()
        }],
        ..Role::default()
    };
    let filters = FILTERS.iter().chain(FAILING).enumerate();
    for (number, filter) in filters {
        model
            .roles
            .push(role(format!("c{number}"), (*filter).to_owned()));
        let by_row = format!("({filter}) && {BY_ROW}");
        model.roles.push(role(format!("r{number}"), by_row));
    }
    import(&model, base.files(), Scratch::new("fact filters").path())
}

fn admit(database: &Database, role: &str) -> Result<Session, Error> {
    let user = Identity::user("anna@retail.example");
    database.session(user.role(role))
}

fn check(strict_orphans: bool) {
    let database = database(strict_orphans);
    let mut empty = 0;
    for (number, filter) in FILTERS.iter().enumerate() {
        let by_column = admit(&database, &format!("c{number}")).expect(filter);
        let by_row = admit(&database, &format!("r{number}")).expect(filter);
        for query in QUERIES {
            let found = ask(&by_column, query, &corpus::options());
            let expected = ask(&by_row, query, &corpus::options());
            assert_eq!(
                format!("{found:?}"),
                format!("{expected:?}"),
                "{filter}\n{query}"
            );
        }
        let counted = "EVALUATE ROW(\"n\", COUNTROWS(Orders) + 0)";
        match ask(&by_column, counted, &corpus::options()) {
            Outcome::Tables(tables) => {
                empty += usize::from(tables[0].rows[0] == [Value::Integer(0)]);
            }
            other => panic!("{filter}: {other:?}"),
        }
    }
    assert!(empty <= 4, "{empty} filters show nothing");
    for number in FILTERS.len()..FILTERS.len() + FAILING.len() {
        for way in ["c", "r"] {
            let denied = admit(&database, &format!("{way}{number}"))
                .err()
                .expect(way);
            assert!(!denied.to_string().contains("no\""), "{denied}");
        }
    }
}

#[test]
fn filters_by_columns_admit_what_they_admit_by_rows() {
    check(false);
}

#[test]
fn filters_by_columns_know_strict_orphans() {
    check(true);
}

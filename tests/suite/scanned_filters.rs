//! Filters of a fact's rows that the scan applies by itself give what they give when the rows are listed one by one: every query is
//! asked twice, the second time written so that only the list of rows can answer it.

use std::collections::BTreeSet;

use peristyle::Session;

use crate::corpus;
use crate::deletion::retail_world;
use crate::listed_values::cases;
use crate::outcome::{Outcome, ask};

/// A condition, and the same as more than a comparison of columns.
const CONDITIONS: &[(&str, &str)] = &[
    ("Orders[Quantity] > 2", "0 + Orders[Quantity] > 2"),
    ("3 >= Orders[Quantity]", "3 >= 0 + Orders[Quantity]"),
    (
        "Orders[Quantity] > 1 && Orders[Net Amount] < 500",
        "0 + Orders[Quantity] > 1 && 0 + Orders[Net Amount] < 500",
    ),
    (
        "RELATED(Categories[Category]) = \"Bikes\"",
        "RELATED(Categories[Category]) & \"\" = \"Bikes\"",
    ),
    // Orders of no product, and of products that are hidden, have the color BLANK.
    (
        "RELATED(Products[Color]) = BLANK()",
        "RELATED(Products[Color]) & \"\" = BLANK()",
    ),
    (
        "RELATED(Customers[Segment]) > \"Consumer\" && Orders[Quantity] = 1",
        "RELATED(Customers[Segment]) & \"\" > \"Consumer\" && Orders[Quantity] + 0 = 1",
    ),
    // Another bound in every context.
    (
        "Orders[Quantity] >= MAX(Dates[Year]) - 2022",
        "0 + Orders[Quantity] >= MAX(Dates[Year]) - 2022",
    ),
    (
        "Orders[Order Date] >= DATE(2023, 6, 1)",
        "Orders[Order Date] + 0 >= DATE(2023, 6, 1)",
    ),
    (
        "Orders[Quantity] > 1000000",
        "0 + Orders[Quantity] > 1000000",
    ),
];

/// Queries with the place of the condition marked by `WHERE`.
const QUERIES: &[&str] = &[
    "EVALUATE SUMMARIZECOLUMNS(Dates[Year], \"a\", SUMX(FILTER(Orders, WHERE), Orders[Net Amount]), \"b\", COUNTROWS(FILTER(Orders, WHERE)))",
    "EVALUATE SUMMARIZECOLUMNS(Dates[Year], Categories[Category], \"a\", MAXX(FILTER(Orders, WHERE), Orders[Quantity]), \"b\", AVERAGEX(FILTER(FILTER(Orders, WHERE), Orders[Line] <= 2), Orders[Quantity] * RELATED(Products[List Price])))",
    "EVALUATE SUMMARIZECOLUMNS(Dates[Year], \"a\", CALCULATE([Sales], FILTER(Orders, WHERE)), \"b\", CALCULATE([Sales] + [Order Lines], FILTER(Orders, WHERE), FILTER(Orders, Orders[Line] = 1)))",
    "EVALUATE SUMMARIZECOLUMNS(Stores[Country], Dates[Year], \"a\", CALCULATE([Sales], KEEPFILTERS(FILTER(Orders, WHERE))), \"b\", CALCULATE(DISTINCTCOUNT(Orders[Customer Key]), FILTER(Orders, WHERE)))",
    "EVALUATE ADDCOLUMNS(VALUES(Dates[Year]), \"a\", CALCULATE([Sales], FILTER(Orders, WHERE)), \"b\", SUMX(FILTER(Orders, WHERE), Orders[Net Amount]))",
    "EVALUATE SUMMARIZECOLUMNS(Categories[Category], \"a\", CALCULATE([Sales], FILTER(Orders, WHERE), REMOVEFILTERS(Categories)), \"b\", CALCULATE([Share of All Products], FILTER(Orders, WHERE)), \"c\", CALCULATE(COUNTROWS(Products), FILTER(Orders, WHERE)))",
    "EVALUATE { CALCULATE(SUMX(FILTER(Orders, WHERE), Orders[Net Amount]), USERELATIONSHIP(Orders[Ship Date], Dates[Date]), Dates[Year] = 2023) }",
];

/// Groups of the fact, and the same groups of a table that is more than its name.
const GROUPS: &[&str] = &[
    "EVALUATE SUMMARIZE(TABLE, Dates[Year], Categories[Category])",
    "EVALUATE SUMMARIZE(TABLE, Orders[Quantity], Products[Color])",
    "EVALUATE SUMMARIZE(TABLE, Stores[Country], ROLLUP(Dates[Year]), \"a\", [Sales])",
    "EVALUATE ADDCOLUMNS(VALUES(Dates[Year]), \"a\", CALCULATE(COUNTROWS(SUMMARIZE(TABLE, Stores[Country], Products[Color]))))",
    "EVALUATE SUMMARIZE(TABLE, Stores[Country], \"a\", COUNTROWS(Products), \"b\", CALCULATE([Sales], ALL(Stores[Country])))",
];

/// Rows in any order, or the code of an error.
fn rows(session: &Session, dax: &str) -> Result<BTreeSet<String>, String> {
    match ask(session, dax, &corpus::options()) {
        Outcome::Tables(tables) => Ok(tables
            .iter()
            .flat_map(|table| &table.rows)
            .map(|row| format!("{row:?}"))
            .collect()),
        Outcome::Error { code, .. } => Err(code),
    }
}

#[test]
fn filters_of_the_fact_choose_the_rows_that_they_list() {
    let world = retail_world();
    let mut answered = 0;
    for case in cases() {
        let session = world.secured(case);
        for query in QUERIES {
            for (quick, slow) in CONDITIONS {
                let asked = query.replace("WHERE", quick);
                let found = rows(&session, &asked);
                let listed = rows(&session, &query.replace("WHERE", slow));
                assert_eq!(found, listed, "{} / {asked}", case.name());
                answered += found.map_or(0, |rows| rows.len());
            }
        }
    }
    assert!(answered > 1_000, "{answered}");
}

#[test]
fn groups_of_the_fact_are_those_of_its_rows() {
    let world = retail_world();
    for case in cases() {
        let session = world.secured(case);
        for query in GROUPS {
            let found = rows(&session, &query.replace("TABLE", "Orders"));
            let listed = rows(&session, &query.replace("TABLE", "FILTER(Orders, TRUE())"));
            assert_eq!(found, listed, "{} / {query}", case.name());
        }
    }
}

/// Windows that grow from context to context, and some that move or are no windows, in the variable `Last`.
const WINDOWS: &[&str] = &[
    "FILTER(ALL(Dates), Dates[Date] <= Last)",
    "FILTER(ALL(Dates), Dates[Date] < Last)",
    "Dates[Date] <= Last",
    "Orders[Ship Date] <= Last",
    "FILTER(ALL(Dates), Dates[Date] <= Last && Dates[Year] >= 2023)",
    "FILTER(ALL(Dates), Dates[Date] <= Last && Dates[Date] > Last - 60)",
    "FILTER(ALL(Dates[Year]), Dates[Year] <= YEAR(Last)), REMOVEFILTERS(Dates)",
    "FILTER(ALL(Dates), Dates[Date] >= Last)",
    "FILTER(ALL(Dates), Dates[Month Number] <= MONTH(Last))",
];

#[test]
fn values_are_counted_once_in_windows() {
    let world = retail_world();
    for case in cases() {
        let session = world.secured(case);
        for window in WINDOWS {
            for (column, blank) in [
                ("Orders[Customer Key]", true),
                ("Orders[Product Key]", false),
                ("Orders[Due Date]", true),
            ] {
                let query = |count: &str| {
                    format!(
                        "EVALUATE SUMMARIZECOLUMNS(Dates[Month Key], \"n\", VAR Last = MAX(Dates[Date]) RETURN CALCULATE({count}, {window}))"
                    )
                };
                let (asked, listed) = if blank {
                    (
                        query(&format!("DISTINCTCOUNT({column})")),
                        // VALUES would count the row that stands for what finds none too.
                        query(&format!("COUNTROWS(DISTINCT({column}))")),
                    )
                } else {
                    (
                        query(&format!("DISTINCTCOUNTNOBLANK({column})")),
                        query(&format!(
                            "COUNTROWS(FILTER(DISTINCT({column}), NOT ISBLANK({column})))"
                        )),
                    )
                };
                assert_eq!(
                    rows(&session, &asked),
                    rows(&session, &listed),
                    "{} / {asked}",
                    case.name()
                );
            }
        }
    }
}

/// The value of a group narrows a filter over several columns, as a slicer over a hierarchy makes it, and frees none of them.
#[test]
fn groups_narrow_filters_over_several_columns() {
    let world = retail_world();
    for case in cases() {
        let session = world.secured(case);
        let check = |filter: &str, group: &str, pairs: [(&str, &str); 2]| {
            let asked =
                format!("EVALUATE SUMMARIZECOLUMNS({group}, {filter}, \"n\", COUNTROWS(Orders))");
            let one = |(value, other): (&str, &str)| {
                format!("({value}, CALCULATE(COUNTROWS(Orders), {group} = {value}, {other}))")
            };
            let listed = format!(
                "EVALUATE FILTER({{ {}, {} }}, NOT ISBLANK([Value2]))",
                one(pairs[0]),
                one(pairs[1])
            );
            assert_eq!(
                rows(&session, &asked),
                rows(&session, &listed),
                "{} / {asked}",
                case.name()
            );
        };
        check(
            "TREATAS({ (2022, 3), (2023, 6) }, Dates[Year], Dates[Month Number])",
            "Dates[Year]",
            [
                ("2022", "Dates[Month Number] = 3"),
                ("2023", "Dates[Month Number] = 6"),
            ],
        );
        check(
            "TREATAS({ (\"Red\", 3), (\"Blue\", 6) }, Products[Color], Dates[Month Number])",
            "Products[Color]",
            [
                ("\"Red\"", "Dates[Month Number] = 3"),
                ("\"Blue\"", "Dates[Month Number] = 6"),
            ],
        );
    }
}

//! Columns and tables that queries define: what comes of them is what the same query gives without them, whoever asks.

use std::path::PathBuf;
use std::sync::OnceLock;

use peristyle::{Database, Error, Identity, Session, Stage, Value, value_at};

const ROLES: [&str; 6] = [
    "Everyone",
    "Germany",
    "Bikes",
    "Large Lines",
    "Red Consumers",
    "No Cost",
];

fn retail() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail")
}

fn session(role: &str) -> Session {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    let database = DATABASE
        .get_or_init(|| Database::import(retail().join("model"), retail().join("data")).unwrap());
    let identity = Identity::user("ana@contoso.example").role(role);
    database.session(identity).unwrap()
}

/// The values of all tables, row by row.
fn values(session: &Session, dax: &str) -> Vec<Vec<Value>> {
    let answer = session
        .query(dax)
        .unwrap_or_else(|error| panic!("{dax}: {error}"));
    let of_table = |table: &peristyle::AnswerTable| -> Vec<Vec<Value>> {
        let columns = 0..table.columns.len();
        let row = |row| {
            columns
                .clone()
                .map(|column| value_at(table, column, row))
                .collect()
        };
        (0..table.batch.num_rows()).map(row).collect()
    };
    answer.tables.iter().flat_map(of_table).collect()
}

/// The same values to the bit, for every role.
fn check(defined: &str, plain: &str) {
    for role in ROLES {
        let session = session(role);
        let (found, expected) = (values(&session, defined), values(&session, plain));
        assert!(!expected.is_empty(), "{plain}");
        assert_eq!(found, expected, "{role}: {defined}");
    }
}

#[test]
fn a_column_groups_filters_and_adds_up() {
    check(
        "DEFINE COLUMN Orders[Several] = Orders[Quantity] > 3 \
         EVALUATE SUMMARIZECOLUMNS(Orders[Several], \"n\", [Order Lines], \"q\", [Quantity Sold]) ORDER BY Orders[Several]",
        "EVALUATE GROUPBY(ADDCOLUMNS(Orders, \"Several\", Orders[Quantity] > 3), [Several], \"n\", SUMX(CURRENTGROUP(), 1), \
         \"q\", SUMX(CURRENTGROUP(), Orders[Quantity])) ORDER BY [Several]",
    );
    check(
        "DEFINE COLUMN Orders[Twice] = Orders[Quantity] * 2 \
         EVALUATE ROW(\"s\", SUM(Orders[Twice]), \"m\", MAX(Orders[Twice]), \"d\", DISTINCTCOUNT(Orders[Twice]), \"x\", SUMX(Orders, Orders[Twice] + 1))",
        "EVALUATE ROW(\"s\", 2 * SUM(Orders[Quantity]), \"m\", 2 * MAX(Orders[Quantity]), \"d\", DISTINCTCOUNT(Orders[Quantity]), \
         \"x\", SUMX(Orders, 2 * Orders[Quantity] + 1))",
    );
    check(
        "DEFINE COLUMN Orders[Several] = Orders[Quantity] > 3 \
         EVALUATE ROW(\"a\", CALCULATE([Order Lines], Orders[Several] = TRUE()), \"b\", CALCULATE([Order Lines], Orders[Several]), \
         \"c\", COUNTROWS(FILTER(Orders, Orders[Several])), \"d\", CALCULATE([Order Lines], Orders[Several], ALL(Orders[Several])))",
        "EVALUATE ROW(\"a\", CALCULATE([Order Lines], Orders[Quantity] > 3), \"b\", CALCULATE([Order Lines], Orders[Quantity] > 3), \
         \"c\", COUNTROWS(FILTER(Orders, Orders[Quantity] > 3)), \"d\", CALCULATE([Order Lines], Orders[Quantity] > 3))",
    );
}

#[test]
fn a_column_of_a_dimension_filters_the_facts() {
    check(
        "DEFINE COLUMN Stores[Size] = IF(Stores[Square Meters] > 400, \"large\", \"small\") \
         EVALUATE ROW(\"large\", CALCULATE([Order Lines], Stores[Size] = \"LARGE\"), \"n\", COUNTROWS(ALL(Stores[Size])), \
         \"r\", COUNTROWS(FILTER(Orders, RELATED(Stores[Size]) = \"small\")))",
        "EVALUATE ROW(\"large\", CALCULATE([Order Lines], Stores[Square Meters] > 400), \
         \"n\", COUNTROWS(DISTINCT(SELECTCOLUMNS(ALL(Stores), \"x\", IF(ISBLANK(Stores[Store Key]), BLANK(), IF(Stores[Square Meters] > 400, 1, 0))))), \
         \"r\", COUNTROWS(FILTER(Orders, NOT ISBLANK(RELATED(Stores[Store Key])) && RELATED(Stores[Square Meters]) <= 400)))",
    );
}

#[test]
fn a_column_sees_what_the_caller_sees() {
    // Context transition, totals over everything and other tables: all under the rows of the role.
    check(
        "DEFINE COLUMN Stores[Lines] = [Order Lines] COLUMN Stores[All] = CALCULATE([Order Lines], ALL()) \
         COLUMN Stores[Rows] = COUNTROWS(ALL(Customers)) COLUMN Stores[Rank] = RANKX(ALL(Stores), [Order Lines]) \
         EVALUATE SELECTCOLUMNS(Stores, \"k\", Stores[Store Key], \"a\", Stores[Lines], \"b\", Stores[All], \"c\", Stores[Rows], \"d\", Stores[Rank]) ORDER BY [k]",
        "EVALUATE SELECTCOLUMNS(Stores, \"k\", Stores[Store Key], \"a\", [Order Lines], \"b\", CALCULATE([Order Lines], ALL()), \
         \"c\", COUNTROWS(ALL(Customers)), \"d\", RANKX(ALL(Stores), [Order Lines])) ORDER BY [k]",
    );
    check(
        "DEFINE COLUMN Orders[Kind] = RELATED(Categories[Category]) \
         EVALUATE FILTER(SUMMARIZECOLUMNS(Orders[Kind], \"n\", [Order Lines]), NOT ISBLANK(Orders[Kind])) ORDER BY Orders[Kind]",
        "EVALUATE FILTER(SUMMARIZECOLUMNS(Categories[Category], \"n\", [Order Lines]), NOT ISBLANK(Categories[Category])) ORDER BY Categories[Category]",
    );
    // Rows that the role does not see leave no trace, not even a BLANK.
    check(
        "DEFINE COLUMN Orders[One] = 1 COLUMN Stores[One] = 1 EVALUATE DISTINCT(Orders[One]) EVALUATE DISTINCT(Stores[One]) \
         EVALUATE ROW(\"b\", COUNTBLANK(Orders[One]))",
        "EVALUATE {1} EVALUATE {1} EVALUATE ROW(\"b\", BLANK())",
    );
}

#[test]
fn definitions_use_those_before_them() {
    check(
        "DEFINE MEASURE Orders[Doubled] = SUM(Orders[Twice]) VAR Factor = 2 COLUMN Orders[Twice] = Orders[Quantity] * Factor \
         FUNCTION Half = (x : NUMERIC) => x / 2 COLUMN Orders[Once] = Half(Orders[Twice]) COLUMN Stores[Doubled Here] = [Doubled] \
         EVALUATE ROW(\"a\", SUM(Orders[Once]), \"b\", [Doubled], \"c\", MAX(Stores[Doubled Here]))",
        "EVALUATE ROW(\"a\", SUMX(Orders, Orders[Quantity] * 2 / 2), \"b\", 2 * [Quantity Sold], \"c\", MAXX(Stores, 2 * [Quantity Sold]))",
    );
}

#[test]
fn a_table_is_a_table_like_any() {
    check(
        "DEFINE TABLE Chosen = SELECTCOLUMNS(FILTER(Stores, Stores[Square Meters] > 200), \"k\", Stores[Store Key], \"m\", Stores[Square Meters]) \
         COLUMN Chosen[Twice] = Chosen[m] * 2 MEASURE Chosen[Metres] = SUM(Chosen[m]) \
         EVALUATE ROW(\"n\", COUNTROWS(Chosen), \"s\", SUM(Chosen[m]), \"t\", SUM(Chosen[Twice]), \"f\", CALCULATE([Metres], Chosen[m] > 500), \
         \"k\", MAXX(Chosen, Chosen[k]), \"l\", CALCULATE([Order Lines], TREATAS(VALUES(Chosen[k]), Stores[Store Key])), \"u\", CALCULATE([Order Lines], Chosen))",
        "DEFINE VAR Chosen = FILTER(Stores, Stores[Square Meters] > 200) \
         EVALUATE ROW(\"n\", COUNTROWS(Chosen), \"s\", SUMX(Chosen, Stores[Square Meters]), \"t\", SUMX(Chosen, Stores[Square Meters] * 2), \
         \"f\", SUMX(FILTER(Chosen, Stores[Square Meters] > 500), Stores[Square Meters]), \"k\", MAXX(Chosen, Stores[Store Key]), \
         \"l\", CALCULATE([Order Lines], TREATAS(SELECTCOLUMNS(Chosen, \"k\", Stores[Store Key]), Stores[Store Key])), \"u\", [Order Lines])",
    );
    check(
        "DEFINE TABLE Years = SUMMARIZECOLUMNS(Dates[Year], \"n\", [Order Lines]) EVALUATE Years ORDER BY Years[Year]",
        "EVALUATE SUMMARIZECOLUMNS(Dates[Year], \"n\", [Order Lines]) ORDER BY Dates[Year]",
    );
    let answer = session("Everyone")
        .query("DEFINE TABLE Years = VALUES(Dates[Year]) EVALUATE Years")
        .unwrap();
    assert_eq!(answer.tables[0].columns[0].name, "Years[Year]");
}

#[test]
fn the_queries_of_the_fixture_run() {
    for (name, rows) in [
        ("define-column", 4),
        ("define-table", 1),
        ("path-levels", 1),
    ] {
        let path = retail().join("queries").join(format!("{name}.dax"));
        let found = values(
            &session("Everyone"),
            &std::fs::read_to_string(path).unwrap(),
        );
        assert!(found.len() >= rows, "{name}: {found:?}");
    }
    check(
        "EVALUATE ROW(\"a\", PATHITEM(\"7|8|9\", 2, INTEGER), \"b\", PATHITEMREVERSE(\"7|8|9\", 1, integer), \"c\", PATHITEM(\"7|8\", 1, TEXT))",
        "EVALUATE ROW(\"a\", 8, \"b\", 9, \"c\", \"7\")",
    );
}

#[test]
fn a_hidden_name_is_free_and_a_visible_one_is_taken() {
    let cost = "DEFINE COLUMN Orders[Cost] = 1 EVALUATE ROW(\"x\", SUM(Orders[Cost]))";
    assert_eq!(
        values(&session("No Cost"), cost),
        values(&session("No Cost"), "EVALUATE ROW(\"x\", [Order Lines])")
    );
    refused(
        "Everyone",
        cost,
        "the table 'Orders' already has a column [Cost]",
    );
    let balances = "DEFINE TABLE Balances = {1, 2} EVALUATE ROW(\"x\", SUM(Balances[Value]))";
    assert_eq!(
        values(&session("No Balances"), balances),
        [[Value::Integer(3)]]
    );
    refused("Everyone", balances, "there is a table 'Balances' already");
}

fn refused(role: &str, dax: &str, expected: &str) {
    match session(role).query(dax) {
        Err(Error::Query(error)) => {
            assert!(error.message.contains(expected), "{dax}: {}", error.message);
            assert!(error.span.is_some(), "{dax}");
        }
        other => panic!("{dax}: {other:?}"),
    }
}

#[test]
fn what_cannot_be_defined_is_refused() {
    for (dax, expected) in [
        (
            "DEFINE COLUMN Nowhere[x] = 1 EVALUATE {1}",
            "there is no table 'Nowhere'",
        ),
        (
            "DEFINE COLUMN Orders[Sales] = 1 EVALUATE {1}",
            "already has a measure [Sales]",
        ),
        (
            "DEFINE MEASURE Orders[m] = 1 COLUMN Orders[M] = 1 EVALUATE {1}",
            "already has a measure [M]",
        ),
        (
            "DEFINE COLUMN Orders[x] = 1 COLUMN Orders[X] = 2 EVALUATE {1}",
            "already has a column [X]",
        ),
        (
            "DEFINE VAR t = 1 TABLE T = {1} EVALUATE {1}",
            "there is a variable 'T' already",
        ),
        (
            "DEFINE COLUMN Orders[x] = Orders[y] + 1 EVALUATE {1}",
            "there is no column [y]",
        ),
        (
            "DEFINE COLUMN Orders[x] = Orders[y] COLUMN Orders[y] = 1 EVALUATE {1}",
            "there is no column [y]",
        ),
        (
            "DEFINE COLUMN Orders[x] = SUM(Orders[x]) EVALUATE {1}",
            "there is no column [x]",
        ),
        (
            "DEFINE COLUMN Orders[x] = INT(\"a\" & Orders[Quantity]) EVALUATE {1}",
            "",
        ),
        (
            "DEFINE COLUMN Orders[x] = IF(Orders[Quantity] > 3, \"a\", 1) EVALUATE {1}",
            "the values are of several types",
        ),
        (
            "DEFINE TABLE T = CROSSJOIN(SELECTCOLUMNS(Stores, \"a\", 1), VALUES(Stores[Store]), TREATAS({\"x\"}, Products[Product])) TABLE U = T TABLE T = U EVALUATE {1}",
            "there is a table 'T' already",
        ),
    ] {
        refused("Everyone", dax, expected);
    }
}

#[test]
fn every_stage_knows_what_is_defined() {
    let session = session("Germany");
    let dax =
        "DEFINE COLUMN Stores[Lines] = [Order Lines] TABLE T = VALUES(Stores[Lines]) EVALUATE T";
    for stage in [Stage::Bound, Stage::Plan, Stage::Scans] {
        let shown = session.explain(stage, dax).unwrap();
        let expected = if stage == Stage::Scans {
            "table 'Orders'"
        } else {
            "rows of 'T'"
        };
        assert!(shown.contains(expected), "{shown}");
    }
    let answer = session.query(dax).unwrap();
    assert!(answer.statistics.scans > 0);
    let stages: Vec<&str> = answer
        .statistics
        .stages
        .iter()
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(stages, ["parse", "define", "bind", "evaluate"]);
    // The model is described as it is.
    check(
        "DEFINE COLUMN Stores[Lines] = [Order Lines] TABLE T = {1} \
         EVALUATE ROW(\"t\", COUNTROWS(INFO.VIEW.TABLES()), \"c\", COUNTROWS(INFO.VIEW.COLUMNS()), \"s\", COUNTROWS(COLUMNSTATISTICS()))",
        "EVALUATE ROW(\"t\", COUNTROWS(INFO.VIEW.TABLES()), \"c\", COUNTROWS(INFO.VIEW.COLUMNS()), \"s\", COUNTROWS(COLUMNSTATISTICS()))",
    );
}

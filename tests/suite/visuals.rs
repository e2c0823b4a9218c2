//! Queries in the forms that report visuals send, on the small model of `functions`.

use std::sync::OnceLock;

use peristyle::{Database, Identity, Session, Value, value_at};

use crate::functions::{self, MODEL};
use crate::scratch::Scratch;

fn session() -> &'static Session {
    static SESSION: OnceLock<Session> = OnceLock::new();
    SESSION.get_or_init(|| {
        let folder = Scratch::new("visuals");
        let file = folder.path().join("model.bim");
        std::fs::write(&file, MODEL.replace("ROLES", "\"roles\": []")).expect("a model");
        let database = Database::import(&file, folder.path()).expect("the small model");
        database
            .session(Identity::anonymous())
            .expect("a model without roles")
    })
}

/// The names of the columns and the rows of the last EVALUATE; BLANK is empty, and an error is `error`.
fn answer(query: &str) -> String {
    let Ok(answer) = session().query(query) else {
        return "error".to_owned();
    };
    let Some(table) = answer.tables.last() else {
        return "no table".to_owned();
    };
    let mut lines = vec![
        table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect::<Vec<_>>()
            .join(" "),
    ];
    for row in 0..table.batch.num_rows() {
        let cells = (0..table.columns.len()).map(|column| match value_at(table, column, row) {
            Value::Blank => String::new(),
            value => value.to_text().to_string(),
        });
        lines.push(cells.collect::<Vec<_>>().join(" "));
    }
    lines.join(" | ")
}

fn check(query: &str, expected: &str) {
    assert_eq!(answer(query), expected, "{query}");
}

/// A name such as `'Table'[Column]` is that of a column with its table.
#[test]
fn columns_are_handed_on_under_their_full_names() {
    check(
        "DEFINE
         VAR __DS0Core = SELECTCOLUMNS ( KEEPFILTERS ( FILTER ( KEEPFILTERS ( SUMMARIZECOLUMNS (
             Names[Group], Names[Long Name], \"CountRowsLines\", COUNTROWS ( Lines ) ) ),
             OR ( NOT ( ISBLANK ( Names[Group] ) ), NOT ( ISBLANK ( Names[Long Name] ) ) ) ) ),
             \"'Names'[Group]\", 'Names'[Group], \"'Names'[Long Name]\", 'Names'[Long Name] )
         VAR __DS0PrimaryWindowed = TOPN ( 501, __DS0Core, 'Names'[Group], 1, 'Names'[Long Name], 1 )
         EVALUATE __DS0PrimaryWindowed
         ORDER BY 'Names'[Group] DESC, 'Names'[Long Name]",
        "Names[Group] Names[Long Name] | b Beta | a Alpha",
    );
    // A matrix that is sorted by a measure joins its rows with what they are sorted by.
    check(
        "DEFINE
         VAR __DS0Core = SUMMARIZECOLUMNS (
             ROLLUPADDISSUBTOTAL ( Names[Group], \"IsGrandTotalRowTotal\" ),
             ROLLUPADDISSUBTOTAL ( Lines[Flag], \"IsGrandTotalColumnTotal\" ),
             \"Total\", [Total] )
         VAR __DS0CoreTableByDM1 = SELECTCOLUMNS (
             KEEPFILTERS ( FILTER ( KEEPFILTERS ( __DS0Core ), [IsGrandTotalColumnTotal] = TRUE ) ),
             \"'Names'[Group]\", 'Names'[Group],
             \"IsGrandTotalRowTotal\", [IsGrandTotalRowTotal],
             \"SortBy_DM0_0\", [Total] )
         VAR __DS0PrimaryWithSortColumns = NATURALLEFTOUTERJOIN (
             SUMMARIZE ( __DS0Core, Names[Group], [IsGrandTotalRowTotal] ), __DS0CoreTableByDM1 )
         EVALUATE __DS0PrimaryWithSortColumns
         ORDER BY [IsGrandTotalRowTotal] DESC, [SortBy_DM0_0] DESC, 'Names'[Group]",
        "Names[Group] [IsGrandTotalRowTotal] [SortBy_DM0_0] |  TRUE 100 | b FALSE 70 | a FALSE 30",
    );
    // The column keeps its origin, and the table of its name need not be one of the model.
    check(
        "EVALUATE CALCULATETABLE ( ROW ( \"t\", [Total] ),
             SELECTCOLUMNS ( FILTER ( Names, Names[Group] = \"a\" ), \"'Chosen'[One]]]\", Names[Group] ) )",
        "[t] | 30",
    );
    check(
        "EVALUATE FILTER ( ADDCOLUMNS ( { 1, 2 }, \"'It''s'[Double]\", [Value] * 2 ), 'It''s'[Double] > 2 )",
        "[Value] It's[Double] | 2 4",
    );
    // All other names are as they stand.
    check(
        "EVALUATE ROW ( \"'a\", 1, \"'a'[b] + 1\", 2, \"[c]\", 3 )",
        "['a] ['a'[b] + 1] [[c]] | 1 2 3",
    );
    check(
        "EVALUATE SELECTCOLUMNS ( Names, \"'Names'[Group]\", 1, Names[Group] )",
        "error",
    );
}

/// A line for each series, and no more lines than are asked for.
#[test]
fn lines_of_several_series_are_sampled() {
    let check = |arguments: &str, expected: &str| {
        functions::check(
            &format!(
                "CONCATENATEX ( SAMPLEAXISWITHLOCALMINMAX ( {arguments} ), Lines[Key], \"-\", Lines[Key] )"
            ),
            expected,
        );
    };
    let drawn = "Lines, Lines[Key], Lines[Amount], 1";
    let group = "Lines[Group], ALPHABETICAL";
    check(&format!("9, {drawn}, {group}, ASC, 1, 1, 5"), "1-2-3-4-5");
    check(&format!("4, {drawn}, Lines[Group]"), "1-2-4-5");
    check(&format!("4, {drawn}, {group}, ASC, 5, 1"), "1-2");
    check(&format!("4, {drawn}, {group}, DESC, 5, 1"), "3-4-5");
    check(&format!("9, {drawn}, , NONE, ASC, 350, 60"), "1-2-3-4-5");
    check(&format!("4, {drawn}, Lines[Group], UPWARDS"), "error");
}

/// Without a word the order is descending, as in TOPN.
#[test]
fn columns_of_a_matrix_are_numbered() {
    let numbered = |order: &str| {
        format!(
            "EVALUATE SUBSTITUTEWITHINDEX ( SUMMARIZE ( Names, Names[Group], Names[Long Name] ), \"i\",
                 VALUES ( Names[Group] ), Names[Group]{order} ) ORDER BY [i]"
        )
    };
    check(
        &numbered(", ASC"),
        "Names[Long Name] [i] | Alpha 0 | Beta 1 | Gamma 2",
    );
    check(
        &numbered(""),
        "Names[Long Name] [i] | Gamma 0 | Beta 1 | Alpha 2",
    );
}

/// Report visuals write the columns that they calculate before the table that these belong to.
#[test]
fn columns_may_stand_before_their_table() {
    check(
        "DEFINE
         COLUMN '__DS0VisualCalcs'[Double] = ( VAR Now = [Amount] RETURN Now * 2 )
         VAR __DS0Core = SUMMARIZECOLUMNS ( Names[Group], \"Total\", [Total] )
         TABLE '__DS0VisualCalcs' = SELECTCOLUMNS ( KEEPFILTERS ( __DS0Core ), \"Group\", Names[Group], \"Amount\", [Total] )
         COLUMN '__DS0VisualCalcs'[More] = [Double] + 1
         EVALUATE SELECTCOLUMNS ( KEEPFILTERS ( FILTER ( KEEPFILTERS ( '__DS0VisualCalcs' ), NOT ( ISBLANK ( [Double] ) ) ) ),
             \"'__DS0VisualCalcs'[Group]\", '__DS0VisualCalcs'[Group], \"'__DS0VisualCalcs'[More]\", '__DS0VisualCalcs'[More] )
         ORDER BY '__DS0VisualCalcs'[Group]",
        "__DS0VisualCalcs[Group] __DS0VisualCalcs[More] | a 61 | b 141",
    );
    check(
        "DEFINE COLUMN Nowhere[x] = 1 VAR y = 2 TABLE Somewhere = { 1 } EVALUATE Somewhere",
        "error",
    );
}

/// The rows of the reference's example: years and products, and a subtotal of both.
const SHAPED: &str = "DEFINE
    TABLE T = DATATABLE ( \"Year\", INTEGER, \"Product\", STRING, \"Amount\", INTEGER,
        { { 2000, \"Apple\", 101 }, { 2000, \"Banana\", 102 }, { 2001, \"Apple\", 203 } } )
    TABLE data = SUMMARIZECOLUMNS (
        ROLLUPADDISSUBTOTAL ( T[Year], \"YT\" ), ROLLUPADDISSUBTOTAL ( T[Product], \"PT\" ), \"M\", SUM ( T[Amount] ) )
        WITH VISUAL SHAPE
        AXIS ROWS GROUP [Year] TOTAL [YT] ORDER BY [Year]
        AXIS COLUMNS GROUP [Product] TOTAL [PT] ORDER BY [Product] ASC";

const SHAPED_ORDER: &str = "ORDER BY data[PT] DESC, data[Product], data[YT] DESC, data[Year]";

#[test]
fn places_of_a_visual_without_rows_are_added() {
    let rows = |rows: &[&str]| rows.join(" | ");
    check(
        &format!("{SHAPED} DENSIFY \"D\" EVALUATE data {SHAPED_ORDER}"),
        &rows(&[
            "data[Year] data[YT] data[Product] data[PT] data[M] data[D]",
            " TRUE  TRUE 406 FALSE",
            "2000 FALSE  TRUE 203 FALSE",
            "2001 FALSE  TRUE 203 FALSE",
            " TRUE Apple FALSE 304 FALSE",
            "2000 FALSE Apple FALSE 101 FALSE",
            "2001 FALSE Apple FALSE 203 FALSE",
            " TRUE Banana FALSE 102 FALSE",
            "2000 FALSE Banana FALSE 102 FALSE",
            "2001 FALSE Banana FALSE  TRUE",
        ]),
    );
    let values = |calculation: &str| {
        format!(
            "{SHAPED} COLUMN data[x] = {calculation}
             EVALUATE SELECTCOLUMNS ( data, data[PT], data[Product], data[YT], data[Year], data[x] ) {SHAPED_ORDER}"
        )
    };
    let head = "data[PT] data[Product] data[YT] data[Year] data[x]";
    // Each product has its years, and each year its products.
    check(
        &values("RUNNINGSUM ( [M] )"),
        &rows(&[
            head,
            "TRUE  TRUE  406",
            "TRUE  FALSE 2000 203",
            "TRUE  FALSE 2001 406",
            "FALSE Apple TRUE  304",
            "FALSE Apple FALSE 2000 101",
            "FALSE Apple FALSE 2001 304",
            "FALSE Banana TRUE  102",
            "FALSE Banana FALSE 2000 102",
        ]),
    );
    check(
        &values("PREVIOUS ( [M], COLUMNS )"),
        &rows(&[
            head,
            "TRUE  TRUE  ",
            "TRUE  FALSE 2000 ",
            "TRUE  FALSE 2001 ",
            "FALSE Apple TRUE  ",
            "FALSE Apple FALSE 2000 ",
            "FALSE Apple FALSE 2001 ",
            "FALSE Banana TRUE  304",
            "FALSE Banana FALSE 2000 101",
        ]),
    );
    for refused in [
        "AXIS ROWS ORDER BY [Year]",
        "AXIS ROWS GROUP [Nothing] TOTAL [YT] ORDER BY [Year]",
        "GROUP [Year]",
        "AXIS ROWS GROUP [Year] TOTAL [YT] DENSIFY 1",
    ] {
        let query = format!("DEFINE TABLE T = {{ 1 }} WITH VISUAL SHAPE {refused} EVALUATE T");
        check(&query, "error");
    }
}

/// A calculation in each row of a visual with years and their quarters.
#[test]
fn calculations_go_along_the_axes_of_a_visual() {
    let check = |calculation: &str, expected: &str| {
        let query = format!(
            "DEFINE
             COLUMN V[x] = {calculation}
             TABLE S = DATATABLE ( \"Year\", INTEGER, \"Quarter\", STRING, \"Amount\", INTEGER,
                 {{ {{ 2021, \"Q1\", 10 }}, {{ 2021, \"Q2\", 20 }}, {{ 2022, \"Q1\", 5 }}, {{ 2022, \"Q2\", 40 }} }} )
             TABLE V = SUMMARIZECOLUMNS ( ROLLUPADDISSUBTOTAL ( S[Year], \"ty\", S[Quarter], \"tq\" ), \"Total\", SUM ( S[Amount] ) )
                 WITH VISUAL SHAPE
                 AXIS rows GROUP [Year] TOTAL [ty] GROUP [Quarter] TOTAL [tq] ORDER BY [Year] ASC, [Quarter] ASC
             EVALUATE SELECTCOLUMNS ( {{ 1 }}, \"x\",
                 CONCATENATEX ( V, V[x], \" \", V[ty], DESC, V[Year], ASC, V[tq], DESC, V[Quarter], ASC ) )"
        );
        let found = answer(&query);
        assert_eq!(
            found.strip_prefix("[x] | "),
            Some(expected),
            "{calculation}"
        );
    };
    // The total, 2021 with its quarters, 2022 with its quarters.
    check("[Total]", "75 30 10 20 45 5 40");
    check("PREVIOUS ( [Total] )", "   10 30 20 5");
    check("NEXT ( [Total], 1, ROWS ) + 0", "0 45 20 5 0 40 0");
    check("RUNNINGSUM ( [Total] )", "75 30 10 30 75 35 75");
    check(
        "F ( [Total] ) FUNCTION F = ( v : EXPR ) => RUNNINGSUM ( v )",
        "75 30 10 30 75 35 75",
    );
    check(
        "F ( [Total], 2 ) FUNCTION F = ( v : EXPR, n ) => VAR sum = RUNNINGSUM ( v ) RETURN sum * n",
        "150 60 20 60 150 70 150",
    );
    check(
        "G () FUNCTION F = ( v : EXPR ) => PREVIOUS ( v ) FUNCTION G = () => F ( [Total] ) + 0",
        "0 0 0 10 30 20 5",
    );
    check(
        "F ( RUNNINGSUM ( [Total] ) ) FUNCTION F = ( v ) => v + 1",
        "76 31 11 31 76 36 76",
    );
    check(
        "RUNNINGSUM ( [Total], ROWS, LOWESTPARENT )",
        "75 30 10 30 75 5 45",
    );
    check(
        "RUNNINGSUM ( [Total], HIGHESTPARENT )",
        "75 30 10 30 45 5 45",
    );
    check(
        "RUNNINGSUM ( [Total], ORDERBY ( [Total], DESC ) )",
        "75 75 70 60 45 75 40",
    );
    check("FIRST ( [Total], ROWS, -1 )", "75 30 10 10 30 5 5");
    check("LAST ( [Total], [Year] )", "75 30 20 20 45 40 40");
    check("MOVINGAVERAGE ( [Total], 2 ) * 2", "150 60 20 30 75 25 45");
    check(
        "MOVINGAVERAGE ( [Total], 1, FALSE, ROWS ) + 0",
        "0 0 0 10 30 20 5",
    );
    check("COLLAPSE ( [Total], ROWS )", "75 75 30 30 75 45 45");
    check("COLLAPSE ( [Total], ROWS, 2 )", "75 75 75 75 75 75 75");
    check("COLLAPSE ( [Total], [Quarter] )", "75 30 30 30 45 45 45");
    check(
        "COLLAPSEALL ( SUM ( [Total] ), ROWS )",
        "75 75 75 75 75 75 75",
    );
    check("EXPAND ( MAX ( [Total] ), ROWS )", "45 20 10 20 40 5 40");
    check("EXPANDALL ( COUNT ( [Total] ), ROWS )", "4 2 1 1 2 1 1");
    check("EXPAND ( MAX ( [Total] ), [Year] )", "45 30 10 20 45 5 40");
    check(
        "CALCULATE ( MIN ( [Total] ), EXPAND ( ROWS ) )",
        "30 10 10 20 5 5 40",
    );
    check("IF ( ISATLEVEL ( [Quarter] ), 1, 0 )", "0 0 1 1 0 1 1");
    check(
        "RANK ( DENSE, ROWS, ORDERBY ( [Total], DESC ) )",
        "1 2 3 2 1 4 1",
    );
    check(
        "CALCULATE ( [Total], OFFSET ( 1, ROWS ) ) + 0",
        "0 45 20 5 0 40 0",
    );
    check(
        "SUMX ( WINDOW ( 0, REL, -1, ABS, ROWS ), [Total] )",
        "75 75 75 65 45 45 40",
    );
    check(
        "VAR Before = PREVIOUS ( [Total] ) RETURN [Total] - Before",
        "75 30 10 10 15 -15 35",
    );
    check("RANK ( ORDERBY ( [Total], DESC ) )", "1 2 3 2 1 4 1");
    check("SUM ( [Total] ) * 2", "150 60 20 40 90 10 80");
    check(
        "CALCULATE ( SUM ( [Total] ), RANGE ( -1, ROWS ) )",
        "75 30 10 30 75 25 45",
    );
    check(
        "CALCULATE ( SUM ( [Total] ), RANGE ( 2, FALSE ) ) + 0",
        "0 45 25 45 0 40 0",
    );
    check("LOOKUP ( [Total], [Year], 2022 )", "45 45 5 40 45 5 40");
    check(
        "LOOKUP ( SUM ( [Total] ), [Quarter], \"Q2\" ) + 0",
        "0 20 20 20 40 40 40",
    );
    check(
        "LOOKUPWITHTOTALS ( [Total], [Year], 2021 )",
        "30 30 30 30 30 30 30",
    );
    check(
        "LOOKUPWITHTOTALS ( [Total], [Year], 2021, [Quarter], \"Q1\" )",
        "10 10 10 10 10 10 10",
    );
    check(
        "LOOKUPWITHTOTALS ( [Total], [Year], 1999 ) + 0",
        "0 0 0 0 0 0 0",
    );
}

/// The whole of what a chart with a rank sends.
#[test]
fn a_chart_ranks_what_it_shows() {
    check(
        "DEFINE
         COLUMN '__V'[Rank] = ( /* as its author wrote it */ Rank ( ORDERBY ( [Total], Desc ) ) )
         VAR __Core = SUMMARIZECOLUMNS ( ROLLUPADDISSUBTOTAL ( Names[Group], \"IsTotal\" ), \"T\", [Total] )
         VAR __Input = SELECTCOLUMNS (
             KEEPFILTERS ( SELECTCOLUMNS ( __Core, \"Group\", Names[Group], \"IsTotal\", [IsTotal], \"T\", [T] ) ),
             \"Group\", [Group], \"IsTotal\", [IsTotal], \"Total\", [T] )
         TABLE '__V' = __Input
             WITH VISUAL SHAPE AXIS rows GROUP [Group] TOTAL [IsTotal] ORDER BY [Group] ASC DENSIFY \"IsDensifiedRow\"
         VAR __Shown = FILTER ( KEEPFILTERS ( '__V' ),
             OR ( NOT ( '__V'[IsDensifiedRow] ), NOT ( ISBLANK ( '__V'[Rank] ) ) ) )
         VAR __Rows = SELECTCOLUMNS (
             KEEPFILTERS ( FILTER ( KEEPFILTERS ( __Shown ), '__V'[IsTotal] = FALSE ) ),
             \"'__V'[Group]\", '__V'[Group], \"'__V'[Rank]\", '__V'[Rank], \"'__V'[Total]\", '__V'[Total] )
         EVALUATE GROUPBY ( __Rows,
             \"Least\", MINX ( CURRENTGROUP (), '__V'[Rank] ), \"Greatest\", MAXX ( CURRENTGROUP (), '__V'[Rank] ) )
         EVALUATE TOPN ( 1001, __Rows, '__V'[Total], 0, '__V'[Group], 1 )
         ORDER BY '__V'[Total] DESC, '__V'[Group]",
        "__V[Group] __V[Rank] __V[Total] | b 1 70 | a 2 30",
    );
}

#[test]
fn calculations_that_are_not_along_an_axis_are_refused() {
    for refused in [
        "PREVIOUS ( [Total] + 1 )",
        "PREVIOUS ( [Total], COLUMNS )",
        "F ( [Total] ) FUNCTION F = ( v : EXPR ) => RUNNINGSUM ( F ( v ) )",
        "VAR n = 1 RETURN F ( n ) FUNCTION F = ( v : EXPR ) => VAR n = RUNNINGSUM ( [Total] ) RETURN n + v",
        "RUNNINGSUM ( [Total], ROWS, [Total] )",
        "COLLAPSE ( [Total] )",
        "COLLAPSEALL ( [Total], [Year] )",
        "COLLAPSE ( COLLAPSE ( [Total], ROWS ), ROWS )",
        "CALCULATE ( [Total], [Year] = 2021 )",
        "LOOKUP ( [Total], [Year] )",
        "LOOKUP ( [Total], [Total], 2021 )",
        "CALCULATE ( SUM ( [Total] ), RANGE ( -1, ROWS, LOWESTPARENT ) )",
        "SELECTEDVALUE ( [Total] )",
        "SUMX ( WINDOW ( 0, REL, -1, ABS, ROWS, LOWESTPARENT ), [Total] )",
    ] {
        check(
            &format!(
                "DEFINE
                 TABLE V = SELECTCOLUMNS ( {{ 2021, 2022 }}, \"Year\", [Value], \"ty\", FALSE (), \"Total\", [Value] )
                     WITH VISUAL SHAPE AXIS ROWS GROUP [Year] TOTAL [ty] ORDER BY [Year]
                 COLUMN V[x] = {refused}
                 EVALUATE V"
            ),
            "error",
        );
    }
    // Beside a visual they have no meaning.
    check(
        "DEFINE TABLE V = { 1 } COLUMN V[x] = PREVIOUS ( [Value] ) EVALUATE V",
        "error",
    );
}

/// A matrix shows all its rows and all its columns, with a subtotal for each.
#[test]
fn missing_items_have_subtotals_of_both_axes() {
    check(
        "EVALUATE ADDMISSINGITEMS ( Names[Group], Lines[Flag],
             SUMMARIZECOLUMNS ( ROLLUPADDISSUBTOTAL ( Names[Group], \"r\" ), ROLLUPADDISSUBTOTAL ( Lines[Flag], \"c\" ),
                 \"t\", CALCULATE ( [Total], KEEPFILTERS ( Names[Group] = \"a\" ), KEEPFILTERS ( Lines[Flag] = TRUE () ) ) ),
             ROLLUPISSUBTOTAL ( Names[Group], [r] ), ROLLUPISSUBTOTAL ( Lines[Flag], [c] ),
             TREATAS ( { \"a\", \"c\" }, Names[Group] ), TREATAS ( { TRUE (), FALSE () }, Lines[Flag] ) )
         ORDER BY [r] DESC, Names[Group], [c] DESC, Lines[Flag]",
        "Names[Group] [r] Lines[Flag] [c] [t] |  TRUE  TRUE 10 |  TRUE FALSE FALSE  |  TRUE TRUE FALSE 10 | \
         a FALSE  TRUE 10 | a FALSE FALSE FALSE  | a FALSE TRUE FALSE 10 | \
         c FALSE  TRUE  | c FALSE FALSE FALSE  | c FALSE TRUE FALSE ",
    );
}

/// Of a table that only groups, filters outside choose by its own columns alone, and filters inside by those of related tables too.
#[test]
fn groups_without_expressions_are_of_their_own_table() {
    let rows =
        |table: &str, filter: &str| format!("COUNTROWS ( CALCULATETABLE ( {table}, {filter} ) )");
    let (bare, of_names) = (
        "SUMMARIZECOLUMNS ( Lines[Key] )",
        "TREATAS ( { \"a\" }, Names[Group] )",
    );
    functions::check(&rows(bare, of_names), "5");
    functions::check(&rows(bare, "TREATAS ( { \"a\" }, Lines[Group] )"), "2");
    functions::check(&rows(bare, "FILTER ( Lines, Lines[Group] = \"a\" )"), "2");
    functions::check(
        &rows("SUMMARIZECOLUMNS ( Lines[Key], \"t\", [Total] )", of_names),
        "2",
    );
    functions::check(&rows("SUMMARIZE ( Lines, Lines[Key] )", of_names), "2");
    functions::check(
        &format!("SUMX ( VALUES ( Names[Group] ), COUNTROWS ( {bare} ) )"),
        "15",
    );
    functions::check(
        &format!("COUNTROWS ( SUMMARIZECOLUMNS ( Lines[Key], {of_names} ) )"),
        "2",
    );
}

/// Each rollup multiplies the subtotals by its levels.
#[test]
fn rollups_are_bounded() {
    let summary = |rollups: usize| {
        let list = |item: fn(usize) -> String| {
            let items: Vec<String> = (1..=rollups).map(item).collect();
            items.join(", ")
        };
        let values = list(|n| n.to_string());
        let rolled = list(|n| format!("ROLLUPADDISSUBTOTAL ( Wide[Value{n}], \"t{n}\" )"));
        format!(
            "DEFINE TABLE Wide = {{ ( {values} ) }}
             EVALUATE ROW ( \"n\", COUNTROWS ( SUMMARIZECOLUMNS ( {rolled}, \"x\", 1 ) ) )"
        )
    };
    check(&summary(5), "[n] | 32");
    check(&summary(13), "error");
    check(&summary(64), "error");
}

/// What is written for a calculation along an axis grows with its groups, and again with each calculation inside: that is bounded before it is done.
#[test]
fn shapes_and_calculations_that_no_visual_has_are_refused_at_once() {
    let columns = |count: usize| (0..count).map(|n| format!("\"a{n}\", 1, \"t{n}\", FALSE ()"));
    let shape = |groups: usize, calculation: &str| {
        let columns: Vec<String> = columns(groups).collect();
        let groups: Vec<String> = (0..groups)
            .map(|n| format!("GROUP [a{n}] TOTAL [t{n}]"))
            .collect();
        let query = format!(
            "DEFINE TABLE V = SELECTCOLUMNS ( {{ 1, 2 }}, {}, \"x\", [Value] ) WITH VISUAL SHAPE AXIS ROWS {} COLUMN V[c] = {calculation} EVALUATE V",
            columns.join(", "),
            groups.join(" ")
        );
        match session().query(&query) {
            Ok(_) => "answered".to_owned(),
            Err(error) => error.code().to_owned(),
        }
    };
    let nested = |depth: usize| {
        (0..depth).fold("[x]".to_owned(), |inner, _| {
            format!("RANK ( DENSE, ROWS, ORDERBY ( {inner} ), LOWESTPARENT )")
        })
    };
    assert_eq!(shape(15, &nested(1)), "answered");
    assert_eq!(shape(15, &nested(6)), "limit");
    assert_eq!(shape(33, "[x]"), "limit");
    let twice = "DEFINE TABLE V = SELECTCOLUMNS ( { 1 }, \"a\", 1 ) WITH VISUAL SHAPE AXIS ROWS GROUP [a], [A] EVALUATE V";
    check(twice, "error");
}

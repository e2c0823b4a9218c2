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
    check(&numbered(", ASC"), "Names[Long Name] [i] | Alpha 0 | Beta 1 | Gamma 2");
    check(&numbered(""), "Names[Long Name] [i] | Gamma 0 | Beta 1 | Alpha 2");
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

//! Functions over tables, family by family, on a small model whose tables are written out in it.

use std::sync::OnceLock;

use peristyle::{Database, Identity, Session, Value, value_at};

use crate::scratch::{Scratch, session_of};

/// Lines: two groups, one line without an amount. Names: one group that no line has.
pub const MODEL: &str = r#"{
  "name": "small", "compatibilityLevel": 1600,
  "model": { "culture": "en-US", "tables": [
    { "name": "Lines",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Key", "dataType": "int64", "sourceColumn": "[Key]" },
        { "type": "calculatedTableColumn", "name": "Group", "dataType": "string", "sourceColumn": "[Group]" },
        { "type": "calculatedTableColumn", "name": "Amount", "dataType": "double", "sourceColumn": "[Amount]" },
        { "type": "calculatedTableColumn", "name": "Flag", "dataType": "boolean", "sourceColumn": "[Flag]" },
        { "type": "calculatedTableColumn", "name": "Day", "dataType": "dateTime", "sourceColumn": "[Day]" } ],
      "measures": [ { "name": "Total", "expression": "SUM ( Lines[Amount] )" } ],
      "partitions": [ { "name": "Lines", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Key\", INTEGER, \"Group\", STRING, \"Amount\", DOUBLE, \"Flag\", BOOLEAN, \"Day\", DATETIME, { { 1, \"a\", 10, TRUE, \"2024-01-01\" }, { 2, \"a\", 20, FALSE, \"2024-02-01\" }, { 3, \"b\", 20, TRUE, \"2024-03-01\" }, { 4, \"b\", 50, FALSE, \"2024-12-31\" }, { 5, \"b\", BLANK(), BLANK(), \"2025-01-01\" } } )" } } ] },
    { "name": "Names",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Group", "dataType": "string", "sourceColumn": "[Group]", "isKey": true },
        { "type": "calculatedTableColumn", "name": "Long Name", "dataType": "string", "sourceColumn": "[Long Name]" } ],
      "hierarchies": [ { "name": "By Name", "levels": [ { "ordinal": 0, "name": "Name", "column": "Long Name" }, { "ordinal": 1, "name": "Group", "column": "Group" } ] } ],
      "partitions": [ { "name": "Names", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Group\", STRING, \"Long Name\", STRING, { { \"a\", \"Alpha\" }, { \"b\", \"Beta\" }, { \"c\", \"Gamma\" } } )" } } ] } ],
    "relationships": [ { "name": "Lines-Names", "fromTable": "Lines", "fromColumn": "Group", "toTable": "Names", "toColumn": "Group" } ],
    ROLES
  } }"#;

pub fn import(roles: &str) -> Database {
    let folder = Scratch::new("functions");
    let file = folder.path().join("model.bim");
    std::fs::write(&file, MODEL.replace("ROLES", roles)).expect("a model in the scratch folder");
    Database::import(&file, folder.path()).expect("the small model")
}

pub fn session() -> &'static Session {
    static SESSION: OnceLock<Session> = OnceLock::new();
    SESSION.get_or_init(|| {
        import("\"roles\": []")
            .session(Identity::anonymous())
            .expect("a model without roles")
    })
}

/// The value of an expression as text; BLANK as `BLANK`, a refusal as `error`.
pub fn value(session: &Session, expression: &str) -> String {
    match session.query(&format!("EVALUATE ROW ( \"x\", {expression} )")) {
        Ok(answer) => match value_at(&answer.tables[0], 0, 0) {
            Value::Blank => "BLANK".to_owned(),
            value => value.to_text().to_string(),
        },
        Err(_) => "error".to_owned(),
    }
}

pub fn check(expression: &str, expected: &str) {
    assert_eq!(value(session(), expression), expected, "{expression}");
}

#[test]
fn averages_and_ends_of_columns_of_all_types() {
    check("AVERAGEA ( Lines[Flag] )", "0.5");
    check("MAXA ( Lines[Flag] )", "1");
    check("MINA ( Lines[Flag] )", "0");
    check("MAXA ( Lines[Group] )", "0");
    check("AVERAGEA ( Lines[Group] )", "0");
    check("MAXA ( Lines[Amount] )", "50");
    check(
        "CALCULATE ( MAXA ( Lines[Flag] ), Lines[Key] = 99 )",
        "BLANK",
    );
}

#[test]
fn logical_values_and_text_are_not_aggregated() {
    for refused in [
        "COUNT ( Lines[Flag] )",
        "MAX ( Lines[Flag] )",
        "MIN ( Lines[Flag] )",
        "COUNTX ( Lines, Lines[Flag] )",
        "MAXX ( Lines, Lines[Amount] > 10 )",
        "SUMX ( Lines, Lines[Flag] )",
        "SUMX ( Lines, \"1\" )",
        "AVERAGEX ( Lines, Lines[Group] )",
        "PRODUCTX ( Lines, Lines[Flag] )",
        "STDEVX.P ( Lines, Lines[Flag] )",
    ] {
        check(refused, "error");
    }
    check("COUNTA ( Lines[Flag] )", "4");
    check("COUNTAX ( Lines, Lines[Flag] )", "4");
    check("COUNTX ( Lines, Lines[Group] )", "5");
    check("SUMX ( Lines, Lines[Flag] * 1 )", "2");
    check("MAXX ( Lines, Lines[Group] )", "b");
    check("DISTINCTCOUNT ( Lines[Flag] )", "3");
    check("COUNTBLANK ( Lines[Flag] )", "1");
}

#[test]
fn branches_of_several_numeric_types_give_the_wider_one() {
    check("ISINT64 ( IF ( TRUE (), 1, 2.5 ) )", "FALSE");
    check("ISDOUBLE ( IF ( TRUE (), 1, 2.5 ) )", "TRUE");
    check("ISDECIMAL ( IF ( TRUE (), 1, CURRENCY ( 2 ) ) )", "TRUE");
    check("ISDOUBLE ( SWITCH ( 1, 1, 1, 2, 2.5 ) )", "TRUE");
    check("ISDOUBLE ( COALESCE ( 1, 2.5 ) )", "TRUE");
    check("ISDOUBLE ( IFERROR ( 1, 2.5 ) )", "TRUE");
    check("ISINT64 ( IF ( TRUE (), 1, \"a\" ) )", "TRUE");
    check("ISINT64 ( IF ( TRUE (), 1, 2 ) )", "TRUE");
}

#[test]
fn beside_a_number_blank_is_zero_for_min_and_max() {
    check("MAX ( 1, BLANK () )", "1");
    check("MAX ( -1, BLANK () )", "0");
    check("MIN ( 1, BLANK () )", "0");
    check("MIN ( BLANK (), -1 )", "-1");
    check("MAX ( BLANK (), BLANK () )", "BLANK");
    check("MAX ( 3, 2.5 )", "3");
    check("ISDOUBLE ( MAX ( 3, 2.5 ) )", "TRUE");
    check("MIN ( \"b\", \"a\" )", "a");
    check("MAX ( TRUE (), FALSE () )", "error");
    check("SUMX ( Lines, MAX ( Lines[Amount], 15 ) )", "120");
    check(
        "SUMX ( Lines, MIN ( Lines[Amount] - 30, BLANK () ) )",
        "-70",
    );
}

#[test]
fn of_several_types_the_numbers_are_compared() {
    let mixed = "IF ( Lines[Key] = 1, \"b\", Lines[Key] )";
    check(&format!("MAXX ( Lines, {mixed} )"), "5");
    check(&format!("MAXX ( Lines, {mixed}, FALSE )"), "5");
    check(&format!("MAXX ( Lines, {mixed}, TRUE )"), "b");
    check(&format!("MINX ( Lines, {mixed} )"), "2");
    check("MAXX ( Lines, Lines[Group], FALSE )", "b");
}

/// A filter of a level that is NONVISUAL chooses its groups, and the expressions do not see it.
#[test]
fn levels_are_chosen_without_filtering_their_expressions() {
    let chosen = "TREATAS ( { \"a\" }, Names[Group] )";
    let rows = |rollup: &str| {
        format!(
            "CONCATENATEX ( SUMMARIZECOLUMNS ( ROLLUPADDISSUBTOTAL ( {rollup} ), \"s\", CALCULATE ( [Total], ALLSELECTED ( Names[Group] ) ) ), Names[Group] & \":\" & [s], \" \", [t], ASC, Names[Group] )"
        )
    };
    check(
        &rows(&format!("Names[Group], \"t\", NONVISUAL ( {chosen} )")),
        "a:100 :100",
    );
    check(
        &rows(&format!("Names[Group], \"t\", {chosen}")),
        "a:30 :100",
    );
    check(
        &rows(&format!("NONVISUAL ( {chosen} ), Names[Group], \"t\"")),
        "a:100 b:100 c:100 :100",
    );
    check(
        &rows(&format!("{chosen}, Names[Group], \"t\"")),
        "a:100 b:100 c:100 :30",
    );
}

#[test]
fn empty_text_counts_as_blank() {
    let query = "DEFINE TABLE T = DATATABLE ( \"a\", STRING, { { \"x\" }, { \"\" }, { BLANK() } } ) \
        EVALUATE ROW ( \"x\", COUNTBLANK ( T[a] ) )";
    let answer = session().query(query).expect("a table of texts");
    assert_eq!(value_at(&answer.tables[0], 0, 0), Value::Integer(2));
}

#[test]
fn spread_and_means() {
    check("VAR.P ( Lines[Amount] )", "225");
    check("VAR.S ( Lines[Amount] )", "300");
    check("STDEV.P ( Lines[Amount] )", "15");
    check("STDEVX.S ( Lines, Lines[Amount] ) ^ 2", "300");
    check(
        "CALCULATE ( STDEV.S ( Lines[Amount] ), Lines[Key] = 1 )",
        "error",
    );
    check(
        "CALCULATE ( STDEV.P ( Lines[Amount] ), Lines[Key] = 1 )",
        "0",
    );
    check(
        "CALCULATE ( VAR.S ( Lines[Amount] ), Lines[Key] = 5 )",
        "BLANK",
    );
    check("ROUND ( GEOMEAN ( Lines[Amount] ), 9 )", "21.147425269");
    check("GEOMEANX ( Lines, Lines[Amount] - 10 )", "error");
    check("MEDIAN ( Lines[Amount] )", "20");
    // Of a column BLANK is left out; over rows it counts.
    check(
        "CALCULATE ( MEDIAN ( Lines[Amount] ), Lines[Key] <> 2 )",
        "20",
    );
    check(
        "MEDIANX ( FILTER ( Lines, Lines[Key] <> 2 ), Lines[Amount] )",
        "15",
    );
    check(
        "MEDIANX ( FILTER ( Lines, Lines[Key] >= 4 ), Lines[Amount] )",
        "25",
    );
    check(
        "MEDIANX ( FILTER ( Lines, Lines[Key] = 5 ), Lines[Amount] )",
        "BLANK",
    );
    // A value that is not a number stands behind all others, whatever its sign is.
    check(
        "MEDIANX ( { 0, 1, 2, 5 }, [Value] / [Value] * [Value] )",
        "3.5",
    );
    check(
        "MEDIANX ( { 0, 1, 2, 5 }, - ( [Value] / [Value] ) * - [Value] )",
        "3.5",
    );
    check(
        "PERCENTILEX.INC ( { 0, 1, 2, 5 }, [Value] / [Value] * [Value], 0 )",
        "1",
    );
    check(
        "PERCENTILEX.INC ( { 0, 0, 1 }, 1 / [Value], 0.75 ) = 1 / 0",
        "TRUE",
    );
}

#[test]
fn percentiles_and_ranks() {
    check("PERCENTILE.INC ( Lines[Amount], 0.5 )", "20");
    check("PERCENTILE.INC ( Lines[Amount], 1 )", "50");
    check("PERCENTILE.EXC ( Lines[Amount], 0.2 )", "10");
    check("PERCENTILE.EXC ( Lines[Amount], 0.1 )", "error");
    check("PERCENTILEX.INC ( Lines, Lines[Amount] * 2, 0.25 )", "20");
    check("PERCENTILEX.INC ( Lines, Lines[Amount] * 2, 0 )", "BLANK");
    check(
        "PERCENTILEX.INC ( FILTER ( Lines, Lines[Key] < 5 ), Lines[Amount] * 2, 0.25 )",
        "35",
    );
    check("PERCENTILE.INC ( Lines[Amount], 2 )", "error");
    check(
        "CALCULATE ( PERCENTILE.INC ( Lines[Amount], 0.5 ), Lines[Key] = 5 )",
        "BLANK",
    );
    check("RANKX ( Lines, Lines[Amount], 10,, \"Dense\" )", "3");
    check("RANKX ( Lines, Lines[Amount], 10,, SKIP )", "4");
    check("RANKX ( Lines, Lines[Amount], 10,, \"other\" )", "error");
    check("RANK.EQ ( 20, Lines[Amount] )", "2");
    check("RANK.EQ ( 10, Lines[Amount], ASC )", "1");
    check("RANK.EQ ( 11, Lines[Amount] )", "BLANK");
    check(
        "SUMX ( Lines, RANK.EQ ( Lines[Amount], Lines[Amount], 1 ) )",
        "9",
    );
}

#[test]
fn payments_and_work_days() {
    check(
        "ROUND ( XNPV ( FILTER ( Lines, Lines[Amount] <> 0 ), IF ( Lines[Key] = 1, -100, Lines[Amount] ), Lines[Day], 0.09 ), 6 )",
        "-14.555617",
    );
    check("XIRR ( Lines, Lines[Amount], Lines[Day] )", "error");
    check("XIRR ( Lines, Lines[Amount], Lines[Day], 0.1, -1 )", "-1");
    let rate = |first: i64| {
        format!(
            "ROUND ( XIRR ( Lines, SWITCH ( Lines[Key], 1, {first}, 2, -100, 3, 110 ), Lines[Day], 0.1, -1 ), 9 )"
        )
    };
    check(&rate(-1), "1.893864594");
    check(&rate(0), "-1");
    check(
        "NETWORKDAYS ( dt\"2022-05-28\", dt\"2022-05-30\", 1, { dt\"2022-05-30\" } )",
        "0",
    );
    check(
        "NETWORKDAYS ( dt\"2024-01-01\", dt\"2024-01-31\", 1, VALUES ( Lines[Day] ) )",
        "22",
    );
}

#[test]
fn regression() {
    check("MAXX ( LINEST ( Lines[Key], Lines[Key] ), [Slope1] )", "1");
    check(
        "ROUND ( MAXX ( LINESTX ( FILTER ( Lines, Lines[Key] < 5 ), Lines[Amount], Lines[Key] ), [Slope1] ), 9 )",
        "12",
    );
    check(
        "ROUND ( MAXX ( LINESTX ( FILTER ( Lines, Lines[Key] < 5 ), Lines[Amount], Lines[Key] ), [Intercept] ), 9 )",
        "-5",
    );
    check(
        "MAXX ( LINESTX ( FILTER ( Lines, Lines[Key] < 5 ), Lines[Amount], Lines[Key] ), [DegreesOfFreedom] )",
        "2",
    );
    check(
        "ROUND ( MAXX ( LINESTX ( FILTER ( Lines, Lines[Key] < 5 ), Lines[Amount], Lines[Key] ), [CoefficientOfDetermination] ), 9 )",
        "0.8",
    );
    check(
        "MAXX ( LINESTX ( FILTER ( Lines, Lines[Key] < 5 ), Lines[Amount], Lines[Key], FALSE ), [Intercept] )",
        "0",
    );
    check(
        "MAXX ( LINEST ( Lines[Key], Lines[Group] ), [Slope1] )",
        "error",
    );
}

#[test]
fn samples() {
    check(
        "CONCATENATEX ( SAMPLE ( 3, Lines, Lines[Key] ), Lines[Key], \"-\", Lines[Key] )",
        "1-3-5",
    );
    check(
        "CONCATENATEX ( SAMPLE ( 2, Lines, Lines[Key], 0 ), Lines[Key], \"-\", Lines[Key] )",
        "1-5",
    );
    check("COUNTROWS ( SAMPLE ( 0, Lines ) )", "BLANK");
    check(
        "COUNTROWS ( SAMPLECARTESIANPOINTSBYCOVER ( 3, Lines, Lines[Key], Lines[Amount] ) )",
        "3",
    );
    check(
        "COUNTROWS ( SAMPLECARTESIANPOINTSBYCOVER ( 3, Lines, Lines[Key], Lines[Amount], Lines[Key] ) )",
        "error",
    );
    check(
        "COUNTROWS ( SAMPLEAXISWITHLOCALMINMAX ( 2, Lines, Lines[Key], Lines[Amount], 1 ) )",
        "2",
    );
}

#[test]
fn tables_as_text() {
    check(
        "TOCSV ( SELECTCOLUMNS ( FILTER ( Lines, Lines[Key] = 5 ), Lines[Key], Lines[Amount], \"t\", \"a,b\" ) )",
        "'Lines'[Key],'Lines'[Amount],[t]\n5,,\"a,b\"",
    );
    check("TOCSV ( VALUES ( Lines[Group] ), 1, \";\", FALSE )", "a");
    check(
        "TOJSON ( FILTER ( VALUES ( Lines[Group] ), Lines[Group] = \"b\" ) )",
        "{\n\"header\": [\"'Lines'[Group]\"],\n\"rowCount\": 1,\n\"data\": [\n[\"b\"]\n]\n}",
    );
}

#[test]
fn earlier_rows_of_columns_without_a_table() {
    let ranks = "VAR t = ADDCOLUMNS ( Lines, \"a\", 10 * Lines[Key] ) RETURN CONCATENATEX ( t, COUNTROWS ( FILTER ( t, [a] >= EARLIER ( [a] ) ) ), \" \", [a] )";
    check(ranks, "5 4 3 2 1");
    check(
        "SUMX ( Lines, COUNTROWS ( FILTER ( Lines, [Key] < EARLIER ( [Key] ) ) ) )",
        "10",
    );
    check(
        "SUMX ( Lines, SUMX ( Lines, SUMX ( FILTER ( Lines, [Key] = 1 ), EARLIEST ( [Key] ) ) ) )",
        "75",
    );
    check("SUMX ( Lines, EARLIER ( [Key] ) )", "error");
    // Where the rows around are those of another table, the row outside them is the earlier one.
    check(
        "SUMX ( Names, COUNTROWS ( FILTER ( Lines, Lines[Group] = EARLIER ( Names[Group] ) ) ) )",
        "5",
    );
    check(
        "SUMX ( Names, CALCULATE ( COUNTROWS ( Lines ), FILTER ( ALL ( Lines ), Lines[Group] > EARLIER ( Names[Group] ) ), ALL ( Names ) ) )",
        "3",
    );
    check(
        "SUMX ( Lines, SUMX ( FILTER ( Names, Names[Group] = EARLIER ( [Group] ) ), EARLIER ( Lines[Key] ) ) )",
        "15",
    );
    // In a condition of CALCULATE the row outside is the earlier one, whichever columns the condition compares.
    check(
        "SUMX ( Lines, CALCULATE ( SUM ( Lines[Key] ), Lines[Key] * 10 = EARLIER ( Lines[Amount] ), ALLEXCEPT ( Lines, Lines[Key] ) ) )",
        "10",
    );
}

/// The expressions of SUMMARIZE are filtered by the rows of each group, not by the grouping columns alone.
#[test]
fn rows_of_a_group_filter_what_summarize_computes() {
    let groups = |expression: &str| {
        format!(
            "CONCATENATEX ( SUMMARIZE ( Lines, Lines[Group], \"x\", {expression} ), [x], \" \", Lines[Group] )"
        )
    };
    check(&groups("SUM ( Lines[Amount] )"), "30 70");
    // The key of each line still filters.
    check(
        &groups("CALCULATE ( SUM ( Lines[Amount] ), ALL ( Lines[Group] ) )"),
        "30 70",
    );
    check(
        &groups("CALCULATE ( SUM ( Lines[Amount] ), ALL ( Lines ) )"),
        "100 100",
    );
    // One of the three names is that of the group.
    check(&groups("COUNTROWS ( Names )"), "1 1");
    check(
        "CONCATENATEX ( ADDCOLUMNS ( SUMMARIZE ( Lines, Lines[Group] ), \"x\", CALCULATE ( SUM ( Lines[Amount] ), ALL ( Lines[Group] ) ) ), [x], \" \", Lines[Group] )",
        "100 100",
    );
}

#[test]
fn a_filter_argument_is_not_left_out() {
    check("CALCULATE ( [Total] )", "100");
    check("CALCULATE ( [Total], )", "error");
    check("CALCULATE ( [Total], , Lines[Key] = 1 )", "error");
    check("COUNTROWS ( CALCULATETABLE ( Lines, ) )", "error");
    // Where the end of the year follows, the filter before it may be.
    check(
        "CALCULATE ( TOTALYTD ( [Total], Lines[Day], , \"12-31\" ), Lines[Key] = 2 )",
        "20",
    );
}

#[test]
fn items_that_a_summary_lacks() {
    let rows = |table: &str| {
        format!("CONCATENATEX ( {table}, Names[Group] & \":\" & [s], \" \", Names[Group] )")
    };
    let summary = "SUMMARIZECOLUMNS ( Names[Group], \"s\", [Total] )";
    check(&rows(summary), "a:30 b:70");
    check(
        &rows(&format!(
            "ADDMISSINGITEMS ( Names[Group], {summary}, Names[Group] )"
        )),
        "a:30 b:70 c:",
    );
    check(
        &rows(&format!(
            "ADDMISSINGITEMS ( {summary}, Names[Group], FILTER ( ALL ( Names[Group] ), Names[Group] <> \"c\" ) )"
        )),
        "a:30 b:70",
    );
    let rolled = "SUMMARIZECOLUMNS ( ROLLUPADDISSUBTOTAL ( Names[Group], \"t\" ), \"s\", [Total] )";
    check(
        &format!(
            "CONCATENATEX ( ADDMISSINGITEMS ( Names[Group], {rolled}, ROLLUPISSUBTOTAL ( Names[Group], [t] ) ), Names[Group] & \":\" & [t] & \":\" & [s], \" \", [t], ASC, Names[Group] )"
        ),
        "a:FALSE:30 b:FALSE:70 c:FALSE: :TRUE:100",
    );
    // Two groups: a key that a group has no line of is missing where all combinations are shown.
    let both = "SUMMARIZECOLUMNS ( Names[Group], Lines[Flag], \"s\", [Total] )";
    check(&format!("COUNTROWS ( {both} )"), "4");
    check(
        &format!(
            "COUNTROWS ( ADDMISSINGITEMS ( Names[Group], Lines[Flag], {both}, Names[Group], Lines[Flag] ) )"
        ),
        "9",
    );
    check(
        &format!(
            "COUNTROWS ( ADDMISSINGITEMS ( Names[Group], {both}, Names[Group], Lines[Flag] ) )"
        ),
        "6",
    );
    check(
        &format!("COUNTROWS ( ADDMISSINGITEMS ( Names[Group], {both}, Lines[Key] ) )"),
        "error",
    );
}

#[test]
fn what_a_division_by_zero_leaves_counts_as_an_error() {
    check("IFERROR ( 25 / 0, 9999 )", "9999");
    check("IFERROR ( 0 / 0, 9999 )", "9999");
    check("IFERROR ( -25 / 0, 9999 )", "9999");
    check("ISERROR ( 25 / 0 )", "TRUE");
    check("ISERROR ( BLANK () / BLANK () )", "FALSE");
    check("IFERROR ( 25 / 5, 9999 )", "5");
    check("25 / ( 7 / 0 )", "0");
    check(
        "SUMX ( Lines, IFERROR ( 1 / ( Lines[Key] - 1 ), 100 ) )",
        "102.083333333333",
    );
}

#[test]
fn a_month_is_whole_with_the_days_that_the_column_has_of_it() {
    // The last of December and the first of January are all that there is of these months.
    check(
        "CALCULATE ( COUNTROWS ( DATEADD ( Lines[Day], -1, MONTH ) ), Lines[Key] >= 4 )",
        "1",
    );
    check(
        "CALCULATE ( COUNTROWS ( DATEADD ( Lines[Day], -1, MONTH ) ), Lines[Key] = 5 )",
        "BLANK",
    );
    check(
        "CALCULATE ( COUNTROWS ( DATEADD ( Lines[Day], -1, DAY ) ), Lines[Key] >= 4 )",
        "1",
    );
}

#[test]
fn a_condition_on_a_column_stands_for_the_dates_that_meet_it() {
    let rows = |table: &str| format!("COUNTROWS ( {table} )");
    check(&rows("DATESYTD ( Lines[Day] < DATE ( 2024, 4, 1 ) )"), "3");
    check(&rows("DATESYTD ( Lines[Day] > DATE ( 2024, 4, 1 ) )"), "1");
    check(
        &rows("DATEADD ( Lines[Day] <= DATE ( 2024, 2, 1 ), 1, MONTH )"),
        "2",
    );
    check(
        "CALCULATE ( COUNTROWS ( DATESYTD ( Lines[Day] < DATE ( 2024, 4, 1 ) ) ), Lines[Key] = 5 )",
        "3",
    );
    check(
        "FIRSTNONBLANK ( Lines[Key] > 2, CALCULATE ( [Total] ) )",
        "3",
    );
    check(&rows("DATESYTD ( Lines[Key] < 3 )"), "error");
    check(&rows("DATESYTD ( [Total] < 3 )"), "error");
    check(&rows("DATESYTD ( Lines[Day] + 1 )"), "error");
}

#[test]
fn parts_of_other_functions_do_not_stand_alone() {
    for part in [
        "ALLCROSSFILTERED ( Lines )",
        "CROSSFILTER ( Lines[Group], Names[Group], NONE )",
        "IGNORE ( 1 )",
        "NONVISUAL ( 1 )",
        "ROLLUP ( Lines[Group] )",
        "ROLLUPADDISSUBTOTAL ( Lines[Group], \"t\" )",
        "USERELATIONSHIP ( Lines[Group], Names[Group] )",
    ] {
        let refused = session().query(&format!("EVALUATE ROW ( \"x\", {part} )"));
        let message = refused.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message.contains("stands only among"), "{part}: {message}");
    }
}

#[test]
fn a_power_of_blank_is_blank() {
    check("BLANK () ^ 1", "BLANK");
    check("BLANK () ^ BLANK ()", "BLANK");
    check("1 ^ BLANK ()", "1");
    check("SUMX ( Lines, Lines[Amount] ^ 2 )", "3400");
}

#[test]
fn a_ceiling_is_of_the_type_of_its_significance() {
    check("ISINT64 ( CEILING ( 10.2, 1 ) )", "TRUE");
    check("ISINT64 ( CEILING ( 10.2, TRUE () ) )", "TRUE");
    check("ISDOUBLE ( CEILING ( 10, 0.5 ) )", "TRUE");
    check("ISDECIMAL ( CEILING ( CURRENCY ( 10.2 ), 1 ) )", "TRUE");
    check("ISINT64 ( ISO.CEILING ( -10.7, 1 ) )", "TRUE");
    check("ISDOUBLE ( ISO.CEILING ( 10.7, 0.5 ) )", "TRUE");
    check(
        "ISDECIMAL ( ISO.CEILING ( 10.7, CURRENCY ( 0.5 ) ) )",
        "TRUE",
    );
    check("ISO.CEILING ( -10.7, CURRENCY ( 0.5 ) )", "-10.5");
}

#[test]
fn the_operator_of_powers_refuses_what_the_function_refuses() {
    check("2 ^ -1", "0.5");
    check("0 ^ -1", "error");
    check("0 ^ 0", "error");
    check("10 ^ 400", "error");
    check("( -8 ) ^ 0.5", "error");
    check("IFERROR ( 0 ^ -1, 7 )", "7");
}

#[test]
fn dates_that_a_column_does_not_have_are_no_gaps() {
    check("COUNTROWS ( DATEADD ( Lines[Day], 1, MONTH ) )", "4");
    check("COUNTROWS ( SAMEPERIODLASTYEAR ( Lines[Day] ) )", "1");
    check(
        "CALCULATE ( COUNTROWS ( DATEADD ( Lines[Day], 1, MONTH ) ), Lines[Key] <= 2 )",
        "2",
    );
    check(
        "CALCULATE ( COUNTROWS ( DATEADD ( Lines[Day], 1, MONTH ) ), Lines[Key] IN { 1, 3 } )",
        "error",
    );
}

/// Two filters of one table: what freeing one of them leaves is what occurs with it.
#[test]
fn value_filters_of_one_table_count_together() {
    let query = "COUNTROWS ( FILTER ( SUMMARIZECOLUMNS ( TREATAS ( { 10 }, Lines[Amount] ), TREATAS ( { \"a\", \"b\" }, Lines[Group] ), \
        \"n\", CALCULATE ( COUNTROWS ( Lines ), ALL ( Lines[Amount] ) ) ), [n] = 2 ) )";
    check(query, "1");
    let grouped = "SUMX ( SUMMARIZECOLUMNS ( Lines[Amount], TREATAS ( { 10, 50 }, Lines[Amount] ), TREATAS ( { \"a\", \"b\" }, Lines[Group] ), \
        \"n\", CALCULATE ( COUNTROWS ( Lines ), ALL ( Lines[Amount] ) ) ), [n] )";
    check(grouped, "5");
    // One filter over several columns, and rows of a table that leads to no other: each group keeps its own.
    let pairs = "SUMX ( SUMMARIZECOLUMNS ( Lines[Amount], TREATAS ( { ( 10, \"a\" ), ( 50, \"b\" ) }, Lines[Amount], Lines[Group] ), \
        \"n\", CALCULATE ( COUNTROWS ( Lines ), ALL ( Lines[Amount] ) ) ), [n] )";
    check(pairs, "5");
    let rows = "SUMX ( SUMMARIZECOLUMNS ( Names[Long Name], FILTER ( Names, Names[Group] <> \"c\" ), \
        \"n\", CALCULATE ( COUNTROWS ( Lines ), ALL ( Names[Long Name] ) ) ), [n] )";
    check(rows, "5");
    let independent = MODEL.replace(
        "\"culture\": \"en-US\",",
        "\"culture\": \"en-US\", \"valueFilterBehavior\": \"independent\",",
    );
    let session = session_of(
        "functions-independent",
        &independent.replace("ROLES", "\"roles\": []"),
    );
    assert_eq!(value(&session, query), "BLANK");
    assert_eq!(value(&session, grouped), "10");
    assert_eq!(value(&session, pairs), "10");
    assert_eq!(value(&session, rows), "10");
}

/// A row of a table reads the levels of the date table behind its column, in a calculated column and in an iterator.
#[test]
fn a_row_reads_the_date_table_behind_its_column() {
    const DATED: &str = r#"{"name": "dated", "compatibilityLevel": 1600, "model": {"culture": "en-US", "tables": [
        {"name": "Visits", "columns": [
            {"type": "calculatedTableColumn", "name": "Day", "dataType": "dateTime", "sourceColumn": "[Day]",
             "variations": [{"name": "Variation", "relationship": "visited", "isDefault": true, "defaultHierarchy": {"table": "Days", "hierarchy": "Dates"}}]},
            {"type": "calculated", "name": "Year", "dataType": "int64", "expression": "Visits[Day].[Year]"}],
         "partitions": [{"name": "Visits", "source": {"type": "calculated", "expression": "DATATABLE(\"Day\", DATETIME, {{\"2024-02-28\"}, {\"2025-03-01\"}})"}}]},
        {"name": "Days", "columns": [
            {"type": "calculatedTableColumn", "name": "Date", "dataType": "dateTime", "sourceColumn": "[Date]", "isKey": true},
            {"type": "calculated", "name": "Year", "dataType": "int64", "expression": "YEAR([Date])"}],
         "hierarchies": [{"name": "Dates", "levels": [{"ordinal": 0, "name": "Year", "column": "Year"}, {"ordinal": 1, "name": "Date", "column": "Date"}]}],
         "partitions": [{"name": "Days", "source": {"type": "calculated", "expression": "CALENDAR(DATE(2024, 1, 1), DATE(2025, 12, 31))"}}]}],
        "relationships": [{"name": "visited", "fromTable": "Visits", "fromColumn": "Day", "toTable": "Days", "toColumn": "Date"}],
        "roles": []}}"#;
    let session = session_of("functions-dated", DATED);
    assert_eq!(value(&session, "SUM ( Visits[Year] )"), "4049");
    let later = "COUNTROWS ( FILTER ( Visits, Visits[Day].[Date] > DATE ( 2024, 12, 31 ) ) )";
    assert_eq!(value(&session, later), "1");
    // Without a row of its table a level has no single value.
    assert_eq!(value(&session, "Visits[Day].[Year]"), "error");
}

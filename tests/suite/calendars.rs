//! Time intelligence over calendars of the model: against the functions over columns of dates where both mean the same, and against
//! days written down or counted here where only a calendar can say it.

use std::fs;
use std::sync::OnceLock;

use peristyle::{Database, Identity, Session, Value, value_at};

use crate::scratch::Scratch;

/// Two years of days; each sells as many as its number. `Workdays` has no week-ends.
const MODEL: &str = r#"{ "name": "Days", "compatibilityLevel": 1702, "model": { "culture": "en-US", "tables": [
  { "name": "Days", "columns": [
      {"type": "calculatedTableColumn", "name": "Date", "dataType": "dateTime", "sourceColumn": "[Date]"},
      {"type": "calculatedTableColumn", "name": "Year", "dataType": "int64", "sourceColumn": "[Year]"},
      {"type": "calculatedTableColumn", "name": "Quarter", "dataType": "string", "sourceColumn": "[Quarter]"},
      {"type": "calculatedTableColumn", "name": "Month", "dataType": "string", "sourceColumn": "[Month]"},
      {"type": "calculatedTableColumn", "name": "Month Number", "dataType": "int64", "sourceColumn": "[Month Number]"},
      {"type": "calculatedTableColumn", "name": "Month Name", "dataType": "string", "sourceColumn": "[Month Name]", "sortByColumn": "Month Number"},
      {"type": "calculatedTableColumn", "name": "Week", "dataType": "int64", "sourceColumn": "[Week]"},
      {"type": "calculatedTableColumn", "name": "Weekend", "dataType": "boolean", "sourceColumn": "[Weekend]", "sortByColumn": "Weekend Number"},
      {"type": "calculatedTableColumn", "name": "Weekend Number", "dataType": "int64", "sourceColumn": "[Weekend Number]"},
      {"type": "calculatedTableColumn", "name": "Semester", "dataType": "string", "sourceColumn": "[Semester]"},
      {"type": "calculatedTableColumn", "name": "Quarter of Semester", "dataType": "int64", "sourceColumn": "[Quarter of Semester]"},
      {"type": "calculatedTableColumn", "name": "Note", "dataType": "string", "sourceColumn": "[Note]"} ],
    "partitions": [ { "name": "Days", "source": { "type": "calculated", "expression": [
      "ADDCOLUMNS ( CALENDAR ( DATE ( 2023, 1, 1 ), DATE ( 2024, 12, 31 ) ), \"Year\", YEAR ( [Date] ),",
      "  \"Quarter\", YEAR ( [Date] ) & \" Q\" & QUARTER ( [Date] ), \"Month\", FORMAT ( [Date], \"yyyy-mm\" ),",
      "  \"Month Number\", MONTH ( [Date] ), \"Month Name\", FORMAT ( [Date], \"mmmm\" ),",
      "  \"Week\", INT ( ( [Date] - DATE ( 2023, 1, 1 ) ) / 7 ), \"Weekend\", WEEKDAY ( [Date], 2 ) > 5,",
      "  \"Weekend Number\", IF ( WEEKDAY ( [Date], 2 ) > 5, 1, 0 ),",
      "  \"Semester\", YEAR ( [Date] ) & IF ( MONTH ( [Date] ) < 7, \" A\", \" B\" ), \"Quarter of Semester\", MOD ( QUARTER ( [Date] ) - 1, 2 ) + 1,",
      "  \"Note\", IF ( DAY ( [Date] ) > 15, \"late\", \"early\" ) )" ] } } ],
    "calendars": [
      { "name": "Gregorian", "calendarColumnGroups": [
        {"timeUnit": "year", "primaryColumn": "Year"}, {"timeUnit": "quarter", "primaryColumn": "Quarter"},
        {"timeUnit": "month", "primaryColumn": "Month"}, {"timeUnit": "date", "primaryColumn": "Date"},
        {"columns": ["Weekend"]} ] },
      { "name": "By name", "calendarColumnGroups": [
        {"timeUnit": "year", "primaryColumn": "Year"}, {"timeUnit": "quarter", "primaryColumn": "Quarter"},
        {"timeUnit": "monthOfYear", "primaryColumn": "Month Name"} ] },
      { "name": "Halves", "calendarColumnGroups": [
        {"timeUnit": "semester", "primaryColumn": "Semester"}, {"timeUnit": "quarterOfSemester", "primaryColumn": "Quarter of Semester"},
        {"timeUnit": "date", "primaryColumn": "Date"} ] },
      { "name": "Weekly", "calendarColumnGroups": [
        {"timeUnit": "week", "primaryColumn": "Week"}, {"timeUnit": "date", "primaryColumn": "Date"} ] } ] },
  { "name": "Workdays", "columns": [
      {"type": "calculatedTableColumn", "name": "Day", "dataType": "dateTime", "sourceColumn": "[Date]"},
      {"type": "calculatedTableColumn", "name": "Year", "dataType": "int64", "sourceColumn": "[Year]"} ],
    "partitions": [ { "name": "Workdays", "source": { "type": "calculated", "expression":
      "SELECTCOLUMNS ( FILTER ( Days, NOT Days[Weekend] ), \"Date\", Days[Date], \"Year\", Days[Year] )" } } ],
    "calendars": [ { "name": "Work", "calendarColumnGroups": [
        {"timeUnit": "year", "primaryColumn": "Year"}, {"timeUnit": "date", "primaryColumn": "Day"} ] } ] },
  { "name": "Sales", "columns": [
      {"type": "calculatedTableColumn", "name": "Date", "dataType": "dateTime", "sourceColumn": "[Date]"},
      {"type": "calculatedTableColumn", "name": "Pieces", "dataType": "int64", "sourceColumn": "[Pieces]"} ],
    "partitions": [ { "name": "Sales", "source": { "type": "calculated", "expression":
      "SELECTCOLUMNS ( CALENDAR ( DATE ( 2023, 1, 1 ), DATE ( 2024, 12, 31 ) ), \"Date\", [Date], \"Pieces\", INT ( [Date] - DATE ( 2022, 12, 31 ) ) )" } } ],
    "measures": [ { "name": "Total", "expression": "SUM ( Sales[Pieces] )" } ] } ],
  "relationships": [ { "name": "sold", "fromTable": "Sales", "fromColumn": "Date", "toTable": "Days", "toColumn": "Date" } ] } }"#;

fn session() -> Session {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    let database = DATABASE.get_or_init(|| {
        let scratch = Scratch::new("calendars");
        let model = scratch.path().join("model.bim");
        fs::write(&model, MODEL).unwrap();
        Database::import(&model, scratch.path()).unwrap()
    });
    database.session(Identity::anonymous()).unwrap()
}

fn rows(dax: &str) -> Vec<Vec<Value>> {
    let answer = session()
        .query(dax)
        .unwrap_or_else(|error| panic!("{dax}: {error}"));
    let table = &answer.tables[0];
    let row = |row| (0..table.columns.len()).map(move |c| value_at(table, c, row));
    (0..table.batch.num_rows())
        .map(|r| row(r).collect())
        .collect()
}

fn one(dax: &str) -> Value {
    rows(&format!("EVALUATE ROW ( \"x\", {dax} )"))[0][0].clone()
}

fn refused(dax: &str, expected: &str) {
    let error = session()
        .query(&format!("EVALUATE {dax}"))
        .expect_err(dax)
        .to_string();
    assert!(error.contains(expected), "{dax}: {error}");
}

/// The number of a day, which is what it sells.
fn number(month: i64, day: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let (year, month) = ((month - 1) / 12, (month - 1) % 12);
    let leap = i64::from(year == 1 && month > 1);
    365 * year + BEFORE[month as usize] + leap + day
}

fn sum(from: i64, to: i64) -> Value {
    Value::Integer((from..=to).sum())
}

#[test]
fn the_table_of_a_calendar_is_the_one_that_it_stands_in() {
    for expression in [
        "COUNTROWS ( {} )",
        "NAMEOF ( {} )",
        "MAXX ( {}, Days[Date] )",
    ] {
        let query = |table: &str| {
            rows(&format!(
                "EVALUATE ROW ( \"x\", {} )",
                expression.replace("{}", table)
            ))
        };
        assert_eq!(
            query("TABLEOF ( 'Gregorian' )"),
            query("Days"),
            "{expression}"
        );
    }
}

/// A full Gregorian calendar says what the dates say.
#[test]
fn a_gregorian_calendar_agrees_with_dates() {
    let whole = [
        ("DATESMTD ( {} )", true),
        ("DATESQTD ( {} )", true),
        ("DATESYTD ( {} )", true),
        ("PREVIOUSDAY ( {} )", true),
        ("PREVIOUSMONTH ( {} )", true),
        ("PREVIOUSQUARTER ( {} )", true),
        ("PREVIOUSYEAR ( {} )", true),
        ("NEXTDAY ( {} )", true),
        ("NEXTMONTH ( {} )", true),
        ("NEXTQUARTER ( {} )", true),
        ("NEXTYEAR ( {} )", true),
        ("STARTOFMONTH ( {} )", true),
        ("STARTOFQUARTER ( {} )", true),
        ("STARTOFYEAR ( {} )", true),
        ("ENDOFMONTH ( {} )", true),
        ("ENDOFQUARTER ( {} )", true),
        ("ENDOFYEAR ( {} )", true),
        ("FIRSTDATE ( {} )", true),
        ("LASTDATE ( {} )", true),
        ("PARALLELPERIOD ( {}, -1, MONTH )", true),
        ("PARALLELPERIOD ( {}, 2, QUARTER )", true),
        ("PARALLELPERIOD ( {}, 1, YEAR )", true),
        ("DATEADD ( {}, -40, DAY )", true),
        ("DATESINPERIOD ( {}, MAX ( Days[Date] ), -10, DAY )", true),
        ("DATESINPERIOD ( {}, MIN ( Days[Date] ), 1, MONTH )", false),
        (
            "DATESBETWEEN ( {}, MIN ( Days[Date] ), MAX ( Days[Date] ) + 3 )",
            true,
        ),
        // Of days these two differ at the ends of months, and in a year after a leap year.
        ("DATEADD ( {}, -1, MONTH )", false),
        ("SAMEPERIODLASTYEAR ( {} )", false),
    ];
    for (function, by_day) in whole {
        let grains: &[&str] = if by_day {
            &["Days[Date]", "Days[Month]", "Days[Quarter]", "Days[Year]"]
        } else {
            &["Days[Month]", "Days[Quarter]", "Days[Year]"]
        };
        for grain in grains {
            let query = |dates: &str| {
                let filter = function.replace("{}", dates);
                rows(&format!(
                    "EVALUATE ADDCOLUMNS ( VALUES ( {grain} ), \"x\", CALCULATE ( [Total], {filter} ), \
                     \"n\", COUNTROWS ( CALCULATETABLE ( {filter} ) ) ) ORDER BY {grain}"
                ))
            };
            assert_eq!(
                query("'Gregorian'"),
                query("Days[Date]"),
                "{function} by {grain}"
            );
        }
    }
    for total in [
        "TOTALMTD",
        "TOTALQTD",
        "TOTALYTD",
        "OPENINGBALANCEMONTH",
        "CLOSINGBALANCEQUARTER",
        "OPENINGBALANCEYEAR",
    ] {
        let query = |dates: &str| {
            rows(&format!(
                "EVALUATE ADDCOLUMNS ( VALUES ( Days[Date] ), \"x\", {total} ( [Total], {dates} ) ) ORDER BY Days[Date]"
            ))
        };
        assert_eq!(query("Gregorian"), query("Days[Date]"), "{total}");
    }
}

#[test]
fn weeks_are_what_the_calendar_says() {
    let by_day = rows(
        "EVALUATE ADDCOLUMNS ( VALUES ( Days[Date] ), \"to date\", TOTALWTD ( [Total], 'Weekly' ), \
         \"next\", CALCULATE ( [Total], NEXTWEEK ( 'Weekly' ) ), \"before\", CALCULATE ( [Total], PREVIOUSWEEK ( 'Weekly' ) ), \
         \"start\", CALCULATE ( [Total], STARTOFWEEK ( 'Weekly' ) ), \"end\", CLOSINGBALANCEWEEK ( [Total], 'Weekly' ), \
         \"opening\", OPENINGBALANCEWEEK ( [Total], 'Weekly' ), \"later\", CALCULATE ( [Total], DATEADD ( 'Weekly', 2, WEEK ) ) ) \
         ORDER BY Days[Date]",
    );
    assert_eq!(by_day.len(), 731);
    let amount = |from: i64, to: i64| {
        let (from, to) = (from.max(1), to.min(731));
        if from > to {
            Value::Blank
        } else {
            sum(from, to)
        }
    };
    for (day, row) in (1i64..).zip(&by_day) {
        let start = (day - 1) / 7 * 7 + 1;
        let end = (start + 6).min(731);
        let expected = [
            amount(start, day),
            amount(start + 7, start + 13),
            amount(start - 7, start - 1),
            amount(start, start),
            amount(end, end),
            if start == 1 {
                Value::Blank
            } else {
                amount(start - 1, start - 1)
            },
            amount(day + 14, day + 14),
        ];
        assert_eq!(row[1..], expected, "day {day}");
    }
}

/// A month of another calendar gives way to the shifted weeks, so it says which weeks are shifted. A note does neither.
#[test]
fn shifts_start_from_what_other_calendars_select() {
    let a_week_before = |filters: &str| {
        one(&format!(
            "CALCULATE ( CALCULATE ( [Total], DATEADD ( 'Weekly', -1, WEEK ) ), {filters} )"
        ))
    };
    assert_eq!(
        a_week_before("Days[Month] = \"2024-03\""),
        sum(number(14, 23), number(15, 24))
    );
    assert_eq!(
        a_week_before("Days[Year] = 2024, Days[Month Name] = \"March\", Days[Month Number] = 3"),
        sum(number(14, 23), number(15, 24))
    );
    assert_eq!(
        a_week_before("Days[Month] = \"2024-03\", Days[Note] = \"early\""),
        sum(number(15, 1), number(15, 15))
    );
}

/// The second quarter of a half of the year is a quarter of the year.
#[test]
fn quarters_are_told_by_their_semester() {
    let in_may = |dax: &str| {
        one(&format!(
            "CALCULATE ( {dax}, Days[Date] = DATE ( 2024, 5, 10 ) )"
        ))
    };
    assert_eq!(
        in_may("TOTALQTD ( [Total], 'Halves' )"),
        sum(number(16, 1), number(17, 10))
    );
    assert_eq!(
        in_may("CALCULATE ( [Total], PREVIOUSQUARTER ( 'Halves' ) )"),
        sum(number(13, 1), number(15, 31))
    );
    assert_eq!(
        in_may("CALCULATE ( [Total], DATEADD ( 'Halves', -2, QUARTER ) )"),
        sum(number(11, 9), number(11, 9))
    );
    let by_half = "CALCULATE ( CALCULATE ( [Total], PREVIOUSQUARTER ( 'Halves' ) ), Days[Semester] = \"2024 A\" )";
    assert_eq!(one(by_half), sum(number(10, 1), number(12, 31)));
}

/// DATEADD keeps places within periods, and its last two arguments say what happens at their ends.
#[test]
fn shifts_go_by_place_in_the_period() {
    let check = |from: (i64, i64),
                 to: (i64, i64),
                 rule: &str,
                 expected: Option<((i64, i64), (i64, i64))>| {
        let date = |(month, day): (i64, i64)| {
            format!(
                "DATE ( {}, {}, {day} )",
                2023 + (month - 1) / 12,
                (month - 1) % 12 + 1
            )
        };
        let found = one(&format!(
            "CALCULATE ( [Total], CALCULATETABLE ( DATEADD ( 'Gregorian', {rule} ), Days[Date] >= {} && Days[Date] <= {} ) )",
            date(from),
            date(to)
        ));
        let expected = expected.map_or(Value::Blank, |(from, to)| {
            sum(number(from.0, from.1), number(to.0, to.1))
        });
        assert_eq!(found, expected, "{from:?}..{to:?} by {rule}");
    };
    check((3, 3), (3, 10), "1, MONTH", Some(((4, 3), (4, 10))));
    check((2, 25), (2, 28), "1, MONTH", Some(((3, 25), (3, 31))));
    check(
        (2, 25),
        (2, 28),
        "1, MONTH, EXTENDING",
        Some(((3, 25), (3, 31))),
    );
    check(
        (2, 25),
        (2, 28),
        "1, MONTH, PRECISE",
        Some(((3, 25), (3, 28))),
    );
    check(
        (2, 28),
        (2, 28),
        "1, MONTH, ENDALIGNED",
        Some(((3, 31), (3, 31))),
    );
    check(
        (2, 27),
        (2, 27),
        "1, MONTH, ENDALIGNED",
        Some(((3, 27), (3, 27))),
    );
    check((3, 31), (3, 31), "-1, MONTH", None);
    check((3, 31), (3, 31), "-1, MONTH, , BLANKS", None);
    check(
        (3, 31),
        (3, 31),
        "-1, MONTH, PRECISE, ANCHORED",
        Some(((2, 28), (2, 28))),
    );
    check((3, 1), (3, 31), "-1, MONTH", Some(((2, 1), (2, 28))));
    check((1, 15), (2, 28), "1, MONTH", Some(((2, 15), (3, 31))));
    // The sixtieth day of the year is the sixtieth day of the year.
    check((14, 29), (14, 29), "-1, YEAR", Some(((3, 1), (3, 1))));
    check((1, 1), (1, 1), "-1, MONTH", None);
    check((12, 30), (12, 31), "30, DAY", Some(((13, 29), (13, 30))));
}

/// What a shift keeps of other columns of the table, and what other functions clear.
#[test]
fn columns_that_only_relate_to_time() {
    let by = |column: &str, filter: &str| {
        rows(&format!(
            "EVALUATE ADDCOLUMNS ( CROSSJOIN ( {{ 2024 }}, VALUES ( {column} ) ), \
             \"x\", CALCULATE ( [Total], {filter}, TREATAS ( {{ [Value] }}, Days[Year] ) ) ) ORDER BY {column}"
        ))
    };
    let nested = |column: &str, function: &str| {
        rows(&format!(
            "EVALUATE SUMMARIZECOLUMNS ( Days[Year], {column}, \"x\", CALCULATE ( [Total], {function} ) ) ORDER BY Days[Year], {column}"
        ))
    };
    let last_year = by("Days[Weekend]", "Days[Date] < DATE ( 1900, 1, 1 )");
    assert_eq!(last_year.len(), 2);
    let own = |column: &str| {
        rows(&format!(
            "EVALUATE SUMMARIZECOLUMNS ( {column}, TREATAS ( {{ 2023 }}, Days[Year] ), \"x\", [Total] ) ORDER BY {column}"
        ))
    };
    let of_2024 = |rows: Vec<Vec<Value>>| -> Vec<Value> {
        let rows = rows
            .into_iter()
            .filter(|row| row[0] == Value::Integer(2024));
        rows.map(|row| row[2].clone()).collect()
    };
    let values = |rows: Vec<Vec<Value>>| -> Vec<Value> {
        rows.into_iter().map(|row| row[1].clone()).collect()
    };
    // DATEADD leaves them as they are, tagged or not.
    for column in ["Days[Weekend]", "Days[Note]"] {
        for function in [
            "DATEADD ( 'Gregorian', -1, YEAR )",
            "SAMEPERIODLASTYEAR ( 'Gregorian' )",
        ] {
            assert_eq!(
                of_2024(nested(column, function)),
                values(own(column)),
                "{function} by {column}"
            );
        }
    }
    let parallel = "PARALLELPERIOD ( 'Gregorian', -1, YEAR )";
    assert_eq!(
        of_2024(nested("Days[Note]", parallel)),
        values(own("Days[Note]"))
    );
    let whole = sum(1, 365);
    assert_eq!(
        of_2024(nested("Days[Weekend]", parallel)),
        [whole.clone(), whole]
    );
}

#[test]
fn days_that_are_missing_are_passed_over() {
    // 2023-01-09 is a Monday.
    let day = |dax: &str| {
        rows(&format!(
            "EVALUATE CALCULATETABLE ( SELECTCOLUMNS ( {dax}, \"n\", INT ( Workdays[Day] - DATE ( 2022, 12, 31 ) ) ), \
             Workdays[Day] = DATE ( 2023, 1, 9 ) )"
        ))
    };
    assert_eq!(day("PREVIOUSDAY ( 'Work' )"), [[Value::Integer(6)]]);
    assert_eq!(day("NEXTDAY ( 'Work' )"), [[Value::Integer(10)]]);
    assert_eq!(
        day("DATEADD ( 'Work', -6, DAY )"),
        Vec::<Vec<Value>>::new() as Vec<Vec<Value>>
    );
    assert_eq!(day("DATEADD ( 'Work', -5, DAY )"), [[Value::Integer(2)]]);
}

/// 2023-01-07 and 2023-01-08 are a week-end.
#[test]
fn an_end_that_the_calendar_does_not_have_stays_open() {
    let days = |from: &str, to: &str| {
        one(&format!(
            "COUNTROWS ( DATESBETWEEN ( 'Work', {from}, {to} ) )"
        ))
    };
    let (friday, saturday) = ("DATE ( 2023, 1, 6 )", "DATE ( 2023, 1, 7 )");
    assert_eq!(days("DATE ( 2023, 1, 4 )", friday), Value::Integer(3));
    assert_eq!(days(saturday, friday), Value::Integer(5));
    assert_eq!(days("BLANK ()", friday), Value::Integer(5));
    assert_eq!(
        days("DATE ( 2024, 12, 30 )", saturday),
        days("DATE ( 2024, 12, 30 )", "BLANK ()")
    );
    assert_eq!(days("DATE ( 2024, 12, 30 )", saturday), Value::Integer(2));
    assert_eq!(days("\"Friday\"", friday), Value::Integer(5));
}

/// A filter on one column of a calendar takes the place of those that say something else of the same time, whoever sets it.
#[test]
fn filters_on_a_calendar_clear_what_bears_upon_them() {
    let march = sum(number(3, 1), number(3, 31));
    let within = |filter: &str, outer: &str| {
        one(&format!(
            "CALCULATE ( CALCULATE ( [Total], {filter} ), {outer} )"
        ))
    };
    assert_eq!(
        within("Days[Month] = \"2023-03\"", "Days[Year] = 2024"),
        march
    );
    assert_eq!(
        within(
            "KEEPFILTERS ( Days[Month] = \"2023-03\" )",
            "Days[Year] = 2024"
        ),
        Value::Blank
    );
    // The name of a month says nothing of the year, and the note nothing of anything.
    assert_eq!(
        within("Days[Month Name] = \"March\"", "Days[Year] = 2023"),
        march
    );
    assert_eq!(
        within("Days[Month] = \"2023-03\"", "Days[Note] = \"early\""),
        sum(number(3, 1), number(3, 15))
    );
    // What only relates to time goes with the column that sorts it, which a visual groups by too.
    let weekends = "Days[Year] = 2024, Days[Weekend] = TRUE (), Days[Weekend Number] = 1";
    assert_eq!(
        within("PARALLELPERIOD ( 'Gregorian', -1, YEAR )", weekends),
        sum(1, 365)
    );
    assert_eq!(
        within("DATEADD ( 'Gregorian', -1, YEAR )", weekends),
        within(
            "Days[Year] = 2023",
            "Days[Weekend] = TRUE (), Days[Weekend Number] = 1"
        )
    );
    // April of one quarter earlier is January, although the shift is by a column that the context does not name.
    let by_month = rows(
        "EVALUATE FILTER ( SUMMARIZECOLUMNS ( Days[Year], Days[Month Name], Days[Month Number], \
         \"x\", CALCULATE ( [Total], DATEADD ( 'By name', -1, QUARTER ) ) ), Days[Year] = 2023 ) ORDER BY Days[Month Number]",
    );
    assert_eq!(by_month.len(), 9, "{by_month:?}");
    assert_eq!(by_month[0][1], Value::Text("April".into()));
    assert_eq!(by_month[0][3], sum(1, 31));
}

#[test]
fn what_a_calendar_cannot_say_is_refused() {
    refused(
        "ROW ( \"x\", TOTALWTD ( [Total], Days[Date] ) )",
        "needs a calendar",
    );
    refused(
        "ROW ( \"x\", TOTALWTD ( [Total], 'Gregorian' ) )",
        "tell weeks apart",
    );
    refused("DATESMTD ( 'Weekly' )", "tell months apart");
    refused(
        "DATESYTD ( 'Gregorian', \"6-30\" )",
        "a calendar knows its own",
    );
    refused(
        "DATEADD ( Days[Date], 1, MONTH, PRECISE )",
        "with a calendar of the model only",
    );
    refused(
        "DATEADD ( 'Gregorian', 1, MONTH, SOMETIMES )",
        "PRECISE, EXTENDING or ENDALIGNED",
    );
    refused(
        "DATESINPERIOD ( 'By name', 1, 1, MONTH )",
        "no column of days",
    );
}

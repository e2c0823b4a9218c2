//! Relationships that an expression chooses: by USERELATIONSHIP and CROSSFILTER, one-to-one and inactive ones among them.

use peristyle::Session;

use crate::functions::{check, value};
use crate::scratch::session_of;

/// Lines that were ordered on one day and shipped on another; the second relationship is inactive. Some days have a note.
pub const SHIPPED: &str = r#"{
  "name": "shipped", "compatibilityLevel": 1600,
  "model": { "culture": "en-US", "tables": [
    { "name": "Sold",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Ordered", "dataType": "int64", "sourceColumn": "[Ordered]" },
        { "type": "calculatedTableColumn", "name": "Shipped", "dataType": "int64", "sourceColumn": "[Shipped]" },
        { "type": "calculatedTableColumn", "name": "Amount", "dataType": "double", "sourceColumn": "[Amount]" } ],
      "partitions": [ { "name": "Sold", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Ordered\", INTEGER, \"Shipped\", INTEGER, \"Amount\", DOUBLE, { { 1, 3, 10 }, { 2, 3, 20 }, { 3, BLANK(), 40 } } )" } } ] },
    { "name": "Days",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Day", "dataType": "int64", "sourceColumn": "[Day]", "isKey": true },
        { "type": "calculatedTableColumn", "name": "Month", "dataType": "string", "sourceColumn": "[Month]" } ],
      "partitions": [ { "name": "Days", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Day\", INTEGER, \"Month\", STRING, { { 1, \"Jan\" }, { 2, \"Jan\" }, { 3, \"Feb\" } } )" } } ] },
    { "name": "Notes",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Day", "dataType": "int64", "sourceColumn": "[Day]", "isKey": true },
        { "type": "calculatedTableColumn", "name": "Note", "dataType": "string", "sourceColumn": "[Note]" } ],
      "partitions": [ { "name": "Notes", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Day\", INTEGER, \"Note\", STRING, { { 1, \"x\" }, { 2, \"y\" } } )" } } ] } ],
    "relationships": [
      { "name": "Notes", "fromTable": "Notes", "fromColumn": "Day", "toTable": "Days", "toColumn": "Day", "fromCardinality": "one", "crossFilteringBehavior": "bothDirections" },
      { "name": "Ordered", "fromTable": "Sold", "fromColumn": "Ordered", "toTable": "Days", "toColumn": "Day" },
      { "name": "Shipped", "fromTable": "Sold", "fromColumn": "Shipped", "toTable": "Days", "toColumn": "Day", "isActive": false } ] } }"#;

fn shipped() -> Session {
    session_of("relationships-shipped", SHIPPED)
}

#[test]
fn a_relationship_of_one_to_one_is_used_one_way() {
    let session = shipped();
    for (filters, days, notes) in [
        ("", "1", "BLANK"),
        (", USERELATIONSHIP ( Notes[Day], Days[Day] )", "3", "BLANK"),
        (", USERELATIONSHIP ( Days[Day], Notes[Day] )", "1", "2"),
        (
            ", USERELATIONSHIP ( Days[Day], Notes[Day] ), USERELATIONSHIP ( Notes[Day], Days[Day] )",
            "1",
            "BLANK",
        ),
        (
            ", CROSSFILTER ( Notes[Day], Days[Day], BOTH ), USERELATIONSHIP ( Notes[Day], Days[Day] )",
            "1",
            "BLANK",
        ),
    ] {
        let by_note = format!("CALCULATE ( COUNTROWS ( Days ), Notes[Note] = \"x\"{filters} )");
        assert_eq!(value(&session, &by_note), days, "{by_note}");
        let by_month = format!("CALCULATE ( COUNTROWS ( Notes ), Days[Month] = \"Feb\"{filters} )");
        assert_eq!(value(&session, &by_month), notes, "{by_month}");
    }
}

/// A table that ALLEXCEPT keeps is as expanded as the one that it frees.
#[test]
fn a_table_is_kept_with_what_it_expands_to() {
    let session = shipped();
    for (kept, filters, total) in [
        ("Days", "Notes[Note] = \"x\"", "10"),
        ("Notes", "Days[Month] = \"Jan\"", "30"),
        ("Days", "Sold[Amount] = 10", "70"),
        ("Days[Month]", "Notes[Note] = \"x\"", "70"),
        (
            "Days, Sold[Shipped]",
            "Sold[Shipped] = 3, Notes[Note] = \"x\"",
            "10",
        ),
    ] {
        let query = format!(
            "CALCULATE ( CALCULATE ( SUM ( Sold[Amount] ), ALLEXCEPT ( Sold, {kept} ) ), {filters} )"
        );
        assert_eq!(value(&session, &query), total, "{query}");
    }
}

/// Day 3 has no note, so that Notes has a blank row, which is no row that SUMMARIZE groups.
#[test]
fn the_blank_row_is_none_of_the_rows_that_summarize_filters_by() {
    let session = shipped();
    let notes = "COUNTROWS ( VALUES ( Notes[Note] ) )";
    assert_eq!(value(&session, notes), "3");
    let summarized = format!("SUMX ( SUMMARIZE ( Notes, \"w\", {notes} ), [w] )");
    assert_eq!(value(&session, &summarized), "2");
}

#[test]
fn ways_of_relationships_that_are_refused() {
    let session = shipped();
    for (ends, way) in [
        ("Sold[Ordered], Days[Day]", "ONEWAY_LEFTFILTERSRIGHT"),
        ("Sold[Ordered], Days[Day]", "4"),
        ("Sold[Ordered], Days[Day]", "5"),
        ("Days[Day], Sold[Ordered]", "ONEWAY_RIGHTFILTERSLEFT"),
        ("Notes[Day], Days[Day]", "ONEWAY_LEFTFILTERSRIGHT"),
        ("Notes[Day], Days[Day]", "ONEWAY_RIGHTFILTERSLEFT"),
    ] {
        let query = format!("CALCULATE ( COUNTROWS ( Sold ), CROSSFILTER ( {ends}, {way} ) )");
        assert_eq!(value(&session, &query), "error", "{query}");
    }
    // From the one side to the many is the only way there is, so it may be named.
    for (ends, way, days) in [
        ("Sold[Ordered], Days[Day]", "ONEWAY_RIGHTFILTERSLEFT", "3"),
        ("Days[Day], Sold[Ordered]", "OneWay_LeftFiltersRight", "3"),
        ("Sold[Ordered], Days[Day]", "3", "3"),
        ("Sold[Ordered], Days[Day]", "1", "3"),
        ("Sold[Ordered], Days[Day]", "2", "1"),
    ] {
        let query = format!(
            "CALCULATE ( COUNTROWS ( Days ), Sold[Amount] = 10, CROSSFILTER ( {ends}, {way} ) )"
        );
        assert_eq!(value(&session, &query), days, "{query}");
    }
    // Between one and one, one direction is both.
    let noted = "CALCULATE ( COUNTROWS ( Days ), Notes[Note] = \"x\", CROSSFILTER ( Notes[Day], Days[Day], ONEWAY ) )";
    assert_eq!(value(&session, noted), "1");
    let one_way = "CALCULATE ( COUNTROWS ( Days ), Sold[Amount] = 10, CROSSFILTER ( Sold[Ordered], Days[Day], ONEWAY ) )";
    assert_eq!(value(&session, one_way), "3");
    check(
        "CALCULATE ( [Total], NONVISUAL ( TREATAS ( { \"a\" }, Lines[Group] ) ) )",
        "error",
    );
}

/// Rows filter the days that they led to where the filter was made: 1, 2 and 3 by the order. Of no line is that the day that it was shipped.
#[test]
fn filters_on_rows_keep_the_relationships_that_they_were_made_under() {
    let session = shipped();
    let ship = "USERELATIONSHIP ( Sold[Shipped], Days[Day] )";
    for (expression, expected) in [
        ("CALCULATE ( SUM ( Sold[Amount] ), {ship} )", "70"),
        (
            "CALCULATE ( SUM ( Sold[Amount] ), Sold[Amount] > 0, {ship} )",
            "70",
        ),
        (
            "CALCULATE ( SUM ( Sold[Amount] ), FILTER ( Sold, Sold[Amount] > 0 ), {ship} )",
            "BLANK",
        ),
        (
            "CALCULATE ( SUM ( Sold[Amount] ), Sold, {ship}, REMOVEFILTERS ( Days ) )",
            "BLANK",
        ),
        (
            "CALCULATE ( CALCULATE ( SUM ( Sold[Amount] ), {ship} ), FILTER ( Sold, Sold[Amount] > 0 ) )",
            "BLANK",
        ),
        (
            "CALCULATE ( CALCULATE ( SUM ( Sold[Amount] ), {ship}, REMOVEFILTERS ( Days ) ), FILTER ( Sold, Sold[Amount] < 40 ) )",
            "30",
        ),
        (
            "CALCULATE ( CALCULATE ( SUM ( Sold[Amount] ), FILTER ( Sold, Sold[Amount] < 40 ) ), {ship} )",
            "30",
        ),
        (
            "CALCULATE ( CALCULATE ( COUNTROWS ( Days ), {ship} ), FILTER ( Sold, Sold[Amount] < 40 ) )",
            "2",
        ),
        (
            "CALCULATE ( CALCULATE ( COUNTROWS ( Days ), FILTER ( Sold, Sold[Amount] < 40 ) ), {ship} )",
            "1",
        ),
        (
            "SUMX ( Sold, CALCULATE ( SUM ( Sold[Amount] ), {ship} ) )",
            "BLANK",
        ),
        (
            "SUMX ( Sold, CALCULATE ( SUM ( Sold[Amount] ), {ship}, REMOVEFILTERS ( Days ) ) )",
            "70",
        ),
        (
            "CONCATENATEX ( Sold, CALCULATE ( MAX ( Days[Day] ), {ship} ), \"|\", Sold[Ordered], ASC )",
            "1|2|3",
        ),
        (
            "CONCATENATEX ( Sold, CALCULATE ( CALCULATE ( MAX ( Days[Day] ), Sold ), {ship} ), \"|\", Sold[Ordered], ASC )",
            "||",
        ),
        (
            "CONCATENATEX ( Sold, CALCULATE ( CALCULATE ( MAX ( Days[Day] ), Sold ), {ship}, ALL ( Days ) ), \"|\", Sold[Ordered], ASC )",
            "3|3|",
        ),
        (
            "CALCULATE ( CALCULATE ( COUNTROWS ( Days ), CROSSFILTER ( Sold[Ordered], Days[Day], NONE ) ), FILTER ( Sold, Sold[Amount] < 40 ) )",
            "2",
        ),
    ] {
        let expression = expression.replace("{ship}", ship);
        assert_eq!(value(&session, &expression), expected, "{expression}");
    }
}

/// Modifiers apply after the filters of current rows, and before those of filter arguments; of modifiers those first that choose relationships.
/// Without the relationship that CROSSFILTER cuts, Sold is not expanded by the days, so that a filter on them stays when Sold is freed.
#[test]
fn relationships_are_chosen_before_columns_are_freed() {
    let session = shipped();
    let ship = "USERELATIONSHIP ( Sold[Shipped], Days[Day] )";
    let none = "CROSSFILTER ( Sold[Ordered], Days[Day], NONE )";
    for (freed, plain, cut, used) in [
        ("ALL ( Sold )", "3", "2", "3"),
        ("REMOVEFILTERS ( Sold )", "3", "2", "3"),
        ("ALLEXCEPT ( Sold, Sold[Amount] )", "3", "2", "3"),
        ("ALLEXCEPT ( Sold, Days[Month] )", "2", "2", "2"),
        // A filter argument is evaluated, and expanded, outside.
        ("FILTER ( ALL ( Sold ), TRUE )", "3", "3", "3"),
        (
            "KEEPFILTERS ( FILTER ( ALL ( Sold ), TRUE ) )",
            "2",
            "2",
            "2",
        ),
    ] {
        for (chosen, days) in [
            (String::new(), plain),
            (format!(", {none}"), cut),
            (format!(", {ship}"), used),
        ] {
            let query = format!(
                "CALCULATE ( CALCULATE ( COUNTROWS ( Days ), {freed}{chosen} ), Days[Month] = \"Jan\" )"
            );
            assert_eq!(value(&session, &query), days, "{query}");
        }
    }
    // Each line is a filter on its day of ordering too, until ALL frees it: of three lines, three days each.
    for (modifiers, days) in [
        (none.to_owned(), "3"),
        (format!("{none}, ALL ( Sold )"), "3"),
        (format!("{none}, REMOVEFILTERS ( Days )"), "9"),
        (ship.to_owned(), "3"),
        (format!("{ship}, ALL ( Sold )"), "9"),
    ] {
        let query = format!("SUMX ( Sold, CALCULATE ( COUNTROWS ( Days ), {modifiers} ) )");
        assert_eq!(value(&session, &query), days, "{query}");
    }
}

/// Of no day is what was shipped on none: that gives Days a blank row, whichever relationship is used, and by the order nothing is in it.
/// It stays among the rows of a filter when some of its columns are freed.
#[test]
fn an_inactive_relationship_gives_a_blank_row() {
    let session = shipped();
    for (expression, ordered, shipped) in [
        ("COUNTROWS ( VALUES ( Days ) )", "4", "4"),
        ("COUNTROWS ( ALL ( Days ) )", "4", "4"),
        ("COUNTROWS ( ALLNOBLANKROW ( Days ) )", "3", "3"),
        ("COUNTROWS ( VALUES ( Days[Month] ) )", "3", "3"),
        ("COUNTROWS ( DISTINCT ( Days[Month] ) )", "2", "2"),
        ("COUNTROWS ( Days )", "3", "3"),
        (
            "CALCULATE ( SUM ( Sold[Amount] ), VALUES ( Days ) )",
            "70",
            "70",
        ),
        ("CALCULATE ( SUM ( Sold[Amount] ), Days )", "70", "30"),
        (
            "CALCULATE ( CALCULATE ( SUM ( Sold[Amount] ), REMOVEFILTERS ( Days[Month] ) ), VALUES ( Days ) )",
            "70",
            "70",
        ),
        (
            "SUMX ( VALUES ( Days ), CALCULATE ( SUM ( Sold[Amount] ), ALL ( Days[Month] ) ) )",
            "70",
            "70",
        ),
        (
            "COUNTROWS ( TREATAS ( { 1, 2, 3, BLANK () }, Days[Day] ) )",
            "4",
            "4",
        ),
        // The days count with the month of their group: of no month, no day.
        (
            "SUMX ( SUMMARIZECOLUMNS ( Days[Month], VALUES ( Days[Day] ), \"x\", CALCULATE ( SUM ( Sold[Amount] ), REMOVEFILTERS ( Days[Month] ) ) ), [x] )",
            "70",
            "70",
        ),
        (
            "COUNTROWS ( SUMMARIZECOLUMNS ( Days[Month], \"x\", SUM ( Sold[Amount] ) ) )",
            "2",
            "2",
        ),
    ] {
        assert_eq!(value(&session, expression), ordered, "{expression}");
        let used =
            format!("CALCULATE ( {expression}, USERELATIONSHIP ( Sold[Shipped], Days[Day] ) )");
        assert_eq!(value(&session, &used), shipped, "{used}");
    }
    // Filters are evaluated outside, where days are those of ordering, and have a blank row as well.
    let ship = "USERELATIONSHIP ( Sold[Shipped], Days[Day] )";
    for (filter, expected) in [
        ("Days[Month] = BLANK ()", "40"),
        ("ISBLANK ( Days[Month] )", "40"),
        ("Days[Month] IN { BLANK () }", "40"),
        (
            "FILTER ( ALL ( Days[Month] ), Days[Month] = BLANK () )",
            "40",
        ),
        ("VALUES ( Days )", "70"),
        ("Days[Month] <> \"Jan\"", "70"),
        ("NOT ISBLANK ( Days[Month] )", "30"),
    ] {
        let query = format!("CALCULATE ( SUM ( Sold[Amount] ), {filter}, {ship} )");
        assert_eq!(value(&session, &query), expected, "{query}");
    }
    let by_month = format!(
        "SUMX ( SUMMARIZECOLUMNS ( Days[Month], \"x\", CALCULATE ( SUM ( Sold[Amount] ), {ship} ) ), [x] )"
    );
    assert_eq!(value(&session, &by_month), "70");
}

/// Sales lead to regions over shops and over buyers; of buyers only where that is asked for.
const DIAMOND: &str = r#"{
  "name": "diamond", "compatibilityLevel": 1600,
  "model": { "culture": "en-US", "tables": [
    { "name": "Sold",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Shop", "dataType": "int64", "sourceColumn": "[Shop]" },
        { "type": "calculatedTableColumn", "name": "Buyer", "dataType": "int64", "sourceColumn": "[Buyer]" },
        { "type": "calculatedTableColumn", "name": "Amount", "dataType": "int64", "sourceColumn": "[Amount]" } ],
      "partitions": [ { "name": "Sold", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Shop\", INTEGER, \"Buyer\", INTEGER, \"Amount\", INTEGER, { { 1, 1, 1 }, { 1, 2, 10 }, { 2, 1, 100 }, { 2, 2, 1000 } } )" } } ] },
    { "name": "Shops",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Shop", "dataType": "int64", "sourceColumn": "[Shop]" },
        { "type": "calculatedTableColumn", "name": "Region", "dataType": "int64", "sourceColumn": "[Region]" } ],
      "partitions": [ { "name": "Shops", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Shop\", INTEGER, \"Region\", INTEGER, { { 1, 1 }, { 2, 2 } } )" } } ] },
    { "name": "Buyers",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Buyer", "dataType": "int64", "sourceColumn": "[Buyer]" },
        { "type": "calculatedTableColumn", "name": "Region", "dataType": "int64", "sourceColumn": "[Region]" } ],
      "partitions": [ { "name": "Buyers", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Buyer\", INTEGER, \"Region\", INTEGER, { { 1, 1 }, { 2, 2 } } )" } } ] },
    { "name": "Regions",
      "columns": [ { "type": "calculatedTableColumn", "name": "Region", "dataType": "int64", "sourceColumn": "[Region]" } ],
      "partitions": [ { "name": "Regions", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Region\", INTEGER, { { 1 }, { 2 } } )" } } ] } ],
    "relationships": [
      { "name": "a", "fromTable": "Sold", "fromColumn": "Shop", "toTable": "Shops", "toColumn": "Shop" },
      { "name": "b", "fromTable": "Sold", "fromColumn": "Buyer", "toTable": "Buyers", "toColumn": "Buyer" },
      { "name": "c", "fromTable": "Shops", "fromColumn": "Region", "toTable": "Regions", "toColumn": "Region" },
      { "name": "d", "fromTable": "Buyers", "fromColumn": "Region", "toTable": "Regions", "toColumn": "Region", "isActive": false } ] } }"#;

/// Of several ways to a table the one is taken that USERELATIONSHIP gives most weight to: the innermost most of all.
#[test]
fn of_several_ways_the_weightiest_is_taken() {
    let session = session_of("relationships-diamond", DIAMOND);
    let shops = "USERELATIONSHIP ( Shops[Region], Regions[Region] )";
    let buyers = "USERELATIONSHIP ( Buyers[Region], Regions[Region] )";
    for (expression, expected) in [
        ("SUM ( Sold[Amount] )".to_owned(), "11"),
        (
            format!("CALCULATE ( SUM ( Sold[Amount] ), {buyers} )"),
            "101",
        ),
        (
            format!("CALCULATE ( CALCULATE ( SUM ( Sold[Amount] ), {buyers} ), {shops} )"),
            "101",
        ),
        (
            format!("CALCULATE ( CALCULATE ( SUM ( Sold[Amount] ), {shops} ), {buyers} )"),
            "11",
        ),
        (
            format!("CALCULATE ( SUMX ( Sold, RELATED ( Regions[Region] ) ), {buyers} )"),
            "2",
        ),
        // This one is on no way to the regions.
        (
            "CALCULATE ( SUM ( Sold[Amount] ), USERELATIONSHIP ( Sold[Buyer], Buyers[Buyer] ) )"
                .to_owned(),
            "11",
        ),
    ] {
        let filtered = format!("CALCULATE ( {expression}, Regions[Region] = 1 )");
        assert_eq!(value(&session, &filtered), expected, "{filtered}");
    }
}

/// Sales lead to shops, and over buyers to regions where that is asked for; there are 22,500 pairs of a shop and a region, more than are
/// tried one by one. Each of the 150 shops sold to a buyer of one of the regions 1 to 7, or of several.
const WIDE: &str = r#"{
  "name": "wide", "compatibilityLevel": 1600,
  "model": { "culture": "en-US", "tables": [
    { "name": "Sold",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Shop", "dataType": "int64", "sourceColumn": "[Shop]" },
        { "type": "calculatedTableColumn", "name": "Buyer", "dataType": "int64", "sourceColumn": "[Buyer]" } ],
      "partitions": [ { "name": "Sold", "source": { "type": "calculated", "expression":
        "SELECTCOLUMNS ( GENERATESERIES ( 1, 300 ), \"Shop\", MOD ( [Value], 150 ) + 1, \"Buyer\", MOD ( [Value], 7 ) + 1 )" } } ] },
    { "name": "Shops",
      "columns": [ { "type": "calculatedTableColumn", "name": "Shop", "dataType": "int64", "sourceColumn": "[Shop]" } ],
      "partitions": [ { "name": "Shops", "source": { "type": "calculated", "expression":
        "SELECTCOLUMNS ( GENERATESERIES ( 1, 150 ), \"Shop\", [Value] )" } } ] },
    { "name": "Buyers",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Buyer", "dataType": "int64", "sourceColumn": "[Buyer]" },
        { "type": "calculatedTableColumn", "name": "Region", "dataType": "int64", "sourceColumn": "[Region]" } ],
      "partitions": [ { "name": "Buyers", "source": { "type": "calculated", "expression":
        "SELECTCOLUMNS ( GENERATESERIES ( 1, 7 ), \"Buyer\", [Value], \"Region\", [Value] )" } } ] },
    { "name": "Regions",
      "columns": [ { "type": "calculatedTableColumn", "name": "Region", "dataType": "int64", "sourceColumn": "[Region]" } ],
      "partitions": [ { "name": "Regions", "source": { "type": "calculated", "expression":
        "SELECTCOLUMNS ( GENERATESERIES ( 1, 150 ), \"Region\", [Value] )" } } ] } ],
    "relationships": [
      { "name": "a", "fromTable": "Sold", "fromColumn": "Shop", "toTable": "Shops", "toColumn": "Shop" },
      { "name": "b", "fromTable": "Sold", "fromColumn": "Buyer", "toTable": "Buyers", "toColumn": "Buyer" },
      { "name": "c", "fromTable": "Buyers", "fromColumn": "Region", "toTable": "Regions", "toColumn": "Region", "isActive": false } ] } }"#;

/// Over the regions of buyers, ALL of buyers frees the regions: then what a shop sold shows in all of them. The 300 sales are of 300 pairs,
/// because two sales of one shop lie 150 apart, and 150 is no multiple of 7.
#[test]
fn what_a_chosen_relationship_frees_shows_in_all_groups() {
    let session = session_of("relationships-wide", WIDE);
    for (expression, pairs) in [
        ("COUNTROWS ( Sold )", "300"),
        ("CALCULATE ( COUNTROWS ( Sold ), ALL ( Buyers ) )", "22500"),
    ] {
        let query = format!(
            "COUNTROWS ( CALCULATETABLE ( SUMMARIZECOLUMNS ( Shops[Shop], Regions[Region], \"x\", {expression} ), USERELATIONSHIP ( Buyers[Region], Regions[Region] ) ) )"
        );
        assert_eq!(value(&session, &query), pairs, "{query}");
    }
}

/// Days and goods of what was sold and bought; both facts filter the goods. Goods 3 was never bought.
const GALAXY: &str = r#"{
  "name": "galaxy", "compatibilityLevel": 1600,
  "model": { "culture": "en-US", "tables": [
    { "name": "Days",
      "columns": [ { "type": "calculatedTableColumn", "name": "Day", "dataType": "int64", "sourceColumn": "[Day]" } ],
      "partitions": [ { "name": "Days", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Day\", INTEGER, { { 1 }, { 2 }, { 3 } } )" } } ] },
    { "name": "Goods",
      "columns": [ { "type": "calculatedTableColumn", "name": "Good", "dataType": "int64", "sourceColumn": "[Good]" } ],
      "partitions": [ { "name": "Goods", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Good\", INTEGER, { { 1 }, { 2 }, { 3 } } )" } } ] },
    { "name": "Sold",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Day", "dataType": "int64", "sourceColumn": "[Day]" },
        { "type": "calculatedTableColumn", "name": "Good", "dataType": "int64", "sourceColumn": "[Good]" },
        { "type": "calculatedTableColumn", "name": "Amount", "dataType": "int64", "sourceColumn": "[Amount]" } ],
      "partitions": [ { "name": "Sold", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Day\", INTEGER, \"Good\", INTEGER, \"Amount\", INTEGER, { { 1, 1, 1 }, { 1, 2, 10 }, { 2, 2, 100 }, { 3, 3, 1000 } } )" } } ] },
    { "name": "Bought",
      "columns": [
        { "type": "calculatedTableColumn", "name": "Day", "dataType": "int64", "sourceColumn": "[Day]" },
        { "type": "calculatedTableColumn", "name": "Good", "dataType": "int64", "sourceColumn": "[Good]" },
        { "type": "calculatedTableColumn", "name": "Amount", "dataType": "int64", "sourceColumn": "[Amount]" } ],
      "partitions": [ { "name": "Bought", "source": { "type": "calculated", "expression":
        "DATATABLE ( \"Day\", INTEGER, \"Good\", INTEGER, \"Amount\", INTEGER, { { 1, 1, 1 }, { 2, 1, 10 }, { 2, 2, 100 }, { 3, 1, 1000 } } )" } } ] } ],
    "relationships": [
      { "name": "a", "fromTable": "Sold", "fromColumn": "Day", "toTable": "Days", "toColumn": "Day" },
      { "name": "b", "fromTable": "Bought", "fromColumn": "Day", "toTable": "Days", "toColumn": "Day" },
      { "name": "c", "fromTable": "Sold", "fromColumn": "Good", "toTable": "Goods", "toColumn": "Good", "crossFilteringBehavior": "bothDirections" },
      { "name": "d", "fromTable": "Bought", "fromColumn": "Good", "toTable": "Goods", "toColumn": "Good", "crossFilteringBehavior": "bothDirections" } ] } }"#;

/// A filter that reaches a fact straight from one side to the many does not come to it over the other fact as well.
#[test]
fn filters_take_the_straight_way_alone() {
    let session = session_of("relationships-galaxy", GALAXY);
    for (expression, expected) in [
        ("CALCULATE ( SUM ( Sold[Amount] ), Days[Day] = 1 )", "11"),
        (
            "SUMX ( VALUES ( Days[Day] ), CALCULATE ( SUM ( Sold[Amount] ) ) )",
            "1111",
        ),
        ("CALCULATE ( SUM ( Sold[Amount] ), Sold )", "1111"),
        (
            "CALCULATE ( SUM ( Sold[Amount] ), FILTER ( Sold, Sold[Amount] >= 1 ) )",
            "1111",
        ),
        ("SUMX ( Sold, CALCULATE ( SUM ( Sold[Amount] ) ) )", "1111"),
        (
            "CALCULATE ( SUM ( Sold[Amount] ), Bought[Amount] = 100 )",
            "110",
        ),
        (
            "CALCULATE ( SUM ( Sold[Amount] ), Bought[Amount] = 100, Days[Day] = 1 )",
            "10",
        ),
        (
            "CALCULATE ( SUM ( Sold[Amount] ), FILTER ( Bought, Bought[Amount] = 100 ) )",
            "100",
        ),
    ] {
        assert_eq!(value(&session, expression), expected, "{expression}");
    }
}

/// CROSSFILTER says how filters flow: with NONE no filter on days reaches what was sold, nor the other way. What rows find, and which table
/// has a blank row, follows from the keys. The total of what was sold is 70.
#[test]
fn what_crossfilter_cuts_is_followed_all_the_same() {
    let session = shipped();
    let ship = "USERELATIONSHIP ( Sold[Shipped], Days[Day] )";
    let none = "CROSSFILTER ( Sold[Ordered], Days[Day], NONE )";
    let unshipped = "CROSSFILTER ( Sold[Shipped], Days[Day], NONE )";
    let related = "CONCATENATEX ( Sold, RELATED ( Days[Day] ), \"|\", Sold[Ordered], ASC )";
    let months = "COUNTROWS ( SUMMARIZE ( Sold, Days[Month] ) )";
    let counts = "CONCATENATEX ( SUMMARIZE ( Sold, Days[Month], \"n\", COUNTROWS ( Sold ) ), Days[Month] & [n], \"|\", Days[Month] )";
    let found = "LOOKUPVALUE ( Sold[Amount], Days[Day], 2 )";
    let rows = "COUNTROWS ( VALUES ( Days ) )";
    for (expression, expected) in [
        (
            format!("CALCULATE ( SUM ( Sold[Amount] ), Days[Day] = 1, {none} )"),
            "70",
        ),
        (format!("CALCULATE ( {related}, {none} )"), "1|2|3"),
        (
            format!("CALCULATE ( {related}, {ship}, {unshipped} )"),
            "3|3|",
        ),
        // By the order in January and in February; by the shipping in February and on no day.
        (format!("CALCULATE ( {months}, {none} )"), "2"),
        (format!("CALCULATE ( {months}, {ship}, {unshipped} )"), "2"),
        (
            format!("CALCULATE ( {months}, Days[Month] = \"Feb\", {none} )"),
            "2",
        ),
        // The rows of a month filter what is computed of it, though the month does not.
        (format!("CALCULATE ( {counts}, {none} )"), "Feb1|Jan2"),
        (format!("CALCULATE ( {found}, {none} )"), "20"),
        (format!("CALCULATE ( {rows}, {none} )"), "4"),
        (format!("CALCULATE ( {rows}, {ship} )"), "4"),
        (format!("CALCULATE ( {rows}, {ship}, {unshipped} )"), "4"),
    ] {
        assert_eq!(value(&session, &expression), expected, "{expression}");
    }
}

#[test]
fn related_rows_are_found_along_the_relationship_in_use() {
    let session = shipped();
    for (expression, ordered, shipped) in [
        ("COUNTROWS ( SUMMARIZE ( Sold, Days[Day] ) )", "3", "2"),
        (
            "COUNTROWS ( SUMMARIZE ( FILTER ( Sold, Sold[Ordered] + 0 > 0 ), Days[Day] ) )",
            "3",
            "2",
        ),
        (
            "CONCATENATEX ( Sold, RELATED ( Days[Month] ), \"|\", Sold[Ordered], ASC )",
            "Jan|Jan|Feb",
            "Feb|Feb|",
        ),
        (
            "COUNTROWS ( FILTER ( Sold, RELATED ( Days[Month] ) = \"Feb\" ) )",
            "1",
            "2",
        ),
        (
            "SUMX ( Sold, RELATED ( Days[Day] ) * Sold[Amount] )",
            "170",
            "90",
        ),
        (
            "SUMX ( FILTER ( Sold, RELATED ( Days[Month] ) = \"Feb\" ), Sold[Amount] )",
            "40",
            "30",
        ),
    ] {
        assert_eq!(value(&session, expression), ordered, "{expression}");
        let used =
            format!("CALCULATE ( {expression}, USERELATIONSHIP ( Sold[Shipped], Days[Day] ) )");
        assert_eq!(value(&session, &used), shipped, "{used}");
    }
}

/// Rows expand over the relationships that are in force where their table is made, wherever they are used.
#[test]
fn tables_expand_where_they_are_made() {
    let session = shipped();
    let used = "USERELATIONSHIP ( Sold[Shipped], Days[Day] )";
    let made = format!("CALCULATETABLE ( Sold, {used} )");
    let joined = |table: &str, expression: &str| {
        format!("CONCATENATEX ( {table}, {expression}, \"|\", Sold[Ordered], ASC )")
    };
    let first = "FILTER ( Sold, Sold[Ordered] < 3 )";
    let month = "RELATED ( Days[Month] )";
    for (expression, expected) in [
        (joined(&made, month), "Feb|Feb|"),
        (
            joined(&format!("FILTER ( {made}, {month} = \"Feb\" )"), month),
            "Feb|Feb",
        ),
        (
            format!("VAR made = {made} RETURN {}", joined("made", month)),
            "Feb|Feb|",
        ),
        (
            format!(
                "VAR made = Sold RETURN CALCULATE ( {}, {used} )",
                joined("made", month)
            ),
            "Jan|Jan|Feb",
        ),
        (
            format!("COUNTROWS ( SUMMARIZE ( {made}, Days[Day] ) )"),
            "2",
        ),
        (
            joined(
                first,
                &format!("CALCULATE ( MINX ( Sold, {month} ), {used}, ALL ( Days ) )"),
            ),
            "Feb|Feb",
        ),
        (
            joined(
                first,
                &format!(
                    "CALCULATE ( SELECTEDVALUE ( Days[Month], \"-\" ), CALCULATETABLE ( Sold, {used}, REMOVEFILTERS ( Days ) ) )"
                ),
            ),
            "Feb|Feb",
        ),
        // The row is a filter before the relationship comes into force.
        (
            joined(
                first,
                &format!("CALCULATE ( SELECTEDVALUE ( Days[Month] ), {used} )"),
            ),
            "Jan|Jan",
        ),
    ] {
        assert_eq!(value(&session, &expression), expected, "{expression}");
    }
}

/// Where no relationship is active, rows that begin under USERELATIONSHIP lead along the one that it puts in force.
#[test]
fn rows_lead_along_a_relationship_that_only_a_filter_puts_in_force() {
    let ordered = r#""fromColumn": "Ordered", "toTable": "Days", "toColumn": "Day""#;
    let model = SHIPPED.replace(ordered, &format!("{ordered}, \"isActive\": false"));
    assert_ne!(model, SHIPPED);
    let session = session_of("relationships-rows", &model);
    let used = "USERELATIONSHIP ( Sold[Shipped], Days[Day] )";
    for (expression, expected) in [
        (
            "CONCATENATEX ( Sold, RELATED ( Days[Month] ), \"|\", Sold[Ordered], ASC )",
            "Feb|Feb|",
        ),
        ("SUMX ( Sold, RELATED ( Days[Day] ) * Sold[Amount] )", "90"),
        ("COUNTROWS ( SUMMARIZE ( Sold, Days[Day] ) )", "2"),
        (
            "CALCULATE ( SUMX ( Sold, RELATED ( Days[Day] ) ), Sold[Amount] = 10 )",
            "3",
        ),
    ] {
        assert_eq!(value(&session, expression), "error", "{expression}");
        let under = format!("CALCULATE ( {expression}, {used} )");
        assert_eq!(value(&session, &under), expected, "{under}");
    }
    // A filter is evaluated before the relationship is in force, and the rows around CALCULATE do not reach into it.
    for refused in [
        format!(
            "CALCULATE ( COUNTROWS ( Sold ), {used}, FILTER ( Sold, RELATED ( Days[Day] ) = 3 ) )"
        ),
        format!("SUMX ( Sold, CALCULATE ( RELATED ( Days[Day] ), {used} ) )"),
    ] {
        assert_eq!(value(&session, &refused), "error", "{refused}");
    }
}

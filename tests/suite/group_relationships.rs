//! Calculation items that choose relationships and free columns, on the shipped lines of `relationships`: an item changes the context of
//! the measure that it is applied to, as a CALCULATE around the measure does.

use peristyle::Session;

use crate::functions::value;
use crate::relationships::SHIPPED;
use crate::scratch::session_of;

const MEASURES: &str = r#""measures": [
        { "name": "Total", "expression": "SUM ( Sold[Amount] )" },
        { "name": "In February", "expression": "CALCULATE ( [Total], Days[Month] = \"Feb\" )" },
        { "name": "Total Shipped", "expression": "CALCULATE ( [Total], USERELATIONSHIP ( Sold[Shipped], Days[Day] ) )" },
        { "name": "Count of Days", "expression": "COUNTROWS ( Days )" },
        { "name": "Of All Days", "expression": "CALCULATE ( [Total], Way[Item] = \"All days\" )" } ],"#;

/// Of the two groups, items of Late stand around those of Way.
const GROUPS: &str = r#"
    { "name": "Way", "calculationGroup": { "precedence": 10, "calculationItems": [
        { "name": "Ship", "expression": "CALCULATE ( SELECTEDMEASURE (), USERELATIONSHIP ( Sold[Shipped], Days[Day] ) )" },
        { "name": "All days", "expression": "CALCULATE ( SELECTEDMEASURE (), REMOVEFILTERS ( Days ) )" },
        { "name": "Cut", "expression": "CALCULATE ( SELECTEDMEASURE (), CROSSFILTER ( Sold[Ordered], Days[Day], NONE ) )" },
        { "name": "February", "expression": "CALCULATE ( SELECTEDMEASURE (), Days[Month] = \"Feb\" )" },
        { "name": "Ship all", "expression": "CALCULATE ( SELECTEDMEASURE (), ALL ( Sold ), USERELATIONSHIP ( Sold[Shipped], Days[Day] ) )" },
        { "name": "Cut all", "expression": "CALCULATE ( SELECTEDMEASURE (), ALL ( Sold ), CROSSFILTER ( Sold[Ordered], Days[Day], NONE ) )" } ] },
      "columns": [ { "name": "Item", "dataType": "string", "sourceColumn": "Name" } ],
      "partitions": [ { "name": "Way", "source": { "type": "calculationGroup" } } ] },
    { "name": "Late", "calculationGroup": { "precedence": 20, "calculationItems": [
        { "name": "Ship", "expression": "CALCULATE ( SELECTEDMEASURE (), USERELATIONSHIP ( Sold[Shipped], Days[Day] ) )" },
        { "name": "Order", "expression": "CALCULATE ( SELECTEDMEASURE (), USERELATIONSHIP ( Sold[Ordered], Days[Day] ) )" },
        { "name": "January", "expression": "CALCULATE ( SELECTEDMEASURE (), Days[Month] = \"Jan\" )" },
        { "name": "Free", "expression": "CALCULATE ( SELECTEDMEASURE (), ALL ( Days ) )" } ] },
      "columns": [ { "name": "Item", "dataType": "string", "sourceColumn": "Name" } ],
      "partitions": [ { "name": "Late", "source": { "type": "calculationGroup" } } ] }"#;

fn session() -> Session {
    let sold = r#"{ "name": "Sold","#;
    let tables = r#""tables": ["#;
    let text = SHIPPED
        .replacen(sold, &format!("{sold} {MEASURES}"), 1)
        .replacen(
            tables,
            &format!(r#""discourageImplicitMeasures": true, {tables} {GROUPS},"#),
            1,
        );
    session_of("group-relationships", &text)
}

/// Lines of 10, 20 and 40 were ordered on the days 1 and 2 of January and 3 of February; the first two were shipped on day 3, the last not.
#[test]
fn items_choose_relationships_and_free_columns() {
    let session = session();
    for (expression, expected) in [
        // The item stands outside of what the measure says.
        ("CALCULATE ( [In February], Way[Item] = \"Ship\" )", "30"),
        (
            "CALCULATE ( [In February], Way[Item] = \"All days\", Days[Month] = \"Jan\" )",
            "40",
        ),
        (
            "CALCULATE ( [Total Shipped], Way[Item] = \"Cut\", Days[Month] = \"Feb\" )",
            "30",
        ),
        (
            "CALCULATE ( [Total], Way[Item] = \"Ship\", Days[Month] = \"Feb\" )",
            "30",
        ),
        (
            "CALCULATE ( [Total], Way[Item] = \"All days\", Days[Month] = \"Feb\" )",
            "70",
        ),
        (
            "CALCULATE ( [Total], Way[Item] = \"Cut\", Days[Month] = \"Feb\" )",
            "70",
        ),
        // Relationships are chosen before columns are freed.
        (
            "CALCULATE ( [Total], Way[Item] = \"Ship all\", Days[Month] = \"Jan\" )",
            "70",
        ),
        (
            "CALCULATE ( [Count of Days], Way[Item] = \"Ship all\", Days[Month] = \"Jan\" )",
            "3",
        ),
        (
            "CALCULATE ( [Count of Days], Way[Item] = \"Cut all\", Days[Month] = \"Jan\" )",
            "2",
        ),
        // The measure puts another item in the place of the one applied to it, inside of what that one changed.
        (
            "CALCULATE ( [Of All Days], Way[Item] = \"Ship\", Days[Month] = \"Feb\" )",
            "70",
        ),
        // Of two groups the one of higher precedence stands outside: what is inside prevails.
        (
            "CALCULATE ( [Total], Way[Item] = \"Ship\", Late[Item] = \"Order\", Days[Month] = \"Feb\" )",
            "30",
        ),
        (
            "CALCULATE ( [Total], Way[Item] = \"February\", Late[Item] = \"Ship\" )",
            "30",
        ),
        (
            "CALCULATE ( [Total], Way[Item] = \"February\", Late[Item] = \"January\" )",
            "40",
        ),
        (
            "CALCULATE ( [Total], Way[Item] = \"All days\", Late[Item] = \"January\" )",
            "70",
        ),
        (
            "CALCULATE ( [Total], Way[Item] = \"Ship\", Late[Item] = \"Free\", Days[Month] = \"Feb\" )",
            "70",
        ),
        // A line filters its day of ordering, until ALL frees it: no line was shipped on that day.
        (
            "SUMX ( Sold, CALCULATE ( [Total], Way[Item] = \"Ship\" ) )",
            "BLANK",
        ),
        (
            "SUMX ( Sold, CALCULATE ( [Total], Way[Item] = \"Ship all\" ) )",
            "210",
        ),
        (
            "SUMX ( Sold, CALCULATE ( [Count of Days], Way[Item] = \"Cut all\" ) )",
            "3",
        ),
        (
            "SUMX ( Days, CALCULATE ( [Total], Way[Item] = \"Ship\" ) )",
            "30",
        ),
    ] {
        assert_eq!(value(&session, expression), expected, "{expression}");
    }
}

//! User-defined functions where they stand for more than a value: tables, filters of CALCULATE, conditions.

use crate::functions::session;
use peristyle::{Value, value_at};

/// The value of an expression beside functions that the query defines; BLANK as `BLANK`, a refusal as `error`.
fn check(functions: &str, expression: &str, expected: &str) {
    let query = format!("DEFINE {functions} EVALUATE ROW ( \"x\", {expression} )");
    let found = match session().query(&query) {
        Ok(answer) => match value_at(&answer.tables[0], 0, 0) {
            Value::Blank => "BLANK".to_owned(),
            value => value.to_text().to_string(),
        },
        Err(_) => "error".to_owned(),
    };
    assert_eq!(found, expected, "{query}");
}

/// Whether a call gives a table is asked before it is bound, and must have an end.
#[test]
fn functions_without_end_are_refused_wherever_they_stand() {
    for functions in [
        "FUNCTION F = () => F ()",
        "FUNCTION F = () => G () FUNCTION G = () => F ()",
        "FUNCTION F = ( x ) => VAR y = F ( x ) RETURN y",
        "FUNCTION F = ( x ) => x FUNCTION G = () => F ( G () )",
        "FUNCTION F = () => KEEPFILTERS ( F () )",
    ] {
        let call = match functions.contains("( x ) => VAR") {
            true => "F ( 1 )",
            false if functions.contains("F ( G () )") => "G ()",
            false => "F ()",
        };
        for expression in [
            call.to_owned(),
            format!("COUNTROWS ( {call} )"),
            format!("VAR t = {call} RETURN 1"),
            format!("CALCULATE ( 1, {call} )"),
            format!("CALCULATE ( 1, Lines[Group] = {call} )"),
        ] {
            check(functions, &expression, "error");
        }
    }
}

#[test]
fn a_function_may_give_back_the_table_that_it_was_given() {
    let function = "FUNCTION F = ( t : TABLE ) => t FUNCTION G = ( t = { 1, 2 } ) => t";
    check(
        function,
        "VAR a = F ( FILTER ( Lines, Lines[Key] > 3 ) ) RETURN COUNTROWS ( a )",
        "2",
    );
    check(
        function,
        "CALCULATE ( [Total], F ( FILTER ( VALUES ( Lines[Group] ), Lines[Group] = \"a\" ) ) )",
        "30",
    );
    check(function, "VAR a = G () RETURN COUNTROWS ( a )", "2");
    check(function, "VAR a = G ( 5 ) RETURN a + 1", "6");
}

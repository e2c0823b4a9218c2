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

/// The text of a function stands where it is called, among the filters of CALCULATE too.
#[test]
fn functions_say_how_filters_change() {
    let of_a =
        |call: &str| format!("CALCULATE ( CALCULATE ( [Total], {call} ), Lines[Group] = \"a\" )");
    check(
        "FUNCTION F = () => REMOVEFILTERS ( Lines )",
        &of_a("F ()"),
        "100",
    );
    check(
        "FUNCTION F = () => REMOVEFILTERS ( Lines[Group] ) FUNCTION G = () => F ()",
        &of_a("G ()"),
        "100",
    );
    let all = "FUNCTION F = () => ALL ( Lines )";
    check(all, &of_a("F ()"), "100");
    check(all, "COUNTROWS ( F () )", "5");
    check(
        "FUNCTION F = () => ALLEXCEPT ( Lines, Lines[Group] )",
        "CALCULATE ( CALCULATE ( [Total], F () ), Lines[Key] = 1, Lines[Group] = \"a\" )",
        "30",
    );
    check(
        "FUNCTION F = () => CROSSFILTER ( Lines[Group], Names[Group], BOTH )",
        "CALCULATE ( COUNTROWS ( Names ), F (), Lines[Key] = 1 )",
        "1",
    );
    let keep = "FUNCTION F = ( x : EXPR ) => KEEPFILTERS ( x )";
    check(keep, "CALCULATE ( [Total], F ( Lines[Key] > 2 ) )", "70");
    check(keep, &of_a("F ( Lines[Group] = \"b\" )"), "BLANK");
    let equal = "FUNCTION F = ( x ) => KEEPFILTERS ( Lines[Amount] = x )";
    check(equal, "CALCULATE ( [Total], F ( 20 ) )", "40");
    // What is passed by its value is found where the call stands.
    check(equal, "CALCULATE ( [Total], F ( [Total] - 50 ) )", "50");
    check(equal, &of_a("F ( [Total] - 10 )"), "20");
}

#[test]
fn functions_hold_conditions_on_columns() {
    let of_a = "FUNCTION F = () => Lines[Group] = \"a\"";
    check(of_a, "CALCULATE ( [Total], F () )", "30");
    check(
        of_a,
        "CALCULATE ( [Total], F () || Lines[Group] = \"b\" )",
        "100",
    );
    check(of_a, "CALCULATE ( [Total], NOT F () )", "70");
    check(
        "FUNCTION F = ( g ) => Lines[Group] = g",
        "CALCULATE ( [Total], F ( \"b\" ) )",
        "70",
    );
    check(
        "FUNCTION F = ( x ) => x > 2",
        "CALCULATE ( [Total], F ( Lines[Key] ) )",
        "70",
    );
    check(
        "FUNCTION F = ( c : COLUMNREF ) => c > 3 && c < MAX ( c ) FUNCTION G = ( c : COLUMNREF ) => F ( c )",
        "CALCULATE ( [Total], G ( Lines[Key] ) )",
        "50",
    );
    check(
        "FUNCTION F = ( g ) => Names[Group] = g",
        "SUMX ( Lines, CALCULATE ( [Total], F ( Lines[Group] ) ) )",
        "100",
    );
}

#[test]
fn functions_of_a_query_see_its_variables() {
    let functions = "VAR b = 3 FUNCTION F = ( a ) => a + b FUNCTION G = ( b ) => F ( b * 2 )";
    check(functions, "F ( 1 )", "4");
    check(functions, "G ( 5 )", "13");
    check(functions, "VAR b = 100 RETURN F ( b )", "103");
    // Those around a call are none of its.
    check(
        "FUNCTION F = ( a ) => a + b",
        "VAR b = 100 RETURN F ( 1 )",
        "error",
    );
}

#[test]
fn numeric_parameters_take_numbers() {
    let function = "FUNCTION F = ( x : NUMERIC ) => x";
    check(function, "F ( \"5\" ) + 1", "6");
    check(function, "F ( \"five\" )", "error");
    check(function, "F ( BLANK () )", "BLANK");
    check(function, "ISINT64 ( F ( TRUE ) )", "TRUE");
    check(function, "ISINT64 ( F ( 5 ) )", "TRUE");
    check(function, "ISCURRENCY ( F ( CURRENCY ( 5 ) ) )", "TRUE");
    check(
        "FUNCTION F = ( x : SCALAR NUMERIC EXPR ) => SUMX ( Lines, x )",
        "F ( Lines[Amount] )",
        "100",
    );
    check("FUNCTION F = ( a, A ) => a", "F ( 1, 2 )", "error");
}

/// What stands in the place of a parameter has its type wherever it is a value, and is a name where a name is needed.
#[test]
fn arguments_put_in_place_become_what_their_parameters_ask_for() {
    let whole = "FUNCTION F = ( x : INT64 EXPR ) => x";
    check(whole, "F ( 3.4 )", "3");
    check(whole, "F ( 3.5 )", "4");
    check(whole, "F ( \"5\" ) + 1", "6");
    check(whole, "F ( \"five\" )", "error");
    check(whole, "F ( BLANK () )", "BLANK");
    check(
        "FUNCTION F = ( x : SCALAR INT64 EXPR ) => SUMX ( Lines, x )",
        "F ( Lines[Amount] / 3 )",
        "34",
    );
    check(
        "FUNCTION F = ( x : INT64 EXPR ) => SUM ( x )",
        "F ( Lines[Amount] )",
        "100",
    );
    check(
        "FUNCTION F = ( x : STRING EXPR ) => ISTEXT ( x ) && NAMEOF ( x ) = \"'Lines'[Total]\"",
        "F ( [Total] )",
        "TRUE",
    );
    check(
        "FUNCTION F = ( x : BOOLEAN EXPR ) => CALCULATE ( [Total], x )",
        "F ( Lines[Group] = \"a\" )",
        "30",
    );
    let inner = "FUNCTION G = ( y : EXPR ) => y FUNCTION F = ( x : INT64 EXPR ) => G ( x )";
    check(inner, "F ( 3.5 )", "4");
    check(
        "FUNCTION G = ( y : COLUMNREF ) => SUM ( y ) FUNCTION F = ( x : INT64 EXPR ) => G ( x )",
        "F ( Lines[Amount] )",
        "100",
    );
}

#[test]
fn a_table_may_be_named_by_what_stands_in_it() {
    let function = "FUNCTION F = ( t : TABLEREF ) => COUNTROWS ( ALL ( t ) )";
    check(function, "F ( TABLEOF ( Lines[Key] ) )", "5");
    check(function, "F ( TABLEOF ( [Total] ) )", "5");
    check(function, "F ( FILTER ( Lines, TRUE ) )", "error");
}

/// Variables of a function may be called what its parameters are, and what the tables that it is given are.
#[test]
fn variables_hide_parameters_for_what_follows() {
    check(
        "FUNCTION F = ( t : ANYREF ) => VAR T = COUNTROWS ( t ) RETURN T + 1",
        "F ( Lines )",
        "6",
    );
    check(
        "FUNCTION F = ( x : EXPR ) => ( VAR x = x + 1 RETURN x * 2 ) + x",
        "F ( 3 )",
        "11",
    );
    check(
        "FUNCTION F = ( t : TABLE EXPR ) => VAR Lines = 3 RETURN COUNTROWS ( t ) + Lines",
        "F ( Lines )",
        "8",
    );
    check(
        "FUNCTION F = ( lines, t : TABLEREF ) => COUNTROWS ( t ) + lines",
        "F ( 3, Lines )",
        "8",
    );
    check(
        "FUNCTION F = ( t : TABLE EXPR ) => COUNTROWS ( t )",
        "VAR Lines = FILTER ( VALUES ( Names[Group] ), TRUE ) RETURN F ( Lines )",
        "3",
    );
}

//! What names mean: references to objects of the model, functions and measures that a query defines, and what a model tells of itself;
//! on the small model of `functions`.

use peristyle::{Identity, value_at};

use crate::functions::{MODEL, check, import, session, value};
use crate::scratch::session_of;

#[test]
fn references() {
    check("COUNTROWS ( TABLEOF ( [Total] ) )", "5");
    check("COUNTROWS ( TABLEOF ( Names[Group] ) )", "3");
    check("NAMEOF ( TABLEOF ( Lines[Key] ) )", "'Lines'");
    check(
        "NAMEOF ( TABLEOF ( [Total] ) ) == NAMEOF ( TABLEOF ( Names[Group] ) )",
        "FALSE",
    );
    check("NAMEOF ( COUNTROWS ( Lines ) )", "error");
    // A measure that the query defines has a name and a table as well.
    let defined = |expression: &str| {
        let query =
            format!("DEFINE MEASURE Names[Own One] = 1 EVALUATE ROW ( \"x\", {expression} )");
        let answer = session().query(&query);
        let answer = answer.unwrap_or_else(|error| panic!("{query}: {error}"));
        value_at(&answer.tables[0], 0, 0).to_text().to_string()
    };
    assert_eq!(defined("NAMEOF ( [own one] )"), "'Names'[Own One]");
    assert_eq!(defined("NAMEOF ( Names[Own One], SELF )"), "[Own One]");
    assert_eq!(defined("SUMX ( TABLEOF ( [Own One] ), [Own One] )"), "3");
    check(
        "CALCULATE ( COUNTROWS ( ALL ( TABLEOF ( [Total] ) ) ), Lines[Key] = 1 )",
        "5",
    );
    check(
        "CALCULATE ( CALCULATE ( [Total], REMOVEFILTERS ( TABLEOF ( Lines[Key] ) ) ), Lines[Key] = 1 )",
        "100",
    );
    check(
        "CALCULATE ( CALCULATE ( [Total], ALLEXCEPT ( TABLEOF ( Lines[Key] ), Lines[Group] ) ), Lines[Key] = 1, Lines[Group] = \"b\" )",
        "70",
    );
    check(
        "CALCULATE ( ISFILTERED ( TABLEOF ( Lines[Key] ) ), Lines[Key] = 1 )",
        "TRUE",
    );
    check("EVALUATEANDLOG ( SUM ( Lines[Amount] ), \"label\" )", "100");
    check(
        "COUNTROWS ( EVALUATEANDLOG ( VALUES ( Lines[Group] ) ) )",
        "2",
    );
    check("COUNTROWS ( DATATABLE ( \"a\", STRING, { {} } ) )", "1");
    check(
        "CONCATENATEX ( DATATABLE ( \"a\", STRING, \"b\", INTEGER, { { , 1 }, { \"x\", } } ), [a] & [b], \"|\" )",
        "1|x",
    );
    check("NAMEOF ( Names[Long Name] )", "'Names'[Long Name]");
    check(
        "NAMEOF ( Names[Long Name], COLUMN, UNESCAPED )",
        "Long Name",
    );
    check(
        "NAMEOF ( Names[Group], FULL, MINIMALLYESCAPED )",
        "Names[Group]",
    );
    check("NAMEOF ( [Total], PARENT )", "'Lines'");
    check("NAMEOF ( [Total], COLUMN )", "error");
    check("NAMEOF ( Names, , UNESCAPED )", "Names");
    check(
        "NAMEOF ( Names[Group], , MINIMALLYESCAPED )",
        "Names[Group]",
    );
    check(
        "CONVERT ( 2.4, INT64 ) & CONVERT ( 1, LOGICAL ) & CONVERT ( 1.5, DECIMAL ) & CONVERT ( 7, TEXT )",
        "2TRUE1.57",
    );
}

/// An argument of a function means what it means where the call stands, whatever the function calls its own.
#[test]
fn arguments_keep_the_variables_of_the_call() {
    let check = |function: &str, expression: &str, expected: &str| {
        let query = format!("DEFINE FUNCTION {function} EVALUATE ROW ( \"x\", {expression} )");
        let answer = session()
            .query(&query)
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        let found = value_at(&answer.tables[0], 0, 0).to_text().to_string();
        assert_eq!(found, expected, "{query}");
    };
    check("F = ( x : EXPR ) => x + 1", "VAR a = 2 RETURN F ( a )", "3");
    check(
        "F = ( x : EXPR ) => VAR a = 10 RETURN x + a",
        "VAR a = 2 RETURN F ( a + VAR b = a RETURN b )",
        "14",
    );
    check(
        "F = ( t : ANYREF ) => COUNTROWS ( t )",
        "VAR a = FILTER ( Lines, Lines[Key] > 3 ) RETURN F ( a )",
        "2",
    );
    check(
        "F = ( x : EXPR ) => x + 1 FUNCTION G = ( y ) => VAR a = y RETURN F ( a )",
        "VAR a = 5 RETURN G ( a * 2 )",
        "11",
    );
    check(
        "F = ( a, b ) => a & \"-\" & b",
        "VAR a = \"A\" VAR b = \"B\" RETURN F ( b, a )",
        "B-A",
    );
    check(
        "F = ( a, b = a & \"x\" ) => a & b",
        "VAR a = \"A\" RETURN F ( \"1\" )",
        "11x",
    );
    check(
        "F = ( x : INT64 ) => x",
        "F ( 3.5 ) & F ( 3.4 ) & F ( \"5\" )",
        "435",
    );
    check(
        "F = ( x : SCALAR STRING VAL, d : DATETIME ) => IF ( x = \"2\", YEAR ( d ) )",
        "F ( 2, \"2024-01-05\" )",
        "2024",
    );
    check(
        "F = ( a = 1, b, c = 3 ) => a & b & c",
        "F ( , 5 ) & F ( 7, 8, )",
        "153783",
    );
    check(
        "F = ( x, y ) => x + y",
        &format!("{}0{}", "F ( ".repeat(40), ", 1 )".repeat(40)),
        "40",
    );
    check(
        "F = ( d : EXPR ) => d",
        "VAR Month = 7 RETURN F ( DATEDIFF ( DATE ( 2024, 1, 1 ), DATE ( 2024, Month, 1 ), MONTH ) )",
        "6",
    );
}

#[test]
fn functions_that_cannot_be_defined_or_called_so() {
    let refused = |function: &str, expression: &str| {
        let query = format!("DEFINE FUNCTION {function} EVALUATE ROW ( \"x\", {expression} )");
        assert!(session().query(&query).is_err(), "{query}");
    };
    refused("Sum = ( x ) => x", "1");
    refused("F = ( x ) => x FUNCTION f = ( y ) => y", "F ( 1 )");
    refused("F = ( x : NUMBER ) => x", "F ( 1 )");
    refused("F = ( a = q ) => a", "VAR q = 5 RETURN F ()");
    refused("F = ( a = 1, b = a ) => a + b", "F ()");
    refused("F = ( a, b = 1 ) => a + b", "F ( , 2 )");
    refused(
        "F = ( c : COLUMNREF VAL ) => SUM ( c )",
        "F ( Lines[Amount] )",
    );
    refused("F = ( m : MEASUREREF ) => m", "F ( SUM ( Lines[Amount] ) )");
    refused(
        "F = ( m : MEASUREREF ) => SUMX ( Lines, m )",
        "F ( Lines[Amount] )",
    );
    refused(
        "F = ( c : COLUMNREF ) => SUMX ( Lines, c )",
        "F ( [Total] )",
    );
    refused(
        "F = ( c : COLUMNREF ) => SUMX ( Lines, c )",
        "F ( Lines[Amount] + 1 )",
    );
    refused(
        "F = ( t : TABLEREF ) => COUNTROWS ( t )",
        "F ( FILTER ( Lines, TRUE ) )",
    );
    for (function, expression, expected) in [
        ("F = ( m : MEASUREREF ) => m", "F ( [Total] )", "100"),
        ("F = ( m : MEASUREREF ) => m", "F ( Lines[Total] )", "100"),
        (
            "F = ( c : COLUMNREF ) => SUM ( c )",
            "F ( Lines[Amount] )",
            "100",
        ),
        (
            "F = ( t : TABLEREF ) => COUNTROWS ( t )",
            "F ( Lines )",
            "5",
        ),
        (
            "F = ( c : COLUMNREF ) => SUM ( c ) FUNCTION G = ( c : COLUMNREF ) => F ( c )",
            "G ( Lines[Amount] )",
            "100",
        ),
    ] {
        let query = format!("DEFINE FUNCTION {function} EVALUATE ROW ( \"x\", {expression} )");
        let answer = session().query(&query).expect("an answer");
        let found = value_at(&answer.tables[0], 0, 0).to_text().to_string();
        assert_eq!(found, expected, "{query}");
    }
}

#[test]
fn names_of_the_model() {
    check(
        "CONCATENATEX ( INFO.TABLES (), [Name], \",\", [ID] )",
        "Lines,Names",
    );
    check("COUNTROWS ( INFO.COLUMNS () )", "9");
    check("COUNTROWS ( INFO.COLUMNS ( \"TableID\", 2 ) )", "3");
    check("COUNTROWS ( INFO.COLUMNS ( \"TableID\", \"2\" ) )", "3");
    check("COUNTROWS ( INFO.TABLES ( \"IsHidden\", \"false\" ) )", "2");
    check(
        "COUNTROWS ( INFO.COLUMNS ( \"TableID\", \"two\" ) )",
        "error",
    );
    check(
        "COUNTROWS ( INFO.COLUMNS ( \"TableID\", \"2\", \"IsHidden\", \"FALSE\" ) )",
        "2",
    );
    check(
        "CONCATENATEX ( INFO.MEASURES (), [Name] & \"=\" & [Expression] )",
        "Total=SUM ( Lines[Amount] )",
    );
    check(
        "CONCATENATEX ( INFO.RELATIONSHIPS (), [Name] & [FromTableID] & [ToTableID] )",
        "Lines-Names12",
    );
    check(
        "CONCATENATEX ( INFO.LEVELS (), [Name] & [ColumnID], \",\", [Ordinal] )",
        "Name9,Group8",
    );
    check(
        "CONCATENATEX ( INFO.HIERARCHIES (), [Name] & [TableID] )",
        "By Name2",
    );
    check("COUNTROWS ( INFO.PARTITIONS () )", "2");
    check("COUNTROWS ( INFO.ROLES () )", "BLANK");
    check(
        "CONCATENATEX ( FILTER ( INFO.CALCDEPENDENCY (), [OBJECT_TYPE] = \"MEASURE\" ), [REFERENCED_OBJECT_TYPE] & \" \" & [REFERENCED_OBJECT], \",\", [REFERENCED_OBJECT] )",
        "COLUMN Amount,TABLE Lines",
    );
    check("COUNTROWS ( INFO.TABLES ( \"Colour\", 2 ) )", "error");
    check(
        "COUNTROWS ( FILTER ( INFO.FUNCTIONS (), [ORIGIN] = 2 ) )",
        "BLANK",
    );
    check(
        "COUNTROWS ( INFO.FUNCTIONS ( \"ORIGIN\", \"2\" ) )",
        "BLANK",
    );
    check(
        "COUNTROWS ( INFO.FUNCTIONS ( \"FUNCTION_NAME\", \"SUMX\" ) )",
        "1",
    );
    check("COUNTROWS ( INFO.STORAGETABLES () )", "error");
    check(
        "MAXX ( FILTER ( COLUMNSTATISTICS (), LEFT ( [Column Name], 9 ) = \"RowNumber\" && [Table Name] = \"Lines\" ), [Cardinality] )",
        "5",
    );
    check(
        "COUNTROWS ( FILTER ( INFO.VIEW.COLUMNS (), [Type] = \"RowNumber\" ) )",
        "2",
    );
}

#[test]
fn a_query_is_asked_what_it_depends_on() {
    let named = |query: &str, expected: &str| {
        let text = query.replace('"', "\"\"");
        for function in ["INFO.CALCDEPENDENCY", "INFO.DEPENDENCIES"] {
            check(
                &format!(
                    "VAR asked = \"{text}\" RETURN CONCATENATEX ( {function} ( \"Query\", asked ), [REFERENCED_OBJECT_TYPE] & \" \" & [REFERENCED_OBJECT], \",\", [REFERENCED_OBJECT] )"
                ),
                expected,
            );
        }
    };
    named("EVALUATE { [Total] }", "MEASURE Total");
    named(
        "[Total] + SUM ( Lines[Key] )",
        "COLUMN Key,TABLE Lines,MEASURE Total",
    );
    named(
        "EVALUATE SELECTCOLUMNS ( 'Lines', \"Group\", [Group] ) ORDER BY [Group]",
        "COLUMN Group,TABLE Lines",
    );
    named(
        "DEFINE MEASURE Lines[Total] = COUNTROWS ( Names ) VAR Lines = 1 EVALUATE { [Total] + Lines }",
        "TABLE Names",
    );
    named(
        "EVALUATE { ( VAR Names = 1 RETURN Names ) + COUNTROWS ( Names ) }",
        "TABLE Names",
    );
    named("EVALUATE { 1 }", "BLANK");
    named("EVALUATE", "error");
    // As many variables, and as many names beside them, as a text has room for: each name is looked up, and not looked for.
    let variables: String = (0..8_000).map(|k| format!("VAR v{k}=1 ")).collect();
    let names = vec!["zz"; 40_000].join(",");
    named(
        &format!("EVALUATE {{ {variables} RETURN AND({names}) }}"),
        "BLANK",
    );
    check(
        "CONCATENATEX ( INFO.CALCDEPENDENCY ( \"QUERY\", \"EVALUATE { [Total] }\" ), [OBJECT_TYPE] & \"|\" & [QUERY] & \"|\" & [REFERENCED_EXPRESSION] )",
        "QUERY|EVALUATE { [Total] }|SUM ( Lines[Amount] )",
    );
    check(
        "CONCATENATEX ( INFO.CALCDEPENDENCY ( \"Query\", \"EVALUATE Lines ORDER BY Lines[Key]\", \"REFERENCED_OBJECT_TYPE\", \"COLUMN\" ), [REFERENCED_OBJECT] )",
        "Key",
    );
    check(
        "COUNTROWS ( INFO.CALCDEPENDENCY ( \"Query\", 1 ) )",
        "error",
    );
    check(
        "COUNTROWS ( INFO.TABLES ( \"Query\", \"EVALUATE Lines\" ) )",
        "error",
    );
}

/// What speaks of roles, sources and expressions is, under roles, told as a word that means nothing is.
#[test]
fn under_roles_operators_functions_do_not_exist() {
    let roles = r#""roles": [ { "name": "A", "modelPermission": "read", "tablePermissions": [ { "name": "Lines", "filterExpression": "Lines[Group] = \"a\"" } ] } ]"#;
    let session = import(roles)
        .session(Identity::user("ana@contoso.example").role("A"))
        .expect("a role of the model");
    let refusal = |name: &str| {
        let error = session
            .query(&format!("EVALUATE {name} ()"))
            .expect_err(name);
        error.to_string().replace(name, "X")
    };
    for name in [
        "INFO.ROLES",
        "INFO.PARTITIONS",
        "INFO.EXPRESSIONS",
        "INFO.CALCDEPENDENCY",
        "INFO.STORAGETABLES",
    ] {
        let message = refusal(name);
        assert!(
            message.starts_with("there is no function X"),
            "{name}: {message}"
        );
        assert!(!message.contains("did you mean X"), "{name}: {message}");
    }
    assert_eq!(
        value(
            &session,
            "CONCATENATEX ( INFO.TABLES (), [Name], \",\", [ID] )"
        ),
        "Lines,Names"
    );
    assert_eq!(
        value(
            &session,
            "CONCATENATEX ( INFO.MEASURES (), [Name] & \"=\" & [Expression] )"
        ),
        "Total="
    );
    assert_eq!(
        value(
            &session,
            "COUNTROWS ( FILTER ( INFO.FUNCTIONS (), [FUNCTION_NAME] = \"INFO.ROLES\" ) )"
        ),
        "BLANK"
    );
}

#[test]
fn constructs_that_a_model_does_not_have_are_no_rows() {
    for name in [
        "ALTERNATEOFDEFINITIONS",
        "CHANGEDPROPERTIES",
        "DATACOVERAGEDEFINITIONS",
        "DATASOURCES",
        "EXTENDEDPROPERTIES",
        "LINGUISTICMETADATA",
        "OBJECTTRANSLATIONS",
        "QUERYGROUPS",
        "REFRESHPOLICIES",
    ] {
        check(&format!("COUNTROWS ( INFO.{name} () )"), "BLANK");
    }
    let with = |what: &str, query: &str| {
        let text = MODEL.replace("ROLES", &format!("\"roles\": [], {what}"));
        value(
            &session_of("references-kept", &text),
            &format!("COUNTROWS ( INFO.{query} () )"),
        )
    };
    // No row would be wrong: the model has some, which are not kept.
    let groups = "\"queryGroups\": [ { \"folder\": \"Queries\" } ]";
    assert_eq!(with(groups, "QUERYGROUPS"), "error");
    assert_eq!(with(groups, "DATASOURCES"), "BLANK");
    let sources = "\"dataSources\": [ { \"name\": \"S\" } ]";
    assert_eq!(with(sources, "DATASOURCES"), "error");
}

#[test]
fn measures_of_a_query_see_its_variables_and_no_others() {
    let answer = |definitions: &str, expression: &str| {
        let query = format!("DEFINE {definitions} EVALUATE ROW ( \"x\", {expression} )");
        let answer = session().query(&query).ok()?;
        Some(value_at(&answer.tables[0], 0, 0).to_text().to_string())
    };
    let around = "MEASURE Lines[X] = VAR q = 1 RETURN q + [Y] MEASURE Lines[Y] = q";
    let passed = "FUNCTION F = ( q ) => q + [Y] MEASURE Lines[X] = F ( 1 ) MEASURE Lines[Y] = q";
    for definitions in [around, passed] {
        let of_query = format!("VAR q = 7 {definitions}");
        assert_eq!(answer(&of_query, "[X]").as_deref(), Some("8"), "{of_query}");
        assert_eq!(answer(definitions, "[X]"), None, "{definitions}");
    }
    let found = answer(&format!("VAR q = 7 {around}"), "VAR q = 2 RETURN [Y]");
    assert_eq!(found.as_deref(), Some("7"));
}

//! The layout, and two promises: formatting keeps the tree, and formatting twice changes nothing.

use super::*;
use crate::dump::{dump_expr, dump_function, dump_query};
use crate::parser::{parse_expression, parse_function, parse_query};
use crate::random::Random;
use crate::tokens::{TokenKind, lex};

fn check(text: &str, expected: &str) {
    let parsed = parse_expression(text);
    assert_eq!(parsed.errors, vec![], "{text}");
    assert_eq!(format_expression(&parsed.tree), expected);
    keeps_expression(&parsed.tree);
}

/// Formats, parses, and formats again; returns the text.
pub(crate) fn keeps_expression(expr: &Expr) -> String {
    let once = format_expression(expr);
    let parsed = parse_expression(&once);
    assert_eq!(parsed.errors, vec![], "{once}");
    assert_eq!(
        upper_calls(&dump_expr(&parsed.tree)),
        upper_calls(&dump_expr(expr)),
        "{once}"
    );
    assert_eq!(format_expression(&parsed.tree), once);
    assert!(once.lines().all(|line| !line.ends_with(' ')), "{once}");
    once
}

pub(crate) fn keeps_query(query: &Query) -> String {
    let once = format_query(query);
    let parsed = parse_query(&once);
    assert_eq!(parsed.errors, vec![], "{once}");
    assert_eq!(
        upper_calls(&dump_query(&parsed.tree)),
        upper_calls(&dump_query(query)),
        "{once}"
    );
    assert_eq!(format_query(&parsed.tree), once);
    once
}

/// The case of function names is the one thing that formatting may change.
fn upper_calls(dump: &str) -> String {
    let upper = |line: &str| {
        if line.trim_start().starts_with("Call ") {
            line.to_uppercase()
        } else {
            line.to_owned()
        }
    };
    dump.lines().map(upper).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_fits_stays_on_one_line() {
    check("sum(Sales[Amount])", "SUM ( Sales[Amount] )");
    check("today()", "TODAY ()");
    check(
        "ORDERBY(T[a], DESC BLANKS LAST, T[b], asc blanks first)",
        "ORDERBY ( T[a], DESC BLANKS LAST, T[b], asc BLANKS first )",
    );
    check("My_Function(1)", "My_Function ( 1 )");
    check(
        "f(a,,b)+f(,)+f(a,)+f(,a)",
        "F ( a,, b ) + F ( , ) + F ( a, ) + F ( , a )",
    );
    check("{1,2}", "{ 1, 2 }");
    check("(a,b) in {(1,2)}", "( a, b ) IN { ( 1, 2 ) }");
    check(
        "'Sales'[a]+Sales[a]+Date[a]+Größe[b]",
        "'Sales'[a] + Sales[a] + 'Date'[a] + Größe[b]",
    );
    check("'It''s'[a]]b]", "'It''s'[a]]b]");
    check(
        "\"a\"\"b\"&dt\"2020-01-01\"",
        "\"a\"\"b\" & dt\"2020-01-01\"",
    );
    check("1.50+1e3+.5+1e300", "1.5 + 1000.0 + 0.5 + 1e300");
    check("T[d].[Year]", "T[d].[Year]");
}

#[test]
fn brackets_stay_where_they_matter() {
    check("((1+2))*3", "( 1 + 2 ) * 3");
    check("(1*2)+3", "1 * 2 + 3");
    check("1-(2-3)", "1 - ( 2 - 3 )");
    check("(1-2)-3", "1 - 2 - 3");
    check("2^(3^2)", "2 ^ ( 3 ^ 2 )");
    check("(-2)^2", "( -2 ) ^ 2");
    check("-(2^2)", "-2 ^ 2");
    check("2^(-1)", "2 ^ -1");
    check("(2^(-1))^2", "2 ^ ( -1 ) ^ 2");
    check("-(-1)", "- -1");
    check("-(+(-1))", "- + -1");
    check("1-(-1)", "1 - -1");
    check("(-1)*2", "-1 * 2");
    check("not(a=b)", "NOT a = b");
    check("(not a)=b", "( NOT a ) = b");
    check("not(a&&b)", "NOT ( a && b )");
    check("(1+not a)=b", "1 + ( NOT a ) = b");
    check("1+(not a=b)", "1 + NOT a = b");
    check("(a||b)&&c", "( a || b ) && c");
}

#[test]
fn what_does_not_fit_takes_lines() {
    check(
        "VAR x = 1 RETURN x + (VAR y = 2 RETURN y)",
        "VAR x =
    1
RETURN
    x
        + (
            VAR y =
                2
            RETURN
                y
        )",
    );
    check(
        "summarizecolumns('Product Category'[Category Name], 'Date'[Calendar Year], \"Total Sales\", [Total Sales], \
         \"Margin\", CALCULATE([Total Sales Amount] - [Total Product Cost], ALL('Product Category'), KEEPFILTERS('Date'[Calendar Year] > 2017)))",
        "SUMMARIZECOLUMNS (
    'Product Category'[Category Name],
    'Date'[Calendar Year],
    \"Total Sales\", [Total Sales],
    \"Margin\", CALCULATE (
        [Total Sales Amount] - [Total Product Cost],
        ALL ( 'Product Category' ),
        KEEPFILTERS ( 'Date'[Calendar Year] > 2017 )
    )
)",
    );
    check(
        "[A rather long measure name] + [Another rather long measure name] - [And one more measure name] * (1 - [x])",
        "[A rather long measure name]
    + [Another rather long measure name]
    - [And one more measure name] * ( 1 - [x] )",
    );
    let long = "a".repeat(60);
    check(
        &format!("f({long}, , {long},)"),
        &format!("F (\n    {long},\n    ,\n    {long},\n)"),
    );
    check(
        &format!("not ({long} || {long})"),
        &format!("NOT (\n    {long}\n        || {long}\n)"),
    );
}

#[test]
fn visual_shapes_have_their_layout() {
    let text = "define table t = {1} with visual shape axis rows group [a], t[b] total [x] group [c] order by [a] asc, [b] desc
        axis columns group [d] densify \"n\" evaluate t";
    let expected = "DEFINE
    TABLE t =
        { 1 }
        WITH VISUAL SHAPE
        AXIS rows
            GROUP [a], [b] TOTAL [x]
            GROUP [c]
            ORDER BY [a], [b] DESC
        AXIS columns
            GROUP [d]
        DENSIFY \"n\"

EVALUATE
t";
    let parsed = parse_query(text);
    assert_eq!(parsed.errors, vec![]);
    assert_eq!(keeps_query(&parsed.tree), expected);
}

#[test]
fn queries_have_their_layout() {
    let text = "define measure Sales[Total] = sum(Sales[Amount]) var x = {1} column Sales[c] = 1 table t = {2}
        function Add.Tax = (a : scalar val, b = 2) => add.tax(a) + My.F(b) function g = () => 1
        evaluate t order by t[a] asc, [b] desc start at 1, @x evaluate x";
    let expected = "DEFINE
    MEASURE Sales[Total] =
        SUM ( Sales[Amount] )
    VAR x =
        { 1 }
    COLUMN Sales[c] =
        1
    TABLE t =
        { 2 }
    FUNCTION Add.Tax =
        ( a : SCALAR VAL, b = 2 ) =>
            add.tax ( a ) + MY.F ( b )
    FUNCTION g =
        () =>
            1

EVALUATE
t
ORDER BY t[a], [b] DESC
START AT 1, @x

EVALUATE
x";
    let parsed = parse_query(text);
    assert_eq!(parsed.errors, vec![]);
    assert_eq!(keeps_query(&parsed.tree), expected);

    let long = "a".repeat(60);
    let parsed = parse_query(&format!("EVALUATE t ORDER BY [{long}] DESC, [{long}]"));
    let expected = format!("EVALUATE\nt\nORDER BY\n    [{long}] DESC,\n    [{long}]");
    assert_eq!(keeps_query(&parsed.tree), expected);
}

#[test]
fn functions_are_formatted_alone() {
    let parsed = parse_function("(a:scalar val,b)=>sum(a)+b");
    assert_eq!(parsed.errors, vec![]);
    let once = format_function(&parsed.tree);
    assert_eq!(once, "( a : SCALAR VAL, b ) =>\n    SUM ( a ) + b");
    let dump = |function: &Function| upper_calls(&dump_function(function));
    assert_eq!(dump(&parse_function(&once).tree), dump(&parsed.tree));
}

#[test]
fn random_trees_survive() {
    let mut longest = 0;
    for seed in 0..4_000 {
        let expr = Random::new(seed).expr(2 + seed as usize % 5);
        longest = longest.max(keeps_expression(&expr).lines().count());
    }
    assert!(
        longest > 20,
        "the trees are large enough to be broken into lines"
    );
    for seed in 0..1_000 {
        keeps_query(&Random::new(seed).query());
    }
}

/// Takes away each pair of brackets that only groups: the tree must become another, or none.
#[test]
fn no_brackets_are_idle() {
    let mut tried = 0;
    for seed in 0..3_000 {
        let expr = Random::new(seed).operators(2 + seed as usize % 4);
        let text = format_expression(&expr);
        let tokens = lex(&text).0;
        let mut open = Vec::new();
        for token in &tokens {
            match token.kind {
                TokenKind::OpenParen => open.push(token.span.start as usize),
                TokenKind::CloseParen => {
                    let mut bytes = text.clone().into_bytes();
                    bytes[open.pop().unwrap()] = b' ';
                    bytes[token.span.start as usize] = b' ';
                    let without = parse_expression(std::str::from_utf8(&bytes).unwrap());
                    let same =
                        without.errors.is_empty() && dump_expr(&without.tree) == dump_expr(&expr);
                    assert!(!same, "{text}");
                    tried += 1;
                }
                _ => {}
            }
        }
    }
    assert!(tried > 1_000);
}

#[test]
fn long_and_deep_trees_are_formatted() {
    let check = |text: &str| {
        let parsed = parse_expression(text);
        assert_eq!(parsed.errors, vec![]);
        keeps_expression(&parsed.tree);
    };
    check(&("[a measure] + ".repeat(1_000) + "1"));
    check(&("- ".repeat(1_000) + "1"));
    check(&("f(1, ".repeat(190) + "1" + &")".repeat(190)));
    check(&("(1 + 2 * ".repeat(190) + "1" + &")".repeat(190)));
    check(&format!("f({})", "[a measure], ".repeat(50_000)));
}

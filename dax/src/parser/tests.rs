//! What the grammar accepts, what it refuses, and that no text exhausts time or stack.

use super::*;
use crate::error::ErrorKind;
use crate::tree::{BinaryOp, DefinitionKind, ExprKind, UnaryOp};

/// The tree with every operator in brackets, without spans.
fn shape(expr: &Expr) -> String {
    let list = |items: &[Expr]| items.iter().map(shape).collect::<Vec<_>>().join(", ");
    match &expr.kind {
        ExprKind::Integer(n) => n.to_string(),
        ExprKind::Double(n) => format!("{n:?}"),
        ExprKind::Text(text) => format!("{text:?}"),
        ExprKind::DateTime(text) => format!("dt{text:?}"),
        ExprKind::Parameter(name) => format!("@{}", name.text),
        ExprKind::Identifier { name, quoted: true } => format!("'{}'", name.text),
        ExprKind::Identifier {
            name,
            quoted: false,
        } => name.text.clone(),
        ExprKind::Qualified { table, column } => format!("{}[{}]", table.text, column.text),
        ExprKind::Bracket(name) => format!("[{}]", name.text),
        ExprKind::Variation {
            table,
            column,
            level,
        } => format!("{}[{}].[{}]", table.text, column.text, level.text),
        ExprKind::Call { name, args } => format!("{}({})", name.text, list(args)),
        ExprKind::Omitted => "_".to_owned(),
        ExprKind::Unary { op, operand } => {
            let sign = match op {
                UnaryOp::Plus => "+",
                UnaryOp::Minus => "-",
                UnaryOp::Not => "NOT ",
            };
            format!("({sign}{})", shape(operand))
        }
        ExprKind::Binary { op, left, right } => {
            format!("({} {} {})", shape(left), op.symbol(), shape(right))
        }
        ExprKind::Row(items) => format!("row({})", list(items)),
        ExprKind::Table(items) => format!("{{{}}}", list(items)),
        ExprKind::Let { vars, body } => {
            let vars: Vec<_> = vars
                .iter()
                .map(|(name, value)| format!("{}: {}", name.text, shape(value)))
                .collect();
            format!("let {} in {}", vars.join("; "), shape(body))
        }
        ExprKind::Error => "?".to_owned(),
    }
}

fn check(text: &str, expected: &str) {
    let parsed = parse_expression(text);
    assert_eq!(parsed.errors, vec![], "{text}");
    assert_eq!(shape(&parsed.tree), expected, "{text}");
}

/// Errors as `kind@start..end`.
fn places(errors: &[Error]) -> String {
    let place = |e: &Error| format!("{:?}@{}..{}", e.kind, e.span.start, e.span.end);
    errors.iter().map(place).collect::<Vec<_>>().join(" ")
}

fn check_errors(text: &str, shape_expected: &str, errors: &str) {
    let parsed = parse_expression(text);
    assert_eq!(
        places(&parsed.errors),
        errors,
        "{text}: {:?}",
        parsed.errors
    );
    assert_eq!(shape(&parsed.tree), shape_expected, "{text}");
}

fn check_query_errors(text: &str, errors: &str) -> Query {
    let parsed = parse_query(text);
    assert_eq!(
        places(&parsed.errors),
        errors,
        "{text}: {:?}",
        parsed.errors
    );
    parsed.tree
}

#[test]
fn operators_bind_by_the_reference() {
    check("1 + 2 * 3", "(1 + (2 * 3))");
    check("1 - 2 - 3", "((1 - 2) - 3)");
    check("2 ^ 3 ^ 2", "((2 ^ 3) ^ 2)");
    check("-2 ^ 2", "(-(2 ^ 2))");
    check("(-2) ^ 2", "((-2) ^ 2)");
    check("2 ^ -1 * 3", "((2 ^ (-1)) * 3)");
    check("-2 * 3", "((-2) * 3)");
    check("- - + 1", "(-(-(+1)))");
    check("1 - -1", "(1 - (-1))");
    check("1 & 2 + 3", "(1 & (2 + 3))");
    check("1 & 2 = 3 & 4", "((1 & 2) = (3 & 4))");
    check("1 < 2 = 3", "((1 < 2) = 3)");
    check(
        "a = 1 && b <> 2 || c == 3",
        "(((a = 1) && (b <> 2)) || (c == 3))",
    );
    check("a || b && c", "(a || (b && c))");
    check("NOT a = b", "(NOT (a = b))");
    check("NOT a && b", "((NOT a) && b)");
    check("NOT(a) IN { 1 }", "(NOT (a IN {1}))");
    check("not not a", "(NOT (NOT a))");
    check("1 + NOT a = b", "(1 + (NOT (a = b)))");
    check("a + 1 IN { 1, 2 } && b", "(((a + 1) IN {1, 2}) && b)");
    check("a <= b", "(a <= b)");
    check("a >= b", "(a >= b)");
    check("a > b", "(a > b)");
    check("a/b/c", "((a / b) / c)");
}

#[test]
fn every_form_of_a_value() {
    check("1", "1");
    check("9223372036854775807", "9223372036854775807");
    check("9223372036854775808", "9.223372036854776e18");
    check("1.50", "1.5");
    check(".5", "0.5");
    check("1e3", "1000.0");
    check("1E-3", "0.001");
    check("\"a\"\"b\"", r#""a\"b""#);
    check("\"\"", r#""""#);
    check("dt\"2020-01-31\"", r#"dt"2020-01-31""#);
    check("DT\"2020-01-31T10:00:00\"", r#"dt"2020-01-31T10:00:00""#);
    check("@Region", "@Region");
    check("Sales", "Sales");
    check("'It''s'", "'It's'");
    check("'Sales Order'[Line]]s]", "Sales Order[Line]s]");
    check("Sales [Amount]", "Sales[Amount]");
    check("Größe[é_1]", "Größe[é_1]");
    check("[Total]", "[Total]");
    check("'Date'[Date].[Month]", "Date[Date].[Month]");
    check("TRUE", "TRUE");
    check("TRUE()", "TRUE()");
    check("AND(a, OR(b, c))", "AND(a, OR(b, c))");
    check("NORM.S.DIST(1, TRUE)", "NORM.S.DIST(1, TRUE)");
    check("T.INV.2T(0.5, 60)", "T.INV.2T(0.5, 60)");
    check("INFO.VIEW.TABLES ()", "INFO.VIEW.TABLES()");
    check("IF.EAGER(a,,b)", "IF.EAGER(a, _, b)");
    check(
        "DATATABLE(a, STRING, b, STRING, {{,1},{2,},{,}})",
        "DATATABLE(a, STRING, b, STRING, {{_, 1}, {2, _}, {_, _}})",
    );
    check("DATATABLE(a, STRING, {{}})", "DATATABLE(a, STRING, {{}})");
    assert!(!parse_expression("{{1,},{2}}").errors.is_empty());
    assert!(
        !parse_expression("DATATABLE(a, STRING, {{F({,})}})")
            .errors
            .is_empty()
    );
    check("f()", "f()");
    check("f(,)", "f(_, _)");
    check("f(a,)", "f(a, _)");
    check("(a)", "a");
    check("(a, b) IN t", "(row(a, b) IN t)");
    check(
        "{ (1, \"a\"), (2, \"b\") }",
        r#"{row(1, "a"), row(2, "b")}"#,
    );
    check("{ (1) }", "{1}");
}

#[test]
fn words_are_keywords_only_in_their_places() {
    check("Date[Date]", "Date[Date]");
    check("Order[Table]", "Order[Table]");
    check("COUNTROWS(Table)", "COUNTROWS(Table)");
    check("COUNTROWS(Measure) + START", "(COUNTROWS(Measure) + START)");
    check(
        "TOPN(1, Order, Column[Start], ASC)",
        "TOPN(1, Order, Column[Start], ASC)",
    );
    check("VAR a = 1 RETURN a", "let a: 1 in a");
    check(
        "var a = 1 var b = a return a + b",
        "let a: 1; b: a in (a + b)",
    );
    check(
        "VAR a = VAR b = 1 RETURN b RETURN a",
        "let a: let b: 1 in b in a",
    );
    check(
        "SUMX(t, VAR x = [y] RETURN[z] * x)",
        "SUMX(t, let x: [y] in ([z] * x))",
    );
    check("1 + VAR a = 1 RETURN a + 2", "(1 + let a: 1 in (a + 2))");
    check("(VAR a = 1 RETURN a) + 2", "(let a: 1 in a + 2)");
}

#[test]
fn an_order_says_where_blanks_stand() {
    check(
        "ORDERBY(a, DESC BLANKS LAST, b, asc blanks first)",
        "ORDERBY(a, DESC BLANKS LAST, b, asc BLANKS first)",
    );
    check_errors("f(DESC BLANKS)", "f(DESC)", "UnexpectedToken@7..13");
}

#[test]
fn layout_does_not_matter() {
    check("\u{FEFF}SUM\u{A0}(\tx\r\n)", "SUM(x)");
    check("1 -- two\n + /* three\n */ 4 // five", "(1 + 4)");
    check("1--2", "1");
}

#[test]
fn spans_cover_what_was_written() {
    let text = "1 + (f(x) * T[c])";
    let ExprKind::Binary {
        op: BinaryOp::Add,
        left,
        right,
    } = parse_expression(text).tree.kind
    else {
        panic!()
    };
    assert_eq!((left.span.start, left.span.end), (0, 1));
    assert_eq!(
        &text[right.span.start as usize..right.span.end as usize],
        "(f(x) * T[c])"
    );
    let ExprKind::Binary { left, right, .. } = right.kind else {
        panic!()
    };
    assert_eq!(
        &text[left.span.start as usize..left.span.end as usize],
        "f(x)"
    );
    let ExprKind::Qualified { table, column } = right.kind else {
        panic!()
    };
    assert_eq!(
        &text[table.span.start as usize..table.span.end as usize],
        "T"
    );
    assert_eq!(
        &text[column.span.start as usize..column.span.end as usize],
        "[c]"
    );
}

#[test]
fn errors_name_their_place_and_parsing_goes_on() {
    check_errors("", "?", "UnexpectedEnd@0..0");
    check_errors("1 +", "(1 + ?)", "UnexpectedEnd@3..3");
    check_errors("= = 1", "?", "ExpectedExpression@2..3");
    check_errors("=", "?", "UnexpectedEnd@1..1");
    check_errors("1 + (= 1)", "(1 + ?)", "ExpectedExpression@5..6");
    check_errors("f(1 2, 3)", "f(1, 3)", "UnexpectedToken@4..5");
    check_errors(
        "f(*, 3) + g(, /)",
        "(f(?, 3) + g(_, ?))",
        "ExpectedExpression@2..3 ExpectedExpression@14..15",
    );
    check_errors("f(1; 2; 3)", "f(1, 2, 3)", "Semicolon@3..4");
    check_errors("f(1", "f(1)", "UnexpectedEnd@3..3");
    check_errors("f({1, 2)", "f({1, 2})", "UnexpectedToken@7..8");
    check_errors("f(1}, 2)", "f(1, 2)", "UnexpectedToken@3..4");
    check_errors("{ }", "{?}", "ExpectedExpression@2..3");
    check_errors("( )", "?", "ExpectedExpression@2..3");
    check_errors("(1,)", "row(1, ?)", "ExpectedExpression@3..4");
    check_errors("1 )", "1", "UnexpectedToken@2..3");
    check_errors("a AND b", "a", "UnexpectedToken@2..5");
    check_errors("NORM.S", "?", "UnexpectedToken@0..6");
    check_errors("T[c].x", "?", "UnexpectedToken@5..6");
    check_errors("[] + ''", "([] + '')", "EmptyName@0..2 EmptyName@5..7");
    check("''[a] + 'T'[b]", "([a] + T[b])");
    check_errors("1e999", "?", "InvalidNumber@0..5");
    check_errors("VAR a = 1 a", "?", "UnexpectedToken@10..11");
    check_errors(
        "VAR a 1 VAR b = 2 RETURN b",
        "let b: 2 in b",
        "UnexpectedToken@6..7",
    );
    check_errors(
        "VAR a = ) VAR b = f( RETURN b",
        "let a: ?; b: f(?) in b",
        "ExpectedExpression@8..9 ExpectedExpression@21..27",
    );
    check_errors("VAR a = 1 RETURN", "let a: 1 in ?", "UnexpectedEnd@16..16");
    check_errors("RETURN 1", "?", "ExpectedExpression@0..6");
}

#[test]
fn a_formula_may_begin_with_an_equals_sign() {
    check("= 1 + 2", "(1 + 2)");
    check("\n=T[a]=[b]", "(T[a] = [b])");
    check("= VAR x = 1 RETURN x", "let x: 1 in x");
    check_query_errors("EVALUATE = T", "ExpectedExpression@9..10");
}

#[test]
fn the_lexer_s_errors_are_not_repeated() {
    check_errors("f(a ! b, 1)", "f(a, 1)", "UnexpectedCharacter@4..5");
    check_errors("1 + ### 2", "(1 + ?)", "UnexpectedCharacter@4..7");
    check_errors("f(\"abc, 1)", r#"f("abc, 1)")"#, "UnterminatedText@2..10");
    check_errors("f('abc)", "f('abc)')", "UnterminatedName@2..7");
    check_errors("f([abc)", "f([abc)])", "UnterminatedName@2..7");
    check_errors("f(1 /* 2)", "f(1)", "UnterminatedComment@4..9");
    check_errors("T[a] <> ]", "(T[a] <> ?)", "UnexpectedCharacter@8..9");
}

#[test]
fn messages_say_what_was_found_and_expected() {
    let check = |text: &str, message: &str| {
        assert_eq!(parse_expression(text).errors[0].message, message, "{text}")
    };
    check("f(1 2)", "expected `,` or `)`, found the number `2`");
    check(
        "a AND b",
        "expected an operator or the end of the expression, found the name `AND`; the operator is written &&",
    );
    check("1 +", "expected an expression, found the end of the text");
    let definition = "expected the expression alone, without its name and the `=` before it, found";
    for (text, found) in [
        ("Total Sales = SUM(T[x])", "the name `Sales`"),
        ("[Total] := 1", "`:`"),
        ("'T'[Total] := 1", "`:`"),
        ("Sales 2024 = 1", "the number `2024`"),
    ] {
        check(text, &format!("{definition} {found}"));
    }
    check(
        "a b",
        "expected an operator or the end of the expression, found the name `b`",
    );
    check(
        "T[a] = 1 2",
        "expected an operator or the end of the expression, found the number `2`",
    );
    check(
        "f(a) b = 1",
        "expected an operator or the end of the expression, found the name `b`",
    );
    check(
        "[a] AND [b] = 1",
        "expected an operator or the end of the expression, found the name `AND`; the operator is written &&",
    );
    check(
        "a != b",
        "unexpected character `!`; DAX writes <> for \"not equal\" and NOT for negation",
    );
    check(
        "f(1;2)",
        "found `;` between arguments: DAX here separates arguments by commas",
    );
}

#[test]
fn queries_have_definitions_and_evaluates() {
    let text = "DEFINE MEASURE 'T'[m] = 1 MEASURE [n] = 2 VAR v = VAR w = 3 RETURN w COLUMN T[c] = T[d] \
                TABLE t = { 1 } FUNCTION My.F = (a : scalar val, b = 2) => a + b VAR last = Order \
                EVALUATE t ORDER BY t[a], [b] DESC, c asc START AT 1, \"x\" \
                EVALUATE Order";
    let query = check_query_errors(text, "");
    let kinds: Vec<_> = query
        .definitions
        .iter()
        .map(|definition| match &definition.kind {
            DefinitionKind::Measure { table, name, body } => {
                format!(
                    "measure {}[{}] = {}",
                    table.as_ref().map_or("", |t| &t.text),
                    name.text,
                    shape(body)
                )
            }
            DefinitionKind::Var { name, body } => format!("var {} = {}", name.text, shape(body)),
            DefinitionKind::Column { table, name, body } => {
                format!("column {}[{}] = {}", table.text, name.text, shape(body))
            }
            DefinitionKind::Table { name, body, .. } => {
                format!("table {} = {}", name.text, shape(body))
            }
            DefinitionKind::Function { name, function } => {
                format!("function {} = {}", name.text, shape_function(function))
            }
        })
        .collect();
    let expected = [
        "measure T[m] = 1",
        "measure [n] = 2",
        "var v = let w: 3 in w",
        "column T[c] = T[d]",
        "table t = {1}",
        "function My.F = a:SCALAR,VAL b=2 => (a + b)",
        "var last = Order",
    ];
    assert_eq!(kinds, expected);
    let first = query.definitions[0].span;
    assert_eq!(
        &text[first.start as usize..first.end as usize],
        "MEASURE 'T'[m] = 1"
    );
    assert_eq!(query.evaluates.len(), 2);
    let keys: Vec<_> = query.evaluates[0]
        .order_by
        .iter()
        .map(|key| (shape(&key.expr), key.descending))
        .collect();
    assert_eq!(
        keys,
        [
            ("t[a]".to_owned(), false),
            ("[b]".to_owned(), true),
            ("c".to_owned(), false)
        ]
    );
    assert_eq!(query.evaluates[0].start_at.len(), 2);
    assert_eq!(shape(&query.evaluates[1].table), "Order");
}

fn shape_function(function: &Function) -> String {
    let mut parts = Vec::new();
    for parameter in &function.parameters {
        let hints: Vec<_> = parameter
            .hints
            .iter()
            .map(|hint| hint.text.as_str())
            .collect();
        let colon = if hints.is_empty() { "" } else { ":" };
        let default = parameter
            .default
            .as_ref()
            .map_or(String::new(), |default| format!("={}", shape(default)));
        parts.push(format!(
            "{}{colon}{}{default}",
            parameter.name.text,
            hints.join(",")
        ));
    }
    format!("{} => {}", parts.join(" "), shape(&function.body))
}

#[test]
fn functions_stand_alone_too() {
    let check = |text: &str, expected: &str, errors: &str| {
        let parsed = parse_function(text);
        assert_eq!(
            places(&parsed.errors),
            errors,
            "{text}: {:?}",
            parsed.errors
        );
        assert_eq!(shape_function(&parsed.tree), expected, "{text}");
    };
    check("() => 1", " => 1", "");
    check(
        "(a : SCALAR VAL, b) => a * b",
        "a:SCALAR,VAL b => (a * b)",
        "",
    );
    check(
        "(\n  t : table expr\n) =>\n VAR x = 1\n RETURN x",
        "t:TABLE,EXPR => let x: 1 in x",
        "",
    );
    check("(a, 1) => a", " => ?", "UnexpectedToken@4..5");
    check("(a) a", " => ?", "UnexpectedToken@4..5");
    check("(a :) => a", "a => a", "UnexpectedToken@4..5");
    check("(a) => a a", "a => a", "UnexpectedToken@9..10");
    check("a => a", " => ?", "UnexpectedToken@0..1");
}

#[test]
fn a_broken_query_still_shows_its_other_parts() {
    check_query_errors("", "MissingEvaluate@0..0");
    check_query_errors("SUM(x) + ) 2", "MissingEvaluate@0..3");
    check_query_errors("DEFINE VAR a = 1", "MissingEvaluate@16..16");
    check_query_errors("DEFINE EVALUATE t", "UnexpectedToken@7..15");
    check_query_errors("EVALUATE", "UnexpectedEnd@8..8");
    check_query_errors("EVALUATE ORDER BY x", "ExpectedExpression@9..14");
    check_query_errors("EVALUATE t;", "UnexpectedToken@10..11");
    check_query_errors("EVALUATE t START AT 1", "MisplacedStartAt@11..19");
    check_query_errors(
        "EVALUATE t ORDER BY t[a] START AT 1, 2",
        "MisplacedStartAt@25..33",
    );
    check_query_errors("x EVALUATE t", "UnexpectedToken@0..1");

    let query = check_query_errors("MEASURE T[m] = 1 EVALUATE t", "UnexpectedToken@0..7");
    assert_eq!((query.definitions.len(), query.evaluates.len()), (1, 1));
    let query = check_query_errors(
        "DEFINE VAR a = 1 DEFINE VAR b = 2 EVALUATE t",
        "MisplacedDefine@17..23",
    );
    assert_eq!((query.definitions.len(), query.evaluates.len()), (2, 1));
    let query = check_query_errors("EVALUATE t DEFINE VAR b = 2", "MisplacedDefine@11..17");
    assert_eq!((query.definitions.len(), query.evaluates.len()), (1, 1));

    let query = check_query_errors(
        "DEFINE VAR a = Measure MEASURE [m] = Table TABLE t = Order EVALUATE t",
        "",
    );
    assert_eq!(query.definitions.len(), 3);

    let text = "DEFINE MEASURE T[a] = SUM(x MEASURE T[b] = 2 MEASURE = 3 COLUMN [c] = 4 TABLE t {5} VAR d = 6 7 \
                FUNCTION f = 8 VAR e = 9 EVALUATE FILTER(t, EVALUATE ROW(\"x\" 1) EVALUATE u";
    let query = check_query_errors(
        text,
        "UnexpectedToken@28..35 UnexpectedToken@53..54 UnexpectedToken@64..67 \
         UnexpectedToken@94..95 UnexpectedToken@109..110 ExpectedExpression@140..148 UnexpectedToken@157..158",
    );
    assert_eq!(query.definitions.len(), 4);
    assert_eq!(query.evaluates.len(), 3);
}

/// Runs on the stack that a thread gets by default, which is less than a main thread has.
#[test]
fn no_text_exhausts_the_stack_or_time() {
    let check = |text: String, expected: ErrorKind| {
        let started = std::time::Instant::now();
        for errors in [
            parse_expression(&text).errors,
            parse_query(&format!("EVALUATE {text}")).errors,
        ] {
            let shown: String = text.chars().take(40).collect();
            assert_eq!(errors[0].kind, expected, "{shown}: {:?}", errors[0]);
            assert!(errors.len() <= 101, "{shown}");
        }
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    };
    let many = 100_000;
    check("(".repeat(many), ErrorKind::TooDeep);
    check(
        "(".repeat(many) + "1" + &")".repeat(many),
        ErrorKind::TooDeep,
    );
    check("f(".repeat(many), ErrorKind::TooDeep);
    check("{".repeat(many), ErrorKind::TooDeep);
    check("1+(2*".repeat(many), ErrorKind::TooDeep);
    check("VAR a = ".repeat(many), ErrorKind::TooDeep);
    check("- ".repeat(many) + "1", ErrorKind::TooDeep);
    check("NOT ".repeat(many) + "1", ErrorKind::TooDeep);
    check("1+".repeat(1_000_000) + "1", ErrorKind::TooDeep);
    check("2 ^ ".repeat(many) + "1", ErrorKind::TooDeep);
    check("a && ".repeat(many) + "1", ErrorKind::TooDeep);
    check("f(1 2, ".repeat(many), ErrorKind::UnexpectedToken);
    check(
        format!("f({})", "1 2, ".repeat(many)),
        ErrorKind::UnexpectedToken,
    );
    check("# ".repeat(many), ErrorKind::UnexpectedCharacter);
    check("1 [".repeat(many), ErrorKind::UnterminatedName);
    check("} ".repeat(many), ErrorKind::ExpectedExpression);
    check("f(*, ".repeat(many), ErrorKind::ExpectedExpression);
}

#[test]
fn what_is_within_the_limits_is_read() {
    let check = |text: String| assert_eq!(parse_expression(&text).errors, vec![]);
    check("(".repeat(MAX_NESTING - 1) + "1" + &")".repeat(MAX_NESTING - 1));
    check("1+".repeat(MAX_TREE_DEPTH) + "1");
    check("- ".repeat(MAX_TREE_DEPTH) + "1");
    check(format!("f({})", "1,".repeat(100_000)));
    check(format!("{} RETURN 1", "VAR a = 1 ".repeat(100_000)));
    // The deepest calls with operators of every precedence around each, on a small stack.
    let text = "a || b && NOT c = d & e + f * -g ^ F(".repeat(MAX_NESTING / 2)
        + "1"
        + &")".repeat(MAX_NESTING / 2);
    let small = std::thread::Builder::new().stack_size(1 << 20);
    let errors = small
        .spawn(move || parse_expression(&text).errors)
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(errors, vec![]);
}

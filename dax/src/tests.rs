//! Whole texts: DAX of real models and of captured answers, and texts made of random pieces.

use std::path::{Path, PathBuf};

use crate::format::tests::{keeps_expression, keeps_query};
use crate::random::Random;
use crate::{Error, Span, comments, dump_expr, dump_function, dump_query, lex};
use crate::{parse_expression, parse_function, parse_query};

/// The folder of test material that may stand beside the checkout.
fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared")
}

/// The JSON string that begins after the opening quote: its content, and what follows it.
fn json_string(rest: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &rest[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                'u' => {
                    let digits: String = chars.by_ref().take(4).map(|(_, digit)| digit).collect();
                    out.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                }
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    None
}

/// All values of a JSON property that are a text, or lines of one.
fn json_texts(json: &str, property: &str) -> Vec<String> {
    let key = format!("\"{property}\"");
    let mut found = Vec::new();
    for (at, _) in json.match_indices(&key) {
        let after = json[at + key.len()..].trim_start();
        let Some(value) = after.strip_prefix(':').map(str::trim_start) else {
            continue;
        };
        if let Some(rest) = value.strip_prefix('"') {
            found.extend(json_string(rest).map(|(text, _)| text));
        } else if let Some(mut rest) = value.strip_prefix('[') {
            let mut lines = Vec::new();
            while let Some(next) = rest
                .trim_start()
                .trim_start_matches(',')
                .trim_start()
                .strip_prefix('"')
            {
                let Some((line, after)) = json_string(next) else {
                    break;
                };
                lines.push(line);
                rest = after;
            }
            found.push(lines.join("\n"));
        }
    }
    found
}

fn check_expression(text: &str) {
    let parsed = parse_expression(text);
    assert_eq!(parsed.errors, vec![], "{text}");
    keeps_expression(&parsed.tree);
}

#[test]
fn json_texts_are_found() {
    let json = r#"{"a" : "x\"\n\u00e9", "b": ["1", "2"], "a": 3, "c": "a"}"#;
    assert_eq!(json_texts(json, "a"), ["x\"\né"]);
    assert_eq!(json_texts(json, "b"), ["1\n2"]);
}

#[test]
fn captured_expressions_are_read() {
    let Ok(text) = std::fs::read_to_string(shared().join("dax/goldens.jsonl")) else {
        return;
    };
    let expressions = json_texts(&text, "expr");
    assert_eq!(
        expressions.len(),
        text.lines().filter(|line| !line.trim().is_empty()).count()
    );
    for expression in expressions {
        check_expression(&expression);
        let query = parse_query(&format!("EVALUATE ROW ( \"v\", {expression} )"));
        assert_eq!(query.errors, vec![], "{expression}");
        keeps_query(&query.tree);
    }
}

#[test]
fn models_are_read() {
    let Ok(folders) = std::fs::read_dir(shared().join("data")) else {
        return;
    };
    let folders = folders
        .map(|folder| folder.unwrap().path())
        .chain([shared().join("dax/goldens-model")]);
    for folder in folders {
        let Ok(json) = std::fs::read_to_string(folder.join("model.bim")) else {
            continue;
        };
        let mut texts = json_texts(&json, "expression");
        texts.extend(json_texts(&json, "filterExpression"));
        // Partitions hold M, whose programs begin with `let`.
        for text in texts
            .iter()
            .filter(|text| !text.trim_start().starts_with("let"))
        {
            check_expression(text);
        }
    }
}

#[test]
fn comments_can_be_had() {
    let text = "// a\r\n1 -- b\n/* c\n*/ + 2 // d";
    let found: Vec<&str> = comments(text)
        .iter()
        .map(|span| slice(text, *span))
        .collect();
    assert_eq!(found, ["// a\r", "-- b", "/* c\n*/", "// d"]);
}

#[test]
fn block_comments_nest() {
    let text = "1 /* a /* b */ c /*/ */ */ + 2 /**/";
    let found: Vec<&str> = comments(text)
        .iter()
        .map(|span| slice(text, *span))
        .collect();
    assert_eq!(found, ["/* a /* b */ c /*/ */ */", "/**/"]);
    let open = "1 /* a /* b */";
    assert_eq!(comments(open).len(), 1);
    assert!(!parse_expression(open).errors.is_empty(), "{open}");
}

fn slice(text: &str, span: Span) -> &str {
    &text[span.start as usize..span.end as usize]
}

const PIECES: [&str; 64] = [
    "EVALUATE",
    "DEFINE",
    "MEASURE",
    "VAR",
    "RETURN",
    "COLUMN",
    "TABLE",
    "FUNCTION",
    "ORDER BY",
    "START AT",
    "NOT",
    "IN",
    "ASC",
    "DESC",
    "a",
    "Sales",
    "'It''s'",
    "[x]",
    "T[c]",
    ".",
    "(",
    ")",
    "(",
    ")",
    "{",
    "}",
    ",",
    ",",
    ";",
    "+",
    "-",
    "*",
    "/",
    "^",
    "&",
    "&&",
    "||",
    "=",
    "==",
    "<>",
    "<",
    "=>",
    ":",
    "1",
    "2.5",
    "1e3",
    "1e999",
    "\"a\"",
    "dt\"2020\"",
    "@p",
    "f(",
    "NORM.S(",
    "IF(a,,b)",
    "VAR x =",
    "MEASURE T[m] =",
    "TABLE t =",
    "FUNCTION f = (a : VAL) =>",
    "// c\n",
    "/* c */",
    "!",
    "é",
    "\"",
    "'",
    "[",
];

/// The errors stand in the text, in order; without errors the tree has no gaps, and the other way round.
fn check_errors(text: &str, errors: &[Error], dump: &str) {
    for error in errors {
        assert!(error.span.start <= error.span.end, "{text}: {error:?}");
        assert!(
            text.get(error.span.start as usize..error.span.end as usize)
                .is_some(),
            "{text}: {error:?}"
        );
    }
    assert!(
        errors.is_sorted_by_key(|error| error.span.start),
        "{text}: {errors:?}"
    );
    let gaps = dump.lines().any(|line| line.trim() == "Error");
    assert!(!gaps || !errors.is_empty(), "{text}: {dump}");
}

#[test]
fn any_text_is_read_to_its_end() {
    let mut clean = 0;
    for seed in 0..20_000 {
        let mut random = Random::new(seed);
        // Most texts must not break off in a name, or little would be tried after it.
        let pieces = if seed % 8 == 0 {
            &PIECES[..]
        } else {
            &PIECES[..PIECES.len() - 3]
        };
        let count = 1 + random.below(30);
        let text = (0..count)
            .map(|_| random.pick(pieces))
            .collect::<Vec<_>>()
            .join(" ");
        for token in lex(&text).0 {
            assert!(!slice(&text, token.span).is_empty());
        }
        let expression = parse_expression(&text);
        check_errors(&text, &expression.errors, &dump_expr(&expression.tree));
        let query = parse_query(&text);
        check_errors(&text, &query.errors, &dump_query(&query.tree));
        let function = parse_function(&text);
        check_errors(&text, &function.errors, &dump_function(&function.tree));
        if expression.errors.is_empty() {
            keeps_expression(&expression.tree);
            clean += 1;
        }
    }
    assert!(clean > 100, "{clean} of the texts are expressions");
}

/// A query that lacks one token, or has one twice, is read to its end as well.
#[test]
fn damaged_queries_are_read_to_their_end() {
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let text = crate::format_query(&random.query());
        let tokens = lex(&text).0;
        for _ in 0..10 {
            let span = tokens[random.below(tokens.len())].span;
            let (before, after) = (&text[..span.start as usize], &text[span.end as usize..]);
            for damaged in [
                format!("{before} {after}"),
                format!("{before}{0} {0}{after}", slice(&text, span)),
            ] {
                let parsed = parse_query(&damaged);
                check_errors(&damaged, &parsed.errors, &dump_query(&parsed.tree));
                assert!(
                    parsed.errors.len() <= 4,
                    "one slip, few errors: {damaged}\n{:?}",
                    parsed.errors
                );
            }
        }
    }
}

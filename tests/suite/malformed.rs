//! Malformed queries: texts that were queries once, mangled. Lexer, parser, formatter and binder must answer each with a value or an
//! error, without panic, in bounded time and memory.
//!
//! `PERISTYLE_TEXTS` says how many texts to try, or `PERISTYLE_SECONDS` for how long; `PERISTYLE_SEED` where to begin. Text and
//! seed belong together, so a run goes on where the one before it ended, and a finding is repeated by its seed alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use peristyle::{Database, Identity, Limits, QueryOptions, Session, Stage, functions};

use crate::corpus;

/// What one text may take: far more than any needs, even where many tests run at once.
const MOST_TIME: Duration = Duration::from_secs(20);
/// The most memory that the process may have held in the end.
const MOST_MEMORY: u64 = 3 << 30;
/// Texts grow when they are mangled; beyond this they are cut.
const LONGEST: usize = 30_000;

/// Choices that a seed repeats.
struct Choices(u64);

impl Choices {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }

    fn piece(&mut self) -> &'static str {
        PIECES[self.below(PIECES.len())]
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Pieces that mean something somewhere.
const PIECES: &[&str] = &[
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "'",
    "\"",
    ",",
    ";",
    ".",
    ":",
    "=>",
    "@p",
    "=",
    "==",
    "<>",
    "<=",
    "&&",
    "||",
    "&",
    "+",
    "-",
    "*",
    "/",
    "^",
    "--",
    "//",
    "/*",
    "*/",
    "IN",
    "NOT",
    "VAR x =",
    "RETURN",
    "DEFINE",
    "EVALUATE",
    "MEASURE",
    "COLUMN",
    "TABLE",
    "FUNCTION f = (a : SCALAR VAL, b : ANYREF EXPR = 1) =>",
    "MPARAMETER 'p' = 1",
    "ORDER BY",
    "START AT",
    "ASC",
    "DESC",
    "1",
    "0",
    "1e308",
    "1e-400",
    ".5",
    "99999999999999999999",
    "dt\"2020-02-30\"",
    "\"\"",
    "TRUE()",
    "BLANK()",
    "dt\"2024-01-01T10:00\"",
    "[Sales]",
    "Orders[Quantity]",
    "'Dates'[Date]",
    "[_Sales Goal]",
    "[_Sales FormatString]",
    "\u{0}",
    "\u{feff}",
    "é",
    "\u{1f600}",
    "\r\n",
    "\u{a0}",
    "ı",
    "''''",
    "[]]]",
    "'T'[c].[d]",
];

struct Mangler {
    queries: Vec<String>,
    calls: Vec<String>,
}

impl Mangler {
    fn new() -> Mangler {
        let queries = corpus::retail().into_iter().map(|query| query.text);
        let calls = functions().map(|function| format!("{}(", function.name));
        Mangler {
            queries: queries.collect(),
            calls: calls.collect(),
        }
    }

    fn text(&self, seed: u64) -> String {
        let mut choices = Choices(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut text = match choices.below(20) {
            0 => String::new(),
            1 => return nested(&mut choices),
            _ => choices.pick(&self.queries).clone(),
        };
        for _ in 0..1 + choices.below(12) {
            text = self.mangled(text, &mut choices);
            if text.len() > LONGEST {
                text.truncate(edge(&text, LONGEST));
            }
        }
        text
    }

    fn mangled(&self, mut text: String, choices: &mut Choices) -> String {
        let (a, b) = (choices.below(text.len() + 1), choices.below(40));
        let (from, to) = (edge(&text, a), edge(&text, a + b));
        match choices.below(9) {
            0 => text.replace_range(from..to, ""),
            1 => text.insert_str(from, choices.piece()),
            2 => text.replace_range(from..to, choices.piece()),
            3 => {
                let call: &String = choices.pick(&self.calls);
                text.insert_str(from, call);
            }
            4 => {
                let piece = text[from..to].to_owned();
                let at = edge(&text, choices.below(text.len() + 1));
                text.insert_str(at, &piece);
            }
            5 => {
                let (tokens, _) = dax_tokens(&text);
                if let Some(&(from, to)) = tokens.get(choices.below(tokens.len())) {
                    text.replace_range(from..to, choices.piece());
                }
            }
            6 => {
                let (tokens, _) = dax_tokens(&text);
                if let Some(&(from, to)) = tokens.get(choices.below(tokens.len())) {
                    text.replace_range(from..to, "");
                }
            }
            7 => {
                let other = choices.pick(&self.queries);
                let cut = edge(other, choices.below(other.len() + 1));
                text.truncate(from);
                text.push_str(&other[cut..]);
            }
            _ => {
                let code = choices.below(0x11_0000) as u32;
                text.insert(from, char::from_u32(code).unwrap_or('\u{fffd}'));
            }
        }
        text
    }
}

/// The byte ranges of words, names and signs; what they are does not matter here.
fn dax_tokens(text: &str) -> (Vec<(usize, usize)>, usize) {
    let mut ranges = Vec::new();
    let mut at = 0;
    for piece in text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
        ranges.push((at, at + piece.len()));
        at += piece.len();
    }
    (ranges, at)
}

/// The next boundary of a character.
fn edge(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// Deep or long texts of one shape.
fn nested(choices: &mut Choices) -> String {
    let (open, close) = *choices.pick(&[
        ("(", ")"),
        ("{", "}"),
        ("NOT ", ""),
        ("- ", ""),
        ("1 + (", ")"),
        ("CALCULATE(", ")"),
        ("IF(TRUE(), ", ", 1)"),
        ("VAR x = 1 RETURN ", ""),
        ("SUMX(Orders, ", ")"),
        ("1 ^ ", ""),
        ("1 = ", ""),
        ("FILTER(", ", TRUE())"),
        ("1, ", ""),
        ("/* ", "*/"),
    ]);
    let depth = choices.below(3_000);
    let closed = if choices.below(3) == 0 {
        choices.below(depth + 1)
    } else {
        depth
    };
    format!(
        "EVALUATE {{{}1{}}}",
        open.repeat(depth),
        close.repeat(closed)
    )
}

fn options() -> QueryOptions {
    let limits = Limits {
        result_rows: 10_000,
        table_rows: 100_000,
        text_bytes: 16 << 20,
        memory: 256 << 20,
        ..Limits::default()
    };
    let mut options = QueryOptions::default().time_limit(Some(Duration::from_secs(5)));
    options.limits = limits;
    options
}

/// Every stage over one text. What cannot be is told by a panic.
fn go_through(session: &Session, text: &str) {
    for stage in [Stage::Tokens, Stage::Tree, Stage::Bound] {
        let _ = session.explain_with(stage, text, &options());
    }
    if let Ok(formatted) = peristyle::format_dax(text) {
        let again = peristyle::format_dax(&formatted)
            .unwrap_or_else(|error| panic!("what was formatted is refused: {error}\n{formatted}"));
        assert_eq!(again, formatted, "formatting twice changes the text");
        let bound = |text: &str| session.explain_with(Stage::Bound, text, &options()).ok();
        let (before, after) = (bound(text), bound(&formatted));
        assert_eq!(
            before.is_some(),
            after.is_some(),
            "formatting changes the meaning"
        );
    }
}

fn number_from(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
    )
}

/// The most memory that this process has held, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes << 10)
}

#[test]
fn malformed_texts_are_answered() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail");
    let database = Database::import(root.join("model"), root.join("data")).expect("the fixture");
    let session = database
        .session(Identity::user("ana@contoso.example").role("Germany"))
        .expect("a session");
    let seconds = number_from("PERISTYLE_SECONDS").map(Duration::from_secs);
    let texts =
        number_from("PERISTYLE_TEXTS").unwrap_or(if seconds.is_some() { u64::MAX } else { 1_200 });
    let first = number_from("PERISTYLE_SEED").unwrap_or(1);
    let mangler = Mangler::new();
    let (started, mut tried, mut slowest) = (Instant::now(), 0, (Duration::ZERO, 0));
    while tried < texts && seconds.is_none_or(|most| started.elapsed() < most) {
        let seed = first + tried;
        let text = mangler.text(seed);
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| go_through(&session, &text)));
        let taken = began.elapsed();
        assert!(
            outcome.is_ok(),
            "seed {seed}: a panic, told above, for\n{text}"
        );
        assert!(taken < MOST_TIME, "seed {seed}: {taken:?} for\n{text}");
        slowest = slowest.max((taken, seed));
        tried += 1;
    }
    let peak = peak_memory().unwrap_or(0);
    println!(
        "{tried} texts from seed {first} to {}, in {:?}; the slowest {:?} (seed {}); {} MB at most",
        first + tried - 1,
        started.elapsed(),
        slowest.0,
        slowest.1,
        peak >> 20
    );
    // The process may have run other tests too; alone, it holds what these texts needed.
    if std::env::var_os("PERISTYLE_SECONDS").is_some() {
        assert!(peak < MOST_MEMORY, "{} MB of memory", peak >> 20);
    }
}

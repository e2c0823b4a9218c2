//! Rust files as the source scans read them: without comments and texts, which may say anything.

use std::fs;
use std::path::{Path, PathBuf};

/// All Rust files of a folder of the project, with their paths from its root.
pub fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.expect("an entry of a folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let text = fs::read_to_string(&path).expect("a Rust file");
                found.push((
                    path.strip_prefix(root)
                        .expect("below the root")
                        .to_path_buf(),
                    code_only(&text),
                ));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no Rust files");
    found
}

/// The text with comments, texts and characters blanked out; lines stay where they are.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = end_of_piece(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(
                chars[at..end]
                    .iter()
                    .map(|c| if *c == '\n' { '\n' } else { ' ' }),
            );
            at = end;
        }
    }
    out
}

/// Where the comment, text or character that begins here ends; here itself where none begins.
fn end_of_piece(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    let starts_word = at == 0 || !(chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if next == Some('/') => find(chars, at, &['\n']),
        '/' if next == Some('*') => end_of_block_comment(chars, at),
        '"' => end_of_text(chars, at + 1, '"'),
        'r' if starts_word && matches!(next, Some('"' | '#')) => end_of_raw_text(chars, at),
        // A character, and not a lifetime: 'a' ends with a quote, 'static does not.
        '\'' if next == Some('\\') => end_of_text(chars, at + 1, '\''),
        '\'' if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
}

fn find(chars: &[char], from: usize, what: &[char]) -> usize {
    let found = chars[from..]
        .windows(what.len())
        .position(|window| window == what);
    found.map_or(chars.len(), |offset| from + offset)
}

fn end_of_block_comment(chars: &[char], at: usize) -> usize {
    let (mut depth, mut at) = (0, at);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn end_of_text(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn end_of_raw_text(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return at;
    }
    let close: Vec<char> = std::iter::once('"')
        .chain(std::iter::repeat_n('#', hashes))
        .collect();
    (find(chars, open + 1, &close) + close.len()).min(chars.len())
}

#[test]
fn comments_and_texts_are_blanked() {
    let check = |text: &str, expected: &str| {
        let squeezed = code_only(text)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(squeezed, expected, "{text}");
    };
    check("a // unsafe\nb", "a b");
    check("a /* x /* unsafe */ y */ b", "a b");
    check(r#"a("unsafe \" still") b"#, "a( ) b");
    check("a(r#\"unsafe \" \"#) b", "a( ) b");
    check(
        "fn f<'a>(x: &'a str) -> char { '\"' } // '",
        "fn f<'a>(x: &'a str) -> char { }",
    );
    check(r"let q = '\''; unsafe", "let q = ; unsafe");
    check("for r in x {}", "for r in x {}");
}

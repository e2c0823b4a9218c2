//! Where one statement of the prompt ends.

/// Whether the lines so far are a whole statement. A command (`.tables`) is one line. A query ends with `;` at the end of
/// a line, or with an empty line.
pub fn is_complete(lines: &str) -> bool {
    let text = lines.trim();
    text.is_empty() || text.starts_with('.') || text.ends_with(';') || ends_with_empty_line(lines)
}

fn ends_with_empty_line(lines: &str) -> bool {
    match lines.rsplit_once('\n') {
        Some((_, last)) => last.trim().is_empty(),
        None => false,
    }
}

/// The statement without what ended it.
pub fn without_end(lines: &str) -> &str {
    let text = lines.trim();
    text.strip_suffix(';').map_or(text, str::trim_end)
}

/// The words of a command. A word with spaces stands in quotes, single or double.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = if first == '"' || first == '\'' {
            let inner = &rest[1..];
            inner.split_once(first).unwrap_or((inner, ""))
        } else {
            rest.split_once(char::is_whitespace).unwrap_or((rest, ""))
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_ends_with_a_semicolon_or_an_empty_line() {
        let check =
            |lines: &str, expected: bool| assert_eq!(is_complete(lines), expected, "{lines:?}");
        check("", true);
        check(".tables", true);
        check("EVALUATE T", false);
        check("EVALUATE T;", true);
        check("EVALUATE\n  T", false);
        check("EVALUATE\n  T ;  ", true);
        check("EVALUATE T\n", true);
        check("EVALUATE T\n   ", true);
        assert_eq!(without_end("EVALUATE T ;\n"), "EVALUATE T");
        assert_eq!(without_end("EVALUATE T\n\n"), "EVALUATE T");
    }

    #[test]
    fn words_with_spaces_stand_in_quotes() {
        let check = |text: &str, expected: &[&str]| assert_eq!(words(text), expected, "{text}");
        check("Europe  Bikes", &["Europe", "Bikes"]);
        check(
            "\"No cost\" 'Own territory' x",
            &["No cost", "Own territory", "x"],
        );
        check("'no end", &["no end"]);
        check("''", &[""]);
        check("  ", &[]);
    }
}

//! Errors as people read them: the message, the place, and the piece of the query underlined.

use std::io::{self, IsTerminal, Write};
use std::ops::Range;

use ariadne::{Color, Config, IndexType, Label, Report, ReportKind, Source};
use peristyle::{Error, QueryError, Span, line_column};

use crate::failure::Failure;
use crate::input::Input;

/// Beyond this many bytes a line is shown in part: the underlined piece with a little around it.
const LONGEST_LINE: usize = 300;

/// Bytes shown before and after the underlined piece of a long line.
const AROUND: usize = 60;

/// Tells of an error on standard error, and with `json` as an object on standard output too.
pub fn error(error: &Error, input: Option<&Input>, json: bool) -> Failure {
    let mut message = error.to_string();
    match (error, input) {
        (
            Error::Query(QueryError {
                span: Some(span), ..
            }),
            Some(input),
        ) => {
            let (line, column) = line_column(&input.text, span.start);
            eprint!("{}", underlined(&message, error.code(), *span, input));
            message = format!("{message} (line {line}, column {column})");
        }
        _ => eprintln!("error: {message}"),
    }
    if json {
        print_json(error.code(), &message)
    } else {
        Failure::Reported
    }
}

/// Tells of something that went wrong in this command itself.
pub fn refusal(code: &str, message: &str, json: bool) -> Failure {
    eprintln!("error: {message}");
    if json {
        print_json(code, message)
    } else {
        Failure::Reported
    }
}

fn print_json(code: &str, message: &str) -> Failure {
    let object = serde_json::json!({ "error": { "code": code, "message": message } });
    match writeln!(io::stdout(), "{object}") {
        Ok(()) => Failure::Reported,
        Err(error) => Failure::from(error),
    }
}

/// The message with the piece of the text that it is about.
pub fn underlined(message: &str, code: &str, span: Span, input: &Input) -> String {
    let span = within(&input.text, span);
    if longest_line(&input.text, &span) > LONGEST_LINE {
        return excerpt(message, code, &span, input);
    }
    let colour = io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let place = (input.name.as_str(), span.clone());
    let label = Label::new(place.clone()).with_message("here");
    let label = if colour {
        label.with_color(Color::Red)
    } else {
        label
    };
    let report = Report::build(ReportKind::Error, place)
        .with_code(code)
        .with_message(message)
        .with_config(
            Config::default()
                .with_color(colour)
                .with_index_type(IndexType::Byte),
        )
        .with_label(label)
        .finish();
    let mut text = Vec::new();
    match report.write(
        (input.name.as_str(), Source::from(input.text.as_str())),
        &mut text,
    ) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => excerpt(message, code, &span, input),
    }
}

/// The span inside the text, at character boundaries, and never empty where there is a character to show.
fn within(text: &str, span: Span) -> Range<usize> {
    let floor = |at: u32| {
        let mut at = (at as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (floor(span.start), floor(span.end.max(span.start)));
    if start < end {
        return start..end;
    }
    let next = text[start..].chars().next().map_or(0, char::len_utf8);
    start..start + next
}

fn longest_line(text: &str, span: &Range<usize>) -> usize {
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.end..]
        .find('\n')
        .map_or(text.len(), |at| span.end + at);
    text[start..end].lines().map(str::len).max().unwrap_or(0)
}

/// A long line shown in part.
fn excerpt(message: &str, code: &str, span: &Range<usize>, input: &Input) -> String {
    let text = input.text.as_str();
    let boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let line_start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[span.start..]
        .find('\n')
        .map_or(text.len(), |at| span.start + at);
    let from = boundary(span.start.saturating_sub(AROUND)).max(line_start);
    let marked = boundary(span.end.min(span.start + AROUND))
        .min(line_end)
        .max(span.start);
    let to = boundary((marked + AROUND).min(text.len())).min(line_end);
    let plain = |range: Range<usize>| text[range].replace(char::is_control, " ");
    let (line, column) = line_column(text, span.start as u32);
    let before = if from > line_start { "..." } else { "" };
    let after = if to < line_end { "..." } else { "" };
    let shown = format!("{before}{}{after}", plain(from..to));
    let indent = before.len() + text[from..span.start].chars().count();
    let carets = text[span.start..marked].chars().count().max(1);
    format!(
        "[{code}] Error: {message}\n  at {}:{line}:{column}\n    {shown}\n    {}{}\n",
        input.name,
        " ".repeat(indent),
        "^".repeat(carets)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_piece_at_fault_is_underlined() {
        let text = "EVALUATE\n  FILTER('Ünknown', 1)";
        let start = text.find('\'').unwrap();
        let span = Span::new(start, start + "'Ünknown'".len());
        let shown = underlined(
            "there is no table 'Ünknown'",
            "unknown_name",
            span,
            &Input::typed(text),
        );
        assert!(shown.contains("there is no table"), "{shown}");
        assert!(shown.contains("query:2:10"), "{shown}");
        assert!(shown.contains("FILTER('Ünknown', 1)"), "{shown}");
        assert!(
            shown.contains("────┬────") || shown.contains('─'),
            "{shown}"
        );
        assert!(!shown.contains('\u{1b}'), "no colour in a test: {shown}");
    }

    #[test]
    fn a_long_line_is_shown_in_part() {
        let text = format!("EVALUATE {}x", "(".repeat(100_000));
        let span = Span::new(5_000, 5_001);
        let shown = underlined("nested too deep", "syntax", span, &Input::typed(&text));
        assert!(shown.len() < 1_000, "{} bytes", shown.len());
        assert!(shown.contains("query:1:5001"), "{shown}");
        let (line, carets) = {
            let mut lines = shown.lines().skip(2);
            (lines.next().unwrap(), lines.next().unwrap())
        };
        assert_eq!(line.as_bytes()[carets.find('^').unwrap()], b'(');
    }

    #[test]
    fn spans_beyond_the_text_do_no_harm() {
        for (text, start, end) in [
            ("", 0, 0),
            ("é", 1, 1),
            ("abc", 3, 3),
            ("abc", 7, 9),
            ("a\nb", 1, 2),
        ] {
            let input = Input::typed(text);
            assert!(
                underlined("message", "syntax", Span::new(start, end), &input).contains("message")
            );
            assert!(
                excerpt(
                    "message",
                    "syntax",
                    &within(text, Span::new(start, end)),
                    &input
                )
                .contains("message")
            );
        }
    }
}

//! Comments find their way back into a text that was laid out without them.

use crate::tokens::{Token, TokenKind, scan};
use crate::tree::Span;

/// Puts the comments of `source` into `formatted`, which is the same text laid out anew. A comment on a line of its own comes
/// before the line that holds what followed it; a comment behind something comes to the end of that line. None where the two
/// texts do not go together, or where a comment would change what the text says.
pub fn keep_comments(source: &str, formatted: &str) -> Option<String> {
    let from = scan(source);
    if from.comments.is_empty() {
        return Some(formatted.to_owned());
    }
    let formatted = formatted.trim_end();
    let to = scan(formatted).tokens;
    let places = aligned((source, &from.tokens), (formatted, &to))?;
    let mut insertions = Insertions::new(formatted, &to);
    for comment in &from.comments {
        let next = from
            .tokens
            .partition_point(|token| token.span.start < comment.start);
        let text = written(source, *comment);
        let before = next
            .checked_sub(1)
            .and_then(|previous| from.tokens.get(previous));
        // Several comments behind one another belong to what stands before all of them.
        let behind = before.filter(|token| {
            let between = source.get(token.span.end as usize..comment.start as usize);
            between.is_some_and(|between| !between.contains('\n'))
        });
        match (behind, places.get(next)) {
            (Some(_), _) => insertions.at_line_end(*places.get(next - 1)?, &text),
            (None, Some(place)) => insertions.above_line(*place, &text),
            (None, None) => insertions.last(&text),
        }
    }
    let woven = insertions.finish();
    let again = scan(&woven);
    let same = again.errors.is_empty()
        && again.tokens.len() == to.len()
        && again
            .tokens
            .iter()
            .zip(&to)
            .all(|(a, b)| slice(&woven, a.span) == slice(formatted, b.span));
    same.then_some(woven)
}

fn slice(text: &str, span: Span) -> &str {
    text.get(span.start as usize..span.end as usize)
        .unwrap_or("")
}

/// A comment as it is written down: without white space behind its lines, and with one kind of line end.
fn written(source: &str, span: Span) -> String {
    let lines: Vec<&str> = slice(source, span).lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// For each token of the first text the token of the second that it became, or, for brackets and words that the layout leaves
/// out, the one that took its place.
fn aligned(
    (source, from): (&str, &[Token]),
    (formatted, to): (&str, &[Token]),
) -> Option<Vec<usize>> {
    let mut places = Vec::with_capacity(from.len());
    let mut at = 0;
    for token in from {
        loop {
            let here = to.get(at);
            if here.is_some_and(|here| is_same((source, token), (formatted, here))) {
                places.push(at);
                at += 1;
                break;
            }
            // Only the equals sign of a whole formula can come first.
            let begins_formula = places.is_empty() && token.kind == TokenKind::Equal;
            if begins_formula || may_go(source, token) {
                places.push(at.min(to.len().checked_sub(1)?));
                break;
            }
            // Brackets that the layout adds.
            match here?.kind {
                TokenKind::OpenParen | TokenKind::CloseParen => at += 1,
                _ => return None,
            }
        }
    }
    Some(places)
}

/// What the layout may leave out: brackets that only group, the ASC of an order, and the `''` of a column of no table.
fn may_go(source: &str, token: &Token) -> bool {
    match token.kind {
        TokenKind::OpenParen | TokenKind::CloseParen => true,
        TokenKind::Identifier => slice(source, token.span).eq_ignore_ascii_case("ASC"),
        TokenKind::QuotedName => slice(source, token.span) == "''",
        _ => false,
    }
}

fn is_same((source, a): (&str, &Token), (formatted, b): (&str, &Token)) -> bool {
    let names = |kind| matches!(kind, TokenKind::Identifier | TokenKind::QuotedName);
    let (left, right) = (slice(source, a.span), slice(formatted, b.span));
    if names(a.kind) && names(b.kind) {
        return bare(left) == bare(right);
    }
    match a.kind == b.kind {
        // Numbers keep their value, not their spelling.
        true if a.kind == TokenKind::Number => true,
        true => left.to_lowercase() == right.to_lowercase(),
        false => false,
    }
}

fn bare(name: &str) -> String {
    let inner = name
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    inner.unwrap_or(name).replace("''", "'").to_lowercase()
}

/// What is to be put into a text, and where.
struct Insertions<'t> {
    text: &'t str,
    tokens: &'t [Token],
    /// By offset; those of one offset stay in their order.
    list: Vec<(usize, String)>,
}

impl<'t> Insertions<'t> {
    fn new(text: &'t str, tokens: &'t [Token]) -> Self {
        Insertions {
            text,
            tokens,
            list: Vec::new(),
        }
    }

    /// Whether a line ends between this token and the one before it.
    fn begins_line(&self, at: usize) -> bool {
        let end = at
            .checked_sub(1)
            .and_then(|before| self.tokens.get(before))
            .map_or(0, |token| token.span.end as usize);
        let start = self.tokens.get(at).map(|token| token.span.start as usize);
        match start {
            Some(start) => {
                at == 0
                    || self
                        .text
                        .get(end..start)
                        .is_some_and(|gap| gap.contains('\n'))
            }
            None => true,
        }
    }

    fn at_line_end(&mut self, at: usize, comment: &str) {
        let mut last = at;
        while !self.begins_line(last + 1) {
            last += 1;
        }
        let end = self.tokens.get(last).map(|token| token.span.end as usize);
        let offset = end.unwrap_or(self.text.len());
        self.list.push((offset, format!(" {comment}")));
    }

    fn above_line(&mut self, at: usize, comment: &str) {
        let mut first = at;
        while !self.begins_line(first) {
            first -= 1;
        }
        let start = self
            .tokens
            .get(first)
            .map_or(0, |token| token.span.start as usize);
        let line = self
            .text
            .get(..start)
            .and_then(|before| before.rfind('\n'))
            .map_or(0, |at| at + 1);
        let indent = self.text.get(line..start).unwrap_or("");
        self.list.push((start, format!("{comment}\n{indent}")));
    }

    fn last(&mut self, comment: &str) {
        self.list.push((self.text.len(), format!("\n{comment}")));
    }

    fn finish(mut self) -> String {
        self.list.sort_by_key(|(offset, _)| *offset);
        let mut out = String::with_capacity(self.text.len());
        let mut at = 0;
        for (offset, text) in &self.list {
            out.push_str(self.text.get(at..*offset).unwrap_or(""));
            out.push_str(text);
            at = *offset;
        }
        out.push_str(self.text.get(at..).unwrap_or(""));
        out
    }
}

#[cfg(test)]
mod tests {
    use crate::{format_expression, keep_comments, parse_expression};

    fn formatted(text: &str) -> String {
        let parsed = parse_expression(text);
        assert_eq!(parsed.errors, vec![], "{text}");
        keep_comments(text, &format_expression(&parsed.tree)).expect("comments that fit")
    }

    #[test]
    fn comments_stay_where_they_stand() {
        let check = |text: &str, expected: &str| {
            let once = formatted(text);
            assert_eq!(once, expected, "{text}");
            assert_eq!(formatted(&once), once, "formatting twice: {text}");
        };
        check("-- all\n[a]+[b]", "-- all\n[a] + [b]");
        check("[a] -- the first\n + [b]", "[a] + [b] -- the first");
        check("[a] + [b]\n// the end\n", "[a] + [b]\n// the end");
        check(
            "[a] /* one */ + /* two */ [b]",
            "[a] + [b] /* one */ /* two */",
        );
        check(
            "VAR x = 1 // one\n// before two\nVAR y = (2.50)\nRETURN /* both */ x + y",
            "VAR x =\n    1 // one\n// before two\nVAR y =\n    2.5\nRETURN /* both */\n    x + y",
        );
        check(
            "sum('Sales'[x]) // \"quoted",
            "SUM ( 'Sales'[x] ) // \"quoted",
        );
        check("(/* in */ 1)", "1 /* in */");
        check(
            "-- all\n= [a] -- the first\n+ [b]",
            "-- all\n[a] + [b] -- the first",
        );
        check("= -- the sum\n[a]", "[a] -- the sum");
        check(
            "MAXX({1}, -- one\n''[Value]) -- all",
            "MAXX ( { 1 }, [Value] ) -- one -- all",
        );
        check(
            "ORDERBY([a], DESC BLANKS LAST) -- last",
            "ORDERBY ( [a], DESC BLANKS LAST ) -- last",
        );
    }

    #[test]
    fn comments_of_several_lines_stay_whole() {
        let text = "/* first\n   second */\n1 + 2 /* third\nfourth */";
        let once = formatted(text);
        assert_eq!(once, text);
        assert_eq!(formatted(&once), once);
    }

    #[test]
    fn a_line_comment_swallows_nothing() {
        let text = "F(-- one\n 1, -- two\n 2 -- three\n) -- four";
        let once = formatted(text);
        let parsed = parse_expression(&once);
        assert_eq!(
            crate::dump_expr(&parsed.tree),
            crate::dump_expr(&parse_expression(text).tree)
        );
        for comment in ["one", "two", "three", "four"] {
            assert!(once.contains(comment), "{once}");
        }
        assert_eq!(formatted(&once), once);
    }
}

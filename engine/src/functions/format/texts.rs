//! Text format strings: places for the characters of a text, and marks that change its case.

use super::numbers;
use crate::functions::text::{lower, upper};

/// What means something in a text format string: a character or a space, a character or nothing, lower case, upper case, places
/// filled from the left.
pub(super) const MARKS: [char; 5] = ['@', '&', '<', '>', '!'];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece {
    Literal(char),
    /// A place for a character; `true`: a space where the text has none for it.
    Place(bool),
}

#[derive(Debug, Default)]
struct Section {
    pieces: Vec<Piece>,
    /// The mark of the case that stands first.
    case: Option<char>,
    from_left: bool,
}

/// The first section is for texts, the second for those of no characters.
pub(super) fn format(written: &str, format_string: &str) -> String {
    let sections = numbers::split(format_string);
    let own = sections
        .get(1)
        .filter(|second| written.is_empty() && !second.is_empty());
    match own.or(sections.first()) {
        Some(section) => Section::read(section).write(written),
        None => written.to_string(),
    }
}

impl Section {
    fn read(text: &str) -> Section {
        let mut section = Section::default();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '@' | '&' => section.pieces.push(Piece::Place(c == '@')),
                '<' | '>' => section.case = section.case.or(Some(c)),
                '!' => section.from_left = true,
                '\\' => section.pieces.extend(chars.next().map(Piece::Literal)),
                '"' => {
                    let quoted = chars.by_ref().take_while(|quoted| *quoted != '"');
                    section.pieces.extend(quoted.map(Piece::Literal));
                }
                other => section.pieces.push(Piece::Literal(other)),
            }
        }
        section
    }

    /// A text that is longer than its places goes on behind them; of a shorter one, the places on the left stay free.
    fn write(&self, written: &str) -> String {
        let written = match self.case {
            Some('<') => lower(written),
            Some(_) => upper(written),
            None => written.to_string(),
        };
        let places = self.pieces.iter().filter(|p| matches!(p, Piece::Place(_)));
        let mut free = match self.from_left {
            true => 0,
            false => places.count().saturating_sub(written.chars().count()),
        };
        let mut rest = written.chars();
        let mut out = String::new();
        for piece in &self.pieces {
            let space = match piece {
                Piece::Literal(c) => {
                    out.push(*c);
                    continue;
                }
                Piece::Place(space) => *space,
            };
            let character = match free {
                0 => rest.next(),
                _ => {
                    free -= 1;
                    None
                }
            };
            out.extend(character.or(space.then_some(' ')));
        }
        out.extend(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_from_the_right() {
        let check = |written: &str, format_string: &str, expected: &str| {
            assert_eq!(
                format(written, format_string),
                expected,
                "{written:?} as {format_string:?}"
            );
        };
        check("testing", "@", "testing");
        check("testing", "&", "testing");
        check("testing", "\\x@\\x@", "xtxesting");
        check("testing", "@\\x", "txesting");
        check("testing", "@@@@@@@@", " testing");
        check("testing", "@\\x@@@@@@@", " xtesting");
        check("testing", "&&&&&&&&", "testing");
        check("abc", "!@@@@", "abc ");
        check("abc", "!&&&&", "abc");
        check("abc", "(@@)", "(ab)c");
        check("5551234", "@@@\"-\"@@@@", "555-1234");
        check("Testing", ">", "TESTING");
        check("Testing", "<&>&", "testing");
        check("", "@@;\"none\"", "none");
        check("a", "@@;\"none\"", " a");
        check("", "@@", "  ");
    }
}

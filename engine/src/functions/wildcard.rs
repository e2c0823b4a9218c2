//! The search of SEARCH and CONTAINSSTRING: without case, the kinds and the widths of Japanese letters left aside, with `?` for one
//! character, `*` for any, and `~` to escape.

use super::registry::Environment;
use crate::error::Failure;
use crate::watch::Watch;

#[derive(Clone, Copy, PartialEq)]
enum Piece {
    Char(char),
    One,
    Any,
}

/// Where the pattern first occurs at or after `from`, counted in characters.
pub(super) fn find(
    pattern: &str,
    text: &str,
    from: usize,
    environment: &Environment,
) -> Result<Option<usize>, Failure> {
    let watch = Watch::new(&environment.control);
    let text: Vec<char> = text.chars().map(fold).collect();
    let pieces = read(pattern);
    for at in from..=text.len() {
        match matches_at(&pieces, text.get(at..).unwrap_or(&[]), &watch)? {
            Attempt::Match => return Ok(Some(at)),
            Attempt::Mismatch => {}
            Attempt::Exhausted => return Ok(None),
        }
    }
    Ok(None)
}

enum Attempt {
    Match,
    Mismatch,
    /// What follows a star occurs nowhere in the rest of the text, so it follows no later beginning either.
    Exhausted,
}

/// One character stands for one character here, so that positions stay those of the text.
fn fold(c: char) -> char {
    let c = usual_form(c);
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}

/// The full-width forms of the katakana and marks that have half-width ones, in the order of those.
const FULL_WIDTH: &str = "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";

/// Hiragana as katakana, half-width katakana at full width, and full-width Latin letters, digits and marks at half width.
fn usual_form(c: char) -> char {
    let shifted = |from: char, to: char| {
        let code = u32::from(c) - u32::from(from) + u32::from(to);
        char::from_u32(code).unwrap_or(c)
    };
    match c {
        '\u{3000}' => ' ',
        'ぁ'..='ゖ' => shifted('ぁ', 'ァ'),
        'ゝ' | 'ゞ' => shifted('ゝ', 'ヽ'),
        '！'..='～' => shifted('！', '!'),
        '｡'..='ﾝ' => {
            let place = u32::from(c) - u32::from('｡');
            FULL_WIDTH.chars().nth(place as usize).unwrap_or(c)
        }
        _ => c,
    }
}

fn read(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        pieces.push(match c {
            '?' => Piece::One,
            '*' => Piece::Any,
            '~' => match chars.next_if(|next| matches!(next, '?' | '*' | '~')) {
                Some(escaped) => Piece::Char(escaped),
                None => Piece::Char('~'),
            },
            c => Piece::Char(fold(c)),
        });
    }
    pieces
}

/// Whether the text begins with the pattern. On a mismatch only the last star is asked to take one more character, so
/// the work is bounded by the product of the lengths, which is much for long texts: so it looks at cancellation.
fn matches_at(pieces: &[Piece], text: &[char], watch: &Watch<'_>) -> Result<Attempt, Failure> {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while p < pieces.len() {
        watch.step(1)?;
        match pieces[p] {
            Piece::Any => {
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            Piece::One if t < text.len() => {}
            Piece::Char(c) if text.get(t) == Some(&c) => {}
            _ => match star {
                Some((after, taken)) if taken < text.len() => {
                    star = Some((after, taken + 1));
                    (p, t) = (after, taken + 1);
                    continue;
                }
                Some(_) => return Ok(Attempt::Exhausted),
                None => return Ok(Attempt::Mismatch),
            },
        }
        p += 1;
        t += 1;
    }
    Ok(Attempt::Match)
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::functions::tests::environment;

    #[test]
    fn finds() {
        let check = |pattern: &str, text: &str, expected: Option<usize>| {
            let found = find(pattern, text, 0, &environment()).unwrap();
            assert_eq!(found, expected, "{pattern} in {text}")
        };
        check("BC", "abcd", Some(1));
        check("a*d", "xabcd", Some(1));
        check("b?d", "abcd", Some(1));
        check("b??d", "abcd", None);
        check("~*", "a*b", Some(1));
        check("~~", "a~b", Some(1));
        check("", "abc", Some(0));
        check("a*b*c", "aXbXc", Some(0));
        check("a*x", "abc", None);
        check("é", "CAFÉ", Some(3));
        check("か", "アカ", Some(1));
        check("カ", "ｶｷ", Some(0));
        check("ｶ", "あか", Some(1));
        check("ﾝ", "ん", Some(0));
        check("Ａ１", "xa1", Some(1));
        check("＊", "a*", Some(1));
        check("＊", "ab", None);
        check("が", "か", None);
    }
}

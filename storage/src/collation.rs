//! How text compares: without case, trailing spaces ignored, accents significant; and in which order it stands: that of the Unicode Collation
//! Algorithm, so that `é` comes between `e` and `f`. Storage, queries and role filters all use this one file, so that they cannot disagree.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::LazyLock;

use icu_collator::options::{CollatorOptions, Strength};
use icu_collator::{Collator, CollatorBorrowed};

/// The root order of the Unicode standard, which has no language of its own. What differs in case alone is equal by its key already.
static ORDER: LazyLock<CollatorBorrowed<'static>> = LazyLock::new(|| {
    let mut options = CollatorOptions::default();
    options.strength = Some(Strength::Secondary);
    #[expect(
        clippy::expect_used,
        reason = "the data of the root order is compiled in"
    )]
    Collator::try_new(Default::default(), options).expect("the root order is compiled in")
});

/// Of a text so many letters stand in the order; what follows them is compared letter by letter. The order takes the square of a text's length, and
/// more, where its letters are marks that belong to the one before.
const MOST_ORDERED: usize = 256;
/// As are marks, so are letters of some scripts: the order is given no more of them without a break.
const MOST_IN_A_ROW: usize = 32;
/// The first mark.
const MARKS: char = '\u{300}';
/// A letter that the order does not see, and beyond which no mark belongs to a letter before it.
const BREAK: char = '\u{34f}';

/// Two texts are the same value exactly when their keys are equal.
pub fn collation_key(text: &str) -> Cow<'_, str> {
    let text = text.trim_end_matches(' ');
    if text.chars().all(lower_is_itself) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(lowered(text).collect())
}

/// The order of two texts: equal exactly when they are the same value.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_end_matches(' '), b.trim_end_matches(' '));
    // The order does not know case, so ASCII needs no key.
    if a.is_ascii() && b.is_ascii() {
        if a.eq_ignore_ascii_case(b) {
            return Ordering::Equal;
        }
        return ORDER
            .compare(first(a), first(b))
            .then_with(|| lower(a).cmp(lower(b)));
    }
    if a.len().max(b.len()) <= MOST_ORDERED {
        return compare_keys(&collation_key(a), &collation_key(b));
    }
    // A long text may be compared with each of many rows: no key is made of all of it.
    let (x, y) = (ordered(lowered(a)), ordered(lowered(b)));
    ORDER
        .compare(&x, &y)
        .then_with(|| lowered(a).cmp(lowered(b)))
}

/// The same of the keys of two texts.
pub(crate) fn compare_keys(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    // Texts that the order does not tell apart, such as those that differ in invisible characters, are different values all the same.
    ORDER
        .compare(&ordered_of_key(a), &ordered_of_key(b))
        .then_with(|| a.cmp(b))
}

/// Bytes that stand in the order of the texts, and are equal exactly where the texts are.
pub fn order_key(text: &str) -> Vec<u8> {
    let key = collation_key(text);
    let mut bytes = sort_key(&key);
    // No sort key has a zero, so one that begins another comes before it.
    bytes.push(0);
    bytes.extend_from_slice(key.as_bytes());
    bytes
}

/// The first bytes of what orders a key. Where they differ, they decide; where they do not, `compare_keys` does.
pub(crate) fn order_prefix(key: &str) -> u128 {
    let bytes = sort_key(key);
    let mut prefix = [0; 16];
    let most = bytes.len().min(prefix.len());
    prefix[..most].copy_from_slice(&bytes[..most]);
    u128::from_be_bytes(prefix)
}

fn sort_key(key: &str) -> Vec<u8> {
    let key = ordered_of_key(key);
    let mut bytes = Vec::with_capacity(2 * key.len() + 8);
    let Ok(()) = ORDER.write_sort_key_to(&key, &mut bytes);
    bytes
}

/// What the order is given of a text of these letters.
fn ordered(letters: impl Iterator<Item = char>) -> String {
    let mut text = String::new();
    let mut in_a_row = 0;
    for letter in letters.take(MOST_ORDERED) {
        in_a_row = if letter < MARKS { 0 } else { in_a_row + 1 };
        if in_a_row > MOST_IN_A_ROW {
            text.push(BREAK);
            in_a_row = 1;
        }
        text.push(letter);
    }
    text
}

/// The same of a key. Marks have two bytes at least, so there are not too many in a short one.
fn ordered_of_key(key: &str) -> Cow<'_, str> {
    if key.is_ascii() {
        return Cow::Borrowed(first(key));
    }
    if key.len() <= 2 * MOST_IN_A_ROW {
        return Cow::Borrowed(key);
    }
    Cow::Owned(ordered(key.chars()))
}

/// The same of a text that is ASCII.
fn first(text: &str) -> &str {
    text.get(..MOST_ORDERED).unwrap_or(text)
}

/// The letters of a text's key.
fn lowered(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

fn lower(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}

fn lower_is_itself(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_uppercase();
    }
    let mut lower = c.to_lowercase();
    lower.next() == Some(c) && lower.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &str, b: &str, expected: Ordering) {
        assert_eq!(compare(a, b), expected, "{a:?} against {b:?}");
        assert_eq!(compare(b, a), expected.reverse(), "{b:?} against {a:?}");
        assert_eq!(
            order_key(a).cmp(&order_key(b)),
            expected,
            "order keys of {a:?} and {b:?}"
        );
        let (x, y) = (collation_key(a), collation_key(b));
        assert_eq!(x == y, expected.is_eq(), "keys of {a:?} and {b:?}");
        assert_eq!(compare_keys(&x, &y), expected, "{x:?} against {y:?}");
        let prefixes = order_prefix(&x).cmp(&order_prefix(&y));
        assert!(
            prefixes.is_eq() || prefixes == expected,
            "first bytes of {a:?} and {b:?}"
        );
    }

    #[test]
    fn case_and_trailing_spaces_do_not_count() {
        check("Bikes", "bIKES  ", Ordering::Equal);
        check("", "   ", Ordering::Equal);
        check("ÉTÉ", "été", Ordering::Equal);
        check("ÅNGSTRÖM", "ångström", Ordering::Equal);
    }

    #[test]
    fn accents_and_leading_spaces_count() {
        check("ete", "été", Ordering::Less);
        check(" a", "a", Ordering::Less);
        check("a\t", "a", Ordering::Greater);
    }

    #[test]
    fn order_is_that_of_a_dictionary() {
        check("a", "B", Ordering::Less);
        check("Z", "a", Ordering::Greater);
        check("ab", "ABC", Ordering::Less);
        check("zebra", "Über", Ordering::Greater);
        check("Élan", "Fable", Ordering::Less);
        check("Élan", "Eland", Ordering::Less);
        check("cote", "côte", Ordering::Less);
        check("côte", "coté", Ordering::Greater);
        check("Straße", "Strasse", Ordering::Greater);
        check("Straße", "Strasz", Ordering::Less);
        check("_", "A", Ordering::Less);
        check("_", "1", Ordering::Less);
        check("10", "9", Ordering::Less);
        check("9", "a", Ordering::Less);
        check("Ωmega", "Яблоко", Ordering::Less);
        check("東京", "Яблоко", Ordering::Greater);
    }

    #[test]
    fn what_the_order_does_not_see_is_another_value() {
        check("a\u{200d}b", "ab", Ordering::Greater);
        check("e\u{301}", "é", Ordering::Less);
        check("\u{1}", "", Ordering::Greater);
    }

    #[test]
    fn long_texts_and_long_rows_of_marks_take_no_square() {
        for unit in ["\u{301}", "\u{301}\u{f71}", "\u{1d15e}", "é", "É", "東"] {
            let text = |end: &str| format!("\u{fb2}{}{end}", unit.repeat(100_000));
            check(&text("x"), &text("y"), Ordering::Less);
            check(&text("x"), &text("X "), Ordering::Equal);
            check(&text("x"), "a", compare("\u{fb2}", "a"));
        }
        let marked = |end: &str| format!("a{}{end}", "\u{301}".repeat(100));
        check(&marked("é"), &marked("f"), Ordering::Less);
        check(&marked("F"), &marked("é"), Ordering::Greater);
        // Beyond what is ordered each letter counts for itself.
        let long = |end: &str| format!("{}{end}", "a".repeat(MOST_ORDERED));
        check(&long("é"), &long("f"), Ordering::Greater);
        check(&long("e"), &long("F"), Ordering::Less);
        check(&long("E"), &long("e  "), Ordering::Equal);
    }

    #[test]
    fn keys_agree_with_comparing() {
        agree("", 400);
    }

    #[test]
    fn keys_of_long_texts_agree_with_comparing() {
        agree(&"a".repeat(MOST_ORDERED - 3), 60);
        agree(&"東".repeat(MOST_IN_A_ROW - 2), 60);
        agree(&"\u{301}".repeat(MOST_IN_A_ROW - 2), 60);
        agree(&"ÉA".repeat(MOST_ORDERED / 2 - 1), 60);
    }

    /// Texts of few letters that begin in one way, so that many are equal or begin each other.
    fn agree(begin: &str, count: usize) {
        let letters: Vec<char> = "aAbB é É ß_-1 2\u{301}\u{200d}ſKK\0zİıЯя東 "
            .chars()
            .collect();
        let mut state = 1u64;
        let mut below = |n: usize| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) as usize % n
        };
        let mut texts = Vec::new();
        for _ in 0..count {
            let length = below(6);
            let end: String = (0..length).map(|_| letters[below(letters.len())]).collect();
            texts.push(format!("{begin}{end}"));
        }
        for a in &texts {
            for b in &texts {
                check(a, b, compare(a, b));
            }
        }
        texts.sort_by(|a, b| compare(a, b));
        for three in texts.windows(3) {
            assert!(compare(&three[0], &three[2]).is_le(), "{three:?}");
        }
    }
}

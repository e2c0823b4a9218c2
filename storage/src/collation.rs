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

/// Two texts are the same value exactly when their keys are equal.
pub fn collation_key(text: &str) -> Cow<'_, str> {
    let text = text.trim_end_matches(' ');
    if text.chars().all(lower_is_itself) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().flat_map(char::to_lowercase).collect())
}

/// The order of two texts: equal exactly when they are the same value.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_end_matches(' '), b.trim_end_matches(' '));
    // The order does not know case, so ASCII needs no key.
    if a.is_ascii() && b.is_ascii() {
        if a.eq_ignore_ascii_case(b) {
            return Ordering::Equal;
        }
        return ORDER.compare(a, b).then_with(|| lower(a).cmp(lower(b)));
    }
    compare_keys(&collation_key(a), &collation_key(b))
}

/// The same of the keys of two texts.
pub(crate) fn compare_keys(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    // Texts that the order does not tell apart, such as those that differ in invisible characters, are different values all the same.
    ORDER.compare(a, b).then_with(|| a.cmp(b))
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
    let mut bytes = Vec::with_capacity(2 * key.len() + 8);
    let Ok(()) = ORDER.write_sort_key_to(key, &mut bytes);
    bytes
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

    /// Texts of few letters, so that many are equal or begin each other.
    #[test]
    fn keys_agree_with_comparing() {
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
        for _ in 0..400 {
            let length = below(6);
            let text: String = (0..length).map(|_| letters[below(letters.len())]).collect();
            texts.push(text);
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

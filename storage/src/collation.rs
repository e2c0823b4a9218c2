//! How text compares: without case, trailing spaces ignored, accents significant. Storage, queries and role filters
//! all use this one file, so that they cannot disagree.

use std::borrow::Cow;
use std::cmp::Ordering;

/// Two texts are the same value exactly when their keys are equal, and keys order them.
pub fn collation_key(text: &str) -> Cow<'_, str> {
    let text = text.trim_end_matches(' ');
    if text.chars().all(lower_is_itself) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().flat_map(char::to_lowercase).collect())
}

/// The order of the keys of two texts.
pub fn compare(a: &str, b: &str) -> Ordering {
    let a = a.trim_end_matches(' ');
    let b = b.trim_end_matches(' ');
    if a.is_ascii() && b.is_ascii() {
        let fold = |text: &'_ [u8], i: usize| text[i].to_ascii_lowercase();
        let shared = a.len().min(b.len());
        let (x, y) = (a.as_bytes(), b.as_bytes());
        return match (0..shared)
            .map(|i| fold(x, i).cmp(&fold(y, i)))
            .find(|o| o.is_ne())
        {
            Some(order) => order,
            None => a.len().cmp(&b.len()),
        };
    }
    // Code point order and the byte order of UTF-8 are the same, so this agrees with comparing keys.
    a.chars()
        .flat_map(char::to_lowercase)
        .cmp(b.chars().flat_map(char::to_lowercase))
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
            collation_key(a).cmp(&collation_key(b)),
            expected,
            "keys of {a:?} and {b:?}"
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
    fn order_is_that_of_the_lower_case() {
        check("a", "B", Ordering::Less);
        check("Z", "a", Ordering::Greater);
        check("ab", "ABC", Ordering::Less);
        check("_", "A", Ordering::Less);
        check("zebra", "Über", Ordering::Less);
    }
}

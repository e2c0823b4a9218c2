//! Names as TMDL writes them: bare, or in single quotes with quotes doubled; joined by points into references.

/// The name that a text begins with, and what follows it. A bare name ends at a space, an equals sign or a colon.
/// `None` if a quote is not closed.
pub(super) fn leading_name(text: &str) -> Option<(String, &str)> {
    if text.starts_with('\'') {
        return quoted(text);
    }
    let end = text
        .find(|c: char| c.is_whitespace() || c == '=' || c == ':')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    Some((name.to_string(), rest))
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text.strip_prefix('\'')?;
    loop {
        let (before, after) = rest.split_once('\'')?;
        name.push_str(before);
        match after.strip_prefix('\'') {
            Some(after) => {
                name.push('\'');
                rest = after;
            }
            None => return Some((name, after)),
        }
    }
}

/// The parts of a reference: `Sales.'Order Date'` has two. `None` if it is malformed.
pub(super) fn reference(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = if rest.starts_with('\'') {
            quoted(rest)?
        } else {
            let (part, after) = rest.split_at_checked(rest.find('.').unwrap_or(rest.len()))?;
            (part.to_string(), after)
        };
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match after.strip_prefix('.') {
            Some(after) => rest = after,
            None if after.is_empty() => return Some(parts),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_references() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(reference(text).unwrap_or_default(), expected, "{text}")
        };
        check("Sales.Amount", &["Sales", "Amount"]);
        check("'Sales Order'.'It''s'", &["Sales Order", "It's"]);
        check("'a.b'.c", &["a.b", "c"]);
        check("Month Number", &["Month Number"]);
        check("'open", &[]);
        check("'a'b", &[]);
        check("a..b", &[]);
        check("", &[]);
        check("'", &[]);
    }
}

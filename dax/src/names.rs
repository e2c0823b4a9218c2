//! How names and texts are written in DAX.

use crate::tokens::is_plain_word;
use crate::tree::Name;

/// Words that a reader, or another engine, could take for something else than a table.
const RESERVED: [&str; 19] = [
    "VAR", "RETURN", "EVALUATE", "DEFINE", "NOT", "IN", "MEASURE", "COLUMN", "TABLE", "FUNCTION",
    "ORDER", "BY", "START", "AT", "ASC", "DESC", "TRUE", "FALSE", "DATE",
];

/// `'Sales Order'`, always in quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}

/// `[Total]`
pub(crate) fn bracketed(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// `"text"`
pub(crate) fn text(content: &str) -> String {
    format!("\"{}\"", content.replace('"', "\"\""))
}

/// A table name with quotes where it needs them, and where its author wrote them: quotes make the span longer than
/// the name.
pub(crate) fn table(name: &Name) -> String {
    let written_quoted = name.span.end.saturating_sub(name.span.start) as usize > name.text.len();
    let reserved = RESERVED
        .iter()
        .any(|word| word.eq_ignore_ascii_case(&name.text));
    if written_quoted || reserved || !is_plain_word(&name.text) {
        quoted(&name.text)
    } else {
        name.text.clone()
    }
}

/// Whether a name is the argument of ORDERBY that says where BLANKs go, as the parser joins its words.
fn is_order_of_blanks(name: &str) -> bool {
    let words: Vec<&str> = name.split(' ').collect();
    let is_one_of = |word: &str, of: &[&str]| of.iter().any(|o| o.eq_ignore_ascii_case(word));
    match words.as_slice() {
        [direction, blanks, place] => {
            is_one_of(direction, &["ASC", "DESC"])
                && is_one_of(blanks, &["BLANKS"])
                && is_one_of(place, &["DEFAULT", "FIRST", "LAST"])
        }
        _ => false,
    }
}

/// A bare word: a variable, a table without quotes, a keyword argument; of these, `DESC BLANKS LAST` is three words.
pub(crate) fn bare(name: &str) -> String {
    if is_plain_word(name) || is_order_of_blanks(name) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

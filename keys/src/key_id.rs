//! What a wrapped key says of the key that wrapped it.

use storage::KeyRefusal;

/// The refusal of what another provider, or another key, has wrapped.
pub(crate) fn of_another(found: &str, ours: &str) -> KeyRefusal {
    KeyRefusal::Denied(format!(
        "it was written with key '{}', and this is key '{ours}'",
        printable(found)
    ))
}

/// Bytes from a disk are shown without what could drive a terminal.
fn printable(text: &str) -> String {
    let start = text.chars().take(60);
    start
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

//! This engine's own options, from annotations of the model.

use std::collections::BTreeMap;

use crate::tree::Fields;
use crate::types::Options;

const PREFIX: &str = "peristyle_";

/// A misspelled option would silently give less protection than its author wanted, so it is an error.
pub(super) fn read(fields: &mut Fields, annotations: &BTreeMap<String, String>) -> Options {
    let mut options = Options::default();
    for (name, value) in annotations {
        let folded = name.to_ascii_lowercase();
        let Some(option) = folded.strip_prefix(PREFIX) else {
            continue;
        };
        match (option, value.trim().to_ascii_lowercase().as_str()) {
            ("strictorphans", "true") => options.strict_orphans = true,
            ("strictorphans", "false") => options.strict_orphans = false,
            ("strictorphans", _) => fields.error(&format!("annotation '{name}' is '{value}', but it must be true or false")),
            ("objectsecurity", "as_compatible") => options.as_compatible = true,
            ("objectsecurity", "strict") => options.as_compatible = false,
            ("objectsecurity", _) => fields.error(&format!("annotation '{name}' is '{value}', but it must be as_compatible or strict")),
            _ => fields.error(&format!(
                "annotation '{name}' is no option of this engine; the options are Peristyle_StrictOrphans and Peristyle_ObjectSecurity"
            )),
        }
    }
    options
}

//! What proves to a service or a device who asks: texts in files and in variables of the environment.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use storage::KeyRefusal;
use zeroize::Zeroizing;

/// Tokens and key files of accounts have a few thousand bytes.
const LONGEST: u64 = 64 * 1024;

/// The variables of the environment; tests bring their own.
#[derive(Clone)]
pub(crate) struct Surroundings(Arc<Look>);

type Look = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Surroundings {
    #[cfg(test)]
    pub fn of(variables: &[(&str, &str)]) -> Surroundings {
        let owned: std::collections::HashMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Surroundings(Arc::new(move |name| owned.get(name).cloned()))
    }

    /// A variable that is there and not empty.
    pub fn get(&self, name: &str) -> Option<Zeroizing<String>> {
        let value = (self.0)(name).map(Zeroizing::new)?;
        (!value.is_empty()).then_some(value)
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings(not shown)")
    }
}

/// Those of this process.
pub(crate) fn surroundings() -> Surroundings {
    Surroundings(Arc::new(|name| std::env::var(name).ok()))
}

/// A text that proves who asks, without spaces around it. The file is read each time, so whoever keeps it fresh, or takes it away, is
/// heeded.
pub(crate) fn secret_file(path: &Path) -> Result<Zeroizing<String>, KeyRefusal> {
    let shown = path.display();
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => {
            KeyRefusal::Denied(format!("the file {shown} cannot be read: {}", error.kind()))
        }
        kind => KeyRefusal::Unavailable(format!("the file {shown} cannot be read: {kind}")),
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let text = std::str::from_utf8(&bytes).ok().map(str::trim);
    match text.filter(|text| !text.is_empty() && bytes.len() as u64 <= LONGEST) {
        Some(text) => Ok(Zeroizing::new(text.to_owned())),
        None => Err(KeyRefusal::Denied(format!(
            "the file {shown} is empty, too long, or no text"
        ))),
    }
}

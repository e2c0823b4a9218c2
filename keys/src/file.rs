//! `file:PATH`: the key in a file that only its owner may read.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use storage::{KeyContext, KeyProvider, KeyRefusal, SecretKey, WrappedKey};
use zeroize::Zeroizing;

use crate::local::{key_from, unwrap, wrap};

const KEY_ID: &str = "file";

/// A key of 64 hexadecimal digits or 32 bytes in a file. The file is read each time the key is needed, so taking the file away takes
/// the key back.
#[derive(Clone, Debug)]
pub struct FileKey {
    path: PathBuf,
}

impl FileKey {
    pub fn new(path: impl AsRef<Path>) -> FileKey {
        FileKey {
            path: path.as_ref().to_path_buf(),
        }
    }

    fn key(&self) -> Result<SecretKey, KeyRefusal> {
        let path = self.path.display();
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => KeyRefusal::Denied(format!("there is no key file {path}")),
            ErrorKind::PermissionDenied => {
                KeyRefusal::Denied(format!("the key file {path} must not be read: {error}"))
            }
            _ => KeyRefusal::Unavailable(format!("the key file {path} cannot be read: {error}")),
        };
        let file = File::open(&self.path).map_err(failed)?;
        self.check_private(&file).map_err(failed)??;
        // One byte more than the longest form, to notice a file that is no key; in one buffer, so that no copies are left.
        let mut bytes = Zeroizing::new(Vec::with_capacity(128));
        file.take(128).read_to_end(&mut bytes).map_err(failed)?;
        key_from(&bytes).ok_or_else(|| {
            KeyRefusal::Denied(format!(
                "the key file {path} does not hold a key of 256 bits: 64 hexadecimal digits, or 32 bytes"
            ))
        })
    }

    #[cfg(unix)]
    fn check_private(&self, file: &File) -> std::io::Result<Result<(), KeyRefusal>> {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata()?.permissions().mode();
        Ok(if mode & 0o077 == 0 {
            Ok(())
        } else {
            Err(KeyRefusal::Denied(format!(
                "others than its owner may read the key file {}; take their rights away (chmod 600)",
                self.path.display()
            )))
        })
    }

    /// Elsewhere the rights of a file are not looked at.
    #[cfg(not(unix))]
    fn check_private(&self, _file: &File) -> std::io::Result<Result<(), KeyRefusal>> {
        Ok(Ok(()))
    }
}

impl KeyProvider for FileKey {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        wrap(&self.key()?, KEY_ID, b"", key, context)
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        unwrap(&self.key()?, KEY_ID, b"", wrapped, context)
    }
}

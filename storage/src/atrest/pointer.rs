//! The pointer: the one file with a fixed name. It says which generation is the current one, and is swapped in one step.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::AtRestError;
use super::disk::Disk;
use super::folder::{is_name, write_file};
use super::provider::DatasetId;
use super::secret::random_name;

/// The name of the pointer in the folder of a dataset.
pub(crate) const FILE: &str = "peristyle.dataset";

/// It is about 200 bytes long.
const LONGEST: u64 = 4096;

const FORMAT: &str = "peristyle dataset 1";

/// None of it is believed before the key file and the manifest that it names have said the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer {
    pub(crate) dataset: DatasetId,
    pub(crate) generation: u64,
    pub(crate) keys: String,
    pub(crate) manifest: String,
}

impl Pointer {
    pub(crate) fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    pub(crate) fn read(folder: &Path) -> Result<Pointer, AtRestError> {
        let path = Pointer::path(folder);
        let mut bytes = Vec::new();
        let read =
            File::open(&path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
        match read {
            Ok(length) if length as u64 > LONGEST => {
                return Err(AtRestError::damaged(&path, "it is far too long"));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(AtRestError::NotADataset {
                    path: folder.to_path_buf(),
                });
            }
            Err(error) => return Err(AtRestError::io(&path, "read", error)),
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| AtRestError::damaged(&path, "it is not a text"))?;
        let first = text.lines().next().unwrap_or_default();
        if first != FORMAT && first.starts_with("peristyle dataset ") && first.len() < 40 {
            return Err(AtRestError::Version {
                path,
                found: first.to_owned(),
            });
        }
        // One text for one pointer: no byte of it can change without being noticed.
        Pointer::parse(&text)
            .filter(|pointer| pointer.text() == text)
            .ok_or_else(|| AtRestError::damaged(&path, "it does not say where the dataset is"))
    }

    fn parse(text: &str) -> Option<Pointer> {
        let mut lines = text.lines().skip(1);
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let pointer = Pointer {
            dataset: DatasetId::parse(value("dataset")?)?,
            generation: value("generation")?.parse().ok()?,
            keys: value("keys")?.to_owned(),
            manifest: value("manifest")?.to_owned(),
        };
        (is_name(&pointer.keys) && is_name(&pointer.manifest)).then_some(pointer)
    }

    fn text(&self) -> String {
        format!(
            "{FORMAT}\ndataset {}\ngeneration {}\nkeys {}\nmanifest {}\n",
            self.dataset, self.generation, self.keys, self.manifest
        )
    }

    /// Makes this the pointer of the folder. Everything that it names must be durable by now.
    pub(crate) fn put(&self, disk: &dyn Disk, folder: &Path) -> Result<(), AtRestError> {
        let fresh = folder.join(format!("{}.new", random_name()?));
        let place = Pointer::path(folder);
        write_file(disk, &fresh, self.text().as_bytes())?;
        disk.rename(&fresh, &place)
            .map_err(|e| AtRestError::io(&place, "written", e))?;
        disk.sync_folder(folder)
            .map_err(|e| AtRestError::io(folder, "written", e))
    }
}

//! The manifest: everything that a generation is, but its rows. It is the only thing that says which files exist.

use std::path::Path;

use model::DataType;
use serde::{Deserialize, Serialize};

use super::AtRestError;
use super::disk::Disk;
use super::folder::write_file;
use super::provider::KeyContext;
use super::seal::{SUITE, seal, unseal};
use super::secret::SecretKey;

const MAGIC: &[u8] = b"peristyle manifest 3\n";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) dataset: String,
    pub(crate) generation: u64,
    /// Seals the key file: a digest of the keys in it.
    pub(crate) keys_digest: String,
    /// The semantic model as `model.bim`.
    pub(crate) model: String,
    /// Where the source files lay, for a refresh.
    pub(crate) data_folder: Option<String>,
    pub(crate) files: Vec<FileEntry>,
    /// In the order of the model.
    pub(crate) tables: Vec<TableEntry>,
    /// Ordinals of the relationships that hold over the data.
    pub(crate) relationships: Vec<u32>,
    /// What the calculated objects were computed from. None: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) derivations: Option<String>,
}

/// A file of this generation. Files that did not change since an earlier generation are used by several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileEntry {
    pub(crate) name: String,
    /// The generation that wrote it, which its pages are bound to.
    pub(crate) generation: u64,
    pub(crate) length: u64,
    /// SHA-256 of all its bytes.
    pub(crate) digest: String,
    /// The last so many bytes hold everything that is not a page, and have a digest of their own.
    pub(crate) tail: u64,
    pub(crate) tail_digest: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableEntry {
    pub(crate) name: String,
    pub(crate) rows: u32,
    /// Each is a stretch of rows with files of codes of its own.
    pub(crate) partitions: Vec<PartitionEntry>,
    /// One for each column of the model; None: a column that holds no values.
    pub(crate) columns: Vec<Option<ColumnEntry>>,
    /// A calculated table that could not be computed: it has no rows, which is not the same as having none in it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) absent: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartitionEntry {
    pub(crate) name: String,
    pub(crate) rows: u32,
    /// The files that its rows came from. None: not known, or not from files.
    pub(crate) sources: Option<Vec<SourceEntry>>,
}

/// A source file as it was when it was imported.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceEntry {
    /// Below the data folder.
    pub(crate) path: String,
    pub(crate) length: u64,
    pub(crate) digest: String,
    /// When it was changed last, in nanoseconds since 1970. None: so shortly before that it might have been changed again at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) modified: Option<u64>,
}

impl PartialEq for SourceEntry {
    /// A file that was only touched is the same.
    fn eq(&self, other: &SourceEntry) -> bool {
        (&self.path, self.length, &self.digest) == (&other.path, other.length, &other.digest)
    }
}

impl Eq for SourceEntry {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnEntry {
    pub(crate) name: String,
    #[serde(with = "data_type")]
    pub(crate) data_type: DataType,
    /// Codes are below it.
    pub(crate) size: u32,
    pub(crate) distinct: u32,
    pub(crate) domain: DomainEntry,
    /// Its rows, in load order: each partition is one or several of these.
    pub(crate) codes: Vec<PieceEntry>,
    /// Rows hold numbers in the place of codes, and this file has for each number its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) numbering: Option<u32>,
    /// How many runs of rows with the same code memory keeps; 0: a code for each row. None: whoever reads finds it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) runs: Option<u32>,
}

/// Some rows of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PieceEntry {
    /// The place of their file in the list, and the place of the column in that file.
    pub(crate) file: u32,
    pub(crate) column: u32,
    pub(crate) rows: u32,
    /// What code 1 of the file has become, and the distance of further ones: offsets may have come to reach further since.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) first: u32,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) stride: u32,
}

fn one() -> u32 {
    1
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

impl PieceEntry {
    pub(crate) fn new(file: u32, column: u32, rows: u32) -> PieceEntry {
        PieceEntry {
            file,
            column,
            rows,
            first: 1,
            stride: 1,
        }
    }
}

/// What the codes mean. Numbers are places in the list of files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum DomainEntry {
    Text {
        dictionary: u32,
        /// Further spellings by code, and the rows that use them.
        spellings: Option<(u32, u32)>,
    },
    Whole {
        dictionary: u32,
    },
    Double {
        dictionary: u32,
    },
    /// Code 1 is `base`, each further code one `step` more.
    Offset {
        base: i64,
        step: i64,
        count: u32,
        /// The file that says which of the codes occur. None: all of them, or few rows say it soon enough.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        present: Option<u32>,
    },
}

impl Manifest {
    pub(crate) fn write(
        &self,
        disk: &dyn Disk,
        path: &Path,
        key: &SecretKey,
        context: &KeyContext,
    ) -> Result<(), AtRestError> {
        let plain = serde_json::to_vec(self)
            .map_err(|_| AtRestError::internal("the manifest cannot be written as JSON"))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(seal(key, &bound_to(path, context), &plain)?);
        write_file(disk, path, &bytes)
    }

    pub(crate) fn parse(
        path: &Path,
        bytes: &[u8],
        key: &SecretKey,
        context: &KeyContext,
    ) -> Result<Manifest, AtRestError> {
        let sealed = bytes.strip_prefix(MAGIC).ok_or_else(|| {
            let why = match bytes.starts_with(b"peristyle manifest ") {
                true => "it is written as another version of Peristyle does",
                false => "it is no manifest",
            };
            AtRestError::damaged(path, why)
        })?;
        let plain = unseal(key, &bound_to(path, context), sealed)
            .ok_or_else(|| AtRestError::damaged(path, "it is not what was written"))?;
        let manifest: Manifest = serde_json::from_slice(&plain)
            .map_err(|_| AtRestError::damaged(path, "it does not describe a dataset"))?;
        let sound = manifest.dataset == context.dataset.to_string()
            && manifest.generation == context.generation
            && manifest.is_sound();
        if sound {
            Ok(manifest)
        } else {
            Err(AtRestError::damaged(path, "it contradicts itself"))
        }
    }

    /// Whether places and counts fit together. The bytes are authentic by now; this is against faults of our own.
    fn is_sound(&self) -> bool {
        let file = |place: u32| (place as usize) < self.files.len();
        let column = |table: &TableEntry, column: &ColumnEntry| {
            let domain = match &column.domain {
                DomainEntry::Text {
                    dictionary,
                    spellings,
                } => {
                    file(*dictionary)
                        && spellings.is_none_or(|(texts, rows)| file(texts) && file(rows))
                }
                DomainEntry::Whole { dictionary } | DomainEntry::Double { dictionary } => {
                    file(*dictionary)
                }
                DomainEntry::Offset {
                    count,
                    step,
                    present,
                    ..
                } => {
                    *step > 0
                        && count.checked_add(1) == Some(column.size)
                        && present.is_none_or(file)
                }
            };
            domain
                && column.size > 0
                && is_whole(table, &column.codes)
                && column.codes.iter().all(|piece| file(piece.file))
                && column.numbering.is_none_or(file)
                && column.runs.is_none_or(|runs| runs <= table.rows)
        };
        self.tables.iter().all(|table| {
            let rows: u64 = table.partitions.iter().map(|p| u64::from(p.rows)).sum();
            rows == u64::from(table.rows)
                && rows <= crate::MAX_ROWS as u64
                && (!table.absent || rows == 0 && table.columns.iter().all(Option::is_none))
                && table.columns.iter().flatten().all(|c| column(table, c))
        })
    }
}

/// Whether pieces have the rows of a table, and no piece rows of two partitions.
fn is_whole(table: &TableEntry, pieces: &[PieceEntry]) -> bool {
    let mut pieces = pieces.iter();
    let each = table.partitions.iter().all(|partition| {
        let mut left = partition.rows;
        while left > 0 {
            match pieces.next().and_then(|piece| left.checked_sub(piece.rows)) {
                Some(rest) => left = rest,
                None => return false,
            }
        }
        true
    });
    each && pieces.all(|piece| piece.rows == 0)
}

fn bound_to(path: &Path, context: &KeyContext) -> Vec<u8> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut bytes = format!("manifest/{SUITE}/{name}/").into_bytes();
    bytes.extend(context.to_bytes());
    bytes
}

/// Types by name, so that their order in the source may change.
mod data_type {
    use model::DataType;
    use serde::{Deserialize, Deserializer, Serializer, de};

    const NAMES: &[(DataType, &str)] = &[
        (DataType::Text, "text"),
        (DataType::Integer, "integer"),
        (DataType::Double, "double"),
        (DataType::Fixed, "fixed"),
        (DataType::DateTime, "date_time"),
        (DataType::Boolean, "boolean"),
    ];

    pub(super) fn serialize<S: Serializer>(
        data_type: &DataType,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let (_, name) = NAMES
            .iter()
            .find(|(known, _)| known == data_type)
            .ok_or_else(|| serde::ser::Error::custom("a type that is not stored"))?;
        serializer.serialize_str(name)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DataType, D::Error> {
        let name = String::deserialize(deserializer)?;
        NAMES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(data_type, _)| *data_type)
            .ok_or_else(|| de::Error::custom("a type that is not stored"))
    }
}

//! A dataset on disk as docs/at-rest.md describes it, read without Peristyle: what full loads are measured against is the decoding of
//! the same files without encryption.

use std::collections::HashMap;
use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arrow::array::ArrayRef;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use peristyle::{KeyContext, KeyProvider, KeyRefusal, SecretKey, WrappedKey};
use serde_json::Value as Json;
use storage::{seal, unseal};

/// The data keys, by the name of their file.
type Keys = HashMap<String, Vec<u8>>;

/// Rows of a page and of a row group in files of codes.
const BLOCK: usize = 1 << 16;
const SEGMENT: usize = 1 << 20;

/// A key for benchmarks, in memory.
pub struct BenchKey(SecretKey);

impl BenchKey {
    /// None: the operating system gives no random numbers.
    pub fn fresh() -> Option<BenchKey> {
        SecretKey::random().ok().map(BenchKey)
    }
}

impl KeyProvider for BenchKey {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        let bytes = seal(&self.0, &context.to_bytes(), key.bytes());
        Ok(WrappedKey {
            key_id: "bench".to_owned(),
            bytes: bytes.map_err(|e| KeyRefusal::Unavailable(e.to_string()))?,
        })
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        unseal(&self.0, &context.to_bytes(), &wrapped.bytes)
            .and_then(|key| SecretKey::copied(&key))
            .ok_or_else(|| KeyRefusal::Denied("another key".to_owned()))
    }
}

/// A data file, its key, and what its pages are bound to.
struct DataFile {
    name: String,
    key: Vec<u8>,
    bound_to: String,
}

/// What a key file says it is bound to, and the key of each file.
fn data_keys<'r>(raw: &'r [u8], key: &BenchKey) -> Result<(&'r [u8], Keys), Box<dyn Error>> {
    let mut at = b"peristyle keys 1\n".len();
    let mut parts: Vec<&[u8]> = Vec::new();
    for _ in 0..3 {
        let length = raw.get(at..at + 4).ok_or("the key file is cut")?;
        let length = u32::from_le_bytes(length.try_into()?) as usize;
        parts.push(
            raw.get(at + 4..at + 4 + length)
                .ok_or("the key file is cut")?,
        );
        at += 4 + length;
    }
    let [context, _, wrapped] = parts[..] else {
        return Err("the key file is cut".into());
    };
    let generation_key = unseal(&key.0, context, wrapped).ok_or("another key")?;
    let generation_key = SecretKey::copied(&generation_key).ok_or("another length")?;
    let bound_to = [&b"AES-256-GCM\n"[..], &raw[..at]].concat();
    let listed = unseal(&generation_key, &bound_to, &raw[at..]).ok_or("the list of keys")?;
    let mut keys: HashMap<String, Vec<u8>> = HashMap::new();
    let mut rest = listed.as_slice();
    while let Some((length, after)) = rest.split_first() {
        let (name, after) = after
            .split_at_checked(usize::from(*length))
            .ok_or("the list")?;
        let (key, after) = after
            .split_at_checked(SecretKey::LENGTH)
            .ok_or("the list")?;
        keys.insert(String::from_utf8(name.to_vec())?, key.to_vec());
        rest = after;
    }
    Ok((context, keys))
}

/// The data files of the current generation.
fn data_files(folder: &Path, key: &BenchKey) -> Result<Vec<DataFile>, Box<dyn Error>> {
    let text = fs::read_to_string(folder.join("peristyle.dataset"))?;
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    let pointer: HashMap<&str, &str> = lines.collect();
    let named = |name: &str| pointer.get(name).copied().ok_or("the pointer is not whole");
    let raw = fs::read(folder.join(named("keys")?))?;
    let (context, keys) = data_keys(&raw, key)?;
    let name = named("manifest")?;
    let sealed = fs::read(folder.join(name))?;
    let sealed = sealed
        .strip_prefix(b"peristyle manifest 2\n")
        .ok_or("the manifest")?;
    let key = keys
        .get(name)
        .and_then(|key| SecretKey::copied(key))
        .ok_or("no key")?;
    let bound_to = [
        &b"manifest/AES-256-GCM/"[..],
        name.as_bytes(),
        &b"/"[..],
        context,
    ]
    .concat();
    let manifest = unseal(&key, &bound_to, sealed).ok_or("the manifest")?;
    let manifest: Json = serde_json::from_slice(&manifest)?;
    let dataset = manifest["dataset"].as_str().ok_or("no identity")?;
    let listed = manifest["files"].as_array().ok_or("no files")?;
    let mut files = Vec::with_capacity(listed.len());
    for file in listed {
        let name = file["name"].as_str().ok_or("a file without a name")?;
        let generation = file["generation"].as_u64();
        let generation = generation.ok_or("a file of no generation")?;
        files.push(DataFile {
            name: name.to_owned(),
            key: keys.get(name).ok_or("a file without a key")?.clone(),
            bound_to: format!("peristyle/1/{dataset}/{generation}/{name}"),
        });
    }
    Ok(files)
}

/// Writes the same data files in clear, encoded and compressed as they were. Gives their bytes.
pub fn in_clear(folder: &Path, key: &BenchKey, to: &Path) -> Result<u64, Box<dyn Error>> {
    fs::create_dir_all(to)?;
    let mut bytes = 0;
    for file in data_files(folder, key)? {
        let decryption = FileDecryptionProperties::builder(file.key)
            .with_aad_prefix(file.bound_to.into_bytes())
            .build()?;
        let options = ArrowReaderOptions::new().with_file_decryption_properties(decryption);
        let source = File::open(folder.join(&file.name))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(source, options)?
            .with_batch_size(BLOCK);
        let groups = reader.metadata().row_groups();
        let compression = groups.first().map(|group| group.column(0).compression());
        let common = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(true)
            .set_max_row_group_row_count(Some(SEGMENT));
        let properties = match compression {
            Some(Compression::UNCOMPRESSED) => common
                .set_encoding(Encoding::DELTA_BINARY_PACKED)
                .set_compression(Compression::UNCOMPRESSED)
                .set_data_page_row_count_limit(BLOCK),
            _ => common
                .set_encoding(Encoding::PLAIN)
                .set_compression(Compression::ZSTD(ZstdLevel::default())),
        };
        let path = to.join(&file.name);
        let target = File::create(&path)?;
        let schema = reader.schema().clone();
        let mut writer = ArrowWriter::try_new(target, schema, Some(properties.build()))?;
        for batch in reader.build()? {
            writer.write(&batch?)?;
        }
        writer.close()?;
        bytes += fs::metadata(&path)?.len();
    }
    Ok(bytes)
}

/// One column of one row group.
struct Piece {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    group: usize,
    column: usize,
}

/// Reads and decodes every column of every row group of the Parquet files of a folder, on so many threads. All of it stays in memory
/// until it is dropped, as columns that were loaded do.
pub fn decode_all(folder: &Path, threads: usize) -> Result<Vec<ArrayRef>, Box<dyn Error>> {
    let mut pieces = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let metadata = ArrowReaderMetadata::load(&File::open(&path)?, ArrowReaderOptions::new())?;
        for group in 0..metadata.metadata().num_row_groups() {
            for column in 0..metadata.schema().fields().len() {
                pieces.push(Piece {
                    path: path.clone(),
                    metadata: metadata.clone(),
                    group,
                    column,
                });
            }
        }
    }
    let next = AtomicUsize::new(0);
    let decoded = Mutex::new(Vec::new());
    let failed: Mutex<Option<ParquetError>> = Mutex::new(None);
    let work = || {
        while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            match decode(piece) {
                Ok(arrays) => {
                    let mut decoded = decoded.lock().unwrap_or_else(PoisonError::into_inner);
                    decoded.extend(arrays);
                }
                Err(error) => {
                    let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                    failed.get_or_insert(error);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error.into()),
        None => Ok(decoded.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

fn decode(piece: &Piece) -> Result<Vec<ArrayRef>, ParquetError> {
    let file = File::open(&piece.path)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, piece.metadata.clone());
    let mask = ProjectionMask::roots(builder.parquet_schema(), [piece.column]);
    let batches = builder
        .with_projection(mask)
        .with_row_groups(vec![piece.group])
        .with_batch_size(BLOCK)
        .build()?;
    batches
        .map(|batch| Ok(Arc::clone(batch?.column(0))))
        .collect()
}

//! Writing a Parquet file with Modular Encryption: one key for footer and all columns, so that nothing is left in clear. No
//! statistics, no page index, and no bloom filters, which would be written in clear.

use std::io::{self, Write};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::AtRestError;
use super::disk::{Disk, DiskFile};
use super::manifest::FileEntry;
use super::provider::KeyContext;
use super::seal::Digest;
use super::secret::{SecretKey, hex};

/// Sixteen blocks: the unit of encoding and of encrypted reading.
pub(crate) const SEGMENT: usize = 16 * crate::column::BLOCK;

/// What the numbers and texts of a file look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Small whole numbers: packed into bits.
    Codes,
    /// Values in order.
    Values,
}

/// What a file is bound to besides its key.
pub(crate) fn bound_to(context: &KeyContext, generation: u64, name: &str) -> Vec<u8> {
    format!("peristyle/1/{}/{generation}/{name}", context.dataset).into_bytes()
}

/// A file under way.
pub(crate) struct EncryptedFile {
    writer: ArrowWriter<Counted>,
}

impl EncryptedFile {
    pub(crate) fn create(
        disk: &dyn Disk,
        path: &Path,
        schema: SchemaRef,
        content: Content,
        notes: Vec<(String, String)>,
        key: &SecretKey,
        bound_to: Vec<u8>,
    ) -> Result<EncryptedFile, AtRestError> {
        let file = disk
            .create(path)
            .map_err(|e| AtRestError::io(path, "written", e))?;
        let counted = Counted {
            file,
            length: 0,
            digest: Digest::default(),
            tail: None,
        };
        let failed = |e| write_error(path, e);
        let encryption = FileEncryptionProperties::builder(key.bytes().to_vec())
            .with_aad_prefix(bound_to)
            .build()
            .map_err(failed)?;
        let properties = properties(content, notes).with_file_encryption_properties(encryption);
        let writer =
            ArrowWriter::try_new(counted, schema, Some(properties.build())).map_err(failed)?;
        Ok(EncryptedFile { writer })
    }

    pub(crate) fn write(&mut self, path: &Path, batch: &RecordBatch) -> Result<(), AtRestError> {
        self.writer.write(batch).map_err(|e| write_error(path, e))
    }

    /// Finishes the file and makes its content durable.
    pub(crate) fn finish(mut self, path: &Path) -> Result<Counts, AtRestError> {
        let failed = |e| write_error(path, e);
        self.writer.flush().map_err(failed)?;
        self.writer
            .sync()
            .map_err(|e| AtRestError::io(path, "written", e))?;
        self.writer.inner_mut().begin_tail();
        let counted = self.writer.into_inner().map_err(failed)?;
        counted
            .finish()
            .map_err(|e| AtRestError::io(path, "written", e))
    }
}

fn properties(
    content: Content,
    notes: Vec<(String, String)>,
) -> parquet::file::properties::WriterPropertiesBuilder {
    let notes: Vec<KeyValue> = notes
        .into_iter()
        .map(|(key, value)| KeyValue::new(key, value))
        .collect();
    let common = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_bloom_filter_enabled(false)
        .set_max_row_group_row_count(Some(SEGMENT))
        .set_created_by("peristyle".to_owned())
        .set_key_value_metadata((!notes.is_empty()).then_some(notes));
    match content {
        Content::Codes => common
            .set_encoding(Encoding::DELTA_BINARY_PACKED)
            .set_compression(Compression::UNCOMPRESSED)
            .set_data_page_row_count_limit(crate::column::BLOCK),
        Content::Values => common
            .set_encoding(Encoding::PLAIN)
            .set_compression(Compression::ZSTD(ZstdLevel::default())),
    }
}

/// Messages of the library tell of its own doings, and never of values.
fn write_error(path: &Path, error: ParquetError) -> AtRestError {
    AtRestError::io(path, "written", io::Error::other(error.to_string()))
}

/// What the manifest has to know of a finished file.
pub(crate) struct Counts {
    length: u64,
    digest: [u8; 32],
    tail: u64,
    tail_digest: [u8; 32],
}

impl Counts {
    pub(crate) fn entry(&self, name: &str, generation: u64) -> FileEntry {
        FileEntry {
            name: name.to_owned(),
            generation,
            length: self.length,
            digest: hex(&self.digest),
            tail: self.tail,
            tail_digest: hex(&self.tail_digest),
        }
    }
}

/// Counts and digests what goes by.
struct Counted {
    file: Box<dyn DiskFile>,
    length: u64,
    digest: Digest,
    /// Where the tail begins, and its digest.
    tail: Option<(u64, Digest)>,
}

impl Counted {
    /// All pages are written: what comes now is the footer.
    fn begin_tail(&mut self) {
        self.tail = Some((self.length, Digest::default()));
    }

    fn finish(mut self) -> io::Result<Counts> {
        self.file.flush()?;
        self.file.sync()?;
        let (start, tail) = self.tail.unwrap_or((self.length, Digest::default()));
        Ok(Counts {
            length: self.length,
            digest: self.digest.finish(),
            tail: self.length - start,
            tail_digest: tail.finish(),
        })
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.length += written as u64;
        self.digest.update(&bytes[..written]);
        if let Some((_, tail)) = &mut self.tail {
            tail.update(&bytes[..written]);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

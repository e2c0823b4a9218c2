//! Reading an encrypted Parquet file back. Nothing of it is believed but what its key authenticates and the manifest describes.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::DataType as ArrowType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::reader::ChunkReader;

use super::AtRestError;
use super::manifest::FileEntry;
use super::pages::{Page, PageError, PageKey, Pages, stretch};
use super::seal::{Digest, scrub, sha256};
use super::secret::{SecretKey, hex};

/// Files up to this length are read whole, and all their bytes compared with the manifest's digest. Of longer ones the tail is
/// compared, and the pages authenticate themselves: a column is then read without reading its neighbours.
const READ_WHOLE: u64 = 1 << 20;

/// The magic number of a Parquet file with an encrypted footer. One with a plaintext footer is never read.
const MAGIC: &[u8] = b"PARE";

/// A file whose footer is known to be the one that was written.
pub(crate) struct OpenFile {
    path: PathBuf,
    source: Source,
    metadata: ArrowReaderMetadata,
    pages: PageKey,
}

/// Each reader has a handle of its own: two that share one would move each other's place in the file.
enum Source {
    Memory(bytes::Bytes),
    Disk(PathBuf),
}

impl OpenFile {
    pub(crate) fn open(
        path: &Path,
        entry: &FileEntry,
        key: &SecretKey,
        bound_to: Vec<u8>,
    ) -> Result<OpenFile, AtRestError> {
        let mut file = File::open(path).map_err(|e| AtRestError::io(path, "read", e))?;
        check_length(path, &file, entry)?;
        let (source, pages) = if entry.length <= READ_WHOLE {
            let bytes = read_whole(path, &mut file, entry)?;
            let pages = PageKey::new(key, &bound_to, &bytes);
            (Source::Memory(bytes.into()), pages)
        } else {
            let tail = check_ends(path, &mut file, entry)?;
            let pages = PageKey::new(key, &bound_to, &tail);
            (Source::Disk(path.to_path_buf()), pages)
        };
        let pages = pages.ok_or_else(|| not_as_written(path))?;
        let decryption = FileDecryptionProperties::builder(key.bytes().to_vec())
            .with_aad_prefix(bound_to)
            .build()
            .map_err(|e| unreadable(path, &e))?;
        let options = ArrowReaderOptions::new()
            .with_page_index_policy(PageIndexPolicy::Skip)
            .with_file_decryption_properties(decryption);
        let metadata = guarded(path, || match &source {
            Source::Memory(bytes) => ArrowReaderMetadata::load(bytes, options),
            Source::Disk(_) => ArrowReaderMetadata::load(&file, options),
        })?;
        Ok(OpenFile {
            path: path.to_path_buf(),
            source,
            metadata,
            pages,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Rows of each row group.
    pub(crate) fn row_groups(&self) -> Vec<usize> {
        let groups = self.metadata.metadata().row_groups().iter();
        groups
            .map(|group| group.num_rows().max(0) as usize)
            .collect()
    }

    pub(crate) fn column_type(&self, column: usize) -> Option<&ArrowType> {
        self.metadata
            .schema()
            .fields()
            .get(column)
            .map(|field| field.data_type())
    }

    /// Reads a column of codes in one row group, page by page.
    pub(crate) fn codes(
        &self,
        column: usize,
        group: usize,
        take: impl FnMut(Page<'_>) -> Result<(), AtRestError>,
    ) -> Result<(), AtRestError> {
        let groups = self.metadata.metadata().row_groups();
        let chunk = groups.get(group).and_then(|g| g.columns().get(column));
        let (start, length) = chunk
            .and_then(stretch)
            .ok_or_else(|| not_as_written(&self.path))?;
        let place = (group, column);
        match &self.source {
            Source::Memory(bytes) => {
                let mut reader = Cursor::new(bytes);
                reader.set_position(start);
                self.each_page(Pages::new(&self.pages, reader, length, place), take)
            }
            Source::Disk(path) => {
                let mut file = File::open(path).map_err(|e| AtRestError::io(path, "read", e))?;
                file.seek(SeekFrom::Start(start))
                    .map_err(|e| AtRestError::io(path, "read", e))?;
                self.each_page(Pages::new(&self.pages, file, length, place), take)
            }
        }
    }

    fn each_page<R: Read>(
        &self,
        pages: Option<Pages<'_, R>>,
        mut take: impl FnMut(Page<'_>) -> Result<(), AtRestError>,
    ) -> Result<(), AtRestError> {
        let wrong = |error| match error {
            PageError::Wrong => not_as_written(&self.path),
            PageError::Io(error) => {
                AtRestError::damaged(&self.path, format!("it cannot be read: {error}"))
            }
        };
        let mut pages = pages.ok_or_else(|| not_as_written(&self.path))?;
        let mut each = || {
            while let Some(page) = pages.next().map_err(wrong)? {
                take(page)?;
            }
            Ok(())
        };
        let result = each();
        // The cipher leaves its traces on the stack.
        scrub();
        result
    }

    /// Reads columns of one row group, batch by batch. The batches have the columns in the file's order.
    pub(crate) fn read(
        &self,
        columns: &[usize],
        group: usize,
        mut take: impl FnMut(&RecordBatch) -> Result<(), AtRestError>,
    ) -> Result<(), AtRestError> {
        match &self.source {
            Source::Memory(bytes) => self.batches(bytes.clone(), columns, group, &mut take),
            Source::Disk(path) => {
                let file = File::open(path).map_err(|e| AtRestError::io(path, "read", e))?;
                self.batches(file, columns, group, &mut take)
            }
        }
    }

    fn batches<R: ChunkReader + 'static>(
        &self,
        reader: R,
        columns: &[usize],
        group: usize,
        take: &mut impl FnMut(&RecordBatch) -> Result<(), AtRestError>,
    ) -> Result<(), AtRestError> {
        let mut batches = guarded(&self.path, || {
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(reader, self.metadata.clone());
            let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
            builder
                .with_projection(mask)
                .with_row_groups(vec![group])
                .with_batch_size(crate::column::BLOCK)
                .build()
        })?;
        while let Some(batch) = guarded(&self.path, || {
            batches.next().transpose().map_err(Into::into)
        })? {
            take(&batch)?;
        }
        Ok(())
    }
}

/// Runs a piece of decoding. Bytes of a wrong file can make the decoder panic, and that must not take the process down.
fn guarded<T>(
    path: &Path,
    decode: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, AtRestError> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result.map_err(|e| unreadable(path, &e)),
        Err(_) => Err(AtRestError::damaged(
            path,
            "the decoder gave up on its bytes",
        )),
    }
}

fn unreadable(path: &Path, error: &ParquetError) -> AtRestError {
    match error {
        // What the library says of damage tells of offsets and lengths, not of values; but nothing is gained by it either.
        ParquetError::External(source) if source.is::<std::io::Error>() => {
            AtRestError::damaged(path, format!("it cannot be read: {source}"))
        }
        _ => not_as_written(path),
    }
}

pub(super) fn not_as_written(path: &Path) -> AtRestError {
    AtRestError::damaged(path, "it does not decrypt to what was written")
}

fn check_length(path: &Path, file: &File, entry: &FileEntry) -> Result<(), AtRestError> {
    let metadata = file
        .metadata()
        .map_err(|e| AtRestError::io(path, "read", e))?;
    if metadata.len() != entry.length {
        return Err(AtRestError::damaged(
            path,
            format!(
                "it has {} bytes, and {} were written",
                metadata.len(),
                entry.length
            ),
        ));
    }
    Ok(())
}

fn read_whole(path: &Path, file: &mut File, entry: &FileEntry) -> Result<Vec<u8>, AtRestError> {
    let mut bytes = Vec::with_capacity(entry.length as usize);
    file.take(entry.length)
        .read_to_end(&mut bytes)
        .map_err(|e| AtRestError::io(path, "read", e))?;
    if hex(&sha256(&bytes)) != entry.digest {
        return Err(AtRestError::damaged(
            path,
            "its bytes are not those that were written",
        ));
    }
    Ok(bytes)
}

/// Gives the tail.
fn check_ends(path: &Path, file: &mut File, entry: &FileEntry) -> Result<Vec<u8>, AtRestError> {
    let failed = |e| AtRestError::io(path, "read", e);
    let mut head = [0u8; MAGIC.len()];
    file.read_exact(&mut head).map_err(failed)?;
    let mut tail = vec![0u8; entry.tail.min(entry.length) as usize];
    file.seek(SeekFrom::End(-(tail.len() as i64)))
        .map_err(failed)?;
    file.read_exact(&mut tail).map_err(failed)?;
    if head != MAGIC || hex(&sha256(&tail)) != entry.tail_digest {
        return Err(AtRestError::damaged(
            path,
            "its footer is not the one that was written",
        ));
    }
    Ok(tail)
}

/// Compares all bytes of a file with the manifest.
pub(crate) fn check_digest(path: &Path, entry: &FileEntry) -> Result<(), AtRestError> {
    let mut file = File::open(path).map_err(|e| AtRestError::io(path, "read", e))?;
    check_length(path, &file, entry)?;
    let mut digest = Digest::default();
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        let read = file
            .read(&mut buffer)
            .map_err(|e| AtRestError::io(path, "read", e))?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
    }
    if hex(&digest.finish()) != entry.digest {
        return Err(AtRestError::damaged(
            path,
            "its bytes are not those that were written",
        ));
    }
    Ok(())
}

/// Whether a file of this length is there: what opening a dataset looks at.
pub(crate) fn check_presence(path: &Path, entry: &FileEntry) -> Result<(), AtRestError> {
    let file = File::open(path).map_err(|e| AtRestError::io(path, "read", e))?;
    check_length(path, &file, entry)
}

//! A Parquet file for others: rows that somebody was shown, in clear or encrypted. It is under another name until it is published, so
//! that nobody takes a part of it for the whole.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde_json::json;

use super::AtRestError;
use super::provider::{DatasetId, KeyContext, KeyProvider};
use super::secret::{SecretKey, hex, random_name};

/// A fresh key for one file, which a provider has wrapped already.
pub struct ExportKey(Arc<FileEncryptionProperties>);

impl ExportKey {
    /// What it takes to unwrap the key will stand in the file, in the form that Arrow and Spark write: `kmsInstanceID` is what the
    /// wrapped key is bound to, `masterKeyID` the provider's key.
    pub fn fresh(path: &Path, provider: &dyn KeyProvider) -> Result<ExportKey, AtRestError> {
        let key = SecretKey::random()?;
        let context = KeyContext {
            dataset: DatasetId::random()?,
            generation: 0,
        };
        let wrapped = provider
            .wrap(&key, &context)
            .map_err(|refusal| super::key_file::refused(path, refusal))?;
        let metadata = json!({
            "keyMaterialType": "PKMT1",
            "internalStorage": true,
            "isFooterKey": true,
            "kmsInstanceID": String::from_utf8_lossy(&context.to_bytes()),
            "kmsInstanceURL": "DEFAULT",
            "masterKeyID": wrapped.key_id,
            "wrappedDEK": hex(&wrapped.bytes),
            "doubleWrapping": false,
        });
        let properties = FileEncryptionProperties::builder(key.bytes().to_vec())
            .with_footer_key_metadata(metadata.to_string().into_bytes())
            .build();
        properties.map(ExportKey).map_err(|e| failed(path, e))
    }
}

impl fmt::Debug for ExportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportKey(not shown)")
    }
}

/// A file under way. Dropped before it is published, it is removed.
pub struct ExportFile {
    writer: Option<ArrowWriter<File>>,
    path: PathBuf,
    temporary: PathBuf,
    rows: u64,
}

impl ExportFile {
    /// Begins a file where none may be yet. With a key it is encrypted whole, footer included.
    pub fn create(
        path: &Path,
        schema: SchemaRef,
        key: Option<ExportKey>,
    ) -> Result<ExportFile, AtRestError> {
        check_free(path)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by("peristyle".to_owned());
        let properties = match key {
            None => properties,
            // Nothing beside the pages: bloom filters would be in clear.
            Some(key) => properties
                .set_statistics_enabled(EnabledStatistics::None)
                .set_offset_index_disabled(true)
                .set_bloom_filter_enabled(false)
                .with_file_encryption_properties(key.0),
        };
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.new", random_name()?));
        let temporary = path.with_file_name(name);
        let file = new_file(&temporary)?;
        // From here on the file is removed unless it is published.
        let mut export = ExportFile {
            writer: None,
            path: path.to_path_buf(),
            temporary,
            rows: 0,
        };
        let writer = ArrowWriter::try_new(file, schema, Some(properties.build()));
        export.writer = Some(writer.map_err(|e| failed(path, e))?);
        Ok(export)
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), AtRestError> {
        let writer = self.writer.as_mut();
        let writer = writer.ok_or_else(|| AtRestError::internal("a file that is finished"))?;
        writer.write(batch).map_err(|e| failed(&self.path, e))?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Writes what is left and makes it durable. It is still under its other name.
    pub fn finish(&mut self) -> Result<(), AtRestError> {
        let writer = self.writer.take();
        let writer = writer.ok_or_else(|| AtRestError::internal("a file that is finished"))?;
        let file = writer.into_inner().map_err(|e| failed(&self.path, e))?;
        file.sync_all()
            .map_err(|e| AtRestError::io(&self.path, "written", e))
    }

    /// Gives the file its name. Returns its rows and bytes.
    pub fn publish(mut self) -> Result<(u64, u64), AtRestError> {
        if self.writer.is_some() {
            self.finish()?;
        }
        check_free(&self.path)?;
        let written = |e| AtRestError::io(&self.path, "written", e);
        let bytes = fs::metadata(&self.temporary).map_err(written)?.len();
        fs::rename(&self.temporary, &self.path).map_err(written)?;
        Ok((self.rows, bytes))
    }
}

impl Drop for ExportFile {
    fn drop(&mut self) {
        // After it was published nothing is there under this name.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn check_free(path: &Path) -> Result<(), AtRestError> {
    match path.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(AtRestError::FileExists {
            path: path.to_path_buf(),
        }),
        Err(error) => Err(AtRestError::io(path, "written", error)),
    }
}

/// Only its owner may read what one identity was shown.
fn new_file(path: &Path) -> Result<File, AtRestError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
        .open(path)
        .map_err(|e| AtRestError::io(path, "written", e))
}

/// Messages of the library tell of its own doings, and never of values.
fn failed(path: &Path, error: ParquetError) -> AtRestError {
    AtRestError::io(path, "written", std::io::Error::other(error.to_string()))
}

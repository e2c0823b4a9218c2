//! A table as a session sees it, written to a Parquet file.

use std::path::Path;

use engine::{Limits, TableExport, export_text};
use security::{Control, Scope};
use storage::{AtRestError, ExportFile, ExportKey, KeyProvider};

use crate::at_rest::code;
use crate::error::Error;
use crate::session::{EXPORT, QueryOptions, Session};

/// What an export has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    pub rows: u64,
    pub bytes: u64,
}

impl Session {
    /// Writes the rows and columns of a table that this session sees to a new Parquet file: in clear, or, with a provider, encrypted
    /// under a fresh key that it wraps. The file is written batch by batch, and is there whole or not at all. Rows, memory and time are
    /// bounded by the options; the audit records it as the kind `export`.
    pub fn export(
        &self,
        table: &str,
        path: impl AsRef<Path>,
        key: Option<&dyn KeyProvider>,
        options: &QueryOptions,
    ) -> Result<Exported, Error> {
        let path = path.as_ref().to_path_buf();
        // Asked for here, and not where queries run: the keeper of the key may be slow.
        let key = key.map(|provider| ExportKey::fresh(&path, provider));
        let key = key.transpose()?;
        let name = table.to_owned();
        let file = self.run(
            EXPORT,
            &export_text(table),
            options,
            |written: &Result<Written, AtRestError>| match written {
                Ok(written) => (Some(written.rows), "ok"),
                Err(error) => (None, code(error)),
            },
            move |_, admitted, _, options, control| {
                let scope = admitted.view.scope();
                write(scope, &name, &options.limits, control, &path, key)
            },
        )?;
        // Only now has it been recorded, where it must be.
        let (rows, bytes) = file?.file.publish()?;
        Ok(Exported { rows, bytes })
    }
}

/// A file that is complete and has not got its name yet.
struct Written {
    file: ExportFile,
    rows: u64,
}

/// Errors of the table are those of a query; errors of the file are apart.
fn write(
    scope: &Scope,
    table: &str,
    limits: &Limits,
    control: &Control,
    path: &Path,
    key: Option<ExportKey>,
) -> Result<Result<Written, AtRestError>, engine::Error> {
    let mut export = TableExport::begin(scope, table, limits, control)?;
    let rows = export.rows() as u64;
    let mut file: Option<ExportFile> = None;
    let mut key = Some(key);
    while let Some(batch) = export.batch()? {
        let written = match &mut file {
            Some(file) => file.write(&batch),
            None => ExportFile::create(path, batch.schema(), key.take().flatten())
                .and_then(|begun| file.insert(begun).write(&batch)),
        };
        if let Err(error) = written {
            return Ok(Err(error));
        }
    }
    let Some(mut file) = file else {
        let kind = engine::ErrorKind::Internal;
        return Err(engine::Error::nowhere(kind, "an export without a batch"));
    };
    Ok(file.finish().map(|()| Written { file, rows }))
}

//! Which files hold the rows of a table.

use std::path::{Path, PathBuf};

use model::{Partition, PartitionKind, Table};

use super::ImportError;

/// The files of a table in load order: partition by partition, and a folder's files by name.
///
/// None: the table has no partition that comes from files.
pub(super) fn files_of_table(
    table: &Table,
    data: &Path,
) -> Result<Option<Vec<PathBuf>>, ImportError> {
    if table.partitions.is_empty() {
        return Ok(Some(own_file(table, data)?));
    }
    let mut files = Vec::new();
    let mut any = false;
    for partition in &table.partitions {
        if let Some(more) = files_of_partition(table, partition, data)? {
            any = true;
            files.extend(more);
        }
    }
    Ok(any.then_some(files))
}

/// A partition's name and its files.
pub(crate) type PartitionFiles = (String, Vec<PathBuf>);

/// The same, apart: each partition that comes from files.
pub(crate) fn partition_files(
    table: &Table,
    data: &Path,
) -> Result<Option<Vec<PartitionFiles>>, ImportError> {
    if table.partitions.is_empty() {
        return Ok(Some(vec![(table.name.clone(), own_file(table, data)?)]));
    }
    let mut partitions = Vec::new();
    for partition in &table.partitions {
        if let Some(files) = files_of_partition(table, partition, data)? {
            partitions.push((partition.name.clone(), files));
        }
    }
    Ok((!partitions.is_empty()).then_some(partitions))
}

fn files_of_partition(
    table: &Table,
    partition: &Partition,
    data: &Path,
) -> Result<Option<Vec<PathBuf>>, ImportError> {
    match &partition.kind {
        PartitionKind::M {
            file: Some(file), ..
        } => {
            let path = data.join(relative_path(table, file)?);
            expand(table, &path)?
                .map(Some)
                .ok_or(ImportError::MissingFile {
                    table: table.name.clone(),
                    path,
                })
        }
        PartitionKind::M { file: None, .. } | PartitionKind::Other { .. } => {
            Ok(Some(own_file(table, data)?))
        }
        PartitionKind::Calculated { .. } | PartitionKind::CalculationGroup => Ok(None),
    }
}

/// `<Table>.parquet`, else the folder `<Table>`.
fn own_file(table: &Table, data: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let refuse = |why| ImportError::FileName {
        table: table.name.clone(),
        file: table.name.clone(),
        why,
    };
    if table.name.contains(['/', '\\', '\0']) {
        return Err(refuse(
            "a table of this name needs a partition that names its file in File.Contents",
        ));
    }
    if table.name == ".." || table.name == "." || table.name.is_empty() {
        return Err(refuse("it leads out of the data folder"));
    }
    let path = data.join(format!("{}.parquet", table.name));
    if let Some(files) = expand(table, &path)? {
        return Ok(files);
    }
    expand(table, &data.join(&table.name))?.ok_or(ImportError::MissingFile {
        table: table.name.clone(),
        path,
    })
}

/// Where a file name of the model lies in the data folder. A full path names a place on the author's machine, so only
/// its last component counts.
fn relative_path(table: &Table, file: &str) -> Result<PathBuf, ImportError> {
    let refuse = |why| {
        Err(ImportError::FileName {
            table: table.name.clone(),
            file: file.to_string(),
            why,
        })
    };
    if file.contains('\0') {
        return refuse("no file can have it");
    }
    let mut parts: Vec<&str> = file
        .split(['/', '\\'])
        .filter(|p| !p.is_empty() && *p != ".")
        .collect();
    if is_full_path(file) {
        parts = parts.split_off(parts.len().saturating_sub(1));
    }
    if parts.contains(&"..") {
        return refuse("it leads out of the data folder");
    }
    // A component with a colon would be a drive letter or a stream on Windows, and is a typing error elsewhere.
    if parts.is_empty() || parts.iter().any(|p| p.contains(':')) {
        return refuse("it names no file");
    }
    Ok(parts.iter().collect())
}

/// `/x`, `\x`, `\\server\x`, `C:\x`, `C:x`, `scheme://x`.
fn is_full_path(file: &str) -> bool {
    let bytes = file.as_bytes();
    let drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    file.starts_with(['/', '\\']) || drive || file.contains("://")
}

/// The file itself, or a folder's Parquet files by name. None: nothing there, or a folder without such files.
fn expand(table: &Table, path: &Path) -> Result<Option<Vec<PathBuf>>, ImportError> {
    let unreadable = |path: &Path, source| ImportError::Unreadable {
        table: table.name.clone(),
        path: path.to_path_buf(),
        source,
    };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unreadable(path, e)),
    };
    if !metadata.is_dir() {
        return Ok(Some(vec![path.to_path_buf()]));
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| unreadable(path, e))? {
        let file = entry.map_err(|e| unreadable(path, e))?.path();
        // Hidden files are what a writer left behind or what a file system keeps for itself.
        let hidden = file
            .file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with('.'));
        let parquet = file
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("parquet"));
        if parquet && !hidden && !file.is_dir() {
            files.push(file);
        }
    }
    files.sort();
    Ok((!files.is_empty()).then_some(files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, expected: Option<&str>) {
        let table = Table {
            name: "T".into(),
            ..Table::default()
        };
        let found = relative_path(&table, file).ok();
        assert_eq!(found, expected.map(PathBuf::from), "{file}");
    }

    #[test]
    fn names_stay_inside_the_data_folder() {
        check("Orders.parquet", Some("Orders.parquet"));
        check("./a/Orders.parquet", Some("a/Orders.parquet"));
        check("a\\Orders.parquet", Some("a/Orders.parquet"));
        check("/home/me/Orders.parquet", Some("Orders.parquet"));
        check("C:\\data\\Orders.parquet", Some("Orders.parquet"));
        check("\\\\server\\share\\Orders.parquet", Some("Orders.parquet"));
        check(
            "https://example.org/a/Orders.parquet",
            Some("Orders.parquet"),
        );
        check("../Orders.parquet", None);
        check("a/../../Orders.parquet", None);
        check("/home/..", None);
        check("C:Orders.parquet", None);
        check("", None);
        check("/", None);
        check("a\0b", None);
    }
}

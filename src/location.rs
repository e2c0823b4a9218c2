//! Where the data of a model lies when nobody says it.

use std::fs;
use std::path::{Path, PathBuf};

/// The data folder that goes with a model.
///
/// - The model is a file (`model.bim`): the folder of that file.
/// - The model is a folder (TMDL, or a project): the folder itself if Parquet files lie in it, or in a folder of it; but the
///   folder `data` in it, where nothing else in it holds any; else the folder `data` beside it, if there is one; else the folder itself.
/// - The model is a project's file (`.pbip`, `.pbism`), which stands for its folder: as for that folder.
pub fn default_data_folder(model: &Path) -> PathBuf {
    if !model.is_dir() {
        let folder = match model.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let is_project = model.extension().is_some_and(|ext| {
            ext.eq_ignore_ascii_case("pbip") || ext.eq_ignore_ascii_case("pbism")
        });
        return match is_project {
            true if folder.is_dir() => default_data_folder(&folder),
            _ => folder,
        };
    }
    if let Some(data) = all_in_data(model) {
        return data;
    }
    if holds_parquet(model, 1) {
        return model.to_path_buf();
    }
    let beside = model.join("..").join("data");
    if beside.is_dir() {
        beside
    } else {
        model.to_path_buf()
    }
}

/// The folder `data` of a project, unless Parquet files lie elsewhere too: then it is a table in several files.
fn all_in_data(folder: &Path) -> Option<PathBuf> {
    let data = folder.join("data");
    let entries = fs::read_dir(folder).ok()?;
    let elsewhere = entries
        .flatten()
        .map(|entry| entry.path())
        .any(|path| path != data && (is_parquet(&path) || holds_parquet(&path, 0)));
    (!elsewhere && holds_parquet(&data, 1)).then_some(data)
}

fn is_parquet(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ext| ext.eq_ignore_ascii_case("parquet"))
}

/// A table may be a folder of files, so one level below counts too.
fn holds_parquet(folder: &Path, below: u32) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().map(|entry| entry.path()).any(|path| {
        is_parquet(&path) || (below > 0 && path.is_dir() && holds_parquet(&path, below - 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, files: &[&str]) -> PathBuf {
        let root =
            std::env::temp_dir().join(format!("peristyle-location-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn a_file_has_its_data_beside_it() {
        let root = folder("file", &["model.bim", "Sales.parquet"]);
        assert_eq!(default_data_folder(&root.join("model.bim")), root);
        assert_eq!(default_data_folder(Path::new("model.bim")), Path::new("."));
        fs::remove_dir_all(root).unwrap();
        let root = folder("project file", &["Sales.pbip", "data/Sales.parquet"]);
        assert_eq!(
            default_data_folder(&root.join("Sales.pbip")),
            root.join("data")
        );
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_folder_has_its_data_inside_or_beside_it() {
        let check = |name: &str, files: &[&str], expected: &str| {
            let root = folder(name, files);
            let found = default_data_folder(&root.join("model"));
            assert_eq!(
                found.canonicalize().unwrap(),
                root.join(expected).canonicalize().unwrap(),
                "{name}"
            );
            fs::remove_dir_all(root).unwrap();
        };
        check(
            "inside",
            &[
                "model/model.tmdl",
                "model/Sales.parquet",
                "data/Sales.parquet",
            ],
            "model",
        );
        check(
            "partitions",
            &[
                "model/model.tmdl",
                "model/Sales/1.parquet",
                "data/Sales.parquet",
            ],
            "model",
        );
        check(
            "beside",
            &[
                "model/model.tmdl",
                "model/tables/Sales.tmdl",
                "data/Sales.parquet",
            ],
            "data",
        );
        check(
            "project",
            &[
                "model/Sales.SemanticModel/definition/model.tmdl",
                "model/data/Sales/1.parquet",
            ],
            "model/data",
        );
        check(
            "table of this name",
            &["model/data/1.parquet", "model/Sales/1.parquet"],
            "model",
        );
        check("nowhere", &["model/model.tmdl"], "model");
    }
}

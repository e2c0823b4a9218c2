//! One door for every form of a model on disk.

use std::fs;
use std::path::{Path, PathBuf};

use crate::bim::read_bim;
use crate::errors::LoadErrors;
use crate::tmdl::{TmdlFile, read_tmdl};
use crate::types::Model;

/// Reads the model at a path: a `.bim` or a `.tmdl` file, a folder that holds `model.bim`, a TMDL folder, or the folder of a Power
/// BI project. A model that does not say its name gets that of its project, folder or file.
pub fn load(path: &Path) -> Result<Model, LoadErrors> {
    if has_extension(path, "pbism") && path.is_file() {
        // It stands for its folder.
        return load(folder_of(path));
    }
    let mut model = if path.is_dir() {
        load_folder(path)?
    } else {
        load_file(path)?
    };
    if model.name.is_empty() {
        model.name = name_of(path);
    }
    Ok(model)
}

fn load_file(path: &Path) -> Result<Model, LoadErrors> {
    let shown = path.display().to_string();
    let packed = ["pbix", "pbit"];
    if packed.iter().any(|kind| has_extension(path, kind)) {
        let message = "the model in this file is packed: save the file as a Power BI project (.pbip), and name the folder of that";
        return Err(LoadErrors::one(&shown, None, message));
    }
    let text = read_text(path)?;
    if has_extension(path, "tmdl") {
        return read_tmdl(&[TmdlFile { name: shown, text }]);
    }
    if has_extension(path, "pbip") {
        return load_folder(folder_of(path));
    }
    if has_extension(path, "bim")
        || text
            .trim_start_matches('\u{feff}')
            .trim_start()
            .starts_with('{')
    {
        return read_bim(&text, &shown);
    }
    Err(LoadErrors::one(
        &shown,
        None,
        "this is neither a .bim nor a .tmdl file",
    ))
}

/// The folder of a file; a file named without one lies in the current folder.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn load_folder(folder: &Path) -> Result<Model, LoadErrors> {
    let shown = folder.display().to_string();
    // Visual Studio writes a capital M.
    let is_bim = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.eq_ignore_ascii_case("model.bim"))
    };
    let bim = entries(folder)?
        .into_iter()
        .find(is_bim)
        .unwrap_or_else(|| folder.join("model.bim"));
    let definition = folder.join("definition");
    let tmdl = ["definition", "database.tmdl", "model.tmdl"]
        .into_iter()
        .find(|name| folder.join(name).exists());
    if let (true, Some(other)) = (bim.is_file(), tmdl) {
        let message =
            format!("the folder holds both model.bim and {other}: name the one that is meant");
        return Err(LoadErrors::one(&shown, None, message));
    }
    match (bim.is_file(), definition.is_dir()) {
        (true, _) => return load_file(&bim),
        (false, true) => return load_tmdl(&definition),
        (false, false) => {}
    }
    let projects: Vec<PathBuf> = entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir() && is_project(path))
        .collect();
    match projects.as_slice() {
        [] => load_tmdl(folder),
        [project] => load(project),
        _ => Err(LoadErrors::one(
            &shown,
            None,
            "the folder holds several semantic models: name the one that is meant",
        )),
    }
}

fn load_tmdl(folder: &Path) -> Result<Model, LoadErrors> {
    let mut paths = Vec::new();
    collect(folder, 0, &mut paths)?;
    if paths.is_empty() {
        let message = if folder.join("database.json").is_file() {
            "the folder holds a model that was saved in pieces, with database.json: save it as model.bim or as a TMDL folder"
        } else {
            "the folder holds neither model.bim nor .tmdl files"
        };
        return Err(LoadErrors::one(
            &folder.display().to_string(),
            None,
            message,
        ));
    }
    // The files of database and model come first: they give the order of what the others declare.
    let rank = |path: &Path| match path
        .file_name()
        .and_then(|name| name.to_str())
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("database.tmdl") => 0,
        Some("model.tmdl") => 1,
        _ => 2,
    };
    paths.sort_by_cached_key(|path| (rank(path), path.clone()));
    let mut files = Vec::new();
    for path in paths {
        let name = path
            .strip_prefix(folder)
            .unwrap_or(&path)
            .display()
            .to_string();
        files.push(TmdlFile {
            name,
            text: read_text(&path)?,
        });
    }
    read_tmdl(&files)
}

/// A TMDL folder has one level of folders; a few more are allowed, and links in circles are not followed for ever.
const DEEPEST: usize = 8;

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), LoadErrors> {
    if depth > DEEPEST {
        return Err(LoadErrors::one(
            &folder.display().to_string(),
            None,
            "the folders nest too deep",
        ));
    }
    for path in entries(folder)? {
        let hidden = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with('.'));
        if path.is_dir() && !hidden {
            collect(&path, depth + 1, paths)?;
        } else if has_extension(&path, "tmdl") {
            paths.push(path);
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, LoadErrors> {
    let failed = |error: std::io::Error| {
        LoadErrors::one(
            &folder.display().to_string(),
            None,
            format!("cannot be read: {error}"),
        )
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn read_text(path: &Path) -> Result<String, LoadErrors> {
    let shown = path.display().to_string();
    let bytes = fs::read(path)
        .map_err(|error| LoadErrors::one(&shown, None, format!("cannot be read: {error}")))?;
    text_of(bytes).ok_or_else(|| {
        LoadErrors::one(
            &shown,
            None,
            "the file is neither UTF-8 text nor marked as UTF-16: save it as UTF-8",
        )
    })
}

/// UTF-8, or UTF-16 with its mark, as some editors save it. The schema inside a template of Power BI begins with a brace and no mark.
fn text_of(bytes: Vec<u8>) -> Option<String> {
    let little: fn([u8; 2]) -> u16 = u16::from_le_bytes;
    let (pairs, read) = if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        (rest, little)
    } else if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        (rest, u16::from_be_bytes as fn([u8; 2]) -> u16)
    } else if bytes.starts_with(b"{\0") {
        (bytes.as_slice(), little)
    } else {
        return String::from_utf8(bytes).ok();
    };
    if pairs.len() % 2 != 0 {
        return None;
    }
    let units: Vec<u16> = pairs
        .chunks_exact(2)
        .filter_map(|pair| <[u8; 2]>::try_from(pair).ok().map(read))
        .collect();
    String::from_utf16(&units).ok()
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

/// `.Dataset` is the older name of the same folder.
fn is_project(path: &Path) -> bool {
    has_extension(path, "SemanticModel") || has_extension(path, "Dataset")
}

/// Projects of Power BI keep the name that people see in a file `.platform`.
fn name_of(path: &Path) -> String {
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    let folder = match folder.file_name() {
        Some(name) if name == "definition" => folder.parent().unwrap_or(folder),
        _ => folder,
    };
    let platform = fs::read_to_string(folder.join(".platform")).unwrap_or_default();
    let platform: serde_json::Value =
        serde_json::from_str(platform.trim_start_matches('\u{feff}')).unwrap_or_default();
    if let Some(name) = platform
        .pointer("/metadata/displayName")
        .and_then(|name| name.as_str())
    {
        return name.to_string();
    }
    let named = if path.is_dir()
        || path
            .file_stem()
            .is_some_and(|stem| stem.eq_ignore_ascii_case("model"))
    {
        folder
    } else {
        path
    };
    let name = named
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let stem = named
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    if path.is_dir() && !is_project(named) {
        name
    } else {
        stem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_named_without_a_folder_lies_in_the_current_one() {
        assert_eq!(folder_of(Path::new("Shop.pbip")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/Shop.pbip")), Path::new("a"));
    }
}

//! One door for every form of a model on disk.

use std::path::Path;

use crate::bim::read_bim;
use crate::errors::LoadErrors;
use crate::types::Model;

/// Reads the model at a path: a `.bim` file, a folder that holds `model.bim`.
pub fn load(path: &Path) -> Result<Model, LoadErrors> {
    let file = if path.is_dir() {
        path.join("model.bim")
    } else {
        path.to_path_buf()
    };
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(&file)
        .map_err(|error| LoadErrors::one(&shown, None, format!("cannot be read: {error}")))?;
    read_bim(&text, &shown)
}

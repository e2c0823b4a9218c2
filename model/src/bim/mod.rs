//! TMSL: the JSON form of a model, as Power BI, Tabular Editor and Visual Studio write it.

mod json;
#[cfg(test)]
mod tests;
mod write;

pub use write::write_bim;

use crate::errors::LoadErrors;
use crate::read::read_database;
use crate::tree::{Fields, Node, Object, Report, Value};
use crate::types::Model;

/// Reads a `model.bim`, or a TMSL script that creates a database. `file` is the name that messages give.
pub fn read_bim(text: &str, file: &str) -> Result<Model, LoadErrors> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('<') {
        let message = "this is a model in XML, the form before compatibility level 1200: raise its level in the tool that wrote it";
        return Err(LoadErrors::one(file, Some(1), message));
    }
    let root = json::parse(text, file)?;
    let mut report = Report::default();
    let model = match root {
        Node {
            value: Value::Object(object),
            ..
        } => {
            let database = unwrap_script(&mut report, object);
            read_database(&mut report, database)
        }
        Node { place, .. } => {
            report.error(&place.source(), "a model must be a JSON object");
            Model::default()
        }
    };
    if report.errors.is_empty() {
        Ok(model)
    } else {
        Err(LoadErrors(report.errors))
    }
}

/// The database inside `createOrReplace` or `create`; any other object is the database itself.
fn unwrap_script(report: &mut Report, root: Object) -> Object {
    let mut script = Fields::root(report, root.clone());
    for command in ["createOrReplace", "create"] {
        if !script.has(command) {
            continue;
        }
        let Some(body) = script.object(command) else {
            return root;
        };
        let mut body = script.inside(body, command);
        // Which object the script replaces: its name is the name of the database, given again inside.
        body.take("object");
        let database = body.object("database");
        body.finish();
        match database {
            Some(database) => {
                script.finish();
                return database;
            }
            None => {
                script.error("the script holds no database; only a script that creates a whole database is a model");
                return root;
            }
        }
    }
    root
}

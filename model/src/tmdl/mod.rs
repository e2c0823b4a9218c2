//! TMDL: the indented form of a model, in one file or many.
//!
//! Text becomes items by indentation (`parse`), items of all files become one tree of objects (`merge`), and that becomes the
//! tree of properties that TMSL gives too (`lower`). From there on both forms take the same way.

mod lines;
mod lower;
mod merge;
mod name;
mod parse;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use crate::errors::LoadErrors;
use crate::read::read_database;
use crate::tree::{Node, Object, Place, Report, Value};
use crate::types::Model;
use lower::Lowering;
use parse::Item;

/// A TMDL file: the name that messages give, and its text.
#[derive(Clone, Debug)]
pub struct TmdlFile {
    pub name: String,
    pub text: String,
}

/// Reads a model from TMDL files. Objects come in the order of their first mention, so the file with the `ref` lines of the model
/// belongs first.
pub fn read_tmdl(files: &[TmdlFile]) -> Result<Model, LoadErrors> {
    let mut report = Report::default();
    let mut items = Vec::new();
    for file in files {
        items.extend(parse::parse(&file.text, &file.name, &mut report));
    }
    let first = Place {
        file: Rc::from(files.first().map_or("", |file| file.name.as_str())),
        line: 1,
    };
    let (database, model) = sort_out(items, first, &mut report);
    let database = lower(database, model, &mut report);
    let model = read_database(&mut report, database);
    if report.errors.is_empty() {
        Ok(model)
    } else {
        Err(LoadErrors(report.errors))
    }
}

/// The database and the model. The objects of the model need not be indented below it, and usually are not.
fn sort_out(items: Vec<Item>, first: Place, report: &mut Report) -> (Item, Item) {
    let empty = |keyword: &str| Item {
        keyword: keyword.to_string(),
        name: None,
        reference: false,
        description: None,
        value: None,
        children: Vec::new(),
        place: first.clone(),
    };
    let (mut database, mut model) = (empty("database"), empty("model"));
    let mut waiting: Vec<Item> = items;
    waiting.reverse();
    // Popping from a reversed list keeps the order while wrappers are unpacked in place.
    while let Some(mut item) = waiting.pop() {
        let keyword = item.keyword.to_ascii_lowercase();
        match keyword.as_str() {
            "createorreplace" if item.name.is_none() && item.value.is_none() => {
                waiting.extend(item.children.into_iter().rev())
            }
            "database" => {
                let models: Vec<Item> = item
                    .children
                    .extract_if(.., |child| child.keyword.eq_ignore_ascii_case("model"))
                    .collect();
                waiting.extend(models.into_iter().rev());
                adopt(&mut database, item, report);
            }
            "model" => adopt(&mut model, item, report),
            _ => model.children.push(item),
        }
    }
    database.children = merge::merge(database.children, report);
    model.children = merge::merge(model.children, report);
    (database, model)
}

/// Takes over what another declaration of the same object says.
fn adopt(object: &mut Item, piece: Item, report: &mut Report) {
    let place = piece.place.source();
    if piece.value.is_some() {
        report.error(&place, format!("'{}' takes no value", piece.keyword));
    }
    if object.name.is_some() && piece.name.is_some() && object.name != piece.name {
        report.error(
            &place,
            format!("a second {} is declared; one model has one", piece.keyword),
        );
    }
    if object.description.is_some()
        && piece.description.is_some()
        && object.description != piece.description
    {
        report.error(
            &place,
            format!(
                "'{}' is described a second time, in other words",
                piece.keyword
            ),
        );
    }
    if object.children.is_empty() && object.name.is_none() {
        object.place = piece.place;
    }
    object.name = object.name.take().or(piece.name);
    object.description = object.description.take().or(piece.description);
    object.children.extend(piece.children);
}

fn lower(database: Item, model: Item, report: &mut Report) -> Object {
    let mut lowering = Lowering { report };
    let place = model.place.clone();
    let model = lowering.object(model, "");
    let mut database = lowering.object(database, "");
    database.entries.push((
        "model".to_string(),
        Node {
            place,
            value: Value::Object(model),
        },
    ));
    database
}

//! The tree of properties that both forms of a model are turned into, in the words of TMSL, and the typed reading of it.
//!
//! A property is *taken* when it is read; what is left at the end is reported, so that nothing is lost by silence.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::errors::LoadError;
use crate::types::{Source, Unused, same_name};

/// A line of a file.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub file: Rc<str>,
    pub line: u32,
}

impl Place {
    pub fn source(&self) -> Source {
        Source {
            file: self.file.to_string(),
            line: Some(self.line),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    Text(String),
    /// A value of TMDL, which writes no types: it is text, a number or a truth value as the property wants.
    Word(String),
    List(Vec<Node>),
    Object(Object),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) | Value::Word(_) => "text",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub place: Place,
    /// Keys are unique without case, unless both name something unknown.
    pub entries: Vec<(String, Node)>,
}

/// What reading finds besides the model.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub errors: Vec<LoadError>,
    pub unused: Vec<Unused>,
    pub let_go: std::collections::BTreeSet<&'static str>,
}

impl Report {
    pub fn error(&mut self, place: &Source, message: impl Into<String>) {
        self.errors.push(LoadError {
            place: place.clone(),
            message: message.into(),
        });
    }
}

/// Bookkeeping of tools and properties of pure presentation: no answer depends on them, so they are let go.
const IGNORED: &[&str] = &[
    "alignment",
    "changedProperties",
    "changedProperty",
    "createdTimestamp",
    "dataAccessOptions",
    "defaultPowerBIDataSourceVersion",
    "displayOrdinal",
    "encodingHint",
    "errorMessage",
    "isAvailableInMdx",
    "isDataTypeInferred",
    "isDefaultImage",
    "isDefaultLabel",
    "isNameInferred",
    "isSimpleMeasure",
    "lastSchemaUpdate",
    "lastUpdate",
    "lineageTag",
    "linguisticMetadata",
    "modifiedTime",
    "queryGroup",
    "queryGroups",
    "refreshedTime",
    "showAsVariationsOnly",
    "sourceLineageTag",
    "sourceProviderType",
    "sourceQueryCulture",
    "state",
    "structureModifiedTime",
    "tableDetailPosition",
];

/// Whether an unknown property could be a permission in the wrong place or misspelled. Such a property is refused wherever it
/// stands: to let it go would be to let rows go.
fn concerns_security(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["role", "permission", "filterexpression", "rowfilter"]
        .iter()
        .any(|word| key.contains(word))
}

/// The properties of one object while they are being read.
pub(crate) struct Fields<'r> {
    pub report: &'r mut Report,
    /// For messages: `table 'Sales' / column 'Amount'`. Empty at the root.
    pub path: String,
    pub place: Place,
    entries: Vec<(String, Node)>,
    /// Inside roles: anything that is not understood is an error.
    strict: bool,
}

impl<'r> Fields<'r> {
    pub fn root(report: &'r mut Report, object: Object) -> Self {
        Fields {
            report,
            path: String::new(),
            place: object.place,
            entries: object.entries,
            strict: false,
        }
    }

    /// The fields of an object inside this one; `label` says what it is in messages.
    pub fn inside(&mut self, object: Object, label: &str) -> Fields<'_> {
        let path = if self.path.is_empty() {
            label.to_string()
        } else {
            format!("{} / {label}", self.path)
        };
        Fields {
            path,
            place: object.place,
            entries: object.entries,
            strict: self.strict,
            report: self.report,
        }
    }

    /// The fields of a named object inside this one, and its name. A missing or empty name is an error.
    pub fn named(&mut self, object: Object, kind: &str) -> (Fields<'_>, String) {
        let mut fields = self.inside(object, kind);
        let name = fields.text("name").unwrap_or_default();
        if name.trim().is_empty() {
            fields.error("it has no name");
        }
        fields.path = format!("{} '{name}'", fields.path);
        (fields, name)
    }

    /// From here on, whatever is not understood is an error.
    pub fn strictly(mut self) -> Self {
        self.strict = true;
        self
    }

    pub fn source(&self) -> Source {
        self.place.source()
    }

    pub fn error(&mut self, message: &str) {
        let place = self.place.clone();
        self.error_at(&place, message);
    }

    fn error_at(&mut self, place: &Place, message: &str) {
        let message = if self.path.is_empty() {
            message.to_string()
        } else {
            format!("{}: {message}", self.path)
        };
        self.report.error(&place.source(), message);
    }

    /// Records a construct that is understood and kept out of the model.
    pub fn unused(&mut self, what: impl Into<String>) {
        let place = if self.path.is_empty() {
            "model".to_string()
        } else {
            self.path.clone()
        };
        self.report.unused.push(Unused {
            place,
            what: what.into(),
        });
    }

    pub fn has(&self, key: &str) -> bool {
        self.entries
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(key))
    }

    /// Takes a property out. Null is the same as absent, except where silence could lose a permission.
    pub fn take(&mut self, key: &str) -> Option<Node> {
        let index = self
            .entries
            .iter()
            .position(|(name, _)| name.eq_ignore_ascii_case(key))?;
        let (_, node) = self.entries.remove(index);
        if !matches!(node.value, Value::Null) {
            return Some(node);
        }
        if self.strict {
            self.error_at(
                &node.place,
                &format!("'{key}' is null; give it a value or leave it out"),
            );
        }
        None
    }

    fn wrong_type(&mut self, key: &str, wanted: &str, found: &Node) {
        self.error_at(
            &found.place,
            &format!("'{key}' must be {wanted}, but it is {}", found.value.kind()),
        );
    }

    pub fn text(&mut self, key: &str) -> Option<String> {
        let node = self.take(key)?;
        match node.value {
            Value::Text(text) | Value::Word(text) => Some(text),
            _ => {
                self.wrong_type(key, "text", &node);
                None
            }
        }
    }

    /// Text that TMSL may write as a list of lines.
    pub fn lines(&mut self, key: &str) -> Option<String> {
        let node = self.take(key)?;
        self.lines_of(key, node)
    }

    fn lines_of(&mut self, key: &str, node: Node) -> Option<String> {
        let items = match node.value {
            Value::Text(text) | Value::Word(text) => return Some(text),
            Value::List(items) => items,
            _ => {
                self.wrong_type(key, "text or a list of lines", &node);
                return None;
            }
        };
        let mut lines = Vec::with_capacity(items.len());
        for item in items {
            match item.value {
                Value::Text(line) | Value::Word(line) => lines.push(line),
                _ => self.wrong_type(key, "a list of lines", &item),
            }
        }
        Some(lines.join("\n"))
    }

    pub fn flag(&mut self, key: &str, default: bool) -> bool {
        let Some(node) = self.take(key) else {
            return default;
        };
        match &node.value {
            Value::Bool(value) => *value,
            Value::Word(word) if word.eq_ignore_ascii_case("true") => true,
            Value::Word(word) if word.eq_ignore_ascii_case("false") => false,
            _ => {
                self.wrong_type(key, "true or false", &node);
                default
            }
        }
    }

    pub fn integer(&mut self, key: &str) -> Option<i64> {
        let node = self.take(key)?;
        let read = match &node.value {
            Value::Number(text) | Value::Word(text) => text.trim().parse().ok(),
            _ => None,
        };
        if read.is_none() {
            self.wrong_type(key, "a whole number", &node);
        }
        read
    }

    /// A property with a fixed set of values, compared without case as the vendor's reader does.
    pub fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let place = self
            .entries
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, node)| node.place.clone())?;
        let word = self.text(key)?;
        let found = choices
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word.trim()));
        if found.is_none() {
            let known: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.error_at(
                &place,
                &format!("'{key}' is '{word}', which is none of {}", known.join(", ")),
            );
        }
        found.map(|(_, value)| *value)
    }

    pub fn object(&mut self, key: &str) -> Option<Object> {
        let node = self.take(key)?;
        match node.value {
            Value::Object(object) => Some(object),
            _ => {
                self.wrong_type(key, "an object", &node);
                None
            }
        }
    }

    pub fn objects(&mut self, key: &str) -> Vec<Object> {
        let mut objects = Vec::new();
        for node in self.list(key, "a list of objects") {
            match node.value {
                Value::Object(object) => objects.push(object),
                _ => self.wrong_type(key, "a list of objects", &node),
            }
        }
        objects
    }

    pub fn texts(&mut self, key: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for node in self.list(key, "a list of names") {
            match node.value {
                Value::Text(text) | Value::Word(text) => texts.push(text),
                _ => self.wrong_type(key, "a list of names", &node),
            }
        }
        texts
    }

    fn list(&mut self, key: &str, wanted: &str) -> Vec<Node> {
        let Some(node) = self.take(key) else {
            return Vec::new();
        };
        match node.value {
            Value::List(items) => items,
            _ => {
                self.wrong_type(key, wanted, &node);
                Vec::new()
            }
        }
    }

    /// An expression in an object of its own, such as `formatStringDefinition`: its `expression`.
    pub fn definition(&mut self, key: &str) -> Option<String> {
        let node = self.take(key)?;
        match node.value {
            Value::Object(object) => {
                let mut fields = self.inside(object, key);
                let expression = fields.lines("expression");
                fields.finish();
                expression
            }
            _ => self.lines_of(key, node),
        }
    }

    pub fn description(&mut self) -> String {
        self.lines("description").unwrap_or_default()
    }

    /// Annotations by name. The same annotation twice with different values is an error.
    pub fn annotations(&mut self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for object in self.objects("annotations") {
            let (mut fields, name) = self.named(object, "annotation");
            let value = fields.lines("value").unwrap_or_default();
            if found.get(&name).is_some_and(|earlier| *earlier != value) {
                fields.error("it is given twice, with different values");
            }
            fields.finish();
            found.insert(name, value);
        }
        found
    }

    /// Annotations of an object that holds none: recorded as unused, except the bookkeeping of Power BI.
    pub fn unused_annotations(&mut self) {
        for name in self
            .annotations()
            .into_keys()
            .filter(|name| !name.starts_with("PBI_"))
        {
            self.unused(format!("annotation '{name}'"));
        }
    }

    /// What was not taken, as an object of its own, for a caller that has these fields only on loan.
    pub fn rest(&mut self) -> Object {
        Object {
            place: self.place.clone(),
            entries: std::mem::take(&mut self.entries),
        }
    }

    /// Reports what was not taken.
    pub fn finish(mut self) {
        for (key, node) in std::mem::take(&mut self.entries) {
            let ignored = IGNORED
                .iter()
                .find(|ignored| ignored.eq_ignore_ascii_case(&key));
            if let Some(ignored) = ignored {
                let empty = matches!(&node.value, Value::List(items) if items.is_empty());
                if !empty && !matches!(node.value, Value::Null) {
                    self.report.let_go.insert(ignored);
                }
                continue;
            }
            if self.strict || concerns_security(&key) {
                self.error_at(&node.place, &format!("'{key}' is not known here, and is not ignored because it may concern security"));
                continue;
            }
            if matches!(node.value, Value::Null)
                || matches!(&node.value, Value::List(items) if items.is_empty())
            {
                continue;
            }
            let name = match &node.value {
                Value::Object(object) => object.entries.iter().find_map(|(key, node)| match &node
                    .value
                {
                    Value::Text(text) | Value::Word(text) if key == "name" => Some(text.clone()),
                    _ => None,
                }),
                _ => None,
            };
            self.unused(name.map_or(key.clone(), |name| format!("{key} '{name}'")));
        }
    }
}

/// Finds names that differ at most in case. Quadratic only where names collide in their folded form.
pub(crate) fn duplicates<'a, T>(items: impl Iterator<Item = (&'a str, T)>) -> Vec<(&'a str, T)> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut twice = Vec::new();
    for (name, item) in items {
        let folded: String = name.chars().flat_map(char::to_lowercase).collect();
        if seen
            .get(&folded)
            .is_some_and(|earlier| same_name(earlier, name))
        {
            twice.push((name, item));
        } else {
            seen.insert(folded, name);
        }
    }
    twice
}

//! Reading a file of role tests. Every mistake is told with its line.

use security::Identity;

use super::cell;
use super::{Expected, RoleTest, RoleTestError};

/// Reads all tests of a file.
pub(super) fn parse(text: &str) -> Result<Vec<RoleTest>, Vec<RoleTestError>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::default();
    let mut draft: Option<Draft> = None;
    for entry in entries(text, &mut reader.errors) {
        if entry.key == "test" {
            reader.finish(draft.take());
            if entry.value.is_empty() {
                reader.wrong(entry.line, "a test needs a name: test: NAME");
            }
            if let Some(earlier) = reader.tests.iter().find(|test| test.name == entry.value) {
                let message = format!("line {} has a test of this name already", earlier.line);
                reader.wrong(entry.line, message);
            }
            draft = Some(Draft::new(&entry));
        } else if let Some(draft) = &mut draft {
            if let Err(message) = draft.take(&entry) {
                reader.wrong(entry.line, message);
            }
        } else {
            reader.wrong(entry.line, "a file begins with a test: test: NAME");
        }
    }
    reader.finish(draft);
    if reader.tests.is_empty() && reader.errors.is_empty() {
        reader.wrong(1, "the file has no test");
    }
    if reader.errors.is_empty() {
        Ok(reader.tests)
    } else {
        reader.errors.sort_by_key(|error| error.line);
        Err(reader.errors)
    }
}

/// `key: value` at the beginning of a line, and the indented lines that follow it.
struct Entry<'a> {
    line: usize,
    key: &'a str,
    value: &'a str,
    /// Indented lines with their numbers; blank ones too where others follow.
    block: Vec<(usize, &'a str)>,
}

fn entries<'a>(text: &'a str, errors: &mut Vec<RoleTestError>) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() || line.starts_with([' ', '\t']) {
            match entries.last_mut() {
                Some(entry) => entry.block.push((number, line)),
                None if line.trim().is_empty() => {}
                None => errors.push(RoleTestError {
                    line: number,
                    message: "an indented line belongs to nothing here".to_owned(),
                }),
            }
            continue;
        }
        match line.split_once(':') {
            Some((key, value)) => entries.push(Entry {
                line: number,
                key: key.trim(),
                value: value.trim(),
                block: Vec::new(),
            }),
            None => errors.push(RoleTestError {
                line: number,
                message: "this is neither KEY: VALUE, nor indented, nor a # comment".to_owned(),
            }),
        }
    }
    for entry in &mut entries {
        while entry
            .block
            .last()
            .is_some_and(|(_, line)| line.trim().is_empty())
        {
            entry.block.pop();
        }
    }
    entries
}

#[derive(Default)]
struct Reader {
    tests: Vec<RoleTest>,
    errors: Vec<RoleTestError>,
}

impl Reader {
    fn wrong(&mut self, line: usize, message: impl Into<String>) {
        self.errors.push(RoleTestError {
            line,
            message: message.into(),
        });
    }

    fn finish(&mut self, draft: Option<Draft>) {
        let Some(draft) = draft else {
            return;
        };
        let line = draft.line;
        match draft.finish() {
            Ok(test) => self.tests.push(test),
            Err(message) => self.wrong(line, message),
        }
    }
}

/// A test as far as it has been read.
struct Draft {
    name: String,
    line: usize,
    user: Option<String>,
    object_id: Option<String>,
    custom_data: Option<String>,
    culture: Option<String>,
    roles: Vec<String>,
    query: Option<String>,
    expected: Option<Expected>,
    message: Option<String>,
    /// Something in it was told to be wrong already.
    broken: bool,
}

impl Draft {
    fn new(entry: &Entry<'_>) -> Draft {
        Draft {
            name: entry.value.to_owned(),
            line: entry.line,
            user: None,
            object_id: None,
            custom_data: None,
            culture: None,
            roles: Vec::new(),
            query: None,
            expected: None,
            message: None,
            broken: !entry.block.is_empty(),
        }
    }

    fn take(&mut self, entry: &Entry<'_>) -> Result<(), String> {
        let taken = self.read(entry);
        self.broken |= taken.is_err();
        taken
    }

    fn read(&mut self, entry: &Entry<'_>) -> Result<(), String> {
        match entry.key {
            "user" => once(&mut self.user, entry),
            "object id" => once(&mut self.object_id, entry),
            "custom data" => once(&mut self.custom_data, entry),
            "culture" => once(&mut self.culture, entry),
            "message" => once(&mut self.message, entry),
            "role" => {
                let mut role = None;
                once(&mut role, entry)?;
                self.roles.extend(role);
                Ok(())
            }
            "query" => {
                if self.query.is_some() {
                    return Err("a test has one query".to_owned());
                }
                self.query = Some(query(entry)?);
                Ok(())
            }
            "rows" => self.expect(rows(entry, false)?),
            "rows in order" => self.expect(rows(entry, true)?),
            "refused" => {
                let mut code = None;
                once(&mut code, entry)?;
                self.expect(Expected::Refused {
                    code: code.unwrap_or_default(),
                    message: None,
                })
            }
            other => Err(format!(
                "there is no key '{other}'; the keys are test, user, role, custom data, object id, culture, query, rows, \
                 rows in order, refused, message"
            )),
        }
    }

    fn expect(&mut self, expected: Expected) -> Result<(), String> {
        if self.expected.is_some() {
            return Err("a test expects one thing: rows, rows in order, or refused".to_owned());
        }
        self.expected = Some(expected);
        Ok(())
    }

    fn finish(self) -> Result<RoleTest, String> {
        // What is missing follows from what was wrong: one message is enough, and the test is not run.
        let missing = |what: &str| format!("the test '{}' has no {what}", self.name);
        let (query, expected) = match (&self.query, self.expected) {
            _ if self.broken => (String::new(), Expected::none()),
            (None, _) => return Err(missing("query")),
            (_, None) => return Err(missing("rows, and no refusal either")),
            (Some(query), Some(expected)) => (query.clone(), expected),
        };
        let expected = match (expected, self.message) {
            (Expected::Refused { code, .. }, message) => Expected::Refused { code, message },
            (_, Some(_)) if !self.broken => {
                return Err("message goes with refused, and not with rows".to_owned());
            }
            (rows, _) => rows,
        };
        let mut identity = match self.user {
            Some(user) => Identity::user(user),
            None => Identity::anonymous(),
        };
        type Say = fn(Identity, String) -> Identity;
        let say: [(Option<String>, Say); 3] = [
            (self.object_id, Identity::object_id),
            (self.custom_data, Identity::custom_data),
            (self.culture, Identity::culture),
        ];
        for (value, say) in say {
            if let Some(value) = value {
                identity = say(identity, value);
            }
        }
        Ok(RoleTest {
            name: self.name,
            line: self.line,
            identity: identity.roles(self.roles),
            query,
            expected,
        })
    }
}

impl Expected {
    fn none() -> Expected {
        Expected::Rows {
            columns: None,
            rows: Vec::new(),
            in_order: false,
        }
    }
}

/// A value of one line, which a test has once. In quotes where it begins or ends with a space, or is empty.
fn once(place: &mut Option<String>, entry: &Entry<'_>) -> Result<(), String> {
    if place.is_some() {
        return Err(format!("a test has one '{}'", entry.key));
    }
    if let Some((_, line)) = entry.block.first() {
        return Err(format!(
            "'{}' is one line, and '{}' follows it",
            entry.key,
            line.trim()
        ));
    }
    let text = if entry.value.starts_with('"') {
        match cell::value(entry.value) {
            Some(engine::Value::Text(text)) => text.to_string(),
            _ => return Err("the quotes do not end where the line does".to_owned()),
        }
    } else {
        entry.value.to_owned()
    };
    if text.is_empty() && entry.value.is_empty() {
        return Err(format!("'{}' has no value", entry.key));
    }
    *place = Some(text);
    Ok(())
}

fn query(entry: &Entry<'_>) -> Result<String, String> {
    let lines = entry.block.iter().map(|(_, line)| *line);
    let text = match (entry.value, entry.block.is_empty()) {
        ("", true) => return Err("the query is empty".to_owned()),
        ("", false) => lines.collect::<Vec<_>>().join("\n"),
        (value, true) => value.to_owned(),
        (_, false) => return Err("a query is on the line, or indented below it".to_owned()),
    };
    Ok(text)
}

fn rows(entry: &Entry<'_>, in_order: bool) -> Result<Expected, String> {
    if entry.value == "none" && entry.block.is_empty() {
        return Ok(Expected::none());
    }
    if !entry.value.is_empty() {
        return Err("rows are indented below it, or it is `rows: none`".to_owned());
    }
    let mut lines = entry
        .block
        .iter()
        .filter(|(_, line)| !line.trim().is_empty());
    let Some((_, header)) = lines.next() else {
        return Err("there are no rows; write `rows: none` to expect none".to_owned());
    };
    let columns: Vec<String> = cell::split(header).into_iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for (number, line) in lines {
        let cells = cell::split(line);
        if cells.len() != columns.len() {
            return Err(format!(
                "line {number} has {} cells, and the header has {}",
                cells.len(),
                columns.len()
            ));
        }
        let row: Result<Vec<_>, String> = cells
            .into_iter()
            .map(|text| {
                cell::value(text).ok_or_else(|| {
                    format!(
                        "line {number}: {text} is no value; text is written \"in quotes\", and nothing is written BLANK"
                    )
                })
            })
            .collect();
        rows.push(row?);
    }
    Ok(Expected::Rows {
        columns: Some(columns),
        rows,
        in_order,
    })
}

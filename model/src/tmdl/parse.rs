//! The indentation-based syntax of TMDL: from text to items. What the words mean is not known here, save that an expression may
//! span lines.

use std::rc::Rc;

use super::lines::{FENCE, Line, Lines};
use super::name::leading_name;
use crate::errors::LoadError;
use crate::tree::{Place, Report};

/// One line with all that is indented below it.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub keyword: String,
    pub name: Option<String>,
    /// `ref table Sales`: speaks of an object that is declared elsewhere.
    pub reference: bool,
    pub description: Option<String>,
    pub value: Option<Assigned>,
    pub children: Vec<Item>,
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Assigned {
    /// After a colon: a value of one line.
    Plain(String),
    /// After an equals sign: text as it stands.
    Verbatim(String),
}

impl Assigned {
    pub fn text(&self) -> &str {
        match self {
            Assigned::Plain(text) | Assigned::Verbatim(text) => text,
        }
    }
}

/// Objects of a model nest six deep; a hostile file must not exhaust the stack.
const DEEPEST: usize = 32;

pub(super) fn parse(text: &str, file: &str, report: &mut Report) -> Vec<Item> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser {
        lines: Lines::of(text),
        at: 0,
        file: Rc::from(file),
        report,
    };
    parser.items(None, 0)
}

struct Parser<'a, 'r> {
    lines: Lines<'a>,
    at: usize,
    file: Rc<str>,
    report: &'r mut Report,
}

/// The part of a line before its value.
struct Header<'a> {
    keyword: &'a str,
    name: Option<String>,
    reference: bool,
    /// What follows: nothing, or a value with its delimiter.
    rest: &'a str,
}

impl<'a> Parser<'a, '_> {
    fn place(&self, line: Line) -> Place {
        Place {
            file: self.file.clone(),
            line: line.number,
        }
    }

    fn error(&mut self, line: Line, message: impl Into<String>) {
        let place = self.place(line).source();
        self.report.errors.push(LoadError {
            place,
            message: message.into(),
        });
    }

    fn next_line(&mut self) -> Option<Line<'a>> {
        while let Some(line) = self.lines.get(self.at) {
            if !line.body.is_empty() {
                return Some(line);
            }
            self.at += 1;
        }
        None
    }

    /// The items that stand deeper than their parent, all at one depth.
    fn items(&mut self, parent: Option<usize>, depth: usize) -> Vec<Item> {
        let mut items = Vec::new();
        let mut own = None;
        let mut description: Option<(Line, String)> = None;
        while let Some(line) = self
            .next_line()
            .filter(|line| parent.is_none_or(|parent| line.width > parent))
        {
            if depth > DEEPEST {
                self.error(line, "the file nests too deep");
                self.at = usize::MAX;
                break;
            }
            if *own.get_or_insert(line.width) != line.width {
                self.error(
                    line,
                    "the indentation fits neither the lines above it nor their parent",
                );
            }
            self.at += 1;
            if let Some(text) = line.body.strip_prefix("///") {
                let text = text.strip_prefix(' ').unwrap_or(text);
                match &mut description {
                    Some((_, earlier)) => {
                        earlier.push('\n');
                        earlier.push_str(text);
                    }
                    None => description = Some((line, text.to_string())),
                }
                continue;
            }
            let step = parent.map_or(self.lines.unit, |parent| line.width - parent);
            if let Some(mut item) = self.item(line, step, depth) {
                item.description = description.take().map(|(_, text)| text);
                items.push(item);
            }
        }
        if let Some((line, _)) = description {
            self.error(line, "the description stands before no object");
        }
        items
    }

    fn item(&mut self, line: Line<'a>, step: usize, depth: usize) -> Option<Item> {
        let header = match header(line.body) {
            Ok(header) => header,
            Err(message) => {
                self.error(line, message);
                return None;
            }
        };
        let value = self.value(line, step, &header)?;
        let children = self.items(Some(line.width), depth + 1);
        if let (Some(Assigned::Plain(_)), Some(child)) = (&value, children.first()) {
            let place = child.place.source();
            self.report.error(
                &place,
                format!(
                    "nothing may be indented below the property '{}'",
                    header.keyword
                ),
            );
        }
        let (keyword, name, reference) =
            (header.keyword.to_string(), header.name, header.reference);
        Some(Item {
            keyword,
            name,
            reference,
            description: None,
            value,
            children,
            place: self.place(line),
        })
    }

    /// The value of a line, with the lines below that belong to it. `None` after an error.
    fn value(
        &mut self,
        line: Line<'a>,
        step: usize,
        header: &Header<'a>,
    ) -> Option<Option<Assigned>> {
        if header.rest.is_empty() {
            return Some(None);
        }
        if let Some(text) = header.rest.strip_prefix(':') {
            if header.name.is_some() {
                self.error(
                    line,
                    format!("'{}' takes '=' and not ':' after its name", header.keyword),
                );
                return None;
            }
            return Some(Some(Assigned::Plain(unquote(text.trim()))));
        }
        let first = header.rest.strip_prefix('=').unwrap_or(header.rest).trim();
        if first == FENCE {
            return self.fenced(line).map(|text| Some(Assigned::Verbatim(text)));
        }
        let mut lines = Vec::new();
        if !first.is_empty() {
            lines.push(first);
        }
        // An annotation is one line unless it begins below; the other kinds may go on at the depth of expressions.
        if first.is_empty() || !header.keyword.eq_ignore_ascii_case("annotation") {
            lines.extend(self.block(line, step, first.is_empty(), header));
        }
        Some(Some(Assigned::Verbatim(lines.join("\n"))))
    }

    /// The lines of an expression: two steps deeper than its header, so that properties of the header can follow at one step.
    /// People also write them at one step, where nothing else follows.
    fn block(
        &mut self,
        header_line: Line<'a>,
        step: usize,
        begins_here: bool,
        header: &Header,
    ) -> Vec<&'a str> {
        let Some(first) = self
            .next_line()
            .filter(|line| line.width > header_line.width)
        else {
            return Vec::new();
        };
        let usual = header_line.width + 2 * step;
        let floor = if first.width >= usual {
            usual
        } else if begins_here {
            first.width
        } else {
            return Vec::new();
        };
        if floor < usual && header.keyword.eq_ignore_ascii_case("tablePermission") {
            // Read as an expression, the permissions of columns that follow it would be lost.
            self.error(
                first,
                "a filter expression must be indented two levels deeper than its 'tablePermission'",
            );
        }
        // A filter is never cut short: what stands behind it might be a part of it.
        let may_end = !header.keyword.eq_ignore_ascii_case("tablePermission");
        let (mut lines, mut blank) = (Vec::new(), 0);
        while let Some(line) = self.lines.get(self.at) {
            if line.body.is_empty() {
                blank += 1;
            } else if may_end && line.width <= first.width && is_annotation(line.body) {
                break;
            } else if line.width >= floor {
                lines.extend(std::iter::repeat_n(None, blank));
                lines.push(Some(line));
                blank = 0;
            } else {
                break;
            }
            self.at += 1;
        }
        let margin = lines
            .iter()
            .flatten()
            .map(|line| line.width)
            .min()
            .unwrap_or_default();
        lines
            .into_iter()
            .map(|line| line.map_or("", |line| self.lines.dedent(line.text, margin).trim_end()))
            .collect()
    }

    /// The lines up to the closing fence, whose own indentation is the left edge of the text.
    fn fenced(&mut self, opening: Line<'a>) -> Option<String> {
        let mut lines: Vec<&str> = Vec::new();
        while let Some(line) = self.lines.get(self.at) {
            self.at += 1;
            if line.body == FENCE {
                let texts: Vec<&str> = lines
                    .iter()
                    .map(|text| self.lines.dedent(text, line.width))
                    .collect();
                return Some(texts.join("\n"));
            }
            lines.push(line.text);
        }
        self.error(
            opening,
            "the text that three backticks open here is never closed",
        );
        None
    }
}

/// `annotation Name = value` begins a line of neither DAX nor M, so it ends an expression also where it is indented as deep.
fn is_annotation(body: &str) -> bool {
    header(body).is_ok_and(|header| {
        header.keyword.eq_ignore_ascii_case("annotation")
            && header.name.is_some()
            && header.rest.starts_with('=')
    })
}

fn header(body: &str) -> Result<Header<'_>, String> {
    let (word, rest) = keyword(body).ok_or_else(|| {
        format!(
            "'{}' begins neither an object nor a property",
            beginning(body)
        )
    })?;
    let reference =
        word.eq_ignore_ascii_case("ref") && !rest.starts_with([':', '=']) && !rest.is_empty();
    let (keyword, rest) = match reference {
        true => keyword(rest)
            .ok_or_else(|| "'ref' must be followed by the kind of an object".to_string())?,
        false => (word, rest),
    };
    if rest.is_empty() || rest.starts_with([':', '=']) {
        return Ok(Header {
            keyword,
            name: None,
            reference,
            rest,
        });
    }
    let (name, rest) = leading_name(rest)
        .ok_or_else(|| format!("the name after '{keyword}' is not closed by a quote"))?;
    let rest = rest.trim_start();
    if !rest.is_empty() && !rest.starts_with([':', '=']) {
        return Err(format!(
            "unexpected '{}' after the name '{name}'; a name with spaces or points needs quotes",
            beginning(rest)
        ));
    }
    Ok(Header {
        keyword,
        name: Some(name),
        reference,
        rest,
    })
}

/// A leading word, and what follows it and the space after it.
fn keyword(body: &str) -> Option<(&str, &str)> {
    let end = body
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(body.len());
    let (word, rest) = body.split_at_checked(end)?;
    let follows = rest.is_empty() || rest.starts_with([' ', '\t', ':', '=']);
    (!word.is_empty() && follows).then(|| (word, rest.trim_start()))
}

fn beginning(text: &str) -> String {
    text.chars().take(20).collect()
}

/// Quotes around a whole value are a way of writing it; a value that merely begins and ends with texts of its own keeps them.
fn unquote(text: &str) -> String {
    let Some(inner) = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    else {
        return text.to_string();
    };
    if inner.replace("\"\"", "").contains('"') {
        text.to_string()
    } else {
        inner.replace("\"\"", "\"")
    }
}

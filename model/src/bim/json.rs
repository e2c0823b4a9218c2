//! JSON with lines, and with an error for a key given twice: a permission that a second key of the same name would hide must not
//! vanish. Only the phrases that tools gather for questions in words repeat keys, and nothing reads those.

use std::rc::Rc;

use crate::errors::{LoadError, LoadErrors};
use crate::tree::{Node, Object, Place, Value};

/// No model nests this deep; a hostile file must not exhaust the stack.
const DEEPEST: usize = 96;

pub(crate) fn parse(text: &str, file: &str) -> Result<Node, LoadErrors> {
    let mut parser = Parser {
        rest: text,
        line: 1,
        file: Rc::from(file),
        phrases: false,
    };
    let root = parser.node(0).and_then(|node| {
        parser.skip_space();
        if parser.rest.is_empty() {
            Ok(node)
        } else {
            Err(parser.error("there is text after the end of the JSON"))
        }
    });
    root.map_err(|error| LoadErrors(vec![error]))
}

struct Parser<'a> {
    rest: &'a str,
    line: u32,
    file: Rc<str>,
    /// Inside linguistic metadata.
    phrases: bool,
}

type Parsed<T> = Result<T, LoadError>;

impl<'a> Parser<'a> {
    fn place(&self) -> Place {
        Place {
            file: self.file.clone(),
            line: self.line,
        }
    }

    fn error(&self, message: impl Into<String>) -> LoadError {
        LoadError {
            place: self.place().source(),
            message: format!("not valid JSON: {}", message.into()),
        }
    }

    /// Moves on by this many bytes, which end on a character boundary.
    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line = self
            .line
            .saturating_add(u32::try_from(taken.matches('\n').count()).unwrap_or(u32::MAX));
        self.rest = rest;
        taken
    }

    /// Comments stand in models that were written by hand, and the tools that such models come from pass over them as well.
    fn skip_space(&mut self) {
        loop {
            let space =
                self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            self.advance(space);
            let comment = if self.rest.starts_with("//") {
                Some(self.rest.find('\n').unwrap_or(self.rest.len()))
            } else if let Some(inside) = self.rest.strip_prefix("/*") {
                inside.find("*/").map(|end| end + 4)
            } else {
                None
            };
            match comment {
                Some(length) => self.advance(length),
                None => return,
            };
        }
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.skip_space();
        let found = self.rest.starts_with(wanted);
        if found {
            self.advance(wanted.len_utf8());
        }
        found
    }

    fn node(&mut self, depth: usize) -> Parsed<Node> {
        if depth > DEEPEST {
            return Err(self.error(format!("it nests deeper than {DEEPEST} levels")));
        }
        self.skip_space();
        let place = self.place();
        let value = match self.rest.chars().next() {
            Some('{') => Value::Object(self.object(depth)?),
            Some('[') => Value::List(self.list(depth)?),
            Some('"') => Value::Text(self.string()?),
            Some('-' | '0'..='9') => Value::Number(self.number()?),
            Some(_) => self.word()?,
            None => return Err(self.error("the text ends too early")),
        };
        Ok(Node { place, value })
    }

    fn word(&mut self) -> Parsed<Value> {
        for (word, value) in [
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("null", Value::Null),
        ] {
            if self.rest.starts_with(word) {
                self.advance(word.len());
                return Ok(value);
            }
        }
        Err(self.error(format!(
            "'{}' begins no value",
            self.rest.chars().next().unwrap_or(' ')
        )))
    }

    fn number(&mut self) -> Parsed<String> {
        let end = self
            .rest
            .find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
            .unwrap_or(self.rest.len());
        let text = self.advance(end);
        match serde_json::from_str::<serde_json::Number>(text) {
            Ok(_) => Ok(text.to_string()),
            Err(_) => Err(self.error(format!("'{text}' is no number"))),
        }
    }

    fn string(&mut self) -> Parsed<String> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find_map(|(at, c)| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes.then_some(at + 1)
        });
        let Some(end) = end else {
            return Err(self.error("a text is not closed by a quote"));
        };
        let place = self.place();
        let literal = self.advance(end);
        serde_json::from_str(literal).map_err(|_| LoadError {
            place: place.source(),
            message: "not valid JSON: a text holds a line break or an unknown escape".into(),
        })
    }

    fn list(&mut self, depth: usize) -> Parsed<Vec<Node>> {
        self.eat('[');
        let mut items = Vec::new();
        if self.eat(']') {
            return Ok(items);
        }
        loop {
            items.push(self.node(depth + 1)?);
            if self.eat(']') {
                return Ok(items);
            }
            if !self.eat(',') {
                return Err(self.error("expected ',' or ']' in a list"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Parsed<Object> {
        let place = self.place();
        self.eat('{');
        let mut entries: Vec<(String, Node)> = Vec::new();
        if self.eat('}') {
            return Ok(Object { place, entries });
        }
        loop {
            self.skip_space();
            if !self.rest.starts_with('"') {
                return Err(self.error("expected a key in quotes"));
            }
            let key = self.string()?;
            if !self.phrases
                && entries
                    .iter()
                    .any(|(earlier, _)| earlier.eq_ignore_ascii_case(&key))
            {
                return Err(self.error(format!("the key '{key}' is given twice in one object")));
            }
            if !self.eat(':') {
                return Err(self.error(format!("expected ':' after '{key}'")));
            }
            let outside = self.phrases;
            self.phrases |= key.eq_ignore_ascii_case("linguisticMetadata");
            let node = self.node(depth + 1)?;
            self.phrases = outside;
            entries.push((key, node));
            if self.eat('}') {
                return Ok(Object { place, entries });
            }
            if !self.eat(',') {
                return Err(self.error("expected ',' or '}' in an object"));
            }
        }
    }
}

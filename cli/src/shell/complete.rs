//! Completion: what could stand where the cursor is, of the names that the session may use.

use std::sync::{Arc, Mutex};

use peristyle::{Catalog, functions};
use reedline::{Completer, CompletionResult, Span, Suggestion};

use crate::shell::command::COMMANDS;

const KEYWORDS: &[&str] = &[
    "EVALUATE", "DEFINE", "MEASURE", "COLUMN", "TABLE", "FUNCTION", "VAR", "RETURN", "ORDER BY",
    "START AT", "ASC", "DESC",
];

/// The names of one session, as DAX writes them.
#[derive(Debug, Default)]
pub struct Names {
    tables: Vec<TableNames>,
    measures: Vec<String>,
}

#[derive(Debug)]
struct TableNames {
    name: String,
    written: String,
    columns: Vec<String>,
}

/// The completer of the prompt. The names change when the session does.
pub struct Completion {
    pub names: Arc<Mutex<Names>>,
}

impl Completer for Completion {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        let before = line.get(..pos).unwrap_or(line);
        let names = self
            .names
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let (start, found) = names.complete(before);
        let suggestion = |value: String| Suggestion {
            value,
            span: Span::new(start, before.len()),
            ..Suggestion::default()
        };
        CompletionResult::fresh(found.into_iter().map(suggestion).collect::<Vec<_>>())
    }
}

impl Names {
    pub fn of(catalog: &Catalog) -> Names {
        let bracket = |name: &str| format!("[{}]", name.replace(']', "]]"));
        let tables = catalog.tables.iter().map(|table| TableNames {
            name: table.name.clone(),
            written: written(&table.name),
            columns: table
                .columns
                .iter()
                .map(|column| bracket(&column.name))
                .collect(),
        });
        let measures = catalog
            .tables
            .iter()
            .flat_map(|table| &table.measures)
            .map(|measure| bracket(&measure.name));
        Names {
            tables: tables.collect(),
            measures: measures.collect(),
        }
    }

    /// Where the piece to complete begins, and what it may become.
    fn complete(&self, before: &str) -> (usize, Vec<String>) {
        if before.starts_with('.') && !before.contains(char::is_whitespace) {
            let names = COMMANDS.iter().map(|(name, _, _)| (*name).to_owned());
            return (0, matching(before, names));
        }
        let start = start_of_piece(before);
        let piece = &before[start..];
        match piece.chars().next() {
            None => (start, Vec::new()),
            Some('[') => (start, matching(piece, self.in_brackets(&before[..start]))),
            Some('\'') => {
                let quoted = self.tables.iter().map(|table| quoted(&table.name));
                (start, matching(piece, quoted))
            }
            Some(_) => (start, matching(piece, self.words())),
        }
    }

    /// After a table its columns; else measures, and the columns that a row context could hold.
    fn in_brackets(&self, before: &str) -> Box<dyn Iterator<Item = String> + '_> {
        let table = self.tables.iter().find(|table| {
            let unquoted = before.ends_with(&table.written);
            unquoted || before.ends_with(&quoted(&table.name))
        });
        match table {
            Some(table) => Box::new(table.columns.iter().cloned()),
            None => {
                let columns = self.tables.iter().flat_map(|table| &table.columns);
                Box::new(self.measures.iter().chain(columns).cloned())
            }
        }
    }

    fn words(&self) -> impl Iterator<Item = String> + '_ {
        let tables = self.tables.iter().map(|table| table.written.clone());
        let functions = functions().map(|function| format!("{}(", function.name));
        tables
            .chain(KEYWORDS.iter().map(|word| (*word).to_owned()))
            .chain(functions)
    }
}

/// Those that begin like the piece, without case, each once.
fn matching(piece: &str, candidates: impl Iterator<Item = String>) -> Vec<String> {
    let piece = piece.to_lowercase();
    let mut found: Vec<String> = candidates
        .filter(|name| name.to_lowercase().starts_with(&piece))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// An open bracket or quote before the cursor begins the piece; else the letters before it do.
fn start_of_piece(before: &str) -> usize {
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    if let Some(open) = before[line..].rfind('[')
        && !before[line + open..].contains(']')
    {
        return line + open;
    }
    let quotes: Vec<usize> = before[line..]
        .match_indices('\'')
        .map(|(at, _)| at)
        .collect();
    if let Some(last) = quotes.last()
        && quotes.len() % 2 == 1
    {
        return line + last;
    }
    let word = before[line..]
        .char_indices()
        .rev()
        .take_while(|(_, c)| c.is_alphanumeric() || matches!(c, '_' | '.'));
    word.last().map_or(before.len(), |(at, _)| line + at)
}

/// A table name as DAX writes it: in quotes only where it needs them.
fn written(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    // A table that shares its name with a function would be read as that function's beginning.
    let function = functions().any(|function| function.name.eq_ignore_ascii_case(name));
    if plain && !function {
        name.to_owned()
    } else {
        quoted(name)
    }
}

fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use peristyle::{CatalogColumn, CatalogMeasure, CatalogTable, DataType};

    fn names() -> Names {
        let column = |name: &str| CatalogColumn {
            name: name.into(),
            description: String::new(),
            hidden: false,
            data_type: DataType::Text,
            format_string: None,
        };
        let measure = |name: &str| CatalogMeasure {
            name: name.into(),
            description: String::new(),
            hidden: false,
            format_string: None,
        };
        let table = |name: &str, columns: &[&str], measures: &[&str]| CatalogTable {
            name: name.into(),
            description: String::new(),
            hidden: false,
            columns: columns.iter().map(|name| column(name)).collect(),
            measures: measures.iter().map(|name| measure(name)).collect(),
        };
        Names::of(&Catalog {
            culture: String::new(),
            tables: vec![
                table(
                    "Sales",
                    &["Amount", "Order Date"],
                    &["Total Sales", "Total Cost"],
                ),
                table("Sales Order", &["Number"], &[]),
                table("Date", &["Year"], &[]),
            ],
        })
    }

    #[test]
    fn names_are_completed_where_they_stand() {
        let names = names();
        let check = |before: &str, start: usize, expected: &[&str]| {
            let (found_start, found) = names.complete(before);
            assert_eq!(
                (found_start, found.as_slice()),
                (
                    start,
                    expected
                        .iter()
                        .map(|s| s.to_string())
                        .collect::<Vec<_>>()
                        .as_slice()
                ),
                "{before}"
            );
        };
        check(".ti", 0, &[".timing"]);
        check("EVALUATE sal", 9, &["Sales"]);
        check("EVALUATE 'sa", 9, &["'Sales Order'", "'Sales'"]);
        check("CALCULATE([tot", 10, &["[Total Cost]", "[Total Sales]"]);
        check("SUM(Sales[", 9, &["[Amount]", "[Order Date]"]);
        check("SUM('Sales Order'[N", 17, &["[Number]"]);
        check("VALUES('Date'[Ye", 13, &["[Year]"]);
        check("EVALUATE\nFILTER(Sal", 16, &["Sales"]);
        check("1 + ", 4, &[]);
    }

    #[test]
    fn functions_and_keywords_are_completed() {
        let (_, found) = names().complete("eval");
        assert!(found.contains(&"EVALUATE".to_owned()), "{found:?}");
        let (_, found) = names().complete("EVALUATE SUMM");
        assert!(
            found
                .iter()
                .any(|name| name.starts_with("SUMMARIZECOLUMNS(")),
            "{found:?}"
        );
    }
}

//! Partitions: where the rows of a table come from.

use crate::tree::{Fields, Object};
use crate::types::{Partition, PartitionKind};

pub(super) fn read_partition(parent: &mut Fields, object: Object) -> Partition {
    let (mut fields, name) = parent.named(object, "partition");
    let mode = fields.text("mode");
    let kind = match fields.object("source") {
        Some(source) => read_source(&mut fields, source),
        None => {
            fields.error("it has no source");
            PartitionKind::CalculationGroup
        }
    };
    if !fields.description().is_empty() {
        fields.unused("description");
    }
    // A sample partition holds rows for design time; read as a full one it would add rows twice.
    if let Some(view) = fields
        .text("dataView")
        .filter(|view| !["full", "default"].contains(&view.as_str()))
    {
        fields.unused(format!("data view '{view}'"));
    }
    fields.unused_annotations();
    fields.finish();
    Partition { name, mode, kind }
}

fn read_source(parent: &mut Fields, object: Object) -> PartitionKind {
    let mut fields = parent.inside(object, "source");
    // TMSL leaves the type out for the oldest kind, a query to a data source.
    let kind = fields.text("type").unwrap_or_else(|| "query".to_string());
    let read = match kind.to_ascii_lowercase().as_str() {
        "m" => {
            let expression = fields.lines("expression").unwrap_or_default();
            PartitionKind::M {
                file: parquet_file(&expression),
                expression,
            }
        }
        "calculated" => PartitionKind::Calculated {
            expression: fields.lines("expression").unwrap_or_default(),
        },
        "calculationgroup" => PartitionKind::CalculationGroup,
        "query" => PartitionKind::Other {
            kind: "query".into(),
            text: fields.lines("query").unwrap_or_default(),
        },
        "entity" => PartitionKind::Other {
            kind: "entity".into(),
            text: fields.text("entityName").unwrap_or_default(),
        },
        _ => PartitionKind::Other {
            kind: kind.clone(),
            text: String::new(),
        },
    };
    // Retained data of a calculated table concerns the vendor's refresh alone.
    fields.take("retainDataTillForceCalculate");
    fields.finish();
    read
}

/// The Parquet file that a Power Query text names as a plain text in `File.Contents("...")`, as it is written.
/// Comments and texts that merely look like a call are passed over; a computed path names no file.
fn parquet_file(text: &str) -> Option<String> {
    const CALL: &str = "File.Contents";
    let mut rest = text;
    let mut inside_word = false;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(after) = rest.strip_prefix("/*") {
            rest = after.split_once("*/").map_or("", |(_, after)| after);
        } else if c == '"' {
            rest = quoted(rest).map_or("", |(_, after)| after);
        } else if let (false, Some(after)) = (inside_word, rest.strip_prefix(CALL)) {
            if let Some(file) = plain_argument(after).filter(|file| is_parquet(file)) {
                return Some(file);
            }
            rest = after;
        } else {
            inside_word = c.is_alphanumeric() || c == '_' || c == '.';
            rest = rest.get(c.len_utf8()..).unwrap_or("");
            continue;
        }
        inside_word = false;
    }
    None
}

/// `("text")` and nothing else between the parentheses.
fn plain_argument(rest: &str) -> Option<String> {
    let inside = rest.trim_start().strip_prefix('(')?.trim_start();
    let (text, after) = quoted(inside)?;
    let after = after.trim_start();
    (after.starts_with(')') || after.starts_with(',')).then_some(text)
}

/// A text in double quotes at the beginning, its doubled quotes undone, and what follows it.
fn quoted(rest: &str) -> Option<(String, &str)> {
    let mut body = rest.strip_prefix('"')?;
    let mut text = String::new();
    loop {
        let (before, after) = body.split_once('"')?;
        text.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                text.push('"');
                body = after;
            }
            None => return Some((text, after)),
        }
    }
}

fn is_parquet(file: &str) -> bool {
    let file = file.to_ascii_lowercase();
    file.ends_with(".parquet") || file.ends_with(".parq")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_parquet_file() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(parquet_file(text).as_deref(), expected, "{text}")
        };
        check(
            r#"let S = Parquet.Document(File.Contents("Sales.parquet")) in S"#,
            Some("Sales.parquet"),
        );
        check(
            r#"Parquet.Document(File.Contents( "C:\data\Sales.Parquet" ), [])"#,
            Some(r"C:\data\Sales.Parquet"),
        );
        check(
            r#"Parquet.Document(File.Contents("a""b.parquet"))"#,
            Some(r#"a"b.parquet"#),
        );
        check(r#"// File.Contents("old.parquet")"#, None);
        check(
            r#"/* File.Contents("old.parquet") */ File.Contents("new.parquet")"#,
            Some("new.parquet"),
        );
        check(r#""File.Contents(""x.parquet"")""#, None);
        check(r#"MyFile.Contents("x.parquet")"#, None);
        check(r#"File.Contents(Folder & "x.parquet")"#, None);
        check(r#"File.Contents("x" & ".parquet")"#, None);
        check(r#"Csv.Document(File.Contents("x.csv"))"#, None);
        check(r#"File.Contents("unclosed"#, None);
    }
}

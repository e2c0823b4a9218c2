//! `peristyle inspect`: what a model takes in memory. Whoever runs it imports the data and so is the operator; it prints
//! names and counts, and no value.

use std::io::{self, BufWriter, Write};

use comfy_table::{Table, presets};
use peristyle::{ColumnFigures, Figures, Problem};
use serde_json::{Value, json};

use crate::access;
use crate::args::{FiguresFormat, InspectArgs};
use crate::failure::Failure;
use crate::output::table::{cell, visible};

pub fn run(args: &InspectArgs) -> Result<(), Failure> {
    let as_json = args.format == FiguresFormat::Json;
    let data = args.data.as_deref();
    let database = access::open_or_import(&args.model, data, &args.key, as_json)?;
    let (figures, errors) = (database.inspect(), database.in_error());
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        FiguresFormat::Table => {
            print(&figures, &mut out)?;
            for problem in &errors {
                writeln!(out, "{problem}")?;
            }
        }
        FiguresFormat::Json => writeln!(out, "{}", object(&figures, &errors))?,
    }
    Ok(out.flush()?)
}

fn print(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    let total = figures.bytes();
    let mut drawn = table(&[
        ("column", false),
        ("rows", true),
        ("distinct", true),
        ("encoding", false),
        ("codes", true),
        ("dictionary", true),
        ("share", true),
    ]);
    for column in &figures.columns {
        drawn.add_row([
            cell(
                visible(&format!("{}[{}]", column.table, column.column)),
                false,
            ),
            cell(column.rows.to_string(), true),
            cell(column.distinct.to_string(), true),
            cell(column.encoding.clone(), false),
            cell(sized(column.code_bytes), true),
            cell(sized(column.dictionary_bytes), true),
            cell(share(bytes(column), total), true),
        ]);
    }
    writeln!(out, "{drawn}")?;
    if !figures.key_maps.is_empty() {
        let columns = [
            ("relationship", false),
            ("entries", true),
            ("map", true),
            ("share", true),
        ];
        let mut drawn = table(&columns);
        for map in &figures.key_maps {
            drawn.add_row([
                cell(visible(&map.relationship), false),
                cell(map.entries.to_string(), true),
                cell(sized(map.bytes), true),
                cell(share(map.bytes, total), true),
            ]);
        }
        writeln!(out, "{drawn}")?;
    }
    if let Some(memory) = &figures.column_memory {
        let limit = match memory.limit {
            None => "no limit".to_owned(),
            Some(limit) => format!("at most {}", sized(limit)),
        };
        writeln!(
            out,
            "{} columns in memory ({limit}), {} read from disk so far, {} given up",
            memory.columns, memory.reads, memory.evictions
        )?;
    }
    let rows: u64 = figures.tables.iter().map(|(_, rows)| rows).sum();
    writeln!(
        out,
        "{} tables, {rows} rows, {} in memory; the Parquet files take {} ({} of that)",
        figures.tables.len(),
        sized(total),
        sized(figures.source_bytes),
        share(total, figures.source_bytes)
    )
}

fn table(columns: &[(&str, bool)]) -> Table {
    let mut drawn = Table::new();
    drawn.load_style(presets::UTF8_FULL_CONDENSED);
    drawn.set_header(
        columns
            .iter()
            .map(|(name, right)| cell((*name).to_owned(), *right)),
    );
    drawn
}

fn bytes(column: &ColumnFigures) -> u64 {
    column.code_bytes + column.dictionary_bytes
}

/// Bytes in the largest unit that leaves a number of at least one.
fn sized(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut amount = bytes as f64 / 1000.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if amount < 999.95 {
            break;
        }
        amount /= 1000.0;
        unit = larger;
    }
    format!("{amount:.1} {unit}")
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    format!("{:.1} %", part as f64 * 100.0 / whole as f64)
}

fn object(figures: &Figures, errors: &[Problem]) -> Value {
    let columns_of = |table: &str| -> Vec<Value> {
        let columns = figures
            .columns
            .iter()
            .filter(|column| column.table == table);
        columns
            .map(|column| {
                json!({
                    "column": column.column,
                    "distinct": column.distinct,
                    "encoding": column.encoding,
                    "codeBytes": column.code_bytes,
                    "dictionaryBytes": column.dictionary_bytes,
                })
            })
            .collect()
    };
    let tables: Vec<Value> = figures
        .tables
        .iter()
        .map(|(name, rows)| json!({ "table": name, "rows": rows, "columns": columns_of(name) }))
        .collect();
    let maps: Vec<Value> = figures
        .key_maps
        .iter()
        .map(|map| {
            json!({
                "relationship": map.relationship,
                "entries": map.entries,
                "bytes": map.bytes,
            })
        })
        .collect();
    let memory = figures.column_memory.as_ref().map(|memory| {
        json!({
            "limit": memory.limit,
            "bytes": memory.bytes,
            "columns": memory.columns,
            "reads": memory.reads,
            "evictions": memory.evictions,
        })
    });
    let errors: Vec<Value> = errors
        .iter()
        .map(|problem| {
            json!({
                "object": problem.object,
                "place": problem.place.to_string(),
                "message": problem.message,
            })
        })
        .collect();
    json!({
        "tables": tables,
        "inError": errors,
        "columnMemory": memory,
        "keyMaps": maps,
        "bytes": figures.bytes(),
        "parquetBytes": figures.source_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_units() {
        let check = |bytes, expected| assert_eq!(sized(bytes), expected);
        check(0, "0 B");
        check(999, "999 B");
        check(1000, "1.0 kB");
        check(999_949, "999.9 kB");
        check(999_950, "1.0 MB");
        check(2_340_000_000, "2.3 GB");
        check(u64::MAX, "18446744.1 TB");
    }
}

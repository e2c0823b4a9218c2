//! `cargo run -p peristyle-xtask -- fixtures [--scale N] [--out DIR]` writes the data of the retail fixture.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use peristyle_xtask::retail::{self, Size};

const USAGE: &str = "usage: cargo run -p peristyle-xtask -- fixtures [--scale N] [--out DIR]

  --scale N   N times as many orders and customers (1)
  --out DIR   where the Parquet files go (fixtures/retail/data)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    match arguments.split_first() {
        Some((task, rest)) if task == "fixtures" => {
            let (scale, out) = fixture_arguments(rest)?;
            let tables = retail::write(Size::at_scale(scale), &out)
                .map_err(|e| format!("{}: {e}", out.display()))?;
            for (name, rows) in tables {
                println!("{name}: {rows} rows");
            }
            Ok(())
        }
        _ => Err(USAGE.to_string()),
    }
}

fn fixture_arguments(arguments: &[String]) -> Result<(u64, PathBuf), String> {
    let mut scale = 1;
    let mut out = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/retail/data");
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let value = rest
            .next()
            .ok_or_else(|| format!("{name} needs a value\n\n{USAGE}"))?;
        match name.as_str() {
            "--scale" => {
                scale = value
                    .parse()
                    .ok()
                    .filter(|n| (1..=10_000).contains(n))
                    .ok_or("--scale takes 1 to 10000")?
            }
            "--out" => out = PathBuf::from(value),
            _ => return Err(format!("unknown argument {name}\n\n{USAGE}")),
        }
    }
    Ok((scale, out))
}

//! `cargo run -p peristyle-xtask -- fixtures [--scale N] [--products N] [--out DIR]` writes the data of the retail fixture.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use peristyle_xtask::retail::{self, Size};

const USAGE: &str =
    "usage: cargo run -p peristyle-xtask -- fixtures [--scale N] [--products N] [--out DIR]

  --scale N      N times the 8,000 orders and 1,500 customers (1)
  --products N   so many products (240)
  --out DIR      where the Parquet files go (fixtures/retail/data)";

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
            let (size, out) = fixture_arguments(rest)?;
            let tables =
                retail::write(size, &out).map_err(|e| format!("{}: {e}", out.display()))?;
            for (name, rows) in tables {
                println!("{name}: {rows} rows");
            }
            Ok(())
        }
        _ => Err(USAGE.to_string()),
    }
}

fn fixture_arguments(arguments: &[String]) -> Result<(Size, PathBuf), String> {
    let mut scale = 1;
    let mut products = None;
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
            "--products" => {
                products = Some(
                    value
                        .parse()
                        .ok()
                        .filter(|n| (100..=1_000_000).contains(n))
                        .ok_or("--products takes 100 to 1000000")?,
                )
            }
            "--out" => out = PathBuf::from(value),
            _ => return Err(format!("unknown argument {name}\n\n{USAGE}")),
        }
    }
    let fixture = Size::at_scale(scale);
    let size = Size {
        products: products.unwrap_or(fixture.products),
        ..fixture
    };
    Ok((size, out))
}

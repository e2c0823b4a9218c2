//! Makes the data of the benchmarks.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use peristyle_benches::models;
use peristyle_benches::ssb::{self, Sizes};
use xtask::retail::Size;

#[derive(Parser)]
#[command(about = "Makes the data of the benchmarks, as Parquet files.")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The Star Schema Benchmark: six million lines of orders times the scale.
    Ssb {
        #[arg(long, default_value_t = 1.0)]
        scale: f64,
        /// Another number of orders (four lines each on average), under the dimensions of the scale.
        #[arg(long)]
        orders: Option<u64>,
        #[arg(long)]
        out: PathBuf,
    },
    /// The retail fixture: two and a half lines an order, and a thousand store managers.
    Retail {
        #[arg(long, default_value_t = 1_000_000)]
        orders: u64,
        /// As many as the fixture has, unless more are asked for.
        #[arg(long)]
        products: Option<u64>,
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    let start = Instant::now();
    let (written, out) = match Arguments::parse().what {
        What::Ssb { scale, orders, out } => (ssb_tables(scale, orders, &out), out),
        What::Retail {
            orders,
            products,
            out,
        } => {
            // As many orders a customer as in the fixture.
            let customers = (orders * 1500 / 8000).max(1500);
            let one = Size::at_scale(1);
            let size = Size {
                orders,
                customers,
                products: products.unwrap_or(one.products),
            };
            (models::write_retail_data(size, &out), out)
        }
    };
    match written {
        Ok(tables) => {
            for (name, rows) in tables {
                println!("{name}: {rows} rows");
            }
            println!("{:.1} s", start.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", out.display());
            ExitCode::FAILURE
        }
    }
}

fn ssb_tables(
    scale: f64,
    orders: Option<u64>,
    out: &Path,
) -> Result<Vec<(&'static str, usize)>, Box<dyn Error>> {
    if !(0.0..=600.0).contains(&scale) {
        return Err("--scale takes a number up to 600".into());
    }
    let mut sizes = Sizes::at_scale(scale);
    sizes.orders = orders.unwrap_or(sizes.orders);
    ssb::write(sizes, out)
}

//! The Star Schema Benchmark: its tables at any scale, and its 13 queries.

mod calendar;
mod dimensions;
mod draw;
mod lines;
mod queries;
mod table;
mod words;

use std::error::Error;
use std::path::Path;

pub use dimensions::USERS;
pub use draw::below;
pub use queries::{QUERIES, Query};
pub use table::{Table, TableDigest};
pub use words::{NATIONS, REGIONS, SEGMENTS};

/// How many rows the tables have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub customers: u64,
    pub suppliers: u64,
    pub parts: u64,
    /// Each has one to seven lines.
    pub orders: u64,
}

impl Sizes {
    /// The sizes of the benchmark at a scale. Below 1 parts shrink with the rest; above, they grow with the logarithm.
    pub fn at_scale(scale: f64) -> Sizes {
        let times = |count: f64| ((count * scale) as u64).max(10);
        let parts = if scale < 1.0 {
            times(200_000.0)
        } else {
            200_000 * (1 + scale.log2().floor() as u64)
        };
        Sizes {
            // The mapping of users wants 500 distinct customers who order.
            customers: times(30_000.0).max(900),
            suppliers: times(2_000.0),
            parts,
            orders: times(1_500_000.0),
        }
    }

    fn ordering_customers(self) -> u64 {
        self.customers - self.customers / 3
    }
}

/// The tables by name, each in pieces.
pub fn tables(sizes: Sizes) -> Vec<(&'static str, Box<dyn Iterator<Item = Table>>)> {
    type Pieces = Box<dyn Iterator<Item = Table>>;
    fn whole(make: impl FnOnce() -> Table + 'static) -> Pieces {
        Box::new(std::iter::once_with(make))
    }
    vec![
        (
            "customer",
            whole(move || dimensions::customers(sizes.customers)),
        ),
        (
            "supplier",
            whole(move || dimensions::suppliers(sizes.suppliers)),
        ),
        ("part", whole(move || dimensions::parts(sizes.parts))),
        ("dates", whole(calendar::dates)),
        ("rls_user_nation", whole(dimensions::nations_of_users)),
        (
            "rls_user_cust",
            whole(move || dimensions::customers_of_users(sizes)),
        ),
        ("lineorder", Box::new(lines::lineorder(sizes))),
    ]
}

/// Writes all tables as Parquet into a folder, which is made if it is not there. The rows of each table.
pub fn write(sizes: Sizes, out: &Path) -> Result<Vec<(&'static str, usize)>, Box<dyn Error>> {
    std::fs::create_dir_all(out)?;
    tables(sizes)
        .into_iter()
        .map(|(name, pieces)| {
            let rows = table::write(&out.join(format!("{name}.parquet")), pieces)?;
            Ok((name, rows))
        })
        .collect()
}

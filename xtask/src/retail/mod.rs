//! The retail fixture: a small company with the faults that real data have.
//!
//! Every value is a function of the seed, the table, the column and the row, so that a change to one column moves no
//! other. Nothing depends on the machine or on the order of work.

mod accounts;
mod calendar;
mod customers;
mod draw;
mod orders;
mod places;
mod products;
mod sheet;

use std::error::Error;
use std::path::Path;

/// How much of the data that grow there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Each has one to four lines.
    pub orders: u64,
    pub customers: u64,
    /// As many as the fixture's at any scale, unless more are asked for.
    pub products: u64,
}

impl Size {
    /// So many times the fixture.
    pub fn at_scale(scale: u64) -> Size {
        Size {
            orders: 8000 * scale,
            customers: 1500 * scale,
            products: products::PRODUCTS,
        }
    }
}

/// Writes all tables into a folder, which is made if it is not there. The rows of each table.
pub fn write(size: Size, out: &Path) -> Result<Vec<(&'static str, usize)>, Box<dyn Error>> {
    std::fs::create_dir_all(out)?;
    let sheets = [
        ("Products", products::products(size.products)),
        ("Subcategories", products::subcategories()),
        ("Categories", products::categories()),
        ("Customers", customers::customers(size.customers)),
        ("Stores", places::stores()),
        ("User Regions", places::user_regions()),
        ("Employees", places::employees()),
        ("Dates", calendar::dates()),
        ("Currencies", accounts::currencies()),
        ("Rates", accounts::rates()),
        ("Accounts", accounts::accounts()),
        ("Account Customers", accounts::account_customers()),
        ("Balances", accounts::balances()),
        ("Order Notes", orders::notes(size.orders)),
    ];
    // What lies in the repository is small; what is made to be measured is made quickly.
    let effort = if size.orders > 100_000 { 1 } else { 9 };
    let mut tables = Vec::new();
    for (name, sheet) in sheets {
        let path = out.join(format!("{name}.parquet"));
        tables.push((name, sheet::write(&path, [sheet], 1 << 20, effort)?));
    }
    // Several row groups even at scale 1, because a reader that forgets the second would pass otherwise.
    let group = (size.orders + 192).clamp(8192, 1 << 20) as usize;
    let rows = sheet::write(
        &out.join("Orders.parquet"),
        orders::orders(size),
        group,
        effort,
    )?;
    tables.push(("Orders", rows));
    Ok(tables)
}

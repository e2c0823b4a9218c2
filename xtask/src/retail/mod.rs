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

/// Customers at scale 1.
const CUSTOMERS: u64 = 1500;

/// Writes all tables into a folder, which is made if it is not there.
pub fn write(scale: u64, out: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(out)?;
    let customers = CUSTOMERS * scale;
    let sheets = [
        ("Products", products::products()),
        ("Subcategories", products::subcategories()),
        ("Categories", products::categories()),
        ("Customers", customers::customers(customers)),
        ("Stores", places::stores()),
        ("User Regions", places::user_regions()),
        ("Employees", places::employees()),
        ("Dates", calendar::dates()),
        ("Currencies", accounts::currencies()),
        ("Rates", accounts::rates()),
        ("Accounts", accounts::accounts()),
        ("Account Customers", accounts::account_customers()),
        ("Balances", accounts::balances()),
        ("Order Notes", orders::notes(scale)),
    ];
    for (name, sheet) in sheets {
        let rows = sheet::write(&out.join(format!("{name}.parquet")), [sheet], 1 << 20)?;
        println!("{name}: {rows} rows");
    }
    // Several row groups even at scale 1, because a reader that forgets the second would pass otherwise.
    let group = (8192 * scale).min(1 << 20) as usize;
    let rows = sheet::write(
        &out.join("Orders.parquet"),
        orders::orders(scale, customers),
        group,
    )?;
    println!("Orders: {rows} rows");
    Ok(())
}

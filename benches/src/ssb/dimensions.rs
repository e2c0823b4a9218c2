//! Customers, suppliers and parts, and the tables that say which user sees which customers.

use super::Sizes;
use super::draw::{below, bits};
use super::table::Table;
use super::words::{COLORS, CONTAINERS, NATIONS, REGIONS, SEGMENTS, TYPES};

/// Users of each mapping table.
pub const USERS: u64 = 1000;
/// Customers that a user of `rls_user_cust` sees.
const CUSTOMERS_OF_A_USER: u64 = 500;

pub fn customers(count: u64) -> Table {
    let rows = || 0..count;
    places(
        Table::default()
            .number("c_custkey", keys(count))
            .text("c_name", rows().map(|i| format!("Customer#{:09}", i + 1)))
            .text("c_address", rows().map(|i| address(11, i))),
        ["c_city", "c_nation", "c_region"],
        12,
        count,
    )
    .text("c_phone", rows().map(|i| phone(14, i)))
    .text(
        "c_mktsegment",
        rows().map(|i| SEGMENTS[below(15, i, 5) as usize]),
    )
}

pub fn suppliers(count: u64) -> Table {
    let rows = || 0..count;
    places(
        Table::default()
            .number("s_suppkey", keys(count))
            .text("s_name", rows().map(|i| format!("Supplier#{:09}", i + 1)))
            .text("s_address", rows().map(|i| address(21, i))),
        ["s_city", "s_nation", "s_region"],
        22,
        count,
    )
    .text("s_phone", rows().map(|i| phone(24, i)))
}

pub fn parts(count: u64) -> Table {
    let rows = || 0..count;
    let maker = |i| below(31, i, 5) + 1;
    let category = |i| format!("MFGR#{}{}", maker(i), below(32, i, 5) + 1);
    Table::default()
        .number("p_partkey", keys(count))
        .text(
            "p_name",
            rows().map(|i| format!("{} {}", color(34, i), color(35, i))),
        )
        .text("p_mfgr", rows().map(|i| format!("MFGR#{}", maker(i))))
        .text("p_category", rows().map(category))
        .text(
            "p_brand1",
            rows().map(|i| format!("{}{}", category(i), below(33, i, 40) + 1)),
        )
        .text("p_color", rows().map(|i| color(34, i)))
        .text("p_type", rows().map(|i| words(&TYPES, below(36, i, 150))))
        .number(
            "p_size",
            rows().map(|i| below(37, i, 50) as i32 + 1).collect(),
        )
        .text(
            "p_container",
            rows().map(|i| words(&CONTAINERS, below(38, i, 40))),
        )
}

/// A thousand users, each with one to three nations.
pub fn nations_of_users() -> Table {
    let rows: Vec<(i32, &str)> = (1..=USERS)
        .flat_map(|user| {
            let first = below(42, user, 25);
            (0..=below(41, user, 3))
                .map(move |n| (user as i32, NATIONS[((first + 7 * n) % 25) as usize]))
        })
        .collect();
    Table::default()
        .number("user_id", rows.iter().map(|(user, _)| *user).collect())
        .text("nation", rows.iter().map(|(_, nation)| *nation))
}

/// A thousand users, each with five hundred customers who order.
pub fn customers_of_users(sizes: Sizes) -> Table {
    let ordering = sizes.ordering_customers();
    let rows = || (1..=USERS).flat_map(|user| (0..CUSTOMERS_OF_A_USER).map(move |n| (user, n)));
    let key = |(user, n): (u64, u64)| {
        // The step has no divisor in common with 2 and 5, so a user meets no customer twice.
        let step = 1 + 10 * below(44, user, ordering / 10);
        ordering_customer((below(43, user, ordering) + step * n) % ordering)
    };
    Table::default()
        .number("user_id", rows().map(|(user, _)| user as i32).collect())
        .number("custkey", rows().map(key).collect())
}

/// The key of the n-th customer who orders: every third customer never does.
pub fn ordering_customer(n: u64) -> i32 {
    ((n / 2) * 3 + n % 2 + 1) as i32
}

fn keys(count: u64) -> Vec<i32> {
    (1..=count).map(|key| key as i32).collect()
}

fn address(column: u64, row: u64) -> String {
    format!("{:x}", bits(column, row) >> 8)
}

fn phone(column: u64, row: u64) -> String {
    let v = bits(column, row) >> 4;
    format!(
        "{}-{}-{}-{}",
        v % 90 + 10,
        v / 100 % 900 + 100,
        v / 1_000_000 % 900 + 100,
        v / 1_000_000_000 % 9000 + 1000
    )
}

fn color(column: u64, row: u64) -> &'static str {
    COLORS[below(column, row, COLORS.len() as u64) as usize]
}

/// One word of each list; the number says which, the last list running fastest.
fn words(lists: &[&[&str]], mut number: u64) -> String {
    let mut chosen = Vec::with_capacity(lists.len());
    for list in lists.iter().rev() {
        chosen.push(list[(number % list.len() as u64) as usize]);
        number /= list.len() as u64;
    }
    chosen.reverse();
    chosen.join(" ")
}

/// Ten cities a nation, named by nine letters of it and a digit.
fn places(table: Table, names: [&'static str; 3], column: u64, count: u64) -> Table {
    let rows = || 0..count;
    let nation = |i| below(column, i, 25) as usize;
    table
        .text(
            names[0],
            rows().map(|i| {
                let start: String = NATIONS[nation(i)].chars().take(9).collect();
                format!("{start:<9}{}", below(column + 1, i, 10))
            }),
        )
        .text(names[1], rows().map(|i| NATIONS[nation(i)]))
        .text(names[2], rows().map(|i| REGIONS[nation(i) / 5]))
}

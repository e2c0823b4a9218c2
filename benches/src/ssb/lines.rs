//! The fact: a row a line of an order, in the order of the orders.

use std::iter;

use super::Sizes;
use super::calendar::{DAYS, days};
use super::dimensions::ordering_customer;
use super::draw::below;
use super::table::Table;
use super::words::{PRIORITIES, SHIP_MODES};

/// Orders a piece, so that a large scale needs no more memory than a small one.
const ORDERS_A_PIECE: u64 = 250_000;
/// Nobody orders after the second of August 1998.
const ORDER_DAYS: u64 = 2406;

struct Line {
    order: u64,
    line: u64,
    part: i64,
    quantity: i64,
    discount: i64,
    tax: i64,
}

impl Line {
    fn new(order: u64, line: u64, sizes: Sizes) -> Line {
        let at = order * 8 + line;
        Line {
            order,
            line,
            part: below(5, at, sizes.parts) as i64 + 1,
            quantity: below(7, at, 50) as i64 + 1,
            discount: below(8, at, 11) as i64,
            tax: below(9, at, 9) as i64,
        }
    }

    /// The number that the random columns of a line go by.
    fn at(&self) -> u64 {
        self.order * 8 + self.line
    }

    fn extended(&self) -> i64 {
        self.quantity * price(self.part)
    }

    fn revenue(&self) -> i64 {
        self.extended() * (100 - self.discount) / 100
    }

    fn taxed(&self) -> i64 {
        self.revenue() * (100 + self.tax) / 100
    }
}

/// Cents.
fn price(part: i64) -> i64 {
    90_000 + (part / 10) % 20_001 + 100 * (part % 1000)
}

fn day(order: u64) -> usize {
    below(3, order, ORDER_DAYS) as usize
}

/// The fact in pieces.
pub fn lineorder(sizes: Sizes) -> impl Iterator<Item = Table> {
    (0..sizes.orders)
        .step_by(ORDERS_A_PIECE as usize)
        .map(move |first| piece(first..(first + ORDERS_A_PIECE).min(sizes.orders), sizes))
}

fn piece(orders: std::ops::Range<u64>, sizes: Sizes) -> Table {
    let keys: Vec<i32> = days().iter().map(|d| d.key()).collect();
    let mut lines = Vec::with_capacity((orders.end - orders.start) as usize * 4);
    let mut totals = Vec::with_capacity(lines.capacity());
    for order in orders {
        let count = below(1, order, 7) + 1;
        let first = lines.len();
        lines.extend((0..count).map(|line| Line::new(order, line, sizes)));
        let total: i64 = lines[first..].iter().map(Line::taxed).sum();
        totals.extend(iter::repeat_n(total as i32, count as usize));
    }
    let customers = sizes.ordering_customers();
    let number = |of: &dyn Fn(&Line) -> i64| lines.iter().map(|l| of(l) as i32).collect::<Vec<_>>();
    Table::default()
        .number(
            "lo_orderkey",
            // Three in four order keys are never used.
            number(&|l| ((l.order / 8) * 32 + l.order % 8 + 1) as i64),
        )
        .number("lo_linenumber", number(&|l| l.line as i64 + 1))
        .number(
            "lo_custkey",
            number(&|l| i64::from(ordering_customer(below(2, l.order, customers)))),
        )
        .number("lo_partkey", number(&|l| l.part))
        .number(
            "lo_suppkey",
            number(&|l| below(6, l.at(), sizes.suppliers) as i64 + 1),
        )
        .number("lo_orderdate", number(&|l| i64::from(keys[day(l.order)])))
        .text(
            "lo_orderpriority",
            lines
                .iter()
                .map(|l| PRIORITIES[below(4, l.order, 5) as usize]),
        )
        .number("lo_shippriority", number(&|_| 0))
        .number("lo_quantity", number(&|l| l.quantity))
        .number("lo_extendedprice", number(&Line::extended))
        .number("lo_ordtotalprice", totals)
        .number("lo_discount", number(&|l| l.discount))
        .number("lo_revenue", number(&Line::revenue))
        .number("lo_supplycost", number(&|l| 6 * price(l.part) / 10))
        .number("lo_tax", number(&|l| l.tax))
        .number(
            "lo_commitdate",
            number(&|l| {
                let promised = day(l.order) + 30 + below(10, l.at(), 61) as usize;
                i64::from(keys[promised.min(DAYS - 1)])
            }),
        )
        .text(
            "lo_shipmode",
            lines
                .iter()
                .map(|l| SHIP_MODES[below(16, l.at(), 7) as usize]),
        )
}

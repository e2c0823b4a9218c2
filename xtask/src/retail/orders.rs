//! Order lines, the large fact, and the notes on a few of them.

use super::Size;
use super::accounts::CURRENCIES;
use super::calendar::{Day, END, FIRST_DAY};
use super::draw::{Draw, draw};
use super::places::STORES;
use super::products::{list_price, standard_cost};
use super::sheet::Sheet;

const FIRST_NUMBER: u64 = 500_001;
/// Orders a sheet, so that a large scale needs no more memory than a small one.
const ORDERS_A_SHEET: u64 = 20_000;

struct Line {
    order: u64,
    line: u64,
    ordered: i32,
    shipped: Option<i32>,
    product: Option<i32>,
    customer: Option<i32>,
    store: Option<i16>,
    currency: Option<String>,
    quantity: i64,
    price: i64,
    /// Percent.
    discount: Option<i64>,
    cost: Option<i64>,
}

fn of_line(line: &Line, column: &str) -> Draw {
    draw("Orders", column, line.order * 10 + line.line)
}

fn lines_of(order: u64) -> u64 {
    1 + draw("Orders", "lines", order).below(4)
}

/// The key that names a line in one number.
fn line_key(order: u64, line: u64) -> i64 {
    ((FIRST_NUMBER + order) * 100 + line) as i64
}

/// How busy a day is: more every year, most in November and December, less on Sundays, closed at New Year.
fn weight(days: i32) -> u64 {
    let day = Day::of(days);
    if day.month == 1 && day.day == 1 {
        return 0;
    }
    let season = match day.month {
        11 | 12 => 170,
        6 | 7 => 120,
        2 => 70,
        _ => 100,
    };
    let week = if day.weekday == 7 { 6 } else { 10 };
    season * week * (100 + (days - FIRST_DAY) as u64 / 14)
}

/// The day of each order: orders are numbered in the order of their days.
struct Days {
    /// Sums of the weights up to and including each day.
    sums: Vec<u64>,
    orders: u64,
}

impl Days {
    fn new(orders: u64) -> Days {
        let mut sum = 0;
        let sums = (FIRST_DAY..END)
            .map(|d| {
                sum += weight(d);
                sum
            })
            .collect();
        Days { sums, orders }
    }

    fn of(&self, order: u64) -> i32 {
        let total = self.sums.last().copied().unwrap_or(0);
        let place = (u128::from(order) * u128::from(total) / u128::from(self.orders)) as u64;
        FIRST_DAY + self.sums.partition_point(|sum| *sum <= place) as i32
    }
}

/// Two and a half lines each.
pub fn orders(size: Size) -> impl Iterator<Item = Sheet> {
    let orders = size.orders;
    let days = Days::new(orders);
    (0..orders)
        .step_by(ORDERS_A_SHEET as usize)
        .map(move |first| {
            let numbers = first..(first + ORDERS_A_SHEET).min(orders);
            let lines = numbers.flat_map(|order| {
                let ordered = days.of(order);
                (1..=lines_of(order)).map(move |line| make_line(order, line, ordered, size))
            });
            sheet(&lines.collect::<Vec<_>>())
        })
}

fn make_line(order: u64, line: u64, ordered: i32, size: Size) -> Line {
    let at = |column: &str| draw("Orders", column, order * 10 + line);
    let product = product(at("product"), at("product fault"), size.products);
    let sold = product
        .map(|key| key as u64)
        .filter(|key| *key <= size.products);
    let year = (Day::of(ordered).year - 2021) as i64;
    // Prices rise by three percent a year. What is unknown is sold at 25.
    let price = sold.map_or(250_000, list_price) * (100 + 3 * year) / 100;
    let count = 1 + at("quantity").tail(6, 2) as i64;
    let quantity = if at("returned").chance(30) {
        -count
    } else {
        count
    };
    let unit_cost = sold.map_or(150_000, standard_cost);
    Line {
        order,
        line,
        ordered,
        shipped: shipped(ordered, at("shipped")),
        product,
        customer: customer(order, size.customers),
        store: store(order),
        currency: currency(order),
        quantity,
        price,
        discount: (!at("discount fault").chance(20))
            .then(|| at("discount").one_of(&[0, 0, 0, 0, 5, 10, 15, 20])),
        cost: (!at("cost fault").chance(5)).then_some(quantity * unit_cost),
    }
}

/// A long tail; the last twenty products were never sold. Some lines name no product, or one that is not there.
fn product(draw: Draw, fault: Draw, products: u64) -> Option<i32> {
    match fault.below(1000) {
        0..5 => None,
        5..15 => Some(products.max(9000) as i32 + 1 + fault.below(3000) as i32 % 3),
        // 97 has no divisor in common with 240 or 10,000, so the popular ones are spread over all subcategories.
        _ => Some((draw.tail(products - 20, 3) * 97 % products) as i32 + 1),
    }
}

/// A long tail again; the last tenth of the customers never ordered.
fn customer(order: u64, customers: u64) -> Option<i32> {
    let fault = draw("Orders", "customer fault", order);
    match fault.below(1000) {
        0..5 => None,
        5..10 => Some(i32::MAX - fault.below(5000) as i32 % 5),
        _ => Some(draw("Orders", "customer", order).tail(customers * 9 / 10, 2) as i32 + 1),
    }
}

/// A fifth of the orders came without a store.
fn store(order: u64) -> Option<i16> {
    let fault = draw("Orders", "store fault", order);
    match fault.below(1000) {
        0..200 => None,
        200..204 => Some(77),
        _ => Some(draw("Orders", "store", order).tail(STORES - 2, 2) as i16 + 1),
    }
}

/// The last currency has no orders; some codes are in lower case, one is not a currency, some are missing.
fn currency(order: u64) -> Option<String> {
    let fault = draw("Orders", "currency fault", order);
    let code = CURRENCIES
        [draw("Orders", "currency", order).tail(CURRENCIES.len() as u64 - 1, 3) as usize]
        .0;
    match fault.below(1000) {
        0..4 => None,
        4..8 => Some("XXX".to_string()),
        8..60 => Some(code.to_lowercase()),
        _ => Some(code.to_string()),
    }
}

/// What was ordered in the last days of the data, and a little of the rest, has not been shipped.
fn shipped(ordered: i32, draw: Draw) -> Option<i32> {
    (ordered < END - 10 && !draw.chance(30)).then(|| ordered + 1 + draw.below(9) as i32)
}

/// Quantity times price less the discount, in ten-thousandths, half away from zero.
fn net(line: &Line) -> i64 {
    let hundredfold = line.quantity * line.price * (100 - line.discount.unwrap_or(0));
    (hundredfold + 50 * hundredfold.signum()) / 100
}

fn sheet(lines: &[Line]) -> Sheet {
    let each = || lines.iter();
    Sheet::default()
        .int64(
            "order_number",
            each().map(|l| Some((FIRST_NUMBER + l.order) as i64)),
        )
        .int16("line", each().map(|l| Some(l.line as i16)))
        .int64(
            "order_line_key",
            each().map(|l| Some(line_key(l.order, l.line))),
        )
        .date("order_date", each().map(|l| Some(l.ordered)))
        .date(
            "due_date",
            each().map(|l| Some(l.ordered + 7 + of_line(l, "due").below(8) as i32)),
        )
        .date("ship_date", each().map(|l| l.shipped))
        .int32("product_key", each().map(|l| l.product))
        .int32("customer_key", each().map(|l| l.customer))
        .int16("store_key", each().map(|l| l.store))
        .text("currency_code", each().map(|l| l.currency.clone()))
        .int16("quantity", each().map(|l| Some(l.quantity as i16)))
        .money("unit_price", each().map(|l| Some(l.price)))
        .float64(
            "discount",
            each().map(|l| l.discount.map(|percent| percent as f64 / 100.0)),
        )
        .money("net_amount", each().map(|l| Some(net(l))))
        .money("cost", each().map(|l| l.cost))
        .boolean("returned", each().map(|l| Some(l.quantity < 0)))
}

const NOTES: [&str; 6] = [
    "Gift wrap",
    "call before delivery",
    "Call before delivery",
    "leave at the door",
    "Fragile ",
    "fragile",
];

/// At most one note a line, on one first line in eight, and three on lines that are not there.
pub fn notes(orders: u64) -> Sheet {
    let noted = (0..orders).filter(|order| draw("Order Notes", "noted", *order).chance(125));
    let keys: Vec<i64> = noted
        .map(|order| line_key(order, 1))
        .chain([1, 2, 3])
        .collect();
    let of_key = |column: &str, key: i64| draw("Order Notes", column, key as u64);
    Sheet::default()
        .int64("Order Line Key", keys.iter().map(|k| Some(*k)))
        .text(
            "Note",
            keys.iter().map(|k| {
                (!of_key("empty", *k).chance(50))
                    .then(|| of_key("note", *k).one_of(&NOTES).to_string())
            }),
        )
        .int16(
            "Priority",
            keys.iter()
                .map(|k| Some(1 + of_key("priority", *k).below(3) as i16)),
        )
}

//! Products, their subcategories and their categories: a snowflake, with a gap at each joint.

use super::calendar::FIRST_DAY;
use super::draw::draw;
use super::sheet::Sheet;

/// Products of the fixture.
pub const PRODUCTS: u64 = 240;

const CATEGORIES: [&str; 6] = [
    "Bikes",
    "Components",
    "Clothing",
    "Accessories",
    "Camping",
    "Services",
];

/// Name and category. The last has no category.
const SUBCATEGORIES: [(&str, Option<i32>); 24] = [
    ("Road Bikes", Some(1)),
    ("Mountain Bikes", Some(1)),
    ("Touring Bikes", Some(1)),
    ("City Bikes", Some(1)),
    ("Brakes", Some(2)),
    ("Chains", Some(2)),
    ("Saddles", Some(2)),
    ("Wheels", Some(2)),
    ("Pedals", Some(2)),
    ("Gloves", Some(3)),
    ("Jackets", Some(3)),
    ("Jerseys", Some(3)),
    ("Shoes", Some(3)),
    ("Socks", Some(3)),
    ("Bottles", Some(4)),
    ("Helmets", Some(4)),
    ("Lights", Some(4)),
    ("Locks", Some(4)),
    ("Pumps", Some(4)),
    ("Tents", Some(5)),
    ("Stoves", Some(5)),
    ("Sleeping Bags", Some(5)),
    ("Lamps", Some(5)),
    ("Curiosities", None),
];

const COLORS: [&str; 7] = ["Black", "Red", "Silver", "Blue", "White", "Green", "Yellow"];

/// The list price of a product in ten-thousandths: bikes in the thousands, socks in the tens.
pub fn list_price(key: u64) -> i64 {
    let category = SUBCATEGORIES[(key % 24) as usize].1.unwrap_or(6);
    let (least, spread) = match category {
        1 => (450, 3200),
        2 => (15, 280),
        3 => (9, 150),
        4 => (5, 70),
        5 => (30, 400),
        _ => (1, 40),
    };
    let cents = least * 100 + draw("Products", "price", key).below(spread * 100);
    cents as i64 * 100
}

/// What a product costs, between 40% and 90% of its price; now and then above it.
pub fn standard_cost(key: u64) -> i64 {
    let draw = draw("Products", "cost", key);
    let percent = if draw.chance(25) {
        110
    } else {
        40 + draw.below(51)
    };
    list_price(key) * percent as i64 / 100
}

pub fn products(count: u64) -> Sheet {
    let keys = || 1..=count;
    Sheet::default()
        .int32("Product Key", keys().map(|k| Some(k as i32)))
        .text("Product", keys().map(|k| Some(product_name(k))))
        .int32("Subcategory Key", keys().map(subcategory_of))
        .text("Color", keys().map(color))
        .text(
            "Size",
            keys().map(|k| {
                (k % 5 > 0).then(|| {
                    draw("Products", "size", k)
                        .one_of(&["S", "M", "L", "XL"])
                        .to_string()
                })
            }),
        )
        .money("List Price", keys().map(|k| Some(list_price(k))))
        .money("Standard Cost", keys().map(|k| Some(standard_cost(k))))
        .date(
            "Launch Date",
            keys()
                .map(|k| Some(FIRST_DAY - 1500 + draw("Products", "launch", k).below(2400) as i32)),
        )
        .boolean(
            "Discontinued",
            keys().map(|k| Some(draw("Products", "discontinued", k).chance(120))),
        )
}

fn product_name(key: u64) -> String {
    let kind = SUBCATEGORIES[(key % 24) as usize].0.trim_end_matches('s');
    format!("{kind} {}", 100 + key)
}

/// Two products without a subcategory, and one whose subcategory is not there.
fn subcategory_of(key: u64) -> Option<i32> {
    match key {
        77 | 154 => None,
        200 => Some(99),
        _ => Some((key % 24) as i32 + 1),
    }
}

fn color(key: u64) -> Option<String> {
    let color = draw("Products", "color", key);
    match key % 23 {
        0 => None,
        // The same color in another spelling.
        7 => Some("red".to_string()),
        9 => Some("Black ".to_string()),
        _ => Some(color.one_of(&COLORS).to_string()),
    }
}

pub fn subcategories() -> Sheet {
    Sheet::default()
        .int32("Subcategory Key", (1..=24).map(Some))
        .text(
            "Subcategory",
            SUBCATEGORIES.iter().map(|(name, _)| Some(name.to_string())),
        )
        .int32(
            "Category Key",
            SUBCATEGORIES.iter().map(|(_, category)| *category),
        )
}

pub fn categories() -> Sheet {
    Sheet::default()
        .int32("Category Key", (1..=6).map(Some))
        .text(
            "Category",
            CATEGORIES.iter().map(|name| Some(name.to_string())),
        )
        .int16("Sort Order", [1, 3, 2, 4, 6, 5].map(Some))
}

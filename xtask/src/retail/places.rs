//! Stores, who may see which of their regions, and who works there.

use super::calendar::FIRST_DAY;
use super::draw::draw;
use super::sheet::Sheet;

pub const STORES: u64 = 40;

/// Region and country of a store.
const PLACES: [(&str, &str); 8] = [
    ("North", "Norway"),
    ("North", "Denmark"),
    ("West", "France"),
    ("West", "Ireland"),
    ("South", "Spain"),
    ("South", "Italy"),
    ("Central", "Germany"),
    ("Central", "Austria"),
];
const TENANTS: [&str; 3] = ["Alpine", "Baltic", "Coastal"];

pub fn stores() -> Sheet {
    let keys = || 1..=STORES;
    let place = |key: u64| PLACES[(key % 8) as usize];
    Sheet::default()
        .int16("Store Key", keys().map(|k| Some(k as i16)))
        .text(
            "Store",
            keys().map(|k| Some(format!("{} {}", place(k).1, k / 8 + 1))),
        )
        .text("Region", keys().map(|k| Some(place(k).0.to_string())))
        .text("Country", keys().map(|k| Some(place(k).1.to_string())))
        .text(
            "Tenant",
            keys().map(|k| (k != 13).then(|| TENANTS[(k % 3) as usize].to_string())),
        )
        .date(
            "Opened",
            keys().map(|k| Some(FIRST_DAY - draw("Stores", "opened", k).below(5000) as i32)),
        )
        .float32(
            "Square Meters",
            keys().map(|k| {
                (k % 9 > 0).then(|| 80.0 + draw("Stores", "area", k).below(2000) as f32 / 4.0)
            }),
        )
}

/// Users are the same person in whatever case they are written.
const USER_REGIONS: [(&str, Option<&str>); 9] = [
    ("anna@retail.example", Some("North")),
    ("ANNA@Retail.Example", Some("West")),
    ("ben@retail.example", Some("South")),
    ("Carla@Retail.Example", Some("Central")),
    ("carla@retail.example", Some("central")),
    ("dora@retail.example", Some("North")),
    ("dora@retail.example", Some("South")),
    // A region without a store, and a row without a region.
    ("emil@retail.example", Some("Polar")),
    ("nora@retail.example", None),
];

pub fn user_regions() -> Sheet {
    Sheet::default()
        .text(
            "User",
            USER_REGIONS.iter().map(|(user, _)| Some(user.to_string())),
        )
        .text(
            "Region",
            USER_REGIONS
                .iter()
                .map(|(_, region)| region.map(str::to_string)),
        )
}

const EMPLOYEES: i32 = 60;
const TITLES: [&str; 4] = ["Director", "Manager", "Supervisor", "Clerk"];
const NAMES: [&str; 12] = [
    "Alva", "Bruno", "Carla", "Dario", "Edda", "Finn", "Gesa", "Hamid", "Ida", "Jakob", "Kim",
    "Lotte",
];

/// A tree of four children each, and a second root without anybody below.
pub fn employees() -> Sheet {
    let keys = || 1..=EMPLOYEES;
    let manager = |key: i32| (key > 1 && key < EMPLOYEES).then_some((key - 2) / 4 + 1);
    let level = move |mut key: i32| {
        let mut level = 0;
        while let Some(above) = manager(key) {
            key = above;
            level += 1;
        }
        level
    };
    Sheet::default()
        .int32("Employee Key", keys().map(Some))
        .text(
            "Employee",
            keys().map(|k| Some(format!("{} {k}", NAMES[k as usize % 12]))),
        )
        .int32("Manager Key", keys().map(manager))
        .text(
            "Title",
            keys().map(|k| Some(TITLES[level(k).min(3)].to_string())),
        )
        .int16(
            "Store Key",
            keys().map(|k| (k > 5).then_some((k % 40) as i16 + 1)),
        )
}

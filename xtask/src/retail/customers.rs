//! Customers: names and cities in several spellings, and gaps.

use super::calendar::{END, FIRST_DAY};
use super::draw::draw;
use super::sheet::Sheet;

const FIRST: [&str; 20] = [
    "Ana", "Ben", "Chloé", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaya",
    "Liam", "Mara", "Noor", "Olga", "Pedro", "Quinn", "Rosa", "Søren", "Tara",
];
const LAST: [&str; 20] = [
    "Abel", "Bauer", "Costa", "Dubois", "Eriksen", "Ferrari", "Garcia", "Huber", "Ivanov",
    "Jansen", "Kowalski", "Lopez", "Müller", "Novak", "O'Brien", "Petit", "Quist", "Rossi",
    "Schmidt", "Tanaka",
];
const CITIES: [(&str, &str); 12] = [
    ("Berlin", "Germany"),
    ("Hamburg", "Germany"),
    ("Köln", "Germany"),
    ("Paris", "France"),
    ("Lyon", "France"),
    ("Wien", "Austria"),
    ("Graz", "Austria"),
    ("Madrid", "Spain"),
    ("Sevilla", "Spain"),
    ("Oslo", "Norway"),
    ("Bergen", "Norway"),
    ("Dublin", "Ireland"),
];
const SEGMENTS: [&str; 4] = ["Consumer", "Consumer", "Corporate", "Home Office"];

pub fn customers(count: u64) -> Sheet {
    let keys = || 1..=count;
    Sheet::default()
        .int32("Customer Key", keys().map(|k| Some(k as i32)))
        .text("Customer", keys().map(|k| Some(name(k))))
        .text("City", keys().map(city))
        .text("Country", keys().map(|k| Some(home(k).1.to_string())))
        .text(
            "Segment",
            keys().map(|k| {
                Some(
                    draw("Customers", "segment", k)
                        .one_of(&SEGMENTS)
                        .to_string(),
                )
            }),
        )
        .text("Email", keys().map(email))
        .date(
            "Birth Date",
            keys().map(|k| {
                (k % 11 > 0).then(|| draw("Customers", "birth", k).below(14_000) as i32 - 5000)
            }),
        )
        .instant("Joined", keys().map(|k| Some(joined(k))))
        .float64(
            "Credit Limit",
            keys().map(|k| {
                (k % 6 > 0).then(|| draw("Customers", "credit", k).below(200) as f64 * 50.0)
            }),
        )
}

fn home(key: u64) -> (&'static str, &'static str) {
    draw("Customers", "home", key).one_of(&CITIES)
}

/// Some customers bear the name of the one before, in capitals or with spaces at the end.
fn name(key: u64) -> String {
    let plain = |key: u64| {
        let first = draw("Customers", "first", key).one_of(&FIRST);
        let last = draw("Customers", "last", key).one_of(&LAST);
        format!("{first} {last} {}", key % 89)
    };
    match key {
        _ if key.is_multiple_of(37) => plain(key - 1).to_uppercase(),
        _ if key.is_multiple_of(41) => format!("{}  ", plain(key - 1)),
        _ => plain(key),
    }
}

fn city(key: u64) -> Option<String> {
    let city = home(key).0;
    match key {
        _ if key.is_multiple_of(29) => None,
        _ if key.is_multiple_of(97) => Some(String::new()),
        _ if key.is_multiple_of(31) => Some(city.to_uppercase()),
        _ if key.is_multiple_of(43) => Some(format!("{city} ")),
        _ => Some(city.to_string()),
    }
}

/// The address that a customer signs in with; a few are written in capitals, and a few have none.
fn email(key: u64) -> Option<String> {
    let address = format!("customer{key}@mail.example");
    match key % 50 {
        0 => None,
        1 => Some(address.to_uppercase()),
        _ => Some(address),
    }
}

fn joined(key: u64) -> i64 {
    let seconds = draw("Customers", "joined", key).below((END - FIRST_DAY) as u64 * 86_400) as i64;
    (i64::from(FIRST_DAY) * 86_400 + seconds) * 1_000_000
}

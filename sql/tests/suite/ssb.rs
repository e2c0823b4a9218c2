//! The queries of the Star Schema Benchmark over small tables of its shape: equal to DataFusion's own answers, open and under roles.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use security::Control;
use sql::{Options, Plans, Room};

use crate::plain;
use crate::random::Random;
use crate::world::{World, ask, ask_exact, deep, integers, texts};

const QUERIES: &str = include_str!("../queries/ssb.sql");
const ROWS: usize = 3_000;

/// Nations with their regions.
const NATIONS: [(&str, &str); 6] = [
    ("UNITED STATES", "AMERICA"),
    ("CANADA", "AMERICA"),
    ("CHINA", "ASIA"),
    ("JAPAN", "ASIA"),
    ("UNITED KINGDOM", "EUROPE"),
    ("FRANCE", "EUROPE"),
];

pub fn queries() -> Vec<(String, String)> {
    let blocks = QUERIES.split("-- name: ").skip(1);
    let named = blocks.map(|block| {
        let (name, text) = block.split_once('\n').unwrap();
        (
            name.trim().to_owned(),
            text.trim().trim_end_matches(';').to_owned(),
        )
    });
    named.collect()
}

fn people(random: &mut Random, prefix: &str, rows: usize) -> Vec<(String, arrow::array::ArrayRef)> {
    let nations: Vec<usize> = (0..rows).map(|_| random.below(NATIONS.len())).collect();
    let cities: Vec<String> = nations
        .iter()
        .map(|nation| format!("{:<9.9}{}", NATIONS[*nation].0, [1, 5, 7][random.below(3)]))
        .collect();
    let key = if prefix == "c" {
        "c_custkey"
    } else {
        "s_suppkey"
    };
    vec![
        (key.to_owned(), integers(1..=rows as i64)),
        (
            format!("{prefix}_city"),
            texts(cities.iter().map(String::as_str)),
        ),
        (
            format!("{prefix}_nation"),
            texts(nations.iter().map(|nation| NATIONS[*nation].0)),
        ),
        (
            format!("{prefix}_region"),
            texts(nations.iter().map(|nation| NATIONS[*nation].1)),
        ),
    ]
}

fn dates() -> Vec<(&'static str, arrow::array::ArrayRef)> {
    // The first seven days of each month are enough for every query.
    let days: Vec<(i64, i64, i64)> = (1992..=1998)
        .flat_map(|y| (1..=12).flat_map(move |m| (1..=7).map(move |d| (y, m, d))))
        .collect();
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let names: Vec<String> = days
        .iter()
        .map(|(y, m, _)| format!("{}{y}", MONTHS[*m as usize - 1]))
        .collect();
    vec![
        (
            "d_datekey",
            integers(days.iter().map(|(y, m, d)| y * 10_000 + m * 100 + d)),
        ),
        ("d_year", integers(days.iter().map(|(y, _, _)| *y))),
        (
            "d_yearmonthnum",
            integers(days.iter().map(|(y, m, _)| y * 100 + m)),
        ),
        ("d_yearmonth", texts(names.iter().map(String::as_str))),
        (
            "d_weeknuminyear",
            integers(days.iter().map(|(_, m, d)| (m - 1) * 4 + d / 7 + 1)),
        ),
    ]
}

pub fn world() -> World {
    let mut random = Random::new(7);
    let customers = people(&mut random, "c", 120);
    let suppliers = people(&mut random, "s", 60);
    let brands: Vec<(usize, usize, usize)> = (0..200)
        .map(|_| {
            (
                1 + random.below(2),
                [1, 2, 4][random.below(3)],
                20 + random.below(20),
            )
        })
        .collect();
    let parts = [
        brands
            .iter()
            .map(|(m, _, _)| format!("MFGR#{m}"))
            .collect::<Vec<String>>(),
        brands
            .iter()
            .map(|(m, c, _)| format!("MFGR#{m}{c}"))
            .collect(),
        brands
            .iter()
            .map(|(m, c, b)| format!("MFGR#{m}{c}{b}"))
            .collect(),
    ];
    let calendar = dates();
    let days = calendar[0].1.as_primitive::<Int64Type>().clone();
    let mut draw = |low: i64, high: i64| -> Vec<i64> {
        (0..ROWS)
            .map(|_| low + random.below((high - low + 1) as usize) as i64)
            .collect()
    };
    let day: Vec<i64> = draw(0, days.len() as i64 - 1)
        .iter()
        .map(|d| days.value(*d as usize))
        .collect();
    fn named(columns: &[(String, arrow::array::ArrayRef)]) -> Vec<(&str, arrow::array::ArrayRef)> {
        columns
            .iter()
            .map(|(name, values)| (name.as_str(), values.clone()))
            .collect()
    }
    World::default()
        .table(
            "lineorder",
            vec![
                ("lo_custkey", integers(draw(1, 125))), // Five customers do not exist.
                ("lo_partkey", integers(draw(1, 200))),
                ("lo_suppkey", integers(draw(1, 60))),
                ("lo_orderdate", integers(day)),
                ("lo_quantity", integers(draw(1, 50))),
                ("lo_extendedprice", integers(draw(1_000, 90_000))),
                ("lo_discount", integers(draw(0, 10))),
                ("lo_revenue", integers(draw(1_000, 80_000))),
                ("lo_supplycost", integers(draw(500, 60_000))),
            ],
        )
        .table("dates", calendar)
        .table("customer", named(&customers))
        .table("supplier", named(&suppliers))
        .table(
            "part",
            vec![
                ("p_partkey", integers(1..=200)),
                ("p_mfgr", texts(parts[0].iter().map(String::as_str))),
                ("p_category", texts(parts[1].iter().map(String::as_str))),
                ("p_brand1", texts(parts[2].iter().map(String::as_str))),
            ],
        )
        .relate("lineorder.lo_orderdate > dates.d_datekey")
        .relate("lineorder.lo_custkey > customer.c_custkey")
        .relate("lineorder.lo_partkey > part.p_partkey")
        .relate("lineorder.lo_suppkey > supplier.s_suppkey")
}

fn secured() -> World {
    world()
        .role("Everyone")
        .filter("Americas", "customer", "[c_region] = \"AMERICA\"")
        .filter("Cheap", "lineorder", "[lo_quantity] < 30")
        .filter(
            "Asian Suppliers of part 1",
            "supplier",
            "[s_region] = \"ASIA\"",
        )
        .filter("Asian Suppliers of part 1", "part", "[p_mfgr] = \"MFGR#1\"")
}

/// The rows that a role's filters keep of their own tables.
fn kept(world: &World, role: &str) -> BTreeMap<String, Vec<bool>> {
    let text = |table: &str, column: &str, wanted: &str| -> (String, Vec<bool>) {
        let values = world.sheet(table).column(column).as_string::<i32>();
        (
            table.to_owned(),
            values.iter().map(|value| value == Some(wanted)).collect(),
        )
    };
    match role {
        "Americas" => BTreeMap::from([text("customer", "c_region", "AMERICA")]),
        "Cheap" => {
            let quantities = world
                .sheet("lineorder")
                .column("lo_quantity")
                .as_primitive::<Int64Type>();
            let cheap = quantities
                .values()
                .iter()
                .map(|quantity| *quantity < 30)
                .collect();
            BTreeMap::from([("lineorder".to_owned(), cheap)])
        }
        "Asian Suppliers of part 1" => BTreeMap::from([
            text("supplier", "s_region", "ASIA"),
            text("part", "p_mfgr", "MFGR#1"),
        ]),
        _ => BTreeMap::new(),
    }
}

#[test]
fn answers_are_those_of_datafusion_open_and_under_roles() {
    deep(|| {
        let secured = secured();
        for role in ["Everyone", "Americas", "Cheap", "Asian Suppliers of part 1"] {
            let view = secured.view(&[role]);
            let copy = secured.without(&secured.visible(kept(&secured, role)));
            let copied = plain::copy(&copy);
            let open = copy.view(&[]);
            let mut found = 0;
            for (name, text) in queries() {
                let expected = plain::rows(&plain::ask(&copied, &text).unwrap());
                found += expected.len();
                for (how, answer) in [
                    ("secured", ask_exact(&view, &text)),
                    ("collated", ask(&view, &text)),
                    ("open over the copy", ask_exact(&open, &text)),
                ] {
                    let answer =
                        answer.unwrap_or_else(|error| panic!("{role}, {name}, {how}: {error}"));
                    assert_eq!(
                        plain::rows(&answer.batches),
                        expected,
                        "{role}, {name}, {how}"
                    );
                }
            }
            assert!(found > 10, "{role} sees too little to compare");
        }
    });
}

#[test]
fn each_is_one_scan_of_the_fact() {
    deep(|| {
        let view = secured().view(&["Americas"]);
        for (name, text) in queries() {
            let plan = ask(&view, &format!("EXPLAIN {text}")).unwrap();
            let plan = plain::rows(&plan.batches)[1][1].clone();
            assert!(
                plan.contains("ModelScan: table=lineorder"),
                "{name}: {plan}"
            );
            assert!(
                !plan.contains("HashJoin") && !plan.contains("VisibleRows"),
                "{name}: {plan}"
            );
        }
    });
}

#[test]
fn a_cancelled_statement_stops() {
    let view = world().view(&[]);
    let control = Control::new(None);
    control.cancel();
    let error = sql::query(
        &view,
        &Plans::new(&Room::new(0)),
        "SELECT count(*) FROM lineorder",
        &Options::default(),
        &control,
    );
    assert_eq!(error.unwrap_err().kind, engine::ErrorKind::Cancelled);
}

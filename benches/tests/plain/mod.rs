//! The 13 queries by loops that nobody can get wrong.

use std::collections::BTreeMap;

use peristyle_benches::answer::{Cell, Row};
use peristyle_benches::ssb::{self, Sizes, Table};

/// A line with everything that the queries ask about it.
struct Fact {
    year: i32,
    month: i32,
    week: i32,
    quantity: i64,
    discount: i64,
    extended: i64,
    revenue: i64,
    cost: i64,
    customer: Place,
    supplier: Place,
    maker: String,
    category: String,
    brand: String,
}

#[derive(Clone)]
struct Place {
    city: String,
    nation: String,
    region: String,
}

type Key = Vec<String>;

/// The answers in the order of the queries, each in the order that the query asks for.
pub fn answers(sizes: Sizes) -> Vec<Vec<Row>> {
    let facts = facts(sizes);
    let first = |keep: &dyn Fn(&Fact) -> bool| {
        let kept: Vec<i64> = facts
            .iter()
            .filter(|f| keep(f))
            .map(|f| f.extended * f.discount)
            .collect();
        if kept.is_empty() {
            return Vec::new();
        }
        vec![vec![Cell::Integer(kept.iter().sum())]]
    };
    let brands = |keep: &dyn Fn(&Fact) -> bool| {
        let key = |f: &Fact| vec![f.year.to_string(), f.brand.clone()];
        grouped(&facts, keep, &key, &|f| f.revenue, 0)
    };
    let places = |key: &dyn Fn(&Place) -> String, keep: &dyn Fn(&Fact) -> bool| {
        let key = |f: &Fact| vec![key(&f.customer), key(&f.supplier), f.year.to_string()];
        let mut rows = grouped(&facts, keep, &key, &|f| f.revenue, 2);
        rows.sort_by_key(|row| (number(&row[2]), -number(&row[3])));
        rows
    };
    let city = |p: &Place| p.city.clone();
    let kingdom = |p: &Place| p.city == "UNITED KI1" || p.city == "UNITED KI5";
    let profit = |f: &Fact| f.revenue - f.cost;
    let american = |f: &Fact| f.customer.region == "AMERICA" && f.supplier.region == "AMERICA";
    let makers = |f: &Fact| f.maker == "MFGR#1" || f.maker == "MFGR#2";
    let late = |f: &Fact| f.year == 1997 || f.year == 1998;
    vec![
        first(&|f| f.year == 1993 && (1..=3).contains(&f.discount) && f.quantity < 25),
        first(&|f| {
            f.month == 199_401 && (4..=6).contains(&f.discount) && (26..=35).contains(&f.quantity)
        }),
        first(&|f| {
            (f.week, f.year) == (6, 1994)
                && (5..=7).contains(&f.discount)
                && (26..=35).contains(&f.quantity)
        }),
        brands(&|f| f.category == "MFGR#12" && f.supplier.region == "AMERICA"),
        brands(&|f| {
            ("MFGR#2221"..="MFGR#2228").contains(&f.brand.as_str()) && f.supplier.region == "ASIA"
        }),
        brands(&|f| f.brand == "MFGR#2239" && f.supplier.region == "EUROPE"),
        places(&|p| p.nation.clone(), &|f| {
            f.customer.region == "ASIA" && f.supplier.region == "ASIA" && f.year <= 1997
        }),
        places(&city, &|f| {
            f.customer.nation == "UNITED STATES"
                && f.supplier.nation == "UNITED STATES"
                && f.year <= 1997
        }),
        places(&city, &|f| {
            kingdom(&f.customer) && kingdom(&f.supplier) && f.year <= 1997
        }),
        places(&city, &|f| {
            kingdom(&f.customer) && kingdom(&f.supplier) && f.month == 199_712
        }),
        grouped(
            &facts,
            &|f| american(f) && makers(f),
            &|f| vec![f.year.to_string(), f.customer.nation.clone()],
            &profit,
            0,
        ),
        grouped(
            &facts,
            &|f| american(f) && makers(f) && late(f),
            &|f| {
                vec![
                    f.year.to_string(),
                    f.supplier.nation.clone(),
                    f.category.clone(),
                ]
            },
            &profit,
            0,
        ),
        grouped(
            &facts,
            &|f| {
                f.customer.region == "AMERICA"
                    && f.supplier.nation == "UNITED STATES"
                    && late(f)
                    && f.category == "MFGR#14"
            },
            &|f| vec![f.year.to_string(), f.supplier.city.clone(), f.brand.clone()],
            &profit,
            0,
        ),
    ]
}

/// Sums by key, in the order of the keys; `year` says which part of the key is a number.
fn grouped(
    facts: &[Fact],
    keep: &dyn Fn(&Fact) -> bool,
    key: &dyn Fn(&Fact) -> Key,
    value: &dyn Fn(&Fact) -> i64,
    year: usize,
) -> Vec<Row> {
    let mut sums: BTreeMap<Key, i64> = BTreeMap::new();
    for fact in facts.iter().filter(|f| keep(f)) {
        *sums.entry(key(fact)).or_default() += value(fact);
    }
    sums.into_iter()
        .map(|(key, sum)| {
            let mut row: Row = key.into_iter().map(Cell::Text).collect();
            if let Cell::Text(text) = &row[year] {
                row[year] = Cell::Integer(text.parse().unwrap());
            }
            row.push(Cell::Integer(sum));
            row
        })
        .collect()
}

fn number(cell: &Cell) -> i64 {
    match cell {
        Cell::Integer(value) => *value,
        _ => panic!("a cell that is no whole number"),
    }
}

fn facts(sizes: Sizes) -> Vec<Fact> {
    let mut tables: BTreeMap<&str, Vec<Table>> = ssb::tables(sizes)
        .into_iter()
        .map(|(name, pieces)| (name, pieces.collect()))
        .collect();
    let mut table = |name: &str| tables.remove(name).unwrap();
    let (customers, suppliers) = (
        places(&table("customer")[0], "c"),
        places(&table("supplier")[0], "s"),
    );
    let (parts, dates) = (table("part").remove(0), table("dates").remove(0));
    let days: BTreeMap<i32, usize> = dates
        .numbers("d_datekey")
        .iter()
        .enumerate()
        .map(|(row, key)| (*key, row))
        .collect();
    let mut facts = Vec::new();
    for piece in table("lineorder") {
        let of = |name: &str, row: usize| piece.numbers(name)[row];
        for row in 0..piece.rows() {
            let day = days[&of("lo_orderdate", row)];
            let part = of("lo_partkey", row) as usize - 1;
            facts.push(Fact {
                year: dates.numbers("d_year")[day],
                month: dates.numbers("d_yearmonthnum")[day],
                week: dates.numbers("d_weeknuminyear")[day],
                quantity: i64::from(of("lo_quantity", row)),
                discount: i64::from(of("lo_discount", row)),
                extended: i64::from(of("lo_extendedprice", row)),
                revenue: i64::from(of("lo_revenue", row)),
                cost: i64::from(of("lo_supplycost", row)),
                customer: customers[of("lo_custkey", row) as usize - 1].clone(),
                supplier: suppliers[of("lo_suppkey", row) as usize - 1].clone(),
                maker: parts.texts("p_mfgr").value(part).to_owned(),
                category: parts.texts("p_category").value(part).to_owned(),
                brand: parts.texts("p_brand1").value(part).to_owned(),
            });
        }
    }
    facts
}

fn places(table: &Table, prefix: &str) -> Vec<Place> {
    let of = |name: &str, row| {
        table
            .texts(&format!("{prefix}_{name}"))
            .value(row)
            .to_owned()
    };
    (0..table.rows())
        .map(|row| Place {
            city: of("city", row),
            nation: of("nation", row),
            region: of("region", row),
        })
        .collect()
}

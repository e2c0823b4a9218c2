//! The 22 queries of TPC-H over its tables at a tiny scale: equal to DataFusion's own answers, open and under a role.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, AsArray};
use tpchgen::dates::TPCHDate;
use tpchgen::decimal::TPCHDecimal;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};
use tpchgen::q_and_a::queries::query;

use crate::plain;
use crate::world::{World, ask, ask_exact, days, deep, doubles, fixed, integers, texts};

const SCALE: f64 = 0.001;

fn money(values: impl Iterator<Item = TPCHDecimal>) -> ArrayRef {
    fixed(values.map(|value| value.0 * 100))
}

fn number(values: impl Iterator<Item = TPCHDecimal>) -> ArrayRef {
    doubles(values.map(|value| value.as_f64()))
}

fn day(values: impl Iterator<Item = TPCHDate>) -> ArrayRef {
    days(values.map(|value| i64::from(value.into_inner() + TPCHDate::UNIX_EPOCH_OFFSET)))
}

fn words(values: impl Iterator<Item = String>) -> ArrayRef {
    let words: Vec<String> = values.collect();
    texts(words.iter().map(String::as_str))
}

/// The parameters of each query.
const PARAMETERS: [&[&str]; 22] = [
    &["90"],
    &["15", "BRASS", "EUROPE"],
    &["BUILDING", "1995-03-15"],
    &["1993-07-01"],
    &["ASIA", "1994-01-01"],
    &["1994-01-01", "0.06", "24"],
    &["FRANCE", "GERMANY"],
    &["BRAZIL", "AMERICA", "ECONOMY ANODIZED STEEL"],
    &["green"],
    &["1993-10-01"],
    &["GERMANY", "0.0001"],
    &["MAIL", "SHIP", "1994-01-01"],
    &["special", "requests"],
    &["1995-09-01"],
    &["1996-01-01"],
    &[
        "Brand#45",
        "MEDIUM POLISHED",
        "49",
        "14",
        "23",
        "45",
        "19",
        "3",
        "36",
        "9",
    ],
    &["Brand#23", "MED BOX"],
    &["300"],
    &["Brand#12", "Brand#23", "Brand#34", "1", "10", "20"],
    &["forest", "1994-01-01", "CANADA"],
    &["SAUDI ARABIA"],
    &["13", "31", "23", "29", "30", "18", "17"],
];

fn queries() -> Vec<(String, String)> {
    let numbered = (1i32..).zip(PARAMETERS);
    let filled = numbered.map(|(number, parameters)| {
        let mut text = query(number).unwrap().replace(" day (3)", " day");
        for (place, value) in parameters.iter().enumerate().rev() {
            text = text.replace(&format!(":{}", place + 1), value);
        }
        (
            format!("Q{number}"),
            without_view(text.trim().trim_end_matches(';')),
        )
    });
    filled.collect()
}

/// Query 15 makes a view, asks it, and drops it: the same as a common table expression.
fn without_view(text: &str) -> String {
    let Some(view) = text.strip_prefix("create view ") else {
        return text.to_owned();
    };
    let mut parts = view.split(';');
    let (head, body) = parts.next().unwrap().split_once(" as").unwrap();
    format!("with {head} as ({body}) {}", parts.next().unwrap()).replace(":s", "")
}

fn world() -> World {
    let lines: Vec<_> = LineItemGenerator::new(SCALE, 1, 1).iter().collect();
    let orders: Vec<_> = OrderGenerator::new(SCALE, 1, 1).iter().collect();
    let customers: Vec<_> = CustomerGenerator::new(SCALE, 1, 1).iter().collect();
    let suppliers: Vec<_> = SupplierGenerator::new(SCALE, 1, 1).iter().collect();
    let parts: Vec<_> = PartGenerator::new(SCALE, 1, 1).iter().collect();
    let offers: Vec<_> = PartSuppGenerator::new(SCALE, 1, 1).iter().collect();
    let nations: Vec<_> = NationGenerator::new(SCALE, 1, 1).iter().collect();
    let regions: Vec<_> = RegionGenerator::new(SCALE, 1, 1).iter().collect();
    World::default()
        .table(
            "lineitem",
            vec![
                (
                    "l_orderkey",
                    integers(lines.iter().map(|row| row.l_orderkey)),
                ),
                ("l_partkey", integers(lines.iter().map(|row| row.l_partkey))),
                ("l_suppkey", integers(lines.iter().map(|row| row.l_suppkey))),
                (
                    "l_linenumber",
                    integers(lines.iter().map(|row| i64::from(row.l_linenumber))),
                ),
                (
                    "l_quantity",
                    integers(lines.iter().map(|row| row.l_quantity)),
                ),
                (
                    "l_extendedprice",
                    number(lines.iter().map(|row| row.l_extendedprice)),
                ),
                ("l_discount", number(lines.iter().map(|row| row.l_discount))),
                ("l_tax", number(lines.iter().map(|row| row.l_tax))),
                (
                    "l_returnflag",
                    words(lines.iter().map(|row| row.l_returnflag.to_string())),
                ),
                (
                    "l_linestatus",
                    words(lines.iter().map(|row| row.l_linestatus.to_string())),
                ),
                ("l_shipdate", day(lines.iter().map(|row| row.l_shipdate))),
                (
                    "l_commitdate",
                    day(lines.iter().map(|row| row.l_commitdate)),
                ),
                (
                    "l_receiptdate",
                    day(lines.iter().map(|row| row.l_receiptdate)),
                ),
                (
                    "l_shipinstruct",
                    words(lines.iter().map(|row| row.l_shipinstruct.to_string())),
                ),
                (
                    "l_shipmode",
                    words(lines.iter().map(|row| row.l_shipmode.to_string())),
                ),
            ],
        )
        .table(
            "orders",
            vec![
                (
                    "o_orderkey",
                    integers(orders.iter().map(|row| row.o_orderkey)),
                ),
                (
                    "o_custkey",
                    integers(orders.iter().map(|row| row.o_custkey)),
                ),
                (
                    "o_orderstatus",
                    words(orders.iter().map(|row| row.o_orderstatus.to_string())),
                ),
                (
                    "o_totalprice",
                    money(orders.iter().map(|row| row.o_totalprice)),
                ),
                ("o_orderdate", day(orders.iter().map(|row| row.o_orderdate))),
                (
                    "o_orderpriority",
                    words(orders.iter().map(|row| row.o_orderpriority.to_string())),
                ),
                (
                    "o_shippriority",
                    integers(orders.iter().map(|row| i64::from(row.o_shippriority))),
                ),
                (
                    "o_comment",
                    words(orders.iter().map(|row| row.o_comment.to_string())),
                ),
            ],
        )
        .table(
            "customer",
            vec![
                (
                    "c_custkey",
                    integers(customers.iter().map(|row| row.c_custkey)),
                ),
                (
                    "c_name",
                    words(customers.iter().map(|row| row.c_name.to_string())),
                ),
                (
                    "c_address",
                    words(customers.iter().map(|row| row.c_address.to_string())),
                ),
                (
                    "c_nationkey",
                    integers(customers.iter().map(|row| row.c_nationkey)),
                ),
                (
                    "c_phone",
                    words(customers.iter().map(|row| row.c_phone.to_string())),
                ),
                (
                    "c_acctbal",
                    money(customers.iter().map(|row| row.c_acctbal)),
                ),
                (
                    "c_mktsegment",
                    words(customers.iter().map(|row| row.c_mktsegment.to_string())),
                ),
                (
                    "c_comment",
                    words(customers.iter().map(|row| row.c_comment.to_string())),
                ),
            ],
        )
        .table(
            "supplier",
            vec![
                (
                    "s_suppkey",
                    integers(suppliers.iter().map(|row| row.s_suppkey)),
                ),
                (
                    "s_name",
                    words(suppliers.iter().map(|row| row.s_name.to_string())),
                ),
                (
                    "s_address",
                    words(suppliers.iter().map(|row| row.s_address.to_string())),
                ),
                (
                    "s_nationkey",
                    integers(suppliers.iter().map(|row| row.s_nationkey)),
                ),
                (
                    "s_phone",
                    words(suppliers.iter().map(|row| row.s_phone.to_string())),
                ),
                (
                    "s_acctbal",
                    money(suppliers.iter().map(|row| row.s_acctbal)),
                ),
                (
                    "s_comment",
                    words(suppliers.iter().map(|row| row.s_comment.to_string())),
                ),
            ],
        )
        .table(
            "part",
            vec![
                ("p_partkey", integers(parts.iter().map(|row| row.p_partkey))),
                (
                    "p_name",
                    words(parts.iter().map(|row| row.p_name.to_string())),
                ),
                (
                    "p_mfgr",
                    words(parts.iter().map(|row| row.p_mfgr.to_string())),
                ),
                (
                    "p_brand",
                    words(parts.iter().map(|row| row.p_brand.to_string())),
                ),
                (
                    "p_type",
                    words(parts.iter().map(|row| row.p_type.to_string())),
                ),
                (
                    "p_size",
                    integers(parts.iter().map(|row| i64::from(row.p_size))),
                ),
                (
                    "p_container",
                    words(parts.iter().map(|row| row.p_container.to_string())),
                ),
                (
                    "p_retailprice",
                    money(parts.iter().map(|row| row.p_retailprice)),
                ),
            ],
        )
        .table(
            "partsupp",
            vec![
                (
                    "ps_partkey",
                    integers(offers.iter().map(|row| row.ps_partkey)),
                ),
                (
                    "ps_suppkey",
                    integers(offers.iter().map(|row| row.ps_suppkey)),
                ),
                (
                    "ps_availqty",
                    integers(offers.iter().map(|row| i64::from(row.ps_availqty))),
                ),
                (
                    "ps_supplycost",
                    money(offers.iter().map(|row| row.ps_supplycost)),
                ),
            ],
        )
        .table(
            "nation",
            vec![
                (
                    "n_nationkey",
                    integers(nations.iter().map(|row| row.n_nationkey)),
                ),
                (
                    "n_name",
                    words(nations.iter().map(|row| row.n_name.to_string())),
                ),
                (
                    "n_regionkey",
                    integers(nations.iter().map(|row| row.n_regionkey)),
                ),
            ],
        )
        .table(
            "region",
            vec![
                (
                    "r_regionkey",
                    integers(regions.iter().map(|row| row.r_regionkey)),
                ),
                (
                    "r_name",
                    words(regions.iter().map(|row| row.r_name.to_string())),
                ),
            ],
        )
        .relate("lineitem.l_orderkey > orders.o_orderkey")
        .relate("lineitem.l_partkey > part.p_partkey")
        .relate("lineitem.l_suppkey > supplier.s_suppkey inactive")
        .relate("orders.o_custkey > customer.c_custkey")
        .relate("customer.c_nationkey > nation.n_nationkey")
        .relate("supplier.s_nationkey > nation.n_nationkey")
        .relate("nation.n_regionkey > region.r_regionkey")
        .relate("partsupp.ps_suppkey > supplier.s_suppkey")
        .relate("partsupp.ps_partkey > part.p_partkey")
        .role("Everyone")
        .filter("Europe", "region", "[r_name] = \"EUROPE\"")
}

#[test]
fn answers_are_those_of_datafusion_open_and_under_a_role() {
    deep(|| {
        let world = world();
        let names = world.sheet("region").column("r_name").as_string::<i32>();
        let europe = names.iter().map(|name| name == Some("EUROPE")).collect();
        let europe = BTreeMap::from([("region".to_owned(), europe)]);
        let mut fused = 0;
        for (role, masks) in [
            ("Everyone", BTreeMap::new()),
            ("Europe", world.visible(europe)),
        ] {
            let view = world.view(&[role]);
            let copied = plain::copy(&world.without(&masks));
            for (name, text) in queries() {
                let expected = plain::rows(&plain::ask(&copied, &text).unwrap());
                let exact = ask_exact(&view, &text)
                    .unwrap_or_else(|error| panic!("{role}, {name}: {error}"));
                assert_eq!(plain::rows(&exact.batches), expected, "{role}, {name}");
                let collated =
                    ask(&view, &text).unwrap_or_else(|error| panic!("{role}, {name}: {error}"));
                assert_eq!(
                    plain::rows(&collated.batches),
                    expected,
                    "{role}, {name}, collated"
                );
                let plan = plain::rows(&ask(&view, &format!("EXPLAIN {text}")).unwrap().batches);
                fused += usize::from(plan[1][1].contains("ModelScan"));
            }
        }
        assert!(
            fused >= 10,
            "only {fused} of 44 plans hold a scan of the model"
        );
    });
}

//! Hidden rows behind a one-to-one path: they count as deleted.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use roaring::RoaringBitmap;

use super::evaluator::value_at;
use super::world::{World, column, rows_of, words};
use crate::*;

/// Lines belong to orders, an order has at most one sale, and a sale has a territory and a product.
fn orders(orders: &[&str], sales: &[&str], territories: &[&str], security: &str) -> World {
    let lines = [
        "0 1 5", "1 1 6", "2 2 7", "3 3 8", "4 3 9", "5 77 10", "6 - 11",
    ];
    World::empty()
        .table("Lines", "Id Order Quantity", &lines)
        .table("Orders", "Id Weight", orders)
        .table("Sales", "Order Territory Product Amount", sales)
        .table("Territory", "Key Name", territories)
        .table("Product", "Key Color", &["1 Red", "2 Blue"])
        .relate("Lines.Order > Orders.Id")
        .relate(&format!("Sales.Order = Orders.Id {security}"))
        .relate("Sales.Territory > Territory.Key")
        .relate("Sales.Product > Product.Key")
}

fn small() -> World {
    orders(
        &["1 100", "2 200", "3 300"],
        &["1 1 1 10", "2 2 1 20", "3 2 2 30"],
        &["1 DE", "2 FR"],
        "",
    )
    .filter("DE", "Territory", "[Name] = \"DE\"")
    .role("All")
}

fn step(scope: &Scope, from: &str, to: &str, reverse: bool) -> Step {
    let (from, to) = (
        scope.find_table(from).unwrap(),
        scope.find_table(to).unwrap(),
    );
    let found = scope
        .relationships()
        .iter()
        .find(|r| (r.from, r.to) == if reverse { (to, from) } else { (from, to) });
    Step {
        relationship: found.unwrap().handle,
        reverse,
    }
}

/// `Orders-Sales-Territory.Name`: a column at the end of a path.
fn along(scope: &Scope, text: &str) -> PathColumn {
    let (tables, name) = text.split_once('.').unwrap();
    let tables: Vec<&str> = tables.split('-').collect();
    let steps: Vec<Step> = tables
        .windows(2)
        .map(|pair| step(scope, pair[0], pair[1], pair == ["Orders", "Sales"]))
        .collect();
    PathColumn {
        path: Arc::from(steps),
        target: Target::Column(column(scope, tables[tables.len() - 1], name)),
    }
}

fn spelled(scope: &Scope, codes: &Codes) -> String {
    let values = scope.decode(codes, &Control::new(None)).unwrap();
    let words = (0..codes.len()).map(|position| match value_at(&values, position) {
        super::evaluator::Value::Text(text) => text,
        super::evaluator::Value::Number(number) => number.to_string(),
        _ => "-".to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The column along the path for every visible row of the table.
fn fetched(scope: &Scope, text: &str) -> String {
    let column = along(scope, text);
    let table = text.split(['-', '.']).next().unwrap();
    let rows = scope
        .scan_rows(&rows_of(scope, table), &Control::new(None))
        .unwrap();
    spelled(
        scope,
        &scope.fetch(&rows, &column, &Control::new(None)).unwrap(),
    )
}

fn show(scope: &Scope, scan: &Scan) -> String {
    let groups = scope.scan(scan, &Control::new(None)).unwrap();
    let mut parts: Vec<String> = groups
        .keys
        .iter()
        .map(|codes| spelled(scope, codes))
        .collect();
    parts.extend(groups.aggregates.iter().map(|aggregated| match aggregated {
        Aggregated::Codes(codes) => spelled(scope, codes),
        other => format!("{other:?}"),
    }));
    parts.join(" | ")
}

fn aggregates(scope: &Scope, argument: &str, added: &str) -> Vec<Aggregate> {
    let read = |text: &str| Expression::Column(along(scope, text));
    let one = |op, argument| Aggregate {
        op,
        argument: Some(argument),
    };
    vec![
        one(AggregateOp::Sum, read(argument)),
        one(AggregateOp::Count, read(argument)),
        one(AggregateOp::Min, read(argument)),
        one(AggregateOp::Max, read(argument)),
        one(AggregateOp::DistinctCount, read(argument)),
        one(
            AggregateOp::Sum,
            Expression::Arithmetic {
                op: ArithmeticOp::Add,
                left: Box::new(read(argument)),
                right: Box::new(read(added)),
            },
        ),
    ]
}

fn is_one_of(scope: &Scope, text: &str, values: ArrayRef) -> Filter {
    let column = along(scope, text);
    let Target::Column(target) = column.target else {
        panic!("a row")
    };
    let codes = scope.encode(target, &values, &Control::new(None)).unwrap();
    Filter::In {
        column,
        set: Arc::new(RoaringBitmap::from_iter(codes)),
    }
}

fn has_blank_row(scope: &Scope, table: &str, from: &str, to: &str) -> bool {
    let over = step(scope, from, to, false).relationship;
    scope
        .blank_row(
            scope.find_table(table).unwrap(),
            &[over],
            &Control::new(None),
        )
        .unwrap()
        .is_some()
}

/// What a view finds out once, it finds out at the cost of the query that asks first: within its bounds, and not when it has to stop.
#[test]
fn what_a_query_makes_a_view_look_up_ends_with_the_query() {
    let gate = small().gate();
    let view = gate.admit(Identity::user("ana").role("DE")).unwrap();
    let scope = view.scope();
    let sales = scope.find_table("Sales").unwrap();
    let amount = scope.find_column(sales, "Amount").unwrap();
    let values: ArrayRef = Arc::new(Int64Array::from(vec![10, 30]));
    let over = step(scope, "Lines", "Orders", false).relationship;
    let orders = scope.find_table("Orders").unwrap();
    let asked = |control: &Control| {
        [
            scope.encode(amount, &values, control).map(drop),
            scope.bounds(amount, &values, control).map(drop),
            scope.code_end(amount, control).map(drop),
            scope.blank_row(orders, &[over], control).map(drop),
        ]
    };
    let stopped = Control::new(None);
    stopped.cancel();
    for (k, answer) in asked(&stopped).into_iter().enumerate() {
        assert_eq!(
            answer,
            Err(ReadError::Stopped(Stopped::Cancelled)),
            "question {k}"
        );
    }
    let going = Control::new(None);
    assert!(asked(&going).iter().all(Result::is_ok));
    assert!(going.checks() > 0);
    // Known by then.
    assert!(asked(&stopped).iter().all(Result::is_ok));
}

#[test]
fn row_rule_9_hidden_rows_behind_a_one_to_one_path_count_as_blank() {
    let gate = small().gate();
    let view = gate.admit(Identity::user("ana").role("DE")).unwrap();
    let scope = view.scope();
    assert_eq!(words(scope, "Orders", "Id"), "1 2 3");
    assert_eq!(words(scope, "Sales", "Order"), "1");
    for (path, expected) in [
        ("Orders-Sales.Amount", "10 - -"),
        ("Orders-Sales.Order", "1 - -"),
        ("Orders-Sales-Territory.Name", "DE - -"),
        ("Orders-Sales-Product.Color", "Red - -"),
        ("Lines-Orders-Sales.Amount", "10 10 - - - - -"),
        ("Lines-Orders.Weight", "100 100 200 300 300 - -"),
    ] {
        assert_eq!(fetched(scope, path), expected, "{path}");
    }
    let scan = Scan {
        keys: vec![along(scope, "Orders-Sales-Product.Color")],
        aggregates: aggregates(scope, "Orders-Sales.Amount", "Orders.Weight"),
        ..rows_of(scope, "Orders")
    };
    assert_eq!(
        show(scope, &scan),
        "- Red | Integer([None, Some(10)]) | Count([0, 1]) | - 10 | - 10 | Count([1, 1]) | Integer([Some(500), Some(110)])"
    );
    let of_colours = |values: &[Option<&str>]| Scan {
        filters: vec![is_one_of(
            scope,
            "Orders-Sales-Product.Color",
            Arc::new(StringArray::from(values.to_vec())),
        )],
        keys: vec![along(scope, "Orders.Id")],
        ..rows_of(scope, "Orders")
    };
    assert_eq!(show(scope, &of_colours(&[Some("Red")])), "1");
    assert_eq!(show(scope, &of_colours(&[Some("Blue")])), "");
    assert_eq!(show(scope, &of_colours(&[None])), "2 3");
    assert!(has_blank_row(scope, "Sales", "Sales", "Orders"));
    assert!(!has_blank_row(scope, "Orders", "Sales", "Orders"));
    // With every sale visible there is neither.
    let view = gate
        .admit(Identity::user("ana").roles(["DE", "All"]))
        .unwrap();
    assert_eq!(fetched(view.scope(), "Orders-Sales.Amount"), "10 20 30");
    assert!(!has_blank_row(view.scope(), "Sales", "Sales", "Orders"));
}

#[test]
fn row_rule_9_a_one_to_one_path_with_the_arrow_is_masked_where_security_does_not_flow() {
    let world = |security| {
        orders(
            &["1 100", "2 200", "3 300"],
            &["1 1 1 10", "2 2 1 20", "3 2 2 30"],
            &["1 DE", "2 FR"],
            security,
        )
        .filter("Light", "Orders", "NOT([Weight] > 150)")
    };
    let view = |security| {
        let gate = world(security).gate();
        gate.admit(Identity::user("ana").role("Light")).unwrap()
    };
    let carried = view("");
    assert_eq!(fetched(carried.scope(), "Sales-Orders.Weight"), "100");
    let apart = view("none");
    assert_eq!(fetched(apart.scope(), "Sales-Orders.Weight"), "100 - -");
    assert!(has_blank_row(apart.scope(), "Orders", "Sales", "Orders"));
}

#[test]
fn row_rule_8_an_inactive_one_to_one_path_leads_to_no_hidden_rows() {
    let world = small().edit(|model| model.relationships[1].active = false);
    let view = world
        .gate()
        .admit(Identity::user("ana").role("DE"))
        .unwrap();
    let scope = view.scope();
    let amount = along(scope, "Orders-Sales.Amount");
    let control = Control::new(None);
    let rows = scope
        .scan_rows(&rows_of(scope, "Orders"), &control)
        .unwrap();
    assert_eq!(
        scope.fetch(&rows, &amount, &Control::new(None)).err(),
        Some(ReadError::Secured)
    );
    let scan = Scan {
        keys: vec![amount],
        ..rows_of(scope, "Orders")
    };
    assert_eq!(scope.scan(&scan, &control).err(), Some(ReadError::Secured));
    // Of the hidden sales a blank row shows, as of sales that were deleted.
    assert!(has_blank_row(scope, "Sales", "Sales", "Orders"));
}

#[test]
fn a_blank_row_leads_to_a_blank_row_and_no_other_row_does() {
    let gate = small().gate();
    let view = gate.admit(Identity::user("ana").role("DE")).unwrap();
    let scope = view.scope();
    let control = Control::new(None);
    let orders = scope.find_table("Orders").unwrap();
    let sales = scope.find_table("Sales").unwrap();
    let lines = step(scope, "Lines", "Orders", false).relationship;
    let over = step(scope, "Sales", "Orders", false).relationship;
    let blank = scope.blank_row(orders, &[lines], &control).unwrap();
    let blank = blank.unwrap();
    let behind = scope.blank_row_behind(&blank, over, sales).unwrap();
    let own = scope.blank_row(sales, &[over], &control).unwrap();
    assert_eq!(Some(&behind), own.as_ref());
    let rows = scope
        .scan_rows(&rows_of(scope, "Orders"), &control)
        .unwrap();
    for before in [&rows, &rows.take(&[0]), &behind] {
        assert!(scope.blank_row_behind(before, over, sales).is_err());
    }
    assert!(scope.blank_row_behind(&blank, lines, sales).is_err());
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Everything that a scope says over the one-to-one path.
fn answers(scope: &Scope) -> Vec<String> {
    const ENDS: [&str; 4] = [
        "Sales.Amount",
        "Sales.Order",
        "Sales-Territory.Name",
        "Sales-Product.Color",
    ];
    let mut said = Vec::new();
    for (start, own) in [
        ("Orders", "Orders.Weight"),
        ("Lines-Orders", "Lines.Quantity"),
    ] {
        let table = start.split('-').next().unwrap();
        let at = |end: &str| format!("{start}-{end}");
        let mut filters = vec![
            None,
            Some(is_one_of(
                scope,
                &at("Sales-Territory.Name"),
                Arc::new(StringArray::from(vec!["DE"])),
            )),
            Some(is_one_of(
                scope,
                &at("Sales-Product.Color"),
                Arc::new(StringArray::from(vec![None, Some("Blue")])),
            )),
            Some(is_one_of(
                scope,
                &at("Sales.Amount"),
                Arc::new(Int64Array::from(vec![None, Some(3), Some(4)])),
            )),
        ];
        let amount = along(scope, &at("Sales.Amount"));
        if let Some(blank) = scope
            .blank_row(
                scope.find_table("Sales").unwrap(),
                &[step(scope, "Sales", "Orders", false).relationship],
                &Control::new(None),
            )
            .unwrap()
        {
            filters.push(Some(Filter::In {
                column: PathColumn {
                    path: amount.path.clone(),
                    target: blank.of(),
                },
                set: Arc::new(blank.as_slice().iter().copied().collect()),
            }));
        }
        for end in ENDS {
            said.push(fetched(scope, &at(end)));
            for filter in &filters {
                let scan = Scan {
                    filters: filter.iter().cloned().collect(),
                    keys: vec![along(scope, &at(end)), along(scope, own)],
                    aggregates: aggregates(scope, &at("Sales.Amount"), own),
                    ..rows_of(scope, table)
                };
                said.push(show(scope, &scan));
            }
        }
    }
    for (table, from, to) in [
        ("Sales", "Sales", "Orders"),
        ("Orders", "Sales", "Orders"),
        ("Territory", "Sales", "Territory"),
        ("Product", "Sales", "Product"),
    ] {
        said.push(format!("{table} {}", has_blank_row(scope, table, from, to)));
    }
    said
}

#[test]
fn a_one_to_one_path_says_what_it_says_of_a_copy_without_the_hidden_rows() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let order_rows: Vec<String> = (1..8).map(|id| format!("{id} {}", id * 100)).collect();
        let sales: Vec<String> = (1..10)
            .filter_map(|order| {
                let (territory, product) = (1 + dice.below(4), 1 + dice.below(3));
                let row = format!("{order} {territory} {product} {}", dice.below(8));
                (dice.below(4) > 0).then_some(row)
            })
            .collect();
        let territories = ["1 DE", "2 FR", "3 IT"];
        let roles: &[&str] = match dice.below(3) {
            0 => &["Germany"],
            1 => &["Germany", "Large"],
            _ => &["Not Italy"],
        };
        let text = |rows: &[String]| rows.to_vec();
        let build = |sales: &[String], territories: &[&str]| {
            let (orders_text, sales_text) = (text(&order_rows), text(sales));
            let orders_text: Vec<&str> = orders_text.iter().map(String::as_str).collect();
            let sales_text: Vec<&str> = sales_text.iter().map(String::as_str).collect();
            orders(&orders_text, &sales_text, territories, "")
        };
        let gate = build(&sales, &territories)
            .filter("Germany", "Territory", "[Name] = \"DE\"")
            .filter("Large", "Sales", "[Amount] > 4")
            .filter("Not Italy", "Territory", "[Name] <> \"IT\"")
            .gate();
        let view = gate
            .admit(Identity::user("ana").roles(roles.iter().copied()))
            .unwrap();
        let shown = |table: &str, column: &str| -> Vec<String> {
            let words = words(view.scope(), table, column);
            words.split_whitespace().map(str::to_owned).collect()
        };
        let first = |row: &str| row.split(' ').next().unwrap().to_owned();
        let (orders_shown, keys_shown) = (shown("Sales", "Order"), shown("Territory", "Key"));
        let left: Vec<String> = sales
            .iter()
            .filter(|row| orders_shown.contains(&first(row)))
            .cloned()
            .collect();
        let kept: Vec<&str> = territories
            .into_iter()
            .filter(|row| keys_shown.contains(&first(row)))
            .collect();
        let copy = build(&left, &kept)
            .gate()
            .admit(Identity::anonymous())
            .unwrap();
        assert_eq!(
            answers(view.scope()),
            answers(copy.scope()),
            "seed {seed}, roles {roles:?}"
        );
    }
}

//! Scans answered from wider ones: as if each had been run, and for nobody who sees other rows.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::world::{World, column};
use crate::*;

/// The same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Sales of products in countries. Some name a product or a country that is not there, or none.
fn world(random: &mut Random, rows: u64) -> World {
    let mut any = |words: &[&str]| words[random.below(words.len() as u64) as usize].to_owned();
    let sales: Vec<String> = (0..rows)
        .map(|id| {
            let product = any(&["10", "11", "12", "13", "99", "-"]);
            let country = any(&["1", "2", "3", "7", "-"]);
            let shipped = any(&["1", "2", "3"]);
            let amount = any(&["5", "-3", "700", "0", "-", "9223372036854775807"]);
            format!("{id} {product} {country} {shipped} {amount}")
        })
        .collect();
    let sales: Vec<&str> = sales.iter().map(String::as_str).collect();
    World::empty()
        .table("Sales", "Id Product Country ShipCountry Amount", &sales)
        .table(
            "Product",
            "Key Category Color",
            &["10 1 Red", "11 1 Blue", "12 2 Red", "13 9 -"],
        )
        .table("Category", "Key Name", &["1 Bikes", "2 Helmets"])
        .table("Country", "Key Name", &["1 DE", "2 FR", "3 IT"])
        .relate("Sales.Product > Product.Key")
        .relate("Product.Category > Category.Key")
        .relate("Sales.Country > Country.Key")
        .role("All")
        .filter("DE", "Country", "[Name] = \"DE\"")
        .filter("Red", "Product", "[Color] = \"Red\"")
        .filter("Most", "Sales", "[Id] <> 3")
        .filter("NotFirst", "Sales", "[Id] <> 0")
        .filter("NotFirstAgain", "Sales", "[Id] <> 0")
        .role("Colorless")
        .hide("Colorless", "Product.Color")
}

/// The gate once without anything kept, and once with scans kept of however small a table.
fn gates(world: impl Fn() -> World) -> (Gate, Gate) {
    let mut keeping = world().gate().keeping_scans(1 << 22);
    let scans = Arc::get_mut(keeping.scans.as_mut().unwrap()).unwrap();
    scans.least_rows = 0;
    (world().gate(), keeping)
}

const COLUMNS: [&str; 7] = [
    "Sales.Product",
    "Sales.Country",
    "Sales.ShipCountry",
    "Sales.Id",
    "Sales-Product.Color",
    "Sales-Product-Category.Name",
    "Sales-Country.Name",
];

/// A question without handles: columns by their places in `COLUMNS`, sets of codes as bits.
#[derive(Clone, Debug)]
struct Question {
    keys: Vec<usize>,
    sets: Vec<(usize, u64)>,
    pairs: Option<([usize; 2], Vec<u32>)>,
    aggregates: usize,
    groups: Option<usize>,
}

impl Question {
    fn scan(&self, scope: &Scope) -> Scan {
        let along = |place: usize| along(scope, COLUMNS[place]);
        let set = |(place, bits): &(usize, u64)| Filter::In {
            column: along(*place),
            set: Arc::new(
                (0..64)
                    .filter(|code| bits & 1 << code != 0)
                    .collect::<RoaringBitmap>(),
            ),
        };
        let pairs = self.pairs.iter().map(|(places, codes)| Filter::Tuples {
            columns: places.iter().map(|place| along(*place)).collect(),
            codes: Arc::new(codes.clone()),
        });
        Scan {
            table: scope.find_table("Sales").unwrap(),
            filters: self.sets.iter().map(set).chain(pairs).collect(),
            keys: self.keys.iter().map(|place| along(*place)).collect(),
            aggregates: aggregates(scope, self.aggregates),
        }
    }

    /// All that a scan says, or its error, without the numbers of scopes.
    fn ask(&self, view: &View) -> String {
        let control = Control::bounded(Bounds {
            groups: self.groups,
            ..Bounds::default()
        });
        let scope = view.scope();
        match scope.scan(&self.scan(scope), &control) {
            Err(error) => format!("{error:?}"),
            Ok(groups) => {
                let keys: Vec<&[u32]> = groups.keys.iter().map(Codes::as_slice).collect();
                let aggregates = groups.aggregates.iter().map(|one| match one {
                    Aggregated::Codes(codes) => format!("{:?}", codes.as_slice()),
                    other => format!("{other:?}"),
                });
                let aggregates: Vec<String> = aggregates.collect();
                format!("{} {keys:?} {aggregates:?}", groups.len)
            }
        }
    }
}

fn along(scope: &Scope, text: &str) -> PathColumn {
    let (tables, name) = text.split_once('.').unwrap();
    let tables: Vec<&str> = tables.split('-').collect();
    let step = |pair: &[&str]| {
        let ends = [pair[0], pair[1]].map(|table| scope.find_table(table).unwrap());
        let relationships = scope.relationships();
        let found = relationships.iter().find(|r| [r.from, r.to] == ends);
        Step {
            relationship: found.unwrap().handle,
            reverse: false,
        }
    };
    PathColumn {
        path: tables.windows(2).map(step).collect(),
        target: Target::Column(column(scope, tables[tables.len() - 1], name)),
    }
}

fn aggregates(scope: &Scope, which: usize) -> Vec<Aggregate> {
    let of = |op, text: &str| Aggregate {
        op,
        argument: Some(Expression::Column(along(scope, text))),
    };
    let rows = Aggregate {
        op: AggregateOp::Rows,
        argument: None,
    };
    let halves = Aggregate {
        op: AggregateOp::Sum,
        argument: Some(Expression::Arithmetic {
            op: ArithmeticOp::Divide,
            left: Box::new(Expression::Column(along(scope, "Sales.Amount"))),
            right: Box::new(Expression::Integer(3)),
        }),
    };
    match which {
        0 => vec![rows],
        1 => vec![
            of(AggregateOp::Sum, "Sales.Amount"),
            of(AggregateOp::Count, "Sales.Amount"),
        ],
        2 => vec![
            of(AggregateOp::Min, "Sales.Amount"),
            of(AggregateOp::Max, "Sales-Country.Name"),
            rows,
        ],
        // A product that leaves its range where the amount is large.
        3 => vec![Aggregate {
            op: AggregateOp::Max,
            argument: Some(Expression::Arithmetic {
                op: ArithmeticOp::Multiply,
                left: Box::new(Expression::Column(along(scope, "Sales.Amount"))),
                right: Box::new(Expression::Column(along(scope, "Sales.ShipCountry"))),
            }),
        }],
        // These do not combine.
        4 => vec![of(AggregateOp::DistinctCount, "Sales.Product")],
        _ => vec![halves],
    }
}

/// A few visuals under slicers that change: the same keys and aggregates, and now and then other sets.
fn questions(random: &mut Random, number: usize) -> Vec<Question> {
    let place = |random: &mut Random| random.below(COLUMNS.len() as u64) as usize;
    let set = |random: &mut Random| (place(random), random.below(256));
    let visuals: Vec<Question> = (0..4)
        .map(|_| Question {
            keys: (0..random.below(3)).map(|_| place(random)).collect(),
            sets: (0..random.below(2)).map(|_| set(random)).collect(),
            pairs: None,
            aggregates: random.below(6) as usize,
            groups: None,
        })
        .collect();
    let slicers = [place(random), place(random), place(random)];
    let mut asked = Vec::new();
    for _ in 0..number {
        let mut question = visuals[random.below(4) as usize].clone();
        for slicer in slicers {
            if random.below(2) == 0 {
                question.sets.push((slicer, random.below(64)));
            }
        }
        if random.below(5) == 0 {
            let codes = (0..2 * random.below(6)).map(|_| random.below(5) as u32);
            question.pairs = Some(([slicers[0], slicers[1]], codes.collect()));
        }
        if random.below(8) == 0 {
            question.groups = Some(random.below(3) as usize);
        }
        asked.push(question);
    }
    asked
}

#[test]
fn what_is_kept_changes_no_answer() {
    let mut narrowed = 0;
    for seed in 0..60 {
        let random = || Random(seed);
        let rows = [0, 1, 8, 40, 300][seed as usize % 5];
        let (fresh, keeping) = gates(|| world(&mut random(), rows));
        let roles = ["All", "DE", "Red", "Most", "DE"];
        let admit = |gate: &Gate, role: &str| gate.admit(Identity::user("ana").role(role));
        let views = roles.map(|role| {
            let view = admit(&keeping, role).unwrap();
            (view, admit(&fresh, role).unwrap())
        });
        let mut random = Random(seed + 1000);
        for question in questions(&mut random, 60) {
            for (view, expected) in &views {
                let place = format!("seed {seed}: {question:?}");
                assert_eq!(question.ask(view), question.ask(expected), "{place}");
            }
        }
        narrowed += keeping.scan_figures().narrowed;
        assert_eq!(fresh.scan_figures(), ScanFigures::default());
    }
    assert!(narrowed > 1000, "{narrowed}");
}

fn by_country(bits: u64) -> Question {
    Question {
        keys: vec![0],
        sets: vec![(1, bits)],
        pairs: None,
        aggregates: 1,
        groups: None,
    }
}

#[test]
fn those_who_see_one_row_more_or_less_share_nothing() {
    let (fresh, keeping) = gates(|| world(&mut Random(5), 40));
    let admit = |gate: &Gate, role: &str| gate.admit(Identity::user("ana").role(role)).unwrap();
    let narrowed = |view: &View, bits: u64| {
        let before = keeping.scan_figures().narrowed;
        by_country(bits).ask(view);
        keeping.scan_figures().narrowed - before
    };
    let first = admit(&keeping, "NotFirst");
    assert_eq!(
        [1, 2, 3, 4].map(|bits| narrowed(&first, bits)),
        [0, 0, 1, 1]
    );
    // Another role, the same rows.
    let same = admit(&keeping, "NotFirstAgain");
    assert_eq!([5, 6].map(|bits| narrowed(&same, bits)), [1, 1]);
    for other in ["Most", "All", "DE", "Colorless"] {
        let view = admit(&keeping, other);
        assert_eq!(narrowed(&view, 7), 0, "{other}");
        let expected = admit(&fresh, other);
        for bits in [7, 8, 9, 255] {
            let question = by_country(bits);
            assert_eq!(question.ask(&view), question.ask(&expected), "{other}");
        }
    }
    // A gate that follows has nothing of this one.
    let renewed = keeping.renewed(&keeping);
    let view = admit(&renewed, "NotFirst");
    by_country(3).ask(&view);
    assert_eq!(
        (
            renewed.scan_figures().asked,
            renewed.scan_figures().narrowed
        ),
        (1, 0)
    );
}

#[test]
fn what_has_paid_for_some_is_done_at_once_for_others_who_have_the_same_objects() {
    let (_, keeping) = gates(|| world(&mut Random(5), 300));
    let admit = |role: &str| keeping.admit(Identity::user("ana").role(role)).unwrap();
    let narrowed = |view: &View, bits: u64| {
        let before = keeping.scan_figures().narrowed;
        by_country(bits).ask(view);
        keeping.scan_figures().narrowed - before
    };
    let first = admit("NotFirst");
    for bits in 1..20 {
        narrowed(&first, bits);
    }
    // Filters bear on the same tables: the first question is asked widely, and the second is answered from it.
    let second = admit("Most");
    assert_eq!([1, 2].map(|bits| narrowed(&second, bits)), [0, 1]);
    // Where other objects exist, or filters bear on other tables, everything begins anew.
    for other in ["Colorless", "DE"] {
        let view = admit(other);
        assert_eq!(
            [1, 2, 3].map(|bits| narrowed(&view, bits)),
            [0, 0, 1],
            "{other}"
        );
    }
}

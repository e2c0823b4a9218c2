//! Aggregates over all rows of a table, which are taken a block at once and straight from the codes.

use arrow::array::{ArrayRef, Int64Array};
use model::Model;
use std::sync::Arc;

use super::random::Random;
use crate::*;

/// A little over three blocks, the last of which is short.
const ROWS: usize = 3 * 65_536 + 777;

/// Values of some columns, one encoding each, named by what the column says of itself.
fn columns(random: &mut Random) -> Vec<(&'static str, Vec<Option<i64>>)> {
    let mut draw = |blank: u64, mut value: Box<dyn FnMut(u64) -> i64>| -> Vec<Option<i64>> {
        let row = |_| (!random.chance(blank)).then(|| value(random.next()));
        (0..ROWS).map(row).collect()
    };
    let uneven = |bound: u64| move |n: u64| ((n % bound) * (n % bound)) as i64 * 97 - 1_000_000;
    let sparse = |n: u64| (n % 500_000) as i64 * if n.is_multiple_of(3) { 1 } else { 7 };
    let mut last = 0;
    let sticky = move |n: u64| {
        last = if n.is_multiple_of(40) { n % 50 } else { last };
        last as i64
    };
    vec![
        ("u8 offset", draw(0, Box::new(|n| (n % 200) as i64 - 30))),
        ("u8 offset", draw(20, Box::new(|n| (n % 200) as i64 * 10))),
        ("u16 offset", draw(0, Box::new(|n| (n % 9000) as i64))),
        ("u16 offset", draw(7, Box::new(|n| (n % 9000) as i64 - 5))),
        ("u24 offset", draw(0, Box::new(|n| (n % 100_000) as i64))),
        ("u24 offset", draw(1, Box::new(|n| (n % 100_000) as i64))),
        ("u8 dictionary", draw(0, Box::new(uneven(250)))),
        ("u8 dictionary", draw(50, Box::new(uneven(250)))),
        ("u16 dictionary", draw(0, Box::new(uneven(3000)))),
        ("u16 dictionary", draw(3, Box::new(uneven(3000)))),
        ("u24 dictionary", draw(3, Box::new(sparse))),
        ("u8 runs offset", draw(0, Box::new(sticky))),
        ("u8 runs dictionary", draw(100, Box::new(|n| n as i64))),
    ]
}

#[test]
fn whole_blocks_add_up_as_rows_do() {
    let columns = columns(&mut Random::new(31));
    let named = |number: usize| model::Column {
        name: format!("c{number}"),
        data_type: DataType::Integer,
        ..model::Column::default()
    };
    let table = model::Table {
        name: "t".to_owned(),
        columns: (0..columns.len()).map(named).collect(),
        ..model::Table::default()
    };
    let mut data = Dataset::new(&Model {
        tables: vec![table],
        ..Model::default()
    });
    let arrays = columns.iter().enumerate().map(|(number, (_, values))| {
        let array: ArrayRef = Arc::new(Int64Array::from(values.clone()));
        (number as u32, vec![array])
    });
    data.load_table(TableId(0), ROWS, arrays.collect()).unwrap();
    let argument = |column: usize| {
        Some(Expression::Column(PathColumn {
            path: Path::here(),
            target: Target::Column(column as u32),
        }))
    };
    let scan = |aggregates: Vec<Aggregate>| {
        let scan = Scan {
            table: TableId(0),
            visibility: Visibility::All,
            masks: Vec::new(),
            filters: Vec::new(),
            keys: Vec::new(),
            aggregates,
            max_groups: 1,
        };
        data.scan(&scan, &Control::default()).unwrap()
    };
    let figures = data.inspect();
    let mut all = Vec::new();
    for (column, (encoding, values)) in columns.iter().enumerate() {
        assert_eq!(&figures[column].encoding, encoding, "column {column}");
        let count = values.iter().flatten().count() as u64;
        let sum = values
            .iter()
            .flatten()
            .map(|v| i128::from(*v))
            .sum::<i128>();
        let both = [AggregateOp::Sum, AggregateOp::Count].map(|op| Aggregate {
            op,
            argument: argument(column),
        });
        let expected = [
            Aggregated::Integer(vec![(count > 0).then_some(sum)]),
            Aggregated::Count(vec![count]),
        ];
        let found = scan(both.to_vec());
        let place = format!("column {column}, {encoding}");
        assert_same(&found.aggregates, &expected, &place);
        assert_eq!(found.rows_scanned, ROWS as u64);
        all.extend(both.into_iter().zip(expected));
    }
    let (aggregates, expected): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    assert_same(&scan(aggregates.clone()).aggregates, &expected, "all");
    // An aggregate that is not taken from codes alone has all of them read strip by strip.
    let product = Aggregate {
        op: AggregateOp::Sum,
        argument: Some(Expression::Arithmetic {
            op: ArithmeticOp::Multiply,
            left: Box::new(argument(0).unwrap()),
            right: Box::new(Expression::Integer(3)),
        }),
    };
    let with_product = aggregates.into_iter().chain([product]).collect();
    let found = scan(with_product).aggregates;
    assert_same(&found[..expected.len()], &expected, "with a product");
}

/// All of them are whole numbers, which are written as they are.
fn assert_same(found: &[Aggregated], expected: &[Aggregated], place: &str) {
    assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{place}");
}

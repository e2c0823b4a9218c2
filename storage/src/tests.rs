//! Loading, encoding and relating by example.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal64Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use model::{Cardinality, Model};

use crate::*;

fn model(tables: &[&[DataType]], relationships: &[model::Relationship]) -> Model {
    let table = |(number, types): (usize, &&[DataType])| model::Table {
        name: format!("t{number}"),
        columns: types
            .iter()
            .enumerate()
            .map(|(place, t)| model::Column {
                name: format!("c{place}"),
                data_type: *t,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    Model {
        tables: tables.iter().enumerate().map(table).collect(),
        relationships: relationships.to_vec(),
        ..Default::default()
    }
}

fn column(table: u32, column: u32) -> ColumnId {
    ColumnId {
        table: TableId(table),
        column,
    }
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn integers(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn doubles(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn fixed(values: &[i64]) -> ArrayRef {
    Arc::new(
        Decimal64Array::from(values.to_vec())
            .with_precision_and_scale(18, 4)
            .unwrap(),
    )
}

fn dates(values: &[i64]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values.to_vec()))
}

/// Each array as a table of its own, with one column.
fn loaded(
    types: &[DataType],
    arrays: &[ArrayRef],
    relationships: &[model::Relationship],
) -> Dataset {
    let tables: Vec<&[DataType]> = types.iter().map(std::slice::from_ref).collect();
    let mut data = Dataset::new(&model(&tables, relationships));
    for (table, array) in (0..).zip(arrays) {
        data.load_table(TableId(table), array.len(), vec![(0, vec![array.clone()])])
            .unwrap();
    }
    data
}

fn relationship(from: Cardinality, to: Cardinality) -> model::Relationship {
    model::Relationship {
        name: "r".to_owned(),
        from_table: "T0".to_owned(),
        from_column: "c0".to_owned(),
        to_table: "t1".to_owned(),
        to_column: "C0".to_owned(),
        from_cardinality: from,
        to_cardinality: to,
        ..Default::default()
    }
}

#[test]
fn spellings_that_compare_equal_share_a_code() {
    let values = texts(&[
        Some("red "),
        None,
        Some("Blue"),
        Some("RED"),
        Some(""),
        Some("  "),
        Some("Red"),
        Some("blue"),
    ]);
    let data = loaded(&[DataType::Text], &[values], &[]);
    let id = column(0, 0);
    assert_eq!(data.domain(id), 4);
    let first = data.decode(id, &[0, 1, 2, 3], None).unwrap();
    let first: Vec<Option<&str>> = first.as_string::<i32>().iter().collect();
    assert_eq!(first, [None, Some(""), Some("Blue"), Some("red ")]);

    fn check(data: &Dataset, rows: RowSet, expected: [&str; 3]) {
        let spellings = data.spellings(column(0, 0), &rows).unwrap().unwrap();
        let decoded = data
            .decode(column(0, 0), &[1, 2, 3], Some(&spellings))
            .unwrap();
        let decoded: Vec<&str> = decoded.as_string::<i32>().iter().flatten().collect();
        assert_eq!(decoded, expected, "{rows:?}");
    }
    let some = |rows: &[u32]| RowSet::Some(rows.iter().copied().collect());
    check(&data, RowSet::All, ["", "Blue", "red "]);
    check(&data, some(&[0, 1, 2, 3, 4, 5, 6, 7]), ["", "Blue", "red "]);
    check(&data, some(&[3, 5, 6, 7, 8]), ["  ", "blue", "RED"]);
    check(&data, some(&[6]), ["", "Blue", "Red"]);
    assert_eq!(
        loaded(&[DataType::Text], &[texts(&[Some("a")])], &[]).spellings(id, &RowSet::All),
        Ok(None)
    );
}

#[test]
fn values_become_codes_and_bounds() {
    fn check(
        data_type: DataType,
        column_values: ArrayRef,
        asked: ArrayRef,
        codes: &[u32],
        bounds: &[(u32, u32)],
    ) {
        let data = loaded(&[data_type], &[column_values], &[]);
        assert_eq!(
            data.encode(column(0, 0), &asked).unwrap(),
            codes,
            "{asked:?}"
        );
        assert_eq!(
            data.bounds(column(0, 0), &asked).unwrap(),
            bounds,
            "{asked:?}"
        );
    }
    let none = ABSENT;
    // A dense range is kept as offsets: 12 has a code, but no row.
    check(
        DataType::Integer,
        integers(&[Some(13), None, Some(10), Some(11)]),
        integers(&[None, Some(9), Some(10), Some(12), Some(13), Some(14)]),
        &[BLANK, none, 1, none, 4, none],
        &[(1, 1), (1, 1), (1, 2), (3, 4), (4, 5), (5, 5)],
    );
    check(
        DataType::Integer,
        integers(&[Some(i64::MAX), Some(i64::MIN), Some(0)]),
        integers(&[Some(i64::MIN), Some(-1), Some(0), Some(i64::MAX)]),
        &[1, none, 2, 3],
        &[(1, 2), (2, 2), (2, 3), (3, 4)],
    );
    check(
        DataType::Double,
        doubles(&[-0.0, f64::NAN, 2.5, f64::INFINITY]),
        doubles(&[0.0, 1.0, 2.5, f64::INFINITY, f64::NAN]),
        &[1, none, 2, 3, 4],
        &[(1, 2), (2, 2), (2, 3), (3, 4), (4, 5)],
    );
    const DAY: i64 = 86_400_000_000;
    check(
        DataType::DateTime,
        dates(&[DAY, -DAY, 3 * DAY]),
        dates(&[-DAY, -1, 0, DAY, DAY + 1, 4 * DAY]),
        &[1, none, none, 2, none, none],
        &[(1, 2), (2, 2), (2, 2), (2, 3), (3, 3), (4, 4)],
    );
    check(
        DataType::Text,
        texts(&[Some("b"), Some("D")]),
        texts(&[Some("A"), Some("B "), Some("c"), Some("d"), Some("e"), None]),
        &[none, 1, none, 2, none, BLANK],
        &[(1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (1, 1)],
    );
    check(
        DataType::Integer,
        integers(&[None]),
        integers(&[Some(1)]),
        &[none],
        &[(1, 1)],
    );
}

#[test]
fn translation_compares_by_value() {
    fn check(from: (DataType, ArrayRef), to: (DataType, ArrayRef), expected: &[u32]) {
        let place = format!("{from:?} to {to:?}");
        let data = loaded(&[from.0, to.0], &[from.1, to.1], &[]);
        assert_eq!(
            &data.translate(column(0, 0), column(1, 0)).unwrap()[..],
            expected,
            "{place}"
        );
    }
    let none = ABSENT;
    use DataType::{Double, Fixed, Integer, Text};
    check(
        (Integer, integers(&[Some(1), Some(3)])),
        (Fixed, fixed(&[30_000, 15_000])),
        &[0, none, 2],
    );
    check(
        (Fixed, fixed(&[30_000, 15_000])),
        (Integer, integers(&[Some(1), Some(3)])),
        &[0, none, 2],
    );
    check(
        (Double, doubles(&[0.1, 1.0, 1e300])),
        (Fixed, fixed(&[1_000, 10_000])),
        &[0, 1, 2, none],
    );
    check(
        (Fixed, fixed(&[1_000, 3_000])),
        (Double, doubles(&[0.1, 0.3])),
        &[0, 1, 2],
    );
    check(
        (Integer, integers(&[Some((1 << 53) + 1)])),
        (Double, doubles(&[9_007_199_254_740_992.0])),
        &[0, none],
    );
    check(
        (Double, doubles(&[9.3e18, 2.0, f64::NAN])),
        (Integer, integers(&[Some(i64::MAX), Some(2)])),
        &[0, 1, none, none],
    );
    let from = texts(&[Some("a"), Some("C"), Some("x")]);
    check(
        (Text, from.clone()),
        (Text, texts(&[Some("c "), Some("b"), Some("A")])),
        &[0, 1, 3, none],
    );
    check(
        (Text, from),
        (Integer, integers(&[Some(1)])),
        &[0, none, none, none],
    );
    // Codes follow the order of the values, and 10 stands before 2 among texts.
    let written = texts(&[Some("2"), Some("10"), Some("02"), Some("x"), None]);
    check(
        (Integer, integers(&[Some(2), Some(10), Some(18)])),
        (Text, written.clone()),
        &[0, 3, 2, none],
    );
    check(
        (Text, written),
        (Integer, integers(&[Some(2), Some(10), Some(18)])),
        &[0, none, 2, 1, none],
    );
    check(
        (Fixed, fixed(&[-15_000, 0, 15_000])),
        (
            Text,
            texts(&[Some("-1.5"), Some("0"), Some("1.5"), Some("0.0")]),
        ),
        &[0, 1, 2, 4],
    );
    check(
        (Text, texts(&[Some("0.5"), Some("7")])),
        (Double, doubles(&[0.5, 7.0])),
        &[0, 1, 2],
    );
}

#[test]
fn offsets_take_the_common_step_out() {
    fn check(data_type: DataType, values: ArrayRef, expected: &str) {
        let data = loaded(&[data_type], std::slice::from_ref(&values), &[]);
        assert_eq!(data.inspect()[0].encoding, expected);
        let codes = data.encode(column(0, 0), &values).unwrap();
        assert_eq!(&data.decode(column(0, 0), &codes, None).unwrap(), &values);
    }
    check(
        DataType::Integer,
        integers(&[Some(5), None, Some(-5)]),
        "u8 offset",
    );
    check(
        DataType::Integer,
        integers(&[Some(-9_000_000), None, Some(9_000_000), Some(0)]),
        "u8 offset",
    );
    check(
        DataType::Integer,
        integers(&[Some(0), Some(1 << 40), Some(1)]),
        "u8 dictionary",
    );
    check(
        DataType::Integer,
        integers(&[Some(i64::MIN), Some(i64::MAX)]),
        "u8 dictionary",
    );
    check(
        DataType::Fixed,
        fixed(&(0..500).map(|v| v * 10_000).collect::<Vec<_>>()),
        "u16 offset",
    );
    // As few as these are cheaper listed.
    check(
        DataType::Fixed,
        fixed(&[5_000_000, 1_230_000, 0]),
        "u8 dictionary",
    );
    check(
        DataType::Fixed,
        fixed(
            &(0..300)
                .map(|v| v * v * v * 7_919 + v % 2)
                .collect::<Vec<_>>(),
        ),
        "u16 dictionary",
    );
    check(
        DataType::Text,
        texts(&[Some("a"), Some("")]),
        "u8 text dictionary",
    );
    check(DataType::Integer, integers(&[]), "u8 dictionary");
}

#[test]
fn loading_refuses_what_does_not_fit() {
    fn check(result: Result<(), StorageError>, message: &str) {
        assert_eq!(result.unwrap_err().to_string(), message);
    }
    let mut data = Dataset::new(&model(
        &[&[DataType::Integer, DataType::Text], &[DataType::Binary]],
        &[],
    ));
    let one = || integers(&[Some(1)]);
    check(
        data.load_table(TableId(9), 0, vec![]),
        "the model has no table number 9",
    );
    check(
        data.load_table(TableId(0), 1, vec![(7, vec![one()])]),
        "table 't0' has no column number 7",
    );
    check(
        data.load_table(TableId(0), 2, vec![(0, vec![one()])]),
        "column 't0'[c0] has 1 values where 2 are due",
    );
    check(
        data.load_table(TableId(0), 1, vec![(1, vec![one()])]),
        "column 't0'[c1] takes Utf8, and was given Int64",
    );
    check(
        data.load_table(TableId(1), 1, vec![(0, vec![one()])]),
        "column 't1'[c0] is of type Binary, which cannot be stored",
    );
    check(
        data.add_column(column(0, 0), one()),
        "table 't0' has no data yet",
    );
    assert!(
        data.load_table(TableId(0), u32::MAX as usize, vec![])
            .is_err()
    );
    assert_eq!(data.rows(TableId(0)), None);
    data.load_table(TableId(0), 1, vec![(0, vec![one()])])
        .unwrap();
    check(
        data.load_table(TableId(0), 1, vec![]),
        "table 't0' has data already; a dataset is never changed in place",
    );
    assert!(!data.has_column(column(0, 1)));
    data.add_column(column(0, 1), texts(&[Some("x")])).unwrap();
    assert!(data.has_column(column(0, 1)));
    assert!(data.decode(column(0, 1), &[ABSENT], None).is_err());
    assert!(
        data.fetch(
            TableId(0),
            &[2],
            &PathColumn {
                path: Path::here(),
                target: Target::Row
            },
            &[]
        )
        .is_err()
    );
}

#[test]
fn relating_refuses_what_is_not_unique() {
    use Cardinality::{Many, One};
    fn check(from: Cardinality, to: Cardinality, keys: &[Option<i64>], expected: Option<&str>) {
        let arrays = [integers(&[Some(1), Some(2)]), integers(keys)];
        let mut data = loaded(&[DataType::Integer; 2], &arrays, &[relationship(from, to)]);
        let refused = data.relate(RelationshipId(0)).err().map(|e| e.to_string());
        assert_eq!(data.is_related(RelationshipId(0)), refused.is_none());
        match expected {
            None => assert_eq!(refused, None),
            Some(part) => assert!(refused.unwrap().contains(part), "{part}"),
        }
    }
    check(Many, One, &[Some(1), Some(3)], None);
    check(
        Many,
        One,
        &[Some(3), Some(3)],
        Some("column 't1'[c0] repeats a value"),
    );
    check(
        Many,
        One,
        &[Some(3), None],
        Some("column 't1'[c0] holds BLANK"),
    );
    check(One, One, &[Some(3), Some(2)], None);
    check(One, One, &[None], Some("holds BLANK"));
    check(Many, Many, &[Some(3), Some(3), None], None);
    check(One, Many, &[Some(3)], Some("swap its ends"));
}

#[test]
fn relating_takes_types_that_models_mix() {
    use DataType::{Boolean, DateTime, Integer, Text};
    fn check(from: (DataType, ArrayRef), to: (DataType, ArrayRef), related: bool) {
        let place = format!("{from:?} to {to:?}");
        let many = relationship(Cardinality::Many, Cardinality::One);
        let mut data = loaded(&[from.0, to.0], &[from.1, to.1], &[many]);
        assert_eq!(data.relate(RelationshipId(0)).is_ok(), related, "{place}");
    }
    let keys = || integers(&[Some(20_240_131), Some(1)]);
    let days = || dates(&[0, 86_400_000_000]);
    let words = || texts(&[Some("1"), Some("x")]);
    check((Integer, keys()), (Text, words()), true);
    check((Text, words()), (Integer, keys()), true);
    check((Integer, keys()), (DateTime, days()), true);
    check((DateTime, days()), (Integer, keys()), true);
    check((Text, words()), (DateTime, days()), false);
    let flags = || -> ArrayRef { Arc::new(BooleanArray::from(vec![true, false])) };
    check((Integer, keys()), (Boolean, flags()), false);
}

#[test]
fn dates_can_be_joined_by_day() {
    const HOUR: i64 = 3_600_000_000;
    let by_day = model::Relationship {
        join_on_date_part: true,
        ..relationship(Cardinality::Many, Cardinality::One)
    };
    let related = |days: &[i64]| {
        let mut data = loaded(
            &[DataType::DateTime; 2],
            &[dates(&[5 * HOUR, -HOUR, 50 * HOUR]), dates(days)],
            std::slice::from_ref(&by_day),
        );
        data.relate(RelationshipId(0)).map(|()| data)
    };
    let data = related(&[0, -24 * HOUR]).unwrap();
    let step = Step {
        relationship: RelationshipId(0),
        reverse: false,
    };
    let column = PathColumn {
        path: Path(Arc::from([step])),
        target: Target::Row,
    };
    assert_eq!(
        data.fetch(TableId(0), &[0, 1, 2, 3], &column, &[]).unwrap(),
        [0, 1, 2, 2]
    );
    assert!(matches!(
        related(&[0, HOUR]),
        Err(StorageError::Duplicate { .. })
    ));
    // A number such as 20240131 is no day.
    let mut numbers = loaded(
        &[DataType::DateTime, DataType::Integer],
        &[dates(&[0]), integers(&[Some(20_240_131)])],
        std::slice::from_ref(&by_day),
    );
    assert!(numbers.relate(RelationshipId(0)).is_err());
}

#[test]
fn an_extension_leaves_the_dataset_as_it_is() {
    let mut data = loaded(
        &[DataType::Integer, DataType::Integer],
        &[
            integers(&[Some(1), Some(2), Some(1)]),
            integers(&[Some(1), Some(2)]),
        ],
        &[relationship(Cardinality::Many, Cardinality::One)],
    );
    data.relate(RelationshipId(0)).unwrap();
    let equal = data.row_classes(TableId(0)).unwrap();
    let mut more = data.extension();
    let words = texts(&[Some("a"), None, Some("b")]);
    let added = more.append_column(TableId(0), "word", words.clone());
    assert_eq!(added, Ok(column(0, 1)));
    let table = more.append_table("more", vec![("w".to_owned(), words.clone())]);
    assert_eq!((table, more.rows(TableId(2))), (Ok(TableId(2)), Some(3)));
    assert_eq!(more.column_type(column(0, 1)), Some(DataType::Text));
    assert!(more.is_related(RelationshipId(0)));
    // The rows that were equal differ now, but only where the column is.
    assert_eq!(more.row_classes(TableId(0)), Ok(None));
    assert!(equal.is_some() && data.row_classes(TableId(0)) == Ok(equal));
    assert_eq!(data.column_type(column(0, 1)), None);
    assert_eq!(data.rows(TableId(2)), None);

    let short = more.append_column(TableId(0), "short", integers(&[Some(1)]));
    assert!(matches!(short, Err(StorageError::Length { .. })));
    let uneven = vec![
        ("a".to_owned(), words),
        ("b".to_owned(), integers(&[Some(1)])),
    ];
    assert!(more.append_table("uneven", uneven).is_err());
    assert_eq!(more.column_type(column(0, 2)), None);
    assert_eq!(more.rows(TableId(3)), None);
}

#[test]
fn a_dataset_in_a_log_shows_no_cells() {
    let data = loaded(&[DataType::Text], &[texts(&[Some("secret")])], &[]);
    assert_eq!(format!("{data:?}"), r#"{"t0": Some(1)}"#);
}

/// A fact of two blocks over cities of three nations in two regions, whose keys are in no order at all.
#[test]
fn keys_are_numbered_by_the_hierarchy_that_they_lead_to() {
    let nations = ["b1", "a2", "a1", "b1", "a2", "b1", "a1", "a2"];
    let cities = ["b11", "a22", "a11", "b12", "a21", "b11", "a11", "a22"];
    let text = |values: &[&str]| texts(&values.iter().map(|v| Some(*v)).collect::<Vec<_>>());
    let regions: Vec<&str> = nations.iter().map(|n| &n[..1]).collect();
    let mut data = Dataset::new(&model(
        &[
            &[DataType::Integer],
            &[
                DataType::Integer,
                DataType::Text,
                DataType::Text,
                DataType::Text,
            ],
        ],
        &[relationship(Cardinality::Many, Cardinality::One)],
    ));
    // Two keys find no city, one is BLANK, and two cities are never referred to.
    let keys: Vec<Option<i64>> = (0..140_000)
        .map(|row| Some((row * 7) % 9).filter(|key| *key != 3))
        .collect();
    data.load_table(TableId(0), keys.len(), vec![(0, vec![integers(&keys)])])
        .unwrap();
    let ids: Vec<Option<i64>> = [0, 1, 2, 3, 4, 5, 6, 77].map(Some).to_vec();
    let columns = [
        integers(&ids),
        text(&regions),
        text(&nations),
        text(&cities),
    ];
    let columns = (0..).zip(columns.map(|c| vec![c])).collect();
    data.load_table(TableId(1), 8, columns).unwrap();
    let before: Vec<u32> = data.column(column(0, 0)).unwrap().iter_codes().collect();
    data.relate(RelationshipId(0)).unwrap();
    let key = data.column(column(0, 0)).unwrap();
    assert_eq!(key.iter_codes().collect::<Vec<_>>(), before);
    assert_eq!(
        (key.code_at(5), key.gather(&[5, 200_000])),
        (before[5], vec![before[5], BLANK])
    );
    let numbering = key.numbering.as_ref().unwrap();
    // By number: BLANK, then the nations a1 (keys 2, 6), a2 (1, 4) and b1 (0, 5), then the orphans (7, 8), then the key that
    // no row has. There are too many cities for the few rows.
    assert_eq!(numbering.codes(), [0, 3, 7, 2, 5, 1, 6, 8, 9, 4]);
    for (code, number) in (0..).zip(numbering.numbers()) {
        assert_eq!(numbering.code(*number), code);
    }
    let region = PathColumn {
        path: Path(Arc::from([Step {
            relationship: RelationshipId(0),
            reverse: false,
        }])),
        target: Target::Column(1),
    };
    let scan = Scan {
        table: TableId(0),
        visibility: Visibility::All,
        masks: Vec::new(),
        filters: vec![Filter::In {
            column: region.clone(),
            set: Arc::new(
                data.encode(column(1, 1), &texts(&[Some("a")]))
                    .unwrap()
                    .into_iter()
                    .collect(),
            ),
        }],
        keys: vec![region],
        aggregates: vec![Aggregate {
            op: AggregateOp::Sum,
            argument: Some(Expression::Column(PathColumn {
                path: Path::here(),
                target: Target::Column(0),
            })),
        }],
        max_groups: 9,
    };
    let found = data.scan(&scan, &Control::default()).unwrap();
    let expected: i64 = keys
        .iter()
        .flatten()
        .filter(|k| [1, 2, 4, 6].contains(*k))
        .sum();
    assert!(
        matches!(&found.aggregates[0], Aggregated::Integer(sums) if sums[..] == [Some(expected.into())])
    );
}

//! Every way to encode, against the values themselves.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray, new_null_array,
};
use arrow::compute::concat;
use arrow::datatypes::{DataType as ArrowType, Float64Type, Int64Type};

use super::pack::{in_order, order_of};
use super::{Pieces, encode_column};
use crate::column::Column;
use crate::dictionary::compare_doubles;
use crate::{BLANK, DataType, collation};

/// What the codes of a column stand for, row by row.
fn decoded(column: &Column) -> ArrayRef {
    let codes: Vec<u32> = column.numbers.iter().collect();
    column.decode(&codes, None).ok().unwrap()
}

/// Encodes the chunks and compares every row, the order of the codes, and the figures. Returns the name of the encoding.
#[track_caller]
fn check(data_type: DataType, chunks: &[ArrayRef]) -> String {
    let rows = chunks.iter().map(|c| c.len()).sum();
    let column = encode_column(data_type, chunks, rows).unwrap();
    let parts: Vec<&dyn Array> = chunks.iter().map(|c| c.as_ref()).collect();
    let all = concat(&parts).unwrap();
    assert_eq!(&decoded(&column), &all);
    let found = column.encode(&all).ok().unwrap();
    assert_eq!(found, column.numbers.iter().collect::<Vec<_>>());
    let used: BTreeSet<u32> = found.iter().copied().filter(|c| *c != BLANK).collect();
    assert_eq!(used.len(), column.distinct as usize);
    for code in 1..column.size() {
        assert_eq!(
            column.domain.holds(code),
            used.contains(&code),
            "code {code}"
        );
    }
    assert_eq!(column.blanks as usize, all.null_count());
    format!("{} {}", column.numbers.name(), column.domain.name())
}

fn integers(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

/// The same numbers in every run.
fn random(count: usize, seed: u64) -> Vec<u64> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^ (mixed >> 31)
        })
        .collect()
}

#[test]
fn whole_numbers_of_every_spread() {
    #[track_caller]
    fn spread(value: impl Fn(u64) -> i64, expected: &str) {
        for blanks in [0, 3] {
            let values = random(150_000, 7)
                .into_iter()
                .map(|r| (blanks == 0 || r % blanks > 0).then(|| value(r >> 8)));
            let all = integers(values);
            let chunks = [all.slice(0, 70_000), all.slice(70_000, 80_000)];
            assert_eq!(check(DataType::Integer, &chunks), expected);
        }
    }
    spread(|r| (r % 200) as i64 - 100, "u8 offset");
    spread(|r| (r % 60_000) as i64, "u16 offset");
    spread(|r| (r % 200_000) as i64 + (1 << 60), "u24 offset");
    spread(|r| (r % 500_000) as i64 + (1 << 60), "u32 offset");
    // The steps of a column show only when its blocks are together.
    spread(|r| (r % 50_000) as i64 * 1_000_000, "u16 offset");
    spread(
        |r| (r % 2) as i64 * 77 + (r % 1000) as i64 * 3_600_000_000,
        "u16 dictionary",
    );
    // Few values far apart are cheaper listed, and so are those whose codes become narrower.
    spread(|r| (r % 100) as i64 * 700 + (r % 2) as i64, "u8 dictionary");
    spread(
        |r| ((r % 15_000) * (r % 15_000) % 70_001) as i64,
        "u16 dictionary",
    );
    spread(|r| (r as i64) << 8, "u24 dictionary");
    spread(|r| (r % 5_000) as i64 * 0x0123_4567_89ab, "u16 offset");
    spread(
        |r| if r % 2 == 0 { i64::MIN } else { i64::MAX },
        "u8 dictionary",
    );
}

#[test]
fn rows_that_stay_the_same_are_runs() {
    #[track_caller]
    fn check_runs(length: usize, value: impl Fn(u64) -> i64, expected: &str) {
        let values = random(150_000 / length + 1, 8).into_iter();
        let rows = values.flat_map(|r| std::iter::repeat_n((r % 5 > 0).then(|| value(r)), length));
        let all = integers(rows.take(150_000));
        let chunks = [all.slice(0, 65_537), all.slice(65_537, 84_463)];
        assert_eq!(check(DataType::Integer, &chunks), expected);
    }
    check_runs(150_000, |_| 5, "u8 runs offset");
    check_runs(4, |r| (r % 100) as i64, "u8 runs offset");
    check_runs(2, |r| (r % 100) as i64, "u8 offset");
    check_runs(4, |r| (r % 9_000) as i64, "u16 runs offset");
    check_runs(4, |r| (r % 100_000) as i64, "u24 runs offset");
    check_runs(40, |r| (r % 3_000) as i64 * 200, "u16 runs offset");
    check_runs(2, |r| (r % 500_000) as i64, "u32 offset");
}

#[test]
fn blocks_of_different_kinds_make_one_column() {
    let dense = integers((0..70_000).map(Some));
    let wide = integers(random(70_000, 3).into_iter().map(|r| Some(r as i64)));
    let blank = new_null_array(&ArrowType::Int64, 66_000);
    let one = integers([Some(-1)]);
    check(
        DataType::Integer,
        &[dense.clone(), wide, blank.clone(), one.clone()],
    );
    assert_eq!(
        check(DataType::Integer, &[blank.clone(), dense, one.clone()]),
        "u24 offset"
    );
    assert_eq!(check(DataType::Integer, &[blank, one]), "u8 runs offset");
    assert_eq!(check(DataType::Integer, &[integers([])]), "u8 dictionary");
    let nothing = encode_column(DataType::Integer, &[], 0).unwrap();
    assert_eq!((nothing.size(), nothing.distinct), (1, 0));
}

#[test]
fn minutes_of_many_years_are_offsets() {
    // Within an hour microseconds are dense, over years only the minutes are.
    let minutes = (0..70_000).map(|m| Some(m * 60_000_000 + 1_600_000_000_000_000));
    let hour = (0..60).map(|m| Some(m * 60_000_000));
    assert_eq!(check(DataType::Integer, &[integers(minutes)]), "u24 offset");
    let far = (0..60).map(|m| Some(m * 60_000_000 + 600_000_000_000));
    let name = check(DataType::Integer, &[integers(hour), integers(far)]);
    assert_eq!(name, "u8 dictionary");
}

#[test]
fn decimal_numbers() {
    let odd = [
        0.0,
        -0.0,
        f64::NAN,
        -f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
    ];
    let some = random(90_000, 5).into_iter().map(f64::from_bits).chain(odd);
    let all: Vec<f64> = some.collect();
    let array: ArrayRef = Arc::new(Float64Array::from(all.clone()));
    let column = encode_column(DataType::Double, &[array], all.len()).unwrap();
    let back = decoded(&column);
    for (row, (found, given)) in back
        .as_primitive::<Float64Type>()
        .values()
        .iter()
        .zip(&all)
        .enumerate()
    {
        assert!(
            compare_doubles(*found, *given).is_eq(),
            "row {row}: {found} for {given}"
        );
    }
    let by_code: Vec<f64> = match &*column.domain {
        crate::dictionary::Domain::Double(values) => values[1..].to_vec(),
        _ => panic!("decimal numbers have a dictionary"),
    };
    assert!(
        by_code
            .windows(2)
            .all(|w| compare_doubles(w[0], w[1]).is_lt())
    );
    for value in all {
        assert!(compare_doubles(in_order(order_of(value)), value).is_eq());
    }
    let few: ArrayRef = Arc::new(
        (0..80_000)
            .map(|r| (r % 3 > 0).then_some(f64::from(r % 9) / 7.0))
            .collect::<Float64Array>(),
    );
    assert_eq!(check(DataType::Double, &[few]), "u8 dictionary");
}

#[test]
fn texts_numbered_and_plain_are_one_column() {
    let word = |r: u64| {
        (!r.is_multiple_of(11)).then(|| format!("{} {}", ["a", "É", "zz"][r as usize % 3], r % 700))
    };
    let all: StringArray = random(140_000, 9).into_iter().map(word).collect();
    let all: ArrayRef = Arc::new(all);
    let kind = ArrowType::Dictionary(Box::new(ArrowType::Int32), Box::new(ArrowType::Utf8));
    let numbered = arrow::compute::cast(&all.slice(0, 60_000), &kind).unwrap();
    let mut pieces = Pieces::new(DataType::Text).unwrap();
    // The dictionary of both is the same memory.
    assert!(pieces.push_numbered(&numbered.slice(0, 1000)));
    assert!(pieces.push_numbered(&numbered.slice(1000, 59_000)));
    let mut later = Pieces::new(DataType::Text).unwrap();
    later.push(&all.slice(60_000, 80_000)).unwrap();
    pieces.append(later);
    let column = pieces.finish(all.len());
    assert_eq!(&decoded(&column), &all);
    let whole = encode_column(DataType::Text, std::slice::from_ref(&all), all.len()).unwrap();
    assert_eq!(
        column.numbers.iter().collect::<Vec<_>>(),
        whole.numbers.iter().collect::<Vec<_>>()
    );
    let distinct: BTreeSet<&str> = all.as_string::<i32>().iter().flatten().collect();
    assert_eq!(column.distinct as usize, distinct.len());
    check(DataType::Text, &[all]);
}

#[test]
fn words_that_no_row_has_do_not_exist() {
    let kind = ArrowType::Dictionary(Box::new(ArrowType::Int32), Box::new(ArrowType::Utf8));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["x", "hidden", "a"]));
    let numbered = arrow::compute::cast(&texts, &kind).unwrap();
    let rows = arrow::compute::take(
        &numbered,
        &arrow::array::Int32Array::from(vec![Some(2), None, Some(0)]),
        None,
    );
    let mut pieces = Pieces::new(DataType::Text).unwrap();
    assert!(pieces.push_numbered(&rows.unwrap()));
    let column = pieces.finish(3);
    assert_eq!((column.distinct, column.size()), (2, 3));
    assert_eq!(column.numbers.iter().collect::<Vec<_>>(), [1, 0, 2]);
    assert_eq!(column.domain.find_text("hidden"), crate::ABSENT);
}

#[test]
fn the_first_row_says_how_a_text_is_spelled() {
    let kind = ArrowType::Dictionary(Box::new(ArrowType::Int32), Box::new(ArrowType::Utf8));
    // The dictionary lists another spelling first than the rows do.
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["ab", "AB", "c", "Ab "]));
    let numbered = arrow::compute::cast(&texts, &kind).unwrap();
    let order = arrow::array::Int32Array::from(vec![1, 2, 3, 0, 1]);
    let rows = arrow::compute::take(&numbered, &order, None).unwrap();
    let mut pieces = Pieces::new(DataType::Text).unwrap();
    assert!(pieces.push_numbered(&rows));
    let column = pieces.finish(5);
    assert_eq!(column.numbers.iter().collect::<Vec<_>>(), [1, 2, 1, 1, 1]);
    let shown = decoded(&column);
    let shown: Vec<&str> = shown.as_string::<i32>().iter().flatten().collect();
    assert_eq!(shown, ["AB", "c", "AB", "AB", "AB"]);
    let crate::dictionary::Domain::Text(domain) = &*column.domain else {
        panic!("text has a text domain");
    };
    let variants = domain.variants.as_ref().unwrap();
    assert_eq!(variants.spelling(1, 0), None);
    assert_eq!(variants.spelling(1, 2), Some("Ab "));
    assert_eq!(variants.spelling(1, 3), Some("ab"));
    assert_eq!(variants.spelling(1, 4), None);
    assert!(collation::compare("AB", "ab").is_eq());
}

#[test]
fn raw_numbers_mean_what_their_unit_says() {
    let unit = super::Unit {
        factor: 1000,
        start: 5,
        least: 0,
        most: 10_000,
    };
    let mut pieces = Pieces::new(DataType::Integer).unwrap();
    let array = integers([Some(1), None, Some(9)]);
    assert!(pieces.push_raw::<Int64Type>(&array, &unit).is_ok());
    let beyond = integers([Some(10)]);
    assert!(pieces.push_raw::<Int64Type>(&beyond, &unit).is_err());
    let below = integers([Some(-1)]);
    assert!(pieces.push_raw::<Int64Type>(&below, &unit).is_err());
    let huge = integers([Some(i64::MAX)]);
    assert!(pieces.push_raw::<Int64Type>(&huge, &unit).is_err());
    let column = pieces.finish(3);
    assert_eq!(&decoded(&column), &integers([Some(1005), None, Some(9005)]));
}

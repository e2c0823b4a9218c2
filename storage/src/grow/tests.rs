//! Columns that get rows, by one step and by several, against columns encoded from all rows at once.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};

use super::{Stretch, Turn, grow};
use crate::column::Column;
use crate::dictionary::Domain;
use crate::encode::encode_column;
use crate::{BLANK, DataType};

fn whole(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<Int64Array>())
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn encoded(data_type: DataType, values: &ArrayRef) -> Column {
    encode_column(data_type, std::slice::from_ref(values), values.len()).unwrap()
}

/// The rows of `more` behind those of `column`.
fn behind(column: Column, data_type: DataType, more: &ArrayRef) -> (Column, String) {
    let new = encoded(data_type, more);
    let stretch = |fresh, len| Stretch {
        fresh,
        start: 0,
        len,
    };
    let stretches = [stretch(false, column.len()), stretch(true, new.len())].into();
    let tail = grow(&column, &new, &stretches).unwrap();
    let how = match &tail.turn {
        Turn::Same if tail.head.numbering.is_some() => "numbered".to_owned(),
        Turn::Same => "same".to_owned(),
        Turn::Even { first, stride } => format!("shift {first} {stride}"),
        Turn::Table(_) => "anew".to_owned(),
    };
    let domain = if tail.same_domain { "" } else { ", grown" };
    (tail.onto(Arc::new(column)), format!("{how}{domain}"))
}

/// What a column says of its rows, whatever it is encoded as.
pub(crate) fn said(column: &Column) -> String {
    let codes: Vec<u32> = column.iter_codes().collect();
    let mut ranks: Vec<u32> = codes.clone();
    ranks.sort_unstable();
    ranks.dedup();
    let rank = |code: &u32| ranks.binary_search(code).unwrap();
    let values = column.decode(&codes, None).ok().unwrap();
    let held: Vec<u32> = (1..column.size())
        .filter(|c| column.domain.holds(*c))
        .collect();
    assert!(
        held.iter().eq(ranks.iter().filter(|c| **c != BLANK)),
        "codes that occur"
    );
    assert_eq!(column.zones, column.numbers.zones(), "zones");
    if column.data_type != DataType::Text {
        assert!(column.held_is_exact());
    }
    let spellings = match &*column.domain {
        Domain::Text(text) => format!(
            "{:?}",
            text.variants.as_ref().map(|v| {
                (
                    v.texts
                        .iter()
                        .map(|(c, t)| (rank(c), t))
                        .collect::<Vec<_>>(),
                    &v.rows,
                    v.places.iter().collect::<Vec<_>>(),
                )
            })
        ),
        _ => String::new(),
    };
    format!(
        "{:?}\n{values:?}\n{} {}\n{spellings}",
        codes.iter().map(rank).collect::<Vec<_>>(),
        column.distinct,
        column.blanks,
    )
}

fn joined(arrays: &[ArrayRef]) -> ArrayRef {
    let arrays: Vec<&dyn arrow::array::Array> = arrays.iter().map(|a| &**a).collect();
    arrow::compute::concat(&arrays).unwrap()
}

#[test]
fn new_values_find_their_places() {
    fn check(data_type: DataType, before: ArrayRef, more: ArrayRef, expected: &str) {
        let (column, how) = behind(encoded(data_type, &before), data_type, &more);
        assert_eq!(how, expected, "{before:?} and {more:?}");
        let all = joined(&[before, more]);
        assert_eq!(said(&column), said(&encoded(data_type, &all)), "{all:?}");
    }
    let some = |values: &[i64]| whole(&values.iter().map(|v| Some(*v)).collect::<Vec<_>>());
    let integers = |before: &[i64], more: &[i64], expected| {
        check(DataType::Integer, some(before), some(more), expected);
    };
    integers(&[5, 6, 9], &[6, 5], "same");
    integers(&[5, 6, 9], &[7], "same, grown");
    integers(&[5, 6, 9], &[12, 30], "same, grown");
    integers(&[5, 6, 9], &[3, 30], "shift 3 1, grown");
    integers(&[10, 20, 40], &[45], "shift 1 2, grown");
    integers(&[10, 20, 40], &[7], "shift 4 10, grown");
    integers(&[10], &[4], "shift 2 1, grown");
    integers(&[], &[4, 8], "same, grown");
    integers(&[1, 2, 3], &[i64::MAX, i64::MIN], "anew, grown");
    let far = [i64::MIN, -(1 << 50) - 3, 1 << 40, (1 << 60) + 7, i64::MAX];
    integers(&far[..3], &far[3..], "same, grown");
    integers(&far, &far[1..2], "same");
    integers(&far, &[0, 3, 1 << 59], "numbered, grown");
    integers(&far, &[0, 3, 4, 5, 1 << 59], "anew, grown");
    check(
        DataType::Integer,
        whole(&[None, None]),
        whole(&[Some(3), None]),
        "same, grown",
    );
    check(
        DataType::Integer,
        whole(&[Some(1), None]),
        whole(&[None, None]),
        "same",
    );
    check(
        DataType::Boolean,
        bits(&[true]),
        bits(&[true, false]),
        "shift 2 1, grown",
    );
    let doubles = |values: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    check(
        DataType::Double,
        doubles(&[1.5, f64::NAN]),
        doubles(&[-0.0, 0.0, 2.0]),
        "numbered, grown",
    );
    check(
        DataType::Double,
        doubles(&[0.0]),
        doubles(&[f64::NAN, 7.0]),
        "same, grown",
    );
    let words = |before: &[&str], more: &[&str], expected| {
        check(DataType::Text, texts(before), texts(more), expected);
    };
    words(&["b", "d"], &["b", "d", "d"], "same");
    words(&["b", "d"], &["e", ""], "numbered, grown");
    words(&["b", "d"], &["x", "e"], "same, grown");
    words(
        &["b", "d", "B"],
        &["D", "a", "b ", "B", "A"],
        "numbered, grown",
    );
    words(&["b", "d"], &["D", "d"], "same, grown");
    words(&["b", "d", "D"], &["D", "d", "D"], "same, grown");
    words(&["b", "d"], &["a", "c", "e", "f", "g"], "anew, grown");
}

fn bits(values: &[bool]) -> ArrayRef {
    Arc::new(arrow::array::BooleanArray::from(values.to_vec()))
}

/// Numbers that anybody can draw again.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Draw {
        Draw(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

/// Some rows of a kind, the later the step the wider the values may lie.
pub(crate) fn drawn(kind: u64, step: u64, rows: u64, draw: &mut Draw) -> (DataType, ArrayRef) {
    let run = 1 + draw.below(9);
    let mut value = 0;
    let mut numbers = (0..rows).map(|row| {
        if row % run == 0 {
            value = match kind {
                0 => draw.below(4 + 3 * step) as i64,
                1 => draw.below(200 + 300 * step) as i64 - 100 * step as i64,
                2 => 1000 - 10 * draw.below(20 + 9 * step) as i64 + (step > 2) as i64 * 5,
                3 => (draw.below(30 + 3 * step) as i64) << 40,
                4 => (draw.below(1 << 20) as i64 - (1 << 19)) << (step * 3),
                5 => 70_000 * (step > 1) as i64 + draw.below(300) as i64,
                _ => draw.below(90 + 4 * step) as i64,
            };
        }
        (draw.below(13) > 0).then_some(value)
    });
    let numbers: Vec<Option<i64>> = numbers.by_ref().collect();
    match kind {
        6 => {
            let doubles = numbers.iter().map(|n| n.map(|n| n as f64 / 8.0 - 3.0));
            (
                DataType::Double,
                Arc::new(doubles.collect::<Float64Array>()),
            )
        }
        7 | 8 => {
            let words = numbers.iter().map(|n| {
                let n = (*n)?;
                let word = format!("w{}", n * 7919 % 1000);
                Some(match kind == 8 && n % 3 == 0 && draw.below(3) == 0 {
                    true => word.to_uppercase(),
                    false => word,
                })
            });
            (DataType::Text, Arc::new(words.collect::<StringArray>()))
        }
        _ => (DataType::Integer, whole(&numbers)),
    }
}

pub(crate) const KINDS: u64 = 9;

/// Several times some rows of every kind, at the end and in between.
#[test]
fn grown_columns_say_what_those_of_all_rows_say() {
    let (mut ways, mut respelled) = (std::collections::BTreeSet::new(), 0);
    for seed in 0..60 {
        for kind in 0..KINDS {
            let mut draw = Draw::new(seed * 100 + kind + 1);
            let first = 1 + draw.below(900);
            let (data_type, before) = drawn(kind, 0, first, &mut draw);
            let mut column = encoded(data_type, &before);
            let mut arrays = vec![before];
            for step in 1..5 {
                let count = 1 + draw.below(120);
                let (_, more) = drawn(kind, step, count, &mut draw);
                let new = encoded(data_type, &more);
                let rows = column.len();
                let cut = match draw.below(4) {
                    0 => draw.below(rows as u64 + 1) as usize,
                    _ => rows,
                };
                let part = |fresh, start, len| Stretch { fresh, start, len };
                let stretches: Arc<[Stretch]> = [
                    part(false, 0, cut),
                    part(true, 0, new.len()),
                    part(false, cut, rows - cut),
                ]
                .into();
                let all = joined(&arrays);
                arrays = vec![all.slice(0, cut), more, all.slice(cut, rows - cut)];
                let expected = encoded(data_type, &joined(&arrays));
                column = match grow(&column, &new, &stretches) {
                    Some(tail) => {
                        ways.insert(format!(
                            "{kind} {}",
                            match tail.turn {
                                Turn::Same => "same",
                                Turn::Even { .. } => "even",
                                Turn::Table(_) => "table",
                            }
                        ));
                        // Sometimes others hold the rows of before too.
                        let before = Arc::new(column);
                        let other = (draw.below(2) == 0).then(|| Arc::clone(&before));
                        let grown = tail.onto(before);
                        drop(other);
                        grown
                    }
                    None => {
                        respelled += 1;
                        encoded(data_type, &joined(&arrays))
                    }
                };
                assert_eq!(
                    said(&column),
                    said(&expected),
                    "seed {seed}, kind {kind}, step {step}"
                );
            }
        }
    }
    assert!(respelled > 5, "{respelled}");
    for kind in [1, 2] {
        assert!(ways.contains(&format!("{kind} even")), "{ways:?}");
    }
    for kind in [1, 4, 6, 7, 8] {
        assert!(ways.contains(&format!("{kind} table")), "{ways:?}");
    }
}

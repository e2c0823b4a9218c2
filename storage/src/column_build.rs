//! Encoding: from canonical Arrow arrays to codes and a domain.

use std::hash::Hash;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::Float64Type;
use roaring::RoaringBitmap;

use crate::DataType;
use crate::canonical::WholeValues;
use crate::collation::collation_key;
use crate::column::{Codes, Column};
use crate::dictionary::{Domain, Offset, TextDomain, Texts, Variants, compare_doubles};
use crate::hash::FastMap;

/// A range of whole numbers of up to so many values a row, and so many more, is kept as offsets rather than as a
/// dictionary: the codes are no wider for it, and a dictionary of 8 bytes a value is saved.
const OFFSET_VALUES_PER_ROW: u128 = 4;
const OFFSET_VALUES_AT_LEAST: u128 = 1024;

/// Encodes chunks of the canonical type of `data_type`, `rows` values in all. None: the type has no canonical form.
pub(crate) fn encode_column(
    data_type: DataType,
    chunks: &[ArrayRef],
    rows: usize,
) -> Option<Column> {
    match data_type {
        DataType::Text => {
            let chunks: Vec<&StringArray> = chunks.iter().map(|c| c.as_string::<i32>()).collect();
            Some(encode_text(&chunks, rows))
        }
        DataType::Double => Some(encode_doubles(chunks, rows)),
        DataType::Integer | DataType::Fixed | DataType::DateTime | DataType::Boolean => {
            let chunks: Vec<WholeValues> =
                chunks.iter().map(WholeValues::of).collect::<Option<_>>()?;
            Some(encode_whole(data_type, &chunks, rows))
        }
        DataType::Binary | DataType::Unknown | DataType::Variant => None,
    }
}

fn encode_whole(data_type: DataType, chunks: &[WholeValues], rows: usize) -> Column {
    if let Some((base, step, count)) = offsets(chunks, rows) {
        return encode_offsets(data_type, chunks, base, step, count);
    }
    let (ids, distinct) = intern(chunks.iter().flat_map(WholeValues::iter), rows);
    let order = ordered(&distinct, |a, b| a.cmp(b));
    let mut values = vec![0];
    values.extend(order.iter().map(|id| distinct[*id as usize]));
    let codes = recode(&ids, &order);
    Column::new(
        data_type,
        codes,
        Domain::Whole(values),
        distinct.len() as u32,
    )
}

/// Base, step and count of the offsets that hold all the values, if that many pay.
fn offsets(chunks: &[WholeValues], rows: usize) -> Option<(i64, i64, u32)> {
    let mut least = i64::MAX;
    let mut most = i64::MIN;
    for chunk in chunks {
        if chunk.nulls().is_none() {
            least = chunk.values().iter().fold(least, |m, v| m.min(*v));
            most = chunk.values().iter().fold(most, |m, v| m.max(*v));
        } else {
            for value in chunk.iter().flatten() {
                least = least.min(value);
                most = most.max(value);
            }
        }
    }
    if least > most {
        return None;
    }
    let limit = (rows as u128 * OFFSET_VALUES_PER_ROW + OFFSET_VALUES_AT_LEAST)
        .min(u128::from(u32::MAX) - 2);
    let span = (i128::from(most) - i128::from(least)) as u128;
    if span < limit {
        return Some((least, 1, span as u32 + 1));
    }
    // Days kept as microseconds, or amounts in whole units, are dense once their common step is taken out.
    let mut step = 0u64;
    for value in chunks.iter().flat_map(WholeValues::iter).flatten() {
        let distance = value.wrapping_sub(least) as u64;
        if step == 0 || !distance.is_multiple_of(step) {
            step = greatest_common_divisor(step, distance);
            if step == 1 {
                return None;
            }
        }
    }
    let step = i64::try_from(step).ok().filter(|s| *s > 0)?;
    let places = span / step as u128;
    (places < limit).then_some((least, step, places as u32 + 1))
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn encode_offsets(
    data_type: DataType,
    chunks: &[WholeValues],
    base: i64,
    step: i64,
    count: u32,
) -> Column {
    let domain = count + 1;
    let values = chunks.iter().flat_map(WholeValues::iter);
    // The differences may be wider than i64, but never than u64.
    let distance = move |v: i64| v.wrapping_sub(base) as u64;
    let codes = if step == 1 {
        Codes::pack(
            domain,
            values.map(|v| v.map_or(0, |v| distance(v) as u32 + 1)),
        )
    } else {
        Codes::pack(
            domain,
            values.map(|v| v.map_or(0, |v| (distance(v) / step as u64) as u32 + 1)),
        )
    };
    let mut present = vec![0u64; domain as usize / 64 + 1];
    for code in codes.iter() {
        present[code as usize / 64] |= 1 << (code % 64);
    }
    present[0] &= !1;
    let distinct: u32 = present.iter().map(|word| word.count_ones()).sum();
    let present = (distinct < count).then_some(present);
    Column::new(
        data_type,
        codes,
        Domain::Offset(Offset {
            base,
            step,
            count,
            present,
        }),
        distinct,
    )
}

fn encode_doubles(chunks: &[ArrayRef], rows: usize) -> Column {
    let values = chunks
        .iter()
        .flat_map(|c| c.as_primitive::<Float64Type>().iter());
    let (ids, distinct) = intern(values.map(|v| v.map(one_spelling)), rows);
    let order = ordered(&distinct, |a, b| {
        compare_doubles(f64::from_bits(*a), f64::from_bits(*b))
    });
    let mut values = vec![0.0];
    values.extend(
        order
            .iter()
            .map(|id| f64::from_bits(distinct[*id as usize])),
    );
    let codes = recode(&ids, &order);
    Column::new(
        DataType::Double,
        codes,
        Domain::Double(values),
        distinct.len() as u32,
    )
}

/// The bits of a decimal number, the same for both zeros and for every NaN.
fn one_spelling(value: f64) -> u64 {
    if value == 0.0 {
        0
    } else if value.is_nan() {
        f64::NAN.to_bits()
    } else {
        value.to_bits()
    }
}

/// The number of each value in order of first occurrence, `u32::MAX` for BLANK, and the distinct values in that order.
fn intern<V: Copy + Eq + Hash>(
    values: impl Iterator<Item = Option<V>>,
    rows: usize,
) -> (Vec<u32>, Vec<V>) {
    let mut numbers: FastMap<V, u32> = FastMap::default();
    let mut distinct = Vec::new();
    let mut ids = Vec::with_capacity(rows);
    for value in values {
        ids.push(match value {
            None => u32::MAX,
            Some(value) => *numbers.entry(value).or_insert_with(|| {
                distinct.push(value);
                distinct.len() as u32 - 1
            }),
        });
    }
    (ids, distinct)
}

/// The numbers of the distinct values in value order.
fn ordered<V>(distinct: &[V], compare: impl Fn(&V, &V) -> std::cmp::Ordering) -> Vec<u32> {
    let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
    order.sort_unstable_by(|a, b| compare(&distinct[*a as usize], &distinct[*b as usize]));
    order
}

/// Codes of numbered values: the first in `order` gets code 1.
fn recode(ids: &[u32], order: &[u32]) -> Codes {
    let mut codes = vec![0u32; order.len()];
    for (place, id) in order.iter().enumerate() {
        codes[*id as usize] = place as u32 + 1;
    }
    Codes::pack(
        order.len() as u32 + 1,
        ids.iter()
            .map(|id| codes.get(*id as usize).copied().unwrap_or(0)),
    )
}

fn encode_text(chunks: &[&StringArray], rows: usize) -> Column {
    let (ids, spellings) = intern(chunks.iter().flat_map(|c| c.iter()), rows);
    let keys: Vec<_> = spellings.iter().map(|s| collation_key(s)).collect();
    let mut order: Vec<u32> = (0..spellings.len() as u32).collect();
    // Numbers follow first occurrence, so the first of equal keys is the spelling of the first row.
    order.sort_unstable_by(|a, b| keys[*a as usize].cmp(&keys[*b as usize]).then(a.cmp(b)));
    let mut codes = vec![0u32; spellings.len()];
    let mut places = vec![0u32; spellings.len()];
    let mut first = Texts::new();
    let mut variants: Vec<(u32, Vec<Box<str>>)> = Vec::new();
    for group in order.chunk_by(|a, b| keys[*a as usize] == keys[*b as usize]) {
        let code = first.len() as u32;
        for (place, id) in group.iter().enumerate() {
            codes[*id as usize] = code;
            places[*id as usize] = place as u32;
        }
        first.push(spellings[group[0] as usize]);
        if group.len() > 1 {
            variants.push((
                code,
                group[1..]
                    .iter()
                    .map(|id| spellings[*id as usize].into())
                    .collect(),
            ));
        }
    }
    let domain = first.len() as u32;
    let packed = Codes::pack(
        domain,
        ids.iter()
            .map(|id| codes.get(*id as usize).copied().unwrap_or(0)),
    );
    let variants = (!variants.is_empty()).then(|| spelled_otherwise(variants, &ids, &places));
    Column::new(
        DataType::Text,
        packed,
        Domain::Text(TextDomain { first, variants }),
        domain - 1,
    )
}

fn spelled_otherwise(texts: Vec<(u32, Vec<Box<str>>)>, ids: &[u32], places: &[u32]) -> Variants {
    let mut rows = RoaringBitmap::new();
    let mut used = Vec::new();
    for (row, id) in ids.iter().enumerate() {
        let place = places.get(*id as usize).copied().unwrap_or(0);
        if place > 0 {
            rows.insert(row as u32);
            used.push(place);
        }
    }
    rows.optimize();
    let most = used.iter().copied().max().unwrap_or(0);
    Variants {
        texts,
        rows,
        places: Codes::pack(most + 1, used.into_iter()),
    }
}

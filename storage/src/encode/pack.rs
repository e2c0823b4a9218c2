//! Packing a block of whole numbers by itself. Decimal numbers come here too, as whole numbers of the same order.

use arrow::buffer::NullBuffer;

use crate::codes::Codes;
use crate::hash::FastMap;

/// What one step of a number in a file means: dates count days, and the model microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// A number stands for `number * factor + start`.
    pub(crate) factor: i64,
    pub(crate) start: i64,
    /// What it stands for must lie between these, the ends included.
    pub(crate) least: i64,
    pub(crate) most: i64,
}

impl Unit {
    /// Every number stands for itself.
    pub(crate) const PLAIN: Unit = Unit {
        factor: 1,
        start: 0,
        least: i64::MIN,
        most: i64::MAX,
    };

    fn value(&self, number: i64) -> Result<i64, OutOfRange> {
        let value = number
            .checked_mul(self.factor)
            .and_then(|v| v.checked_add(self.start))
            .ok_or(OutOfRange)?;
        if (self.least..=self.most).contains(&value) {
            Ok(value)
        } else {
            Err(OutOfRange)
        }
    }
}

/// A value lies outside what its unit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfRange;

/// The whole numbers of a block of rows. Code 0 is BLANK in both.
#[derive(Debug)]
pub(crate) enum WholePiece {
    Even(Even),
    Listed(Listed),
}

/// Code c stands for `least + (c - 1) * step`; codes go up to `count`, and not all of them need occur.
#[derive(Debug)]
pub(crate) struct Even {
    pub(crate) least: i64,
    pub(crate) step: i64,
    pub(crate) count: u32,
    pub(crate) codes: Codes,
}

/// Code c stands for `values[c - 1]`. The values ascend, and each occurs.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) values: Vec<i64>,
    pub(crate) codes: Codes,
}

/// As many values as codes can stand for, with one left for BLANK.
const MOST_PLACES: u64 = u32::MAX as u64 - 2;

impl WholePiece {
    /// Packs a block. What stands at a null means nothing.
    pub(crate) fn pack<T: Copy + Ord + Into<i64>>(
        values: &[T],
        nulls: Option<&NullBuffer>,
        unit: &Unit,
    ) -> Result<WholePiece, OutOfRange> {
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        let Some((least, most)) = ends(values, nulls) else {
            return Ok(WholePiece::Even(Even {
                least: 0,
                step: 1,
                count: 0,
                codes: Codes::pack(1, values.iter().map(|_| 0)),
            }));
        };
        // Units keep the order, so the ends speak for all between them.
        let first = unit.value(least)?;
        unit.value(most)?;
        let span = most.wrapping_sub(least) as u64;
        if span < MOST_PLACES {
            let count = span as u32 + 1;
            return Ok(WholePiece::Even(Even {
                least: first,
                step: unit.factor,
                count,
                codes: offsets(values, nulls, least, count),
            }));
        }
        // Instants kept finer than they are measured lie at even distances.
        let step = even_step(values, nulls, least);
        let places = span / step;
        let in_unit = i64::try_from(step)
            .ok()
            .and_then(|s| s.checked_mul(unit.factor));
        if let (Some(step_in_unit), true) = (in_unit, places < MOST_PLACES) {
            let count = places as u32 + 1;
            return Ok(WholePiece::Even(Even {
                least: first,
                step: step_in_unit,
                count,
                codes: even_offsets(values, nulls, least, step, count),
            }));
        }
        let listed = list(values, nulls, |number| {
            number.wrapping_mul(unit.factor).wrapping_add(unit.start)
        });
        Ok(WholePiece::Listed(listed))
    }

    /// Smallest and largest value; None: all are BLANK.
    pub(crate) fn ends(&self) -> Option<(i64, i64)> {
        match self {
            WholePiece::Even(even) if even.count == 0 => None,
            WholePiece::Even(even) => Some((even.least, even.value(even.count))),
            WholePiece::Listed(listed) => Some((*listed.values.first()?, *listed.values.last()?)),
        }
    }
}

impl Even {
    pub(crate) fn value(&self, code: u32) -> i64 {
        self.least
            .wrapping_add(i64::from(code - 1).wrapping_mul(self.step))
    }
}

/// The numbers that are not null, with the place of each.
fn valid<'a, T: Copy + Into<i64>>(
    values: &'a [T],
    nulls: Option<&'a NullBuffer>,
) -> impl Iterator<Item = i64> + 'a {
    values
        .iter()
        .enumerate()
        .filter(move |(row, _)| nulls.is_none_or(|nulls| nulls.is_valid(*row)))
        .map(|(_, value)| (*value).into())
}

fn ends<T: Copy + Ord + Into<i64>>(values: &[T], nulls: Option<&NullBuffer>) -> Option<(i64, i64)> {
    if nulls.is_some() {
        return valid(values, nulls).fold(None, |ends, value| {
            let (least, most) = ends.unwrap_or((value, value));
            Some((least.min(value), most.max(value)))
        });
    }
    let first = *values.first()?;
    let least = values.iter().fold(first, |least, v| least.min(*v));
    let most = values.iter().fold(first, |most, v| most.max(*v));
    Some((least.into(), most.into()))
}

fn offsets<T: Copy + Into<i64>>(
    values: &[T],
    nulls: Option<&NullBuffer>,
    least: i64,
    count: u32,
) -> Codes {
    let code = move |value: T| (value.into().wrapping_sub(least) as u32).wrapping_add(1);
    match nulls {
        None => Codes::pack(count + 1, values.iter().map(|v| code(*v))),
        Some(nulls) => {
            let rows = values.iter().zip(nulls.iter());
            Codes::pack(
                count + 1,
                rows.map(|(v, valid)| if valid { code(*v) } else { 0 }),
            )
        }
    }
}

fn even_offsets<T: Copy + Into<i64>>(
    values: &[T],
    nulls: Option<&NullBuffer>,
    least: i64,
    step: u64,
    count: u32,
) -> Codes {
    let code = |(row, value): (usize, &T)| {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            0
        } else {
            ((*value).into().wrapping_sub(least) as u64 / step) as u32 + 1
        }
    };
    Codes::pack(count + 1, values.iter().enumerate().map(code))
}

fn even_step<T: Copy + Into<i64>>(values: &[T], nulls: Option<&NullBuffer>, least: i64) -> u64 {
    let mut step = CommonStep::default();
    for value in valid(values, nulls) {
        if !step.meet(value.wrapping_sub(least) as u64) {
            break;
        }
    }
    step.found()
}

/// The greatest number that divides all distances met so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CommonStep(u64);

impl CommonStep {
    /// False: there is no step but one, and it is no use to go on.
    pub(crate) fn meet(&mut self, distance: u64) -> bool {
        if self.0 == 0 || !distance.is_multiple_of(self.0) {
            let (mut a, mut b) = (self.0, distance);
            while b != 0 {
                (a, b) = (b, a % b);
            }
            self.0 = a;
        }
        self.0 != 1
    }

    /// One where no distance but zero was met.
    pub(crate) fn found(self) -> u64 {
        self.0.max(1)
    }
}

/// Numbers far apart: each distinct one is hashed.
fn list<T: Copy + Into<i64>>(
    values: &[T],
    nulls: Option<&NullBuffer>,
    value_of: impl Fn(i64) -> i64,
) -> Listed {
    let mut numbers: FastMap<i64, u32> = FastMap::default();
    let mut distinct: Vec<i64> = Vec::new();
    let mut ids = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            ids.push(0);
            continue;
        }
        let value = (*value).into();
        ids.push(*numbers.entry(value).or_insert_with(|| {
            distinct.push(value);
            distinct.len() as u32
        }));
    }
    let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
    order.sort_unstable_by_key(|id| distinct[*id as usize]);
    let mut codes = vec![0u32; distinct.len() + 1];
    for (place, id) in order.iter().enumerate() {
        codes[*id as usize + 1] = place as u32 + 1;
    }
    let size = distinct.len() as u32 + 1;
    Listed {
        values: order
            .iter()
            .map(|id| value_of(distinct[*id as usize]))
            .collect(),
        codes: Codes::pack(size, ids.iter().map(|id| codes[*id as usize])),
    }
}

/// A whole number in the order of decimal numbers: both zeros give one, and so do all NaN, which come last.
pub(crate) fn order_of(value: f64) -> i64 {
    let value = if value == 0.0 {
        0.0
    } else if value.is_nan() {
        f64::NAN.abs()
    } else {
        value
    };
    mirrored(value.to_bits() as i64)
}

/// The decimal number of such a whole number.
pub(crate) fn in_order(number: i64) -> f64 {
    f64::from_bits(mirrored(number) as u64)
}

/// The bits of negative numbers ascend the wrong way; turned over they descend. Turning twice gives the same bits.
fn mirrored(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

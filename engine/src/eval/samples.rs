//! SAMPLE and its kin: some rows of a table that stand for all.

use std::collections::HashSet;
use std::rc::Rc;

use super::iterate::by_context;
use super::sets::key_of;
use super::{Evaluator, Outcome, operators};
use crate::batch::Batch;
use crate::bound::{Sample, SampleFunction};
use crate::error::Failure;
use crate::table::TableRows;
use crate::vector::{Vector, errors_from, merge_errors};

impl<'a> Evaluator<'a> {
    pub fn sample(&self, sample: &Sample, batch: &Rc<Batch>) -> Outcome<TableRows> {
        let count = self.scalar(&sample.count, batch)?;
        let iteration = self.iterate(&sample.table, sample.frame, batch)?;
        let keys = self.order_keys(&sample.order, &iteration.batch)?;
        let mut errors = iteration.rows.errors.clone();
        let mut columns = Vec::with_capacity(sample.columns.len());
        for column in &sample.columns {
            let vector = self.scalar(column, &iteration.batch)?;
            errors = merge_errors(&errors, &by_context(&vector, &iteration.flat.contexts));
            columns.push(vector);
        }
        let (mut positions, mut offsets, mut failures) = (Vec::new(), vec![0u32], Vec::new());
        for i in 0..batch.len {
            self.control.check()?;
            let mut rows: Vec<u32> =
                (iteration.flat.offsets[i]..iteration.flat.offsets[i + 1]).collect();
            let chosen = count.at(i).and_then(|value| {
                let wanted = value
                    .to_integer()
                    .ok_or_else(|| Failure::new("the size of the sample is not a number"))?;
                let wanted = usize::try_from(wanted).unwrap_or(0);
                keys.sort(&mut rows, self.control)?;
                match sample.function {
                    SampleFunction::Even => Ok(evenly(&rows, wanted)),
                    SampleFunction::Cover => cover(&rows, wanted, &columns),
                    SampleFunction::Extremes => {
                        let lines = lines(&rows, |a, b| keys.compare(a, b).is_eq());
                        extremes(lines, sample.most_series, wanted, &columns)
                    }
                }
            });
            match chosen {
                Ok(rows) => positions.extend(
                    rows.into_iter()
                        .map(|row| iteration.flat.positions[row as usize]),
                ),
                Err(failure) => failures.push((i as u32, failure)),
            }
            offsets.push(positions.len() as u32);
        }
        let mut rows = iteration.rows.take(&positions, offsets);
        rows.errors = merge_errors(&errors, &errors_from(failures));
        Ok(rows)
    }
}

/// The first, the last, and rows at even distances between.
fn evenly(rows: &[u32], wanted: usize) -> Vec<u32> {
    if wanted >= rows.len() {
        return rows.to_vec();
    }
    match wanted {
        0 => Vec::new(),
        1 => rows.iter().take(1).copied().collect(),
        _ => (0..wanted)
            .map(|k| rows[k * (rows.len() - 1) / (wanted - 1)])
            .collect(),
    }
}

fn numbers(vector: &Vector, rows: &[u32]) -> Result<Vec<f64>, Failure> {
    rows.iter()
        .map(|&row| operators::number(&vector.at(row as usize)?))
        .collect()
}

/// Numbers stretched to 0..1.
fn stretched(numbers: &[f64]) -> Vec<f64> {
    let (low, high) = numbers
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| {
            (low.min(x), high.max(x))
        });
    let width = if high > low { high - low } else { 1.0 };
    numbers.iter().map(|x| (x - low) / width).collect()
}

/// Each point taken is the one that is farthest from those taken before, so that the sample covers the plane. Where radiuses are
/// given, the largest point comes first. Of equal points one is taken.
fn cover(rows: &[u32], wanted: usize, columns: &[Vector]) -> Result<Vec<u32>, Failure> {
    let [x, y, rest @ ..] = columns else {
        return Ok(Vec::new());
    };
    let mut seen = HashSet::new();
    let mut points = Vec::with_capacity(rows.len());
    for &row in rows {
        if seen.insert((key_of(&x.at(row as usize)?), key_of(&y.at(row as usize)?))) {
            points.push(row);
        }
    }
    if wanted >= points.len() {
        return Ok(points);
    }
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let (xs, ys) = (
        stretched(&numbers(x, &points)?),
        stretched(&numbers(y, &points)?),
    );
    let mut next = match rest.first() {
        Some(radius) => {
            let sizes = numbers(radius, &points)?;
            (0..points.len()).max_by(|&a, &b| sizes[a].total_cmp(&sizes[b]).then(b.cmp(&a)))
        }
        None => Some(0),
    };
    let mut distance = vec![f64::INFINITY; points.len()];
    let mut taken = Vec::with_capacity(wanted);
    while let Some(at) = next {
        taken.push(points[at]);
        if taken.len() == wanted {
            break;
        }
        for (k, far) in distance.iter_mut().enumerate() {
            let (dx, dy) = (xs[k] - xs[at], ys[k] - ys[at]);
            *far = far.min(dx * dx + dy * dy);
        }
        next =
            (0..points.len()).max_by(|&a, &b| distance[a].total_cmp(&distance[b]).then(b.cmp(&a)));
    }
    taken.sort_unstable();
    Ok(taken)
}

/// Rows in the order of their series, as the rows of each.
fn lines(rows: &[u32], same: impl Fn(u32, u32) -> bool) -> Vec<&[u32]> {
    rows.chunk_by(|a, b| same(*a, *b)).collect()
}

/// The axis in equal stretches: of each the rows with the least and the greatest of every measure, line by line.
fn extremes(
    mut lines: Vec<&[u32]>,
    most: Option<usize>,
    wanted: usize,
    columns: &[Vector],
) -> Result<Vec<u32>, Failure> {
    let Some((axis, measures)) = columns.split_first() else {
        return Ok(Vec::new());
    };
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let few = wanted >= lines.iter().map(|line| line.len()).sum::<usize>();
    lines.truncate(most.filter(|_| !few).unwrap_or(usize::MAX));
    let mut rows = lines.concat();
    if few {
        rows.sort_unstable();
        return Ok(rows);
    }
    let along = stretched(&numbers(axis, &rows)?);
    let bins = (wanted / (2 * measures.len().max(1) * lines.len().max(1))).max(1);
    let bin_of = |x: f64| ((x * bins as f64) as usize).min(bins - 1);
    let mut taken: HashSet<usize> = HashSet::new();
    for measure in measures {
        let values = numbers(measure, &rows)?;
        let mut start = 0;
        for line in &lines {
            let end = start + line.len();
            let mut ends: Vec<Option<(usize, usize)>> = vec![None; bins];
            for (k, &x) in along.iter().enumerate().take(end).skip(start) {
                let slot = &mut ends[bin_of(x)];
                *slot = Some(match *slot {
                    None => (k, k),
                    Some((low, high)) => (
                        if values[k] < values[low] { k } else { low },
                        if values[k] > values[high] { k } else { high },
                    ),
                });
            }
            let found = ends.into_iter().flatten();
            taken.extend(found.flat_map(|(low, high)| [low, high]));
            start = end;
        }
    }
    let mut chosen: Vec<u32> = taken.into_iter().map(|k| rows[k]).collect();
    chosen.sort_unstable();
    Ok(evenly(&chosen, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{DataType, Value};

    fn doubles(values: &[f64]) -> Vector {
        Vector::from_results(
            values.iter().map(|v| Ok(Value::Double(*v))),
            DataType::Double,
        )
    }

    #[test]
    fn an_even_sample_keeps_both_ends() {
        let rows: Vec<u32> = (0..10).collect();
        let check = |wanted: usize, expected: &[u32]| assert_eq!(evenly(&rows, wanted), expected);
        check(0, &[]);
        check(1, &[0]);
        check(2, &[0, 9]);
        check(4, &[0, 3, 6, 9]);
        check(99, &rows);
    }

    #[test]
    fn a_cover_reaches_the_corners_first() {
        let x = doubles(&[0.0, 0.1, 1.0, 0.0, 0.1]);
        let y = doubles(&[0.0, 0.1, 1.0, 1.0, 0.1]);
        let rows: Vec<u32> = (0..5).collect();
        let check = |wanted: usize, expected: &[u32]| {
            assert_eq!(
                cover(&rows, wanted, &[x.clone(), y.clone()]).unwrap(),
                expected
            )
        };
        check(2, &[0, 2]);
        check(3, &[0, 2, 3]);
        check(9, &[0, 1, 2, 3]);
    }

    #[test]
    fn a_stretch_keeps_its_extremes() {
        let axis = doubles(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let measure = doubles(&[5.0, 9.0, 1.0, 7.0, 2.0, 8.0]);
        let rows: Vec<u32> = (0..6).collect();
        let columns = [axis, measure];
        let found = extremes(vec![rows.as_slice()], None, 4, &columns).unwrap();
        assert_eq!(found, [1, 2, 4, 5]);
    }

    #[test]
    fn each_line_keeps_its_extremes() {
        let axis = doubles(&[0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
        let measure = doubles(&[5.0, 9.0, 1.0, 7.0, 2.0, 8.0]);
        let (even, odd): (&[u32], &[u32]) = (&[0, 2, 4], &[1, 3, 5]);
        let columns = [axis, measure];
        let check = |most, wanted, expected: &[u32]| {
            let found = extremes(vec![even, odd], most, wanted, &columns).unwrap();
            assert_eq!(found, expected);
        };
        check(None, 6, &[0, 1, 2, 3, 4, 5]);
        check(None, 4, &[0, 1, 2, 3]);
        check(Some(1), 2, &[0, 2]);
        assert_eq!(lines(&[0, 2, 1, 3], |a, b| a % 2 == b % 2).len(), 2);
    }
}

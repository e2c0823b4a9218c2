//! LINEST: a line, or a plane, with the least squares of what it leaves unexplained.

use std::rc::Rc;

use super::watch::Watch;
use super::{Evaluator, Outcome, operators};
use security::Stopped;

use crate::batch::Batch;
use crate::bound::Regression;
use crate::error::Failure;
use crate::table::{ColumnRows, TableRows};
use crate::value::{DataType, Value};
use crate::vector::{Vector, errors_from, merge_errors};

/// The names of the columns of the result, for so many x.
pub fn regression_columns(x: usize) -> Vec<(String, DataType)> {
    let double = |name: String| (name, DataType::Double);
    let mut names: Vec<(String, DataType)> = Vec::new();
    names.extend((1..=x).map(|k| double(format!("Slope{k}"))));
    names.push(double("Intercept".to_string()));
    names.extend((1..=x).map(|k| double(format!("StandardErrorSlope{k}"))));
    names.extend(
        [
            "StandardErrorIntercept",
            "CoefficientOfDetermination",
            "StandardError",
            "FStatistic",
        ]
        .map(|name| double(name.to_string())),
    );
    names.push(("DegreesOfFreedom".to_string(), DataType::Integer));
    names.extend(
        ["RegressionSumOfSquares", "ResidualSumOfSquares"].map(|name| double(name.to_string())),
    );
    names
}

impl<'a> Evaluator<'a> {
    pub fn regression(&self, regression: &Regression, batch: &Rc<Batch>) -> Outcome<TableRows> {
        let columns: Vec<_> = regression.columns.iter().collect();
        let listed = self.listed(&regression.table, regression.frame, &columns, batch)?;
        let names = regression_columns(columns.len().saturating_sub(1));
        let mut results: Vec<Vec<Value>> = Vec::with_capacity(listed.lists());
        let mut failures: Vec<Option<Failure>> = Vec::with_capacity(listed.lists());
        let watch = self.watch();
        for k in 0..listed.lists() {
            self.control.check()?;
            let (rows, width) = (listed.list(k), columns.len().saturating_sub(1));
            match points(&listed.columns, rows, &watch) {
                Ok(points) => {
                    results.push(fit(&points, width, regression.intercept, &watch)?.values());
                    failures.push(None);
                }
                Err(failure) => {
                    results.push(vec![Value::Blank; names.len()]);
                    failures.push(Some(failure));
                }
            }
        }
        let cells = names.iter().enumerate().map(|(k, (_, data_type))| {
            let column = results
                .iter()
                .map(|row| Ok(row.get(k).cloned().unwrap_or(Value::Blank)));
            ColumnRows::Values(Vector::from_results(column, *data_type))
        });
        let failed = listed
            .of
            .iter()
            .enumerate()
            .filter_map(|(i, &k)| failures[k as usize].clone().map(|f| (i as u32, f)))
            .collect();
        Ok(TableRows {
            offsets: (0..=listed.lists() as u32).collect(),
            segments: Some(listed.of.clone().into()),
            base: None,
            under: None,
            columns: cells.collect(),
            errors: merge_errors(&listed.errors, &errors_from(failed)),
        })
    }
}

/// The rows as numbers, y first. BLANK is 0.
fn points(
    columns: &[Vector],
    rows: std::ops::Range<usize>,
    watch: &Watch<'_>,
) -> Result<Vec<Vec<f64>>, Failure> {
    let mut points = Vec::with_capacity(rows.len());
    for row in rows {
        watch.step(columns.len())?;
        let cells = columns
            .iter()
            .map(|column| column.at(row))
            .collect::<Result<Vec<Value>, Failure>>()?;
        points.push(
            cells
                .iter()
                .map(operators::number)
                .collect::<Result<Vec<f64>, Failure>>()?,
        );
    }
    Ok(points)
}

/// A fitted line.
#[derive(Debug, Default)]
struct Fit {
    slopes: Vec<f64>,
    intercept: f64,
    slope_errors: Vec<f64>,
    intercept_error: f64,
    freedom: i64,
    explained: f64,
    unexplained: f64,
    empty: bool,
}

impl Fit {
    fn values(&self) -> Vec<Value> {
        let width = regression_columns(self.slopes.len()).len();
        if self.empty {
            return vec![Value::Blank; width];
        }
        let number = |x: f64| {
            if x.is_finite() {
                Value::Double(x)
            } else {
                Value::Blank
            }
        };
        let freedom = self.freedom as f64;
        let used = self.slopes.iter().filter(|s| **s != 0.0).count().max(1) as f64;
        let mut values: Vec<Value> = self.slopes.iter().copied().map(number).collect();
        values.push(number(self.intercept));
        values.extend(self.slope_errors.iter().copied().map(number));
        values.extend([
            number(self.intercept_error),
            number(self.explained / (self.explained + self.unexplained)),
            number((self.unexplained / freedom).sqrt()),
            number((self.explained / used) / (self.unexplained / freedom)),
            Value::Integer(self.freedom),
            number(self.explained),
            number(self.unexplained),
        ]);
        values
    }
}

/// Least squares by orthogonal columns. A column that follows from those before it gets the slope 0.
fn fit(
    points: &[Vec<f64>],
    width: usize,
    intercept: bool,
    watch: &Watch<'_>,
) -> Result<Fit, Stopped> {
    let n = points.len();
    if n == 0 {
        return Ok(Fit {
            slopes: vec![0.0; width],
            empty: true,
            ..Fit::default()
        });
    }
    let mean = |k: usize| points.iter().map(|p| p[k]).sum::<f64>() / n as f64;
    // Around the means the intercept falls out of the equations, and digits are kept.
    let means: Vec<f64> = (0..=width)
        .map(|k| if intercept { mean(k) } else { 0.0 })
        .collect();
    let centred = |k: usize| -> Vec<f64> { points.iter().map(|p| p[k] - means[k]).collect() };
    let y = centred(0);
    let Orthogonal {
        basis,
        triangle,
        kept,
    } = orthogonal((1..=width).map(centred), watch)?;
    let against: Vec<f64> = basis.iter().map(|base| dot(base, &y)).collect();
    let coefficients = solve_upper(&triangle, &against);
    let mut slopes = vec![0.0; width];
    for (&k, slope) in kept.iter().zip(&coefficients) {
        slopes[k] = *slope;
    }
    let residual = |(p, y): (&Vec<f64>, &f64)| {
        let fitted: f64 = (1..=width).map(|k| slopes[k - 1] * (p[k] - means[k])).sum();
        (y - fitted) * (y - fitted)
    };
    let mut unexplained = 0.0;
    for point in points.iter().zip(&y) {
        watch.step(1 + width)?;
        unexplained += residual(point);
    }
    let freedom = n as i64 - kept.len() as i64 - i64::from(intercept);
    let variance = unexplained / freedom as f64;
    let inverse = inverse_squares(&triangle, watch)?;
    let mut slope_errors = vec![0.0; width];
    for (at, &k) in kept.iter().enumerate() {
        slope_errors[k] = (variance * inverse[at][at]).sqrt();
    }
    let spread: f64 = kept
        .iter()
        .enumerate()
        .map(|(i, &a)| {
            kept.iter()
                .enumerate()
                .map(|(j, &b)| means[a + 1] * inverse[i][j] * means[b + 1])
                .sum::<f64>()
        })
        .sum();
    Ok(Fit {
        intercept: means[0] - (1..=width).map(|k| slopes[k - 1] * means[k]).sum::<f64>(),
        intercept_error: if intercept {
            (variance * (1.0 / n as f64 + spread)).sqrt()
        } else {
            0.0
        },
        slopes,
        slope_errors,
        freedom,
        explained: (dot(&y, &y) - unexplained).max(0.0),
        unexplained,
        empty: false,
    })
}

/// Columns at right angles, and how the given ones are made of them.
#[derive(Default)]
struct Orthogonal {
    basis: Vec<Vec<f64>>,
    /// Row k holds the shares of the columns before in column k, and its own length.
    triangle: Vec<Vec<f64>>,
    /// Which of the columns given have one of their own.
    kept: Vec<usize>,
}

fn orthogonal(
    columns: impl Iterator<Item = Vec<f64>>,
    watch: &Watch<'_>,
) -> Result<Orthogonal, Stopped> {
    let mut found = Orthogonal::default();
    for (k, mut column) in columns.enumerate() {
        watch.step(column.len())?;
        let whole = dot(&column, &column).sqrt();
        let mut row = vec![0.0; found.kept.len()];
        // Twice, because the first pass leaves a rounding error that the second takes away.
        for _ in 0..2 {
            for (share, base) in row.iter_mut().zip(&found.basis) {
                watch.step(base.len())?;
                let along = dot(&column, base);
                *share += along;
                for (c, b) in column.iter_mut().zip(base) {
                    *c -= along * b;
                }
            }
        }
        let length = dot(&column, &column).sqrt();
        if length <= whole * 1e-12 || length == 0.0 {
            continue;
        }
        row.push(length);
        found.triangle.push(row);
        found
            .basis
            .push(column.iter().map(|c| c / length).collect());
        found.kept.push(k);
    }
    Ok(found)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Solves the triangular equations; row k of `triangle` holds column k of the upper triangle.
fn solve_upper(triangle: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let mut solution = right.to_vec();
    for k in (0..triangle.len()).rev() {
        solution[k] /= triangle[k][k];
        for i in 0..k {
            solution[i] -= triangle[k][i] * solution[k];
        }
    }
    solution
}

/// The inverse of the matrix of squares and products that the triangle stands for.
fn inverse_squares(triangle: &[Vec<f64>], watch: &Watch<'_>) -> Result<Vec<Vec<f64>>, Stopped> {
    let n = triangle.len();
    let columns: Vec<Vec<f64>> = (0..n)
        .map(|k| {
            watch.step(n * n)?;
            let unit: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == k))).collect();
            Ok(solve_upper(triangle, &unit))
        })
        .collect::<Result<_, Stopped>>()?;
    (0..n)
        .map(|i| {
            watch.step(n * n)?;
            Ok((0..n)
                .map(|j| columns.iter().map(|column| column[i] * column[j]).sum())
                .collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(points: &[Vec<f64>], width: usize, intercept: bool) -> Fit {
        let control = security::Control::new(None);
        fit(points, width, intercept, &Watch::new(&control)).unwrap()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs().max(1.0)
    }

    #[test]
    fn a_line_through_points() {
        // y = 2x + 1, with one point half above and one half below.
        let points: Vec<Vec<f64>> = [(1.0, 3.5), (2.0, 5.0), (3.0, 7.0), (4.0, 8.5)]
            .map(|(x, y)| vec![y, x])
            .to_vec();
        let fit = fitted(&points, 1, true);
        assert!(close(fit.slopes[0], 1.7), "{fit:?}");
        assert!(close(fit.intercept, 1.75), "{fit:?}");
        assert_eq!(fit.freedom, 2);
        assert!(close(fit.unexplained, 0.05), "{fit:?}");
        assert!(
            close(fit.slope_errors[0], (0.025f64 / 5.0).sqrt()),
            "{fit:?}"
        );
        assert!(
            close(fit.intercept_error, (0.025f64 * (0.25 + 6.25 / 5.0)).sqrt()),
            "{fit:?}"
        );
    }

    #[test]
    fn a_plane_and_a_column_that_says_nothing_new() {
        let points: Vec<Vec<f64>> = [(1.0, 0.0), (2.0, 1.0), (3.0, 5.0), (4.0, 2.0), (5.0, 3.0)]
            .map(|(a, b)| vec![3.0 * a - 2.0 * b + 4.0, a, b, a + b])
            .to_vec();
        let fit = fitted(&points, 3, true);
        assert!(
            close(fit.slopes[0], 3.0) && close(fit.slopes[1], -2.0),
            "{fit:?}"
        );
        assert_eq!(fit.slopes[2], 0.0);
        assert!(close(fit.intercept, 4.0), "{fit:?}");
    }

    #[test]
    fn without_an_intercept() {
        let points = vec![vec![2.0, 1.0], vec![4.0, 2.0], vec![6.5, 3.0]];
        let fit = fitted(&points, 1, false);
        assert!(close(fit.slopes[0], 29.5 / 14.0), "{fit:?}");
        assert_eq!(
            (fit.intercept, fit.intercept_error, fit.freedom),
            (0.0, 0.0, 2)
        );
    }
}

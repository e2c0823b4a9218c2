//! The rows of a table with a visual shape. A visual has a place for every combination of what stands on its axes; where the table
//! has no row for one, DENSIFY adds it, with BLANK in all columns that are on no axis.

use std::collections::{HashMap, HashSet};

use dax::{Axis, Name, VisualShape};
use security::Charge;

use crate::bound::Field;
use crate::error::{Error, ErrorKind};
use crate::eval::{Evaluator, KeyValue, key_of};
use crate::value::{DataType, Value};
use crate::vector::Vector;
use crate::visual::check_size;
use crate::watch::Watch;

type Columns = Vec<(Field, Vector)>;

/// Bytes of a number, and of a value that is looked up, its text apart.
const WORD: usize = 8;
const KEY: usize = 48;

/// What stands on one axis.
struct Places {
    /// The columns of the axis.
    columns: Vec<usize>,
    /// The place of each row.
    of_rows: Vec<usize>,
    /// A row at each place.
    rows: Vec<u32>,
    /// What the places take.
    _held: Charge,
}

/// The columns with the rows that DENSIFY adds, and the column that tells these.
pub fn laid_out(
    evaluator: &Evaluator,
    shape: &VisualShape,
    mut columns: Columns,
) -> Result<Columns, Error> {
    check_size(shape)?;
    let count = columns.first().map_or(0, |(_, vector)| vector.len());
    let axes: Vec<Places> = shape
        .axes
        .iter()
        .map(|axis| places(evaluator, axis, &columns))
        .collect::<Result<_, Error>>()?;
    let Some(flag) = &shape.densify else {
        return Ok(columns);
    };
    let combinations = axes
        .iter()
        .map(|axis| axis.rows.len())
        .fold(1, usize::saturating_mul);
    evaluator.admit_rows(combinations)?;
    let numbers = axes.len().saturating_mul(WORD);
    let _combined = evaluator.control.charge(
        combinations
            .max(count)
            .saturating_mul(numbers.saturating_add(KEY)),
    )?;
    let watch = Watch::new(evaluator.control);
    let taken: HashSet<Vec<usize>> = (0..count)
        .map(|row| axes.iter().map(|axis| axis.of_rows[row]).collect())
        .collect();
    // For each axis the rows whose columns the added rows have.
    let mut added: Vec<Vec<u32>> = vec![Vec::new(); axes.len()];
    for number in 0..combinations {
        watch.step(axes.len())?;
        let mut left = number;
        let mut combination = vec![0; axes.len()];
        for (place, axis) in combination.iter_mut().zip(&axes).rev() {
            *place = left % axis.rows.len();
            left /= axis.rows.len();
        }
        if !taken.contains(&combination) {
            for ((rows, axis), place) in added.iter_mut().zip(&axes).zip(&combination) {
                rows.push(axis.rows[*place]);
            }
        }
    }
    let more = added.first().map_or(0, Vec::len);
    if more > 0 {
        let of_axis = |index: usize| axes.iter().position(|axis| axis.columns.contains(&index));
        // The columns are made anew: they are counted before they are.
        let made = columns.iter().enumerate().map(|(index, (_, vector))| {
            let added = of_axis(index).map_or(0, |axis| vector.text_bytes_at(&added[axis]));
            vector.text_bytes().saturating_add(added)
        });
        let texts = made.fold(0, usize::saturating_add);
        evaluator.admit_texts(texts)?;
        let cells = (count + more).saturating_mul(columns.len());
        let _made = evaluator
            .control
            .charge(cells.saturating_mul(WORD).saturating_add(texts))?;
        for (index, (_, vector)) in columns.iter_mut().enumerate() {
            watch.step(count + more)?;
            let rest = match of_axis(index) {
                Some(axis) => vector.take(&added[axis]),
                None => Vector::blank(more),
            };
            *vector = Vector::concat(&[vector.clone(), rest]);
        }
    }
    let flags = (0..count + more).map(|row| Ok(Value::Boolean(row >= count)));
    columns.push((
        Field::extension(&flag.text, DataType::Boolean),
        Vector::from_results(flags, DataType::Boolean),
    ));
    Ok(columns)
}

fn places(evaluator: &Evaluator, axis: &Axis, columns: &Columns) -> Result<Places, Error> {
    let found = |name: &Name| {
        let mut fields = columns.iter();
        let place = fields.position(|(field, _)| model::same_name(&field.name, &name.text));
        place.ok_or_else(|| {
            let message = format!("the table has no column [{}]", name.text);
            Error::new(ErrorKind::UnknownName, name.span, message)
        })
    };
    let named = axis.groups.iter().flat_map(|group| {
        let columns = group.columns.iter();
        columns.chain(&group.total)
    });
    let on_axis: Vec<usize> = named.map(found).collect::<Result<_, Error>>()?;
    for key in &axis.order {
        found(&key.column)?;
    }
    let watch = Watch::new(evaluator.control);
    let count = columns.first().map_or(0, |(_, vector)| vector.len());
    let texts = on_axis.iter().map(|&at| columns[at].1.text_bytes());
    let texts = texts.fold(0, usize::saturating_add);
    let keys = count.saturating_mul(on_axis.len()).saturating_mul(KEY);
    let held = keys
        .saturating_add(texts)
        .saturating_add(count.saturating_mul(KEY));
    let held = evaluator.control.charge(held)?;
    let mut known: HashMap<Vec<KeyValue>, usize> = HashMap::new();
    let (mut of_rows, mut rows) = (Vec::with_capacity(count), Vec::new());
    let steps: usize = on_axis.iter().map(|&at| columns[at].1.steps()).sum();
    for row in 0..count {
        watch.step(steps)?;
        let key = on_axis.iter().map(|&at| key_of(&columns[at].1.get(row)));
        let place = *known.entry(key.collect()).or_insert_with(|| {
            rows.push(row as u32);
            rows.len() - 1
        });
        of_rows.push(place);
    }
    Ok(Places {
        columns: on_axis,
        of_rows,
        rows,
        _held: held,
    })
}

//! RANKX: the place of a value among those of a table's rows. The values are sorted once for all contexts that rank among the same.

use std::cmp::Ordering;
use std::rc::Rc;

use super::classes::Classes;
use super::iterate::Piece;
use super::watch::Watch;
use super::{Evaluator, Outcome, order};
use crate::batch::Batch;
use crate::bound::RankX;
use crate::error::Failure;
use crate::value::{DataType, Value};
use crate::vector::{Data, Vector};

/// The values of a table's rows, ascending.
enum Sorted {
    /// Whole numbers, or fixed decimals; BLANK counts as 0.
    Whole(Vec<i64>),
    Values(Vec<Value>),
}

impl<'a> Evaluator<'a> {
    pub fn rank(&self, rank: &RankX, batch: &Rc<Batch>) -> Outcome<Vector> {
        let rows = Rc::new(self.table(&rank.table, batch)?);
        if let Some(classes) =
            self.condense(&rows, &rank.table, rank.frame, &[&rank.body], batch)?
        {
            let rows = Rc::new(rows.remap(&classes.representatives));
            let inner = batch.select(Rc::clone(&classes.representatives));
            let value = self.ranked_value(rank, batch)?;
            let mut lists = Vec::with_capacity(inner.len);
            for piece in self.pieces(rows, &inner) {
                lists.extend(self.sorted_lists(rank, piece, &value)?);
            }
            return self.places(rank, &lists, Some(&classes), &value);
        }
        let mut parts = Vec::new();
        for piece in self.pieces(rows, batch) {
            let (inner, errors) = (Rc::clone(&piece.batch), piece.rows.errors.clone());
            let value = self.ranked_value(rank, &inner)?;
            let lists = self.sorted_lists(rank, piece, &value)?;
            parts.push(self.places(rank, &lists, None, &value)?.with_errors(errors));
        }
        Ok(Vector::concat(&parts))
    }

    fn ranked_value(&self, rank: &RankX, batch: &Rc<Batch>) -> Outcome<Vector> {
        self.scalar(rank.value.as_ref().unwrap_or(&rank.body), batch)
    }

    /// The sorted values of each context's rows, or the first failure among them.
    fn sorted_lists(
        &self,
        rank: &RankX,
        piece: Piece,
        value: &Vector,
    ) -> Outcome<Vec<Result<Sorted, Failure>>> {
        let iteration = self.iterate_rows(piece.rows, &rank.table, rank.frame, &piece.batch)?;
        let ranked = self.scalar(&rank.body, &iteration.batch)?;
        let watch = self.watch();
        (0..piece.batch.len)
            .map(|i| {
                self.still_wanted()?;
                let rows = iteration.flat.offsets[i]..iteration.flat.offsets[i + 1];
                Ok(sorted_values(&ranked, value, rows, rank.dense, &watch))
            })
            .collect()
    }

    fn places(
        &self,
        rank: &RankX,
        lists: &[Result<Sorted, Failure>],
        classes: Option<&Classes>,
        value: &Vector,
    ) -> Outcome<Vector> {
        self.still_wanted()?;
        let places = (0..value.len()).map(|i| {
            let list = classes.map_or(i, |classes| classes.of[i] as usize);
            match &lists[list] {
                Ok(values) => values
                    .place_of(value, i, rank.ascending)
                    .map(Value::Integer),
                Err(failure) => Err(failure.clone()),
            }
        });
        self.collect(places, DataType::Integer)
    }
}

/// The whole numbers that a vector's values are; None for other types.
fn whole(vector: &Vector, i: usize) -> Option<i64> {
    match vector.get(i) {
        Value::Integer(v) | Value::Fixed(v) => Some(v),
        Value::Blank => Some(0),
        _ => None,
    }
}

/// Whether two vectors hold numbers that compare as they are stored.
fn both_whole(a: &Vector, b: &Vector) -> bool {
    matches!(
        (&a.data, &b.data),
        (Data::Integer(_), Data::Integer(_)) | (Data::Fixed(_), Data::Fixed(_))
    )
}

fn sorted_values(
    ranked: &Vector,
    value: &Vector,
    rows: std::ops::Range<u32>,
    dense: bool,
    watch: &Watch<'_>,
) -> Result<Sorted, Failure> {
    if both_whole(ranked, value) && ranked.errors.is_none() {
        let mut values: Vec<i64> = rows.filter_map(|row| whole(ranked, row as usize)).collect();
        watch.sort(&mut values, |a, b| a.cmp(&b))?;
        if dense {
            values.dedup();
        }
        return Ok(Sorted::Whole(values));
    }
    let mut known = Vec::with_capacity(rows.len());
    for row in rows {
        watch.step(1)?;
        known.push(ranked.at(row as usize)?);
    }
    let mut order: Vec<u32> = (0..known.len() as u32).collect();
    watch.sort_heavy(&mut order, ranked.steps(), |a, b| {
        order::ranked(&known[a as usize], &known[b as usize])
    })?;
    let sorted = order.iter().map(|row| known[*row as usize].clone());
    let mut values: Vec<Value> = sorted.collect();
    if dense {
        values.dedup_by(|a, b| order::ranked(a, b) == Ordering::Equal);
    }
    Ok(Sorted::Values(values))
}

impl Sorted {
    /// The rank among the values: one more than the number of values before it.
    fn place_of(&self, value: &Vector, i: usize, ascending: bool) -> Result<i64, Failure> {
        let wanted = value.at(i)?;
        let before = match self {
            Sorted::Whole(values) => {
                let wanted = whole(value, i).unwrap_or(0);
                match ascending {
                    true => values.partition_point(|v| *v < wanted),
                    false => values.len() - values.partition_point(|v| *v <= wanted),
                }
            }
            Sorted::Values(values) => match ascending {
                true => values.partition_point(|v| order::ranked(v, &wanted) == Ordering::Less),
                false => {
                    values.len()
                        - values.partition_point(|v| order::ranked(v, &wanted) != Ordering::Greater)
                }
            },
        };
        Ok(before as i64 + 1)
    }
}

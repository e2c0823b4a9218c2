//! Rows as keys: DISTINCT, INTERSECT, EXCEPT and the natural joins, and the numbering of equal rows that they stand on.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use security::{Codes, Stopped};

use super::watch::Watch;
use super::{Evaluator, Outcome};
use crate::batch::Batch;
use crate::bound::{Schema, TableExpr};
use crate::error::Failure;
use crate::table::{ColumnRows, TableRows};
use crate::value::{DAY, DataType, EPOCH_DAYS, FIXED_ONE, Value};
use crate::vector::{Data, Errors, Vector, errors_from, merge_errors};

/// The position of no row.
pub(super) const NO_ROW: u32 = u32::MAX;

/// A value as a key: two values have one key exactly when they are the same value, BLANK being only BLANK. Text is folded, and
/// numbers of all types that are equal have one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyValue {
    Blank,
    Boolean(bool),
    Whole(i64),
    /// The bits of a decimal number that is not whole.
    Fraction(u64),
    /// Microseconds of a date with a time of day. Dates at midnight are whole numbers of days.
    Moment(i64),
    Text(Arc<str>),
    /// Of a column that is compared by its codes.
    Code(u32),
}

pub fn key_of(value: &Value) -> KeyValue {
    match value {
        Value::Blank => KeyValue::Blank,
        Value::Boolean(b) => KeyValue::Boolean(*b),
        Value::Integer(i) => KeyValue::Whole(*i),
        Value::Fixed(f) if f % FIXED_ONE == 0 => KeyValue::Whole(f / FIXED_ONE),
        Value::Fixed(f) => number_key(*f as f64 / FIXED_ONE as f64),
        Value::Double(d) => number_key(*d),
        Value::DateTime(micros) if micros % DAY == 0 => KeyValue::Whole(micros / DAY + EPOCH_DAYS),
        Value::DateTime(micros) => KeyValue::Moment(*micros),
        Value::Text(text) => KeyValue::Text(security::fold_text(text).into()),
    }
}

fn number_key(d: f64) -> KeyValue {
    if d.fract() == 0.0 && d.abs() < 9.2e18 {
        KeyValue::Whole(d as i64)
    } else if d.is_nan() {
        // NaN equals itself here, as in the order of columns.
        KeyValue::Fraction(f64::NAN.to_bits())
    } else {
        KeyValue::Fraction(d.to_bits())
    }
}

/// A column by which rows are compared: by codes where both sides have codes of one model column, else by values.
#[derive(Clone, Debug)]
pub(super) enum KeyColumn {
    Codes(Codes),
    Values(Vector),
    /// Codes of values that were encoded in a model column, or of its rows: both sides of a comparison must be of one column.
    Numbers(Vec<u32>),
}

impl KeyColumn {
    pub(super) fn len(&self) -> usize {
        match self {
            KeyColumn::Codes(codes) => codes.len(),
            KeyColumn::Values(vector) => vector.len(),
            KeyColumn::Numbers(numbers) => numbers.len(),
        }
    }

    pub(super) fn equal_hashable(&self, row: usize) -> KeyValue {
        match self {
            KeyColumn::Codes(codes) => KeyValue::Code(codes.as_slice()[row]),
            KeyColumn::Values(vector) => key_of(&vector.get(row)),
            KeyColumn::Numbers(numbers) => KeyValue::Code(numbers[row]),
        }
    }

    /// A number for each row, equal where the values are.
    fn number(
        &self,
        known: &mut HashMap<KeyValue, u32>,
        watch: &Watch<'_>,
    ) -> Result<Vec<u32>, Stopped> {
        let mut of = |key: KeyValue| {
            let next = known.len() as u32;
            *known.entry(key).or_insert(next)
        };
        match self {
            KeyColumn::Values(Vector {
                data: Data::Constant(value, n),
                ..
            }) => Ok(vec![of(key_of(value)); *n]),
            column => {
                let each = match column {
                    KeyColumn::Values(vector) => 1 + vector.steps(),
                    KeyColumn::Codes(_) | KeyColumn::Numbers(_) => 2,
                };
                (0..column.len())
                    .map(|row| {
                        watch.step(each)?;
                        Ok(of(column.equal_hashable(row)))
                    })
                    .collect()
            }
        }
    }
}

/// Numbers the rows of several lists of columns together: rows have one number where all columns agree, whichever list they are
/// in. Column k of every list must be comparable with column k of the others.
pub(super) fn joint_numbers(
    lists: &[&[KeyColumn]],
    rows: &[usize],
    watch: &Watch<'_>,
) -> Result<Vec<Vec<u32>>, Stopped> {
    let mut numbers: Option<Vec<Vec<u32>>> = None;
    let width = lists.iter().map(|columns| columns.len()).max().unwrap_or(0);
    for k in 0..width {
        let mut known = HashMap::new();
        let column: Vec<Vec<u32>> = lists
            .iter()
            .map(|columns| match columns.get(k) {
                Some(KeyColumn::Codes(codes)) => Ok(codes.as_slice().to_vec()),
                Some(KeyColumn::Numbers(numbers)) => Ok(numbers.clone()),
                Some(values) => values.number(&mut known, watch),
                None => Ok(Vec::new()),
            })
            .collect::<Result<_, Stopped>>()?;
        numbers = Some(match numbers {
            None => column,
            Some(before) => combine(&before, &column, watch)?,
        });
    }
    Ok(numbers.unwrap_or_else(|| rows.iter().map(|&n| vec![0; n]).collect()))
}

/// One number for each pair of numbers.
fn combine(
    left: &[Vec<u32>],
    right: &[Vec<u32>],
    watch: &Watch<'_>,
) -> Result<Vec<Vec<u32>>, Stopped> {
    let mut known: HashMap<(u32, u32), u32> = HashMap::new();
    left.iter()
        .zip(right)
        .map(|(left, right)| {
            left.iter()
                .zip(right)
                .map(|(&l, &r)| {
                    watch.step(1)?;
                    let next = known.len() as u32;
                    Ok(*known.entry((l, r)).or_insert(next))
                })
                .collect()
        })
        .collect()
}

/// The groups of equal rows, segment by segment.
pub(super) struct Groups {
    /// The first row of each group.
    pub first_rows: Vec<u32>,
    /// The groups of segment k are `offsets[k]..offsets[k + 1]`, in the order of their first rows.
    pub offsets: Vec<u32>,
    /// The group of each row.
    pub of_row: Vec<u32>,
}

/// Groups the rows of each segment by the columns. Without columns a segment that has rows is one group.
pub(super) fn group_segments(
    columns: &[KeyColumn],
    segments: impl Iterator<Item = Range<usize>>,
    watch: &Watch<'_>,
) -> Result<Groups, Stopped> {
    let segments: Vec<Range<usize>> = segments.collect();
    let rows = segments
        .iter()
        .map(|segment| segment.end)
        .max()
        .unwrap_or(0);
    let numbers = joint_numbers(&[columns], &[rows], watch)?.pop();
    let numbers = dense(numbers.unwrap_or_default(), watch)?;
    let bound = numbers.iter().max().map_or(0, |&n| n as usize + 1);
    // The latest group of each number; of this segment when it is not older than the segment's first group.
    let mut latest = vec![NO_ROW; bound];
    let mut groups = Groups {
        first_rows: Vec::new(),
        offsets: vec![0],
        of_row: vec![NO_ROW; rows],
    };
    for segment in segments {
        let first = groups.first_rows.len() as u32;
        for row in segment {
            watch.step(1)?;
            let slot = &mut latest[numbers[row] as usize];
            if *slot == NO_ROW || *slot < first {
                *slot = groups.first_rows.len() as u32;
                groups.first_rows.push(row as u32);
            }
            groups.of_row[row] = *slot;
        }
        groups.offsets.push(groups.first_rows.len() as u32);
    }
    Ok(groups)
}

/// Numbers small enough to index an array with. Codes of a large dictionary are renumbered.
fn dense(numbers: Vec<u32>, watch: &Watch<'_>) -> Result<Vec<u32>, Stopped> {
    let largest = numbers.iter().max().copied().unwrap_or(0) as usize;
    if largest <= numbers.len().saturating_mul(4).max(4096) {
        return Ok(numbers);
    }
    let mut known: HashMap<u32, u32> = HashMap::new();
    numbers
        .into_iter()
        .map(|number| {
            watch.step(1)?;
            let next = known.len() as u32;
            Ok(*known.entry(number).or_insert(next))
        })
        .collect()
}

/// Segments that are made as contexts ask for them: contexts with the same question share one.
pub(super) struct SegmentPlan<K> {
    known: HashMap<K, u32>,
    of_context: Vec<u32>,
    offsets: Vec<u32>,
}

impl<K: Eq + Hash> SegmentPlan<K> {
    pub(super) fn new() -> Self {
        SegmentPlan {
            known: HashMap::new(),
            of_context: Vec::new(),
            offsets: vec![0],
        }
    }

    /// Asks for the segment of the next context. `add` makes its rows and answers how many rows there are then; it is called for
    /// the first context of each key only.
    pub(super) fn ask<E>(
        &mut self,
        key: K,
        add: impl FnOnce(&K) -> Result<usize, E>,
    ) -> Result<(), E> {
        if let Some(&segment) = self.known.get(&key) {
            self.of_context.push(segment);
            return Ok(());
        }
        let rows = add(&key)?;
        let segment = self.offsets.len() as u32 - 1;
        self.offsets.push(rows as u32);
        self.known.insert(key, segment);
        self.of_context.push(segment);
        Ok(())
    }

    pub(super) fn finish(self, columns: Vec<ColumnRows>, errors: Errors) -> TableRows {
        let one_each = self.of_context.len() + 1 == self.offsets.len();
        TableRows {
            offsets: self.offsets,
            segments: (!one_each).then(|| self.of_context.into()),
            base: None,
            under: None,
            columns,
            errors,
        }
    }
}

/// The segment that a context has.
pub(super) fn segment_of(rows: &TableRows, context: usize) -> u32 {
    rows.segments
        .as_ref()
        .map_or(context as u32, |segments| segments[context])
}

/// The range of a segment.
pub(super) fn segment_range(rows: &TableRows, segment: u32) -> Range<usize> {
    rows.offsets[segment as usize] as usize..rows.offsets[segment as usize + 1] as usize
}

/// The errors of flattened rows as errors of the contexts that the rows belong to.
pub(super) fn errors_by_context(errors: &Errors, contexts: &[u32]) -> Errors {
    let mut list: Vec<(u32, Failure)> = errors
        .as_ref()?
        .iter()
        .map(|(row, failure)| (contexts[*row as usize], failure.clone()))
        .collect();
    list.dedup_by_key(|(context, _)| *context);
    errors_from(list)
}

/// The one type of cells of these types: numbers become decimal or fixed decimal where they differ.
pub(super) fn common_type(types: impl IntoIterator<Item = DataType>) -> DataType {
    types
        .into_iter()
        .fold(DataType::Unknown, |known, next| match (known, next) {
            (DataType::Unknown, other) | (other, DataType::Unknown) => other,
            (a, b) if a == b => a,
            (DataType::Double, DataType::Integer | DataType::Fixed)
            | (DataType::Integer | DataType::Fixed, DataType::Double) => DataType::Double,
            (DataType::Fixed, DataType::Integer) | (DataType::Integer, DataType::Fixed) => {
                DataType::Fixed
            }
            _ => DataType::Variant,
        })
}

impl<'a> Evaluator<'a> {
    /// DISTINCT over a table: the first of equal rows stays.
    pub fn distinct(&self, table: &TableExpr, batch: &Rc<Batch>) -> Outcome<TableRows> {
        let rows = self.table(table, batch)?;
        if let Some(base) = table.schema.base
            && rows.base.is_some()
            && self.scope.rows_unique(base, self.control)?
        {
            return Ok(rows);
        }
        let keys = self.key_columns(&rows, &table.schema)?;
        let groups = group_segments(
            &keys,
            rows.offsets
                .windows(2)
                .map(|w| w[0] as usize..w[1] as usize),
            &self.watch(),
        )?;
        let segments = rows.segments.clone();
        Ok(TableRows {
            segments,
            ..rows.take(&groups.first_rows, groups.offsets)
        })
    }

    /// All columns of a table as keys of its rows.
    pub(super) fn key_columns(&self, rows: &TableRows, schema: &Schema) -> Outcome<Vec<KeyColumn>> {
        (0..rows.columns.len())
            .map(|index| match self.column_codes(rows, schema, index)? {
                Some(codes) => Ok(KeyColumn::Codes(codes)),
                None => Ok(KeyColumn::Values(self.column_vector(rows, schema, index)?)),
            })
            .collect()
    }

    /// A column of each of two tables, in a form in which their rows compare.
    pub(super) fn matched_columns(
        &self,
        left: (&TableRows, &Schema, usize),
        right: (&TableRows, &Schema, usize),
    ) -> Outcome<(KeyColumn, KeyColumn)> {
        if let Some(a) = self.column_codes(left.0, left.1, left.2)?
            && let Some(b) = self.column_codes(right.0, right.1, right.2)?
            && a.of() == b.of()
        {
            return Ok((KeyColumn::Codes(a), KeyColumn::Codes(b)));
        }
        let (a, b) = (
            self.column_vector(left.0, left.1, left.2)?,
            self.column_vector(right.0, right.1, right.2)?,
        );
        Ok((KeyColumn::Values(a), KeyColumn::Values(b)))
    }

    /// The table without base rows, and with a column for each field.
    pub(super) fn settled(&self, rows: TableRows, schema: &Schema) -> Outcome<TableRows> {
        let mut rows = self.detached(rows, schema)?;
        while rows.columns.len() < schema.fields.len() {
            let blank = Vector::blank(rows.rows());
            rows.columns.push(ColumnRows::Values(blank));
        }
        Ok(rows)
    }

    /// The cells at these positions; BLANK at [`NO_ROW`].
    pub(super) fn take_or_blank(
        &self,
        column: &ColumnRows,
        positions: &[u32],
    ) -> Outcome<ColumnRows> {
        if !positions.contains(&NO_ROW) {
            let spread = self.spread_columns(std::slice::from_ref(column), positions)?;
            return Ok(spread.into_iter().next().unwrap_or(ColumnRows::Base));
        }
        let vector = match column {
            ColumnRows::Coded(codes) => self.decode(codes)?,
            ColumnRows::Values(vector) => vector.clone(),
            ColumnRows::Base => return Err(super::internal("a base column without base rows")),
        };
        let hint = vector.data_type().unwrap_or(DataType::Text);
        let cells = positions.iter().map(|&p| {
            Ok(if p == NO_ROW {
                Value::Blank
            } else {
                vector.get(p as usize)
            })
        });
        Ok(ColumnRows::Values(self.collect(cells, hint)?))
    }

    /// INTERSECT (`keep`) and EXCEPT: the left rows that are, or are not, among the right ones. Duplicates on the left stay.
    pub fn intersect(
        &self,
        left: &TableExpr,
        right: &TableExpr,
        keep: bool,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let left_rows = self.settled(self.table(left, batch)?, &left.schema)?;
        let right_rows = self.settled(self.table(right, batch)?, &right.schema)?;
        let width = left_rows.columns.len().min(right_rows.columns.len());
        let pairs: Vec<(usize, usize)> = (0..width).map(|k| (k, k)).collect();
        let (left_numbers, right_numbers) = self.paired_numbers(
            (&left_rows, &left.schema),
            (&right_rows, &right.schema),
            &pairs,
        )?;
        let mut right_sets: HashMap<u32, HashSet<u32>> = HashMap::new();
        let mut plan = SegmentPlan::new();
        let mut positions: Vec<u32> = Vec::new();
        let watch = self.watch();
        for i in 0..batch.len {
            watch.step(1)?;
            plan.ask(
                (segment_of(&left_rows, i), segment_of(&right_rows, i)),
                |&(l, r)| -> Outcome<usize> {
                    let set = match right_sets.entry(r) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(free) => {
                            let numbers = segment_range(&right_rows, r).map(|row| {
                                watch.step(1)?;
                                Ok(right_numbers[row])
                            });
                            free.insert(numbers.collect::<Outcome<HashSet<u32>>>()?)
                        }
                    };
                    for row in segment_range(&left_rows, l) {
                        watch.step(1)?;
                        if set.contains(&left_numbers[row]) == keep {
                            positions.push(row as u32);
                        }
                    }
                    Ok(positions.len())
                },
            )?;
        }
        let columns = left_rows
            .columns
            .iter()
            .map(|column| column.take(&positions))
            .collect();
        Ok(plan.finish(columns, merge_errors(&left_rows.errors, &right_rows.errors)))
    }

    /// Numbers for the rows of two tables, equal where these pairs of columns agree.
    pub(super) fn paired_numbers(
        &self,
        left: (&TableRows, &Schema),
        right: (&TableRows, &Schema),
        on: &[(usize, usize)],
    ) -> Outcome<(Vec<u32>, Vec<u32>)> {
        let (mut left_keys, mut right_keys) =
            (Vec::with_capacity(on.len()), Vec::with_capacity(on.len()));
        for &(l, r) in on {
            let (a, b) = self.matched_columns((left.0, left.1, l), (right.0, right.1, r))?;
            left_keys.push(a);
            right_keys.push(b);
        }
        let mut numbers = joint_numbers(
            &[&left_keys, &right_keys],
            &[left.0.rows(), right.0.rows()],
            &self.watch(),
        )?;
        let right = numbers.pop().unwrap_or_default();
        Ok((numbers.pop().unwrap_or_default(), right))
    }

    /// NATURALINNERJOIN and NATURALLEFTOUTERJOIN: pairs of rows that agree in the joined columns; the left columns, and then the
    /// right ones that are not joined on.
    pub fn natural_join(
        &self,
        left: &TableExpr,
        right: &TableExpr,
        on: &[(usize, usize)],
        outer: bool,
        batch: &Rc<Batch>,
    ) -> Outcome<TableRows> {
        let left_rows = self.settled(self.table(left, batch)?, &left.schema)?;
        let right_rows = self.settled(self.table(right, batch)?, &right.schema)?;
        let (left_numbers, right_numbers) =
            self.paired_numbers((&left_rows, &left.schema), (&right_rows, &right.schema), on)?;
        let mut matches: HashMap<u32, HashMap<u32, Vec<u32>>> = HashMap::new();
        let mut plan = SegmentPlan::new();
        let (mut left_positions, mut right_positions): (Vec<u32>, Vec<u32>) =
            (Vec::new(), Vec::new());
        let watch = self.watch();
        for i in 0..batch.len {
            watch.step(1)?;
            plan.ask(
                (segment_of(&left_rows, i), segment_of(&right_rows, i)),
                |&(l, r)| -> Outcome<usize> {
                    let by_number = match matches.entry(r) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(free) => {
                            let segment = segment_range(&right_rows, r);
                            free.insert(rows_by_number(&right_numbers, segment, &watch)?)
                        }
                    };
                    for row in segment_range(&left_rows, l) {
                        watch.step(1)?;
                        match by_number.get(&left_numbers[row]) {
                            Some(found) => {
                                watch.step(found.len())?;
                                left_positions
                                    .resize(left_positions.len() + found.len(), row as u32);
                                right_positions.extend(found);
                            }
                            None if outer => {
                                left_positions.push(row as u32);
                                right_positions.push(NO_ROW);
                            }
                            None => {}
                        }
                        self.admit_rows(left_positions.len())?;
                    }
                    Ok(left_positions.len())
                },
            )?;
        }
        let mut columns = self.spread_columns(&left_rows.columns, &left_positions)?;
        for (index, column) in right_rows.columns.iter().enumerate() {
            if !on.iter().any(|(_, r)| *r == index) {
                columns.push(self.take_or_blank(column, &right_positions)?);
            }
        }
        Ok(plan.finish(columns, merge_errors(&left_rows.errors, &right_rows.errors)))
    }
}

/// The rows of a segment by their numbers, each list in row order.
pub(super) fn rows_by_number(
    numbers: &[u32],
    segment: Range<usize>,
    watch: &Watch<'_>,
) -> Result<HashMap<u32, Vec<u32>>, Stopped> {
    let mut found: HashMap<u32, Vec<u32>> = HashMap::new();
    for row in segment {
        watch.step(1)?;
        found.entry(numbers[row]).or_default().push(row as u32);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use security::Control;

    fn values(values: Vec<Value>) -> KeyColumn {
        KeyColumn::Values(Vector::from_results(
            values.into_iter().map(Ok),
            DataType::Variant,
        ))
    }

    #[test]
    fn equal_values_have_equal_keys() {
        let check = |a: Value, b: Value, expected: bool| {
            assert_eq!(key_of(&a) == key_of(&b), expected, "{a:?} {b:?}")
        };
        check(Value::Integer(1), Value::Double(1.0), true);
        check(Value::Fixed(15_000), Value::Double(1.5), true);
        check(Value::Fixed(20_000), Value::Integer(2), true);
        check(Value::Double(0.0), Value::Double(-0.0), true);
        check(Value::Double(f64::NAN), Value::Double(-f64::NAN), true);
        check(Value::DateTime(0), Value::Integer(EPOCH_DAYS), true);
        check(Value::text("Bikes "), Value::text("bIKES"), true);
        check(Value::text("1"), Value::Integer(1), false);
        check(Value::Blank, Value::Integer(0), false);
        check(Value::Blank, Value::text(""), false);
        check(Value::Boolean(true), Value::Integer(1), false);
        check(Value::DateTime(1), Value::DateTime(2), false);
    }

    #[test]
    fn groups_belong_to_their_segment() {
        let text = values(["a", "B", "A", "b", "b", "a"].map(Value::text).to_vec());
        let number = values([1, 1, 1, 1, 2, 1].map(Value::Integer).to_vec());
        let groups = group_segments(
            &[text, number],
            [0..3, 3..3, 3..6].into_iter(),
            &Watch::new(&Control::new(None)),
        )
        .unwrap();
        assert_eq!(groups.first_rows, [0, 1, 3, 4, 5]);
        assert_eq!(groups.offsets, [0, 2, 2, 5]);
        assert_eq!(groups.of_row, [0, 1, 0, 2, 3, 4]);
    }

    #[test]
    fn without_columns_a_segment_is_one_group() {
        let groups = group_segments(
            &[],
            [0..2, 2..2, 2..3].into_iter(),
            &Watch::new(&Control::new(None)),
        )
        .unwrap();
        assert_eq!(
            (groups.first_rows, groups.offsets, groups.of_row),
            (vec![0, 2], vec![0, 1, 1, 2], vec![0, 0, 1])
        );
    }

    #[test]
    fn sparse_codes_are_renumbered() {
        let groups = group_segments(
            &[KeyColumn::Numbers(vec![4_000_000_000, 7, 4_000_000_000])],
            std::iter::once(0..3),
            &Watch::new(&Control::new(None)),
        )
        .unwrap();
        assert_eq!(groups.of_row, [0, 1, 0]);
    }

    #[test]
    fn rows_of_two_tables_are_numbered_together() {
        let left = [
            values(vec![Value::Integer(1), Value::Blank]),
            values(vec![Value::text("x"), Value::text("y")]),
        ];
        let right = [
            values(vec![Value::Blank, Value::Double(1.0), Value::Integer(1)]),
            values(["Y", "y", "X "].map(Value::text).to_vec()),
        ];
        let numbers =
            joint_numbers(&[&left, &right], &[2, 3], &Watch::new(&Control::new(None))).unwrap();
        assert_eq!(numbers[0][0], numbers[1][2]);
        assert_eq!(numbers[0][1], numbers[1][0]);
        assert!(!numbers[0].contains(&numbers[1][1]));
    }

    #[test]
    fn contexts_with_one_question_share_a_segment() {
        let mut plan = SegmentPlan::new();
        let mut rows = 0;
        for key in ["a", "b", "a"] {
            let asked: Result<(), ()> = plan.ask(key, |_| {
                rows += 2;
                Ok(rows)
            });
            asked.unwrap();
        }
        let table = plan.finish(Vec::new(), None);
        assert_eq!(table.offsets, [0, 2, 4]);
        assert_eq!(
            (0..3).map(|i| table.segment(i)).collect::<Vec<_>>(),
            [0..2, 2..4, 0..2]
        );
    }

    #[test]
    fn numbers_of_several_types_become_one() {
        let check = |types: &[DataType], expected: DataType| {
            assert_eq!(common_type(types.iter().copied()), expected, "{types:?}")
        };
        check(&[DataType::Integer, DataType::Integer], DataType::Integer);
        check(&[DataType::Integer, DataType::Fixed], DataType::Fixed);
        check(
            &[DataType::Fixed, DataType::Double, DataType::Integer],
            DataType::Double,
        );
        check(&[DataType::Integer, DataType::Text], DataType::Variant);
        check(&[DataType::Unknown, DataType::Text], DataType::Text);
    }
}

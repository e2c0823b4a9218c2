//! The literal evaluator: values instead of codes, one row after the other, nothing shared with the engine but the data.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Decimal64Type, Float64Type, Int64Type, TimestampMicrosecondType};

use super::super::exact::tests::expansion;
use super::random::{Value, World};
use crate::*;

pub(super) struct Literal<'w> {
    world: &'w World,
    /// For each column the code of each row, found by comparing values with what the codes decode to.
    codes: HashMap<(u32, u32), Vec<u32>>,
    /// For each relationship the row that each row of its `from` table finds, and the other way.
    forward: Vec<Vec<Option<u32>>>,
    reverse: Vec<Vec<Option<u32>>>,
}

impl<'w> Literal<'w> {
    pub(super) fn new(world: &'w World) -> Literal<'w> {
        let mut codes = HashMap::new();
        for (table, columns) in world.tables.iter().enumerate() {
            for (column, values) in columns.iter().enumerate() {
                let id = ColumnId {
                    table: TableId(table as u32),
                    column: column as u32,
                };
                codes.insert((id.table.0, id.column), row_codes(world, id, values));
            }
        }
        let find = |(a, b): &((u32, u32), (u32, u32))| {
            let column =
                |(table, column): (u32, u32)| &world.tables[table as usize][column as usize];
            let mut known: HashMap<String, Option<u32>> = HashMap::new();
            let row = |value: &Value| {
                let found = || {
                    column(*b)
                        .iter()
                        .position(|other| same(value, other))
                        .map(|row| row as u32)
                };
                if *value == Value::Blank {
                    None
                } else {
                    *known.entry(format!("{value:?}")).or_insert_with(found)
                }
            };
            column(*a).iter().map(row).collect()
        };
        let forward = world.relationships.iter().map(find).collect();
        let reverse = world
            .relationships
            .iter()
            .map(|(a, b)| (*b, *a))
            .map(|ends| find(&ends))
            .collect();
        Literal {
            world,
            codes,
            forward,
            reverse,
        }
    }

    /// The code of each row.
    pub(super) fn codes_of(&self, table: TableId, column: u32) -> &[u32] {
        &self.codes[&(table.0, column)]
    }

    /// The row at the end of a path, and the table there. None: the blank row.
    fn walk(
        &self,
        table: TableId,
        row: u32,
        path: &Path,
        masks: &[PlacedSet],
    ) -> (Option<u32>, u32) {
        let mut reached = table.0;
        let mut row = Some(row).filter(|row| *row < self.count(reached));
        for (place, step) in path.iter().enumerate() {
            let number = step.relationship.0 as usize;
            let (map, (a, b)) = (
                if step.reverse {
                    &self.reverse
                } else {
                    &self.forward
                },
                self.world.relationships[number],
            );
            row = row.and_then(|row| map[number][row as usize]);
            reached = if step.reverse { a.0 } else { b.0 };
            let here = masks.iter().filter(|mask| mask.path[..] == path[..=place]);
            let shown = |row: u32| {
                here.clone().all(|mask| match &*mask.rows {
                    RowSet::All => true,
                    RowSet::None => false,
                    RowSet::Some(rows) => rows.contains(row),
                })
            };
            row = row.filter(|row| shown(*row));
        }
        (row, reached)
    }

    fn count(&self, table: u32) -> u32 {
        self.world.tables[table as usize][0].len() as u32
    }

    pub(super) fn code(
        &self,
        table: TableId,
        row: u32,
        column: &PathColumn,
        masks: &[PlacedSet],
    ) -> u32 {
        let (row, end) = self.walk(table, row, &column.path, masks);
        match (column.target, row) {
            (Target::Row, row) => row.unwrap_or(self.count(end)),
            (Target::Column(_), None) => BLANK,
            (Target::Column(column), Some(row)) => self.codes[&(end, column)][row as usize],
        }
    }

    fn value(&self, scan: &Scan, row: u32, column: &PathColumn) -> Value {
        let (table, masks) = (scan.table, &scan.masks);
        let (row, end) = self.walk(table, row, &column.path, masks);
        match (column.target, row) {
            (Target::Column(column), Some(row)) => {
                match &self.world.tables[end as usize][column as usize][row as usize] {
                    // Both zeros are one value, and it has no sign.
                    Value::Double(0.0) => Value::Double(0.0),
                    value => value.clone(),
                }
            }
            _ => Value::Blank,
        }
    }

    pub(super) fn equal_rows(&self, table: TableId, a: u32, b: u32) -> bool {
        let columns = &self.world.tables[table.0 as usize];
        columns.iter().all(|c| {
            let (a, b) = (&c[a as usize], &c[b as usize]);
            match (a, b) {
                (Value::Blank, _) | (_, Value::Blank) => a == b,
                _ => same(a, b),
            }
        })
    }

    pub(super) fn rows(&self, scan: &Scan) -> Vec<u32> {
        (0..self.count(scan.table.0))
            .filter(|row| self.visible(scan, *row) && self.passes(scan, *row))
            .collect()
    }

    fn visible(&self, scan: &Scan, row: u32) -> bool {
        let Visibility::AnyOf(terms) = &scan.visibility else {
            return true;
        };
        terms.iter().any(|term| {
            term.sets.iter().all(|set| {
                let place = PathColumn {
                    path: set.path.clone(),
                    target: set.target,
                };
                match &*set.rows {
                    RowSet::All => true,
                    RowSet::None => false,
                    RowSet::Some(rows) => rows.contains(self.code(scan.table, row, &place, &[])),
                }
            })
        })
    }

    fn passes(&self, scan: &Scan, row: u32) -> bool {
        scan.filters.iter().all(|filter| match filter {
            Filter::In { column, set } => {
                set.contains(self.code(scan.table, row, column, &scan.masks))
            }
            Filter::Tuples { columns, tuples } => {
                let tuple: Vec<u32> = columns
                    .iter()
                    .map(|c| self.code(scan.table, row, c, &scan.masks))
                    .collect();
                tuples.codes.chunks(tuples.width).any(|t| t == tuple)
            }
        })
    }

    pub(super) fn groups(&self, scan: &Scan, rows: &[u32]) -> Result<Groups, ScanError> {
        let mut groups: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
        if scan.keys.is_empty() {
            groups.insert(Vec::new(), Vec::new());
        }
        for row in rows {
            let key = scan
                .keys
                .iter()
                .map(|k| self.code(scan.table, *row, k, &scan.masks))
                .collect();
            groups.entry(key).or_default().push(*row);
        }
        let mut keys: Vec<Vec<u32>> = vec![Vec::new(); scan.keys.len()];
        for key in groups.keys() {
            key.iter()
                .zip(&mut keys)
                .for_each(|(code, codes)| codes.push(*code));
        }
        let aggregate = |a: &Aggregate| self.aggregate(scan, a, groups.values());
        let aggregates = scan
            .aggregates
            .iter()
            .map(aggregate)
            .collect::<Result<_, _>>()?;
        Ok(Groups {
            len: groups.len(),
            keys,
            aggregates,
            rows_scanned: 0,
            rows_passed: 0,
        })
    }

    fn aggregate<'g>(
        &self,
        scan: &Scan,
        aggregate: &Aggregate,
        groups: impl Iterator<Item = &'g Vec<u32>>,
    ) -> Result<Aggregated, ScanError> {
        use AggregateOp::{Count, DistinctCount, Max, Min, Rows, Sum};
        let table = scan.table;
        let Some(argument) = &aggregate.argument else {
            return Ok(Aggregated::Count(
                groups.map(|rows| rows.len() as u64).collect(),
            ));
        };
        if let (Expression::Column(column), Min | Max | Count | DistinctCount) =
            (argument, aggregate.op)
        {
            let codes = |rows: &Vec<u32>| -> Vec<u32> {
                rows.iter()
                    .map(|row| self.code(table, *row, column, &scan.masks))
                    .collect()
            };
            let valued = |rows: &Vec<u32>| codes(rows).into_iter().filter(|code| *code != BLANK);
            return Ok(match aggregate.op {
                Min => Aggregated::Code(
                    groups
                        .map(|rows| valued(rows).min().unwrap_or(BLANK))
                        .collect(),
                ),
                Max => Aggregated::Code(
                    groups
                        .map(|rows| valued(rows).max().unwrap_or(BLANK))
                        .collect(),
                ),
                Count => {
                    Aggregated::Count(groups.map(|rows| valued(rows).count() as u64).collect())
                }
                _ => Aggregated::Count(
                    groups
                        .map(|rows| {
                            codes(rows)
                                .into_iter()
                                .collect::<std::collections::BTreeSet<_>>()
                                .len() as u64
                        })
                        .collect(),
                ),
            });
        }
        let data_type = self.world.data.expression_type(table, argument).unwrap();
        let mut results = Vec::new();
        for rows in groups {
            let mut values = Vec::new();
            for row in rows {
                let value = self.evaluate(scan, *row, argument)?;
                values.extend((value != Value::Blank).then_some(value));
            }
            results.push(values);
        }
        let whole = |v: &Value| match v {
            Value::Integer(v) | Value::Fixed(v) => i128::from(*v),
            other => panic!("{other:?} in a column of {data_type:?}"),
        };
        let double = |v: &Value| {
            if let Value::Double(v) = v {
                *v
            } else {
                panic!("{v:?}")
            }
        };
        Ok(match (aggregate.op, data_type) {
            (Rows | Count | DistinctCount, _) => {
                Aggregated::Count(results.iter().map(|v| v.len() as u64).collect())
            }
            (Sum, DataType::Double) => Aggregated::Double(
                results
                    .iter()
                    .map(|v| {
                        let values: Vec<f64> = v.iter().map(double).collect();
                        let sum = || {
                            if values.iter().all(|v| v.is_finite()) {
                                expansion(&values)
                            } else {
                                values.iter().sum()
                            }
                        };
                        (!v.is_empty()).then(sum)
                    })
                    .collect(),
            ),
            (op, DataType::Double) => {
                let better = if op == Min {
                    Ordering::Less
                } else {
                    Ordering::Greater
                };
                let best = |a: f64, b: f64| if order(b, a) == better { b } else { a };
                Aggregated::Double(
                    results
                        .iter()
                        .map(|v| v.iter().map(double).reduce(best))
                        .collect(),
                )
            }
            (op, t) => {
                let pick = |v: &Vec<Value>| match op {
                    Sum => (!v.is_empty()).then(|| v.iter().map(whole).sum()),
                    Min => v.iter().map(whole).min(),
                    _ => v.iter().map(whole).max(),
                };
                let values = results.iter().map(pick).collect();
                if t == DataType::Fixed {
                    Aggregated::Fixed(values)
                } else {
                    Aggregated::Integer(values)
                }
            }
        })
    }

    fn evaluate(&self, scan: &Scan, row: u32, expression: &Expression) -> Result<Value, ScanError> {
        let of_type = |value: Value| {
            self.world
                .data
                .expression_type(scan.table, expression)
                .map(|t| (t, value))
        };
        Ok(match expression {
            Expression::Integer(v) => Value::Integer(*v),
            Expression::Fixed(v) => Value::Fixed(*v),
            Expression::Double(v) => Value::Double(*v),
            Expression::Column(column) => self.value(scan, row, column),
            Expression::Arithmetic { op, left, right } => {
                let l = self.evaluate(scan, row, left)?;
                let r = self.evaluate(scan, row, right)?;
                let blanks = (l == Value::Blank, r == Value::Blank);
                let blank = match op {
                    ArithmeticOp::Add | ArithmeticOp::Subtract => blanks.0 && blanks.1,
                    ArithmeticOp::Multiply => blanks.0 || blanks.1,
                    ArithmeticOp::Divide => blanks.0,
                };
                if blank {
                    return Ok(Value::Blank);
                }
                // The type of a side that is BLANK still decides the type of the result.
                let zero = |side: &Expression, v: Value| match (
                    self.world.data.expression_type(scan.table, side),
                    v,
                ) {
                    (Some(DataType::Integer), Value::Blank) => Value::Integer(0),
                    (Some(DataType::Fixed), Value::Blank) => Value::Fixed(0),
                    (_, Value::Blank) => Value::Double(0.0),
                    (_, v) => v,
                };
                let (l, r) = (zero(left, l), zero(right, r));
                let value = arithmetic(*op, &l, &r).ok_or(ScanError::Overflow)?;
                of_type(value).unwrap().1
            }
        })
    }
}

fn arithmetic(op: ArithmeticOp, l: &Value, r: &Value) -> Option<Value> {
    use ArithmeticOp::{Add, Divide, Multiply, Subtract};
    use Value::{Double, Fixed, Integer};
    let narrow = |v: i128| i64::try_from(v).ok();
    let fixed = |v: f64| (v.round().abs() < 9.223372036854775e18).then(|| Fixed(v.round() as i64));
    let wide = |v: &Value| match v {
        Integer(v) => i128::from(*v) * 10_000,
        Fixed(v) => i128::from(*v),
        _ => 0,
    };
    let double = |v: &Value| match v {
        Integer(v) => *v as f64,
        Fixed(v) => *v as f64 / 10_000.0,
        Double(v) => *v,
        _ => f64::NAN,
    };
    match (op, l, r) {
        (Multiply, Integer(l), Integer(r)) => narrow(i128::from(*l) * i128::from(*r)).map(Integer),
        (Multiply, Integer(a), Fixed(b)) | (Multiply, Fixed(b), Integer(a)) => {
            narrow(i128::from(*a) * i128::from(*b)).map(Fixed)
        }
        (Multiply, Fixed(a), Double(b)) | (Multiply, Double(b), Fixed(a)) => fixed(*a as f64 * b),
        (Divide, Fixed(_), Integer(0)) => None,
        (Divide, Fixed(l), Integer(r)) => {
            let (l, r) = (i128::from(*l), i128::from(*r));
            let magnitude = (2 * l.abs() + r.abs()) / (2 * r.abs());
            narrow(if (l < 0) == (r < 0) {
                magnitude
            } else {
                -magnitude
            })
            .map(Fixed)
        }
        (Divide, Fixed(l), Double(r)) => fixed(*l as f64 / r),
        (Multiply, l, r) => Some(Double(double(l) * double(r))),
        (Divide, l, r) => Some(Double(double(l) / double(r))),
        (Add, Integer(l), Integer(r)) => l.checked_add(*r).map(Integer),
        (Subtract, Integer(l), Integer(r)) => l.checked_sub(*r).map(Integer),
        (Add, l @ Double(_), r) | (Add, l, r @ Double(_)) => Some(Double(double(l) + double(r))),
        (Subtract, l @ Double(_), r) | (Subtract, l, r @ Double(_)) => {
            Some(Double(double(l) - double(r)))
        }
        // An integer that is no fixed decimal is out of range, even where the sum would not be.
        (Add, l, r) => {
            narrow(i128::from(narrow(wide(l))?) + i128::from(narrow(wide(r))?)).map(Fixed)
        }
        (Subtract, l, r) => {
            narrow(i128::from(narrow(wide(l))?) - i128::from(narrow(wide(r))?)).map(Fixed)
        }
    }
}

fn order(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) => a.partial_cmp(&b).unwrap(),
        (a, b) => a.cmp(&b),
    }
}

/// Whether two values are one value to a relationship.
fn same(a: &Value, b: &Value) -> bool {
    use Value::{Blank, Boolean, Date, Double, Fixed, Integer, Text};
    match (a, b) {
        (Blank, _) | (_, Blank) => false,
        (Text(a), Text(b)) => {
            a.trim_end_matches(' ').to_lowercase() == b.trim_end_matches(' ').to_lowercase()
        }
        (Date(a), Date(b)) => a == b,
        (Boolean(a), Boolean(b)) => a == b,
        (Integer(a), Double(b)) | (Double(b), Integer(a)) => *a as f64 == *b,
        (Integer(a), Integer(b)) | (Fixed(a), Fixed(b)) => a == b,
        (Double(a), Double(b)) => order(*a, *b) == Ordering::Equal,
        _ => false,
    }
}

/// The code of each row: the one that decodes to its value. Codes have to be in value order, too.
fn row_codes(world: &World, id: ColumnId, values: &[Value]) -> Vec<u32> {
    let data_type = world.model.tables[id.table.0 as usize].columns[id.column as usize].data_type;
    let all: Vec<u32> = (0..world.data.domain(id)).collect();
    let decoded = world.data.decode(id, &all, None).unwrap();
    let decoded = literal_values(data_type, &decoded);
    assert_eq!(decoded[0], Value::Blank);
    for pair in decoded[1..].windows(2) {
        assert!(less(&pair[0], &pair[1]), "{pair:?} in {id:?}");
    }
    let mut known: HashMap<String, u32> = HashMap::new();
    let find = |value: &Value| {
        let search = || decoded.iter().position(|d| same(d, value)).unwrap() as u32;
        if *value == Value::Blank {
            BLANK
        } else {
            *known.entry(format!("{value:?}")).or_insert_with(search)
        }
    };
    if values.len() > 1000 && decoded.len() > 10_000 {
        // A wide column: finding is tested by the small ones.
        return world
            .data
            .encode(id, &super::random::array(data_type, values))
            .unwrap();
    }
    let codes: Vec<u32> = values.iter().map(find).collect();
    let encoded = world
        .data
        .encode(id, &super::random::array(data_type, values))
        .unwrap();
    assert_eq!(encoded, codes, "{id:?}");
    codes
}

fn less(a: &Value, b: &Value) -> bool {
    use Value::{Boolean, Date, Double, Fixed, Integer, Text};
    match (a, b) {
        (Integer(a), Integer(b)) | (Fixed(a), Fixed(b)) | (Date(a), Date(b)) => a < b,
        (Double(a), Double(b)) => order(*a, *b) == Ordering::Less,
        // Which order is right is told beside it.
        (Text(a), Text(b)) => crate::compare(a, b).is_lt(),
        (Boolean(a), Boolean(b)) => !a & b,
        _ => false,
    }
}

fn literal_values(data_type: DataType, array: &ArrayRef) -> Vec<Value> {
    (0..array.len())
        .map(|i| match data_type {
            _ if array.is_null(i) => Value::Blank,
            DataType::Text => Value::Text(array.as_string::<i32>().value(i).to_owned()),
            DataType::Double => Value::Double(array.as_primitive::<Float64Type>().value(i)),
            DataType::Fixed => Value::Fixed(array.as_primitive::<Decimal64Type>().value(i)),
            DataType::DateTime => {
                Value::Date(array.as_primitive::<TimestampMicrosecondType>().value(i))
            }
            DataType::Boolean => Value::Boolean(array.as_boolean().value(i)),
            _ => Value::Integer(array.as_primitive::<Int64Type>().value(i)),
        })
        .collect()
}

/// Decimal numbers by their bits, every NaN being one.
pub(super) fn assert_same(found: &Groups, expected: &Groups, place: &str) {
    assert_eq!(
        (found.len, &found.keys),
        (expected.len, &expected.keys),
        "{place}"
    );
    assert_eq!(found.aggregates.len(), expected.aggregates.len(), "{place}");
    for (number, (f, e)) in found
        .aggregates
        .iter()
        .zip(&expected.aggregates)
        .enumerate()
    {
        let same = match (f, e) {
            (Aggregated::Count(f), Aggregated::Count(e)) => f == e,
            (Aggregated::Code(f), Aggregated::Code(e)) => f == e,
            (Aggregated::Integer(f), Aggregated::Integer(e))
            | (Aggregated::Fixed(f), Aggregated::Fixed(e)) => f == e,
            (Aggregated::Double(f), Aggregated::Double(e)) => {
                let bits = |v: &Vec<Option<f64>>| -> Vec<Option<u64>> {
                    v.iter()
                        .map(|v| {
                            v.map(|v| {
                                if v.is_nan() {
                                    f64::NAN
                                } else if v == 0.0 {
                                    0.0
                                } else {
                                    v
                                }
                                .to_bits()
                            })
                        })
                        .collect()
                };
                bits(f) == bits(e)
            }
            _ => false,
        };
        assert!(
            same,
            "aggregate {number} of {place}\nfound {f:?}\nexpected {e:?}"
        );
    }
}

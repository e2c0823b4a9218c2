//! A small snowflake of random data, and random scans of it.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal64Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use model::{Cardinality, Model};
use roaring::RoaringBitmap;

use crate::*;

pub(super) const FACT: TableId = TableId(0);
pub(super) const PRODUCT: TableId = TableId(1);

/// The same numbers for the same seed, everywhere.
pub(in crate::scan) struct Random(u64);

impl Random {
    pub(in crate::scan) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0x5851_F42D)
    }

    pub(in crate::scan) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(in crate::scan) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(in crate::scan) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        &values[self.below(values.len() as u64) as usize]
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Blank,
    Integer(i64),
    Fixed(i64),
    Double(f64),
    Text(String),
    Date(i64),
    Boolean(bool),
}

pub(super) struct World {
    pub(super) data: Dataset,
    pub(super) model: Model,
    /// Table, column, row.
    pub(super) tables: Vec<Vec<Vec<Value>>>,
    /// From and to, as table and column.
    pub(super) relationships: Vec<((u32, u32), (u32, u32))>,
}

const NAMES: [&str; 9] = [
    "Red", "RED", "red  ", "Green", "green", "Blue", "", "Été", "ÉTÉ",
];

impl World {
    pub(super) fn new(random: &mut Random, rows: usize) -> World {
        use DataType::{Boolean, DateTime, Double, Fixed, Integer, Text};
        let types: [&[DataType]; 5] = [
            &[
                Integer, DateTime, Integer, Fixed, Double, Text, Boolean, Integer,
            ],
            &[Double, Text, Fixed, Text],
            &[Text, Integer],
            &[DateTime, Integer],
            &[Integer, Text],
        ];
        let ends = [
            ((0, 0), (1, 0)),
            ((1, 1), (2, 0)),
            ((0, 1), (3, 0)),
            ((1, 0), (4, 0)),
        ];
        let small = 2 + random.below(30) as usize;
        let product = product(random, small);
        let tables = vec![
            fact(random, rows, small),
            product,
            category(random),
            calendar(random),
            detail(random, small),
        ];
        let mut model = Model::default();
        for (number, types) in types.iter().enumerate() {
            let column = |(place, t): (usize, &DataType)| model::Column {
                name: format!("c{place}"),
                data_type: *t,
                ..model::Column::default()
            };
            let columns = types.iter().enumerate().map(column).collect();
            model.tables.push(model::Table {
                name: format!("t{number}"),
                columns,
                ..model::Table::default()
            });
        }
        for (number, ((from, f), (to, t))) in ends.iter().enumerate() {
            model.relationships.push(model::Relationship {
                from_table: format!("T{from}"),
                from_column: format!("C{f}"),
                to_table: format!("t{to}"),
                to_column: format!("c{t}"),
                from_cardinality: if number == 3 {
                    Cardinality::One
                } else {
                    Cardinality::Many
                },
                to_cardinality: Cardinality::One,
                ..model::Relationship::default()
            });
        }
        let mut data = Dataset::new(&model);
        for (number, columns) in tables.iter().enumerate() {
            let rows = columns[0].len();
            let cut = random.below(rows as u64 + 1) as usize;
            let chunks = |(place, values): (usize, &Vec<Value>)| {
                let t = types[number][place];
                (
                    place as u32,
                    vec![array(t, &values[..cut]), array(t, &values[cut..])],
                )
            };
            data.load_table(
                TableId(number as u32),
                rows,
                columns.iter().enumerate().map(chunks).collect(),
            )
            .unwrap();
        }
        for relationship in 0..ends.len() as u32 {
            data.relate(RelationshipId(relationship)).unwrap();
        }
        World {
            data,
            model,
            tables,
            relationships: ends.to_vec(),
        }
    }

    /// Paths from a table, the empty one first, and the tables at their ends.
    pub(super) fn paths(&self, table: TableId) -> Vec<(Path, TableId)> {
        let path = |steps: &[(u32, bool)], end| {
            let step = |(r, reverse): &(u32, bool)| Step {
                relationship: RelationshipId(*r),
                reverse: *reverse,
            };
            (Path(steps.iter().map(step).collect()), TableId(end))
        };
        match table.0 {
            0 => vec![
                path(&[], 0),
                path(&[(0, false)], 1),
                path(&[(0, false), (1, false)], 2),
                path(&[(2, false)], 3),
                path(&[(0, false), (3, false)], 4),
            ],
            1 => vec![path(&[], 1), path(&[(1, false)], 2), path(&[(3, false)], 4)],
            4 => vec![
                path(&[], 4),
                path(&[(3, true)], 1),
                path(&[(3, true), (1, false)], 2),
            ],
            other => vec![path(&[], other)],
        }
    }

    pub(super) fn path_columns(&self, table: TableId) -> Vec<PathColumn> {
        let columns = |(path, end): (Path, TableId)| {
            let columns = 0..self.tables[end.0 as usize].len() as u32;
            let targets = columns.map(Target::Column).chain([Target::Row]);
            targets
                .map(move |target| PathColumn {
                    path: path.clone(),
                    target,
                })
                .collect::<Vec<_>>()
        };
        self.paths(table).into_iter().flat_map(columns).collect()
    }

    fn end(&self, table: TableId, path: &Path) -> TableId {
        self.paths(table)
            .into_iter()
            .find(|(p, _)| p == path)
            .unwrap()
            .1
    }

    /// Codes, or rows with the blank row, that a path column can have.
    pub(super) fn size(&self, table: TableId, column: &PathColumn) -> u32 {
        let end = self.end(table, &column.path);
        match column.target {
            Target::Column(column) => self.data.domain(ColumnId { table: end, column }),
            Target::Row => self.data.rows(end).unwrap() + 1,
        }
    }

    pub(super) fn scan(&self, random: &mut Random) -> Scan {
        let table = *random.pick(&[FACT, FACT, FACT, PRODUCT, TableId(4)]);
        let columns = self.path_columns(table);
        let masks = self.masks(random, table);
        let filters = (0..random.below(4))
            .map(|_| self.filter(random, table, &columns, &masks))
            .collect();
        let most_keys = if random.chance(10) { 30 } else { 4 };
        let keys = (0..random.below(most_keys))
            .map(|_| random.pick(&columns).clone())
            .collect();
        let aggregates = (0..random.below(5))
            .map(|_| self.aggregate(random, table, &columns))
            .collect();
        let visibility = self.visibility(random, table);
        Scan {
            table,
            visibility,
            masks,
            filters,
            keys,
            aggregates,
            max_groups: usize::MAX,
        }
    }

    fn set(&self, random: &mut Random, size: u32) -> RoaringBitmap {
        match random.below(3) {
            0 => {
                let first = random.below(size.into()) as u32;
                (first..first + 1 + random.below(size.into()) as u32).collect()
            }
            1 => (0..size).filter(|_| random.chance(80)).collect(),
            _ => (0..size)
                .filter(|_| random.chance(30))
                .chain([ABSENT])
                .collect(),
        }
    }

    /// Sets on some of the paths, now and then two on the same one.
    pub(super) fn masks(&self, random: &mut Random, table: TableId) -> Vec<PlacedSet> {
        let count = if random.chance(50) {
            0
        } else {
            random.below(4)
        };
        let paths = self.paths(table);
        let beyond = &paths[1..];
        let mask = |_| {
            let (path, end) = random.pick(beyond).clone();
            let rows = match random.below(8) {
                0 => RowSet::All,
                1 => RowSet::None,
                _ => RowSet::Some(
                    self.set(random, self.data.rows(end).unwrap() + 1)
                        .iter()
                        .collect(),
                ),
            };
            PlacedSet {
                path,
                target: Target::Row,
                rows: Arc::new(rows),
            }
        };
        (0..count).map(mask).collect()
    }

    fn filter(
        &self,
        random: &mut Random,
        table: TableId,
        columns: &[PathColumn],
        masks: &[PlacedSet],
    ) -> Filter {
        if random.chance(70) {
            let column = random.pick(columns).clone();
            let set = Arc::new(self.set(random, self.size(table, &column)));
            return Filter::In { column, set };
        }
        let columns: Vec<PathColumn> = (0..1 + random.below(4))
            .map(|_| random.pick(columns).clone())
            .collect();
        let sizes: Vec<u32> = columns.iter().map(|c| self.size(table, c)).collect();
        let width = columns.len();
        // Tuples of rows that exist, or else nothing would ever pass.
        let rows = self.data.rows(table).unwrap();
        let fetched: Vec<Vec<u32>> = columns
            .iter()
            .map(|c| {
                self.data
                    .fetch(table, &(0..rows).collect::<Vec<_>>(), c, masks)
                    .unwrap()
            })
            .collect();
        let mut tuples: Vec<Vec<u32>> = Vec::new();
        for _ in 0..random.below(40) {
            if rows > 0 && random.chance(80) {
                let row = random.below(rows.into()) as usize;
                tuples.push(fetched.iter().map(|codes| codes[row]).collect());
            } else {
                tuples.push(
                    sizes
                        .iter()
                        .map(|size| random.below(u64::from(*size)) as u32)
                        .collect(),
                );
            }
        }
        tuples.sort();
        tuples.dedup();
        Filter::Tuples {
            columns,
            tuples: Arc::new(Tuples {
                width,
                codes: tuples.concat(),
            }),
        }
    }

    fn visibility(&self, random: &mut Random, table: TableId) -> Visibility {
        if random.chance(25) {
            return Visibility::All;
        }
        let paths = self.paths(table);
        let columns = self.path_columns(table);
        let mut term = || {
            let sets = (0..random.below(4)).map(|_| {
                let PathColumn { path, target } = if random.chance(30) {
                    random.pick(&columns).clone()
                } else {
                    PathColumn {
                        path: random.pick(&paths).0.clone(),
                        target: Target::Row,
                    }
                };
                let column = PathColumn { path, target };
                let size = self.size(table, &column);
                let set = match random.below(12) {
                    0 => RowSet::All,
                    1 => RowSet::None,
                    _ => RowSet::Some(self.set(random, size).iter().collect()),
                };
                PlacedSet {
                    path: column.path,
                    target: column.target,
                    rows: Arc::new(set),
                }
            });
            Term {
                sets: sets.collect(),
            }
        };
        let terms = [term(), term(), term(), term()];
        Visibility::AnyOf(terms.into_iter().take(random.below(5) as usize).collect())
    }

    fn aggregate(&self, random: &mut Random, table: TableId, columns: &[PathColumn]) -> Aggregate {
        let op = *random.pick(&[
            AggregateOp::Rows,
            AggregateOp::Count,
            AggregateOp::Sum,
            AggregateOp::Sum,
            AggregateOp::Min,
            AggregateOp::Max,
            AggregateOp::DistinctCount,
        ]);
        let plain: Vec<&PathColumn> = columns.iter().filter(|c| c.target != Target::Row).collect();
        let argument = match op {
            AggregateOp::Rows => return Aggregate { op, argument: None },
            AggregateOp::DistinctCount => Expression::Column(random.pick(columns).clone()),
            AggregateOp::Count | AggregateOp::Min | AggregateOp::Max if random.chance(50) => {
                Expression::Column((*random.pick(&plain)).clone())
            }
            _ => self.expression(random, table, columns, 3),
        };
        Aggregate {
            op,
            argument: Some(argument),
        }
    }

    fn expression(
        &self,
        random: &mut Random,
        table: TableId,
        columns: &[PathColumn],
        depth: u32,
    ) -> Expression {
        if depth > 0 && random.chance(55) {
            use ArithmeticOp::{Add, Divide, Multiply, Subtract};
            return Expression::Arithmetic {
                op: *random.pick(&[Add, Add, Subtract, Multiply, Multiply, Divide]),
                left: Box::new(self.expression(random, table, columns, depth - 1)),
                right: Box::new(self.expression(random, table, columns, depth - 1)),
            };
        }
        match random.below(6) {
            0 => Expression::Integer(random.below(9) as i64 - 3),
            1 => Expression::Fixed(random.below(90_000) as i64 - 30_000),
            2 => Expression::Double(random.below(100) as f64 / 8.0 - 3.0),
            _ => loop {
                let column = Expression::Column(random.pick(columns).clone());
                if self.data.expression_type(table, &column).is_some() {
                    return column;
                }
            },
        }
    }
}

fn values(
    random: &mut Random,
    rows: usize,
    blanks: u64,
    mut value: impl FnMut(&mut Random) -> Value,
) -> Vec<Value> {
    (0..rows)
        .map(|_| {
            if random.chance(blanks) {
                Value::Blank
            } else {
                value(random)
            }
        })
        .collect()
}

/// A day number as microseconds.
fn date(day: u64) -> Value {
    Value::Date((day as i64 - 20) * 86_400_000_000)
}

fn fact(random: &mut Random, rows: usize, small: usize) -> Vec<Vec<Value>> {
    let doubles = [
        0.1,
        0.25,
        -0.0,
        0.0,
        7.5,
        -3.25,
        1e15,
        f64::NAN,
        f64::INFINITY,
    ];
    let usual = if random.chance(50) {
        6
    } else {
        doubles.len() as u64
    };
    let wide = random.chance(50);
    let mut columns = vec![
        values(random, rows, 8, |r| {
            Value::Integer(r.below(small as u64 + 4) as i64)
        }),
        values(random, rows, 8, |r| date(r.below(40))),
        values(random, rows, 20, |r| {
            Value::Integer(r.below(50) as i64 - 10)
        }),
        values(random, rows, 10, |r| {
            Value::Fixed(r.next() as i64 % 10_000_000)
        }),
        values(random, rows, 10, |r| {
            Value::Double(doubles[r.below(usual) as usize])
        }),
        values(random, rows, 15, |r| {
            Value::Text((*r.pick(&NAMES)).to_owned())
        }),
        values(random, rows, 30, |r| Value::Boolean(r.chance(40))),
        values(random, rows, 0, |r| {
            Value::Integer(if wide {
                r.next() as i64
            } else {
                r.below(200) as i64 * 1000
            })
        }),
    ];
    // Neighbouring rows share days, so that blocks can be skipped.
    columns[1].sort_by_key(|v| {
        if let Value::Date(day) = v {
            *day
        } else {
            i64::MIN
        }
    });
    // Some columns stay the same for a few rows, as those of a fact do that comes in the order of something.
    for column in &mut columns {
        if random.chance(30) {
            let stretch = 2 + random.below(20) as usize;
            for row in 0..column.len() {
                column[row] = column[row - row % stretch].clone();
            }
        }
    }
    columns
}

fn product(random: &mut Random, small: usize) -> Vec<Vec<Value>> {
    let ids = (0..small)
        .map(|id| Value::Double(id as f64 + 1.0))
        .collect();
    vec![
        ids,
        values(random, small, 15, |r| {
            Value::Text((*r.pick(&NAMES)).to_owned())
        }),
        values(random, small, 10, |r| {
            Value::Fixed(r.below(1_000_000) as i64)
        }),
        values(random, small, 10, |r| {
            Value::Text((*r.pick(&NAMES)).to_owned())
        }),
    ]
}

fn category(random: &mut Random) -> Vec<Vec<Value>> {
    let names = ["Blue ", "green", "Red", "Pink"].map(|name| Value::Text(name.to_owned()));
    let weights = values(random, names.len(), 20, |r| {
        Value::Integer(r.below(5) as i64)
    });
    vec![names.to_vec(), weights]
}

fn calendar(random: &mut Random) -> Vec<Vec<Value>> {
    let days: Vec<Value> = (0..37).rev().map(date).collect();
    let years = values(random, days.len(), 5, |r| {
        Value::Integer(2020 + r.below(3) as i64)
    });
    vec![days, years]
}

fn detail(random: &mut Random, small: usize) -> Vec<Vec<Value>> {
    let ids: Vec<Value> = (0..small as i64)
        .filter(|_| random.chance(75))
        .map(|id| Value::Integer(id + 2))
        .collect();
    let labels = values(random, ids.len(), 10, |r| {
        Value::Text((*r.pick(&NAMES)).to_owned())
    });
    vec![ids, labels]
}

pub(super) fn array(data_type: DataType, values: &[Value]) -> ArrayRef {
    macro_rules! of {
        ($array:ident, $variant:ident) => {
            values
                .iter()
                .map(|v| {
                    if let Value::$variant(v) = v {
                        Some(v.clone())
                    } else {
                        None
                    }
                })
                .collect::<$array>()
        };
    }
    match data_type {
        DataType::Text => Arc::new(of!(StringArray, Text)),
        DataType::Double => Arc::new(of!(Float64Array, Double)),
        DataType::Fixed => Arc::new(
            of!(Decimal64Array, Fixed)
                .with_precision_and_scale(18, 4)
                .unwrap(),
        ),
        DataType::DateTime => Arc::new(of!(TimestampMicrosecondArray, Date)),
        DataType::Boolean => Arc::new(of!(BooleanArray, Boolean)),
        _ => Arc::new(of!(Int64Array, Integer)),
    }
}

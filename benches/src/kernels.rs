//! A table for the kernels: columns with known distributions, and scans over them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use model::Model;
use storage::{
    Aggregate, AggregateOp, ColumnId, Control, DataType, Dataset, Expression, Filter, Groups, Path,
    PathColumn, RowSet, Scan, TableId, Target, Term, Visibility,
};

use crate::ssb::below;

/// Sixty-four blocks.
pub const ROWS: usize = 4 << 20;

/// Columns of the table; each name says what the values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// 0 to 99, evenly: a set of n of its values keeps n percent of the rows.
    Percent,
    /// 7, 1,000 and 1,000,000 values, evenly.
    Seven,
    Thousand,
    Million,
    /// Whole numbers of 24 bits.
    Amount,
    /// Decimal numbers.
    Price,
    /// 5,000 texts of about 20 letters.
    Text,
    /// Ascending, a run of 1,000 rows a value.
    Sorted,
}

const COLUMNS: [(Column, DataType); 8] = [
    (Column::Percent, DataType::Integer),
    (Column::Seven, DataType::Integer),
    (Column::Thousand, DataType::Integer),
    (Column::Million, DataType::Integer),
    (Column::Amount, DataType::Integer),
    (Column::Price, DataType::Double),
    (Column::Text, DataType::Text),
    (Column::Sorted, DataType::Integer),
];

/// The table with its data.
pub struct Kernels {
    data: Dataset,
}

impl Kernels {
    /// Loads some of the columns: a kernel pays for what it reads alone.
    pub fn new(columns: &[Column]) -> Kernels {
        let table = model::Table {
            name: "facts".to_owned(),
            columns: COLUMNS
                .iter()
                .map(|(column, data_type)| model::Column {
                    name: format!("{column:?}"),
                    data_type: *data_type,
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        };
        let model = Model {
            tables: vec![table],
            ..Default::default()
        };
        let mut data = Dataset::new(&model);
        let arrays = columns.iter().map(|c| (*c as u32, vec![values(*c)]));
        data.load_table(TableId(0), ROWS, arrays.collect())
            .expect("the columns are of their types");
        Kernels { data }
    }

    /// Runs a scan to its end.
    pub fn run(&self, scan: &Scan) -> Groups {
        let answer = self.data.scan(scan, &Control::new(None));
        answer.expect("the scan is within its limits")
    }

    /// Keeps the rows whose value is one of the first n of a column.
    pub fn first(&self, column: Column, n: u32) -> Filter {
        self.every(column, n, 1)
    }

    /// Keeps the rows whose value is one of n of a column, so far apart: neighbours are a range, others are looked up.
    pub fn every(&self, column: Column, n: u32, apart: u32) -> Filter {
        Filter::In {
            column: here(column),
            // Code 0 is BLANK.
            set: Arc::new((0..n).map(|code| 1 + code * apart).collect()),
        }
    }

    /// Sees only every so manieth row.
    pub fn visible(&self, every: usize) -> Visibility {
        let rows = (0..ROWS as u32).step_by(every).collect();
        Visibility::AnyOf(vec![Term {
            sets: vec![storage::PlacedSet {
                path: Path::here(),
                target: storage::Target::Row,
                rows: Arc::new(RowSet::Some(rows)),
            }],
        }])
    }

    /// The codes of the texts that hold a piece of text, by looking at each value once.
    pub fn texts_with(&self, piece: &str) -> Filter {
        let column = ColumnId {
            table: TableId(0),
            column: Column::Text as u32,
        };
        let codes: Vec<u32> = (1..self.data.domain(column)).collect();
        let values = self
            .data
            .decode(column, &codes, None)
            .expect("a loaded column");
        let texts = values
            .as_any()
            .downcast_ref::<StringArray>()
            .expect("texts");
        let set = codes
            .iter()
            .zip(texts)
            .filter(|(_, text)| text.is_some_and(|text| text.contains(piece)))
            .map(|(code, _)| *code);
        Filter::In {
            column: here(Column::Text),
            set: Arc::new(set.collect()),
        }
    }
}

/// A scan of all rows with one aggregate.
pub fn scan(op: AggregateOp, argument: Option<Expression>) -> Scan {
    Scan {
        table: TableId(0),
        visibility: Visibility::All,
        masks: Vec::new(),
        filters: Vec::new(),
        keys: Vec::new(),
        aggregates: vec![Aggregate { op, argument }],
        max_groups: ROWS,
    }
}

/// A column of the scanned table.
pub fn here(column: Column) -> PathColumn {
    PathColumn {
        path: Path::here(),
        target: Target::Column(column as u32),
    }
}

pub fn value(column: Column) -> Expression {
    Expression::Column(here(column))
}

fn values(column: Column) -> ArrayRef {
    let draw = |n: u64| (0..ROWS as u64).map(move |row| below(column as u64, row, n));
    let numbers =
        |n: u64| -> ArrayRef { Arc::new(draw(n).map(|v| v as i64).collect::<Int64Array>()) };
    match column {
        Column::Percent => numbers(100),
        Column::Seven => numbers(7),
        Column::Thousand => numbers(1000),
        Column::Million => numbers(1_000_000),
        Column::Amount => numbers(1 << 24),
        Column::Price => Arc::new(
            draw(1 << 20)
                .map(|v| v as f64 / 7.0)
                .collect::<Float64Array>(),
        ),
        Column::Text => {
            let texts = draw(5000).map(|v| format!("{:x} of the things {v}", v * 7919));
            Arc::new(StringArray::from_iter_values(texts))
        }
        Column::Sorted => Arc::new(
            (0..ROWS as i64)
                .map(|row| row / 1000)
                .collect::<Int64Array>(),
        ),
    }
}

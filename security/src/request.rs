//! What may be asked of the visible rows: scans in terms of handles. Lowering turns them into the scans of
//! storage, checks that every handle is this view's own, and puts the visibility in.

use std::sync::Arc;

use arrow::array::ArrayRef;
use roaring::RoaringBitmap;

use crate::handle::{Codes, Column, Relationship, Table};

/// One step along a relationship that finds at most one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Step {
    pub relationship: Relationship,
    /// Against the arrow: only along a one-to-one relationship.
    pub reverse: bool,
}

/// A column, or the row itself, of the table at the end of a path that begins at the scanned table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathColumn {
    pub path: Arc<[Step]>,
    pub target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    Column(Column),
    /// The row number in this table.
    Row(Table),
}

#[derive(Clone, Debug)]
pub struct Scan {
    pub table: Table,
    /// All must hold.
    pub filters: Vec<Filter>,
    /// Group by these. None: one group, even over no rows.
    pub keys: Vec<PathColumn>,
    pub aggregates: Vec<Aggregate>,
}

#[derive(Clone, Debug)]
pub enum Filter {
    /// The code is in the set; 0 is BLANK.
    In {
        column: PathColumn,
        set: Arc<RoaringBitmap>,
    },
    /// The tuple of codes is one of these: row-major, as many codes a tuple as there are columns.
    Tuples {
        columns: Vec<PathColumn>,
        codes: Arc<Vec<u32>>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub op: AggregateOp,
    /// None only for `Rows`.
    pub argument: Option<Expression>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateOp {
    Rows,
    /// Values that are not BLANK.
    Count,
    Sum,
    /// Of a plain column the result is codes.
    Min,
    Max,
    /// BLANK included; of a plain column only.
    DistinctCount,
}

/// Numbers computed from the columns of one row, inside the scan.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Column(PathColumn),
    Integer(i64),
    /// Four decimal places.
    Fixed(i64),
    Double(f64),
    Arithmetic {
        op: ArithmeticOp,
        left: Box<Expression>,
        right: Box<Expression>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// One entry per group that has a visible row, in ascending order of the key codes.
#[derive(Clone, Debug)]
pub struct Groups {
    pub len: usize,
    pub keys: Vec<Codes>,
    pub aggregates: Vec<Aggregated>,
}

#[derive(Clone, Debug)]
pub enum Aggregated {
    Count(Vec<u64>),
    Integer(Vec<Option<i128>>),
    /// Four decimal places.
    Fixed(Vec<Option<i128>>),
    Double(Vec<Option<f64>>),
    /// Minimum or maximum of a plain column; BLANK where there is none.
    Codes(Codes),
}

/// The result of a calculated column or of a column of a calculated table.
#[derive(Clone, Debug)]
pub struct Calculated {
    pub name: String,
    pub data_type: model::DataType,
    /// Of the canonical type of `data_type`.
    pub values: ArrayRef,
}

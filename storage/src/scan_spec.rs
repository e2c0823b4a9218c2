//! What a scan is: one pass over one table. Plain data, closed and free of closures, because one day it will run
//! somewhere else. `security` alone makes these, and puts the visibility in.
//!
//! Everything is by code. A code is a number that stands for a value of one column in one generation:
//! [`BLANK`] is BLANK, codes from 1 on are in value order. A row number is a code too: rows of a table are
//! 0..n, and n stands for the table's blank row (the row that facts with an unmatched key belong to).

use std::ops::Deref;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::RowBlocks;

/// The code of BLANK in every column.
pub const BLANK: u32 = 0;

/// What `encode` gives for a value that the column does not hold. It equals no code of any row.
pub const ABSENT: u32 = u32::MAX;

/// Ordinal of a table in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// Ordinal of a column in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId {
    pub table: TableId,
    pub column: u32,
}

/// Ordinal of a relationship in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationshipId(pub u32);

/// One step along a relationship that finds at most one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Step {
    pub relationship: RelationshipId,
    /// False: from the `from` table to the row of the `to` table. True: against the arrow, which only a
    /// one-to-one relationship allows.
    pub reverse: bool,
}

/// Steps from the scanned table outwards. Empty: the scanned table itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(pub Arc<[Step]>);

impl Path {
    pub fn here() -> Self {
        Path(Arc::from([]))
    }
}

impl Deref for Path {
    type Target = [Step];
    fn deref(&self) -> &[Step] {
        &self.0
    }
}

/// A column of the table at the end of a path, or the row of that table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathColumn {
    pub path: Path,
    pub target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// Ordinal of the column in the table at the path's end.
    Column(u32),
    /// The row number there.
    Row,
}

/// A set of rows of one table. Row n of a table of n rows is its blank row.
#[derive(Clone, Debug, PartialEq)]
pub enum RowSet {
    All,
    None,
    Some(RowBlocks),
}

/// Which rows of a table an identity sees: an OR of terms. Without any term, nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Visibility {
    All,
    AnyOf(Vec<Term>),
}

/// An AND of row sets, each standing on the table that its filter is written on.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub sets: Vec<PlacedSet>,
}

/// A set of rows of the table at the end of the path, or of codes of one of its columns: then of the rows that have them. A filter
/// that reads one column is small as codes, however many rows it admits.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedSet {
    pub path: Path,
    pub target: Target,
    /// Row numbers or codes.
    pub rows: Arc<RowSet>,
}

#[derive(Clone, Debug)]
pub struct Scan {
    pub table: TableId,
    pub visibility: Visibility,
    /// Rows beyond relationships that do not exist for this scan: a row at the end of a mask's path that is not in its set
    /// counts as the blank row of its table, for filters, keys and aggregates, and for all that paths reach from there. The
    /// visibility is decided without masks.
    pub masks: Vec<PlacedSet>,
    /// All must hold.
    pub filters: Vec<Filter>,
    /// Group by these. None: one group, even over no rows.
    pub keys: Vec<PathColumn>,
    pub aggregates: Vec<Aggregate>,
    /// Refuse beyond this number of groups.
    pub max_groups: usize,
}

#[derive(Clone, Debug)]
pub enum Filter {
    /// The code is in the set (0 in the set admits BLANK).
    In {
        column: PathColumn,
        set: Arc<RoaringBitmap>,
    },
    /// The tuple of codes is one of these.
    Tuples {
        columns: Vec<PathColumn>,
        tuples: Arc<Tuples>,
    },
}

/// Distinct tuples of codes, row-major, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tuples {
    pub width: usize,
    pub codes: Vec<u32>,
}

#[derive(Clone, Debug)]
pub struct Aggregate {
    pub op: AggregateOp,
    /// None only for `Rows`.
    pub argument: Option<Expression>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateOp {
    /// Rows, whatever they hold.
    Rows,
    /// Values that are not BLANK.
    Count,
    Sum,
    /// Smallest and largest value that is not BLANK. Of a plain column the result is a code.
    Min,
    Max,
    /// Distinct values, BLANK included. Of a plain column only.
    DistinctCount,
}

/// An expression over the columns of one row. Numbers only; BLANK follows the rules of DAX: a sum or difference is BLANK when both sides are, a product or
/// quotient when either factor (the dividend) is.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Column(PathColumn),
    Integer(i64),
    /// Four decimal places: 10000 is one.
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

/// The answer of a scan: one entry per group that has a visible row, in ascending order of the key codes.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    pub len: usize,
    /// A vector of `len` codes for each key.
    pub keys: Vec<Vec<u32>>,
    /// One for each aggregate.
    pub aggregates: Vec<Aggregated>,
    /// Rows looked at: for the operator's figures only.
    pub rows_scanned: u64,
    /// And those of them that groups are made of, if they were looked at.
    pub rows_passed: u64,
}

/// `len` results of one aggregate.
#[derive(Clone, Debug)]
pub enum Aggregated {
    /// Rows, Count, DistinctCount.
    Count(Vec<u64>),
    /// Sum of whole numbers, or minimum or maximum of an expression. None: no value but BLANK. Wide, so that overflow is found where the context is known.
    Integer(Vec<Option<i128>>),
    /// The same of fixed decimals, four places.
    Fixed(Vec<Option<i128>>),
    /// Sum, minimum or maximum of decimal numbers.
    Double(Vec<Option<f64>>),
    /// Minimum or maximum of a plain column; 0 when there is no value but BLANK.
    Code(Vec<u32>),
}

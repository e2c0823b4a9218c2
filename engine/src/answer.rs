//! What a query takes besides its text, and what it answers.

use std::time::Duration;

use arrow::array::RecordBatch;
use security::Reads;

use crate::value::{DataType, Value};

/// What a query takes besides its text.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values of `@name`, names without the sign and compared without case.
    pub parameters: Vec<(String, Value)>,
    pub limits: Limits,
}

/// Bounds of one query. Beyond one of them the query is refused; a result is never cut short.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Rows of all results together.
    pub result_rows: usize,
    /// Rows of one intermediate table, flattened over its contexts.
    pub table_rows: usize,
    /// Bytes of texts and column values that the query makes or reads, all in all.
    pub text_bytes: usize,
    /// Levels of measures, variables and functions that call one another.
    pub nesting: usize,
    /// Groups of one scan.
    pub groups: usize,
    /// Bytes that group states, intermediate tables and results hold at one time.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            result_rows: 10_000_000,
            table_rows: 20_000_000,
            text_bytes: 4 << 30,
            nesting: 128,
            groups: 50_000_000,
            memory: 4 << 30,
        }
    }
}

/// One table per EVALUATE.
#[derive(Clone, Debug)]
pub struct Answer {
    pub tables: Vec<AnswerTable>,
    pub statistics: Statistics,
    /// What the answer depends on besides the query and the rows that the caller sees.
    pub reads: Reads,
}

#[derive(Clone, Debug)]
pub struct AnswerTable {
    pub columns: Vec<AnswerColumn>,
    /// Int64, Float64, Decimal128(19, 4), Utf8, Boolean, Timestamp(Microsecond); null is BLANK. A column of mixed types is Utf8.
    /// Field names are those of `columns`.
    pub batch: RecordBatch,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AnswerColumn {
    /// As DAX names it: `Table[Column]`, or `[Name]` for computed columns.
    pub name: String,
    /// Variant where values of several types stand in the column.
    pub data_type: DataType,
    pub format_string: Option<String>,
    /// For a Variant column: the values themselves, in row order.
    pub values: Option<Vec<Value>>,
}

impl PartialEq for Value {
    /// The same value of the same type, bit for bit: for tests and for results, not for DAX's `=`.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Blank, Value::Blank) => true,
            (Value::Integer(a), Value::Integer(b))
            | (Value::Fixed(a), Value::Fixed(b))
            | (Value::DateTime(a), Value::DateTime(b)) => a == b,
            (Value::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits(),
            (Value::Boolean(a), Value::Boolean(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            _ => false,
        }
    }
}

/// Figures of one query. All but the times follow from the query and from visible rows; rows touched are not among them,
/// because hidden rows count there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    pub scans: u64,
    pub cache_hits: u64,
    /// Contexts that could not be batched and were evaluated one by one.
    pub one_by_one: u64,
    /// Name of the stage and time spent in it.
    pub stages: Vec<(&'static str, Duration)>,
}

/// What `explain` can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Tokens,
    Tree,
    Bound,
    Plan,
    Scans,
}

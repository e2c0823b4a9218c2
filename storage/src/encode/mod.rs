//! Encoding: from arrays of values to a column of codes and a domain.
//!
//! It goes in two steps, so that the first can run on many threads: every block of rows is packed by itself, where it was
//! decoded, into a piece that is about as small as the codes will be; and once all the pieces of a column are there, its
//! domain is chosen and the pieces become codes of that domain.

mod pack;
mod presence;
mod text;
mod whole;

#[cfg(test)]
mod tests;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{ArrowPrimitiveType, Float64Type};

pub(crate) use pack::{OutOfRange, Unit};
use pack::{WholePiece, order_of};
use text::TextPieces;
pub(crate) use whole::{dense_limit, offsets_pay};

use crate::DataType;
use crate::canonical::WholeValues;
use crate::column::{BLOCK, Column};

/// The pieces of one column, in load order.
pub(crate) enum Pieces {
    Whole(DataType, Vec<WholePiece>),
    Double(Vec<WholePiece>),
    Text(TextPieces),
}

impl Pieces {
    /// None: the type has no canonical form.
    pub(crate) fn new(data_type: DataType) -> Option<Pieces> {
        Some(match data_type {
            DataType::Text => Pieces::Text(TextPieces::default()),
            DataType::Double => Pieces::Double(Vec::new()),
            DataType::Integer | DataType::Fixed | DataType::DateTime | DataType::Boolean => {
                Pieces::Whole(data_type, Vec::new())
            }
            DataType::Binary | DataType::Unknown | DataType::Variant => return None,
        })
    }

    /// Adds an array of the canonical type. None: it is of another type.
    pub(crate) fn push(&mut self, array: &ArrayRef) -> Option<()> {
        for start in (0..array.len()).step_by(BLOCK) {
            let block = array.slice(start, BLOCK.min(array.len() - start));
            match self {
                Pieces::Text(pieces) => pieces.push(block.as_string_opt::<i32>()?),
                Pieces::Double(pieces) => {
                    let block = block.as_primitive_opt::<Float64Type>()?;
                    let keys: Vec<i64> = block.values().iter().map(|v| order_of(*v)).collect();
                    pieces.push(WholePiece::pack(&keys, block.nulls(), &Unit::PLAIN).ok()?);
                }
                Pieces::Whole(_, pieces) => {
                    let block = WholeValues::of(&block)?;
                    pieces
                        .push(WholePiece::pack(block.values(), block.nulls(), &Unit::PLAIN).ok()?);
                }
            }
        }
        Some(())
    }

    /// Adds whole numbers as a file holds them: each stands for itself in `unit`.
    pub(crate) fn push_raw<T>(&mut self, array: &ArrayRef, unit: &Unit) -> Result<(), OutOfRange>
    where
        T: ArrowPrimitiveType,
        T::Native: Ord + Into<i64>,
    {
        let Pieces::Whole(_, pieces) = self else {
            return Err(OutOfRange);
        };
        let values = array.as_primitive::<T>().values();
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        pieces.push(WholePiece::pack(values, nulls, unit)?);
        Ok(())
    }

    /// Adds texts that are numbered already: a `Dictionary(Int32, Utf8)`. False: it is nothing of the kind.
    pub(crate) fn push_numbered(&mut self, array: &ArrayRef) -> bool {
        match self {
            Pieces::Text(pieces) => pieces.push_numbered(array),
            Pieces::Whole(..) | Pieces::Double(_) => false,
        }
    }

    /// The pieces of `later` after these. Both are of one type.
    pub(crate) fn append(&mut self, later: Pieces) {
        match (self, later) {
            (Pieces::Whole(_, pieces), Pieces::Whole(_, later))
            | (Pieces::Double(pieces), Pieces::Double(later)) => pieces.extend(later),
            (Pieces::Text(pieces), Pieces::Text(later)) => pieces.append(later),
            _ => debug_assert!(false, "pieces of two types"),
        }
    }

    /// The column, of `rows` rows.
    pub(crate) fn finish(self, rows: usize) -> Column {
        match self {
            Pieces::Whole(data_type, pieces) => whole::finish(data_type, pieces, rows),
            Pieces::Double(pieces) => whole::finish_doubles(pieces, rows),
            Pieces::Text(pieces) => pieces.finish(rows),
        }
    }
}

/// Encodes chunks of the canonical type of `data_type`, `rows` values in all. None: the type has no canonical form.
pub(crate) fn encode_column(
    data_type: DataType,
    chunks: &[ArrayRef],
    rows: usize,
) -> Option<Column> {
    let mut pieces = Pieces::new(data_type)?;
    for chunk in chunks {
        pieces.push(chunk)?;
    }
    Some(pieces.finish(rows))
}

//! Codes of a column, written piece after piece.

use crate::column::{Code, Codes, with_codes};

/// No codes yet, of the width that `size` codes need, with room for `rows`.
pub(crate) fn room(size: u32, rows: usize) -> Codes {
    match size {
        0..=0x100 => Codes::U8(Vec::with_capacity(rows)),
        0x101..=0x1_0000 => Codes::U16(Vec::with_capacity(rows)),
        _ => Codes::U32(Vec::with_capacity(rows)),
    }
}

/// Bytes of a code where there are so many.
pub(crate) fn width(size: u64) -> u64 {
    match size {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

/// Adds the codes of a piece, each turned into what it is in the whole column.
pub(crate) fn extend(out: &mut Codes, piece: &Codes, turn: impl Fn(u32) -> u32) {
    with_codes!(piece, piece => match out {
        Codes::U8(out) => out.extend(piece.iter().map(|c| turn(c.wide()) as u8)),
        Codes::U16(out) => out.extend(piece.iter().map(|c| turn(c.wide()) as u16)),
        Codes::U32(out) => out.extend(piece.iter().map(|c| turn(c.wide()))),
    });
}

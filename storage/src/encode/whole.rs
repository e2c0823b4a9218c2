//! From pieces of whole numbers to one column: its domain is offsets where the values lie dense enough, and else a
//! dictionary.

use super::pack::{CommonStep, Even, Listed, WholePiece, in_order};
use super::presence::{Lay, Presence, used};
use crate::DataType;
use crate::codes::{Codes, MOST_OF_U24};
use crate::column::Column;
use crate::dictionary::{Domain, Offset};

/// A range of up to so many values a row, and so many more, may be kept as offsets. Beyond it, whatever is indexed by
/// codes would outgrow the column.
const OFFSET_VALUES_PER_ROW: u64 = 4;
const OFFSET_VALUES_AT_LEAST: u64 = 1024;

/// Places of a range are marked one by one up to this: the marks then take 8 MB.
const MARKED_PLACES: u64 = 1 << 26;

/// A dictionary may cost this fraction of the codes where it makes the domain this many times smaller: what is indexed
/// by codes, in every scan, shrinks with it.
const SMALLER_DOMAIN: u64 = 4;
const ITS_PRICE: u64 = 64;

/// Where the values of a column lie: `places` of them, from `base` on, `step` apart.
#[derive(Clone, Copy)]
struct Grid {
    base: i64,
    step: i64,
    places: u64,
}

pub(super) fn finish(data_type: DataType, pieces: Vec<WholePiece>, rows: usize) -> Column {
    let dense = dense_limit(rows);
    let Some(grid) = Grid::of(&pieces, dense) else {
        return dictionary(data_type, pieces, rows);
    };
    if grid.places > MARKED_PLACES.min(dense.saturating_mul(16)) {
        if grid.places <= dense {
            return offsets(data_type, pieces, rows, grid);
        }
        return dictionary(data_type, pieces, rows);
    }
    marked(data_type, pieces, rows, grid)
}

pub(super) fn finish_doubles(pieces: Vec<WholePiece>, rows: usize) -> Column {
    let (values, pieces) = merged(pieces);
    let codes = listed_codes(&values, pieces, rows);
    let distinct = values.len() as u32;
    let decimals = std::iter::once(0.0).chain(values.iter().map(|v| in_order(*v)));
    let mut domain = Vec::with_capacity(values.len() + 1);
    domain.extend(decimals);
    Column::new(DataType::Double, codes, Domain::Double(domain), distinct)
}

/// The most places of a range that is kept as offsets.
pub(crate) fn dense_limit(rows: usize) -> u64 {
    (rows as u64 * OFFSET_VALUES_PER_ROW + OFFSET_VALUES_AT_LEAST).min(u64::from(u32::MAX) - 2)
}

impl Grid {
    /// None: there are no values, or they are too far apart for a grid of use.
    fn of(pieces: &[WholePiece], dense: u64) -> Option<Grid> {
        let mut ends = pieces.iter().filter_map(WholePiece::ends);
        let first = ends.next()?;
        let (least, most) = ends.fold(first, |(least, most), (l, m)| (least.min(l), most.max(m)));
        let mut step = CommonStep::default();
        let pieces_step = |piece: &WholePiece, step: &mut CommonStep| match piece {
            WholePiece::Even(even) if even.count == 0 => true,
            WholePiece::Even(even) => {
                (even.count == 1 || step.meet(even.step as u64))
                    && step.meet(even.least.wrapping_sub(least) as u64)
            }
            WholePiece::Listed(listed) => listed
                .values
                .iter()
                .all(|value| step.meet(value.wrapping_sub(least) as u64)),
        };
        for piece in pieces {
            if !pieces_step(piece, &mut step) {
                break;
            }
        }
        let span = most.wrapping_sub(least) as u64;
        if span / step.found() >= MARKED_PLACES.min(dense) {
            // Each block by itself may have looked dense, and only all of them together show how sparse they are.
            step = finer_step(pieces, least);
        }
        Some(Grid {
            base: least,
            step: i64::try_from(step.found()).ok()?,
            places: (span / step.found()).checked_add(1)?,
        })
    }

    /// Where the codes of a piece lie.
    fn lay(&self, piece: &Even) -> Lay {
        let (first, stride) = (
            piece.least.wrapping_sub(self.base) as u64,
            piece.step as u64,
        );
        let step = self.step as u64;
        if stride.is_multiple_of(step) {
            Lay {
                first: first / step,
                stride: stride / step,
                by: 1,
            }
        } else {
            Lay {
                first,
                stride,
                by: step,
            }
        }
    }
}

fn finer_step(pieces: &[WholePiece], least: i64) -> CommonStep {
    let mut step = CommonStep::default();
    for piece in pieces {
        let goes_on = match piece {
            WholePiece::Even(even) => even
                .codes
                .iter()
                .filter(|code| *code > 0)
                .all(|code| step.meet(even.value(code).wrapping_sub(least) as u64)),
            WholePiece::Listed(listed) => listed
                .values
                .iter()
                .all(|value| step.meet(value.wrapping_sub(least) as u64)),
        };
        if !goes_on {
            break;
        }
    }
    step
}

/// Marks the places that are taken, and with them at hand picks the cheaper domain.
fn marked(data_type: DataType, pieces: Vec<WholePiece>, rows: usize, grid: Grid) -> Column {
    let mut presence = Presence::new(grid.places);
    for piece in &pieces {
        match piece {
            WholePiece::Even(even) if even.count == 0 => {}
            WholePiece::Even(even) => {
                presence.take_piece(even, grid.lay(even));
            }
            WholePiece::Listed(listed) => {
                for value in &listed.values {
                    presence.take(value.wrapping_sub(grid.base) as u64 / grid.step as u64);
                }
            }
        }
    }
    let distinct = presence.count();
    let wider = presence.step();
    let count = ((grid.places - 1) / wider + 1) as u32;
    let step = grid.step.checked_mul(wider as i64);
    if let (Some(step), true) = (
        step,
        offsets_pay(rows as u64, count.into(), distinct.into()),
    ) {
        let size = count + 1;
        let codes = place_codes(pieces, rows, grid, size, |place| (place / wider) as u32 + 1);
        let present = (distinct < count).then(|| presence.of_codes(wider, count));
        let offset = Offset {
            base: grid.base,
            step,
            count,
            present,
        };
        return Column::new(data_type, codes, Domain::Offset(offset), distinct);
    }
    let codes = place_codes(pieces, rows, grid, distinct + 1, |place| {
        presence.rank(place) + 1
    });
    let mut values = Vec::with_capacity(distinct as usize + 1);
    values.push(0);
    values.extend(presence.places().map(|place| {
        grid.base
            .wrapping_add((place as i64).wrapping_mul(grid.step))
    }));
    Column::new(data_type, codes, Domain::Whole(values), distinct)
}

/// Whether offsets with this many values take no more than a dictionary of the distinct ones.
pub(crate) fn offsets_pay(rows: u64, count: u64, distinct: u64) -> bool {
    if count > dense_limit(rows as usize) {
        return false;
    }
    let gaps = if distinct < count { count / 8 } else { 0 };
    let offsets = rows * width(count + 1) + gaps;
    let codes = rows * width(distinct + 1);
    let dictionary = codes + 8 * distinct;
    let smaller = count / SMALLER_DOMAIN >= distinct && 8 * distinct <= codes / ITS_PRICE;
    offsets <= dictionary && !smaller
}

/// Bytes of a code where there are so many.
fn width(size: u64) -> u64 {
    match size {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ if size <= u64::from(MOST_OF_U24) => 3,
        _ => 4,
    }
}

/// The codes of all pieces, each made of the place where its value lies.
fn place_codes(
    pieces: Vec<WholePiece>,
    rows: usize,
    grid: Grid,
    size: u32,
    code_of: impl Fn(u64) -> u32,
) -> Codes {
    let mut out = Codes::room(size, rows);
    for piece in pieces {
        match &piece {
            WholePiece::Even(even) if even.count == 0 => out.extend(&even.codes, |_| 0),
            WholePiece::Even(even) => {
                let lay = grid.lay(even);
                turn_even(&mut out, even, |code| code_of(lay.place(code)));
            }
            WholePiece::Listed(listed) => {
                let place =
                    |value: &i64| code_of(value.wrapping_sub(grid.base) as u64 / grid.step as u64);
                let table = table_of(listed.values.iter().map(place));
                out.extend(&listed.codes, |code| table[code as usize]);
            }
        }
    }
    out
}

/// Writes a piece. `turned` never descends, so its ends tell whether it is no more than a shift.
fn turn_even(out: &mut Codes, even: &Even, turned: impl Fn(u32) -> u32) {
    let first = turned(1);
    if turned(even.count) - first == even.count - 1 {
        let shift = first - 1;
        out.extend(&even.codes, |code| if code == 0 { 0 } else { code + shift });
    } else if let Codes::U24(_) | Codes::U32(_) = even.codes {
        out.extend(&even.codes, |code| if code == 0 { 0 } else { turned(code) });
    } else {
        let table = table_of((1..=even.count).map(turned));
        out.extend(&even.codes, |code| table[code as usize]);
    }
}

/// By code, 0 for BLANK.
fn table_of(turned: impl Iterator<Item = u32>) -> Vec<u32> {
    std::iter::once(0).chain(turned).collect()
}

/// Offsets over so wide a range that its places are not marked but in one bit each, which is kept.
fn offsets(data_type: DataType, pieces: Vec<WholePiece>, rows: usize, grid: Grid) -> Column {
    let count = grid.places as u32;
    let mut presence = Presence::new(grid.places + 1);
    let codes = place_codes(pieces, rows, grid, count + 1, |place| place as u32 + 1);
    for code in codes.iter().filter(|code| *code > 0) {
        presence.take(u64::from(code) - 1);
    }
    let distinct = presence.count();
    let offset = Offset {
        base: grid.base,
        step: grid.step,
        count,
        present: (distinct < count).then(|| presence.of_codes(1, count)),
    };
    Column::new(data_type, codes, Domain::Offset(offset), distinct)
}

fn dictionary(data_type: DataType, pieces: Vec<WholePiece>, rows: usize) -> Column {
    let (values, pieces) = merged(pieces);
    let codes = listed_codes(&values, pieces, rows);
    let mut domain = Vec::with_capacity(values.len() + 1);
    domain.push(0);
    domain.extend(&values);
    Column::new(data_type, codes, Domain::Whole(domain), values.len() as u32)
}

/// All values of all pieces, ascending, and the pieces as lists.
fn merged(pieces: Vec<WholePiece>) -> (Vec<i64>, Vec<Listed>) {
    /// Values wait for the others of so many times what is sorted already, so that each is moved a few times at most.
    const WAIT: usize = 2;
    const AT_LEAST: usize = 1 << 16;
    let mut values: Vec<i64> = Vec::new();
    let mut sorted = 0;
    let pieces: Vec<Listed> = pieces.into_iter().map(listed).collect();
    for piece in &pieces {
        values.extend(&piece.values);
        if values.len() > sorted * WAIT + AT_LEAST {
            // Stable, because that sort finds the runs of which the values are made.
            values.sort();
            values.dedup();
            sorted = values.len();
        }
    }
    values.sort();
    values.dedup();
    (values, pieces)
}

fn listed(piece: WholePiece) -> Listed {
    let even = match piece {
        WholePiece::Listed(listed) => return listed,
        WholePiece::Even(even) => even,
    };
    let used = used(&even.codes, even.count);
    let values = used.iter().map(|code| even.value(*code)).collect();
    let codes = Codes::pack(
        used.len() as u32 + 1,
        even.codes.iter().map(|code| match code {
            0 => 0,
            code => used.partition_point(|u| *u < code) as u32 + 1,
        }),
    );
    Listed { values, codes }
}

fn listed_codes(values: &[i64], pieces: Vec<Listed>, rows: usize) -> Codes {
    let mut out = Codes::room(values.len() as u32 + 1, rows);
    for piece in pieces {
        let mut reached = 0;
        let table = table_of(piece.values.iter().map(|value| {
            reached += leap(&values[reached..], *value);
            reached as u32 + 1
        }));
        out.extend(&piece.codes, |code| table[code as usize]);
    }
    out
}

/// The place of a value that is there, found from the front: near ones quickly.
fn leap(values: &[i64], wanted: i64) -> usize {
    let mut beyond = 1;
    while beyond < values.len() && values[beyond] < wanted {
        beyond *= 2;
    }
    let start = beyond / 2;
    let end = values.len().min(beyond + 1);
    start + values[start..end].partition_point(|value| *value < wanted)
}

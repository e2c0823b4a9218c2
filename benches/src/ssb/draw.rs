//! Random numbers without a state: each is a function of a column and a row, so that the tables are the same whoever
//! makes them, in whatever language, in whatever order.

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const COLUMN: u64 = 0xD1B5_4A32_D192_ED03;
const SEED: u64 = 0x55B0_2026;

/// 64 random bits.
pub fn bits(column: u64, row: u64) -> u64 {
    let z = row
        .wrapping_mul(GOLDEN)
        .wrapping_add(column.wrapping_mul(COLUMN))
        .wrapping_add(SEED);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Evenly among 0..n.
pub fn below(column: u64, row: u64, n: u64) -> u64 {
    ((bits(column, row) >> 32) * n) >> 32
}

//! Random numbers without a state: each is a function of what it is for.

const SEED: u64 = 0x5045_5249_5354_594c;

/// One random number.
#[derive(Clone, Copy)]
pub struct Draw(u64);

/// The number for a column of a row of a table.
pub fn draw(table: &str, column: &str, row: u64) -> Draw {
    let mut hash = SEED;
    for byte in table.bytes().chain([0]).chain(column.bytes()) {
        hash = mix(hash ^ u64::from(byte));
    }
    Draw(mix(hash ^ mix(row)))
}

/// The finishing steps of the splitmix64 generator: every bit of the input reaches every bit of the output.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Draw {
    /// Evenly among 0..n.
    pub fn below(self, n: u64) -> u64 {
        ((u128::from(self.0) * u128::from(n)) >> 64) as u64
    }

    /// True so many times in a thousand.
    pub fn chance(self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// Among 0..n with a long tail: the power says how much the first take.
    pub fn tail(self, n: u64, power: u32) -> u64 {
        let unit = (self.0 >> 11) as f64 / (1u64 << 53) as f64;
        let mut share = 1.0;
        for _ in 0..power {
            share *= unit;
        }
        ((share * n as f64) as u64).min(n - 1)
    }

    pub fn one_of<T: Copy>(self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

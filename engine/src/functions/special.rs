//! The special functions behind the distributions: incomplete gamma and beta, and the search for a quantile.
//!
//! Powers and factorials of large numbers cancel each other in densities. They are taken together, as deviances from
//! the mode (Loader's saddle-point form), so that 12 digits remain where logarithms of the gamma function would lose them.

use super::registry::Environment;
use crate::error::Failure;
use std::f64::consts::PI;

/// Enough for the largest parameters: series and fractions need some multiples of their square root.
const STEPS: usize = 2_000_000;
const TINY: f64 = 1e-300;

/// The logarithm of the gamma function of a positive number.
fn ln_gamma(x: f64) -> f64 {
    if x < 15.0 {
        // Γ(x) = Γ(x + 1) / x, until Stirling's series holds.
        let mut product = 1.0;
        let mut x = x;
        while x < 15.0 {
            product *= x;
            x += 1.0;
        }
        return ln_gamma(x) - f64::ln(product);
    }
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + stirling_series(x)
}

/// What Stirling's formula misses of ln Γ.
fn stirling_series(x: f64) -> f64 {
    let square = 1.0 / (x * x);
    let terms = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    terms
        .iter()
        .rev()
        .fold(0.0, |sum, term| sum * square + term)
        / x
}

/// ln n! less Stirling's formula for it.
fn stirling_error(n: f64) -> f64 {
    if n >= 15.0 {
        stirling_series(n)
    } else {
        ln_gamma(n + 1.0) - (n + 0.5) * n.ln() + n - 0.5 * (2.0 * PI).ln()
    }
}

/// x ln(x / m) + m - x, without cancellation where x is near m.
fn deviance(x: f64, m: f64) -> f64 {
    if x == 0.0 {
        return m;
    }
    let d = (x - m) / (x + m);
    if d.abs() >= 0.1 {
        return x * (x / m).ln() + m - x;
    }
    let mut term = 2.0 * x * d;
    let mut sum = (x - m) * d;
    for k in 1..1000 {
        term *= d * d;
        let next = sum + term / f64::from(2 * k + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// m^x e^-m / x!, for any x that is not negative.
pub(super) fn poisson_density(x: f64, m: f64) -> f64 {
    if m == 0.0 {
        return if x == 0.0 { 1.0 } else { 0.0 };
    }
    if x == 0.0 {
        return (-m).exp();
    }
    (-stirling_error(x) - deviance(x, m)).exp() / (2.0 * PI * x).sqrt()
}

/// x^a y^b Γ(a+b) / (Γ(a) Γ(b)) with y = 1 - x.
pub(super) fn beta_kernel(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let n = a + b;
    let exponent = stirling_error(n)
        - stirling_error(a)
        - stirling_error(b)
        - deviance(a, n * x)
        - deviance(b, n * y);
    exponent.exp() * (n / (2.0 * PI * a * b)).sqrt() * (a * b / n)
}

/// The density of the beta distribution on 0 to 1.
pub(super) fn beta_density(x: f64, a: f64, b: f64) -> f64 {
    if x > 0.0 && x < 1.0 {
        return beta_kernel(a, b, x, 1.0 - x) / (x * (1.0 - x));
    }
    let (near, other) = if x == 0.0 { (a, b) } else { (b, a) };
    if near < 1.0 {
        f64::INFINITY
    } else if near == 1.0 {
        other
    } else {
        0.0
    }
}

/// The regularized incomplete gamma functions: below x, and above it.
pub(super) fn gamma_parts(a: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    // x^a e^-x / Γ(a + 1)
    let kernel = poisson_density(a, x);
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0, 1.0);
        for k in 1..STEPS {
            term *= x / (a + k as f64);
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
        }
        let below = kernel * sum;
        return (below, 1.0 - below);
    }
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for k in 1..STEPS {
        let k = k as f64;
        let step = -k * (k - a);
        b += 2.0;
        d = 1.0 / nonzero(step * d + b);
        c = nonzero(b + step / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    let above = kernel * a * fraction;
    (1.0 - above, above)
}

fn nonzero(x: f64) -> f64 {
    if x.abs() < TINY { TINY } else { x }
}

/// The regularized incomplete beta function at x, where y = 1 - x is known better than by subtraction.
pub(super) fn beta_below(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    let kernel = beta_kernel(a, b, x, y);
    if x < (a + 1.0) / (a + b + 2.0) {
        kernel * beta_fraction(a, b, x) / a
    } else {
        1.0 - kernel * beta_fraction(b, a, y) / b
    }
}

/// The continued fraction of the incomplete beta function, by Lentz's method.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for k in 1..STEPS {
        let k = k as f64;
        let even = k * (b - k) * x / ((a + 2.0 * k - 1.0) * (a + 2.0 * k));
        d = 1.0 / nonzero(1.0 + even * d);
        c = nonzero(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + k) * (a + b + k) * x / ((a + 2.0 * k) * (a + 2.0 * k + 1.0));
        d = 1.0 / nonzero(1.0 + odd * d);
        c = nonzero(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// The standard normal distribution below z.
pub(super) fn normal_below(z: f64) -> f64 {
    let (within, beyond) = gamma_parts(0.5, z * z / 2.0);
    if z < 0.0 {
        beyond / 2.0
    } else {
        0.5 + within / 2.0
    }
}

pub(super) fn normal_density(z: f64) -> f64 {
    (-z * z / 2.0).exp() / (2.0 * PI).sqrt()
}

/// Where a rising function takes a value, between two bounds: Newton's steps where they stay inside, else halving.
pub(super) fn quantile(
    target: f64,
    low: f64,
    high: f64,
    below: impl Fn(f64) -> f64,
    density: impl Fn(f64) -> f64,
    environment: &Environment,
) -> Result<f64, Failure> {
    let (mut low, mut high) = (low, high);
    let mut x = (low + high) / 2.0;
    for step in 0..2000 {
        // Far out one value of the function takes up to two million steps.
        environment.look()?;
        let miss = below(x) - target;
        if miss == 0.0 {
            return Ok(x);
        }
        *(if miss < 0.0 { &mut low } else { &mut high }) = x;
        let newton = x - miss / density(x);
        // Every third step halves, so that a flat density cannot make the steps creep.
        let next = if newton > low && newton < high && step % 3 != 2 {
            newton
        } else {
            (low + high) / 2.0
        };
        if next == x || next <= low && next >= high || (next - x).abs() <= x.abs() * 1e-16 {
            return Ok(next);
        }
        x = next;
    }
    Ok(x)
}

/// The same for a distribution of positive numbers without an upper bound.
pub(super) fn positive_quantile(
    target: f64,
    below: impl Fn(f64) -> f64,
    density: impl Fn(f64) -> f64,
    environment: &Environment,
) -> Result<f64, Failure> {
    let mut high = 1.0;
    while below(high) < target && high < 1e300 {
        environment.look()?;
        high *= 2.0;
    }
    quantile(target, 0.0, high, below, density, environment)
}

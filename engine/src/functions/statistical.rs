//! Distributions and counting.

use super::arguments::*;
use super::registry::{Environment, Function, Types};
use super::special::{
    beta_below, beta_density, beta_kernel, gamma_parts, normal_below, normal_density,
    poisson_density, positive_quantile, quantile,
};
use crate::error::Failure;
use crate::value::{DataType, Value};

const DECIMAL: Types = Types::Always(DataType::Double);

super::scalars! { TABLE, "Statistical":
    "BETA.DIST" "(x, alpha, beta, cumulative, [from], [to])" 4 6 DECIMAL => beta_dist;
    "BETA.INV" "(probability, alpha, beta, [from], [to])" 3 5 DECIMAL => beta_inv;
    "CHISQ.DIST" "(x, degrees of freedom, cumulative)" 3 3 DECIMAL => chisq_dist;
    "CHISQ.DIST.RT" "(x, degrees of freedom)" 2 2 DECIMAL => chisq_dist_rt;
    "CHISQ.INV" "(probability, degrees of freedom)" 2 2 DECIMAL => |a, e| chisq_inv("CHISQ.INV", a, false, e);
    "CHISQ.INV.RT" "(probability, degrees of freedom)" 2 2 DECIMAL => |a, e| chisq_inv("CHISQ.INV.RT", a, true, e);
    "COMBIN" "(number, chosen)" 2 2 DECIMAL => |a, _| combinations("COMBIN", a, false);
    "COMBINA" "(number, chosen)" 2 2 DECIMAL => |a, _| combinations("COMBINA", a, true);
    "CONFIDENCE.NORM" "(alpha, standard deviation, size)" 3 3 DECIMAL => confidence_norm;
    "CONFIDENCE.T" "(alpha, standard deviation, size)" 3 3 DECIMAL => confidence_t;
    "EXPON.DIST" "(x, lambda, cumulative)" 3 3 DECIMAL => expon_dist;
    "NORM.DIST" "(x, mean, standard deviation, cumulative)" 4 4 DECIMAL => norm_dist;
    "NORM.INV" "(probability, mean, standard deviation)" 3 3 DECIMAL => norm_inv;
    "NORM.S.DIST" "(z, cumulative)" 2 2 DECIMAL => norm_s_dist;
    "NORM.S.INV" "(probability)" 1 1 DECIMAL => |a, e| finite("NORM.S.INV", normal_quantile(probability("NORM.S.INV", a, 0)?, e)?);
    "PERMUT" "(number, chosen)" 2 2 DECIMAL => permutations;
    "POISSON.DIST" "(x, mean, cumulative)" 3 3 DECIMAL => poisson_dist;
    "T.DIST" "(x, degrees of freedom, cumulative)" 3 3 DECIMAL => t_dist;
    "T.DIST.2T" "(x, degrees of freedom)" 2 2 DECIMAL => t_dist_two_tails;
    "T.DIST.RT" "(x, degrees of freedom)" 2 2 DECIMAL => t_dist_right;
    "T.INV" "(probability, degrees of freedom)" 2 2 DECIMAL => t_inv;
    "T.INV.2T" "(probability, degrees of freedom)" 2 2 DECIMAL => t_inv_two_tails;
}

/// Between 0 and 1, both left out.
fn probability(function: &str, arguments: &[Value], i: usize) -> Result<f64, Failure> {
    let p = number(function, arguments, i)?;
    if p > 0.0 && p < 1.0 {
        Ok(p)
    } else {
        Err(undefined(
            function,
            "the probability is to be between 0 and 1",
        ))
    }
}

fn positive(function: &str, arguments: &[Value], i: usize, what: &str) -> Result<f64, Failure> {
    let x = number(function, arguments, i)?;
    if x > 0.0 {
        Ok(x)
    } else {
        Err(undefined(
            function,
            &format!("the {what} is to be positive"),
        ))
    }
}

fn not_negative(function: &str, arguments: &[Value], i: usize, what: &str) -> Result<f64, Failure> {
    let x = number(function, arguments, i)?;
    if x >= 0.0 {
        Ok(x)
    } else {
        Err(undefined(function, &format!("the {what} is negative")))
    }
}

fn degrees(function: &str, arguments: &[Value], i: usize) -> Result<f64, Failure> {
    let n = integer(function, arguments, i)?;
    if (1..=10_000_000_000).contains(&n) {
        Ok(n as f64)
    } else {
        Err(undefined(
            function,
            "the degrees of freedom are to be between 1 and 10^10",
        ))
    }
}

fn normal_quantile(p: f64, environment: &Environment) -> Result<f64, Failure> {
    if p > 0.5 {
        // The density of the upper half mirrors the lower, where small probabilities keep their digits.
        return Ok(-normal_quantile(1.0 - p, environment)?);
    }
    if p == 0.5 {
        return Ok(0.0);
    }
    quantile(p, -40.0, 0.0, normal_below, normal_density, environment)
}

fn norm_dist(arguments: &[Value], _: &Environment) -> Outcome {
    let deviation = positive("NORM.DIST", arguments, 2, "standard deviation")?;
    let z = (number("NORM.DIST", arguments, 0)? - number("NORM.DIST", arguments, 1)?) / deviation;
    finite(
        "NORM.DIST",
        if boolean("NORM.DIST", arguments, 3)? {
            normal_below(z)
        } else {
            normal_density(z) / deviation
        },
    )
}

fn norm_s_dist(arguments: &[Value], _: &Environment) -> Outcome {
    let z = number("NORM.S.DIST", arguments, 0)?;
    finite(
        "NORM.S.DIST",
        if boolean("NORM.S.DIST", arguments, 1)? {
            normal_below(z)
        } else {
            normal_density(z)
        },
    )
}

fn norm_inv(arguments: &[Value], environment: &Environment) -> Outcome {
    let p = probability("NORM.INV", arguments, 0)?;
    let deviation = positive("NORM.INV", arguments, 2, "standard deviation")?;
    finite(
        "NORM.INV",
        number("NORM.INV", arguments, 1)? + deviation * normal_quantile(p, environment)?,
    )
}

fn confidence_norm(arguments: &[Value], environment: &Environment) -> Outcome {
    let alpha = probability("CONFIDENCE.NORM", arguments, 0)?;
    let deviation = positive("CONFIDENCE.NORM", arguments, 1, "standard deviation")?;
    let size = integer("CONFIDENCE.NORM", arguments, 2)?;
    if size < 1 {
        return Err(undefined("CONFIDENCE.NORM", "the size is to be at least 1"));
    }
    finite(
        "CONFIDENCE.NORM",
        -normal_quantile(alpha / 2.0, environment)? * deviation / (size as f64).sqrt(),
    )
}

fn confidence_t(arguments: &[Value], environment: &Environment) -> Outcome {
    let alpha = probability("CONFIDENCE.T", arguments, 0)?;
    let deviation = positive("CONFIDENCE.T", arguments, 1, "standard deviation")?;
    let size = integer("CONFIDENCE.T", arguments, 2)?;
    if size < 2 {
        return Err(undefined("CONFIDENCE.T", "the size is to be at least 2"));
    }
    finite(
        "CONFIDENCE.T",
        t_two_tails_quantile(alpha, (size - 1) as f64, environment)? * deviation
            / (size as f64).sqrt(),
    )
}

/// Student's t beyond t on both sides, for t that is not negative.
fn t_two_tails(t: f64, n: f64) -> f64 {
    let square = t * t;
    beta_below(n / 2.0, 0.5, n / (n + square), square / (n + square))
}

fn t_density(t: f64, n: f64) -> f64 {
    // The derivative of the two tails. It is flat at the middle, where the form below would divide zero by zero.
    let t = t.abs().max(1e-9);
    let square = t * t;
    beta_kernel(n / 2.0, 0.5, n / (n + square), square / (n + square)) / t
}

fn t_below(t: f64, n: f64) -> f64 {
    let tail = t_two_tails(t.abs(), n) / 2.0;
    if t < 0.0 { tail } else { 1.0 - tail }
}

fn t_two_tails_quantile(p: f64, n: f64, environment: &Environment) -> Result<f64, Failure> {
    if p >= 1.0 {
        return Ok(0.0);
    }
    // Falling in t; its negative rises.
    positive_quantile(
        -p,
        |t| -t_two_tails(t, n),
        |t| 2.0 * t_density(t, n),
        environment,
    )
}

fn t_dist(arguments: &[Value], _: &Environment) -> Outcome {
    let (t, n) = (
        number("T.DIST", arguments, 0)?,
        degrees("T.DIST", arguments, 1)?,
    );
    finite(
        "T.DIST",
        if boolean("T.DIST", arguments, 2)? {
            t_below(t, n)
        } else {
            t_density(t, n)
        },
    )
}

fn t_dist_two_tails(arguments: &[Value], _: &Environment) -> Outcome {
    let (t, n) = (
        not_negative("T.DIST.2T", arguments, 0, "number")?,
        degrees("T.DIST.2T", arguments, 1)?,
    );
    finite("T.DIST.2T", t_two_tails(t, n))
}

fn t_dist_right(arguments: &[Value], _: &Environment) -> Outcome {
    let (t, n) = (
        number("T.DIST.RT", arguments, 0)?,
        degrees("T.DIST.RT", arguments, 1)?,
    );
    finite("T.DIST.RT", t_below(-t, n))
}

fn t_inv(arguments: &[Value], environment: &Environment) -> Outcome {
    let (p, n) = (
        probability("T.INV", arguments, 0)?,
        degrees("T.INV", arguments, 1)?,
    );
    let t = t_two_tails_quantile(2.0 * p.min(1.0 - p), n, environment)?;
    finite("T.INV", if p < 0.5 { -t } else { t })
}

fn t_inv_two_tails(arguments: &[Value], environment: &Environment) -> Outcome {
    let (p, n) = (
        number("T.INV.2T", arguments, 0)?,
        degrees("T.INV.2T", arguments, 1)?,
    );
    if !(p > 0.0 && p <= 1.0) {
        return Err(undefined(
            "T.INV.2T",
            "the probability is to be between 0 and 1",
        ));
    }
    finite("T.INV.2T", t_two_tails_quantile(p, n, environment)?)
}

fn chisq_density(x: f64, n: f64) -> f64 {
    let half = n / 2.0;
    if x == 0.0 {
        return if half < 1.0 {
            f64::INFINITY
        } else if half == 1.0 {
            0.5
        } else {
            0.0
        };
    }
    if half < 1.0 {
        return poisson_density(half, x / 2.0) * half / x;
    }
    poisson_density(half - 1.0, x / 2.0) / 2.0
}

fn chisq_dist(arguments: &[Value], _: &Environment) -> Outcome {
    let (x, n) = (
        not_negative("CHISQ.DIST", arguments, 0, "number")?,
        degrees("CHISQ.DIST", arguments, 1)?,
    );
    finite(
        "CHISQ.DIST",
        if boolean("CHISQ.DIST", arguments, 2)? {
            gamma_parts(n / 2.0, x / 2.0).0
        } else {
            chisq_density(x, n)
        },
    )
}

fn chisq_dist_rt(arguments: &[Value], _: &Environment) -> Outcome {
    let (x, n) = (
        not_negative("CHISQ.DIST.RT", arguments, 0, "number")?,
        degrees("CHISQ.DIST.RT", arguments, 1)?,
    );
    finite("CHISQ.DIST.RT", gamma_parts(n / 2.0, x / 2.0).1)
}

fn chisq_inv(
    function: &'static str,
    arguments: &[Value],
    right: bool,
    environment: &Environment,
) -> Outcome {
    let (p, n) = (
        number(function, arguments, 0)?,
        degrees(function, arguments, 1)?,
    );
    if p == f64::from(u8::from(right)) {
        return Ok(Value::Double(0.0));
    }
    probability(function, arguments, 0)?;
    // The smaller tail keeps its digits.
    let (p, right) = if p > 0.5 {
        (1.0 - p, !right)
    } else {
        (p, right)
    };
    let density = |x: f64| chisq_density(x, n);
    let x = if right {
        positive_quantile(
            -p,
            |x| -gamma_parts(n / 2.0, x / 2.0).1,
            density,
            environment,
        )?
    } else {
        positive_quantile(p, |x| gamma_parts(n / 2.0, x / 2.0).0, density, environment)?
    };
    finite(function, x)
}

/// Alpha, beta, and the bounds of the interval.
fn beta_shape(
    function: &str,
    arguments: &[Value],
    bounds_at: usize,
) -> Result<(f64, f64, f64, f64), Failure> {
    let (alpha, beta) = (
        positive(function, arguments, 1, "alpha")?,
        positive(function, arguments, 2, "beta")?,
    );
    let (from, to) = (
        number_or(function, arguments, bounds_at, 0.0)?,
        number_or(function, arguments, bounds_at + 1, 1.0)?,
    );
    if from < to {
        Ok((alpha, beta, from, to))
    } else {
        Err(undefined(function, "the interval is empty"))
    }
}

fn beta_dist(arguments: &[Value], _: &Environment) -> Outcome {
    let x = number("BETA.DIST", arguments, 0)?;
    let (alpha, beta, from, to) = beta_shape("BETA.DIST", arguments, 4)?;
    if !(from..=to).contains(&x) {
        return Err(undefined(
            "BETA.DIST",
            "the number is outside of the interval",
        ));
    }
    let (low, high) = ((x - from) / (to - from), (to - x) / (to - from));
    if boolean("BETA.DIST", arguments, 3)? {
        return finite("BETA.DIST", beta_below(alpha, beta, low, high));
    }
    finite("BETA.DIST", beta_density(low, alpha, beta) / (to - from))
}

fn beta_inv(arguments: &[Value], environment: &Environment) -> Outcome {
    let p = number("BETA.INV", arguments, 0)?;
    let (alpha, beta, from, to) = beta_shape("BETA.INV", arguments, 3)?;
    if !(p > 0.0 && p <= 1.0) {
        return Err(undefined(
            "BETA.INV",
            "the probability is to be between 0 and 1",
        ));
    }
    let x = quantile(
        p,
        0.0,
        1.0,
        |x| beta_below(alpha, beta, x, 1.0 - x),
        |x| beta_density(x, alpha, beta),
        environment,
    )?;
    finite("BETA.INV", from + x * (to - from))
}

fn expon_dist(arguments: &[Value], _: &Environment) -> Outcome {
    let (x, lambda) = (
        not_negative("EXPON.DIST", arguments, 0, "number")?,
        positive("EXPON.DIST", arguments, 1, "lambda")?,
    );
    finite(
        "EXPON.DIST",
        if boolean("EXPON.DIST", arguments, 2)? {
            -(-lambda * x).exp_m1()
        } else {
            lambda * (-lambda * x).exp()
        },
    )
}

fn poisson_dist(arguments: &[Value], _: &Environment) -> Outcome {
    let x = integer("POISSON.DIST", arguments, 0)?;
    let mean = not_negative("POISSON.DIST", arguments, 1, "mean")?;
    if x < 0 {
        return Err(undefined(
            "POISSON.DIST",
            "the number of events is negative",
        ));
    }
    let x = x as f64;
    finite(
        "POISSON.DIST",
        if boolean("POISSON.DIST", arguments, 2)? {
            gamma_parts(x + 1.0, mean).1
        } else {
            poisson_density(x, mean)
        },
    )
}

/// n * (n-1) * ... over 1 * 2 * ..., `chosen` factors each; whole at every step.
fn choose(n: f64, chosen: f64) -> f64 {
    let chosen = chosen.min(n - chosen);
    let mut product = 1.0;
    let mut i = 1.0;
    while i <= chosen && f64::is_finite(product) {
        product = product * (n - chosen + i) / i;
        i += 1.0;
    }
    if product < 9e15 {
        product.round()
    } else {
        product
    }
}

fn combinations(function: &'static str, arguments: &[Value], repeated: bool) -> Outcome {
    let (n, chosen) = (
        truncated(function, arguments, 0)? as f64,
        truncated(function, arguments, 1)? as f64,
    );
    if n < 0.0
        || chosen < 0.0
        || (!repeated && n < chosen)
        || (repeated && n == 0.0 && chosen > 0.0)
    {
        return Err(undefined(function, "so many cannot be chosen"));
    }
    let n = if repeated && chosen > 0.0 {
        n + chosen - 1.0
    } else {
        n
    };
    finite(function, choose(n, chosen))
}

fn permutations(arguments: &[Value], _: &Environment) -> Outcome {
    let (n, chosen) = (
        truncated("PERMUT", arguments, 0)?,
        truncated("PERMUT", arguments, 1)?,
    );
    if n <= 0 || chosen < 0 || n < chosen {
        return Err(undefined("PERMUT", "so many cannot be chosen"));
    }
    let mut product = 1.0;
    for taken in 0..chosen {
        product *= (n - taken) as f64;
        if !f64::is_finite(product) {
            break;
        }
    }
    finite("PERMUT", product)
}

//! The functions of SQL that are offered: an allow-list. What is not on it is unknown here.
//!
//! Left out: what makes much out of little (`repeat`, `lpad`, `range`, `arrow_cast`) or takes much longer than its arguments are (`levenshtein`), what reads anything but its arguments (`version`, files), and what makes lists,
//! maps and structures, which no column of a model has.

use std::sync::{Arc, LazyLock};

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

#[rustfmt::skip]
const SCALAR: &[&str] = &[
    // Numbers.
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "cos", "cosh", "cot", "degrees", "exp", "factorial",
    "floor", "gcd", "isnan", "iszero", "lcm", "ln", "log", "log10", "log2", "nanvl", "pi", "power", "radians", "round", "signum", "sin", "sinh",
    "sqrt", "tan", "tanh", "trunc",
    // Text.
    "ascii", "bit_length", "btrim", "character_length", "chr", "concat", "concat_ws", "contains", "ends_with", "find_in_set", "initcap", "left",
    "lower", "ltrim", "octet_length", "overlay", "regexp_count", "regexp_like", "replace", "reverse", "right", "rtrim",
    "split_part", "starts_with", "strpos", "substr", "substr_index", "to_hex", "translate", "upper",
    // Dates.
    "current_date", "current_time", "date_bin", "date_part", "date_trunc", "from_unixtime", "make_date", "now", "to_char", "to_date",
    "to_timestamp", "to_timestamp_micros", "to_timestamp_millis", "to_timestamp_nanos", "to_timestamp_seconds", "to_unixtime",
    // Choice.
    "coalesce", "greatest", "least", "nullif", "nvl", "nvl2",
    // Types.
    "arrow_typeof",
];

#[rustfmt::skip]
const AGGREGATE: &[&str] = &[
    "approx_distinct", "avg", "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "corr", "count", "covar_pop", "covar_samp", "first_value",
    "grouping", "last_value", "max", "median", "min", "nth_value", "percentile_cont", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept",
    "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy", "stddev", "stddev_pop", "string_agg", "sum", "var", "var_pop",
];

static SCALARS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
    let mut all = SessionStateDefaults::default_scalar_functions();
    all.retain(|function| SCALAR.contains(&function.name()));
    all
});

static AGGREGATES: LazyLock<Vec<Arc<AggregateUDF>>> = LazyLock::new(|| {
    let mut all = SessionStateDefaults::default_aggregate_functions();
    all.retain(|function| AGGREGATE.contains(&function.name()));
    all
});

/// Whether a function is offered. The planner makes functions of operators and brackets too, without asking for their names.
pub(crate) fn is_offered(name: &str) -> bool {
    SCALAR.contains(&name)
}

/// Whether a function is an aggregate that is offered, by its name or another that is known for it. MEASURE stands for one.
pub(crate) fn is_aggregate(name: &str) -> bool {
    let named = |function: &Arc<AggregateUDF>| {
        function.name() == name || function.aliases().iter().any(|alias| alias == name)
    };
    name == "measure" || AGGREGATES.iter().any(named)
}

pub(crate) fn scalar() -> Vec<Arc<ScalarUDF>> {
    SCALARS.clone()
}

pub(crate) fn aggregate() -> Vec<Arc<AggregateUDF>> {
    AGGREGATES.clone()
}

/// Window functions compute from the rows of their window alone, so all are offered.
pub(crate) fn window() -> Vec<Arc<WindowUDF>> {
    SessionStateDefaults::default_window_functions()
}

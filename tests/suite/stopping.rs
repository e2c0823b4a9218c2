//! How soon single steps of a query end when it has to stop, and what they take before they are refused. Counted in looks and
//! bytes, never in time.

use engine::{Answer, Error, ErrorKind, Options};
use security::{Bounds, Control, Gate, Meter, Share};

fn run(dax: &str, bounds: Bounds) -> (Result<Answer, Error>, Control) {
    let table = model::Table {
        name: "M".to_owned(),
        ..model::Table::default()
    };
    let outline = Gate::outline(model::Model {
        tables: vec![table],
        ..model::Model::default()
    });
    let control = Control::bounded(bounds);
    let result = engine::query(outline.scope(), dax, &Options::default(), &control);
    (result, control)
}

fn looks(dax: &str) -> u64 {
    let (answer, control) = run(dax, Bounds::default());
    answer.unwrap_or_else(|error| panic!("{dax}: {error}"));
    control.checks()
}

/// The query looks so often at least beyond another one that does the same with less, and stopped half way it ends soon.
fn check(long: &str, short: &str, least: u64) {
    let (whole, of_short) = (looks(long), looks(short));
    assert!(
        whole >= of_short + least,
        "{long}: {whole} looks, and {of_short} of the short one"
    );
    let stop = (whole + of_short) / 2;
    let bounds = Bounds {
        looks: Some(stop),
        ..Bounds::default()
    };
    let (result, control) = run(long, bounds);
    let error = result.err().unwrap_or_else(|| panic!("{long} goes on"));
    assert_eq!(error.kind, ErrorKind::Cancelled, "{long}: {error}");
    assert!(
        control.checks() <= stop + 8,
        "{long}: stopped at look {stop}, it ends at {}",
        control.checks()
    );
}

#[test]
fn single_calls_of_functions_look() {
    for call in [
        "CONTAINSSTRING(REPT(\"a\", 2 * #), REPT(\"a\", #) & \"b\")",
        "SEARCH(REPT(\"a\", #) & \"b\", REPT(\"a\", 2 * #), 1, 0)",
        "SEARCH(\"*\" & REPT(\"a\", #) & \"?b\", REPT(\"a\", 2 * #), 1, 0)",
    ] {
        let query = |n: &str| format!("EVALUATE {{ {} }}", call.replace('#', n));
        check(&query("2000"), &query("20"), 50);
    }
    // A quantile is searched in steps, each of which may be a sum of very many terms.
    for call in [
        "CHISQ.INV(0.3, 1000000)",
        "T.INV(0.3, 1000000)",
        "BETA.INV(0.3, 1000000, 2000000)",
    ] {
        check(
            &format!("EVALUATE {{ {call} }}"),
            "EVALUATE { EXP(0.3) }",
            4,
        );
    }
}

#[test]
fn calls_of_distributions_and_securities_look_each() {
    for call in [
        "CHISQ.DIST(5 + 0 * [Value], 10, TRUE())",
        "DURATION(DATE(2020, 1, 1), DATE(2050, 1, 1), 0.05, 0.04 + 0 * [Value], 2)",
    ] {
        let query = |rows: u32| format!("EVALUATE {{ SUMX(GENERATESERIES(1, {rows}), {call}) }}");
        check(&query(500), &query(2), 450);
    }
}

#[test]
fn calls_look_by_the_characters_of_their_arguments() {
    let query = |rows: u32, number: &str| {
        format!("EVALUATE {{ SUMX(GENERATESERIES(1, {rows}), {number} + 0 * [Value]) }}")
    };
    for number in [
        "LEN(SUBSTITUTE(REPT(\"a\", 30000), \"b\", \"c\" & [Value]))",
        "LEN(FORMAT([Value], REPT(\"#\", 30000)))",
        // Texts that are the same in every row are compared in every row.
        "IF(REPT(\"a\", 30000) = REPT(\"A\", 30000), 1, 0)",
        "SWITCH(REPT(\"a\", 30000), REPT(\"A\", 30000), 1, 0)",
    ] {
        check(&query(200, number), &query(2, number), 60);
    }
}

#[test]
fn long_texts_are_sorted_under_looks() {
    let query = |rows: u32| {
        format!(
            "EVALUATE {{ COUNTROWS(TOPN(5, SELECTCOLUMNS(GENERATESERIES(1, {rows}), \"t\", REPT(\"a\", 30000) & MOD([Value] * 7, 201)), [t])) }}"
        )
    };
    check(&query(200), &query(4), 400);
}

#[test]
fn regressions_and_rates_look() {
    let x = (1..=12)
        .map(|k| format!("MOD([Value] * {}, 1009)", 2 * k + 1))
        .collect::<Vec<_>>()
        .join(", ");
    let regression = |rows: u32| {
        format!(
            "EVALUATE {{ COUNTROWS(LINESTX(GENERATESERIES(1, {rows}), MOD([Value] * 31, 997), {x})) }}"
        )
    };
    check(&regression(60_000), &regression(50), 80);
    let rate = |rows: u32| {
        format!(
            "EVALUATE {{ XIRR(GENERATESERIES(1, {rows}), IF([Value] = 1, -0.9 * {rows}, 1), DATE(2020, 1, 1) + MOD([Value], 900)) }}"
        )
    };
    check(&rate(60_000), &rate(50), 60);
}

#[test]
fn long_sums_of_numbers_are_refused() {
    // Nothing that a decimal number could tell is lost in a period: counted out, this would never end.
    let (result, _) = run(
        "EVALUATE { AMORDEGRC(1E+300, DATE(2020, 1, 1), DATE(2020, 12, 31), 0, 10000000000000000, 1E-17, 1) }",
        Bounds::default(),
    );
    let message = result.unwrap_err().message;
    assert!(message.contains("1,000,000 periods"), "{message}");
    let format = |length: u32| {
        let dax =
            format!("EVALUATE {{ LEN(FORMAT(1, REPT(\"0\", 30000) & REPT(\"0\", {length}))) }}");
        run(&dax, Bounds::default()).0.map(|_| ())
    };
    assert_eq!(format(2_000), Ok(()));
    let message = format(3_000).unwrap_err().message;
    assert!(message.contains("32,767 characters"), "{message}");
}

/// Texts count while they are made and multiplied, not when all of them stand.
#[test]
fn texts_are_refused_by_the_memory_that_they_would_take() {
    const MEMORY: usize = 8 << 20;
    let long = "REPT(\"a\", 30000) & [Value]";
    let two = format!("SELECTCOLUMNS(GENERATESERIES(1, 2), \"t\", {long})");
    let standing: String = (0..20)
        .map(|k| {
            format!("VAR t{k} = CONCATENATEX(GENERATESERIES(1, 30), REPT(\"a\", 30000) & {k})\n")
        })
        .collect();
    let kept: Vec<String> = (0..20).map(|k| format!("LEN(t{k})")).collect();
    for (dax, most_looks) in [
        (
            format!("EVALUATE {{ SUMX(GENERATESERIES(1, 20000), LEN({long})) }}"),
            2_000,
        ),
        (
            format!(
                "EVALUATE {{ SUMX(GENERATESERIES(1, 2), VAR t = {long} RETURN SUMX(GENERATESERIES(1, 20000), LEN(t))) }}"
            ),
            2_000,
        ),
        (
            format!("EVALUATE {{ SUMX(CROSSJOIN({two}, GENERATESERIES(1, 20000)), LEN([t])) }}"),
            2_000,
        ),
        (
            "EVALUATE ADDCOLUMNS(GENERATESERIES(1, 20000), \"t\", REPT(\"a\", 30000))".to_string(),
            2_000,
        ),
        (
            format!(
                "EVALUATE SELECTCOLUMNS(GENERATESERIES(1, 20000), \"t\", IF(MOD([Value], 2) = 0, 1, {long}))"
            ),
            2_000,
        ),
        (
            "DEFINE TABLE T = ADDCOLUMNS(GENERATESERIES(1, 20000), \"t\", REPT(\"a\", 30000)) EVALUATE { 1 }"
                .to_string(),
            2_000,
        ),
        (
            format!("DEFINE {standing} EVALUATE {{ {} }}", kept.join(" + ")),
            20_000,
        ),
    ] {
        let bounds = Bounds {
            memory: Some(Meter::new(Share::Query, MEMORY)),
            ..Bounds::default()
        };
        let (result, control) = run(&dax, bounds);
        let error = result.err().unwrap_or_else(|| panic!("{dax} is answered"));
        assert_eq!(error.kind, ErrorKind::Limit, "{dax}: {error}");
        assert!(error.message.contains("memory"), "{dax}: {error}");
        assert!(control.peak_bytes() <= MEMORY as u64, "{dax}");
        // It is refused early: all of these texts would take many times as many looks.
        assert!(control.checks() < most_looks, "{dax}: {}", control.checks());
    }
}

#[test]
fn binding_looks_and_is_bounded() {
    let query = |measures: usize| {
        let defined: String = (0..measures)
            .map(|k| format!("MEASURE M[m{k}] = {k} + 1\n"))
            .collect();
        format!("DEFINE {defined} EVALUATE {{ 1 }}")
    };
    check(&query(2_000), &query(10), 10);
    let (result, _) = run(&query(10_001), Bounds::default());
    let error = result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit, "{error}");
    assert!(error.message.contains("10000 definitions"), "{error}");
}

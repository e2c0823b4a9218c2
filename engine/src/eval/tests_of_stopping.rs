//! Every operator looks at cancellation in its own loops, and ends when it finds it. Counted in looks, not in time.

use std::time::Duration;

use security::{Bounds, Control, Gate, Stopped};

use crate::{ErrorKind, Limits, Options, Value, query};

/// Rows of the tables: three blocks.
const ROWS: i64 = 3 << 16;

fn run(dax: &str, looks: Option<u64>) -> (Result<crate::Answer, crate::Error>, u64) {
    let outline = Gate::outline(model::Model::default());
    let control = Control::bounded(Bounds {
        looks,
        ..Bounds::default()
    });
    let options = Options {
        parameters: vec![("n".to_owned(), Value::Integer(ROWS))],
        ..Options::default()
    };
    let result = query(outline.scope(), dax, &options, &control);
    (result, control.checks())
}

/// The looks of a query that is not stopped. Its answer has the rows that are expected.
fn looks(dax: &str, rows: usize) -> u64 {
    let (answer, looks) = run(dax, None);
    let answer = answer.unwrap_or_else(|error| panic!("{dax}: {error}"));
    assert_eq!(answer.tables[0].batch.num_rows(), rows, "{dax}");
    looks
}

/// The operator looks at least twice more over three blocks than over four rows, its input aside; and stopped at any look,
/// it ends with few more.
fn check(operator: &str) {
    let asked = |from: &str| format!("EVALUATE ROW(\"x\", {})", operator.replace("$N", from));
    let input = |from: &str| format!("EVALUATE ROW(\"x\", COUNTROWS(GENERATESERIES(1, {from})))");
    let whole = looks(&asked("@n"), 1);
    let own = whole - looks(&asked("4"), 1);
    let inputs = operator.matches("GENERATESERIES").count() as u64;
    let of_input = looks(&input("@n"), 1) - looks(&input("4"), 1);
    assert!(
        own >= 2 + inputs * of_input,
        "{operator}: {own} looks, and {of_input} for each of {inputs} inputs"
    );
    for stop in [whole / 2, whole - 1] {
        let (result, looks) = run(&asked("@n"), Some(stop));
        let error = result
            .err()
            .unwrap_or_else(|| panic!("{operator}: stopped at look {stop} of {whole}, it answers"));
        assert_eq!(error.kind, ErrorKind::Cancelled, "{operator}: {error}");
        assert!(
            looks <= stop + 8,
            "{operator}: stopped at look {stop}, it ends at {looks}"
        );
    }
}

#[test]
fn sets_of_rows_stop() {
    for operator in [
        "COUNTROWS(FILTER(GENERATESERIES(1, $N), [Value] > 5))",
        "COUNTROWS(DISTINCT(SELECTCOLUMNS(GENERATESERIES(1, $N), \"k\", MOD([Value], 1000))))",
        "COUNTROWS(UNION(GENERATESERIES(1, $N), GENERATESERIES(1, $N)))",
        "COUNTROWS(INTERSECT(GENERATESERIES(1, $N), GENERATESERIES(5, $N)))",
        "COUNTROWS(EXCEPT(GENERATESERIES(1, $N), GENERATESERIES(5, $N)))",
        "COUNTROWS(CROSSJOIN(GENERATESERIES(1, $N), ROW(\"b\", 1)))",
        "COUNTROWS(GENERATE(GENERATESERIES(1, $N), ROW(\"b\", 1)))",
        "COUNTROWS(NATURALINNERJOIN(SELECTCOLUMNS(GENERATESERIES(1, $N), \"k\", [Value] + 0), SELECTCOLUMNS(GENERATESERIES(1, $N), \"k\", [Value] + 0)))",
        "COUNTROWS(NATURALLEFTOUTERJOIN(SELECTCOLUMNS(GENERATESERIES(1, $N), \"k\", [Value] + 0), SELECTCOLUMNS(GENERATESERIES(1, $N), \"k\", [Value] + 7)))",
        "COUNTROWS(GROUPBY(ADDCOLUMNS(GENERATESERIES(1, $N), \"k\", MOD([Value], 10)), [k]))",
        "COUNTROWS(SUBSTITUTEWITHINDEX(SELECTCOLUMNS(GENERATESERIES(1, $N), \"k\", [Value] + 0), \"i\", SELECTCOLUMNS(GENERATESERIES(1, $N), \"k\", [Value] + 0), [k], DESC))",
    ] {
        check(operator);
    }
}

#[test]
fn orders_and_ranks_stop() {
    for operator in [
        "COUNTROWS(TOPN(5, GENERATESERIES(1, $N), MOD([Value] * 7919, 10007)))",
        "COUNTROWS(SAMPLE(5, GENERATESERIES(1, $N), MOD([Value] * 7919, 10007)))",
        "RANKX(GENERATESERIES(1, $N), MOD([Value] * 7919, 10007), 17)",
        "MEDIANX(GENERATESERIES(1, $N), MOD([Value] * 7919, 10007))",
        "PERCENTILEX.INC(GENERATESERIES(1, $N), MOD([Value] * 7919, 10007), 0.3)",
    ] {
        check(operator);
    }
}

#[test]
fn reductions_and_texts_stop() {
    for operator in [
        "SUMX(GENERATESERIES(1, $N), [Value])",
        "AVERAGEX(GENERATESERIES(1, $N), [Value] / 3)",
        "MAXX(GENERATESERIES(1, $N), [Value])",
        "CONCATENATEX(GENERATESERIES(1, $N), \"a\")",
        "LEN(TOCSV(SELECTCOLUMNS(GENERATESERIES(1, $N), \"a\", BLANK()), $N))",
    ] {
        check(operator);
    }
}

#[test]
fn functions_over_rows_stop() {
    for expression in [
        "UPPER(\"a\" & [Value])",
        "SEARCH(\"a*7\", \"banana\" & [Value], 1, 0)",
        "SUBSTITUTE(\"aaaa\" & [Value], \"a\", \"b\")",
        "IF(MOD([Value], 2) = 0, \"even\", \"odd\")",
        "SWITCH(MOD([Value], 3), 0, \"a\", 1, \"b\")",
        "FORMAT([Value], \"0.00\")",
        "IFERROR(1 / MOD([Value], 2), 0)",
    ] {
        check(&format!(
            "COUNTROWS(FILTER(ADDCOLUMNS(GENERATESERIES(1, $N), \"x\", {expression}), [Value] > 0))"
        ));
    }
    check("COUNTROWS(FILTER(GENERATESERIES(1, $N), [Value] IN {1, 2, 3}))");
    check(
        "COUNTROWS(FILTER(GENERATESERIES(1, $N), CONTAINS(GENERATESERIES(1, $N), [Value], [Value])))",
    );
}

#[test]
fn sorting_the_result_stops() {
    let asked = "EVALUATE GENERATESERIES(1, @n) ORDER BY MOD([Value] * 7919, 10007)";
    let whole = looks(asked, ROWS as usize);
    assert!(whole >= looks("EVALUATE GENERATESERIES(1, @n)", ROWS as usize) + 6);
    for stop in (0..whole).step_by(5) {
        let (result, looks) = run(asked, Some(stop));
        assert_eq!(result.err().map(|e| e.kind), Some(ErrorKind::Cancelled));
        assert!(looks <= stop + 8, "{looks} looks after a stop at {stop}");
    }
}

#[test]
fn a_query_is_refused_by_the_memory_that_it_holds_and_by_its_deadline() {
    let outline = Gate::outline(model::Model::default());
    let asked = |memory: usize| {
        let meter = security::Meter::new(security::Share::Query, memory);
        let control = Control::bounded(Bounds {
            memory: Some(meter),
            ..Bounds::default()
        });
        let dax = "EVALUATE ROW(\"x\", COUNTROWS(CROSSJOIN(GENERATESERIES(1, 1000), SELECTCOLUMNS(GENERATESERIES(1, 300), \"b\", [Value]))))";
        let answer = query(outline.scope(), dax, &Options::default(), &control);
        (answer.map(drop), control.peak_bytes())
    };
    let (answer, peak) = asked(usize::MAX);
    assert_eq!(answer, Ok(()));
    // Two columns of 300,000 whole numbers.
    assert!(peak > 4_000_000, "{peak}");
    let (answer, held) = asked(1 << 20);
    let error = answer.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit, "{error}");
    assert!(
        error.message.contains("memory") && error.message.contains("one query"),
        "{error}"
    );
    assert!(held <= 1 << 20);
    let control = Control::new(std::time::Instant::now().checked_add(Duration::from_millis(1)));
    std::thread::sleep(Duration::from_millis(2));
    let result = query(
        outline.scope(),
        "EVALUATE {1}",
        &Options::default(),
        &control,
    );
    assert_eq!(result.err().map(|e| e.kind), Some(ErrorKind::TimedOut));
    assert_eq!(Limits::default().memory, 4 << 30);
    assert_eq!(control.check(), Err(Stopped::TimedOut));
}

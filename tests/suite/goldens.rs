//! Answers captured from the vendor's engine: each expression must give the same value, to 12 significant digits.
//! Functions that are not built yet are counted and named; a built function that differs fails the test.

use std::collections::BTreeMap;
use std::path::PathBuf;

use peristyle::{Database, Identity, Value};

fn material() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/dax");
    folder.join("goldens.jsonl").exists().then_some(folder)
}

/// Whether the value is the one captured: numbers to 12 digits, dates as dates, text as text.
fn matches(value: &Value, expected: Option<&str>) -> bool {
    let Some(expected) = expected else {
        return matches!(value, Value::Blank);
    };
    match value {
        Value::Blank => expected.is_empty(),
        Value::Text(text) => &**text == expected,
        Value::Boolean(b) => expected.eq_ignore_ascii_case(&b.to_string()),
        Value::DateTime(_) => expected == date_text(value),
        number => match (number.to_double(), expected.replace(',', "").parse::<f64>()) {
            (Some(a), Ok(b)) => {
                a == b || digits(a) == digits(b) || (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
            }
            _ => false,
        },
    }
}

/// Twelve significant digits.
fn digits(x: f64) -> String {
    format!("{x:.11e}")
}

fn date_text(value: &Value) -> String {
    let Value::DateTime(micros) = value else {
        return String::new();
    };
    let days = micros.div_euclid(86_400_000_000);
    let seconds = micros.rem_euclid(86_400_000_000) / 1_000_000;
    // Civil date from days, by the usual era arithmetic.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!(
        "{month:02}/{day:02}/{year} {:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Answers that cannot be the vendor's: the list of its own functions, and a rate that its iteration leaves at the tenth digit,
/// where the payments are not yet worth nothing.
fn differs_by_nature(function: &str, value: &Value, expected: Option<&str>) -> bool {
    let near = || {
        let expected: f64 = expected?.parse().ok()?;
        Some((value.to_double()? - expected).abs() <= 1e-9 * expected.abs())
    };
    match function {
        "INFO.FUNCTIONS" => true,
        "XIRR" => near().unwrap_or(false),
        _ => false,
    }
}

/// Refusals that say so: not built, or told to operators alone, or of constructs that are not kept.
fn is_refusal(message: &str) -> bool {
    [
        "not built yet",
        "not a documented function",
        "storage is for operators",
        "does not keep of a model",
    ]
    .iter()
    .any(|reason| message.contains(reason))
}

#[test]
fn built_functions_answer_as_the_vendors_engine() {
    let Some(folder) = material() else {
        println!("skipped: the captured answers are not beside this checkout");
        return;
    };
    let model = folder.join("goldens-model");
    let session = Database::import(&model, &model)
        .unwrap()
        .session(Identity::anonymous())
        .unwrap();
    let text = std::fs::read_to_string(folder.join("goldens.jsonl")).unwrap();
    let mut not_built: BTreeMap<String, usize> = BTreeMap::new();
    let (mut equal, mut wrong, mut differing) = (0, Vec::new(), Vec::new());
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let golden: serde_json::Value = serde_json::from_str(line).unwrap();
        let expr = golden["expr"].as_str().unwrap();
        let refused = golden["error"].as_bool() == Some(true);
        match session.query(&format!("EVALUATE ROW ( \"x\", {expr} )")) {
            Ok(answer) => {
                let value = peristyle::value_at(&answer.tables[0], 0, 0);
                let function = golden["function"].as_str().unwrap_or("");
                if !refused && differs_by_nature(function, &value, golden["value"].as_str()) {
                    differing.push(format!("{expr}: got {value:?}, there {}", golden["value"]));
                } else if !refused && matches(&value, golden["value"].as_str()) {
                    equal += 1;
                } else {
                    wrong.push(format!(
                        "{expr}: got {value:?}, expected {:?}{}",
                        golden["value"],
                        if refused { " an error" } else { "" }
                    ));
                }
            }
            Err(_) if refused => equal += 1,
            Err(error) => {
                let message = error.to_string();
                if is_refusal(&message) {
                    *not_built
                        .entry(golden["function"].as_str().unwrap_or("").to_string())
                        .or_default() += 1;
                } else {
                    wrong.push(format!("{expr}: {message}"));
                }
            }
        }
    }
    println!("{equal} equal; refused here: {not_built:?}; different by nature: {differing:?}");
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

//! Reading role tests: sound ones, and every mistake with its line. Running them is tested over the fixtures.

use super::*;

const SOUND: &str = r##"# a comment
test: Germany sees two rows
user: ana@contoso.example
role: Germany
role: Bikes
custom data: " with spaces "
object id: 7
culture: de-DE
query:
  EVALUATE
    {1}

    -- after a blank line
rows in order:
  [Value] | Stores[Name]
  1       | "a | b ""c"""
  -2.5    | BLANK

  1e3     | TRUE
  2024-02-29 | 2024-02-29T12:30:00

test: refused
query: EVALUATE X
refused: unknown_name
message: X
"##;

#[test]
fn a_sound_file_is_read() {
    let tests = RoleTest::parse(SOUND).unwrap();
    assert_eq!(tests.len(), 2);
    let first = &tests[0];
    assert_eq!((first.name(), first.line()), ("Germany sees two rows", 2));
    assert_eq!(first.identity().role_names(), ["Germany", "Bikes"]);
    assert_eq!(first.identity().user_custom_data(), Some(" with spaces "));
    assert_eq!(first.identity().user_culture(), Some("de-DE"));
    assert!(first.query().contains("EVALUATE\n    {1}\n\n    -- after"));
    let Expected::Rows {
        columns,
        rows,
        in_order,
    } = &first.expected
    else {
        panic!("{first:?}");
    };
    assert!(in_order);
    assert_eq!(columns.as_ref().unwrap().len(), 2);
    assert_eq!(rows[0], [Value::Integer(1), Value::text("a | b \"c\"")]);
    assert_eq!(rows[1], [Value::Double(-2.5), Value::Blank]);
    assert_eq!(rows[2], [Value::Double(1000.0), Value::Boolean(true)]);
    let day = 19_782 * 86_400_000_000;
    assert_eq!(
        rows[3],
        [Value::DateTime(day), Value::DateTime(day + 45_000_000_000)]
    );
    assert!(matches!(
        &tests[1].expected,
        Expected::Refused { code, message: Some(message) } if code == "unknown_name" && message == "X"
    ));
    assert_eq!(tests[1].identity(), &Identity::anonymous());
}

#[test]
fn mistakes_are_told_with_their_lines() {
    let check = |text: &str, line: usize, words: &str| {
        let errors = RoleTest::parse(text).expect_err(text);
        assert!(
            errors
                .iter()
                .any(|error| error.line == line && error.message.contains(words)),
            "{text}\n{errors:?}"
        );
    };
    check("", 1, "no test");
    check("# nothing\n", 1, "no test");
    check("  indented\n", 1, "belongs to nothing");
    check("query: X\n", 1, "begins with a test");
    check("test:\nquery: X\nrows: none\n", 1, "needs a name");
    check("test: a\nnonsense\n", 2, "neither");
    check("test: a\ncolour: red\n", 2, "no key 'colour'");
    check("test: a\nTest: b\n", 2, "no key 'Test'");
    check("test: a\nquery: X\n", 1, "no rows");
    check("test: a\nrows: none\n", 1, "no query");
    check("test: a\nquery:\nrows: none\n", 2, "query is empty");
    check("test: a\nquery: X\n  Y\nrows: none\n", 2, "indented below");
    check("test: a\nquery: X\nquery: Y\n", 3, "one query");
    check("test: a\nquery: X\nrows:\n", 3, "rows: none");
    check("test: a\nquery: X\nrows: some\n", 3, "indented below");
    check(
        "test: a\nquery: X\nrows: none\nrefused: x\n",
        4,
        "one thing",
    );
    check(
        "test: a\nquery: X\nrows:\n  [a]\n  x\n",
        3,
        "line 5: x is no value",
    );
    check(
        "test: a\nquery: X\nrows:\n  [a]\n  1 | 2\n",
        3,
        "line 5 has 2 cells",
    );
    check("test: a\nquery: X\nrows:\n  [a]\n  \"x\n", 3, "line 5");
    check("test: a\nuser: x\nuser: y\n", 3, "one 'user'");
    check("test: a\nuser:\n", 2, "no value");
    check("test: a\nuser: \"x\n", 2, "quotes");
    check("test: a\nuser: x\n  y\n", 2, "one line");
    check("test: a\nquery: X\nrefused:\n", 3, "no value");
    check(
        "test: a\nquery: X\nrows: none\nmessage: m\n",
        1,
        "goes with refused",
    );
    let twice = "test: a\nquery: X\nrows: none\ntest: a\nquery: X\nrows: none\n";
    check(twice, 4, "line 1 has a test");
    // Every mistake is told, not only the first.
    let errors = RoleTest::parse("test: a\nx: 1\ny: 2\nquery: X\nrows: none\n").unwrap_err();
    assert_eq!(
        errors.iter().map(|error| error.line).collect::<Vec<_>>(),
        [2, 3]
    );
}

/// `PERISTYLE_ROLE_TEST_MUTATIONS` says how many damaged files to read, `PERISTYLE_ROLE_TEST_SEED` where to begin.
#[test]
fn damaged_files_do_no_harm() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let mutants = number("PERISTYLE_ROLE_TEST_MUTATIONS", 2_000);
    let mut state = number("PERISTYLE_ROLE_TEST_SEED", 7);
    let mut next = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below.max(1)
    };
    let pieces = [
        "\"",
        "|",
        ":",
        "\n",
        " ",
        "rows:",
        "test: a\n",
        "#",
        "é",
        "\u{feff}",
        "\0",
        "BLANK",
    ];
    let (mut read, mut refused) = (0, 0);
    for _ in 0..mutants {
        let mut text: Vec<char> = SOUND.chars().collect();
        for _ in 0..=next(4) {
            let at = next(text.len());
            match next(3) {
                0 if !text.is_empty() => drop(text.remove(at)),
                0 => {}
                1 => text.truncate(at.max(1)),
                _ => drop(text.splice(at..at, pieces[next(pieces.len())].chars())),
            }
        }
        let text: String = text.into_iter().collect();
        match RoleTest::parse(&text) {
            Ok(tests) => {
                assert!(!tests.is_empty());
                read += 1;
            }
            Err(errors) => {
                let lines = text.lines().count().max(1);
                assert!(errors.iter().all(|error| (1..=lines).contains(&error.line)));
                refused += 1;
            }
        }
    }
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}

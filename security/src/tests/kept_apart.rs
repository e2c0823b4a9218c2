//! What is kept for one table, column or caller is not taken for another's; and answers of filters that are none admit nobody.

use roaring::RoaringBitmap;
use storage::{RowSet, TableId};

use super::evaluator::{ANSWERS, Answers, EVALUATIONS, Given, Value, value_at};
use super::world::{by_codes, column, shop, words};
use crate::*;

#[test]
fn rows_of_two_tables_are_kept_apart() {
    let gate = shop()
        .filter("R", "Product", "[Color] = \"Red\"")
        .filter("R", "Country", "[Name] = \"DE\"")
        .gate();
    let view = gate.admit(Identity::user("ana").role("R")).unwrap();
    let rows = |table: u32| {
        let visible = &view.scope().visible;
        let rows = visible.rows(&gate.data, TableId(table), &Control::new(None));
        match &*rows.unwrap() {
            RowSet::Some(rows) => rows.iter().collect::<Vec<u32>>(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((rows(1), rows(3)), (vec![0, 2], vec![0]));
}

#[test]
fn values_of_two_columns_are_kept_apart() {
    let gate = shop().filter("R", "Sales", "[Country] = 2").gate();
    let view = || gate.admit(Identity::user("ana").role("R")).unwrap();
    let end = |view: &View, name: &str| {
        let scope = view.scope();
        scope.code_end(column(scope, "Sales", name), &Control::new(None))
    };
    let one = view();
    for name in ["Id", "Product", "Country", "ShipCountry"] {
        assert_eq!(end(&one, name), end(&view(), name), "{name}");
    }
}

#[test]
fn rows_of_items_are_in_the_digest_of_what_is_visible() {
    let gate = shop().gate();
    let digest = |table: u32, row: u32| {
        let found = gate
            .ground
            .sets
            .of_bitmap(&RoaringBitmap::from_iter([row]), 9);
        let narrowed = gate
            .everything
            .narrowed(&gate.ground, table, &found.rows(|| None));
        narrowed.digest
    };
    assert_eq!(digest(1, 1), digest(1, 1));
    assert_ne!(digest(1, 1), digest(1, 2));
    assert_ne!(digest(1, 1), digest(2, 1));
}

/// TRUE where the column has its least value.
fn least(view: &BuildView<'_>, table: &str, name: &str) -> Result<FilterAnswer, EvaluateError> {
    let column = column(view.scope(), table, name);
    let codes = view.every_code(column, &Control::new(None))?;
    let values = view.scope().decode(&codes, &Control::new(None))?;
    let wanted = if table == "Sales" { 1 } else { 10 };
    let holds = (0..codes.len()).map(|at| value_at(&values, at) == Value::Number(wanted));
    let holds = holds.collect::<Vec<bool>>().into();
    let answer = ColumnAnswer {
        column,
        codes,
        holds,
    };
    Ok(FilterAnswer::AnyOf(vec![vec![answer]]))
}

/// One role, one number of a value, and for each caller another column that has it.
#[test]
fn values_of_two_columns_admit_two_callers_to_their_own_rows() {
    let gate = by_codes(shop().filter("R", "Sales", "USERNAME() = \"ana\"").gate());
    let admit = |user: &str, given: Given| {
        ANSWERS.set(Answers::Given(given));
        let view = gate.admit(Identity::user(user).role("R")).unwrap();
        ANSWERS.set(Answers::Right);
        view
    };
    let ana = admit("ana", |view, _, _| least(view, "Sales", "Country"));
    let bob = admit("bob", |view, _, _| least(view, "Sales", "ShipCountry"));
    assert_eq!(words(ana.scope(), "Sales", "Id"), "0 2 4");
    assert_eq!(words(bob.scope(), "Sales", "Id"), "2 3 4");
}

#[test]
fn row_rule_6_an_answer_that_is_none_admits_nobody() {
    let answers: [(&str, Given); 4] = [
        ("too short", |_, _, _| {
            Ok(FilterAnswer::Rows(vec![true].into()))
        }),
        ("no column", |_, _, _| {
            Ok(FilterAnswer::AnyOf(vec![Vec::new()]))
        }),
        ("another table", |view, _, _| least(view, "Product", "Key")),
        ("too few values", |view, _, _| {
            let mut answer = least(view, "Sales", "Country")?;
            if let FilterAnswer::AnyOf(terms) = &mut answer {
                terms[0][0].holds = vec![true].into();
            }
            Ok(answer)
        }),
    ];
    for (what, given) in answers {
        let gate = || shop().filter("R", "Sales", "[Id] = 1").gate();
        for gate in [gate(), by_codes(gate())] {
            ANSWERS.set(Answers::Given(given));
            let denied = gate.admit(Identity::user("ana").role("R"));
            ANSWERS.set(Answers::Right);
            assert!(
                matches!(denied.err(), Some(Denied::FilterFailed { .. })),
                "{what}"
            );
        }
    }
}

/// What a filter says by its names, and what its evaluation was told: either keeps its answer from being kept, and who asks without a
/// name out.
#[test]
fn row_rule_12_what_a_filter_was_told_counts_like_what_it_names() {
    let told: [(&str, Given, usize, bool); 4] = [
        (
            "[Id] = 1",
            |view, _, _| least(view, "Sales", "Country"),
            1,
            true,
        ),
        (
            "NOW() = 1",
            |view, _, _| least(view, "Sales", "Country"),
            2,
            true,
        ),
        (
            "[Id] = 1",
            |view, _, _| {
                view.note(Reads::MOMENT);
                least(view, "Sales", "Country")
            },
            2,
            true,
        ),
        (
            "[Id] = 1",
            |view, _, _| {
                view.note(Reads::USER_NAME);
                least(view, "Sales", "Country")
            },
            2,
            false,
        ),
    ];
    for (filter, given, evaluated, anybody) in told {
        let gate = shop().filter("R", "Sales", filter).gate();
        let before = EVALUATIONS.get();
        ANSWERS.set(Answers::Given(given));
        for user in ["ana", "bob"] {
            gate.admit(Identity::user(user).role("R")).unwrap();
        }
        let times = EVALUATIONS.get() - before;
        let nobody = gate.admit(Identity::anonymous().role("R"));
        ANSWERS.set(Answers::Right);
        assert_eq!((times, nobody.is_ok()), (evaluated, anybody), "{filter}");
    }
}

#[test]
fn a_key_covers_what_its_query_says_that_it_reads() {
    let gate = shop().gate();
    let view = gate.admit(Identity::user("ana")).unwrap();
    for (query, name) in [("EVALUATE { 1 }", false), ("EVALUATE { USERNAME() }", true)] {
        let query = dax::parse_query(query).tree;
        let key = gate.answer_key(&view, &query, &[]).unwrap();
        assert!(key.covers(Reads::NOTHING) && key.covers(Reads::CULTURE));
        assert_eq!(key.covers(Reads::USER_NAME), name);
        assert!(!key.covers(Reads::OBJECT_ID) && !key.covers(Reads::MOMENT));
    }
}

//! Large row sets are given up and found again: that changes nothing that anybody sees.

use super::evaluator::{ANSWERS, Answers, EVALUATIONS};
use super::world::{by_codes, column, forgetful, plain_shop, rows_of, shop, words};
use crate::*;

fn ana(roles: &[&str]) -> Identity {
    Identity::user("ana").roles(roles.iter().copied())
}

#[test]
fn rows_are_found_again_at_every_scan() {
    let gate = plain_shop()
        .filter("Own", "Sales", "[Product] = 12 || [Country] = 1")
        .filter("Own", "Country", "[Name] = \"DE\"")
        .filter("Bikes", "Category", "[Name] = \"Bikes\"")
        .gate();
    let again = forgetful(&gate);
    for roles in [&["Own"][..], &["Bikes"], &["Own", "Bikes"]] {
        let (kept, given_up) = (
            gate.admit(ana(roles)).unwrap(),
            again.admit(ana(roles)).unwrap(),
        );
        assert_eq!(kept.fingerprint(), given_up.fingerprint());
        let counted = |view: &View| {
            let before = EVALUATIONS.get();
            let rows = words(view.scope(), "Sales", "Id");
            (rows, EVALUATIONS.get() - before)
        };
        for _ in 0..2 {
            let (rows, none) = counted(&kept);
            let (same, some) = counted(&given_up);
            assert_eq!((rows, none), (same, 0));
            assert!(some > 0);
        }
    }
}

#[test]
fn sets_that_other_sets_were_made_of_are_found_again_too() {
    // Over the bridge both ways, and on to budgets by value.
    let world = || {
        shop()
            .edit(|model| {
                model.relationships[0].security_filter = model::SecurityFilter::BothDirections;
            })
            .filter("Some", "Sales", "[Country] = 1")
            .filter("Some", "Product", "[Color] = \"Red\"")
    };
    let gate = world().gate();
    let again = forgetful(&gate);
    let (kept, given_up) = (
        gate.admit(ana(&["Some"])).unwrap(),
        again.admit(ana(&["Some"])).unwrap(),
    );
    for (table, first) in [
        ("Sales", "Id"),
        ("Product", "Key"),
        ("Budget", "Id"),
        ("Category", "Key"),
    ] {
        let rows = words(kept.scope(), table, first);
        assert_eq!(words(given_up.scope(), table, first), rows, "{table}");
    }
}

#[test]
fn what_is_worked_out_again_is_none_of_the_querys_work() {
    // The evaluator of these tests scans only where it answers by column.
    let gate = shop()
        .filter("Own", "Sales", "[Country] = 1 || [Product] = 12")
        .gate();
    let again = by_codes(forgetful(&gate));
    ANSWERS.set(Answers::ByColumn);
    let counts = |gate: &Gate| {
        let view = gate.admit(ana(&["Own"])).unwrap();
        let control = Control::new(None);
        let rows = rows_of(view.scope(), "Sales");
        let found = view.scope().scan_rows(&rows, &control).unwrap();
        (found.len(), control.scans_run(), control.rows_scanned())
    };
    let (kept, given_up) = (counts(&gate), counts(&again));
    ANSWERS.set(Answers::Right);
    assert_eq!(kept, given_up);
}

#[test]
fn rows_that_are_not_what_they_were_are_not_shown() {
    let gate = forgetful(&shop().filter("Own", "Sales", "[Country] = 1").gate());
    let view = gate.admit(ana(&["Own"])).unwrap();
    let scope = view.scope();
    let read = || scope.scan_rows(&rows_of(scope, "Sales"), &Control::new(None));
    assert_eq!(read().unwrap().len(), 3);
    for answers in [Answers::Turned, Answers::Failing] {
        ANSWERS.set(answers);
        let error = read().unwrap_err();
        let id = column(scope, "Sales", "Id");
        let end = scope.code_end(id, &Control::new(None)).unwrap_err();
        ANSWERS.set(Answers::Right);
        for error in [error, end] {
            assert!(matches!(error, ReadError::Internal(_)), "{error}");
            assert!(!error.to_string().contains("Bikes"), "{error}");
        }
    }
    assert_eq!(read().unwrap().len(), 3);
}

#[test]
fn work_on_rows_that_were_given_up_can_be_stopped() {
    let gate = forgetful(&shop().filter("Own", "Sales", "[Country] = 1").gate());
    let view = gate.admit(ana(&["Own"])).unwrap();
    let control = Control::new(None);
    control.cancel();
    let error = view
        .scope()
        .scan_rows(&rows_of(view.scope(), "Sales"), &control);
    assert_eq!(error.err(), Some(ReadError::Stopped(Stopped::Cancelled)));
}

#[test]
fn sets_of_values_of_two_columns_are_two_things() {
    // The first value of both columns, and other rows: what one sees must not be kept for the other.
    let gate = by_codes(
        shop()
            .filter("To", "Sales", "[Country] = 1")
            .filter("Ship", "Sales", "[ShipCountry] = 1")
            .gate(),
    );
    ANSWERS.set(Answers::ByColumn);
    let views = ["To", "Ship"].map(|role| gate.admit(ana(&[role])).unwrap());
    ANSWERS.set(Answers::Right);
    let [to, ship] = &views;
    assert_ne!(to.fingerprint(), ship.fingerprint());
    assert_ne!(to.visible_digest(), ship.visible_digest());
    assert_eq!(words(to.scope(), "Sales", "Id"), "0 2 4");
    assert_eq!(words(ship.scope(), "Sales", "Id"), "2 3 4");
}

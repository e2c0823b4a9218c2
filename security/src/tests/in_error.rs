//! Objects in error: nobody reads them, nobody goes over a relationship whose key they are, and no role shows more for it.

use std::sync::Arc;

use super::world::{World, column, rows_of, seen, shop, words};
use crate::*;

fn view(gate: &Gate, roles: &str) -> Arc<View> {
    let identity = Identity::user("ana").roles(roles.split_whitespace());
    gate.admit(identity).unwrap()
}

fn is_denied(gate: &Gate, roles: &str) -> bool {
    let identity = Identity::user("ana").roles(roles.split_whitespace());
    matches!(gate.admit(identity), Err(Denied::FilterFailed { .. }))
}

/// The object and the reason of everything in error.
fn told(gate: &Gate) -> Vec<String> {
    let all = gate.in_error().into_iter();
    all.map(|found| format!("{}: {}", found.object, found.why))
        .collect()
}

fn message(error: Option<ReadError>) -> String {
    match error {
        Some(ReadError::InError(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_in_error_cannot_be_read_in_any_way() {
    let gate = shop()
        .calculated("Country", "Bad", "[Nope] & \"!\"")
        .calculated("Country", "After", "[Bad] & \"x\"")
        .calculated("Country", "Fine", "[Name] & \"f\"")
        .over_errors();
    let view = view(&gate, "");
    let scope = view.scope();
    assert_eq!(words(scope, "Country", "Fine"), "def frf");
    let control = Control::new(None);
    for name in ["Bad", "After"] {
        let bad = column(scope, "Country", name);
        let here = PathColumn {
            path: Arc::from([]),
            target: Target::Column(bad),
        };
        let rows = scope
            .scan_rows(&rows_of(scope, "Country"), &control)
            .unwrap();
        let scan = |keys, aggregates, filters| {
            let scan = Scan {
                keys,
                aggregates,
                filters,
                ..rows_of(scope, "Country")
            };
            scope.scan(&scan, &control).err()
        };
        let least = Aggregate {
            op: AggregateOp::Min,
            argument: Some(Expression::Column(here.clone())),
        };
        let filter = Filter::In {
            column: here.clone(),
            set: Arc::default(),
        };
        let texts: arrow::array::ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["x"]));
        for error in [
            scan(vec![here.clone()], vec![], vec![]),
            scan(vec![], vec![least], vec![]),
            scan(vec![], vec![], vec![filter]),
            scope.fetch(&rows, &here, &control).err(),
            scope.encode(bad, &texts, &control).err(),
            scope.bounds(bad, &texts, &control).err(),
            scope.code_end(bad, &control).err(),
            scope.in_error(Target::Column(bad)),
        ] {
            let message = message(error);
            assert!(
                message.contains(&format!("'Country'[{name}] is in error")),
                "{message}"
            );
            assert!(message.contains("[Nope]"), "{message}");
        }
    }
    assert!(told(&gate)[0].contains("column 'Country'[Bad]: no column [Nope]"));
    assert!(
        told(&gate)[1].contains("column 'Country'[After]: the column 'Country'[Bad] is in error")
    );
}

#[test]
fn a_table_in_error_has_no_rows_not_even_none() {
    let gate = shop()
        .calculated_table("T", &["Product[Nope]"], "VALUES(Product[Color])")
        .calculated("T", "More", "\"x\"")
        .relate("Budget.Color ~ T.Nope inactive")
        .filter("On", "T", "TRUE()")
        .role("All")
        .over_errors();
    let view = view(&gate, "All");
    let scope = view.scope();
    let control = Control::new(None);
    let error = scope.scan_rows(&rows_of(scope, "T"), &control).err();
    assert!(message(error).contains("the table 'T' is in error"));
    assert!(
        scope
            .in_error(Target::Column(column(scope, "T", "More")))
            .is_some()
    );
    assert!(is_denied(&gate, "On"));
    assert!(is_denied(&gate, "All On"));
    let told = told(&gate);
    assert_eq!(told.len(), 3, "{told:?}");
    for (told, object) in told.iter().zip(["table 'T'", "relationship ", "role 'On'"]) {
        assert!(told.starts_with(object), "{told}");
    }
}

/// Facts whose key to a dimension cannot be computed.
fn severed() -> World {
    World::empty()
        .table("Fact", "Id Part", &["1 a", "2 b"])
        .table("Dim", "Key Name", &["a one", "b two"])
        .table("Far", "Name", &["one", "two"])
        .relate("Fact.Joined > Dim.Key")
        .relate("Dim.Name > Far.Name")
        .calculated("Fact", "Joined", "[Part] & [Nope]")
        .role("All")
        .filter("One", "Dim", "[Name] = \"one\"")
        .filter("Far", "Far", "[Name] = \"one\"")
        .filter("Part", "Fact", "[Part] = \"a\"")
        .filter("Reads", "Fact", "[Joined] = \"a\"")
}

#[test]
fn a_role_whose_filter_would_travel_over_what_is_in_error_admits_nobody() {
    let world = severed();
    let roles = world.model.roles.clone();
    let gate = world.over_errors();
    let check = |gate: &Gate| {
        for role in ["One", "Far", "Reads"] {
            assert!(is_denied(gate, role), "{role}");
            assert!(is_denied(gate, &format!("All {role}")), "{role}");
        }
        assert_eq!(seen(gate, "All", "Fact"), "1 2");
        assert_eq!(seen(gate, "Part", "Fact"), "1");
        let view = view(gate, "All");
        let scope = view.scope();
        let control = Control::new(None);
        let relationship = scope.relationships()[0];
        assert!(relationship.in_error && relationship.active);
        let over = PathColumn {
            path: Arc::from([Step {
                relationship: relationship.handle,
                reverse: false,
            }]),
            target: Target::Column(column(scope, "Dim", "Name")),
        };
        let scan = Scan {
            keys: vec![over],
            ..rows_of(scope, "Fact")
        };
        let error = message(scope.scan(&scan, &control).err());
        assert!(error.contains("'Fact' and 'Dim'"), "{error}");
        let dim = scope.find_table("Dim").unwrap();
        let blank = scope.blank_row(dim, &[relationship.handle], &control);
        assert!(blank.unwrap().is_none());
    };
    check(&gate);
    check(&gate.renewed(&gate));
    check(&gate.with_roles(roles).unwrap());
}

#[test]
fn the_reason_is_told_where_nothing_is_hidden() {
    let gate = shop()
        .calculated("Country", "Bad", "[Nope] & \"!\"")
        .calculated("Country", "Named", "[Name] & [Nope]")
        .role("All")
        .hide("Less", "Country.Name")
        .filter("Rows", "Product", "[Color] = \"Red\"")
        .over_errors();
    for (role, is_told) in [("All", true), ("Rows", false)] {
        let view = view(&gate, role);
        let scope = view.scope();
        let bad = Target::Column(column(scope, "Country", "Bad"));
        let message = message(scope.in_error(bad));
        assert!(message.contains("'Country'[Bad] is in error"), "{message}");
        assert_eq!(message.contains("Nope"), is_told, "{role}: {message}");
    }
    // What their computation would have read is not known, so they are hidden where anything is.
    let view = view(&gate, "Less");
    let scope = view.scope();
    let country = scope.find_table("Country").unwrap();
    for name in ["Bad", "Named", "Name"] {
        assert!(scope.find_column(country, name).is_none(), "{name}");
    }
    assert_eq!(words(scope, "Country", "Key"), "1 2");
}

/// What is in error is hidden where anything is; where that cuts two tables from each other it is no fault of the role, which admits
/// nobody.
#[test]
fn a_role_from_which_a_chain_in_error_is_hidden_admits_nobody() {
    let world = |table: &str| {
        World::empty()
            .table("Fact", "Id Middle Note", &["1 a x", "2 b y"])
            .table("Start", "Key Name", &["a one", "b two"])
            .calculated_table("Middle", &["Start[Key]"], table)
            .relate("Fact.Middle > Middle.Key")
            .relate("Middle.Key > Start.Key")
            .hide("Less", "Fact.Note")
            .role("All")
            .over_errors()
    };
    assert!(gate_admits(&world("VALUES(Start[Key])"), "Less"));
    for broken in ["VALUES(Start[Nope])", "VALUES(Start[Key]"] {
        let gate = world(broken);
        assert!(is_denied(&gate, "Less"), "{broken}");
        assert!(gate_admits(&gate, "All"), "{broken}");
        let told = told(&gate);
        assert!(
            told.iter().any(|told| told.starts_with("role 'Less'")),
            "{told:?}"
        );
    }
}

fn gate_admits(gate: &Gate, role: &str) -> bool {
    gate.admit(Identity::user("ana").roles([role])).is_ok()
}

//! The row rules, by their numbers in the design.

use std::sync::{Arc, Mutex};

use super::evaluator::{ANSWERS, Answers, EVALUATIONS};
use super::world::{World, by_codes, column, forgetful, plain_shop, rows_of, seen, shop, words};
use crate::*;

fn check(world: World, roles: &str, expected: &[(&str, &str)]) {
    let gate = world.gate();
    // However the sets are kept, and whether they are of rows or of codes.
    let gates = [
        (gate.renewed(&gate), Answers::Right),
        (forgetful(&gate), Answers::Right),
        (by_codes(gate.renewed(&gate)), Answers::ByColumn),
        (by_codes(forgetful(&gate)), Answers::ByColumn),
    ];
    for (way, (gate, answers)) in gates.iter().enumerate() {
        ANSWERS.set(*answers);
        for (table, rows) in expected {
            assert_eq!(seen(gate, roles, table), *rows, "{table} as {roles} {way}");
        }
        ANSWERS.set(Answers::Right);
    }
}

fn denied(gate: &Gate, identity: Identity) -> Denied {
    gate.admit(identity).err().unwrap()
}

#[test]
fn row_rule_1_without_roles_readers_see_everything() {
    let gate = shop().gate();
    assert_eq!(seen(&gate, "", "Sales"), "0 1 2 3 4 5");
    let answer = denied(&gate, Identity::anonymous().role("Europe"));
    assert_eq!(answer, Denied::UnknownRole("Europe".to_owned()));
}

#[test]
fn row_rule_1_with_roles_none_is_refused_and_names_are_exact() {
    let gate = shop()
        .filter("Bikes", "Category", "[Name] = \"Bikes\"")
        .gate();
    assert_eq!(denied(&gate, Identity::user("ana")), Denied::NoRole);
    assert_eq!(
        denied(&gate, Identity::user("ana").role("bikes")),
        Denied::UnknownRole("bikes".to_owned())
    );
    let unknown = denied(&gate, Identity::user("ana").role("Bikes").role("Other"));
    assert_eq!(unknown, Denied::UnknownRole("Other".to_owned()));
}

#[test]
fn a_role_that_does_not_allow_reading_admits_nobody() {
    for permission in [
        model::ModelPermission::None,
        model::ModelPermission::Refresh,
    ] {
        let gate = shop()
            .role("R")
            .role("S")
            .edit(|model| model.roles[0].permission = permission)
            .gate();
        assert_eq!(
            denied(&gate, Identity::user("ana").role("R")),
            Denied::NotAllowed {
                role: "R".to_owned()
            }
        );
        // Another role does not lend it its permission.
        assert!(gate.admit(Identity::user("ana").roles(["R", "S"])).is_err());
        assert!(gate.admit(Identity::user("ana").role("S")).is_ok());
    }
}

#[test]
fn row_rule_2_roles_are_united_over_the_row() {
    let world = plain_shop()
        .filter("Bikes", "Category", "[Name] = \"Bikes\"")
        .filter("DE", "Country", "[Name] = \"DE\"");
    let expected = [
        // Bikes or DE: the helmet sold in France is neither.
        ("Sales", "0 1 2 4 5"),
        // Each role leaves the other's dimensions alone.
        ("Product", "10 11 12"),
        ("Country", "1 2"),
    ];
    check(world, "Bikes DE", &expected);
}

#[test]
fn row_rule_2_filters_of_one_role_are_joined() {
    let world = shop()
        .filter("Both", "Category", "[Name] = \"Bikes\"")
        .filter("Both", "Country", "[Name] = \"DE\"");
    check(
        world,
        "Both",
        &[
            ("Sales", "0"),
            ("Product", "10 11"),
            ("Category", "1"),
            ("Country", "1"),
        ],
    );
}

#[test]
fn row_rule_3_a_table_without_a_filter_is_seen_whole() {
    let world = plain_shop()
        .filter("Bikes", "Category", "[Name] = \"Bikes\"")
        .role("All");
    let gate = world.gate();
    assert_eq!(seen(&gate, "Bikes", "Country"), "1 2");
    assert_eq!(seen(&gate, "Bikes", "Access"), "ana bob cy cy");
    assert_eq!(seen(&gate, "Bikes All", "Sales"), "0 1 2 3 4 5");
}

#[test]
fn row_rule_4_a_filter_looks_up_what_the_user_cannot_see() {
    let lookup = "CONTAINS(Access, Access[User], USERNAME(), Access[Country], [Name])";
    let world = shop()
        .filter("Map", "Country", lookup)
        .filter("Map", "Access", "FALSE()");
    check(
        world,
        "Map",
        &[("Access", ""), ("Country", "1"), ("Sales", "0 2 4")],
    );
}

#[test]
fn row_rule_5_filters_travel_from_the_one_side_to_the_many_side() {
    check(
        shop().filter("Helmets", "Category", "[Name] = \"Helmets\""),
        "Helmets",
        // Colours by value: red has a helmet.
        &[("Product", "12"), ("Sales", "2 3"), ("Budget", "0")],
    );
    // Not upwards, whatever the direction of query filters.
    let cross = shop()
        .edit(|model| model.relationships[0].cross_filter = model::CrossFilter::BothDirections);
    check(
        cross.filter("One", "Sales", "[Id] = 2"),
        "One",
        &[("Sales", "2"), ("Product", "10 11 12")],
    );
}

#[test]
fn row_rule_5_filters_travel_upwards_where_security_says_so() {
    let world = shop().edit(|model| {
        model.relationships[0].security_filter = model::SecurityFilter::BothDirections;
        model.relationships[1].security_filter = model::SecurityFilter::BothDirections;
    });
    // Sale 2 sells product 12, a red helmet; red is budgeted.
    let expected = [
        ("Sales", "2"),
        ("Product", "12"),
        ("Category", "2"),
        ("Budget", "0"),
        ("Country", "1 2"),
    ];
    check(world.filter("One", "Sales", "[Id] = 2"), "One", &expected);
}

#[test]
fn row_rule_5_one_to_one_carries_towards_the_from_end() {
    let world = |ways: &str| {
        World::empty()
            .table("A", "Key Name", &["1 x", "2 y", "3 z"])
            .table("B", "Key Name", &["1 p", "2 q", "4 r"])
            .relate(&format!("A.Key = B.Key {ways}"))
    };
    check(
        world("").filter("R", "B", "[Name] = \"p\""),
        "R",
        &[("A", "1"), ("B", "1")],
    );
    check(
        world("").filter("R", "A", "[Name] = \"x\""),
        "R",
        &[("A", "1"), ("B", "1 2 4")],
    );
    check(
        world("both").filter("R", "A", "[Name] = \"x\""),
        "R",
        &[("A", "1"), ("B", "1")],
    );
}

#[test]
fn row_rule_5_not_over_inactive_relationships() {
    let world = shop().edit(|model| model.relationships[2].active = false);
    check(
        world.filter("DE", "Country", "[Name] = \"DE\""),
        "DE",
        &[("Country", "1"), ("Sales", "0 1 2 3 4 5")],
    );
}

#[test]
fn row_rule_6_a_failing_filter_denies_and_says_nothing() {
    struct Sink(Mutex<Vec<AdmissionRecord>>);
    impl AuditSink for Sink {
        fn admission(&self, record: &AdmissionRecord) -> Result<(), AuditError> {
            self.0.lock().unwrap().push(record.clone());
            Ok(())
        }
        fn query(&self, _: &QueryRecord) -> Result<(), AuditError> {
            Ok(())
        }
    }
    let sink = Arc::new(Sink(Mutex::default()));
    let world = plain_shop()
        .filter("Broken", "Country", "ERROR(\"x\")")
        .filter("Fine", "Category", "[Name] = \"Bikes\"");
    let gate = world.gate().audited(Audit::new(sink.clone(), [7; 32]));
    for roles in [vec!["Broken"], vec!["Fine", "Broken"]] {
        let answer = denied(&gate, Identity::user("ana").roles(roles));
        assert_eq!(
            answer,
            Denied::FilterFailed {
                role: "Broken".to_owned()
            }
        );
        assert!(!answer.to_string().contains("secret"));
    }
    assert!(gate.admit(Identity::user("ana").role("Fine")).is_ok());
    let records = sink.0.lock().unwrap();
    assert_eq!(records.len(), 3);
    assert!(
        records[0]
            .detail
            .as_deref()
            .is_some_and(|detail| detail.contains("secret"))
    );
    assert!(records[0].view.is_none() && records[2].view.is_some());
}

#[test]
fn row_rule_6_a_filter_that_does_not_parse_keeps_the_gate_from_closing() {
    let error = shop()
        .filter("R", "Country", "[Name] = = 1")
        .try_gate()
        .err()
        .unwrap();
    assert!(
        matches!(&error, CloseError::Syntax { place, .. } if place.contains("'R'")),
        "{error}"
    );
}

#[test]
fn row_rule_6_null_is_not_true() {
    // The evaluator gives BLANK for a number plus text; that is no TRUE.
    check(
        shop().filter("R", "Country", "[Key] + [Name]"),
        "R",
        &[("Country", ""), ("Sales", "")],
    );
}

#[test]
fn row_rule_7_travelling_filters_stand_alone() {
    // The category's filter reaches the budget by value.
    let gate = shop()
        .filter("Bikes", "Category", "[Name] = \"Bikes\"")
        .filter("DE", "Country", "[Name] = \"DE\"")
        .filter("Mine", "Access", "[User] = USERNAME()")
        .gate();
    let answer = denied(&gate, Identity::user("ana").roles(["Bikes", "DE"]));
    let roles = vec!["Bikes".to_owned(), "DE".to_owned()];
    assert_eq!(
        answer,
        Denied::Incompatible {
            roles,
            why: Incompatibility::TravellingFilter
        }
    );
    assert!(gate.admit(Identity::user("ana").role("Bikes")).is_ok());
    assert!(
        gate.admit(Identity::user("ana").roles(["DE", "Mine"]))
            .is_ok()
    );
}

#[test]
fn row_rule_7_rows_in_one_role_and_objects_in_another_are_refused() {
    let gate = shop()
        .filter("Rows", "Country", "[Name] = \"DE\"")
        .hide("Objects", "Product.Color")
        .role("All")
        .gate();
    let answer = denied(&gate, Identity::user("ana").roles(["Rows", "Objects"]));
    assert!(matches!(
        answer,
        Denied::Incompatible {
            why: Incompatibility::RowsAndObjects,
            ..
        }
    ));
    assert!(
        gate.admit(Identity::user("ana").roles(["Rows", "All"]))
            .is_ok()
    );
    assert!(
        gate.admit(Identity::user("ana").roles(["Objects", "All"]))
            .is_ok()
    );
}

#[test]
fn row_rule_8_relationships_that_carry_a_filter_are_marked() {
    let gate = shop()
        .filter("DE", "Country", "[Name] = \"DE\"")
        .role("All")
        .gate();
    let secured = |roles: &[&str]| -> Vec<bool> {
        let view = gate
            .admit(Identity::user("ana").roles(roles.iter().copied()))
            .unwrap();
        view.scope()
            .relationships()
            .iter()
            .map(|relationship| relationship.secured)
            .collect()
    };
    assert_eq!(secured(&["DE"]), [false, false, true, true, false]);
    assert_eq!(secured(&["DE", "All"]), [false; 5]);
}

#[test]
fn row_rule_8_no_path_leads_to_hidden_rows() {
    let gate = shop().filter("DE", "Country", "[Name] = \"DE\"").gate();
    let view = gate.admit(Identity::user("ana").role("DE")).unwrap();
    let scope = view.scope();
    let inactive = scope
        .relationships()
        .iter()
        .find(|relationship| !relationship.active)
        .unwrap();
    let step = Step {
        relationship: inactive.handle,
        reverse: false,
    };
    let name = PathColumn {
        path: Arc::from([step]),
        target: Target::Column(column(scope, "Country", "Name")),
    };
    let control = Control::new(None);
    let scan = Scan {
        keys: vec![name.clone()],
        ..rows_of(scope, "Sales")
    };
    assert_eq!(scope.scan(&scan, &control).err(), Some(ReadError::Secured));
    let rows = scope.scan_rows(&rows_of(scope, "Sales"), &control).unwrap();
    assert_eq!(
        scope.fetch(&rows, &name, &Control::new(None)).err(),
        Some(ReadError::Secured)
    );
    // Where nothing is hidden, the same path is open.
    let open = shop().gate().admit(Identity::anonymous()).unwrap();
    let scope = open.scope();
    let inactive = scope
        .relationships()
        .iter()
        .find(|relationship| !relationship.active)
        .unwrap();
    let step = Step {
        relationship: inactive.handle,
        reverse: false,
    };
    let name = PathColumn {
        path: Arc::from([step]),
        target: Target::Column(column(scope, "Country", "Name")),
    };
    assert!(
        scope
            .scan(
                &Scan {
                    keys: vec![name],
                    ..rows_of(scope, "Sales")
                },
                &control
            )
            .is_ok()
    );
}

#[test]
fn row_rule_8_a_relationship_that_carries_no_security_leads_to_no_hidden_rows() {
    let world =
        shop().edit(|model| model.relationships[2].security_filter = model::SecurityFilter::None);
    let gate = world.filter("DE", "Country", "[Name] = \"DE\"").gate();
    assert_eq!(seen(&gate, "DE", "Sales"), "0 1 2 3 4 5");
    let view = gate.admit(Identity::user("ana").role("DE")).unwrap();
    let scope = view.scope();
    let step = Step {
        relationship: scope.relationships()[2].handle,
        reverse: false,
    };
    let name = PathColumn {
        path: Arc::from([step]),
        target: Target::Column(column(scope, "Country", "Name")),
    };
    let scan = Scan {
        keys: vec![name],
        ..rows_of(scope, "Sales")
    };
    assert_eq!(
        scope.scan(&scan, &Control::new(None)).err(),
        Some(ReadError::Secured)
    );
}

#[test]
fn row_rule_9_every_total_is_a_total_of_visible_rows() {
    let gate = shop().filter("DE", "Country", "[Name] = \"DE\"").gate();
    let view = gate.admit(Identity::user("ana").role("DE")).unwrap();
    let scope = view.scope();
    let here = PathColumn {
        path: Arc::from([]),
        target: Target::Column(column(scope, "Sales", "Id")),
    };
    let argument = Some(Expression::Column(here));
    let aggregates = vec![
        Aggregate {
            op: AggregateOp::Rows,
            argument: None,
        },
        Aggregate {
            op: AggregateOp::Sum,
            argument: argument.clone(),
        },
        Aggregate {
            op: AggregateOp::Max,
            argument,
        },
    ];
    let groups = scope
        .scan(
            &Scan {
                aggregates,
                ..rows_of(scope, "Sales")
            },
            &Control::new(None),
        )
        .unwrap();
    assert!(matches!(&groups.aggregates[0], Aggregated::Count(rows) if *rows == [3]));
    assert!(matches!(&groups.aggregates[1], Aggregated::Integer(sum) if *sum == [Some(6)]));
    let Aggregated::Codes(largest) = &groups.aggregates[2] else {
        panic!("not codes")
    };
    let decoded = scope.decode(largest, &Control::new(None)).unwrap();
    assert_eq!(
        super::evaluator::value_at(&decoded, 0),
        super::evaluator::Value::Number(4)
    );
}

#[test]
fn row_rule_11_an_orphan_goes_with_the_all_blank_row() {
    // Sale 4 has an unknown product, sale 5 no country.
    check(
        shop().filter("R", "Product", "[Color] = \"Red\""),
        "R",
        &[("Sales", "0 1 2 3")],
    );
    check(
        shop().filter("R", "Product", "[Color] <> \"Blue\""),
        "R",
        &[("Sales", "0 1 2 3 4")],
    );
    check(
        shop().filter("R", "Category", "[Name] <> \"Bikes\""),
        "R",
        &[("Sales", "2 3 4")],
    );
    check(
        shop().filter("R", "Country", "ISBLANK([Name])"),
        "R",
        &[("Sales", "5"), ("Country", "")],
    );
    // A fact whose dimension row is hidden is hidden, and not an orphan.
    let gate = shop().filter("R", "Country", "[Name] <> \"FR\"").gate();
    assert_eq!(seen(&gate, "R", "Sales"), "0 2 4 5");
}

#[test]
fn row_rule_11_strict_orphans_hides_them_always() {
    let strict = || shop().edit(|model| model.options.strict_orphans = true);
    check(
        strict().filter("R", "Product", "[Color] <> \"Blue\" || [Key] = 10"),
        "R",
        &[("Sales", "0 1 2 3"), ("Product", "10 12")],
    );
    check(
        strict().filter("R", "Product", "[Color] <> \"Blue\""),
        "R",
        &[("Sales", "0 1 2 3")],
    );
    check(
        strict().filter("R", "Country", "TRUE()"),
        "R",
        &[("Sales", "0 1 2 3 4")],
    );
    // Only on the dimension that is filtered.
    check(
        strict().filter("R", "Category", "[Name] = \"Bikes\""),
        "R",
        &[("Sales", "0 1 5")],
    );
}

#[test]
fn row_rule_11_over_many_to_many_orphans_go_with_the_blank_row_too() {
    // Green is no product's colour, and one budget has no colour.
    check(
        shop().filter("R", "Product", "[Color] <> \"Red\""),
        "R",
        &[("Budget", "1 2 3")],
    );
    check(
        shop().filter("R", "Product", "[Color] = \"Blue\""),
        "R",
        &[("Budget", "1")],
    );
}

#[test]
fn row_rule_11_the_blank_row_shows_only_where_a_visible_fact_points_to_it() {
    let blank = |gate: &Gate, roles: &[&str], table: &str| {
        let view = gate
            .admit(Identity::user("ana").roles(roles.iter().copied()))
            .unwrap();
        let scope = view.scope();
        let table = scope.find_table(table).unwrap();
        let over: Vec<Relationship> = scope
            .relationships()
            .iter()
            .filter(|r| r.active && r.to == table)
            .map(|r| r.handle)
            .collect();
        scope
            .blank_row(table, &over, &Control::new(None))
            .unwrap()
            .map(|codes| codes.as_slice().to_vec())
    };
    let open = shop().gate();
    assert_eq!(blank(&open, &[], "Product"), Some(vec![3]));
    assert_eq!(blank(&open, &[], "Country"), Some(vec![2]));
    assert_eq!(blank(&open, &[], "Category"), None);
    let gate = shop()
        .filter("DE", "Country", "[Name] = \"DE\"")
        .filter("FR", "Country", "[Name] = \"FR\"")
        .gate();
    assert_eq!(blank(&gate, &["DE"], "Product"), Some(vec![3]));
    assert_eq!(blank(&gate, &["FR"], "Product"), None);
    assert_eq!(blank(&gate, &["DE"], "Country"), None);
}

#[test]
fn row_rule_12_identity_functions_read_the_identity() {
    let gate = shop()
        .filter("User", "Access", "[User] = [Who]")
        .filter("Id", "Access", "[User] = USEROBJECTID()")
        .filter("Custom", "Access", "[User] = CUSTOMDATA()")
        .measure("Sales", "Who", "USERPRINCIPALNAME()")
        .gate();
    let see = |identity: Identity| words(gate.admit(identity).unwrap().scope(), "Access", "User");
    assert_eq!(see(Identity::user("cy").role("User")), "cy cy");
    assert_eq!(
        see(Identity::anonymous().object_id("bob").role("Id")),
        "bob"
    );
    assert_eq!(
        see(Identity::anonymous().custom_data("ana").role("Custom")),
        "ana"
    );
    // Absent custom data is BLANK.
    assert_eq!(see(Identity::anonymous().role("Custom")), "");
    // The need is found through the measure.
    let user = denied(&gate, Identity::anonymous().role("User"));
    assert_eq!(
        user,
        Denied::NeedsUserName {
            role: "User".to_owned()
        }
    );
    // A name that no row without an owner may match is none.
    for name in ["", " "] {
        let none = Identity::user(name).object_id(name);
        assert_eq!(denied(&gate, none.clone().role("User")), user);
        let refused = denied(&gate, none.role("Id"));
        assert!(matches!(refused, Denied::NeedsObjectId { .. }));
    }
    let id = denied(&gate, Identity::user("ana").role("Id"));
    assert_eq!(
        id,
        Denied::NeedsObjectId {
            role: "Id".to_owned()
        }
    );
}

#[test]
fn filters_are_evaluated_once_for_all_who_share_their_answer() {
    let gate = shop()
        .filter("DE", "Country", "[Name] = \"DE\"")
        .filter("Mine", "Access", "[User] = USERNAME()")
        .gate();
    let count = |identity: Identity| {
        let before = EVALUATIONS.with(|count| count.get());
        let view = gate.admit(identity).unwrap();
        (
            EVALUATIONS.with(|count| count.get()) - before,
            view.fingerprint(),
        )
    };
    let (first, ana) = count(Identity::user("ana").role("DE"));
    let (second, bob) = count(Identity::user("bob").role("DE"));
    assert_eq!((first, second), (1, 0));
    assert_eq!(ana, bob);
    let (third, ana) = count(Identity::user("ana").role("Mine"));
    let (fourth, bob) = count(Identity::user("bob").role("Mine"));
    let (fifth, again) = count(Identity::user("ana").role("Mine"));
    assert_eq!((third, fourth, fifth), (1, 1, 0));
    assert_ne!(ana, bob);
    assert_eq!(ana, again);
}

#[test]
fn fingerprints_tell_rows_and_objects_apart_and_not_the_order_of_roles() {
    let gate = shop()
        .filter("DE", "Country", "[Name] = \"DE\"")
        .filter("De", "Country", "[Key] = 1")
        .filter("FR", "Country", "[Name] = \"FR\"")
        .hide("NoColor", "Product.Color")
        .role("All")
        .gate();
    let print = |roles: &str| {
        gate.admit(Identity::user("ana").roles(roles.split(' ')))
            .unwrap()
            .fingerprint()
    };
    assert_eq!(print("DE"), print("De"));
    assert_eq!(print("DE De"), print("De"));
    assert_eq!(print("DE FR"), print("FR DE"));
    assert_ne!(print("DE"), print("FR"));
    assert_ne!(print("DE"), print("All"));
    assert_ne!(print("NoColor"), print("All"));
}

#[test]
fn models_whose_relationships_lead_in_a_circle_cannot_have_row_filters() {
    let circle = || {
        World::empty()
            .table("A", "Key B", &["1 1"])
            .table("B", "Key A", &["1 1"])
            .relate("A.B > B.Key")
            .relate("B.A > A.Key")
    };
    assert!(circle().try_gate().is_ok());
    assert!(matches!(
        circle().filter("R", "A", "TRUE()").try_gate().err(),
        Some(CloseError::Role { .. })
    ));
}

#[test]
fn text_is_spelled_as_a_visible_row_spells_it() {
    let world = World::empty().table("T", "Id Name", &["1 SECRET", "2 Secret", "3 other"]);
    let gate = world.filter("R", "T", "[Id] > 1").role("All").gate();
    let spelled = |role: &str| {
        words(
            gate.admit(Identity::user("ana").role(role))
                .unwrap()
                .scope(),
            "T",
            "Name",
        )
    };
    assert_eq!(spelled("R"), "Secret other");
    assert_eq!(spelled("All"), "SECRET SECRET other");
}

/// An inactive relationship would carry a filter back if it were active: so it must not be made so.
#[test]
fn row_rule_8_relationships_that_would_carry_a_filter_back_are_marked() {
    let marked = |both: bool| {
        let gate = plain_shop()
            .edit(|model| {
                if both {
                    model.relationships[3].security_filter = model::SecurityFilter::BothDirections;
                }
            })
            .filter("R", "Sales", "[Id] = 0")
            .gate();
        let view = gate.admit(Identity::user("ana").role("R")).unwrap();
        let relationships = view.scope().relationships().iter();
        relationships.map(|r| r.secured).collect::<Vec<_>>()
    };
    assert_eq!(marked(false), [false; 4]);
    assert_eq!(marked(true), [false, false, false, true]);
}

/// A filter on the end of a chain is gathered step by step, whatever the order in which the relationships stand in the model.
#[test]
fn row_rule_5_filters_that_are_gathered_go_on_to_a_fixpoint() {
    let world = |turned: bool| {
        shop()
            .edit(|model| {
                model.relationships.truncate(2);
                for relationship in &mut model.relationships {
                    relationship.security_filter = model::SecurityFilter::BothDirections;
                }
                if turned {
                    model.relationships.reverse();
                }
            })
            .filter("R", "Sales", "[Id] = 0 || [Id] = 1")
            .gate()
    };
    for turned in [false, true] {
        let view = world(turned);
        let view = view.admit(Identity::user("ana").role("R")).unwrap();
        assert_eq!(words(view.scope(), "Product", "Key"), "10");
        assert_eq!(words(view.scope(), "Category", "Name"), "Bikes", "{turned}");
    }
}

#[test]
fn row_rule_11_strict_orphans_hides_what_is_gathered_as_blank() {
    let shown = |strict: bool| {
        let gate = shop()
            .edit(|model| {
                model.options.strict_orphans = strict;
                model.relationships.truncate(4);
                // Countries are gathered from sales, and shipments look them up.
                model.relationships[2].security_filter = model::SecurityFilter::BothDirections;
            })
            .table("Visit", "Id Country", &["0 1", "1 7"])
            .relate("Visit.Country > Country.Key")
            .filter("R", "Sales", "[Id] > 3")
            .gate();
        let view = gate.admit(Identity::user("ana").role("R")).unwrap();
        words(view.scope(), "Visit", "Id")
    };
    // Sale 5 has no country, so the blank country is gathered, and the visit to nowhere goes with it.
    assert_eq!(shown(false), "0 1");
    assert_eq!(shown(true), "0");
}

/// What a caller asks about a value comes out alike whether a hidden row holds it or no row does.
#[test]
fn row_rule_9_values_that_hidden_rows_alone_hold_have_no_codes() {
    let gate = shop().filter("R", "Country", "[Name] = \"DE\"").gate();
    let view = gate.admit(Identity::user("ana").role("R")).unwrap();
    let scope = view.scope();
    let names = column(scope, "Country", "Name");
    let values: arrow::array::ArrayRef =
        Arc::new(arrow::array::StringArray::from(vec!["DE", "FR", "XX"]));
    let codes = scope.encode(names, &values, &Control::new(None)).unwrap();
    assert_ne!(codes[0], storage::ABSENT);
    assert_eq!(codes[1..], [storage::ABSENT; 2]);
    let bounds = scope.bounds(names, &values, &Control::new(None)).unwrap();
    assert_eq!(bounds[1], bounds[2]);
    assert_eq!(bounds[1].0, bounds[1].1);
    assert_eq!(
        scope.code_end(names, &Control::new(None)).unwrap(),
        codes[0] + 1
    );
}

/// Whatever an answer depends on is in its key, and who asks is not.
#[test]
fn keys_of_answers_differ_by_gate_rows_objects_and_what_filters_bear_on() {
    let gate = plain_shop()
        .role("All")
        .filter("True", "Country", "TRUE()")
        .filter("DE", "Country", "[Name] = \"DE\"")
        .hide("Plain", "Product.Color")
        .gate();
    let key = |gate: &Gate, user: &str, role: &str| {
        let view = gate.admit(Identity::user(user).role(role)).unwrap();
        let query = dax::parse_query("EVALUATE Sales").tree;
        gate.answer_key(&view, &query, b"").expect("a key")
    };
    let roles = ["All", "True", "DE", "Plain"];
    let keys: Vec<_> = roles.iter().map(|role| key(&gate, "ana", role)).collect();
    for (at, one) in keys.iter().enumerate() {
        assert_eq!(*one, key(&gate, "bob", roles[at]), "{}", roles[at]);
        for (other, role) in keys.iter().zip(roles).skip(at + 1) {
            assert_ne!(one, other, "{} and {role}", roles[at]);
        }
    }
    // The same rows and objects, of other data or under another policy.
    let same = gate.with_roles(gate.model.roles.clone()).unwrap();
    assert_ne!(key(&same, "ana", "All"), keys[0]);
    assert_ne!(key(&gate.renewed(&gate), "ana", "All"), keys[0]);
}

//! The object rules, by their numbers in the design.

use super::world::{World, column, plain_shop, rows_of, seen, shop, words};
use crate::references::fold;
use crate::*;

fn scope_of(gate: &Gate, roles: &[&str]) -> std::sync::Arc<View> {
    gate.admit(Identity::user("ana").roles(roles.iter().copied()))
        .unwrap()
}

/// The names of all objects that exist, sorted.
fn names(scope: &Scope) -> Vec<String> {
    let mut names = Vec::new();
    for table in &scope.model().tables {
        names.push(table.name.clone());
        names.extend(
            table
                .columns
                .iter()
                .map(|column| format!("{}[{}]", table.name, column.name)),
        );
        names.extend(
            table
                .measures
                .iter()
                .map(|measure| format!("[{}]", measure.name)),
        );
        names.extend(
            table
                .hierarchies
                .iter()
                .map(|hierarchy| format!("{}<{}>", table.name, hierarchy.name)),
        );
        names.extend(
            table
                .calculation_group
                .iter()
                .flat_map(|g| g.items.iter().map(|item| item.name.clone())),
        );
    }
    names.extend(
        scope
            .model()
            .functions
            .iter()
            .map(|function| function.name.clone()),
    );
    names.sort();
    names
}

/// What hiding an object takes away.
fn check(world: World, hide: &str, lost: &[&str]) {
    let gate = world.hide("R", hide).role("All").gate();
    let all = names(scope_of(&gate, &["All"]).scope());
    let left = names(scope_of(&gate, &["R"]).scope());
    let gone: Vec<&String> = all.iter().filter(|name| !left.contains(name)).collect();
    let mut lost = lost.to_vec();
    lost.sort_unstable();
    assert_eq!(gone, lost, "hidden: {hide}");
}

#[test]
fn object_rule_1_a_hidden_object_has_no_name() {
    let gate = shop().hide("R", "Product.Color").hide("R", "Access").gate();
    let view = scope_of(&gate, &["R"]);
    let scope = view.scope();
    assert!(scope.find_table("Access").is_none());
    let product = scope.find_table("product").unwrap();
    assert!(scope.find_column(product, "COLOR").is_none());
    assert_eq!(scope.columns(product).len(), 2);
    assert_eq!(scope.tables().count(), 5);
    assert!(scope.model().roles.is_empty());
    let text = format!("{:?}", scope.model()).to_lowercase();
    for name in ["access", "red", "'r'"] {
        assert!(!text.contains(name), "{name}");
    }
    assert!(
        !text.contains("product-budget")
            && !text.contains("from_column: \"color\", to_table: \"product\"")
    );
}

#[test]
fn object_rule_2_what_depends_is_hidden_transitively() {
    let world = || {
        shop()
            .measure("Sales", "Colors", "DISTINCTCOUNT(Product[Color])")
            .measure("Sales", "More", "[colors] + 1")
            .measure("Country", "Names", "COUNTROWS(Country)")
            .measure("Sales", "Shadow", "VAR Access = 1 RETURN Access")
            .calculated("Product", "Tint", "[Color] & \"!\"")
            .calculated("Sales", "Bright", "RELATED(Product[Tint])")
            .calculated_table("Palette", &["Product[Color]"], "VALUES(Product[Color])")
    };
    check(
        world(),
        "Product.Color",
        &[
            "Product[Color]",
            "Product[Tint]",
            "Sales[Bright]",
            "Palette",
            "Palette[Color]",
            "[Colors]",
            "[More]",
        ],
    );
    check(world(), "Country.Name", &["Country[Name]"]);
    check(
        world(),
        "Access",
        &["Access", "Access[User]", "Access[Country]"],
    );
    check(world(), "Palette", &["Palette", "Palette[Color]"]);
}

#[test]
fn object_rule_2_calculated_tables_that_read_a_table_whole_read_its_hidden_columns() {
    let copy = shop().calculated_table(
        "Copy",
        &["Product[Key]", "Product[Color]"],
        "FILTER(Product, [Key] > 10)",
    );
    check(
        copy,
        "Product.Category",
        &["Product[Category]", "Copy", "Copy[Key]", "Copy[Color]"],
    );
    let keys = shop().calculated_table(
        "Keys",
        &["Product[Key]"],
        "SELECTCOLUMNS(Product, \"Key\", Product[Key])",
    );
    check(keys, "Product.Category", &["Product[Category]"]);
}

#[test]
fn object_rule_2_functions_items_and_hierarchies() {
    let world = shop().edit(|model| {
        model.functions.push(model::UserFunction {
            name: "Tint".to_owned(),
            expression: "(x) => x & SELECTEDVALUE(Product[Color])".to_owned(),
            ..Default::default()
        });
        let level = |name: &str| model::Level {
            name: name.to_owned(),
            ordinal: 0,
            column: name.to_owned(),
        };
        let product = &mut model.tables[1];
        product.columns[0].sort_by = Some("Color".to_owned());
        product.hierarchies.push(model::Hierarchy {
            name: "Colors".to_owned(),
            levels: vec![level("Color"), level("Key")],
            ..Default::default()
        });
        product.hierarchies.push(model::Hierarchy {
            name: "Keys".to_owned(),
            levels: vec![level("Key")],
            ..Default::default()
        });
        product.default_detail_rows =
            Some("SELECTCOLUMNS(Product, \"c\", Product[Color])".to_owned());
    });
    let world = world
        .measure("Sales", "Tinted", "Tint(\"a\")")
        .measure("Sales", "Plain", "1");
    let gate = world.hide("R", "Product.Color").gate();
    let view = scope_of(&gate, &["R"]);
    let left = names(view.scope());
    for gone in ["Tint", "[Tinted]", "Product<Colors>", "Product[Color]"] {
        assert!(!left.contains(&gone.to_owned()), "{gone}");
    }
    assert!(left.contains(&"Product<Keys>".to_owned()) && left.contains(&"[Plain]".to_owned()));
    let product = view.scope().find_table("Product").unwrap();
    assert_eq!(view.scope().table(product).columns[0].sort_by, None);
    assert_eq!(view.scope().table(product).default_detail_rows, None);
}

#[test]
fn object_rule_2_hidden_items_are_hidden_rows() {
    let item = |name: &str, expression: &str| model::CalculationItem {
        name: name.to_owned(),
        expression: expression.to_owned(),
        ..Default::default()
    };
    let items = vec![
        item("Plain", "SELECTEDMEASURE()"),
        item("Colors", "DISTINCTCOUNT(Product[Color])"),
    ];
    let world = shop().edit(|model| {
        model.tables.push(model::Table {
            name: "Calc".to_owned(),
            columns: vec![model::Column {
                name: "Name".to_owned(),
                kind: model::ColumnKind::CalculatedTable {
                    source_column: "Name".to_owned(),
                },
                ..Default::default()
            }],
            calculation_group: Some(model::CalculationGroup {
                items,
                ..Default::default()
            }),
            ..Default::default()
        });
    });
    let gate = world.hide("R", "Product.Color").role("All").gate();
    assert_eq!(seen(&gate, "All", "Calc"), "Plain Colors");
    assert_eq!(seen(&gate, "R", "Calc"), "Plain");
    assert!(!names(scope_of(&gate, &["R"]).scope()).contains(&"Colors".to_owned()));
}

#[test]
fn a_filter_on_a_calculation_group_keeps_the_gate_from_closing() {
    let group = |model: &mut model::Model| {
        model.tables.push(model::Table {
            name: "Calc".to_owned(),
            columns: vec![model::Column {
                name: "Name".to_owned(),
                kind: model::ColumnKind::CalculatedTable {
                    source_column: "Name".to_owned(),
                },
                ..Default::default()
            }],
            calculation_group: Some(model::CalculationGroup {
                items: vec![model::CalculationItem {
                    name: "Plain".to_owned(),
                    expression: "SELECTEDMEASURE()".to_owned(),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            ..Default::default()
        });
    };
    assert!(shop().edit(group).role("R").try_gate().is_ok());
    let error = shop()
        .edit(group)
        .filter("R", "Calc", "[Name] = \"Plain\"")
        .try_gate()
        .err()
        .unwrap();
    assert!(
        matches!(&error, CloseError::Role { role, why } if role == "R" && why.contains("calculation group")),
        "{error}"
    );
}

#[test]
fn object_rule_2_as_compatible_leaves_calculated_columns() {
    let world = shop()
        .calculated("Product", "Tint", "[Color] & \"!\"")
        .measure("Sales", "C", "COUNT(Product[Color])");
    let world = world.edit(|model| model.options.as_compatible = true);
    check(world, "Product.Color", &["Product[Color]", "[C]"]);
}

#[test]
fn object_rule_2_what_does_not_parse_may_depend_on_anything() {
    let world = shop().measure("Sales", "Broken", "SUM(");
    check(world, "Product.Color", &["Product[Color]", "[Broken]"]);
}

#[test]
fn object_rule_3_relationships_through_hidden_columns_still_work() {
    let gate = shop()
        .hide("R", "Sales.Product")
        .hide("R", "Product.Key")
        .gate();
    let view = scope_of(&gate, &["R"]);
    let scope = view.scope();
    assert!(
        !scope
            .model()
            .relationships
            .iter()
            .any(|r| fold(&r.from_column) == "product")
    );
    let relationship = scope.relationships()[0];
    assert_eq!(
        (relationship.from_column, relationship.to_column),
        (None, None)
    );
    let step = Step {
        relationship: relationship.handle,
        reverse: false,
    };
    let color = PathColumn {
        path: [step].into(),
        target: Target::Column(column(scope, "Product", "Color")),
    };
    let groups = scope
        .scan(
            &Scan {
                keys: vec![color],
                ..rows_of(scope, "Sales")
            },
            &Control::new(None),
        )
        .unwrap();
    assert_eq!(groups.len, 3);
    // The key column groups, and shows nothing.
    let key = scope.key_column(relationship.handle, true).unwrap();
    let Target::Column(hidden) = key else {
        panic!("no column")
    };
    assert_eq!(scope.column(hidden).name, "");
    let here = PathColumn {
        path: [].into(),
        target: key,
    };
    let scan = Scan {
        keys: vec![here.clone()],
        ..rows_of(scope, "Sales")
    };
    let groups = scope.scan(&scan, &Control::new(None)).unwrap();
    assert_eq!(groups.len, 4);
    assert_eq!(
        scope.decode(&groups.keys[0], &Control::new(None)).err(),
        Some(ReadError::Foreign)
    );
    let largest = Aggregate {
        op: AggregateOp::Max,
        argument: Some(Expression::Column(here)),
    };
    let scan = Scan {
        aggregates: vec![largest],
        ..rows_of(scope, "Sales")
    };
    assert_eq!(
        scope.scan(&scan, &Control::new(None)).err(),
        Some(ReadError::Foreign)
    );
}

#[test]
fn object_rule_3_hiding_a_table_between_others_is_refused_when_the_gate_closes() {
    let error = shop().hide("R", "Product").try_gate().err().unwrap();
    assert!(
        matches!(&error, CloseError::Role { role, .. } if role == "R"),
        "{error}"
    );
    // At the end of a chain it cuts nothing.
    assert!(shop().hide("R", "Category").try_gate().is_ok());
    assert!(shop().hide("R", "Sales").try_gate().is_ok());
}

#[test]
fn object_rule_4_object_roles_are_additive() {
    let gate = shop()
        .hide("A", "Product.Color")
        .hide("A", "Access")
        .hide("B", "Country.Name")
        .hide("B", "Access")
        .gate();
    let left = names(scope_of(&gate, &["A", "B"]).scope());
    assert!(
        left.contains(&"Product[Color]".to_owned()) && left.contains(&"Country[Name]".to_owned())
    );
    assert!(!left.contains(&"Access".to_owned()));
}

#[test]
fn roles_that_name_what_is_not_there_keep_the_gate_from_closing() {
    for world in [
        shop().hide("R", "Nothing"),
        shop().hide("R", "Product.Nothing"),
        shop().filter("R", "Nothing", "TRUE()"),
    ] {
        assert!(matches!(
            world.try_gate().err(),
            Some(CloseError::Role { .. })
        ));
    }
}

#[test]
fn a_hidden_filter_column_still_filters() {
    let gate = shop()
        .filter("R", "Country", "[Name] = \"DE\"")
        .hide("R", "Country.Name")
        .gate();
    assert_eq!(seen(&gate, "R", "Sales"), "0 2 4");
    assert!(!names(scope_of(&gate, &["R"]).scope()).contains(&"Country[Name]".to_owned()));
}

#[test]
fn rows_are_compared_by_what_is_visible() {
    let world = World::empty().table("T", "Id A B", &["1 x y", "2 x y", "3 x z"]);
    let gate = world
        .hide("NoId", "T.Id")
        .hide("NoB", "T.Id")
        .hide("NoB", "T.B")
        .role("All")
        .filter("One", "T", "[Id] = 1");
    let gate = gate.gate();
    let unique = |roles: &[&str]| {
        let view = scope_of(&gate, roles);
        view.scope()
            .rows_unique(view.scope().find_table("T").unwrap(), &Control::new(None))
            .unwrap()
    };
    assert!(unique(&["All"]));
    assert!(!unique(&["NoId"]));
    assert!(!unique(&["NoB"]));
    let gate = World::empty()
        .table("T", "A B", &["x y", "x y", "x z"])
        .filter("Z", "T", "[B] = \"z\"")
        .filter("Y", "T", "[B] = \"y\"")
        .gate();
    for (role, expected) in [("Z", true), ("Y", false)] {
        let view = scope_of(&gate, &[role]);
        assert_eq!(
            view.scope()
                .rows_unique(view.scope().find_table("T").unwrap(), &Control::new(None)),
            Ok(expected),
            "{role}"
        );
    }
}

#[test]
fn pruning_equals_deleting_by_hand() {
    let measures = |world: World| world.measure("Sales", "Plain", "COUNTROWS(Sales)");
    let secured = measures(shop()).measure("Sales", "Colors", "DISTINCTCOUNT(Product[Color])");
    let gate = secured
        .hide("R", "Product.Color")
        .hide("R", "Access")
        .gate();
    let by_hand = measures(shop()).edit(|model| {
        model.tables.retain(|table| table.name != "Access");
        model.tables[1]
            .columns
            .retain(|column| column.name != "Color");
        model
            .relationships
            .retain(|relationship| relationship.to_column != "Color");
    });
    assert_eq!(*scope_of(&gate, &["R"]).scope().model(), by_hand.model);
    assert_eq!(
        words(scope_of(&gate, &["R"]).scope(), "Product", "Key"),
        "10 11 12"
    );
}

/// Each role alone cuts nothing: it hides one of the ends too. What both hide is the middle.
#[test]
fn object_rule_3_roles_that_cut_together_are_refused() {
    let gate = plain_shop()
        .hide("No Start", "Category")
        .hide("No Start", "Product")
        .hide("No End", "Product")
        .hide("No End", "Sales")
        .gate();
    assert_eq!(scope_of(&gate, &["No Start"]).scope().tables().count(), 4);
    assert_eq!(scope_of(&gate, &["No End"]).scope().tables().count(), 4);
    let both = Identity::user("ana").roles(["No Start", "No End"]);
    match gate.admit(both).err() {
        Some(Denied::Incompatible { roles, why }) => {
            assert_eq!(roles, ["No Start", "No End"]);
            assert_eq!(why, Incompatibility::CutRelationships);
        }
        other => panic!("{other:?}"),
    }
}

/// A model that speaks of a secret column in every place where a model can.
fn talkative() -> World {
    let selection = |text: &str| {
        Some(model::SelectionExpression {
            expression: text.to_owned(),
            format_expression: None,
        })
    };
    World::empty()
        .table("Sales", "Id Secret Amount", &["0 1 2", "1 2 3"])
        .table("Group", "Name", &["All", "Some"])
        .measure("Sales", "Total", "SUM(Sales[Amount])")
        .edit(|model| {
            let text = "of the Secret".to_owned();
            model.annotations.insert("Note".to_owned(), text.clone());
            model.expressions.push(model::NamedExpression {
                name: "Shared".to_owned(),
                text: text.clone(),
            });
            model.unused.push(model::Unused {
                place: "table 'Sales' / column 'Secret'".to_owned(),
                what: "alternateOf".to_owned(),
            });
            model.let_go.insert("the Secret");
            model.perspectives.push(model::Perspective {
                name: "View".to_owned(),
                tables: vec![("Sales".to_owned(), Some(vec!["Secret".to_owned()]))],
            });
            let sales = &mut model.tables[0];
            sales.default_detail_rows = Some("VALUES(Sales[Secret])".to_owned());
            sales.partitions.push(model::Partition {
                name: "p".to_owned(),
                mode: None,
                kind: model::PartitionKind::M {
                    expression: text,
                    file: None,
                },
            });
            sales.hierarchies.push(model::Hierarchy {
                name: "Deep".to_owned(),
                levels: vec![model::Level {
                    name: "Level".to_owned(),
                    ordinal: 0,
                    column: "Secret".to_owned(),
                }],
                ..Default::default()
            });
            sales.calendars.push(model::Calendar {
                name: "Days".to_owned(),
                groups: vec![model::CalendarGroup {
                    primary: Some("Secret".to_owned()),
                    ..Default::default()
                }],
            });
            sales.calendars.push(model::Calendar {
                name: "Weeks".to_owned(),
                groups: vec![model::CalendarGroup {
                    primary: Some("Amount".to_owned()),
                    associated: vec!["Secret".to_owned()],
                    ..Default::default()
                }],
            });
            let amount = &mut sales.columns[2];
            amount.sort_by = Some("Secret".to_owned());
            amount.group_by = vec!["Secret".to_owned()];
            amount.variations.push(model::Variation {
                name: "Variant".to_owned(),
                default_column: Some(("Sales".to_owned(), "Secret".to_owned())),
                ..Default::default()
            });
            let total = &mut sales.measures[0];
            total.detail_rows = Some("VALUES(Sales[Secret])".to_owned());
            total.kpi = Some(model::Kpi {
                target: Some("SUM(Sales[Secret])".to_owned()),
                status: Some("SUM(Sales[Secret]) + 1".to_owned()),
                trend: Some("SUM(Sales[Secret]) + 2".to_owned()),
            });
            model.tables[1].calculation_group = Some(model::CalculationGroup {
                precedence: 1,
                items: Vec::new(),
                no_selection: selection("SUM(Sales[Secret]) + 3"),
                multiple_selection: selection("SUM(Sales[Secret]) + 4"),
            });
        })
}

#[test]
fn object_rule_2_nothing_in_the_model_of_a_view_speaks_of_what_is_hidden() {
    let gate = talkative().hide("R", "Sales.Secret").role("All").gate();
    let told = |role: &str| format!("{:?}", scope_of(&gate, &[role]).scope().model());
    let (all, left) = (told("All"), told("R"));
    assert!(all.matches("Secret").count() >= 15, "{all}");
    assert!(!left.contains("Secret"), "{left}");
    // What did not depend on it stays.
    assert!(left.contains("Amount") && left.contains("Total") && left.contains("View"));
    for gone in ["Deep", "Days", "Variant"] {
        assert!(all.contains(gone) && !left.contains(gone), "{gone}");
    }
}

#[test]
fn object_rule_2_an_expression_over_a_calendar_goes_with_all_that_is_left_of_it() {
    let calendar = |name: &str, columns: &[&str]| model::Calendar {
        name: name.to_owned(),
        groups: columns
            .iter()
            .map(|column| model::CalendarGroup {
                primary: Some((*column).to_owned()),
                ..Default::default()
            })
            .collect(),
    };
    let gate = World::empty()
        .table("Days", "Day Week", &["1 1", "2 1"])
        .table("Other", "Day", &["1"])
        .table("Sales", "Amount", &["1", "2"])
        .measure("Sales", "Weekly", "COUNTROWS(DATESYTD(Weeks))")
        .measure("Sales", "Both", "COUNTROWS(DATESYTD(Whole))")
        .measure("Sales", "Elsewhere", "COUNTROWS(DATESYTD(Others))")
        .edit(|model| {
            model.tables[0].calendars.push(calendar("Weeks", &["Week"]));
            let whole = calendar("Whole", &["Day", "Week"]);
            model.tables[0].calendars.push(whole);
            model.tables[1].calendars.push(calendar("Others", &["Day"]));
        })
        .hide("No Week", "Days.Week")
        .hide("No Other", "Other")
        .role("All")
        .gate();
    for (role, left) in [
        ("All", ["Weekly", "Both", "Elsewhere"].as_slice()),
        ("No Week", &["Both", "Elsewhere"]),
        ("No Other", &["Weekly", "Both"]),
    ] {
        let view = scope_of(&gate, &[role]);
        let seen = |name: &&str| view.scope().find_measure(name).is_some();
        let found: Vec<&str> = ["Weekly", "Both", "Elsewhere"]
            .into_iter()
            .filter(seen)
            .collect();
        assert_eq!(found, left, "{role}");
    }
}

//! Calculated objects: computed over all data, in the order in which they need each other.

use super::world::{World, seen, shop, words};
use crate::*;

fn open(world: World, table: &str, column: &str) -> String {
    words(
        world.gate().admit(Identity::user("ana")).unwrap().scope(),
        table,
        column,
    )
}

#[test]
fn columns_are_computed_in_the_order_of_their_needs() {
    let world = shop()
        .calculated("Country", "C", "[B] & \"c\"")
        .calculated("Country", "B", "[A] & \"b\"")
        .calculated("Country", "A", "[Name] & \"a\"");
    assert_eq!(open(world, "Country", "C"), "deabc frabc");
}

#[test]
fn columns_follow_relationships_over_calculated_keys() {
    let world = World::empty()
        .table("Fact", "Id Part Other", &["1 a b", "2 c d"])
        .table("Dim", "Key Name", &["ab one", "cd two"])
        .relate("Fact.Joined > Dim.Key")
        .calculated("Fact", "Looked", "RELATED(Dim[Name])")
        .calculated("Fact", "Joined", "[Part] & [Other]");
    assert_eq!(open(world, "Fact", "Looked"), "one two");
}

#[test]
fn tables_are_computed_and_related() {
    let world = shop()
        .calculated_table("Colors", &["Product[Color]"], "VALUES(Product[Color])")
        .calculated("Colors", "Loud", "[Color] & \"!\"")
        .relate("Budget.Color ~ Colors.Color inactive");
    assert_eq!(open(world, "Colors", "Loud"), "red! blue! red!");
}

#[test]
fn row_rule_10_calculated_objects_are_computed_over_all_data() {
    let world = shop()
        .calculated("Country", "Tag", "[Name] & \"!\"")
        .filter("DE", "Country", "[Tag] = \"DE!\"");
    let gate = world.gate();
    assert_eq!(seen(&gate, "DE", "Sales"), "0 2 4");
}

#[test]
fn declared_types_of_numbers_are_kept() {
    let world = shop()
        .calculated("Country", "Next", "[Key] + 1")
        .edit(|model| {
            if let Some(column) = model.tables[3].columns.last_mut() {
                column.data_type = model::DataType::Fixed;
            }
        });
    let gate = world.gate();
    let view = gate.admit(Identity::user("ana")).unwrap();
    let next = super::world::column(view.scope(), "Country", "Next");
    assert_eq!(view.scope().column_type(next), model::DataType::Fixed);
}

#[test]
fn declared_types_convert_what_is_computed() {
    let declared = |expression: &str, data_type: model::DataType| {
        shop()
            .calculated("Country", "Next", expression)
            .edit(move |model| {
                if let Some(column) = model.tables[3].columns.last_mut() {
                    column.data_type = data_type;
                }
            })
    };
    let text = declared("[Key] + 1", model::DataType::Text);
    assert_eq!(open(text, "Country", "Next"), "2 3");
    let date = declared("[Key] + 1", model::DataType::DateTime).gate();
    let view = date.admit(Identity::user("ana")).unwrap();
    let next = super::world::column(view.scope(), "Country", "Next");
    assert_eq!(view.scope().column_type(next), model::DataType::DateTime);
    let error = declared("[Name]", model::DataType::Double).try_gate();
    let error = error.err().unwrap().to_string();
    assert!(error.contains("'Country'[Next]"), "{error}");
}

#[test]
fn what_cannot_be_computed_is_named() {
    let check = |world: World, expected: &str| {
        let error = world.try_gate().err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let circle = shop()
        .calculated("Country", "A", "[B]")
        .calculated("Country", "B", "[A]");
    check(
        circle,
        "'Country'[A] -> column 'Country'[B] -> column 'Country'[A]",
    );
    check(
        shop().calculated("Country", "A", "[Name] &"),
        "'Country'[A]",
    );
    check(
        shop().calculated("Country", "A", "ERROR(\"x\")"),
        "'Country'[A]",
    );
    check(
        shop().calculated_table("T", &["Product[Nope]"], "VALUES(Product[Color])"),
        "Product[Nope]",
    );
    check(
        shop().relate("Sales.Country > Product.Color"),
        "'Sales'[Country] -> 'Product'[Color]",
    );
    check(
        shop().edit(|model| model.tables[0].columns.push(model::Column::default())),
        "'Sales' has no data",
    );
}

#[test]
fn figures_count_and_show_no_cells() {
    let gate = shop().role("R").gate();
    let figures = gate.inspect();
    assert_eq!(figures.tables[0], ("Sales".to_owned(), 6));
    assert!(figures.bytes() > 0);
    assert_eq!(gate.role_names(), ["R"]);
    assert_eq!(format!("{gate:?}"), "Gate { .. }");
}
